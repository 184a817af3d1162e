/* SPDX-License-Identifier: MIT */
/*
 * What asking by name and by line costs a program that has an urf open.
 *
 *     names URF N
 *
 * Exact: N random names of the urf's own, each found and its entities told. Pattern: all texts
 * read and held against `*alloc*`. Line: the first lines of N random functions and a few below,
 * each told with all its places. Prints: what, nanoseconds each, finds.
 */
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "turf/names.h"

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t random_next(void)
{
	static uint64_t x = 88172645463325252u;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static void tell(const char *what, uint64_t ns, size_t n, size_t found)
{
	printf("%s %.1f %zu\n", what, (double)ns / (double)n, found);
}

/* All names that lead to something. */
static char **list_names(const struct turf_image *image, size_t *n)
{
	static char text[4096];
	char **names = NULL;
	struct turf_all_texts walk;
	turf_text number;
	size_t length, room = 0;
	*n = 0;
	turf_image_texts(image, text, sizeof(text) - 1, &walk);
	while (turf_all_texts_next(&walk, &number, &length) == 1) {
		struct turf_names found;
		struct turf_name name;
		if (!length || length >= sizeof(text) ||
		    turf_image_names(image, text, length, &found) != 0 ||
		    turf_names_next(&found, &name) != 1)
			continue;
		if (*n == room)
			names = realloc(names, (room = 2 * room + 1024) * sizeof(*names));
		if (!names || !(names[(*n)++] = strndup(text, length)))
			exit(1);
	}
	return names;
}

static size_t find(const struct turf_image *image, const char *name)
{
	struct turf_names walk;
	struct turf_name found;
	size_t n = 0;
	if (turf_image_names(image, name, strlen(name), &walk) == 0)
		while (turf_names_next(&walk, &found) == 1)
			n++;
	return n;
}

static void exact(const struct turf_image *image, size_t n)
{
	size_t n_names, found = 0;
	char **names = list_names(image, &n_names), **asked = calloc(n, sizeof(*asked));
	if (!n_names || !asked)
		exit(1);
	for (size_t i = 0; i < n; i++)
		asked[i] = names[random_next() % n_names];
	uint64_t begin = now_ns();
	for (size_t i = 0; i < n; i++)
		found += find(image, asked[i]);
	tell("exact", now_ns() - begin, n, found);
}

static void pattern(const struct turf_image *image)
{
	static char text[1 << 16];
	struct turf_all_texts walk;
	turf_text number;
	size_t length, found = 0;
	uint64_t begin = now_ns();
	turf_image_texts(image, text, sizeof(text) - 1, &walk);
	while (turf_all_texts_next(&walk, &number, &length) == 1) {
		if (length >= sizeof(text))
			continue;
		char end = text[length];
		text[length] = 0;
		if (fnmatch("*alloc*", text, 0) == 0)
			found += find(image, text) > 0;
		text[length] = end;
	}
	tell("pattern", now_ns() - begin, 1, found);
}

static int count(void *ctx, const struct turf_place *place)
{
	(void)place;
	++*(size_t *)ctx;
	return 0;
}

static void lines(const struct turf_image *image, size_t n)
{
	struct turf_image_info info;
	uint32_t(*asked)[2] = calloc(n, sizeof(*asked));
	size_t found = 0;
	turf_image_info(image, &info);
	if (!asked || !info.n_functions)
		exit(1);
	for (size_t i = 0, tries = 0; i < n && tries < 100 * n; tries++) {
		uint64_t x = random_next();
		uint32_t function = (uint32_t)(1 + x % info.n_functions);
		if (turf_image_declared(image, function, &asked[i][0], &asked[i][1]) != 1 ||
		    !asked[i][0] || !asked[i][1])
			continue;
		asked[i++][1] += 1 + (uint32_t)(x >> 40) % 12;
	}
	uint64_t begin = now_ns();
	for (size_t i = 0; i < n; i++)
		(void)turf_image_places(image, asked[i][0], asked[i][1], count, &found);
	tell("line", now_ns() - begin, n, found);
	uint64_t *each =
		calloc(n, sizeof(*each)); /* some lines are inlined in thousands of places */
	if (!each)
		exit(1);
	for (size_t i = 0; i < n; i++) {
		uint64_t first = now_ns();
		(void)turf_image_places(image, asked[i][0], asked[i][1], count, &found);
		each[i] = now_ns() - first;
	}
	size_t below[4] = { 0 };
	static const uint64_t limits[] = { 2000, 5000, 20000, UINT64_MAX };
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < 4; k++)
			below[k] += each[i] <= limits[k];
	printf("line-2us %.1f %zu\nline-5us %.1f %zu\nline-20us %.1f %zu\n",
	       100.0 * (double)below[0] / (double)n, below[0],
	       100.0 * (double)below[1] / (double)n, below[1],
	       100.0 * (double)below[2] / (double)n, below[2]);
}

int main(int argc, char **argv)
{
	struct turf_image *image;
	struct turf_error err = { 0 };
	if (argc != 3 || atoi(argv[2]) < 1) {
		fprintf(stderr, "usage: names URF N\n");
		return 2;
	}
	if (turf_image_open(argv[1], &image, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 2;
	}
	exact(image, (size_t)atoi(argv[2]));
	pattern(image);
	lines(image, (size_t)atoi(argv[2]));
	turf_image_close(image);
	return 0;
}
