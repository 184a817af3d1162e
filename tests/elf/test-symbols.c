/* SPDX-License-Identifier: MIT */
/* Symbol tables, in both classes and orders. */
#include <elf.h>

#include "elf/elf.h"
#include "elf/sample.h"
#include "lib/test.h"

static const char STRINGS[] = "\0main\0data_start\0tail";

static const struct {
	const char *name;
	uint32_t name_off;
	uint8_t info;
	uint16_t section;
	uint64_t addr, size;
} symbols[] = {
	{ "main", 1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 1, 0x401000, 0x20 },
	{ "data_start", 6, ELF64_ST_INFO(STB_WEAK, STT_OBJECT), SHN_ABS, 0xfffffff0, 8 },
	{ "start", 11, ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE), SHN_UNDEF, 0, 0 },
	{ "", 0, ELF64_ST_INFO(STB_LOCAL, STT_SECTION), 1, 0x401000, 0 },
	{ "l", 20, ELF64_ST_INFO(STB_GLOBAL, STT_GNU_IFUNC), 2, 0x402000, 1 },
};

/* Section 1 .symtab, 2 .strtab, 3 a .dynsym whose bytes are elsewhere. */
static void make_file(struct as *a, const struct sample_kind *kind)
{
	struct as table = { .big = kind->big };
	sample_symbol(&table, kind->is64, 0, 0, 0, 0, 0);
	for (size_t i = 0; i < COUNT(symbols); i++)
		sample_symbol(&table, kind->is64, symbols[i].name_off, symbols[i].info,
		              symbols[i].section, symbols[i].addr, symbols[i].size);
	const struct sample_section sections[] = {
		{ ".symtab", SHT_SYMTAB, 0, as_span(&table), 2, kind->is64 ? 24 : 16 },
		{ ".strtab",
		  SHT_STRTAB,
		  0,
		  { (const uint8_t *)STRINGS, sizeof(STRINGS) },
		  0,
		  0 },
		{ ".dynsym", SHT_NOBITS, SHF_ALLOC, { NULL, 240 }, 2, 24 },
	};
	sample_elf(a, kind, sections, COUNT(sections));
	as_free(&table);
}

START_TEST(tells_every_symbol)
{
	for (size_t k = 0; k < COUNT(sample_kinds); k++) {
		struct as a = { 0 };
		struct elf elf;
		struct elf_symbols walk;
		struct elf_symbol s;
		make_file(&a, &sample_kinds[k]);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		ck_assert_int_eq(turf_elf_symbols(&elf, SHT_SYMTAB, &walk, NULL), 1);
		for (size_t i = 0; i < COUNT(symbols); i++) {
			ck_assert_int_eq(turf_elf_next_symbol(&walk, &s, NULL), 1);
			ck_assert_str_eq(s.name, symbols[i].name);
			ck_assert_uint_eq(s.addr, symbols[i].addr);
			ck_assert_uint_eq(s.size, symbols[i].size);
			ck_assert_uint_eq(s.type, ELF64_ST_TYPE(symbols[i].info));
			ck_assert_uint_eq(s.bind, ELF64_ST_BIND(symbols[i].info));
			ck_assert_uint_eq(s.section, symbols[i].section);
		}
		ck_assert_int_eq(turf_elf_next_symbol(&walk, &s, NULL), 0);
		ck_assert_int_eq(turf_elf_next_symbol(&walk, &s, NULL), 0);
		ck_assert_int_eq(turf_elf_symbols(&elf, SHT_DYNSYM, &walk, NULL), 0);
		as_free(&a);
	}
}
END_TEST

/* Fields of section headers of the ELF64 file: one change each. */
static const struct {
	const char *what;
	uint32_t section, field;
	uint64_t value;
	unsigned size;
	int begin, first; /* expected of turf_elf_symbols(), and of the first symbol */
} cases[] = {
	{ "unchanged", 1, 4, SHT_SYMTAB, 4, 1, 1 },
	{ "no symbol table", 1, 4, SHT_PROGBITS, 4, 0, 0 },
	{ "compressed", 1, 8, SHF_COMPRESSED, 8, -ENOTSUP, 0 },
	{ "outside the file", 1, 24, 0x100000, 8, -EBADMSG, 0 },
	{ "half a symbol", 1, 32, 24 * 3 + 12, 8, -EBADMSG, 0 },
	{ "no symbol at all", 1, 32, 0, 8, 1, 0 },
	{ "only the null symbol", 1, 32, 24, 8, 1, 0 },
	{ "linked to nothing", 1, 40, 0, 4, -EBADMSG, 0 },
	{ "linked to no section", 1, 40, 77, 4, -EBADMSG, 0 },
	{ "linked to itself", 1, 40, 1, 4, -EBADMSG, 0 },
	{ "symbols of 16 bytes", 1, 56, 16, 8, -EBADMSG, 0 },
	{ "strings outside the file", 2, 24, 0x100000, 8, -EBADMSG, 0 },
	{ "strings end inside a name", 2, 32, 4, 8, 1, -EBADMSG },
	{ "no strings", 2, 32, 0, 8, 1, -EBADMSG },
};

START_TEST(refuses_bad_tables)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct as a = { 0 };
		struct elf elf;
		struct elf_symbols walk;
		struct elf_symbol s = { .name = KEPT };
		struct turf_error err = { 0 };
		make_file(&a, &sample_kinds[0]);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		as_patch(&a, elf.shoff + cases[i].section * 64 + cases[i].field, cases[i].value,
		         cases[i].size);
		int r = turf_elf_symbols(&elf, SHT_SYMTAB, &walk, &err);
		ck_assert_msg(r == cases[i].begin, "%s: got %d (%s)", cases[i].what, r,
		              err.text);
		if (r == 1) {
			r = turf_elf_next_symbol(&walk, &s, &err);
			ck_assert_msg(r == cases[i].first, "%s: first symbol gives %d (%s)",
			              cases[i].what, r, err.text);
			ck_assert_str_eq(s.name, r == 1 ? "main" : KEPT);
		}
		ck_assert_int_eq(err.code, MIN(r, 0));
		as_free(&a);
	}
}
END_TEST

/* After a bad name the walk goes on with the next symbol. */
START_TEST(goes_on_behind_a_bad_name)
{
	struct as a = { 0 };
	struct elf elf;
	struct elf_section table;
	struct elf_symbols walk;
	struct elf_symbol s;
	make_file(&a, &sample_kinds[0]);
	ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
	ck_assert_int_eq(turf_elf_section(&elf, 1, &table, NULL), 0);
	as_patch(&a, table.off + 24, sizeof(STRINGS), 4);
	ck_assert_int_eq(turf_elf_symbols(&elf, SHT_SYMTAB, &walk, NULL), 1);
	ck_assert_int_eq(turf_elf_next_symbol(&walk, &s, NULL), -EBADMSG);
	ck_assert_int_eq(turf_elf_next_symbol(&walk, &s, NULL), 1);
	ck_assert_str_eq(s.name, "data_start");
	as_free(&a);
}
END_TEST

static size_t n_read, n_name_bytes;

static void read_all(struct span file)
{
	static const uint32_t types[] = { SHT_SYMTAB, SHT_DYNSYM };
	struct elf elf;
	n_read = 0;
	if (turf_elf_open(file, &elf, NULL) < 0)
		return;
	for (size_t i = 0; i < COUNT(types); i++) {
		struct elf_symbols walk;
		struct elf_symbol s;
		int r = turf_elf_symbols(&elf, types[i], &walk, NULL);
		while (r == 1 && (r = turf_elf_next_symbol(&walk, &s, NULL)) != 0) {
			n_read += r == 1;
			n_name_bytes += r == 1 ? strlen(s.name) : 0;
			r = 1;
		}
	}
}

static void refuse(struct span part)
{
	read_all(part);
	ck_assert_uint_eq(n_read, 0); /* the section headers come last */
}

START_TEST(every_prefix_is_refused)
{
	for (size_t i = 0; i < COUNT(sample_kinds); i++) {
		struct as a = { 0 };
		make_file(&a, &sample_kinds[i]);
		read_all(as_span(&a));
		ck_assert_uint_eq(n_read, COUNT(symbols));
		every_prefix(as_span(&a), refuse);
		as_free(&a);
	}
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	for (size_t i = 0; i < COUNT(sample_kinds); i++) {
		struct as a = { 0 };
		make_file(&a, &sample_kinds[i]);
		every_byte_bent(as_span(&a), read_all);
		as_free(&a);
	}
}
END_TEST

TESTS("elf/symbols", tells_every_symbol, refuses_bad_tables, goes_on_behind_a_bad_name,
      every_prefix_is_refused, every_byte_bent_is_survived)
