/* SPDX-License-Identifier: MIT */
/*
 * The attributes of one DIE: those that are wanted, by an abbreviation's plan, or all of them.
 *
 * Cost:   no allocation; where all forms are of fixed size one load a wanted attribute
 * Trust:  none
 * Source: DWARF 5 sections 7.5.3, 7.5.6
 */
#include "dwarf/internal.h"

const char turf_dwarf_misfit[] = "a DIE leaves the unit";
const char turf_dwarf_no_form[] = "a DIE has an attribute of unknown form";

static inline void take(struct dwarf_values *values, const struct dwarf_step *step, uint64_t u,
                        enum dwarf_class class)
{
	values->u[step->slot] = u;
	values->class[step->slot] = (uint8_t) class;
}

enum { LOAD = 8 }; /* bytes that a value is loaded with, whatever its size */

/* A DIE of fixed size, LOAD bytes from the unit's end or more; little-endian. */
static void take_fixed(const uint8_t *at, const struct dwarf_abbrevs *table,
                       const struct dwarf_step *step, struct dwarf_values *ret)
{
	for (;; step++) {
		at += step->skip;
		if (step->op == OP_FIXED) {
			uint64_t u;
			memcpy(&u, at, LOAD);
			take(ret, step, le64toh(u) & UINT64_MAX >> (64 - 8 * step->size),
			     (enum dwarf_class)step->class);
			at += step->size;
		} else if (step->op == OP_CONST) {
			take(ret, step, (uint64_t)table->constants[step->constant],
			     VALUE_CONSTANT);
		} else if (step->op == OP_END) {
			return;
		}
	}
}

static uint64_t block_size(struct cursor *c, uint8_t size)
{
	return size ? cur_uint(c, size) : cur_uleb(c);
}

/* One step; false: a form that nobody knows. */
static bool take_step(struct cursor *c, const struct dwarf_unit *unit,
                      const struct dwarf_step *step, struct dwarf_values *ret)
{
	struct dwarf_value value = { 0 };
	switch ((enum dwarf_op)step->op) {
	case OP_END:
	case OP_SKIP:
		return true;
	case OP_FIXED:
		take(ret, step, cur_uint(c, step->size), (enum dwarf_class)step->class);
		return true;
	case OP_CONST:
		take(ret, step, (uint64_t)unit->abbrevs->constants[step->constant],
		     VALUE_CONSTANT);
		return true;
	case OP_ANY:
		if (!turf_dwarf_value(c, step->form, sizes_of(unit), &value))
			return c->bad;
		take(ret, step, value.u, value.class);
		return true;
	case OP_ULEB:
		(void)cur_uleb(c);
		return true;
	case OP_BLOCK:
		cur_skip(c, block_size(c, step->size));
		return true;
	case OP_UNKNOWN:
		return false;
	}
	return false;
}

const char *turf_dwarf_take(struct cursor *c, const struct dwarf_unit *unit,
                            const struct dwarf_abbrev *abbrev, struct dwarf_values *ret)
{
	const struct dwarf_abbrevs *table = unit->abbrevs;
	memset(ret->class, VALUE_NONE, sizeof(ret->class));
	if (abbrev->step == NO_STEPS) {
		cur_skip(c, abbrev->fixed);
		return c->bad ? turf_dwarf_misfit : NULL;
	}
	const struct dwarf_step *step = &table->steps[abbrev->step];
	if (abbrev->fixed != NOT_FIXED && !c->big && !c->bad &&
	    (uint64_t)abbrev->fixed + LOAD <= cur_left(c)) {
		take_fixed(c->at, table, step, ret);
		c->at += abbrev->fixed;
		return NULL;
	}
	for (;; step++) {
		cur_skip(c, step->skip);
		if (!take_step(c, unit, step, ret))
			return c->bad ? turf_dwarf_misfit : turf_dwarf_no_form;
		if (step->op == OP_END || c->bad)
			return c->bad ? turf_dwarf_misfit : NULL;
	}
}

struct dwarf_attrs turf_dwarf_attrs(const struct dwarf_unit *unit,
                                    const struct dwarf_abbrev *abbrev)
{
	struct dwarf_attrs attrs = { cur_of(unit->in->abbrev, unit->in->big), unit };
	cur_seek(&attrs.spec, (uint64_t)(unit->abbrevs->begin - attrs.spec.start));
	cur_skip(&attrs.spec, abbrev->attrs);
	return attrs;
}

int turf_dwarf_next_attr(struct dwarf_attrs *attrs, struct cursor *c, uint64_t *at,
                         struct dwarf_value *ret)
{
	*at = cur_uleb(&attrs->spec);
	uint64_t form = cur_uleb(&attrs->spec);
	if (*at == 0 && form == 0)
		return attrs->spec.bad ? -EBADMSG : 0;
	*ret = (struct dwarf_value){ .class = VALUE_NONE };
	if (form == DW_FORM_implicit_const) {
		*ret = (struct dwarf_value){ .class = VALUE_CONSTANT,
			                     .u = (uint64_t)cur_sleb(&attrs->spec) };
		return 1;
	}
	if (form > UINT16_MAX ||
	    !turf_dwarf_value(c, (uint16_t)form, sizes_of(attrs->unit), ret))
		return -EBADMSG;
	return 1;
}
