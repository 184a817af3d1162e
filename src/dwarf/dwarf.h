/* SPDX-License-Identifier: MIT */
/*
 * DWARF -> rows: the units of a file; of a unit its functions and inlined calls with all their
 * ranges, and its line table.
 *
 * In:     section bytes (already inflated), DWARF 4 and 5 (2 and 3 where the forms are alike),
 *         32- and 64-bit, either byte order
 * Out:    walks: 1 here is one, 0 the end, < 0 why not. Offsets are into .debug_info.
 * Cost:   one pass over a unit's DIEs; allocates the abbreviation tables only
 * Trust:  none. A malformed unit fails alone: the others can be read.
 * Thread: struct dwarf is immutable once open; every walk is its caller's own
 * Source: DWARF 5 chapters 2, 3.3, 6.2, 7; DWARF 4 chapter 7
 */
#ifndef DWARF_DWARF_H
#define DWARF_DWARF_H

#include "base/arena.h"
#include "base/cursor.h"

struct dwarf_sections {
	struct span info, abbrev, line, str, line_str, str_offsets, addr, ranges, rnglists;
	struct span loc, loclists, macinfo, macro; /* empty where only code is asked for */
	bool big;
	bool types; /* info is .debug_types of DWARF 4: all units are types' */
};

struct dwarf_abbrevs; /* one table of .debug_abbrev, decoded */

/*
 * DIEs are known by numbers: in the first file their offset in .debug_info, in the file added
 * n-th that and n * DWARF_FILE_SPAN.
 */
#define DWARF_FILE_SPAN ((uint64_t)1 << 44)

struct dwarf_unit {
	const struct dwarf_sections *in; /* what its offsets count in */
	uint64_t base;                   /* of its DIEs' numbers */
	uint64_t off, end;               /* in .debug_info: header, one behind the last DIE */
	uint64_t die;                    /* the first DIE */
	uint64_t abbrev_off;
	uint16_t version;
	uint8_t type;                      /* DW_UT_*, compile for DWARF < 5 */
	uint8_t address_size, offset_size; /* 4 or 8 */
	/* from the unit DIE; DWARF_NONE where absent */
	uint16_t tag; /* DW_TAG_compile_unit, DWARF_PARTIAL_UNIT, skeleton_unit, type_unit */
	const char *name, *comp_dir, *producer; /* NULL where absent */
	uint64_t language;                      /* DW_LANG_*, 0: absent */
	uint64_t line_off;                      /* DW_AT_stmt_list */
	uint64_t low_pc;                        /* base of ranges; 0 where absent */
	uint64_t str_offsets_base, addr_base, rnglists_base, loclists_base;
	uint64_t macro_off; /* DW_AT_macros; or of .debug_macinfo: */
	bool macro_old;
	uint64_t ranges_base; /* split units before version 5: of DW_AT_ranges; else 0 */
	/* skeletons: the file that has the rest; skeletons and split units: what they share */
	const char *dwo_name;
	uint64_t dwo_id, dwo_ranges_base;
	bool has_dwo_id;
	size_t split, skeleton; /* index + 1 of the other one, 0: none */
	struct {                /* its ranges, as its DIE says them */
		uint64_t low, high, list;
		uint8_t low_class, high_class, list_class; /* enum dwarf_class */
	} own;
	uint64_t signature; /* of a type unit, and its type's DIE behind its header; else 0 */
	uint64_t type_off;
	const struct dwarf_abbrevs *abbrevs;
	int error; /* < 0: this unit cannot be read, text says why */
	const char *error_text;
	uint64_t error_where; /* in .debug_info */
};

#define DWARF_NONE UINT64_MAX
enum { DWARF_PARTIAL_UNIT = 0x3c }; /* DW_TAG_partial_unit */

enum { DWARF_PARTS = 16 };
struct dwarf {
	struct dwarf_unit *units; /* in order of base + off: of the first file first */
	size_t n_units;
	/* .in of the first file's units, of the supplementary file's (NULL: none) */
	const struct dwarf_sections *own, *alt;
	uint64_t alt_base;               /* private from here on */
	uint64_t next_base;              /* of the next file that is added */
	size_t room;                     /* of units */
	uint64_t *starts;                /* base + off of each unit */
	struct arena arena;              /* abbreviations, copies of sections */
	struct arena parts[DWARF_PARTS]; /* abbreviations */
	bool busy[DWARF_PARTS];          /* a thread takes from that arena */
};

/*
 * Finds all units and reads their headers, abbreviations and unit DIEs. A unit that cannot be
 * read keeps its place with error set; a length that leaves the section ends the list (the last
 * unit then has error set). 0 or -ENOMEM. @sections' bytes are borrowed.
 */
int turf_dwarf_open(const struct dwarf_sections *sections, struct dwarf *ret,
                    struct turf_error *err);
/* Gives back what only DIEs are read with: none is read any more. */
void turf_dwarf_drop_abbrevs(struct dwarf *dw);
void turf_dwarf_close(struct dwarf *dw);

/*
 * The same by many threads: one finds the units and their headers; then each part of them is
 * read, the parts from 0 to DWARF_PARTS - 1 once each, in any order or at the same time. All of
 * it comes before anything else. 0 or -ENOMEM.
 */
int turf_dwarf_find(const struct dwarf_sections *sections, struct dwarf *ret,
                    struct turf_error *err);
int turf_dwarf_read_part(struct dwarf *dw, size_t part, struct turf_error *err);

/*
 * Adds the units of a supplementary file (dwz, DWARF 5 section 7.3.6), which the forms for
 * another file's DIEs and strings then mean; without it those are absent. Moves the units: to
 * be called before any walk. 0 or -ENOMEM. @sections' bytes are borrowed.
 */
int turf_dwarf_add_supplement(struct dwarf *dw, const struct dwarf_sections *sections,
                              struct turf_error *err);

/* Adds the units of the same file's .debug_types, as turf_dwarf_add_supplement(). */
int turf_dwarf_add_types(struct dwarf *dw, struct span types, struct turf_error *err);

/*
 * Split DWARF. A skeleton unit has ranges and lines; its functions are in a unit of a .dwo file
 * or of a .dwp, with file numbers that count in the skeleton's line table.
 */
bool turf_dwarf_is_skeleton(const struct dwarf *dw, const struct dwarf_unit *unit);
/*
 * Adds the units of a .dwo file, or of a part of a package; addresses and lists of
 * .debug_ranges are those of the first file. Moves the units. 0, -E2BIG or -ENOMEM.
 */
int turf_dwarf_add_split(struct dwarf *dw, const struct dwarf_sections *sections,
                         struct turf_error *err);
/* Links each skeleton with the unit of the same dwo_id, once all are added: their fields split
 * and skeleton. 0 or -ENOMEM. */
int turf_dwarf_link_split(struct dwarf *dw, struct turf_error *err);

struct dwarf_package { /* a .dwp file */
	struct dwarf_sections sections;
	struct span index; /* .debug_cu_index */
	uint32_t version, n_columns, n_units, n_slots;
};
/* 0 or -EBADMSG. Bytes are borrowed. */
int turf_dwarf_open_package(const struct dwarf_sections *sections, struct span cu_index,
                            struct dwarf_package *ret, struct turf_error *err);
/* A unit's parts of the sections: 1, 0 it is not there. */
int turf_dwarf_package_part(const struct dwarf_package *package, uint64_t dwo_id,
                            struct dwarf_sections *ret);

/* Whether the first unit of a .debug_info is a type's: gcc gives each type of DWARF 5 a section
 * of its own, and in .dwo files nothing else tells them from the one with the code. */
bool turf_dwarf_begins_with_type(struct span info, bool big);

/* Address ranges: DW_AT_low_pc/high_pc or DW_AT_ranges. */
struct dwarf_range {
	uint64_t start, end;
};
/* A list of addresses being read: ranges, or locations by ranges. */
struct dwarf_list {
	const struct dwarf_unit *unit;
	struct cursor at;
	uint64_t base;
};

struct dwarf_ranges {
	struct dwarf_list list;
	struct dwarf_range single;
	uint8_t state; /* private */
};
/*
 * 1 a range (start < end), 0 end, < 0. Empty ranges and dead code (tombstones: start 0 with the
 * unit's low_pc elsewhere is the caller's to judge; -1 and -2 are dropped here) are not told.
 */
int turf_dwarf_next_range(struct dwarf_ranges *walk, struct dwarf_range *ret,
                          struct turf_error *err);

/* The unit's own ranges, from its DIE: 1 begun, 0 it has none. */
int turf_dwarf_unit_ranges(const struct dwarf_unit *unit, struct dwarf_ranges *walk);

enum dwarf_scope_kind {
	DWARF_FUNCTION, /* DW_TAG_subprogram that has code */
	DWARF_INLINED,  /* DW_TAG_inlined_subroutine that has code */
};

struct dwarf_scope {
	enum dwarf_scope_kind kind;
	unsigned depth;  /* 0: a function; an inlined call is deeper than what it is in */
	uint64_t die;    /* its own number */
	uint64_t parent; /* .die of the scope around it that was told, DWARF_NONE: none */
	uint64_t origin; /* the DIE that tells its names, its DW_AT_abstract_origin (die itself
	                    where there is none); whether one is there is not looked at */
	uint64_t entry;  /* DW_AT_entry_pc or low_pc, DWARF_NONE where absent */
	uint64_t call_file; /* index in the unit's line table; DWARF_NONE where absent */
	uint32_t call_line, call_column, call_discriminator; /* 0 where absent */
	struct dwarf_ranges ranges;
};

/*
 * A walk over a unit's scopes that have code, in preorder. Functions nested in namespaces,
 * classes, lexical blocks and other functions are found; a function nested in a function has
 * depth 0, and the rest of the function around it follows behind it: see parent. What an
 * inlined call's depth counts is its enclosing scopes told by this walk, up to the function.
 */
enum { DWARF_MAX_DEPTH = 512 }; /* of DIEs; -E2BIG beyond */
struct dwarf_scopes {
	const struct dwarf *dw;
	const struct dwarf_unit *unit;
	struct cursor at; /* private from here on */
	unsigned level;   /* of DIE nesting */
	unsigned types;   /* types down to this level hold no code */
	unsigned n_told;
	struct dwarf_told { /* the scopes told around the cursor, behind an entry for none */
		uint64_t parent;
		uint16_t depth; /* of what is inlined there */
		uint16_t level; /* of the scope's own DIE */
	} told[DWARF_MAX_DEPTH];
};
/* 0, or the unit's error. */
int turf_dwarf_scopes(const struct dwarf *dw, const struct dwarf_unit *unit,
                      struct dwarf_scopes *walk, struct turf_error *err);
int turf_dwarf_next_scope(struct dwarf_scopes *walk, struct dwarf_scope *ret,
                          struct turf_error *err);

/* What an origin is called and where it is declared. */
struct dwarf_names {
	const char *name; /* DW_AT_name, followed through DW_AT_specification and origins */
	const char *linkage_name; /* DW_AT_linkage_name, DW_AT_MIPS_linkage_name; NULL: none */
	const struct dwarf_unit *unit; /* whose line table decl_file counts in: no split one */
	uint64_t decl_file;            /* DWARF_NONE: none */
	uint32_t decl_line;
};
/* @die: number of any DIE in any unit (struct dwarf_scope.origin). 0 or < 0. Links are followed
 * across units at most 16 times. */
int turf_dwarf_names(const struct dwarf *dw, uint64_t die, struct dwarf_names *ret,
                     struct turf_error *err);
/* The same of one that most likely lies in @unit, which can be read. */
int turf_dwarf_names_near(const struct dwarf *dw, const struct dwarf_unit *unit, uint64_t die,
                          struct dwarf_names *ret, struct turf_error *err);

/* Line tables: one line program -> rows in program order. */
struct dwarf_line_row {
	uint64_t addr;
	uint32_t file, line, column,
		discriminator; /* file: index as turf_dwarf_files() tells */
	bool is_stmt, end_sequence, prologue_end, epilogue_begin;
};
struct dwarf_format { /* columns of a table of directories or files */
	uint8_t n;
	struct {
		uint16_t content, form;
	} entry[8];
};
struct dwarf_lines {
	const struct dwarf *dw;
	const struct dwarf_unit *unit;
	bool last_only;   /* set by who wants of rows at one address the last; most others are
	                     then left out */
	uint16_t version; /* the table's own: its files count from 1 before 5, from 0 since */
	struct cursor program;            /* private from here on */
	struct cursor directories, files; /* the two tables, at their entries */
	uint64_t n_directories, n_files;  /* n_files: version 5 only */
	struct cursor defined;            /* operands of the last DW_LNE_define_file */
	struct dwarf_line_row row;
	uint8_t address_size, offset_size, min_inst, max_ops, line_range, opcode_base;
	uint8_t op_index;
	int8_t line_base;
	bool default_is_stmt;
	uint8_t lengths[256]; /* operands of standard opcodes */
	struct dwarf_format directory_format, file_format;
};
/* 1 begun, 0 the unit has no line table, < 0. */
int turf_dwarf_lines(const struct dwarf *dw, const struct dwarf_unit *unit,
                     struct dwarf_lines *ret, struct turf_error *err);
/* The next rows, at most @max (not 0): how many, 0 end, < 0. Rows of dead sequences
 * (DW_LNE_set_address of a tombstone -1/-2) are told like others. */
int turf_dwarf_next_lines(struct dwarf_lines *lines, struct dwarf_line_row *rows, size_t max,
                          struct turf_error *err);
/* The same row by row: 1 a row, 0 end, < 0. */
int turf_dwarf_next_line(struct dwarf_lines *lines, struct dwarf_line_row *ret,
                         struct turf_error *err);
/*
 * Reads every file in one pass and calls @emit with its index, the compilation directory (NULL:
 * none; may be relative), the include directory below it (NULL: the compilation directory
 * itself; may be absolute), and its name (may be absolute). Indexes rise by 1 from 0, before
 * version 5 from 1. @emit answers 0, or < 0 to stop, which is then the answer. To be called
 * before the rows are read; files that the program itself defines (up to version 4) are found
 * too. 0 or < 0.
 */
int turf_dwarf_files(const struct dwarf_lines *lines,
                     int (*emit)(void *ctx, uint64_t idx, const char *comp_dir,
                                 const char *directory, const char *name),
                     void *ctx, struct turf_error *err);

#endif
