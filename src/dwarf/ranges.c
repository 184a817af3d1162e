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
	int has_low = turf_dwarf_address(walk->list.unit, low, &r->start);
	int has_high = turf_dwarf_address(walk->list.unit, high, &r->end);
	walk->state = has_low < 0 || has_high < 0 ? MALFORMED : SINGLE;
	if (has_low == 0 || (has_high == 0 && !is_number(high)))
		walk->state = ENDED;
	if (has_low == 1 && is_tombstone(r->start, walk->list.unit->address_size))
		walk->state = ENDED;
	if (walk->state == SINGLE && has_high == 0 &&
	    __builtin_add_overflow(r->start, high->u, &r->end))
		walk->state = MALFORMED;
}

bool turf_dwarf_indexed_list(const struct dwarf_unit *unit, struct span section, uint64_t base,
                             uint64_t idx, uint64_t *ret)
{
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
	const struct dwarf_unit *unit = walk->list.unit;
	const struct dwarf_sections *sections = unit->in;
	bool v5 = unit->version >= 5, known = is_number(value);
	uint64_t off = value->u;
	walk->state = v5 ? LIST_5 : LIST_4;
	walk->list.at = cur_of(v5 ? sections->rnglists : sections->ranges, sections->big);
	if (!v5 && __builtin_add_overflow(off, unit->ranges_base, &off))
		off = UINT64_MAX;
	if (value->class == VALUE_LIST_INDEX)
		known = v5 && turf_dwarf_indexed_list(unit, sections->rnglists,
		                                      unit->rnglists_base, off, &off);
	cur_seek(&walk->list.at, off);
	if (!known || walk->list.at.bad)
		walk->state = MALFORMED;
}

void turf_dwarf_ranges(const struct dwarf_unit *unit, const struct dwarf_values *values,
                       struct dwarf_ranges *ret)
{
	const struct dwarf_value low = value_of(values, SLOT_LOW);
	const struct dwarf_value high = value_of(values, SLOT_HIGH);
	const struct dwarf_value ranges = value_of(values, SLOT_RANGES);
	*ret = (struct dwarf_ranges){ .list = { .unit = unit, .base = unit->low_pc } };
	if (ranges.class != VALUE_NONE)
		begin_list(ret, &ranges);
	else
		begin_single(ret, &low, &high);
}

void turf_dwarf_list_pair(const struct dwarf_list *list, uint64_t start, uint64_t end,
                          struct dwarf_range *ret)
{
	if (is_tombstone(list->base, list->unit->address_size))
		return;
	uint64_t mask = list->unit->address_size == 4 ? UINT32_MAX : UINT64_MAX;
	*ret = (struct dwarf_range){ (list->base + start) & mask, (list->base + end) & mask };
}

uint64_t turf_dwarf_list_address(struct dwarf_list *list)
{
	uint64_t idx = cur_uleb(&list->at), addr = 0;
	if (!list->at.bad && turf_dwarf_indexed_address(list->unit, idx, &addr) < 0)
		list->at.bad = true;
	return addr;
}

void turf_dwarf_list_length(struct dwarf_list *list, uint64_t length, struct dwarf_range *ret)
{
	if (!is_tombstone(ret->start, list->unit->address_size) &&
	    __builtin_add_overflow(ret->start, length, &ret->end))
		list->at.bad = true;
}

enum dwarf_entry turf_dwarf_list_entry_4(struct dwarf_list *list, struct dwarf_range *ret)
{
	uint8_t size = list->unit->address_size;
	uint64_t start = cur_uint(&list->at, size), end = cur_uint(&list->at, size);
	if (start == (size == 4 ? UINT32_MAX : UINT64_MAX)) {
		list->base = end;
		return ENTRY_BASE;
	}
	if (start == 0 && end == 0)
		return ENTRY_END;
	if (!is_tombstone(start, size))
		turf_dwarf_list_pair(list, start, end, ret);
	return ENTRY_RANGE;
}

enum dwarf_entry turf_dwarf_list_entry_5(struct dwarf_list *list, unsigned kind,
                                         struct dwarf_range *ret)
{
	struct cursor *c = &list->at;
	uint8_t size = list->unit->address_size;
	uint64_t start;
	switch (kind) {
	case DW_RLE_end_of_list: /* also what a bad cursor reads */
		return ENTRY_END;
	case DW_RLE_base_addressx:
		list->base = turf_dwarf_list_address(list);
		return ENTRY_BASE;
	case DW_RLE_base_address:
		list->base = cur_uint(c, size);
		return ENTRY_BASE;
	case DW_RLE_startx_endx:
		ret->start = turf_dwarf_list_address(list);
		ret->end = turf_dwarf_list_address(list);
		break;
	case DW_RLE_startx_length:
		ret->start = turf_dwarf_list_address(list);
		turf_dwarf_list_length(list, cur_uleb(c), ret);
		break;
	case DW_RLE_offset_pair:
		start = cur_uleb(c);
		turf_dwarf_list_pair(list, start, cur_uleb(c), ret);
		break;
	case DW_RLE_start_end:
		ret->start = cur_uint(c, size);
		ret->end = cur_uint(c, size);
		break;
	case DW_RLE_start_length:
		ret->start = cur_uint(c, size);
		turf_dwarf_list_length(list, cur_uleb(c), ret);
		break;
	default:
		c->bad = true;
		break;
	}
	return ENTRY_RANGE;
}

static enum dwarf_entry next_entry(struct dwarf_ranges *walk, struct dwarf_range *ret)
{
	switch ((enum state)walk->state) {
	case SINGLE:
		*ret = walk->single;
		walk->state = ENDED;
		return ENTRY_RANGE;
	case LIST_4:
		return turf_dwarf_list_entry_4(&walk->list, ret);
	case LIST_5:
		return turf_dwarf_list_entry_5(&walk->list, cur_u8(&walk->list.at), ret);
	default:
		return ENTRY_END;
	}
}

static int malformed(struct dwarf_ranges *walk, struct turf_error *err)
{
	walk->state = MALFORMED;
	bool list = walk->list.at.start != NULL;
	return turf_fail(err, -EBADMSG, list ? cur_off(&walk->list.at) : TURF_NOWHERE,
	                 "unit at 0x%llx of .debug_info: malformed %s",
	                 (unsigned long long)walk->list.unit->off,
	                 !list                           ? "DW_AT_low_pc or DW_AT_high_pc"
	                 : walk->list.unit->version >= 5 ? "list in .debug_rnglists"
	                                                 : "list in .debug_ranges");
}

int turf_dwarf_next_range(struct dwarf_ranges *walk, struct dwarf_range *ret,
                          struct turf_error *err)
{
	for (;;) {
		struct dwarf_range range = { 0 };
		if (walk->state == MALFORMED)
			return malformed(walk, err);
		enum dwarf_entry entry = next_entry(walk, &range);
		if (is_tombstone(range.start, walk->list.unit->address_size))
			range.end = range.start;
		if (walk->list.at.bad || range.start > range.end)
			return malformed(walk, err);
		if (entry == ENTRY_END) {
			walk->state = ENDED;
			return 0;
		}
		if (range.start < range.end) {
			*ret = range;
			return 1;
		}
	}
}
