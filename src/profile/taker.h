/* SPDX-License-Identifier: MIT */
/*
 * From records in order of time to a profile: keeps the table of processes, unwinds samples.
 *
 * One thread at a time. Knows nothing of where the records come from.
 */
#ifndef PROFILE_TAKER_H
#define PROFILE_TAKER_H

#include "profile/data.h"
#include "profile/perf.h"

enum {
	TAKER_MAX_USER_FRAMES = 1024,
	TAKER_MAX_FRAMES = TAKER_MAX_USER_FRAMES + PERF_MAX_IPS,
};

struct taker {
	struct turf_processes *table;
	struct turf_kernel *kernel; /* NULL: kernel frames have no names */
	struct turf_profile *profile;
	uint32_t frames[TAKER_MAX_FRAMES]; /* of the sample at hand, innermost first */
	size_t n_frames;
	uint64_t time_ns; /* of the sample */
	/* why there are frames without a name that a compiler at run time might have told */
	struct turf_error jit_error;
};

/* Takes one record into the profile or the table; 0 or -ENOMEM. */
int turf_taker_take(struct taker *t, const struct record *r);

/* What the end makes known: names that compilers at run time told late, and the table's
 * modules, which frames name by index. 0 or -ENOMEM. */
int turf_taker_finish(struct taker *t);

#endif
