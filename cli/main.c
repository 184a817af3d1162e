/* SPDX-License-Identifier: MIT */
/*
 * turf - the command.
 *
 *     main.c       this table of verbs
 *     cli.h        what the commands share
 *     util.c       options, errors, the store, numbers
 *     json.c       strings as JSON
 *     output.c     files that appear whole or not at all
 *     table.c      what was made once and is shown often
 *     names.c      names and paths of images, each read once
 *     demangle.c   names as they were written
 *     index.c      turf index       build urfs
 *     collect.c    the ELF files of a folder or a process
 *     symbolize.c  turf symbolize   addresses -> functions, files, lines
 *     answer.c     its answers, by several threads in one order
 *     dropin.c     what the commands in other people's name share
 *     addr2line.c  turf addr2line   binutils' command line and output
 *     llvm.c       turf llvm-symbolizer, llvm-addr2line; llvm.h shows its parts
 *     elf-file.c   section headers of ELF files
 *     symtab.c     a file's own symbol table, for llvm.c alone
 *     record.c     turf record      sample a program or the machine
 *     report.c     turf report      a profile as text, folded stacks, pprof
 *     stack.c      turf stack       stacks of a live process
 *     show.c       turf show        types; show-type.c prints one
 *     lookup.c     turf lookup      what a name, a line, an address is
 *     list.c       turf list        functions, types, files, units
 *     find.c       from names as they are written to what is called so, for these
 *     diff.c       turf diff        two interfaces; diff.h shows its parts
 *     dump.c       turf dump        an urf as text
 *     strip.c      turf strip       drop the cold part
 *     verify.c     turf verify      check all of an urf
 */
#include <string.h>

#include "dropin.h"

#ifndef TURF_VERSION
#define TURF_VERSION "unknown" /* compiled without the build system */
#endif

static int cmd_version(int argc, char **argv);
static int cmd_help(int argc, char **argv);

static const struct verb {
	const char *name; /* "turf NAME" */
	int (*run)(int argc, char **argv);
	const char *what;
} verbs[] = {
	{ "turf index", cmd_index, "build the urf of ELF files, into the store" },
	{ "turf symbolize", cmd_symbolize, "tell functions, files and lines of addresses" },
	{ "turf addr2line", cmd_addr2line, "the same as binutils' addr2line does" },
	{ "turf llvm-symbolizer", cmd_llvm_symbolizer, "the same as LLVM's does" },
	{ "turf llvm-addr2line", cmd_llvm_addr2line, "the same as LLVM's does" },
	{ "turf record", cmd_record, "sample what programs do" },
	{ "turf report", cmd_report, "show a recording" },
	{ "turf stack", cmd_stack, "show the stacks of a running process" },
	{ "turf show", cmd_show, "show types as they are laid out" },
	{ "turf lookup", cmd_lookup, "tell what a name, a line or an address is" },
	{ "turf list", cmd_list, "list functions, types, variables, files or units" },
	{ "turf diff", cmd_diff, "compare the interfaces of two builds" },
	{ "turf dump", cmd_dump, "show an urf as text" },
	{ "turf strip", cmd_strip, "drop what look-ups by address do not need" },
	{ "turf verify", cmd_verify, "check urfs for damage" },
	{ "turf version", cmd_version, "tell the version" },
	{ "turf help", cmd_help, "show this text, or the help of a command" },
};

static const char options_text[] =
	"\n"
	"Options:\n"
	"  --store DIR  where urfs are kept ($TURF_STORE, $XDG_CACHE_HOME/turf,\n"
	"               ~/.cache/turf)\n"
	"  --help       this text; `turf COMMAND --help` tells more\n"
	"  --version    the version\n"
	"\n"
	"Exit status: 0 found or done, 1 nothing found, 2 error.\n";

static const char *verb_name(const struct verb *v)
{
	return v->name + strlen("turf ");
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < CLI_COUNT(verbs); i++)
		if (strcmp(verb_name(&verbs[i]), name) == 0)
			return &verbs[i];
	return NULL;
}

static int run_verb(const struct verb *v, int argc, char **argv)
{
	cli_name = v->name;
	argv[0] = (char *)v->name; /* getopt's messages begin with it */
	optind = 0;                /* scan from the start again */
	return v->run(argc, argv);
}

static int show_help(void)
{
	fputs("Usage: turf [--store DIR] COMMAND [ARGUMENT...]\n"
	      "Debug info built once, mapped by all: symbols, stacks and profiles.\n"
	      "\n"
	      "Commands:\n",
	      stdout);
	for (size_t i = 0; i < CLI_COUNT(verbs); i++)
		printf("  %-15s %s\n", verb_name(&verbs[i]), verbs[i].what);
	fputs(options_text, stdout);
	return CLI_OK;
}

static int show_version(void)
{
	puts("turf " TURF_VERSION);
	return CLI_OK;
}

static int cmd_version(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS };
	cli_getopt(argc, argv, "", options, "Usage: turf version\nTells the version.\n");
	if (optind < argc)
		return cli_usage_error("%s: no argument is expected", argv[optind]);
	return show_version();
}

static int unknown_verb(const char *name)
{
	return cli_error(NULL, "unknown command '%s', try: turf help", name);
}

static int cmd_help(int argc, char **argv)
{
	static const struct option options[] = { CLI_OPTIONS };
	cli_getopt(argc, argv, "", options,
	           "Usage: turf help [COMMAND]\nShows the commands, or how to use one.\n");
	if (optind == argc)
		return show_help();
	const struct verb *v = find_verb(argv[optind]);
	if (!v)
		return unknown_verb(argv[optind]);
	char *args[] = { NULL, "--help", NULL };
	return run_verb(v, 2, args);
}

/* A link named as another program makes us that one. */
static int run(int argc, char **argv)
{
	const char *name = dropin_of(argv[0]);
	if (name) {
		cli_name = argv[0];
		return find_verb(name)->run(argc, argv);
	}
	static const struct option options[] = {
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' }, /* before the common one: found first */
		CLI_OPTIONS,
	};
	for (int c; (c = cli_getopt(argc, argv, "+hV", options, "")) != -1;)
		return c == 'V' ? show_version() : show_help();
	if (optind == argc)
		return cli_error(NULL, "no command given, try: turf help");
	const struct verb *v = find_verb(argv[optind]);
	if (!v)
		return unknown_verb(argv[optind]);
	return run_verb(v, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
	int status = argc > 0 ? run(argc, argv) : CLI_ERROR;
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_error(NULL, "cannot write to standard output");
	return status;
}
