/* SPDX-License-Identifier: MIT */
/* Dump of types. */
#include <inttypes.h>

#include "image/dump.h"
#include "image/types.h"

static const char *const kinds[] = {
	[TURF_TYPE_VOID] = "void",
	[TURF_TYPE_POINTER] = "pointer",
	[TURF_TYPE_REFERENCE] = "reference",
	[TURF_TYPE_RVALUE_REFERENCE] = "rvalue-reference",
	[TURF_TYPE_CONST] = "const",
	[TURF_TYPE_VOLATILE] = "volatile",
	[TURF_TYPE_RESTRICT] = "restrict",
	[TURF_TYPE_ATOMIC] = "atomic",
	[TURF_TYPE_BASE] = "base",
	[TURF_TYPE_UNSPECIFIED] = "unspecified",
	[TURF_TYPE_TYPEDEF] = "typedef",
	[TURF_TYPE_STRUCT] = "struct",
	[TURF_TYPE_CLASS] = "class",
	[TURF_TYPE_UNION] = "union",
	[TURF_TYPE_INTERFACE] = "interface",
	[TURF_TYPE_ENUM] = "enum",
	[TURF_TYPE_ARRAY] = "array",
	[TURF_TYPE_FUNCTION] = "function",
	[TURF_TYPE_MEMBER_POINTER] = "member-pointer",
	[TURF_TYPE_SUBRANGE] = "subrange",
	[TURF_TYPE_STRING] = "string",
	[TURF_TYPE_SET] = "set",
	[TURF_TYPE_NAMESPACE] = "namespace",
	[TURF_TYPE_SCOPE] = "scope",
	[TURF_TYPE_OTHER] = "other",
};

static const char *const items[] = {
	[TURF_ITEM_MEMBER] = "member",
	[TURF_ITEM_BASE] = "base",
	[TURF_ITEM_STATIC] = "static",
	[TURF_ITEM_ENUMERATOR] = "enumerator",
	[TURF_ITEM_PARAMETER] = "parameter",
	[TURF_ITEM_DIMENSION] = "dimension",
	[TURF_ITEM_TYPE_ARGUMENT] = "type-argument",
	[TURF_ITEM_VALUE_ARGUMENT] = "value-argument",
	[TURF_ITEM_TEMPLATE_ARGUMENT] = "template-argument",
	[TURF_ITEM_PACK] = "pack",
	[TURF_ITEM_PART] = "part",
	[TURF_ITEM_VARIANT] = "variant",
	[TURF_ITEM_END] = "end",
};

static void put_text(const struct turf_image *image, turf_text text, FILE *out)
{
	char name[4096];
	if (!text)
		return;
	ssize_t n = turf_image_text(image, text, name, sizeof(name));
	fprintf(out, " \"%s\"", n < 0 ? "<bad>" : name);
}

static void put_item(const struct turf_image *image, const struct turf_type_item *item,
                     FILE *out)
{
	fprintf(out, "  %s", items[item->kind]);
	put_text(image, item->name, out);
	fprintf(out, " type %u", item->type);
	if (item->kind <= TURF_ITEM_BASE)
		fprintf(out, " offset %" PRId64 ".%u", item->bit_offset >> 3,
		        (unsigned)item->bit_offset & 7);
	if (item->bits)
		fprintf(out, " bits %u", item->bits);
	if (item->access)
		fprintf(out, " access %u", item->access);
	if (item->kind == TURF_ITEM_DIMENSION && item->has_value)
		fprintf(out, " count %" PRIu64, item->count);
	if (item->has_value || item->value)
		fprintf(out, " value %" PRId64, item->value);
	fprintf(out, "%s%s%s%s\n", item->is_virtual ? " virtual" : "",
	        item->artificial ? " artificial" : "", item->is_mutable ? " mutable" : "",
	        item->moves ? " moves" : "");
}

static int put_methods(const struct turf_image *image, const struct turf_type *t, FILE *out)
{
	struct turf_methods walk;
	struct turf_method m;
	uint32_t type;
	int r = turf_type_methods(t, &walk);
	while (r == 0 && (r = turf_methods_next(&walk, &m)) == 1) {
		fprintf(out, "  method");
		put_text(image, m.name, out);
		fprintf(out, " type %u access %u flags %#x of", m.type, m.access, m.flags);
		while (turf_method_parameter(&m, &type) == 1)
			fprintf(out, " %u", type);
		fprintf(out, "\n");
		r = 0;
	}
	return r;
}

static void put_items(const struct turf_image *image, const struct turf_type *t, FILE *out)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	int r;
	turf_type_items(t, &walk);
	while ((r = turf_type_items_next(&walk, &item)) == 1)
		put_item(image, &item, out);
	if (r == 0)
		r = put_methods(image, t, out);
	if (r < 0)
		fprintf(out, "  <bad>\n");
}

void turf_dump_types(const struct turf_image *image, FILE *out)
{
	uint32_t n = turf_image_n_types(image);
	for (uint32_t i = 0; i < n; i++) {
		struct turf_type t;
		if (turf_image_type(image, i, &t) != 1) {
			fprintf(out, "%u: <bad>\n", i);
			continue;
		}
		fprintf(out, "%u: %s", i, kinds[t.kind]);
		put_text(image, t.name, out);
		if (t.target || (t.kind && t.kind <= TURF_TYPE_ATOMIC))
			fprintf(out, " of %u", t.target);
		if (t.class_type)
			fprintf(out, " class %u", t.class_type);
		if (t.scope)
			fprintf(out, " in %u", t.scope);
		if (t.has_size)
			fprintf(out, " size %" PRIu64, t.size);
		if (t.alignment)
			fprintf(out, " alignment %u", t.alignment);
		if (t.kind == TURF_TYPE_BASE)
			fprintf(out, " encoding %u bits %u", t.encoding, t.bits);
		if (t.kind == TURF_TYPE_SUBRANGE)
			fprintf(out, " count %" PRIu64 " lower %" PRId64, t.count, t.lower);
		if (t.file)
			fprintf(out, " file %u line %u", t.file, t.line);
		if (t.flags & ~(unsigned)URF_FLAG_SIZED)
			fprintf(out, " flags %#x", t.flags & ~(unsigned)URF_FLAG_SIZED);
		fprintf(out, "\n");
		put_items(image, &t, out);
	}
}

void turf_dump_type_index(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu offsets of types\n",
	        image->sections[URF_TYPE_INDEX].size / sizeof(le32));
}
