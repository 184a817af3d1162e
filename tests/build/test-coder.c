/* SPDX-License-Identifier: MIT */
/* Coded sections: what is written is read, whatever the counts; what is bent ends. */
#include "build/coder.h"
#include "image/coded.h"
#include "lib/test.h"

/* What the groups say: @spread decides how much one differs from the next. */
struct said {
	uint32_t spread, n;
};

static uint32_t number_of(const struct said *s, size_t group, uint32_t i)
{
	uint64_t v = (group * 1000003 + i) * 0x9e3779b97f4a7c15;
	v ^= v >> 29;
	return s->spread ? (uint32_t)(v >> (v % s->spread)) : 7;
}

static void say(const void *ctx, size_t group, struct coder *c)
{
	const struct said *s = ctx;
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t number = number_of(s, group, i);
		turf_coder_number(c, URF_FIELD_TYPE, 0, number);
		coder_folded(c, URF_FIELD_FIRST_A, i % 32, number);
		turf_coder_symbol(c, URF_FIELD_BYTE, number % 320, number % 256);
	}
}

/* Whether the group is read as it was said. */
static bool reads(const struct said *s, size_t group, struct turf_coded *c)
{
	for (uint32_t i = 0; i < s->n; i++) {
		uint32_t number = number_of(s, group, i);
		if (coded_number(c, URF_FIELD_TYPE, 0) != number ||
		    coded_folded(c, URF_FIELD_FIRST_A, i % 32) != number ||
		    turf_coded_symbol(c, URF_FIELD_BYTE, number % 320) != number % 256)
			return false;
	}
	return !c->bad;
}

static const struct {
	const char *what;
	struct said said;
	size_t groups, every;
} cases[] = {
	{ "nothing", { 0, 0 }, 1, 1 },
	{ "no group", { 0, 0 }, 0, 1 },
	{ "one symbol", { 1, 1 }, 1, 1 },
	{ "the same, very often", { 0, 5000 }, 3, 1 },
	{ "few values", { 64, 400 }, 70, 1 },
	{ "32 bits", { 1, 300 }, 130, 1 },
	{ "mostly small ones", { 60, 900 }, 200, 1 },
	{ "one of seven groups counted", { 63, 50 }, 500, 7 },
};

struct coded {
	struct buf bytes, models;
	struct coded_part part;
	struct turf_image image;
};

static void code(size_t idx, unsigned threads, struct coded *out)
{
	struct builder b = { 0 };
	turf_pool_begin(&b.pool, threads);
	*out = (struct coded){ 0 };
	out->part = (struct coded_part){ .ctx = &cases[idx].said,
		                         .n = cases[idx].groups,
		                         .every = cases[idx].every,
		                         .code = say,
		                         .out = &out->bytes };
	ck_assert_int_eq(turf_code_parts(&b, &out->part, 1, &out->models, NULL), 0);
	turf_pool_end(&b.pool);
	out->image.sections[URF_MODELS] = (struct span){ out->models.at, out->models.n };
}

static void coded_fini(struct coded *c)
{
	vec_fini(&c->bytes);
	vec_fini(&c->models);
	free(c->part.offs);
}

static struct span group_of(const struct coded *c, size_t group)
{
	size_t end = group + 1 < c->part.n ? c->part.offs[group + 1] : c->bytes.n;
	size_t size = end - c->part.offs[group];
	return (struct span){ size ? c->bytes.at + c->part.offs[group] : NULL, size };
}

START_TEST(what_is_written_is_read)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct coded c;
		code(i, 2, &c);
		for (size_t g = 0; g < cases[i].groups; g++) {
			struct turf_coded at;
			turf_coded_begin(&c.image, group_of(&c, g), &at);
			ck_assert_msg(reads(&cases[i].said, g, &at), "%s: group %zu",
			              cases[i].what, g);
		}
		coded_fini(&c);
	}
}
END_TEST

START_TEST(threads_leave_no_trace)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct coded one, three;
		code(i, 1, &one);
		code(i, 3, &three);
		ck_assert_uint_eq(one.bytes.n, three.bytes.n);
		ck_assert_uint_eq(one.models.n, three.models.n);
		if (one.bytes.n)
			ck_assert_int_eq(memcmp(one.bytes.at, three.bytes.at, one.bytes.n), 0);
		if (one.models.n)
			ck_assert_int_eq(memcmp(one.models.at, three.models.at, one.models.n),
			                 0);
		coded_fini(&one);
		coded_fini(&three);
	}
}
END_TEST

START_TEST(symbols_that_occur_take_little)
{
	struct coded c;
	code(3, 1, &c);
	/* 15,000 symbols a group that are all alike, each field's: the least share is 1/128 */
	for (size_t g = 0; g < cases[3].groups; g++)
		ck_assert_uint_lt(group_of(&c, g).size, 15000 / 64);
	coded_fini(&c);
}
END_TEST

START_TEST(what_is_bent_ends)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct coded c;
		code(i, 1, &c);
		for (size_t k = 0; k < MIN(c.models.n, (size_t)4000); k++) {
			c.models.at[k] ^= (uint8_t)(1 << k % 8 | 0x80 >> k % 5);
			struct turf_coded at;
			turf_coded_begin(&c.image, group_of(&c, 0), &at);
			for (unsigned n = 0; n < 200 && !at.bad; n++)
				(void)turf_coded_symbol(&at, n % URF_FIELDS, n % 7);
		}
		for (size_t size = 0; size < MIN(c.models.n, (size_t)4000); size++) {
			struct turf_coded at;
			c.image.sections[URF_MODELS].size = size;
			turf_coded_begin(&c.image, group_of(&c, 0), &at);
			for (unsigned n = 0; n < 50 && !at.bad; n++)
				(void)coded_number(&at, n % URF_FIELDS, n % 7);
		}
		coded_fini(&c);
	}
}
END_TEST

START_TEST(nothing_is_read_far_behind_the_end)
{
	struct coded c;
	code(5, 1, &c);
	struct span g = group_of(&c, 0);
	for (size_t size = 0; size + CODE_BEHIND < g.size; size++) {
		struct turf_coded at;
		turf_coded_begin(&c.image, (struct span){ g.at, size }, &at);
		ck_assert(!reads(&cases[5].said, 0, &at));
	}
	coded_fini(&c);
}
END_TEST

TESTS("build/coder", what_is_written_is_read, threads_leave_no_trace,
      symbols_that_occur_take_little, what_is_bent_ends, nothing_is_read_far_behind_the_end)
