/* SPDX-License-Identifier: MIT */
/*
 * Private memory of a tool that watches many processes: all samples unwound, each frame with
 * its function, inlined functions, file and line.
 *
 *     watched STORE N SAMPLES turf|libdwfl COMMAND [ARG...]
 *
 * Starts COMMAND N times, takes SAMPLES samples of each, and symbolizes them process by
 * process. Prints for the first and for the last "NAME PROCESSES PRIVATE DIRTY FRAMES": kB of
 * Private_Clean and Private_Dirty in /proc/self/smaps beyond what there was before, and the
 * frames shown so far, inlined ones among them.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>

#include "dwfl.h"
#include "turf/build.h"
#include "turf/debug.h"

struct usage {
	long clean, dirty;
};

static struct usage usage(void)
{
	struct usage u = { 0, 0 };
	char line[256];
	long kb;
	FILE *f = checked(fopen("/proc/self/smaps_rollup", "r"));
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Private_Clean: %ld", &kb) == 1)
			u.clean = kb;
		if (sscanf(line, "Private_Dirty: %ld", &kb) == 1)
			u.dirty = kb;
	}
	fclose(f);
	return u;
}

static unsigned long n_frames, n_characters;

static void tell(const char *name, unsigned n, struct usage before)
{
	struct usage now = usage();
	printf("%s %u %ld %ld %lu\n", name, n,
	       now.clean + now.dirty - before.clean - before.dirty, now.dirty - before.dirty,
	       n_frames);
}

/* Ours. */

static void show(const struct turf_image *image, uint64_t addr)
{
	struct turf_frames walk;
	struct turf_frame frame;
	char text[4096];
	if (!image || turf_image_frames(image, addr, &walk) != 1)
		return;
	while (turf_frames_next(&walk, &frame) == 1) {
		n_frames++;
		n_characters += (size_t)turf_image_text(image, frame.name, text, sizeof(text));
		if (frame.file)
			n_characters +=
				(size_t)turf_image_path(image, frame.file, text, sizeof(text));
		n_characters += frame.line;
	}
}

static void by_turf(struct turf_processes *table, pid_t pid, const struct samples *s)
{
	struct turf_error err = { 0 };
	check(turf_processes_read(table, pid, &err), "mappings", &err);
	struct turf_process *process = turf_processes_find(table, pid);
	for (size_t i = 0; i < s->n; i++) {
		struct turf_unwind u;
		struct turf_unwind_frame frame;
		if (s->at[i].pid != pid)
			continue;
		turf_unwind_begin(&u, process, &s->at[i].regs,
		                  turf_memory_copy(&s->at[i].stack), MAX_FRAMES);
		while (turf_unwind_next(&u, &frame) == 1)
			show(frame.location.image, frame.location.addr);
	}
}

/* libdwfl's: what it opens stays open, as for a profiler that has further samples to come. */

static void show_dwfl(Dwfl_Module *module, Dwarf_Addr pc)
{
	Dwarf_Addr bias;
	GElf_Off off;
	GElf_Sym sym;
	Dwarf_Die *at_pc = NULL, *scopes = NULL, *unit = dwfl_module_addrdie(module, pc, &bias);
	const char *name = dwfl_module_addrinfo(module, pc, &off, &sym, NULL, NULL, NULL);
	int n = unit ? dwarf_getscopes(unit, pc - bias, &at_pc) : 0, shown = 0;
	n = n > 0 ? dwarf_getscopes_die(&at_pc[0], &scopes) : 0; /* callers, not definitions */
	for (int i = 0; i < n; i++) {
		int tag = dwarf_tag(&scopes[i]);
		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		const char *text = dwarf_diename(&scopes[i]);
		n_characters += text ? strlen(text) : 0;
		n_frames++;
		shown++;
		if (tag == DW_TAG_subprogram)
			break;
	}
	free(at_pc);
	free(scopes);
	n_frames += !shown && name;
	int line;
	Dwfl_Line *at = dwfl_module_getsrc(module, pc);
	const char *file = at ? dwfl_lineinfo(at, NULL, &line, NULL, NULL, NULL) : NULL;
	n_characters += file ? strlen(file) : 0;
}

static int on_frame(Dwfl_Frame *state, void *arg)
{
	unsigned *n = arg;
	bool activation;
	Dwarf_Addr pc;
	if (++*n > MAX_FRAMES || !dwfl_frame_pc(state, &pc, &activation))
		return DWARF_CB_ABORT;
	Dwfl *dwfl = dwfl_thread_dwfl(dwfl_frame_thread(state));
	Dwfl_Module *module = dwfl_addrmodule(dwfl, pc - !activation);
	if (module)
		show_dwfl(module, pc - !activation);
	return DWARF_CB_OK;
}

static void by_dwfl(pid_t pid, const struct samples *s)
{
	Dwfl *dwfl = open_dwfl(pid);
	for (size_t i = 0; i < s->n; i++) {
		if (s->at[i].pid != pid)
			continue;
		unsigned n = 0;
		current = &s->at[i];
		dwfl_getthread_frames(dwfl, s->at[i].tid, on_frame, &n);
	}
}

int main(int argc, char **argv)
{
	struct turf_error err = { 0 };
	struct turf_store *store;
	struct turf_processes *table;
	if (argc < 6) {
		fprintf(stderr,
		        "Usage: watched STORE N SAMPLES turf|libdwfl COMMAND [ARG...]\n");
		return 2;
	}
	unsigned n = (unsigned)atoi(argv[2]), each = (unsigned)atoi(argv[3]);
	bool ours = !strcmp(argv[4], "turf");
	struct samples s = { .most = (size_t)n * each };
	s.at = checked(calloc(s.most, sizeof(*s.at)));
	pid_t *pids = checked(calloc(n, sizeof(*pids)));
	for (unsigned i = 0; i < n; i++) {
		pids[i] = start(argv + 5);
		usleep(300000); /* what comes first is the same in all programs: ld.so */
		record(&s, pids[i], each, 1000);
	}
	struct turf_store_options options = { .size = sizeof(options),
		                              .path = argv[1],
		                              .builder = turf_debug_builder(NULL) };
	struct usage before = usage();
	check(turf_store_open(&options, &store, &err), "store", &err);
	check(turf_processes_new(store, &table, &err), "processes", &err);
	for (unsigned i = 0; i < n; i++) {
		if (ours)
			by_turf(table, pids[i], &s);
		else
			by_dwfl(pids[i], &s);
		if (i == 0 || i == n - 1)
			tell(argv[4], i + 1, before);
	}
	for (unsigned i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	turf_processes_free(table);
	turf_store_close(store);
	return n_characters == 0; /* so that nothing is left out */
}
