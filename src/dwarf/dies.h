/* SPDX-License-Identifier: MIT */
/*
 * All DIEs of a unit, with those attributes that the caller wants.
 *
 *     static uint64_t wanted(uint16_t tag) { return tag == ... ? DIE_TOLD | DIE_BIT(NAME) : 0;
 * } struct die_plans plans = { .wanted = wanted };        // one a thread, for any units struct
 * dies walk;                                     // large: not on small stacks turf_dies(dw,
 * unit, &plans, &walk, err); while ((r = turf_dies_next(&walk, err)) == 1) if (die_has(&walk,
 * NAME)) turf_die_string(&walk, SLOT, &name); turf_die_plans_fini(&plans);
 *
 * Cost:   a few ns a DIE that is not told, and some for each attribute that is taken; nothing
 * is cleared from DIE to DIE; allocates a plan for each abbreviation of a table, once while
 * units share it Trust:  none. A malformed unit fails alone. Thread: plans and walk are their
 * caller's own Source: DWARF 5 chapters 2 to 5, 7.5
 */
#ifndef DWARF_DIES_H
#define DWARF_DIES_H

#include "dwarf/dwarf.h"

/* Attributes that can be asked for. */
enum die_slot {
	DIE_SIBLING,
	DIE_NAME,
	DIE_LINKAGE_NAME,
	DIE_TYPE,
	DIE_BYTE_SIZE,
	DIE_BIT_SIZE,
	DIE_DATA_BIT_OFFSET,
	DIE_BIT_OFFSET,
	DIE_MEMBER_LOCATION, /* DW_AT_data_member_location */
	DIE_ENCODING,
	DIE_UPPER_BOUND,
	DIE_LOWER_BOUND,
	DIE_COUNT,
	DIE_CONST_VALUE,
	DIE_DECLARATION,
	DIE_EXTERNAL,
	DIE_SPECIFICATION,
	DIE_ORIGIN, /* DW_AT_abstract_origin */
	DIE_ARTIFICIAL,
	DIE_ACCESSIBILITY,
	DIE_VIRTUALITY,
	DIE_DECL_FILE,
	DIE_DECL_LINE,
	DIE_DECL_COLUMN,
	DIE_LOCATION,
	DIE_FRAME_BASE,
	DIE_LOW_PC,
	DIE_HIGH_PC,
	DIE_RANGES,
	DIE_ENTRY_PC, /* of a call DW_AT_call_pc */
	DIE_INLINE,
	DIE_NORETURN,
	DIE_PROTOTYPED,
	DIE_CALLING_CONVENTION,
	DIE_EXPLICIT,
	DIE_DELETED,
	DIE_DEFAULTED,
	DIE_CONTAINING_TYPE,
	DIE_DEFAULT_VALUE,
	DIE_DISCR,
	DIE_DISCR_VALUE,
	DIE_DISCR_LIST,
	DIE_ALIGNMENT,
	DIE_REFERENCE, /* of a member function: &-qualified; also DW_AT_rvalue_reference: 2 */
	DIE_EXPORT_SYMBOLS,
	DIE_SIGNATURE,
	DIE_IMPORT,
	DIE_CALL_ORIGIN,
	DIE_CALL_RETURN_PC,
	DIE_CALL_VALUE,
	DIE_CALL_TARGET,
	DIE_CALL_TAIL,
	DIE_CALL_PARAMETER,
	DIE_CALL_FILE,
	DIE_CALL_LINE,
	DIE_CALL_COLUMN,
	DIE_OBJECT_POINTER,
	DIE_ENUM_CLASS,
	DIE_VECTOR,
	DIE_STRIDE, /* DW_AT_byte_stride, bit_stride */
	DIE_MUTABLE,
	DIE_STRING_LENGTH,
	N_DIE_SLOTS, /* at most 62 */
};

#define DIE_BIT(slot) (1ULL << (slot))
/* What is done with DIEs of a tag: told, with the slots whose bits are set; or only passed, 0;
 * or passed with all that is below (also where it is told: nothing below it is). */
#define DIE_TOLD (1ULL << 63)
#define DIE_PRUNE (1ULL << 62)

/* What a value is. */
enum die_class {
	DIE_VALUE_NONE,     /* nothing that we know */
	DIE_VALUE_CONSTANT, /* also flags, and offsets of DWARF 2 and 3; of DW_FORM_data1 to 8
	                       the sign is not known */
	DIE_VALUE_OFFSET,   /* of a section that the attribute implies */
	DIE_VALUE_ADDRESS,
	DIE_VALUE_ADDRESS_INDEX, /* turf_die_address() knows both */
	DIE_VALUE_STRING,        /* turf_die_string() knows these five */
	DIE_VALUE_STR,
	DIE_VALUE_LINE_STR,
	DIE_VALUE_STR_INDEX,
	DIE_VALUE_LIST_INDEX, /* DW_FORM_rnglistx, loclistx */
	DIE_VALUE_REF,        /* turf_die_ref() knows these three */
	DIE_VALUE_UNIT_REF,
	DIE_VALUE_ALT_REF,
	DIE_VALUE_ALT_STR,
	DIE_VALUE_SIGNATURE, /* DW_FORM_ref_sig8: u is it */
	DIE_VALUE_SIGNED,    /* a constant with its sign */
	DIE_VALUE_BLOCK,     /* u: where it stands in memory, of size[] bytes */
};

/*
 * A DIE without children of which nothing is asked for but a name in .debug_str, a type in its
 * own unit, and one number, all of fixed size: most members and enumerators.
 */
struct die_leaf {
	uint32_t made;             /* as of the table */
	uint16_t tag;              /* 0: no such DIE */
	uint8_t bytes;             /* of all its attributes */
	uint8_t name, type, value; /* where they stand; DIE_LEAF_NONE: it has none */
	uint8_t slot;              /* of the value */
	uint64_t mask, constant;   /* likewise */
};
enum { DIE_LEAF_NONE = 0xff, DIE_LEAF_MOST = 200 };

struct die_plan;
struct die_plans {
	uint64_t (*wanted)(uint16_t tag);
	const struct dwarf_abbrevs *of; /* private from here on */
	struct {
		struct die_plan *at; /* by abbreviation */
		size_t n, room;
	} plans;
	struct {
		struct die_leaf *at; /* likewise */
		size_t n, room;
	} leaves;
	uint32_t made; /* tables up to now: what plans are of this one */
	struct {
		struct die_step *at;
		size_t n, room;
	} steps;
	struct {
		int64_t *at;
		size_t n, room;
	} constants;
};
void turf_die_plans_fini(struct die_plans *plans);

struct dies {
	const struct dwarf *dw;
	const struct dwarf_unit *unit;
	/* of the DIE that was told */
	uint64_t die;   /* its number */
	uint64_t has;   /* DIE_BIT() of each slot that is there */
	unsigned level; /* 0: the unit's own; what is below a DIE has one more */
	uint16_t tag;
	bool children;
	uint64_t u[N_DIE_SLOTS]; /* of slots in has only */
	uint32_t size[N_DIE_SLOTS];
	uint8_t class[N_DIE_SLOTS]; /* enum die_class */
	struct cursor at;           /* private from here on */
	unsigned next;              /* level of the DIE to come */
	struct die_plans *plans;
	const uint8_t *safe; /* from before here a value may be loaded with eight bytes */
};

static inline bool die_has(const struct dies *walk, enum die_slot slot)
{
	return walk->has & DIE_BIT(slot);
}
/* A number, or @absent where there is none. */
static inline uint64_t die_number(const struct dies *walk, enum die_slot slot, uint64_t absent)
{
	return die_has(walk, slot) && (walk->class[slot] == DIE_VALUE_CONSTANT ||
	                               walk->class[slot] == DIE_VALUE_SIGNED)
	               ? walk->u[slot]
	               : absent;
}
static inline bool die_flag(const struct dies *walk, enum die_slot slot)
{
	return die_number(walk, slot, 0) != 0;
}

/* Begins a walk with the unit's own DIE: 0, the unit's error or -ENOMEM. */
int turf_dies(const struct dwarf *dw, const struct dwarf_unit *unit, struct die_plans *plans,
              struct dies *walk, struct turf_error *err);
/* The next DIE that is told: 1, 0 the end, < 0. */
int turf_dies_next(struct dies *walk, struct turf_error *err);
/*
 * The DIE to come, where it is a leaf with that tag right below the DIE that was told last, or
 * beside such a leaf; @at its attributes, from which 8 bytes may be loaded at each. NULL: ask
 * turf_dies_next(). It is passed by turf_dies_pass_leaf().
 */
const struct die_leaf *turf_dies_leaf(const struct dies *walk, uint16_t tag,
                                      const uint8_t **at);
static inline void turf_dies_pass_leaf(struct dies *walk, const struct die_leaf *leaf,
                                       const uint8_t *at)
{
	walk->at.at = at + leaf->bytes;
}
/* Passes what is below the DIE that was told. 0 or < 0. */
int turf_dies_skip(struct dies *walk, struct turf_error *err);
/*
 * Goes to the DIE with number @die, of any unit, and takes it: 1; 0 there is none; -ENOMEM. The
 * walk goes on below it and ends with its unit; ->level counts from it. May change ->unit and
 * plans.
 */
int turf_dies_at(struct dies *walk, uint64_t die);

/* What a slot that is there says: 1; 0 it is none, or one of a file that is not here; < 0 it
 * points nowhere. */
int turf_die_string(const struct dies *walk, enum die_slot slot, const char **ret);
int turf_die_address(const struct dies *walk, enum die_slot slot, uint64_t *ret);
/* The number of the DIE that is meant; DW_FORM_ref_sig8 means none (the slot's u has it). */
int turf_die_ref(const struct dies *walk, enum die_slot slot, uint64_t *ret);
/* Ranges of the DIE from its DIE_LOW_PC, HIGH_PC, RANGES: as turf_dwarf_next_range() wants. */
void turf_die_ranges(const struct dies *walk, struct dwarf_ranges *ret);

/* The unit that a DIE lies in; NULL: none. */
const struct dwarf_unit *turf_dies_unit(const struct dwarf *dw, uint64_t die);

#endif
