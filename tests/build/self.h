/* SPDX-License-Identifier: MIT */
/*
 * The running test program as input: it has DWARF, and knows where its own functions are.
 */
#ifndef TESTS_BUILD_SELF_H
#define TESTS_BUILD_SELF_H

#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "lib/test.h"
#include "turf/build.h"

/* A new empty file without a name. */
static inline int temp_file(void)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static inline int first_bias(struct dl_phdr_info *info, size_t size, void *bias)
{
	(void)size;
	*(uint64_t *)bias = info->dlpi_addr;
	return 1; /* the program itself comes first */
}

/* Link-time address of one of our own. */
static inline uint64_t link_addr(const void *live)
{
	uint64_t bias = 0;
	dl_iterate_phdr(first_bias, &bias);
	return (uint64_t)(uintptr_t)live - bias;
}

static inline int build_of(int source, unsigned threads, int out, struct turf_error *err)
{
	struct turf_build_options options = { .size = sizeof(options), .threads = threads };
	return turf_build(source, "self", out, &options, err);
}

/* The urf of the running program, in a file without a name. */
static inline int build_self(unsigned threads)
{
	struct turf_error err = { 0 };
	scoped(closep) int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = temp_file();
	int r = build_of(self, threads, out, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return out;
}

static inline struct turf_image *open_urf(int fd)
{
	struct turf_error err = { 0 };
	struct turf_image *image = NULL;
	int r = turf_image_open_fd(fd, "urf", &image, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return image;
}

#endif
