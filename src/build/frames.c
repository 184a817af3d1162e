/* SPDX-License-Identifier: MIT */
/*
 * CFI -> unwind rows: every pc that an FDE covers gets exactly its rules; one that none covers
 * none, but for padding: a gap of less than PADDING bytes in which no function starts goes with
 * what is before it.
 *
 * .debug_frame is read where .eh_frame has nothing, then functions' first instructions
 * (guess.c) where neither has. Where FDEs overlap, the one that starts first keeps what it has.
 * Steps, rules and sets are numbered by first use, each different one once.
 */
#include <xxhash.h>

#include "build/frames.h"
#include "image/walk.h"

enum { PADDING = 64 };

/* Different strings of bytes, see put_rule(). */
struct keys {
	struct {
		struct key {
			size_t off, size; /* in bytes */
		} * at;
		size_t n, room;
	} list;
	struct buf bytes;
	struct table known; /* indexes of list */
};

struct frames {
	struct builder *b;
	struct walk_regs regs;
	bool whole; /* the machine has no other steps */
	struct step_list steps;
	struct keys rules, sets;
	uint32_t set; /* the last one used */
	struct row_list rows;
	struct {
		struct cfi_fde *at;
		size_t n, room;
	} fdes;
	struct buf key;  /* of the row at hand */
	size_t sym;      /* the next one that a guess may be made for */
	uint64_t padded; /* where the padding before the next FDE begins */
	size_t n_bad;
};

static void keys_fini(struct keys *k)
{
	vec_fini(&k->list);
	vec_fini(&k->bytes);
	turf_table_fini(&k->known);
}

static void frames_fini(struct frames *f)
{
	vec_fini(&f->steps);
	turf_table_fini(&f->steps.known);
	keys_fini(&f->rules);
	keys_fini(&f->sets);
	vec_fini(&f->rows);
	vec_fini(&f->fdes);
	vec_fini(&f->key);
}

static bool same_key(const void *ctx, uint32_t idx, const void *other)
{
	const struct keys *keys = ctx;
	const struct key *have = &keys->list.at[idx];
	const struct buf *key = other;
	return have->size == key->n &&
	       (!key->n || !memcmp(keys->bytes.at + have->off, key->at, key->n));
}

/* The number of this key; 0 or -ENOMEM. */
static int intern(struct keys *keys, const struct buf *key, uint32_t *ret)
{
	if (keys->list.n == TABLE_MAX)
		return -ENOMEM;
	int r = turf_table_intern(&keys->known, XXH3_64bits(key->at, key->n), same_key, keys,
	                          key, (uint32_t)keys->list.n, ret);
	if (r != 0)
		return MIN(r, 0);
	struct key *k = vec_push(&keys->list);
	if (!k)
		return -ENOMEM;
	*k = (struct key){ keys->bytes.n, key->n };
	return turf_buf_put(&keys->bytes, key->at, key->n) ? 0 : -ENOMEM;
}

static bool same_step(const void *ctx, uint32_t idx, const void *other)
{
	const struct step_list *steps = ctx;
	return !memcmp(&steps->at[idx], other, sizeof(*steps->at));
}

int turf_intern_step(struct step_list *steps, const struct urf_step *step, uint32_t *ret)
{
	static const struct urf_step none;
	if (!steps->n) {
		if (!vec_push(steps))
			return -ENOMEM;
		steps->at[0] = none;
	}
	if (steps->n == TABLE_MAX)
		return -ENOMEM;
	int r = turf_table_intern(&steps->known, XXH3_64bits(step, sizeof(*step)), same_step,
	                          steps, step, (uint32_t)steps->n, ret);
	if (r != 0)
		return MIN(r, 0);
	struct urf_step *s = vec_push(steps);
	if (!s)
		return -ENOMEM;
	*s = *step;
	return 0;
}

/* The key of a rule: struct urf_saved; of an expression with its length, its bytes behind it.
 * There is room for it, not for these. */
enum { KEY_RULES = 2 + CFI_MAX_REGS }; /* most of them in one key */
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

/* All registers with a rule but these two. */
static bool put_registers(struct buf *key, const struct cfi_row *row, unsigned but,
                          unsigned nor)
{
	for (unsigned reg = 0; (reg = cfi_next_reg(row, reg)) < CFI_MAX_REGS; reg++)
		if (reg != but && reg != nor && row->reg[reg].kind != TURF_RULE_SAME &&
		    !put_rule(key, (uint8_t)reg, &row->reg[reg]))
			return false;
	return true;
}

static const struct turf_rule *rule_of(const struct cfi_row *row, uint8_t reg)
{
	static const struct turf_rule same = { .kind = TURF_RULE_SAME };
	return cfi_has(row, reg) ? &row->reg[reg] : &same;
}

/* A whole rule's key: return_reg, signal; the CFA, the return address, each register. */
static int whole_step(struct frames *f, const struct cfi_fde *fde, const struct cfi_row *row,
                      struct urf_step *ret)
{
	struct buf *key = &f->key;
	uint32_t idx;
	key->n = 0;
	if (!vec_reserve(key, 2 + KEY_RULES * sizeof(struct urf_saved)))
		return -ENOMEM;
	key->at[key->n++] = fde->return_reg;
	key->at[key->n++] = fde->signal_frame;
	uint8_t ra = fde->return_reg;
	if (!put_rule(key, 0, &row->cfa) || !put_rule(key, ra, rule_of(row, ra)) ||
	    !put_registers(key, row, ra, ra) || intern(&f->rules, key, &idx) < 0)
		return -ENOMEM;
	*ret = (struct urf_step){ .how = URF_STEP_WHOLE, .value = le32_of(idx) };
	return 0;
}

/* CFA + offset as a slot. */
static bool as_slot(int32_t offset, struct urf_step *s)
{
	if (offset % 8 || offset / 8 != (int16_t)(offset / 8))
		return false;
	s->slot = le16_of((uint16_t)(offset / 8));
	return true;
}

/* Whether what a walk needs of the row fits; that as a step. */
static bool short_step(const struct frames *f, const struct cfi_fde *fde,
                       const struct cfi_row *row, struct urf_step *ret)
{
	const struct turf_rule *fp = rule_of(row, f->regs.fp), *ra = rule_of(row, f->regs.ra);
	struct urf_step s = { .cfa_reg = row->cfa.reg, .value = le32_of(row->cfa.offset) };
	if (f->whole || fde->signal_frame || fde->return_reg != f->regs.ra ||
	    row->cfa.kind != TURF_RULE_REG_OFFSET)
		return false;
	if (fp->kind == TURF_RULE_AT_CFA && as_slot(fp->offset, &s))
		s.how = URF_STEP_SAVED;
	else if (fp->kind != TURF_RULE_SAME)
		return false;
	*ret = s;
	if (ra->kind == TURF_RULE_SAME)
		return true;
	if (ra->kind != TURF_RULE_AT_CFA)
		return false;
	if (ra->offset == -8)
		ret->how |= URF_RETURN_TOP;
	else if (s.how && ra->offset == fp->offset + 8)
		ret->how |= URF_RETURN_ABOVE;
	else if (!s.how && as_slot(ra->offset, ret))
		ret->how |= URF_RETURN_SLOT;
	else
		return false;
	return true;
}

/* f->set of a short step's row. Set 0 has no registers. */
static int find_set(struct frames *f, const struct cfi_row *row)
{
	struct buf *key = &f->key;
	key->n = 0;
	if (!vec_reserve(key, KEY_RULES * sizeof(struct urf_saved)))
		return -ENOMEM;
	if (!f->sets.list.n && intern(&f->sets, key, &f->set) < 0)
		return -ENOMEM;
	if (!put_registers(key, row, f->regs.fp, f->regs.ra))
		return -ENOMEM;
	return same_key(&f->sets, f->set, key) ? 0 : intern(&f->sets, key, &f->set);
}

static int row_step(struct frames *f, const struct cfi_fde *fde, const struct cfi_row *row,
                    uint32_t *ret)
{
	struct urf_step step;
	int r = short_step(f, fde, row, &step) ? find_set(f, row)
	                                       : whole_step(f, fde, row, &step);
	/* mostly the same as a few rows before, but never as the last one */
	return r < 0 ? r : turf_intern_step(&f->steps, &step, ret);
}

int turf_add_row(struct row_list *rows, uint64_t start, uint32_t step, uint32_t set)
{
	if (rows->n && rows->at[rows->n - 1].start == start)
		rows->n--;
	if (rows->n ? rows->at[rows->n - 1].step == step && rows->at[rows->n - 1].set == set
	            : step == 0)
		return 0;
	struct row *r = vec_push(rows);
	if (!r)
		return -ENOMEM;
	*r = (struct row){ start, step, set };
	return 0;
}

/* The rows of one FDE that lie behind @from. */
static int fde_rows(struct frames *f, const struct cfi_fde *fde, uint64_t from,
                    struct turf_error *err)
{
	const uint64_t padded = f->padded;
	struct cfi_rows rows;
	const struct cfi_row *row;
	int r = turf_cfi_rows(fde, &rows, err);
	if (r < 0)
		return r;
	while ((r = turf_cfi_next_row(&rows, &row, err)) == 1) {
		uint64_t start = MAX(row->start, from);
		uint32_t step;
		if (start >= row->end)
			continue;
		/* a return address that nothing called is a function's first byte: the one
		 * before it is looked up */
		if (start == fde->start && padded < start &&
		    rule_of(row, fde->return_reg)->kind == TURF_RULE_UNDEFINED)
			start = padded;
		if (row_step(f, fde, row, &step) < 0 ||
		    turf_add_row(&f->rows, start, step, f->set) < 0)
			return -ENOMEM;
		from = row->end;
	}
	return turf_add_row(&f->rows, from, 0, f->set) < 0 ? -ENOMEM : r;
}

/* Does one of the first @n FDEs, which are in order, cover some of @fde? */
static bool is_covered(const struct frames *f, size_t n, const struct cfi_fde *fde)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (f->fdes.at[mid].end <= fde->start)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && f->fdes.at[lo].start < fde->end;
}

static int collect(struct frames *f, struct span bytes, uint64_t addr, bool eh)
{
	const size_t n_before = f->fdes.n;
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
		if (is_covered(f, n_before, &fde))
			continue;
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

static void sort_fdes(struct frames *f)
{
	size_t sorted = MIN(f->fdes.n, (size_t)1);
	while (sorted < f->fdes.n && by_start(&f->fdes.at[sorted - 1], &f->fdes.at[sorted]) < 0)
		sorted++;
	if (sorted < f->fdes.n)
		qsort(f->fdes.at, f->fdes.n, sizeof(*f->fdes.at), by_start);
}

/* What lies between two FDEs, [@start, @end): padding, guesses, or nothing. */
static int fill_gap(struct frames *f, uint64_t start, uint64_t end)
{
	int r = turf_guess_rows(f->b, start, end, &f->sym, &f->steps, &f->rows);
	f->padded = r == 0 && end - start < PADDING ? start : end;
	if (r == 0 && f->rows.n && end - start < PADDING && end < f->b->in.end &&
	    f->rows.at[f->rows.n - 1].start == start)
		f->rows.n--; /* the row before goes on */
	return MIN(r, 0);
}

/* All rows of all FDEs, in order of address. */
static int run_fdes(struct frames *f)
{
	uint64_t done = f->b->in.base;
	for (size_t i = 0; i < f->fdes.n; i++) {
		const struct cfi_fde *fde = &f->fdes.at[i];
		struct turf_error err = { 0 };
		if (fde->end <= done)
			continue;
		f->padded = fde->start;
		int r = done < fde->start ? fill_gap(f, done, fde->start) : 0;
		if (r == 0)
			r = fde_rows(f, fde, done, &err);
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
	return done < f->b->in.end ? fill_gap(f, done, f->b->in.end) : 0;
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

/* What is left of a key, a register each; @n of them. */
static int emit_saved(struct tables *t, struct cursor *key, uint32_t *n)
{
	int r = 0;
	for (*n = 0; r == 0 && cur_left(key); ++*n) {
		struct urf_saved saved;
		r = read_key_rule(t, key, &saved);
		if (r == 0)
			r = table_put(t, URF_SAVED, &saved, sizeof(saved));
	}
	return r;
}

static uint32_t n_saved(const struct tables *t)
{
	return (uint32_t)(t->of[URF_SAVED].n / sizeof(struct urf_saved));
}

static int emit_rule(struct tables *t, struct cursor key)
{
	struct urf_saved cfa;
	struct urf_rule out = { .return_reg = cur_u8(&key), .signal_frame = cur_u8(&key) };
	int r = read_key_rule(t, &key, &cfa);
	uint32_t n = 0;
	out.cfa_kind = cfa.kind;
	out.cfa_reg = cfa.source;
	out.cfa_value = cfa.value;
	out.saved = le32_of(n_saved(t));
	if (r == 0)
		r = emit_saved(t, &key, &n);
	out.n_saved = le32_of(n);
	return r < 0 ? r : table_put(t, URF_RULES, &out, sizeof(out));
}

static int emit_set(struct tables *t, struct cursor key)
{
	uint32_t n;
	le32 first = le32_of(n_saved(t));
	int r = table_put(t, URF_SETS, &first, sizeof(first));
	return r < 0 ? r : emit_saved(t, &key, &n);
}

static int emit_keys(const struct keys *keys, struct tables *t,
                     int (*emit)(struct tables *, struct cursor))
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < keys->list.n; i++) {
		const struct key *k = &keys->list.at[i];
		struct span key = { NULL, 0 };
		if (k->size) /* or there may be no bytes at all */
			key = (struct span){ keys->bytes.at + k->off, k->size };
		r = emit(t, cur_of(key, false));
	}
	return r;
}

static int emit_row(struct tables *t, uint64_t rva, uint32_t step)
{
	uint32_t in_row = MIN(step, (uint32_t)URF_STEP_FAR);
	struct urf_row row = {
		.pc_step = le16_of((rva & 0xfff) | (in_row >> 8) << URF_PAGE_SHIFT),
		.step = (uint8_t)in_row,
	};
	struct urf_far far = { le32_of(t->of[URF_ROWS].n / sizeof(row)), le32_of(step) };
	if (in_row == URF_STEP_FAR && table_put(t, URF_FAR_STEPS, &far, sizeof(far)) < 0)
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
	uint32_t step = 0;
	uint64_t n_pages = ((f->b->in.end - base) >> URF_PAGE_SHIFT) + 1;
	if (!vec_reserve(&t->of[URF_ROWS], f->rows.n * sizeof(struct urf_row)) ||
	    !vec_reserve(&t->of[URF_PAGES], (n_pages + 1) * sizeof(le32)))
		return -ENOMEM;
	for (uint64_t page = 0; page <= n_pages; page++) {
		le32 first = le32_of(t->of[URF_ROWS].n / sizeof(struct urf_row));
		int r = table_put(t, URF_PAGES, &first, sizeof(first));
		uint64_t end = (page + 1) << URF_PAGE_SHIFT;
		for (; r == 0 && i < f->rows.n && f->rows.at[i].start - base < end; i++) {
			if (f->rows.at[i].step == step)
				continue; /* another set */
			step = f->rows.at[i].step;
			r = emit_row(t, f->rows.at[i].start - base, step);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* One page of .urf.kept; @i: the first row that is not in a page before. */
static int emit_kept_page(struct frames *f, uint64_t page, size_t *i, uint32_t *set)
{
	struct buf *out = &f->b->tables.of[URF_KEPT];
	uint64_t at = page << URF_KEPT_SHIFT, end = at + (1u << URF_KEPT_SHIFT);
	bool begun = false;
	for (; *i < f->rows.n; ++*i) {
		uint64_t rva = f->rows.at[*i].start - f->b->in.base;
		if (rva >= end)
			break;
		if (f->rows.at[*i].set == *set)
			continue;
		if (!begun && rva > at && !turf_buf_uleb(out, *set))
			return -ENOMEM;
		*set = f->rows.at[*i].set;
		if ((begun || rva > at) && !turf_buf_uleb(out, rva - at))
			return -ENOMEM;
		if (!turf_buf_uleb(out, *set))
			return -ENOMEM;
		begun = true;
		at = rva;
	}
	return begun || turf_buf_uleb(out, *set) ? 0 : -ENOMEM;
}

static int emit_kept(struct frames *f)
{
	struct tables *t = &f->b->tables;
	uint64_t n_pages = ((f->b->in.end - f->b->in.base) >> URF_KEPT_SHIFT) + 1;
	uint32_t set = 0;
	size_t i = 0;
	int r = 0;
	for (uint64_t page = 0; r == 0 && page <= n_pages; page++) {
		le32 off = le32_of(t->of[URF_KEPT].n);
		r = table_put(t, URF_KEPT_INDEX, &off, sizeof(off));
		if (r == 0 && page < n_pages)
			r = emit_kept_page(f, page, &i, &set);
	}
	return r;
}

static int emit(struct frames *f)
{
	struct tables *t = &f->b->tables;
	int r = table_put(t, URF_STEPS, f->steps.at, f->steps.n * sizeof(*f->steps.at));
	if (r == 0)
		r = emit_keys(&f->rules, t, emit_rule);
	if (r == 0 && f->sets.list.n)
		r = emit_keys(&f->sets, t, emit_set);
	if (r == 0 && f->sets.list.n) {
		le32 end = le32_of(n_saved(t));
		r = table_put(t, URF_SETS, &end, sizeof(end));
	}
	if (r == 0)
		r = emit_rows(f);
	return r == 0 && f->sets.list.n ? emit_kept(f) : r;
}

static int build(struct frames *f)
{
	struct inputs *in = &f->b->in;
	f->whole = !walk_regs_of(in->source.elf.machine, &f->regs);
	int r = collect(f, in->eh_frame.bytes, in->eh_frame_addr, true);
	sort_fdes(f);
	if (r == 0)
		r = collect(f, in->debug_frame.bytes, 0, false);
	sort_fdes(f);
	if (r == 0)
		r = run_fdes(f);
	if (r < 0 || !f->rows.n)
		return r;
	if (f->fdes.n)
		f->b->flags |= URF_HAS_CFI;
	return emit(f);
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
