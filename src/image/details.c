/* SPDX-License-Identifier: MIT */
/*
 * Details of functions and their variables, by number.
 *
 * Cost:   at most URF_DETAIL_STEP records read
 * Trust:  none. A record has no more variables or blocks than VARIABLES_A_BYTE for each byte of
 *         its group.
 * Source: docs/format.md, "Details"
 */
#include "image/bodies.h"
#include "image/coded.h"

/* Writers give no symbol so great a share that more than these fit into a byte. */
enum { VARIABLES_A_BYTE = 512 };

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

/* Passes the parents of blocks: 0 or -EBADMSG. */
static int pass_blocks(struct turf_details *d)
{
	struct turf_coded *c = &d->variables;
	uint64_t most = ((uint64_t)(c->end - c->at) + CODE_BEHIND) * VARIABLES_A_BYTE;
	d->n_blocks = coded_number(c, URF_FIELD_BLOCKS, 0);
	d->blocks = *c;
	if (d->n_blocks > most)
		return -EBADMSG;
	for (uint32_t i = 0; i < d->n_blocks && !c->bad; i++)
		(void)coded_number(c, URF_FIELD_BLOCK, 0);
	return 0;
}

/* A record but for its variables. @same: the function whose details these are, 0: its own.
 * 1, 0 nothing is known, -EBADMSG. */
static int read_record(struct turf_details *d, uint32_t *same)
{
	struct turf_coded *c = &d->variables;
	uint32_t low = turf_coded_symbol(c, URF_FIELD_FLAGS, 0);
	*same = 0;
	if (low == URF_CODE_MORE)
		return c->bad ? -EBADMSG : 0;
	if (low > URF_DETAIL_LOW)
		return -EBADMSG;
	d->flags = low | coded_number(c, URF_FIELD_FLAGS_HIGH, 0) << URF_DETAIL_LOW_BITS;
	d->scope = d->n_blocks = 0;
	if (d->flags & URF_DETAIL_SAME) {
		*same = coded_number(c, URF_FIELD_SAME, 0);
		return c->bad ? -EBADMSG : 1;
	}
	d->type = coded_number(c, URF_FIELD_TYPE, 0);
	if (d->flags & URF_DETAIL_VARIANTS)
		d->variants += coded_number(c, URF_FIELD_VARIANTS, 0);
	if (d->flags & URF_DETAIL_SCOPED)
		d->scope = coded_number(c, URF_FIELD_SCOPE, 0);
	d->convention =
		d->flags & URF_DETAIL_CONVENTION ? coded_number(c, URF_FIELD_CONVENTION, 0) : 0;
	if (d->flags & URF_DETAIL_BLOCKS && pass_blocks(d) < 0)
		return -EBADMSG;
	return c->bad ? -EBADMSG : 1;
}

/* Passes the variables of the record at @d. */
static int pass_variables(struct turf_details *d)
{
	struct turf_variables walk;
	struct turf_variable v;
	int r;
	turf_details_variables(d, &walk);
	while ((r = turf_variables_pass(&walk, &v)) == 1)
		;
	d->variables = walk.at;
	d->value = walk.value;
	return r;
}

/* A record, those of variants behind those of functions: 1, 0 nothing is known, < 0. */
static int record_of(const struct turf_image *image, uint64_t number, struct turf_details *out,
                     uint32_t *same)
{
	struct span index = image->sections[URF_DETAIL_INDEX];
	struct span all = image->sections[URF_DETAILS];
	const le32 *groups = (const le32 *)index.at;
	uint64_t group = number / URF_DETAIL_STEP;
	size_t n = index.size / sizeof(le32);
	if (!index.size)
		return -ENODATA;
	if (group >= n)
		return -EBADMSG;
	uint64_t off = le32_get(groups[group]);
	uint64_t end = group + 1 < n ? le32_get(groups[group + 1]) : all.size;
	struct span bytes = span_part(all, off, end - off);
	if (off > end || !bytes.at)
		return -EBADMSG;
	*out = (struct turf_details){ .image = image };
	turf_coded_begin(image, bytes, &out->variables);
	for (uint32_t i = 0;; i++) {
		int r = read_record(out, same);
		if (r < 0 || i == number % URF_DETAIL_STEP)
			return r;
		if (r == 1 && !*same && pass_variables(out) < 0)
			return -EBADMSG;
	}
}

/* What the function's own record says. 0 or -EBADMSG. */
static int read_own(const struct turf_image *image, uint32_t function, struct turf_details *out)
{
	struct function f;
	if (turf_function_read(image, function, &f) < 0)
		return -EBADMSG;
	out->name = f.name;
	out->linkage_name = f.linkage_name;
	out->file = f.file;
	out->line = f.line;
	return 0;
}

int turf_details_variant(const struct turf_image *image, uint32_t function, uint32_t variant,
                         struct turf_details *out)
{
	struct turf_details d;
	uint32_t same, further, line;
	if (image->sections[URF_DETAIL_INDEX].size && function >= image->n_functions)
		return 0;
	int r = record_of(image, function, &d, &same);
	if (r == 1 && same) {
		if (same >= image->n_functions)
			return -EBADMSG;
		r = record_of(image, same, &d, &further);
		if (r == 0 || (r == 1 && further))
			return -EBADMSG;
	}
	if (r == 1 && variant) {
		if (!(d.flags & URF_DETAIL_VARIANTS))
			return -EBADMSG;
		r = record_of(image, (uint64_t)image->n_functions + d.variants + variant - 1,
		              &d, &further);
		if (r == 0 || (r == 1 && (further || d.flags & URF_DETAIL_VARIANTS)))
			return -EBADMSG;
	}
	if (r != 1)
		return variant && r == 0 ? -EBADMSG : r;
	d.function = same ? same : function;
	if (read_own(image, d.function, &d) < 0)
		return -EBADMSG;
	line = d.line;
	if (read_own(image, function, &d) < 0)
		return -EBADMSG;
	d.base_line = line;
	*out = d;
	return 1;
}

int turf_image_details(const struct turf_image *image, uint32_t function,
                       struct turf_details *out)
{
	return turf_details_variant(image, function, 0, out);
}

uint32_t turf_details_block(const struct turf_details *details, uint32_t block)
{
	struct turf_coded at = details->blocks;
	uint32_t back = 0;
	if (!block || block > details->n_blocks)
		return 0;
	for (uint32_t i = 0; i < block && !at.bad; i++)
		back = coded_number(&at, URF_FIELD_BLOCK, 0);
	return back && back < block ? block - back : 0;
}

void turf_details_variables(const struct turf_details *details, struct turf_variables *walk)
{
	walk->image = details->image;
	walk->at = details->variables;
	walk->n = walk->block = 0;
	walk->line = details->base_line;
	walk->kind = URF_VARIABLE_ARGUMENT;
	walk->value = details->value;
	walk->bits = CODE_FIRST_VARIABLE;
	walk->pair = 0;
	walk->left = ((uint64_t)(walk->at.end - walk->at.at) + CODE_BEHIND) * VARIABLES_A_BYTE;
}

uint32_t turf_locations_n(const struct turf_image *image)
{
	struct span index = image->sections[URF_LOCATION_INDEX];
	uint64_t n_words = index.size / sizeof(le32);
	if (n_words == 0)
		return 0;
	/* no more than the groups behind it have room for, whatever it says */
	return (uint32_t)MIN((n_words - 1) * URF_LOCATION_STEP,
	                     (uint64_t)le32_get(*(const le32 *)index.at));
}

/* One expression of a group: its size, and its bytes in @room where they stand there. */
static uint32_t read_location(struct turf_coded *c, uint8_t room[TURF_EXPR_ROOM], uint32_t *off)
{
	uint32_t size = coded_number(c, URF_FIELD_SIZE, 0);
	if (size > URF_LOCATION_SHORT) {
		*off = coded_number(c, URF_FIELD_LONG, 0);
		return size;
	}
	struct code_shape shape = { 0 };
	for (uint32_t i = 0; i < size && !c->bad; i++) {
		room[i] =
			(uint8_t)(turf_coded_symbol(c, URF_FIELD_BYTE, code_shape_of(&shape)) ^
		                  1);
		code_shape_pass(&shape, room[i]);
	}
	return size;
}

int turf_location_at(const struct turf_image *image, uint32_t number,
                     uint8_t room[TURF_EXPR_ROOM], const uint8_t **expr, size_t *ret_size)
{
	static_assert((int)TURF_EXPR_ROOM >= (int)URF_LOCATION_SHORT, "");
	struct span index = image->sections[URF_LOCATION_INDEX];
	struct span all = image->sections[URF_LOCATIONS];
	const le32 *groups = (const le32 *)index.at + 1;
	*expr = NULL;
	*ret_size = 0;
	if (!number)
		return 0;
	size_t group = number / URF_LOCATION_STEP, n = index.size / sizeof(le32);
	if (number >= turf_locations_n(image) || group + 1 >= n)
		return -EBADMSG;
	uint64_t off = le32_get(groups[group]);
	uint64_t end = group + 2 < n ? le32_get(groups[group + 1]) : all.size;
	struct span bytes = span_part(all, off, end - off);
	if (off > end || !bytes.at)
		return -EBADMSG;
	struct turf_coded c;
	uint32_t size = 0, at = 0;
	turf_coded_begin(image, bytes, &c);
	for (uint32_t i = 0; i <= number % URF_LOCATION_STEP; i++)
		size = read_location(&c, room, &at);
	if (c.bad || !size)
		return -EBADMSG;
	*expr = size > URF_LOCATION_SHORT ? span_part(all, at, size).at : room;
	*ret_size = size;
	return *expr ? 0 : -EBADMSG;
}

/* Name and type, which may stand in the table of those used often. */
static int read_pair(struct turf_variables *walk, struct turf_variable *out)
{
	struct packed pairs;
	struct turf_coded *c = &walk->at;
	uint32_t row = coded_number(c, URF_FIELD_VARIABLE_PAIR, code_pair_context(walk->pair));
	walk->pair = row;
	if (!row) {
		out->name = coded_number(c, URF_FIELD_VARIABLE_NAME, 0);
		out->type = coded_number(c, URF_FIELD_VARIABLE_TYPE, 0);
		return 0;
	}
	if (!packed_pairs(walk->image, &pairs) || row > pairs.n)
		return -EBADMSG;
	out->name = packed_get(&pairs, row - 1, 0);
	out->type = packed_get(&pairs, row - 1, 1);
	return 0;
}

int turf_variables_pass(struct turf_variables *walk, struct turf_variable *out)
{
	struct turf_coded *c = &walk->at;
	if (walk->bits == URF_VARIABLE_END)
		return 0;
	uint32_t bits = turf_coded_symbol(
		c, URF_FIELD_VARIABLE, code_variable_context(walk->bits, walk->n, walk->kind));
	if (c->bad || !walk->left--)
		return -EBADMSG;
	if (bits == URF_VARIABLE_END) {
		walk->bits = bits;
		return 0;
	}
	walk->line += coded_folded(c, URF_FIELD_VARIABLE_LINE,
	                           code_line_context(bits, walk->n, walk->kind));
	*out = (struct turf_variable){ .number = walk->n++, .line = walk->line };
	if (bits > URF_VARIABLE_END || read_pair(walk, out) < 0)
		return -EBADMSG;
	if (bits & URF_VARIABLE_TURN)
		walk->kind = coded_number(c, URF_FIELD_VARIABLE_KIND, 0);
	if (bits & URF_VARIABLE_BLOCK)
		walk->block += coded_folded(c, URF_FIELD_VARIABLE_BLOCK, 0);
	if (bits & URF_VARIABLE_VALUE)
		walk->value += coded_folded(c, URF_FIELD_VARIABLE_VALUE, 0);
	out->kind = walk->kind & URF_VARIABLE_KIND;
	out->artificial = walk->kind & URF_VARIABLE_ARTIFICIAL;
	out->block = walk->block;
	if (out->kind > TURF_VARIABLE_LABEL)
		out->line = 0;
	walk->bits = bits;
	return c->bad ? -EBADMSG : 1;
}

int turf_variables_next(struct turf_variables *walk, struct turf_variable *out)
{
	int r = turf_variables_pass(walk, out);
	if (r == 1 && walk->bits & URF_VARIABLE_VALUE &&
	    turf_location_at(walk->image, walk->value, walk->room, &out->expr,
	                     &out->expr_size) < 0)
		return -EBADMSG;
	return r;
}
