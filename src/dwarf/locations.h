/* SPDX-License-Identifier: MIT */
/*
 * Location lists: where something is, by address.
 *
 * In:     .debug_loc (DWARF 2 to 4), .debug_loc.dwo (GNU's split units before 5),
 *         .debug_loclists (5)
 * Out:    a walk: 1 an entry, 0 the end, < 0 why not
 * Cost:   no allocation; one pass over the entries
 * Trust:  none; each entry takes at least a byte
 * Source: DWARF 4 section 2.6.2; DWARF 5 sections 2.6.2, 7.7.3, 7.29;
 *         https://gcc.gnu.org/wiki/DebugFission; DW_LLE_GNU_view_pair as gcc emits it
 */
#ifndef DWARF_LOCATIONS_H
#define DWARF_LOCATIONS_H

#include "dwarf/dwarf.h"

struct dwarf_location {
	struct dwarf_range range;
	struct span expr;
	bool is_default; /* wherever no other entry is: the range means nothing */
};
struct dwarf_locations {
	struct dwarf_list list;
	uint8_t state; /* private */
};

/* Begins the list at @off of the unit's section, or the @off-th one of its table of lists where
 * @indexed. Never fails: what is wrong is told by the first turf_dwarf_next_location(). */
void turf_dwarf_locations(const struct dwarf_unit *unit, uint64_t off, bool indexed,
                          struct dwarf_locations *walk);
/* Empty entries and those of dead code (tombstones) are not told. */
int turf_dwarf_next_location(struct dwarf_locations *walk, struct dwarf_location *ret,
                             struct turf_error *err);

#endif
