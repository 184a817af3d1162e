/* SPDX-License-Identifier: MIT */
/* The expression machine, by a table of expressions and what they give. */
#include "lib/asm.h"
#include "lib/test.h"
#include "unwind/step.h"

enum { BIAS = 0x10000, SP = 7, RIP = 16, CFA = 0x7000 };

static const uint8_t stack_bytes[16] = { 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0xff };
static const struct turf_stack_copy stack = { 0x1000, sizeof(stack_bytes), stack_bytes };

static const struct turf_regs regs = {
	.valid = 1 << SP | 1 << RIP | 1,
	.value = { [0] = 5, [SP] = 0x1000, [RIP] = 0x40102b },
};

static int run(struct span expr, const uint64_t *pushed, uint64_t *ret)
{
	struct turf_memory memory = turf_memory_copy(&stack);
	struct turf_step step = { .memory = &memory, .bias = BIAS };
	return turf_unwind_expression(&step, &regs, expr.at, expr.size, pushed, ret);
}

#define HEX(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })
#define MINUS(n) (UINT64_MAX - (n) + 1)

static const struct {
	const char *what;
	uint8_t bytes[24];
	size_t size;
	int expect;
	uint64_t value;
} cases[] = {
	{ "nothing: the CFA stays", { 0 }, 0, 0, CFA },
	{ "lit0", HEX(0x30), 0, 0 },
	{ "lit31", HEX(0x4f), 0, 31 },
	{ "addr is moved by the bias", HEX(0x03, 4, 3, 2, 1, 0, 0, 0, 0), 0,
	  0x01020304 + BIAS },
	{ "const1u", HEX(0x08, 0xff), 0, 0xff },
	{ "const1s", HEX(0x09, 0xff), 0, MINUS(1) },
	{ "const2u", HEX(0x0a, 0xfe, 0xff), 0, 0xfffe },
	{ "const2s", HEX(0x0b, 0xfe, 0xff), 0, MINUS(2) },
	{ "const4u", HEX(0x0c, 0xfe, 0xff, 0xff, 0xff), 0, 0xfffffffe },
	{ "const4s", HEX(0x0d, 0xfe, 0xff, 0xff, 0xff), 0, MINUS(2) },
	{ "const8u", HEX(0x0e, 1, 2, 3, 4, 5, 6, 7, 8), 0, 0x0807060504030201 },
	{ "const8s", HEX(0x0f, 1, 2, 3, 4, 5, 6, 7, 0x88), 0, 0x8807060504030201 },
	{ "constu", HEX(0x10, 0x80, 0x01), 0, 128 },
	{ "consts", HEX(0x11, 0x7f), 0, MINUS(1) },
	{ "const4u cut off", HEX(0x0c, 1, 2, 3), -EBADMSG, 0 },
	{ "constu without end", HEX(0x10, 0x80), -EBADMSG, 0 },

	{ "dup", HEX(0x12, 0x1c), 0, 0 },
	{ "drop", HEX(0x35, 0x13), 0, CFA },
	{ "drop all", HEX(0x13), -EBADMSG, 0 },
	{ "drop more", HEX(0x13, 0x13), -EBADMSG, 0 },
	{ "over", HEX(0x31, 0x14), 0, CFA },
	{ "over of one", HEX(0x14), -EBADMSG, 0 },
	{ "pick 2", HEX(0x31, 0x32, 0x15, 2), 0, CFA },
	{ "pick 3 of 3", HEX(0x31, 0x32, 0x15, 3), -EBADMSG, 0 },
	{ "swap", HEX(0x35, 0x33, 0x16, 0x1c), 0, MINUS(2) },
	{ "swap of one", HEX(0x16), -EBADMSG, 0 },
	{ "rot: the second comes up", HEX(0x32, 0x33, 0x17), 0, 2 },
	{ "rot: the third is second", HEX(0x32, 0x33, 0x17, 0x13), 0, CFA },
	{ "rot: the top is third", HEX(0x32, 0x33, 0x17, 0x13, 0x13), 0, 3 },
	{ "rot of two", HEX(0x32, 0x17), -EBADMSG, 0 },

	{ "deref", HEX(0x0a, 0x00, 0x10, 0x06), 0, 0x1122334455667788 },
	{ "deref_size 1", HEX(0x0a, 0x08, 0x10, 0x94, 1), 0, 0xff },
	{ "deref_size 2", HEX(0x0a, 0x00, 0x10, 0x94, 2), 0, 0x7788 },
	{ "deref_size 4", HEX(0x0a, 0x00, 0x10, 0x94, 4), 0, 0x55667788 },
	{ "deref_size 0", HEX(0x0a, 0x00, 0x10, 0x94, 0), -EBADMSG, 0 },
	{ "deref_size 9", HEX(0x0a, 0x00, 0x10, 0x94, 9), -EBADMSG, 0 },
	{ "deref below the copy", HEX(0x0a, 0xff, 0x0f, 0x06), -EFAULT, 0 },
	{ "deref over its end", HEX(0x0a, 0x09, 0x10, 0x06), -ENODATA, 0 },
	{ "deref of nothing", HEX(0x13, 0x06), -EBADMSG, 0 },

	{ "abs", HEX(0x11, 0x7b, 0x19), 0, 5 },
	{ "abs of 5", HEX(0x35, 0x19), 0, 5 },
	{ "abs of INT64_MIN", HEX(0x31, 0x08, 63, 0x24, 0x19), 0, UINT64_C(1) << 63 },
	{ "and", HEX(0x3e, 0x37, 0x1a), 0, 6 },
	{ "div", HEX(0x3e, 0x34, 0x1b), 0, 3 },
	{ "div is signed", HEX(0x11, 0x72, 0x34, 0x1b), 0, MINUS(3) },
	{ "div by 0", HEX(0x3e, 0x30, 0x1b), -EBADMSG, 0 },
	{ "INT64_MIN / -1", HEX(0x31, 0x08, 63, 0x24, 0x11, 0x7f, 0x1b), 0, UINT64_C(1) << 63 },
	{ "minus", HEX(0x3e, 0x34, 0x1c), 0, 10 },
	{ "mod", HEX(0x3e, 0x34, 0x1d), 0, 2 },
	{ "mod by 0", HEX(0x3e, 0x30, 0x1d), -EBADMSG, 0 },
	{ "INT64_MIN mod -1", HEX(0x31, 0x08, 63, 0x24, 0x11, 0x7f, 0x1d), 0,
	  UINT64_C(1) << 63 },
	{ "mul", HEX(0x3e, 0x34, 0x1e), 0, 56 },
	{ "mul wraps", HEX(0x11, 0x7f, 0x12, 0x1e), 0, 1 },
	{ "neg", HEX(0x31, 0x1f), 0, MINUS(1) },
	{ "not", HEX(0x30, 0x20), 0, UINT64_MAX },
	{ "neg of nothing", HEX(0x13, 0x1f), -EBADMSG, 0 },
	{ "or", HEX(0x35, 0x32, 0x21), 0, 7 },
	{ "plus", HEX(0x38, 0x22), 0, CFA + 8 },
	{ "plus of one", HEX(0x22), -EBADMSG, 0 },
	{ "plus_uconst", HEX(0x23, 0x80, 0x02), 0, CFA + 256 },
	{ "shl", HEX(0x31, 0x34, 0x24), 0, 16 },
	{ "shl by 64", HEX(0x31, 0x08, 64, 0x24), 0, 0 },
	{ "shr", HEX(0x11, 0x7f, 0x08, 60, 0x25), 0, 15 },
	{ "shr by 64", HEX(0x11, 0x7f, 0x08, 64, 0x25), 0, 0 },
	{ "shra", HEX(0x11, 0x78, 0x31, 0x26), 0, MINUS(4) },
	{ "shra by 0", HEX(0x11, 0x78, 0x30, 0x26), 0, MINUS(8) },
	{ "shra by 64", HEX(0x11, 0x78, 0x08, 64, 0x26), 0, MINUS(1) },
	{ "shra of 8 by 64", HEX(0x38, 0x08, 64, 0x26), 0, 0 },
	{ "xor", HEX(0x35, 0x36, 0x27), 0, 3 },

	{ "eq", HEX(0x35, 0x35, 0x29), 0, 1 },
	{ "ge", HEX(0x35, 0x36, 0x2a), 0, 0 },
	{ "gt is signed", HEX(0x35, 0x11, 0x7f, 0x2b), 0, 1 },
	{ "le", HEX(0x35, 0x35, 0x2c), 0, 1 },
	{ "lt", HEX(0x11, 0x7f, 0x30, 0x2d), 0, 1 },
	{ "ne", HEX(0x35, 0x35, 0x2e), 0, 0 },
	{ "0x28 is bra, taken", HEX(0x35, 0x31, 0x28, 1, 0, 0x36), 0, 5 },
	{ "bra, not taken", HEX(0x35, 0x30, 0x28, 1, 0, 0x36), 0, 6 },
	{ "skip", HEX(0x35, 0x2f, 1, 0, 0x36), 0, 5 },
	{ "skip to the end", HEX(0x35, 0x2f, 0, 0), 0, 5 },
	{ "skip beyond the end", HEX(0x35, 0x2f, 1, 0), -EBADMSG, 0 },
	{ "skip before the start", HEX(0x35, 0x2f, 0xfb, 0xff), -EBADMSG, 0 },
	{ "skip for ever", HEX(0x2f, 0xfd, 0xff), -EBADMSG, 0 },
	{ "push for ever", HEX(0x12, 0x2f, 0xfc, 0xff), -EBADMSG, 0 },
	{ "a loop that counts down from 5", HEX(0x35, 0x31, 0x1c, 0x12, 0x28, 0xfa, 0xff, 0x96),
	  0, 0 },

	{ "reg0", HEX(0x50), 0, 5 },
	{ "breg7 8", HEX(0x77, 8), 0, 0x1008 },
	{ "breg7 -8", HEX(0x77, 0x78), 0, 0xff8 },
	{ "breg of a lost register", HEX(0x73, 0), -EBADMSG, 0 },
	{ "regx 7", HEX(0x90, 7), 0, 0x1000 },
	{ "regx 39", HEX(0x90, 39), -EBADMSG, 0 },
	{ "regx 40", HEX(0x90, 40), -EBADMSG, 0 },
	{ "regx 2^32 + 7", HEX(0x90, 0x87, 0x80, 0x80, 0x80, 0x10), -EBADMSG, 0 },
	{ "bregx 7 8", HEX(0x92, 7, 8), 0, 0x1008 },
	{ "nop", HEX(0x96), 0, CFA },
	{ "a PLT entry behind its push: rsp + 8 + ((rip & 15) >= 11) * 8",
	  HEX(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22), 0, 0x1010 },
	{ "a saved register of a signal frame: [rsp + 8]", HEX(0x77, 8, 0x06), 0, 0xff },

	{ "operation 0", HEX(0x00), -EBADMSG, 0 },
	{ "fbreg", HEX(0x91, 0), -EBADMSG, 0 },
	{ "piece", HEX(0x93, 8), -EBADMSG, 0 },
	{ "call_frame_cfa", HEX(0x9c), -EBADMSG, 0 },
	{ "form_tls_address", HEX(0x9b), -EBADMSG, 0 },
	{ "call2", HEX(0x98, 0, 0), -EBADMSG, 0 },
	{ "stack_value", HEX(0x9f), -EBADMSG, 0 },
	{ "0xff", HEX(0xff), -EBADMSG, 0 },
};

START_TEST(operations)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span expr = exact_copy(cases[i].bytes, cases[i].size);
		uint64_t cfa = CFA, value = 0;
		int r = run(expr, &cfa, &value);
		ck_assert_msg(r == cases[i].expect, "%s: got %d", cases[i].what, r);
		ck_assert_msg(value == cases[i].value, "%s: got 0x%jx", cases[i].what,
		              (uintmax_t)value);
		free((void *)expr.at);
	}
}
END_TEST

START_TEST(nothing_on_the_stack)
{
	uint64_t value = 77;
	ck_assert_int_eq(run((struct span){ NULL, 0 }, NULL, &value), -EBADMSG);
	ck_assert_uint_eq(value, 77);
}
END_TEST

/* 63 words above the CFA are room enough, 64 are one too many. */
START_TEST(depth_is_bounded)
{
	uint8_t dups[64];
	memset(dups, 0x12, sizeof(dups));
	uint64_t cfa = CFA, value = 77;
	ck_assert_int_eq(run((struct span){ dups, 64 }, &cfa, &value), -EBADMSG);
	ck_assert_uint_eq(value, 77);
	ck_assert_int_eq(run((struct span){ dups, 63 }, &cfa, &value), 0);
	ck_assert_uint_eq(value, CFA);
}
END_TEST

static void survive(struct span expr)
{
	uint64_t cfa = CFA, value;
	int r = run(expr, &cfa, &value);
	ck_assert(r == 0 || r == -EBADMSG || r == -EFAULT || r == -ENODATA);
}

START_TEST(prefixes_and_bent_bytes_are_survived)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span whole = { cases[i].bytes, cases[i].size };
		every_prefix(whole, survive);
		every_byte_bent(whole, survive);
	}
}
END_TEST

TESTS("unwind/expr", operations, nothing_on_the_stack, depth_is_bounded,
      prefixes_and_bent_bytes_are_survived)
