/* SPDX-License-Identifier: MIT */
/*
 * Answers of turf symbolize: frames looked up in bulk, written in the order of the questions.
 *
 * Many questions at once are shared out in slices to as many threads as there are processors;
 * a thread writes when all slices before its own are written.
 */
#ifndef CLI_ANSWER_H
#define CLI_ANSWER_H

#include "cli.h"

struct answers;

/* The more questions at once the better, up to this many. */
enum { ANSWERS_MANY = 1 << 17 };

struct answers_how {
	bool json, mangled;
	bool discriminators; /* in JSON alone */
};

/* NULL: no memory. */
struct answers *answers_new(const struct turf_image *image, struct answers_how how);
/* What is kept back must be written first. */
void answers_free(struct answers *a);

/*
 * Answers @n questions; what they say may be kept back until answers_flush(). 0, or 2 and the
 * error is printed.
 */
int answers_give(struct answers *a, const uint64_t *addrs, size_t n);
/* 0, or 2 and the error is printed. */
int answers_flush(struct answers *a);
/* Something waits for answers_flush(). */
bool answers_wait(const struct answers *a);
/* At least one address was known. */
bool answers_found(const struct answers *a);

#endif
