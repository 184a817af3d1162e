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

/* Addresses are looked up so many at a time. */
enum { BATCH = 256, BATCH_FRAMES = 2048 };

struct session {
	const struct turf_image *image;
	bool json, mangled;
	bool found; /* at least one address is known */
	struct sink out;
	uint64_t addrs[BATCH]; /* that wait for their answers */
	size_t n;
	struct turf_frame frames[BATCH_FRAMES];
	uint32_t first[BATCH + 1];
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

/* In decimal, at most 10 digits; returns the end. */
static char *write_number(char *out, uint32_t value)
{
	char digits[10];
	size_t at = sizeof(digits);
	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	memcpy(out, digits + at, sizeof(digits) - at);
	return out + (sizeof(digits) - at);
}

static void put_json_bytes(struct sink *s, const char *text, size_t n)
{
	char *at = sink_room(s, CLI_JSON_ROOM(n));
	if (at)
		s->n = (size_t)(cli_json_escape(at, text, n) - s->at);
}

static void put_text_frame(struct session *t, const struct turf_frame *f)
{
	static const struct cli_text no_path = { "??", 2 };
	struct cli_text name = cli_frame_name(t->image, f, !t->mangled);
	struct cli_text path = f->file ? cli_path(t->image, f->file) : no_path;
	char *at = sink_room(&t->out, name.size + path.size + 32);
	if (!at)
		return;
	memcpy(at, name.at, name.size);
	at += name.size;
	*at++ = '\n';
	if (path.size) {
		memcpy(at, path.at, path.size);
		at += path.size;
	}
	*at++ = ':';
	at = write_number(at, f->line);
	*at++ = ':';
	at = write_number(at, f->column);
	*at++ = '\n';
	t->out.n = (size_t)(at - t->out.at);
}

static void put_json_field(struct sink *s, const char *name, struct cli_text text)
{
	if (!text.at)
		return;
	put_str(s, name);
	put_json_bytes(s, text.at, text.size);
	PUT(s, ",");
}

static void put_json_number(struct sink *s, const char *name, uint32_t n)
{
	if (!n)
		return;
	put_str(s, name);
	put_number(s, n, 10);
	PUT(s, ",");
}

static void put_json_frame(struct session *t, const struct turf_frame *f, bool first)
{
	struct sink *s = &t->out;
	put_str(s, first ? "{" : ",{");
	put_json_field(s, "\"function\":", cli_text(t->image, f->name));
	put_json_field(s, "\"linkage_name\":", cli_text(t->image, f->linkage_name));
	put_json_field(s, "\"file\":", cli_path(t->image, f->file));
	put_json_number(s, "\"line\":", f->line);
	put_json_number(s, "\"column\":", f->column);
	put_str(s, f->inlined ? "\"inlined\":true}" : "\"inlined\":false}");
}

static void put_json_answer(struct session *t, uint64_t addr, const struct turf_frame *frames,
                            size_t n)
{
	PUT(&t->out, "{\"address\":\"0x");
	put_number(&t->out, addr, 16);
	PUT(&t->out, "\",\"frames\":[");
	for (size_t i = 0; i < n; i++)
		put_json_frame(t, &frames[i], i == 0);
	PUT(&t->out, "]}\n");
}

static void put_text_answer(struct session *t, const struct turf_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_text_frame(t, &frames[i]);
	if (n == 0)
		PUT(&t->out, "??\n??:0:0\n");
	PUT(&t->out, "\n");
}

static int damaged(uint64_t addr)
{
	return cli_error(NULL, "0x%llx: the image is damaged, try: turf verify",
	                 (unsigned long long)addr);
}

/* Answers for @n addresses: how many that were, or 2 and the error is printed. */
static int answer_some(struct session *t, const uint64_t *addrs, size_t n, size_t *done)
{
	ssize_t r =
		turf_image_frames_bulk(t->image, addrs, n, t->frames, BATCH_FRAMES, t->first);
	if (r < 0 && n > 1) /* which one it was is told by asking alone */
		return answer_some(t, addrs, 1, done);
	if (r < 0)
		return damaged(addrs[0]);
	for (size_t i = 0; i < (size_t)r; i++) {
		size_t count = t->first[i + 1] - t->first[i];
		if (t->json)
			put_json_answer(t, addrs[i], t->frames + t->first[i], count);
		else
			put_text_answer(t, t->frames + t->first[i], count);
		t->found |= count > 0;
	}
	*done += (size_t)r;
	return cli_damaged ? damaged(addrs[0]) : CLI_OK;
}

/* Answers for all that wait. 0, or 2 and the error is printed. */
static int answer_all(struct session *t)
{
	int status = CLI_OK;
	for (size_t done = 0; done < t->n && status == CLI_OK;)
		status = answer_some(t, t->addrs + done, t->n - done, &done);
	t->n = 0;
	return status;
}

static int answer(struct session *t, uint64_t addr)
{
	t->addrs[t->n++] = addr;
	return t->n == BATCH ? answer_all(t) : CLI_OK;
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
	return answer_all(t);
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
	if (cli_hex(line, &addr))
		return answer(t, addr);
	int status = answer_all(t);
	return status == CLI_OK ? bad_address(line) : status;
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
	return answer_all(t);
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
		if (more == 0) {
			int status = answer_line(t, buffer, buffer + n);
			return status == CLI_OK ? answer_all(t) : status;
		}
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
	static struct session t;
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
