/* SPDX-License-Identifier: MIT */
/*
 * The text of /proc/PID/maps: "start-end perms offset major:minor inode   path".
 *
 * Out:    turf_maps_next(): 1 line, 0 end, -EBADMSG; spans into the text
 * Trust:  none; the kernel writes whole lines, so one without its newline is malformed
 * Source: proc(5); the kernel writes a newline in a path as "\012", and nothing else so: a path
 *         that holds these four characters cannot be told from it
 */
#include "process/process.h"

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* A number of base 10 or 16, at least one digit; bad where it does not fit into 64 bits. */
static uint64_t read_number(struct cursor *c, unsigned base)
{
	uint64_t v = 0;
	size_t n = 0;
	for (; cur_left(c) && (unsigned)digit(*c->at) < base; n++) {
		unsigned d = (unsigned)digit(*c->at);
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v))
			c->bad = true;
		cur_skip(c, 1);
		if (c->bad)
			return 0;
	}
	if (!n)
		c->bad = true;
	return v;
}

static void expect(struct cursor *c, char what)
{
	if (cur_u8(c) != (uint8_t)what)
		c->bad = true;
}

static struct cursor read_line(struct cursor *c)
{
	const uint8_t *end = memchr(c->at, '\n', cur_left(c));
	if (!end || memchr(c->at, 0, (size_t)(end - c->at))) {
		c->bad = true;
		return *c;
	}
	struct cursor line = cur_carve(c, (uint64_t)(end - c->at));
	cur_skip(c, 1);
	return line;
}

int turf_maps_next(struct cursor *c, struct maps_entry *out)
{
	if (!c->bad && !cur_left(c))
		return 0;
	struct cursor line = read_line(c);
	struct maps_entry e = { 0 };
	e.start = read_number(&line, 16);
	expect(&line, '-');
	e.end = read_number(&line, 16);
	expect(&line, ' ');
	const uint8_t *perms = cur_take(&line, 4);
	e.exec = perms && perms[2] == 'x';
	expect(&line, ' ');
	e.offset = read_number(&line, 16);
	expect(&line, ' ');
	uint64_t major = read_number(&line, 16);
	expect(&line, ':');
	uint64_t minor = read_number(&line, 16);
	expect(&line, ' ');
	e.inode = read_number(&line, 10);
	if (line.bad || e.start >= e.end || major > UINT32_MAX || minor > UINT32_MAX) {
		c->bad = true;
		return -EBADMSG;
	}
	e.major = (uint32_t)major;
	e.minor = (uint32_t)minor;
	if (cur_left(&line) && *line.at != ' ') {
		c->bad = true;
		return -EBADMSG;
	}
	while (cur_left(&line) && *line.at == ' ')
		cur_skip(&line, 1);
	e.path = (struct span){ line.at, cur_left(&line) };
	*out = e;
	return 1;
}

int turf_maps_path(struct span written, struct buf *out)
{
	static const char newline[] = "\\012";
	out->n = 0;
	if (!vec_reserve(out, written.size + 1))
		return -ENOMEM;
	for (size_t i = 0; i < written.size; i++) {
		uint8_t c = written.at[i];
		if (written.size - i >= 4 && memcmp(written.at + i, newline, 4) == 0) {
			c = '\n';
			i += 3;
		}
		out->at[out->n++] = c;
	}
	out->at[out->n++] = 0;
	return 0;
}
