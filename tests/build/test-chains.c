/* SPDX-License-Identifier: MIT */
/*
 * What the DWARF reader tells of a unit, asked for by address in the plainest way, against what
 * the urf says: the same functions, inlined calls, files, lines and columns at the first,
 * middle and last address of ranges and rows of every unit. Of libc.so.6 and python3.11 with
 * their debug files, and of this program. (That the reader is right is
 * tests/dwarf/oracle-dwarf.py's to show.)
 */
#include "base/vec.h"
#include "build/self.h"
#include "dwarf/dwarf.h"
#include "elf/elf.h"
#include "urf/format.h"

enum { PER_UNIT = 40, N_SECTIONS = 9 }; /* ranges, and rows, that are asked about */

struct scope {
	struct dwarf_scope is;
	size_t parent; /* index + 1; 0: a function */
};
struct extent {
	uint64_t start, end;
	size_t scope; /* of a range: index */
	struct dwarf_line_row row;
};
struct extents {
	struct extent *at;
	size_t n, room;
};
struct file {
	const char *comp_dir, *directory, *name;
};

/* One unit, as it was read. */
struct read {
	const struct dwarf *dw;
	struct {
		struct scope *at;
		size_t n, room;
	} scopes;
	struct extents ranges, rows, own;
	struct {
		struct file *at;
		size_t n, room;
	} files; /* by index in the line table */
};

static void add_extent(struct extents *e, struct extent extent)
{
	struct extent *new = vec_push(e);
	ck_assert_ptr_nonnull(new);
	*new = extent;
}

static size_t scope_of(const struct read *u, uint64_t die)
{
	size_t i = u->scopes.n;
	while (i && u->scopes.at[i - 1].is.die != die)
		i--;
	return i;
}

static void read_scopes(struct read *u, const struct dwarf_unit *unit)
{
	struct dwarf_scopes walk;
	struct dwarf_scope scope;
	struct dwarf_range range;
	ck_assert_int_eq(turf_dwarf_scopes(u->dw, unit, &walk, NULL), 0);
	while (turf_dwarf_next_scope(&walk, &scope, NULL) == 1) {
		struct scope *new = vec_push(&u->scopes);
		ck_assert_ptr_nonnull(new);
		new->is = scope;
		new->parent = scope.kind == DWARF_INLINED ? scope_of(u, scope.parent) : 0;
		while (turf_dwarf_next_range(&scope.ranges, &range, NULL) == 1)
			add_extent(&u->ranges,
			           (struct extent){ range.start, range.end, u->scopes.n - 1 });
	}
}

static int add_file(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                    const char *name)
{
	struct read *u = ctx;
	while (u->files.n <= idx)
		ck_assert_ptr_nonnull(vec_push(&u->files));
	u->files.at[idx] = (struct file){ comp_dir, directory, name };
	return 0;
}

static void read_lines(struct read *u, const struct dwarf_unit *unit)
{
	struct dwarf_lines walk;
	struct dwarf_line_row row, last = { .end_sequence = true };
	if (turf_dwarf_lines(u->dw, unit, &walk, NULL) != 1)
		return;
	ck_assert_int_eq(turf_dwarf_files(&walk, add_file, u, NULL), 0);
	while (turf_dwarf_next_line(&walk, &row, NULL) == 1) {
		if (!last.end_sequence && last.addr < row.addr)
			add_extent(&u->rows, (struct extent){ last.addr, row.addr, 0, last });
		last = row;
	}
	struct dwarf_ranges own;
	struct dwarf_range range;
	if (turf_dwarf_unit_ranges(unit, &own) == 1)
		while (turf_dwarf_next_range(&own, &range, NULL) == 1)
			add_extent(&u->own, (struct extent){ range.start, range.end });
	if (unit->tag == DWARF_PARTIAL_UNIT && !u->own.n)
		u->rows.n = 0; /* they are those of the units that import it */
}

/* The last one that covers @addr. */
static const struct extent *covers(const struct extents *e, uint64_t addr)
{
	for (size_t i = e->n; i-- > 0;)
		if (e->at[i].start <= addr && addr < e->at[i].end)
			return &e->at[i];
	return NULL;
}

/* "directory/name:line:column", nothing of line 0. */
static void put_place(char *out, size_t size, const char *path, uint32_t line, uint32_t column)
{
	if (line)
		snprintf(out, size, "%s:%u:%u", path, line, column);
	else
		snprintf(out, size, "?");
}

static void place_of(const struct read *u, uint64_t file, uint32_t line, uint32_t column,
                     char *out, size_t size)
{
	char path[4096] = "??";
	const struct file *f = file < u->files.n ? &u->files.at[file] : NULL;
	const char *dir = f && f->directory ? f->directory : "";
	const char *comp = f && f->comp_dir && *dir != '/' ? f->comp_dir : "";
	if (f && f->name && *f->name == '/')
		snprintf(path, sizeof(path), "%s", f->name);
	else if (f && f->name)
		snprintf(path, sizeof(path), "%s%s%s%s%s", comp, *comp && *dir ? "/" : "", dir,
		         *comp || *dir ? "/" : "", f->name);
	put_place(out, size, path, line, column);
}

/* That frame of the urf is @name, which was declared so or is known by a symbol, at @place. */
static void check_frame(const struct turf_image *image, uint64_t addr,
                        const struct turf_frame *f, const struct dwarf_names *names,
                        const char *place)
{
	char name[4096], path[4096], have[4200];
	ck_assert_int_ge(turf_image_path(image, f->file, path, sizeof(path)), 0);
	put_place(have, sizeof(have), path, f->line, f->column);
	if (strcmp(have, place) != 0)
		ck_abort_msg("%#lx: %s instead of %s", (unsigned long)addr, have, place);
	if (!names)
		return;
	ck_assert_int_ge(turf_image_text(image, f->name, name, sizeof(name)), 0);
	if (names->name && strcmp(name, names->name) != 0)
		ck_abort_msg("%#lx: %s instead of %s", (unsigned long)addr, name, names->name);
	ck_assert_int_ge(turf_image_text(image, f->linkage_name, name, sizeof(name)), 0);
	if (names->linkage_name && strcmp(name, names->linkage_name) != 0)
		ck_abort_msg("%#lx: %s instead of %s", (unsigned long)addr, name,
		             names->linkage_name);
}

/* Whether there was something to say; how many frames are added to @n_frames. */
static bool check_addr(const struct read *u, const struct turf_image *image, uint64_t addr,
                       size_t *n_frames)
{
	struct turf_image_info info;
	turf_image_info(image, &info);
	if (addr < info.base || addr >= info.end)
		return false; /* code that the linker dropped */
	const struct extent *range = covers(&u->ranges, addr), *row = covers(&u->rows, addr);
	if (row && u->own.n && !covers(&u->own, addr))
		row = NULL;
	if (!range && (!row || !row->row.line))
		return false;
	struct turf_frames walk;
	struct turf_frame f;
	char place[4200] = "?";
	if (row)
		place_of(u, row->row.file, row->row.line, row->row.column, place,
		         sizeof(place));
	if (turf_image_frames(image, addr, &walk) != 1)
		ck_abort_msg("%#lx: nothing", (unsigned long)addr);
	for (size_t at = range ? range->scope + 1 : 0; at; at = u->scopes.at[at - 1].parent) {
		const struct dwarf_scope *s = &u->scopes.at[at - 1].is;
		struct dwarf_names names = { 0 };
		uint64_t die = s->kind == DWARF_FUNCTION ? s->die : s->origin;
		ck_assert_int_eq(turf_dwarf_names(u->dw, die, &names, NULL), 0);
		if (turf_frames_next(&walk, &f) != 1)
			ck_abort_msg("%#lx: no %s", (unsigned long)addr, names.name);
		check_frame(image, addr, &f, &names, place);
		ck_assert_int_eq(f.inlined, s->kind == DWARF_INLINED);
		place_of(u, s->call_file, s->call_line, s->call_column, place, sizeof(place));
		++*n_frames;
	}
	if (!range) {
		ck_assert_int_eq(turf_frames_next(&walk, &f), 1);
		check_frame(image, addr, &f, NULL, place);
	}
	if (turf_frames_next(&walk, &f) != 0)
		ck_abort_msg("%#lx: more frames", (unsigned long)addr);
	return true;
}

static size_t check_extents(const struct read *u, const struct extents *e,
                            const struct turf_image *image, size_t *n_frames)
{
	size_t n = 0, step = e->n / PER_UNIT + 1;
	for (size_t i = 0; i < e->n; i += step) {
		const struct extent *x = &e->at[i];
		n += check_addr(u, image, x->start, n_frames);
		n += check_addr(u, image, x->start + (x->end - x->start) / 2, n_frames);
		n += check_addr(u, image, x->end - 1, n_frames);
	}
	return n;
}

static size_t check_unit(const struct dwarf *dw, const struct dwarf_unit *unit,
                         const struct turf_image *image, size_t *n_frames)
{
	struct read u = { .dw = dw };
	ck_assert_int_eq(unit->error, 0);
	read_scopes(&u, unit);
	read_lines(&u, unit);
	size_t n = check_extents(&u, &u.ranges, image, n_frames) +
	           check_extents(&u, &u.rows, image, n_frames);
	vec_fini(&u.scopes);
	vec_fini(&u.ranges);
	vec_fini(&u.rows);
	vec_fini(&u.own);
	vec_fini(&u.files);
	return n;
}

/* The file that has the DWARF: @path itself, or what its build-id leads to. */
static int open_debug(const char *path, const struct turf_image *image)
{
	struct turf_image_info info;
	char debug[512] = "/usr/lib/debug/.build-id/";
	turf_image_info(image, &info);
	if (info.flags & URF_HAS_DEBUG_FILE) {
		for (size_t i = 0; i < info.source_id_size; i++)
			sprintf(debug + strlen(debug), i ? "%02x" : "%02x/", info.source_id[i]);
		strcat(debug, ".debug");
		path = debug;
	}
	int fd = turf_open_read(path, NULL);
	ck_assert_msg(fd >= 0, "%s", path);
	return fd;
}

static void load_sections(const struct elf *elf, struct elf_data data[N_SECTIONS],
                          struct dwarf_sections *s)
{
	const struct {
		const char *name;
		struct span *span;
	} all[N_SECTIONS] = {
		{ ".debug_info", &s->info },         { ".debug_abbrev", &s->abbrev },
		{ ".debug_line", &s->line },         { ".debug_str", &s->str },
		{ ".debug_line_str", &s->line_str }, { ".debug_str_offsets", &s->str_offsets },
		{ ".debug_addr", &s->addr },         { ".debug_ranges", &s->ranges },
		{ ".debug_rnglists", &s->rnglists },
	};
	for (size_t i = 0; i < N_SECTIONS; i++) {
		struct elf_section section;
		if (turf_elf_find_section(elf, all[i].name, &section, NULL) != 1)
			continue;
		ck_assert_int_eq(turf_elf_data(elf, &section, &data[i], NULL), 0);
		*all[i].span = data[i].bytes;
	}
}

static void check_file(const char *path, size_t at_least)
{
	struct turf_error err = { 0 };
	struct mapping map;
	struct elf elf;
	struct elf_data data[N_SECTIONS] = { 0 };
	struct dwarf_sections sections = { 0 };
	struct dwarf dw;
	scoped(closep) int fd = turf_open_read(path, &err);
	scoped(closep) int out = temp_file();
	ck_assert_msg(fd >= 0 && build_of(fd, 2, out, &err) == 0, "%s", err.text);
	struct turf_image *image = open_urf(out);
	scoped(closep) int debug = open_debug(path, image);
	ck_assert_int_eq(turf_map_fd(debug, path, &map, NULL), 0);
	ck_assert_int_eq(turf_elf_open(map.bytes, &elf, NULL), 0);
	load_sections(&elf, data, &sections);
	ck_assert_int_eq(turf_dwarf_open(&sections, &dw, NULL), 0);
	size_t n = 0, n_frames = 0;
	for (size_t i = 0; i < dw.n_units; i++)
		n += check_unit(&dw, &dw.units[i], image, &n_frames);
	ck_assert_uint_ge(n, at_least);
	ck_assert_uint_ge(n_frames, n); /* some are inlined */
	turf_dwarf_close(&dw);
	for (size_t i = 0; i < N_SECTIONS; i++)
		turf_elf_data_fini(&data[i]);
	turf_unmap(&map);
	turf_image_close(image);
}

START_TEST(this_program)
{
	check_file("/proc/self/exe", 500);
}
END_TEST

START_TEST(libc)
{
	check_file("/lib/x86_64-linux-gnu/libc.so.6", 100000);
}
END_TEST

START_TEST(python)
{
	check_file("/usr/bin/python3.11", 10000);
}
END_TEST

TESTS("build/chains", this_program, libc, python)
