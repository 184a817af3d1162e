/* SPDX-License-Identifier: MIT */
/*
 * What the table of processes takes: of memory for each, of time for each event.
 *
 *     processes FOLDER
 *
 * Prints "NAME BYTES NS" a line: bytes in use for each process at that point (for "gone", in
 * all), and nanoseconds for each event that led to it.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "turf/debug.h"
#include "turf/process.h"

enum { LIBRARIES = 50, LIVE = 1000, GONE = 10000, FIRST = 1000 };

static unsigned n_events;

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void feed(struct turf_processes *table, struct turf_event event)
{
	event.tid = event.pid;
	n_events++;
	if (turf_processes_event(table, &event) < 0)
		exit(1);
}

static void fork_from(struct turf_processes *table, pid_t parent, pid_t pid)
{
	struct turf_event e = { .kind = TURF_EVENT_FORK, .pid = pid };
	e.fork.parent_pid = e.fork.parent_tid = parent;
	feed(table, e);
}

/* A program with its libraries, each somewhere else in each process. */
static void exec(struct turf_processes *table, pid_t pid)
{
	feed(table, (struct turf_event){
			    .kind = TURF_EVENT_COMM, .pid = pid, .comm = { "program", true } });
	for (uint64_t i = 0; i < LIBRARIES; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/usr/lib/libnumber%llu.so",
		         (unsigned long long)i);
		struct turf_event e = { .kind = TURF_EVENT_MAP, .pid = pid };
		e.map.start = 0x7f0000000000 + (uint64_t)pid * 0x10000000 + i * 0x200000;
		e.map.end = e.map.start + 0x100000;
		e.map.major = 8;
		e.map.inode = 1000 + i;
		e.map.path = path;
		feed(table, e);
	}
}

static void tell(const char *name, size_t before, uint64_t start, size_t n)
{
	size_t used = mallinfo2().uordblks;
	printf("%s %zu %llu\n", name, (used > before ? used - before : 0) / n,
	       (unsigned long long)((now_ns() - start) / (n_events ? n_events : 1)));
	n_events = 0;
}

int main(int argc, char **argv)
{
	struct turf_store *store;
	struct turf_processes *table;
	struct turf_store_options options = { .size = sizeof(options),
		                              .path = argc > 1 ? argv[1] : "",
		                              .builder = turf_debug_builder(NULL) };
	if (turf_store_open(&options, &store, NULL) < 0 ||
	    turf_processes_new(store, &table, NULL) < 0)
		return 1;
	exec(table, 1);
	n_events = 0;

	size_t before = mallinfo2().uordblks;
	uint64_t start = now_ns();
	for (pid_t i = 0; i < LIVE; i++)
		fork_from(table, 1, FIRST + i);
	tell("forked", before, start, LIVE);
	start = now_ns();
	for (pid_t i = 0; i < LIVE; i++)
		exec(table, FIRST + i);
	tell("exec", before, start, LIVE);

	before = mallinfo2().uordblks;
	start = now_ns();
	for (pid_t i = 0; i < GONE; i++) {
		pid_t pid = FIRST + LIVE + i;
		fork_from(table, 1, pid);
		exec(table, pid);
		feed(table, (struct turf_event){ .kind = TURF_EVENT_EXIT, .pid = pid });
	}
	tell("gone", before, start, 1);
	printf("modules %zu 0\n", turf_processes_n_modules(table));
	turf_processes_free(table);
	turf_store_close(store);
	return 0;
}
