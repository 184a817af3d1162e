/* SPDX-License-Identifier: MIT */
/*
 * A recording as `turf report` reads it, through all writers.
 *
 * Corpus: "sample" is what turf_profile_save() writes of the profile in tests/profile/sample.h;
 * "empty" that of a profile with nothing in it; "python" is
 * `turf record -F 97 -o python -- /usr/bin/python3 -c 'sum(i*i for i in range(3*10**6))'`.
 */
#include <stdio.h>
#include <stdlib.h>

#include "turf/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_all(const struct turf_report *report)
{
	int (*const writers[])(const struct turf_report *,
	                       FILE *) = { turf_report_text, turf_report_folded,
		                           turf_report_json, turf_report_html };
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		char *text = NULL;
		size_t n;
		FILE *out = open_memstream(&text, &n);
		if (!out)
			abort();
		if (writers[i](report, out) < 0)
			abort(); /* neither memory nor a disk is short here */
		fclose(out);
		free(text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct turf_profile *profile;
	struct turf_report *report;
	if (turf_profile_open_mem(data, size, &profile, NULL) < 0)
		return 0;
	if (turf_report_new(profile, NULL, &report, NULL) < 0)
		abort();
	write_all(report);
	turf_report_free(report);
	turf_profile_close(profile);
	return 0;
}
