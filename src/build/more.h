/* SPDX-License-Identifier: MIT */
/*
 * Names and files that the cold part says and the hot part does not: a second pool of each,
 * whose numbers go on behind the first one's. Private to the room.
 *
 *     turf_cold_text(b, name, &text);      // one thread at a time; in any order
 *     turf_cold_file(b, comp_dir, &f, &file);
 *     turf_more_number(b);                 // once all are in: numbers are final from here on
 *     turf_more_text(b, text)              // any thread
 *     turf_emit_more(b);
 *
 * Needs the hot part's texts and files in their final order. What the hot part has keeps its
 * number there. Final numbers depend on what was added, not on the order.
 */
#ifndef BUILD_MORE_H
#define BUILD_MORE_H

#include "base/table.h"
#include "build/texts.h"
#include "build/units.h"

struct builder;

/* A string known by where it stands: debug info says most strings many times. */
struct more_ref {
	const char *at;
	uint32_t text; /* provisional number */
};

struct more_file {
	uint32_t directory,
		name; /* provisional numbers, final ones behind turf_more_number() */
};
struct more_path {
	const char *comp_dir, *directory, *name;
	uint32_t file;
};

struct more {
	struct texts texts;
	uint32_t *final; /* of provisional numbers of texts */
	UNIT_LIST(struct more_ref) refs;
	struct table known_refs;
	UNIT_LIST(struct more_file) files; /* provisional number 0: none, stands for no row */
	struct table known_files;
	UNIT_LIST(struct more_path) paths;
	struct table known_paths;
	uint32_t *final_files;
};

/* The provisional number of a text that lives as long as @b; 0 of NULL and "". 0, -ENOMEM or
 * -E2BIG. */
int turf_cold_text(struct builder *b, const char *text, uint32_t *ret);

/* The same of @size bytes that no NUL needs to end, and that are few times the same ones. */
int turf_cold_part(struct builder *b, const char *text, size_t size, uint32_t *ret);

/* The provisional number of a file of a line table; 0 of none (its name NULL). */
int turf_cold_file(struct builder *b, const char *comp_dir, const struct unit_file *file,
                   uint32_t *ret);

int turf_more_number(struct builder *b);

/* Final numbers, of provisional ones. */
static inline uint32_t turf_more_text(const struct more *more, uint32_t text)
{
	return more->final[text];
}
static inline uint32_t turf_more_file(const struct more *more, uint32_t file)
{
	return more->final_files[file];
}

int turf_emit_more(struct builder *b);
void turf_more_fini(struct more *more);

#endif
