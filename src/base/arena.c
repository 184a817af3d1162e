/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

enum { BLOCK_SIZE = 256 << 10 };

struct arena_block {
	struct arena_block *next;
	uint64_t pad; /* keeps what follows aligned to 16 */
};

void *turf_arena_alloc(struct arena *a, size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + 15) & ~(size_t)15;
	if (size > a->left || !a->blocks) {
		size_t room = MAX(size, (size_t)BLOCK_SIZE);
		struct arena_block *b = calloc(1, sizeof(*b) + room);
		if (!b)
			return NULL;
		b->next = a->blocks;
		a->blocks = b;
		a->at = (uint8_t *)(b + 1);
		a->left = room;
	}
	void *p = a->at;
	a->at += size;
	a->left -= size;
	return p;
}

char *turf_arena_str(struct arena *a, const char *s, size_t n)
{
	char *copy = turf_arena_alloc(a, n + 1);
	if (copy)
		memcpy(copy, s, n);
	return copy;
}

void turf_arena_fini(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *b = a->blocks;
		a->blocks = b->next;
		free(b);
	}
	*a = (struct arena){ 0 };
}
