/* SPDX-License-Identifier: MIT */
/*
 * What every file of every room starts from: fixed-size integers, ownership helpers, spans.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "turf/error.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/*
 * `scoped(closer) type name = ...;` calls closer(&name) when the scope is left. That is use
 * enough, for clang too.
 */
#define scoped(closer) __attribute__((cleanup(closer), unused))

/* Hands out a scoped pointer: the scope no longer closes it. */
#define take_ptr(ptr)                                                                          \
	__extension__({                                                                        \
		__auto_type taken_ = (ptr);                                                    \
		(ptr) = NULL;                                                                  \
		taken_;                                                                        \
	})

/*
 * Of 0..@n, the first number that @before, an expression of @i, does not hold for: it holds for
 * all below and for none above.
 */
#define bisect(i, n, before)                                                                   \
	__extension__({                                                                        \
		size_t bisect_lo_ = 0, bisect_hi_ = (n);                                       \
		while (bisect_lo_ < bisect_hi_) {                                              \
			size_t i = bisect_lo_ + (bisect_hi_ - bisect_lo_) / 2;                 \
			if (before)                                                            \
				bisect_lo_ = i + 1;                                            \
			else                                                                   \
				bisect_hi_ = i;                                                \
		}                                                                              \
		bisect_lo_;                                                                    \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}

/* Bytes somebody else owns. */
struct span {
	const uint8_t *at;
	size_t size;
};

/* The part [off, off + n) of @s; empty with at == NULL where it does not lie inside. */
static inline struct span span_part(struct span s, uint64_t off, uint64_t n)
{
	if (!s.at || off > s.size || n > s.size - off)
		return (struct span){ NULL, 0 };
	return (struct span){ s.at + off, (size_t)n };
}

/* The NUL-ended string at @off, or NULL where there is none inside @s. */
static inline const char *span_str(struct span s, uint64_t off)
{
	if (off >= s.size || !memchr(s.at + off, 0, s.size - off))
		return NULL;
	return (const char *)(s.at + off);
}

static inline uint64_t align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

#endif
