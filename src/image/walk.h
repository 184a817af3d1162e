/* SPDX-License-Identifier: MIT */
/*
 * What a walk over a stack asks of an image at each frame. For the rooms build and unwind.
 */
#ifndef IMAGE_WALK_H
#define IMAGE_WALK_H

#include <elf.h>

#include "turf/image.h"
#include "urf/format.h"

/* A struct urf_step, in registers of the machine. */
struct walk_step {
	uint8_t cfa_reg;
	uint8_t how;  /* enum urf_step_how */
	int32_t slot; /* bytes from the CFA */
	uint32_t value;
};

/* DWARF numbers of the frame pointer and of the return address. */
struct walk_regs {
	uint8_t fp, ra;
};

/* False: all steps of the machine are whole rules. */
static inline bool walk_regs_of(uint16_t machine, struct walk_regs *ret)
{
	*ret = machine == EM_X86_64 ? (struct walk_regs){ 6, 16 }
	                            : (struct walk_regs){ 29, 30 };
	return machine == EM_X86_64 || machine == EM_AARCH64;
}

/*
 * The step from link-time address @addr: 1, 0 no row covers it, -EBADMSG. Of a whole rule only
 * out->how says so: turf_image_find_unwind() has it.
 * Cost: one binary search within a 4 KiB page's rows
 */
int turf_image_find_step(const struct turf_image *image, uint64_t addr, struct walk_step *out);

#endif
