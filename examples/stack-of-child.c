/* SPDX-License-Identifier: MIT */
/*
 * stack-of-child: forks a child that waits, and prints the stack it waits with.
 * $TURF_STORE names the folder that holds the urfs.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "turf/turf.h"

__attribute__((noinline)) static void wait_for_ever(int ready)
{
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

/* Called for each thread, which stands still meanwhile. */
static int print_stack(void *processes, const struct turf_thread_stack *thread)
{
	struct turf_unwind walk;
	struct turf_unwind_frame frame;
	turf_unwind_begin(&walk, turf_processes_find(processes, thread->pid), &thread->regs,
	                  turf_memory_live(&thread->pid), 0);
	while (turf_unwind_next(&walk, &frame) > 0) {
		const struct turf_image *image = frame.location.image;
		struct turf_function fn;
		char name[256];
		if (!image || turf_image_find_function(image, frame.location.addr, &fn) <= 0 ||
		    turf_image_text(image, fn.name, name, sizeof(name)) <= 0)
			snprintf(name, sizeof(name), "??");
		printf("%#18llx %s\n", (unsigned long long)frame.pc, name);
	}
	printf("%s\n", turf_stop_name(walk.stop));
	return 0;
}

static int print_stacks(const char *folder, pid_t pid, struct turf_error *err)
{
	struct turf_store_options options = {
		.size = sizeof(options),
		.path = folder,
		.builder = turf_debug_builder(NULL),
	};
	struct turf_store *store = NULL;
	struct turf_processes *processes = NULL;
	int r = turf_store_open(&options, &store, err);
	if (r >= 0)
		r = turf_processes_new(store, &processes, err);
	if (r >= 0)
		r = turf_processes_read(processes, pid, err);
	if (r >= 0)
		r = turf_threads_walk(pid, print_stack, processes, err);
	turf_processes_free(processes);
	turf_store_close(store);
	return r;
}

int main(void)
{
	struct turf_error err = { 0 };
	const char *folder = getenv("TURF_STORE");
	int ready[2];
	char byte;
	if (!folder || pipe(ready) < 0)
		return 2;
	pid_t pid = fork();
	if (pid < 0)
		return 2;
	if (pid == 0)
		wait_for_ever(ready[1]);
	if (read(ready[0], &byte, 1) == 1 && print_stacks(folder, pid, &err) < 0)
		fprintf(stderr, "%s\n", err.text);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return err.code ? 2 : 0;
}
