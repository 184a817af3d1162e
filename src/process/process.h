/* SPDX-License-Identifier: MIT */
/*
 * The table's parts, private to the room.
 *
 *     table.c    processes and threads, changed by events
 *     space.c    one address space: mappings in order, shared by forks until one changes
 *     maps.c     the text of /proc/PID/maps -> entries
 *     proc.c     reading /proc into the table
 *     query.c    what is mapped at one address
 *     module.c   one mapped file: finding it, asking the store for its urf, pc -> address
 *     memory.c   memory of a live process
 *     core.c     a process out of a core file; its memory
 *     inflate.c  compressed cores
 *     jit.c      names of code that was made at run time (jit.h)
 *     kernel.c   /proc/kallsyms -> the running kernel's symbols
 */
#ifndef PROCESS_PROCESS_H
#define PROCESS_PROCESS_H

#include <pthread.h>

#include "base/cursor.h"
#include "base/vec.h"
#include "turf/process.h"

enum {
	COMM_SIZE = 32,         /* a kernel thread's name in /proc may be longer than 15 */
	MAX_DEAD = 1024,        /* processes kept behind their exit; half of them are let go */
	MAX_DEAD_THREADS = 256, /* thread names kept behind their exit, of one process */
	MAX_TRIES = 8,          /* processes through which a module is looked for */
	MAX_VDSO = 1 << 20,     /* bytes */
};

/* A mapping. */
struct map {
	uint64_t start, end, offset;
	struct turf_module *module; /* NULL: anonymous */
};

/* An address space: maps by start, not overlapping. */
struct space {
	/* who has it; one that changes it takes a copy first. Other threads may give theirs
	 * back, new ones are the table's thread's to take */
	_Atomic size_t refs;
	struct map *at;
	size_t n, room;
};

struct thread {
	pid_t tid;
	bool dead;
	char comm[COMM_SIZE];
};

struct turf_process {
	struct turf_processes *table;
	pid_t pid;
	bool leader_gone; /* the exit of its first thread was seen */
	bool dead;        /* of all its threads */
	uint64_t death;   /* which death in the table it was, from 0 */
	char comm[COMM_SIZE];
	struct space *space; /* NULL: empty */
	struct threads {     /* but the first one; by tid */
		struct thread *at;
		size_t n, room;
	} threads;
	size_t n_dead_threads;
	struct turf_memory memory; /* of one that a core file keeps; .read NULL: it lives */
	struct turf_module *dump;  /* the jitdump that it mapped; NULL: none */
	struct jit *jit;           /* NULL: nobody asked yet */
};

enum module_state {
	MODULE_UNASKED,
	MODULE_READY,
	MODULE_HIDDEN, /* not found through the processes that were tried */
	MODULE_FAILED, /* found, but there is no urf of it */
};

struct turf_module {
	size_t idx;
	uint32_t major, minor;
	uint64_t inode;       /* of "[vdso]": bytes it is long */
	struct span build_id; /* if it was told; owned */
	char *path;
	bool is_dump; /* a jitdump, by its name */
	/* set last, under the table's lock: who has seen READY or FAILED needs no lock */
	_Atomic enum module_state state;
	_Atomic pid_t tried; /* the last process that it was looked for through */
	_Atomic unsigned n_tries;
	struct turf_image *image; /* if MODULE_READY */
	char key[65];
	struct turf_error error; /* if MODULE_HIDDEN or MODULE_FAILED */
};

struct turf_processes {
	struct turf_store *store;
	pthread_mutex_t opening; /* one thread at a time opens modules */
	struct {                 /* by pid */
		struct turf_process **at;
		size_t n, room;
	} processes;
	size_t n_dead;
	uint64_t n_deaths;
	struct { /* by idx */
		struct turf_module **at;
		size_t n, room;
	} modules;
	size_t *slots; /* hash table over modules: idx + 1, or 0; less than half full */
	size_t n_slots;
};

/* space.c */

struct space *turf_space_ref(struct space *space);
void turf_space_unref(struct space *space);
/* The mapping of @pc, or NULL. */
const struct map *turf_space_find(const struct space *space, uint64_t pc);
/* Puts @map into *@space and cuts what it overlaps; 0 or -ENOMEM. */
int turf_space_insert(struct space **space, const struct map *map);
/* Takes [start, end) out of it; 0 or -ENOMEM. */
int turf_space_remove(struct space **space, uint64_t start, uint64_t end);
/* Moves what is in [start, end) to @to, where it ends at @to_end; 0 or -ENOMEM. */
int turf_space_move(struct space **space, uint64_t start, uint64_t end, uint64_t to,
                    uint64_t to_end);

/* maps.c */

struct maps_entry {
	uint64_t start, end, offset, inode;
	uint32_t major, minor;
	bool exec;
	struct span path; /* as written, may be empty: turf_maps_path() */
};

/* The next line of @c: 1, 0 end, -EBADMSG. */
int turf_maps_next(struct cursor *c, struct maps_entry *out);
/* The path, "\012" turned back, NUL-ended, into @out (emptied first): 0 or -ENOMEM. */
int turf_maps_path(struct span written, struct buf *out);

/* table.c */

/* The process, made when it is not there; NULL: no memory. */
struct turf_process *turf_processes_make(struct turf_processes *table, pid_t pid);
/* Names a thread, or the process by its first thread; whoever has a name is alive. 0, -ENOMEM.
 */
int turf_process_name(struct turf_process *process, pid_t tid, const char *comm);
/* What was read of it anew takes the place of all mappings; @space is taken. */
void turf_process_replace(struct turf_process *process, struct space *space);

/* module.c */

/* The module, made when it is not there; 0, *@ret NULL for anonymous memory, or -ENOMEM. */
int turf_module_find(struct turf_processes *table, const struct turf_event *map,
                     struct turf_module **ret);
void turf_module_free(struct turf_module *module);
/* The file at @path, if it has the build-id (empty: whatever it is); -ESTALE: it has not. */
int turf_module_open_path(const char *path, struct span build_id);
/* Has the store make the module's urf, if that was not tried already. */
void turf_module_open(struct turf_module *module, struct turf_process *process,
                      const struct map *map);

/* A descriptor of the module's very file through the eyes of @pid, which has it at @map, if
 * that is known; or < 0. */
int turf_module_open_file(const struct turf_module *module, pid_t pid, const struct map *map);

/* proc.c */

/* All of a file whose size nobody knows, at most @limit bytes: 0 or < 0 (-E2BIG: longer). */
int turf_proc_slurp(const char *path, size_t limit, struct buf *out);

/* kernel.c */

/* The symbols in the text of /proc/kallsyms; 0, -EBADMSG, -EACCES: all addresses are 0. */
int turf_kernel_parse(struct span text, struct turf_kernel **ret, struct turf_error *err);

#endif
