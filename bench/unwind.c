/* SPDX-License-Identifier: MIT */
/*
 * Stacks of recorded samples, unwound by us and by libdwfl: frames in a second of CPU time.
 *
 *     unwind STORE N COMMAND [ARG...]
 *
 * Starts COMMAND, stops it up to N times, about 1 ms apart, and takes registers and up to 64
 * KiB of stack each time, as a sample of perf does. Then unwinds all samples again and again,
 * by each in turn, warm, on one thread. Prints for both, a line each: name, frames in a second,
 * the frames of all samples, how many walks reached the thread's start; then "same": samples of
 * which both gave the same pcs, and samples that libdwfl finished.
 */
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "turf/build.h"
#include "turf/unwind.h"

enum { STACK = 64 << 10, MAX_FRAMES = 512, RSP = 7, N_REGS = 17 };

struct sample {
	pid_t tid;
	struct turf_regs regs;
	struct turf_stack_copy stack;
};

struct samples {
	struct sample *at;
	size_t n, most;
	pid_t pid;
};

/* What a walk found. */
struct found {
	unsigned n;
	int complete;
	uint64_t pc[MAX_FRAMES];
};

static void check(int r, const char *what, const struct turf_error *err)
{
	if (r >= 0)
		return;
	fprintf(stderr, "unwind: %s: %s\n", what,
	        err && err->text[0] ? err->text : strerror(-r));
	exit(1);
}

static void *checked(void *p)
{
	check(p ? 0 : -ENOMEM, "memory", NULL);
	return p;
}

/* Page by page: the stack ends somewhere above. */
static int take(void *ctx, const struct turf_thread_stack *thread)
{
	struct samples *s = ctx;
	if (s->n == s->most)
		return 0;
	uint64_t sp = thread->regs.value[RSP], end = (sp & ~UINT64_C(4095)) + STACK;
	uint8_t *bytes = checked(malloc(STACK));
	size_t size = 0;
	while (sp + size < end) {
		size_t piece = 4096 - (sp + size) % 4096;
		struct iovec to = { bytes + size, piece },
			     from = { (void *)(sp + size), piece };
		if (process_vm_readv(s->pid, &to, 1, &from, 1, 0) != (ssize_t)piece)
			break;
		size += piece;
	}
	s->at[s->n++] = (struct sample){ thread->tid,
		                         thread->regs,
		                         { .start = sp, .size = size, .bytes = bytes } };
	return 0;
}

static void record(struct samples *s, char **command)
{
	s->pid = fork();
	if (s->pid == 0) {
		execvp(command[0], command);
		_exit(127);
	}
	struct turf_error err = { 0 };
	usleep(300000); /* what comes first is the same in all programs: ld.so */
	while (s->n < s->most && waitpid(s->pid, NULL, WNOHANG) == 0) {
		int r = turf_threads_walk(s->pid, take, s, &err);
		if (r == -ESRCH)
			break;
		check(r, "threads", &err);
		usleep(1000);
	}
	kill(s->pid, SIGSTOP); /* its mappings stay to be read */
}

static void by_turf(struct turf_process *process, const struct sample *s, struct found *out)
{
	struct turf_unwind u;
	struct turf_unwind_frame frame;
	turf_unwind_begin(&u, process, &s->regs, turf_memory_copy(&s->stack), MAX_FRAMES);
	for (out->n = 0; turf_unwind_next(&u, &frame) == 1;)
		out->pc[out->n++] = frame.pc;
	out->complete = u.stop == TURF_STOP_END;
}

/* libdwfl: one process, whose one thread at a time is a sample. */

static const struct sample *current;

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	(void)dwfl, (void)arg;
	if (*thread)
		return 0;
	*thread = (void *)current;
	return current->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread)
{
	(void)dwfl, (void)arg;
	*thread = (void *)current;
	return tid == current->tid;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *result, void *arg)
{
	(void)dwfl, (void)arg;
	const struct turf_stack_copy *c = &current->stack;
	if (addr < c->start || addr - c->start > c->size || c->size - (addr - c->start) < 8)
		return false;
	memcpy(result, c->bytes + (addr - c->start), 8);
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	(void)arg;
	return dwfl_thread_state_registers(thread, 0, N_REGS, current->regs.value);
}

static int on_frame(Dwfl_Frame *state, void *arg)
{
	struct found *out = arg;
	Dwarf_Addr pc;
	if (out->n == MAX_FRAMES || !dwfl_frame_pc(state, &pc, NULL))
		return DWARF_CB_ABORT;
	out->pc[out->n++] = pc;
	return DWARF_CB_OK;
}

static void by_dwfl(Dwfl *dwfl, const struct sample *s, struct found *out)
{
	current = s;
	out->n = 0;
	out->complete = dwfl_getthread_frames(dwfl, s->tid, on_frame, out) == 0;
}

static Dwfl *open_dwfl(pid_t pid)
{
	static char *path;
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.debuginfo_path = &path,
	};
	static const Dwfl_Thread_Callbacks threads = {
		.next_thread = next_thread,
		.get_thread = get_thread,
		.memory_read = read_memory,
		.set_initial_registers = set_registers,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);
	if (!dwfl || dwfl_linux_proc_report(dwfl, pid) || dwfl_report_end(dwfl, NULL, NULL) ||
	    !dwfl_attach_state(dwfl, NULL, pid, &threads, NULL)) {
		fprintf(stderr, "unwind: libdwfl: %s\n", dwfl_errmsg(-1));
		exit(1);
	}
	return dwfl;
}

static double cpu(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* All samples once; how many frames. */
static uint64_t once(const struct samples *s, struct turf_process *process, Dwfl *dwfl,
                     unsigned *complete)
{
	struct found found;
	uint64_t n = 0;
	*complete = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (dwfl)
			by_dwfl(dwfl, &s->at[i], &found);
		else
			by_turf(process, &s->at[i], &found);
		n += found.n;
		*complete += (unsigned)found.complete;
	}
	return n;
}

/* The best of some turns of at least @least seconds. */
static void measure(const char *name, const struct samples *s, struct turf_process *process,
                    Dwfl *dwfl, double least)
{
	unsigned complete;
	uint64_t frames = once(s, process, dwfl, &complete); /* opens what is not open yet */
	double best = 0;
	for (int turn = 0; turn < 5; turn++) {
		uint64_t n = 0;
		double begin = cpu(), took;
		do {
			n += once(s, process, dwfl, &complete);
			took = cpu() - begin;
		} while (took < least);
		best = (double)n / took > best ? (double)n / took : best;
	}
	printf("%s %.0f %" PRIu64 " %u\n", name, best, frames, complete);
}

static void compare(const struct samples *s, struct turf_process *process, Dwfl *dwfl)
{
	static struct found a, b;
	unsigned same = 0, finished = 0;
	for (size_t i = 0; i < s->n; i++) {
		by_turf(process, &s->at[i], &a);
		by_dwfl(dwfl, &s->at[i], &b);
		finished += (unsigned)b.complete;
		same += b.complete && a.n == b.n && !memcmp(a.pc, b.pc, a.n * sizeof(a.pc[0]));
	}
	printf("same %u %u\n", same, finished);
}

int main(int argc, char **argv)
{
	struct turf_error err = { 0 };
	struct turf_store *store;
	struct turf_processes *table;
	struct samples s = { 0 };
	if (argc < 4) {
		fprintf(stderr, "Usage: unwind STORE N COMMAND [ARG...]\n");
		return 2;
	}
	s.most = strtoull(argv[2], NULL, 10);
	s.at = checked(calloc(s.most, sizeof(*s.at)));
	struct turf_build_options hot = { .size = sizeof(hot), .flags = TURF_BUILD_HOT };
	struct turf_store_options options = { .size = sizeof(options),
		                              .path = argv[1],
		                              .builder = turf_debug_builder(&hot) };
	check(turf_store_open(&options, &store, &err), "store", &err);
	check(turf_processes_new(store, &table, &err), "processes", &err);
	record(&s, argv + 3);
	check(turf_processes_read(table, s.pid, &err), "mappings", &err);
	struct turf_process *process = turf_processes_find(table, s.pid);
	Dwfl *dwfl = open_dwfl(s.pid);
	measure("turf", &s, process, NULL, 0.3);
	measure("libdwfl", &s, process, dwfl, 0.3);
	compare(&s, process, dwfl);
	kill(s.pid, SIGKILL);
	dwfl_end(dwfl);
	turf_processes_free(table);
	turf_store_close(store);
	return 0;
}
