/* SPDX-License-Identifier: MIT */
/*
 * Details of functions: what all units say of one function is one record.
 *
 * A unit's function is known by a DIE; what is the same for all of its code stands below the
 * DIE at the end of its abstract origins, the root. Functions of one root (clones) share the
 * record of one of them. Where units say different things of a function, each of these is a
 * variant of it with a record of its own; which one a piece of code has, its body tells.
 */
#include <xxhash.h>

#include "base/sort.h"
#include "build/bits.h"
#include "build/bodies.h"
#include "build/coder.h"
#include "build/details.h"
#include "build/functions.h"
#include "build/more.h"
#include "image/coded.h"

const struct cold_root *turf_cold_root_before(const struct cold_unit *u, unit_die die)
{
	size_t lo = bisect(mid, u->roots.n, u->roots.at[mid].die < die);
	return lo ? &u->roots.at[lo - 1] : NULL;
}

static const struct cold_root *root_at(const struct cold_unit *u, unit_die die)
{
	const struct cold_root *root = turf_cold_root_before(u, die + 1);
	return root && root->die == die ? root : NULL;
}

static const struct cold_link *link_at(const struct cold_unit *u, unit_die die)
{
	size_t lo = bisect(mid, u->links.n, u->links.at[mid].die < die);
	return lo < u->links.n && u->links.at[lo].die == die ? &u->links.at[lo] : NULL;
}

/* Index of the unit whose cold part has the DIE, and the DIE there; false: none. */
bool turf_cold_find(const struct cold *c, uint64_t die, size_t *unit, unit_die *ret)
{
	const struct dwarf *dw = &c->b->dwarf;
	const struct dwarf_unit *u = turf_dies_unit(dw, die);
	if (!u)
		return false;
	*unit = u->skeleton ? u->skeleton - 1 : (size_t)(u - dw->units);
	*ret = (unit_die)(die - u->base - u->off);
	return true;
}

/* The root of the function with that DIE, as in cold_unit.roots_of. */
static uint64_t find_root(const struct cold *c, uint64_t die)
{
	enum { LINKS_MOST = 16 };
	size_t unit;
	unit_die at;
	for (unsigned i = 0; i < LINKS_MOST; i++) {
		if (!turf_cold_find(c, die, &unit, &at))
			return 0;
		const struct cold_unit *u = &c->units[unit];
		const struct cold_root *root = root_at(u, at);
		if (root)
			return (uint64_t)unit << 32 | (uint64_t)(root - u->roots.at + 1);
		const struct cold_link *link = link_at(u, at);
		if (!link)
			return 0;
		die = link->origin;
	}
	return 0;
}

uint32_t turf_cold_block(const struct cold_unit *u, const struct cold_root *root,
                         uint32_t block)
{
	while (block && !u->blocks.at[root->first_block + block - 1].used)
		block = u->blocks.at[root->first_block + block - 1].parent;
	return block ? u->blocks.at[root->first_block + block - 1].number : 0;
}

/* Numbers what the root has, and tells what it has in common with all that say the same. */
static uint64_t shape_of(struct cold_unit *u, const struct cold_root *root)
{
	uint32_t n = 0;
	uint64_t hash = hash_mix(hash_mix(0, (uint64_t)root->type << 32 | root->flags),
	                         root->n_variables);
	for (uint32_t i = 0; i < root->n_blocks; i++) {
		struct cold_block *b = &u->blocks.at[root->first_block + i];
		if (!b->used)
			continue;
		b->number = ++n;
		hash = hash_mix(hash, turf_cold_block(u, root, b->parent));
	}
	for (uint32_t i = 0; i < root->n_variables; i++) {
		struct cold_variable *v = &u->variables.at[root->first_variable + i];
		uint64_t name = v->name ? XXH3_64bits(v->name, strlen(v->name)) : 0;
		v->index = i;
		hash = hash_mix(hash_mix(hash, name), (uint64_t)v->type << 32 | v->line);
		hash = hash_mix(hash,
		                (uint64_t)turf_cold_block(u, root, v->block) << 32 | v->kind);
		hash = hash_mix(hash, v->value);
	}
	return hash_mix(hash, n);
}

int turf_details_resolve(struct cold *c, size_t idx, struct turf_error *err)
{
	const struct unit_out *out = &c->b->units[idx];
	struct cold_unit *u = &c->units[idx];
	size_t n = out->function_dies.n;
	u->roots_of = calloc(n + 1, sizeof(*u->roots_of));
	u->variants_of = calloc(n + 1, sizeof(*u->variants_of));
	if (!u->roots_of || !u->variants_of)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for functions");
	for (size_t i = 0; i < n; i++)
		if (out->functions.at[i].used)
			u->roots_of[i] = find_root(c, out->function_dies.at[i]);
	for (size_t i = 0; i < u->roots.n; i++)
		u->roots.at[i].shape = shape_of(u, &u->roots.at[i]);
	return 0;
}

struct cold_root *turf_cold_root(const struct cold *c, uint64_t root)
{
	return root ? &c->units[root >> 32].roots.at[(uint32_t)root - 1] : NULL;
}

/* Tells @root that function @number asks for it; @first: whose DIE the root itself is. */
static void ask(struct details *d, struct cold_root *root, uint32_t number)
{
	if (!root->function)
		root->function = number;
	else if (root->function != number && !d->list[number].same)
		d->list[number].same = root->function;
}

/* Functions of one root share one record: that of the function that the root itself is. */
static void ask_all(struct details *d, const struct cold *c, bool roots)
{
	for (size_t u = 0; u < c->b->dwarf.n_units; u++) {
		const struct unit_out *out = &c->b->units[u];
		const uint64_t *roots_of = c->units[u].roots_of;
		for (size_t i = 0; roots_of && i < out->function_dies.n; i++) {
			struct cold_root *root = turf_cold_root(c, roots_of[i]);
			uint32_t number = out->functions.at[i].global;
			if (root && number &&
			    roots == (root->whole == out->function_dies.at[i]))
				ask(d, root, number);
		}
	}
}

/* What has another's record leads to one that has its own. */
static void find_same(struct details *d, const struct cold *c)
{
	enum { STEPS_MOST = 64 };
	ask_all(d, c, true);
	ask_all(d, c, false);
	for (size_t i = 1; i < d->n; i++) {
		uint32_t at = (uint32_t)i;
		for (unsigned n = 0; d->list[at].same && n < STEPS_MOST; n++)
			at = d->list[at].same;
		d->list[i].end = d->list[at].same ? (uint32_t)i : at;
	}
	for (size_t i = 1; i < d->n; i++)
		d->list[i].same = d->list[i].end == i ? 0 : d->list[i].end;
	for (size_t i = 1; i < d->n; i++) /* of a circle each has its own */
		if (d->list[i].same && d->list[d->list[i].same].same)
			d->list[i].same = 0;
}

static bool same_variant(const void *ctx, uint32_t idx, const void *other)
{
	const struct detail_variant *a = &((const struct details *)ctx)->variants.at[idx];
	const struct detail_variant *b = other;
	return a->function == b->function && a->root->shape == b->root->shape;
}

/* Notes what a unit's function says, of those that share a record. */
static int add_variant(struct details *d, const struct cold *c, uint64_t root, uint32_t number,
                       uint32_t *ret)
{
	uint32_t function = d->list[number].same ? d->list[number].same : number, idx;
	struct detail *of = &d->list[function];
	struct detail_variant v = { .unit = &c->units[root >> 32],
		                    .root = turf_cold_root(c, root),
		                    .function = function };
	if (d->variants.n == TABLE_MAX || !vec_reserve(&d->variants, 1))
		return -ENOMEM;
	int r = turf_table_intern(&d->known_variants, hash_mix(v.root->shape, function),
	                          same_variant, d, &v, (uint32_t)d->variants.n, &idx);
	if (r == 0) {
		d->variants.at[d->variants.n++] = v;
		*(of->last ? &d->variants.at[of->last - 1].next : &of->first) = idx + 1;
		of->last = idx + 1;
	}
	if (r >= 0)
		d->variants.at[idx].count++;
	*ret = idx + 1;
	return MIN(r, 0);
}

static bool add_variables(struct details *d, struct detail_variant *to)
{
	const struct cold_root *root = to->root;
	if (!vec_reserve(&d->variables, root->n_variables))
		return false;
	to->first = (uint32_t)d->variables.n;
	for (uint32_t i = 0; i < root->n_variables; i++) {
		const struct cold_variable *v =
			&to->unit->variables.at[root->first_variable + i];
		d->variables.at[d->variables.n++] = (struct detail_variable){
			.v = v, .block = turf_cold_block(to->unit, root, v->block)
		};
	}
	return true;
}

/* What most units say of a function is its own record. */
static bool number_variants(struct details *d, struct detail *of)
{
	struct detail_variant *list = d->variants.at;
	uint32_t n = 0;
	of->own = of->first;
	for (uint32_t i = of->first; i; i = list[i - 1].next)
		if (list[i - 1].count > list[of->own - 1].count)
			of->own = i;
	of->variants = (uint32_t)d->further.n;
	for (uint32_t i = of->first; i; i = list[i - 1].next) {
		if (!add_variables(d, &list[i - 1]) || !vec_reserve(&d->further, 1))
			return false;
		if (i == of->own)
			continue;
		list[i - 1].number = ++n;
		d->further.at[d->further.n++] = i - 1;
	}
	return true;
}

int turf_details_merge(struct cold *c, struct details *d)
{
	d->n = c->b->n_functions;
	d->list = calloc(d->n + 1, sizeof(*d->list));
	if (!d->list)
		return -ENOMEM;
	find_same(d, c);
	int r = 0;
	for (size_t u = 0; u < c->b->dwarf.n_units; u++) {
		const struct unit_out *out = &c->b->units[u];
		const struct cold_unit *unit = &c->units[u];
		for (size_t i = 0; r == 0 && unit->roots_of && i < out->function_dies.n; i++) {
			uint32_t number = out->functions.at[i].global;
			if (unit->roots_of[i] && number)
				r = add_variant(d, c, unit->roots_of[i], number,
				                &unit->variants_of[i]);
		}
	}
	for (size_t i = 1; r == 0 && i < d->n; i++)
		if (d->list[i].first && !number_variants(d, &d->list[i]))
			r = -ENOMEM;
	return r;
}

static bool same_pair(const void *ctx, uint32_t idx, const void *other)
{
	const struct detail_pair *a = &((const struct details *)ctx)->pairs.at[idx], *b = other;
	return a->name == b->name && a->type == b->type;
}

static int add_pair(struct details *d, struct detail_variable *v)
{
	struct detail_pair pair = { v->name, v->v->type, 0, 0 };
	if (d->pairs.n == TABLE_MAX || !vec_reserve(&d->pairs, 1))
		return -ENOMEM;
	int r = turf_table_intern(&d->known_pairs,
	                          hash_mix(0, (uint64_t)pair.name << 32 | pair.type), same_pair,
	                          d, &pair, (uint32_t)d->pairs.n, &v->pair);
	if (r == 0)
		d->pairs.at[d->pairs.n++] = pair;
	if (r >= 0)
		d->pairs.at[v->pair].count++;
	return MIN(r, 0);
}

int turf_details_intern(struct cold *c, struct details *d)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < d->variables.n; i++) {
		struct detail_variable *v = &d->variables.at[i];
		r = turf_cold_text(c->b, v->v->name, &v->name);
		if (r == 0)
			r = add_pair(d, v);
		if (v->v->value)
			turf_expr_use(&c->exprs, v->v->value);
	}
	return r;
}

/* Gives those that are used more than once a row each, most used first. */
int turf_details_pairs(const struct cold *c, struct details *d)
{
	struct sort_pair *keys = calloc(2 * d->pairs.n + 1, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	size_t n = 0;
	for (size_t i = 0; i < d->pairs.n; i++)
		if (d->pairs.at[i].count > 1)
			keys[n++] = (struct sort_pair){ UINT32_MAX - d->pairs.at[i].count, i };
	sort_pairs(keys, keys + n, n); /* of those used alike the first one that came */
	uint32_t texts = 0, types = 0;
	for (size_t i = 0; i < n; i++) {
		struct detail_pair *p = &d->pairs.at[keys[i].value];
		p->number = (uint32_t)i + 1;
		texts |= turf_more_text(&c->b->more, p->name);
		types |= p->type;
	}
	struct buf *out = &c->b->tables.of[URF_DETAIL_PAIRS];
	uint8_t widths[] = { turf_bits_width(texts), turf_bits_width(types) };
	struct bits bits;
	bool ok = turf_buf_uleb(out, n) && turf_buf_put(out, widths, sizeof(widths)) &&
	          turf_bits_begin(&bits, out, (uint64_t)n * (widths[0] + widths[1]));
	uint64_t at = 0;
	for (size_t i = 0; ok && i < n; i++) {
		const struct detail_pair *p = &d->pairs.at[keys[i].value];
		turf_bits_put(&bits, out, at, turf_more_text(&c->b->more, p->name), widths[0]);
		turf_bits_put(&bits, out, at + widths[0], p->type, widths[1]);
		at += widths[0] + widths[1];
	}
	free(keys);
	return ok ? 0 : -ENOMEM;
}

/* What the next variable counts from. */
struct before {
	uint32_t line, block, kind, pair, bits, n;
};

static void code_variable(const struct cold *c, const struct detail_variable *v,
                          struct before *before, uint32_t *last_value, struct coder *coder)
{
	const struct details *d = c->details;
	uint32_t value = c->exprs.list.at[v->v->value].final;
	uint32_t bits = (v->v->kind != before->kind ? URF_VARIABLE_TURN : 0) |
	                (v->block != before->block ? URF_VARIABLE_BLOCK : 0) |
	                (value ? URF_VARIABLE_VALUE : 0);
	uint32_t pair = d->pairs.at[v->pair].number;
	turf_coder_symbol(coder, URF_FIELD_VARIABLE,
	                  code_variable_context(before->bits, before->n, before->kind), bits);
	coder_folded(coder, URF_FIELD_VARIABLE_LINE,
	             code_line_context(bits, before->n, before->kind),
	             v->v->line - before->line);
	turf_coder_number(coder, URF_FIELD_VARIABLE_PAIR, code_pair_context(before->pair),
	                  pair);
	if (!pair) {
		turf_coder_number(coder, URF_FIELD_VARIABLE_NAME, 0,
		                  turf_more_text(&c->b->more, v->name));
		turf_coder_number(coder, URF_FIELD_VARIABLE_TYPE, 0, v->v->type);
	}
	if (bits & URF_VARIABLE_TURN)
		turf_coder_number(coder, URF_FIELD_VARIABLE_KIND, 0, v->v->kind);
	if (bits & URF_VARIABLE_BLOCK)
		coder_folded(coder, URF_FIELD_VARIABLE_BLOCK, 0, v->block - before->block);
	if (value) {
		coder_folded(coder, URF_FIELD_VARIABLE_VALUE, 0, value - *last_value);
		*last_value = value;
	}
	*before =
		(struct before){ v->v->line, v->block, v->v->kind, pair, bits, before->n + 1 };
}

static void code_blocks(const struct detail_variant *of, uint32_t n_blocks, struct coder *coder)
{
	uint32_t n = 0;
	turf_coder_number(coder, URF_FIELD_BLOCKS, 0, n_blocks);
	for (uint32_t i = 0; i < of->root->n_blocks; i++) {
		const struct cold_block *b = &of->unit->blocks.at[of->root->first_block + i];
		if (!b->used)
			continue;
		uint32_t parent = turf_cold_block(of->unit, of->root, b->parent);
		n++;
		turf_coder_number(coder, URF_FIELD_BLOCK, 0, parent ? n - parent : 0);
	}
}

static void code_flags(struct coder *coder, uint32_t flags)
{
	turf_coder_symbol(coder, URF_FIELD_FLAGS, 0, flags & URF_DETAIL_LOW);
	turf_coder_number(coder, URF_FIELD_FLAGS_HIGH, 0, flags >> URF_DETAIL_LOW_BITS);
}

/* What the group's next record counts from. */
struct group_state {
	uint32_t value, variants;
};

static void code_variant(const struct cold *c, const struct detail_variant *of, bool own,
                         struct group_state *state, struct coder *coder)
{
	const struct details *d = c->details;
	const struct detail *detail = &d->list[of->function];
	const struct cold_root *root = of->root;
	bool more = own && detail->first != detail->last;
	uint32_t n_blocks = 0;
	for (uint32_t i = 0; i < root->n_blocks; i++)
		n_blocks += of->unit->blocks.at[root->first_block + i].used;
	code_flags(coder, (root->flags & ((1u << COLD_CONVENTION_SHIFT) - 1)) |
	                          (root->scope ? URF_DETAIL_SCOPED : 0) |
	                          (n_blocks ? URF_DETAIL_BLOCKS : 0) |
	                          (more ? URF_DETAIL_VARIANTS : 0));
	turf_coder_number(coder, URF_FIELD_TYPE, 0, root->type);
	if (more) {
		turf_coder_number(coder, URF_FIELD_VARIANTS, 0,
		                  detail->variants - state->variants);
		state->variants = detail->variants;
	}
	if (root->scope)
		turf_coder_number(coder, URF_FIELD_SCOPE, 0, root->scope);
	if (root->flags & URF_DETAIL_CONVENTION)
		turf_coder_number(coder, URF_FIELD_CONVENTION, 0,
		                  root->flags >> COLD_CONVENTION_SHIFT);
	if (n_blocks)
		code_blocks(of, n_blocks, coder);
	struct before before = { .line = c->b->merged->list.at[of->function].line,
		                 .kind = URF_VARIABLE_ARGUMENT,
		                 .bits = CODE_FIRST_VARIABLE };
	for (uint32_t i = 0; i < root->n_variables; i++)
		code_variable(c, &d->variables.at[of->first + i], &before, &state->value,
		              coder);
	turf_coder_symbol(coder, URF_FIELD_VARIABLE,
	                  code_variable_context(before.bits, before.n, before.kind),
	                  URF_VARIABLE_END);
}

/* Behind the last record those that fill its group know nothing. */
static void code_detail(const struct cold *c, size_t idx, struct group_state *state,
                        struct coder *coder)
{
	const struct details *d = c->details;
	if (idx < d->n && d->list[idx].same) {
		code_flags(coder, URF_DETAIL_SAME);
		turf_coder_number(coder, URF_FIELD_SAME, 0, d->list[idx].same);
	} else if (idx < d->n && d->list[idx].own) {
		code_variant(c, &d->variants.at[d->list[idx].own - 1], true, state, coder);
	} else if (idx >= d->n && idx - d->n < d->further.n) {
		code_variant(c, &d->variants.at[d->further.at[idx - d->n]], false, state,
		             coder);
	} else {
		turf_coder_symbol(coder, URF_FIELD_FLAGS, 0, URF_CODE_MORE);
	}
}

void turf_details_number(struct cold *c, const struct details *d)
{
	for (size_t i = 0; i < d->variables.n; i++)
		turf_expr_number(&c->exprs, d->variables.at[i].v->value);
}

size_t turf_details_groups(const struct details *d)
{
	return (d->n + d->further.n + URF_DETAIL_STEP - 1) / URF_DETAIL_STEP;
}

void turf_details_code(const void *cold, size_t group, struct coder *coder)
{
	const struct cold *c = cold;
	size_t first = group * URF_DETAIL_STEP;
	struct group_state state = { 0 };
	for (size_t i = first; i < first + URF_DETAIL_STEP; i++)
		code_detail(c, i, &state, coder);
}

void turf_details_free(struct details *d)
{
	free(d->list);
	vec_fini(&d->variants);
	vec_fini(&d->further);
	vec_fini(&d->variables);
	vec_fini(&d->pairs);
	turf_table_fini(&d->known_variants);
	turf_table_fini(&d->known_pairs);
}
