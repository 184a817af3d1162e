/* SPDX-License-Identifier: MIT */
/*
 * Rows of line tables, discriminators of calls and declarations of functions, in the urf of
 * image/urf.h with these rows:
 *
 *     0x1000..0x1040  a table of four
 *     0x1050..0x1060  a table of one
 *     0x10a0..0x10a8  a table of two, its end in a group of its own
 *
 * and calls:
 *
 *     0x1010..0x1014  outer's 0, inner's 3
 *     0x1014..0x101a  outer's 6, inner's 12
 *     0x10a2..0x10a4  outer's 200
 */
#include "lib/alloc.h"
#include "lib/test.h"
#include "image/open.h"
#include "image/urf.h"

enum {
	END = URF_MARK_NONE,
	PROLOGUE = URF_MARK_PROLOGUE_END,
	EPILOGUE = URF_MARK_EPILOGUE_BEGIN,
};

/* The bits of marks. */
static void number(struct urf_bits *b, uint32_t n)
{
	if (n < URF_MARK_NEAR) {
		urf_bits(b, 0, 1), urf_bits(b, n, 3);
	} else if (n < URF_MARK_NEAR + URF_MARK_FAR) {
		urf_bits(b, 1, 1), urf_bits(b, n - URF_MARK_NEAR, 6);
	} else {
		urf_bits(b, 1, 1), urf_bits(b, URF_MARK_FAR, 6);
		urf_bits(b, 31, 5), urf_bits(b, n, 32);
	}
}

static void here(struct urf_bits *b, bool statement)
{
	urf_bits(b, 0, 1), urf_bits(b, statement, 1);
}

static void inside(struct urf_bits *b, uint32_t bytes, bool statement)
{
	urf_bits(b, 1, 2), number(b, bytes), urf_bits(b, statement, 1);
}

/* 0: there is none from here on, or again */
static void discriminator(struct urf_bits *b, uint32_t n)
{
	urf_bits(b, 3, 3), urf_bits(b, n != 0, 1);
	if (n)
		number(b, n - 1);
}

static void not_here(struct urf_bits *b)
{
	urf_bits(b, 7, 4);
}

static void flags(struct urf_bits *b, unsigned bits)
{
	urf_bits(b, 15, 4), urf_bits(b, bits, 3);
}

/* The parts' urf, its cold sections said to be there. */
static struct span finish(struct urf_parts *p)
{
	struct span urf = urf_of_parts(p);
	uint8_t *at = memmem(urf.at, urf.size, URF_MAGIC, 8);
	struct urf_head *head = (struct urf_head *)at;
	head->flags = le32_of(le32_get(head->flags) | URF_HAS_COLD);
	urf_seal((uint8_t *)urf.at, urf.size, (size_t)(at - urf.at));
	return urf;
}

static void put_group(struct urf_parts *p, struct urf_bits *b)
{
	URF_PUT(p, URF_MARKS, urf_here(p, URF_MARK_DATA));
	urf_bits_end(&p->of[URF_MARK_DATA], b);
}

/* The marks at 0, 0x10, 0x14, 0x1a, 0x40, 0x50, 0x60, 0xa0, 0xa2, 0xa4, where segments begin,
 * and between them. */
static void first_group(struct urf_bits *b)
{
	urf_bits(b, 0, 1);
	here(b, true);
	flags(b, PROLOGUE), inside(b, 3, true);
	discriminator(b, 3), here(b, false);
	not_here(b);
	discriminator(b, 200), flags(b, EPILOGUE), here(b, false);
	flags(b, END), here(b, false);
	discriminator(b, 0), here(b, false);
	flags(b, END), here(b, false);
	here(b, true);
	not_here(b);
	flags(b, PROLOGUE | EPILOGUE), discriminator(b, 7), here(b, false);
	urf_bits(b, 0, 1);
}

static void last_group(struct urf_bits *b)
{
	urf_bits(b, 0, 1);
	flags(b, END), inside(b, 0, false);
	not_here(b), number(b, 0);
}

static struct span marked(void)
{
	struct urf_parts p = { 0 };
	struct urf_bits b = { 0 };
	urf_parts_fill(&p);
	first_group(&b), put_group(&p, &b);
	last_group(&b), put_group(&p, &b);
	URF_BYTES(&p, URF_CALL_DATA, 0, 2, 0, 3, 2, 6, 12, 1, 0xc8, 1);
	URF_PUT(&p, URF_CALLS, 0x10, 1, 0x14, 4, 0x1a, 0, 0xa2, 7, 0xa4, 0);
	return finish(&p);
}

static struct turf_image *open_marked(struct span *urf)
{
	*urf = marked();
	return open_whole(*urf);
}

static const struct turf_row rows[] = {
	{ 0x1000, 0x1004, 0, true, false, false },  { 0x1004, 0x1010, 0, true, true, false },
	{ 0x1010, 0x101a, 3, false, false, false }, { 0x101a, 0x1040, 200, false, false, true },
	{ 0x1050, 0x1060, 0, false, false, false }, { 0x10a0, 0x10a4, 0, true, false, false },
	{ 0x10a4, 0x10a8, 7, false, true, true },
};

static bool is_row(const struct turf_row *row, const struct turf_row *wanted)
{
	return row->start == wanted->start && row->end == wanted->end &&
	       row->discriminator == wanted->discriminator && row->is_stmt == wanted->is_stmt &&
	       row->prologue_end == wanted->prologue_end &&
	       row->epilogue_begin == wanted->epilogue_begin;
}

START_TEST(finds_the_row_of_an_address)
{
	struct span urf;
	struct turf_image *image = open_marked(&urf);
	const struct turf_row kept = { 1, 2, 3, true, false, true };
	for (uint64_t addr = 0xff0; addr < 0x10b8; addr++) {
		const struct turf_row *wanted = &kept;
		for (size_t i = 0; i < COUNT(rows); i++)
			if (addr >= rows[i].start && addr < rows[i].end)
				wanted = &rows[i];
		struct turf_row row = kept;
		size_t before = n_allocations;
		int r = turf_image_find_row(image, addr, &row);
		ck_assert_uint_eq(n_allocations, before);
		ck_assert_int_eq(r, wanted != &kept);
		ck_assert_msg(is_row(&row, wanted), "%#llx", (unsigned long long)addr);
	}
	struct turf_row row = kept;
	static const uint64_t far[] = { 0, 0xfff, 0x3000, 0x100001000, UINT64_MAX };
	for (size_t i = 0; i < COUNT(far); i++)
		ck_assert_int_eq(turf_image_find_row(image, far[i], &row), 0);
	ck_assert(is_row(&row, &kept));
	close_urf(image, urf);
}
END_TEST

START_TEST(walks_rows_in_order)
{
	static const struct {
		uint64_t from;
		size_t first;
	} cases[] = {
		{ 0, 0 },      { 0x1000, 0 }, { 0x1003, 0 },      { 0x1004, 1 },
		{ 0x101a, 3 }, { 0x103f, 3 }, { 0x1040, 4 },      { 0x104f, 4 },
		{ 0x105f, 4 }, { 0x1060, 5 }, { 0x10a3, 5 },      { 0x10a4, 6 },
		{ 0x10a7, 6 }, { 0x10a8, 7 }, { 0x100001000, 7 }, { UINT64_MAX, 7 },
	};
	struct span urf;
	struct turf_image *image = open_marked(&urf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_rows walk;
		struct turf_row row = { 0 };
		ck_assert_int_eq(turf_image_rows(image, cases[i].from, &walk), 0);
		for (size_t k = cases[i].first; k < COUNT(rows); k++) {
			size_t before = n_allocations;
			int r = turf_rows_next(&walk, &row);
			ck_assert_uint_eq(n_allocations, before);
			ck_assert_int_eq(r, 1);
			ck_assert(is_row(&row, &rows[k]));
		}
		row.discriminator = 77;
		for (int again = 0; again < 2; again++)
			ck_assert_int_eq(turf_rows_next(&walk, &row), 0);
		ck_assert_uint_eq(row.discriminator, 77);
	}
	close_urf(image, urf);
}
END_TEST

START_TEST(knows_no_rows_of_an_urf_without_marks)
{
	struct span urf = urf_sample();
	struct turf_image *image = open_urf(urf);
	struct turf_rows walk;
	struct turf_row row = { .discriminator = 77 };
	ck_assert_int_eq(turf_image_verify(image, NULL), 0);
	ck_assert_int_eq(turf_image_find_row(image, 0x1000, &row), 0);
	ck_assert_int_eq(turf_image_rows(image, 0, &walk), 0);
	ck_assert_int_eq(turf_rows_next(&walk, &row), 0);
	ck_assert_uint_eq(row.discriminator, 77);
	close_urf(image, urf);
}
END_TEST

/* Segments that begin every 0x10 bytes, one a block; the last one ends at n * 0x10. */
static void many_blocks(struct urf_parts *p, uint32_t n)
{
	urf_parts_fill(p);
	static const enum urf_section_kind kinds[] = { URF_SEGMENTS, URF_BLOCKS, URF_TOPS };
	for (size_t i = 0; i < COUNT(kinds); i++)
		as_free(&p->of[kinds[i]]), p->of[kinds[i]] = (struct as){ 0 };
	for (uint32_t i = 0; i <= n; i++) {
		urf_block(p, 0x10 * i);
		if (i < n)
			URF_BYTES(p, URF_SEGMENTS, 0, 2, 0, 0x10, 0);
	}
	for (uint32_t i = 0; n >= URF_TOP && i <= n; i += URF_TOP) /* one level is enough */
		as_u32(&p->of[URF_TOPS], 0x10 * i);
}

/*
 * A row from 0x14 on over three groups of four blocks, up to one at 0x114 in the fifth; that
 * one has a discriminator known before, and no end.
 */
static struct span far_apart(void)
{
	enum { BLOCKS = 20, FROM = 0x14, TO = 0x114 };
	struct urf_parts p = { 0 };
	struct urf_bits b = { 0 };
	many_blocks(&p, BLOCKS);
	for (uint32_t group = 0; group <= BLOCKS / URF_MARK_BLOCKS; group++) {
		uint32_t start = group * URF_MARK_BLOCKS * 0x10;
		bool last = start == BLOCKS * 0x10;
		uint32_t over = last ? TO : FROM, n = last ? 0 : URF_MARK_BLOCKS;
		urf_bits(&b, group > 0, 1);
		if (group)
			number(&b, start - 1 - over);
		if (group)
			discriminator(&b, 70), flags(&b, PROLOGUE), here(&b, true);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t at = start + i * 0x10;
			not_here(&b);
			if (at + 4 == FROM)
				discriminator(&b, 70), flags(&b, PROLOGUE), inside(&b, 3, true);
			if (at + 4 == TO)
				discriminator(&b, 0), discriminator(&b, 0), flags(&b, PROLOGUE),
					inside(&b, 3, true);
		}
		not_here(&b);
		number(&b, start + 0x40 <= TO ? TO - (start + 0x40) : 0);
		put_group(&p, &b);
	}
	return finish(&p);
}

START_TEST(rows_may_lie_far_apart)
{
	struct span urf = far_apart();
	struct turf_image *image = open_urf(urf);
	struct turf_error err = { 0 };
	ck_assert_msg(turf_image_verify(image, &err) == 0, "%s", err.text);
	for (uint64_t addr = 0x1000; addr < 0x3010; addr += 4) {
		struct turf_row row = { 0 };
		struct turf_rows walk;
		bool first = addr < 0x1114;
		ck_assert_int_eq(turf_image_find_row(image, addr, &row),
		                 addr >= 0x1014 && addr < 0x3000);
		if (row.start)
			ck_assert(is_row(&row, &(struct turf_row){ first ? 0x1014 : 0x1114,
			                                           first ? 0x1114 : 0x3000, 70,
			                                           true, true, false }));
		ck_assert_int_eq(turf_image_rows(image, addr, &walk), 0);
		for (int left = first ? 2 : addr<0x3000; left> 0; left--)
			ck_assert_int_eq(turf_rows_next(&walk, &row), 1);
		ck_assert_int_eq(turf_rows_next(&walk, &row), 0);
	}
	close_urf(image, urf);
}
END_TEST

/* An urf without segments: rows before and behind what segments there might be. */
START_TEST(rows_may_be_where_no_segment_is)
{
	struct urf_parts p = { 0 };
	struct urf_bits b = { 0 };
	urf_bits(&b, 0, 1);
	inside(&b, 0, true), inside(&b, 100, false), inside(&b, 0xffffff00, true);
	not_here(&b), number(&b, 0);
	put_group(&p, &b);
	struct span urf = finish(&p);
	struct turf_image *image = open_urf(urf);
	struct turf_row row;
	struct turf_error err = { 0 };
	ck_assert_msg(turf_image_verify(image, &err) == 0, "%s", err.text);
	ck_assert_int_eq(turf_image_find_row(image, 0x1000, &row), 1);
	ck_assert_uint_eq(row.end, 0x1065);
	ck_assert_int_eq(turf_image_find_row(image, 0x2000, &row), 1);
	ck_assert_uint_eq(row.start, 0x1065);
	ck_assert_uint_eq(row.end, 0x100000f66);
	ck_assert_int_eq(turf_image_find_row(image, 0x100000f66, &row), 0);
	close_urf(image, urf);
}
END_TEST

START_TEST(tells_discriminators_of_frames)
{
	enum { MANY = 4, WAS = 77 };
	static const struct {
		uint64_t addr;
		size_t n;
		int expect;
		uint32_t is[MANY];
	} cases[] = {
		{ 0x1000, 1, 0, { 0, WAS, WAS, WAS } },
		{ 0x100f, 1, 0, { 0, WAS, WAS, WAS } },
		{ 0x1010, 3, 1, { 3, 3, 0, WAS } },
		{ 0x1013, 3, 1, { 3, 3, 0, WAS } },
		{ 0x1014, 3, 1, { 3, 12, 6, WAS } },
		{ 0x1019, 3, 1, { 3, 12, 6, WAS } },
		{ 0x101a, 1, 1, { 200, WAS, WAS, WAS } },
		{ 0x10a1, 1, 0, { 0, WAS, WAS, WAS } },
		{ 0x10a2, 2, 1, { 0, 200, WAS, WAS } },
		{ 0x10a4, 1, 1, { 7, WAS, WAS, WAS } },
		/* a caller who is wrong about the number of frames */
		{ 0x1014, 0, 0, { WAS, WAS, WAS, WAS } },
		{ 0x1014, 1, 1, { 3, WAS, WAS, WAS } },
		{ 0x1014, 2, 1, { 3, 6, WAS, WAS } },
		{ 0x1014, 4, 1, { 3, 0, 12, 6 } },
		{ 0, 2, 0, { 0, 0, WAS, WAS } },
		{ UINT64_MAX, 2, 0, { 0, 0, WAS, WAS } },
	};
	struct span urf;
	struct turf_image *image = open_marked(&urf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t out[MANY] = { WAS, WAS, WAS, WAS };
		size_t before = n_allocations;
		int r = turf_image_discriminators(image, cases[i].addr, out, cases[i].n);
		ck_assert_uint_eq(n_allocations, before);
		ck_assert_msg(r == cases[i].expect, "%zu: %d", i, r);
		for (size_t k = 0; k < MANY; k++)
			ck_assert_msg(out[k] == cases[i].is[k], "%zu, frame %zu: %u", i, k,
			              out[k]);
	}
	close_urf(image, urf);
}
END_TEST

START_TEST(tells_where_functions_are_declared)
{
	static const struct {
		uint32_t function;
		int expect;
		uint32_t file, line;
	} cases[] = {
		{ 0, 0, 77, 77 },
		{ 1, 1, 1, 9 },
		{ 2, 1, 1, 2 },
		{ 3, 1, 1, 1 },
		{ 4, 0, 77, 77 },
		{ 5, 0, 77, 77 },
		{ UINT32_MAX, 0, 77, 77 },
	};
	struct span urf;
	struct turf_image *image = open_marked(&urf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t file = 77, line = 77;
		ck_assert_int_eq(turf_image_declared(image, cases[i].function, &file, &line),
		                 cases[i].expect);
		ck_assert_uint_eq(file, cases[i].file);
		ck_assert_uint_eq(line, cases[i].line);
	}
	close_urf(image, urf);
}
END_TEST

static void check_dump(const struct turf_image *image, const char *section, const char *wanted)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	ck_assert_int_eq(turf_image_dump(image, section, out, NULL), 0);
	fclose(out);
	ck_assert_str_eq(text, wanted);
	free(text);
}

START_TEST(dumps_rows_and_calls)
{
	struct span urf;
	struct turf_image *image = open_marked(&urf);
	check_dump(image, "marks",
	           "[marks]\n"
	           "0..0x4 statement\n"
	           "0x4..0x10 statement prologue-end\n"
	           "0x10..0x1a discriminator 3\n"
	           "0x1a..0x40 epilogue-begin discriminator 200\n"
	           "0x50..0x60\n"
	           "0xa0..0xa4 statement\n"
	           "0xa4..0xa8 prologue-end epilogue-begin discriminator 7\n");
	check_dump(image, "calls",
	           "[calls]\n"
	           "0x10: 0 3\n"
	           "0x14: 6 12\n"
	           "0x1a: none\n"
	           "0xa2: 200\n"
	           "0xa4: none\n");
	check_dump(image, "call.data", "[call.data]\n10 bytes, under [calls]\n");
	close_urf(image, urf);
}
END_TEST

/* What is put into groups, by letters; numbers are those of .n in turn. */
static void spell(struct urf_bits *b, const char *letters, const uint32_t *n)
{
	for (; *letters; letters++)
		switch (*letters) {
		case 'h':
			here(b, false);
			break;
		case 's':
			here(b, true);
			break;
		case 'i':
			inside(b, *n++, false);
			break;
		case 'd':
			discriminator(b, *n++);
			break;
		case 'n':
			not_here(b);
			break;
		case 'f':
			flags(b, *n++);
			break;
		case '#':
			number(b, *n++);
			break;
		default:
			urf_bits(b, *letters == '1', 1);
		}
}

static const struct {
	const char *what;
	int found; /* at 0x1004 */
	const char *first, *last;
	uint32_t n[3], m[3];
} damaged_cases[] = {
	{ "a row at 0 that goes on", -EBADMSG, "1#hhhhhhhhhhh0", "0n#", { 0 }, { 0 } },
	{ "rows behind the next segment", 1, "0hi", "0n#", { 20 }, { 0 } },
	{ "a segment passed", 1, "0hihhhhhhhhhh0", "0n#", { 20 }, { 0 } },
	{ "a row too far away", -EBADMSG, "0hihh", "0n#", { 0xffffffff }, { 0 } },
	{ "no end", 1, "0hhhh", "0n#", { 0 }, { 0 } },
	{ "bits left over", 1, "0hhhhhhhhhh00000000001", "0in#", { 0 }, { 0, 0 } },
	{ "an end that is a statement", 1, "0hfshhhhhhhh0", "0in#", { END }, { 0, 0 } },
	{ "an end with flags", 1, "0hhfhhhhhhhh0", "0in#", { END | PROLOGUE }, { 0, 0 } },
	{ "an end of nothing", 0, "0fhhhhhhhhhh0", "0in#", { END }, { 0, 0 } },
	{ "an end of nothing again", 1, "0hfhfhhhhhhhh0", "0in#", { END, END }, { 0, 0 } },
	{ "flags of no row", -EBADMSG, "0hfnhhhhhhhh0", "0in#", { PROLOGUE }, { 0, 0 } },
	{ "flags of a group's end", 1, "0hhhhhhhhhhf0", "0in#", { PROLOGUE }, { 0, 0 } },
	{ "a row in the next group", 1, "0hhhhhhhhhhin#", "0in#", { 10, 12 }, { 4, 0 } },
	{ "not where it was said to be", 1, "0hhhhhhhhhh0", "1#hin#", { 0 }, { 3, 4, 0 } },
	{ "a row that was said not to be", 1, "0hhhhhhhhhhn#", "1#hin#", { 0 }, { 3, 4, 0 } },
	{ "none, of which was said where", 1, "0hhhhhhhhhhn#", "1#hn#", { 9 }, { 3, 0 } },
	{ "not the row before", 1, "0hhhhhhhhhhn#", "1#hn#", { 0 }, { 4, 0 } },
	{ "not the discriminator before", 1, "0hhhhhhhhhhn#", "1#dhn#", { 0 }, { 3, 5, 0 } },
	{ "a row that does not go on", 1, "0hhhhhhhhhhn#", "0n#", { 0 }, { 0 } },
	{ "a table's end that goes on", 1, "0hhhhhhhhhhn#", "1#fhn#", { 0 }, { 3, END, 0 } },
	{ "more than goes before", 1, "0hhhhhhhhhhn#", "1#hn#", { 0 }, { 0xa8, 0 } },
	{ "further rows of the last", 1, "0hhhhhhhhhh0", "0i0", { 0 }, { 0 } },
	{ "no rows of the last", 1, "0hhhhhhhhhh0", "", { 0 }, { 0 } },
	{ "no last group", -EBADMSG, "0hhhhhhhhhh0", NULL, { 0 }, { 0 } },
};

START_TEST(refuses_tables_that_are_none)
{
	for (size_t i = 0; i < COUNT(damaged_cases); i++) {
		struct urf_parts p = { 0 };
		struct urf_bits b = { 0 };
		urf_parts_fill(&p);
		spell(&b, damaged_cases[i].first, damaged_cases[i].n);
		put_group(&p, &b);
		if (damaged_cases[i].last) {
			spell(&b, damaged_cases[i].last, damaged_cases[i].m);
			put_group(&p, &b);
		}
		struct span urf = finish(&p);
		struct turf_image *image = open_urf(urf);
		struct turf_row row;
		struct turf_error err = { 0 };
		int r = turf_image_find_row(image, 0x1004, &row);
		ck_assert_msg(r == damaged_cases[i].found, "%s: %d", damaged_cases[i].what, r);
		ck_assert_msg(turf_image_verify(image, &err) == -EBADMSG, "%s",
		              damaged_cases[i].what);
		ck_assert_msg(strstr(err.text, ".urf.mark") != NULL, "%s", err.text);
		close_urf(image, urf);
	}
}
END_TEST

/* The walk holds what one group says against the other; a look-up sees one of them. */
START_TEST(walks_end_where_groups_contradict)
{
	struct urf_parts p = { 0 };
	struct urf_bits b = { 0 };
	urf_parts_fill(&p);
	spell(&b, "0hnnnnnnnnn0", NULL), put_group(&p, &b);
	spell(&b, "0in#", (const uint32_t[]){ 1, 0 }), put_group(&p, &b);
	struct span urf = finish(&p);
	struct turf_image *image = open_urf(urf);
	struct turf_rows walk;
	struct turf_row row;
	ck_assert_int_eq(turf_image_find_row(image, 0x1000, &row), 1);
	ck_assert_uint_eq(row.end, 0x10a8);
	ck_assert_int_eq(turf_image_rows(image, 0x1000, &walk), 0);
	ck_assert_int_eq(turf_rows_next(&walk, &row), -EBADMSG);
	ck_assert_int_eq(turf_rows_next(&walk, &row), 0);
	close_urf(image, urf);
}
END_TEST

static const struct {
	const char *what;
	int found; /* at 0x1014 */
	uint32_t calls[2][2];
	uint8_t data[8], n_data;
} damaged_calls[] = {
	{ "out of order", 0, { { 0x10, 1 }, { 4, 0 } }, { 0, 1, 5 }, 3 },
	{ "two at one address", 0, { { 0x10, 1 }, { 0x10, 0 } }, { 0, 1, 5 }, 3 },
	{ "what the one before says", 1, { { 0x10, 1 }, { 0x12, 1 } }, { 0, 1, 5 }, 3 },
	{ "none where there was none", 1, { { 0x4, 0 }, { 0x10, 1 } }, { 0, 1, 5 }, 3 },
	{ "a list outside", -EBADMSG, { { 0x4, 1 }, { 0x10, 3 } }, { 0, 1, 5 }, 3 },
	{ "a list within another", 1, { { 0x4, 1 }, { 0x10, 2 } }, { 0, 2, 1, 5 }, 4 },
	{ "a list across the end",
	  -EBADMSG,
	  { { 0x4, 1 }, { 0x10, 3 } },
	  { 0, 1, 5, 2, 5 },
	  5 },
	{ "a number across the end",
	  -EBADMSG,
	  { { 0x4, 1 }, { 0x10, 3 } },
	  { 0, 1, 5, 1, 0x85 },
	  5 },
	{ "a list that ends in 0", 1, { { 0x4, 1 }, { 0x10, 3 } }, { 0, 1, 5, 2, 5, 0 }, 6 },
	{ "no empty list", 1, { { 0x10, 0 }, { 0x20, 2 } }, { 1, 5, 1, 6 }, 4 },
	{ "two empty lists", 0, { { 0x4, 1 }, { 0x10, 3 } }, { 0, 1, 5, 0 }, 4 },
	{ "a list too long", -EBADMSG, { { 0x4, 1 }, { 0x10, 3 } }, { 0, 1, 5, 0x80, 1 }, 5 },
};

START_TEST(refuses_calls_that_are_none)
{
	for (size_t i = 0; i < COUNT(damaged_calls); i++) {
		struct urf_parts p = { 0 };
		urf_parts_fill(&p);
		urf_put(&p, URF_CALLS, 4, damaged_calls[i].calls[0]);
		as_bytes(&p.of[URF_CALL_DATA], damaged_calls[i].data, damaged_calls[i].n_data);
		struct span urf = finish(&p);
		struct turf_image *image = open_urf(urf);
		struct turf_error err = { 0 };
		uint32_t out[3];
		int r = turf_image_discriminators(image, 0x1014, out, COUNT(out));
		ck_assert_msg(r == damaged_calls[i].found, "%s: %d", damaged_calls[i].what, r);
		ck_assert_msg(turf_image_verify(image, &err) == -EBADMSG, "%s",
		              damaged_calls[i].what);
		ck_assert_msg(strstr(err.text, ".urf.call") != NULL, "%s", err.text);
		close_urf(image, urf);
	}
}
END_TEST

START_TEST(rows_without_groups_or_flag_are_refused)
{
	struct urf_parts p = { 0 };
	urf_parts_fill(&p);
	URF_BYTES(&p, URF_MARK_DATA, 0);
	struct span urf = finish(&p);
	struct turf_image *image = open_urf(urf);
	ck_assert_int_eq(turf_image_verify(image, NULL), -EBADMSG);
	close_urf(image, urf);
	p = (struct urf_parts){ 0 };
	urf_parts_fill(&p);
	struct urf_bits b = { 0 };
	first_group(&b), put_group(&p, &b);
	last_group(&b), put_group(&p, &b);
	urf = urf_of_parts(&p);
	image = open_urf(urf);
	ck_assert_int_eq(turf_image_verify(image, NULL), -EBADMSG);
	close_urf(image, urf);
}
END_TEST

START_TEST(groups_begin_with_the_rows)
{
	struct urf_parts p = { 0 };
	struct urf_bits b = { 0 };
	urf_parts_fill(&p);
	URF_BYTES(&p, URF_MARK_DATA, 0);
	first_group(&b), put_group(&p, &b);
	last_group(&b), put_group(&p, &b);
	struct span urf = finish(&p);
	struct turf_image *image = open_urf(urf);
	ck_assert_int_eq(turf_image_verify(image, NULL), -EBADMSG);
	close_urf(image, urf);
}
END_TEST

START_TEST(calls_without_lists_or_flag_are_refused)
{
	for (int flag = 0; flag < 2; flag++) {
		struct urf_parts p = { 0 };
		urf_parts_fill(&p);
		URF_BYTES(&p, URF_CALL_DATA, 0, 1, 5);
		if (!flag)
			URF_PUT(&p, URF_CALLS, 0x10, 1);
		struct span urf = flag ? finish(&p) : urf_of_parts(&p);
		struct turf_image *image = open_urf(urf);
		ck_assert_int_eq(turf_image_verify(image, NULL), -EBADMSG);
		close_urf(image, urf);
	}
}
END_TEST

static void ask_all(struct turf_image *image)
{
	struct turf_row row;
	struct turf_rows walk;
	uint32_t file, line, n = 0;
	uint32_t out[3];
	for (uint64_t addr = 0xffe; addr < 0x10b0; addr += 3) {
		(void)turf_image_find_row(image, addr, &row);
		(void)turf_image_discriminators(image, addr, out, COUNT(out));
	}
	if (turf_image_rows(image, 0, &walk) == 0)
		while (turf_rows_next(&walk, &row) == 1)
			n++;
	ck_assert_uint_lt(n, 10000);
	for (uint32_t i = 0; i < 8; i++)
		(void)turf_image_declared(image, i, &file, &line);
	FILE *null = fopen("/dev/null", "w");
	(void)turf_image_dump(image, "marks", null, NULL);
	(void)turf_image_dump(image, "calls", null, NULL);
	(void)turf_image_verify(image, NULL);
	fclose(null);
}

START_TEST(every_prefix_is_refused)
{
	refuse_every_prefix(marked(), ask_all);
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	survive_every_bent_byte(marked(), ask_all);
}
END_TEST

TESTS("image/marks", finds_the_row_of_an_address, walks_rows_in_order,
      knows_no_rows_of_an_urf_without_marks, rows_may_lie_far_apart,
      rows_may_be_where_no_segment_is, walks_end_where_groups_contradict,
      groups_begin_with_the_rows, tells_discriminators_of_frames,
      tells_where_functions_are_declared, dumps_rows_and_calls, refuses_tables_that_are_none,
      refuses_calls_that_are_none, rows_without_groups_or_flag_are_refused,
      calls_without_lists_or_flag_are_refused, every_prefix_is_refused,
      every_byte_bent_is_survived)
