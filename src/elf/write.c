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

static Elf64_Ehdr file_header(const struct elf_out *out)
{
	return (Elf64_Ehdr){
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
}

static Elf64_Phdr segment(uint32_t type, uint64_t off, uint64_t size, uint64_t align)
{
	return (Elf64_Phdr){
		.p_type = htole32(type),
		.p_flags = htole32(PF_R),
		.p_offset = htole64(off),
		.p_vaddr = htole64(off),
		.p_paddr = htole64(off),
		.p_filesz = htole64(size),
		.p_memsz = htole64(size),
		.p_align = htole64(align),
	};
}

/* All before the sections. */
static size_t put_front(const struct elf_out *out, uint8_t front[ELF_FRONT_MAX])
{
	Elf64_Ehdr h = file_header(out);
	Elf64_Phdr p = segment(PT_LOAD, 0, out->size, PAGE);
	memcpy(front, &h, sizeof(h));
	memcpy(front + sizeof(h), &p, sizeof(p));
	size_t n_notes = count_notes(out);
	if (!n_notes)
		return sizeof(h) + sizeof(p);
	const struct elf_out_section *last = &out->section[n_notes - 1];
	uint64_t start = out->section[0].off, end = last->off + last->bytes.size;
	p = segment(PT_NOTE, start, end - start, 4);
	memcpy(front + sizeof(h) + sizeof(p), &p, sizeof(p));
	return sizeof(h) + 2 * sizeof(p);
}

/* All behind the sections: names and section headers. @back begins at out->names, zeroed. */
static void put_back(const struct elf_out *out, uint8_t *back)
{
	uint64_t name = 1;
	uint8_t *headers = back + (out->shoff - out->names);
	for (size_t i = 0; i < out->n_sections; i++) {
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
		memcpy(headers + (i + 1) * sizeof(h), &h, sizeof(h));
		memcpy(back + name, s->name, strlen(s->name) + 1);
		name += strlen(s->name) + 1;
	}
	Elf64_Shdr h = {
		.sh_name = htole32((uint32_t)name),
		.sh_type = htole32(SHT_STRTAB),
		.sh_offset = htole64(out->names),
		.sh_size = htole64(name + sizeof(SHSTRTAB)),
		.sh_addralign = htole64(1),
	};
	memcpy(headers + (out->n_sections + 1) * sizeof(h), &h, sizeof(h));
	memcpy(back + name, SHSTRTAB, sizeof(SHSTRTAB));
}

static void add_piece(struct elf_pieces *p, const void *at, uint64_t size)
{
	if (size)
		p->at[p->n++] = (struct span){ at, (size_t)size };
}

int turf_elf_pieces(const struct elf_out *out, struct elf_pieces *ret)
{
	static const uint8_t zero[PAGE];
	*ret = (struct elf_pieces){ .back = calloc(1, (size_t)(out->size - out->names)) };
	if (!ret->back)
		return -ENOMEM;
	uint64_t at = put_front(out, ret->front);
	add_piece(ret, ret->front, at);
	for (size_t i = 0; i < out->n_sections; i++) {
		const struct elf_out_section *s = &out->section[i];
		add_piece(ret, zero, s->off - at);
		add_piece(ret, s->bytes.at, s->bytes.size);
		at = s->off + s->bytes.size;
	}
	add_piece(ret, zero, out->names - at);
	put_back(out, ret->back);
	add_piece(ret, ret->back, out->size - out->names);
	return 0;
}

void turf_elf_pieces_fini(struct elf_pieces *pieces)
{
	free(pieces->back);
}
