/* SPDX-License-Identifier: MIT */
#include "dwarf/make.h"
#include "lib/test.h"

enum { /* abbreviations of the tests below */
       UNIT = 1,
       FUNCTION, /* low_pc, high_pc */
       INLINED,  /* origin, low_pc, high_pc, call_file, call_line, call_column */
       BLOCK,
       SPACE,
       STRUCT_SIBLING,
       STRUCT,
       ABSTRACT,
       DECLARATION,
       PARAMETER,
       CALL_SITE,
};

static void put_abbrevs(struct made *m, unsigned language)
{
	ABBREV(m, UNIT, DW_TAG_compile_unit, true,
	       { DW_AT_language, DW_FORM_implicit_const, language },
	       { DW_AT_producer, DW_FORM_string });
	ABBREV(m, FUNCTION, DW_TAG_subprogram, true, { DW_AT_low_pc, DW_FORM_addr },
	       { DW_AT_high_pc, DW_FORM_data1 });
	ABBREV(m, INLINED, DW_TAG_inlined_subroutine, true,
	       { DW_AT_abstract_origin, DW_FORM_ref4 }, { DW_AT_low_pc, DW_FORM_addr },
	       { DW_AT_high_pc, DW_FORM_data1 }, { DW_AT_call_file, DW_FORM_implicit_const, 3 },
	       { DW_AT_call_line, DW_FORM_data2 }, { DW_AT_call_column, DW_FORM_udata },
	       { DW_AT_GNU_discriminator, DW_FORM_implicit_const, 9 });
	ABBREV(m, BLOCK, DW_TAG_lexical_block, true, { 0 });
	ABBREV(m, SPACE, DW_TAG_namespace, true, { DW_AT_name, DW_FORM_string });
	ABBREV(m, STRUCT_SIBLING, DW_TAG_structure_type, true, { DW_AT_name, DW_FORM_string },
	       { DW_AT_sibling, DW_FORM_ref4 });
	ABBREV(m, STRUCT, DW_TAG_structure_type, true, { DW_AT_name, DW_FORM_string });
	ABBREV(m, ABSTRACT, DW_TAG_subprogram, true, { DW_AT_inline, DW_FORM_data1 });
	ABBREV(m, DECLARATION, DW_TAG_subprogram, true,
	       { DW_AT_declaration, DW_FORM_flag_present });
	ABBREV(m, PARAMETER, DW_TAG_formal_parameter, false, { DW_AT_name, DW_FORM_block1 });
	ABBREV(m, CALL_SITE, DW_TAG_call_site, true, { 0 });
	as_u8(&m->abbrev, 0);
}

static void put_unit(struct made *m, const char *producer)
{
	as_uleb(&m->info, UNIT);
	as_str(&m->info, producer);
}

static uint32_t function(struct made *m, uint64_t low)
{
	uint32_t die = here(m);
	as_uleb(&m->info, FUNCTION);
	as_u64(&m->info, low);
	as_u8(&m->info, 0x10);
	return die;
}

static uint32_t inlined(struct made *m, uint32_t origin, uint64_t low, uint16_t line)
{
	uint32_t die = here(m);
	as_uleb(&m->info, INLINED);
	as_u32(&m->info, origin);
	as_u64(&m->info, low);
	as_u8(&m->info, 4);
	as_u16(&m->info, line);
	as_uleb(&m->info, line + 1000U);
	return die;
}

static void up(struct made *m)
{
	as_u8(&m->info, 0);
}

/* All scopes of the only unit, one a line: kind, depth, start; "!" and the code at an error. */
static void list(struct made *m, char *text, size_t size)
{
	struct dwarf_sections s = made_sections(m);
	struct dwarf dw;
	struct dwarf_scopes walk;
	struct dwarf_scope scope;
	size_t n = 0;
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	int r = dw.units[0].error;
	ck_assert_int_eq(turf_dwarf_scopes(&dw, &dw.units[0], &walk, NULL), r);
	text[0] = 0;
	while (r >= 0 && (r = turf_dwarf_next_scope(&walk, &scope, NULL)) > 0) {
		struct dwarf_range range = { 0 };
		ck_assert_int_ge(turf_dwarf_next_range(&scope.ranges, &range, NULL), 0);
		n += (size_t)snprintf(text + n, size - n, "%c%u %llx ",
		                      scope.kind == DWARF_FUNCTION ? 'F' : 'I', scope.depth,
		                      (unsigned long long)range.start);
		ck_assert_uint_lt(n, size);
	}
	if (r < 0)
		snprintf(text + n, size - n, "!%d", r);
	if (r < 0 && !dw.units[0].error) /* and so it stays */
		ck_assert_int_eq(turf_dwarf_next_scope(&walk, &scope, NULL), -EBADMSG);
	turf_dwarf_close(&dw);
}

/* A sibling that is filled in when it is known. */
static size_t struct_with_sibling(struct made *m)
{
	as_uleb(&m->info, STRUCT_SIBLING);
	as_str(&m->info, "s");
	as_u32(&m->info, 0);
	return as_here(&m->info) - 4;
}

/* Functions in all places: in C there are none in types, in C++ in those of functions only. */
static void put_places(struct made *m, const char *producer)
{
	size_t unit = begin_unit(m, 5, 0);
	put_unit(m, producer);
	function(m, 0x1000);
	{
		inlined(m, 12, 0x1002, 7);
		{
			as_uleb(&m->info, BLOCK);
			inlined(m, 12, 0x1003, 8);
			up(m);
			function(m, 0x1800); /* nested */
			up(m);
			up(m);
		}
		up(m);
		inlined(m, 12, 0x1008, 9);
		up(m);
	}
	up(m);
	as_uleb(&m->info, SPACE);
	as_str(&m->info, "space");
	function(m, 0x2000);
	up(m);
	size_t sibling = struct_with_sibling(m);
	function(m, 0x2800);
	up(m);
	up(m);
	as_patch(&m->info, sibling, here(m), 4);
	up(m);
	sibling = struct_with_sibling(m);
	function(m, 0x3000);
	up(m);
	up(m);
	as_patch(&m->info, sibling, here(m), 4);
	as_uleb(&m->info, STRUCT);
	as_str(&m->info, "t");
	function(m, 0x4000);
	as_uleb(&m->info, PARAMETER);
	as_u8(&m->info, 3);
	as_bytes(&m->info, "\1\2\3", 3);
	up(m);
	up(m);
	as_uleb(&m->info, ABSTRACT);
	as_u8(&m->info, 1);
	as_uleb(&m->info, STRUCT);
	as_str(&m->info, "local");
	function(m, 0x5000);
	up(m);
	up(m);
	function(m, 0x5100);
	up(m);
	up(m);
	as_uleb(&m->info, DECLARATION);
	as_uleb(&m->info, PARAMETER);
	as_u8(&m->info, 0);
	up(m);
	function(m, 0x6000);
	up(m);
	up(m);
	as_u32(&m->info, 0x02020202); /* behind the unit's DIE: never looked at */
	as_end_length(&m->info, unit);
}

START_TEST(places)
{
	static const char all[] = "F0 1000 I1 1002 I2 1003 F0 1800 I1 1008 F0 2000 F0 2800 "
				  "F0 3000 F0 4000 F0 5000 F0 5100 F0 6000 ";
	static const char c[] =
		"F0 1000 I1 1002 I2 1003 F0 1800 I1 1008 F0 2000 F0 5100 F0 6000 ";
	static const char cxx[] =
		"F0 1000 I1 1002 I2 1003 F0 1800 I1 1008 F0 2000 F0 5000 F0 5100 F0 6000 ";
	static const struct {
		unsigned language;
		const char *producer, *scopes;
	} cases[] = {
		{ DW_LANG_C11, "GNU C11 12.2.0 -g", c },
		{ DW_LANG_C99, "Debian clang version 14.0.6", c },
		{ DW_LANG_C99, "zig 0.9.1", all },
		{ DW_LANG_C_plus_plus_14, "GNU C++17 12.2.0 -g", cxx },
		{ DW_LANG_C_plus_plus, "clang version 19.1.4", cxx },
		{ DW_LANG_C_plus_plus, "", all },
		{ 0x1c /* Rust */, "clang LLVM (rustc version 1.80.0)", all },
		{ 0, "GNU AS 2.40", all },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };
		char text[400];
		put_abbrevs(&m, cases[i].language);
		put_places(&m, cases[i].producer);
		list(&m, text, sizeof(text));
		ck_assert_msg(strcmp(text, cases[i].scopes) == 0, "%s: %s", cases[i].producer,
		              text);
		made_free(&m);
	}
}
END_TEST

START_TEST(fields_of_a_scope)
{
	struct made m = { 0 };
	struct dwarf dw;
	struct dwarf_scopes walk;
	struct dwarf_scope s, t;
	put_abbrevs(&m, DW_LANG_C11);
	size_t unit = begin_unit(&m, 5, 0);
	put_unit(&m, "GNU C11 12.2.0");
	uint32_t abstract = here(&m);
	as_uleb(&m.info, ABSTRACT);
	as_u8(&m.info, 1);
	up(&m);
	uint32_t outer = function(&m, 0x1000);
	uint32_t call = inlined(&m, abstract, 0x1002, 70);
	up(&m);
	uint32_t inner = function(&m, 0x2000);
	up(&m);
	uint32_t again = inlined(&m, call, 0x1008, 71); /* a chain of origins */
	up(&m);
	up(&m);
	up(&m);
	as_end_length(&m.info, unit);
	struct dwarf_sections sections = made_sections(&m);
	ck_assert_int_eq(turf_dwarf_open(&sections, &dw, NULL), 0);
	ck_assert_int_eq(turf_dwarf_scopes(&dw, &dw.units[0], &walk, NULL), 0);
	ck_assert_int_eq(turf_dwarf_next_scope(&walk, &s, NULL), 1);
	ck_assert_uint_eq(s.die, outer);
	ck_assert_uint_eq(s.origin, outer);
	ck_assert_uint_eq(s.parent, DWARF_NONE);
	ck_assert_uint_eq(s.entry, 0x1000);
	ck_assert_uint_eq(s.call_file, DWARF_NONE);
	ck_assert_int_eq(turf_dwarf_next_scope(&walk, &s, NULL), 1);
	ck_assert_uint_eq(s.die, call);
	ck_assert_uint_eq(s.origin, abstract);
	ck_assert_uint_eq(s.parent, outer);
	ck_assert_uint_eq(s.entry, 0x1002);
	ck_assert_uint_eq(s.call_file, 3);
	ck_assert_uint_eq(s.call_line, 70);
	ck_assert_uint_eq(s.call_column, 1070);
	ck_assert_uint_eq(s.call_discriminator, 9);
	ck_assert_int_eq(turf_dwarf_next_scope(&walk, &s, NULL), 1);
	ck_assert_uint_eq(s.die, inner);
	ck_assert_uint_eq(s.depth, 0);
	ck_assert_uint_eq(s.parent, outer);
	ck_assert_int_eq(turf_dwarf_next_scope(&walk, &s, NULL), 1);
	ck_assert_uint_eq(s.die, again);
	ck_assert_uint_eq(s.origin, call);
	ck_assert_uint_eq(s.depth, 1);
	ck_assert_uint_eq(s.parent, outer);
	t = s;
	ck_assert_int_eq(turf_dwarf_next_scope(&walk, &s, NULL), 0);
	ck_assert_mem_eq(&s, &t, sizeof(s)); /* untouched */
	ck_assert_int_eq(turf_dwarf_next_scope(&walk, &s, NULL), 0);
	turf_dwarf_close(&dw);
	made_free(&m);
}
END_TEST

START_TEST(a_broken_link_costs_only_the_name)
{
	static const uint32_t origins[] = { 0, 3, 0xffff, UINT32_MAX };
	for (size_t i = 0; i < COUNT(origins); i++) {
		struct made m = { 0 };
		char text[100];
		put_abbrevs(&m, DW_LANG_C11);
		size_t unit = begin_unit(&m, 5, 0);
		put_unit(&m, "GNU C11 12.2.0");
		function(&m, 0x1000);
		inlined(&m, origins[i], 0x1002, 7);
		up(&m);
		up(&m);
		function(&m, 0x2000);
		up(&m);
		up(&m);
		as_end_length(&m.info, unit);
		list(&m, text, sizeof(text));
		ck_assert_str_eq(text, "F0 1000 I1 1002 F0 2000 ");
		made_free(&m);
	}
}
END_TEST

START_TEST(malformed_trees)
{
	static const struct {
		const char *what;
		int sibling; /* from the structure's DIE */
		unsigned code;
		const char *scopes;
	} cases[] = {
		{ "a sibling as it should be", 8, FUNCTION, "F0 7000 " },
		{ "sibling: the DIE itself", 0, FUNCTION, "!-74" },
		{ "sibling: backwards", -1, FUNCTION, "!-74" },
		{ "sibling: outside", 0x1000, FUNCTION, "!-74" },
		{ "an unknown abbreviation", 8, 99, "!-74" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };
		char text[100];
		put_abbrevs(&m, DW_LANG_C11);
		size_t unit = begin_unit(&m, 4, 0);
		put_unit(&m, "GNU C11 12.2.0");
		uint32_t die = here(&m);
		size_t sibling = struct_with_sibling(&m);
		as_patch(&m.info, sibling, die + (uint32_t)cases[i].sibling, 4);
		up(&m);
		as_uleb(&m.info, cases[i].code);
		as_u64(&m.info, 0x7000);
		as_u8(&m.info, 1);
		as_end_length(&m.info, unit); /* and no closing nulls: that is borne */
		list(&m, text, sizeof(text));
		ck_assert_msg(strcmp(text, cases[i].scopes) == 0, "%s: %s", cases[i].what,
		              text);
		made_free(&m);
	}
}
END_TEST

START_TEST(nesting_is_limited)
{
	static const struct {
		unsigned code, depth;
		const char *scopes;
	} cases[] = {
		{ BLOCK, DWARF_MAX_DEPTH - 3, "F0 1000 " },
		{ BLOCK, DWARF_MAX_DEPTH - 2, "!-7" },
		{ CALL_SITE, 100000, "" }, /* nothing is looked for in there */
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };
		char text[100];
		put_abbrevs(&m, 0);
		size_t unit = begin_unit(&m, 4, 0);
		put_unit(&m, "GNU C11 12.2.0");
		for (unsigned d = 0; d < cases[i].depth; d++)
			as_uleb(&m.info, cases[i].code);
		function(&m, 0x1000);
		as_end_length(&m.info, unit);
		list(&m, text, sizeof(text));
		ck_assert_str_eq(text, cases[i].scopes);
		made_free(&m);
	}
}
END_TEST

/* One form, its bytes. */
struct form {
	unsigned form;
	const char *bytes;
	size_t size;
};
#define FORM(form, bytes)                                                                      \
	{                                                                                      \
		form, bytes, sizeof(bytes) - 1                                                 \
	}

static const struct form forms[] = {
	FORM(DW_FORM_addr, "\1\2\3\4\5\6\7\10"),
	FORM(DW_FORM_block1, "\2ab"),
	FORM(DW_FORM_block2, "\3\0abc"),
	FORM(DW_FORM_block4, "\1\0\0\0a"),
	FORM(DW_FORM_block, "\202\0ab"),
	FORM(DW_FORM_exprloc, "\1\2"),
	FORM(DW_FORM_data1, "\1"),
	FORM(DW_FORM_data2, "\1\2"),
	FORM(DW_FORM_data4, "\1\2\3\4"),
	FORM(DW_FORM_data8, "\1\2\3\4\5\6\7\10"),
	FORM(DW_FORM_data16, "\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10"),
	FORM(DW_FORM_sdata, "\377\377\1"),
	FORM(DW_FORM_udata, "\200\1"),
	FORM(DW_FORM_string, "text\0"),
	FORM(DW_FORM_strp, "\0\0\0\0"),
	FORM(DW_FORM_line_strp, "\0\0\0\0"),
	FORM(DW_FORM_strp_sup, "\1\2\3\4"),
	FORM(DW_FORM_GNU_strp_alt, "\1\2\3\4"),
	FORM(DW_FORM_strx, "\200\0"),
	FORM(DW_FORM_strx1, "\0"),
	FORM(DW_FORM_strx2, "\0\0"),
	FORM(DW_FORM_strx3, "\0\0\0"),
	FORM(DW_FORM_strx4, "\0\0\0\0"),
	FORM(DW_FORM_GNU_str_index, "\0"),
	FORM(DW_FORM_addrx, "\0"),
	FORM(DW_FORM_addrx1, "\0"),
	FORM(DW_FORM_addrx2, "\0\0"),
	FORM(DW_FORM_addrx3, "\0\0\0"),
	FORM(DW_FORM_addrx4, "\0\0\0\0"),
	FORM(DW_FORM_GNU_addr_index, "\200\0"),
	FORM(DW_FORM_flag, "\1"),
	FORM(DW_FORM_flag_present, ""),
	FORM(DW_FORM_ref1, "\1"),
	FORM(DW_FORM_ref2, "\1\2"),
	FORM(DW_FORM_ref4, "\1\2\3\4"),
	FORM(DW_FORM_ref8, "\1\2\3\4\5\6\7\10"),
	FORM(DW_FORM_ref_udata, "\200\1"),
	FORM(DW_FORM_ref_addr, "\1\2\3\4"),
	FORM(DW_FORM_ref_sig8, "\1\2\3\4\5\6\7\10"),
	FORM(DW_FORM_ref_sup4, "\1\2\3\4"),
	FORM(DW_FORM_ref_sup8, "\1\2\3\4\5\6\7\10"),
	FORM(DW_FORM_GNU_ref_alt, "\1\2\3\4"),
	FORM(DW_FORM_sec_offset, "\1\2\3\4"),
	FORM(DW_FORM_loclistx, "\200\1"),
	FORM(DW_FORM_rnglistx, "\1"),
	FORM(DW_FORM_implicit_const, ""),
	FORM(DW_FORM_indirect, "\13\1"),           /* data1 */
	FORM(DW_FORM_indirect, "\10text\0"),       /* string */
	FORM(DW_FORM_indirect, "\240\76\1\2\3\4"), /* GNU_ref_alt */
};

/*
 * Each form is stepped over by the walk (a variable), by the reader of a scope (an unknown
 * attribute of a function), and by that of the unit DIE; then a function must be found.
 */
START_TEST(every_form_has_its_size)
{
	for (size_t i = 0; i < COUNT(forms); i++) {
		const struct form *f = &forms[i];
		struct made m = { 0 };
		char text[100];
		as_u64(&m.addr, 0);
		as_u64(&m.str, 0);
		ABBREV(&m, 1, DW_TAG_compile_unit, true, { 0x3fff, f->form, -5 });
		ABBREV(&m, 2, DW_TAG_variable, false, { DW_AT_name, DW_FORM_data1 },
		       { 0x3ffe, f->form, 1 }, { DW_AT_name, DW_FORM_data1 });
		ABBREV(&m, 3, DW_TAG_subprogram, false, { DW_AT_decl_line, f->form, 77 },
		       { DW_AT_low_pc, DW_FORM_addr }, { DW_AT_high_pc, DW_FORM_udata });
		as_u8(&m.abbrev, 0);
		size_t unit = begin_unit(&m, 5, 0);
		as_u8(&m.info, 1);
		as_bytes(&m.info, f->bytes, f->size);
		as_u8(&m.info, 2);
		as_u8(&m.info, 0xee);
		as_bytes(&m.info, f->bytes, f->size);
		as_u8(&m.info, 0xee);
		as_u8(&m.info, 3);
		as_bytes(&m.info, f->bytes, f->size);
		as_u64(&m.info, 0xabcd);
		as_u8(&m.info, 5);
		up(&m);
		as_end_length(&m.info, unit);
		list(&m, text, sizeof(text));
		ck_assert_msg(strcmp(text, "F0 abcd ") == 0, "form 0x%x: %s", f->form, text);
		made_free(&m);
	}
}
END_TEST

START_TEST(forms_nobody_can_read)
{
	static const struct form bad[] = {
		FORM(DW_FORM_indirect, "\26\13\1"), /* indirect again */
		FORM(DW_FORM_indirect, "\41\1"),    /* implicit_const */
		FORM(DW_FORM_indirect, "\377\377\377\1\1"),
		FORM(0x02, "\1"),
		FORM(0x7f, "\1"),
		FORM(0x12345, "\1"),
		FORM(DW_FORM_block4, "\377\377\377\377"),
		FORM(DW_FORM_string, "never ends"),
		FORM(DW_FORM_udata, "\377\377\377"),
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct made m = { 0 };
		char text[100];
		ABBREV(&m, 1, DW_TAG_compile_unit, true, { 0 });
		ABBREV(&m, 2, DW_TAG_variable, false, { 0x3ffe, bad[i].form });
		as_u8(&m.abbrev, 0);
		size_t unit = begin_unit(&m, 5, 0);
		as_u8(&m.info, 1);
		as_u8(&m.info, 2);
		as_bytes(&m.info, bad[i].bytes, bad[i].size);
		as_end_length(&m.info, unit);
		list(&m, text, sizeof(text));
		ck_assert_msg(strcmp(text, "!-74") == 0, "case %zu: %s", i, text);
		made_free(&m);
	}
}
END_TEST

TESTS("dwarf/scopes", places, fields_of_a_scope, a_broken_link_costs_only_the_name,
      malformed_trees, nesting_is_limited, every_form_has_its_size, forms_nobody_can_read)
