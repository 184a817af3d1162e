/* SPDX-License-Identifier: MIT */
/*
 * Writes everything.h as seeds of fuzz-info and fuzz-line: make-corpus FUZZ-CORPUS-FOLDER
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

static FILE *begin(const char *folder, const char *name, unsigned version)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s/everything-%u.bin", folder, name, version);
	FILE *f = fopen(path, "w");
	if (!f) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	fputc(0, f);
	return f;
}

static void put_info(const char *folder, struct made *m)
{
	struct as *const parts[] = { &m->info,        &m->abbrev, &m->str,    &m->line_str,
		                     &m->str_offsets, &m->addr,   &m->ranges, &m->rnglists };
	FILE *f = begin(folder, "info", 5);
	for (size_t i = 0; i < COUNT(parts) - 1; i++)
		put_size(f, parts[i]);
	for (size_t i = 0; i < COUNT(parts); i++)
		put(f, parts[i]);
	fclose(f);
}

static void put_line(const char *folder, struct made *m, unsigned version)
{
	FILE *f = begin(folder, "line", version);
	put_size(f, &m->line_str);
	put(f, &m->line_str);
	put(f, &m->line);
	fclose(f);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	for (unsigned version = 2; version <= 5; version++) {
		struct made m = everything(version);
		if (version == 5)
			put_info(argv[1], &m);
		put_line(argv[1], &m, version);
		made_free(&m);
	}
	return 0;
}
