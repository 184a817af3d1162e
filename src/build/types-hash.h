/* SPDX-License-Identifier: MIT */
/*
 * What the types of a unit hash to, while its DIEs are read.
 *
 *     type_hash_begin(s, &node);           // the next of s->sums
 *     type_hash_item(s, idx, &item);       // each item of it
 *     turf_type_hash_all(s);               // once all types are known: s->sums have hashes
 *
 * A type's hash is made of its kind, name, size and all that is in it. Another type with a name
 * counts by its kind and full name; one without, by its own hash. So equal hashes in two units
 * are one type, and no circle of pointers is ever followed.
 *
 * Cost:   what items say goes into the hash as they are read; of each only a link to another
 *         type is kept. A name's bytes are read once as long as few others were asked for since
 */
#ifndef BUILD_TYPES_HASH_H
#define BUILD_TYPES_HASH_H

#include <xxhash.h>

#include "build/types-scan.h"

enum { HASH_NONE, HASH_BEGUN, HASH_DONE };

/* The two halves of a product: each bit of it depends on many of both numbers. */
static inline uint64_t type_fold(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two hashes over the same words, put together in two ways. The numbers are odd, and of no
 * meaning. */
static inline void type_mix(uint64_t hash[2], uint64_t v, uint64_t w)
{
	hash[0] = type_fold(v ^ 0xa0761d6478bd642f, w ^ hash[0]);
	hash[1] = type_fold(w ^ 0xe7037ed1a0b428db, v ^ hash[1]);
}

/* A link that leads out of the unit, and none. */
static inline uint64_t type_far(uint64_t ref)
{
	return ref * 0x9e3779b97f4a7c15;
}

static inline struct type_name *type_name_at(struct type_scan *s, const char *name)
{
	return &s->names[(uintptr_t)name * 0x9e3779b97f4a7c15 >> 32 & (s->n_names - 1)];
}

/* The hash of a name. Most stand at one place for all units, and were asked for lately. */
static inline uint64_t type_name_hash(struct type_scan *s, const char *name)
{
	if (!name)
		return 0;
	struct type_name *known = type_name_at(s, name);
	if (known->at != name)
		*known = (struct type_name){ name, XXH3_64bits(name, strlen(name)) };
	return known->hash;
}

/* Puts the key of a type in place, or an item into its hash. */
void turf_type_key(struct type_scan *s, const struct type_late *late);
static inline void type_hash_late(struct type_scan *s, const struct type_late *late)
{
	uint64_t *hash = s->sums.at[late->idx].hash;
	if (late->is_key) {
		turf_type_key(s, late);
		return;
	}
	type_mix(hash, type_name_hash(s, late->name) ^ type_far(late->small), late->value);
	if (late->far)
		type_mix(hash, late->far, late->small);
}

/* The place of the next one, whose predecessor there goes into its hash: by then what is known
 * of the name has been fetched. */
static inline struct type_late *type_next_late(struct type_scan *s, const char *name)
{
	struct type_late *late = &s->late[s->n_late++ % TYPE_LATE];
	if (s->n_late > TYPE_LATE)
		type_hash_late(s, late);
	__builtin_prefetch(type_name_at(s, name));
	late->name = name;
	return late;
}

static inline void type_put_key(struct type_scan *s, uint32_t idx, const char *name)
{
	struct type_late *late = type_next_late(s, name);
	late->idx = idx;
	late->is_key = true;
}

/* A function that types stand in: from now on it is one of the types. */
void turf_type_hash_scope(struct type_scan *s, uint32_t idx);

static inline void type_hash_scope(struct type_scan *s, uint32_t idx)
{
	if (!s->sums.at[idx].used)
		turf_type_hash_scope(s, idx);
}

/* The next type, of what its own DIE says. False: no memory. */
static inline bool type_hash_begin(struct type_scan *s, const struct type_node *n)
{
	if (!vec_reserve(&s->sums, 1) || !vec_reserve(&s->ids, 1))
		return false;
	struct type_sum *sum = &s->sums.at[s->sums.n++];
	*sum = (struct type_sum){
		.off = n->off,
		.scope = n->scope,
		.kind = n->kind,
		.flags = n->flags,
		.used = n->used,
		.named = n->name || n->kind == URF_TYPE_NAMESPACE,
		.ref = n->ref,
		.ref2 = n->ref2,
		.hash = { 1, 2 },
	};
	type_mix(sum->hash, n->size, n->align | n->extra << 32);
	s->ids.at[s->ids.n++] = 0;
	if (sum->named)
		type_put_key(s, (uint32_t)s->sums.n - 1, n->name);
	return true;
}

/*
 * Compilers leave static members and template arguments out of some units: a class with them
 * and one without are the same. What a type is then taken from has most of them (types.c).
 */
static inline bool type_is_layout(uint8_t kind)
{
	unsigned other = kind & 15;
	if (kind >> URF_ITEM_SHIFT == URF_ITEM_OTHER)
		return other == URF_OTHER_PART || other == URF_OTHER_VARIANT;
	return kind >> URF_ITEM_SHIFT != URF_ITEM_ARGUMENT;
}

static inline bool type_has_members(uint8_t kind)
{
	return kind >= URF_TYPE_STRUCT && kind <= URF_TYPE_INTERFACE;
}

/* An item of the type. False: no memory. */
static inline bool type_hash_item(struct type_scan *s, uint32_t idx,
                                  const struct type_item *item)
{
	struct type_sum *sum = &s->sums.at[idx];
	bool numbers = sum->kind == URF_TYPE_ARRAY || sum->kind == URF_TYPE_SUBRANGE;
	bool local = !numbers && item->ref < s->unit->end - s->unit->off;
	sum->n_items++;
	if (sum->flags & URF_FLAG_DECLARATION ||
	    (type_has_members(sum->kind) && !type_is_layout(item->kind)))
		return true;
	sum->n_hashed++;
	uint64_t small = item->kind | (uint64_t)item->flags << 8 | (uint64_t)item->bits << 16 |
	                 (uint64_t)local << 32;
	struct type_late *late = type_next_late(s, item->name);
	late->idx = idx;
	late->is_key = false;
	late->small = small;
	late->value = (uint64_t)item->value;
	late->far = local || item->ref == TYPE_REF_NONE ? 0 : type_far(item->ref);
	if (!local)
		return true;
	if (!vec_reserve(&s->links, 1))
		return false;
	s->links.at[s->links.n++] = (struct type_link){ (uint32_t)item->ref, 0 };
	uint32_t link = (uint32_t)s->links.n;
	if (sum->last)
		s->links.at[sum->last - 1].next = link;
	else
		sum->first = link;
	sum->last = link;
	return true;
}

/* All hashes, once all types are known. */
void turf_type_hash_all(struct type_scan *s);

#endif
