/* SPDX-License-Identifier: MIT */
/*
 * The different expressions of all units: each once, in order of how often it is used. Private
 * to the room.
 *
 * Any thread adds to them through a cache of its own; provisional numbers depend on the order,
 * final ones do not.
 */
#ifndef BUILD_EXPRS_H
#define BUILD_EXPRS_H

#include <pthread.h>

#include "base/table.h"
#include "base/vec.h"
#include "build/units.h"

struct builder;

struct expr {
	size_t off; /* in bytes */
	uint32_t size;
	uint32_t count;
	uint32_t final; /* offset in .urf.locations */
};
struct exprs {
	pthread_mutex_t lock;
	UNIT_LIST(struct expr) list; /* by provisional number; 0: none */
	struct buf bytes;
	struct table known;
};

/* What one thread knows of them: by the bytes in the source. */
struct expr_slot {
	const uint8_t *raw;
	uint32_t size;
	uint32_t number; /* 0: free */
	uint64_t hash;
};
struct expr_cache {
	struct expr_slot *slots;
	size_t n, room;  /* a power of two */
	struct buf form; /* of the one that is new */
};
void turf_expr_cache_fini(struct expr_cache *c);

int turf_exprs_begin(struct exprs *e);
void turf_exprs_fini(struct exprs *e);

struct dwarf;
struct dwarf_unit;
struct dwarf_expr_dies;
/* The provisional number of an expression of the source: 0 where it says nothing that can be
 * kept, or is malformed. 0 or -ENOMEM. */
int turf_expr_read(struct exprs *e, struct expr_cache *c, const struct dwarf *dw,
                   const struct dwarf_unit *unit, struct span raw,
                   const struct dwarf_expr_dies *dies, uint32_t *ret);
/* Of one in the form already. */
int turf_expr_add(struct exprs *e, struct span form, uint32_t *ret);

/* Counts one more use; one thread. */
static inline void turf_expr_use(struct exprs *e, uint32_t number)
{
	e->list.at[number].count++;
}
/* Writes those that are used, most used first; final: their offsets. 0, -ENOMEM or -E2BIG. */
int turf_exprs_number(struct exprs *e, struct buf *out);

#endif
