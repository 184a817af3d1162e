/* SPDX-License-Identifier: MIT */
/* Checking types: each record, each number in it. */
#include "image/types.h"
#include "image/verify.h"

static const char *check_item(const struct turf_image *image, const struct turf_type_item *item,
                              unsigned *open)
{
	if (item->type >= image->n_types)
		return "an item's type is beyond the last one";
	if (item->name >= (uint64_t)image->n_texts + image->more.n)
		return "an item's name is beyond the last text";
	if (item->kind == TURF_ITEM_PACK || item->kind == TURF_ITEM_PART ||
	    item->kind == TURF_ITEM_VARIANT)
		++*open;
	if (item->kind == TURF_ITEM_END && !(*open)--)
		return "an end of nothing";
	return NULL;
}

static bool may_have_items(uint32_t kind)
{
	return (kind >= TURF_TYPE_STRUCT && kind <= TURF_TYPE_INTERFACE) ||
	       kind == TURF_TYPE_ENUM || kind == TURF_TYPE_ARRAY || kind == TURF_TYPE_FUNCTION;
}

static const char *check_methods(const struct turf_image *image, const struct turf_type *t)
{
	struct turf_methods walk;
	struct turf_method m;
	uint32_t type;
	int r = turf_type_methods(t, &walk);
	while (r == 0 && (r = turf_methods_next(&walk, &m)) == 1) {
		if (m.name >= (uint64_t)image->n_texts + image->more.n)
			return "a method's name is beyond the last text";
		if (m.type >= image->n_types)
			return "a method's type is beyond the last one";
		while (turf_method_parameter(&m, &type) == 1)
			if (type >= image->n_types)
				return "a parameter's type is beyond the last one";
		r = 0;
	}
	return r < 0 ? "a method cannot be read" : NULL;
}

static const char *check_items(const struct turf_image *image, const struct turf_type *t)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	unsigned open = 0;
	int r;
	if (!may_have_items(t->kind))
		return t->items == t->end ? NULL : "longer than it is";
	turf_type_items(t, &walk);
	while ((r = turf_type_items_next(&walk, &item)) == 1) {
		const char *why = check_item(image, &item, &open);
		if (why)
			return why;
	}
	if (r < 0)
		return "an item cannot be read";
	return open ? "a part has no end" : check_methods(image, t);
}

static const char *check_type(const struct turf_image *image, const struct turf_type *t)
{
	if (t->target >= image->n_types || t->class_type >= image->n_types ||
	    t->scope >= image->n_types)
		return "a type in it is beyond the last one";
	if (t->name >= (uint64_t)image->n_texts + image->more.n)
		return "its name is beyond the last text";
	if (t->file && t->file >= (uint64_t)image->files.n + image->more_files.n)
		return "its file is beyond the last one";
	return check_items(image, t);
}

int turf_verify_types(const struct turf_image *image, struct turf_error *err)
{
	struct span index = image->sections[URF_TYPE_INDEX], types = image->sections[URF_TYPES];
	uint64_t steps = ((uint64_t)image->n_types + URF_TYPE_STEP - 1) / URF_TYPE_STEP;
	if (index.size != steps * sizeof(le32))
		return bad(image, err, URF_TYPE_INDEX, 0, "does not go with their number");
	const uint8_t *at = types.at, *end = at + types.size;
	for (uint32_t i = 0; i < image->n_types; i++) {
		struct turf_type t;
		const le32 *step = (const le32 *)index.at + i / URF_TYPE_STEP;
		if (i % URF_TYPE_STEP == 0 && le32_get(*step) != (size_t)(at - types.at))
			return bad(image, err, URF_TYPE_INDEX, i / URF_TYPE_STEP,
			           "is not where the record is");
		if (turf_type_read(&at, end, &t) < 0)
			return bad(image, err, URF_TYPES, i, "cannot be read");
		if (i == 0 && t.kind != TURF_TYPE_VOID)
			return bad(image, err, URF_TYPES, i, "is not void");
		const char *why = check_type(image, &t);
		if (why)
			return bad(image, err, URF_TYPES, i, why);
	}
	return at == end ? 0
	                 : bad(image, err, URF_TYPES, image->n_types, "behind the last one");
}
