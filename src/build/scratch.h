/* SPDX-License-Identifier: MIT */
/*
 * One unit while it is read: what units.c and scopes.c work on together. Private to the room.
 */
#ifndef BUILD_SCRATCH_H
#define BUILD_SCRATCH_H

#include "base/sort.h"
#include "build/build.h"

/* A line's run of addresses. */
struct row {
	uint32_t start, end; /* rva */
	uint32_t file;       /* index in the line table */
	uint32_t line, column;
};

struct range {
	uint32_t start, end; /* rva */
	uint32_t scope;      /* index */
	uint32_t function;   /* its own */
};

/* A line of a function. */
struct line_key {
	uint32_t function, file, line, column;
};

/* A row of the line table while rows at its address may follow. */
struct mark {
	uint32_t start; /* rva */
	uint32_t discriminator;
	uint8_t flags; /* URF_MARK_* */
	bool statement;
};

struct unit_scratch {
	struct unit_scratch *next; /* of those that nobody uses */
	struct rows {
		struct row *at;
		size_t n, room;
	} rows, copy;
	struct ranges {
		struct range *at;
		size_t n, room;
	} ranges, heap;
	struct arena kept;   /* of all units that were read with this */
	struct unit_out out; /* while it grows */
	struct files {
		struct listed_file {
			const char *directory, *name;
			uint32_t used; /* index + 1 in out.files; 0: not used yet */
		} * at;
		size_t n, room;
	} files; /* by index in the line table */
	UNIT_LIST(struct sort_pair) keys, areas;
	UNIT_LIST(uint64_t) dies;    /* of each scope */
	UNIT_LIST(uint64_t) origins; /* the DIE that each of out.functions is known by */
	struct known_die {
		uint64_t die;
		uint32_t idx1; /* in origins, + 1; 0: free */
	} * known_dies;
	/* a power of two of them is in use, so that small units need few cache lines; those
	 * behind are free, up to the room */
	size_t n_known_dies, known_dies_room;
	UNIT_LIST(struct line_key) lines;
	UNIT_LIST(struct unit_site) sites; /* one for each inlined scope */
	UNIT_LIST(uint32_t) counts;        /* by function, and the end */
	UNIT_LIST(uint32_t) places;        /* of each of lines or sites */
	uint32_t *known;                   /* lines: index + 1 by hash; likewise */
	size_t n_known, known_room;
};

struct unit {
	struct builder *b;
	const struct dwarf_unit *unit;
	struct unit_out *out;
	struct unit_scratch *s;
	struct code_area area; /* where the last address was */
	struct mark mark;      /* where marked */
	uint32_t n_marks;      /* in the last group; 0: a new one begins */
	bool marked;
	bool unsorted; /* rows are */
};

/* The same as below, wherever it is. */
bool turf_unit_clip_far(struct unit *u, uint64_t *start, uint64_t *end);
/* The part of [*start, *end) that is code, as rvas; false: none of it is. */
static inline bool turf_unit_clip(struct unit *u, uint64_t *start, uint64_t *end)
{
	if (*start >= *end)
		return false;
	if (*start < u->area.start || *end > u->area.end)
		return turf_unit_clip_far(u, start, end);
	*start -= u->b->in.base;
	*end -= u->b->in.base;
	return true;
}
/* A file of the line table as index + 1 in out.files. False: no memory. */
bool turf_unit_file(struct unit *u, uint64_t idx, uint32_t *ret);

struct unit_scratch *turf_scratch_take(struct builder *b);
void turf_scratch_give(struct builder *b, struct unit_scratch *s);
/* For the next unit. */
void turf_scratch_empty(struct unit_scratch *s);

/* Index of the function that is known by a DIE: 1, 0 it is new: the next one, -ENOMEM. */
int turf_scratch_function(struct unit_scratch *s, uint64_t die, uint32_t *ret);
/* Number of a line of a function among those of the unit. False: no memory. */
bool turf_scratch_line(struct unit_scratch *s, const struct line_key *key, uint32_t *ret);
/* Copies what has grown to where it takes no more room than it needs. False: no memory. */
bool turf_scratch_keep(struct unit_scratch *s, struct unit_out *ret);
/* Writes lines and sites to u->out by function, and makes scopes and segments mean those. */
bool turf_scratch_emit(struct unit *u);

/* marks.c: told of each row in turn; false: no memory. */
bool turf_mark_row(struct unit *u, const struct dwarf_line_row *row);

/* calls.c: the next scope is inlined at a call with that discriminator; false: no memory. */
bool turf_call_mark(struct unit *u, uint32_t discriminator);
/* That of the call which the scope of that index is inlined at; 0: none. */
uint32_t turf_call_discriminator(const struct unit_out *out, uint32_t scope);

/* scopes.c: functions, scopes, sites and their ranges. */
int turf_read_scopes(struct unit *u, struct turf_error *err);

#endif
