/* SPDX-License-Identifier: MIT */
/*
 * aarch64: registers of a stopped thread, in DWARF order.
 *
 * Source: struct user_regs_struct of sys/user.h, struct user_pac_mask of asm/ptrace.h. A 32-bit
 * process answers with a shorter structure, a machine without pointer authentication with none.
 */
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "base/base.h"
#include "unwind/threads.h"

#ifndef NT_ARM_PAC_MASK
#define NT_ARM_PAC_MASK 0x406
#endif

int turf_ptrace_regs(pid_t tid, struct turf_regs *ret)
{
	struct user_regs_struct r;
	struct iovec iov = { &r, sizeof(r) };
	if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_PRSTATUS, &iov) < 0)
		return -errno;
	if (iov.iov_len != sizeof(r))
		return -ENOTSUP;
	*ret = (struct turf_regs){
		.machine = EM_AARCH64,
		.valid = (UINT64_C(1) << 33) - 1,
	};
	memcpy(ret->value, r.regs, sizeof(r.regs));
	ret->value[31] = r.sp;
	ret->value[32] = r.pc;
	uint64_t masks[2]; /* of data, of code */
	iov = (struct iovec){ masks, sizeof(masks) };
	if (ptrace(PTRACE_GETREGSET, tid, (void *)NT_ARM_PAC_MASK, &iov) == 0 &&
	    iov.iov_len == sizeof(masks))
		ret->pac_mask = masks[1];
	return 0;
}
