/* SPDX-License-Identifier: MIT */
#include "base/vec.h"

#include <sys/mman.h>

void *turf_big(size_t size)
{
	enum { LARGE_PAGE = 2 << 20 };
	if (size < 2 * LARGE_PAGE || size > SIZE_MAX - LARGE_PAGE)
		return malloc(size);
	size = align_up(size, LARGE_PAGE);
	void *p = aligned_alloc(LARGE_PAGE, size);
	if (p)
		(void)madvise(p, size, MADV_HUGEPAGE); /* advice: it may be refused */
	return p;
}

void turf_big_heap(void)
{
	enum { LARGE_PAGE = 2 << 20, SIZE = 16 << 20 };
	/* what is given back raises the size from which the C library maps blocks one by one:
	 * the second one is cut from its heap, and stays there for what comes next */
	for (int i = 0; i < 2; i++) {
		void *p = malloc(SIZE);
		__asm__("" : "+r"(p)); /* or compilers leave out all of it */
		if (p)
			(void)madvise((void *)align_up((uintptr_t)p, LARGE_PAGE),
			              SIZE - LARGE_PAGE, MADV_HUGEPAGE);
		free(p);
	}
}

void *turf_zeroed(size_t size)
{
	void *p = turf_big(size);
	__asm__("" : "+r"(p)); /* or compilers make a calloc() of it */
	return p ? memset(p, 0, size) : NULL;
}

bool turf_vec_grow(void **at, size_t n, size_t *room, size_t more, size_t element)
{
	size_t want, size;
	if (__builtin_add_overflow(n, more, &want))
		return false;
	want = MAX(want, MAX((size_t)16, *room + *room / 2));
	if (__builtin_mul_overflow(want, element, &size))
		return false;
	void *p = realloc(*at, size);
	if (!p)
		return false;
	*at = p;
	*room = want;
	return true;
}

bool turf_buf_put(struct buf *b, const void *bytes, size_t size)
{
	if (!vec_reserve(b, size))
		return false;
	if (size)
		memcpy(b->at + b->n, bytes, size);
	b->n += size;
	return true;
}

bool turf_buf_uleb(struct buf *b, uint64_t value)
{
	uint8_t bytes[10];
	size_t n = 0;
	do {
		bytes[n] = (value & 0x7f) | (value > 0x7f ? 0x80 : 0);
		n++;
		value >>= 7;
	} while (value);
	return turf_buf_put(b, bytes, n);
}

bool turf_buf_sleb(struct buf *b, int64_t value)
{
	uint8_t bytes[10];
	size_t n = 0;
	for (bool more = true; more; n++) {
		uint8_t byte = value & 0x7f;
		value >>= 7; /* arithmetic in gcc and clang */
		more = !((value == 0 && !(byte & 0x40)) || (value == -1 && byte & 0x40));
		bytes[n] = byte | (more ? 0x80 : 0);
	}
	return turf_buf_put(b, bytes, n);
}
