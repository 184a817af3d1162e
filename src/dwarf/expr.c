/* SPDX-License-Identifier: MIT */
/* DWARF expressions, made independent of where they stood. See expr.h. */
#include "dwarf/expr.h"
#include "dwarf/internal.h"

enum {
	NESTED_MOST = 4, /* entry values in entry values, calls in calls */
	CALLS_MOST = 64, /* in all of an expression */
	JUMPS_MOST = 32, /* jumps of an expression; places that are jumped to are as many */
	OPS_MOST = 512,  /* operations of an expression with jumps */
};

/* What follows an operation. */
enum operands {
	NOTHING = 'N',
	FIXED_1 = '1', /* copied, in little-endian order */
	FIXED_2 = '2',
	FIXED_4 = '4',
	FIXED_8 = '8',
	LEB = 'L',       /* copied */
	LEB_LEB = 'M',   /* likewise */
	LEB_BLOCK = 'B', /* a length and as many bytes */
	JUMP = 'J',
	ADDRESS = 'A',
	INDEX = 'X',      /* of .debug_addr */
	NESTED = 'E',     /* a length and an expression */
	TYPE = 'T',       /* a DIE of the unit */
	TYPE_BLOCK = 'K', /* and a block with its length in a byte */
	REG_TYPE = 'R',   /* a register before it */
	SIZE_TYPE = 'S',  /* a byte before it */
	POINTER = 'P',    /* a DIE, a signed number */
	CALL = 'C',       /* a DIE */
	VARIABLE = 'V',   /* likewise */
	UNKNOWN = 'U',
};

/* By operation: the letters of enum operands. */
static const char operands_of[256 + 1] = "UUUAUUNU11224488" /* 0x00 */
					 "LLNNN1NNNNNNNNNN" /* 0x10 */
					 "NNNLNNNNJNNNNNNJ" /* 0x20 */
					 "NNNNNNNNNNNNNNNN" /* 0x30 */
					 "NNNNNNNNNNNNNNNN" /* 0x40 */
					 "NNNNNNNNNNNNNNNN" /* 0x50 */
					 "NNNNNNNNNNNNNNNN" /* 0x60 */
					 "LLLLLLLLLLLLLLLL" /* 0x70 */
					 "LLLLLLLLLLLLLLLL" /* 0x80 */
					 "LLML11NNCCCNNMBN" /* 0x90 */
					 "PXXEKRSSTTUUUUUU" /* 0xa0 */
					 "UUUUUUUUUUUUUUUU" /* 0xb0 */
					 "UUUUUUUUUUUUUUUU" /* 0xc0 */
					 "UUUUUUUUUUUUUUUU" /* 0xd0 */
					 "NUUUUUUUUUUUUUUU" /* 0xe0 */
					 "NUPEKRSTUTVXXVUU" /* 0xf0 */;

/* The number that an operation has in the form. */
static uint8_t standard(uint8_t op)
{
	switch (op) {
	case DW_OP_addrx:
	case DW_OP_GNU_addr_index:
		return DW_OP_addr;
	case DW_OP_constx:
	case DW_OP_GNU_const_index:
		return DW_OP_const8u;
	case DW_OP_GNU_push_tls_address:
		return DW_OP_form_tls_address;
	case DW_OP_GNU_implicit_pointer:
		return DW_OP_implicit_pointer;
	case DW_OP_GNU_entry_value:
		return DW_OP_entry_value;
	case DW_OP_GNU_const_type:
		return DW_OP_const_type;
	case DW_OP_GNU_regval_type:
		return DW_OP_regval_type;
	case DW_OP_GNU_deref_type:
		return DW_OP_deref_type;
	case DW_OP_GNU_convert:
		return DW_OP_convert;
	case DW_OP_GNU_reinterpret:
		return DW_OP_reinterpret;
	case DW_OP_GNU_uninit: /* a mark: the value may not have been set */
		return DW_OP_nop;
	default:
		return op;
	}
}

/* Places of operations before and behind: jumps count in bytes. */
struct jumps {
	uint32_t n, n_ops;
	struct {
		uint32_t target; /* offset before */
		uint32_t at;     /* of the operand, behind */
	} list[JUMPS_MOST];
	uint16_t from[OPS_MOST + 1];
	uint32_t to[OPS_MOST + 1];
};

struct copy {
	const struct dwarf *dw;
	const struct dwarf_unit *unit;
	const struct dwarf_expr_dies *dies;
	struct buf *out;
	bool *anywhere;
	unsigned nested, calls;
};

static int copy_ops(struct copy *x, struct span expr);

static int put_leb(struct copy *x, struct cursor *c)
{
	const uint8_t *begin = c->at;
	(void)cur_uleb(c);
	if (c->bad)
		return -EBADMSG;
	return turf_buf_put(x->out, begin, (size_t)(c->at - begin)) ? 0 : -ENOMEM;
}

static int put_bytes(struct copy *x, struct cursor *c, uint64_t size)
{
	const uint8_t *at = cur_take(c, size);
	if (!at)
		return -EBADMSG;
	return turf_buf_put(x->out, at, (size_t)size) ? 0 : -ENOMEM;
}

static int put_number(struct copy *x, uint64_t value, size_t size)
{
	uint64_t le = htole64(value);
	return turf_buf_put(x->out, &le, size) ? 0 : -ENOMEM;
}

static int put_fixed(struct copy *x, struct cursor *c, unsigned size)
{
	uint64_t value = cur_uint(c, size);
	return c->bad ? -EBADMSG : put_number(x, value, size);
}

static int put_type(struct copy *x, struct cursor *c)
{
	struct dwarf_value link = { VALUE_UNIT_REF, cur_uleb(c) };
	uint64_t die;
	uint32_t number = 0;
	*x->anywhere = false;
	if (c->bad)
		return -EBADMSG;
	int r = link.u == 0 ? 0 /* the type of addresses */
	        : link_of(x->dw, x->unit, &link, &die)
	                ? x->dies->type(x->dies->ctx, die, &number)
	                : -ENOTSUP;
	return r < 0 ? r : turf_buf_uleb(x->out, number) ? 0 : -ENOMEM;
}

static bool take_die(struct copy *x, enum dwarf_class class, uint64_t u, uint64_t *die)
{
	struct dwarf_value link = { class, u };
	*x->anywhere = false;
	return link_of(x->dw, x->unit, &link, die);
}

/* The number of a variable. What is nested counts as one operand, which nobody renumbers. */
static int put_variable(struct copy *x, uint64_t die)
{
	uint64_t number;
	int r = x->nested ? -ENOTSUP : x->dies->variable(x->dies->ctx, die, &number);
	return r < 0 ? r : turf_buf_uleb(x->out, number) ? 0 : -ENOMEM;
}

/* The expression of another DIE; @counted: behind its size. */
static int put_called(struct copy *x, const struct dwarf_expr_called *called, bool counted)
{
	const struct dwarf_unit *unit = x->unit;
	struct buf *out = x->out, own = { 0 };
	if (x->nested == NESTED_MOST || x->calls == CALLS_MOST)
		return -E2BIG;
	x->calls++;
	x->nested++;
	x->unit = called->unit;
	x->out = counted ? &own : out;
	int r = copy_ops(x, called->expr);
	x->nested--;
	x->unit = unit;
	x->out = out;
	if (r == 0 && counted &&
	    (!turf_buf_uleb(out, own.n) || !turf_buf_put(out, own.at, own.n)))
		r = -ENOMEM;
	vec_fini(&own);
	return r;
}

/* What is called stands here in place of the call; what has no place does nothing. */
static int put_call(struct copy *x, uint8_t op, struct cursor *c)
{
	struct dwarf_expr_called called;
	uint64_t die, off = op == DW_OP_call2   ? cur_u16(c)
	                    : op == DW_OP_call4 ? cur_u32(c)
	                                        : cur_uint(c, sizes_of(x->unit).ref_addr);
	if (c->bad)
		return -EBADMSG;
	if (!take_die(x, op == DW_OP_call_ref ? VALUE_REF : VALUE_UNIT_REF, off, &die))
		return -ENOTSUP;
	int r = x->dies->called(x->dies->ctx, die, &called);
	return r == 1 ? put_called(x, &called, false) : r;
}

/* What is pointed to: an expression behind a 1, a variable, or 0, something even so. */
static int put_pointer(struct copy *x, struct cursor *c)
{
	struct dwarf_expr_called called;
	uint64_t die, off = cur_uint(c, sizes_of(x->unit).ref_addr);
	size_t begin = x->out->n;
	if (c->bad)
		return -EBADMSG;
	int r = take_die(x, VALUE_REF, off, &die) ? 0 : -ENOTSUP;
	if (r == 0 && x->dies->called(x->dies->ctx, die, &called) == 1 && called.is_procedure)
		r = turf_buf_uleb(x->out, 1) ? put_called(x, &called, true) : -ENOMEM;
	else if (r == 0)
		r = put_variable(x, die);
	if (r < 0 && r != -ENOMEM) {
		x->out->n = begin;
		r = turf_buf_uleb(x->out, 0) ? 0 : -ENOMEM;
	}
	return r < 0 ? r : put_leb(x, c);
}

static int put_parameter(struct copy *x, uint8_t op, struct cursor *c)
{
	bool any = op == DW_OP_GNU_variable_value;
	uint64_t die, off = any ? cur_uint(c, sizes_of(x->unit).ref_addr) : cur_u32(c);
	if (c->bad)
		return -EBADMSG;
	return take_die(x, any ? VALUE_REF : VALUE_UNIT_REF, off, &die) ? put_variable(x, die)
	                                                                : -ENOTSUP;
}

static int put_index(struct copy *x, struct cursor *c)
{
	uint64_t addr, idx = cur_uleb(c);
	*x->anywhere = false;
	if (c->bad || turf_dwarf_indexed_address(x->unit, idx, &addr) < 0)
		return -EBADMSG;
	return put_number(x, addr, 8);
}

/* The length comes first, and is known last. */
static int put_nested(struct copy *x, struct cursor *c)
{
	uint64_t size = cur_uleb(c);
	struct span inner = { cur_take(c, size), (size_t)size };
	struct buf *out = x->out, own = { 0 };
	if (c->bad || x->nested == NESTED_MOST)
		return -EBADMSG;
	x->out = &own;
	x->nested++;
	int r = copy_ops(x, inner);
	x->nested--;
	x->out = out;
	if (r == 0 && (!turf_buf_uleb(out, own.n) || !turf_buf_put(out, own.at, own.n)))
		r = -ENOMEM;
	vec_fini(&own);
	return r;
}

static int put_operands(struct copy *x, uint8_t op, struct cursor *c)
{
	int r;
	switch ((enum operands)operands_of[op]) {
	case NOTHING:
		return 0;
	case FIXED_1:
		return put_bytes(x, c, 1);
	case FIXED_2:
	case JUMP:
		return put_fixed(x, c, 2);
	case FIXED_4:
		return put_fixed(x, c, 4);
	case FIXED_8:
		return put_fixed(x, c, 8);
	case LEB_LEB:
		r = put_leb(x, c);
		return r < 0 ? r : put_leb(x, c);
	case LEB:
		return put_leb(x, c);
	case LEB_BLOCK: {
		uint64_t size = cur_uleb(c);
		r = c->bad ? -EBADMSG : turf_buf_uleb(x->out, size) ? 0 : -ENOMEM;
		return r < 0 ? r : put_bytes(x, c, size);
	}
	case ADDRESS: {
		*x->anywhere &= x->unit->address_size == 8;
		uint64_t addr = cur_uint(c, x->unit->address_size);
		return c->bad ? -EBADMSG : put_number(x, addr, 8);
	}
	case INDEX:
		return put_index(x, c);
	case NESTED:
		return put_nested(x, c);
	case TYPE:
		return put_type(x, c);
	case TYPE_BLOCK: {
		r = put_type(x, c);
		uint8_t size = cur_u8(c);
		if (r == 0)
			r = put_number(x, size, 1);
		return r < 0 ? r : put_bytes(x, c, size);
	}
	case REG_TYPE:
		r = put_leb(x, c);
		return r < 0 ? r : put_type(x, c);
	case SIZE_TYPE:
		r = put_bytes(x, c, 1);
		return r < 0 ? r : put_type(x, c);
	case POINTER:
		return put_pointer(x, c);
	case VARIABLE:
		return put_parameter(x, op, c);
	case CALL: /* it has no operation to begin with */
	case UNKNOWN:
		break;
	}
	return -EBADMSG;
}

static int copy_op(struct copy *x, struct cursor *c, uint8_t *op)
{
	*op = cur_u8(c);
	if (operands_of[*op] == CALL)
		return put_call(x, *op, c);
	uint8_t to = standard(*op);
	if (!turf_buf_put(x->out, &to, 1))
		return -ENOMEM;
	return put_operands(x, *op, c);
}

/* The new distance of each jump: the place it leads to has moved. */
static int set_jumps(const struct jumps *j, struct buf *out, size_t begin)
{
	for (uint32_t i = 0; i < j->n; i++) {
		uint32_t k = 0;
		while (k <= j->n_ops && j->from[k] != j->list[i].target)
			k++;
		if (k > j->n_ops)
			return -EBADMSG;
		int64_t distance = (int64_t)j->to[k] - (j->list[i].at + 2);
		uint16_t le = htole16((uint16_t)distance);
		if (distance != (int16_t)distance)
			return -E2BIG;
		memcpy(out->at + begin + j->list[i].at, &le, sizeof(le));
	}
	return 0;
}

static int copy_jumping(struct copy *x, struct span expr)
{
	struct cursor c = cur_of(expr, x->unit->in->big);
	struct jumps j;
	size_t begin = x->out->n;
	j.n = j.n_ops = 0;
	while (cur_left(&c)) {
		if (j.n_ops == OPS_MOST || j.n == JUMPS_MOST)
			return -E2BIG;
		j.from[j.n_ops] = (uint16_t)cur_off(&c);
		j.to[j.n_ops++] = (uint32_t)(x->out->n - begin);
		uint8_t op;
		int r = copy_op(x, &c, &op);
		if (r < 0)
			return r;
		if (operands_of[op] != JUMP)
			continue;
		struct cursor operand = c;
		operand.at -= 2;
		j.list[j.n].target =
			(uint32_t)((int64_t)cur_off(&c) + (int16_t)cur_u16(&operand));
		j.list[j.n++].at = (uint32_t)(x->out->n - begin - 2);
	}
	j.from[j.n_ops] = (uint16_t)expr.size;
	j.to[j.n_ops] = (uint32_t)(x->out->n - begin);
	return set_jumps(&j, x->out, begin);
}

static int copy_ops(struct copy *x, struct span expr)
{
	struct cursor c = cur_of(expr, x->unit->in->big);
	size_t begin = x->out->n;
	while (cur_left(&c)) {
		if (operands_of[*c.at] == JUMP) { /* begun again: places count from now on */
			x->out->n = begin;
			return copy_jumping(x, expr);
		}
		uint8_t op;
		int r = copy_op(x, &c, &op);
		if (r < 0)
			return r;
	}
	return 0;
}

int turf_dwarf_expression(const struct dwarf *dw, const struct dwarf_unit *unit,
                          struct span expr, const struct dwarf_expr_dies *dies, struct buf *out,
                          bool *anywhere)
{
	struct copy x = { dw, unit, dies, out, anywhere, 0, 0 };
	size_t begin = out->n;
	int r = expr.size > UINT16_MAX ? -E2BIG : copy_ops(&x, expr);
	if (r < 0)
		out->n = begin;
	return r;
}
