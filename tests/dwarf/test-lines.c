/* SPDX-License-Identifier: MIT */
#include "dwarf/make.h"
#include "lib/test.h"

/* What a line table's header says; 0 stands for what compilers write. */
struct header {
	unsigned version, min_inst, max_ops, line_range, opcode_base;
};

static void put_tables(struct as *a, unsigned version)
{
	if (version < 5) {
		as_str(a, "inc");
		as_u8(a, 0);
		as_str(a, "a.c");
		as_bytes(a, "\0\0\0", 3);
		as_str(a, "b.h");
		as_bytes(a, "\1\200\1\7", 4);
		as_u8(a, 0);
		return;
	}
	as_bytes(a, "\1\1\37", 3); /* directories: path, line_strp */
	as_uleb(a, 2);
	as_u32(a, 0); /* /src */
	as_u32(a, 5); /* inc */
	/* files: path, string; directory, data1; MD5, data16; a vendor's, block */
	as_u8(a, 4);
	as_bytes(a, "\1\10\2\13\5\36\201\100\11", 9);
	as_uleb(a, 2);
	for (unsigned i = 0; i < 2; i++) {
		as_str(a, i ? "b.h" : "a.c");
		as_u8(a, (uint8_t)i);
		as_bytes(a, "0123456789abcdef\3xyz", 20);
	}
}

/* A table with a program; answers what as_end_length() wants. */
static size_t begin_table(struct made *m, const struct header *h)
{
	struct as *a = &m->line;
	unsigned opcode_base = h->opcode_base ? h->opcode_base : 13;
	size_t table = as_length32(a);
	as_u16(a, (uint16_t)h->version);
	if (h->version >= 5)
		as_u16(a, 8); /* address size, segment selector size */
	size_t header = as_length32(a);
	as_u8(a, (uint8_t)(h->min_inst ? h->min_inst : 1));
	if (h->version >= 4)
		as_u8(a, (uint8_t)(h->max_ops ? h->max_ops : 1));
	as_u8(a, 1);
	as_u8(a, (uint8_t)-5);
	as_u8(a, (uint8_t)(h->line_range ? h->line_range : 14));
	as_u8(a, (uint8_t)opcode_base);
	static const uint8_t lengths[] = { 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1, 2, 1 };
	for (unsigned i = 1; i < opcode_base; i++)
		as_u8(a, i <= COUNT(lengths) ? lengths[i - 1] : 0);
	put_tables(a, h->version);
	as_end_length(a, header);
	return table;
}

static void put_unit(struct made *m, unsigned version)
{
	as_str(&m->line_str, "/src");
	as_str(&m->line_str, "inc");
	as_u8(&m->str, 0);
	ABBREV(m, 1, DW_TAG_compile_unit, false, { DW_AT_comp_dir, DW_FORM_string },
	       { DW_AT_stmt_list, DW_FORM_data4 });
	as_u8(&m->abbrev, 0);
	size_t unit = begin_unit(m, version, 0);
	as_u8(&m->info, 1);
	as_str(&m->info, "/comp");
	as_u32(&m->info, 0);
	as_end_length(&m->info, unit);
}

/* addr file line column discriminator flags, by commas; "!" where the program is malformed.
 * Rows are asked for @batch at a time, 0: by turf_dwarf_next_line(). */
static void list_rows(struct dwarf_lines *lines, size_t batch, char *text, size_t size)
{
	struct dwarf_line_row rows[8];
	size_t n = 0;
	int r;
	text[0] = 0;
	while ((r = batch ? turf_dwarf_next_lines(lines, rows, batch, NULL)
	                  : turf_dwarf_next_line(lines, rows, NULL)) > 0) {
		ck_assert_int_le(r, batch ? (int)batch : 1);
		for (int i = 0; i < r; i++) {
			const struct dwarf_line_row *row = &rows[i];
			n += (size_t)snprintf(
				text + n, size - n, "%llx %u:%u:%u:%u%s%s%s%s, ",
				(unsigned long long)row->addr, row->file, row->line,
				row->column, row->discriminator, row->is_stmt ? "s" : "",
				row->prologue_end ? "p" : "", row->epilogue_begin ? "b" : "",
				row->end_sequence ? "e" : "");
			ck_assert_uint_lt(n, size);
		}
	}
	ck_assert_int_eq(turf_dwarf_next_line(lines, rows, NULL), r);
	if (r < 0)
		snprintf(text + n, size - n, "!");
}

#define PROGRAM(bytes) bytes, sizeof(bytes) - 1
#define ADDRESS "\0\11\2\0\20\0\0\0\0\0\0" /* DW_LNE_set_address 0x1000 */
#define END "\0\1\1"

static const struct {
	const char *what;
	struct header header;
	const char *bytes;
	size_t size;
	const char *rows;
} programs[] = {
	{ "nothing", { 5 }, PROGRAM(""), "" },
	{ "copy, advance_pc, advance_line",
	  { 5 },
	  PROGRAM(ADDRESS "\1\2\200\1\3\12\1\3\176\1"),
	  "1000 1:1:0:0s, 1080 1:11:0:0s, 1080 1:9:0:0s, " },
	{ "special opcodes",
	  { 5 },
	  PROGRAM(ADDRESS "\22\15\377"),
	  "1000 1:1:0:0s, 1000 1:4294967292:0:0s, 1011 1:4294967291:0:0s, " },
	{ "set_file, set_column, negate_stmt",
	  { 5 },
	  PROGRAM(ADDRESS "\4\2\5\7\6\1\6\1"),
	  "1000 2:1:7:0, 1000 2:1:7:0s, " },
	{ "prologue_end, discriminator: for one row",
	  { 5 },
	  PROGRAM(ADDRESS "\12\0\2\4\5\1\1"),
	  "1000 1:1:0:5sp, 1000 1:1:0:0s, " },
	{ "basic_block, isa: not told",
	  { 5 },
	  PROGRAM(ADDRESS "\7\14\3\1"),
	  "1000 1:1:0:0s, " },
	{ "epilogue_begin: for one row",
	  { 5 },
	  PROGRAM(ADDRESS "\13\1\1"),
	  "1000 1:1:0:0sb, 1000 1:1:0:0s, " },
	{ "numbers of many bytes",
	  { 5 },
	  PROGRAM(ADDRESS "\2\200\2\1\2\200\200\1\1\2\200\200\200\1\1\4\201\202\1\1"
	                  "\5\201\202\3\1\5\201\202\203\1\1"),
	  "1100 1:1:0:0s, 5100 1:1:0:0s, 205100 1:1:0:0s, 205100 16641:1:0:0s, "
	  "205100 16641:1:49409:0s, 205100 16641:1:2146561:0s, " },
	{ "lines back and forth",
	  { 5 },
	  PROGRAM(ADDRESS "\3\300\0\1\3\100\1\3\377\177\1\3\200\177\1\3\377\377\0\1"
	                  "\3\201\200\177\1\3\200\200\200\1\1\3\200\200\200\177\1"),
	  "1000 1:65:0:0s, 1000 1:1:0:0s, 1000 1:0:0:0s, 1000 1:4294967168:0:0s, "
	  "1000 1:16255:0:0s, 1000 1:4294967168:0:0s, 1000 1:2097024:0:0s, "
	  "1000 1:4294967168:0:0s, " },
	{ "discriminators of one byte and of two",
	  { 5 },
	  PROGRAM("\0\2\4\177\1\0\3\4\200\1\1"),
	  "0 1:1:0:127s, 0 1:1:0:128s, " },
	{ "const_add_pc", { 5 }, PROGRAM(ADDRESS "\10\1"), "1011 1:1:0:0s, " },
	{ "fixed_advance_pc", { 5 }, PROGRAM(ADDRESS "\11\1\2\1"), "1201 1:1:0:0s, " },
	{ "end_sequence resets",
	  { 5 },
	  PROGRAM(ADDRESS "\3\4\5\6\4\2" END "\1"),
	  "1000 2:5:6:0se, 0 1:1:0:0s, " },
	{ "unknown opcodes",
	  { 5, 0, 0, 0, 15 },
	  PROGRAM(ADDRESS "\15\200\1\2\16\377\3\0\4\200abc\1"),
	  "1000 1:1:0:0s, " },
	{ "an extended opcode longer than it needs",
	  { 5 },
	  PROGRAM("\0\4\4\5xx\1"),
	  "0 1:1:0:5s, " },
	{ "an extended opcode of no length", { 5 }, PROGRAM("\0\0\1"), "0 1:1:0:0s, " },
	{ "instructions of 4 bytes",
	  { 4, 4 },
	  PROGRAM(ADDRESS "\2\3\1\40"),
	  "100c 1:1:0:0s, 1010 1:1:0:0s, " },
	{ "VLIW: three operations an instruction",
	  { 4, 16, 3 },
	  PROGRAM(ADDRESS "\2\2\1\2\2\1\10\1\11\3\0\1\2\1\1"),
	  "1000 1:1:0:0s, 1010 1:1:0:0s, 1070 1:1:0:0s, 1073 1:1:0:0s, 1073 1:1:0:0s, " },
	{ "opcode_base 10: set_prologue_end is special",
	  { 2, 0, 0, 0, 10 },
	  PROGRAM(ADDRESS "\12\1"),
	  "1000 1:4294967292:0:0s, 1000 1:4294967292:0:0s, " },
	{ "version 3",
	  { 3 },
	  PROGRAM(ADDRESS "\12\1" END),
	  "1000 1:1:0:0sp, 1000 1:1:0:0se, " },
	{ "define_file is skipped", { 4 }, PROGRAM("\0\10\3c.h\0\0\0\0\1"), "0 1:1:0:0s, " },
	{ "addresses of four bytes", { 4 }, PROGRAM("\0\5\2\1\2\0\0\1"), "201 1:1:0:0s, " },
	{ "a tombstone is told",
	  { 5 },
	  PROGRAM("\0\11\2\377\377\377\377\377\377\377\377\1"),
	  "ffffffffffffffff 1:1:0:0s, " },
	{ "cut: operand", { 5 }, PROGRAM("\1\2"), "0 1:1:0:0s, !" },
	{ "cut: extended", { 5 }, PROGRAM("\1\0\11\2\1"), "0 1:1:0:0s, !" },
	{ "set_address without one", { 5 }, PROGRAM("\0\1\2\1"), "!" },
	{ "set_address of nine bytes", { 5 }, PROGRAM("\0\12\2\1\2\3\4\5\6\7\10\11\1"), "!" },
	{ "discriminator without end", { 5 }, PROGRAM("\0\2\4\200\1"), "!" },
};

/* One of the programs, and @pad bytes that do nothing: what is far from the end is run another
 * way. */
static void list_program(size_t i, size_t pad, size_t batch, char *text, size_t size)
{
	struct made m = { 0 };
	struct dwarf dw;
	struct dwarf_lines lines;
	struct turf_error err = { 0 };
	put_unit(&m, 4);
	size_t table = begin_table(&m, &programs[i].header);
	as_bytes(&m.line, programs[i].bytes, programs[i].size);
	for (; pad; pad--)
		as_u8(&m.line, DW_LNS_set_basic_block);
	as_end_length(&m.line, table);
	as_bytes(&m.line, "\1\1\1", 3); /* belongs to nobody */
	struct dwarf_sections s = made_sections(&m);
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	int r = turf_dwarf_lines(&dw, &dw.units[0], &lines, &err);
	ck_assert_msg(r == 1, "%s: %s", programs[i].what, err.text);
	list_rows(&lines, batch, text, size);
	turf_dwarf_close(&dw);
	made_free(&m);
}

START_TEST(rows)
{
	char text[400];
	for (size_t i = 0; i < COUNT(programs); i++) {
		bool cut = strchr(programs[i].rows, '!');
		for (size_t pad = 0; pad < (cut ? 1 : 6); pad++)
			for (size_t batch = 0; batch <= 8; batch++) {
				list_program(i, pad, batch, text, sizeof(text));
				ck_assert_msg(strcmp(text, programs[i].rows) == 0, "%s: %s",
				              programs[i].what, text);
			}
	}
}
END_TEST

/* Every special opcode, of tables of every line_range: against the standard's own formula. */
START_TEST(special_opcodes)
{
	for (unsigned range = 1; range < 256; range++) {
		struct made m = { 0 };
		struct dwarf dw;
		struct dwarf_lines lines;
		struct dwarf_line_row row;
		uint64_t addr = 0;
		uint32_t line = 1;
		put_unit(&m, 4);
		size_t table = begin_table(&m, &(struct header){ 4, 3, 0, range, 0 });
		for (unsigned op = 13; op < 256; op++)
			as_u8(&m.line, (uint8_t)op);
		as_bytes(&m.line, "\10\1\7\7\7\7", 6);
		as_end_length(&m.line, table);
		struct dwarf_sections s = made_sections(&m);
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		ck_assert_int_eq(turf_dwarf_lines(&dw, &dw.units[0], &lines, NULL), 1);
		for (unsigned op = 13; op <= 256; op++) {
			ck_assert_int_eq(turf_dwarf_next_line(&lines, &row, NULL), 1);
			addr += 3 * ((MIN(op, 255U) - 13) / range);
			line += op < 256 ? (uint32_t)(-5 + (int)((op - 13) % range)) : 0;
			ck_assert_uint_eq(row.addr, addr);
			ck_assert_uint_eq(row.line, line);
		}
		turf_dwarf_close(&dw);
		made_free(&m);
	}
}
END_TEST

START_TEST(line_range_zero_is_no_division)
{
	static const char *const cases[] = { "\1\20", "\1\10" };
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };
		struct dwarf dw;
		struct dwarf_lines lines;
		char text[100];
		put_unit(&m, 5);
		size_t table = begin_table(&m, &(struct header){ 5, 0, 0, 14, 0 });
		as_patch(&m.line, 16, 0, 1);
		as_bytes(&m.line, cases[i], 2);
		as_end_length(&m.line, table);
		struct dwarf_sections s = made_sections(&m);
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		ck_assert_int_eq(turf_dwarf_lines(&dw, &dw.units[0], &lines, NULL), 1);
		list_rows(&lines, 0, text, sizeof(text));
		ck_assert_str_eq(text, "0 1:1:0:0s, !");
		turf_dwarf_close(&dw);
		made_free(&m);
	}
}
END_TEST

struct told {
	char text[300];
	size_t n;
	unsigned left; /* before the listener refuses */
};

static int tell(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                const char *name)
{
	struct told *t = ctx;
	if (t->left-- == 0)
		return -ENOSPC;
	t->n += (size_t)snprintf(t->text + t->n, sizeof(t->text) - t->n, "%u %s %s %s, ",
	                         (unsigned)idx, comp_dir ? comp_dir : "-",
	                         directory ? directory : "-", name);
	return 0;
}

START_TEST(files)
{
	static const struct {
		const char *what;
		unsigned version;
		const char *bytes;
		size_t size;
		unsigned left;
		int result;
		const char *files;
	} cases[] = {
		{ "version 5", 5, PROGRAM(""), 9, 0, "0 /src - a.c, 1 /comp inc b.h, " },
		{ "version 4", 4, PROGRAM(""), 9, 0, "1 /comp - a.c, 2 /comp inc b.h, " },
		{ "version 2", 2, PROGRAM(""), 9, 0, "1 /comp - a.c, 2 /comp inc b.h, " },
		{ "defined by the program", 3,
		  PROGRAM("\0\10\3c.h\0\1\0\0\0\10\3d.h\0\0\0\0\1\0\10\3e.h\0\0\0\0"), 9, 0,
		  "1 /comp - a.c, 2 /comp inc b.h, 3 /comp inc c.h, 4 /comp - d.h, "
		  "5 /comp - e.h, " },
		{ "defined in an unknown directory", 3, PROGRAM("\0\10\3c.h\0\2\0\0"), 9,
		  -EBADMSG, "1 /comp - a.c, 2 /comp inc b.h, " },
		{ "the listener refuses", 5, PROGRAM(""), 1, -ENOSPC, "0 /src - a.c, " },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };
		struct dwarf dw;
		struct dwarf_lines lines;
		struct told told = { .left = cases[i].left };
		put_unit(&m, 4);
		size_t table = begin_table(&m, &(struct header){ .version = cases[i].version });
		as_bytes(&m.line, cases[i].bytes, cases[i].size);
		as_end_length(&m.line, table);
		struct dwarf_sections s = made_sections(&m);
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		ck_assert_int_eq(turf_dwarf_lines(&dw, &dw.units[0], &lines, NULL), 1);
		ck_assert_uint_eq(lines.version, cases[i].version);
		int r = turf_dwarf_files(&lines, tell, &told, NULL);
		ck_assert_msg(r == cases[i].result, "%s: %d", cases[i].what, r);
		ck_assert_msg(strcmp(told.text, cases[i].files) == 0, "%s: %s", cases[i].what,
		              told.text);
		turf_dwarf_close(&dw);
		made_free(&m);
	}
}
END_TEST

/* A table of version 5 of which one byte is another. */
START_TEST(bad_headers)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
		int error;
		const char *text;
	} cases[] = {
		{ "as it should be", 0, 0, 1, "" },
		{ "length", 1, 0xff, -EBADMSG, "length" },
		{ "version 6", 4, 6, -ENOTSUP, "version 6" },
		{ "version 1", 4, 1, -ENOTSUP, "version 1" },
		{ "address size", 6, 3, -EBADMSG, "addresses" },
		{ "header_length too long", 9, 0xff, -EBADMSG, "leaves the table" },
		{ "header_length too short", 8, 4, -EBADMSG, "longer than it says" },
		{ "header_length short of the lengths", 8, 7, -EBADMSG, "longer" },
		{ "header_length short of the tables", 8, 30, -EBADMSG, "directory or file" },
		{ "opcode_base 0", 17, 0, -EBADMSG, "opcode_base" },
		{ "directory columns", 30, 9, -ENOTSUP, "columns" },
		{ "unknown form", 32, 0x7f, -EBADMSG, "directory or file" },
		{ "more directories than bytes", 33, 0x7f, -EBADMSG, "directory or file" },
		{ "file columns", 42, 9, -ENOTSUP, "columns" },
		{ "more files than bytes", 52, 0x7f, -EBADMSG, "directory or file" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };
		struct dwarf dw;
		struct dwarf_lines lines;
		struct turf_error err = { 0 };
		put_unit(&m, 5);
		size_t table = begin_table(&m, &(struct header){ .version = 5 });
		as_end_length(&m.line, table);
		if (cases[i].at)
			as_patch(&m.line, cases[i].at, cases[i].value, 1);
		struct dwarf_sections s = made_sections(&m);
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		int r = turf_dwarf_lines(&dw, &dw.units[0], &lines, &err);
		ck_assert_msg(r == cases[i].error, "%s: %d %s", cases[i].what, r, err.text);
		ck_assert_msg(r > 0 || strstr(err.text, cases[i].text), "%s: %s", cases[i].what,
		              err.text);
		turf_dwarf_close(&dw);
		made_free(&m);
	}
}
END_TEST

/* Bad entries are found when they are read. */
START_TEST(bad_files)
{
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
	} cases[] = {
		{ "a directory outside of .debug_line_str", 35, 0x7f },
		{ "no column with a name", 43, 3 },
		{ "an unknown form", 44, 0x7f },
		{ "a directory nobody has", 57, 2 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };
		struct dwarf dw;
		struct dwarf_lines lines;
		struct told told = { .left = 9 };
		put_unit(&m, 5);
		size_t table = begin_table(&m, &(struct header){ .version = 5 });
		as_end_length(&m.line, table);
		as_patch(&m.line, cases[i].at, cases[i].value, 1);
		struct dwarf_sections s = made_sections(&m);
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		ck_assert_int_eq(turf_dwarf_lines(&dw, &dw.units[0], &lines, NULL), 1);
		int r = turf_dwarf_files(&lines, tell, &told, NULL);
		ck_assert_msg(r == -EBADMSG, "%s: %d %s", cases[i].what, r, told.text);
		turf_dwarf_close(&dw);
		made_free(&m);
	}
}
END_TEST

START_TEST(no_table_is_no_error)
{
	struct made m = { 0 };
	struct dwarf dw;
	struct dwarf_lines lines;
	put_unit(&m, 5);
	struct dwarf_sections s = made_sections(&m);
	ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
	ck_assert_int_eq(turf_dwarf_lines(&dw, &dw.units[0], &lines, NULL), -EBADMSG);
	dw.units[0].line_off = DWARF_NONE;
	ck_assert_int_eq(turf_dwarf_lines(&dw, &dw.units[0], &lines, NULL), 0);
	turf_dwarf_close(&dw);
	made_free(&m);
}
END_TEST

TESTS("dwarf/lines", rows, special_opcodes, line_range_zero_is_no_division, files, bad_headers,
      bad_files, no_table_is_no_error)
