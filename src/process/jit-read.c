/* SPDX-License-Identifier: MIT */
/*
 * The two files that compilers at run time write for profilers, read as they grow.
 *
 * In:     a perf map: lines "START SIZE NAME", numbers in hexadecimal; a jitdump: records of
 *         functions that were made or moved, with times and lines
 * Out:    functions in the order in which they were told
 * Trust:  none: what is no record ends the reading, what is longer than a window is passed
 *         over; the number of functions, of lines and of bytes of names is bounded
 * Source: tools/perf/Documentation/jit-interface.txt and jitdump-specification.txt of Linux
 */
#include <inttypes.h>
#include <unistd.h>

#include "process/jit.h"

enum {
	WINDOW = 1 << 20,
	LINE_MAX_SIZE = 64 << 10, /* longer ones are passed over */

	DUMP_MAGIC = 0x4a695444, /* "JiTD", as the machine writes numbers */
	DUMP_HEADER = 40,
	OTHER_CLOCK = 1, /* flag: times are of the processor's counter */
	RECORD_HEADER = 16,
	LOAD = 0,
	MOVE = 1,
	DEBUG_INFO = 2,
	CLOSE = 3,
};

/* The part of a file that was read last. */
struct window {
	int fd;
	uint8_t *at;
	uint64_t off;
	size_t n;
	bool read;
};

/* How many bytes there are at @off, @need if the file has them, and where; or < 0. */
static ssize_t look(struct window *w, uint64_t off, size_t need, const uint8_t **ret)
{
	*ret = w->at;
	if (w->read && off >= w->off && off - w->off <= w->n &&
	    (w->n - (off - w->off) >= need || w->n < WINDOW)) {
		*ret = w->at + (off - w->off);
		return (ssize_t)(w->n - (off - w->off));
	}
	size_t n = 0;
	while (n < WINDOW) {
		ssize_t got = off > INT64_MAX - WINDOW
		                      ? 0
		                      : pread(w->fd, w->at + n, WINDOW - n, (off_t)(off + n));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	w->off = off;
	w->n = n;
	w->read = true;
	return (ssize_t)n;
}

static int full(struct jit_file *f, const char *name, struct turf_error *err)
{
	f->over = true;
	return turf_fail(err, -E2BIG, f->off,
	                 "%s: too many functions: later ones have no names", name);
}

/* A number in hexadecimal and the space behind it. */
static uint64_t read_hex(struct cursor *c)
{
	uint64_t v = 0;
	unsigned n = 0;
	if (cur_left(c) > 2 && c->at[0] == '0' && (c->at[1] | 0x20) == 'x')
		cur_skip(c, 2);
	for (; !c->bad && cur_left(c) && *c->at != ' '; n++) {
		uint8_t d = cur_u8(c);
		unsigned digit = d >= '0' && d <= '9' ? d - '0'
		                 : (d | 0x20) >= 'a' && (d | 0x20) <= 'f'
		                         ? (d | 0x20) - 'a' + 10
		                         : 16;
		c->bad |= digit == 16 || v >> 60;
		v = v << 4 | (digit & 15);
	}
	c->bad |= !n;
	cur_skip(c, 1);
	return v;
}

static int read_line(struct jit_names *names, struct span line)
{
	struct cursor c = cur_of(line, false);
	struct jit_function f = { 0 };
	f.start = read_hex(&c);
	f.size = read_hex(&c);
	if (c.bad || !cur_left(&c) || memchr(c.at, 0, cur_left(&c)))
		return -EBADMSG;
	int r = turf_jit_text(names, c.at, cur_left(&c), &f.name);
	return r < 0 ? r : turf_jit_add(names, &f);
}

static int read_lines(struct jit_file *f, struct window *w, const char *name,
                      struct turf_error *err)
{
	int worst = 0;
	for (;;) {
		const uint8_t *at;
		ssize_t got = look(w, f->off, LINE_MAX_SIZE, &at);
		if (got < 0)
			return (int)got;
		size_t n = MIN((size_t)got, (size_t)LINE_MAX_SIZE);
		const uint8_t *end = memchr(at, '\n', n);
		if (!end && n < LINE_MAX_SIZE)
			return n && !worst ? turf_fail(err, -EBADMSG, f->off,
			                               "%s: ends within a line", name)
			                   : worst;
		size_t line = end ? (size_t)(end - at) : n;
		int r = !end || f->skip ? -EBADMSG
		                        : read_line(&f->names, (struct span){ at, line });
		if (r == -E2BIG)
			return full(f, name, err);
		if (r == -EBADMSG)
			worst = turf_fail(err, r, f->off, "%s: a line is malformed", name);
		else if (r < 0)
			return r;
		f->skip = !end;
		f->off += line + (end != NULL);
	}
}

int turf_jit_read_map(struct jit_file *f, int fd, const char *name, struct turf_error *err)
{
	scoped(freep) uint8_t *room = malloc(WINDOW);
	struct window w = { .fd = fd, .at = room };
	if (!room || f->over)
		return room ? 0 : -ENOMEM;
	int r = read_lines(f, &w, name, err);
	int laid = turf_jit_lay(&f->names);
	return laid < 0 ? laid : r;
}

/* 1 read, 0 it is not written yet. */
static int read_head(struct jit_file *f, struct window *w, const char *name,
                     struct turf_error *err)
{
	const uint8_t *at;
	ssize_t n = look(w, 0, DUMP_HEADER, &at);
	if (n <= 0)
		return (int)n;
	struct cursor c = cur_of((struct span){ at, (size_t)n }, false);
	uint32_t magic = cur_u32(&c), version = cur_u32(&c), size = cur_u32(&c);
	cur_skip(&c, 4 + 4 + 4 + 8); /* machine, padding, pid, time */
	uint64_t flags = cur_u64(&c);
	f->over = magic != DUMP_MAGIC || version != 1 || size < DUMP_HEADER;
	if (n >= 4 && magic != DUMP_MAGIC)
		return turf_fail(err, -EBADMSG, 0, "%s: not a jitdump of this machine", name);
	if (c.bad) {
		f->over = false;
		return turf_fail(err, -EBADMSG, 0, "%s: ends within its header", name);
	}
	if (version != 1)
		return turf_fail(err, -EBADMSG, 4, "%s: version %" PRIu32 ", we read 1", name,
		                 version);
	if (f->over)
		return turf_fail(err, -EBADMSG, 8, "%s: its header is malformed", name);
	f->other_time = flags & OTHER_CLOCK;
	f->off = size;
	return 1;
}

/* Lines may come in any order. */
static int by_off(const void *a, const void *b)
{
	const struct jit_line *x = a, *y = b;
	return x->off != y->off    ? (x->off < y->off ? -1 : 1)
	       : x->line < y->line ? -1
	                           : x->line > y->line;
}

/* The lines of the function that is told next. */
static int read_debug_info(struct jit_file *f, struct cursor *c)
{
	static const char same[] = "\xff"; /* the file of the line before */
	struct jit_names *names = &f->names;
	uint64_t addr = cur_u64(c), n = cur_u64(c);
	uint32_t file = 0;
	bool has_file = false, sorted = true;
	if (f->lines.there) /* of a function that never came */
		names->lines.n = f->lines.first;
	f->lines.there = false;
	size_t first = names->lines.n;
	if (c->bad || n > cur_left(c) / 17 || n > JIT_MAX_LINES - first)
		return c->bad || n > cur_left(c) / 17 ? -EBADMSG : -E2BIG;
	if (!vec_reserve(&names->lines, n))
		return -ENOMEM;
	for (uint64_t i = 0; i < n; i++) {
		struct jit_line line = { 0 };
		uint64_t at = cur_u64(c);
		line.line = cur_u32(c);
		cur_skip(c, 4); /* discriminator */
		const char *path = cur_str(c);
		if (c->bad)
			return -EBADMSG;
		bool again = has_file && (strcmp(path, same) == 0 ||
		                          strcmp(path, (char *)names->text.at + file) == 0);
		int r = again ? 0 : turf_jit_text(names, path, strlen(path), &file);
		if (r < 0)
			return r;
		has_file = true;
		line.file = file;
		if (at < addr || at - addr > UINT32_MAX)
			continue;
		line.off = (uint32_t)(at - addr);
		sorted &= names->lines.n == first ||
		          names->lines.at[names->lines.n - 1].off <= line.off;
		names->lines.at[names->lines.n++] = line;
	}
	f->lines.there = true;
	f->lines.addr = addr;
	f->lines.first = first;
	f->lines.n = names->lines.n - first;
	if (!sorted)
		qsort(names->lines.at + first, f->lines.n, sizeof(*names->lines.at), by_off);
	return 0;
}

static int read_load(struct jit_file *f, struct cursor *c)
{
	struct jit_function function = { 0 };
	cur_skip(c, 4 + 4 + 8); /* pid, tid, address in the file that it will be put into */
	function.start = cur_u64(c);
	function.size = cur_u64(c);
	cur_skip(c, 8); /* number of the function */
	size_t left = cur_left(c);
	const void *nul = c->bad ? NULL : memchr(c->at, 0, left);
	if (!nul && left <= JIT_MAX_NAME)
		return -EBADMSG;
	if (f->lines.there && f->lines.addr == function.start) {
		function.line = (uint32_t)f->lines.first;
		function.n_lines = (uint32_t)f->lines.n;
		f->lines.there = false;
	}
	size_t size = nul ? (size_t)((const uint8_t *)nul - c->at) : left;
	int r = turf_jit_text(&f->names, c->at, size, &function.name);
	return r < 0 ? r : turf_jit_add(&f->names, &function);
}

/* What stood at its old address until now. */
static int read_move(struct jit_file *f, struct cursor *c)
{
	cur_skip(c, 4 + 4 + 8);
	uint64_t from = cur_u64(c), to = cur_u64(c), size = cur_u64(c);
	if (c->bad)
		return -EBADMSG;
	int r = turf_jit_lay(&f->names);
	const struct jit_function *old = r < 0 ? NULL : turf_jit_find(&f->names, from);
	if (r < 0 || !old || old->start != from)
		return r; /* of what nobody told there is nothing to move */
	struct jit_function moved = *old;
	moved.start = to;
	moved.size = size;
	return turf_jit_add(&f->names, &moved);
}

/* The record at f->off: 1 read, 0 it is not there yet, or not due. */
static int read_record(struct jit_file *f, struct window *w, uint64_t time_ns)
{
	const uint8_t *at;
	ssize_t n = look(w, f->off, RECORD_HEADER, &at);
	f->next_ns = UINT64_MAX;
	if (n <= 0)
		return (int)n;
	if (n < RECORD_HEADER)
		return -ENODATA;
	struct cursor c = cur_of((struct span){ at, RECORD_HEADER }, false);
	uint32_t kind = cur_u32(&c), size = cur_u32(&c);
	uint64_t time = cur_u64(&c);
	if (size < RECORD_HEADER)
		return -EBADMSG;
	if (!f->other_time && time > time_ns) {
		f->next_ns = time;
		return 0;
	}
	/* of the code behind a name nothing is wanted */
	size_t want = kind == LOAD || kind == MOVE
	                      ? MIN(size, (size_t)RECORD_HEADER + 40 + JIT_MAX_NAME + 1)
	              : kind == DEBUG_INFO && size <= WINDOW ? size
	                                                     : RECORD_HEADER;
	n = look(w, f->off, want, &at);
	uint8_t last;
	if (n < (ssize_t)want ||
	    (size > want && pread(w->fd, &last, 1, (off_t)(f->off + size - 1)) != 1))
		return n < 0 ? (int)n : -ENODATA;
	c = cur_of((struct span){ at + RECORD_HEADER, want - RECORD_HEADER }, false);
	int r = kind == LOAD                                 ? read_load(f, &c)
	        : kind == MOVE                               ? read_move(f, &c)
	        : kind == DEBUG_INFO && want > RECORD_HEADER ? read_debug_info(f, &c)
	                                                     : 0;
	if (r < 0)
		return r;
	f->over = kind == CLOSE;
	f->off += size;
	return !f->over;
}

int turf_jit_read_dump(struct jit_file *f, int fd, uint64_t time_ns, const char *name,
                       struct turf_error *err)
{
	scoped(freep) uint8_t *room = malloc(WINDOW);
	struct window w = { .fd = fd, .at = room };
	if (!room || f->over)
		return room ? 0 : -ENOMEM;
	int r = f->off ? 1 : read_head(f, &w, name, err);
	if (r < 0)
		return r;
	while (r > 0)
		r = read_record(f, &w, time_ns);
	if (r == -EBADMSG)
		f->over = true;
	if (r == -E2BIG)
		r = full(f, name, err);
	else if (r == -EBADMSG || r == -ENODATA)
		r = turf_fail(err, -EBADMSG, f->off, "%s: %s", name,
		              r == -EBADMSG ? "a record is malformed" : "ends within a record");
	int laid = turf_jit_lay(&f->names);
	return laid < 0 ? laid : r;
}
