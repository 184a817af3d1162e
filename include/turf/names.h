/* SPDX-License-Identifier: MIT */
/*
 * From names to what is called so, and from lines to addresses: the cold part of a debug urf
 * (turf/image.h), which `--hot` and `turf strip` leave out.
 *
 * Look-ups do not allocate, lock or write; they are async-signal-safe. Walks lie in the
 * caller's storage and borrow the image, and the name, for as long as they go on.
 */
#ifndef TURF_NAMES_H
#define TURF_NAMES_H

#include "turf/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a name means. */
enum turf_name_kind {
	TURF_NAME_FUNCTION,   /* number: as struct turf_frame has it */
	TURF_NAME_SYMBOL,     /* number: turf_image_symbol() */
	TURF_NAME_TYPE,       /* number: of a type or namespace */
	TURF_NAME_VARIABLE,   /* number: of a variable outside functions */
	TURF_NAME_ENUMERATOR, /* number: of the enumeration's type */
	TURF_NAME_FILE, /* number: turf_image_file(); the name is what follows the last / */
};
struct turf_name {
	enum turf_name_kind kind;
	uint32_t number;
};

/* A walk over all that one name means; all fields private. */
struct turf_names {
	const struct turf_image *image;
	const uint8_t *at, *end;
	const char *name;
	size_t size;
	uint8_t tag;
};

/**
 * turf_image_names() - all that is called @name
 * @name: @size bytes: a name without what it stands in (no "a::"), a linkage name, a symbol
 *        without its version, or the last part of a file's path
 *
 * A symbol where a function of the same name begins is not told beside the function.
 *
 * Cost:   one hash, one bucket of about four entries, one text compared for each find
 * Return: 0 begun, -ENODATA the urf was made without names, -EBADMSG image damaged
 */
int turf_image_names(const struct turf_image *image, const char *name, size_t size,
                     struct turf_names *walk);
/* Return: 1 @out filled, 0 no further one, -EBADMSG. By kind, then by number. */
int turf_names_next(struct turf_names *walk, struct turf_name *out);

/* The names of function @number: 1, 0 no such function, -EBADMSG. */
int turf_image_function(const struct turf_image *image, uint32_t number, turf_text *name,
                        turf_text *linkage_name);

/* A walk over all texts of an image, sorted within each of its two pools; fields private. */
struct turf_texts {
	const struct turf_image *image;
	const uint8_t *at;
	uint32_t number;
	uint64_t n; /* length of the text before */
	char *out;
	size_t room;
};

/**
 * turf_image_texts() - begin with the first of all names and paths
 * @out:  room for one text; it holds the last one told, and must be left as it is in between
 * @size: bytes of it. Of a longer text @size bytes are told
 *
 * Cost:   each byte that differs from the text before is decoded once
 */
void turf_image_texts(const struct turf_image *image, char *out, size_t size,
                      struct turf_texts *walk);
/* The next text: @length of all of it, not NUL-ended. 1, 0 no further one, -EBADMSG. */
int turf_texts_next(struct turf_texts *walk, turf_text *text, size_t *length);

#ifdef __cplusplus
}
#endif
#endif
