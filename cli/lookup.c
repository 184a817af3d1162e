/* SPDX-License-Identifier: MIT */
/*
 * turf lookup: everything that is known of a name, of a line, of an address.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "show.h"
#include "turf/types.h"
#include "turf/variables.h"

static const char usage[] =
	"Usage: turf lookup -e FILE [--json] NAME|FILE:LINE|0xADDR...\n"
	"Tells what is called NAME, where a line has code, or what is at a link-time\n"
	"address. A NAME may say what it stands in and its arguments: `f`, `a::b::f`,\n"
	"`f(int)`, `T<int>::f`; or be a linkage name, a file, or a pattern: `foo_*`.\n"
	"Where LINE has no code, the next line that has some is told.\n"
	"\n"
	"  -e, --exe FILE    an ELF file, or an urf\n"
	"      --all         tell of every place that a function is inlined at\n"
	"  -E, --regexp      NAMEs are POSIX extended regular expressions, found in any\n"
	"                    part of a name without what it stands in\n"
	"  -i, --ignore-case with -E: small letters are like capitals\n"
	"      --json        one JSON object a line: one for each find\n"
	"  --debuginfo PATH  where separate debug files are, a folder or one of them;\n"
	"                    may be given several times (default: /usr/lib/debug)\n"
	"  --store DIR       where urfs are kept\n"
	"\n"
	"Exit status: 0 all were found, 1 some were not, 2 error.\n";

enum { FEW = 16 }; /* places of a function that are told without --all */

struct lookup {
	const struct turf_image *image;
	struct elf code;
	uint16_t machine;
	bool json, all, color;
	bool regex, ignore_case;
	const char *query;
	unsigned n; /* runs told */
	struct turf_place last;
};

static const char *on(const struct lookup *l, const char *code)
{
	return l->color ? code : "";
}
#define BOLD(l) on((l), "\033[1m")
#define DIM(l) on((l), "\033[2m")
#define PLAIN(l) on((l), "\033[0m")

/* A member of an object that is begun; none without a value. */
static void json_text(const char *name, struct cli_text text)
{
	if (!text.at)
		return;
	printf(",\"%s\":", name);
	cli_json_string(stdout, text.at);
}

static void json_begin(const struct lookup *l, const char *kind)
{
	printf("{\"query\":");
	cli_json_string(stdout, l->query);
	printf(",\"kind\":\"%s\"", kind);
}

static void json_declared(const struct lookup *l, uint32_t file, uint32_t line)
{
	if (!file)
		return;
	json_text("file", cli_path(l->image, file));
	printf(",\"line\":%" PRIu32, line);
}

static void put_declared(const struct lookup *l, uint32_t file, uint32_t line)
{
	struct cli_text path = cli_path(l->image, file);
	if (path.at)
		printf("  declared   %s:%" PRIu32 "\n", path.at, line);
}

/* The function whose own code is at @addr. */
static struct cli_text name_over(const struct lookup *l, uint64_t addr)
{
	struct turf_frames walk;
	if (turf_image_frames(l->image, addr, &walk) != 1 || !walk.n)
		return (struct cli_text){ "??", 2 };
	return cli_frame_name(l->image, &walk.frame[walk.n - 1], true);
}

static int put_code(void *ctx, const struct turf_code *code)
{
	struct lookup *l = ctx;
	if (l->json) {
		printf("%s{\"start\":\"0x%" PRIx64 "\",\"end\":\"0x%" PRIx64
		       "\",\"entry\":\"0x%" PRIx64 "\",\"inlined\":%s}",
		       l->n++ ? "," : "", code->start, code->end, code->entry,
		       code->inlined ? "true" : "false");
		return 0;
	}
	if (l->n++ >= FEW && !l->all)
		return 0;
	printf("  %-9s  %#" PRIx64 "..%#" PRIx64, code->inlined ? "inlined" : "code",
	       code->start, code->end);
	if (code->inlined)
		printf("  in %s", name_over(l, code->start).at);
	putchar('\n');
	return 0;
}

static int look_up_function(struct lookup *l, uint32_t number)
{
	uint32_t file = 0, line = 0;
	turf_text name, linkage;
	if (turf_image_function(l->image, number, &name, &linkage) != 1)
		return cli_error(NULL, "function %" PRIu32 " cannot be read: damaged urf",
		                 number);
	(void)turf_image_declared(l->image, number, &file, &line);
	l->n = 0;
	if (l->json) {
		json_begin(l, "function");
		printf(",\"number\":%" PRIu32, number);
		json_text("name", cli_text(l->image, name));
		json_text("linkage_name", cli_text(l->image, linkage));
		json_declared(l, file, line);
		printf(",\"code\":[");
	} else {
		printf("%sfunction%s %s\n", BOLD(l), PLAIN(l),
		       find_function_name(l->image, number).at);
		struct cli_text linked = cli_text(l->image, linkage);
		if (linked.at)
			printf("  linkage    %s\n", linked.at);
		put_declared(l, file, line);
	}
	int r = turf_image_code(l->image, number, put_code, l);
	if (l->json)
		puts("]}");
	else if (l->n > FEW && !l->all)
		printf("  ...        and at %u more places: see --all\n", l->n - FEW);
	else if (l->n == 0)
		puts("  no code");
	return r < 0 && r != -ENODATA ? cli_error(NULL, "places cannot be read: damaged urf")
	                              : CLI_OK;
}

static const char *symbol_type(uint8_t type)
{
	static const char *const types[] = {
		"notype", "object", "func", "section", "file", "common", "tls",
	};
	return type < CLI_COUNT(types) ? types[type] : type == 10 ? "ifunc" : "other";
}

static void put_symbol(const struct lookup *l, const struct turf_symbol *symbol)
{
	struct cli_text name = cli_text(l->image, symbol->name);
	if (l->json) {
		json_begin(l, "symbol");
		json_text("name", name);
		printf(",\"start\":\"0x%" PRIx64 "\",\"size\":%" PRIu64 ",\"type\":\"%s\"}\n",
		       symbol->addr, symbol->size, symbol_type(symbol->type));
		return;
	}
	printf("%ssymbol%s %s\n  %-9s  %#" PRIx64 "..%#" PRIx64 "\n", BOLD(l), PLAIN(l),
	       name.at ? name.at : "??", symbol_type(symbol->type), symbol->addr,
	       symbol->addr + symbol->size);
}

static int look_up_symbol(struct lookup *l, uint32_t number)
{
	struct turf_symbol symbol;
	if (turf_image_symbol(l->image, number, &symbol) != 1)
		return cli_error(NULL, "symbol %" PRIu32 " cannot be read: damaged urf",
		                 number);
	put_symbol(l, &symbol);
	return CLI_OK;
}

static bool enumerator(const struct turf_type *type, uint32_t idx, struct turf_type_item *item)
{
	struct turf_type_items walk;
	turf_type_items(type, &walk);
	do {
		if (turf_type_items_next(&walk, item) != 1)
			return false;
	} while (idx-- > 0);
	return true;
}

static void put_type(const struct lookup *l, const struct turf_type *type, const char *name,
                     const char *kind, const struct turf_type_item *item)
{
	uint64_t size = 0;
	bool sized = turf_image_type_size(l->image, type->number, &size) == 1;
	if (l->json) {
		json_begin(l, kind);
		if (item)
			json_text("name", cli_text(l->image, item->name));
		printf(",\"type_number\":%" PRIu32, type->number);
		json_text("type", (struct cli_text){ name, strlen(name) });
		json_declared(l, type->file, type->line);
		if (sized)
			printf(",\"size\":%" PRIu64, size);
		if (item)
			printf(",\"value\":%" PRId64, item->value);
		printf(",\"declaration\":%s}\n", type->declaration ? "true" : "false");
		return;
	}
	if (item)
		printf("%s%s%s %s = %" PRId64 "\n  of         %s\n", BOLD(l), kind, PLAIN(l),
		       cli_text(l->image, item->name).at, item->value, name);
	else
		printf("%s%s%s %s%s\n", BOLD(l), kind, PLAIN(l), name,
		       type->declaration ? " (declared only)" : "");
	put_declared(l, type->file, type->line);
	if (sized)
		printf("  size       %" PRIu64 "\n", size);
}

static int look_up_type(struct lookup *l, const struct turf_name *found)
{
	struct turf_type type;
	struct turf_type_item item;
	bool is_item = found->kind == TURF_NAME_ENUMERATOR;
	char *name = show_declaration(l->image, found->number, NULL);
	if (!name)
		return CLI_ERROR;
	bool ok = turf_image_type(l->image, found->number, &type) == 1 &&
	          (!is_item || enumerator(&type, found->index, &item));
	if (ok)
		put_type(l, &type, name,
		         is_item                            ? "enumerator"
		         : type.kind == TURF_TYPE_NAMESPACE ? "namespace"
		                                            : "type",
		         is_item ? &item : NULL);
	free(name);
	return ok ? CLI_OK
	          : cli_error(NULL, "type %" PRIu32 " cannot be read: damaged urf",
	                      found->number);
}

static void put_global(const struct lookup *l, const struct turf_global *g,
                       const char *declaration)
{
	static const char *const where[] = { "address", "thread offset" };
	if (l->json) {
		json_begin(l, "variable");
		json_text("name", cli_text(l->image, g->name));
		json_text("linkage_name", cli_text(l->image, g->linkage_name));
		json_text("declaration", (struct cli_text){ declaration, strlen(declaration) });
		json_declared(l, g->file, g->line);
		if (g->kind == TURF_GLOBAL_ADDRESS)
			printf(",\"address\":\"0x%" PRIx64 "\"", g->address);
		else if (g->kind == TURF_GLOBAL_THREAD)
			printf(",\"thread_offset\":%" PRIu64, g->address);
		printf(",\"external\":%s}\n", g->external ? "true" : "false");
		return;
	}
	printf("%svariable%s %s\n", BOLD(l), PLAIN(l), declaration);
	put_declared(l, g->file, g->line);
	if (g->kind <= TURF_GLOBAL_THREAD) {
		printf("  %-9s  %#" PRIx64 "\n", where[g->kind], g->address);
	} else if (g->kind == TURF_GLOBAL_EXPR) {
		char words[256];
		if (turf_location_words(l->machine, g->expr, g->expr_size, words,
		                        sizeof(words)) >= 0)
			printf("  where      %s\n", words);
	} else {
		puts("  optimized away");
	}
}

static int tell_variable(const struct lookup *l, const struct turf_global *g)
{
	struct turf_frame frame = { .name = g->linkage_name ? g->linkage_name : g->name };
	char *declaration =
		show_declaration(l->image, g->type, cli_frame_name(l->image, &frame, true).at);
	if (!declaration)
		return CLI_ERROR;
	put_global(l, g, declaration);
	free(declaration);
	return CLI_OK;
}

static int look_up_variable(struct lookup *l, uint32_t number)
{
	struct turf_global g;
	if (turf_image_global(l->image, number, &g) != 1)
		return cli_error(NULL, "variable %" PRIu32 " cannot be read: damaged urf",
		                 number);
	return tell_variable(l, &g);
}

static int look_up_file(struct lookup *l, uint32_t number)
{
	struct cli_text path = cli_path(l->image, number);
	if (l->json) {
		json_begin(l, "file");
		json_text("name", path);
		puts("}");
	} else {
		printf("%sfile%s %s\n", BOLD(l), PLAIN(l), path.at ? path.at : "??");
	}
	return CLI_OK;
}

static void put_macro(void *ctx, const struct turf_macro *macro)
{
	const struct lookup *l = ctx;
	if (l->json) {
		printf("{\"query\":");
		cli_json_string(stdout, l->query);
		putchar(',');
		show_macro_json(l->image, macro);
		return;
	}
	printf("%smacro%s %s\n", BOLD(l), PLAIN(l), cli_text(l->image, macro->name).at);
	printf("  %-9s  ", macro->undefined ? "undefined" : "defined");
	show_macro_text(l->image, macro);
}

static int look_up_name(struct lookup *l, const char *name)
{
	struct found found;
	int status = l->regex ? find_matches(l->image, name, l->ignore_case, &found)
	                      : find_named(l->image, name, &found);
	for (size_t i = 0; i < found.n && status == CLI_OK; i++) {
		uint32_t number = found.at[i].number;
		switch (found.at[i].kind) {
		case TURF_NAME_FUNCTION:
			status = look_up_function(l, number);
			break;
		case TURF_NAME_SYMBOL:
			status = look_up_symbol(l, number);
			break;
		case TURF_NAME_TYPE:
		case TURF_NAME_ENUMERATOR:
			status = look_up_type(l, &found.at[i]);
			break;
		case TURF_NAME_FILE:
			status = look_up_file(l, number);
			break;
		case TURF_NAME_VARIABLE:
			status = look_up_variable(l, number);
			break;
		case TURF_NAME_MACRO:
			status = show_macros(l->image, number, put_macro, l);
			break;
		}
	}
	find_free(&found);
	return status;
}

/* A statement begins where a row begins that says so: debuggers stop there. */
static bool is_statement(const struct lookup *l, uint64_t addr)
{
	struct turf_row row;
	return turf_image_find_row(l->image, addr, &row) == 1 && row.start == addr &&
	       row.is_stmt;
}

static int put_place(void *ctx, const struct turf_place *place)
{
	struct lookup *l = ctx;
	bool statement = is_statement(l, place->addr);
	struct cli_text name = find_function_name(l->image, place->function);
	if (l->json) {
		json_begin(l, "line");
		json_declared(l, place->file, place->line);
		printf(",\"column\":%" PRIu32 ",\"start\":\"0x%" PRIx64
		       "\",\"end\":\"0x%" PRIx64 "\",\"statement\":%s,\"depth\":%" PRIu32,
		       place->column, place->addr, place->end, statement ? "true" : "false",
		       place->depth);
		json_text("function", name);
		puts("}");
		l->n++;
		return 0;
	}
	if (!l->n++ || l->last.file != place->file || l->last.line != place->line)
		printf("%sline%s %s:%" PRIu32 "\n", BOLD(l), PLAIN(l),
		       cli_path(l->image, place->file).at, place->line);
	l->last = *place;
	printf("  %-9s  %#" PRIx64 "..%#" PRIx64 "  %s", statement ? "statement" : "",
	       place->addr, place->end, name.at);
	if (place->depth)
		printf("  inlined in %s", name_over(l, place->addr).at);
	putchar('\n');
	return 0;
}

static int look_up_line(struct lookup *l, const char *path, uint32_t line)
{
	struct found files;
	int status = find_files(l->image, path, &files);
	l->n = 0;
	for (size_t i = 0; i < files.n && status == CLI_OK; i++)
		if (turf_image_places(l->image, files.at[i].number, line, put_place, l) < 0)
			status = cli_error(NULL, "places cannot be read: damaged urf");
	find_free(&files);
	return status == CLI_OK && l->n == 0 ? CLI_NONE : status;
}

static void put_rule(const struct lookup *l, const struct turf_rule *rule)
{
	char room[16];
	switch (rule->kind) {
	case TURF_RULE_UNDEFINED:
		printf("unknown");
		break;
	case TURF_RULE_SAME:
		printf("unchanged");
		break;
	case TURF_RULE_AT_CFA:
		printf("at CFA%+" PRId32, rule->offset);
		break;
	case TURF_RULE_IS_CFA:
		printf("CFA%+" PRId32, rule->offset);
		break;
	case TURF_RULE_REGISTER:
		printf("in %s", turf_register_name(l->machine, rule->reg, room));
		break;
	case TURF_RULE_REG_OFFSET:
		printf("%s%+" PRId32, turf_register_name(l->machine, rule->reg, room),
		       rule->offset);
		break;
	default:
		printf("by an expression");
	}
}

static void put_unwind(const struct lookup *l, uint64_t addr)
{
	struct turf_unwind_row row;
	struct turf_rule rule;
	uint8_t reg;
	char room[16];
	if (turf_image_find_unwind(l->image, addr, &row) != 1)
		return;
	printf("  unwind     CFA is ");
	put_rule(l, &row.cfa);
	printf(", return address ");
	put_rule(l, &row.return_address);
	for (size_t i = 0; turf_unwind_saved(l->image, &row, i, &reg, &rule) == 1; i++) {
		printf(", %s ", turf_register_name(l->machine, reg, room));
		put_rule(l, &rule);
	}
	puts(row.signal_frame ? ", a signal's frame"
	     : row.guess      ? ", by guess: no table says so"
	                      : "");
}

static void put_frames(const struct lookup *l, const struct turf_frames *frames)
{
	for (uint32_t i = 0; i < frames->n; i++) {
		const struct turf_frame *f = &frames->frame[i];
		struct cli_text path = cli_path(l->image, f->file);
		printf("  %-9s  %s", f->inlined ? "inlined" : "function",
		       cli_frame_name(l->image, f, true).at);
		if (path.at)
			printf("  %s:%" PRIu32 ":%" PRIu32, path.at, f->line, f->column);
		putchar('\n');
	}
}

static void put_row(const struct turf_row *row)
{
	printf("  row        %#" PRIx64 "..%#" PRIx64 "%s%s%s", row->start, row->end,
	       row->is_stmt ? ", statement" : "", row->prologue_end ? ", prologue ends" : "",
	       row->epilogue_begin ? ", epilogue begins" : "");
	if (row->discriminator)
		printf(", discriminator %" PRIu32, row->discriminator);
	putchar('\n');
}

static void put_address(const struct lookup *l, uint64_t addr, const struct turf_frames *frames)
{
	struct turf_function function;
	struct turf_symbol symbol;
	struct turf_unit unit;
	struct turf_row row;
	printf("%saddress%s %#" PRIx64 "\n", BOLD(l), PLAIN(l), addr);
	put_frames(l, frames);
	if (turf_image_find_function(l->image, addr, &function) == 1)
		printf("  range      %#" PRIx64 "..%#" PRIx64 "\n", function.start,
		       function.end);
	if (turf_image_find_symbol(l->image, addr, &symbol) == 1)
		printf("  symbol     %s+%#" PRIx64 "\n",
		       symbol.name ? cli_text(l->image, symbol.name).at : "??",
		       addr - symbol.addr);
	if (turf_image_find_unit(l->image, addr, &unit) == 1) {
		struct cli_text name = cli_text(l->image, unit.name);
		struct cli_text producer = cli_text(l->image, unit.producer);
		printf("  unit       %s, DWARF %u", name.at ? name.at : "??", unit.version);
		printf(producer.at ? ", %s\n" : "%s\n", producer.at ? producer.at : "");
	}
	if (turf_image_find_row(l->image, addr, &row) == 1)
		put_row(&row);
	put_unwind(l, addr);
	(void)show_call_at(l->image, &l->code, addr, false);
}

static void put_json_address(const struct lookup *l, uint64_t addr,
                             const struct turf_frames *frames)
{
	struct turf_symbol symbol;
	struct turf_unit unit;
	struct turf_row row;
	json_begin(l, "address");
	printf(",\"address\":\"0x%" PRIx64 "\",\"frames\":[", addr);
	for (uint32_t i = 0; i < frames->n; i++) {
		const struct turf_frame *f = &frames->frame[i];
		printf("%s{\"inlined\":%s", i ? "," : "", f->inlined ? "true" : "false");
		json_text("function", cli_text(l->image, f->name));
		json_text("linkage_name", cli_text(l->image, f->linkage_name));
		json_declared(l, f->file, f->line);
		printf(",\"column\":%" PRIu32 "}", f->column);
	}
	putchar(']');
	if (turf_image_find_symbol(l->image, addr, &symbol) == 1) {
		json_text("symbol", cli_text(l->image, symbol.name));
		printf(",\"symbol_offset\":%" PRIu64, addr - symbol.addr);
	}
	if (turf_image_find_unit(l->image, addr, &unit) == 1) {
		json_text("unit", cli_text(l->image, unit.name));
		json_text("producer", cli_text(l->image, unit.producer));
	}
	if (turf_image_find_row(l->image, addr, &row) == 1)
		printf(",\"row\":{\"start\":\"0x%" PRIx64 "\",\"end\":\"0x%" PRIx64
		       "\",\"statement\":%s,\"discriminator\":%" PRIu32 "}",
		       row.start, row.end, row.is_stmt ? "true" : "false", row.discriminator);
	(void)show_call_at(l->image, &l->code, addr, true);
	puts("}");
}

static int look_up_address(struct lookup *l, uint64_t addr)
{
	struct turf_frames frames;
	int r = turf_image_frames(l->image, addr, &frames);
	struct turf_global g;
	if (r == 0) { /* no code: data, perhaps */
		r = turf_image_find_global(l->image, addr, &g);
		if (r == 1)
			return tell_variable(l, &g);
		if (r == -ENODATA)
			return CLI_NONE;
	}
	if (r < 0)
		return cli_error(NULL, "%s: damaged urf", l->query);
	if (r == 0)
		return CLI_NONE;
	if (l->json) {
		put_json_address(l, addr, &frames);
		return CLI_OK;
	}
	put_address(l, addr, &frames);
	int status =
		turf_image_n_types(l->image) ? show_at(l->image, addr, NULL, false) : CLI_OK;
	return status == CLI_NONE ? CLI_OK : status;
}

/* "FILE:LINE": the line, and the file in @path; free() that. 0: it is none. */
static uint32_t parse_line(const char *text, char **path)
{
	const char *colon = strrchr(text, ':');
	uint64_t line;
	if (!colon || colon == text || colon[-1] == ':' ||
	    !cli_number(colon + 1, 1, UINT32_MAX, &line))
		return 0;
	*path = strndup(text, (size_t)(colon - text));
	return *path ? (uint32_t)line : 0;
}

static int look_up(struct lookup *l, const char *query)
{
	uint64_t addr;
	char *path = NULL;
	l->query = query;
	if (l->regex)
		return look_up_name(l, query);
	if (query[0] == '0' && (query[1] | 0x20) == 'x' && cli_hex(query, &addr))
		return look_up_address(l, addr);
	uint32_t line = parse_line(query, &path);
	int status = line ? look_up_line(l, path, line) : look_up_name(l, query);
	free(path);
	return status;
}

int cmd_lookup(int argc, char **argv)
{
	static const struct option options[] = {
		{ "exe", required_argument, NULL, 'e' },
		{ "all", no_argument, NULL, 'a' },
		{ "regexp", no_argument, NULL, 'E' },
		{ "ignore-case", no_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		CLI_DEBUGINFO,
		CLI_OPTIONS,
	};
	struct lookup l = { .color = cli_color(stdout) };
	const char *path = NULL;
	for (int c; (c = cli_getopt(argc, argv, "e:Ei", options, usage)) != -1;) {
		if (c == 'e')
			path = optarg;
		else if (c == 'a')
			l.all = true;
		else if (c == 'E')
			l.regex = true;
		else if (c == 'i')
			l.ignore_case = true;
		else
			l.json = true;
	}
	if (!path)
		return cli_usage_error("no file given (-e FILE)");
	if (optind == argc)
		return cli_usage_error("nothing to look up");
	if (l.ignore_case && !l.regex)
		return cli_usage_error("-i goes with -E");
	struct turf_image *image;
	int status = cli_open_image(path, &image);
	if (status != CLI_OK)
		return status;
	struct turf_image_info info;
	turf_image_info(image, &info);
	l.image = image;
	l.machine = info.machine;
	show_open_code(path, &l.code);
	for (int i = optind; i < argc && status != CLI_ERROR; i++) {
		int one = look_up(&l, argv[i]);
		if (one == CLI_NONE)
			cli_error(NULL, "%s: not found", argv[i]);
		status = status == CLI_OK || one == CLI_ERROR ? one : status;
	}
	elf_close(&l.code);
	turf_image_close(image);
	return status;
}
