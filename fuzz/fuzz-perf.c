/* SPDX-License-Identifier: MIT */
/*
 * One record of the kernel's, as the recorder reads and copies it.
 *
 * Corpus: the records that tests/profile/test-perf.c assembles, one a file.
 */
#include <stdlib.h>

#include "profile/queue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Touches all that the record points to. */
static unsigned sum(const struct sample *s)
{
	unsigned n = 0;
	for (size_t i = 0; i < s->n_ips; i++)
		n += (unsigned)turf_perf_ip(s, i);
	for (size_t i = 0; i < s->stack_size; i++)
		n += s->stack[i];
	struct turf_regs regs;
	return turf_perf_regs(s, &regs) ? n + (unsigned)regs.value[turf_perf_machine.sp] : n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record r;
	if (turf_perf_read((struct span){ data, size }, &r) < 0)
		return 0;
	struct parcel *p = turf_parcel_new(&r);
	if (!p)
		return 0;
	if (r.kind == RECORD_SAMPLE && sum(&r.sample) != sum(&p->record.sample))
		abort();
	free(p);
	return 0;
}
