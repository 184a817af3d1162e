/* SPDX-License-Identifier: MIT */
/*
 * From the thread that empties the kernel's buffers to the one that unwinds: a bounded queue
 * of records, and their order by time.
 *
 * The queue may be used by both threads; the order belongs to the unwinding one.
 */
#ifndef PROFILE_QUEUE_H
#define PROFILE_QUEUE_H

#include <pthread.h>

#include "base/vec.h"
#include "profile/perf.h"

/* A record with all it points to behind it, malloc'd in one piece. */
struct parcel {
	struct parcel *next;
	uint64_t seq;         /* order of arrival: settles equal times */
	size_t size;          /* bytes of the whole parcel */
	bool round;           /* no record: all buffers were looked at once more */
	uint64_t max_time_ns; /* of a round: the newest record so far */
	struct record record;
};

/* A copy of @r that stands on its own; NULL: no memory. */
struct parcel *turf_parcel_new(const struct record *r);

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t some; /* not empty any more, or closed */
	struct parcel *first, **last;
	size_t size, limit; /* bytes queued; samples beyond limit are dropped */
	uint64_t n_dropped;
	bool closed; /* nothing further will come */
};

/* 0 or negative errno. */
int turf_queue_init(struct queue *q, size_t limit);
/* Gives back what was left in it. */
void turf_queue_fini(struct queue *q);
/* Takes @p. A sample is dropped and counted where the queue is full; other records never are,
 * for later samples cannot be understood without them. */
void turf_queue_push(struct queue *q, struct parcel *p);
void turf_queue_close(struct queue *q);
/* Waits for the next parcel; NULL: closed and empty. The caller frees it. */
struct parcel *turf_queue_pop(struct queue *q);
uint64_t turf_queue_dropped(struct queue *q);

/*
 * Records of one buffer come in order, those of different buffers do not. When all buffers have
 * been looked at twice, no record can still come that is older than the newest one of the first
 * look: by then it would have been seen. So each round releases what is not newer than the
 * newest record of the round before.
 */
struct order {
	struct {
		struct parcel **at;
		size_t n, room;
	} heap; /* the oldest first */
	uint64_t seq;
	uint64_t previous_ns; /* the newest record of the round before */
	uint64_t limit_ns;    /* records up to here may go */
	uint64_t newest_ns;   /* the last one handed out */
	uint64_t n_late;      /* records that came after newer ones had been handed out */
};

/* Takes @p, a record or a round; false: no memory (and @p is freed). */
bool turf_order_put(struct order *o, struct parcel *p);
/* Releases everything: nothing further will come. */
void turf_order_end(struct order *o);
/* The next record whose turn has come, or NULL. The caller frees it. */
struct parcel *turf_order_next(struct order *o);
void turf_order_fini(struct order *o);

#endif
