/* SPDX-License-Identifier: MIT */
/*
 * turf report: a recording as a table, as folded stacks, as JSON or as a flame graph.
 *
 * Functions and lines come from the store's urfs; the recording names each by its key there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "turf/profile.h"

static const char usage[] =
	"Usage: turf report [-i FILE] [OPTION...]\n"
	"Shows the hottest functions of a recording. Functions that were inlined count as\n"
	"functions of their own.\n"
	"\n"
	"  -i, --input FILE     the recording (default: turf.data)\n"
	"  -n, --limit N        show N functions, 0: all (default: 40)\n"
	"      --no-inlines     count inlined functions as those that hold them\n"
	"  -C, --demangle       show C++, Rust and D names as they were written (default)\n"
	"      --no-demangle    show them as the linker knows them\n"
	"      --folded         lines of comm;outer;...;leaf COUNT\n"
	"      --json           one JSON object\n"
	"      --html FILE      write a page with a flame graph (\"-\": standard output)\n"
	"  --debuginfo PATH     where separate debug files are, a folder or one of them;\n"
	"                       may be given several times (default: /usr/lib/debug)\n"
	"  --store DIR          where urfs are kept\n"
	"\n"
	"Exit status: 0 shown, 1 the recording holds no sample, 2 error.\n";

typedef int writer(const struct turf_report *report, FILE *out);

struct options {
	const char *input;
	const char *html; /* NULL: none */
	writer *write;
	uint64_t limit;
	bool no_inlines, mangled;
};

struct urfs {
	struct turf_store *store; /* opened when first needed */
	bool no_store;            /* it cannot be opened, and that was told */
};

static int parse_option(int c, struct options *o)
{
	switch (c) {
	case 'i':
		o->input = optarg;
		return CLI_OK;
	case 'n':
		return cli_number(optarg, 0, INT32_MAX, &o->limit)
		               ? CLI_OK
		               : cli_usage_error("-n %s: not a number", optarg);
	case 'I':
		o->no_inlines = true;
		return CLI_OK;
	case 'C':
	case 'M':
		o->mangled = c == 'M';
		return CLI_OK;
	}
	if (o->write)
		return cli_usage_error("one of --folded, --json and --html at a time");
	o->write = c == 'f'   ? turf_report_folded
	           : c == 'j' ? turf_report_json
	                      : turf_report_html;
	o->html = c == 'h' ? optarg : NULL;
	return CLI_OK;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "input", required_argument, NULL, 'i' },
		{ "limit", required_argument, NULL, 'n' },
		{ "no-inlines", no_argument, NULL, 'I' },
		{ "demangle", no_argument, NULL, 'C' },
		{ "no-demangle", no_argument, NULL, 'M' },
		{ "folded", no_argument, NULL, 'f' },
		{ "json", no_argument, NULL, 'j' },
		{ "html", required_argument, NULL, 'h' },
		CLI_DEBUGINFO,
		CLI_OPTIONS,
	};
	*o = (struct options){ .input = "turf.data", .limit = 40 };
	for (int c; (c = cli_getopt(argc, argv, "i:n:C", options, usage)) != -1;) {
		int status = parse_option(c, o);
		if (status != CLI_OK)
			return status;
	}
	if (optind < argc)
		return cli_usage_error("%s: no argument is expected", argv[optind]);
	if (!o->write)
		o->write = turf_report_text;
	return CLI_OK;
}

static bool same_source(const struct turf_image *image, const char *source_id)
{
	struct turf_image_info info;
	turf_image_info(image, &info);
	if (strlen(source_id) != 2 * info.source_id_size)
		return false;
	for (size_t i = 0; i < info.source_id_size; i++) {
		char hex[3];
		snprintf(hex, sizeof(hex), "%02x", info.source_id[i]);
		if (memcmp(hex, source_id + 2 * i, 2) != 0)
			return false;
	}
	return true;
}

/* The key may be gone from the store: then the file itself, if it is still the same one. */
static int open_by_path(struct turf_store *store, const char *path, const char *source_id,
                        struct turf_image **image)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return 0;
	struct turf_image *found;
	int r = turf_store_get(store, fd, cli_short_name(path), &found, NULL, NULL);
	close(fd);
	if (r < 0)
		return 0;
	if (!same_source(found, source_id)) {
		cli_error(NULL, "%s: is not what it was when the recording was made", path);
		turf_image_close(found);
		return 0;
	}
	*image = found;
	return 1;
}

static int open_image(void *ctx, const char *key, const char *path, const char *source_id,
                      struct turf_image **image)
{
	struct urfs *u = ctx;
	if (!u->store && !u->no_store)
		u->no_store = cli_open_store(&u->store) != CLI_OK;
	if (u->no_store)
		return 0;
	if (*key && turf_store_get_key(u->store, key, image, NULL) == 1)
		return 1;
	return open_by_path(u->store, path, source_id, image);
}

/* A page that could not be written whole is not left behind. */
static int write_page(const struct turf_report *report, const struct options *o)
{
	FILE *out = fopen(o->html, "we");
	if (!out)
		return cli_error(NULL, "%s: %s", o->html, strerror(errno));
	struct stat st;
	bool regular = fstat(fileno(out), &st) == 0 && S_ISREG(st.st_mode);
	int r = o->write(report, out);
	if (fclose(out) != 0 && r == 0)
		r = -EIO;
	if (r == 0)
		return CLI_OK;
	if (regular) /* never /dev/full */
		unlink(o->html);
	return cli_error(NULL, "%s: cannot write: %s", o->html, strerror(-r));
}

static int write_report(const struct turf_report *report, const struct options *o)
{
	if (o->html && strcmp(o->html, "-") != 0)
		return write_page(report, o);
	int r = o->write(report, stdout);
	return r < 0 ? cli_error(NULL, "cannot write: %s", strerror(-r)) : CLI_OK;
}

static const char *written_name(void *ctx, const char *linkage_name)
{
	(void)ctx;
	return cli_demangle(linkage_name).at;
}

static const char *linker_name(void *ctx, const char *linkage_name)
{
	(void)ctx;
	return cli_is_mangled(linkage_name) ? linkage_name : NULL;
}

static int show(const struct turf_profile *profile, const struct options *o)
{
	struct urfs urfs = { 0 };
	struct turf_report_options options = {
		.size = sizeof(options),
		.no_inlines = o->no_inlines,
		.color = cli_color(stdout),
		.limit = o->limit,
		.open_image = open_image,
		.ctx = &urfs,
		/* programs get the names that the debug info has */
		.name = o->write == turf_report_json ? NULL
		        : o->mangled                 ? linker_name
		                                     : written_name,
	};
	struct turf_report *report;
	struct turf_error err = { 0 };
	int r = turf_report_new(profile, &options, &report, &err);
	if (urfs.store)
		turf_store_close(urfs.store);
	if (r < 0)
		return cli_error(&err, "%s", o->input);
	int status = write_report(report, o);
	turf_report_free(report);
	return status;
}

int cmd_report(int argc, char **argv)
{
	struct options o;
	cli_by_address = true;
	int status = parse(argc, argv, &o);
	if (status != CLI_OK)
		return status;
	struct turf_profile *profile;
	struct turf_error err = { 0 };
	if (turf_profile_open(o.input, &profile, &err) < 0)
		return cli_error(&err, "%s", o.input);
	struct turf_profile_info info = { .size = sizeof(info) };
	turf_profile_info(profile, &info);
	status = show(profile, &o);
	turf_profile_close(profile);
	return status == CLI_OK && info.stats.samples == 0 ? CLI_NONE : status;
}
