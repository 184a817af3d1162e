/* SPDX-License-Identifier: MIT */
/*
 * The texts of /proc: maps into an address space, kallsyms into symbols.
 *
 * Corpus: fuzz/corpus/maps/{process,overlaps} are lines in the form of /proc/PID/maps, written
 * by hand; kallsyms is some of /proc/kallsyms with its addresses changed.
 */
#include <string.h>

#include "process/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_space(const struct space *space)
{
	for (size_t i = 0; space && i < space->n; i++) {
		require(space->at[i].start < space->at[i].end);
		require(!i || space->at[i - 1].end <= space->at[i].start);
	}
}

static void read_maps(struct span text)
{
	struct cursor c = cur_of(text, false);
	struct maps_entry e;
	struct buf path = { 0 };
	struct space *space = NULL;
	while (turf_maps_next(&c, &e) == 1) {
		struct map map = { e.start, e.end, e.offset, NULL };
		require(turf_maps_path(e.path, &path) == 0);
		require(strlen((const char *)path.at) == path.n - 1);
		require(turf_space_insert(&space, &map) == 0);
		check_space(space);
		const struct map *found = turf_space_find(space, e.start);
		require(found && found->start == e.start && found->end == e.end);
	}
	turf_space_unref(space);
	vec_fini(&path);
}

static void read_kallsyms(struct span text)
{
	struct turf_kernel *kernel = NULL;
	const char *name, *module;
	uint64_t start;
	if (turf_kernel_parse(text, &kernel, NULL) < 0)
		return;
	for (uint64_t addr = UINT64_MAX; addr; addr >>= 1)
		if (turf_kernel_find(kernel, addr, &name, &start, &module) == 1)
			require(start <= addr && strlen(name) && strlen(module) <= text.size);
	turf_kernel_close(kernel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_maps((struct span){ data, size });
	read_kallsyms((struct span){ data, size });
	return 0;
}
