/* SPDX-License-Identifier: MIT */
/*
 * One type as C declares it, with offsets, sizes and holes; or as JSON.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"

enum {
	NEST_MAX = 16, /* types without names within each other */
	COLUMN = 48,   /* where offsets stand */
	LINE_BYTES = 64,
};

/* What is added up over the members of one type. */
struct layout {
	int64_t end; /* of what was there last, in bits */
	uint64_t hole_bits, n_members, n_holes;
	bool overlaps; /* all begin at one place: a union */
};

static bool is_structure(uint32_t kind)
{
	return kind >= TURF_TYPE_STRUCT && kind <= TURF_TYPE_INTERFACE;
}

static const char *keyword(uint32_t kind)
{
	switch (kind) {
	case TURF_TYPE_STRUCT:
		return "struct";
	case TURF_TYPE_CLASS:
		return "class";
	case TURF_TYPE_UNION:
		return "union";
	case TURF_TYPE_INTERFACE:
		return "interface";
	case TURF_TYPE_ENUM:
		return "enum";
	case TURF_TYPE_TYPEDEF:
		return "typedef";
	case TURF_TYPE_BASE:
		return "base";
	default:
		return "type";
	}
}

static const char *text(const struct turf_image *image, turf_text number)
{
	struct cli_text t = cli_text(image, number);
	return t.at ? t.at : "";
}

/* The full name of a type that has one; free() it. */
static char *full_name(const struct turf_image *image, const struct turf_type *t)
{
	ssize_t n = t->name ? turf_image_type_name(image, t->number, NULL, 0) : 0;
	char *name = n >= 0 ? calloc(1, (size_t)n + 1) : NULL;
	if (name && n)
		turf_image_type_name(image, t->number, name, (size_t)n + 1);
	return name;
}

/*
 * A structure, union or enumeration without a name, to be shown where it is used, be it as
 * elements of an array or behind a pointer.
 */
static bool is_shown_in_place(const struct turf_image *image, uint32_t number,
                              struct turf_type *t, bool *pointed)
{
	*pointed = false;
	for (unsigned i = 0; i < NEST_MAX && turf_image_type(image, number, t) == 1; i++) {
		*pointed |= t->kind == TURF_TYPE_POINTER;
		if (t->kind != TURF_TYPE_ARRAY && t->kind != TURF_TYPE_POINTER &&
		    t->kind != TURF_TYPE_CONST && t->kind != TURF_TYPE_VOLATILE &&
		    t->kind != TURF_TYPE_ATOMIC)
			return !t->name && (is_structure(t->kind) || t->kind == TURF_TYPE_ENUM);
		number = t->target;
	}
	return false;
}

static uint64_t size_of(const struct turf_image *image, uint32_t number)
{
	uint64_t size = 0;
	return turf_image_type_size(image, number, &size) == 1 ? size : 0;
}

static void indent(unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		putchar('\t');
}

/* Spaces up to where offsets stand, behind @n characters of a line. */
static void pad(unsigned depth, size_t n)
{
	size_t at = 8 * depth + n;
	printf("%*s", at < COLUMN ? (int)(COLUMN - at) : 1, "");
}

static const char *access_word(unsigned access)
{
	static const char *const words[] = { "", "public ", "protected ", "private " };
	return words[access & 3];
}

static void put_offset(const struct turf_type_item *item, uint64_t size)
{
	if (item->moves)
		printf("/* virtual %5" PRIu64 " */", size);
	else if (item->bits)
		printf("/* %5" PRId64 ":%u %5" PRIu64 " */", item->bit_offset >> 3,
		       (unsigned)(item->bit_offset & 7), size);
	else
		printf("/* %7" PRId64 " %5" PRIu64 " */", item->bit_offset >> 3, size);
}

/* Notes the place that an item takes; shows the hole before it. */
static void add_place(struct layout *l, const struct turf_type_item *item, uint64_t size,
                      unsigned depth)
{
	int64_t bits = item->bits ? (int64_t)item->bits : (int64_t)(size * 8);
	l->n_members += item->kind == TURF_ITEM_MEMBER;
	if (l->overlaps || item->moves)
		return;
	if (item->bit_offset > l->end) {
		uint64_t hole = (uint64_t)(item->bit_offset - l->end);
		l->hole_bits += hole;
		l->n_holes++;
		indent(depth);
		if (hole % 8)
			printf("/* %" PRIu64 " bits hole */\n", hole);
		else
			printf("/* %" PRIu64 " bytes hole */\n", hole / 8);
	}
	if (item->bit_offset + bits > l->end)
		l->end = item->bit_offset + bits;
}

static void put_structure(const struct turf_image *image, const struct turf_type *t,
                          unsigned depth, int64_t base);
static void put_enumerators(const struct turf_image *image, const struct turf_type *t,
                            unsigned depth);

/* "struct { ... } name[4];" */
static void put_in_place(const struct turf_image *image, const struct turf_type *t,
                         const struct turf_type_item *item, bool pointed, unsigned depth)
{
	static const char body[] = "{...}";
	char *all = show_declaration(image, item->type, text(image, item->name));
	const char *at = all ? strstr(all, body) : NULL;
	indent(depth);
	const char *word = at ? strstr(all, keyword(t->kind)) : NULL;
	if (word && word < at) /* what it stands in is what is shown */
		printf("%.*s {\n", (int)(word + strlen(keyword(t->kind)) - all), all);
	else
		printf("%s {\n", keyword(t->kind));
	if (t->kind == TURF_TYPE_ENUM)
		put_enumerators(image, t, depth + 1);
	else
		put_structure(image, t, depth + 1,
		              item->moves || pointed ? 0 : item->bit_offset);
	indent(depth);
	int n = printf("}%s", at ? at + strlen(body) : "");
	free(all);
	if (item->bits)
		n += printf(":%u", item->bits);
	putchar(';');
	pad(depth, (size_t)n + 1);
	put_offset(item, size_of(image, item->type));
	putchar('\n');
}

static void put_member(const struct turf_image *image, const struct turf_type_item *item,
                       unsigned depth)
{
	struct turf_type t;
	bool pointed;
	if (depth < NEST_MAX && is_shown_in_place(image, item->type, &t, &pointed)) {
		put_in_place(image, &t, item, pointed, depth);
		return;
	}
	char *declaration = show_declaration(image, item->type, text(image, item->name));
	indent(depth);
	int n = printf("%s%s%s", item->access ? access_word(item->access) : "",
	               item->is_mutable ? "mutable " : "", declaration ? declaration : "?");
	free(declaration);
	if (item->bits)
		n += printf(":%u", item->bits);
	putchar(';');
	pad(depth, (size_t)n + 1);
	put_offset(item, size_of(image, item->type));
	putchar('\n');
}

static void put_base(const struct turf_image *image, const struct turf_type_item *item,
                     unsigned depth)
{
	char *name = show_declaration(image, item->type, NULL);
	indent(depth);
	int n = printf("/* base class: %s%s%s */", access_word(item->access),
	               item->is_virtual ? "virtual " : "", name ? name : "?");
	free(name);
	pad(depth, (size_t)n);
	put_offset(item, size_of(image, item->type));
	putchar('\n');
}

static void put_static(const struct turf_image *image, const struct turf_type_item *item,
                       unsigned depth)
{
	char *declaration = show_declaration(image, item->type, text(image, item->name));
	indent(depth);
	printf("%sstatic %s", access_word(item->access), declaration ? declaration : "?");
	free(declaration);
	if (item->has_value)
		printf(" = %" PRId64, item->value);
	puts(";");
}

/* One item; the depth of those to come. */
static unsigned put_item(const struct turf_image *image, const struct turf_type_item *item,
                         struct layout *l, unsigned depth)
{
	switch (item->kind) {
	case TURF_ITEM_MEMBER:
	case TURF_ITEM_BASE:
		add_place(l, item, size_of(image, item->type), depth);
		if (item->kind == TURF_ITEM_BASE)
			put_base(image, item, depth);
		else
			put_member(image, item, depth);
		return depth;
	case TURF_ITEM_STATIC:
		put_static(image, item, depth);
		return depth;
	case TURF_ITEM_PART:
		indent(depth);
		puts("variant {");
		l->overlaps = true;
		return depth + 1;
	case TURF_ITEM_VARIANT:
		indent(depth);
		if (item->has_value)
			printf("case %" PRId64 " {\n", item->value);
		else
			puts("default {");
		return depth + 1;
	default:
		return depth;
	}
}

/* @base: where it begins in what it is in, in bits. */
static void put_structure(const struct turf_image *image, const struct turf_type *t,
                          unsigned depth, int64_t base)
{
	struct layout l = { .end = base, .overlaps = t->kind == TURF_TYPE_UNION };
	struct turf_type_items walk;
	struct turf_type_item item;
	unsigned packs = 0, at = depth;
	turf_type_items(t, &walk);
	while (turf_type_items_next(&walk, &item) == 1) {
		packs += item.kind == TURF_ITEM_PACK;
		item.bit_offset += base;
		if (item.kind == TURF_ITEM_END && packs) {
			packs--;
		} else if (item.kind == TURF_ITEM_END && at > depth) {
			indent(--at);
			puts("}");
		} else {
			at = put_item(image, &item, &l, at);
		}
	}
	if (depth != 1)
		return;
	show_methods(image, t);
	printf("\n\t/* size: %" PRIu64 ", cache lines: %" PRIu64 ", members: %" PRIu64, t->size,
	       (t->size + LINE_BYTES - 1) / LINE_BYTES, l.n_members);
	if (l.n_holes)
		printf(", holes: %" PRIu64 ", sum of holes: %" PRIu64 " bits", l.n_holes,
		       l.hole_bits);
	int64_t left = (int64_t)(t->size * 8) - l.end;
	if (!l.overlaps && l.n_members && left > 0)
		printf(", padding: %" PRId64 " bits", left);
	if (t->alignment)
		printf(", alignment: %u", t->alignment);
	puts(" */");
}

static void put_enumerators(const struct turf_image *image, const struct turf_type *t,
                            unsigned depth)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	turf_type_items(t, &walk);
	while (turf_type_items_next(&walk, &item) == 1) {
		indent(depth);
		printf("%s = %" PRId64 ",\n", text(image, item.name), item.value);
	}
}

static void put_place(const struct turf_image *image, const struct turf_type *t)
{
	struct cli_text path = cli_path(image, t->file);
	if (t->file && path.at)
		printf(" /* %s:%u */", path.at, t->line);
}

/* "enum class name : unsigned char {" */
static void put_head(const struct turf_image *image, const struct turf_type *t)
{
	char *name = full_name(image, t);
	printf("%s%s %s", keyword(t->kind), t->scoped_enum ? " class" : "", name ? name : "");
	free(name);
	if (t->kind == TURF_TYPE_ENUM && t->target) {
		char *kept = show_declaration(image, t->target, NULL);
		printf("%s: %s", t->name ? " " : "", kept ? kept : "?");
		free(kept);
	}
	printf(t->declaration ? ";" : " {");
	put_place(image, t);
	putchar('\n');
}

/* What a typedef names, where that has no name of its own; else nothing more. */
static void put_typedef(const struct turf_image *image, const struct turf_type *t)
{
	struct turf_type target;
	char *name = full_name(image, t);
	if (turf_image_type(image, t->target, &target) == 1 && !target.name &&
	    (is_structure(target.kind) || target.kind == TURF_TYPE_ENUM)) {
		printf("typedef %s {", keyword(target.kind));
		put_place(image, t);
		putchar('\n');
		if (target.kind == TURF_TYPE_ENUM)
			put_enumerators(image, &target, 1);
		else
			put_structure(image, &target, 1, 0);
		printf("} %s;\n", name ? name : "");
	} else {
		char *declaration = show_declaration(image, t->target, name);
		printf("typedef %s;", declaration ? declaration : "?");
		put_place(image, t);
		printf(" /* %" PRIu64 " */\n", size_of(image, t->number));
		free(declaration);
	}
	free(name);
}

static void put_text(const struct turf_image *image, const struct turf_type *t)
{
	if (t->kind == TURF_TYPE_TYPEDEF) {
		put_typedef(image, t);
	} else if (is_structure(t->kind) || t->kind == TURF_TYPE_ENUM) {
		put_head(image, t);
		if (t->declaration)
			return;
		if (t->kind == TURF_TYPE_ENUM)
			put_enumerators(image, t, 1);
		else
			put_structure(image, t, 1, 0);
		puts("};");
	} else {
		char *name = full_name(image, t);
		printf("%s /* %" PRIu64 " bytes, encoding %u */\n", name ? name : "", t->size,
		       t->encoding);
		free(name);
	}
}

static void json_key(const char *key, const char *value)
{
	printf(",\"%s\":", key);
	cli_json_string(stdout, value);
}

static void json_items(const struct turf_image *image, const struct turf_type *t,
                       unsigned depth);

static void json_type(const struct turf_image *image, uint32_t number, unsigned depth)
{
	struct turf_type t;
	char *name = show_declaration(image, number, NULL);
	json_key("type", name ? name : "?");
	free(name);
	printf(",\"type_number\":%u", number);
	bool pointed;
	if (depth < NEST_MAX && is_shown_in_place(image, number, &t, &pointed)) {
		json_key("kind_of_type", keyword(t.kind));
		if (pointed)
			printf(",\"pointed\":true");
		json_items(image, &t, depth);
	}
}

static void json_item(const struct turf_image *image, const struct turf_type_item *item,
                      unsigned depth)
{
	static const char *const kinds[] = {
		[TURF_ITEM_MEMBER] = "member",
		[TURF_ITEM_BASE] = "base",
		[TURF_ITEM_STATIC] = "static",
		[TURF_ITEM_ENUMERATOR] = "enumerator",
		[TURF_ITEM_PARAMETER] = "parameter",
		[TURF_ITEM_DIMENSION] = "dimension",
		[TURF_ITEM_TYPE_ARGUMENT] = "type_argument",
		[TURF_ITEM_VALUE_ARGUMENT] = "value_argument",
		[TURF_ITEM_TEMPLATE_ARGUMENT] = "template_argument",
		[TURF_ITEM_PACK] = "pack",
		[TURF_ITEM_PART] = "part",
		[TURF_ITEM_VARIANT] = "variant",
		[TURF_ITEM_END] = "end",
	};
	printf("{\"item\":\"%s\"", kinds[item->kind]);
	if (item->name)
		json_key("name", text(image, item->name));
	if (item->kind <= TURF_ITEM_BASE) {
		if (item->moves)
			printf(",\"moves\":true");
		else
			printf(",\"bit_offset\":%" PRId64, item->bit_offset);
		printf(",\"size\":%" PRIu64, size_of(image, item->type));
	}
	if (item->bits)
		printf(",\"bits\":%u", item->bits);
	if (item->access)
		printf(",\"access\":%u", item->access);
	if (item->is_virtual)
		printf(",\"virtual\":true");
	if (item->has_value)
		printf(",\"value\":%" PRId64, item->value);
	if (item->kind <= TURF_ITEM_STATIC || item->kind == TURF_ITEM_TYPE_ARGUMENT ||
	    item->kind == TURF_ITEM_VALUE_ARGUMENT)
		json_type(image, item->type, depth + 1);
	putchar('}');
}

static void json_items(const struct turf_image *image, const struct turf_type *t,
                       unsigned depth)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	const char *between = "";
	turf_type_items(t, &walk);
	printf(",\"items\":[");
	while (turf_type_items_next(&walk, &item) == 1) {
		printf("%s", between);
		json_item(image, &item, depth);
		between = ",";
	}
	putchar(']');
}

static void put_json(const struct turf_image *image, const struct turf_type *t)
{
	char *name = full_name(image, t);
	printf("{\"number\":%u,\"kind\":\"%s\"", t->number, keyword(t->kind));
	json_key("name", name ? name : "");
	free(name);
	if (t->file) {
		json_key("file", cli_path(image, t->file).at);
		printf(",\"line\":%u", t->line);
	}
	printf(",\"size\":%" PRIu64, size_of(image, t->number));
	if (t->alignment)
		printf(",\"alignment\":%u", t->alignment);
	if (t->declaration)
		printf(",\"declaration\":true");
	if (t->kind == TURF_TYPE_TYPEDEF)
		json_type(image, t->target, 0);
	else if (is_structure(t->kind) || t->kind == TURF_TYPE_ENUM)
		json_items(image, t, 0);
	if (is_structure(t->kind))
		json_methods(image, t);
	puts("}");
}

int show_type(const struct turf_image *image, uint32_t number, bool json)
{
	struct turf_type t;
	if (turf_image_type(image, number, &t) != 1)
		return cli_error(NULL, "type %u cannot be read: damaged urf", number);
	if (json)
		put_json(image, &t);
	else
		put_text(image, &t);
	return CLI_OK;
}
