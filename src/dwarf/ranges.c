/* SPDX-License-Identifier: MIT */
/*
 * Address ranges: DW_AT_low_pc with high_pc, lists of .debug_ranges and .debug_rnglists.
 *
 * Cost:   no allocation; each call reads entries up to the next range that is one
 * Trust:  none; every entry takes at least one byte, so a list ends
 * Source: DWARF 4 section 2.17.3; DWARF 5 sections 2.17.3, 7.25, 7.28
 */
#include "dwarf/internal.h"

enum state { ENDED, SINGLE, LIST_4, LIST_5, MALFORMED };

static void begin_single(struct dwarf_ranges *walk, const struct dwarf_value *low,
                         const struct dwarf_value *high)
{
	struct dwarf_range *r = &walk->single;
	int has_low = turf_dwarf_address(walk->unit, low, &r->start);
	int has_high = turf_dwarf_address(walk->unit, high, &r->end);
	walk->state = has_low < 0 || has_high < 0 ? MALFORMED : SINGLE;
	if (has_low == 0 || (has_high == 0 && !is_number(high)))
		walk->state = ENDED;
	if (has_low == 1 && is_tombstone(r->start, walk->unit->address_size))
		walk->state = ENDED;
	if (walk->state == SINGLE && has_high == 0 &&
	    __builtin_add_overflow(r->start, high->u, &r->end))
		walk->state = MALFORMED;
}

/* DW_FORM_rnglistx: the list's offset stands in a table, and counts from that table. */
static bool indexed_list(const struct dwarf_ranges *walk, uint64_t idx, uint64_t *ret)
{
	const struct dwarf_unit *unit = walk->unit;
	struct span section = unit->in->rnglists;
	uint64_t base = unit->rnglists_base;
	if (base == DWARF_NONE) /* split units: just behind the header */
		base = unit->offset_size == 8 ? 20 : 12;
	if (base > section.size || idx >= (section.size - base) / unit->offset_size)
		return false;
	struct cursor c = cur_of(section, unit->in->big);
	cur_seek(&c, base + idx * unit->offset_size);
	return !__builtin_add_overflow(base, cur_uint(&c, unit->offset_size), ret);
}

static void begin_list(struct dwarf_ranges *walk, const struct dwarf_value *value)
{
	const struct dwarf_sections *sections = walk->unit->in;
	bool v5 = walk->unit->version >= 5;
	uint64_t off = value->u;
	walk->state = v5 ? LIST_5 : LIST_4;
	walk->at = cur_of(v5 ? sections->rnglists : sections->ranges, sections->big);
	if (!v5 && __builtin_add_overflow(off, walk->unit->ranges_base, &off))
		off = UINT64_MAX;
	bool known = value->class == VALUE_LIST_INDEX ? v5 && indexed_list(walk, off, &off)
	                                              : is_number(value);
	cur_seek(&walk->at, off);
	if (!known || walk->at.bad)
		walk->state = MALFORMED;
}

void turf_dwarf_ranges(const struct dwarf_unit *unit, const struct dwarf_values *values,
                       struct dwarf_ranges *ret)
{
	const struct dwarf_value low = value_of(values, SLOT_LOW);
	const struct dwarf_value high = value_of(values, SLOT_HIGH);
	const struct dwarf_value ranges = value_of(values, SLOT_RANGES);
	*ret = (struct dwarf_ranges){ .unit = unit, .base = unit->low_pc };
	if (ranges.class != VALUE_NONE)
		begin_list(ret, &ranges);
	else
		begin_single(ret, &low, &high);
}

/* A pair relative to the base. One below a discarded base is none: an empty range. */
static struct dwarf_range based(const struct dwarf_ranges *walk, uint64_t start, uint64_t end)
{
	if (is_tombstone(walk->base, walk->unit->address_size))
		return (struct dwarf_range){ 0 };
	uint64_t mask = walk->unit->address_size == 4 ? UINT32_MAX : UINT64_MAX;
	return (struct dwarf_range){ (walk->base + start) & mask, (walk->base + end) & mask };
}

/* 1 an entry (maybe an empty one), 0 the list's end. */
static int next_4(struct dwarf_ranges *walk, struct dwarf_range *ret)
{
	uint8_t size = walk->unit->address_size;
	uint64_t start = cur_uint(&walk->at, size), end = cur_uint(&walk->at, size);
	*ret = (struct dwarf_range){ 0 };
	if (start == (size == 4 ? UINT32_MAX : UINT64_MAX)) {
		walk->base = end;
		return 1;
	}
	if (start == 0 && end == 0)
		return 0;
	if (!is_tombstone(start, size))
		*ret = based(walk, start, end);
	return 1;
}

static uint64_t indexed(struct dwarf_ranges *walk)
{
	uint64_t idx = cur_uleb(&walk->at), addr = 0;
	if (!walk->at.bad && turf_dwarf_indexed_address(walk->unit, idx, &addr) < 0)
		walk->at.bad = true;
	return addr;
}

/* start and end from start and length; no end behind the last address. */
static uint64_t behind(struct dwarf_ranges *walk, uint64_t start, uint64_t length)
{
	uint64_t end = 0;
	if (!is_tombstone(start, walk->unit->address_size) &&
	    __builtin_add_overflow(start, length, &end))
		walk->at.bad = true;
	return end;
}

static int next_5(struct dwarf_ranges *walk, struct dwarf_range *ret)
{
	struct cursor *c = &walk->at;
	uint8_t size = walk->unit->address_size;
	*ret = (struct dwarf_range){ 0 };
	switch (cur_u8(c)) {
	case DW_RLE_end_of_list: /* also what a bad cursor reads */
		return 0;
	case DW_RLE_base_addressx:
		walk->base = indexed(walk);
		return 1;
	case DW_RLE_base_address:
		walk->base = cur_uint(c, size);
		return 1;
	case DW_RLE_startx_endx:
		ret->start = indexed(walk);
		ret->end = indexed(walk);
		break;
	case DW_RLE_startx_length:
		ret->start = indexed(walk);
		ret->end = behind(walk, ret->start, cur_uleb(c));
		break;
	case DW_RLE_offset_pair:
		ret->start = cur_uleb(c);
		ret->end = cur_uleb(c);
		*ret = based(walk, ret->start, ret->end);
		break;
	case DW_RLE_start_end:
		ret->start = cur_uint(c, size);
		ret->end = cur_uint(c, size);
		break;
	case DW_RLE_start_length:
		ret->start = cur_uint(c, size);
		ret->end = behind(walk, ret->start, cur_uleb(c));
		break;
	default:
		c->bad = true;
		break;
	}
	if (is_tombstone(ret->start, size))
		ret->end = ret->start;
	return 1;
}

static int next_entry(struct dwarf_ranges *walk, struct dwarf_range *ret)
{
	switch ((enum state)walk->state) {
	case SINGLE:
		*ret = walk->single;
		walk->state = ENDED;
		return 1;
	case LIST_4:
		return next_4(walk, ret);
	case LIST_5:
		return next_5(walk, ret);
	default:
		return 0;
	}
}

static int malformed(struct dwarf_ranges *walk, struct turf_error *err)
{
	walk->state = MALFORMED;
	bool list = walk->at.start != NULL;
	return turf_fail(err, -EBADMSG, list ? cur_off(&walk->at) : TURF_NOWHERE,
	                 "unit at 0x%llx of .debug_info: malformed %s",
	                 (unsigned long long)walk->unit->off,
	                 !list                      ? "DW_AT_low_pc or DW_AT_high_pc"
	                 : walk->unit->version >= 5 ? "list in .debug_rnglists"
	                                            : "list in .debug_ranges");
}

int turf_dwarf_next_range(struct dwarf_ranges *walk, struct dwarf_range *ret,
                          struct turf_error *err)
{
	for (;;) {
		struct dwarf_range range = { 0 };
		if (walk->state == MALFORMED)
			return malformed(walk, err);
		int r = next_entry(walk, &range);
		if (walk->at.bad || range.start > range.end)
			return malformed(walk, err);
		if (r == 0)
			walk->state = ENDED;
		if (r == 0 || range.start < range.end) {
			if (r)
				*ret = range;
			return r;
		}
	}
}
