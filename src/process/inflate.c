/* SPDX-License-Identifier: MIT */
/*
 * A compressed core into memory that is a file: whole pages of zeroes are holes in it.
 *
 * Trust:  none; what comes out is bounded by MAX_INFLATED
 * Source: RFC 8878 (zstd); LZ4 frame format; RFC 1952 and XZ for their first bytes
 */
#include <sys/mman.h>
#include <unistd.h>

#include "base/le.h"
#include "config.h"
#include "process/core.h"

#if HAVE_ZSTD
#include <zstd.h>
#endif
#if HAVE_LZ4
#include <lz4frame.h>
#endif

static const uint64_t MAX_INFLATED = UINT64_C(1) << 40;

enum { IN_SIZE = 128 << 10, OUT_SIZE = 256 << 10 };

/* A way to compress; begin is NULL where it is not built in. */
struct codec {
	const char *name;
	uint8_t magic_size, magic[6];
	/* NULL: no memory. */
	void *(*begin)(void);
	/* From *@n_in bytes to at most *@n_out; sets both to what was used and made. 0,
	 * -EBADMSG.
	 */
	int (*run)(void *state, const uint8_t *in, size_t *n_in, uint8_t *out, size_t *n_out);
	void (*end)(void *state);
};

#if HAVE_ZSTD
static void *begin_zstd(void)
{
	return ZSTD_createDStream();
}

static int run_zstd(void *state, const uint8_t *in, size_t *n_in, uint8_t *out, size_t *n_out)
{
	ZSTD_inBuffer from = { in, *n_in, 0 };
	ZSTD_outBuffer to = { out, *n_out, 0 };
	size_t r = ZSTD_decompressStream(state, &to, &from);
	*n_in = from.pos;
	*n_out = to.pos;
	return ZSTD_isError(r) ? -EBADMSG : 0;
}

static void end_zstd(void *state)
{
	ZSTD_freeDStream(state);
}
#define ZSTD begin_zstd, run_zstd, end_zstd
#else
#define ZSTD NULL, NULL, NULL
#endif

#if HAVE_LZ4
static void *begin_lz4(void)
{
	LZ4F_dctx *state;
	return LZ4F_isError(LZ4F_createDecompressionContext(&state, LZ4F_VERSION)) ? NULL
	                                                                           : state;
}

static int run_lz4(void *state, const uint8_t *in, size_t *n_in, uint8_t *out, size_t *n_out)
{
	return LZ4F_isError(LZ4F_decompress(state, out, n_out, in, n_in, NULL)) ? -EBADMSG : 0;
}

static void end_lz4(void *state)
{
	LZ4F_freeDecompressionContext(state);
}
#define LZ4 begin_lz4, run_lz4, end_lz4
#else
#define LZ4 NULL, NULL, NULL
#endif

static const struct codec codecs[] = {
	{ "zstd", 4, { 0x28, 0xb5, 0x2f, 0xfd }, ZSTD },
	{ "lz4", 4, { 0x04, 0x22, 0x4d, 0x18 }, LZ4 },
	{ "xz", 6, { 0xfd, '7', 'z', 'X', 'Z', 0 }, NULL, NULL, NULL },
	{ "gzip", 2, { 0x1f, 0x8b }, NULL, NULL, NULL },
};

static const struct codec *codec_of(const uint8_t *magic)
{
	for (size_t i = 0; i < COUNT(codecs); i++)
		if (memcmp(magic, codecs[i].magic, codecs[i].magic_size) == 0)
			return &codecs[i];
	return NULL;
}

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
	const struct codec *codec;
	void *state;
	uint8_t *in, *out;
	int to;
	uint64_t off;
};

/* All that the next @n bytes of input give. */
static int inflate_part(struct inflater *z, size_t n)
{
	size_t done = 0;
	for (bool more = true; more || done < n;) {
		size_t in = n - done, out = OUT_SIZE;
		int r = z->codec->run(z->state, z->in + done, &in, z->out, &out);
		if (r < 0 || out > MAX_INFLATED - z->off)
			return -EBADMSG;
		done += in;
		more = out == OUT_SIZE; /* it may hold some back */
		r = put_sparse(z->to, &z->off, z->out, out);
		if (r < 0)
			return r;
		if (!in && !out && done < n) /* no codec stands still */
			return -EBADMSG;
	}
	return 0;
}

static int inflate_all(struct inflater *z, int fd)
{
	for (uint64_t off = 0;;) {
		ssize_t n = pread(fd, z->in, IN_SIZE, (off_t)off);
		if (n < 0)
			return -errno;
		if (!n) /* a core that was cut short is better than none */
			return ftruncate(z->to, (off_t)z->off) < 0 ? -errno : 0;
		off += (uint64_t)n;
		int r = inflate_part(z, (size_t)n);
		if (r < 0)
			return r;
	}
}

static int inflate(const struct codec *codec, int fd, int to)
{
	struct inflater z = { .codec = codec, .to = to };
	z.state = codec->begin();
	z.in = malloc(IN_SIZE);
	z.out = malloc(OUT_SIZE);
	int r = z.state && z.in && z.out ? inflate_all(&z, fd) : -ENOMEM;
	if (z.state)
		codec->end(z.state);
	free(z.in);
	free(z.out);
	return r;
}

int turf_core_inflate(int fd, const char *name, struct turf_error *err)
{
	uint8_t magic[6] = { 0 };
	const struct codec *codec =
		pread(fd, magic, sizeof(magic), 0) == sizeof(magic) ? codec_of(magic) : NULL;
	if (!codec)
		return -ENOENT;
	if (!codec->begin)
		return turf_fail(err, -ENOTSUP, 0,
		                 "%s: compressed by %s, which is not supported: inflate it "
		                 "first",
		                 name, codec->name);
	scoped(closep) int to = memfd_create("core", MFD_CLOEXEC);
	int r = to < 0 ? -errno : inflate(codec, fd, to);
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "%s: cannot inflate: %s", name,
		                 r == -EBADMSG ? "malformed" : strerror(-r));
	return take_fd(&to);
}
