/* SPDX-License-Identifier: MIT */
/*
 * An arena: memory that is given back all at once. One thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/base.h"

struct arena_block;
struct arena {
	struct arena_block *blocks; /* newest first */
	uint8_t *at;                /* next free byte of the newest block */
	size_t left;
};

/* @size bytes aligned to 16, what is in them means nothing; NULL when there is no memory. @size
 * may be 0. */
void *turf_arena_take(struct arena *a, size_t size);
/* The same, zeroed. */
void *turf_arena_alloc(struct arena *a, size_t size);

/* A copy of @n bytes of @s with a NUL behind; NULL when there is no memory. */
char *turf_arena_str(struct arena *a, const char *s, size_t n);

/* Gives everything back; the arena is empty and usable again. */
void turf_arena_fini(struct arena *a);

#endif
