/* SPDX-License-Identifier: MIT */
/*
 * What a DIE is called and where it is declared, over DW_AT_abstract_origin and
 * DW_AT_specification, from unit to unit.
 *
 * Cost:   no allocation; one binary search over units and one DIE a link
 * Trust:  none; MAX_LINKS ends every circle
 * Source: DWARF 5 sections 2.13.2, 2.14, 3.3.8.2
 */
#include "dwarf/internal.h"

enum { MAX_LINKS = 16 };

const struct dwarf_unit *turf_dwarf_unit_at(const struct dwarf *dw, uint64_t die)
{
	size_t lo = bisect(mid, dw->n_units, dw->starts[mid] <= die);
	const struct dwarf_unit *unit = lo ? &dw->units[lo - 1] : NULL;
	return unit && !unit->error && unit_has(unit, die) ? unit : NULL;
}

static int no_die(uint64_t die, struct turf_error *err)
{
	die %= DWARF_FILE_SPAN;
	return turf_fail(err, -EBADMSG, die, "0x%llx of .debug_info: no readable DIE there",
	                 (unsigned long long)die);
}

/* The DIE at @die: its unit (maybe *unit, where that is not NULL), its abbreviation, a cursor
 * on its attributes. 0 or < 0. */
static int find_die(const struct dwarf *dw, uint64_t die, const struct dwarf_unit **unit,
                    const struct dwarf_abbrev **abbrev, struct cursor *at,
                    struct turf_error *err)
{
	uint64_t code;
	if (!*unit || !unit_has(*unit, die))
		*unit = turf_dwarf_unit_at(dw, die);
	if (!*unit)
		return no_die(die, err);
	*at = unit_cursor(*unit, die - (*unit)->base);
	*abbrev = die_at(at, *unit, &code);
	return *abbrev ? 0 : no_die(die, err);
}

/* What a DIE says of itself; 0 or < 0. Of most that are asked for a plan knows it. */
static int read_die(const struct dwarf_unit *unit, const struct dwarf_abbrev *abbrev,
                    struct cursor *at, struct dwarf_values *ret)
{
	if (abbrev->named)
		return turf_dwarf_take(at, unit, abbrev, ret) ? -EBADMSG : 0;
	memset(ret->class, VALUE_NONE, sizeof(ret->class));
	struct dwarf_attrs attrs = turf_dwarf_attrs(unit, abbrev);
	struct dwarf_value value;
	uint64_t attr;
	int r;
	while ((r = turf_dwarf_next_attr(&attrs, at, &attr, &value)) == 1)
		keep_value(ret, turf_dwarf_slot(attr), &value);
	return r;
}

static int circle(uint64_t die, struct turf_error *err)
{
	die %= DWARF_FILE_SPAN;
	return turf_fail(err, -EBADMSG, die,
	                 "DIE at 0x%llx of .debug_info: more than %d links to follow",
	                 (unsigned long long)die, MAX_LINKS);
}

/* Adds what is not known yet; 0 or < 0. */
static int add_string(const struct dwarf *dw, const struct dwarf_unit *unit,
                      const struct dwarf_values *v, enum dwarf_slot slot, const char **ret)
{
	struct dwarf_value value = value_of(v, slot);
	return *ret ? 0 : turf_dwarf_string(dw, unit, &value, ret);
}

static int add_names(const struct dwarf *dw, const struct dwarf_unit *unit,
                     const struct dwarf_values *v, struct dwarf_names *names)
{
	if (add_string(dw, unit, v, SLOT_NAME, &names->name) < 0 ||
	    add_string(dw, unit, v, SLOT_LINKAGE_NAME, &names->linkage_name) < 0)
		return -EBADMSG;
	struct dwarf_value file = value_of(v, SLOT_DECL_FILE);
	struct dwarf_value line = value_of(v, SLOT_DECL_LINE);
	bool zero_is_none = unit->version < 5; /* file 0 is the first one since */
	if (names->decl_file == DWARF_NONE && is_number(&file) &&
	    !(zero_is_none && file.u == 0)) {
		names->decl_file = file.u;
		names->unit = unit;
	}
	if (!names->decl_line && is_number(&line))
		names->decl_line = (uint32_t)MIN(line.u, (uint64_t)UINT32_MAX);
	return 0;
}

/* Where the DIE's names go on: false, nowhere. */
static bool next_die(const struct dwarf *dw, const struct dwarf_unit *unit,
                     const struct dwarf_values *v, uint64_t *die)
{
	struct dwarf_value origin = value_of(v, SLOT_ORIGIN);
	struct dwarf_value specification = value_of(v, SLOT_SPECIFICATION);
	return link_of(dw, unit, &origin, die) || link_of(dw, unit, &specification, die);
}

int turf_dwarf_names_near(const struct dwarf *dw, const struct dwarf_unit *unit, uint64_t die,
                          struct dwarf_names *ret, struct turf_error *err)
{
	uint64_t first = die;
	struct dwarf_names names = { .decl_file = DWARF_NONE };
	for (unsigned i = 0; i < MAX_LINKS; i++) {
		const struct dwarf_abbrev *abbrev;
		struct cursor at;
		struct dwarf_values v;
		int r = find_die(dw, die, &unit, &abbrev, &at, err);
		if (r < 0)
			return r;
		if (read_die(unit, abbrev, &at, &v) < 0)
			return no_die(die, err);
		if (!names.unit)
			names.unit = unit;
		if (add_names(dw, unit, &v, &names) < 0)
			return turf_fail(err, -EBADMSG, die % DWARF_FILE_SPAN,
			                 "DIE at 0x%llx of .debug_info: its name lies nowhere",
			                 (unsigned long long)(die % DWARF_FILE_SPAN));
		if (!next_die(dw, unit, &v, &die)) {
			if (names.unit->skeleton)
				names.unit = &dw->units[names.unit->skeleton - 1];
			*ret = names;
			return 0;
		}
	}
	return circle(first, err);
}

int turf_dwarf_names(const struct dwarf *dw, uint64_t die, struct dwarf_names *ret,
                     struct turf_error *err)
{
	return turf_dwarf_names_near(dw, NULL, die, ret, err);
}
