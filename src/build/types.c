/* SPDX-License-Identifier: MIT */
/*
 * The types of all units -> each distinct one once, and a number for each.
 *
 *   each unit, in parallel:  its DIEs -> types with hashes (types-scan.c) -> one table of all
 *   then:                    declarations -> what they declare; each type read again where it
 *                            was first seen, its links as indexes (types-read.c); numbers
 *   each unit, in parallel:  DIEs -> numbers
 *
 * The table is in shards, each under its lock. What it holds does not depend on who came first:
 * a type is read where most is said of it, of several such places at the first in the order of
 * units and DIEs. Most types of a unit were seen before by the same thread, which then need not
 * ask the table.
 *
 * Cost:   four bytes for each 256 bytes of .debug_info, five bytes for each type's DIE
 */
#include <sched.h>

#include "build/types-all.h"

enum {
	AHEAD = 16, /* types to ask memory for before their turn */
	SLOTS_MIN = 256,
};

struct type_slot {
	uint32_t tag; /* of the hash */
	uint32_t idx; /* + 1; 0: free */
};

static size_t slot_at(const struct type_shard *shard, uint32_t tag)
{
	return (tag >> SHARD_BITS) & (shard->n_slots - 1);
}

static bool grow(struct type_shard *shard)
{
	size_t n = MAX((size_t)SLOTS_MIN, 2 * shard->n_slots);
	struct type_slot *slots = turf_zeroed(n * sizeof(*slots)), *old = shard->slots;
	size_t n_old = shard->n_slots;
	if (!slots)
		return false;
	__atomic_store_n(&shard->n_slots, n, __ATOMIC_RELAXED);
	for (size_t i = 0; i < n_old; i++) {
		if (!old[i].idx)
			continue;
		size_t at = slot_at(shard, old[i].tag);
		while (slots[at].idx)
			at = (at + 1) & (n - 1);
		slots[at] = old[i];
	}
	__atomic_store_n(&shard->slots, slots, __ATOMIC_RELEASE);
	free(old);
	return true;
}

/* What a unit says of a type. */
static struct type_entry entry_of(const struct types *t, const struct type_scan *s,
                                  const struct type_sum *n)
{
	struct type_entry e = {
		.hash = { n->hash[0], n->hash[1] },
		.key = n->named ? s->ids.at[n - s->sums.at] : 0,
		.unit = (uint32_t)(s->unit - t->b->dwarf.units),
		.off = n->off,
		.scope = n->scope ? s->sums.at[n->scope - 1].off + 1 : 0,
		.n_items = n->n_items,
		.declaration = n->flags & URF_FLAG_DECLARATION,
	};
	if (n->kind != URF_TYPE_SCOPE && n->used && n->ref2 != TYPE_REF_NONE &&
	    n->ref2 & TYPE_REF_SIGNATURE && !(n->ref2 & TYPE_REF_FAR))
		e.alias = (uint32_t)(n->ref2 & ~TYPE_REF_SIGNATURE);
	return e;
}

/* Whether a type is rather taken from this place: where most is said of it, the first such. */
static bool is_better(const struct type_sum *n, uint32_t unit, const struct type_entry *known)
{
	if (n->n_items != known->n_items)
		return n->n_items > known->n_items;
	return unit < known->unit || (unit == known->unit && n->off < known->off);
}

/* The index of a type in its shard, which is locked; UINT32_MAX: no memory. */
static uint32_t intern(const struct types *t, struct type_shard *shard,
                       const struct type_scan *s, const struct type_sum *n, uint32_t unit)
{
	if (shard->all.n * 2 >= shard->n_slots && !grow(shard))
		return UINT32_MAX;
	uint32_t tag = (uint32_t)n->hash[1];
	for (size_t at = slot_at(shard, tag);; at = (at + 1) & (shard->n_slots - 1)) {
		struct type_slot *slot = &shard->slots[at];
		if (!slot->idx) {
			if (shard->all.n >= SHARD_MAX || !vec_reserve(&shard->all, 1))
				return UINT32_MAX;
			shard->all.at[shard->all.n++] = entry_of(t, s, n);
			*slot = (struct type_slot){ tag, (uint32_t)shard->all.n };
			return (uint32_t)(shard->all.n - 1);
		}
		struct type_entry *known = &shard->all.at[slot->idx - 1];
		if (slot->tag != tag || known->hash[0] != n->hash[0] ||
		    known->hash[1] != n->hash[1])
			continue;
		uint32_t count = known->count;
		if (is_better(n, unit, known)) {
			*known = entry_of(t, s, n);
			known->count = count;
		}
		return slot->idx - 1;
	}
}

static bool is_type(const struct type_sum *n)
{
	return n->kind != URF_TYPE_SCOPE || n->used;
}

/* Held for some ten instructions, by one of few threads: nobody sleeps over it. */
static void lock(struct type_shard *shard)
{
	while (__atomic_test_and_set(&shard->locked, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void unlock(struct type_shard *shard)
{
	__atomic_clear(&shard->locked, __ATOMIC_RELEASE);
}

static struct type_shard *shard_of(struct types *t, uint32_t number)
{
	return &t->shards[number & (N_SHARDS - 1)];
}

static struct type_seen *seen_at(const struct type_scan *s, const struct type_sum *n)
{
	return &s->seen[n->hash[1] & (s->n_seen - 1)];
}

/* Adds what a thread has counted of a type. */
static void add_count(struct types *t, const struct type_seen *seen)
{
	struct type_shard *shard = shard_of(t, seen->number);
	lock(shard);
	shard->all.at[seen->number >> SHARD_BITS].count += seen->count;
	unlock(shard);
}

/* Looks for a type that the thread has not seen lately, or not where as much is said of it. */
static bool see(struct types *t, struct type_scan *s, const struct type_sum *n, uint32_t unit,
                struct type_seen *seen)
{
	uint32_t number = n->hash[1] & (N_SHARDS - 1);
	struct type_shard *shard = shard_of(t, number);
	if (seen->count)
		add_count(t, seen);
	seen->count = 0;
	lock(shard);
	uint32_t idx = intern(t, shard, s, n, unit);
	if (idx != UINT32_MAX) {
		const struct type_entry *e = &shard->all.at[idx];
		*seen = (struct type_seen){
			.hash = { n->hash[0], n->hash[1] },
			.number = idx << SHARD_BITS | number,
			.unit = e->unit,
			.n_items = e->n_items,
		};
	}
	unlock(shard);
	return idx != UINT32_MAX;
}

static int intern_all(struct types *t, struct type_scan *s, struct unit_types *u)
{
	const struct type_sum *sums = s->sums.at;
	uint32_t unit = (uint32_t)(s->unit - t->b->dwarf.units);
	for (size_t i = 0; i < s->sums.n; i++) {
		const struct type_sum *n = &sums[i];
		if (i + AHEAD < s->sums.n)
			__builtin_prefetch(seen_at(s, &sums[i + AHEAD]));
		u->numbers[i] = UINT32_MAX;
		if (!is_type(n))
			continue;
		struct type_seen *seen = seen_at(s, n);
		bool known = seen->count && seen->hash[0] == n->hash[0] &&
		             seen->hash[1] == n->hash[1];
		if ((!known || n->n_items > seen->n_items || unit < seen->unit) &&
		    !see(t, s, n, unit, seen))
			return -ENOMEM;
		seen->count++;
		u->numbers[i] = seen->number;
	}
	return 0;
}

/* What is asked of a unit's types later on: all in one allocation, which begins with first[].
 */
static bool keep_unit(const struct type_scan *s, struct unit_types *u)
{
	uint64_t size = s->unit->end - s->unit->off;
	size_t n_pages = (size_t)((size - 1) >> TYPE_PAGE_BITS) + 1, page = 0;
	uint8_t *room = malloc((n_pages + 1 + s->sums.n) * sizeof(uint32_t) + s->sums.n);
	if (!room)
		return false;
	u->first = (uint32_t *)room;
	u->numbers = u->first + n_pages + 1;
	u->low = (uint8_t *)(u->numbers + s->sums.n);
	u->size = size;
	u->n = s->sums.n;
	for (size_t i = 0; i < u->n; i++) {
		uint32_t off = s->sums.at[i].off;
		for (; page <= off >> TYPE_PAGE_BITS; page++)
			u->first[page] = (uint32_t)i;
		u->low[i] = (uint8_t)off;
	}
	for (; page <= n_pages; page++)
		u->first[page] = (uint32_t)u->n;
	return true;
}

/* The power of two next to @n, between @least and @most. */
static size_t room_for(uint64_t n, size_t least, size_t most)
{
	size_t room = least;
	while (room < n && room < most)
		room *= 2;
	return room;
}

/* Both tables are memories of what is asked most: they forget what no room is left for. */
static struct type_scan *new_scan(const struct builder *b)
{
	enum {
		NAME = 16,  /* bytes of a string, for most */
		TYPE = 1024 /* of .debug_info, where a thread finds one that is new */
	};
	struct type_scan *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->b = b;
	s->n_names = room_for(b->dwarf.own->str.size / NAME, 1 << 10, 1 << 18);
	s->n_seen = room_for(b->dwarf.own->info.size / TYPE, 1 << 10, 1 << 17);
	s->names = turf_zeroed(s->n_names * sizeof(*s->names));
	s->seen = turf_zeroed(s->n_seen * sizeof(*s->seen));
	if (s->names && s->seen)
		return s;
	turf_type_scan_fini(s);
	free(s);
	return NULL;
}

struct type_scan *turf_types_take(struct types *t)
{
	pthread_mutex_lock(&t->lock);
	struct type_scan *s = t->scans;
	if (s)
		t->scans = s->next;
	pthread_mutex_unlock(&t->lock);
	return s ? s : new_scan(t->b);
}

void turf_types_give(struct types *t, struct type_scan *s)
{
	pthread_mutex_lock(&t->lock);
	s->next = t->scans;
	t->scans = s;
	pthread_mutex_unlock(&t->lock);
}

static int scan_unit(void *ctx, size_t idx, struct turf_error *err)
{
	struct types *t = ctx;
	const struct dwarf_unit *unit = &t->b->dwarf.units[t->b->order[idx]];
	struct unit_types *u = &t->units[t->b->order[idx]];
	if (unit->error || unit->end - unit->off > UINT32_MAX)
		return 0;
	struct type_scan *s = turf_types_take(t);
	int r = s ? turf_type_scan_unit(s, unit, NULL) : -ENOMEM;
	if (r != -ENOMEM)
		r = keep_unit(s, u) ? intern_all(t, s, u) : -ENOMEM;
	if (s)
		turf_types_give(t, s);
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "%s: no memory for types", t->b->name)
	             : 0;
}

/* What all threads have counted; what they remember is of no further use. */
static void end_scans(struct types *t)
{
	for (struct type_scan *s = t->scans; s; s = s->next) {
		for (size_t i = 0; i < s->n_seen; i++)
			if (s->seen[i].count)
				add_count(t, &s->seen[i]);
		turf_type_scan_forget(s);
	}
}

/* All types in the order of their places; index 0 is void. By offset first, then by unit: equal
 * ones keep their order. */
static int put_in_order(struct types *t)
{
	size_t n = 0;
	for (size_t i = 0; i < N_SHARDS; i++)
		n += t->shards[i].all.n;
	if (n >= TABLE_MAX)
		return -E2BIG;
	t->order = calloc(n + 1, sizeof(*t->order));
	struct sort_pair *pairs = malloc((2 * n + 1) * sizeof(*pairs)), *at = pairs;
	if (!t->order || !pairs) {
		free(pairs);
		return -ENOMEM;
	}
	for (size_t i = 0; i < N_SHARDS; i++)
		for (size_t k = 0; k < t->shards[i].all.n; k++) {
			struct type_entry *e = &t->shards[i].all.at[k];
			*at++ = (struct sort_pair){ e->off, (uintptr_t)e };
		}
	sort_pairs(pairs, pairs + n, n);
	for (size_t i = 0; i < n; i++)
		pairs[i].key = ((const struct type_entry *)(uintptr_t)pairs[i].value)->unit;
	sort_pairs(pairs, pairs + n, n);
	for (size_t i = 0; i < n; i++) {
		struct type_entry *e = (struct type_entry *)(uintptr_t)pairs[i].value;
		t->order[i + 1] = e;
		e->idx = e->is = (uint32_t)(i + 1);
	}
	t->n = (uint32_t)(n + 1);
	free(pairs);
	return 0;
}

static bool same_key(const void *ctx, uint32_t idx, const void *key)
{
	return ((const struct types *)ctx)->order[idx]->key == *(const uint64_t *)key;
}

/*
 * Declarations mean the one definition of that name; where there are several, or none, they
 * stay what they are. A DIE that only names a type unit is what that unit defines.
 */
static int find_declared(struct types *t)
{
	struct table keys = { 0 };
	uint32_t at;
	int r = 0;
	for (uint32_t i = 1; r >= 0 && i < t->n; i++) {
		struct type_entry *e = t->order[i];
		if (!e->key || e->declaration || e->alias)
			continue;
		r = turf_table_intern(&keys, e->key, same_key, t, &e->key, i, &at);
		if (r == 1)
			t->order[at]->several = true;
	}
	for (uint32_t i = 1; r >= 0 && i < t->n; i++) {
		struct type_entry *e = t->order[i];
		if (e->alias) {
			const struct dwarf_unit *unit = &t->b->dwarf.units[e->alias - 1];
			uint32_t to =
				turf_types_index(t, unit->base + unit->off + unit->type_off);
			e->is = to && !t->order[to]->alias ? to : i;
		}
		if (!e->key || !e->declaration || e->alias)
			continue;
		r = turf_table_intern(&keys, e->key, same_key, t, &e->key, i, &at);
		if (r == 1 && !t->order[at]->several && !t->order[at]->declaration)
			e->is = at;
	}
	turf_table_fini(&keys);
	return MIN(r, 0);
}

size_t turf_types_signature(const struct types *t, uint64_t signature)
{
	size_t lo = bisect(mid, t->signatures.n, t->signatures.at[mid].key < signature);
	return lo < t->signatures.n && t->signatures.at[lo].key == signature
	               ? t->signatures.at[lo].value + 1
	               : 0;
}

static int find_signatures(struct types *t)
{
	const struct dwarf *dw = &t->b->dwarf;
	for (size_t i = 0; i < dw->n_units; i++) {
		if (!dw->units[i].type_off || dw->units[i].error)
			continue;
		struct sort_pair *pair = vec_push(&t->signatures);
		if (!pair)
			return -ENOMEM;
		*pair = (struct sort_pair){ dw->units[i].signature, i };
	}
	struct sort_pair *spare = malloc((t->signatures.n + 1) * sizeof(*spare));
	if (!spare)
		return -ENOMEM;
	sort_pairs(t->signatures.at, spare, t->signatures.n);
	free(spare);
	return 0;
}

static const struct type_entry *entry_at(const struct types *t, uint32_t number)
{
	return &t->shards[number & (N_SHARDS - 1)].all.at[number >> SHARD_BITS];
}

uint32_t turf_types_index(const struct types *t, uint64_t die)
{
	const struct dwarf_unit *unit = turf_dies_unit(&t->b->dwarf, die);
	if (!unit)
		return 0;
	const struct unit_types *u = &t->units[unit - t->b->dwarf.units];
	size_t at = turf_type_place(u, die - unit->base - unit->off);
	return at == u->n || u->numbers[at] == UINT32_MAX ? 0
	                                                  : entry_at(t, u->numbers[at])->idx;
}

/* Numbers by weight; of one weight in order. Those that are others get none of their own. */
static int number_all(struct types *t)
{
	struct sort_pair *pairs = malloc(2 * t->n * sizeof(*pairs));
	t->by_number = calloc(t->n, sizeof(*t->by_number));
	if (!pairs || !t->by_number) {
		free(pairs);
		return -ENOMEM;
	}
	size_t n = 0;
	for (uint32_t i = 1; i < t->n; i++)
		if (t->order[i]->is == i)
			pairs[n++] = (struct sort_pair){ UINT32_MAX - t->order[i]->count, i };
	sort_pairs(pairs, pairs + t->n, n);
	t->n_numbers = 1;
	for (size_t i = 0; i < n; i++) {
		t->by_number[t->n_numbers] = (uint32_t)pairs[i].value;
		t->order[pairs[i].value]->number = t->n_numbers++;
	}
	for (uint32_t i = 1; i < t->n; i++)
		t->order[i]->number = t->order[t->order[i]->is]->number;
	free(pairs);
	t->b->n_types = t->n_numbers;
	return 0;
}

static int number_unit(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	const struct types *t = ctx;
	struct unit_types *u = &t->units[idx];
	for (size_t i = 0; i < u->n; i++)
		u->numbers[i] =
			u->numbers[i] == UINT32_MAX ? 0 : entry_at(t, u->numbers[i])->number;
	return 0;
}

static int build_all(struct types *t, struct turf_error *err)
{
	size_t n = t->b->dwarf.n_units;
	t->units = calloc(n + 1, sizeof(*t->units));
	t->of_unit = calloc(n + 1, sizeof(*t->of_unit));
	int r = t->units && t->of_unit ? find_signatures(t) : -ENOMEM;
	if (r == 0)
		r = turf_pool_run(&t->b->pool, n, scan_unit, t, err);
	if (r == 0)
		end_scans(t);
	if (r == 0)
		r = put_in_order(t);
	if (r == 0)
		r = find_declared(t);
	if (r == 0)
		r = turf_types_read(t, err);
	if (r == 0)
		r = number_all(t);
	if (r == 0)
		r = turf_pool_run(&t->b->pool, n, number_unit, t, err);
	return r;
}

int turf_build_types(struct builder *b, struct turf_error *err)
{
	struct types *t = calloc(1, sizeof(*t));
	if (!t)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory", b->name);
	t->b = b;
	pthread_mutex_init(&t->lock, NULL);
	b->types = t;
	int r = build_all(t, err);
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "%s: cannot put types together: %s",
	                         b->name, strerror(-r))
	             : 0;
}

void turf_types_free(struct types *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < N_SHARDS; i++) {
		free(t->shards[i].slots);
		vec_fini(&t->shards[i].all);
	}
	for (size_t i = 0; t->units && i < t->b->dwarf.n_units; i++) {
		free(t->units[i].first);
		if (t->of_unit)
			turf_types_unit_fini(&t->of_unit[i]);
	}
	while (t->scans) {
		struct type_scan *s = t->scans;
		t->scans = s->next;
		turf_type_scan_fini(s);
		free(s);
	}
	vec_fini(&t->signatures);
	free(t->units);
	free(t->of_unit);
	free(t->order);
	free(t->by_number);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

const struct unit_types *turf_types_unit(const struct types *t, size_t idx)
{
	return &t->units[idx];
}

uint32_t turf_type_of(const struct builder *b, uint64_t die)
{
	const struct dwarf_unit *unit = turf_dies_unit(&b->dwarf, die);
	return unit ? turf_type_in(&b->types->units[unit - b->dwarf.units],
	                           die - unit->base - unit->off)
	            : 0;
}

uint32_t turf_type_ref(const struct builder *b, const struct dies *walk, enum die_slot slot)
{
	uint64_t die;
	if (!die_has(walk, slot))
		return 0;
	if (walk->class[slot] == DIE_VALUE_SIGNATURE) {
		size_t idx = turf_types_signature(b->types, walk->u[slot]);
		const struct dwarf_unit *unit = idx ? &b->dwarf.units[idx - 1] : NULL;
		return unit ? turf_type_in(&b->types->units[idx - 1], unit->type_off) : 0;
	}
	if (turf_die_ref(walk, slot, &die) != 1)
		return 0;
	uint64_t off = die - walk->unit->base - walk->unit->off; /* wraps before it */
	if (off < walk->unit->end - walk->unit->off)
		return turf_type_in(&b->types->units[walk->unit - b->dwarf.units], off);
	return turf_type_of(b, die);
}
