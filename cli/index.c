/* SPDX-License-Identifier: MIT */
/*
 * turf index: the urf of each ELF file, built where the store lacks it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "urf/format.h"

static const char usage[] =
	"Usage: turf index [OPTION...] FILE...\n"
	"Builds the urf of each ELF file and its separate debug file into the store, where it\n"
	"is not there already, and tells what is in it.\n"
	"\n"
	"  -o, --output URF     write the urf of the one FILE to URF, not to the store\n"
	"  -v, --verbose        tell how it goes\n"
	"  --json               one JSON object a line\n"
	"  --threads N          how many threads build one urf (default: all processors)\n"
	"  --debug-folder DIR   where separate debug files are (default: /usr/lib/debug)\n"
	"  --store DIR          where urfs are kept\n"
	"\n"
	"Exit status: 0 all are there, 2 some are not.\n";

/* How one file fared. */
struct outcome {
	const char *file;
	const char *status;     /* "built", "found", "waited" or "written" */
	const char *path, *key; /* of the urf */
	uint64_t ns;            /* wall time of all of it */
	uint64_t source_size;
	struct turf_image_info info;
};

/* What the builder's talk needs to know. */
struct talk {
	const char *file;
	bool verbose;
	uint64_t shown_ns; /* when the progress line was last written */
};

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void on_note(void *ctx, enum turf_level level, const char *text)
{
	const struct talk *talk = ctx;
	if (level == TURF_WARNING || talk->verbose)
		cli_error(NULL, "%s: %s", talk->file, text);
}

static int on_progress(void *ctx, const char *stage, uint64_t done, uint64_t total)
{
	struct talk *talk = ctx;
	uint64_t now = now_ns();
	if (now - talk->shown_ns < 100000000) /* ten times a second */
		return 0;
	talk->shown_ns = now;
	cli_progress("%s: %s %.0f %%", talk->file, stage,
	             total ? 100. * (double)done / (double)total : 0.);
	return 0;
}

static void print_number(const char *what, size_t n)
{
	printf(", %zu %s", n, what);
}

static void print_text(const struct outcome *o)
{
	const struct turf_image_info *i = &o->info;
	printf("%s: %s in %.1f ms, %.2f MB -> %.2f MB: %s", o->file, o->status,
	       (double)o->ns / 1e6, (double)o->source_size / 1e6, (double)i->size / 1e6,
	       i->flags & URF_HAS_DWARF ? "DWARF" : "no DWARF");
	if (i->flags & URF_HAS_DEBUG_FILE)
		fputs(" (separate debug file)", stdout);
	print_number("functions", i->n_functions);
	print_number("files", i->n_files);
	print_number("symbols", i->n_symbols);
	print_number("unwind rows", i->n_rows);
	if (!*o->path)
		fputs(" (not kept: the store cannot be written)", stdout);
	putchar('\n');
}

static void print_json_text(const char *name, const char *text)
{
	printf(",\"%s\":", name);
	cli_json_string(stdout, text);
}

static void print_json_hex(const char *name, const uint8_t *bytes, size_t n)
{
	printf(",\"%s\":\"", name);
	for (size_t i = 0; i < n; i++)
		printf("%02x", bytes[i]);
	putchar('"');
}

static void print_json_flag(const char *name, bool value)
{
	printf(",\"%s\":%s", name, value ? "true" : "false");
}

static void print_json(const struct outcome *o)
{
	const struct turf_image_info *i = &o->info;
	fputs("{\"file\":", stdout);
	cli_json_string(stdout, o->file);
	print_json_text("status", o->status);
	printf(",\"seconds\":%.6f", (double)o->ns / 1e9);
	if (*o->path)
		print_json_text("path", o->path);
	if (*o->key)
		print_json_text("key", o->key);
	print_json_hex("source_id", i->source_id, i->source_id_size);
	print_json_hex("build_id", i->build_id, i->build_id_size);
	printf(",\"source_size\":%llu,\"size\":%zu", (unsigned long long)o->source_size,
	       i->size);
	print_json_flag("dwarf", i->flags & URF_HAS_DWARF);
	print_json_flag("debug_file", i->flags & URF_HAS_DEBUG_FILE);
	printf(",\"functions\":%zu,\"files\":%zu,\"texts\":%zu", i->n_functions, i->n_files,
	       i->n_texts);
	printf(",\"symbols\":%zu,\"rows\":%zu,\"rules\":%zu}\n", i->n_symbols, i->n_rows,
	       i->n_rules);
}

static int print_failure(const char *file, const struct turf_error *err, bool json)
{
	if (json) {
		fputs("{\"file\":", stdout);
		cli_json_string(stdout, file);
		print_json_text("error", err->text);
		fputs("}\n", stdout);
	}
	return cli_error(err, "%s", file);
}

/* Shows what is in the urf; it must still be open. */
static void print_outcome(struct outcome *o, const struct turf_image *image, bool json)
{
	cli_progress_clear();
	turf_image_info(image, &o->info);
	if (json)
		print_json(o);
	else
		print_text(o);
}

static int index_to_store(struct turf_store *store, int fd, struct outcome *o, bool json,
                          struct turf_error *err)
{
	struct turf_store_result result = { .size = sizeof(result) };
	struct turf_image *image;
	uint64_t begun = now_ns();
	int r = turf_store_get(store, fd, cli_short_name(o->file), &image, &result, err);
	if (r < 0)
		return r;
	o->ns = now_ns() - begun;
	o->status = result.built ? "built" : result.waited ? "waited" : "found";
	o->path = result.path;
	o->key = result.key;
	print_outcome(o, image, json);
	turf_image_close(image);
	return 0;
}

/* Refuses to put an urf in place of its own source. */
static int check_output(const char *path, int source_fd, struct turf_error *err)
{
	struct stat there, source;
	if (stat(path, &there) == 0 && fstat(source_fd, &source) == 0 &&
	    source.st_dev == there.st_dev && source.st_ino == there.st_ino)
		return turf_fail(err, -EINVAL, TURF_NOWHERE, "%s: is the source itself",
		                 cli_short_name(path));
	return 0;
}

static int fill_output(struct cli_output *out, int source_fd, struct outcome *o, bool json,
                       struct turf_error *err)
{
	uint64_t begun = now_ns();
	int r = turf_build(source_fd, cli_short_name(o->file), out->fd, &cli_build, err);
	if (r < 0)
		return r;
	o->ns = now_ns() - begun;
	struct turf_image *image;
	r = turf_image_open_fd(out->fd, cli_short_name(out->path), &image, err);
	if (r < 0)
		return r;
	r = cli_output_commit(out, err);
	if (r >= 0)
		print_outcome(o, image, json);
	turf_image_close(image);
	return r;
}

static int index_to_file(const char *path, int source_fd, struct outcome *o, bool json,
                         struct turf_error *err)
{
	struct cli_output out;
	int r = check_output(path, source_fd, err);
	if (r >= 0)
		r = cli_output_open(path, &out, err);
	if (r < 0)
		return r;
	o->status = "written";
	o->path = path;
	o->key = "";
	r = fill_output(&out, source_fd, o, json, err);
	cli_output_close(&out);
	return r;
}

static int index_file(struct turf_store *store, const char *output, const char *file, bool json)
{
	struct turf_error err = { 0 };
	struct outcome o = { .file = file };
	struct stat st;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		turf_error_set(&err, -errno, TURF_NOWHERE, "%s: %s", cli_short_name(file),
		               strerror(errno));
		if (fd >= 0)
			close(fd);
		return print_failure(file, &err, json);
	}
	o.source_size = (uint64_t)st.st_size;
	int r = store ? index_to_store(store, fd, &o, json, &err)
	              : index_to_file(output, fd, &o, json, &err);
	close(fd);
	return r < 0 ? print_failure(file, &err, json) : CLI_OK;
}

static int index_files(char *const *files, int n, const char *output, bool json, bool verbose)
{
	struct talk talk = { .verbose = verbose };
	struct turf_store *store = NULL;
	cli_build.note = on_note;
	cli_build.progress = on_progress;
	cli_build.ctx = &talk;
	int status = output ? CLI_OK : cli_open_store(&store);
	if (status != CLI_OK)
		return status;
	for (int i = 0; i < n; i++) {
		talk.file = files[i];
		if (index_file(store, output, files[i], json) != CLI_OK)
			status = CLI_ERROR;
	}
	turf_store_close(store);
	return status;
}

int cmd_index(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "json", no_argument, NULL, 'j' },
		{ "threads", required_argument, NULL, 't' },
		{ "debug-folder", required_argument, NULL, 'd' },
		CLI_OPTIONS,
	};
	const char *output = NULL;
	bool json = false, verbose = false;
	uint64_t threads = 0;
	for (int c; (c = cli_getopt(argc, argv, "o:v", options, usage)) != -1;) {
		if (c == 'o')
			output = optarg;
		else if (c == 'v')
			verbose = true;
		else if (c == 'j')
			json = true;
		else if (c == 'd')
			cli_build.debug_folder = optarg;
		else if (!cli_number(optarg, 1, 1024, &threads))
			return cli_usage_error("--threads %s: 1 to 1024 is expected", optarg);
	}
	cli_build.threads = (unsigned)threads;
	if (optind == argc)
		return cli_usage_error("no file given");
	if (output && argc - optind != 1)
		return cli_usage_error("-o takes one file at a time");
	return index_files(argv + optind, argc - optind, output, json, verbose);
}
