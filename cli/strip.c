/* SPDX-License-Identifier: MIT */
/*
 * turf strip: urfs without what lies behind their hot part.
 */
#include <unistd.h>

#include "cli.h"

static const char usage[] =
	"Usage: turf strip [-o OUTPUT] [--json] URF...\n"
	"Drops from each urf what no look-up by address or unwinding asks for. What is\n"
	"left is the same as turf index --hot makes, byte for byte. Whoever has an urf\n"
	"mapped keeps what it was.\n"
	"\n"
	"  -o, --output FILE   write to FILE, and leave the one URF as it is\n"
	"  --json              one JSON object a line\n"
	"\n"
	"Exit status: 0 all are stripped, 2 some are not.\n";

static void print_outcome(const char *path, const char *output, size_t before, size_t after,
                          bool json)
{
	if (!json) {
		printf("%s: %.2f MB -> %.2f MB\n", path, (double)before / 1e6,
		       (double)after / 1e6);
		return;
	}
	fputs("{\"file\":", stdout);
	cli_json_string(stdout, path);
	fputs(",\"output\":", stdout);
	cli_json_string(stdout, output);
	printf(",\"size_before\":%zu,\"size\":%zu}\n", before, after);
}

static void print_failure(const char *path, const struct turf_error *err, bool json)
{
	if (json) {
		fputs("{\"file\":", stdout);
		cli_json_string(stdout, path);
		fputs(",\"error\":", stdout);
		cli_json_string(stdout, err->text);
		fputs("}\n", stdout);
	}
	cli_error(err, "%s", path);
}

/* 0 or < 0. */
static int strip_to(const struct turf_image *image, const char *output, size_t *size,
                    struct turf_error *err)
{
	struct cli_output out;
	int r = cli_output_open(output, &out, err);
	if (r < 0)
		return r;
	r = turf_strip(image, out.fd, err);
	off_t end = lseek(out.fd, 0, SEEK_END);
	*size = end < 0 ? 0 : (size_t)end;
	if (r >= 0)
		r = cli_output_commit(&out, err);
	cli_output_close(&out);
	return r;
}

static int strip(const char *path, const char *output, bool json)
{
	struct turf_error err = { 0 };
	struct turf_image *image;
	struct turf_image_info info;
	size_t size = 0;
	int r = turf_image_open(path, &image, &err);
	if (r >= 0) {
		turf_image_info(image, &info);
		r = strip_to(image, output, &size, &err);
		turf_image_close(image);
	}
	if (r < 0) {
		print_failure(path, &err, json);
		return CLI_ERROR;
	}
	print_outcome(path, output, info.size, size, json);
	return CLI_OK;
}

int cmd_strip(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' },
		CLI_OPTIONS,
	};
	const char *output = NULL;
	bool json = false;
	for (int c; (c = cli_getopt(argc, argv, "o:", options, usage)) != -1;)
		if (c == 'o')
			output = optarg;
		else
			json = true;
	if (optind == argc)
		return cli_usage_error("no file given");
	if (output && argc - optind != 1)
		return cli_usage_error("-o takes one file at a time");
	int status = CLI_OK;
	for (int i = optind; i < argc; i++)
		if (strip(argv[i], output ? output : argv[i], json) != CLI_OK)
			status = CLI_ERROR;
	return status;
}
