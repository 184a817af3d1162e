/* SPDX-License-Identifier: MIT */
/*
 * Samples unwound by a fixed number of threads, while their process table goes on changing:
 *
 *     turf_processes_event() and turf_pool_put(), in order of time, by one thread
 *         → the pool's threads → take(), in order for each process
 *
 * A sample is unwound with what was mapped when it was put. Those of one process are unwound
 * one after the other, those of different processes at the same time: a process whose urf has
 * to be built first holds up those only that wait for the same.
 *
 * The table must outlive the pool. While samples wait, only the thread that puts them may use
 * it, as ever; its modules are opened by any of these threads.
 */
#ifndef TURF_POOL_H
#define TURF_POOL_H

#include "turf/unwind.h"

#ifdef __cplusplus
extern "C" {
#endif

struct turf_pool;

struct turf_sample {
	pid_t pid, tid;
	uint64_t time_ns;
	uint64_t cookie; /* whatever the caller likes */
	struct turf_regs regs;
	struct turf_stack_copy stack;
};

/* A sample with its frames, innermost first; lives until take() returns. */
struct turf_pool_stack {
	const struct turf_sample *sample;
	const struct turf_unwind_frame *frames;
	unsigned n_frames, n_by_pointer, n_by_guess;
	enum turf_stop stop;
};

struct turf_pool_options {
	size_t size;        /* sizeof this struct */
	unsigned threads;   /* 0: one for each processor that we may run on */
	unsigned max_depth; /* frames of a stack; 0: 1024 */
	size_t max_bytes;   /* of samples that wait; 0: 32 MiB */
	/*
	 * Called by the pool's threads: for one process in the order in which its samples were
	 * put and never twice at once. Must neither put nor free.
	 */
	void (*take)(void *ctx, const struct turf_pool_stack *stack);
	void *ctx;
};

struct turf_pool_stats {
	size_t size;       /* sizeof this struct */
	uint64_t put;      /* samples that were taken on */
	uint64_t unwound;  /* of these: handed to take() */
	uint64_t dropped;  /* samples that were not: there was no room */
	size_t bytes;      /* that wait now */
	size_t most_bytes; /* that ever waited */
};

/* 0; -EINVAL no take(), -ENOMEM, -EAGAIN the system gives no threads. */
int turf_pool_new(struct turf_processes *table, const struct turf_pool_options *options,
                  struct turf_pool **ret, struct turf_error *err);

/**
 * turf_pool_put() - have a sample unwound
 * @sample: copied, its stack too
 *
 * Never waits: where samples come faster than they are unwound, they are dropped and counted.
 *
 * Return: 1 it will be, 0 it was dropped; -ESRCH the table does not know the process
 */
int turf_pool_put(struct turf_pool *pool, const struct turf_sample *sample);

/* Waits until all that was put has been unwound. */
void turf_pool_wait(struct turf_pool *pool);
void turf_pool_stats(struct turf_pool *pool, struct turf_pool_stats *out);
/* Samples that wait are given up; when it returns, take() is called no more. */
void turf_pool_free(struct turf_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
