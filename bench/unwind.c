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
#include <inttypes.h>
#include <time.h>

#include "dwfl.h"
#include "turf/build.h"

/* What a walk found. */
struct found {
	unsigned n;
	int complete;
	uint64_t pc[MAX_FRAMES];
};

static void by_turf(struct turf_process *process, const struct sample *s, struct found *out)
{
	struct turf_unwind u;
	struct turf_unwind_frame frame;
	turf_unwind_begin(&u, process, &s->regs, turf_memory_copy(&s->stack), MAX_FRAMES);
	for (out->n = 0; turf_unwind_next(&u, &frame) == 1;)
		out->pc[out->n++] = frame.pc;
	out->complete = u.stop == TURF_STOP_END;
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
	pid_t pid = start(argv + 3);
	usleep(300000); /* what comes first is the same in all programs: ld.so */
	record(&s, pid, s.most, 1000);
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
