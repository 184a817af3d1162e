/* SPDX-License-Identifier: MIT */
/* Memory of a live process. Source: process_vm_readv(2) */
#include <sys/uio.h>

#include "process/process.h"

static int read_live(void *ctx, uint64_t addr, void *out, size_t size)
{
	const pid_t *pid = ctx;
	struct iovec here = { out, size };
	struct iovec there = { (void *)(uintptr_t)addr, size };
	ssize_t n = process_vm_readv(*pid, &here, 1, &there, 1, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EFAULT;
}

struct turf_memory turf_memory_live(const pid_t *pid)
{
	return (struct turf_memory){ read_live, (void *)pid };
}
