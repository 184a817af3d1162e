/* SPDX-License-Identifier: MIT */
/*
 * Laying out and writing an urf.
 *
 * The file in order: ELF header, program headers, the sections, .shstrtab, the section headers.
 * Layout and writing walk the same arithmetic once: layout fills the offsets, writing only
 * copies.
 */
#include <elf.h>

#include "base/le.h"
#include "elf/write.h"

enum { PAGE = 4096 };

static const char SHSTRTAB[] = ".shstrtab";

static bool is_note(const struct elf_out_section *section)
{
	return section->type == SHT_NOTE;
}

static size_t count_notes(const struct elf_out *out)
{
	size_t n = 0;
	while (n < out->n_sections && is_note(&out->section[n]))
		n++;
	return n;
}

/* Notes come first and leave no gap among themselves: they are one PT_NOTE. */
static bool is_sound(const struct elf_out *out, size_t i, size_t n_notes)
{
	const struct elf_out_section *s = &out->section[i];
	if (!s->name || s->align == 0 || s->align & (s->align - 1) || s->align > PAGE)
		return false;
	if (is_note(s))
		return i < n_notes && s->align == 4 && s->bytes.size % 4 == 0;
	return true;
}

/* Moves @at to @align and past @size bytes; false where the sum would not fit. */
static bool place(uint64_t *at, uint64_t align, uint64_t size, uint64_t *off)
{
	static const uint64_t max = (uint64_t)1 << 62;
	*off = align_up(*at, align);
	if (size > max - *off)
		return false;
	*at = *off + size;
	return true;
}

int turf_elf_layout(struct elf_out *out)
{
	if (out->n_sections > ELF_WRITE_MAX_SECTIONS)
		return -E2BIG;
	size_t n_notes = count_notes(out);
	uint64_t at = sizeof(Elf64_Ehdr) + (n_notes ? 2 : 1) * sizeof(Elf64_Phdr);
	uint64_t names_size = 1 + sizeof(SHSTRTAB); /* the empty name is first */
	for (size_t i = 0; i < out->n_sections; i++) {
		struct elf_out_section *s = &out->section[i];
		if (!is_sound(out, i, n_notes))
			return -EINVAL;
		if (!place(&at, s->align, s->bytes.size, &s->off))
			return -E2BIG;
		names_size += strlen(s->name) + 1;
	}
	size_t n_headers = out->n_sections + 2; /* the null section and .shstrtab */
	if (!place(&at, 1, names_size, &out->names) ||
	    !place(&at, 8, n_headers * sizeof(Elf64_Shdr), &out->shoff))
		return -E2BIG;
	out->size = at;
	return 0;
}

static void write_header(const struct elf_out *out, uint8_t *dst)
{
	Elf64_Ehdr h = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
		             EV_CURRENT },
		.e_type = htole16(ET_DYN),
		.e_machine = htole16(out->machine),
		.e_version = htole32(EV_CURRENT),
		.e_phoff = htole64(sizeof(Elf64_Ehdr)),
		.e_shoff = htole64(out->shoff),
		.e_ehsize = htole16(sizeof(Elf64_Ehdr)),
		.e_phentsize = htole16(sizeof(Elf64_Phdr)),
		.e_phnum = htole16(count_notes(out) ? 2 : 1),
		.e_shentsize = htole16(sizeof(Elf64_Shdr)),
		.e_shnum = htole16((uint16_t)(out->n_sections + 2)),
		.e_shstrndx = htole16((uint16_t)(out->n_sections + 1)),
	};
	memcpy(dst, &h, sizeof(h));
}

static void write_segment(uint8_t *dst, uint32_t type, uint64_t off, uint64_t size,
                          uint64_t align)
{
	Elf64_Phdr p = {
		.p_type = htole32(type),
		.p_flags = htole32(PF_R),
		.p_offset = htole64(off),
		.p_vaddr = htole64(off),
		.p_paddr = htole64(off),
		.p_filesz = htole64(size),
		.p_memsz = htole64(size),
		.p_align = htole64(align),
	};
	memcpy(dst, &p, sizeof(p));
}

static void write_segments(const struct elf_out *out, uint8_t *dst)
{
	uint8_t *at = dst + sizeof(Elf64_Ehdr);
	write_segment(at, PT_LOAD, 0, out->size, PAGE);
	size_t n_notes = count_notes(out);
	if (!n_notes)
		return;
	const struct elf_out_section *last = &out->section[n_notes - 1];
	uint64_t start = out->section[0].off, end = last->off + last->bytes.size;
	write_segment(at + sizeof(Elf64_Phdr), PT_NOTE, start, end - start, 4);
}

/* Copies section and name, and writes the header; @name is the name's offset. */
static void write_section(const struct elf_out *out, size_t i, uint64_t name, uint8_t *dst)
{
	const struct elf_out_section *s = &out->section[i];
	Elf64_Shdr h = {
		.sh_name = htole32((uint32_t)name),
		.sh_type = htole32(s->type),
		.sh_flags = htole64(SHF_ALLOC),
		.sh_addr = htole64(s->off),
		.sh_offset = htole64(s->off),
		.sh_size = htole64(s->bytes.size),
		.sh_addralign = htole64(s->align),
		.sh_entsize = htole64(s->entry_size),
	};
	memcpy(dst + out->shoff + (i + 1) * sizeof(h), &h, sizeof(h));
	memcpy(dst + out->names + name, s->name, strlen(s->name) + 1);
	if (s->bytes.size)
		memcpy(dst + s->off, s->bytes.at, s->bytes.size);
}

static void write_names(const struct elf_out *out, uint64_t name, uint8_t *dst)
{
	Elf64_Shdr h = {
		.sh_name = htole32((uint32_t)name),
		.sh_type = htole32(SHT_STRTAB),
		.sh_offset = htole64(out->names),
		.sh_size = htole64(name + sizeof(SHSTRTAB)),
		.sh_addralign = htole64(1),
	};
	memcpy(dst + out->shoff + (out->n_sections + 1) * sizeof(h), &h, sizeof(h));
	memcpy(dst + out->names + name, SHSTRTAB, sizeof(SHSTRTAB));
}

/* Zeroes what lies between the sections: the same input gives the same bytes. */
static void write_padding(const struct elf_out *out, uint8_t *dst)
{
	uint64_t at = sizeof(Elf64_Ehdr) + (count_notes(out) ? 2 : 1) * sizeof(Elf64_Phdr);
	for (size_t i = 0; i < out->n_sections; i++) {
		const struct elf_out_section *s = &out->section[i];
		memset(dst + at, 0, s->off - at);
		at = s->off + s->bytes.size;
	}
	memset(dst + at, 0, out->shoff + sizeof(Elf64_Shdr) - at);
}

void turf_elf_emit(const struct elf_out *out, uint8_t *dst)
{
	write_header(out, dst);
	write_segments(out, dst);
	write_padding(out, dst);
	uint64_t name = 1;
	for (size_t i = 0; i < out->n_sections; i++) {
		write_section(out, i, name, dst);
		name += strlen(out->section[i].name) + 1;
	}
	write_names(out, name, dst);
}
