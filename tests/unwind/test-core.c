/* SPDX-License-Identifier: MIT */
/* Registers of the threads of a core, as the kernel lays them out on each machine. */
#include <elf.h>

#include "lib/test.h"
#include "process/core.h"
#include "turf/unwind.h"

enum { PID = 32, REGS = 112, PER_REG = 0x100, FIRST = 0x7000 };

/* Where in the kernel's order each register by DWARF number is. */
static const struct {
	const char *what;
	uint16_t machine;
	unsigned n_kernel, n; /* words of the kernel's, registers of ours */
	int thread_pointer;   /* < 0: not among them */
	uint8_t at[40];
} cases[] = {
	/* r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss fs_base
	 */
	{ "x86-64",
	  EM_X86_64,
	  27,
	  17,
	  21,
	  { 10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16 } },
	/* x0-x30 sp pc pstate */
	{ "aarch64", EM_AARCH64, 34, 33, -1, { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
	                                       11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
	                                       22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32 } },
};

/* A core of one thread whose registers hold what they are called. */
static void make(struct turf_core *core, struct span *note, uint8_t bytes[512],
                 uint16_t machine)
{
	const uint32_t tid = 4243;
	memset(bytes, 0, 512);
	memcpy(bytes + PID, &tid, sizeof(tid));
	for (uint64_t i = 0; REGS + 8 * i + 8 <= 512; i++) {
		uint64_t value = FIRST + i * PER_REG;
		memcpy(bytes + REGS + 8 * i, &value, sizeof(value));
	}
	*note = (struct span){ bytes, 512 };
	*core = (struct turf_core){ .machine = machine, .info.pid = 4242, .name = "name" };
	core->threads.at = note;
	core->threads.n = 1;
}

START_TEST(registers_by_number)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_core core;
		struct span note;
		uint8_t bytes[512];
		struct turf_thread_stack thread = { 0 };
		make(&core, &note, bytes, cases[i].machine);
		note.size = REGS + 8 * cases[i].n_kernel;
		ck_assert_int_eq(turf_core_thread(&core, 0, &thread), 1);
		ck_assert_int_eq(thread.pid, 4242);
		ck_assert_int_eq(thread.tid, 4243);
		ck_assert_str_eq(thread.name, "name");
		ck_assert_uint_eq(thread.regs.machine, cases[i].machine);
		ck_assert_uint_eq(thread.regs.valid, (UINT64_C(1) << cases[i].n) - 1);
		for (unsigned k = 0; k < cases[i].n; k++)
			ck_assert_msg(thread.regs.value[k] ==
			                      FIRST + (uint64_t)cases[i].at[k] * PER_REG,
			              "%s: register %u", cases[i].what, k);
		int tp = cases[i].thread_pointer;
		ck_assert_uint_eq(thread.thread_pointer,
		                  tp < 0 ? 0 : FIRST + (uint64_t)tp * PER_REG);
		ck_assert_int_eq(turf_core_thread(&core, 1, &thread), 0);
	}
}
END_TEST

START_TEST(short_notes_and_other_machines_are_refused)
{
	struct turf_core core;
	struct span note;
	uint8_t bytes[512];
	struct turf_thread_stack thread = { 0 };
	for (size_t i = 0; i < COUNT(cases); i++) {
		make(&core, &note, bytes, cases[i].machine);
		for (note.size = 0; note.size < REGS + 8 * (cases[i].n + 1); note.size += 8)
			if (turf_core_thread(&core, 0, &thread) != -ENOTSUP)
				break;
		ck_assert_msg(note.size >= REGS + 8 * cases[i].n, "%s: %zu", cases[i].what,
		              note.size);
	}
	make(&core, &note, bytes, EM_RISCV);
	thread.tid = 7;
	ck_assert_int_eq(turf_core_thread(&core, 0, &thread), -ENOTSUP);
	ck_assert_int_eq(thread.tid, 7);
}
END_TEST

TESTS("unwind/core", registers_by_number, short_notes_and_other_machines_are_refused)
