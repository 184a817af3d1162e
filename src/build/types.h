/* SPDX-License-Identifier: MIT */
/*
 * Types and namespaces of all units, each distinct one once. Private to the room.
 *
 *     turf_build_types(b, err);        // needs b->dwarf alone; shares its work among threads
 *     turf_type_of(b, die)             // any thread: final numbers, from here on
 *     turf_intern_types(b);            // one thread: its texts and files go among the cold
 * ones turf_emit_types(b, err);         // once those are numbered (more.h)
 *     turf_types_free(b->types);
 *
 * Numbers depend on the source alone, not on the number of threads.
 */
#ifndef BUILD_TYPES_H
#define BUILD_TYPES_H

#include "dwarf/dies.h"

struct builder;
struct types;

/* Types of one unit: which offsets are DIEs of types, and what numbers they have. */
enum { TYPE_PAGE_BITS = 8 };
struct unit_types {
	uint32_t *first; /* of each 256 bytes of the unit, from its header on, and the end */
	uint32_t *numbers;
	uint8_t *low;  /* of the offset of each */
	uint64_t size; /* bytes of the unit */
	size_t n;      /* of numbers */
};

int turf_build_types(struct builder *b, struct turf_error *err);
int turf_intern_types(struct builder *b);
int turf_emit_types(struct builder *b, struct turf_error *err);
/* Types' names and enumerators among b->names. 0, -ENOMEM, -E2BIG. */
int turf_types_names(struct builder *b);
void turf_types_free(struct types *t);

/* Types of the @idx-th of b->dwarf.units. */
const struct unit_types *turf_types_unit(const struct types *t, size_t idx);

/* Where the type stands whose DIE is @off bytes behind its unit's header; u->n: nowhere. */
static inline size_t turf_type_place(const struct unit_types *u, uint64_t off)
{
	if (off >= u->size)
		return u->n;
	uint32_t at = u->first[off >> TYPE_PAGE_BITS];
	uint32_t end = u->first[(off >> TYPE_PAGE_BITS) + 1];
	while (at < end && u->low[at] < (uint8_t)off)
		at++;
	return at < end && u->low[at] == (uint8_t)off ? at : u->n;
}

/* The number of the type, namespace or class whose DIE that is; 0: there is none. Of
 * subprograms: one with types in it, which then is their scope. */
static inline uint32_t turf_type_in(const struct unit_types *u, uint64_t off)
{
	size_t at = turf_type_place(u, off);
	return at < u->n ? u->numbers[at] : 0;
}

/* The same of a DIE's number, of any unit. */
uint32_t turf_type_of(const struct builder *b, uint64_t die);
/* What DIE_TYPE or another slot of a walk refers to, DW_FORM_ref_sig8 too; 0: void, or not
 * known. */
uint32_t turf_type_ref(const struct builder *b, const struct dies *walk, enum die_slot slot);

#endif
