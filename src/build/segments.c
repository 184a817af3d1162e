/* SPDX-License-Identifier: MIT */
/*
 * All units' segments -> blocks of coded segments, and the ops that their bytes mean.
 *
 * Where units' runs overlap (two copies of one COMDAT function), the one that begins first
 * keeps its addresses; of those that begin at one address, the first unit's. What is left is
 * cut into chunks of some thousand segments, which are turned into ops in parallel; the ops
 * used most get numbers; then chunks become bytes in parallel. Chunks depend on the source
 * alone.
 */
#include "base/sort.h"
#include "build/build.h"
#include "build/ops.h"

/* A run of a unit's segments, cut down to what no run before it has. */
struct stretch {
	uint32_t start, end;
	uint32_t unit;
	uint32_t first, n; /* in the unit's segments */
};

enum { CHUNK_SEGMENTS = 16384, COUNTED_CHUNKS = 24 };
struct chunk {
	uint32_t first, n; /* stretches */
	uint32_t before;   /* where the stretch before the first one ends */
	struct steps steps;
	struct buf bytes;
};

struct segments {
	struct builder *b;
	UNIT_LIST(struct stretch) list;
	UNIT_LIST(struct chunk) chunks;
	struct ops ops;
	uint32_t end;
	uint32_t block_max;
};

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
	uint32_t block_max;              /* most of them */
	uint32_t unit;                   /* as the block's reader knows it */
	uint32_t root;                   /* index of a scope; NO_ROOT, NAMELESS */
	uint32_t scope;                  /* of the last segment */
	uint32_t range_start, range_end; /* of the root */
	uint32_t depth;                  /* entries above the root */
	uint32_t site[URF_DEPTH_MAX], line[URF_DEPTH_MAX], next[URF_DEPTH_MAX];
};
static const uint32_t NAMELESS = UINT32_MAX - 1, NO_ROOT = UINT32_MAX;

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

/* What stands before the first op of a block: the state there. */
static bool begin_block(struct coder *c, uint32_t start, const uint32_t *path, uint32_t depth)
{
	struct buf *raw = turf_steps_block(c->steps, start);
	c->n_block = 0;
	c->unit = 0;
	c->depth = 0;
	c->line[0] = c->next[0] = 0;
	c->start = start;
	if (!raw)
		return false;
	if (c->root == NO_ROOT || c->range_start == start)
		return turf_buf_uleb(raw, 0);
	c->unit = c->out->global;
	bool ok = turf_buf_uleb(raw, root_function(c)) && turf_buf_uleb(raw, c->unit) &&
	          turf_buf_uleb(raw, start - c->range_start) &&
	          turf_buf_uleb(raw, c->range_end - start) && turf_buf_sleb(raw, part_of(c)) &&
	          turf_buf_uleb(raw, depth);
	for (uint32_t i = 1; ok && i <= depth; i++) {
		ok = turf_buf_uleb(raw, path[i]);
		push(c, path[i]);
	}
	return ok;
}

static bool put_root(struct coder *c)
{
	struct buf *raw = turf_steps_raw(c->steps);
	bool ok = raw != NULL;
	if (ok && c->unit != c->out->global)
		ok = turf_buf_control(raw, URF_CONTROL_UNIT) &&
		     turf_buf_uleb(raw, c->out->global);
	c->unit = c->out->global;
	c->depth = 0;
	c->line[0] = c->next[0] = 0;
	int64_t part = part_of(c);
	if (ok)
		ok = turf_buf_control(raw, part ? URF_CONTROL_PART : URF_CONTROL_ROOT) &&
		     turf_buf_uleb(raw, root_function(c));
	return ok && part ? turf_buf_sleb(raw, part) : ok;
}

static bool put_gap(struct coder *c, uint32_t start)
{
	c->root = NO_ROOT;
	if (c->n_block == c->block_max || c->n_block == 0)
		if (!begin_block(c, start, NULL, 0))
			return false;
	struct buf *raw = turf_steps_raw(c->steps);
	bool ok = raw && turf_buf_control(raw, URF_CONTROL_GAP) &&
	          turf_buf_uleb(raw, start - c->start);
	c->start = start;
	c->n_block++;
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
	return turf_steps_move(c->steps, advance, difference);
}

static bool put_segment(struct coder *c, const struct unit_segment *s, uint32_t start,
                        bool new_root)
{
	uint32_t path[URF_DEPTH_MAX];
	uint32_t line = c->out->lines.at[s->line].number;
	bool new_block = c->n_block == c->block_max || c->n_block == 0;
	if (!new_root && !new_block && s->scope == c->scope)
		return put_line(c, start, line);
	uint32_t depth = path_of(c->out, s->scope, path);
	c->scope = s->scope;
	if (!new_root && depth == c->depth && line == c->line[depth] &&
	    !memcmp(path + 1, c->site + 1, depth * sizeof(*path)))
		return true; /* two calls at one place are one */
	if (new_block && !begin_block(c, start, path, depth))
		return false;
	if (new_root && !put_root(c))
		return false;
	return put_edits(c, start, path, depth, line);
}

/* Sets the root at segment @i of a stretch, and how far it goes. */
static void enter_root(struct coder *c, const struct stretch *st, uint32_t i, uint32_t start)
{
	const struct unit_segment *s = &c->out->segments.at[st->first];
	c->root = root_of(c->out, &s[i]);
	c->range_start = start;
	while (i + 1 < st->n && root_of(c->out, &s[i + 1]) == c->root)
		i++;
	c->range_end = s[i].end;
}

static bool code_stretch(struct coder *c, const struct builder *b, const struct stretch *st)
{
	c->out = &b->units[st->unit];
	c->root = NO_ROOT;
	const struct unit_segment *s = &c->out->segments.at[st->first];
	for (uint32_t i = 0; i < st->n; i++) {
		uint32_t start = MAX(s[i].start, st->start);
		if (start >= s[i].end)
			continue;
		bool new_root = root_of(c->out, &s[i]) != c->root;
		if (new_root)
			enter_root(c, st, i, start);
		if (!put_segment(c, &s[i], start, new_root))
			return false;
	}
	return true;
}

static int plan_chunk(void *ctx, size_t idx, struct turf_error *err)
{
	struct segments *s = ctx;
	struct chunk *chunk = &s->chunks.at[idx];
	struct coder c = { .steps = &chunk->steps, .block_max = s->block_max };
	uint32_t done = chunk->before;
	size_t most = chunk->n; /* a gap before each stretch */
	for (uint32_t i = 0; i < chunk->n; i++)
		most += s->list.at[chunk->first + i].n;
	bool ok = vec_reserve(&chunk->steps.list, most);
	for (uint32_t i = 0; ok && i < chunk->n; i++) {
		const struct stretch *st = &s->list.at[chunk->first + i];
		if (st->start > done)
			ok = put_gap(&c, done); /* nobody's addresses */
		ok = ok && code_stretch(&c, s->b, st);
		done = st->end;
	}
	return ok ? 0 : turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for segments");
}

static int code_chunk(void *ctx, size_t idx, struct turf_error *err)
{
	struct segments *s = ctx;
	struct chunk *chunk = &s->chunks.at[idx];
	bool ok = turf_steps_code(&chunk->steps, &s->ops, &chunk->bytes);
	return ok ? 0 : turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for segments");
}

static int put_block(struct tables *t, uint32_t start, size_t off)
{
	struct urf_block block = { le32_of(start), le32_of(off) };
	if (off > UINT32_MAX)
		return -E2BIG;
	if (t->of[URF_BLOCKS].n / sizeof(block) % URF_TOP == 0 &&
	    table_put(t, URF_TOPS, &block.start, sizeof(block.start)) < 0)
		return -ENOMEM;
	return table_put(t, URF_BLOCKS, &block, sizeof(block));
}

static int join_chunks(struct segments *s)
{
	struct tables *t = &s->b->tables;
	struct buf *out = &t->of[URF_SEGMENTS];
	int r = 0;
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
	return r < 0 ? r : turf_ops_emit(&s->ops, &t->of[URF_OPS]);
}

/*
 * Segments of a block. A look-up passes half of them, and pays most for those that change the
 * stack: where calls are inlined a lot, blocks are short; where not, they are worth their heads
 * only if they are long.
 */
static uint32_t block_length(const struct builder *b)
{
	enum { SHORT = 24, MANY = 8 };
	uint64_t segments = 0, sites = 0;
	for (size_t i = 0; i < b->dwarf.n_units; i++) {
		segments += b->units[i].segments.n;
		sites += b->units[i].sites.n;
	}
	return sites > segments / MANY ? SHORT : URF_BLOCK_MAX;
}

int turf_build_segments(struct builder *b, struct turf_error *err)
{
	struct segments s = { .b = b, .block_max = block_length(b) };
	int r = list_stretches(&s);
	if (r == 0)
		r = cut_chunks(&s);
	if (r == 0)
		r = turf_pool_run(b->threads, s.chunks.n, plan_chunk, &s, err);
	/* of many chunks some are enough to tell what ops are used most */
	size_t every = s.chunks.n / COUNTED_CHUNKS + 1;
	for (size_t i = 0; r == 0 && i < s.chunks.n; i += every)
		r = turf_ops_count(&s.ops, &s.chunks.at[i].steps);
	if (r == 0)
		r = turf_ops_choose(&s.ops, (uint32_t)every);
	if (r == 0)
		r = turf_pool_run(b->threads, s.chunks.n, code_chunk, &s, err);
	if (r == 0)
		r = join_chunks(&s);
	for (size_t i = 0; i < s.chunks.n; i++) {
		turf_steps_fini(&s.chunks.at[i].steps);
		vec_fini(&s.chunks.at[i].bytes);
	}
	turf_ops_fini(&s.ops);
	vec_fini(&s.chunks);
	vec_fini(&s.list);
	return r;
}
