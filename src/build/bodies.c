/* SPDX-License-Identifier: MIT */
/*
 * All units' bodies: of each entry one; expressions numbered; tokens coded, together with
 * details and expressions.
 *
 * What is done in parallel is done for each unit or group alone, and sums: the number of
 * threads leaves no trace.
 */
#include "base/sort.h"
#include "build/bodies.h"
#include "build/coder.h"
#include "build/details.h"
#include "build/tokens.h"
#include "build/variables.h"

enum { COUNTERS = 4 }; /* tasks that count expressions */

/* A chosen body. */
struct entry {
	uint32_t start, unit, body;
};
struct group {
	uint32_t first, end; /* in the list */
	uint32_t n_new;      /* expressions that are used but once, here */
	uint32_t next_expr;  /* number of the first of these */
};

struct bodies {
	struct cold *c;
	UNIT_LIST(struct entry) list; /* by start */
	UNIT_LIST(struct group) groups;
	uint32_t *counts[COUNTERS]; /* of expressions */
};

static struct cold_body *body_of(const struct bodies *all, const struct entry *e)
{
	return &all->c->units[e->unit].bodies.at[e->body];
}

/* Of bodies with one entry: the first unit's, and of its the last one in the order of DIEs, as
 * segments have it. */
static int choose(struct bodies *all)
{
	struct cold *c = all->c;
	size_t n = 0;
	for (size_t u = 0; u < c->b->dwarf.n_units; u++)
		n += c->units[u].bodies.n;
	UNIT_LIST(struct sort_pair) keys = { 0 };
	if (!vec_reserve(&keys, 2 * n + 1) || !vec_reserve(&all->list, n)) {
		vec_fini(&keys);
		return -ENOMEM;
	}
	for (size_t u = 0; u < c->b->dwarf.n_units; u++)
		for (size_t i = c->units[u].bodies.n; i-- > 0;) {
			const struct unit_scope *scope =
				&c->b->units[u].scopes.at[c->units[u].bodies.at[i].scope];
			keys.at[keys.n++] = (struct sort_pair){ scope->site, u << 32 | i };
		}
	sort_pairs(keys.at, keys.at + n, n);
	for (size_t i = 0; i < n; i++) {
		if (i && keys.at[i].key == keys.at[i - 1].key)
			continue;
		struct entry e = { (uint32_t)keys.at[i].key, (uint32_t)(keys.at[i].value >> 32),
			           (uint32_t)keys.at[i].value };
		c->units[e.unit].bodies.at[e.body].chosen = true;
		all->list.at[all->list.n++] = e;
	}
	vec_fini(&keys);
	return 0;
}

/* Groups end where they have many bodies, or many tokens. */
static int make_groups(struct bodies *all)
{
	for (size_t i = 0; i < all->list.n;) {
		struct group *g = vec_push(&all->groups);
		uint64_t tokens = 0;
		if (!g)
			return -ENOMEM;
		g->first = (uint32_t)i;
		while (i < all->list.n && i - g->first < URF_BODY_STEP &&
		       tokens < URF_BODY_TOKENS)
			tokens += body_of(all, &all->list.at[i++])->n;
		g->end = (uint32_t)i;
	}
	return 0;
}

static struct token *tokens_of(const struct bodies *all, const struct entry *e)
{
	return &all->c->units[e->unit].tokens.at[body_of(all, e)->first];
}

/* Every COUNTERS-th group's uses of expressions. Those that are no token's own count double, so
 * that they are not among those used once, whose numbers readers guess. */
static int count_task(void *ctx, size_t idx, struct turf_error *err)
{
	struct bodies *all = ctx;
	uint32_t *counts = turf_zeroed(all->c->exprs.list.n * sizeof(*counts));
	all->counts[idx] = counts;
	if (!counts)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for expressions");
	for (size_t g = idx; g < all->groups.n; g += COUNTERS)
		for (uint32_t i = all->groups.at[g].first; i < all->groups.at[g].end; i++) {
			const struct token *t = tokens_of(all, &all->list.at[i]);
			for (uint32_t n = body_of(all, &all->list.at[i])->n; n--; t++) {
				counts[t->expr] += t->kind == URF_TOKEN_FRAME ? 2 : 1;
				if (t->kind == URF_TOKEN_PARAMETER && t->far)
					counts[t->a] += 2;
			}
		}
	return 0;
}

static int count_expressions(struct bodies *all, struct turf_error *err)
{
	int r = turf_pool_run(&all->c->b->pool, COUNTERS, count_task, all, err);
	for (unsigned i = 0; i < COUNTERS; i++) {
		for (size_t k = 1; r == 0 && k < all->c->exprs.list.n; k++)
			all->c->exprs.list.at[k].count += all->counts[i][k];
		free(all->counts[i]);
		all->counts[i] = NULL;
	}
	return r;
}

/* How many expressions are used in this group and nowhere else, and once. */
static int count_new(void *ctx, size_t idx, struct turf_error *err)
{
	struct bodies *all = ctx;
	struct group *g = &all->groups.at[idx];
	const struct expr *exprs = all->c->exprs.list.at;
	(void)err;
	for (uint32_t i = g->first; i < g->end; i++) {
		const struct token *t = tokens_of(all, &all->list.at[i]);
		for (uint32_t n = body_of(all, &all->list.at[i])->n; n--; t++)
			g->n_new += t->expr && exprs[t->expr].count == 1;
	}
	return 0;
}

/* Numbers of expressions in place of their provisional ones. */
static int finish(void *ctx, size_t idx, struct turf_error *err)
{
	struct bodies *all = ctx;
	struct group *g = &all->groups.at[idx];
	struct expr *exprs = all->c->exprs.list.at;
	uint32_t next = g->next_expr;
	(void)err;
	for (uint32_t i = g->first; i < g->end; i++) {
		struct token *t = tokens_of(all, &all->list.at[i]);
		for (uint32_t n = body_of(all, &all->list.at[i])->n; n--; t++) {
			struct expr *e = &exprs[t->expr];
			if (t->expr && e->count == 1)
				e->final = next++;
			t->expr = e->final;
			if (t->kind == URF_TOKEN_PARAMETER && t->far)
				t->a = URF_TOKEN_PLACE + exprs[t->a].final;
		}
	}
	return 0;
}

/* Those used most come first, then those used once, in the order of their uses. */
static int number_expressions(struct bodies *all, struct turf_error *err)
{
	struct cold *c = all->c;
	int r = turf_exprs_number(&c->exprs);
	if (r == 0)
		r = turf_pool_run(&c->b->pool, all->groups.n, count_new, all, err);
	for (size_t i = 0; r == 0 && i < all->groups.n; i++) {
		all->groups.at[i].next_expr = c->exprs.next;
		c->exprs.next += all->groups.at[i].n_new;
	}
	if (r == 0)
		r = turf_pool_run(&c->b->pool, all->groups.n, finish, all, err);
	if (r == 0) {
		turf_details_number(c, c->details);
		turf_variables_number(c, c->variables);
		r = turf_exprs_order(&c->exprs, &c->b->tables.of[URF_LOCATIONS]);
	}
	return r;
}

static void code_body(const struct bodies *all, const struct entry *e, struct token_coder *c)
{
	const struct cold_body *body = body_of(all, e);
	const struct token *t = tokens_of(all, e);
	turf_tokens_begin(c, e->start);
	for (uint32_t i = 0; i < body->n; i++)
		turf_token_code(c, &t[i]);
	turf_tokens_end(c);
}

static uint32_t function_of(const struct bodies *all, const struct entry *e)
{
	const struct unit_out *hot = &all->c->b->units[e->unit];
	return hot->functions.at[hot->scopes.at[body_of(all, e)->scope].function].global;
}

static void code_group(const void *ctx, size_t idx, struct coder *coder)
{
	const struct bodies *all = ctx;
	const struct group *g = &all->groups.at[idx];
	struct token_coder c = { .coder = coder, .next_expr = g->next_expr };
	uint32_t start = all->list.at[g->first].start, function = 0;
	turf_coder_number(coder, URF_FIELD_BODY_EXPR, 0, g->next_expr);
	for (uint32_t i = g->first; i < g->end; i++) {
		const struct entry *e = &all->list.at[i];
		uint32_t number = function_of(all, e);
		turf_coder_number(coder, URF_FIELD_BODY_START, 0, e->start - start);
		coder_folded(coder, URF_FIELD_BODY_FUNCTION, 0, number - function);
		turf_coder_number(coder, URF_FIELD_BODY_VARIANT, 0, body_of(all, e)->variant);
		code_body(all, e, &c);
		start = e->start;
		function = number;
	}
	turf_coder_number(coder, URF_FIELD_BODY_START, 0, 0);
}

static int put_index(const uint32_t *offs, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		le32 off = le32_of(offs[i]);
		if (!turf_buf_put(out, &off, sizeof(off)))
			return -ENOMEM;
	}
	return 0;
}

static int put_groups(const struct bodies *all, const uint32_t *offs)
{
	for (size_t i = 0; i < all->groups.n; i++) {
		struct urf_body group = { le32_of(all->list.at[all->groups.at[i].first].start),
			                  le32_of(offs[i]) };
		if (table_put(&all->c->b->tables, URF_BODIES, &group, sizeof(group)) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Counts every so many groups: enough to tell what occurs how often. */
static size_t counted_of(const struct bodies *all)
{
	enum { COUNTED = 1 << 11 };
	return all->groups.n / COUNTED + 1;
}

static int code_all(struct bodies *all, struct turf_error *err)
{
	struct cold *c = all->c;
	struct buf *of = c->b->tables.of;
	struct coded_part parts[] = {
		{ all, all->groups.n, counted_of(all), code_group, &of[URF_BODY_DATA], NULL },
		{ c, turf_details_groups(c->details), 1, turf_details_code, &of[URF_DETAILS],
		  NULL },
		{ &c->exprs, turf_exprs_groups(&c->exprs), 1, turf_exprs_code,
		  &of[URF_LOCATIONS], NULL },
	};
	le32 n_exprs = le32_of(c->exprs.next);
	int r = turf_code_parts(c->b, parts, COUNT(parts), &of[URF_MODELS], err);
	if (r == 0)
		r = put_groups(all, parts[0].offs);
	if (r == 0)
		r = put_index(parts[1].offs, parts[1].n, &of[URF_DETAIL_INDEX]);
	if (r == 0 && parts[2].n &&
	    !turf_buf_put(&of[URF_LOCATION_INDEX], &n_exprs, sizeof(n_exprs)))
		r = -ENOMEM;
	if (r == 0)
		r = put_index(parts[2].offs, parts[2].n, &of[URF_LOCATION_INDEX]);
	for (size_t i = 0; i < COUNT(parts); i++)
		free(parts[i].offs);
	return r;
}

static int read_task(void *ctx, size_t idx, struct turf_error *err)
{
	return turf_bodies_read(ctx, idx, err);
}

static int resolve_task(void *ctx, size_t idx, struct turf_error *err)
{
	return turf_bodies_resolve(ctx, idx, err);
}

static int resolve_roots(void *ctx, size_t idx, struct turf_error *err)
{
	return turf_details_resolve(ctx, idx, err);
}

int turf_build_bodies(struct builder *b, struct turf_error *err)
{
	struct cold *c = b->cold = calloc(1, sizeof(*c));
	size_t n = b->dwarf.n_units;
	if (!c)
		return -ENOMEM;
	c->b = b;
	c->units = calloc(n + 1, sizeof(*c->units));
	c->details = calloc(1, sizeof(*c->details));
	c->bodies = calloc(1, sizeof(*c->bodies));
	c->variables = calloc(1, sizeof(*c->variables));
	int r = turf_exprs_begin(&c->exprs);
	if (!c->units || !c->details || !c->bodies || !c->variables)
		r = -ENOMEM;
	if (r == 0) {
		c->bodies->c = c;
		r = turf_pool_run(&b->pool, n, read_task, c, err);
	}
	if (r == 0)
		r = turf_pool_run(&b->pool, n, resolve_roots, c, err);
	if (r == 0)
		r = turf_details_merge(c, c->details);
	if (r == 0)
		r = turf_variables_merge(c, c->variables);
	if (r == 0)
		r = choose(c->bodies);
	if (r == 0)
		r = turf_pool_run(&b->pool, n, resolve_task, c, err);
	return r < 0 ? r : make_groups(c->bodies);
}

int turf_intern_bodies(struct builder *b)
{
	int r = turf_details_intern(b->cold, b->cold->details);
	return r < 0 ? r : turf_variables_intern(b->cold, b->cold->variables);
}

int turf_emit_bodies(struct builder *b, struct turf_error *err)
{
	struct cold *c = b->cold;
	int r = count_expressions(c->bodies, err);
	if (r == 0)
		r = number_expressions(c->bodies, err);
	if (r == 0)
		r = turf_details_pairs(c, c->details);
	if (r == 0)
		r = code_all(c->bodies, err);
	return r < 0 ? r : turf_variables_emit(c, c->variables);
}

void turf_bodies_free(struct cold *c)
{
	if (!c)
		return;
	for (size_t i = 0; c->units && i < c->b->dwarf.n_units; i++) {
		free(c->units[i].roots_of);
		free(c->units[i].variants_of);
	}
	free(c->units);
	if (c->details)
		turf_details_free(c->details);
	free(c->details);
	if (c->bodies) {
		vec_fini(&c->bodies->list);
		vec_fini(&c->bodies->groups);
	}
	free(c->bodies);
	if (c->variables)
		turf_variables_free(c->variables);
	free(c->variables);
	turf_exprs_fini(&c->exprs);
	turf_bodies_scratch_free(c->scratch);
	free(c);
}
