/* SPDX-License-Identifier: MIT */
/* Names of code made at run time: the two files that tell them, good, growing and bad ones. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "lib/test.h"
#include "process/jit.h"

static int file_of(const void *bytes, size_t n)
{
	int fd = memfd_create("jit", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(turf_write_all(fd, bytes, n), 0);
	return fd;
}

/* The name at @pc, or "". */
static const char *name_at(const struct jit_names *names, uint64_t pc)
{
	const struct jit_function *f = turf_jit_find(names, pc);
	return f ? (const char *)names->text.at + f->name : "";
}

/* Whatever lies over whatever: each byte has the last function that was put there. */
START_TEST(later_ones_hide_earlier_ones)
{
	enum { SIZE = 2000, N = 3000 };
	uint32_t seed = 1, *last = calloc(SIZE, sizeof(*last));
	struct jit_names names = { 0 };
	for (uint32_t i = 1; i <= N; i++) {
		seed = seed * 1103515245 + 12345;
		uint32_t start = seed >> 8 & 1023, size = i % 7 ? seed >> 20 & 31 : seed >> 22;
		struct jit_function f = { .start = start, .size = size, .name = i };
		ck_assert_int_eq(turf_jit_add(&names, &f), 0);
		for (uint32_t pc = start; pc < start + size && pc < SIZE; pc++)
			last[pc] = i;
		if (seed >> 16 & 7 && i < N)
			continue; /* batches of several sizes */
		ck_assert_int_eq(turf_jit_lay(&names), 0);
		ck_assert_uint_le(names.n_layers, 12); /* each twice the next, and over it */
		if (i % 10 && i < N)
			continue;
		for (uint32_t pc = 0; pc < SIZE; pc++) {
			const struct jit_function *at = turf_jit_find(&names, pc);
			ck_assert_uint_eq(at ? at->name : 0, last[pc]);
		}
	}
	turf_jit_names_fini(&names);
	free(last);
}
END_TEST

START_TEST(the_ends_of_memory)
{
	struct jit_names names = { 0 };
	const struct jit_function all[] = {
		{ .start = 0, .size = UINT64_MAX, .name = 1 },
		{ .start = UINT64_MAX - 10, .size = 10, .name = 2 },
		{ .start = UINT64_MAX - 10, .size = 11, .name = 3 }, /* wraps: nothing */
		{ .start = 7, .size = 0, .name = 4 },
	};
	for (size_t i = 0; i < COUNT(all); i++)
		ck_assert_int_eq(turf_jit_add(&names, &all[i]), 0);
	ck_assert_int_eq(turf_jit_lay(&names), 0);
	ck_assert_uint_eq(turf_jit_find(&names, 0)->name, 1);
	ck_assert_uint_eq(turf_jit_find(&names, 7)->name, 1);
	ck_assert_uint_eq(turf_jit_find(&names, UINT64_MAX - 10)->name, 2);
	ck_assert_uint_eq(turf_jit_find(&names, UINT64_MAX - 1)->name, 2);
	ck_assert_ptr_null(turf_jit_find(&names, UINT64_MAX));
	turf_jit_names_fini(&names);
}
END_TEST

/* A perf map as it stands; what is at 0x1004 and 0x2004; the complaint. */
static const struct {
	const char *text, *first, *second, *error;
} maps[] = {
	{ "", "", "", NULL },
	{ "1000 10 one\n2000 10 two\n", "one", "two", NULL },
	{ "0x1000 0x10 one\n2000 A a name with spaces(int, char*)\n", "one",
	  "a name with spaces(int, char*)", NULL },
	{ "1000 10 one\n1000 10 another\n", "another", "", NULL },
	{ "1000 4 one\n2000 5 two\n", "", "two", NULL },
	{ "1000 10 one\n2000 10 tw", "one", "", "ends within a line" },
	{ "nonsense\n1000 10 one\n\n2000 x two\n", "one", "", "a line is malformed" },
	{ "1000 10\n2000 10 \n", "", "", "a line is malformed" },
	{ "10000000000001000 10 one\n2000 10 two\n", "", "two", "a line is malformed" },
	{ "1000 10 o\tn\xff\n", "o\tn\xff", "", NULL },
};

START_TEST(perf_maps)
{
	for (size_t i = 0; i < COUNT(maps); i++) {
		struct jit_file f = { 0 };
		struct turf_error err = { 0 };
		scoped(closep) int fd = file_of(maps[i].text, strlen(maps[i].text));
		int r = turf_jit_read_map(&f, fd, "map", &err);
		ck_assert_int_eq(r, maps[i].error ? -EBADMSG : 0);
		ck_assert_str_eq(name_at(&f.names, 0x1004), maps[i].first);
		ck_assert_str_eq(name_at(&f.names, 0x2004), maps[i].second);
		if (maps[i].error)
			ck_assert_msg(strstr(err.text, maps[i].error), "%s", err.text);
		turf_jit_names_fini(&f.names);
	}
}
END_TEST

/* Written in pieces of any size and read after each, it holds what it would hold at once. */
START_TEST(perf_maps_grow)
{
	static const char text[] = "1000 10 one\n2000 10 two\n1008 4 three\n";
	scoped(closep) int fd = file_of("", 0);
	struct jit_file f = { 0 };
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		ck_assert_int_eq(turf_write_all(fd, text + i, 1), 0);
		turf_jit_read_map(&f, fd, "map", NULL);
	}
	ck_assert_uint_eq(f.names.functions.n, 3);
	ck_assert_str_eq(name_at(&f.names, 0x1007), "one");
	ck_assert_str_eq(name_at(&f.names, 0x1008), "three");
	ck_assert_str_eq(name_at(&f.names, 0x100c), "one");
	turf_jit_names_fini(&f.names);
}
END_TEST

START_TEST(perf_maps_with_long_lines)
{
	enum { LONG = 200000, N = 30000 };
	struct buf b = { 0 };
	ck_assert(turf_buf_put(&b, "1000 10 ", 8) && vec_reserve(&b, LONG));
	memset(b.at + b.n, 'x', LONG);
	b.n += LONG;
	ck_assert(turf_buf_put(&b, "\n2000 10 two\n", 13));
	for (int i = 0; i < N; i++) { /* more than is read at once */
		char line[80];
		int n = sprintf(line, "%x 10 function number %d of many\n", 0x10000 + 16 * i,
		                i);
		ck_assert(turf_buf_put(&b, line, (size_t)n));
	}
	scoped(closep) int fd = file_of(b.at, b.n);
	struct jit_file f = { 0 };
	struct turf_error err = { 0 };
	ck_assert_int_eq(turf_jit_read_map(&f, fd, "map", &err), -EBADMSG);
	ck_assert_str_eq(name_at(&f.names, 0x1004), "");
	ck_assert_str_eq(name_at(&f.names, 0x2004), "two");
	for (int i = 0; i < N; i++) {
		char name[80];
		sprintf(name, "function number %d of many", i);
		ck_assert_str_eq(name_at(&f.names, (uint64_t)(0x1000f + 16 * i)), name);
	}
	turf_jit_names_fini(&f.names);
	vec_fini(&b);
}
END_TEST

/* Too many functions are told, and take no more memory. */
START_TEST(perf_maps_without_end)
{
	struct jit_names names = { 0 };
	struct jit_function f = { .size = 1 };
	for (f.start = 0; f.start < JIT_MAX_FUNCTIONS; f.start++)
		ck_assert_int_eq(turf_jit_add(&names, &f), 0);
	ck_assert_int_eq(turf_jit_add(&names, &f), -E2BIG);
	char *text = calloc(1, JIT_MAX_NAME);
	uint32_t at;
	int r = 0;
	for (int i = 0; r == 0 && i < JIT_MAX_TEXT; i++)
		r = turf_jit_text(&names, text, JIT_MAX_NAME, &at);
	ck_assert_int_eq(r, -E2BIG);
	ck_assert_uint_le(names.text.n, JIT_MAX_TEXT);
	struct jit_file file = { .names = names };
	struct turf_error err = { 0 };
	scoped(closep) int fd = file_of("1000 10 one\n", 12);
	ck_assert_int_eq(turf_jit_read_map(&file, fd, "map", &err), -E2BIG);
	ck_assert_msg(strstr(err.text, "too many functions"), "%s", err.text);
	ck_assert(file.over);
	turf_jit_names_fini(&file.names);
	free(text);
}
END_TEST

/*
 * jitdumps.
 */

static void put(struct buf *b, uint64_t v, size_t size)
{
	v = htole64(v);
	ck_assert(turf_buf_put(b, &v, size));
}

static void put_head(struct buf *b, uint32_t magic, uint32_t version, uint64_t flags)
{
	put(b, magic, 4);
	put(b, version, 4);
	put(b, 40, 4);
	put(b, 62, 4);
	put(b, 0, 4);
	put(b, 1, 4);
	put(b, 1, 8);
	put(b, flags, 8);
}

static void put_record(struct buf *b, uint32_t kind, uint64_t time, const struct buf *body)
{
	put(b, kind, 4);
	put(b, 16 + body->n, 4);
	put(b, time, 8);
	ck_assert(turf_buf_put(b, body->at, body->n));
}

static void put_load(struct buf *b, uint64_t time, uint64_t addr, const char *name, size_t code)
{
	struct buf body = { 0 };
	put(&body, 1, 4);
	put(&body, 1, 4);
	put(&body, addr, 8);
	put(&body, addr, 8);
	put(&body, 0x10, 8);
	put(&body, 0, 8);
	ck_assert(turf_buf_put(&body, name, strlen(name) + 1) && vec_reserve(&body, code));
	memset(body.at + body.n, 0xcc, code);
	body.n += code;
	put_record(b, 0, time, &body);
	vec_fini(&body);
}

static void put_move(struct buf *b, uint64_t time, uint64_t from, uint64_t to)
{
	struct buf body = { 0 };
	put(&body, 1, 4);
	put(&body, 1, 4);
	put(&body, to, 8);
	put(&body, from, 8);
	put(&body, to, 8);
	put(&body, 0x10, 8);
	put(&body, 0, 8);
	put_record(b, 1, time, &body);
	vec_fini(&body);
}

static void put_debug_info(struct buf *b, uint64_t time, uint64_t addr)
{
	static const struct {
		uint64_t off;
		uint32_t line;
		const char *file;
	} lines[] = {
		{ 0, 10, "a.js" }, { 8, 12, "\xff" }, { 4, 11, "a.js" }, { 12, 3, "b.js" }
	};
	struct buf body = { 0 };
	put(&body, addr, 8);
	put(&body, COUNT(lines), 8);
	for (size_t i = 0; i < COUNT(lines); i++) {
		put(&body, addr + lines[i].off, 8);
		put(&body, lines[i].line, 4);
		put(&body, 0, 4);
		ck_assert(turf_buf_put(&body, lines[i].file, strlen(lines[i].file) + 1));
	}
	put_record(b, 2, time, &body);
	vec_fini(&body);
}

static struct buf sample_dump(uint64_t flags)
{
	static const struct buf nothing = { 0 };
	struct buf b = { 0 };
	put_head(&b, 0x4a695444, 1, flags);
	put_load(&b, 100, 0x1000, "one", 5000);
	put_debug_info(&b, 200, 0x2000);
	put_load(&b, 200, 0x2000, "two", 16);
	put_record(&b, 4, 250, &nothing); /* unwinding info: not asked for */
	put_load(&b, 300, 0x1000, "three", 0);
	put_move(&b, 400, 0x2000, 0x3000);
	put_move(&b, 400, 0x2001, 0x4000); /* of what nobody told */
	put_record(&b, 3, 500, &nothing);
	put_load(&b, 600, 0x5000, "behind the end", 0);
	return b;
}

/* At each time, what was there then. */
START_TEST(jitdumps_by_time)
{
	static const struct {
		uint64_t time_ns, next_ns;
		const char *first, *second, *third;
	} times[] = {
		{ 99, 100, "", "", "" },
		{ 100, 200, "one", "", "" },
		{ 299, 300, "one", "two", "" },
		{ 300, 400, "three", "two", "" },
		{ 450, 500, "three", "two", "two" },
		{ 1000, UINT64_MAX, "three", "two", "two" },
	};
	struct buf b = sample_dump(0);
	scoped(closep) int fd = file_of(b.at, b.n);
	struct jit_file f = { 0 };
	struct turf_error err = { 0 };
	for (size_t i = 0; i < COUNT(times); i++) {
		int r = turf_jit_read_dump(&f, fd, times[i].time_ns, "dump", &err);
		ck_assert_msg(r == 0, "%s", err.text);
		ck_assert_uint_eq(f.next_ns, times[i].next_ns);
		ck_assert_str_eq(name_at(&f.names, 0x1004), times[i].first);
		ck_assert_str_eq(name_at(&f.names, 0x2004), times[i].second);
		ck_assert_str_eq(name_at(&f.names, 0x3004), times[i].third);
		ck_assert_str_eq(name_at(&f.names, 0x4000), "");
		ck_assert_str_eq(name_at(&f.names, 0x5000), "");
	}
	ck_assert(f.over);
	const struct jit_function *two = turf_jit_find(&f.names, 0x3000);
	ck_assert_uint_eq(two->n_lines, 4);
	static const uint32_t lines[] = { 10, 11, 12, 3 };
	static const char *const files[] = { "a.js", "a.js", "a.js", "b.js" };
	for (uint32_t i = 0; i < 4; i++) {
		const struct jit_line *l = &f.names.lines.at[two->line + i];
		ck_assert_uint_eq(l->off, 4 * i);
		ck_assert_uint_eq(l->line, lines[i]);
		ck_assert_str_eq((const char *)f.names.text.at + l->file, files[i]);
	}
	turf_jit_names_fini(&f.names);
	vec_fini(&b);
}
END_TEST

/* Times of another clock say nothing. */
START_TEST(jitdumps_of_another_clock)
{
	struct buf b = sample_dump(1);
	scoped(closep) int fd = file_of(b.at, b.n);
	struct jit_file f = { 0 };
	ck_assert_int_eq(turf_jit_read_dump(&f, fd, 0, "dump", NULL), 0);
	ck_assert_str_eq(name_at(&f.names, 0x1004), "three");
	turf_jit_names_fini(&f.names);
	vec_fini(&b);
}
END_TEST

START_TEST(jitdumps_grow)
{
	struct buf b = sample_dump(0);
	scoped(closep) int fd = file_of("", 0);
	struct jit_file f = { 0 };
	for (size_t i = 0; i < b.n; i++) {
		ck_assert_int_eq(turf_write_all(fd, b.at + i, 1), 0);
		int r = turf_jit_read_dump(&f, fd, UINT64_MAX, "dump", NULL);
		ck_assert(r == 0 || r == -EBADMSG);
	}
	ck_assert_str_eq(name_at(&f.names, 0x1004), "three");
	ck_assert_str_eq(name_at(&f.names, 0x3004), "two");
	ck_assert_uint_eq(f.names.functions.n, 4);
	ck_assert_uint_eq(f.names.lines.n, 4);
	turf_jit_names_fini(&f.names);
	vec_fini(&b);
}
END_TEST

static void read_any(struct span s)
{
	scoped(closep) int fd = file_of(s.at, s.size);
	struct jit_file dump = { 0 }, map = { 0 };
	turf_jit_read_dump(&dump, fd, UINT64_MAX, "dump", NULL);
	turf_jit_read_map(&map, fd, "map", NULL);
	for (uint64_t pc = 0x1000; pc < 0x6000; pc += 0x800) {
		name_at(&dump.names, pc);
		name_at(&map.names, pc);
	}
	turf_jit_names_fini(&dump.names);
	turf_jit_names_fini(&map.names);
}

START_TEST(jitdumps_that_are_bad)
{
	struct buf b = { 0 };
	put_head(&b, 0x4a695444, 1, 0);
	put_debug_info(&b, 200, 0x2000);
	put_load(&b, 200, 0x2000, "two", 16);
	put_move(&b, 400, 0x2000, 0x3000);
	every_prefix((struct span){ b.at, b.n }, read_any);
	every_byte_bent((struct span){ b.at, b.n }, read_any);
	static const struct {
		size_t at;
		uint32_t value;
		const char *error;
	} cases[] = {
		{ 0, 0x4454694a, "not a jitdump of this machine" },
		{ 4, 2, "version 2, we read 1" },
		{ 8, 39, "header is malformed" },
		{ 44, 15, "a record is malformed" },
		{ 44, UINT32_MAX, "ends within a record" },
		{ 40 + 16 + 8, UINT32_MAX, "a record is malformed" }, /* so many lines */
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf bad = { 0 };
		uint32_t le = htole32(cases[i].value);
		ck_assert(turf_buf_put(&bad, b.at, b.n));
		memcpy(bad.at + cases[i].at, &le, 4);
		scoped(closep) int fd = file_of(bad.at, bad.n);
		struct jit_file f = { 0 };
		struct turf_error err = { 0 };
		ck_assert_int_eq(turf_jit_read_dump(&f, fd, UINT64_MAX, "dump", &err),
		                 -EBADMSG);
		ck_assert_msg(strstr(err.text, cases[i].error), "%zu: %s", i, err.text);
		turf_jit_names_fini(&f.names);
		vec_fini(&bad);
	}
	vec_fini(&b);
}
END_TEST

START_TEST(names_of_dumps)
{
	static const struct {
		const char *path;
		bool is;
	} paths[] = {
		{ "/tmp/jit-1.dump", true },
		{ "/home/x/.debug/jit/llvm-1/jit-1234.dump (deleted)", true },
		{ "jit-1.dump", true },
		{ "/tmp/jit-.dump", false },
		{ "/tmp/jit-1.dump.old", false },
		{ "/tmp/ajit-1.dump", false },
		{ "/tmp/jit-1x.dump", false },
		{ "", false },
	};
	for (size_t i = 0; i < COUNT(paths); i++)
		ck_assert_msg(turf_jit_is_dump(paths[i].path) == paths[i].is, "%s",
		              paths[i].path);
}
END_TEST

/*
 * Our own process.
 */

static struct turf_process *own_process(struct turf_processes **table)
{
	ck_assert_int_eq(turf_processes_new(NULL, table, NULL), 0);
	ck_assert_int_eq(turf_processes_read(*table, getpid(), NULL), 0);
	return turf_processes_find(*table, getpid());
}

static void write_file(const char *path, const char *text)
{
	scoped(closep) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_eq(turf_write_all(fd, text, strlen(text)), 0);
}

START_TEST(files_of_a_process)
{
	struct turf_processes *table;
	struct turf_process *process = own_process(&table);
	struct turf_jit at;
	char path[64], dump[64];
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	snprintf(dump, sizeof(dump), "/tmp/jit-%d.dump", (int)getpid());
	unlink(path);
	ck_assert_int_eq(turf_process_jit(process, 0x1004, TURF_NOW, &at), 0);
	ck_assert_ptr_null(turf_process_jit_error(process));
	write_file(path, "1000 10 one\n");
	ck_assert_int_eq(turf_process_jit(process, 0x1004, TURF_NOW, &at), 1);
	ck_assert_str_eq(at.name, "one");
	ck_assert_uint_eq(at.start, 0x1000);
	ck_assert_uint_eq(at.size, 0x10);
	ck_assert_ptr_null(at.file);
	write_file(path, "2000 10 two\n");
	ck_assert_int_eq(turf_process_jit(process, 0x2004, TURF_NOW, &at), 1);
	/* begun anew: nothing of before holds */
	ck_assert_int_eq(truncate(path, 0), 0);
	write_file(path, "3000 10 three\n");
	ck_assert_int_eq(turf_process_jit(process, 0x3004, TURF_NOW, &at), 1);
	ck_assert_int_eq(turf_process_jit(process, 0x1004, TURF_NOW, &at), 0);

	/* a jitdump that is mapped, with lines; its word counts for more */
	struct buf b = sample_dump(1);
	scoped(closep) int fd = open(dump, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_eq(turf_write_all(fd, b.at, b.n), 0);
	void *mark = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (mark != MAP_FAILED) { /* /tmp may forbid it */
		ck_assert_int_eq(turf_processes_read(table, getpid(), NULL), 0);
		ck_assert_int_eq(turf_process_jit(process, 0x2009, TURF_NOW, &at), 1);
		ck_assert_str_eq(at.name, "two");
		ck_assert_str_eq(at.file, "a.js");
		ck_assert_uint_eq(at.line, 12);
		ck_assert_int_eq(turf_process_jit(process, 0x3004, TURF_NOW, &at), 1);
		ck_assert_str_eq(at.name, "two");
		ck_assert_ptr_null(turf_process_jit_error(process));
	}
	/* a new program has no code of the old one */
	struct turf_event exec = {
		.kind = TURF_EVENT_COMM, .pid = getpid(), .tid = getpid(), .comm = { "x", true }
	};
	unlink(path);
	unlink(dump);
	ck_assert_int_eq(turf_processes_event(table, &exec), 0);
	ck_assert_int_eq(turf_process_jit(process, 0x3004, TURF_NOW, &at), 0);
	turf_processes_free(table);
	vec_fini(&b);
}
END_TEST

/* Links, what is no file, and files of others are told, not read. */
START_TEST(files_that_are_not_read)
{
	struct turf_processes *table;
	struct turf_process *process = own_process(&table);
	struct turf_jit at;
	char path[64], other[80];
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	snprintf(other, sizeof(other), "%s.other", path);
	unlink(path);
	write_file(other, "1000 10 one\n");
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(turf_process_jit(process, 0x1004, TURF_NOW, &at), 0);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(turf_process_jit(process, 0x1004, TURF_NOW, &at), 0);
	ck_assert_msg(strstr(turf_process_jit_error(process), "not a regular file"), "%s",
	              turf_process_jit_error(process));
	unlink(path);
	ck_assert_int_eq(rename(other, path), 0);
	ck_assert_int_eq(turf_process_jit(process, 0x1004, TURF_NOW, &at), 1);
	ck_assert_ptr_null(turf_process_jit_error(process));
	if (geteuid() == 0 && chown(path, 12345, 12345) == 0) {
		write_file(path, "2000 10 two\n");
		ck_assert_int_eq(turf_process_jit(process, 0x2004, TURF_NOW, &at), 0);
		const char *error = turf_process_jit_error(process);
		ck_assert_msg(strstr(error, "belongs to user 12345"), "%s", error);
	}
	unlink(path);
	turf_processes_free(table);
}
END_TEST

/* By the times of samples files are not looked at all the time. */
START_TEST(times_of_samples)
{
	const uint64_t ms = 1000000;
	struct turf_processes *table;
	struct turf_process *process = own_process(&table);
	struct turf_jit at;
	char path[64];
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	unlink(path);
	ck_assert_int_eq(turf_process_jit(process, 0x1004, 100 * ms, &at), 0);
	write_file(path, "1000 10 one\n");
	ck_assert_int_eq(turf_process_jit(process, 0x1004, 109 * ms, &at), 0);
	ck_assert_int_eq(turf_process_jit(process, 0x1004, 110 * ms, &at), 1);
	write_file(path, "1000 10 two\n");
	ck_assert_int_eq(turf_process_jit(process, 0x1004, 209 * ms, &at), 1);
	ck_assert_str_eq(at.name, "one");
	ck_assert_int_eq(turf_process_jit(process, 0x1004, 210 * ms, &at), 1);
	ck_assert_str_eq(at.name, "two");
	unlink(path);
	turf_processes_free(table);
}
END_TEST

TESTS("process/jit", later_ones_hide_earlier_ones, the_ends_of_memory, perf_maps,
      perf_maps_grow, perf_maps_with_long_lines, perf_maps_without_end, jitdumps_by_time,
      jitdumps_of_another_clock, jitdumps_grow, jitdumps_that_are_bad, names_of_dumps,
      files_of_a_process, files_that_are_not_read, times_of_samples)
