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
	SPLITS = 64,      /* a power of two */
	FEW = 1 << 14,    /* texts that are sorted before a thread is up */
	CHUNK = 64,       /* groups of URF_TEXT_STEP texts to code by one task */
	AHEAD = 4,        /* texts to ask memory for before their turn */
	WINDOW = 4096,    /* bytes of a text that are said at once */
	EACH_TASK = 2048, /* texts to do anything else with by one task */
};

static bool slots_grow(struct texts *t)
{
	size_t n = MAX((size_t)SLOTS_MIN, t->n_slots * 2);
	struct text_slot *slots = turf_zeroed(n * sizeof(*slots));
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
	bool keyed; /* keys are the next eight bytes */
};

struct groups {
	struct group *at;
	size_t n, room;
};

struct sorting {
	struct texts *t;
	const struct text *all;
	struct sort_pair *pairs, *spare; /* value: a text's provisional number */
	struct groups big, tasks;        /* to be split; to be sorted by one task each */
	struct group now;                /* whose keys are being made */
	struct text *sorted;
};

/* Eight bytes of a text from @depth on, so that numbers compare as bytes do. */
static inline uint64_t key_at(const struct text *x, size_t depth)
{
	uint64_t word = 0;
	if (depth + 8 <= x->size) {
		memcpy(&word, x->at + depth, 8);
		return be64toh(word);
	}
	if (depth >= x->size)
		return 0;
	size_t left = x->size - depth;
	if (x->size >= 8) {
		memcpy(&word, x->at + x->size - 8, 8);
		return be64toh(word) << 8 * (8 - left);
	}
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)(uint8_t)x->at[depth + i] << 8 * (7 - i);
	return word;
}

static bool text_less(const struct text *a, const struct text *b, size_t depth)
{
	int r = memcmp(a->at + MIN(depth, (size_t)a->size), b->at + MIN(depth, (size_t)b->size),
	               MIN(a->size, b->size) - MIN(depth, (size_t)MIN(a->size, b->size)));
	return r < 0 || (r == 0 && a->size < b->size);
}

static void sort_few(const struct sorting *s, struct group g)
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
 * Sorts a group by its next eight bytes. Of those groups in it that are not told apart by them
 * the largest is left in @g and the rest sorted: so the calls never nest deeper than log2 of
 * the number of texts.
 */
static void sort_group(const struct sorting *s, struct group g)
{
	while (g.n > SMALL) {
		struct sort_pair *at = s->pairs + g.from;
		for (size_t i = 0; !g.keyed && i < g.n; i++)
			at[i].key = key_at(&s->all[at[i].value], g.depth);
		sort_pairs(at, s->spare + g.from, g.n);
		struct group most = { 0 };
		for (size_t i = 0, end; i < g.n; i = end) {
			for (end = i + 1; end < g.n && at[end].key == at[i].key;)
				end++;
			struct group sub = { g.from + i, end - i, g.depth + 8, false };
			if (sub.n == 1)
				continue;
			struct group less = sub.n > most.n ? most : sub;
			most = sub.n > most.n ? sub : most;
			if (less.n)
				sort_group(s, less);
		}
		g = most;
	}
	sort_few(s, g);
}

static int sort_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	const struct sorting *s = ctx;
	sort_group(s, s->tasks.at[idx]);
	return 0;
}

static int key_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	const struct sorting *s = ctx;
	size_t from = s->now.from + idx * EACH_TASK, end = s->now.from + s->now.n;
	for (size_t i = from; i < MIN(from + EACH_TASK, end); i++)
		s->pairs[i].key = key_at(&s->all[s->pairs[i].value], s->now.depth);
	return 0;
}

/* Picks SPLITS keys of a group, in order, between which there are about as many texts each. */
static void pick_splits(const struct sorting *s, struct group g, uint64_t splits[SPLITS])
{
	enum { EACH = 8 };
	struct sort_pair picked[SPLITS * EACH], spare[SPLITS * EACH];
	for (size_t i = 0; i < COUNT(picked); i++)
		picked[i] = s->pairs[g.from + i * g.n / COUNT(picked)];
	sort_pairs(picked, spare, COUNT(picked));
	for (size_t i = 0; i < SPLITS - 1; i++)
		splits[i] = picked[i * EACH + EACH - 1].key;
	splits[SPLITS - 1] = UINT64_MAX;
}

/* Which part a key belongs to: 2 * i + 1 has the i-th of the splits alone, 2 * i what is less.
 */
static inline size_t part_of(const uint64_t splits[SPLITS], uint64_t key)
{
	size_t i = 0;
	for (size_t step = SPLITS / 2; step; step /= 2)
		i += splits[i + step - 1] < key ? step : 0;
	return 2 * i + (splits[i] == key);
}

static bool add_part(struct sorting *s, struct group part, bool same, size_t most)
{
	if (same)
		part.depth += 8;
	part.keyed = !same;
	if (part.n < 2)
		return true;
	struct group *one = same && part.n > most ? vec_push(&s->big) : vec_push(&s->tasks);
	if (one)
		*one = part;
	return one;
}

/* Splits a group whose keys are made by them. */
static int split_group(struct sorting *s, struct group g)
{
	uint64_t splits[SPLITS];
	size_t count[2 * SPLITS] = { 0 }, at = 0, most = s->t->all.n / 16;
	struct sort_pair *pairs = s->pairs + g.from, *spare = s->spare + g.from;
	pick_splits(s, g, splits);
	for (size_t i = 0; i < g.n; i++)
		count[part_of(splits, pairs[i].key)]++;
	for (size_t i = 0; i < COUNT(count); i++) {
		size_t n = count[i];
		count[i] = at;
		if (!add_part(s, (struct group){ g.from + at, n, g.depth, true }, i % 2, most))
			return -ENOMEM;
		at += n;
	}
	for (size_t i = 0; i < g.n; i++)
		spare[count[part_of(splits, pairs[i].key)]++] = pairs[i];
	memcpy(pairs, spare, g.n * sizeof(*pairs));
	return 0;
}

/* Splits what is too large for one task. */
static int split_all(struct sorting *s, struct pool *pool)
{
	size_t n = s->t->all.n;
	struct group *all = vec_push(n < FEW ? &s->tasks : &s->big);
	if (!all)
		return -ENOMEM;
	*all = (struct group){ 0, n, 0, false };
	for (size_t i = 0; i < n; i++)
		s->pairs[i].value = i;
	int r = 0;
	while (r == 0 && s->big.n) {
		s->now = s->big.at[--s->big.n];
		turf_pool_run(pool, (s->now.n + EACH_TASK - 1) / EACH_TASK, key_task, s, NULL);
		r = split_group(s, s->now);
	}
	return r;
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
	for (size_t i = idx * EACH_TASK; i < MIN((idx + 1) * EACH_TASK, t->all.n); i++)
		t->all.at[i].common =
			i % URF_TEXT_STEP ? common_bytes(&t->all.at[i - 1], &t->all.at[i]) : 0;
	return 0;
}

static int order_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	const struct sorting *s = ctx;
	for (size_t i = idx * EACH_TASK; i < MIN((idx + 1) * EACH_TASK, s->t->all.n); i++) {
		s->sorted[i] = s->all[s->pairs[i].value];
		s->t->final[s->pairs[i].value] = (uint32_t)i;
	}
	return 0;
}

/* Puts texts into the order of @s. */
static int reorder(struct sorting *s, struct pool *pool)
{
	struct texts *t = s->t;
	size_t n = t->all.n;
	t->final = malloc(n * sizeof(*t->final));
	s->sorted = malloc(n * sizeof(*s->sorted));
	if (!t->final || !s->sorted) {
		free(s->sorted);
		return -ENOMEM;
	}
	turf_pool_run(pool, (n + EACH_TASK - 1) / EACH_TASK, order_task, s, NULL);
	free(t->all.at);
	t->all.at = s->sorted;
	t->all.room = n;
	free(t->slots);
	t->slots = NULL;
	t->n_slots = 0;
	return 0;
}

void turf_texts_compare(struct texts *t, struct pool *pool)
{
	turf_pool_run(pool, (t->all.n + EACH_TASK - 1) / EACH_TASK, common_task, t, NULL);
}

int turf_texts_sort(struct texts *t, struct pool *pool)
{
	if (!t->all.n) {
		struct text *none = vec_push(&t->all);
		if (!none)
			return -ENOMEM;
		none->at = "";
	}
	size_t n = t->all.n;
	struct sorting s = { .t = t, .all = t->all.at };
	pool = n < FEW ? NULL : pool;
	s.pairs = malloc(n * sizeof(*s.pairs));
	s.spare = malloc(n * sizeof(*s.spare));
	int r = s.pairs && s.spare ? split_all(&s, pool) : -ENOMEM;
	if (r == 0)
		r = turf_pool_run(pool, s.tasks.n, sort_task, &s, NULL);
	if (r == 0)
		r = reorder(&s, pool);
	if (r == 0)
		turf_texts_compare(t, pool);
	free(s.pairs);
	free(s.spare);
	vec_fini(&s.big);
	vec_fini(&s.tasks);
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

/* What a task says: the texts of CHUNK groups. */
struct said {
	struct {
		uint16_t *at; /* of one text behind the other, each ended by 0 */
		size_t n, room;
	} tokens;
	size_t off; /* of their codes */
};

struct coding {
	const struct texts *t;
	struct phrases p;
	struct said *said;
	size_t n; /* tasks */
	struct buf *out;
};

static int say_text(const struct phrases *p, const struct text *x, struct said *said)
{
	uint8_t s[WINDOW + PHRASE_PAD];
	for (size_t i = x->common; i < x->size;) {
		size_t n = MIN((size_t)WINDOW, x->size - i);
		if (!vec_reserve(&said->tokens, n + 1))
			return -ENOMEM;
		memcpy(s, x->at + i, n);
		memset(s + n, 0, PHRASE_PAD);
		said->tokens.n += turf_phrases_say(p, s, n, said->tokens.at + said->tokens.n);
		i += n;
	}
	uint16_t *end = vec_push(&said->tokens);
	return end ? 0 : -ENOMEM;
}

static int say_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	const struct coding *c = ctx;
	size_t from = idx * CHUNK * URF_TEXT_STEP;
	size_t to = MIN(from + CHUNK * URF_TEXT_STEP, c->t->all.n);
	for (size_t i = from; i < to; i++) {
		const struct text *later = &c->t->all.at[MIN(i + AHEAD, to - 1)];
		__builtin_prefetch(later->at + later->common);
		__builtin_prefetch(later->at + later->common + 64);
		int r = say_text(&c->p, &c->t->all.at[i], &c->said[idx]);
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t uleb_size(uint32_t value)
{
	size_t n = 1;
	while (value >>= 7)
		n++;
	return n;
}

/* Bytes of the codes of a task's texts. */
static int size_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	const struct coding *c = ctx;
	struct said *said = &c->said[idx];
	size_t from = idx * CHUNK * URF_TEXT_STEP, size = 0;
	size_t to = MIN(from + CHUNK * URF_TEXT_STEP, c->t->all.n);
	for (size_t i = from; i < to; i++)
		size += uleb_size(c->t->all.at[i].common);
	for (size_t i = 0; i < said->tokens.n; i++)
		size += c->p.codes[said->tokens.at[i]].size;
	said->off = size;
	return 0;
}

/* Writes the codes of a text's @tokens, its end among them; the place behind them. */
static uint8_t *code_text(const struct phrases *p, const uint16_t **tokens, uint8_t *to)
{
	for (uint16_t token; (token = *(*tokens)++);) {
		const struct phrase_code *code = &p->codes[token];
		if (code->size > 2)
			memcpy(to, p->long_codes.at + code->off, code->size);
		else
			memcpy(to, code->near, 2); /* the end has room for one too many */
		to += code->size;
	}
	*to++ = 0;
	return to;
}

static int code_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	const struct coding *c = ctx;
	const uint16_t *tokens = c->said[idx].tokens.at;
	uint8_t *begin = c->out[TEXT_TEXTS].at, *to = begin + c->said[idx].off;
	size_t from = idx * CHUNK * URF_TEXT_STEP;
	size_t end = MIN(from + CHUNK * URF_TEXT_STEP, c->t->all.n);
	for (size_t i = from; i < end; i++) {
		if (i % URF_TEXT_STEP == 0) {
			le32 off = le32_of((uint32_t)(to - begin));
			memcpy(c->out[TEXT_INDEX].at + i / URF_TEXT_STEP * 4, &off, 4);
		}
		uint32_t common = c->t->all.at[i].common;
		for (; common >= 0x80; common >>= 7)
			*to++ = (uint8_t)(common | 0x80);
		*to++ = (uint8_t)common;
		to = code_text(&c->p, &tokens, to);
	}
	return 0;
}

/* Counts what the texts were said with, and gives it codes. */
static int settle(struct coding *c)
{
	uint32_t *use = calloc(N_TOKENS, sizeof(*use));
	if (!use)
		return -ENOMEM;
	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->said[i].tokens.n; k++)
			use[c->said[i].tokens.at[k]]++;
	}
	int r = turf_phrases_settle(&c->p, use);
	free(use);
	return r;
}

/* Room for all codes and the index of their groups. */
static int make_room(struct coding *c)
{
	size_t groups = (c->t->all.n + URF_TEXT_STEP - 1) / URF_TEXT_STEP, size = 0;
	for (size_t i = 0; i < c->n; i++) {
		size_t here = c->said[i].off;
		c->said[i].off = size;
		size += here;
	}
	if (size > UINT32_MAX)
		return -E2BIG;
	if (!vec_reserve(&c->out[TEXT_TEXTS], size) ||
	    !vec_reserve(&c->out[TEXT_INDEX], groups * 4))
		return -ENOMEM;
	c->out[TEXT_TEXTS].n = size;
	c->out[TEXT_INDEX].n = groups * 4;
	return 0;
}

static bool put_le32(struct buf *b, uint64_t value)
{
	le32 v = le32_of(value);
	return turf_buf_put(b, &v, sizeof(v));
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

static int emit(struct coding *c, struct pool *pool)
{
	int r = turf_phrases_choose(&c->p, c->t, pool);
	if (r == 0)
		r = turf_pool_run(pool, c->n, say_task, c, NULL);
	if (r == 0)
		r = settle(c);
	if (r == 0)
		r = turf_pool_run(pool, c->n, size_task, c, NULL);
	if (r == 0)
		r = make_room(c);
	if (r == 0)
		r = turf_pool_run(pool, c->n, code_task, c, NULL);
	return r == 0 ? emit_phrases(&c->p, c->out) : r;
}

int turf_texts_emit(const struct texts *t, struct pool *pool, struct buf out[N_TEXT_SECTIONS])
{
	struct coding c = { .t = t, .out = out };
	c.n = (t->all.n + CHUNK * URF_TEXT_STEP - 1) / (CHUNK * URF_TEXT_STEP);
	c.said = calloc(c.n ? c.n : 1, sizeof(*c.said));
	int r = c.said ? emit(&c, pool) : -ENOMEM;
	for (size_t i = 0; c.said && i < c.n; i++)
		vec_fini(&c.said[i].tokens);
	for (size_t i = 0; r < 0 && i < N_TEXT_SECTIONS; i++)
		vec_fini(&out[i]);
	free(c.said);
	turf_phrases_fini(&c.p);
	return r;
}
