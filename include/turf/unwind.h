/* SPDX-License-Identifier: MIT */
/*
 * From registers and memory to a stack of frames, by the rules in urfs.
 *
 * An unwind lives in the caller's storage; a step does not allocate or lock. It may make the
 * process table open a module that nobody asked for before.
 */
#ifndef TURF_UNWIND_H
#define TURF_UNWIND_H

#include "turf/process.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TURF_MAX_REGS = 40 };

/* Registers by DWARF number; x86-64: 7 = rsp, 16 = return address = rip. */
struct turf_regs {
	uint16_t machine; /* ELF e_machine */
	uint64_t valid;   /* bit i: value[i] is known */
	uint64_t value[TURF_MAX_REGS];
};

/* How a frame was found. */
enum turf_frame_source {
	TURF_FRAME_FIRST,   /* the registers we began with */
	TURF_FRAME_CFI,     /* a row of the urf */
	TURF_FRAME_POINTER, /* no row covers the callee's pc: its frame pointer was followed */
};

/* Why a walk ended. */
enum turf_stop {
	TURF_STOP_NONE,      /* it has not */
	TURF_STOP_END,       /* the thread's start */
	TURF_STOP_TRUNCATED, /* the stack copy ends before the stack does */
	TURF_STOP_NO_MODULE, /* nothing known is mapped at the pc, no frame pointer helps */
	TURF_STOP_NO_RULE,   /* no row covers the pc, no frame pointer helps */
	TURF_STOP_MEMORY,    /* memory unreadable */
	TURF_STOP_BAD_RULE,  /* the rule needs what we do not have */
	TURF_STOP_LOOP,      /* the stack does not grow: damaged */
	TURF_STOP_DEPTH,     /* more frames than the limit */
};
const char *turf_stop_name(enum turf_stop stop);

struct turf_unwind_frame {
	uint64_t pc; /* live address, a return address in all but first and signal frames */
	uint64_t lookup_pc; /* what to look up: pc, or pc - 1 of a return address */
	uint64_t cfa; /* canonical frame address of the frame; 0: not known (last frame) */
	enum turf_frame_source source;
	struct turf_location location; /* of lookup_pc; .module NULL where nothing is mapped */
};

struct turf_unwind {
	struct turf_process *process;
	struct turf_memory memory;
	struct turf_regs regs; /* of the frame that comes next */
	enum turf_stop stop;
	enum turf_frame_source source;
	bool exact_pc; /* private: the next frame's pc is no return address */
	unsigned depth, max_depth;
	unsigned n_by_pointer; /* frames found by frame pointer */
	uint64_t last_cfa;
};

/* Begins a walk at @regs; @max_depth 0: 1024. */
void turf_unwind_begin(struct turf_unwind *u, struct turf_process *process,
                       const struct turf_regs *regs, struct turf_memory memory,
                       unsigned max_depth);

/**
 * turf_unwind_next() - the next frame, innermost first
 *
 * Return: 1 a frame; 0 the walk is over and u->stop says why (TURF_STOP_END: complete)
 */
int turf_unwind_next(struct turf_unwind *u, struct turf_unwind_frame *out);

/* A thread of a live process, held still while its stack is walked. */
struct turf_thread_stack {
	pid_t pid, tid;
	const char *name;      /* its comm */
	struct turf_regs regs; /* where it stood */
};

/**
 * turf_threads_walk() - stop each thread of a process in turn and hand its registers to @visit
 * @visit: not 0 ends the walk with that result
 *
 * The thread stands still during @visit only. Needs the right to ptrace: err names the setting
 * that stands in the way.
 *
 * Return: 0; -ESRCH gone, -EPERM, or what @visit gave
 */
int turf_threads_walk(pid_t pid,
                      int (*visit)(void *ctx, const struct turf_thread_stack *thread),
                      void *ctx, struct turf_error *err);

#ifdef __cplusplus
}
#endif
#endif
