/* SPDX-License-Identifier: MIT */
/*
 * What debuggers ask of functions: details, which are the same wherever a function's code is,
 * and bodies, which say of a piece of code where variables are. Private to the room.
 *
 *  - bodies-read.c, bodies-places.c, bodies-labels.c: one unit's DIEs -> its functions,
 * variables and tokens, in parallel
 *  - details.c: all units' functions -> one record for each different one
 *  - bodies-resolve.c: DIEs that tokens name -> numbers, in parallel
 *  - bodies.c: all tokens, coded in parallel; tokens.c: one; coder.c: what is coded how
 *  - exprs.c: expressions; variables.c: what is outside functions
 */
#ifndef BUILD_BODIES_H
#define BUILD_BODIES_H

#include "build/build.h"
#include "build/exprs.h"
#include "dwarf/dies.h"
#include "dwarf/locations.h"

/* A DIE of a unit by its offset there; where units have 4 GiB, what is behind is left out. */
typedef uint32_t unit_die;

/* An argument, a local variable or a constant of a function, as one DIE says. */
struct cold_variable {
	const char *name;
	unit_die die;
	uint32_t type;  /* number */
	uint32_t line;  /* of its declaration */
	uint32_t file;  /* index in the unit's line table + 1; 0: none */
	uint32_t block; /* index + 1 in the function's blocks; 0: its outermost */
	uint32_t value; /* provisional number of an expression that holds wherever it lives */
	uint32_t index; /* in the function's details */
	uint8_t kind;   /* URF_VARIABLE_* */
};
struct cold_block {
	unit_die die;
	uint32_t parent; /* index + 1; 0: the function */
	uint32_t number; /* in the details; set by details.c */
	bool used;       /* something is declared right in it */
};

enum { COLD_CONVENTION_SHIFT = 24 };

/* A DIE of a function that has no DW_AT_abstract_origin: what its code has in common. */
struct cold_root {
	unit_die die;
	uint32_t type;
	uint32_t flags; /* URF_DETAIL_*; from bit COLD_CONVENTION_SHIFT on how it is called */
	uint32_t first_variable, n_variables;
	uint32_t n_named; /* of them, by DIE: all but a template's arguments */
	uint32_t first_block, n_blocks;
	uint32_t scope;    /* type or namespace */
	uint32_t function; /* whose details these are; 0: nobody has asked for it */
	uint64_t whole;    /* number of the DIE */
	uint64_t shape;    /* the same of roots that say the same */
};

/* What follows each other in a body; include/urf/format.h says what each means. */
struct token {
	uint8_t kind;     /* URF_TOKEN_* */
	bool far;         /* a is an index in far_dies */
	bool by_variable; /* of a block: a is a variable in it */
	bool names;       /* an expression names variables by their DIEs */
	uint32_t a;       /* DIE, or whatever the kind says */
	int32_t gap;      /* of URF_TOKEN_ENTER: the variant */
	uint32_t length, expr;
};

/* A DIE_FUNCTION scope that has code. */
struct cold_body {
	uint32_t scope;    /* index in the unit's scopes */
	uint32_t first, n; /* tokens */
	uint32_t variant;  /* of its function's details */
	bool chosen;       /* of those with the same entry */
};

/* A function's DIE that has a DW_AT_abstract_origin. */
struct cold_link {
	unit_die die;
	uint64_t origin;
};

/* A variable that lives as long as the program, or as a thread. */
struct cold_global {
	const char *name, *linkage_name;
	const struct dwarf_unit *file_unit; /* whose line table file counts in; NULL: none */
	uint32_t type, line, scope;
	uint32_t file;  /* index + 1; 0: none */
	uint32_t value; /* as of struct cold_variable */
	uint32_t root;  /* index + 1 of the function that it is declared in; 0: none */
	bool external;
};

/* A class or namespace. */
struct cold_scope {
	unit_die die, end; /* DIEs in between stand in it */
	uint32_t type;
	uint32_t parent; /* index + 1; 0: none */
};

struct cold_unit {
	UNIT_LIST(struct cold_scope) scopes;       /* by DIE */
	UNIT_LIST(struct cold_root) roots;         /* by DIE */
	UNIT_LIST(struct cold_variable) variables; /* likewise */
	UNIT_LIST(struct cold_block) blocks;
	UNIT_LIST(struct token) tokens;
	UNIT_LIST(struct cold_body) bodies;
	UNIT_LIST(uint64_t) far_dies;      /* of other units */
	UNIT_LIST(struct cold_link) links; /* by DIE */
	UNIT_LIST(struct cold_global) globals;
	/* of each of the unit's functions: unit << 32 | index + 1; 0: none */
	uint64_t *roots_of;
	uint32_t *variants_of; /* likewise: index + 1 in the details'; 0: none */
};

struct cold_scratch;
struct details;
struct bodies;
struct variables;
struct cold {
	struct builder *b;
	struct details *details;
	struct bodies *bodies;
	struct variables *variables;
	struct cold_unit *units; /* one for each of dwarf.units */
	struct exprs exprs;
	struct cold_scratch *scratch; /* that no thread uses */
};

int turf_bodies_read(struct cold *c, size_t unit, struct turf_error *err);
int turf_bodies_resolve(struct cold *c, size_t unit, struct turf_error *err);
void turf_bodies_scratch_free(struct cold_scratch *s);

#endif
