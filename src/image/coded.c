/* SPDX-License-Identifier: MIT */
/* Symbols of coded sections. See coded.h. */
#include "image/coded.h"

/* The byte at the reader, 0 behind the end. */
static uint32_t take_byte(struct turf_coded *c)
{
	if (c->at < c->end)
		return *c->at++;
	c->bad |= ++c->behind > CODE_BEHIND;
	return 0;
}

static void fill(struct turf_coded *c)
{
	while (c->range < (uint32_t)1 << 24) {
		c->code = c->code << 8 | take_byte(c);
		c->range <<= 8;
	}
}

void turf_coded_begin(const struct turf_image *image, struct span bytes, struct turf_coded *c)
{
	struct span models = image->sections[URF_MODELS];
	*c = (struct turf_coded){ .at = bytes.at, .end = bytes.at };
	if (bytes.size)
		c->end += bytes.size;
	c->models = models.at;
	c->models_size = (uint32_t)MIN(models.size, (size_t)UINT32_MAX);
	c->range = UINT32_MAX;
	for (unsigned i = 0; i < 4; i++)
		c->code = c->code << 8 | take_byte(c);
}

uint32_t turf_coded_bits(struct turf_coded *c, unsigned n)
{
	if (c->bad)
		return 0;
	c->range >>= n;
	uint32_t value = c->code / c->range;
	c->bad = value >> n;
	if (c->bad)
		return 0;
	c->code -= value * c->range;
	fill(c);
	return value;
}

/* The entries of a model. */
struct model {
	const struct urf_model *at;
	uint32_t n;
};

/* The model of a context, or of the field where @context is 0; n: 0: there is none. */
static struct model model_of(const struct turf_coded *c, unsigned field, unsigned context)
{
	const le16 *fields = (const le16 *)c->models;
	size_t n = c->models_size / sizeof(le16);
	struct model none = { NULL, 0 };
	if (n <= URF_FIELDS)
		return none;
	uint32_t number = le16_get(fields[field]) + context;
	uint32_t n_models = le16_get(fields[URF_FIELDS]);
	if (number >= le16_get(fields[field + 1]) || number >= n_models ||
	    n <= URF_FIELDS + 1 + n_models)
		return none;
	const le16 *first = fields + URF_FIELDS + 1;
	const struct urf_model *all = (const struct urf_model *)(first + n_models + 1);
	size_t n_all = (size_t)(c->models + c->models_size - (const uint8_t *)all) /
	               sizeof(struct urf_model);
	uint32_t begin = le16_get(first[number]), end = le16_get(first[number + 1]);
	if (begin >= end || end > n_all)
		return none;
	return (struct model){ all + begin, end - begin };
}

static uint32_t symbol_of(struct turf_coded *c, struct model m)
{
	if (c->bad)
		return 0;
	c->range >>= URF_CODE_BITS;
	uint32_t value = c->code / c->range, lo = 0, hi = m.n;
	while (hi - lo > 1) {
		uint32_t mid = (lo + hi) / 2;
		bool below = le16_get(m.at[mid].start) <= value;
		lo = below ? mid : lo;
		hi = below ? hi : mid;
	}
	uint32_t start = le16_get(m.at[lo].start);
	uint32_t end = hi < m.n ? le16_get(m.at[hi].start) : (uint32_t)1 << URF_CODE_BITS;
	c->bad = value < start || value >= end;
	if (c->bad)
		return 0;
	c->code -= start * c->range;
	c->range *= end - start;
	fill(c);
	return m.at[lo].symbol;
}

uint32_t turf_coded_symbol(struct turf_coded *c, unsigned field, unsigned context)
{
	struct model m = model_of(c, field, context + 1);
	uint32_t symbol = m.n ? symbol_of(c, m) : URF_CODE_ESCAPE;
	if (symbol != URF_CODE_ESCAPE)
		return symbol;
	m = model_of(c, field, 0);
	if (m.n)
		symbol = symbol_of(c, m);
	return symbol != URF_CODE_ESCAPE ? symbol : turf_coded_bits(c, 8);
}
