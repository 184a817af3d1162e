/* SPDX-License-Identifier: MIT */
/*
 * turf addr2line, or a link to turf of that name: the command line and output of binutils'
 * addr2line, which this file says of each thing how it does it. Discriminators are not known to
 * us, so " (discriminator N)" never appears; -j is refused.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "dropin.h"

#ifndef TURF_VERSION
#define TURF_VERSION "unknown"
#endif

static const char usage[] =
	"Usage: %s [OPTION...] [ADDRESS...]\n"
	"Tells file and line of link-time addresses in hexadecimal, given here or one a line "
	"on\n"
	"standard input, as binutils' addr2line does.\n"
	"\n"
	"  -a, --addresses            begin with the address\n"
	"  -b, --target=NAME          taken, and not needed\n"
	"  -e, --exe=FILE             the ELF file (default: a.out)\n"
	"  -i, --inlines              go on with those that the code was inlined into\n"
	"  -p, --pretty-print         one line a function\n"
	"  -s, --basenames            file names without folders\n"
	"  -f, --functions            begin with the function\n"
	"  -C, --demangle[=STYLE]     show names as they were written: auto, gnu-v3, rust, "
	"dlang\n"
	"  -R, --recurse-limit        leave very long names as they are (default)\n"
	"  -r, --no-recurse-limit     do not\n"
	"  -j, --section=NAME         not supported: addresses are of the whole file\n"
	"  -h, --help                 this text\n"
	"  -v, --version              the version\n";

enum style { STYLE_NONE, STYLE_LINKER, STYLE_CXX, STYLE_D };

struct session {
	const char *program;
	struct dropin_file file;
	int digits; /* of an address */
	bool addresses, inlines, pretty, basenames, functions;
	enum style style;
};

static const struct option options[] = {
	{ "addresses", no_argument, NULL, 'a' },
	{ "basenames", no_argument, NULL, 's' },
	{ "demangle", optional_argument, NULL, 'C' },
	{ "exe", required_argument, NULL, 'e' },
	{ "functions", no_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ "inlines", no_argument, NULL, 'i' },
	{ "no-recurse-limit", no_argument, NULL, 'r' },
	{ "no-recursion-limit", no_argument, NULL, 'r' },
	{ "pretty-print", no_argument, NULL, 'p' },
	{ "recurse-limit", no_argument, NULL, 'R' },
	{ "recursion-limit", no_argument, NULL, 'R' },
	{ "section", required_argument, NULL, 'j' },
	{ "target", required_argument, NULL, 'b' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

static const char *shown_name(const struct session *s, uint64_t addr,
                              const struct turf_frame *f)
{
	const char *name = dropin_name(&s->file, addr, f);
	if (!name || !*name)
		return "??";
	bool d = name[0] == '_' && name[1] == 'D'; /* which "auto" leaves alone */
	if (s->style == STYLE_LINKER || s->style == STYLE_NONE || d != (s->style == STYLE_D))
		return name;
	const char *shown = cli_demangle(name).at;
	return shown ? shown : name;
}

static void show_frame(const struct session *s, uint64_t addr, const struct turf_frame *f)
{
	const char *path = cli_path(s->file.image, f->file).at;
	if (s->functions) {
		fputs(shown_name(s, addr, f), stdout);
		fputs(s->pretty ? " at " : "\n", stdout);
	}
	fputs(!path ? "??" : s->basenames ? dropin_base(path) : path, stdout);
	if (f->line)
		printf(":%u\n", f->line);
	else
		fputs(":?\n", stdout);
}

static void show_nothing(const struct session *s)
{
	if (s->functions)
		fputs(s->pretty ? "?? " : "??\n", stdout);
	fputs("??:0\n", stdout);
}

static void answer(const struct session *s, const char *text)
{
	struct turf_frames walk;
	struct turf_frame f;
	uint64_t addr = strtoull(text, NULL, 16); /* what is no number is 0 */
	if (s->digits == 8)
		addr = (uint32_t)addr;
	if (s->addresses) {
		printf("0x%0*llx", s->digits, (unsigned long long)addr);
		fputs(s->pretty ? ": " : "\n", stdout);
	}
	size_t n = 0;
	if (turf_image_frames(s->file.image, addr, &walk) > 0)
		for (; (n == 0 || s->inlines) && turf_frames_next(&walk, &f) > 0; n++) {
			if (n && s->pretty)
				fputs(" (inlined by) ", stdout);
			show_frame(s, addr, &f);
		}
	if (n == 0)
		show_nothing(s);
}

static void answer_input(const struct session *s)
{
	enum { LINE = 100 };
	static struct dropin_lines lines;
	char line[LINE];
	while (dropin_next_line(&lines, line, sizeof(line)))
		answer(s, line);
}

/* Says why a file cannot be asked; returns 1. */
static int refuse_file(const struct session *s, const char *path, int error)
{
	struct stat st;
	fflush(stdout);
	if (error == -ENOENT)
		fprintf(stderr, "%s: '%s': No such file\n", s->program, path);
	else if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		fprintf(stderr, "%s: Warning: '%s' is a directory\n", s->program, path);
	else if (error != -EBADMSG && error != -ENOTSUP)
		fprintf(stderr, "%s: Warning: could not locate '%s'.  reason: %s\n", s->program,
		        path, strerror(-error));
	else if (st.st_size) /* nothing is said of an empty file */
		fprintf(stderr, "%s: %s: file format not recognized\n", s->program, path);
	return 1;
}

static bool read_style(const char *name, enum style *ret)
{
	static const struct {
		const char *name;
		enum style style;
	} styles[] = {
		{ "none", STYLE_NONE }, { "auto", STYLE_CXX },  { "gnu-v3", STYLE_CXX },
		{ "java", STYLE_CXX },  { "gnat", STYLE_NONE }, { "dlang", STYLE_D },
		{ "rust", STYLE_CXX },
	};
	for (size_t i = 0; i < CLI_COUNT(styles); i++)
		if (strcmp(name, styles[i].name) == 0) {
			*ret = styles[i].style;
			return true;
		}
	return false;
}

/* -1: go on; else the exit status. */
static int read_option(struct session *s, int c)
{
	switch (c) {
	case 'a':
		s->addresses = true;
		return -1;
	case 'f':
		s->functions = true;
		return -1;
	case 'i':
		s->inlines = true;
		return -1;
	case 'p':
		s->pretty = true;
		return -1;
	case 's':
		s->basenames = true;
		return -1;
	case 'r':
	case 'R':
		cli_demangle_limited = c == 'R';
		return -1;
	case 'b':
		return -1;
	case 'C':
		s->style = STYLE_CXX;
		if (!optarg || read_style(optarg, &s->style))
			return -1;
		fprintf(stderr, "%s: unknown demangling style `%s'\n", s->program, optarg);
		return 1;
	case 'j':
		fprintf(stderr, "%s: -j, --section: not supported\n", s->program);
		return 1;
	case 'v':
	case 'V':
		puts("addr2line (turf " TURF_VERSION "), which speaks as GNU addr2line 2.40");
		return 0;
	}
	fprintf(c == '?' ? stderr : stdout, usage, s->program);
	return c == '?';
}

int cmd_addr2line(int argc, char **argv)
{
	struct session s = { .program = cli_name, .style = STYLE_LINKER };
	const char *path = "a.out";
	cli_demangle_limited = true;
	for (int c; (c = getopt_long(argc, argv, "ab:Ce:fhHij:prRsvV", options, NULL)) != -1;) {
		int status = c == 'e' ? -1 : read_option(&s, c);
		if (status >= 0)
			return status;
		if (c == 'e')
			path = optarg;
	}
	int r = dropin_open(path, &s.file);
	if (r < 0)
		return refuse_file(&s, path, r);
	s.digits = s.file.is_32bit ? 8 : 16;
	for (int i = optind; i < argc; i++)
		answer(&s, argv[i]);
	if (optind == argc)
		answer_input(&s);
	turf_image_close(s.file.image);
	return 0;
}
