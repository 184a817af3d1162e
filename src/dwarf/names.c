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
	size_t lo = 0, hi = dw->n_units; /* units[lo - 1] begins at or before die */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (dw->units[mid].base + dw->units[mid].off <= die)
			lo = mid + 1;
		else
			hi = mid;
	}
	const struct dwarf_unit *unit = lo ? &dw->units[lo - 1] : NULL;
	uint64_t off = unit ? die - unit->base : 0;
	return unit && !unit->error && off >= unit->die && off < unit->end ? unit : NULL;
}

const struct dwarf_abbrev *turf_dwarf_die(struct cursor *c, const struct dwarf_unit *unit,
                                          uint64_t *code)
{
	*code = cur_uleb(c);
	return c->bad ? NULL : abbrev_of(unit->abbrevs, *code);
}

static int no_die(uint64_t die, struct turf_error *err)
{
	die %= DWARF_FILE_SPAN;
	return turf_fail(err, -EBADMSG, die, "0x%llx of .debug_info: no readable DIE there",
	                 (unsigned long long)die);
}

/* The DIE at @die: its unit, its abbreviation, a cursor on its attributes. 0 or < 0. */
static int find_die(const struct dwarf *dw, uint64_t die, const struct dwarf_unit **unit,
                    const struct dwarf_abbrev **abbrev, struct cursor *at,
                    struct turf_error *err)
{
	uint64_t code;
	*unit = turf_dwarf_unit_at(dw, die);
	if (!*unit)
		return no_die(die, err);
	*at = unit_cursor(*unit, die - (*unit)->base);
	*abbrev = turf_dwarf_die(at, *unit, &code);
	return *abbrev ? 0 : no_die(die, err);
}

static int circle(uint64_t die, struct turf_error *err)
{
	die %= DWARF_FILE_SPAN;
	return turf_fail(err, -EBADMSG, die,
	                 "DIE at 0x%llx of .debug_info: more than %d links to follow",
	                 (unsigned long long)die, MAX_LINKS);
}

/* Where DW_AT_abstract_origin of the DIE points: 1, 0 to a file that is not here, < 0. */
static int read_origin(const struct dwarf *dw, struct cursor *at, const struct dwarf_unit *unit,
                       const struct dwarf_abbrev *abbrev, uint64_t *ret)
{
	for (uint32_t i = 0; i < abbrev->n_attrs; i++) {
		const struct dwarf_attr *attr = &unit->abbrevs->attrs[abbrev->attr + i];
		struct dwarf_value value;
		if (!attr_value(at, unit, attr, &value))
			return -EBADMSG;
		if (attr->at == DW_AT_abstract_origin)
			return link_of(dw, unit, &value, ret);
	}
	return 0;
}

int turf_dwarf_origin(const struct dwarf *dw, uint64_t die, uint64_t *ret,
                      struct turf_error *err)
{
	uint64_t first = die;
	for (unsigned i = 0; i < MAX_LINKS; i++) {
		const struct dwarf_unit *unit;
		const struct dwarf_abbrev *abbrev;
		struct cursor at;
		int r = find_die(dw, die, &unit, &abbrev, &at, err);
		if (r < 0)
			return r;
		r = abbrev->linked ? read_origin(dw, &at, unit, abbrev, &die) : 0;
		if (r < 0)
			return no_die(die, err);
		if (r == 0) {
			*ret = die;
			return 0;
		}
	}
	return circle(first, err);
}

/* What one DIE says of itself. */
struct sayings {
	struct dwarf_value name, linkage_name, decl_file, decl_line, origin, specification;
};

static struct dwarf_value *saying(struct sayings *s, uint16_t at)
{
	switch (at) {
	case DW_AT_name:
		return &s->name;
	case DW_AT_linkage_name:
	case DW_AT_MIPS_linkage_name:
		return &s->linkage_name;
	case DW_AT_decl_file:
		return &s->decl_file;
	case DW_AT_decl_line:
		return &s->decl_line;
	case DW_AT_abstract_origin:
		return &s->origin;
	case DW_AT_specification:
		return &s->specification;
	default:
		return NULL;
	}
}

static int read_sayings(const struct dwarf *dw, uint64_t die, const struct dwarf_unit **unit,
                        struct sayings *ret, struct turf_error *err)
{
	const struct dwarf_abbrev *abbrev;
	struct cursor at;
	int r = find_die(dw, die, unit, &abbrev, &at, err);
	if (r < 0)
		return r;
	*ret = (struct sayings){ 0 };
	for (uint32_t i = 0; i < abbrev->n_attrs; i++) {
		const struct dwarf_attr *attr = &(*unit)->abbrevs->attrs[abbrev->attr + i];
		struct dwarf_value value, *keep = saying(ret, attr->at);
		if (!attr_value(&at, *unit, attr, keep ? keep : &value))
			return no_die(die, err);
	}
	return 0;
}

/* Adds what is not known yet; 0 or < 0. */
static int add_sayings(const struct dwarf *dw, const struct dwarf_unit *unit,
                       const struct sayings *s, struct dwarf_names *names)
{
	if (!names->name && turf_dwarf_string(dw, unit, &s->name, &names->name) < 0)
		return -EBADMSG;
	if (!names->linkage_name &&
	    turf_dwarf_string(dw, unit, &s->linkage_name, &names->linkage_name) < 0)
		return -EBADMSG;
	bool zero_is_none = unit->version < 5; /* file 0 is the first one since */
	if (names->decl_file == DWARF_NONE && is_number(&s->decl_file) &&
	    !(zero_is_none && s->decl_file.u == 0)) {
		names->decl_file = s->decl_file.u;
		names->unit = unit;
	}
	if (!names->decl_line && is_number(&s->decl_line))
		names->decl_line = (uint32_t)MIN(s->decl_line.u, (uint64_t)UINT32_MAX);
	return 0;
}

int turf_dwarf_names(const struct dwarf *dw, uint64_t die, struct dwarf_names *ret,
                     struct turf_error *err)
{
	uint64_t first = die;
	struct dwarf_names names = { .decl_file = DWARF_NONE };
	for (unsigned i = 0; i < MAX_LINKS; i++) {
		const struct dwarf_unit *unit;
		struct sayings s;
		int r = read_sayings(dw, die, &unit, &s, err);
		if (r < 0)
			return r;
		if (!names.unit)
			names.unit = unit;
		if (add_sayings(dw, unit, &s, &names) < 0)
			return turf_fail(err, -EBADMSG, die % DWARF_FILE_SPAN,
			                 "DIE at 0x%llx of .debug_info: its name lies nowhere",
			                 (unsigned long long)(die % DWARF_FILE_SPAN));
		if (!link_of(dw, unit, &s.origin, &die) &&
		    !link_of(dw, unit, &s.specification, &die)) {
			if (names.unit->skeleton)
				names.unit = &dw->units[names.unit->skeleton - 1];
			*ret = names;
			return 0;
		}
	}
	return circle(first, err);
}
