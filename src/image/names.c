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

#include "image/image.h"
#include "turf/names.h"

int turf_image_names(const struct turf_image *image, const char *name, size_t size,
                     struct turf_names *walk)
{
	size_t n = image->name_index.n;
	if (n < 2)
		return -ENODATA;
	uint32_t hash = (uint32_t)XXH3_64bits(name, size);
	size_t bucket = (size_t)((uint64_t)hash * (n - 1) >> 32);
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

/* Whether the @n bytes at @at are what is looked for; of a path, its last part; of a symbol,
 * what is before its version. */
static bool is_name(const struct turf_names *walk, const char *at, size_t n,
                    enum turf_name_kind kind)
{
	if (n < walk->size)
		return false;
	size_t behind = n - walk->size;
	if (kind == TURF_NAME_FILE && behind) {
		at += behind;
		return at[-1] == '/' && !memcmp(at, walk->name, walk->size);
	}
	if (behind && (kind != TURF_NAME_SYMBOL || at[walk->size] != '@'))
		return false;
	return !memcmp(at, walk->name, walk->size);
}

/* The same of a text that is long, a piece at a time: only whole names are as long. */
static int is_long_name(const struct turf_names *walk, uint32_t text, uint64_t skip, uint64_t n)
{
	char some[512];
	if (n != walk->size)
		return 0;
	for (size_t i = 0; i < n; i += sizeof(some)) {
		size_t now = MIN(sizeof(some), n - i);
		if (turf_text_read(walk->image, text, skip + i, some, now) < 0)
			return -EBADMSG;
		if (memcmp(some, walk->name + i, now) != 0)
			return 0;
	}
	return 1;
}

static int text_is(const struct turf_names *walk, turf_text text, enum turf_name_kind kind)
{
	char some[1024];
	uint64_t skip = text >> 32 & UINT16_MAX, n = text >> 48;
	if (!(uint32_t)text || (n && n != walk->size))
		return 0;
	int64_t whole = turf_text_read(walk->image, (uint32_t)text, skip, some, sizeof(some));
	if (whole < 0)
		return -EBADMSG;
	n = n ? n : (uint64_t)whole;
	if (skip + n > (uint64_t)whole || n > sizeof(some))
		return is_long_name(walk, (uint32_t)text, skip, n);
	return is_name(walk, some, n, kind);
}

/* Whether entity @number is called what is looked for. */
static int is_called(const struct turf_names *walk, enum turf_name_kind kind, uint32_t number)
{
	const struct turf_image *image = walk->image;
	turf_text name = 0, linkage_name = 0;
	struct turf_symbol symbol;
	struct turf_file file;
	int r;
	switch (kind) {
	case TURF_NAME_FUNCTION:
		r = turf_image_function(image, number, &name, &linkage_name);
		break;
	case TURF_NAME_SYMBOL:
		r = turf_image_symbol(image, number, &symbol);
		name = r == 1 ? symbol.name : 0;
		break;
	case TURF_NAME_FILE:
		r = turf_image_file(image, number, &file);
		name = r == 1 ? file.name : 0;
		break;
	default:
		return -EBADMSG;
	}
	if (r != 1) /* what the index names is there */
		return -EBADMSG;
	r = text_is(walk, name, kind);
	return r == 0 && linkage_name != name ? text_is(walk, linkage_name, kind) : r;
}

int turf_names_next(struct turf_names *walk, struct turf_name *out)
{
	while (walk->at < walk->end) {
		uint8_t tag = *walk->at++;
		uint32_t entry = take_uleb(&walk->at);
		if (tag != walk->tag)
			continue;
		enum turf_name_kind kind = entry & ((1 << URF_NAME_KIND_BITS) - 1);
		int r = is_called(walk, kind, entry >> URF_NAME_KIND_BITS);
		if (r == 0)
			continue;
		if (r == 1)
			*out = (struct turf_name){ kind, entry >> URF_NAME_KIND_BITS };
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
	int64_t off = turf_function_off(image, number);
	if (off < 0 || turf_function_read(image, (uint64_t)off, &f) < 0)
		return -EBADMSG;
	*name = f.name;
	*linkage_name = f.linkage_name;
	return 1;
}

void turf_image_texts(const struct turf_image *image, char *out, size_t size,
                      struct turf_texts *walk)
{
	*walk = (struct turf_texts){
		.image = image,
		.at = image->pool.texts.at,
		.out = out,
		.room = size,
	};
}

int turf_texts_next(struct turf_texts *walk, turf_text *text, size_t *length)
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
