/* SPDX-License-Identifier: MIT */
/*
 * What one unit's DWARF says of addresses, in the unit's own numbers. Private to the room.
 *
 * Made by units.c, for many units at once; functions.c then gives everything its number in the
 * urf, and segments.c codes the segments. Addresses are rvas.
 */
#ifndef BUILD_UNITS_H
#define BUILD_UNITS_H

#include "base/arena.h"
#include "dwarf/dwarf.h"

/* A function with code, or one inlined somewhere: what is the same wherever it stands. */
struct unit_function {
	const char *text; /* the linkage name, else the name; NULL: none */
	const char *name; /* NULL where there is no linkage name; that where no other is; ""
	                     means the same */
	const struct dwarf_unit *decl_unit; /* whose file it is; NULL: this unit's */
	uint32_t decl_file; /* index + 1; 0: none. Of another unit: in its line table */
	uint32_t decl_line;
	uint32_t first_line, n_lines; /* in lines */
	uint32_t first_site, n_sites; /* in sites */
	uint32_t global;              /* its number in the urf */
	bool used;                    /* it has code left */
};

/* An instance of a function: its own code, or inlined into another. Parents come first. */
struct unit_scope {
	uint32_t parent;   /* index + 1; 0: a function's own code */
	uint32_t function; /* index */
	uint32_t site;     /* index in sites; of a function's own code: its entry, an rva */
	uint32_t root;     /* index of the function's own code that it lies in */
	uint16_t depth;    /* 0: a function's own code */
	bool used;         /* it has code left, or something inlined into it has */
};

/* A place in a function: its number there once functions.c has run. */
struct unit_line {
	uint32_t file; /* + 1; 0: none */
	uint32_t line, column;
	uint32_t number;
};
struct unit_site {
	uint32_t file, line, column;
	uint32_t callee; /* index in functions */
	uint32_t number;
};

/* A run of addresses with one scope, file, line and column. */
struct unit_segment {
	uint32_t start, end;
	uint32_t scope; /* index + 1; 0: lines without a function */
	uint32_t line;  /* index in lines */
};

/* A run of a unit's segments, cut down to what no run of another before it has. */
struct stretch {
	uint32_t start, end;
	uint32_t unit;
	uint32_t first, n; /* in the unit's segments */
};

/* Segments that follow each other without a gap. */
struct unit_run {
	uint32_t first, n; /* in segments */
};

/* A group of coded marks: the first one's start, the last one's, the bytes. */
struct unit_marks {
	uint32_t start, end;
	uint32_t off, size; /* in mark_data */
};

/* The discriminator of the call that a scope is inlined at. */
struct unit_call {
	uint32_t scope; /* index */
	uint32_t discriminator;
};

/* A file that something of the unit stands in; where a unit has no code, any that it lists. */
struct unit_file {
	const char *directory, *name; /* as turf_dwarf_files() tells them */
	uint32_t idx;                 /* in the line table */
	uint32_t global;
};

#define UNIT_LIST(type)                                                                        \
	struct {                                                                               \
		type *at;                                                                      \
		size_t n, room;                                                                \
	}

/* What a list takes where it has no more room than it needs; puts it at *@at, and *@at behind.
 */
#define UNIT_LIST_SIZE(list) align_up((list).n * sizeof(*(list).at), 16)
#define UNIT_LIST_MOVE(list, to)                                                               \
	do {                                                                                   \
		size_t n_ = (list).n * sizeof(*(list).at);                                     \
		if (n_)                                                                        \
			memcpy(*(to), (list).at, n_);                                          \
		(list).at = (void *)*(to);                                                     \
		(list).room = (list).n;                                                        \
		*(to) += align_up(n_, 16);                                                     \
	} while (0)

struct unit_out {
	UNIT_LIST(struct unit_function) functions;
	UNIT_LIST(struct unit_scope) scopes;
	UNIT_LIST(struct unit_line) lines; /* by function */
	UNIT_LIST(struct unit_site) sites; /* by function they lie in */
	UNIT_LIST(struct unit_segment) segments;
	UNIT_LIST(struct unit_run) runs;
	UNIT_LIST(struct unit_marks) marks;
	UNIT_LIST(struct unit_call) calls; /* by scope; only those that are not 0 */
	UNIT_LIST(struct unit_file) files;
	/* DIEs of scopes, and those that functions are known by; of a hot part alone neither */
	UNIT_LIST(uint64_t) scope_dies;
	UNIT_LIST(uint64_t) function_dies;
	struct buf mark_data;
	const char *comp_dir; /* of files */
	uint32_t nameless; /* index + 1 of the function of lines without one; 0: there are none
	                    */
	uint32_t global;   /* number of the unit in the urf; 0: it has no code */
	bool too_deep;     /* of some chains of inlined calls the middle is left out */
	int error;         /* this unit's DWARF is malformed: what was read before it is kept */
	struct turf_error *why; /* of the error */
};

/* What the reading of one unit needs for itself; used again for the next one. */
struct unit_scratch;
void turf_unit_scratch_free(struct unit_scratch *scratch);

struct builder;
int turf_build_units(struct builder *b, const size_t *units, size_t n, struct turf_error *err);
/* The @idx-th file of a unit's line table: 1, 0 there is none, or -ENOMEM. */
int turf_unit_find_file(const struct builder *b, const struct dwarf_unit *unit, uint32_t idx,
                        const char **comp_dir, struct unit_file *ret);

#endif
