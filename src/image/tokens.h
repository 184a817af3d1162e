/* SPDX-License-Identifier: MIT */
/*
 * What tokens of a body are said by: the contexts that symbols stand in, the addresses and the
 * expressions that are remembered. Reader and writer do the same with it. Private to the two.
 *
 * Source: docs/format.md, "Bodies"
 */
#ifndef IMAGE_TOKENS_H
#define IMAGE_TOKENS_H

#include "base/base.h"
#include "turf/variables.h"
#include "urf/format.h"

enum { CODE_NO_KIND = 14 }; /* before a body's first token */

static inline void edges_begin(struct turf_edges *e, uint32_t rva)
{
	memset(e->at, 0xff, sizeof(e->at));
	e->at[0] = e->by_age[0] = rva;
	e->n = e->next = 1;
}

/* How many of those remembered lie below @rva. */
static inline uint32_t edges_below(const struct turf_edges *e, uint32_t rva)
{
	uint32_t n = 0;
	for (unsigned i = 0; i < URF_EDGES; i++)
		n += e->at[i] < rva;
	return MIN(n, e->n); /* what is not used is all ones */
}

/* Remembers @rva, of which @below lie below it; the oldest one is forgotten. */
static inline void edges_add(struct turf_edges *e, uint32_t rva, uint32_t below)
{
	if (below < e->n && e->at[below] == rva)
		return;
	if (e->n == URF_EDGES) {
		uint32_t old = edges_below(e, e->by_age[e->next]);
		memmove(&e->at[old], &e->at[old + 1], (URF_EDGES - 1 - old) * sizeof(e->at[0]));
		below -= old < below;
		e->n--;
	}
	memmove(&e->at[below + 1], &e->at[below], (e->n - below) * sizeof(e->at[0]));
	e->at[below] = rva;
	e->n++;
	e->by_age[e->next] = rva;
	e->next = (e->next + 1) % URF_EDGES;
}

/* Puts an expression in front, from the @idx-th place. */
static inline void recent_use(uint32_t recent[URF_RECENT], uint32_t idx, uint32_t expr)
{
	memmove(&recent[1], recent, idx * sizeof(*recent));
	recent[0] = expr;
}

static inline void tokens_begin(struct turf_tokens *t, uint32_t rva)
{
	memset(t->recent, 0, sizeof(t->recent));
	t->kinds[0] = t->kinds[1] = t->kinds[2] = CODE_NO_KIND;
	t->missed = false;
	t->expr = t->a = 0;
	t->first = t->end = t->call = rva;
	edges_begin(&t->edges, rva);
}

static inline unsigned context_kind(const struct turf_tokens *t)
{
	unsigned third = t->kinds[2] <= URF_TOKEN_NEXT ? t->kinds[2]
	                 : t->kinds[2] == URF_TOKEN_CALL || t->kinds[2] == URF_TOKEN_PARAMETER
	                         ? 2
	                         : 3;
	return (t->kinds[0] * 16u + t->kinds[1]) * 4 + third;
}

static inline unsigned context_before(const struct turf_tokens *t)
{
	return t->kinds[0] * 2u + t->missed;
}

static inline unsigned context_expr(const struct turf_tokens *t)
{
	return t->kinds[0] * 21u + MIN(t->expr, 20u);
}

static inline unsigned context_next_expr(const struct turf_tokens *t)
{
	return t->expr < 64 ? t->expr : 64 + 31 - (unsigned)__builtin_clz(t->expr);
}

static inline unsigned context_length(const struct turf_tokens *t, uint32_t expr)
{
	return t->missed * 65u + MIN(expr, 64u);
}

static inline unsigned context_parameter(const struct turf_tokens *t)
{
	return t->kinds[0] == URF_TOKEN_PARAMETER ? MIN(t->a, 16u) + 1 : 0;
}

/* What the next token counts from. */
static inline void tokens_pass(struct turf_tokens *t, uint8_t kind, uint32_t a, uint32_t expr)
{
	t->kinds[2] = t->kinds[1];
	t->kinds[1] = t->kinds[0];
	t->kinds[0] = kind;
	t->a = a;
	if (kind <= URF_TOKEN_SINGLE || kind == URF_TOKEN_PARAMETER)
		t->expr = expr;
}

#endif
