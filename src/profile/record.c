/* SPDX-License-Identifier: MIT */
/*
 * Recording: two threads. One empties the kernel's buffers into a bounded queue and does
 * nothing else; the caller's orders records by time, keeps the table of processes and unwinds
 * each sample. So a build of an urf, which may take a second, costs no sample.
 *
 *     rings, unmaps → drain() → struct queue → struct order → struct taker → struct
 * turf_profile
 */
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "profile/events.h"
#include "profile/queue.h"
#include "profile/taker.h"
#include "profile/unmaps.h"

enum {
	QUEUE_MIN = 32 << 20,  /* some 3,000 samples: 15 s of two CPUs at 99 Hz */
	QUEUE_MAX = 256 << 20, /* for ten times the frequency */
	ROUND_MS = 100,        /* look at the buffers at least that often */
	SCRATCH = 65536,       /* a record's size has 16 bits */
};

struct turf_recorder {
	struct turf_record_options options;
	struct events events;
	struct unmaps *unmaps; /* NULL: unmaps_error says why there are none */
	struct turf_error unmaps_error;
	uint64_t start_ns; /* CLOCK_MONOTONIC */

	/* of the draining thread while it runs */
	int epoll_fd, quit_fd; /* quit_fd: the other thread gave up */
	int round_ms;
	uint8_t *scratch;
	uint64_t max_time_ns; /* the newest record so far */
	uint64_t n_malformed, n_no_memory;

	struct queue queue; /* of both */
	bool has_queue;

	/* of the caller's thread */
	struct order order;
	struct taker taker;
	char *command;
};

static void note(const struct turf_recorder *rec, const char *text)
{
	if (rec->options.note)
		rec->options.note(rec->options.ctx, text);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/*
 * The draining thread.
 */

static void queue_record(void *ctx, const struct record *r)
{
	struct turf_recorder *rec = ctx;
	rec->max_time_ns = MAX(rec->max_time_ns, r->time_ns);
	if (r->kind == RECORD_OTHER)
		return;
	struct parcel *p = turf_parcel_new(r);
	if (p)
		turf_queue_push(&rec->queue, p);
	else
		rec->n_no_memory++;
}

static void drain_record(void *ctx, struct span bytes)
{
	struct turf_recorder *rec = ctx;
	struct record r;
	if (turf_perf_read(bytes, &r) < 0)
		rec->n_malformed++;
	else
		queue_record(rec, &r);
}

static size_t drain_round(struct turf_recorder *rec)
{
	size_t n = 0;
	for (size_t i = 0; i < rec->events.rings.n; i++)
		n += turf_ring_read(&rec->events.rings.at[i], rec->scratch, drain_record, rec);
	if (rec->unmaps)
		n += turf_unmaps_read(rec->unmaps, queue_record, rec);
	struct parcel *p = calloc(1, sizeof(*p));
	if (p) { /* without it, records go a round later */
		*p = (struct parcel){ .size = sizeof(*p),
			              .round = true,
			              .max_time_ns = rec->max_time_ns };
		turf_queue_push(&rec->queue, p);
	}
	return n;
}

/* Waits for something to do; true: time to stop. */
static bool drain_wait(struct turf_recorder *rec, size_t *n_alive)
{
	struct epoll_event got[16];
	int n = epoll_wait(rec->epoll_fd, got, COUNT(got), rec->round_ms);
	bool stop = false;
	for (int i = 0; i < n; i++) {
		int fd = got[i].data.fd;
		if (fd == rec->options.stop_fd || fd == rec->quit_fd) {
			stop = true;
		} else if (got[i].events & (EPOLLHUP | EPOLLERR)) {
			/* its thread and all that inherited from it have ended */
			epoll_ctl(rec->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
			stop |= --*n_alive == 0 && rec->options.stop_fd <= 0;
		}
	}
	return stop;
}

/* A buffer is a quarter full after that time, if every sample takes its whole stack. */
static int round_time(const struct turf_recorder *rec)
{
	uint64_t a_second = (uint64_t)rec->options.frequency * rec->options.stack_size;
	uint64_t ms = rec->events.rings.n ? rec->events.rings.at[0].size * 250 / a_second : 0;
	return ms < 1 ? 1 : ms > ROUND_MS ? ROUND_MS : (int)ms;
}

static void *drain(void *arg)
{
	struct turf_recorder *rec = arg;
	size_t n_alive = rec->events.fds.n;
	/* it needs little, but in time, when the machine is busy; who may not goes on without
	 */
	setpriority(PRIO_PROCESS, (id_t)gettid(), -20);
	rec->round_ms = round_time(rec);
	while (!drain_wait(rec, &n_alive))
		drain_round(rec);
	turf_events_disable(&rec->events);
	drain_round(rec);
	turf_queue_close(&rec->queue);
	return NULL;
}

static int start_draining(struct turf_recorder *rec, pthread_t *ret, struct turf_error *err)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the caller's to take */
	int r = pthread_create(ret, NULL, drain, rec);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r)
		return turf_fail(err, -r, TURF_NOWHERE, "cannot start a thread: %s",
		                 strerror(r));
	return 0;
}

/*
 * The caller's thread.
 */

static int take_ripe(struct turf_recorder *rec)
{
	int r = 0;
	for (struct parcel *p; (p = turf_order_next(&rec->order)); free(p))
		if (r == 0)
			r = turf_taker_take(&rec->taker, &p->record);
	return r;
}

static int take_all(struct turf_recorder *rec)
{
	int r = 0;
	for (struct parcel *p; (p = turf_queue_pop(&rec->queue));) {
		int taken = turf_order_put(&rec->order, p) ? take_ripe(rec) : -ENOMEM;
		if (taken < 0 && r == 0) {
			r = taken;
			eventfd_write(rec->quit_fd, 1); /* the queue is emptied all the same */
		}
	}
	turf_order_end(&rec->order);
	int taken = take_ripe(rec);
	return r ? r : taken;
}

int turf_recorder_run(struct turf_recorder *rec, struct turf_error *err)
{
	pthread_t thread;
	int r = start_draining(rec, &thread, err);
	if (r < 0)
		return r;
	r = take_all(rec);
	pthread_join(thread, NULL);
	struct turf_profile_info *info = &rec->taker.profile->info;
	info->duration_ns = now_ns(CLOCK_MONOTONIC) - rec->start_ns;
	info->stats.dropped = turf_queue_dropped(&rec->queue) + rec->n_no_memory;
	info->stats.malformed = rec->n_malformed;
	info->stats.late = rec->order.n_late;
	if (rec->unmaps && turf_unmaps_lost(rec->unmaps))
		note(rec, "the kernel could not tell of all memory that was unmapped");
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "no memory for the recording");
	return 0;
}

/*
 * Beginning and end.
 */

static int watch(const struct turf_recorder *rec, int fd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
	return epoll_ctl(rec->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int watch_all(struct turf_recorder *rec)
{
	rec->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	rec->quit_fd = eventfd(0, EFD_CLOEXEC);
	if (rec->epoll_fd < 0 || rec->quit_fd < 0)
		return -errno;
	int r = watch(rec, rec->quit_fd);
	if (r == 0 && rec->options.stop_fd > 0)
		r = watch(rec, rec->options.stop_fd);
	for (size_t i = 0; r == 0 && i < rec->events.fds.n; i++)
		r = watch(rec, rec->events.fds.at[i]);
	return r;
}

/* Names of the kernel's functions are looked up while recording: they hold until a reboot. */
static void open_kernel(struct turf_recorder *rec)
{
	struct turf_error err = { 0 };
	if (rec->events.user_only) {
		note(rec, "kernel.perf_event_paranoid leaves the processes' own part only: no "
		          "kernel functions in the profile");
		return;
	}
	if (turf_kernel_open(&rec->taker.kernel, &err) < 0)
		note(rec, err.text);
}

static int describe(struct turf_recorder *rec)
{
	struct turf_profile *p = rec->taker.profile;
	struct turf_profile_info *info = &p->info;
	struct utsname uts;
	if (uname(&uts) < 0)
		uts = (struct utsname){ .nodename = "" };
	info->start_ns = now_ns(CLOCK_REALTIME);
	info->frequency = rec->options.frequency;
	info->stack_size = rec->options.stack_size;
	info->system_wide = rec->options.system_wide;
	info->user_only = rec->events.user_only;
	info->command = turf_profile_keep(p, rec->command);
	info->host = turf_profile_keep(p, uts.nodename);
	info->kernel = turf_profile_keep(p, uts.release);
	return info->command && info->host && info->kernel ? 0 : -ENOMEM;
}

/* Sampling begins first, so that nothing is missed between: what is told twice does no harm. */
static int begin(struct turf_recorder *rec, struct turf_error *err)
{
	const struct turf_record_options *o = &rec->options;
	rec->start_ns = now_ns(CLOCK_MONOTONIC);
	if (o->on_exec && !o->system_wide)
		return 0;
	turf_events_enable(&rec->events);
	return o->system_wide ? turf_processes_read_all(rec->taker.table, err)
	                      : turf_processes_read(rec->taker.table, o->pid, err);
}

/* The queue lasts as long at any frequency, up to a limit. */
static size_t queue_size(const struct turf_record_options *o)
{
	uint64_t size = (uint64_t)QUEUE_MIN * o->frequency / TURF_RECORD_FREQUENCY;
	return size < QUEUE_MIN ? QUEUE_MIN : size > QUEUE_MAX ? QUEUE_MAX : (size_t)size;
}

static int set_up(struct turf_recorder *rec, struct turf_error *err)
{
	const struct turf_record_options *o = &rec->options;
	struct events_options events = { o->system_wide, o->pid, o->on_exec, o->frequency,
		                         o->stack_size };
	int r = turf_events_open(&rec->events, &events, err);
	if (r < 0)
		return r;
	open_kernel(rec);
	if (o->no_bpf)
		turf_error_set(&rec->unmaps_error, -ENOTSUP, TURF_NOWHERE, "BPF: not wanted");
	else
		turf_unmaps_open(&rec->unmaps, &rec->unmaps_error);
	rec->scratch = malloc(SCRATCH);
	rec->taker.profile = turf_profile_new();
	r = rec->scratch && rec->taker.profile && rec->command ? describe(rec) : -ENOMEM;
	if (r == 0)
		r = turf_queue_init(&rec->queue, queue_size(o));
	rec->has_queue = r == 0;
	if (r == 0)
		r = watch_all(rec);
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "cannot begin to record: %s",
		                 strerror(-r));
	return begin(rec, err);
}

static int check_options(struct turf_record_options *o, struct turf_error *err)
{
	o->frequency = o->frequency ? o->frequency : TURF_RECORD_FREQUENCY;
	o->stack_size = o->stack_size ? o->stack_size : TURF_RECORD_STACK;
	if (o->frequency > TURF_RECORD_MAX_FREQUENCY)
		return turf_fail(err, -EINVAL, TURF_NOWHERE, "%u samples a second: at most %d",
		                 o->frequency, TURF_RECORD_MAX_FREQUENCY);
	if (o->stack_size > TURF_RECORD_STACK || o->stack_size % 8)
		return turf_fail(err, -EINVAL, TURF_NOWHERE,
		                 "%zu bytes of stack: a multiple of 8, at most %d",
		                 o->stack_size, TURF_RECORD_STACK);
	if (!o->system_wide && o->pid <= 0)
		return turf_fail(err, -EINVAL, TURF_NOWHERE, "no process to record");
	return 0;
}

static void closep_recorder(struct turf_recorder **rec)
{
	turf_recorder_close(*rec);
}

int turf_recorder_open(struct turf_processes *table, const struct turf_record_options *options,
                       struct turf_recorder **ret, struct turf_error *err)
{
	scoped(closep_recorder) struct turf_recorder *rec = calloc(1, sizeof(*rec));
	if (!rec)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for a recorder");
	rec->epoll_fd = rec->quit_fd = -1;
	memcpy(&rec->options, options, MIN(options->size, sizeof(*options)));
	rec->command = strdup(rec->options.command ? rec->options.command : "");
	rec->taker.table = table;
	int r = check_options(&rec->options, err);
	if (r == 0)
		r = set_up(rec, err);
	if (r < 0)
		return r;
	*ret = take_ptr(rec);
	return 0;
}

const char *turf_recorder_unmaps_error(const struct turf_recorder *rec)
{
	return rec->unmaps ? NULL : rec->unmaps_error.text;
}

int turf_recorder_finish(struct turf_recorder *rec, struct turf_profile **ret,
                         struct turf_error *err)
{
	if (!rec->taker.profile)
		return turf_fail(err, -EINVAL, TURF_NOWHERE, "the profile was taken before");
	if (turf_taker_finish(&rec->taker) < 0)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for the recording");
	if (rec->taker.jit_error.code)
		note(rec, rec->taker.jit_error.text);
	*ret = take_ptr(rec->taker.profile);
	return 0;
}

void turf_recorder_close(struct turf_recorder *rec)
{
	if (!rec)
		return;
	turf_events_close(&rec->events);
	turf_unmaps_close(rec->unmaps);
	turf_kernel_close(rec->taker.kernel);
	turf_profile_close(rec->taker.profile);
	turf_order_fini(&rec->order);
	if (rec->has_queue)
		turf_queue_fini(&rec->queue);
	turf_close(rec->epoll_fd);
	turf_close(rec->quit_fd);
	free(rec->scratch);
	free(rec->command);
	free(rec);
}
