/* SPDX-License-Identifier: MIT */
/*
 * turf index: the urf of each ELF file, built where the store lacks it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"
#include "collect.h"
#include "urf/format.h"

static const char usage[] =
	"Usage: turf index [OPTION...] FILE...\n"
	"       turf index [OPTION...] -r DIR | --pid PID\n"
	"Builds the urf of each ELF file and its separate debug file into the store,\n"
	"where it is not there already, and tells what is in it.\n"
	"\n"
	"  -r, --recursive DIR  all ELF files with code below DIR; links are not followed\n"
	"  -p, --pid PID        all files that a process has mapped to run\n"
	"  --hot                only what look-ups by address and unwinding need; the\n"
	"                       store keeps such an urf beside the whole one, and\n"
	"                       commands that need no more take it where there is no\n"
	"                       whole one\n"
	"  -o, --output URF     write the urf of the one FILE to URF, not to the store\n"
	"  -v, --verbose        tell how it goes\n"
	"  --json               one JSON object a file and line; with -r and --pid the\n"
	"                       last line counts them\n"
	"  --threads N          how many threads build (default: all processors)\n"
	"  --debuginfo PATH     where separate debug files are, a folder or one of them;\n"
	"                       may be given several times (default: /usr/lib/debug)\n"
	"  --store DIR          where urfs are kept\n"
	"\n"
	"Exit status: 0 all are there, 2 some are not, 130 interrupted.\n";

/* How one file fared. */
struct outcome {
	const char *file;
	const char *status;     /* "built", "found", "waited" or "written" */
	const char *path, *key; /* of the urf */
	uint64_t ns;            /* wall time of all of it */
	uint64_t source_size;
	struct turf_image_info info;
};

/* What the files are built with, and how they fared. */
struct session {
	bool json, verbose;
	const char *output; /* NULL: the store */
	size_t n, done;     /* of many files */
	size_t built, found, waited, failed;
	struct collected files;
	size_t next;          /* of files, that nobody builds yet */
	uint64_t shown_ns;    /* when the progress line was last written */
	pthread_mutex_t lock; /* of all this, and of both outputs */
};

/* One thread's part of it. */
struct builder {
	struct session *session;
	struct turf_build_options options;
	struct turf_store *store;
	const char *file; /* it is at */
	pthread_t thread;
};

static void on_interrupt(int signal)
{
	cli_interrupted = signal;
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void on_note(void *ctx, enum turf_level level, const char *text)
{
	const struct builder *b = ctx;
	if (level != TURF_WARNING && !b->session->verbose)
		return;
	pthread_mutex_lock(&b->session->lock);
	cli_error(NULL, "%s: %s", b->file, text);
	pthread_mutex_unlock(&b->session->lock);
}

static int on_progress(void *ctx, const char *stage, uint64_t done, uint64_t total)
{
	const struct builder *b = ctx;
	struct session *s = b->session;
	uint64_t now = now_ns();
	pthread_mutex_lock(&s->lock);
	if (now - s->shown_ns >= 100000000) { /* ten times a second */
		s->shown_ns = now;
		if (s->n > 1)
			cli_progress("%zu of %zu: %s", s->done, s->n, b->file);
		else
			cli_progress("%s: %s %.0f %%", b->file, stage,
			             total ? 100. * (double)done / (double)total : 0.);
	}
	pthread_mutex_unlock(&s->lock);
	return cli_interrupted != 0;
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

static int print_failure(struct session *s, const char *file, const struct turf_error *err)
{
	pthread_mutex_lock(&s->lock);
	if (s->json) {
		fputs("{\"file\":", stdout);
		cli_json_string(stdout, file);
		print_json_text("error", err->text);
		fputs("}\n", stdout);
	}
	s->failed++;
	cli_error(err, "%s", file);
	pthread_mutex_unlock(&s->lock);
	return CLI_ERROR;
}

/* Shows what is in the urf; it must still be open. */
static void print_outcome(struct session *s, struct outcome *o, const struct turf_image *image)
{
	turf_image_info(image, &o->info);
	pthread_mutex_lock(&s->lock);
	cli_progress_clear();
	if (s->json)
		print_json(o);
	else
		print_text(o);
	pthread_mutex_unlock(&s->lock);
}

static int index_to_store(struct builder *b, int fd, struct outcome *o, struct turf_error *err)
{
	struct turf_store_result result = { .size = sizeof(result) };
	struct turf_image *image;
	struct session *s = b->session;
	uint64_t begun = now_ns();
	int r = turf_store_get(b->store, fd, cli_short_name(o->file), &image, &result, err);
	if (r < 0)
		return r;
	o->ns = now_ns() - begun;
	o->status = result.built ? "built" : result.waited ? "waited" : "found";
	o->path = result.path;
	o->key = result.key;
	print_outcome(s, o, image);
	pthread_mutex_lock(&s->lock);
	*(result.built ? &s->built : result.waited ? &s->waited : &s->found) += 1;
	pthread_mutex_unlock(&s->lock);
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

static int fill_output(struct builder *b, struct cli_output *out, int source_fd,
                       struct outcome *o, struct turf_error *err)
{
	uint64_t begun = now_ns();
	int r = turf_build(source_fd, cli_short_name(o->file), out->fd, &b->options, err);
	if (r < 0)
		return r;
	o->ns = now_ns() - begun;
	struct turf_image *image;
	r = turf_image_open_fd(out->fd, cli_short_name(out->path), &image, err);
	if (r < 0)
		return r;
	r = cli_output_commit(out, err);
	if (r >= 0)
		print_outcome(b->session, o, image);
	turf_image_close(image);
	return r;
}

static int index_to_file(struct builder *b, int source_fd, struct outcome *o,
                         struct turf_error *err)
{
	const char *path = b->session->output;
	struct cli_output out;
	int r = check_output(path, source_fd, err);
	if (r >= 0)
		r = cli_output_open(path, &out, err);
	if (r < 0)
		return r;
	o->status = "written";
	o->path = path;
	o->key = "";
	r = fill_output(b, &out, source_fd, o, err);
	cli_output_close(&out);
	return r;
}

static int index_file(struct builder *b, const char *file)
{
	struct turf_error err = { 0 };
	struct outcome o = { .file = file };
	struct stat st;
	b->file = file;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		turf_error_set(&err, -errno, TURF_NOWHERE, "%s: %s", cli_short_name(file),
		               strerror(errno));
		if (fd >= 0)
			close(fd);
		return print_failure(b->session, file, &err);
	}
	o.source_size = (uint64_t)st.st_size;
	int r = b->session->output ? index_to_file(b, fd, &o, &err)
	                           : index_to_store(b, fd, &o, &err);
	close(fd);
	if (r < 0 && cli_interrupted)
		return CLI_ERROR; /* which is told once, at the end */
	return r < 0 ? print_failure(b->session, file, &err) : CLI_OK;
}

/* 0, or 2 and the error is printed. */
static int open_builder(struct builder *b, struct session *s, unsigned threads)
{
	struct turf_error err = { 0 };
	*b = (struct builder){ .session = s, .options = cli_build };
	b->options.threads = threads;
	b->options.note = on_note;
	b->options.progress = on_progress;
	b->options.ctx = b;
	if (s->output || cli_find_store_with(&b->options, &b->store, &err) == 0)
		return CLI_OK;
	return cli_error(&err, NULL);
}

/* One by one, in the order that was asked for. */
static int index_arguments(struct session *s, char *const *files, size_t n)
{
	struct builder b;
	int status = open_builder(&b, s, cli_build.threads);
	if (status != CLI_OK)
		return status;
	s->n = n;
	for (size_t i = 0; i < n && !cli_interrupted; i++, s->done++)
		if (index_file(&b, files[i]) != CLI_OK)
			status = CLI_ERROR;
	turf_store_close(b.store);
	return status;
}

/* Files are taken until there is none. Those at least @min bytes large only. */
static void take_files(struct builder *b, uint64_t min)
{
	struct session *s = b->session;
	pthread_mutex_lock(&s->lock);
	while (s->next < s->files.n && s->files.at[s->next].size >= min && !cli_interrupted) {
		const char *file = s->files.at[s->next++].path;
		pthread_mutex_unlock(&s->lock);
		index_file(b, file);
		pthread_mutex_lock(&s->lock);
		s->done++;
	}
	pthread_mutex_unlock(&s->lock);
}

static void *run_builder(void *builder)
{
	take_files(builder, 0);
	return NULL;
}

/* A large file is built by all threads, small ones by one thread each. */
static int index_collected(struct session *s)
{
	enum { LARGE = 16 << 20, THREADS_MAX = 64 };
	struct builder first, others[THREADS_MAX];
	unsigned threads = cli_build.threads, n = 0;
	if (!threads)
		threads = (unsigned)get_nprocs();
	s->n = s->files.n;
	int status = open_builder(&first, s, threads);
	if (status != CLI_OK)
		return status;
	take_files(&first, s->files.n - s->next > 1 ? LARGE : 0);
	first.options.threads = 1;
	while (n + 1 < threads && n < THREADS_MAX && n + 1 < s->files.n - s->next) {
		if (open_builder(&others[n], s, 1) != CLI_OK)
			break;
		if (pthread_create(&others[n].thread, NULL, run_builder, &others[n]) != 0) {
			turf_store_close(others[n].store);
			break;
		}
		n++;
	}
	take_files(&first, 0);
	for (unsigned i = 0; i < n; i++) {
		pthread_join(others[i].thread, NULL);
		turf_store_close(others[i].store);
	}
	turf_store_close(first.store);
	return CLI_OK;
}

static int print_summary(const struct session *s)
{
	size_t failed = s->failed + s->files.failed;
	cli_progress_clear();
	if (s->json)
		printf("{\"files\":%zu,\"built\":%zu,\"found\":%zu,\"waited\":%zu,"
		       "\"failed\":%zu,\"skipped\":%zu,\"interrupted\":%s}\n",
		       s->files.n, s->built, s->found, s->waited, failed, s->files.skipped,
		       cli_interrupted ? "true" : "false");
	else
		printf("%zu files: %zu built, %zu found, %zu built by others, %zu failed, "
		       "%zu left out that are no ELF file or have no code\n",
		       s->files.n, s->built, s->found, s->waited, failed, s->files.skipped);
	return failed ? CLI_ERROR : CLI_OK;
}

static int index_many(struct session *s, const char *folder, pid_t pid)
{
	int status = folder ? collect_folder(&s->files, folder) : CLI_OK;
	if (status == CLI_OK && pid)
		status = collect_process(&s->files, pid);
	if (status == CLI_OK) {
		collect_sort(&s->files);
		status = index_collected(s);
	}
	if (status == CLI_OK)
		status = print_summary(s);
	collect_free(&s->files);
	return status;
}

/* The second time it kills. */
static void watch_interrupts(void)
{
	struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND };
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

struct arguments {
	const char *folder;
	pid_t pid;
	uint64_t threads;
};

/* 0, or 2 and the error is printed. */
static int read_option(struct session *s, struct arguments *a, int c)
{
	uint64_t pid;
	switch (c) {
	case 'o':
		s->output = optarg;
		return CLI_OK;
	case 'H':
		cli_build.flags |= TURF_BUILD_HOT;
		return CLI_OK;
	case 'v':
		s->verbose = true;
		return CLI_OK;
	case 'j':
		s->json = true;
		return CLI_OK;
	case 'r':
		a->folder = optarg;
		return CLI_OK;
	case 'p':
		if (!cli_number(optarg, 1, INT_MAX, &pid))
			return cli_usage_error("'%.64s' is no process", optarg);
		a->pid = (pid_t)pid;
		return CLI_OK;
	}
	if (!cli_number(optarg, 1, 1024, &a->threads))
		return cli_usage_error("--threads %s: 1 to 1024 is expected", optarg);
	cli_build.threads = (unsigned)a->threads;
	return CLI_OK;
}

int cmd_index(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "hot", no_argument, NULL, 'H' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "json", no_argument, NULL, 'j' },
		{ "threads", required_argument, NULL, 't' },
		CLI_DEBUGINFO,
		{ "recursive", required_argument, NULL, 'r' },
		{ "pid", required_argument, NULL, 'p' },
		CLI_OPTIONS,
	};
	struct session s = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct arguments a = { .folder = NULL };
	for (int c; (c = cli_getopt(argc, argv, "o:vr:p:", options, usage)) != -1;)
		if (read_option(&s, &a, c) != CLI_OK)
			return CLI_ERROR;
	bool many = a.folder || a.pid;
	if (optind == argc && !many)
		return cli_usage_error("no file given");
	if (optind < argc && many)
		return cli_usage_error("%s: no file is expected with -r and --pid",
		                       argv[optind]);
	if (s.output && argc - optind != 1)
		return cli_usage_error("-o takes one file at a time");
	watch_interrupts();
	int status = many ? index_many(&s, a.folder, a.pid)
	                  : index_arguments(&s, argv + optind, (size_t)(argc - optind));
	if (!cli_interrupted)
		return status;
	cli_error(NULL, "interrupted");
	return 128 + cli_interrupted;
}
