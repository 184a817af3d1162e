/* SPDX-License-Identifier: MIT */
/* Variables outside functions, and those in functions that live as long. Private to the room.
 */
#ifndef BUILD_VARIABLES_H
#define BUILD_VARIABLES_H

#include "build/details.h"

struct variables {
	UNIT_LIST(struct variable_row) list; /* in the order of their numbers */
};

struct variable_row {
	uint64_t address; /* or offset in a thread's block */
	const struct cold_global *of;
	uint32_t function;                 /* that it is declared in; 0: none */
	uint32_t name, linkage_name, file; /* provisional numbers */
	uint8_t kind;                      /* URF_GLOBAL_* */
};

/* Once details are merged; one thread. */
int turf_variables_merge(struct cold *c, struct variables *v);
int turf_variables_intern(struct cold *c, struct variables *v);
/* Expressions that are used once get their numbers. */
void turf_variables_number(struct cold *c, const struct variables *v);
/* Once texts, files and expressions are numbered. */
int turf_variables_emit(const struct cold *c, const struct variables *v);
void turf_variables_free(struct variables *v);

#endif
