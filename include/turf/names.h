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
	TURF_NAME_TYPE,       /* number: turf_image_type(); namespaces too */
	TURF_NAME_VARIABLE,   /* number: turf_image_global() */
	TURF_NAME_ENUMERATOR, /* number: of the enumeration's type; index */
	TURF_NAME_FILE,  /* number: turf_image_file(); the name is what follows the last / */
	TURF_NAME_MACRO, /* number: turf_image_macro(), of the first of its name */
};
struct turf_name {
	enum turf_name_kind kind;
	uint32_t number;
	uint32_t index; /* of an enumerator: of the items of its type; else 0 */
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
/* Return: 1 @out filled, 0 no further one, -EBADMSG. By kind, number and index. */
int turf_names_next(struct turf_names *walk, struct turf_name *out);

/* How a pattern is held against names. */
enum turf_match {
	TURF_MATCH_EXACT,
	TURF_MATCH_PREFIX,
	TURF_MATCH_GLOB,  /* as of a shell, for all of the name: `*`, `?`, `[a-z]` */
	TURF_MATCH_REGEX, /* POSIX extended, for any part of it */
};
struct turf_search_options {
	size_t size;    /* sizeof this struct */
	uint32_t kinds; /* a bit for each enum turf_name_kind, 1 << it; 0: all */
	bool ignore_case;
};
struct turf_search;

/**
 * turf_search_begin() - all names that match a pattern
 * @pattern: borrowed until the search ends. What it is held against is what
 *           turf_image_names() takes; a function's, or a variable's, linkage name as well
 * @options: may be NULL
 *
 * Unlike look-ups this allocates; names of more than 65535 bytes match nothing.
 *
 * Cost:   every text decoded once and compared: a search for an exact name is for those who
 *         ignore case, turf_image_names() for all others
 * Return: 0 and @ret, for turf_search_end(); -EINVAL no regular expression, @err says why;
 *         -ENODATA the urf was made without names
 */
int turf_search_begin(const struct turf_image *image, const char *pattern,
                      enum turf_match match, const struct turf_search_options *options,
                      struct turf_search **ret, struct turf_error *err);
/* Return: 1 @out filled, 0 no further one, -EBADMSG. Each once, in no order to rely on. */
int turf_search_next(struct turf_search *search, struct turf_name *out);
void turf_search_end(struct turf_search *search);

/* The names of function @number: 1, 0 no such function, -EBADMSG. */
int turf_image_function(const struct turf_image *image, uint32_t number, turf_text *name,
                        turf_text *linkage_name);

/* The unit of a number from 1 to turf_image_info.n_units: 1, 0 there is no such unit. */
int turf_image_unit(const struct turf_image *image, uint32_t number, struct turf_unit *out);

/*
 * A walk over all texts of an image, sorted within each of its two pools; fields private. A
 * function's name that is part of its linkage name is no text of its own.
 */
struct turf_all_texts {
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
                      struct turf_all_texts *walk);
/* The next text: @length of all of it, not NUL-ended. 1, 0 no further one, -EBADMSG. */
int turf_all_texts_next(struct turf_all_texts *walk, turf_text *text, size_t *length);

/* A run of addresses that a line of a file has code at. */
struct turf_place {
	uint64_t addr, end; /* link-time */
	uint32_t function;  /* whose line it is; see struct turf_frame */
	uint32_t file, line, column;
	uint32_t depth; /* calls that it is inlined by; 0: its function's own code */
};

/**
 * turf_image_places() - where a line of a file has code
 * @file: number of the file
 * @line: 1-based. Where it has no code, the next line of the file that has some is taken
 * @emit: told of each run, function by function, by address within one; what is not 0 ends the
 *        walk
 *
 * Cost:   the functions of the file whose lines may be it, and the blocks of those that have
 * it: a microsecond or two for a line of few instances; nothing is allocated Return: 1 some
 * were told, 0 none; what @emit answered; -ENODATA the urf was made without, -EBADMSG image
 * damaged
 */
int turf_image_places(const struct turf_image *image, uint32_t file, uint32_t line,
                      int (*emit)(void *ctx, const struct turf_place *place), void *ctx);

/* A run of addresses that a function has code at. */
struct turf_code {
	uint64_t start, end; /* link-time */
	uint64_t entry;      /* of the function whose own code it is; of inlined code, of that
	                        which it is inlined into */
	bool inlined;
};

/**
 * turf_image_code() - all code of a function: its own ranges, and where it is inlined
 * @emit: told of each run by address; what is not 0 ends the walk
 *
 * Cost:   each block that has code of it is decoded once
 * Return: as turf_image_places()
 */
int turf_image_code(const struct turf_image *image, uint32_t function,
                    int (*emit)(void *ctx, const struct turf_code *code), void *ctx);

#ifdef __cplusplus
}
#endif
#endif
