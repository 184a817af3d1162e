/* SPDX-License-Identifier: MIT */
/*
 * The walk over all DIEs: values of every form, in either byte order; what is told, passed and
 * pruned; plans from table to table; a file with a bit of everything cut and bent at each byte.
 */
#include "dwarf/dies.h"
#include "dwarf/everything.h"
#include "lib/test.h"

static uint64_t all(uint16_t tag)
{
	(void)tag;
	return DIE_TOLD | (DIE_BIT(N_DIE_SLOTS) - 1);
}

static struct dies walk; /* large; each test runs in a process of its own */

/* A unit whose one DIE has a DW_AT_const_value of that form. */
static struct made one_value(bool big, unsigned form, int64_t constant)
{
	struct made m = { 0 };
	if (big)
		made_big(&m);
	ABBREV(&m, 1, DW_TAG_compile_unit, false, { 0x1c, form, constant },
	       { DW_AT_decl_line, DW_FORM_data1 });
	as_u8(&m.abbrev, 0);
	return m;
}

START_TEST(values_of_every_form)
{
	static const struct {
		unsigned form;
		uint8_t bytes[10], n; /* little-endian */
		bool number;          /* its bytes turn around in a big-endian file */
		uint8_t class;
		uint64_t value;
		int64_t constant;
	} cases[] = {
		{ DW_FORM_data1, { 0x80 }, 1, false, DIE_VALUE_CONSTANT, 0x80, 0 },
		{ DW_FORM_data2, { 1, 2 }, 2, true, DIE_VALUE_CONSTANT, 0x201, 0 },
		{ DW_FORM_data4, { 1, 2, 3, 4 }, 4, true, DIE_VALUE_CONSTANT, 0x4030201, 0 },
		{ DW_FORM_data8,
		  { 1, 0, 0, 0, 0, 0, 0, 8 },
		  8,
		  true,
		  DIE_VALUE_CONSTANT,
		  0x800000000000001,
		  0 },
		{ DW_FORM_udata, { 0xff, 1 }, 2, false, DIE_VALUE_CONSTANT, 0xff, 0 },
		{ DW_FORM_sdata, { 0x7f }, 1, false, DIE_VALUE_SIGNED, UINT64_MAX, 0 },
		{ DW_FORM_implicit_const, { 0 }, 0, false, DIE_VALUE_SIGNED, (uint64_t)-5, -5 },
		{ DW_FORM_flag, { 1 }, 1, false, DIE_VALUE_CONSTANT, 1, 0 },
		{ DW_FORM_flag_present, { 0 }, 0, false, DIE_VALUE_CONSTANT, 1, 0 },
		{ DW_FORM_sec_offset, { 1, 2, 3, 4 }, 4, true, DIE_VALUE_OFFSET, 0x4030201, 0 },
		{ DW_FORM_loclistx, { 7 }, 1, false, DIE_VALUE_LIST_INDEX, 7, 0 },
		{ DW_FORM_addr, { 8, 0, 0, 0, 0, 0, 0, 0 }, 8, true, DIE_VALUE_ADDRESS, 8, 0 },
		{ DW_FORM_addrx, { 3 }, 1, false, DIE_VALUE_ADDRESS_INDEX, 3, 0 },
		{ DW_FORM_strx3, { 1, 0, 2 }, 3, true, DIE_VALUE_STR_INDEX, 0x20001, 0 },
		{ DW_FORM_ref4, { 12, 0, 0, 0 }, 4, true, DIE_VALUE_UNIT_REF, 12, 0 },
		{ DW_FORM_ref_udata, { 12 }, 1, false, DIE_VALUE_UNIT_REF, 12, 0 },
		{ DW_FORM_ref_sig8,
		  { 1, 0, 0, 0, 0, 0, 0, 9 },
		  8,
		  true,
		  DIE_VALUE_SIGNATURE,
		  0x900000000000001,
		  0 },
		{ DW_FORM_indirect, { DW_FORM_udata, 9 }, 2, false, DIE_VALUE_CONSTANT, 9, 0 },
		{ DW_FORM_indirect,
		  { DW_FORM_sdata, 0x7e },
		  2,
		  false,
		  DIE_VALUE_SIGNED,
		  (uint64_t)-2,
		  0 },
	};
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		size_t k = i / 2;
		bool big = i % 2;
		struct made m = one_value(big, cases[k].form, cases[k].constant);
		size_t unit = begin_unit(&m, 5, 0);
		as_u8(&m.info, 1);
		for (unsigned b = 0; b < cases[k].n; b++)
			as_u8(&m.info,
			      cases[k].bytes[big && cases[k].number ? cases[k].n - 1 - b : b]);
		as_u8(&m.info, 77);
		as_end_length(&m.info, unit);
		struct dwarf_sections s = made_sections(&m);
		struct die_plans plans = { .wanted = all };
		struct dwarf dw;
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		ck_assert_int_eq(turf_dies(&dw, dw.units, &plans, &walk, NULL), 0);
		ck_assert_int_eq(turf_dies_next(&walk, NULL), 1);
		ck_assert(die_has(&walk, DIE_CONST_VALUE));
		ck_assert_msg(walk.class[DIE_CONST_VALUE] == cases[k].class, "case %zu: %u", k,
		              walk.class[DIE_CONST_VALUE]);
		ck_assert_msg(walk.u[DIE_CONST_VALUE] == cases[k].value, "case %zu: %#llx", k,
		              (unsigned long long)walk.u[DIE_CONST_VALUE]);
		ck_assert_uint_eq(die_number(&walk, DIE_DECL_LINE, 0), 77);
		ck_assert_int_eq(turf_dies_next(&walk, NULL), 0);
		turf_die_plans_fini(&plans);
		turf_dwarf_close(&dw);
		made_free(&m);
	}
}
END_TEST

START_TEST(blocks_tell_where_they_stand)
{
	static const struct {
		unsigned form;
		uint8_t bytes[20], n, skip, size;
	} cases[] = {
		{ DW_FORM_block1, { 2, 'a', 'b' }, 3, 1, 2 },
		{ DW_FORM_block2, { 2, 0, 'a', 'b' }, 4, 2, 2 },
		{ DW_FORM_block4, { 2, 0, 0, 0, 'a', 'b' }, 6, 4, 2 },
		{ DW_FORM_exprloc, { 0x82, 0, 'a', 'b' }, 4, 2, 2 },
		{ DW_FORM_data16, "ab34567890123456", 16, 0, 16 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = one_value(false, cases[i].form, 0);
		size_t unit = begin_unit(&m, 5, 0);
		as_u8(&m.info, 1);
		uint32_t at = here(&m);
		as_bytes(&m.info, cases[i].bytes, cases[i].n);
		as_u8(&m.info, 77);
		as_end_length(&m.info, unit);
		struct dwarf_sections s = made_sections(&m);
		struct die_plans plans = { .wanted = all };
		struct dwarf dw;
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		ck_assert_int_eq(turf_dies(&dw, dw.units, &plans, &walk, NULL), 0);
		ck_assert_int_eq(turf_dies_next(&walk, NULL), 1);
		ck_assert_uint_eq(walk.class[DIE_CONST_VALUE], DIE_VALUE_BLOCK);
		ck_assert_uint_eq(walk.size[DIE_CONST_VALUE], cases[i].size);
		ck_assert_ptr_eq((const void *)(uintptr_t)walk.u[DIE_CONST_VALUE],
		                 s.info.at + at + cases[i].skip);
		ck_assert_uint_eq(die_number(&walk, DIE_CONST_VALUE, 5), 5);
		ck_assert_uint_eq(die_number(&walk, DIE_DECL_LINE, 0), 77);
		turf_die_plans_fini(&plans);
		turf_dwarf_close(&dw);
		made_free(&m);
	}
}
END_TEST

/* unit { struct "s" {}, abstract "text", function "f" { call {}, odd, inlined {} } } */
enum {
	TAG_UNIT = DW_TAG_compile_unit,
	TAG_STRUCT = 0x13,
	TAG_FUNCTION = 0x2e,
	TAG_INLINED = 0x1d,
	TAG_CALL = 0x48,
	TAG_VARIABLE = 0x34
};

static uint64_t no_calls(uint16_t tag)
{
	return tag == TAG_CALL ? DIE_PRUNE : all(tag);
}
static uint64_t functions_only(uint16_t tag)
{
	return tag == TAG_FUNCTION ? DIE_TOLD | DIE_PRUNE | DIE_BIT(DIE_NAME) : 0;
}
static uint64_t variables_only(uint16_t tag)
{
	return tag == TAG_VARIABLE ? all(tag) : 0;
}

START_TEST(tells_what_is_wanted)
{
	static const struct {
		uint64_t (*wanted)(uint16_t tag);
		struct {
			uint16_t tag, level;
		} told[8];
	} cases[] = {
		{ all,
		  { { TAG_UNIT, 0 },
		    { TAG_STRUCT, 1 },
		    { TAG_FUNCTION, 1 },
		    { TAG_FUNCTION, 1 },
		    { TAG_CALL, 2 },
		    { TAG_VARIABLE, 2 },
		    { TAG_INLINED, 2 } } },
		{ no_calls,
		  { { TAG_UNIT, 0 },
		    { TAG_STRUCT, 1 },
		    { TAG_FUNCTION, 1 },
		    { TAG_FUNCTION, 1 },
		    { TAG_VARIABLE, 2 },
		    { TAG_INLINED, 2 } } },
		{ functions_only, { { TAG_FUNCTION, 1 }, { TAG_FUNCTION, 1 } } },
		{ variables_only, { { TAG_VARIABLE, 2 } } },
	};
	struct made m = everything(5);
	struct dwarf_sections s = made_sections(&m);
	struct dwarf dw;
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct die_plans plans = { .wanted = cases[i].wanted };
		for (size_t u = 0; u < dw.n_units; u++) {
			ck_assert_int_eq(turf_dies(&dw, &dw.units[u], &plans, &walk, NULL), 0);
			for (size_t k = 0; cases[i].told[k].tag; k++) {
				ck_assert_int_eq(turf_dies_next(&walk, NULL), 1);
				ck_assert_uint_eq(walk.tag, cases[i].told[k].tag);
				ck_assert_uint_eq(walk.level, cases[i].told[k].level);
			}
			ck_assert_int_eq(turf_dies_next(&walk, NULL), 0);
		}
		turf_die_plans_fini(&plans);
	}
	turf_dwarf_close(&dw);
	made_free(&m);
}
END_TEST

START_TEST(skips_and_goes_to_dies)
{
	struct made m = everything(5);
	struct dwarf_sections s = made_sections(&m);
	struct die_plans plans = { .wanted = all };
	struct dwarf dw;
	const char *name = NULL;
	uint64_t function = 0;
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	ck_assert_int_eq(turf_dies(&dw, dw.units, &plans, &walk, NULL), 0);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(turf_dies_next(&walk, NULL), 1);
	function = walk.die;
	ck_assert_int_eq(turf_die_string(&walk, DIE_NAME, &name), 1);
	ck_assert_str_eq(name, "f");
	ck_assert_int_eq(turf_dies_skip(&walk, NULL), 0);
	ck_assert_int_eq(turf_dies_next(&walk, NULL), 0);
	/* from elsewhere, with what is below it */
	ck_assert_int_eq(turf_dies(&dw, &dw.units[1], &plans, &walk, NULL), 0);
	ck_assert_int_eq(turf_dies_at(&walk, function), 1);
	ck_assert_ptr_eq(walk.unit, dw.units);
	ck_assert_uint_eq(walk.level, 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(turf_dies_next(&walk, NULL), 1);
		ck_assert_uint_eq(walk.level, 1);
	}
	ck_assert_int_eq(turf_dies_next(&walk, NULL), 0);
	ck_assert_int_eq(turf_dies_at(&walk, UINT64_MAX), 0);
	ck_assert_int_eq(turf_dies_at(&walk, dw.units[0].off), 0);
	turf_die_plans_fini(&plans);
	turf_dwarf_close(&dw);
	made_free(&m);
}
END_TEST

/* What was read, as far as it went. */
struct sums {
	size_t dies, strings, ranges, bytes, refs, errors;
};

static void read_die(struct sums *sums)
{
	struct dwarf_ranges ranges;
	struct dwarf_range range;
	sums->dies++;
	for (unsigned slot = 0; slot < N_DIE_SLOTS; slot++) {
		const char *text = NULL;
		uint64_t number;
		if (!die_has(&walk, slot))
			continue;
		if (turf_die_string(&walk, slot, &text) == 1)
			sums->strings += strlen(text) + 1;
		sums->refs += turf_die_address(&walk, slot, &number) == 1;
		sums->refs += turf_die_ref(&walk, slot, &number) == 1;
		if (walk.class[slot] == DIE_VALUE_BLOCK) {
			const uint8_t *at = (const uint8_t *)(uintptr_t)walk.u[slot];
			for (uint32_t i = 0; i < walk.size[slot]; i++)
				sums->bytes += at[i] + 1U;
		}
	}
	turf_die_ranges(&walk, &ranges);
	while (turf_dwarf_next_range(&ranges, &range, NULL) == 1)
		sums->ranges++;
}

static struct sums read_all(const struct dwarf_sections *s)
{
	uint64_t (*const wanted[])(uint16_t) = { all, functions_only, variables_only };
	struct sums sums = { 0 };
	struct dwarf dw;
	ck_assert_int_eq(turf_dwarf_open(s, &dw, NULL), 0);
	for (size_t k = 0; k < COUNT(wanted); k++) {
		struct die_plans plans = { .wanted = wanted[k] };
		for (size_t i = 0; i < dw.n_units; i++) {
			int r = turf_dies(&dw, &dw.units[i], &plans, &walk, NULL);
			while (r >= 0 && (r = turf_dies_next(&walk, NULL)) == 1)
				read_die(&sums);
			sums.errors += r < 0;
		}
		turf_die_plans_fini(&plans);
	}
	turf_dwarf_close(&dw);
	return sums;
}

static struct dwarf_sections sections;
static size_t part, n_equal;
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
	struct made m = everything(5);
	struct dwarf_sections copy = made_sections(&m);
	for (part = 0; section_part(&copy, part); part++) {
		struct span *s = section_part(&copy, part);
		*s = s->size ? exact_copy(s->at, s->size) : *s;
	}
	sections = copy;
	for (part = 0; section_part(&copy, part); part++)
		if (section_part(&copy, part)->size && part != 2) /* .debug_line is not read */
			each(*section_part(&copy, part), read_part);
	for (part = 0; section_part(&copy, part); part++)
		free((void *)section_part(&copy, part)->at);
	made_free(&m);
}

START_TEST(every_prefix_is_survived)
{
	struct made m = everything(5);
	struct dwarf_sections s = made_sections(&m);
	whole = read_all(&s);
	ck_assert_uint_eq(whole.errors, 0);
	ck_assert_uint_gt(whole.ranges, 3);
	ck_assert_uint_gt(whole.bytes, 100);
	made_free(&m);
	for_each_section(every_prefix);
	ck_assert_uint_lt(n_equal, 40); /* what was cut is missed */
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	for_each_section(every_byte_bent);
}
END_TEST

TESTS("dwarf/dies", values_of_every_form, blocks_tell_where_they_stand, tells_what_is_wanted,
      skips_and_goes_to_dies, every_prefix_is_survived, every_byte_bent_is_survived)
