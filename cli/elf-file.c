/* SPDX-License-Identifier: MIT */
/*
 * ELF files as far as commands ask for them: see elf-file.h.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "elf-file.h"

uint64_t elf_number(const struct elf *e, uint64_t off, size_t size)
{
	uint64_t n = 0;
	if (off > e->size || size > e->size - off)
		return 0;
	for (size_t i = 0; i < size; i++)
		n = n << 8 | e->bytes[off + (e->big ? i : size - 1 - i)];
	return n;
}

static bool read_header(struct elf *e)
{
	if (e->size < sizeof(Elf32_Ehdr) || memcmp(e->bytes, ELFMAG, SELFMAG) != 0)
		return false;
	e->wide = e->bytes[EI_CLASS] == ELFCLASS64;
	e->big = e->bytes[EI_DATA] == ELFDATA2MSB;
	e->sections = ELF_FIELD(e, 0, Ehdr, e_shoff);
	e->n_sections = ELF_FIELD(e, 0, Ehdr, e_shnum);
	e->section_size = ELF_FIELD(e, 0, Ehdr, e_shentsize);
	if (e->sections > e->size ||
	    e->section_size < (e->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)))
		e->n_sections = 0;
	uint64_t room = e->n_sections ? (e->size - e->sections) / e->section_size : 0;
	if (e->n_sections > room)
		e->n_sections = 0;
	return true;
}

bool elf_open(int fd, struct elf *out)
{
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return false;
	void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return false;
	*out = (struct elf){ .bytes = map, .size = (uint64_t)st.st_size };
	if (read_header(out))
		return true;
	elf_close(out);
	return false;
}

void elf_close(struct elf *e)
{
	if (e->bytes)
		munmap((void *)e->bytes, (size_t)e->size);
	*e = (struct elf){ .bytes = NULL };
}

bool elf_section(const struct elf *e, uint64_t i, struct elf_section *out)
{
	if (i >= e->n_sections)
		return false;
	uint64_t at = e->sections + i * e->section_size;
	*out = (struct elf_section){
		.name = ELF_FIELD(e, at, Shdr, sh_name),
		.type = ELF_FIELD(e, at, Shdr, sh_type),
		.addr = ELF_FIELD(e, at, Shdr, sh_addr),
		.align = ELF_FIELD(e, at, Shdr, sh_addralign),
		.flags = ELF_FIELD(e, at, Shdr, sh_flags),
		.off = ELF_FIELD(e, at, Shdr, sh_offset),
		.size = ELF_FIELD(e, at, Shdr, sh_size),
		.link = ELF_FIELD(e, at, Shdr, sh_link),
		.entry_size = ELF_FIELD(e, at, Shdr, sh_entsize),
	};
	return out->type == SHT_NOBITS ||
	       (out->off <= e->size && out->size <= e->size - out->off);
}

const char *elf_section_name(const struct elf *e, const struct elf_section *section)
{
	struct elf_section names;
	uint64_t idx = ELF_FIELD(e, 0, Ehdr, e_shstrndx);
	if (!elf_section(e, idx, &names) || names.type == SHT_NOBITS ||
	    section->name >= names.size || e->bytes[names.off + names.size - 1])
		return "";
	return (const char *)e->bytes + names.off + section->name;
}

uint64_t elf_section_addr(const struct elf *e, uint64_t i)
{
	struct elf_section s = { 0 };
	uint64_t addr = 0;
	if (ELF_FIELD(e, 0, Ehdr, e_type) != ET_REL)
		return elf_section(e, i, &s) ? s.addr : 0;
	for (uint64_t k = 0; k <= i && k < e->n_sections; k++) {
		elf_section(e, k, &s);
		if (!(s.flags & SHF_ALLOC))
			continue;
		uint64_t align = s.align ? s.align : 1;
		addr = (addr + align - 1) / align * align;
		if (k < i)
			addr += s.size;
	}
	return addr;
}

bool elf_has_code(const struct elf *e)
{
	struct elf_section s;
	uint64_t type = ELF_FIELD(e, 0, Ehdr, e_type);
	if (!e->n_sections)
		return type == ET_EXEC || type == ET_DYN;
	for (uint64_t i = 0; i < e->n_sections; i++)
		if (elf_section(e, i, &s) && s.flags & SHF_EXECINSTR && s.size &&
		    s.type != SHT_NOBITS)
			return true;
	return false;
}

bool elf_has_section(const struct elf *e, uint64_t type)
{
	struct elf_section s;
	for (uint64_t i = 0; i < e->n_sections; i++)
		if (elf_section(e, i, &s) && s.type == type)
			return true;
	return false;
}
