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
	uint32_t final; /* number */
};
struct exprs {
	pthread_mutex_t lock;
	UNIT_LIST(struct expr) list; /* by provisional number; 0: none */
	struct buf bytes;
	struct table known;
	uint32_t next;      /* number of what comes next; in the end how many there are */
	uint32_t *order;    /* provisional ones by number */
	uint32_t *long_off; /* of those that are too long to be coded, in .urf.locations */
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
/* The other way round. 0 or -ENOMEM. */
int turf_expr_form(struct exprs *e, uint32_t number, struct buf *out);

/* Counts one more use, one thread; 0 is none. */
static inline void turf_expr_use(struct exprs *e, uint32_t number)
{
	e->list.at[number].count++;
}
/* Numbers those that are used twice or more, most used first. 0 or -ENOMEM. */
int turf_exprs_number(struct exprs *e);
/* Number @number of one that is used once, unless it has one. */
static inline void turf_expr_number(struct exprs *e, uint32_t number)
{
	struct expr *expr = &e->list.at[number];
	if (number && expr->count == 1 && !expr->final)
		expr->final = e->next++;
}
/* Once all have numbers: by number; long ones are written. 0 or -ENOMEM. */
int turf_exprs_order(struct exprs *e, struct buf *out);
/* Coded, in groups. */
struct coder;
size_t turf_exprs_groups(const struct exprs *e);
void turf_exprs_code(const void *exprs, size_t group, struct coder *coder);

#endif
