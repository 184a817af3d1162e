/* SPDX-License-Identifier: MIT */
/* What the two files of this room share. */
#ifndef CFI_READ_H
#define CFI_READ_H

#include "cfi/cfi.h"

/* The operand of DW_CFA_set_loc at @c, a cursor over the FDE's program; bad: cannot be read. */
uint64_t turf_cfi_read_location(const struct cfi_fde *fde, struct cursor *c);

#endif
