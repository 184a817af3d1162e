/* SPDX-License-Identifier: MIT */
#include "base/arena.h"
#include "base/vec.h"
#include "lib/test.h"

struct numbers {
	uint64_t *at;
	size_t n, room;
};

START_TEST(a_vector_grows_and_keeps_what_it_has)
{
	struct numbers v = { 0 };
	for (uint64_t i = 0; i < 10000; i++) {
		uint64_t *p = vec_push(&v);
		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq(*p, 0);
		*p = i;
	}
	for (uint64_t i = 0; i < 10000; i++)
		ck_assert_uint_eq(v.at[i], i);
	vec_fini(&v);
	ck_assert_uint_eq(v.n + v.room, 0);
}
END_TEST

START_TEST(a_vector_refuses_sizes_that_overflow)
{
	struct numbers v = { 0 };
	ck_assert_ptr_nonnull(vec_push(&v));
	struct numbers before = v;
	ck_assert(!vec_reserve(&v, SIZE_MAX));
	ck_assert(!vec_reserve(&v, SIZE_MAX / 8));
	ck_assert(v.at == before.at && v.n == before.n && v.room == before.room);
	vec_fini(&v);
}
END_TEST

START_TEST(an_arena_gives_zeroed_aligned_memory)
{
	struct arena a = { 0 };
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4096, 300000, 1 << 20, 3 };
	for (size_t i = 0; i < COUNT(sizes); i++) {
		uint8_t *p = turf_arena_alloc(&a, sizes[i]);
		ck_assert_ptr_nonnull(p);
		ck_assert_uint_eq((uintptr_t)p % 16, 0);
		for (size_t k = 0; k < sizes[i]; k++)
			ck_assert_uint_eq(p[k], 0);
		if (sizes[i])
			memset(p, 0xff, sizes[i]);
	}
	ck_assert_ptr_null(turf_arena_alloc(&a, SIZE_MAX));
	ck_assert_ptr_null(turf_arena_alloc(&a, SIZE_MAX - 15));
	ck_assert_str_eq(turf_arena_str(&a, "abcdef", 3), "abc");
	ck_assert_str_eq(turf_arena_str(&a, "", 0), "");
	turf_arena_fini(&a);
	ck_assert_ptr_nonnull(turf_arena_alloc(&a, 1)); /* usable again */
	turf_arena_fini(&a);
}
END_TEST

START_TEST(the_first_cause_of_an_error_is_kept)
{
	struct turf_error err = { 0 };
	turf_error_context(&err, "nothing to put it before");
	ck_assert_int_eq(err.code, 0);
	ck_assert_int_eq(turf_fail(&err, -EBADMSG, 7, "part %d", 1), -EBADMSG);
	ck_assert_int_eq(turf_fail(&err, -ENOMEM, 8, "later"), -ENOMEM);
	ck_assert_int_eq(err.code, -EBADMSG);
	ck_assert_uint_eq(err.where, 7);
	turf_error_context(&err, "file %s", "x");
	ck_assert_str_eq(err.text, "file x: part 1");
	ck_assert_int_eq(turf_fail(NULL, -EIO, TURF_NOWHERE, "nobody asks"), -EIO);
	turf_error_context(NULL, "x");
}
END_TEST

START_TEST(an_error_does_not_steer_the_terminal)
{
	struct turf_error err = { 0 };
	turf_error_set(&err, -EBADMSG, 0, "section \033[31m%s", "\n.text\177\xc3\xa9");
	ck_assert_str_eq(err.text, "section ?[31m?.text?\xc3\xa9");
}
END_TEST

START_TEST(a_long_error_is_cut)
{
	char text[1000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	struct turf_error err = { 0 };
	turf_error_set(&err, -EIO, TURF_NOWHERE, "%s", text);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
	turf_error_context(&err, "%s", text);
	ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
}
END_TEST

TESTS("base/memory", a_vector_grows_and_keeps_what_it_has, a_vector_refuses_sizes_that_overflow,
      an_arena_gives_zeroed_aligned_memory, the_first_cause_of_an_error_is_kept,
      an_error_does_not_steer_the_terminal, a_long_error_is_cut)
