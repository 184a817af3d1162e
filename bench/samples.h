/* SPDX-License-Identifier: MIT */
/*
 * Samples of running programs as perf takes them: registers and the bytes above the stack
 * pointer. Programs end on failure and say why. One file of a program includes this.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "turf/unwind.h"

enum { STACK = 64 << 10, MAX_FRAMES = 512, RSP = 7, N_REGS = 17 };

struct sample {
	pid_t pid, tid;
	struct turf_regs regs;
	struct turf_stack_copy stack;
};

struct samples {
	struct sample *at;
	size_t n, most;
	pid_t pid;
};

static void check(int r, const char *what, const struct turf_error *err)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, err && err->text[0] ? err->text : strerror(-r));
	exit(1);
}

static void *checked(void *p)
{
	check(p ? 0 : -12, "memory", NULL);
	return p;
}

/* Page by page: the stack ends somewhere above. */
static int take(void *ctx, const struct turf_thread_stack *thread)
{
	static uint8_t bytes[STACK];
	struct samples *s = ctx;
	if (s->n == s->most)
		return 0;
	uint64_t sp = thread->regs.value[RSP], end = (sp & ~UINT64_C(4095)) + STACK;
	size_t size = 0;
	while (sp + size < end) {
		size_t piece = 4096 - (sp + size) % 4096;
		struct iovec to = { bytes + size, piece },
			     from = { (void *)(sp + size), piece };
		if (process_vm_readv(s->pid, &to, 1, &from, 1, 0) != (ssize_t)piece)
			break;
		size += piece;
	}
	struct sample *sample = &s->at[s->n++];
	*sample = (struct sample){
		s->pid, thread->tid, thread->regs, { .start = sp, .size = size }
	};
	sample->stack.bytes = memcpy(checked(malloc(size + 1)), bytes, size);
	return 0;
}

static pid_t start(char **command)
{
	pid_t pid = fork();
	if (pid == 0) {
		execvp(command[0], command);
		_exit(127);
	}
	return pid;
}

/* Stops the process up to @most times in all, @us microseconds apart; it is left stopped. */
static void record(struct samples *s, pid_t pid, size_t most, unsigned us)
{
	struct turf_error err = { 0 };
	size_t n = s->n + most < s->most ? s->n + most : s->most;
	s->pid = pid;
	while (s->n < n && waitpid(pid, NULL, WNOHANG) == 0) {
		int r = turf_threads_walk(pid, take, s, &err);
		if (r == -3) /* -ESRCH */
			break;
		check(r, "threads", &err);
		usleep(us);
	}
	kill(pid, SIGSTOP); /* its mappings stay to be read */
}

#endif
