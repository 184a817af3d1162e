/* SPDX-License-Identifier: MIT */
/*
 * From lines and functions back to addresses: an index says which blocks of segments to decode.
 *
 * Cost:   a record for each function of the file whose lines may be it; a block of at most
 *         URF_BLOCK_MAX segments for each that has code of it
 * Trust:  none. Lists end inside .urf.places; what they name is decoded as if it had been found
 *         by address.
 * Source: docs/format.md, "Places"
 */
#include "image/names.h"

/* The list at index entry @idx. */
static int list_at(const struct turf_image *image, size_t idx, struct place_list *l)
{
	if (!image->place_index.n)
		return -ENODATA;
	if (idx >= image->place_index.n)
		return -EBADMSG;
	uint32_t off = le32_get(image->place_index.at[idx]);
	if (off >= image->places.size)
		return -EBADMSG;
	l->at = image->places.at + off;
	l->end = image->places.at + image->places.size;
	l->n = take_uleb(&l->at);
	return 1;
}

int turf_places_file(const struct turf_image *image, uint32_t file, struct place_list *l)
{
	return file < image->files.n ? list_at(image, file, l) : -EBADMSG;
}

int turf_places_blocks(const struct turf_image *image, uint32_t function, struct place_list *l)
{
	int r = list_at(image, (size_t)image->files.n + function / URF_PLACE_STEP, l);
	for (uint32_t skip = function % URF_PLACE_STEP; r == 1 && skip; skip--) {
		uint32_t block;
		int next;
		while ((next = place_next(l, &block)) == 1)
			;
		if (next < 0 || l->at >= l->end)
			return -EBADMSG;
		l->n = take_uleb(&l->at);
	}
	return r;
}

/* The functions on a stack from the root up, as far as they are known already. */
struct chain {
	uint32_t n; /* entries known */
	uint32_t site[URF_DEPTH_MAX];
	uint32_t function[URF_DEPTH_MAX];
};

/* The function at entry @depth - 1 of the stack, or -EBADMSG. */
static int64_t chain_function(const struct turf_image *image, const struct walk *walk,
                              struct chain *c, uint32_t depth)
{
	if (!c->n || c->function[0] != walk->function)
		c->n = 0;
	uint32_t same = MIN(c->n, depth);
	for (uint32_t i = 1; i < same; i++)
		if (c->site[i] != walk->stack[i].site)
			same = i;
	c->n = MAX(same, 1u);
	c->function[0] = walk->function;
	for (; c->n < depth; c->n++) {
		struct function f;
		struct place place;
		uint32_t site = walk->stack[c->n].site;
		int64_t off = turf_function_off(image, c->function[c->n - 1]);
		if (off < 0 || turf_function_read(image, (uint64_t)off, &f) < 0 ||
		    turf_function_sites(&f) < 0 ||
		    turf_function_site(&f, site, &place, &c->function[c->n]) < 0)
			return -EBADMSG;
		c->site[c->n] = site;
	}
	return c->function[depth - 1];
}

/* What is looked for: lines [first, end) of a function's table. */
struct wanted {
	const struct turf_image *image;
	uint32_t function, first, end;
	struct turf_place place; /* but for addresses, column and depth */
	const struct function *record;
	int (*emit)(void *ctx, const struct turf_place *place);
	void *ctx;
	bool told;
};

/* The segment over which @walk stands, up to @end. */
static int match(struct wanted *w, const struct walk *walk, struct chain *c, uint32_t end)
{
	struct place place;
	if (!walk->depth)
		return 0;
	uint32_t line = walk->stack[walk->depth - 1].line;
	if (line - w->first >= w->end - w->first)
		return 0;
	int64_t function = chain_function(w->image, walk, c, walk->depth);
	if (function != w->function)
		return function < 0 ? -EBADMSG : 0;
	if (turf_function_line(w->record, line, &place) < 0)
		return -EBADMSG;
	w->place.column = place.column;
	w->place.depth = walk->depth - 1;
	w->place.addr = w->image->base + walk->start;
	w->place.end = w->image->base + end;
	w->told = true;
	return w->emit(w->ctx, &w->place);
}

/* Calls @each for every segment of block @idx: 0, what it answered, or -EBADMSG. */
static int each_segment(const struct turf_image *image, size_t idx,
                        int (*each)(void *ctx, const struct walk *walk, struct chain *c,
                                    uint32_t end),
                        void *ctx)
{
	struct walk walk;
	struct chain chain;
	chain.n = 0;
	if (turf_walk_begin(image, idx, &walk) < 0)
		return -EBADMSG;
	uint32_t start = walk.start, behind = le32_get(image->blocks.at[idx + 1].start);
	for (;;) {
		uint32_t next;
		if (turf_walk_to(image, &walk, start) < 0)
			return -EBADMSG;
		int r = turf_walk_peek(image, &walk, &next);
		uint32_t end = r == 1 ? next : behind;
		if (r < 0 || end <= start)
			return -EBADMSG;
		int answer = each(ctx, &walk, &chain, end);
		if (answer != 0 || r == 0)
			return answer;
		start = next;
	}
}

static int match_segment(void *ctx, const struct walk *walk, struct chain *c, uint32_t end)
{
	return match(ctx, walk, c, end);
}

static int each_block(const struct turf_image *image, uint32_t function,
                      int (*each)(void *ctx, const struct walk *walk, struct chain *c,
                                  uint32_t end),
                      void *ctx)
{
	struct place_list blocks;
	uint32_t more;
	int r = turf_places_blocks(image, function, &blocks);
	if (r < 0)
		return r;
	for (uint64_t block = 0; (r = place_next(&blocks, &more)) == 1; block++) {
		block += more; /* they ascend: each is read once, if that */
		r = block < image->blocks.n ? each_segment(image, block, each, ctx) : -EBADMSG;
		if (r != 0)
			return r;
	}
	return r;
}

/* File @idx of the function's record. */
static uint32_t record_file(const struct function *f, uint64_t idx)
{
	const uint8_t *at = f->files;
	for (; at && idx; idx--)
		(void)take_uleb(&at);
	return at ? take_uleb(&at) : f->file;
}

/* First of the lines whose key is @key or higher. */
static uint32_t lower_bound(const struct function *f, uint64_t key)
{
	uint32_t lo = 0, hi = f->n_lines;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (keys_get(&f->lines, mid) < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/*
 * The lowest line of @file in @f that is @line or higher: 1, 0 there is none; where it stands,
 * [*first, *end).
 */
static int find_line(const struct function *f, uint32_t file, uint32_t line, uint32_t *found,
                     uint32_t *first, uint32_t *end)
{
	for (uint64_t i = 0; f->n_lines && i < f->n_files; i++) {
		if (record_file(f, i) != file)
			continue;
		uint64_t offset = line > f->lowest ? line - f->lowest : 0;
		offset += f->has_zero;
		if (offset >= f->span)
			return 0;
		uint64_t begin = i * f->span;
		*first = lower_bound(f, begin + offset);
		if (*first == f->n_lines)
			return 0;
		uint64_t key = keys_get(&f->lines, *first);
		if (key >= begin + f->span) /* of the next file */
			return 0;
		*found = f->lowest + (uint32_t)(key - begin) - f->has_zero;
		*end = lower_bound(f, key + 1);
		return 1;
	}
	return 0;
}

static int read_function(const struct turf_image *image, uint32_t number, struct function *f)
{
	int64_t off = turf_function_off(image, number);
	return off < 0 ? -EBADMSG : turf_function_read(image, (uint64_t)off, f);
}

/* Calls @each for the functions of @file whose lines may include one in [@low, @high]. */
static int each_function(const struct turf_image *image, uint32_t file, uint32_t low,
                         const uint32_t *high,
                         int (*each)(void *ctx, uint32_t number, const struct function *f),
                         void *ctx)
{
	struct place_list l;
	int r = turf_places_file(image, file, &l);
	if (r < 0)
		return r;
	uint32_t lowest = 0, number = 0;
	while (l.n) {
		uint32_t n = MIN(l.n, (uint32_t)URF_PLACE_GROUP);
		lowest += take_uleb(&l.at); /* URF_BEHIND bytes are there in any case */
		uint32_t highest = lowest + take_uleb(&l.at);
		if (lowest > *high)
			return 0;
		for (; n; n--) {
			struct function f;
			if (l.at >= l.end)
				return -EBADMSG;
			number += take_sleb(&l.at);
			l.n--;
			if (highest < low)
				continue;
			r = read_function(image, number, &f);
			if (r == 0)
				r = each(ctx, number, &f);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

struct search {
	struct wanted w;
	uint32_t file, line, best;
};

static int better(void *ctx, uint32_t number, const struct function *f)
{
	(void)number;
	struct search *s = ctx;
	uint32_t found, first, end;
	if (find_line(f, s->file, s->line, &found, &first, &end))
		s->best = MIN(s->best, found);
	return 0;
}

static int tell(void *ctx, uint32_t number, const struct function *f)
{
	struct search *s = ctx;
	uint32_t found;
	if (!find_line(f, s->file, s->best, &found, &s->w.first, &s->w.end) || found != s->best)
		return 0;
	s->w.function = s->w.place.function = number;
	s->w.record = f;
	return each_block(s->w.image, number, match_segment, &s->w);
}

int turf_image_places(const struct turf_image *image, uint32_t file, uint32_t line,
                      int (*emit)(void *ctx, const struct turf_place *place), void *ctx)
{
	struct search s = {
		.w = { .image = image, .emit = emit, .ctx = ctx },
		.file = file,
		.line = MAX(line, 1u),
		.best = UINT32_MAX,
	};
	if (!image->place_index.n)
		return -ENODATA;
	if (file == 0 || file >= image->files.n)
		return 0;
	int r = each_function(image, file, s.line, &s.best, better, &s);
	if (r != 0 || s.best == UINT32_MAX)
		return r;
	s.w.place.file = file;
	s.w.place.line = s.best;
	r = each_function(image, file, s.best, &s.best, tell, &s);
	return r ? r : s.w.told;
}

/* Code of one function, run by run. */
struct code {
	const struct turf_image *image;
	uint32_t function;
	struct turf_code run;
	bool open, told;
	int (*emit)(void *ctx, const struct turf_code *code);
	void *ctx;
};

static int close_run(struct code *c)
{
	if (!c->open)
		return 0;
	c->open = false;
	c->told = true;
	return c->emit(c->ctx, &c->run);
}

static int add_segment(void *ctx, const struct walk *walk, struct chain *chain, uint32_t end)
{
	struct code *c = ctx;
	bool here = false;
	for (uint32_t depth = 1; !here && depth <= walk->depth; depth++) {
		int64_t function = chain_function(c->image, walk, chain, depth);
		if (function < 0)
			return -EBADMSG;
		here = function == c->function;
	}
	if (!here)
		return close_run(c);
	struct turf_code now = {
		.start = c->image->base + walk->start,
		.end = c->image->base + end,
		.entry = c->image->base + walk->entry,
		.inlined = walk->function != c->function,
	};
	if (c->open && c->run.end == now.start && c->run.entry == now.entry &&
	    c->run.inlined == now.inlined) {
		c->run.end = now.end;
		return 0;
	}
	int r = close_run(c);
	c->run = now;
	c->open = true;
	return r;
}

int turf_image_code(const struct turf_image *image, uint32_t function,
                    int (*emit)(void *ctx, const struct turf_code *code), void *ctx)
{
	struct code c = { .image = image, .function = function, .emit = emit, .ctx = ctx };
	if (!image->place_index.n)
		return -ENODATA;
	if (function == 0 || function >= image->n_functions)
		return 0;
	int r = each_block(image, function, add_segment, &c);
	if (r == 0)
		r = close_run(&c);
	return r ? r : c.told;
}
