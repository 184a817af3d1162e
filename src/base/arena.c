/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include "base/vec.h"

/* Of blocks: the first ones, which waste little where little is taken, and those of an arena
 * that has filled some of these. */
enum { BLOCK_SIZE = 256 << 10, LARGE_BLOCK_SIZE = 4 << 20, FEW_BLOCKS = 16 };

struct arena_block {
	struct arena_block *next;
	uint64_t n; /* of blocks up to this one; and keeps what follows aligned to 16 */
};

static bool new_block(struct arena *a, size_t size)
{
	uint64_t n = a->blocks ? a->blocks->n + 1 : 1;
	size_t least = n > FEW_BLOCKS ? LARGE_BLOCK_SIZE : BLOCK_SIZE;
	size_t room = MAX(size + sizeof(struct arena_block), least);
	struct arena_block *b = turf_big(room);
	if (!b)
		return false;
	*b = (struct arena_block){ a->blocks, n };
	a->blocks = b;
	a->at = (uint8_t *)(b + 1);
	a->left = room - sizeof(*b);
	return true;
}

void *turf_arena_take(struct arena *a, size_t size)
{
	if (size > SIZE_MAX / 2)
		return NULL;
	size = align_up(size, 16);
	if ((size > a->left || !a->blocks) && !new_block(a, size))
		return NULL;
	void *p = a->at;
	a->at += size;
	a->left -= size;
	return p;
}

void *turf_arena_alloc(struct arena *a, size_t size)
{
	void *p = turf_arena_take(a, size);
	return p ? memset(p, 0, size) : NULL;
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
