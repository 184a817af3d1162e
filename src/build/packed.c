/* SPDX-License-Identifier: MIT */
/* Files and units: packed tables, each column as wide as its widest number. */
#include "build/bits.h"
#include "build/build.h"

enum { MAX_COLUMNS = URF_UNIT_COLUMNS };

struct packed {
	size_t n_rows;
	unsigned n_columns;
	/* the row's numbers, one for each column */
	void (*row)(const struct builder *b, size_t idx, uint32_t out[MAX_COLUMNS]);
};

static void file_row(const struct builder *b, size_t idx, uint32_t out[MAX_COLUMNS])
{
	const struct build_file *f = &b->files.at[idx];
	out[0] = b->texts.final[f->directory];
	out[1] = b->texts.final[f->name];
}

static void unit_row(const struct builder *b, size_t idx, uint32_t out[MAX_COLUMNS])
{
	const struct build_unit *u = &b->unit_rows.at[idx];
	out[0] = b->texts.final[u->name];
	out[1] = b->texts.final[u->directory];
	out[2] = b->texts.final[u->producer];
	out[3] = u->language;
	out[4] = u->version;
}

static bool put_packed(const struct builder *b, const struct packed *p, struct buf *out)
{
	uint32_t all[MAX_COLUMNS] = { 0 }, row[MAX_COLUMNS];
	for (size_t i = 0; i < p->n_rows; i++) {
		p->row(b, i, row);
		for (unsigned k = 0; k < p->n_columns; k++)
			all[k] |= row[k];
	}
	unsigned row_bits = 0;
	bool ok = turf_buf_uleb(out, p->n_rows);
	for (unsigned k = 0; ok && k < p->n_columns; k++) {
		uint8_t width = turf_bits_width(all[k]);
		row_bits += width;
		ok = turf_buf_put(out, &width, 1);
	}
	struct bits bits;
	if (!ok || !turf_bits_begin(&bits, out, (uint64_t)p->n_rows * row_bits))
		return false;
	uint64_t at = 0;
	for (size_t i = 0; i < p->n_rows; i++) {
		p->row(b, i, row);
		for (unsigned k = 0; k < p->n_columns; k++) {
			turf_bits_put(&bits, out, at, row[k], turf_bits_width(all[k]));
			at += turf_bits_width(all[k]);
		}
	}
	return true;
}

static void more_file_row(const struct builder *b, size_t idx, uint32_t out[MAX_COLUMNS])
{
	out[0] = b->more.files.at[idx].directory;
	out[1] = b->more.files.at[idx].name;
}

int turf_emit_more_files(struct builder *b)
{
	const struct packed files = { b->more.files.n, URF_FILE_COLUMNS, more_file_row };
	return !files.n_rows || put_packed(b, &files, &b->tables.of[URF_MORE_FILES]) ? 0
	                                                                             : -ENOMEM;
}

int turf_emit_packed(struct builder *b)
{
	const struct packed files = { b->files.n, URF_FILE_COLUMNS, file_row };
	const struct packed units = { b->unit_rows.n, URF_UNIT_COLUMNS, unit_row };
	bool ok = put_packed(b, &files, &b->tables.of[URF_FILES]) &&
	          put_packed(b, &units, &b->tables.of[URF_UNITS]);
	return ok ? 0 : -ENOMEM;
}
