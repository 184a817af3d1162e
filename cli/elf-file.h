/* SPDX-License-Identifier: MIT */
/*
 * Section headers of ELF files of any class and byte order, as far as commands ask for them.
 *
 * Trust:  none; every offset is held against the size of the file before it is used
 * Source: System V gABI, chapters "ELF Header" and "Sections"
 */
#ifndef CLI_ELF_FILE_H
#define CLI_ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file's bytes and how to read its numbers. */
struct elf {
	const unsigned char *bytes;
	uint64_t size;
	bool wide, big;
	uint64_t sections, n_sections, section_size;
};

struct elf_section {
	uint64_t name, type, flags, addr, off, size, link, align, entry_size;
};

/* Maps a regular file; false: it cannot be mapped, or is no ELF file. */
bool elf_open(int fd, struct elf *out);
void elf_close(struct elf *e);

/* The number of @size bytes at @off; 0 where the file ends before. */
uint64_t elf_number(const struct elf *e, uint64_t off, size_t size);

#define ELF_FIELD(e, off, type, field)                                                         \
	elf_number((e),                                                                        \
	           (off) + ((e)->wide ? offsetof(Elf64_##type, field)                          \
	                              : offsetof(Elf32_##type, field)),                        \
	           (e)->wide ? sizeof(((Elf64_##type *)NULL)->field)                           \
	                     : sizeof(((Elf32_##type *)NULL)->field))

/* A section all of which lies in the file, or has no bytes there. */
bool elf_section(const struct elf *e, uint64_t i, struct elf_section *out);

/* Its name; "" where there is none that ends. */
const char *elf_section_name(const struct elf *e, const struct elf_section *section);
/*
 * The address of a section. One that is not linked yet has none: it gets what an urf gives it
 * (docs/format.md), one section behind the other.
 */
uint64_t elf_section_addr(const struct elf *e, uint64_t i);

/* It has bytes of code, or may have: one without section headers has segments only. */
bool elf_has_code(const struct elf *e);
/* It has a section of that type. */
bool elf_has_section(const struct elf *e, uint64_t type);

#endif
