/* SPDX-License-Identifier: MIT */
/*
 * One unit's DIEs -> its functions with their variables, and tokens: for each piece of code,
 * in the order of the DIEs, what is inlined, where variables are, what calls pass.
 *
 * Cost:   one pass; nothing is allocated from DIE to DIE but room for what is kept
 * Trust:  none: DIEs nest DEPTH_MOST deep at most, a list of locations is read once for each
 *         DIE that names it, within a budget of the whole unit
 */
#include "build/bodies-read.h"

static const uint64_t variable_slots =
	DIE_TOLD | DIE_BIT(DIE_NAME) | DIE_BIT(DIE_TYPE) | DIE_BIT(DIE_DECL_FILE) |
	DIE_BIT(DIE_DECL_LINE) | DIE_BIT(DIE_ORIGIN) | DIE_BIT(DIE_LOCATION) |
	DIE_BIT(DIE_CONST_VALUE) | DIE_BIT(DIE_DECLARATION) | DIE_BIT(DIE_ARTIFICIAL) |
	DIE_BIT(DIE_EXTERNAL) | DIE_BIT(DIE_SPECIFICATION) | DIE_BIT(DIE_LINKAGE_NAME);

static uint64_t wanted(uint16_t tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
		return DIE_TOLD | DIE_BIT(DIE_NAME) | DIE_BIT(DIE_TYPE) |
		       DIE_BIT(DIE_DECL_FILE) | DIE_BIT(DIE_ORIGIN) |
		       DIE_BIT(DIE_SPECIFICATION) | DIE_BIT(DIE_DECLARATION) |
		       DIE_BIT(DIE_LOW_PC) | DIE_BIT(DIE_RANGES) | DIE_BIT(DIE_INLINE) |
		       DIE_BIT(DIE_FRAME_BASE) | DIE_BIT(DIE_EXTERNAL) | DIE_BIT(DIE_NORETURN) |
		       DIE_BIT(DIE_PROTOTYPED) | DIE_BIT(DIE_ARTIFICIAL) |
		       DIE_BIT(DIE_EXPLICIT) | DIE_BIT(DIE_DELETED) | DIE_BIT(DIE_DEFAULTED) |
		       DIE_BIT(DIE_VIRTUALITY) | DIE_BIT(DIE_CALLING_CONVENTION) |
		       DIE_BIT(DIE_OBJECT_POINTER);
	case DW_TAG_inlined_subroutine:
		return DIE_TOLD | DIE_BIT(DIE_ORIGIN);
	case TAG_LEXICAL_BLOCK:
		return DIE_TOLD | DIE_BIT(DIE_ORIGIN) | DIE_BIT(DIE_LOW_PC) |
		       DIE_BIT(DIE_HIGH_PC) | DIE_BIT(DIE_RANGES);
	case DW_TAG_formal_parameter:
	case DW_TAG_variable:
	case TAG_CONSTANT:
	case TAG_TYPE_ARGUMENT:
	case TAG_VALUE_ARGUMENT:
		return variable_slots;
	case TAG_LABEL:
		return DIE_TOLD | DIE_BIT(DIE_NAME) | DIE_BIT(DIE_DECL_LINE) |
		       DIE_BIT(DIE_ORIGIN) | DIE_BIT(DIE_LOW_PC);
	case TAG_UNSPECIFIED:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
		return DIE_TOLD;
	case DW_TAG_call_site:
	case DW_TAG_GNU_call_site:
		return DIE_TOLD | DIE_BIT(DIE_CALL_RETURN_PC) | DIE_BIT(DIE_ENTRY_PC) |
		       DIE_BIT(DIE_LOW_PC) | DIE_BIT(DIE_CALL_TAIL) | DIE_BIT(DIE_CALL_TARGET);
	case TAG_CALL_PARAMETER:
	case TAG_GNU_CALL_PARAMETER:
		return DIE_TOLD | DIE_BIT(DIE_LOCATION) | DIE_BIT(DIE_CALL_VALUE) |
		       DIE_BIT(DIE_CALL_PARAMETER) | DIE_BIT(DIE_ORIGIN);
	case DW_TAG_array_type:
	case DW_TAG_subroutine_type:
	case DW_TAG_enumeration_type:
		return DIE_PRUNE;
	default:
		return 0;
	}
}

/* The same, of C: no types hold code. */
static uint64_t wanted_of_c(uint16_t tag)
{
	switch (tag) {
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_class_type:
		return DIE_PRUNE;
	default:
		return wanted(tag);
	}
}

/* The same, of a DIE that is referred to. */
static uint64_t wanted_there(uint16_t tag)
{
	return tag == TAG_PROCEDURE ? DIE_TOLD | DIE_BIT(DIE_LOCATION) : wanted(tag);
}

static struct cold_scratch *take_scratch(struct cold *c)
{
	pthread_mutex_lock(&c->b->lock);
	struct cold_scratch *s = c->scratch;
	if (s)
		c->scratch = s->next;
	pthread_mutex_unlock(&c->b->lock);
	if (!s) {
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		s->plans.wanted = wanted;
		s->plans_of_c.wanted = wanted_of_c;
		s->plans_of_others.wanted = wanted_there;
	}
	return s;
}

#define EACH_COLD_LIST(out, what)                                                              \
	do {                                                                                   \
		what((out)->roots);                                                            \
		what((out)->variables);                                                        \
		what((out)->blocks);                                                           \
		what((out)->tokens);                                                           \
		what((out)->bodies);                                                           \
		what((out)->far_dies);                                                         \
		what((out)->links);                                                            \
		what((out)->scopes);                                                           \
		what((out)->globals);                                                          \
	} while (0)

static void give_scratch(struct cold *c, struct cold_scratch *s)
{
#define EMPTY(list) (list).n = 0
	EACH_COLD_LIST(&s->out, EMPTY);
	pthread_mutex_lock(&c->b->lock);
	s->next = c->scratch;
	c->scratch = s;
	pthread_mutex_unlock(&c->b->lock);
}

void turf_bodies_scratch_free(struct cold_scratch *s)
{
	while (s) {
		struct cold_scratch *next = s->next;
#define FINI(list) vec_fini(&(list))
		EACH_COLD_LIST(&s->out, FINI);
		for (size_t i = 0; i < NESTED_MOST; i++) {
			vec_fini(&s->open[i].tokens);
			vec_fini(&s->open[i].calls);
			vec_fini(&s->open[i].order);
			vec_fini(&s->telling[i].variables);
			vec_fini(&s->telling[i].arguments);
			vec_fini(&s->telling[i].blocks);
		}
		turf_die_plans_fini(&s->plans);
		turf_die_plans_fini(&s->plans_of_c);
		turf_die_plans_fini(&s->plans_of_others);
		turf_expr_cache_fini(&s->exprs);
		turf_arena_fini(&s->kept);
		free(s);
		s = next;
	}
}

/* Copies what has grown to where it takes no more room than it needs. */
static bool keep(struct cold_scratch *s, struct cold_unit *ret)
{
	size_t size = 0;
#define ADD_SIZE(list) size += UNIT_LIST_SIZE(list)
	EACH_COLD_LIST(&s->out, ADD_SIZE);
	uint8_t *at = turf_arena_take(&s->kept, size);
	if (!at)
		return false;
	*ret = s->out;
#define MOVE(list) UNIT_LIST_MOVE(list, &at)
	EACH_COLD_LIST(ret, MOVE);
	return true;
}

static uint8_t kind_of(const struct dies *walk)
{
	uint8_t kind = walk->tag == DW_TAG_formal_parameter ? URF_VARIABLE_ARGUMENT
	               : walk->tag == TAG_CONSTANT          ? URF_VARIABLE_CONSTANT
	                                                    : URF_VARIABLE_LOCAL;
	return die_flag(walk, DIE_ARTIFICIAL) ? kind | URF_VARIABLE_ARTIFICIAL : kind;
}

/* One in a function whose place is the same in all of its code. */
static int add_static(struct reader *r, const struct cold_variable *v)
{
	struct cold_global *g = vec_push(&r->out->globals);
	if (!g)
		return -ENOMEM;
	*g = (struct cold_global){ .name = v->name,
		                   .type = v->type,
		                   .line = v->line,
		                   .file = v->file,
		                   .value = v->value,
		                   .root = r->at->root };
	const struct dwarf_unit *unit = r->unit;
	g->file_unit = unit->skeleton ? &r->b->dwarf.units[unit->skeleton - 1] : unit;
	return 0;
}

/* A variable among those of the function that it is declared in. */
static int add_variable(struct reader *r)
{
	const struct dies *walk = r->walk;
	struct cold_variable *v = vec_push(&told(r)->variables);
	if (!v)
		return -ENOMEM;
	v->name = name_of(r);
	v->die = own_die(r, walk->die);
	v->type = type_of(r, DIE_TYPE);
	v->line = line_of(walk);
	v->file = (uint32_t)MIN(die_number(walk, DIE_DECL_FILE, UINT32_MAX) + 1,
	                        (uint64_t)UINT32_MAX);
	v->block = r->at->block;
	v->kind = kind_of(walk);
	if (v->block)
		told(r)->blocks.at[v->block - 1].used = true;
	bool is_value = die_has(walk, DIE_CONST_VALUE) && !die_has(walk, DIE_LOCATION);
	struct span block = { NULL, 0 };
	if (has_block(walk, DIE_LOCATION))
		block = block_of(walk, DIE_LOCATION);
	int result = 0;
	if (is_value)
		result = turf_read_constant(r, &v->value);
	else if (block.size && (!r->at->live || turf_is_static(block)))
		result = turf_read_expr(r, block, &v->value);
	else if (r->at->live)
		result = turf_read_place(r, (struct token){ .a = v->die });
	if (v->value && block.size && turf_is_static(block) &&
	    (v->kind & URF_VARIABLE_KIND) == URF_VARIABLE_LOCAL) {
		v->kind = (v->kind & ~URF_VARIABLE_KIND) | URF_VARIABLE_STATIC;
		return result < 0 ? result : add_static(r, v);
	}
	return result;
}

bool turf_read_origin(struct reader *r, struct token *token, bool *there)
{
	uint64_t die;
	*there = die_has(r->walk, DIE_ORIGIN) && turf_die_ref(r->walk, DIE_ORIGIN, &die) == 1;
	if (!*there)
		return true;
	if (is_own(r, die)) {
		token->a = own_die(r, die);
		return true;
	}
	token->far = true;
	token->a = (uint32_t)r->out->far_dies.n;
	if (!vec_reserve(&r->out->far_dies, 1))
		return false;
	r->out->far_dies.at[r->out->far_dies.n++] = die;
	return true;
}

const struct dies *turf_read_other(struct reader *r, uint64_t die)
{
	const struct dwarf *dw = &r->b->dwarf;
	struct dies *other = &r->s->other;
	const struct dwarf_unit *unit = turf_dies_unit(dw, die);
	int found = unit ? turf_dies(dw, unit, &r->s->plans_of_others, other, NULL) : -ENOENT;
	if (found == 0)
		found = turf_dies_at(other, die);
	r->no_memory |= found == -ENOMEM;
	return found == 1 ? other : NULL;
}

/* The DIE that this one completes: the declaration in a class, most often. NULL: none. */
static const struct dies *specification(struct reader *r)
{
	uint64_t die;
	if (!die_has(r->walk, DIE_SPECIFICATION) ||
	    turf_die_ref(r->walk, DIE_SPECIFICATION, &die) != 1)
		return NULL;
	return turf_read_other(r, die);
}

/* Type or namespace of what stands here, or, where it has a specification, there. */
static uint32_t scope_here(struct reader *r)
{
	const struct cold_unit *out = r->out;
	uint32_t at = r->at->scope;
	uint64_t link;
	if (die_has(r->walk, DIE_SPECIFICATION) &&
	    turf_die_ref(r->walk, DIE_SPECIFICATION, &link) == 1 && is_own(r, link)) {
		unit_die die = own_die(r, link);
		size_t lo = 0, hi = out->scopes.n; /* the last one that begins before */
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;
			if (out->scopes.at[mid].die < die)
				lo = mid + 1;
			else
				hi = mid;
		}
		for (at = (uint32_t)lo; at && out->scopes.at[at - 1].end <= die;)
			at = out->scopes.at[at - 1].parent;
	}
	return at ? out->scopes.at[at - 1].type : 0;
}

/* A variable outside functions: what its specification says is told there. */
static int add_global(struct reader *r)
{
	const struct dies *walk = r->walk;
	struct dwarf_names names;
	struct cold_global *g = vec_push(&r->out->globals);
	if (!g)
		return -ENOMEM;
	if (turf_dwarf_names(&r->b->dwarf, walk->die, &names, NULL) == 0) {
		g->name = names.name;
		g->linkage_name = names.linkage_name;
		g->line = names.decl_line;
		g->file_unit = names.unit;
		g->file = names.decl_file < UINT32_MAX ? (uint32_t)names.decl_file + 1 : 0;
	}
	const struct dies *declared = specification(r);
	g->external =
		die_flag(walk, DIE_EXTERNAL) || (declared && die_flag(declared, DIE_EXTERNAL));
	g->scope = scope_here(r);
	g->type = type_of(r, DIE_TYPE);
	if (!g->type && declared)
		g->type = turf_type_ref(r->b, declared, DIE_TYPE);
	if (has_block(walk, DIE_LOCATION))
		return turf_read_expr(r, block_of(walk, DIE_LOCATION), &g->value);
	return die_has(walk, DIE_CONST_VALUE) ? turf_read_constant(r, &g->value) : 0;
}

static int tell_variable(struct reader *r)
{
	const struct dies *walk = r->walk;
	if (!r->at->inside && walk->tag == DW_TAG_variable)
		return die_flag(walk, DIE_DECLARATION) ? 0 : add_global(r);
	if (die_flag(walk, DIE_DECLARATION) || r->at->call)
		return 0;
	if (r->at->root)
		return add_variable(r);
	if (!r->at->live)
		return 0;
	struct token token = { 0 };
	bool there, placed = die_has(walk, DIE_LOCATION) || die_has(walk, DIE_CONST_VALUE);
	/* most have an origin; what has none is of this instance alone: nobody asks for it */
	if (!placed && !r->at->pending)
		return 0;
	if (!turf_read_origin(r, &token, &there))
		return -ENOMEM;
	int result = 0;
	if (there && r->at->pending) {
		token.by_variable = true;
		result = turf_read_ranges(r, &r->at->ranges, token);
		token.by_variable = r->at->pending = false;
	}
	return result == 0 && there && placed ? turf_read_place(r, token) : result;
}

/* Puts what is around what is below the DIE. */
struct around *turf_read_push(struct reader *r)
{
	struct around *at = r->at + 1;
	if (!r->walk->children || at == r->s->around + DEPTH_MOST)
		return NULL;
	*at = *r->at;
	at->level = r->walk->level;
	at->call = at->pending = at->is_scope = false;
	return at;
}

/* One without children, of an instance, has variables too: those of its abstract block. */
static int tell_block(struct reader *r)
{
	const struct dies *walk = r->walk;
	struct around *at = turf_read_push(r), alone;
	if (!at && !walk->children && !r->at->root) {
		alone = *r->at;
		at = &alone;
	}
	if (!at)
		return 0;
	struct token token = { 0 };
	bool there = true;
	if (r->at->root) {
		struct cold_block *block = vec_push(&told(r)->blocks);
		if (!block)
			return -ENOMEM;
		*block = (struct cold_block){ own_die(r, walk->die), r->at->block, 0, false };
		at->block = (uint32_t)told(r)->blocks.n;
		token.a = block->die;
	} else if (r->at->live && !turf_read_origin(r, &token, &there)) {
		return -ENOMEM;
	}
	turf_die_ranges(walk, &at->ranges);
	at->pending = r->at->live && !there;
	int result = r->at->live && there ? turf_read_ranges(r, &at->ranges, token) : 0;
	if (at != &alone)
		r->at = at;
	return result;
}

/* The scope that this DIE is, if it has code. */
static const struct unit_scope *scope_of(struct reader *r, uint32_t *idx)
{
	const struct unit_out *hot = r->hot;
	while (r->scope < hot->scope_dies.n && hot->scope_dies.at[r->scope] < r->walk->die)
		r->scope++;
	if (r->scope == hot->scope_dies.n || hot->scope_dies.at[r->scope] != r->walk->die)
		return NULL;
	*idx = (uint32_t)r->scope;
	return hot->scopes.at[r->scope].used ? &hot->scopes.at[r->scope] : NULL;
}

static uint32_t flags_of(const struct dies *walk)
{
	static const struct {
		uint8_t slot;
		uint16_t flag;
	} flags[] = {
		{ DIE_EXTERNAL, URF_DETAIL_EXTERNAL },
		{ DIE_NORETURN, URF_DETAIL_NORETURN },
		{ DIE_PROTOTYPED, URF_DETAIL_PROTOTYPED },
		{ DIE_ARTIFICIAL, URF_DETAIL_ARTIFICIAL },
		{ DIE_EXPLICIT, URF_DETAIL_EXPLICIT },
		{ DIE_DELETED, URF_DETAIL_DELETED },
		{ DIE_DEFAULTED, URF_DETAIL_DEFAULTED },
		{ DIE_VIRTUALITY, URF_DETAIL_VIRTUAL },
	};
	uint32_t all = 0;
	for (size_t i = 0; i < COUNT(flags); i++)
		all |= die_flag(walk, flags[i].slot) ? flags[i].flag : 0;
	if (die_number(walk, DIE_INLINE, 0) >= 2) /* DW_INL_declared_not_inlined and up */
		all |= URF_DETAIL_INLINE;
	uint64_t convention = die_number(walk, DIE_CALLING_CONVENTION, 0);
	if (convention > DW_CC_normal && convention <= UINT8_MAX)
		all |= URF_DETAIL_CONVENTION | (uint32_t)convention << COLD_CONVENTION_SHIFT;
	return all;
}

static int frame_base(struct reader *r)
{
	const struct dies *walk = r->walk;
	struct token token = { .kind = URF_TOKEN_FRAME };
	if (!has_block(walk, DIE_FRAME_BASE))
		return 0;
	struct span block = block_of(walk, DIE_FRAME_BASE);
	if (block.size == 1 && block.at[0] == CALL_FRAME_CFA)
		return 0;
	int result = turf_read_expr(r, block, &token.expr);
	if (result < 0 || !token.expr)
		return result;
	return turf_read_token(r, token) ? 0 : -ENOMEM;
}

/* The function itself, not what is made of it: NULL: no memory. */
static struct cold_root *add_root(struct reader *r)
{
	const struct dies *walk = r->walk;
	struct cold_root *root = vec_push(&r->out->roots);
	if (!root)
		return NULL;
	*root = (struct cold_root){
		.die = own_die(r, walk->die),
		.whole = walk->die,
		.flags = flags_of(walk),
		.first_variable = (uint32_t)r->out->variables.n,
		.first_block = (uint32_t)r->out->blocks.n,
	};
	root->type = type_of(r, DIE_TYPE);
	root->scope = scope_here(r);
	const struct dies *declared = specification(r);
	if (declared) {
		root->flags |= flags_of(declared);
		if (!root->type)
			root->type = turf_type_ref(r->b, declared, DIE_TYPE);
	}
	return root;
}

static int add_link(struct reader *r)
{
	uint64_t origin;
	if (!die_has(r->walk, DIE_ORIGIN) || turf_die_ref(r->walk, DIE_ORIGIN, &origin) != 1)
		return 0;
	struct cold_link *link = vec_push(&r->out->links);
	if (!link)
		return -ENOMEM;
	*link = (struct cold_link){ own_die(r, r->walk->die), origin };
	return 0;
}

static int tell_function(struct reader *r)
{
	const struct dies *walk = r->walk;
	uint32_t idx = 0;
	const struct unit_scope *scope = scope_of(r, &idx);
	bool has_code = die_has(walk, DIE_LOW_PC) || die_has(walk, DIE_RANGES);
	bool is_root = !die_has(walk, DIE_ORIGIN) && !die_flag(walk, DIE_DECLARATION) &&
	               (scope || !has_code);
	if (!walk->children) /* it returns something even so */
		return is_root && !add_root(r) ? -ENOMEM : add_link(r);
	struct around *at = turf_read_push(r);
	if (!at)
		return 0;
	at->root = at->block = 0;
	at->depth = 0;
	at->live = false;
	at->inside = true;
	if (is_root && at->told < NESTED_MOST) {
		if (!add_root(r))
			return -ENOMEM;
		at->root = (uint32_t)r->out->roots.n;
		r->s->telling[at->told].variables.n = r->s->telling[at->told].blocks.n = 0;
		r->s->telling[at->told].arguments.n = 0;
		at->told++;
	}
	if (add_link(r) < 0)
		return -ENOMEM;
	r->at = at;
	if (!scope || at->open == NESTED_MOST)
		return 0;
	at->live = true;
	at->open++;
	struct open *o = opened(r);
	uint32_t entry = r->hot->scopes.at[idx].site;
	o->tokens.n = o->calls.n = o->order.n = 0;
	o->scope = idx;
	o->depth = 0;
	o->first = o->end = entry;
	return frame_base(r);
}

static int tell_inlined(struct reader *r)
{
	uint32_t idx = 0;
	const struct unit_scope *scope = scope_of(r, &idx);
	struct around *at = turf_read_push(r);
	if (!scope || !scope->parent || !r->at->open ||
	    r->hot->scopes.at[idx].root != opened(r)->scope) {
		/* what is inlined into it counts where it does */
		if (at) {
			at->root = 0;
			at->live = false;
			r->at = at;
		}
		return 0;
	}
	struct open *o = opened(r);
	struct token token = { .kind = URF_TOKEN_ENTER, .a = idx };
	uint32_t depth = scope->depth;
	token.length = o->depth >= depth ? o->depth - depth + 1 : 0;
	if (depth > o->depth + 1u) /* around it is one that was left out: so is this */
		return 0;
	if (!vec_reserve(&o->tokens, 1))
		return -ENOMEM;
	o->tokens.at[o->tokens.n++] = token;
	o->depth = (uint16_t)depth;
	if (!at)
		return 0;
	at->root = at->block = 0;
	at->live = true;
	at->depth = (uint16_t)depth;
	r->at = at;
	return 0;
}

static int close_function(struct reader *r)
{
	struct open *o = opened(r);
	if (turf_read_calls(o, r->hot->scopes.at[o->scope].site) < 0 ||
	    !vec_reserve(&r->out->bodies, 1) || !vec_reserve(&r->out->tokens, o->tokens.n))
		return -ENOMEM;
	r->out->bodies.at[r->out->bodies.n++] =
		(struct cold_body){ o->scope, (uint32_t)r->out->tokens.n,
		                    (uint32_t)o->tokens.n };
	if (o->tokens.n)
		memcpy(&r->out->tokens.at[r->out->tokens.n], o->tokens.at,
		       o->tokens.n * sizeof(*o->tokens.at));
	r->out->tokens.n += o->tokens.n;
	return 0;
}

/* Puts what was told of a function behind what was told of those before. */
static int close_telling(struct reader *r)
{
	struct telling *t = told(r);
	struct cold_unit *out = r->out;
	struct cold_root *root = &out->roots.at[r->at->root - 1];
	size_t n = t->variables.n, more = t->arguments.n;
	if (!vec_reserve(&t->variables, more) || !vec_reserve(&out->variables, n + more) ||
	    !vec_reserve(&out->blocks, t->blocks.n))
		return -ENOMEM;
	root->n_named = (uint32_t)n;
	for (size_t i = 0; i < more; i++) { /* of no line: the last one's takes least */
		struct cold_variable *v = &t->variables.at[t->variables.n++];
		*v = t->arguments.at[i];
		v->line = n ? t->variables.at[n - 1].line : 0;
	}
	root->first_variable = (uint32_t)out->variables.n;
	root->n_variables = (uint32_t)t->variables.n;
	root->first_block = (uint32_t)out->blocks.n;
	root->n_blocks = (uint32_t)t->blocks.n;
	if (t->variables.n)
		memcpy(&out->variables.at[out->variables.n], t->variables.at,
		       t->variables.n * sizeof(*t->variables.at));
	if (t->blocks.n)
		memcpy(&out->blocks.at[out->blocks.n], t->blocks.at,
		       t->blocks.n * sizeof(*t->blocks.at));
	out->variables.n += t->variables.n;
	out->blocks.n += t->blocks.n;
	return 0;
}

/* Leaves what does not reach around a DIE of that level. */
static int pop_to(struct reader *r, unsigned level)
{
	int result = 0;
	for (; result == 0 && r->at != r->s->around && r->at->level >= level; r->at--) {
		if (r->at->is_scope)
			r->out->scopes.at[r->at->scope - 1].end = own_die(r, r->walk->die);
		if (r->at->told > r->at[-1].told)
			result = close_telling(r);
		if (result == 0 && r->at->open > r->at[-1].open)
			result = close_function(r);
	}
	return result;
}

/* What declarations stand in: those outside, which name them, stand in it too. */
static int tell_scope(struct reader *r)
{
	struct around *at = turf_read_push(r);
	if (!at)
		return 0;
	struct cold_scope *scope = vec_push(&r->out->scopes);
	if (!scope)
		return -ENOMEM;
	*scope = (struct cold_scope){ .die = own_die(r, r->walk->die),
		                      .end = UINT32_MAX,
		                      .type = turf_type_of(r->b, r->walk->die),
		                      .parent = at->scope };
	at->scope = (uint32_t)r->out->scopes.n;
	at->is_scope = true;
	r->at = at;
	return 0;
}

static int tell(struct reader *r)
{
	switch (r->walk->tag) {
	case DW_TAG_subprogram:
		return tell_function(r);
	case DW_TAG_inlined_subroutine:
		return tell_inlined(r);
	case TAG_LEXICAL_BLOCK:
		return tell_block(r);
	case DW_TAG_formal_parameter:
	case DW_TAG_variable:
	case TAG_CONSTANT:
		return tell_variable(r);
	case TAG_LABEL:
		return turf_read_label(r);
	case TAG_TYPE_ARGUMENT:
	case TAG_VALUE_ARGUMENT:
		return turf_read_argument(r);
	case TAG_UNSPECIFIED:
		if (r->at->root)
			r->out->roots.at[r->at->root - 1].flags |= URF_DETAIL_VARIADIC;
		return 0;
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
		return tell_scope(r);
	case DW_TAG_call_site:
	case DW_TAG_GNU_call_site:
		return turf_read_call(r);
	default:
		return turf_read_parameter(r);
	}
}

static bool is_c(uint64_t language)
{
	switch (language) {
	case DW_LANG_C89:
	case DW_LANG_C:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_C17:
	case DW_LANG_C23:
		return true;
	default:
		return false;
	}
}

static int read_unit(struct reader *r)
{
	struct cold_scratch *s = r->s;
	struct die_plans *plans = is_c(r->unit->language) ? &s->plans_of_c : &s->plans;
	int result = turf_dies(&r->b->dwarf, r->unit, plans, r->walk, NULL);
	s->around[0] = (struct around){ 0 };
	r->at = s->around;
	while (result == 0 && (result = turf_dies_next(r->walk, NULL)) == 1) {
		result = pop_to(r, r->walk->level);
		if (result == 0)
			result = tell(r);
	}
	return result == -ENOMEM ? result : pop_to(r, 0);
}

int turf_bodies_read(struct cold *c, size_t idx, struct turf_error *err)
{
	enum { LISTS_AGAIN = 16 }; /* times that all lists of a section may be read */
	struct builder *b = c->b;
	const struct dwarf_unit *unit = &b->dwarf.units[idx];
	if (unit->in != b->dwarf.own && unit->in != b->dwarf.alt)
		return 0; /* a split unit is read with its skeleton */
	struct reader r = { .c = c, .b = b, .hot = &b->units[idx] };
	r.unit = unit->split ? &b->dwarf.units[unit->split - 1] : unit;
	if (r.unit->error)
		return 0;
	r.s = take_scratch(c);
	if (!r.s)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for functions");
	r.out = &r.s->out;
	r.walk = &r.s->walk;
	r.budget = LISTS_AGAIN *
	           (uint64_t)(r.unit->in->loc.size + r.unit->in->loclists.size + 4096);
	bool ok = read_unit(&r) != -ENOMEM && !r.no_memory && keep(r.s, &c->units[idx]);
	give_scratch(c, r.s);
	return ok ? 0 : turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for functions");
}
