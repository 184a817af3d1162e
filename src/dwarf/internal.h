/* SPDX-License-Identifier: MIT */
/*
 * What the files of this room share.
 *
 *   abbrev.c  a table of .debug_abbrev -> a plan for each kind of DIE
 *   take.c    a plan and the bytes of a DIE -> the values of its attributes
 *   form.c    the bytes of one attribute -> a value; values -> strings, addresses
 *   unit.c    all units, their headers and unit DIEs
 *   split.c   units whose functions are in another file
 *   scopes.c  the walk over a unit's functions and inlined calls
 *   dies.c    the walk over all DIEs, with the attributes that are wanted
 *   names.c   what a DIE is called, over links between DIEs
 *   ranges.c  address ranges
 *   line.c    line programs -> rows        files.c  their headers and file tables
 *   macros.c  what the preprocessor met
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

/* The attributes that are wanted of a function, an inlined call or a link to one. */
enum dwarf_slot {
	SLOT_LOW,
	SLOT_HIGH,
	SLOT_RANGES,
	SLOT_ENTRY,
	SLOT_ORIGIN,
	SLOT_CALL_FILE,
	SLOT_CALL_LINE,
	SLOT_CALL_COLUMN,
	SLOT_DISCRIMINATOR,
	SLOT_NAME,
	SLOT_LINKAGE_NAME,
	SLOT_DECL_FILE,
	SLOT_DECL_LINE,
	SLOT_SPECIFICATION,
	SLOT_SIBLING,
	SLOT_NONE, /* of attributes that nobody wants */
	N_SLOTS,
};

/* How to read a DIE: skip bytes, then do op; then the next step. */
enum dwarf_op {
	OP_END,     /* the DIE ends here */
	OP_SKIP,    /* nothing: only more bytes than one skip holds */
	OP_FIXED,   /* a wanted value of `size` bytes, 1 to 8 */
	OP_CONST,   /* a wanted value that stands in the table's constants */
	OP_ANY,     /* a value of `form`, wanted or not */
	OP_ULEB,    /* an unwanted number that tells its own end */
	OP_BLOCK,   /* an unwanted length of `size` bytes (0: ULEB128) and as many bytes */
	OP_UNKNOWN, /* a form nobody knows: the DIE has no end */
};
struct dwarf_step {
	uint16_t skip;
	uint8_t op, slot;
	union {
		uint32_t constant; /* index */
		struct {
			uint16_t form;
			uint8_t size, class; /* enum dwarf_class */
		};
	};
};
static_assert(sizeof(struct dwarf_step) == 8, "");

/* What a walk for code does with a DIE. */
enum dwarf_kind {
	KIND_SKIP,      /* there is no code in it, nor in what is below */
	KIND_TYPE,      /* below it may be code, but not in C, and in C++ in functions only */
	KIND_CONTAINER, /* below it may be code */
	KIND_NAMESPACE, /* likewise, and it is no function */
	KIND_CODE,      /* a subprogram or inlined call with code */
};

/*
 * The short way over DIEs of no interest: `skip` bytes, then do op. What is not as it should be
 * is left to the steps.
 */
enum dwarf_quick_op {
	QUICK_STOP,      /* take the steps */
	QUICK_PLAIN,     /* nothing more */
	QUICK_BLOCK,     /* behind skip a block, then `tail` bytes */
	QUICK_NAMESPACE, /* KIND_NAMESPACE, look below it */
	QUICK_LEAP,      /* behind skip stands its sibling as DW_FORM_ref4 */
	QUICK_TYPE,      /* likewise; where types are looked into, take the steps */
};
struct dwarf_quick {
	uint16_t skip;
	uint8_t op;
	union {
		uint8_t tail;
		int8_t level; /* QUICK_PLAIN: 1 look below it, -1 it is a null entry, 0 neither
		               */
	};
};
static_assert(sizeof(struct dwarf_quick) == 4, "");

enum { NOT_FIXED = INT32_MAX, NO_STEPS = INT32_MAX };

struct dwarf_abbrev {
	uint32_t attrs; /* where in the table its attributes begin */
	uint32_t fixed; /* bytes of all attributes, NOT_FIXED: they differ from DIE to DIE */
	uint32_t step;  /* its first, in the table's steps; NO_STEPS: fixed says it all */
	uint16_t tag;   /* UINT16_MAX: nobody's */
	uint8_t kind;
	bool children : 1;
	bool named : 1; /* its steps take what a DIE says of itself, not only its sibling */
	struct dwarf_quick quick;
};
static_assert(sizeof(struct dwarf_abbrev) == 20, "files have hundreds of thousands");

struct dwarf_code {
	uint64_t code;
	uint32_t idx; /* of its abbreviation */
};

struct dwarf_abbrevs {
	const uint8_t *begin; /* in .debug_abbrev */
	struct dwarf_abbrev *at;
	size_t n;
	struct dwarf_quick *quick; /* by code, where at[i] has code i + 1; else NULL, and */
	struct dwarf_code *codes;  /* in order of code */
	struct dwarf_step *steps;
	int64_t *constants;
	int error; /* < 0: malformed */
	const char *error_text;
};

/* What is being decoded; its memory is used again for the next table. */
enum { N_USUAL_FORMS = 0x30 };
struct dwarf_decoder {
	struct arena *arena; /* of the finished tables */
	/* by form: bytes of what it takes where the sizes are these; -1: none of the usual */
	int8_t usual[N_USUAL_FORMS];
	struct dwarf_sizes usual_sizes;
	struct {
		struct dwarf_abbrev *at;
		size_t n, room;
	} abbrevs;
	struct {
		struct dwarf_code *at;
		size_t n, room;
	} codes;
	struct {
		struct dwarf_step *at;
		size_t n, room;
	} steps;
	struct {
		int64_t *at;
		size_t n, room;
	} constants;
};

/* Decodes the table at the cursor; a malformed one says so in ->error. NULL: no memory. */
struct dwarf_abbrevs *turf_dwarf_abbrevs(struct dwarf_decoder *d, struct cursor *c,
                                         struct dwarf_sizes sizes);
void turf_dwarf_decoder_fini(struct dwarf_decoder *d);

const struct dwarf_abbrev *turf_dwarf_sparse_abbrev(const struct dwarf_abbrevs *table,
                                                    uint64_t code);

static inline const struct dwarf_abbrev *abbrev_of(const struct dwarf_abbrevs *table,
                                                   uint64_t code)
{
	if (!table->quick)
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
	VALUE_UNIT_REF,      /* an offset from the unit's header */
	VALUE_ALT_REF,       /* an offset of the supplementary file's .debug_info */
	VALUE_ALT_STR,       /* an offset of its .debug_str */
	VALUE_ELSEWHERE,     /* in a type unit */
};
struct dwarf_value {
	enum dwarf_class class;
	uint64_t u; /* VALUE_STRING: its place in memory */
};

/* Bytes of a form, or -1 where they tell it themselves; -2: an unknown form. */
int turf_dwarf_form_size(uint64_t form, struct dwarf_sizes sizes);
/* What a value of a form of fixed size is. */
enum dwarf_class turf_dwarf_form_class(uint16_t form);

/* Reads one value; false: it does not fit (c->bad), or its form is unknown. */
bool turf_dwarf_value(struct cursor *c, uint16_t form, struct dwarf_sizes sizes,
                      struct dwarf_value *ret);

/* All wanted attributes of a DIE. */
struct dwarf_values {
	uint64_t u[N_SLOTS];
	uint8_t class[N_SLOTS]; /* enum dwarf_class */
};

static inline struct dwarf_value value_of(const struct dwarf_values *values,
                                          enum dwarf_slot slot)
{
	return (struct dwarf_value){ .class = (enum dwarf_class)values->class[slot],
		                     .u = values->u[slot] };
}

static inline void keep_value(struct dwarf_values *values, enum dwarf_slot slot,
                              const struct dwarf_value *value)
{
	values->u[slot] = value->u;
	values->class[slot] = (uint8_t)value->class;
}

/* Over a DIE's attributes, the wanted ones into @ret: NULL, or why not. */
const char *turf_dwarf_take(struct cursor *c, const struct dwarf_unit *unit,
                            const struct dwarf_abbrev *abbrev, struct dwarf_values *ret);
/* Its answers. */
extern const char turf_dwarf_misfit[], turf_dwarf_no_form[];

/* A walk over all attributes of a DIE. */
struct dwarf_attrs {
	struct cursor spec; /* in .debug_abbrev */
	const struct dwarf_unit *unit;
};
struct dwarf_attrs turf_dwarf_attrs(const struct dwarf_unit *unit,
                                    const struct dwarf_abbrev *abbrev);
/* 1 the next one, read from @c; 0 there are no more; -EBADMSG. */
int turf_dwarf_next_attr(struct dwarf_attrs *attrs, struct cursor *c, uint64_t *at,
                         struct dwarf_value *ret);

/* Where the value of an attribute is kept; SLOT_NONE: nobody wants it. */
enum dwarf_slot turf_dwarf_slot(uint64_t at);

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
	uint64_t base = unit->base, off = value->u;
	if (value->class == VALUE_UNIT_REF) {
		off += unit->off; /* may wrap: then it lies in some unit or in none */
	} else if (value->class == VALUE_ALT_REF && dw->alt) {
		base = dw->alt_base;
	} else if (value->class != VALUE_REF) {
		return false;
	}
	/* what lies in no file of ours is no number of another one's DIE */
	*ret = off < DWARF_FILE_SPAN ? base + off : DWARF_NONE;
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

static inline bool unit_has(const struct dwarf_unit *unit, uint64_t die)
{
	uint64_t off = die - unit->base; /* wraps where it lies in an earlier file */
	return off >= unit->die && off < unit->end;
}

/* The unit that the DIE of that number lies in, or NULL. */
const struct dwarf_unit *turf_dwarf_unit_at(const struct dwarf *dw, uint64_t die);

/* Reads an abbreviation code: NULL at a null entry, a fault (c->bad) or an unknown code, of
 * which *code tells the first. */
static inline const struct dwarf_abbrev *die_at(struct cursor *c, const struct dwarf_unit *unit,
                                                uint64_t *code)
{
	*code = cur_uleb(c);
	return c->bad ? NULL : abbrev_of(unit->abbrevs, *code);
}

/* Begins ranges from the values of DW_AT_low_pc, high_pc, ranges. Never fails: what is wrong
 * is told by the first turf_dwarf_next_range(). */
void turf_dwarf_ranges(const struct dwarf_unit *unit, const struct dwarf_values *values,
                       struct dwarf_ranges *ret);

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

/* What an entry of a list of addresses is. */
enum dwarf_entry { ENTRY_END, ENTRY_BASE, ENTRY_RANGE };

/* One entry of a list before version 5; of one since, behind its kind (DW_RLE_*). A range's
 * ends are told in @ret, which begins as 0, 0; it stays so below a discarded base. A malformed
 * entry leaves the cursor bad. */
enum dwarf_entry turf_dwarf_list_entry_4(struct dwarf_list *list, struct dwarf_range *ret);
enum dwarf_entry turf_dwarf_list_entry_5(struct dwarf_list *list, unsigned kind,
                                         struct dwarf_range *ret);

/* Their parts: a pair relative to the base; an index into .debug_addr; a length behind ->start.
 */
void turf_dwarf_list_pair(const struct dwarf_list *list, uint64_t start, uint64_t end,
                          struct dwarf_range *ret);
uint64_t turf_dwarf_list_address(struct dwarf_list *list);
void turf_dwarf_list_length(struct dwarf_list *list, uint64_t length, struct dwarf_range *ret);

/* DW_FORM_rnglistx, DW_FORM_loclistx: the list's offset stands in a table at @base of the
 * section, and counts from that table. */
bool turf_dwarf_indexed_list(const struct dwarf_unit *unit, struct span section, uint64_t base,
                             uint64_t idx, uint64_t *ret);

#endif
