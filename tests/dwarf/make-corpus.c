/* SPDX-License-Identifier: MIT */
/*
 * Writes everything.h, and macros, as seeds of fuzz-info and fuzz-line: make-corpus
 * FUZZ-CORPUS-FOLDER
 */
#include <stdio.h>

#include "dwarf/everything.h"

static void put(FILE *f, const struct as *part)
{
	if (fwrite(part->buf.at, 1, part->buf.n, f) != part->buf.n)
		abort();
}

static void put_size(FILE *f, const struct as *part)
{
	fputc((int)(part->buf.n & 0xff), f);
	fputc((int)(part->buf.n >> 8), f);
}

static FILE *begin(const char *folder, const char *name, const char *what, unsigned version)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s/%s-%u.bin", folder, name, what, version);
	FILE *f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	fputc(0, f);
	return f;
}

static void put_info(const char *folder, const char *what, struct made *m)
{
	struct as *const parts[] = { &m->info,        &m->abbrev, &m->str,    &m->line_str,
		                     &m->str_offsets, &m->addr,   &m->ranges, &m->rnglists };
	FILE *f = begin(folder, "info", what, 5);
	for (size_t i = 0; i < COUNT(parts) - 1; i++)
		put_size(f, parts[i]);
	for (size_t i = 0; i < COUNT(parts); i++)
		put(f, parts[i]);
	fclose(f);
}

static void put_line(const char *folder, struct made *m, unsigned version)
{
	FILE *f = begin(folder, "line", "everything", version);
	put_size(f, &m->line_str);
	put(f, &m->line_str);
	put(f, &m->line);
	fclose(f);
}

/* Where the reader takes macros to be: in .debug_rnglists. */
static struct made macros(void)
{
	struct made m = { 0 };
	ABBREV(&m, 1, DW_TAG_compile_unit, false, { DW_AT_macros, DW_FORM_sec_offset });
	ABBREV(&m, 2, DW_TAG_compile_unit, false, { DW_AT_macro_info, DW_FORM_sec_offset });
	as_u8(&m.abbrev, 0);
	for (unsigned code = 1; code <= 2; code++) {
		size_t begun = begin_unit(&m, 4, 0);
		as_u8(&m.info, (uint8_t)code);
		as_u32(&m.info, code == 1 ? 0 : 40);
		as_end_length(&m.info, begun);
	}
	as_str(&m.str, "ONE 1");
	as_bytes(&m.rnglists, "\5\0\4\1\xe0\1\x0b\3\0\1\1\2A b\0\5\3\0\0\0\0\x0b\4\1\xe0x\4",
	         28);
	as_bytes(&m.rnglists, "\7\x21\0\0\0", 5);
	as_bytes(&m.rnglists, "\5\0\0\2\1A\0", 7);
	as_bytes(&m.rnglists, "\3\0\1\1\5A b\0\xff\1text\0\2\6A\0\4\0", 22);
	return m;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	for (unsigned version = 2; version <= 5; version++) {
		struct made m = everything(version);
		if (version == 5)
			put_info(argv[1], "everything", &m);
		put_line(argv[1], &m, version);
		made_free(&m);
	}
	struct made m = macros();
	put_info(argv[1], "macros", &m);
	made_free(&m);
	return 0;
}
