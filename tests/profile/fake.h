/* SPDX-License-Identifier: MIT */
/*
 * Images, processes, unwinding and kernel symbols that a test writes down as tables, in place
 * of those rooms: profile is linked alone.
 */
#ifndef TESTS_PROFILE_FAKE_H
#define TESTS_PROFILE_FAKE_H

#include <inttypes.h>
#include <stdio.h>

#include "lib/test.h"
#include "turf/profile.h"

/* An image: for some addresses the chain of functions, innermost first. */
struct fake_chain {
	uint64_t addr;
	size_t n;
	struct fake_frame {
		const char *name, *linkage_name, *path; /* NULL: none */
		uint32_t line;
		bool inlined;
	} frames[4];
};

struct turf_image {
	const struct fake_chain *chains;
	size_t n;
	int n_closed;
};

/* A text is the address of its bytes; a file tells the chain and the frame of it. */
int turf_image_frames(const struct turf_image *image, uint64_t addr, struct turf_frames *walk)
{
	size_t i = 0;
	while (i < image->n && image->chains[i].addr != addr)
		i++;
	if (i == image->n)
		return 0;
	const struct fake_chain *c = &image->chains[i];
	walk->n = walk->left = (uint32_t)c->n;
	for (size_t k = 0; k < c->n; k++)
		walk->frame[k] = (struct turf_frame){
			.name = (uintptr_t)c->frames[k].name,
			.linkage_name = (uintptr_t)c->frames[k].linkage_name,
			.file = c->frames[k].path ? (uint32_t)(i << 8 | (k + 1)) : 0,
			.line = c->frames[k].line,
			.inlined = c->frames[k].inlined,
		};
	return 1;
}

int turf_frames_next(struct turf_frames *walk, struct turf_frame *out)
{
	if (!walk->left)
		return 0;
	*out = walk->frame[walk->n - walk->left--];
	return 1;
}

ssize_t turf_image_text(const struct turf_image *image, turf_text text, char *out, size_t size)
{
	(void)image;
	return snprintf(out, size, "%s", text ? (const char *)(uintptr_t)text : "");
}

ssize_t turf_image_path(const struct turf_image *image, uint32_t file, char *out, size_t size)
{
	const struct fake_chain *c = &image->chains[file >> 8];
	return snprintf(out, size, "%s", file ? c->frames[(file & 0xff) - 1].path : "??");
}

void turf_image_close(struct turf_image *image)
{
	if (image)
		image->n_closed++;
}

void turf_image_info(const struct turf_image *image, struct turf_image_info *out)
{
	static const uint8_t id[] = { 0xab, 0xcd, 0x01 };
	(void)image;
	*out = (struct turf_image_info){ .source_id = id, .source_id_size = sizeof(id) };
}

/* One module, one process, one walk. */
struct turf_module {
	const char *path, *key;
	struct turf_image *image;
	size_t index;
};

struct turf_process {
	pid_t pid;
	const char *comm, *thread_comm;
};

struct turf_processes {
	struct turf_process process;
	struct turf_module module;
	int n_events, n_reads;
	struct turf_event last;
	bool appears; /* by reading /proc */
};

struct turf_process *turf_processes_find(struct turf_processes *table, pid_t pid)
{
	return table->process.pid == pid ? &table->process : NULL;
}

int turf_processes_read(struct turf_processes *table, pid_t pid, struct turf_error *err)
{
	(void)err;
	table->n_reads++;
	if (!table->appears)
		return -ESRCH;
	table->process.pid = pid;
	return 0;
}

int turf_process_locate(struct turf_process *process, uint64_t pc, struct turf_location *out)
{
	(void)process;
	(void)pc;
	*out = (struct turf_location){ 0 };
	return 1;
}

int turf_process_jit(struct turf_process *process, uint64_t pc, uint64_t time_ns,
                     struct turf_jit *out)
{
	(void)process;
	(void)pc;
	(void)time_ns;
	(void)out;
	return 0;
}

const char *turf_process_jit_error(const struct turf_process *process)
{
	(void)process;
	return NULL;
}

pid_t turf_process_pid(const struct turf_process *process)
{
	return process->pid;
}

int turf_processes_refresh(struct turf_processes *table, pid_t pid, uint64_t pc)
{
	(void)table;
	(void)pid;
	(void)pc;
	return 0;
}

int turf_processes_event(struct turf_processes *table, const struct turf_event *event)
{
	table->n_events++;
	table->last = *event;
	return 0;
}

const char *turf_process_comm(const struct turf_process *process)
{
	return process->comm;
}

const char *turf_process_thread_comm(const struct turf_process *process, pid_t tid)
{
	return tid == process->pid ? process->comm : process->thread_comm;
}

size_t turf_processes_n_modules(const struct turf_processes *table)
{
	(void)table;
	return 1;
}

struct turf_module *turf_processes_module(const struct turf_processes *table, size_t idx)
{
	return idx == 0 ? (struct turf_module *)&table->module : NULL;
}

size_t turf_module_index(const struct turf_module *module)
{
	return module->index;
}

const char *turf_module_path(const struct turf_module *module)
{
	return module->path;
}

const char *turf_module_key(const struct turf_module *module)
{
	return module->key;
}

const struct turf_image *turf_module_image(const struct turf_module *module)
{
	return module->image;
}

static int read_copy(void *ctx, uint64_t addr, void *out, size_t size)
{
	const struct turf_stack_copy *c = ctx;
	if (addr < c->start)
		return -EFAULT;
	if (addr - c->start > c->size || size > c->size - (addr - c->start))
		return -ENODATA;
	memcpy(out, c->bytes + (addr - c->start), size);
	return 0;
}

struct turf_memory turf_memory_copy(const struct turf_stack_copy *copy)
{
	return (struct turf_memory){ read_copy, (void *)copy };
}

/* A walk: each word of the stack is a frame's link-time address, 0 ends it well. */
static struct turf_module *fake_unwind_module;

void turf_unwind_begin(struct turf_unwind *u, struct turf_process *process,
                       const struct turf_regs *regs, struct turf_memory memory,
                       unsigned max_depth)
{
	*u = (struct turf_unwind){
		.process = process, .memory = memory, .regs = *regs, .max_depth = max_depth
	};
}

int turf_unwind_next(struct turf_unwind *u, struct turf_unwind_frame *out)
{
	uint64_t addr = u->regs.value[16];
	if (u->depth) {
		int r = u->memory.read(u->memory.ctx, u->regs.value[7], &addr, sizeof(addr));
		if (r < 0 || addr == 0) {
			u->stop = r == -ENODATA ? TURF_STOP_TRUNCATED
			          : r < 0       ? TURF_STOP_MEMORY
			                        : TURF_STOP_END;
			return 0;
		}
		u->regs.value[7] += 8;
	}
	u->depth++;
	*out = (struct turf_unwind_frame){ .pc = addr, .lookup_pc = addr + 0x7000 };
	if (addr < 0x100000) {
		out->location.module = fake_unwind_module;
		out->location.image = fake_unwind_module->image;
		out->location.addr = addr;
	}
	return 1;
}

/* Kernel symbols: every 0x1000 bytes one, named after its address; modules from 0xff00. */
struct turf_kernel {
	char name[32];
};

int turf_kernel_find(const struct turf_kernel *kernel, uint64_t addr, const char **name,
                     uint64_t *start, const char **module)
{
	*start = addr & ~(uint64_t)0xfff;
	if (addr < 0x1000)
		return 0;
	snprintf((char *)kernel->name, sizeof(kernel->name), "k_%" PRIx64, *start);
	*name = kernel->name;
	*module = addr >= 0xff000000 ? "ext4" : "";
	return 1;
}

#endif
