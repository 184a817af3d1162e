/* SPDX-License-Identifier: MIT */
/*
 * Macros: units' own, and what they import, which is shared between units and read once for
 * each file that it stands in.
 *
 * Trust:  none. What is imported in circles, or was read before, is not read again; nor more
 *         than a few times what the sections hold; nor deeper than some levels.
 */
#include "build/build.h"
#include "dwarf/macros.h"

enum {
	DEPTH_MAX = 32,   /* imports in each other; gcc and dwz make one */
	OFTEN = 16,       /* times the sections that may be read */
	SLACK = 64 << 10, /* bytes */
};

/* Something that is read: a unit's own macros or imported ones. */
struct place {
	const struct dwarf_sections *in;
	uint64_t off;
	bool old;
	bool needs_unit; /* it says something else in another unit */
	bool open;       /* it is being read */
};
/* It was read in that file, last for that unit. */
struct visit {
	uint32_t place, file;
	const struct dwarf_unit *unit;
};
struct file_entry {
	const char *comp_dir, *directory, *name;
};

struct reader {
	struct builder *b;
	struct {
		struct place *at;
		size_t n, room;
	} places;
	struct {
		struct visit *at;
		size_t n, room;
	} visits;
	struct table known_places, known_visits, known;
	struct {
		struct file_entry *at;
		size_t n, room;
	} files; /* of the line table at files_of, files_off */
	const struct dwarf_sections *files_of;
	uint64_t files_off;
	struct {
		uint32_t *at;
		size_t n, room;
	} around; /* files begun, by provisional number */
	const struct dwarf_unit *unit;
	uint64_t left; /* bytes that may be read */
	uint64_t lost; /* macros of which the name lies nowhere */
	bool failed;   /* something of the unit was told already */
};

static void reader_fini(struct reader *r)
{
	vec_fini(&r->places);
	vec_fini(&r->visits);
	vec_fini(&r->files);
	vec_fini(&r->around);
	turf_table_fini(&r->known_places);
	turf_table_fini(&r->known_visits);
	turf_table_fini(&r->known);
}

/* One cause for each unit: a damaged one may have thousands. */
static void tell(struct reader *r, const char *why)
{
	if (!r->failed)
		turf_build_note(r->b, TURF_WARNING, "%s: unit at .debug_info+%#llx (%s): %s",
		                r->b->in.name, (unsigned long long)r->unit->off,
		                r->unit->name ? r->unit->name : "?", why);
	r->failed = true;
}

static int list_file(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                     const char *name)
{
	struct reader *r = ctx;
	if (idx > UINT32_MAX || !vec_reserve(&r->files, idx + 1 - r->files.n))
		return -ENOMEM;
	while (r->files.n < idx)
		r->files.at[r->files.n++] = (struct file_entry){ 0 };
	r->files.at[r->files.n++] = (struct file_entry){ comp_dir, directory, name };
	return 0;
}

/* The provisional number of a file of the walk's line table; 0: it is not known. */
static int file_of(struct reader *r, const struct dwarf_macros *walk, uint64_t idx,
                   uint32_t *ret)
{
	*ret = 0;
	if (walk->unit.line_off == DWARF_NONE)
		return 0;
	if (r->files_of != walk->unit.in || r->files_off != walk->unit.line_off) {
		struct dwarf_lines lines;
		r->files_of = walk->unit.in;
		r->files_off = walk->unit.line_off;
		r->files.n = 0;
		if (turf_dwarf_lines(&r->b->dwarf, &walk->unit, &lines, NULL) == 1 &&
		    turf_dwarf_files(&lines, list_file, r, NULL) == -ENOMEM)
			return -ENOMEM;
	}
	if (idx >= r->files.n || !r->files.at[idx].name)
		return 0;
	const struct file_entry *f = &r->files.at[idx];
	const struct unit_file file = { .directory = f->directory, .name = f->name };
	return turf_cold_file(r->b, f->comp_dir, &file, ret);
}

static bool same_macro(const void *ctx, uint32_t idx, const void *other)
{
	const struct cold_macro *a = &((const struct macros *)ctx)->at[idx], *b = other;
	return a->name == b->name && a->body == b->body && a->file == b->file &&
	       a->line == b->line && a->undefined == b->undefined;
}

static int add(struct reader *r, const struct cold_macro *m)
{
	struct macros *all = &r->b->macros;
	uint64_t hash = hash_mix(hash_mix(0, (uint64_t)m->name << 32 | m->body),
	                         (uint64_t)m->file << 32 | m->line);
	uint32_t idx;
	if (all->n == TABLE_MAX || !vec_reserve(all, 1))
		return all->n == TABLE_MAX ? -E2BIG : -ENOMEM;
	int known = turf_table_intern(&r->known, hash_mix(hash, m->undefined), same_macro, all,
	                              m, (uint32_t)all->n, &idx);
	if (known == 0)
		all->at[all->n++] = *m;
	return MIN(known, 0);
}

/* "NAME", and " BODY" or "(PARAMETERS) BODY", without blanks at the end. */
static int read_macro(struct reader *r, const struct dwarf_macro *macro)
{
	size_t size = macro->text ? strlen(macro->text) : 0;
	size_t name = size ? strcspn(macro->text, " (") : 0;
	if (!name || size > URF_TEXT_MAX) {
		r->lost++;
		return 0;
	}
	while (size > name && macro->text[size - 1] == ' ')
		size--;
	struct cold_macro m = {
		.file = r->around.n ? r->around.at[r->around.n - 1] : 0,
		.line = (uint32_t)MIN(macro->line, UINT32_MAX),
		.undefined = macro->kind == MACRO_UNDEF,
	};
	int e = turf_cold_part(r->b, macro->text, name, &m.name);
	if (e == 0 && !m.undefined)
		e = turf_cold_part(r->b, macro->text + name, size - name, &m.body);
	return e < 0 ? e : add(r, &m);
}

static bool same_place(const void *ctx, uint32_t idx, const void *other)
{
	const struct place *a = &((const struct reader *)ctx)->places.at[idx], *b = other;
	return a->in == b->in && a->off == b->off && a->old == b->old;
}

static bool same_visit(const void *ctx, uint32_t idx, const void *other)
{
	const struct visit *a = &((const struct reader *)ctx)->visits.at[idx], *b = other;
	return a->place == b->place && a->file == b->file;
}

/* The number of a place. 0, -ENOMEM or -E2BIG. */
static int number_place(struct reader *r, const struct place *place, uint32_t *ret)
{
	uint64_t hash = hash_mix(hash_mix(place->old, (uintptr_t)place->in), place->off);
	if (r->places.n == TABLE_MAX || !vec_reserve(&r->places, 1))
		return r->places.n == TABLE_MAX ? -E2BIG : -ENOMEM;
	int known = turf_table_intern(&r->known_places, hash, same_place, r, place,
	                              (uint32_t)r->places.n, ret);
	if (known == 0)
		r->places.at[r->places.n++] = *place;
	return MIN(known, 0);
}

/* Whether a place says nothing new in the file that is open: 1, 0 it is read now, < 0. */
static int is_read(struct reader *r, uint32_t place)
{
	struct visit v = { place, r->around.n ? r->around.at[r->around.n - 1] : 0, r->unit };
	uint32_t idx;
	if (r->visits.n == TABLE_MAX || !vec_reserve(&r->visits, 1))
		return r->visits.n == TABLE_MAX ? -E2BIG : -ENOMEM;
	int known = turf_table_intern(&r->known_visits,
	                              hash_mix(0, (uint64_t)v.place << 32 | v.file), same_visit,
	                              r, &v, (uint32_t)r->visits.n, &idx);
	if (known < 0)
		return known;
	if (known == 0)
		r->visits.at[r->visits.n++] = v;
	else if (!r->places.at[place].needs_unit || r->visits.at[idx].unit == r->unit)
		return 1;
	r->visits.at[idx].unit = r->unit;
	return 0;
}

static int read_import(struct reader *r, const struct dwarf_macros *from,
                       const struct dwarf_macro *import, uint32_t place, unsigned depth);

/* What one operation does. */
static int take(struct reader *r, const struct dwarf_macros *walk,
                const struct dwarf_macro *macro, uint32_t place, size_t outer, unsigned depth)
{
	uint32_t file;
	int e;
	switch (macro->kind) {
	case MACRO_DEFINE:
	case MACRO_UNDEF:
		return read_macro(r, macro);
	case MACRO_START_FILE:
		e = file_of(r, walk, macro->file, &file);
		if (e == 0 && !vec_reserve(&r->around, 1))
			e = -ENOMEM;
		if (e == 0)
			r->around.at[r->around.n++] = file;
		return e;
	case MACRO_END_FILE: /* of those that began here */
		r->around.n -= r->around.n > outer;
		return 0;
	default:
		return read_import(r, walk, macro, place, depth);
	}
}

static int read_place(struct reader *r, struct dwarf_macros *walk, uint32_t place,
                      unsigned depth)
{
	struct turf_error err = { 0 };
	struct dwarf_macro macro;
	size_t outer = r->around.n;
	int e = is_read(r, place), more = e == 0;
	const uint8_t *begin = walk->at.at;
	r->places.at[place].open = e == 0;
	while (e == 0 && (more = turf_dwarf_next_macro(walk, &macro, &err)) == 1) {
		e = take(r, walk, &macro, place, outer, depth);
		r->places.at[place].needs_unit |= walk->needs_unit;
		if (r->left < (uint64_t)(walk->at.at - begin))
			break;
		r->left -= (uint64_t)(walk->at.at - begin);
		begin = walk->at.at;
	}
	r->around.n = outer;
	r->places.at[place].open = false;
	if (more < 0)
		tell(r, err.text);
	else if (e == 0 && more == 1)
		tell(r, "its macros are imported too often: some are left out");
	return MIN(e, 0);
}

static int read_import(struct reader *r, const struct dwarf_macros *from,
                       const struct dwarf_macro *import, uint32_t by, unsigned depth)
{
	struct turf_error err = { 0 };
	struct dwarf_macros walk;
	uint32_t place;
	if (depth == DEPTH_MAX)
		tell(r, "macros are imported by others too often");
	if (depth == DEPTH_MAX || !import->in) /* that the file is not there was told */
		return 0;
	if (turf_dwarf_import(from, import, &walk, &err) < 0) {
		tell(r, err.text);
		return 0;
	}
	int e = number_place(r, &(struct place){ .in = import->in, .off = import->off },
	                     &place);
	if (e == 0 && r->places.at[place].open) /* sections that no linker has joined */
		tell(r, "macros import themselves: what is meant is left out");
	else if (e == 0)
		e = read_place(r, &walk, place, depth + 1);
	if (e == 0)
		r->places.at[by].needs_unit |= r->places.at[place].needs_unit;
	return e;
}

static int read_unit(struct reader *r, const struct dwarf_unit *unit)
{
	struct turf_error err = { 0 };
	struct dwarf_macros walk;
	uint32_t place;
	r->unit = unit;
	r->failed = false;
	r->lost = 0;
	int begun = turf_dwarf_macros(&r->b->dwarf, unit, &walk, &err);
	if (begun < 0)
		tell(r, err.text);
	if (begun != 1)
		return 0;
	int e = number_place(r,
	                     &(struct place){ .in = unit->in,
	                                      .off = unit->macro_off,
	                                      .old = unit->macro_old },
	                     &place);
	if (e == 0)
		e = read_place(r, &walk, place, 0);
	if (r->lost)
		tell(r, "some of its macros have no name, or one that lies nowhere: left out");
	return e;
}

int turf_read_macros(struct builder *b)
{
	scoped(reader_fini) struct reader r = { .b = b, .left = SLACK };
	const struct dwarf_sections *in = NULL;
	int e = 0;
	for (size_t i = 0; i < b->dwarf.n_units; i++) {
		if (b->dwarf.units[i].in != in)
			r.left += OFTEN * ((uint64_t)b->dwarf.units[i].in->macro.size +
			                   b->dwarf.units[i].in->macinfo.size);
		in = b->dwarf.units[i].in;
	}
	for (size_t i = 0; e == 0 && i < b->dwarf.n_units; i++)
		e = read_unit(&r, &b->dwarf.units[i]);
	return e;
}

static int by_name(const void *one, const void *other)
{
	const struct cold_macro *a = one, *b = other;
	const uint32_t x[] = { a->name, a->file, a->line, a->undefined, a->body };
	const uint32_t y[] = { b->name, b->file, b->line, b->undefined, b->body };
	for (size_t i = 0; i < COUNT(x); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

void turf_number_macros(struct builder *b)
{
	for (size_t i = 0; i < b->macros.n; i++) {
		struct cold_macro *m = &b->macros.at[i];
		m->name = turf_more_text(&b->more, m->name);
		m->body = m->body ? turf_more_text(&b->more, m->body) : 0;
		m->file = m->file ? turf_more_file(&b->more, m->file) : 0;
	}
	if (b->macros.n)
		qsort(b->macros.at, b->macros.n, sizeof(*b->macros.at), by_name);
}

int turf_emit_macros(struct builder *b)
{
	const struct macros *all = &b->macros;
	struct buf *out = &b->tables.of[URF_MACROS];
	size_t groups = (all->n + URF_MACRO_STEP - 1) / URF_MACRO_STEP;
	le32 n = le32_of(all->n);
	if (!all->n)
		return 0;
	if (!turf_buf_put(out, &n, sizeof(n)) || !vec_reserve(out, groups * sizeof(le32)))
		return -ENOMEM;
	memset(out->at + out->n, 0, groups * sizeof(le32));
	out->n += groups * sizeof(le32);
	bool ok = true;
	struct cold_macro last = { 0 };
	for (size_t i = 0; ok && i < all->n; i++) {
		const struct cold_macro *m = &all->at[i];
		if (i % URF_MACRO_STEP == 0) {
			le32 off = le32_of(out->n);
			memcpy(out->at + sizeof(le32) * (1 + i / URF_MACRO_STEP), &off,
			       sizeof(off));
			last = (struct cold_macro){ 0 };
		}
		ok = turf_buf_uleb(out, (uint64_t)(m->name - last.name) << 1 | m->undefined) &&
		     turf_buf_uleb(out, m->body) && turf_buf_uleb(out, m->file) &&
		     turf_buf_sleb(out, (int32_t)(m->line - last.line));
		last = *m;
	}
	return !ok ? -ENOMEM : out->n > UINT32_MAX ? -E2BIG : 0;
}
