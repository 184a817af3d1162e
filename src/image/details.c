/* SPDX-License-Identifier: MIT */
/*
 * Details of functions and their variables, by number.
 *
 * Cost:   at most URF_DETAIL_STEP records passed, then one pass over a record
 * Trust:  none. A record ends inside its section; a field that begins inside it reads at most
 *         URF_BEHIND bytes beyond.
 * Source: docs/format.md, "Details"
 */
#include "image/bodies.h"

static bool packed_pairs(const struct turf_image *image, struct packed *table)
{
	struct span s = image->sections[URF_DETAIL_PAIRS];
	const uint8_t *at = s.at, *end = at + s.size;
	*table = (struct packed){ 0 };
	if (at == end)
		return true;
	table->n = take_uleb(&at);
	for (unsigned i = 0; i < URF_PAIR_COLUMNS; i++) {
		if (at >= end || *at > COLUMN_BITS_MAX)
			return false;
		table->off[i] = (uint8_t)table->row_bits;
		table->width[i] = *at++;
		table->row_bits += table->width[i];
	}
	table->rows = at;
	return at <= end && bits_size(table->n, table->row_bits) <= (uint64_t)(end - at);
}

/* The record of a function: 1, 0 no such function, < 0. */
static int record_of(const struct turf_image *image, uint32_t function, struct span *ret)
{
	struct span index = image->sections[URF_DETAIL_INDEX];
	struct span all = image->sections[URF_DETAILS];
	uint32_t group = function / URF_DETAIL_STEP;
	if (!index.size)
		return -ENODATA;
	if (function >= image->n_functions)
		return 0;
	if (group >= index.size / sizeof(le32))
		return -EBADMSG;
	uint64_t off = le32_get(((const le32 *)index.at)[group]);
	for (uint32_t i = 0;; i++) {
		if (off >= all.size)
			return -EBADMSG;
		const uint8_t *at = all.at + off;
		uint32_t size = take_uleb(&at);
		off = (uint64_t)(at - all.at);
		*ret = span_part(all, off, size);
		if (!ret->at)
			return -EBADMSG;
		if (i == function % URF_DETAIL_STEP)
			return 1;
		off += size;
	}
}

/* Passes the parents of blocks. */
static bool pass_blocks(struct turf_details *d)
{
	const uint8_t *at = d->variables;
	d->n_blocks = take_uleb(&at);
	d->blocks = at;
	if (at > d->end || d->n_blocks > (size_t)(d->end - at))
		return false;
	for (uint32_t i = 0; i < d->n_blocks && at < d->end; i++)
		(void)take_uleb(&at);
	d->variables = at;
	return at <= d->end;
}

/* What the function's own record says. 0 or -EBADMSG. */
static int read_own(const struct turf_image *image, uint32_t function, struct turf_details *out)
{
	struct function f;
	int64_t off = turf_function_off(image, function);
	if (off < 0 || turf_function_read(image, (uint64_t)off, &f) < 0)
		return -EBADMSG;
	out->name = f.name;
	out->linkage_name = f.linkage_name;
	out->file = f.file;
	out->line = f.line;
	return 0;
}

/* Reads a record but for its variables. 0 or -EBADMSG. */
static int read_details(const struct turf_image *image, struct span record,
                        struct turf_details *out)
{
	const uint8_t *at = record.at, *end = at + record.size;
	out->flags = take_uleb(&at);
	out->type = take_uleb(&at);
	if (out->flags & URF_DETAIL_SCOPED && at < end)
		out->scope = take_uleb(&at);
	out->image = image;
	out->variables = at;
	out->end = end;
	return at > end || (out->flags & URF_DETAIL_BLOCKS && !pass_blocks(out)) ? -EBADMSG : 0;
}

int turf_image_details(const struct turf_image *image, uint32_t function,
                       struct turf_details *out)
{
	struct span record;
	uint32_t same = function, line;
	int r = record_of(image, function, &record);
	if (r == 1 && record.size && *record.at & URF_DETAIL_SAME) {
		const uint8_t *at = record.at + 1;
		same = take_uleb(&at);
		r = record_of(image, same, &record);
		if (r == 1 && (!record.size || *record.at & URF_DETAIL_SAME))
			return -EBADMSG;
	}
	if (r != 1 || !record.size)
		return MIN(r, 0);
	*out = (struct turf_details){ .function = same };
	if (read_own(image, same, out) < 0)
		return -EBADMSG;
	line = out->line;
	if (read_own(image, function, out) < 0 || read_details(image, record, out) < 0)
		return -EBADMSG;
	out->base_line = line;
	return 1;
}

uint32_t turf_details_block(const struct turf_details *details, uint32_t block)
{
	const uint8_t *at = details->blocks;
	uint32_t back = 0;
	if (!block || block > details->n_blocks)
		return 0;
	for (uint32_t i = 0; i < block && at < details->end; i++)
		back = take_uleb(&at);
	return back && back < block ? block - back : 0;
}

void turf_details_variables(const struct turf_details *details, struct turf_variables *walk)
{
	*walk = (struct turf_variables){
		.image = details->image,
		.at = details->variables,
		.end = details->end,
		.line = details->base_line,
		.kind = URF_VARIABLE_ARGUMENT,
	};
}

int turf_location_at(const struct turf_image *image, uint32_t off, const uint8_t **expr,
                     size_t *size)
{
	struct span all = image->sections[URF_LOCATIONS];
	*expr = NULL;
	*size = 0;
	if (!off)
		return 0;
	if (off >= all.size)
		return -EBADMSG;
	const uint8_t *at = all.at + off;
	uint32_t n = take_uleb(&at);
	if (!span_part(all, (uint64_t)(at - all.at), n).at)
		return -EBADMSG;
	*expr = at;
	*size = n;
	return 0;
}

/* Name and type, which may stand in the table of those used often. */
static int read_pair(const struct turf_image *image, const uint8_t **at,
                     struct turf_variable *out)
{
	struct packed pairs;
	uint32_t row = take_uleb(at);
	if (!row) {
		out->name = take_uleb(at);
		out->type = take_uleb(at);
		return 0;
	}
	if (!packed_pairs(image, &pairs) || row > pairs.n)
		return -EBADMSG;
	out->name = packed_get(&pairs, row - 1, 0);
	out->type = packed_get(&pairs, row - 1, 1);
	return 0;
}

int turf_variables_next(struct turf_variables *walk, struct turf_variable *out)
{
	const uint8_t *at = walk->at;
	if (at >= walk->end)
		return 0;
	uint32_t head = take_uleb(&at), folded = head >> 3;
	walk->line += folded >> 1 ^ (0 - (folded & 1));
	*out = (struct turf_variable){ .number = walk->n++, .line = walk->line };
	if (at >= walk->end || read_pair(walk->image, &at, out) < 0)
		return -EBADMSG;
	if (head & URF_VARIABLE_TURN)
		walk->kind = take_uleb(&at);
	if (head & URF_VARIABLE_BLOCK)
		walk->block = take_uleb(&at);
	out->kind = walk->kind & URF_VARIABLE_KIND;
	out->artificial = walk->kind & URF_VARIABLE_ARTIFICIAL;
	out->block = walk->block;
	int r = 0;
	if (head & URF_VARIABLE_VALUE)
		r = turf_location_at(walk->image, take_uleb(&at), &out->expr, &out->expr_size);
	walk->at = at;
	return r < 0 || at > walk->end ? -EBADMSG : 1;
}
