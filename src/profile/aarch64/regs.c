/* SPDX-License-Identifier: MIT */
/*
 * Registers of AArch64: the kernel's numbers are DWARF's.
 *
 * Source: arch/arm64/include/uapi/asm/perf_regs.h; DWARF for the Arm 64-bit architecture 4.1
 */
#include <elf.h>

#include "profile/perf.h"

/* x0-x30 (0-30), sp (31), pc (32) */
const struct perf_machine turf_perf_machine = {
	.machine = EM_AARCH64,
	.mask = 0x1ffffffff,
	.dwarf = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
	           17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 },
	.sp = 31,
	.pc = 32,
};
