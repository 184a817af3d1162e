/* SPDX-License-Identifier: MIT */
/*
 * From an address to its block, and through the block's ops to the stack over it.
 *
 * Cost:   two cache lines of each level of the tops, two of blocks; one table load for each
 *         segment passed, edits of the stack only where an inlined function begins or ends
 * Trust:  none. A block's bytes end inside .urf.segments; an op or a control that begins inside
 *         reads at most URF_BEHIND bytes beyond. Each passes at least one byte: a walk ends.
 * Source: docs/format.md, "Segments"
 */
#include "image/image.h"

/* How many of @n ascending entries, @size bytes each and an le32 first, are <= @rva. */
static inline size_t count_some(const uint8_t *at, size_t size, size_t n, uint32_t rva)
{
	size_t found = 0;
	for (size_t i = 0; i < n; i++)
		found += le32_get(*(const le32 *)(at + i * size)) <= rva;
	return found;
}

/* The same of a level: of those that entry @slot of the level above stands for. */
static inline size_t count_level(const void *level, size_t size, size_t n, size_t *slot,
                                 uint32_t rva)
{
	size_t first = *slot * URF_TOP;
	if (first >= n)
		return 0;
	const uint8_t *at = (const uint8_t *)level + first * size;
	/* all but the last have as many: without a branch for each */
	size_t found = n - first >= URF_TOP ? count_some(at, size, URF_TOP, rva)
	                                    : count_some(at, size, n - first, rva);
	*slot = first + found - 1;
	return found;
}

size_t turf_image_block(const struct turf_image *image, uint32_t rva)
{
	size_t slot = 0;
	for (unsigned i = image->n_levels; i-- > 0;)
		if (!count_level(image->tops.at + image->levels[i].off, sizeof(le32),
		                 image->levels[i].n, &slot, rva))
			return SIZE_MAX;
	if (!count_level(image->blocks.at, sizeof(struct urf_block), image->blocks.n, &slot,
	                 rva))
		return SIZE_MAX;
	/* the last entry is no block: it ends the one before */
	return slot == image->blocks.n - 1 ? SIZE_MAX : slot;
}

/* The entry on top; where there is none, one whose line is nobody's. */
static inline struct entry *top_of(struct walk *walk)
{
	return &walk->stack[walk->depth - (walk->depth != 0)];
}

static int push(struct walk *walk, uint32_t difference)
{
	if (walk->depth == 0 || walk->depth == URF_DEPTH_MAX)
		return -EBADMSG;
	struct entry *below = top_of(walk);
	uint32_t site = below->next + difference;
	below->next = site + 1;
	below[1] = (struct entry){ .site = site };
	walk->depth++;
	return 0;
}

/* The root stays. */
static int pop(struct walk *walk, uint32_t n)
{
	if (n >= walk->depth)
		return -EBADMSG;
	walk->depth -= n;
	return 0;
}

static void set_root(struct walk *walk, uint32_t function, uint32_t range, uint32_t entry)
{
	walk->function = function;
	walk->depth = function != 0;
	walk->stack[0] = (struct entry){ 0 };
	walk->range = range;
	walk->range_end = 0;
	walk->entry = entry;
}

/* The range that a segment at walk->start is in, of the root @function. */
static void read_root(struct walk *walk, const uint8_t **at, uint32_t function)
{
	uint32_t back = take_any_uleb(at), range = walk->start - back / 2;
	set_root(walk, function, range, back % 2 ? range - take_sleb(at) : range);
	walk->range_end = walk->start + take_any_uleb(at);
	walk->last = function;
}

/* @n entries above the root, and the line: 0 or -EBADMSG. */
static int read_stack(struct walk *walk, const uint8_t **at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (*at >= walk->end || push(walk, take_uleb(at)) < 0)
			return -EBADMSG;
	top_of(walk)->line = take_any_uleb(at);
	return *at <= walk->end ? 0 : -EBADMSG;
}

static inline uint32_t unfold(uint32_t folded)
{
	return folded >> 1 ^ -(folded & 1);
}

/* What stands behind a point's control and bytes; the segment begins at walk->start. */
static int read_point(struct walk *walk, const uint8_t **at)
{
	uint32_t what = take_any_uleb(at), n = what >> 1;
	if (what % 2) {
		walk->depth = walk->function != 0;
		walk->stack[0] = (struct entry){ 0 };
	} else {
		read_root(walk, at, walk->first + unfold(what >> 2));
		n = n % 2 ? take_uleb(at) : 0;
	}
	return walk->depth ? read_stack(walk, at, n) : -EBADMSG;
}

/* How many of @n ascending points are at most @behind. */
static inline unsigned points_up_to(const struct urf_point *points, unsigned n, uint32_t behind)
{
	unsigned found = 0;
	for (unsigned i = 0; i < n; i++)
		found += le16_get(points[i].start) <= behind;
	return found;
}

/* At a block's first segment, or at its last point that is at most @behind its start. */
static int begin_at(const struct turf_image *image, size_t block, uint32_t behind,
                    struct walk *walk)
{
	if (image->blocks.n == 0 || block >= image->blocks.n - 1)
		return -EBADMSG;
	const struct urf_block *b = &image->blocks.at[block];
	uint32_t off = le32_get(b[0].off), end = le32_get(b[1].off);
	if (off >= end || end > image->segments.size)
		return -EBADMSG;
	const uint8_t *at = image->segments.at + off;
	image_prefetch(at);
	walk->end = image->segments.at + end;
	walk->start = le32_get(b[0].start);
	unsigned n = *at++;
	const struct urf_point *points = (const struct urf_point *)at;
	if (n * sizeof(*points) >= (size_t)(walk->end - at))
		return -EBADMSG;
	const uint8_t *ops = at += n * sizeof(*points);
	uint32_t what = take_any_uleb(&at);
	set_root(walk, 0, 0, 0);
	walk->last = 0;
	if (what)
		read_root(walk, &at, what / 2);
	walk->first = walk->last;
	image_prefetch_function(image, walk->function); /* as likely as not the one asked for */
	n = points_up_to(points, n, MIN(behind, URF_POINT_NONE - 1u));
	if (n) {
		at = ops + points[n - 1].off;
		if (at >= walk->end || *at++ != URF_CONTROL_POINT)
			return -EBADMSG;
		(void)take_uleb(&at);
		walk->start += le16_get(points[n - 1].start);
		if (read_point(walk, &at) < 0)
			return -EBADMSG;
	} else if (what && read_stack(walk, &at, what % 2 ? take_uleb(&at) : 0) < 0) {
		return -EBADMSG;
	}
	walk->at = at;
	return at <= walk->end ? 0 : -EBADMSG;
}

int turf_walk_begin(const struct turf_image *image, size_t block, struct walk *walk)
{
	return begin_at(image, block, 0, walk);
}

int turf_walk_at(const struct turf_image *image, size_t block, uint32_t rva, struct walk *walk)
{
	if (block >= image->blocks.n)
		return -EBADMSG;
	int r = begin_at(image, block, rva - le32_get(image->blocks.at[block].start), walk);
	return r < 0 ? r : turf_walk_to(image, walk, rva);
}

/* Number of the op whose first byte was @byte, its second, where it has one, at *@at. */
static inline unsigned op_number(unsigned byte, const uint8_t **at)
{
	return byte < URF_OP_FAR ? byte : URF_OP_FAR + (byte - URF_OP_FAR) * 256 + *(*at)++;
}

/* Passes what stands behind a point's control and bytes. */
static void pass_point(const uint8_t **at, const uint8_t *end)
{
	uint32_t what = take_any_uleb(at), n = what >> 1;
	if (what % 2 == 0) {
		if (take_any_uleb(at) % 2)
			(void)take_any_uleb(at);
		(void)take_any_uleb(at);
		n = n % 2 ? take_uleb(at) : 0;
	}
	for (; n && *at < end; n--)
		(void)take_uleb(at);
	(void)take_any_uleb(at);
}

int turf_ops_next(const struct turf_image *image, const uint8_t **at, const uint8_t *end,
                  uint32_t *start)
{
	while (*at < end) {
		unsigned byte = *(*at)++;
		if (byte < URF_OP_CONTROL) {
			unsigned number = op_number(byte, at);
			if (number >= image->ops.n)
				return -EBADMSG;
			const struct urf_op *op = &image->ops.at[number];
			if (op->site == URF_SITE_FAR)
				(void)take_uleb(at);
			*start += op->advance;
			return 1;
		}
		if (byte > URF_CONTROL_PUSH)
			return -EBADMSG;
		uint32_t operand = take_any_uleb(at);
		if (byte == URF_CONTROL_EMIT || byte == URF_CONTROL_PART)
			(void)take_any_uleb(at);
		if (byte == URF_CONTROL_POINT)
			pass_point(at, end);
		if (byte <= URF_CONTROL_POINT) {
			*start += operand;
			return 1;
		}
	}
	return 0;
}

int turf_walk_peek(const struct turf_image *image, const struct walk *walk, uint32_t *start)
{
	const uint8_t *at = walk->at;
	*start = walk->start;
	return turf_ops_next(image, &at, walk->end, start);
}

/* A control that edits; the segment it edits begins at @start. */
static int edit(struct walk *walk, unsigned control, uint32_t start)
{
	switch (control) {
	case URF_CONTROL_PUSH:
		return push(walk, take_sleb(&walk->at));
	case URF_CONTROL_POP:
		return pop(walk, take_uleb(&walk->at));
	case URF_CONTROL_ROOT:
		walk->last += take_sleb(&walk->at);
		set_root(walk, walk->last, start, start);
		return 0;
	case URF_CONTROL_PART:
		walk->last += take_sleb(&walk->at);
		set_root(walk, walk->last, start, start - take_sleb(&walk->at));
		return 0;
	default:
		return -EBADMSG;
	}
}

/*
 * The controls at walk->at, up to a segment or to an op that makes one: 1 passed, 0 the segment
 * begins behind @rva, so that nothing is done, -EBADMSG.
 */
static __attribute__((noinline)) int take_controls(const struct turf_image *image,
                                                   struct walk *walk, uint32_t rva)
{
	uint32_t start = 0;
	int r = turf_walk_peek(image, walk, &start);
	if (r <= 0) /* edits that no segment follows are damage */
		return -EBADMSG;
	if (start > rva)
		return 0;
	unsigned control;
	while ((control = *walk->at) > URF_CONTROL_POINT) {
		walk->at++;
		if (edit(walk, control, start) < 0)
			return -EBADMSG;
	}
	if (control < URF_OP_CONTROL || control == URF_CONTROL_POINT)
		return 1;
	walk->at++;
	walk->start += take_uleb(&walk->at);
	if (control == URF_CONTROL_EMIT)
		top_of(walk)->line += take_sleb(&walk->at);
	else
		set_root(walk, 0, start, start);
	return 1;
}

/* Steps 1 and 2 of @op, whose operand, if it has one, is at *@at. */
static inline int take_edits(struct walk *walk, struct urf_op op, const uint8_t **at)
{
	uint32_t pops = op.pop_push & 15, pushes = op.pop_push >> 4;
	uint32_t difference = (uint32_t)op.site;
	if (op.site == URF_SITE_FAR)
		difference = take_sleb(at);
	uint32_t depth = walk->depth - pops;
	if (pops >= walk->depth || depth + pushes > URF_DEPTH_MAX)
		return -EBADMSG;
	/* no branch tells a pop from a push, which come as they please */
	struct entry *top = &walk->stack[depth - 1];
	uint32_t site = top->next + difference;
	top->next = pushes ? site + 1 : top->next;
	top[1] = (struct entry){ .site = site };
	for (uint32_t i = 1; i < pushes; i++) {
		top[i].next = 1;
		top[i + 1] = (struct entry){ 0 };
	}
	walk->depth = depth + pushes;
	return 0;
}

/*
 * Pushes by controls, the most frequent ones, are done before it is known whether their segment
 * begins behind the address: what they change is little.
 */
struct pushed {
	const uint8_t *at; /* the first of them; NULL: none */
	uint32_t depth;
	struct entry top;
};

static inline int try_push(struct walk *walk, struct pushed *pushed, const uint8_t *at,
                           const uint8_t **next)
{
	if (!pushed->at)
		*pushed = (struct pushed){ at, walk->depth, *top_of(walk) };
	return push(walk, take_sleb(next));
}

/* Where the walk goes on. */
static inline const uint8_t *take_back(struct walk *walk, struct pushed *pushed)
{
	const uint8_t *at = pushed->at;
	walk->depth = pushed->depth;
	*top_of(walk) = pushed->top;
	pushed->at = NULL;
	return at;
}

/*
 * Goes on to the last segment that begins at or before @rva, or to the first one behind here
 * that has a line of @lines, if these are given: 1, where there is none 0, -EBADMSG.
 */
static inline __attribute__((always_inline)) int go_on(const struct turf_image *image,
                                                       struct walk *walk, uint32_t rva,
                                                       const struct lines *lines)
{
	const uint8_t *at = walk->at;
	const struct urf_op *ops = image->ops.at;
	size_t n_ops = image->ops.n;
	uint32_t start = walk->start, line = top_of(walk)->line;
	struct pushed pushed = { 0 };
	bool found = false;
	while (at < walk->end) {
		const uint8_t *next = at + 1;
		unsigned number = *at;
		if (number == URF_CONTROL_EMIT) {
			uint32_t bytes = take_any_uleb(&next);
			if (start + bytes > rva)
				break;
			start += bytes;
			line += take_sleb(&next);
			at = next, pushed.at = NULL;
			found = lines && lines_have(lines, line);
			if (found)
				break;
			continue;
		}
		if (number == URF_CONTROL_PUSH) {
			top_of(walk)->line = line;
			if (try_push(walk, &pushed, at, &next) < 0)
				return -EBADMSG;
			at = next, line = 0;
			continue;
		}
		if (number == URF_CONTROL_POINT) {
			uint32_t bytes = take_any_uleb(&next);
			if (start + bytes > rva)
				break;
			walk->start = start += bytes;
			if (read_point(walk, &next) < 0)
				return -EBADMSG;
			line = top_of(walk)->line;
			at = next, pushed.at = NULL;
			found = lines && lines_have(lines, line);
			if (found)
				break;
			continue;
		}
		if (number >= URF_OP_CONTROL) {
			top_of(walk)->line = line;
			walk->at = pushed.at ? take_back(walk, &pushed) : at;
			walk->start = start;
			int r = take_controls(image, walk, rva);
			if (r < 0)
				return r;
			bool passed = walk->start != start;
			at = walk->at, start = walk->start, line = top_of(walk)->line;
			found = lines && passed && lines_have(lines, line);
			if (r == 0 || found)
				break;
			continue;
		}
		number = op_number(number, &next);
		if (number >= n_ops)
			return -EBADMSG;
		struct urf_op op = ops[number];
		if (start + op.advance > rva)
			break;
		if (op.pop_push) {
			top_of(walk)->line = line;
			if (take_edits(walk, op, &next) < 0)
				return -EBADMSG;
			line = top_of(walk)->line;
		}
		start += op.advance;
		line += (uint32_t)op.line;
		at = next, pushed.at = NULL;
		found = lines && lines_have(lines, line);
		if (found)
			break;
	}
	top_of(walk)->line = line;
	if (at > walk->end || (pushed.at && at == walk->end)) /* no segment follows */
		return -EBADMSG;
	walk->at = pushed.at ? take_back(walk, &pushed) : at;
	walk->start = start;
	return found;
}

int turf_walk_to(const struct turf_image *image, struct walk *walk, uint32_t rva)
{
	return go_on(image, walk, rva, NULL);
}

int turf_walk_line(const struct turf_image *image, struct walk *walk, struct lines lines)
{
	uint32_t start = walk->start;
	int r = go_on(image, walk, UINT32_MAX, &lines);
	return r == 1 && walk->start <= start ? -EBADMSG : r;
}

int turf_walk_next(const struct turf_image *image, struct walk *walk)
{
	uint32_t next;
	int r = turf_walk_peek(image, walk, &next);
	if (r != 1)
		return r;
	return next <= walk->start || turf_walk_to(image, walk, next) < 0 ? -EBADMSG : 1;
}

/* Where the range goes on in the @block-th block, if it does. */
static int range_end_there(const struct turf_image *image, size_t block, uint32_t range,
                           uint32_t function, uint32_t *end)
{
	struct walk there;
	*end = le32_get(image->blocks.at[block].start);
	if (block + 1 >= image->blocks.n)
		return 0;
	if (turf_walk_begin(image, block, &there) < 0)
		return -EBADMSG;
	if (there.function == function && there.range == range && there.range_end > *end)
		*end = there.range_end;
	return 0;
}

int turf_walk_range_end(const struct turf_image *image, size_t block, const struct walk *walk,
                        uint32_t *end)
{
	if (walk->range_end) {
		*end = walk->range_end;
		return 0;
	}
	struct walk on = *walk;
	int r;
	while ((r = turf_walk_peek(image, &on, end)) == 1) {
		if (turf_walk_to(image, &on, *end) < 0)
			return -EBADMSG;
		if (on.function != walk->function || on.range != walk->range || !on.depth)
			return 0;
	}
	return r < 0 ? r : range_end_there(image, block + 1, walk->range, walk->function, end);
}
