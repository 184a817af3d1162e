/* SPDX-License-Identifier: MIT */
/*
 * Expressions, evaluated: a small stack machine over registers and memory. Those of locations
 * say places, those of unwind rules give a word; DWARF 5 section 6.4.2 leaves out for the
 * latter what they cannot know.
 *
 * Cost:   at most STEPS_MOST operations, a stack of STACK_SIZE words, no allocation
 * Trust:  none: bytes come from the urf, registers and memory from the process
 * Source: DWARF 5 sections 2.5, 2.6. Words have 64 bits; those of a type of fewer are kept
 *         extended by its sign.
 */
#include "image/bodies.h"
#include "image/expr.h"
#include "turf/types.h"

enum { STACK_SIZE = 64, STEPS_MOST = 1024 };

struct word {
	uint64_t v;
	uint32_t type; /* 0: that of addresses */
};

struct machine {
	const struct turf_image *image; /* NULL: of a rule, which has no types and no places */
	const struct turf_context *context;
	struct cursor at;
	const uint8_t *begin; /* of the operation */
	unsigned depth, steps;
	struct word stack[STACK_SIZE];
	/* what the operations since the last piece say */
	struct turf_piece piece;
	bool said;
};

static int push_typed(struct machine *m, uint64_t v, uint32_t type)
{
	if (m->depth == STACK_SIZE)
		return -EBADMSG;
	m->stack[m->depth++] = (struct word){ v, type };
	return 0;
}

static int push(struct machine *m, uint64_t v)
{
	return push_typed(m, v, 0);
}

static int unknown_register(int r)
{
	return r < 0 ? -ENODATA : 0;
}

static int push_register(struct machine *m, uint64_t reg, uint64_t offset)
{
	uint64_t v;
	if (reg > UINT32_MAX)
		return -EBADMSG;
	int r = m->context->reg(m->context->ctx, (uint32_t)reg, &v);
	return r < 0 ? unknown_register(r) : push(m, v + offset);
}

/* Integers of a type: 0, -ENOTSUP it is none of those. */
static int integer_type(const struct machine *m, uint32_t type, unsigned *bits, bool *is_signed)
{
	enum {
		ATE_BOOLEAN = 2,
		ATE_SIGNED = 5,
		ATE_SIGNED_CHAR = 6,
		ATE_UNSIGNED = 7,
		ATE_UNSIGNED_CHAR = 8,
		ATE_UTF = 0x10
	};
	struct turf_type t;
	*bits = 64;
	*is_signed = false;
	if (!type)
		return 0;
	int r = turf_image_type(m->image, type, &t);
	if (r != 1)
		return r == -EBADMSG ? r : -ENOTSUP;
	if (t.kind != TURF_TYPE_BASE || !t.has_size || !t.size || t.size > 8)
		return -ENOTSUP;
	*bits = (unsigned)t.size * 8;
	*is_signed = t.encoding == ATE_SIGNED || t.encoding == ATE_SIGNED_CHAR;
	return *is_signed || t.encoding == ATE_BOOLEAN || t.encoding == ATE_UNSIGNED ||
	                       t.encoding == ATE_UNSIGNED_CHAR || t.encoding == ATE_UTF
	               ? 0
	               : -ENOTSUP;
}

static uint64_t cut(uint64_t v, unsigned bits, bool is_signed)
{
	if (bits >= 64)
		return v;
	v &= ((uint64_t)1 << bits) - 1;
	uint64_t sign = (uint64_t)1 << (bits - 1);
	return is_signed ? (v ^ sign) - sign : v;
}

/* The value in @type's width. */
static int push_as(struct machine *m, uint64_t v, uint32_t type)
{
	unsigned bits;
	bool is_signed;
	int r = integer_type(m, type, &bits, &is_signed);
	return r < 0 ? r : push_typed(m, cut(v, bits, is_signed), type);
}

static int load(struct machine *m, uint64_t addr, uint64_t size, uint64_t *v)
{
	uint64_t word = 0; /* little-endian: the low bytes come first */
	if (!size || size > sizeof(word))
		return -EBADMSG;
	if (m->context->memory(m->context->ctx, addr, &word, (size_t)size) < 0)
		return -EFAULT;
	*v = le64toh(word);
	return 0;
}

static int deref(struct machine *m, uint64_t size, uint32_t type)
{
	uint64_t v;
	if (!m->depth)
		return -EBADMSG;
	int r = load(m, m->stack[--m->depth].v, size, &v);
	return r < 0 ? r : push_as(m, v, type);
}

static uint64_t shift_right_signed(uint64_t v, uint64_t by)
{
	uint64_t sign = v >> 63 ? UINT64_MAX : 0;
	if (by > 63)
		return sign;
	return by ? v >> by | sign << (64 - by) : v;
}

/* Signed division unless the type says otherwise; the quotient that does not fit wraps. */
static int divide(uint64_t a, uint64_t b, bool is_unsigned, uint64_t *ret)
{
	if (!b)
		return -EBADMSG;
	if (is_unsigned)
		*ret = a / b;
	else
		*ret = b == UINT64_MAX ? 0 - a : (uint64_t)((int64_t)a / (int64_t)b);
	return 0;
}

static bool compare(uint8_t op, struct word a, struct word b, bool is_unsigned)
{
	bool less = is_unsigned ? a.v < b.v : (int64_t)a.v < (int64_t)b.v;
	bool same = a.v == b.v;
	switch (op) {
	case OP_EQ:
		return same;
	case OP_NE:
		return !same;
	case OP_LT:
		return less;
	case OP_LE:
		return less || same;
	case OP_GT:
		return !less && !same;
	default:
		return !less;
	}
}

static int binary(struct machine *m, uint8_t op)
{
	if (m->depth < 2)
		return -EBADMSG;
	struct word b = m->stack[--m->depth], a = m->stack[--m->depth];
	unsigned bits;
	bool is_signed;
	uint64_t v = 0;
	int r = integer_type(m, a.type, &bits, &is_signed);
	bool is_unsigned = a.type && !is_signed;
	if (r < 0)
		return r;
	switch (op) {
	case OP_AND:
		v = a.v & b.v;
		break;
	case OP_DIV:
		r = divide(a.v, b.v, is_unsigned, &v);
		break;
	case OP_MINUS:
		v = a.v - b.v;
		break;
	case OP_MOD: /* of addresses without a sign */
		r = b.v ? 0 : -EBADMSG;
		if (r == 0 && is_signed)
			v = b.v == UINT64_MAX ? 0 : (uint64_t)((int64_t)a.v % (int64_t)b.v);
		else if (r == 0)
			v = a.v % b.v;
		break;
	case OP_MUL:
		v = a.v * b.v;
		break;
	case OP_OR:
		v = a.v | b.v;
		break;
	case OP_PLUS:
		v = a.v + b.v;
		break;
	case OP_SHL:
		v = b.v > 63 ? 0 : a.v << b.v;
		break;
	case OP_SHR:
		v = b.v > 63 ? 0 : cut(a.v, bits, false) >> b.v;
		break;
	case OP_SHRA:
		v = shift_right_signed(cut(a.v, bits, true), b.v);
		break;
	case OP_XOR:
		v = a.v ^ b.v;
		break;
	case OP_EQ:
	case OP_GE:
	case OP_GT:
	case OP_LE:
	case OP_LT:
	case OP_NE:
		return push(m, compare(op, a, b, is_unsigned));
	default:
		return -EBADMSG;
	}
	return r < 0 ? r : push_typed(m, cut(v, bits, is_signed), a.type);
}

static int unary(struct machine *m, const struct expr_op *op)
{
	if (!m->depth)
		return -EBADMSG;
	struct word a = m->stack[--m->depth];
	switch (op->op) {
	case OP_ABS:
		a.v = a.v >> 63 ? 0 - a.v : a.v;
		break;
	case OP_NEG:
		a.v = 0 - a.v;
		break;
	case OP_NOT:
		a.v = ~a.v;
		break;
	default: /* OP_PLUS_UCONST */
		a.v += op->a;
		break;
	}
	return push_as(m, a.v, a.type);
}

static int jump(struct machine *m, int64_t distance)
{
	int64_t to = (int64_t)cur_off(&m->at) + distance;
	if (to < 0)
		return -EBADMSG;
	cur_seek(&m->at, (uint64_t)to);
	return m->at.bad ? -EBADMSG : 0;
}

static int shuffle(struct machine *m, const struct expr_op *op)
{
	static const uint8_t picks[] = { [OP_DUP] = 0, [OP_OVER] = 1 };
	unsigned depth = m->depth;
	struct word *top = m->stack + depth;
	if (op->op == OP_PICK || op->op == OP_DUP || op->op == OP_OVER) {
		uint64_t below = op->op == OP_PICK ? op->a : picks[op->op];
		if (below >= depth)
			return -EBADMSG;
		struct word w = top[-1 - (int)below];
		return push_typed(m, w.v, w.type);
	}
	unsigned n = op->op == OP_ROT ? 3 : op->op == OP_SWAP ? 2 : 1;
	if (depth < n)
		return -EBADMSG;
	if (op->op == OP_DROP) {
		m->depth--;
		return 0;
	}
	struct word last = top[-1];
	for (int i = 1; i < (int)n; i++)
		top[-i] = top[-i - 1];
	top[-(int)n] = last;
	return 0;
}

static int say(struct machine *m, struct turf_piece piece)
{
	if (m->said || m->depth)
		return -EBADMSG; /* a place is said once, and not with a word */
	m->piece = piece;
	m->said = true;
	return 0;
}

static int frame_base(struct machine *m, uint64_t offset)
{
	const struct turf_context *c = m->context;
	uint64_t base;
	int r = c->frame_base ? c->frame_base(c->ctx, &base) : c->cfa(c->ctx, &base);
	return r < 0 ? -ENODATA : push(m, base + offset);
}

static int thread_address(struct machine *m)
{
	const struct turf_context *c = m->context;
	uint64_t addr;
	if (!m->depth)
		return -EBADMSG;
	if (!c->thread || c->thread(c->ctx, m->stack[--m->depth].v, &addr) < 0)
		return -ENOTSUP;
	return push(m, addr);
}

static int entry_value(struct machine *m, struct span expr)
{
	const struct turf_context *c = m->context;
	uint64_t v;
	if (!c->entry || c->entry(c->ctx, expr.at, expr.size, &v) < 0)
		return -ENOENT;
	return push(m, v);
}

static uint32_t reference_variable(uint64_t reference)
{
	uint64_t number = (reference - URF_REFERENCE_FIRST) >> URF_REFERENCE_BITS;
	return (uint32_t)MIN(number, (uint64_t)TURF_VARIABLE_NONE);
}

static uint32_t reference_around(uint64_t reference)
{
	return (uint32_t)(reference - URF_REFERENCE_FIRST) & URF_REFERENCE_AROUND;
}

/* An argument that the caller was spared: its call site says what it was. */
static int parameter(struct machine *m)
{
	struct span self = { m->begin, (size_t)(m->at.at - m->begin) };
	return entry_value(m, self);
}

static int variable_value(struct machine *m, uint64_t reference)
{
	const struct turf_context *c = m->context;
	uint64_t v;
	if (reference < URF_REFERENCE_FIRST || !c->variable ||
	    c->variable(c->ctx, reference_around(reference), reference_variable(reference),
	                &v) < 0)
		return -ENOTSUP;
	return push(m, v);
}

static int typed(struct machine *m, const struct expr_op *op)
{
	uint64_t v = 0;
	int r;
	if (!m->image)
		return -EBADMSG;
	switch (op->op) {
	case OP_CONST_TYPE:
		if (op->block.size > sizeof(v))
			return -ENOTSUP;
		memcpy(&v, op->block.at, op->block.size);
		return push_as(m, le64toh(v), (uint32_t)op->a);
	case OP_REGVAL_TYPE:
		r = push_register(m, op->a, 0);
		return r < 0 ? r : push_as(m, m->stack[--m->depth].v, (uint32_t)op->b);
	case OP_DEREF_TYPE:
		return deref(m, op->a, (uint32_t)op->b);
	default: /* OP_CONVERT, OP_REINTERPRET: of integers they do the same */
		if (!m->depth)
			return -EBADMSG;
		unsigned bits;
		bool is_signed;
		struct word w = m->stack[--m->depth];
		r = integer_type(m, w.type, &bits, &is_signed);
		return r < 0 ? r : push_as(m, w.v, (uint32_t)op->a);
	}
}

static struct turf_piece pointer_of(const struct expr_op *op)
{
	bool is_variable = op->a >= URF_REFERENCE_FIRST;
	return (struct turf_piece){
		.kind = TURF_PIECE_POINTER,
		.value = op->b,
		.bytes = op->block.at,
		.n_bytes = op->block.size,
		.variable = is_variable ? reference_variable(op->a) : TURF_VARIABLE_NONE,
		.around = is_variable ? reference_around(op->a) : 0,
	};
}

int turf_location_pointer(const uint8_t *expr, size_t expr_size, struct turf_piece *out)
{
	struct cursor c = cur_of((struct span){ expr, expr_size }, false);
	struct expr_op op;
	if (turf_expr_next(&c, &op) != 1 || op.op != OP_IMPLICIT_POINTER || cur_left(&c))
		return 0;
	*out = pointer_of(&op);
	return 1;
}

/* Operations that say a place, or what a variable is. */
static int place(struct machine *m, const struct expr_op *op)
{
	struct turf_piece p = { .kind = TURF_PIECE_REGISTER };
	if (op->op == OP_STACK_VALUE) {
		if (!m->depth)
			return -EBADMSG;
		p.kind = TURF_PIECE_VALUE;
		p.value = m->stack[m->depth - 1].v;
		m->depth = 0;
	} else if (op->op == OP_IMPLICIT_POINTER) {
		p = pointer_of(op);
	} else if (op->op == OP_IMPLICIT_VALUE) {
		p.kind = TURF_PIECE_BYTES;
		p.bytes = op->block.at;
		p.n_bytes = op->block.size;
	} else {
		p.value = op->op == OP_REGX ? op->a : (uint64_t)op->op - OP_REG0;
		if (!m->image) /* of a rule the value is meant, as with breg and 0 */
			return push_register(m, p.value, 0);
	}
	return say(m, p);
}

static int operation(struct machine *m, const struct expr_op *op)
{
	uint8_t o = op->op;
	if (m->said) /* behind a place comes a piece, or nothing */
		return -EBADMSG;
	if (o >= OP_LIT0 && o <= OP_LIT31)
		return push(m, (uint64_t)o - OP_LIT0);
	if ((o >= OP_REG0 && o <= OP_REG31) || o == OP_REGX || o == OP_STACK_VALUE ||
	    o == OP_IMPLICIT_VALUE || o == OP_IMPLICIT_POINTER)
		return place(m, op);
	if (o >= OP_BREG0 && o <= OP_BREG31)
		return push_register(m, (uint64_t)o - OP_BREG0, op->a);
	if (o >= OP_CONST1U && o <= OP_CONSTS)
		return push(m, op->a);
	if ((o >= OP_DUP && o <= OP_ROT))
		return shuffle(m, op);
	switch (o) {
	case OP_ADDR:
		return push(m, op->a + m->context->bias);
	case OP_BREGX:
		return push_register(m, op->a, op->b);
	case OP_FBREG:
		return frame_base(m, op->a);
	case OP_CALL_FRAME_CFA: {
		uint64_t v;
		return m->context->cfa(m->context->ctx, &v) < 0 ? -ENODATA : push(m, v);
	}
	case OP_DEREF:
		return deref(m, sizeof(uint64_t), 0);
	case OP_DEREF_SIZE:
		return deref(m, op->a, 0);
	case OP_ABS:
	case OP_NEG:
	case OP_NOT:
	case OP_PLUS_UCONST:
		return unary(m, op);
	case OP_SKIP:
		return jump(m, (int64_t)op->a);
	case OP_BRA:
		if (!m->depth)
			return -EBADMSG;
		return m->stack[--m->depth].v ? jump(m, (int64_t)op->a) : 0;
	case OP_NOP:
		return 0;
	case OP_FORM_TLS_ADDRESS:
		return thread_address(m);
	case OP_ENTRY_VALUE:
		return entry_value(m, op->block);
	case OP_CONST_TYPE:
	case OP_REGVAL_TYPE:
	case OP_DEREF_TYPE:
	case OP_CONVERT:
	case OP_REINTERPRET:
		return typed(m, op);
	case OP_PARAMETER_REF:
		return parameter(m);
	case OP_VARIABLE_VALUE:
		return variable_value(m, op->a);
	case OP_PUSH_OBJECT_ADDRESS:
	case OP_CALL_REF:
	case OP_XDEREF_SIZE:
	case OP_XDEREF_TYPE:
		return -ENOTSUP;
	default:
		return binary(m, o);
	}
}

/* What was said since the last piece, or a word that is an address. */
static struct turf_piece take_piece(struct machine *m)
{
	struct turf_piece p = { .kind = TURF_PIECE_NOWHERE };
	if (m->said)
		p = m->piece;
	else if (m->depth)
		p = (struct turf_piece){ .kind = TURF_PIECE_MEMORY,
			                 .value = m->stack[m->depth - 1].v };
	m->said = false;
	m->depth = 0;
	return p;
}

static void begin(struct machine *m, const struct turf_image *image, struct span expr,
                  const struct turf_context *context)
{
	m->image = image;
	m->context = context;
	m->at = cur_of(expr, false);
	m->depth = m->steps = 0; /* the stack above stays unread */
	m->said = false;
}

/* Up to the next piece, which is in @op: 1, 0 the end, < 0. */
static int run(struct machine *m, struct expr_op *op)
{
	int r;
	while (m->begin = m->at.at, (r = turf_expr_next(&m->at, op)) == 1) {
		if (m->steps++ == STEPS_MOST)
			return -EBADMSG;
		if (op->op == OP_PIECE || op->op == OP_BIT_PIECE)
			return 1;
		r = operation(m, op);
		if (r < 0)
			return r;
	}
	return r;
}

int turf_expr_value(const struct turf_context *context, struct span expr,
                    const uint64_t *pushed, uint64_t *ret)
{
	struct machine m;
	struct expr_op op;
	begin(&m, NULL, expr, context);
	if (pushed)
		push(&m, *pushed);
	int r = run(&m, &op);
	if (r || m.said || !m.depth)
		return r < 0 ? r : -EBADMSG;
	*ret = m.stack[m.depth - 1].v;
	return 0;
}

int turf_location_evaluate(const struct turf_image *image, const uint8_t *expr,
                           size_t expr_size, const struct turf_context *context,
                           struct turf_piece *pieces, size_t n)
{
	struct machine m;
	struct expr_op op;
	size_t done = 0;
	int r;
	begin(&m, image, (struct span){ expr, expr_size }, context);
	while ((r = run(&m, &op)) == 1) {
		if (done == n)
			return -E2BIG;
		pieces[done] = take_piece(&m);
		pieces[done].bits = op.op == OP_PIECE ? op.a * 8 : op.a;
		pieces[done++].bit_offset = op.op == OP_PIECE ? 0 : op.b;
	}
	if (r < 0)
		return r;
	if (done && (m.said || m.depth)) /* something behind the last piece */
		return -EBADMSG;
	if (done)
		return (int)done;
	if (!n)
		return -E2BIG;
	pieces[0] = take_piece(&m);
	return 1;
}
