/* SPDX-License-Identifier: MIT */
/* What the parts of `turf stack` share. */
#ifndef CLI_STACK_H
#define CLI_STACK_H

#include "cli.h"
#include "turf/core.h"
#include "turf/value.h"

/* A thread as it stood. */
struct stack_thread {
	pid_t tid;
	char name[64];
	struct turf_regs regs;
	uint64_t thread_pointer;
	struct turf_stack_copy stack; /* of a live process */
	uint8_t *bytes;               /* of stack */
};

struct stack {
	pid_t pid, only_tid;   /* 0: all threads */
	const char *core_path; /* NULL: it lives */
	bool no_inlines, json, color, mangled, build_ids, locals;
	unsigned max_frames;
	struct turf_store *store;
	struct turf_processes *table;
	struct turf_process *process;
	struct turf_core *core;
	struct turf_memory memory; /* of the process, or of the core */
	struct turf_error err;
	struct turf_locals *walk; /* of stack_show_locals() */
	struct stack_thread *threads;
	size_t n_threads;
};

/* stack-print.c: one thread with all its frames; the first one of a core tells the signal. */
void stack_show_thread(struct stack *s, const struct stack_thread *t, bool first);
/* stack-locals.c: arguments and variables of the @inlined-th function there, from the innermost
 * on. */
void stack_show_locals(struct stack *s, const struct turf_values *values, uint32_t inlined);
/* stack-print.c: text of a file or of memory; no control character reaches the terminal. */
void stack_print_text(const char *text);
/* What ended the process of a core: "signal 11 (SIGSEGV): nothing mapped at 0x0". */
void stack_show_core(const struct stack *s);

#endif
