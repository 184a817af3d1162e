/* SPDX-License-Identifier: MIT */
/*
 * Split DWARF: which unit of a .dwo file belongs to which skeleton, and where in a .dwp file a
 * unit's parts of the sections are.
 *
 * Cost:   one sort of the split units; a look-up in a package is one of its hash table's
 * Trust:  none; a probe ends when each slot was seen, parts are held against their sections
 * Source: DWARF 5 sections 3.1.2, 3.1.3, 7.3.2, 7.3.5; before:
 * https://gcc.gnu.org/wiki/DebugFission
 */
#include "dwarf/internal.h"
#include "base/vec.h"

enum { /* columns of an index, 7.3.5.3; version 2 has no lists of ranges of its own */
       COLUMN_INFO = 1,
       COLUMN_ABBREV = 3,
       COLUMN_LINE = 4,
       COLUMN_LISTS = 5, /* of locations: .debug_loc, since version 5 .debug_loclists */
       COLUMN_STR_OFFSETS = 6,
       COLUMN_MACRO_5 = 7, /* before: .debug_macinfo, and column 8 .debug_macro */
       COLUMN_RNGLISTS = 8,
       HEADER = 16,
};

struct split {
	uint64_t id;
	size_t idx;
};

static int by_id(const void *a, const void *b)
{
	const struct split *x = a, *y = b;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->idx > y->idx) - (x->idx < y->idx);
}

bool turf_dwarf_is_skeleton(const struct dwarf *dw, const struct dwarf_unit *unit)
{
	return unit->in == dw->own && !unit->error && unit->dwo_name && unit->has_dwo_id;
}

static bool is_split(const struct dwarf *dw, const struct dwarf_unit *unit)
{
	return unit->in != dw->own && unit->in != dw->alt && !unit->error && unit->has_dwo_id;
}

/* What the linker had to change stands in the skeleton, all else in the split unit. */
static void link_units(struct dwarf *dw, size_t skeleton, size_t split)
{
	struct dwarf_unit *bone = &dw->units[skeleton], *unit = &dw->units[split];
	unit->addr_base = bone->addr_base;
	unit->ranges_base = bone->dwo_ranges_base;
	unit->low_pc = bone->low_pc;
	unit->comp_dir = bone->comp_dir;
	unit->line_off = DWARF_NONE;
	turf_dwarf_read_first_die(dw, unit, true);
	unit->line_off = DWARF_NONE; /* its own table is for types only */
	if (unit->error)
		return;
	bone->name = unit->name;
	bone->producer = unit->producer;
	bone->language = unit->language;
	bone->split = split + 1;
	unit->skeleton = skeleton + 1;
}

int turf_dwarf_link_split(struct dwarf *dw, struct turf_error *err)
{
	struct {
		struct split *at;
		size_t n, room;
	} splits = { 0 };
	for (size_t i = 0; i < dw->n_units; i++) {
		if (!is_split(dw, &dw->units[i]))
			continue;
		struct split *s = vec_push(&splits);
		if (!s) {
			vec_fini(&splits);
			return turf_fail(err, -ENOMEM, TURF_NOWHERE,
			                 "no memory for split units");
		}
		*s = (struct split){ dw->units[i].dwo_id, i };
	}
	if (splits.n)
		qsort(splits.at, splits.n, sizeof(*splits.at), by_id);
	for (size_t i = 0; i < dw->n_units && splits.n; i++) {
		if (!turf_dwarf_is_skeleton(dw, &dw->units[i]) || dw->units[i].split)
			continue;
		uint64_t id = dw->units[i].dwo_id;
		size_t lo = bisect(mid, splits.n, splits.at[mid].id < id);
		if (lo < splits.n && splits.at[lo].id == id &&
		    !dw->units[splits.at[lo].idx].skeleton)
			link_units(dw, i, splits.at[lo].idx);
	}
	vec_fini(&splits);
	return 0;
}

/* Four bytes at @off; the header was held against the section. */
static uint32_t word(const struct dwarf_package *p, uint64_t off)
{
	struct cursor c = cur_of(span_part(p->index, off, 4), p->sections.big);
	return cur_u32(&c);
}

int turf_dwarf_open_package(const struct dwarf_sections *sections, struct span cu_index,
                            struct dwarf_package *ret, struct turf_error *err)
{
	struct cursor c = cur_of(cu_index, sections->big);
	struct dwarf_package p = { .sections = *sections, .index = cu_index };
	uint16_t version = cur_u16(&c);
	uint16_t other = cur_u16(&c); /* padding in version 5, half of the number before */
	p.version = version ? version : other;
	p.n_columns = cur_u32(&c);
	p.n_units = cur_u32(&c);
	p.n_slots = cur_u32(&c);
	/* none of these can overflow: three numbers of 32 bits */
	uint64_t left = cur_left(&c), hashed = (uint64_t)p.n_slots * 12;
	uint64_t rows = (uint64_t)p.n_units * 2 + 1;
	if (c.bad || (p.version != 2 && p.version != 5) || p.n_slots & (p.n_slots - 1) ||
	    hashed > left || (p.n_columns && rows > (left - hashed) / 4 / p.n_columns))
		return turf_fail(err, -EBADMSG, 0, "malformed .debug_cu_index");
	*ret = p;
	return 0;
}

/* The unit's row, counted from 1; 0: it is not there. */
static uint32_t row_of(const struct dwarf_package *p, uint64_t id)
{
	if (!p->n_slots)
		return 0;
	uint32_t mask = p->n_slots - 1, slot = (uint32_t)id & mask;
	uint32_t step = ((uint32_t)(id >> 32) & mask) | 1;
	for (uint32_t i = 0; i < p->n_slots; i++, slot = (slot + step) & mask) {
		struct cursor c = cur_of(span_part(p->index, HEADER + (uint64_t)slot * 8, 8),
		                         p->sections.big);
		uint64_t row_off = HEADER + (uint64_t)p->n_slots * 8 + (uint64_t)slot * 4;
		uint32_t row = word(p, row_off);
		if (row == 0)
			return 0;
		if (cur_u64(&c) == id)
			return row <= p->n_units ? row : 0;
	}
	return 0;
}

static struct span *column_of(const struct dwarf_package *p, struct dwarf_sections *s,
                              uint32_t column)
{
	switch (column) {
	case COLUMN_INFO:
		return &s->info;
	case COLUMN_ABBREV:
		return &s->abbrev;
	case COLUMN_LINE:
		return &s->line;
	case COLUMN_LISTS:
		return p->version == 5 ? &s->loclists : &s->loc;
	case COLUMN_STR_OFFSETS:
		return &s->str_offsets;
	case COLUMN_MACRO_5:
		return p->version == 5 ? &s->macro : &s->macinfo;
	case COLUMN_RNGLISTS:
		return p->version == 5 ? &s->rnglists : &s->macro;
	default:
		return NULL;
	}
}

int turf_dwarf_package_part(const struct dwarf_package *p, uint64_t dwo_id,
                            struct dwarf_sections *ret)
{
	uint32_t row = row_of(p, dwo_id);
	if (!row)
		return 0;
	struct dwarf_sections part = p->sections;
	part.info = part.abbrev = (struct span){ NULL, 0 };
	uint64_t columns = HEADER + (uint64_t)p->n_slots * 12;
	uint64_t line = (uint64_t)p->n_columns * 4;
	for (uint32_t i = 0; i < p->n_columns; i++) {
		uint32_t column = word(p, columns + (uint64_t)i * 4);
		uint64_t at = columns + row * line + (uint64_t)i * 4;
		const struct dwarf_sections *whole = &p->sections;
		struct span *to = column_of(p, &part, column);
		if (!to)
			continue;
		const struct span *from =
			(const void *)((const char *)whole + ((char *)to - (char *)&part));
		*to = span_part(*from, word(p, at), word(p, at + p->n_units * line));
	}
	*ret = part;
	return part.info.size && part.abbrev.size;
}
