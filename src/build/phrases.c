/* SPDX-License-Identifier: MIT */
/*
 * Phrases are found in a sample of the texts, in rounds. The first candidates are what a search
 * for repeats matches. Each round then says the sample with the candidates there are in the
 * cheapest way, counts how often each is of use and which two follow each other, and keeps, of
 * both those and their concatenations, what saves most.
 */
#include "base/sort.h"
#include "build/build.h"
#include "build/phrases.h"

enum {
	SAMPLE_BYTES = 768 << 10, /* about as many are looked at */
	SMALL_SAMPLE = 128 << 10, /* more rounds cost nothing worth a word, and less is there */
	ROUNDS = 2,
	SMALL_ROUNDS = 5,
	REPEAT_MIN = 4,   /* bytes of a repeat worth a look */
	REPEAT_HASH = 16, /* bits */
	COUNTS_MIN = 10,  /* bits of the hash that strings are counted by */
	COUNTS_MAX = 18,
	ENTRY = 4, /* bytes that a phrase costs besides its own */
	BUCKET_MAX =
		64, /* phrases of one hash tried: bounds the time that hostile texts take */
	PARSE_CHUNK = 64, /* strings to parse by one task */
};

static const uint8_t level_bytes[PHRASE_LEVELS] = { 2, 4, 8 };

static uint64_t load8(const uint8_t *p)
{
	uint64_t word;
	memcpy(&word, p, 8);
	return le64toh(word);
}

static uint64_t low_bytes(uint32_t n)
{
	return n >= 8 ? UINT64_MAX : (1ULL << n * 8) - 1;
}

static uint32_t level_hash(uint64_t word, unsigned level)
{
	word &= low_bytes(level_bytes[level]);
	return (uint32_t)(word * 0x9e3779b97f4a7c15u >> (64 - PHRASE_SEEN));
}

static unsigned level_of(uint32_t size)
{
	return size >= 8 ? 2 : size >= 4 ? 1 : 0;
}

/* Whether the @n > 8 bytes at @a, of which the first 8 are known to be, equal those at @b. */
static inline bool rest_same(const uint8_t *a, const uint8_t *b, uint32_t n)
{
	for (uint32_t i = 8; i + 8 < n; i += 8) {
		if (load8(a + i) != load8(b + i))
			return false;
	}
	return load8(a + n - 8) == load8(b + n - 8);
}

/* Takes each phrase of one level that fits at @s, where @left bytes are, into account. */
static inline __attribute__((always_inline)) void
try_level(const struct phrases *p, unsigned level, const uint8_t *s, uint64_t word, size_t left,
          uint32_t but, struct phrase_step *step)
{
	const struct phrase_level *l = &p->levels[level];
	uint32_t hash = level_hash(word, level);
	if (!(l->seen[hash / 64] >> hash % 64 & 1))
		return;
	hash >>= PHRASE_SEEN - PHRASE_HASH;
	const struct phrase_key *key = &p->keys[l->first[hash]];
	const struct phrase_key *end = &p->keys[l->first[hash + 1]];
	for (; key < end; key++) {
		if ((word & key->mask) != key->word || key->size > left)
			continue;
		uint32_t cost = step[key->size].cost + key->cost;
		if (cost >= step->cost || key->idx == but)
			continue;
		if (level == 2 && key->size > 8 &&
		    !rest_same(s, p->bytes.at + key->off, key->size))
			continue;
		*step = (struct phrase_step){ cost, key->idx };
	}
}

void turf_phrases_parse(const struct phrases *p, const uint8_t *s, size_t n, uint32_t but,
                        struct phrase_step *steps)
{
	steps[n] = (struct phrase_step){ 0, PHRASE_NONE };
	for (size_t i = n; i--;) {
		uint32_t literal = 1 + (s[i] >= URF_PHRASE_NEAR);
		steps[i] = (struct phrase_step){ steps[i + 1].cost + literal, PHRASE_NONE };
		uint64_t word = load8(s + i);
		size_t left = n - i;
		/* where a long one fits, a much shorter one hardly ever saves anything */
		if (left >= 8)
			try_level(p, 2, s + i, word, left, but, &steps[i]);
		if (left >= 4 && steps[i].idx == PHRASE_NONE)
			try_level(p, 1, s + i, word, left, but, &steps[i]);
		if (left >= 2 && steps[i].idx == PHRASE_NONE)
			try_level(p, 0, s + i, word, left, but, &steps[i]);
	}
}

/* A string that may become a phrase. */
struct count {
	uint64_t hash; /* 0: free */
	uint32_t off, size;
	uint32_t n;
	uint32_t saves; /* bytes each time */
};

/* A part of a text, of the sample. */
struct part {
	uint32_t off, size;
};

struct choosing {
	struct phrases *p;
	struct {
		struct part *at;
		size_t n, room;
	} parts;
	uint64_t share;       /* bytes of all texts for each 16 of the sample */
	uint32_t *said;       /* for each byte of the sample: the phrase that begins there */
	uint32_t *alt;        /* for each phrase: bytes it takes without it */
	struct count *counts; /* 1 << count_bits, at most three quarters in use */
	size_t n_counts;
	unsigned count_bits;
	struct sort_pair *pairs, *spare;
};

static uint64_t hash_bytes(const uint8_t *s, uint32_t n)
{
	uint64_t h = n * 0x9e3779b97f4a7c15u;
	for (; n > 8; s += 8, n -= 8) {
		h = (h ^ load8(s)) * 0xff51afd7ed558ccdu; /* odd, bits well mixed */
		h ^= h >> 32;
	}
	h = (h ^ (load8(s) & low_bytes(n))) * 0xff51afd7ed558ccdu;
	h ^= h >> 32;
	return h | 1;
}

/* Counts a string of the sample; when too many are known, those only. */
static void count_string(struct choosing *c, uint32_t off, uint32_t size, uint32_t saves)
{
	uint64_t hash = hash_bytes(c->p->bytes.at + off, size);
	size_t mask = ((size_t)1 << c->count_bits) - 1, at = hash >> (64 - c->count_bits);
	while (c->counts[at].hash && c->counts[at].hash != hash)
		at = (at + 1) & mask;
	struct count *count = &c->counts[at];
	if (!count->hash) {
		if (c->n_counts > mask / 4 * 3)
			return;
		c->n_counts++;
		*count = (struct count){ hash, off, size, 0, saves };
	}
	count->n++;
}

static void count_nothing(struct choosing *c)
{
	memset(c->counts, 0, sizeof(*c->counts) << c->count_bits);
	c->n_counts = 0;
}

/* Counts what a greedy search for repeats comes by. */
static int count_repeats(struct choosing *c)
{
	const uint8_t *s = c->p->bytes.at;
	uint32_t *last = calloc(1 << REPEAT_HASH, sizeof(*last)); /* place + 1, by hash */
	if (!last)
		return -ENOMEM;
	for (size_t i = 0; i < c->parts.n; i++) {
		uint32_t at = c->parts.at[i].off, end = at + c->parts.at[i].size;
		while (at + REPEAT_MIN <= end) {
			uint32_t word = (uint32_t)(load8(s + at) & low_bytes(REPEAT_MIN));
			uint32_t *place = &last[word * 0x9e3779b1u >> (32 - REPEAT_HASH)];
			uint32_t n = 0, most = MIN(end - at, (uint32_t)PHRASE_MAX);
			while (*place && n < most && s[*place - 1 + n] == s[at + n])
				n++;
			*place = at + 1;
			if (n >= REPEAT_MIN)
				count_string(c, at, n, n - 2);
			at += n >= REPEAT_MIN ? n : 1;
		}
	}
	free(last);
	return 0;
}

static int64_t gain_of(const struct choosing *c, uint64_t use, uint64_t saves, uint32_t size)
{
	if (c->share > 16 && use) /* neighbours are alike: a sample of them promises too much */
		use--;
	return (int64_t)(use * saves * c->share / 16) - size - ENTRY;
}

/* Appends the strings counted that would save something to the phrases. */
static int add_counted(struct choosing *c)
{
	for (size_t i = 0; i < (size_t)1 << c->count_bits; i++) {
		const struct count *count = &c->counts[i];
		int64_t gain = gain_of(c, count->n, count->saves, count->size);
		if (!count->hash || gain <= 0)
			continue;
		struct phrase *x = vec_push(&c->p->all);
		if (!x)
			return -ENOMEM;
		*x = (struct phrase){ count->off, count->size, count->n, gain };
	}
	return 0;
}

static int make_pairs(struct choosing *c, size_t n)
{
	free(c->pairs);
	free(c->spare);
	c->pairs = malloc((n + 1) * sizeof(*c->pairs));
	c->spare = malloc((n + 1) * sizeof(*c->spare));
	return c->pairs && c->spare ? 0 : -ENOMEM;
}

/*
 * Keeps of the phrases and the strings counted those that save most, as many as there are codes
 * for; those used most often come first.
 */
static int keep_best(struct choosing *c)
{
	struct phrases *p = c->p;
	size_t n = 0;
	int r = add_counted(c);
	if (r < 0)
		return r;
	struct phrase *kept = malloc(URF_PHRASES_MAX * sizeof(*kept));
	if (!kept || make_pairs(c, p->all.n) < 0) {
		free(kept);
		return -ENOMEM;
	}
	for (size_t i = 0; i < p->all.n; i++) {
		if (p->all.at[i].gain > 0)
			c->pairs[n++] = (struct sort_pair){ ~(uint64_t)p->all.at[i].gain, i };
	}
	sort_pairs(c->pairs, c->spare, n);
	n = MIN(n, (size_t)URF_PHRASES_MAX);
	for (size_t i = 0; i < n; i++)
		c->pairs[i].key = ~(uint64_t)p->all.at[c->pairs[i].value].use;
	sort_pairs(c->pairs, c->spare, n);
	for (size_t i = 0; i < n; i++)
		kept[i] = p->all.at[c->pairs[i].value];
	free(p->all.at);
	p->all.at = kept;
	p->all.n = n;
	p->all.room = URF_PHRASES_MAX;
	return 0;
}

/* Where a phrase stands in the index: by level and hash, of those the longest first. */
static uint64_t key_order(const struct phrases *p, const struct phrase *x)
{
	unsigned level = level_of(x->size);
	uint64_t hash = level_hash(load8(p->bytes.at + x->off), level);
	return (uint64_t)level << 48 | hash >> (PHRASE_SEEN - PHRASE_HASH) << 32 |
	       (UINT32_MAX - x->size);
}

/* Appends the phrases of one level at c->pairs[*next] and on to the index. */
static void index_level(struct choosing *c, unsigned level, size_t *next, uint32_t *n_keys)
{
	struct phrases *p = c->p;
	struct phrase_level *l = &p->levels[level];
	for (uint32_t bucket = 0; bucket < 1 << PHRASE_HASH; bucket++) {
		uint64_t order = (uint64_t)level << 16 | bucket;
		l->first[bucket] = *n_keys;
		for (; *next < p->all.n && c->pairs[*next].key >> 32 == order; ++*next) {
			if (*n_keys - l->first[bucket] == BUCKET_MAX)
				continue; /* never used, so gone after the round */
			uint32_t idx = (uint32_t)c->pairs[*next].value;
			const struct phrase *x = &p->all.at[idx];
			uint64_t mask = low_bytes(x->size), word = load8(p->bytes.at + x->off);
			uint32_t hash = level_hash(word, level);
			l->seen[hash / 64] |= 1ULL << hash % 64;
			p->keys[(*n_keys)++] =
				(struct phrase_key){ word & mask,
				                     mask,
				                     idx,
				                     x->off,
				                     (uint16_t)x->size,
				                     idx < URF_PHRASES_NEAR ? 1 : 2 };
		}
	}
	l->first[1 << PHRASE_HASH] = *n_keys;
}

static int make_index(struct choosing *c)
{
	struct phrases *p = c->p;
	size_t next = 0;
	uint32_t n_keys = 0;
	free(p->keys);
	p->keys = calloc(p->all.n + 1, sizeof(*p->keys));
	if (!p->levels)
		p->levels = malloc(PHRASE_LEVELS * sizeof(*p->levels));
	if (!p->keys || !p->levels)
		return -ENOMEM;
	memset(p->levels, 0, PHRASE_LEVELS * sizeof(*p->levels));
	for (size_t i = 0; i < p->all.n; i++)
		c->pairs[i] = (struct sort_pair){ key_order(p, &p->all.at[i]), i };
	sort_pairs(c->pairs, c->spare, p->all.n);
	for (unsigned level = 0; level < PHRASE_LEVELS; level++)
		index_level(c, level, &next, &n_keys);
	return 0;
}

static int parse_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	const struct choosing *c = ctx;
	const struct phrases *p = c->p;
	struct phrase_step steps[PHRASE_WINDOW + 1];
	for (size_t i = idx * PARSE_CHUNK; i < MIN((idx + 1) * PARSE_CHUNK, c->parts.n); i++) {
		struct part part = c->parts.at[i];
		turf_phrases_parse(p, p->bytes.at + part.off, part.size, PHRASE_NONE, steps);
		for (uint32_t k = 0; k < part.size;) {
			uint32_t said = steps[k].idx;
			c->said[part.off + k] = said;
			k += said == PHRASE_NONE ? 1 : p->all.at[said].size;
		}
	}
	return 0;
}

static int alt_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	struct choosing *c = ctx;
	const struct phrases *p = c->p;
	struct phrase_step steps[PHRASE_MAX + 1];
	uint8_t s[PHRASE_MAX + PHRASE_PAD];
	for (size_t i = idx * PARSE_CHUNK; i < MIN((idx + 1) * PARSE_CHUNK, p->all.n); i++) {
		const struct phrase *x = &p->all.at[i];
		memcpy(s, p->bytes.at + x->off, x->size);
		memset(s + x->size, 0, PHRASE_PAD);
		turf_phrases_parse(p, s, x->size, (uint32_t)i, steps);
		c->alt[i] = steps[0].cost;
	}
	return 0;
}

static uint32_t cost_of(uint32_t said, uint8_t byte)
{
	if (said == PHRASE_NONE)
		return byte >= URF_PHRASE_NEAR ? 2 : 1;
	return said < URF_PHRASES_NEAR ? 1 : 2;
}

/* Counts what a part was said with, and each two of it in a row where @pairs. */
static void count_part(struct choosing *c, struct part part, bool pairs)
{
	struct phrases *p = c->p;
	uint32_t end = part.off + part.size, before_size = 0, before_cost = 0;
	for (uint32_t at = part.off, size; at < end; at += size) {
		uint32_t said = c->said[at], cost = cost_of(said, p->bytes.at[at]);
		size = said == PHRASE_NONE ? 1 : p->all.at[said].size;
		if (said != PHRASE_NONE)
			p->all.at[said].use++;
		uint32_t both = before_size + size;
		if (pairs && before_size && both <= PHRASE_MAX)
			count_string(c, at - before_size, both, before_cost + cost);
		before_size = size;
		before_cost = cost;
	}
}

static int say_sample(struct choosing *c, unsigned threads)
{
	size_t n_phrases = c->p->all.n;
	free(c->alt);
	c->alt = malloc((n_phrases + 1) * sizeof(*c->alt));
	int r = c->alt ? make_index(c) : -ENOMEM;
	if (r == 0)
		r = turf_pool_run(threads, (c->parts.n + PARSE_CHUNK - 1) / PARSE_CHUNK,
		                  parse_task, c, NULL);
	if (r == 0)
		r = turf_pool_run(threads, (n_phrases + PARSE_CHUNK - 1) / PARSE_CHUNK,
		                  alt_task, c, NULL);
	return r;
}

/* Values the phrases the sample was said with, and what they might become where @pairs. */
static void value_all(struct choosing *c, bool pairs)
{
	struct phrases *p = c->p;
	uint32_t near = p->all.n > URF_PHRASES_NEAR ? p->all.at[URF_PHRASES_NEAR].use : 0;
	for (size_t i = 0; i < p->all.n; i++)
		p->all.at[i].use = 0;
	count_nothing(c);
	for (size_t i = 0; i < c->parts.n; i++)
		count_part(c, c->parts.at[i], pairs);
	for (size_t i = 0; i < p->all.n; i++) {
		struct phrase *x = &p->all.at[i];
		uint32_t own = x->use > near ? 1 : 2;
		x->gain = gain_of(c, x->use, c->alt[i] > own ? c->alt[i] - own : 0, x->size);
	}
	for (size_t i = 0; i < (size_t)1 << c->count_bits; i++) {
		struct count *count = &c->counts[i];
		uint32_t own = count->n > near ? 1 : 2;
		count->saves = count->saves > own ? count->saves - own : 0;
	}
}

/* A sample: the parts of texts that are not in common with the text before. */
static int take_sample(struct choosing *c, const struct texts *t)
{
	struct buf *s = &c->p->bytes;
	uint64_t all = 0, taken = 0;
	for (size_t i = 0; i < t->all.n; i++)
		all += MIN((uint32_t)PHRASE_WINDOW, t->all.at[i].size - t->all.at[i].common);
	size_t stride = all / SAMPLE_BYTES + 1;
	for (size_t i = 0; i < t->all.n && taken < 2 * SAMPLE_BYTES; i++) {
		const struct text *x = &t->all.at[i];
		uint32_t size = MIN((uint32_t)PHRASE_WINDOW, x->size - x->common);
		if (i / URF_TEXT_STEP % stride || !size)
			continue;
		struct part *part = vec_push(&c->parts);
		if (!part)
			return -ENOMEM;
		*part = (struct part){ (uint32_t)s->n, size };
		if (!turf_buf_put(s, x->at + x->common, size) || !turf_buf_put(s, "", 1))
			return -ENOMEM;
		taken += size;
	}
	c->share = taken ? all * 16 / taken : 16;
	return turf_buf_put(s, "\0\0\0\0\0\0\0", PHRASE_PAD) ? 0 : -ENOMEM;
}

static int make_room(struct choosing *c)
{
	size_t n = c->p->bytes.n;
	c->count_bits = COUNTS_MIN;
	while (c->count_bits < COUNTS_MAX && (size_t)1 << c->count_bits < n)
		c->count_bits++;
	c->said = malloc(n * sizeof(*c->said));
	c->counts = calloc((size_t)1 << c->count_bits, sizeof(*c->counts));
	return c->said && c->counts ? 0 : -ENOMEM;
}

static int choose(struct choosing *c, const struct texts *t, unsigned threads)
{
	int r = take_sample(c, t);
	if (r == 0)
		r = make_room(c);
	if (r == 0)
		r = count_repeats(c);
	if (r == 0)
		r = keep_best(c);
	int rounds = c->p->bytes.n <= SMALL_SAMPLE ? SMALL_ROUNDS : ROUNDS;
	for (int left = rounds; r == 0 && left--;) {
		r = say_sample(c, threads);
		if (r < 0)
			break;
		value_all(c, left > 0);
		r = keep_best(c);
	}
	return r == 0 ? make_index(c) : r;
}

int turf_phrases_choose(struct phrases *p, const struct texts *t, unsigned threads)
{
	struct choosing c = { .p = p };
	int r = choose(&c, t, threads);
	vec_fini(&c.parts);
	free(c.said);
	free(c.alt);
	free(c.counts);
	free(c.pairs);
	free(c.spare);
	return r;
}

void turf_phrases_fini(struct phrases *p)
{
	vec_fini(&p->bytes);
	vec_fini(&p->all);
	free(p->keys);
	free(p->levels);
	*p = (struct phrases){ 0 };
}
