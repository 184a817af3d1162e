/* SPDX-License-Identifier: MIT */
/* Each distinct type, read where it is first seen; its links become indexes of types. */
#include "build/types-all.h"

static bool stays(const struct types *t, uint32_t idx)
{
	return t->order[idx]->is == idx;
}

/* What a link means; 0: void, or nothing that we have. */
static uint32_t find(const struct types *t, const struct dwarf_unit *unit, uint64_t ref)
{
	const struct dwarf *dw = &t->b->dwarf;
	uint64_t die = unit->base + unit->off + ref;
	if (ref == TYPE_REF_NONE)
		return 0;
	if (ref & TYPE_REF_FAR) {
		die = ref & ~TYPE_REF_FAR;
	} else if (ref & TYPE_REF_SIGNATURE) {
		size_t idx = ref & ~TYPE_REF_SIGNATURE;
		die = dw->units[idx - 1].base + dw->units[idx - 1].off +
		      dw->units[idx - 1].type_off;
	}
	uint32_t idx = turf_types_index(t, die);
	return idx ? t->order[idx]->is : 0;
}

/* The same, counted. */
static uint32_t resolve(const struct types *t, const struct dwarf_unit *unit, uint64_t ref)
{
	uint32_t idx = find(t, unit, ref);
	if (idx)
		__atomic_fetch_add(&t->order[idx]->count, 1, __ATOMIC_RELAXED);
	return idx;
}

/* The type that @s has read, behind those of its unit that are read. */
static bool keep(const struct types *t, const struct type_scan *s, const struct type_entry *e,
                 struct types_of_unit *u)
{
	const struct dwarf_unit *unit = s->unit;
	struct type_node n = s->node;
	bool numbers = n.kind == URF_TYPE_ARRAY || n.kind == URF_TYPE_SUBRANGE;
	if (!vec_reserve(&u->items, s->items.n))
		return false;
	n.first = (uint32_t)u->items.n;
	for (size_t i = 0; i < s->items.n; i++) {
		struct type_item *item = &u->items.at[u->items.n++];
		*item = s->items.at[i];
		if (item->kind == TYPE_PARAMETER && item->flags & TYPE_THIS)
			item->ref = find(t, unit, item->ref); /* it is not written */
		else if (!numbers)
			item->ref = resolve(t, unit, item->ref);
	}
	n.ref = resolve(t, unit, n.ref);
	n.ref2 = n.kind == URF_TYPE_MEMBER_POINTER ? resolve(t, unit, n.ref2) : 0;
	n.scope = e->scope ? resolve(t, unit, e->scope - 1) : 0;
	u->nodes.at[e->idx - u->first] = n;
	return true;
}

static int add_file(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                    const char *name)
{
	struct types_of_unit *u = ctx;
	if (!vec_reserve(&u->files, idx + 1 - u->files.n))
		return -ENOMEM;
	while (u->files.n <= idx)
		u->files.at[u->files.n++] = (struct type_file){ NULL, NULL, 0 };
	u->comp_dir = comp_dir;
	u->files.at[idx] = (struct type_file){ directory, name, 0 };
	return 0;
}

/* The files that the unit's types are declared in. */
static int read_files(const struct types *t, const struct dwarf_unit *unit,
                      struct types_of_unit *u)
{
	bool any = false;
	for (size_t i = 0; i < u->nodes.n && !any; i++)
		any = u->nodes.at[i].decl_file;
	if (unit->skeleton) /* files of a split unit count in the skeleton's table */
		unit = &t->b->dwarf.units[unit->skeleton - 1];
	struct dwarf_lines walk;
	int r = any ? turf_dwarf_lines(&t->b->dwarf, unit, &walk, NULL) : 0;
	if (r == 1)
		r = turf_dwarf_files(&walk, add_file, u, NULL);
	return r == -ENOMEM ? r : 0;
}

static int read_types(const struct types *t, struct type_scan *s, const struct dwarf_unit *unit,
                      struct types_of_unit *u, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct type_entry *e = t->order[u->first + i];
		int r = stays(t, e->idx) ? turf_type_scan_one(s, unit, e->off) : 0;
		if (r < 0 || (r && !keep(t, s, e, u)))
			return -ENOMEM;
	}
	return read_files(t, unit, u);
}

static int read_unit(void *ctx, size_t idx, struct turf_error *err)
{
	struct types *t = ctx;
	struct types_of_unit *u = &t->of_unit[idx];
	size_t n = t->of_unit[idx + 1].first - u->first;
	if (!n)
		return 0;
	struct type_scan *s = turf_types_take(t);
	int r = s && vec_reserve(&u->nodes, n) ? 0 : -ENOMEM;
	if (r == 0) {
		memset(u->nodes.at, 0, n * sizeof(*u->nodes.at));
		u->nodes.n = n;
		r = read_types(t, s, &t->b->dwarf.units[idx], u, n);
	}
	if (s)
		turf_types_give(t, s);
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "%s: no memory for types", t->b->name)
	             : 0;
}

int turf_types_read(struct types *t, struct turf_error *err)
{
	size_t n_units = t->b->dwarf.n_units;
	uint32_t at = 1;
	for (size_t i = 0; i <= n_units; i++) {
		t->of_unit[i].first = at;
		while (i < n_units && at < t->n && t->order[at]->unit == i)
			at++;
	}
	return turf_pool_run(&t->b->pool, n_units, read_unit, t, err);
}

void turf_types_unit_fini(struct types_of_unit *u)
{
	vec_fini(&u->nodes);
	vec_fini(&u->items);
	vec_fini(&u->files);
}
