/* SPDX-License-Identifier: MIT */
/*
 * From an address to its unwind row: page, row within the page, step; and from a step to the
 * rules of all registers.
 */
#include "image/image.h"
#include "image/walk.h"

/* A far row that is not listed reads as out of range, hence damaged. */
static uint32_t far_step(const struct turf_image *image, size_t idx)
{
	size_t lo = bisect(mid, image->far.n, le32_get(image->far.at[mid].row) < idx);
	return lo < image->far.n && le32_get(image->far.at[lo].row) == idx
	               ? le32_get(image->far.at[lo].step)
	               : UINT32_MAX;
}

static inline uint32_t row_step(const struct turf_image *image, size_t idx)
{
	const struct urf_row *row = &image->rows.at[idx];
	uint32_t step = (uint32_t)(le16_get(row->pc_step) >> URF_PAGE_SHIFT) << 8 | row->step;
	return step == URF_STEP_FAR ? far_step(image, idx) : step;
}

uint32_t turf_image_row_step(const struct turf_image *image, size_t idx)
{
	return row_step(image, idx);
}

/* An expression of .urf.exprs: length, bytes. */
static int read_expr(const struct turf_image *image, uint32_t off, struct turf_rule *rule)
{
	struct cursor c = cur_of(image->exprs, false);
	cur_seek(&c, off);
	uint64_t n = cur_uleb(&c);
	rule->expr = cur_take(&c, n);
	rule->expr_size = (size_t)n;
	return c.bad ? -EBADMSG : 1;
}

static int read_rule(const struct turf_image *image, uint8_t kind, uint8_t reg, uint32_t value,
                     struct turf_rule *rule)
{
	*rule = (struct turf_rule){ .kind = kind, .reg = reg };
	if (kind == TURF_RULE_EXPRESSION || kind == TURF_RULE_VAL_EXPRESSION)
		return read_expr(image, value, rule);
	rule->offset = (int32_t)value;
	return 1;
}

int turf_image_saved(const struct turf_image *image, uint64_t idx, uint8_t *reg,
                     struct turf_rule *rule)
{
	if (idx >= image->saved.n)
		return -EBADMSG;
	const struct urf_saved *s = &image->saved.at[idx];
	*reg = s->reg;
	return read_rule(image, s->kind, s->source, le32_get(s->value), rule);
}

int turf_image_rule(const struct turf_image *image, size_t idx, struct turf_unwind_row *out)
{
	if (idx >= image->rules.n)
		return -EBADMSG;
	const struct urf_rule *rule = &image->rules.at[idx];
	uint32_t n_saved = le32_get(rule->n_saved);
	if (n_saved == 0 || n_saved > UINT16_MAX)
		return -EBADMSG;
	struct turf_unwind_row row = {
		.return_reg = rule->return_reg,
		.signal_frame = rule->signal_frame,
		.n_saved = (uint16_t)(n_saved - 1),
		.saved = le32_get(rule->saved) + 1, /* a wrap is caught when it is read */
	};
	int r = read_rule(image, rule->cfa_kind, rule->cfa_reg, le32_get(rule->cfa_value),
	                  &row.cfa);
	if (r == 1) {
		uint8_t reg;
		r = turf_image_saved(image, le32_get(rule->saved), &reg, &row.return_address);
		if (r == 1 && reg != row.return_reg)
			r = -EBADMSG;
	}
	if (r == 1)
		*out = row;
	return r;
}

/* A row's pc within its page, as the upper bits of a word. */
static inline uint16_t row_pc(const struct urf_row *row)
{
	return (uint16_t)(le16_get(row->pc_step) << 4);
}

/* The row that holds at @rva: 1, 0 there is none before it, -EBADMSG. */
static int find_row(const struct turf_image *image, uint64_t rva, size_t *idx)
{
	uint64_t page = rva >> URF_PAGE_SHIFT;
	if (page + 1 >= image->pages.n)
		return 0;
	size_t lo = le32_get(image->pages.at[page]), hi = le32_get(image->pages.at[page + 1]);
	if (lo > hi || hi > image->rows.n)
		return -EBADMSG;
	const struct urf_row *rows = image->rows.at;
	uint64_t in_page = rva & ((1u << URF_PAGE_SHIFT) - 1);
	uint16_t pc = (uint16_t)(in_page << 4);
	if (lo == 0) { /* the one row that has none before it */
		if (hi == 0 || row_pc(rows) > pc)
			return 0;
		lo = 1;
	}
	/* where the search will end, if rows are spread evenly, is fetched at once */
	uintptr_t guess = (uintptr_t)(rows + lo + ((hi - lo) * in_page >> URF_PAGE_SHIFT));
	for (int i = -1; i <= 1; i++)
		__builtin_prefetch((const void *)(guess + (uintptr_t)(i * 64)));
	/* the row before @at holds, of this page or of one before, or one of @n from @at on; in
	 * fours, so that branches seldom surprise, and those too many change nothing */
	const struct urf_row *at = rows + lo;
	for (size_t n = hi - lo; n;) {
		for (int i = 0; i < 4; i++) {
			const struct urf_row *behind = at + (n + 1) / 2;
			n /= 2;
			at = row_pc(behind - 1) <= pc ? behind : at;
		}
	}
	*idx = (size_t)(at - rows) - 1;
	return 1;
}

int turf_image_find_step(const struct turf_image *image, uint64_t addr, struct walk_step *out)
{
	size_t row;
	int r = addr < image->base ? 0 : find_row(image, addr - image->base, &row);
	if (r <= 0)
		return r;
	uint32_t idx = row_step(image, row);
	if (idx >= image->steps.n)
		return -EBADMSG;
	const struct urf_step *step = &image->steps.at[idx];
	*out = (struct walk_step){ step->cfa_reg, step->how, (int16_t)le16_get(step->slot) * 8,
		                   le32_get(step->value) };
	return idx > 0;
}

int turf_kept_begin(const struct turf_image *image, uint64_t page, struct kept *kept)
{
	if (page + 1 >= image->kept_index.n)
		return 0;
	uint32_t from = le32_get(image->kept_index.at[page]),
		 to = le32_get(image->kept_index.at[page + 1]);
	if (from > to || to > image->kept.size)
		return -EBADMSG;
	struct span bytes = { image->kept.at + from, to - from };
	*kept = (struct kept){ .at = cur_of(bytes, false), .rva = page << URF_KEPT_SHIFT };
	return 1;
}

int turf_kept_next(const struct turf_image *image, struct kept *kept)
{
	if (kept->begun && !cur_left(&kept->at))
		return 0;
	uint64_t behind = kept->begun ? cur_uleb(&kept->at) : 0, set = cur_uleb(&kept->at);
	if (kept->at.bad || behind >> URF_KEPT_SHIFT || set + 1 >= image->sets.n)
		return -EBADMSG;
	kept->rva += behind;
	kept->set = (uint32_t)set;
	kept->begun = true;
	return 1;
}

/* The registers of the set that holds at @rva. */
static int find_set(const struct turf_image *image, uint64_t rva, struct turf_unwind_row *out)
{
	struct kept kept;
	uint32_t set = 0;
	int r = turf_kept_begin(image, rva >> URF_KEPT_SHIFT, &kept);
	if (r == 1)
		while ((r = turf_kept_next(image, &kept)) == 1 && kept.rva <= rva)
			set = kept.set;
	if (r < 0 || !set)
		return r;
	uint32_t from = le32_get(image->sets.at[set]), to = le32_get(image->sets.at[set + 1]);
	if (from > to || to > image->saved.n || to - from > UINT8_MAX)
		return -EBADMSG;
	out->saved = from;
	out->n_saved = (uint16_t)(to - from);
	return 0;
}

static int32_t return_offset(const struct walk_step *step)
{
	switch (step->how & URF_STEP_RETURN) {
	case URF_RETURN_TOP:
		return -8;
	case URF_RETURN_SLOT:
		return step->slot;
	case URF_RETURN_ABOVE:
		return step->slot + 8;
	default:
		return 0;
	}
}

int turf_image_find_unwind(const struct turf_image *image, uint64_t addr,
                           struct turf_unwind_row *out)
{
	struct walk_step step;
	struct walk_regs regs;
	int r = turf_image_find_step(image, addr, &step);
	if (r <= 0)
		return r;
	if (step.how == URF_STEP_WHOLE)
		return turf_image_rule(image, step.value, out);
	if (!walk_regs_of(le16_get(image->head->machine), &regs))
		return -EBADMSG;
	bool kept = (step.how & URF_STEP_RETURN) == URF_RETURN_KEPT;
	struct turf_unwind_row row = {
		.cfa = { .kind = TURF_RULE_REG_OFFSET,
		         .reg = step.cfa_reg,
		         .offset = (int32_t)step.value },
		.return_address = { .kind = kept ? TURF_RULE_SAME : TURF_RULE_AT_CFA,
		                    .offset = return_offset(&step) },
		.return_reg = regs.ra,
		.guess = step.how & URF_STEP_GUESS,
		.fp_saved = step.how & URF_STEP_SAVED,
		.fp_reg = regs.fp,
		.fp_offset = step.slot,
	};
	if (!row.guess)
		r = find_set(image, addr - image->base, &row);
	if (r < 0)
		return r;
	row.n_saved += row.fp_saved;
	*out = row;
	return 1;
}

int turf_unwind_saved(const struct turf_image *image, const struct turf_unwind_row *row,
                      size_t i, uint8_t *reg, struct turf_rule *rule)
{
	if (i >= row->n_saved)
		return 0;
	if (!row->fp_saved)
		return turf_image_saved(image, (uint64_t)row->saved + i, reg, rule);
	if (i)
		return turf_image_saved(image, (uint64_t)row->saved + i - 1, reg, rule);
	*reg = row->fp_reg;
	*rule = (struct turf_rule){ .kind = TURF_RULE_AT_CFA, .offset = row->fp_offset };
	return 1;
}
