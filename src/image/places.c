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

/* Where the lists of index entry @idx begin: 1, -ENODATA, -EBADMSG. */
static int lists_at(const struct turf_image *image, size_t idx, const uint8_t **at)
{
	if (!image->place_index.n)
		return -ENODATA;
	if (idx >= image->place_index.n)
		return -EBADMSG;
	uint32_t off = le32_get(image->place_index.at[idx]);
	*at = image->places.at + off;
	return off < image->places.size ? 1 : -EBADMSG;
}

int turf_places_file(const struct turf_image *image, uint32_t file, struct place_list *l)
{
	l->end = image->places.at + image->places.size;
	int r = file < image->files.n ? lists_at(image, file, &l->at) : -EBADMSG;
	l->n = r == 1 ? take_uleb(&l->at) : 0;
	l->function = l->lowest = l->highest = 0;
	return r;
}

/* Begins with the list at l->at; @last is the first block of the function before. */
static void begin_blocks(struct block_list *l, uint32_t last)
{
	uint32_t head = take_uleb(&l->at);
	l->bad = l->more = false;
	l->left = 0;
	l->block = last;
	if (!head--)
		return;
	uint32_t folded = head >> 2;
	block_run(l, head, (uint32_t)(last + (folded >> 1 ^ -(folded & 1))));
}

int turf_places_blocks(const struct turf_image *image, uint32_t function, struct block_list *l)
{
	l->end = image->places.at + image->places.size;
	int r = lists_at(image, (size_t)image->files.n + function / URF_PLACE_STEP, &l->at);
	uint32_t last = 0;
	for (uint32_t i = 0; r == 1; i++) {
		if (l->at >= l->end)
			return -EBADMSG;
		begin_blocks(l, last);
		if (i == function % URF_PLACE_STEP)
			return l->bad ? -EBADMSG : 1;
		last = (uint32_t)l->block;
		while (l->more) { /* passed run by run */
			if (l->at >= l->end)
				return -EBADMSG;
			block_run(l, take_uleb(&l->at), 0);
		}
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
		if (turf_function_read(image, c->function[c->n - 1], &f) < 0 ||
		    turf_function_sites(&f) < 0 ||
		    turf_function_site(&f, site, &place, &c->function[c->n]) < 0)
			return -EBADMSG;
		c->site[c->n] = site;
	}
	return c->function[depth - 1];
}

/* A walk over the segments of a function's blocks. */
struct scan {
	const struct turf_image *image;
	struct walk walk;
	struct chain chain;
	size_t block;
	struct lines lines; /* of the segments that are wanted */
	int (*each)(struct scan *s);
};

/* Where the segment ends: 0 or -EBADMSG. */
static int scan_end(const struct scan *s, uint32_t *end)
{
	int r = turf_walk_peek(s->image, &s->walk, end);
	if (r == 0)
		*end = le32_get(s->image->blocks.at[s->block + 1].start);
	return r < 0 || *end <= s->walk.start ? -EBADMSG : 0;
}

/* All wanted segments of the block: 0, what s->each answered, or -EBADMSG. */
static int scan_block(struct scan *s)
{
	if (turf_walk_begin(s->image, s->block, &s->walk) < 0)
		return -EBADMSG;
	const struct walk *walk = &s->walk;
	uint32_t line = walk->depth ? walk->stack[walk->depth - 1].line : 0;
	int r = lines_have(&s->lines, line) ? 1 : turf_walk_line(s->image, &s->walk, s->lines);
	for (; r == 1; r = turf_walk_line(s->image, &s->walk, s->lines)) {
		r = s->each(s);
		if (r != 0)
			break;
	}
	return r;
}

/* The first blocks of a list are read soon: misses that come together take the time of one. */
static void expect_blocks(const struct turf_image *image, struct block_list ahead)
{
	size_t block[4], n = 0;
	while (n < COUNT(block) && block_next(&ahead, &block[n]) == 1 &&
	       block[n] < image->blocks.n)
		__builtin_prefetch(&image->blocks.at[block[n++]]);
	for (size_t i = 0; i < n; i++) {
		uint32_t off = le32_get(image->blocks.at[block[i]].off);
		if (off < image->segments.size)
			image_prefetch(image->segments.at + off);
	}
}

static int scan_function(struct scan *s, uint32_t function)
{
	struct block_list blocks;
	int r = turf_places_blocks(s->image, function, &blocks);
	if (r < 0)
		return r;
	expect_blocks(s->image, blocks);
	while ((r = block_next(&blocks, &s->block)) == 1) { /* they ascend: each once */
		if (s->block >= s->image->blocks.n)
			return -EBADMSG;
		r = scan_block(s);
		if (r != 0)
			return r;
	}
	return r;
}

/* What is looked for: the scan's lines of a function's table. */
struct wanted {
	struct scan scan;
	uint32_t function;
	struct turf_place place; /* but for addresses, column and depth */
	const struct function *record;
	int (*emit)(void *ctx, const struct turf_place *place);
	void *ctx;
	bool told;
};

static int match(struct scan *s)
{
	struct wanted *w = (struct wanted *)s;
	const struct walk *walk = &s->walk;
	struct place place;
	uint32_t end;
	if (!walk->depth)
		return 0;
	uint32_t line = walk->stack[walk->depth - 1].line;
	int64_t function = walk->depth == 1
	                           ? walk->function
	                           : chain_function(s->image, walk, &s->chain, walk->depth);
	if (function != w->function)
		return function < 0 ? -EBADMSG : 0;
	if (turf_function_line(w->record, line, &place) < 0 || scan_end(s, &end) < 0)
		return -EBADMSG;
	w->place.column = place.column;
	w->place.depth = walk->depth - 1;
	w->place.addr = s->image->base + walk->start;
	w->place.end = s->image->base + end;
	w->told = true;
	return w->emit(w->ctx, &w->place);
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

/* A search for a line: the best one so far, and who has it. */
struct search {
	const struct turf_image *image;
	uint32_t file, line, best;
	int (*each)(struct search *s, uint32_t number);
	struct wanted *wanted;
	uint32_t n; /* functions that have the best line; the first of them are kept */
	uint32_t having[16];
};

/* Calls s->each for the functions of the file whose lines may include one of [line, best]. */
static int each_function(struct search *s)
{
	struct place_list l;
	uint32_t before = 0; /* a function that ends before the next one begins */
	int r = turf_places_file(s->image, s->file, &l);
	if (r < 0)
		return r;
	for (;;) {
		int next = place_next(&l);
		if (next < 0)
			return next;
		if (before && (next == 0 || l.lowest > s->line) &&
		    (r = s->each(s, before)) != 0)
			return r;
		if (next == 0 || l.lowest > s->best)
			return 0;
		before = l.highest == UINT32_MAX ? l.function : 0;
		if (!before && l.highest >= s->line && (r = s->each(s, l.function)) != 0)
			return r;
	}
}

static int better(struct search *s, uint32_t number)
{
	struct function f;
	uint32_t found, first, end;
	size_t idx = (size_t)s->image->files.n + number / URF_PLACE_STEP;
	if (idx < s->image->place_index.n)
		__builtin_prefetch(&s->image->place_index.at[idx]);
	if (turf_function_read(s->image, number, &f) < 0)
		return -EBADMSG;
	if (!find_line(&f, s->file, s->line, &found, &first, &end) || found > s->best)
		return 0;
	if (found < s->best)
		s->n = 0;
	s->best = found;
	if (s->n < COUNT(s->having))
		s->having[s->n] = number;
	s->n++;
	return 0;
}

static int tell(struct search *s, uint32_t number)
{
	struct function f;
	uint32_t found, first, end;
	struct wanted *w = s->wanted;
	if (turf_function_read(s->image, number, &f) < 0)
		return -EBADMSG;
	if (!find_line(&f, s->file, s->best, &found, &first, &end) || found != s->best)
		return 0;
	w->scan.lines = (struct lines){ first, end - first - 1 };
	w->function = w->place.function = number;
	w->record = &f;
	return scan_function(&w->scan, number);
}

static int tell_all(struct search *s)
{
	int r = 0;
	if (s->n <= COUNT(s->having)) {
		for (uint32_t i = 0; r == 0 && i < s->n; i++)
			r = tell(s, s->having[i]);
		return r;
	}
	s->line = s->best;
	s->each = tell;
	return each_function(s);
}

int turf_image_places(const struct turf_image *image, uint32_t file, uint32_t line,
                      int (*emit)(void *ctx, const struct turf_place *place), void *ctx)
{
	struct search s;
	struct wanted w;
	if (!image->place_index.n)
		return -ENODATA;
	if (file == 0 || file >= image->files.n)
		return 0;
	s.image = image;
	s.file = file;
	s.line = MAX(line, 1u);
	s.best = UINT32_MAX;
	s.each = better;
	s.n = 0;
	int r = each_function(&s);
	if (r != 0 || !s.n)
		return r;
	w.scan.image = image;
	w.scan.each = match;
	w.scan.chain.n = 0;
	w.place.file = file;
	w.place.line = s.best;
	w.emit = emit;
	w.ctx = ctx;
	w.told = false;
	s.wanted = &w;
	r = tell_all(&s);
	return r ? r : w.told;
}

/* Code of one function, run by run. */
struct code {
	struct scan scan;
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

static int add_segment(struct scan *s)
{
	struct code *c = (struct code *)s;
	const struct walk *walk = &s->walk;
	bool here = walk->depth && walk->function == c->function;
	for (uint32_t depth = 2; !here && depth <= walk->depth; depth++) {
		int64_t function = chain_function(s->image, walk, &s->chain, depth);
		if (function < 0)
			return -EBADMSG;
		here = function == c->function;
	}
	if (!here)
		return close_run(c);
	uint32_t end;
	if (scan_end(s, &end) < 0)
		return -EBADMSG;
	struct turf_code now = {
		.start = s->image->base + walk->start,
		.end = s->image->base + end,
		.entry = s->image->base + walk->entry,
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
	struct code c;
	if (!image->place_index.n)
		return -ENODATA;
	if (function == 0 || function >= image->n_functions)
		return 0;
	c.scan.image = image;
	c.scan.each = add_segment;
	c.scan.lines = (struct lines){ 0, UINT32_MAX };
	c.scan.chain.n = 0;
	c.function = function;
	c.open = c.told = false;
	c.emit = emit;
	c.ctx = ctx;
	int r = scan_function(&c.scan, function);
	if (r == 0)
		r = close_run(&c);
	return r ? r : c.told;
}
