/* SPDX-License-Identifier: MIT */
/*
 * What stopping threads asks of the machine we run on: x86_64/ptrace.c and its like.
 */
#ifndef UNWIND_THREADS_H
#define UNWIND_THREADS_H

#include "turf/unwind.h"

/* Registers of a stopped tracee, by DWARF number: 0, -ESRCH gone, -ENOTSUP other machine. */
int turf_ptrace_regs(pid_t tid, struct turf_regs *ret, uint64_t *thread_pointer);

#endif
