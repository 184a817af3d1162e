/* SPDX-License-Identifier: MIT */
/*
 * aarch64: which registers a step has to do with.
 *
 * Return addresses may be signed (pointer authentication): the bits above an address are taken
 * off, whatever the row says of it, as no code lies there.
 *
 * Source: DWARF for the Arm 64-bit Architecture section 4.1 (numbers; 32 is ours, for the pc);
 * Procedure Call Standard for it section 6.1.1 (which registers a call keeps), section 6.4.6
 * (the frame record); Linux, struct rt_sigframe and struct sigcontext of arm64
 */
#include "unwind/step.h"

enum { X19 = 19, FP = 29, LR = 30, SP = 31, PC = 32 };

/* The call left the return address in its register. */
static int by_call(const struct turf_memory *memory, struct turf_regs *regs, uint64_t *cfa)
{
	(void)memory;
	if (!regs_has(regs, LR))
		return -EBADMSG;
	*cfa = regs->value[SP];
	uint64_t pc = bare_pc(&turf_unwind_aarch64, regs, regs->value[LR]);
	regs->valid &= turf_unwind_aarch64.kept;
	regs_set(regs, SP, *cfa);
	regs_set(regs, PC, pc);
	return 1;
}

/*
 * The kernel's trampoline, mov x8, #139; svc #0, has no rows that lead to what it interrupted.
 * At the stack pointer lie 128 bytes of siginfo, 176 of the context's head, the fault's
 * address, x0 to x30, sp and pc.
 */
static int by_signal(const struct turf_memory *memory, struct turf_regs *regs, uint64_t *cfa)
{
	enum { REGS_OFF = 128 + 176 + 8 };
	uint64_t code, words[PC + 1];
	if (read_word(memory, regs->value[PC], &code) < 0 || code != 0xd4000001d2801168)
		return 0;
	int r = memory->read(memory->ctx, regs->value[SP] + REGS_OFF, words, sizeof(words));
	if (r < 0)
		return r;
	*cfa = regs->value[SP] + REGS_OFF + sizeof(words);
	for (unsigned i = 0; i <= PC; i++)
		regs_set(regs, i, le64toh(words[i]));
	return 1;
}

const struct turf_unwind_ops turf_unwind_aarch64 = {
	.pc = PC,
	.sp = SP,
	.fp = FP,
	.n_regs = SP + 1,
	.kept = UINT64_C(0x7ff) << X19, /* x19 to x29 */
	.pac_mask = UINT64_C(0xffff) << 48,
	.by_call = by_call,
	.by_signal = by_signal,
};
