/* SPDX-License-Identifier: MIT */
/*
 * The types that DIEs tell: of a whole unit with what they hash to, or of one DIE alone.
 * Private to the room.
 */
#ifndef BUILD_TYPES_SCAN_H
#define BUILD_TYPES_SCAN_H

#include "build/build.h"
#include "build/types.h"
#include "dwarf/dies.h"

/* A link to a DIE: bytes behind the unit's header; or one elsewhere, or none. */
#define TYPE_REF_NONE UINT64_MAX
#define TYPE_REF_FAR ((uint64_t)1 << 63)       /* | number of a DIE */
#define TYPE_REF_SIGNATURE ((uint64_t)1 << 62) /* | index + 1 of a unit: its type */

struct type_node {
	uint32_t off;         /* of its DIE, behind the unit's header */
	uint32_t scope;       /* index + 1 of the node it stands in; 0: none */
	uint32_t first, last; /* items, index + 1 */
	uint8_t kind;         /* enum urf_type_kind */
	uint8_t flags;        /* URF_TYPE_* */
	uint8_t state;        /* of its hash */
	bool used;            /* a function: it is a scope; else: ref2 says what it is */
	uint32_t decl_file;   /* index in the line table + 1 */
	uint32_t decl_line;
	uint32_t align;
	uint32_t n_items;
	const char *name; /* NULL: none */
	uint64_t size;    /* bytes; TYPE_NO_SIZE */
	uint64_t ref;     /* what it is a pointer to, ... */
	uint64_t ref2;    /* of a pointer to member: the class; see used */
	uint64_t extra;   /* DW_ATE_*; bits of a base type * 256 */
	uint64_t key;     /* hash of kind and full name; 0: it has none */
	uint64_t hash[2];
};
#define TYPE_NO_SIZE UINT64_MAX

struct type_item {
	uint32_t next; /* index + 1 */
	uint8_t kind;  /* enum urf_item_kind */
	uint8_t flags; /* URF_ITEM_* */
	uint16_t bits; /* of a bit field */
	const char *name;
	uint64_t ref;
	int64_t value; /* offset in bits; value; number of elements */
};

/* What stands open around the DIE to come. */
struct type_open {
	unsigned level;
	uint32_t node; /* index + 1; 0: none */
	uint8_t end;   /* kind of the item that ends it; 0: none */
	bool own;      /* node is that very DIE */
};

/* A name known by where it stands. */
enum { TYPE_NAME_BITS = 15 };
struct type_name {
	const char *at;
	uint64_t hash;
};

struct type_scan {
	struct type_scan *next;
	const struct builder *b;
	const struct dwarf_unit *unit;
	struct die_plans plans;
	struct dies walk, other;
	UNIT_LIST(struct type_node) nodes;
	UNIT_LIST(struct type_item) items;
	struct type_open open[DWARF_MAX_DEPTH + 1];
	unsigned n_open;
	uint64_t *bits; /* as in struct unit_types */
	uint32_t *ranks;
	size_t room, n_words;
	bool one; /* a DIE alone: others within it are passed */
	struct type_name names[1 << TYPE_NAME_BITS];
};

void turf_type_scan_fini(struct type_scan *s);
/* All types of a unit, hashed: 0 or < 0. What is malformed ends it, what was read is kept. */
int turf_type_scan_unit(struct type_scan *s, const struct dwarf_unit *unit,
                        struct turf_error *err);
/* The type at @off behind the unit's header: 1 it is nodes.at[0], 0 there is none, < 0. */
int turf_type_scan_one(struct type_scan *s, const struct dwarf_unit *unit, uint32_t off);

/* types-hash.c: keys and hashes of all nodes. */
void turf_type_hash_all(struct type_scan *s);

/* types.c: index + 1 of the unit that has the type of that signature; 0: none. */
size_t turf_types_signature(const struct types *t, uint64_t signature);

static inline uint32_t type_rank(const uint64_t *bits, const uint32_t *ranks, uint64_t off)
{
	uint64_t below = bits[off / 64] & (((uint64_t)1 << off % 64) - 1);
	return ranks[off / 64] + turf_count_ones(below);
}

#endif
