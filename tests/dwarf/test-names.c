/* SPDX-License-Identifier: MIT */
#include "dwarf/make.h"
#include "lib/test.h"

enum {
	UNIT = 1,
	NAMED,     /* name, linkage_name, decl_file, decl_line */
	ORIGIN,    /* abstract_origin: ref_addr */
	SPECIFIED, /* specification: ref4; decl_line */
	BOTH,      /* specification: ref4, then abstract_origin: ref4 */
	ALT,       /* abstract_origin in another file */
	LOST,      /* a name outside of .debug_str */
	CLONE,     /* linkage_name; abstract_origin: ref4 */
};

static void put_abbrevs(struct made *m)
{
	ABBREV(m, UNIT, DW_TAG_compile_unit, true, { 0 });
	ABBREV(m, NAMED, DW_TAG_subprogram, false, { DW_AT_name, DW_FORM_string },
	       { DW_AT_linkage_name, DW_FORM_string }, { DW_AT_decl_file, DW_FORM_data1 },
	       { DW_AT_decl_line, DW_FORM_sdata });
	ABBREV(m, ORIGIN, DW_TAG_subprogram, false,
	       { DW_AT_abstract_origin, DW_FORM_ref_addr });
	ABBREV(m, SPECIFIED, DW_TAG_subprogram, false, { DW_AT_specification, DW_FORM_ref4 },
	       { DW_AT_decl_line, DW_FORM_data2 });
	ABBREV(m, BOTH, DW_TAG_subprogram, false, { DW_AT_specification, DW_FORM_ref4 },
	       { DW_AT_abstract_origin, DW_FORM_ref4 });
	ABBREV(m, ALT, DW_TAG_subprogram, false,
	       { DW_AT_abstract_origin, DW_FORM_GNU_ref_alt });
	ABBREV(m, CLONE, DW_TAG_subprogram, false, { DW_AT_linkage_name, DW_FORM_string },
	       { DW_AT_abstract_origin, DW_FORM_ref4 });
	ABBREV(m, LOST, DW_TAG_subprogram, false, { DW_AT_name, DW_FORM_strp });
	as_u8(&m->abbrev, 0);
}

static uint32_t named(struct made *m, const char *name, const char *linkage_name, uint8_t file)
{
	uint32_t die = here(m);
	as_u8(&m->info, NAMED);
	as_str(&m->info, name);
	as_str(&m->info, linkage_name);
	as_u8(&m->info, file);
	as_sleb(&m->info, 100);
	return die;
}

/* Two units: what links point at lies in the second. */
struct dies {
	uint32_t by_origin, by_specification, by_both, by_clone, clone, alt, lost, outside,
		circle, target, header;
};

static struct dies put_units(struct made *m, unsigned version)
{
	struct dies d = { 0 };
	put_abbrevs(m);
	unsigned ref_addr = version == 2 ? 8 : 4;
	size_t unit = begin_unit(m, version, 0);
	as_u8(&m->info, UNIT);
	d.by_origin = here(m);
	as_u8(&m->info, ORIGIN);
	size_t origin = as_here(&m->info);
	as_uint(&m->info, 0, ref_addr);
	uint32_t declared = named(m, "method", "_Z6method", 2);
	d.by_specification = here(m);
	as_u8(&m->info, SPECIFIED);
	as_u32(&m->info, declared);
	as_u16(&m->info, 222);
	d.by_both = here(m);
	as_u8(&m->info, BOTH);
	as_u32(&m->info, 0xffffff); /* not followed where there is an origin */
	as_u32(&m->info, d.by_specification);
	d.clone = here(m);
	as_u8(&m->info, CLONE);
	as_str(&m->info, "_Z6methodD2");
	as_u32(&m->info, declared);
	d.by_clone = here(m);
	as_u8(&m->info, BOTH);
	as_u32(&m->info, 0xffffff);
	as_u32(&m->info, d.clone);
	d.alt = here(m);
	as_u8(&m->info, ALT);
	as_u32(&m->info, 5);
	d.lost = here(m);
	as_u8(&m->info, LOST);
	as_u32(&m->info, 5);
	d.outside = here(m);
	as_u8(&m->info, ORIGIN);
	as_uint(&m->info, 0xfffff0, ref_addr);
	d.circle = here(m);
	as_u8(&m->info, ORIGIN);
	as_uint(&m->info, d.circle, ref_addr);
	as_u8(&m->info, 0);
	as_end_length(&m->info, unit);
	d.header = here(m) + 4; /* the version: 4 is an abbreviation, too */
	unit = begin_unit(m, version, 0);
	as_u8(&m->info, UNIT);
	d.target = named(m, "callee", "", 1);
	as_u8(&m->info, 0);
	as_end_length(&m->info, unit);
	as_patch(&m->info, origin, d.target, ref_addr);
	return d;
}

START_TEST(links_are_followed)
{
	for (unsigned version = 2; version <= 5; version++) {
		struct made m = { 0 };
		struct dies d = put_units(&m, version);
		const struct {
			uint32_t die;
			const char *name, *linkage_name;
			unsigned unit;
			uint64_t file;
			uint32_t line;
		} cases[] = {
			{ d.target, "callee", "", 1, 1, 100 },
			{ d.by_origin, "callee", "", 1, 1, 100 },
			{ d.by_specification, "method", "_Z6method", 0, 2, 222 },
			{ d.by_both, "method", "_Z6method", 0, 2, 222 },
			/* the first of two linkage names */
			{ d.by_clone, "method", "_Z6methodD2", 0, 2, 100 },
			{ d.clone, "method", "_Z6methodD2", 0, 2, 100 },
			{ d.alt, NULL, NULL, 0, DWARF_NONE, 0 },
		};
		struct dwarf dw;
		struct dwarf_sections s = made_sections(&m);
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		ck_assert_uint_eq(dw.n_units, 2);
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct dwarf_names n;
			ck_assert_int_eq(turf_dwarf_names(&dw, cases[i].die, &n, NULL), 0);
			ck_assert_pstr_eq(n.name, cases[i].name);
			ck_assert_pstr_eq(n.linkage_name, cases[i].linkage_name);
			ck_assert_uint_eq(n.decl_file, cases[i].file);
			ck_assert_uint_eq(n.decl_line, cases[i].line);
			ck_assert_ptr_eq(n.unit, &dw.units[cases[i].unit]);
		}
		turf_dwarf_close(&dw);
		made_free(&m);
	}
}
END_TEST

/* The forms that mean a supplementary file, and the names there. */
static void put_shared(struct made *m, unsigned form, unsigned size, struct made *shared)
{
	enum { OWN_NAME = 2, ELSEWHERE };
	ABBREV(shared, UNIT, DWARF_PARTIAL_UNIT, true, { 0 });
	ABBREV(shared, NAMED, DW_TAG_subprogram, false, { DW_AT_name, DW_FORM_strp },
	       { DW_AT_decl_line, DW_FORM_data1 });
	ABBREV(shared, ORIGIN, DW_TAG_subprogram, false, { DW_AT_specification, DW_FORM_ref4 });
	as_u8(&shared->abbrev, 0);
	as_str(&shared->str, "of no use");
	size_t unit = begin_unit(shared, 5, 0);
	as_u8(&shared->info, UNIT);
	uint32_t named = here(shared);
	as_u8(&shared->info, NAMED);
	as_u32(&shared->info, (uint32_t)as_here(&shared->str));
	as_u8(&shared->info, 77);
	uint32_t target = here(shared);
	as_u8(&shared->info, ORIGIN);
	as_u32(&shared->info, named);
	as_u8(&shared->info, 0);
	as_end_length(&shared->info, unit);
	as_str(&shared->str, "shared");

	ABBREV(m, UNIT, DW_TAG_compile_unit, true, { 0 });
	ABBREV(m, OWN_NAME, DW_TAG_subprogram, false, { DW_AT_name, DW_FORM_GNU_strp_alt },
	       { DW_AT_linkage_name, DW_FORM_strp_sup });
	ABBREV(m, ELSEWHERE, DW_TAG_inlined_subroutine, false, { DW_AT_abstract_origin, form },
	       { DW_AT_low_pc, DW_FORM_addr }, { DW_AT_high_pc, DW_FORM_data1 });
	as_u8(&m->abbrev, 0);
	unit = begin_unit(m, 5, 0);
	as_u8(&m->info, UNIT);
	as_u8(&m->info, OWN_NAME);
	as_u32(&m->info, 3);
	as_u32(&m->info, 10);
	as_u8(&m->info, ELSEWHERE);
	as_uint(&m->info, target, size);
	as_u64(&m->info, 0x1000);
	as_u8(&m->info, 0x10);
	as_u8(&m->info, 0);
	as_end_length(&m->info, unit);
}

START_TEST(a_supplementary_file_is_read)
{
	static const struct {
		unsigned form, size;
	} forms[] = { { DW_FORM_GNU_ref_alt, 4 },
		      { DW_FORM_ref_sup4, 4 },
		      { DW_FORM_ref_sup8, 8 } };
	for (size_t i = 0; i < COUNT(forms) * 2; i++) {
		bool with = i % 2;
		struct made m = { 0 }, shared = { 0 };
		put_shared(&m, forms[i / 2].form, forms[i / 2].size, &shared);
		struct dwarf dw;
		struct dwarf_sections s = made_sections(&m), other = made_sections(&shared);
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		if (with)
			ck_assert_int_eq(turf_dwarf_add_supplement(&dw, &other, NULL), 0);
		ck_assert_uint_eq(dw.n_units, with ? 2 : 1);
		struct dwarf_scopes walk;
		struct dwarf_scope scope;
		struct dwarf_names n;
		ck_assert_int_eq(turf_dwarf_scopes(&dw, dw.units, &walk, NULL), 0);
		ck_assert_int_eq(turf_dwarf_next_scope(&walk, &scope, NULL), 1);
		ck_assert_int_eq(turf_dwarf_names(&dw, scope.origin, &n, NULL), 0);
		ck_assert_pstr_eq(n.name, with ? "shared" : NULL);
		ck_assert_uint_eq(n.decl_line, with ? 77 : 0);
		ck_assert_uint_eq(scope.origin >= DWARF_FILE_SPAN, with);
		uint64_t own = dw.units[0].die + 1;
		ck_assert_int_eq(turf_dwarf_names(&dw, own, &n, NULL), 0);
		ck_assert_pstr_eq(n.name, with ? "no use" : NULL);
		ck_assert_int_eq(turf_dwarf_next_scope(&walk, &scope, NULL), 0);
		turf_dwarf_close(&dw);
		made_free(&m);
		made_free(&shared);
	}
}
END_TEST

START_TEST(bad_links_are_refused)
{
	struct made m = { 0 };
	struct dies d = put_units(&m, 4);
	const struct {
		const char *what;
		uint32_t die;
		const char *text;
		uint64_t where;
	} cases[] = {
		{ "a name outside of .debug_str", d.lost, "lies nowhere", d.lost },
		{ "a link that leaves the section", d.outside, "no readable DIE", 0xfffff0 },
		{ "a circle", d.circle, "links", d.circle },
		{ "a unit's header", d.header, "no readable DIE", d.header },
		{ "outside of all units", 0xfffffff, "no readable DIE", 0xfffffff },
	};
	struct dwarf dw;
	struct dwarf_sections s = made_sections(&m);
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct dwarf_names n = { .name = KEPT };
		struct turf_error err = { 0 };
		int r = turf_dwarf_names(&dw, cases[i].die, &n, &err);
		ck_assert_msg(r == -EBADMSG, "%s: %d", cases[i].what, r);
		ck_assert_msg(strstr(err.text, cases[i].text), "%s: %s", cases[i].what,
		              err.text);
		ck_assert_msg(err.where == cases[i].where, "%s: 0x%llx", cases[i].what,
		              (unsigned long long)err.where);
		ck_assert_str_eq(n.name, KEPT);
	}
	turf_dwarf_close(&dw);
	made_free(&m);
}
END_TEST

TESTS("dwarf/names", links_are_followed, a_supplementary_file_is_read, bad_links_are_refused)
