/* SPDX-License-Identifier: MIT */
/*
 * CFI -> unwind rows: every pc that an FDE covers gets exactly its rule, every other pc none.
 *
 * .debug_frame is read where .eh_frame has nothing. Where FDEs overlap, the one that starts
 * first keeps what it has. Rules are numbered by first use, each different one once.
 */
#include <xxhash.h>

#include "build/build.h"

/* The different rules: each is known by its key's bytes, see make_key(). */
struct rules {
	struct {
		struct rule_key {
			size_t off, size; /* in bytes */
		} * at;
		size_t n, room;
	} list; /* index 0: no rule */
	struct buf bytes;
	struct table known; /* indexes of list */
};

struct row {
	uint64_t start;
	uint32_t rule;
};

struct frames {
	struct builder *b;
	struct rules rules;
	struct {
		struct row *at;
		size_t n, room;
	} rows;
	struct {
		struct cfi_fde *at;
		size_t n, room;
	} fdes;
	struct buf key; /* of the row at hand */
	size_t n_bad;
};

static void frames_fini(struct frames *f)
{
	vec_fini(&f->rules.list);
	vec_fini(&f->rules.bytes);
	turf_table_fini(&f->rules.known);
	vec_fini(&f->rows);
	vec_fini(&f->fdes);
	vec_fini(&f->key);
}

static bool same_rule(const void *ctx, uint32_t idx, const void *other)
{
	const struct rules *rules = ctx;
	const struct rule_key *have = &rules->list.at[idx];
	const struct buf *key = other;
	return have->size == key->n && !memcmp(rules->bytes.at + have->off, key->at, key->n);
}

/* The number of the rule with this key; 0: no memory. */
static uint32_t intern(struct rules *rules, const struct buf *key)
{
	uint32_t idx;
	if (!rules->list.n && !vec_push(&rules->list))
		return 0;
	if (rules->list.n == TABLE_MAX)
		return 0;
	int r = turf_table_intern(&rules->known, XXH3_64bits(key->at, key->n), same_rule, rules,
	                          key, (uint32_t)rules->list.n, &idx);
	if (r != 0)
		return r < 0 ? 0 : idx;
	struct rule_key *k = vec_push(&rules->list);
	if (!k)
		return 0;
	*k = (struct rule_key){ rules->bytes.n, key->n };
	return turf_buf_put(&rules->bytes, key->at, key->n) ? idx : 0;
}

/*
 * A key is: kind, reg, return_reg, signal; value; then the same for each register, the return
 * address first. An expression's value is its length, its bytes follow.
 */
enum { KEY_RULES = 2 + CFI_MAX_REGS }; /* most of them in one key */

/* There is room for the rules; not for the bytes of expressions. */
static inline bool put_rule(struct buf *key, uint8_t reg, const struct turf_rule *rule)
{
	bool expr =
		rule->kind == TURF_RULE_EXPRESSION || rule->kind == TURF_RULE_VAL_EXPRESSION;
	struct urf_saved s = {
		.reg = reg,
		.kind = rule->kind,
		.source = rule->kind == TURF_RULE_REGISTER || rule->kind == TURF_RULE_REG_OFFSET
		                  ? rule->reg
		                  : 0,
		.value = le32_of(expr ? rule->expr_size : (uint32_t)rule->offset),
	};
	memcpy(key->at + key->n, &s, sizeof(s));
	key->n += sizeof(s);
	return !expr || (turf_buf_put(key, rule->expr, rule->expr_size) &&
	                 vec_reserve(key, KEY_RULES * sizeof(s)));
}

static bool make_key(struct buf *key, const struct cfi_fde *fde, const struct cfi_row *row)
{
	static const struct turf_rule same = { .kind = TURF_RULE_SAME };
	key->n = 0;
	if (!vec_reserve(key, 2 + KEY_RULES * sizeof(struct urf_saved)))
		return false;
	key->at[key->n++] = fde->return_reg;
	key->at[key->n++] = fde->signal_frame;
	uint8_t ra = fde->return_reg;
	if (!put_rule(key, 0, &row->cfa) ||
	    !put_rule(key, ra, cfi_has(row, ra) ? &row->reg[ra] : &same))
		return false;
	for (unsigned reg = 0; (reg = cfi_next_reg(row, reg)) < CFI_MAX_REGS; reg++) {
		if (reg == ra || row->reg[reg].kind == TURF_RULE_SAME)
			continue;
		if (!put_rule(key, (uint8_t)reg, &row->reg[reg]))
			return false;
	}
	return true;
}

static int add_row(struct frames *f, uint64_t start, uint32_t rule)
{
	size_t n = f->rows.n;
	if (n && f->rows.at[n - 1].start == start) {
		f->rows.at[n - 1].rule = rule;
		return 0;
	}
	if (n ? f->rows.at[n - 1].rule == rule : rule == 0)
		return 0;
	struct row *r = vec_push(&f->rows);
	if (!r)
		return -ENOMEM;
	*r = (struct row){ start, rule };
	return 0;
}

/* The rows of one FDE that lie in [from, to). */
static int fde_rows(struct frames *f, const struct cfi_fde *fde, uint64_t from, uint64_t to,
                    struct turf_error *err)
{
	struct cfi_rows rows;
	const struct cfi_row *row;
	int r = turf_cfi_rows(fde, &rows, err);
	if (r < 0)
		return r;
	while ((r = turf_cfi_next_row(&rows, &row, err)) == 1) {
		uint64_t start = MAX(row->start, from), end = MIN(row->end, to);
		if (start >= end)
			continue;
		if (!make_key(&f->key, fde, row))
			return -ENOMEM;
		uint32_t rule = intern(&f->rules, &f->key);
		if (!rule || add_row(f, start, rule) < 0 || add_row(f, end, 0) < 0)
			return -ENOMEM;
	}
	return r;
}

static int collect(struct frames *f, struct span bytes, uint64_t addr, bool eh)
{
	const struct elf *elf = &f->b->in.source.elf;
	struct cfi_section section = {
		.bytes = bytes,
		.addr = addr,
		.text = f->b->in.n_code ? f->b->in.code[0].start : 0,
		.address_size = elf->is64 ? 8 : 4,
		.big = elf->big,
		.eh = eh,
		.machine = elf->machine,
	};
	struct cfi_fdes walk;
	struct cfi_fde fde;
	turf_cfi_fdes(&section, &walk);
	for (;;) {
		struct turf_error err = { 0 };
		int r = turf_cfi_next_fde(&walk, &fde, &err);
		if (r == 0)
			return 0;
		if (r < 0) {
			f->n_bad++;
			turf_build_note(f->b, TURF_WARNING, "%s: %s+%#llx: %s: left out",
			                f->b->in.name, eh ? ".eh_frame" : ".debug_frame",
			                (unsigned long long)err.where, err.text);
			continue;
		}
		uint64_t start = fde.start, end = fde.end;
		if (!turf_clip_to_code(&f->b->in, &start, &end) || start != fde.start)
			continue; /* dead code: the linker dropped what it describes */
		fde.end = end;
		struct cfi_fde *copy = vec_push(&f->fdes);
		if (!copy)
			return -ENOMEM;
		*copy = fde;
	}
}

static int by_start(const void *a, const void *b)
{
	const struct cfi_fde *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->off > y->off) - (x->off < y->off);
}

/* All rows of all FDEs, in order of address. */
static int run_fdes(struct frames *f)
{
	size_t sorted = MIN(f->fdes.n, (size_t)1);
	while (sorted < f->fdes.n && by_start(&f->fdes.at[sorted - 1], &f->fdes.at[sorted]) < 0)
		sorted++;
	if (sorted < f->fdes.n)
		qsort(f->fdes.at, f->fdes.n, sizeof(*f->fdes.at), by_start);
	uint64_t done = 0;
	for (size_t i = 0; i < f->fdes.n; i++) {
		const struct cfi_fde *fde = &f->fdes.at[i];
		struct turf_error err = { 0 };
		if (fde->end <= done)
			continue;
		int r = fde_rows(f, fde, done, fde->end, &err);
		if (r == -ENOMEM)
			return r;
		if (r < 0) {
			f->n_bad++;
			turf_build_note(f->b, TURF_WARNING,
			                "%s: FDE at %#llx: %s: the rest is left out",
			                f->b->in.name, (unsigned long long)fde->off, err.text);
		}
		done = fde->end;
	}
	return 0;
}

/* An expression behind its length; its offset in @ret. */
static int put_expr(struct tables *t, struct cursor *key, uint32_t size, uint32_t *ret)
{
	struct buf *out = &t->of[URF_EXPRS];
	*ret = (uint32_t)out->n;
	if (out->n > UINT32_MAX || !turf_buf_uleb(out, size) ||
	    !turf_buf_put(out, cur_take(key, size), size))
		return -ENOMEM;
	return 0;
}

static int read_key_rule(struct tables *t, struct cursor *key, struct urf_saved *ret)
{
	memcpy(ret, cur_take(key, sizeof(*ret)), sizeof(*ret));
	if (ret->kind != TURF_RULE_EXPRESSION && ret->kind != TURF_RULE_VAL_EXPRESSION)
		return 0;
	uint32_t off;
	int r = put_expr(t, key, le32_get(ret->value), &off);
	ret->value = le32_of(off);
	return r;
}

static int emit_rule(struct tables *t, struct span bytes)
{
	struct cursor key = cur_of(bytes, false);
	struct urf_saved cfa, saved;
	struct urf_rule out = { .return_reg = cur_u8(&key), .signal_frame = cur_u8(&key) };
	int r = read_key_rule(t, &key, &cfa);
	out.cfa_kind = cfa.kind;
	out.cfa_reg = cfa.source;
	out.cfa_value = cfa.value;
	uint32_t n = 0;
	out.saved = le32_of(t->of[URF_SAVED].n / sizeof(saved));
	for (; r == 0 && cur_left(&key); n++) {
		r = read_key_rule(t, &key, &saved);
		if (r == 0)
			r = table_put(t, URF_SAVED, &saved, sizeof(saved));
	}
	out.n_saved = le32_of(n);
	return r < 0 ? r : table_put(t, URF_RULES, &out, sizeof(out));
}

static int emit_row(struct tables *t, uint64_t rva, uint32_t rule)
{
	uint32_t in_row = MIN(rule, (uint32_t)URF_RULE_FAR);
	struct urf_row row = {
		.pc_rule = le16_of((rva & 0xfff) | (in_row >> 8) << URF_PAGE_SHIFT),
		.rule = (uint8_t)in_row,
	};
	struct urf_far far = { le32_of(t->of[URF_ROWS].n / sizeof(row)), le32_of(rule) };
	if (in_row == URF_RULE_FAR && table_put(t, URF_FAR_RULES, &far, sizeof(far)) < 0)
		return -ENOMEM;
	struct buf *out = &t->of[URF_ROWS]; /* there is room */
	memcpy(out->at + out->n, &row, sizeof(row));
	out->n += sizeof(row);
	return 0;
}

static int emit_rows(struct frames *f)
{
	struct tables *t = &f->b->tables;
	uint64_t base = f->b->in.base;
	size_t i = 0;
	uint32_t rule = 0; /* in force where the page begins */
	uint64_t n_pages = ((f->b->in.end - base) >> URF_PAGE_SHIFT) + 1;
	/* each row, and one where a page begins */
	if (!vec_reserve(&t->of[URF_ROWS], (n_pages + f->rows.n) * sizeof(struct urf_row)) ||
	    !vec_reserve(&t->of[URF_PAGES], (n_pages + 1) * sizeof(le32)))
		return -ENOMEM;
	for (uint64_t page = 0; page <= n_pages; page++) {
		le32 first = le32_of(t->of[URF_ROWS].n / sizeof(struct urf_row));
		int r = table_put(t, URF_PAGES, &first, sizeof(first));
		if (r < 0 || page == n_pages)
			return r;
		uint64_t start = page << URF_PAGE_SHIFT, end = start + (1u << URF_PAGE_SHIFT);
		bool any = i < f->rows.n && f->rows.at[i].start - base < end;
		bool at_start = any && f->rows.at[i].start - base == start;
		if ((rule || any) && !at_start)
			r = emit_row(t, start, rule);
		for (; r == 0 && i < f->rows.n && f->rows.at[i].start - base < end; i++) {
			rule = f->rows.at[i].rule;
			r = emit_row(t, f->rows.at[i].start - base, rule);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int build(struct frames *f)
{
	struct inputs *in = &f->b->in;
	int r = collect(f, in->eh_frame.bytes, in->eh_frame_addr, true);
	if (r == 0 && !f->fdes.n)
		r = collect(f, in->debug_frame.bytes, 0, false);
	if (r == 0)
		r = run_fdes(f);
	if (r < 0 || !f->rows.n)
		return r;
	f->b->flags |= URF_HAS_CFI;
	struct urf_rule none = { 0 };
	r = table_put(&f->b->tables, URF_RULES, &none, sizeof(none));
	for (size_t i = 1; r == 0 && i < f->rules.list.n; i++) {
		const struct rule_key *k = &f->rules.list.at[i];
		r = emit_rule(&f->b->tables,
		              (struct span){ f->rules.bytes.at + k->off, k->size });
	}
	return r < 0 ? r : emit_rows(f);
}

int turf_build_frames(struct builder *b, struct turf_error *err)
{
	struct frames f = { .b = b };
	int r = build(&f);
	frames_fini(&f);
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "%s: no memory for unwind rows",
		                 b->in.name);
	return 0;
}
