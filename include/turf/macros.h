/* SPDX-License-Identifier: MIT */
/*
 * Macros of a debug urf, where its source was compiled with them (gcc -g3, clang
 * -fdebug-macro): each definition once, however many units see it, by number.
 *
 * turf_image_names() leads to the first of a name (TURF_NAME_MACRO); the others stand behind
 * it, up to a macro of another name.
 *
 * Macros are in the cold part. Nothing here allocates, locks or writes; all of it is
 * async-signal-safe.
 *
 * Source: DWARF 5 section 6.3
 */
#ifndef TURF_MACROS_H
#define TURF_MACROS_H

#include "turf/image.h"

#ifdef __cplusplus
extern "C" {
#endif

struct turf_macro {
	turf_text name;
	turf_text body;      /* what follows the name: "(a, b) a + b" or " 1"; 0: nothing */
	uint32_t file, line; /* 0: predefined, or given to the compiler. turf_image_path() */
	bool undefined;      /* an #undef */
};

/* How many there are, #undefs included. 0: none, or not in this urf. */
uint32_t turf_image_n_macros(const struct turf_image *image);

/**
 * turf_image_macro() - the macro of a number from 0 on; by name, file and line
 *
 * Cost:   at most 16 records passed
 * Return: 1, 0 there is no such number, -EBADMSG image damaged
 */
int turf_image_macro(const struct turf_image *image, uint32_t number, struct turf_macro *out);

#ifdef __cplusplus
}
#endif
#endif
