/* SPDX-License-Identifier: MIT */
#include "dwarf/make.h"
#include "lib/test.h"

/* The ranges of the first scope as text; "!" where they are malformed. */
static void list(struct made *m, char *text, size_t size)
{
	struct dwarf_sections s = made_sections(m);
	struct dwarf dw;
	struct dwarf_scopes walk;
	struct dwarf_scope scope;
	struct dwarf_range range = { 1, 2 };
	size_t n = 0;
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	ck_assert_int_eq(turf_dwarf_scopes(&dw, &dw.units[0], &walk, NULL), 0);
	ck_assert_int_eq(turf_dwarf_next_scope(&walk, &scope, NULL), 1);
	text[0] = 0;
	int r;
	while ((r = turf_dwarf_next_range(&scope.ranges, &range, NULL)) > 0) {
		n += (size_t)snprintf(text + n, size - n, "%llx-%llx ",
		                      (unsigned long long)range.start,
		                      (unsigned long long)range.end);
		ck_assert_uint_lt(n, size);
	}
	ck_assert_int_eq(turf_dwarf_next_range(&scope.ranges, &range, NULL), r);
	if (r < 0)
		snprintf(text + n, size - n, "!");
	turf_dwarf_close(&dw);
}

/* A unit with low_pc 0x1000 and one function whose attributes are @pairs. */
static size_t begin(struct made *m, unsigned version, const struct pair *pairs, size_t n)
{
	ABBREV(m, 1, DW_TAG_compile_unit, true, { DW_AT_low_pc, DW_FORM_addr },
	       { DW_AT_addr_base, DW_FORM_implicit_const, 8 },
	       { DW_AT_rnglists_base, DW_FORM_implicit_const, 12 });
	abbrev(m, 2, DW_TAG_subprogram, false, pairs, n);
	as_u8(&m->abbrev, 0);
	size_t unit = begin_unit(m, version, 0);
	as_u8(&m->info, 1);
	as_u64(&m->info, 0x1000);
	as_u8(&m->info, 2);
	return unit;
}

START_TEST(low_and_high)
{
	static const struct {
		const char *what;
		unsigned low_form, high_form;
		uint64_t low, high;
		const char *ranges;
	} cases[] = {
		{ "an offset", DW_FORM_addr, DW_FORM_data8, 0x10, 5, "10-15 " },
		{ "an address", DW_FORM_addr, DW_FORM_addr, 0x10, 0x25, "10-25 " },
		{ "indexes", DW_FORM_addrx4, DW_FORM_addrx4, 0, 1, "aaaa-bbbb " },
		{ "an index, an offset", DW_FORM_addrx4, DW_FORM_data4, 1, 2, "bbbb-bbbd " },
		{ "an index outside", DW_FORM_addrx4, DW_FORM_data4, 2, 2, "!" },
		{ "empty", DW_FORM_addr, DW_FORM_data8, 0x10, 0, "" },
		{ "ends before it begins", DW_FORM_addr, DW_FORM_addr, 0x10, 0xf, "!" },
		{ "wraps", DW_FORM_addr, DW_FORM_data8, 0x10, UINT64_MAX, "!" },
		{ "dead", DW_FORM_addr, DW_FORM_data8, UINT64_MAX, 5, "" },
		{ "dead by -2", DW_FORM_addr, DW_FORM_data8, UINT64_MAX - 1, 5, "" },
		{ "zero is for the caller to judge", DW_FORM_addr, DW_FORM_data8, 0, 5,
		  "0-5 " },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };
		char text[100];
		const struct pair pairs[] = { { DW_AT_low_pc, cases[i].low_form },
			                      { DW_AT_high_pc, cases[i].high_form } };
		size_t unit = begin(&m, 5, pairs, COUNT(pairs));
		bool low8 = cases[i].low_form == DW_FORM_addr;
		bool high8 = cases[i].high_form == DW_FORM_addr ||
		             cases[i].high_form == DW_FORM_data8;
		as_uint(&m.info, cases[i].low, low8 ? 8 : 4);
		as_uint(&m.info, cases[i].high, high8 ? 8 : 4);
		as_end_length(&m.info, unit);
		as_u64(&m.addr, 0);
		as_u64(&m.addr, 0xaaaa);
		as_u64(&m.addr, 0xbbbb);
		list(&m, text, sizeof(text));
		ck_assert_msg(strcmp(text, cases[i].ranges) == 0, "%s: %s", cases[i].what,
		              text);
		made_free(&m);
	}
}
END_TEST

START_TEST(lists_of_version_4)
{
	static const struct {
		const char *what;
		uint64_t words[8];
		unsigned n;
		const char *ranges;
	} cases[] = {
		{ "from the unit's base", { 0, 5, 8, 16, 0, 0 }, 6, "1000-1005 1008-1010 " },
		{ "a base", { UINT64_MAX, 0x7000, 1, 2, 0, 0 }, 6, "7001-7002 " },
		{ "a base of 0", { UINT64_MAX, 0, 0x50, 0x60, 0, 0 }, 6, "50-60 " },
		{ "an empty one", { 3, 3, 4, 5, 0, 0 }, 6, "1004-1005 " },
		{ "a dead one",
		  { UINT64_MAX - 1, UINT64_MAX - 1, 4, 5, 0, 0 },
		  6,
		  "1004-1005 " },
		{ "a dead base", { UINT64_MAX, UINT64_MAX, 4, 5, 0, 0 }, 6, "" },
		{ "the wrong way round", { 1, 2, 5, 4, 0, 0 }, 6, "1001-1002 !" },
		{ "no end", { 1, 2 }, 2, "1001-1002 !" },
		{ "half an entry", { 1, 2, 3 }, 3, "1001-1002 !" },
		{ "nothing", { 0 }, 0, "!" },
	};
	static const struct pair pairs[] = { { DW_AT_ranges, DW_FORM_sec_offset } };
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };
		char text[100];
		size_t unit = begin(&m, 4, pairs, 1);
		as_u32(&m.info, 16);
		as_end_length(&m.info, unit);
		as_u64(&m.ranges, 0x666);
		as_u64(&m.ranges, 0x667);
		for (unsigned k = 0; k < cases[i].n; k++)
			as_u64(&m.ranges, cases[i].words[k]);
		list(&m, text, sizeof(text));
		ck_assert_msg(strcmp(text, cases[i].ranges) == 0, "%s: %s", cases[i].what,
		              text);
		made_free(&m);
	}
}
END_TEST

#define LIST(bytes) bytes, sizeof(bytes) - 1
#define DEAD "\377\377\377\377\377\377\377\377"

START_TEST(lists_of_version_5)
{
	static const struct {
		const char *what, *bytes;
		size_t size;
		const char *ranges;
	} cases[] = {
		{ "offset_pair", LIST("\4\1\2\4\200\1\201\1\0"), "1001-1002 1080-1081 " },
		{ "base_addressx", LIST("\1\1\4\1\2\0"), "bbbc-bbbd " },
		{ "base_address", LIST("\5\0\0\1\0\0\0\0\0\4\1\2\0"), "10001-10002 " },
		{ "startx_endx", LIST("\2\0\1\0"), "aaaa-bbbb " },
		{ "startx_length", LIST("\3\0\7\0"), "aaaa-aab1 " },
		{ "start_end", LIST("\6\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\0"), "1-3 " },
		{ "start_length", LIST("\7\1\0\0\0\0\0\0\0\5\0"), "1-6 " },
		{ "empty ones", LIST("\4\1\1\4\2\3\0"), "1002-1003 " },
		{ "dead", LIST("\7" DEAD "\5\4\2\3\0"), "1002-1003 " },
		{ "dead base", LIST("\5" DEAD "\4\2\3\0"), "" },
		{ "an index outside", LIST("\1\2\4\1\2\0"), "!" },
		{ "the wrong way round", LIST("\4\2\1\0"), "!" },
		{ "wraps", LIST("\7\1\0\0\0\0\0\0\0\377\377\377\377\377\377\377\377\377\1\0"),
		  "!" },
		{ "an unknown entry", LIST("\4\1\2\10\1\2\0"), "1001-1002 !" },
		{ "no end", LIST("\4\1\2"), "1001-1002 !" },
		{ "nothing", LIST(""), "!" },
	};
	static const struct pair by_offset[] = { { DW_AT_ranges, DW_FORM_sec_offset } };
	static const struct pair by_index[] = { { DW_AT_ranges, DW_FORM_rnglistx } };
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		struct made m = { 0 };
		char text[100];
		bool index = i % 2;
		size_t unit = begin(&m, 5, index ? by_index : by_offset, 1);
		if (index)
			as_uleb(&m.info, 1);
		else
			as_u32(&m.info, 20);
		as_end_length(&m.info, unit);
		as_u64(&m.addr, 0);
		as_u64(&m.addr, 0xaaaa);
		as_u64(&m.addr, 0xbbbb);
		as_u64(&m.rnglists, 0); /* a header of 12 bytes, two offsets */
		as_u32(&m.rnglists, 2);
		as_u32(&m.rnglists, 0xffff);
		as_u32(&m.rnglists, 8);
		as_bytes(&m.rnglists, cases[i / 2].bytes, cases[i / 2].size);
		list(&m, text, sizeof(text));
		ck_assert_msg(strcmp(text, cases[i / 2].ranges) == 0, "%s: %s",
		              cases[i / 2].what, text);
		made_free(&m);
	}
}
END_TEST

START_TEST(lists_that_are_nowhere)
{
	static const struct {
		unsigned form;
		uint32_t value;
	} cases[] = {
		{ DW_FORM_sec_offset, 0x1000 },
		{ DW_FORM_rnglistx, 0 },    /* points out of the section */
		{ DW_FORM_rnglistx, 1000 }, /* has no offset */
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };
		char text[100];
		const struct pair pairs[] = { { DW_AT_ranges, cases[i].form } };
		size_t unit = begin(&m, 5, pairs, 1);
		if (cases[i].form == DW_FORM_rnglistx)
			as_uleb(&m.info, cases[i].value);
		else
			as_u32(&m.info, cases[i].value);
		as_end_length(&m.info, unit);
		as_u64(&m.rnglists, 0);
		as_u32(&m.rnglists, 1);
		as_u32(&m.rnglists, 0x1000);
		list(&m, text, sizeof(text));
		ck_assert_str_eq(text, "!");
		made_free(&m);
	}
}
END_TEST

START_TEST(addresses_of_four_bytes)
{
	struct made m = { 0 };
	char text[100];
	ABBREV(&m, 1, DW_TAG_compile_unit, true, { DW_AT_low_pc, DW_FORM_addr });
	ABBREV(&m, 2, DW_TAG_subprogram, false, { DW_AT_ranges, DW_FORM_data4 });
	as_u8(&m.abbrev, 0);
	size_t unit = begin_unit(&m, 3, 0);
	as_patch(&m.info, as_here(&m.info) - 1, 4, 1);
	as_u8(&m.info, 1);
	as_u32(&m.info, 0x1000);
	as_u8(&m.info, 2);
	as_u32(&m.info, 0);
	as_end_length(&m.info, unit);
	static const uint32_t words[] = { 1, 2, UINT32_MAX,     0x80000000,
		                          3, 4, UINT32_MAX - 1, UINT32_MAX - 1,
		                          0, 0 };
	for (size_t i = 0; i < COUNT(words); i++)
		as_u32(&m.ranges, words[i]);
	list(&m, text, sizeof(text));
	ck_assert_str_eq(text, "1001-1002 80000003-80000004 ");
	made_free(&m);
}
END_TEST

TESTS("dwarf/ranges", low_and_high, lists_of_version_4, lists_of_version_5,
      lists_that_are_nowhere, addresses_of_four_bytes)
