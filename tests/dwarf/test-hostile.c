/* SPDX-License-Identifier: MIT */
/*
 * A file with a bit of everything, cut at each place and bent at each byte, section by section:
 * all of it is read, and nothing outside of it. Run under sanitizers, this is where a bound
 * check that is missing shows.
 */
#include "dwarf/make.h"
#include "lib/test.h"

enum { UNIT = 1, FUNCTION, INLINED, STRUCT, CALL_SITE, ODD, ABSTRACT };

static void put_abbrevs(struct made *m)
{
	ABBREV(m, UNIT, DW_TAG_compile_unit, true, { DW_AT_name, DW_FORM_strx1 },
	       { DW_AT_comp_dir, DW_FORM_line_strp }, { DW_AT_producer, DW_FORM_strp },
	       { DW_AT_stmt_list, DW_FORM_sec_offset }, { DW_AT_low_pc, DW_FORM_addrx },
	       { DW_AT_str_offsets_base, DW_FORM_sec_offset },
	       { DW_AT_addr_base, DW_FORM_sec_offset },
	       { DW_AT_rnglists_base, DW_FORM_sec_offset });
	ABBREV(m, FUNCTION, DW_TAG_subprogram, true, { DW_AT_name, DW_FORM_string },
	       { DW_AT_low_pc, DW_FORM_addrx1 }, { DW_AT_high_pc, DW_FORM_udata },
	       { DW_AT_decl_file, DW_FORM_implicit_const, 1 },
	       { DW_AT_decl_line, DW_FORM_sdata });
	ABBREV(m, INLINED, DW_TAG_inlined_subroutine, true,
	       { DW_AT_abstract_origin, DW_FORM_ref_addr }, { DW_AT_ranges, DW_FORM_rnglistx },
	       { DW_AT_entry_pc, DW_FORM_data1 }, { DW_AT_call_file, DW_FORM_data1 },
	       { DW_AT_call_line, DW_FORM_indirect });
	ABBREV(m, STRUCT, DW_TAG_structure_type, true, { DW_AT_name, DW_FORM_string },
	       { DW_AT_sibling, DW_FORM_ref_udata });
	ABBREV(m, CALL_SITE, DW_TAG_call_site, true, { DW_AT_sibling, DW_FORM_ref4 });
	ABBREV(m, ODD, DW_TAG_variable, false, { 0x02, DW_FORM_exprloc },
	       { 0x1c, DW_FORM_block2 }, { 0x3fff, DW_FORM_data16 });
	ABBREV(m, ABSTRACT, DW_TAG_subprogram, false, { DW_AT_name, DW_FORM_strp },
	       { DW_AT_inline, DW_FORM_data1 }, { DW_AT_specification, DW_FORM_ref4 });
	as_u8(&m->abbrev, 0);
}

/* @unit: where its header begins: most references count from there. */
static void put_tree(struct made *m, uint32_t unit)
{
	struct as *a = &m->info;
	as_u8(a, UNIT);
	as_bytes(a, "\1\0\0\0\0\1\0\0\0\0\0\0\0\0", 14);
	as_u32(a, 8);
	as_u32(a, 8);
	as_u32(a, 12);
	as_u8(a, STRUCT);
	as_str(a, "s");
	as_uleb(a, here(m) + 2 - unit);
	as_u8(a, 0);
	uint32_t abstract = here(m);
	as_u8(a, ABSTRACT);
	as_bytes(a, "\0\0\0\0\1", 5);
	as_u32(a, abstract + 10 - unit);
	as_u8(a, FUNCTION);
	as_str(a, "f");
	as_bytes(a, "\0\200\1\7", 4);
	as_u8(a, CALL_SITE);
	as_u32(a, here(m) + 5 - unit);
	as_u8(a, 0);
	as_u8(a, ODD);
	as_bytes(a, "\2ab\1\0c0123456789abcdef", 22);
	as_u8(a, INLINED);
	as_u32(a, abstract);
	as_bytes(a, "\0\4\1\5\30", 5);
	as_bytes(a, "\0\0\0", 3);
}

static void put_units(struct made *m)
{
	for (unsigned i = 0; i < 2; i++) {
		size_t unit = begin_unit(m, 5, 0);
		put_tree(m, (uint32_t)unit - 4);
		as_end_length(&m->info, unit);
	}
	/* version 4, of the same abbreviations; DW_FORM_ref_addr and others mean the same */
	size_t unit = begin_unit(m, 4, 0);
	put_tree(m, (uint32_t)unit - 4);
	as_end_length(&m->info, unit);
}

static void put_line_table(struct made *m, unsigned version)
{
	struct as *a = &m->line;
	size_t table = as_length32(a);
	as_u16(a, (uint16_t)version);
	if (version == 5)
		as_u16(a, 8);
	size_t header = as_length32(a);
	as_u8(a, 1);
	if (version >= 4)
		as_u8(a, 1);
	as_bytes(a, "\1\373\16\15\0\1\1\1\1\0\0\0\1\0\0\1", 16);
	if (version == 5) {
		as_bytes(a, "\1\1\37\1\0\0\0\0", 8);
		as_bytes(a, "\3\1\10\2\13\5\36\1", 8);
		as_str(a, "a.c");
		as_bytes(a, "\0 0123456789abcdef", 17);
	} else {
		as_bytes(a, "d\0\0a.c\0\1\2\3\0", 11);
	}
	as_end_length(a, header);
	as_bytes(a, "\0\11\2\0\20\0\0\0\0\0\0\3\5\1\2\200\1\22\10\11\1\1\0\2\4\7\1", 27);
	as_bytes(a, "\0\10\3b.c\0\0\0\0\4\2\5\3\6\7\12\13\14\1\1\0\1\1", 24);
	as_end_length(a, table);
}

static struct made everything(unsigned line_version)
{
	struct made m = { 0 };
	put_abbrevs(&m);
	put_units(&m);
	put_line_table(&m, line_version);
	as_str(&m.str, "text");
	as_str(&m.line_str, "/src");
	as_u64(&m.str_offsets, 0);
	as_u64(&m.str_offsets, 0);
	as_u64(&m.addr, 0);
	as_u64(&m.addr, 0x1000);
	as_u64(&m.rnglists, 0);
	as_u32(&m.rnglists, 1);
	as_u32(&m.rnglists, 4);
	as_bytes(&m.rnglists, "\4\1\2\1\0\4\1\200\1\2\0\0\3\0\5\5\0\0\1\0\0\0\0\0\4\0\1", 27);
	as_bytes(&m.rnglists, "\6\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\7\1\0\0\0\0\0\0\0\5\0", 28);
	return m;
}

static int ignore_file(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                       const char *name)
{
	size_t *n = ctx;
	*n += idx + strlen(name) + (comp_dir ? strlen(comp_dir) : 0) +
	      (directory ? strlen(directory) : 0);
	return 0;
}

/* What was read, as far as it went. */
struct sums {
	size_t units, scopes, ranges, names, rows, files, errors;
};

static void read_unit(const struct dwarf *dw, const struct dwarf_unit *unit, struct sums *sums)
{
	struct dwarf_scopes walk;
	struct dwarf_scope scope;
	struct dwarf_range range;
	struct dwarf_names names;
	struct dwarf_lines lines;
	struct dwarf_line_row row;
	int r = turf_dwarf_scopes(dw, unit, &walk, NULL);
	while (r >= 0 && (r = turf_dwarf_next_scope(&walk, &scope, NULL)) > 0) {
		sums->scopes++;
		while (turf_dwarf_next_range(&scope.ranges, &range, NULL) > 0)
			sums->ranges++;
		if (turf_dwarf_names(dw, scope.origin, &names, NULL) == 0)
			sums->names += names.name ? strlen(names.name) : 0;
	}
	sums->errors += r < 0;
	if (unit->error)
		return;
	r = turf_dwarf_lines(dw, unit, &lines, NULL);
	sums->errors += r < 0;
	if (r <= 0)
		return;
	sums->errors += turf_dwarf_files(&lines, ignore_file, &sums->files, NULL) < 0;
	while ((r = turf_dwarf_next_line(&lines, &row, NULL)) > 0)
		sums->rows++;
	sums->errors += r < 0;
}

static struct sums read_all(const struct dwarf_sections *s)
{
	struct sums sums = { 0 };
	struct dwarf dw;
	ck_assert_int_eq(turf_dwarf_open(s, &dw, NULL), 0);
	sums.units = dw.n_units;
	for (size_t i = 0; i < dw.n_units; i++)
		read_unit(&dw, &dw.units[i], &sums);
	turf_dwarf_close(&dw);
	return sums;
}

/* The section under test; each test runs in a process of its own. */
static struct dwarf_sections sections;
static size_t part;
static size_t n_equal;
static struct sums whole;

static void read_part(struct span bytes)
{
	struct dwarf_sections s = sections;
	*section_part(&s, part) = bytes;
	struct sums sums = read_all(&s);
	n_equal += memcmp(&sums, &whole, sizeof(sums)) == 0;
}

static void for_each_section(void (*each)(struct span, void (*)(struct span)))
{
	for (unsigned version = 4; version <= 5; version++) {
		struct made m = everything(version);
		struct dwarf_sections copy = made_sections(&m);
		for (part = 0; section_part(&copy, part); part++) {
			struct span *s = section_part(&copy, part);
			*s = s->size ? exact_copy(s->at, s->size) : *s;
		}
		sections = copy;
		for (part = 0; section_part(&copy, part); part++)
			if (section_part(&copy, part)->size)
				each(*section_part(&copy, part), read_part);
		for (part = 0; section_part(&copy, part); part++)
			free((void *)section_part(&copy, part)->at);
		made_free(&m);
	}
}

START_TEST(the_whole_is_read)
{
	for (unsigned version = 2; version <= 5; version++) {
		struct made m = everything(version);
		struct dwarf_sections s = made_sections(&m);
		struct sums sums = read_all(&s);
		ck_assert_uint_eq(sums.errors, 0);
		ck_assert_uint_eq(sums.units, 3);
		ck_assert_uint_eq(sums.scopes, 6);
		/* the lists of version 5 cannot be read by a unit of version 4 */
		ck_assert_uint_eq(sums.ranges, 3 + 2 * 6);
		ck_assert_uint_eq(sums.rows, 3 * 5);
		ck_assert_uint_ge(sums.files, 3);
		made_free(&m);
	}
}
END_TEST

START_TEST(every_prefix_is_survived)
{
	struct made m = everything(5);
	struct dwarf_sections s = made_sections(&m);
	whole = read_all(&s);
	made_free(&m);
	for_each_section(every_prefix);
	ck_assert_uint_lt(n_equal, 30); /* what was cut is missed */
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	for_each_section(every_byte_bent);
}
END_TEST

TESTS("dwarf/hostile", the_whole_is_read, every_prefix_is_survived, every_byte_bent_is_survived)
