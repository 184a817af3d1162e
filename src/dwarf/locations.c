/* SPDX-License-Identifier: MIT */
/* Location lists of all versions. See locations.h. */
#include "dwarf/locations.h"
#include "dwarf/internal.h"

/* Entries of version 5 (7.7.3) are those of ranges (7.25), but that one kind comes between. */
enum {
	DW_LLE_offset_pair = 4,
	DW_LLE_default_location = 5,
	DW_LLE_GNU_view_pair = 9,
};

enum { /* .debug_loc.dwo before version 5 */
       SPLIT_END,
       SPLIT_BASE,
       SPLIT_START_END,
       SPLIT_START_LENGTH,
       SPLIT_OFFSETS,
};

enum state { ENDED, LIST_4, LIST_SPLIT, LIST_5, MALFORMED };

void turf_dwarf_locations(const struct dwarf_unit *unit, uint64_t off, bool indexed,
                          struct dwarf_locations *walk)
{
	bool v5 = unit->version >= 5;
	bool known =
		!indexed || (v5 && turf_dwarf_indexed_list(unit, unit->in->loclists,
	                                                   unit->loclists_base, off, &off));
	*walk = (struct dwarf_locations){ .list = { .unit = unit, .base = unit->low_pc } };
	walk->state = v5 ? LIST_5 : unit->skeleton ? LIST_SPLIT : LIST_4;
	walk->list.at = cur_of(v5 ? unit->in->loclists : unit->in->loc, unit->in->big);
	cur_seek(&walk->list.at, off);
	if (!known || walk->list.at.bad)
		walk->state = MALFORMED;
}

static void take_expr(struct cursor *c, uint64_t size, struct dwarf_location *ret)
{
	ret->expr = (struct span){ cur_take(c, size), c->bad ? 0 : (size_t)size };
}

static enum dwarf_entry next_4(struct dwarf_list *list, struct dwarf_location *ret)
{
	enum dwarf_entry entry = turf_dwarf_list_entry_4(list, &ret->range);
	if (entry == ENTRY_RANGE)
		take_expr(&list->at, cur_u16(&list->at), ret);
	return entry;
}

static enum dwarf_entry next_split(struct dwarf_list *list, struct dwarf_location *ret)
{
	struct cursor *c = &list->at;
	uint64_t start;
	switch (cur_u8(c)) {
	case SPLIT_END: /* also what a bad cursor reads */
		return ENTRY_END;
	case SPLIT_BASE:
		list->base = turf_dwarf_list_address(list);
		return ENTRY_BASE;
	case SPLIT_START_END:
		ret->range.start = turf_dwarf_list_address(list);
		ret->range.end = turf_dwarf_list_address(list);
		break;
	case SPLIT_START_LENGTH:
		ret->range.start = turf_dwarf_list_address(list);
		turf_dwarf_list_length(list, cur_u32(c), &ret->range);
		break;
	case SPLIT_OFFSETS:
		start = cur_u32(c);
		turf_dwarf_list_pair(list, start, cur_u32(c), &ret->range);
		break;
	default:
		c->bad = true;
		break;
	}
	take_expr(c, cur_u16(c), ret);
	return ENTRY_RANGE;
}

static enum dwarf_entry next_5(struct dwarf_list *list, struct dwarf_location *ret)
{
	struct cursor *c = &list->at;
	unsigned kind = cur_u8(c);
	enum dwarf_entry entry = ENTRY_RANGE;
	if (kind ==
	    DW_LLE_GNU_view_pair) { /* which of several states at one address is meant */
		(void)cur_uleb(c);
		(void)cur_uleb(c);
		return ENTRY_BASE;
	}
	if (kind == DW_LLE_default_location)
		ret->is_default = true;
	else
		entry = turf_dwarf_list_entry_5(
			list, kind > DW_LLE_default_location ? kind - 1 : kind, &ret->range);
	if (entry == ENTRY_RANGE)
		take_expr(c, cur_uleb(c), ret);
	return entry;
}

static enum dwarf_entry next_entry(struct dwarf_locations *walk, struct dwarf_location *ret)
{
	switch ((enum state)walk->state) {
	case LIST_4:
		return next_4(&walk->list, ret);
	case LIST_SPLIT:
		return next_split(&walk->list, ret);
	case LIST_5:
		return next_5(&walk->list, ret);
	default:
		return ENTRY_END;
	}
}

int turf_dwarf_next_location(struct dwarf_locations *walk, struct dwarf_location *ret,
                             struct turf_error *err)
{
	struct dwarf_list *list = &walk->list;
	struct dwarf_range *range = &ret->range;
	while (walk->state != MALFORMED) {
		*ret = (struct dwarf_location){ 0 };
		enum dwarf_entry entry = next_entry(walk, ret);
		if (list->at.bad)
			break;
		if (entry == ENTRY_END) {
			walk->state = ENDED;
			return 0;
		}
		if (is_tombstone(range->start, list->unit->address_size))
			range->end = range->start;
		if (ret->is_default || range->start < range->end)
			return 1;
	}
	walk->state = MALFORMED;
	return turf_fail(err, -EBADMSG, cur_off(&list->at),
	                 "unit at 0x%llx of .debug_info: malformed list of locations",
	                 (unsigned long long)list->unit->off);
}
