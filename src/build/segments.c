/* SPDX-License-Identifier: MIT */
/*
 * All units' segments -> blocks of coded segments, and the ops that their bytes mean.
 *
 * Where units' runs overlap (two copies of one COMDAT function), the one that begins first
 * keeps its addresses; of those that begin at one address, the first unit's. What is left is
 * cut into chunks of some thousand segments. Some chunks, of a small source all, are turned
 * into ops in parallel; those used most get numbers; then all chunks become bytes in parallel.
 * Chunks depend on the source alone.
 */
#include "base/sort.h"
#include "build/build.h"
#include "build/ops.h"

enum { CHUNK_SEGMENTS = 16384, COUNTED_CHUNKS = 24 };
struct chunk {
	uint32_t first, n;  /* stretches */
	uint32_t before;    /* where the stretch before the first one ends */
	bool planned;       /* its ops are counted, and kept here */
	struct steps steps; /* of others the blocks alone */
	struct buf bytes;
};

/* What a thread needs for one chunk after the other. */
struct worker {
	struct worker *next;
	struct ops ops;     /* counted */
	struct steps steps; /* of a chunk that is planned and coded at once */
};

struct segments {
	struct builder *b;
	UNIT_LIST(struct stretch) list;
	UNIT_LIST(struct chunk) chunks;
	size_t every; /* of how many chunks one is counted */
	struct ops ops;
	uint32_t end;
	uint32_t block_max, point_every;
	pthread_mutex_t lock;
	struct worker *idle; /* under the lock */
};

static struct worker *take_worker(struct segments *s)
{
	pthread_mutex_lock(&s->lock);
	struct worker *w = s->idle;
	if (w)
		s->idle = w->next;
	pthread_mutex_unlock(&s->lock);
	return w ? w : calloc(1, sizeof(*w));
}

static void give_worker(struct segments *s, struct worker *w)
{
	pthread_mutex_lock(&s->lock);
	w->next = s->idle;
	s->idle = w;
	pthread_mutex_unlock(&s->lock);
}

static int list_stretches(struct segments *s)
{
	size_t n = 0;
	for (size_t u = 0; u < s->b->dwarf.n_units; u++)
		n += s->b->units[u].runs.n;
	UNIT_LIST(struct sort_pair) keys = { 0 };
	if (n > UINT32_MAX || !vec_reserve(&keys, 2 * n) || !vec_reserve(&s->list, n)) {
		vec_fini(&keys);
		return -ENOMEM;
	}
	for (size_t u = 0; u < s->b->dwarf.n_units; u++) {
		const struct unit_out *out = &s->b->units[u];
		for (size_t i = 0; i < out->runs.n; i++)
			keys.at[keys.n++] = (struct sort_pair){
				out->segments.at[out->runs.at[i].first].start,
				(uint64_t)u << 32 | i
			};
	}
	if (n)
		sort_pairs(keys.at, keys.at + n, n);
	uint32_t done = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t unit = (uint32_t)(keys.at[i].value >> 32);
		const struct unit_out *out = &s->b->units[unit];
		const struct unit_run *run = &out->runs.at[(uint32_t)keys.at[i].value];
		uint32_t start = MAX((uint32_t)keys.at[i].key, done);
		uint32_t end = out->segments.at[run->first + run->n - 1].end;
		if (start >= end)
			continue;
		s->list.at[s->list.n++] =
			(struct stretch){ start, end, unit, run->first, run->n };
		done = end;
	}
	vec_fini(&keys);
	s->end = done;
	return 0;
}

static int cut_chunks(struct segments *s)
{
	struct chunk *c = NULL;
	uint64_t left = 0;
	for (size_t i = 0; i < s->list.n; i++) {
		if (left == 0) {
			c = vec_push(&s->chunks);
			if (!c)
				return -ENOMEM;
			c->first = (uint32_t)i;
			c->before = i ? s->list.at[i - 1].end : s->list.at[0].start;
			left = CHUNK_SEGMENTS;
		}
		c->n++;
		left -= MIN(left, s->list.at[i].n);
	}
	return 0;
}

/* The stack at a segment, while a chunk is coded. */
struct coder {
	struct steps *steps;
	const struct unit_out *out;
	uint32_t start;                  /* of the last segment */
	uint32_t n_block;                /* segments in the block; 0: none yet */
	uint32_t n_point;                /* of these, since its start or the last point */
	uint32_t block_max, point_every; /* most of them */
	uint32_t unit;                   /* whose code it is; NO_UNIT: not known */
	uint32_t block_start;
	uint32_t first, last; /* functions of roots: at the block's start; the last */
	bool same_root;       /* as at the block's start */
	uint32_t root;        /* index of a scope; NO_ROOT, NAMELESS */
	uint32_t scope;       /* of the last segment */
	uint32_t range_start, range_end; /* of the root */
	uint32_t depth;                  /* entries above the root */
	uint32_t site[URF_DEPTH_MAX], line[URF_DEPTH_MAX], next[URF_DEPTH_MAX];
};
static const uint32_t NAMELESS = UINT32_MAX - 1, NO_ROOT = UINT32_MAX, NO_UNIT = UINT32_MAX;

static uint32_t root_of(const struct unit_out *out, const struct unit_segment *s)
{
	return s->scope ? out->scopes.at[s->scope - 1].root : NAMELESS;
}

/* The sites above the root, outermost first: how many. */
static uint32_t path_of(const struct unit_out *out, uint32_t scope,
                        uint32_t path[URF_DEPTH_MAX])
{
	if (!scope)
		return 0;
	const struct unit_scope *s = &out->scopes.at[scope - 1];
	uint32_t depth = s->depth;
	for (uint32_t i = depth; i-- > 0; s = &out->scopes.at[s->parent - 1])
		path[i + 1] = out->sites.at[s->site].number;
	return depth;
}

static void push(struct coder *c, uint32_t site)
{
	c->next[c->depth] = site + 1;
	c->depth++;
	c->site[c->depth] = site;
	c->line[c->depth] = c->next[c->depth] = 0;
}

static uint32_t root_function(const struct coder *c)
{
	const struct unit_out *out = c->out;
	uint32_t local =
		c->root == NAMELESS ? out->nameless - 1 : out->scopes.at[c->root].function;
	return out->functions.at[local].global;
}

/* The root's entry counts from where its range starts; of lines without a function there. */
static int64_t part_of(const struct coder *c)
{
	if (c->root == NAMELESS)
		return 0;
	return (int32_t)(c->range_start - c->out->scopes.at[c->root].site);
}

/* A segment whose state is told whole: where the range is, what is inlined, the line. */
static bool put_range(const struct coder *c, struct buf *raw, uint32_t start)
{
	int64_t part = part_of(c);
	return turf_buf_uleb(raw, (uint64_t)(start - c->range_start) * 2 + (part != 0)) &&
	       (!part || turf_buf_sleb(raw, part)) && turf_buf_uleb(raw, c->range_end - start);
}

static bool put_stack(struct coder *c, struct buf *raw, const uint32_t *path, uint32_t depth,
                      uint32_t line)
{
	c->depth = 0;
	c->line[0] = c->next[0] = 0;
	for (uint32_t i = 1; i <= depth; i++) {
		if (!turf_buf_uleb(raw, path[i]))
			return false;
		push(c, path[i]);
	}
	c->line[depth] = line;
	return turf_buf_uleb(raw, line) && turf_steps_done(c->steps);
}

/* The block begins; NULL: no memory. */
static struct buf *begin_block(struct coder *c, uint32_t start)
{
	c->n_block = c->n_point = 1;
	c->depth = 0;
	c->line[0] = c->next[0] = 0;
	c->start = c->block_start = start;
	c->same_root = c->root != NO_ROOT;
	c->first = c->last = c->same_root ? root_function(c) : 0;
	return turf_steps_block(c->steps, start);
}

static bool put_first(struct coder *c, uint32_t start, const uint32_t *path, uint32_t depth,
                      uint32_t line)
{
	struct buf *raw = begin_block(c, start);
	return raw && turf_buf_uleb(raw, (uint64_t)c->first * 2 + (depth != 0)) &&
	       put_range(c, raw, start) && (!depth || turf_buf_uleb(raw, depth)) &&
	       put_stack(c, raw, path, depth, line);
}

static uint32_t fold(uint32_t difference)
{
	return difference << 1 ^ -(difference >> 31);
}

static bool put_point(struct coder *c, uint32_t start, const uint32_t *path, uint32_t depth,
                      uint32_t line)
{
	struct buf *raw = turf_steps_point(c->steps, start - c->block_start);
	bool ok = raw && turf_buf_control(raw, URF_CONTROL_POINT) &&
	          turf_buf_uleb(raw, start - c->start);
	c->start = start;
	c->n_block++;
	c->n_point = 1;
	if (c->same_root)
		ok = ok && turf_buf_uleb(raw, (uint64_t)depth * 2 + 1);
	else {
		c->last = root_function(c);
		uint64_t what = (uint64_t)fold(c->last - c->first) * 2 + (depth != 0);
		ok = ok && turf_buf_uleb(raw, what * 2) && put_range(c, raw, start) &&
		     (!depth || turf_buf_uleb(raw, depth));
	}
	return ok && put_stack(c, raw, path, depth, line);
}

static bool put_root(struct coder *c)
{
	struct buf *raw = turf_steps_raw(c->steps);
	uint32_t function = root_function(c);
	int32_t difference = (int32_t)(function - c->last);
	c->depth = 0;
	c->line[0] = c->next[0] = 0;
	c->last = function;
	int64_t part = part_of(c);
	return turf_buf_control(raw, part ? URF_CONTROL_PART : URF_CONTROL_ROOT) &&
	       turf_buf_sleb(raw, difference) && (!part || turf_buf_sleb(raw, part));
}

static bool put_gap(struct coder *c, uint32_t start)
{
	c->root = NO_ROOT;
	if (c->n_block == c->block_max || c->n_block == 0) {
		struct buf *first = begin_block(c, start);
		return first && turf_buf_uleb(first, 0) && turf_steps_done(c->steps);
	}
	struct buf *raw = turf_steps_raw(c->steps);
	bool ok =
		turf_buf_control(raw, URF_CONTROL_GAP) && turf_buf_uleb(raw, start - c->start);
	c->start = start;
	c->same_root = false;
	c->depth = 0;
	c->n_block++;
	c->n_point++;
	return ok && turf_steps_done(c->steps);
}

/* Pops and pushes that lead to @path, then the segment. */
static bool put_edits(struct coder *c, uint32_t start, const uint32_t *path, uint32_t depth,
                      uint32_t line)
{
	uint32_t common = 0;
	while (common < depth && common < c->depth && path[common + 1] == c->site[common + 1])
		common++;
	struct edit e; /* all of it that counts is set below */
	e.pop = c->depth - common;
	e.push = depth - common;
	e.advance = start - c->start;
	c->depth = common;
	for (uint32_t i = common + 1; i <= depth; i++) {
		e.site[i - common - 1] = (int32_t)(path[i] - c->next[c->depth]);
		push(c, path[i]);
	}
	e.line = (int32_t)(line - c->line[c->depth]);
	c->line[c->depth] = line;
	c->start = start;
	c->n_block++;
	c->n_point++;
	return turf_steps_edit(c->steps, &e);
}

/* The segment of the same scope as the one before. */
static bool put_line(struct coder *c, uint32_t start, uint32_t line)
{
	if (line == c->line[c->depth])
		return true; /* the same place: the segment goes on */
	uint32_t advance = start - c->start;
	int32_t difference = (int32_t)(line - c->line[c->depth]);
	c->line[c->depth] = line;
	c->start = start;
	c->n_block++;
	c->n_point++;
	return turf_steps_move(c->steps, advance, difference);
}

static bool put_segment(struct coder *c, const struct unit_segment *s, uint32_t start,
                        bool new_root)
{
	uint32_t path[URF_DEPTH_MAX];
	uint32_t line = c->out->lines.at[s->line].number;
	bool new_block = c->n_block == c->block_max || c->n_block == 0;
	bool new_point = c->n_point >= c->point_every;
	if (!new_root && !new_block && !new_point && s->scope == c->scope)
		return put_line(c, start, line);
	uint32_t depth = path_of(c->out, s->scope, path);
	c->scope = s->scope;
	if (!new_root && depth == c->depth && line == c->line[depth] &&
	    !memcmp(path + 1, c->site + 1, depth * sizeof(*path)))
		return true; /* two calls at one place are one */
	if (new_block)
		return put_first(c, start, path, depth, line);
	if (new_point)
		return put_point(c, start, path, depth, line);
	if (new_root && !put_root(c))
		return false;
	return put_edits(c, start, path, depth, line);
}

/* Asks memory for what a segment of that scope and line needs. */
static inline void fetch_scope(const struct unit_out *out, uint32_t scope)
{
	if (scope)
		__builtin_prefetch(&out->scopes.at[scope - 1]);
}
static inline void fetch_line(const struct unit_out *out, uint32_t line)
{
	__builtin_prefetch(&out->lines.at[line].number);
}

/* Sets the root at segment @i of a stretch, and how far it goes. Others have written most of
 * what the segments up to there say: it is asked for on the way. */
static void enter_root(struct coder *c, const struct stretch *st, uint32_t i, uint32_t root,
                       uint32_t start)
{
	enum { AHEAD = 12 };
	const struct unit_out *out = c->out;
	const struct unit_segment *s = &out->segments.at[st->first];
	c->root = root;
	c->range_start = start;
	if (root != NAMELESS)
		__builtin_prefetch(&out->functions.at[out->scopes.at[root].function].global);
	fetch_line(out, s[i].line);
	for (; i + 1 < st->n; i++) {
		uint32_t scope = s[i + 1].scope;
		if (i + AHEAD < st->n)
			fetch_scope(out, s[i + AHEAD].scope);
		if (scope != s[i].scope) {
			if (root_of(out, &s[i + 1]) != root)
				break;
			if (scope && out->scopes.at[scope - 1].parent)
				__builtin_prefetch(
					&out->sites.at[out->scopes.at[scope - 1].site].number);
		}
		fetch_line(out, s[i + 1].line);
	}
	c->range_end = s[i].end;
}

/* Notes where code of another unit begins. */
static bool enter_unit(struct coder *c, uint32_t start)
{
	c->same_root = false;
	if (c->unit == c->out->global)
		return true;
	c->unit = c->out->global;
	struct unit_start *u = vec_push(&c->steps->units);
	if (u)
		*u = (struct unit_start){ start, c->unit };
	return u != NULL;
}

static bool code_stretch(struct coder *c, const struct builder *b, const struct stretch *st)
{
	c->out = &b->units[st->unit];
	c->root = NO_ROOT;
	const struct unit_segment *s = &c->out->segments.at[st->first];
	uint32_t scope = UINT32_MAX; /* of the segment before: none */
	for (uint32_t i = 0; i < st->n; i++) {
		uint32_t start = MAX(s[i].start, st->start);
		if (start >= s[i].end)
			continue;
		bool new_root = false;
		if (s[i].scope != scope) {
			uint32_t root = root_of(c->out, &s[i]);
			new_root = root != c->root;
			if (new_root) {
				enter_root(c, st, i, root, start);
				if (!enter_unit(c, start))
					return false;
			}
			scope = s[i].scope;
		}
		if (!put_segment(c, &s[i], start, new_root))
			return false;
	}
	return true;
}

/* Asks memory for stretches to come: they lie all over the units. */
static void fetch_stretches(const struct segments *s, size_t idx)
{
	enum { UNIT = 6, SEGMENT = 4, SCOPE = 2 };
	const struct stretch *st = &s->list.at[idx];
	if (idx + UNIT >= s->list.n)
		return;
	const struct unit_out *unit = &s->b->units[st[UNIT].unit];
	__builtin_prefetch(&unit->scopes);
	__builtin_prefetch(&unit->segments);
	unit = &s->b->units[st[SEGMENT].unit];
	__builtin_prefetch(&unit->segments.at[st[SEGMENT].first]);
	unit = &s->b->units[st[SCOPE].unit];
	fetch_scope(unit, unit->segments.at[st[SCOPE].first].scope);
}

static bool plan_chunk(const struct segments *s, const struct chunk *chunk, struct steps *steps)
{
	struct coder c = { .steps = steps,
		           .block_max = s->block_max,
		           .point_every = s->point_every,
		           .unit = NO_UNIT };
	uint32_t done = chunk->before;
	size_t most = chunk->n; /* a gap before each stretch */
	for (uint32_t i = 0; i < chunk->n; i++)
		most += s->list.at[chunk->first + i].n;
	bool ok = vec_reserve(&steps->list, most);
	for (uint32_t i = 0; ok && i < chunk->n; i++) {
		const struct stretch *st = &s->list.at[chunk->first + i];
		fetch_stretches(s, chunk->first + i);
		if (st->start > done)
			ok = put_gap(&c, done); /* nobody's addresses */
		ok = ok && code_stretch(&c, s->b, st);
		done = st->end;
	}
	return ok;
}

int turf_segments_count(struct segments *s, size_t idx, struct turf_error *err)
{
	struct chunk *chunk = &s->chunks.at[idx * s->every];
	struct worker *w = take_worker(s);
	bool ok = w && plan_chunk(s, chunk, &chunk->steps) &&
	          turf_ops_count(&w->ops, &chunk->steps) == 0;
	chunk->planned = true;
	if (w)
		give_worker(s, w);
	return ok ? 0 : turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for segments");
}

int turf_segments_code(struct segments *s, size_t idx, struct turf_error *err)
{
	struct chunk *chunk = &s->chunks.at[idx];
	struct worker *w = chunk->planned ? NULL : take_worker(s);
	bool ok;
	if (chunk->planned) {
		ok = turf_steps_code(&chunk->steps, &s->ops, &chunk->bytes);
	} else {
		ok = w && plan_chunk(s, chunk, &w->steps) &&
		     turf_steps_code(&w->steps, &s->ops, &chunk->bytes);
	}
	if (w) {
		turf_steps_leave(&w->steps, &chunk->steps);
		give_worker(s, w);
	}
	return ok ? 0 : turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for segments");
}

int turf_segments_choose(struct segments *s)
{
	int r = 0;
	if (s->idle) { /* one thread's counts are the first ones */
		s->ops = s->idle->ops;
		s->idle->ops = (struct ops){ 0 };
	}
	for (struct worker *w = s->idle; r == 0 && w; w = w->next)
		r = turf_ops_add(&s->ops, &w->ops);
	return r < 0 ? r : turf_ops_choose(&s->ops, (uint32_t)s->every);
}

static int put_block(struct tables *t, uint32_t start, size_t off)
{
	struct urf_block block = { le32_of(start), le32_of(off) };
	if (off > UINT32_MAX)
		return -E2BIG;
	return table_put(t, URF_BLOCKS, &block, sizeof(block));
}

/* The levels of the tops, the lowest one first. */
static int put_tops(struct tables *t)
{
	size_t n = t->of[URF_BLOCKS].n / sizeof(struct urf_block), step = 1;
	int r = 0;
	for (; n > URF_TOP; n = (n + URF_TOP - 1) / URF_TOP) {
		step *= URF_TOP;
		const struct urf_block *blocks = (const void *)t->of[URF_BLOCKS].at;
		for (size_t i = 0; r == 0 && i < t->of[URF_BLOCKS].n / sizeof(*blocks);
		     i += step)
			r = table_put(t, URF_TOPS, &blocks[i].start, sizeof(blocks[i].start));
	}
	return r;
}

/* Where units' code begins, of all chunks: each begins with one. */
static int join_units(struct segments *s)
{
	UNIT_LIST(struct unit_start) all = { 0 };
	int r = 0;
	for (size_t i = 0; r == 0 && i < s->chunks.n; i++) {
		const struct steps *steps = &s->chunks.at[i].steps;
		for (size_t k = 0; r == 0 && k < steps->units.n; k++) {
			if (all.n && all.at[all.n - 1].unit == steps->units.at[k].unit)
				continue;
			struct unit_start *u = vec_push(&all);
			if (u)
				*u = steps->units.at[k];
			r = u ? 0 : -ENOMEM;
		}
	}
	if (r == 0 && all.n)
		r = turf_emit_unit_starts(s->b, all.at, all.n);
	vec_fini(&all);
	return r;
}

int turf_segments_join(struct segments *s)
{
	struct tables *t = &s->b->tables;
	struct buf *out = &t->of[URF_SEGMENTS];
	size_t size = 0;
	for (size_t i = 0; i < s->chunks.n; i++)
		size += s->chunks.at[i].bytes.n;
	int r = vec_reserve(out, size) ? join_units(s) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < s->chunks.n; i++) {
		struct chunk *c = &s->chunks.at[i];
		for (size_t k = 0; r == 0 && k < c->steps.blocks.n; k++)
			r = put_block(t, c->steps.blocks.at[k].start,
			              out->n + c->steps.blocks.at[k].off);
		if (r == 0 && !turf_buf_put(out, c->bytes.at, c->bytes.n))
			r = -ENOMEM;
		vec_fini(&c->bytes);
	}
	/* an empty block ends the last one */
	if (r == 0 && s->chunks.n)
		r = put_block(t, s->end, out->n);
	if (r == 0)
		r = put_tops(t);
	return r < 0 ? r : turf_ops_emit(&s->ops, &t->of[URF_OPS]);
}

/*
 * Segments of a block, and up to a point in it. A look-up passes half of those to the next
 * point, and pays most for those that change the stack: where calls are inlined a lot, points
 * are near each other.
 */
static void set_lengths(struct segments *s)
{
	enum { MANY = 8, SHORT = 48, NEAR = 10 };
	uint64_t segments = 0, sites = 0;
	for (size_t i = 0; i < s->b->dwarf.n_units; i++) {
		segments += s->b->units[i].segments.n;
		sites += s->b->units[i].sites.n;
	}
	bool many = sites > segments / MANY;
	s->block_max = many ? SHORT : URF_BLOCK_MAX;
	s->point_every = many ? NEAR : URF_BLOCK_MAX;
}

int turf_segments_begin(struct builder *b, struct segments **ret)
{
	struct segments *s = *ret = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->b = b;
	set_lengths(s);
	pthread_mutex_init(&s->lock, NULL);
	int r = list_stretches(s);
	if (r == 0)
		r = cut_chunks(s);
	s->every = s->chunks.n / COUNTED_CHUNKS + 1;
	return r;
}

size_t turf_segments_counted(const struct segments *s)
{
	return (s->chunks.n + s->every - 1) / s->every;
}

size_t turf_segments_chunks(const struct segments *s)
{
	return s->chunks.n;
}

int turf_segments_calls(const struct segments *s)
{
	return turf_emit_calls(s->b, s->list.at, s->list.n);
}

void turf_segments_free(struct segments *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->chunks.n; i++) {
		turf_steps_fini(&s->chunks.at[i].steps);
		vec_fini(&s->chunks.at[i].bytes);
	}
	for (struct worker *w = s->idle, *next; w; w = next) {
		next = w->next;
		turf_ops_fini(&w->ops);
		turf_steps_fini(&w->steps);
		free(w);
	}
	turf_ops_fini(&s->ops);
	vec_fini(&s->chunks);
	vec_fini(&s->list);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
