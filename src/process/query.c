/* SPDX-License-Identifier: MIT */
/*
 * What is mapped at one address of a live process, by the kernel's word.
 *
 * Source: PROCMAP_QUERY of Linux 6.11, include/uapi/linux/fs.h; older kernels answer -ENOTTY
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/file.h"
#include "process/process.h"

/* struct procmap_query, which older headers do not have. */
struct query {
	uint64_t size, flags, address;
	uint64_t start, end, vma_flags, page_size, offset, inode;
	uint32_t major, minor, name_size, build_id_size;
	uint64_t name, build_id;
};
static_assert(sizeof(struct query) == 104, "");

enum { QUERY_EXECUTABLE = 0x04 };
#define QUERY _IOWR('f', 17, struct query)

/* 1 @path and @q say what is there, 0 nothing executable; -ENOTTY an older kernel, < 0. */
static int ask(pid_t pid, struct query *q)
{
	char maps[64];
	snprintf(maps, sizeof(maps), "/proc/%d/maps", (int)pid);
	scoped(closep) int fd = open(maps, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	if (ioctl(fd, QUERY, q) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

int turf_processes_refresh(struct turf_processes *table, pid_t pid, uint64_t pc)
{
	enum { PATH_SIZE = 4096, PAGE = 4096 };
	scoped(freep) char *path = calloc(1, PATH_SIZE);
	const struct turf_process *known = turf_processes_find(table, pid);
	if (!path)
		return -ENOMEM;
	if (known && (known->dead || known->memory.read))
		return -ESRCH; /* who has that pid now is another */
	struct query q = { .size = sizeof(q),
		           .flags = QUERY_EXECUTABLE,
		           .address = pc,
		           .name_size = PATH_SIZE,
		           .name = (uint64_t)(uintptr_t)path };
	int r = ask(pid, &q);
	if (r == -ENOTTY || r == -EINVAL) {
		r = turf_processes_read(table, pid, NULL);
		struct turf_process *process = turf_processes_find(table, pid);
		return r < 0 ? r : process && turf_space_find(process->space, pc);
	}
	struct turf_event event = { .kind = TURF_EVENT_UNMAP, .pid = pid, .tid = pid };
	event.unmap.start = pc & ~(uint64_t)(PAGE - 1);
	event.unmap.end = event.unmap.start + PAGE;
	if (r == 1) {
		event.kind = TURF_EVENT_MAP;
		event.map.start = q.start;
		event.map.end = q.end;
		event.map.offset = q.offset;
		event.map.major = q.major;
		event.map.minor = q.minor;
		event.map.inode = q.inode;
		event.map.path = path;
	}
	if (r < 0)
		return r;
	int changed = turf_processes_event(table, &event);
	return changed < 0 ? changed : r;
}
