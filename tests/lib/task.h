/* SPDX-License-Identifier: MIT */
/* What tests that look at other processes wait for, and whether they may trace them. */
#ifndef TESTS_LIB_TASK_H
#define TESTS_LIB_TASK_H

#include <dirent.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/test.h"

/* The letter of proc(5) for a thread's state; 'X' once it is gone. */
static inline char task_state(pid_t pid, pid_t tid)
{
	char path[64], text[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	FILE *f = fopen(path, "r");
	if (f) {
		text[fread(text, 1, sizeof(text) - 1, f)] = 0;
		fclose(f);
	}
	const char *behind = strrchr(text, ')');
	return behind && behind[1] ? behind[2] : 'X';
}

static inline bool is_asleep(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	DIR *dir = opendir(path);
	bool awake = false;
	for (const struct dirent *e; dir && (e = readdir(dir));)
		awake |= e->d_name[0] != '.' &&
		         !strchr("SXZ", task_state(pid, (pid_t)atoi(e->d_name)));
	if (dir)
		closedir(dir);
	return !awake;
}

/* Waits, however long it takes, until all threads of a process sleep or have ended. */
static inline void wait_asleep(pid_t pid)
{
	while (!is_asleep(pid))
		usleep(1000);
}

static inline bool may_trace(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(pause());
	bool may = pid > 0 && ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return may;
}

/* TESTS() that a machine where nobody may trace cannot run. */
#define TESTS_THAT_TRACE(name, ...)                                                            \
	int main(void)                                                                         \
	{                                                                                      \
		const TTest *const all[] = { __VA_ARGS__ };                                    \
		if (may_trace())                                                               \
			return run_tests(name, all, COUNT(all));                               \
		puts("1..0 # SKIP tracing is not permitted");                                  \
		return EXIT_SUCCESS;                                                           \
	}

#endif
