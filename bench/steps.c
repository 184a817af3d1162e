/* SPDX-License-Identifier: MIT */
/*
 * What it costs to find the unwind step of a random pc: the look-up of a walk, without the
 * walk.
 *
 *     steps URF N
 *
 * Prints the rows of the urf, and the nanoseconds of a look-up: of N pcs at random in the code,
 * the best of five turns. Linked with libturf.a: the look-up is not public.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "image/walk.h"

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	struct turf_error err = { 0 };
	struct turf_image *image;
	size_t n = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	uint64_t *pcs = calloc(n + 1, sizeof(*pcs)), seed = 1, sum = 0;
	if (!n || !pcs || turf_image_open(argv[1], &image, &err) < 0) {
		fprintf(stderr, "steps: %s\n", n ? err.text : "Usage: steps URF N");
		return 2;
	}
	struct turf_image_info info;
	turf_image_info(image, &info);
	for (size_t i = 0; i < n;) { /* only where a row is */
		struct walk_step step;
		seed = seed * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
		pcs[i] = info.base + (seed >> 16) % (info.end - info.base);
		i += turf_image_find_step(image, pcs[i], &step) > 0;
	}
	double best = 0;
	for (int turn = 0; turn < 5; turn++) {
		double begin = now();
		for (size_t i = 0; i < n; i++) {
			struct walk_step step = { 0 };
			turf_image_find_step(image, pcs[i], &step);
			sum += step.value;
		}
		double ns = (now() - begin) / (double)n;
		best = !turn || ns < best ? ns : best;
	}
	printf("%zu %.1f %" PRIu64 "\n", info.n_rows, best, sum);
	turf_image_close(image);
	free(pcs);
	return 0;
}
