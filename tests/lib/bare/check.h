/* SPDX-License-Identifier: MIT */
/*
 * What our tests need of the library Check (libcheck.github.io/check), for machines that it is
 * not installed for: each test in a process of its own, TAP.
 */
#ifndef TESTS_LIB_BARE_CHECK_H
#define TESTS_LIB_BARE_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
	const char *name;
	void (*run)(void);
} TTest;

#define START_TEST(name)                                                                       \
	static void name##_run(void);                                                          \
	static const TTest name##_test = { #name, name##_run };                                \
	static const TTest *const name = &name##_test;                                         \
	static void name##_run(void)
#define END_TEST

#define ck_assert_msg(good, ...)                                                               \
	do {                                                                                   \
		if (good)                                                                      \
			break;                                                                 \
		printf("# %s:%d: %s: ", __FILE__, __LINE__, #good);                            \
		printf(__VA_ARGS__);                                                           \
		puts("");                                                                      \
		exit(EXIT_FAILURE);                                                            \
	} while (0)
#define ck_assert(good) ck_assert_msg(good, "no")
#define ck_abort_msg(...) ck_assert_msg(0, __VA_ARGS__)

#define CK_COMPARE(type, format, a, op, b)                                                     \
	do {                                                                                   \
		type ck_a = (a);                                                               \
		type ck_b = (b);                                                               \
		ck_assert_msg(ck_a op ck_b, "%" format " and %" format, ck_a, ck_b);           \
	} while (0)
#define CK_INT(a, op, b) CK_COMPARE(intmax_t, PRIdMAX, a, op, b)
#define CK_UINT(a, op, b) CK_COMPARE(uintmax_t, PRIuMAX, a, op, b)
#define CK_PTR(a, op, b) CK_COMPARE(const void *, "p", a, op, b)
#define ck_assert_int_eq(a, b) CK_INT(a, ==, b)
#define ck_assert_int_ne(a, b) CK_INT(a, !=, b)
#define ck_assert_int_lt(a, b) CK_INT(a, <, b)
#define ck_assert_int_le(a, b) CK_INT(a, <=, b)
#define ck_assert_int_gt(a, b) CK_INT(a, >, b)
#define ck_assert_int_ge(a, b) CK_INT(a, >=, b)
#define ck_assert_uint_eq(a, b) CK_UINT(a, ==, b)
#define ck_assert_uint_ne(a, b) CK_UINT(a, !=, b)
#define ck_assert_uint_lt(a, b) CK_UINT(a, <, b)
#define ck_assert_uint_le(a, b) CK_UINT(a, <=, b)
#define ck_assert_uint_gt(a, b) CK_UINT(a, >, b)
#define ck_assert_uint_ge(a, b) CK_UINT(a, >=, b)
#define ck_assert_ptr_eq(a, b) CK_PTR(a, ==, b)
#define ck_assert_ptr_ne(a, b) CK_PTR(a, !=, b)
#define ck_assert_ptr_null(a) CK_PTR(a, ==, NULL)
#define ck_assert_ptr_nonnull(a) CK_PTR(a, !=, NULL)
#define ck_assert_mem_eq(a, b, n) ck_assert(memcmp(a, b, n) == 0)
#define CK_STR(a, op, b)                                                                       \
	do {                                                                                   \
		const char *ck_a = (a), *ck_b = (b);                                           \
		ck_assert_msg(strcmp(ck_a, ck_b) op 0, "\"%s\" and \"%s\"", ck_a, ck_b);       \
	} while (0)
#define ck_assert_str_eq(a, b) CK_STR(a, ==, b)
#define ck_assert_str_ne(a, b) CK_STR(a, !=, b)

/* The same of strings that may be NULL. */
#define ck_assert_pstr_eq(a, b)                                                                \
	do {                                                                                   \
		const char *ck_a = (a);                                                        \
		const char *ck_b = (b);                                                        \
		ck_assert(ck_a == ck_b || (ck_a && ck_b && strcmp(ck_a, ck_b) == 0));          \
	} while (0)

/* The one suite of a program; time-outs are Meson's. */
typedef struct {
	const TTest *tests[64];
	int n, failed;
} Suite, TCase, SRunner;
enum { CK_SILENT };

static Suite ck_suite;

#define suite_create(name) ((void)(name), &ck_suite)
#define tcase_create(name) ((void)(name), &ck_suite)
#define tcase_set_timeout(tc, seconds) ((void)(tc), (void)(seconds))
#define suite_add_tcase(suite, tc) ((void)(suite), (void)(tc))
#define srunner_create(suite) (suite)
#define srunner_set_tap(runner, name) ((void)(runner), (void)(name))
#define srunner_ntests_failed(runner) ((runner)->failed)
#define srunner_free(runner) ((void)(runner))

static inline void tcase_add_test(TCase *tc, const TTest *test)
{
	if (tc->n == sizeof(tc->tests) / sizeof(*tc->tests))
		abort();
	tc->tests[tc->n++] = test;
}

static inline void srunner_run_all(SRunner *runner, int how)
{
	(void)how;
	for (int i = 0; i < runner->n; i++) {
		int status = -1;
		fflush(stdout);
		pid_t pid = fork();
		if (pid == 0) {
			runner->tests[i]->run();
			exit(EXIT_SUCCESS);
		}
		bool good = waitpid(pid, &status, 0) == pid && status == 0;
		runner->failed += !good;
		printf("%sok %d - %s\n", good ? "" : "not ", i + 1, runner->tests[i]->name);
	}
	printf("1..%d\n", runner->n);
}

#endif
