/* SPDX-License-Identifier: MIT */
/*
 * turf symbolize: addresses in, functions, files and lines out, inlined calls first.
 *
 * Reading and writing go through buffers of our own: the look-up takes less time than one
 * printf(). Answers are written when the buffer is full, at the end, and whenever no further
 * question is there yet, so that a program can ask us line by line.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

static const char usage[] =
	"Usage: turf symbolize -e FILE [--json] [ADDRESS...]\n"
	"Tells the function, file and line of link-time addresses (as in ELF st_value), given\n"
	"in hexadecimal here or one a line on standard input. The innermost inlined call "
	"comes\n"
	"first, the function that holds the address last.\n"
	"\n"
	"  -e, --exe FILE       an ELF file, or an urf\n"
	"  --json               one JSON object a line; names as the linker knows them\n"
	"  -C, --demangle       show C++, Rust and D names as they were written (default)\n"
	"      --no-demangle    show them as the linker knows them\n"
	"  --debug-folder DIR   where separate debug files are (default: /usr/lib/debug)\n"
	"  --store DIR          where urfs are kept\n"
	"\n"
	"Exit status: 0 all addresses are known or some, 1 none is, 2 error.\n";

/* What is to be written. */
struct sink {
	char *at;
	size_t n, room;
	int error; /* 0, or negative errno of a write: nothing is written any more */
};

struct session {
	const struct turf_image *image;
	bool json, mangled;
	bool found; /* at least one address is known */
	struct sink out;
};

static void sink_flush(struct sink *s)
{
	for (size_t done = 0; done < s->n && !s->error;) {
		ssize_t n = write(STDOUT_FILENO, s->at + done, s->n - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			s->error = -errno;
	}
	s->n = 0;
}

/* Makes sure that @size bytes can be written to the place it gives; NULL: no memory. */
static char *sink_room(struct sink *s, size_t size)
{
	if (s->room - s->n < size)
		sink_flush(s);
	if (s->room < size) {
		size_t room = size > (1 << 16) ? size : 1 << 16;
		char *at = realloc(s->at, room);
		if (!at) {
			s->error = -ENOMEM;
			return NULL;
		}
		s->at = at;
		s->room = room;
	}
	return s->at + s->n;
}

static void put(struct sink *s, const char *text, size_t n)
{
	char *at = sink_room(s, n);
	if (!at)
		return;
	memcpy(at, text, n);
	s->n += n;
}

static void put_str(struct sink *s, const char *text)
{
	put(s, text, strlen(text));
}

#define PUT(s, literal) put((s), literal, sizeof(literal) - 1)

static void put_number(struct sink *s, uint64_t value, unsigned base)
{
	char digits[20]; /* of 2^64 - 1, in decimal */
	size_t at = sizeof(digits);
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	put(s, digits + at, sizeof(digits) - at);
}

static void put_json_bytes(struct sink *s, const char *text, size_t n)
{
	char *at = sink_room(s, CLI_JSON_ROOM(n));
	if (at)
		s->n = (size_t)(cli_json_escape(at, text, n) - s->at);
}

enum { PATH_ROOM = 4096 };

static size_t frame_path(const struct turf_frame *f, char *out)
{
	size_t n = turf_frame_path(f, out, PATH_ROOM);
	return n < PATH_ROOM ? n : PATH_ROOM - 1;
}

static void put_text_frame(struct sink *s, const struct turf_frame *f, bool demangled)
{
	put_str(s, cli_frame_name(f, demangled));
	PUT(s, "\n");
	char *path = sink_room(s, PATH_ROOM);
	if (!path)
		return;
	s->n += frame_path(f, path);
	PUT(s, ":");
	put_number(s, f->line, 10);
	PUT(s, ":");
	put_number(s, f->column, 10);
	PUT(s, "\n");
}

static void put_json_field(struct sink *s, const char *name, const char *text)
{
	if (!text)
		return;
	put_str(s, name);
	put_json_bytes(s, text, strlen(text));
	PUT(s, ",");
}

static void put_json_frame(struct sink *s, const struct turf_frame *f, bool first)
{
	put_str(s, first ? "{" : ",{");
	put_json_field(s, "\"function\":", f->function);
	put_json_field(s, "\"linkage_name\":", f->linkage_name);
	if (f->file) {
		char path[PATH_ROOM];
		PUT(s, "\"file\":");
		put_json_bytes(s, path, frame_path(f, path));
		PUT(s, ",");
	}
	if (f->line) {
		PUT(s, "\"line\":");
		put_number(s, f->line, 10);
		PUT(s, ",");
	}
	if (f->column) {
		PUT(s, "\"column\":");
		put_number(s, f->column, 10);
		PUT(s, ",");
	}
	put_str(s, f->inlined ? "\"inlined\":true}" : "\"inlined\":false}");
}

static int damaged(uint64_t addr)
{
	return cli_error(NULL, "0x%llx: the image is damaged, try: turf verify",
	                 (unsigned long long)addr);
}

/* Answers for one address. 0, or 2 and the error is printed. */
static int answer(struct session *t, uint64_t addr)
{
	struct turf_frames walk;
	struct turf_frame f;
	int r = turf_image_frames(t->image, addr, &walk);
	if (t->json) {
		PUT(&t->out, "{\"address\":\"0x");
		put_number(&t->out, addr, 16);
		PUT(&t->out, "\",\"frames\":[");
	}
	size_t n = 0;
	if (r > 0)
		for (; (r = turf_frames_next(&walk, &f)) > 0; n++) {
			if (t->json)
				put_json_frame(&t->out, &f, n == 0);
			else
				put_text_frame(&t->out, &f, !t->mangled);
		}
	if (t->json)
		PUT(&t->out, "]}\n");
	else if (n == 0)
		PUT(&t->out, "??\n??:0:0\n\n");
	else
		PUT(&t->out, "\n");
	t->found |= n > 0;
	return r < 0 ? damaged(addr) : CLI_OK;
}

static int bad_address(const char *text)
{
	return cli_error(NULL, "'%.64s' is no hexadecimal address", text);
}

static int answer_arguments(struct session *t, char *const *args, size_t n)
{
	uint64_t addr = 0;
	for (size_t i = 0; i < n; i++)
		if (!cli_hex(args[i], &addr))
			return bad_address(args[i]);
	for (size_t i = 0; i < n; i++) {
		cli_hex(args[i], &addr);
		int status = answer(t, addr);
		if (status != CLI_OK)
			return status;
	}
	return CLI_OK;
}

/* A line without blanks around it, NUL-ended in place; an empty one asks nothing. */
static int answer_line(struct session *t, char *line, char *end)
{
	while (end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	*end = 0;
	uint64_t addr;
	if (line == end)
		return CLI_OK;
	return cli_hex(line, &addr) ? answer(t, addr) : bad_address(line);
}

/* Answers all whole lines of [@at, @end); @at moves behind the last of them. */
static int answer_lines(struct session *t, char **at, char *end)
{
	for (char *newline; (newline = memchr(*at, '\n', (size_t)(end - *at)));) {
		int status = answer_line(t, *at, newline);
		if (status != CLI_OK || t->out.error)
			return status;
		*at = newline + 1;
	}
	return CLI_OK;
}

/* Reads what is there; before it would have to wait, what is answered goes out. */
static ssize_t read_more(struct session *t, char *at, size_t room)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	if (t->out.n && poll(&input, 1, 0) == 0)
		sink_flush(&t->out);
	ssize_t n;
	do
		n = read(STDIN_FILENO, at, room);
	while (n < 0 && errno == EINTR);
	return n;
}

static int answer_input(struct session *t)
{
	static char buffer[(1 << 16) + 1]; /* one more for the last line's NUL */
	size_t n = 0;
	for (;;) {
		ssize_t more = read_more(t, buffer + n, sizeof(buffer) - 1 - n);
		if (more < 0)
			return cli_error(NULL, "standard input: %s", strerror(errno));
		n += (size_t)more;
		if (more == 0)
			return answer_line(t, buffer, buffer + n);
		char *at = buffer;
		int status = answer_lines(t, &at, buffer + n);
		if (status != CLI_OK || t->out.error)
			return status;
		n = (size_t)(buffer + n - at);
		memmove(buffer, at, n);
		if (n == sizeof(buffer) - 1)
			return cli_error(NULL, "standard input: a line is too long");
	}
}

static int symbolize(struct session *t, char *const *args, size_t n)
{
	int status = n ? answer_arguments(t, args, n) : answer_input(t);
	sink_flush(&t->out);
	free(t->out.at);
	if (t->out.error)
		return cli_error(NULL, "cannot write: %s", strerror(-t->out.error));
	return status == CLI_OK && !t->found ? CLI_NONE : status;
}

int cmd_symbolize(int argc, char **argv)
{
	static const struct option options[] = {
		{ "exe", required_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "demangle", no_argument, NULL, 'C' },
		{ "no-demangle", no_argument, NULL, 'm' },
		{ "debug-folder", required_argument, NULL, 'd' },
		CLI_OPTIONS,
	};
	struct session t = { 0 };
	const char *path = NULL;
	for (int c; (c = cli_getopt(argc, argv, "e:C", options, usage)) != -1;) {
		if (c == 'e')
			path = optarg;
		else if (c == 'j')
			t.json = true;
		else if (c == 'C' || c == 'm')
			t.mangled = c == 'm';
		else
			cli_build.debug_folder = optarg;
	}
	if (!path)
		return cli_usage_error("no file given (-e FILE)");
	struct turf_image *image;
	int status = cli_open_image(path, &image);
	if (status != CLI_OK)
		return status;
	t.image = image;
	status = symbolize(&t, argv + optind, (size_t)(argc - optind));
	turf_image_close(image);
	return status;
}
