/* SPDX-License-Identifier: MIT */
/*
 * From an address to its unwind rule: page, row within the page, rule.
 */
#include "image/image.h"

uint32_t turf_image_row_rule(const struct turf_image *image, size_t idx)
{
	const struct urf_row *row = &image->rows.at[idx];
	uint32_t rule = (uint32_t)(le16_get(row->pc_rule) >> URF_PAGE_SHIFT) << 8 | row->rule;
	if (rule != URF_RULE_FAR)
		return rule;
	size_t lo = 0, hi = image->far.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (le32_get(image->far.at[mid].row) < idx)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* a far row that is not listed reads as out of range, hence damaged */
	return lo < image->far.n && le32_get(image->far.at[lo].row) == idx
	               ? le32_get(image->far.at[lo].rule)
	               : UINT32_MAX;
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

static int read_saved(const struct turf_image *image, uint64_t idx, uint8_t *reg,
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
	if (idx == 0)
		return 0;
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
		r = read_saved(image, le32_get(rule->saved), &reg, &row.return_address);
		if (r == 1 && reg != row.return_reg)
			r = -EBADMSG;
	}
	if (r == 1)
		*out = row;
	return r;
}

int turf_image_find_unwind(const struct turf_image *image, uint64_t addr,
                           struct turf_unwind_row *out)
{
	uint64_t rva = addr - image->base, page = rva >> URF_PAGE_SHIFT;
	if (addr < image->base || page + 1 >= image->pages.n)
		return 0;
	size_t lo = le32_get(image->pages.at[page]), hi = le32_get(image->pages.at[page + 1]);
	if (lo > hi || hi > image->rows.n)
		return -EBADMSG;
	size_t first = lo;
	uint16_t pc = rva & ((1u << URF_PAGE_SHIFT) - 1);
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		uint16_t at = le16_get(image->rows.at[mid].pc_rule);
		if ((at & ((1u << URF_PAGE_SHIFT) - 1)) <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo == first ? 0
	                   : turf_image_rule(image, turf_image_row_rule(image, lo - 1), out);
}

int turf_unwind_saved(const struct turf_image *image, const struct turf_unwind_row *row,
                      size_t i, uint8_t *reg, struct turf_rule *rule)
{
	return i < row->n_saved ? read_saved(image, (uint64_t)row->saved + i, reg, rule) : 0;
}
