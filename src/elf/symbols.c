/* SPDX-License-Identifier: MIT */
/*
 * ELF symbols, one after the other, in file order.
 *
 * Source: gABI chapter 4, "Symbol Table" (the fields' order differs between the classes)
 */
#include <elf.h>
#include <inttypes.h>

#include "elf/elf.h"

/* The bytes of a table that must lie in the file as they are used. */
static int table_bytes(const struct elf *elf, const struct elf_section *section,
                       struct span *ret, struct turf_error *err)
{
	if (section->flags & SHF_COMPRESSED)
		return turf_fail(err, -ENOTSUP, section->off,
		                 "section %" PRIu32 ": compressed symbols are not read",
		                 section->idx);
	struct span bytes = span_part(elf->file, section->off, section->size);
	if (section->size && !bytes.at)
		return turf_fail(err, -EBADMSG, section->off,
		                 "section %" PRIu32 ": 0x%" PRIx64 "+0x%" PRIx64
		                 " leave the file of %zu bytes",
		                 section->idx, section->off, section->size, elf->file.size);
	*ret = bytes;
	return 0;
}

/* The strings of @symtab, cut behind the last NUL: any offset inside is a string. */
static int strings_of(const struct elf *elf, const struct elf_section *symtab, struct span *ret,
                      struct turf_error *err)
{
	struct elf_section section;
	if (symtab->link == SHN_UNDEF || symtab->link >= elf->n_sections)
		return turf_fail(err, -EBADMSG, TURF_NOWHERE,
		                 "section %" PRIu32 ": names are in section %" PRIu32
		                 ", which is none",
		                 symtab->idx, symtab->link);
	int r = turf_elf_section(elf, symtab->link, &section, err);
	if (r < 0)
		return r;
	if (section.type != SHT_STRTAB)
		return turf_fail(err, -EBADMSG, section.off,
		                 "section %" PRIu32 ": names are in section %" PRIu32
		                 ", which holds no strings",
		                 symtab->idx, symtab->link);
	struct span strings;
	r = table_bytes(elf, &section, &strings, err);
	if (r < 0)
		return r;
	const uint8_t *nul = strings.at ? memrchr(strings.at, 0, strings.size) : NULL;
	*ret = nul ? (struct span){ strings.at, (size_t)(nul - strings.at) + 1 }
	           : (struct span){ NULL, 0 };
	return 0;
}

static int begin(const struct elf *elf, const struct elf_section *section,
                 struct elf_symbols *ret, struct turf_error *err)
{
	struct span bytes, strings;
	size_t size = elf->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	int r = table_bytes(elf, section, &bytes, err);
	if (r < 0)
		return r;
	if (section->entry_size != size || bytes.size % size)
		return turf_fail(err, -EBADMSG, section->off,
		                 "section %" PRIu32 ": %" PRIu64 " bytes of symbols of %" PRIu64
		                 " bytes, which should have %zu",
		                 section->idx, section->size, section->entry_size, size);
	r = strings_of(elf, section, &strings, err);
	if (r < 0)
		return r;
	struct cursor at = cur_of(bytes, elf->big);
	if (bytes.size)
		cur_skip(&at, size); /* the null symbol */
	*ret = (struct elf_symbols){ at,         strings,         elf->is64,
		                     elf->addrs, elf->n_sections, elf->machine };
	return 1;
}

int turf_elf_symbols(const struct elf *elf, uint32_t type, struct elf_symbols *ret,
                     struct turf_error *err)
{
	for (uint32_t i = 1; i < elf->n_sections; i++) {
		struct elf_section section;
		int r = turf_elf_section(elf, i, &section, err);
		if (r < 0)
			return r;
		if (section.type == type)
			return begin(elf, &section, ret, err);
	}
	return 0;
}

int turf_elf_next_symbol(struct elf_symbols *symbols, struct elf_symbol *ret,
                         struct turf_error *err)
{
	struct cursor *c = &symbols->at;
	if (!cur_left(c))
		return 0;
	size_t where = cur_off(c);
	struct elf_symbol symbol = { 0 };
	uint32_t name = cur_u32(c);
	if (!symbols->is64) {
		symbol.addr = cur_u32(c);
		symbol.size = cur_u32(c);
	}
	uint8_t info = cur_u8(c);
	cur_skip(c, 1); /* st_other */
	symbol.section = cur_u16(c);
	if (symbols->is64) {
		symbol.addr = cur_u64(c);
		symbol.size = cur_u64(c);
	}
	symbol.type = ELF64_ST_TYPE(info);
	symbol.bind = ELF64_ST_BIND(info);
	if (symbols->machine == EM_ARM && symbol.type == STT_FUNC)
		symbol.addr &= ~(uint64_t)1; /* ELF for the Arm architecture, 5.5.3 */
	if (symbols->addrs &&
	    symbol.section < MIN(symbols->n_sections, (uint32_t)SHN_LORESERVE))
		symbol.addr += symbols->addrs[symbol.section];
	symbol.name = "";
	if (name < symbols->strings.size)
		symbol.name = (const char *)symbols->strings.at + name;
	else if (name)
		return turf_fail(err, -EBADMSG, where,
		                 "symbol at 0x%zx of its table: name at 0x%" PRIx32
		                 " is outside the strings",
		                 where, name);
	*ret = symbol;
	return 1;
}

int turf_elf_symbol_at(const struct elf_symbols *symbols, uint32_t idx, struct elf_symbol *ret,
                       struct turf_error *err)
{
	struct elf_symbols walk = *symbols;
	size_t size = symbols->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
	walk.at.at = walk.at.start;
	cur_seek(&walk.at, (uint64_t)idx * size);
	int r = walk.at.bad ? 0 : turf_elf_next_symbol(&walk, ret, err);
	if (r == 0)
		return turf_fail(err, -EBADMSG, TURF_NOWHERE,
		                 "a relocation is of symbol %" PRIu32 ", which is none", idx);
	return MIN(r, 0);
}
