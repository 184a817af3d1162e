/* SPDX-License-Identifier: MIT */
/*
 * Checking functions, and the segments that name their lines and call sites.
 *
 * Cost: each record and each segment once; of a segment, its whole inline chain
 */
#include "image/verify.h"

static bool is_text(const struct turf_image *image, turf_text text)
{
	uint64_t end = (text >> 32 & UINT16_MAX) + (text >> 48);
	if ((uint32_t)text >= image->n_texts)
		return false;
	if (!(text >> 48))
		return true;
	int64_t size = turf_text_read(image, (uint32_t)text, 0, NULL, 0);
	return size >= 0 && end <= (uint64_t)size;
}

/* Ascending, below @u, as many as there are said to be, and nothing behind them. */
static bool are_keys(const struct keys *keys, uint64_t u)
{
	uint64_t before = 0;
	uint32_t i = 0;
	for (uint64_t pos = 0; pos < keys->n_high; pos++) {
		if (!(keys->high[pos / 8] >> pos % 8 & 1))
			continue;
		if (i == keys->n)
			return false;
		uint64_t key = (pos - i) << keys->n_low |
		               bits_get(keys->low, (uint64_t)i * keys->n_low, keys->n_low);
		if (key < before || key >= u)
			return false;
		before = key;
		i++;
	}
	return i == keys->n && ends_in_zero(keys->high, keys->n_high) &&
	       ends_in_zero(keys->low, (uint64_t)keys->n * keys->n_low);
}

static const char *check_tables(const struct turf_image *image, struct function *f)
{
	uint64_t u = f->n_files * f->span;
	const uint8_t *at = f->files;
	for (uint32_t i = 0; at && i < f->n_files; i++)
		if (take_uleb(&at) >= MAX(image->files.n, 1u))
			return "no such file";
	if (f->n_lines &&
	    (!are_keys(&f->lines, u) ||
	     !ends_in_zero(f->line_columns, (uint64_t)f->n_lines * f->line_width)))
		return "lines are damaged";
	if (!f->n_sites)
		return NULL;
	if (turf_function_sites(f) < 0 || !are_keys(&f->sites, u) ||
	    !ends_in_zero(f->site_columns, (uint64_t)f->n_sites * f->site_width) ||
	    !ends_in_zero(f->called, (uint64_t)f->n_sites * f->called_width))
		return "call sites are damaged";
	for (uint32_t i = 0; i < f->n_sites; i++) {
		uint64_t called =
			bits_get(f->called, (uint64_t)i * f->called_width, f->called_width);
		if (!called || called >= image->n_functions)
			return "no such function is called";
	}
	return NULL;
}

static const char *check_function(const struct turf_image *image, uint32_t number)
{
	struct function f;
	if (turf_function_read(image, number, &f) < 0)
		return "cannot be read";
	if (!is_text(image, f.name) || !is_text(image, f.linkage_name))
		return "no such name";
	if (f.file >= MAX(image->files.n, 1u))
		return "no such file";
	const char *what = f.n_lines || f.n_sites ? check_tables(image, &f) : NULL;
	return what || f.rest == f.end ? what : "bytes are left over";
}

/* One record behind the other, from 0 to the section's end. */
static const char *check_index(const struct turf_image *image, uint32_t i)
{
	uint32_t begin = packed_get(&image->index, i, 0);
	uint32_t end = packed_get(&image->index, i + 1, 0);
	if (i == 0 ? begin != 0 || end != 0 : begin >= end)
		return "is no function's offset";
	return i + 1 == image->n_functions && end != image->functions.size
	               ? "does not end where functions do"
	               : NULL;
}

int turf_verify_functions(const struct turf_image *image, struct turf_error *err)
{
	const struct packed *index = &image->index;
	const struct span section = image->sections[URF_INDEX];
	uint64_t bits = (uint64_t)index->n * index->row_bits;
	if (index->row_bits != index->width[0])
		return bad(image, err, URF_INDEX, 0, "one column too many");
	if (bits_size(index->n, index->row_bits) != section.size ||
	    !ends_in_zero(section.at, bits))
		return bad(image, err, URF_INDEX, index->n, "bytes are left over");
	for (uint32_t i = 0; i < image->n_functions; i++) {
		const char *what = check_index(image, i);
		if (what)
			return bad(image, err, URF_INDEX, i, what);
		what = i ? check_function(image, i) : NULL;
		if (what)
			return bad(image, err, URF_FUNCTIONS, i, what);
	}
	if (!image->n_functions && image->functions.size)
		return bad(image, err, URF_FUNCTIONS, 0, "one too many");
	return 0;
}

/* The range that the segment before was in. */
struct range {
	uint32_t function, start, end, entry; /* function 0: none; end 0: not known */
};

/* Ranges end where they are said to, and go on as they began. */
static const char *check_range(struct range *range, const struct walk *walk)
{
	bool goes_on = walk->function && walk->range != walk->start;
	if (goes_on && (range->function != walk->function || range->start != walk->range ||
	                range->entry != walk->entry ||
	                (range->end && walk->range_end && range->end != walk->range_end)))
		return "a range does not go on as it began";
	if (!goes_on && range->function && range->end && range->end != walk->start)
		return "a range does not end where it is said to";
	if (walk->range_end && (walk->range_end <= walk->start || !walk->function))
		return "a range ends before it begins";
	*range = (struct range){ walk->function, walk->range,
		                 goes_on && range->end ? range->end : walk->range_end,
		                 walk->entry };
	return NULL;
}

static bool same_state(const struct walk *a, const struct walk *b)
{
	if (a->start != b->start || a->depth != b->depth || a->function != b->function ||
	    a->range != b->range || a->entry != b->entry)
		return false;
	for (uint32_t i = 1; i < a->depth; i++)
		if (a->stack[i].site != b->stack[i].site)
			return false;
	return !a->depth || a->stack[a->depth - 1].line == b->stack[a->depth - 1].line;
}

/* The segment of @walk, up to @last, exists and is what a look-up finds, by points. */
static const char *check_segment(const struct turf_image *image, size_t block,
                                 const struct walk *walk, uint32_t last)
{
	struct turf_frame frames[TURF_FRAMES_MAX];
	struct walk found;
	if (walk->depth && turf_walk_frames(image, walk, walk->start, frames) < 0)
		return "a segment is at no line";
	if (turf_walk_at(image, block, walk->start, &found) < 0 || !same_state(&found, walk) ||
	    turf_walk_at(image, block, last, &found) < 0 || !same_state(&found, walk))
		return "a point does not lead where it is said to";
	return NULL;
}

/* Segments of the block whose first one @walk is at: ascending up to @end, at most as many as
 * may be. */
static const char *check_segments(const struct turf_image *image, size_t block,
                                  struct walk *walk, uint32_t end, struct range *range)
{
	int r = 1;
	for (unsigned n = 0; r == 1; n++) {
		uint32_t next;
		if (n == URF_BLOCK_MAX)
			return "too many segments";
		r = turf_walk_peek(image, walk, &next);
		if (r < 0)
			return "ops cannot be read";
		if (r == 0)
			next = end;
		if (next <= walk->start)
			return "segments out of order";
		if (next > end || (r == 1 && next == end))
			return "a segment begins behind the block";
		const char *what = check_range(range, walk);
		if (!what)
			what = check_segment(image, block, walk, next - 1);
		if (what)
			return what;
		if (r == 1 && turf_walk_to(image, walk, next) < 0)
			return "ops cannot be read";
	}
	return walk->at == walk->end ? NULL : "ops cannot be read";
}

/* The first block's top and place, and the last's. */
static const char *check_ends(const struct turf_image *image)
{
	size_t last = image->blocks.n - 1;
	if (le32_get(image->blocks.at[0].off) != 0)
		return "segments lie before the first";
	return le32_get(image->blocks.at[last].off) == image->segments.size
	               ? NULL
	               : "segments lie behind the last";
}

static int check_tops(const struct turf_image *image, struct turf_error *err)
{
	size_t step = URF_TOP;
	for (unsigned i = 0; i < image->n_levels; i++, step *= URF_TOP)
		for (uint32_t k = 0; k < image->levels[i].n; k++) {
			uint32_t at = image->levels[i].off + k;
			uint32_t start = le32_get(image->blocks.at[k * step].start);
			if (le32_get(image->tops.at[at]) != start)
				return bad(image, err, URF_TOPS, at, "is no block's start");
		}
	return 0;
}

int turf_verify_blocks(const struct turf_image *image, struct turf_error *err)
{
	struct range range = { 0 };
	const char *what = image->blocks.n ? check_ends(image) : NULL;
	if (what)
		return bad(image, err, URF_BLOCKS, 0, what);
	if (check_tops(image, err) < 0)
		return -EBADMSG;
	if (image->ops.n > URF_OPS_MAX)
		return bad(image, err, URF_OPS, URF_OPS_MAX, "one too many");
	for (size_t i = 0; i < image->blocks.n; i++) {
		uint32_t start = le32_get(image->blocks.at[i].start);
		struct walk walk;
		if (i == image->blocks.n - 1) {
			if (range.end && range.end != start)
				return bad(image, err, URF_BLOCKS, i, "a range goes on");
			break;
		}
		uint32_t end = le32_get(image->blocks.at[i + 1].start);
		if (start >= end)
			return bad(image, err, URF_BLOCKS, i, "out of order");
		if (turf_walk_begin(image, i, &walk) < 0)
			return bad(image, err, URF_BLOCKS, i, "cannot be read");
		what = check_segments(image, i, &walk, end, &range);
		if (what)
			return bad(image, err, URF_BLOCKS, i, what);
	}
	return 0;
}
