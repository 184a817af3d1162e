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

/* Puts @map, or nothing, in the place of all in [start, end). */
static int replace(struct space **space, uint64_t start, uint64_t end, const struct map *map)
{
	int r = make_own(space);
	struct space *s = *space;
	if (r < 0 || !vec_reserve(s, 2))
		return -ENOMEM;
	size_t from = first_behind(s, start), to = from;
	while (to < s->n && s->at[to].start < end)
		to++;
	/* what stays of the first and of the last overlapped one */
	struct map fresh[3];
	size_t n = 0;
	if (from < to && s->at[from].start < start) {
		fresh[n] = s->at[from];
		fresh[n++].end = start;
	}
	if (map)
		fresh[n++] = *map;
	if (from < to && s->at[to - 1].end > end) {
		fresh[n] = s->at[to - 1];
		fresh[n].offset += end - fresh[n].start;
		fresh[n++].start = end;
	}
	memmove(s->at + from + n, s->at + to, (s->n - to) * sizeof(*s->at));
	memcpy(s->at + from, fresh, n * sizeof(*fresh));
	s->n = s->n - (to - from) + n;
	return 0;
}

int turf_space_insert(struct space **space, const struct map *map)
{
	return map->start < map->end ? replace(space, map->start, map->end, map) : 0;
}

/* Whether something is mapped in the range: what is not, costs no copy. */
static bool overlaps(const struct space *s, uint64_t start, uint64_t end)
{
	size_t i = s ? first_behind(s, start) : 0;
	return s && start < end && i < s->n && s->at[i].start < end;
}

int turf_space_remove(struct space **space, uint64_t start, uint64_t end)
{
	return overlaps(*space, start, end) ? replace(space, start, end, NULL) : 0;
}

int turf_space_move(struct space **space, uint64_t start, uint64_t end, uint64_t to,
                    uint64_t to_end)
{
	struct {
		struct map *at;
		size_t n, room;
	} moved = { 0 };
	int r = 0;
	/* the kernel moves one mapping a call; what it is told as may be several here */
	for (size_t i = overlaps(*space, start, end) ? first_behind(*space, start) : SIZE_MAX;
	     i != SIZE_MAX && i < (*space)->n && (*space)->at[i].start < end; i++) {
		struct map *m = vec_push(&moved);
		if (!m) {
			vec_fini(&moved);
			return -ENOMEM;
		}
		*m = (*space)->at[i];
		m->offset += MAX(m->start, start) - m->start;
		m->start = MAX(m->start, start) - start + to;
		m->end = MIN(m->end, end) - start + to;
		m->end = MIN(m->end, to_end);
	}
	if (moved.n && to_end > moved.at[moved.n - 1].end && to_end - to > end - start)
		moved.at[moved.n - 1].end = to_end;
	r = turf_space_remove(space, start, end);
	if (r == 0)
		r = turf_space_remove(space, to, to_end);
	for (size_t i = 0; r == 0 && i < moved.n; i++)
		r = turf_space_insert(space, &moved.at[i]);
	vec_fini(&moved);
	return r;
}
