/* SPDX-License-Identifier: MIT */
/*
 * DWARF expressions of unwind rules: a small stack machine over registers and memory.
 *
 * In:     expression bytes of a rule, registers, memory
 * Out:    the value on top of the stack at the end
 * Cost:   at most MAX_STEPS operations, a stack of STACK_SIZE words, no allocation
 * Trust:  none: bytes come from the urf, registers and memory from the stack
 * Source: DWARF 5 section 2.5 for the operations, section 6.4.2 for those that a rule may not
 * hold (pieces, frame base, type units, thread-local storage, calls): -EBADMSG
 */
#include "image/expr.h"
#include "unwind/step.h"

enum { STACK_SIZE = 64, MAX_STEPS = 1024 };

static_assert(OP_ROT == 0x17 && OP_XOR == 0x27 && OP_SKIP == 0x2f && OP_REGX == 0x90,
              "DWARF 5 table 7.9");

struct machine {
	const struct turf_step *step;
	const struct turf_regs *regs;
	struct cursor at; /* the next operation */
	int failed;       /* 0, or why the run has to end */
	unsigned depth;
	uint64_t stack[STACK_SIZE];
};

static void push(struct machine *m, uint64_t value)
{
	if (m->depth == STACK_SIZE)
		m->failed = -EBADMSG;
	else
		m->stack[m->depth++] = value;
}

static uint64_t pop(struct machine *m)
{
	if (m->depth)
		return m->stack[--m->depth];
	m->failed = -EBADMSG;
	return 0;
}

/* Copies the word that lies @below the top. */
static void pick(struct machine *m, unsigned below)
{
	if (below < m->depth)
		push(m, m->stack[m->depth - 1 - below]);
	else
		m->failed = -EBADMSG;
}

static void push_register(struct machine *m, uint64_t reg, int64_t offset)
{
	if (reg < TURF_MAX_REGS && regs_has(m->regs, (unsigned)reg))
		push(m, m->regs->value[reg] + (uint64_t)offset);
	else
		m->failed = -EBADMSG;
}

/* Replaces the address on top by the @size bytes there, zero-extended. */
static void deref(struct machine *m, unsigned size)
{
	const struct turf_memory *memory = m->step->memory;
	uint64_t addr = pop(m), word = 0; /* little-endian, so the low bytes come first */
	if (!size || size > sizeof(word))
		m->failed = -EBADMSG;
	if (!m->failed)
		m->failed = MIN(memory->read(memory->ctx, addr, &word, size), 0);
	push(m, le64toh(word));
}

static void jump(struct machine *m, int16_t distance)
{
	int64_t to = (int64_t)cur_off(&m->at) + distance;
	if (to < 0)
		m->failed = -EBADMSG;
	else
		cur_seek(&m->at, (uint64_t)to);
}

static uint64_t shift_right_signed(uint64_t value, uint64_t by)
{
	uint64_t sign = value >> 63 ? UINT64_MAX : 0;
	if (by > 63)
		return sign;
	return by ? value >> by | sign << (64 - by) : value;
}

/* Signed, as section 2.5.1.4 says; the one quotient that does not fit wraps. */
static uint64_t divide(struct machine *m, uint64_t a, uint64_t b)
{
	if (b == UINT64_MAX)
		return 0 - a;
	if (b)
		return (uint64_t)((int64_t)a / (int64_t)b);
	m->failed = -EBADMSG;
	return 0;
}

static uint64_t modulo(struct machine *m, uint64_t a, uint64_t b)
{
	if (b)
		return a % b;
	m->failed = -EBADMSG;
	return 0;
}

/* Operations that replace the two upper words by one; @b was on top. */
static void binary(struct machine *m, uint8_t op)
{
	uint64_t b = pop(m), a = pop(m), value = 0;
	int64_t sb = (int64_t)b, sa = (int64_t)a;
	switch (op) {
	case OP_AND:
		value = a & b;
		break;
	case OP_DIV:
		value = divide(m, a, b);
		break;
	case OP_MINUS:
		value = a - b;
		break;
	case OP_MOD:
		value = modulo(m, a, b);
		break;
	case OP_MUL:
		value = a * b;
		break;
	case OP_OR:
		value = a | b;
		break;
	case OP_PLUS:
		value = a + b;
		break;
	case OP_SHL:
		value = b > 63 ? 0 : a << b;
		break;
	case OP_SHR:
		value = b > 63 ? 0 : a >> b;
		break;
	case OP_SHRA:
		value = shift_right_signed(a, b);
		break;
	case OP_XOR:
		value = a ^ b;
		break;
	case OP_EQ:
		value = sa == sb;
		break;
	case OP_GE:
		value = sa >= sb;
		break;
	case OP_GT:
		value = sa > sb;
		break;
	case OP_LE:
		value = sa <= sb;
		break;
	case OP_LT:
		value = sa < sb;
		break;
	case OP_NE:
		value = sa != sb;
		break;
	default: /* no operation, or none that a rule may hold */
		m->failed = -EBADMSG;
	}
	push(m, value);
}

/* Operations that replace the upper word. */
static bool unary(struct machine *m, uint8_t op)
{
	uint64_t a = m->depth ? m->stack[m->depth - 1] : 0;
	switch (op) {
	case OP_ABS:
		a = a >> 63 ? 0 - a : a;
		break;
	case OP_NEG:
		a = 0 - a;
		break;
	case OP_NOT:
		a = ~a;
		break;
	case OP_PLUS_UCONST:
		a += cur_uleb(&m->at);
		break;
	default:
		return false;
	}
	pop(m);
	push(m, a);
	return true;
}

/* Operations that push what follows them. */
static bool constant(struct machine *m, uint8_t op)
{
	struct cursor *c = &m->at;
	switch (op) {
	case OP_ADDR:
		push(m, cur_u64(c) + m->step->bias);
		return true;
	case OP_CONST1U:
		push(m, cur_u8(c));
		return true;
	case OP_CONST1S:
		push(m, (uint64_t)(int8_t)cur_u8(c));
		return true;
	case OP_CONST2U:
		push(m, cur_u16(c));
		return true;
	case OP_CONST2S:
		push(m, (uint64_t)(int16_t)cur_u16(c));
		return true;
	case OP_CONST4U:
		push(m, cur_u32(c));
		return true;
	case OP_CONST4S:
		push(m, (uint64_t)(int32_t)cur_u32(c));
		return true;
	case OP_CONST8U:
	case OP_CONST8S:
		push(m, cur_u64(c));
		return true;
	case OP_CONSTU:
		push(m, cur_uleb(c));
		return true;
	case OP_CONSTS:
		push(m, (uint64_t)cur_sleb(c));
		return true;
	default:
		return false;
	}
}

/* Exchanges the upper words: 2 swaps, 3 moves the top below the two others. */
static void rotate(struct machine *m, unsigned n)
{
	if (m->depth < n) {
		m->failed = -EBADMSG;
		return;
	}
	uint64_t *top = &m->stack[m->depth - 1], value = *top;
	for (unsigned i = 1; i < n; i++)
		top[1 - (int)i] = top[-(int)i];
	top[1 - (int)n] = value;
}

/* Operations that move words about the stack, read memory or jump. */
static bool shuffle(struct machine *m, uint8_t op)
{
	int16_t distance;
	switch (op) {
	case OP_DUP:
		pick(m, 0);
		return true;
	case OP_DROP:
		pop(m);
		return true;
	case OP_OVER:
		pick(m, 1);
		return true;
	case OP_PICK:
		pick(m, cur_u8(&m->at));
		return true;
	case OP_SWAP:
		rotate(m, 2);
		return true;
	case OP_ROT:
		rotate(m, 3);
		return true;
	case OP_DEREF:
		deref(m, 8);
		return true;
	case OP_DEREF_SIZE:
		deref(m, cur_u8(&m->at));
		return true;
	case OP_SKIP:
	case OP_BRA:
		distance = (int16_t)cur_u16(&m->at);
		if (op == OP_SKIP || pop(m))
			jump(m, distance);
		return true;
	case OP_NOP:
		return true;
	default:
		return false;
	}
}

static void operation(struct machine *m)
{
	uint8_t op = cur_u8(&m->at);
	if (op >= OP_LIT0 && op <= OP_LIT31) {
		push(m, op - OP_LIT0);
	} else if (op >= OP_BREG0 && op <= OP_BREG31) {
		push_register(m, op - OP_BREG0, cur_sleb(&m->at));
	} else if (op >= OP_REG0 && op <= OP_REG31) {
		/* a location elsewhere; of a rule the value is meant, as with breg and 0 */
		push_register(m, op - OP_REG0, 0);
	} else if (op == OP_REGX) {
		push_register(m, cur_uleb(&m->at), 0);
	} else if (op == OP_BREGX) {
		uint64_t reg = cur_uleb(&m->at);
		push_register(m, reg, cur_sleb(&m->at));
	} else if (!constant(m, op) && !shuffle(m, op) && !unary(m, op)) {
		binary(m, op);
	}
	if (m->at.bad)
		m->failed = -EBADMSG;
}

int turf_unwind_expression(const struct turf_step *step, const struct turf_regs *regs,
                           const uint8_t *expr, size_t size, const uint64_t *pushed,
                           uint64_t *ret)
{
	struct machine m;
	m.step = step;
	m.regs = regs;
	m.at = cur_of((struct span){ expr, size }, false);
	m.failed = 0;
	m.depth = 0; /* the stack above stays unread, so nobody has to clear it */
	if (pushed)
		push(&m, *pushed);
	for (unsigned i = 0; cur_left(&m.at); i++) {
		if (i == MAX_STEPS)
			return -EBADMSG;
		operation(&m);
		if (m.failed)
			return m.failed;
	}
	uint64_t value = pop(&m);
	if (!m.failed)
		*ret = value;
	return m.failed;
}
