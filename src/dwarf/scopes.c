/* SPDX-License-Identifier: MIT */
/*
 * The walk over a unit's functions and inlined calls.
 *
 * Cost:   a few ns a DIE that is of no interest: hurry() takes most of them with one look-up
 *         and one add each; DW_AT_sibling leaps over what holds no code (abbrev.c says what
 *         that is); no allocation
 * Trust:  none; each DIE takes at least a byte, and a sibling must lie ahead
 * Source: DWARF 5 sections 2.3, 3.3
 */
#include "dwarf/internal.h"

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

static bool is_cxx(uint64_t language)
{
	switch (language) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case DW_LANG_C_plus_plus_17:
	case DW_LANG_C_plus_plus_20:
	case DW_LANG_C_plus_plus_23:
		return true;
	default:
		return false;
	}
}

enum { NO_TYPES = 0, ALL_TYPES = UINT16_MAX };

/*
 * The deepest level at which types hold no code. gcc and clang put a method's code beside the
 * class, with a DW_AT_specification, but for classes in functions. Others who call their
 * language C need not: Zig did, and has functions in structures.
 */
static unsigned codeless_types(const struct dwarf_unit *unit)
{
	const char *producer = unit->producer ? unit->producer : "";
	if (strncmp(producer, "GNU ", 4) != 0 && !strstr(producer, "clang version "))
		return NO_TYPES;
	if (is_c(unit->language))
		return ALL_TYPES;
	return is_cxx(unit->language) ? 1 : NO_TYPES;
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
	walk->level = walk->n_told = 0;
	walk->types = codeless_types(unit);
	walk->told[0] = (struct dwarf_told){ .parent = DWARF_NONE };
	return 0;
}

/* Why a walk cannot go on. */
static const char no_abbrev[] = "a DIE has an unknown abbreviation";
static const char backwards[] = "a DW_AT_sibling does not lie ahead";
static const char too_deep[] = "DIEs nest too deep";

static int walk_fails(struct dwarf_scopes *walk, const char *why, struct turf_error *err)
{
	walk->at.bad = true;
	return turf_fail(err, why == too_deep ? -E2BIG : -EBADMSG, cur_off(&walk->at),
	                 "unit at 0x%llx of .debug_info: %s",
	                 (unsigned long long)walk->unit->off, why);
}

/* Behind the attributes of a DIE; *sibling: 0 where it tells none. */
static const char *skip_attrs(struct cursor *c, const struct dwarf_unit *unit,
                              const struct dwarf_abbrev *abbrev, uint64_t *sibling)
{
	struct dwarf_values values;
	const char *why = turf_dwarf_take(c, unit, abbrev, &values);
	bool has = values.class[SLOT_SIBLING] == VALUE_UNIT_REF;
	*sibling = has ? unit->off + values.u[SLOT_SIBLING] : 0;
	return why;
}

static inline const char *leap(struct cursor *c, uint64_t sibling)
{
	if (sibling <= cur_off(c))
		return backwards;
	cur_seek(c, sibling);
	return c->bad ? turf_dwarf_misfit : NULL;
}

/* Over all that is below a DIE which holds no code, when no sibling tells where it ends. */
static const char *skip_children(struct cursor *c, const struct dwarf_unit *unit)
{
	for (uint64_t open = 1; open && cur_left(c);) {
		uint64_t sibling, code;
		const struct dwarf_abbrev *abbrev = die_at(c, unit, &code);
		if (!abbrev && (c->bad || code))
			return c->bad ? turf_dwarf_misfit : no_abbrev;
		if (!abbrev) {
			open--;
			continue;
		}
		const char *why = skip_attrs(c, unit, abbrev, &sibling);
		if (!why && sibling && abbrev->children)
			why = leap(c, sibling);
		else if (abbrev->children)
			open++;
		if (why)
			return why;
	}
	return NULL;
}

/* Up, at a null entry. Above the unit's first DIE there is nothing: the walk is over. */
static void ascend(struct dwarf_scopes *walk)
{
	if (walk->level)
		walk->level--;
	if (walk->level == walk->told[walk->n_told].level && walk->n_told)
		walk->n_told--;
	if (walk->types == walk->level + 1 && walk->level)
		walk->types = walk->level;
	if (walk->level == 0)
		walk->at.at = walk->at.end;
}

static inline uint32_t load32(const uint8_t *at, bool big)
{
	uint32_t v;
	memcpy(&v, at, sizeof(v));
	return big ? be32toh(v) : le32toh(v);
}

/* Where the DIE whose sibling stands at @at ends; NULL: not ahead, or not in the unit. */
static inline const uint8_t *leap_from(const uint8_t *at, const uint8_t *end,
                                       const uint8_t *unit, bool big)
{
	if ((size_t)(end - at) < 4)
		return NULL;
	uint32_t sibling = load32(at, big);
	return sibling > (size_t)(at + 4 - unit) && sibling <= (size_t)(end - unit)
	               ? unit + sibling
	               : NULL;
}

/* Behind a block of up to 127 bytes at @at and @tail bytes more; NULL: not in the unit. */
static inline const uint8_t *behind_block(const uint8_t *at, const uint8_t *end, unsigned tail)
{
	if (at == end || *at >= 0x80 || (size_t)(end - at) < 1U + *at + tail)
		return NULL;
	return at + 1 + *at + tail;
}

enum { AHEAD = 512 }; /* bytes: units are read for the first and last time */

/*
 * Over all DIEs that are of no interest, while nothing about them is out of the ordinary; the
 * walk goes on at the first other one. A null entry that ends a scope which was told is one.
 */
static void hurry(struct dwarf_scopes *walk)
{
	const struct dwarf_abbrevs *table = walk->unit->abbrevs;
	const struct dwarf_quick *quick = table->quick;
	const uint8_t *at = walk->at.at, *end = walk->at.end;
	const uint8_t *unit = walk->at.start + walk->unit->off;
	unsigned level = walk->level, types = walk->types;
	const unsigned floor = walk->told[walk->n_told].level + 1;
	const bool big = walk->at.big;
	while (quick && end - at >= 2) {
		const uint8_t *next = at + 1;
		size_t code = at[0];
		if (code >= 0x80) {
			code = (code & 0x7f) | (size_t)at[1] << 7;
			next = at + 2;
		}
		if (code > table->n) /* or takes three bytes */
			break;
		const struct dwarf_quick q = quick[code];
		if (q.skip > (size_t)(end - next))
			break;
		next += q.skip;
		__builtin_prefetch((const void *)((uintptr_t)next + AHEAD));
		/* the usual ones without a jump that would depend on the DIE */
		if (q.op == QUICK_PLAIN) {
			unsigned to = level + (unsigned)q.level;
			if (to < floor || to >= DWARF_MAX_DEPTH)
				break;
			types = types == to + 1 ? to : types;
			level = to;
		} else if (q.op == QUICK_BLOCK) {
			next = behind_block(next, end, q.tail);
		} else if (q.op == QUICK_LEAP || (q.op == QUICK_TYPE && level <= types)) {
			next = leap_from(next, end, unit, big);
		} else if (q.op == QUICK_NAMESPACE && level + 1 < DWARF_MAX_DEPTH) {
			types = types == level ? level + 1 : types;
			level++;
		} else {
			break;
		}
		if (!next)
			break;
		at = next;
	}
	walk->at.at = at;
	walk->level = level;
	walk->types = types;
}

int turf_dwarf_unit_ranges(const struct dwarf_unit *unit, struct dwarf_ranges *walk)
{
	const struct dwarf_values values = {
		.u = { [SLOT_LOW] = unit->own.low,
		       [SLOT_HIGH] = unit->own.high,
		       [SLOT_RANGES] = unit->own.list },
		.class = { [SLOT_LOW] = unit->own.low_class,
		           [SLOT_HIGH] = unit->own.high_class,
		           [SLOT_RANGES] = unit->own.list_class },
	};
	if (unit->error)
		return 0;
	turf_dwarf_ranges(unit, &values, walk);
	return values.class[SLOT_RANGES] != VALUE_NONE || values.class[SLOT_HIGH] != VALUE_NONE;
}

static uint32_t small(const struct dwarf_values *v, enum dwarf_slot slot)
{
	struct dwarf_value value = value_of(v, slot);
	return is_number(&value) ? (uint32_t)MIN(value.u, (uint64_t)UINT32_MAX) : 0;
}

/* DW_AT_entry_pc: an address, or an offset from where the scope begins (2.18). */
static uint64_t entry_of(const struct dwarf_unit *unit, const struct dwarf_values *v,
                         const struct dwarf_ranges *ranges)
{
	const struct dwarf_value told = value_of(v, SLOT_ENTRY), low = value_of(v, SLOT_LOW);
	uint64_t entry = DWARF_NONE;
	struct dwarf_range range;
	if (turf_dwarf_address(unit, &told, &entry) == 1)
		return entry;
	if (turf_dwarf_address(unit, &low, &entry) == 1)
		return is_number(&told) ? entry + told.u : entry;
	if (!is_number(&told))
		return DWARF_NONE;
	struct dwarf_ranges first = *ranges;
	return turf_dwarf_next_range(&first, &range, NULL) == 1 ? range.start + told.u
	                                                        : DWARF_NONE;
}

static uint64_t call_file_of(const struct dwarf_unit *unit, const struct dwarf_values *v)
{
	struct dwarf_value file = value_of(v, SLOT_CALL_FILE);
	if (!is_number(&file) || (unit->version < 5 && file.u == 0))
		return DWARF_NONE; /* files count from 1 before DWARF 5 */
	return file.u;
}

/* Not followed to the chain's end: each link of it may have a linkage name of its own, as those
 * of destructors in gcc's -flto (D2 of D4), and the first one's is the function's. */
static uint64_t origin_of(const struct dwarf_scopes *walk, const struct dwarf_values *v,
                          uint64_t die)
{
	const struct dwarf_value link = value_of(v, SLOT_ORIGIN);
	uint64_t origin;
	return link_of(walk->dw, walk->unit, &link, &origin) ? origin : die;
}

/* What is below the scope at the cursor has it as its parent. */
static const char *push_told(struct dwarf_scopes *walk, uint64_t die, unsigned depth)
{
	if (walk->level + 1 >= DWARF_MAX_DEPTH)
		return too_deep;
	walk->told[++walk->n_told] =
		(struct dwarf_told){ die, (uint16_t)(depth + 1), (uint16_t)walk->level++ };
	return NULL;
}

static int tell(struct dwarf_scopes *walk, const struct dwarf_abbrev *abbrev, uint64_t die,
                struct dwarf_scope *ret, struct turf_error *err)
{
	const struct dwarf_unit *unit = walk->unit;
	const struct dwarf_told *around = &walk->told[walk->n_told];
	bool inlined = abbrev->tag == DW_TAG_inlined_subroutine;
	unsigned depth = inlined ? around->depth : 0;
	uint64_t parent = around->parent;
	struct dwarf_values v;
	const char *why = turf_dwarf_take(&walk->at, unit, abbrev, &v);
	if (why)
		return walk_fails(walk, why, err);
	why = abbrev->children ? push_told(walk, die, depth) : NULL;
	if (why)
		return walk_fails(walk, why, err);
	ret->kind = inlined ? DWARF_INLINED : DWARF_FUNCTION;
	ret->depth = depth;
	ret->die = die;
	ret->parent = parent;
	ret->origin = origin_of(walk, &v, die);
	ret->call_file = call_file_of(unit, &v);
	ret->call_line = small(&v, SLOT_CALL_LINE);
	ret->call_column = small(&v, SLOT_CALL_COLUMN);
	ret->call_discriminator = small(&v, SLOT_DISCRIMINATOR);
	turf_dwarf_ranges(unit, &v, &ret->ranges);
	ret->entry = entry_of(unit, &v, &ret->ranges);
	return 1;
}

/* Down into a DIE that is no scope. */
static const char *descend(struct dwarf_scopes *walk, const struct dwarf_abbrev *abbrev)
{
	if (walk->level + 1 >= DWARF_MAX_DEPTH)
		return too_deep;
	if (abbrev->kind == KIND_NAMESPACE && walk->types == walk->level)
		walk->types++;
	walk->level++;
	return NULL;
}

/* Past a DIE that is no scope with code, and past what is below it where that holds none. */
static const char *pass(struct dwarf_scopes *walk, const struct dwarf_abbrev *abbrev)
{
	uint64_t sibling;
	const char *why = skip_attrs(&walk->at, walk->unit, abbrev, &sibling);
	if (why || !abbrev->children)
		return why;
	bool leaps = abbrev->kind == KIND_SKIP ||
	             (abbrev->kind == KIND_TYPE && walk->level <= walk->types);
	if (!leaps)
		return descend(walk, abbrev);
	return sibling ? leap(&walk->at, sibling) : skip_children(&walk->at, walk->unit);
}

int turf_dwarf_next_scope(struct dwarf_scopes *walk, struct dwarf_scope *ret,
                          struct turf_error *err)
{
	struct cursor *c = &walk->at;
	/* a unit may end without its closing nulls, as some old compilers leave them out */
	while (!c->bad && cur_left(c)) {
		if (walk->level)
			hurry(walk);
		uint64_t die = walk->unit->base + cur_off(c), code;
		if (!cur_left(c))
			break;
		const struct dwarf_abbrev *abbrev = die_at(c, walk->unit, &code);
		if (!abbrev && !c->bad && code == 0) {
			ascend(walk);
			continue;
		}
		if (!abbrev)
			return walk_fails(walk, c->bad ? turf_dwarf_misfit : no_abbrev, err);
		if (abbrev->kind == KIND_CODE)
			return tell(walk, abbrev, die, ret, err);
		const char *why = pass(walk, abbrev);
		if (why)
			return walk_fails(walk, why, err);
		if (walk->level == 0) /* a unit DIE without children */
			ascend(walk);
	}
	return c->bad ? walk_fails(walk, turf_dwarf_misfit, err) : 0;
}
