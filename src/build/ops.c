/* SPDX-License-Identifier: MIT */
/* Steps from segment to segment: planned, counted, numbered, coded. */
#include "build/ops.h"

#include "base/sort.h"

/* Differences of sites from here on, and the negative ones beyond, are operands: ops that
 * differ in these alone are too many to be numbered each. */
enum { FAR_SITE = -4 };

static uint32_t op_of(uint32_t pop, uint32_t push, int32_t site, uint32_t advance, int32_t line)
{
	return pop | push << 4 | (uint32_t)(uint8_t)site << 8 | advance << 16 |
	       (uint32_t)(uint8_t)line << 24;
}

struct buf *turf_steps_raw(struct steps *s)
{
	return &s->raw;
}

struct buf *turf_steps_block(struct steps *s, uint32_t start)
{
	struct step_block *block = vec_push(&s->blocks);
	if (!block)
		return NULL;
	*block = (struct step_block){ start, (uint32_t)s->list.n, 0 };
	return &s->raw;
}

struct buf *turf_steps_point(struct steps *s, uint32_t start)
{
	struct step_point *point = vec_push(&s->points);
	if (!point)
		return NULL;
	*point = (struct step_point){ (uint32_t)s->list.n, start };
	return &s->raw;
}

static bool add_step(struct steps *s, uint32_t op)
{
	if (!vec_reserve(&s->list, 1))
		return false;
	s->list.at[s->list.n++] = (struct step){ op, (uint32_t)(s->raw.n - s->raw_done) };
	s->raw_done = s->raw.n;
	return true;
}

bool turf_steps_done(struct steps *s)
{
	return add_step(s, NO_OP);
}

static bool put_sleb(struct buf *out, uint8_t control, int64_t value)
{
	return turf_buf_control(out, control) && turf_buf_sleb(out, value);
}

bool turf_steps_move(struct steps *s, uint32_t advance, int32_t line)
{
	if (advance < 256 && line == (int8_t)line)
		return add_step(s, op_of(0, 0, 0, advance, line));
	return turf_buf_control(&s->raw, URF_CONTROL_EMIT) && turf_buf_uleb(&s->raw, advance) &&
	       turf_buf_sleb(&s->raw, line) && add_step(s, NO_OP);
}

bool turf_steps_edit(struct steps *s, const struct edit *e)
{
	/* 15 of both would look like no op */
	bool near =
		e->pop < 15 && e->push < 16 && e->advance < 256 && e->line == (int8_t)e->line;
	for (uint32_t i = 1; near && i < e->push; i++)
		near = e->site[i] == 0;
	if (near) {
		int32_t site = e->push ? e->site[0] : 0;
		bool far = site < FAR_SITE || site > -FAR_SITE;
		uint32_t op =
			op_of(e->pop, e->push, far ? URF_SITE_FAR : site, e->advance, e->line);
		/* the operand stands behind the op: it waits as the last raw bytes before it */
		return (!far || turf_buf_put(&s->raw, &site, sizeof(site))) && add_step(s, op);
	}
	bool ok = !e->pop || (turf_buf_control(&s->raw, URF_CONTROL_POP) &&
	                      turf_buf_uleb(&s->raw, e->pop));
	for (uint32_t i = 0; ok && i < e->push; i++)
		ok = put_sleb(&s->raw, URF_CONTROL_PUSH, e->site[i]);
	return ok && turf_steps_move(s, e->advance, e->line);
}

void turf_steps_leave(struct steps *s, struct steps *to)
{
	to->blocks.at = s->blocks.at;
	to->blocks.n = s->blocks.n;
	to->blocks.room = s->blocks.room;
	to->units.at = s->units.at;
	to->units.n = s->units.n;
	to->units.room = s->units.room;
	s->blocks.at = NULL;
	s->units.at = NULL;
	s->list.n = s->raw.n = s->raw_done = s->points.n = 0;
	s->blocks.n = s->blocks.room = s->units.n = s->units.room = 0;
}

void turf_steps_fini(struct steps *s)
{
	vec_fini(&s->list);
	vec_fini(&s->raw);
	vec_fini(&s->blocks);
	vec_fini(&s->points);
	vec_fini(&s->units);
}

static inline size_t op_hash(uint32_t op)
{
	return op * 0x9e3779b97f4a7c15u >> 32; /* 2^64 / golden ratio: spreads neighbours */
}

static inline struct op_use *slot_of(const struct ops *ops, uint32_t op)
{
	size_t at = op_hash(op) & (ops->room - 1);
	while (ops->slots[at].count && ops->slots[at].op != op)
		at = (at + 1) & (ops->room - 1);
	return &ops->slots[at];
}

static bool grow(struct ops *ops)
{
	struct ops more = { .room = MAX(ops->room * 2, (size_t)8192) };
	more.slots = turf_zeroed(more.room * sizeof(*more.slots));
	if (!more.slots)
		return false;
	for (size_t i = 0; i < ops->room; i++)
		if (ops->slots[i].count)
			*slot_of(&more, ops->slots[i].op) = ops->slots[i];
	free(ops->slots);
	ops->slots = more.slots;
	ops->room = more.room;
	return true;
}

static bool count_op(struct ops *ops, uint32_t op, uint32_t times)
{
	if (ops->n * 2 >= ops->room && !grow(ops))
		return false;
	struct op_use *use = slot_of(ops, op);
	ops->n += !use->count;
	use->op = op;
	use->count += times;
	return true;
}

int turf_ops_count(struct ops *ops, const struct steps *steps)
{
	for (size_t i = 0; i < steps->list.n; i++) {
		uint32_t op = steps->list.at[i].op;
		if (op != NO_OP && !count_op(ops, op, 1))
			return -ENOMEM;
	}
	return 0;
}

int turf_ops_add(struct ops *ops, const struct ops *counted)
{
	for (size_t i = 0; i < counted->room; i++) {
		const struct op_use *use = &counted->slots[i];
		if (use->count && !count_op(ops, use->op, use->count))
			return -ENOMEM;
	}
	return 0;
}

/* Bytes that an op takes when it has no number: each edit and the segment said one by one. */
static uint32_t long_size(uint32_t op)
{
	return (op & 15 ? 2 : 0) + 2 * (op >> 4 & 15) + 2;
}

static struct op_number *number_of(const struct ops *ops, uint32_t op)
{
	size_t at = op_hash(op) & (OP_SLOTS - 1);
	while (ops->numbers[at].number && ops->numbers[at].op != op)
		at = (at + 1) & (OP_SLOTS - 1);
	return &ops->numbers[at];
}

static int number_ops(struct ops *ops)
{
	static_assert(OP_SLOTS >= 2 * URF_OPS_MAX, "half of the slots stay free");
	ops->numbers = turf_zeroed(OP_SLOTS * sizeof(*ops->numbers));
	if (!ops->numbers)
		return -ENOMEM;
	for (uint32_t i = 0; i < ops->n_chosen; i++)
		*number_of(ops, ops->chosen[i]) = (struct op_number){ ops->chosen[i], i + 1 };
	return 0;
}

/* Bytes that a number of @size bytes saves, beyond those of its entry: 0 or less is no gain. */
static int64_t gain_of(const struct op_use *use, uint32_t times, uint32_t size)
{
	uint64_t saved = (uint64_t)use->count * times * (MAX(long_size(use->op), 3u) - size);
	return (int64_t)saved - (int64_t)sizeof(struct urf_op);
}

int turf_ops_choose(struct ops *ops, uint32_t times)
{
	struct sort_pair *list = malloc(2 * (ops->n + 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	size_t n = 0;
	/* most used first, of those used alike the lowest op */
	for (size_t i = 0; i < ops->room; i++) {
		const struct op_use *use = &ops->slots[i];
		if (use->count && gain_of(use, times, 1) > 0)
			list[n++] = (struct sort_pair){
				(uint64_t)(UINT32_MAX - use->count) << 32 | use->op, i
			};
	}
	sort_pairs(list, list + n, n);
	for (size_t i = 0; i < n && ops->n_chosen < URF_OPS_MAX; i++) {
		const struct op_use *use = &ops->slots[list[i].value];
		if (gain_of(use, times, ops->n_chosen < URF_OP_FAR ? 1 : 2) > 0)
			ops->chosen[ops->n_chosen++] = use->op;
	}
	free(list);
	return number_ops(ops);
}

int turf_ops_emit(const struct ops *ops, struct buf *out)
{
	for (size_t i = 0; i < ops->n_chosen; i++) {
		uint32_t op = ops->chosen[i];
		struct urf_op o = { (uint8_t)op, (int8_t)(op >> 8), (uint8_t)(op >> 16),
			            (int8_t)(op >> 24) };
		if (!turf_buf_put(out, &o, sizeof(o)))
			return -ENOMEM;
	}
	return 0;
}

void turf_ops_fini(struct ops *ops)
{
	free(ops->slots);
	free(ops->numbers);
}

/* The op by its number; false: it has none. */
static bool put_number(const struct ops *ops, uint32_t op, struct buf *out)
{
	uint32_t number = number_of(ops, op)->number;
	if (!number)
		return false;
	number--;
	if (number < URF_OP_FAR) {
		out->at[out->n++] = (uint8_t)number;
		return true;
	}
	number -= URF_OP_FAR;
	out->at[out->n++] = (uint8_t)(URF_OP_FAR + number / 256);
	out->at[out->n++] = (uint8_t)number;
	return true;
}

static bool is_far(uint32_t op)
{
	return (int8_t)(op >> 8) == URF_SITE_FAR;
}

/* An op that has no number, by controls. */
static bool put_long(const struct ops *ops, uint32_t op, int32_t site, struct buf *out)
{
	uint32_t pop = op & 15, pushes = op >> 4 & 15;
	bool ok = !pop || (turf_buf_control(out, URF_CONTROL_POP) && turf_buf_uleb(out, pop));
	for (uint32_t i = 0; ok && i < pushes; i++)
		ok = put_sleb(out, URF_CONTROL_PUSH, i ? 0 : site);
	if (!ok || !vec_reserve(out, 2))
		return false;
	uint32_t emit = op & 0xffff0000u;
	if (emit != op && put_number(ops, emit, out))
		return true;
	return turf_buf_control(out, URF_CONTROL_EMIT) &&
	       turf_buf_uleb(out, (uint8_t)(op >> 16)) &&
	       turf_buf_sleb(out, (int8_t)(op >> 24));
}

static bool put_op(const struct ops *ops, uint32_t op, int32_t site, struct buf *out)
{
	if (!put_number(ops, op, out))
		return put_long(ops, op, site, out);
	return !is_far(op) || turf_buf_sleb(out, site);
}

/* The points of the block being coded: those that are done, and where they are listed. */
struct coded_points {
	size_t next; /* of s->points */
	size_t list; /* in the coded bytes */
	size_t ops;  /* what stands behind it */
};

/* A block begins: room for its points, which are those before step @end. */
static bool begin_points(const struct steps *s, uint32_t end, struct coded_points *p,
                         struct buf *out)
{
	const struct urf_point none = { le16_of(URF_POINT_NONE), 0 };
	uint8_t n = 0;
	while (p->next + n < s->points.n && s->points.at[p->next + n].step < end)
		n++;
	p->list = out->n + 1;
	bool ok = turf_buf_put(out, &n, 1);
	for (unsigned i = 0; ok && i < n; i++)
		ok = turf_buf_put(out, &none, sizeof(none));
	p->ops = out->n;
	return ok;
}

/* The next point begins here; one that is too far off to be listed is none. */
static void put_point(const struct steps *s, struct coded_points *p, const struct buf *out)
{
	uint32_t start = s->points.at[p->next++].start;
	size_t off = out->n - p->ops;
	if (start < URF_POINT_NONE && off <= UINT8_MAX) {
		const struct urf_point point = { le16_of(start), (uint8_t)off };
		memcpy(out->at + p->list, &point, sizeof(point));
	}
	p->list += sizeof(struct urf_point);
}

bool turf_steps_code(struct steps *s, const struct ops *ops, struct buf *out)
{
	const uint8_t *raw = s->raw.at;
	struct coded_points points = { 0 };
	size_t block = 0;
	for (size_t i = 0; i < s->list.n; i++) {
		const struct step *step = &s->list.at[i];
		if (block < s->blocks.n && s->blocks.at[block].step == i) {
			s->blocks.at[block++].off = (uint32_t)out->n;
			uint32_t end = block < s->blocks.n ? s->blocks.at[block].step
			                                   : (uint32_t)s->list.n;
			if (!begin_points(s, end, &points, out))
				return false;
		}
		if (points.next < s->points.n && s->points.at[points.next].step == i)
			put_point(s, &points, out);
		if (!vec_reserve(out, step->raw + 2))
			return false;
		int32_t site = (int8_t)(step->op >> 8);
		size_t n_raw = step->raw;
		if (step->op != NO_OP && is_far(step->op)) {
			n_raw -= sizeof(site);
			memcpy(&site, raw + n_raw, sizeof(site));
		}
		if (n_raw) {
			memcpy(out->at + out->n, raw, n_raw);
			out->n += n_raw;
		}
		raw += step->raw;
		if (step->op != NO_OP && !put_op(ops, step->op, site, out))
			return false;
	}
	return true;
}
