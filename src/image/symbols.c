/* SPDX-License-Identifier: MIT */
/*
 * ELF symbols: groups found by address, a table each.
 *
 * Cost:   one binary search, the starts of a group; a row for each step back
 * Trust:  none; a group ends inside .urf.symbol.data, a step back leads to a lower number
 * Source: docs/format.md, "Symbols"
 */
#include <elf.h>

#include "image/image.h"

int turf_symbols_read(const struct turf_image *image, size_t group, struct symbols *out)
{
	enum { HEAD = URF_SYMBOL_COLUMNS + 1 };
	const struct span *data = &image->symbol_data;
	if (group >= image->groups.n)
		return -EBADMSG;
	uint32_t off = le32_get(image->groups.at[group].off);
	if (off > data->size || data->size - off < HEAD)
		return -EBADMSG;
	const uint8_t *at = data->at + off;
	*out = (struct symbols){
		.table = { .rows = at + HEAD,
		           .n = MIN(image->n_symbols - (uint32_t)group * URF_SYMBOL_STEP,
		                    (uint32_t)URF_SYMBOL_STEP) },
		.start = le32_get(image->groups.at[group].start),
		.kind = at[URF_SYMBOL_COLUMNS],
	};
	struct packed *t = &out->table;
	for (unsigned i = 0; i < URF_SYMBOL_COLUMNS; i++) {
		if (at[i] > COLUMN_BITS_MAX)
			return -EBADMSG;
		t->width[i] = at[i];
		t->off[i] = (uint8_t)t->row_bits;
		t->row_bits += at[i];
	}
	out->size = HEAD + (size_t)bits_size(t->n, t->row_bits);
	return out->size <= data->size - off ? 0 : -EBADMSG;
}

void turf_symbols_get(const struct symbols *group, uint32_t row, struct symbol *out)
{
	uint32_t kind = packed_get(&group->table, row, URF_SYMBOL_KIND) ^ group->kind;
	*out = (struct symbol){
		.start = group->start + packed_get(&group->table, row, URF_SYMBOL_START),
		.size = packed_get(&group->table, row, URF_SYMBOL_SIZE),
		.text = packed_get(&group->table, row, URF_SYMBOL_TEXT),
		.back = packed_get(&group->table, row, URF_SYMBOL_BACK),
		.type = kind >> 4 & 15,
		.bind = kind & 15,
	};
}

int turf_image_symbol_at(const struct turf_image *image, size_t idx, struct symbol *out)
{
	struct symbols group;
	if (idx >= image->n_symbols)
		return 0;
	if (turf_symbols_read(image, idx / URF_SYMBOL_STEP, &group) < 0)
		return -EBADMSG;
	turf_symbols_get(&group, idx % URF_SYMBOL_STEP, out);
	return 1;
}

size_t turf_symbols_of(const struct turf_image *image, uint32_t rva)
{
	size_t above =
		upper_bound(image->groups.at, sizeof(struct urf_symbols), image->groups.n, rva);
	if (!above)
		return SIZE_MAX;
	uint32_t off = le32_get(image->groups.at[above - 1].off);
	if (off < image->symbol_data.size)
		image_prefetch(image->symbol_data.at + off);
	return above - 1;
}

/* How many rows begin before @behind, in bytes from the group's start. */
static uint32_t rows_before(const struct symbols *group, uint64_t behind)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < group->table.n; i++)
		n += packed_get(&group->table, i, URF_SYMBOL_START) < behind;
	return n;
}

/*
 * Number of the first of those that begin where the last one at or before @rva does, which is
 * of the @group-th group: 0 or -EBADMSG.
 */
static int best_before(const struct turf_image *image, size_t group, uint32_t rva, size_t *idx)
{
	struct symbols here;
	if (turf_symbols_read(image, group, &here) < 0)
		return -EBADMSG;
	uint32_t n = rows_before(&here, (uint64_t)(rva - here.start) + 1);
	if (!n)
		return -EBADMSG;
	uint32_t behind = packed_get(&here.table, n - 1, URF_SYMBOL_START);
	uint32_t start = here.start + behind, first = rows_before(&here, behind);
	/* those of that start may begin in an earlier group */
	while (!first && group) {
		if (turf_symbols_read(image, group - 1, &here) < 0)
			return -EBADMSG;
		uint32_t before = rows_before(&here, start - here.start);
		if (before == here.table.n)
			break;
		first = before;
		group--;
	}
	*idx = group * URF_SYMBOL_STEP + first;
	return 0;
}

int turf_image_symbol_over(const struct turf_image *image, size_t group, uint32_t rva,
                           struct symbol *out)
{
	size_t idx;
	if (group == SIZE_MAX)
		return 0;
	int r = best_before(image, group, rva, &idx) < 0 ? -EBADMSG : 1;
	while (r == 1) {
		r = turf_image_symbol_at(image, idx, out);
		if (r == 1 && rva >= out->start && rva - out->start < out->size)
			return 1;
		if (r == 1 && (out->back == 0 || out->back > idx))
			return 0;
		idx -= r == 1 ? out->back : 0;
	}
	return r;
}

static int symbol_of(const struct turf_image *image, int r, const struct symbol *s,
                     struct turf_symbol *out)
{
	if (r != 1)
		return r;
	if (!s->text || s->text >= image->n_texts) /* no symbol is nameless */
		return -EBADMSG;
	*out = (struct turf_symbol){
		.addr = image->base + s->start,
		.size = s->size,
		.name = s->text,
		.type = s->type,
		.bind = s->bind,
	};
	return 1;
}

int turf_image_symbol(const struct turf_image *image, size_t idx, struct turf_symbol *out)
{
	struct symbol s;
	return symbol_of(image, turf_image_symbol_at(image, idx, &s), &s, out);
}

int turf_image_find_symbol(const struct turf_image *image, uint64_t addr,
                           struct turf_symbol *out)
{
	uint32_t rva;
	struct symbol s;
	if (!rva_of(image, addr, &rva))
		return 0;
	return symbol_of(image,
	                 turf_image_symbol_over(image, turf_symbols_of(image, rva), rva, &s),
	                 &s, out);
}

int turf_image_symbol_frame(const struct turf_image *image, size_t group, uint32_t rva,
                            struct turf_frame *f)
{
	struct symbol s;
	int r = turf_image_symbol_over(image, group, rva, &s);
	f->function = 0;
	f->has_start = r == 1;
	if (r == 1) {
		f->name = s.text;
		f->function_start = image->base + s.start;
	}
	return r;
}
