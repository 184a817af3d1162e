/* SPDX-License-Identifier: MIT */
/* Prints the page of the sample profile, for page.py to read. */
#include "sample.h"

int main(void)
{
	struct turf_profile *p = sample_profile();
	struct turf_report *report;
	if (turf_report_new(p, NULL, &report, NULL) < 0)
		return 1;
	int r = turf_report_html(report, stdout);
	turf_report_free(report);
	turf_profile_close(p);
	return r < 0;
}
