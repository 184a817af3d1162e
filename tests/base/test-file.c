/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "lib/test.h"

START_TEST(a_file_is_written_and_mapped_whole)
{
	scoped(closep) int fd = memfd_create("test", MFD_CLOEXEC);
	char text[100000];
	memset(text, 'x', sizeof(text));
	ck_assert_int_eq(turf_write_all(fd, text, sizeof(text)), 0);
	struct mapping m;
	ck_assert_int_eq(turf_map_fd(fd, "test", &m, NULL), 0);
	ck_assert_uint_eq(m.bytes.size, sizeof(text));
	ck_assert(memcmp(m.bytes.at, text, sizeof(text)) == 0);
	turf_unmap(&m);
	turf_unmap(&m); /* of nothing */
}
END_TEST

START_TEST(an_empty_file_has_no_bytes)
{
	scoped(closep) int fd = memfd_create("test", MFD_CLOEXEC);
	struct mapping m = { { (const uint8_t *)KEPT, 1 }, false };
	ck_assert_int_eq(turf_map_fd(fd, "test", &m, NULL), 0);
	ck_assert_uint_eq(m.bytes.size, 0);
	turf_unmap(&m);
}
END_TEST

START_TEST(what_is_no_file_is_not_mapped)
{
	static const struct {
		const char *path;
		int expect;
	} cases[] = { { "/", -EISDIR }, { "/dev/null", -ENOTSUP } };
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_error err = { 0 };
		struct mapping m = { { (const uint8_t *)KEPT, 1 }, false };
		scoped(closep) int fd = turf_open_read(cases[i].path, &err);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(turf_map_fd(fd, cases[i].path, &m, &err), cases[i].expect);
		ck_assert_ptr_nonnull(strstr(err.text, cases[i].path));
		ck_assert_ptr_eq(m.bytes.at, (const uint8_t *)KEPT);
	}
}
END_TEST

START_TEST(errors_name_the_path)
{
	struct turf_error err = { 0 };
	ck_assert_int_eq(turf_open_read("/nowhere/at/all", &err), -ENOENT);
	ck_assert_str_eq(err.text, "/nowhere/at/all: No such file or directory");
	scoped(closep) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(turf_write_all(fd, "x", 1), -ENOSPC);
	ck_assert_int_eq(turf_write_all(-1, "x", 1), -EBADF);
	errno = EXDEV;
	turf_close(-1);
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

TESTS("base/file", a_file_is_written_and_mapped_whole, an_empty_file_has_no_bytes,
      what_is_no_file_is_not_mapped, errors_name_the_path)
