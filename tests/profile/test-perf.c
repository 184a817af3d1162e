/* SPDX-License-Identifier: MIT */
/* The kernel's records, and what a profile takes from them. Numbers are those of x86-64. */
#include <elf.h>

#include "fake.h"
#include "lib/asm.h"
#include "profile/taker.h"

enum { N_REGS = 17, PID = 100, TID = 101 };

static size_t begin(struct as *a, uint32_t type, uint16_t misc)
{
	as_u32(a, type);
	as_u16(a, misc);
	as_u16(a, 0); /* size: end() */
	return 0;
}

static void end(struct as *a)
{
	as_align(a, 8);
	as_patch(a, 6, as_here(a), 2);
}

static void end_with_id(struct as *a)
{
	as_align(a, 8);
	as_u32(a, PID);
	as_u32(a, TID);
	as_u64(a, 1234); /* time */
	as_u64(a, 0);    /* cpu */
	end(a);
}

struct sample_bytes {
	uint32_t pid;
	uint64_t abi;
	size_t n_ips, n_words,
		n_real; /* the stack: words copied, words of these that are real */
	uint64_t ips[8], words[8];
};

static struct as sample_of(const struct sample_bytes *s)
{
	struct as a = { 0 };
	begin(&a, PERF_RECORD_SAMPLE, 0);
	as_u64(&a, 0x1000); /* ip */
	as_u32(&a, s->pid);
	as_u32(&a, s->pid ? TID : 0);
	as_u64(&a, 777); /* time */
	as_u64(&a, 1);   /* cpu */
	as_u64(&a, 10101010);
	as_u64(&a, s->n_ips);
	for (size_t i = 0; i < s->n_ips; i++)
		as_u64(&a, s->ips[i]);
	as_u64(&a, s->abi);
	for (size_t i = 0; s->abi && i < N_REGS; i++)
		as_u64(&a, i == 7 ? 0x7ff000 : i == 8 ? 0x1000 : 0xa0 + i); /* sp, ip */
	as_u64(&a, 8 * s->n_words);
	for (size_t i = 0; i < s->n_words; i++)
		as_u64(&a, s->words[i]);
	if (s->n_words)
		as_u64(&a, 8 * s->n_real);
	end(&a);
	return a;
}

static const struct sample_bytes usual = {
	.pid = PID,
	.abi = PERF_SAMPLE_REGS_ABI_64,
	.n_ips = 3,
	.ips = { (uint64_t)PERF_CONTEXT_KERNEL, 0x5010, 0x6000 },
	.n_words = 4,
	.n_real = 3,
	.words = { 0x2000, 0x3000, 0 },
};

START_TEST(reads_a_sample)
{
	struct as a = sample_of(&usual);
	struct record r;
	struct turf_regs regs;
	ck_assert_int_eq(turf_perf_read(as_span(&a), &r), 0);
	ck_assert_int_eq(r.kind, RECORD_SAMPLE);
	ck_assert_uint_eq(r.time_ns, 777);
	ck_assert_uint_eq(r.sample.pid, PID);
	ck_assert_uint_eq(r.sample.tid, TID);
	ck_assert_uint_eq(r.sample.ip, 0x1000);
	ck_assert_uint_eq(r.sample.n_ips, 3);
	ck_assert_uint_eq(turf_perf_ip(&r.sample, 1), 0x5010);
	ck_assert_uint_eq(r.sample.stack_size, 24);
	ck_assert(turf_perf_regs(&r.sample, &regs));
	ck_assert_uint_eq(regs.machine, EM_X86_64);
	ck_assert_uint_eq(regs.valid, 0x1ffff);
	/* the kernel's ax bx cx dx si di bp sp ip r8...; DWARF's ax dx cx bx si di bp sp r8...
	 */
	static const uint64_t expected[] = { 0xa0, 0xa3,     0xa2, 0xa1, 0xa4,  0xa5,
		                             0xa6, 0x7ff000, 0xa9, 0xaa, 0xab,  0xac,
		                             0xad, 0xae,     0xaf, 0xb0, 0x1000 };
	for (size_t i = 0; i < COUNT(expected); i++)
		ck_assert_msg(regs.value[i] == expected[i], "register %zu", i);
	as_patch(&a, as_here(&a) - 8, 8 * usual.n_words + 1, 8); /* more than was copied */
	ck_assert_int_eq(turf_perf_read(as_span(&a), &r), -EBADMSG);
	as_free(&a);
}
END_TEST

START_TEST(reads_a_map)
{
	struct as a = { 0 };
	begin(&a, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER);
	as_u32(&a, PID);
	as_u32(&a, TID);
	as_u64(&a, 0x400000);
	as_u64(&a, 0x3000);
	as_u64(&a, 0x1000);
	as_u32(&a, 8);
	as_u32(&a, 1);
	as_u64(&a, 4711);
	as_u64(&a, 0);
	as_u32(&a, 5);
	as_u32(&a, 2);
	as_str(&a, "/lib/libx.so");
	end_with_id(&a);
	struct record r;
	ck_assert_int_eq(turf_perf_read(as_span(&a), &r), 0);
	ck_assert_int_eq(r.kind, RECORD_EVENT);
	ck_assert_int_eq(r.event.kind, TURF_EVENT_MAP);
	ck_assert_uint_eq(r.event.time_ns, 1234);
	ck_assert_int_eq(r.event.pid, PID);
	ck_assert_int_eq(r.event.tid, TID);
	ck_assert_uint_eq(r.event.map.start, 0x400000);
	ck_assert_uint_eq(r.event.map.end, 0x403000);
	ck_assert_uint_eq(r.event.map.offset, 0x1000);
	ck_assert_uint_eq(r.event.map.major, 8);
	ck_assert_uint_eq(r.event.map.minor, 1);
	ck_assert_uint_eq(r.event.map.inode, 4711);
	ck_assert_str_eq(r.event.map.path, "/lib/libx.so");
	as_patch(&a, 8 + 16, UINT64_MAX, 8); /* a size that wraps */
	ck_assert_int_eq(turf_perf_read(as_span(&a), &r), -EBADMSG);
	as_free(&a);
}
END_TEST

START_TEST(reads_names)
{
	for (int exec = 0; exec < 2; exec++) {
		struct as a = { 0 };
		begin(&a, PERF_RECORD_COMM, exec ? PERF_RECORD_MISC_COMM_EXEC : 0);
		as_u32(&a, PID);
		as_u32(&a, TID);
		as_str(&a, "python3");
		end_with_id(&a);
		struct record r;
		ck_assert_int_eq(turf_perf_read(as_span(&a), &r), 0);
		ck_assert_int_eq(r.event.kind, TURF_EVENT_COMM);
		ck_assert_str_eq(r.event.comm.name, "python3");
		ck_assert_int_eq(r.event.comm.exec, exec);
		as_free(&a);
	}
}
END_TEST

static const struct {
	const char *what;
	uint32_t type;
	int expect;
	enum record_kind kind;
	size_t n_words; /* of the body */
	uint64_t words[4];
} small[] = {
	{ "fork", PERF_RECORD_FORK, 0, RECORD_EVENT, 3, { 0x100000002, 0x300000004, 5 } },
	{ "exit", PERF_RECORD_EXIT, 0, RECORD_EVENT, 3, { 0x100000002, 0x300000004, 5 } },
	{ "lost", PERF_RECORD_LOST, 0, RECORD_LOST, 2, { 1, 42 } },
	{ "lost samples", PERF_RECORD_LOST_SAMPLES, 0, RECORD_LOST, 1, { 42 } },
	{ "throttle", PERF_RECORD_THROTTLE, 0, RECORD_THROTTLE, 3, { 1, 2, 3 } },
	{ "unthrottle", PERF_RECORD_UNTHROTTLE, 0, RECORD_OTHER, 3, { 1, 2, 3 } },
	{ "of tomorrow", 4000, 0, RECORD_OTHER, 0, { 0 } },
	{ "fork without its end", PERF_RECORD_FORK, -EBADMSG, 0, 1, { 1 } },
	{ "lost without a number", PERF_RECORD_LOST, -EBADMSG, 0, 1, { 1 } },
	{ "name without end", PERF_RECORD_COMM, -EBADMSG, 0, 2, { 1, UINT64_MAX } },
};

START_TEST(reads_small_records)
{
	for (size_t i = 0; i < COUNT(small); i++) {
		struct as a = { 0 };
		begin(&a, small[i].type, 0);
		for (size_t k = 0; k < small[i].n_words; k++)
			as_u64(&a, small[i].words[k]);
		end_with_id(&a);
		struct record r = { .kind = RECORD_OTHER };
		int got = turf_perf_read(as_span(&a), &r);
		ck_assert_msg(got == small[i].expect, "%s: got %d", small[i].what, got);
		ck_assert_msg(got < 0 || r.kind == small[i].kind, "%s", small[i].what);
		if (r.kind == RECORD_LOST)
			ck_assert_uint_eq(r.n_lost, 42);
		if (r.kind == RECORD_EVENT) {
			ck_assert_int_eq(r.event.pid, 2);
			ck_assert_int_eq(r.event.fork.parent_pid, 1);
			ck_assert_int_eq(r.event.tid, 4);
			ck_assert_int_eq(r.event.fork.parent_tid, 3);
		}
		as_free(&a);
	}
}
END_TEST

static void set_size(struct span bytes)
{
	uint16_t size = htole16((uint16_t)bytes.size);
	if (bytes.size >= 8)
		memcpy((uint8_t *)bytes.at + 6, &size, 2);
}

static void prefix(struct span part)
{
	struct record r;
	set_size(part); /* else all are refused for that alone */
	ck_assert_int_eq(turf_perf_read(part, &r), -EBADMSG);
}

static struct turf_image image;

static struct turf_processes table_of(pid_t pid)
{
	return (struct turf_processes){
		.process = { pid, "app", "worker" },
		.module = { "/usr/bin/app", "key1", &image, 0 },
	};
}

static struct taker *taker_of(struct turf_processes *table)
{
	static struct turf_kernel kernel;
	struct taker *t = calloc(1, sizeof(*t));
	t->table = table;
	t->kernel = &kernel;
	t->profile = turf_profile_new();
	fake_unwind_module = &table->module;
	return t;
}

static void free_taker(struct taker *t)
{
	turf_profile_close(t->profile);
	free(t);
}

static void bent(struct span bytes)
{
	struct turf_processes table = table_of(PID);
	struct record r;
	if (turf_perf_read(bytes, &r) < 0)
		return;
	struct taker *t = taker_of(&table);
	ck_assert_int_eq(turf_taker_take(t, &r), 0);
	free_taker(t);
}

START_TEST(every_prefix_of_a_sample_is_refused)
{
	struct as a = sample_of(&usual);
	every_prefix(as_span(&a), prefix);
	as_free(&a);
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	struct as a = sample_of(&usual);
	every_byte_bent(as_span(&a), bent);
	as_free(&a);
}
END_TEST

static struct taker *take(struct turf_processes *table, const struct sample_bytes *s)
{
	struct as a = sample_of(s);
	struct record r;
	struct taker *t = taker_of(table);
	ck_assert_int_eq(turf_perf_read(as_span(&a), &r), 0);
	ck_assert_int_eq(turf_taker_take(t, &r), 0);
	as_free(&a);
	return t;
}

/* The frames of the one stack there is, innermost first. */
static const struct p_frame *frame(const struct turf_profile *p, size_t i)
{
	uint32_t node = p->counts.at[0].node;
	for (; i && node; i--)
		node = p->nodes.at[node].parent;
	ck_assert_uint_ne(node, 0);
	return &p->frames.at[p->nodes.at[node].frame];
}

START_TEST(takes_a_sample)
{
	struct turf_processes table = table_of(PID);
	struct taker *t = take(&table, &usual);
	struct turf_profile *p = t->profile;
	const struct turf_profile_stats *s = &p->info.stats;
	ck_assert_uint_eq(p->counts.n, 1);
	ck_assert_uint_eq(p->nodes.at[p->counts.at[0].node].depth, 5);
	/* the kernel's frames: the second is a return address, so one byte earlier counts */
	ck_assert_str_eq(p->strings.at[frame(p, 0)->name], "k_5000");
	ck_assert_int_eq(frame(p, 0)->kind, FRAME_KERNEL);
	ck_assert_str_eq(p->strings.at[frame(p, 1)->name], "k_5000");
	ck_assert_int_eq(frame(p, 2)->kind, FRAME_USER);
	ck_assert_uint_eq(frame(p, 2)->addr, 0x1000);
	ck_assert_uint_eq(frame(p, 3)->addr, 0x2000);
	ck_assert_uint_eq(frame(p, 4)->addr, 0x3000);
	ck_assert_uint_eq(s->samples, 1);
	ck_assert_uint_eq(s->user_samples, 1);
	ck_assert_uint_eq(s->frames, 3);
	ck_assert_uint_eq(s->stops[TURF_STOP_END], 1);
	const struct p_thread *thread = &p->threads.at[p->counts.at[0].thread];
	ck_assert_uint_eq(thread->tid, TID);
	ck_assert_str_eq(p->strings.at[thread->process], "app");
	ck_assert_str_eq(p->strings.at[thread->name], "worker");
	ck_assert_int_eq(turf_taker_finish(t), 0);
	ck_assert_int_eq(turf_taker_finish(t), 0); /* again: nothing new */
	ck_assert_uint_eq(p->modules.n, 1);
	ck_assert_str_eq(p->strings.at[p->modules.at[0].source_id], "abcd01");
	ck_assert_str_eq(p->strings.at[p->modules.at[0].key], "key1");
	free_taker(t);
}
END_TEST

static const struct {
	const char *what;
	struct sample_bytes bytes;
	pid_t known;  /* to the table */
	bool appears; /* when the system is asked */
	uint64_t samples, user, kernel_only, foreign, truncated;
	uint32_t depth;
} takes[] = {
	{ "idle is left out", { .pid = 0, .abi = 2 }, 0, false, 0, 0, 0, 0, 0, 0 },
	{ "a kernel thread",
	  { .pid = PID, .n_ips = 2, .ips = { (uint64_t)PERF_CONTEXT_KERNEL, 0x5000 } },
	  PID,
	  false,
	  1,
	  0,
	  1,
	  0,
	  0,
	  1 },
	{ "the stack is longer than its copy",
	  { .pid = PID,
	    .abi = 2,
	    .n_words = 4,
	    .n_real = 2,
	    .words = { 0x2000, 0x3000, 0x4000 } },
	  PID,
	  false,
	  1,
	  1,
	  0,
	  0,
	  1,
	  3 },
	{ "no stack was copied", { .pid = PID, .abi = 2 }, PID, false, 1, 1, 0, 0, 1, 1 },
	{ "a 32-bit program",
	  { .pid = PID, .abi = 1, .n_words = 1, .n_real = 1 },
	  PID,
	  false,
	  1,
	  0,
	  0,
	  1,
	  0,
	  0 },
	{ "a process nobody told of", { .pid = 55, .abi = 2 }, PID, true, 1, 1, 0, 0, 1, 1 },
	{ "and that is gone", { .pid = 55, .abi = 2 }, PID, false, 1, 0, 0, 1, 0, 0 },
	{ "a task that has all but ended",
	  { .pid = UINT32_MAX },
	  PID,
	  false,
	  1,
	  0,
	  1,
	  0,
	  0,
	  0 },
	{ "user frames of a callchain are not ours",
	  { .pid = PID, .n_ips = 2, .ips = { (uint64_t)PERF_CONTEXT_USER, 0x5000 } },
	  PID,
	  false,
	  1,
	  0,
	  1,
	  0,
	  0,
	  0 },
};

START_TEST(takes_what_there_is)
{
	for (size_t i = 0; i < COUNT(takes); i++) {
		struct turf_processes table = table_of(takes[i].known);
		table.appears = takes[i].appears;
		struct taker *t = take(&table, &takes[i].bytes);
		const struct turf_profile *p = t->profile;
		const struct turf_profile_stats *s = &p->info.stats;
		uint32_t depth = p->counts.n ? p->nodes.at[p->counts.at[0].node].depth : 0;
		ck_assert_msg(s->samples == takes[i].samples &&
		                      s->user_samples == takes[i].user &&
		                      s->kernel_only == takes[i].kernel_only &&
		                      s->foreign == takes[i].foreign &&
		                      s->stops[TURF_STOP_TRUNCATED] == takes[i].truncated,
		              "%s", takes[i].what);
		ck_assert_msg(depth == takes[i].depth, "%s: depth %u", takes[i].what, depth);
		ck_assert_msg(p->counts.n == takes[i].samples, "%s", takes[i].what);
		free_taker(t);
	}
}
END_TEST

START_TEST(other_records_reach_the_table_and_the_counts)
{
	struct turf_processes table = table_of(PID);
	struct taker *t = taker_of(&table);
	struct record r = { .kind = RECORD_EVENT };
	r.event.pid = 5;
	ck_assert_int_eq(turf_taker_take(t, &r), 0);
	ck_assert_int_eq(table.n_events, 1);
	ck_assert_int_eq(table.last.pid, 5);
	r = (struct record){ .kind = RECORD_LOST, .n_lost = 7 };
	ck_assert_int_eq(turf_taker_take(t, &r), 0);
	r = (struct record){ .kind = RECORD_THROTTLE };
	ck_assert_int_eq(turf_taker_take(t, &r), 0);
	ck_assert_uint_eq(t->profile->info.stats.lost, 7);
	ck_assert_uint_eq(t->profile->info.stats.throttled, 1);
	free_taker(t);
}
END_TEST

TESTS("profile/perf", reads_a_sample, reads_a_map, reads_names, reads_small_records,
      every_prefix_of_a_sample_is_refused, every_byte_bent_is_survived, takes_a_sample,
      takes_what_there_is, other_records_reach_the_table_and_the_counts)
