/* SPDX-License-Identifier: MIT */
/*
 * The urf on disk, format version 1. Nothing but the layout: other people's readers need only
 * this header and docs/format.md, which describes it; the two change together.
 *
 * All numbers are little-endian byte arrays without alignment. Offsets count from the start of
 * the section they point into. "rva" is a link-time address minus urf_head.base. All padding is
 * zero.
 */
#ifndef URF_FORMAT_H
#define URF_FORMAT_H

#include <assert.h>
#include <stdint.h>

typedef struct {
	uint8_t b[2];
} le16;
typedef struct {
	uint8_t b[4];
} le32;
typedef struct {
	uint8_t b[8];
} le64;

#define URF_MAGIC "\177URF\r\n\032\n"
enum { URF_VERSION = 1 };

/* urf_head.kind */
enum urf_kind {
	URF_DEBUG = 1,
	URF_HEAP = 2,
	URF_CODE = 3,
};

/* urf_head.flags: what a debug urf was built from; nothing a reader must know */
enum urf_flag {
	URF_HAS_DWARF = 1,      /* functions, inlined calls and lines */
	URF_HAS_CFI = 2,        /* unwind rows */
	URF_HAS_SYMBOLS = 4,    /* ELF symbols */
	URF_HAS_DEBUG_FILE = 8, /* a separate debug file was read */
};

/* Sections: urf_head.sections[] is indexed by these; names are in brackets. */
enum urf_section_kind {
	URF_BLOCKS,  /* [.urf.blocks]   struct urf_block, by start */
	URF_RANGES,  /* [.urf.ranges]   struct urf_range, by start, not overlapping */
	URF_PAGES,   /* [.urf.pages]    le32: first unwind row of each 4 KiB page, and an end */
	URF_SYMBOLS, /* [.urf.symbols]  struct urf_symbol, by start */
	URF_LOADS,   /* [.urf.loads]    struct urf_load: the source's PT_LOAD segments */
	URF_SEGMENTS,  /* [.urf.segments] bytes: coded segments, blocks of at most 64 */
	URF_SCOPES,    /* [.urf.scopes]   struct urf_scope; index 0 is "none" */
	URF_FUNCTIONS, /* [.urf.functions] struct urf_function; index 0 is "none" */
	URF_FILES,     /* [.urf.files]    struct urf_file; index 0 is "none" */
	URF_UNITS,     /* [.urf.units]    struct urf_unit; index 0 is "none" */
	URF_ROWS,      /* [.urf.rows]     struct urf_row: unwind rows, by page and pc */
	URF_RULES,     /* [.urf.rules]    struct urf_rule; index 0 is "no row here" */
	URF_SAVED,     /* [.urf.saved]    struct urf_saved: registers of rules */
	URF_FAR_RULES, /* [.urf.far]      struct urf_far: rule numbers too big for a row, by row
	                */
	URF_EXPRS,     /* [.urf.exprs]    DWARF expressions: uleb128 length, bytes */
	URF_STRINGS,   /* [.urf.strings]  NUL-ended strings; offset 0 is "" and means "none" */
	URF_N_SECTIONS,
};

struct urf_section {
	le64 off;  /* in the file */
	le64 size; /* bytes */
};
static_assert(sizeof(struct urf_section) == 16, "on disk");

/* Section .urf.head, right behind the notes. */
struct urf_head {
	uint8_t magic[8];
	le16 version;
	le16 head_size;  /* of this struct as written: a reader takes what it knows */
	le16 kind;       /* enum urf_kind */
	le16 machine;    /* e_machine of the source */
	le32 incompat;   /* a reader that does not know one of these bits refuses the urf */
	le32 compat;     /* bits that may be ignored */
	le64 size;       /* of the whole urf */
	le64 base;       /* what rvas count from */
	le64 end;        /* one behind the highest address known */
	le32 flags;      /* enum urf_flag */
	le32 n_sections; /* entries of sections[] as written */
	uint8_t build_id[16];  /* the urf's own: as in its GNU build-id note */
	uint8_t source_id[32]; /* build-id of the source, else a hash of its bytes; zero padded
	                        */
	uint8_t source_id_size;
	uint8_t zero[7];
	uint8_t content[16]; /* XXH3-128, canonical, of the file with these 16 bytes zero */
	uint8_t layout[8];   /* fingerprint of this header's structs: URF_LAYOUT */
	struct urf_section sections[URF_N_SECTIONS];
};
static_assert(sizeof(struct urf_head) == 136 + 16 * URF_N_SECTIONS, "on disk");

/* Changes whenever a struct below does: first bytes "v1", then a count of changes. */
#define URF_LAYOUT "v1.00001"

/*
 * Segments: a segment is the longest run of addresses with one scope, file, line and column.
 * Blocks hold at most URF_BLOCK_MAX of them; the first of a block is coded against zero.
 *
 * A segment is: a tag byte; uleb128 bytes since the start of the segment before (of the first:
 * 0); then, each only where the tag says so, in this order:
 *     tag & 1         sleb128 scope, as a difference
 *     tag & 2         sleb128 file, as a difference
 *     tag & 4         uleb128 column
 *     tag >> 3 == 31  sleb128 line, as a difference
 * Any other tag >> 3 is the line's difference + URF_LINE_BIAS. A segment ends where the next
 * begins; the last one of a block at the next block's start; the last block is an empty one.
 * A segment of scope 0 and line 0 is a gap.
 */
enum { URF_BLOCK_MAX = 64, URF_LINE_BIAS = 10, URF_LINE_FAR = 31 };
struct urf_block {
	le32 start; /* rva */
	le32 off;   /* in .urf.segments */
};
static_assert(sizeof(struct urf_block) == 8, "on disk");

/* A run of addresses that belongs to one function. */
struct urf_range {
	le32 start; /* rva */
	le32 size;  /* bytes, not 0 */
	le32 scope; /* the function's scope */
};
static_assert(sizeof(struct urf_range) == 12, "on disk");

/* A function with code, or a function inlined at one place. */
struct urf_scope {
	le32 function;
	le32 parent;    /* the scope it is inlined into, a smaller index; 0: it is a function */
	le32 call_file; /* where it is inlined: file, line, column; of a function: its entry's
	                   rva */
	le32 call_line;
	le32 call_column;
};
static_assert(sizeof(struct urf_scope) == 20, "on disk");

struct urf_function {
	le32 name;      /* DW_AT_name */
	le32 linkage;   /* DW_AT_linkage_name; 0: none */
	le32 decl_file; /* 0: none */
	le32 decl_line;
	le32 unit; /* where it is declared */
};
static_assert(sizeof(struct urf_function) == 20, "on disk");

struct urf_file {
	le32 directory; /* compilation and include directory, joined */
	le32 name;
};
static_assert(sizeof(struct urf_file) == 8, "on disk");

struct urf_unit {
	le32 name;
	le32 directory;
	le32 producer;
	le16 language; /* DW_LANG_* */
	le16 version;  /* of DWARF */
};
static_assert(sizeof(struct urf_unit) == 16, "on disk");

struct urf_symbol {
	le32 start; /* rva */
	le32 size;  /* of a symbol without one: up to the next symbol or its section's end */
	le32 name;
	uint8_t type, bind; /* STT_*, STB_* */
	le16 back; /* entries back to the last symbol that ends behind this one; 0: none */
};
static_assert(sizeof(struct urf_symbol) == 16, "on disk");

struct urf_load {
	le64 off, addr, file_size, mem_size;
	le32 flags; /* PF_* */
	le32 zero;
};
static_assert(sizeof(struct urf_load) == 40, "on disk");

/*
 * Unwind rows: a row holds from its pc to the next row's, at most to the end of its page. Each
 * page that has rows begins with one for its first byte. Page p spans rvas [p << 12, (p+1) <<
 * 12).
 */
enum { URF_PAGE_SHIFT = 12, URF_RULE_FAR = 0xfff };
struct urf_row {
	le16 pc_rule; /* low 12 bits: pc within its page; high 4 bits: bits 8..11 of the rule */
	uint8_t rule; /* bits 0..7; URF_RULE_FAR: look into .urf.far */
};
static_assert(sizeof(struct urf_row) == 3, "on disk");

struct urf_far {
	le32 row;
	le32 rule;
};
static_assert(sizeof(struct urf_far) == 8, "on disk");

struct urf_rule {
	uint8_t cfa_kind; /* TURF_RULE_REG_OFFSET, TURF_RULE_EXPRESSION, TURF_RULE_UNDEFINED
	                   */
	uint8_t cfa_reg;
	uint8_t return_reg;
	uint8_t signal_frame; /* 1: yes */
	le32 cfa_value;       /* offset (signed), or offset in .urf.exprs */
	le32 saved;   /* first of its registers in .urf.saved: the return address comes first */
	le32 n_saved; /* at least 1 */
};
static_assert(sizeof(struct urf_rule) == 16, "on disk");

struct urf_saved {
	uint8_t reg;
	uint8_t kind;   /* enum turf_rule_kind */
	uint8_t source; /* register, of TURF_RULE_REGISTER */
	uint8_t zero;
	le32 value; /* offset (signed), or offset in .urf.exprs */
};
static_assert(sizeof(struct urf_saved) == 8, "on disk");

/* The TURF note: owner "TURF", type URF_NOTE_TYPE, this as its content. */
enum { URF_NOTE_TYPE = 1 };
struct urf_note {
	le16 kind;
	le16 version;
	le32 incompat, compat;
	le32 source_id_size;
	uint8_t source_id[32];
	uint8_t layout[8];
};
static_assert(sizeof(struct urf_note) == 56, "on disk");

#endif
