/* SPDX-License-Identifier: MIT */
/*
 * A function's record: its names, its table of lines, its table of call sites; and frames from
 * a stack of sites.
 *
 * Cost:   one miss for the index, one or two for the record; no search in either
 * Trust:  none. A record ends inside .urf.functions, its arrays end inside the record, whose
 *         size bounds every scan.
 * Source: docs/format.md, "Functions"
 */
#include "image/image.h"

/* @n bytes at @off of @text; the whole text where the two numbers do not fit. */
static turf_text part_of(turf_text text, uint32_t off, uint32_t n)
{
	return off > UINT16_MAX || n > UINT16_MAX
	               ? text
	               : text | (turf_text)off << 32 | (turf_text)n << 48;
}

static void read_names(const uint8_t **at, struct function *out)
{
	enum { NAME_ONLY, LINKAGE_ONLY, TWO_TEXTS, PART };
	turf_text text = take_any_uleb(at);
	uint32_t how = take_uleb(at);
	out->linkage_name = how == NAME_ONLY ? 0 : text;
	if (how == TWO_TEXTS)
		out->name = take_any_uleb(at);
	else
		out->name = how < PART ? text : part_of(text, how - PART, take_uleb(at));
}

/* Width of an array of @n columns and where it stands; false: beyond the record. */
static bool read_width(struct function *f, unsigned *width)
{
	*width = f->rest < f->end ? *f->rest++ : COLUMN_BITS_MAX + 1;
	return *width <= COLUMN_BITS_MAX;
}

static bool read_columns(struct function *f, uint32_t n, unsigned width, const uint8_t **out)
{
	uint64_t size = bits_size(n, width);
	*out = f->rest;
	if (size > (uint64_t)(f->end - f->rest))
		return false;
	f->rest += size;
	return true;
}

static bool read_keys(struct function *f, uint32_t n, struct keys *keys)
{
	uint64_t u;
	if (__builtin_mul_overflow(f->n_files, f->span, &u) || u >> BITS_MAX)
		return false;
	const uint8_t *at = keys_read(keys, f->rest, f->end, n, u);
	f->rest = at ? at : f->rest;
	return at != NULL;
}

static bool read_lines(struct function *f)
{
	return read_width(f, &f->line_width) && read_keys(f, f->n_lines, &f->lines) &&
	       read_columns(f, f->n_lines, f->line_width, &f->line_columns);
}

/* What both tables share: the range of lines, and the files. */
static bool read_span(const uint8_t *at, struct function *f)
{
	f->lowest = f->line + take_sleb(&at);
	f->span = (uint64_t)take_any_uleb(&at) + 1 + f->has_zero;
	f->n_files = take_uleb(&at);
	f->files = at;
	if (!f->n_files) { /* one: the declaration's */
		f->n_files = 1;
		f->files = NULL;
		f->rest = at;
		return at <= f->end;
	}
	if (at > f->end || f->n_files > (uint64_t)(f->end - at))
		return false;
	for (uint32_t i = 0; i < f->n_files; i++) {
		if (at >= f->end)
			return false;
		(void)take_uleb(&at);
	}
	f->rest = at;
	return at <= f->end;
}

int turf_function_read(const struct turf_image *image, uint32_t function, struct function *out)
{
	if (function >= image->n_functions) /* the index has one more, opening saw to it */
		return -EBADMSG;
	uint32_t begin = packed_get(&image->index, function, 0);
	uint32_t end = packed_get(&image->index, function + 1, 0);
	if (begin >= end || end > image->functions.size)
		return -EBADMSG;
	const uint8_t *at = image->functions.at + begin;
	out->end = image->functions.at + end;
	read_names(&at, out);
	out->file = take_any_uleb(&at);
	out->line = take_any_uleb(&at);
	uint32_t lines = take_uleb(&at);
	out->n_lines = lines / 2;
	out->has_zero = lines % 2;
	out->n_sites = take_uleb(&at);
	if (at > out->end)
		return -EBADMSG;
	out->rest = at;
	if (!out->n_lines && !out->n_sites)
		return 0;
	return read_span(at, out) && (!out->n_lines || read_lines(out)) ? 0 : -EBADMSG;
}

int turf_function_sites(struct function *f)
{
	return f->n_sites && read_width(f, &f->site_width) && read_width(f, &f->called_width) &&
	                       read_keys(f, f->n_sites, &f->sites) &&
	                       read_columns(f, f->n_sites, f->site_width, &f->site_columns) &&
	                       read_columns(f, f->n_sites, f->called_width, &f->called)
	               ? 0
	               : -EBADMSG;
}

/* File and line of a key. */
static int read_key(const struct function *f, uint64_t key, struct place *out)
{
	uint64_t file = 0;
	if (key >= f->span) {
		file = key / f->span;
		key %= f->span;
		if (file >= f->n_files) /* so is the key of a damaged coding */
			return -EBADMSG;
	}
	const uint8_t *at = f->files;
	for (; file; file--)
		(void)take_uleb(&at);
	out->file = at ? take_uleb(&at) : f->file;
	if (f->has_zero)
		out->line = key ? f->lowest + (uint32_t)(key - 1) : 0;
	else
		out->line = f->lowest + (uint32_t)key;
	return 0;
}

int turf_function_line(const struct function *f, uint32_t idx, struct place *out)
{
	*out = (struct place){ 0 };
	if (idx >= f->n_lines)
		return idx ? -EBADMSG : 0; /* code of a function without lines */
	out->column = (uint32_t)bits_get(f->line_columns, (uint64_t)idx * f->line_width,
	                                 f->line_width);
	return read_key(f, keys_get(&f->lines, idx), out);
}

int turf_function_site(const struct function *f, uint32_t idx, struct place *out,
                       uint32_t *called)
{
	if (idx >= f->n_sites)
		return -EBADMSG;
	out->column = (uint32_t)bits_get(f->site_columns, (uint64_t)idx * f->site_width,
	                                 f->site_width);
	*called =
		(uint32_t)bits_get(f->called, (uint64_t)idx * f->called_width, f->called_width);
	return read_key(f, keys_get(&f->sites, idx), out);
}

int turf_function_frame(const struct turf_image *image, uint32_t *function, uint32_t site,
                        bool innermost, struct turf_frame *out)
{
	struct function f;
	struct place place;
	if (turf_function_read(image, *function, &f) < 0)
		return -EBADMSG;
	uint32_t number = *function;
	int r = innermost                     ? turf_function_line(&f, site, &place)
	        : turf_function_sites(&f) < 0 ? -EBADMSG
	                                      : turf_function_site(&f, site, &place, function);
	if (r < 0)
		return r;
	*out = (struct turf_frame){
		.name = f.name,
		.linkage_name = f.linkage_name,
		.function = number,
		.file = place.file,
		.line = place.line,
		.column = place.column,
	};
	return 0;
}
