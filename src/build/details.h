/* SPDX-License-Identifier: MIT */
/* Details of functions while they are put together. Private to the room: see details.c. */
#ifndef BUILD_DETAILS_H
#define BUILD_DETAILS_H

#include "build/bodies.h"

struct detail_variable {
	const struct cold_variable *v;
	uint32_t block; /* number */
	uint32_t name;  /* provisional number of a text */
	uint32_t pair;  /* index */
};
/* A name and a type. */
struct detail_pair {
	uint32_t name, type, count;
	uint32_t number; /* its row, counted from 1; 0: it has none */
};
/* What roots of one function say that say the same. */
struct detail_variant {
	const struct cold_unit *unit;
	const struct cold_root *root;
	uint32_t function; /* whose details these are */
	uint32_t count;    /* units' functions that are so */
	uint32_t number;   /* 0: the function's own record */
	uint32_t next;     /* of the function: index + 1 */
	uint32_t first;    /* variable: index */
};
struct detail {
	uint32_t same, end;   /* the function that has its details; 0: it has its own */
	uint32_t first, last; /* variants: index + 1 */
	uint32_t own,
		variants; /* the one of number 0: index + 1; where the others' records are */
};
struct details {
	struct detail *list; /* by function */
	size_t n;
	UNIT_LIST(struct detail_variant) variants;
	UNIT_LIST(uint32_t) further; /* variants of numbers from 1 on: by function, number */
	UNIT_LIST(struct detail_variable) variables;
	UNIT_LIST(struct detail_pair) pairs;
	struct table known_variants, known_pairs;
};

bool turf_cold_find(const struct cold *c, uint64_t die, size_t *unit, unit_die *ret);
/* The root that cold_unit.roots_of means; NULL: none. */
struct cold_root *turf_cold_root(const struct cold *c, uint64_t root);

/* The last root of a unit that begins before a DIE; NULL: none. */
const struct cold_root *turf_cold_root_before(const struct cold_unit *u, unit_die die);
/* The number of a block of @root, index + 1. Those in which nothing is declared have none: what
 * is in them is in those around. */
uint32_t turf_cold_block(const struct cold_unit *u, const struct cold_root *root,
                         uint32_t block);

/* In parallel, once all units are read: the roots of a unit's functions. */
int turf_details_resolve(struct cold *c, size_t unit, struct turf_error *err);
/* One thread: variables get their indexes, blocks their numbers. */
int turf_details_merge(struct cold *c, struct details *d);
int turf_details_intern(struct cold *c, struct details *d);
/* Expressions that are used once get their numbers. */
void turf_details_number(struct cold *c, const struct details *d);
/* Once texts are numbered: names and types that are used more than once. */
int turf_details_pairs(const struct cold *c, struct details *d);
/* Coded, in groups, once expressions are numbered too. */
struct coder;
size_t turf_details_groups(const struct details *d);
void turf_details_code(const void *cold, size_t group, struct coder *coder);
void turf_details_free(struct details *d);

#endif
