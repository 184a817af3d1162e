/* SPDX-License-Identifier: MIT */
/*
 * A profile by hand: two programs, two threads, recursion, an inlined function, the kernel, an
 * address nobody knows, a function name that would end a script element.
 */
#ifndef TESTS_PROFILE_SAMPLE_H
#define TESTS_PROFILE_SAMPLE_H

#include "fake.h"
#include "profile/data.h"

/* For programs that run no test as well. */
static inline void must(bool done)
{
	if (!done)
		abort();
}

static const struct fake_chain app_chains[] = {
	{ 0x1000, 1, { { .name = "main", .path = "src/main.c", .line = 10 } } },
	{ 0x1004, 1, { { .name = "main", .path = "src/main.c", .line = 12 } } },
	{ 0x2000,
	  2,
	  { { .name = "push", .path = "src/stack.h", .line = 7, .inlined = true },
	    { .name = "eval", .path = "src/eval.c", .line = 30 } } },
	{ 0x3000, 1, { { .name = "fib", .path = "src/fib.c", .line = 3 } } },
	{ 0x4000, 1, { { .name = "</script>;\"&\xff", .linkage_name = "_Zx", .line = 0 } } },
};

__attribute__((unused)) static struct turf_image app_image = { app_chains, COUNT(app_chains),
	                                                       0 };

enum { F_MAIN, F_MAIN2, F_PUSH, F_FIB, F_ODD, F_LIBC, F_ANON, F_SYS, F_EXT4, F_RAW, N_FRAMES };

static inline uint32_t add_stack(struct turf_profile *p, const uint32_t *ids, const int *frames)
{
	uint32_t node = 0;
	for (; *frames >= 0; frames++)
		must(turf_profile_node(p, node, ids[*frames], &node));
	return node;
}

static inline void add_count(struct turf_profile *p, uint32_t thread, const uint32_t *ids,
                             uint64_t count, const int *frames)
{
	must(turf_profile_count(p, thread, add_stack(p, ids, frames), count));
	p->info.stats.samples += count;
}

#define STACK(...) ((const int[]){ __VA_ARGS__, -1 })

static inline struct turf_profile *sample_profile(void)
{
	struct turf_profile *p = turf_profile_new();
	uint32_t ids[N_FRAMES], sys, ext4, vfs, app, worker, other;
	must(!!p);
	must(turf_profile_module(p, "/usr/bin/app", "key1", "abcd"));
	must(turf_profile_module(p, "/lib/libc.so.6", "", "0102"));
	must(turf_profile_string(p, "do_syscall", &sys));
	must(turf_profile_string(p, "ext4_read", &vfs));
	must(turf_profile_string(p, "ext4", &ext4));
	const struct p_frame frames[N_FRAMES] = {
		[F_MAIN] = { FRAME_USER, 0, 0, 0x1000 },
		[F_MAIN2] = { FRAME_USER, 0, 0, 0x1004 },
		[F_PUSH] = { FRAME_USER, 0, 0, 0x2000 },
		[F_FIB] = { FRAME_USER, 0, 0, 0x3000 },
		[F_ODD] = { FRAME_USER, 0, 0, 0x4000 },
		[F_LIBC] = { FRAME_USER, 1, 0, 0x10 },
		[F_ANON] = { FRAME_LIVE, NO_MODULE, 0, 0x7f0000001234 },
		[F_SYS] = { FRAME_KERNEL, 0, sys, 0 },
		[F_EXT4] = { FRAME_KERNEL, ext4, vfs, 0 },
		[F_RAW] = { FRAME_KERNEL, 0, 0, 0xffffffff81000123 },
	};
	for (size_t i = 0; i < N_FRAMES; i++)
		must(turf_profile_frame(p, &frames[i], &ids[i]));
	must(turf_profile_thread(p, 100, 100, "app", "app", &app));
	must(turf_profile_thread(p, 100, 101, "app", "worker", &worker));
	must(turf_profile_thread(p, 7, 7, "kworker/0", "kworker/0", &other));
	add_count(p, app, ids, 40, STACK(F_MAIN, F_PUSH));
	add_count(p, app, ids, 10, STACK(F_MAIN2, F_PUSH));
	add_count(p, app, ids, 20, STACK(F_MAIN2, F_FIB, F_FIB, F_FIB));
	add_count(p, worker, ids, 10, STACK(F_MAIN2, F_FIB, F_LIBC, F_SYS, F_EXT4));
	add_count(p, worker, ids, 5, STACK(F_ANON, F_ODD));
	add_count(p, other, ids, 15, STACK(F_RAW));
	p->info.start_ns = 1700000000000000000;
	p->info.duration_ns = 2500000000;
	p->info.frequency = 99;
	p->info.stack_size = 65528;
	p->info.system_wide = true;
	p->info.command = turf_profile_keep(p, "app --now");
	p->info.host = turf_profile_keep(p, "box");
	p->info.kernel = turf_profile_keep(p, "6.1.0");
	p->info.stats.user_samples = 85;
	p->info.stats.kernel_only = 15;
	p->info.stats.frames = 300;
	p->info.stats.frames_by_pointer = 2;
	p->info.stats.lost = 3;
	p->info.stats.stops[TURF_STOP_END] = 80;
	p->info.stats.stops[TURF_STOP_TRUNCATED] = 5;
	return p;
}

#endif
