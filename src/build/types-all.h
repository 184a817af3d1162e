/* SPDX-License-Identifier: MIT */
/* The types of a file while they are put together. Private to the room. */
#ifndef BUILD_TYPES_ALL_H
#define BUILD_TYPES_ALL_H

#include "base/sort.h"
#include "build/types-scan.h"

enum {
	SHARD_BITS = 6,
	N_SHARDS = 1 << SHARD_BITS,
	SHARD_MAX = (1 << (32 - SHARD_BITS)) - 2,
};

/* A distinct type. */
struct type_entry {
	uint64_t hash[2], key;
	uint32_t unit, off; /* taken from: index of the unit, DIE behind its header */
	uint32_t n_items;   /* that it has there */
	uint32_t scope;     /* DIE of what it stands in there, + 1; 0: nothing */
	uint32_t count;     /* DIEs that say it, and links of other types to it */
	uint32_t alias;     /* index + 1 of the unit that says what it is; 0: itself */
	uint32_t idx;       /* in order of place */
	uint32_t is;        /* idx of what it declares, or its own */
	uint32_t number;
	bool declaration;
	bool several; /* another one has its key */
};

struct type_slot;
struct type_shard {
	bool locked;
	struct type_slot *slots; /* a power of two of them, at most half in use */
	size_t n_slots;
	UNIT_LIST(struct type_entry) all;
};

/* A type as it is written: refs are indexes of other types, names and files texts. */
struct type_file {
	const char *directory, *name;
	uint32_t number; /* provisional */
};
/* The types that are first seen in one unit, in order of their DIEs. */
struct types_of_unit {
	UNIT_LIST(struct type_node) nodes;
	UNIT_LIST(struct type_item) items; /* of each node first .. first + n_items - 1 */
	UNIT_LIST(struct type_file) files;
	const char *comp_dir;
	uint32_t first; /* index of the first one */
};

static inline struct type_item *items_of(const struct types_of_unit *u,
                                         const struct type_node *n)
{
	return u->items.at ? u->items.at + n->first : NULL;
}

struct types {
	struct builder *b;
	pthread_mutex_t lock; /* over scans */
	struct type_scan *scans;
	struct type_shard shards[N_SHARDS];
	UNIT_LIST(struct sort_pair) signatures; /* of type units: index of the unit */
	struct unit_types *units;
	struct types_of_unit *of_unit;
	struct type_entry **order; /* by index; 0 is void */
	uint32_t n, n_numbers;
	uint32_t *by_number; /* index of each */
};

struct type_scan *turf_types_take(struct types *t);
void turf_types_give(struct types *t, struct type_scan *s);
/* Index of the type of a DIE; 0: none. Before types are numbered. */
uint32_t turf_types_index(const struct types *t, uint64_t die);

/* types-read.c */
int turf_types_read(struct types *t, struct turf_error *err);
void turf_types_unit_fini(struct types_of_unit *u);

#endif
