/* SPDX-License-Identifier: MIT */
/*
 * Counts what a program allocates. Its test is linked with -Wl,--wrap=malloc,--wrap=calloc,
 * --wrap=realloc: all calls of the rooms come through here. One file of a program includes
 * this.
 */
#ifndef TESTS_LIB_ALLOC_H
#define TESTS_LIB_ALLOC_H

#include <stddef.h>

static _Atomic size_t n_allocations;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t size);

void *__wrap_malloc(size_t size)
{
	n_allocations++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	n_allocations++;
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *at, size_t size)
{
	n_allocations++;
	return __real_realloc(at, size);
}

#endif
