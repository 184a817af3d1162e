/* SPDX-License-Identifier: MIT */
/* What things are called, for those that check and show it. Private to the room. */
#ifndef IMAGE_NAMES_H
#define IMAGE_NAMES_H

#include "image/image.h"
#include "turf/names.h"

/* A name as .urf.names has it: part of a text. */
struct name_part {
	size_t off, size;
};

/* Which bytes of the @n at @text, a whole text of one of that kind, are its name. */
struct name_part turf_name_part(enum turf_name_kind kind, const char *text, size_t n);

/*
 * Calls @each for the texts that the @number-th of @kind is called by, up to the first answer
 * that is not 0. That answer, 0, or -EBADMSG: there is no such thing.
 */
int turf_name_texts(const struct turf_image *image, enum turf_name_kind kind, uint32_t number,
                    int (*each)(void *ctx, turf_text text), void *ctx);

/* The bucket of @hash; the index has one. */
static inline size_t name_bucket(const struct turf_image *image, uint32_t hash)
{
	return (size_t)((uint64_t)hash * (image->name_index.n - 1) >> 32);
}

/* The entry at *@at, which is behind a tag; *@at goes on. */
static inline struct turf_name take_name(const uint8_t **at)
{
	uint32_t entry = take_uleb(at);
	return (struct turf_name){ entry & ((1 << URF_NAME_KIND_BITS) - 1),
		                   entry >> URF_NAME_KIND_BITS };
}

/* A list of .urf.places: numbers yet to come. */
struct place_list {
	const uint8_t *at, *end;
	uint32_t n;
};

/* The next number: 1, 0 that was all, -EBADMSG. */
static inline int place_next(struct place_list *l, uint32_t *ret)
{
	if (!l->n)
		return 0;
	if (l->at >= l->end)
		return -EBADMSG;
	l->n--;
	*ret = take_uleb(&l->at);
	return 1;
}

/* The functions of @file, by groups; the blocks of @function: 1, -ENODATA, -EBADMSG. */
int turf_places_file(const struct turf_image *image, uint32_t file, struct place_list *l);
int turf_places_blocks(const struct turf_image *image, uint32_t function, struct place_list *l);

#endif
