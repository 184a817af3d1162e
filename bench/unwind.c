/* SPDX-License-Identifier: MIT */
/*
 * Stacks of recorded samples, unwound by us and by libdwfl: frames in a second of CPU time.
 *
 *     unwind [-c] STORE N COMMAND [ARG...]
 *
 * Starts COMMAND, stops it up to N times, about 1 ms apart, and takes registers and up to 64
 * KiB of stack each time, as a sample of perf does. Then unwinds all samples again and again,
 * by each in turn, warm, on one thread. Prints for both, a line each: name, frames in a second,
 * the frames of all samples, how many walks reached the thread's start; then "same": samples of
 * which both gave the same pcs, samples that libdwfl finished, those that we did, all, and
 * those that libdwfl says it finished though the copy of the stack ends there. For each sample
 * that libdwfl finished otherwise: "differs", the frames that both gave, how many they agree
 * on, why we stopped, and the file and address of the last frame they agree on.
 *
 * -c: compares only, samples are 0.1 ms apart.
 */
#include <inttypes.h>
#include <time.h>

#include "dwfl.h"
#include "turf/build.h"

/* What a walk found. */
struct found {
	unsigned n;
	int complete;
	enum turf_stop stop; /* of ours */
	uint64_t pc[MAX_FRAMES];
};

static void by_turf(struct turf_process *process, const struct sample *s, struct found *out)
{
	struct turf_unwind u;
	struct turf_unwind_frame frame;
	turf_unwind_begin(&u, process, &s->regs, turf_memory_copy(&s->stack), MAX_FRAMES);
	for (out->n = 0; turf_unwind_next(&u, &frame) == 1;)
		out->pc[out->n++] = frame.pc;
	out->stop = u.stop;
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

/* Is that where a thread starts, or a stack that the program made for itself? */
static bool is_start(struct turf_process *process, uint64_t pc)
{
	static const char *const names[] = { "_start",         "clone3",
		                             "__clone3",       "clone",
		                             "__clone",        "__start_context",
		                             "runtime.goexit", "runtime.mcall",
		                             "runtime.mstart", "runtime.rt0_go" };
	struct turf_location at = { 0 };
	struct turf_symbol symbol;
	char name[64] = "";
	turf_process_locate(process, pc - 1, &at);
	if (!at.image || turf_image_find_symbol(at.image, at.addr, &symbol) != 1)
		return false;
	turf_image_text(at.image, symbol.name, name, sizeof(name));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);
		if (!strncmp(name, names[i], n) && (!name[n] || name[n] == '.'))
			return true;
	}
	return false;
}

static void tell_difference(struct turf_process *process, const struct found *a,
                            const struct found *b)
{
	struct turf_location at = { 0 };
	unsigned n = 0;
	while (n < a->n && n < b->n && a->pc[n] == b->pc[n])
		n++;
	if (n)
		turf_process_locate(process, a->pc[n - 1] - (n > 1), &at);
	printf("differs %u %u %u \"%s\" %s %#" PRIx64 "\n", a->n, b->n, n,
	       turf_stop_name(a->stop), at.module ? turf_module_path(at.module) : "?", at.addr);
}

static void compare(const struct samples *s, struct turf_process *process, Dwfl *dwfl)
{
	static struct found a, b;
	unsigned same = 0, finished = 0, ours = 0, brief = 0;
	for (size_t i = 0; i < s->n; i++) {
		by_turf(process, &s->at[i], &a);
		by_dwfl(dwfl, &s->at[i], &b);
		bool equal = a.n == b.n && !memcmp(a.pc, b.pc, a.n * sizeof(a.pc[0]));
		if (b.complete && !(equal && a.complete) &&
		    !(b.n && is_start(process, b.pc[b.n - 1]))) {
			b.complete = 0;
			brief++;
		}
		finished += (unsigned)b.complete;
		ours += (unsigned)a.complete;
		same += b.complete && equal;
		if (b.complete && !equal)
			tell_difference(process, &a, &b);
	}
	printf("same %u %u %u %zu %u\n", same, finished, ours, s->n, brief);
}

int main(int argc, char **argv)
{
	struct turf_error err = { 0 };
	struct turf_store *store;
	struct turf_processes *table;
	struct samples s = { 0 };
	bool only = argc > 1 && !strcmp(argv[1], "-c");
	argc -= only;
	argv += only;
	if (argc < 4) {
		fprintf(stderr, "Usage: unwind [-c] STORE N COMMAND [ARG...]\n");
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
	record(&s, pid, s.most, only ? 100 : 1000);
	check(turf_processes_read(table, s.pid, &err), "mappings", &err);
	struct turf_process *process = turf_processes_find(table, s.pid);
	Dwfl *dwfl = open_dwfl(s.pid);
	if (!only) {
		measure("turf", &s, process, NULL, 0.3);
		measure("libdwfl", &s, process, dwfl, 0.3);
	}
	compare(&s, process, dwfl);
	kill(s.pid, SIGKILL);
	dwfl_end(dwfl);
	turf_processes_free(table);
	turf_store_close(store);
	return 0;
}
