/* SPDX-License-Identifier: MIT */
#include "base/cursor.h"
#include "lib/asm.h"
#include "lib/test.h"

static struct cursor over(const void *bytes, size_t n)
{
	return cur_of((struct span){ bytes, n }, false);
}

START_TEST(leb128_as_in_dwarf)
{
	/* DWARF 5 figures 22 and 23, and the ends of the range */
	static const struct {
		const char *bytes;
		size_t n;
		uint64_t u;
		int64_t s;
	} cases[] = {
		{ "\x02", 1, 2, 2 },
		{ "\x7f", 1, 127, -1 },
		{ "\x7e", 1, 126, -2 },
		{ "\x80\x01", 2, 128, 128 },
		{ "\x81\x01", 2, 129, 129 },
		{ "\xff\x00", 2, 127, 127 },
		{ "\x81\x7f", 2, 16257, -127 },
		{ "\x80\x7f", 2, 16256, -128 },
		{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, UINT64_MAX, -1 },
		{ "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f", 10, 1ull << 63, INT64_MIN },
		{ "\x85\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12, 5, 5 }, /* padded */
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct cursor c = over(cases[i].bytes, cases[i].n);
		ck_assert_uint_eq(cur_uleb(&c), cases[i].u);
		ck_assert(!c.bad && cur_left(&c) == 0);
		c = over(cases[i].bytes, cases[i].n);
		ck_assert_int_eq(cur_sleb(&c), cases[i].s);
		ck_assert(!c.bad && cur_left(&c) == 0);
		c = over(cases[i].bytes, cases[i].n - 1); /* one byte too few */
		ck_assert_uint_eq(cur_uleb(&c), 0);
		ck_assert(c.bad);
	}
}
END_TEST

START_TEST(leb128_round_trip)
{
	static const int64_t values[] = { 0,   1,   -1,   63,   64,        -64,      -65,
		                          127, 128, 8191, 8192, INT64_MAX, INT64_MIN };
	for (size_t i = 0; i < COUNT(values); i++) {
		struct as a = { 0 };
		as_sleb(&a, values[i]);
		as_uleb(&a, (uint64_t)values[i]);
		struct cursor c = cur_of(as_span(&a), false);
		ck_assert_int_eq(cur_sleb(&c), values[i]);
		ck_assert_uint_eq(cur_uleb(&c), (uint64_t)values[i]);
		ck_assert(!c.bad && cur_left(&c) == 0);
		as_free(&a);
	}
}
END_TEST

START_TEST(numbers_in_both_orders)
{
	static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint64_t little[] = { 0, 0x01, 0x0201, 0x030201, 0x04030201 };
	static const uint64_t big[] = { 0, 0x01, 0x0102, 0x010203, 0x01020304 };
	for (unsigned size = 1; size <= 4; size++) {
		struct cursor c = over(bytes, sizeof(bytes));
		ck_assert_uint_eq(cur_uint(&c, size), little[size]);
		ck_assert_uint_eq(cur_off(&c), size);
		c = cur_of((struct span){ bytes, sizeof(bytes) }, true);
		ck_assert_uint_eq(cur_uint(&c, size), big[size]);
	}
	struct cursor c = over(bytes, sizeof(bytes));
	ck_assert_uint_eq(cur_uint(&c, 8), 0x0807060504030201);
	c = over(bytes, sizeof(bytes));
	cur_uint(&c, 9);
	ck_assert(c.bad);
	c = over(bytes, sizeof(bytes));
	cur_uint(&c, 0);
	ck_assert(c.bad);
}
END_TEST

START_TEST(a_bad_cursor_stays_where_it_broke)
{
	struct cursor c = over("\1\2\3", 3);
	ck_assert_uint_eq(cur_u16(&c), 0x0201);
	ck_assert_uint_eq(cur_u16(&c), 0);
	ck_assert(c.bad);
	ck_assert_uint_eq(cur_off(&c), 2);
	ck_assert_uint_eq(cur_u8(&c), 0); /* there is one, but the record is lost */
	cur_seek(&c, 0);
	ck_assert_uint_eq(cur_u64(&c), 0);
	ck_assert_ptr_null(cur_str(&c));
	ck_assert(cur_carve(&c, 0).bad);
	ck_assert_uint_eq(cur_off(&c), 2);
}
END_TEST

START_TEST(nothing_is_read_past_the_end)
{
	struct span exact = exact_copy("abc", 3); /* no NUL: ASan sees a byte too many */
	struct cursor c = cur_of(exact, false);
	ck_assert_ptr_null(cur_str(&c));
	ck_assert(c.bad);
	c = cur_of(exact, false);
	cur_skip(&c, UINT64_MAX);
	ck_assert(c.bad);
	c = cur_of(exact, false);
	cur_seek(&c, 4);
	ck_assert(c.bad);
	c = cur_of(exact, false);
	struct cursor part = cur_carve(&c, 2);
	ck_assert_uint_eq(cur_u16(&part), 0x6261);
	ck_assert_uint_eq(cur_u8(&part), 0);
	ck_assert(part.bad && !c.bad);
	ck_assert_uint_eq(cur_u8(&c), 'c');
	free((void *)exact.at);
	c = cur_of((struct span){ NULL, 0 }, false);
	ck_assert_uint_eq(cur_u8(&c), 0);
	ck_assert(c.bad);
}
END_TEST

START_TEST(parts_of_a_span)
{
	struct span s = { (const uint8_t *)"ab\0cd", 5 };
	ck_assert_uint_eq(span_part(s, 1, 3).size, 3);
	ck_assert_uint_eq(span_part(s, 5, 0).size, 0);
	ck_assert_ptr_null(span_part(s, 6, 0).at);
	ck_assert_ptr_null(span_part(s, 1, UINT64_MAX).at);
	ck_assert_str_eq(span_str(s, 1), "b");
	ck_assert_ptr_null(span_str(s, 3)); /* no NUL behind */
	ck_assert_ptr_null(span_str(s, 5));
}
END_TEST

TESTS("base/cursor", leb128_as_in_dwarf, leb128_round_trip, numbers_in_both_orders,
      a_bad_cursor_stays_where_it_broke, nothing_is_read_past_the_end, parts_of_a_span)
