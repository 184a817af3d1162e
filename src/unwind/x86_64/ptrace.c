/* SPDX-License-Identifier: MIT */
/*
 * x86-64: registers of a stopped thread, in DWARF order.
 *
 * Source: System V psABI for x86-64 figure 3.36; struct user_regs_struct of sys/user.h. A
 * 32-bit process answers with a shorter structure.
 */
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "base/base.h"
#include "unwind/threads.h"

int turf_ptrace_regs(pid_t tid, struct turf_regs *ret, uint64_t *thread_pointer)
{
	struct user_regs_struct r;
	struct iovec iov = { &r, sizeof(r) };
	if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &iov) < 0)
		return -errno;
	if (iov.iov_len != sizeof(r))
		return -ENOTSUP;
	const uint64_t by_number[] = {
		r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
		r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip,
	};
	*ret = (struct turf_regs){
		.machine = EM_X86_64,
		.valid = (UINT64_C(1) << COUNT(by_number)) - 1,
	};
	memcpy(ret->value, by_number, sizeof(by_number));
	*thread_pointer = r.fs_base;
	return 0;
}
