/* SPDX-License-Identifier: MIT */
/* Arrays of bits at the end of a buffer, the lowest bit of a byte first. */
#ifndef BUILD_BITS_H
#define BUILD_BITS_H

#include "base/le.h"
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
	if (!width) /* nor is there room where all numbers have 0 bits */
		return;
	uint8_t *p = out->at + b->off + at / 8;
	unsigned skip = at % 8;
	for (unsigned done = 0; done < width; p++, skip = 0) {
		*p |= (uint8_t)(value >> done << skip);
		done += 8 - skip;
	}
}

/* Writes one number behind the other: of at most 32 bits in one step. */
struct bit_writer {
	uint8_t *to;
	uint64_t waiting;
	unsigned n; /* bits that wait, less than 32 between calls */
};

/* Of the bits of @b, all 0 so far; nothing else may grow @out meanwhile. */
static inline struct bit_writer turf_bits_writer(const struct bits *b, const struct buf *out)
{
	return (struct bit_writer){ out->at + b->off, 0, 0 };
}

static inline void turf_bits_append_32(struct bit_writer *w, uint64_t value, unsigned width)
{
	w->waiting |= value << w->n;
	w->n += width;
	if (w->n >= 32) {
		le32 low = le32_of(w->waiting);
		memcpy(w->to, &low, sizeof(low));
		w->to += sizeof(low);
		w->waiting >>= 32;
		w->n -= 32;
	}
}

static inline void turf_bits_append(struct bit_writer *w, uint64_t value, unsigned width)
{
	for (; width > 32; value >>= 32, width -= 32)
		turf_bits_append_32(w, value & UINT32_MAX, 32);
	turf_bits_append_32(w, value, width);
}

static inline void turf_bits_end(struct bit_writer *w)
{
	for (unsigned done = 0; done < w->n; done += 8)
		*w->to++ = (uint8_t)(w->waiting >> done);
}

/* Bits that the highest of @all's needs. */
static inline uint8_t turf_bits_width(uint32_t all)
{
	return all ? (uint8_t)(32 - __builtin_clz(all)) : 0;
}

#endif
