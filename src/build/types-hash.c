/* SPDX-License-Identifier: MIT */
/* What types hash to once all of their unit are known: see types-hash.h. */
#include "build/types-hash.h"

enum {
	DEPTH_MAX = 200, /* types without names within each other */
	LINKS_MAX = 8,
};

/* The type that a link leads to: its index, or SIZE_MAX. */
static size_t node_of(const struct type_scan *s, uint64_t ref)
{
	if (ref >= s->unit->end - s->unit->off || !(s->bits[ref / 64] >> ref % 64 & 1))
		return SIZE_MAX;
	return type_rank(s->bits, s->ranks, ref);
}

/* Names of structures and classes are one kind: a class may be declared as a structure. */
static uint64_t class_of(uint8_t kind)
{
	return kind == URF_TYPE_CLASS ? URF_TYPE_STRUCT : kind;
}

/* The key of what a type stands in; 0: it has none. */
static uint64_t scope_key(const struct type_scan *s, uint32_t scope)
{
	return scope && s->sums.at[scope - 1].named ? s->ids.at[scope - 1] : 0;
}

void turf_type_key(struct type_scan *s, const struct type_late *late)
{
	const struct type_sum *n = &s->sums.at[late->idx];
	uint64_t key = hash_mix(hash_mix(0x9e3779b97f4a7c15, class_of(n->kind)),
	                        type_name_hash(s, late->name));
	key = hash_mix(key, scope_key(s, n->scope));
	s->ids.at[late->idx] = key + !key;
}

void turf_type_hash_scope(struct type_scan *s, uint32_t idx)
{
	struct type_sum *n = &s->sums.at[idx];
	const char *name = NULL;
	struct dwarf_names names;
	n->used = n->named = true;
	if (turf_dwarf_names(&s->b->dwarf, s->unit->base + s->unit->off + n->off, &names,
	                     NULL) >= 0)
		name = names.linkage_name ? names.linkage_name : names.name;
	type_put_key(s, idx, name);
}

/* What a definition that stands elsewhere than its declaration has of that. */
static void follow_specification(struct type_scan *s, size_t idx)
{
	size_t to = idx;
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		const struct type_sum *n = &s->sums.at[to];
		if (!n->used || n->kind == URF_TYPE_SCOPE)
			break;
		to = node_of(s, n->ref2);
		if (to == SIZE_MAX || to == idx)
			return;
	}
	s->sums.at[idx].scope = s->sums.at[to].scope;
	s->sums.at[idx].named = s->sums.at[to].named;
	s->ids.at[idx] = s->ids.at[to];
}

static uint64_t hash_node(struct type_scan *s, size_t idx, unsigned depth);

/* What a link counts as. */
static inline uint64_t hash_ref(struct type_scan *s, uint64_t ref, unsigned depth)
{
	if (ref >= s->unit->end - s->unit->off)
		return type_far(ref);
	size_t idx = node_of(s, ref);
	if (idx == SIZE_MAX)
		return 3;
	if (s->ids.at[idx])
		return s->ids.at[idx];
	return s->sums.at[idx].state == HASH_BEGUN || depth == DEPTH_MAX
	               ? 5
	               : hash_node(s, idx, depth + 1);
}

/* `volatile const T` is hashed as if it were `const volatile T`, which is the same type: units
 * say the one or the other. */
static bool hash_swapped(struct type_scan *s, struct type_sum *n, unsigned depth)
{
	size_t inner = n->kind == URF_TYPE_VOLATILE ? node_of(s, n->ref) : SIZE_MAX;
	if (inner == SIZE_MAX || s->sums.at[inner].kind != URF_TYPE_CONST || depth == DEPTH_MAX)
		return false;
	uint64_t ref = hash_ref(s, s->sums.at[inner].ref, depth + 1);
	for (unsigned i = 0; i < 2; i++) {
		n->hash[0] = 1;
		n->hash[1] = 2;
		type_mix(n->hash, TYPE_NO_SIZE, 0);
		type_mix(n->hash, i ? URF_TYPE_CONST : URF_TYPE_VOLATILE, 0);
		type_mix(n->hash, ref, 0);
		ref = n->hash[0] + !n->hash[0];
	}
	return true;
}

static uint64_t hash_node(struct type_scan *s, size_t idx, unsigned depth)
{
	struct type_sum *n = &s->sums.at[idx]; /* all stay where they are */
	bool declaration = n->flags & URF_FLAG_DECLARATION;
	bool local = n->used && n->ref2 < TYPE_REF_SIGNATURE; /* a specification: in the key */
	n->state = HASH_BEGUN;
	if (hash_swapped(s, n, depth)) {
		n->state = HASH_DONE;
		return s->ids.at[idx] = n->hash[0] + !n->hash[0];
	}
	uint64_t ref = declaration ? 0 : hash_ref(s, n->ref, depth);
	uint64_t ref2 = local || n->ref2 == TYPE_REF_NONE ? 0 : hash_ref(s, n->ref2, depth);
	uint64_t hash[2] = { n->hash[0], n->hash[1] };
	for (uint32_t i = n->first; i; i = s->links.at[i - 1].next)
		type_mix(hash, hash_ref(s, s->links.at[i - 1].ref, depth), 0);
	type_mix(hash, n->kind | (uint64_t)n->flags << 8 | (uint64_t)n->n_hashed << 32,
	         n->named ? s->ids.at[idx] : scope_key(s, n->scope));
	type_mix(hash, ref, ref2);
	n->hash[0] = hash[0];
	n->hash[1] = hash[1];
	n->state = HASH_DONE;
	if (!n->named)
		s->ids.at[idx] = hash[0] + !hash[0];
	return s->ids.at[idx];
}

void turf_type_hash_all(struct type_scan *s)
{
	for (size_t i = s->n_late > TYPE_LATE ? s->n_late - TYPE_LATE : 0; i < s->n_late; i++)
		type_hash_late(s, &s->late[i % TYPE_LATE]);
	for (size_t i = 0; i < s->sums.n; i++)
		if (s->sums.at[i].used && s->sums.at[i].kind != URF_TYPE_SCOPE)
			follow_specification(s, i);
	for (size_t i = 0; i < s->sums.n; i++) {
		const struct type_sum *n = &s->sums.at[i];
		if (n->state != HASH_DONE && (n->used || n->kind != URF_TYPE_SCOPE))
			hash_node(s, i, 0);
	}
}
