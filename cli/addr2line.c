/* SPDX-License-Identifier: MIT */
/*
 * turf addr2line, or a link to turf of that name: the command line and output of binutils'
 * addr2line, which this file says of each thing how it does it.
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
	"Tells file and line of link-time addresses in hexadecimal, given here or one a\n"
	"line on standard input, as binutils' addr2line does.\n"
	"\n"
	"  -a, --addresses            begin with the address\n"
	"  -b, --target=NAME          the file's format, which is found out without it\n"
	"  -e, --exe=FILE             the ELF file (default: a.out)\n"
	"  -i, --inlines              go on with those that the code was inlined into\n"
	"  -p, --pretty-print         one line a function\n"
	"  -s, --basenames            file names without folders\n"
	"  -f, --functions            begin with the function\n"
	"  -C, --demangle[=STYLE]     show names as they were written: auto, gnu-v3,\n"
	"                             rust, dlang\n"
	"  -R, --recurse-limit        leave very long names as they are (default)\n"
	"  -r, --no-recurse-limit     do not\n"
	"  -j, --section=NAME         addresses count from the start of this section\n"
	"  -h, --help                 this text\n"
	"  -v, --version              the version\n"
	"  @FILE                      words of FILE in place of this argument\n";

enum style { STYLE_NONE, STYLE_LINKER, STYLE_CXX, STYLE_D };

struct session {
	const char *program;
	struct dropin_file file;
	int digits; /* of an address */
	bool addresses, inlines, pretty, basenames, functions;
	enum style style;
	const char *target;  /* what the file is said to be; NULL: not said */
	const char *section; /* that addresses count from; NULL: none */
	uint64_t section_idx;
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

static void show_frame(const struct session *s, uint64_t addr, const struct turf_frame *f,
                       uint32_t discriminator)
{
	const char *path = cli_path(s->file.image, f->file).at;
	if (s->functions) {
		fputs(shown_name(s, addr, f), stdout);
		fputs(s->pretty ? " at " : "\n", stdout);
	}
	fputs(!path ? "??" : s->basenames ? dropin_base(path) : path, stdout);
	if (f->line && discriminator)
		printf(":%u (discriminator %u)\n", f->line, discriminator);
	else if (f->line)
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

/* @offset lies in the @i-th section: its address in the urf. */
static bool is_in_section(const struct session *s, uint64_t i, uint64_t offset, uint64_t *addr)
{
	struct elf_section section;
	if (!elf_section(&s->file.elf, i, &section) || !(section.flags & SHF_ALLOC) ||
	    offset >= section.size)
		return false;
	*addr = elf_section_addr(&s->file.elf, i) + offset;
	return true;
}

/* Begins with the frames of what was asked for: 1, or nothing is known. */
static int begin(const struct session *s, uint64_t *addr, struct turf_frames *walk)
{
	const struct elf *elf = &s->file.elf;
	uint64_t offset = *addr;
	int r = 0;
	if (s->section)
		return is_in_section(s, s->section_idx, offset, addr)
		               ? turf_image_frames(s->file.image, *addr, walk)
		               : 0;
	if (ELF_FIELD(elf, 0, Ehdr, e_type) != ET_REL)
		return turf_image_frames(s->file.image, offset, walk);
	/* of all sections, each of which begins at 0, the first that knows it */
	for (uint64_t i = 0; i < elf->n_sections && r <= 0; i++)
		if (is_in_section(s, i, offset, addr))
			r = turf_image_frames(s->file.image, *addr, walk);
	return r;
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
	uint32_t discriminator = 0; /* callers are shown with that of the innermost, too */
	if (begin(s, &addr, &walk) > 0) {
		discriminator = dropin_discriminator(&s->file, addr);
		for (; (n == 0 || s->inlines) && turf_frames_next(&walk, &f) > 0; n++) {
			if (n && s->pretty)
				fputs(" (inlined by) ", stdout);
			show_frame(s, addr, &f, discriminator);
		}
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
		s->target = optarg;
		return -1;
	case 'C':
		s->style = STYLE_CXX;
		if (!optarg || read_style(optarg, &s->style))
			return -1;
		fprintf(stderr, "%s: unknown demangling style `%s'\n", s->program, optarg);
		return 1;
	case 'j':
		s->section = optarg;
		return -1;
	case 'v':
	case 'V':
		puts("addr2line (turf " TURF_VERSION "), which speaks as GNU addr2line 2.40");
		return 0;
	}
	fprintf(c == '?' ? stderr : stdout, usage, s->program);
	return c == '?';
}

/* The names that binutils knows a format by, on x86-64; any of them does. */
static bool is_target(const char *name)
{
	static const char *const names[] = {
		"elf64-x86-64", "elf32-i386",   "elf32-iamcu", "elf32-x86-64",
		"pei-i386",     "pe-x86-64",    "pei-x86-64",  "elf64-little",
		"elf64-big",    "elf32-little", "elf32-big",   "pe-bigobj-x86-64",
		"pe-i386",      "pdb",          "srec",        "symbolsrec",
		"verilog",      "tekhex",       "binary",      "ihex",
		"plugin",       "default",
	};
	for (size_t i = 0; i < CLI_COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool find_section(struct session *s)
{
	const struct elf *elf = &s->file.elf;
	struct elf_section section;
	for (uint64_t i = 1; i < elf->n_sections; i++)
		if (elf_section(elf, i, &section) &&
		    strcmp(elf_section_name(elf, &section), s->section) == 0) {
			s->section_idx = i;
			return true;
		}
	return false;
}

/* 0, or 1 and why not is told. */
static int open_file(struct session *s, const char *path)
{
	int r = dropin_open(path, &s->file);
	struct stat st = { 0 };
	bool empty = r < 0 && stat(path, &st) == 0 && st.st_size == 0;
	if (empty || (r < 0 && r != -EBADMSG && r != -ENOTSUP))
		return refuse_file(s, path, r);
	if (s->target && !is_target(s->target)) {
		fprintf(stderr, "%s: %s: invalid bfd target\n", s->program, path);
		return 1;
	}
	if (r < 0)
		return refuse_file(s, path, r);
	if (s->section && !find_section(s)) {
		fprintf(stderr, "%s: %s: cannot find section %s\n", s->program, path,
		        s->section);
		return 1;
	}
	return 0;
}

int cmd_addr2line(int argc, char **argv)
{
	struct session s = { .program = cli_name, .style = STYLE_LINKER };
	const char *path = "a.out";
	cli_demangle_limited = true;
	dropin_expand_arguments(&argc, &argv);
	for (int c; (c = getopt_long(argc, argv, "ab:Ce:fhHij:prRsvV", options, NULL)) != -1;) {
		int status = c == 'e' ? -1 : read_option(&s, c);
		if (status >= 0)
			return status;
		if (c == 'e')
			path = optarg;
	}
	if (open_file(&s, path)) {
		turf_image_close(s.file.image);
		return 1;
	}
	s.digits = s.file.is_32bit ? 8 : 16;
	for (int i = optind; i < argc; i++)
		answer(&s, argv[i]);
	if (optind == argc)
		answer_input(&s);
	turf_image_close(s.file.image);
	return 0;
}
