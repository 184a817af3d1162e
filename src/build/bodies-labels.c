/* SPDX-License-Identifier: MIT */
/* Labels, and the arguments of a template, of the function that is read. See bodies-read.h. */
#include "build/bodies-read.h"

/* Where a label is: a place of no bytes. */
static int place_label(struct reader *r, struct token token)
{
	uint64_t pc;
	uint32_t start, end;
	if (!r->at->live || turf_die_address(r->walk, DIE_LOW_PC, &pc) != 1 ||
	    !turf_read_rvas(r, pc, pc, &start, &end))
		return 0;
	struct open *o = opened(r);
	token.kind = URF_TOKEN_FIRST;
	token.gap = (int32_t)(start - o->first);
	o->first = o->end = start;
	return turf_read_token(r, token) ? 0 : -ENOMEM;
}

int turf_read_label(struct reader *r)
{
	const struct dies *walk = r->walk;
	struct token token = { 0 };
	bool there;
	if (r->at->call)
		return 0;
	if (r->at->root) {
		struct cold_variable *v = vec_push(&told(r)->variables);
		if (!v)
			return -ENOMEM;
		*v = (struct cold_variable){ .name = name_of(r),
			                     .die = own_die(r, walk->die),
			                     .line = line_of(walk),
			                     .block = r->at->block,
			                     .kind = URF_VARIABLE_LABEL };
		if (v->block)
			told(r)->blocks.at[v->block - 1].used = true;
		token.a = v->die;
	} else {
		if (!r->at->live || !die_has(walk, DIE_LOW_PC))
			return 0;
		if (!turf_read_origin(r, &token, &there))
			return -ENOMEM;
		if (!there)
			return 0;
	}
	return die_has(walk, DIE_LOW_PC) ? place_label(r, token) : 0;
}

/* An argument of the function, if it is a template's; a class has its own. */
int turf_read_argument(struct reader *r)
{
	const struct dies *walk = r->walk;
	if (!r->at->root || r->at->is_scope || r->at->block || r->at->call)
		return 0;
	struct cold_variable *v = vec_push(&told(r)->arguments);
	if (!v)
		return -ENOMEM;
	bool is_type = walk->tag == TAG_TYPE_ARGUMENT;
	v->name = name_of(r);
	v->type = type_of(r, DIE_TYPE);
	v->kind = is_type ? URF_VARIABLE_TYPE_ARGUMENT : URF_VARIABLE_VALUE_ARGUMENT;
	if (is_type)
		return 0;
	if (has_block(walk, DIE_LOCATION))
		return turf_read_expr(r, block_of(walk, DIE_LOCATION), &v->value);
	return die_has(walk, DIE_CONST_VALUE) ? turf_read_constant(r, &v->value) : 0;
}
