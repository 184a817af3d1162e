/* SPDX-License-Identifier: MIT */
/*
 * Tokens as symbols: an address is the rank among those remembered, or a difference; an
 * expression its number, or how lately it was used. What reads it is src/image/bodies.c.
 */
#include "build/tokens.h"
#include "image/coded.h"
#include "image/tokens.h"

/* @rva, counted from @base. */
static void put_address(struct token_coder *c, unsigned field, unsigned context, uint32_t base,
                        uint32_t rva)
{
	struct turf_edges *edges = &c->state.edges;
	uint32_t below = edges_below(edges, rva);
	int64_t rank = (int64_t)below - edges_below(edges, base);
	bool known = below < edges->n && edges->at[below] == rva && rank >= URF_EDGE_LOW &&
	             rank <= URF_EDGE_HIGH;
	c->state.missed = !known;
	if (known)
		turf_coder_symbol(c->coder, field, context, (uint32_t)(URF_EDGE_RANK + rank));
	else
		coder_folded(c->coder, field, context, rva - base);
	edges_add(edges, rva, below);
}

static void put_expr(struct token_coder *c, unsigned field, unsigned context, uint32_t expr)
{
	uint32_t *recent = c->state.recent, idx = 0;
	if (expr >= URF_CODE_NEAR && expr == c->next_expr) {
		turf_coder_symbol(c->coder, field, context, URF_EXPR_NEW);
		c->next_expr++;
		return;
	}
	if (expr < URF_CODE_NEAR) {
		turf_coder_symbol(c->coder, field, context, expr);
		return;
	}
	while (idx < URF_RECENT && recent[idx] != expr)
		idx++;
	if (idx < URF_RECENT)
		turf_coder_symbol(c->coder, field, context, URF_EXPR_RECENT + idx);
	else
		turf_coder_number(c->coder, field, context, expr);
	recent_use(recent, MIN(idx, (uint32_t)URF_RECENT - 1), expr);
}

struct stretch_fields {
	uint8_t a, gap, expr, length;
};
static const struct stretch_fields stretches[] = {
	[URF_TOKEN_FIRST] = { URF_FIELD_FIRST_A, URF_FIELD_FIRST_GAP, URF_FIELD_FIRST_EXPR,
	                      URF_FIELD_FIRST_LENGTH },
	[URF_TOKEN_NEXT] = { 0, URF_FIELD_NEXT_GAP, URF_FIELD_NEXT_EXPR,
	                     URF_FIELD_NEXT_LENGTH },
	[URF_TOKEN_BLOCK] = { URF_FIELD_BLOCK_A, URF_FIELD_BLOCK_GAP, 0,
	                      URF_FIELD_BLOCK_LENGTH },
	[URF_TOKEN_RANGE] = { 0, URF_FIELD_RANGE_GAP, 0, URF_FIELD_RANGE_LENGTH },
};

static void put_stretch(struct token_coder *c, const struct token *t)
{
	const struct stretch_fields *fields = &stretches[t->kind];
	struct turf_tokens *s = &c->state;
	bool begins = t->kind == URF_TOKEN_FIRST || t->kind == URF_TOKEN_BLOCK;
	bool places = t->kind <= URF_TOKEN_NEXT;
	uint32_t base = begins ? s->first : s->end, start = base + (uint32_t)t->gap;
	if (begins)
		coder_folded(c->coder, fields->a, context_before(s), t->a);
	put_address(c, fields->gap, begins ? context_before(s) : s->missed, base, start);
	if (places)
		put_expr(c, fields->expr, begins ? context_expr(s) : context_next_expr(s),
		         t->expr);
	put_address(c, fields->length, places ? context_length(s, t->expr) : 0, start,
	            start + t->length);
	if (begins)
		s->first = start;
	s->end = start + t->length;
}

void turf_tokens_begin(struct token_coder *c, uint32_t entry)
{
	tokens_begin(&c->state, entry);
}

void turf_tokens_end(struct token_coder *c)
{
	turf_coder_symbol(c->coder, URF_FIELD_KIND, context_kind(&c->state), URF_TOKEN_END);
}

void turf_token_code(struct token_coder *c, const struct token *t)
{
	struct turf_tokens *s = &c->state;
	unsigned before = s->kinds[0];
	turf_coder_symbol(c->coder, URF_FIELD_KIND, context_kind(s), t->kind);
	switch (t->kind) {
	case URF_TOKEN_SINGLE:
		coder_folded(c->coder, URF_FIELD_SINGLE_A, context_before(s), t->a);
		put_expr(c, URF_FIELD_SINGLE_EXPR, context_expr(s), t->expr);
		break;
	case URF_TOKEN_ENTER:
		coder_folded(c->coder, URF_FIELD_ENTER_A, before, t->a);
		turf_coder_number(c->coder, URF_FIELD_ENTER_LENGTH, before, t->length);
		turf_coder_number(c->coder, URF_FIELD_ENTER_VARIANT, 0, (uint32_t)t->gap);
		break;
	case URF_TOKEN_LEAVE:
		turf_coder_number(c->coder, URF_FIELD_LEAVE_LENGTH, 0, t->length);
		break;
	case URF_TOKEN_CALL:
	case URF_TOKEN_JUMP:
	case URF_TOKEN_JUMP_FROM:
		turf_coder_number(c->coder, URF_FIELD_CALL_GAP, before, (uint32_t)t->gap);
		s->call += (uint32_t)t->gap;
		break;
	case URF_TOKEN_PARAMETER:
		turf_coder_number(c->coder, URF_FIELD_PARAMETER_A, context_parameter(s), t->a);
		put_expr(c, URF_FIELD_PARAMETER_EXPR, MIN(t->a, 17u), t->expr);
		break;
	case URF_TOKEN_TARGET:
		put_expr(c, URF_FIELD_TARGET_EXPR, 0, t->expr);
		break;
	case URF_TOKEN_FRAME:
		turf_coder_number(c->coder, URF_FIELD_FRAME_EXPR, 0, t->expr);
		break;
	default:
		put_stretch(c, t);
	}
	tokens_pass(s, t->kind, t->a, t->expr);
}
