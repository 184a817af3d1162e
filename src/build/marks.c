/* SPDX-License-Identifier: MIT */
/*
 * What line tables say of rows besides file, line and column: where statements begin, where
 * prologues end and epilogues begin, discriminators. Noted while a unit is read, in runs; runs
 * of all units are then put in order of address. Where they overlap, the one that begins first
 * stays. Once the segments are coded, marks are coded beside them, many groups in parallel.
 */
#include "build/scratch.h"
#include "image/image.h"

/* Runs, which begin with the address of their first row. Of each row: uleb bytes behind the
 * one before << SHIFT, and bits; with MORE the flags and the uleb discriminator. */
enum { RUN_MAX = 64, STATEMENT = 1, MORE = 2, SHIFT = 2 };

static bool put_mark(struct unit *u, const struct mark *m)
{
	struct unit_out *out = u->out;
	struct unit_marks *group = out->marks.n ? &out->marks.at[out->marks.n - 1] : NULL;
	if (!u->n_marks || u->n_marks == RUN_MAX) {
		if (m->flags & URF_MARK_NONE && !u->n_marks)
			return true;
		group = vec_push(&out->marks);
		if (!group)
			return false;
		*group = (struct unit_marks){ m->start, m->start, (uint32_t)out->mark_data.n,
			                      0 };
		u->n_marks = 0;
	}
	uint8_t flags = m->flags;
	bool more = flags || m->discriminator;
	uint64_t head = (uint64_t)(m->start - group->end) << SHIFT | (more ? MORE : 0) |
	                (m->statement ? STATEMENT : 0);
	if (!turf_buf_uleb(&out->mark_data, head) ||
	    (more && (!turf_buf_put(&out->mark_data, &flags, 1) ||
	              !turf_buf_uleb(&out->mark_data, m->discriminator))))
		return false;
	group->end = m->start;
	group->size = (uint32_t)out->mark_data.n - group->off;
	u->n_marks = flags & URF_MARK_NONE ? 0 : u->n_marks + 1;
	return true;
}

bool turf_mark_row(struct unit *u, const struct dwarf_line_row *row)
{
	uint64_t start = row->addr, end = start + 1;
	struct mark *last = &u->mark;
	if (row->end_sequence) {
		uint64_t rva = MAX(start, u->b->in.base) - u->b->in.base;
		struct mark none = { .start = MAX((uint32_t)MIN(rva, UINT32_MAX), last->start),
			             .flags = URF_MARK_NONE };
		bool ok = !u->marked || (put_mark(u, last) && put_mark(u, &none));
		u->marked = false;
		u->n_marks = 0;
		return ok;
	}
	if (!turf_unit_clip(u, &start, &end) || (u->marked && start < last->start))
		return true;
	if (!u->marked || start != last->start) {
		if (u->marked && !put_mark(u, last))
			return false;
		*last = (struct mark){ .start = (uint32_t)start };
		u->marked = true;
	}
	last->statement |= row->is_stmt;
	last->flags |= (uint8_t)((row->prologue_end ? URF_MARK_PROLOGUE_END : 0) |
	                         (row->epilogue_begin ? URF_MARK_EPILOGUE_BEGIN : 0));
	last->discriminator = row->discriminator;
	return true;
}

/* A run of a unit that nothing before it overlaps. */
struct run {
	uint32_t start;
	const uint8_t *at, *end;
};

/* Marks of all units in order of address, one an address: the last one's. */
struct reader {
	const struct run *run, *end; /* those not begun */
	const uint8_t *at, *stop;    /* what is left of the one begun */
	struct mark read;            /* behind the mark, where not done */
	struct mark mark;            /* to come, where any */
	struct mark before;          /* the one that came before, where over: a row */
	bool done, any, over;
};

static uint64_t take_wide(const uint8_t **at)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte;
	do {
		byte = *(*at)++;
		v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte >= 0x80);
	return v;
}

static bool read_run(struct reader *r)
{
	uint32_t from = r->read.start;
	if (r->at == r->stop) {
		if (r->run == r->end)
			return false;
		from = r->run->start;
		r->at = r->run->at;
		r->stop = r->run->end;
		r->run++;
	}
	uint64_t head = take_wide(&r->at);
	r->read = (struct mark){ .start = from + (uint32_t)(head >> SHIFT),
		                 .statement = head & STATEMENT };
	if (head & MORE) {
		r->read.flags = *r->at++;
		r->read.discriminator = (uint32_t)take_wide(&r->at);
	}
	return true;
}

/* Of a table's end nothing is left where no row ends, or another begins. */
static void next_mark(struct reader *r)
{
	if (r->any) {
		r->before = r->mark;
		r->over = !(r->mark.flags & URF_MARK_NONE);
	}
	do {
		r->any = !r->done;
		r->mark = r->read;
		while (!r->done && r->read.start == r->mark.start) {
			r->mark = r->read;
			r->done = !read_run(r);
		}
	} while (r->any && r->mark.flags & URF_MARK_NONE && !r->over);
}

/* The first mark at or behind @start is to come. */
static struct reader read_from(const struct run *runs, size_t n, uint32_t start)
{
	size_t lo = bisect(mid, n, runs[mid].start < start);
	struct reader r = { .run = &runs[lo - (lo > 0)], .end = &runs[n] };
	r.done = !read_run(&r);
	do
		next_mark(&r);
	while (r.any && r.mark.start < start);
	return r;
}

/* Groups are coded by chunks of them. */
enum { CHUNK = 256 };
struct chunk {
	struct buf bytes;
	uint32_t off[CHUNK]; /* of groups, in bytes */
};

struct marks {
	struct turf_image image; /* of the tables of segments */
	UNIT_LIST(struct run) runs;
	size_t n_groups;
	struct chunk *chunks;
	size_t n_chunks;
};

/* A group while it is coded. */
struct coder {
	struct buf *out;
	uint64_t bits; /* not yet in the bytes, fewer than 8 */
	unsigned n_bits;
	uint64_t next; /* first address of which nothing is said */
	uint32_t discriminator, last_discriminator;
};

static const uint64_t HERE = 0, INSIDE = 1, CHANGE = 3, NOT_HERE = 7, FLAGS = 15;

/* At most 56 bits; there is room for eight bytes more. */
static inline void put(struct coder *c, uint64_t value, unsigned width)
{
	struct buf *out = c->out;
	c->bits |= value << c->n_bits;
	c->n_bits += width;
	le64 bytes = le64_of(c->bits);
	memcpy(out->at + out->n, &bytes, sizeof(bytes));
	out->n += c->n_bits / 8;
	c->bits >>= c->n_bits & ~7u;
	c->n_bits &= 7;
}

static inline void put_number(struct coder *c, uint32_t v)
{
	unsigned width = 32 - (unsigned)__builtin_clz(v | 1);
	if (v < URF_MARK_NEAR)
		put(c, v << 1, 4);
	else if (v - URF_MARK_NEAR < URF_MARK_FAR)
		put(c, (v - URF_MARK_NEAR) << 1 | 1, 7);
	else
		put(c, (uint64_t)v << 12 | (width - 1) << 7 | URF_MARK_FAR << 1 | 1,
		    width + 12);
}

/* What a mark is, before it is said where. False: no memory. */
static bool put_kind(struct coder *c, const struct mark *m)
{
	enum { MOST = 64 }; /* bytes of all that a mark may take */
	if (!vec_reserve(c->out, MOST))
		return false;
	if (m->flags) {
		put(c, FLAGS, 4);
		put(c, m->flags, 3);
	}
	if (m->flags & URF_MARK_NONE || m->discriminator == c->discriminator)
		return true;
	put(c, CHANGE, 3);
	if (m->discriminator == (c->discriminator ? 0 : c->last_discriminator)) {
		put(c, 0, 1);
	} else {
		put(c, 1, 1);
		put_number(c, m->discriminator - 1);
		c->last_discriminator = m->discriminator;
	}
	c->discriminator = m->discriminator;
	return true;
}

static bool put_here(struct coder *c, const struct mark *m)
{
	bool ok = put_kind(c, m);
	if (ok)
		put(c, HERE | (uint64_t)m->statement << 1, 2);
	return ok;
}

/* Those to come that begin before @end. */
static bool put_inside(struct coder *c, struct reader *r, uint64_t end)
{
	for (; r->any && r->mark.start < end; next_mark(r)) {
		if (!put_kind(c, &r->mark))
			return false;
		put(c, INSIDE, 2);
		put_number(c, (uint32_t)(r->mark.start - c->next));
		put(c, r->mark.statement, 1);
		c->next = (uint64_t)r->mark.start + 1;
	}
	return true;
}

/* Whether a mark, which is passed, begins where a segment does. */
static bool put_segment(struct coder *c, struct reader *r, uint32_t start)
{
	enum { MOST = 16 };
	if (!put_inside(c, r, start) || !vec_reserve(c->out, MOST))
		return false;
	c->next = (uint64_t)start + 1;
	if (!r->any || r->mark.start != start) {
		put(c, NOT_HERE, 4);
		return true;
	}
	bool ok = put_here(c, &r->mark);
	next_mark(r);
	return ok;
}

/* Where the next mark is; and the last byte is filled up. */
static bool put_end(struct coder *c, const struct reader *r, uint32_t end)
{
	enum { MOST = 32 };
	if (!vec_reserve(c->out, MOST))
		return false;
	if (r->any && r->mark.start == end) {
		put(c, HERE, 1);
	} else {
		put(c, NOT_HERE, 4);
		put_number(c, r->any ? r->mark.start - end : 0);
	}
	put(c, 0, -c->n_bits % 8);
	return true;
}

static int code_group(const struct marks *m, size_t group, struct reader *r, struct buf *out)
{
	uint32_t start = turf_marks_start(&m->image, group);
	bool last = group + 1 == m->n_groups;
	uint32_t end = last ? 0 : turf_marks_start(&m->image, group + 1);
	struct coder c = { .out = out, .next = start };
	bool carried = r->over && !(r->any && r->mark.start == start);
	struct starts s = turf_marks_starts(&m->image, group);
	enum { MOST = 32 };
	if (!vec_reserve(out, MOST))
		return -ENOMEM;
	put(&c, carried, 1);
	if (carried)
		put_number(&c, start - 1 - r->before.start);
	bool ok = !carried || put_here(&c, &r->before);
	int more = 0;
	while (ok && (more = turf_starts_next(&m->image, &s)) == 1)
		ok = put_segment(&c, r, s.start);
	ok = ok && put_inside(&c, r, last ? UINT64_MAX : end) && put_end(&c, r, end);
	return ok ? more : -ENOMEM;
}

static int code_chunk(void *ctx, size_t idx, struct turf_error *err)
{
	const struct marks *m = ctx;
	struct chunk *c = &m->chunks[idx];
	size_t first = idx * CHUNK, n = MIN(m->n_groups - first, (size_t)CHUNK);
	struct reader r = read_from(m->runs.at, m->runs.n, turf_marks_start(&m->image, first));
	int result = 0;
	for (size_t i = 0; result == 0 && i < n; i++) {
		c->off[i] = (uint32_t)c->bytes.n;
		result = code_group(m, first + i, &r, &c->bytes);
	}
	return result < 0 ? turf_fail(err, result, TURF_NOWHERE, "no memory for rows") : 0;
}

static int list_runs(struct marks *m, const struct builder *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->dwarf.n_units; i++)
		n += b->units[i].marks.n;
	UNIT_LIST(struct sort_pair) keys = { 0 };
	if (!n)
		return 0;
	if (!vec_reserve(&keys, 2 * n) || !vec_reserve(&m->runs, n)) {
		vec_fini(&keys);
		return -ENOMEM;
	}
	for (size_t i = 0; i < b->dwarf.n_units; i++)
		for (size_t k = 0; k < b->units[i].marks.n; k++)
			keys.at[keys.n++] = (struct sort_pair){ b->units[i].marks.at[k].start,
				                                i << 32 | k };
	sort_pairs(keys.at, keys.at + n, n);
	uint32_t done = 0;
	for (size_t i = 0; i < n; i++) {
		const struct unit_out *out = &b->units[keys.at[i].value >> 32];
		const struct unit_marks *u = &out->marks.at[(uint32_t)keys.at[i].value];
		if (u->start < done)
			continue;
		const uint8_t *at = out->mark_data.at + u->off;
		m->runs.at[m->runs.n++] = (struct run){ u->start, at, at + u->size };
		done = u->end;
	}
	vec_fini(&keys);
	return 0;
}

/* As a reader has it, who may read a little beyond the segments. */
static int view_segments(struct marks *m, struct tables *t)
{
	struct buf *segments = &t->of[URF_SEGMENTS];
	if (!vec_reserve(segments, URF_BEHIND))
		return -ENOMEM;
	memset(segments->at + segments->n, 0, URF_BEHIND);
	m->image.segments = (struct span){ segments->at, segments->n };
	m->image.blocks.at = (const void *)t->of[URF_BLOCKS].at;
	m->image.blocks.n = t->of[URF_BLOCKS].n / sizeof(struct urf_block);
	m->image.ops.at = (const void *)t->of[URF_OPS].at;
	m->image.ops.n = t->of[URF_OPS].n / sizeof(struct urf_op);
	m->n_groups = turf_marks_groups(&m->image);
	m->n_chunks = (m->n_groups + CHUNK - 1) / CHUNK;
	m->chunks = calloc(m->n_chunks, sizeof(*m->chunks));
	return m->chunks ? 0 : -ENOMEM;
}

static int join_chunks(const struct marks *m, struct tables *t)
{
	struct buf *data = &t->of[URF_MARK_DATA];
	int r = 0;
	for (size_t i = 0; r == 0 && i < m->n_groups; i++) {
		const struct chunk *c = &m->chunks[i / CHUNK];
		struct urf_marks group = { le32_of(data->n + c->off[i % CHUNK]) };
		r = table_put(t, URF_MARKS, &group, sizeof(group));
		if (r == 0 && (i % CHUNK == CHUNK - 1 || i + 1 == m->n_groups) &&
		    !turf_buf_put(data, c->bytes.at, c->bytes.n))
			r = -ENOMEM;
	}
	return r == 0 && data->n > UINT32_MAX ? -E2BIG : r;
}

int turf_emit_marks(struct builder *b, struct turf_error *err)
{
	struct marks m = { 0 };
	int r = list_runs(&m, b);
	if (r == 0 && m.runs.n) {
		r = view_segments(&m, &b->tables);
		if (r == 0)
			r = turf_pool_run(&b->pool, m.n_chunks, code_chunk, &m, err);
		if (r == 0)
			r = join_chunks(&m, &b->tables);
	}
	for (size_t i = 0; i < m.n_chunks && m.chunks; i++)
		vec_fini(&m.chunks[i].bytes);
	free(m.chunks);
	vec_fini(&m.runs);
	return r;
}
