/* SPDX-License-Identifier: MIT */
/* Header, sections, segments and build-id, in every class, order and numbering. */
#include <elf.h>

#include "elf/elf.h"
#include "elf/sample.h"
#include "lib/test.h"

static const uint8_t BUILD_ID[] = { 1, 2, 3, 4, 5, 6, 7 };

static void make_notes(struct as *a, bool big)
{
	a->big = big;
	sample_note(a, "Odd", 7, "abcde", 5);
	sample_note(a, "GNU", NT_GNU_ABI_TAG, "1234", 4);
	sample_note(a, "GNX", NT_GNU_BUILD_ID, "no", 2);
	sample_note(a, "GNU", NT_GNU_BUILD_ID, BUILD_ID, sizeof(BUILD_ID));
}

static void make_file(struct as *a, const struct sample_kind *kind)
{
	struct as notes = { 0 };
	make_notes(&notes, kind->big);
	const struct sample_section sections[] = {
		{ ".note.gnu.build-id", SHT_NOTE, SHF_ALLOC, as_span(&notes), 0, 0 },
		{ ".text", SHT_PROGBITS, SHF_ALLOC, { (const uint8_t *)"code", 4 }, 0, 0 },
		{ ".bss", SHT_NOBITS, SHF_ALLOC, { NULL, 0x100000 }, 0, 0 },
		{ ".text", SHT_PROGBITS, 0, { (const uint8_t *)"second", 6 }, 0, 0 },
		{ ".empty", SHT_PROGBITS, 0, { NULL, 0 }, 3, 16 },
		{ ".gnu_debuglink",
		  SHT_PROGBITS,
		  0,
		  { (const uint8_t *)"a\0\0\0crc", 8 },
		  0,
		  0 },
	};
	sample_elf(a, kind, sections, COUNT(sections));
	as_free(&notes);
}

START_TEST(reads_every_kind)
{
	for (size_t i = 0; i < COUNT(sample_kinds); i++) {
		const struct sample_kind *kind = &sample_kinds[i];
		struct as a = { 0 };
		struct elf elf;
		struct turf_error err = { 0 };
		make_file(&a, kind);
		ck_assert_msg(turf_elf_open(as_span(&a), &elf, &err) == 0, "%s: %s", kind->name,
		              err.text);
		ck_assert_uint_eq(elf.is64, kind->is64);
		ck_assert_uint_eq(elf.big, kind->big);
		ck_assert_uint_eq(elf.type, ET_DYN);
		ck_assert_uint_eq(elf.machine, EM_X86_64);
		ck_assert_uint_eq(elf.n_sections, 8);
		ck_assert_uint_eq(elf.n_segments, 2);

		struct elf_section s;
		ck_assert_int_eq(turf_elf_find_section(&elf, ".text", &s, &err), 1);
		ck_assert_uint_eq(s.idx, 2);
		ck_assert_uint_eq(s.addr, 0x400000 + s.off);
		ck_assert_uint_eq(s.align, 4);
		struct elf_data data;
		ck_assert_int_eq(turf_elf_data(&elf, &s, &data, &err), 0);
		ck_assert_uint_eq(data.bytes.size, 4);
		ck_assert_mem_eq(data.bytes.at, "code", 4);
		ck_assert_ptr_null(data.owned);
		ck_assert_int_eq(turf_elf_find_section(&elf, ".bss", &s, &err), 1);
		ck_assert_uint_eq(s.size, 0x100000);
		ck_assert_int_eq(turf_elf_data(&elf, &s, &data, &err), 0);
		ck_assert_uint_eq(data.bytes.size, 0);
		ck_assert_int_eq(turf_elf_find_section(&elf, ".empty", &s, &err), 1);
		ck_assert_uint_eq(s.link, 3);
		ck_assert_uint_eq(s.entry_size, 16);
		ck_assert_int_eq(turf_elf_data(&elf, &s, &data, &err), 0);
		ck_assert_uint_eq(data.bytes.size, 0);
		ck_assert_int_eq(turf_elf_section(&elf, 7, &s, &err), 0);
		ck_assert_str_eq(s.name, ".shstrtab");
		as_free(&a);
	}
}
END_TEST

START_TEST(reads_segments_and_build_id)
{
	for (size_t i = 0; i < COUNT(sample_kinds); i++) {
		const struct sample_kind *kind = &sample_kinds[i];
		struct as a = { 0 };
		struct elf elf;
		struct elf_segment load, note;
		struct elf_section section;
		make_file(&a, kind);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		ck_assert_int_eq(turf_elf_segment(&elf, 0, &load, NULL), 0);
		ck_assert_uint_eq(load.type, PT_LOAD);
		ck_assert_uint_eq(load.flags, PF_R);
		ck_assert_uint_eq(load.file_size, a.buf.n);
		ck_assert_uint_eq(load.mem_size, a.buf.n + 1);
		ck_assert_uint_eq(load.addr, 0x400000);
		ck_assert_uint_eq(load.align, 4);
		ck_assert_int_eq(turf_elf_segment(&elf, 1, &note, NULL), 0);
		ck_assert_int_eq(turf_elf_section(&elf, 1, &section, NULL), 0);
		ck_assert_uint_eq(note.type, PT_NOTE);
		ck_assert_uint_eq(note.off, section.off);
		ck_assert_int_eq(turf_elf_segment(&elf, 2, &note, NULL), -EINVAL);
		ck_assert_int_eq(turf_elf_section(&elf, 8, &section, NULL), -EINVAL);

		struct span id = { 0 };
		ck_assert_msg(turf_elf_build_id(&elf, &id, NULL) == 1, "%s", kind->name);
		ck_assert_uint_eq(id.size, sizeof(BUILD_ID));
		ck_assert_mem_eq(id.at, BUILD_ID, sizeof(BUILD_ID));
		as_free(&a);
	}
}
END_TEST

/* A separate debug file keeps PT_NOTE of the file it came from: sections are asked then. */
START_TEST(build_id_of_a_debug_file)
{
	struct as a = { 0 };
	struct elf elf;
	struct span id = { 0 };
	make_file(&a, &sample_kinds[0]);
	as_patch(&a, 64 + 56 + 8, 0x7fffffff, 8); /* p_offset of PT_NOTE */
	ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
	ck_assert_int_eq(turf_elf_build_id(&elf, &id, NULL), 1);
	ck_assert_mem_eq(id.at, BUILD_ID, sizeof(BUILD_ID));

	struct turf_error err = { 0 };
	as_patch(&a, 40, 0, 8); /* no sections: the malformed segment is all there is */
	ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
	ck_assert_uint_eq(elf.n_sections, 0);
	ck_assert_int_eq(turf_elf_build_id(&elf, &id, &err), -EBADMSG);
	ck_assert_int_eq(err.code, -EBADMSG);
	as_free(&a);
}
END_TEST

START_TEST(absent_is_no_error)
{
	struct as a = { 0 };
	struct elf elf;
	struct elf_section section = { .name = KEPT };
	struct span id = { (const uint8_t *)KEPT, 1 };
	const struct sample_section text = { ".text", SHT_PROGBITS, 0, { NULL, 0 }, 0, 0 };
	sample_elf(&a, &sample_kinds[0], &text, 1);
	ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
	ck_assert_int_eq(turf_elf_find_section(&elf, ".debug_info", &section, NULL), 0);
	ck_assert_ptr_eq(section.name, KEPT);
	ck_assert_int_eq(turf_elf_build_id(&elf, &id, NULL), 0);
	ck_assert_ptr_eq(id.at, KEPT);
	struct elf_debug_link link = { .name = KEPT };
	ck_assert_int_eq(turf_elf_debug_link(&elf, &link, NULL), 0);
	ck_assert_ptr_eq(link.name, KEPT);
	as_free(&a);
}
END_TEST

START_TEST(finds_what_old_tools_compressed)
{
	static const struct {
		const char *there, *asked;
		int r;
	} names[] = {
		{ ".debug_info", ".debug_info", 1 },
		{ ".zdebug_info", ".debug_info", 1 },
		{ ".zdebug_line_str", ".debug_line_str", 1 },
		{ ".zdebug_info", ".debug_line", 0 },
		{ ".zdebug_info", ".debug_inf", 0 },
		{ ".zeh_frame", ".eh_frame", 0 },
		{ ".eh_frame", ".eh_frame", 1 },
		{ "", ".debug_a_name_that_is_longer_than_any_section_of_debug_info_has", 0 },
	};
	for (size_t i = 0; i < COUNT(names); i++) {
		struct as a = { 0 };
		struct elf elf;
		struct elf_section section = { .name = KEPT };
		const struct sample_section one = {
			names[i].there, SHT_PROGBITS, 0, { NULL, 0 }, 0, 0
		};
		sample_elf(&a, &sample_kinds[0], &one, 1);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		ck_assert_int_eq(
			turf_elf_find_debug_section(&elf, names[i].asked, &section, NULL),
			names[i].r);
		ck_assert_str_eq(section.name, names[i].r ? names[i].there : KEPT);
		as_free(&a);
	}
}
END_TEST

START_TEST(takes_the_section_in_no_group)
{
	static const struct {
		const char *name;
		uint64_t flags[3]; /* of three sections of that name */
		uint32_t idx;      /* of the one that is found */
	} cases[] = {
		{ ".debug_info", { 0, 0, 0 }, 1 },
		{ ".debug_info", { SHF_GROUP, 0, 0 }, 2 },
		{ ".debug_info", { SHF_GROUP, SHF_GROUP, 0 }, 3 },
		{ ".debug_info", { SHF_GROUP | SHF_EXCLUDE, SHF_EXCLUDE, SHF_GROUP }, 2 },
		{ ".debug_info", { SHF_GROUP, SHF_GROUP, SHF_GROUP }, 1 },
		{ ".zdebug_info", { SHF_GROUP, SHF_GROUP, 0 }, 3 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct as a = { 0 };
		struct elf elf;
		struct elf_section section, three[3];
		struct sample_section all[3];
		for (size_t k = 0; k < COUNT(all); k++)
			all[k] = (struct sample_section){ cases[i].name,
				                          SHT_PROGBITS,
				                          cases[i].flags[k],
				                          { NULL, 0 },
				                          0,
				                          0 };
		sample_elf(&a, &sample_kinds[i % COUNT(sample_kinds)], all, COUNT(all));
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		for (size_t k = 0; k < COUNT(three); k++)
			ck_assert_int_eq(
				turf_elf_section(&elf, (uint32_t)k + 1, &three[k], NULL), 0);
		ck_assert_int_eq(
			turf_elf_find_debug_section(&elf, ".debug_info", &section, NULL), 1);
		ck_assert_uint_eq(section.idx, cases[i].idx);
		ck_assert_uint_eq(section.flags, three[cases[i].idx - 1].flags);
		as_free(&a);
	}
}
END_TEST

static void make_linked(struct as *a, const struct sample_kind *kind, const char *name,
                        size_t size, uint32_t type)
{
	struct as link = { .big = kind->big };
	as_str(&link, name);
	as_align(&link, 4);
	as_u32(&link, 0x12345678);
	ck_assert_uint_le(size, link.buf.n);
	const struct sample_section section = { ".gnu_debuglink",      type, 0,
		                                { link.buf.at, size }, 0,    0 };
	sample_elf(a, kind, &section, 1);
	as_free(&link);
}

START_TEST(reads_the_debug_link)
{
	static const struct {
		const char *name;
		size_t size;
		uint32_t type;
		int r;
	} cases[] = {
		{ "abc", 8, SHT_PROGBITS, 1 },
		{ "abcd", 12, SHT_PROGBITS, 1 },
		{ "", 8, SHT_PROGBITS, 1 },
		{ "abcd", 11, SHT_PROGBITS, -EBADMSG },
		{ "abcd", 8, SHT_PROGBITS, -EBADMSG },
		{ "abcd", 5, SHT_PROGBITS, -EBADMSG },
		{ "abcd", 4, SHT_PROGBITS, -EBADMSG }, /* no NUL */
		{ "abcd", 0, SHT_PROGBITS, -EBADMSG },
		{ "abcd", 12, SHT_NOBITS, 0 },
	};
	for (size_t i = 0; i < COUNT(sample_kinds) * COUNT(cases); i++) {
		const size_t n = i % COUNT(cases);
		struct as a = { 0 };
		struct elf elf;
		struct elf_debug_link link = { .name = KEPT };
		struct turf_error err = { 0 };
		make_linked(&a, &sample_kinds[i / COUNT(cases)], cases[n].name, cases[n].size,
		            cases[n].type);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		ck_assert_int_eq(turf_elf_debug_link(&elf, &link, &err), cases[n].r);
		ck_assert_int_eq(err.code, MIN(cases[n].r, 0));
		ck_assert_str_eq(link.name, cases[n].r == 1 ? cases[n].name : KEPT);
		ck_assert_uint_eq(link.crc, cases[n].r == 1 ? 0x12345678 : 0);
		as_free(&a);
	}
}
END_TEST

/* One change of a good ELF64 file each; offsets of its header's fields. */
static const struct {
	const char *what;
	size_t at;
	uint64_t value;
	unsigned size;
	int expect;
} headers[] = {
	{ "unchanged", 4, ELFCLASS64, 1, 0 },
	{ "no magic", 0, 'X', 1, -EBADMSG },
	{ "class 3", 4, 3, 1, -EBADMSG },
	{ "byte order 0", 5, 0, 1, -EBADMSG },
	{ "version 2", 20, 2, 4, -ENOTSUP },
	{ "segments behind the end", 32, 0x7fffffffffffffff, 8, -EBADMSG },
	{ "sections behind the end", 40, 0xffffffffffffff00, 8, -EBADMSG },
	{ "segment headers too small", 54, 55, 2, -EBADMSG },
	{ "segment headers too many", 56, 0xfffe, 2, -EBADMSG },
	{ "number of segments in section 0, which has none", 56, PN_XNUM, 2, 0 },
	{ "section headers too small", 58, 63, 2, -EBADMSG },
	{ "sections too many", 60, 0xfeff, 2, -EBADMSG },
	{ "names in a section that is none", 62, 8, 2, -EBADMSG },
	{ "names in section 0: there are none", 62, 0, 2, 0 },
};

START_TEST(refuses_bad_headers)
{
	for (size_t i = 0; i < COUNT(headers); i++) {
		struct as a = { 0 };
		struct elf elf = { .machine = 0xbeef };
		struct turf_error err = { 0 };
		make_file(&a, &sample_kinds[0]);
		as_patch(&a, headers[i].at, headers[i].value, headers[i].size);
		int r = turf_elf_open(as_span(&a), &elf, &err);
		ck_assert_msg(r == headers[i].expect, "%s: got %d (%s)", headers[i].what, r,
		              err.text);
		ck_assert_int_eq(err.code, r);
		if (r < 0)
			ck_assert_uint_eq(elf.machine, 0xbeef);
		as_free(&a);
	}
}
END_TEST

/* The tables may end with the file, but not one byte behind it. */
START_TEST(tables_lie_inside)
{
	for (size_t i = 0; i < COUNT(sample_kinds); i++) {
		struct as a = { 0 };
		struct elf elf;
		make_file(&a, &sample_kinds[i]);
		unsigned word = sample_kinds[i].is64 ? 8 : 4;
		size_t phoff_at = word == 8 ? 32 : 28, shoff_at = phoff_at + word;
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		uint64_t shoff = elf.shoff;
		as_patch(&a, shoff_at, shoff + 1, word);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), -EBADMSG);
		as_patch(&a, shoff_at, shoff, word);
		uint64_t end = a.buf.n - elf.n_segments * (uint64_t)elf.phentsize;
		as_patch(&a, phoff_at, end, word);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
		as_patch(&a, phoff_at, end + 1, word);
		ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), -EBADMSG);
		as_free(&a);
	}
}
END_TEST

START_TEST(refuses_names_and_bytes_outside)
{
	struct as a = { 0 };
	struct elf elf;
	struct elf_section section;
	struct elf_data data = { .owned = (void *)KEPT };
	make_file(&a, &sample_kinds[0]);
	ck_assert_int_eq(turf_elf_open(as_span(&a), &elf, NULL), 0);
	size_t header = elf.shoff + 2 * 64;
	as_patch(&a, header + 32, a.buf.n, 8); /* sh_size: from its offset, beyond the end */
	ck_assert_int_eq(turf_elf_section(&elf, 2, &section, NULL), 0);
	ck_assert_int_eq(turf_elf_data(&elf, &section, &data, NULL), -EBADMSG);
	ck_assert_ptr_eq(data.owned, KEPT);
	as_patch(&a, header, elf.names.size, 4); /* sh_name */
	ck_assert_int_eq(turf_elf_section(&elf, 2, &section, NULL), -EBADMSG);
	ck_assert_int_eq(turf_elf_find_section(&elf, ".bss", &section, NULL), -EBADMSG);
	as_free(&a);
}
END_TEST

static bool whole_is_read;

static void read_all(struct span file)
{
	struct elf elf;
	whole_is_read = false;
	if (turf_elf_open(file, &elf, NULL) < 0)
		return;
	bool good = true;
	for (uint32_t i = 0; i < elf.n_sections; i++) {
		struct elf_section section;
		struct elf_data data = { 0 };
		if (turf_elf_section(&elf, i, &section, NULL) < 0 ||
		    turf_elf_data(&elf, &section, &data, NULL) < 0)
			good = false;
		turf_elf_data_fini(&data);
	}
	for (uint32_t i = 0; i < elf.n_segments; i++) {
		struct elf_segment segment;
		good = turf_elf_segment(&elf, i, &segment, NULL) == 0 && good;
	}
	struct span id;
	struct elf_debug_link link;
	if (turf_elf_debug_link(&elf, &link, NULL) == 1 && strlen(link.name) == SIZE_MAX)
		abort();
	whole_is_read = turf_elf_build_id(&elf, &id, NULL) == 1 && good;
}

static void refuse(struct span part)
{
	read_all(part);
	ck_assert_msg(!whole_is_read, "%zu bytes are taken for the whole", part.size);
}

START_TEST(every_prefix_is_refused)
{
	for (size_t i = 0; i < COUNT(sample_kinds); i++) {
		struct as a = { 0 };
		make_file(&a, &sample_kinds[i]);
		read_all(as_span(&a));
		ck_assert(whole_is_read);
		every_prefix(as_span(&a), refuse);
		as_free(&a);
	}
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	for (size_t i = 0; i < COUNT(sample_kinds); i++) {
		struct as a = { 0 };
		make_file(&a, &sample_kinds[i]);
		every_byte_bent(as_span(&a), read_all);
		as_free(&a);
	}
}
END_TEST

TESTS("elf/elf", reads_every_kind, reads_segments_and_build_id, build_id_of_a_debug_file,
      reads_the_debug_link, absent_is_no_error, finds_what_old_tools_compressed,
      takes_the_section_in_no_group, refuses_bad_headers, tables_lie_inside,
      refuses_names_and_bytes_outside, every_prefix_is_refused, every_byte_bent_is_survived)
