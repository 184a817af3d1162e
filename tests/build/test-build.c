/* SPDX-License-Identifier: MIT */
/* Building the urf of this very program, whole, in parallel, damaged and cut off. */
#include <elf.h>

#include "build/self.h"

static volatile int sink;

static inline __attribute__((always_inline)) void innermost(int n)
{
	sink += n; /* LINE: innermost */
	__asm__ volatile("nop");
}

static inline __attribute__((always_inline)) void middle(int n)
{
	innermost(n + 1);
}

/* Where the inlined code begins is told by a label in it. */
static __attribute__((noinline)) void outer(int n)
{
	sink = 1;
	middle(n);
	sink = 2;
}

/* All frames of an address as "name:line;..." */
static void chain_of(const struct turf_image *image, uint64_t addr, char *out, size_t size)
{
	struct turf_frames walk;
	struct turf_frame f;
	out[0] = 0;
	if (turf_image_frames(image, addr, &walk) != 1)
		return;
	while (turf_frames_next(&walk, &f) == 1) {
		size_t n = strlen(out);
		char name[64];
		ck_assert_int_ge(turf_image_text(image, f.name, name, sizeof(name)), 0);
		snprintf(out + n, size - n, "%s;", name[0] ? name : "??");
	}
}

START_TEST(knows_this_program)
{
	scoped(closep) int fd = build_self(2);
	struct turf_image *image = open_urf(fd);
	struct turf_error err = { 0 };
	int r = turf_image_verify(image, &err);
	ck_assert_msg(r == 0, "%s", err.text);

	outer(3);
	uint64_t start = link_addr((void *)outer);
	struct turf_function fn;
	ck_assert_int_eq(turf_image_find_function(image, start, &fn), 1);
	char name[256];
	ck_assert_int_eq(turf_image_text(image, fn.name, name, sizeof(name)), 5);
	ck_assert_str_eq(name, "outer");
	ck_assert_uint_eq(fn.start, start);
	bool seen = false;
	for (uint64_t addr = fn.start; addr < fn.end; addr++) {
		char chain[256];
		struct turf_unwind_row row;
		chain_of(image, addr, chain, sizeof(chain));
		seen |= !strcmp(chain, "innermost;middle;outer;");
		ck_assert_int_eq(turf_image_find_unwind(image, addr, &row), 1);
	}
	ck_assert_msg(seen, "no address with the whole inline chain");
	struct turf_frames walk;
	struct turf_frame f;
	ck_assert_int_eq(turf_image_frames(image, start, &walk), 1);
	ck_assert_int_eq(turf_frames_next(&walk, &f), 1);
	ck_assert_int_gt(turf_image_path(image, f.file, name, sizeof(name)), 0);
	ck_assert(strstr(name, "test-build.c"));
	ck_assert_uint_gt(f.line, 1);
	turf_image_close(image);
}
END_TEST

START_TEST(threads_leave_no_trace)
{
	struct mapping one, other;
	scoped(closep) int first = build_self(1);
	ck_assert_int_eq(turf_map_fd(first, "one", &one, NULL), 0);
	for (unsigned threads = 2; threads <= 5; threads++) {
		scoped(closep) int fd = build_self(threads);
		ck_assert_int_eq(turf_map_fd(fd, "other", &other, NULL), 0);
		ck_assert_uint_eq(one.bytes.size, other.bytes.size);
		ck_assert(!memcmp(one.bytes.at, other.bytes.at, one.bytes.size));
		turf_unmap(&other);
	}
	turf_unmap(&one);
}
END_TEST

/* Our own bytes in a file that may be changed. */
static int copy_of_self(uint8_t **bytes, size_t *size)
{
	struct mapping self;
	scoped(closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(turf_map_fd(fd, "self", &self, NULL), 0);
	int copy = temp_file();
	ck_assert_int_eq(turf_write_all(copy, self.bytes.at, self.bytes.size), 0);
	*size = self.bytes.size;
	*bytes = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED, copy, 0);
	ck_assert(*bytes != MAP_FAILED);
	turf_unmap(&self);
	return copy;
}

static const Elf64_Shdr *section(const uint8_t *bytes, const char *name)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)bytes;
	const Elf64_Shdr *sh = (const Elf64_Shdr *)(bytes + eh->e_shoff);
	const char *names = (const char *)bytes + sh[eh->e_shstrndx].sh_offset;
	for (size_t i = 0; i < eh->e_shnum; i++)
		if (!strcmp(names + sh[i].sh_name, name))
			return &sh[i];
	return NULL;
}

static void count_warning(void *n, enum turf_level level, const char *text)
{
	ck_assert_int_eq(level, TURF_WARNING);
	ck_assert_msg(strstr(text, "unit at .debug_info+") && strstr(text, "self"), "%s", text);
	++*(int *)n;
}

/* Changes the version of the @idx-th unit; false: there is none. */
static bool break_unit(uint8_t *bytes, unsigned idx)
{
	const Elf64_Shdr *info = section(bytes, ".debug_info");
	uint64_t off = info->sh_offset, end = off + info->sh_size;
	for (unsigned i = 0; off + 6 < end; i++) {
		uint32_t length;
		memcpy(&length, bytes + off, sizeof(length));
		if (i == idx) {
			bytes[off + 4] = 99;
			return true;
		}
		off += 4 + length;
	}
	return false;
}

START_TEST(a_broken_unit_is_named_and_the_others_served)
{
	uint8_t *bytes;
	size_t size;
	scoped(closep) int copy = copy_of_self(&bytes, &size);
	ck_assert(break_unit(bytes, 1));
	int n = 0;
	struct turf_error err = { 0 };
	struct turf_build_options options = { .size = sizeof(options),
		                              .note = count_warning,
		                              .ctx = &n };
	scoped(closep) int out = temp_file();
	int r = turf_build(copy, "self", out, &options, &err);
	ck_assert_msg(r == 0, "%s", err.text);
	ck_assert_int_eq(n, 1);
	struct turf_image *image = open_urf(out);
	char chain[256];
	/* ours is the first unit: the broken one is another's */
	chain_of(image, link_addr((void *)outer), chain, sizeof(chain));
	ck_assert_str_eq(chain, "outer;");
	turf_image_close(image);
	munmap(bytes, size);
}
END_TEST

/* Cut off at every place where something begins or ends: an error that says why, or an urf that
 * is whole in itself; never a crash. */
START_TEST(truncated_files_are_refused_or_served)
{
	uint8_t *bytes;
	size_t size;
	scoped(closep) int copy = copy_of_self(&bytes, &size);
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)bytes;
	const Elf64_Shdr *sh = (const Elf64_Shdr *)(bytes + eh->e_shoff);
	unsigned refused = 0;
	for (size_t i = 0; i < 2u * eh->e_shnum; i++) {
		uint64_t cut = sh[i / 2].sh_offset + (i & 1 ? sh[i / 2].sh_size / 2 : 0);
		if (cut >= size)
			continue;
		struct turf_error err = { 0 };
		scoped(closep) int part = temp_file();
		scoped(closep) int out = temp_file();
		ck_assert_int_eq(turf_write_all(part, bytes, cut), 0);
		int r = build_of(part, 1, out, &err);
		ck_assert_int_le(r, 0);
		if (r < 0) {
			refused++;
			ck_assert_msg(!strncmp(err.text, "self: ", 6), "%s", err.text);
			continue;
		}
		struct turf_image *image = open_urf(out);
		ck_assert_int_eq(turf_image_verify(image, NULL), 0);
		turf_image_close(image);
	}
	/* the section headers come last in what a linker writes: every cut loses them */
	ck_assert_uint_gt(refused, 10);
	munmap(bytes, size);
}
END_TEST

START_TEST(what_is_no_elf_file_is_refused)
{
	static const struct {
		const char *what, *bytes;
		size_t size;
		int expect;
	} cases[] = {
		{ "empty", "", 0, -EBADMSG },
		{ "text", "#!/bin/sh\nexit 0\n", 17, -EBADMSG },
		{ "magic alone", "\177ELF", 4, -EBADMSG },
		{ "an archive", "!<arch>\nfoo.o/", 14, -EBADMSG },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_error err = { 0 };
		scoped(closep) int in = temp_file();
		scoped(closep) int out = temp_file();
		ck_assert_int_eq(turf_write_all(in, cases[i].bytes, cases[i].size), 0);
		int r = build_of(in, 1, out, &err);
		ck_assert_msg(r == cases[i].expect, "%s: %d %s", cases[i].what, r, err.text);
		ck_assert_msg(!strncmp(err.text, "self: ", 6), "%s", err.text);
	}
}
END_TEST

static int stop_at_once(void *n, const char *stage, uint64_t done, uint64_t total)
{
	(void)stage;
	ck_assert_uint_le(done, total);
	return ++*(int *)n == 3;
}

START_TEST(can_be_stopped)
{
	int n = 0;
	struct turf_error err = { 0 };
	struct turf_build_options options = { .size = sizeof(options),
		                              .progress = stop_at_once,
		                              .ctx = &n };
	scoped(closep) int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	scoped(closep) int out = temp_file();
	ck_assert_int_eq(turf_build(self, "self", out, &options, &err), -ECANCELED);
}
END_TEST

TESTS("build/build", knows_this_program, threads_leave_no_trace,
      a_broken_unit_is_named_and_the_others_served, truncated_files_are_refused_or_served,
      what_is_no_elf_file_is_refused, can_be_stopped)
