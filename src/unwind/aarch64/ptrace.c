/* SPDX-License-Identifier: MIT */
/*
 * aarch64: registers of a stopped thread, in DWARF order.
 *
 * Source: struct user_regs_struct of sys/user.h, struct user_pac_mask of asm/ptrace.h. A
 * machine without pointer authentication has no masks.
 */
#include "unwind/threads.h"

#ifndef NT_ARM_PAC_MASK
#define NT_ARM_PAC_MASK 0x406
#endif

int turf_ptrace_regs(pid_t tid, struct turf_regs *ret, uint64_t *thread_pointer)
{
	struct user_regs_struct r;
	uint64_t masks[2]; /* of data, of code */
	int failed = read_register_set(tid, NT_PRSTATUS, &r, sizeof(r));
	if (failed)
		return failed;
	*ret = (struct turf_regs){
		.machine = EM_AARCH64,
		.valid = (UINT64_C(1) << 33) - 1,
	};
	memcpy(ret->value, r.regs, sizeof(r.regs));
	ret->value[31] = r.sp;
	ret->value[32] = r.pc;
	if (read_register_set(tid, NT_ARM_PAC_MASK, masks, sizeof(masks)) == 0)
		ret->pac_mask = masks[1];
	if (read_register_set(tid, NT_ARM_TLS, thread_pointer, sizeof(*thread_pointer)))
		*thread_pointer = 0;
	return 0;
}
