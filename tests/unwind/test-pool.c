/* SPDX-License-Identifier: MIT */
/*
 * Samples unwound by a pool of threads. Their processes are made up: each has this program's
 * file mapped, whose urf (fake.h) has no rules, so that a chain of frame pointers is a stack.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "lib/alloc.h"
#include "store/fake.h"
#include "turf/pool.h"

enum { RBP = 6, RSP = 7, RIP = 16 };
enum { FIRST_PID = 1 << 28, MAX_PIDS = 64, MAX_DEPTH = 40 };

static const uint64_t CODE = 0x10000000, STACK = 0x7f0000000000;

/* What take() has seen; it does nothing until the gate is open. */
struct taken {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	atomic_uint n_entered;
	atomic_uint n_at_once[MAX_PIDS];
	uint64_t next[MAX_PIDS]; /* cookie that each process must have next */
	atomic_uint n, n_wrong;
	char paths[MAX_PIDS][64]; /* what was mapped at the first frame, the last time */
};

static void wait_for_gate(struct taken *t)
{
	pthread_mutex_lock(&t->lock);
	while (!t->open)
		pthread_cond_wait(&t->changed, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

static void set_gate(struct taken *t, bool open)
{
	pthread_mutex_lock(&t->lock);
	t->open = open;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

/* How deep the stack of a sample is. */
static unsigned depth_of(uint64_t cookie)
{
	return 1 + (unsigned)(cookie * 7 % (MAX_DEPTH - 1));
}

static void take(void *ctx, const struct turf_pool_stack *stack)
{
	struct taken *t = ctx;
	const struct turf_sample *s = stack->sample;
	unsigned pid = (unsigned)(s->pid - FIRST_PID), depth = depth_of(s->cookie);
	bool wrong = atomic_fetch_add(&t->n_at_once[pid], 1) != 0;
	t->n_entered++;
	wait_for_gate(t);
	wrong |= s->cookie != t->next[pid]++;
	wrong |= stack->n_frames != depth;
	for (unsigned i = 0; i < stack->n_frames; i++)
		wrong |= stack->frames[i].pc != CODE + 0x100 + 16 * i;
	const struct turf_module *module = stack->frames[0].location.module;
	snprintf(t->paths[pid], sizeof(t->paths[pid]), "%s",
	         module ? turf_module_path(module) : "");
	t->n_wrong += wrong;
	t->n_at_once[pid]--;
	t->n++;
}

struct scene {
	struct fake fake;
	struct turf_processes *table;
	struct turf_pool *pool;
	struct taken taken;
	uint64_t next[MAX_PIDS]; /* cookie of the next sample */
};

static void map(struct scene *s, pid_t pid, const char *path)
{
	struct turf_event e = { .kind = TURF_EVENT_MAP, .pid = FIRST_PID + pid };
	e.map.start = CODE;
	e.map.end = CODE + 0x1000;
	e.map.path = path;
	ck_assert_int_eq(turf_processes_event(s->table, &e), 0);
}

static void begin(struct scene *s, struct turf_pool_options options)
{
	struct turf_error err = { 0 };
	*s = (struct scene){ .taken = { .open = true,
		                        .lock = PTHREAD_MUTEX_INITIALIZER,
		                        .changed = PTHREAD_COND_INITIALIZER } };
	fake_open(&s->fake);
	ck_assert_int_eq(turf_processes_new(s->fake.store, &s->table, NULL), 0);
	options.size = sizeof(options);
	options.take = take;
	options.ctx = &s->taken;
	int r = turf_pool_new(s->table, &options, &s->pool, &err);
	ck_assert_msg(r == 0, "%s", err.text);
	for (pid_t pid = 0; pid < MAX_PIDS; pid++)
		map(s, pid, "/usr/bin/env");
}

static void end(struct scene *s)
{
	turf_pool_free(s->pool);
	turf_processes_free(s->table);
	fake_close(&s->fake);
}

/* The next sample of a process. */
static int put(struct scene *s, pid_t pid)
{
	uint64_t words[2 * MAX_DEPTH + 512] = { 0 }, cookie = s->next[pid];
	unsigned depth = depth_of(cookie);
	struct turf_sample sample = { .pid = FIRST_PID + pid, .cookie = cookie };
	for (unsigned i = 0; i + 1 < depth; i++) { /* the caller's frame pointer, its pc */
		words[2 * i] = i + 2 < depth ? STACK + 16 * (i + 1) : 0;
		words[2 * i + 1] = CODE + 0x100 + 16 * (i + 1);
	}
	sample.stack = (struct turf_stack_copy){ STACK, sizeof(words), (void *)words };
	sample.regs.machine = EM_X86_64;
	sample.regs.valid = 1u << RBP | 1u << RSP | 1u << RIP;
	sample.regs.value[RSP] = STACK;
	sample.regs.value[RBP] = depth > 1 ? STACK : 0;
	sample.regs.value[RIP] = CODE + 0x100;
	int r = turf_pool_put(s->pool, &sample);
	s->next[pid] += r == 1;
	memset(words, 0xff, sizeof(words)); /* it was copied */
	return r;
}

static struct turf_pool_stats stats_of(struct scene *s)
{
	struct turf_pool_stats stats = { .size = sizeof(stats) };
	turf_pool_stats(s->pool, &stats);
	return stats;
}

START_TEST(each_process_in_order)
{
	enum { N = UNDER_TSAN ? 4000 : 40000 };
	struct scene s;
	begin(&s, (struct turf_pool_options){ .threads = 4, .max_bytes = 1 << 30 });
	for (uint32_t i = 0, seed = 1; i < N; i++) {
		seed = seed * 1103515245 + 12345;
		pid_t pid = seed >> 16 & 1 ? 0 : seed >> 20 & (MAX_PIDS - 1); /* one is busy */
		ck_assert_int_eq(put(&s, pid), 1);
		if (seed >> 27 == 0) /* the table changes meanwhile */
			map(&s, seed >> 8 & (MAX_PIDS - 1), "/usr/bin/env");
	}
	turf_pool_wait(s.pool);
	ck_assert_uint_eq(s.taken.n, N);
	ck_assert_uint_eq(s.taken.n_wrong, 0);
	struct turf_pool_stats stats = stats_of(&s);
	ck_assert_uint_eq(stats.put, N);
	ck_assert_uint_eq(stats.unwound, N);
	ck_assert_uint_eq(stats.dropped, 0);
	ck_assert_uint_eq(stats.bytes, 0);
	ck_assert_uint_eq(fake_builds(&s.fake), 1);
	end(&s);
}
END_TEST

START_TEST(what_was_mapped_then)
{
	static const char *const paths[] = { "/usr/bin/env", "/no/such/file", "/usr/bin/env" };
	struct scene s;
	begin(&s, (struct turf_pool_options){ .threads = 1 });
	set_gate(&s.taken, false);
	for (pid_t pid = 0; pid < 3; pid++) {
		map(&s, pid, paths[pid]);
		ck_assert_int_eq(put(&s, pid), 1);
		map(&s, pid, "/another/file");
	}
	struct turf_event gone = { .kind = TURF_EVENT_UNMAP, .pid = FIRST_PID + 2 };
	gone.unmap.end = UINT64_MAX;
	ck_assert_int_eq(turf_processes_event(s.table, &gone), 0);
	gone = (struct turf_event){ .kind = TURF_EVENT_EXIT,
		                    .pid = FIRST_PID,
		                    .tid = FIRST_PID };
	ck_assert_int_eq(turf_processes_event(s.table, &gone), 0);
	for (pid_t pid = 1; pid < 2000; pid++) { /* until nothing is left of it */
		gone.pid = gone.tid = FIRST_PID + MAX_PIDS + pid;
		struct turf_event there = gone;
		there.kind = TURF_EVENT_COMM;
		there.comm.name = "x";
		ck_assert_int_eq(turf_processes_event(s.table, &there), 0);
		ck_assert_int_eq(turf_processes_event(s.table, &gone), 0);
	}
	ck_assert_ptr_null(turf_processes_find(s.table, FIRST_PID));
	ck_assert_int_eq(put(&s, 0), -ESRCH);
	set_gate(&s.taken, true);
	turf_pool_wait(s.pool);
	ck_assert_uint_eq(s.taken.n_wrong, 0);
	for (pid_t pid = 0; pid < 3; pid++)
		ck_assert_str_eq(s.taken.paths[pid], paths[pid]);
	end(&s);
}
END_TEST

/* It drops and counts, and takes no more memory than it may. */
START_TEST(what_is_full_drops)
{
	enum { LIMIT = 100000 };
	struct scene s;
	begin(&s, (struct turf_pool_options){ .threads = 2, .max_bytes = LIMIT });
	set_gate(&s.taken, false);
	unsigned n_put = 0, n_dropped = 0;
	for (int i = 0; i < 1000; i++) {
		int r = put(&s, i % MAX_PIDS);
		ck_assert_int_ge(r, 0);
		n_put += r == 1;
		n_dropped += r == 0;
	}
	struct turf_pool_stats stats = stats_of(&s);
	ck_assert_uint_gt(n_put, 10);
	ck_assert_uint_gt(n_dropped, 900);
	ck_assert_uint_eq(stats.put, n_put);
	ck_assert_uint_eq(stats.dropped, n_dropped);
	ck_assert_uint_le(stats.bytes, LIMIT);
	ck_assert_uint_eq(stats.most_bytes, stats.bytes);
	set_gate(&s.taken, true);
	turf_pool_wait(s.pool);
	ck_assert_uint_eq(s.taken.n, n_put);
	ck_assert_uint_eq(s.taken.n_wrong, 0);
	ck_assert_int_eq(put(&s, 1), 1); /* there is room again */
	turf_pool_wait(s.pool);
	stats = stats_of(&s);
	ck_assert_uint_eq(stats.unwound, n_put + 1);
	ck_assert_uint_eq(stats.bytes, 0);
	ck_assert_uint_le(stats.most_bytes, LIMIT);
	end(&s);
}
END_TEST

/* While one process' sample is held up, another's goes on; one of the same process does not. */
START_TEST(others_go_on)
{
	struct scene s;
	begin(&s, (struct turf_pool_options){ .threads = 2 });
	set_gate(&s.taken, false);
	ck_assert_int_eq(put(&s, 0), 1);
	ck_assert_int_eq(put(&s, 0), 1);
	ck_assert_int_eq(put(&s, 1), 1);
	while (s.taken.n_entered < 2) /* this ends only if both threads are at work */
		sched_yield();
	ck_assert_uint_eq(s.taken.n_at_once[0], 1);
	ck_assert_uint_eq(s.taken.n_at_once[1], 1);
	set_gate(&s.taken, true);
	turf_pool_wait(s.pool);
	ck_assert_uint_eq(s.taken.n, 3);
	ck_assert_uint_eq(s.taken.n_wrong, 0);
	end(&s);
}
END_TEST

/* What waits is given up. */
START_TEST(freed_with_samples)
{
	struct scene s;
	begin(&s, (struct turf_pool_options){ .threads = 1 });
	set_gate(&s.taken, false);
	for (int i = 0; i < 300; i++)
		ck_assert_int_eq(put(&s, i % MAX_PIDS), 1);
	set_gate(&s.taken, true);
	turf_pool_free(s.pool);
	unsigned n = s.taken.n;
	ck_assert_uint_eq(s.taken.n_wrong, 0);
	s.pool = NULL;
	end(&s);
	ck_assert_uint_eq(s.taken.n, n);
}
END_TEST

START_TEST(what_cannot_be_had)
{
	struct fake fake = { 0 };
	struct turf_processes *table;
	struct turf_pool *pool = NULL;
	struct turf_error err = { 0 };
	struct taken taken = { .open = true };
	struct turf_pool_options options = { .size = sizeof(options), .threads = 3 };
	fake_open(&fake);
	ck_assert_int_eq(turf_processes_new(fake.store, &table, NULL), 0);
	ck_assert_int_eq(turf_pool_new(table, &options, &pool, &err), -EINVAL);
	options.take = take;
	options.ctx = &taken;
	for (size_t n = 0; n < 3; n++) { /* each of its allocations */
		n_allocations = 0;
		fail_at = n;
		int r = turf_pool_new(table, &options, &pool, &err);
		fail_at = SIZE_MAX;
		ck_assert_int_eq(r, -ENOMEM);
		ck_assert_ptr_null(pool);
	}
	ck_assert_int_eq(turf_pool_new(table, &options, &pool, &err), 0);
	struct turf_sample sample = { .pid = FIRST_PID };
	ck_assert_int_eq(turf_pool_put(pool, &sample), -ESRCH);
	struct turf_event e = { .kind = TURF_EVENT_COMM, .pid = FIRST_PID, .tid = FIRST_PID };
	e.comm.name = "x";
	ck_assert_int_eq(turf_processes_event(table, &e), 0);
	for (size_t n = 0; n < 2; n++) { /* the sample's, the lane's */
		n_allocations = 0;
		fail_at = n;
		int r = turf_pool_put(pool, &sample);
		fail_at = SIZE_MAX;
		ck_assert_int_eq(r, 0);
	}
	struct turf_pool_stats stats = { .size = sizeof(stats) };
	turf_pool_stats(pool, &stats);
	ck_assert_uint_eq(stats.dropped, 2);
	turf_pool_free(pool);
	turf_pool_free(NULL);
	turf_processes_free(table);
	fake_close(&fake);
}
END_TEST

TESTS("unwind/pool", each_process_in_order, what_was_mapped_then, what_is_full_drops,
      others_go_on, freed_with_samples, what_cannot_be_had)
