/* SPDX-License-Identifier: MIT */
/* Compressed sections: the three forms, and headers and streams that lie. */
#include <elf.h>
#include <zlib.h>

#include "config.h"
#include "elf/elf.h"
#include "elf/sample.h"
#include "lib/test.h"

#if HAVE_ZSTD
#include <zstd.h>
#endif

enum { TEXT_SIZE = 300000, ZLIB = 1, ZSTD = 2 };

/* Compressible, and longer than one block of either algorithm. */
static uint8_t *make_text(void)
{
	static uint8_t text[TEXT_SIZE];
	uint32_t x = 1;
	for (size_t i = 0; i < TEXT_SIZE; i++) {
		x = x * 1664525 + 1013904223;
		text[i] = (uint8_t)("abcdefgh"[x >> 29] + (i % 4096 == 0));
	}
	return text;
}

static void put_zlib(struct as *a, const uint8_t *bytes, size_t size)
{
	uLongf packed_size = compressBound(size);
	uint8_t *packed = malloc(packed_size);
	ck_assert_int_eq(compress2(packed, &packed_size, bytes, size, 9), Z_OK);
	as_bytes(a, packed, packed_size);
	free(packed);
}

#if HAVE_ZSTD
static void put_zstd(struct as *a, const uint8_t *bytes, size_t size)
{
	size_t room = ZSTD_compressBound(size);
	uint8_t *packed = malloc(room);
	size_t packed_size = ZSTD_compress(packed, room, bytes, size, 19);
	ck_assert(!ZSTD_isError(packed_size));
	as_bytes(a, packed, packed_size);
	free(packed);
}
#else
static void put_zstd(struct as *a, const uint8_t *bytes, size_t size)
{
	as_bytes(a, bytes, size);
}
#endif

static void put_chdr(struct as *a, const struct sample_kind *kind, uint32_t type, uint64_t size)
{
	as_u32(a, type);
	if (kind->is64)
		as_u32(a, 0);
	sample_word(a, kind->is64, size);
	sample_word(a, kind->is64, 1);
}

static void put_zdebug(struct as *a, uint64_t size)
{
	as_bytes(a, "ZLIB", 4);
	bool big = a->big;
	a->big = true;
	as_u64(a, size);
	a->big = big;
}

/* Reads the only section of a file with @bytes in it. */
static int read_section(const struct sample_kind *kind, const char *name, uint64_t flags,
                        const struct as *bytes, struct elf_data *data, struct turf_error *err)
{
	struct as a = { 0 };
	struct elf elf;
	struct elf_section section;
	const struct sample_section s = { name, SHT_PROGBITS, flags, as_span(bytes), 0, 0 };
	sample_elf(&a, kind, &s, 1);
	ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
	ck_assert_int_eq(turf_elf_section(&elf, 1, &section, NULL), 0);
	int r = turf_elf_data(&elf, &section, data, err);
	if (r == 0 && !data->owned) { /* outlives the file below */
		data->bytes = exact_copy(data->bytes.at, data->bytes.size);
		data->owned = (void *)data->bytes.at;
	}
	as_free(&a);
	return r;
}

START_TEST(inflates_every_form)
{
	const uint8_t *text = make_text();
	for (size_t i = 0; i < COUNT(sample_kinds); i++) {
		const struct sample_kind *kind = &sample_kinds[i];
		for (uint32_t type = 0; type <= (HAVE_ZSTD ? ZSTD : ZLIB); type++) {
			struct as a = { .big = kind->big };
			struct elf_data data = { 0 };
			struct turf_error err = { 0 };
			if (type == 0)
				put_zdebug(&a, TEXT_SIZE);
			else
				put_chdr(&a, kind, type, TEXT_SIZE);
			(type == ZSTD ? put_zstd : put_zlib)(&a, text, TEXT_SIZE);
			int r = read_section(kind, type ? ".debug_info" : ".zdebug_info",
			                     type ? SHF_COMPRESSED : 0, &a, &data, &err);
			ck_assert_msg(r == 0, "%s, type %u: %s", kind->name, type, err.text);
			ck_assert_uint_eq(data.bytes.size, TEXT_SIZE);
			ck_assert(memcmp(data.bytes.at, text, TEXT_SIZE) == 0);
			turf_elf_data_fini(&data);
			ck_assert_ptr_null(data.bytes.at);
			as_free(&a);
		}
	}
}
END_TEST

/* How the stream is made, and what the header claims. */
enum stream {
	WHOLE, /* of the text */
	TWICE, /* two streams, half of the text each */
	CUT,   /* without its last 3 bytes */
	EMPTY, /* no byte */
	NOISE, /* nothing of the sort */
};
static const struct {
	const char *what;
	enum stream stream;
	uint64_t claim;
	int expect;
} lies[] = {
	{ "true", WHOLE, TEXT_SIZE, 0 },
	{ "two streams behind each other", TWICE, TEXT_SIZE, 0 },
	{ "one byte too many claimed", WHOLE, TEXT_SIZE + 1, -EBADMSG },
	{ "one byte too few claimed", WHOLE, TEXT_SIZE - 1, -EBADMSG },
	{ "nothing claimed", WHOLE, 0, -EBADMSG },
	{ "two streams, the first claimed", TWICE, TEXT_SIZE / 2, -EBADMSG },
	{ "cut", CUT, TEXT_SIZE, -EBADMSG },
	{ "no stream", EMPTY, TEXT_SIZE / 10, -EBADMSG },
	{ "no stream, nothing claimed", EMPTY, 0, -EBADMSG },
	{ "noise", NOISE, TEXT_SIZE / 10, -EBADMSG },
	{ "16 EiB", WHOLE, UINT64_MAX, -E2BIG },
	{ "above 16 GiB", WHOLE, ((uint64_t)16 << 30) + 1, -E2BIG },
};

static void put_stream(struct as *a, enum stream stream, uint32_t type)
{
	void (*put)(struct as *, const uint8_t *, size_t) = type == ZSTD ? put_zstd : put_zlib;
	const uint8_t *text = make_text();
	switch (stream) {
	case TWICE:
		put(a, text, TEXT_SIZE / 2);
		put(a, text + TEXT_SIZE / 2, TEXT_SIZE / 2);
		break;
	case EMPTY:
		break;
	case NOISE:
		as_bytes(a, text, 4000);
		break;
	default:
		put(a, text, TEXT_SIZE);
	}
	if (stream == CUT)
		a->buf.n -= 3;
}

START_TEST(refuses_lies)
{
	for (uint32_t type = ZLIB; type <= (HAVE_ZSTD ? ZSTD : ZLIB); type++)
		for (size_t i = 0; i < COUNT(lies); i++) {
			struct as a = { 0 };
			struct elf_data data = { .owned = (void *)KEPT };
			struct turf_error err = { 0 };
			put_chdr(&a, &sample_kinds[0], type, lies[i].claim);
			put_stream(&a, lies[i].stream, type);
			int r = read_section(&sample_kinds[0], ".debug_info", SHF_COMPRESSED,
			                     &a, &data, &err);
			ck_assert_msg(r == lies[i].expect, "%s, type %u: got %d (%s)",
			              lies[i].what, type, r, err.text);
			ck_assert_int_eq(err.code, r);
			if (r < 0)
				ck_assert_ptr_eq(data.owned, KEPT);
			else
				turf_elf_data_fini(&data);
			as_free(&a);
		}
}
END_TEST

/* zlib's bound of 1032:1 is reached in practice, so it must not be refused. */
START_TEST(inflates_zeroes)
{
	enum { SIZE = 32 << 20 };
	uint8_t *zeroes = calloc(1, SIZE);
	for (uint32_t type = ZLIB; type <= (HAVE_ZSTD ? ZSTD : ZLIB); type++) {
		struct as a = { 0 };
		struct elf_data data = { 0 };
		put_chdr(&a, &sample_kinds[0], type, SIZE);
		(type == ZSTD ? put_zstd : put_zlib)(&a, zeroes, SIZE);
		ck_assert_int_eq(read_section(&sample_kinds[0], ".debug_str", SHF_COMPRESSED,
		                              &a, &data, NULL),
		                 0);
		ck_assert_uint_eq(data.bytes.size, SIZE);
		ck_assert(memcmp(data.bytes.at, zeroes, SIZE) == 0);
		turf_elf_data_fini(&data);
		as_free(&a);
	}
	free(zeroes);
}
END_TEST

START_TEST(other_forms)
{
	struct as a = { 0 };
	struct elf_data data = { 0 };
	put_chdr(&a, &sample_kinds[0], 3, 100);
	ck_assert_int_eq(
		read_section(&sample_kinds[0], ".debug_info", SHF_COMPRESSED, &a, &data, NULL),
		-ENOTSUP);
	a.buf.n = 23; /* the header has 24 */
	ck_assert_int_eq(
		read_section(&sample_kinds[0], ".debug_info", SHF_COMPRESSED, &a, &data, NULL),
		-EBADMSG);
	/* .zdebug_ without its magic is as it stands; a magic elsewhere means nothing */
	ck_assert_int_eq(read_section(&sample_kinds[0], ".zdebug_info", 0, &a, &data, NULL), 0);
	ck_assert_uint_eq(data.bytes.size, 23);
	turf_elf_data_fini(&data);
	a.buf.n = 0;
	put_zdebug(&a, 10);
	ck_assert_int_eq(read_section(&sample_kinds[0], ".debug_info", 0, &a, &data, NULL), 0);
	ck_assert_uint_eq(data.bytes.size, 12);
	turf_elf_data_fini(&data);
	ck_assert_int_eq(read_section(&sample_kinds[0], ".zdebug_info", 0, &a, &data, NULL),
	                 -EBADMSG);
	as_free(&a);
}
END_TEST

static int survived;

static void read_stream(struct span bytes)
{
	for (uint64_t flags = 0; flags <= SHF_COMPRESSED; flags += SHF_COMPRESSED) {
		struct elf elf = { .file = bytes, .is64 = true };
		struct elf_section section = { .name = ".zdebug_x",
			                       .type = SHT_PROGBITS,
			                       .flags = flags,
			                       .size = bytes.size };
		struct elf_data data = { 0 };
		survived = turf_elf_data(&elf, &section, &data, NULL);
		turf_elf_data_fini(&data);
	}
}

static void refuse(struct span part)
{
	read_stream(part);
	ck_assert_int_lt(survived, 0);
}

START_TEST(every_stream_bent_is_survived)
{
	for (uint32_t type = ZLIB; type <= ZSTD; type++) {
		struct as a = { 0 };
		put_chdr(&a, &sample_kinds[0], type, 2000);
		(type == ZSTD ? put_zstd : put_zlib)(&a, make_text(), 2000);
		every_prefix(as_span(&a), refuse);
		every_byte_bent(as_span(&a), read_stream);
		as_free(&a);
	}
	struct as a = { 0 };
	put_zdebug(&a, 2000);
	put_zlib(&a, make_text(), 2000);
	every_byte_bent(as_span(&a), read_stream);
	as_free(&a);
}
END_TEST

TESTS("elf/compress", inflates_every_form, refuses_lies, inflates_zeroes, other_forms,
      every_stream_bent_is_survived)
