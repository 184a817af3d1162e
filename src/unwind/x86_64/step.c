/* SPDX-License-Identifier: MIT */
/*
 * x86-64: which registers a step has to do with.
 *
 * Source: System V psABI for x86-64: figure 3.36 (DWARF numbers), section 3.2.1 (which
 * registers a call keeps), section 3.2.2 (the frame)
 */
#include "unwind/step.h"

enum { RBX = 3, RBP = 6, RSP = 7, R12 = 12, RIP = 16, N_REGS };

/* The call pushed the return address, nothing else has happened. */
static int by_call(const struct turf_memory *memory, struct turf_regs *regs, uint64_t *cfa)
{
	uint64_t sp = regs->value[RSP], pc = 0;
	int r = read_word(memory, sp, &pc);
	if (r < 0)
		return r;
	*cfa = sp + 8;
	regs->valid &= turf_unwind_x86_64.kept;
	regs_set(regs, RSP, *cfa);
	regs_set(regs, RIP, pc);
	return 1;
}

const struct turf_unwind_ops turf_unwind_x86_64 = {
	.pc = RIP,
	.sp = RSP,
	.fp = RBP,
	.n_regs = N_REGS,
	.kept = 1 << RBX | 1 << RBP | 0xf << R12,
	.by_call = by_call,
};
