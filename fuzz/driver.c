/* SPDX-License-Identifier: MIT */
/*
 * Replays inputs through a fuzz target with any compiler: each file of each folder or file
 * named, in order of name, as one test (TAP). A fault ends the program, and so the test run.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_tests;

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
		LLVMFuzzerTestOneInput(bytes, size);
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

int main(int argc, char **argv)
{
	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	bool ok = report(true, "nothing");
	for (int i = 1; i < argc; i++)
		ok &= replay_folder(argv[i]);
	printf("1..%u\n", n_tests);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
