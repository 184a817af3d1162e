/* SPDX-License-Identifier: MIT */
/* Reading /proc into the table: what was there before the first event. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "process/process.h"

enum {
	MAX_MAPS_TEXT =
		256 << 20, /* of one process; a line of 100 bytes each: 2.6 M mappings */
	SLURP_STEP = 64 << 10,
};

static void buf_finip(struct buf *b)
{
	vec_fini(b);
}

int turf_proc_slurp(const char *path, size_t limit, struct buf *out)
{
	scoped(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (;;) {
		if (!vec_reserve(out, SLURP_STEP))
			return -ENOMEM;
		ssize_t n = read(fd, out->at + out->n, SLURP_STEP);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		out->n += (size_t)n;
		if (out->n > limit)
			return -E2BIG;
	}
}

/* A process that ended meanwhile shows in several ways. */
static int gone(int r)
{
	return r == -ENOENT ? -ESRCH : r;
}

static int add_mapping(struct turf_processes *table, struct space **space,
                       const struct maps_entry *e, struct buf *path)
{
	int r = turf_maps_path(e->path, path);
	if (r < 0)
		return r;
	struct turf_event event = {
		.kind = TURF_EVENT_MAP,
		.map = { e->start, e->end, e->offset, e->major, e->minor, e->inode,
		         (const char *)path->at },
	};
	struct map map = { e->start, e->end, e->offset, NULL };
	r = turf_module_find(table, &event, &map.module);
	return r < 0 ? r : turf_space_insert(space, &map);
}

/* The executable mappings in @text. */
static int read_space(struct turf_processes *table, struct span text, struct space **ret)
{
	scoped(buf_finip) struct buf path = { 0 };
	struct space *space = NULL;
	struct cursor c = cur_of(text, false);
	struct maps_entry e;
	int r;
	while ((r = turf_maps_next(&c, &e)) == 1) {
		r = e.exec ? add_mapping(table, &space, &e, &path) : 0;
		if (r < 0)
			break;
	}
	if (r < 0) {
		turf_space_unref(space);
		return r;
	}
	*ret = space;
	return 0;
}

static int read_maps(struct turf_process *process)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)process->pid);
	scoped(buf_finip) struct buf text = { 0 };
	int r = turf_proc_slurp(path, MAX_MAPS_TEXT, &text);
	if (r < 0)
		return gone(r);
	struct space *space = NULL;
	r = read_space(process->table, (struct span){ text.at, text.n }, &space);
	if (r == 0)
		turf_process_replace(process, space);
	return r;
}

static int read_comm(struct turf_process *process, pid_t tid)
{
	char path[64], comm[64];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)process->pid, (int)tid);
	scoped(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, comm, sizeof(comm) - 1);
	if (n < 0)
		return gone(-errno);
	if (n > 0 && comm[n - 1] == '\n')
		n--;
	comm[n] = 0;
	return turf_process_name(process, tid, comm);
}

/* The next number among the names of @folder: 1 or 0. */
static int next_id(DIR *folder, pid_t *ret)
{
	const struct dirent *e;
	while ((e = readdir(folder))) {
		char *end;
		long id = strtol(e->d_name, &end, 10);
		if (*end || id <= 0 || id > INT32_MAX)
			continue;
		*ret = (pid_t)id;
		return 1;
	}
	return 0;
}

static int read_threads(struct turf_process *process)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task", (int)process->pid);
	DIR *folder = opendir(path);
	if (!folder)
		return gone(-errno);
	int r = 0;
	pid_t tid;
	while (r == 0 && next_id(folder, &tid) == 1) {
		r = tid == process->pid ? 0 : read_comm(process, tid);
		if (r != -ENOMEM)
			r = 0; /* the thread ended meanwhile */
	}
	closedir(folder);
	return r;
}

/* Names are for all to read; mappings are not. */
static int read_process(struct turf_processes *table, pid_t pid)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (!turf_processes_find(table, pid) && access(path, F_OK) < 0)
		return gone(-errno);
	struct turf_process *process = turf_processes_make(table, pid);
	if (!process)
		return -ENOMEM;
	int r = read_comm(process, pid);
	if (r == 0)
		r = read_threads(process);
	return r < 0 ? r : read_maps(process);
}

int turf_processes_read(struct turf_processes *table, pid_t pid, struct turf_error *err)
{
	int r = read_process(table, pid);
	if (r < 0)
		turf_error_set(err, r, TURF_NOWHERE, "process %d: cannot read its maps: %s",
		               (int)pid, strerror(-r));
	return r;
}

int turf_processes_read_all(struct turf_processes *table, struct turf_error *err)
{
	DIR *folder = opendir("/proc");
	if (!folder)
		return turf_fail(err, -errno, TURF_NOWHERE, "/proc: %s", strerror(errno));
	int r = 0;
	pid_t pid;
	while (r == 0 && next_id(folder, &pid) == 1) {
		r = read_process(table, pid);
		if (r != -ENOMEM)
			r = 0; /* it ended meanwhile, or it is somebody else's */
	}
	closedir(folder);
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "/proc: no memory") : 0;
}
