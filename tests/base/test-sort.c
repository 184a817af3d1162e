/* SPDX-License-Identifier: MIT */
#include "base/sort.h"
#include "lib/test.h"

enum { MOST = 5000 };

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* The i-th of @n keys, of each shape that a list comes in. */
static uint64_t sorted(size_t i, size_t n, uint64_t *state)
{
	(void)n, (void)state;
	return i / 3;
}

static uint64_t backwards(size_t i, size_t n, uint64_t *state)
{
	(void)state;
	return n - i;
}

static uint64_t all_equal(size_t i, size_t n, uint64_t *state)
{
	(void)i, (void)n, (void)state;
	return UINT64_MAX;
}

static uint64_t few_different(size_t i, size_t n, uint64_t *state)
{
	(void)i, (void)n;
	return next_random(state) % 5;
}

static uint64_t any(size_t i, size_t n, uint64_t *state)
{
	(void)i, (void)n;
	return next_random(state);
}

static uint64_t near_each_other(size_t i, size_t n, uint64_t *state)
{
	(void)i, (void)n;
	return UINT64_MAX - next_random(state) % 3000000;
}

static uint64_t stretches(size_t i, size_t n, uint64_t *state)
{
	(void)n, (void)state;
	return i * 7919 % 1000;
}

static uint64_t sorted_but_the_last(size_t i, size_t n, uint64_t *state)
{
	(void)state;
	return i + 1 == n ? 0 : i + 1;
}

static const struct {
	const char *what;
	uint64_t (*key)(size_t i, size_t n, uint64_t *state);
} shapes[] = {
	{ "sorted", sorted },
	{ "backwards", backwards },
	{ "all equal", all_equal },
	{ "few different", few_different },
	{ "any", any },
	{ "near each other", near_each_other },
	{ "stretches", stretches },
	{ "sorted but the last", sorted_but_the_last },
};

/* The value is the place before: so pairs of one key must have ascending ones. */
static void check(const char *what, const uint64_t *keys, size_t n)
{
	struct sort_pair *at = calloc(n + 1, sizeof(*at)),
			 *spare = malloc((n + 1) * sizeof(*at));
	bool *seen = calloc(n + 1, sizeof(*seen));
	ck_assert(at && spare && seen);
	for (size_t i = 0; i < n; i++)
		at[i] = (struct sort_pair){ keys[i], i };
	at[n] = (struct sort_pair){ 0, 4711 };
	sort_pairs(at, spare, n);
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_lt(at[i].value, n);
		ck_assert_msg(!seen[at[i].value], "%s of %zu: one twice", what, n);
		seen[at[i].value] = true;
		ck_assert_uint_eq(at[i].key, keys[at[i].value]);
		if (!i)
			continue;
		ck_assert_msg(at[i - 1].key <= at[i].key, "%s of %zu: order", what, n);
		ck_assert_msg(at[i - 1].key < at[i].key || at[i - 1].value < at[i].value,
		              "%s of %zu: not stable", what, n);
	}
	ck_assert_uint_eq(at[n].value, 4711); /* not past the end */
	free(at);
	free(spare);
	free(seen);
}

START_TEST(every_shape_of_every_size_is_sorted)
{
	uint64_t keys[MOST], state = 88172645463325252ULL;
	for (size_t s = 0; s < COUNT(shapes); s++) {
		for (size_t n = 0; n <= MOST; n += n < 70 ? 1 : 493) {
			for (size_t i = 0; i < n; i++)
				keys[i] = shapes[s].key(i, n, &state);
			check(shapes[s].what, keys, n);
		}
	}
}
END_TEST

START_TEST(a_sorted_list_is_left_where_it_is)
{
	struct sort_pair at[100], spare[100];
	for (size_t i = 0; i < COUNT(at); i++)
		at[i] = (struct sort_pair){ i, i };
	memset(spare, 0x5a, sizeof(spare));
	sort_pairs(at, spare, COUNT(at));
	for (size_t i = 0; i < sizeof(spare); i++)
		ck_assert_uint_eq(((uint8_t *)spare)[i], 0x5a);
}
END_TEST

TESTS("base/sort", every_shape_of_every_size_is_sorted, a_sorted_list_is_left_where_it_is)
