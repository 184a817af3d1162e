/* SPDX-License-Identifier: MIT */
/* All units' functions while they are numbered (number.c) and coded (functions.c). */
#ifndef BUILD_FUNCTIONS_H
#define BUILD_FUNCTIONS_H

#include "build/build.h"

/* A function of the urf. What two units say alike of a function is one. */
struct global {
	uint32_t text, name; /* strings; name: 0 where there is no linkage name */
	uint32_t name_at;    /* the name is a part of the text; NAME_APART: it is not */
	uint32_t file, line;
	uint32_t nameless; /* of lines without a function: the unit's index + 1 */
	uint32_t n_instances;
};
static const uint32_t NAME_APART = UINT32_MAX;

struct instance {
	uint32_t unit, function;
};

/* A different string; those that the urf says are texts. */
struct string {
	const char *at;
	size_t size;
	uint64_t hash;
	uint32_t text; /* provisional number; 0: not yet wanted */
};

/* Debug info says most strings and paths many times, and by the same bytes: these are known by
 * where they stand. */
struct string_ref {
	const char *at;
	uint32_t string;
};
struct file_ref {
	const char *comp_dir, *directory, *name;
	uint32_t file;
};

/* A file of another unit, by its index there, and what number it has. */
struct decl_ref {
	uint32_t unit, idx;
	uint32_t file;
};

/* Functions that are coded one behind the other. */
struct function_chunk {
	struct buf tables;  /* of lines and sites */
	struct buf records; /* all of it */
};

struct functions {
	struct builder *b;
	UNIT_LIST(struct global) list;    /* index 0: none */
	UNIT_LIST(struct string) strings; /* index 0: none */
	UNIT_LIST(struct string_ref) string_refs;
	UNIT_LIST(struct file_ref) file_refs;
	UNIT_LIST(struct decl_ref) decls;
	struct table known, known_strings, known_refs, known_files, known_file_refs,
		known_decls;
	uint64_t walked;                  /* files that were passed to find one again */
	pthread_mutex_t lock;             /* over what follows, while units are read */
	UNIT_LIST(struct global) pending; /* of one unit */
	bool *done;                       /* units that are read */
	size_t next;                      /* unit to be numbered */
	bool busy;                        /* a thread does it */
	int result;                       /* of it */
	uint32_t *first;                  /* of each function's instances; and an end */
	struct instance *instances;
	struct function_chunk *chunks;
	size_t n_chunks;
	uint32_t *sizes; /* of each function's tables, then of its record */
};

/* functions.c: once all are numbered. 0 or < 0. */
int turf_functions_chunks(struct functions *f); /* makes f->n_chunks */
/* Tables of a chunk; then, once texts have their numbers, its records. Any thread. */
int turf_functions_tables(struct functions *f, size_t chunk, struct turf_error *err);
int turf_functions_code(struct functions *f, size_t chunk, struct turf_error *err);
int turf_functions_join(struct functions *f);
void turf_functions_drop(struct functions *f);

/* Numbers the units that are left; what went wrong with those before is told now. */
int turf_functions_number(struct functions *f);

#endif
