/* SPDX-License-Identifier: MIT */
/* One step on x86-64 by one row: what the caller's registers become. */
#include "lib/test.h"
#include "unwind/fake.h"
#include "unwind/step.h"

enum { SP = 0x1000, FP = 0x1010, LOST = 0xdead };

static uint64_t stack_words[6] = { 0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5 };
static const struct turf_stack_copy stack = { SP, sizeof(stack_words),
	                                      (const uint8_t *)stack_words };

static struct turf_regs begin(void)
{
	struct turf_regs regs = { .machine = EM_X86_64, .valid = (1 << N_REGS) - 1 };
	for (unsigned i = 0; i < N_REGS; i++)
		regs.value[i] = 0x100 + i;
	regs.value[RSP] = SP;
	regs.value[RBP] = FP;
	return regs;
}

#define CFA(r, off)                                                                            \
	{                                                                                      \
		.kind = TURF_RULE_REG_OFFSET, .reg = (r), .offset = (off)                      \
	}
#define AT(off)                                                                                \
	{                                                                                      \
		.kind = TURF_RULE_AT_CFA, .offset = (off)                                      \
	}
#define IS(off)                                                                                \
	{                                                                                      \
		.kind = TURF_RULE_IS_CFA, .offset = (off)                                      \
	}
#define IN(r)                                                                                  \
	{                                                                                      \
		.kind = TURF_RULE_REGISTER, .reg = (r)                                         \
	}
#define SAME                                                                                   \
	{                                                                                      \
		.kind = TURF_RULE_SAME                                                         \
	}
#define UNDEFINED                                                                              \
	{                                                                                      \
		.kind = TURF_RULE_UNDEFINED                                                    \
	}
#define EXPR(k, e)                                                                             \
	{                                                                                      \
		.kind = (k), .expr = (e), .expr_size = sizeof(e)                               \
	}
#define ROW(cfa_rule, ra_rule)                                                                 \
	{                                                                                      \
		.cfa = cfa_rule, .return_address = ra_rule, .return_reg = RIP                  \
	}
#define ROW_SAVED(cfa_rule, ra_rule, first, n)                                                 \
	{                                                                                      \
		.cfa = cfa_rule, .return_address = ra_rule, .return_reg = RIP, .saved = first, \
		.n_saved = n                                                                   \
	}

static const uint8_t breg7_8[] = { 0x77, 8 };
static const uint8_t plus_8[] = { 0x23, 8 };
static const uint8_t minus_16[] = { 0x40, 0x1c };
static const uint8_t wrong[] = { 0xff };

static const struct fake_saved saved[] = {
	[0] = { RBP, AT(-16) },
	[1] = { RBX, AT(-24) },
	[2] = { RAX, AT(-16) },
	[3] = { RSP, IS(64) },
	[4] = { RBX, IN(RAX) },
	[5] = { RAX, IN(RBX) },
	[6] = { 17, AT(1000) },
	[7] = { RIP, AT(-24) },
	[8] = { RBX, UNDEFINED },
	[9] = { RBX, EXPR(TURF_RULE_EXPRESSION, minus_16) },
	[10] = { RBX, EXPR(TURF_RULE_VAL_EXPRESSION, plus_8) },
	[11] = { RBX, EXPR(TURF_RULE_VAL_EXPRESSION, wrong) },
	[12] = { RBX, AT(-1000) },
	[13] = { RBX, { .kind = 99 } },
};

static const struct {
	const char *what;
	struct turf_unwind_row row;
	int expect;
	uint64_t cfa, pc, sp, fp, rbx, rax; /* LOST: not known any more */
} cases[] = {
	{ "at the entry", ROW(CFA(RSP, 8), AT(-8)), 1, SP + 8, 0xa0, SP + 8, FP, 0x103, LOST },
	{ "frame pointer, rbp and rbx saved", ROW_SAVED(CFA(RBP, 16), AT(-8), 0, 2), 1, FP + 16,
	  0xa3, FP + 16, 0xa2, 0xa1, LOST },
	{ "a saved register that calls change", ROW_SAVED(CFA(RBP, 16), AT(-8), 2, 1), 1,
	  FP + 16, 0xa3, FP + 16, FP, 0x103, 0xa2 },
	{ "a rule for rsp", ROW_SAVED(CFA(RSP, 8), AT(-8), 3, 1), 1, SP + 8, 0xa0, SP + 72, FP,
	  0x103, LOST },
	{ "two registers exchanged", ROW_SAVED(CFA(RSP, 8), AT(-8), 4, 2), 1, SP + 8, 0xa0,
	  SP + 8, FP, 0x100, 0x103 },
	{ "a vector register is left out", ROW_SAVED(CFA(RSP, 8), AT(-8), 6, 1), 1, SP + 8,
	  0xa0, SP + 8, FP, 0x103, LOST },
	{ "rip among the saved is not heard", ROW_SAVED(CFA(RSP, 32), AT(-8), 7, 1), 1, SP + 32,
	  0xa3, SP + 32, FP, 0x103, LOST },
	{ "a register undefined", ROW_SAVED(CFA(RSP, 8), AT(-8), 8, 1), 1, SP + 8, 0xa0, SP + 8,
	  FP, LOST, LOST },
	{ "a register at an expression", ROW_SAVED(CFA(RSP, 32), AT(-8), 9, 1), 1, SP + 32,
	  0xa3, SP + 32, FP, 0xa2, LOST },
	{ "a register is an expression", ROW_SAVED(CFA(RSP, 32), AT(-8), 10, 1), 1, SP + 32,
	  0xa3, SP + 32, FP, SP + 40, LOST },
	{ "the CFA by expression", ROW(EXPR(TURF_RULE_VAL_EXPRESSION, breg7_8), AT(-8)), 1,
	  SP + 8, 0xa0, SP + 8, FP, 0x103, LOST },
	{ "the CFA by the other kind of expression",
	  ROW(EXPR(TURF_RULE_EXPRESSION, breg7_8), AT(-8)), 1, SP + 8, 0xa0, SP + 8, FP, 0x103,
	  LOST },
	{ "the return address in a register", ROW(CFA(RSP, 0), IN(RAX)), 1, SP, 0x100, SP, FP,
	  0x103, LOST },
	{ "the return address by expression",
	  ROW(CFA(RSP, 24), EXPR(TURF_RULE_EXPRESSION, minus_16)), 1, SP + 24, 0xa1, SP + 24,
	  FP, 0x103, LOST },
	{ "the return address undefined", ROW(CFA(RSP, 8), UNDEFINED), 0 },
	{ "and no CFA", ROW(UNDEFINED, UNDEFINED), 0 },
	{ "no CFA", ROW(UNDEFINED, AT(-8)), -EBADMSG },
	{ "the CFA in register 40", ROW(CFA(40, 8), AT(-8)), -EBADMSG },
	{ "the CFA in a register that is not known", ROW(CFA(39, 8), AT(-8)), -EBADMSG },
	{ "the CFA at the CFA", ROW(AT(0), AT(-8)), -EBADMSG },
	{ "the return address in register 255", ROW(CFA(RSP, 8), IN(255)), -EBADMSG },
	{ "a rule of no kind", ROW_SAVED(CFA(RSP, 8), AT(-8), 13, 1), -EBADMSG },
	{ "a register that the image does not list", ROW_SAVED(CFA(RSP, 8), AT(-8), 14, 1),
	  -EBADMSG },
	{ "more registers than there are", ROW_SAVED(CFA(RSP, 8), AT(-8), 0, 41), -EBADMSG },
	{ "an expression that fails", ROW_SAVED(CFA(RSP, 8), AT(-8), 11, 1), -EBADMSG },
	{ "a popped register, its slot below the copy", ROW_SAVED(CFA(RSP, 8), AT(-8), 12, 1),
	  1, SP + 8, 0xa0, SP + 8, FP, 0x103, LOST },
	{ "memory below the copy", ROW(CFA(RSP, 8), AT(-1000)), -EFAULT },
	{ "memory behind the copy", ROW(CFA(RSP, 56), AT(-8)), -ENODATA },
	{ "memory over the copy's end", ROW(CFA(RSP, 52), AT(-8)), -ENODATA },
	{ "an offset that wraps", ROW(CFA(RSP, INT32_MIN), AT(INT32_MIN)), -ENODATA },
};

static uint64_t known(const struct turf_regs *regs, unsigned reg)
{
	return regs_has(regs, reg) ? regs->value[reg] : LOST;
}

START_TEST(by_row)
{
	fake = (struct fake){ .saved = saved, .n_saved = COUNT(saved) };
	struct turf_memory memory = turf_memory_copy(&stack);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_step step = { .memory = &memory, .row = &cases[i].row };
		struct turf_regs regs = begin();
		uint64_t cfa = 0;
		int r = turf_unwind_by_row(&turf_unwind_x86_64, &step, &regs, &cfa);
		ck_assert_msg(r == cases[i].expect, "%s: got %d", cases[i].what, r);
		if (r <= 0)
			continue;
		const uint64_t got[] = { cfa,
			                 known(&regs, RIP),
			                 known(&regs, RSP),
			                 known(&regs, RBP),
			                 known(&regs, RBX),
			                 known(&regs, RAX) };
		const uint64_t want[] = { cases[i].cfa, cases[i].pc,  cases[i].sp,
			                  cases[i].fp,  cases[i].rbx, cases[i].rax };
		for (size_t k = 0; k < COUNT(got); k++)
			ck_assert_msg(got[k] == want[k], "%s: value %zu is 0x%jx",
			              cases[i].what, k, (uintmax_t)got[k]);
	}
}
END_TEST

/* A signal comes between two instructions: the interrupted frame has all its registers. */
START_TEST(a_signal_keeps_all)
{
	struct turf_memory memory = turf_memory_copy(&stack);
	struct turf_unwind_row row = ROW(CFA(RSP, 8), AT(-8));
	row.signal_frame = true;
	struct turf_step step = { .memory = &memory, .row = &row };
	struct turf_regs regs = begin();
	uint64_t cfa = 0;
	ck_assert_int_eq(turf_unwind_by_row(&turf_unwind_x86_64, &step, &regs, &cfa), 1);
	ck_assert_uint_eq(regs.valid, begin().valid);
	ck_assert_uint_eq(regs.value[RAX], 0x100);
	ck_assert_uint_eq(regs.value[RIP], 0xa0);
}
END_TEST

static const struct {
	const char *what;
	uint64_t fp;
	int expect;
} pointers[] = {
	{ "the frame pointer", FP, 1 },
	{ "right at the stack pointer", SP, 1 },
	{ "the deepest frame", 0, 0 },
	{ "below the stack pointer", SP - 8, -EBADMSG },
	{ "not aligned", SP + 4, -EBADMSG },
	{ "too far away", SP + (UINT64_C(1) << 30) + 8, -EBADMSG },
	{ "over the copy's end", SP + sizeof(stack_words) - 8, -ENODATA },
	{ "no address at all", UINT64_MAX - 7, -EBADMSG },
};

START_TEST(by_pointer)
{
	struct turf_memory memory = turf_memory_copy(&stack);
	for (size_t i = 0; i < COUNT(pointers); i++) {
		struct turf_regs regs = begin();
		regs.value[RBP] = pointers[i].fp;
		uint64_t cfa = 0;
		int r = turf_unwind_by_pointer(&turf_unwind_x86_64, &memory, &regs, &cfa);
		ck_assert_msg(r == pointers[i].expect, "%s: got %d", pointers[i].what, r);
		if (r <= 0)
			continue;
		size_t word = (pointers[i].fp - SP) / 8;
		ck_assert_uint_eq(cfa, pointers[i].fp + 16);
		ck_assert_uint_eq(known(&regs, RBP), stack_words[word]);
		ck_assert_uint_eq(known(&regs, RIP), stack_words[word + 1]);
		ck_assert_uint_eq(known(&regs, RSP), cfa);
		ck_assert_uint_eq(known(&regs, RAX), LOST);
	}
	struct turf_regs regs = begin();
	uint64_t cfa;
	regs.valid &= ~(UINT64_C(1) << RBP);
	ck_assert_int_eq(turf_unwind_by_pointer(&turf_unwind_x86_64, &memory, &regs, &cfa),
	                 -EBADMSG);
}
END_TEST

START_TEST(by_call)
{
	struct turf_memory memory = turf_memory_copy(&stack);
	struct turf_regs regs = begin();
	uint64_t cfa = 0;
	ck_assert_int_eq(turf_unwind_x86_64.by_call(&memory, &regs, &cfa), 1);
	ck_assert_uint_eq(cfa, SP + 8);
	ck_assert_uint_eq(known(&regs, RIP), 0xa0);
	ck_assert_uint_eq(known(&regs, RBP), FP);
	regs.value[RSP] = SP - 8;
	ck_assert_int_eq(turf_unwind_x86_64.by_call(&memory, &regs, &cfa), -EFAULT);
}
END_TEST

TESTS("unwind/step", by_row, a_signal_keeps_all, by_pointer, by_call)
