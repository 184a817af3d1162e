/* SPDX-License-Identifier: MIT */
/*
 * What a look-up costs a program that has an urf open: frames, lines and file numbers, no text.
 *
 *     lookup URF N <ADDRESSES
 *
 * Reads up to N hexadecimal addresses, looks all of them up once to warm up, then prints three
 * lines: what was measured, nanoseconds for each address, frames found.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "turf/image.h"

enum { BULK = 1024 }; /* addresses in one call */

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* All that a frame tells is used, so that the compiler must have it told. */
static uint64_t use(const struct turf_frame *f)
{
	return f->name + f->function + f->file + f->line + f->column;
}

static size_t one_by_one(const struct turf_image *image, const uint64_t *addrs, size_t n,
                         uint64_t *sum)
{
	size_t n_frames = 0;
	for (size_t i = 0; i < n; i++) {
		struct turf_frames walk;
		struct turf_frame frame;
		if (turf_image_frames(image, addrs[i], &walk) != 1)
			continue;
		for (; turf_frames_next(&walk, &frame) == 1; n_frames++)
			*sum += use(&frame);
	}
	return n_frames;
}

static size_t in_bulk(const struct turf_image *image, const uint64_t *addrs, size_t n,
                      uint64_t *sum)
{
	static struct turf_frame frames[BULK * 16];
	static uint32_t first[BULK + 1];
	size_t n_frames = 0;
	for (size_t at = 0; at < n;) {
		size_t ask = n - at < BULK ? n - at : BULK;
		ssize_t got = turf_image_frames_bulk(image, addrs + at, ask, frames,
		                                     sizeof(frames) / sizeof(frames[0]), first);
		if (got <= 0) {
			fprintf(stderr, "lookup: bulk gave %zd\n", got);
			exit(1);
		}
		for (uint32_t i = 0; i < first[got]; i++)
			*sum += use(&frames[i]);
		n_frames += first[got];
		at += (size_t)got;
	}
	return n_frames;
}

typedef size_t look_up_all(const struct turf_image *image, const uint64_t *addrs, size_t n,
                           uint64_t *sum);

static void measure(const char *what, look_up_all *all, const struct turf_image *image,
                    const uint64_t *addrs, size_t n, uint64_t *sum)
{
	all(image, addrs, n, sum);
	uint64_t begun = now_ns();
	size_t n_frames = all(image, addrs, n, sum);
	uint64_t took = now_ns() - begun;
	printf("%s %.1f %zu\n", what, (double)took / (double)n, n_frames);
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

int main(int argc, char **argv)
{
	size_t room = argc == 3 ? strtoul(argv[2], NULL, 0) : 0, n = 0;
	uint64_t *addrs = calloc(room + 1, sizeof(*addrs)), sum = 0;
	struct turf_error err = { 0 };
	struct turf_image *image;
	if (!room || !addrs || turf_image_open(argv[1], &image, &err) < 0) {
		fprintf(stderr, "Usage: lookup URF N <ADDRESSES\n%s\n", err.text);
		return 2;
	}
	while (n < room && scanf("%" SCNx64, &addrs[n]) == 1)
		n++;
	if (n == 0)
		return 2;
	measure("single", one_by_one, image, addrs, n, &sum);
	measure("bulk", in_bulk, image, addrs, n, &sum);
	qsort(addrs, n, sizeof(*addrs), compare);
	measure("sorted", in_bulk, image, addrs, n, &sum);
	fprintf(stderr, "%" PRIu64 "\n", sum);
	turf_image_close(image);
	free(addrs);
	return 0;
}
