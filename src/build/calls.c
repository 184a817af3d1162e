/* SPDX-License-Identifier: MIT */
/*
 * Discriminators of inlined calls: what they are of each scope while a unit is read, then what
 * they are at each address. Most programs have none.
 *
 * Source: DW_AT_GNU_discriminator of DW_TAG_inlined_subroutine, as clang writes it with
 *         -fdebug-info-for-profiling
 */
#include "build/scratch.h"

bool turf_call_mark(struct unit *u, uint32_t discriminator)
{
	struct unit_out *out = u->out;
	if (u->b->options->flags & TURF_BUILD_HOT)
		return true;
	if (!vec_reserve(&out->calls, 1))
		return false;
	out->calls.at[out->calls.n++] =
		(struct unit_call){ (uint32_t)out->scopes.n, discriminator };
	return true;
}

uint32_t turf_call_discriminator(const struct unit_out *out, uint32_t scope)
{
	size_t lo = bisect(mid, out->calls.n, out->calls.at[mid].scope < scope);
	bool found = lo < out->calls.n && out->calls.at[lo].scope == scope;
	return found ? out->calls.at[lo].discriminator : 0;
}

/* The table, as it grows. */
struct emit {
	struct tables *tables;
	struct table known;       /* lists of discriminators: indexes of offs */
	UNIT_LIST(uint32_t) offs; /* of each, in .urf.call.data */
	struct buf list;          /* the one that is looked for, coded */
	uint32_t off;             /* of the list that holds at the last address */
};

/* Begins with the same bytes, and so is the same: a list says how long it is. */
static bool same_list(const void *ctx, uint32_t idx, const void *key)
{
	const struct emit *e = ctx;
	const struct buf *data = &e->tables->of[URF_CALL_DATA], *list = key;
	uint32_t off = e->offs.at[idx];
	return list->n <= data->n - off && !memcmp(data->at + off, list->at, list->n);
}

/* The offset of e->list, which is appended where it is new. 0, -ENOMEM or -E2BIG. */
static int intern(struct emit *e, uint32_t *off)
{
	struct buf *data = &e->tables->of[URF_CALL_DATA];
	uint64_t hash = 0;
	uint32_t idx = 0;
	for (size_t i = 0; i < e->list.n; i++)
		hash = hash_mix(hash, e->list.at[i]);
	if (!vec_reserve(&e->offs, 1))
		return -ENOMEM;
	int r = turf_table_intern(&e->known, hash, same_list, e, &e->list, (uint32_t)e->offs.n,
	                          &idx);
	if (r == 0) {
		e->offs.at[e->offs.n++] = (uint32_t)data->n;
		if (data->n + e->list.n > UINT32_MAX)
			return -E2BIG;
		if (!turf_buf_put(data, e->list.at, e->list.n))
			return -ENOMEM;
	}
	*off = r < 0 ? 0 : e->offs.at[idx];
	return MIN(r, 0);
}

/* The list of a scope, outermost call first, up to the last that is not 0. */
static int find_list(struct emit *e, const struct unit_out *out, uint32_t scope, uint32_t *off)
{
	uint32_t list[URF_DEPTH_MAX];
	unsigned n = 0;
	while (scope && out->scopes.at[scope - 1].depth) {
		const struct unit_scope *s = &out->scopes.at[scope - 1];
		list[s->depth - 1] = turf_call_discriminator(out, scope - 1);
		n = !n && list[s->depth - 1] ? s->depth : n;
		scope = s->parent;
	}
	e->list.n = 0;
	bool ok = turf_buf_uleb(&e->list, n);
	for (unsigned i = 0; ok && i < n; i++)
		ok = turf_buf_uleb(&e->list, list[i]);
	return ok ? intern(e, off) : -ENOMEM;
}

/* From @start on the list at @off holds. */
static int put_call(struct emit *e, uint32_t start, uint32_t off)
{
	struct urf_calls call = { le32_of(start), le32_of(off) };
	if (off == e->off)
		return 0;
	e->off = off;
	return table_put(e->tables, URF_CALLS, &call, sizeof(call));
}

static int put_stretch(struct emit *e, const struct unit_out *out, const struct stretch *st)
{
	const struct unit_segment *s = &out->segments.at[st->first];
	uint32_t off = 0;
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < st->n; i++) {
		uint32_t start = MAX(s[i].start, st->start);
		if (start >= s[i].end)
			continue;
		if (out->calls.n)
			r = find_list(e, out, s[i].scope, &off);
		if (r == 0)
			r = put_call(e, start, off);
	}
	return r;
}

static bool any_calls(const struct builder *b)
{
	for (size_t i = 0; i < b->dwarf.n_units; i++)
		if (b->units[i].calls.n)
			return true;
	return false;
}

int turf_emit_calls(struct builder *b, const struct stretch *list, size_t n)
{
	struct emit e = { .tables = &b->tables };
	uint32_t none, done = 0;
	if (!any_calls(b))
		return 0;
	int r = find_list(&e, NULL, 0, &none); /* stands at 0 */
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (list[i].start > done)
			r = put_call(&e, done, none);
		if (r == 0)
			r = put_stretch(&e, &b->units[list[i].unit], &list[i]);
		done = list[i].end;
	}
	if (r == 0)
		r = put_call(&e, done, none);
	turf_table_fini(&e.known);
	vec_fini(&e.offs);
	vec_fini(&e.list);
	return r;
}
