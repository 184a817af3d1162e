/* SPDX-License-Identifier: MIT */
/*
 * A growable array of anything:
 *
 *     struct rows { struct row *at; size_t n, room; } rows = { 0 };
 *     struct row *r = vec_push(&rows);    // one more, zeroed; NULL: no memory
 *     vec_fini(&rows);
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "base/base.h"

/* malloc(); what is large lies in large pages, where the system gives them when asked to. */
void *turf_big(size_t size);

/*
 * Advises that what the calling thread allocates next, some megabytes, lies in large pages: a
 * fault for each small one costs more than the bytes that are never used.
 */
void turf_big_heap(void);

/*
 * @size bytes, all 0, each page written at once; NULL: no memory. For tables that are read
 * before they are written: the system maps calloc()'s pages of these twice, and tells all
 * processors.
 */
void *turf_zeroed(size_t size);

/* Room for @more further elements behind @n; false: no memory, nothing changed. */
bool turf_vec_grow(void **at, size_t n, size_t *room, size_t more, size_t element);

#define vec_reserve(v, more)                                                                   \
	((v)->room - (v)->n >= (size_t)(more) ||                                               \
	 turf_vec_grow((void **)&(v)->at, (v)->n, &(v)->room, (more), sizeof(*(v)->at)))

#define vec_push(v)                                                                            \
	(vec_reserve((v), 1)                                                                   \
	         ? (memset(&(v)->at[(v)->n], 0, sizeof(*(v)->at)), &(v)->at[(v)->n++])         \
	         : NULL)

#define vec_fini(v) (free((v)->at), (v)->at = NULL, (v)->n = (v)->room = 0)

/* Bytes being written. */
struct buf {
	uint8_t *at;
	size_t n, room;
};

/* Appends @size bytes; false: no memory. */
bool turf_buf_put(struct buf *b, const void *bytes, size_t size);
bool turf_buf_uleb(struct buf *b, uint64_t value);
bool turf_buf_sleb(struct buf *b, int64_t value);

#endif
