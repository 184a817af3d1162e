/* SPDX-License-Identifier: MIT */
/*
 * What the system refuses: memory and disk. Each failure is told once, by one clear line, and
 * nothing is left allocated.
 */
#include <signal.h>
#include <sys/resource.h>

#define ALLOC_COUNT_LIVE
#include "build/self.h"
#include "lib/alloc.h"

static void ignore_note(void *ctx, enum turf_level level, const char *text)
{
	(void)ctx;
	(void)level;
	(void)text;
}

/* What is built when nothing fails. */
struct good {
	int source;
	const char *name;
	unsigned threads;
	struct mapping urf;
	size_t n_allocations;
};

/* Builds while allocation @n fails: the build's answer; it leaves nothing behind. */
static int build_failing(const struct good *good, size_t n, int out, struct turf_error *err)
{
	struct turf_build_options options = { .size = sizeof(options),
		                              .threads = good->threads,
		                              .note = ignore_note };
	size_t before = n_live;
	n_allocations = 0;
	fail_at = n;
	int r = turf_build(good->source, good->name, out, &options, err);
	fail_at = SIZE_MAX;
	size_t after = n_live;
	ck_assert_msg(before == after, "allocation %zu: %zd left", n,
	              (ssize_t)(after - before));
	return r;
}

static struct good build_good(const char *path, unsigned threads)
{
	struct turf_error err = { 0 };
	struct good good = { .name = path, .threads = threads };
	scoped(closep) int out = temp_file();
	good.source = open(path, O_RDONLY | O_CLOEXEC);
	int r = build_failing(&good, SIZE_MAX, out, &err);
	ck_assert_msg(r == 0, "%s", err.text);
	good.n_allocations = n_allocations;
	ck_assert_int_eq(turf_map_fd(out, "out", &good.urf, NULL), 0);
	return good;
}

/* That allocation fails: one line says so, or the build can do without it and loses nothing. */
static int fail_one(const struct good *good, size_t n)
{
	struct turf_error err = { 0 };
	scoped(closep) int out = temp_file();
	int r = build_failing(good, n, out, &err);
	if (r == 0) {
		struct mapping urf;
		ck_assert_int_eq(turf_map_fd(out, "out", &urf, NULL), 0);
		ck_assert_msg(urf.bytes.size == good->urf.bytes.size &&
		                      !memcmp(urf.bytes.at, good->urf.bytes.at, urf.bytes.size),
		              "allocation %zu: another urf", n);
		turf_unmap(&urf);
		return 0;
	}
	ck_assert_msg(r == -ENOMEM, "allocation %zu: %d %s", n, r, err.text);
	ck_assert_msg(strstr(err.text, "memory") && !strchr(err.text, '\n'),
	              "allocation %zu: '%s'", n, err.text);
	return r;
}

/* Every allocation of a build fails once; of more than @at_most so many, evenly spread. */
static void every_allocation_fails(const char *path, unsigned threads, size_t at_most)
{
	struct good good = build_good(path, threads);
	size_t refused = 0, tried = 0;
	ck_assert_uint_gt(good.n_allocations, 100);
	size_t step = good.n_allocations / at_most + 1;
	for (size_t i = 0; i < good.n_allocations; i += step, tried++)
		refused += fail_one(&good, i) < 0;
	/* how many threads ask for depends on who does what: the last ones may not come */
	ck_assert_uint_gt(refused, tried * (threads > 1 ? 7 : 9) / 10);
	turf_unmap(&good.urf);
	close(good.source);
}

/* One thread has nothing to tell TSan, which is slow. */
START_TEST(no_memory_is_said)
{
	every_allocation_fails("/proc/self/exe", 1, UNDER_TSAN ? 10 : 250);
}
END_TEST

START_TEST(no_memory_is_said_by_threads)
{
	every_allocation_fails("/proc/self/exe", 3, UNDER_TSAN ? 50 : 100);
}
END_TEST

/* Its debug file has compressed sections. */
START_TEST(no_memory_for_a_debug_file_is_said)
{
	every_allocation_fails("/lib/x86_64-linux-gnu/libc.so.6", 1, UNDER_TSAN ? 2 : 25);
}
END_TEST

/* Both that write an urf say @code, in one line that has @words. */
static void check_refused(int out, int code, const char *words)
{
	struct turf_error err = { 0 };
	scoped(closep) int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int r = build_of(self, 2, out, &err);
	ck_assert_msg(r == code, "%d: %s", r, err.text);
	ck_assert_msg(!strncmp(err.text, "self: cannot write", 18) && strstr(err.text, words) &&
	                      !strchr(err.text, '\n'),
	              "%s", err.text);
}

static void check_strip_refused(struct turf_image *image, int out, int code, const char *words)
{
	struct turf_error err = { 0 };
	int r = turf_strip(image, out, &err);
	ck_assert_msg(r == code, "%d: %s", r, err.text);
	ck_assert_msg(strstr(err.text, words) && !strchr(err.text, '\n'), "%s", err.text);
}

START_TEST(a_full_disk_is_said)
{
	scoped(closep) int urf = build_self(2);
	struct turf_image *image = open_urf(urf);
	scoped(closep) int full = open("/dev/full", O_RDWR | O_CLOEXEC);
	check_refused(full, -ENOSPC, "No space left");
	check_strip_refused(image, full, -ENOSPC, "No space left");
	turf_image_close(image);
}
END_TEST

/* Some is written before no more is. */
START_TEST(a_limit_is_said)
{
	scoped(closep) int urf = build_self(2);
	struct turf_image *image = open_urf(urf);
	struct rlimit limit;
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	struct rlimit less = { .rlim_cur = 5000, .rlim_max = limit.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	scoped(closep) int out = temp_file();
	scoped(closep) int other = temp_file();
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &less), 0);
	check_refused(out, -EFBIG, "too large");
	check_strip_refused(image, other, -EFBIG, "too large");
	/* before the framework writes its own */
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	turf_image_close(image);
}
END_TEST

START_TEST(what_may_not_be_written_is_said)
{
	scoped(closep) int urf = build_self(2);
	struct turf_image *image = open_urf(urf);
	scoped(closep) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	check_refused(null, -EBADF, "Bad file");
	check_refused(-1, -EBADF, "Bad file");
	check_strip_refused(image, null, -EBADF, "Bad file");
	int ends[2];
	ck_assert_int_eq(pipe(ends), 0);
	check_refused(ends[1], -ESPIPE, "seek"); /* it wants a regular file */
	close(ends[0]);
	close(ends[1]);
	turf_image_close(image);
}
END_TEST

TESTS("build/faults", no_memory_is_said, no_memory_is_said_by_threads,
      no_memory_for_a_debug_file_is_said, a_full_disk_is_said, a_limit_is_said,
      what_may_not_be_written_is_said)
