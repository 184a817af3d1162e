/* SPDX-License-Identifier: MIT */
/*
 * What stopping threads asks of the machine we run on: x86_64/ptrace.c and its like.
 */
#ifndef UNWIND_THREADS_H
#define UNWIND_THREADS_H

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "base/base.h"
#include "turf/unwind.h"

/* Registers of a stopped tracee, by DWARF number: 0, -ESRCH gone, -ENOTSUP other machine. */
int turf_ptrace_regs(pid_t tid, struct turf_regs *ret, uint64_t *thread_pointer);

/*
 * One set of them, an NT_ number of elf.h, as the kernel lays it out: 0, -ENOTSUP it has
 * another size (a 32-bit process answers with a shorter one), or negative errno.
 */
static inline int read_register_set(pid_t tid, uintptr_t set, void *out, size_t size)
{
	struct iovec iov = { out, size };
	if (ptrace(PTRACE_GETREGSET, tid, (void *)set, &iov) < 0)
		return -errno;
	return iov.iov_len == size ? 0 : -ENOTSUP;
}

#endif
