/* SPDX-License-Identifier: MIT */
/*
 * A bounded cursor: never looks outside [start, end). The first read that does not fit turns it
 * bad; from then on every read gives 0 and `at` stays at the fault. So a reader reads a whole
 * record, asks `bad` once, then believes. Loops and allocations test `bad` first.
 *
 * Source: LEB128 as in DWARF 5 section 7.6
 */
#ifndef BASE_CURSOR_H
#define BASE_CURSOR_H

#include <endian.h>

#include "base/base.h"

struct cursor {
	const uint8_t *at;    /* next byte to read */
	const uint8_t *start; /* where offsets count from */
	const uint8_t *end;   /* one behind the last byte */
	bool bad;             /* some read did not fit */
	bool big;             /* numbers are big-endian */
};

static inline struct cursor cur_of(struct span s, bool big)
{
	/* an empty span may be NULL: no arithmetic is done on it */
	static const uint8_t nothing[1];
	const uint8_t *at = s.at ? s.at : nothing;
	return (struct cursor){ at, at, at + (s.at ? s.size : 0), false, big };
}

static inline size_t cur_left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

/* Offset of the next byte from the start of what the cursor was made of. */
static inline size_t cur_off(const struct cursor *c)
{
	return (size_t)(c->at - c->start);
}

static inline const uint8_t *cur_take(struct cursor *c, uint64_t n)
{
	if (c->bad || n > cur_left(c)) {
		c->bad = true;
		return NULL;
	}
	const uint8_t *p = c->at;
	c->at += n;
	return p;
}

static inline void cur_skip(struct cursor *c, uint64_t n)
{
	(void)cur_take(c, n);
}

/* Moves to @off from the start, forwards or back; bad where that lies outside. */
static inline void cur_seek(struct cursor *c, uint64_t off)
{
	if (c->bad || off > (uint64_t)(c->end - c->start)) {
		c->bad = true;
		return;
	}
	c->at = c->start + off;
}

/* The next @n bytes as a cursor of their own: a unit cannot read past its end. */
static inline struct cursor cur_carve(struct cursor *c, uint64_t n)
{
	const uint8_t *p = cur_take(c, n);
	return p ? (struct cursor){ p, p, p + n, false, c->big }
	         : (struct cursor){ c->at, c->at, c->at, true, c->big };
}

static inline uint8_t cur_u8(struct cursor *c)
{
	const uint8_t *p = cur_take(c, 1);
	return p ? *p : 0;
}

static inline uint16_t cur_u16(struct cursor *c)
{
	uint16_t v;
	const uint8_t *p = cur_take(c, sizeof(v));
	if (!p)
		return 0;
	memcpy(&v, p, sizeof(v));
	return c->big ? be16toh(v) : le16toh(v);
}

static inline uint32_t cur_u32(struct cursor *c)
{
	uint32_t v;
	const uint8_t *p = cur_take(c, sizeof(v));
	if (!p)
		return 0;
	memcpy(&v, p, sizeof(v));
	return c->big ? be32toh(v) : le32toh(v);
}

static inline uint64_t cur_u64(struct cursor *c)
{
	uint64_t v;
	const uint8_t *p = cur_take(c, sizeof(v));
	if (!p)
		return 0;
	memcpy(&v, p, sizeof(v));
	return c->big ? be64toh(v) : le64toh(v);
}

/* An unsigned number of @size bytes, 1 to 8 (3 occurs: DW_FORM_strx3). */
static inline uint64_t cur_uint(struct cursor *c, unsigned size)
{
	switch (size) {
	case 1:
		return cur_u8(c);
	case 2:
		return cur_u16(c);
	case 4:
		return cur_u32(c);
	case 8:
		return cur_u64(c);
	default:
		break;
	}
	const uint8_t *p = size && size < 8 ? cur_take(c, size) : NULL;
	if (!p) {
		c->bad = true;
		return 0;
	}
	uint64_t v = 0;
	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)p[i] << 8 * (c->big ? size - 1 - i : i);
	return v;
}

/* Bits beyond 64 are dropped; a number that never ends turns the cursor bad. */
static inline uint64_t cur_long_uleb(struct cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0;; shift += 7) {
		const uint8_t *p = cur_take(c, 1);
		if (!p)
			return 0;
		if (shift < 64)
			v |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p & 0x80))
			return v;
	}
}

/* Most numbers take one byte. */
static inline uint64_t cur_uleb(struct cursor *c)
{
	if (!c->bad && c->at < c->end && *c->at < 0x80)
		return *c->at++;
	return cur_long_uleb(c);
}

static inline int64_t cur_sleb(struct cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0;;) {
		const uint8_t *p = cur_take(c, 1);
		if (!p)
			return 0;
		if (shift < 64)
			v |= (uint64_t)(*p & 0x7f) << shift;
		shift += 7;
		if (!(*p & 0x80)) {
			if (shift < 64 && *p & 0x40)
				v |= UINT64_MAX << shift;
			return (int64_t)v;
		}
	}
}

/* A NUL-ended string, or NULL and bad. */
static inline const char *cur_str(struct cursor *c)
{
	const uint8_t *nul = c->bad ? NULL : memchr(c->at, 0, cur_left(c));
	if (!nul) {
		c->bad = true;
		return NULL;
	}
	const char *s = (const char *)c->at;
	c->at = nul + 1;
	return s;
}

#endif
