/* SPDX-License-Identifier: MIT */
/*
 * DWARF expressions of unwind rules, over the registers and the memory of a step.
 *
 * Trust:  none: bytes come from the urf, registers and memory from the stack
 * Source: DWARF 5 section 6.4.2 for what a rule may not hold (pieces, frame base, type units,
 * thread-local storage, calls): -EBADMSG
 */
#include "image/expr.h"
#include "unwind/step.h"

struct rule {
	const struct turf_step *step;
	const struct turf_regs *regs;
	int failed; /* 0, or why memory cannot be had */
};

static int read_register(void *ctx, uint32_t reg, uint64_t *value)
{
	const struct rule *rule = ctx;
	if (!regs_has(rule->regs, reg))
		return -EBADMSG;
	*value = rule->regs->value[reg];
	return 0;
}

static int read_memory(void *ctx, uint64_t addr, void *out, size_t size)
{
	struct rule *rule = ctx;
	const struct turf_memory *memory = rule->step->memory;
	rule->failed = MIN(memory->read(memory->ctx, addr, out, size), 0);
	return rule->failed;
}

/* A rule that asks for what it is to give. */
static int no_cfa(void *ctx, uint64_t *value)
{
	(void)ctx, (void)value;
	return -EBADMSG;
}

int turf_unwind_expression(const struct turf_step *step, const struct turf_regs *regs,
                           const uint8_t *expr, size_t size, const uint64_t *pushed,
                           uint64_t *ret)
{
	struct rule rule = { step, regs, 0 };
	const struct turf_context context = {
		.ctx = &rule,
		.bias = step->bias,
		.reg = read_register,
		.memory = read_memory,
		.cfa = no_cfa,
	};
	int r = turf_expr_value(&context, (struct span){ expr, size }, pushed, ret);
	return r < 0 && !rule.failed ? -EBADMSG : rule.failed;
}
