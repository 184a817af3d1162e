/* SPDX-License-Identifier: MIT */
/* One unit's functions, and where they stand: scopes, call sites and ranges. */
#include "build/scratch.h"

/* The ELF symbol at a function's entry, where it says more than the function's name. */
static const char *symbol_name(const struct unit *u, uint64_t entry, const char *name)
{
	bool has_name;
	const struct sym *sym = turf_symbol_at(&u->b->syms, entry, name, &has_name);
	return sym && !has_name ? sym->name : NULL;
}

/*
 * Index of a scope's function; names are read once per unit. An inlined call has its origin's
 * names; a function has its own, as it may have a linkage name that its origin has not: of the
 * constructors that C++ makes of one (C1, C2 of C4), of clones.
 */
static int function_of(struct unit *u, const struct dwarf_scope *scope, uint64_t entry,
                       uint32_t *ret)
{
	uint64_t die = scope->kind == DWARF_FUNCTION ? scope->die : scope->origin;
	int r = turf_scratch_function(u->s, die, ret);
	if (r != 0)
		return MIN(r, 0);
	struct unit_function *f = vec_push(&u->out->functions);
	if (!f)
		return -ENOMEM;
	struct dwarf_names names = { .decl_file = DWARF_NONE };
	r = turf_dwarf_names_near(&u->b->dwarf, u->unit->split ? NULL : u->unit, die, &names,
	                          NULL);
	if (r == -ENOMEM)
		return r;
	if (r < 0) /* a bad link costs the name only */
		names = (struct dwarf_names){ .decl_file = DWARF_NONE };
	const char *linkage = names.linkage_name;
	if (!linkage && scope->kind == DWARF_FUNCTION && entry != DWARF_NONE)
		linkage = symbol_name(u, entry, names.name);
	f->text = linkage ? linkage : names.name;
	f->name = linkage && names.name ? names.name : linkage;
	f->decl_line = names.decl_line;
	if (names.unit == u->unit)
		return turf_unit_file(u, names.decl_file, &f->decl_file) ? 0 : -ENOMEM;
	f->decl_unit = names.unit;
	f->decl_file = names.decl_file < UINT32_MAX ? (uint32_t)names.decl_file + 1 : 0;
	return 0;
}

/* Index + 1 of the scope with that DIE; 0: none. Most often it is the last one or around it. */
static uint32_t scope_of(const struct unit *u, uint64_t die)
{
	const struct unit_scope *scopes = u->out->scopes.at;
	const uint64_t *dies = u->s->dies.at;
	uint32_t at = (uint32_t)u->out->scopes.n;
	for (; at; at = scopes[at - 1].parent)
		if (dies[at - 1] == die)
			return at;
	size_t lo = 0, hi = u->out->scopes.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (dies[mid] < die)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < u->out->scopes.n && dies[lo] == die ? (uint32_t)lo + 1 : 0;
}

/* The scope's ranges: the first one's start, DWARF_NONE of none, in @first. */
static int add_ranges(struct unit *u, struct dwarf_scope *scope, uint64_t *first,
                      struct turf_error *err)
{
	struct dwarf_range range;
	int r;
	*first = DWARF_NONE;
	while ((r = turf_dwarf_next_range(&scope->ranges, &range, err)) == 1) {
		uint64_t base = u->b->in.base, from = range.start, to = range.end;
		for (; turf_unit_clip(u, &from, &to); from = to + base, to = range.end) {
			if (!vec_reserve(&u->s->ranges, 1))
				return -ENOMEM;
			struct range *to_add = &u->s->ranges.at[u->s->ranges.n++];
			to_add->start = (uint32_t)from;
			to_add->end = (uint32_t)to;
			to_add->scope = (uint32_t)u->out->scopes.n;
			if (*first == DWARF_NONE)
				*first = from + base;
		}
	}
	return r;
}

/* Where an inlined call stands. Of one that is too deep: where the one around it does. False:
 * no memory. */
static bool add_site(struct unit *u, const struct dwarf_scope *scope, uint32_t callee,
                     const struct unit_scope *instead)
{
	uint32_t file;
	if (!vec_reserve(&u->s->sites, 1) || !turf_unit_file(u, scope->call_file, &file))
		return false;
	struct unit_site *site = &u->s->sites.at[u->s->sites.n++];
	uint32_t discriminator = scope->call_discriminator;
	if (instead) {
		*site = u->s->sites.at[instead->site];
		discriminator = turf_call_discriminator(
			u->out, (uint32_t)(instead - u->out->scopes.at));
	} else {
		site->file = file;
		site->line = scope->call_line;
		site->column = scope->call_column;
	}
	site->callee = callee;
	return !discriminator || turf_call_mark(u, discriminator);
}

/* A malformed list of ranges costs what follows in it; @err then has the cause. */
static int add_scope(struct unit *u, struct dwarf_scope *scope, struct turf_error *err)
{
	uint32_t parent = scope->kind == DWARF_INLINED ? scope_of(u, scope->parent) : 0;
	uint64_t first;
	size_t n_before = u->s->ranges.n;
	int ranges = add_ranges(u, scope, &first, err);
	/* what the linker dropped has no code, and nothing in it has */
	if (ranges == -ENOMEM || (first == DWARF_NONE && !parent))
		return ranges;
	uint64_t entry = scope->entry, entry_end = entry + 1;
	bool near = entry >= u->area.start && entry < u->area.end;
	if (!near && (entry == DWARF_NONE || !turf_clip_to_code(&u->b->in, &entry, &entry_end)))
		entry = first;
	uint32_t function;
	int r = function_of(u, scope, entry, &function);
	if (r < 0 || !vec_reserve(&u->out->scopes, 1) || !vec_reserve(&u->s->dies, 1))
		return -ENOMEM;
	for (size_t i = n_before; i < u->s->ranges.n; i++)
		u->s->ranges.at[i].function = function;
	size_t n = u->out->scopes.n;
	struct unit_scope *out = &u->out->scopes.at[n];
	const struct unit_scope *around = parent ? &u->out->scopes.at[parent - 1] : NULL;
	out->function = function;
	out->parent = parent;
	out->depth = around ? (uint16_t)(around->depth + 1) : 0;
	out->root = around ? around->root : (uint32_t)n;
	out->site = around ? (uint32_t)u->s->sites.n : (uint32_t)(entry - u->b->in.base);
	out->used = false;
	bool too_deep = out->depth >= URF_DEPTH_MAX;
	if (too_deep) { /* it stands beside the one around it, as if it were called there */
		out->parent = around->parent;
		out->depth--;
		u->out->too_deep = true;
	}
	if (around && !add_site(u, scope, function, too_deep ? around : NULL))
		return -ENOMEM;
	u->s->dies.at[u->s->dies.n++] = scope->die;
	u->out->scopes.n++;
	return ranges;
}

int turf_read_scopes(struct unit *u, struct turf_error *err)
{
	struct dwarf_scopes walk;
	const struct dwarf_unit *unit = u->unit;
	if (unit->split)
		unit = &u->b->dwarf.units[unit->split - 1];
	int r = turf_dwarf_scopes(&u->b->dwarf, unit, &walk, err);
	if (r < 0)
		return r;
	struct dwarf_scope scope;
	int bad = 0;
	while ((r = turf_dwarf_next_scope(&walk, &scope, err)) == 1) {
		r = add_scope(u, &scope, err);
		if (r == -ENOMEM)
			return r;
		bad = MIN(bad, r);
	}
	return MIN(bad, r);
}
