/* SPDX-License-Identifier: MIT */
/* Texts: each once, sorted eight bytes at a time, and their sections. */
#include "base/le.h"
#include "base/sort.h"
#include "base/table.h"
#include "build/build.h"
#include "build/phrases.h"
#include "build/texts.h"

enum {
	TEXTS_MAX = TABLE_MAX,
	SLOTS_MIN = 1024,
	SMALL = 6,        /* texts compared one by one */
	BATCH = 64,       /* groups to sort by one task */
	CHUNK = 64,       /* groups of URF_TEXT_STEP texts to code by one task */
	LCP_CHUNK = 2048, /* texts to compare with their neighbours by one task */
};

static bool slots_grow(struct texts *t)
{
	size_t n = MAX((size_t)SLOTS_MIN, t->n_slots * 2);
	struct text_slot *slots = calloc(n, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < t->n_slots; i++) {
		if (!t->slots[i].idx)
			continue;
		size_t at = t->slots[i].tag & (n - 1);
		while (slots[at].idx)
			at = (at + 1) & (n - 1);
		slots[at] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	return true;
}

/* The slot of a text, or the free one where it belongs. */
static struct text_slot *slot_of(const struct texts *t, const char *text, size_t size,
                                 uint32_t tag)
{
	size_t at = tag & (t->n_slots - 1);
	for (;; at = (at + 1) & (t->n_slots - 1)) {
		struct text_slot *slot = &t->slots[at];
		if (!slot->idx)
			return slot;
		if (slot->tag != tag)
			continue;
		const struct text *known = &t->all.at[slot->idx];
		if (known->size == size &&
		    (known->at == text || !memcmp(known->at, text, size)))
			return slot;
	}
}

int turf_texts_add(struct texts *t, const char *text, size_t size, uint64_t hash, uint32_t *ret)
{
	if (!text || !size) {
		*ret = 0;
		return 0;
	}
	if (!t->all.n) {
		struct text *none = vec_push(&t->all); /* number 0: "" */
		if (!none)
			return -ENOMEM;
		none->at = "";
	}
	if (size > URF_TEXT_MAX)
		return -E2BIG;
	if (t->all.n * 2 >= t->n_slots && !slots_grow(t))
		return -ENOMEM;
	uint32_t tag = (uint32_t)(hash ^ hash >> 32);
	struct text_slot *slot = slot_of(t, text, size, tag);
	if (!slot->idx) {
		if (t->all.n >= TEXTS_MAX || t->bytes + size > UINT32_MAX)
			return -E2BIG;
		struct text *one = vec_push(&t->all);
		if (!one)
			return -ENOMEM;
		*one = (struct text){ text, (uint32_t)size, 0 };
		t->bytes += size;
		*slot = (struct text_slot){ tag, (uint32_t)(t->all.n - 1) };
	}
	*ret = slot->idx;
	return 0;
}

/* Texts that have their first @depth bytes in common. */
struct group {
	size_t from, n, depth;
};

struct sorting {
	const struct text *all;
	struct sort_pair *pairs, *spare; /* value: a text's provisional number */
	size_t cut;                      /* groups up to this size are left to tasks */
	struct {
		struct group *at;
		size_t n, room;
	} groups;
};

/* Eight bytes of a text from @depth on, so that numbers compare as bytes do. */
static uint64_t key_at(const struct text *x, size_t depth)
{
	uint64_t word = 0;
	if (depth < x->size)
		memcpy(&word, x->at + depth, MIN((size_t)8, x->size - depth));
	return be64toh(word);
}

static bool text_less(const struct text *a, const struct text *b, size_t depth)
{
	int r = memcmp(a->at + MIN(depth, (size_t)a->size), b->at + MIN(depth, (size_t)b->size),
	               MIN(a->size, b->size) - MIN(depth, (size_t)MIN(a->size, b->size)));
	return r < 0 || (r == 0 && a->size < b->size);
}

static void sort_few(struct sorting *s, struct group g)
{
	struct sort_pair *at = s->pairs + g.from;
	for (size_t i = 1; i < g.n; i++) {
		struct sort_pair pair = at[i];
		size_t k = i;
		for (; k && text_less(&s->all[pair.value], &s->all[at[k - 1].value], g.depth);
		     k--)
			at[k] = at[k - 1];
		at[k] = pair;
	}
}

/*
 * Sorts a group by its next eight bytes. Those groups in it that are not told apart by them are
 * left to tasks where @collect and they are small; of the others the largest is left in @g and
 * the rest sorted: so the calls never nest deeper than log2 of the number of texts.
 */
static int sort_group(struct sorting *s, struct group g, bool collect)
{
	while (g.n > SMALL) {
		struct sort_pair *at = s->pairs + g.from;
		for (size_t i = 0; i < g.n; i++)
			at[i].key = key_at(&s->all[at[i].value], g.depth);
		sort_pairs(at, s->spare + g.from, g.n);
		struct group most = { 0 };
		for (size_t i = 0, end; i < g.n; i = end) {
			for (end = i + 1; end < g.n && at[end].key == at[i].key;)
				end++;
			struct group sub = { g.from + i, end - i, g.depth + 8 };
			if (sub.n == 1)
				continue;
			if (collect && sub.n <= s->cut) {
				struct group *task = vec_push(&s->groups);
				if (!task)
					return -ENOMEM;
				*task = sub;
				continue;
			}
			struct group less = sub.n > most.n ? most : sub;
			most = sub.n > most.n ? sub : most;
			int r = less.n ? sort_group(s, less, collect) : 0;
			if (r < 0)
				return r;
		}
		g = most;
	}
	sort_few(s, g);
	return 0;
}

static int sort_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	struct sorting *s = ctx;
	for (size_t i = idx * BATCH; i < MIN((idx + 1) * BATCH, s->groups.n); i++)
		sort_group(s, s->groups.at[i], false);
	return 0;
}

static uint32_t common_bytes(const struct text *a, const struct text *b)
{
	uint32_t n = 0, most = MIN(a->size, b->size);
	for (; most - n >= 8; n += 8) {
		uint64_t x, y;
		memcpy(&x, a->at + n, 8);
		memcpy(&y, b->at + n, 8);
		if (x != y)
			return n + (uint32_t)__builtin_ctzll(htole64(x ^ y)) / 8;
	}
	while (n < most && a->at[n] == b->at[n])
		n++;
	return n;
}

static int common_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	struct texts *t = ctx;
	for (size_t i = idx * LCP_CHUNK; i < MIN((idx + 1) * LCP_CHUNK, t->all.n); i++)
		t->all.at[i].common =
			i % URF_TEXT_STEP ? common_bytes(&t->all.at[i - 1], &t->all.at[i]) : 0;
	return 0;
}

/* Puts texts into the order of @s. */
static int reorder(struct texts *t, const struct sorting *s)
{
	size_t n = t->all.n;
	struct text *sorted = malloc(n * sizeof(*sorted));
	uint32_t *final = malloc(n * sizeof(*final));
	if (!sorted || !final) {
		free(sorted);
		free(final);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		sorted[i] = t->all.at[s->pairs[i].value];
		final[s->pairs[i].value] = (uint32_t)i;
	}
	free(t->all.at);
	t->all.at = sorted;
	t->all.room = n;
	t->final = final;
	free(t->slots);
	t->slots = NULL;
	t->n_slots = 0;
	return 0;
}

int turf_texts_sort(struct texts *t, unsigned threads)
{
	if (!t->all.n) {
		struct text *none = vec_push(&t->all);
		if (!none)
			return -ENOMEM;
		none->at = "";
	}
	size_t n = t->all.n;
	struct sorting s = { .all = t->all.at, .cut = threads > 1 ? n / 8 : 0 };
	s.pairs = malloc(n * sizeof(*s.pairs));
	s.spare = malloc(n * sizeof(*s.spare));
	int r = s.pairs && s.spare ? 0 : -ENOMEM;
	if (r == 0) {
		for (size_t i = 0; i < n; i++)
			s.pairs[i] = (struct sort_pair){ 0, i };
		r = sort_group(&s, (struct group){ 0, n, 0 }, true);
	}
	if (r == 0)
		r = turf_pool_run(threads, (s.groups.n + BATCH - 1) / BATCH, sort_task, &s,
		                  NULL);
	if (r == 0)
		r = reorder(t, &s);
	if (r == 0)
		r = turf_pool_run(threads, (n + LCP_CHUNK - 1) / LCP_CHUNK, common_task, t,
		                  NULL);
	free(s.pairs);
	free(s.spare);
	vec_fini(&s.groups);
	return r;
}

const char *turf_texts_at(const struct texts *t, uint32_t number, size_t *size)
{
	if (number >= t->all.n)
		return NULL;
	*size = t->all.at[number].size;
	return t->all.at[number].at;
}

void turf_texts_fini(struct texts *t)
{
	vec_fini(&t->all);
	free(t->slots);
	free(t->final);
	*t = (struct texts){ 0 };
}

/* What a task codes: the texts of CHUNK groups. */
struct coded {
	struct buf bytes;
	uint32_t off[CHUNK]; /* of each group in bytes */
};

struct coding {
	const struct texts *t;
	const struct phrases *p;
	struct coded *coded;
};

/* Appends the codes of up to PHRASE_WINDOW bytes to @out, where room is. */
static void code_window(const struct phrases *p, const uint8_t *s, size_t n,
                        struct phrase_step *steps, struct buf *out)
{
	uint8_t *to = out->at + out->n;
	turf_phrases_parse(p, s, n, PHRASE_NONE, steps);
	for (size_t i = 0; i < n;) {
		uint32_t idx = steps[i].idx;
		if (idx == PHRASE_NONE) {
			if (s[i] >= URF_PHRASE_NEAR)
				*to++ = URF_PHRASE_BYTE;
			*to++ = s[i++];
			continue;
		}
		if (idx < URF_PHRASES_NEAR) {
			*to++ = (uint8_t)(URF_PHRASE_NEAR + idx);
		} else {
			*to++ = (uint8_t)(URF_PHRASE_FAR + ((idx - URF_PHRASES_NEAR) >> 8));
			*to++ = (uint8_t)(idx - URF_PHRASES_NEAR);
		}
		i += p->all.at[idx].size;
	}
	out->n = (size_t)(to - out->at);
}

static int code_text(const struct phrases *p, const struct text *x, struct buf *out)
{
	uint8_t s[PHRASE_WINDOW + PHRASE_PAD];
	struct phrase_step steps[PHRASE_WINDOW + 1];
	if (!turf_buf_uleb(out, x->common))
		return -ENOMEM;
	for (size_t i = x->common; i < x->size;) {
		size_t n = MIN((size_t)PHRASE_WINDOW, x->size - i);
		if (!vec_reserve(out, 2 * n))
			return -ENOMEM;
		memcpy(s, x->at + i, n);
		memset(s + n, 0, PHRASE_PAD);
		code_window(p, s, n, steps, out);
		i += n;
	}
	return turf_buf_put(out, "", 1) ? 0 : -ENOMEM;
}

static int code_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	struct coding *c = ctx;
	struct coded *coded = &c->coded[idx];
	size_t from = idx * CHUNK * URF_TEXT_STEP;
	size_t to = MIN(from + CHUNK * URF_TEXT_STEP, c->t->all.n);
	for (size_t i = from; i < to; i++) {
		if (i % URF_TEXT_STEP == 0)
			coded->off[(i - from) / URF_TEXT_STEP] = (uint32_t)coded->bytes.n;
		int r = code_text(c->p, &c->t->all.at[i], &coded->bytes);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool put_le32(struct buf *b, uint64_t value)
{
	le32 v = le32_of(value);
	return turf_buf_put(b, &v, sizeof(v));
}

/* Puts what tasks have coded together. */
static int join(const struct coding *c, size_t n_coded, struct buf out[N_TEXT_SECTIONS])
{
	size_t groups = (c->t->all.n + URF_TEXT_STEP - 1) / URF_TEXT_STEP;
	for (size_t i = 0; i < n_coded; i++) {
		struct coded *coded = &c->coded[i];
		size_t base = out[TEXT_TEXTS].n;
		if (base + coded->bytes.n > UINT32_MAX)
			return -E2BIG;
		for (size_t g = 0; g < MIN((size_t)CHUNK, groups - i * CHUNK); g++) {
			if (!put_le32(&out[TEXT_INDEX], base + coded->off[g]))
				return -ENOMEM;
		}
		if (!turf_buf_put(&out[TEXT_TEXTS], coded->bytes.at, coded->bytes.n))
			return -ENOMEM;
		vec_fini(&coded->bytes);
	}
	return 0;
}

static int emit_phrases(const struct phrases *p, struct buf out[N_TEXT_SECTIONS])
{
	for (size_t i = 0; i < p->all.n; i++) {
		const struct phrase *x = &p->all.at[i];
		if (!put_le32(&out[TEXT_PHRASES], out[TEXT_PHRASE_TEXT].n) ||
		    !turf_buf_put(&out[TEXT_PHRASE_TEXT], p->bytes.at + x->off, x->size))
			return -ENOMEM;
	}
	return put_le32(&out[TEXT_PHRASES], out[TEXT_PHRASE_TEXT].n) ? 0 : -ENOMEM;
}

int turf_texts_emit(const struct texts *t, unsigned threads, struct buf out[N_TEXT_SECTIONS])
{
	struct phrases p = { 0 };
	size_t n = (t->all.n + CHUNK * URF_TEXT_STEP - 1) / (CHUNK * URF_TEXT_STEP);
	struct coding c = { t, &p, calloc(n ? n : 1, sizeof(*c.coded)) };
	int r = c.coded ? turf_phrases_choose(&p, t, threads) : -ENOMEM;
	if (r == 0)
		r = turf_pool_run(threads, n, code_task, &c, NULL);
	if (r == 0)
		r = join(&c, n, out);
	if (r == 0)
		r = emit_phrases(&p, out);
	for (size_t i = 0; c.coded && i < n; i++)
		vec_fini(&c.coded[i].bytes);
	for (size_t i = 0; r < 0 && i < N_TEXT_SECTIONS; i++)
		vec_fini(&out[i]);
	free(c.coded);
	turf_phrases_fini(&p);
	return r;
}
