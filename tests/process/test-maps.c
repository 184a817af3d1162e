/* SPDX-License-Identifier: MIT */
/* The two texts of /proc: maps and kallsyms. */
#include "lib/test.h"
#include "process/process.h"

static struct span text_of(const char *s)
{
	return exact_copy(s, strlen(s));
}

static const struct {
	const char *what, *line;
	int expect;
	struct maps_entry e;
	const char *path;
} lines[] = {
	{ "a library",
	  "7f1c2b400000-7f1c2b5ff000 r-xp 00026000 fe:01 131182   /usr/lib/libc.so.6\n",
	  1,
	  { 0x7f1c2b400000, 0x7f1c2b5ff000, 0x26000, 131182, 0xfe, 1, true, { 0 } },
	  "/usr/lib/libc.so.6" },
	{ "data",
	  "1000-2000 rw-p 00000000 00:00 0 \n",
	  1,
	  { 0x1000, 0x2000, 0, 0, 0, 0, false, { 0 } },
	  "" },
	{ "nothing behind the inode",
	  "1000-2000 --xp 0 0:0 5\n",
	  1,
	  { 0x1000, 0x2000, 0, 5, 0, 0, true, { 0 } },
	  "" },
	{ "a path with spaces and a newline",
	  "1000-2000 r-xs 00001000 08:10 7   /a b\\012c (deleted)\n",
	  1,
	  { 0x1000, 0x2000, 0x1000, 7, 8, 0x10, true, { 0 } },
	  "/a b\nc (deleted)" },
	{ "other escapes are none",
	  "1000-2000 r-xp 0 0:0 7 /a\\01\\013\\\n",
	  1,
	  { 0x1000, 0x2000, 0, 7, 0, 0, true, { 0 } },
	  "/a\\01\\013\\" },
	{ "vsyscall",
	  "ffffffffff600000-ffffffffff601000 --xp 0 00:00 0   [vsyscall]\n",
	  1,
	  { 0xffffffffff600000, 0xffffffffff601000, 0, 0, 0, 0, true, { 0 } },
	  "[vsyscall]" },
	{ "largest numbers",
	  "0-ffffffffffffffff r-xp ffffffffffffffff ffffffff:ffffffff 18446744073709551615\n",
	  1,
	  { 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX, true, { 0 } },
	  "" },
	{ "nothing", "", 0, { 0 }, NULL },
	{ "an empty line", "\n", -EBADMSG, { 0 }, NULL },
	{ "no newline", "1000-2000 r-xp 0 0:0 7 /a", -EBADMSG, { 0 }, NULL },
	{ "address beyond 64 bits",
	  "1000-10000000000000000 r-xp 0 0:0 0\n",
	  -EBADMSG,
	  { 0 },
	  NULL },
	{ "inode beyond 64 bits",
	  "1000-2000 r-xp 0 0:0 18446744073709551616\n",
	  -EBADMSG,
	  { 0 },
	  NULL },
	{ "inode in hex", "1000-2000 r-xp 0 0:0 a1\n", -EBADMSG, { 0 }, NULL },
	{ "device beyond 32 bits", "1000-2000 r-xp 0 100000000:0 1\n", -EBADMSG, { 0 }, NULL },
	{ "end before start", "2000-1000 r-xp 0 0:0 1\n", -EBADMSG, { 0 }, NULL },
	{ "empty mapping", "1000-1000 r-xp 0 0:0 1\n", -EBADMSG, { 0 }, NULL },
	{ "short permissions", "1000-2000 r-x 0 0:0 1\n", -EBADMSG, { 0 }, NULL },
	{ "no inode", "1000-2000 r-xp 0 0:0 \n", -EBADMSG, { 0 }, NULL },
	{ "something behind the inode", "1000-2000 r-xp 0 0:0 1x\n", -EBADMSG, { 0 }, NULL },
	{ "capitals", "A000-B000 r-xp 0 0:0 1\n", -EBADMSG, { 0 }, NULL },
};

START_TEST(reads_lines)
{
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct span text = text_of(lines[i].line);
		struct cursor c = cur_of(text, false);
		struct maps_entry e = { .inode = 4711 };
		struct buf path = { 0 };
		int r = turf_maps_next(&c, &e);
		ck_assert_msg(r == lines[i].expect, "%s: %d", lines[i].what, r);
		if (r == 1) {
			const struct maps_entry *w = &lines[i].e;
			ck_assert_msg(e.start == w->start && e.end == w->end &&
			                      e.offset == w->offset && e.inode == w->inode &&
			                      e.major == w->major && e.minor == w->minor &&
			                      e.exec == w->exec,
			              "%s", lines[i].what);
			ck_assert_int_eq(turf_maps_path(e.path, &path), 0);
			ck_assert_str_eq((const char *)path.at, lines[i].path);
			ck_assert_int_eq(turf_maps_next(&c, &e), 0);
		} else {
			ck_assert_uint_eq(e.inode, 4711); /* untouched */
			ck_assert_int_eq(turf_maps_next(&c, &e), r);
		}
		vec_fini(&path);
		free((void *)text.at);
	}
}
END_TEST

static const char sample[] =
	"55d0c7a00000-55d0c7a28000 r--p 00000000 fe:00 5505                       /usr/bin/x\n"
	"55d0c7a28000-55d0c7b00000 r-xp 00028000 fe:00 5505                       /usr/bin/x\n"
	"55d0c7b00000-55d0c7b10000 rw-p 00000000 00:00 0                          [heap]\n"
	"7fff6a1c8000-7fff6a1ca000 r-xp 00000000 00:00 0                          [vdso]\n"
	"7fff6a1d8000-7fff6a1da000 r-xp 00000000 00:01 9 /memfd:a\\012b (deleted)\n";

/* All lines of @text: how many before the end (0) or a fault (< 0). */
static int read_all(struct span text, size_t *n)
{
	struct cursor c = cur_of(text, false);
	struct maps_entry e;
	struct buf path = { 0 };
	int r;
	for (*n = 0; (r = turf_maps_next(&c, &e)) == 1; ++*n)
		if (turf_maps_path(e.path, &path) < 0)
			abort();
	vec_fini(&path);
	return r;
}

static void expect_prefix(struct span part)
{
	size_t n, want = 0;
	for (size_t i = 0; i < part.size; i++)
		want += part.at[i] == '\n';
	int r = read_all(part, &n);
	bool whole = !part.size || part.at[part.size - 1] == '\n';
	ck_assert_int_eq(r, whole ? 0 : -EBADMSG);
	ck_assert_uint_eq(n, want);
}

static void survive(struct span bent)
{
	size_t n;
	int r = read_all(bent, &n);
	ck_assert(r == 0 || r == -EBADMSG);
	ck_assert_uint_le(n, 6);
}

START_TEST(refuses_every_prefix)
{
	struct span whole = { (const uint8_t *)sample, sizeof(sample) - 1 };
	every_prefix(whole, expect_prefix);
	every_byte_bent(whole, survive);
}
END_TEST

static const char kallsyms[] = "ffffffff81000000 T _text\n"
			       "ffffffff81000000 T _stext\n"
			       "ffffffff81000100 t local\n"
			       "ffffffff81000100 T global\n"
			       "ffffffff81000100 W weak\n"
			       "ffffffff81000200 D data\n"
			       "0000000000000000 A fixed_percpu_data\n"
			       "ffffffff81000300 T last\n"
			       "ffffffff81000400 T _etext\n"
			       "ffffffffc0001000 t init\t[ext4]\n"
			       "ffffffffc0002000 t more\t[ext4]\n"
			       "ffffffffc0000000 t helper\t[xfs]\n"
			       "ffffffffc0003000 t bpf_prog_1\t[bpf]\n";

START_TEST(finds_kernel_symbols)
{
	static const struct {
		uint64_t addr;
		const char *name, *module;
		uint64_t start;
	} want[] = {
		{ 0, NULL, NULL, 0 },
		{ 0xffffffff80ffffff, NULL, NULL, 0 },
		{ 0xffffffff81000000, "_text", "", 0xffffffff81000000 },
		{ 0xffffffff810000ff, "_text", "", 0xffffffff81000000 },
		{ 0xffffffff81000100, "global", "", 0xffffffff81000100 },
		{ 0xffffffff81000250, "global", "", 0xffffffff81000100 },
		{ 0xffffffff81000300, "last", "", 0xffffffff81000300 },
		{ 0xffffffff81000400, NULL, NULL, 0 },
		{ 0xffffffffc0000fff, "helper", "xfs", 0xffffffffc0000000 },
		{ 0xffffffffc0001000, "init", "ext4", 0xffffffffc0001000 },
		{ 0xffffffffc0002001, "more", "ext4", 0xffffffffc0002000 },
		{ UINT64_MAX, "bpf_prog_1", "bpf", 0xffffffffc0003000 },
	};
	struct turf_kernel *kernel = NULL;
	struct span text = text_of(kallsyms);
	ck_assert_int_eq(turf_kernel_parse(text, &kernel, NULL), 0);
	for (size_t i = 0; i < COUNT(want); i++) {
		const char *name = KEPT, *module = KEPT;
		uint64_t start = 0;
		int r = turf_kernel_find(kernel, want[i].addr, &name, &start, &module);
		ck_assert_int_eq(r, want[i].name != NULL);
		ck_assert_str_eq(name, want[i].name ? want[i].name : KEPT);
		ck_assert_str_eq(module, want[i].module ? want[i].module : KEPT);
		ck_assert_uint_eq(start, want[i].start);
	}
	turf_kernel_close(kernel);
	free((void *)text.at);
}
END_TEST

START_TEST(tells_what_is_wrong_with_kallsyms)
{
	static const struct {
		const char *text;
		int expect;
		const char *cause;
	} bad[] = {
		{ "0000000000000000 T a\n0000000000000000 t b\n", -EACCES,
		  "kernel.kptr_restrict" },
		{ "", -EACCES, "CAP_SYSLOG" },
		{ "12 T a\n\n", -EBADMSG, "malformed" },
		{ "12 T\n", -EBADMSG, "malformed" },
		{ "12  a\n", -EBADMSG, "malformed" },
		{ "1x T a\n", -EBADMSG, "malformed" },
		{ "11111111111111111 T a\n", -EBADMSG, "malformed" },
	};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct turf_kernel *kernel = NULL;
		struct turf_error err = { 0 };
		struct span text = text_of(bad[i].text);
		int r = turf_kernel_parse(text, &kernel, &err);
		ck_assert_msg(r == bad[i].expect, "%zu: %d", i, r);
		ck_assert_msg(strstr(err.text, bad[i].cause), "%s", err.text);
		ck_assert_ptr_null(kernel);
		free((void *)text.at);
	}
}
END_TEST

static void survive_kallsyms(struct span text)
{
	struct turf_kernel *kernel = NULL;
	const char *name, *module;
	uint64_t start;
	if (turf_kernel_parse(text, &kernel, NULL) < 0)
		return;
	for (uint64_t addr = 0xffffffff80ffff00; addr < 0xffffffff81000600; addr += 0x80)
		if (turf_kernel_find(kernel, addr, &name, &start, &module) == 1)
			ck_assert(start <= addr &&
			          strlen(name) + strlen(module) < sizeof(kallsyms));
	turf_kernel_close(kernel);
}

START_TEST(survives_any_kallsyms)
{
	struct span whole = { (const uint8_t *)kallsyms, sizeof(kallsyms) - 1 };
	every_prefix(whole, survive_kallsyms);
	every_byte_bent(whole, survive_kallsyms);
}
END_TEST

TESTS("process/maps", reads_lines, refuses_every_prefix, finds_kernel_symbols,
      tells_what_is_wrong_with_kallsyms, survives_any_kallsyms)
