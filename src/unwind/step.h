/* SPDX-License-Identifier: MIT */
/*
 * One step of an unwind, from a frame's registers to its caller's: what unwind.c asks of each
 * machine, and what the machines share.
 *
 * In:     registers, one row of unwind rules, memory
 * Out:    1 stepped; 0 there is no caller; < 0 why not: -ENODATA the stack copy ends before,
 *         -EBADMSG the rules ask for what we do not have, any other: memory unreadable
 * Trust:  none, neither the rules nor the memory; every loop has a bound
 * Source: DWARF 5 section 6.4
 */
#ifndef UNWIND_STEP_H
#define UNWIND_STEP_H

#include <endian.h>

#include "base/base.h"
#include "turf/unwind.h"

/* All that a step reads besides the registers. */
struct turf_step {
	const struct turf_memory *memory;
	const struct turf_unwind_row *row;
	const struct turf_image *image; /* the row's */
	uint64_t bias;                  /* live address - link-time address in that image */
	bool part; /* what is not known of the registers may just not have been followed */
};

/* A machine; x86_64/step.c and its like each hold one. Register numbers are DWARF's. */
struct turf_unwind_ops {
	uint8_t pc, sp, fp;
	uint8_t n_regs;    /* general ones: below that */
	uint64_t kept;     /* bit i: a call keeps register i; sp and pc are set by every step */
	uint64_t pac_mask; /* bits of a return address that may sign it */
	/*
	 * Turns @regs into the caller's in a function of which not one instruction has run.
	 * @cfa is set as soon as it is known, untouched otherwise; @regs are garbage on
	 * failure.
	 */
	int (*by_call)(const struct turf_memory *memory, struct turf_regs *regs, uint64_t *cfa);
	/* The same of a signal trampoline that has no row: 0: it is none; NULL: all have. */
	int (*by_signal)(const struct turf_memory *memory, struct turf_regs *regs,
	                 uint64_t *cfa);
};

extern const struct turf_unwind_ops turf_unwind_x86_64, turf_unwind_aarch64;

/* The same by a row. */
int turf_unwind_by_row(const struct turf_unwind_ops *ops, const struct turf_step *step,
                       struct turf_regs *regs, uint64_t *cfa);
/* The same without a row, for code that keeps a frame pointer; 0: the pointer is 0. */
int turf_unwind_by_pointer(const struct turf_unwind_ops *ops, const struct turf_memory *memory,
                           struct turf_regs *regs, uint64_t *cfa);

/*
 * The value of a DWARF expression of a rule. @pushed: on the stack at first (the CFA), or NULL.
 * 0 or < 0 as above.
 */
int turf_unwind_expression(const struct turf_step *step, const struct turf_regs *regs,
                           const uint8_t *expr, size_t size, const uint64_t *pushed,
                           uint64_t *ret);

static inline bool regs_has(const struct turf_regs *regs, unsigned reg)
{
	return reg < TURF_MAX_REGS && regs->valid >> reg & 1;
}

static inline void regs_set(struct turf_regs *regs, unsigned reg, uint64_t value)
{
	regs->value[reg] = value;
	regs->valid |= UINT64_C(1) << reg;
}

/* A return address without its signature. */
static inline uint64_t bare_pc(const struct turf_unwind_ops *ops, const struct turf_regs *regs,
                               uint64_t pc)
{
	return pc & ~(ops->pac_mask && regs->pac_mask ? regs->pac_mask : ops->pac_mask);
}

/* One word of the stack; the machines we know are little-endian. 1 or < 0. */
static inline int read_word(const struct turf_memory *memory, uint64_t addr, uint64_t *ret)
{
	uint64_t word;
	int r = memory->read(memory->ctx, addr, &word, sizeof(word));
	if (r < 0)
		return r;
	*ret = le64toh(word);
	return 1;
}

/* The canonical frame address of the frame with @regs: 1 or < 0. */
static inline int rule_cfa(const struct turf_step *step, const struct turf_regs *regs,
                           uint64_t *ret)
{
	const struct turf_rule *cfa = &step->row->cfa;
	switch (cfa->kind) {
	case TURF_RULE_REG_OFFSET:
		if (!regs_has(regs, cfa->reg))
			return -EBADMSG;
		*ret = regs->value[cfa->reg] + (uint64_t)(int64_t)cfa->offset;
		return 1;
	case TURF_RULE_EXPRESSION: /* DW_CFA_def_cfa_expression: the value is the CFA */
	case TURF_RULE_VAL_EXPRESSION: {
		int r = turf_unwind_expression(step, regs, cfa->expr, cfa->expr_size, NULL,
		                               ret);
		return r < 0 ? r : 1;
	}
	default:
		return -EBADMSG;
	}
}

/* The value that @rule gives register @reg in the caller: 1, 0 it is lost, < 0. */
static inline int rule_value(const struct turf_step *step, const struct turf_regs *regs,
                             const struct turf_rule *rule, unsigned reg, uint64_t cfa,
                             uint64_t *ret)
{
	uint64_t at = cfa + (uint64_t)(int64_t)rule->offset;
	switch (rule->kind) {
	case TURF_RULE_AT_CFA:
		return read_word(step->memory, at, ret);
	case TURF_RULE_IS_CFA:
		*ret = at;
		return 1;
	case TURF_RULE_UNDEFINED:
		return 0;
	case TURF_RULE_REGISTER:
		reg = rule->reg;
		/* fall through */
	case TURF_RULE_SAME:
		if (!regs_has(regs, reg))
			return 0;
		*ret = regs->value[reg];
		return 1;
	case TURF_RULE_EXPRESSION:
	case TURF_RULE_VAL_EXPRESSION: {
		int r = turf_unwind_expression(step, regs, rule->expr, rule->expr_size, &cfa,
		                               &at);
		if (r < 0)
			return r;
		if (rule->kind == TURF_RULE_EXPRESSION)
			return read_word(step->memory, at, ret);
		*ret = at;
		return 1;
	}
	default:
		return -EBADMSG;
	}
}

#endif
