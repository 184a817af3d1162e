/* SPDX-License-Identifier: MIT */
/*
 * One step of an unwind that follows all registers.
 *
 * The caller's stack pointer is the CFA unless a rule says otherwise (a signal trampoline's
 * does). Registers that a call may change are unknown in the caller, unless the row tells where
 * they are saved; so is one whose memory cannot be read, but for stack and frame pointer: a
 * walk cannot do without them.
 */
#include "unwind/step.h"

enum { SAVED_MAX = 128 }; /* registers of a row: no machine has more */

/* Two frames of one stack are never further apart: a "frame pointer" beyond is none. */
static const uint64_t STACK_MAX = UINT64_C(1) << 30;

/* The caller's registers while the callee's are still needed. */
struct restored {
	uint64_t has;  /* bit i: value[i] is known */
	uint64_t lost; /* bit i: the register's value is gone */
	uint64_t value[TURF_MAX_REGS];
};

/*
 * A slot below the stack pointer has been popped: compilers do not tell of the pops before a
 * return. Where its memory cannot be had (a sample's copy begins at the stack pointer), the
 * register holds what it was popped: the caller's value.
 */
static bool is_popped(uint64_t sp, const struct turf_rule *rule, uint64_t cfa)
{
	return rule->kind == TURF_RULE_AT_CFA && cfa + (uint64_t)(int64_t)rule->offset < sp;
}

static int restore(const struct turf_unwind_ops *ops, const struct turf_step *step,
                   const struct turf_regs *regs, uint64_t cfa, struct restored *to)
{
	const struct turf_unwind_row *row = step->row;
	if (row->n_saved > SAVED_MAX)
		return -EBADMSG;
	for (unsigned i = 0; i < row->n_saved; i++) {
		uint8_t reg;
		struct turf_rule rule;
		int r = turf_unwind_saved(step->image, row, i, &reg, &rule);
		if (r <= 0)
			return r < 0 ? r : -EBADMSG;
		if (reg >= ops->n_regs || reg == ops->pc) /* vectors; the pc has its own rule */
			continue;
		r = rule_value(step, regs, &rule, reg, cfa, &to->value[reg]);
		if (r < 0 && regs_has(regs, ops->sp) &&
		    is_popped(regs->value[ops->sp], &rule, cfa))
			continue;
		if (r == 0 && step->part && rule.kind == TURF_RULE_REGISTER)
			return -EBADMSG;
		if (r == -EBADMSG || (r < 0 && (reg == ops->sp || reg == ops->fp)))
			return r;
		if (r > 0)
			to->has |= UINT64_C(1) << reg;
		else
			to->lost |= UINT64_C(1) << reg;
	}
	return 1;
}

int turf_unwind_by_row(const struct turf_unwind_ops *ops, const struct turf_step *step,
                       struct turf_regs *regs, uint64_t *ret_cfa)
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
	to.has = UINT64_C(1) << ops->sp | UINT64_C(1) << ops->pc;
	to.lost = 0;
	to.value[ops->sp] = cfa;
	r = rule_value(step, regs, ra, step->row->return_reg, cfa, &to.value[ops->pc]);
	if (r <= 0) /* not by rule undefined: in a register whose value is gone */
		return r < 0 ? r : -EBADMSG;
	to.value[ops->pc] = bare_pc(ops, regs, to.value[ops->pc]);
	r = restore(ops, step, regs, cfa, &to);
	if (r < 0)
		return r;
	if (!step->row->signal_frame)
		regs->valid &= ops->kept;
	regs->valid = (regs->valid & ~to.lost) | to.has;
	for (uint64_t left = to.has; left; left &= left - 1) {
		unsigned reg = (unsigned)__builtin_ctzll(left);
		regs->value[reg] = to.value[reg];
	}
	return 1;
}

int turf_unwind_by_pointer(const struct turf_unwind_ops *ops, const struct turf_memory *memory,
                           struct turf_regs *regs, uint64_t *cfa)
{
	if (!regs_has(regs, ops->fp))
		return -EBADMSG;
	uint64_t fp = regs->value[ops->fp], sp = regs->value[ops->sp], pair[2];
	if (!fp)
		return 0;
	if (fp % 8 || fp < sp || fp - sp > STACK_MAX)
		return -EBADMSG;
	/* the caller's frame pointer, and above it the return address */
	int r = memory->read(memory->ctx, fp, pair, sizeof(pair));
	if (r < 0)
		return r;
	*cfa = fp + sizeof(pair);
	regs->valid = 0; /* nothing tells what else the callee saved */
	regs_set(regs, ops->fp, le64toh(pair[0]));
	regs_set(regs, ops->sp, *cfa);
	regs_set(regs, ops->pc, bare_pc(ops, regs, le64toh(pair[1])));
	return 1;
}
