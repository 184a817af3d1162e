/* SPDX-License-Identifier: MIT */
/*
 * Checking texts, symbols, unwind rows, marks and discriminators of calls.
 *
 * Cost: each record once; a text's bytes, decoded, once more for the one behind it
 */
#include "image/verify.h"
#include "image/walk.h"

static const char *check_phrases(const struct text_pool *pool)
{
	uint32_t before = 0;
	if (pool->phrases.n > URF_PHRASES_MAX + 1)
		return "too many";
	for (size_t i = 0; i < pool->phrases.n; i++) {
		uint32_t off = le32_get(pool->phrases.at[i]);
		if (i == 0 ? off != 0 : off < before || off - before > URF_PHRASE_MAX)
			return "out of order, or too long";
		before = off;
	}
	return before == pool->phrase_text.size ? NULL : "not all of the phrases";
}

/* Two texts, one behind the other, whole. */
struct texts {
	uint8_t *bytes, *before;
	size_t n, n_before, room;
};

static void texts_fini(struct texts *t)
{
	free(t->bytes);
	free(t->before);
}

static bool texts_grow(struct texts *t, size_t n)
{
	if (n <= t->room)
		return true;
	size_t room = MAX(n, t->room * 2);
	uint8_t *bytes = realloc(t->bytes, room);
	t->bytes = bytes ? bytes : t->bytes;
	uint8_t *before = bytes ? realloc(t->before, room) : NULL;
	t->before = before ? before : t->before;
	t->room = before ? room : t->room;
	return before != NULL;
}

/* The text at *@at behind the one in t->before: NULL or what is wrong. */
static const char *read_text(const struct text_pool *pool, const uint8_t **at, bool first,
                             struct texts *t)
{
	struct span bytes;
	int r;
	uint32_t same = take_uleb(at);
	if (same > t->n_before || (first && same))
		return "has more in common than there is";
	memcpy(t->bytes, t->before, same);
	t->n = same;
	while ((r = turf_text_code(pool, at, &bytes)) == 1) {
		if (bytes.size > URF_TEXT_MAX - t->n)
			return "too long";
		if (!texts_grow(t, t->n + bytes.size))
			return "no memory for it";
		memcpy(t->bytes + t->n, bytes.at, bytes.size);
		t->n += bytes.size;
	}
	if (r < 0)
		return "cannot be decoded";
	size_t n = MIN(t->n, t->n_before);
	if (!first && same < n && t->bytes[same] == t->before[same])
		return "has more in common than it says";
	return memchr(t->bytes + same, 0, t->n - same) ? "has a zero byte" : NULL;
}

static bool comes_behind(const struct texts *t)
{
	int order = memcmp(t->before, t->bytes, MIN(t->n, t->n_before));
	return order < 0 || (order == 0 && t->n_before < t->n);
}

static int check_pool(const struct turf_image *image, const struct text_pool *pool,
                      enum urf_section_kind index, enum urf_section_kind texts,
                      struct turf_error *err)
{
	const uint8_t *begin = pool->texts.at, *at = begin;
	scoped(texts_fini) struct texts t = { 0 };
	if (!texts_grow(&t, 4096))
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for texts");
	for (uint32_t i = 0; i < pool->n; i++) {
		bool first = i % URF_TEXT_STEP == 0;
		uint64_t off = (uint64_t)(at - begin);
		if (off >= pool->texts.size)
			return bad(image, err, texts, i, "lies outside");
		if (first && le32_get(pool->index.at[i / URF_TEXT_STEP]) != off)
			return bad(image, err, index, i / URF_TEXT_STEP, "is no text's offset");
		const char *what = read_text(pool, &at, first, &t);
		if (!what && (i ? !comes_behind(&t) : (t.n == 0) != (pool == &image->pool)))
			what = i ? "out of order" : "is the empty text, or is not";
		if (what)
			return bad(image, err, texts, i, what);
		uint8_t *bytes = t.before;
		t.before = t.bytes, t.n_before = t.n;
		t.bytes = bytes;
	}
	return at == begin + pool->texts.size ? 0
	                                      : bad(image, err, texts, pool->n, "one too many");
}

int turf_verify_texts(const struct turf_image *image, struct turf_error *err)
{
	const char *what = check_phrases(&image->pool);
	if (what)
		return bad(image, err, URF_PHRASES, 0, what);
	what = check_phrases(&image->more);
	if (what)
		return bad(image, err, URF_MORE_PHRASES, 0, what);
	int r = check_pool(image, &image->pool, URF_TEXT_INDEX, URF_TEXTS, err);
	return r < 0 ? r : check_pool(image, &image->more, URF_MORE_INDEX, URF_MORE_TEXTS, err);
}

/* Ends of the symbols that reach behind all after them, outermost first. */
struct reach {
	uint32_t *idx;
	uint64_t *end;
	size_t n;
};

static void reach_fini(struct reach *r)
{
	free(r->idx);
	free(r->end);
}

/* How many entries back the last symbol is that ends behind symbol @i, which is put behind. */
static uint32_t steps_back(struct reach *r, uint32_t i, const struct symbol *s)
{
	uint64_t end = (uint64_t)s->start + s->size;
	while (r->n && r->end[r->n - 1] <= end)
		r->n--;
	uint32_t back = r->n ? i - r->idx[r->n - 1] : 0;
	r->idx[r->n] = i;
	r->end[r->n++] = end;
	return back;
}

/* Group number @i, whose bytes begin at @off, after a symbol at @start. */
static const char *check_group(const struct turf_image *image, size_t i, uint64_t off,
                               uint32_t start, struct symbols *out)
{
	const struct urf_symbols *group = &image->groups.at[i];
	if (le32_get(group->off) != off)
		return "is no group's offset";
	if (le32_get(group->start) < start)
		return "out of order";
	return turf_symbols_read(image, i, out) < 0 ? "cannot be read" : NULL;
}

static const char *check_symbol(const struct turf_image *image, uint32_t i, uint32_t before,
                                const struct symbol *s, struct reach *reach)
{
	if (s->start < before)
		return "out of order";
	if (!s->text || s->text >= image->n_texts)
		return "has no name";
	return s->back != steps_back(reach, i, s) ? "does not lead to the one around it" : NULL;
}

int turf_verify_symbols(const struct turf_image *image, struct turf_error *err)
{
	scoped(reach_fini) struct reach reach = {
		.idx = calloc(image->n_symbols + 1, sizeof(uint32_t)),
		.end = calloc(image->n_symbols + 1, sizeof(uint64_t)),
	};
	if (!reach.idx || !reach.end)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for symbols");
	uint64_t off = 0;
	struct symbols group;
	struct symbol s = { 0 };
	for (uint32_t i = 0; i < image->n_symbols; i++) {
		size_t g = i / URF_SYMBOL_STEP;
		bool first = i % URF_SYMBOL_STEP == 0;
		const char *what = first ? check_group(image, g, off, s.start, &group) : NULL;
		if (what)
			return bad(image, err, URF_SYMBOLS, g, what);
		off += first ? group.size : 0;
		uint32_t before = first ? group.start : s.start;
		turf_symbols_get(&group, i % URF_SYMBOL_STEP, &s);
		what = first && s.start != group.start
		               ? "is not where its group starts"
		               : check_symbol(image, i, before, &s, &reach);
		if (what)
			return bad(image, err, URF_SYMBOL_DATA, i, what);
	}
	return off == image->symbol_data.size
	               ? 0
	               : bad(image, err, URF_SYMBOL_DATA, image->n_symbols, "one too many");
}

static int check_rules(const struct turf_image *image, struct turf_error *err)
{
	for (size_t i = 0; i < image->rules.n; i++) {
		struct turf_unwind_row row;
		if (turf_image_rule(image, i, &row) != 1)
			return bad(image, err, URF_RULES, i, "cannot be read");
		for (size_t k = 0; k < row.n_saved; k++) {
			uint8_t reg;
			struct turf_rule rule;
			if (turf_unwind_saved(image, &row, k, &reg, &rule) != 1 ||
			    rule.kind > TURF_RULE_REG_OFFSET)
				return bad(image, err, URF_RULES, i,
				           "a register cannot be read");
		}
	}
	return 0;
}

static int check_rows(const struct turf_image *image, struct turf_error *err)
{
	size_t n = image->pages.n;
	if (n ? le32_get(image->pages.at[0]) != 0 ||
	                    le32_get(image->pages.at[n - 1]) != image->rows.n
	      : image->rows.n)
		return bad(image, err, URF_PAGES, 0, "pages do not cover the rows");
	for (size_t page = 0; page + 1 < image->pages.n; page++) {
		size_t lo = le32_get(image->pages.at[page]),
		       hi = le32_get(image->pages.at[page + 1]);
		if (lo > hi || hi > image->rows.n)
			return bad(image, err, URF_PAGES, page, "out of order");
		for (size_t i = lo; i < hi; i++) {
			uint16_t pc = le16_get(image->rows.at[i].pc_step) & 0xfff;
			if (i > lo && pc <= (le16_get(image->rows.at[i - 1].pc_step) & 0xfff))
				return bad(image, err, URF_ROWS, i,
				           "out of order within its page");
			if (turf_image_row_step(image, i) >= image->steps.n)
				return bad(image, err, URF_ROWS, i, "no such step");
		}
	}
	return 0;
}

static bool is_step(const struct turf_image *image, const struct urf_step *s)
{
	struct walk_regs regs;
	uint8_t how = s->how, ra = how & URF_STEP_RETURN;
	bool has_slot = how & URF_STEP_SAVED || ra >= URF_RETURN_SLOT;
	if (how == URF_STEP_WHOLE)
		return !s->cfa_reg && !le16_get(s->slot) && le32_get(s->value) < image->rules.n;
	return how < URF_STEP_WHOLE && (has_slot || !le16_get(s->slot)) &&
	       !(how & URF_STEP_SAVED && ra == URF_RETURN_SLOT) &&
	       walk_regs_of(le16_get(image->head->machine), &regs);
}

static int check_steps(const struct turf_image *image, struct turf_error *err)
{
	static const struct urf_step none;
	for (size_t i = 0; i < image->steps.n; i++)
		if (i ? !is_step(image, &image->steps.at[i])
		      : memcmp(&image->steps.at[i], &none, sizeof(none)) != 0)
			return bad(image, err, URF_STEPS, i, "means nothing");
	return 0;
}

static int check_sets(const struct turf_image *image, struct turf_error *err)
{
	for (size_t i = 0; i + 1 < image->sets.n; i++) {
		uint32_t from = le32_get(image->sets.at[i]),
			 to = le32_get(image->sets.at[i + 1]);
		if (from > to || to > image->saved.n || to - from > UINT8_MAX ||
		    (!i && to > from))
			return bad(image, err, URF_SETS, i, "is no run of registers");
		for (size_t k = from; k < to; k++) {
			uint8_t reg;
			struct turf_rule rule;
			if (turf_image_saved(image, k, &reg, &rule) != 1 ||
			    rule.kind > TURF_RULE_REG_OFFSET)
				return bad(image, err, URF_SAVED, k, "cannot be read");
		}
	}
	return 0;
}

static const char *check_kept_page(const struct turf_image *image, uint64_t page)
{
	struct kept kept;
	uint64_t end = (page + 1) << URF_KEPT_SHIFT;
	if (turf_kept_begin(image, page, &kept) != 1)
		return "lies outside";
	for (;;) {
		uint64_t before = kept.rva;
		bool begun = kept.begun;
		int r = turf_kept_next(image, &kept);
		if (r <= 0)
			return r ? "cannot be read" : NULL;
		if (kept.rva >= end)
			return "leaves its page";
		if (begun && kept.rva == before)
			return "two at one place";
	}
}

static int check_kept(const struct turf_image *image, struct turf_error *err)
{
	size_t n = image->kept_index.n;
	if (n ? le32_get(image->kept_index.at[0]) != 0 ||
	                    le32_get(image->kept_index.at[n - 1]) != image->kept.size
	      : image->kept.size)
		return bad(image, err, URF_KEPT_INDEX, 0, "does not cover what is kept");
	for (size_t page = 0; page + 1 < n; page++) {
		const char *what = check_kept_page(image, page);
		if (what)
			return bad(image, err, URF_KEPT, page, what);
	}
	return 0;
}

int turf_verify_unwind(const struct turf_image *image, struct turf_error *err)
{
	static int (*const checks[])(const struct turf_image *, struct turf_error *) = {
		check_rules, check_steps, check_rows, check_sets, check_kept,
	};
	int r = 0;
	for (size_t i = 0; r == 0 && i < COUNT(checks); i++)
		r = checks[i](image, err);
	return r;
}

/* Marks as they are read, group by group. */
struct marks {
	struct image_mark over; /* the last one, where any: a row */
	struct image_mark end;  /* what the group before says of the next one */
	bool any;
};

static const char *check_mark(struct marks *marks, const struct image_mark *m)
{
	bool none = m->flags & URF_MARK_NONE;
	if (none && (m->flags != URF_MARK_NONE || m->statement))
		return "a table's end is not just that";
	if (none && !marks->any)
		return "a table ends that did not begin";
	marks->over = *m;
	marks->any = !none;
	return NULL;
}

/* The first mark of a group, or what stands there if it has none: as the one before said? */
static bool is_next(const struct marks *marks, const struct image_mark *m, bool more)
{
	return marks->end.more == more && (!more || marks->end.start == m->start);
}

static bool is_over(const struct marks *marks, const struct image_mark *m)
{
	const struct image_mark *over = &marks->over;
	return marks->any && over->start == m->start && over->flags == m->flags &&
	       over->statement == m->statement && over->discriminator == m->discriminator;
}

static const char *check_mark_group(const struct turf_image *image, size_t group,
                                    struct marks *marks)
{
	struct turf_rows walk = { 0 };
	struct image_mark m;
	bool last = group + 1 == image->marks.n;
	uint32_t start = turf_marks_start(image, group);
	uint32_t end = last ? UINT32_MAX : turf_marks_start(image, group + 1);
	int carried = turf_marks_begin(image, group, &walk, &m);
	if (carried < 0)
		return "cannot be read";
	if (carried && !is_over(marks, &m))
		return "does not go on with the row before";
	int r = turf_marks_next(&walk, &m);
	if (carried != (marks->any && !(r == 1 && m.start == start)))
		return "the row before goes on, or ends";
	if (group && r >= 0 && !is_next(marks, &m, r == 1 || m.more))
		return "does not begin where the group before says";
	for (; r == 1; r = turf_marks_next(&walk, &m)) {
		const char *what = m.start >= end && !last ? "a row is behind its group"
		                                           : check_mark(marks, &m);
		if (what)
			return what;
	}
	if (r < 0)
		return "a row cannot be read";
	marks->end = m;
	return turf_marks_done(&walk) ? NULL : "bits are left over";
}

int turf_verify_marks(const struct turf_image *image, struct turf_error *err)
{
	struct marks marks = { 0 };
	bool cold = le32_get(image->head->flags) & URF_HAS_COLD;
	if (image->marks.n && !cold)
		return bad(image, err, URF_MARKS, 0, "is there, but not in the head's flags");
	if (!image->marks.n && image->mark_data.size)
		return bad(image, err, URF_MARK_DATA, 0, "rows of no group");
	if (image->marks.n && le32_get(image->marks.at[0].off) != 0)
		return bad(image, err, URF_MARKS, 0, "does not begin where the rows do");
	for (size_t i = 0; i < image->marks.n; i++) {
		const char *what = check_mark_group(image, i, &marks);
		if (what)
			return bad(image, err, URF_MARKS, i, what);
	}
	return 0;
}

/* Marks in @begins where a list of .urf.call.data does. */
static const char *check_call_lists(const struct turf_image *image, uint8_t *begins)
{
	uint32_t list[URF_DEPTH_MAX];
	for (uint32_t off = 0; off < image->call_data.size;) {
		bool first = off == 0;
		begins[off / 8] |= (uint8_t)(1 << off % 8);
		int n = turf_calls_read(image, &off, list);
		if (n < 0)
			return "a list cannot be read";
		if (first != (n == 0))
			return "a list other than the first is empty";
		if (n && !list[n - 1])
			return "a list ends in 0";
	}
	return NULL;
}

int turf_verify_calls(const struct turf_image *image, struct turf_error *err)
{
	bool cold = le32_get(image->head->flags) & URF_HAS_COLD;
	uint32_t start = 0, off = 0;
	if (image->calls.n && !cold)
		return bad(image, err, URF_CALLS, 0, "is there, but not in the head's flags");
	if (!image->calls.n && image->call_data.size)
		return bad(image, err, URF_CALL_DATA, 0, "lists of no code");
	scoped(freep) uint8_t *begins = calloc(image->call_data.size / 8 + 1, 1);
	if (!begins)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for calls");
	const char *what = check_call_lists(image, begins);
	if (what)
		return bad(image, err, URF_CALL_DATA, 0, what);
	for (size_t i = 0; i < image->calls.n; i++) {
		const struct urf_calls *c = &image->calls.at[i];
		if (i && le32_get(c->start) <= start)
			return bad(image, err, URF_CALLS, i, "out of order");
		if (le32_get(c->off) == off)
			return bad(image, err, URF_CALLS, i, "goes on with the one before");
		start = le32_get(c->start);
		off = le32_get(c->off);
		if (off >= image->call_data.size || !(begins[off / 8] >> off % 8 & 1))
			return bad(image, err, URF_CALLS, i, "no such list");
	}
	return 0;
}
