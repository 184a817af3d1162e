/* SPDX-License-Identifier: MIT */
/*
 * Rows of line tables, discriminators of calls and declarations of functions, in the urf of
 * image/urf.h with these rows:
 *
 *     0x1000..0x1040  a table of four
 *     0x1050..0x1060  a table of one
 *     0x10a0..0x10a8  a table of two in two groups
 *
 * and calls:
 *
 *     0x1010..0x1014  outer's 0, inner's 3
 *     0x1014..0x101a  outer's 6, inner's 12
 *     0x10a2..0x10a4  outer's 200
 */
#include "lib/alloc.h"
#include "lib/test.h"
#include "image/urf.h"

enum {
	STMT = URF_MARK_STATEMENT,
	MORE = URF_MARK_MORE,
	END = URF_MARK_NONE,
	PROLOGUE = URF_MARK_PROLOGUE_END,
	EPILOGUE = URF_MARK_EPILOGUE_BEGIN,
};

#define ROW(bytes, bits) (uint8_t)((bytes) << URF_MARK_SHIFT | (bits))

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

static void begin_group(struct urf_parts *p, uint32_t start)
{
	URF_PUT(p, URF_MARKS, start, urf_here(p, URF_MARK_DATA));
}

static struct span marked(void)
{
	struct urf_parts p = { 0 };
	urf_parts_fill(&p);
	begin_group(&p, 0);
	URF_BYTES(&p, URF_MARK_DATA, ROW(0, STMT), ROW(4, STMT | MORE), PROLOGUE, 0);
	URF_BYTES(&p, URF_MARK_DATA, ROW(0xc, MORE), 0, 3);
	URF_BYTES(&p, URF_MARK_DATA, ROW(0xa, MORE), EPILOGUE, 0xc8, 1);
	URF_BYTES(&p, URF_MARK_DATA, 0x80 | ROW(0x26 & 0x1f, MORE), 1, END, 0); /* 0x26 bytes */
	begin_group(&p, 0x50);
	URF_BYTES(&p, URF_MARK_DATA, ROW(0, 0), ROW(0x10, MORE), END, 0);
	begin_group(&p, 0xa0);
	URF_BYTES(&p, URF_MARK_DATA, ROW(0, STMT));
	begin_group(&p, 0xa4);
	URF_BYTES(&p, URF_MARK_DATA, ROW(0, MORE), PROLOGUE | EPILOGUE, 7);
	URF_BYTES(&p, URF_MARK_DATA, ROW(4, MORE), END, 0);
	URF_BYTES(&p, URF_CALL_DATA, 0, 2, 0, 3, 2, 6, 12, 1, 0xc8, 1);
	URF_PUT(&p, URF_CALLS, 0x10, 1, 0x14, 4, 0x1a, 0, 0xa2, 7, 0xa4, 0);
	return finish(&p);
}

static struct turf_image *open_urf(struct span urf)
{
	struct turf_image *image = NULL;
	struct turf_error err = { 0 };
	int r = turf_image_open_mem(urf.at, urf.size, &image, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return image;
}

static struct turf_image *open_marked(struct span *urf)
{
	struct turf_error err = { 0 };
	*urf = marked();
	struct turf_image *image = open_urf(*urf);
	int r = turf_image_verify(image, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return image;
}

static void close_urf(struct turf_image *image, struct span urf)
{
	turf_image_close(image);
	free((void *)urf.at);
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

START_TEST(rows_may_lie_far_apart)
{
	struct urf_parts p = { 0 };
	urf_parts_fill(&p);
	begin_group(&p, 0x10);
	as_uleb(&p.of[URF_MARK_DATA], 0);
	as_uleb(&p.of[URF_MARK_DATA], (uint64_t)0xffffffe0 << URF_MARK_SHIFT | STMT);
	struct span urf = finish(&p);
	struct turf_image *image = open_urf(urf);
	struct turf_row row;
	ck_assert_int_eq(turf_image_verify(image, NULL), 0);
	ck_assert_int_eq(turf_image_find_row(image, 0x2000, &row), 1);
	ck_assert_uint_eq(row.end, 0x100000ff0);
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

static const struct {
	const char *what;
	int found; /* at 0x1004 */
	uint32_t group[2][2];
	uint8_t data[8], n_data;
} damaged_cases[] = {
	{ "first row behind its group's start", 1, { { 0, 0 }, { 8, 2 } }, { 4, 4, 0 }, 3 },
	{ "two rows at one address", 1, { { 0, 0 }, { 8, 3 } }, { 0, 0, 4, 0 }, 4 },
	{ "a group before the one before", 1, { { 4, 0 }, { 1, 1 } }, { 0, 0 }, 2 },
	{ "a group within the one before", 1, { { 4, 0 }, { 6, 2 } }, { 0, 40, 0 }, 3 },
	{ "a group of no rows", -EBADMSG, { { 0, 0 }, { 8, 0 } }, { 0, 0 }, 2 },
	{ "a group outside", -EBADMSG, { { 0, 0 }, { 8, 9 } }, { 0, 0 }, 2 },
	{ "not from the first byte on", 1, { { 0, 1 }, { 8, 2 } }, { 0, 0, 0 }, 3 },
	{ "a row across the group's end", -EBADMSG, { { 0, 0 }, { 8, 2 } }, { 0, 2, 0, 1 }, 4 },
	{ "fields that are empty", 1, { { 0, 0 }, { 8, 3 } }, { 2, 0, 0, 0 }, 4 },
	{ "a bit that means nothing", 1, { { 0, 0 }, { 8, 3 } }, { 2, 8, 0, 0 }, 4 },
	{ "an end with a discriminator", 0, { { 0, 0 }, { 8, 3 } }, { 2, 4, 1, 0 }, 4 },
	{ "an end that is a statement", 0, { { 0, 0 }, { 8, 3 } }, { 3, 4, 0, 0 }, 4 },
	{ "an end in the middle", 0, { { 0, 0 }, { 8, 4 } }, { 2, 4, 0, 32, 0 }, 5 },
};

START_TEST(refuses_tables_that_are_none)
{
	for (size_t i = 0; i < COUNT(damaged_cases); i++) {
		struct urf_parts p = { 0 };
		urf_parts_fill(&p);
		urf_put(&p, URF_MARKS, 4, damaged_cases[i].group[0]);
		as_bytes(&p.of[URF_MARK_DATA], damaged_cases[i].data, damaged_cases[i].n_data);
		struct span urf = finish(&p);
		struct turf_image *image = open_urf(urf);
		struct turf_row row;
		struct turf_error err = { 0 };
		ck_assert_msg(turf_image_find_row(image, 0x1004, &row) ==
		                      damaged_cases[i].found,
		              "%s", damaged_cases[i].what);
		ck_assert_msg(turf_image_verify(image, &err) == -EBADMSG, "%s",
		              damaged_cases[i].what);
		ck_assert_msg(strstr(err.text, ".urf.mark") != NULL, "%s", err.text);
		close_urf(image, urf);
	}
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

/* A group of @n rows of a byte. */
static struct span long_group(size_t n)
{
	struct urf_parts p = { 0 };
	urf_parts_fill(&p);
	begin_group(&p, 0);
	for (size_t i = 0; i < n; i++)
		as_u8(&p.of[URF_MARK_DATA], ROW(i > 0, 0));
	return finish(&p);
}

START_TEST(groups_have_at_most_64_rows)
{
	for (size_t n = URF_MARK_STEP; n <= URF_MARK_STEP + 1; n++) {
		struct span urf = long_group(n);
		struct turf_image *image = open_urf(urf);
		struct turf_row row;
		int r = n > URF_MARK_STEP ? -EBADMSG : 0;
		ck_assert_int_eq(turf_image_verify(image, NULL), r);
		ck_assert_int_eq(turf_image_find_row(image, 0x103f, &row), r ? r : 1);
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
	begin_group(&p, 0);
	URF_BYTES(&p, URF_MARK_DATA, 0);
	urf = urf_of_parts(&p);
	image = open_urf(urf);
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

static int n_opened;

static void ask_all(struct span bytes)
{
	struct turf_image *image;
	if (turf_image_open_mem(bytes.at, bytes.size, &image, NULL) < 0)
		return;
	n_opened++;
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
	turf_image_close(image);
}

START_TEST(every_prefix_is_refused)
{
	struct span urf = marked();
	every_prefix(urf, ask_all);
	ck_assert_int_eq(n_opened, 0);
	ask_all(urf);
	ck_assert_int_eq(n_opened, 1);
	free((void *)urf.at);
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	struct span urf = marked();
	every_byte_bent(urf, ask_all);
	ck_assert_int_gt(n_opened, 1000);
	free((void *)urf.at);
}
END_TEST

TESTS("image/marks", finds_the_row_of_an_address, walks_rows_in_order,
      knows_no_rows_of_an_urf_without_marks, rows_may_lie_far_apart,
      tells_discriminators_of_frames, tells_where_functions_are_declared, dumps_rows_and_calls,
      refuses_tables_that_are_none, refuses_calls_that_are_none, groups_have_at_most_64_rows,
      rows_without_groups_or_flag_are_refused, calls_without_lists_or_flag_are_refused,
      every_prefix_is_refused, every_byte_bent_is_survived)
