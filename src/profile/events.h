/* SPDX-License-Identifier: MIT */
/*
 * A set of sampling events and the buffers that the kernel writes their records to: one buffer
 * a CPU, shared by all events on it.
 *
 * Opening and closing belong to one thread; reading may be another's in between.
 */
#ifndef PROFILE_EVENTS_H
#define PROFILE_EVENTS_H

#include "base/vec.h"
#include "profile/perf.h"

struct ring {
	int fd;        /* the event that owns it; in events.fds */
	uint8_t *page; /* struct perf_event_mmap_page, then the data */
	uint8_t *data;
	size_t size; /* of the data, a power of two */
};

struct events {
	struct {
		int *at;
		size_t n, room;
	} fds;
	struct {
		struct ring *at;
		size_t n, room;
	} rings;
	bool user_only; /* the kernel's part is not ours to see */
};

struct events_options {
	bool system_wide;
	pid_t pid; /* of !system_wide: all its threads */
	bool on_exec;
	unsigned frequency;
	size_t stack_size;
};

/* Opens them, not yet enabled. 0, or < 0 and @err names the setting in the way. */
int turf_events_open(struct events *e, const struct events_options *options,
                     struct turf_error *err);
void turf_events_close(struct events *e);
void turf_events_enable(const struct events *e);
void turf_events_disable(const struct events *e);

/**
 * turf_ring_read() - hand each record of a buffer to @take, and the room back to the kernel
 * @scratch: 64 KiB, for records that wrap around the buffer's end
 *
 * Return: records read; @take gets bytes that are gone after it returns
 */
size_t turf_ring_read(struct ring *ring, uint8_t *scratch,
                      void (*take)(void *ctx, struct span record), void *ctx);

#endif
