/* SPDX-License-Identifier: MIT */
/*
 * Names and paths of very many frames, in three steps: all frames are looked at, the names that
 * they need are made in the order in which an image keeps them, then all can be shown. Any
 * number of threads may work at a step; it ends before the next one begins.
 */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include "cli.h"

/* A text in one piece with its length, NUL-ended; lives as long as the process. */
struct cli_kept {
	size_t size;
	char at[];
};

/* NULL: not made yet. */
typedef _Atomic(const struct cli_kept *) cli_place;

struct cli_names {
	const struct turf_image *image;
	bool demangled;
	size_t n_functions, n_files;
	cli_place *functions, *files; /* by number, from 1 */
};

/* A frame as text shows it. */
struct cli_shown {
	uint64_t name; /* cli_shown_name() */
	const struct cli_kept *path;
	uint32_t line, column;
};

/* A function whose name is to be made. */
struct cli_want {
	turf_text name, linkage;
	uint32_t function;
};

/* Many of them; whoever has it frees at. */
struct cli_wanted {
	struct cli_want *at;
	size_t n, room;
};

/* Makes room for @n more; false: no memory. */
bool cli_wanted_room(struct cli_wanted *wanted, size_t n);

/* Names and paths will be asked for in bulk; false: no memory. */
bool cli_names_many(const struct turf_image *image, bool demangled, struct cli_names *out);

/*
 * First step: what frames show. Those whose names are not made yet are added to @wanted, which
 * has room for @n; a name is added once, by whoever meets it first.
 */
void cli_show_frames(struct cli_names *names, const struct turf_frame *frames, size_t n,
                     struct cli_shown *out, struct cli_wanted *wanted);

/* Brings them into the order in which the second step has least to read. */
void cli_sort_wanted(struct cli_wanted *wanted);
/* Second step. What cannot be made, for want of memory or as the image is damaged, is not. */
void cli_make_names(struct cli_names *names, const struct cli_want *wanted, size_t n);

/* The place of a function's name; NULL: it is known at once, as it is a symbol's. */
static inline const cli_place *cli_shown_place(const struct cli_names *names,
                                               const struct cli_shown *shown)
{
	return shown->name & 1 ? &names->functions[shown->name >> 1] : NULL;
}

/* Third step. NULL: the name could not be made. */
static inline const struct cli_kept *cli_shown_name(const struct cli_names *names,
                                                    const struct cli_shown *shown)
{
	const cli_place *place = cli_shown_place(names, shown);
	return place ? atomic_load_explicit(place, memory_order_relaxed)
	             : (const struct cli_kept *)(uintptr_t)shown->name;
}

#endif
