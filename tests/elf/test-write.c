/* SPDX-License-Identifier: MIT */
/* What is written is read back the same, byte for byte what it should be, and nothing else. */
#include <elf.h>

#include "elf/elf.h"
#include "elf/sample.h"
#include "lib/emit.h"
#include "lib/test.h"

static struct as note, build_id;

static void make_out(struct elf_out *out)
{
	note.buf.n = build_id.buf.n = 0;
	sample_note(&build_id, "GNU", NT_GNU_BUILD_ID, "0123456789abcdef", 16);
	sample_note(&note, "TURF", 1, "kind", 4);
	*out = (struct elf_out){
		.machine = EM_AARCH64,
		.n_sections = 6,
		.section = { { ".note.gnu.build-id", SHT_NOTE, 4, 0, as_span(&build_id), 0 },
		             { ".note.turf", SHT_NOTE, 4, 0, as_span(&note), 0 },
		             { ".urf.head",
		               SHT_PROGBITS,
		               8,
		               0,
		               { (const uint8_t *)"head", 5 },
		               0 },
		             { ".urf.empty", SHT_PROGBITS, 16, 16, { NULL, 0 }, 0 },
		             { ".urf.page",
		               SHT_PROGBITS,
		               4096,
		               3,
		               { (const uint8_t *)"abc", 3 },
		               0 },
		             { ".urf.strings",
		               SHT_PROGBITS,
		               1,
		               0,
		               { (const uint8_t *)"", 1 },
		               0 } },
	};
}

/* Written over 0xee, so that a byte left out shows. */
static struct span write_out(struct elf_out *out)
{
	ck_assert_int_eq(turf_elf_layout(out), 0);
	uint8_t *bytes = malloc(out->size);
	memset(bytes, 0xee, out->size);
	emit_elf(out, bytes);
	return (struct span){ bytes, out->size };
}

START_TEST(reads_back)
{
	struct elf_out out;
	struct elf elf;
	struct turf_error err = { 0 };
	make_out(&out);
	struct span file = write_out(&out);
	ck_assert_msg(turf_elf_open(file, &elf, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(elf.type, ET_DYN);
	ck_assert_uint_eq(elf.machine, EM_AARCH64);
	ck_assert_uint_eq(elf.n_sections, out.n_sections + 2);
	for (uint32_t i = 0; i < out.n_sections; i++) {
		struct elf_section s;
		struct elf_data data;
		ck_assert_int_eq(turf_elf_section(&elf, i + 1, &s, &err), 0);
		ck_assert_str_eq(s.name, out.section[i].name);
		ck_assert_uint_eq(s.type, out.section[i].type);
		ck_assert_uint_eq(s.flags, SHF_ALLOC);
		ck_assert_uint_eq(s.addr, s.off);
		ck_assert_uint_eq(s.off, out.section[i].off);
		ck_assert_uint_eq(s.off % out.section[i].align, 0);
		ck_assert_uint_eq(s.align, out.section[i].align);
		ck_assert_uint_eq(s.entry_size, out.section[i].entry_size);
		ck_assert_int_eq(turf_elf_data(&elf, &s, &data, &err), 0);
		ck_assert_uint_eq(data.bytes.size, out.section[i].bytes.size);
		if (data.bytes.size)
			ck_assert_mem_eq(data.bytes.at, out.section[i].bytes.at,
			                 data.bytes.size);
	}
	ck_assert_uint_eq(elf.shoff + elf.n_sections * sizeof(Elf64_Shdr), file.size);
	free((void *)file.at);
}
END_TEST

START_TEST(segments_cover_file_and_notes)
{
	struct elf_out out;
	struct elf elf;
	struct elf_segment load, notes;
	struct span id;
	make_out(&out);
	struct span file = write_out(&out);
	ck_assert_int_eq(turf_elf_open(file, &elf, NULL), 0);
	ck_assert_uint_eq(elf.n_segments, 2);
	ck_assert_int_eq(turf_elf_segment(&elf, 0, &load, NULL), 0);
	ck_assert_uint_eq(load.type, PT_LOAD);
	ck_assert_uint_eq(load.flags, PF_R);
	ck_assert_uint_eq(load.off, 0);
	ck_assert_uint_eq(load.addr, 0);
	ck_assert_uint_eq(load.file_size, file.size);
	ck_assert_uint_eq(load.mem_size, file.size);
	ck_assert_int_eq(turf_elf_segment(&elf, 1, &notes, NULL), 0);
	ck_assert_uint_eq(notes.type, PT_NOTE);
	ck_assert_uint_eq(notes.off, out.section[0].off);
	ck_assert_uint_eq(notes.addr, notes.off);
	ck_assert_uint_eq(notes.file_size, build_id.buf.n + note.buf.n);
	ck_assert_int_eq(turf_elf_build_id(&elf, &id, NULL), 1);
	ck_assert_uint_eq(id.size, 16);
	ck_assert_mem_eq(id.at, "0123456789abcdef", 16);
	free((void *)file.at);
}
END_TEST

/* Every byte is written, whatever lay there: padding is zero. */
START_TEST(same_input_same_bytes)
{
	struct elf_out out;
	make_out(&out);
	struct span first = write_out(&out);
	uint8_t *second = malloc(out.size);
	memset(second, 0x11, out.size);
	emit_elf(&out, second);
	ck_assert_mem_eq(first.at, second, out.size);
	for (uint64_t i = out.section[2].off + 5; i < out.section[4].off; i++)
		ck_assert_uint_eq(second[i], 0);
	free((void *)first.at);
	free(second);
}
END_TEST

START_TEST(without_sections)
{
	struct elf_out out = { .machine = EM_X86_64 };
	struct elf elf;
	struct elf_section names;
	struct span file = write_out(&out);
	ck_assert_int_eq(turf_elf_open(file, &elf, NULL), 0);
	ck_assert_uint_eq(elf.n_segments, 1);
	ck_assert_int_eq(turf_elf_find_section(&elf, ".shstrtab", &names, NULL), 1);
	free((void *)file.at);
}
END_TEST

/* One change of a good list each. */
static const struct {
	const char *what;
	size_t section;
	uint32_t type, align;
	uint64_t size;
	int expect;
} cases[] = {
	{ "unchanged", 2, SHT_PROGBITS, 8, 5, 0 },
	{ "no alignment", 2, SHT_PROGBITS, 0, 5, -EINVAL },
	{ "alignment of 12", 2, SHT_PROGBITS, 12, 5, -EINVAL },
	{ "alignment above a page", 2, SHT_PROGBITS, 8192, 5, -EINVAL },
	{ "a note behind the notes", 3, SHT_NOTE, 4, 8, -EINVAL },
	{ "a note aligned to 8", 1, SHT_NOTE, 8, 24, -EINVAL },
	{ "a note of odd size", 1, SHT_NOTE, 4, 23, -EINVAL },
	{ "too big for a file", 5, SHT_PROGBITS, 1, UINT64_MAX - 100, -E2BIG },
};

START_TEST(refuses_what_cannot_be_laid_out)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct elf_out out;
		make_out(&out);
		struct elf_out_section *s = &out.section[cases[i].section];
		s->type = cases[i].type;
		s->align = cases[i].align;
		s->bytes.size = cases[i].size;
		int r = turf_elf_layout(&out);
		ck_assert_msg(r == cases[i].expect, "%s: got %d", cases[i].what, r);
	}
	struct elf_out out = { .n_sections = ELF_WRITE_MAX_SECTIONS + 1 };
	ck_assert_int_eq(turf_elf_layout(&out), -E2BIG);
}
END_TEST

TESTS("elf/write", reads_back, segments_cover_file_and_notes, same_input_same_bytes,
      without_sections, refuses_what_cannot_be_laid_out)
