/* SPDX-License-Identifier: MIT */
/*
 * Phrases are found in a sample of the texts. The first candidates are what a search for
 * repeats matches. Where texts are long, as mangled names are, the sample is then said with
 * these: of those that are of use and of their concatenations what saves most is kept. Short
 * texts gain next to nothing by that. When all texts are said, the use of each phrase is known:
 * what does not pay for its entry is said by others.
 */
#include "base/sort.h"
#include "build/build.h"
#include "build/phrases.h"

enum {
	LONG_TEXTS = 32,          /* bytes a text that are not in common with the one before */
	SAMPLE_BYTES = 640 << 10, /* about as many are looked at */
	SHORT_SAMPLE = 320 << 10, /* of short texts */
	PART_MAX = 4096,          /* bytes of a text that go into the sample */
	REPEAT_MIN = 3,           /* bytes of a repeat worth a look */
	REPEAT_HASH = 16,         /* bits */
	COUNTS_MIN = 10,          /* bits of the hash that strings are counted by */
	COUNTS_MAX = 16,
	PROBES_MAX = 24, /* strings of one place: bounds the time that hostile texts take */
	ENTRY = 4,       /* bytes that a phrase costs besides its own */
	BUCKET_MAX =
		64,     /* phrases of one hash tried: bounds the time that hostile texts take */
	SAY_CHUNK = 64, /* parts to say by one task */
	HASTY = 8, /* a phrase up to this size is not taken before the next byte's are seen */
};

static const uint8_t level_bytes[PHRASE_LEVELS] = { 2, 4, 8, 16 };

static inline uint64_t load8(const uint8_t *p)
{
	uint64_t word;
	memcpy(&word, p, 8);
	return le64toh(word);
}

static inline uint64_t low_bytes(uint32_t n)
{
	return n >= 8 ? UINT64_MAX : (1ULL << n * 8) - 1;
}

/* Of the first bytes of a string: as many as the level has. */
static inline uint32_t level_hash(uint64_t word, uint64_t more, unsigned level)
{
	enum { EVEN = 64 - PHRASE_SEEN };
	if (level == 3)
		return (uint32_t)((word + (more << 29 | more >> 35)) * 0x9e3779b97f4a7c15u >>
		                  EVEN);
	return (uint32_t)((word & low_bytes(level_bytes[level])) * 0x9e3779b97f4a7c15u >> EVEN);
}

static unsigned level_of(uint32_t size)
{
	return size >= 16 ? 3 : size >= 8 ? 2 : size >= 4 ? 1 : 0;
}

/* Whether the @n > 16 bytes at @a, of which the first 16 are known to be, equal those at @b. */
static inline bool rest_same(const uint8_t *a, const uint8_t *b, uint32_t n)
{
	for (uint32_t i = 16; i + 8 < n; i += 8) {
		if (load8(a + i) != load8(b + i))
			return false;
	}
	return load8(a + n - 8) == load8(b + n - 8);
}

/* The longest phrase of one level, of less than @limit bytes, that fits at @s, or NULL. */
static inline __attribute__((always_inline)) const struct phrase_key *
find_in(const struct phrases *p, unsigned level, const uint8_t *s, uint64_t word, uint64_t more,
        uint32_t limit)
{
	const struct phrase_level *l = &p->levels[level];
	uint32_t hash = level_hash(word, more, level) >> (PHRASE_SEEN - PHRASE_HASH);
	const struct phrase_key *key = &p->keys[l->first[hash]];
	const struct phrase_key *end = &p->keys[l->first[hash + 1]];
	for (; key < end; key++) {
		bool same;
		if (level == 3)
			same = word == key->word && more == key->more &&
			       (key->size == 16 ||
			        rest_same(s, p->bytes.at + key->off, key->size));
		else if (level == 2) /* 8..15 bytes: 0..7 of the second word */
			same = word == key->word &&
			       (more ^ key->more) << 8 * (15 - key->size) << 8 == 0;
		else
			same = (word ^ key->word) << 8 * (8 - key->size) == 0;
		if (same && key->size < limit)
			return key;
	}
	return NULL;
}

/* Whether a phrase of this level or a higher one begins like that; now and then when none does.
 */
static inline bool seen(const struct phrases *p, unsigned level, uint64_t word, uint64_t more)
{
	uint32_t hash = level_hash(word, more, level);
	return p->levels[level].seen[hash / 64] >> hash % 64 & 1;
}

/* The longest phrase of less than @limit bytes that fits at @s, or NULL. */
static inline const struct phrase_key *find(const struct phrases *p, const uint8_t *s,
                                            uint32_t limit)
{
	uint64_t word = load8(s), more = load8(s + 8);
	const struct phrase_key *key = NULL;
	if (seen(p, 1, word, more)) {
		if (seen(p, 2, word, more)) {
			if (seen(p, 3, word, more))
				key = find_in(p, 3, s, word, more, limit);
			if (!key)
				key = find_in(p, 2, s, word, more, limit);
		}
		if (!key)
			key = find_in(p, 1, s, word, more, limit);
	}
	return key || !seen(p, 0, word, more) ? key : find_in(p, 0, s, word, more, limit);
}

/* Says at most @n bytes at @s with phrases shorter than @limit bytes. */
static inline __attribute__((always_inline)) size_t
say(const struct phrases *p, const uint8_t *s, size_t n, uint32_t limit, uint16_t *tokens)
{
	uint16_t *to = tokens;
	const uint8_t *end = s + n;
	while (s < end) {
		const struct phrase_key *key = find(p, s, limit);
		while (key && key->size <= HASTY) {
			const struct phrase_key *next = find(p, s + 1, limit);
			if (!next || next->size <= key->size + 1)
				break;
			*to++ = *s++;
			key = next;
		}
		if (key) {
			*to++ = key->token;
			s += key->size;
		} else {
			*to++ = *s++;
		}
	}
	return (size_t)(to - tokens);
}

size_t turf_phrases_say(const struct phrases *p, const uint8_t *s, size_t n, uint16_t *tokens)
{
	return say(p, s, n, UINT32_MAX, tokens);
}

/* A string that may become a phrase. */
struct count {
	uint32_t tag; /* of its hash */
	uint32_t off;
	uint16_t size;
	uint16_t saves; /* bytes each time */
	uint32_t n;     /* 0: free */
};

/* A part of a text, of the sample. */
struct part {
	uint32_t off, size;
	uint32_t n_tokens; /* at the same place of choosing.said */
};

struct choosing {
	struct phrases *p;
	struct {
		struct part *at;
		size_t n, room;
	} parts;
	bool is_long;   /* texts are, on average */
	uint64_t share; /* bytes of all texts for each 16 of the sample */
	uint16_t *said;
	struct count *counts; /* 1 << count_bits */
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
	return (h ^ (load8(s) & low_bytes(n))) * 0xff51afd7ed558ccdu;
}

/*
 * Counts a string of the sample, unless its place is crowded. Two strings of one hash
 * are taken for one, which costs a little space.
 */
static void count_string(struct choosing *c, uint32_t off, uint32_t size, uint32_t saves)
{
	uint64_t hash = hash_bytes(c->p->bytes.at + off, size);
	size_t mask = ((size_t)1 << c->count_bits) - 1, at = hash >> (64 - c->count_bits);
	uint32_t tag = (uint32_t)(hash >> 16);
	unsigned tries = 0;
	while (c->counts[at].n && (c->counts[at].tag != tag || c->counts[at].size != size)) {
		if (++tries == PROBES_MAX)
			return;
		at = (at + 1) & mask;
	}
	struct count *count = &c->counts[at];
	if (!count->n) {
		*count = (struct count){ tag, off, (uint16_t)size, (uint16_t)saves, 0 };
	}
	count->n++;
}

static void count_nothing(struct choosing *c)
{
	memset(c->counts, 0, sizeof(*c->counts) << c->count_bits);
}

/* Bytes in common at @a and @b, at most @most; 8 more can be read of each. */
static inline uint32_t same_bytes(const uint8_t *a, const uint8_t *b, uint32_t most)
{
	for (uint32_t n = 0; n < most; n += 8) {
		uint64_t differ = load8(a + n) ^ load8(b + n);
		if (differ)
			return MIN(most, n + (uint32_t)__builtin_ctzll(differ) / 8);
	}
	return most;
}

/* Counts what a greedy search for repeats comes by. */
static int count_repeats(struct choosing *c)
{
	const uint8_t *s = c->p->bytes.at;
	unsigned bits = MIN(c->count_bits + 1u, (unsigned)REPEAT_HASH);
	uint32_t *last = turf_zeroed(sizeof(*last) << bits); /* place + 1, by hash */
	if (!last)
		return -ENOMEM;
	for (size_t i = 0; i < c->parts.n; i++) {
		uint32_t at = c->parts.at[i].off, end = at + c->parts.at[i].size;
		while (at + REPEAT_MIN <= end) {
			uint32_t word = (uint32_t)(load8(s + at) & low_bytes(REPEAT_MIN));
			uint32_t *place = &last[word * 0x9e3779b1u >> (32 - bits)];
			uint32_t most = MIN(end - at, (uint32_t)PHRASE_MAX), n = 0;
			if (*place)
				n = same_bytes(s + *place - 1, s + at, most);
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
		if (!count->n)
			continue;
		int64_t gain = gain_of(c, count->n, count->saves, count->size);
		if (gain <= 0)
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
 * for.
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
		int64_t gain = MIN(p->all.at[i].gain, (int64_t)UINT32_MAX);
		if (gain > 0)
			c->pairs[n++] = (struct sort_pair){ (uint64_t)(UINT32_MAX - gain), i };
	}
	if (n > URF_PHRASES_MAX)
		sort_pairs(c->pairs, c->spare, n);
	n = MIN(n, (size_t)URF_PHRASES_MAX);
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
	const uint8_t *s = p->bytes.at + x->off;
	uint64_t hash = level_hash(load8(s), load8(s + 8), level);
	return (uint64_t)(level << PHRASE_HASH | hash >> (PHRASE_SEEN - PHRASE_HASH)) << 7 |
	       (PHRASE_MAX - x->size);
}

/* Appends the phrases of one level at c->pairs[*next] and on to the index. */
static void index_level(struct choosing *c, unsigned level, size_t *next, uint16_t *n_keys)
{
	struct phrases *p = c->p;
	struct phrase_level *l = &p->levels[level];
	for (uint32_t bucket = 0; bucket < 1 << PHRASE_HASH; bucket++) {
		uint64_t order = level << PHRASE_HASH | bucket;
		l->first[bucket] = *n_keys;
		for (; *next < p->all.n && c->pairs[*next].key >> 7 == order; ++*next) {
			if (*n_keys - l->first[bucket] == BUCKET_MAX)
				continue; /* never used, so gone in the end */
			uint32_t idx = (uint32_t)c->pairs[*next].value;
			const struct phrase *x = &p->all.at[idx];
			const uint8_t *s = p->bytes.at + x->off;
			uint64_t word = load8(s), more = load8(s + 8);
			for (unsigned i = MIN(level, 1u); i <= level; i++) {
				uint32_t hash = level_hash(word, more, i);
				p->levels[i].seen[hash / 64] |= 1ULL << hash % 64;
			}
			p->keys[(*n_keys)++] =
				(struct phrase_key){ word, more, x->off,
				                     (uint16_t)(TOKEN_PHRASES + idx),
				                     (uint16_t)x->size };
		}
	}
	l->first[1 << PHRASE_HASH] = *n_keys;
}

static int make_index(struct choosing *c)
{
	struct phrases *p = c->p;
	size_t next = 0;
	uint16_t n_keys = 0;
	free(p->keys);
	p->keys = malloc((p->all.n + 1) * sizeof(*p->keys));
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

static int say_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	const struct choosing *c = ctx;
	for (size_t i = idx * SAY_CHUNK; i < MIN((idx + 1) * SAY_CHUNK, c->parts.n); i++) {
		struct part *x = &c->parts.at[i];
		x->n_tokens = (uint32_t)turf_phrases_say(c->p, c->p->bytes.at + x->off, x->size,
		                                         c->said + x->off);
	}
	return 0;
}

/* Bytes of a token's code, as long as it is not known which phrases get the short ones. */
static uint32_t cost_of(uint32_t token)
{
	return token < URF_PHRASE_NEAR ? 1 : 2;
}

static uint32_t size_of(const struct phrases *p, uint32_t token)
{
	return token < TOKEN_PHRASES ? 1 : p->all.at[token - TOKEN_PHRASES].size;
}

/* Counts what a part was said with, and each two of it in a row. */
static void count_part(struct choosing *c, const struct part *part)
{
	struct phrases *p = c->p;
	uint32_t before_size = 0, before_cost = 0, at = part->off;
	for (uint32_t i = 0; i < part->n_tokens; i++) {
		uint32_t token = c->said[part->off + i], cost = cost_of(token);
		uint32_t size = size_of(p, token), both = before_size + size;
		if (token >= TOKEN_PHRASES)
			p->all.at[token - TOKEN_PHRASES].use++;
		if (before_size && both <= PHRASE_MAX)
			count_string(c, at - before_size, both, before_cost + cost - 1);
		at += size;
		before_size = size;
		before_cost = cost;
	}
}

/* Values the phrases the sample was said with, and what they might become. */
static void value_all(struct choosing *c)
{
	struct phrases *p = c->p;
	for (size_t i = 0; i < p->all.n; i++)
		p->all.at[i].use = 0;
	count_nothing(c);
	for (size_t i = 0; i < c->parts.n; i++)
		count_part(c, &c->parts.at[i]);
	for (size_t i = 0; i < p->all.n; i++) {
		struct phrase *x = &p->all.at[i];
		x->gain = gain_of(c, x->use, x->size - 1, x->size);
	}
}

/* A sample: the parts of texts that are not in common with the text before. */
static int take_sample(struct choosing *c, const struct texts *t)
{
	struct buf *s = &c->p->bytes;
	uint64_t all = 0, taken = 0;
	for (size_t i = 0; i < t->all.n; i++)
		all += MIN((uint32_t)PART_MAX, t->all.at[i].size - t->all.at[i].common);
	c->is_long = all / LONG_TEXTS > t->all.n;
	uint64_t want = c->is_long ? SAMPLE_BYTES : SHORT_SAMPLE;
	size_t stride = all / want + 1;
	if (!vec_reserve(s, MIN(all, 2 * want) + t->all.n + 2 * PART_MAX))
		return -ENOMEM;
	for (size_t i = 0; i < t->all.n && taken < 2 * want; i++) {
		const struct text *x = &t->all.at[i];
		uint32_t size = MIN((uint32_t)PART_MAX, x->size - x->common);
		if (i / URF_TEXT_STEP % stride || !size)
			continue;
		struct part *part = vec_push(&c->parts);
		if (!part)
			return -ENOMEM;
		*part = (struct part){ (uint32_t)s->n, size, 0 };
		memcpy(s->at + s->n, x->at + x->common, size);
		s->at[s->n + size] = 0;
		s->n += size + 1;
		taken += size;
	}
	memset(s->at + s->n, 0, PHRASE_PAD);
	s->n += PHRASE_PAD;
	c->share = taken ? all * 16 / taken : 16;
	return 0;
}

static int make_room(struct choosing *c)
{
	size_t n = c->p->bytes.n;
	c->count_bits = COUNTS_MIN;
	while (c->count_bits < COUNTS_MAX && (size_t)4 << c->count_bits < n)
		c->count_bits++;
	c->said = malloc(n * sizeof(*c->said));
	c->counts = turf_zeroed(sizeof(*c->counts) << c->count_bits);
	return c->said && c->counts ? 0 : -ENOMEM;
}

/* What the sample is said with, and what stands in a row there, may be better. */
static int improve(struct choosing *c, struct pool *pool)
{
	int r = turf_pool_run(pool, (c->parts.n + SAY_CHUNK - 1) / SAY_CHUNK, say_task, c,
	                      NULL);
	if (r < 0)
		return r;
	value_all(c);
	r = keep_best(c);
	return r < 0 ? r : make_index(c);
}

static int choose(struct choosing *c, const struct texts *t, struct pool *pool)
{
	int r = take_sample(c, t);
	if (r == 0)
		r = make_room(c);
	if (r == 0)
		r = count_repeats(c);
	if (r == 0)
		r = keep_best(c);
	if (r == 0)
		r = make_index(c);
	if (r == 0 && c->is_long)
		r = improve(c, pool);
	return r;
}

int turf_phrases_choose(struct phrases *p, const struct texts *t, struct pool *pool)
{
	struct choosing c = { .p = p };
	int r = choose(&c, t, pool);
	vec_fini(&c.parts);
	free(c.said);
	free(c.counts);
	free(c.pairs);
	free(c.spare);
	return r;
}

/* Says a phrase without itself; @tokens has room for PHRASE_MAX. */
static size_t say_phrase(const struct phrases *p, const struct phrase *x, uint16_t *tokens)
{
	uint8_t s[PHRASE_MAX + PHRASE_PAD];
	memcpy(s, p->bytes.at + x->off, x->size);
	memset(s + x->size, 0, PHRASE_PAD);
	return say(p, s, x->size, x->size, tokens);
}

/*
 * Drops phrases that others say as well, the longest first: what is used in their stead is used
 * more then.
 */
static void drop_useless(struct phrases *p, const struct sort_pair *by_size, uint32_t *use)
{
	uint16_t tokens[PHRASE_MAX];
	for (size_t k = p->all.n; k--;) {
		struct phrase *x = &p->all.at[by_size[k].value];
		x->use = use[TOKEN_PHRASES + by_size[k].value];
		if (!x->use)
			continue;
		size_t n = say_phrase(p, x, tokens);
		uint64_t alt = 0;
		for (size_t i = 0; i < n; i++)
			alt += cost_of(tokens[i]);
		if (x->use * (alt - MIN(alt, (uint64_t)(x->size > 2 ? 2 : 1))) >
		    x->size + ENTRY)
			continue;
		for (size_t i = 0; i < n; i++)
			use[tokens[i]] += x->use;
		x->use = 0;
	}
}

/* Moves the phrases in use, the most used first, to the front of all; gives them codes. */
static void rank(struct phrases *p, struct sort_pair *pairs, struct sort_pair *spare,
                 struct phrase *ranked)
{
	size_t n = 0;
	for (size_t i = 0; i < p->all.n; i++) {
		if (p->all.at[i].use)
			pairs[n++] = (struct sort_pair){ UINT32_MAX - p->all.at[i].use, i };
	}
	sort_pairs(pairs, spare, n);
	for (size_t i = 0; i < n; i++) {
		struct phrase_code *code = &p->codes[TOKEN_PHRASES + pairs[i].value];
		size_t far = i - URF_PHRASES_NEAR;
		if (i < URF_PHRASES_NEAR)
			*code = (struct phrase_code){ 1,
				                      { (uint8_t)(URF_PHRASE_NEAR + i) },
				                      0 };
		else
			*code = (struct phrase_code){
				2, { (uint8_t)(URF_PHRASE_FAR + (far >> 8)), (uint8_t)far }, 0
			};
		ranked[i] = p->all.at[pairs[i].value];
	}
	p->all.n = n;
}

/* Makes the codes of what was dropped, the shortest first, as they are parts of each other. */
static int code_dropped(struct phrases *p, const struct sort_pair *by_size, size_t n,
                        const struct phrase *all)
{
	uint16_t tokens[PHRASE_MAX];
	for (size_t k = 0; k < n; k++) {
		struct phrase_code *code = &p->codes[TOKEN_PHRASES + by_size[k].value];
		if (code->size)
			continue;
		size_t n_tokens = say_phrase(p, &all[by_size[k].value], tokens);
		uint32_t off = (uint32_t)p->long_codes.n;
		for (size_t i = 0; i < n_tokens; i++) {
			struct phrase_code part = p->codes[tokens[i]];
			if (!vec_reserve(&p->long_codes, part.size))
				return -ENOMEM;
			memcpy(p->long_codes.at + p->long_codes.n,
			       part.size > 2 ? p->long_codes.at + part.off : part.near,
			       part.size);
			p->long_codes.n += part.size;
		}
		code->size = (uint8_t)(p->long_codes.n - off);
		code->off = off;
		if (code->size <= 2)
			memcpy(code->near, p->long_codes.at + off, code->size);
	}
	return 0;
}

static void code_bytes(struct phrases *p)
{
	for (unsigned i = 0; i < TOKEN_PHRASES; i++) {
		if (i < URF_PHRASE_NEAR)
			p->codes[i] = (struct phrase_code){ 1, { (uint8_t)i }, 0 };
		else
			p->codes[i] =
				(struct phrase_code){ 2, { URF_PHRASE_BYTE, (uint8_t)i }, 0 };
	}
}

int turf_phrases_settle(struct phrases *p, uint32_t use[N_TOKENS])
{
	size_t n = p->all.n;
	struct sort_pair *by_size = malloc((n + 1) * sizeof(*by_size));
	struct sort_pair *pairs = malloc((n + 1) * sizeof(*pairs));
	struct sort_pair *spare = malloc((n + 1) * sizeof(*spare));
	struct phrase *ranked = malloc((n + 1) * sizeof(*ranked));
	p->codes = calloc(N_TOKENS, sizeof(*p->codes));
	int r = by_size && pairs && spare && ranked && p->codes ? 0 : -ENOMEM;
	if (r == 0) {
		for (size_t i = 0; i < n; i++)
			by_size[i] = (struct sort_pair){ p->all.at[i].size, i };
		sort_pairs(by_size, spare, n);
		drop_useless(p, by_size, use);
		code_bytes(p);
		rank(p, pairs, spare, ranked);
		r = code_dropped(p, by_size, n, p->all.at);
		struct phrase *all = p->all.at;
		p->all.at = ranked;
		ranked = all;
	}
	free(by_size);
	free(pairs);
	free(spare);
	free(ranked);
	return r;
}

void turf_phrases_fini(struct phrases *p)
{
	vec_fini(&p->bytes);
	vec_fini(&p->all);
	free(p->keys);
	free(p->levels);
	free(p->codes);
	vec_fini(&p->long_codes);
	*p = (struct phrases){ 0 };
}
