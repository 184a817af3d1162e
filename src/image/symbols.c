/* SPDX-License-Identifier: MIT */
/*
 * ELF symbols: groups found by address, decoded up to the one wanted.
 *
 * Cost:   one binary search; a group decoded, another one for each step back
 * Trust:  none; a symbol ends inside .urf.symbol.data, a step back leads to a lower number
 * Source: docs/format.md, "Symbols"
 */
#include <elf.h>

#include "image/image.h"

int turf_image_symbol_read(const struct turf_image *image, const uint8_t **at, bool first,
                           struct symbol *s)
{
	const uint8_t *end = image->symbol_data.at + image->symbol_data.size;
	if (*at >= end)
		return -EBADMSG;
	unsigned bits = *(*at)++;
	s->type = bits & URF_SYMBOL_TYPE;
	s->alias = bits & URF_SYMBOL_ALIAS;
	if (s->alias && first)
		return -EBADMSG;
	if (!s->alias) {
		s->start += take_uleb(at);
		s->size = take_uleb(at);
	}
	s->bind = (uint8_t)((bits & URF_SYMBOL_BIND) >> URF_SYMBOL_BIND_SHIFT);
	if ((bits & URF_SYMBOL_BIND) == URF_SYMBOL_BIND)
		s->bind = *(*at)++;
	s->back = bits & URF_SYMBOL_BACK ? take_uleb(at) : 0;
	s->text = take_uleb(at);
	return *at <= end ? 0 : -EBADMSG;
}

/* A walk over symbols in their order. */
struct symbols {
	const uint8_t *at;
	size_t next; /* number of the symbol to read */
	struct symbol s;
};

/* The next symbol: 1, 0 there is none, -EBADMSG. */
static int next_symbol(const struct turf_image *image, struct symbols *walk)
{
	if (walk->next >= image->n_symbols)
		return 0;
	bool first = walk->next % URF_SYMBOL_STEP == 0;
	if (first) {
		const struct urf_symbols *group =
			&image->groups.at[walk->next / URF_SYMBOL_STEP];
		uint32_t off = le32_get(group->off);
		if (off >= image->symbol_data.size)
			return -EBADMSG;
		walk->at = image->symbol_data.at + off;
		walk->s.start = le32_get(group->start);
	}
	walk->next++;
	return turf_image_symbol_read(image, &walk->at, first, &walk->s) < 0 ? -EBADMSG : 1;
}

/*
 * The first of those that begin where the last one at or before @rva does, of its group: 1, 0,
 * -EBADMSG.
 */
static int last_before(const struct turf_image *image, uint32_t rva, struct symbol *s,
                       size_t *idx)
{
	size_t group =
		upper_bound(image->groups.at, sizeof(struct urf_symbols), image->groups.n, rva);
	if (group == 0)
		return 0;
	struct symbols walk = { .next = (group - 1) * URF_SYMBOL_STEP };
	for (unsigned i = 0; i < URF_SYMBOL_STEP; i++) {
		int r = next_symbol(image, &walk);
		if (r == 1 && walk.s.start <= rva) {
			if (i && walk.s.start == s->start)
				continue; /* the best comes first */
			*idx = walk.next - 1;
			*s = walk.s;
			continue;
		}
		return r < 0 || i == 0 ? -EBADMSG : 1;
	}
	return 1;
}

int turf_image_symbol_at(const struct turf_image *image, size_t idx, struct symbol *out)
{
	if (idx >= image->n_symbols)
		return 0;
	struct symbols walk = { .next = idx - idx % URF_SYMBOL_STEP };
	int r;
	do
		r = next_symbol(image, &walk);
	while (r == 1 && walk.next <= idx);
	if (r == 1)
		*out = walk.s;
	return r;
}

/* Where the best of those at the start of *@s is in an earlier group: that one. */
static int best_of_start(const struct turf_image *image, struct symbol *s, size_t *idx)
{
	while (*idx && *idx % URF_SYMBOL_STEP == 0) {
		size_t group = *idx / URF_SYMBOL_STEP - 1;
		struct symbols walk = { .next = group * URF_SYMBOL_STEP };
		struct symbol best = *s;
		size_t found = *idx;
		while (walk.next < *idx) {
			if (next_symbol(image, &walk) != 1)
				return -EBADMSG;
			if (walk.s.start == s->start && found == *idx) {
				found = walk.next - 1;
				best = walk.s;
			}
		}
		if (found == *idx)
			break;
		*idx = found;
		*s = best;
	}
	return 1;
}

int turf_image_symbol_over(const struct turf_image *image, uint32_t rva, struct symbol *out)
{
	struct symbol s;
	size_t idx = 0;
	int r = last_before(image, rva, &s, &idx);
	if (r == 1)
		r = best_of_start(image, &s, &idx);
	while (r == 1) {
		if (rva >= s.start && rva - s.start < s.size) {
			*out = s;
			return 1;
		}
		if (s.back == 0 || s.back > idx)
			return 0;
		idx -= s.back;
		r = turf_image_symbol_at(image, idx, &s);
	}
	return r;
}

static int symbol_of(const struct turf_image *image, int r, const struct symbol *s,
                     struct turf_symbol *out)
{
	if (r != 1)
		return r;
	if (!s->text || s->text >= image->n_texts) /* no symbol is nameless */
		return -EBADMSG;
	*out = (struct turf_symbol){
		.addr = image->base + s->start,
		.size = s->size,
		.name = s->text,
		.type = s->type,
		.bind = s->bind,
	};
	return 1;
}

int turf_image_symbol(const struct turf_image *image, size_t idx, struct turf_symbol *out)
{
	struct symbol s;
	return symbol_of(image, turf_image_symbol_at(image, idx, &s), &s, out);
}

int turf_image_find_symbol(const struct turf_image *image, uint64_t addr,
                           struct turf_symbol *out)
{
	uint32_t rva;
	struct symbol s;
	if (!rva_of(image, addr, &rva))
		return 0;
	return symbol_of(image, turf_image_symbol_over(image, rva, &s), &s, out);
}

int turf_image_symbol_frame(const struct turf_image *image, uint32_t rva, struct turf_frame *f)
{
	struct symbol s;
	int r = turf_image_symbol_over(image, rva, &s);
	f->function = 0;
	f->has_start = r == 1;
	if (r == 1) {
		f->name = s.text;
		f->function_start = image->base + s.start;
	}
	return r;
}
