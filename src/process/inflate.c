/* SPDX-License-Identifier: MIT */
/*
 * A compressed core into memory that is a file: whole pages of zeroes are holes in it.
 *
 * Trust:  none; what comes out is bounded by MAX_INFLATED
 * Source: RFC 8878 (zstd); RFC 1952, XZ and LZ4 frames for their first bytes
 */
#include <sys/mman.h>
#include <unistd.h>

#include "base/le.h"
#include "config.h"
#include "process/core.h"

#if HAVE_ZSTD
#include <zstd.h>
#endif

static const uint64_t MAX_INFLATED = UINT64_C(1) << 40;

static const char *known_magic(const uint8_t *magic)
{
	static const struct {
		const char *name;
		uint8_t size, bytes[6];
	} kinds[] = {
		{ "zstd", 4, { 0x28, 0xb5, 0x2f, 0xfd } },
		{ "lz4", 4, { 0x04, 0x22, 0x4d, 0x18 } },
		{ "xz", 6, { 0xfd, '7', 'z', 'X', 'Z', 0 } },
		{ "gzip", 2, { 0x1f, 0x8b } },
	};
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (memcmp(magic, kinds[i].bytes, kinds[i].size) == 0)
			return kinds[i].name;
	return NULL;
}

#if HAVE_ZSTD
/* Writes @n bytes at *@off; whole pages of zeroes are left out. */
static int put_sparse(int fd, uint64_t *off, const uint8_t *at, size_t n)
{
	enum { PAGE = 4096 };
	static const uint8_t zeroes[PAGE];
	for (size_t done = 0; done < n;) {
		size_t part = MIN(PAGE - (size_t)(*off % PAGE), n - done);
		if (memcmp(at + done, zeroes, part) != 0 &&
		    pwrite(fd, at + done, part, (off_t)*off) != (ssize_t)part)
			return errno ? -errno : -EIO;
		done += part;
		*off += part;
	}
	return 0;
}

struct inflater {
	ZSTD_DStream *stream;
	uint8_t *in, *out;
};

static int inflate_all(const struct inflater *z, int fd, int to)
{
	uint64_t off = 0, in_off = 0;
	size_t in_size = ZSTD_DStreamInSize(), out_size = ZSTD_DStreamOutSize();
	for (;;) {
		ssize_t n = pread(fd, z->in, in_size, (off_t)in_off);
		if (n < 0)
			return -errno;
		if (!n) /* a core that was cut short is better than none */
			return ftruncate(to, (off_t)off) < 0 ? -errno : 0;
		in_off += (uint64_t)n;
		ZSTD_inBuffer in = { z->in, (size_t)n, 0 };
		for (bool more = true; more || in.pos < in.size;) {
			ZSTD_outBuffer out = { z->out, out_size, 0 };
			size_t r = ZSTD_decompressStream(z->stream, &out, &in);
			if (ZSTD_isError(r) || out.pos > MAX_INFLATED - off)
				return -EBADMSG;
			int put = put_sparse(to, &off, z->out, out.pos);
			if (put < 0)
				return put;
			more = out.pos == out.size; /* it may hold some back */
		}
	}
}

static int inflate_zstd(int fd, int to)
{
	struct inflater z = { ZSTD_createDStream(), malloc(ZSTD_DStreamInSize()),
		              malloc(ZSTD_DStreamOutSize()) };
	int r = z.stream && z.in && z.out ? inflate_all(&z, fd, to) : -ENOMEM;
	ZSTD_freeDStream(z.stream);
	free(z.in);
	free(z.out);
	return r;
}
#else
static int inflate_zstd(int fd, int to)
{
	(void)fd;
	(void)to;
	return -ENOTSUP;
}
#endif

int turf_core_inflate(int fd, const char *name, struct turf_error *err)
{
	uint8_t magic[6] = { 0 };
	const char *kind =
		pread(fd, magic, sizeof(magic), 0) == sizeof(magic) ? known_magic(magic) : NULL;
	if (!kind)
		return -ENOENT;
	if (strcmp(kind, "zstd") != 0 || !HAVE_ZSTD)
		return turf_fail(err, -ENOTSUP, 0,
		                 "%s: compressed by %s, which is not supported: inflate it "
		                 "first",
		                 name, kind);
	scoped(closep) int to = memfd_create("core", MFD_CLOEXEC);
	int r = to < 0 ? -errno : inflate_zstd(fd, to);
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "%s: cannot inflate: %s", name,
		                 r == -EBADMSG ? "malformed" : strerror(-r));
	return take_fd(&to);
}
