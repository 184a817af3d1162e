/* SPDX-License-Identifier: MIT */
/*
 * What events do to the table. The tables below are the specification: a list of events, then
 * what must stand at some addresses. No store: nothing is opened, as all modules' files are
 * missing.
 */
#include "lib/test.h"
#include "process/process.h"

#define MAP(p, s, e, o, name)                                                                  \
	{                                                                                      \
		.kind = TURF_EVENT_MAP, .pid = (p), .tid = (p),                                \
		.map = { s,                                                                    \
			 e,                                                                    \
			 o,                                                                    \
			 1,                                                                    \
			 2,                                                                    \
			 3,                                                                    \
			 name }                                                                \
	}
#define COMM(p, t, text, is_exec)                                                              \
	{                                                                                      \
		.kind = TURF_EVENT_COMM, .pid = (p), .tid = (t), .comm = { text, is_exec }     \
	}
#define FORK(p, t, pp, pt)                                                                     \
	{                                                                                      \
		.kind = TURF_EVENT_FORK, .pid = (p), .tid = (t), .fork = { pp, pt }            \
	}
#define EXIT(p, t)                                                                             \
	{                                                                                      \
		.kind = TURF_EVENT_EXIT, .pid = (p), .tid = (t)                                \
	}

#define UNMAP(p, s, e)                                                                         \
	{                                                                                      \
		.kind = TURF_EVENT_UNMAP, .pid = (p), .tid = (p), .unmap = { s, e }            \
	}
#define MOVE(p, s, e, t, te)                                                                   \
	{                                                                                      \
		.kind = TURF_EVENT_MOVE, .pid = (p), .tid = (p), .move = { s, e, t, te }       \
	}

#define NONE(p, pc)                                                                            \
	{                                                                                      \
		p, pc, 0, 0, 0, NULL                                                           \
	}

#define A "/no/such/a"
#define B "/no/such/b"
#define C "/no/such/c"

static struct turf_processes *new_table(void)
{
	struct turf_processes *table = NULL;
	ck_assert_int_eq(turf_processes_new(NULL, &table, NULL), 0);
	return table;
}

static void feed(struct turf_processes *table, const struct turf_event *event)
{
	ck_assert_int_eq(turf_processes_event(table, event), 0);
}

struct place {
	pid_t pid;
	uint64_t pc, start, end, offset; /* end 0: nothing is mapped there */
	const char *path;                /* NULL: no module */
};

static void expect_place(const char *what, struct turf_processes *table,
                         const struct place *want)
{
	struct turf_process *process = turf_processes_find(table, want->pid);
	const struct map *map = process ? turf_space_find(process->space, want->pc) : NULL;
	if (!want->end) {
		ck_assert_msg(!map, "%s: %d:%#lx is mapped", what, want->pid, want->pc);
		return;
	}
	ck_assert_msg(map != NULL, "%s: %d:%#lx is not mapped", what, want->pid, want->pc);
	ck_assert_msg(map->start == want->start && map->end == want->end &&
	                      map->offset == want->offset,
	              "%s: %d:%#lx: %#lx-%#lx at %#lx", what, want->pid, want->pc, map->start,
	              map->end, map->offset);
	const char *path = map->module ? turf_module_path(map->module) : "-";
	ck_assert_msg(strcmp(path, want->path ? want->path : "-") == 0, "%s: %d:%#lx: %s", what,
	              want->pid, want->pc, path);
	struct turf_location at;
	ck_assert_int_eq(turf_process_locate(process, want->pc, &at), 1);
	ck_assert(at.map_start == want->start && at.map_end == want->end && !at.image);
	ck_assert(at.module == map->module);
}

static const struct {
	const char *what;
	struct turf_event events[12];
	struct place places[8];
} cases[] = {
	{ "one map",
	  { MAP(7, 0x1000, 0x3000, 0x5000, A) },
	  { NONE(7, 0xfff),
	    { 7, 0x1000, 0x1000, 0x3000, 0x5000, A },
	    { 7, 0x2fff, 0x1000, 0x3000, 0x5000, A },
	    NONE(7, 0x3000),
	    NONE(8, 0x1000) } },
	{ "out of order",
	  { MAP(7, 0x5000, 0x6000, 0, B), MAP(7, 0x1000, 0x2000, 0, A),
	    MAP(7, 0x3000, 0x4000, 0, C) },
	  { { 7, 0x1800, 0x1000, 0x2000, 0, A },
	    { 7, 0x3800, 0x3000, 0x4000, 0, C },
	    { 7, 0x5800, 0x5000, 0x6000, 0, B },
	    NONE(7, 0x2000),
	    NONE(7, 0x4000) } },
	{ "the same again",
	  { MAP(7, 0x1000, 0x3000, 0, A), MAP(7, 0x1000, 0x3000, 0x4000, B) },
	  { { 7, 0x1000, 0x1000, 0x3000, 0x4000, B },
	    { 7, 0x2fff, 0x1000, 0x3000, 0x4000, B } } },
	{ "cut at the start: the rest keeps its place in the file",
	  { MAP(7, 0x1000, 0x5000, 0x10000, A), MAP(7, 0x0, 0x3000, 0, B) },
	  { { 7, 0x0, 0x0, 0x3000, 0, B }, { 7, 0x3000, 0x3000, 0x5000, 0x12000, A } } },
	{ "cut at the end",
	  { MAP(7, 0x1000, 0x5000, 0x10000, A), MAP(7, 0x4000, 0x6000, 0, B) },
	  { { 7, 0x1000, 0x1000, 0x4000, 0x10000, A }, { 7, 0x4000, 0x4000, 0x6000, 0, B } } },
	{ "a hole in the middle",
	  { MAP(7, 0x1000, 0x9000, 0x10000, A), MAP(7, 0x4000, 0x5000, 0, B) },
	  { { 7, 0x3fff, 0x1000, 0x4000, 0x10000, A },
	    { 7, 0x4000, 0x4000, 0x5000, 0, B },
	    { 7, 0x5000, 0x5000, 0x9000, 0x14000, A } } },
	{ "over several",
	  { MAP(7, 0x1000, 0x2000, 0, A), MAP(7, 0x2000, 0x3000, 0, B),
	    MAP(7, 0x3000, 0x4000, 0, A), MAP(7, 0x4000, 0x6000, 0x100, B),
	    MAP(7, 0x1800, 0x5000, 0, C) },
	  { { 7, 0x1000, 0x1000, 0x1800, 0, A },
	    { 7, 0x1800, 0x1800, 0x5000, 0, C },
	    { 7, 0x5000, 0x5000, 0x6000, 0x1100, B },
	    NONE(7, 0x6000) } },
	{ "exactly over several",
	  { MAP(7, 0x1000, 0x2000, 0, A), MAP(7, 0x2000, 0x3000, 0, B),
	    MAP(7, 0x1000, 0x3000, 0, C) },
	  { { 7, 0x1000, 0x1000, 0x3000, 0, C }, { 7, 0x2fff, 0x1000, 0x3000, 0, C } } },
	{ "empty and inverted maps say nothing",
	  { MAP(7, 0x1000, 0x2000, 0, A), MAP(7, 0x1000, 0x1000, 0, B),
	    MAP(7, 0x2000, 0x1000, 0, B) },
	  { { 7, 0x1000, 0x1000, 0x2000, 0, A } } },
	{ "the end of the address space",
	  { MAP(7, 0x1000, UINT64_MAX, 0, A), MAP(7, 0x0, 0x2000, 0, B) },
	  { { 7, UINT64_MAX - 1, 0x2000, UINT64_MAX, 0x1000, A }, NONE(7, UINT64_MAX) } },
	{ "memory without a file",
	  { MAP(7, 0x1000, 0x2000, 0, "//anon"), MAP(7, 0x2000, 0x3000, 0, ""),
	    MAP(7, 0x3000, 0x4000, 0, "[heap]"),
	    MAP(7, 0x4000, 0x5000, 0, "/dev/zero (deleted)"),
	    MAP(7, 0x5000, 0x6000, 0, "[vdso]"), MAP(7, 0x6000, 0x7000, 0, NULL) },
	  { { 7, 0x1000, 0x1000, 0x2000, 0, NULL },
	    { 7, 0x2000, 0x2000, 0x3000, 0, NULL },
	    { 7, 0x3000, 0x3000, 0x4000, 0, NULL },
	    { 7, 0x4000, 0x4000, 0x5000, 0, NULL },
	    { 7, 0x6000, 0x6000, 0x7000, 0, NULL } } },
	{ "exec clears",
	  { MAP(7, 0x1000, 0x2000, 0, A), COMM(7, 7, "new", true),
	    MAP(7, 0x5000, 0x6000, 0, B) },
	  { NONE(7, 0x1000), { 7, 0x5000, 0x5000, 0x6000, 0, B } } },
	{ "a new name does not",
	  { MAP(7, 0x1000, 0x2000, 0, A), COMM(7, 7, "new", false) },
	  { { 7, 0x1000, 0x1000, 0x2000, 0, A } } },
	{ "a fork has the parent's maps, each changes its own",
	  { MAP(7, 0x1000, 0x2000, 0, A), FORK(8, 8, 7, 7), MAP(7, 0x3000, 0x4000, 0, B),
	    MAP(8, 0x1000, 0x2000, 0, C), FORK(9, 9, 8, 8) },
	  { { 7, 0x1000, 0x1000, 0x2000, 0, A },
	    { 7, 0x3000, 0x3000, 0x4000, 0, B },
	    { 8, 0x1000, 0x1000, 0x2000, 0, C },
	    NONE(8, 0x3000),
	    { 9, 0x1000, 0x1000, 0x2000, 0, C } } },
	{ "exec in the child leaves the parent",
	  { MAP(7, 0x1000, 0x2000, 0, A), FORK(8, 8, 7, 7), COMM(8, 8, "x", true) },
	  { { 7, 0x1000, 0x1000, 0x2000, 0, A }, NONE(8, 0x1000) } },
	{ "exec in the parent leaves the child",
	  { MAP(7, 0x1000, 0x2000, 0, A), FORK(8, 8, 7, 7), COMM(7, 7, "x", true) },
	  { { 8, 0x1000, 0x1000, 0x2000, 0, A }, NONE(7, 0x1000) } },
	{ "a thread shares all",
	  { MAP(7, 0x1000, 0x2000, 0, A), FORK(7, 70, 7, 7) },
	  { { 7, 0x1000, 0x1000, 0x2000, 0, A }, NONE(70, 0x1000) } },
	{ "fork of an unknown parent",
	  { FORK(8, 8, 7, 7) },
	  { NONE(8, 0x1000), NONE(7, 0x1000) } },
	{ "the ended can still be looked up",
	  { MAP(7, 0x1000, 0x2000, 0, A), EXIT(7, 7) },
	  { { 7, 0x1000, 0x1000, 0x2000, 0, A } } },
	{ "a pid used again",
	  { MAP(7, 0x1000, 0x2000, 0, A), MAP(6, 0x5000, 0x6000, 0, B), EXIT(7, 7),
	    FORK(7, 7, 6, 6) },
	  { NONE(7, 0x1000), { 7, 0x5000, 0x5000, 0x6000, 0, B } } },
	{ "a pid used again by an unknown parent's child",
	  { MAP(7, 0x1000, 0x2000, 0, A), EXIT(7, 7), FORK(7, 7, 6, 6) },
	  { NONE(7, 0x1000) } },
	{ "a live one keeps what /proc told when its parent is unknown",
	  { MAP(7, 0x1000, 0x2000, 0, A), FORK(7, 7, 6, 6) },
	  { { 7, 0x1000, 0x1000, 0x2000, 0, A } } },
	{ "unmapped in the middle",
	  { MAP(7, 0x1000, 0x9000, 0x10000, A), UNMAP(7, 0x4000, 0x5000) },
	  { { 7, 0x3fff, 0x1000, 0x4000, 0x10000, A },
	    NONE(7, 0x4000),
	    { 7, 0x5000, 0x5000, 0x9000, 0x14000, A } } },
	{ "unmapped over several",
	  { MAP(7, 0x1000, 0x2000, 0, A), MAP(7, 0x3000, 0x4000, 0, B),
	    MAP(7, 0x5000, 0x6000, 0, C), UNMAP(7, 0x1800, 0x5800) },
	  { { 7, 0x1000, 0x1000, 0x1800, 0, A },
	    NONE(7, 0x1800),
	    NONE(7, 0x3000),
	    { 7, 0x5800, 0x5800, 0x6000, 0x800, C } } },
	{ "unmapped in the child, not in the parent",
	  { MAP(7, 0x1000, 0x2000, 0, A), FORK(8, 8, 7, 7), UNMAP(8, 0x1000, 0x2000) },
	  { { 7, 0x1000, 0x1000, 0x2000, 0, A }, NONE(8, 0x1000) } },
	{ "unmapped where nothing is, empty and inverted ranges",
	  { MAP(7, 0x1000, 0x2000, 0, A), UNMAP(7, 0x2000, 0x9000), UNMAP(7, 0x0, 0x1000),
	    UNMAP(7, 0x1800, 0x1800), UNMAP(7, 0x1800, 0x1000), UNMAP(9, 0x1000, 0x2000) },
	  { { 7, 0x1000, 0x1000, 0x2000, 0, A }, NONE(9, 0x1000) } },
	{ "moved over another one",
	  { MAP(7, 0x1000, 0x5000, 0x10000, A), MAP(7, 0x8000, 0xb000, 0, B),
	    MOVE(7, 0x2000, 0x4000, 0x9000, 0xb000) },
	  { { 7, 0x1000, 0x1000, 0x2000, 0x10000, A },
	    NONE(7, 0x2000),
	    { 7, 0x4000, 0x4000, 0x5000, 0x13000, A },
	    { 7, 0x8000, 0x8000, 0x9000, 0, B },
	    { 7, 0x9000, 0x9000, 0xb000, 0x11000, A } } },
	{ "moved and grown, moved and cut",
	  { MAP(7, 0x1000, 0x2000, 0, A), MAP(7, 0x3000, 0x5000, 0, B),
	    MOVE(7, 0x1000, 0x2000, 0x10000, 0x13000),
	    MOVE(7, 0x3000, 0x5000, 0x20000, 0x21000) },
	  { NONE(7, 0x1000),
	    NONE(7, 0x3000),
	    { 7, 0x12000, 0x10000, 0x13000, 0, A },
	    { 7, 0x20000, 0x20000, 0x21000, 0, B },
	    NONE(7, 0x21000) } },
	{ "an exit of the unknown", { EXIT(7, 7) }, { NONE(7, 0x1000) } },
};

START_TEST(follows_events)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_processes *table = new_table();
		for (size_t e = 0; e < COUNT(cases[i].events) && cases[i].events[e].pid; e++)
			feed(table, &cases[i].events[e]);
		for (size_t p = 0; p < COUNT(cases[i].places) && cases[i].places[p].pid; p++)
			expect_place(cases[i].what, table, &cases[i].places[p]);
		turf_processes_free(table);
	}
}
END_TEST

START_TEST(knows_threads_by_name)
{
	static const struct turf_event events[] = {
		COMM(7, 7, "main", false),
		FORK(7, 70, 7, 7),
		FORK(7, 71, 7, 70),
		COMM(7, 70, "worker", false),
		FORK(7, 72, 7, 70),
		COMM(7, 7, "renamed", false),
		FORK(8, 8, 7, 72),
		COMM(9, 9, "a name that is longer than the kernel ever makes them", false),
	};
	static const struct {
		pid_t pid, tid;
		const char *comm;
	} want[] = {
		{ 7, 7, "renamed" },
		{ 7, 70, "worker" },
		{ 7, 71, "main" },
		{ 7, 72, "worker" },
		{ 7, 99, "renamed" },
		{ 8, 8, "worker" },
		{ 9, 9, "a name that is longer than the " },
	};
	struct turf_processes *table = new_table();
	for (size_t i = 0; i < COUNT(events); i++)
		feed(table, &events[i]);
	for (size_t i = 0; i < COUNT(want); i++) {
		struct turf_process *process = turf_processes_find(table, want[i].pid);
		ck_assert_ptr_nonnull(process);
		ck_assert_int_eq(turf_process_pid(process), want[i].pid);
		ck_assert_str_eq(turf_process_thread_comm(process, want[i].tid), want[i].comm);
		if (want[i].pid == want[i].tid)
			ck_assert_str_eq(turf_process_comm(process), want[i].comm);
	}
	/* exec leaves one thread, which bears the new name */
	struct turf_event exec = COMM(7, 7, "program", true);
	feed(table, &exec);
	ck_assert_str_eq(turf_process_thread_comm(turf_processes_find(table, 7), 70),
	                 "program");
	turf_processes_free(table);
}
END_TEST

/* Its first thread may end first: the others' samples and maps still come. */
START_TEST(outlives_its_first_thread)
{
	static const struct turf_event events[] = {
		MAP(7, 0x1000, 0x2000, 0, A),
		FORK(7, 70, 7, 7),
		EXIT(7, 7),
	};
	struct turf_processes *table = new_table();
	for (size_t i = 0; i < COUNT(events); i++)
		feed(table, &events[i]);
	struct turf_process *process = turf_processes_find(table, 7);
	ck_assert(process && !process->dead);
	struct turf_event end = EXIT(7, 70);
	feed(table, &end);
	ck_assert(process->dead);
	ck_assert_uint_eq(table->n_dead, 1);
	feed(table, &end);
	ck_assert_uint_eq(table->n_dead, 1);
	feed(table, &events[0]);
	ck_assert(!process->dead);
	ck_assert_uint_eq(table->n_dead, 0);
	turf_processes_free(table);
}
END_TEST

START_TEST(lets_go_of_the_dead)
{
	struct turf_processes *table = new_table();
	struct turf_event first = MAP(1, 0x1000, 0x2000, 0, A);
	feed(table, &first);
	for (pid_t pid = 2; pid < 20000; pid++) {
		struct turf_event fork = FORK(pid, pid, 1, 1), end = EXIT(pid, pid);
		feed(table, &fork);
		feed(table, &end);
		ck_assert_ptr_nonnull(turf_processes_find(table, pid));
		ck_assert_uint_le(table->processes.n, MAX_DEAD + 1);
	}
	ck_assert_ptr_nonnull(turf_processes_find(table, 1));
	ck_assert_ptr_null(turf_processes_find(table, 2));
	for (pid_t tid = 2; tid < 20000; tid++) {
		struct turf_event fork = FORK(1, tid, 1, 1), end = EXIT(1, tid);
		feed(table, &fork);
		feed(table, &end);
	}
	ck_assert_uint_le(turf_processes_find(table, 1)->threads.n, MAX_DEAD_THREADS + 1);
	turf_processes_free(table);
}
END_TEST

START_TEST(shares_modules)
{
	struct turf_processes *table = new_table();
	struct turf_event map = MAP(1, 0x1000, 0x2000, 0, A);
	char path[32];
	for (size_t round = 0; round < 2; round++)
		for (unsigned i = 0; i < 500; i++) {
			snprintf(path, sizeof(path), "/lib/%u.so", i);
			map.pid = (pid_t)(round * 1000 + i + 1);
			map.map.path = path;
			map.map.inode = i + 1;
			feed(table, &map);
		}
	ck_assert_uint_eq(turf_processes_n_modules(table), 500);
	ck_assert_ptr_null(turf_processes_module(table, 500));
	for (size_t i = 0; i < 500; i++) {
		const struct turf_module *module = turf_processes_module(table, i);
		ck_assert_uint_eq(turf_module_index(module), i);
		snprintf(path, sizeof(path), "/lib/%zu.so", i);
		ck_assert_str_eq(turf_module_path(module), path);
		ck_assert_ptr_null(turf_module_error(module));
		ck_assert_str_eq(turf_module_key(module), "");
	}
	/* the same name for another file, and the same file by another name, are others */
	map.map.inode = 7777;
	feed(table, &map);
	map.map.path = "/another";
	feed(table, &map);
	map.map.minor = 9;
	feed(table, &map);
	ck_assert_uint_eq(turf_processes_n_modules(table), 503);
	turf_processes_free(table);
}
END_TEST

TESTS("process/events", follows_events, knows_threads_by_name, outlives_its_first_thread,
      lets_go_of_the_dead, shares_modules)
