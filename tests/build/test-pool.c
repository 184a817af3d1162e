/* SPDX-License-Identifier: MIT */
/* Loops that threads share: each index once, nested ones, the first failure, an early end. */
#include <errno.h>

#include "build/pool.h"
#include "lib/test.h"

enum { N = 1000, INNER = 7, MOST_THREADS = 5 };

struct counts {
	struct pool *pool;
	atomic_uint of[N];
	atomic_uint inner;
};

static int count(void *ctx, size_t idx, struct turf_error *err)
{
	struct counts *c = ctx;
	(void)err;
	atomic_fetch_add(&c->of[idx], 1);
	return 0;
}

static int count_inner(void *ctx, size_t idx, struct turf_error *err)
{
	struct counts *c = ctx;
	(void)idx, (void)err;
	atomic_fetch_add(&c->inner, 1);
	return 0;
}

/* A loop within a loop: all of it is done when it returns. */
static int count_both(void *ctx, size_t idx, struct turf_error *err)
{
	struct counts *c = ctx;
	struct counts *own = calloc(1, sizeof(*own));
	int r = own ? turf_pool_run(c->pool, INNER, count_inner, own, err) : -ENOMEM;
	if (r == 0 && atomic_load(&own->inner) != INNER)
		r = -EIO;
	free(own);
	return r < 0 ? r : count(ctx, idx, err);
}

static int fail_at_multiples(void *ctx, size_t idx, struct turf_error *err)
{
	size_t of = *(const size_t *)ctx;
	return idx && idx % of == 0 ? turf_fail(err, -(int)(idx / of), TURF_NOWHERE, "%zu", idx)
	                            : 0;
}

static int end_at_100(void *ctx, size_t idx, struct turf_error *err)
{
	count(ctx, idx, err);
	return idx == 100;
}

static void each_index_once(struct pool *pool)
{
	struct counts c = { .pool = pool };
	ck_assert_int_eq(turf_pool_run(pool, N, count, &c, NULL), 0);
	ck_assert_int_eq(turf_pool_run(pool, N, count_both, &c, NULL), 0);
	ck_assert_int_eq(turf_pool_run(pool, 0, count, &c, NULL), 0);
	for (size_t i = 0; i < N; i++)
		ck_assert_uint_eq(atomic_load(&c.of[i]), 2);
}

START_TEST(all_is_done_once)
{
	each_index_once(NULL);
	for (unsigned threads = 0; threads <= MOST_THREADS; threads++) {
		struct pool pool = { 0 };
		turf_pool_begin(&pool, threads);
		for (unsigned i = 0; i < 3; i++)
			each_index_once(&pool);
		turf_pool_end(&pool);
	}
}
END_TEST

/* Whatever else fails besides, the lowest index is told. */
START_TEST(the_first_failure_is_told)
{
	for (unsigned threads = 1; threads <= MOST_THREADS; threads++) {
		struct pool pool = { 0 };
		turf_pool_begin(&pool, threads);
		for (size_t of = 1; of < 50; of++) {
			struct turf_error err = { 0 };
			char text[16];
			ck_assert_int_eq(turf_pool_run(&pool, N, fail_at_multiples, &of, &err),
			                 -1);
			snprintf(text, sizeof(text), "%zu", of);
			ck_assert_str_eq(err.text, text);
		}
		turf_pool_end(&pool);
	}
}
END_TEST

/* Up to one that says there are no more: those before it are done. */
START_TEST(ends_early)
{
	for (unsigned threads = 1; threads <= MOST_THREADS; threads++) {
		struct pool pool = { 0 };
		struct counts c = { 0 };
		turf_pool_begin(&pool, threads);
		ck_assert_int_eq(turf_pool_run(&pool, N, end_at_100, &c, NULL), 0);
		turf_pool_end(&pool);
		for (size_t i = 0; i < N; i++)
			ck_assert_uint_le(atomic_load(&c.of[i]), 1);
		for (size_t i = 0; i <= 100; i++)
			ck_assert_uint_eq(atomic_load(&c.of[i]), 1);
	}
}
END_TEST

/* Some sleep by the time the next loop comes. */
START_TEST(who_sleeps_is_woken)
{
	struct pool pool = { 0 };
	turf_pool_begin(&pool, 3);
	for (unsigned i = 0; i < 20; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		each_index_once(&pool);
	}
	turf_pool_end(&pool);
}
END_TEST

TESTS("build/pool", all_is_done_once, the_first_failure_is_told, ends_early,
      who_sleeps_is_woken)
