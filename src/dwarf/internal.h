/* SPDX-License-Identifier: MIT */
/*
 * What the files of this room share.
 *
 *   abbrev.c  a table of .debug_abbrev -> a plan for each kind of DIE
 *   form.c    the bytes of one attribute -> a value; values -> strings, addresses
 *   unit.c    all units, their headers and unit DIEs
 *   split.c   units whose functions are in another file
 *   scopes.c  the walk over a unit's functions and inlined calls
 *   names.c   what a DIE is called, over links between DIEs
 *   ranges.c  address ranges
 *   line.c    line programs -> rows        files.c  their headers and file tables
 */
#ifndef DWARF_INTERNAL_H
#define DWARF_INTERNAL_H

#include "dwarf/constants.h"
#include "dwarf/dwarf.h"

/* The sizes that a unit's header gives its forms. */
struct dwarf_sizes {
	uint8_t address, offset;
	uint8_t ref_addr; /* an address in DWARF 2, an offset since */
};

static inline struct dwarf_sizes sizes_of(const struct dwarf_unit *unit)
{
	return (struct dwarf_sizes){ unit->address_size, unit->offset_size,
		                     unit->version == 2 ? unit->address_size
		                                        : unit->offset_size };
}

struct dwarf_attr {
	uint16_t at, form; /* UINT16_MAX stands for numbers that do not fit: nobody's */
	uint32_t constant; /* DW_FORM_implicit_const: index in the table's constants */
};

/* How to step over a DIE: skip bytes, then do op; then the next step. */
enum dwarf_op {
	OP_END,      /* the DIE ends here */
	OP_MORE,     /* nothing: only more bytes than one skip holds */
	OP_ULEB,     /* a number that tells its own end */
	OP_STRING,   /* up to a NUL */
	OP_BLOCK,    /* a length of `size` bytes (0: ULEB128) and as many bytes */
	OP_SIBLING,  /* DW_AT_sibling, a unit's own offset of `size` bytes (0: ULEB128) */
	OP_INDIRECT, /* the form stands in the DIE */
	OP_UNKNOWN,  /* a form nobody knows: the DIE has no end */
};
struct dwarf_step {
	uint16_t skip;
	uint8_t op, size;
};

/* What a walk for code does with a DIE. */
enum dwarf_kind {
	KIND_SKIP,      /* there is no code in it, nor in what is below */
	KIND_TYPE,      /* below it may be code, but not in C */
	KIND_CONTAINER, /* below it may be code */
	KIND_CODE,      /* a subprogram or inlined call with code */
};

enum { NOT_FIXED = INT32_MAX };
struct dwarf_abbrev {
	uint64_t code;
	uint32_t fixed; /* bytes of all attributes, NOT_FIXED: take the steps */
	uint32_t step;  /* its first, in the table's steps */
	uint32_t attr, n_attrs;
	uint16_t tag; /* UINT16_MAX: nobody's */
	uint8_t kind;
	bool children;
	bool linked; /* has DW_AT_abstract_origin */
};

struct dwarf_abbrevs {
	struct dwarf_abbrev *at; /* in order of code */
	size_t n;
	bool dense; /* at[i].code == i + 1 */
	struct dwarf_attr *attrs;
	struct dwarf_step *steps;
	int64_t *constants;
	int error; /* < 0: malformed */
	const char *error_text;
};

/* Decodes the table at the cursor into memory of @arena; a malformed one says so in ->error.
 * NULL: no memory. */
struct dwarf_abbrevs *turf_dwarf_abbrevs(struct cursor *c, struct dwarf_sizes sizes,
                                         struct arena *arena);

const struct dwarf_abbrev *turf_dwarf_sparse_abbrev(const struct dwarf_abbrevs *table,
                                                    uint64_t code);

static inline const struct dwarf_abbrev *abbrev_of(const struct dwarf_abbrevs *table,
                                                   uint64_t code)
{
	if (!table->dense)
		return turf_dwarf_sparse_abbrev(table, code);
	return code - 1 < table->n ? &table->at[code - 1] : NULL; /* 0 wraps */
}

/* A value as its form tells it; strings and addresses may need another section. */
enum dwarf_class {
	VALUE_NONE,          /* absent, or nothing we use: blocks, data16, location lists */
	VALUE_CONSTANT,      /* also flags, and offsets of DWARF 2 and 3 */
	VALUE_OFFSET,        /* of some section that the attribute implies */
	VALUE_ADDRESS,       /* itself */
	VALUE_ADDRESS_INDEX, /* in .debug_addr */
	VALUE_STRING,        /* in place: str */
	VALUE_STR,           /* an offset of .debug_str */
	VALUE_LINE_STR,      /* an offset of .debug_line_str */
	VALUE_STR_INDEX,     /* in .debug_str_offsets */
	VALUE_LIST_INDEX,    /* in .debug_rnglists' offsets */
	VALUE_REF,           /* an offset of .debug_info */
	VALUE_ALT_REF,       /* an offset of the supplementary file's .debug_info */
	VALUE_ALT_STR,       /* an offset of its .debug_str */
	VALUE_ELSEWHERE,     /* in a type unit */
};
struct dwarf_value {
	enum dwarf_class class;
	uint64_t u;
	const char *str;
};

/* Bytes of a form, or -1 where they tell it themselves; -2: an unknown form. */
int turf_dwarf_form_size(uint16_t form, struct dwarf_sizes sizes);

/* Reads one value; false: it does not fit (c->bad), or its form is unknown. */
bool turf_dwarf_value(struct cursor *c, uint16_t form, struct dwarf_sizes sizes,
                      uint64_t unit_off, struct dwarf_value *ret);

/* The same for attribute @i of a DIE. */
static inline bool attr_value(struct cursor *c, const struct dwarf_unit *unit,
                              const struct dwarf_attr *attr, struct dwarf_value *ret)
{
	if (attr->form == DW_FORM_implicit_const) {
		ret->class = VALUE_CONSTANT;
		ret->u = (uint64_t)unit->abbrevs->constants[attr->constant];
		return true;
	}
	return turf_dwarf_value(c, attr->form, sizes_of(unit), unit->off, ret);
}

/* 1 here it is, 0 the value is no string or one of a file that is not here, < 0 it points
 * nowhere. */
int turf_dwarf_string(const struct dwarf *dw, const struct dwarf_unit *unit,
                      const struct dwarf_value *value, const char **ret);
/* 1, 0 the value is no address, < 0 it points nowhere. */
int turf_dwarf_address(const struct dwarf_unit *unit, const struct dwarf_value *value,
                       uint64_t *ret);
int turf_dwarf_indexed_address(const struct dwarf_unit *unit, uint64_t idx, uint64_t *ret);

/* A number from an attribute that may have either class (DWARF 2 and 3 had no sec_offset). */
static inline bool is_number(const struct dwarf_value *value)
{
	return value->class == VALUE_CONSTANT || value->class == VALUE_OFFSET;
}

/* A link's DIE number: false where it is no link, or one to a file that is not here. */
static inline bool link_of(const struct dwarf *dw, const struct dwarf_unit *unit,
                           const struct dwarf_value *value, uint64_t *ret)
{
	if (value->class != VALUE_REF && (value->class != VALUE_ALT_REF || !dw->alt))
		return false;
	/* what lies in no file of ours is no number of another one's DIE */
	uint64_t base = value->class == VALUE_REF ? unit->base : dw->alt_base;
	*ret = value->u < DWARF_FILE_SPAN ? base + value->u : DWARF_NONE;
	return true;
}

/* A cursor at @off of .debug_info which ends where @unit does; offsets count from the section.
 */
static inline struct cursor unit_cursor(const struct dwarf_unit *unit, uint64_t off)
{
	struct span part = { unit->in->info.at, (size_t)unit->end };
	struct cursor c = cur_of(part, unit->in->big);
	cur_seek(&c, off);
	return c;
}

/* Reads what a unit's first DIE says; its address only where @addresses, as those of a split
 * unit are in another file. What is wrong is the unit's error. */
void turf_dwarf_read_first_die(const struct dwarf *dw, struct dwarf_unit *unit, bool addresses);

/* The unit that the DIE of that number lies in, or NULL. */
const struct dwarf_unit *turf_dwarf_unit_at(const struct dwarf *dw, uint64_t die);

/* Reads an abbreviation code: NULL at a null entry, a fault (c->bad) or an unknown code, of
 * which *code tells the first. */
const struct dwarf_abbrev *turf_dwarf_die(struct cursor *c, const struct dwarf_unit *unit,
                                          uint64_t *code);

/* The end of a chain of DW_AT_abstract_origin that begins at @die. 0 or < 0. */
int turf_dwarf_origin(const struct dwarf *dw, uint64_t die, uint64_t *ret,
                      struct turf_error *err);

/* Begins ranges from the values of DW_AT_low_pc, high_pc, ranges. Never fails: what is wrong
 * is told by the first turf_dwarf_next_range(). */
struct dwarf_ranges turf_dwarf_ranges(const struct dwarf_unit *unit,
                                      const struct dwarf_value *low,
                                      const struct dwarf_value *high,
                                      const struct dwarf_value *ranges);

/* One step of a line program: 1 it told a row, 0 it told none, -EBADMSG. */
int turf_dwarf_line_step(struct dwarf_lines *lines, struct dwarf_line_row *ret);

/* An entry of a version 5 table of directories or files. */
struct dwarf_file {
	const char *name; /* NULL: the table has no names */
	uint64_t directory;
};
/* Reads one, or steps over it where @ret is NULL. 0 or -EBADMSG. */
int turf_dwarf_file_entry(const struct dwarf_lines *lines, const struct dwarf_format *format,
                          struct cursor *c, struct dwarf_file *ret);

/* An address that a linker put in the place of discarded code: -1, and -2 where -1 had a
 * meaning already. */
static inline bool is_tombstone(uint64_t addr, uint8_t address_size)
{
	uint64_t top = address_size == 4 ? UINT32_MAX : UINT64_MAX;
	return addr >= top - 1;
}

#endif
