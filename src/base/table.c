/* SPDX-License-Identifier: MIT */
/* Open addressing with linear steps; the stored hash saves most comparisons. */
#include "base/table.h"

#include "base/vec.h"

struct table_slot {
	uint32_t hash; /* upper half */
	uint32_t idx1; /* index + 1; 0: free */
};

static void put(struct table_slot *slots, size_t room, struct table_slot s)
{
	size_t i = s.hash & (room - 1);
	while (slots[i].idx1)
		i = (i + 1) & (room - 1);
	slots[i] = s;
}

static bool grow(struct table *t)
{
	size_t room = t->room ? t->room * 4 : 64;
	struct table_slot *slots = turf_zeroed(room * sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < t->room; i++)
		if (t->slots[i].idx1)
			put(slots, room, t->slots[i]);
	free(t->slots);
	t->slots = slots;
	t->room = room;
	return true;
}

int turf_table_intern(struct table *t, uint64_t hash, turf_table_same *same, const void *ctx,
                      const void *key, uint32_t next, uint32_t *ret)
{
	if (t->n >= t->room / 4 * 3 && !grow(t))
		return -ENOMEM;
	uint32_t h = (uint32_t)(hash >> 32);
	size_t i = h & (t->room - 1);
	for (; t->slots[i].idx1; i = (i + 1) & (t->room - 1)) {
		const struct table_slot *s = &t->slots[i];
		if (s->hash == h && same(ctx, s->idx1 - 1, key)) {
			*ret = s->idx1 - 1;
			return 1;
		}
	}
	t->slots[i] = (struct table_slot){ h, next + 1 };
	t->n++;
	*ret = next;
	return 0;
}

void turf_table_fini(struct table *t)
{
	free(t->slots);
	*t = (struct table){ 0 };
}

void turf_table_clear(struct table *t)
{
	if (t->n)
		memset(t->slots, 0, t->room * sizeof(*t->slots));
	t->n = 0;
}

void turf_table_fetch(const struct table *t, uint64_t hash)
{
	if (t->room)
		__builtin_prefetch(&t->slots[(hash >> 32) & (t->room - 1)]);
}
