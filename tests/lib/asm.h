/* SPDX-License-Identifier: MIT */
/*
 * A small assembler for test input: numbers, LEB128, strings, labels, lengths filled in later.
 *
 *     struct as a = { 0 };
 *     size_t length = as_length32(&a);    // DWARF unit_length: filled by as_end_length()
 *     as_u16(&a, 5); as_uleb(&a, 300); as_str(&a, "main");
 *     as_end_length(&a, length);
 */
#ifndef TESTS_LIB_ASM_H
#define TESTS_LIB_ASM_H

#include "base/vec.h"

struct as {
	struct buf buf;
	bool big;
};

static inline void as_bytes(struct as *a, const void *bytes, size_t n)
{
	if (!turf_buf_put(&a->buf, bytes, n))
		abort();
}

static inline void as_uint(struct as *a, uint64_t value, unsigned size)
{
	uint8_t bytes[8];
	for (unsigned i = 0; i < size; i++)
		bytes[a->big ? size - 1 - i : i] = (uint8_t)(value >> 8 * i);
	as_bytes(a, bytes, size);
}

static inline void as_u8(struct as *a, uint8_t v)
{
	as_uint(a, v, 1);
}

static inline void as_u16(struct as *a, uint16_t v)
{
	as_uint(a, v, 2);
}

static inline void as_u32(struct as *a, uint32_t v)
{
	as_uint(a, v, 4);
}

static inline void as_u64(struct as *a, uint64_t v)
{
	as_uint(a, v, 8);
}

static inline void as_uleb(struct as *a, uint64_t v)
{
	if (!turf_buf_uleb(&a->buf, v))
		abort();
}

static inline void as_sleb(struct as *a, int64_t v)
{
	if (!turf_buf_sleb(&a->buf, v))
		abort();
}

static inline void as_str(struct as *a, const char *s)
{
	as_bytes(a, s, strlen(s) + 1);
}

/* Where the next byte goes. */
static inline size_t as_here(const struct as *a)
{
	return a->buf.n;
}

static inline void as_align(struct as *a, size_t align)
{
	while (a->buf.n % align)
		as_u8(a, 0);
}

/* Overwrites @size bytes at @at with @value. */
static inline void as_patch(struct as *a, size_t at, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		a->buf.at[at + (a->big ? size - 1 - i : i)] = (uint8_t)(value >> 8 * i);
}

/* A 32-bit length that counts the bytes behind it. */
static inline size_t as_length32(struct as *a)
{
	as_u32(a, 0);
	return as_here(a);
}

static inline void as_end_length(struct as *a, size_t begun)
{
	as_patch(a, begun - 4, as_here(a) - begun, 4);
}

static inline struct span as_span(const struct as *a)
{
	return (struct span){ a->buf.at, a->buf.n };
}

static inline void as_free(struct as *a)
{
	vec_fini(&a->buf);
}

#endif
