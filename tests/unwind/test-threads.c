/* SPDX-License-Identifier: MIT */
/*
 * Stopping the threads of a live process: all are visited, and nothing of it shows afterwards.
 * Each test forks the process that it looks at.
 */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "lib/task.h"
#include "turf/unwind.h"

enum { N_THREADS = 3 };

struct visits {
	unsigned n, n_named;
	pid_t tid[N_THREADS + 2];
	int result; /* what the visit gives */
};

static int visit(void *ctx, const struct turf_thread_stack *thread)
{
	struct visits *v = ctx;
	ck_assert_uint_lt(v->n, COUNT(v->tid));
	ck_assert_int_ne(thread->regs.machine, 0);
	ck_assert_uint_ne(thread->regs.valid, 0);
	v->tid[v->n++] = thread->tid;
	v->n_named += strcmp(thread->name, "a (thread) x") == 0;
	return v->result;
}

/* The number, to @base, that follows "\nNAME:\t" in the thread's status. */
static uint64_t status(pid_t tid, const char *name, int base)
{
	char path[64], text[4096] = "";
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	FILE *f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, f), 0);
	fclose(f);
	const char *field = strstr(text, name);
	ck_assert_ptr_nonnull(field);
	return strtoull(field + strlen(name), NULL, base);
}

static void *sleep_for_ever(void *arg)
{
	prctl(PR_SET_NAME, "a (thread) x");
	ck_assert_int_eq((int)write(*(int *)arg, "r", 1), 1);
	for (;;)
		pause();
	return NULL;
}

/* A child with threads, all of which run when this returns. */
static pid_t threaded_child(void (*then)(void))
{
	int ready[2];
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* where kernel.yama asks for it */
		for (int i = 0; i < N_THREADS; i++) {
			pthread_t thread;
			if (pthread_create(&thread, NULL, sleep_for_ever, &ready[1]))
				_exit(1);
		}
		then();
	}
	char c;
	for (int i = 0; i < N_THREADS; i++)
		ck_assert_int_eq((int)read(ready[0], &c, 1), 1);
	return pid;
}

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(all_threads)
{
	pid_t pid = threaded_child(wait_for_ever);
	struct visits v = { 0 };
	struct turf_error err = { 0 };
	ck_assert_int_eq(turf_threads_walk(pid, visit, &v, &err), 0);
	ck_assert_uint_eq(v.n, N_THREADS + 1);
	ck_assert_uint_eq(v.n_named, N_THREADS);
	ck_assert_int_eq(v.tid[0], pid);
	ck_assert_int_eq(err.code, 0);
	for (unsigned i = 0; i < v.n; i++) {
		ck_assert_int_eq((int)status(v.tid[i], "\nTracerPid:\t", 10), 0);
		ck_assert_int_ne(task_state(pid, v.tid[i]), 't');
	}
	/* by a thread's number the process is found too */
	struct visits again = { 0 };
	ck_assert_int_eq(turf_threads_walk(v.tid[1], visit, &again, &err), 0);
	ck_assert_uint_eq(again.n, v.n);
	end(pid);
}
END_TEST

START_TEST(a_visit_ends_the_walk)
{
	pid_t pid = threaded_child(wait_for_ever);
	struct visits v = { .result = -ENOENT };
	ck_assert_int_eq(turf_threads_walk(pid, visit, &v, NULL), -ENOENT);
	ck_assert_uint_eq(v.n, 1);
	ck_assert_int_eq((int)status(pid, "\nTracerPid:\t", 10), 0);
	v = (struct visits){ .result = 1 };
	ck_assert_int_eq(turf_threads_walk(pid, visit, &v, NULL), 1);
	end(pid);
}
END_TEST

static void leader_leaves(void)
{
	pthread_exit(NULL);
}

START_TEST(a_leader_that_left)
{
	pid_t pid = threaded_child(leader_leaves);
	while (task_state(pid, pid) != 'Z')
		usleep(1000);
	struct visits v = { 0 };
	ck_assert_int_eq(turf_threads_walk(pid, visit, &v, NULL), 0);
	ck_assert_uint_eq(v.n, N_THREADS);
	ck_assert_uint_eq(v.n_named, N_THREADS);
	end(pid);
}
END_TEST

START_TEST(a_stopped_process_stays_stopped)
{
	pid_t pid = threaded_child(wait_for_ever);
	int wait_status;
	kill(pid, SIGSTOP);
	ck_assert_int_eq(waitpid(pid, &wait_status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(wait_status));
	struct visits v = { 0 };
	ck_assert_int_eq(turf_threads_walk(pid, visit, &v, NULL), 0);
	ck_assert_uint_eq(v.n, N_THREADS + 1);
	while (task_state(pid, pid) == 'R') /* on its way back to the stop */
		usleep(1000);
	ck_assert_int_eq(task_state(pid, pid), 'T');
	kill(pid, SIGCONT);
	ck_assert_int_eq(waitpid(pid, &wait_status, WCONTINUED), pid);
	ck_assert(WIFCONTINUED(wait_status));
	end(pid);
}
END_TEST

enum { N_SIGNALS = 20000 };
static unsigned *n_handled; /* shared with the child */

static void count(int sig)
{
	(void)sig;
	__atomic_add_fetch(n_handled, 1, __ATOMIC_SEQ_CST);
}

/* Queued signals are counted, so each one that a detach swallows is missed. */
static void send_signals(pid_t pid)
{
	for (int i = 0; i < N_SIGNALS; i++)
		while (sigqueue(pid, SIGRTMIN, (union sigval){ 0 }))
			usleep(100); /* the queue is full */
	_exit(0);
}

START_TEST(no_signal_is_lost)
{
	n_handled = mmap(NULL, sizeof(*n_handled), PROT_READ | PROT_WRITE,
	                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(n_handled, MAP_FAILED);
	signal(SIGRTMIN, count); /* the child inherits it */
	pid_t pid = threaded_child(wait_for_ever);
	pid_t sender = fork();
	if (sender == 0)
		send_signals(pid);
	while (waitpid(sender, NULL, WNOHANG) == 0) {
		struct visits v = { 0 };
		ck_assert_int_eq(turf_threads_walk(pid, visit, &v, NULL), 0);
		ck_assert_uint_eq(v.n, N_THREADS + 1);
	}
	while (status(pid, "\nShdPnd:\t", 16) || !is_asleep(pid))
		usleep(1000); /* some are yet to be handled */
	ck_assert_uint_eq(__atomic_load_n(n_handled, __ATOMIC_SEQ_CST), N_SIGNALS);
	end(pid);
}
END_TEST

START_TEST(who_cannot_be_visited)
{
	struct visits v = { 0 };
	struct turf_error err = { 0 };
	ck_assert_int_eq(turf_threads_walk(getpid(), visit, &v, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "its own threads"));

	pid_t gone = fork();
	if (gone == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(gone, NULL, 0), gone);
	const pid_t none[] = { gone, 0, -1, INT32_MAX };
	for (size_t i = 0; i < COUNT(none); i++) {
		err = (struct turf_error){ 0 };
		ck_assert_int_eq(turf_threads_walk(none[i], visit, &v, &err), -ESRCH);
		ck_assert_int_eq(err.code, -ESRCH);
	}
	ck_assert_uint_eq(v.n, 0);
}
END_TEST

START_TEST(another_tracer_is_named)
{
	pid_t pid = threaded_child(wait_for_ever);
	int ready[2];
	char c, name[32];
	ck_assert_int_eq(pipe(ready), 0);
	pid_t tracer = fork();
	if (tracer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c = ptrace(PTRACE_SEIZE, pid, NULL, NULL) ? 'n' : 'y';
		if (write(ready[1], &c, 1) == 1)
			wait_for_ever();
		_exit(1);
	}
	ck_assert_int_eq((int)read(ready[0], &c, 1), 1);
	ck_assert_int_eq(c, 'y');
	struct visits v = { 0 };
	struct turf_error err = { 0 };
	ck_assert_int_eq(turf_threads_walk(pid, visit, &v, &err), -EPERM);
	snprintf(name, sizeof(name), "process %d traces", tracer);
	ck_assert_msg(strstr(err.text, name) != NULL, "%s", err.text);
	end(tracer);
	end(pid);
}
END_TEST

/* Another user's process; only root can make one. */
START_TEST(another_user_is_named)
{
	if (geteuid() != 0)
		return;
	pid_t pid = threaded_child(wait_for_ever);
	pid_t asker = fork();
	if (asker == 0) {
		struct visits v = { 0 };
		struct turf_error err = { 0 };
		if (setuid(65534))
			_exit(2);
		int r = turf_threads_walk(pid, visit, &v, &err);
		_exit(r == -EPERM && strstr(err.text, "belongs to user 0") ? 0 : 1);
	}
	int wait_status;
	ck_assert_int_eq(waitpid(asker, &wait_status, 0), asker);
	ck_assert(WIFEXITED(wait_status));
	ck_assert_int_eq(WEXITSTATUS(wait_status), 0);
	end(pid);
}
END_TEST

TESTS_THAT_TRACE("unwind/threads", all_threads, a_visit_ends_the_walk, a_leader_that_left,
                 a_stopped_process_stays_stopped, no_signal_is_lost, who_cannot_be_visited,
                 another_tracer_is_named, another_user_is_named)
