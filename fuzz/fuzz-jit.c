/* SPDX-License-Identifier: MIT */
/*
 * What compilers at run time tell: a perf map and a jitdump, of the same bytes.
 *
 * Corpus: fuzz/corpus/jit/{map,dump} are made by hand: records of each kind.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "process/jit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_names(const struct jit_names *names)
{
	for (size_t i = 0; i < names->n_layers; i++) {
		const struct jit_layer *l = &names->layers[i];
		for (size_t k = 0; k < l->n; k++) {
			require(l->at[k].start < l->at[k].end);
			require(!k || l->at[k - 1].end <= l->at[k].start);
			require(l->at[k].function < names->functions.n);
			const struct jit_function *f = turf_jit_find(names, l->at[k].start);
			require(f && f->start <= l->at[k].start);
			require(f->name < names->text.n);
			require((uint64_t)f->line + f->n_lines <= names->lines.n ||
			        !f->n_lines);
		}
	}
	require(!names->text.n || !names->text.at[names->text.n - 1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jit_file map = { 0 }, dump = { 0 };
	scoped(closep) int fd = memfd_create("jit", MFD_CLOEXEC);
	require(fd >= 0 && turf_write_all(fd, data, size) == 0);
	turf_jit_read_map(&map, fd, "map", NULL);
	check_names(&map.names);
	for (uint64_t time = 1; time; time <<= 24) {
		turf_jit_read_dump(&dump, fd, time, "dump", NULL);
		check_names(&dump.names);
	}
	turf_jit_names_fini(&map.names);
	turf_jit_names_fini(&dump.names);
	return 0;
}
