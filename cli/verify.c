/* SPDX-License-Identifier: MIT */
/*
 * turf verify: is every record of an urf sound?
 */
#include "cli.h"

static const char usage[] =
	"Usage: turf verify [--json] FILE.urf...\n"
	"Checks all of each urf, every record.\n"
	"\n"
	"  --json   one JSON object a line\n"
	"\n"
	"Exit status: 0 all are sound, 2 one is damaged or cannot be read.\n";

static void print_json(const char *path, const struct turf_error *err)
{
	fputs("{\"file\":", stdout);
	cli_json_string(stdout, path);
	fputs(err ? ",\"ok\":false,\"error\":" : ",\"ok\":true", stdout);
	if (err)
		cli_json_string(stdout, err->text);
	fputs("}\n", stdout);
}

static int verify(const char *path, bool json)
{
	struct turf_error err = { 0 };
	struct turf_image *image;
	int r = turf_image_open(path, &image, &err);
	if (r >= 0) {
		r = turf_image_verify(image, &err);
		turf_image_close(image);
	}
	if (json)
		print_json(path, r < 0 ? &err : NULL);
	else if (r >= 0)
		printf("%s: ok\n", path);
	return r < 0 ? cli_error(&err, "%s", path) : CLI_OK;
}

int cmd_verify(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		CLI_OPTIONS,
	};
	bool json = false;
	while (cli_getopt(argc, argv, "", options, usage) != -1)
		json = true;
	if (optind == argc)
		return cli_usage_error("no file given");
	int status = CLI_OK;
	for (int i = optind; i < argc; i++)
		if (verify(argv[i], json) != CLI_OK)
			status = CLI_ERROR;
	return status;
}
