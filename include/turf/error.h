/* SPDX-License-Identifier: MIT */
/*
 * How every call of libturf answers.
 *
 * Result: 1 = here is one, 0 = there is none (not found, end reached), < 0 = negative errno,
 * why not. Plain actions give 0 or < 0. Absent is never an error; malformed is never "absent".
 *
 *   -EBADMSG  input malformed            -ENOTSUP  valid, but not read by us
 *   -E2BIG    beyond a limit we state    -EINVAL   the caller's mistake
 *   -ESTALE   file changed under us      -ENOMEM and others: the system's own word
 *
 * Detail rides in a struct turf_error that the caller owns; every function that takes one takes
 * NULL as well. A function fills it on failure only. The first cause is kept.
 */
#ifndef TURF_ERROR_H
#define TURF_ERROR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TURF_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TURF_PRINTF(fmt, args)
#endif

/* The place of an error that has none. */
#define TURF_NOWHERE UINT64_MAX

struct turf_error {
	int32_t code;   /* 0, or the negative errno of the first cause */
	uint32_t zero;  /* kept for later use */
	uint64_t where; /* byte offset in the input that the text names, or TURF_NOWHERE */
	char text[240]; /* one line, no full stop, no newline: "place: cause" */
};

/**
 * turf_error_set() - note the first cause of a failure
 * @err:   may be NULL; left alone when it already holds a cause
 * @code:  negative errno
 * @where: byte offset the text speaks of, or TURF_NOWHERE
 *
 * Cost:   one vsnprintf
 */
void turf_error_set(struct turf_error *err, int code, uint64_t where, const char *fmt, ...)
	TURF_PRINTF(4, 5);

/**
 * turf_error_context() - put "what: " before the text, as an outer layer learns the file's name
 * @err: may be NULL; untouched when it holds no cause
 */
void turf_error_context(struct turf_error *err, const char *fmt, ...) TURF_PRINTF(2, 3);

/* Fails with @code and says why: `return turf_fail(err, -EBADMSG, off, "...", ...);` */
#define turf_fail(err, code, ...) (turf_error_set((err), (code), __VA_ARGS__), (code))

#ifdef __cplusplus
}
#endif
#endif
