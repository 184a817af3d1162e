/* SPDX-License-Identifier: MIT */
/*
 * Macros of all units, each definition once: name, what follows it, file and line. Private to
 * the room.
 *
 *     turf_read_macros(b);     // one thread, while nobody else adds texts of the cold part
 *     turf_number_macros(b);   // once those are numbered
 *     turf_emit_macros(b);
 */
#ifndef BUILD_MACROS_H
#define BUILD_MACROS_H

#include "base/table.h"
#include "base/vec.h"

struct cold_macro {
	uint32_t name, body, file; /* provisional numbers, then final ones */
	uint32_t line;
	bool undefined; /* it says that the name means nothing any more */
};
struct macros {
	struct cold_macro *at; /* by name, file, line, once they are numbered */
	size_t n, room;
};

struct builder;
/* What cannot be read is told and left out. 0, -ENOMEM or -E2BIG. */
int turf_read_macros(struct builder *b);
void turf_number_macros(struct builder *b);
int turf_emit_macros(struct builder *b);

#endif
