/* SPDX-License-Identifier: MIT */
/* Memory of a stack's copy, as a sample of perf_event brings it. */
#include "base/base.h"
#include "turf/unwind.h"

static int read_copy(void *ctx, uint64_t addr, void *out, size_t size)
{
	const struct turf_stack_copy *copy = ctx;
	if (addr < copy->start)
		return -EFAULT;
	uint64_t off = addr - copy->start;
	if (off > copy->size || size > copy->size - off)
		return -ENODATA;
	if (size)
		memcpy(out, copy->bytes + off, size);
	return 0;
}

struct turf_memory turf_memory_copy(const struct turf_stack_copy *copy)
{
	return (struct turf_memory){ read_copy, (void *)copy };
}
