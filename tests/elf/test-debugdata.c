/* SPDX-License-Identifier: MIT */
/* .gnu_debugdata: whole, cut off, bent, and grown beyond all bounds. */
#include <elf.h>
#include <lzma.h>

#include "elf/elf.h"
#include "elf/sample.h"
#include "lib/test.h"

enum { MIB = 1 << 20 };

/* The xz stream of @size bytes that are nearly all alike; @dict: of the decoder. */
static struct span pack(size_t size, uint32_t dict, lzma_check check)
{
	uint8_t *bytes = calloc(1, size);
	size_t room = size / 64 + 4096, n = 0;
	uint8_t *out = malloc(room);
	lzma_options_lzma options;
	ck_assert(bytes && out);
	for (size_t i = 0; i < size; i += 4099)
		bytes[i] = (uint8_t)i;
	ck_assert(!lzma_lzma_preset(&options, 0));
	options.dict_size = dict;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options }, { LZMA_VLI_UNKNOWN, NULL } };
	ck_assert_int_eq(
		lzma_stream_buffer_encode(filters, check, NULL, bytes, size, out, &n, room),
		LZMA_OK);
	free(bytes);
	return (struct span){ out, n };
}

static int read_stream(struct span stream, uint32_t type, struct elf_data *data,
                       struct turf_error *err)
{
	struct as a = { 0 };
	struct elf elf;
	const struct sample_section section = { ".gnu_debugdata", type, 0, stream, 0, 0 };
	sample_elf(&a, &sample_kinds[0], &section, 1);
	ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
	int r = turf_elf_debug_data(&elf, data, err);
	as_free(&a);
	return r;
}

START_TEST(inflates_any_size)
{
	static const size_t sizes[] = { 0,      1,           65535, 65536,   65537,
		                        131072, 3 * MIB + 1, MIB,   16 * MIB };
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct span stream = pack(sizes[i], MIB, LZMA_CHECK_CRC64);
		struct elf_data data = { 0 };
		ck_assert_int_eq(read_stream(stream, SHT_PROGBITS, &data, NULL), 1);
		ck_assert_uint_eq(data.bytes.size, sizes[i]);
		for (size_t at = 0; at < sizes[i]; at++)
			if (data.bytes.at[at] != (at % 4099 ? 0 : (uint8_t)at))
				ck_abort_msg("byte %zu of %zu", at, sizes[i]);
		turf_elf_data_fini(&data);
		free((void *)stream.at);
	}
}
END_TEST

START_TEST(absent_is_no_error)
{
	struct elf_data data = { .owned = (void *)KEPT };
	ck_assert_int_eq(read_stream((struct span){ NULL, 8 }, SHT_NOBITS, &data, NULL), 0);
	ck_assert_ptr_eq(data.owned, KEPT);
	ck_assert_int_eq(read_stream((struct span){ 0 }, SHT_PROGBITS, &data, NULL), -EBADMSG);
	ck_assert_ptr_eq(data.owned, KEPT);
}
END_TEST

/* 40 kB that become 257 MiB, and a stream whose decoder wants 1 GiB. */
START_TEST(bounds_the_memory)
{
	struct turf_error err = { 0 };
	struct elf_data data = { .owned = (void *)KEPT };
	struct span stream = pack(257 * (size_t)MIB, MIB, LZMA_CHECK_NONE);
	ck_assert_int_eq(read_stream(stream, SHT_PROGBITS, &data, &err), -E2BIG);
	ck_assert_msg(strstr(err.text, "256 MiB"), "%s", err.text);
	free((void *)stream.at);
	/* the dictionary's size is the one byte of LZMA2's properties: 36 is 1 GiB; the CRC
	 * of the block's header, its last four bytes, is made anew */
	stream = pack(100, MIB, LZMA_CHECK_NONE);
	uint8_t *header = (uint8_t *)stream.at + 12;
	size_t size = (header[0] + 1U) * 4;
	uint8_t *lzma2 = memmem(header, size, "\x21\x01", 2);
	ck_assert_ptr_nonnull(lzma2);
	lzma2[2] = 36;
	uint32_t crc = htole32(lzma_crc32(header, size - 4, 0));
	memcpy(header + size - 4, &crc, sizeof(crc));
	err = (struct turf_error){ 0 };
	ck_assert_int_eq(read_stream(stream, SHT_PROGBITS, &data, &err), -E2BIG);
	ck_assert_msg(strstr(err.text, "128 MiB"), "%s", err.text);
	ck_assert_ptr_eq(data.owned, KEPT);
	free((void *)stream.at);
}
END_TEST

static void refuse(struct span part)
{
	struct turf_error err = { 0 };
	struct elf_data data = { 0 };
	ck_assert_int_eq(read_stream(part, SHT_PROGBITS, &data, &err), -EBADMSG);
	ck_assert_int_eq(err.code, -EBADMSG);
}

static void survive(struct span bent)
{
	struct elf_data data = { 0 };
	if (read_stream(bent, SHT_PROGBITS, &data, NULL) == 1)
		ck_assert_uint_le(data.bytes.size, 256 * MIB);
	turf_elf_data_fini(&data);
}

START_TEST(every_prefix_is_refused)
{
	struct span stream = pack(70000, MIB, LZMA_CHECK_CRC32);
	every_prefix(stream, refuse);
	every_byte_bent(stream, survive);
	free((void *)stream.at);
}
END_TEST

TESTS("elf/debugdata", inflates_any_size, absent_is_no_error, bounds_the_memory,
      every_prefix_is_refused)
