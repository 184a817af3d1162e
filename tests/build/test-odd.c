/* SPDX-License-Identifier: MIT */
/*
 * DWARF as it stands in few programs, put together by hand: chains deeper than are kept, units
 * that overlap, functions whose cold part is lower than their entry, names of all kinds.
 */
#include "build/self.h"
#include "dwarf/make.h"
#include "elf/sample.h"
#include "turf/types.h"
#include "urf/format.h"

/* Where the code is: it comes behind the ELF header and one segment's. */
enum { TEXT = 0x400000 + 64 + 56, TEXT_SIZE = 0x400, NAME_SIZE = 64 };

enum {
	UNIT = 1,
	TOLD,
	ABSTRACT,
	INLINED,
	NAMED,
	LINKED,
	BOTH,
	NAMELESS,
	PARTS,
	BASE,
	CONST,
	VOLATILE,
	POINTER,
	STRUCT,
	PART,
	VARIANT,
	OTHERWISE,
	MEMBER
};

static void put_abbrevs(struct made *m)
{
	ABBREV(m, UNIT, DW_TAG_compile_unit, true, { DW_AT_name, DW_FORM_string });
	ABBREV(m, ABSTRACT, DW_TAG_subprogram, false, { DW_AT_name, DW_FORM_string });
	ABBREV(m, INLINED, DW_TAG_inlined_subroutine, true,
	       { DW_AT_abstract_origin, DW_FORM_ref_addr }, { DW_AT_low_pc, DW_FORM_addr },
	       { DW_AT_high_pc, DW_FORM_data4 }, { DW_AT_call_line, DW_FORM_udata });
	ABBREV(m, TOLD, DW_TAG_inlined_subroutine, true, { DW_AT_low_pc, DW_FORM_addr },
	       { DW_AT_high_pc, DW_FORM_data4 }, { DW_AT_abstract_origin, DW_FORM_ref_addr },
	       { DW_AT_call_line, DW_FORM_udata }, { DW_AT_GNU_discriminator, DW_FORM_udata });
	ABBREV(m, NAMED, DW_TAG_subprogram, true, { DW_AT_low_pc, DW_FORM_addr },
	       { DW_AT_high_pc, DW_FORM_data4 }, { DW_AT_name, DW_FORM_string });
	ABBREV(m, LINKED, DW_TAG_subprogram, true, { DW_AT_low_pc, DW_FORM_addr },
	       { DW_AT_high_pc, DW_FORM_data4 }, { DW_AT_linkage_name, DW_FORM_string });
	ABBREV(m, BOTH, DW_TAG_subprogram, true, { DW_AT_low_pc, DW_FORM_addr },
	       { DW_AT_high_pc, DW_FORM_data4 }, { DW_AT_name, DW_FORM_string },
	       { DW_AT_linkage_name, DW_FORM_string });
	ABBREV(m, NAMELESS, DW_TAG_subprogram, true, { DW_AT_low_pc, DW_FORM_addr },
	       { DW_AT_high_pc, DW_FORM_data4 });
	ABBREV(m, BASE, 0x24, false, { DW_AT_name, DW_FORM_string }, { 0x0b, DW_FORM_data1 },
	       { 0x3e, DW_FORM_data1 }); /* byte_size, encoding */
	ABBREV(m, CONST, 0x26, false, { 0x49, DW_FORM_ref4 });
	ABBREV(m, VOLATILE, 0x35, false, { 0x49, DW_FORM_ref4 });
	ABBREV(m, POINTER, 0x0f, false, { 0x49, DW_FORM_ref4 });
	ABBREV(m, STRUCT, DW_TAG_structure_type, true, { DW_AT_name, DW_FORM_string },
	       { 0x0b, DW_FORM_data1 });
	ABBREV(m, PART, 0x33, true, { 0x15, DW_FORM_ref4 });     /* discr */
	ABBREV(m, VARIANT, 0x19, true, { 0x16, DW_FORM_data1 }); /* discr_value */
	ABBREV(m, OTHERWISE, 0x19, true, { 0, 0 });
	ABBREV(m, MEMBER, 0x0d, false, { DW_AT_name, DW_FORM_string }, { 0x49, DW_FORM_ref4 },
	       { 0x38, DW_FORM_data1 }); /* data_member_location */
	ABBREV(m, PARTS, DW_TAG_subprogram, true, { DW_AT_ranges, DW_FORM_sec_offset },
	       { DW_AT_name, DW_FORM_string });
	as_u8(&m->abbrev, 0);
}

static size_t put_unit(struct made *m, const char *name)
{
	size_t begun = begin_unit(m, 4, 0);
	as_u8(&m->info, UNIT);
	as_str(&m->info, name);
	return begun;
}

static void end_unit(struct made *m, size_t begun)
{
	as_u8(&m->info, 0);
	as_end_length(&m->info, begun);
}

/* Offset of the DIE of a function that is inlined only. */
static uint32_t put_abstract(struct made *m, const char *name)
{
	uint32_t at = here(m);
	as_u8(&m->info, ABSTRACT);
	as_str(&m->info, name);
	return at;
}

/* [@start, @end) count from TEXT; what is in it follows, then a 0. */
static void put_code(struct made *m, unsigned abbrev, unsigned start, unsigned end)
{
	as_u8(&m->info, (uint8_t)abbrev);
	as_u64(&m->info, TEXT + start);
	as_u32(&m->info, end - start);
}

static void put_inlined(struct made *m, uint32_t origin, unsigned start, unsigned end,
                        unsigned line)
{
	as_u8(&m->info, INLINED);
	as_u32(&m->info, origin);
	as_u64(&m->info, TEXT + start);
	as_u32(&m->info, end - start);
	as_uleb(&m->info, line);
}

/* As put_inlined(), with a discriminator. */
static void put_told(struct made *m, uint32_t origin, unsigned start, unsigned end,
                     unsigned line, unsigned discriminator)
{
	put_code(m, TOLD, start, end);
	as_u32(&m->info, origin);
	as_uleb(&m->info, line);
	as_uleb(&m->info, discriminator);
}

static char warning[256]; /* the last one of the last urf; "": there was none */

static void keep_warning(void *ctx, enum turf_level level, const char *text)
{
	(void)ctx;
	if (level == TURF_WARNING)
		snprintf(warning, sizeof(warning), "%s", text);
}

/* The urf of a file with that DWARF, which is freed. */
static struct turf_image *image_of(struct made *m)
{
	const struct turf_build_options options = { .size = sizeof(options),
		                                    .threads = 2,
		                                    .note = keep_warning };
	static const uint8_t code[TEXT_SIZE];
	struct turf_error err = { 0 };
	const struct sample_section sections[] = {
		{ ".text", SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, { code, sizeof(code) } },
		{ ".debug_info", SHT_PROGBITS, 0, as_span(&m->info) },
		{ ".debug_abbrev", SHT_PROGBITS, 0, as_span(&m->abbrev) },
		{ ".debug_ranges", SHT_PROGBITS, 0, as_span(&m->ranges) },
	};
	struct as elf = { 0 };
	sample_elf(&elf, &sample_kinds[0], sections, COUNT(sections));
	scoped(closep) int in = temp_file();
	scoped(closep) int out = temp_file();
	ck_assert_int_eq(turf_write_all(in, elf.buf.at, elf.buf.n), 0);
	warning[0] = 0;
	int r = turf_build(in, "odd", out, &options, &err);
	ck_assert_msg(r == 0, "%s", err.text);
	as_free(&elf);
	made_free(m);
	struct turf_image *image = open_urf(out);
	r = turf_image_verify(image, &err);
	ck_assert_msg(r == 0, "%s", err.text);
	return image;
}

/* "inner:line outer:line", with the lines that are known. */
static void chain_of(const struct turf_image *image, unsigned at, char *out, size_t size)
{
	struct turf_frames walk;
	struct turf_frame f;
	out[0] = 0;
	if (turf_image_frames(image, TEXT + at, &walk) != 1)
		return;
	while (turf_frames_next(&walk, &f) == 1) {
		char name[NAME_SIZE];
		size_t n = strlen(out);
		ck_assert_int_ge(turf_image_text(image, f.name, name, sizeof(name)), 0);
		n += (size_t)snprintf(out + n, size - n, "%s%s", n ? " " : "", name);
		if (f.line)
			snprintf(out + n, size - n, ":%u", f.line);
	}
}

struct expect {
	unsigned at;
	const char *chain;
};

static void check_chains(const struct turf_image *image, const struct expect *all, size_t n)
{
	char have[256];
	for (size_t i = 0; i < n; i++) {
		chain_of(image, all[i].at, have, sizeof(have));
		ck_assert_msg(!strcmp(have, all[i].chain), "%#x: '%s' instead of '%s'",
		              all[i].at, have, all[i].chain);
	}
}

#define CHECK_CHAINS(image, ...)                                                               \
	check_chains((image), (const struct expect[]){ __VA_ARGS__ },                          \
	             COUNT(((const struct expect[]){ __VA_ARGS__ })))

START_TEST(without_units)
{
	struct made m = { 0 };
	struct turf_image *image = image_of(&m);
	CHECK_CHAINS(image, { 0, "" }, { 0x10, "" });
	turf_image_close(image);
}
END_TEST

/*
 * One inlined call in another, 200 deep, the n-th from n on. Of what is too deep the innermost
 * is kept, as if it were called by the last one that is not, where that has its own call.
 */
START_TEST(of_a_deep_chain_the_middle_is_left_out)
{
	enum { DEEP = 200, LAST = TURF_FRAMES_MAX - 1 };
	static_assert((int)URF_DEPTH_MAX == (int)TURF_FRAMES_MAX, "");
	struct made m = { 0 };
	uint32_t abstract[DEEP];
	char name[NAME_SIZE];
	put_abbrevs(&m);
	size_t unit = put_unit(&m, "deep.c");
	for (unsigned i = 1; i < DEEP; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		abstract[i] = put_abstract(&m, name);
	}
	put_code(&m, NAMED, 0, TEXT_SIZE);
	as_str(&m.info, "f0");
	for (unsigned i = 1; i < DEEP; i++)
		put_told(&m, abstract[i], i, TEXT_SIZE - i, 1000 + i, i);
	for (unsigned i = 0; i < DEEP; i++)
		as_u8(&m.info, 0);
	end_unit(&m, unit);
	struct turf_image *image = image_of(&m);
	for (unsigned at = 0; at < TEXT_SIZE; at++) {
		unsigned innermost = MIN(MIN(at, TEXT_SIZE - 1 - at), DEEP - 1u), n = 0;
		struct turf_frames walk;
		struct turf_frame f;
		uint32_t told[TURF_FRAMES_MAX];
		ck_assert_int_eq(turf_image_frames(image, TEXT + at, &walk), 1);
		ck_assert_int_eq(turf_image_discriminators(image, TEXT + at, told, walk.n),
		                 innermost > 0);
		for (; turf_frames_next(&walk, &f) == 1; n++) {
			unsigned i = n ? MIN(innermost, (unsigned)LAST) - n : innermost;
			snprintf(name, sizeof(name), "f%u", i);
			char have[NAME_SIZE];
			ck_assert_int_ge(turf_image_text(image, f.name, have, sizeof(have)), 0);
			ck_assert_str_eq(have, name);
			ck_assert_uint_eq(f.line, n ? 1001 + i : 0);
			ck_assert_int_eq(f.inlined, i > 0);
			ck_assert_uint_eq(told[n], n ? i + 1 : 0);
		}
		ck_assert_uint_eq(n, MIN(innermost, (unsigned)LAST) + 1);
	}
	ck_assert_str_eq(warning, "odd: unit at .debug_info+0 (deep.c): more than 127 calls "
	                          "inlined in each other: some in the middle left out");
	turf_image_close(image);
}
END_TEST

START_TEST(calls_have_discriminators)
{
	enum { WAS = 77, MANY = 4 };
	static const struct {
		unsigned at;
		size_t n;
		uint32_t is[MANY];
	} cases[] = {
		{ 0x0f, 0, { 0 } },
		{ 0x10, 1, { 0, WAS } },
		{ 0x12, 2, { 0, 5, WAS } },
		{ 0x14, 3, { 0, 0, 5, WAS } },
		{ 0x16, 4, { 0, 300, 0, 5 } },
		{ 0x18, 2, { 0, 5, WAS } },
		{ 0x1a, 1, { 0, WAS } },
		{ 0x1c, 2, { 0, 6, WAS } }, /* the same call again */
		{ 0x1e, 2, { 0, 7, WAS } },
		{ 0x20, 1, { 0, WAS } },
		{ 0x30, 0, { 0 } },
		{ 0x40, 2, { 0, 8, WAS } }, /* of two units the first */
	};
	struct made m = { 0 };
	put_abbrevs(&m);
	size_t unit = put_unit(&m, "calls.c");
	uint32_t a = put_abstract(&m, "a"), b = put_abstract(&m, "b");
	put_code(&m, NAMED, 0x10, 0x30);
	as_str(&m.info, "f");
	put_told(&m, a, 0x12, 0x1a, 7, 5);
	put_inlined(&m, b, 0x14, 0x18, 7);
	put_told(&m, a, 0x16, 0x18, 7, 300);
	as_bytes(&m.info, "\0\0", 3);
	put_told(&m, a, 0x1c, 0x1e, 7, 6);
	as_u8(&m.info, 0);
	put_told(&m, a, 0x1e, 0x20, 7, 7);
	as_u16(&m.info, 0);
	end_unit(&m, unit);
	for (unsigned discriminator = 8; discriminator < 10; discriminator++) {
		unit = put_unit(&m, "copy.c");
		a = put_abstract(&m, "a");
		put_code(&m, NAMED, 0x40, 0x50);
		as_str(&m.info, "g");
		put_told(&m, a, 0x40, 0x50, 7, discriminator);
		as_u16(&m.info, 0);
		end_unit(&m, unit);
	}
	struct turf_image *image = image_of(&m);
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t out[MANY] = { WAS, WAS, WAS, WAS }, any = 0;
		struct turf_frames walk = { 0 };
		(void)turf_image_frames(image, TEXT + cases[i].at, &walk);
		ck_assert_uint_eq(cases[i].n, walk.n * (cases[i].n != 0));
		int r = turf_image_discriminators(image, TEXT + cases[i].at, out, cases[i].n);
		for (size_t k = 0; k < cases[i].n; k++) {
			ck_assert_msg(out[k] == cases[i].is[k], "%#x, frame %zu: %u",
			              cases[i].at, k, out[k]);
			any |= out[k];
		}
		ck_assert_int_eq(r, any != 0);
	}
	turf_image_close(image);
}
END_TEST

/* A unit with a function [@start, @end), and @inlined in its second half. */
static void put_simple(struct made *m, const char *name, unsigned start, unsigned end,
                       const char *inlined)
{
	size_t unit = put_unit(m, name);
	uint32_t origin = put_abstract(m, inlined);
	put_code(m, NAMED, start, end);
	as_str(&m->info, name);
	put_inlined(m, origin, (start + end) / 2, end, 7);
	as_u16(&m->info, 0);
	end_unit(m, unit);
}

START_TEST(of_two_copies_the_first_units_counts)
{
	struct made m = { 0 };
	put_abbrevs(&m);
	put_simple(&m, "copy", 0x10, 0x20, "x");
	put_simple(&m, "copy", 0x10, 0x20, "y");
	put_simple(&m, "copy", 0x10, 0x30, "z"); /* another compiler made it longer */
	struct turf_image *image = image_of(&m);
	CHECK_CHAINS(image, { 0xf, "" }, { 0x10, "copy" }, { 0x17, "copy" },
	             { 0x18, "x copy:7" }, { 0x1f, "x copy:7" }, { 0x20, "z copy:7" },
	             { 0x2f, "z copy:7" }, { 0x30, "" });
	turf_image_close(image);
}
END_TEST

START_TEST(of_units_that_overlap_the_one_that_begins_first_counts)
{
	struct made m = { 0 };
	put_abbrevs(&m);
	put_simple(&m, "behind", 0x20, 0x60, "x");
	put_simple(&m, "before", 0x00, 0x40, "y");
	put_simple(&m, "within", 0x110, 0x120, "x");
	put_simple(&m, "around", 0x100, 0x180, "y");
	struct turf_image *image = image_of(&m);
	CHECK_CHAINS(image, { 0, "before" }, { 0x20, "y before:7" }, { 0x3f, "y before:7" },
	             { 0x40, "x behind:7" }, { 0x5f, "x behind:7" }, { 0x60, "" },
	             { 0x110, "around" }, { 0x11f, "around" }, { 0x140, "y around:7" },
	             { 0x180, "" });
	turf_image_close(image);
}
END_TEST

static void put_range(struct made *m, unsigned start, unsigned end)
{
	as_u64(&m->ranges, start ? TEXT + start : 0);
	as_u64(&m->ranges, end ? TEXT + end : 0);
}

static void check_function(const struct turf_image *image, unsigned at, unsigned entry,
                           unsigned start, unsigned end)
{
	struct turf_frames walk;
	struct turf_frame f;
	struct turf_function function;
	ck_assert_int_eq(turf_image_frames(image, TEXT + at, &walk), 1);
	while (turf_frames_next(&walk, &f) == 1)
		ck_assert_int_eq(f.has_start, !f.inlined);
	ck_assert_uint_eq(f.function_start, TEXT + entry);
	ck_assert_int_eq(turf_image_find_function(image, TEXT + at, &function), 1);
	ck_assert_uint_eq(function.start, TEXT + start);
	ck_assert_uint_eq(function.end, TEXT + end);
}

START_TEST(a_cold_part_may_be_lower)
{
	struct made m = { 0 };
	put_abbrevs(&m);
	put_range(&m, 0x200, 0x240);
	put_range(&m, 0x10, 0x20);
	put_range(&m, 0, 0);
	size_t unit = put_unit(&m, "parts.c");
	uint32_t origin = put_abstract(&m, "fails");
	as_u8(&m.info, PARTS);
	as_u32(&m.info, 0);
	as_str(&m.info, "hot");
	put_inlined(&m, origin, 0x18, 0x20, 3);
	as_u16(&m.info, 0);
	end_unit(&m, unit);
	struct turf_image *image = image_of(&m);
	CHECK_CHAINS(image, { 0x10, "hot" }, { 0x18, "fails hot:3" }, { 0x20, "" },
	             { 0x1ff, "" }, { 0x200, "hot" }, { 0x23f, "hot" }, { 0x240, "" });
	check_function(image, 0x10, 0x200, 0x10, 0x20);
	check_function(image, 0x1f, 0x200, 0x10, 0x20);
	check_function(image, 0x200, 0x200, 0x200, 0x240);
	turf_image_close(image);
}
END_TEST

START_TEST(names_of_all_kinds)
{
	static const struct {
		const char *name, *linkage_name;
		const char *says_name, *says_linkage;
	} cases[] = {
		{ "in", "_Z2inv", "in", "_Z2inv" },
		{ "begins", "begins.cold", "begins", "begins.cold" },
		{ "ends", "_ends", "ends", "_ends" },
		{ "aa", "aaaa", "aa", "aaaa" },
		{ "same", "same", "same", "same" },
		{ "apart", "_Zother", "apart", "_Zother" },
		{ "longer than that", "short", "longer than that", "short" },
		{ "in", "apart", "in", "apart" },
		{ "only", NULL, "only", "" },
		{ NULL, "_Zlinked", "_Zlinked", "_Zlinked" },
		{ NULL, NULL, "", "" },
		{ "", "_Zempty", "_Zempty", "_Zempty" },
		{ "\xc3\xa9t\xc3\xa9", "_Z5\xc3\xa9t\xc3\xa9v", "\xc3\xa9t\xc3\xa9",
		  "_Z5\xc3\xa9t\xc3\xa9v" },
	};
	enum { SIZE = 16 };
	struct made m = { 0 };
	put_abbrevs(&m);
	size_t unit = put_unit(&m, "names.c");
	for (unsigned i = 0; i < COUNT(cases); i++) {
		const char *name = cases[i].name, *linkage = cases[i].linkage_name;
		unsigned abbrev = name && linkage ? BOTH
		                  : name          ? NAMED
		                  : linkage       ? LINKED
		                                  : NAMELESS;
		put_code(&m, abbrev, i * SIZE, (i + 1) * SIZE);
		if (name)
			as_str(&m.info, name);
		if (linkage)
			as_str(&m.info, linkage);
		as_u8(&m.info, 0);
	}
	end_unit(&m, unit);
	struct turf_image *image = image_of(&m);
	for (unsigned i = 0; i < COUNT(cases); i++) {
		struct turf_frames walk;
		struct turf_frame f;
		char text[NAME_SIZE];
		ck_assert_int_eq(turf_image_frames(image, TEXT + i * SIZE + 5, &walk), 1);
		ck_assert_int_eq(turf_frames_next(&walk, &f), 1);
		/* one that has no name at all is no function */
		ck_assert_int_eq(f.has_start, cases[i].name || cases[i].linkage_name);
		ck_assert_uint_eq(f.function_start, f.has_start ? TEXT + i * SIZE : 0);
		ck_assert_int_ge(turf_image_text(image, f.name, text, sizeof(text)), 0);
		ck_assert_msg(!strcmp(text, cases[i].says_name), "%u: name '%s'", i, text);
		ck_assert_int_ge(turf_image_text(image, f.linkage_name, text, sizeof(text)), 0);
		ck_assert_msg(!strcmp(text, cases[i].says_linkage), "%u: linkage '%s'", i,
		              text);
	}
	turf_image_close(image);
}
END_TEST

/* The offset of the DIE in its unit. */
static uint32_t put_type(struct made *m, size_t unit, unsigned abbrev, uint32_t of)
{
	uint32_t at = here(m);
	as_u8(&m->info, (uint8_t)abbrev);
	as_u32(&m->info, of);
	return at - (uint32_t)unit;
}

static uint32_t put_int(struct made *m, size_t unit)
{
	uint32_t at = here(m);
	as_u8(&m->info, BASE);
	as_bytes(&m->info, "int\0\4\5", 6);
	return at - (uint32_t)unit;
}

/* One unit says `const volatile int`, the other one the same words the other way round. */
START_TEST(volatile_const_is_const_volatile)
{
	struct made m = { 0 };
	put_abbrevs(&m);
	for (unsigned i = 0; i < 2; i++) {
		size_t start = here(&m), unit = put_unit(&m, i ? "b.c" : "a.c");
		uint32_t at = put_int(&m, start);
		at = put_type(&m, start, i ? VOLATILE : CONST, at);
		at = put_type(&m, start, i ? CONST : VOLATILE, at);
		put_type(&m, start, POINTER, at);
		end_unit(&m, unit);
	}
	struct turf_image *image = image_of(&m);
	unsigned n[TURF_TYPE_OTHER + 1] = { 0 };
	for (uint32_t i = 0; i < turf_image_n_types(image); i++) {
		struct turf_type t;
		ck_assert_int_eq(turf_image_type(image, i, &t), 1);
		n[t.kind]++;
	}
	ck_assert_uint_eq(n[TURF_TYPE_BASE], 1);
	ck_assert_uint_eq(n[TURF_TYPE_POINTER], 1); /* what it points to is one type */
	turf_image_close(image);
}
END_TEST

static void put_member(struct made *m, const char *name, uint32_t of, uint8_t offset)
{
	as_u8(&m->info, MEMBER);
	as_str(&m->info, name);
	as_u32(&m->info, of);
	as_u8(&m->info, offset);
}

/* As rustc writes an enumeration: the member that tells, then what is there if it is 3, and
 * else.
 */
START_TEST(variants_are_kept)
{
	static const uint32_t kinds[] = { TURF_ITEM_PART,   TURF_ITEM_MEMBER, TURF_ITEM_VARIANT,
		                          TURF_ITEM_MEMBER, TURF_ITEM_END,    TURF_ITEM_VARIANT,
		                          TURF_ITEM_MEMBER, TURF_ITEM_END,    TURF_ITEM_END };
	struct made m = { 0 };
	put_abbrevs(&m);
	size_t start = here(&m), unit = put_unit(&m, "enum.rs");
	uint32_t number = put_int(&m, start), at = 0;
	as_u8(&m.info, STRUCT);
	as_bytes(&m.info, "Enum\0\10", 6);
	as_u8(&m.info, PART);
	as_u32(&m.info, here(&m) - (uint32_t)start + 4);
	put_member(&m, "tag", number, 0);
	as_bytes(&m.info, (uint8_t[]){ VARIANT, 3 }, 2);
	put_member(&m, "three", number, 4);
	as_bytes(&m.info, (uint8_t[]){ 0, OTHERWISE }, 2);
	put_member(&m, "else", number, 4);
	as_bytes(&m.info, "\0\0\0", 3);
	end_unit(&m, unit);
	struct turf_image *image = image_of(&m);
	struct turf_type t = { .kind = TURF_TYPE_VOID };
	struct turf_type_items walk;
	struct turf_type_item item;
	for (uint32_t i = 0; t.kind != TURF_TYPE_STRUCT; i++)
		ck_assert_int_eq(turf_image_type(image, i, &t), 1);
	turf_type_items(&t, &walk);
	while (turf_type_items_next(&walk, &item) == 1) {
		ck_assert_uint_lt(at, COUNT(kinds));
		ck_assert_uint_eq(item.kind, kinds[at]);
		ck_assert_int_eq(item.has_value, at == 2);
		ck_assert_int_eq(item.value, at == 2 ? 3 : 0);
		ck_assert_int_eq(item.bit_offset, at == 3 || at == 6 ? 32 : 0);
		at++;
	}
	ck_assert_uint_eq(at, COUNT(kinds));
	turf_image_close(image);
}
END_TEST

TESTS("build/odd", without_units, volatile_const_is_const_volatile, variants_are_kept,
      calls_have_discriminators, of_a_deep_chain_the_middle_is_left_out,
      of_two_copies_the_first_units_counts,
      of_units_that_overlap_the_one_that_begins_first_counts, a_cold_part_may_be_lower,
      names_of_all_kinds)
