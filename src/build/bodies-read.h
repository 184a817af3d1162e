/* SPDX-License-Identifier: MIT */
/*
 * One unit's functions while they are read: what bodies-read.c, which walks over DIEs,
 * bodies-places.c, which reads where variables are, and bodies-labels.c work on together.
 * Private to the room.
 */
#ifndef BUILD_BODIES_READ_H
#define BUILD_BODIES_READ_H

#include "base/sort.h"
#include "build/bodies.h"
#include "build/types.h"
#include "dwarf/constants.h"
#include "dwarf/expr.h"
#include "urf/format.h"

enum {
	TAG_LABEL = 0x0a,
	TAG_LEXICAL_BLOCK = 0x0b,
	TAG_UNSPECIFIED = 0x18, /* DW_TAG_unspecified_parameters */
	TAG_CONSTANT = 0x27,
	TAG_TYPE_ARGUMENT = 0x2f,
	TAG_VALUE_ARGUMENT = 0x30,
	TAG_PROCEDURE = 0x36, /* DW_TAG_dwarf_procedure */
	TAG_CALL_PARAMETER = 0x49,
	TAG_GNU_CALL_PARAMETER = 0x410a,
	DEPTH_MOST = 512,      /* of functions, blocks and calls in each other */
	NESTED_MOST = 8,       /* functions in functions, with code */
	CALL_FRAME_CFA = 0x9c, /* DW_OP_call_frame_cfa: the usual frame base */
	STACK_VALUE = 0x9f,
	DW_CC_normal = 1,
	REG0 = 0x50,
	REG31 = 0x6f,
};

/* What is around a DIE. */
struct around {
	unsigned level; /* of its DIE */
	uint32_t root;  /* index + 1 of the function whose details are told; 0: none are */
	uint32_t block; /* index + 1 of the block in it */
	uint16_t depth; /* of what is inlined there */
	uint8_t open;   /* functions with code that are open there; 0: none is */
	uint8_t told;   /* functions whose details are told there, in each other */
	bool inside;    /* a function, whether it has code or not */
	bool live;      /* what is there belongs to the last of these */
	bool call;      /* it is a call site, which was told where live */
	bool pending; /* it is a block that does not say which: the first variable in it does */
	uint32_t scope;             /* index + 1 of the class or namespace; 0: none */
	bool is_scope;              /* it is that itself */
	struct dwarf_ranges ranges; /* where pending */
};

/* A function with code whose DIEs are being read. */
struct open {
	UNIT_LIST(struct token) tokens;
	UNIT_LIST(struct token) calls;     /* and what they pass; of a call gap is its rva */
	UNIT_LIST(struct sort_pair) order; /* of calls: by address, index */
	uint32_t scope;
	uint16_t depth; /* of the instance that the last token was in */
	uint32_t first; /* where the last list began */
	uint32_t end;   /* of the last entry */
};

/* What is told of a function: others may lie in it. */
struct telling {
	UNIT_LIST(struct cold_variable) variables;
	UNIT_LIST(struct cold_variable) arguments; /* of a template */
	UNIT_LIST(struct cold_block) blocks;
};

struct cold_scratch {
	struct cold_scratch *next;
	struct die_plans plans, plans_of_c, plans_of_others;
	struct dies walk, other; /* other: for what a DIE refers to */
	struct expr_cache exprs;
	struct arena kept;    /* of all units that were read with this */
	struct cold_unit out; /* while it grows */
	struct open open[NESTED_MOST];
	struct telling telling[NESTED_MOST];
	struct around around[DEPTH_MOST];
};

struct reader {
	struct cold *c;
	struct builder *b;
	const struct dwarf_unit *unit; /* whose DIEs these are */
	const struct unit_out *hot;
	struct cold_scratch *s;
	struct cold_unit *out;
	struct dies *walk;
	struct around *at; /* what is around the DIE */
	unsigned n_open;
	size_t scope;    /* the next of the unit's scopes */
	uint64_t budget; /* of bytes of lists of locations */
	bool no_memory;  /* there was none for what another unit says */
	bool names;      /* the last expression names variables by their DIEs */
};

static inline unit_die own_die(const struct reader *r, uint64_t die)
{
	return (unit_die)(die - r->unit->base - r->unit->off);
}

static inline bool is_own(const struct reader *r, uint64_t die)
{
	uint64_t off = die - r->unit->base;
	return off >= r->unit->die && off < r->unit->end;
}

static inline struct open *opened(struct reader *r)
{
	return &r->s->open[r->at->open - 1];
}

/* The function that is told, where at->root. */
static inline struct telling *told(struct reader *r)
{
	return &r->s->telling[r->at->told - 1];
}

static inline struct span block_of(const struct dies *walk, enum die_slot slot)
{
	return (struct span){ (const uint8_t *)(uintptr_t)walk->u[slot], walk->size[slot] };
}

static inline bool has_block(const struct dies *walk, enum die_slot slot)
{
	return die_has(walk, slot) && walk->class[slot] == DIE_VALUE_BLOCK;
}

static inline uint32_t type_of(struct reader *r, enum die_slot slot)
{
	return turf_type_ref(r->b, r->walk, slot);
}

static inline const char *name_of(struct reader *r)
{
	const char *name;
	return die_has(r->walk, DIE_NAME) && turf_die_string(r->walk, DIE_NAME, &name) == 1
	               ? name
	               : NULL;
}

static inline uint32_t line_of(const struct dies *walk)
{
	return (uint32_t)MIN(die_number(walk, DIE_DECL_LINE, 0), (uint64_t)UINT32_MAX);
}

/* What a DIE's DW_AT_abstract_origin names, in a token. False: no memory, *there: there is one.
 */
bool turf_read_origin(struct reader *r, struct token *token, bool *there);
/* bodies-labels.c: the label, or the argument of a template, at the walk. 0 or -ENOMEM. */
int turf_read_label(struct reader *r);
int turf_read_argument(struct reader *r);
/* Appends a token of the body that is open. False: no memory. */
bool turf_read_token(struct reader *r, struct token token);
/* The DIE with that number; NULL: none, or no memory. */
const struct dies *turf_read_other(struct reader *r, uint64_t die);
/* The provisional number of an expression that names no variables, 0 where it says nothing that
 * can be kept; the same of DW_AT_const_value. 0 or -ENOMEM. */
int turf_read_expr(struct reader *r, struct span raw, uint32_t *ret);
/* As turf_read_expr(), of a token's, which may name variables. */
int turf_read_naming(struct reader *r, struct span raw, struct token *token, uint32_t *ret);
int turf_read_constant(struct reader *r, uint32_t *ret);
/* The place or value of the variable at the walk, in the body that is open: @token says which
 * it is. 0 or -ENOMEM. */
int turf_read_place(struct reader *r, struct token token);
/* The ranges of the block that @like says. 0 or -ENOMEM. */
int turf_read_ranges(struct reader *r, struct dwarf_ranges *ranges, struct token like);
/* Addresses as rvas; false: they cannot be. */
bool turf_read_rvas(const struct reader *r, uint64_t start, uint64_t end, uint32_t *from,
                    uint32_t *to);
/* Puts what is around what is below the DIE; NULL: nothing is below. */
struct around *turf_read_push(struct reader *r);
/* A call site, and what it passes. 0 or -ENOMEM. */
int turf_read_call(struct reader *r);
int turf_read_parameter(struct reader *r);
/* Puts the calls behind the tokens of a function whose entry is at @rva. 0 or -ENOMEM. */
int turf_read_calls(struct open *o, uint32_t rva);
/* Whether an expression says where something is for as long as the program runs. */
bool turf_is_static(struct span expr);

#endif
