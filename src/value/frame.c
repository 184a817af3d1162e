/* SPDX-License-Identifier: MIT */
/*
 * Where a frame's variables are, and their bytes.
 *
 * Source: DWARF 5 sections 2.5, 2.6; 2.5.1.7 (values at entry), 3.4 (calls)
 */
#include "image/bodies.h"
#include "image/expr.h"
#include "value/value.h"

enum { PIECES_MAX = 32, ENTRY_DEPTH = 8, BODY_EVENTS = 1 << 16 };

const char *turf_why_text(enum turf_why why)
{
	static const char *const texts[] = {
		[TURF_WHY_NONE] = "",
		[TURF_WHY_OPTIMIZED_OUT] = "optimized out",
		[TURF_WHY_REGISTER] = "register not saved",
		[TURF_WHY_MEMORY] = "memory cannot be read",
		[TURF_WHY_ENTRY] = "value at the function's entry not known",
		[TURF_WHY_UNSUPPORTED] = "not supported",
		[TURF_WHY_TYPE] = "incomplete type",
		[TURF_WHY_DAMAGED] = "urf damaged",
	};
	return (unsigned)why < COUNT(texts) ? texts[why] : "unknown";
}

/* One frame as an evaluation asks about it. */
struct scene {
	const struct turf_values *values;
	const struct turf_unwind_frame *frame;
	const struct turf_regs *regs;
	const struct turf_locals
		*walk; /* NULL: of the caller, whose frame base is its body's */
	struct turf_context context;
	bool in_base;    /* the frame base is being evaluated */
	bool in_pointer; /* what a pointer points to is */
};

static uint64_t bias_of(const struct turf_unwind_frame *frame)
{
	return frame->lookup_pc - frame->location.addr;
}

static int get_register(void *ctx, uint32_t reg, uint64_t *value)
{
	const struct scene *s = ctx;
	if (reg >= TURF_MAX_REGS || !(s->regs->valid >> reg & 1))
		return -ENODATA;
	*value = s->regs->value[reg];
	return 0;
}

static int get_memory(void *ctx, uint64_t addr, void *out, size_t size)
{
	const struct scene *s = ctx;
	return s->values->memory.read(s->values->memory.ctx, addr, out, size);
}

static int get_cfa(void *ctx, uint64_t *value)
{
	const struct scene *s = ctx;
	if (!s->frame->cfa)
		return -ENODATA;
	*value = s->frame->cfa;
	return 0;
}

/* A word that an expression gives: an address, a register's content, a value. */
static int word_of(struct scene *s, const uint8_t *expr, size_t size, uint64_t *value)
{
	struct turf_piece piece;
	int r = turf_location_evaluate(s->frame->location.image, expr, size, &s->context,
	                               &piece, 1);
	if (r < 0)
		return r;
	if (piece.kind == TURF_PIECE_REGISTER)
		return get_register(s, (uint32_t)piece.value, value);
	if (r != 1 || (piece.kind != TURF_PIECE_MEMORY && piece.kind != TURF_PIECE_VALUE))
		return -ENOTSUP;
	*value = piece.value;
	return 0;
}

/* The frame base of the body over the address, where no walk over variables has it; it lies in
 * @body. */
static int base_of_body(const struct scene *s, struct turf_body *body, const uint8_t **expr,
                        size_t *size)
{
	struct turf_body_event e;
	const struct turf_location *at = &s->frame->location;
	int r = turf_image_body(at->image, at->addr, body);
	for (unsigned i = 0; r == 1 && i < BODY_EVENTS; i++) {
		r = turf_body_next(body, &e);
		if (r == 1 && e.kind == TURF_BODY_FRAME && e.depth == 0) {
			*expr = e.expr;
			*size = e.expr_size;
			return 1;
		}
	}
	return r < 0 ? r : 0;
}

static int get_frame_base(void *ctx, uint64_t *value)
{
	struct scene *s = ctx;
	struct turf_body body;
	const uint8_t *expr = NULL;
	size_t size = 0;
	if (s->in_base)
		return -ENODATA; /* it counts from itself */
	int r = s->walk ? turf_locals_frame_base(s->walk, &expr, &size)
	                : base_of_body(s, &body, &expr, &size);
	if (r < 0)
		return r;
	if (r == 0)
		return get_cfa(ctx, value);
	s->in_base = true;
	r = word_of(s, expr, size, value);
	s->in_base = false;
	return r;
}

static int get_entry(void *ctx, const uint8_t *expr, size_t expr_size, uint64_t *value);
static int get_variable(void *ctx, uint32_t around, uint32_t number, uint64_t *value);

static struct scene scene_of(const struct turf_values *values, bool of_caller)
{
	struct scene s = {
		.values = values,
		.frame = of_caller ? &values->caller : &values->frame,
		.regs = of_caller ? &values->caller_regs : &values->regs,
	};
	s.context = (struct turf_context){
		.bias = bias_of(s.frame),
		.reg = get_register,
		.memory = get_memory,
		.cfa = get_cfa,
		.frame_base = get_frame_base,
		.entry = of_caller ? NULL : get_entry,
		.variable = of_caller ? NULL : get_variable,
	};
	return s;
}

/*
 * Whether the caller's call is one of the function that the frame is of. A function that was
 * reached by a jump, at the end of the one that was called, was passed something else.
 */
static bool is_called_directly(const struct turf_values *values)
{
	const struct turf_location *at = &values->frame.location;
	const struct turf_body_event call = { .start = values->caller.pc };
	uint8_t code[TURF_CALL_CODE];
	struct turf_body body;
	uint64_t target;
	return turf_image_body(at->image, at->addr, &body) == 1 &&
	       values->memory.read(values->memory.ctx, turf_call_code(&call), code,
	                           sizeof(code)) >= 0 &&
	       turf_call_target(values->regs.machine, &call, code, &target) &&
	       target == body.entry + bias_of(&values->frame);
}

/* The parameter that the call in @body, which returns to @ret, passes in what @expr says. */
static int find_parameter(struct turf_body *body, uint64_t ret, const uint8_t *expr,
                          size_t expr_size, struct turf_body_event *out)
{
	bool in_call = false;
	int r = 1;
	for (unsigned i = 0; i < BODY_EVENTS && (r = turf_body_next(body, out)) == 1; i++) {
		if (out->kind == TURF_BODY_TARGET)
			continue;
		if (out->kind != TURF_BODY_PARAMETER) {
			in_call = out->kind == TURF_BODY_CALL && out->start == ret &&
			          !out->number;
			continue;
		}
		bool same = out->where ? out->where_size == expr_size &&
		                                 !memcmp(out->where, expr, expr_size)
		                       : expr_size == 1 && expr[0] >= OP_REG0 &&
		                                 expr[0] <= OP_REG31 &&
		                                 out->number == (uint32_t)(expr[0] - OP_REG0);
		if (in_call && same)
			return out->expr ? 1 : 0;
	}
	return r < 0 ? r : 0;
}

static int get_entry(void *ctx, const uint8_t *expr, size_t expr_size, uint64_t *value)
{
	const struct scene *s = ctx;
	const struct turf_values *values = s->values;
	const struct turf_location *at = &values->caller.location;
	struct turf_body body;
	struct turf_body_event parameter;
	if (!values->caller_regs.valid || !at->image || values->frame.signal_frame ||
	    values->caller.signal_frame || !is_called_directly(values) ||
	    turf_image_body(at->image, at->addr, &body) != 1)
		return -ENOENT;
	uint64_t ret = at->addr + (values->caller.pc - values->caller.lookup_pc);
	if (find_parameter(&body, ret, expr, expr_size, &parameter) != 1)
		return -ENOENT;
	struct scene caller = scene_of(values, true);
	caller.context.ctx = &caller;
	return word_of(&caller, parameter.expr, parameter.expr_size, value) < 0 ? -ENOENT : 0;
}

static enum turf_why why_of(int r)
{
	switch (r) {
	case -ENODATA:
		return TURF_WHY_REGISTER;
	case -EFAULT:
		return TURF_WHY_MEMORY;
	case -ENOENT:
		return TURF_WHY_ENTRY;
	case -EBADMSG:
		return TURF_WHY_DAMAGED;
	default:
		return TURF_WHY_UNSUPPORTED;
	}
}

/* The bytes of a piece from its first whole byte on, at most @size; why it has none. */
static enum turf_why read_piece(struct scene *s, const struct turf_piece *p, uint8_t *out,
                                size_t size)
{
	uint64_t word = p->value;
	size_t skip = (size_t)(p->bit_offset / 8), n = sizeof(word);
	const uint8_t *from = (const uint8_t *)&word;
	switch (p->kind) {
	case TURF_PIECE_NOWHERE:
		return TURF_WHY_OPTIMIZED_OUT;
	case TURF_PIECE_MEMORY:
		return get_memory(s, p->value + skip, out, size) < 0 ? TURF_WHY_MEMORY
		                                                     : TURF_WHY_NONE;
	case TURF_PIECE_REGISTER:
		if (get_register(s, (uint32_t)p->value, &word) < 0)
			return TURF_WHY_REGISTER;
		break;
	case TURF_PIECE_BYTES:
		from = p->bytes;
		n = p->n_bytes;
		break;
	case TURF_PIECE_POINTER:
		return TURF_WHY_UNSUPPORTED;
	default:
		break;
	}
	word = htole64(word);
	if (skip > n || size > n - skip)
		return TURF_WHY_UNSUPPORTED; /* of a vector register, say */
	memcpy(out, from + skip, size);
	return TURF_WHY_NONE;
}

/* Pieces, in order, into bytes; those that are no whole bytes are not told. */
static void join_pieces(struct scene *s, const struct turf_piece *pieces, int n,
                        struct turf_value *out)
{
	size_t size = (size_t)MIN(out->size, (uint64_t)TURF_VALUE_BYTES), at = 0;
	enum turf_why first = TURF_WHY_OPTIMIZED_OUT;
	bool any = false;
	memset(out->missing, TURF_WHY_OPTIMIZED_OUT, size);
	for (int i = 0; i < n && at < size; i++) {
		uint64_t bits = pieces[i].bits ? pieces[i].bits : 8 * (uint64_t)size;
		size_t part = (size_t)MIN(bits / 8, (uint64_t)(size - at));
		enum turf_why why = bits % 8 || pieces[i].bit_offset % 8
		                            ? TURF_WHY_UNSUPPORTED
		                            : read_piece(s, &pieces[i], out->bytes + at, part);
		memset(out->missing + at, (int)why, part);
		any |= why == TURF_WHY_NONE && part;
		if (why != TURF_WHY_NONE && first == TURF_WHY_OPTIMIZED_OUT)
			first = why;
		if (bits % 8)
			break;
		at += part;
	}
	if (!any)
		out->why = first;
}

static void take_value(struct scene *s, const uint8_t *expr, size_t expr_size,
                       struct turf_value *out);

/* A variable of the function that the scene's lies in, so many levels around: 1, 0 or < 0. It
 * lies in @walk. */
static int find_variable(const struct scene *s, uint32_t around, uint32_t number,
                         struct turf_locals *walk, struct turf_local *out)
{
	if (!s->walk)
		return 0;
	int r = turf_image_locals(s->frame->location.image, s->walk->addr,
	                          s->walk->frame + around, walk);
	while (r == 1 && (r = turf_locals_next(walk, out)) == 1 &&
	       out->variable.number != number)
		;
	return r;
}

/* What a variable holds, in its own instance. */
static void take_variable(const struct scene *s, uint32_t around, uint32_t number,
                          struct turf_value *out)
{
	struct turf_locals walk;
	struct turf_local local;
	struct scene inner = *s;
	inner.context.ctx = &inner;
	inner.walk = &walk;
	inner.in_pointer = true;
	out->why = TURF_WHY_OPTIMIZED_OUT;
	if (find_variable(s, around, number, &walk, &local) != 1 || !local.expr)
		return;
	if (turf_image_type_size(out->image, local.variable.type, &out->size) != 1) {
		out->why = TURF_WHY_TYPE;
		return;
	}
	out->why = TURF_WHY_NONE;
	take_value(&inner, local.expr, local.expr_size, out);
}

static int get_variable(void *ctx, uint32_t around, uint32_t number, uint64_t *value)
{
	const struct scene *s = ctx;
	struct turf_value v = { .image = s->frame->location.image };
	uint64_t word = 0;
	if (s->in_pointer)
		return -ENOENT;
	take_variable(s, around, number, &v);
	if (v.why || v.pointed || v.size > sizeof(word) ||
	    turf_value_read(s->values, &v, 0, &word, (size_t)v.size) != TURF_WHY_NONE)
		return -ENOENT;
	*value = le64toh(word);
	return 0;
}

/* The size of what a pointer or reference points to; 0: it is not known. */
static uint64_t target_size(const struct turf_value *v)
{
	struct turf_type t;
	uint64_t size;
	if (turf_value_strip(v->image, v->type, &t) != 1 ||
	    turf_image_type_size(v->image, t.target, &size) != 1)
		return 0;
	return size;
}

/* Goes on into a value, whose bytes from there on stay. */
static void skip_bytes(struct turf_value *v, uint64_t skip)
{
	v->addr += skip;
	if (v->why || v->in_memory)
		return;
	size_t n = (size_t)MIN(v->size, (uint64_t)TURF_VALUE_BYTES);
	if (skip > n) {
		v->why = TURF_WHY_UNSUPPORTED;
		return;
	}
	memmove(v->bytes, v->bytes + skip, n - (size_t)skip);
	memmove(v->missing, v->missing + skip, n - (size_t)skip);
	v->size -= skip;
}

/* What a pointer points to in place of its own bytes. */
static void follow_pointer(struct scene *s, const struct turf_piece *p, struct turf_value *out)
{
	if (s->in_pointer) {
		out->why = TURF_WHY_UNSUPPORTED;
		return;
	}
	if (p->bytes) {
		s->in_pointer = true;
		out->size = target_size(out) + p->value;
		take_value(s, p->bytes, p->n_bytes, out);
		s->in_pointer = false;
	} else {
		take_variable(s, p->around, p->variable, out);
	}
	out->pointed = true;
	skip_bytes(out, p->value);
}

static void take_value(struct scene *s, const uint8_t *expr, size_t expr_size,
                       struct turf_value *out)
{
	struct turf_piece pieces[PIECES_MAX];
	int n = turf_location_evaluate(out->image, expr, expr_size, &s->context, pieces,
	                               PIECES_MAX);
	if (n < 0) {
		out->why = why_of(n);
	} else if (n == 1 && pieces[0].kind == TURF_PIECE_MEMORY && !pieces[0].bits) {
		out->in_memory = true;
		out->addr = pieces[0].value;
	} else if (n == 1 && pieces[0].kind == TURF_PIECE_POINTER && !pieces[0].bits) {
		follow_pointer(s, &pieces[0], out);
	} else {
		if (s->in_pointer && n == 1 && pieces[0].kind == TURF_PIECE_BYTES)
			out->size = pieces[0].n_bytes; /* a text: more than its first letter */
		join_pieces(s, pieces, n, out);
	}
}

int turf_value_of_local(const struct turf_values *values, const struct turf_locals *walk,
                        const struct turf_local *local, struct turf_value *out)
{
	struct scene s = scene_of(values, false);
	s.walk = walk;
	s.context.ctx = &s;
	out->image = values->frame.location.image;
	out->type = local->variable.type;
	out->why = TURF_WHY_NONE;
	out->in_memory = out->pointed = false;
	out->addr = 0;
	out->size = 0;
	if (!local->expr)
		out->why = TURF_WHY_OPTIMIZED_OUT;
	else if (turf_image_type_size(out->image, out->type, &out->size) != 1)
		out->why = TURF_WHY_TYPE;
	if (!out->why)
		take_value(&s, local->expr, local->expr_size, out);
	return !out->why;
}

enum turf_why turf_value_read(const struct turf_values *values, const struct turf_value *value,
                              uint64_t off, void *out, size_t size)
{
	if (value->in_memory)
		return values->memory.read(values->memory.ctx, value->addr + off, out, size) < 0
		               ? TURF_WHY_MEMORY
		               : TURF_WHY_NONE;
	if (off > value->size || size > value->size - off)
		return TURF_WHY_DAMAGED;
	if (off > TURF_VALUE_BYTES || size > TURF_VALUE_BYTES - off)
		return TURF_WHY_UNSUPPORTED;
	for (size_t i = 0; i < size; i++)
		if (value->missing[off + i])
			return value->missing[off + i];
	memcpy(out, value->bytes + off, size);
	return TURF_WHY_NONE;
}
