/* SPDX-License-Identifier: MIT */
/*
 * A hash table of the indices of an array that the caller keeps: says whether the array holds
 * an element like this one, and where. One thread at a time.
 */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/base.h"

/* Elements of an array: indices stay far from 32 bits. */
enum { TABLE_MAX = 1 << 28 };

struct table {
	struct table_slot *slots; /* a power of two of them, at least a quarter free */
	size_t n, room;
};

/* Whether element @idx of the caller's array equals @key. */
typedef bool turf_table_same(const void *ctx, uint32_t idx, const void *key);

/**
 * turf_table_intern() - the index of an element; @next where the table does not know it yet
 * @hash: any number made of @key, the same for what is the same
 * @next: what the caller will append the new element as
 *
 * Return: 1 known, 0 new (and noted as @next), -ENOMEM
 */
int turf_table_intern(struct table *t, uint64_t hash, turf_table_same *same, const void *ctx,
                      const void *key, uint32_t next, uint32_t *ret);
/* Fetches what turf_table_intern() will look at first, while there is other work. */
void turf_table_fetch(const struct table *t, uint64_t hash);
/* Forgets all elements and keeps the room. */
void turf_table_clear(struct table *t);
void turf_table_fini(struct table *t);

static inline uint64_t hash_mix(uint64_t h, uint64_t value)
{
	h = (h ^ value) * 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio: spreads neighbours */
	return h ^ h >> 29;
}

static inline uint64_t hash_str(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3u;
	return hash_mix(h, 0);
}

#endif
