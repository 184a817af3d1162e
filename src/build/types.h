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
struct unit_types {
	uint64_t *bits;  /* one for each byte of the unit, from its header on */
	uint32_t *ranks; /* 1s before each of bits[] */
	uint32_t *numbers;
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

static inline uint32_t turf_count_ones(uint64_t v)
{
	v -= v >> 1 & 0x5555555555555555;
	v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
	return (uint32_t)(((v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
}

/* The number of the type, namespace or class whose DIE is @off bytes behind its unit's header;
 * 0: there is none. Of subprograms: one with types in it, which then is their scope. */
static inline uint32_t turf_type_in(const struct unit_types *u, uint64_t off)
{
	if (off >= u->size || !(u->bits[off / 64] >> off % 64 & 1))
		return 0;
	uint64_t below = u->bits[off / 64] & (((uint64_t)1 << off % 64) - 1);
	return u->numbers[u->ranks[off / 64] + turf_count_ones(below)];
}

/* The same of a DIE's number, of any unit. */
uint32_t turf_type_of(const struct builder *b, uint64_t die);
/* What DIE_TYPE or another slot of a walk refers to, DW_FORM_ref_sig8 too; 0: void, or not
 * known. */
uint32_t turf_type_ref(const struct builder *b, const struct dies *walk, enum die_slot slot);

#endif
