/* SPDX-License-Identifier: MIT */
/*
 * What the commands share: options, errors, the store, numbers, the terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "urf/format.h"

const char *cli_name = "turf";
struct turf_build_options cli_build = { .size = sizeof(struct turf_build_options) };

bool cli_by_address;

volatile sig_atomic_t cli_interrupted;

static const char *store_option; /* --store */
static bool progress_shown;      /* a progress line stands on the terminal */

int cli_add_debug_folder(const char *folder)
{
	static char *all; /* until the process ends */
	char *more;
	if (asprintf(&more, "%s%s%s", all ? all : "", all ? ":" : "", folder) < 0)
		return cli_error(NULL, "no memory");
	free(all);
	cli_build.debug_folder = all = more;
	return CLI_OK;
}

int cli_getopt(int argc, char **argv, const char *letters, const struct option *options,
               const char *usage)
{
	for (;;) {
		int c = getopt_long(argc, argv, letters, options, NULL);
		if (c == CLI_OPT_STORE) {
			store_option = optarg;
			continue;
		}
		if (c == CLI_OPT_DEBUGINFO) {
			if (cli_add_debug_folder(optarg) != CLI_OK)
				exit(CLI_ERROR);
			continue;
		}
		if (c == CLI_OPT_HELP) {
			fputs(usage, stdout);
			exit(fflush(stdout) == 0 ? CLI_OK : CLI_ERROR);
		}
		if (c == '?')
			exit(CLI_ERROR); /* getopt_long() said why */
		return c;
	}
}

/* One line: control characters of file names and symbols cannot reach the terminal. */
static void print_line(const char *what, const char *text)
{
	char line[4096 + 512];
	int n = snprintf(line, sizeof(line), "%s: %s%s%s", cli_name, what,
	                 *what && *text ? ": " : "", text);
	size_t size = n < 0 ? 0 : (size_t)n < sizeof(line) - 1 ? (size_t)n : sizeof(line) - 2;
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[size++] = '\n';
	cli_progress_clear();
	fflush(stdout); /* keeps the order where both are one file */
	fwrite(line, 1, size, stderr);
}

static bool begins_with(const char *text, const char *what)
{
	size_t n = strlen(what);
	return strncmp(text, what, n) == 0 && text[n] == ':';
}

int cli_error(const struct turf_error *err, const char *fmt, ...)
{
	char what[4096] = "";
	if (fmt) {
		va_list args;
		va_start(args, fmt);
		vsnprintf(what, sizeof(what), fmt, args);
		va_end(args);
	}
	const char *text = err ? err->text : "";
	if (begins_with(text, what))
		what[0] = 0;
	print_line(what, text);
	return CLI_ERROR;
}

int cli_usage_error(const char *fmt, ...)
{
	char what[1024], hint[128];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	snprintf(hint, sizeof(hint), "try: %s --help", cli_name);
	print_line(what, hint);
	return CLI_ERROR;
}

/* "FOLDER/BELOW", made once; NULL: no memory. */
static const char *join(const char *folder, const char *below)
{
	static char *path;
	size_t n = strlen(folder), n_below = strlen(below) + 1;
	if (path || !(path = malloc(n + 1 + n_below)))
		return path;
	memcpy(path, folder, n);
	path[n] = '/';
	memcpy(path + n + 1, below, n_below);
	return path;
}

const char *cli_store_path(void)
{
	const char *folder = store_option;
	if (!folder || !*folder)
		folder = getenv("TURF_STORE");
	if (folder && *folder)
		return folder;
	folder = getenv("XDG_CACHE_HOME");
	/* XDG Base Directory Specification: a relative one is to be ignored */
	if (folder && *folder == '/')
		return join(folder, "turf");
	folder = getenv("HOME");
	return folder && *folder ? join(folder, ".cache/turf") : NULL;
}

int cli_find_store_with(const struct turf_build_options *build, struct turf_store **ret,
                        struct turf_error *err)
{
	const char *path = cli_store_path();
	if (!path)
		return turf_fail(err, -ENOENT, TURF_NOWHERE,
		                 "no folder for the store: give --store, or set TURF_STORE");
	struct turf_build_options hot = *build;
	hot.flags |= TURF_BUILD_HOT;
	struct turf_store_options options = {
		.size = sizeof(options),
		.path = path,
		.builder = turf_debug_builder(build),
		.also = cli_by_address ? turf_debug_builder(&hot).id : 0,
	};
	int r = turf_store_open(&options, ret, err);
	if (r < 0)
		turf_error_context(err, "%s", path);
	return r;
}

int cli_find_store(struct turf_store **ret, struct turf_error *err)
{
	return cli_find_store_with(&cli_build, ret, err);
}

int cli_open_store(struct turf_store **ret)
{
	struct turf_error err = { 0 };
	return cli_find_store(ret, &err) < 0 ? cli_error(&err, NULL) : CLI_OK;
}

const char *cli_short_name(const char *path)
{
	enum { ROOM = 120 }; /* half of struct turf_error's text */
	size_t n = strlen(path);
	return n > ROOM ? path + n - ROOM : path;
}

int cli_open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		cli_error(NULL, "%s: %s", path, strerror(errno));
	return fd;
}

/* An urf begins with an ELF header like its source; its own magic stands behind the notes. */
bool cli_is_urf(int fd)
{
	char page[4096];
	ssize_t n = pread(fd, page, sizeof(page), 0);
	return n > 0 && memmem(page, (size_t)n, URF_MAGIC, strlen(URF_MAGIC));
}

static int open_stored(int fd, const char *path, struct turf_image **ret)
{
	struct turf_store *store;
	int status = cli_open_store(&store);
	if (status != CLI_OK)
		return status;
	struct turf_error err = { 0 };
	int r = turf_store_get(store, fd, cli_short_name(path), ret, NULL, &err);
	turf_store_close(store);
	return r < 0 ? cli_error(&err, "%s", path) : CLI_OK;
}

static int open_by_kind(int fd, const char *path, struct turf_image **ret)
{
	if (!cli_is_urf(fd))
		return open_stored(fd, path, ret);
	struct turf_error err = { 0 };
	int r = turf_image_open_fd(fd, cli_short_name(path), ret, &err);
	return r < 0 ? cli_error(&err, "%s", path) : CLI_OK;
}

int cli_open_image(const char *path, struct turf_image **ret)
{
	int fd = cli_open_file(path);
	if (fd < 0)
		return CLI_ERROR;
	int status = open_by_kind(fd, path, ret);
	close(fd);
	return status;
}

bool cli_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	if (*text < '0' || *text > '9') /* strtoull() takes blanks and signs */
		return false;
	char *end;
	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (errno || *end || n < min || n > max)
		return false;
	*ret = n;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool cli_hex(const char *text, uint64_t *ret)
{
	if (text[0] == '0' && (text[1] | 0x20) == 'x')
		text += 2;
	uint64_t n = 0;
	size_t digits = 0;
	for (; *text; text++) {
		int d = hex_digit(*text);
		if (d < 0 || n >> 60)
			return false;
		n = n << 4 | (unsigned)d;
		digits++;
	}
	if (!digits)
		return false;
	*ret = n;
	return true;
}

bool cli_color(FILE *out)
{
	const char *off = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	return isatty(fileno(out)) && !(off && *off) && term && strcmp(term, "dumb") != 0;
}

void cli_progress(const char *fmt, ...)
{
	static int terminal = -1;
	if (terminal < 0)
		terminal = isatty(STDERR_FILENO);
	if (!terminal)
		return;
	va_list args;
	va_start(args, fmt);
	fputs("\r", stderr);
	vfprintf(stderr, fmt, args);
	fputs("\033[K", stderr);
	va_end(args);
	fflush(stderr);
	progress_shown = true;
}

void cli_progress_clear(void)
{
	if (!progress_shown)
		return;
	fputs("\r\033[K", stderr);
	progress_shown = false;
}
