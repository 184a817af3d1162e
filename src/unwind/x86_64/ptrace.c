/* SPDX-License-Identifier: MIT */
/*
 * x86-64: registers of a stopped thread, in DWARF order.
 *
 * Source: System V psABI for x86-64 figure 3.36; struct user_regs_struct of sys/user.h
 */
#include "unwind/threads.h"

int turf_ptrace_regs(pid_t tid, struct turf_regs *ret, uint64_t *thread_pointer)
{
	struct user_regs_struct r;
	int failed = read_register_set(tid, NT_PRSTATUS, &r, sizeof(r));
	if (failed)
		return failed;
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
