/* SPDX-License-Identifier: MIT */
/*
 * One table of all processes: an ordered address-space map for each, modules shared over all.
 *
 * Fed by events (perf records) or read from /proc. One thread at a time per table. A process
 * takes 32 bytes for each executable mapping that it does not share with its parent, and some
 * 150 bytes (bench/memory), and for each function that it made at run time, once one was asked
 * for, some 100 bytes and its name; of those that have ended 1024 at most are kept.
 */
#ifndef TURF_PROCESS_H
#define TURF_PROCESS_H

#include <sys/types.h>

#include "turf/store.h"

#ifdef __cplusplus
extern "C" {
#endif

struct turf_processes; /* the table */
struct turf_process;   /* one process; lives until its exit is seen (and a while longer) */
struct turf_module;    /* one ELF file mapped somewhere, shared by all processes that map it */

/* @store is borrowed and makes the urfs. */
int turf_processes_new(struct turf_store *store, struct turf_processes **ret,
                       struct turf_error *err);
void turf_processes_free(struct turf_processes *table);

/* Reads /proc/PID/maps and comm of one process (0, -ESRCH: gone, ...) or of all there are. */
int turf_processes_read(struct turf_processes *table, pid_t pid, struct turf_error *err);
int turf_processes_read_all(struct turf_processes *table, struct turf_error *err);

enum turf_event_kind {
	TURF_EVENT_MAP,  /* an executable mapping appeared */
	TURF_EVENT_COMM, /* a thread's name changed; exec: the whole address space is new */
	TURF_EVENT_FORK, /* a thread or process was made */
	TURF_EVENT_EXIT, /* a thread or process ended */
	/* perf tells neither of these; whoever traces munmap and mremap can */
	TURF_EVENT_UNMAP, /* nothing is mapped in a range any more */
	TURF_EVENT_MOVE,  /* what was mapped in a range is elsewhere now (mremap) */
};

struct turf_event {
	enum turf_event_kind kind;
	pid_t pid, tid;
	uint64_t time_ns;
	union {
		struct {
			uint64_t start, end, offset; /* offset: of start in the file, bytes */
			uint32_t major, minor;
			uint64_t inode;
			const char *path; /* as the kernel tells it: "//anon", "[vdso]", ... */
			const uint8_t *build_id; /* of the file, where it is known */
			size_t build_id_size;
		} map;
		struct {
			uint64_t start, end;
		} unmap;
		struct {
			uint64_t start, end, to,
				to_end; /* to_end: what it was cut to, or grew to */
		} move;
		struct {
			const char *name;
			bool exec;
		} comm;
		struct {
			pid_t parent_pid, parent_tid;
		} fork;
	};
};

/*
 * Changes the table; 0, -ENOMEM or -EINVAL (an unknown kind). An event of an unknown process
 * creates it, but for an exit. A process that has ended can be found until its pid is used
 * again or 1024 others have ended; an event that is no exit brings it back.
 */
int turf_processes_event(struct turf_processes *table, const struct turf_event *event);

/**
 * turf_processes_refresh() - ask the system what is mapped at one address of a live process
 *
 * For addresses that no event told of: where events were lost, or memory was moved. What the
 * answer tells takes the place of what the table holds of that range.
 *
 * Cost:   one ioctl, about 4 us (Linux 6.11; before that all of /proc/PID/maps is read)
 * Return: 1 there is a mapping now, 0 there is none that is executable; -ESRCH, -EACCES, ...
 */
int turf_processes_refresh(struct turf_processes *table, pid_t pid, uint64_t pc);

/* The process, or NULL. */
struct turf_process *turf_processes_find(struct turf_processes *table, pid_t pid);
pid_t turf_process_pid(const struct turf_process *process);
const char *turf_process_comm(const struct turf_process *process);
/* Name of a thread; its process' name where the thread is not known. */
const char *turf_process_thread_comm(const struct turf_process *process, pid_t tid);

/* What stands at a live address. */
struct turf_location {
	uint64_t map_start, map_end;    /* the mapping */
	struct turf_module *module;     /* NULL: anonymous memory */
	const struct turf_image *image; /* NULL: no module, or its urf cannot be had */
	uint64_t addr;                  /* link-time address of the pc, if image */
};

/**
 * turf_process_locate() - mapping, module and link-time address of a live address
 *
 * Opens the module's urf on its first use, which may build it.
 *
 * Cost:   warm: one bisection, no allocation, no system call
 * Return: 1, 0 nothing mapped there, < 0 never (a module that cannot be read has no image)
 */
int turf_process_locate(struct turf_process *process, uint64_t pc, struct turf_location *out);

/* A function that the process made at run time. */
struct turf_jit {
	uint64_t start, size; /* live address */
	/* these live until the process changes or is asked again */
	const char *name;
	const char *file; /* NULL: not told */
	uint32_t line;    /* of the pc; 0: not told */
};

#define TURF_NOW UINT64_MAX

/**
 * turf_process_jit() - the function at @pc that a compiler made at run time
 * @time_ns: CLOCK_MONOTONIC when it stood there; TURF_NOW
 * @out:     set if 1
 *
 * For a pc where turf_process_locate() gives no image. Told by the jitdump that the process has
 * mapped (jit-PID.dump: functions, lines, and when each was made or moved), then by
 * /tmp/perf-PID.map, both as the process sees its files. What was told later hides what was
 * told earlier. Times do not go back: a function replaced before the latest time that was asked
 * for is not found again. A file is read on where it has grown: at a miss, but of one process
 * once every 10 ms by @time_ns, and every 100 ms besides. The children of a process that makes
 * code do not have its names.
 *
 * Files whose owner is neither that of the process nor root are not read.
 *
 * Cost:   warm: a few bisections, no allocation, no system call
 * Return: 1, 0 nobody told of it, -ENOMEM
 */
int turf_process_jit(struct turf_process *process, uint64_t pc, uint64_t time_ns,
                     struct turf_jit *out);
/* What was wrong with such a file, if anything: one line, else NULL. */
const char *turf_process_jit_error(const struct turf_process *process);

const char *turf_module_path(const struct turf_module *module);
/* Key of its urf in the store; "" when there is none. */
const char *turf_module_key(const struct turf_module *module);
/* Why there is no image; NULL: there is one, or nobody asked yet. */
const char *turf_module_error(const struct turf_module *module);
/* Counts from 0 in order of first appearance, unique in the table. */
size_t turf_module_index(const struct turf_module *module);
const struct turf_image *turf_module_image(const struct turf_module *module);
size_t turf_processes_n_modules(const struct turf_processes *table);
struct turf_module *turf_processes_module(const struct turf_processes *table, size_t idx);

/* Memory of whatever is unwound: a live process, a sample's stack copy, a test's array. */
struct turf_memory {
	/* @size bytes at live address @addr into @out: 0, -EFAULT not there, -ENODATA beyond a
	 * copy. */
	int (*read)(void *ctx, uint64_t addr, void *out, size_t size);
	void *ctx;
};

/* Memory of a live process by process_vm_readv. @pid must stay alive and readable. */
struct turf_memory turf_memory_live(const pid_t *pid);

/* The running kernel's symbols, from /proc/kallsyms. */
struct turf_kernel;
/* 0; -EACCES: the kernel hides its addresses (kptr_restrict), @err names the setting. */
int turf_kernel_open(struct turf_kernel **ret, struct turf_error *err);
void turf_kernel_close(struct turf_kernel *kernel);
/* 1 and the symbol at or before @addr, its start, its module ("" = the kernel itself); 0 none.
 */
int turf_kernel_find(const struct turf_kernel *kernel, uint64_t addr, const char **name,
                     uint64_t *start, const char **module);

#ifdef __cplusplus
}
#endif
#endif
