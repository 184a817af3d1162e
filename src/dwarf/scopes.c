/* SPDX-License-Identifier: MIT */
/*
 * The walk over a unit's functions and inlined calls.
 *
 * Cost:   a few ns a DIE that is of no interest: one look-up of its abbreviation, one add
 *         where all its forms are of fixed size; DW_AT_sibling leaps over what holds no code
 *         (abbrev.c says what that is); no allocation
 * Trust:  none; each DIE takes at least a byte, and a sibling must lie ahead
 * Source: DWARF 5 sections 2.3, 3.3
 */
#include "dwarf/internal.h"

static bool is_c_family(uint64_t language)
{
	switch (language) {
	case DW_LANG_C89:
	case DW_LANG_C:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_C17:
	case DW_LANG_C23:
	case DW_LANG_Mips_Assembler:
		return true;
	default:
		return false;
	}
}

int turf_dwarf_scopes(const struct dwarf *dw, const struct dwarf_unit *unit,
                      struct dwarf_scopes *walk, struct turf_error *err)
{
	if (unit->error)
		return turf_fail(err, unit->error, unit->error_where,
		                 "unit at 0x%llx of .debug_info: %s",
		                 (unsigned long long)unit->off, unit->error_text);
	walk->dw = dw;
	walk->unit = unit;
	walk->at = unit_cursor(unit, unit->die);
	walk->level = 0;
	walk->untyped = is_c_family(unit->language);
	walk->places[0] = (struct dwarf_place){ DWARF_NONE, 0 };
	return 0;
}

/* Why a walk cannot go on. */
static const char misfit[] = "a DIE leaves the unit";
static const char no_abbrev[] = "a DIE has an unknown abbreviation";
static const char no_form[] = "a DIE has an attribute of unknown form";
static const char backwards[] = "a DW_AT_sibling does not lie ahead";
static const char too_deep[] = "DIEs nest too deep";

static int walk_fails(struct dwarf_scopes *walk, const char *why, struct turf_error *err)
{
	walk->at.bad = true;
	return turf_fail(err, why == too_deep ? -E2BIG : -EBADMSG, cur_off(&walk->at),
	                 "unit at 0x%llx of .debug_info: %s",
	                 (unsigned long long)walk->unit->off, why);
}

static uint64_t block_size(struct cursor *c, uint8_t size)
{
	return size ? cur_uint(c, size) : cur_uleb(c);
}

/* Over a DIE's attributes; *sibling is set where it tells one. NULL, or why not. */
static const char *take_steps(struct cursor *c, const struct dwarf_unit *unit, uint32_t first,
                              uint64_t *sibling)
{
	struct dwarf_value value;
	for (const struct dwarf_step *step = &unit->abbrevs->steps[first];; step++) {
		cur_skip(c, step->skip);
		switch ((enum dwarf_op)step->op) {
		case OP_END:
			return c->bad ? misfit : NULL;
		case OP_MORE:
			break;
		case OP_ULEB:
			(void)cur_uleb(c);
			break;
		case OP_STRING:
			(void)cur_str(c);
			break;
		case OP_BLOCK:
			cur_skip(c, block_size(c, step->size));
			break;
		case OP_SIBLING:
			*sibling = unit->off + block_size(c, step->size);
			break;
		case OP_INDIRECT:
			if (!turf_dwarf_value(c, DW_FORM_indirect, sizes_of(unit), unit->off,
			                      &value))
				return c->bad ? misfit : no_form;
			break;
		case OP_UNKNOWN:
			return no_form;
		}
	}
}

/* Behind the attributes of a DIE; *sibling: 0 where it tells none. */
static inline const char *skip_attrs(struct cursor *c, const struct dwarf_unit *unit,
                                     const struct dwarf_abbrev *abbrev, uint64_t *sibling)
{
	*sibling = 0;
	if (abbrev->fixed == NOT_FIXED)
		return take_steps(c, unit, abbrev->step, sibling);
	cur_skip(c, abbrev->fixed);
	return c->bad ? misfit : NULL;
}

static inline const char *leap(struct cursor *c, uint64_t sibling)
{
	if (sibling <= cur_off(c))
		return backwards;
	cur_seek(c, sibling);
	return c->bad ? misfit : NULL;
}

/* Over all that is below a DIE which holds no code, when no sibling tells where it ends. */
static const char *skip_children(struct cursor *c, const struct dwarf_unit *unit)
{
	for (uint64_t open = 1; open && cur_left(c);) {
		uint64_t sibling, code;
		const struct dwarf_abbrev *abbrev = turf_dwarf_die(c, unit, &code);
		if (!abbrev && (c->bad || code))
			return c->bad ? misfit : no_abbrev;
		if (!abbrev) {
			open--;
			continue;
		}
		const char *why = skip_attrs(c, unit, abbrev, &sibling);
		if (!why && sibling)
			why = leap(c, sibling);
		else if (abbrev->children)
			open++;
		if (why)
			return why;
	}
	return NULL;
}

/* Down into a DIE's children; @scope: the DIE where it was told, else NULL. */
static const char *descend(struct dwarf_scopes *walk, const struct dwarf_scope *scope)
{
	if (walk->level + 1 >= DWARF_MAX_DEPTH)
		return too_deep;
	struct dwarf_place place = walk->places[walk->level];
	if (scope)
		place = (struct dwarf_place){ scope->die, (uint16_t)(scope->depth + 1) };
	walk->places[++walk->level] = place;
	return NULL;
}

/* Up, at a null entry. Above the unit's first DIE there is nothing: the walk is over. */
static void ascend(struct dwarf_scopes *walk)
{
	if (walk->level)
		walk->level--;
	if (walk->level == 0)
		walk->at.at = walk->at.end;
}

/* The attributes of a scope. */
struct scope_values {
	struct dwarf_value low, high, ranges, entry, origin, call_file, call_line, call_column,
		discriminator;
};

static struct dwarf_value *scope_value(struct scope_values *v, uint16_t at)
{
	switch (at) {
	case DW_AT_low_pc:
		return &v->low;
	case DW_AT_high_pc:
		return &v->high;
	case DW_AT_ranges:
		return &v->ranges;
	case DW_AT_entry_pc:
		return &v->entry;
	case DW_AT_abstract_origin:
		return &v->origin;
	case DW_AT_call_file:
		return &v->call_file;
	case DW_AT_call_line:
		return &v->call_line;
	case DW_AT_call_column:
		return &v->call_column;
	case DW_AT_GNU_discriminator:
		return &v->discriminator;
	default:
		return NULL;
	}
}

static const char *read_values(struct cursor *c, const struct dwarf_unit *unit,
                               const struct dwarf_abbrev *abbrev, struct scope_values *v)
{
	*v = (struct scope_values){ 0 };
	for (uint32_t i = 0; i < abbrev->n_attrs; i++) {
		const struct dwarf_attr *attr = &unit->abbrevs->attrs[abbrev->attr + i];
		struct dwarf_value other, *value = scope_value(v, attr->at);
		if (!attr_value(c, unit, attr, value ? value : &other))
			return c->bad ? misfit : no_form;
	}
	return NULL;
}

int turf_dwarf_unit_ranges(const struct dwarf_unit *unit, struct dwarf_ranges *walk)
{
	struct cursor c = unit_cursor(unit, unit->die);
	uint64_t code;
	struct scope_values v;
	const struct dwarf_abbrev *abbrev =
		unit->error ? NULL : turf_dwarf_die(&c, unit, &code);
	if (!abbrev || read_values(&c, unit, abbrev, &v))
		return 0;
	*walk = turf_dwarf_ranges(unit, &v.low, &v.high, &v.ranges);
	return v.ranges.class != VALUE_NONE || v.high.class != VALUE_NONE;
}

static uint32_t small(const struct dwarf_value *value)
{
	return is_number(value) ? (uint32_t)MIN(value->u, (uint64_t)UINT32_MAX) : 0;
}

/* DW_AT_entry_pc: an address, or an offset from where the scope begins (2.18). */
static uint64_t entry_of(const struct dwarf_scopes *walk, const struct scope_values *v,
                         const struct dwarf_scope *scope)
{
	uint64_t entry = DWARF_NONE;
	struct dwarf_ranges first = scope->ranges;
	struct dwarf_range range;
	if (turf_dwarf_address(walk->unit, &v->entry, &entry) == 1 ||
	    turf_dwarf_address(walk->unit, &v->low, &entry) == 1)
		return is_number(&v->entry) ? entry + v->entry.u : entry;
	if (is_number(&v->entry) && turf_dwarf_next_range(&first, &range, NULL) == 1)
		return range.start + v->entry.u;
	return DWARF_NONE;
}

static uint64_t call_file_of(const struct dwarf_unit *unit, const struct dwarf_value *value)
{
	if (!is_number(value) || (unit->version < 5 && value->u == 0))
		return DWARF_NONE; /* files count from 1 before DWARF 5 */
	return value->u;
}

static int tell(struct dwarf_scopes *walk, const struct dwarf_abbrev *abbrev, uint64_t die,
                struct dwarf_scope *ret, struct turf_error *err)
{
	const struct dwarf_place *place = &walk->places[walk->level];
	struct scope_values v;
	const char *why = read_values(&walk->at, walk->unit, abbrev, &v);
	if (why)
		return walk_fails(walk, why, err);
	struct dwarf_scope scope = { .die = die, .parent = place->parent, .origin = die };
	if (abbrev->tag == DW_TAG_inlined_subroutine) {
		scope.kind = DWARF_INLINED;
		scope.depth = place->depth;
	}
	uint64_t origin;
	if (link_of(walk->dw, walk->unit, &v.origin, &origin)) {
		int r = turf_dwarf_origin(walk->dw, origin, &scope.origin, err);
		if (r < 0)
			return r;
	}
	scope.ranges = turf_dwarf_ranges(walk->unit, &v.low, &v.high, &v.ranges);
	scope.entry = entry_of(walk, &v, &scope);
	scope.call_file = call_file_of(walk->unit, &v.call_file);
	scope.call_line = small(&v.call_line);
	scope.call_column = small(&v.call_column);
	scope.call_discriminator = small(&v.discriminator);
	why = abbrev->children ? descend(walk, &scope) : NULL;
	if (why)
		return walk_fails(walk, why, err);
	*ret = scope;
	return 1;
}

/* Past a DIE that is no scope with code, and past what is below it where that holds none. */
static inline const char *pass(struct dwarf_scopes *walk, const struct dwarf_abbrev *abbrev)
{
	uint64_t sibling;
	const char *why = skip_attrs(&walk->at, walk->unit, abbrev, &sibling);
	if (why || !abbrev->children)
		return why;
	if (abbrev->kind == KIND_CONTAINER || (abbrev->kind == KIND_TYPE && !walk->untyped))
		return descend(walk, NULL);
	return sibling ? leap(&walk->at, sibling) : skip_children(&walk->at, walk->unit);
}

int turf_dwarf_next_scope(struct dwarf_scopes *walk, struct dwarf_scope *ret,
                          struct turf_error *err)
{
	struct cursor *c = &walk->at;
	/* a unit may end without its closing nulls, as some old compilers leave them out */
	while (!c->bad && cur_left(c)) {
		uint64_t die = walk->unit->base + cur_off(c), code;
		const struct dwarf_abbrev *abbrev = turf_dwarf_die(c, walk->unit, &code);
		if (!abbrev && !c->bad && code == 0) {
			ascend(walk);
			continue;
		}
		if (!abbrev)
			return walk_fails(walk, c->bad ? misfit : no_abbrev, err);
		if (abbrev->kind == KIND_CODE)
			return tell(walk, abbrev, die, ret, err);
		const char *why = pass(walk, abbrev);
		if (why)
			return walk_fails(walk, why, err);
		if (walk->level == 0) /* a unit DIE without children */
			ascend(walk);
	}
	return c->bad ? walk_fails(walk, misfit, err) : 0;
}
