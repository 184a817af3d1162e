/* SPDX-License-Identifier: MIT */
/*
 * Replays inputs through a fuzz target with any compiler.
 *
 *     replay-TARGET FOLDER...                     each file, in order of name, as one test
 * (TAP) replay-TARGET --many N [--seed S] FOLDER...  N inputs made of these files, as one test:
 *                                                  always the same ones
 *
 * A fault ends the program, and so the test run.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz/driver.h"

static unsigned n_tests;
/* What is done with each file. */
static void (*use)(const uint8_t *bytes, size_t size);

static bool report(bool ok, const char *name)
{
	n_tests++;
	printf("%sok %u - %s\n", ok ? "" : "not ", n_tests, name);
	fflush(stdout); /* the next one may crash */
	return ok;
}

/* All bytes of @f in memory of exactly their size, so that ASan sees a byte read too many. */
static uint8_t *read_exactly(FILE *f, size_t *size)
{
	struct stat st;
	if (fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	*size = (size_t)st.st_size;
	uint8_t *bytes = malloc(*size);
	if (*size && (!bytes || fread(bytes, 1, *size, f) != *size)) {
		free(bytes);
		return NULL;
	}
	return bytes;
}

static bool replay_file(const char *path)
{
	FILE *f = fopen(path, "rbe");
	if (!f) {
		printf("# %s: %s\n", path, strerror(errno));
		return report(false, path);
	}
	size_t size = 0;
	uint8_t *bytes = read_exactly(f, &size);
	fclose(f);
	bool ok = bytes || !size;
	if (ok)
		use(bytes, size);
	free(bytes);
	return report(ok, path);
}

static int no_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool replay_folder(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, no_dots, alphasort);
	if (n < 0)
		return errno == ENOTDIR ? replay_file(folder) : report(false, folder);
	bool ok = n > 0 || report(false, "a corpus that holds something");
	for (int i = 0; i < n; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		ok &= replay_file(path);
		free(entries[i]);
	}
	free(entries);
	return ok;
}

static void replay(const uint8_t *bytes, size_t size)
{
	LLVMFuzzerTestOneInput(bytes, size);
}

/* Inputs to begin with. */
enum { N_SEEDS = 4096, GROWTH = 512 };
static struct seed {
	uint8_t *bytes;
	size_t size;
} seeds[N_SEEDS];
static size_t n_seeds, most; /* bytes that an input may grow to */

static void keep(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size);
	if (!copy || n_seeds == N_SEEDS)
		abort();
	memcpy(copy, bytes, size);
	seeds[n_seeds++] = (struct seed){ copy, size };
	most = size + GROWTH > most ? size + GROWTH : most;
}

__attribute__((weak)) size_t fuzz_bend(uint8_t *data, size_t size, size_t room, uint64_t random)
{
	(void)room;
	if (size)
		data[(random >> 8) % size] ^= (uint8_t)random;
	return size;
}

__attribute__((weak)) void fuzz_tell(void)
{
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* From each seed in turn a row of inputs, each bent once more than the one before. */
static void run_many(uint64_t n, uint64_t state)
{
	enum { ROW = 64 };
	uint8_t *bytes = malloc(most), *exact = malloc(most);
	size_t size = 0;
	for (uint64_t i = 0; i < n && bytes && exact; i++) {
		if (i % ROW == 0) {
			const struct seed *seed = &seeds[i / ROW % n_seeds];
			size = seed->size;
			memcpy(bytes, seed->bytes, size);
		}
		size = fuzz_bend(bytes, size, most, next_random(&state));
		/* ends where the memory does, so that ASan sees a byte read too many */
		memcpy(exact + most - size, bytes, size);
		LLVMFuzzerTestOneInput(exact + most - size, size);
	}
	report(bytes && exact, "made inputs");
	free(bytes);
	free(exact);
	for (size_t i = 0; i < n_seeds; i++)
		free(seeds[i].bytes);
	fuzz_tell();
}

static uint64_t option(int argc, char **argv, int *at, const char *name, uint64_t otherwise)
{
	if (*at + 1 >= argc || strcmp(argv[*at], name) != 0)
		return otherwise;
	*at += 2;
	return strtoull(argv[*at - 1], NULL, 10);
}

int main(int argc, char **argv)
{
	int at = 1;
	uint64_t many = option(argc, argv, &at, "--many", 0);
	uint64_t seed = option(argc, argv, &at, "--seed", 1);
	use = many ? keep : replay;
	if (!many)
		use((const uint8_t *)"", 0);
	bool ok = report(true, "nothing");
	for (; at < argc; at++)
		ok &= replay_folder(argv[at]);
	if (many)
		run_many(many, seed);
	printf("1..%u\n", n_tests);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
