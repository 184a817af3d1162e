/* SPDX-License-Identifier: MIT */
/*
 * Mappings that go or move, told by a program in the kernel (unmaps.bpf.c), where there is the
 * right to load one.
 *
 * Opening and closing belong to one thread; reading may be another's in between.
 */
#ifndef PROFILE_UNMAPS_H
#define PROFILE_UNMAPS_H

#include "profile/perf.h"

struct unmaps;

/* 0, or < 0 and @err says why it is not to be had. */
int turf_unmaps_open(struct unmaps **ret, struct turf_error *err);
void turf_unmaps_close(struct unmaps *unmaps);
/* Hands each event that has come to @take; how many. */
size_t turf_unmaps_read(struct unmaps *unmaps, void (*take)(void *ctx, const struct record *r),
                        void *ctx);
/* How many could not be told, for lack of room. */
uint64_t turf_unmaps_lost(const struct unmaps *unmaps);

#endif
