/* SPDX-License-Identifier: MIT */
/* Strings, each kept once and known by its index; 0 is "". One thread at a time. */
#ifndef PROFILE_INTERN_H
#define PROFILE_INTERN_H

#include "base/arena.h"
#include "base/vec.h"
#include "base/table.h"

struct strings {
	const char **at;
	size_t n, room;
	struct table table;
	struct arena arena;
};

/* False: no memory. */
bool turf_profile_strings_init(struct strings *s);
void turf_profile_strings_fini(struct strings *s);
bool turf_profile_strings_add(struct strings *s, const char *text, uint32_t *ret);

#endif
