/* SPDX-License-Identifier: MIT */
/*
 * Inside an open image: where its tables stand, and what reads each. Private to the room.
 *
 *     image.c      opening; what is asked of the head
 *     blocks.c     from an address to the stack of call sites over it
 *     functions.c  from a stack to frames: names, lines and call sites of functions
 *     texts.c      names and paths
 *     symbols.c    ELF symbols
 *     unwind.c     unwind rules
 *     lookup.c     the public look-ups, one address at a time
 *     places.c     from lines and functions to addresses
 *     names.c      from names to what is called so
 *     macros.c     macros
 *     marks.c      what is asked now and then: rows of line tables, declarations,
 *                  discriminators of calls
 *     types*.c     types, what is in them, how they are written
 *     bulk.c       many at a time
 *     verify*.c    every record checked
 *     dump*.c      every record as text
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include "base/cursor.h"
#include "base/file.h"
#include "base/le.h"
#include "image/bits.h"
#include "turf/image.h"

/* A table of the urf: what the head said, cut down to whole entries inside the file. */
#define TABLE(type)                                                                            \
	struct {                                                                               \
		const type *at;                                                                \
		size_t n;                                                                      \
	}

/* Rows of columns of bits; opening has seen that all rows lie inside. */
enum { COLUMN_BITS_MAX = 32 };
struct packed {
	const uint8_t *rows;
	uint32_t n;
	unsigned row_bits;
	uint8_t off[URF_COLUMNS_MAX], width[URF_COLUMNS_MAX]; /* bits */
};

/* Texts and the phrases that they are made of. */
struct text_pool {
	TABLE(le32) index;
	TABLE(le32) phrases;
	struct span phrase_text, texts;
	uint32_t n;
};

struct turf_image {
	struct mapping map; /* empty when the bytes are the caller's */
	struct span bytes;
	const struct urf_head *head;
	uint64_t base, end;
	uint32_t n_functions, n_texts, n_symbols;
	uint32_t n_types, n_variables;
	TABLE(le32) tops;
	struct {
		uint32_t off, n; /* in tops */
	} levels[URF_TOP_LEVELS];
	unsigned n_levels;
	TABLE(struct urf_block) blocks;
	TABLE(struct urf_op) ops;
	struct span segments, functions;
	struct packed index, files, units, unit_starts, more_files;
	TABLE(le32) name_index;
	struct span names;
	TABLE(le32) place_index;
	struct span places;
	struct text_pool pool, more; /* numbers below n_texts; from there on */
	TABLE(struct urf_symbols) groups;
	struct span symbol_data;
	TABLE(struct urf_load) loads;
	TABLE(le32) pages;
	TABLE(struct urf_row) rows;
	TABLE(struct urf_step) steps;
	TABLE(struct urf_far) far;
	TABLE(struct urf_rule) rules;
	TABLE(struct urf_saved) saved;
	TABLE(le32) sets, kept_index;
	struct span exprs, kept;
	TABLE(struct urf_marks) marks;
	struct span mark_data;
	TABLE(struct urf_calls) calls;
	struct span call_data;
	struct span sections[URF_N_SECTIONS];
};

/* Names of the sections, "blocks" for .urf.blocks. */
extern const char *const turf_image_section_names[URF_N_SECTIONS];

static inline uint32_t packed_get(const struct packed *table, uint32_t row, unsigned column)
{
	return (uint32_t)bits_get(table->rows,
	                          (uint64_t)row * table->row_bits + table->off[column],
	                          table->width[column]);
}

/* The rva of @addr: false where the image cannot know it. */
static inline bool rva_of(const struct turf_image *image, uint64_t addr, uint32_t *rva)
{
	*rva = (uint32_t)(addr - image->base);
	return addr >= image->base && addr - image->base <= UINT32_MAX;
}

/*
 * How many of @n ascending entries, @size bytes each and an le32 first, have one that is <=
 * @rva. Of several pages by halves, so that few are read; within one in eighths: the loads of a
 * step wait for none of the others, and no branch hangs on what they find.
 */
static inline size_t upper_bound(const void *table, size_t size, size_t n, uint32_t rva)
{
	enum { PAGE = 4096 };
	const uint8_t *at = table;
	size_t below = 0;
	while (n >= 8) {
		uintptr_t begin = (uintptr_t)at, last = (begin + n * size - 1) / PAGE;
		uintptr_t pages = last - begin / PAGE;
		if (!pages)
			break;
		size_t half = ((begin / PAGE + (pages + 1) / 2) * PAGE - begin) / size;
		half += !half; /* an entry that lies on two pages */
		bool go = le32_get(*(const le32 *)(at + (half - 1) * size)) <= rva;
		at += go ? half * size : 0;
		below += go ? half : 0;
		n = go ? n - half : half;
	}
	while (n >= 8) {
		size_t part = n / 8, parts = 0;
		for (size_t i = 1; i < 8; i++)
			parts += le32_get(*(const le32 *)(at + (i * part - 1) * size)) <= rva;
		at += parts * part * size;
		below += parts * part;
		n = parts == 7 ? n - 7 * part : part;
	}
	for (; n; n--, at += size)
		below += le32_get(*(const le32 *)at) <= rva;
	return below;
}

/*
 * A walk over the segments of one block: the state at one segment.
 */
struct entry {
	uint32_t site, line, next;
};
struct walk {
	const uint8_t *at, *end;   /* ops to come */
	uint32_t start;            /* rva of the segment */
	uint32_t depth;            /* entries; 0: the segment is nobody's */
	uint32_t function;         /* the root's */
	uint32_t first, last;      /* root functions: of the block's start, the last one */
	uint32_t range, range_end; /* rvas of the root's range; range_end 0: not known yet */
	uint32_t entry;            /* rva of the root's entry */
	struct entry stack[URF_DEPTH_MAX + 1]; /* one more, to write to where none is pushed */
};

/* The block over @rva, or SIZE_MAX. */
size_t turf_image_block(const struct turf_image *image, uint32_t rva);
/* Passes ops from *@at on up to the end of a segment's: *@start goes on. 1, 0, -EBADMSG. */
int turf_ops_next(const struct turf_image *image, const uint8_t **at, const uint8_t *end,
                  uint32_t *start);
/* Begins at the first segment of the @block-th block: 0 or -EBADMSG. */
int turf_walk_begin(const struct turf_image *image, size_t block, struct walk *walk);
/* At the last segment of the @block-th block that begins at or before @rva: 0 or -EBADMSG. */
int turf_walk_at(const struct turf_image *image, size_t block, uint32_t rva, struct walk *walk);
/* Goes on to the last segment that begins at or before @rva: 0 or -EBADMSG. */
int turf_walk_to(const struct turf_image *image, struct walk *walk, uint32_t rva);
/* Lines of a function's table: from @first to @first + @more. */
struct lines {
	uint32_t first, more;
};
static inline bool lines_have(const struct lines *lines, uint32_t line)
{
	return line - lines->first <= lines->more;
}
/* Goes on to the next segment that has one of @lines, of whatever function: 1, 0 there is none
 * in this block, -EBADMSG. */
int turf_walk_line(const struct turf_image *image, struct walk *walk, struct lines lines);
/* Goes on to the next segment: 1, 0 there is none in this block, -EBADMSG. */
int turf_walk_next(const struct turf_image *image, struct walk *walk);
/* Where the next segment begins: 1, 0 there is none in this block, -EBADMSG. */
int turf_walk_peek(const struct turf_image *image, const struct walk *walk, uint32_t *start);
/* Where the range of the root of @walk, in the @block-th block, ends: 0 or -EBADMSG. */
int turf_walk_range_end(const struct turf_image *image, size_t block, const struct walk *walk,
                        uint32_t *end);

/* Two cache lines' bytes from @at on are read soon. */
static inline void image_prefetch(const uint8_t *at)
{
	__builtin_prefetch(at);
	__builtin_prefetch(at + URF_BEHIND);
}

/* Where function @number stands is asked soon. */
static inline void image_prefetch_index(const struct turf_image *image, uint32_t number)
{
	if (number < image->n_functions)
		__builtin_prefetch(image->index.rows +
		                   (uint64_t)number * image->index.row_bits / 8);
}

/* Function @number is read soon, probably. */
static inline void image_prefetch_function(const struct turf_image *image, uint32_t number)
{
	if (number >= image->n_functions)
		return;
	uint32_t off = packed_get(&image->index, number, 0);
	if (off >= image->functions.size)
		return;
	image_prefetch(image->functions.at + off);
}

/* A function's record, taken apart. */
struct function {
	turf_text name, linkage_name;
	uint32_t file, line; /* of its declaration */
	uint32_t n_lines, n_sites;
	bool has_zero; /* some line is 0 */
	uint32_t lowest;
	uint64_t span;
	uint32_t n_files;
	const uint8_t *files;        /* a uleb each; NULL: one, the declaration's */
	const uint8_t *rest, *end;   /* of the record: behind the files */
	struct keys lines, sites;    /* sites only after turf_function_sites() */
	const uint8_t *line_columns; /* bits */
	const uint8_t *site_columns;
	const uint8_t *called;
	unsigned line_width, site_width, called_width;
};
struct place {
	uint32_t file, line, column;
};

/* The record of that number, all but its sites: 0 or -EBADMSG. */
int turf_function_read(const struct turf_image *image, uint32_t function, struct function *out);
/* Where the sites of @function are: 0 or -EBADMSG. */
int turf_function_sites(struct function *function);
/* The @idx-th line, or the @idx-th site and the function called there: 0 or -EBADMSG. */
int turf_function_line(const struct function *function, uint32_t idx, struct place *out);
int turf_function_site(const struct function *function, uint32_t idx, struct place *out,
                       uint32_t *called);
/*
 * One step of a resolution, from the outermost frame inwards: *@function is read, @out filled,
 * *@function becomes the one called at @site; of the innermost @site is the line. 0 or
 * -EBADMSG.
 */
int turf_function_frame(const struct turf_image *image, uint32_t *function, uint32_t site,
                        bool innermost, struct turf_frame *out);

/*
 * All of text @number: what falls into [@skip, @skip + @size) goes to @out, all is counted.
 * Its length or -EBADMSG.
 */
int64_t turf_text_read(const struct turf_image *image, uint32_t number, uint64_t skip,
                       char *out, size_t size);
/* Where text @number is kept, and its number there; NULL: there is no such text. */
static inline const struct text_pool *pool_of(const struct turf_image *image, uint32_t *number)
{
	if (*number < image->n_texts)
		return &image->pool;
	*number -= image->n_texts;
	return *number < image->more.n ? &image->more : NULL;
}
/* The text at *@at, of whose predecessor, *@n bytes long, @out holds what @size has room for:
 * so it does of this one. 0 or -EBADMSG. */
int turf_text_next(const struct text_pool *pool, const uint8_t **at, char *out, size_t size,
                   uint64_t *n);
/* The bytes of the code at *@at, at most URF_PHRASE_MAX of verified ones; 1, 0 the end. */
int turf_text_code(const struct text_pool *pool, const uint8_t **at, struct span *out);

/* A symbol. */
struct symbol {
	uint32_t start, size; /* rva */
	uint32_t text;
	uint32_t back; /* entries back to the last symbol that ends behind this one; 0: none */
	uint8_t type, bind;
};
/* A group of symbols. */
struct symbols {
	struct packed table;
	uint32_t start; /* rva */
	uint8_t kind;
	size_t size; /* in .urf.symbol.data */
};
/* The @group-th one: 0 or -EBADMSG. */
int turf_symbols_read(const struct turf_image *image, size_t group, struct symbols *out);
void turf_symbols_get(const struct symbols *group, uint32_t row, struct symbol *out);
/* The group of the last symbol at or before @rva, which is read soon; SIZE_MAX: none. */
size_t turf_symbols_of(const struct turf_image *image, uint32_t rva);
/* The @idx-th symbol: 1, 0 no such, -EBADMSG. */
int turf_image_symbol_at(const struct turf_image *image, size_t idx, struct symbol *out);
/* The symbol over @rva, where @group is turf_symbols_of() it: 1, 0, -EBADMSG. */
int turf_image_symbol_over(const struct turf_image *image, size_t group, uint32_t rva,
                           struct symbol *out);

/* Completes the outermost frame, of a root with that @entry: 0 or -EBADMSG. */
int turf_root_frame(const struct turf_image *image, uint32_t rva, uint32_t entry,
                    struct turf_frame *f);
/* The frames of the stack, which is not empty, innermost first, one an entry: 0 or -EBADMSG. */
int turf_walk_frames(const struct turf_image *image, const struct walk *walk, uint32_t rva,
                     struct turf_frame *frames);
/* Fills @f, which DWARF does not name, from the symbol over @rva, as turf_image_symbol_over():
 * 1, 0 none, -EBADMSG. */
int turf_image_symbol_frame(const struct turf_image *image, size_t group, uint32_t rva,
                            struct turf_frame *f);

/* Where the segments of some blocks begin, one after the other. */
struct starts {
	uint32_t block, end; /* those left, the first one of which may have begun */
	uint32_t op;         /* what of it is left, in .urf.segments; 0: all */
	uint32_t start;      /* rva */
};
/* The next one: 1 and s->start, 0 there is none, -EBADMSG. */
int turf_starts_next(const struct turf_image *image, struct starts *s);

/* A row of a line table, or a table's end. */
struct image_mark {
	uint32_t start; /* rva */
	uint32_t discriminator;
	uint8_t flags; /* URF_MARK_PROLOGUE_END ... */
	bool statement;
	bool more; /* of what turf_marks_next() says at a group's end: there is one */
};
/* How many groups of marks an image has that has marks. */
size_t turf_marks_groups(const struct turf_image *image);
/* Where the @group-th one begins. */
uint32_t turf_marks_start(const struct turf_image *image, size_t group);
/* The blocks of @group that are there. */
struct starts turf_marks_starts(const struct turf_image *image, size_t group);
/* Begins to read @group: 1 its start lies in *@out, 0 in no row or that begins there, -EBADMSG.
 */
int turf_marks_begin(const struct turf_image *image, size_t group, struct turf_rows *walk,
                     struct image_mark *out);
/* The next mark of the group: 1, 0 there is none: out->start is where the next one is, in
 * another group, if out->more; -EBADMSG. */
int turf_marks_next(struct turf_rows *walk, struct image_mark *out);
/* Is all of the group read? */
bool turf_marks_done(const struct turf_rows *walk);

/* The discriminators at *@off of .urf.call.data: how many, or -EBADMSG; *@off is behind them.
 */
int turf_calls_read(const struct turf_image *image, uint32_t *off, uint32_t out[URF_DEPTH_MAX]);

/* Bytes that the number and the index of @n macros take. */
uint64_t turf_macros_index_size(uint32_t n);
/* What a macro counts from, of a group's first 0. */
struct macro_state {
	uint32_t name, line;
};
/* The macro at *@at, which goes on: 0 or -EBADMSG. */
struct turf_macro;
int turf_macro_read(const struct turf_image *image, const uint8_t **at,
                    struct macro_state *last, struct turf_macro *out);

/* The whole rule of that index: 1 or -EBADMSG. */
int turf_image_rule(const struct turf_image *image, size_t idx, struct turf_unwind_row *out);
/* The @i-th register of .urf.saved: 1 or -EBADMSG. */
int turf_image_saved(const struct turf_image *image, uint64_t i, uint8_t *reg,
                     struct turf_rule *rule);
/* Number of the step of the @idx-th row. */
uint32_t turf_image_row_step(const struct turf_image *image, size_t idx);
/* The places where sets change, of one page: a set and where it begins to hold. */
struct kept {
	struct cursor at;
	uint64_t rva;
	uint32_t set;
	bool begun;
};
/* 1 begun, 0 no such page, -EBADMSG. */
int turf_kept_begin(const struct turf_image *image, uint64_t page, struct kept *kept);
/* The first or next one: 1, 0 end, -EBADMSG. */
int turf_kept_next(const struct turf_image *image, struct kept *kept);

#endif
