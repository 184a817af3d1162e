/* SPDX-License-Identifier: MIT */
/*
 * MiniDebugInfo: .gnu_debugdata holds an ELF file of its own, compressed by xz, whose .symtab
 * has the functions that .dynsym has not.
 *
 * Nothing in an xz stream bounds what comes out of it: the memory grows as bytes arrive, up to
 * 256 MiB; the decoder itself may use 128 MiB (`xz -9` needs 65).
 *
 * Source: gdb manual, "Debugging information in a special section"; the .xz file format 1.1.0
 */
#include <elf.h>

#include "config.h"
#include "elf/elf.h"

#if HAVE_LZMA
#include <lzma.h>

enum {
	DECODER_MAX = 128 << 20,
	OUT_MAX = 256 << 20,
	FIRST = 64 << 10, /* bytes of output there is room for at first */
};

struct growing {
	uint8_t *at;
	size_t size;
};

/* Twice the room; false: it is as large as it may be, or there is no memory. */
static int grow(struct growing *out, lzma_stream *z, struct turf_error *err)
{
	size_t size = out->size ? out->size * 2 : FIRST;
	if (size > OUT_MAX)
		return turf_fail(err, -E2BIG, TURF_NOWHERE,
		                 "section .gnu_debugdata: inflates to more than our limit of "
		                 "256 MiB");
	uint8_t *more = realloc(out->at, size);
	if (!more)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE,
		                 "section .gnu_debugdata: no memory to inflate it");
	z->next_out = more + out->size;
	z->avail_out = size - out->size;
	*out = (struct growing){ more, size };
	return 0;
}

static int failed(lzma_ret why, struct turf_error *err)
{
	switch (why) {
	case LZMA_MEM_ERROR:
		return turf_fail(err, -ENOMEM, TURF_NOWHERE,
		                 "section .gnu_debugdata: no memory to inflate it");
	case LZMA_MEMLIMIT_ERROR:
		return turf_fail(err, -E2BIG, TURF_NOWHERE,
		                 "section .gnu_debugdata: its decoder wants more than our "
		                 "limit of 128 MiB");
	case LZMA_OPTIONS_ERROR:
		return turf_fail(err, -ENOTSUP, TURF_NOWHERE,
		                 "section .gnu_debugdata: a filter of xz that is not read");
	case LZMA_BUF_ERROR:
		return turf_fail(err, -EBADMSG, TURF_NOWHERE,
		                 "section .gnu_debugdata: the xz stream ends early");
	default:
		return turf_fail(err, -EBADMSG, TURF_NOWHERE,
		                 "section .gnu_debugdata: the xz stream is malformed");
	}
}

static int decode(lzma_stream *z, struct growing *out, struct turf_error *err)
{
	for (;;) {
		int r = z->avail_out ? 0 : grow(out, z, err);
		if (r < 0)
			return r;
		lzma_ret told = lzma_code(z, LZMA_FINISH);
		if (told == LZMA_STREAM_END)
			return 0;
		if (told != LZMA_OK && !(told == LZMA_BUF_ERROR && !z->avail_out))
			return failed(told, err);
	}
}

static int inflate(struct span stream, struct elf_data *ret, struct turf_error *err)
{
	lzma_stream z = LZMA_STREAM_INIT;
	struct growing out = { 0 };
	lzma_ret told = lzma_stream_decoder(&z, DECODER_MAX, LZMA_CONCATENATED);
	int r = told == LZMA_OK ? 0 : failed(told, err);
	z.next_in = stream.at;
	z.avail_in = stream.size;
	if (r == 0)
		r = decode(&z, &out, err);
	lzma_end(&z);
	if (r < 0) {
		free(out.at);
		return r;
	}
	*ret = (struct elf_data){ { out.at, out.size - z.avail_out }, out.at };
	return 1;
}
#else
static int inflate(struct span stream, struct elf_data *ret, struct turf_error *err)
{
	(void)stream, (void)ret;
	return turf_fail(err, -ENOTSUP, TURF_NOWHERE,
	                 "section .gnu_debugdata: compressed with xz, which this build does "
	                 "not read");
}
#endif

int turf_elf_debug_data(const struct elf *elf, struct elf_data *ret, struct turf_error *err)
{
	struct elf_section section;
	struct elf_data packed;
	int r = turf_elf_find_section(elf, ".gnu_debugdata", &section, err);
	if (r <= 0 || section.type == SHT_NOBITS)
		return MIN(r, 0);
	r = turf_elf_data(elf, &section, &packed, err);
	if (r < 0)
		return r;
	r = inflate(packed.bytes, ret, err);
	turf_elf_data_fini(&packed);
	return r;
}
