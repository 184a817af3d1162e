/* SPDX-License-Identifier: MIT */
/*
 * The threads of a live process, each stopped in turn by ptrace.
 *
 * PTRACE_SEIZE and PTRACE_INTERRUPT leave no trace: no signal is sent, a system call that can
 * be restarted is, a stopped process stays stopped. The first stop that is reported serves,
 * whatever it is; where it is the delivery of a signal, the detach delivers it.
 *
 * Source: ptrace(2); proc(5) for task/, stat, status
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/vec.h"
#include "unwind/threads.h"

/* A process that starts threads faster than we visit them ends the walk after this many looks
 * at its list. */
enum { MAX_PASSES = 16 };

struct walk {
	pid_t pid;
	int (*visit)(void *ctx, const struct turf_thread_stack *thread);
	void *ctx;
	struct turf_error *err;
	struct {
		pid_t *at; /* threads seen, ascending */
		size_t n, room;
	} seen;
};

/* The beginning of a small file of /proc as a string; its length or < 0. */
static int read_text(const char *path, char *out, size_t size)
{
	scoped(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = read(fd, out, size - 1);
	if (n < 0)
		return -errno;
	out[n] = 0;
	return (int)n;
}

/* The number behind "\nNAME:\t" in status of a thread; 0 or < 0. */
static int status_number(pid_t tid, const char *name, long *ret)
{
	char path[64], text[4096];
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	int r = read_text(path, text, sizeof(text));
	if (r < 0)
		return r;
	const char *field = strstr(text, name);
	if (!field)
		return -ENODATA;
	*ret = strtol(field + strlen(name), NULL, 10);
	return 0;
}

/* State letter and PF_ flags out of stat, which begins "pid (comm) state"; comm is any bytes.
 */
static int read_stat(pid_t pid, pid_t tid, char *state, unsigned *flags)
{
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	int r = read_text(path, text, sizeof(text));
	if (r < 0)
		return r;
	const char *behind = strrchr(text, ')');
	if (!behind || sscanf(behind, ") %c %*d %*d %*d %*d %*d %u", state, flags) != 2)
		return -ENODATA;
	return 0;
}

/* Has the thread ended? Its leader stays as a zombie while other threads run. */
static bool has_ended(pid_t pid, pid_t tid)
{
	char state;
	unsigned flags;
	if (read_stat(pid, tid, &state, &flags) < 0)
		return true;
	return state == 'Z' || state == 'X';
}

static int no_such_process(pid_t pid, struct turf_error *err)
{
	return turf_fail(err, -ESRCH, TURF_NOWHERE, "process %d: there is none", pid);
}

static long yama_scope(void)
{
	char text[16];
	if (read_text("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)) < 0)
		return 0; /* a kernel without it */
	return strtol(text, NULL, 10);
}

/* Says why the kernel does not let us trace a thread that is alive. */
static int refused(const struct walk *w, pid_t tid)
{
	enum { PF_KTHREAD = 0x00200000 };
	long tracer = 0, uid = 0, scope = yama_scope();
	char state;
	unsigned flags = 0;
	if (status_number(tid, "\nTracerPid:\t", &tracer) == 0 && tracer)
		return turf_fail(w->err, -EPERM, TURF_NOWHERE,
		                 "process %d: process %ld traces it already", w->pid, tracer);
	if (read_stat(w->pid, tid, &state, &flags) == 0 && flags & PF_KTHREAD)
		return turf_fail(w->err, -EPERM, TURF_NOWHERE,
		                 "process %d: is a kernel thread, it has no stack to read",
		                 w->pid);
	if (status_number(tid, "\nUid:\t", &uid) == 0 && (uid_t)uid != geteuid())
		return turf_fail(w->err, -EPERM, TURF_NOWHERE,
		                 "process %d: belongs to user %ld, reading it takes that user "
		                 "or CAP_SYS_PTRACE",
		                 w->pid, uid);
	if (scope > 0)
		return turf_fail(
			w->err, -EPERM, TURF_NOWHERE,
			"process %d: kernel.yama.ptrace_scope is %ld: %s", w->pid, scope,
			scope == 1   ? "only children may be traced without CAP_SYS_PTRACE"
			: scope == 2 ? "tracing takes CAP_SYS_PTRACE"
				     : "nobody may trace until the next boot");
	return turf_fail(w->err, -EPERM, TURF_NOWHERE,
	                 "process %d: tracing thread %d is not permitted: it is not dumpable, "
	                 "has more privileges, or CAP_SYS_PTRACE is missing",
	                 w->pid, tid);
}

/*
 * Waits until a seized thread stands still: 1 and its wait status, 0 it ended. It is asked, not
 * waited for, since a leader that ends is told only when its last thread has.
 */
static int wait_stopped(pid_t pid, pid_t tid, int *status)
{
	for (unsigned i = 0;; i++) {
		pid_t got = waitpid(tid, status, __WALL | WNOHANG);
		if (got == tid)
			return WIFSTOPPED(*status);
		if (got < 0 && errno != EINTR)
			return 0;
		if (i % 64 == 63 && has_ended(pid, tid))
			return 0;
		struct timespec pause = { 0, i < 200 ? 20000 : 1000000 };
		nanosleep(&pause, NULL);
	}
}

/* The signal that a stop held back: none where the stop is ptrace's own or a group-stop. */
static int held_signal(int status)
{
	return status >> 16 ? 0 : WSTOPSIG(status);
}

static int visit_stopped(const struct walk *w, pid_t tid)
{
	char path[64], name[64];
	struct turf_thread_stack thread = { .pid = w->pid, .tid = tid, .name = name };
	int r = turf_ptrace_regs(tid, &thread.regs, &thread.thread_pointer);
	if (r == -ESRCH)
		return 0; /* killed meanwhile */
	if (r < 0)
		return turf_fail(w->err, r, TURF_NOWHERE,
		                 "process %d: registers of thread %d: %s", w->pid, tid,
		                 r == -ENOTSUP ? "not of this machine's word size"
		                               : strerror(-r));
	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", w->pid, tid);
	int n = read_text(path, name, sizeof(name));
	name[n > 0 && name[n - 1] == '\n' ? n - 1 : MAX(n, 0)] = 0;
	return w->visit(w->ctx, &thread);
}

/* Stops one thread, visits it, lets it go. 0 visited or ended, else what the visit gave. */
static int visit_thread(const struct walk *w, pid_t tid)
{
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0) {
		int code = -errno;
		if (code == -ESRCH || has_ended(w->pid, tid))
			return 0;
		if (code == -EPERM)
			return refused(w, tid);
		return turf_fail(w->err, code, TURF_NOWHERE, "process %d: thread %d: %s",
		                 w->pid, tid, strerror(-code));
	}
	/* -ESRCH: it is about to end, or stops by itself; the wait tells */
	ptrace(PTRACE_INTERRUPT, tid, NULL, NULL);
	int status;
	if (!wait_stopped(w->pid, tid, &status))
		return 0;
	int r = visit_stopped(w, tid);
	ptrace(PTRACE_DETACH, tid, NULL, (void *)(intptr_t)held_signal(status));
	return r;
}

/* Notes @tid: 1 it is new, 0 it was seen before, -ENOMEM. */
static int note_thread(struct walk *w, pid_t tid)
{
	size_t lo = bisect(mid, w->seen.n, w->seen.at[mid] < tid);
	if (lo < w->seen.n && w->seen.at[lo] == tid)
		return 0;
	if (!vec_push(&w->seen))
		return -ENOMEM;
	pid_t *at = w->seen.at + lo;
	memmove(at + 1, at, (w->seen.n - 1 - lo) * sizeof(*at));
	*at = tid;
	return 1;
}

static void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Visits each thread that was not there before, @n_new of them. 0 or what ended the walk. */
static int pass(struct walk *w, size_t *n_new)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task", w->pid);
	scoped(closedirp) DIR *dir = opendir(path);
	*n_new = 0;
	if (!dir)
		return errno == ENOENT ? 0 : -errno; /* the process has ended */
	for (const struct dirent *entry; (entry = readdir(dir));) {
		pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (tid <= 0) /* "." and ".." */
			continue;
		int r = note_thread(w, tid);
		if (r == 0)
			continue;
		if (r < 0)
			return turf_fail(w->err, r, TURF_NOWHERE,
			                 "process %d: no memory for its threads", w->pid);
		*n_new += 1;
		r = visit_thread(w, tid);
		if (r)
			return r;
	}
	return 0;
}

int turf_threads_walk(pid_t pid,
                      int (*visit)(void *ctx, const struct turf_thread_stack *thread),
                      void *ctx, struct turf_error *err)
{
	long leader;
	if (pid <= 0 || status_number(pid, "\nTgid:\t", &leader) < 0)
		return no_such_process(pid, err);
	if (leader == getpid())
		return turf_fail(err, -EINVAL, TURF_NOWHERE,
		                 "process %d: a process cannot stop its own threads", pid);
	struct walk w = { .pid = (pid_t)leader, .visit = visit, .ctx = ctx, .err = err };
	int r = 0;
	size_t n_new = 1;
	for (int i = 0; i < MAX_PASSES && n_new && r == 0; i++)
		r = pass(&w, &n_new);
	if (r == 0 && !w.seen.n)
		r = no_such_process(pid, err);
	vec_fini(&w.seen);
	return r;
}
