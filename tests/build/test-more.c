/* SPDX-License-Identifier: MIT */
/* The second pool: numbers go on behind the hot ones, and nothing is in both. */
#include <xxhash.h>

#include "build/build.h"
#include "lib/test.h"

static const char *const hot_texts[] = { "main", "/usr/src", "a.c", "zebra" };

/* Texts and a file as the hot part leaves them. */
static void begin(struct builder *b, uint32_t hot[COUNT(hot_texts)])
{
	*b = (struct builder){ 0 };
	turf_pool_begin(&b->pool, 2);
	for (size_t i = 0; i < COUNT(hot_texts); i++)
		ck_assert_int_eq(turf_build_text(b, hot_texts[i], &hot[i]), 0);
	vec_push(&b->files);
	struct build_file *file = vec_push(&b->files);
	*file = (struct build_file){ hot[1], hot[2] };
	ck_assert_int_eq(turf_texts_sort(&b->texts, NULL), 0);
}

static void end(struct builder *b)
{
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		vec_fini(&b->tables.of[i]);
	turf_more_fini(&b->more);
	turf_texts_fini(&b->texts);
	turf_pool_end(&b->pool);
	turf_arena_fini(&b->texts_made);
	vec_fini(&b->files);
}

START_TEST(what_is_hot_keeps_its_number)
{
	struct builder b;
	uint32_t hot[COUNT(hot_texts)], n;
	begin(&b, hot);
	for (size_t i = 0; i < COUNT(hot_texts); i++) {
		ck_assert_int_eq(turf_cold_text(&b, hot_texts[i], &n), 0);
	}
	ck_assert_int_eq(turf_cold_text(&b, "", &n), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(turf_more_number(&b), 0);
	ck_assert_uint_eq(b.more.texts.all.n, 0);
	for (uint32_t i = 0; i < COUNT(hot_texts); i++) /* provisional: 1, 2, ... */
		ck_assert_uint_eq(turf_more_text(&b.more, i + 1), b.texts.final[hot[i]]);
	ck_assert_uint_eq(turf_more_text(&b.more, 0), 0);
	end(&b);
}
END_TEST

/* Hundreds of texts, every third of them hot: sorted, and numbered in that order. */
START_TEST(others_go_on_behind)
{
	enum { N = 500 };
	static char texts[N][16];
	struct builder b = { 0 };
	uint32_t provisional[N], hot;
	turf_pool_begin(&b.pool, 2);
	for (uint32_t i = 0; i < N; i++) {
		snprintf(texts[i], sizeof(texts[i]), "name%u", i * 7919 % N);
		if (i % 3 == 0)
			ck_assert_int_eq(turf_build_text(&b, texts[i], &hot), 0);
	}
	ck_assert_int_eq(turf_texts_sort(&b.texts, NULL), 0);
	for (uint32_t i = 0; i < N; i++)
		ck_assert_int_eq(turf_cold_text(&b, texts[i], &provisional[i]), 0);
	ck_assert_int_eq(turf_more_number(&b), 0);
	size_t n_hot = b.texts.all.n, n_more = b.more.texts.all.n, size;
	ck_assert_uint_eq(n_hot + n_more, N + 1);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t number = turf_more_text(&b.more, provisional[i]);
		const char *at = number < n_hot
		                         ? turf_texts_at(&b.texts, number, &size)
		                         : turf_texts_at(&b.more.texts,
		                                         (uint32_t)(number - n_hot), &size);
		ck_assert_int_eq(number < n_hot, i % 3 == 0);
		ck_assert_ptr_nonnull(at);
		ck_assert_uint_eq(size, strlen(texts[i]));
		ck_assert_mem_eq(at, texts[i], size);
	}
	ck_assert_int_eq(turf_emit_more(&b), 0);
	ck_assert_uint_eq(b.tables.of[URF_MORE_INDEX].n,
	                  4 * ((n_more + URF_TEXT_STEP - 1) / URF_TEXT_STEP));
	end(&b);
}
END_TEST

START_TEST(files_too)
{
	static const struct unit_file same = { "/usr/src", "a.c", 0, 0 },
				      below = { "lib", "b.c", 1, 0 },
				      joined = { "/usr/src/lib", "b.c", 2, 0 };
	struct builder b;
	uint32_t hot[COUNT(hot_texts)], a, c, d;
	begin(&b, hot);
	ck_assert_int_eq(turf_cold_file(&b, NULL, &same, &a), 0);
	ck_assert_int_eq(turf_cold_file(&b, "/usr/src", &below, &c), 0);
	ck_assert_int_eq(turf_cold_file(&b, "elsewhere", &joined, &d), 0);
	ck_assert_uint_eq(c, d);
	ck_assert_int_eq(turf_more_number(&b), 0);
	ck_assert_uint_eq(turf_more_file(&b.more, 0), 0);
	ck_assert_uint_eq(turf_more_file(&b.more, a), 1);
	ck_assert_uint_eq(turf_more_file(&b.more, c), 2);
	ck_assert_uint_eq(b.more.files.n, 1);
	end(&b);
}
END_TEST

TESTS("build/more", what_is_hot_keeps_its_number, others_go_on_behind, files_too)
