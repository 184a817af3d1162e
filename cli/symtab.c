/* SPDX-License-Identifier: MIT */
/*
 * Symbol tables of ELF files of any class and byte order, as llvm-symbolizer reads them.
 *
 * Source: System V gABI, chapter "Symbol Table"
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symtab.h"

static bool is_wanted(const struct elf *e, unsigned type, uint64_t section)
{
	struct elf_section s;
	if (type != STT_NOTYPE && type != STT_FUNC && type != STT_OBJECT &&
	    type != STT_GNU_IFUNC)
		return false;
	return section != SHN_UNDEF && section < SHN_LORESERVE && elf_section(e, section, &s) &&
	       s.flags & SHF_ALLOC;
}

/* Fills @t->at in the table's order. */
static void read_symbols(struct symtab *t, const struct elf *e, const struct elf_section *table,
                         const struct elf_section *strings)
{
	uint64_t n = table->size / table->entry_size;
	const char *file = NULL;
	t->at = calloc(n + 1, sizeof(*t->at));
	for (uint64_t i = 1; t->at && i < n; i++) {
		uint64_t at = table->off + i * table->entry_size;
		uint64_t name = ELF_FIELD(e, at, Sym, st_name);
		unsigned info = (unsigned)ELF_FIELD(e, at, Sym, st_info);
		if (name >= strings->size)
			continue;
		const char *text = (const char *)e->bytes + strings->off + name;
		if (ELF64_ST_TYPE(info) == STT_FILE)
			file = text;
		if (!*text ||
		    !is_wanted(e, ELF64_ST_TYPE(info), ELF_FIELD(e, at, Sym, st_shndx)))
			continue;
		t->at[t->n++] = (struct symtab_symbol){
			.addr = ELF_FIELD(e, at, Sym, st_value),
			.size = ELF_FIELD(e, at, Sym, st_size),
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
	struct elf_section table, strings;
	for (uint64_t i = 0; i < e->n_sections; i++) {
		if (!elf_section(e, i, &table) || table.type != type ||
		    table.entry_size < (e->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym)) ||
		    !elf_section(e, table.link, &strings) || strings.type != SHT_STRTAB ||
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
	*out = (struct symtab){ .n = 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	bool is_elf = elf_open(fd, &out->file);
	close(fd);
	if (is_elf && !read_table(out, &out->file, SHT_SYMTAB)) {
		free(out->at);
		out->at = NULL;
		read_table(out, &out->file, SHT_DYNSYM);
	}
}

void symtab_close(struct symtab *t)
{
	free(t->at);
	elf_close(&t->file);
	*t = (struct symtab){ .n = 0 };
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
