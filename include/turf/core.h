/* SPDX-License-Identifier: MIT */
/*
 * A process as a core file keeps it: its mappings, threads and memory, and what ended it.
 *
 *     struct turf_core *core;
 *     struct turf_thread_stack thread;
 *     turf_core_open(table, fd, "core", &core, &err);
 *     for (size_t i = 0; turf_core_thread(core, i, &thread) == 1; i++)
 *             turf_unwind_begin(&u, turf_core_process(core), &thread.regs,
 *                               turf_core_memory(core), 0);
 *
 * ELF cores of 64-bit Linux as the kernel and gdb's gcore write them, whole or cut short, also
 * compressed by zstd or lz4 as systemd-coredump stores them. One thread at a time per core.
 */
#ifndef TURF_CORE_H
#define TURF_CORE_H

#include "turf/unwind.h"

#ifdef __cplusplus
extern "C" {
#endif

struct turf_core;

/**
 * turf_core_open() - read a core file and enter its process into a table
 * @table: borrowed, best one of its own: the pid is of the past
 * @fd:    a regular file open for reading; borrowed
 * @name:  its name for messages
 *
 * The files that were mapped are looked for by their paths, and taken only if they have the
 * build-id that the core's memory tells.
 *
 * Cost:   the file is mapped, not read; a compressed one is inflated into memory, of which
 *         pages of zeroes take none
 * Return: 0; -EBADMSG no core or malformed, -ENOTSUP not of 64 bits, or compressed as we cannot
 *         read, -ENOMEM, ...
 */
int turf_core_open(struct turf_processes *table, int fd, const char *name,
                   struct turf_core **ret, struct turf_error *err);
/* The process stays in the table; nothing may be asked of it any more. */
void turf_core_close(struct turf_core *core);

struct turf_core_info {
	size_t size;         /* sizeof this struct */
	pid_t pid;           /* of the process; 0: not told */
	const char *name;    /* of the program, 15 characters of it; "": not told */
	const char *command; /* with its arguments, 79 characters; "": not told */
	uint16_t machine;    /* ELF e_machine */
	size_t n_threads;
	int signal;       /* that ended it; 0: none, or not told */
	bool has_fault;   /* it was sent for an access to fault */
	int code;         /* si_code; 0: not told */
	uint64_t fault;   /* live address */
	uint64_t missing; /* bytes that the file should have and has not: it was cut short */
};
void turf_core_info(const struct turf_core *core, struct turf_core_info *out);

struct turf_process *turf_core_process(const struct turf_core *core);

/* The @idx-th thread, that which got the signal first: 1, 0 no such, -ENOTSUP of a machine
 * whose registers we do not know. */
int turf_core_thread(const struct turf_core *core, size_t idx, struct turf_thread_stack *out);

/*
 * Memory as it was, from the core, else from the files that were mapped. What the core leaves
 * out and no file has is -ENODATA, what was not mapped -EFAULT.
 */
struct turf_memory turf_core_memory(struct turf_core *core);

#ifdef __cplusplus
}
#endif
#endif
