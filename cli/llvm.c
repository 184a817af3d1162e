/* SPDX-License-Identifier: MIT */
/*
 * turf llvm-symbolizer and turf llvm-addr2line, or links to turf of these names: the command
 * lines, the protocol on standard input and the output of LLVM 19's. With the former the
 * reports of sanitizers get their functions and lines (ASAN_SYMBOLIZER_PATH and its like).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "llvm.h"
#include "symtab.h"
#include "turf/variables.h"

#ifndef TURF_VERSION
#define TURF_VERSION "unknown"
#endif

static const char usage[] =
	"Usage: %s [OPTION...] [REQUEST...]\n"
	"Tells functions, files and lines as LLVM's tool of that name does. A request, here or "
	"one "
	"a\n"
	"line on standard input, is [CODE|DATA|FRAME] FILE ADDRESS; with --obj, ADDRESS alone. "
	"In "
	"the\n"
	"place of an address may stand the name of a function.\n"
	"\n"
	"  -e, --obj, --exe=FILE                     the ELF file of all requests\n"
	"  -i, --inlines, --no-inlines               show what the code was inlined into\n"
	"  -f, --functions[=none|short|linkage]      show functions, and which name\n"
	"  -C, --demangle, --no-demangle             show names as they were written\n"
	"  -a, --addresses                           begin with the address\n"
	"  -s, --basenames                           file names without folders\n"
	"      --relativenames                       file names below the unit's folder\n"
	"      --build-id=ID                         the file by its build-id, in the place of "
	"--obj\n"
	"      --debug-file-directory=DIR            where files are by build-id\n"
	"  -p, --pretty-print                        one line a function\n"
	"      --output-style=LLVM|GNU|JSON\n"
	"      --verbose                             all that is known, a line each\n"
	"      --print-source-context-lines=N        show the source\n"
	"      --adjust-vma=N                        take N off every address\n"
	"  -v, --version                             the version\n"
	"      --help                                this text\n"
	"\n"
	"--filter-markup is refused; all other options of LLVM's are taken, and do nothing.\n";

/* What to do with an option. */
enum todo {
	IGNORE,
	ADDRESSES,
	BASENAMES,
	RELATIVE,
	MARKUP,
	DEBUG_FOLDER,
	DEMANGLE,
	NO_DEMANGLE,
	INLINES,
	NO_INLINES,
	LINKAGE,
	PRETTY,
	VERBOSE,
	VERSION,
	HELP,
	OBJ,
	FUNCTIONS,
	STYLE,
	CONTEXT,
	ADJUST,
	BUILD_ID,
};

static const struct flag {
	const char *name;
	enum todo todo;
	bool has_value; /* "NAME=VALUE" or "NAME VALUE", where NAME ends with '=' the former */
} flags[] = {
	{ "--addresses", ADDRESSES, false },
	{ "--print-address", ADDRESSES, false },
	{ "--basenames", BASENAMES, false },
	{ "--debuginfod", IGNORE, false },
	{ "--no-debuginfod", IGNORE, false },
	{ "--demangle", DEMANGLE, false },
	{ "-demangle=true", DEMANGLE, false },
	{ "-demangle=false", NO_DEMANGLE, false },
	{ "--no-demangle", NO_DEMANGLE, false },
	{ "--dia", IGNORE, false },
	{ "--inlines", INLINES, false },
	{ "--inlining", INLINES, false },
	{ "--inlining=true", INLINES, false },
	{ "--inlining=false", NO_INLINES, false },
	{ "--no-inlines", NO_INLINES, false },
	{ "--untag-addresses", IGNORE, false },
	{ "--no-untag-addresses", IGNORE, false },
	{ "--pretty-print", PRETTY, false },
	{ "--relative-address", IGNORE, false },
	{ "--relativenames", RELATIVE, false },
	{ "--verbose", VERBOSE, false },
	{ "--version", VERSION, false },
	{ "--help", HELP, false },
	{ "--filter-markup", MARKUP, false },
	{ "--color", IGNORE, false },
	{ "--functions", LINKAGE, false },
	{ "-f=", FUNCTIONS, true },
	{ "-e=", OBJ, true },
	{ "--functions=", FUNCTIONS, true },
	{ "--color=", IGNORE, true },
	{ "--adjust-vma", ADJUST, true },
	{ "--build-id", BUILD_ID, true },
	{ "--cache-size", IGNORE, true },
	{ "--debug-file-directory", DEBUG_FOLDER, true },
	{ "--default-arch", IGNORE, true },
	{ "--dsym-hint", IGNORE, true },
	{ "--dwp", IGNORE, true },
	{ "--exe", OBJ, true },
	{ "--obj", OBJ, true },
	{ "--fallback-debug-path", IGNORE, true },
	{ "--output-style", STYLE, true },
	{ "--print-source-context-lines", CONTEXT, true },
};

enum { LLVM_PATH = 4096 };

/* A file that was asked for; files stay open. */
struct module {
	struct module *next;
	bool by_build_id;
	char path[LLVM_REQUEST]; /* or the build-id */
	int error;               /* 0, or negative errno: there is no file */
	bool told;               /* the error was */
	char opened[LLVM_PATH];  /* which file that is */
	struct dropin_file file;
	struct turf_image *whole; /* beside a hot one; NULL: not asked for, or none */
	struct symtab symbols;
};

struct session {
	struct llvm_options o;
	struct llvm_printer printer;
	struct module *modules;
	bool wrong, version, help, markup; /* of the arguments */
	const char **requests;             /* as arguments */
	size_t n_requests;
	const char **debug_folders; /* of files by build-id; none: /usr/lib/debug */
	size_t n_debug_folders;
};

/* The file of a build-id below one folder. */
static bool find_build_id(const char *folder, const char *id, char out[static LLVM_PATH])
{
	int n = snprintf(out, LLVM_PATH, "%s/.build-id/%.2s/%s.debug", folder, id, id + 2);
	if (n < 0 || n >= LLVM_PATH)
		return false;
	for (char *c = out + strlen(folder); *c; c++)
		*c = *c >= 'A' && *c <= 'F' ? *c + 0x20 : *c;
	return access(out, R_OK) == 0;
}

static void opened(struct module *m, const char *path)
{
	snprintf(m->opened, sizeof(m->opened), "%s", path);
	symtab_open(path, &m->symbols);
}

static void open_by_build_id(const struct session *s, struct module *m)
{
	static const char *const usual = "/usr/lib/debug";
	char path[LLVM_PATH];
	const char *const *folders = s->n_debug_folders ? s->debug_folders : &usual;
	size_t n = s->n_debug_folders ? s->n_debug_folders : 1;
	m->error = -ENOENT;
	for (size_t i = 0; i < n && m->error; i++)
		if (find_build_id(folders[i], m->path, path))
			m->error = dropin_open(path, &m->file);
	if (!m->error)
		opened(m, path);
}

static void open_by_path(struct module *m)
{
	m->error = dropin_open(m->path, &m->file);
	char *colon = strrchr(m->path, ':'); /* FILE:ARCHITECTURE */
	bool cut = m->error == -ENOENT && colon;
	if (cut) {
		*colon = 0;
		m->error = dropin_open(m->path, &m->file);
	}
	if (!m->error)
		opened(m, m->path);
	if (cut)
		*colon = ':';
}

static struct module *find_module(struct session *s, const char *path, bool by_build_id)
{
	struct module *m = s->modules;
	while (m && (strcmp(m->path, path) != 0 || m->by_build_id != by_build_id))
		m = m->next;
	if (m)
		return m;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->by_build_id = by_build_id;
	strncpy(m->path, path, sizeof(m->path) - 1);
	if (by_build_id)
		open_by_build_id(s, m);
	else
		open_by_path(m);
	m->next = s->modules;
	s->modules = m;
	return m;
}

static const char *error_text(int error)
{
	return error == -EBADMSG || error == -ENOTSUP
	               ? "The file was not recognized as a valid object file"
	               : strerror(-error);
}

enum { NAME_MAX_SHOWN = 1 << 17 };

/* LLVM's demangler writes ">>" and " (.part.0)" where libiberty writes "> >", " [clone
 * .part.0]". */
static char *as_llvm_writes(const char *name, const char *suffix)
{
	static char text[NAME_MAX_SHOWN];
	size_t n = 0;
	for (const char *at = name; *at && n < sizeof(text) - 1; at++) {
		bool closes = at[0] == ' ' && at[1] == '>' && n && text[n - 1] == '>';
		if (closes && !(n >= 9 && memcmp(text + n - 9, "operator>", 9) == 0))
			continue;
		text[n++] = *at;
	}
	text[n] = 0;
	if (*suffix)
		snprintf(text + n, sizeof(text) - n, " (%s)", suffix);
	return text;
}

/* "{lambda(int)#2}" -> "'lambda0'(int)", the innermost last; in place, as it gets no longer. */
static void rewrite_lambdas(char *text)
{
	static const char mark[] = "{lambda(";
	for (char *at; (at = strstr(text, mark));) {
		char *end = strchr(at, '}'), *hash = end;
		for (char *inner = at + 1; end && (inner = strstr(inner, mark)) && inner < end;
		     inner++)
			at = inner; /* of nested ones the innermost, whose '}' this is */
		while (hash && hash > at && *hash != '#')
			hash--;
		if (!hash || hash <= at)
			return;
		unsigned long number = strtoul(hash + 1, NULL, 10);
		char *arguments = at + strlen(mark) - 1, out[64];
		int n = snprintf(out, sizeof(out), number > 1 ? "'lambda%lu'" : "'lambda'",
		                 number - 2);
		size_t size = (size_t)(hash - arguments), head = (size_t)n;
		if (head + size > (size_t)(end + 1 - at))
			return;
		memmove(at + head, arguments, size);
		memcpy(at, out, head);
		memmove(at + head + size, end + 1, strlen(end + 1) + 1);
	}
}

static const char *written_name(const struct session *s, const char *name)
{
	if (!name || !s->o.demangle || !cli_is_mangled(name))
		return name;
	size_t n = strcspn(name, "."); /* what the compiler appended is no part of the name */
	char *linkage = strndup(name, n);
	const char *shown = linkage ? cli_demangle(linkage).at : NULL;
	free(linkage);
	if (!shown)
		return name;
	char *text = as_llvm_writes(shown, name + n);
	rewrite_lambdas(text);
	return text;
}

/* Compilers put what stands behind the dot into symbols, and not into DWARF; but for clang's
 * -funique-internal-linkage-names. */
static bool is_clone(const char *linkage)
{
	return *linkage && strchr(linkage + 1, '.') && !strstr(linkage, ".__uniq.");
}

static const char *function_name(const struct session *s, const struct module *m,
                                 const struct turf_frame *f)
{
	bool linkage = s->o.functions != LLVM_SHORT && f->linkage_name;
	const char *name = cli_text(m->file.image, linkage ? f->linkage_name : f->name).at;
	/* of a clone that is the symbol's, which LLVM takes from the file's own table only */
	if (linkage && name && f->name && is_clone(name))
		name = cli_text(m->file.image, f->name).at;
	return s->o.functions == LLVM_SHORT ? name : written_name(s, name);
}

/* What the symbol table says of the outermost function goes above the debug info. */
static void override(const struct session *s, const struct module *m, uint64_t addr,
                     struct llvm_line *line)
{
	const struct symtab_symbol *symbol = symtab_find(&m->symbols, addr);
	if (!symbol || s->o.functions != LLVM_LINKAGE)
		return;
	line->function = written_name(s, symbol->name);
	line->has_start = true;
	line->start = symbol->addr;
	if (!line->path)
		line->path = symbol->file;
}

/* The path below the folder that the unit was compiled in, else the whole. */
static const char *relative_path(const struct module *m, uint64_t addr, const char *path)
{
	struct turf_unit unit;
	if (!path || turf_image_find_unit(m->file.image, addr, &unit) <= 0)
		return path;
	struct cli_text folder = cli_text(m->file.image, unit.directory);
	if (!folder.size || strncmp(path, folder.at, folder.size) != 0 ||
	    path[folder.size] != '/')
		return path;
	return path + folder.size + 1;
}

static const char *shown_path(const struct session *s, const struct module *m, uint64_t addr,
                              uint32_t file)
{
	const char *path = cli_path(m->file.image, file).at;
	if (s->o.relative && !s->o.basenames)
		return relative_path(m, addr, path);
	return path && s->o.basenames ? dropin_base(path) : path;
}

/* What only these styles show, and costs look-ups of its own. */
static void add_details(const struct session *s, const struct module *m, uint64_t addr,
                        const struct turf_frame *f, struct llvm_line *line)
{
	uint32_t file;
	if (!s->o.verbose && s->o.style != LLVM_JSON)
		return;
	if (turf_image_declared(m->file.image, f->function, &file, &line->declared_line) > 0)
		line->declared_path = shown_path(s, m, addr, file);
}

static struct llvm_line line_of(const struct session *s, const struct module *m, uint64_t addr,
                                const struct turf_frame *f, uint32_t discriminator)
{
	struct llvm_line line = {
		.function = function_name(s, m, f),
		.path = shown_path(s, m, addr, f->file),
		.line = f->line,
		.column = f->column,
		.has_start = f->has_start,
		.start = f->function_start,
		.discriminator = discriminator,
	};
	add_details(s, m, addr, f, &line);
	return line;
}

/* Of the frames of @addr, innermost first, where they are shown; else 0. */
static void discriminators(const struct session *s, const struct module *m, uint64_t addr,
                           const struct turf_frames *walk, uint32_t out[TURF_FRAMES_MAX])
{
	bool shown = s->o.verbose || s->o.style != LLVM_PLAIN;
	if (!shown || turf_image_discriminators(m->file.image, addr, out, walk->n) < 0)
		memset(out, 0, TURF_FRAMES_MAX * sizeof(*out));
}

/* All of the chain, or the innermost. */
static void show_chain(struct session *s, const struct module *m, uint64_t addr)
{
	struct turf_frames walk;
	struct turf_frame f = { .name = 0 };
	struct llvm_line line = { .function = NULL };
	uint32_t told[TURF_FRAMES_MAX] = { 0 };
	size_t n = 0;
	if (turf_image_frames(m->file.image, addr, &walk) > 0 &&
	    turf_frames_next(&walk, &f) > 0) {
		discriminators(s, m, addr, &walk, told);
		for (; f.inlined; n++) {
			line = line_of(s, m, addr, &f, told[n]);
			llvm_line(&s->printer, &line);
			if (!s->o.inlines || turf_frames_next(&walk, &f) <= 0)
				return;
		}
	}
	line = line_of(s, m, addr, &f, told[n]);
	override(s, m, addr, &line);
	llvm_line(&s->printer, &line);
}

/* The innermost line with the outermost function; by short names that of the innermost. */
static void show_place(struct session *s, const struct module *m, uint64_t addr)
{
	struct turf_frames walk;
	struct turf_frame f = { .name = 0 };
	uint32_t told[TURF_FRAMES_MAX] = { 0 };
	if (turf_image_frames(m->file.image, addr, &walk) > 0 &&
	    turf_frames_next(&walk, &f) > 0)
		discriminators(s, m, addr, &walk, told);
	struct llvm_line line = line_of(s, m, addr, &f, told[0]);
	override(s, m, addr, &line);
	llvm_line(&s->printer, &line);
}

/* Symbols of that name, each as a place of its own. */
static void show_symbols(struct session *s, const struct module *m,
                         const struct llvm_request *request)
{
	for (size_t i = 0; i < m->symbols.n; i++)
		if (strcmp(m->symbols.at[i].name, request->symbol) == 0)
			show_place(s, m, m->symbols.at[i].addr + request->address);
}

static void answer_code(struct session *s, const struct module *m,
                        const struct llvm_request *request)
{
	static const struct llvm_line nothing;
	uint64_t addr = request->address - s->o.adjust;
	llvm_begin(&s->printer, request);
	if (!m)
		; /* why was told */
	else if (!request->has_address)
		show_symbols(s, m, request);
	else if (s->o.inlines || s->o.style == LLVM_GNU)
		show_chain(s, m, addr);
	else
		show_place(s, m, addr);
	bool one = s->o.style != LLVM_JSON || (request->has_address && !s->o.inlines);
	if (!s->printer.n_lines && one)
		llvm_line(&s->printer, &nothing);
	llvm_end(&s->printer, request);
}

/* Its image with variables, built where the store has a hot one alone. */
static const struct turf_image *whole_image(struct module *m)
{
	if (!m->whole && !turf_image_n_globals(m->file.image))
		m->whole = dropin_whole(m->opened);
	return m->whole ? m->whole : m->file.image;
}

static void answer_data(struct session *s, struct module *m, const struct llvm_request *request)
{
	const struct symtab_symbol *symbol =
		m ? symtab_find(&m->symbols, request->address - s->o.adjust) : NULL;
	if (!symbol) {
		llvm_data(&s->printer, request, NULL, 0);
		return;
	}
	struct symtab_symbol shown = *symbol;
	struct turf_global global;
	uint32_t line = 0;
	shown.name = written_name(s, symbol->name);
	const struct turf_image *image = whole_image(m);
	if (turf_image_find_global(image, request->address - s->o.adjust, &global) == 1 &&
	    global.line && global.file) {
		shown.file = cli_path(image, global.file).at;
		line = global.line;
	}
	llvm_data(&s->printer, request, &shown, line);
}

static void answer_frame(struct session *s, struct module *m,
                         const struct llvm_request *request)
{
	llvm_locals_begin(&s->printer, request);
	if (m)
		llvm_frame(whole_image(m), request->address - s->o.adjust, &s->printer);
	llvm_locals_end(&s->printer, request);
}

static void answer(struct session *s, const char *text)
{
	struct llvm_request request;
	static const struct llvm_line nothing;
	const char *wrong = llvm_parse(&s->o, text, &request);
	if (wrong) {
		if (*wrong)
			fflush(stdout);
		if (*wrong)
			fprintf(stderr, "%s: error: '%s': %s\n", s->o.program, text, wrong);
		request.has_address = false;
		llvm_begin(&s->printer, &request);
		llvm_line(&s->printer, &nothing);
		llvm_end(&s->printer, &request);
		return;
	}
	struct module *m = find_module(s, request.module, request.by_build_id);
	if (m && m->error && (!m->told || m->by_build_id)) {
		llvm_error(&s->printer, &request,
		           m->by_build_id ? "could not find build ID" : error_text(m->error));
		m->told = true;
		if (s->o.style == LLVM_JSON)
			return;
	}
	if (m && m->error)
		m = NULL;
	if (request.command == LLVM_DATA)
		answer_data(s, m, &request);
	else if (request.command == LLVM_FRAME)
		answer_frame(s, m, &request);
	else
		answer_code(s, m, &request);
}

static bool read_count(const char *text, uint64_t *ret)
{
	char *end;
	errno = 0;
	*ret = strtoull(text, &end, 0);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

/* 0, or 1 and the error is printed. */
static int read_value(struct session *s, const struct flag *flag, const char *value)
{
	switch (flag->todo) {
	case OBJ:
		s->o.module = value;
		break;
	case BUILD_ID: {
		char id[LLVM_REQUEST];
		s->o.build_id = value;
		if (llvm_build_id(value, id))
			break;
		fprintf(stderr, "--build-id=: expected a build ID, but got '%s'\n", value);
		return 1;
	}
	case DEBUG_FOLDER:
		s->debug_folders[s->n_debug_folders++] = value;
		return cli_add_debug_folder(value) == CLI_OK ? 0 : 1;
	case FUNCTIONS:
		s->o.functions = strcmp(value, "none") == 0    ? LLVM_NO_NAME
		                 : strcmp(value, "short") == 0 ? LLVM_SHORT
		                                               : LLVM_LINKAGE;
		break;
	case STYLE:
		s->o.style = strcmp(value, "GNU") == 0    ? LLVM_GNU
		             : strcmp(value, "JSON") == 0 ? LLVM_JSON
		                                          : LLVM_PLAIN;
		break;
	case CONTEXT:
	case ADJUST:
		if (read_count(value, flag->todo == ADJUST ? &s->o.adjust : &s->o.context))
			break;
		fprintf(stderr, "%s=: expected a non-negative integer, but got '%s'",
		        flag->name, value);
		return 1;
	default:
		break;
	}
	return 0;
}

static void take_flag(struct session *s, enum todo todo)
{
	struct llvm_options *o = &s->o;
	o->addresses |= todo == ADDRESSES;
	o->basenames |= todo == BASENAMES;
	o->relative |= todo == RELATIVE;
	s->markup |= todo == MARKUP;
	o->pretty |= todo == PRETTY;
	o->verbose |= todo == VERBOSE;
	s->version |= todo == VERSION;
	s->help |= todo == HELP;
	if (todo == DEMANGLE || todo == NO_DEMANGLE)
		o->demangle = todo == DEMANGLE;
	if (todo == INLINES || todo == NO_INLINES)
		o->inlines = todo == INLINES;
	if (todo == LINKAGE)
		o->functions = LLVM_LINKAGE;
}

static void unknown_argument(struct session *s, const char *fmt, const char *name)
{
	fputs("error: unknown argument '", stderr);
	fprintf(stderr, fmt, name);
	fputs("'\n", stderr);
	s->wrong = true;
}

/* The value behind, or NULL and the error is printed. */
static const char *next_value(struct session *s, const char *name, char **argv, int *i)
{
	const char *value = argv[*i + 1];
	if (value) {
		++*i;
		return value;
	}
	fprintf(stderr, "error: %s: missing argument\n", name);
	s->wrong = true;
	return NULL;
}

/* Short options, several behind one '-'. */
static int read_short(struct session *s, char **argv, int *i)
{
	static const char letters[] = "aCfipsv";
	static const enum todo todo[] = { ADDRESSES, DEMANGLE,  LINKAGE, INLINES,
		                          PRETTY,    BASENAMES, VERSION };
	for (const char *c = argv[*i] + 1; *c; c++) {
		const char *known = strchr(letters, *c);
		if (*c == 'e') {
			const char *value = c[1] ? c + 1 : next_value(s, "-e", argv, i);
			if (value)
				s->o.module = value;
			return 0;
		}
		if (known && c[1] != '=') {
			take_flag(s, todo[known - letters]);
		} else if (known || *c == '-') {
			unknown_argument(s, "-%s", c);
			return 0;
		} else {
			unknown_argument(s, "-%s", (const char[]){ *c, 0 });
		}
	}
	return 0;
}

/* 0, or 1 and the error is printed. */
static int read_argument(struct session *s, char **argv, int *i)
{
	const char *text = argv[*i];
	for (size_t k = 0; k < CLI_COUNT(flags); k++) {
		const struct flag *f = &flags[k];
		size_t n = strlen(f->name);
		if (strncmp(text, f->name, n) != 0)
			continue;
		if (!f->has_value && !text[n]) {
			take_flag(s, f->todo);
			return 0;
		}
		if (f->has_value && (f->name[n - 1] == '=' || text[n] == '='))
			return read_value(s, f, text + n + (f->name[n - 1] != '='));
		if (f->has_value && !text[n]) {
			const char *value = next_value(s, f->name, argv, i);
			return value ? read_value(s, f, value) : 0;
		}
	}
	if (text[0] == '-' && text[1] && text[1] != '-')
		return read_short(s, argv, i);
	if (text[0] == '-' && text[1] == '-')
		unknown_argument(s, "%s", text);
	else
		s->requests[s->n_requests++] = text;
	return 0;
}

static int read_arguments(struct session *s, int argc, char **argv)
{
	int only_requests = 0;
	for (int i = 1; i < argc; i++) {
		if (only_requests)
			s->requests[s->n_requests++] = argv[i];
		else if (strcmp(argv[i], "--") == 0)
			only_requests = 1;
		else if (read_argument(s, argv, &i))
			return 1;
	}
	if (!s->wrong && s->o.build_id && s->o.module) {
		fputs("error: cannot specify both --build-id and --obj\n", stderr);
		return 1;
	}
	return s->wrong;
}

/* The file of all requests must be there before the first of them. 0 or 1. */
static int check_module(struct session *s)
{
	struct llvm_request request = { .has_address = true };
	if (!s->o.module)
		return 0;
	strncpy(request.module, s->o.module, sizeof(request.module) - 1);
	struct module *m = find_module(s, request.module, false);
	if (m && !m->error)
		return 0;
	bool list = s->o.list;
	s->o.list = false;
	llvm_error(&s->printer, &request, error_text(m ? m->error : -ENOMEM));
	s->o.list = list;
	return 1;
}

static int answer_all(struct session *s)
{
	static struct dropin_lines lines;
	char line[LLVM_REQUEST];
	s->o.list = s->n_requests && s->o.style == LLVM_JSON;
	if (check_module(s))
		return 1;
	llvm_list(&s->printer, false);
	for (size_t i = 0; i < s->n_requests; i++) {
		snprintf(line, sizeof(line), "%s", s->requests[i]);
		answer(s, line);
	}
	llvm_list(&s->printer, true);
	while (!s->n_requests && dropin_next_line(&lines, line, sizeof(line))) {
		line[strcspn(line, "\r")] = 0;
		answer(s, line);
	}
	return 0;
}

static int run(struct session *s, int argc, char **argv)
{
	if (read_arguments(s, argc, argv))
		return 1;
	if (s->help) {
		printf(usage, s->o.program);
		return 0;
	}
	if (s->version) {
		printf("%s\n  turf " TURF_VERSION ", which speaks as LLVM version 19.1.7\n",
		       s->o.addr2line ? "llvm-addr2line" : "llvm-symbolizer");
		return 0;
	}
	if (s->markup) {
		fputs("error: --filter-markup: not supported\n", stderr);
		return 1;
	}
	FILE *out = stdout, *pretty = NULL;
	if (s->o.style == LLVM_JSON && s->o.pretty)
		pretty = cli_json_pretty(out);
	if (pretty)
		stdout = pretty; /* a variable like any other, says glibc's manual */
	int status = answer_all(s);
	if (pretty) {
		fclose(pretty);
		stdout = out;
	}
	for (struct module *m = s->modules, *next; m; m = next) {
		next = m->next;
		turf_image_close(m->whole);
		turf_image_close(m->file.image);
		symtab_close(&m->symbols);
		free(m);
	}
	return status;
}

static int run_as(bool addr2line, int argc, char **argv)
{
	struct session s = {
		.o = {
			.program = cli_name,
			.addr2line = addr2line,
			.style = addr2line ? LLVM_GNU : LLVM_PLAIN,
			.functions = addr2line ? LLVM_NO_NAME : LLVM_LINKAGE,
			.inlines = !addr2line,
			.demangle = !addr2line,
		},
	};
	s.printer.options = &s.o;
	dropin_expand_arguments(&argc, &argv);
	s.requests = calloc((size_t)argc + 1, sizeof(*s.requests));
	s.debug_folders = calloc((size_t)argc + 1, sizeof(*s.debug_folders));
	if (!s.requests || !s.debug_folders)
		return cli_error(NULL, "no memory");
	cli_demangle_rust = false;
	int status = run(&s, argc, argv);
	free(s.requests);
	free(s.debug_folders);
	return status;
}

int cmd_llvm_symbolizer(int argc, char **argv)
{
	return run_as(false, argc, argv);
}

int cmd_llvm_addr2line(int argc, char **argv)
{
	return run_as(true, argc, argv);
}
