/* SPDX-License-Identifier: MIT */
/*
 * symbolize FILE ADDRESS...: the inline chain of link-time addresses, from the urf of an ELF
 * file that all processes share. The first run builds the urf, every further one maps it.
 */
#include <stdlib.h>

#include "turf/debug.h"

/* NUL-ended in @out; "??": there is none, or the image is damaged. */
static const char *text_of(const struct turf_image *image, turf_text text,
                           char out[static 1024])
{
	return turf_image_text(image, text, out, 1024) > 0 ? out : "??";
}

/* Prints who stands at @addr, the innermost inlined call first. 1 known, 0 not, < 0 damaged. */
static int print_chain(const struct turf_image *image, uint64_t addr)
{
	struct turf_frames walk;
	struct turf_frame frame;
	int r = turf_image_frames(image, addr, &walk);
	if (r <= 0)
		return r;
	printf("%#llx", (unsigned long long)addr);
	while ((r = turf_frames_next(&walk, &frame)) > 0) {
		char name[1024], path[1024];
		if (turf_image_path(image, frame.file, path, sizeof(path)) < 0)
			return -1;
		printf("\t%s at %s:%u%s\n", text_of(image, frame.name, name), path, frame.line,
		       frame.inlined ? ", inlined into" : "");
	}
	return r < 0 ? r : 1;
}

static int symbolize(struct turf_store *store, FILE *file, char **args, struct turf_error *err)
{
	struct turf_image *image;
	if (turf_store_get(store, fileno(file), args[0], &image, NULL, err) < 0)
		return 2;
	int known = 0;
	for (int i = 1; args[i]; i++)
		known += print_chain(image, strtoull(args[i], NULL, 16)) > 0;
	turf_image_close(image); /* the mapping goes; the urf stays, for whoever comes next */
	return known ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *folder = getenv("TURF_STORE");
	if (argc < 3 || !folder) {
		fprintf(stderr, "Usage: TURF_STORE=FOLDER %s FILE ADDRESS...\n", argv[0]);
		return 2;
	}
	FILE *file = fopen(argv[1], "rbe");
	if (!file) {
		perror(argv[1]);
		return 2;
	}
	struct turf_error err = { 0 };
	struct turf_store_options options = {
		.size = sizeof(options),
		.path = folder,
		.builder = turf_debug_builder(NULL),
	};
	struct turf_store *store = NULL;
	int status = 2;
	if (turf_store_open(&options, &store, &err) >= 0)
		status = symbolize(store, file, argv + 1, &err);
	if (err.code)
		fprintf(stderr, "%s\n", err.text);
	turf_store_close(store);
	fclose(file);
	return status;
}
