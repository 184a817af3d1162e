/* SPDX-License-Identifier: MIT */
/*
 * All units' variables that live as long as the program or a thread -> records, by address.
 *
 * What is said twice of one address (inline variables, common blocks) is one.
 */
#include <endian.h>

#include "base/sort.h"
#include "build/more.h"
#include "build/variables.h"
#include "dwarf/expr.h"

/* What an expression says a variable's place is. */
static uint8_t place_of(const struct cold *c, uint32_t value, uint64_t *ret)
{
	const struct expr *e = &c->exprs.list.at[value];
	const uint8_t *at = c->exprs.bytes.at + e->off;
	uint64_t word = 0;
	*ret = 0;
	if (!value)
		return URF_GLOBAL_NOWHERE;
	if (e->size == 9 && at[0] == DW_OP_addr) {
		memcpy(&word, at + 1, 8);
		*ret = le64toh(word);
		return URF_GLOBAL_ADDRESS;
	}
	bool thread = at[e->size - 1] == DW_OP_form_tls_address;
	if (thread && (at[0] == DW_OP_const8u || at[0] == DW_OP_const4u) &&
	    e->size == (at[0] == DW_OP_const8u ? 10 : 6)) {
		memcpy(&word, at + 1, e->size - 2);
		*ret = le64toh(word);
		return *ret > UINT32_MAX ? URF_GLOBAL_EXPR : URF_GLOBAL_THREAD;
	}
	return URF_GLOBAL_EXPR;
}

static int add(struct cold *c, struct variables *v, const struct cold_global *g,
               uint32_t function)
{
	if (!vec_reserve(&v->list, 1))
		return -ENOMEM;
	struct variable_row row = { .of = g, .function = function };
	row.kind = place_of(c, g->value, &row.address);
	v->list.at[v->list.n++] = row;
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_row(const struct variable_row *a, const struct variable_row *b)
{
	return a->kind == URF_GLOBAL_ADDRESS && b->kind == URF_GLOBAL_ADDRESS &&
	       a->address == b->address && a->of->type == b->of->type &&
	       same_text(a->of->name, b->of->name);
}

/* By address; those that have none come behind, in the order of units. */
static int sort(struct variables *v)
{
	enum { LOOKED_BACK = 8 };
	size_t n = v->list.n, kept = 0;
	struct sort_pair *keys = calloc(2 * n + 1, sizeof(*keys));
	struct variable_row *rows = calloc(n + 1, sizeof(*rows));
	if (!keys || !rows) {
		free(keys);
		free(rows);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		const struct variable_row *row = &v->list.at[i];
		keys[i].key = row->kind == URF_GLOBAL_ADDRESS ? row->address : UINT64_MAX;
		keys[i].value = i;
	}
	sort_pairs(keys, keys + n, n);
	for (size_t i = 0; i < n; i++) {
		const struct variable_row *row = &v->list.at[keys[i].value];
		bool known = false;
		for (size_t k = kept; !known && k > 0 && kept - k < LOOKED_BACK; k--)
			known = same_row(&rows[k - 1], row);
		if (!known)
			rows[kept++] = *row;
	}
	free(keys);
	free(v->list.at);
	v->list.at = rows;
	v->list.room = n + 1;
	v->list.n = kept;
	return 0;
}

int turf_variables_merge(struct cold *c, struct variables *v)
{
	int r = 0;
	for (size_t u = 0; r == 0 && u < c->b->dwarf.n_units; u++) {
		const struct cold_unit *unit = &c->units[u];
		for (size_t i = 0; r == 0 && i < unit->globals.n; i++) {
			const struct cold_global *g = &unit->globals.at[i];
			if (!g->root)
				r = add(c, v, g, 0);
			else if (unit->roots.at[g->root - 1].function)
				r = add(c, v, g, unit->roots.at[g->root - 1].function);
		}
	}
	return r < 0 ? r : sort(v);
}

/* The files of one unit's line table, by index. */
struct listed {
	const struct dwarf_unit *unit;
	const char *comp_dir;
	UNIT_LIST(struct unit_file) files;
};

static int list_file(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                     const char *name)
{
	struct listed *l = ctx;
	if (idx > UINT32_MAX - 1 || !vec_reserve(&l->files, idx + 1 - l->files.n))
		return -ENOMEM;
	while (l->files.n <= idx)
		l->files.at[l->files.n++] = (struct unit_file){ 0 };
	l->comp_dir = comp_dir;
	l->files.at[idx] = (struct unit_file){ directory, name, (uint32_t)idx, 0 };
	return 0;
}

/* The provisional number of a file, 0 where it is not known. */
static int file_of(struct cold *c, struct listed *l, const struct cold_global *g, uint32_t *ret)
{
	*ret = 0;
	if (!g->file || !g->file_unit)
		return 0;
	if (l->unit != g->file_unit) {
		struct dwarf_lines lines;
		l->unit = g->file_unit;
		l->files.n = 0;
		if (turf_dwarf_lines(&c->b->dwarf, l->unit, &lines, NULL) == 1 &&
		    turf_dwarf_files(&lines, list_file, l, NULL) == -ENOMEM)
			return -ENOMEM;
	}
	uint32_t idx = g->file - 1;
	if (idx >= l->files.n || !l->files.at[idx].name)
		return 0;
	return turf_cold_file(c->b, l->comp_dir, &l->files.at[idx], ret);
}

int turf_variables_intern(struct cold *c, struct variables *v)
{
	/* by unit, so that each line table is read once */
	size_t n = v->list.n;
	struct listed listed = { 0 };
	struct sort_pair *keys = calloc(2 * n + 1, sizeof(*keys));
	int r = keys ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++)
		keys[i] = (struct sort_pair){ (uintptr_t)v->list.at[i].of->file_unit, i };
	if (r == 0)
		sort_pairs(keys, keys + n, n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct variable_row *row = &v->list.at[keys[i].value];
		const struct cold_global *g = row->of;
		r = turf_cold_text(c->b, g->name, &row->name);
		if (r == 0 && g->linkage_name && !same_text(g->linkage_name, g->name))
			r = turf_cold_text(c->b, g->linkage_name, &row->linkage_name);
		if (r == 0)
			r = file_of(c, &listed, g, &row->file);
		if (r == 0 && row->kind == URF_GLOBAL_EXPR)
			turf_expr_use(&c->exprs, g->value);
	}
	vec_fini(&listed.files);
	free(keys);
	return r;
}

void turf_variables_number(struct cold *c, const struct variables *v)
{
	for (size_t i = 0; i < v->list.n; i++)
		if (v->list.at[i].kind == URF_GLOBAL_EXPR)
			turf_expr_number(&c->exprs, v->list.at[i].of->value);
}

/* What the next record counts from. */
struct last {
	uint64_t address;
	uint32_t file, line;
};

static bool put_row(const struct cold *c, const struct variable_row *row, bool first,
                    struct last *last, struct buf *out)
{
	const struct cold_global *g = row->of;
	const struct more *more = &c->b->more;
	uint32_t file = row->file ? turf_more_file(more, row->file) : 0;
	uint64_t step = row->address - last->address;
	bool placed = row->kind == URF_GLOBAL_ADDRESS;
	bool wide = placed && (first || step > UINT32_MAX);
	uint32_t bits = row->kind | (wide ? URF_GLOBAL_WIDE : 0) |
	                (g->external ? URF_GLOBAL_EXTERNAL : 0) |
	                (row->linkage_name ? URF_GLOBAL_LINKAGE : 0) |
	                (g->scope || row->function ? URF_GLOBAL_INSIDE : 0) |
	                (file != last->file ? URF_GLOBAL_FILE : 0);
	uint8_t head = (uint8_t)bits;
	uint64_t le = htole64(row->address);
	bool ok = turf_buf_put(out, &head, 1);
	if (ok && wide)
		ok = turf_buf_put(out, &le, sizeof(le));
	else if (ok && (placed || row->kind == URF_GLOBAL_THREAD))
		ok = turf_buf_uleb(out, placed ? step : row->address);
	else if (ok && row->kind == URF_GLOBAL_EXPR)
		ok = turf_buf_uleb(out, c->exprs.list.at[g->value].final);
	ok = ok && turf_buf_uleb(out, turf_more_text(more, row->name)) &&
	     turf_buf_uleb(out, g->type);
	if (ok && row->linkage_name)
		ok = turf_buf_uleb(out, turf_more_text(more, row->linkage_name));
	if (ok && bits & URF_GLOBAL_INSIDE) /* the lowest bit: it is a function */
		ok = turf_buf_uleb(out, row->function ? (uint64_t)row->function * 2 + 1
		                                      : (uint64_t)g->scope * 2);
	if (ok && bits & URF_GLOBAL_FILE)
		ok = turf_buf_uleb(out, file);
	ok = ok && turf_buf_sleb(out, (int32_t)(g->line - last->line));
	*last = (struct last){ placed ? row->address : last->address, file, g->line };
	return ok;
}

int turf_variables_emit(const struct cold *c, const struct variables *v)
{
	struct buf *out = &c->b->tables.of[URF_VARIABLES];
	struct buf *index = &c->b->tables.of[URF_VARIABLE_INDEX];
	struct last last = { 0 };
	bool ok = true;
	for (size_t i = 0; ok && i < v->list.n; i++) {
		bool first = i % URF_GLOBAL_STEP == 0;
		le32 off = le32_of(out->n);
		if (first) {
			last = (struct last){ 0 };
			ok = turf_buf_put(index, &off, sizeof(off));
		}
		ok = ok && put_row(c, &v->list.at[i], first, &last, out);
	}
	c->b->n_variables = (uint32_t)v->list.n;
	return !ok ? -ENOMEM : out->n > UINT32_MAX || v->list.n > TABLE_MAX ? -E2BIG : 0;
}

void turf_variables_free(struct variables *v)
{
	vec_fini(&v->list);
}
