/* SPDX-License-Identifier: MIT */
/*
 * A small urf made by hand, for tests of what reads urfs:
 *
 *     0x1000..0x1040  outer (linkage outer_sym), 10 bytes of it inlined inner, of that leaf
 *     0x1040..0x1050  nothing
 *     0x1050..0x1060  a line without a function (tail.s:7) under the symbol "label"
 *     0x1060..0x1080  symbol "bare" only, around it from 0x1058 "wide" up to 0x1090
 *
 * Unwind rows: 0x1000 rule 1, 0x1004 rule 2, from 0x1040 none; 0x2010 rule 1.
 */
#ifndef TESTS_LIB_URF_H
#define TESTS_LIB_URF_H

#include <elf.h>
#include <xxhash.h>

#include "base/le.h"
#include "elf/write.h"
#include "lib/asm.h"
#include "turf/image.h"

enum { URF_TEST_BASE = 0x1000 };

struct urf_parts {
	struct as of[URF_N_SECTIONS];
};

/* Appends @text to the strings; its offset. */
static inline uint32_t urf_string(struct urf_parts *p, const char *text)
{
	uint32_t off = (uint32_t)as_here(&p->of[URF_STRINGS]);
	as_str(&p->of[URF_STRINGS], text);
	return off;
}

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

static inline void urf_segment(struct urf_parts *p, uint8_t tag, unsigned start, int scope,
                               int file, unsigned column, int line)
{
	struct as *a = &p->of[URF_SEGMENTS];
	as_u8(a, tag);
	as_uleb(a, start);
	if (tag & 1)
		as_sleb(a, scope);
	if (tag & 2)
		as_sleb(a, file);
	if (tag & 4)
		as_uleb(a, column);
	if (tag >> 3 == URF_LINE_FAR)
		as_sleb(a, line);
}

static inline void urf_symbol(struct urf_parts *p, uint32_t rva, uint32_t size,
                              const char *name, uint16_t back)
{
	URF_PUT(p, URF_SYMBOLS, rva, size, urf_string(p, name));
	as_u8(&p->of[URF_SYMBOLS], STT_FUNC);
	as_u8(&p->of[URF_SYMBOLS], STB_GLOBAL);
	as_u16(&p->of[URF_SYMBOLS], back);
}

static inline void urf_rows(struct urf_parts *p)
{
	static const struct {
		uint16_t pc;
		uint8_t rule;
	} rows[] = { { 0, 1 }, { 4, 2 }, { 0x40, 0 }, { 0, 0 }, { 0x10, 1 } };
	URF_PUT(p, URF_PAGES, 0, 3, 5);
	for (size_t i = 0; i < COUNT(rows); i++) {
		as_u16(&p->of[URF_ROWS], rows[i].pc);
		as_u8(&p->of[URF_ROWS], rows[i].rule);
	}
	/* rule 1: CFA rsp+8; rule 2: CFA by expression, rbx at CFA-24 */
	as_bytes(&p->of[URF_RULES], (uint8_t[16]){ 0 }, 16);
	as_bytes(&p->of[URF_RULES], (uint8_t[]){ TURF_RULE_REG_OFFSET, 7, 16, 0 }, 4);
	URF_PUT(p, URF_RULES, 8, 0, 1);
	as_bytes(&p->of[URF_RULES], (uint8_t[]){ TURF_RULE_VAL_EXPRESSION, 0, 16, 1 }, 4);
	URF_PUT(p, URF_RULES, 0, 1, 2);
	for (int i = 0; i < 2; i++) {
		as_bytes(&p->of[URF_SAVED], (uint8_t[]){ 16, TURF_RULE_AT_CFA, 0, 0 }, 4);
		URF_PUT(p, URF_SAVED, (uint32_t)-8);
	}
	as_bytes(&p->of[URF_SAVED], (uint8_t[]){ 3, TURF_RULE_AT_CFA, 0, 0 }, 4);
	URF_PUT(p, URF_SAVED, (uint32_t)-24);
	as_bytes(&p->of[URF_EXPRS], (uint8_t[]){ 2, 0x77, 8 }, 3); /* DW_OP_breg7 8 */
}

static inline void urf_parts_fill(struct urf_parts *p)
{
	urf_string(p, "");
	uint32_t outer = urf_string(p, "outer"), linkage = urf_string(p, "outer_sym");
	uint32_t inner = urf_string(p, "inner"), leaf = urf_string(p, "leaf");
	uint32_t dir = urf_string(p, "/src"), main_c = urf_string(p, "main.c");
	uint32_t tail = urf_string(p, "/abs/tail.s");
	URF_PUT(p, URF_FILES, 0, 0, dir, main_c, dir, tail);
	URF_PUT(p, URF_UNITS, 0, 0, 0, 0, main_c, dir, 0, 12 | 5 << 16);
	URF_PUT(p, URF_FUNCTIONS, 0, 0, 0, 0, 0, outer, linkage, 1, 10, 1);
	URF_PUT(p, URF_FUNCTIONS, inner, 0, 1, 3, 1, leaf, 0, 1, 1, 1);
	URF_PUT(p, URF_SCOPES, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0); /* none; outer, entry 0 */
	URF_PUT(p, URF_SCOPES, 2, 1, 1, 12, 5, 3, 2, 1, 4,
	        9); /* inner in outer, leaf in inner */
	URF_PUT(p, URF_RANGES, 0, 0x40, 1);
	URF_PUT(p, URF_BLOCKS, 0, 0);
	urf_segment(p, 7 | 20 << 3, 0, 1, 1, 3, 0);        /* outer, main.c:10:3 */
	urf_segment(p, 1 | 4 | 3 << 3, 0x10, 2, 0, 7, 0);  /* leaf, main.c:3:7 */
	urf_segment(p, 1 | 4 | 20 << 3, 0xa, -2, 0, 1, 0); /* outer, main.c:13:1 */
	URF_PUT(p, URF_BLOCKS, 0x40, (uint32_t)as_here(&p->of[URF_SEGMENTS]));
	urf_segment(p, 10 << 3, 0, 0, 0, 0, 0);                  /* a gap */
	urf_segment(p, 2 | URF_LINE_FAR << 3, 0x10, 0, 2, 0, 7); /* tail.s:7 */
	URF_PUT(p, URF_BLOCKS, 0x60, (uint32_t)as_here(&p->of[URF_SEGMENTS]));
	urf_symbol(p, 0, 0x40, "outer_sym", 0);
	urf_symbol(p, 0x50, 0x8, "label", 0);
	urf_symbol(p, 0x58, 0x38, "wide", 0);
	urf_symbol(p, 0x60, 0x20, "bare", 1);
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
	};
	memcpy(head.magic, URF_MAGIC, sizeof(head.magic));
	memcpy(head.layout, URF_LAYOUT, sizeof(head.layout));
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
	turf_elf_emit(&out, bytes);
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
