/* SPDX-License-Identifier: MIT */
/* Go's own line tables: the three versions of them, 32 and 64 bits, both byte orders. */
#include <elf.h>
#include <stdarg.h>
#include <stdio.h>

#include "elf/gopclntab.h"
#include "elf/sample.h"
#include "lib/test.h"

enum { TEXT = 0x401000 };

/* How a table is written. */
struct kind {
	const char *name;
	int version, elf; /* elf: index of sample_kinds */
	uint8_t quantum;
	uint32_t magic;
};
static const struct kind kinds[] = {
	{ "1.16", 16, 0, 1, 0xfffffffa },
	{ "1.18", 18, 0, 1, 0xfffffff0 },
	{ "1.20", 20, 0, 1, 0xfffffff1 },
	{ "1.18, big-endian", 18, 1, 2, 0xfffffff0 },
	{ "1.20, 32-bit", 20, 2, 4, 0xfffffff1 },
	{ "1.16, 32-bit", 16, 2, 4, 0xfffffffa },
	{ "1.20, 32-bit big", 20, 3, 4, 0xfffffff1 },
};

struct text {
	char at[2048];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(t->at + t->n, sizeof(t->at) - t->n, fmt, args);
	va_end(args);
	t->n = MIN(t->n + (size_t)MAX(n, 0), sizeof(t->at) - 1);
}

static void put_word(struct as *a, const struct kind *k, uint64_t value)
{
	as_uint(a, value, sample_kinds[k->elf].is64 ? 8 : 4);
}

/* Pairs of differences: of the value (sign in the lowest bit) and of the address. */
static const uint8_t values[] = {
	0,                          /* offset 0 is no table */
	2,  6, 0,                   /* 1: file 0 throughout */
	22, 2, 2, 2, 3, 2, 0,       /* 4: lines 10, 11, 9 of two units each */
	0,  2, 2, 2, 2, 1, 1, 1, 0, /* 11: calls -1; 0; 1; 0 */
	12, 4, 0,                   /* 20: line 5, of four units; the rest is padding */
};

static void put_function(struct as *a, const struct kind *k, uint32_t start, uint32_t name,
                         uint32_t lines, bool inlines)
{
	if (k->version >= 18)
		as_u32(a, start);
	else
		put_word(a, k, TEXT + start);
	as_u32(a, name);
	as_u32(a, 0);
	as_u32(a, 0);
	as_u32(a, 0);
	as_u32(a, 1);
	as_u32(a, lines);
	as_u32(a, inlines ? 3 : 0);
	as_u32(a, 0); /* unit */
	if (k->version >= 20)
		as_u32(a, 7);
	as_u8(a, 0);
	as_u8(a, 0);
	as_u8(a, 0);
	as_u8(a, inlines ? 4 : 0);
	for (int i = 0; inlines && i < 3; i++)
		as_u32(a, i == 2 ? 11 : 0);
	for (int i = 0; inlines && i < 4; i++)
		as_u32(a, i == 3 ? 0 : UINT32_MAX);
}

/* main.main of 6 units with two calls inlined, main.other of 4 units and padding. */
static void make_table(struct as *a, const struct kind *k)
{
	static const char names[] = "main.main\0main.other\0main.small\0main.tiny";
	static const char files[] = "/src/a.go\0/src/b.go";
	const unsigned size = sample_kinds[k->elf].is64 ? 8 : 4;
	const unsigned entry = k->version >= 18 ? 4 : size, q = k->quantum;
	const unsigned n_words = k->version >= 18 ? 8 : 7;
	as_u32(a, k->magic);
	as_u16(a, 0);
	as_u8(a, k->quantum);
	as_u8(a, (uint8_t)size);
	put_word(a, k, 2);
	put_word(a, k, 2);
	if (k->version >= 18)
		put_word(a, k, TEXT);
	uint64_t off = 8 + n_words * size;
	const size_t sizes[] = { sizeof(names), 8, sizeof(files), sizeof(values) };
	for (size_t i = 0; i < 5; i++) {
		put_word(a, k, off);
		off += i < 4 ? sizes[i] : 0;
	}
	as_bytes(a, names, sizeof(names));
	as_u32(a, 0); /* the unit's files */
	as_u32(a, 10);
	as_bytes(a, files, sizeof(files));
	as_bytes(a, values, sizeof(values));
	struct as functions = { .big = a->big };
	const uint64_t base = k->version >= 18 ? 0 : TEXT;
	put_function(&functions, k, 0, 0, 4, true);
	const size_t second = functions.buf.n, list = 5 * entry;
	put_function(&functions, k, 6 * q, 10, 20, false);
	as_uint(a, base, entry);
	as_uint(a, list, entry);
	as_uint(a, base + 6 * q, entry);
	as_uint(a, list + second, entry);
	as_uint(a, base + 16 * q, entry); /* the end */
	as_bytes(a, functions.buf.at, functions.buf.n);
	as_free(&functions);
}

/* Two inlined calls: main.small at the first line, main.tiny inside of it. */
static void put_tree(struct as *a, const struct kind *k)
{
	static const uint32_t calls[][2] = { { 21, 0 }, { 32, 2 } };
	for (size_t i = 0; i < COUNT(calls); i++) {
		as_u32(a, 0);
		as_u32(a, k->version >= 20 ? calls[i][0] : 0);
		as_u32(a, k->version >= 20 ? calls[i][1] * k->quantum : 0);
		if (k->version < 20) {
			as_u32(a, calls[i][0]);
			as_u32(a, calls[i][1] * k->quantum);
		} else {
			as_u32(a, 1);
		}
	}
}

/* The whole file; the module data says where the trees are. */
static void make_file(struct as *file, const struct kind *k)
{
	const bool big = sample_kinds[k->elf].big;
	struct as table = { .big = big }, tree = { .big = big }, module = { .big = big };
	make_table(&table, k);
	put_tree(&tree, k);
	put_word(&module, k, 1); /* something else before it */
	for (int i = 0; i < 41; i++)
		put_word(&module, k, 0);
	const struct sample_section sections[] = {
		{ ".text",
		  SHT_PROGBITS,
		  SHF_ALLOC | SHF_EXECINSTR,
		  { table.buf.at, 16 },
		  0,
		  0 },
		{ ".gopclntab", SHT_PROGBITS, SHF_ALLOC, as_span(&table), 0, 0 },
		{ ".rodata", SHT_PROGBITS, SHF_ALLOC, as_span(&tree), 0, 0 },
		{ ".noptrdata", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE, as_span(&module), 0, 0 },
	};
	sample_elf(file, &sample_kinds[k->elf], sections, COUNT(sections));
	struct elf elf;
	struct elf_section s[5];
	const unsigned size = sample_kinds[k->elf].is64 ? 8 : 4;
	ck_assert_int_eq(turf_elf_open(as_span(file), &elf, NULL), 0);
	for (uint32_t i = 1; i < 5; i++)
		ck_assert_int_eq(turf_elf_section(&elf, i, &s[i], NULL), 0);
	as_patch(file, s[4].off + size, s[2].addr, size);
	as_patch(file, s[4].off + 23 * size, TEXT, size);
	as_patch(file, s[4].off + (k->version >= 20 ? 41 : 39) * size, s[3].addr, size);
	as_free(&table);
	as_free(&tree);
	as_free(&module);
}

static int say_table(struct span file, struct text *t, unsigned q)
{
	struct elf elf;
	struct go_table table;
	struct go_function f;
	struct go_run run;
	struct go_inlined call;
	int r = turf_elf_open(file, &elf, NULL);
	if (r == 0)
		r = turf_go_open(&elf, &table, NULL);
	if (r <= 0)
		return r;
	struct go_functions walk = turf_go_functions(&table);
	while (turf_go_next_function(&walk, &f) == 1) {
		say(t, "%s %d-%d:", f.name, (int)((f.start - TEXT) / q),
		    (int)((f.end - TEXT) / q));
		struct go_runs runs = turf_go_runs(&table, &f);
		while (turf_go_next_run(&runs, &run) == 1) {
			say(t, " %d-%d %s:%u", (int)((run.start - TEXT) / q),
			    (int)((run.end - TEXT) / q), run.file ? run.file : "?", run.line);
			if (turf_go_inlined(&table, &f, run.inlined, &call) == 1)
				say(t, " in %s at %d", call.name,
				    (int)((call.call_addr - TEXT) / q));
		}
		say(t, "; ");
	}
	turf_go_close(&table);
	return 1;
}

START_TEST(each_version)
{
	static const char with[] =
		"main.main 0-6: 0-2 /src/a.go:10 2-4 /src/a.go:11 in main.small at 0 4-5 "
		"/src/a.go:9 in main.tiny at 2 5-6 /src/a.go:9 in main.small at 0; "
		"main.other 6-16: 6-10 /src/a.go:5; ";
	static const char without[] =
		"main.main 0-6: 0-2 /src/a.go:10 2-4 /src/a.go:11 4-6 /src/a.go:9; "
		"main.other 6-16: 6-10 /src/a.go:5; ";
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct as file = { 0 };
		struct text t = { .n = 0 };
		make_file(&file, &kinds[i]);
		ck_assert_int_eq(say_table(as_span(&file), &t, kinds[i].quantum), 1);
		ck_assert_msg(!strcmp(t.at, kinds[i].version >= 18 ? with : without), "%s: %s",
		              kinds[i].name, t.at);
		as_free(&file);
	}
}
END_TEST

/* Fields of the header, changed. */
START_TEST(refuses_what_makes_no_sense)
{
	static const struct {
		unsigned off, size;
		uint64_t value;
		int r;
	} changes[] = {
		{ 0, 4, 0xfffffff7, -ENOTSUP }, { 0, 4, 0xfffffffb, -ENOTSUP },
		{ 6, 1, 3, -EBADMSG },          { 7, 1, 2, -EBADMSG },
		{ 8, 8, 1 << 20, -EBADMSG },    { 8, 8, UINT64_MAX, -EBADMSG },
		{ 64, 8, 1 << 20, -EBADMSG }, /* the functions lie nowhere, but there are some
		                               */
		{ 32, 8, UINT64_MAX, 1 },     /* the names lie nowhere */
	};
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct as file = { 0 };
		struct text t = { .n = 0 };
		struct elf elf;
		struct elf_section s;
		make_file(&file, &kinds[1]);
		ck_assert_int_eq(turf_elf_open(as_span(&file), &elf, NULL), 0);
		ck_assert_int_eq(turf_elf_find_section(&elf, ".gopclntab", &s, NULL), 1);
		as_patch(&file, s.off + changes[i].off, changes[i].value, changes[i].size);
		ck_assert_int_eq(say_table(as_span(&file), &t, 1), changes[i].r);
		as_free(&file);
	}
}
END_TEST

START_TEST(absent_is_no_error)
{
	struct as file = { 0 };
	struct elf elf;
	struct go_table table = { .n_functions = 77 };
	const struct sample_section text = { ".text", SHT_PROGBITS, 0, { NULL, 0 }, 0, 0 };
	sample_elf(&file, &sample_kinds[0], &text, 1);
	ck_assert_int_eq(turf_elf_open(as_span(&file), &elf, NULL), 0);
	ck_assert_int_eq(turf_go_open(&elf, &table, NULL), 0);
	ck_assert_uint_eq(table.n_functions, 77);
	as_free(&file);
}
END_TEST

static const struct kind *kind_at_hand;

static void read_all(struct span file)
{
	struct text t = { .n = 0 };
	say_table(file, &t, kind_at_hand->quantum);
}

static void read_table(struct span table)
{
	const struct sample_section sections[] = { { ".gopclntab", SHT_PROGBITS, SHF_ALLOC,
		                                     table, 0, 0 } };
	struct as file = { 0 };
	struct text t = { .n = 0 };
	sample_elf(&file, &sample_kinds[kind_at_hand->elf], sections, 1);
	say_table(as_span(&file), &t, kind_at_hand->quantum);
	ck_assert_msg(!strstr(t.at, "main.other 6-16: 6-10 /src/a.go:5"),
	              "%zu bytes are taken for the whole", table.size);
	as_free(&file);
}

/* What is cut off the table's end is missed: its last function. */
START_TEST(cut_and_bent_tables)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct as file = { 0 }, table = { .big = sample_kinds[kinds[i].elf].big };
		kind_at_hand = &kinds[i];
		make_file(&file, &kinds[i]);
		every_byte_bent(as_span(&file), read_all);
		make_table(&table, &kinds[i]);
		every_prefix(as_span(&table), read_table);
		as_free(&table);
		as_free(&file);
	}
}
END_TEST

TESTS("elf/gopclntab", each_version, refuses_what_makes_no_sense, absent_is_no_error,
      cut_and_bent_tables)
