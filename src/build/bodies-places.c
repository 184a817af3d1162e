/* SPDX-License-Identifier: MIT */
/* Where variables are: expressions and lists of locations -> tokens. See bodies-read.h. */
#include "build/bodies-read.h"

bool turf_read_token(struct reader *r, struct token token)
{
	struct open *o = opened(r);
	if (!vec_reserve(&o->tokens, 2))
		return false;
	if (o->depth > r->at->depth) /* back from what was inlined */
		o->tokens.at[o->tokens.n++] =
			(struct token){ .kind = URF_TOKEN_LEAVE,
			                .length = (uint32_t)o->depth - r->at->depth };
	o->depth = r->at->depth;
	o->tokens.at[o->tokens.n++] = token;
	return true;
}

static int number_of_type(void *ctx, uint64_t die, uint32_t *ret)
{
	struct reader *r = ctx;
	*ret = turf_type_of(r->b, die);
	return 0;
}

/* Until all units are read a variable is known by its DIE. */
static int number_of_variable(void *ctx, uint64_t die, uint64_t *ret)
{
	struct reader *r = ctx;
	r->names = true;
	*ret = die + URF_REFERENCE_FIRST;
	return 0;
}

static int find_called(void *ctx, uint64_t die, struct dwarf_expr_called *ret)
{
	struct reader *r = ctx;
	const struct dies *other = turf_read_other(r, die);
	if (!other)
		return -ENOTSUP;
	if (!has_block(other, DIE_LOCATION))
		return die_has(other, DIE_LOCATION) ? -ENOTSUP : 0;
	*ret = (struct dwarf_expr_called){ other->unit, block_of(other, DIE_LOCATION),
		                           other->tag == TAG_PROCEDURE };
	return 1;
}

int turf_read_naming(struct reader *r, struct span raw, struct token *token, uint32_t *ret)
{
	const struct dwarf_expr_dies dies = { r, number_of_type, number_of_variable,
		                              find_called };
	r->names = false;
	int result = turf_expr_read(&r->c->exprs, &r->s->exprs, &r->b->dwarf, r->unit, raw,
	                            &dies, ret);
	token->names |= r->names;
	return result;
}

int turf_read_expr(struct reader *r, struct span raw, uint32_t *ret)
{
	struct token token = { 0 };
	int result = turf_read_naming(r, raw, &token, ret);
	if (token.names)
		*ret = 0;
	return result;
}

int turf_read_constant(struct reader *r, uint32_t *ret)
{
	const struct dies *walk = r->walk;
	struct buf form = { 0 };
	uint8_t op;
	bool ok = true;
	const char *text;
	struct span block = { NULL, 0 };
	*ret = 0;
	switch (walk->class[DIE_CONST_VALUE]) {
	case DIE_VALUE_CONSTANT:
	case DIE_VALUE_SIGNED: {
		bool is_signed = walk->class[DIE_CONST_VALUE] == DIE_VALUE_SIGNED;
		uint64_t value = walk->u[DIE_CONST_VALUE];
		op = value < 32  ? (uint8_t)(0x30 + value)
		     : is_signed ? DW_OP_consts
		                 : DW_OP_constu;
		ok = turf_buf_put(&form, &op, 1) &&
		     (value < 32 || (is_signed ? turf_buf_sleb(&form, (int64_t)value)
		                               : turf_buf_uleb(&form, value)));
		op = STACK_VALUE;
		ok = ok && turf_buf_put(&form, &op, 1);
		break;
	}
	case DIE_VALUE_BLOCK:
		block = block_of(walk, DIE_CONST_VALUE);
		break;
	case DIE_VALUE_STRING:
	case DIE_VALUE_STR:
	case DIE_VALUE_LINE_STR:
	case DIE_VALUE_STR_INDEX:
	case DIE_VALUE_ALT_STR:
		if (turf_die_string(walk, DIE_CONST_VALUE, &text) == 1)
			block = (struct span){ (const uint8_t *)text, strlen(text) + 1 };
		break;
	default:
		break;
	}
	if (block.at && block.size <= UINT16_MAX) {
		op = DW_OP_implicit_value;
		ok = turf_buf_put(&form, &op, 1) && turf_buf_uleb(&form, block.size) &&
		     turf_buf_put(&form, block.at, block.size);
	}
	int result = ok ? turf_expr_add(&r->c->exprs, (struct span){ form.at, form.n }, ret)
	                : -ENOMEM;
	vec_fini(&form);
	return result;
}

bool turf_read_rvas(const struct reader *r, uint64_t start, uint64_t end, uint32_t *from,
                    uint32_t *to)
{
	uint64_t base = r->b->in.base;
	if (start < base || end - base > UINT32_MAX)
		return false;
	*from = (uint32_t)(start - base);
	*to = (uint32_t)(end - base);
	return true;
}

/* One entry of a list: tokens of kind @first, then @next. */
static bool add_entry(struct reader *r, struct token *like, uint8_t next, uint32_t start,
                      uint32_t end)
{
	struct open *o = opened(r);
	bool begins = like->kind != next;
	struct token *last = begins || !o->tokens.n ? NULL : &o->tokens.at[o->tokens.n - 1];
	if (last && start == o->end && last->expr == like->expr) { /* it goes on */
		last->length += end - start;
		o->end = end;
		return true;
	}
	like->gap = (int32_t)(start - (begins ? o->first : o->end));
	like->length = end - start;
	if (begins)
		o->first = start;
	o->end = end;
	bool ok = turf_read_token(r, *like);
	like->kind = next;
	like->a = 0;
	like->far = like->by_variable = false;
	return ok;
}

static int read_list(struct reader *r, uint64_t off, bool indexed, struct token like)
{
	struct dwarf_locations list;
	struct dwarf_location entry;
	uint32_t start, end;
	struct token whole = like; /* where nothing else holds */
	int result = 0;
	turf_dwarf_locations(r->unit, off, indexed, &list);
	const uint8_t *begin = list.list.at.at;
	while (result == 0 && turf_dwarf_next_location(&list, &entry, NULL) == 1) {
		uint64_t passed = (uint64_t)(list.list.at.at - begin);
		if (passed > r->budget)
			return 0;
		like.names = false;
		result = turf_read_naming(r, entry.expr, &like, &like.expr);
		if (result < 0 || !like.expr)
			continue;
		if (entry.is_default) {
			whole.expr = like.expr;
			whole.names = like.names;
		} else if (turf_read_rvas(r, entry.range.start, entry.range.end, &start,
		                          &end) &&
		           !add_entry(r, &like, URF_TOKEN_NEXT, start, end)) {
			return -ENOMEM;
		}
	}
	r->budget -= MIN((uint64_t)(list.list.at.at - begin), r->budget);
	if (result < 0 || !whole.expr)
		return result;
	whole.kind = URF_TOKEN_SINGLE;
	return turf_read_token(r, whole) ? 0 : -ENOMEM;
}

int turf_read_place(struct reader *r, struct token token)
{
	const struct dies *walk = r->walk;
	int result = 0;
	if (die_has(walk, DIE_LOCATION) && !has_block(walk, DIE_LOCATION)) {
		uint8_t class = walk->class[DIE_LOCATION];
		token.kind = URF_TOKEN_FIRST;
		return class == DIE_VALUE_OFFSET || class == DIE_VALUE_CONSTANT ||
		                       class == DIE_VALUE_LIST_INDEX
		               ? read_list(r, walk->u[DIE_LOCATION],
		                           class == DIE_VALUE_LIST_INDEX, token)
		               : 0;
	}
	token.kind = URF_TOKEN_SINGLE;
	if (has_block(walk, DIE_LOCATION))
		result = turf_read_naming(r, block_of(walk, DIE_LOCATION), &token, &token.expr);
	else if (die_has(walk, DIE_CONST_VALUE))
		result = turf_read_constant(r, &token.expr);
	if (result < 0 || !token.expr)
		return result;
	return turf_read_token(r, token) ? 0 : -ENOMEM;
}

bool turf_is_static(struct span expr)
{
	switch (expr.size ? expr.at[0] : 0) {
	case DW_OP_addr:
	case DW_OP_addrx:
	case DW_OP_GNU_addr_index:
	case DW_OP_const4u: /* of a thread, if anything */
	case DW_OP_const8u:
	case DW_OP_constx:
	case DW_OP_GNU_const_index:
		return true;
	default:
		return false;
	}
}

int turf_read_ranges(struct reader *r, struct dwarf_ranges *ranges, struct token like)
{
	struct dwarf_range range;
	uint32_t start, end;
	like.kind = URF_TOKEN_BLOCK;
	while (turf_dwarf_next_range(ranges, &range, NULL) == 1)
		if (turf_read_rvas(r, range.start, range.end, &start, &end) &&
		    !add_entry(r, &like, URF_TOKEN_RANGE, start, end))
			return -ENOMEM;
	return 0;
}
