/* SPDX-License-Identifier: MIT */
/*
 * What the types of a unit hash to.
 *
 * A type's hash is made of its kind, name, size and all that is in it. Another type with a name
 * counts by its kind and full name; one without, by its own hash. So equal hashes in two units
 * are one type, and no circle of pointers is ever followed.
 *
 * Cost:   one pass over what was read; a name's bytes are read once as long as few others were
 *         asked for since
 */
#include <xxhash.h>

#include "build/types-scan.h"

enum {
	HASH_NONE,
	HASH_BEGUN,
	HASH_DONE,
	DEPTH_MAX = 200, /* types without names within each other */
	LINKS_MAX = 8,
};

/* The node that a link leads to: its index, or SIZE_MAX. */
static size_t node_of(const struct type_scan *s, uint64_t ref)
{
	if (ref >= s->unit->end - s->unit->off || !(s->bits[ref / 64] >> ref % 64 & 1))
		return SIZE_MAX;
	return type_rank(s->bits, s->ranks, ref);
}

/* The hash of a name. Most stand at one place for all units, and were asked for lately. */
static uint64_t hash_of(struct type_scan *s, const char *name)
{
	if (!name)
		return 0;
	struct type_name *known =
		&s->names[(uintptr_t)name * 0x9e3779b97f4a7c15 >> (64 - TYPE_NAME_BITS)];
	if (known->at != name)
		*known = (struct type_name){ name, XXH3_64bits(name, strlen(name)) };
	return known->hash;
}

static inline uint64_t mix2(uint64_t a, uint64_t b)
{
	return hash_mix(hash_mix(0x9e3779b97f4a7c15, a), b);
}

/* Names of structures and classes are one kind: a class may be declared as a structure. */
static uint64_t class_of(uint8_t kind)
{
	return kind == URF_TYPE_CLASS ? URF_TYPE_STRUCT : kind;
}

/* A function's name, for types in it. */
static const char *scope_name(struct type_scan *s, const struct type_node *n)
{
	struct dwarf_names names;
	if (turf_dwarf_names(&s->b->dwarf, s->unit->base + s->unit->off + n->off, &names,
	                     NULL) < 0)
		return NULL;
	return names.linkage_name ? names.linkage_name : names.name;
}

static void set_key(struct type_scan *s, struct type_node *n)
{
	uint64_t scope = n->scope ? s->nodes.at[n->scope - 1].key : 0;
	if (n->kind == URF_TYPE_SCOPE && n->used)
		n->name = scope_name(s, n);
	else if (n->kind == URF_TYPE_SCOPE)
		return;
	bool nested = n->kind == URF_TYPE_SCOPE || n->kind == URF_TYPE_NAMESPACE;
	if (n->name || nested) {
		n->key = hash_mix(mix2(class_of(n->kind), hash_of(s, n->name)), scope);
		n->key += !n->key;
	}
}

/* What a definition that stands elsewhere than its declaration has of that. */
static void follow_specification(struct type_scan *s, struct type_node *n)
{
	const struct type_node *to = n;
	for (unsigned i = 0; i < LINKS_MAX && to->used && to->kind != URF_TYPE_SCOPE; i++) {
		size_t at = node_of(s, to->ref2);
		if (at == SIZE_MAX || at == (size_t)(n - s->nodes.at))
			return;
		to = &s->nodes.at[at];
	}
	if (!n->name)
		n->name = to->name;
	n->scope = to->scope;
	n->key = to->key;
}

static uint64_t hash_node(struct type_scan *s, size_t idx, unsigned depth);

/* What a link counts as. */
static uint64_t hash_ref(struct type_scan *s, uint64_t ref, unsigned depth)
{
	if (ref >= s->unit->end - s->unit->off)
		return ref * 0x9e3779b97f4a7c15; /* none, or the very DIE elsewhere */
	size_t idx = node_of(s, ref);
	if (idx == SIZE_MAX)
		return 3;
	struct type_node *n = &s->nodes.at[idx];
	if (n->key)
		return n->key;
	if (n->state == HASH_DONE)
		return n->hash[0];
	return n->state == HASH_BEGUN || depth == DEPTH_MAX ? 5 : hash_node(s, idx, depth + 1);
}

/* The two halves of a product: each bit of it depends on many of both numbers. */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two hashes over the same words, put together in two ways. The numbers are odd, and of no
 * meaning. */
struct mix {
	uint64_t a, b;
};

static inline void mix4(struct mix *m, uint64_t v, uint64_t w, uint64_t x, uint64_t y)
{
	uint64_t one = fold(v ^ 0xa0761d6478bd642f, w ^ 0xe7037ed1a0b428db) ^
	               fold(x ^ 0x8ebc6af09c88c6e3, y ^ 0x589965cc75374cc3);
	uint64_t two = fold(v ^ 0x1d8e4e27c47d124f, x ^ 0xeb44accab455d165) ^
	               fold(w ^ 0x9c6e6877736c46e3, y ^ 0xd4f3b2a5c1e68a97);
	m->a = fold(m->a ^ one, 0x9e3779b97f4a7c15);
	m->b = fold(m->b ^ two, 0xc2b2ae3d27d4eb4f);
}

/*
 * Compilers leave static members and template arguments out of some units: a class with them
 * and one without are the same. What a type is then taken from has most of them (types.c).
 */
static bool is_layout(uint8_t kind)
{
	unsigned other = kind & 15;
	if (kind >> URF_ITEM_SHIFT == URF_ITEM_OTHER)
		return other == URF_OTHER_PART || other == URF_OTHER_VARIANT;
	return kind >> URF_ITEM_SHIFT != URF_ITEM_ARGUMENT;
}

static uint64_t hash_node(struct type_scan *s, size_t idx, unsigned depth)
{
	struct type_node *n = &s->nodes.at[idx]; /* nodes and items stay where they are */
	bool declaration = n->flags & URF_FLAG_DECLARATION;
	bool numbers = n->kind == URF_TYPE_ARRAY || n->kind == URF_TYPE_SUBRANGE;
	bool local = n->used && n->ref2 < TYPE_REF_SIGNATURE; /* a specification: in the key */
	bool structure = n->kind >= URF_TYPE_STRUCT && n->kind <= URF_TYPE_INTERFACE;
	uint32_t n_items = 0;
	n->state = HASH_BEGUN;
	uint64_t scope = n->scope ? s->nodes.at[n->scope - 1].key : 0;
	uint64_t ref = declaration ? 0 : hash_ref(s, n->ref, depth);
	uint64_t ref2 = local || n->ref2 == TYPE_REF_NONE ? 0 : hash_ref(s, n->ref2, depth);
	struct mix m = { 1, 2 };
	mix4(&m, n->kind | (uint64_t)n->flags << 8 | (uint64_t)n->align << 32,
	     n->key ? n->key : scope, n->size, ref);
	if (ref2 || n->extra)
		mix4(&m, ref2, n->extra, 0, 0);
	for (uint32_t i = declaration ? 0 : n->first; i;) {
		const struct type_item *item = &s->items.at[i - 1];
		i = item->next;
		if (structure && !is_layout(item->kind))
			continue;
		n_items++;
		mix4(&m, item->kind | (uint64_t)item->flags << 8 | (uint64_t)item->bits << 16,
		     hash_of(s, item->name),
		     numbers ? item->ref : hash_ref(s, item->ref, depth),
		     (uint64_t)item->value);
	}
	mix4(&m, n_items, m.a, m.b, 0);
	n->hash[0] = m.a;
	n->hash[1] = m.b;
	n->state = HASH_DONE;
	return n->hash[0];
}

void turf_type_hash_all(struct type_scan *s)
{
	struct type_node *nodes = s->nodes.at;
	for (size_t i = 0; i < s->nodes.n; i++)
		set_key(s, &nodes[i]);
	for (size_t i = 0; i < s->nodes.n; i++)
		if (nodes[i].used && nodes[i].kind != URF_TYPE_SCOPE)
			follow_specification(s, &nodes[i]);
	for (size_t i = 0; i < s->nodes.n; i++)
		if (nodes[i].state != HASH_DONE &&
		    (nodes[i].used || nodes[i].kind != URF_TYPE_SCOPE))
			hash_node(s, i, 0);
}
