/* SPDX-License-Identifier: MIT */
/*
 * x86-64: one step of an unwind.
 *
 * The caller's stack pointer is the CFA unless a rule says otherwise (a signal trampoline's
 * does). Registers that a call may change are unknown in the caller, unless the row tells where
 * they are saved.
 *
 * Source: System V psABI for x86-64: figure 3.36 (DWARF numbers), section 3.2.1 (which
 * registers a call keeps), section 3.2.2 (the frame)
 */
#include "unwind/step.h"

enum { RBX = 3, RBP = 6, RSP = 7, R12 = 12, RIP = 16, N_REGS };

/* What a call keeps; rsp and rip are set by every step. */
enum { KEPT_REGS = 1 << RBX | 1 << RBP | 0xf << R12 };

/* Two frames of one stack are never further apart: a "frame pointer" beyond is none. */
static const uint64_t STACK_MAX = UINT64_C(1) << 30;

/* The caller's registers while the callee's are still needed. */
struct restored {
	uint32_t has;  /* bit i: value[i] is known */
	uint32_t lost; /* bit i: the register's value is gone */
	uint64_t value[N_REGS];
};

/*
 * A slot below the stack pointer has been popped: compilers do not tell of the pops before a
 * return. Where its memory cannot be had (a sample's copy begins at the stack pointer), the
 * register holds what it was popped: the caller's value.
 */
static bool is_popped(const struct turf_regs *regs, const struct turf_rule *rule, uint64_t cfa)
{
	return rule->kind == TURF_RULE_AT_CFA && regs_has(regs, RSP) &&
	       cfa + (uint64_t)(int64_t)rule->offset < regs->value[RSP];
}

static int restore(const struct turf_step *step, const struct turf_regs *regs, uint64_t cfa,
                   struct restored *to)
{
	const struct turf_unwind_row *row = step->row;
	if (row->n_saved > TURF_MAX_REGS)
		return -EBADMSG;
	for (unsigned i = 0; i < row->n_saved; i++) {
		uint8_t reg;
		struct turf_rule rule;
		int r = turf_unwind_saved(step->image, row, i, &reg, &rule);
		if (r <= 0)
			return r < 0 ? r : -EBADMSG;
		if (reg >= RIP) /* vector registers; rip has its own rule */
			continue;
		r = rule_value(step, regs, &rule, reg, cfa, &to->value[reg]);
		if (r < 0 && is_popped(regs, &rule, cfa))
			continue;
		if (r < 0)
			return r;
		if (r)
			to->has |= UINT32_C(1) << reg;
		else
			to->lost |= UINT32_C(1) << reg;
	}
	return 1;
}

static int by_row(const struct turf_step *step, struct turf_regs *regs, uint64_t *ret_cfa)
{
	const struct turf_rule *ra = &step->row->return_address;
	if (ra->kind == TURF_RULE_UNDEFINED)
		return 0;
	uint64_t cfa;
	int r = rule_cfa(step, regs, &cfa);
	if (r < 0)
		return r;
	*ret_cfa = cfa;

	struct restored to;
	to.has = 1 << RSP | 1 << RIP;
	to.lost = 0;
	to.value[RSP] = cfa;
	r = rule_value(step, regs, ra, step->row->return_reg, cfa, &to.value[RIP]);
	if (r <= 0) /* not by rule undefined: in a register whose value is gone */
		return r < 0 ? r : -EBADMSG;
	r = restore(step, regs, cfa, &to);
	if (r < 0)
		return r;
	if (!step->row->signal_frame)
		regs->valid &= KEPT_REGS;
	regs->valid = (regs->valid & ~(uint64_t)to.lost) | to.has;
	for (uint32_t left = to.has; left; left &= left - 1) {
		unsigned reg = (unsigned)__builtin_ctz(left);
		regs->value[reg] = to.value[reg];
	}
	return 1;
}

/* Turns @regs into the caller's, whose registers but these three are as the callee left them.
 */
static int returned(struct turf_regs *regs, uint64_t cfa, uint64_t fp, uint64_t pc)
{
	regs->valid &= KEPT_REGS;
	regs->value[RBP] = fp;
	regs_set(regs, RSP, cfa);
	regs_set(regs, RIP, pc);
	return 1;
}

/* [rbp] is the caller's rbp, [rbp + 8] the return address. */
static int by_pointer(const struct turf_memory *memory, struct turf_regs *regs, uint64_t *cfa)
{
	if (!regs_has(regs, RBP))
		return -EBADMSG;
	uint64_t fp = regs->value[RBP], sp = regs->value[RSP], pair[2];
	if (!fp)
		return 0;
	if (fp % 8 || fp < sp || fp - sp > STACK_MAX)
		return -EBADMSG;
	int r = memory->read(memory->ctx, fp, pair, sizeof(pair));
	if (r < 0)
		return r;
	*cfa = fp + sizeof(pair);
	return returned(regs, *cfa, le64toh(pair[0]), le64toh(pair[1]));
}

/* The call pushed the return address, nothing else has happened. */
static int by_call(const struct turf_memory *memory, struct turf_regs *regs, uint64_t *cfa)
{
	uint64_t sp = regs->value[RSP], pc = 0;
	int r = read_word(memory, sp, &pc);
	if (r < 0)
		return r;
	*cfa = sp + 8;
	return returned(regs, *cfa, regs->value[RBP], pc);
}

const struct turf_unwind_ops turf_unwind_x86_64 = {
	.pc = RIP,
	.sp = RSP,
	.fp = RBP,
	.by_row = by_row,
	.by_pointer = by_pointer,
	.by_call = by_call,
};
