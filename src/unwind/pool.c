/* SPDX-License-Identifier: MIT */
/*
 * A pool of threads that unwind samples.
 *
 * Each process with samples that wait has a lane; lanes that no thread works on stand in line.
 * A thread takes the first lane, unwinds one sample of it and puts the lane back at the end.
 * So the samples of a process keep their order, and no process starves the others.
 *
 * A sample holds on to the address space of its process as it was: the table copies a space
 * that somebody else holds before it changes it.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "process/process.h"
#include "turf/pool.h"

enum {
	DEPTH = 1024,
	MAX_DEPTH = 1 << 16,
	MAX_BYTES = 32 << 20,
	MAX_THREADS = 256,
	BUCKETS = 256
};

/* A sample, its stack behind it. */
struct job {
	struct job *next;
	size_t size; /* of all of it */
	struct space *space;
	struct turf_memory memory; /* of a process in a core file */
	struct turf_sample sample;
};

struct lane {
	struct lane *next; /* of its bucket */
	struct lane *next_ready;
	pid_t pid;
	struct job *first, **last;
};

struct worker {
	struct turf_pool *pool;
	pthread_t thread;
	struct turf_unwind_frame *frames;
};

struct turf_pool {
	struct turf_processes *table;
	struct turf_pool_options options;
	struct worker *workers;
	unsigned n_started;
	struct turf_unwind_frame *frames; /* max_depth for each worker */

	pthread_mutex_t lock; /* of all below */
	pthread_cond_t some;  /* a lane is ready, or it is over */
	pthread_cond_t idle;  /* nothing waits, nothing is worked on */
	struct lane *buckets[BUCKETS];
	struct lane *ready, **last_ready;
	size_t n_open; /* samples that wait or are worked on */
	bool over;
	struct turf_pool_stats stats;
};

static void unwind(const struct turf_pool *pool, const struct job *job,
                   struct turf_unwind_frame *frames)
{
	/* the process as it was; all that is shared are modules, which any thread may open */
	struct turf_process process = { .table = pool->table,
		                        .pid = job->sample.pid,
		                        .space = job->space,
		                        .memory = job->memory };
	struct turf_unwind u;
	struct turf_pool_stack stack = { .sample = &job->sample, .frames = frames };
	turf_unwind_begin(&u, &process, &job->sample.regs, turf_memory_copy(&job->sample.stack),
	                  pool->options.max_depth);
	while (turf_unwind_next(&u, &frames[stack.n_frames]) == 1)
		stack.n_frames++;
	stack.stop = u.stop;
	stack.n_by_pointer = u.n_by_pointer;
	stack.n_by_guess = u.n_by_guess;
	pool->options.take(pool->options.ctx, &stack);
}

static void free_job(struct job *job)
{
	turf_space_unref(job->space);
	free(job);
}

static void push_ready(struct turf_pool *pool, struct lane *lane)
{
	lane->next_ready = NULL;
	*pool->last_ready = lane;
	pool->last_ready = &lane->next_ready;
}

static struct lane **find_lane(struct turf_pool *pool, pid_t pid)
{
	struct lane **at = &pool->buckets[(unsigned)pid % BUCKETS];
	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	return at;
}

static void remove_lane(struct turf_pool *pool, struct lane *lane)
{
	*find_lane(pool, lane->pid) = lane->next;
	free(lane);
}

/* Under the lock, which is given up for the while. */
static void work_on(struct turf_pool *pool, struct lane *lane, struct turf_unwind_frame *frames)
{
	struct job *job = lane->first;
	pthread_mutex_unlock(&pool->lock);
	unwind(pool, job, frames);
	pthread_mutex_lock(&pool->lock);
	lane->first = job->next;
	if (!lane->first)
		remove_lane(pool, lane);
	else
		push_ready(pool, lane);
	pool->stats.unwound++;
	pool->stats.bytes -= job->size;
	if (--pool->n_open == 0)
		pthread_cond_broadcast(&pool->idle);
	free_job(job);
}

static void *run(void *arg)
{
	struct worker *worker = arg;
	struct turf_pool *pool = worker->pool;
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (!pool->ready && !pool->over)
			pthread_cond_wait(&pool->some, &pool->lock);
		if (pool->over)
			break;
		struct lane *lane = pool->ready;
		pool->ready = lane->next_ready;
		if (!pool->ready)
			pool->last_ready = &pool->ready;
		work_on(pool, lane, worker->frames);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* The process' lane, made where there is none; NULL: no memory. */
static struct lane *make_lane(struct turf_pool *pool, pid_t pid)
{
	struct lane **at = find_lane(pool, pid);
	if (!*at && (*at = calloc(1, sizeof(**at)))) {
		(*at)->pid = pid;
		(*at)->last = &(*at)->first;
	}
	return *at;
}

static struct job *make_job(const struct turf_process *process,
                            const struct turf_sample *sample)
{
	size_t size = sizeof(struct job) + sample->stack.size;
	struct job *job = malloc(size);
	if (!job)
		return NULL;
	*job = (struct job){ .size = size, .memory = process->memory, .sample = *sample };
	job->space = turf_space_ref(process->space);
	job->sample.stack.bytes = (const uint8_t *)(job + 1);
	if (sample->stack.size)
		memcpy(job + 1, sample->stack.bytes, sample->stack.size);
	return job;
}

/* Puts @job into its lane, if there is room: under the lock. */
static bool queue(struct turf_pool *pool, struct job *job)
{
	size_t limit = pool->options.max_bytes;
	bool room = job->size <= limit && pool->stats.bytes <= limit - job->size;
	struct lane *lane = room ? make_lane(pool, job->sample.pid) : NULL;
	if (!lane) {
		pool->stats.dropped++;
		return false;
	}
	if (!lane->first) {
		push_ready(pool, lane);
		pthread_cond_signal(&pool->some);
	}
	*lane->last = job;
	lane->last = &job->next;
	pool->n_open++;
	pool->stats.put++;
	pool->stats.bytes += job->size;
	pool->stats.most_bytes = MAX(pool->stats.most_bytes, pool->stats.bytes);
	return true;
}

int turf_pool_put(struct turf_pool *pool, const struct turf_sample *sample)
{
	const struct turf_process *process = turf_processes_find(pool->table, sample->pid);
	if (!process)
		return -ESRCH;
	struct job *job = make_job(process, sample);
	pthread_mutex_lock(&pool->lock);
	bool taken = job && queue(pool, job);
	pool->stats.dropped += !job;
	pthread_mutex_unlock(&pool->lock);
	if (job && !taken)
		free_job(job);
	return taken;
}

void turf_pool_wait(struct turf_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->n_open)
		pthread_cond_wait(&pool->idle, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

void turf_pool_stats(struct turf_pool *pool, struct turf_pool_stats *out)
{
	pthread_mutex_lock(&pool->lock);
	struct turf_pool_stats stats = pool->stats;
	pthread_mutex_unlock(&pool->lock);
	stats.size = MIN(out->size, sizeof(stats));
	memcpy(out, &stats, stats.size); /* an older caller knows fewer fields */
}

static void free_lanes(struct turf_pool *pool)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct lane *lane = pool->buckets[i], *next; lane; lane = next) {
			next = lane->next;
			for (struct job *job = lane->first, *behind; job; job = behind) {
				behind = job->next;
				free_job(job);
			}
			free(lane);
		}
}

void turf_pool_free(struct turf_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->over = true;
	pthread_cond_broadcast(&pool->some);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->n_started; i++)
		pthread_join(pool->workers[i].thread, NULL);
	free_lanes(pool);
	pthread_cond_destroy(&pool->idle);
	pthread_cond_destroy(&pool->some);
	pthread_mutex_destroy(&pool->lock);
	free(pool->workers);
	free(pool->frames);
	free(pool);
}

static unsigned n_processors(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (unsigned)CPU_COUNT(&set);
}

/* 0 or -EAGAIN. */
static int start(struct turf_pool *pool, unsigned n)
{
	sigset_t all, before;
	int r = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the caller's to take */
	for (unsigned i = 0; i < n && r == 0; i++) {
		pool->workers[i].pool = pool;
		pool->workers[i].frames = pool->frames + (size_t)i * pool->options.max_depth;
		r = -pthread_create(&pool->workers[i].thread, NULL, run, &pool->workers[i]);
		pool->n_started += r == 0;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static struct turf_pool *make_pool(struct turf_processes *table,
                                   const struct turf_pool_options *options, unsigned n)
{
	struct turf_pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return NULL;
	pool->table = table;
	pool->options = *options;
	pool->last_ready = &pool->ready;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->some, NULL);
	pthread_cond_init(&pool->idle, NULL);
	pool->workers = calloc(n, sizeof(*pool->workers));
	pool->frames = calloc((size_t)n * options->max_depth, sizeof(*pool->frames));
	if (pool->workers && pool->frames)
		return pool;
	turf_pool_free(pool);
	return NULL;
}

int turf_pool_new(struct turf_processes *table, const struct turf_pool_options *given,
                  struct turf_pool **ret, struct turf_error *err)
{
	struct turf_pool_options options = { 0 };
	memcpy(&options, given, MIN(given->size, sizeof(options)));
	if (!options.take)
		return turf_fail(err, -EINVAL, TURF_NOWHERE, "nobody takes the stacks");
	unsigned n = options.threads ? options.threads : n_processors();
	n = MIN(MAX(n, 1u), (unsigned)MAX_THREADS);
	options.max_depth =
		options.max_depth ? MIN(options.max_depth, (unsigned)MAX_DEPTH) : DEPTH;
	options.max_bytes = options.max_bytes ? options.max_bytes : MAX_BYTES;
	struct turf_pool *pool = make_pool(table, &options, n);
	if (!pool)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for a pool");
	int r = start(pool, n);
	if (r < 0) {
		turf_pool_free(pool);
		return turf_fail(err, r, TURF_NOWHERE, "cannot start a thread: %s",
		                 strerror(-r));
	}
	*ret = pool;
	return 0;
}
