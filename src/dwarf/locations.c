/* SPDX-License-Identifier: MIT */
/* Location lists of all versions. See locations.h. */
#include "dwarf/locations.h"
#include "dwarf/internal.h"

enum { /* location list entries, 7.7.3 */
       DW_LLE_end_of_list,
       DW_LLE_base_addressx,
       DW_LLE_startx_endx,
       DW_LLE_startx_length,
       DW_LLE_offset_pair,
       DW_LLE_default_location,
       DW_LLE_base_address,
       DW_LLE_start_end,
       DW_LLE_start_length,
       DW_LLE_GNU_view_pair,
};

enum { /* .debug_loc.dwo before version 5 */
       SPLIT_END,
       SPLIT_BASE,
       SPLIT_START_END,
       SPLIT_START_LENGTH,
       SPLIT_OFFSETS,
};

enum state { ENDED, LIST_4, LIST_SPLIT, LIST_5, MALFORMED };

/* DW_FORM_loclistx: the list's offset stands in a table, and counts from that table. */
static bool indexed_list(const struct dwarf_unit *unit, uint64_t idx, uint64_t *ret)
{
	struct span section = unit->in->loclists;
	uint64_t base = unit->loclists_base;
	if (base == DWARF_NONE) /* split units: just behind the header */
		base = unit->offset_size == 8 ? 20 : 12;
	if (base > section.size || idx >= (section.size - base) / unit->offset_size)
		return false;
	struct cursor c = cur_of(section, unit->in->big);
	cur_seek(&c, base + idx * unit->offset_size);
	return !__builtin_add_overflow(base, cur_uint(&c, unit->offset_size), ret);
}

void turf_dwarf_locations(const struct dwarf_unit *unit, uint64_t off, bool indexed,
                          struct dwarf_locations *walk)
{
	bool v5 = unit->version >= 5;
	bool known = !indexed || (v5 && indexed_list(unit, off, &off));
	*walk = (struct dwarf_locations){ .unit = unit, .base = unit->low_pc };
	walk->state = v5 ? LIST_5 : unit->skeleton ? LIST_SPLIT : LIST_4;
	walk->at = cur_of(v5 ? unit->in->loclists : unit->in->loc, unit->in->big);
	cur_seek(&walk->at, off);
	if (!known || walk->at.bad)
		walk->state = MALFORMED;
}

/* A pair relative to the base; below a discarded base there is nothing. */
static void set_based(const struct dwarf_locations *walk, uint64_t start, uint64_t end,
                      struct dwarf_location *ret)
{
	if (is_tombstone(walk->base, walk->unit->address_size))
		return;
	uint64_t mask = walk->unit->address_size == 4 ? UINT32_MAX : UINT64_MAX;
	ret->start = (walk->base + start) & mask;
	ret->end = (walk->base + end) & mask;
}

static void take_expr(struct cursor *c, uint64_t size, struct dwarf_location *ret)
{
	ret->expr = (struct span){ cur_take(c, size), c->bad ? 0 : (size_t)size };
}

/* 1 an entry (maybe an empty one), 0 the list's end. */
static int next_4(struct dwarf_locations *walk, struct dwarf_location *ret)
{
	uint8_t size = walk->unit->address_size;
	uint64_t start = cur_uint(&walk->at, size), end = cur_uint(&walk->at, size);
	if (start == (size == 4 ? UINT32_MAX : UINT64_MAX)) {
		walk->base = end;
		return 1;
	}
	if (start == 0 && end == 0)
		return 0;
	take_expr(&walk->at, cur_u16(&walk->at), ret);
	if (!is_tombstone(start, size))
		set_based(walk, start, end, ret);
	return 1;
}

static uint64_t indexed(struct dwarf_locations *walk)
{
	uint64_t idx = cur_uleb(&walk->at), addr = 0;
	if (!walk->at.bad && turf_dwarf_indexed_address(walk->unit, idx, &addr) < 0)
		walk->at.bad = true;
	return addr;
}

static void set_length(struct dwarf_locations *walk, uint64_t length,
                       struct dwarf_location *ret)
{
	if (!is_tombstone(ret->start, walk->unit->address_size) &&
	    __builtin_add_overflow(ret->start, length, &ret->end))
		walk->at.bad = true;
}

static int next_split(struct dwarf_locations *walk, struct dwarf_location *ret)
{
	struct cursor *c = &walk->at;
	uint64_t start;
	switch (cur_u8(c)) {
	case SPLIT_END: /* also what a bad cursor reads */
		return 0;
	case SPLIT_BASE:
		walk->base = indexed(walk);
		return 1;
	case SPLIT_START_END:
		ret->start = indexed(walk);
		ret->end = indexed(walk);
		break;
	case SPLIT_START_LENGTH:
		ret->start = indexed(walk);
		set_length(walk, cur_u32(c), ret);
		break;
	case SPLIT_OFFSETS:
		start = cur_u32(c);
		set_based(walk, start, cur_u32(c), ret);
		break;
	default:
		c->bad = true;
		break;
	}
	take_expr(c, cur_u16(c), ret);
	return 1;
}

/* An entry of version 5 with addresses and an expression. */
static void entry_5(struct dwarf_locations *walk, uint8_t kind, struct dwarf_location *ret)
{
	struct cursor *c = &walk->at;
	uint8_t size = walk->unit->address_size;
	uint64_t start;
	switch (kind) {
	case DW_LLE_startx_endx:
		ret->start = indexed(walk);
		ret->end = indexed(walk);
		break;
	case DW_LLE_startx_length:
		ret->start = indexed(walk);
		set_length(walk, cur_uleb(c), ret);
		break;
	case DW_LLE_offset_pair:
		start = cur_uleb(c);
		set_based(walk, start, cur_uleb(c), ret);
		break;
	case DW_LLE_default_location:
		ret->is_default = true;
		break;
	case DW_LLE_start_end:
		ret->start = cur_uint(c, size);
		ret->end = cur_uint(c, size);
		break;
	case DW_LLE_start_length:
		ret->start = cur_uint(c, size);
		set_length(walk, cur_uleb(c), ret);
		break;
	default:
		c->bad = true;
		break;
	}
	take_expr(c, cur_uleb(c), ret);
}

static int next_5(struct dwarf_locations *walk, struct dwarf_location *ret)
{
	struct cursor *c = &walk->at;
	uint8_t kind = cur_u8(c);
	switch (kind) {
	case DW_LLE_end_of_list: /* also what a bad cursor reads */
		return 0;
	case DW_LLE_base_addressx:
		walk->base = indexed(walk);
		return 1;
	case DW_LLE_base_address:
		walk->base = cur_uint(c, walk->unit->address_size);
		return 1;
	case DW_LLE_GNU_view_pair: /* which of several states at one address is meant */
		(void)cur_uleb(c);
		(void)cur_uleb(c);
		return 1;
	default:
		entry_5(walk, kind, ret);
		return 1;
	}
}

static int next_entry(struct dwarf_locations *walk, struct dwarf_location *ret)
{
	switch ((enum state)walk->state) {
	case LIST_4:
		return next_4(walk, ret);
	case LIST_SPLIT:
		return next_split(walk, ret);
	case LIST_5:
		return next_5(walk, ret);
	default:
		return 0;
	}
}

int turf_dwarf_next_location(struct dwarf_locations *walk, struct dwarf_location *ret,
                             struct turf_error *err)
{
	while (walk->state != MALFORMED) {
		*ret = (struct dwarf_location){ 0 };
		int r = next_entry(walk, ret);
		if (walk->at.bad)
			break;
		if (r == 0) {
			walk->state = ENDED;
			return 0;
		}
		if (is_tombstone(ret->start, walk->unit->address_size))
			ret->end = ret->start;
		if (ret->is_default || ret->start < ret->end)
			return 1;
	}
	walk->state = MALFORMED;
	return turf_fail(err, -EBADMSG, cur_off(&walk->at),
	                 "unit at 0x%llx of .debug_info: malformed list of locations",
	                 (unsigned long long)walk->unit->off);
}
