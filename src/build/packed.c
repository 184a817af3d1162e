/* SPDX-License-Identifier: MIT */
/* Files, units and where their code begins: packed tables, each column as wide as its widest
 * number. */
#include "build/bits.h"
#include "build/build.h"

enum { MAX_COLUMNS = URF_UNIT_COLUMNS };

struct packed {
	size_t n_rows;
	unsigned n_columns;
	/* the row's numbers, one for each column; @ctx: the builder, where nothing else is said
	 */
	void (*row)(const void *ctx, size_t idx, uint32_t out[MAX_COLUMNS]);
};

static void file_row(const void *ctx, size_t idx, uint32_t out[MAX_COLUMNS])
{
	const struct builder *b = ctx;
	const struct build_file *f = &b->files.at[idx];
	out[0] = b->texts.final[f->directory];
	out[1] = b->texts.final[f->name];
}

static void unit_row(const void *ctx, size_t idx, uint32_t out[MAX_COLUMNS])
{
	const struct builder *b = ctx;
	const struct build_unit *u = &b->unit_rows.at[idx];
	out[0] = b->texts.final[u->name];
	out[1] = b->texts.final[u->directory];
	out[2] = b->texts.final[u->producer];
	out[3] = u->language;
	out[4] = u->version;
}

static int put_packed(const void *ctx, const struct packed *p, struct urf_packed *head,
                      struct buf *out)
{
	uint32_t all[MAX_COLUMNS] = { 0 }, row[MAX_COLUMNS];
	for (size_t i = 0; i < p->n_rows; i++) {
		p->row(ctx, i, row);
		for (unsigned k = 0; k < p->n_columns; k++)
			all[k] |= row[k];
	}
	unsigned row_bits = 0;
	head->n = le32_of(p->n_rows);
	for (unsigned k = 0; k < p->n_columns; k++) {
		head->width[k] = turf_bits_width(all[k]);
		row_bits += head->width[k];
	}
	struct bits bits;
	if (!turf_bits_begin(&bits, out, (uint64_t)p->n_rows * row_bits))
		return -ENOMEM;
	uint64_t at = 0;
	for (size_t i = 0; i < p->n_rows; i++) {
		p->row(ctx, i, row);
		for (unsigned k = 0; k < p->n_columns; k++) {
			turf_bits_put(&bits, out, at, row[k], head->width[k]);
			at += head->width[k];
		}
	}
	return 0;
}

static void more_file_row(const void *ctx, size_t idx, uint32_t out[MAX_COLUMNS])
{
	const struct builder *b = ctx;
	out[0] = b->more.files.at[idx].directory;
	out[1] = b->more.files.at[idx].name;
}

int turf_emit_more_files(struct builder *b)
{
	const struct packed files = { b->more.files.n, URF_FILE_COLUMNS, more_file_row };
	return put_packed(b, &files, &b->packed[URF_PACKED_MORE_FILES],
	                  &b->tables.of[URF_MORE_FILES]);
}

int turf_emit_packed(struct builder *b)
{
	const struct packed files = { b->files.n, URF_FILE_COLUMNS, file_row };
	const struct packed units = { b->unit_rows.n, URF_UNIT_COLUMNS, unit_row };
	int r = put_packed(b, &files, &b->packed[URF_PACKED_FILES], &b->tables.of[URF_FILES]);
	return r < 0 ? r
	             : put_packed(b, &units, &b->packed[URF_PACKED_UNITS],
	                          &b->tables.of[URF_UNITS]);
}

static void unit_start_row(const void *ctx, size_t idx, uint32_t out[MAX_COLUMNS])
{
	const struct unit_start *starts = ctx;
	out[0] = starts[idx].start;
	out[1] = starts[idx].unit;
}

int turf_emit_unit_starts(struct builder *b, const struct unit_start *starts, size_t n)
{
	const struct packed table = { n, URF_UNIT_START_COLUMNS, unit_start_row };
	return put_packed(starts, &table, &b->packed[URF_PACKED_UNIT_STARTS],
	                  &b->tables.of[URF_UNIT_STARTS]);
}
