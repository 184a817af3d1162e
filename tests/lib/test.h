/* SPDX-License-Identifier: MIT */
/*
 * What every test program shares: one suite, TAP output, tests run each in a process of its
 * own.
 *
 *     START_TEST(finds_a_symbol) { ... } END_TEST
 *     TESTS("elf/symbols", finds_a_symbol, refuses_bad_names)
 */
#ifndef TESTS_LIB_TEST_H
#define TESTS_LIB_TEST_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

/* A string no function under test would return: proves that an out parameter was left alone. */
#define KEPT ((const char *)"kept")

/* Whether ThreadSanitizer watches: some 15 times as slow. gcc and clang say it each its way. */
#ifdef __has_feature
enum { UNDER_TSAN = __has_feature(thread_sanitizer) };
#elif defined(__SANITIZE_THREAD__)
enum { UNDER_TSAN = 1 };
#else
enum { UNDER_TSAN = 0 };
#endif

#define TESTS(name, ...)                                                                       \
	int main(void)                                                                         \
	{                                                                                      \
		const TTest *const all[] = { __VA_ARGS__ };                                    \
		return run_tests(name, all, COUNT(all));                                       \
	}

static inline int run_tests(const char *name, const TTest *const *all, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	tcase_set_timeout(tc, 300); /* sanitizers are slow, and so are shared machines */
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, all[i]);
	suite_add_tcase(suite, tc);
	SRunner *runner = srunner_create(suite);
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A malloc'd copy of exactly @n bytes, so that ASan sees the first byte read too many. */
static inline struct span exact_copy(const void *bytes, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	if (!copy)
		abort();
	if (n)
		memcpy(copy, bytes, n);
	return (struct span){ copy, n };
}

/* Calls @read with every prefix of @whole but the whole. */
static inline void every_prefix(struct span whole, void (*read)(struct span part))
{
	for (size_t n = 0; n < whole.size; n++) {
		struct span part = exact_copy(whole.at, n);
		read(part);
		free((void *)part.at);
	}
}

/* Calls @read with each byte of @whole set to each value that finds most faults. */
static inline void every_byte_bent(struct span whole, void (*read)(struct span bent))
{
	static const uint8_t deltas[] = {
		0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff
	};
	struct span bent = exact_copy(whole.at, whole.size);
	uint8_t *bytes = (uint8_t *)bent.at;
	for (size_t i = 0; i < whole.size; i++) {
		uint8_t good = bytes[i];
		for (size_t d = 0; d < COUNT(deltas); d++) {
			bytes[i] = good ^ deltas[d];
			read(bent);
		}
		bytes[i] = good;
	}
	free(bytes);
}

#endif
