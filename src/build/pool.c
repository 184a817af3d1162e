/* SPDX-License-Identifier: MIT */
/*
 * A loop shared by threads: each takes the next index until none is left.
 *
 * What a task does must not depend on the order; then neither does the result.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "build/build.h"

struct pool {
	atomic_size_t next;
	size_t n;
	int (*task)(void *ctx, size_t idx, struct turf_error *err);
	void *ctx;
	pthread_mutex_t lock; /* over what follows */
	size_t failed_idx;    /* lowest index that failed */
	int result;
	struct turf_error err;
};

static void *work(void *arg)
{
	struct pool *p = arg;
	for (;;) {
		size_t idx = atomic_fetch_add(&p->next, 1);
		if (idx >= p->n)
			return NULL;
		struct turf_error err = { 0 };
		int r = p->task(p->ctx, idx, &err);
		if (r == 0)
			continue;
		if (r > 0) { /* the last one that there is comes before it */
			atomic_store(&p->next, p->n);
			continue;
		}
		pthread_mutex_lock(&p->lock);
		if (idx < p->failed_idx) {
			p->failed_idx = idx;
			p->result = r;
			p->err = err;
		}
		pthread_mutex_unlock(&p->lock);
		atomic_store(&p->next, p->n); /* the others finish what they have begun */
	}
}

static void *help(void *arg)
{
	turf_big_heap();
	return work(arg);
}

int turf_pool_run(unsigned threads, size_t n,
                  int (*task)(void *ctx, size_t idx, struct turf_error *err), void *ctx,
                  struct turf_error *err)
{
	enum { MAX_THREADS = 64 };
	struct pool p = { .n = n, .task = task, .ctx = ctx, .failed_idx = SIZE_MAX };
	pthread_mutex_init(&p.lock, NULL);
	pthread_t helper[MAX_THREADS];
	size_t n_helpers = 0;
	size_t want = MIN(MIN((size_t)threads, (size_t)MAX_THREADS), n);
	/* a thread that cannot be had is no failure: the loop below does its share */
	while (n_helpers + 1 < want && pthread_create(&helper[n_helpers], NULL, help, &p) == 0)
		n_helpers++;
	work(&p);
	for (size_t i = 0; i < n_helpers; i++)
		pthread_join(helper[i], NULL);
	pthread_mutex_destroy(&p.lock);
	if (p.result < 0 && err && !err->code)
		*err = p.err;
	return p.result;
}
