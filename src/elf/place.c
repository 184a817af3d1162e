/* SPDX-License-Identifier: MIT */
/*
 * Relocatable objects (ET_REL: .o, .ko): their sections have no addresses yet, and their debug
 * info refers to symbols through relocations.
 *
 * The allocated sections get addresses one behind the other from 0, in their order, each at its
 * alignment; this is what elfutils does, so both mean the same place by one address. Then the
 * relocations of a section that is no code can be applied to a copy of its bytes.
 *
 * Source: gABI chapter 4, "Relocation"; psABI x86-64 and aarch64, relocation types
 */
#include <elf.h>

#include "elf/elf.h"

int turf_elf_place(struct elf *elf, uint64_t **ret, struct turf_error *err)
{
	if (elf->type != ET_REL || !elf->is64 ||
	    (elf->machine != EM_X86_64 && elf->machine != EM_AARCH64))
		return 0;
	uint64_t *addrs = calloc(elf->n_sections + (size_t)1, sizeof(*addrs));
	uint64_t end = 0;
	int r = addrs ? 0 : -ENOMEM;
	if (r < 0)
		turf_error_set(err, r, TURF_NOWHERE, "no memory for section addresses");
	for (uint32_t i = 1; r == 0 && i < elf->n_sections; i++) {
		struct elf_section s;
		r = turf_elf_section(elf, i, &s, err);
		if (r < 0 || !(s.flags & SHF_ALLOC))
			continue;
		uint64_t align = MAX(s.align, (uint64_t)1);
		if (align & (align - 1) || align > UINT32_MAX || s.size > UINT64_MAX / 4 ||
		    align_up(end, align) > UINT64_MAX / 4)
			r = turf_fail(err, -EBADMSG, s.off,
			              "section %s: cannot be placed at any address", s.name);
		addrs[i] = align_up(end, align);
		end = addrs[i] + s.size;
	}
	if (r < 0) {
		free(addrs);
		return r;
	}
	elf->addrs = *ret = addrs;
	return 1;
}

/* How a relocation is applied. */
struct kind {
	uint8_t size; /* bytes to write; 0: none */
	bool pc;      /* less the place's own address */
};

/* The types that compilers put into data; offsets of thread-local storage are no address. */
static bool kind_of(uint16_t machine, uint32_t type, struct kind *ret)
{
	static const struct {
		uint16_t machine;
		uint32_t type;
		struct kind kind;
	} kinds[] = {
		{ EM_X86_64, R_X86_64_NONE, { 0, false } },
		{ EM_X86_64, R_X86_64_64, { 8, false } },
		{ EM_X86_64, R_X86_64_32, { 4, false } },
		{ EM_X86_64, R_X86_64_32S, { 4, false } },
		{ EM_X86_64, R_X86_64_PC32, { 4, true } },
		{ EM_X86_64, R_X86_64_PC64, { 8, true } },
		{ EM_X86_64, R_X86_64_DTPOFF32, { 0, false } },
		{ EM_X86_64, R_X86_64_DTPOFF64, { 0, false } },
		{ EM_AARCH64, R_AARCH64_NONE, { 0, false } },
		{ EM_AARCH64, R_AARCH64_ABS64, { 8, false } },
		{ EM_AARCH64, R_AARCH64_ABS32, { 4, false } },
		{ EM_AARCH64, R_AARCH64_PREL64, { 8, true } },
		{ EM_AARCH64, R_AARCH64_PREL32, { 4, true } },
		{ EM_AARCH64, R_AARCH64_TLS_DTPREL, { 0, false } },
	};
	for (size_t i = 0; i < COUNT(kinds); i++) {
		if (kinds[i].machine == machine && kinds[i].type == type) {
			*ret = kinds[i].kind;
			return true;
		}
	}
	return false;
}

static void put(uint8_t *at, uint64_t value, unsigned size, bool big)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * (big ? size - 1 - i : i));
}

/* Applies one relocation to @bytes of @section. */
static int apply(const struct elf *elf, const struct elf_section *section, struct span bytes,
                 const Elf64_Rela *rela, const struct elf_symbols *symbols,
                 struct turf_error *err)
{
	struct elf_symbol symbol;
	struct kind kind;
	uint32_t type = (uint32_t)ELF64_R_TYPE(rela->r_info);
	uint64_t off = rela->r_offset;
	if (!kind_of(elf->machine, type, &kind))
		return turf_fail(err, -ENOTSUP, section->off,
		                 "section %s: relocation type %u is not read", section->name,
		                 type);
	if (off > bytes.size || kind.size > bytes.size - off)
		return turf_fail(err, -EBADMSG, section->off,
		                 "section %s: a relocation is outside of it", section->name);
	int r = turf_elf_symbol_at(symbols, (uint32_t)ELF64_R_SYM(rela->r_info), &symbol, err);
	if (r < 0 || !kind.size)
		return r;
	if (symbol.section == SHN_XINDEX)
		return turf_fail(err, -ENOTSUP, section->off,
		                 "section %s: a relocation is of a symbol in one of more than "
		                 "65,279 sections",
		                 section->name);
	uint64_t place = kind.pc ? section->addr + off : 0;
	put((uint8_t *)bytes.at + off, symbol.addr + (uint64_t)rela->r_addend - place,
	    kind.size, elf->big);
	return 0;
}

static int apply_all(const struct elf *elf, const struct elf_section *rela,
                     const struct elf_section *section, struct span bytes,
                     struct turf_error *err)
{
	struct elf_symbols symbols;
	struct elf_data data;
	int r = turf_elf_symbols(elf, SHT_SYMTAB, &symbols, err);
	if (r == 0)
		return turf_fail(err, -EBADMSG, rela->off, "section %s: there are no symbols",
		                 rela->name);
	if (r == 1)
		r = turf_elf_data(elf, rela, &data, err);
	if (r < 0)
		return r;
	struct cursor c = cur_of(data.bytes, elf->big);
	while (r == 0 && cur_left(&c) >= sizeof(Elf64_Rela)) {
		Elf64_Rela one = { .r_offset = cur_u64(&c) };
		one.r_info = cur_u64(&c);
		one.r_addend = (int64_t)cur_u64(&c);
		r = apply(elf, section, bytes, &one, &symbols, err);
	}
	turf_elf_data_fini(&data);
	return r;
}

/* The relocations of a section are in one other: 1, 0 there are none, < 0. */
static int find_rela(const struct elf *elf, const struct elf_section *section,
                     struct elf_section *ret, struct turf_error *err)
{
	for (uint32_t i = 1; i < elf->n_sections; i++) {
		int r = turf_elf_section(elf, i, ret, err);
		if (r < 0)
			return r;
		if (ret->type == SHT_RELA && ret->info == section->idx)
			return 1;
	}
	return 0;
}

int turf_elf_relocate(const struct elf *elf, const struct elf_section *section,
                      struct elf_data *data, struct turf_error *err)
{
	struct elf_section rela;
	if (!elf->addrs || section->flags & SHF_EXECINSTR || section->type == SHT_RELA ||
	    !data->bytes.size)
		return 0;
	int r = find_rela(elf, section, &rela, err);
	if (r <= 0)
		return r;
	if (!data->owned) {
		uint8_t *copy = malloc(data->bytes.size);
		if (!copy)
			return turf_fail(err, -ENOMEM, section->off, "section %s: no memory",
			                 section->name);
		memcpy(copy, data->bytes.at, data->bytes.size);
		*data = (struct elf_data){ { copy, data->bytes.size }, copy };
	}
	return apply_all(elf, &rela, section, data->bytes, err);
}
