/* SPDX-License-Identifier: MIT */
/* Loops that threads share: each takes the next index until none is left. */
#include "build/pool.h"

#include "base/base.h"
#include "base/vec.h"

struct pool_loop {
	struct pool_loop *below; /* begun before it */
	atomic_size_t next;
	size_t n;
	int (*task)(void *ctx, size_t idx, struct turf_error *err);
	void *ctx;
	atomic_uint helpers;  /* that are in it; more come under the pool's lock */
	pthread_mutex_t lock; /* over what follows */
	size_t failed_idx;    /* lowest index that failed */
	int result;
	struct turf_error err;
};

bool turf_pool_spin(unsigned *turns)
{
	enum { TURNS = 4000 }; /* some hundred microseconds */
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb");
#endif
	return (*turns)++ < TURNS;
}

static void work(struct pool_loop *l)
{
	for (;;) {
		size_t idx = atomic_fetch_add(&l->next, 1);
		if (idx >= l->n)
			return;
		struct turf_error err = { 0 };
		int r = l->task(l->ctx, idx, &err);
		if (r == 0)
			continue;
		if (r > 0) { /* the last one that there is comes before it */
			atomic_store(&l->next, l->n);
			continue;
		}
		pthread_mutex_lock(&l->lock);
		if (idx < l->failed_idx) {
			l->failed_idx = idx;
			l->result = r;
			l->err = err;
		}
		pthread_mutex_unlock(&l->lock);
		atomic_store(&l->next, l->n); /* the others finish what they have begun */
	}
}

/*
 * Helps with the last loop that has something left, of those begun after @mine, if there is
 * one; @p->lock is held.
 */
static bool help_once(struct pool *p, const struct pool_loop *mine)
{
	struct pool_loop *l = p->loops;
	while (l != mine && atomic_load(&l->next) >= l->n)
		l = l->below;
	if (l == mine)
		return false;
	atomic_fetch_add(&l->helpers, 1);
	pthread_mutex_unlock(&p->lock);
	work(l);
	pthread_mutex_lock(&p->lock);
	if (atomic_fetch_sub(&l->helpers, 1) == 1) /* who runs the loop may go on */
		pthread_cond_broadcast(&p->moved);
	return true;
}

/* Is there no loop but the @n_begun, and somebody in @mine? */
static bool idle(struct pool *p, unsigned n_begun, struct pool_loop *mine)
{
	return atomic_load(&p->n_begun) == n_begun && (!mine || atomic_load(&mine->helpers));
}

/* Waits until that is not so; @p->lock is held. */
static void await(struct pool *p, unsigned n_begun, struct pool_loop *mine)
{
	unsigned turns = 0;
	pthread_mutex_unlock(&p->lock);
	while (idle(p, n_begun, mine) && turf_pool_spin(&turns))
		;
	pthread_mutex_lock(&p->lock);
	p->n_asleep++;
	while (idle(p, n_begun, mine))
		pthread_cond_wait(&p->moved, &p->lock);
	p->n_asleep--;
}

static void *help(void *arg)
{
	struct pool *p = arg;
	turf_big_heap();
	pthread_mutex_lock(&p->lock);
	while (!p->ends) {
		unsigned n_begun = atomic_load(&p->n_begun);
		if (!help_once(p, NULL))
			await(p, n_begun, NULL);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Tells helpers that there is something new; @p->lock is held. */
static void call(struct pool *p)
{
	atomic_fetch_add(&p->n_begun, 1);
	if (p->n_asleep)
		pthread_cond_broadcast(&p->moved);
}

void turf_pool_begin(struct pool *p, unsigned threads)
{
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->moved, NULL);
	threads = MIN(threads, (unsigned)POOL_THREADS_MAX);
	while (p->n_helpers + 1 < threads &&
	       pthread_create(&p->helper[p->n_helpers], NULL, help, p) == 0)
		p->n_helpers++;
}

void turf_pool_end(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->ends = true;
	call(p);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n_helpers; i++)
		pthread_join(p->helper[i], NULL);
	pthread_cond_destroy(&p->moved);
	pthread_mutex_destroy(&p->lock);
}

/*
 * Waits for the helpers in @l, all of whose tasks have begun, and takes it out of the list.
 * Meanwhile helps with the loops that its tasks run.
 */
static void leave(struct pool *p, struct pool_loop *l)
{
	pthread_mutex_lock(&p->lock);
	while (atomic_load(&l->helpers)) {
		unsigned n_begun = atomic_load(&p->n_begun);
		if (!help_once(p, l))
			await(p, n_begun, l);
	}
	struct pool_loop **at = &p->loops;
	while (*at != l)
		at = &(*at)->below;
	*at = l->below;
	pthread_mutex_unlock(&p->lock);
}

int turf_pool_run(struct pool *p, size_t n,
                  int (*task)(void *ctx, size_t idx, struct turf_error *err), void *ctx,
                  struct turf_error *err)
{
	struct pool_loop l = { .n = n, .task = task, .ctx = ctx, .failed_idx = SIZE_MAX };
	bool shared = p && p->n_helpers && n > 1;
	pthread_mutex_init(&l.lock, NULL);
	if (shared) {
		pthread_mutex_lock(&p->lock);
		l.below = p->loops;
		p->loops = &l;
		call(p);
		pthread_mutex_unlock(&p->lock);
	}
	work(&l);
	if (shared)
		leave(p, &l);
	pthread_mutex_destroy(&l.lock);
	if (l.result < 0 && err && !err->code)
		*err = l.err;
	return l.result;
}
