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

#define TYPE_NO_SIZE UINT64_MAX

/* A type of a unit: its hash, and what that still needs of others. */
struct type_sum {
	uint32_t off;         /* of its DIE, behind the unit's header */
	uint32_t scope;       /* index + 1 of the type it stands in; 0: none */
	uint32_t first, last; /* links of its items, index + 1 */
	uint32_t n_items;     /* all of them */
	uint32_t n_hashed;    /* those that the hash is made of */
	uint8_t kind;         /* enum urf_type_kind */
	uint8_t flags;        /* URF_TYPE_* */
	uint8_t state;        /* of its hash */
	bool used;            /* a function: it is a scope; else: ref2 says what it is */
	bool named;           /* it has a key: the hash of its kind and full name */
	uint64_t ref;         /* what it is a pointer to, ... */
	uint64_t ref2;        /* of a pointer to member: the class; see used */
	uint64_t hash[2];
};

/* A type of the unit that an item refers to, by its DIE. */
struct type_link {
	uint32_t ref;
	uint32_t next; /* index + 1 */
};

/* All that the DIE of a type says. */
struct type_node {
	uint32_t off;   /* of its DIE, behind the unit's header */
	uint32_t scope; /* index of the type it stands in; 0: none */
	uint32_t first, n_items;
	uint8_t kind;       /* enum urf_type_kind */
	uint8_t flags;      /* URF_TYPE_* */
	bool used;          /* ref2 says what it is */
	uint32_t decl_file; /* index in the line table + 1 */
	uint32_t decl_line;
	uint32_t align;
	const char *name; /* NULL: none */
	uint64_t size;    /* bytes; TYPE_NO_SIZE */
	uint64_t ref, ref2;
	uint64_t extra; /* DW_ATE_*; bits of a base type * 256 */
};

struct type_item {
	uint32_t text; /* provisional number of the name, once it has one */
	uint8_t kind;  /* enum urf_item_kind */
	uint8_t flags; /* URF_ITEM_* */
	uint16_t bits; /* of a bit field; of a method URF_METHOD_* */
	const char *name;
	uint64_t ref;
	int64_t value; /* offset in bits; value; number of elements */
};

/* Parameters follow their method; their kind is none of those that are written. */
enum {
	TYPE_PARAMETER = URF_ITEM_OTHER << URF_ITEM_SHIFT | 15,
	TYPE_THIS = 1,                  /* flags: the object that it is called for */
	TYPE_METHOD = URF_N_TYPE_KINDS, /* type_open.kind */
};

/* What stands open around the DIE to come. */
struct type_open {
	unsigned level;
	uint32_t node; /* index of the type that what is in it belongs to */
	uint8_t kind;  /* of that */
	uint8_t end;   /* kind of the item that ends it; 0: none */
};

/* A name known by where it stands. */
struct type_name {
	const char *at;
	uint64_t hash;
};

/* A type that was seen lately, in the slot of its hash. */
struct type_seen {
	uint64_t hash[2];
	uint32_t number;        /* in the table of all */
	uint32_t count;         /* since that was told last; 0: a free slot */
	uint32_t unit, n_items; /* where the table takes it from, or a place that was as good */
};

/* What is to go into a hash once the name's hash is at hand: an item, or the key of a type. */
struct type_late {
	const char *name;
	uint32_t idx; /* of the type */
	bool is_key;
	uint64_t small, value, far;
};
enum { TYPE_LATE = 16 };

struct type_scan {
	struct type_scan *next;
	const struct builder *b;
	const struct dwarf_unit *unit;
	struct die_plans plans, alone; /* of all types of a unit, of one */
	struct dies walk, other;
	/* of a unit */
	UNIT_LIST(struct type_sum) sums;
	UNIT_LIST(struct type_link) links;
	UNIT_LIST(uint64_t) ids; /* what links to each of sums count as; 0: not known yet */
	struct type_late late[TYPE_LATE]; /* the last of n_late, at n_late % TYPE_LATE */
	size_t n_late;
	/* of one DIE */
	struct type_node node;
	UNIT_LIST(struct type_item) items;
	struct type_open open[DWARF_MAX_DEPTH + 1];
	unsigned n_open;
	uint64_t *bits;  /* one for each byte of the unit, from its header on: a type's DIE */
	uint32_t *ranks; /* 1s before each of bits[] */
	size_t room, n_words;
	struct type_name *names; /* a power of two of them, by place */
	size_t n_names;
	struct type_seen *seen; /* likewise, by hash */
	size_t n_seen;
};

void turf_type_scan_fini(struct type_scan *s);
/* Gives back what units are read with; types can be read one by one. */
void turf_type_scan_forget(struct type_scan *s);
/* All types of a unit, hashed: 0 or < 0. What is malformed ends it, what was read is kept. */
int turf_type_scan_unit(struct type_scan *s, const struct dwarf_unit *unit,
                        struct turf_error *err);
/* The type at @off behind the unit's header: 1 it is ->node with ->items, 0 there is none, < 0.
 */
int turf_type_scan_one(struct type_scan *s, const struct dwarf_unit *unit, uint32_t off);

/* types.c: index + 1 of the unit that has the type of that signature; 0: none. */
size_t turf_types_signature(const struct types *t, uint64_t signature);

static inline uint32_t turf_count_ones(uint64_t v)
{
	v -= v >> 1 & 0x5555555555555555;
	v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
	return (uint32_t)(((v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f) * 0x0101010101010101 >> 56);
}

static inline uint32_t type_rank(const uint64_t *bits, const uint32_t *ranks, uint64_t off)
{
	uint64_t below = bits[off / 64] & (((uint64_t)1 << off % 64) - 1);
	return ranks[off / 64] + turf_count_ones(below);
}

#endif
