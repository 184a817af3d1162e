/* SPDX-License-Identifier: MIT */
/*
 * Relocations of what is not linked yet: debug sections and unwind tables refer to code through
 * them.
 *
 * Only the types are known that assemblers put into data. What a symbol's value is added to
 * lies in the relocation itself (SHT_RELA) or in the bytes that it changes (SHT_REL: i386,
 * arm). RISC-V's linker may still shorten code, so there even differences of two labels are
 * pairs of relocations, one that adds and one that subtracts.
 *
 * Source: gABI chapter 4, "Relocation"; the psABIs of the machines below, relocation types
 */
#include <elf.h>

#include "elf/elf.h"

enum { RISCV_SET_ULEB128 = 60, RISCV_SUB_ULEB128 = 61 }; /* newer than glibc 2.36 */

enum op {
	NOTHING, /* offsets of thread-local storage are no address; hints to the linker */
	SET,
	PC, /* less the place's own address */
	ADD,
	SUB,
	SET_6, /* the low six bits of a byte */
	SUB_6,
	SET_ULEB, /* as long as the number that stands there */
	SUB_ULEB,
};

static const struct kind {
	uint16_t machine, type; /* EM_*, R_* */
	uint8_t op, size;       /* enum op, bytes */
} kinds[] = {
	{ EM_X86_64, R_X86_64_NONE, NOTHING, 0 },
	{ EM_X86_64, R_X86_64_64, SET, 8 },
	{ EM_X86_64, R_X86_64_32, SET, 4 },
	{ EM_X86_64, R_X86_64_32S, SET, 4 },
	{ EM_X86_64, R_X86_64_PC32, PC, 4 },
	{ EM_X86_64, R_X86_64_PC64, PC, 8 },
	{ EM_X86_64, R_X86_64_DTPOFF32, NOTHING, 0 },
	{ EM_X86_64, R_X86_64_DTPOFF64, NOTHING, 0 },
	{ EM_AARCH64, R_AARCH64_NONE, NOTHING, 0 },
	{ EM_AARCH64, R_AARCH64_ABS64, SET, 8 },
	{ EM_AARCH64, R_AARCH64_ABS32, SET, 4 },
	{ EM_AARCH64, R_AARCH64_PREL64, PC, 8 },
	{ EM_AARCH64, R_AARCH64_PREL32, PC, 4 },
	{ EM_AARCH64, R_AARCH64_TLS_DTPREL, NOTHING, 0 },
	{ EM_386, R_386_NONE, NOTHING, 0 },
	{ EM_386, R_386_32, SET, 4 },
	{ EM_386, R_386_PC32, PC, 4 },
	{ EM_386, R_386_TLS_LDO_32, NOTHING, 0 },
	{ EM_386, R_386_GOTOFF, NOTHING, 0 }, /* where a variable is; there is no table yet */
	{ EM_ARM, R_ARM_NONE, NOTHING, 0 },
	{ EM_ARM, R_ARM_ABS32, SET, 4 },
	{ EM_ARM, R_ARM_REL32, PC, 4 },
	{ EM_ARM, R_ARM_TLS_LDO32, NOTHING, 0 },
	{ EM_PPC64, R_PPC64_NONE, NOTHING, 0 },
	{ EM_PPC64, R_PPC64_ADDR32, SET, 4 },
	{ EM_PPC64, R_PPC64_ADDR64, SET, 8 },
	{ EM_PPC64, R_PPC64_REL32, PC, 4 },
	{ EM_PPC64, R_PPC64_REL64, PC, 8 },
	{ EM_PPC64, R_PPC64_DTPREL64, NOTHING, 0 },
	{ EM_S390, R_390_NONE, NOTHING, 0 },
	{ EM_S390, R_390_32, SET, 4 },
	{ EM_S390, R_390_64, SET, 8 },
	{ EM_S390, R_390_PC32, PC, 4 },
	{ EM_S390, R_390_PC64, PC, 8 },
	{ EM_S390, R_390_TLS_LDO32, NOTHING, 0 },
	{ EM_S390, R_390_TLS_LDO64, NOTHING, 0 },
	{ EM_RISCV, R_RISCV_NONE, NOTHING, 0 },
	{ EM_RISCV, R_RISCV_32, SET, 4 },
	{ EM_RISCV, R_RISCV_64, SET, 8 },
	{ EM_RISCV, R_RISCV_TLS_DTPREL32, NOTHING, 0 },
	{ EM_RISCV, R_RISCV_TLS_DTPREL64, NOTHING, 0 },
	{ EM_RISCV, R_RISCV_RELAX, NOTHING, 0 },
	{ EM_RISCV, R_RISCV_32_PCREL, PC, 4 },
	{ EM_RISCV, R_RISCV_ADD8, ADD, 1 },
	{ EM_RISCV, R_RISCV_ADD16, ADD, 2 },
	{ EM_RISCV, R_RISCV_ADD32, ADD, 4 },
	{ EM_RISCV, R_RISCV_ADD64, ADD, 8 },
	{ EM_RISCV, R_RISCV_SUB6, SUB_6, 1 },
	{ EM_RISCV, R_RISCV_SUB8, SUB, 1 },
	{ EM_RISCV, R_RISCV_SUB16, SUB, 2 },
	{ EM_RISCV, R_RISCV_SUB32, SUB, 4 },
	{ EM_RISCV, R_RISCV_SUB64, SUB, 8 },
	{ EM_RISCV, R_RISCV_SET6, SET_6, 1 },
	{ EM_RISCV, R_RISCV_SET8, SET, 1 },
	{ EM_RISCV, R_RISCV_SET16, SET, 2 },
	{ EM_RISCV, R_RISCV_SET32, SET, 4 },
	{ EM_RISCV, RISCV_SET_ULEB128, SET_ULEB, 1 },
	{ EM_RISCV, RISCV_SUB_ULEB128, SUB_ULEB, 1 },
};

/* The section that is changed, and what changes it. */
struct job {
	const struct elf *elf;
	const struct elf_section *section;
	struct span bytes;
	struct elf_symbols symbols;
	bool in_place; /* SHT_REL */
};

struct relocation {
	uint64_t off, addend;
	uint32_t type, symbol;
};

static const struct kind *kind_of(uint16_t machine, uint32_t type)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (kinds[i].machine == machine && kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

bool turf_elf_knows_relocations(uint16_t machine)
{
	return kind_of(machine, 0); /* type 0 is "none" on all of them */
}

static uint64_t get(const uint8_t *at, unsigned size, bool big)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < size; i++)
		value = value << 8 | at[big ? i : size - 1 - i];
	return value;
}

static void put(uint8_t *at, uint64_t value, unsigned size, bool big)
{
	for (unsigned i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * (big ? size - 1 - i : i));
}

/* Writes @value over the number at @at, which keeps its length; false: it does not end. */
static bool put_uleb(const struct job *job, uint64_t off, uint64_t value, bool subtract)
{
	struct cursor c = cur_of(job->bytes, job->elf->big);
	cur_seek(&c, off);
	uint64_t old = cur_uleb(&c);
	if (c.bad)
		return false;
	value = subtract ? old - value : value;
	for (uint8_t *at = (uint8_t *)job->bytes.at + off; at < c.at; at++, value >>= 7)
		*at = (uint8_t)((*at & 0x80) | (value & 0x7f));
	return true;
}

/* @value: symbol and addend. False: a number that leaves the section. */
static bool write_value(const struct job *job, const struct kind *kind, uint64_t off,
                        uint64_t value)
{
	uint8_t *at = (uint8_t *)job->bytes.at + off;
	uint64_t old = get(at, kind->size, job->elf->big);
	switch ((enum op)kind->op) {
	case NOTHING:
		return true;
	case SET:
		break;
	case PC:
		value -= job->section->addr + off;
		break;
	case ADD:
		value = old + value;
		break;
	case SUB:
		value = old - value;
		break;
	case SET_6:
		value = (old & 0xc0) | (value & 0x3f);
		break;
	case SUB_6:
		value = (old & 0xc0) | ((old - value) & 0x3f);
		break;
	case SET_ULEB:
	case SUB_ULEB:
		return put_uleb(job, off, value, kind->op == SUB_ULEB);
	}
	put(at, value, kind->size, job->elf->big);
	return true;
}

static int outside(const struct job *job, struct turf_error *err)
{
	return turf_fail(err, -EBADMSG, job->section->off,
	                 "section %s: a relocation is outside of it", job->section->name);
}

static int apply(const struct job *job, const struct relocation *rel, struct turf_error *err)
{
	const struct elf *elf = job->elf;
	const struct elf_section *section = job->section;
	const struct kind *kind = kind_of(elf->machine, rel->type);
	struct elf_symbol symbol;
	if (!kind)
		return turf_fail(err, -ENOTSUP, section->off,
		                 "section %s: relocation type %u is not read", section->name,
		                 rel->type);
	if (rel->off > job->bytes.size || kind->size > job->bytes.size - rel->off)
		return outside(job, err);
	int r = turf_elf_symbol_at(&job->symbols, rel->symbol, &symbol, err);
	if (r < 0 || kind->op == NOTHING)
		return r;
	if (symbol.section == SHN_XINDEX)
		return turf_fail(err, -ENOTSUP, section->off,
		                 "section %s: a relocation is of a symbol in one of more than "
		                 "65,279 sections",
		                 section->name);
	uint64_t addend = rel->addend;
	if (job->in_place)
		addend = get(job->bytes.at + rel->off, kind->size, elf->big);
	return write_value(job, kind, rel->off, symbol.addr + addend) ? 0 : outside(job, err);
}

/* ELF32 has the symbol in 24 bits and the type in 8, ELF64 each in 32. */
static struct relocation next(struct cursor *c, const struct job *job)
{
	struct relocation rel = { 0 };
	bool is64 = job->elf->is64;
	rel.off = is64 ? cur_u64(c) : cur_u32(c);
	uint64_t info = is64 ? cur_u64(c) : cur_u32(c);
	rel.symbol = (uint32_t)(is64 ? ELF64_R_SYM(info) : ELF32_R_SYM(info));
	rel.type = (uint32_t)(is64 ? ELF64_R_TYPE(info) : ELF32_R_TYPE(info));
	if (!job->in_place)
		rel.addend = is64 ? cur_u64(c) : cur_u32(c);
	return rel;
}

static int apply_all(struct job *job, const struct elf_section *rela, struct turf_error *err)
{
	struct elf_data data;
	int r = turf_elf_symbols(job->elf, SHT_SYMTAB, &job->symbols, err);
	if (r == 0)
		return turf_fail(err, -EBADMSG, rela->off, "section %s: there are no symbols",
		                 rela->name);
	if (r == 1)
		r = turf_elf_data(job->elf, rela, &data, err);
	if (r < 0)
		return r;
	struct cursor c = cur_of(data.bytes, job->elf->big);
	size_t size = (job->elf->is64 ? 8u : 4u) * (job->in_place ? 2u : 3u);
	while (r == 0 && cur_left(&c) >= size) {
		struct relocation rel = next(&c, job);
		r = apply(job, &rel, err);
	}
	turf_elf_data_fini(&data);
	return r;
}

static bool holds_relocations(const struct elf_section *section)
{
	return section->type == SHT_RELA || section->type == SHT_REL;
}

/* The relocations of a section are in one other: 1, 0 there are none, < 0. */
static int find_relocations(const struct elf *elf, const struct elf_section *section,
                            struct elf_section *ret, struct turf_error *err)
{
	for (uint32_t i = 1; i < elf->n_sections; i++) {
		int r = turf_elf_section(elf, i, ret, err);
		if (r < 0)
			return r;
		if (holds_relocations(ret) && ret->info == section->idx)
			return 1;
	}
	return 0;
}

int turf_elf_relocate(const struct elf *elf, const struct elf_section *section,
                      struct elf_data *data, struct turf_error *err)
{
	struct elf_section rela;
	if (!elf->addrs || section->flags & SHF_EXECINSTR || holds_relocations(section) ||
	    !data->bytes.size)
		return 0;
	int r = find_relocations(elf, section, &rela, err);
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
	struct job job = { .elf = elf,
		           .section = section,
		           .bytes = data->bytes,
		           .in_place = rela.type == SHT_REL };
	return apply_all(&job, &rela, err);
}
