/* SPDX-License-Identifier: MIT */
/*
 * From registers and memory to a stack of frames, by the rules in urfs.
 *
 * An unwind lives in the caller's storage; a step does not allocate or lock. It may make the
 * process table open a module that nobody asked for before. One thread at a time per walk, and
 * per process table (turf/process.h).
 *
 * A walk is over (TURF_STOP_END) where
 *   - the row says that the return address is undefined (_start, clone3);
 *   - the caller of what makecontext made lies where nothing is mapped (glibc's rows lead to
 * its uc_link), or that of Go's runtime.mcall, which never returns;
 *   - the return address that a row points at is 0;
 *   - a caller in a mapped file has no row and its frame pointer is 0, the mark of the deepest
 *     frame (System V psABI for x86-64 section 3.4.1), or it is called _start (ld.so's has no
 *     rules).
 * Everything else that ends a walk is told apart from it, so a stack that a copy cuts off is
 * never taken for a whole one.
 */
#ifndef TURF_UNWIND_H
#define TURF_UNWIND_H

#include "turf/process.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TURF_MAX_REGS = 40 };

/* Registers by DWARF number; x86-64: 7 = rsp, 16 = return address = rip; aarch64: 30 = return
 * address, 31 = sp, 32 = pc. */
struct turf_regs {
	uint16_t machine; /* ELF e_machine */
	uint64_t valid;   /* bit i: value[i] is known */
	/* aarch64: bits of a return address that sign it, as NT_ARM_PAC_MASK says; 0: those
	 * above the 48 of an address */
	uint64_t pac_mask;
	uint64_t value[TURF_MAX_REGS];
};

/* How a frame was found. */
enum turf_frame_source {
	TURF_FRAME_FIRST, /* the registers we began with */
	TURF_FRAME_CFI,   /* a row of the urf */
	/* a row that is a guess from the first instructions of the callee, of which no table
	 * tells, and that led to where code is */
	TURF_FRAME_GUESS,
	/* no row covers the callee's pc: its frame pointer was followed; or the callee is a
	 * call to where nothing is mapped: the return address it pushed was taken */
	TURF_FRAME_POINTER,
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
	bool signal_frame; /* a signal trampoline: the next frame is what it interrupted */
	struct turf_location location; /* of lookup_pc; .module NULL where nothing is mapped */
};

struct turf_unwind {
	struct turf_process *process;
	struct turf_memory memory;
	enum turf_stop stop; /* known as soon as the last frame is handed out */
	enum turf_frame_source source;
	unsigned depth; /* frames handed out */
	unsigned max_depth;
	unsigned n_by_pointer; /* frames found by frame pointer */
	unsigned n_by_guess;   /* frames found by a guess */
	/* private: */
	struct turf_regs regs; /* of the next frame: what a walk needs, or all that is known */
	struct turf_regs kept; /* of the first frame, or all that is known of the last one */
	struct turf_location at; /* of the last frame's pc */
	uint64_t at_pc;
	uint64_t last_pc;
	uint64_t last_cfa; /* the next frame's CFA lies above */
	bool exact_pc;     /* the next frame's pc is no return address */
	bool all;          /* all registers are followed */
};

/*
 * Begins a walk at @regs; @max_depth 0: 1024. Registers of a machine that cannot be unwound
 * here, or without stack pointer and pc, give no frame and TURF_STOP_BAD_RULE.
 */
void turf_unwind_begin(struct turf_unwind *u, struct turf_process *process,
                       const struct turf_regs *regs, struct turf_memory memory,
                       unsigned max_depth);

/**
 * turf_unwind_next() - the next frame, innermost first
 *
 * The process must not change during a walk.
 *
 * Cost:   one location and one row looked up, 1 or 2 reads of 8 bytes; async-signal-safe when
 *         the modules are open and the memory reader is. Where a rule needs registers beyond
 *         stack and frame pointer, as turf_unwind_registers().
 * Return: 1 a frame; 0 the walk is over and u->stop says why (TURF_STOP_END: complete)
 */
int turf_unwind_next(struct turf_unwind *u, struct turf_unwind_frame *out);

/**
 * turf_unwind_registers() - the registers of the frame that turf_unwind_next() gave last
 * @out: valid has a bit for each that is known. Of a caller's frame these are the stack
 *       pointer, the pc and the registers that calls keep, as they were when it called; of
 *       what a signal interrupted, and of the first frame, all that were told.
 *
 * Cost:   the first time, the walk is gone again from its first frame on; from then on it
 *         follows all registers: 1 to 8 reads of 8 bytes a frame
 * Return: 1, 0 no frame was handed out, -ESTALE the memory has changed meanwhile
 */
int turf_unwind_registers(struct turf_unwind *u, struct turf_regs *out);

/* The copy of a stack as it stood, from the stack pointer up; borrowed. */
struct turf_stack_copy {
	uint64_t start; /* live address of the first byte */
	size_t size;
	const uint8_t *bytes;
};

/*
 * Memory of a stack copy, which must outlive it. What lies at or reaches beyond its end is
 * -ENODATA (the stack went on there), what lies below its start -EFAULT.
 */
struct turf_memory turf_memory_copy(const struct turf_stack_copy *copy);

/* A thread of a live process, held still while its stack is walked. */
struct turf_thread_stack {
	pid_t pid, tid;
	const char *name;        /* its comm */
	struct turf_regs regs;   /* where it stood */
	uint64_t thread_pointer; /* where its variables count from: fs of x86-64; 0: not told */
};

/**
 * turf_threads_walk() - stop each thread of a process in turn and hand its registers to @visit
 * @pid:   the process (or any thread of it); not our own
 * @visit: not 0 ends the walk with that result
 *
 * The thread stands still during @visit only, then goes on (or stays stopped) as it would have.
 * Threads that start meanwhile are visited, those that end are left out. Needs the right to
 * ptrace: err names what stands in the way. Waits for a thread that sleeps uninterruptibly.
 *
 * Return: 0; -ESRCH gone, -EPERM, -EINVAL our own process, -ENOTSUP not of this machine, or
 *         what @visit gave
 * Source: ptrace(2), "Attaching and detaching", "Group-stop"
 */
int turf_threads_walk(pid_t pid,
                      int (*visit)(void *ctx, const struct turf_thread_stack *thread),
                      void *ctx, struct turf_error *err);

#ifdef __cplusplus
}
#endif
#endif
