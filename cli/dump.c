/* SPDX-License-Identifier: MIT */
/*
 * turf dump: what stands in an urf, as text.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const char usage[] =
	"Usage: turf dump [--section NAME] [--json] FILE\n"
	"Shows every record of an urf, or of the urf of an ELF file.\n"
	"\n"
	"  --section NAME   only this section: blocks for .urf.blocks\n"
	"  --json           one JSON object a record and line: its section, "
	"and its text\n"
	"  --store DIR      where urfs are kept\n"
	"\n"
	"Exit status: 0 shown, 2 error.\n";

/* Lines of the text, on their way to JSON. */
struct lines {
	char *line;
	size_t n, room;
	char *section; /* "head" of a line "[head]"; NULL: none yet */
};

static void put_line(struct lines *l)
{
	l->line[l->n] = 0;
	if (l->n > 2 && l->line[0] == '[' && l->line[l->n - 1] == ']') {
		free(l->section);
		l->section = strndup(l->line + 1, l->n - 2);
	} else {
		fputs("{\"section\":", stdout);
		cli_json_string(stdout, l->section ? l->section : "");
		fputs(",\"record\":", stdout);
		cli_json_string(stdout, l->line);
		fputs("}\n", stdout);
	}
	l->n = 0;
}

static ssize_t write_lines(void *ctx, const char *bytes, size_t n)
{
	struct lines *l = ctx;
	if (l->room - l->n <= n) {
		size_t room = 2 * (l->n + n) + 4096;
		char *line = realloc(l->line, room);
		if (!line)
			return 0;
		l->line = line;
		l->room = room;
	}
	for (size_t i = 0; i < n; i++)
		if (bytes[i] == '\n')
			put_line(l);
		else
			l->line[l->n++] = bytes[i];
	return ferror(stdout) ? 0 : (ssize_t)n;
}

static int dump_json(const struct turf_image *image, const char *section,
                     struct turf_error *err)
{
	struct lines lines = { .n = 0 };
	FILE *out = fopencookie(&lines, "w", (cookie_io_functions_t){ .write = write_lines });
	if (!out)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory");
	int r = turf_image_dump(image, section, out, err);
	if (fclose(out) != 0 && r == 0)
		r = turf_fail(err, -EIO, TURF_NOWHERE, "cannot write");
	free(lines.line);
	free(lines.section);
	return r;
}

int cmd_dump(int argc, char **argv)
{
	static const struct option options[] = {
		{ "section", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		CLI_OPTIONS,
	};
	const char *section = NULL;
	bool json = false;
	for (int c; (c = cli_getopt(argc, argv, "", options, usage)) != -1;)
		if (c == 'j')
			json = true;
		else
			section = optarg;
	if (argc - optind != 1)
		return cli_usage_error("one file is expected");
	struct turf_image *image;
	int status = cli_open_image(argv[optind], &image);
	if (status != CLI_OK)
		return status;
	struct turf_error err = { 0 };
	int r = json ? dump_json(image, section, &err)
	             : turf_image_dump(image, section, stdout, &err);
	if (r < 0)
		status = cli_error(&err, "%s", argv[optind]);
	turf_image_close(image);
	return status;
}
