/* SPDX-License-Identifier: MIT */
/*
 * Macros: what a unit's preprocessor met, in its order.
 *
 * In:     .debug_macro of version 5 and GNU's of version 4; .debug_macinfo before
 * Out:    a walk: 1 here is one, 0 the end, < 0 why not
 * Cost:   one pass, no allocation
 * Trust:  none. Whoever follows imports bounds them: they may lead in circles.
 * Source: DWARF 5 section 6.3, DWARF 4 section 6.3; GNU's as gcc writes it
 */
#ifndef DWARF_MACROS_H
#define DWARF_MACROS_H

#include "dwarf/dwarf.h"

enum dwarf_macro_kind {
	MACRO_DEFINE, /* text: "NAME BODY" or "NAME(PARAMETERS) BODY" */
	MACRO_UNDEF,  /* text: "NAME" */
	MACRO_START_FILE,
	MACRO_END_FILE,
	MACRO_IMPORT, /* what stands elsewhere, as if it stood here: turf_dwarf_import() */
};
struct dwarf_macro {
	enum dwarf_macro_kind kind;
	const char *text; /* NULL: it lies nowhere, or in a file that is not here */
	uint64_t line;
	uint64_t file;                   /* that starts: index in the line table */
	uint64_t off;                    /* of what is imported, */
	const struct dwarf_sections *in; /* in these; NULL: in a file that is not here */
};

struct dwarf_macros {
	const struct dwarf *dw;
	struct dwarf_unit
		unit;        /* whose lines and strings are meant: as the walk's header says */
	bool needs_unit;     /* what was read so far means something else in another unit */
	struct cursor at;    /* private from here on */
	struct cursor forms; /* of operations that the header describes */
	uint8_t offset_size;
	bool old; /* .debug_macinfo */
};

/* The unit's own: 1 begun, 0 it has none, < 0. */
int turf_dwarf_macros(const struct dwarf *dw, const struct dwarf_unit *unit,
                      struct dwarf_macros *ret, struct turf_error *err);
/* What @import of @from means, @import->in not being NULL: 1 begun, < 0. */
int turf_dwarf_import(const struct dwarf_macros *from, const struct dwarf_macro *import,
                      struct dwarf_macros *ret, struct turf_error *err);
int turf_dwarf_next_macro(struct dwarf_macros *walk, struct dwarf_macro *ret,
                          struct turf_error *err);

#endif
