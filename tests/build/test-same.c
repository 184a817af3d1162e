/* SPDX-License-Identifier: MIT */
/*
 * The same source gives the same bytes: by any number of threads, and hot ones whether they are
 * built so or stripped. For this program, libc, and a C++ program full of inlined calls.
 */
#include "build/self.h"

enum { MAX_THREADS = 5 };

static int urf_of(int source, unsigned threads, uint32_t flags)
{
	struct turf_error err = { 0 };
	struct turf_build_options options = { .size = sizeof(options),
		                              .threads = threads,
		                              .flags = flags };
	int out = temp_file();
	int r = turf_build(source, "source", out, &options, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return out;
}

static void check_same(int one, int other, const char *what, unsigned threads)
{
	struct mapping a, b;
	ck_assert_int_eq(turf_map_fd(one, "one", &a, NULL), 0);
	ck_assert_int_eq(turf_map_fd(other, "other", &b, NULL), 0);
	ck_assert_msg(a.bytes.size == b.bytes.size, "%s, %u threads: %zu and %zu bytes", what,
	              threads, a.bytes.size, b.bytes.size);
	for (size_t i = 0; i < a.bytes.size; i++)
		if (a.bytes.at[i] != b.bytes.at[i])
			ck_abort_msg("%s, %u threads: differs at %#zx", what, threads, i);
	turf_unmap(&a);
	turf_unmap(&b);
}

static void check_source(const char *path)
{
	scoped(closep) int source = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_msg(source >= 0, "%s", path);
	scoped(closep) int whole = urf_of(source, 1, 0);
	scoped(closep) int hot = urf_of(source, 1, TURF_BUILD_HOT);
	for (unsigned threads = 2; threads <= MAX_THREADS; threads++) {
		scoped(closep) int again = urf_of(source, threads, 0);
		check_same(whole, again, path, threads);
	}
	scoped(closep) int hot_again = urf_of(source, 3, TURF_BUILD_HOT);
	check_same(hot, hot_again, "hot", 3);

	struct turf_error err = { 0 };
	struct turf_image *image = open_urf(whole);
	scoped(closep) int stripped = temp_file();
	int r = turf_strip(image, stripped, &err);
	ck_assert_msg(r == 0, "%s", err.text);
	check_same(hot, stripped, "stripped", 1);
	struct turf_image_info info, hot_info;
	turf_image_info(image, &info);
	turf_image_close(image);

	image = open_urf(stripped);
	ck_assert_msg(turf_image_verify(image, &err) == 0, "%s", err.text);
	turf_image_info(image, &hot_info);
	ck_assert_uint_lt(hot_info.size, info.size);
	ck_assert_uint_eq(hot_info.n_functions, info.n_functions);
	/* one without cold sections is stripped of nothing */
	scoped(closep) int twice = temp_file();
	ck_assert_int_eq(turf_strip(image, twice, NULL), 0);
	check_same(stripped, twice, "stripped twice", 1);
	turf_image_close(image);
}

START_TEST(this_program)
{
	check_source("/proc/self/exe");
}
END_TEST

START_TEST(libc)
{
	check_source("/lib/x86_64-linux-gnu/libc.so.6");
}
END_TEST

START_TEST(a_program_full_of_inlined_calls)
{
	char folder[] = "/tmp/turf-same-XXXXXX", command[512], path[64];
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/tour", folder);
	snprintf(command, sizeof(command), "cd '%s' && g++ -g -O2 tour.cc shared.cc -o '%s'",
	         PROGRAMS, path);
	ck_assert_int_eq(system(command), 0);
	check_source(path);
	ck_assert(unlink(path) == 0 && rmdir(folder) == 0);
}
END_TEST

TESTS("build/same", this_program, libc, a_program_full_of_inlined_calls)
