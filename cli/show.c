/* SPDX-License-Identifier: MIT */
/*
 * turf show: a type, by its name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"

static const char usage[] =
	"Usage: turf show -e FILE [--json] NAME...\n"
	"       turf show -e FILE [--json] --all\n"
	"       turf show -e FILE [--json] --at ADDR...\n"
	"Shows types as they are laid out: `struct foo`, `foo`, `ns::Class<int>`. Of several "
	"of one\n"
	"name all are shown. Offsets and sizes are in bytes, of bit fields the bit behind a "
	"colon.\n"
	"\n"
	"  -e, --exe FILE    an ELF file, or an urf\n"
	"      --at ADDR     the variables in scope at hexadecimal addresses, and where they "
	"are\n"
	"      --all         every structure, union, class and enumeration that has a name\n"
	"      --json        one JSON object a line\n"
	"  --debuginfo DIR   where separate debug files are (default: /usr/lib/debug)\n"
	"  --store DIR       where urfs are kept\n"
	"\n"
	"Exit status: 0 shown, 1 nothing of that name, 2 error.\n";

char *show_declaration(const struct turf_image *image, uint32_t number, const char *name)
{
	char room[512];
	ssize_t n = turf_image_type_declare(image, number, name, room, sizeof(room));
	if (n < 0) {
		cli_error(NULL, "type %u cannot be read: %s", number, strerror((int)-n));
		return NULL;
	}
	char *text = malloc((size_t)n + 1);
	if (text)
		turf_image_type_declare(image, number, name, text, (size_t)n + 1);
	return text;
}

/* What is asked for. */
struct wanted {
	const char *name; /* as given, without the keyword */
	const char *last; /* its last component */
	uint32_t kind;    /* TURF_TYPE_STRUCT: classes too; 0: any */
};

static bool begins_with(const char *text, const char *word)
{
	size_t n = strlen(word);
	return strncmp(text, word, n) == 0 && text[n] == ' ';
}

/* Behind the last "::" that stands in no brackets. */
static const char *last_component(const char *name)
{
	const char *last = name;
	int depth = 0;
	for (const char *at = name; *at; at++) {
		depth += *at == '<' || *at == '(' || *at == '{';
		depth -= *at == '>' || *at == ')' || *at == '}';
		if (depth == 0 && at[0] == ':' && at[1] == ':' && at[2])
			last = at + 2;
	}
	return last;
}

static struct wanted parse(const char *name)
{
	static const struct {
		const char *word;
		uint32_t kind;
	} words[] = {
		{ "struct", TURF_TYPE_STRUCT },   { "class", TURF_TYPE_STRUCT },
		{ "union", TURF_TYPE_UNION },     { "enum", TURF_TYPE_ENUM },
		{ "typedef", TURF_TYPE_TYPEDEF },
	};
	struct wanted w = { .name = name };
	for (size_t i = 0; i < CLI_COUNT(words); i++) {
		if (!begins_with(name, words[i].word))
			continue;
		w.kind = words[i].kind;
		w.name += strlen(words[i].word) + 1;
		while (*w.name == ' ')
			w.name++;
	}
	w.last = last_component(w.name);
	return w;
}

static bool is_kind(const struct wanted *w, uint32_t kind)
{
	if (kind == TURF_TYPE_CLASS || kind == TURF_TYPE_INTERFACE)
		kind = TURF_TYPE_STRUCT;
	return w->kind ? kind == w->kind
	               : kind == TURF_TYPE_BASE || kind == TURF_TYPE_TYPEDEF ||
	                         kind == TURF_TYPE_STRUCT || kind == TURF_TYPE_UNION ||
	                         kind == TURF_TYPE_ENUM || kind == TURF_TYPE_UNSPECIFIED;
}

/* The name ends with the one wanted, at a component. */
static bool ends_with(const struct turf_image *image, uint32_t number, const char *wanted)
{
	ssize_t n = turf_image_type_name(image, number, NULL, 0);
	size_t size = strlen(wanted);
	if (n < 0 || (size_t)n < size)
		return false;
	char *name = malloc((size_t)n + 1);
	if (!name)
		return false;
	turf_image_type_name(image, number, name, (size_t)n + 1);
	const char *at = name + n - size;
	bool same = strcmp(at, wanted) == 0 &&
	            (at == name || (at - name >= 2 && at[-1] == ':' && at[-2] == ':'));
	free(name);
	return same;
}

static bool is_wanted(const struct turf_image *image, const struct wanted *w,
                      const struct turf_type *t)
{
	char name[256];
	size_t size = strlen(w->last);
	if (!t->name || !is_kind(w, t->kind))
		return false;
	ssize_t n = turf_image_text(image, t->name, name, sizeof(name));
	if (n < 0 || (size_t)n != size || strncmp(name, w->last, sizeof(name) - 1) != 0)
		return false;
	return ends_with(image, t->number, w->name);
}

/* What is said already, or says less than others do, comes last or not at all. */
struct found {
	uint32_t *at;
	size_t n, room;
	bool complete; /* one of them is no declaration */
};

static int add_found(struct found *f, const struct turf_type *t)
{
	if (t->declaration && f->complete)
		return CLI_OK;
	if (!t->declaration && !f->complete) {
		f->n = 0;
		f->complete = true;
	}
	if (f->n == f->room) {
		size_t room = 2 * f->room + 8;
		uint32_t *at = realloc(f->at, room * sizeof(*at));
		if (!at)
			return cli_error(NULL, "no memory");
		f->at = at;
		f->room = room;
	}
	f->at[f->n++] = t->number;
	return CLI_OK;
}

static int show_found(const struct turf_image *image, const struct found *f, bool json)
{
	int status = f->n ? CLI_OK : CLI_NONE;
	for (size_t i = 0; i < f->n && status == CLI_OK; i++) {
		if (i && !json)
			putchar('\n');
		status = show_type(image, f->at[i], json);
	}
	return status;
}

static int show_name(const struct turf_image *image, const char *name, bool json)
{
	struct wanted w = parse(name);
	struct found f = { .n = 0 };
	int status = CLI_OK;
	uint32_t n = turf_image_n_types(image);
	for (uint32_t i = 1; i < n && status == CLI_OK; i++) {
		struct turf_type t;
		if (turf_image_type(image, i, &t) != 1)
			status = cli_error(NULL, "type %u cannot be read: damaged urf", i);
		else if (is_wanted(image, &w, &t))
			status = add_found(&f, &t);
	}
	if (status == CLI_OK)
		status = show_found(image, &f, json);
	free(f.at);
	return status;
}

static int show_all(const struct turf_image *image, bool json)
{
	uint32_t n = turf_image_n_types(image);
	int status = CLI_OK;
	for (uint32_t i = 1; i < n && status == CLI_OK; i++) {
		struct turf_type t;
		if (turf_image_type(image, i, &t) != 1)
			return cli_error(NULL, "type %u cannot be read: damaged urf", i);
		if (t.name && !t.declaration && t.kind >= TURF_TYPE_STRUCT &&
		    t.kind <= TURF_TYPE_ENUM)
			status = show_type(image, i, json);
	}
	return status;
}

static int show(const struct turf_image *image, char *const *names, int n, bool all, bool json)
{
	int status = CLI_OK, one;
	if (!turf_image_n_types(image))
		return cli_error(NULL,
		                 "no types in this urf: it was made of a file without debug "
		                 "info, with --hot, or stripped");
	if (all)
		status = show_all(image, json);
	for (int i = 0; i < n && status != CLI_ERROR; i++) {
		one = show_name(image, names[i], json);
		if (one == CLI_NONE && !json)
			one = show_function(image, names[i]);
		if (one == CLI_NONE)
			cli_error(NULL, "%s: no type or function of that name", names[i]);
		status = status == CLI_OK || one == CLI_ERROR ? one : status;
	}
	return fflush(stdout) || ferror(stdout) ? cli_error(NULL, "cannot write") : status;
}

/* Addresses: @first, and the arguments behind it. */
static int show_addresses(const struct turf_image *image, const char *first, char *const *more,
                          int n, bool json)
{
	int status = CLI_OK;
	for (int i = -1; i < n && status != CLI_ERROR; i++) {
		const char *text = i < 0 ? first : more[i];
		char *end;
		errno = 0;
		uint64_t addr = strtoull(text, &end, 16);
		if (errno || *end || end == text)
			return cli_error(NULL, "%s: no address", text);
		int one = show_at(image, addr, json);
		if (one == CLI_NONE)
			cli_error(NULL, "%s: nothing is known there", text);
		status = status == CLI_OK || one == CLI_ERROR ? one : status;
	}
	return status;
}

int cmd_show(int argc, char **argv)
{
	static const struct option options[] = {
		{ "exe", required_argument, NULL, 'e' },
		{ "all", no_argument, NULL, 'a' },
		{ "at", required_argument, NULL, 'A' },
		{ "json", no_argument, NULL, 'j' },
		{ "debuginfo", required_argument, NULL, 'd' },
		CLI_OPTIONS,
	};
	const char *path = NULL, *at = NULL;
	bool json = false, all = false;
	for (int c; (c = cli_getopt(argc, argv, "e:", options, usage)) != -1;) {
		if (c == 'e')
			path = optarg;
		else if (c == 'j')
			json = true;
		else if (c == 'a')
			all = true;
		else if (c == 'A')
			at = optarg;
		else
			cli_build.debug_folder = optarg;
	}
	if (!path)
		return cli_usage_error("no file given (-e FILE)");
	if (!at && (all ? optind < argc : optind == argc))
		return cli_usage_error(all ? "names are not expected with --all"
		                           : "no name given");
	struct turf_image *image;
	int status = cli_open_image(path, &image);
	if (status != CLI_OK)
		return status;
	if (at)
		status = show_addresses(image, at, argv + optind, argc - optind, json);
	else
		status = show(image, argv + optind, argc - optind, all, json);
	turf_image_close(image);
	return status;
}
