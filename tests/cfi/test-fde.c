/* SPDX-License-Identifier: MIT */
/* CIEs and FDEs: augmentations, pointer encodings, lengths, both sections, all versions. */
#include "cfi/sample.h"
#include "lib/test.h"

enum { PCREL = 1 };
static const uint8_t PCREL4[] = { 0x1b };

/* Walks @section and expects @want results in turn, then the end. */
static void expect_walk(const char *what, const struct cfi_section *section, const int *want,
                        size_t n, struct cfi_fde *last)
{
	struct cfi_fdes walk;
	turf_cfi_fdes(section, &walk);
	for (size_t i = 0; i <= n; i++) {
		struct turf_error err = { 0 };
		int expect = i < n ? want[i] : 0;
		int r = turf_cfi_next_fde(&walk, last, &err);
		ck_assert_msg(r == expect, "%s: entry %zu gives %d (%s)", what, i, r, err.text);
		ck_assert_int_eq(err.code, MIN(r, 0));
	}
}

/* An FDE's start and size in each encoding; its field is at address 0x1034 or so. */
static const struct {
	const char *what;
	uint8_t encoding;
	uint64_t start, size;
	unsigned field; /* bytes of each, 0: LEB128 */
	uint64_t base;  /* what the field is relative to; PCREL: its own address */
	int expect;
} encodings[] = {
	{ "absolute", 0x00, 0x123456789, 0x10, 8, 0, 1 },
	{ "uleb128", 0x01, 0x123456789, 0x200, 0, 0, 1 },
	{ "udata2", 0x02, 0xfff0, 0xf, 2, 0, 1 },
	{ "udata4", 0x03, 0xfffffff0, 0x10, 4, 0, 1 },
	{ "udata8", 0x04, 0x8000000000000000, 0x10, 8, 0, 1 },
	{ "signed pointer", 0x08, 0x7000, 0x10, 8, 0, 1 },
	{ "sdata2, pc-relative, backwards", 0x1a, 0x10, 0x10, 2, PCREL, 1 },
	{ "sdata4, pc-relative", 0x1b, 0x80001000, 0x10, 4, PCREL, 1 },
	{ "sdata8, pc-relative", 0x1c, 0x123456789a, 0x10, 8, PCREL, 1 },
	{ "udata4, text-relative", 0x23, 0x20100, 0x10, 4, 0x20000, 1 },
	{ "sdata4, data-relative, backwards", 0x3b, 0x2ff00, 0x10, 4, 0x30000, 1 },
	{ "no bytes", 0x1b, 0x7000, 0, 4, PCREL, 1 },
	{ "dead code at 0", 0x00, 0, 0x10, 8, 0, 1 },
	{ "dead code at the top", 0x00, UINT64_MAX, 0x10, 8, 0, 0 },
	{ "dead code below the top", 0x00, UINT64_MAX - 1, 0x10, 8, 0, 0 },
	{ "wraps", 0x00, UINT64_MAX - 16, 17, 8, 0, -EBADMSG },
	{ "function-relative", 0x43, 0x7000, 0x10, 4, 0, -EBADMSG },
	{ "aligned", 0x50, 0x7000, 0x10, 8, 0, -EBADMSG },
	{ "indirect", 0x9b, 0x7000, 0x10, 4, PCREL, -EBADMSG },
	{ "omitted", 0xff, 0x7000, 0x10, 4, 0, -EBADMSG },
	{ "format 5", 0x05, 0x7000, 0x10, 4, 0, -EBADMSG },
};

static void put_field(struct as *a, uint64_t value, unsigned size)
{
	if (size)
		as_uint(a, value, size);
	else
		as_uleb(a, value);
}

START_TEST(reads_every_encoding)
{
	for (size_t i = 0; i < COUNT(encodings); i++) {
		struct as a = { 0 };
		struct cfi_fde fde = { .off = 77 };
		size_t cie = put_eh_cie(&a, "zR", &encodings[i].encoding, 1);
		struct sample_entry e = begin_entry(&a, false);
		as_u32(&a, (uint32_t)(as_here(&a) - cie));
		uint64_t base = encodings[i].base;
		if (base == PCREL)
			base = SECTION_ADDR + as_here(&a);
		put_field(&a, encodings[i].start - base, encodings[i].field);
		put_field(&a, encodings[i].size, encodings[i].field);
		as_uleb(&a, 0);
		end_entry(&a, &e);
		struct cfi_section section = eh_section(as_span(&a));
		expect_walk(encodings[i].what, &section, &encodings[i].expect, 1, &fde);
		if (encodings[i].expect == 1) {
			ck_assert_msg(fde.start == encodings[i].start, "%s: start 0x%llx",
			              encodings[i].what, (unsigned long long)fde.start);
			ck_assert_uint_eq(fde.end - fde.start, encodings[i].size);
			ck_assert_uint_eq(fde.off, e.off);
			ck_assert_uint_eq(fde.return_reg, 16);
		} else {
			ck_assert_uint_eq(fde.off, 77);
		}
		as_free(&a);
	}
}
END_TEST

static const struct {
	const char *what, *augmentation;
	uint8_t data[16];
	size_t size;
	int expect;
	bool signal_frame, absolute; /* what the FDE then is, and how its start is written */
} augmentations[] = {
	{ "gcc's for C", "zR", { 0x1b }, 1, 1, false, false },
	{ "gcc's for C++", "zPLR", { 0x9b, 1, 2, 3, 4, 0x1b, 0x1b }, 7, 1, false, false },
	{ "8-byte personality",
	  "zPLR",
	  { 0x00, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0x1b },
	  11,
	  1,
	  false,
	  false },
	{ "aligned personality",
	  "zPR",
	  { 0x50, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b },
	  16,
	  1,
	  false,
	  false },
	{ "no personality", "zPR", { 0xff, 0x1b }, 2, 1, false, false },
	{ "signal frame", "zRS", { 0x1b }, 1, 1, true, false },
	{ "arm64 key B, tagged", "zRBG", { 0x1b }, 1, 1, false, false },
	{ "more data than letters", "zR", { 0x1b, 9, 9 }, 3, 1, false, false },
	{ "sized, with nothing", "z", { 0 }, 0, 1, false, true },
	{ "unknown letter", "zRX", { 0x1b }, 1, -ENOTSUP, false, false },
	{ "unknown without size", "X", { 0 }, 0, -ENOTSUP, false, false },
	{ "data ends before a letter's", "zLR", { 0x1b }, 1, -EBADMSG, false, false },
	{ "encoding missing", "zR", { 0 }, 0, -EBADMSG, false, false },
};

START_TEST(reads_every_augmentation)
{
	for (size_t i = 0; i < COUNT(augmentations); i++) {
		struct as a = { 0 };
		struct cfi_fde fde = { 0 };
		size_t cie = put_eh_cie(&a, augmentations[i].augmentation,
		                        augmentations[i].data, augmentations[i].size);
		if (augmentations[i].absolute) {
			struct sample_entry e = begin_entry(&a, false);
			as_u32(&a, (uint32_t)(as_here(&a) - cie));
			as_u64(&a, START);
			as_u64(&a, 0x20);
			as_uleb(&a, 0);
			end_entry(&a, &e);
		} else {
			put_eh_fde(&a, cie, START, 0x20, NULL, 0);
		}
		struct cfi_section section = eh_section(as_span(&a));
		expect_walk(augmentations[i].what, &section, &augmentations[i].expect, 1, &fde);
		if (augmentations[i].expect == 1) {
			ck_assert_msg(fde.start == START && fde.end == START + 0x20, "%s",
			              augmentations[i].what);
			ck_assert_uint_eq(fde.signal_frame, augmentations[i].signal_frame);
		}
		as_free(&a);
	}
}
END_TEST

/* Neither "eh" nor "" has sizes in FDEs; "eh" puts a pointer before the alignments. */
START_TEST(reads_old_augmentations)
{
	for (int eh = 0; eh < 2; eh++) {
		struct as a = { 0 };
		struct cfi_fde fde;
		struct sample_entry e = begin_entry(&a, false);
		as_u32(&a, 0);
		as_u8(&a, 1);
		as_str(&a, eh ? "eh" : "");
		if (eh)
			as_u64(&a, 0x1234567890abcdef);
		as_uleb(&a, 2);
		as_sleb(&a, -4);
		as_u8(&a, 30);
		end_entry(&a, &e);
		struct sample_entry f = begin_entry(&a, false);
		as_u32(&a, (uint32_t)as_here(&a));
		as_u64(&a, START);
		as_u64(&a, 0x30);
		as_u8(&a, 0x42);
		end_entry(&a, &f);
		struct cfi_section section = eh_section(as_span(&a));
		expect_walk("old", &section, (int[]){ 1 }, 1, &fde);
		ck_assert_uint_eq(fde.start, START);
		ck_assert_uint_eq(fde.end, START + 0x30);
		ck_assert_uint_eq(fde.return_reg, 30);
		ck_assert_uint_eq(fde.program.at[0], 0x42);
		as_free(&a);
	}
}
END_TEST

/* .debug_frame: versions, sizes of length, of addresses and of segments, both orders. */
static const struct {
	const char *what;
	uint8_t version, address_size, segment_size, own_size; /* own: of section */
	bool is64, big;
	uint64_t return_reg;
	int expect;
} frames[] = {
	{ "DWARF 2", 1, 0, 0, 8, false, false, 16, 1 },
	{ "DWARF 3", 3, 0, 0, 8, false, false, 200, 1 },
	{ "DWARF 3, 32-bit addresses", 3, 0, 0, 4, false, true, 14, 1 },
	{ "DWARF 4", 4, 8, 0, 4, false, false, 16, 1 },
	{ "DWARF 4, 64-bit", 4, 8, 0, 8, true, false, 16, 1 },
	{ "DWARF 4, 64-bit, big-endian", 4, 4, 0, 8, true, true, 16, 1 },
	{ "DWARF 4, segments", 4, 8, 2, 8, false, false, 16, 1 },
	{ "version 2", 2, 0, 0, 8, false, false, 16, -ENOTSUP },
	{ "version 5", 5, 8, 0, 8, false, false, 16, -ENOTSUP },
	{ "addresses of 3 bytes", 4, 3, 0, 8, false, false, 16, -ENOTSUP },
	{ "segments of 9 bytes", 4, 8, 9, 8, false, false, 16, -ENOTSUP },
	{ "return register 256", 3, 0, 0, 8, false, false, 256, -ENOTSUP },
};

START_TEST(reads_debug_frame)
{
	for (size_t i = 0; i < COUNT(frames); i++) {
		struct as a = { .big = frames[i].big };
		struct cfi_fde fde = { 0 };
		unsigned word = frames[i].is64 ? 8 : 4;
		unsigned address =
			frames[i].version >= 4 ? frames[i].address_size : frames[i].own_size;
		as_align(&a, 4);
		struct sample_entry unused =
			begin_entry(&a, false); /* so that the CIE is at 8 */
		as_u32(&a, 0xffffffff);
		end_entry(&a, &unused);
		struct sample_entry cie = begin_entry(&a, frames[i].is64);
		as_uint(&a, UINT64_MAX, word);
		as_u8(&a, frames[i].version);
		as_str(&a, "");
		if (frames[i].version >= 4) {
			as_u8(&a, frames[i].address_size);
			as_u8(&a, frames[i].segment_size);
		}
		as_uleb(&a, 4);
		as_sleb(&a, -4);
		if (frames[i].version == 1)
			as_u8(&a, (uint8_t)frames[i].return_reg);
		else
			as_uleb(&a, frames[i].return_reg);
		end_entry(&a, &cie);
		struct sample_entry e = begin_entry(&a, frames[i].is64);
		as_uint(&a, cie.off, word);
		for (unsigned s = 0; s < frames[i].segment_size; s++)
			as_u8(&a, 0x55);
		as_uint(&a, START, MIN(address, 8));
		as_uint(&a, 0x40, MIN(address, 8));
		end_entry(&a, &e);
		struct cfi_section section = { .bytes = as_span(&a),
			                       .addr = SECTION_ADDR,
			                       .address_size = frames[i].own_size,
			                       .big = frames[i].big,
			                       .machine = EM_AARCH64 };
		expect_walk(frames[i].what, &section, &frames[i].expect, 1, &fde);
		if (frames[i].expect == 1) {
			ck_assert_msg(fde.start == START && fde.end == START + 0x40, "%s",
			              frames[i].what);
			ck_assert_uint_eq(fde.return_reg, frames[i].return_reg);
		}
		as_free(&a);
	}
}
END_TEST

/* One bad entry does not hide those behind it; an impossible length does. */
START_TEST(goes_on_behind_bad_entries)
{
	struct as a = { 0 };
	struct cfi_fde fde;
	size_t cie = put_eh_cie(&a, "zR", PCREL4, 1);
	put_eh_fde(&a, cie, START, 1, NULL, 0);
	as_u32(&a, 0); /* terminators, as a joined file has them in the middle */
	as_u32(&a, 0);
	put_eh_fde(&a, cie + 4, START, 2, NULL, 0); /* no CIE there */
	as_u32(&a, 3);                              /* too short for its id */
	as_bytes(&a, "abc", 3);
	size_t fde_at = as_here(&a);
	put_eh_fde(&a, cie, START, 3, NULL, 0);
	put_eh_fde(&a, fde_at, START, 4, NULL, 0);            /* its CIE is an FDE */
	put_eh_fde(&a, as_here(&a) + 100, START, 5, NULL, 0); /* CIE outside */
	put_eh_fde(&a, cie, START, 6, NULL, 0);
	as_u32(&a, 0x1000);
	as_u32(&a, 0);
	struct cfi_section section = eh_section(as_span(&a));
	expect_walk("mixed", &section,
	            (int[]){ 1, -EBADMSG, -EBADMSG, 1, -EBADMSG, -EBADMSG, 1, -EBADMSG }, 8,
	            &fde);
	ck_assert_uint_eq(fde.end, START + 6);
	as_free(&a);
}
END_TEST

START_TEST(refuses_huge_cies)
{
	struct as a = { 0 };
	struct cfi_fde fde;
	struct sample_entry e = begin_entry(&a, false);
	as_u32(&a, 0);
	as_u8(&a, 1);
	for (int i = 0; i < 5000; i++)
		as_u8(&a, 'S');
	as_str(&a, "");
	end_entry(&a, &e);
	put_eh_fde(&a, 0, START, 1, NULL, 0);
	struct cfi_section section = eh_section(as_span(&a));
	expect_walk("huge", &section, (int[]){ -E2BIG }, 1, &fde);
	as_free(&a);
}
END_TEST

TESTS("cfi/fde", reads_every_encoding, reads_every_augmentation, reads_old_augmentations,
      reads_debug_frame, goes_on_behind_bad_entries, refuses_huge_cies)
