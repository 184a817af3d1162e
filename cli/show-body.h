/* SPDX-License-Identifier: MIT */
/* What show-function.c and show-body.c share. */
#ifndef CLI_SHOW_BODY_H
#define CLI_SHOW_BODY_H

#include "elf-file.h"
#include "show.h"
#include "turf/variables.h"

/* Words of a place: expressions that gcc writes for hashes take 3,300. */
enum { WORDS_MOST = 1 << 15, NAME_MOST = 4096 };

/* "argument", ... */
const char *show_kind(const struct turf_variable *v);
char *show_text(const struct turf_image *image, turf_text text, char *out, size_t size);
void show_json_text(const struct turf_image *image, const char *key, turf_text text);
/* Its declaration, @depth calls within the function. False: no memory. */
bool show_variable(const struct turf_image *image, const struct turf_variable *v,
                   unsigned depth);

/* The details of the function that something stands in, so many calls around: 1, 0, < 0. */
typedef int show_around(const void *ctx, uint32_t around, struct turf_details *out);
/* A place in words; pointers to what has no address name that. */
void show_words(const struct turf_image *image, const uint8_t *expr, size_t size,
                show_around *around, const void *ctx);
/* ,"points_to": what a pointer that is no address points to */
void show_json_pointed(const uint8_t *expr, size_t size, show_around *around, const void *ctx);

/* What is said of a function's code: variables with all places, in what is inlined too. 0 or
 * < 0. */
int show_body(const struct turf_image *image, struct turf_body *body);
/* The same as objects of an array; @begun: it has some. */
int show_json_body(struct turf_body *body, bool *begun);
/* The same of its labels. */
int show_json_labels(const struct turf_image *image, struct turf_body *body, bool *begun);

/* What a template's arguments are, and how it is called, where that is not as usual: lines, or
 * members of a JSON object. False: no memory. */
bool show_instance(const struct turf_details *d, bool json);

/* The calls of the body over an address. In JSON elements of an array; @begun: it has some. 0
 * or < 0. */
int show_calls(const struct turf_image *image, const struct elf *code, uint64_t addr, bool json,
               bool *begun);

#endif
