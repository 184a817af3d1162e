/* SPDX-License-Identifier: MIT */
/*
 * turf dump: what stands in an urf, as text.
 */
#include "cli.h"

static const char usage[] = "Usage: turf dump [--section NAME] FILE\n"
			    "Shows every record of an urf, or of the urf of an ELF file.\n"
			    "\n"
			    "  --section NAME   only this section: blocks for .urf.blocks\n"
			    "  --store DIR      where urfs are kept\n"
			    "\n"
			    "Exit status: 0 shown, 2 error.\n";

int cmd_dump(int argc, char **argv)
{
	static const struct option options[] = {
		{ "section", required_argument, NULL, 's' },
		CLI_OPTIONS,
	};
	const char *section = NULL;
	while (cli_getopt(argc, argv, "", options, usage) != -1)
		section = optarg;
	if (argc - optind != 1)
		return cli_usage_error("one file is expected");
	struct turf_image *image;
	int status = cli_open_image(argv[optind], &image);
	if (status != CLI_OK)
		return status;
	struct turf_error err = { 0 };
	if (turf_image_dump(image, section, stdout, &err) < 0)
		status = cli_error(&err, "%s", argv[optind]);
	turf_image_close(image);
	return status;
}
