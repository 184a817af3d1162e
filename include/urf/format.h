/* SPDX-License-Identifier: MIT */
/*
 * The urf on disk, format version 2. Nothing but the layout: other people's readers need only
 * this header and docs/format.md, which describes it; the two change together.
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
	URF_TOPS,       /* [.urf.tops]      le32: start of every URF_TOP-th block, as an rva */
	URF_BLOCKS,     /* [.urf.blocks]    struct urf_block, by start; the last one is empty */
	URF_OPS,        /* [.urf.ops]       struct urf_op: what bytes of segments mean */
	URF_INDEX,      /* [.urf.index]     le32: offset in .urf.functions of every 2nd one */
	URF_SEGMENTS,   /* [.urf.segments]  bytes: coded segments, by block */
	URF_FUNCTIONS,  /* [.urf.functions] bytes: functions, their lines and call sites */
	URF_FILES,      /* [.urf.files]     packed table: directory, name; row 0 is "none" */
	URF_TEXT_INDEX, /* [.urf.text.index] le32: offset in .urf.texts of every 16th text */
	URF_PHRASES,    /* [.urf.phrases]   le32: offset in .urf.phrase.text, and an end */
	URF_PHRASE_TEXT, /* [.urf.phrase.text] bytes of the phrases, one behind the other */
	URF_TEXTS,   /* [.urf.texts]     bytes: all names and paths, sorted; number 0 is "" */
	URF_SYMBOLS, /* [.urf.symbols]   struct urf_symbols: every 16th ELF symbol, by start */
	URF_SYMBOL_DATA, /* [.urf.symbol.data] bytes: the symbols */
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
static_assert(sizeof(struct urf_head) == 204 + 16 * URF_N_SECTIONS, "on disk");

/* Changes whenever what is below does: first bytes "v2", then a count of changes. */
#define URF_LAYOUT "v2.00009"

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
	URF_TOP = 512,
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
 * A function, each once however often it is inlined; number 0 is "none", of size 0. The fields:
 *
 *  - uleb size of what follows, in bytes
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
enum { URF_INDEX_STEP = 2 };

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
 * Symbols by start, of one start the best first, in groups of URF_SYMBOL_STEP. The fields:
 *
 *  - a byte: URF_SYMBOL_* bits, the low ones STT_*
 *  - unless URF_SYMBOL_ALIAS: uleb start, in bytes behind the symbol before (of a group's
 * first: 0), uleb size. An alias has start and size of the symbol before; a group's first is
 * none.
 *  - where both bits of URF_SYMBOL_BIND are set: a byte, STB_*; else these bits are it
 *  - where URF_SYMBOL_BACK: uleb entries back to the last symbol that ends behind this one
 *  - uleb text
 */
enum {
	URF_SYMBOL_STEP = 16,
	URF_SYMBOL_TYPE = 0x0f,
	URF_SYMBOL_BIND_SHIFT = 4,
	URF_SYMBOL_BIND = 0x30, /* both bits: a byte follows */
	URF_SYMBOL_ALIAS = 0x40,
	URF_SYMBOL_BACK = 0x80,
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

/*
 * Names: the bucket of a name is hash * buckets >> 32, hash being the low 32 bits of XXH3-64 of
 * its bytes. .urf.name.index holds the offset of each bucket, and an end. An entry: a byte, the
 * low 8 bits of the hash; uleb number << URF_NAME_KIND_BITS | kind; of an enumerator the uleb
 * index of the type's item. A bucket's entries are in order of kind, number and index.
 */
enum { URF_NAME_KIND_BITS = 3, URF_NAME_BUCKET = 4 };
enum urf_name_kind {
	URF_NAME_FUNCTION,   /* by its name and by its linkage name */
	URF_NAME_SYMBOL,     /* without its version; not where a function so called begins */
	URF_NAME_TYPE,       /* types and namespaces */
	URF_NAME_VARIABLE,   /* by its name and by its linkage name */
	URF_NAME_ENUMERATOR, /* number of the enumeration's type */
	URF_NAME_FILE,       /* by what follows the last slash of its name */
	URF_N_NAME_KINDS,
};

/*
 * Places. .urf.place.index holds the offset in .urf.places of each row of .urf.files, and then
 * of every URF_PLACE_STEP-th function. A file: uleb number of functions that have lines in it;
 * these by their lowest line there, then by number. Of each: uleb lowest line minus that of the
 * one before (of the first: minus 0) * 2, + 1 where its highest line is not below the lowest of
 * the next one; the sleb of its number minus that of the one before, of the first minus 0;
 * where that bit is set uleb highest line minus lowest.
 *
 * A function: runs of the blocks that have code of it; uleb 0: none. Of each run a uleb: bit 0:
 * it has several blocks, bit 1: another run follows; the rest, of the first run, whose uleb is
 * one more: its first block minus that of the last function before that has some, folded (0,
 * -1, 1, -2 ... are 0, 1, 2, 3 ...), where one of URF_PLACE_STEP functions is the first one
 * minus 0; of each further one: blocks between them, minus 1. Then, of several blocks, uleb
 * their number minus 2.
 */
enum { URF_PLACE_STEP = 8 };

/*
 * Types and namespaces, each once; number 0 is void, of one zero byte. They are in order of
 * number, the offset of every URF_TYPE_STEP-th in .urf.type.index. A record begins with a byte:
 * its kind and URF_TYPE_* bits. Of the kinds below URF_TYPE_PLAIN follows the uleb number of
 * the type that it is made of, and nothing else; a pointer or reference has 8 bytes, with
 * URF_TYPE_SHORT 4. Of all others:
 *
 *  - uleb size of what follows, in bytes
 *  - where URF_TYPE_FLAGGED: a byte of URF_FLAG_*
 *  - uleb text: its name, 0: none
 *  - where URF_TYPE_SCOPED: uleb number of the namespace, class or function it stands in
 *  - where URF_TYPE_DECLARED: uleb file, uleb line
 *  - where URF_FLAG_SIZED: uleb size in bytes
 *  - base: a byte, DW_ATE_*; uleb bits, 0: all that it has
 *  - enumeration: uleb type it is kept in; enumerators to the end: uleb text, sleb value minus
 *    that of the one before, minus 1 (of the first: the value)
 *  - array: uleb type of elements; for each dimension uleb number of elements + 1 (0: not
 *    known), and where URF_FLAG_LOWER sleb lower bound
 *  - function: uleb type returned; the uleb types of its parameters to the end
 *  - pointer to member: uleb type, uleb class
 *  - sub-range: uleb type; uleb number of values + 1 (0: not known), sleb lowest
 *  - typedef, set, named pointer, other: uleb type
 *  - structure, class, union, interface: uleb alignment, 0: not told; items to the end
 *
 * Sizes, values, numbers of elements and bounds have up to URF_LONG_LEB_MAX bytes.
 *
 * An item begins with a byte, whose bits 6 and 7 are its kind:
 *
 *  - member, base class: bits 0 to 3: its offset minus that of the item before (of the first:
 * 0) is this one of urf_item_deltas, in bytes rounded down; URF_ITEM_FAR: an sleb at the end;
 *    bit 4: a byte of URF_EXTRA_* follows; bit 5: a bit field, its offset minus that of the
 * item before is an sleb at the end, in bits, followed by the uleb number of its bits. Of a
 * member uleb text; uleb type; those at the end.
 *  - template argument: bits 0 and 1: URF_ARGUMENT_*; bit 4: with a value. Uleb text; but of
 *    packs and templates uleb type; where bit 4 sleb value. A pack ends with URF_OTHER_END.
 *  - others: bits 0 to 3: URF_OTHER_*. A static member: bit 4: with a value; bit 5: a byte of
 *    URF_EXTRA_*; uleb text; uleb type; where bit 4 sleb value. Parts that vary and variants in
 *    them hold the items up to URF_OTHER_END; of a variant bit 4: with the sleb value that the
 *    discriminant, the first member of the part, then has.
 */
enum urf_type_kind {
	URF_TYPE_VOID,
	URF_TYPE_POINTER,
	URF_TYPE_REFERENCE,
	URF_TYPE_RVALUE_REFERENCE,
	URF_TYPE_CONST,
	URF_TYPE_VOLATILE,
	URF_TYPE_RESTRICT,
	URF_TYPE_ATOMIC,
	URF_TYPE_PLAIN, /* kinds from here on have more to say */
	URF_TYPE_NAMED_POINTER =
		URF_TYPE_PLAIN, /* or one of another size than addresses have */
	URF_TYPE_BASE,
	URF_TYPE_UNSPECIFIED,
	URF_TYPE_TYPEDEF,
	URF_TYPE_STRUCT,
	URF_TYPE_CLASS,
	URF_TYPE_UNION,
	URF_TYPE_INTERFACE,
	URF_TYPE_ENUM,
	URF_TYPE_ARRAY,
	URF_TYPE_FUNCTION,
	URF_TYPE_MEMBER_POINTER,
	URF_TYPE_SUBRANGE,
	URF_TYPE_STRING,
	URF_TYPE_SET,
	URF_TYPE_NAMESPACE,
	URF_TYPE_SCOPE, /* a function, for what stands in it */
	URF_TYPE_OTHER,
	URF_N_TYPE_KINDS,
};
enum {
	URF_TYPE_STEP = 4,
	URF_TYPE_KIND = 0x1f,
	URF_TYPE_SCOPED = 0x20,
	URF_TYPE_DECLARED = 0x40,
	URF_TYPE_FLAGGED = 0x80,
	URF_TYPE_SHORT = 0x80, /* below URF_TYPE_PLAIN: a pointer or reference of 4 bytes */
	URF_POINTER_SHORT = 4,
	URF_POINTER_LONG = 8,
	URF_FLAG_DECLARATION = 1,   /* what is in it is not known */
	URF_FLAG_CLASS = 2,         /* enum class; of a namespace: inline */
	URF_FLAG_VECTOR = 4,        /* an array that is a machine's vector */
	URF_FLAG_LOWER = 8,         /* lower bounds are told */
	URF_FLAG_VARIADIC = 16,     /* a function takes more */
	URF_FLAG_UNPROTOTYPED = 32, /* its parameters are not known */
	URF_FLAG_SIZED = 64,
	URF_LONG_LEB_MAX = 10,

	URF_ITEM_SHIFT = 6,
	URF_ITEM_MEMBER = 0,
	URF_ITEM_BASE = 1,
	URF_ITEM_ARGUMENT = 2,
	URF_ITEM_OTHER = 3,
	URF_ITEM_FAR = 15,
	URF_ITEM_EXTRA = 16,  /* bit 4 of members */
	URF_ITEM_BITS = 32,   /* bit 5 of members */
	URF_ITEM_VALUE = 16,  /* bit 4 of the others */
	URF_ITEM_ACCESS = 32, /* bit 5 of static members */
	URF_EXTRA_ACCESS = 3, /* bits 0 and 1: DW_ACCESS_*, 0: not told */
	URF_EXTRA_VIRTUAL = 4,
	URF_EXTRA_ARTIFICIAL = 8,
	URF_EXTRA_MUTABLE = 16,
	URF_EXTRA_MOVES = 32, /* its offset is not constant */
	URF_ARGUMENT_TYPE = 0,
	URF_ARGUMENT_VALUE = 1,
	URF_ARGUMENT_TEMPLATE = 2,
	URF_ARGUMENT_PACK = 3,
	URF_OTHER_END = 0,
	URF_OTHER_STATIC = 1,
	URF_OTHER_PART = 2,
	URF_OTHER_VARIANT = 3,
};
static const uint8_t urf_item_deltas[URF_ITEM_FAR] = { 0,  1,  2,  3,  4,  5,  6, 8,
	                                               12, 16, 20, 24, 32, 40, 64 };

/*
 * Coded sections (.urf.details, .urf.body.data, .urf.locations) are groups of bytes in a range
 * coding, whose symbols have the shares of 2^URF_CODE_BITS that .urf.models says. Symbols
 * belong to fields, and stand in contexts; docs/format.md, "Coded sections", says how they are
 * read, and what the contexts are.
 *
 * .urf.models: le16 number of each field's first model, and one behind the last field's; le16
 * number of each model's first entry, and one behind the last model's; struct urf_model. A
 * field's first model is that of the field, the one for context c comes 1 + c behind it.
 *
 * A number is a symbol: below URF_CODE_NEAR itself; from there on up to URF_CODE_MORE the
 * highest bit of the number and the two bits behind it, ((highest - URF_CODE_NEAR_BITS) * 4 +
 * bits) + URF_CODE_NEAR; the bits left follow as such, high ones first: those above the 16th,
 * then the rest. Folded numbers: 0, -1, 1, -2 ... are 0, 1, 2, 3 ...
 */
enum {
	URF_CODE_BITS = 14,
	URF_CODE_NEAR = 64,
	URF_CODE_NEAR_BITS = 6,
	URF_CODE_MORE = URF_CODE_NEAR + (32 - URF_CODE_NEAR_BITS) * 4, /* what the field says */
	URF_CODE_ESCAPE = 255, /* the next model says it, the last one in eight bits */
};
enum urf_field { /* +: a number, +-: folded */
	         /* .urf.body.data; by kind of token and number */
	         URF_FIELD_BODY_EXPR, /* + of a group: the next expression that is used but once
	                               */
	         URF_FIELD_BODY_START,    /* + */
	         URF_FIELD_BODY_FUNCTION, /* +- */
	         URF_FIELD_BODY_VARIANT,  /* + */
	         URF_FIELD_KIND,
	         URF_FIELD_FIRST_A,      /* +- */
	         URF_FIELD_FIRST_GAP,    /* an address */
	         URF_FIELD_FIRST_LENGTH, /* an address */
	         URF_FIELD_FIRST_EXPR,   /* an expression */
	         URF_FIELD_NEXT_GAP,
	         URF_FIELD_NEXT_LENGTH,
	         URF_FIELD_NEXT_EXPR,
	         URF_FIELD_SINGLE_A,
	         URF_FIELD_SINGLE_EXPR,
	         URF_FIELD_BLOCK_A,
	         URF_FIELD_BLOCK_GAP,
	         URF_FIELD_BLOCK_LENGTH,
	         URF_FIELD_RANGE_GAP,
	         URF_FIELD_RANGE_LENGTH,
	         URF_FIELD_ENTER_A,
	         URF_FIELD_ENTER_LENGTH,  /* + */
	         URF_FIELD_ENTER_VARIANT, /* + */
	         URF_FIELD_LEAVE_LENGTH,  /* + */
	         URF_FIELD_CALL_GAP,
	         URF_FIELD_PARAMETER_A, /* + */
	         URF_FIELD_PARAMETER_EXPR,
	         URF_FIELD_FRAME_EXPR, /* + */
	         /* .urf.details */
	         URF_FIELD_FLAGS,      /* the low six bits */
	         URF_FIELD_FLAGS_HIGH, /* + the others */
	         URF_FIELD_SAME,       /* + */
	         URF_FIELD_TYPE,       /* + */
	         URF_FIELD_VARIANTS,   /* + */
	         URF_FIELD_SCOPE,      /* + */
	         URF_FIELD_BLOCKS,     /* + */
	         URF_FIELD_BLOCK,      /* + */
	         URF_FIELD_VARIABLE,
	         URF_FIELD_VARIABLE_LINE,  /* +- */
	         URF_FIELD_VARIABLE_PAIR,  /* + */
	         URF_FIELD_VARIABLE_NAME,  /* + */
	         URF_FIELD_VARIABLE_TYPE,  /* + */
	         URF_FIELD_VARIABLE_KIND,  /* + */
	         URF_FIELD_VARIABLE_BLOCK, /* +- */
	         URF_FIELD_VARIABLE_VALUE, /* +- */
	         /* .urf.locations */
	         URF_FIELD_SIZE, /* + */
	         URF_FIELD_LONG, /* + */
	         URF_FIELD_BYTE, /* ^ 1, so that 0xff is no escape */
	         URF_FIELDS,
};
struct urf_model {
	uint8_t symbol;
	le16 start; /* of its share, which ends where the next one's starts */
};
static_assert(sizeof(struct urf_model) == 3, "on disk");

/*
 * Details: what is known of functions besides names and lines, by number, in groups of
 * URF_DETAIL_STEP whose offsets stand in .urf.detail.index. The fields:
 *
 *  - FLAGS: the low six of URF_DETAIL_* bits; URF_CODE_MORE: nothing is known, and that is all
 *  - FLAGS_HIGH: the others
 *  - where URF_DETAIL_SAME: SAME: function, whose details these are (and are not
 *    URF_DETAIL_SAME), and that is all
 *  - TYPE returned
 *  - where URF_DETAIL_VARIANTS: VARIANTS, minus that of the group's last record that has it, of
 *    the first 0: the function has variants, numbered from 1 on, whose records are those from
 *    there on, counted from behind the last function's. A variant's record is as a function's,
 *    but neither URF_DETAIL_SAME nor URF_DETAIL_VARIANTS; the fields count as in its
 * function's. Behind the last variant are records of which nothing is known, up to the end of a
 * group
 *  - where URF_DETAIL_SCOPED: SCOPE: type or namespace that it stands in
 *  - where URF_DETAIL_BLOCKS: BLOCKS, their number; of each: BLOCK: how many blocks before it
 *    the one around it comes, 0: the function itself
 *  - variables; of each:
 *      - VARIABLE: URF_VARIABLE_TURN, _VALUE, _BLOCK bits; or URF_VARIABLE_END: there are no
 *        more
 *      - VARIABLE_LINE: the difference to the variable before, of the first to the function's
 *        declaration
 *      - VARIABLE_PAIR: its name and type: a row of .urf.detail.pairs, counted from 1; 0:
 *        VARIABLE_NAME, a text, and VARIABLE_TYPE follow
 *      - URF_VARIABLE_TURN: VARIABLE_KIND (URF_VARIABLE_*). Without it the kind is that of the
 *        variable before, of the first an argument
 *      - URF_VARIABLE_BLOCK: VARIABLE_BLOCK, the block that it is in (0: the function, 1: the
 *        first block) minus that of the variable before, of the first 0
 *      - URF_VARIABLE_VALUE: VARIABLE_VALUE, the expression that says where it is, or what, in
 *        all code, minus the last one of the group
 *
 * .urf.detail.pairs is a packed table of texts and types.
 */
enum {
	URF_PAIR_COLUMNS = 2,
	URF_DETAIL_STEP = 16,
	URF_DETAIL_SAME = 0x1,
	URF_DETAIL_EXTERNAL = 0x2,
	URF_DETAIL_PROTOTYPED = 0x4,
	URF_DETAIL_INLINE = 0x8, /* declared so */
	URF_DETAIL_SCOPED = 0x10,
	URF_DETAIL_BLOCKS = 0x20,
	URF_DETAIL_VARIADIC = 0x40, /* takes further arguments */
	URF_DETAIL_NORETURN = 0x80,
	URF_DETAIL_ARTIFICIAL = 0x100,
	URF_DETAIL_EXPLICIT = 0x200,
	URF_DETAIL_DELETED = 0x400,
	URF_DETAIL_DEFAULTED = 0x800,
	URF_DETAIL_VIRTUAL = 0x1000,
	URF_DETAIL_VARIANTS = 0x2000,

	URF_DETAIL_LOW_BITS = 6,
	URF_DETAIL_LOW = (1 << URF_DETAIL_LOW_BITS) - 1,

	URF_VARIABLE_TURN = 1,
	URF_VARIABLE_BLOCK = 2,
	URF_VARIABLE_VALUE = 4,
	URF_VARIABLE_END = 8,
	URF_VARIABLE_ARGUMENT = 0, /* kinds */
	URF_VARIABLE_LOCAL = 1,
	URF_VARIABLE_STATIC = 2, /* it lives as long as the program, or the thread */
	URF_VARIABLE_CONSTANT = 3,
	URF_VARIABLE_KIND = 0x0f,
	URF_VARIABLE_ARTIFICIAL = 0x10, /* the compiler made it */
};

/*
 * Bodies: a body for each function that has code of its own, by the rva of its entry, in groups
 * of at most URF_BODY_STEP. A group begins with BODY_EXPR. Of each body: BODY_START, bytes
 * behind the entry before (of a group's first: 0); BODY_FUNCTION, minus that of the body before
 * (of a group's first: 0); BODY_VARIANT, 0: of the function's own details, else the variant's
 * number; tokens, the last of kind URF_TOKEN_END. Behind a group's last body
 * comes 0 once more instead of a start.
 *
 * Tokens say what is inlined and where variables are. A token is a kind and up to four numbers
 * in this order: a, gap, expr, length.
 *
 * The state: a stack of instances, at first the function itself; each has the site, the
 * variable and the block to expect next, at first 0, 0 and 1. `First` is where the last list
 * began, `end` where its last entry ended, `call` where the last call returned to; at first all
 * are the entry. Kinds:
 *
 *  - FIRST: a list of places begins, of variable next + a, which becomes the next one's
 *    predecessor; from first + gap on, length bytes, it is at expr
 *  - NEXT: the list goes on: from end + gap on, length bytes, it is at expr
 *  - SINGLE: variable next + a is at expr throughout
 *  - BLOCK: block next + a has addresses from first + gap on, length bytes; RANGE: and more,
 *    from end + gap on
 *  - ENTER: length instances are left, then one is entered: at site next + a of the one on
 *    top; ENTER_VARIANT follows, as BODY_VARIANT
 *  - LEAVE: length instances are left
 *  - CALL: a call returns to call + gap; PARAMETER: it passes in register a, or where a >=
 *    URF_TOKEN_PLACE at expression a - URF_TOKEN_PLACE, the value of expr
 *  - FRAME: the function's frame base is expr; without it, it is the CFA
 */
enum {
	URF_BODY_STEP = 16,
	URF_BODY_TOKENS = 512, /* a group has no further body where it has as many */
	URF_TOKEN_PLACE = 64,
	URF_EDGES = 64,                     /* addresses that are remembered */
	URF_EDGE_RANK = URF_CODE_MORE + 16, /* the symbol of an address remembered: rank 0 */
	URF_EDGE_LOW = -16,
	URF_EDGE_HIGH = 23,
	URF_RECENT = 16,                 /* expressions that are remembered */
	URF_EXPR_RECENT = URF_CODE_MORE, /* the symbol of the last one of these */
	URF_EXPR_NEW =
		URF_CODE_MORE + URF_RECENT, /* the group's next one that is used but once */
};
enum urf_token_kind {
	URF_TOKEN_FIRST,
	URF_TOKEN_NEXT,
	URF_TOKEN_SINGLE,
	URF_TOKEN_BLOCK,
	URF_TOKEN_RANGE,
	URF_TOKEN_ENTER,
	URF_TOKEN_LEAVE,
	URF_TOKEN_CALL,
	URF_TOKEN_PARAMETER,
	URF_TOKEN_FRAME,
	URF_TOKEN_KINDS,
	URF_TOKEN_END = 15,
};
struct urf_body {
	le32 start; /* rva of the group's first */
	le32 off;   /* in .urf.body.data */
};
static_assert(sizeof(struct urf_body) == 8, "on disk");

/*
 * Expressions, by number, in groups of URF_LOCATION_STEP; .urf.location.index begins with their
 * number, then comes each group's offset in .urf.locations. Number 0 is none and has no bytes.
 * Of each: SIZE; up to URF_LOCATION_SHORT BYTE for each byte; where it is longer LONG instead,
 * the offset of its bytes in .urf.locations.
 */
enum { URF_LOCATION_STEP = 16, URF_LOCATION_SHORT = 255 };

/*
 * Variables outside functions, and those in functions that live as long as the program or a
 * thread: by address, those that have none behind, in groups of URF_GLOBAL_STEP whose offsets
 * stand in .urf.variable.index. The fields:
 *
 *  - a byte: kind and URF_GLOBAL_* bits
 *  - where URF_GLOBAL_WIDE: le64 link-time address; else of URF_GLOBAL_ADDRESS: uleb bytes
 * behind the one before it; of URF_GLOBAL_THREAD: uleb offset in a thread's block; of
 *    URF_GLOBAL_EXPR: uleb expression: a value, or how to find the place
 *  - uleb text of the name, uleb type; where URF_GLOBAL_LINKAGE: uleb text of the linkage name
 *  - where URF_GLOBAL_INSIDE: uleb type or namespace * 2, or function * 2 + 1
 *  - where URF_GLOBAL_FILE: uleb file; without it that of the one before, of a group's first
 * none
 *  - sleb line, minus that of the one before, of a group's first 0
 */
enum {
	URF_GLOBAL_STEP = 16,
	URF_GLOBAL_KIND = 3,
	URF_GLOBAL_ADDRESS = 0,
	URF_GLOBAL_THREAD = 1,
	URF_GLOBAL_EXPR = 2,
	URF_GLOBAL_NOWHERE = 3, /* it was optimized away */
	URF_GLOBAL_WIDE = 0x04,
	URF_GLOBAL_EXTERNAL = 0x08,
	URF_GLOBAL_LINKAGE = 0x10,
	URF_GLOBAL_INSIDE = 0x20,
	URF_GLOBAL_FILE = 0x40,
};

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
