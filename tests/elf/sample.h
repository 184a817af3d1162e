/* SPDX-License-Identifier: MIT */
/*
 * An ELF file from a list of sections, in any class and byte order: header, one PT_LOAD over
 * all, one PT_NOTE a note section, the sections' bytes, .shstrtab, the section headers.
 */
#ifndef TESTS_ELF_SAMPLE_H
#define TESTS_ELF_SAMPLE_H

#include <elf.h>

#include "lib/asm.h"

struct sample_section {
	const char *name;
	uint32_t type;
	uint64_t flags;
	struct span bytes;
	uint32_t link;
	uint64_t entry_size;
};

/* How a file is written. */
struct sample_kind {
	const char *name;
	bool is64, big;
	bool extended; /* numbers of sections, segments and of .shstrtab in section 0 */
};

static const struct sample_kind sample_kinds[] = {
	{ "ELF64, little-endian", true, false, false },
	{ "ELF64, big-endian", true, true, false },
	{ "ELF32, little-endian", false, false, false },
	{ "ELF32, big-endian", false, true, false },
	{ "ELF64, extended numbering", true, false, true },
	{ "ELF32, big-endian, extended numbering", false, true, true },
};

static inline void sample_word(struct as *a, bool is64, uint64_t value)
{
	as_uint(a, value, is64 ? 8 : 4);
}

static inline void sample_header(struct as *a, const struct sample_kind *k, size_t n_segments,
                                 size_t n_sections)
{
	uint8_t ident[EI_NIDENT] = { 0x7f,
		                     'E',
		                     'L',
		                     'F',
		                     k->is64 ? ELFCLASS64 : ELFCLASS32,
		                     k->big ? ELFDATA2MSB : ELFDATA2LSB,
		                     EV_CURRENT };
	as_bytes(a, ident, sizeof(ident));
	as_u16(a, ET_DYN);
	as_u16(a, EM_X86_64);
	as_u32(a, EV_CURRENT);
	sample_word(a, k->is64, 0x1000);
	sample_word(a, k->is64, k->is64 ? 64 : 52);
	sample_word(a, k->is64, 0); /* e_shoff: patched */
	as_u32(a, 0);
	as_u16(a, k->is64 ? 64 : 52);
	as_u16(a, k->is64 ? 56 : 32);
	as_u16(a, k->extended ? PN_XNUM : (uint16_t)n_segments);
	as_u16(a, k->is64 ? 64 : 40);
	as_u16(a, k->extended ? 0 : (uint16_t)n_sections);
	as_u16(a, k->extended ? SHN_XINDEX : (uint16_t)(n_sections - 1));
}

static inline void sample_segment(struct as *a, bool is64, uint32_t type, uint64_t off,
                                  uint64_t size)
{
	as_u32(a, type);
	if (is64)
		as_u32(a, PF_R);
	sample_word(a, is64, off);
	sample_word(a, is64, 0x400000 + off);
	sample_word(a, is64, 0x400000 + off);
	sample_word(a, is64, size);
	sample_word(a, is64, size + 1);
	if (!is64)
		as_u32(a, PF_R);
	sample_word(a, is64, 4);
}

static inline void sample_section_header(struct as *a, bool is64, uint32_t name,
                                         const struct sample_section *s, uint64_t off,
                                         uint64_t size, uint32_t info)
{
	as_u32(a, name);
	as_u32(a, s->type);
	sample_word(a, is64, s->flags);
	sample_word(a, is64, s->flags & SHF_ALLOC ? 0x400000 + off : 0);
	sample_word(a, is64, off);
	sample_word(a, is64, size);
	as_u32(a, s->link);
	as_u32(a, info);
	sample_word(a, is64, 4);
	sample_word(a, is64, s->entry_size);
}

/* Section i of @sections becomes number i + 1; .shstrtab is the last. */
static inline void sample_elf(struct as *a, const struct sample_kind *k,
                              const struct sample_section *sections, size_t n)
{
	a->big = k->big;
	size_t offs[32] = { 0 }, n_segments = 1;
	for (size_t i = 0; i < n; i++)
		n_segments += sections[i].type == SHT_NOTE;
	sample_header(a, k, n_segments, n + 2);
	size_t phoff = as_here(a);
	for (size_t i = 0; i < n_segments; i++)
		sample_segment(a, k->is64, PT_LOAD, 0, 0);
	for (size_t i = 0; i < n; i++) {
		as_align(a, 4);
		offs[i] = as_here(a);
		if (sections[i].type != SHT_NOBITS && sections[i].bytes.size)
			as_bytes(a, sections[i].bytes.at, sections[i].bytes.size);
	}
	size_t names = as_here(a);
	as_str(a, "");
	for (size_t i = 0; i < n; i++)
		as_str(a, sections[i].name);
	as_str(a, ".shstrtab");
	size_t names_size = as_here(a) - names;
	as_align(a, 8);
	size_t shoff = as_here(a);
	struct sample_section null = { .link = k->extended ? (uint32_t)n + 1 : 0 };
	sample_section_header(a, k->is64, 0, &null, 0, k->extended ? n + 2 : 0,
	                      k->extended ? (uint32_t)n_segments : 0);
	uint32_t name = 1;
	for (size_t i = 0; i < n; i++) {
		sample_section_header(a, k->is64, name, &sections[i], offs[i],
		                      sections[i].bytes.size, 0);
		name += (uint32_t)strlen(sections[i].name) + 1;
	}
	struct sample_section strings = { .type = SHT_STRTAB };
	sample_section_header(a, k->is64, name, &strings, names, names_size, 0);
	as_patch(a, k->is64 ? 40 : 32, shoff, k->is64 ? 8 : 4);

	struct as segments = { .big = k->big };
	sample_segment(&segments, k->is64, PT_LOAD, 0, as_here(a));
	for (size_t i = 0; i < n; i++)
		if (sections[i].type == SHT_NOTE)
			sample_segment(&segments, k->is64, PT_NOTE, offs[i],
			               sections[i].bytes.size);
	memcpy(a->buf.at + phoff, segments.buf.at, segments.buf.n);
	as_free(&segments);
}

static inline void sample_note(struct as *a, const char *name, uint32_t type,
                               const void *content, uint32_t size)
{
	as_u32(a, (uint32_t)strlen(name) + 1);
	as_u32(a, size);
	as_u32(a, type);
	as_str(a, name);
	as_align(a, 4);
	as_bytes(a, content, size);
	as_align(a, 4);
}

static inline void sample_symbol(struct as *a, bool is64, uint32_t name, uint8_t info,
                                 uint16_t section, uint64_t addr, uint64_t size)
{
	as_u32(a, name);
	if (!is64) {
		as_u32(a, (uint32_t)addr);
		as_u32(a, (uint32_t)size);
	}
	as_u8(a, info);
	as_u8(a, 0);
	as_u16(a, section);
	if (is64) {
		as_u64(a, addr);
		as_u64(a, size);
	}
}

#endif
