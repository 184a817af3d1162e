/* SPDX-License-Identifier: MIT */
/*
 * The urf on disk, format version 2. Nothing but the layout: other people's readers need only
 * this header, urf/cold.h, which it includes, and docs/format.md, which describes both; they
 * change together.
 *
 * All numbers are little-endian byte arrays without alignment. Offsets count from the start of
 * the section they point into. "rva" is a link-time address minus urf_head.base. All padding is
 * zero. A uleb or sleb has at most URF_LEB_MAX bytes. At least URF_BEHIND bytes of the file lie
 * behind each section, so that a reader may load a few bytes at once.
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
enum { URF_VERSION = 2, URF_BEHIND = 64, URF_LEB_MAX = 5 };

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
	URF_HAS_COLD = 16,      /* the cold sections were not left out */
};

/* Sections: urf_head.sections[] is indexed by these; names are in brackets. */
enum urf_section_kind {
	/* what a look-up by address asks for, the first asked first */
	URF_TOPS,   /* [.urf.tops]      le32: starts, as rvas, to find a block by; see below */
	URF_BLOCKS, /* [.urf.blocks]    struct urf_block, by start; the last one is empty */
	URF_OPS,    /* [.urf.ops]       struct urf_op: what bytes of segments mean */
	URF_INDEX,  /* [.urf.index]     packed: where each function begins, and an end */
	URF_SEGMENTS,    /* [.urf.segments]  bytes: coded segments, by block */
	URF_FUNCTIONS,   /* [.urf.functions] bytes: functions, their lines and call sites */
	URF_FILES,       /* [.urf.files]     packed table: directory, name; row 0 is "none" */
	URF_TEXT_INDEX,  /* [.urf.text.index] le32: offset in .urf.texts of every 16th text */
	URF_PHRASES,     /* [.urf.phrases]   le32: offset in .urf.phrase.text, and an end */
	URF_PHRASE_TEXT, /* [.urf.phrase.text] bytes of the phrases, one behind the other */
	URF_TEXTS,   /* [.urf.texts]     bytes: all names and paths, sorted; number 0 is "" */
	URF_SYMBOLS, /* [.urf.symbols]   struct urf_symbols: every 16th ELF symbol, by start */
	URF_SYMBOL_DATA, /* [.urf.symbol.data] bytes: the groups */
	URF_LOADS,       /* [.urf.loads]     struct urf_load: the source's PT_LOAD segments */
	URF_UNITS, /* [.urf.units]     packed table: name, directory, producer, language, DWARF
	              version; row 0 is "none" */
	URF_UNIT_STARTS, /* [.urf.unit.starts] packed table, by rva: where the code of a unit
	                    begins, and the unit */
	/* what each step of a walk over a stack asks for */
	URF_PAGES,     /* [.urf.pages]  le32: first unwind row of each 4 KiB page, and an end */
	URF_ROWS,      /* [.urf.rows]   struct urf_row: unwind rows, by page and pc */
	URF_STEPS,     /* [.urf.steps]  struct urf_step; index 0 is "no row here" */
	URF_FAR_STEPS, /* [.urf.far] struct urf_far: numbers of steps too big for a row, by row
	                */
	/* what it asks for now and then: whole rules, and registers that calls keep */
	URF_RULES,      /* [.urf.rules]  struct urf_rule */
	URF_SAVED,      /* [.urf.saved]  struct urf_saved: registers of rules and of sets */
	URF_EXPRS,      /* [.urf.exprs]  DWARF expressions: uleb128 length, bytes */
	URF_SETS,       /* [.urf.sets]   le32: first in .urf.saved of each set, and an end */
	URF_KEPT_INDEX, /* [.urf.kept.index] le32: offset in .urf.kept of each 16 KiB page, and
	                   an end */
	URF_KEPT,       /* [.urf.kept]   bytes: which set holds where */
	/* cold: what is asked for now and then; an urf may be without it */
	URF_MARKS,     /* [.urf.marks]  struct urf_marks: groups of rows of line tables */
	URF_MARK_DATA, /* [.urf.mark.data] bytes: the rows */
	URF_CALLS, /* [.urf.calls]  struct urf_calls: discriminators of inlined calls, by start
	            */
	URF_CALL_DATA, /* [.urf.call.data] bytes: the discriminators */
	/* a second pool of texts, of the same coding, and of files: what the hot part has not
	 */
	URF_MORE_INDEX,       /* [.urf.more.index]       as .urf.text.index */
	URF_MORE_PHRASES,     /* [.urf.more.phrases]     as .urf.phrases */
	URF_MORE_PHRASE_TEXT, /* [.urf.more.phrase.text] as .urf.phrase.text */
	URF_MORE_TEXTS,       /* [.urf.more.texts]       as .urf.texts */
	URF_MORE_FILES,       /* [.urf.more.files]       as .urf.files */
	URF_TYPE_INDEX,   /* [.urf.type.index]  le32: offset in .urf.types of every 4th one */
	URF_TYPES,        /* [.urf.types]       bytes: types and namespaces */
	URF_DETAIL_INDEX, /* [.urf.detail.index] le32: offset in .urf.details of every 16th one
	                   */
	URF_DETAIL_PAIRS, /* [.urf.detail.pairs] packed table: names and types of variables */
	URF_DETAILS, /* [.urf.details]     bytes: what else is known of functions, by number */
	URF_BODIES,  /* [.urf.bodies]      struct urf_body: groups of bodies, by start */
	URF_BODY_DATA,      /* [.urf.body.data]   bytes: where variables are */
	URF_LOCATION_INDEX, /* [.urf.location.index] le32: number of expressions; offset in
	                       .urf.locations of every 16th one */
	URF_LOCATIONS,      /* [.urf.locations]   bytes: the different expressions */
	URF_MODELS,         /* [.urf.models]      how often what occurs in coded sections */
	URF_VARIABLE_INDEX, /* [.urf.variable.index] le32: offset in .urf.variables of every
	                       16th one */
	URF_VARIABLES, /* [.urf.variables]   bytes: variables and constants outside functions */
	URF_NAME_INDEX,  /* [.urf.name.index]  le32: offset in .urf.names of each bucket */
	URF_NAMES,       /* [.urf.names]       bytes: what is called something, by hash */
	URF_PLACE_INDEX, /* [.urf.place.index] le32: offset in .urf.places, by file, by function
	                  */
	URF_PLACES, /* [.urf.places]      bytes: functions of each file, blocks of each function
	             */
	URF_MACROS, /* [.urf.macros]      macros: their number, an index, and they */
	URF_N_SECTIONS,
	URF_COLD = URF_MARKS,
};

struct urf_section {
	le64 off;  /* in the file */
	le64 size; /* bytes */
};
static_assert(sizeof(struct urf_section) == 16, "on disk");

/* Tables whose columns are arrays of bits: see "A packed table" below. */
enum urf_packed_table {
	URF_PACKED_INDEX,
	URF_PACKED_FILES,
	URF_PACKED_UNITS,
	URF_PACKED_UNIT_STARTS,
	URF_PACKED_MORE_FILES,
	URF_N_PACKED,
	URF_COLUMNS_MAX = 5,
};
struct urf_packed {
	le32 n;                         /* rows */
	uint8_t width[URF_COLUMNS_MAX]; /* bits of each column */
	uint8_t zero[3];
};
static_assert(sizeof(struct urf_packed) == 12, "on disk");

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
	uint8_t zero[3];
	le32 n_functions, n_texts, n_symbols; /* number 0 of the first two included */
	/* of the cold part: texts behind the hot ones; number 0 of types included */
	le32 n_more_texts, n_types, n_variables;
	struct urf_packed packed[URF_N_PACKED];
	uint8_t content[16]; /* XXH3-128, canonical, of the file with these 16 bytes zero */
	uint8_t layout[8];   /* fingerprint of this header's structs: URF_LAYOUT */
	struct urf_section sections[URF_N_SECTIONS];
};
static_assert(sizeof(struct urf_head) == 216 + 16 * URF_N_SECTIONS, "on disk");

/* Changes whenever what is below does: first bytes "v2", then a count of changes. */
#define URF_LAYOUT "v2.00013"

/*
 * Segments. A segment is the longest run of addresses with one inline chain, file, line and
 * column. Its state is a stack: at the bottom the function that the code belongs to (the root),
 * above it a call site for each function inlined there. A call site is a number in the table of
 * sites of the function it lies in, which also says what is called; so the stack says all
 * functions. Where the innermost one is at is a number in that function's table of lines.
 *
 * A stack entry is { site, line, next }: the call site it stands for (of the root: none), the
 * line it was at last, and the site to expect next. An entry begins with line 0 and next 0;
 * whenever one is pushed, by an op or at a block's start, the one below gets next = site + 1.
 * In a function without lines the line's number is 0.
 *
 * A block holds at most URF_BLOCK_MAX segments. It begins with a byte, the number of its
 * points, and these, by start. Then its first segment: uleb root function * 2, + 1 where
 * something is inlined; 0: the segment is nobody's, and nothing but ops follows; else the
 * range: uleb bytes from its start to the segment's * 2,
 *     + 1 where sleb its start minus the function's entry follows (else that is 0); uleb bytes
 *     from the segment's start to the range's end; then
 *     where something is inlined uleb entries above the root, and the uleb site of each,
 *     outermost first; uleb line.
 * Ops follow, up to the next block's offset.
 *
 * .urf.tops has levels: the starts of every URF_TOP-th block, then of every URF_TOP-th of
 * these, and so on up to a level of at most URF_TOP; none where there are no more blocks than
 * that.
 *
 * A point is a segment, coded by URF_CONTROL_POINT, whose state does not build on the segments
 * before it: a reader may begin there. All of its entries are pushed as at the block's start,
 * with lines 0.
 *
 * A byte below URF_OP_FAR is an op's number; one below URF_OP_CONTROL begins a two-byte op:
 * number URF_OP_FAR + (byte - URF_OP_FAR) * 256 + next byte. An op pops entries; pushes
 * entries, the first with site = next + its difference, the others with site = next of the
 * entry just pushed (thus 0); then emits a segment: the start advances, the top entry's line
 * changes by a difference. Control bytes are what follows; edits take effect at the start of
 * the segment emitted next. The root is never popped. Sites and lines are counted modulo 2^32.
 */
enum {
	URF_BLOCK_MAX = 64,
	URF_TOP = 16,
	URF_TOP_LEVELS = 7,   /* at most: of 2^32 blocks */
	URF_DEPTH_MAX = 128,  /* entries of a stack, the root included */
	URF_OP_FAR = 232,     /* ops below: one byte */
	URF_OP_CONTROL = 248, /* controls from here on */
	URF_OPS_MAX = URF_OP_FAR + (URF_OP_CONTROL - URF_OP_FAR) * 256,
	URF_SITE_FAR = -128,     /* the difference is an sleb behind the op */
	URF_CONTROL_EMIT = 248,  /* uleb bytes advanced, sleb line's difference */
	URF_CONTROL_GAP = 249,   /* uleb bytes advanced: a segment that is nobody's; no root */
	URF_CONTROL_POINT = 250, /* uleb bytes advanced, then one uleb. Bit 0 set: the rest is
	                            the number of entries above the root, which is that of the
	                            block's first segment; else: bit 1 set where something is
	                            inlined, the rest the folded difference of the root
	                            function from that segment's (or 0), then the range as
	                            there, where inlined uleb entries. Sites, line as there. */
	URF_CONTROL_ROOT = 251,  /* sleb function's difference from the last root's in the
	                            block, at first 0: a range begins, at the function's entry */
	URF_CONTROL_PART = 252,  /* the same, sleb start minus entry: a further range begins */
	URF_CONTROL_POP = 253,   /* uleb entries */
	URF_CONTROL_PUSH = 254,  /* sleb site's difference */
	URF_POINT_NONE = 0xffff, /* start of a point that no reader may take */
};
struct urf_point {
	le16 start;  /* bytes behind the block's */
	uint8_t off; /* of the control, in bytes behind the points */
};
static_assert(sizeof(struct urf_point) == 3, "on disk");

struct urf_block {
	le32 start; /* rva */
	le32 off;   /* in .urf.segments */
};
static_assert(sizeof(struct urf_block) == 8, "on disk");

struct urf_op {
	uint8_t pop_push; /* low 4 bits: entries popped; high 4 bits: entries pushed */
	int8_t site;      /* difference, of the first one pushed; URF_SITE_FAR */
	uint8_t advance;  /* bytes */
	int8_t line;      /* difference */
};
static_assert(sizeof(struct urf_op) == 4, "on disk");

/*
 * A function, each once however often it is inlined; number 0 is "none" and has no bytes. The
 * fields:
 *
 *  - uleb text: linkage name, else name; 0: nameless (code that has lines but no function)
 *  - uleb how. 0: the text is its name, and it has no linkage name. 1: the text is its linkage
 *    name, and no other name is known. 2: the text is its linkage name, and its name is the
 * uleb text that follows. n: the text is its linkage name, and its name are the uleb bytes at n
 * - 3 of it.
 *  - uleb file, uleb line of its declaration
 *  - uleb number of lines * 2, + 1 where a line or site has line 0; uleb number of sites. With
 *    neither the record ends here.
 *  - sleb lowest line (other than 0) minus the declaration's, uleb highest minus lowest
 *  - uleb number of files, then the uleb of each; 0: one, that of the declaration
 *  - where there are lines: a byte, the width of columns; the lines' keys; the columns
 *  - where there are sites: a byte, the width of columns; a byte, the width of functions; the
 *    sites' keys; the columns; the functions called
 *
 * Each array of bits begins at a byte; the lowest bit of a byte comes first. A key is file *
 * span + line - lowest, file being a number in the record's list; where line 0 occurs it is
 * file * span + (line 0: 0, else line - lowest + 1). Span is the number of different values of
 * the second part. Keys ascend, in Elias-Fano coding: n keys below u = files * span, and l =
 * floor(log2(u / n)), 0 where u < n. First the low l bits of each; then, from the next byte on,
 * n + (u >> l) + 1 bits, of which the i-th that is 1 stands at i + (key >> l).
 */

/*
 * A packed table: rows, all columns of one behind the other, the lowest bit of a byte first,
 * padded to a byte at the end. How many rows and how wide the columns are says urf_head.packed;
 * of .urf.detail.pairs the section itself, first: uleb number of rows; for each column a byte,
 * its width in bits.
 */
enum { URF_FILE_COLUMNS = 2, URF_UNIT_COLUMNS = 5, URF_UNIT_START_COLUMNS = 2 };

/*
 * Texts, sorted by their bytes, each once, in groups of URF_TEXT_STEP. A text is the uleb
 * number of bytes that it has in common with the text before (of a group's first: 0), then
 * codes of the rest, then a zero byte:
 *
 *  - 0x01..0x7f: itself
 *  - 0x80..0xdf: phrase 0..95
 *  - 0xe0..0xfe: with the next byte, phrase 96 + (byte - 0xe0) * 256 + next byte
 *  - 0xff: the next byte, itself
 */
enum {
	URF_TEXT_STEP = 16,
	URF_PHRASE_NEAR = 0x80,
	URF_PHRASE_FAR = 0xe0,
	URF_PHRASE_BYTE = 0xff,
	URF_PHRASES_NEAR = URF_PHRASE_FAR - URF_PHRASE_NEAR,
	URF_PHRASES_MAX = URF_PHRASES_NEAR + (URF_PHRASE_BYTE - URF_PHRASE_FAR) * 256,
	URF_PHRASE_MAX = 255,   /* bytes of a phrase */
	URF_TEXT_MAX = 1 << 24, /* bytes of a text */
};

/*
 * Symbols by start, of one start the best first, in groups of URF_SYMBOL_STEP. A group: for
 * each column a byte, the bits it has in a row; a byte, what URF_SYMBOL_KIND is the difference
 * (xor) to; then the rows, one behind the other, bit 0 of the first byte first.
 */
enum { URF_SYMBOL_STEP = 16 };
enum urf_symbol_column {
	URF_SYMBOL_START, /* bytes behind the group's first */
	URF_SYMBOL_SIZE,
	URF_SYMBOL_TEXT,
	URF_SYMBOL_BACK, /* entries to the last symbol that ends behind this one; 0: none */
	URF_SYMBOL_KIND, /* STB_* + STT_* * 16 */
	URF_SYMBOL_COLUMNS,
};
struct urf_symbols {
	le32 start; /* rva of the group's first */
	le32 off;   /* in .urf.symbol.data */
};
static_assert(sizeof(struct urf_symbols) == 8, "on disk");

struct urf_load {
	le64 off, addr, file_size, mem_size;
	le32 flags; /* PF_* */
	le32 zero;
};
static_assert(sizeof(struct urf_load) == 40, "on disk");

/*
 * Unwind rows: a row holds from its pc to the next row's, in whichever page that is. Page p
 * spans rvas [p << 12, (p+1) << 12).
 */
enum { URF_PAGE_SHIFT = 12, URF_STEP_FAR = 0xfff };
struct urf_row {
	le16 pc_step; /* low 12 bits: pc within its page; high 4 bits: bits 8..11 of the step */
	uint8_t step; /* bits 0..7; URF_STEP_FAR: look into .urf.far */
};
static_assert(sizeof(struct urf_row) == 3, "on disk");

struct urf_far {
	le32 row;
	le32 step;
};
static_assert(sizeof(struct urf_far) == 8, "on disk");

/*
 * What a walk needs of a row: the CFA, the caller's frame pointer, the return address. The
 * frame pointer and the return address register are the machine's: 6 and 16 on x86-64, 29 and
 * 30 on aarch64. Rules that do not fit, and all of other machines, are whole ones.
 */
enum urf_step_how {
	/* the return address: */
	URF_RETURN_KEPT = 0,  /* in its register */
	URF_RETURN_TOP = 1,   /* at CFA - 8 */
	URF_RETURN_SLOT = 2,  /* at slot; never together with URF_STEP_SAVED */
	URF_RETURN_ABOVE = 3, /* at slot + 8 */
	URF_STEP_RETURN = 3,  /* mask of these */
	URF_STEP_SAVED = 4,   /* the frame pointer is at slot; else it has its value */
	URF_STEP_GUESS = 8,   /* of the first instructions; no unwind table says so */
	URF_STEP_WHOLE = 16,  /* alone: value is a number in .urf.rules */
};
struct urf_step {
	uint8_t cfa_reg;
	uint8_t how; /* enum urf_step_how */
	le16 slot;   /* signed: CFA + 8 * slot */
	le32 value;  /* signed: CFA is cfa_reg + value */
};
static_assert(sizeof(struct urf_step) == 8, "on disk");

/*
 * Registers beside those, where steps are not whole: sets of rules. .urf.kept has, for each 16
 * KiB page of rvas: the number of the set in force where it begins; then, each time another
 * one begins to hold: by how many bytes behind the place before (first: behind the page's
 * start), and its number; all uleb128. What a set holds for where no row is means nothing.
 */
enum { URF_KEPT_SHIFT = 14 };

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

/*
 * Marks: what line tables say of rows besides file, line and column, as bits beside the
 * segments: nearly every row begins where one of these does. A group is URF_MARK_BLOCKS blocks;
 * it begins where its first block does, the first one at rva 0. One more group, without a
 * segment, begins where the last block ends. Marks are rows and the ends of tables, one an
 * address. Bits are taken from the lowest of a byte on; a group begins at a byte.
 *
 * A number: a bit 0 and 3 bits, which are it; or a bit 1 and 6 bits, to which URF_MARK_NEAR is
 * added; where these are URF_MARK_FAR, 5 bits, how many bits less 1, and the bits of it.
 *
 * A group is a bit 0; or, where its start lies in a row but no mark is there, a bit 1, the
 * number of bytes from that row's start to the group's, less 1, and the row as if it began
 * where a segment does. Then tokens:
 *
 *  - 0, a bit: a mark where the next segment begins; the bit: a statement begins
 *  - 10, a number, a bit: the same, that many bytes behind the first address of the group that
 *    no token has reached
 *  - 110, then 0: the discriminator from here on is 0 if it was not, else the last one that was
 *    not; or 1 and the number of it, less 1. 0 at first.
 *  - 1110: where the next segment begins is no mark
 *  - 1111, 3 bits: URF_MARK_PROLOGUE_END ... of the next mark; with URF_MARK_NONE it is a
 *    table's end and nothing else
 *
 * Where no segment is left in the group, 0 alone: the next mark is at the start of the next
 * group; 1110 and a number: 0: there is no further mark; else it is that many bytes behind it.
 * The group ends there.
 */
enum {
	URF_MARK_BLOCKS = 4,
	URF_MARK_NEAR = 8,
	URF_MARK_FAR = 63,
	URF_MARK_PROLOGUE_END = 1,
	URF_MARK_EPILOGUE_BEGIN = 2,
	URF_MARK_NONE = 4, /* no row: the table ends here */
};
struct urf_marks {
	le32 off; /* of a group, in .urf.mark.data */
};
static_assert(sizeof(struct urf_marks) == 4, "on disk");

/*
 * Discriminators of the calls that are inlined at an address. Each entry holds up to the start
 * of the next one. What it names is a list: uleb how many; the uleb of each, that of the
 * outermost call first; those of the innermost calls are left out where they are 0. An empty
 * list comes first. No list is there twice.
 */
struct urf_calls {
	le32 start; /* rva */
	le32 off;   /* in .urf.call.data; other than the one before */
};
static_assert(sizeof(struct urf_calls) == 8, "on disk");

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

#include "urf/cold.h"

#endif
