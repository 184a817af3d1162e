/* SPDX-License-Identifier: MIT */
/*
 * All units -> the tables of the urf, in unit order, so that threads leave no trace.
 *
 * Segments are sorted by runs: a run's segments follow each other without a gap in one unit, so
 * there are about as many runs as functions. Where runs of units overlap (two copies of one
 * COMDAT function), the one that begins first keeps its addresses; of those that begin at one
 * address, the first unit's.
 */
#include <stdarg.h>

#include "build/build.h"

/* A segment, its fields numbered as in the urf. */
struct seg {
	uint64_t start, end;
	uint32_t scope, file, line, column;
};

/* Segments of one unit that follow each other without a gap. */
struct run {
	uint64_t start;
	uint32_t unit;
	uint32_t first, n; /* in the unit's segments */
};

struct fun {
	uint64_t start, end;
	uint32_t scope;
};

/* A function record is known by its origin and, when it has a symbol of its own, that. */
struct fn_key {
	uint64_t origin;
	uint32_t linkage;
};

struct merge {
	struct builder *b;
	struct {
		struct run *at;
		size_t n, room;
	} runs;
	struct {
		struct fun *at;
		size_t n, room;
	} funs;
	struct {
		struct fn_key *at;
		size_t n, room;
	} fns; /* index: in the urf */
	struct table known_fns, known_files;
	struct {
		uint32_t *at;
		size_t n, room;
	} unit_of; /* index of each unit of the DWARF in the urf; 0: not there */
};

static int intern(struct merge *m, const char *text, uint32_t *ret)
{
	return turf_strings_add(&m->b->tables.strings, text, ret);
}

static bool same_file(const void *ctx, uint32_t idx, const void *file)
{
	const struct merge *m = ctx;
	const struct urf_file *files = (const struct urf_file *)m->b->tables.of[URF_FILES].at;
	return !memcmp(&files[idx], file, sizeof(*files));
}

/* The file's index in the urf: "compilation directory/include directory" and name, each once.
 */
static int file_index(struct merge *m, struct unit_file *f, uint32_t *ret)
{
	if (f->global || !f->name) {
		*ret = f->global;
		return 0;
	}
	char joined[8192];
	const char *dir = f->directory ? f->directory : "",
		   *comp = f->comp_dir ? f->comp_dir : "";
	if (dir[0] != '/' && comp[0]) {
		int n = snprintf(joined, sizeof(joined), "%s%s%s", comp, dir[0] ? "/" : "",
		                 dir);
		if (n < 0 || (size_t)n >= sizeof(joined))
			return -E2BIG;
		dir = joined;
	}
	uint32_t directory = 0, name = 0;
	int r = intern(m, dir, &directory);
	if (r == 0)
		r = intern(m, f->name, &name);
	if (r < 0)
		return r;
	struct urf_file out = { le32_of(directory), le32_of(name) };
	size_t n = m->b->tables.of[URF_FILES].n / sizeof(out);
	if (n == TABLE_MAX)
		return -E2BIG;
	r = turf_table_intern(&m->known_files, hash_mix(hash_mix(0, directory), name),
	                      same_file, m, &out, (uint32_t)n, &f->global);
	if (r == 0)
		r = table_put(&m->b->tables, URF_FILES, &out, sizeof(out));
	*ret = f->global;
	return MIN(r, 0);
}

static int unit_index(struct merge *m, const struct dwarf_unit *unit, uint32_t *ret)
{
	size_t idx = (size_t)(unit - m->b->dwarf.units);
	if (m->unit_of.at[idx]) {
		*ret = m->unit_of.at[idx];
		return 0;
	}
	struct tables *t = &m->b->tables;
	uint32_t name = 0, directory = 0, producer = 0;
	int r = intern(m, unit->name, &name);
	if (r == 0)
		r = intern(m, unit->comp_dir, &directory);
	if (r == 0)
		r = intern(m, unit->producer, &producer);
	if (r < 0)
		return r;
	*ret = m->unit_of.at[idx] = (uint32_t)(t->of[URF_UNITS].n / sizeof(struct urf_unit));
	struct urf_unit out = { le32_of(name), le32_of(directory), le32_of(producer),
		                le16_of(unit->language), le16_of(unit->version) };
	return table_put(t, URF_UNITS, &out, sizeof(out));
}

static bool same_fn(const void *ctx, uint32_t idx, const void *other)
{
	const struct fn_key *have = &((const struct merge *)ctx)->fns.at[idx], *key = other;
	return have->origin == key->origin && have->linkage == key->linkage;
}

static int write_function(struct merge *m, const struct unit_function *f, uint32_t linkage)
{
	struct tables *t = &m->b->tables;
	uint32_t name = 0, unit = 0, file = 0;
	int r = intern(m, f->names.name, &name);
	if (r == 0 && f->names.unit) {
		struct unit_out *declared = &m->b->units[f->names.unit - m->b->dwarf.units];
		r = unit_index(m, f->names.unit, &unit);
		if (r == 0 && f->names.decl_file < declared->files.n)
			r = file_index(m, &declared->files.at[f->names.decl_file], &file);
	}
	if (r < 0)
		return r;
	struct urf_function out = { le32_of(name), le32_of(linkage), le32_of(file),
		                    le32_of(f->names.decl_line), le32_of(unit) };
	return table_put(t, URF_FUNCTIONS, &out, sizeof(out));
}

/* The ELF symbol at a function's entry, where it says more than the function's name. */
static const char *symbol_name(struct merge *m, const struct unit_scope *s,
                               const struct unit_function *f)
{
	bool has_name;
	const struct sym *sym = turf_symbol_at(&m->b->syms, s->entry, f->names.name, &has_name);
	return sym && !has_name ? sym->name : NULL;
}

static int function_index(struct merge *m, const struct unit_scope *s,
                          const struct unit_function *f, uint32_t *ret)
{
	const char *link = f->names.linkage_name;
	if (!link && !s->parent)
		link = symbol_name(m, s, f);
	struct fn_key key = { .origin = f->origin };
	int r = intern(m, link, &key.linkage);
	if (r < 0)
		return r;
	if (m->fns.n == TABLE_MAX || !vec_reserve(&m->fns, 1))
		return -ENOMEM;
	r = turf_table_intern(&m->known_fns, hash_mix(hash_mix(0, key.origin), key.linkage),
	                      same_fn, m, &key, (uint32_t)m->fns.n, ret);
	if (r != 0)
		return MIN(r, 0);
	m->fns.at[m->fns.n++] = key;
	return write_function(m, f, key.linkage);
}

static int write_scope(struct merge *m, struct unit_out *out, struct unit_scope *s)
{
	struct buf *scopes = &m->b->tables.of[URF_SCOPES];
	uint32_t function = 0, file = 0;
	int r = function_index(m, s, &out->functions.at[s->function], &function);
	if (r == 0 && s->call_file)
		r = file_index(m, &out->files.at[s->call_file - 1], &file);
	if (r < 0)
		return r;
	bool root = !s->parent;
	if (scopes->n / sizeof(struct urf_scope) > UINT32_MAX - 1)
		return -E2BIG;
	s->global = (uint32_t)(scopes->n / sizeof(struct urf_scope));
	uint64_t entry = s->entry - m->b->in.base;
	struct urf_scope record = {
		.function = le32_of(function),
		.parent = le32_of(root ? 0 : out->scopes.at[s->parent - 1].global),
		.call_file = le32_of(root ? entry : file),
		.call_line = le32_of(root ? 0 : s->call_line),
		.call_column = le32_of(root ? 0 : s->call_column),
	};
	return table_put(&m->b->tables, URF_SCOPES, &record, sizeof(record));
}

static int add_runs(struct merge *m, size_t unit)
{
	const struct unit_out *out = &m->b->units[unit];
	struct run *run = NULL;
	uint64_t end = 0;
	for (size_t i = 0; i < out->segments.n; i++) {
		const struct unit_segment *s = &out->segments.at[i];
		if (!run || s->start != end) {
			run = vec_push(&m->runs);
			if (!run)
				return -ENOMEM;
			*run = (struct run){ s->start, (uint32_t)unit, (uint32_t)i, 0 };
		}
		run->n++;
		end = s->end;
	}
	return 0;
}

static int merge_unit(struct merge *m, size_t idx)
{
	struct unit_out *out = &m->b->units[idx];
	for (size_t i = 0; i < out->scopes.n; i++) {
		if (!out->scopes.at[i].used)
			continue;
		int r = write_scope(m, out, &out->scopes.at[i]);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < out->ranges.n; i++) {
		const struct unit_range *r = &out->ranges.at[i];
		const struct unit_scope *s = &out->scopes.at[r->scope];
		if (s->parent)
			continue;
		struct fun *f = vec_push(&m->funs);
		if (!f)
			return -ENOMEM;
		*f = (struct fun){ r->start, r->end, s->global };
	}
	return add_runs(m, idx);
}

static int runs_by_start(const void *a, const void *b)
{
	const struct run *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

static int funs_by_start(const void *a, const void *b)
{
	const struct fun *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->scope > y->scope) - (x->scope < y->scope);
}

/* What a block's next segment is coded against. */
struct coder {
	struct tables *t;
	uint64_t base;
	struct seg last;
	unsigned n; /* segments in the block */
};

static int begin_block(struct coder *c, uint64_t start)
{
	struct urf_block block = { le32_of(start - c->base),
		                   le32_of(c->t->of[URF_SEGMENTS].n) };
	if (c->t->of[URF_SEGMENTS].n > UINT32_MAX)
		return -E2BIG;
	c->last = (struct seg){ .start = start };
	c->n = 0;
	return table_put(c->t, URF_BLOCKS, &block, sizeof(block));
}

static int put_segment(struct coder *c, const struct seg *s)
{
	if (c->n == URF_BLOCK_MAX || !c->t->of[URF_BLOCKS].n) {
		int r = begin_block(c, s->start);
		if (r < 0)
			return r;
	}
	struct buf *out = &c->t->of[URF_SEGMENTS];
	int64_t line = (int64_t)s->line - c->last.line + URF_LINE_BIAS;
	bool far = line < 0 || line >= URF_LINE_FAR;
	uint8_t tag = (uint8_t)((far ? URF_LINE_FAR : line) << 3 |
	                        (s->column != c->last.column) << 2 |
	                        (s->file != c->last.file) << 1 | (s->scope != c->last.scope));
	bool ok = turf_buf_put(out, &tag, 1) && turf_buf_uleb(out, s->start - c->last.start);
	if (ok && tag & 1)
		ok = turf_buf_sleb(out, (int64_t)s->scope - c->last.scope);
	if (ok && tag & 2)
		ok = turf_buf_sleb(out, (int64_t)s->file - c->last.file);
	if (ok && tag & 4)
		ok = turf_buf_uleb(out, s->column);
	if (ok && far)
		ok = turf_buf_sleb(out, (int64_t)s->line - c->last.line);
	c->last = *s;
	c->n++;
	return ok ? 0 : -ENOMEM;
}

/* What is left of a unit's segment behind *@done, and the gap before it. */
static int write_segment(struct merge *m, struct coder *c, struct unit_out *out,
                         const struct unit_segment *u, uint64_t *done)
{
	struct seg s = {
		.start = MAX(u->start, *done),
		.end = u->end,
		.scope = u->scope ? out->scopes.at[u->scope - 1].global : 0,
		.line = u->line,
		.column = u->column,
	};
	if (s.start >= s.end)
		return 0;
	int r = u->file ? file_index(m, &out->files.at[u->file - 1], &s.file) : 0;
	if (r == 0 && s.start > *done) /* nobody's addresses */
		r = put_segment(c, &(struct seg){ .start = *done });
	*done = s.end;
	return r < 0 ? r : put_segment(c, &s);
}

static int write_segments(struct merge *m)
{
	struct coder c = { .t = &m->b->tables, .base = m->b->in.base };
	if (!m->runs.n)
		return 0;
	qsort(m->runs.at, m->runs.n, sizeof(*m->runs.at), runs_by_start);
	uint64_t done = m->runs.at[0].start;
	for (size_t i = 0; i < m->runs.n; i++) {
		const struct run *run = &m->runs.at[i];
		struct unit_out *out = &m->b->units[run->unit];
		for (uint32_t k = 0; k < run->n; k++) {
			int r = write_segment(m, &c, out, &out->segments.at[run->first + k],
			                      &done);
			if (r < 0)
				return r;
		}
	}
	/* an empty block ends the last one */
	return begin_block(&c, done);
}

static int write_ranges(struct merge *m)
{
	uint64_t done = 0;
	if (m->funs.n)
		qsort(m->funs.at, m->funs.n, sizeof(*m->funs.at), funs_by_start);
	for (size_t i = 0; i < m->funs.n; i++) {
		struct fun f = m->funs.at[i];
		f.start = MAX(f.start, done);
		if (f.start >= f.end)
			continue;
		done = f.end;
		struct urf_range out = { le32_of(f.start - m->b->in.base),
			                 le32_of(f.end - f.start), le32_of(f.scope) };
		if (table_put(&m->b->tables, URF_RANGES, &out, sizeof(out)) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int merge_all(struct merge *m)
{
	struct builder *b = m->b;
	struct urf_scope no_scope = { 0 };
	struct urf_function no_function = { 0 };
	struct urf_file no_file = { 0 };
	struct urf_unit no_unit = { 0 };
	int r = table_put(&b->tables, URF_SCOPES, &no_scope, sizeof(no_scope));
	if (r == 0)
		r = table_put(&b->tables, URF_FUNCTIONS, &no_function, sizeof(no_function));
	if (r == 0)
		r = table_put(&b->tables, URF_FILES, &no_file, sizeof(no_file));
	if (r == 0)
		r = table_put(&b->tables, URF_UNITS, &no_unit, sizeof(no_unit));
	if (r == 0 && !vec_push(&m->fns)) /* index 0 is no function's here either */
		r = -ENOMEM;
	if (r == 0 && b->dwarf.n_units) {
		m->unit_of.at = calloc(b->dwarf.n_units, sizeof(*m->unit_of.at));
		r = m->unit_of.at ? 0 : -ENOMEM;
	}
	for (size_t i = 0; r == 0 && i < b->dwarf.n_units; i++)
		r = merge_unit(m, i);
	if (r == 0)
		r = write_segments(m);
	return r < 0 ? r : write_ranges(m);
}

int turf_build_merge(struct builder *b, struct turf_error *err)
{
	struct merge m = { .b = b };
	int r = merge_all(&m);
	vec_fini(&m.runs);
	vec_fini(&m.funs);
	vec_fini(&m.unit_of);
	vec_fini(&m.fns);
	turf_table_fini(&m.known_fns);
	turf_table_fini(&m.known_files);
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "%s: cannot merge its units: %s",
		                 b->in.name, strerror(-r));
	if (b->has_dwarf)
		b->flags |= URF_HAS_DWARF;
	return 0;
}
