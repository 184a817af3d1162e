/* SPDX-License-Identifier: MIT */
/* What the program in the kernel tells: compiled for both sides, so it includes nothing. */
#ifndef PROFILE_UNMAP_EVENT_H
#define PROFILE_UNMAP_EVENT_H

enum { UNMAP_RING = 1 << 20 }; /* bytes: 16,000 events between two looks */

struct unmap_event {
	unsigned long long time_ns; /* CLOCK_MONOTONIC */
	unsigned long long start, end;
	unsigned long long to, to_end; /* to 0: it is gone; else where it is now */
	unsigned pid, tid;             /* of the first pid namespace */
};

#endif
