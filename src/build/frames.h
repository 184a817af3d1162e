/* SPDX-License-Identifier: MIT */
/*
 * Unwind rows while they are made: frames.c, from what tables say; guess.c, from code where
 * there is no table.
 */
#ifndef BUILD_FRAMES_H
#define BUILD_FRAMES_H

#include "build/build.h"

/* A row holds up to the next one's start. */
struct row {
	uint64_t start;
	uint32_t step; /* 0: none */
	uint32_t set;  /* of no meaning where step is whole, a guess or none */
};
struct row_list {
	struct row *at;
	size_t n, room;
};
/* Adds one behind all there are, or in place of the last one. 0 or -ENOMEM. */
int turf_add_row(struct row_list *rows, uint64_t start, uint32_t step, uint32_t set);

/* The different steps, each by its bytes; index 0: no row. */
struct step_list {
	struct urf_step *at;
	size_t n, room;
	struct table known;
};
/* 0 or -ENOMEM */
int turf_intern_step(struct step_list *steps, const struct urf_step *step, uint32_t *ret);

/* Rows of functions in [@start, @end), which no table covers, and none behind each. @sym: the
 * first symbol to look at, moved on. 1 there is a function, 0 there is none, -ENOMEM. */
int turf_guess_rows(struct builder *b, uint64_t start, uint64_t end, size_t *sym,
                    struct step_list *steps, struct row_list *rows);

#endif
