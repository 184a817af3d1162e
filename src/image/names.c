/* SPDX-License-Identifier: MIT */
/*
 * From a name to what is called so; and all names, one behind the other.
 *
 * Cost:   a miss for the index, one for the bucket, those of one text for each find
 * Trust:  none. A bucket ends inside .urf.names; what an entry names is read as if anybody had
 *         asked for it.
 * Source: docs/format.md, "Names"
 */
#include <xxhash.h>

#include "image/names.h"
#include "turf/macros.h"
#include "turf/types.h"
#include "turf/variables.h"

int turf_image_names(const struct turf_image *image, const char *name, size_t size,
                     struct turf_names *walk)
{
	size_t n = image->name_index.n;
	if (n < 2)
		return -ENODATA;
	uint32_t hash = (uint32_t)XXH3_64bits(name, size);
	size_t bucket = name_bucket(image, hash);
	uint32_t off = le32_get(image->name_index.at[bucket]);
	uint32_t end = le32_get(image->name_index.at[bucket + 1]);
	if (off > end || end > image->names.size)
		return -EBADMSG;
	*walk = (struct turf_names){
		.image = image,
		.at = image->names.at + off,
		.end = image->names.at + end,
		.name = name,
		.size = size,
		.tag = (uint8_t)hash,
	};
	return 0;
}

struct name_part turf_name_part(enum turf_name_kind kind, const char *text, size_t n)
{
	const char *at = NULL;
	if (kind == TURF_NAME_FILE && (at = memrchr(text, '/', n)))
		return (struct name_part){ (size_t)(at - text) + 1,
			                   n - (size_t)(at - text) - 1 };
	if (kind == TURF_NAME_SYMBOL) /* without its version */
		at = memchr(text, '@', n);
	return (struct name_part){ 0, at && at > text ? (size_t)(at - text) : n };
}

static int enumerator_text(const struct turf_image *image, const struct turf_name *name,
                           turf_text *ret)
{
	struct turf_type type;
	struct turf_type_items walk;
	struct turf_type_item item;
	if (turf_image_type(image, name->number, &type) != 1 || type.kind != TURF_TYPE_ENUM)
		return -EBADMSG;
	turf_type_items(&type, &walk);
	uint32_t idx = 0;
	do {
		if (turf_type_items_next(&walk, &item) != 1)
			return -EBADMSG;
	} while (idx++ < name->index);
	*ret = item.name;
	return 1;
}

int turf_name_texts(const struct turf_image *image, const struct turf_name *of,
                    int (*each)(void *ctx, turf_text text), void *ctx)
{
	turf_text name = 0, linkage_name = 0;
	struct turf_symbol symbol;
	struct turf_file file;
	struct turf_type type;
	struct turf_global variable;
	struct turf_macro macro;
	int r;
	switch (of->kind) {
	case TURF_NAME_FUNCTION:
		r = turf_image_function(image, of->number, &name, &linkage_name);
		break;
	case TURF_NAME_SYMBOL:
		r = turf_image_symbol(image, of->number, &symbol);
		name = r == 1 ? symbol.name : 0;
		break;
	case TURF_NAME_FILE:
		r = turf_image_file(image, of->number, &file);
		name = r == 1 ? file.name : 0;
		break;
	case TURF_NAME_TYPE:
		r = turf_image_type(image, of->number, &type);
		name = r == 1 ? type.name : 0;
		break;
	case TURF_NAME_VARIABLE:
		r = turf_image_global(image, of->number, &variable);
		name = r == 1 ? variable.name : 0;
		linkage_name = r == 1 ? variable.linkage_name : 0;
		break;
	case TURF_NAME_MACRO:
		r = turf_image_macro(image, of->number, &macro);
		name = r == 1 ? macro.name : 0;
		break;
	case TURF_NAME_ENUMERATOR:
		r = enumerator_text(image, of, &name);
		break;
	default:
		return -EBADMSG;
	}
	if (r != 1)
		return -EBADMSG;
	r = name ? each(ctx, name) : 0;
	return r == 0 && linkage_name && linkage_name != name ? each(ctx, linkage_name) : r;
}

/* What is looked for, and what is looked at. */
struct asked {
	const struct turf_names *walk;
	enum turf_name_kind kind;
};

/* A text that is too long to be read at once: one name, or another, at a time. */
static int is_long_name(const struct asked *a, uint32_t text, uint64_t skip, uint64_t n)
{
	char some[512], next;
	const struct turf_names *walk = a->walk;
	if (n < walk->size)
		return 0;
	uint64_t behind = n - walk->size;
	if (behind && a->kind == TURF_NAME_FILE) {
		skip += behind;
		if (turf_text_read(walk->image, text, skip - 1, &next, 1) < 0)
			return -EBADMSG;
		if (next != '/')
			return 0;
	} else if (behind) {
		if (a->kind != TURF_NAME_SYMBOL)
			return 0;
		if (turf_text_read(walk->image, text, skip + walk->size, &next, 1) < 0)
			return -EBADMSG;
		if (next != '@')
			return 0;
	}
	for (size_t i = 0; i < walk->size; i += sizeof(some)) {
		size_t now = MIN(sizeof(some), walk->size - i);
		if (turf_text_read(walk->image, text, skip + i, some, now) < 0)
			return -EBADMSG;
		if (memcmp(some, walk->name + i, now) != 0)
			return 0;
	}
	return 1;
}

static int text_is(void *ctx, turf_text text)
{
	char some[1024];
	const struct asked *a = ctx;
	const struct turf_names *walk = a->walk;
	uint64_t skip = text >> 32 & UINT16_MAX, n = text >> 48;
	if (!(uint32_t)text || (n && n != walk->size))
		return 0;
	int64_t whole = turf_text_read(walk->image, (uint32_t)text, skip, some, sizeof(some));
	if (whole < 0 || (uint64_t)whole < skip + n)
		return -EBADMSG;
	n = n ? n : (uint64_t)whole;
	if (n > sizeof(some))
		return is_long_name(a, (uint32_t)text, skip, n);
	struct name_part part = turf_name_part(a->kind, some, (size_t)n);
	return part.size == walk->size && !memcmp(some + part.off, walk->name, part.size);
}

int turf_names_next(struct turf_names *walk, struct turf_name *out)
{
	while (walk->at < walk->end) {
		uint8_t tag = *walk->at++;
		struct turf_name name = take_name(&walk->at);
		if (tag != walk->tag)
			continue;
		struct asked asked = { walk, name.kind };
		int r = turf_name_texts(walk->image, &name, text_is, &asked);
		if (r == 0)
			continue;
		if (r == 1)
			*out = name;
		return r;
	}
	return 0;
}

int turf_image_function(const struct turf_image *image, uint32_t number, turf_text *name,
                        turf_text *linkage_name)
{
	struct function f;
	if (number == 0 || number >= image->n_functions)
		return 0;
	if (turf_function_read(image, number, &f) < 0)
		return -EBADMSG;
	*name = f.name;
	*linkage_name = f.linkage_name;
	return 1;
}

void turf_image_texts(const struct turf_image *image, char *out, size_t size,
                      struct turf_all_texts *walk)
{
	*walk = (struct turf_all_texts){
		.image = image,
		.at = image->pool.texts.at,
		.out = out,
		.room = size,
	};
}

int turf_all_texts_next(struct turf_all_texts *walk, turf_text *text, size_t *length)
{
	const struct turf_image *image = walk->image;
	uint32_t number = walk->number;
	const struct text_pool *pool = pool_of(image, &number);
	if (!pool)
		return 0;
	if (number == 0) { /* a pool begins */
		walk->at = pool->texts.at;
		walk->n = 0;
	}
	int r = turf_text_next(pool, &walk->at, walk->out, walk->room, &walk->n);
	if (r < 0)
		return r;
	*text = walk->number++;
	*length = (size_t)walk->n;
	return 1;
}
