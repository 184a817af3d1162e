/* SPDX-License-Identifier: MIT */
/*
 * Stubs of the procedure linkage table: which symbol each one jumps to.
 *
 * A stub jumps through a slot of the global offset table, and a relocation says which symbol's
 * address that slot gets. The slot is read from the stub's own instructions, so the order of
 * stubs and relocations does not matter, and what is no stub gets no name.
 *
 *   x86-64   [endbr64] [bnd] jmp *SLOT(%rip)
 *   aarch64  [bti c] adrp x16, SLOT; ldr x17, [x16, SLOT]; add x16, ...; [autia1716] br x17
 *
 * Source: psABI x86-64 (chapter 5, and "Program Loading" for IBT), psABI aarch64; Arm ARM C6.2
 */
#include <elf.h>

#include "base/vec.h"
#include "elf/elf.h"

enum { AARCH64_LONGEST = 24 }; /* bytes of a stub */

struct slot {
	uint64_t addr;
	const char *name;
};

struct slots {
	struct slot *at;
	size_t n, room;
};

static int no_memory(struct turf_error *err)
{
	return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for the linkage table");
}

static bool fills_slot(uint16_t machine, uint32_t type)
{
	if (machine == EM_X86_64)
		return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
	return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
}

static int add_slot(struct slots *slots, struct slot slot, struct turf_error *err)
{
	struct slot *kept = vec_push(slots);
	if (!kept)
		return no_memory(err);
	*kept = slot;
	return 0;
}

/* The slots that one SHT_RELA section fills. */
static int read_relocations(const struct elf *elf, const struct elf_section *section,
                            const struct elf_symbols *dynsym, struct slots *slots,
                            struct turf_error *err)
{
	struct elf_data data;
	int r = turf_elf_data(elf, section, &data, err);
	if (r < 0)
		return r;
	struct cursor c = cur_of(data.bytes, elf->big);
	while (r == 0 && cur_left(&c) >= sizeof(Elf64_Rela)) {
		struct slot slot = { .addr = cur_u64(&c) };
		uint64_t info = cur_u64(&c), addend = cur_u64(&c);
		if (!fills_slot(elf->machine, ELF64_R_TYPE(info)) || !ELF64_R_SYM(info) ||
		    addend)
			continue;
		struct elf_symbol symbol;
		r = turf_elf_symbol_at(dynsym, (uint32_t)ELF64_R_SYM(info), &symbol, err);
		if (r == 0 && symbol.name[0]) {
			slot.name = symbol.name;
			r = add_slot(slots, slot, err);
		}
	}
	turf_elf_data_fini(&data);
	return r;
}

static int compare(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name); /* both in .dynstr: its order */
}

static int read_slots(const struct elf *elf, struct slots *slots, struct turf_error *err)
{
	struct elf_symbols dynsym;
	struct elf_section section;
	int r = turf_elf_symbols(elf, SHT_DYNSYM, &dynsym, err);
	if (r <= 0)
		return r;
	r = 0;
	for (uint32_t i = 1; r == 0 && i < elf->n_sections; i++) {
		r = turf_elf_section(elf, i, &section, err);
		if (r == 0 && section.type == SHT_RELA && section.flags & SHF_ALLOC)
			r = read_relocations(elf, &section, &dynsym, slots, err);
	}
	if (slots->n)
		qsort(slots->at, slots->n, sizeof(*slots->at), compare);
	return r;
}

static const char *name_at(const struct slots *slots, uint64_t addr)
{
	size_t lo = 0, hi = slots->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (slots->at[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < slots->n && slots->at[lo].addr == addr ? slots->at[lo].name : NULL;
}

static bool skip_bytes(struct cursor *c, const char *bytes, size_t n)
{
	bool same = cur_left(c) >= n && !memcmp(c->at, bytes, n);
	cur_skip(c, same ? n : 0);
	return same;
}

/* The slot of the stub at @off of @code, which is at @addr: its size, or 0. */
static size_t decode_x86(struct span code, size_t off, uint64_t addr, uint64_t *slot,
                         size_t step)
{
	struct cursor c = cur_of(code, false);
	cur_seek(&c, off);
	skip_bytes(&c, "\xf3\x0f\x1e\xfa", 4); /* endbr64 */
	skip_bytes(&c, "\xf2", 1);             /* bnd */
	if (!skip_bytes(&c, "\xff\x25", 2))    /* jmp *disp(%rip) */
		return 0;
	uint64_t disp = (uint64_t)(int32_t)cur_u32(&c);
	*slot = addr + cur_off(&c) + disp;
	return c.bad ? 0 : MIN(step, code.size - off);
}

static bool next_is(struct cursor *c, uint32_t mask, uint32_t wanted, uint32_t *word)
{
	struct cursor ahead = *c;
	*word = cur_u32(&ahead);
	if (ahead.bad || (*word & mask) != wanted)
		return false;
	*c = ahead;
	return true;
}

static uint64_t adrp_target(uint64_t pc, uint32_t word)
{
	uint64_t pages = (word >> 5 & 0x7ffff) << 2 | (word >> 29 & 3); /* 21 bits, signed */
	pages = (pages ^ 0x100000) - 0x100000;
	return (pc & ~(uint64_t)0xfff) + (pages << 12);
}

static size_t decode_aarch64(struct span code, size_t off, uint64_t addr, uint64_t *slot)
{
	struct cursor c = cur_of(code, false); /* instructions are, whatever the data */
	uint32_t word;
	cur_seek(&c, off);
	next_is(&c, UINT32_MAX, 0xd503245f, &word); /* bti c */
	uint64_t pc = addr + cur_off(&c);
	if (!next_is(&c, 0x9f00001f, 0x90000010, &word)) /* adrp x16 */
		return 0;
	uint64_t page = adrp_target(pc, word);
	if (!next_is(&c, 0xffc003ff, 0xf9400211, &word)) /* ldr x17, [x16, imm12 * 8] */
		return 0;
	*slot = page + (word >> 10 & 0xfff) * 8;
	if (!next_is(&c, 0xffc003ff, 0x91000210, &word)) /* add x16, x16, imm12 */
		return 0;
	next_is(&c, UINT32_MAX, 0xd503219f, &word);      /* autia1716 */
	if (!next_is(&c, UINT32_MAX, 0xd61f0220, &word)) /* br x17 */
		return 0;
	while (cur_off(&c) - off < AARCH64_LONGEST &&
	       next_is(&c, UINT32_MAX, 0xd503201f, &word))
		; /* nop: stubs of one file have one size */
	return cur_off(&c) - off;
}

/* Stubs of x86-64 stand at multiples of their size, of aarch64 at any instruction. */
static int read_stubs(const struct elf *elf, const struct elf_section *section,
                      struct span code, const struct slots *slots, struct elf_stubs *ret,
                      struct turf_error *err)
{
	bool x86 = elf->machine == EM_X86_64;
	size_t step = !x86 ? 4 : section->entry_size == 8 ? 8 : 16, size;
	for (size_t off = 0; off < code.size; off += size ? size : step) {
		uint64_t slot;
		size = x86 ? decode_x86(code, off, section->addr, &slot, step)
		           : decode_aarch64(code, off, section->addr, &slot);
		const char *name = size ? name_at(slots, slot) : NULL;
		if (!name)
			continue;
		struct elf_stub *stub = vec_push(ret);
		if (!stub)
			return no_memory(err);
		*stub = (struct elf_stub){ section->addr + off, size, name };
	}
	return 0;
}

static bool holds_stubs(const struct elf_section *section)
{
	return section->flags & SHF_EXECINSTR && section->type == SHT_PROGBITS &&
	       (!strcmp(section->name, ".plt") || !strcmp(section->name, ".plt.sec") ||
	        !strcmp(section->name, ".plt.got"));
}

static int read_sections(const struct elf *elf, const struct slots *slots,
                         struct elf_stubs *ret, struct turf_error *err)
{
	int r = 0;
	for (uint32_t i = 1; r == 0 && slots->n && i < elf->n_sections; i++) {
		struct elf_section section;
		struct elf_data data;
		r = turf_elf_section(elf, i, &section, err);
		if (r < 0 || !holds_stubs(&section))
			continue;
		r = turf_elf_data(elf, &section, &data, err);
		if (r < 0)
			continue;
		r = read_stubs(elf, &section, data.bytes, slots, ret, err);
		turf_elf_data_fini(&data);
	}
	return r;
}

int turf_elf_stubs(const struct elf *elf, struct elf_stubs *ret, struct turf_error *err)
{
	struct slots slots = { 0 };
	struct elf_stubs stubs = { 0 };
	if (!elf->is64 || (elf->machine != EM_X86_64 && elf->machine != EM_AARCH64))
		return 0;
	int r = read_slots(elf, &slots, err);
	if (r == 0)
		r = read_sections(elf, &slots, &stubs, err);
	vec_fini(&slots);
	if (r < 0 || !stubs.n) {
		vec_fini(&stubs);
		return r;
	}
	*ret = stubs;
	return 1;
}
