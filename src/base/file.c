/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

void turf_close(int fd)
{
	if (fd < 0)
		return;
	int saved = errno;
	close(fd);
	errno = saved;
}

/* The fallback where a file system cannot map: the same bytes, read. */
static int read_whole(int fd, size_t size, struct mapping *ret)
{
	scoped(freep) uint8_t *bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(fd, bytes + done, size - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ESTALE; /* became shorter while we read */
		done += (size_t)n;
	}
	*ret = (struct mapping){ { take_ptr(bytes), size }, true };
	return 0;
}

int turf_map_fd(int fd, const char *name, struct mapping *ret, struct turf_error *err)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return turf_fail(err, -errno, TURF_NOWHERE, "%s: %s", name, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return turf_fail(err, -EISDIR, TURF_NOWHERE, "%s: is a directory", name);
	if (!S_ISREG(st.st_mode))
		return turf_fail(err, -ENOTSUP, TURF_NOWHERE, "%s: not a regular file", name);
	if (st.st_size == 0) {
		*ret = (struct mapping){ 0 };
		return 0;
	}
	size_t size = (size_t)st.st_size;
	void *at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at != MAP_FAILED) {
		*ret = (struct mapping){ { at, size }, false };
		return 0;
	}
	int r = errno == ENODEV ? read_whole(fd, size, ret) : -errno;
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "%s: cannot map: %s", name,
		                 strerror(-r));
	return 0;
}

void turf_unmap(struct mapping *m)
{
	if (m->heap)
		free((void *)m->bytes.at);
	else if (m->bytes.at)
		munmap((void *)m->bytes.at, m->bytes.size);
	*m = (struct mapping){ 0 };
}

int turf_write_all(int fd, const void *bytes, size_t size)
{
	for (const uint8_t *at = bytes; size;) {
		ssize_t n = write(fd, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int turf_open_read(const char *path, struct turf_error *err)
{
	/* O_NONBLOCK: a FIFO must not make us wait; it changes nothing for regular files */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return turf_fail(err, -errno, TURF_NOWHERE, "%s: %s", path, strerror(errno));
	return fd;
}
