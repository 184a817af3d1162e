/* SPDX-License-Identifier: MIT */
/*
 * The table of processes, and how events change it.
 *
 * A process that has ended is kept for a while: samples of it may still be queued. It goes when
 * its pid is used again, or when many others have ended since.
 */
#include <stdio.h>

#include "process/jit.h"

int turf_processes_new(struct turf_store *store, struct turf_processes **ret,
                       struct turf_error *err)
{
	struct turf_processes *table = calloc(1, sizeof(*table));
	if (!table)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for a process table");
	table->store = store;
	pthread_mutex_init(&table->opening, NULL);
	*ret = table;
	return 0;
}

static void free_process(struct turf_process *process)
{
	turf_space_unref(process->space);
	turf_jit_free(process->jit);
	vec_fini(&process->threads);
	free(process);
}

void turf_processes_free(struct turf_processes *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->processes.n; i++)
		free_process(table->processes.at[i]);
	for (size_t i = 0; i < table->modules.n; i++)
		turf_module_free(table->modules.at[i]);
	vec_fini(&table->processes);
	vec_fini(&table->modules);
	free(table->slots);
	pthread_mutex_destroy(&table->opening);
	free(table);
}

/* Index of the first process whose pid is not below @pid. */
static size_t process_slot(const struct turf_processes *table, pid_t pid)
{
	size_t lo = 0, hi = table->processes.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (table->processes.at[mid]->pid < pid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct turf_process *turf_processes_find(struct turf_processes *table, pid_t pid)
{
	size_t i = process_slot(table, pid);
	if (i == table->processes.n || table->processes.at[i]->pid != pid)
		return NULL;
	return table->processes.at[i];
}

struct turf_process *turf_processes_make(struct turf_processes *table, pid_t pid)
{
	size_t i = process_slot(table, pid);
	if (i < table->processes.n && table->processes.at[i]->pid == pid)
		return table->processes.at[i];
	struct turf_process *process = calloc(1, sizeof(*process));
	if (!process || !vec_reserve(&table->processes, 1)) {
		free(process);
		return NULL;
	}
	process->table = table;
	process->pid = pid;
	struct turf_process **at = table->processes.at + i;
	memmove(at + 1, at, (table->processes.n - i) * sizeof(struct turf_process *));
	*at = process;
	table->processes.n++;
	return process;
}

pid_t turf_process_pid(const struct turf_process *process)
{
	return process->pid;
}

const char *turf_process_comm(const struct turf_process *process)
{
	return process->comm;
}

/* Index of the first thread whose tid is not below @tid. */
static size_t thread_slot(const struct turf_process *process, pid_t tid)
{
	size_t lo = 0, hi = process->threads.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (process->threads.at[mid].tid < tid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct thread *find_thread(const struct turf_process *process, pid_t tid)
{
	size_t i = thread_slot(process, tid);
	if (i == process->threads.n || process->threads.at[i].tid != tid)
		return NULL;
	return &process->threads.at[i];
}

static struct thread *make_thread(struct turf_process *process, pid_t tid)
{
	struct thread *found = find_thread(process, tid);
	if (found)
		return found;
	if (!vec_reserve(&process->threads, 1))
		return NULL;
	size_t i = thread_slot(process, tid);
	struct thread *at = process->threads.at + i;
	memmove(at + 1, at, (process->threads.n - i) * sizeof(*at));
	*at = (struct thread){ .tid = tid };
	process->threads.n++;
	return at;
}

const char *turf_process_thread_comm(const struct turf_process *process, pid_t tid)
{
	const struct thread *thread = tid == process->pid ? NULL : find_thread(process, tid);
	return thread ? thread->comm : process->comm;
}

static void copy_comm(char out[COMM_SIZE], const char *comm)
{
	char copy[COMM_SIZE]; /* @comm may be @out */
	snprintf(copy, sizeof(copy), "%s", comm ? comm : "");
	memcpy(out, copy, sizeof(copy));
}

/* It is there after all. */
static void revive(struct turf_process *process)
{
	if (process->dead)
		process->table->n_dead--;
	process->dead = false;
}

static void revive_thread(struct turf_process *process, struct thread *thread)
{
	if (thread->dead)
		process->n_dead_threads--;
	thread->dead = false;
}

int turf_process_name(struct turf_process *process, pid_t tid, const char *comm)
{
	revive(process);
	if (tid == process->pid) {
		copy_comm(process->comm, comm);
		return 0;
	}
	struct thread *thread = make_thread(process, tid);
	if (!thread)
		return -ENOMEM;
	revive_thread(process, thread);
	copy_comm(thread->comm, comm);
	return 0;
}

void turf_process_replace(struct turf_process *process, struct space *space)
{
	revive(process);
	process->leader_gone = false;
	turf_space_unref(process->space);
	process->space = space;
}

/* A new program, or a new process under an old pid: nothing of before is left but the name. */
static void clear(struct turf_process *process)
{
	turf_process_replace(process, NULL);
	turf_jit_free(take_ptr(process->jit));
	process->dump = NULL;
	process->threads.n = 0;
	process->n_dead_threads = 0;
}

/* Lets go of the older half of the dead. */
static void bury(struct turf_processes *table)
{
	size_t kept = 0;
	uint64_t limit = table->n_deaths - MAX_DEAD / 2;
	for (size_t i = 0; i < table->processes.n; i++) {
		struct turf_process *process = table->processes.at[i];
		if (process->dead && process->death < limit) {
			free_process(process);
			table->n_dead--;
		} else {
			table->processes.at[kept++] = process;
		}
	}
	table->processes.n = kept;
}

static void drop_dead_threads(struct turf_process *process)
{
	size_t kept = 0;
	for (size_t i = 0; i < process->threads.n; i++)
		if (!process->threads.at[i].dead)
			process->threads.at[kept++] = process->threads.at[i];
	process->threads.n = kept;
	process->n_dead_threads = 0;
}

static int map_event(struct turf_processes *table, const struct turf_event *event)
{
	struct turf_process *process = turf_processes_make(table, event->pid);
	if (!process)
		return -ENOMEM;
	revive(process);
	struct map map = { event->map.start, event->map.end, event->map.offset, NULL };
	int r = turf_module_find(table, event, &map.module);
	if (r == 0 && map.module && map.module->is_dump)
		process->dump = map.module;
	return r < 0 ? r : turf_space_insert(&process->space, &map);
}

static int comm_event(struct turf_processes *table, const struct turf_event *event)
{
	struct turf_process *process = turf_processes_make(table, event->pid);
	if (!process)
		return -ENOMEM;
	if (event->comm.exec)
		clear(process); /* the thread that calls exec becomes the first and only one */
	return turf_process_name(process, event->comm.exec ? event->pid : event->tid,
	                         event->comm.name);
}

static int fork_event(struct turf_processes *table, const struct turf_event *event)
{
	struct turf_process *child = turf_processes_make(table, event->pid);
	if (!child)
		return -ENOMEM;
	pid_t parent_pid = event->fork.parent_pid, parent_tid = event->fork.parent_tid;
	if (parent_pid == event->pid) /* a thread */
		return turf_process_name(child, event->tid,
		                         turf_process_thread_comm(child, parent_tid));
	const struct turf_process *parent = turf_processes_find(table, parent_pid);
	if (!parent) {
		if (child->dead)
			clear(child);
		return 0; /* what was read from /proc is all that is known */
	}
	clear(child);
	child->space = turf_space_ref(parent->space);
	copy_comm(child->comm, turf_process_thread_comm(parent, parent_tid));
	return 0;
}

static int exit_event(struct turf_processes *table, const struct turf_event *event)
{
	struct turf_process *process = turf_processes_find(table, event->pid);
	if (!process)
		return 0;
	struct thread *thread =
		event->tid == event->pid ? NULL : find_thread(process, event->tid);
	if (event->tid == event->pid)
		process->leader_gone = true;
	if (thread && !thread->dead) {
		thread->dead = true;
		if (++process->n_dead_threads > MAX_DEAD_THREADS)
			drop_dead_threads(process);
	}
	if (process->dead || !process->leader_gone ||
	    process->n_dead_threads < process->threads.n)
		return 0;
	process->dead = true;
	process->death = table->n_deaths++;
	if (++table->n_dead > MAX_DEAD)
		bury(table);
	return 0;
}

/* Of a process that nobody spoke of before there is nothing to take away. */
static int unmap_event(struct turf_processes *table, const struct turf_event *event)
{
	struct turf_process *process = turf_processes_find(table, event->pid);
	if (!process)
		return 0;
	if (event->kind == TURF_EVENT_UNMAP)
		return turf_space_remove(&process->space, event->unmap.start, event->unmap.end);
	return turf_space_move(&process->space, event->move.start, event->move.end,
	                       event->move.to, event->move.to_end);
}

int turf_processes_event(struct turf_processes *table, const struct turf_event *event)
{
	switch (event->kind) {
	case TURF_EVENT_MAP:
		return map_event(table, event);
	case TURF_EVENT_COMM:
		return comm_event(table, event);
	case TURF_EVENT_FORK:
		return fork_event(table, event);
	case TURF_EVENT_EXIT:
		return exit_event(table, event);
	case TURF_EVENT_UNMAP:
	case TURF_EVENT_MOVE:
		return unmap_event(table, event);
	}
	return -EINVAL;
}
