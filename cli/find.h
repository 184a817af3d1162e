/* SPDX-License-Identifier: MIT */
/* What names mean, for `turf lookup` and `turf list`. */
#ifndef CLI_FIND_H
#define CLI_FIND_H

#include "cli.h"
#include "turf/names.h"

/* What was found, by kind and number; each once. */
struct found {
	struct turf_name *at;
	size_t n, room;
};

/*
 * All that is called @name: a linkage name, or a name as it is written, with as much of what it
 * stands in as is wanted ("f", "b::f", "a::b::f(int)", "T<int>::f"). Where there is nothing of
 * that name, @name is a template's without its arguments, or a pattern as of a shell. CLI_OK,
 * CLI_NONE, or CLI_ERROR and it is printed.
 */
int find_named(const struct turf_image *image, const char *name, struct found *out);

/* All whose name, without what it stands in, or whose linkage name a regular expression is
 * found in. As find_named(). */
int find_matches(const struct turf_image *image, const char *regex, bool ignore_case,
                 struct found *out);

/* Files whose path is @path or ends with it, a whole component at least. As find_named(). */
int find_files(const struct turf_image *image, const char *path, struct found *out);

/* A name as it is shown, and one with what it stands in; of the calling thread, until it asks
 * again. */
struct cli_text find_function_name(const struct turf_image *image, uint32_t function);

/* Tells that the urf has no names, and what to do about it. */
int find_no_names(void);

void find_free(struct found *f);

#endif
