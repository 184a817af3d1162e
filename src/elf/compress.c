/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a section, inflated where they are compressed.
 *
 * Three forms: SHF_COMPRESSED with zlib or zstd behind an Elf_Chdr, and sections named
 * .zdebug_* with "ZLIB", the size as 8 big-endian bytes, and a zlib stream.
 *
 * A header that lies about the size must not cost memory: zlib cannot make more than 1032 bytes
 * of one (a match of 258 bytes takes at least 2 bits), so its size is held against that before
 * anything is allocated; zstd has no such bound, so there the memory grows as bytes arrive.
 *
 * Source: gABI chapter 4, "Compressed Sections"; RFC 1950, RFC 8878
 */
#include <elf.h>
#include <inttypes.h>
#include <zlib.h>

#include "base/vec.h"
#include "config.h"
#include "elf/elf.h"

#if HAVE_DEFLATE
#include <libdeflate.h>
#endif
#if HAVE_ZSTD
#include <zstd.h>
#endif

enum { COMPRESSED_ZLIB = 1, COMPRESSED_ZSTD = 2 }; /* ch_type */

enum {
	ZLIB_MAX_RATIO = 1032,
	SLACK = 64 << 10,   /* so that tiny streams need no exact arithmetic */
	ZDEBUG_HEADER = 12, /* "ZLIB" and the size */
	PIECE = 1 << 30,    /* zlib counts in 32 bits */
	FIRST_RATIO = 16,   /* zstd: first guess of the memory needed */
};

/* A compressed section, taken apart. */
struct packed {
	const struct elf_section *section;
	uint32_t type; /* ch_type */
	uint64_t size; /* as claimed */
	struct span stream;
};

static int no_memory(const struct packed *packed, struct turf_error *err)
{
	return turf_fail(err, -ENOMEM, packed->section->off,
	                 "section %s: no memory to inflate %" PRIu64 " bytes",
	                 packed->section->name, packed->size);
}

static int damaged(const struct packed *packed, const char *why, struct turf_error *err)
{
	return turf_fail(err, -EBADMSG, packed->section->off,
	                 "section %s: does not inflate to the %" PRIu64 " bytes it claims: %s",
	                 packed->section->name, packed->size, why);
}

/*
 * Inflates into exactly packed->size bytes at @out. Streams may follow each other in one
 * section: `ld -r` of .zdebug_ sections used to join them that way.
 */
static int inflate_all(z_stream *z, const struct packed *packed, uint8_t *out,
                       struct turf_error *err)
{
	const uint8_t *in = packed->stream.at;
	size_t in_left = packed->stream.size;
	uint64_t out_left = packed->size;
	uint8_t spare; /* room for the one byte too many that proves a lie */
	for (;;) {
		size_t in_piece = MIN(in_left, (size_t)PIECE);
		size_t out_piece = MIN(out_left, (uint64_t)PIECE);
		z->next_in = (Bytef *)in;
		z->avail_in = (uInt)in_piece;
		z->next_out = out_left ? out : &spare;
		z->avail_out = out_left ? (uInt)out_piece : 1;
		int r = inflate(z, Z_NO_FLUSH);
		in += in_piece - z->avail_in;
		in_left -= in_piece - z->avail_in;
		if (!out_left && !z->avail_out)
			return damaged(packed, "there is more", err);
		if (out_left) {
			out += out_piece - z->avail_out;
			out_left -= out_piece - z->avail_out;
		}
		if (r == Z_MEM_ERROR)
			return no_memory(packed, err);
		if (r == Z_STREAM_END && !out_left)
			return in_left ? damaged(packed, "there is more", err) : 0;
		if (r == Z_STREAM_END && in_left)
			r = inflateReset(z);
		else if (r == Z_STREAM_END || r == Z_BUF_ERROR)
			return damaged(packed, "the stream ends early", err);
		if (r != Z_OK)
			return damaged(packed, "the stream is malformed", err);
	}
}

/*
 * The common case, one stream of just the claimed size, faster than zlib where libdeflate is
 * there. False: it is not, or this is another case, which zlib is to judge.
 */
static bool inflate_fast(const struct packed *packed, uint8_t *out)
{
#if HAVE_DEFLATE
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	size_t n_in = 0, n_out = 0;
	if (!d)
		return false;
	enum libdeflate_result r =
		libdeflate_zlib_decompress_ex(d, packed->stream.at, packed->stream.size, out,
	                                      (size_t)packed->size, &n_in, &n_out);
	libdeflate_free_decompressor(d);
	return r == LIBDEFLATE_SUCCESS && n_in == packed->stream.size && n_out == packed->size;
#else
	(void)packed;
	(void)out;
	return false;
#endif
}

static int unpack_zlib(const struct packed *packed, struct elf_data *ret,
                       struct turf_error *err)
{
	uint64_t possible = (uint64_t)packed->stream.size * ZLIB_MAX_RATIO + SLACK;
	if (packed->size > possible)
		return turf_fail(
			err, -E2BIG, packed->section->off,
			"section %s: claims %" PRIu64 " bytes, but %zu compressed ones "
			"give at most %" PRIu64,
			packed->section->name, packed->size, packed->stream.size, possible);
	scoped(freep) uint8_t *out = turf_big(packed->size ? packed->size : 1);
	if (!out)
		return no_memory(packed, err);
	if (!inflate_fast(packed, out)) {
		z_stream z = { 0 };
		if (inflateInit(&z) != Z_OK)
			return no_memory(packed, err);
		int r = inflate_all(&z, packed, out, err);
		inflateEnd(&z);
		if (r < 0)
			return r;
	}
	ret->bytes = (struct span){ out, (size_t)packed->size };
	ret->owned = take_ptr(out);
	return 0;
}

#if HAVE_ZSTD
static const uint64_t INFLATED_MAX = (uint64_t)16 << 30;

static void free_zstd(ZSTD_DStream **z)
{
	ZSTD_freeDStream(*z);
}

/* More room, at most the claimed size and one byte too many; false: no memory. */
static bool grow(const struct packed *packed, ZSTD_outBuffer *out)
{
	uint64_t size = out->size ? (uint64_t)out->size * 2
	                          : (uint64_t)packed->stream.size * FIRST_RATIO + SLACK;
	size = MIN(size, packed->size + 1);
	void *more = realloc(out->dst, size);
	if (!more)
		return false;
	out->dst = more;
	out->size = (size_t)size;
	return true;
}

static int decompress_all(ZSTD_DStream *z, const struct packed *packed, ZSTD_outBuffer *out,
                          struct turf_error *err)
{
	ZSTD_inBuffer in = { packed->stream.at, packed->stream.size, 0 };
	size_t hint = 1; /* 0: a frame is complete and all of it is written */
	do {
		if (out->pos == out->size && !grow(packed, out))
			return no_memory(packed, err);
		size_t in_before = in.pos, out_before = out->pos;
		hint = ZSTD_decompressStream(z, out, &in);
		if (ZSTD_isError(hint))
			return damaged(packed, ZSTD_getErrorName(hint), err);
		if (out->pos > packed->size)
			return damaged(packed, "there is more", err);
		if (in.pos == in_before && out->pos == out_before)
			break; /* it wants more than there is */
	} while (in.pos < in.size || hint);
	if (hint || out->pos < packed->size)
		return damaged(packed, "the stream ends early", err);
	return 0;
}

static int unpack_zstd(const struct packed *packed, struct elf_data *ret,
                       struct turf_error *err)
{
	if (packed->size > INFLATED_MAX)
		return turf_fail(err, -E2BIG, packed->section->off,
		                 "section %s: claims %" PRIu64 " bytes, more than our limit of "
		                 "16 GiB",
		                 packed->section->name, packed->size);
	scoped(free_zstd) ZSTD_DStream *z = ZSTD_createDStream();
	if (!z)
		return no_memory(packed, err);
	ZSTD_outBuffer out = { 0 };
	int r = decompress_all(z, packed, &out, err);
	if (r < 0) {
		free(out.dst);
		return r;
	}
	*ret = (struct elf_data){ { out.dst, (size_t)packed->size }, out.dst };
	return 0;
}
#else
static int unpack_zstd(const struct packed *packed, struct elf_data *ret,
                       struct turf_error *err)
{
	(void)ret;
	return turf_fail(err, -ENOTSUP, packed->section->off,
	                 "section %s: compressed with zstd, which this build does not read",
	                 packed->section->name);
}
#endif

static int read_chdr(const struct elf *elf, struct span raw, struct packed *packed,
                     struct turf_error *err)
{
	struct cursor c = cur_of(raw, elf->big);
	packed->type = cur_u32(&c);
	if (elf->is64)
		cur_skip(&c, 4); /* ch_reserved */
	packed->size = elf->is64 ? cur_u64(&c) : cur_u32(&c);
	cur_skip(&c, elf->is64 ? 8 : 4); /* ch_addralign */
	if (c.bad)
		return turf_fail(err, -EBADMSG, packed->section->off,
		                 "section %s: ends in its compression header",
		                 packed->section->name);
	packed->stream = (struct span){ c.at, cur_left(&c) };
	return 0;
}

static void read_zdebug(struct span raw, struct packed *packed)
{
	struct cursor c = cur_of(raw, true);
	cur_skip(&c, 4); /* "ZLIB" */
	packed->type = COMPRESSED_ZLIB;
	packed->size = cur_u64(&c);
	packed->stream = (struct span){ c.at, cur_left(&c) };
}

/* Without the magic, a .zdebug_ section holds its bytes as they are. */
static bool is_zdebug(const struct elf_section *section, struct span raw)
{
	static const char prefix[] = ".zdebug_";
	return strncmp(section->name, prefix, sizeof(prefix) - 1) == 0 &&
	       raw.size >= ZDEBUG_HEADER && memcmp(raw.at, "ZLIB", 4) == 0;
}

static int unpack(const struct packed *packed, struct elf_data *ret, struct turf_error *err)
{
	if (packed->type == COMPRESSED_ZLIB)
		return unpack_zlib(packed, ret, err);
	if (packed->type == COMPRESSED_ZSTD)
		return unpack_zstd(packed, ret, err);
	return turf_fail(err, -ENOTSUP, packed->section->off,
	                 "section %s: compression %" PRIu32 " is not read",
	                 packed->section->name, packed->type);
}

static int read_data(const struct elf *elf, const struct elf_section *section,
                     struct elf_data *ret, struct turf_error *err)
{
	if (section->type == SHT_NOBITS) {
		*ret = (struct elf_data){ 0 };
		return 0;
	}
	struct span raw = span_part(elf->file, section->off, section->size);
	if (section->size && !raw.at)
		return turf_fail(err, -EBADMSG, section->off,
		                 "section %s: 0x%" PRIx64 "+0x%" PRIx64
		                 " leave the file of %zu bytes",
		                 section->name, section->off, section->size, elf->file.size);
	struct packed packed = { .section = section };
	if (section->flags & SHF_COMPRESSED) {
		int r = read_chdr(elf, raw, &packed, err);
		return r < 0 ? r : unpack(&packed, ret, err);
	}
	if (is_zdebug(section, raw)) {
		read_zdebug(raw, &packed);
		return unpack(&packed, ret, err);
	}
	*ret = (struct elf_data){ raw, NULL };
	return 0;
}

int turf_elf_data(const struct elf *elf, const struct elf_section *section,
                  struct elf_data *ret, struct turf_error *err)
{
	struct elf_data data;
	int r = read_data(elf, section, &data, err);
	if (r < 0)
		return r;
	r = turf_elf_relocate(elf, section, &data, err);
	if (r < 0)
		turf_elf_data_fini(&data);
	else
		*ret = data;
	return r;
}

void turf_elf_data_fini(struct elf_data *data)
{
	free(data->owned);
	*data = (struct elf_data){ 0 };
}
