/* SPDX-License-Identifier: MIT */
/*
 * The short steps of images that exist as arrays of rows only: of a row that has one, as the
 * images of files do. Who includes this brings turf_image_find_unwind() and
 * turf_unwind_saved().
 */
#ifndef TESTS_UNWIND_SHORT_H
#define TESTS_UNWIND_SHORT_H

#include "image/walk.h"
#include "turf/unwind.h"

int turf_image_find_step(const struct turf_image *image, uint64_t addr, struct walk_step *out)
{
	enum { RBP_NUMBER = 6 };
	struct turf_unwind_row row;
	struct turf_rule fp = { 0 };
	uint8_t reg = RBP_NUMBER;
	int r = turf_image_find_unwind(image, addr, &row);
	if (r <= 0)
		return r;
	*out = (struct walk_step){ .how = URF_STEP_WHOLE };
	if (row.signal_frame || row.cfa.kind != TURF_RULE_REG_OFFSET || row.n_saved > 1 ||
	    row.return_address.kind != TURF_RULE_AT_CFA)
		return 1;
	int32_t slot = row.return_address.offset;
	if (row.n_saved && (turf_unwind_saved(image, &row, 0, &reg, &fp) < 0 ||
	                    reg != RBP_NUMBER || fp.kind != TURF_RULE_AT_CFA || slot != -8))
		return 1;
	*out = (struct walk_step){ .cfa_reg = row.cfa.reg,
		                   .how = slot == -8 ? URF_RETURN_TOP : URF_RETURN_SLOT,
		                   .slot = row.n_saved ? fp.offset : slot,
		                   .value = (uint32_t)row.cfa.offset };
	out->how |= row.n_saved ? URF_STEP_SAVED : 0;
	out->how |= row.guess ? URF_STEP_GUESS : 0;
	return 1;
}

#endif
