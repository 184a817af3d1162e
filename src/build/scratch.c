/* SPDX-License-Identifier: MIT */
/* What the reading of a unit needs for itself: kept for the next unit, so that threads do not
 * ask the system for the same memory again and again. */
#include "build/scratch.h"

/* All lists of what grows, so that none is forgotten. */
#define EACH_LIST(out, what)                                                                   \
	do {                                                                                   \
		what((out)->functions);                                                        \
		what((out)->scopes);                                                           \
		what((out)->lines);                                                            \
		what((out)->sites);                                                            \
		what((out)->segments);                                                         \
		what((out)->runs);                                                             \
		what((out)->marks);                                                            \
		what((out)->calls);                                                            \
		what((out)->files);                                                            \
		what((out)->scope_dies);                                                       \
		what((out)->function_dies);                                                    \
		what((out)->mark_data);                                                        \
	} while (0)

struct unit_scratch *turf_scratch_take(struct builder *b)
{
	pthread_mutex_lock(&b->lock);
	struct unit_scratch *s = b->scratch;
	if (s)
		b->scratch = s->next;
	pthread_mutex_unlock(&b->lock);
	return s ? s : calloc(1, sizeof(*s));
}

static uint64_t line_hash(const struct line_key *k)
{
	return hash_mix(hash_mix(0, (uint64_t)k->function << 32 | k->line),
	                (uint64_t)k->file << 32 | k->column);
}

static uint64_t die_hash(uint64_t die)
{
	return hash_mix(0, die);
}

/* Both tables begin small with each unit. */
static void forget(struct unit_scratch *s)
{
	if (s->n_known)
		memset(s->known, 0, s->n_known * sizeof(*s->known));
	if (s->n_known_dies)
		memset(s->known_dies, 0, s->n_known_dies * sizeof(*s->known_dies));
	s->n_known = s->n_known_dies = 0;
}

void turf_scratch_empty(struct unit_scratch *s)
{
	forget(s);
	s->rows.n = s->copy.n = s->ranges.n = s->heap.n = s->keys.n = s->areas.n = 0;
	s->dies.n = s->origins.n = s->lines.n = s->sites.n = s->counts.n = s->places.n = 0;
	s->files.n = 0;
#define EMPTY(list) (list).n = 0
	EACH_LIST(&s->out, EMPTY);
	s->out.comp_dir = NULL;
	s->out.nameless = 0;
	s->out.too_deep = false;
	s->out.error = 0;
	s->out.why = NULL;
}

void turf_scratch_give(struct builder *b, struct unit_scratch *s)
{
	pthread_mutex_lock(&b->lock);
	s->next = b->scratch;
	b->scratch = s;
	pthread_mutex_unlock(&b->lock);
}

bool turf_scratch_keep(struct unit_scratch *s, struct unit_out *ret)
{
	size_t size = 0;
#define ADD_SIZE(list) size += UNIT_LIST_SIZE(list)
	EACH_LIST(&s->out, ADD_SIZE);
	uint8_t *at = turf_arena_take(&s->kept, size);
	if (!at)
		return false;
	*ret = s->out;
#define MOVE(list) UNIT_LIST_MOVE(list, &at)
	EACH_LIST(ret, MOVE);
	return true;
}

void turf_unit_scratch_free(struct unit_scratch *s)
{
	while (s) {
		struct unit_scratch *next = s->next;
#define FINI(list) vec_fini(&(list))
		EACH_LIST(&s->out, FINI);
		vec_fini(&s->files);
		vec_fini(&s->rows);
		vec_fini(&s->copy);
		vec_fini(&s->ranges);
		vec_fini(&s->heap);
		vec_fini(&s->keys);
		vec_fini(&s->areas);
		vec_fini(&s->dies);
		vec_fini(&s->origins);
		vec_fini(&s->lines);
		vec_fini(&s->sites);
		vec_fini(&s->counts);
		vec_fini(&s->places);
		turf_arena_fini(&s->kept);
		free(s->known);
		free(s->known_dies);
		free(s);
		s = next;
	}
}

/* @want slots of @size bytes, all free, where @n are in use; 0: no memory. */
static size_t more_slots(void **at, size_t n, size_t want, size_t *room, size_t size)
{
	if (want <= *room) {
		if (n)
			memset(*at, 0, n * size);
		return want;
	}
	void *more = turf_zeroed(want * size);
	if (!more)
		return 0;
	free(*at);
	*at = more;
	return *room = want;
}

static bool grow_known_dies(struct unit_scratch *s)
{
	size_t n = more_slots((void **)&s->known_dies, s->n_known_dies,
	                      MAX(s->n_known_dies * 2, (size_t)64), &s->known_dies_room,
	                      sizeof(*s->known_dies));
	if (!n)
		return false;
	s->n_known_dies = n;
	for (size_t i = 0; i < s->origins.n; i++) {
		size_t at = die_hash(s->origins.at[i]) & (n - 1);
		while (s->known_dies[at].idx1)
			at = (at + 1) & (n - 1);
		s->known_dies[at] = (struct known_die){ s->origins.at[i], (uint32_t)i + 1 };
	}
	return true;
}

int turf_scratch_function(struct unit_scratch *s, uint64_t die, uint32_t *ret)
{
	if (s->origins.n * 2 >= s->n_known_dies && !grow_known_dies(s))
		return -ENOMEM;
	size_t at = die_hash(die) & (s->n_known_dies - 1);
	for (; s->known_dies[at].idx1; at = (at + 1) & (s->n_known_dies - 1))
		if (s->known_dies[at].die == die) {
			*ret = s->known_dies[at].idx1 - 1;
			return 1;
		}
	if (!vec_reserve(&s->origins, 1))
		return -ENOMEM;
	*ret = (uint32_t)s->origins.n;
	s->origins.at[s->origins.n++] = die;
	s->known_dies[at] = (struct known_die){ die, (uint32_t)s->origins.n };
	return 0;
}

static bool grow_known(struct unit_scratch *s)
{
	/* at first as many as the rows may take; most say a line of their own */
	size_t want = s->n_known * 2;
	for (size_t least = s->rows.n + s->rows.n / 2;
	     want < 64 || (!s->lines.n && want < least);)
		want = want ? want * 2 : 64;
	size_t n = more_slots((void **)&s->known, s->n_known, want, &s->known_room,
	                      sizeof(*s->known));
	if (!n)
		return false;
	s->n_known = n;
	for (size_t i = 0; i < s->lines.n; i++) {
		size_t at = line_hash(&s->lines.at[i]) & (n - 1);
		while (s->known[at])
			at = (at + 1) & (n - 1);
		s->known[at] = (uint32_t)i + 1;
	}
	return true;
}

bool turf_scratch_line(struct unit_scratch *s, const struct line_key *key, uint32_t *ret)
{
	if (s->lines.n * 2 >= s->n_known && !grow_known(s))
		return false;
	size_t at = line_hash(key) & (s->n_known - 1);
	for (; s->known[at]; at = (at + 1) & (s->n_known - 1))
		if (!memcmp(&s->lines.at[s->known[at] - 1], key, sizeof(*key))) {
			*ret = s->known[at] - 1;
			return true;
		}
	if (!vec_reserve(&s->lines, 1))
		return false;
	s->lines.at[s->lines.n++] = *key;
	*ret = (uint32_t)s->lines.n - 1;
	s->known[at] = (uint32_t)s->lines.n;
	return true;
}

/* Scopes that have segments, and all that these are inlined into; their functions. */
static void mark_used(struct unit_out *out)
{
	for (size_t i = 0; i < out->segments.n; i++)
		if (out->segments.at[i].scope)
			out->scopes.at[out->segments.at[i].scope - 1].used = true;
	for (size_t i = out->scopes.n; i-- > 0;) {
		const struct unit_scope *s = &out->scopes.at[i];
		if (!s->used)
			continue;
		out->functions.at[s->function].used = true;
		if (s->parent)
			out->scopes.at[s->parent - 1].used = true;
	}
}

/* Room for a count of each function and an end, all 0. */
static uint32_t *begin_counts(struct unit *u, size_t n_places)
{
	struct unit_scratch *s = u->s;
	size_t n = u->out->functions.n + 1;
	s->counts.n = s->places.n = 0;
	if (!vec_reserve(&s->counts, n) || !vec_reserve(&s->places, n_places))
		return NULL;
	return memset(s->counts.at, 0, n * sizeof(*s->counts.at));
}

static bool emit_lines(struct unit *u)
{
	struct unit_scratch *s = u->s;
	struct unit_out *out = u->out;
	uint32_t *count = begin_counts(u, s->lines.n), sum = 0;
	if (!count || !vec_reserve(&out->lines, s->lines.n))
		return false;
	for (size_t i = 0; i < s->lines.n; i++)
		count[s->lines.at[i].function]++;
	for (size_t i = 0; i < out->functions.n; i++) {
		struct unit_function *f = &out->functions.at[i];
		f->first_line = sum;
		f->n_lines = count[i];
		f->used |= count[i] != 0;
		count[i] = sum;
		sum += f->n_lines;
	}
	for (size_t i = 0; i < s->lines.n; i++) {
		const struct line_key *k = &s->lines.at[i];
		s->places.at[i] = count[k->function]++;
		out->lines.at[s->places.at[i]] =
			(struct unit_line){ k->file, k->line, k->column, 0 };
	}
	out->lines.n = s->lines.n;
	for (size_t i = 0; i < out->segments.n; i++)
		out->segments.at[i].line = s->places.at[out->segments.at[i].line];
	return true;
}

static bool emit_sites(struct unit *u)
{
	struct unit_out *out = u->out;
	uint32_t *count = begin_counts(u, 0), sum = 0;
	if (!count || !vec_reserve(&out->sites, u->s->sites.n))
		return false;
	for (size_t i = 0; i < out->scopes.n; i++) {
		const struct unit_scope *s = &out->scopes.at[i];
		if (s->used && s->parent)
			count[out->scopes.at[s->parent - 1].function]++;
	}
	for (size_t i = 0; i < out->functions.n; i++) {
		struct unit_function *f = &out->functions.at[i];
		f->first_site = sum;
		f->n_sites = count[i];
		count[i] = sum;
		sum += f->n_sites;
	}
	for (size_t i = 0; i < out->scopes.n; i++) {
		struct unit_scope *s = &out->scopes.at[i];
		if (!s->used || !s->parent)
			continue;
		uint32_t place = count[out->scopes.at[s->parent - 1].function]++;
		out->sites.at[place] = u->s->sites.at[s->site];
		s->site = place;
	}
	out->sites.n = sum;
	return true;
}

bool turf_scratch_emit(struct unit *u)
{
	mark_used(u->out);
	return emit_lines(u) && emit_sites(u);
}
