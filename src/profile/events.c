/* SPDX-License-Identifier: MIT */
/*
 * Opening events for each CPU, and for each thread where only one process is asked for: a
 * buffer of an inherited event must belong to one CPU, so it is (thread, CPU) as in perf.
 *
 * Source: perf_event_open(2); Documentation/admin-guide/perf-security.rst of Linux
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "profile/events.h"

enum {
	RING_MAX = 8 << 20,     /* bytes: 1.2 s of 64 KiB samples at 99 Hz */
	RING_MIN = 128 << 10,   /* the least that holds a record of 64 KiB and another */
	RINGS_TOTAL = 256 << 20 /* bytes, of all CPUs */
};

static int perf_event_open(struct perf_event_attr *attr, pid_t pid, int cpu)
{
	return (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

/* A number from /proc/sys/kernel; @otherwise where it cannot be read. */
static int setting(const char *name, int otherwise)
{
	char path[128], text[32] = "";
	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	scoped(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return otherwise;
	return atoi(text);
}

static int forbidden(int code, const struct events_options *o, struct turf_error *err)
{
	int paranoid = setting("perf_event_paranoid", -2);
	int needed = o->system_wide ? 0 : 2;
	if (paranoid > needed)
		return turf_fail(
			err, code, TURF_NOWHERE,
			"kernel.perf_event_paranoid=%d does not let you profile %s: it "
			"takes %d or lower, or CAP_PERFMON",
			paranoid, o->system_wide ? "all processes" : "a process", needed);
	if (!o->system_wide)
		return turf_fail(err, code, TURF_NOWHERE,
		                 "process %d: not yours to profile (perf_event_open: %s): it "
		                 "takes its owner, or CAP_PERFMON and CAP_SYS_PTRACE",
		                 (int)o->pid, strerror(-code));
	return turf_fail(err, code, TURF_NOWHERE,
	                 "perf_event_open: %s, though kernel.perf_event_paranoid=%d: a "
	                 "container or a seccomp filter may forbid it",
	                 strerror(-code), paranoid);
}

static int refused(int code, const struct events_options *o, struct turf_error *err)
{
	int most = setting("perf_event_max_sample_rate", 0);
	if (code == -EACCES || code == -EPERM)
		return forbidden(code, o, err);
	if (code == -ESRCH)
		return turf_fail(err, code, TURF_NOWHERE, "process %d: there is none",
		                 (int)o->pid);
	if (code == -EINVAL && most > 0 && o->frequency > (unsigned)most)
		return turf_fail(err, code, TURF_NOWHERE,
		                 "%u samples a second are above "
		                 "kernel.perf_event_max_sample_rate=%d",
		                 o->frequency, most);
	if (code == -EMFILE)
		return turf_fail(err, code, TURF_NOWHERE,
		                 "process %d: an event for each thread and CPU takes more open "
		                 "files than the limit (ulimit -n)",
		                 (int)o->pid);
	return turf_fail(err, code, TURF_NOWHERE, "perf_event_open: %s", strerror(-code));
}

static size_t ring_size(size_t n_cpus)
{
	size_t size = RING_MAX;
	while (size > RING_MIN && size > RINGS_TOTAL / n_cpus)
		size /= 2;
	return size;
}

/* What a user may lock (kernel.perf_event_mlock_kb) may be less than we like. */
static int map_ring(struct events *e, int fd, size_t n_cpus, struct turf_error *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (!vec_reserve(&e->rings, 1))
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for events");
	for (size_t size = ring_size(n_cpus);; size /= 2) {
		void *at = mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (at != MAP_FAILED) {
			e->rings.at[e->rings.n++] =
				(struct ring){ fd, at, (uint8_t *)at + page, size };
			return 0;
		}
		int code = -errno;
		if (size / 2 < RING_MIN || (code != -EPERM && code != -ENOMEM))
			return turf_fail(err, code, TURF_NOWHERE,
			                 "a buffer of %zu KiB for each CPU: %s, "
			                 "kernel.perf_event_mlock_kb=%d",
			                 size >> 10, strerror(-code),
			                 setting("perf_event_mlock_kb", 0));
	}
}

/* The event joins the buffer of its CPU, or brings one. */
static int add_event(struct events *e, int fd, struct ring *ring, size_t n_cpus,
                     struct turf_error *err)
{
	if (!vec_reserve(&e->fds, 1)) {
		turf_close(fd);
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for events");
	}
	e->fds.at[e->fds.n++] = fd;
	if (!ring)
		return map_ring(e, fd, n_cpus, err);
	if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) < 0)
		return turf_fail(err, -errno, TURF_NOWHERE, "PERF_EVENT_IOC_SET_OUTPUT: %s",
		                 strerror(errno));
	return 0;
}

struct tids {
	pid_t *at;
	size_t n, room;
};

static int read_threads(pid_t pid, struct tids *out, struct turf_error *err)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	if (!dir)
		return turf_fail(err, -ESRCH, TURF_NOWHERE, "process %d: there is none",
		                 (int)pid);
	int r = 0;
	for (struct dirent *d; !r && (d = readdir(dir));) {
		pid_t tid = (pid_t)atoi(d->d_name); /* 0 of "." and ".." */
		pid_t *t = tid > 0 ? vec_push(out) : NULL;
		if (t)
			*t = tid;
		else if (tid > 0)
			r = turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for events");
	}
	closedir(dir);
	return r;
}

/*
 * All events of one CPU. Threads that are gone and CPUs that are off are no failure. @tids is
 * one of -1, every process, where all are asked for.
 */
static int open_cpu(struct events *e, struct perf_event_attr *attr, int cpu, size_t n_cpus,
                    const struct tids *tids, struct turf_error *err)
{
	size_t ring = SIZE_MAX; /* index: the array moves */
	for (size_t i = 0; i < tids->n; i++) {
		int fd = perf_event_open(attr, tids->at[i], cpu);
		if (fd < 0 && (errno == ENODEV || (errno == ESRCH && tids->n > 1)))
			continue;
		if (fd < 0)
			return -errno; /* the caller may try otherwise, then says why not */
		int r = add_event(e, fd, ring == SIZE_MAX ? NULL : &e->rings.at[ring], n_cpus,
		                  err);
		if (r < 0)
			return r;
		if (ring == SIZE_MAX)
			ring = e->rings.n - 1;
	}
	return 0;
}

static int open_cpus(struct events *e, struct perf_event_attr *attr, const struct tids *tids,
                     struct turf_error *err)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);
	for (int cpu = 0; cpu < n; cpu++) {
		int r = open_cpu(e, attr, cpu, (size_t)n, tids, err);
		if (r < 0)
			return r;
	}
	return e->fds.n ? 0 : -ESRCH;
}

static int open_threads(struct events *e, const struct events_options *o,
                        const struct tids *tids, struct turf_error *err)
{
	struct perf_event_attr attr;
	turf_perf_attr(&attr, o->frequency, o->stack_size);
	attr.inherit = !o->system_wide;
	attr.enable_on_exec = o->on_exec && !o->system_wide;
	int r = open_cpus(e, &attr, tids, err);
	if ((r == -EACCES || r == -EPERM) && !o->system_wide && !e->fds.n) {
		/* kernel.perf_event_paranoid=2, the usual value, leaves the user's own part */
		attr.exclude_kernel = attr.exclude_hv = 1;
		int again = open_cpus(e, &attr, tids, err);
		e->user_only = again == 0;
		r = again == 0 ? 0 : r;
	}
	return r < 0 ? refused(r, o, err) : 0; /* keeps an earlier cause */
}

int turf_events_open(struct events *e, const struct events_options *o, struct turf_error *err)
{
	*e = (struct events){ 0 };
	struct tids tids = { 0 };
	pid_t *all = NULL;
	int r = 0;
	if (!o->system_wide)
		r = read_threads(o->pid, &tids, err);
	else if ((all = vec_push(&tids)))
		*all = -1;
	else
		r = turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for events");
	if (r == 0)
		r = open_threads(e, o, &tids, err);
	vec_fini(&tids);
	if (r < 0)
		turf_events_close(e);
	return r;
}

void turf_events_close(struct events *e)
{
	for (size_t i = 0; i < e->rings.n; i++) {
		struct ring *ring = &e->rings.at[i];
		munmap(ring->page, (size_t)(ring->data - ring->page) + ring->size);
	}
	for (size_t i = 0; i < e->fds.n; i++)
		turf_close(e->fds.at[i]);
	vec_fini(&e->rings);
	vec_fini(&e->fds);
}

void turf_events_enable(const struct events *e)
{
	for (size_t i = 0; i < e->fds.n; i++)
		ioctl(e->fds.at[i], PERF_EVENT_IOC_ENABLE, 0);
}

void turf_events_disable(const struct events *e)
{
	for (size_t i = 0; i < e->fds.n; i++)
		ioctl(e->fds.at[i], PERF_EVENT_IOC_DISABLE, 0);
}

/* The record at @tail in one piece: where it wraps, a copy. */
static struct span whole_record(const struct ring *ring, uint64_t tail, size_t size,
                                uint8_t *scratch)
{
	size_t at = tail & (ring->size - 1), first = MIN(size, ring->size - at);
	if (first == size)
		return (struct span){ ring->data + at, size };
	memcpy(scratch, ring->data + at, first);
	memcpy(scratch + first, ring->data, size - first);
	return (struct span){ scratch, size };
}

size_t turf_ring_read(struct ring *ring, uint8_t *scratch,
                      void (*take)(void *ctx, struct span record), void *ctx)
{
	struct perf_event_mmap_page *page = (void *)ring->page;
	uint64_t head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = page->data_tail; /* ours alone to write */
	size_t n = 0;
	while (tail != head) {
		struct perf_event_header h; /* records are aligned to 8, so is this */
		memcpy(&h, ring->data + (tail & (ring->size - 1)), sizeof(h));
		if (h.size < sizeof(h) || h.size > head - tail) {
			tail = head; /* never seen: without a size there is no next record */
		} else {
			take(ctx, whole_record(ring, tail, h.size, scratch));
			tail += h.size;
			n++;
		}
		__atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
	}
	return n;
}
