/* SPDX-License-Identifier: MIT */
#include "dwarf/make.h"
#include "lib/test.h"

/* A header and a DIE of abbreviation 1, which has no attributes and no children. */
struct header {
	const char *what;
	unsigned version, type, address_size;
	bool wide, big; /* 64-bit DWARF, big-endian */
	int error;
	const char *text; /* in the unit's error */
};

static void put_header(struct made *m, const struct header *h)
{
	struct as *a = &m->info;
	if (h->wide)
		as_u32(a, UINT32_MAX);
	as_uint(a, 0, h->wide ? 8 : 4);
	size_t begun = as_here(a);
	as_u16(a, (uint16_t)h->version);
	if (h->version >= 5) {
		as_u8(a, (uint8_t)h->type);
		as_u8(a, (uint8_t)h->address_size);
	}
	as_uint(a, 0, h->wide ? 8 : 4);
	if (h->version < 5)
		as_u8(a, (uint8_t)h->address_size);
	if (h->type == DW_UT_skeleton || h->type == DW_UT_split_compile)
		as_u64(a, 0x1234);
	if (h->type == DW_UT_type || h->type == DW_UT_split_type) {
		as_u64(a, 0x1234);
		as_uint(a, 0, h->wide ? 8 : 4);
	}
	as_uleb(a, 1);
	as_patch(a, begun - (h->wide ? 8 : 4), as_here(a) - begun, h->wide ? 8 : 4);
}

START_TEST(headers)
{
	static const struct header cases[] = {
		{ "version 2", 2, DW_UT_compile, 4, false, false, 0, "" },
		{ "version 3", 3, DW_UT_compile, 8, false, false, 0, "" },
		{ "version 4", 4, DW_UT_compile, 8, false, false, 0, "" },
		{ "version 4, 64-bit", 4, DW_UT_compile, 8, true, false, 0, "" },
		{ "version 5", 5, DW_UT_compile, 8, false, false, 0, "" },
		{ "version 5, 64-bit, big", 5, DW_UT_compile, 8, true, true, 0, "" },
		{ "version 4, big", 4, DW_UT_compile, 4, false, true, 0, "" },
		{ "partial unit", 5, DW_UT_partial, 8, false, false, 0, "" },
		{ "skeleton", 5, DW_UT_skeleton, 8, false, false, 0, "" },
		{ "split", 5, DW_UT_split_compile, 8, false, false, 0, "" },
		{ "type", 5, DW_UT_type, 8, true, false, 0, "" },
		{ "split type", 5, DW_UT_split_type, 8, false, false, 0, "" },
		{ "version 1", 1, DW_UT_compile, 8, false, false, -ENOTSUP, "version" },
		{ "version 6", 6, DW_UT_compile, 8, false, false, -ENOTSUP, "version" },
		{ "unknown type", 5, 0x33, 8, false, false, -ENOTSUP, "unknown type" },
		{ "addresses of 3", 5, DW_UT_compile, 3, false, false, -ENOTSUP, "addresses" },
		{ "addresses of 0", 4, DW_UT_compile, 0, false, false, -ENOTSUP, "addresses" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct header *h = &cases[i];
		struct made m = { 0 };
		struct dwarf dw;
		if (h->big)
			made_big(&m);
		put_header(&m, h);
		ABBREV(&m, 1, DW_TAG_compile_unit, false, { 0 });
		as_u8(&m.abbrev, 0);
		struct dwarf_sections s = made_sections(&m);
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		ck_assert_msg(dw.n_units == 1, "%s: %zu units", h->what, dw.n_units);
		const struct dwarf_unit *u = &dw.units[0];
		ck_assert_msg(u->error == h->error, "%s: %d %s", h->what, u->error,
		              u->error_text ? u->error_text : "");
		if (u->error) {
			ck_assert_msg(strstr(u->error_text, h->text), "%s: %s", h->what,
			              u->error_text);
		} else {
			ck_assert_uint_eq(u->version, h->version);
			ck_assert_uint_eq(u->type, h->type);
			ck_assert_uint_eq(u->address_size, h->address_size);
			ck_assert_uint_eq(u->offset_size, h->wide ? 8 : 4);
			ck_assert_uint_eq(u->tag, DW_TAG_compile_unit);
			ck_assert_uint_eq(u->die, u->end - 1);
			ck_assert_uint_eq(u->line_off, DWARF_NONE);
			ck_assert_ptr_null(u->name);
		}
		ck_assert_uint_eq(u->end, as_here(&m.info));
		bool type = h->type == DW_UT_type || h->type == DW_UT_split_type;
		ck_assert_msg(turf_dwarf_begins_with_type(s.info, s.big) == type, "%s",
		              h->what);
		for (size_t n = 0; n < u->die; n++)
			ck_assert_msg(
				!turf_dwarf_begins_with_type(span_part(s.info, 0, n), s.big),
				"%s: %zu bytes", h->what, n);
		turf_dwarf_close(&dw);
		made_free(&m);
	}
}
END_TEST

START_TEST(a_wrong_length_ends_the_list)
{
	static const uint32_t lengths[] = { 0, 6, 0x1000, 0xfffffff0, 0xfffffffe };
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct made m = { 0 };
		struct dwarf dw;
		size_t unit = begin_unit(&m, 4, 0);
		as_uleb(&m.info, 1);
		as_end_length(&m.info, unit);
		uint64_t second = here(&m);
		unit = begin_unit(&m, 4, 0);
		as_uleb(&m.info, 1);
		as_patch(&m.info, unit - 4, lengths[i], 4);
		begin_unit(&m, 4, 0);
		ABBREV(&m, 1, DW_TAG_compile_unit, false, { 0 });
		as_u8(&m.abbrev, 0);
		struct dwarf_sections s = made_sections(&m);
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		ck_assert_uint_eq(dw.n_units, 2);
		ck_assert_int_eq(dw.units[0].error, 0);
		ck_assert_int_eq(dw.units[1].error, -EBADMSG);
		ck_assert_uint_eq(dw.units[1].error_where, second);
		turf_dwarf_close(&dw);
		made_free(&m);
	}
}
END_TEST

START_TEST(a_bad_unit_fails_alone)
{
	struct made m = { 0 };
	struct dwarf dw;
	/* unknown abbreviation; no abbreviations; a form nobody knows; a good one */
	static const struct {
		uint32_t abbrev_off;
		unsigned code;
		int error;
	} units[] = { { 0, 77, -EBADMSG },
		      { 0x1000, 1, -EBADMSG },
		      { 0, 2, -EBADMSG },
		      { 0, 0, -EBADMSG },
		      { 0, 1, 0 } };
	for (size_t i = 0; i < COUNT(units); i++) {
		size_t unit = begin_unit(&m, 5, units[i].abbrev_off);
		as_uleb(&m.info, units[i].code);
		as_u16(&m.info, 0);
		as_end_length(&m.info, unit);
	}
	ABBREV(&m, 1, DW_TAG_compile_unit, false, { 0 });
	ABBREV(&m, 2, DW_TAG_compile_unit, false, { DW_AT_name, 0x7f });
	as_u8(&m.abbrev, 0);
	struct dwarf_sections s = made_sections(&m);
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	ck_assert_uint_eq(dw.n_units, COUNT(units));
	for (size_t i = 0; i < COUNT(units); i++) {
		struct turf_error err = { 0 };
		struct dwarf_scopes walk;
		ck_assert_msg(dw.units[i].error == units[i].error, "unit %zu: %d", i,
		              dw.units[i].error);
		ck_assert_int_eq(turf_dwarf_scopes(&dw, &dw.units[i], &walk, &err),
		                 units[i].error);
		ck_assert_int_eq(err.code, units[i].error);
	}
	turf_dwarf_close(&dw);
	made_free(&m);
}
END_TEST

START_TEST(unit_attributes)
{
	/* the bases stand behind what needs them */
	struct made m = { 0 };
	struct dwarf dw;
	as_u8(&m.str, 0);
	as_str(&m.str, "name.c");
	as_str(&m.str, "gnu c");
	as_str(&m.line_str, "/src");
	as_u64(&m.str_offsets, 0);
	as_u32(&m.str_offsets, 7 + 1);
	as_u32(&m.str_offsets, 1);
	as_u64(&m.addr, 0);
	as_u64(&m.addr, 0x1111);
	as_u64(&m.addr, 0x2222);
	size_t unit = begin_unit(&m, 5, 0);
	as_uleb(&m.info, 1);
	as_u8(&m.info, 1);  /* name: strx1 */
	as_u32(&m.info, 0); /* comp_dir: line_strp */
	as_u8(&m.info, 0);  /* producer: strx3 */
	as_u16(&m.info, 0);
	as_u8(&m.info, 1);    /* low_pc: addrx */
	as_u32(&m.info, 0x5); /* stmt_list */
	as_u32(&m.info, 8);
	as_u32(&m.info, 8);
	as_u32(&m.info, 12);
	as_end_length(&m.info, unit);
	ABBREV(&m, 1, DW_TAG_compile_unit, false, { DW_AT_name, DW_FORM_strx1 },
	       { DW_AT_comp_dir, DW_FORM_line_strp }, { DW_AT_producer, DW_FORM_strx3 },
	       { DW_AT_language, DW_FORM_implicit_const, DW_LANG_C11 },
	       { DW_AT_low_pc, DW_FORM_addrx }, { DW_AT_stmt_list, DW_FORM_sec_offset },
	       { DW_AT_str_offsets_base, DW_FORM_sec_offset },
	       { DW_AT_addr_base, DW_FORM_sec_offset },
	       { DW_AT_rnglists_base, DW_FORM_sec_offset });
	as_u8(&m.abbrev, 0);
	struct dwarf_sections s = made_sections(&m);
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	const struct dwarf_unit *u = &dw.units[0];
	ck_assert_msg(u->error == 0, "%s", u->error_text);
	ck_assert_str_eq(u->name, "name.c");
	ck_assert_str_eq(u->comp_dir, "/src");
	ck_assert_str_eq(u->producer, "gnu c");
	ck_assert_uint_eq(u->language, DW_LANG_C11);
	ck_assert_uint_eq(u->low_pc, 0x2222);
	ck_assert_uint_eq(u->line_off, 5);
	ck_assert_uint_eq(u->rnglists_base, 12);
	turf_dwarf_close(&dw);
	/* a string without its NUL is none */
	s.line_str.size--;
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	ck_assert_int_eq(dw.units[0].error, -EBADMSG);
	turf_dwarf_close(&dw);
	made_free(&m);
}
END_TEST

START_TEST(abbreviation_codes)
{
	static const struct {
		const char *what;
		uint64_t codes[3];
		int error;
	} cases[] = {
		{ "dense", { 1, 2, 3 }, 0 },
		{ "shuffled", { 3, 1, 2 }, 0 },
		{ "sparse", { 5, 70000, UINT64_MAX }, 0 },
		{ "sparse, shuffled", { UINT64_MAX, 2, 900 }, 0 },
		{ "twice", { 1, 2, 2 }, -EBADMSG },
		{ "twice, shuffled", { 9, 2, 9 }, -EBADMSG },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };
		struct dwarf dw;
		for (unsigned k = 0; k < 3; k++) {
			size_t unit = begin_unit(&m, 4, 0);
			as_uleb(&m.info, cases[i].codes[k]);
			as_end_length(&m.info, unit);
			ABBREV(&m, cases[i].codes[k], DW_TAG_compile_unit, false,
			       { DW_AT_language, DW_FORM_implicit_const, k });
		}
		as_u8(&m.abbrev, 0);
		struct dwarf_sections s = made_sections(&m);
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		ck_assert_uint_eq(dw.n_units, 3);
		ck_assert_ptr_eq(dw.units[0].abbrevs, dw.units[2].abbrevs);
		for (unsigned k = 0; k < 3; k++) {
			ck_assert_msg(dw.units[k].error == cases[i].error, "%s", cases[i].what);
			if (!cases[i].error)
				ck_assert_uint_eq(dw.units[k].language, k);
		}
		turf_dwarf_close(&dw);
		made_free(&m);
	}
}
END_TEST

/* 40000 tables which each are the rest of the section: 0.8 GB to read, if one did. */
START_TEST(overlapping_tables_are_limited)
{
	struct made m = { 0 };
	struct dwarf dw;
	enum { N = 40000 };
	for (uint32_t i = 0; i < N; i++)
		ABBREV(&m, 1 + i, DW_TAG_compile_unit, false, { 0 });
	uint32_t size = (uint32_t)as_here(&m.abbrev);
	for (uint32_t i = 0; i < N; i++) {
		size_t unit = begin_unit(&m, 4, (uint64_t)i * (size / N));
		as_uleb(&m.info, N);
		as_end_length(&m.info, unit);
	}
	as_u8(&m.abbrev, 0);
	struct dwarf_sections s = made_sections(&m);
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	ck_assert_uint_eq(dw.n_units, N);
	ck_assert_int_eq(dw.units[0].error, 0);
	ck_assert_int_eq(dw.units[N / 2 - 1].error, -E2BIG);
	turf_dwarf_close(&dw);
	made_free(&m);
}
END_TEST

enum { TYPE_UNIT = 0x41 }; /* DW_TAG_type_unit */

/* Two types' units as DWARF 4 has them in .debug_types; the second one's line table is that of
 * a unit whose folder is known. */
static void put_types(struct made *m)
{
	static const uint32_t lines[] = { 0x70, 0x40 };
	for (size_t i = 0; i < COUNT(lines); i++) {
		size_t unit = begin_unit(m, 4, 0);
		as_u64(&m->info, 0x1234 + i);
		as_u32(&m->info, 0x20);
		as_uleb(&m->info, 2);
		as_u32(&m->info, lines[i]);
		as_end_length(&m->info, unit);
	}
}

static struct span read_types(struct dwarf *dw, const struct dwarf_sections *s,
                              struct span types, size_t n)
{
	ck_assert_int_eq(turf_dwarf_open(s, dw, NULL), 0);
	ck_assert_uint_eq(dw->n_units, 1);
	types.size = n;
	ck_assert_int_eq(turf_dwarf_add_types(dw, types, NULL), 0);
	return types;
}

START_TEST(units_of_types_before_version_5)
{
	struct made code = { 0 }, types = { 0 };
	struct dwarf dw;
	size_t unit = begin_unit(&code, 4, 0);
	as_uleb(&code.info, 1);
	as_u32(&code.info, 0x40);
	as_str(&code.info, "/home");
	as_end_length(&code.info, unit);
	ABBREV(&code, 1, DW_TAG_compile_unit, false, { DW_AT_stmt_list, DW_FORM_sec_offset },
	       { DW_AT_comp_dir, DW_FORM_string });
	ABBREV(&code, 2, TYPE_UNIT, false, { DW_AT_stmt_list, DW_FORM_sec_offset });
	as_u8(&code.abbrev, 0);
	put_types(&types);
	struct dwarf_sections s = made_sections(&code);
	struct span bytes = made_sections(&types).info;
	read_types(&dw, &s, bytes, bytes.size);
	ck_assert_uint_eq(dw.n_units, 3);
	for (size_t i = 1; i < 3; i++) {
		const struct dwarf_unit *u = &dw.units[i];
		ck_assert_int_eq(u->error, 0);
		ck_assert_uint_eq(u->type, DW_UT_type);
		ck_assert_uint_eq(u->signature, 0x1233 + i);
		ck_assert_uint_eq(u->type_off, 0x20);
		ck_assert_uint_eq(u->tag, TYPE_UNIT);
		ck_assert_uint_eq(u->base, DWARF_FILE_SPAN);
	}
	ck_assert_ptr_null(dw.units[1].comp_dir);
	ck_assert_str_eq(dw.units[2].comp_dir, "/home");
	turf_dwarf_close(&dw);
	for (size_t n = 0; n < bytes.size; n++) { /* each cut leaves one unit, and says so */
		read_types(&dw, &s, bytes, n);
		size_t whole = n >= bytes.size / 2, cut = n % (bytes.size / 2) != 0;
		ck_assert_uint_eq(dw.n_units, 1 + whole + cut);
		ck_assert_int_eq(dw.units[0].error, 0);
		if (cut)
			ck_assert_int_eq(dw.units[1 + whole].error, -EBADMSG);
		turf_dwarf_close(&dw);
	}
	made_free(&types);
	made_free(&code);
}
END_TEST

START_TEST(nothing_is_no_units)
{
	struct dwarf_sections s = { 0 };
	struct dwarf dw;
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	ck_assert_uint_eq(dw.n_units, 0);
	turf_dwarf_close(&dw);
}
END_TEST

TESTS("dwarf/units", headers, a_wrong_length_ends_the_list, a_bad_unit_fails_alone,
      unit_attributes, abbreviation_codes, overlapping_tables_are_limited,
      units_of_types_before_version_5, nothing_is_no_units)
