/* SPDX-License-Identifier: MIT */
/* Relocatable objects: where sections come to lie, and what each relocation writes. */
#include <elf.h>

#include "elf/elf.h"
#include "elf/sample.h"
#include "lib/test.h"

enum { TEXT = 1, MORE, INFO, SYMTAB, STRTAB, RELA, DATA_SIZE = 24 };

static void put_symbol(struct as *a, uint16_t section, uint64_t value)
{
	as_u32(a, 0);
	as_u8(a, ELF64_ST_INFO(STB_LOCAL, STT_FUNC));
	as_u8(a, 0);
	as_u16(a, section);
	as_u64(a, value);
	as_u64(a, 0);
}

/* An object with one relocation of bytes 8 up to 16 of .info, which are all 0xee. */
static void make_object(struct as *a, uint16_t machine, bool big, uint64_t off, uint32_t type,
                        uint32_t symbol, int64_t addend)
{
	struct as symbols = { .big = big }, rela = { .big = big };
	uint8_t info[DATA_SIZE];
	memset(info, 0xee, sizeof(info));
	put_symbol(&symbols, SHN_UNDEF, 0);
	put_symbol(&symbols, TEXT, 3);
	put_symbol(&symbols, MORE, 1);
	put_symbol(&symbols, INFO, 5); /* not allocated: an offset */
	put_symbol(&symbols, SHN_ABS, 0x1234);
	put_symbol(&symbols, SHN_XINDEX, 0);
	as_u64(&rela, off);
	as_u64(&rela, ELF64_R_INFO((uint64_t)symbol, type));
	as_u64(&rela, (uint64_t)addend);
	const uint64_t code = SHF_ALLOC | SHF_EXECINSTR;
	const struct sample_section sections[] = {
		{ ".text", SHT_PROGBITS, code, { (const uint8_t *)"12345", 5 }, 0, 0 },
		{ ".more", SHT_NOBITS, code, { NULL, 0x10000 }, 0, 0 },
		{ ".info", SHT_PROGBITS, 0, { info, sizeof(info) }, 0, 0 },
		{ ".symtab", SHT_SYMTAB, 0, as_span(&symbols), STRTAB, 24 },
		{ ".strtab", SHT_STRTAB, 0, { (const uint8_t *)"", 1 }, 0, 0 },
		{ ".rela.info", SHT_RELA, 0, as_span(&rela), SYMTAB, 24 },
	};
	sample_elf(a, &sample_kinds[big ? 1 : 0], sections, COUNT(sections));
	as_patch(a, 16, ET_REL, 2);
	as_patch(a, 18, machine, 2);
	struct elf elf;
	ck_assert_int_eq(turf_elf_open(as_span(a), &elf, NULL), 0);
	as_patch(a, elf.shoff + RELA * 64 + 44, INFO, 4); /* sh_info */
	as_free(&symbols);
	as_free(&rela);
}

/* .info, relocated, into @out; how it went. */
static int read_info(struct span file, uint8_t out[DATA_SIZE], struct turf_error *err)
{
	struct elf elf;
	struct elf_section section;
	struct elf_data data = { .owned = (void *)KEPT };
	uint64_t *addrs = NULL;
	ck_assert_int_eq(turf_elf_open(file, &elf, NULL), 0);
	ck_assert_int_eq(turf_elf_place(&elf, &addrs, err), 1);
	ck_assert_ptr_eq(elf.addrs, addrs);
	ck_assert_uint_eq(addrs[TEXT], 0);
	ck_assert_uint_eq(addrs[MORE], 8); /* samples are aligned to 4 */
	ck_assert_int_eq(turf_elf_section(&elf, MORE, &section, NULL), 0);
	ck_assert_uint_eq(section.addr, 8);
	ck_assert_int_eq(turf_elf_section(&elf, INFO, &section, NULL), 0);
	int r = turf_elf_data(&elf, &section, &data, err);
	if (r == 0) {
		ck_assert_uint_eq(data.bytes.size, DATA_SIZE);
		memcpy(out, data.bytes.at, DATA_SIZE);
		turf_elf_data_fini(&data);
	} else {
		ck_assert_ptr_eq(data.owned, KEPT);
	}
	free(addrs);
	return r;
}

static const struct {
	uint16_t machine;
	uint32_t type, symbol;
	int64_t addend;
	unsigned size;
	uint64_t wanted;
} cases[] = {
	{ EM_X86_64, R_X86_64_64, 1, 0x10, 8, 0x13 },
	{ EM_X86_64, R_X86_64_64, 2, -1, 8, 8 },
	{ EM_X86_64, R_X86_64_64, 2, -10, 8, (uint64_t)-1 },
	{ EM_X86_64, R_X86_64_32, 3, 0x20, 4, 0x25 },
	{ EM_X86_64, R_X86_64_32S, 4, 1, 4, 0x1235 },
	{ EM_X86_64, R_X86_64_PC32, 2, 0, 4, 9 - 8 },
	{ EM_X86_64, R_X86_64_PC64, 1, 0, 8, (uint64_t)3 - 8 },
	{ EM_X86_64, R_X86_64_NONE, 1, 1, 0, 0 },
	{ EM_X86_64, R_X86_64_DTPOFF64, 1, 1, 0, 0 },
	{ EM_X86_64, R_X86_64_64, 0, 7, 8, 7 },
	{ EM_AARCH64, R_AARCH64_ABS64, 2, 1, 8, 10 },
	{ EM_AARCH64, R_AARCH64_ABS32, 2, 1, 4, 10 },
	{ EM_AARCH64, R_AARCH64_PREL32, 1, 1, 4, (uint64_t)4 - 8 },
	{ EM_AARCH64, R_AARCH64_PREL64, 2, 1, 8, 10 - 8 },
	{ EM_AARCH64, R_AARCH64_NONE, 2, 1, 0, 0 },
	{ EM_PPC64, R_PPC64_ADDR64, 2, 1, 8, 10 },
	{ EM_PPC64, R_PPC64_ADDR32, 2, 1, 4, 10 },
	{ EM_PPC64, R_PPC64_REL32, 1, 1, 4, (uint64_t)4 - 8 },
	{ EM_PPC64, R_PPC64_DTPREL64, 1, 1, 0, 0 },
	{ EM_S390, R_390_64, 2, 1, 8, 10 },
	{ EM_S390, R_390_32, 2, 1, 4, 10 },
	{ EM_S390, R_390_PC32, 1, 1, 4, (uint64_t)4 - 8 },
	{ EM_S390, R_390_PC64, 1, 1, 8, (uint64_t)4 - 8 },
	{ EM_S390, R_390_TLS_LDO64, 1, 1, 0, 0 },
	{ EM_386, R_386_32, 2, 1, 4, 10 },
	{ EM_386, R_386_PC32, 1, 1, 4, (uint64_t)4 - 8 },
	{ EM_ARM, R_ARM_ABS32, 2, 1, 4, 9 }, /* a function in Thumb code */
	{ EM_ARM, R_ARM_REL32, 1, 1, 4, (uint64_t)3 - 8 },
	{ EM_RISCV, R_RISCV_64, 2, 1, 8, 10 },
	{ EM_RISCV, R_RISCV_32, 2, 1, 4, 10 },
	{ EM_RISCV, R_RISCV_32_PCREL, 1, 1, 4, (uint64_t)4 - 8 },
	{ EM_RISCV, R_RISCV_RELAX, 0, 0, 0, 0 },
	/* what stands there is 0xee.. */
	{ EM_RISCV, R_RISCV_ADD8, 1, 1, 1, 0xf2 },
	{ EM_RISCV, R_RISCV_ADD16, 1, 1, 2, 0xeef2 },
	{ EM_RISCV, R_RISCV_ADD32, 1, 1, 4, 0xeeeeeef2 },
	{ EM_RISCV, R_RISCV_ADD64, 1, 1, 8, 0xeeeeeeeeeeeeeef2 },
	{ EM_RISCV, R_RISCV_SUB8, 1, 1, 1, 0xea },
	{ EM_RISCV, R_RISCV_SUB16, 1, 1, 2, 0xeeea },
	{ EM_RISCV, R_RISCV_SUB32, 1, 1, 4, 0xeeeeeeea },
	{ EM_RISCV, R_RISCV_SUB64, 1, 1, 8, 0xeeeeeeeeeeeeeeea },
	{ EM_RISCV, R_RISCV_SET6, 1, 1, 1, 0xc4 },
	{ EM_RISCV, R_RISCV_SUB6, 1, 1, 1, 0xea },
	{ EM_RISCV, R_RISCV_SET8, 1, 1, 1, 4 },
	{ EM_RISCV, R_RISCV_SET16, 1, 1, 2, 4 },
	{ EM_RISCV, R_RISCV_SET32, 1, 1, 4, 4 },
};

START_TEST(each_type)
{
	for (size_t i = 0; i < COUNT(cases) * 2; i++) {
		const size_t n = i / 2;
		struct as a = { 0 }, wanted = { .big = i % 2 };
		uint8_t info[DATA_SIZE];
		struct turf_error err = { 0 };
		make_object(&a, cases[n].machine, i % 2, 8, cases[n].type, cases[n].symbol,
		            cases[n].addend);
		ck_assert_msg(read_info(as_span(&a), info, &err) == 0, "%zu: %s", n, err.text);
		for (int k = 0; k < 8; k++)
			as_u8(&wanted, 0xee);
		if (cases[n].size)
			as_uint(&wanted, cases[n].wanted, cases[n].size);
		while (as_here(&wanted) < DATA_SIZE)
			as_u8(&wanted, 0xee);
		ck_assert_msg(!memcmp(info, wanted.buf.at, DATA_SIZE), "case %zu", n);
		as_free(&wanted);
		as_free(&a);
	}
}
END_TEST

/* Numbers of several bytes that a difference of two labels is written over. */
START_TEST(uleb_keeps_its_length)
{
	static const struct {
		uint8_t before[3], after[3];
		uint32_t type;
		uint64_t addend; /* to a symbol at 3 */
		int r;
	} numbers[] = {
		{ { 0x80, 0x80, 0x00 }, { 0x84, 0x80, 0x00 }, 60, 1, 0 },
		{ { 0x80, 0x80, 0x00 }, { 0x83, 0xff, 0x7f }, 60, (uint64_t)-128, 0 },
		{ { 0x80, 0x82, 0x00 }, { 0xfc, 0x81, 0x00 }, 61, 1, 0 },
		{ { 0x05, 0x81, 0x00 }, { 0x01, 0x81, 0x00 }, 61, 1, 0 },
		{ { 0x80, 0x80, 0x80 }, { 0x80, 0x80, 0x80 }, 60, 1, -EBADMSG },
	};
	for (size_t i = 0; i < COUNT(numbers); i++) {
		struct as a = { 0 };
		struct elf elf;
		struct elf_section section;
		uint8_t info[DATA_SIZE];
		const size_t off = DATA_SIZE - 3;
		make_object(&a, EM_RISCV, false, off, numbers[i].type, 1,
		            (int64_t)numbers[i].addend);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		ck_assert_int_eq(turf_elf_section(&elf, INFO, &section, NULL), 0);
		memcpy(a.buf.at + section.off + off, numbers[i].before, 3);
		ck_assert_int_eq(read_info(as_span(&a), info, NULL), numbers[i].r);
		if (numbers[i].r == 0)
			ck_assert_msg(!memcmp(info + off, numbers[i].after, 3), "case %zu", i);
		as_free(&a);
	}
}
END_TEST

/* ELF32, what is added stands in the section: bytes 4 up to 8 of .info. */
static void make_object32(struct as *a, uint16_t machine, bool big, uint32_t addend,
                          uint32_t type)
{
	struct as symbols = { .big = big }, rel = { .big = big }, info = { .big = big };
	sample_symbol(&symbols, false, 0, 0, SHN_UNDEF, 0, 0);
	sample_symbol(&symbols, false, 0, ELF32_ST_INFO(STB_LOCAL, STT_FUNC), TEXT, 3, 0);
	as_u32(&info, 0x11111111);
	as_u32(&info, addend);
	as_u32(&rel, 4);
	as_u32(&rel, ELF32_R_INFO(1, type));
	const struct sample_section sections[] = {
		{ ".text",
		  SHT_PROGBITS,
		  SHF_ALLOC | SHF_EXECINSTR,
		  { (const uint8_t *)"12345", 5 },
		  0,
		  0 },
		{ ".info", SHT_PROGBITS, 0, as_span(&info), 0, 0 },
		{ ".symtab", SHT_SYMTAB, 0, as_span(&symbols), 4, 16 },
		{ ".strtab", SHT_STRTAB, 0, { (const uint8_t *)"", 1 }, 0, 0 },
		{ ".rel.info", SHT_REL, 0, as_span(&rel), 3, 8 },
	};
	sample_elf(a, &sample_kinds[big ? 3 : 2], sections, COUNT(sections));
	as_patch(a, 16, ET_REL, 2);
	as_patch(a, 18, machine, 2);
	struct elf elf;
	ck_assert_int_eq(turf_elf_open(as_span(a), &elf, NULL), 0);
	as_patch(a, elf.shoff + 5 * 40 + 28, 2, 4); /* sh_info */
	as_free(&symbols);
	as_free(&rel);
	as_free(&info);
}

START_TEST(addends_in_place)
{
	static const struct {
		uint16_t machine;
		uint32_t type, addend, wanted;
	} objects[] = {
		{ EM_386, R_386_32, 0x100, 0x103 },
		{ EM_386, R_386_32, (uint32_t)-3, 0 },
		{ EM_386, R_386_PC32, 0x100, 0xff },
		{ EM_386, R_386_TLS_LDO_32, 0x100, 0x100 },
		{ EM_ARM, R_ARM_ABS32, 0x100, 0x102 }, /* a function at 2, in Thumb code */
		{ EM_ARM, R_ARM_REL32, 0x100, 0xfe },
	};
	for (size_t i = 0; i < COUNT(objects) * 2; i++) {
		const size_t n = i / 2;
		struct as a = { 0 };
		struct elf elf;
		struct elf_section section;
		struct elf_data data;
		struct turf_error err = { 0 };
		uint64_t *addrs;
		make_object32(&a, objects[n].machine, i % 2, objects[n].addend,
		              objects[n].type);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		ck_assert_int_eq(turf_elf_place(&elf, &addrs, NULL), 1);
		ck_assert_int_eq(turf_elf_find_section(&elf, ".info", &section, NULL), 1);
		int r = turf_elf_data(&elf, &section, &data, &err);
		ck_assert_msg(r == 0, "%zu: %s", n, err.text);
		struct cursor c = cur_of(data.bytes, i % 2);
		ck_assert_uint_eq(cur_u32(&c), 0x11111111);
		ck_assert_uint_eq(cur_u32(&c), objects[n].wanted);
		turf_elf_data_fini(&data);
		free(addrs);
		as_free(&a);
	}
}
END_TEST

START_TEST(refuses_what_it_cannot_apply)
{
	static const struct {
		uint64_t off;
		uint32_t type, symbol;
		int r;
	} bad[] = {
		{ DATA_SIZE - 8, R_X86_64_64, 1, 0 },
		{ DATA_SIZE - 7, R_X86_64_64, 1, -EBADMSG },
		{ DATA_SIZE, R_X86_64_NONE, 1, 0 },
		{ DATA_SIZE + 1, R_X86_64_NONE, 1, -EBADMSG },
		{ UINT64_MAX, R_X86_64_64, 1, -EBADMSG },
		{ 0, R_X86_64_GOTPCREL, 1, -ENOTSUP },
		{ 0, R_X86_64_64, 6, -EBADMSG },
		{ 0, R_X86_64_64, UINT32_MAX, -EBADMSG },
		{ 0, R_X86_64_64, 5, -ENOTSUP },
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct as a = { 0 };
		uint8_t info[DATA_SIZE];
		struct turf_error err = { 0 };
		make_object(&a, EM_X86_64, false, bad[i].off, bad[i].type, bad[i].symbol, 0);
		int r = read_info(as_span(&a), info, &err);
		ck_assert_msg(r == bad[i].r, "case %zu: %d: %s", i, r, err.text);
		ck_assert_int_eq(err.code, r);
		as_free(&a);
	}
}
END_TEST

START_TEST(places_only_what_it_knows)
{
	/* the header's fields, then those of .more */
	static const struct {
		size_t at;
		bool of_more;
		unsigned size;
		uint64_t value;
		int r;
	} changes[] = {
		{ 16, false, 2, ET_DYN, 0 },
		{ 18, false, 2, EM_MIPS, 0 },
		{ 32, true, 8, UINT64_MAX - 8, -EBADMSG }, /* size */
		{ 48, true, 8, 3, -EBADMSG },              /* alignment */
		{ 48, true, 8, 1ULL << 63, -EBADMSG },
	};
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct as a = { 0 };
		struct elf elf;
		uint64_t *addrs = (uint64_t *)KEPT;
		make_object(&a, EM_X86_64, false, 8, R_X86_64_64, 1, 0);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		as_patch(&a, changes[i].at + (changes[i].of_more ? elf.shoff + MORE * 64 : 0),
		         changes[i].value, changes[i].size);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		ck_assert_int_eq(turf_elf_place(&elf, &addrs, NULL), changes[i].r);
		ck_assert_ptr_eq(addrs, KEPT);
		ck_assert_ptr_null(elf.addrs);
		as_free(&a);
	}
}
END_TEST

static bool whole_is_read;

static void read_all(struct span file)
{
	struct elf elf;
	uint64_t *addrs;
	whole_is_read = false;
	if (turf_elf_open(file, &elf, NULL) < 0 || turf_elf_place(&elf, &addrs, NULL) != 1)
		return;
	whole_is_read = true;
	for (uint32_t i = 0; i < elf.n_sections; i++) {
		struct elf_section section;
		struct elf_data data = { 0 };
		if (turf_elf_section(&elf, i, &section, NULL) < 0 ||
		    turf_elf_data(&elf, &section, &data, NULL) < 0)
			whole_is_read = false;
		turf_elf_data_fini(&data);
	}
	free(addrs);
}

static void refuse(struct span part)
{
	read_all(part);
	ck_assert_msg(!whole_is_read, "%zu bytes are taken for the whole", part.size);
}

START_TEST(cut_and_bent_objects)
{
	struct as a = { 0 };
	make_object(&a, EM_AARCH64, true, 8, R_AARCH64_ABS64, 1, 0);
	read_all(as_span(&a));
	ck_assert(whole_is_read);
	every_prefix(as_span(&a), refuse);
	every_byte_bent(as_span(&a), read_all);
	as_free(&a);
}
END_TEST

TESTS("elf/place", each_type, uleb_keeps_its_length, addends_in_place,
      refuses_what_it_cannot_apply, places_only_what_it_knows, cut_and_bent_objects)
