/* SPDX-License-Identifier: MIT */
/*
 * turf show: types, functions and macros, by their names.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "show.h"
#include "turf/variables.h"

static const char usage[] =
	"Usage: turf show -e FILE [--json] [--all] NAME...\n"
	"       turf show -e FILE [--json] --all\n"
	"       turf show -e FILE [--json] --at ADDR [ADDR|FUNCTION...]\n"
	"Shows types as they are laid out: `struct foo`, `foo`, `ns::Class<int>`;\n"
	"functions with their code, what is inlined in them, variables and calls: `f`,\n"
	"`ns::f(int)`, `_ZN2ns1fEi`; macros with all that they mean and where, in files\n"
	"that were compiled with them (gcc -g3, clang -fdebug-macro). Of several of one\n"
	"name all are shown. Offsets and sizes are in bytes, of bit fields the bit behind\n"
	"a colon.\n"
	"\n"
	"  -e, --exe FILE    an ELF file, or an urf\n"
	"      --at ADDR     the variables in scope at hexadecimal addresses, and where\n"
	"                    they are; with a FUNCTION, those of it only\n"
	"      --all         of a function, each place that it is inlined at; without a\n"
	"                    name, every structure, union, class and enumeration that has\n"
	"                    one\n"
	"      --json        one JSON object a line\n"
	"  --debuginfo PATH  where separate debug files are, a folder or one of them;\n"
	"                    may be given several times (default: /usr/lib/debug)\n"
	"  --store DIR       where urfs are kept\n"
	"\n"
	"Exit status: 0 shown, 1 nothing of that name, 2 error.\n";

int show_no_data(void)
{
	return cli_error(NULL, "not in this urf: it was made with --hot, or stripped; build it "
	                       "without --hot");
}

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
	uint32_t kind;    /* TURF_TYPE_STRUCT: classes too; 0: any, and functions */
};

static bool begins_with(const char *text, const char *word)
{
	size_t n = strlen(word);
	return strncmp(text, word, n) == 0 && text[n] == ' ';
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

/* Numbers of types or functions. */
struct numbers {
	uint32_t *at;
	size_t n;
};

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

static void sort_once(struct numbers *list)
{
	size_t n = 0;
	if (list->n)
		qsort(list->at, list->n, sizeof(*list->at), by_number);
	for (size_t i = 0; i < list->n; i++)
		if (!n || list->at[n - 1] != list->at[i])
			list->at[n++] = list->at[i];
	list->n = n;
}

/* The function that begins where a symbol does: it may have several names. 0: none. */
static uint32_t symbol_function(const struct turf_image *image, uint32_t number)
{
	struct turf_symbol symbol;
	struct turf_frames walk;
	if (turf_image_symbol(image, number, &symbol) != 1 ||
	    turf_image_frames(image, symbol.addr, &walk) != 1 || !walk.n)
		return 0;
	const struct turf_frame *last = &walk.frame[walk.n - 1];
	return last->has_start && last->function_start == symbol.addr ? last->function : 0;
}

/* What is declared only says nothing where others are complete. */
static int add_type(const struct turf_image *image, const struct wanted *w, uint32_t number,
                    struct numbers *types, bool *complete)
{
	struct turf_type t;
	if (turf_image_type(image, number, &t) != 1)
		return cli_error(NULL, "type %u cannot be read: damaged urf", number);
	if (!is_kind(w, t.kind) || (t.declaration && *complete))
		return CLI_OK;
	if (!t.declaration && !*complete) {
		types->n = 0;
		*complete = true;
	}
	types->at[types->n++] = number;
	return CLI_OK;
}

/* What is called so: types and functions, each once, free() both; and the first macro. */
static int find(const struct turf_image *image, const char *name, struct numbers *types,
                struct numbers *functions, uint32_t *macro)
{
	struct wanted w = parse(name);
	struct found found;
	bool complete = false;
	int status = find_named(image, w.name, &found);
	if (status == CLI_NONE)
		status = CLI_OK;
	types->at = malloc((found.n + 1) * sizeof(*types->at));
	functions->at = malloc((found.n + 1) * sizeof(*functions->at));
	if (!types->at || !functions->at)
		status = cli_error(NULL, "no memory");
	for (size_t i = 0; i < found.n && status == CLI_OK; i++) {
		uint32_t number = found.at[i].number;
		if (found.at[i].kind == TURF_NAME_MACRO && !w.kind)
			*macro = number;
		if (found.at[i].kind == TURF_NAME_TYPE)
			status = add_type(image, &w, number, types, &complete);
		if (found.at[i].kind == TURF_NAME_SYMBOL)
			number = symbol_function(image, number);
		else if (found.at[i].kind != TURF_NAME_FUNCTION)
			continue;
		if (number && !w.kind)
			functions->at[functions->n++] = number;
	}
	find_free(&found);
	sort_once(functions);
	return status;
}

/* A constructor is called as its class. */
static bool is_constructor(const struct turf_image *image, uint32_t function,
                           const struct numbers *types)
{
	struct turf_details d;
	if (turf_image_details(image, function, &d) != 1 || !d.scope)
		return false;
	for (size_t i = 0; i < types->n; i++)
		if (types->at[i] == d.scope)
			return true;
	return false;
}

struct shown_macros {
	const struct turf_image *image;
	bool json;
};

static void put_macro(void *ctx, const struct turf_macro *macro)
{
	const struct shown_macros *s = ctx;
	if (s->json)
		putchar('{');
	(s->json ? show_macro_json : show_macro_text)(s->image, macro);
}

static int show_name(const struct turf_image *image, const struct elf *code, const char *name,
                     bool all, bool json)
{
	struct numbers types = { .n = 0 }, functions = { .n = 0 };
	struct shown_macros shown = { image, json };
	uint32_t macro = UINT32_MAX;
	int status = find(image, name, &types, &functions, &macro);
	size_t n = 0;
	for (size_t i = 0; i < types.n && status == CLI_OK; i++) {
		if (n++ && !json)
			putchar('\n');
		status = show_type(image, types.at[i], json);
	}
	for (size_t i = 0; i < functions.n && status == CLI_OK; i++) {
		if (is_constructor(image, functions.at[i], &types))
			continue;
		if (n++ && !json)
			putchar('\n');
		status = show_function(image, code, functions.at[i], all, json);
	}
	if (status == CLI_OK && macro != UINT32_MAX) {
		if (n++ && !json)
			putchar('\n');
		status = show_macros(image, macro, put_macro, &shown);
	}
	free(types.at);
	free(functions.at);
	return status == CLI_OK && !n ? CLI_NONE : status;
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

static int show(const struct turf_image *image, const struct elf *code, char *const *names,
                int n, bool all, bool json)
{
	int status = CLI_OK, one;
	if (!n && !turf_image_n_types(image))
		return cli_error(NULL, "no types: the file has no debug info");
	if (!n && all)
		status = show_all(image, json);
	for (int i = 0; i < n && status != CLI_ERROR; i++) {
		if (i && !json)
			putchar('\n');
		one = show_name(image, code, names[i], all, json);
		if (one == CLI_NONE)
			cli_error(NULL, "%s: no type, function or macro of that name",
			          names[i]);
		status = status == CLI_OK || one == CLI_ERROR ? one : status;
	}
	return fflush(stdout) || ferror(stdout) ? cli_error(NULL, "cannot write") : status;
}

/* An address, and not the name of a function that is written with a to f. */
static bool is_address(const char *text, uint64_t *addr)
{
	return (isdigit((unsigned char)*text) || strlen(text) >= 8) && cli_hex(text, addr);
}

/* The functions among @names: 1 some, 0 none is asked for, < 0 there are none of that name. */
static int find_functions(const struct turf_image *image, char *const *names, int n,
                          struct numbers *out)
{
	uint64_t addr;
	int asked = 0;
	for (int i = 0; i < n && asked >= 0; i++) {
		struct numbers types = { .n = 0 }, more = { .n = 0 };
		uint32_t macro;
		if (is_address(names[i], &addr))
			continue;
		asked = 1;
		if (find(image, names[i], &types, &more, &macro) != CLI_OK)
			asked = -CLI_ERROR;
		else if (!more.n)
			asked = -CLI_NONE;
		uint32_t *at = realloc(out->at, (out->n + more.n + 1) * sizeof(*at));
		if (at) {
			if (more.n)
				memcpy(at + out->n, more.at, more.n * sizeof(*at));
			out->at = at;
			out->n += more.n;
		}
		if (!at)
			asked = -cli_error(NULL, "no memory");
		if (asked == -CLI_NONE)
			cli_error(NULL, "%s: no function of that name", names[i]);
		free(types.at);
		free(more.at);
	}
	sort_once(out);
	return asked;
}

/* Addresses: @first, and those among @names, which may have functions too. */
static int show_addresses(const struct turf_image *image, const char *first, char *const *names,
                          int n, bool json)
{
	struct numbers functions = { .n = 0 };
	uint64_t addr;
	if (!cli_hex(first, &addr))
		return cli_error(NULL, "%s: no address", first);
	int asked = find_functions(image, names, n, &functions);
	int status = asked < 0 ? -asked : CLI_OK;
	const struct show_functions only = { functions.at, functions.n };
	for (int i = -1; i < n && asked >= 0 && status != CLI_ERROR; i++) {
		const char *text = i < 0 ? first : names[i];
		if (i >= 0 && !is_address(text, &addr))
			continue;
		int one = show_at(image, addr, asked ? &only : NULL, json);
		if (one == CLI_NONE)
			cli_error(NULL, "%s: %s", text,
			          asked ? "no code of that function"
			                : "nothing is known there");
		status = status == CLI_OK || one == CLI_ERROR ? one : status;
	}
	free(functions.at);
	return status;
}

static bool has_names(const struct turf_image *image)
{
	struct turf_names walk;
	return turf_image_names(image, "", 0, &walk) != -ENODATA;
}

int cmd_show(int argc, char **argv)
{
	static const struct option options[] = {
		{ "exe", required_argument, NULL, 'e' },
		{ "all", no_argument, NULL, 'a' },
		{ "at", required_argument, NULL, 'A' },
		{ "json", no_argument, NULL, 'j' },
		CLI_DEBUGINFO,
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
		else
			at = optarg;
	}
	if (!path)
		return cli_usage_error("no file given (-e FILE)");
	if (!at && !all && optind == argc)
		return cli_usage_error("no name given");
	struct turf_image *image;
	struct elf code;
	int status = cli_open_image(path, &image);
	if (status != CLI_OK)
		return status;
	show_open_code(path, &code);
	if (!has_names(image))
		status = show_no_data();
	else if (at)
		status = show_addresses(image, at, argv + optind, argc - optind, json);
	else
		status = show(image, &code, argv + optind, argc - optind, all, json);
	elf_close(&code);
	turf_image_close(image);
	return status;
}
