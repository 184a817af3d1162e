/* SPDX-License-Identifier: MIT */
/*
 * What is asked now and then: marks, which are what line tables say of rows besides file, line
 * and column; discriminators of inlined calls; and where functions are declared.
 *
 * Cost:   of a row: one binary search, one group of at most URF_MARK_STEP rows decoded
 * Trust:  none. A group's rows end where the next group's begin, at most where the section
 *         does; a search ends in the group behind the one that it began in.
 * Source: docs/format.md, "Marks"
 */
#include "image/image.h"

/* All bits of at most URF_LEB_MAX bytes: rows may lie 2^32 bytes apart. */
static uint64_t take_head(const uint8_t **at)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 7 * URF_LEB_MAX; shift += 7) {
		uint8_t byte = *(*at)++;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			break;
	}
	return v;
}

int turf_marks_group(const struct turf_image *image, size_t group, uint32_t *off, uint32_t *end)
{
	size_t size = image->mark_data.size;
	*off = le32_get(image->marks.at[group].off);
	*end = group + 1 < image->marks.n ? le32_get(image->marks.at[group + 1].off)
	                                  : (uint32_t)MIN(size, (size_t)UINT32_MAX);
	return *off < *end && *end <= size ? 0 : -EBADMSG;
}

int turf_marks_read(const struct turf_image *image, uint32_t *off, uint32_t end, uint32_t from,
                    struct mark *out)
{
	const uint8_t *begin = image->mark_data.at, *at = begin + *off;
	uint64_t head = take_head(&at), start = from + (head >> URF_MARK_SHIFT);
	*out = (struct mark){
		.start = (uint32_t)start,
		.statement = head & URF_MARK_STATEMENT,
		.more = head & URF_MARK_MORE,
	};
	if (out->more) {
		out->flags = *at++;
		out->discriminator = take_uleb(&at);
	}
	if (start > UINT32_MAX || at - begin > end)
		return -EBADMSG;
	*off = (uint32_t)(at - begin);
	return 0;
}

/* Goes on to the next group, which has a row: 1, 0 there is none, -EBADMSG. */
static int next_group(struct turf_rows *walk, uint32_t *start)
{
	if (walk->group == walk->image->marks.n)
		return 0;
	*start = le32_get(walk->image->marks.at[walk->group].start);
	walk->n = 0;
	return turf_marks_group(walk->image, walk->group++, &walk->off, &walk->end) < 0
	               ? -EBADMSG
	               : 1;
}

/* Reads the row to come, behind the one that begins at @from: 0, or -EBADMSG. */
static int read_row(struct turf_rows *walk, uint32_t from)
{
	struct mark m;
	uint32_t start = from;
	int r = walk->off == walk->end ? next_group(walk, &start) : 1;
	walk->more = r == 1;
	if (r != 1)
		return r;
	if (start < from || walk->n++ == URF_MARK_STEP ||
	    turf_marks_read(walk->image, &walk->off, walk->end, start, &m) < 0)
		return -EBADMSG;
	walk->rva = m.start;
	walk->none = m.flags & URF_MARK_NONE;
	walk->row = (struct turf_row){
		.start = walk->image->base + m.start,
		.discriminator = m.discriminator,
		.is_stmt = m.statement,
		.prologue_end = m.flags & URF_MARK_PROLOGUE_END,
		.epilogue_begin = m.flags & URF_MARK_EPILOGUE_BEGIN,
	};
	return 0;
}

/* Takes the row that was to come, *@none: the end of a table; and reads the next one. */
static int take_row(struct turf_rows *walk, struct turf_row *row, bool *none)
{
	*row = walk->row;
	*none = walk->none;
	int r = read_row(walk, walk->rva);
	row->end = walk->more ? walk->row.start : MAX(walk->image->end, row->start);
	return r;
}

/* At the first row of the group over @rva, of the first group where none is. */
static int begin(const struct turf_image *image, uint32_t rva, struct turf_rows *walk)
{
	size_t group =
		upper_bound(image->marks.at, sizeof(struct urf_marks), image->marks.n, rva);
	*walk = (struct turf_rows){ .image = image, .group = group ? group - 1 : 0 };
	return read_row(walk, 0);
}

int turf_image_find_row(const struct turf_image *image, uint64_t addr, struct turf_row *out)
{
	struct turf_rows walk;
	struct turf_row row = { 0 };
	uint32_t rva;
	bool none = true;
	if (!rva_of(image, addr, &rva))
		return 0;
	int r = begin(image, rva, &walk);
	while (r == 0 && walk.more && row.end <= addr)
		r = take_row(&walk, &row, &none);
	if (r < 0 || none || addr < row.start || addr >= row.end)
		return r;
	*out = row;
	return 1;
}

int turf_image_rows(const struct turf_image *image, uint64_t addr, struct turf_rows *walk)
{
	uint32_t rva;
	bool inside = rva_of(image, addr, &rva);
	*walk = (struct turf_rows){ .image = image };
	if (!inside && addr > image->base)
		return 0;
	int r = begin(image, inside ? rva : 0, walk);
	walk->from = addr;
	walk->more &= r == 0;
	return r;
}

int turf_rows_next(struct turf_rows *walk, struct turf_row *out)
{
	while (walk->more) {
		struct turf_row row;
		bool none;
		int r = take_row(walk, &row, &none);
		walk->more &= r == 0;
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
	int64_t off = turf_function_off(image, function);
	if (off < 0 || turf_function_read(image, (uint64_t)off, &f) < 0)
		return -EBADMSG;
	if (!f.file && !f.line)
		return 0;
	*file = f.file;
	*line = f.line;
	return 1;
}
