/* SPDX-License-Identifier: MIT */
/*
 * One unit's DWARF -> its scopes, and its segments: runs of addresses with one innermost scope,
 * file, line and column. Runs for many units at once; a unit sees nothing of the others but the
 * names of DIEs that it refers to.
 *
 * Innermost is the last scope in the order of the DIEs that covers an address: children come
 * behind their parents. Of line rows at one address the last one counts. Lines count where the
 * unit says that it has code, so that padding behind a function is nobody's. What is no code at
 * all (dead functions that the linker dropped) is left out.
 */
#include "build/build.h"

/* A line's run of addresses. */
struct line {
	uint64_t start, end;
	uint32_t file; /* the unit's file index + 1 */
	uint32_t line, column;
	uint32_t order; /* of its sequence */
};

/* Where a unit says that it has code. */
struct areas {
	struct code_area *at;
	size_t n, room;
};

struct unit {
	struct builder *b;
	const struct dwarf_unit *unit;
	struct unit_out *out;
	struct lines {
		struct line *at;
		size_t n, room;
	} lines;
	struct table seen; /* functions by DIE: indexes of out->functions */
};

void turf_unit_out_fini(struct unit_out *out)
{
	vec_fini(&out->scopes);
	vec_fini(&out->functions);
	vec_fini(&out->ranges);
	vec_fini(&out->segments);
	vec_fini(&out->files);
}

static bool same_die(const void *ctx, uint32_t idx, const void *die)
{
	const struct unit *u = ctx;
	return u->out->functions.at[idx].die == *(const uint64_t *)die;
}

/*
 * Index of a scope's function; names are read once per unit. An inlined call has its origin's
 * names; a function has its own, as it may have a linkage name that its origin has not: of the
 * constructors that C++ makes of one (C1, C2 of C4), of clones.
 */
static int function_of(struct unit *u, const struct dwarf_scope *scope, uint32_t *ret,
                       struct turf_error *err)
{
	uint64_t die = scope->kind == DWARF_FUNCTION ? scope->die : scope->origin;
	int r = turf_table_intern(&u->seen, hash_mix(0, die), same_die, u, &die,
	                          (uint32_t)u->out->functions.n, ret);
	struct unit_function *f = r == 0 ? vec_push(&u->out->functions) : NULL;
	if (r > 0)
		return 0;
	if (!f)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for functions");
	f->die = die;
	f->origin = scope->origin;
	r = turf_dwarf_names(&u->b->dwarf, die, &f->names, err);
	if (r < 0) /* a bad link costs the name only */
		f->names = (struct dwarf_names){ .decl_file = DWARF_NONE };
	return r == -ENOMEM ? r : 0;
}

static int add_range(struct unit *u, uint64_t start, uint64_t end, uint32_t scope)
{
	/* a range may span code areas */
	for (uint64_t from = start, to = end; turf_clip_to_code(&u->b->in, &from, &to);
	     from = to, to = end) {
		struct unit_range *r = vec_push(&u->out->ranges);
		if (!r)
			return -ENOMEM;
		*r = (struct unit_range){ from, to, scope };
	}
	return 0;
}

/* Index + 1 of the scope with that DIE; 0: none. */
static uint32_t scope_of(const struct unit_out *out, uint64_t die)
{
	size_t lo = 0, hi = out->scopes.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (out->scopes.at[mid].die < die)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < out->scopes.n && out->scopes.at[lo].die == die ? (uint32_t)lo + 1 : 0;
}

/* A malformed list of ranges costs what follows in it; @err then has the cause. */
static int add_scope(struct unit *u, struct dwarf_scope *scope, struct turf_error *err)
{
	uint32_t function = 0, idx = (uint32_t)u->out->scopes.n;
	uint32_t parent = scope->kind == DWARF_INLINED ? scope_of(u->out, scope->parent) : 0;
	int r = function_of(u, scope, &function, err);
	if (r < 0)
		return r;
	struct unit_scope *s = vec_push(&u->out->scopes);
	if (!s)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for scopes");
	uint64_t n_files = u->out->files.n;
	*s = (struct unit_scope){
		.die = scope->die,
		.parent = parent,
		.function = function,
		.call_file = scope->call_file < n_files ? (uint32_t)scope->call_file + 1 : 0,
		.call_line = scope->call_line,
		.call_column = scope->call_column,
		.entry = scope->entry,
	};
	size_t first = u->out->ranges.n;
	struct dwarf_range range;
	while ((r = turf_dwarf_next_range(&scope->ranges, &range, err)) == 1) {
		if (add_range(u, range.start, range.end, idx) < 0)
			return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for ranges");
	}
	if (s->entry == DWARF_NONE && u->out->ranges.n > first)
		s->entry = u->out->ranges.at[first].start;
	return r;
}

static int read_scopes(struct unit *u, struct turf_error *err)
{
	struct dwarf_scopes walk;
	const struct dwarf_unit *unit = u->unit;
	if (unit->split)
		unit = &u->b->dwarf.units[unit->split - 1];
	int r = turf_dwarf_scopes(&u->b->dwarf, unit, &walk, err);
	if (r < 0)
		return r;
	struct dwarf_scope scope;
	int bad = 0;
	while ((r = turf_dwarf_next_scope(&walk, &scope, err)) == 1) {
		r = add_scope(u, &scope, err);
		if (r == -ENOMEM)
			return r;
		bad = MIN(bad, r);
	}
	return MIN(bad, r);
}

/* Scopes that have code left, and all that these are inlined into. */
static void mark_used(struct unit_out *out)
{
	for (size_t i = 0; i < out->ranges.n; i++)
		out->scopes.at[out->ranges.at[i].scope].used = true;
	for (size_t i = out->scopes.n; i-- > 0;)
		if (out->scopes.at[i].used && out->scopes.at[i].parent)
			out->scopes.at[out->scopes.at[i].parent - 1].used = true;
}

static int add_file(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                    const char *name)
{
	struct unit_out *out = ctx;
	/* files come in order of index; version 4 begins with 1 */
	while (out->files.n <= idx) {
		struct unit_file *f = vec_push(&out->files);
		if (!f)
			return -ENOMEM;
	}
	out->files.at[idx] = (struct unit_file){ comp_dir, directory, name, 0 };
	return 0;
}

static int add_line(struct unit *u, const struct dwarf_line_row *row, uint64_t end,
                    uint32_t order)
{
	uint64_t start = row->addr;
	if (start >= end || !turf_clip_to_code(&u->b->in, &start, &end) || start != row->addr)
		return 0;
	struct line *l = vec_push(&u->lines);
	if (!l)
		return -ENOMEM;
	*l = (struct line){
		.start = start,
		.end = end,
		.file = row->file < u->out->files.n && u->out->files.at[row->file].name
		                ? row->file + 1
		                : 0,
		.line = row->line,
		.column = row->column,
		.order = order,
	};
	return 0;
}

/* Whether the unit has lines of its own. A partial unit without code is what dwz took out of
 * other units, and shares the line table of one of them. */
static bool has_lines(const struct dwarf_unit *unit)
{
	struct dwarf_ranges walk;
	return unit->tag != DWARF_PARTIAL_UNIT || turf_dwarf_unit_ranges(unit, &walk) == 1;
}

static int read_lines(struct unit *u, struct turf_error *err)
{
	struct dwarf_lines walk;
	int r = turf_dwarf_lines(&u->b->dwarf, u->unit, &walk, err);
	if (r <= 0)
		return r;
	r = turf_dwarf_files(&walk, add_file, u->out, err);
	if (r < 0 || !has_lines(u->unit))
		return r;
	struct dwarf_line_row row, last = { .end_sequence = true };
	uint32_t order = 0;
	while ((r = turf_dwarf_next_line(&walk, &row, err)) == 1) {
		if (!last.end_sequence && add_line(u, &last, row.addr, order) < 0)
			return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for lines");
		order += last.end_sequence;
		last = row;
	}
	return r;
}

static int lines_by_start(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return (x->end > y->end) - (x->end < y->end);
}

/* Sorts the lines and cuts off what overlaps: the run that begins first keeps what it has. */
static void sort_lines(struct unit *u)
{
	if (!u->lines.n)
		return;
	qsort(u->lines.at, u->lines.n, sizeof(*u->lines.at), lines_by_start);
	size_t n = 0;
	uint64_t done = 0;
	for (size_t i = 0; i < u->lines.n; i++) {
		struct line l = u->lines.at[i];
		l.start = MAX(l.start, done);
		if (l.start >= l.end)
			continue;
		done = l.end;
		u->lines.at[n++] = l;
	}
	u->lines.n = n;
}

static int areas_by_start(const void *a, const void *b)
{
	const struct code_area *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

/* The unit's own ranges, sorted; none where it does not tell them. */
static int own_areas(struct unit *u, struct areas *areas)
{
	struct dwarf_ranges walk;
	struct dwarf_range range;
	if (turf_dwarf_unit_ranges(u->unit, &walk) == 0)
		return 0;
	while (turf_dwarf_next_range(&walk, &range, NULL) == 1) {
		struct code_area *area = vec_push(areas);
		if (!area)
			return -ENOMEM;
		*area = (struct code_area){ range.start, range.end };
	}
	if (areas->n)
		qsort(areas->at, areas->n, sizeof(*areas->at), areas_by_start);
	return 0;
}

/* Cuts the sorted lines down to the unit's own ranges. */
static int clip_lines(struct unit *u, const struct areas *areas)
{
	struct lines clipped = { 0 };
	size_t a = 0;
	for (size_t i = 0; i < u->lines.n; i++) {
		struct line l = u->lines.at[i];
		while (a < areas->n && areas->at[a].end <= l.start)
			a++;
		for (size_t k = a; k < areas->n && areas->at[k].start < l.end; k++) {
			if (areas->at[k].end <= l.start)
				continue;
			struct line *part = vec_push(&clipped);
			if (!part) {
				vec_fini(&clipped);
				return -ENOMEM;
			}
			*part = l;
			part->start = MAX(l.start, areas->at[k].start);
			part->end = MIN(l.end, areas->at[k].end);
			l.start = part->end; /* areas that overlap give no byte twice */
		}
	}
	vec_fini(&u->lines);
	u->lines = clipped;
	return 0;
}

static int ranges_by_start(const void *a, const void *b)
{
	const struct unit_range *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->scope > y->scope) - (x->scope < y->scope);
}

/* The ranges that have begun, the innermost scope on top: a heap by scope. */
struct heap {
	struct unit_range *at;
	size_t n, room;
};

static bool heap_push(struct heap *h, struct unit_range range)
{
	if (!vec_push(h))
		return false;
	size_t i = h->n - 1;
	for (; i && h->at[(i - 1) / 2].scope < range.scope; i = (i - 1) / 2)
		h->at[i] = h->at[(i - 1) / 2];
	h->at[i] = range;
	return true;
}

static void heap_pop(struct heap *h)
{
	struct unit_range last = h->at[--h->n];
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

static int add_segment(struct unit_out *out, const struct unit_segment *s)
{
	struct unit_segment *last =
		out->segments.n ? &out->segments.at[out->segments.n - 1] : NULL;
	if (last && last->end == s->start && last->scope == s->scope && last->file == s->file &&
	    last->line == s->line && last->column == s->column) {
		last->end = s->end;
		return 0;
	}
	struct unit_segment *copy = vec_push(&out->segments);
	if (!copy)
		return -ENOMEM;
	*copy = *s;
	return 0;
}

/* One sweep over all places where the innermost scope or the line changes. */
static int sweep(struct unit *u, struct heap *heap)
{
	struct unit_range *ranges = u->out->ranges.at;
	size_t n_ranges = u->out->ranges.n, r = 0, l = 0;
	for (uint64_t at = 0;;) {
		while (r < n_ranges && ranges[r].start <= at)
			if (!heap_push(heap, ranges[r++]))
				return -ENOMEM;
		while (heap->n && heap->at[0].end <= at)
			heap_pop(heap);
		while (l < u->lines.n && u->lines.at[l].end <= at)
			l++;
		struct unit_segment s = { .start = at, .end = UINT64_MAX };
		if (r < n_ranges)
			s.end = ranges[r].start;
		if (heap->n) {
			s.scope = heap->at[0].scope + 1;
			s.end = MIN(s.end, heap->at[0].end);
		}
		if (l < u->lines.n) {
			const struct line *line = &u->lines.at[l];
			bool begun = line->start <= at;
			s.end = MIN(s.end, begun ? line->end : line->start);
			if (begun) {
				s.file = line->file;
				s.line = line->line;
				s.column = line->column;
			}
		}
		if (s.end == UINT64_MAX)
			return 0;
		if ((s.scope || s.line) && add_segment(u->out, &s) < 0)
			return -ENOMEM;
		at = s.end;
	}
}

static int make_segments(struct unit *u)
{
	sort_lines(u);
	struct areas areas = { 0 };
	int r = own_areas(u, &areas);
	if (r == 0 && areas.n)
		r = clip_lines(u, &areas);
	vec_fini(&areas);
	if (r < 0)
		return r;
	if (u->out->ranges.n)
		qsort(u->out->ranges.at, u->out->ranges.n, sizeof(*u->out->ranges.at),
		      ranges_by_start);
	struct heap heap = { 0 };
	r = sweep(u, &heap);
	vec_fini(&heap);
	return r;
}

int turf_build_unit(struct builder *b, size_t idx, struct turf_error *err)
{
	struct unit u = { .b = b, .unit = &b->dwarf.units[idx], .out = &b->units[idx] };
	/* lines first: call sites name their files; what is malformed is left out, the rest
	 * kept */
	int r = read_lines(&u, &u.out->why);
	/* what programs share has no code, and a split unit is read with its skeleton */
	bool has_code = u.unit->in == b->dwarf.own;
	int scopes = r == -ENOMEM || !has_code ? r : read_scopes(&u, &u.out->why);
	u.out->error = r < 0 ? r : MIN(scopes, 0);
	mark_used(u.out);
	if (r != -ENOMEM && scopes != -ENOMEM)
		r = make_segments(&u);
	else
		r = -ENOMEM;
	vec_fini(&u.lines);
	turf_table_fini(&u.seen);
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "%s: no memory for unit at %#llx",
		                 b->in.name, (unsigned long long)u.unit->off);
	return 0;
}
