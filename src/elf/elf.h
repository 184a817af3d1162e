/* SPDX-License-Identifier: MIT */
/*
 * Reading an ELF file from a span: sections, segments, symbols, notes, compressed sections.
 *
 * In:    the file's bytes, ELF32 or ELF64, either byte order; never a path
 * Out:   spans into them; 1 here is one, 0 there is none, < 0 why not
 * Trust: none
 * Source: System V gABI chapters 4 and 5; GNU build-id and debuglink as binutils documents them
 */
#ifndef ELF_ELF_H
#define ELF_ELF_H

#include "base/cursor.h"

struct elf {
	struct span file;
	bool is64, big;
	uint16_t type, machine; /* ET_*, EM_* */
	uint64_t phoff, shoff;
	uint32_t n_segments, n_sections;
	uint16_t phentsize, shentsize;
	struct span names;     /* section name strings; may be empty */
	const uint64_t *addrs; /* of each section, where turf_elf_place() gave them; borrowed */
};

struct elf_section {
	const char *name; /* "" where it has none */
	uint32_t idx, type, link, info;
	uint64_t flags, addr, off, size, align, entry_size;
};

struct elf_segment {
	uint32_t type, flags; /* PT_*, PF_* */
	uint64_t off, addr, file_size, mem_size, align;
};

struct elf_symbol {
	const char *name;
	uint64_t addr,
		size;       /* of arm's functions without the lowest bit: it marks Thumb code */
	uint8_t type, bind; /* STT_*, STB_* */
	uint16_t section;   /* st_shndx as it stands: SHN_XINDEX is not looked up */
};

/* Bytes of a section: in the file, or inflated into memory of their own. */
struct elf_data {
	struct span bytes;
	void *owned; /* malloc'd, or NULL; turf_elf_data_fini() frees it */
};

/* Checks the header and both tables' bounds. 0, -EBADMSG (also: no ELF file at all), -ENOTSUP.
 */
int turf_elf_open(struct span file, struct elf *ret, struct turf_error *err);

int turf_elf_section(const struct elf *elf, uint32_t idx, struct elf_section *ret,
                     struct turf_error *err);
/* The first section of that name: 1, 0, < 0. */
int turf_elf_find_section(const struct elf *elf, const char *name, struct elf_section *ret,
                          struct turf_error *err);
/* The same of ".debug_NAME", or of ".zdebug_NAME" where old tools have compressed it; where
 * there are several, the first that is in no group. */
int turf_elf_find_debug_section(const struct elf *elf, const char *name,
                                struct elf_section *ret, struct turf_error *err);
int turf_elf_segment(const struct elf *elf, uint32_t idx, struct elf_segment *ret,
                     struct turf_error *err);

/*
 * The bytes of @section; inflated when SHF_COMPRESSED (zlib, zstd) or named .zdebug_*.
 * SHT_NOBITS: 0 bytes. The memory is bounded by the input, not by what it claims: a zlib
 * section that claims more than 1032 times its compressed size (zlib's own bound) + 64 KiB is
 * -E2BIG; so is a zstd section of more than 16 GiB, and there the memory grows as bytes arrive.
 * A stream that gives fewer or more bytes than claimed is -EBADMSG.
 * Return: 0 or < 0
 */
int turf_elf_data(const struct elf *elf, const struct elf_section *section,
                  struct elf_data *ret, struct turf_error *err);
void turf_elf_data_fini(struct elf_data *data);

/*
 * Gives the sections of a relocatable object (ET_REL of a machine whose relocations are known)
 * addresses, from 0 on in their order: elf->addrs is *@ret, for the caller to free when @elf is
 * no longer used.
 * From then on addresses of sections and symbols count from them, and turf_elf_data() of what
 * is no code comes relocated. 1, 0 it is none of these, < 0.
 */
int turf_elf_place(struct elf *elf, uint64_t **ret, struct turf_error *err);
/* x86-64, aarch64, i386, arm, ppc64, s390x, riscv. */
bool turf_elf_knows_relocations(uint16_t machine);
/* Applies the relocations of @section to @data, in memory of its own then. For turf_elf_data().
 */
int turf_elf_relocate(const struct elf *elf, const struct elf_section *section,
                      struct elf_data *data, struct turf_error *err);

/* The GNU build-id, from PT_NOTE segments, else SHT_NOTE sections: 1, 0, < 0. Where there are
 * sections, a malformed segment is passed over: separate debug files have such. */
int turf_elf_build_id(const struct elf *elf, struct span *ret, struct turf_error *err);

/* The name of a separate debug file and the CRC-32 of all its bytes (zlib's). */
struct elf_debug_link {
	const char *name;
	uint32_t crc;
};
/* What .gnu_debuglink says: 1, 0, < 0. */
int turf_elf_debug_link(const struct elf *elf, struct elf_debug_link *ret,
                        struct turf_error *err);

/* The ELF file that is in .gnu_debugdata (MiniDebugInfo), inflated: at most 256 MiB. 1, 0,
 * < 0: -ENOTSUP also where Turf was built without liblzma. */
int turf_elf_debug_data(const struct elf *elf, struct elf_data *ret, struct turf_error *err);

/* A walk over SHT_SYMTAB or SHT_DYNSYM. */
struct elf_symbols {
	struct cursor at;
	struct span strings;
	bool is64;
	const uint64_t *addrs; /* elf->addrs, of as many sections */
	uint32_t n_sections;
	uint16_t machine;
};
/* @type: SHT_SYMTAB or SHT_DYNSYM; 1 begun, 0 no such table, < 0. */
int turf_elf_symbols(const struct elf *elf, uint32_t type, struct elf_symbols *ret,
                     struct turf_error *err);
/* 1, 0 end, < 0. A name out of bounds is -EBADMSG. The null symbol is not told. */
int turf_elf_next_symbol(struct elf_symbols *symbols, struct elf_symbol *ret,
                         struct turf_error *err);

/* The @idx-th symbol of the table, the null symbol being 0. 0; < 0, also when there is none. */
int turf_elf_symbol_at(const struct elf_symbols *symbols, uint32_t idx, struct elf_symbol *ret,
                       struct turf_error *err);

/* A stub that jumps to a symbol of another file; vec_fini() frees the array. */
struct elf_stub {
	uint64_t addr, size;
	const char *name; /* of the symbol */
};
struct elf_stubs {
	struct elf_stub *at;
	size_t n, room;
};
/* The stubs in .plt, .plt.sec and .plt.got of x86-64, i386, aarch64, arm, riscv64 and s390x, by
 * section, and the branches of ppc64 (ELFv2): 1, 0, < 0. */
int turf_elf_stubs(const struct elf *elf, struct elf_stubs *ret, struct turf_error *err);

#endif
