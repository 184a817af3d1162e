/* SPDX-License-Identifier: MIT */
/*
 * What is asked now and then: marks, which are what line tables say of rows besides file, line
 * and column; discriminators of inlined calls; and where functions are declared.
 *
 * Cost:   of a row: one binary search, one group decoded: the starts of the segments of
 *         URF_MARK_BLOCKS blocks, and the rows beside and between them
 * Trust:  none. A group's tokens end where the next group's begin, at most where the section
 *         does; each has a bit at least, and is shorter than URF_BEHIND.
 * Source: docs/format.md, "Marks"
 */
#include "image/image.h"

int turf_starts_next(const struct turf_image *image, struct starts *s)
{
	for (; s->block < s->end; s->block++, s->op = 0) {
		if (!s->op) {
			struct walk walk;
			if (turf_walk_begin(image, s->block, &walk) < 0)
				return -EBADMSG;
			s->op = (uint32_t)(walk.at - image->segments.at);
			s->start = walk.start;
			return 1;
		}
		const uint8_t *at = image->segments.at + s->op;
		uint32_t end = le32_get(image->blocks.at[s->block + 1].off);
		int r = turf_ops_next(image, &at, image->segments.at + end, &s->start);
		s->op = (uint32_t)(at - image->segments.at);
		if (r != 0)
			return s->op <= end ? r : -EBADMSG;
	}
	return 0;
}

/* Blocks, but for the one that ends the last. */
static size_t blocks_of(const struct turf_image *image)
{
	return image->blocks.n - (image->blocks.n > 0);
}

size_t turf_marks_groups(const struct turf_image *image)
{
	return (blocks_of(image) + URF_MARK_BLOCKS - 1) / URF_MARK_BLOCKS + 1;
}

uint32_t turf_marks_start(const struct turf_image *image, size_t group)
{
	size_t block = MIN(group * URF_MARK_BLOCKS, blocks_of(image));
	return group ? le32_get(image->blocks.at[block].start) : 0;
}

struct starts turf_marks_starts(const struct turf_image *image, size_t group)
{
	size_t n = blocks_of(image), first = group * URF_MARK_BLOCKS;
	return (struct starts){ .block = (uint32_t)MIN(first, n),
		                .end = (uint32_t)MIN(first + URF_MARK_BLOCKS, n) };
}

/* The bits of the walk's group: 0 or -EBADMSG. */
static int group_bits(const struct turf_rows *walk, const uint8_t **ret, uint64_t *n)
{
	const struct turf_image *image = walk->image;
	uint64_t off = le32_get(image->marks.at[walk->group].off), end = image->mark_data.size;
	if (walk->group + 1 < image->marks.n)
		end = le32_get(image->marks.at[walk->group + 1].off);
	if (off >= end || end > image->mark_data.size || end - off > UINT32_MAX / 16)
		return -EBADMSG;
	*ret = image->mark_data.at + off;
	*n = (end - off) * 8;
	return 0;
}

static uint32_t take(struct turf_rows *walk, const uint8_t *at, unsigned width)
{
	uint64_t v = bits_get(at, walk->bit, width);
	walk->bit += width;
	return (uint32_t)v;
}

static uint32_t take_number(struct turf_rows *walk, const uint8_t *at)
{
	if (!take(walk, at, 1))
		return take(walk, at, 3);
	uint32_t v = take(walk, at, 6);
	return v < URF_MARK_FAR ? v + URF_MARK_NEAR : take(walk, at, take(walk, at, 5) + 1);
}

static void change_discriminator(struct turf_rows *walk, const uint8_t *at)
{
	if (take(walk, at, 1))
		walk->discriminator = walk->last_discriminator = take_number(walk, at) + 1;
	else
		walk->discriminator = walk->discriminator ? 0 : walk->last_discriminator;
}

/* A token says where the next mark is, or is not; those before it say what it is. */
enum token { HERE, INSIDE, NOT_HERE, DAMAGED };

static enum token take_token(struct turf_rows *walk, const uint8_t *at, uint64_t end,
                             uint8_t *flags)
{
	while (walk->bit < end) {
		unsigned ones = (unsigned)__builtin_ctz(~(unsigned)bits_get(at, walk->bit, 4));
		walk->bit += MIN(ones + 1, 4u);
		switch (ones) {
		case 0:
			return HERE;
		case 1:
			return INSIDE;
		case 2:
			change_discriminator(walk, at);
			break;
		case 3:
			return *flags ? DAMAGED : NOT_HERE;
		default:
			*flags = (uint8_t)take(walk, at, 3);
		}
	}
	return DAMAGED;
}

/* On to the next segment of the group, of which nothing is said yet: 1, 0 none, -EBADMSG. */
static int pass_segment(struct turf_rows *walk)
{
	struct starts s = turf_marks_starts(walk->image, walk->group);
	if (walk->block >= s.end)
		return 0;
	s.block = walk->block;
	s.op = walk->op;
	s.start = walk->segment;
	int r = turf_starts_next(walk->image, &s);
	walk->block = s.block;
	walk->op = s.op;
	walk->segment = s.start;
	return r == 1 && s.start < walk->next ? -EBADMSG : r;
}

/* The mark of a token, at @start. */
static int give_mark(struct turf_rows *walk, const uint8_t *at, uint64_t start, uint8_t flags,
                     struct image_mark *out)
{
	*out = (struct image_mark){
		.start = (uint32_t)start,
		.discriminator = flags & URF_MARK_NONE ? 0 : walk->discriminator,
		.flags = flags,
		.statement = take(walk, at, 1),
	};
	walk->next = start + 1;
	return start > UINT32_MAX ? -EBADMSG : 1;
}

/* No segment is left: the next mark, if there is one, is @n bytes behind the group's end. */
static int give_end(const struct turf_rows *walk, uint32_t n, bool more, struct image_mark *out)
{
	bool last = walk->group + 1 == walk->image->marks.n;
	uint64_t start = n + (last ? 0 : turf_marks_start(walk->image, walk->group + 1));
	*out = (struct image_mark){ .start = (uint32_t)start, .more = more };
	return more && (last || start < walk->next || start > UINT32_MAX) ? -EBADMSG : 0;
}

static int read_mark(struct turf_rows *walk, const uint8_t *at, uint64_t end,
                     struct image_mark *out)
{
	for (;;) {
		uint8_t flags = 0;
		enum token token = take_token(walk, at, end, &flags);
		if (token == DAMAGED)
			return -EBADMSG;
		if (token == INSIDE) {
			uint64_t start = walk->next + take_number(walk, at);
			return give_mark(walk, at, start, flags, out);
		}
		int r = pass_segment(walk);
		if (r < 0 || (r == 0 && flags))
			return -EBADMSG;
		if (r == 0) {
			uint32_t n = token == HERE ? 0 : take_number(walk, at);
			return give_end(walk, n, token == HERE || n, out);
		}
		if (token == HERE)
			return give_mark(walk, at, walk->segment, flags, out);
		walk->next = (uint64_t)walk->segment + 1;
	}
}

int turf_marks_next(struct turf_rows *walk, struct image_mark *out)
{
	const uint8_t *at;
	uint64_t end;
	if (group_bits(walk, &at, &end) < 0)
		return -EBADMSG;
	int r = read_mark(walk, at, end, out);
	return walk->bit <= end ? r : -EBADMSG;
}

/* The row that a group's start, @walk->next, lies in. */
static int read_carried(struct turf_rows *walk, const uint8_t *at, uint64_t end,
                        struct image_mark *out)
{
	uint64_t start = walk->next, back = (uint64_t)take_number(walk, at) + 1;
	uint8_t flags = 0;
	if (back > start || take_token(walk, at, end, &flags) != HERE || flags & URF_MARK_NONE)
		return -EBADMSG;
	(void)give_mark(walk, at, start - back, flags, out);
	walk->next = start;
	return walk->bit <= end ? 1 : -EBADMSG;
}

int turf_marks_begin(const struct turf_image *image, size_t group, struct turf_rows *walk,
                     struct image_mark *out)
{
	const uint8_t *at;
	uint64_t end;
	uint64_t from = walk->from;
	if (image->marks.n != turf_marks_groups(image))
		return -EBADMSG;
	*walk = (struct turf_rows){
		.image = image,
		.from = from,
		.next = turf_marks_start(image, group),
		.group = (uint32_t)group,
		.block = turf_marks_starts(image, group).block,
	};
	if (group_bits(walk, &at, &end) < 0)
		return -EBADMSG;
	return take(walk, at, 1) ? read_carried(walk, at, end, out) : 0;
}

bool turf_marks_done(const struct turf_rows *walk)
{
	const uint8_t *at;
	uint64_t end;
	if (group_bits(walk, &at, &end) < 0 || walk->bit > end || end - walk->bit >= 8)
		return false;
	return walk->bit == end || !bits_get(at, walk->bit, (unsigned)(end - walk->bit));
}

/* The group that says what @rva is in. */
static size_t group_over(const struct turf_image *image, uint32_t rva)
{
	size_t block = turf_image_block(image, rva);
	if (block != SIZE_MAX)
		return block / URF_MARK_BLOCKS;
	return image->blocks.n && rva >= le32_get(image->blocks.at[0].start)
	               ? turf_marks_groups(image) - 1
	               : 0;
}

static struct turf_row row_of(const struct turf_image *image, const struct image_mark *m)
{
	return (struct turf_row){
		.start = image->base + m->start,
		.discriminator = m->discriminator,
		.is_stmt = m->statement,
		.prologue_end = m->flags & URF_MARK_PROLOGUE_END,
		.epilogue_begin = m->flags & URF_MARK_EPILOGUE_BEGIN,
	};
}

int turf_image_find_row(const struct turf_image *image, uint64_t addr, struct turf_row *out)
{
	struct turf_rows walk = { 0 };
	struct image_mark over = { 0 }, m = { 0 };
	uint32_t rva;
	if (!rva_of(image, addr, &rva) || !image->marks.n)
		return 0;
	int r = turf_marks_begin(image, group_over(image, rva), &walk, &over);
	bool any = r == 1;
	if (r < 0)
		return r;
	while ((r = turf_marks_next(&walk, &m)) == 1 && m.start <= rva) {
		over = m;
		any = !(m.flags & URF_MARK_NONE);
	}
	uint64_t end = r == 1 || m.more ? image->base + m.start : image->end;
	if (r < 0 || !any || over.start > rva || addr >= end)
		return MIN(r, 0);
	*out = row_of(image, &over);
	out->end = end;
	return 1;
}

/* What @m says is to come. */
static void set_row(struct turf_rows *walk, const struct image_mark *m)
{
	walk->more = true;
	walk->none = m->flags & URF_MARK_NONE;
	walk->row = row_of(walk->image, m);
}

/*
 * On to the next mark, over groups that have none. A group that ends says where it is: what the
 * one behind says must go with that. 0 or -EBADMSG.
 */
static int read_row(struct turf_rows *walk)
{
	struct image_mark m = { 0 }, wanted, carried;
	int r = turf_marks_next(walk, &m);
	while (r == 0 && m.more) {
		wanted = m;
		r = turf_marks_begin(walk->image, walk->group + 1, walk, &carried);
		if (r >= 0)
			r = turf_marks_next(walk, &m);
		if (r >= 0 && (m.start != wanted.start || (r == 0 && !m.more)))
			r = -EBADMSG;
	}
	walk->more = false;
	if (r == 1)
		set_row(walk, &m);
	return MIN(r, 0);
}

/* Takes the row that was to come, *@none: the end of a table; and reads the next one. */
static int take_row(struct turf_rows *walk, struct turf_row *row, bool *none)
{
	*row = walk->row;
	*none = walk->none;
	int r = read_row(walk);
	row->end = walk->more ? walk->row.start : MAX(walk->image->end, row->start);
	return r;
}

int turf_image_rows(const struct turf_image *image, uint64_t addr, struct turf_rows *walk)
{
	uint32_t rva;
	struct image_mark carried;
	bool inside = rva_of(image, addr, &rva);
	*walk = (struct turf_rows){ .image = image, .from = addr };
	if ((!inside && addr > image->base) || !image->marks.n)
		return 0;
	int r = turf_marks_begin(image, inside ? group_over(image, rva) : 0, walk, &carried);
	if (r < 0)
		return r;
	if (r == 0)
		return read_row(walk);
	set_row(walk, &carried);
	return 0;
}

int turf_rows_next(struct turf_rows *walk, struct turf_row *out)
{
	while (walk->more) {
		struct turf_row row;
		bool none;
		int r = take_row(walk, &row, &none);
		if (r < 0)
			return r;
		if (none || row.end == row.start || row.end <= walk->from)
			continue;
		*out = row;
		return 1;
	}
	return 0;
}

int turf_calls_read(const struct turf_image *image, uint32_t *off, uint32_t out[URF_DEPTH_MAX])
{
	if (*off >= image->call_data.size)
		return -EBADMSG;
	const uint8_t *begin = image->call_data.at, *end = begin + image->call_data.size;
	const uint8_t *at = begin + *off;
	uint32_t n = take_uleb(&at), i = 0;
	if (n >= URF_DEPTH_MAX)
		return -EBADMSG;
	while (i < n && at < end)
		out[i++] = take_uleb(&at);
	if (i < n || at > end)
		return -EBADMSG;
	*off = (uint32_t)(at - begin);
	return (int)n;
}

/* Those of the calls at @rva, into which the first of @n frames is inlined. 0 or -EBADMSG. */
static int add_calls(const struct turf_image *image, uint32_t rva, uint32_t *out, size_t n)
{
	uint32_t list[URF_DEPTH_MAX];
	size_t idx =
		upper_bound(image->calls.at, sizeof(struct urf_calls), image->calls.n, rva);
	if (!idx)
		return 0;
	uint32_t off = le32_get(image->calls.at[idx - 1].off);
	int n_calls = turf_calls_read(image, &off, list);
	for (size_t i = 0; n_calls > 0 && i < (size_t)n_calls && i + 1 < n; i++)
		out[n - 1 - i] = list[i];
	return MIN(n_calls, 0);
}

int turf_image_discriminators(const struct turf_image *image, uint64_t addr, uint32_t *out,
                              size_t n)
{
	struct turf_row row;
	uint32_t rva;
	for (size_t i = 0; i < n; i++)
		out[i] = 0;
	if (!n || !rva_of(image, addr, &rva))
		return 0;
	int r = turf_image_find_row(image, addr, &row);
	if (r == 1)
		out[0] = row.discriminator;
	if (r < 0 || add_calls(image, rva, out, n) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++)
		if (out[i])
			return 1;
	return 0;
}

int turf_image_declared(const struct turf_image *image, uint32_t function, uint32_t *file,
                        uint32_t *line)
{
	struct function f;
	if (!function || function >= image->n_functions)
		return 0;
	if (turf_function_read(image, function, &f) < 0)
		return -EBADMSG;
	if (!f.file && !f.line)
		return 0;
	*file = f.file;
	*line = f.line;
	return 1;
}
