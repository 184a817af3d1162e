/* SPDX-License-Identifier: MIT */
/*
 * An assembler for urfs, and a small one made with it:
 *
 *     0x1000..0x1040  outer (linkage outer_sym), 10 bytes of it inlined inner, of that leaf; a
 *                     block of segments ends within these
 *     0x1040..0x1050  nothing
 *     0x1050..0x1060  a line without a function (tail.s:7) under the symbol "label"
 *     0x1060..0x1080  symbol "bare" only, around it from 0x1058 "wide" up to 0x1090
 *     0x10a0..0x10a8  another range of outer, with inner inlined at 0x10a2
 *
 * Unwind rows: 0x1000 rule 1, 0x1004 rule 2, from 0x1040 none; 0x2010 rule 1.
 */
#ifndef TESTS_IMAGE_URF_H
#define TESTS_IMAGE_URF_H

#include <elf.h>
#include <xxhash.h>

#include "base/le.h"
#include "lib/emit.h"
#include "lib/asm.h"
#include "turf/image.h"

enum { URF_TEST_BASE = 0x1000 };

struct urf_parts {
	struct as of[URF_N_SECTIONS];
	uint32_t n_functions, n_texts, n_symbols;
	uint32_t group_start; /* of the last group of symbols */
	struct urf_packed packed[URF_N_PACKED];
	const char *const *texts;   /* sorted; [0] is "" */
	const char *const *phrases; /* up to NULL */
};

/* @n 32-bit numbers behind what the table holds. */
static inline void urf_put(struct urf_parts *p, enum urf_section_kind kind, size_t n,
                           const uint32_t *numbers)
{
	for (size_t i = 0; i < n; i++)
		as_u32(&p->of[kind], numbers[i]);
}
#define URF_PUT(p, kind, ...)                                                                  \
	urf_put((p), (kind), COUNT(((const uint32_t[]){ __VA_ARGS__ })),                       \
	        (const uint32_t[]){ __VA_ARGS__ })
#define URF_BYTES(p, kind, ...)                                                                \
	as_bytes(&(p)->of[kind], (const uint8_t[]){ __VA_ARGS__ },                             \
	         COUNT(((const uint8_t[]){ __VA_ARGS__ })))

static inline uint32_t urf_here(const struct urf_parts *p, enum urf_section_kind kind)
{
	return (uint32_t)as_here(&p->of[kind]);
}

/* Arrays of bits, from the next byte on. */
struct urf_bits {
	uint8_t bytes[512];
	size_t n; /* bits */
};

static inline void urf_bits(struct urf_bits *b, uint64_t value, unsigned width)
{
	for (unsigned i = 0; i < width; i++, b->n++)
		if (value >> i & 1)
			b->bytes[b->n / 8] |= (uint8_t)(1 << b->n % 8);
	if (b->n / 8 >= sizeof(b->bytes))
		abort();
}

static inline void urf_bits_end(struct as *a, struct urf_bits *b)
{
	as_bytes(a, b->bytes, (b->n + 7) / 8);
	*b = (struct urf_bits){ 0 };
}

/* Number of a text of urf_texts(). */
static inline uint32_t urf_text(const struct urf_parts *p, const char *text)
{
	for (uint32_t i = 0; i < p->n_texts; i++)
		if (!strcmp(p->texts[i], text))
			return i;
	abort();
}

/* The code of the longest phrase that @text begins with, else of its first byte; its bytes. */
static inline size_t urf_code(struct urf_parts *p, const char *text)
{
	size_t best = 0, number = 0;
	for (size_t i = 0; p->phrases[i]; i++) {
		size_t n = strlen(p->phrases[i]);
		if (n > best && !strncmp(text, p->phrases[i], n))
			best = n, number = i;
	}
	struct as *a = &p->of[URF_TEXTS];
	if (best && number < URF_PHRASES_NEAR) {
		as_u8(a, (uint8_t)(URF_PHRASE_NEAR + number));
	} else if (best) {
		number -= URF_PHRASES_NEAR;
		as_u8(a, (uint8_t)(URF_PHRASE_FAR + number / 256));
		as_u8(a, (uint8_t)number);
	} else {
		if ((uint8_t)text[0] >= URF_PHRASE_NEAR)
			as_u8(a, URF_PHRASE_BYTE);
		as_u8(a, (uint8_t)text[0]);
	}
	return best ? best : 1;
}

/* @n texts, sorted, the first ""; coded by the phrases. */
static inline void urf_texts(struct urf_parts *p, const char *const *texts, uint32_t n,
                             const char *const *phrases)
{
	p->texts = texts;
	p->n_texts = n;
	p->phrases = phrases;
	for (size_t i = 0; phrases[i]; i++) {
		as_u32(&p->of[URF_PHRASES], urf_here(p, URF_PHRASE_TEXT));
		as_bytes(&p->of[URF_PHRASE_TEXT], phrases[i], strlen(phrases[i]));
	}
	as_u32(&p->of[URF_PHRASES], urf_here(p, URF_PHRASE_TEXT));
	for (uint32_t i = 0; i < n; i++) {
		size_t same = 0;
		if (i % URF_TEXT_STEP == 0)
			as_u32(&p->of[URF_TEXT_INDEX], urf_here(p, URF_TEXTS));
		else
			while (texts[i][same] && texts[i][same] == texts[i - 1][same])
				same++;
		as_uleb(&p->of[URF_TEXTS], same);
		for (const char *at = texts[i] + same; *at;)
			at += urf_code(p, at);
		as_u8(&p->of[URF_TEXTS], 0);
	}
}

/* A line (called 0), or a call site; file: number in the function's list. */
struct urf_place {
	uint32_t file, line, column, called;
};
struct urf_function {
	const char *text;
	uint32_t how, extra[2]; /* up to two numbers behind how */
	uint32_t file, line;
	uint32_t files[4], n_files;
	const struct urf_place *lines, *sites; /* in order of their keys */
	uint32_t n_lines, n_sites;
};

static inline void urf_keys(struct as *a, const struct urf_place *places, uint32_t n,
                            uint64_t u, uint64_t span, uint32_t lowest, bool zero)
{
	struct urf_bits bits = { 0 };
	unsigned l = 0;
	while (u / n >> (l + 1))
		l++;
	uint64_t keys[64];
	for (uint32_t i = 0; i < n; i++) {
		uint32_t second = places[i].line ? places[i].line - lowest + zero : 0;
		keys[i] = places[i].file * span + second;
		urf_bits(&bits, keys[i], l);
	}
	urf_bits_end(a, &bits);
	for (uint32_t i = 0, at = 0; at < n + (u >> l) + 1; at++) {
		bool one = i < n && i + (keys[i] >> l) == at;
		urf_bits(&bits, one, 1);
		i += one;
	}
	urf_bits_end(a, &bits);
}

enum { URF_COLUMN_BITS = 5, URF_CALLED_BITS = 3 };

static inline void urf_tables(struct as *a, const struct urf_function *f)
{
	uint32_t lowest = UINT32_MAX, highest = 0;
	bool zero = false;
	for (uint32_t i = 0; i < f->n_lines + f->n_sites; i++) {
		uint32_t line =
			i < f->n_lines ? f->lines[i].line : f->sites[i - f->n_lines].line;
		zero |= line == 0;
		lowest = line ? MIN(lowest, line) : lowest;
		highest = MAX(highest, line);
	}
	lowest = MIN(lowest, highest);
	as_uleb(a, f->n_lines * 2 + zero), as_uleb(a, f->n_sites);
	if (!f->n_lines && !f->n_sites)
		return;
	as_sleb(a, (int64_t)lowest - f->line), as_uleb(a, highest - lowest);
	bool own = f->n_files == 1 && f->files[0] == f->file;
	as_uleb(a, own ? 0 : f->n_files);
	for (uint32_t i = 0; !own && i < f->n_files; i++)
		as_uleb(a, f->files[i]);
	uint64_t span = highest - lowest + 1 + zero, u = f->n_files * span;
	struct urf_bits bits = { 0 };
	if (f->n_lines) {
		as_u8(a, URF_COLUMN_BITS);
		urf_keys(a, f->lines, f->n_lines, u, span, lowest, zero);
		for (uint32_t i = 0; i < f->n_lines; i++)
			urf_bits(&bits, f->lines[i].column, URF_COLUMN_BITS);
		urf_bits_end(a, &bits);
	}
	if (!f->n_sites)
		return;
	as_u8(a, URF_COLUMN_BITS), as_u8(a, URF_CALLED_BITS);
	urf_keys(a, f->sites, f->n_sites, u, span, lowest, zero);
	for (uint32_t i = 0; i < f->n_sites; i++)
		urf_bits(&bits, f->sites[i].column, URF_COLUMN_BITS);
	urf_bits_end(a, &bits);
	for (uint32_t i = 0; i < f->n_sites; i++)
		urf_bits(&bits, f->sites[i].called, URF_CALLED_BITS);
	urf_bits_end(a, &bits);
}

/* The next function; NULL: number 0. Rows of the index have 16 bits. */
static inline void urf_function(struct urf_parts *p, const struct urf_function *f)
{
	struct as *record = &p->of[URF_FUNCTIONS], *index = &p->of[URF_INDEX];
	if (f) {
		as_uleb(record, urf_text(p, f->text)), as_uleb(record, f->how);
		if (f->how >= 2)
			as_uleb(record, f->extra[0]);
		as_uleb(record, f->file), as_uleb(record, f->line);
		urf_tables(record, f);
	}
	if (!p->n_functions++)
		as_u16(index, 0);
	as_u16(index, (uint16_t)as_here(record));
	p->packed[URF_PACKED_INDEX] =
		(struct urf_packed){ .n = le32_of(p->n_functions + 1), .width = { 16 } };
}

/* The next block begins at @start and here; few have no tops. */
static inline void urf_block(struct urf_parts *p, uint32_t start)
{
	URF_PUT(p, URF_BLOCKS, start, urf_here(p, URF_SEGMENTS));
}

/* The next symbol; all columns have 8 bits. */
static inline void urf_symbol_of(struct urf_parts *p, uint32_t start, uint32_t size,
                                 const char *name, uint32_t back, unsigned bind)
{
	if (p->n_symbols++ % URF_SYMBOL_STEP == 0) {
		URF_PUT(p, URF_SYMBOLS, start, urf_here(p, URF_SYMBOL_DATA));
		URF_BYTES(p, URF_SYMBOL_DATA, 8, 8, 8, 8, 8, 0);
		p->group_start = start;
	}
	URF_BYTES(p, URF_SYMBOL_DATA, (uint8_t)(start - p->group_start), (uint8_t)size,
	          (uint8_t)urf_text(p, name), (uint8_t)back, (uint8_t)(bind | STT_FUNC << 4));
}

static inline void urf_symbol(struct urf_parts *p, uint32_t start, uint32_t size,
                              const char *name, uint32_t back)
{
	urf_symbol_of(p, start, size, name, back, STB_GLOBAL);
}

/* A packed table of columns of 8 bits. */
static inline void urf_packed(struct urf_parts *p, enum urf_packed_table table,
                              unsigned columns, size_t n, const uint8_t *cells)
{
	static const enum urf_section_kind kinds[URF_N_PACKED] = {
		[URF_PACKED_FILES] = URF_FILES,
		[URF_PACKED_UNITS] = URF_UNITS,
		[URF_PACKED_UNIT_STARTS] = URF_UNIT_STARTS,
		[URF_PACKED_MORE_FILES] = URF_MORE_FILES,
	};
	p->packed[table].n = le32_of(n / columns);
	memset(p->packed[table].width, 8, columns);
	as_bytes(&p->of[kinds[table]], cells, n);
}

static inline void urf_rows(struct urf_parts *p)
{
	static const struct {
		uint16_t pc;
		uint8_t step;
	} rows[] = { { 0, 1 }, { 4, 2 }, { 0x40, 0 }, { 0x10, 3 } };
	URF_PUT(p, URF_PAGES, 0, 3, 4);
	for (size_t i = 0; i < COUNT(rows); i++) {
		as_u16(&p->of[URF_ROWS], rows[i].pc);
		as_u8(&p->of[URF_ROWS], rows[i].step);
	}
	/* step 1: CFA rsp+8; 2: by expression, rbx at CFA-24; 3: CFA rbp+16, rbp and rbx saved
	 */
	URF_PUT(p, URF_STEPS, 0, 0, 7 | URF_RETURN_TOP << 8, 8, URF_STEP_WHOLE << 8, 0,
	        6 | (URF_RETURN_TOP | URF_STEP_SAVED) << 8 | 0xfffeu << 16, 16);
	as_bytes(&p->of[URF_RULES], (uint8_t[]){ TURF_RULE_VAL_EXPRESSION, 0, 16, 1 }, 4);
	URF_PUT(p, URF_RULES, 0, 0, 2);
	URF_PUT(p, URF_SETS, 1, 1, 2);
	URF_PUT(p, URF_KEPT_INDEX, 0, 4);
	URF_BYTES(p, URF_KEPT, 0, 0x90, 0x20, 1); /* none; behind 0x1010 bytes, set 1 */
	as_bytes(&p->of[URF_SAVED], (uint8_t[]){ 16, TURF_RULE_AT_CFA, 0, 0 }, 4);
	URF_PUT(p, URF_SAVED, (uint32_t)-8);
	as_bytes(&p->of[URF_SAVED], (uint8_t[]){ 3, TURF_RULE_AT_CFA, 0, 0 }, 4);
	URF_PUT(p, URF_SAVED, (uint32_t)-24);
	as_bytes(&p->of[URF_EXPRS], (uint8_t[]){ 2, 0x77, 8 }, 3); /* DW_OP_breg7 8 */
}

static inline void urf_functions(struct urf_parts *p)
{
	static const struct urf_place outer[] = { { 0, 10, 3, 0 }, { 0, 13, 1, 0 } };
	static const struct urf_place calls_inner[] = { { 0, 12, 5, 2 } };
	static const struct urf_place inner[] = { { 0, 0, 2, 0 }, { 0, 5, 2, 0 } };
	static const struct urf_place calls_leaf[] = { { 0, 4, 9, 3 } };
	static const struct urf_place leaf[] = { { 0, 3, 7, 0 } };
	static const struct urf_place tail[] = { { 1, 7, 0, 0 } };
	urf_function(p, NULL);
	urf_function(p,
	             &(struct urf_function){
			     "outer_sym", 3, { 5 }, 1, 9, { 1 }, 1, outer, calls_inner, 2, 1 });
	urf_function(p, &(struct urf_function){
				"inner", 0, { 0 }, 1, 2, { 1 }, 1, inner, calls_leaf, 2, 1 });
	urf_function(p, &(struct urf_function){
				"leaf", 0, { 0 }, 1, 1, { 1 }, 1, leaf, NULL, 1, 0 });
	urf_function(
		p, &(struct urf_function){ "", 0, { 0 }, 0, 0, { 1, 2 }, 2, tail, NULL, 1, 0 });
	/* ops: here; push inner and leaf at their first sites; pop both, the next line */
	URF_BYTES(p, URF_OPS, 0, 0, 0, 0, 0x20, 0, 0x10, 0, 2, 0, 6, 1);
}

static inline void urf_segments(struct urf_parts *p)
{
	enum { EMIT = URF_CONTROL_EMIT, GAP, POINT, ROOT, PART, POP, PUSH };
	urf_block(p, 0); /* no points; outer, 0 back, 0x40 ahead, nothing inlined, line 0 */
	URF_BYTES(p, URF_SEGMENTS, 0, 2, 0, 0x40, 0, 1);
	urf_block(p, 0x14); /* a point 0x8e behind it; in leaf */
	URF_BYTES(p, URF_SEGMENTS, 1, 0x8e, 0, 24, 3, 0x28, 0x2c, 2, 0, 0, 0, 2);
	URF_BYTES(p, URF_SEGMENTS, GAP, 0x26, ROOT, 3, EMIT, 0x10, 0, GAP, 0x10);
	/* start minus entry: 0xa0; outer's line 1; inner's line 1; outer's line 0 */
	URF_BYTES(p, URF_SEGMENTS, PART, 0x7d, 0xa0, 0x01, EMIT, 0x40, 1);
	URF_BYTES(p, URF_SEGMENTS, POINT, 2, 2, 5, 0xa0, 0x01, 6, 1, 0, 1, POP, 1, EMIT, 2, 0);
	urf_block(p, 0xa8);
	urf_packed(p, URF_PACKED_UNIT_STARTS, URF_UNIT_START_COLUMNS, 6,
	           (uint8_t[]){ 0, 1, 0x50, 2, 0x60, 1 });
}

static inline void urf_parts_fill(struct urf_parts *p)
{
	static const char *const texts[] = { "",       "/abs/tail.s", "/src",      "bare",
		                             "gcc",    "inner",       "label",     "leaf",
		                             "main.c", "outer",       "outer_sym", "wide" };
	static const char *const phrases[] = { "er", "a", "tail", NULL };
	urf_texts(p, texts, COUNT(texts), phrases);
	uint8_t src = (uint8_t)urf_text(p, "/src"), main_c = (uint8_t)urf_text(p, "main.c");
	uint8_t tail = (uint8_t)urf_text(p, "/abs/tail.s"), gcc = (uint8_t)urf_text(p, "gcc");
	const uint8_t files[] = { 0, 0, src, main_c, src, tail };
	const uint8_t units[] = { 0, 0, 0, 0, 0, main_c, src, gcc, 12, 5, tail, src, 0, 0, 4 };
	urf_packed(p, URF_PACKED_FILES, URF_FILE_COLUMNS, sizeof(files), files);
	urf_packed(p, URF_PACKED_UNITS, URF_UNIT_COLUMNS, sizeof(units), units);
	urf_functions(p);
	urf_segments(p);
	urf_symbol(p, 0, 0x40, "outer_sym", 0);
	urf_symbol(p, 0x50, 0x8, "label", 0);
	urf_symbol(p, 0x58, 0x38, "wide", 0);
	urf_symbol(p, 0x60, 0x20, "bare", 1);
	/* an alias, two behind the one around it */
	urf_symbol_of(p, 0x60, 0x20, "leaf", 2, STB_GNU_UNIQUE);
	struct as *loads = &p->of[URF_LOADS];
	as_u64(loads, 0x1000), as_u64(loads, 0x1000), as_u64(loads, 0x2000);
	as_u64(loads, 0x2000), as_u32(loads, PF_R | PF_X), as_u32(loads, 0);
	urf_rows(p);
}

/* Writes the hash that urf_head.content is said to be. */
static inline void urf_seal(uint8_t *bytes, size_t size, size_t head_off)
{
	struct urf_head *head = (struct urf_head *)(bytes + head_off);
	XXH128_canonical_t hash;
	memset(head->content, 0, sizeof(head->content));
	XXH128_canonicalFromHash(&hash, XXH3_128bits(bytes, size));
	memcpy(head->content, hash.digest, sizeof(head->content));
}

/* The urf of the parts, malloc'd; the parts are emptied. */
static inline struct span urf_of_parts(struct urf_parts *p)
{
	static const uint8_t note[] = { 4, 0, 0,   0,   4,   0, 0, 0, 3, 0,
		                        0, 0, 'G', 'N', 'U', 0, 1, 2, 3, 4 };
	struct urf_head head = {
		.version = le16_of(URF_VERSION),
		.head_size = le16_of(sizeof(head)),
		.kind = le16_of(URF_DEBUG),
		.machine = le16_of(EM_X86_64),
		.base = le64_of(URF_TEST_BASE),
		.end = le64_of(0x3000),
		.flags = le32_of(URF_HAS_DWARF | URF_HAS_CFI | URF_HAS_SYMBOLS),
		.n_sections = le32_of(URF_N_SECTIONS),
		.source_id_size = 4,
		.n_functions = le32_of(p->n_functions),
		.n_texts = le32_of(p->n_texts),
		.n_symbols = le32_of(p->n_symbols),
	};
	memcpy(head.magic, URF_MAGIC, sizeof(head.magic));
	memcpy(head.layout, URF_LAYOUT, sizeof(head.layout));
	memcpy(head.packed, p->packed, sizeof(head.packed));
	struct elf_out out = { .machine = EM_X86_64, .n_sections = 2 + URF_N_SECTIONS };
	out.section[0] = (struct elf_out_section){
		.name = ".note", .type = SHT_NOTE, .align = 4, .bytes = { note, sizeof(note) }
	};
	out.section[1] =
		(struct elf_out_section){ .name = ".urf.head",
		                          .type = SHT_PROGBITS,
		                          .align = 8,
		                          .bytes = { (uint8_t *)&head, sizeof(head) } };
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		out.section[2 + i] = (struct elf_out_section){ .name = ".urf",
			                                       .type = SHT_PROGBITS,
			                                       .align = 8,
			                                       .bytes = as_span(&p->of[i]) };
	if (turf_elf_layout(&out) < 0)
		abort();
	head.size = le64_of(out.size);
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		head.sections[i] = (struct urf_section){ le64_of(out.section[2 + i].off),
			                                 le64_of(as_here(&p->of[i])) };
	uint8_t *bytes = malloc(out.size);
	if (!bytes)
		abort();
	emit_elf(&out, bytes);
	urf_seal(bytes, out.size, out.section[1].off);
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		as_free(&p->of[i]);
	return (struct span){ bytes, out.size };
}

/* The urf that the head of this file describes. */
static inline struct span urf_sample(void)
{
	struct urf_parts parts = { 0 };
	urf_parts_fill(&parts);
	return urf_of_parts(&parts);
}

#endif
