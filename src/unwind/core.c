/* SPDX-License-Identifier: MIT */
/*
 * The threads of a core file: registers out of its notes, by DWARF number.
 *
 * A core is read on any machine, so that of all machines we know is here.
 *
 * Source: struct elf_prstatus of 64-bit machines; struct user_regs_struct of x86-64 and struct
 *         user_pt_regs of aarch64; their psABIs for DWARF's numbers
 */
#include <elf.h>

#include "process/core.h"
#include "unwind/step.h"

enum { PRSTATUS_PID = 32, PRSTATUS_REGS = 112 };

/* For each register in the kernel's order its DWARF number; SKIP: it has none of ours. */
enum { SKIP = 0xff, THREAD_POINTER = 0xfe, MOST = 40 };
struct layout {
	uint16_t machine;
	uint8_t n;
	uint8_t dwarf[MOST];
};
static const struct layout layouts[] = {
	{ EM_X86_64,
	  27,
	  { 15,   14,   13,   12,   6,    3,  11,   10,   9, 8,    0,
	    2,    1,    4,    5,    SKIP, 16, SKIP, SKIP, 7, SKIP, THREAD_POINTER,
	    SKIP, SKIP, SKIP, SKIP, SKIP } },
	{ EM_AARCH64, 33, { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
	                    17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 } },
};

static const struct layout *layout_of(uint16_t machine)
{
	for (size_t i = 0; i < COUNT(layouts); i++)
		if (layouts[i].machine == machine)
			return &layouts[i];
	return NULL;
}

int turf_core_thread(const struct turf_core *core, size_t idx, struct turf_thread_stack *out)
{
	if (idx >= core->threads.n)
		return 0;
	const struct layout *layout = layout_of(core->machine);
	struct cursor c = cur_of(core->threads.at[idx], false);
	if (!layout || cur_left(&c) < PRSTATUS_REGS + 8u * layout->n)
		return -ENOTSUP;
	struct turf_thread_stack t = {
		.pid = core->info.pid,
		.name = core->name,
		.regs.machine = core->machine,
	};
	cur_seek(&c, PRSTATUS_PID);
	t.tid = (pid_t)cur_u32(&c);
	cur_seek(&c, PRSTATUS_REGS);
	for (size_t i = 0; i < layout->n; i++) {
		uint64_t value = cur_u64(&c);
		uint8_t reg = layout->dwarf[i];
		if (reg == THREAD_POINTER)
			t.thread_pointer = value;
		else if (reg != SKIP)
			regs_set(&t.regs, reg, value);
	}
	*out = t;
	return 1;
}
