/* SPDX-License-Identifier: MIT */
/*
 * Numbers out of bytes: short LEB128, arrays of bits, the i-th bit that is 1.
 *
 * Trust:  none, but URF_BEHIND bytes behind each section, which opening has checked: what
 *         begins inside a section may be read a few bytes beyond it. Nothing here reads more.
 */
#ifndef IMAGE_BITS_H
#define IMAGE_BITS_H

#include <endian.h>

#include "base/base.h"
#include "urf/format.h"

/* At most URF_LEB_MAX bytes, whatever they are; bits beyond 32 are dropped. */
static inline uint32_t take_uleb(const uint8_t **at)
{
	const uint8_t *p = *at;
	uint32_t v = *p++;
	if (v >= 0x80) {
		v &= 0x7f;
		for (unsigned shift = 7; shift < 7 * URF_LEB_MAX; shift += 7) {
			uint32_t byte = *p++;
			v |= (byte & 0x7f) << shift;
			if (byte < 0x80)
				break;
		}
	}
	*at = p;
	return v;
}

static inline uint32_t take_sleb(const uint8_t **at)
{
	const uint8_t *begin = *at;
	uint32_t v = take_uleb(at);
	unsigned bits = MIN(7 * (unsigned)(*at - begin), 32u);
	uint32_t sign = (uint32_t)1 << (bits - 1);
	return ((v & (sign * 2 - 1)) ^ sign) - sign; /* sign * 2 wraps to all bits */
}

static inline uint64_t load64(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

/*
 * What take_uleb() takes, without a branch, from the 8 bytes at *@at: for numbers of which some
 * have a byte and some have more, so that a guess is often wrong.
 */
static inline uint32_t take_any_uleb(const uint8_t **at)
{
	uint64_t v = load64(*at);
	uint64_t ends = (~v & 0x8080808080) | (uint64_t)1 << (8 * URF_LEB_MAX - 1);
	*at += ((unsigned)__builtin_ctzll(ends) + 1) / 8;
	v &= ends ^ (ends - 1); /* up to the lowest end */
	return (uint32_t)((v & 0x7f) | (v >> 1 & 0x7f << 7) | (v >> 2 & 0x7f << 14) |
	                  (v >> 3 & 0x7f << 21) | (v >> 4 & (uint64_t)0xf << 28));
}

/* @width bits, at most BITS_MAX, from bit @pos on; reads up to 8 bytes from its byte on. */
enum { BITS_MAX = 56 };
static inline uint64_t bits_get(const uint8_t *at, uint64_t pos, unsigned width)
{
	return load64(at + pos / 8) >> pos % 8 & (((uint64_t)1 << width) - 1);
}

/* Bytes that @n entries of @width bits take; neither reaches 2^40. */
static inline uint64_t bits_size(uint64_t n, unsigned width)
{
	return (n * width + 7) / 8;
}

#define EACH_BYTE ((uint64_t)0x0101010101010101)

/* Bits that are 1, counted in each byte. */
static inline uint64_t count_bytes(uint64_t v)
{
	v -= v >> 1 & 0x5555555555555555;
	v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
	return (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f;
}

/* The bytes of @v, each below 0x80, that are at most @i < 0x80: how many there are. */
static inline unsigned count_up_to(uint64_t v, unsigned i)
{
	uint64_t not_above = (i * EACH_BYTE | EACH_BYTE << 7) - v;
	return (unsigned)((not_above >> 7 & EACH_BYTE) * EACH_BYTE >> 56);
}

/*
 * Position of the @i-th bit of @v that is 1; @counts: count_bytes(v), which add up to more.
 * Without a branch: which byte it is in, and which bit of that, nobody could guess.
 */
static inline unsigned select_word(uint64_t v, uint64_t counts, unsigned i)
{
	uint64_t sums = counts * EACH_BYTE; /* each byte with those below it */
	unsigned byte = 8 * count_up_to(sums, i);
	i -= (unsigned)(sums << 8 >> byte & 0xff);
	/* the byte's bits, one in each byte, become 0 or 1 */
	uint64_t bits = (v >> byte & 0xff) * EACH_BYTE & 0x8040201008040201;
	bits = (bits + 0x7f * EACH_BYTE) >> 7 & EACH_BYTE;
	return byte + count_up_to(bits * EACH_BYTE, i);
}

/* Position of the @i-th of @n bits that is 1; UINT64_MAX where there are fewer. */
static inline uint64_t select_bit(const uint8_t *at, uint64_t n, uint64_t i)
{
	for (uint64_t pos = 0; pos < n; pos += 64) {
		uint64_t v = load64(at + pos / 8), counts = count_bytes(v);
		uint64_t ones = counts * EACH_BYTE >> 56;
		if (i < ones) {
			uint64_t found = pos + select_word(v, counts, (unsigned)i);
			return found < n ? found : UINT64_MAX;
		}
		i -= ones;
	}
	return UINT64_MAX;
}

/*
 * Ascending numbers in Elias-Fano coding: the low bits of each, then a bit string whose i-th 1
 * stands at i + (number >> n_low).
 */
struct keys {
	const uint8_t *low, *high;
	uint32_t n;
	unsigned n_low;  /* low bits of each */
	uint64_t n_high; /* bits of the string */
};

/* The coding of @n > 0 numbers below @u at @at: the byte behind it, NULL: beyond @end. */
static inline const uint8_t *keys_read(struct keys *keys, const uint8_t *at, const uint8_t *end,
                                       uint32_t n, uint64_t u)
{
	unsigned low = 0;
	if (u >= n) { /* floor(log2(u / n)) */
		low = (unsigned)(__builtin_clz(n) + 32 - __builtin_clzll(u));
		low -= (uint64_t)n << low > u;
	}
	if (low > BITS_MAX || at > end)
		return NULL;
	uint64_t n_high = n + (u >> low) + 1;
	uint64_t low_size = bits_size(n, low), high_size = bits_size(n_high, 1);
	if (low_size + high_size > (uint64_t)(end - at))
		return NULL;
	*keys = (struct keys){ at, at + low_size, n, low, n_high };
	return at + low_size + high_size;
}

/* Number @i < n; UINT64_MAX where the coding is damaged. */
static inline uint64_t keys_get(const struct keys *keys, uint32_t i)
{
	uint64_t pos = select_bit(keys->high, keys->n_high, i);
	if (pos == UINT64_MAX)
		return pos;
	uint64_t low = bits_get(keys->low, (uint64_t)i * keys->n_low, keys->n_low);
	return (pos - i) << keys->n_low | low;
}

#endif
