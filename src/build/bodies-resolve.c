/* SPDX-License-Identifier: MIT */
/*
 * One unit's tokens, which name DIEs, in the urf's numbers: variables and blocks as details
 * number them, sites as functions do. What leads nowhere is left out.
 */
#include "build/bodies.h"
#include "build/details.h"
#include "image/expr.h"

/* What a reader expects next, of each instance on the stack. */
struct instance {
	const struct cold_unit *unit; /* of the root */
	const struct cold_root *root; /* NULL: nothing is known of its variables */
	uint32_t site, variable, block;
	uint32_t hint; /* where the last variable was, in the root's */
};

struct resolver {
	struct cold *c;
	const struct unit_out *hot;
	const struct cold_unit *unit;
	size_t idx; /* of the unit */
	struct die_plans plans;
	struct dies *walk;          /* where links had to be followed */
	bool no_memory;             /* for that, or an expression */
	struct buf named, numbered; /* an expression before and behind */
	uint32_t depth;
	struct instance stack[URF_DEPTH_MAX];
};

/* Returns the number of what its function is a variant of. */
static uint32_t enter(struct resolver *r, uint32_t function)
{
	const struct details *d = r->c->details;
	uint32_t variant = r->unit->variants_of[function];
	uint64_t root = r->unit->roots_of[function];
	r->stack[r->depth++] = (struct instance){
		.unit = root ? &r->c->units[root >> 32] : NULL,
		.root = turf_cold_root(r->c, root),
		.block = 1,
	};
	return variant ? d->variants.at[variant - 1].number : 0;
}

/* Number of the DIE that a token names. */
static uint64_t die_of(const struct resolver *r, const struct token *t)
{
	if (t->far)
		return r->unit->far_dies.at[t->a];
	const struct dwarf_unit *unit = &r->c->b->dwarf.units[r->idx];
	if (unit->split)
		unit = &r->c->b->dwarf.units[unit->split - 1];
	return unit->base + unit->off + t->a;
}

static uint64_t wanted(uint16_t tag)
{
	(void)tag;
	return DIE_TOLD | DIE_BIT(DIE_ORIGIN) | DIE_BIT(DIE_NAME) | DIE_BIT(DIE_DECL_LINE);
}

/* What a DIE is an instance of: links of links occur where units were compiled together. */
static bool follow(struct resolver *r, uint64_t *die)
{
	const struct dwarf *dw = &r->c->b->dwarf;
	const struct dwarf_unit *unit = turf_dies_unit(dw, *die);
	if (r->walk)
		r->walk->has = 0;
	if (!unit)
		return false;
	if (!r->walk) {
		r->walk = calloc(1, sizeof(*r->walk));
		r->plans.wanted = wanted;
	}
	int found = r->walk ? turf_dies(dw, unit, &r->plans, r->walk, NULL) : -ENOMEM;
	if (found == 0)
		found = turf_dies_at(r->walk, *die);
	r->no_memory |= found == -ENOMEM;
	return found == 1 && die_has(r->walk, DIE_ORIGIN) &&
	       turf_die_ref(r->walk, DIE_ORIGIN, die) == 1;
}

enum { LINKS_MOST = 8 };

/* A variable of an instance's function. */
struct found {
	uint32_t index;
	uint32_t block; /* number */
};

static const struct cold_variable *variable_at(struct instance *at, unit_die die)
{
	const struct cold_variable *v = &at->unit->variables.at[at->root->first_variable];
	uint32_t n = at->root->n_named;
	if (at->hint < n && v[at->hint].die == die)
		return &v[at->hint++];
	uint32_t lo = (uint32_t)bisect(mid, n, v[mid].die < die);
	at->hint = lo + 1;
	return lo < n && v[lo].die == die ? &v[lo] : NULL;
}

/* What is called so and declared there, of the instance's function: where units were compiled
 * together, an instance may name another unit's copy of its function's variables. */
static bool find_named(struct resolver *r, const struct instance *at, struct found *ret)
{
	const char *name;
	if (!r->walk || !die_has(r->walk, DIE_NAME) ||
	    turf_die_string(r->walk, DIE_NAME, &name) != 1)
		return false;
	uint64_t line = die_number(r->walk, DIE_DECL_LINE, 0);
	for (uint32_t i = 0; i < at->root->n_named; i++) {
		const struct cold_variable *v =
			&at->unit->variables.at[at->root->first_variable + i];
		if (v->line != line || !v->name || strcmp(v->name, name) != 0)
			continue;
		*ret = (struct found){ i, turf_cold_block(at->unit, at->root, v->block) };
		return true;
	}
	return false;
}

/* The variable of the instance's function that a DIE is one of, at whatever distance. */
static const struct cold_variable *linked_variable(struct resolver *r, struct instance *at,
                                                   uint64_t die)
{
	for (unsigned i = 0; i < LINKS_MOST; i++) {
		size_t unit;
		unit_die local;
		if (turf_cold_find(r->c, die, &unit, &local) &&
		    at->unit == &r->c->units[unit]) {
			const struct cold_variable *v = variable_at(at, local);
			if (v)
				return v;
		}
		if (!follow(r, &die))
			return NULL;
	}
	return NULL;
}

static bool variable_of(struct resolver *r, struct instance *at, const struct token *t,
                        struct found *ret)
{
	const struct cold_variable *v = NULL;
	if (!at->root)
		return false;
	if (!t->far && at->unit == r->unit)
		v = variable_at(at, t->a);
	if (!v)
		v = linked_variable(r, at, die_of(r, t));
	if (!v)
		return find_named(r, at, ret);
	*ret = (struct found){ v->index, turf_cold_block(at->unit, at->root, v->block) };
	return true;
}

/* What an expression calls a variable: its number in the instance it is of, around this one. */
static uint64_t reference_to(struct resolver *r, uint64_t die)
{
	for (uint32_t around = 0; around < MIN(r->depth, URF_REFERENCE_AROUND + 1u); around++) {
		struct instance at = r->stack[r->depth - 1 - around];
		const struct cold_variable *v = at.root ? linked_variable(r, &at, die) : NULL;
		if (v)
			return URF_REFERENCE_FIRST +
			       (((uint64_t)v->index << URF_REFERENCE_BITS) | around);
	}
	return URF_REFERENCE_NONE;
}

/* What an expression calls an argument of any function: its position, from 1 on; 0: none. */
static uint64_t position_of(struct resolver *r, uint64_t die)
{
	for (unsigned i = 0; i < LINKS_MOST; i++) {
		struct instance at = { 0 };
		size_t unit;
		unit_die local;
		if (turf_cold_find(r->c, die, &unit, &local)) {
			at.unit = &r->c->units[unit];
			at.root = turf_cold_root_before(at.unit, local);
		}
		const struct cold_variable *v = at.root ? variable_at(&at, local) : NULL;
		if (v)
			return (uint64_t)v->index + 1;
		if (!follow(r, &die))
			return 0;
	}
	return 0;
}

/* @value in @size bytes; 0 where it takes more. */
static bool put_wide(struct buf *out, uint64_t value, size_t size)
{
	bool fits = size * 7 >= 64 || value >> size * 7 == 0;
	uint8_t byte;
	bool ok = true;
	for (value = fits ? value : 0; ok && size--; value >>= 7) {
		byte = (uint8_t)((value & 0x7f) | (size ? 0x80 : 0));
		ok = turf_buf_put(out, &byte, 1);
	}
	return ok;
}

static bool has_jumps(struct span expr)
{
	struct cursor c = cur_of(expr, false);
	struct expr_op op;
	while (turf_expr_next(&c, &op) == 1)
		if (op.op == OP_BRA || op.op == OP_SKIP)
			return true;
	return false;
}

/* @named with numbers of variables in place of their DIEs; where it has jumps the numbers take
 * as much room. */
static bool number_variables(struct resolver *r)
{
	struct span all = { r->named.at, r->named.n };
	struct cursor c = cur_of(all, false);
	struct expr_op op;
	bool keeps_size = has_jumps(all), ok = true;
	r->numbered.n = 0;
	for (const uint8_t *begin = c.at; ok && turf_expr_next(&c, &op) == 1; begin = c.at) {
		bool names = op.a >= URF_REFERENCE_FIRST &&
		             (op.op == OP_IMPLICIT_POINTER || op.op == OP_PARAMETER_REF ||
		              op.op == OP_VARIABLE_VALUE);
		if (!names) {
			ok = turf_buf_put(&r->numbered, begin, (size_t)(c.at - begin));
			continue;
		}
		struct cursor operand = c;
		operand.at = begin + 1;
		(void)cur_uleb(&operand);
		uint64_t die = op.a - URF_REFERENCE_FIRST;
		uint64_t number =
			op.op == OP_PARAMETER_REF ? position_of(r, die) : reference_to(r, die);
		ok = turf_buf_put(&r->numbered, begin, 1) &&
		     (keeps_size
		              ? put_wide(&r->numbered, number, (size_t)(operand.at - begin - 1))
		              : turf_buf_uleb(&r->numbered, number)) &&
		     turf_buf_put(&r->numbered, operand.at, (size_t)(c.at - operand.at));
	}
	return ok;
}

static void renumber(struct resolver *r, uint32_t *expr)
{
	r->named.n = 0;
	if (turf_expr_form(&r->c->exprs, *expr, &r->named) < 0 || !number_variables(r) ||
	    turf_expr_add(&r->c->exprs, (struct span){ r->numbered.at, r->numbered.n }, expr) <
	            0)
		r->no_memory = true;
}

static uint32_t block_at(const struct instance *at, unit_die die)
{
	const struct cold_block *b = &at->unit->blocks.at[at->root->first_block];
	uint32_t lo = (uint32_t)bisect(mid, at->root->n_blocks, b[mid].die < die);
	return lo < at->root->n_blocks && b[lo].die == die && b[lo].used ? b[lo].number : 0;
}

static uint32_t block_of(struct resolver *r, const struct instance *at, const struct token *t)
{
	if (t->by_variable) {
		struct instance copy = *at; /* it is no place of that variable */
		struct found found;
		return variable_of(r, &copy, t, &found) ? found.block : 0;
	}
	if (!at->root)
		return 0;
	if (!t->far && at->unit == r->unit)
		return block_at(at, t->a);
	uint32_t number = 0;
	uint64_t die = die_of(r, t);
	for (unsigned i = 0; !number && i < LINKS_MOST; i++) {
		size_t unit;
		unit_die local;
		if (turf_cold_find(r->c, die, &unit, &local) && at->unit == &r->c->units[unit])
			number = block_at(at, local);
		if (!number && !follow(r, &die))
			break;
	}
	return number;
}

/* The token in the urf's numbers, but for its expression; false: it says nothing. */
static bool resolve_token(struct resolver *r, struct token *t)
{
	struct instance *at = &r->stack[r->depth - 1];
	struct found found;
	uint32_t number;
	if (t->names) {
		renumber(r, &t->expr);
		if (t->kind == URF_TOKEN_PARAMETER && t->far)
			renumber(r, &t->a);
	}
	switch (t->kind) {
	case URF_TOKEN_FIRST:
	case URF_TOKEN_SINGLE:
		if (!variable_of(r, at, t, &found))
			return false;
		t->a = found.index - at->variable;
		at->variable = found.index + 1;
		return true;
	case URF_TOKEN_BLOCK:
		number = block_of(r, at, t);
		if (!number)
			return false;
		t->a = number - at->block;
		at->block = number + 1;
		return true;
	case URF_TOKEN_ENTER: {
		const struct unit_scope *scope = &r->hot->scopes.at[t->a];
		if (t->length >= r->depth || r->depth - t->length >= URF_DEPTH_MAX)
			return false; /* cannot be: the reader has counted */
		r->depth -= t->length;
		at = &r->stack[r->depth - 1];
		number = r->hot->sites.at[scope->site].number;
		t->a = number - at->site;
		at->site = number + 1;
		t->gap = (int32_t)enter(r, scope->function);
		return true;
	}
	case URF_TOKEN_LEAVE:
		if (t->length >= r->depth)
			return false;
		r->depth -= t->length;
		return true;
	default:
		return true;
	}
}

/* Gaps count from what readers know: a list that is left out takes its part along. */
struct gaps {
	uint32_t old_first, old_end; /* as the unit's reader counted */
	uint32_t first, end;         /* as the urf's reader will */
};

static void shift_gaps(struct gaps *g, struct token *t, bool kept)
{
	if (t->kind == URF_TOKEN_FIRST || t->kind == URF_TOKEN_BLOCK) {
		uint32_t start = g->old_first + (uint32_t)t->gap;
		g->old_first = start;
		g->old_end = start + t->length;
		if (!kept)
			return;
		t->gap = (int32_t)(start - g->first);
		g->first = start;
		g->end = start + t->length;
	} else if (t->kind == URF_TOKEN_NEXT || t->kind == URF_TOKEN_RANGE) {
		g->old_end += (uint32_t)t->gap + t->length;
		if (kept)
			g->end = g->old_end;
	}
}

static void resolve_body(struct resolver *r, struct cold_body *body)
{
	const struct unit_scope *scope = &r->hot->scopes.at[body->scope];
	struct token *t = &r->unit->tokens.at[body->first];
	struct gaps gaps = { scope->site, scope->site, scope->site, scope->site };
	uint32_t kept = 0;
	bool list = false; /* the one that NEXT and RANGE go on with is kept */
	r->depth = 0;
	body->variant = enter(r, scope->function);
	for (uint32_t i = 0; i < body->n; i++) {
		struct token token = t[i];
		bool goes_on = token.kind == URF_TOKEN_NEXT || token.kind == URF_TOKEN_RANGE;
		bool keeps = (!goes_on || list) && resolve_token(r, &token);
		if (token.kind == URF_TOKEN_FIRST || token.kind == URF_TOKEN_BLOCK)
			list = keeps;
		shift_gaps(&gaps, &token, keeps);
		if (keeps)
			t[kept++] = token;
	}
	body->n = kept;
}

int turf_bodies_resolve(struct cold *c, size_t idx, struct turf_error *err)
{
	struct cold_unit *u = &c->units[idx];
	struct resolver r = { .c = c, .hot = &c->b->units[idx], .unit = u, .idx = idx };
	for (size_t i = 0; i < u->bodies.n; i++)
		if (u->bodies.at[i].chosen)
			resolve_body(&r, &u->bodies.at[i]);
	turf_die_plans_fini(&r.plans);
	free(r.walk);
	vec_fini(&r.named);
	vec_fini(&r.numbered);
	return r.no_memory ? turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for variables")
	                   : 0;
}
