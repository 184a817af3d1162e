/* SPDX-License-Identifier: MIT */
/*
 * Counts what a program allocates, and makes it fail. Its test is linked with
 * -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc: all calls of the rooms come through here. One
 * file of a program includes this.
 *
 * With ALLOC_COUNT_LIVE defined, and -Wl,--wrap=aligned_alloc,--wrap=free, what is not freed is
 * counted, too.
 */
#ifndef TESTS_LIB_ALLOC_H
#define TESTS_LIB_ALLOC_H

#include <stdint.h>
#include <stdlib.h>

/* Threads allocate at the same time. */
static _Atomic size_t n_allocations;      /* asked for */
static _Atomic size_t n_live;             /* given, and not freed where that is counted */
static _Atomic size_t fail_at = SIZE_MAX; /* the one of this number, counted from 0, fails */

/* Where memory comes from instead, zeroed; NULL: from the system. What grows always does. */
static void *(*alloc_from)(size_t size);

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t size);

static void *alloc_live(void *at)
{
	n_live += at != NULL;
	return at;
}

void *__wrap_malloc(size_t size)
{
	if (n_allocations++ == fail_at)
		return NULL;
	return alloc_live(alloc_from ? alloc_from(size) : __real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	if (n_allocations++ == fail_at)
		return NULL;
	return alloc_live(alloc_from ? alloc_from(n * size) : __real_calloc(n, size));
}

void *__wrap_realloc(void *at, size_t size)
{
	if (n_allocations++ == fail_at)
		return NULL;
	void *moved = __real_realloc(at, size);
	n_live += !at && moved;
	return moved;
}

#ifdef ALLOC_COUNT_LIVE
void *__real_aligned_alloc(size_t align, size_t size);
void __real_free(void *at);
void *__wrap_aligned_alloc(size_t align, size_t size);
void __wrap_free(void *at);

void *__wrap_aligned_alloc(size_t align, size_t size)
{
	if (n_allocations++ == fail_at)
		return NULL;
	return alloc_live(__real_aligned_alloc(align, size));
}

void __wrap_free(void *at)
{
	n_live -= at != NULL;
	__real_free(at);
}
#endif

#endif
