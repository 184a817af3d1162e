/* SPDX-License-Identifier: MIT */
/* Arrays of bits at the end of a buffer, the lowest bit of a byte first. */
#ifndef BUILD_BITS_H
#define BUILD_BITS_H

#include "base/vec.h"

struct bits {
	size_t off; /* of its first byte in the buffer */
};

/* Room for @n bits, all 0, from the next byte on. */
static inline bool turf_bits_begin(struct bits *b, struct buf *out, uint64_t n)
{
	size_t size = (size_t)((n + 7) / 8);
	b->off = out->n;
	if (!size)
		return true;
	if (!vec_reserve(out, size))
		return false;
	memset(out->at + out->n, 0, size);
	out->n += size;
	return true;
}

/* Sets @width bits, 0 so far, from the @at-th on to @value. */
static inline void turf_bits_put(const struct bits *b, struct buf *out, uint64_t at,
                                 uint64_t value, unsigned width)
{
	uint8_t *p = out->at + b->off + at / 8;
	unsigned skip = at % 8;
	for (unsigned done = 0; done < width; p++, skip = 0) {
		*p |= (uint8_t)(value >> done << skip);
		done += 8 - skip;
	}
}

/* Bits that the highest of @all's needs. */
static inline uint8_t turf_bits_width(uint32_t all)
{
	return all ? (uint8_t)(32 - __builtin_clz(all)) : 0;
}

#endif
