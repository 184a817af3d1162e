/* SPDX-License-Identifier: MIT */
/*
 * Files: descriptors that close themselves, read-only mappings, whole writes.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <sys/stat.h>

#include "base/base.h"

/* Closes @fd where it is one; errno is kept. */
void turf_close(int fd);

static inline void closep(int *fd)
{
	turf_close(*fd);
}

static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

/* A whole file, mapped read-only and private (or read, where it cannot be mapped). */
struct mapping {
	struct span bytes;
	bool heap; /* read into malloc'd memory */
};

/**
 * turf_map_fd() - map a whole regular file
 * @fd:   borrowed
 * @name: for messages only
 *
 * Return: 0 or negative errno; an empty file is 0 with no bytes; what is no regular file:
 * -ENOTSUP
 */
int turf_map_fd(int fd, const char *name, struct mapping *ret, struct turf_error *err);
void turf_unmap(struct mapping *m);

/* All @size bytes to @fd; 0 or negative errno. */
int turf_write_all(int fd, const void *bytes, size_t size);

/* Opens @path read-only for reading bytes; @err names the path and why not. */
int turf_open_read(const char *path, struct turf_error *err);

#endif
