/* SPDX-License-Identifier: MIT */
/*
 * Models and range coding.
 *
 * Nothing here depends on the order in which threads come: counts are sums, models are made of
 * them by integers alone, groups are coded each for itself.
 */
#include "build/coder.h"
#include "image/coded.h"

enum {
	SYMBOLS = 256,
	TOTAL = 1 << URF_CODE_BITS,
	MOST = TOTAL - TOTAL / 128, /* a reader counts on it that no symbol is for nothing */
	CHUNK = 64,                 /* groups a task */
	COUNTERS = 4,               /* tasks that count each part */
};

/* Writes the byte held, and those behind it, which are 0xff, now that no carry can come. */
static void put_held(struct coder *c, uint8_t carry)
{
	if (!vec_reserve(c->out, c->pending + 1)) {
		c->no_memory = true;
		return;
	}
	if (c->holds)
		c->out->at[c->out->n++] = (uint8_t)(c->held + carry);
	for (; c->pending; c->pending--)
		c->out->at[c->out->n++] = (uint8_t)(0xff + carry);
}

static void shift(struct coder *c)
{
	uint8_t carry = (uint8_t)(c->low >> 32), top = (uint8_t)(c->low >> 24);
	c->low &= UINT32_MAX;
	if (carry || top != 0xff) {
		put_held(c, carry);
		c->holds = true;
		c->held = top;
	} else {
		c->pending++;
	}
	c->low = c->low << 8 & UINT32_MAX;
}

static void narrow(struct coder *c, uint32_t start, uint32_t size, unsigned bits)
{
	c->range >>= bits;
	c->low += (uint64_t)start * c->range;
	c->range *= size;
	while (c->range < (uint32_t)1 << 24) {
		shift(c);
		c->range <<= 8;
	}
}

static void begin_group(struct coder *c)
{
	c->begin = c->out->n;
	c->low = c->pending = 0;
	c->range = UINT32_MAX;
	c->holds = false;
}

/* The fewest bytes that a reader, to which all behind them is 0, tells from others. */
static void end_group(struct coder *c)
{
	uint64_t last = c->low + c->range - 1;
	for (unsigned bits = 32; bits-- > 0;) {
		uint64_t mask = ((uint64_t)1 << bits) - 1, value = (c->low + mask) & ~mask;
		if (value > last)
			continue;
		c->low = value;
		break;
	}
	for (unsigned i = 0; i < 5; i++)
		shift(c);
	if (c->no_memory)
		return;
	for (unsigned i = 0; i < CODE_BEHIND; i++)
		if (c->out->n > c->begin && !c->out->at[c->out->n - 1])
			c->out->n--;
}

static void put_bits(struct coder *c, uint32_t value, unsigned n)
{
	if (!c->counts && n)
		narrow(c, value, 1, n);
}

void turf_coder_symbol(struct coder *c, unsigned field, unsigned context, uint32_t symbol)
{
	uint32_t model = c->first[field];
	bool has_context = context < code_contexts[field];
	if (c->counts) {
		c->counts[has_context ? model + 1 + context : model][symbol]++;
		return;
	}
	for (unsigned i = has_context ? 0 : 1; i < 2; i++) {
		const struct code_share *shares = c->shares[i ? model : model + 1 + context];
		struct code_share s = shares[symbol], escape = shares[URF_CODE_ESCAPE];
		if (s.size && symbol != URF_CODE_ESCAPE) {
			narrow(c, s.start, s.size, URF_CODE_BITS);
			return;
		}
		if (escape.size)
			narrow(c, escape.start, escape.size, URF_CODE_BITS);
	}
	put_bits(c, symbol, 8);
}

void turf_coder_number(struct coder *c, unsigned field, unsigned context, uint32_t number)
{
	if (number < URF_CODE_NEAR) {
		turf_coder_symbol(c, field, context, number);
		return;
	}
	unsigned high = 31 - (unsigned)__builtin_clz(number), n = high - 2;
	turf_coder_symbol(c, field, context,
	                  URF_CODE_NEAR + (high - URF_CODE_NEAR_BITS) * 4 + (number >> n & 3));
	if (n > 16)
		put_bits(c, number >> 16 & (((uint32_t)1 << (n - 16)) - 1), n - 16);
	put_bits(c, number & (((uint32_t)1 << MIN(n, 16u)) - 1), MIN(n, 16u));
}

/* Sixteenths of a bit, about: between powers of two in a straight line. */
static uint64_t bits_of(uint64_t n)
{
	unsigned high = 63 - (unsigned)__builtin_clzll(n);
	return high * 16 + (((n << (63 - high)) & ~((uint64_t)1 << 63)) >> 59);
}

/* Which symbols are worth an entry: the others are said by way of the escape. */
struct choice {
	uint64_t kept[SYMBOLS]; /* counts */
	uint64_t others, total;
	unsigned n;
};

/* @every: how many of them each that was counted stands for. */
static void choose(const uint64_t counts[SYMBOLS], uint32_t every, struct choice *out)
{
	enum { LEAST = 3 };
	*out = (struct choice){ 0 };
	for (unsigned i = 0; i < SYMBOLS; i++) {
		out->total += counts[i];
		if (i != URF_CODE_ESCAPE && counts[i] * every >= LEAST) {
			out->kept[i] = counts[i];
			out->n++;
		} else {
			out->others += counts[i];
		}
	}
}

/* What a context's symbols take by a model of their own, less what they take by the field's, in
 * sixteenths of bits; < 0: it is worth it. */
static int64_t extra(const struct choice *own, const uint64_t field[SYMBOLS],
                     uint64_t field_total, uint32_t every)
{
	enum { ENTRY = 16 * 8 * (int)sizeof(struct urf_model), MODEL = 16 * 16 };
	int64_t bits = 0;
	uint64_t total = own->total + 1;
	for (unsigned i = 0; i < SYMBOLS; i++)
		if (own->kept[i])
			bits += (int64_t)own->kept[i] *
			        ((int64_t)(bits_of(total) - bits_of(own->kept[i])) -
			         (int64_t)(bits_of(field_total) - bits_of(field[i])));
	bits += (int64_t)own->others *
	        (int64_t)(bits_of(total) - bits_of(MAX(own->others, (uint64_t)1)));
	return bits * every + ENTRY * (own->n + 1) + MODEL;
}

/* Shares in proportion to counts, none of them 0, and one for the escape. */
static void share_out(const struct choice *choice, code_shares shares)
{
	uint32_t sizes[SYMBOLS] = { 0 }, sum = 0, largest = 0;
	uint64_t total = choice->total + 1;
	memset(shares, 0, sizeof(code_shares));
	if (!choice->n)
		return;
	for (unsigned i = 0; i < SYMBOLS; i++) {
		uint64_t count = i == URF_CODE_ESCAPE ? choice->others + 1 : choice->kept[i];
		if (!count)
			continue;
		sizes[i] = (uint32_t)MAX(count * TOTAL / total, (uint64_t)1);
		sizes[i] = MIN(sizes[i], (uint32_t)MOST);
		sum += sizes[i];
		largest = sizes[i] > sizes[largest] ? i : largest;
	}
	while (sum > TOTAL) { /* many got one that have less */
		uint32_t less = MIN(sum - TOTAL, sizes[largest] / 2);
		sizes[largest] -= less;
		sum -= less;
		for (unsigned i = 0; i < SYMBOLS; i++)
			largest = sizes[i] > sizes[largest] ? i : largest;
	}
	uint32_t more = MIN(TOTAL - sum, MOST - sizes[largest]);
	sizes[largest] += more;
	sizes[largest == URF_CODE_ESCAPE ? 0 : URF_CODE_ESCAPE] += TOTAL - sum - more;
	for (unsigned i = 0, start = 0; i < SYMBOLS; i++) {
		shares[i] = (struct code_share){ (uint16_t)start, (uint16_t)sizes[i] };
		start += sizes[i];
	}
}

/* Models of one field: those of contexts where they are worth it, then the field's own for what
 * is left. */
static void make_field(code_counts *counts, code_shares *shares, unsigned n_contexts,
                       uint32_t every, size_t *room)
{
	uint64_t all[SYMBOLS] = { 0 }, left[SYMBOLS] = { 0 }, total = 1;
	struct choice choice;
	for (unsigned m = 0; m <= n_contexts; m++)
		for (unsigned i = 0; i < SYMBOLS; i++)
			all[i] += counts[m][i];
	for (unsigned i = 0; i < SYMBOLS; i++)
		total += all[i];
	for (unsigned m = 0; m <= n_contexts; m++) {
		uint64_t own[SYMBOLS], n = 0;
		for (unsigned i = 0; i < SYMBOLS; i++)
			n += own[i] = counts[m][i];
		if (!n)
			continue;
		choose(own, every, &choice);
		bool kept = m && choice.n && choice.n < *room &&
		            extra(&choice, all, total, every) < 0;
		if (kept) {
			share_out(&choice, shares[m]);
			*room -= choice.n + 1;
		}
		for (unsigned i = 0; i < SYMBOLS; i++)
			left[i] += kept && choice.kept[i] ? 0 : own[i];
	}
	choose(left, every, &choice);
	share_out(&choice, shares[0]);
}

static bool has_entries(const code_shares shares)
{
	for (unsigned i = 0; i < SYMBOLS; i++)
		if (shares[i].size)
			return true;
	return false;
}

/* Number of models that a field has in the urf: none behind the last one with entries. */
static unsigned models_of(const uint32_t *first, const code_shares *shares, unsigned field)
{
	unsigned n = 1u + code_contexts[field];
	while (n && !has_entries(shares[first[field] + n - 1]))
		n--;
	return n;
}

static bool put_models(const uint32_t *first, const code_shares *shares, struct buf *out)
{
	struct buf entries = { 0 }, numbers = { 0 };
	uint32_t n_models = 0, n_entries = 0;
	bool ok = true;
	for (unsigned f = 0; ok && f <= URF_FIELDS; f++) {
		le16 le = le16_of(n_models);
		ok = turf_buf_put(out, &le, sizeof(le));
		unsigned n = f < URF_FIELDS ? models_of(first, shares, f) : 0;
		for (unsigned m = 0; ok && m < n; m++, n_models++) {
			const struct code_share *s = shares[first[f] + m];
			le = le16_of(n_entries);
			ok = turf_buf_put(&numbers, &le, sizeof(le));
			for (unsigned i = 0; ok && i < SYMBOLS; i++) {
				struct urf_model e = { (uint8_t)i, le16_of(s[i].start) };
				if (!s[i].size)
					continue;
				ok = turf_buf_put(&entries, &e, sizeof(e));
				n_entries++;
			}
		}
	}
	le16 le = le16_of(n_entries);
	ok = ok && (!numbers.n || turf_buf_put(out, numbers.at, numbers.n)) &&
	     turf_buf_put(out, &le, sizeof(le)) &&
	     (!entries.n || turf_buf_put(out, entries.at, entries.n));
	vec_fini(&numbers);
	vec_fini(&entries);
	return ok;
}

struct chunk {
	struct buf bytes;
};
struct coding {
	struct coded_part *parts;
	size_t n_parts;
	uint32_t first[URF_FIELDS + 1];
	code_counts *counts[COUNTERS];
	code_shares *shares;
	struct chunk *chunks; /* of all parts, one behind the other */
};

static int no_memory(struct turf_error *err)
{
	return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for variables");
}

/* Every COUNTERS-th of the groups that count. */
static int count_task(void *ctx, size_t idx, struct turf_error *err)
{
	struct coding *all = ctx;
	struct coder c = { .first = all->first };
	c.counts = all->counts[idx] =
		turf_zeroed(all->first[URF_FIELDS] * sizeof(*all->counts[idx]));
	if (!c.counts)
		return no_memory(err);
	for (size_t p = 0; p < all->n_parts; p++) {
		const struct coded_part *part = &all->parts[p];
		for (size_t i = idx * part->every; i < part->n; i += COUNTERS * part->every)
			part->code(part->ctx, i, &c);
	}
	return 0;
}

static int write_task(void *ctx, size_t idx, struct turf_error *err)
{
	struct coding *all = ctx;
	const struct coded_part *part = all->parts;
	struct coder c = { .first = all->first,
		           .shares = (const code_shares *)all->shares,
		           .out = &all->chunks[idx].bytes };
	for (; idx >= (part->n + CHUNK - 1) / CHUNK; part++)
		idx -= (part->n + CHUNK - 1) / CHUNK;
	for (size_t i = idx * CHUNK; i < MIN(part->n, (idx + 1) * CHUNK); i++) {
		part->offs[i] = (uint32_t)c.out->n;
		begin_group(&c);
		part->code(part->ctx, i, &c);
		end_group(&c);
	}
	return c.no_memory ? no_memory(err) : 0;
}

/* Of the first part, the bodies, some groups are counted, of the others all. */
static void make_models(struct coding *all)
{
	for (size_t i = 0; i < all->first[URF_FIELDS]; i++)
		for (unsigned t = 1; t < COUNTERS; t++)
			for (unsigned k = 0; k < SYMBOLS; k++)
				all->counts[0][i][k] += all->counts[t][i][k];
	size_t room = UINT16_MAX - URF_FIELDS * SYMBOLS; /* entries of contexts' models */
	for (unsigned f = 0; f < URF_FIELDS; f++)
		make_field(&all->counts[0][all->first[f]], &all->shares[all->first[f]],
		           code_contexts[f],
		           f <= URF_FIELD_FRAME_EXPR ? (uint32_t)all->parts[0].every : 1,
		           &room);
}

/* Puts the chunks of a part behind each other. */
static int join(const struct coded_part *part, const struct chunk *chunks)
{
	for (size_t i = 0; i < part->n; i += CHUNK) {
		const struct buf *bytes = &chunks[i / CHUNK].bytes;
		for (size_t k = i; k < MIN(part->n, i + CHUNK); k++)
			part->offs[k] += (uint32_t)part->out->n;
		if (bytes->n && !turf_buf_put(part->out, bytes->at, bytes->n))
			return -ENOMEM;
		if (part->out->n > UINT32_MAX)
			return -E2BIG;
	}
	return 0;
}

static int run(struct builder *b, struct coding *all, struct buf *models,
               struct turf_error *err)
{
	size_t n_chunks = 0;
	for (size_t i = 0; i < all->n_parts; i++) {
		struct coded_part *part = &all->parts[i];
		n_chunks += (part->n + CHUNK - 1) / CHUNK;
		part->offs = calloc(part->n + 1, sizeof(*part->offs));
		if (!part->offs)
			return -ENOMEM;
	}
	all->shares = turf_zeroed(all->first[URF_FIELDS] * sizeof(*all->shares));
	all->chunks = calloc(n_chunks + 1, sizeof(*all->chunks));
	if (!all->shares || !all->chunks)
		return -ENOMEM;
	int r = turf_pool_run(&b->pool, COUNTERS, count_task, all, err);
	if (r < 0)
		return r;
	make_models(all);
	if (!put_models(all->first, (const code_shares *)all->shares, models))
		return -ENOMEM;
	r = turf_pool_run(&b->pool, n_chunks, write_task, all, err);
	const struct chunk *chunks = all->chunks;
	for (size_t i = 0; r == 0 && i < all->n_parts; i++) {
		r = join(&all->parts[i], chunks);
		chunks += (all->parts[i].n + CHUNK - 1) / CHUNK;
	}
	for (size_t i = 0; i < n_chunks; i++)
		vec_fini(&all->chunks[i].bytes);
	return r;
}

int turf_code_parts(struct builder *b, struct coded_part *parts, size_t n, struct buf *models,
                    struct turf_error *err)
{
	struct coding all = { .parts = parts, .n_parts = n };
	size_t groups = 0;
	for (unsigned f = 0; f < URF_FIELDS; f++)
		all.first[f + 1] = all.first[f] + 1u + code_contexts[f];
	for (size_t i = 0; i < n; i++)
		groups += parts[i].n;
	int r = groups ? run(b, &all, models, err) : 0;
	for (unsigned i = 0; i < COUNTERS; i++)
		free(all.counts[i]);
	free(all.shares);
	free(all.chunks);
	return r;
}
