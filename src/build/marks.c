/* SPDX-License-Identifier: MIT */
/*
 * What line tables say of rows besides file, line and column: where statements begin, where
 * prologues end and epilogues begin, discriminators. Coded while a unit is read; groups of all
 * units are then put in order of address. Where they overlap, the one that begins first stays.
 */
#include "build/scratch.h"

static bool put_mark(struct unit *u, const struct mark *m)
{
	struct unit_out *out = u->out;
	struct unit_marks *group = out->marks.n ? &out->marks.at[out->marks.n - 1] : NULL;
	if (!u->n_marks || u->n_marks == URF_MARK_STEP) {
		if (m->flags & URF_MARK_NONE && !u->n_marks)
			return true;
		group = vec_push(&out->marks);
		if (!group)
			return false;
		*group = (struct unit_marks){ m->start, m->start, (uint32_t)out->mark_data.n,
			                      0 };
		u->n_marks = 0;
	}
	uint8_t flags = m->flags;
	bool more = flags || m->discriminator;
	uint64_t head = (uint64_t)(m->start - group->end) << URF_MARK_SHIFT |
	                (more ? URF_MARK_MORE : 0) | (m->statement ? URF_MARK_STATEMENT : 0);
	if (!turf_buf_uleb(&out->mark_data, head) ||
	    (more && (!turf_buf_put(&out->mark_data, &flags, 1) ||
	              !turf_buf_uleb(&out->mark_data, m->discriminator))))
		return false;
	group->end = m->start;
	group->size = (uint32_t)out->mark_data.n - group->off;
	u->n_marks = flags & URF_MARK_NONE ? 0 : u->n_marks + 1;
	return true;
}

bool turf_mark_row(struct unit *u, const struct dwarf_line_row *row)
{
	uint64_t start = row->addr, end = start + 1;
	struct mark *last = &u->mark;
	if (row->end_sequence) {
		uint64_t rva = MAX(start, u->b->in.base) - u->b->in.base;
		struct mark none = { .start = MAX((uint32_t)MIN(rva, UINT32_MAX), last->start),
			             .flags = URF_MARK_NONE };
		bool ok = !u->marked || (put_mark(u, last) && put_mark(u, &none));
		u->marked = false;
		u->n_marks = 0;
		return ok;
	}
	if (!turf_unit_clip(u, &start, &end) || (u->marked && start < last->start))
		return true;
	if (!u->marked || start != last->start) {
		if (u->marked && !put_mark(u, last))
			return false;
		*last = (struct mark){ .start = (uint32_t)start };
		u->marked = true;
	}
	last->statement |= row->is_stmt;
	last->flags |= (uint8_t)((row->prologue_end ? URF_MARK_PROLOGUE_END : 0) |
	                         (row->epilogue_begin ? URF_MARK_EPILOGUE_BEGIN : 0));
	last->discriminator = row->discriminator;
	return true;
}

int turf_emit_marks(struct builder *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->dwarf.n_units; i++)
		n += b->units[i].marks.n;
	if (!n)
		return 0;
	UNIT_LIST(struct sort_pair) keys = { 0 };
	if (!vec_reserve(&keys, 2 * n))
		return -ENOMEM;
	for (size_t i = 0; i < b->dwarf.n_units; i++)
		for (size_t k = 0; k < b->units[i].marks.n; k++)
			keys.at[keys.n++] = (struct sort_pair){ b->units[i].marks.at[k].start,
				                                i << 32 | k };
	sort_pairs(keys.at, keys.at + n, n);
	struct buf *data = &b->tables.of[URF_MARK_DATA];
	uint32_t done = 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct unit_out *out = &b->units[keys.at[i].value >> 32];
		const struct unit_marks *m = &out->marks.at[(uint32_t)keys.at[i].value];
		if (m->start < done)
			continue;
		struct urf_marks group = { le32_of(m->start), le32_of(data->n) };
		r = table_put(&b->tables, URF_MARKS, &group, sizeof(group));
		if (r == 0 && !turf_buf_put(data, out->mark_data.at + m->off, m->size))
			r = -ENOMEM;
		done = m->end;
	}
	vec_fini(&keys);
	return data->n > UINT32_MAX ? -E2BIG : r;
}
