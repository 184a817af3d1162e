/* SPDX-License-Identifier: MIT */
/*
 * turf list: all functions, types, variables, symbols, files, units or macros, or those whose
 * names match a pattern.
 */
#include <fnmatch.h>
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "show.h"
#include "turf/types.h"
#include "turf/variables.h"
#include "urf/format.h"

static const char usage[] =
	"Usage: turf list -e FILE [OPTION...] WHAT [PATTERN]\n"
	"Lists what is known of WHAT:\n"
	"\n"
	"  functions  that have code or are inlined     types    that have a name\n"
	"  variables  outside functions, or that live   symbols  of code, as ELF has them\n"
	"             as long as the program            files    of source text\n"
	"  units      as they were compiled         macros   of `gcc -g3` and the like\n"
	"\n"
	"each with the place where it is declared, symbols with their address. PATTERN is\n"
	"as of a shell, for whole names as they are shown, or with -E a regular\n"
	"expression for any part of them; without it all are listed.\n"
	"\n"
	"  -e, --exe FILE    an ELF file, or an urf\n"
	"  -E, --regexp      PATTERN is a POSIX extended regular expression\n"
	"  -i, --ignore-case small letters are like capitals\n"
	"      --json        one JSON object a line\n"
	"  --debuginfo PATH  where separate debug files are, a folder or one of them;\n"
	"                    may be given several times (default: /usr/lib/debug)\n"
	"  --store DIR       where urfs are kept\n"
	"\n"
	"Exit status: 0 something was listed, 1 nothing matches, 2 error.\n";

struct list {
	const struct turf_image *image;
	const char *pattern; /* NULL: all */
	regex_t *regex;      /* that the pattern is; NULL: it is none */
	bool json, ignore_case;
	size_t n; /* listed */
};

static bool is_listed(struct list *l, const char *name)
{
	bool is = !l->pattern;
	if (l->regex)
		is = regexec(l->regex, name, 0, NULL, 0) == 0;
	else if (l->pattern)
		is = fnmatch(l->pattern, name, l->ignore_case ? FNM_CASEFOLD : 0) == 0;
	l->n += is;
	return is;
}

static void put_field(const char *name, struct cli_text text)
{
	if (!text.at)
		return;
	printf(",\"%s\":", name);
	cli_json_string(stdout, text.at);
}

/* A line: what, and where it is declared. */
static void put(const struct list *l, const char *kind, const char *name, uint32_t file,
                uint32_t line)
{
	struct cli_text path = cli_path(l->image, file);
	if (!l->json) {
		printf(path.at ? "%s  %s:%" PRIu32 "\n" : "%s\n", name, path.at, line);
		return;
	}
	printf("{\"kind\":\"%s\",\"name\":", kind);
	cli_json_string(stdout, name);
	put_field("file", path);
	if (path.at)
		printf(",\"line\":%" PRIu32, line);
	puts("}");
}

static int list_functions(struct list *l, const struct turf_image_info *info)
{
	for (uint32_t i = 1; i <= info->n_functions; i++) {
		turf_text name = 0, linkage = 0;
		uint32_t file = 0, line = 0;
		if (turf_image_function(l->image, i, &name, &linkage) != 1)
			return cli_error(NULL,
			                 "function %" PRIu32 " cannot be read: damaged urf", i);
		if (!name && !linkage)
			continue; /* lines without a function */
		struct cli_text shown = find_function_name(l->image, i);
		(void)turf_image_declared(l->image, i, &file, &line);
		if (shown.at && is_listed(l, shown.at))
			put(l, "function", shown.at, file, line);
	}
	return CLI_OK;
}

static int list_types(struct list *l, const struct turf_image_info *info)
{
	(void)info;
	uint32_t n = turf_image_n_types(l->image);
	if (!n)
		return cli_error(NULL,
		                 "no types in this urf: it was made of a file without debug "
		                 "info, with --hot, or stripped; build it without --hot");
	for (uint32_t i = 1; i < n; i++) {
		struct turf_type type;
		if (turf_image_type(l->image, i, &type) != 1)
			return cli_error(NULL, "type %" PRIu32 " cannot be read: damaged urf",
			                 i);
		if (!type.name || type.kind == TURF_TYPE_SCOPE)
			continue;
		char *shown = show_declaration(l->image, i, NULL);
		if (!shown)
			return CLI_ERROR;
		if (is_listed(l, shown))
			put(l, "type", shown, type.file, type.line);
		free(shown);
	}
	return CLI_OK;
}

static int list_variables(struct list *l, const struct turf_image_info *info)
{
	uint32_t n = turf_image_n_globals(l->image);
	if (!n && !(info->flags & URF_HAS_COLD))
		return show_no_data();
	for (uint32_t i = 0; i < n; i++) {
		struct turf_global g;
		if (turf_image_global(l->image, i, &g) != 1)
			return cli_error(NULL,
			                 "variable %" PRIu32 " cannot be read: damaged urf", i);
		struct turf_frame frame = { .name = g.linkage_name ? g.linkage_name : g.name };
		struct cli_text name = cli_frame_name(l->image, &frame, true);
		if (frame.name && is_listed(l, name.at))
			put(l, "variable", name.at, g.file, g.line);
	}
	return CLI_OK;
}

static int list_symbols(struct list *l, const struct turf_image_info *info)
{
	struct turf_symbol symbol;
	for (size_t i = 0; i < info->n_symbols; i++) {
		if (turf_image_symbol(l->image, i, &symbol) != 1)
			return cli_error(NULL, "symbol %zu cannot be read: damaged urf", i);
		const struct turf_frame frame = { .name = symbol.name };
		struct cli_text name = cli_frame_name(l->image, &frame, true);
		if (!symbol.name || !is_listed(l, name.at))
			continue;
		if (!l->json) {
			printf("%s  %#" PRIx64 "\n", name.at, symbol.addr);
			continue;
		}
		printf("{\"kind\":\"symbol\",\"name\":");
		cli_json_string(stdout, name.at);
		put_field("linkage_name", cli_text(l->image, symbol.name));
		printf(",\"start\":\"0x%" PRIx64 "\",\"size\":%" PRIu64 "}\n", symbol.addr,
		       symbol.size);
	}
	return CLI_OK;
}

static int list_files(struct list *l, const struct turf_image_info *info)
{
	(void)info;
	struct turf_file file;
	for (uint32_t i = 1; turf_image_file(l->image, i, &file) == 1; i++) {
		struct cli_text path = cli_path(l->image, i);
		if (path.at && is_listed(l, path.at))
			put(l, "file", path.at, 0, 0);
	}
	return CLI_OK;
}

static int list_macros(struct list *l, const struct turf_image_info *info)
{
	uint32_t n = turf_image_n_macros(l->image);
	if (!n && !(info->flags & URF_HAS_COLD))
		return show_no_data();
	for (uint32_t i = 0; i < n; i++) {
		struct turf_macro macro;
		if (turf_image_macro(l->image, i, &macro) != 1)
			return cli_error(NULL, "macro %" PRIu32 " cannot be read: damaged urf",
			                 i);
		struct cli_text name = cli_text(l->image, macro.name);
		if (!name.at || !is_listed(l, name.at))
			continue;
		if (l->json)
			putchar('{');
		(l->json ? show_macro_json : show_macro_text)(l->image, &macro);
	}
	return CLI_OK;
}

static void put_unit(const struct list *l, const struct turf_unit *unit, const char *name)
{
	struct cli_text directory = cli_text(l->image, unit->directory);
	struct cli_text producer = cli_text(l->image, unit->producer);
	if (!l->json) {
		printf("%s%s%s  DWARF %u  %s\n", directory.at ? directory.at : "",
		       directory.at ? "/" : "", name, unit->version,
		       producer.at ? producer.at : "");
		return;
	}
	printf("{\"kind\":\"unit\",\"name\":");
	cli_json_string(stdout, name);
	put_field("directory", directory);
	put_field("producer", producer);
	printf(",\"language\":%u,\"version\":%u}\n", unit->language, unit->version);
}

static int list_units(struct list *l, const struct turf_image_info *info)
{
	for (uint32_t i = 1; i <= info->n_units; i++) {
		struct turf_unit unit;
		if (turf_image_unit(l->image, i, &unit) != 1)
			return cli_error(NULL, "unit %" PRIu32 " cannot be read: damaged urf",
			                 i);
		struct cli_text name = cli_text(l->image, unit.name);
		if (name.at && is_listed(l, name.at))
			put_unit(l, &unit, name.at);
	}
	return CLI_OK;
}

static int list(struct list *l, const char *what)
{
	static const struct {
		const char *what;
		int (*list)(struct list *l, const struct turf_image_info *info);
	} kinds[] = {
		{ "functions", list_functions }, { "types", list_types },
		{ "variables", list_variables }, { "symbols", list_symbols },
		{ "files", list_files },         { "units", list_units },
		{ "macros", list_macros },
	};
	struct turf_image_info info;
	turf_image_info(l->image, &info);
	for (size_t i = 0; i < CLI_COUNT(kinds); i++)
		if (strcmp(kinds[i].what, what) == 0)
			return kinds[i].list(l, &info);
	return cli_usage_error("'%s' cannot be listed", what);
}

/* 0, or 2 and the error is printed. */
static int compile(struct list *l, regex_t *room)
{
	char why[128];
	int flags = REG_EXTENDED | REG_NOSUB | (l->ignore_case ? REG_ICASE : 0);
	int wrong = regcomp(room, l->pattern, flags);
	if (!wrong) {
		l->regex = room;
		return CLI_OK;
	}
	regerror(wrong, room, why, sizeof(why));
	return cli_error(NULL, "%.64s: %s", l->pattern, why);
}

static int list_file(struct list *l, const char *path, const char *what)
{
	struct turf_image *image;
	int status = cli_open_image(path, &image);
	if (status != CLI_OK)
		return status;
	l->image = image;
	status = list(l, what);
	turf_image_close(image);
	return status == CLI_OK && l->n == 0 ? CLI_NONE : status;
}

int cmd_list(int argc, char **argv)
{
	static const struct option options[] = {
		{ "exe", required_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "regexp", no_argument, NULL, 'E' },
		{ "ignore-case", no_argument, NULL, 'i' },
		CLI_DEBUGINFO,
		CLI_OPTIONS,
	};
	struct list l = { .n = 0 };
	regex_t compiled;
	bool regex = false;
	const char *path = NULL;
	for (int c; (c = cli_getopt(argc, argv, "e:Ei", options, usage)) != -1;) {
		if (c == 'e')
			path = optarg;
		else if (c == 'E')
			regex = true;
		else if (c == 'i')
			l.ignore_case = true;
		else
			l.json = true;
	}
	if (!path)
		return cli_usage_error("no file given (-e FILE)");
	if (argc - optind < 1 || argc - optind > 2)
		return cli_usage_error("functions, types, variables, symbols, files, units or "
		                       "macros are expected, and perhaps a pattern");
	l.pattern = argv[optind + 1]; /* NULL where there is none */
	if (regex && l.pattern && compile(&l, &compiled) != CLI_OK)
		return CLI_ERROR;
	int status = list_file(&l, path, argv[optind]);
	if (l.regex)
		regfree(l.regex);
	return status;
}
