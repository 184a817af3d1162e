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
 * Calls @each for the texts that @name is called by, up to the first answer that is not 0. That
 * answer, 0, or -EBADMSG: there is no such thing.
 */
int turf_name_texts(const struct turf_image *image, const struct turf_name *name,
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
	struct turf_name name = { entry & ((1 << URF_NAME_KIND_BITS) - 1),
		                  entry >> URF_NAME_KIND_BITS, 0 };
	if (name.kind == TURF_NAME_ENUMERATOR)
		name.index = take_uleb(at);
	return name;
}

/* Functions of a file, yet to come, and the last one read. */
struct place_list {
	const uint8_t *at, *end;
	uint32_t n;
	uint32_t function, lowest;
	uint32_t highest; /* UINT32_MAX: below the lowest line of the next one */
};

/* The next function: 1, 0 that was all, -EBADMSG. */
static inline int place_next(struct place_list *l)
{
	if (!l->n)
		return 0;
	if (l->at >= l->end)
		return -EBADMSG;
	l->n--;
	uint32_t head = take_uleb(&l->at);
	l->lowest += head >> 1;
	l->function += take_sleb(&l->at);
	l->highest = head & 1 ? l->lowest + take_uleb(&l->at) : UINT32_MAX;
	return 1;
}

/* Blocks of a function, yet to come. */
struct block_list {
	const uint8_t *at, *end;
	uint64_t block; /* the next one, */
	uint32_t left;  /* and how many of its run come; 0: no further one */
	bool more;      /* another run does */
	bool bad;       /* what was read last lies outside */
};

/* Goes to the next run, where one comes. */
static inline void block_run(struct block_list *l, uint32_t head, uint64_t from)
{
	l->block = from;
	l->more = head & 2;
	l->left = head & 1 ? take_uleb(&l->at) + 2 : 1;
	l->bad = l->at > l->end || l->left < 1;
}

/* The next block: 1, 0 that was all, -EBADMSG. */
static inline int block_next(struct block_list *l, size_t *ret)
{
	if (l->bad)
		return -EBADMSG;
	if (!l->left && !l->more)
		return 0;
	if (!l->left) {
		if (l->at >= l->end)
			return -EBADMSG;
		uint32_t head = take_uleb(&l->at);
		block_run(l, head, l->block + 1 + (head >> 2));
		if (l->bad)
			return -EBADMSG;
	}
	*ret = (size_t)l->block++;
	l->left--;
	return 1;
}

/* The functions of @file; the blocks of @function: 1, -ENODATA, -EBADMSG. */
int turf_places_file(const struct turf_image *image, uint32_t file, struct place_list *l);
int turf_places_blocks(const struct turf_image *image, uint32_t function, struct block_list *l);

#endif
