/* SPDX-License-Identifier: MIT */
/*
 * A hostile line table: header, directories, files, program.
 *
 * Input:  a byte (bit 0: big-endian, bit 1: the unit's addresses have 4 bytes), the size of
 *         .debug_line_str (16 bits, little-endian), as many bytes of it; then .debug_line
 * Corpus: fuzz/corpus/line/ holds what tests/dwarf/make-corpus.c writes, and the programs that
 *         tests/dwarf/make-corpus.py makes of oracle-nested.c (gcc 12) and oracle-sample.cc
 *         (clang 14) beside it; names tell how
 */
#include "dwarf/dwarf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

struct seen {
	uint64_t next; /* index */
	size_t left;   /* of the input: no table has more files than bytes */
};

static int check_file(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                      const char *name)
{
	struct seen *seen = ctx;
	require(idx == seen->next++ && seen->left--);
	require(strlen(name) + (directory ? strlen(directory) : 0) < SIZE_MAX / 2);
	require(!comp_dir || strlen(comp_dir) < SIZE_MAX / 2);
	return 0;
}

/* Rows are the same one by one and in batches, of which the last bytes and numbers of many
 * bytes are read another way. */
static void read_rows(struct dwarf_lines *lines, size_t size)
{
	struct dwarf_lines again = *lines;
	struct dwarf_line_row row, rows[5];
	struct turf_error err = { 0 };
	int r, left = 0, at = 0;
	for (size_t n = 0; (r = turf_dwarf_next_line(lines, &row, &err)) > 0; n++) {
		require(n < size);
		if (at == left) {
			left = turf_dwarf_next_lines(&again, rows, COUNT(rows), NULL);
			require(left > 0);
			at = 0;
		}
		require(row.addr == rows[at].addr && row.line == rows[at].line);
		require(row.file == rows[at].file && row.column == rows[at].column);
		require(row.discriminator == rows[at].discriminator);
		require(row.is_stmt == rows[at].is_stmt);
		at++;
	}
	require(at == left && turf_dwarf_next_lines(&again, rows, COUNT(rows), NULL) == r);
	require(r == err.code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cur_of((struct span){ data, size }, false);
	uint8_t flags = cur_u8(&c);
	uint64_t strings = cur_u16(&c);
	struct dwarf_sections sections = { .big = flags & 1 };
	strings = MIN(strings, cur_left(&c));
	sections.line_str = (struct span){ c.at, strings };
	sections.line = (struct span){ c.at + strings, cur_left(&c) - strings };
	struct dwarf dw;
	require(turf_dwarf_open(&sections, &dw, NULL) == 0); /* no units */
	struct dwarf_unit unit = { .in = dw.own,
		                   .version = 4,
		                   .address_size = flags & 2 ? 4 : 8,
		                   .offset_size = 4,
		                   .comp_dir = "/comp",
		                   .str_offsets_base = DWARF_NONE };
	struct dwarf_lines lines;
	struct turf_error err = { 0 };
	int r = turf_dwarf_lines(&dw, &unit, &lines, &err);
	require(r == 1 || (r < 0 && r == err.code));
	if (r == 1) {
		struct seen seen = { lines.version < 5, size };
		(void)turf_dwarf_files(&lines, check_file, &seen, NULL);
		read_rows(&lines, size);
	}
	turf_dwarf_close(&dw);
	return 0;
}
