/* SPDX-License-Identifier: MIT */
/*
 * Expressions -> operations, and both as text.
 *
 * Source: DWARF 5 sections 2.5, 7.7.1; docs/format.md, "Locations", for what differs
 */
#include <inttypes.h>
#include <stdarg.h>

#include "image/bodies.h"
#include "image/expr.h"

/* Operands of each operation, by letters: 1 2 4 8 bytes, with a sign in i j k l; u uleb, s
 * sleb, b a uleb length and as many bytes, c a byte's length and as many, d a distance, r a
 * reference: a uleb, and where that is URF_REFERENCE_EXPR as b. */
static const struct {
	uint8_t op;
	const char *operands, *name;
} known[] = {
	{ OP_ADDR, "8", "addr" },
	{ OP_DEREF, "", "deref" },
	{ OP_CONST1U, "1", "const1u" },
	{ OP_CONST1S, "i", "const1s" },
	{ OP_CONST2U, "2", "const2u" },
	{ OP_CONST2S, "j", "const2s" },
	{ OP_CONST4U, "4", "const4u" },
	{ OP_CONST4S, "k", "const4s" },
	{ OP_CONST8U, "8", "const8u" },
	{ OP_CONST8S, "l", "const8s" },
	{ OP_CONSTU, "u", "constu" },
	{ OP_CONSTS, "s", "consts" },
	{ OP_DUP, "", "dup" },
	{ OP_DROP, "", "drop" },
	{ OP_OVER, "", "over" },
	{ OP_PICK, "1", "pick" },
	{ OP_SWAP, "", "swap" },
	{ OP_ROT, "", "rot" },
	{ 0x18, "", "xderef" },
	{ OP_ABS, "", "abs" },
	{ OP_AND, "", "and" },
	{ OP_DIV, "", "div" },
	{ OP_MINUS, "", "minus" },
	{ OP_MOD, "", "mod" },
	{ OP_MUL, "", "mul" },
	{ OP_NEG, "", "neg" },
	{ OP_NOT, "", "not" },
	{ OP_OR, "", "or" },
	{ OP_PLUS, "", "plus" },
	{ OP_PLUS_UCONST, "u", "plus_uconst" },
	{ OP_SHL, "", "shl" },
	{ OP_SHR, "", "shr" },
	{ OP_SHRA, "", "shra" },
	{ OP_XOR, "", "xor" },
	{ OP_BRA, "d", "bra" },
	{ OP_EQ, "", "eq" },
	{ OP_GE, "", "ge" },
	{ OP_GT, "", "gt" },
	{ OP_LE, "", "le" },
	{ OP_LT, "", "lt" },
	{ OP_NE, "", "ne" },
	{ OP_SKIP, "d", "skip" },
	{ OP_LIT0, "", "lit" },
	{ OP_REG0, "", "reg" },
	{ OP_BREG0, "s", "breg" },
	{ OP_REGX, "u", "regx" },
	{ OP_FBREG, "s", "fbreg" },
	{ OP_BREGX, "us", "bregx" },
	{ OP_PIECE, "u", "piece" },
	{ OP_DEREF_SIZE, "1", "deref_size" },
	{ OP_XDEREF_SIZE, "1", "xderef_size" },
	{ OP_NOP, "", "nop" },
	{ OP_PUSH_OBJECT_ADDRESS, "", "push_object_address" },
	{ OP_CALL_REF, "u", "call_ref" },
	{ OP_FORM_TLS_ADDRESS, "", "form_tls_address" },
	{ OP_CALL_FRAME_CFA, "", "call_frame_cfa" },
	{ OP_BIT_PIECE, "uu", "bit_piece" },
	{ OP_IMPLICIT_VALUE, "b", "implicit_value" },
	{ OP_STACK_VALUE, "", "stack_value" },
	{ OP_IMPLICIT_POINTER, "rs", "implicit_pointer" },
	{ OP_ENTRY_VALUE, "b", "entry_value" },
	{ OP_CONST_TYPE, "uc", "const_type" },
	{ OP_REGVAL_TYPE, "uu", "regval_type" },
	{ OP_DEREF_TYPE, "1u", "deref_type" },
	{ OP_XDEREF_TYPE, "1u", "xderef_type" },
	{ OP_CONVERT, "u", "convert" },
	{ OP_REINTERPRET, "u", "reinterpret" },
	{ OP_PARAMETER_REF, "u", "GNU_parameter_ref" },
	{ OP_VARIABLE_VALUE, "u", "GNU_variable_value" },
};

/* Of lit0..31, reg0..31, breg0..31 the first. */
static uint8_t family(uint8_t op)
{
	unsigned within = (op - (unsigned)OP_LIT0) % 32;
	return op >= OP_LIT0 && op <= OP_BREG31 ? (uint8_t)(op - within) : op;
}

static int find(uint8_t op)
{
	op = family(op);
	size_t lo = bisect(mid, COUNT(known), known[mid].op < op);
	return lo < COUNT(known) && known[lo].op == op ? (int)lo : -1;
}

const char *turf_expr_name(uint8_t op)
{
	int i = find(op);
	return i < 0 ? "?" : known[i].name;
}

static uint64_t operand(struct cursor *c, char kind, struct span *block)
{
	switch (kind) {
	case '1':
		return cur_u8(c);
	case '2':
		return cur_u16(c);
	case '4':
		return cur_u32(c);
	case '8':
	case 'l':
		return cur_u64(c);
	case 'i':
		return (uint64_t)(int8_t)cur_u8(c);
	case 'j':
	case 'd':
		return (uint64_t)(int16_t)cur_u16(c);
	case 'k':
		return (uint64_t)(int32_t)cur_u32(c);
	case 's':
		return (uint64_t)cur_sleb(c);
	case 'u':
		return cur_uleb(c);
	case 'r': {
		uint64_t what = cur_uleb(c);
		if (what == URF_REFERENCE_EXPR)
			(void)operand(c, 'b', block);
		return what;
	}
	default: {
		uint64_t size = kind == 'c' ? cur_u8(c) : cur_uleb(c);
		block->at = cur_take(c, size);
		block->size = c->bad ? 0 : (size_t)size;
		return size;
	}
	}
}

int turf_expr_next(struct cursor *c, struct expr_op *ret)
{
	if (!cur_left(c))
		return c->bad ? -EBADMSG : 0;
	*ret = (struct expr_op){ .op = cur_u8(c) };
	int i = find(ret->op);
	if (i < 0)
		return -EBADMSG;
	const char *operands = known[i].operands;
	if (operands[0])
		ret->a = operand(c, operands[0], &ret->block);
	if (operands[0] && operands[1])
		ret->b = operand(c, operands[1], &ret->block);
	return c->bad ? -EBADMSG : 1;
}

/* Text that may not fit. */
struct text {
	char *at;
	size_t size, n;
};

static void put(struct text *t, const char *fmt, ...) TURF_PRINTF(2, 3);
static void put(struct text *t, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	size_t room = t->n < t->size ? t->size - t->n : 0;
	int n = vsnprintf(room ? t->at + t->n : NULL, room, fmt, args);
	va_end(args);
	t->n += n > 0 ? (size_t)n : 0;
}

static void put_block(struct text *t, struct span block)
{
	for (size_t i = 0; i < block.size; i++)
		put(t, " 0x%02x", block.at[i]);
}

static int put_ops(struct text *t, struct span expr, unsigned nested)
{
	enum { NESTED_MOST = 8 };
	struct cursor c = cur_of(expr, false);
	struct expr_op op;
	int r = nested > NESTED_MOST ? -EBADMSG : 1;
	for (bool first = true; r == 1 && (r = turf_expr_next(&c, &op)) == 1; first = false) {
		const char *operands = known[find(op.op)].operands;
		put(t, "%s%s", first ? "" : ", ", turf_expr_name(op.op));
		if (family(op.op) != op.op || op.op == OP_LIT0 || op.op == OP_REG0 ||
		    op.op == OP_BREG0)
			put(t, "%u", op.op - family(op.op));
		if (expr_is_nested(&op)) {
			put(t, "(");
			r = put_ops(t, op.block, nested + 1) < 0 ? -EBADMSG : 1;
			put(t, ")");
			if (op.op == OP_IMPLICIT_POINTER)
				put(t, " %+" PRId64, (int64_t)op.b);
			continue;
		}
		for (unsigned i = 0; i < 2 && operands[i]; i++) {
			uint64_t v = i ? op.b : op.a;
			if (operands[i] == 'b' || operands[i] == 'c')
				put_block(t, op.block);
			else if (strchr("ijklsd", operands[i]))
				put(t, " %+" PRId64, (int64_t)v);
			else
				put(t, " 0x%" PRIx64, v);
		}
	}
	return r;
}

ssize_t turf_location_ops(const uint8_t *expr, size_t expr_size, char *out, size_t size)
{
	struct text t = { out, size, 0 };
	if (size)
		out[0] = 0;
	if (put_ops(&t, (struct span){ expr, expr_size }, 0) < 0)
		return -EBADMSG;
	return (ssize_t)t.n;
}

static const char *const x86_64[] = { "rax",   "rdx",   "rcx",  "rbx",   "rsi",   "rdi",
	                              "rbp",   "rsp",   "r8",   "r9",    "r10",   "r11",
	                              "r12",   "r13",   "r14",  "r15",   "rip",   "xmm0",
	                              "xmm1",  "xmm2",  "xmm3", "xmm4",  "xmm5",  "xmm6",
	                              "xmm7",  "xmm8",  "xmm9", "xmm10", "xmm11", "xmm12",
	                              "xmm13", "xmm14", "xmm15" };

const char *turf_register_name(uint16_t machine, uint32_t reg, char room[16])
{
	enum { EM_X86_64_ = 62, EM_AARCH64_ = 183, AARCH64_SP = 31, AARCH64_V0 = 64 };
	if (machine == EM_X86_64_ && reg < COUNT(x86_64))
		return x86_64[reg];
	if (machine == EM_AARCH64_ && reg < AARCH64_SP)
		snprintf(room, 16, "x%u", reg);
	else if (machine == EM_AARCH64_ && reg == AARCH64_SP)
		snprintf(room, 16, "sp");
	else if (machine == EM_AARCH64_ && reg >= AARCH64_V0 && reg < AARCH64_V0 + 32)
		snprintf(room, 16, "v%u", reg - AARCH64_V0);
	else
		snprintf(room, 16, "register %u", reg);
	return room;
}

static void put_offset(struct text *t, const char *what, int64_t offset)
{
	if (offset)
		put(t, "%s%+" PRId64, what, offset);
	else
		put(t, "%s", what);
}

/* One operation that stands alone, or before stack_value: true, it is said. */
static bool put_simple(struct text *t, uint16_t machine, const struct expr_op *op, bool value)
{
	char room[16];
	const char *in = value ? "" : "at ";
	uint8_t base = family(op->op);
	if (base == OP_REG0 || op->op == OP_REGX) {
		uint32_t reg = op->op == OP_REGX ? (uint32_t)op->a : op->op - (uint32_t)OP_REG0;
		put(t, "%s%s", value ? "" : "in ", turf_register_name(machine, reg, room));
	} else if (base == OP_BREG0 || op->op == OP_BREGX) {
		bool x = op->op == OP_BREGX;
		uint32_t reg = x ? (uint32_t)op->a : op->op - (uint32_t)OP_BREG0;
		put(t, "%s", in);
		put_offset(t, turf_register_name(machine, reg, room),
		           (int64_t)(x ? op->b : op->a));
	} else if (op->op == OP_FBREG) {
		put(t, "%s", in);
		put_offset(t, "frame base", (int64_t)op->a);
	} else if (op->op == OP_CALL_FRAME_CFA) {
		put(t, "%sCFA", in);
	} else if (op->op == OP_ADDR) {
		put(t, "%s0x%" PRIx64, in, op->a);
	} else if (value && base == OP_LIT0) {
		put(t, "constant %u", op->op - OP_LIT0);
	} else if (value && op->op >= OP_CONST1U && op->op <= OP_CONSTS) {
		bool is_signed = op->op & 1; /* all with a sign have odd numbers */
		if (is_signed)
			put(t, "constant %" PRId64, (int64_t)op->a);
		else
			put(t, "constant %" PRIu64, op->a);
	} else if (op->op == OP_PARAMETER_REF && op->a) {
		put(t, "argument %" PRIu64 "%s", op->a, value ? " at entry" : "");
	} else if (value && op->op == OP_ENTRY_VALUE) {
		struct cursor c = cur_of(op->block, false);
		struct expr_op inner;
		size_t before = t->n;
		put(t, "value of ");
		if (turf_expr_next(&c, &inner) == 1 && !cur_left(&c) &&
		    put_simple(t, machine, &inner, true)) {
			put(t, " at entry");
			return true;
		}
		t->n = before;
		return false;
	} else {
		return false;
	}
	return true;
}

static bool put_place(struct text *t, uint16_t machine, struct span expr);

/* What an implicit pointer points to, which has no address. */
static bool put_pointer(struct text *t, uint16_t machine, const struct expr_op *op)
{
	put(t, "points ");
	if (op->b)
		put(t, "%" PRId64 " bytes in", (int64_t)op->b);
	put(t, "to ");
	if (op->a == URF_REFERENCE_EXPR) /* one in another has no words */
		return op->block.size && op->block.at[0] != OP_IMPLICIT_POINTER &&
		       put_place(t, machine, op->block);
	uint64_t number = op->a - URF_REFERENCE_FIRST;
	unsigned around = (unsigned)(number & URF_REFERENCE_AROUND);
	if (op->a < URF_REFERENCE_FIRST)
		put(t, "what was optimized out");
	else
		put(t, "variable %" PRIu64, (number >> URF_REFERENCE_BITS) + 1);
	if (op->a >= URF_REFERENCE_FIRST && around)
		put(t, " of the function %u around", around);
	return true;
}

/* A place without pieces: true, it is said. */
static bool put_place(struct text *t, uint16_t machine, struct span expr)
{
	struct cursor c = cur_of(expr, false);
	struct expr_op op, next;
	int r = turf_expr_next(&c, &op);
	if (r == 1 && op.op == OP_IMPLICIT_VALUE && !cur_left(&c)) {
		put(t, "constant");
		put_block(t, op.block);
		return true;
	}
	if (r == 1 && op.op == OP_IMPLICIT_POINTER && !cur_left(&c))
		return put_pointer(t, machine, &op);
	if (r != 1)
		return false;
	if (!cur_left(&c))
		return put_simple(t, machine, &op, false);
	r = turf_expr_next(&c, &next);
	return r == 1 && next.op == OP_STACK_VALUE && !cur_left(&c) &&
	       put_simple(t, machine, &op, true);
}

ssize_t turf_location_words(uint16_t machine, const uint8_t *expr, size_t expr_size, char *out,
                            size_t size)
{
	struct text t = { out, size, 0 };
	struct span all = { expr, expr_size };
	if (size)
		out[0] = 0;
	if (!expr_size) {
		put(&t, "optimized out");
		return (ssize_t)t.n;
	}
	struct cursor c = cur_of(all, false);
	struct expr_op op;
	size_t begin = 0, n = 0;
	bool pieces = false, said = true;
	int r;
	for (size_t at = 0; said && (r = turf_expr_next(&c, &op)) == 1; at = cur_off(&c)) {
		if (op.op != OP_PIECE)
			continue;
		put(&t, "%s%" PRIu64 " bytes ", n++ ? ", " : "", op.a);
		pieces = true;
		if (at == begin)
			put(&t, "optimized out");
		else
			said = put_place(&t, machine, span_part(all, begin, at - begin));
		begin = cur_off(&c);
	}
	if (pieces && begin != expr_size)
		said = false; /* something is behind the last piece */
	if (said && !pieces)
		said = put_place(&t, machine, all);
	if (said)
		return (ssize_t)t.n;
	t.n = 0;
	put(&t, "by ");
	return put_ops(&t, all, 0) < 0 ? -EBADMSG : (ssize_t)t.n;
}
