/* SPDX-License-Identifier: MIT */
/*
 * Steps from segment to segment, and the ops that are numbered for the steps taken most.
 * Private to the room. See include/urf/format.h.
 */
#ifndef BUILD_OPS_H
#define BUILD_OPS_H

#include "base/vec.h"
#include "build/build.h"
#include "urf/format.h"

/* From one segment to the next: entries popped, then sites pushed, and where it goes on. */
struct edit {
	uint32_t pop, push;
	uint32_t advance; /* bytes */
	int32_t line;
	int32_t site[URF_DEPTH_MAX]; /* differences from the site expected */
};

/* A step: bytes that stand as they are, then an op. */
struct step {
	uint32_t op;  /* the bytes of a struct urf_op; NO_OP: the raw bytes are all */
	uint32_t raw; /* number of raw bytes */
};
#define NO_OP 0xffffffffu

struct steps {
	struct {
		struct step *at;
		size_t n, room;
	} list;
	struct buf raw;  /* of all steps, one behind the other */
	size_t raw_done; /* bytes that belong to steps already listed */
	struct {
		struct step_block {
			uint32_t start; /* rva */
			uint32_t step;  /* its first one */
			uint32_t off;   /* in the coded bytes: turf_steps_code() fills it */
		} * at;
		size_t n, room;
	} blocks;
	struct {
		struct step_point {
			uint32_t step;
			uint32_t start; /* bytes behind the block's */
		} * at;
		size_t n, room;
	} points;
	struct {
		struct unit_start *at;
		size_t n, room;
	} units; /* where other units' code begins */
};

/* Where the raw bytes of the step to come go; NULL: no memory. A block begins with it. */
struct buf *turf_steps_block(struct steps *s, uint32_t start);
/* The same; it is a point, so many bytes behind the start of its block. */
struct buf *turf_steps_point(struct steps *s, uint32_t start);
struct buf *turf_steps_raw(struct steps *s);
/* The step is its raw bytes alone. False: no memory. */
bool turf_steps_done(struct steps *s);
/* The step ends with @e. False: no memory. */
bool turf_steps_edit(struct steps *s, const struct edit *e);
/* The same, of one that neither pops nor pushes. */
bool turf_steps_move(struct steps *s, uint32_t advance, int32_t line);
/* Gives blocks and units to @to, which has none, and forgets the rest: the next steps may
 * come. */
void turf_steps_leave(struct steps *s, struct steps *to);
void turf_steps_fini(struct steps *s);

static inline bool turf_buf_control(struct buf *out, uint8_t control)
{
	return turf_buf_put(out, &control, 1);
}

/* Ops by how often they are used, and their numbers. */
struct op_use {
	uint32_t op, count;
};
struct op_number {
	uint32_t op;
	uint32_t number; /* + 1; 0: free */
};
struct ops {
	struct op_use *slots; /* by hash; count 0: free */
	size_t n, room;
	uint32_t chosen[URF_OPS_MAX];
	size_t n_chosen;
	struct op_number *numbers; /* of those chosen, by hash: OP_SLOTS */
};
enum { OP_SLOTS = 4 * 4096 };
int turf_ops_count(struct ops *ops, const struct steps *steps);
int turf_ops_add(struct ops *ops, const struct ops *counted);
/* Numbers those that save more than they cost, each being used @times as often as it was
 * counted. 0 or -ENOMEM. */
int turf_ops_choose(struct ops *ops, uint32_t times);
int turf_ops_emit(const struct ops *ops, struct buf *out);
void turf_ops_fini(struct ops *ops);

/* The steps as bytes; where blocks begin in these. */
bool turf_steps_code(struct steps *s, const struct ops *ops, struct buf *out);

#endif
