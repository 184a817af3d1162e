/* SPDX-License-Identifier: MIT */
/* libdwfl on samples: one process, whose one thread at a time is a sample. */
#ifndef BENCH_DWFL_H
#define BENCH_DWFL_H

#include <elfutils/libdwfl.h>

#include "samples.h"

static const struct sample *current;

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread)
{
	(void)dwfl, (void)arg;
	if (*thread)
		return 0;
	*thread = (void *)current;
	return current->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread)
{
	(void)dwfl, (void)arg;
	*thread = (void *)current;
	return tid == current->tid;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *result, void *arg)
{
	(void)dwfl, (void)arg;
	const struct turf_stack_copy *c = &current->stack;
	if (addr < c->start || addr - c->start > c->size || c->size - (addr - c->start) < 8)
		return false;
	memcpy(result, c->bytes + (addr - c->start), 8);
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	(void)arg;
	return dwfl_thread_state_registers(thread, 0, N_REGS, current->regs.value);
}

static Dwfl *open_dwfl(pid_t pid)
{
	static char *path;
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
		.debuginfo_path = &path,
	};
	static const Dwfl_Thread_Callbacks threads = {
		.next_thread = next_thread,
		.get_thread = get_thread,
		.memory_read = read_memory,
		.set_initial_registers = set_registers,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);
	if (!dwfl || dwfl_linux_proc_report(dwfl, pid) || dwfl_report_end(dwfl, NULL, NULL) ||
	    !dwfl_attach_state(dwfl, NULL, pid, &threads, NULL)) {
		fprintf(stderr, "libdwfl: %s\n", dwfl_errmsg(-1));
		exit(1);
	}
	return dwfl;
}

#endif
