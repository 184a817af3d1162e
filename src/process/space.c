/* SPDX-License-Identifier: MIT */
/*
 * One address space: an ordered array of mappings, shared by a process and its forks until one
 * of them changes it.
 */
#include "process/process.h"

struct space *turf_space_ref(struct space *space)
{
	if (space)
		space->refs++;
	return space;
}

void turf_space_unref(struct space *space)
{
	if (!space || --space->refs)
		return;
	vec_fini(space);
	free(space);
}

/* Index of the first mapping that ends behind @pc. */
static size_t first_behind(const struct space *space, uint64_t pc)
{
	size_t lo = 0, hi = space->n; /* at[lo - 1].end <= pc < at[hi].end */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (space->at[mid].end <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct map *turf_space_find(const struct space *space, uint64_t pc)
{
	if (!space)
		return NULL;
	size_t i = first_behind(space, pc);
	return i < space->n && space->at[i].start <= pc ? &space->at[i] : NULL;
}

/* *@space becomes one that nobody else has; 0 or -ENOMEM. */
static int make_own(struct space **space)
{
	if (*space && (*space)->refs == 1)
		return 0;
	struct space *own = calloc(1, sizeof(*own));
	if (!own)
		return -ENOMEM;
	own->refs = 1;
	if (*space && (*space)->n) {
		if (!vec_reserve(own, (*space)->n + 2)) {
			free(own);
			return -ENOMEM;
		}
		own->n = (*space)->n;
		memcpy(own->at, (*space)->at, own->n * sizeof(*own->at));
	}
	turf_space_unref(*space);
	*space = own;
	return 0;
}

int turf_space_insert(struct space **space, const struct map *map)
{
	if (map->start >= map->end)
		return 0;
	int r = make_own(space);
	struct space *s = *space;
	if (r < 0 || !vec_reserve(s, 2))
		return -ENOMEM;
	size_t from = first_behind(s, map->start), to = from;
	while (to < s->n && s->at[to].start < map->end)
		to++;
	/* what stays of the first and of the last overlapped one */
	struct map fresh[3];
	size_t n = 0;
	if (from < to && s->at[from].start < map->start) {
		fresh[n] = s->at[from];
		fresh[n++].end = map->start;
	}
	fresh[n++] = *map;
	if (from < to && s->at[to - 1].end > map->end) {
		fresh[n] = s->at[to - 1];
		fresh[n].offset += map->end - fresh[n].start;
		fresh[n++].start = map->end;
	}
	memmove(s->at + from + n, s->at + to, (s->n - to) * sizeof(*s->at));
	memcpy(s->at + from, fresh, n * sizeof(*fresh));
	s->n = s->n - (to - from) + n;
	return 0;
}
