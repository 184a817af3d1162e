/* SPDX-License-Identifier: MIT */
/*
 * Threads that share loops.
 *
 *     turf_pool_begin(&pool, threads);
 *     turf_pool_run(&pool, n, task, ctx, err); // any number of times, also within a task
 *     turf_pool_end(&pool);
 *
 * They stay from one loop to the next, and look for it a while before they sleep: to make
 * threads, or to wake a processor that halted, takes as long as some loops do.
 */
#ifndef BUILD_POOL_H
#define BUILD_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "turf/error.h"

enum { POOL_THREADS_MAX = 64 };
struct pool_loop;
struct pool {
	pthread_mutex_t lock;    /* over what follows */
	pthread_cond_t moved;    /* a loop has come, or has no helper left, or all end */
	struct pool_loop *loops; /* that run, the last one first */
	unsigned n_asleep;
	bool ends;
	atomic_uint n_begun; /* loops: those that do not sleep look at it alone */
	unsigned n_helpers;
	pthread_t helper[POOL_THREADS_MAX - 1];
};

/* @threads with the caller's own. One that cannot be had is no failure: the others do its
 * share.
 */
void turf_pool_begin(struct pool *pool, unsigned threads);
/* No loop may run. */
void turf_pool_end(struct pool *pool);
/*
 * Runs @task for 0 .. @n - 1, or up to one that answers 1: there are no more. 0, or the error
 * of the lowest failing index. @pool NULL, or one that is all zero: by this thread alone.
 *
 * What a task does must not depend on the order; then neither does the result. One that waits
 * may do so for tasks with lower indexes only, which have begun.
 */
int turf_pool_run(struct pool *pool, size_t n,
                  int (*task)(void *ctx, size_t idx, struct turf_error *err), void *ctx,
                  struct turf_error *err);
/* A moment of a busy wait: false once it has lasted too long. @turns: 0 at first. */
bool turf_pool_spin(unsigned *turns);

#endif
