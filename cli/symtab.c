/* SPDX-License-Identifier: MIT */
/*
 * Symbol tables of ELF files of any class and byte order, as llvm-symbolizer reads them.
 *
 * Trust:  none; every offset is held against the size of the file before it is used
 * Source: System V gABI, chapters "Sections" and "Symbol Table"
 */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symtab.h"

/* A file's bytes and how to read its numbers. */
struct elf {
	const unsigned char *bytes;
	uint64_t size;
	bool wide, big;
	uint64_t sections, n_sections, section_size;
};

struct section {
	uint64_t type, flags, off, size, link, entry_size;
};

/* 0 where the file ends before. */
static uint64_t number(const struct elf *e, uint64_t off, size_t size)
{
	uint64_t n = 0;
	if (off > e->size || size > e->size - off)
		return 0;
	for (size_t i = 0; i < size; i++)
		n = n << 8 | e->bytes[off + (e->big ? i : size - 1 - i)];
	return n;
}

#define FIELD(e, off, type, field)                                                             \
	number((e),                                                                            \
	       (off) + ((e)->wide ? offsetof(Elf64_##type, field)                              \
	                          : offsetof(Elf32_##type, field)),                            \
	       (e)->wide ? sizeof(((Elf64_##type *)NULL)->field)                               \
	                 : sizeof(((Elf32_##type *)NULL)->field))

static bool read_header(struct elf *e)
{
	if (e->size < sizeof(Elf32_Ehdr) || memcmp(e->bytes, ELFMAG, SELFMAG) != 0)
		return false;
	e->wide = e->bytes[EI_CLASS] == ELFCLASS64;
	e->big = e->bytes[EI_DATA] == ELFDATA2MSB;
	e->sections = FIELD(e, 0, Ehdr, e_shoff);
	e->n_sections = FIELD(e, 0, Ehdr, e_shnum);
	e->section_size = FIELD(e, 0, Ehdr, e_shentsize);
	return e->sections <= e->size &&
	       e->section_size >= (e->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)) &&
	       e->n_sections <= (e->size - e->sections) / e->section_size;
}

/* A section all of which lies in the file, or has no bytes there. */
static bool read_section(const struct elf *e, uint64_t i, struct section *out)
{
	if (i >= e->n_sections)
		return false;
	uint64_t at = e->sections + i * e->section_size;
	*out = (struct section){
		.type = FIELD(e, at, Shdr, sh_type),
		.flags = FIELD(e, at, Shdr, sh_flags),
		.off = FIELD(e, at, Shdr, sh_offset),
		.size = FIELD(e, at, Shdr, sh_size),
		.link = FIELD(e, at, Shdr, sh_link),
		.entry_size = FIELD(e, at, Shdr, sh_entsize),
	};
	return out->type == SHT_NOBITS ||
	       (out->off <= e->size && out->size <= e->size - out->off);
}

static bool is_wanted(const struct elf *e, unsigned type, uint64_t section)
{
	struct section s;
	if (type != STT_NOTYPE && type != STT_FUNC && type != STT_OBJECT &&
	    type != STT_GNU_IFUNC)
		return false;
	return section != SHN_UNDEF && section < SHN_LORESERVE &&
	       read_section(e, section, &s) && s.flags & SHF_ALLOC;
}

/* Fills @t->at in the table's order. */
static void read_symbols(struct symtab *t, const struct elf *e, const struct section *table,
                         const struct section *strings)
{
	uint64_t n = table->size / table->entry_size;
	const char *file = NULL;
	t->at = calloc(n + 1, sizeof(*t->at));
	for (uint64_t i = 1; t->at && i < n; i++) {
		uint64_t at = table->off + i * table->entry_size;
		uint64_t name = FIELD(e, at, Sym, st_name);
		unsigned info = (unsigned)FIELD(e, at, Sym, st_info);
		if (name >= strings->size)
			continue;
		const char *text = (const char *)e->bytes + strings->off + name;
		if (ELF64_ST_TYPE(info) == STT_FILE)
			file = text;
		if (!*text || !is_wanted(e, ELF64_ST_TYPE(info), FIELD(e, at, Sym, st_shndx)))
			continue;
		t->at[t->n++] = (struct symtab_symbol){
			.addr = FIELD(e, at, Sym, st_value),
			.size = FIELD(e, at, Sym, st_size),
			.name = text,
			.order = i,
			.file = ELF64_ST_BIND(info) == STB_LOCAL && file && *file ? file : NULL,
		};
	}
}

/* By address, size, and place in the table. */
static int compare(const void *pa, const void *pb)
{
	const struct symtab_symbol *a = pa, *b = pb;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

/* Of those at one address the largest, and of equal ones the last, is kept. */
static void sort_symbols(struct symtab *t)
{
	size_t kept = 0;
	qsort(t->at, t->n, sizeof(*t->at), compare);
	for (size_t i = 0; i < t->n; i++) {
		if (kept && t->at[kept - 1].addr == t->at[i].addr)
			kept--;
		t->at[kept++] = t->at[i];
	}
	t->n = kept;
}

static bool read_table(struct symtab *t, const struct elf *e, uint64_t type)
{
	struct section table, strings;
	for (uint64_t i = 0; i < e->n_sections; i++) {
		if (!read_section(e, i, &table) || table.type != type ||
		    table.entry_size < (e->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym)) ||
		    !read_section(e, table.link, &strings) || strings.type != SHT_STRTAB ||
		    !strings.size || e->bytes[strings.off + strings.size - 1])
			continue;
		read_symbols(t, e, &table, &strings);
		if (t->n)
			sort_symbols(t);
		return t->n > 0;
	}
	return false;
}

void symtab_open(const char *path, struct symtab *out)
{
	struct stat st;
	*out = (struct symtab){ .map = NULL };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			out->map = map;
			out->map_size = (size_t)st.st_size;
		}
	}
	close(fd);
	struct elf e = { .bytes = out->map, .size = out->map_size };
	if (out->map && read_header(&e) && !read_table(out, &e, SHT_SYMTAB)) {
		free(out->at);
		out->at = NULL;
		read_table(out, &e, SHT_DYNSYM);
	}
}

void symtab_close(struct symtab *t)
{
	free(t->at);
	if (t->map)
		munmap(t->map, t->map_size);
	*t = (struct symtab){ .map = NULL };
}

const struct symtab_symbol *symtab_find(const struct symtab *t, uint64_t addr)
{
	size_t low = 0, high = t->n; /* at[low - 1].addr <= addr < at[high].addr */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (t->at[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	const struct symtab_symbol *s = &t->at[low - 1];
	return s->size && addr - s->addr >= s->size ? NULL : s;
}
