/* SPDX-License-Identifier: MIT */
/*
 * Calls that are not inlined -> tokens. See bodies-read.h. Where a direct one leads is not
 * kept: its instruction says so.
 */
#include "build/bodies-read.h"

/* The address that a call is known by: what it returns to; of a jump where that ends or, as
 * clang has it, begins. */
static bool address_of(struct reader *r, struct token *token, uint32_t *rva)
{
	const struct dies *walk = r->walk;
	bool from = !die_has(walk, DIE_CALL_RETURN_PC) && die_has(walk, DIE_ENTRY_PC);
	enum die_slot slot = die_has(walk, DIE_CALL_RETURN_PC) ? DIE_CALL_RETURN_PC
	                     : from                            ? DIE_ENTRY_PC
	                                                       : DIE_LOW_PC;
	bool tail = die_flag(walk, DIE_CALL_TAIL);
	uint64_t pc;
	uint32_t end;
	token->kind = !tail ? URF_TOKEN_CALL : from ? URF_TOKEN_JUMP_FROM : URF_TOKEN_JUMP;
	return (tail || !from) && die_has(walk, slot) &&
	       turf_die_address(walk, slot, &pc) == 1 && turf_read_rvas(r, pc, pc, rva, &end);
}

static int add_call(struct reader *r, struct token call, uint32_t rva)
{
	struct token target = { .kind = URF_TOKEN_TARGET };
	struct open *o = opened(r);
	if (has_block(r->walk, DIE_CALL_TARGET)) {
		struct span expr = block_of(r->walk, DIE_CALL_TARGET);
		int result = turf_read_naming(r, expr, &target, &target.expr);
		if (result < 0)
			return result;
	}
	if (!vec_reserve(&o->calls, 2) || !vec_reserve(&o->order, 1))
		return -ENOMEM;
	call.gap = (int32_t)rva;
	o->order.at[o->order.n++] = (struct sort_pair){ rva, o->calls.n };
	o->calls.at[o->calls.n++] = call;
	if (target.expr)
		o->calls.at[o->calls.n++] = target;
	return 0;
}

static bool is_call(const struct token *t)
{
	return t->kind == URF_TOKEN_CALL || t->kind == URF_TOKEN_JUMP ||
	       t->kind == URF_TOKEN_JUMP_FROM;
}

int turf_read_calls(struct open *o, uint32_t rva)
{
	size_t n = o->order.n;
	if (!vec_reserve(&o->order, n + 1) || !vec_reserve(&o->tokens, o->calls.n))
		return -ENOMEM;
	sort_pairs(o->order.at, o->order.at + n, n);
	for (size_t i = 0; i < n; i++) {
		size_t k = (size_t)o->order.at[i].value;
		struct token call = o->calls.at[k];
		uint32_t at = (uint32_t)call.gap;
		call.gap = (int32_t)(at - rva);
		rva = at;
		o->tokens.at[o->tokens.n++] = call;
		while (++k < o->calls.n && !is_call(&o->calls.at[k]))
			o->tokens.at[o->tokens.n++] = o->calls.at[k];
	}
	return 0;
}

int turf_read_call(struct reader *r)
{
	struct token call = { 0 };
	uint32_t rva;
	int result = 0;
	bool live = r->at->live && r->at->open && address_of(r, &call, &rva);
	if (live)
		result = add_call(r, call, rva);
	struct around *at = turf_read_push(r);
	if (!at)
		return result;
	at->call = true;
	at->live = live;
	r->at = at;
	return result;
}

/* One that is passed nowhere, as the function called was made to do without: it lies at
 * DW_OP_GNU_parameter_ref. 0 or -ENOMEM. */
static int parameter_lost(struct reader *r, struct token *token)
{
	uint64_t die;
	struct buf form = { 0 };
	uint8_t op = DW_OP_GNU_parameter_ref;
	enum die_slot slot =
		die_has(r->walk, DIE_CALL_PARAMETER) ? DIE_CALL_PARAMETER : DIE_ORIGIN;
	if (!die_has(r->walk, slot) || turf_die_ref(r->walk, slot, &die) != 1)
		return 0;
	token->names = true;
	int result =
		turf_buf_put(&form, &op, 1) && turf_buf_uleb(&form, die + URF_REFERENCE_FIRST)
			? turf_expr_add(&r->c->exprs, (struct span){ form.at, form.n },
	                                &token->a)
			: -ENOMEM;
	vec_fini(&form);
	return result;
}

int turf_read_parameter(struct reader *r)
{
	const struct dies *walk = r->walk;
	if (!r->at->call || !r->at->live || !has_block(walk, DIE_CALL_VALUE))
		return 0;
	struct token token = { .kind = URF_TOKEN_PARAMETER };
	struct span where = { NULL, 0 };
	int result = 0;
	if (has_block(walk, DIE_LOCATION))
		where = block_of(walk, DIE_LOCATION);
	if (where.size == 1 && where.at[0] >= REG0 && where.at[0] <= REG31) {
		token.a = where.at[0] - REG0;
	} else {
		result = where.size ? turf_read_naming(r, where, &token, &token.a)
		                    : parameter_lost(r, &token);
		token.far = true;
		if (!token.a)
			return result;
	}
	if (result == 0)
		result = turf_read_naming(r, block_of(walk, DIE_CALL_VALUE), &token,
		                          &token.expr);
	if (result < 0 || !token.expr)
		return result;
	struct open *o = opened(r);
	if (!vec_reserve(&o->calls, 1))
		return -ENOMEM;
	o->calls.at[o->calls.n++] = token;
	return 0;
}
