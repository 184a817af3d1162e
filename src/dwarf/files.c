/* SPDX-License-Identifier: MIT */
/*
 * The directories and files of a line table.
 *
 * Cost:   one pass over each table; one array of the directories' names while it runs
 * Trust:  none; no table has more entries than bytes
 * Source: DWARF 5 section 6.2.4, DWARF 4 sections 6.2.4, 6.2.5.3
 */
#include "dwarf/internal.h"

int turf_dwarf_file_entry(const struct dwarf_lines *lines, const struct dwarf_format *format,
                          struct cursor *c, struct dwarf_file *ret)
{
	struct dwarf_sizes sizes = { lines->address_size, lines->offset_size,
		                     lines->offset_size };
	struct dwarf_file file = { 0 };
	for (unsigned i = 0; i < format->n; i++) {
		struct dwarf_value value;
		uint16_t content = format->entry[i].content, form = format->entry[i].form;
		/* as nearly all are: units list the same headers thousands of times */
		if (form == DW_FORM_line_strp)
			value = (struct dwarf_value){ VALUE_LINE_STR,
				                      cur_uint(c, sizes.offset) };
		else if (form == DW_FORM_udata)
			value = (struct dwarf_value){ VALUE_CONSTANT, cur_uleb(c) };
		else if (!turf_dwarf_value(c, form, sizes, &value))
			return -EBADMSG;
		if (c->bad)
			return -EBADMSG;
		if (!ret)
			continue;
		if (content == DW_LNCT_path &&
		    turf_dwarf_string(lines->dw, lines->unit, &value, &file.name) < 0)
			return -EBADMSG;
		if (content == DW_LNCT_directory_index && is_number(&value))
			file.directory = value.u;
	}
	if (ret)
		*ret = file;
	return 0;
}

/* The names of all directories, by index; DWARF 5 counts from 0, which is the compilation
 * directory; before, 0 was that too but had no entry. */
struct directories {
	const char **at;
	uint64_t n;
};

static void directories_fini(struct directories *d)
{
	free(d->at);
}

static int read_directories(const struct dwarf_lines *lines, struct directories *ret)
{
	bool v5 = lines->version >= 5;
	struct cursor c = lines->directories;
	ret->n = lines->n_directories + (v5 ? 0 : 1); /* far from overflow: each took a byte */
	ret->at = calloc(ret->n ? ret->n : 1, sizeof(*ret->at));
	if (!ret->at)
		return -ENOMEM;
	for (uint64_t i = v5 ? 0 : 1; i < ret->n; i++) {
		struct dwarf_file entry = { 0 };
		if (v5 &&
		    turf_dwarf_file_entry(lines, &lines->directory_format, &c, &entry) < 0)
			return -EBADMSG;
		ret->at[i] = v5 ? entry.name : cur_str(&c);
	}
	return 0;
}

/* What the passes below share. */
struct telling {
	const struct dwarf_lines *lines;
	struct directories directories;
	int (*emit)(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
	            const char *name);
	void *ctx;
	uint64_t idx; /* of the next file */
};

static void telling_fini(struct telling *t)
{
	directories_fini(&t->directories);
}

/* The directory that others count from. */
static const char *comp_dir_of(const struct telling *t)
{
	const char *own = t->lines->unit->comp_dir;
	return !own && t->directories.n ? t->directories.at[0] : own;
}

/* Directory 0 is the compilation directory, and need not be absolute: where the table names it
 * (version 5), it is not to be put behind the unit's name for it. */
static int tell(struct telling *t, const struct dwarf_file *file)
{
	if (!file->name || (file->directory && file->directory >= t->directories.n))
		return -EBADMSG;
	const char *comp_dir = comp_dir_of(t);
	const char *directory = t->directories.n ? t->directories.at[file->directory] : NULL;
	if (file->directory == 0 && directory) {
		comp_dir = directory;
		directory = NULL;
	}
	return t->emit(t->ctx, t->idx++, comp_dir, directory, file->name);
}

static int tell_files_5(struct telling *t)
{
	struct cursor c = t->lines->files;
	int r = 0;
	for (uint64_t i = 0; i < t->lines->n_files && r >= 0; i++) {
		struct dwarf_file file;
		r = turf_dwarf_file_entry(t->lines, &t->lines->file_format, &c, &file);
		if (r == 0)
			r = tell(t, &file);
	}
	return r;
}

/* An entry as it was before version 5: 1, 0 the end of the table, < 0. */
static int tell_file_4(struct telling *t, struct cursor *c)
{
	struct dwarf_file file = { .name = cur_str(c) };
	if (c->bad || !*file.name)
		return c->bad ? -EBADMSG : 0;
	file.directory = cur_uleb(c);
	(void)cur_uleb(c); /* time of change */
	(void)cur_uleb(c); /* size */
	int r = c->bad ? -EBADMSG : tell(t, &file);
	return r < 0 ? r : 1;
}

/* Whether the program may define files: a DW_LNE_define_file begins with 0, a length, 3. Most
 * programs do not, and need not be run to know. */
static bool may_define(const struct dwarf_lines *lines)
{
	struct cursor c = lines->program;
	const uint8_t *zero;
	while (cur_left(&c) && (zero = memchr(c.at, 0, cur_left(&c)))) {
		struct cursor op = c;
		op.at = zero + 1;
		(void)cur_uleb(&op);
		if (cur_u8(&op) == DW_LNE_define_file)
			return true;
		c.at = zero + 1;
	}
	return false;
}

/* Files that the program defines count on behind the table's. A program that goes wrong is
 * told by the walk over its rows, not here. */
static int tell_defined(struct telling *t)
{
	struct dwarf_lines run = *t->lines;
	struct dwarf_line_row row;
	int r = 1, step = 0;
	while (r >= 0 && step >= 0 && cur_left(&run.program)) {
		run.defined.at = NULL;
		step = turf_dwarf_line_step(&run, &row);
		if (step >= 0 && run.defined.at)
			r = tell_file_4(t, &run.defined);
	}
	return r;
}

static int tell_files_4(struct telling *t)
{
	struct cursor c = t->lines->files;
	int r;
	t->idx = 1;
	do {
		r = tell_file_4(t, &c);
	} while (r > 0);
	return r == 0 && may_define(t->lines) ? tell_defined(t) : r;
}

int turf_dwarf_files(const struct dwarf_lines *lines,
                     int (*emit)(void *ctx, uint64_t idx, const char *comp_dir,
                                 const char *directory, const char *name),
                     void *ctx, struct turf_error *err)
{
	scoped(telling_fini) struct telling t = { .lines = lines, .emit = emit, .ctx = ctx };
	int r = read_directories(lines, &t.directories);
	if (r == 0)
		r = lines->version >= 5 ? tell_files_5(&t) : tell_files_4(&t);
	if (r >= 0)
		return 0;
	unsigned long long off = lines->unit->line_off;
	return r == -EBADMSG ? turf_fail(err, r, off,
	                                 "line table at 0x%llx of .debug_line: malformed "
	                                 "directory or file table",
	                                 off)
	                     : turf_fail(err, r, off,
	                                 "line table at 0x%llx of .debug_line: its files were "
	                                 "refused: %s",
	                                 off, strerror(-r));
}
