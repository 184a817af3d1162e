/* SPDX-License-Identifier: MIT */
/* Stubs by hand: which slot each instruction sequence jumps through, and what is no stub. */
#include <elf.h>

#include "base/vec.h"
#include "elf/elf.h"
#include "elf/sample.h"
#include "lib/test.h"

enum { FIRST = 0x403010, SECOND = 0x401018, ADDEND = 0x403020, OTHER = 0x403028 };

static void put_symbol(struct as *a, uint32_t name)
{
	as_u32(a, name);
	as_u8(a, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC));
	as_u8(a, 0);
	as_u16(a, SHN_UNDEF);
	as_u64(a, 0);
	as_u64(a, 0);
}

static void put_relocation(struct as *a, uint64_t slot, uint64_t symbol, uint32_t type,
                           uint64_t addend)
{
	as_u64(a, slot);
	as_u64(a, ELF64_R_INFO(symbol, type));
	as_u64(a, addend);
}

/* A file whose .plt is @code; @bad_symbol: one relocation's symbol. */
static void make_file(struct as *a, uint16_t machine, struct span code, uint64_t bad_symbol)
{
	struct as symbols = { 0 }, relocations = { 0 };
	bool x86 = machine == EM_X86_64;
	uint32_t jump = x86 ? R_X86_64_JUMP_SLOT : R_AARCH64_JUMP_SLOT;
	uint32_t data = x86 ? R_X86_64_GLOB_DAT : R_AARCH64_GLOB_DAT;
	for (uint32_t i = 0; i < 3; i++)
		put_symbol(&symbols, i == 0 ? 0 : i == 1 ? 1 : 5);
	put_relocation(&relocations, SECOND, 2, data, 0);
	put_relocation(&relocations, ADDEND, 1, jump, 8);
	put_relocation(&relocations, OTHER, 1, x86 ? R_X86_64_64 : R_AARCH64_ABS64, 0);
	put_relocation(&relocations, OTHER, 0, jump, 0);
	put_relocation(&relocations, FIRST, 1, jump, 0);
	if (bad_symbol)
		put_relocation(&relocations, OTHER, bad_symbol, jump, 0);
	const struct sample_section sections[] = {
		{ ".plt", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, code, 0, 16 },
		{ ".dynsym", SHT_DYNSYM, SHF_ALLOC, as_span(&symbols), 3, 24 },
		{ ".dynstr",
		  SHT_STRTAB,
		  SHF_ALLOC,
		  { (const uint8_t *)"\0one\0two", 9 },
		  0,
		  0 },
		{ ".rela.plt", SHT_RELA, SHF_ALLOC, as_span(&relocations), 2, 24 },
	};
	sample_elf(a, &sample_kinds[0], sections, COUNT(sections));
	as_patch(a, 18, machine, 2);
	as_free(&symbols);
	as_free(&relocations);
}

/* Where the first section of a sample is. */
static uint64_t plt_addr(uint16_t machine)
{
	struct as a = { 0 };
	struct elf elf;
	struct elf_section section;
	make_file(&a, machine, (struct span){ (const uint8_t *)"", 1 }, 0);
	ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
	ck_assert_int_eq(turf_elf_find_section(&elf, ".plt", &section, NULL), 1);
	as_free(&a);
	return section.addr;
}

struct wanted {
	uint64_t off, size;
	const char *name;
};

static void check(struct span code, uint16_t machine, const struct wanted *wanted, size_t n)
{
	struct as a = { 0 };
	struct elf elf;
	struct elf_stubs stubs = { 0 };
	struct turf_error err = { 0 };
	make_file(&a, machine, code, 0);
	ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
	int r = turf_elf_stubs(&elf, &stubs, &err);
	ck_assert_msg(r == (n ? 1 : 0), "%d: %s", r, err.text);
	ck_assert_uint_eq(stubs.n, n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(stubs.at[i].addr - plt_addr(machine), wanted[i].off);
		ck_assert_uint_eq(stubs.at[i].size, wanted[i].size);
		ck_assert_str_eq(stubs.at[i].name, wanted[i].name);
	}
	vec_fini(&stubs);
	as_free(&a);
}

/* jmp *@slot(%rip), behind @prefix, filled up to @size bytes. */
static void put_jump(struct as *code, const char *prefix, uint64_t slot, size_t size)
{
	size_t begun = as_here(code);
	as_bytes(code, prefix, strlen(prefix));
	as_bytes(code, "\xff\x25", 2);
	as_u32(code, (uint32_t)(slot - plt_addr(EM_X86_64) - as_here(code) - 4));
	while (as_here(code) - begun < size)
		as_u8(code, 0x90);
}

static void make_x86(struct as *code)
{
	as_bytes(code, "\xff\x35\0\0\0\0", 6); /* the head: push, jump through a slot */
	put_jump(code, "", FIRST, 10);
	put_jump(code, "", SECOND, 16);
	put_jump(code, "\xf3\x0f\x1e\xfa\xf2", FIRST, 16);
	put_jump(code, "\xf3\x0f\x1e\xfa", SECOND, 16);
	put_jump(code, "\xf2", FIRST + 8, 16); /* no relocation */
	put_jump(code, "", ADDEND, 16);
	put_jump(code, "", OTHER, 16);
	put_jump(code, "\x90", FIRST, 16); /* no stub begins so */
	put_jump(code, "", FIRST, 9);      /* the section ends in it */
}

START_TEST(x86_64)
{
	static const struct wanted wanted[] = {
		{ 16, 16, "two" }, { 32, 16, "one" }, { 48, 16, "two" }, { 128, 9, "one" }
	};
	struct as code = { 0 };
	make_x86(&code);
	check(as_span(&code), EM_X86_64, wanted, COUNT(wanted));
	as_free(&code);
}
END_TEST

/* adrp x16; ldr x17; add x16 of a slot; @pages is what adrp adds. */
static void put_load(struct as *code, int32_t pages, uint32_t in_page)
{
	uint32_t imm = (uint32_t)pages & 0x1fffff;
	as_u32(code, 0x90000010 | (imm & 3) << 29 | imm >> 2 << 5);
	as_u32(code, 0xf9400211 | in_page / 8 << 10);
	as_u32(code, 0x91000210 | in_page << 10);
}

static void make_aarch64(struct as *code)
{
	int32_t here = (int32_t)(plt_addr(EM_AARCH64) >> 12);
	as_u32(code, 0xa9bf7bf0); /* stp x16, x30, [sp, #-16]! */
	put_load(code, (OTHER >> 12) - here, OTHER & 0xfff);
	as_u32(code, 0xd61f0220); /* br x17 */
	put_load(code, (FIRST >> 12) - here, FIRST & 0xfff);
	as_u32(code, 0xd61f0220);
	as_u32(code, 0xd503245f); /* bti c */
	put_load(code, (SECOND >> 12) - here, SECOND & 0xfff);
	as_u32(code, 0xd503219f); /* autia1716 */
	as_u32(code, 0xd61f0220);
	put_load(code, (SECOND >> 12) - here, SECOND & 0xfff);
	as_u32(code, 0xd61f0220);
	for (int i = 0; i < 3; i++)
		as_u32(code, 0xd503201f); /* nop: two of them fill the stub */
	put_load(code, (FIRST >> 12) - here, FIRST & 0xfff);
	as_u32(code, 0xd61f0200); /* br x16: no stub */
	put_load(code, (FIRST >> 12) - here, FIRST & 0xfff);
}

START_TEST(aarch64)
{
	static const struct wanted wanted[] = { { 20, 16, "one" },
		                                { 36, 24, "two" },
		                                { 60, 24, "two" } };
	struct as code = { 0 };
	make_aarch64(&code);
	check(as_span(&code), EM_AARCH64, wanted, COUNT(wanted));
	as_free(&code);
}
END_TEST

START_TEST(others_have_none)
{
	struct as code = { 0 };
	make_x86(&code);
	check(as_span(&code), EM_PPC64, NULL, 0);
	check(as_span(&code), EM_AARCH64, NULL, 0);
	check((struct span){ code.buf.at, 5 }, EM_X86_64, NULL, 0);
	as_free(&code);
}
END_TEST

START_TEST(refuses_a_symbol_that_is_none)
{
	static const uint64_t symbols[] = { 3, 4, 0x7fffffff, 0xffffffff };
	for (size_t i = 0; i < COUNT(symbols); i++) {
		struct as a = { 0 };
		struct elf elf;
		struct elf_stubs stubs = { .room = 7 };
		struct turf_error err = { 0 };
		make_file(&a, EM_X86_64, (struct span){ (const uint8_t *)"", 1 }, symbols[i]);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		ck_assert_int_eq(turf_elf_stubs(&elf, &stubs, &err), -EBADMSG);
		ck_assert_int_eq(err.code, -EBADMSG);
		ck_assert_uint_eq(stubs.room, 7);
		as_free(&a);
	}
}
END_TEST

static size_t found;

static void read_all(struct span file)
{
	struct elf elf;
	struct elf_stubs stubs = { 0 };
	found = 0;
	if (turf_elf_open(file, &elf, NULL) < 0 || turf_elf_stubs(&elf, &stubs, NULL) < 0)
		return;
	for (size_t i = 0; i < stubs.n; i++)
		found += stubs.at[i].size + strlen(stubs.at[i].name) > 0;
	vec_fini(&stubs);
}

static void refuse(struct span part)
{
	read_all(part);
	ck_assert_uint_eq(found, 0); /* the section headers come last */
}

START_TEST(bent_and_cut_files_are_survived)
{
	static const uint16_t machines[] = { EM_X86_64, EM_AARCH64 };
	for (size_t i = 0; i < COUNT(machines); i++) {
		struct as a = { 0 }, code = { 0 };
		(i ? make_aarch64 : make_x86)(&code);
		make_file(&a, machines[i], as_span(&code), 0);
		read_all(as_span(&a));
		ck_assert_uint_gt(found, 0);
		every_prefix(as_span(&a), refuse);
		every_byte_bent(as_span(&a), read_all);
		as_free(&code);
		as_free(&a);
	}
}
END_TEST

TESTS("elf/plt", x86_64, aarch64, others_have_none, refuses_a_symbol_that_is_none,
      bent_and_cut_files_are_survived)
