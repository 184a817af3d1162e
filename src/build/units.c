/* SPDX-License-Identifier: MIT */
/*
 * One unit's DWARF -> its functions, scopes, lines, call sites and segments. Runs for many
 * units at once; a unit sees nothing of the others but the names of DIEs that it refers to.
 *
 * Innermost is the last scope in the order of the DIEs that covers an address: children come
 * behind their parents. Of line rows at one address the last one counts. Lines count where the
 * unit says that it has code, so that padding behind a function is nobody's. What is no code at
 * all (dead functions that the linker dropped) is left out.
 */
#include "base/sort.h"
#include "build/build.h"
#include "build/scratch.h"

static int no_memory(const struct unit *u, struct turf_error *err)
{
	return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory for unit at %#llx",
	                 u->b->in.name, (unsigned long long)u->unit->off);
}

bool turf_unit_clip_far(struct unit *u, uint64_t *start, uint64_t *end)
{
	const struct inputs *in = &u->b->in;
	if (!turf_clip_to_code(in, start, end))
		return false;
	const struct code_area *area = in->code;
	while (area->end <= *start)
		area++;
	u->area = *area; /* the next ones are near */
	*start -= in->base;
	*end -= in->base;
	return true;
}

static int add_file(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                    const char *name)
{
	struct unit_scratch *s = ctx;
	/* files come in order of index; version 4 begins with 1 */
	if (!vec_reserve(&s->files, idx + 1 - s->files.n))
		return -ENOMEM;
	while (s->files.n <= idx)
		s->files.at[s->files.n++] = (struct listed_file){ NULL, NULL, 0 };
	s->out.comp_dir = comp_dir;
	s->files.at[idx] = (struct listed_file){ directory, name, 0 };
	return 0;
}

bool turf_unit_file(struct unit *u, uint64_t idx, uint32_t *ret)
{
	*ret = 0;
	if (idx >= u->s->files.n || !u->s->files.at[idx].name)
		return true;
	struct listed_file *f = &u->s->files.at[idx];
	if (!f->used) {
		if (!vec_reserve(&u->out->files, 1))
			return false;
		u->out->files.at[u->out->files.n++] =
			(struct unit_file){ f->directory, f->name, (uint32_t)idx, 0 };
		f->used = (uint32_t)u->out->files.n;
	}
	*ret = f->used;
	return true;
}

struct wanted_file {
	uint64_t idx;
	const char **comp_dir;
	struct unit_file *file;
};

static int is_wanted(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                     const char *name)
{
	struct wanted_file *w = ctx;
	if (idx != w->idx)
		return 0;
	*w->comp_dir = comp_dir;
	*w->file = (struct unit_file){ directory, name, (uint32_t)idx, 0 };
	return -ECANCELED; /* enough */
}

int turf_unit_find_file(const struct builder *b, const struct dwarf_unit *unit, uint32_t idx,
                        const char **comp_dir, struct unit_file *ret)
{
	struct dwarf_lines walk;
	struct wanted_file wanted = { idx, comp_dir, ret };
	int r = turf_dwarf_lines(&b->dwarf, unit, &walk, NULL);
	if (r == 1)
		r = turf_dwarf_files(&walk, is_wanted, &wanted, NULL);
	return r == -ECANCELED && ret->name ? 1 : r == -ENOMEM ? r : 0;
}

/* From the row to @end; there is room for one more. */
static inline void add_line(struct unit *u, const struct dwarf_line_row *row, uint64_t end)
{
	uint64_t start = row->addr;
	if (!turf_unit_clip(u, &start, &end) || start != row->addr - u->b->in.base)
		return;
	struct rows *rows = &u->s->rows;
	struct row *to = &rows->at[rows->n];
	if (rows->n && to[-1].end == start && to[-1].line == row->line &&
	    to[-1].column == row->column && to[-1].file == row->file) {
		to[-1].end = (uint32_t)end;
		return;
	}
	u->unsorted |= rows->n && to[-1].end > start;
	*to = (struct row){ (uint32_t)start, (uint32_t)end, row->file, row->line, row->column };
	rows->n++;
}

/* Whether the unit has lines of its own. A type unit shares the line table of one that has; a
 * partial unit without code is what dwz took out of other units, and does so too. */
static bool has_lines(const struct dwarf_unit *unit)
{
	enum { TYPE_UNIT = 0x41 }; /* DW_TAG_type_unit */
	struct dwarf_ranges walk;
	if (unit->tag == TYPE_UNIT)
		return false;
	return unit->tag != DWARF_PARTIAL_UNIT || turf_dwarf_unit_ranges(unit, &walk) == 1;
}

static int read_lines(struct unit *u, struct turf_error *err)
{
	struct dwarf_lines walk;
	int r = turf_dwarf_lines(&u->b->dwarf, u->unit, &walk, err);
	if (r <= 0)
		return r;
	r = turf_dwarf_files(&walk, add_file, u->s, err);
	if (r < 0 || !has_lines(u->unit))
		return r;
	enum { BATCH = 64 };
	/* the last one of a batch stands before the next */
	struct dwarf_line_row batch[1 + BATCH] = { { .end_sequence = true } };
	bool cold = !(u->b->options->flags & TURF_BUILD_HOT);
	walk.last_only = !cold;
	while ((r = turf_dwarf_next_lines(&walk, batch + 1, BATCH, err)) > 0) {
		if (!vec_reserve(&u->s->rows, (size_t)r))
			return no_memory(u, err);
		for (const struct dwarf_line_row *row = batch; row < batch + r; row++)
			if (!row->end_sequence)
				add_line(u, row, row[1].addr);
		for (int i = 1; cold && i <= r; i++)
			if (!turf_mark_row(u, &batch[i]))
				return no_memory(u, err);
		batch[0] = batch[r];
	}
	return r;
}

/*
 * Puts the rows in order of address and cuts off what overlaps: the run that begins first keeps
 * what it has; of those that begin at one address, the one told first.
 */
static bool sort_rows(struct unit *u)
{
	struct unit_scratch *s = u->s;
	if (!u->unsorted)
		return true;
	s->keys.n = s->copy.n = 0;
	if (!vec_reserve(&s->keys, 2 * s->rows.n) || !vec_reserve(&s->copy, s->rows.n))
		return false;
	for (size_t i = 0; i < s->rows.n; i++)
		s->keys.at[i] = (struct sort_pair){ s->rows.at[i].start, i };
	sort_pairs(s->keys.at, s->keys.at + s->rows.n, s->rows.n);
	uint32_t done = 0;
	for (size_t i = 0; i < s->rows.n; i++) {
		struct row row = s->rows.at[s->keys.at[i].value];
		row.start = MAX(row.start, done);
		if (row.start >= row.end)
			continue;
		done = row.end;
		s->copy.at[s->copy.n++] = row;
	}
	struct rows swap = s->rows;
	s->rows = s->copy;
	s->copy = swap;
	return true;
}

/* The unit's own ranges, sorted; none where it does not tell them. */
static bool own_areas(struct unit *u)
{
	struct unit_scratch *s = u->s;
	struct dwarf_ranges walk;
	struct dwarf_range range;
	s->areas.n = 0;
	if (turf_dwarf_unit_ranges(u->unit, &walk) == 0)
		return true;
	while (turf_dwarf_next_range(&walk, &range, NULL) == 1) {
		uint64_t start = range.start, end = range.end;
		for (; turf_unit_clip(u, &start, &end);
		     start = end + u->b->in.base, end = range.end) {
			if (!vec_reserve(&s->areas, 2))
				return false;
			s->areas.at[s->areas.n++] = (struct sort_pair){ start, end };
		}
	}
	s->keys.n = 0;
	if (!vec_reserve(&s->keys, s->areas.n))
		return false;
	sort_pairs(s->areas.at, s->keys.at, s->areas.n);
	return true;
}

/* Whether all rows lie in areas, both sorted: most often they do. */
static bool is_inside(const struct unit_scratch *s)
{
	size_t a = 0;
	for (size_t i = 0; i < s->rows.n; i++) {
		while (a < s->areas.n && s->areas.at[a].value <= s->rows.at[i].start)
			a++;
		if (a == s->areas.n || s->rows.at[i].start < s->areas.at[a].key ||
		    s->rows.at[i].end > s->areas.at[a].value)
			return false;
	}
	return true;
}

/* Cuts the sorted rows down to the unit's own ranges. */
static bool clip_rows(struct unit *u)
{
	struct unit_scratch *s = u->s;
	if (!own_areas(u))
		return false;
	if (!s->areas.n || is_inside(s))
		return true;
	s->copy.n = 0;
	size_t a = 0;
	for (size_t i = 0; i < s->rows.n; i++) {
		struct row row = s->rows.at[i];
		while (a < s->areas.n && s->areas.at[a].value <= row.start)
			a++;
		for (size_t k = a; k < s->areas.n && s->areas.at[k].key < row.end; k++) {
			if (s->areas.at[k].value <= row.start)
				continue;
			if (!vec_reserve(&s->copy, 1))
				return false;
			struct row *part = &s->copy.at[s->copy.n++];
			*part = row;
			part->start = (uint32_t)MAX(row.start, s->areas.at[k].key);
			part->end = (uint32_t)MIN(row.end, s->areas.at[k].value);
			row.start = part->end; /* areas that overlap give no byte twice */
		}
	}
	struct rows swap = s->rows;
	s->rows = s->copy;
	s->copy = swap;
	return true;
}

/* The ranges that have begun, the innermost scope on top: a heap by scope. */
static void heap_push(struct ranges *heap, struct range range)
{
	size_t i = heap->n++;
	for (; i && heap->at[(i - 1) / 2].scope < range.scope; i = (i - 1) / 2)
		heap->at[i] = heap->at[(i - 1) / 2];
	heap->at[i] = range;
}

static void heap_pop(struct ranges *h)
{
	struct range last = h->at[--h->n];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
		if (child + 1 < h->n && h->at[child + 1].scope > h->at[child].scope)
			child++;
		if (h->at[child].scope <= last.scope)
			break;
		h->at[i] = h->at[child];
	}
	if (h->n)
		h->at[i] = last;
}

/* What lines without a function belong to: a nameless one, the unit's own. */
static bool nameless(struct unit *u, uint32_t *ret)
{
	if (!u->out->nameless) {
		if (!vec_push(&u->out->functions))
			return false;
		u->out->nameless = (uint32_t)u->out->functions.n;
	}
	*ret = u->out->nameless - 1;
	return true;
}

/* A row that says nothing. */
static const struct row no_row;

/* [start, end) with the innermost of the ranges there (NULL: none) and that row. */
static bool add_segment(struct unit *u, uint32_t start, uint32_t end, const struct range *in,
                        const struct row *row)
{
	struct unit_out *out = u->out;
	struct line_key key = { .line = row->line, .column = row->column };
	uint32_t scope = in ? in->scope + 1 : 0, line;
	if (in)
		key.function = in->function;
	else if (!nameless(u, &key.function))
		return false;
	if ((row != &no_row && !turf_unit_file(u, row->file, &key.file)) ||
	    !turf_scratch_line(u->s, &key, &line))
		return false;
	if (!vec_reserve(&out->segments, 1) || !vec_reserve(&out->runs, 1))
		return false;
	struct unit_segment *s = &out->segments.at[out->segments.n];
	bool follows = out->segments.n && s[-1].end == start;
	if (follows && s[-1].scope == scope && s[-1].line == line) {
		s[-1].end = end;
		return true;
	}
	if (!follows)
		out->runs.at[out->runs.n++] = (struct unit_run){ (uint32_t)out->segments.n, 0 };
	out->runs.at[out->runs.n - 1].n++;
	/* field by field: what is put together elsewhere first stalls */
	s->start = start;
	s->end = end;
	s->scope = scope;
	s->line = line;
	out->segments.n++;
	return true;
}

/* Line 0 of a file is an answer too: compilers give it to what they made themselves. */
static bool says_something(const struct unit *u, const struct row *row)
{
	return row->line ||
	       (row != &no_row && row->file < u->s->files.n && u->s->files.at[row->file].name);
}

/* One sweep over all places where the innermost scope or the line changes. */
static bool sweep(struct unit *u)
{
	struct unit_scratch *s = u->s;
	if (!s->ranges.n && !s->rows.n)
		return true;
	s->heap.n = 0;
	if (!vec_reserve(&s->heap, s->ranges.n + 1) || !vec_reserve(&s->ranges, 1) ||
	    !vec_reserve(&s->rows, 1)) /* that there is a place to begin at */
		return false;
	const struct range *range = s->ranges.at, *ranges_end = range + s->ranges.n;
	const struct row *next = s->rows.at, *rows_end = next + s->rows.n;
	for (uint32_t at = 0, end;; at = end) {
		for (; range < ranges_end && range->start <= at; range++)
			heap_push(&s->heap, *range);
		while (s->heap.n && s->heap.at[0].end <= at)
			heap_pop(&s->heap);
		while (next < rows_end && next->end <= at)
			next++;
		const struct range *in = s->heap.n ? &s->heap.at[0] : NULL;
		const struct row *row = &no_row;
		end = range < ranges_end ? range->start : UINT32_MAX;
		if (in)
			end = MIN(end, in->end);
		if (next < rows_end) {
			bool begun = next->start <= at;
			row = begun ? next : &no_row;
			end = MIN(end, begun ? next->end : next->start);
		}
		if (end == UINT32_MAX)
			return true;
		if ((in || says_something(u, row)) && !add_segment(u, at, end, in, row))
			return false;
	}
}

/* Ranges by start; of one start the outer scope first, as they came. */
static bool sort_ranges(struct unit_scratch *s)
{
	s->keys.n = s->heap.n = 0;
	if (!s->ranges.n)
		return true;
	if (!vec_reserve(&s->keys, 2 * s->ranges.n) || !vec_reserve(&s->heap, s->ranges.n))
		return false;
	for (size_t i = 0; i < s->ranges.n; i++)
		s->keys.at[i] = (struct sort_pair){ s->ranges.at[i].start, i };
	sort_pairs(s->keys.at, s->keys.at + s->ranges.n, s->ranges.n);
	for (size_t i = 0; i < s->ranges.n; i++)
		s->heap.at[i] = s->ranges.at[s->keys.at[i].value];
	s->heap.n = s->ranges.n;
	struct ranges swap = s->ranges;
	s->ranges = s->heap;
	s->heap = swap;
	return true;
}

/* Others may name any file of a unit that has no code of its own: it keeps them all. */
static bool keep_files(struct unit *u)
{
	uint32_t none;
	for (size_t i = 0; i < u->s->files.n; i++)
		if (!turf_unit_file(u, i, &none))
			return false;
	return true;
}

/* The cold part reads the same DIEs once more, and has to find scopes and functions again. */
static bool keep_dies(struct unit *u)
{
	const struct unit_scratch *s = u->s;
	struct unit_out *out = u->out;
	if (u->b->options->flags & TURF_BUILD_HOT)
		return true;
	if (!vec_reserve(&out->scope_dies, s->dies.n) ||
	    !vec_reserve(&out->function_dies, s->origins.n))
		return false;
	out->scope_dies.n = s->dies.n;
	out->function_dies.n = s->origins.n;
	if (s->dies.n)
		memcpy(out->scope_dies.at, s->dies.at, s->dies.n * sizeof(*s->dies.at));
	if (s->origins.n)
		memcpy(out->function_dies.at, s->origins.at,
		       s->origins.n * sizeof(*s->origins.at));
	return true;
}

static int read_unit(struct builder *b, struct unit_scratch *s, size_t idx,
                     struct turf_error *err)
{
	struct unit u = { .b = b, .unit = &b->dwarf.units[idx], .s = s, .out = &s->out };
	/* lines first: call sites name their files; what is malformed is left out, the rest
	 * kept */
	struct turf_error why = { 0 };
	int r = read_lines(&u, &why);
	/* what programs share has no code, and a split unit is read with its skeleton */
	bool has_code = u.unit->in == b->dwarf.own;
	int scopes = r == -ENOMEM || !has_code ? 0 : turf_read_scopes(&u, &why);
	u.out->error = r < 0 ? r : MIN(scopes, 0);
	if (u.out->error < 0 && (u.out->why = turf_arena_take(&u.s->kept, sizeof(why))))
		*u.out->why = why;
	bool done = (u.out->error == 0 || u.out->why) && r != -ENOMEM && scopes != -ENOMEM &&
	            sort_rows(&u) && clip_rows(&u) && sort_ranges(u.s) && sweep(&u) &&
	            turf_scratch_emit(&u) && (u.out->segments.n || keep_files(&u)) &&
	            keep_dies(&u) && turf_scratch_keep(u.s, &b->units[idx]);
	turf_scratch_empty(s);
	return done ? 0 : no_memory(&u, err);
}

int turf_build_units(struct builder *b, const size_t *units, size_t n, struct turf_error *err)
{
	struct unit_scratch *s = turf_scratch_take(b);
	if (!s)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory for units",
		                 b->in.name);
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = read_unit(b, s, units[i], err);
	turf_scratch_give(b, s);
	return r;
}
