/* SPDX-License-Identifier: MIT */
/* Stubs of the machines beside x86-64 and aarch64, by hand: each jumps through a slot. */
#include <elf.h>

#include "base/vec.h"
#include "elf/elf.h"
#include "elf/sample.h"
#include "lib/test.h"

enum { ONE = 0x403010, TWO = 0x4037f8, NOBODYS = 0x403020 };
enum { HEAD = 16 };

/* A stub at @addr that jumps through @slot. */
typedef void put_stub_fn(struct as *code, uint64_t addr, uint64_t slot, uint64_t got);

static void put_absolute(struct as *code, uint64_t addr, uint64_t slot, uint64_t got)
{
	(void)addr, (void)got;
	as_bytes(code, "\xff\x25", 2);
	as_u32(code, (uint32_t)slot);
	as_bytes(code, "\x68\0\0\0\0\xe9\0\0\0\0", 10);
}

static void put_by_got(struct as *code, uint64_t addr, uint64_t slot, uint64_t got)
{
	(void)addr;
	as_bytes(code, "\xf3\x0f\x1e\xfb\xff\xa3", 6);
	as_u32(code, (uint32_t)(slot - got));
	as_bytes(code, "\x66\x0f\x1f\x44\0\0", 6);
}

static void put_add(struct as *code, uint64_t addr, uint64_t slot)
{
	uint32_t delta = (uint32_t)(slot - addr - 8);
	as_u32(code, 0xe28fc600 | (delta >> 20 & 0xff)); /* add ip, pc, n << 20 */
	as_u32(code, 0xe28cca00 | (delta >> 12 & 0xff)); /* add ip, ip, n << 12 */
	as_u32(code, 0xe5bcf000 | (delta & 0xfff));      /* ldr pc, [ip, n]! */
}

static void put_arm(struct as *code, uint64_t addr, uint64_t slot, uint64_t got)
{
	(void)got;
	put_add(code, addr, slot);
}

static void put_thumb(struct as *code, uint64_t addr, uint64_t slot, uint64_t got)
{
	(void)got;
	as_u32(code, 0x46c04778); /* bx pc; nop */
	put_add(code, addr + 4, slot);
}

static void put_riscv(struct as *code, uint64_t addr, uint64_t slot, uint64_t got)
{
	uint64_t delta = slot - addr;
	(void)got;
	as_u32(code, 0xe17 | ((uint32_t)(delta + 0x800) & 0xfffff000)); /* auipc t3 */
	as_u32(code, 0xe3e03 | (uint32_t)(delta & 0xfff) << 20);        /* ld t3 */
	as_u32(code, 0xe0367);
	as_u32(code, 0x13);
}

static void put_s390(struct as *code, uint64_t addr, uint64_t slot, uint64_t got)
{
	(void)got;
	as_bytes(code, "\xc0\x10", 2);
	as_u32(code, (uint32_t)((slot - addr) / 2));
	as_bytes(code, "\xe3\x10\x10\0\0\x04\x07\xf1\x0d\x10\xe3\x10\x10\x0c\0\x14", 16);
	as_bytes(code, "\xc0\xf4\0\0\0\0\0\0\0\0", 10);
}

struct machine_case {
	const char *what;
	put_stub_fn *put;
	uint16_t machine;
	unsigned kind; /* of sample_kinds */
	bool rela;
	uint32_t jump_slot, glob_dat;
	uint32_t size;
};
static const struct machine_case cases[] = {
	{ "i386", put_absolute, EM_386, 2, false, R_386_JMP_SLOT, R_386_GLOB_DAT, 16 },
	{ "i386, PIC", put_by_got, EM_386, 2, false, R_386_JMP_SLOT, R_386_GLOB_DAT, 16 },
	{ "arm", put_arm, EM_ARM, 2, false, R_ARM_JUMP_SLOT, R_ARM_GLOB_DAT, 12 },
	{ "arm, from Thumb", put_thumb, EM_ARM, 2, false, R_ARM_JUMP_SLOT, R_ARM_GLOB_DAT, 16 },
	{ "riscv64", put_riscv, EM_RISCV, 0, true, R_RISCV_JUMP_SLOT, R_RISCV_64, 16 },
	{ "s390x", put_s390, EM_S390, 1, true, R_390_JMP_SLOT, R_390_GLOB_DAT, 32 },
};

static void put_relocation(struct as *a, const struct machine_case *k, uint32_t slot,
                           uint32_t symbol, uint32_t type)
{
	bool is64 = sample_kinds[k->kind].is64;
	sample_word(a, is64, slot);
	sample_word(a, is64,
	            is64 ? ELF64_R_INFO((uint64_t)symbol, type) : ELF32_R_INFO(symbol, type));
	if (k->rela)
		sample_word(a, is64, 0);
}

/* A file whose .plt is @code. */
static void make_file(struct as *a, const struct machine_case *k, struct span code)
{
	const struct sample_kind *kind = &sample_kinds[k->kind];
	struct as symbols = { .big = kind->big }, relocations = { .big = kind->big };
	for (uint32_t i = 0; i < 3; i++)
		sample_symbol(&symbols, kind->is64,
		              i == 0   ? 0
		              : i == 1 ? 1
		                       : 5,
		              ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), SHN_UNDEF, 0, 0);
	put_relocation(&relocations, k, TWO, 2, k->glob_dat);
	put_relocation(&relocations, k, NOBODYS, 0, k->jump_slot);
	put_relocation(&relocations, k, ONE, 1, k->jump_slot);
	const struct sample_section sections[] = {
		{ ".got.plt", SHT_PROGBITS, SHF_ALLOC, { (const uint8_t *)"\0\0\0", 4 }, 0, 4 },
		{ ".plt", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, code, 0, 4 },
		{ ".dynsym", SHT_DYNSYM, SHF_ALLOC, as_span(&symbols), 4,
		  kind->is64 ? 24 : 16 },
		{ ".dynstr",
		  SHT_STRTAB,
		  SHF_ALLOC,
		  { (const uint8_t *)"\0one\0two", 9 },
		  0,
		  0 },
		{ ".rel.plt", k->rela ? SHT_RELA : SHT_REL, SHF_ALLOC, as_span(&relocations), 3,
		  (kind->is64 ? 8 : 4) * (k->rela ? 3 : 2) },
	};
	sample_elf(a, kind, sections, COUNT(sections));
	as_patch(a, 18, k->machine, 2);
	as_free(&symbols);
	as_free(&relocations);
}

static uint64_t addr_of(const struct machine_case *k, const char *name)
{
	struct as a = { 0 };
	struct elf elf;
	struct elf_section section;
	make_file(&a, k, (struct span){ (const uint8_t *)"", 1 });
	ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
	ck_assert_int_eq(turf_elf_find_section(&elf, name, &section, NULL), 1);
	as_free(&a);
	return section.addr;
}

/* A head, a stub of one, of nobody's slot, of two, one that the section cuts to a byte. */
static void make_code(struct as *code, const struct machine_case *k)
{
	static const uint32_t slots[] = { ONE, NOBODYS, TWO, ONE };
	uint64_t plt = addr_of(k, ".plt"), got = addr_of(k, ".got.plt");
	code->big = sample_kinds[k->kind].big;
	while (as_here(code) < HEAD)
		as_u8(code, 0);
	for (size_t i = 0; i < COUNT(slots); i++)
		k->put(code, plt + as_here(code), slots[i], got);
	ck_assert_uint_eq(as_here(code), HEAD + COUNT(slots) * k->size);
	code->buf.n -= k->size - 1;
}

START_TEST(each_stub_has_its_name)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct machine_case *k = &cases[i];
		struct as a = { 0 }, code = { 0 };
		struct elf elf;
		struct elf_stubs stubs = { 0 };
		struct turf_error err = { 0 };
		make_code(&code, k);
		make_file(&a, k, as_span(&code));
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		int r = turf_elf_stubs(&elf, &stubs, &err);
		ck_assert_msg(r == 1 && stubs.n == 2, "%s: %d, %zu: %s", k->what, r, stubs.n,
		              err.text);
		for (size_t n = 0; n < 2; n++) {
			ck_assert_str_eq(stubs.at[n].name, n ? "two" : "one");
			ck_assert_msg(
				stubs.at[n].addr == addr_of(k, ".plt") + HEAD + 2 * n * k->size,
				"%s: 0x%llx", k->what, (unsigned long long)stubs.at[n].addr);
			ck_assert_msg(stubs.at[n].size == k->size, "%s", k->what);
		}
		vec_fini(&stubs);
		as_free(&code);
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

/* Branches of ppc64: how the file differs from one that has two, and how many are found. */
struct branch_case {
	const char *what;
	uint32_t abi, at; /* e_flags; DT_PPC64_GLINK, in bytes from the start of .text */
	uint64_t tag;
	uint32_t type, symbol, branch; /* of the first one */
	uint64_t addend;
	size_t code_size, found;
};
enum { B = 0x4bffffe0, BEFORE = 8, GLINK_HEAD = 32, CODE = BEFORE + GLINK_HEAD + 3 * 4 };
static const struct branch_case branch_cases[] = {
	{ "as it is", 2, BEFORE, DT_PPC64_GLINK, R_PPC64_JMP_SLOT, 1, B, 0, CODE, 2 },
	{ "other ABI", 1, BEFORE, DT_PPC64_GLINK, R_PPC64_JMP_SLOT, 1, B, 0, CODE, 0 },
	{ "not told", 2, BEFORE, DT_PLTGOT, R_PPC64_JMP_SLOT, 1, B, 0, CODE, 0 },
	{ "other relocation", 2, BEFORE, DT_PPC64_GLINK, R_PPC64_IRELATIVE, 1, B, 0, CODE, 1 },
	{ "nobody's", 2, BEFORE, DT_PPC64_GLINK, R_PPC64_JMP_SLOT, 0, B, 0, CODE, 1 },
	{ "no symbol", 2, BEFORE, DT_PPC64_GLINK, R_PPC64_JMP_SLOT, 9, B, 0, CODE, 0 },
	{ "a call", 2, BEFORE, DT_PPC64_GLINK, R_PPC64_JMP_SLOT, 1, B | 1, 0, CODE, 1 },
	{ "an addend", 2, BEFORE, DT_PPC64_GLINK, R_PPC64_JMP_SLOT, 1, B, 8, CODE, 1 },
	{ "cut", 2, BEFORE, DT_PPC64_GLINK, R_PPC64_JMP_SLOT, 1, B, 0, CODE - 9, 0 },
	{ "one", 2, BEFORE, DT_PPC64_GLINK, R_PPC64_JMP_SLOT, 1, B, 0, CODE - 8, 1 },
	{ "outside", 2, CODE, DT_PPC64_GLINK, R_PPC64_JMP_SLOT, 1, B, 0, CODE, 0 },
	{ "near the end", 2, CODE - 4, DT_PPC64_GLINK, R_PPC64_JMP_SLOT, 1, B, 0, CODE, 0 },
};

/* The file of a case, once the address of its .text is known. */
static void make_branches(struct as *a, const struct branch_case *k, bool big, uint64_t text)
{
	struct as symbols = { .big = big }, relocations = { .big = big };
	struct as code = { .big = big }, dynamic = { .big = big };
	for (uint32_t i = 0; i < 3; i++)
		sample_symbol(&symbols, true, i == 2 ? 5 : i,
		              ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), SHN_UNDEF, 0, 0);
	for (uint64_t i = 0; i < 2; i++) {
		as_u64(&relocations, 0x20000 + 8 * i);
		as_u64(&relocations, i ? ELF64_R_INFO((uint64_t)2, R_PPC64_JMP_SLOT)
		                       : ELF64_R_INFO((uint64_t)k->symbol, k->type));
		as_u64(&relocations, i ? 0 : k->addend);
	}
	for (size_t i = 0; i < CODE / 4; i++)
		as_u32(&code, i == (BEFORE + GLINK_HEAD) / 4 ? k->branch : B);
	as_u64(&dynamic, k->tag);
	as_u64(&dynamic, text + k->at);
	as_u64(&dynamic, DT_NULL);
	as_u64(&dynamic, 0);
	const struct sample_section sections[] = {
		{ ".text",
		  SHT_PROGBITS,
		  SHF_ALLOC | SHF_EXECINSTR,
		  { code.buf.at, k->code_size },
		  0,
		  4 },
		{ ".dynamic", SHT_DYNAMIC, SHF_ALLOC, as_span(&dynamic), 0, 16 },
		{ ".dynsym", SHT_DYNSYM, SHF_ALLOC, as_span(&symbols), 4, 24 },
		{ ".dynstr",
		  SHT_STRTAB,
		  SHF_ALLOC,
		  { (const uint8_t *)"\0one\0two", 9 },
		  0,
		  0 },
		{ ".rela.plt", SHT_RELA, SHF_ALLOC, as_span(&relocations), 3, 24 },
	};
	sample_elf(a, &sample_kinds[big], sections, COUNT(sections));
	as_patch(a, 18, EM_PPC64, 2);
	as_patch(a, 48, k->abi, 4);
	as_free(&symbols);
	as_free(&relocations);
	as_free(&code);
	as_free(&dynamic);
}

static uint64_t text_of(bool big)
{
	struct as a = { 0 };
	struct elf elf;
	struct elf_section section;
	make_branches(&a, &branch_cases[0], big, 0);
	ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
	ck_assert_int_eq(turf_elf_find_section(&elf, ".text", &section, NULL), 1);
	as_free(&a);
	return section.addr;
}

START_TEST(each_branch_of_ppc64_has_its_name)
{
	for (size_t i = 0; i < 2 * COUNT(branch_cases); i++) {
		const struct branch_case *k = &branch_cases[i / 2];
		struct as a = { 0 };
		struct elf elf;
		struct elf_stubs stubs = { 0 };
		const uint64_t text = text_of(i % 2);
		make_branches(&a, k, i % 2, text);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		int r = turf_elf_stubs(&elf, &stubs, NULL);
		ck_assert_msg(k->symbol == 9 ? r == -EBADMSG : r == (k->found > 0), "%s: %d",
		              k->what, r);
		ck_assert_msg(stubs.n == k->found, "%s: %zu", k->what, stubs.n);
		for (size_t n = 0; n < stubs.n; n++) {
			bool two = n || (k->found == 1 && k->code_size == CODE);
			ck_assert_str_eq(stubs.at[n].name, two ? "two" : "one");
			ck_assert_uint_eq(stubs.at[n].addr,
			                  text + BEFORE + GLINK_HEAD + 4 * two);
			ck_assert_uint_eq(stubs.at[n].size, 4);
		}
		vec_fini(&stubs);
		as_free(&a);
	}
}
END_TEST

START_TEST(bent_files_and_cut_stubs_are_survived)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct as a = { 0 }, code = { 0 };
		make_code(&code, &cases[i]);
		make_file(&a, &cases[i], as_span(&code));
		read_all(as_span(&a));
		ck_assert_uint_eq(found, 2);
		every_byte_bent(as_span(&a), read_all);
		as_free(&a);
		for (size_t n = 0; n < HEAD + cases[i].size; n++) {
			struct as cut = { 0 };
			make_file(&cut, &cases[i], (struct span){ code.buf.at, n });
			read_all(as_span(&cut));
			ck_assert_uint_le(found, 1);
			as_free(&cut);
		}
		as_free(&code);
	}
}
END_TEST

START_TEST(bent_branches_are_survived)
{
	for (int big = 0; big < 2; big++) {
		struct as a = { 0 };
		make_branches(&a, &branch_cases[0], big, text_of(big));
		read_all(as_span(&a));
		ck_assert_uint_eq(found, 2);
		every_byte_bent(as_span(&a), read_all);
		as_free(&a);
	}
}
END_TEST

TESTS("elf/plt-machines", each_stub_has_its_name, each_branch_of_ppc64_has_its_name,
      bent_files_and_cut_stubs_are_survived, bent_branches_are_survived)
