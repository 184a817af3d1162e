/* SPDX-License-Identifier: MIT */
/*
 * turf symbolize: addresses in, functions, files and lines out, inlined calls first.
 *
 * Questions are read many at a time. Answers are written when there are many, at the end, and
 * whenever no further question is there yet, so that a program can ask us line by line.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"

static const char usage[] =
	"Usage: turf symbolize -e FILE [--json] [ADDRESS...]\n"
	"Tells the function, file and line of link-time addresses (as in ELF st_value),\n"
	"given in hexadecimal here or one a line on standard input. The innermost inlined\n"
	"call comes first, the function that holds the address last.\n"
	"\n"
	"  -e, --exe FILE       an ELF file, or an urf\n"
	"  --json               one JSON object a line; names as the linker knows them\n"
	"      --discriminators\n"
	"                       with --json: which block of its line, where that is known\n"
	"  -C, --demangle       show C++, Rust and D names as they were written (default)\n"
	"      --no-demangle    show them as the linker knows them\n"
	"  --debuginfo PATH     where separate debug files are, a folder or one of them;\n"
	"                       may be given several times (default: /usr/lib/debug)\n"
	"  --store DIR          where urfs are kept\n"
	"\n"
	"Exit status: 0 all addresses are known or some, 1 none is, 2 error.\n";

static int bad_address(const char *text)
{
	return cli_error(NULL, "'%.64s' is no hexadecimal address", text);
}

static int answer_arguments(struct answers *a, char *const *args, size_t n)
{
	uint64_t *addrs = calloc(n, sizeof(*addrs));
	if (!addrs)
		return cli_error(NULL, "no memory");
	int status = CLI_OK;
	for (size_t i = 0; i < n && status == CLI_OK; i++)
		if (!cli_hex(args[i], &addrs[i]))
			status = bad_address(args[i]);
	if (status == CLI_OK)
		status = answers_give(a, addrs, n);
	free(addrs);
	return status;
}

/*
 * Standard input, and the questions of it that were not given an answer yet. There is little
 * room at first; it grows with what comes at once.
 */
enum { ROOM_FIRST = 1 << 14, ROOM_MAX = 1 << 18, ADDRS_FIRST = 1 << 9, HEAD = 8 };

struct input {
	struct answers *answers;
	size_t n_bytes, room;
	char *bytes; /* HEAD more before them; one behind, for the last line's NUL */
	size_t n_addrs, addrs_room;
	uint64_t *addrs;
};

static int answer_all(struct input *in)
{
	size_t n = in->n_addrs;
	in->n_addrs = 0;
	return n ? answers_give(in->answers, in->addrs, n) : CLI_OK;
}

static int grow_bytes(struct input *in)
{
	size_t room = in->room ? 4 * in->room : ROOM_FIRST;
	char *bytes = in->bytes ? in->bytes - HEAD : NULL;
	bytes = room > ROOM_MAX ? NULL : realloc(bytes, HEAD + room + 1);
	if (!bytes)
		return cli_error(NULL, room > ROOM_MAX ? "standard input: a line is too long"
		                                       : "no memory");
	in->bytes = bytes + HEAD;
	in->room = room;
	return CLI_OK;
}

static int grow_addrs(struct input *in)
{
	size_t room = in->addrs_room ? 2 * in->addrs_room : ADDRS_FIRST;
	uint64_t *addrs = realloc(in->addrs, room * sizeof(*addrs));
	if (!addrs)
		return cli_error(NULL, "no memory");
	in->addrs = addrs;
	in->addrs_room = room;
	return CLI_OK;
}

static int add_addr(struct input *in, uint64_t addr)
{
	if (in->n_addrs == in->addrs_room && grow_addrs(in) != CLI_OK)
		return CLI_ERROR;
	in->addrs[in->n_addrs++] = addr;
	return in->n_addrs == ANSWERS_MANY ? answer_all(in) : CLI_OK;
}

/* What of a line is neither digits alone nor empty: blanks around them, or it is an error. */
static int take_odd_line(struct input *in, char *line, char *end)
{
	uint64_t addr;
	while (end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
		end--;
	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	*end = 0;
	if (line == end)
		return CLI_OK;
	if (cli_hex(line, &addr))
		return add_addr(in, addr);
	int status = answer_all(in); /* of those before */
	return status == CLI_OK ? bad_address(line) : status;
}

/*
 * The value of eight hexadecimal digits, the first the highest; false: they are none. All are
 * worked on at once, a byte each.
 */
static bool eight_digits(uint64_t text, uint64_t *value)
{
	const uint64_t each = 0x0101010101010101;
	uint64_t lower = text | 0x20 * each;
	uint64_t nibbles = (text & 0x0f * each) + 9 * (text >> 6 & each);
	uint64_t letters = (nibbles + 0x76 * each) >> 7 & each; /* 1 where it is 10 or more */
	if ((nibbles & 0xf0 * each) ||
	    lower != nibbles + '0' * each + ('a' - '9' - 1) * letters)
		return false;
	nibbles = be64toh(nibbles);
	nibbles = (nibbles | nibbles >> 4) & 0x00ff00ff00ff00ff;
	nibbles = (nibbles | nibbles >> 8) & 0x0000ffff0000ffff;
	*value = (nibbles | nibbles >> 16) & 0xffffffff;
	return true;
}

/* Of the last up to eight characters before @end, at least one. */
static bool digits_before(const char *end, size_t n, uint64_t *value)
{
	uint64_t text;
	memcpy(&text, end - sizeof(text), sizeof(text)); /* HEAD bytes are before all lines */
	unsigned spare = 8 * (unsigned)(sizeof(text) - n);
	uint64_t mask = htole64(UINT64_MAX << spare);
	return eight_digits((text & mask) | (0x3030303030303030 & ~mask), value);
}

static bool take_digits(const char *line, const char *end, uint64_t *addr)
{
	uint64_t high = 0, low;
	if (end - line > 2 && line[0] == '0' && line[1] == 'x')
		line += 2;
	size_t n = (size_t)(end - line);
	if (n < 1 || n > 16 || !digits_before(end, n < 8 ? n : 8, &low) ||
	    (n > 8 && !digits_before(end - 8, n - 8, &high)))
		return false;
	*addr = high << 32 | low;
	return true;
}

static int take_line(struct input *in, char *line, char *end)
{
	uint64_t addr;
	return take_digits(line, end, &addr) ? add_addr(in, addr)
	                                     : take_odd_line(in, line, end);
}

/* Takes all whole lines that are there, and keeps the rest. */
static int take_lines(struct input *in)
{
	char *at = in->bytes, *end = at + in->n_bytes;
	for (char *newline; (newline = memchr(at, '\n', (size_t)(end - at)));) {
		int status = take_line(in, at, newline);
		if (status != CLI_OK)
			return status;
		at = newline + 1;
	}
	in->n_bytes = (size_t)(end - at);
	memmove(in->bytes, at, in->n_bytes);
	return CLI_OK;
}

/* Reading would not wait: there is more, or the end. */
static bool input_waits(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	return poll(&input, 1, 0) != 0;
}

/* > 0: there may be more, 0: that was all, < 0: an error, which was told. */
static ssize_t read_some(struct input *in)
{
	if (in->n_bytes == in->room && grow_bytes(in) != CLI_OK)
		return -ENOMEM;
	ssize_t n;
	do
		n = read(STDIN_FILENO, in->bytes + in->n_bytes, in->room - in->n_bytes);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		cli_error(NULL, "standard input: %s", strerror(errno));
	else
		in->n_bytes += (size_t)n;
	return n;
}

/*
 * Reads and answers; before it would have to wait for more, what was asked is answered, and
 * what is answered goes out.
 */
static int answer_read(struct input *in)
{
	for (;;) {
		ssize_t more = read_some(in);
		if (more < 0)
			return CLI_ERROR;
		int status = take_lines(in);
		if (status == CLI_OK && more == 0)
			status = take_line(in, in->bytes, in->bytes + in->n_bytes);
		if (status == CLI_OK && (more == 0 || !input_waits()))
			status = answer_all(in);
		if (status != CLI_OK || more == 0)
			return status;
		if (answers_wait(in->answers) && !input_waits() &&
		    answers_flush(in->answers) != CLI_OK)
			return CLI_ERROR;
	}
}

static int answer_input(struct answers *answers)
{
	struct input in = { .answers = answers };
	int status = answer_read(&in);
	free(in.bytes ? in.bytes - HEAD : NULL);
	free(in.addrs);
	return status;
}

static int symbolize(struct answers *a, char *const *args, size_t n)
{
	int status = n ? answer_arguments(a, args, n) : answer_input(a);
	/* what could be answered is shown; a write that failed was told */
	int flushed = status == CLI_OK || answers_wait(a) ? answers_flush(a) : CLI_OK;
	if (status == CLI_OK)
		status = flushed;
	return status == CLI_OK && !answers_found(a) ? CLI_NONE : status;
}

int cmd_symbolize(int argc, char **argv)
{
	static const struct option options[] = {
		{ "exe", required_argument, NULL, 'e' },
		{ "json", no_argument, NULL, 'j' },
		{ "discriminators", no_argument, NULL, 'D' },
		{ "demangle", no_argument, NULL, 'C' },
		{ "no-demangle", no_argument, NULL, 'm' },
		CLI_DEBUGINFO,
		CLI_OPTIONS,
	};
	struct answers_how how = { .json = false };
	const char *path = NULL;
	for (int c; (c = cli_getopt(argc, argv, "e:C", options, usage)) != -1;) {
		if (c == 'e')
			path = optarg;
		else if (c == 'j')
			how.json = true;
		else if (c == 'D')
			how.discriminators = true;
		else
			how.mangled = c == 'm';
	}
	if (!path)
		return cli_usage_error("no file given (-e FILE)");
	if (how.discriminators && !how.json)
		return cli_usage_error("--discriminators goes with --json");
	cli_by_address = !how.discriminators;
	struct turf_image *image;
	int status = cli_open_image(path, &image);
	if (status != CLI_OK)
		return status;
	struct answers *answers = answers_new(image, how);
	if (answers)
		status = symbolize(answers, argv + optind, (size_t)(argc - optind));
	else
		status = cli_error(NULL, "no memory");
	if (answers)
		answers_free(answers);
	turf_image_close(image);
	return status;
}
