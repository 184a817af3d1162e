/* SPDX-License-Identifier: MIT */
/*
 * Stubs of the procedure linkage table: which symbol each one jumps to.
 *
 * A stub jumps through a slot of the global offset table, and a relocation says which symbol's
 * address that slot gets. The slot is read from the stub's own instructions, so the order of
 * stubs and relocations does not matter, and what is no stub gets no name.
 *
 *   x86-64   [endbr64] [bnd] jmp *SLOT(%rip)
 *   i386     [endbr32] jmp *SLOT or jmp *SLOT-GOT(%ebx)
 *   aarch64  [bti c] adrp x16, SLOT; ldr x17, [x16, SLOT]; add x16, ...; [autia1716] br x17
 *   arm      [bx pc] add ip, pc, A; add ip, ip, B [once more]; ldr pc, [ip, C]!
 *   riscv    auipc t3, SLOT; ld t3, SLOT(t3); jalr t1, t3; nop
 *   s390x    larl %r1, SLOT; lg %r1, 0(%r1); br %r1; what binds it
 *
 * On ppc64 (ELFv2) the linker puts stubs among other code, and gives them symbols. What each
 * slot is filled with at first is a branch, one a relocation: these are told as stubs there.
 *
 * Source: psABI x86-64 (chapter 5, and "Program Loading" for IBT), of i386, aarch64, arm,
 *         riscv and s390x, ppc64 (ELFv2); Arm ARM C6.2, A8.8; RISC-V unprivileged ISA 2.4, 5.2
 */
#include <elf.h>

#include "base/vec.h"
#include "elf/elf.h"

enum { /* bytes of a stub */
       AARCH64_LONGEST = 24,
       S390_STUB = 32,
       GLINK_HEAD = 32, /* what DT_PPC64_GLINK is before the first branch */
       GLINK_STUB = 4,
};

/* What a machine's stubs look like. */
struct code {
	struct span bytes;
	uint64_t addr, got; /* of the section; what %ebx holds on i386 */
	size_t step;
};
struct machine {
	uint16_t machine;
	bool is64;
	uint8_t step;                 /* stubs begin at multiples of it in their section */
	uint32_t jump_slot, glob_dat; /* relocations that fill a slot */
	/* Size of the stub at @off, and its slot; 0: none is there. */
	size_t (*decode)(const struct code *code, size_t off, uint64_t *slot);
};

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

static int add_slot(struct slots *slots, struct slot slot, struct turf_error *err)
{
	struct slot *kept = vec_push(slots);
	if (!kept)
		return no_memory(err);
	*kept = slot;
	return 0;
}

/* The slots that one section of relocations fills. */
static int read_relocations(const struct elf *elf, const struct machine *machine,
                            const struct elf_section *section, const struct elf_symbols *dynsym,
                            struct slots *slots, struct turf_error *err)
{
	struct elf_data data;
	int r = turf_elf_data(elf, section, &data, err);
	if (r < 0)
		return r;
	struct cursor c = cur_of(data.bytes, elf->big);
	bool rela = section->type == SHT_RELA;
	unsigned word = elf->is64 ? 8 : 4, size = word * (rela ? 3 : 2);
	while (r == 0 && cur_left(&c) >= size) {
		struct slot slot = { .addr = cur_uint(&c, word) };
		uint64_t info = cur_uint(&c, word), addend = rela ? cur_uint(&c, word) : 0;
		uint64_t type = elf->is64 ? ELF64_R_TYPE(info) : ELF32_R_TYPE(info);
		uint64_t idx = elf->is64 ? ELF64_R_SYM(info) : ELF32_R_SYM(info);
		if ((type != machine->jump_slot && type != machine->glob_dat) || !idx || addend)
			continue;
		struct elf_symbol symbol;
		r = turf_elf_symbol_at(dynsym, (uint32_t)idx, &symbol, err);
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

static int read_slots(const struct elf *elf, const struct machine *machine, struct slots *slots,
                      struct turf_error *err)
{
	struct elf_symbols dynsym;
	struct elf_section section;
	int r = turf_elf_symbols(elf, SHT_DYNSYM, &dynsym, err);
	if (r <= 0)
		return r;
	r = 0;
	for (uint32_t i = 1; r == 0 && i < elf->n_sections; i++) {
		r = turf_elf_section(elf, i, &section, err);
		if (r == 0 && section.flags & SHF_ALLOC &&
		    (section.type == SHT_RELA || section.type == SHT_REL))
			r = read_relocations(elf, machine, &section, &dynsym, slots, err);
	}
	if (slots->n)
		qsort(slots->at, slots->n, sizeof(*slots->at), compare);
	return r;
}

static const char *name_at(const struct slots *slots, uint64_t addr)
{
	size_t lo = bisect(mid, slots->n, slots->at[mid].addr < addr);
	return lo < slots->n && slots->at[lo].addr == addr ? slots->at[lo].name : NULL;
}

static bool skip_bytes(struct cursor *c, const char *bytes, size_t n)
{
	bool same = cur_left(c) >= n && !memcmp(c->at, bytes, n);
	cur_skip(c, same ? n : 0);
	return same;
}

static size_t decode_x86_64(const struct code *code, size_t off, uint64_t *slot)
{
	struct cursor c = cur_of(code->bytes, false);
	cur_seek(&c, off);
	skip_bytes(&c, "\xf3\x0f\x1e\xfa", 4); /* endbr64 */
	skip_bytes(&c, "\xf2", 1);             /* bnd */
	if (!skip_bytes(&c, "\xff\x25", 2))    /* jmp *disp(%rip) */
		return 0;
	uint64_t disp = (uint64_t)(int32_t)cur_u32(&c);
	*slot = code->addr + cur_off(&c) + disp;
	return c.bad ? 0 : MIN(code->step, code->bytes.size - off);
}

static size_t decode_i386(const struct code *code, size_t off, uint64_t *slot)
{
	struct cursor c = cur_of(code->bytes, false);
	cur_seek(&c, off);
	skip_bytes(&c, "\xf3\x0f\x1e\xfb", 4);           /* endbr32 */
	bool absolute = skip_bytes(&c, "\xff\x25", 2);   /* jmp *disp */
	if (!absolute && !skip_bytes(&c, "\xff\xa3", 2)) /* jmp *disp(%ebx) */
		return 0;
	*slot = (uint32_t)(cur_u32(&c) + (absolute ? 0 : code->got));
	return c.bad ? 0 : MIN(code->step, code->bytes.size - off);
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

static size_t decode_aarch64(const struct code *code, size_t off, uint64_t *slot)
{
	struct cursor c = cur_of(code->bytes, false); /* instructions are, whatever the data */
	uint32_t word;
	cur_seek(&c, off);
	next_is(&c, UINT32_MAX, 0xd503245f, &word); /* bti c */
	uint64_t pc = code->addr + cur_off(&c);
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

/* An immediate of eight bits, turned right by twice the four above them. */
static uint32_t arm_immediate(uint32_t word)
{
	uint32_t value = word & 0xff, turn = (word >> 8 & 0xf) * 2;
	return turn ? value >> turn | value << (32 - turn) : value;
}

static size_t decode_arm(const struct code *code, size_t off, uint64_t *slot)
{
	struct cursor c = cur_of(code->bytes, false); /* BE8 */
	uint32_t word;
	cur_seek(&c, off);
	if (!next_is(&c, UINT32_MAX, 0xe7fd4778, &word))        /* Thumb: bx pc; b.n */
		next_is(&c, UINT32_MAX, 0x46c04778, &word);     /* bx pc; nop */
	uint32_t at = (uint32_t)(code->addr + cur_off(&c)) + 8; /* pc is two words ahead */
	if (!next_is(&c, 0xfffff000, 0xe28fc000, &word))        /* add ip, pc, imm */
		return 0;
	at += arm_immediate(word);
	for (int i = 0; i < 2 && next_is(&c, 0xfffff000, 0xe28cc000, &word); i++)
		at += arm_immediate(word);               /* add ip, ip, imm */
	if (!next_is(&c, 0xfffff000, 0xe5bcf000, &word)) /* ldr pc, [ip, imm12]! */
		return 0;
	*slot = at + (word & 0xfff);
	return cur_off(&c) - off;
}

static size_t decode_riscv(const struct code *code, size_t off, uint64_t *slot)
{
	struct cursor c = cur_of(code->bytes, false);
	uint32_t high, low, word;
	cur_seek(&c, off);
	if (!next_is(&c, 0xfff, 0xe17, &high) ||        /* auipc t3, imm20 */
	    !next_is(&c, 0xfffff, 0xe3e03, &low) ||     /* ld t3, imm12(t3) */
	    !next_is(&c, UINT32_MAX, 0xe0367, &word) || /* jalr t1, t3 */
	    !next_is(&c, UINT32_MAX, 0x13, &word))      /* nop */
		return 0;
	uint64_t page = (uint64_t)(int32_t)(high & 0xfffff000);
	uint64_t in_page = ((uint64_t)(low >> 20) ^ 0x800) - 0x800; /* signed */
	*slot = code->addr + off + page + in_page;
	return cur_off(&c) - off;
}

static size_t decode_s390x(const struct code *code, size_t off, uint64_t *slot)
{
	struct cursor c = cur_of(code->bytes, true);
	cur_seek(&c, off);
	if (!skip_bytes(&c, "\xc0\x10", 2)) /* larl %r1, imm32 * 2 */
		return 0;
	*slot = code->addr + off + 2 * (uint64_t)(int32_t)cur_u32(&c);
	if (!skip_bytes(&c, "\xe3\x10\x10\x00\x00\x04", 6) || /* lg %r1, 0(%r1) */
	    !skip_bytes(&c, "\x07\xf1", 2))                   /* br %r1 */
		return 0;
	return MIN((size_t)S390_STUB, code->bytes.size - off);
}

static const struct machine machines[] = {
	{ EM_X86_64, true, 16, R_X86_64_JUMP_SLOT, R_X86_64_GLOB_DAT, decode_x86_64 },
	{ EM_386, false, 16, R_386_JMP_SLOT, R_386_GLOB_DAT, decode_i386 },
	{ EM_AARCH64, true, 4, R_AARCH64_JUMP_SLOT, R_AARCH64_GLOB_DAT, decode_aarch64 },
	{ EM_ARM, false, 4, R_ARM_JUMP_SLOT, R_ARM_GLOB_DAT, decode_arm },
	{ EM_RISCV, true, 4, R_RISCV_JUMP_SLOT, R_RISCV_64, decode_riscv },
	{ EM_S390, true, 2, R_390_JMP_SLOT, R_390_GLOB_DAT, decode_s390x },
};

static const struct machine *machine_of(const struct elf *elf)
{
	for (size_t i = 0; i < COUNT(machines); i++)
		if (machines[i].machine == elf->machine && machines[i].is64 == elf->is64)
			return &machines[i];
	return NULL;
}

static int read_stubs(const struct machine *machine, const struct code *code,
                      const struct slots *slots, struct elf_stubs *ret, struct turf_error *err)
{
	size_t size;
	for (size_t off = 0; off < code->bytes.size; off += size ? size : code->step) {
		uint64_t slot;
		size = machine->decode(code, off, &slot);
		const char *name = size ? name_at(slots, slot) : NULL;
		if (!name)
			continue;
		struct elf_stub *stub = vec_push(ret);
		if (!stub)
			return no_memory(err);
		*stub = (struct elf_stub){ code->addr + off, size, name };
	}
	return 0;
}

/* _GLOBAL_OFFSET_TABLE_ of i386, or 0: the table of slots for stubs, else the only one. */
static uint64_t got_of(const struct elf *elf)
{
	struct elf_section section;
	if (elf->machine == EM_386 &&
	    (turf_elf_find_section(elf, ".got.plt", &section, NULL) == 1 ||
	     turf_elf_find_section(elf, ".got", &section, NULL) == 1))
		return section.addr;
	return 0;
}

static bool holds_stubs(const struct elf_section *section)
{
	return section->flags & SHF_EXECINSTR && section->type == SHT_PROGBITS &&
	       (!strcmp(section->name, ".plt") || !strcmp(section->name, ".plt.sec") ||
	        !strcmp(section->name, ".plt.got"));
}

static int read_sections(const struct elf *elf, const struct machine *machine,
                         const struct slots *slots, struct elf_stubs *ret,
                         struct turf_error *err)
{
	int r = 0;
	const uint64_t got = got_of(elf);
	for (uint32_t i = 1; r == 0 && slots->n && i < elf->n_sections; i++) {
		struct elf_section section;
		struct elf_data data;
		r = turf_elf_section(elf, i, &section, err);
		if (r < 0 || !holds_stubs(&section))
			continue;
		r = turf_elf_data(elf, &section, &data, err);
		if (r < 0)
			continue;
		/* one that only jumps has half the size of one that binds, too */
		bool half = machine->step == 16 && section.entry_size == 8;
		struct code code = { data.bytes, section.addr, got, half ? 8 : machine->step };
		r = read_stubs(machine, &code, slots, ret, err);
		turf_elf_data_fini(&data);
	}
	return r;
}

static bool is_ppc64_v2(const struct elf *elf)
{
	enum { E_FLAGS = 48, V2 = 2 };
	struct cursor c = cur_of(elf->file, elf->big);
	cur_seek(&c, E_FLAGS);
	return elf->machine == EM_PPC64 && elf->is64 && (cur_u32(&c) & EF_PPC64_ABI) == V2;
}

/* What .dynamic says of where the branches are: 1, 0 nothing, < 0. */
static int find_glink(const struct elf *elf, uint64_t *ret, struct turf_error *err)
{
	struct elf_section section;
	struct elf_data data;
	int r = turf_elf_find_section(elf, ".dynamic", &section, err);
	if (r == 1)
		r = turf_elf_data(elf, &section, &data, err) < 0 ? -EBADMSG : 1;
	if (r != 1)
		return r;
	struct cursor c = cur_of(data.bytes, elf->big);
	uint64_t tag = 0, value = 0;
	while (tag != DT_PPC64_GLINK && cur_left(&c)) {
		tag = cur_u64(&c);
		value = cur_u64(&c);
	}
	turf_elf_data_fini(&data);
	*ret = value;
	return tag == DT_PPC64_GLINK && !c.bad;
}

/* The section whose code @addr is in: 1, 0 there is none, < 0. */
static int find_code(const struct elf *elf, uint64_t addr, struct elf_section *ret,
                     struct turf_error *err)
{
	for (uint32_t i = 1; i < elf->n_sections; i++) {
		int r = turf_elf_section(elf, i, ret, err);
		if (r < 0)
			return r;
		if (ret->flags & SHF_EXECINSTR && ret->type == SHT_PROGBITS &&
		    addr - ret->addr < ret->size)
			return 1;
	}
	return 0;
}

/* A branch for each of the relocations at @c, from @at on in @code. */
static int read_branches(struct cursor c, struct cursor at, uint64_t code,
                         const struct elf_symbols *dynsym, struct elf_stubs *ret,
                         struct turf_error *err)
{
	while (cur_left(&c) >= sizeof(Elf64_Rela) && cur_left(&at) >= GLINK_STUB) {
		struct elf_symbol symbol = { .name = "" };
		uint64_t addr = code + cur_off(&at);
		bool is_branch = (cur_u32(&at) & 0xfc000003) == 0x48000000;
		cur_skip(&c, 8);
		uint64_t info = cur_u64(&c), addend = cur_u64(&c);
		uint32_t idx = (uint32_t)ELF64_R_SYM(info);
		if (!is_branch || ELF64_R_TYPE(info) != R_PPC64_JMP_SLOT || !idx || addend)
			continue;
		int r = turf_elf_symbol_at(dynsym, idx, &symbol, err);
		if (r < 0)
			return r;
		struct elf_stub *stub = symbol.name[0] ? vec_push(ret) : NULL;
		if (symbol.name[0] && !stub)
			return no_memory(err);
		if (stub)
			*stub = (struct elf_stub){ addr, GLINK_STUB, symbol.name };
	}
	return 0;
}

static int read_glink(const struct elf *elf, struct elf_stubs *ret, struct turf_error *err)
{
	uint64_t glink;
	struct elf_section section, relocations;
	struct elf_symbols dynsym;
	struct elf_data code = { 0 }, table = { 0 };
	int r = find_glink(elf, &glink, err);
	if (r == 1)
		r = find_code(elf, glink, &section, err);
	if (r == 1)
		r = turf_elf_find_section(elf, ".rela.plt", &relocations, err);
	if (r == 1)
		r = turf_elf_symbols(elf, SHT_DYNSYM, &dynsym, err);
	if (r != 1)
		return r;
	r = turf_elf_data(elf, &section, &code, err);
	if (r == 0)
		r = turf_elf_data(elf, &relocations, &table, err);
	if (r == 0) {
		struct cursor at = cur_of(code.bytes, elf->big);
		cur_seek(&at, glink - section.addr + GLINK_HEAD);
		r = at.bad ? 0
		           : read_branches(cur_of(table.bytes, elf->big), at, section.addr,
		                           &dynsym, ret, err);
	}
	turf_elf_data_fini(&code);
	turf_elf_data_fini(&table);
	return r;
}

int turf_elf_stubs(const struct elf *elf, struct elf_stubs *ret, struct turf_error *err)
{
	struct slots slots = { 0 };
	struct elf_stubs stubs = { 0 };
	const struct machine *machine = machine_of(elf);
	int r = 0;
	if (is_ppc64_v2(elf))
		r = read_glink(elf, &stubs, err);
	if (machine)
		r = read_slots(elf, machine, &slots, err);
	if (machine && r == 0)
		r = read_sections(elf, machine, &slots, &stubs, err);
	vec_fini(&slots);
	if (r < 0 || !stubs.n) {
		vec_fini(&stubs);
		return r;
	}
	*ret = stubs;
	return 1;
}
