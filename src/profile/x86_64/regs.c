/* SPDX-License-Identifier: MIT */
/*
 * Registers of x86-64: the kernel's numbers to DWARF's.
 *
 * Source: arch/x86/include/uapi/asm/perf_regs.h; System V psABI figure 3.36
 */
#include <elf.h>

#include "profile/perf.h"

/* The kernel's: ax bx cx dx si di bp sp ip (0-8), flags and segments (9-15), r8-r15 (16-23) */
const struct perf_machine turf_perf_machine = {
	.machine = EM_X86_64,
	.mask = 0xff01ff,
	.dwarf = { 0, 3, 2, 1, 4, 5, 6, 7, 16, [16] = 8, 9, 10, 11, 12, 13, 14, 15 },
	.sp = 7,
	.pc = 16,
};
