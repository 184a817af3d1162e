/* SPDX-License-Identifier: MIT */
/*
 * The table of what was made already, and the memory that such texts live in.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "table.h"

/* The space of names: an image's is an address, and greater. */
enum { FIRST_ROOM = 64, SPACE_NAMES = 1 };

static size_t place_of(const struct cli_table *t, uint64_t space, uint64_t key)
{
	uint64_t h = (key ^ space * 0x9e3779b97f4a7c15) * 0xd6e8feb86659fd93;
	return (size_t)(h ^ h >> 32) & (t->room - 1);
}

static bool is_same(const struct cli_entry *e, uint64_t space, uint64_t key, const char *name)
{
	return e->key == key && e->space == space && (!name || strcmp(e->name, name) == 0);
}

static struct cli_entry *find(const struct cli_table *t, uint64_t space, uint64_t key,
                              const char *name)
{
	size_t i = place_of(t, space, key);
	while (t->at[i].space && !is_same(&t->at[i], space, key, name))
		i = (i + 1) & (t->room - 1);
	return &t->at[i];
}

static bool grow(struct cli_table *t)
{
	struct cli_table grown = { .room = t->room ? 2 * t->room : FIRST_ROOM, .n = t->n };
	grown.at = calloc(grown.room, sizeof(*grown.at));
	if (!grown.at)
		return false;
	for (size_t i = 0; i < t->room; i++) {
		const struct cli_entry *e = &t->at[i];
		if (e->space)
			*find(&grown, e->space, e->key, e->name) = *e;
	}
	free(t->at);
	*t = grown;
	return true;
}

static struct cli_entry *find_or_add(struct cli_table *t, uint64_t space, uint64_t key,
                                     const char *name, bool *is_new)
{
	if (t->n >= t->room / 2 && !grow(t))
		return NULL;
	struct cli_entry *e = find(t, space, key, name);
	*is_new = !e->space;
	if (*is_new && name && !(name = cli_keep((struct cli_text){ name, strlen(name) }).at))
		return NULL;
	if (*is_new) {
		*e = (struct cli_entry){ .space = space, .key = key, .name = name };
		t->n++;
	}
	return e;
}

struct cli_entry *cli_table_number(struct cli_table *t, uint64_t space, uint64_t key,
                                   bool *is_new)
{
	return find_or_add(t, space, key, NULL, is_new);
}

struct cli_entry *cli_table_name(struct cli_table *t, const char *name, bool *is_new)
{
	uint64_t h = 0xcbf29ce484222325; /* FNV-1a */
	for (const char *c = name; *c; c++)
		h = (h ^ (unsigned char)*c) * 0x100000001b3;
	return find_or_add(t, SPACE_NAMES, h, name, is_new);
}

void *cli_large(size_t size)
{
	enum { PAGE = 2 << 20 }; /* a large page of most machines */
	if (size < PAGE)
		return malloc(size);
	size_t whole = (size + PAGE - 1) / PAGE * PAGE;
	void *at = aligned_alloc(PAGE, whole);
	if (at)
		madvise(at, whole, MADV_HUGEPAGE); /* or not: it is no error */
	return at;
}

/* All that is kept, of all threads; what nobody points at any more is no leak by that. */
struct block {
	struct block *before;
	char bytes[];
};

static char *new_block(size_t size)
{
	static _Atomic(struct block *) last;
	struct block *b = cli_large(size);
	if (!b)
		return NULL;
	b->before = last;
	while (!atomic_compare_exchange_weak(&last, &b->before, b))
		;
	return b->bytes;
}

/* From small to large blocks; what fills much of one is a block of its own. */
void *cli_keep_room(size_t size)
{
	enum { FIRST = 1 << 11, LAST = 1 << 21 };
	static _Thread_local struct {
		char *at;
		size_t left, block;
	} room;
	size = (size + 7) & ~(size_t)7;
	if (size > room.left && size > room.block / 4 + FIRST / 4)
		return new_block(sizeof(struct block) + size);
	if (size > room.left) {
		room.block = room.block ? 2 * room.block : FIRST;
		room.block = room.block < LAST ? room.block : LAST;
		room.at = new_block(room.block);
		room.left = room.at ? room.block - sizeof(struct block) : 0;
	}
	if (size > room.left)
		return NULL;
	room.at += size;
	room.left -= size;
	return room.at - size;
}

struct cli_text cli_keep(struct cli_text text)
{
	char *at = text.at ? cli_keep_room(text.size + 1) : NULL;
	if (!at)
		return (struct cli_text){ NULL };
	memcpy(at, text.at, text.size);
	at[text.size] = 0;
	return (struct cli_text){ at, text.size };
}
