/* SPDX-License-Identifier: MIT */
/*
 * Writing an urf: an ELF64 little-endian ET_DYN file whose bytes on disk are its bytes in
 * memory.
 *
 * One PT_LOAD over the whole file at address 0, one PT_NOTE over the note sections, which come
 * first; then the sections in the order given; then .shstrtab; the section header table last.
 * All sections but .shstrtab are SHF_ALLOC with sh_addr == sh_offset.
 */
#ifndef ELF_WRITE_H
#define ELF_WRITE_H

#include "base/base.h"

enum { ELF_WRITE_MAX_SECTIONS = 64 };

struct elf_out_section {
	const char *name;
	uint32_t type;  /* SHT_PROGBITS or SHT_NOTE (notes first) */
	uint32_t align; /* a power of two up to 4096; of a note: 4, and its size a multiple */
	uint32_t entry_size;
	struct span bytes; /* size is used by the layout, at only by the writing */
	uint64_t off;      /* filled by the layout */
};

struct elf_out {
	uint16_t machine;
	struct elf_out_section section[ELF_WRITE_MAX_SECTIONS];
	size_t n_sections;
	uint64_t size;  /* of the whole file; filled by the layout */
	uint64_t names; /* private: offset of .shstrtab */
	uint64_t shoff; /* private: offset of the section headers */
};

/* Places every section: fills off and size. 0 or -E2BIG, -EINVAL. */
int turf_elf_layout(struct elf_out *out);

/*
 * The bytes of the file, piece by piece, each a part of something that must outlive them: of
 * @out's sections, or of what turf_elf_pieces_fini() gives back. 0 or -ENOMEM.
 */
enum { ELF_FRONT_MAX = 64 + 2 * 56, ELF_PIECES_MAX = 2 * ELF_WRITE_MAX_SECTIONS + 3 };
struct elf_pieces {
	struct span at[ELF_PIECES_MAX];
	size_t n;
	uint8_t front[ELF_FRONT_MAX];
	uint8_t *back;
};
int turf_elf_pieces(const struct elf_out *out, struct elf_pieces *ret);
void turf_elf_pieces_fini(struct elf_pieces *pieces);

#endif
