/* SPDX-License-Identifier: MIT */
/* Texts are decoded here as format.h says, by nothing that the encoder has made for it. */
#include <xxhash.h>

#include "base/le.h"
#include "build/texts.h"
#include "lib/alloc.h"
#include "lib/test.h"

/* Strings to add: each an exact copy, so that a byte read too many is seen. */
struct list {
	struct span *at;
	size_t n, room;
};

static void list_add(struct list *l, const void *bytes, size_t size)
{
	struct span *s = vec_push(l);
	ck_assert_ptr_nonnull(s);
	*s = exact_copy(bytes, size);
}

static void list_fini(struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((void *)l->at[i].at);
	vec_fini(l);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint32_t number_at(const struct buf *b, size_t idx)
{
	le32 v;
	ck_assert_uint_le(idx * 4 + 4, b->n);
	memcpy(&v, b->at + idx * 4, 4);
	return le32_get(v);
}

static uint8_t byte_at(const struct buf *b, size_t *off)
{
	ck_assert_uint_lt(*off, b->n);
	return b->at[(*off)++];
}

static void put_phrase(const struct buf *in, size_t idx, struct buf *text)
{
	uint32_t from = number_at(&in[TEXT_PHRASES], idx);
	uint32_t to = number_at(&in[TEXT_PHRASES], idx + 1);
	ck_assert(from <= to && to <= in[TEXT_PHRASE_TEXT].n && to - from <= URF_PHRASE_MAX);
	ck_assert(turf_buf_put(text, in[TEXT_PHRASE_TEXT].at + from, to - from));
}

/* Decodes the text at @off, before which @text is the one before; the offset behind it. */
static size_t decode(const struct buf *in, size_t off, struct buf *text)
{
	const struct buf *codes = &in[TEXT_TEXTS];
	size_t common = 0, shift = 0;
	uint8_t byte;
	do {
		byte = byte_at(codes, &off);
		common |= (size_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	ck_assert_uint_le(shift, 7 * URF_LEB_MAX);
	ck_assert_uint_le(common, text->n);
	text->n = common;
	while ((byte = byte_at(codes, &off))) {
		if (byte < URF_PHRASE_NEAR) {
			ck_assert(turf_buf_put(text, &byte, 1));
		} else if (byte < URF_PHRASE_FAR) {
			put_phrase(in, byte - URF_PHRASE_NEAR, text);
		} else if (byte < URF_PHRASE_BYTE) {
			size_t high = byte - URF_PHRASE_FAR;
			put_phrase(in, URF_PHRASES_NEAR + high * 256 + byte_at(codes, &off),
			           text);
		} else {
			byte = byte_at(codes, &off);
			ck_assert(turf_buf_put(text, &byte, 1));
		}
	}
	return off;
}

/* Decodes all of it and holds it against what the encoder was given. */
static void check_sections(const struct texts *t, const struct buf *in)
{
	struct buf text = { 0 }, before = { 0 };
	size_t off = 0;
	for (size_t i = 0; i < t->all.n; i++) {
		if (i % URF_TEXT_STEP == 0) {
			ck_assert_uint_eq(number_at(&in[TEXT_INDEX], i / URF_TEXT_STEP), off);
			text.n = 0;
		}
		off = decode(in, off, &text);
		size_t size;
		const char *at = turf_texts_at(t, (uint32_t)i, &size);
		ck_assert_uint_eq(size, text.n);
		ck_assert(!size || !memcmp(at, text.at, size));
		if (i > 1) {
			int r = memcmp(before.at, text.at, MIN(before.n, text.n));
			ck_assert(r < 0 || (r == 0 && before.n < text.n));
		}
		before.n = 0;
		ck_assert(turf_buf_put(&before, text.at, text.n));
	}
	ck_assert_uint_eq(off, in[TEXT_TEXTS].n);
	size_t groups = (t->all.n + URF_TEXT_STEP - 1) / URF_TEXT_STEP;
	ck_assert_uint_eq(in[TEXT_INDEX].n, 4 * groups);
	size_t n_phrases = in[TEXT_PHRASES].n / 4 - 1;
	ck_assert_uint_le(n_phrases, URF_PHRASES_MAX);
	ck_assert_uint_eq(number_at(&in[TEXT_PHRASES], n_phrases), in[TEXT_PHRASE_TEXT].n);
	ck_assert(!in[TEXT_PHRASE_TEXT].n ||
	          !memchr(in[TEXT_PHRASE_TEXT].at, 0, in[TEXT_PHRASE_TEXT].n));
	vec_fini(&text);
	vec_fini(&before);
}

/* The hash is the caller's: one of few values shows that nothing but time depends on it. */
static uint64_t hash_of(struct span s, unsigned seed)
{
	return seed % 2 ? XXH3_64bits(s.at, s.size) : s.size % 3;
}

/* Adds a list from its @seed-th on, codes and checks it. */
static void code(const struct list *l, unsigned threads, unsigned seed, struct buf *out)
{
	struct texts t = { 0 };
	struct pool pool = { 0 };
	uint32_t *numbers = calloc(l->n + 1, sizeof(*numbers)), again;
	turf_pool_begin(&pool, threads);
	ck_assert_ptr_nonnull(numbers);
	for (size_t k = 0; k < l->n; k++) {
		size_t i = (k + seed) % l->n;
		struct span s = l->at[i];
		uint64_t hash = hash_of(s, l->n > 500 ? 1 : seed);
		ck_assert_int_eq(
			turf_texts_add(&t, (const char *)s.at, s.size, hash, &numbers[i]), 0);
		ck_assert_int_eq(turf_texts_add(&t, (const char *)s.at, s.size, hash, &again),
		                 0);
		ck_assert_uint_eq(numbers[i], again);
	}
	ck_assert_int_eq(turf_texts_sort(&t, &pool), 0);
	for (size_t i = 0; i < l->n; i++) {
		size_t size;
		const char *at = turf_texts_at(&t, t.final[numbers[i]], &size);
		ck_assert_uint_eq(size, l->at[i].size);
		ck_assert(!size || !memcmp(at, l->at[i].at, size));
	}
	size_t none;
	ck_assert_uint_eq(t.final[0], 0);
	ck_assert_ptr_null(turf_texts_at(&t, (uint32_t)t.all.n, &none));
	ck_assert_int_eq(turf_texts_emit(&t, &pool, out), 0);
	check_sections(&t, out);
	turf_pool_end(&pool);
	turf_texts_fini(&t);
	free(numbers);
}

/* Any order and number of threads: the same bytes. The size of them all. */
static size_t check_list(struct list *l)
{
	size_t total = 0;
	struct buf first[N_TEXT_SECTIONS] = { 0 };
	code(l, 1, 1, first);
	for (unsigned threads = 1; threads <= 4; threads++) {
		struct buf out[N_TEXT_SECTIONS] = { 0 };
		code(l, threads, threads * 7, out);
		for (size_t i = 0; i < N_TEXT_SECTIONS; i++) {
			ck_assert_uint_eq(out[i].n, first[i].n);
			ck_assert(!out[i].n || !memcmp(out[i].at, first[i].at, out[i].n));
			vec_fini(&out[i]);
		}
	}
	for (size_t i = 0; i < N_TEXT_SECTIONS; i++) {
		total += first[i].n;
		vec_fini(&first[i]);
	}
	list_fini(l);
	return total;
}

START_TEST(none_is_the_empty_text)
{
	struct texts t = { 0 };
	uint32_t number = 1;
	ck_assert_int_eq(turf_texts_add(&t, NULL, 0, 0, &number), 0);
	ck_assert_uint_eq(number, 0);
	ck_assert_int_eq(turf_texts_add(&t, "x", 0, 0, &number), 0);
	ck_assert_uint_eq(number, 0);
	ck_assert_int_eq(turf_texts_add(&t, "x", URF_TEXT_MAX + 1, 0, &number), -E2BIG);
	turf_texts_fini(&t);
	/* nothing but the text "": 0 in common, an end; an end of no phrases */
	ck_assert_uint_eq(check_list(&(struct list){ 0 }), 4 + 4 + 2);
}
END_TEST

START_TEST(one_and_few_texts)
{
	struct list l = { 0 };
	list_add(&l, "main", 4);
	ck_assert_uint_eq(check_list(&l), 4 + 4 + 2 + 6);
	static const char *const few[] = { "b",         "ab",      "a",     "abcdefgh",
		                           "abcdefghi", "abcdefg", "\xff",  "\x80",
		                           "\x7f",      "\x01",    "a\xff", "a\x01" };
	for (size_t i = 0; i < COUNT(few); i++)
		list_add(&l, few[i], strlen(few[i]));
	check_list(&l);
}
END_TEST

/* Names of a C++ program's shape: parts of a few, in any order, with numbers. */
static void add_names(struct list *l, size_t n)
{
	static const char *const parts[] = { "St6vector", "ISaI", "NSt3map", "8rocksdb", "E",
		                             "EE",        "RKS_", "4ceph",   "buffer",   "_" };
	uint64_t state = 4711;
	for (size_t i = 0; i < n; i++) {
		char name[512] = "_ZN";
		size_t size = 3;
		for (size_t k = next_random(&state) % 12; k--;) {
			const char *part = parts[next_random(&state) % COUNT(parts)];
			size += (size_t)snprintf(name + size, sizeof(name) - size, "%s", part);
		}
		size += (size_t)snprintf(name + size, sizeof(name) - size, "%u",
		                         (unsigned)(next_random(&state) % 5000));
		list_add(l, name, size);
	}
}

START_TEST(names_are_told_in_a_fraction)
{
	struct list l = { 0 };
	add_names(&l, 10000);
	size_t raw = 0;
	for (size_t i = 0; i < l.n; i++)
		raw += l.at[i].size;
	ck_assert_uint_lt(check_list(&l), raw / 4);
}
END_TEST

static void add_random(struct list *l, size_t n, unsigned longest, unsigned low, unsigned high)
{
	uint64_t state = 88172645463325252ULL + low + longest;
	uint8_t bytes[300];
	for (size_t i = 0; i < n; i++) {
		size_t size = 1 + next_random(&state) % longest;
		for (size_t k = 0; k < size; k++)
			bytes[k] = (uint8_t)(low + next_random(&state) % (high - low + 1));
		list_add(l, bytes, size);
	}
}

START_TEST(bytes_of_all_kinds)
{
	static const struct {
		unsigned longest, low, high;
	} kinds[] = { { 300, 1, 255 },
		      { 12, 1, 255 },
		      { 100, 128, 255 },
		      { 300, 'a', 'b' },
		      { 9, 254, 255 } };
	for (size_t i = 0; i < COUNT(kinds); i++) {
		struct list l = { 0 };
		add_random(&l, 1500, kinds[i].longest, kinds[i].low, kinds[i].high);
		check_list(&l);
	}
}
END_TEST

START_TEST(long_texts)
{
	enum { LONG = 300000 };
	struct list l = { 0 };
	char *text = malloc(LONG);
	ck_assert_ptr_nonnull(text);
	memset(text, 'a', LONG);
	for (size_t size = 1; size < LONG; size += size / 2 + 1)
		list_add(&l, text, size);
	for (size_t i = 0; i < LONG; i++)
		text[i] = (char)(1 + i * i / 7 % 255);
	list_add(&l, text, LONG);
	list_add(&l, text, 65536);
	list_add(&l, text, 65537);
	list_add(&l, text + 1, 4096);
	list_add(&l, text + 1, 4097);
	free(text);
	check_list(&l);
}
END_TEST

/* More strings with the same first bytes than are tried at one place. */
START_TEST(crowded_beginnings)
{
	struct list l = { 0 };
	char text[64];
	for (unsigned i = 0; i < 3000; i++) {
		int n = snprintf(text, sizeof(text), "%u samefirst%usamefirst%u", i, i % 700,
		                 i % 700);
		list_add(&l, text, (size_t)n);
	}
	check_list(&l);
}
END_TEST

/* So many that they are split before they are sorted, a part of them again and again. */
START_TEST(more_than_one_task_sorts)
{
	struct list l = { 0 };
	char text[64];
	uint64_t state = 12345;
	for (unsigned i = 0; i < 18000; i++) {
		unsigned number = (unsigned)(next_random(&state) % 1000000);
		int n = snprintf(text, sizeof(text), "%s%u",
		                 i % 3 ? "alike for thirty bytes, no less" : "", number);
		list_add(&l, text, (size_t)n);
	}
	check_list(&l);
}
END_TEST

START_TEST(no_memory_is_said)
{
	struct list l = { 0 };
	add_names(&l, 100);
	bool done = false;
	for (size_t allowed = 0; !done; allowed++) {
		struct texts t = { 0 };
		struct buf out[N_TEXT_SECTIONS] = { 0 };
		uint32_t number;
		int r = 0;
		ck_assert_uint_lt(allowed, 10000);
		n_allocations = 0;
		fail_at = allowed;
		for (size_t i = 0; r == 0 && i < l.n; i++)
			r = turf_texts_add(&t, (const char *)l.at[i].at, l.at[i].size, i % 4,
			                   &number);
		r = r == 0 ? turf_texts_sort(&t, NULL) : r;
		r = r == 0 ? turf_texts_emit(&t, NULL, out) : r;
		done = n_allocations <= allowed;
		fail_at = SIZE_MAX;
		ck_assert_int_eq(r, done ? 0 : r == 0 ? 0 : -ENOMEM);
		for (size_t i = 0; i < N_TEXT_SECTIONS; i++) {
			ck_assert(r == 0 || !out[i].at);
			vec_fini(&out[i]);
		}
		turf_texts_fini(&t);
	}
	list_fini(&l);
}
END_TEST

TESTS("build/texts", none_is_the_empty_text, one_and_few_texts, names_are_told_in_a_fraction,
      bytes_of_all_kinds, long_texts, crowded_beginnings, more_than_one_task_sorts,
      no_memory_is_said)
