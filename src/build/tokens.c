/* SPDX-License-Identifier: MIT */
/*
 * Tokens: counted, ops chosen, coded.
 *
 * A token can be said by several ops, from the one that gives all of its numbers to the one
 * that gives none. Those that would save most are numbered: first as if each were the only one,
 * then by how often each is the shortest way.
 */
#include "build/tokens.h"

enum { FORMS = 5, OP_NUMBERS_MOST = URF_TOKEN_OPS_MAX };

/* Numbers that a kind of token has. */
static const uint8_t fields_of[URF_TOKEN_KINDS] = {
	[URF_TOKEN_FIRST] =
		URF_TOKEN_FAR_A | URF_TOKEN_FAR_GAP | URF_TOKEN_FAR_LENGTH | URF_TOKEN_FAR_EXPR,
	[URF_TOKEN_NEXT] = URF_TOKEN_FAR_GAP | URF_TOKEN_FAR_LENGTH | URF_TOKEN_FAR_EXPR,
	[URF_TOKEN_SINGLE] = URF_TOKEN_FAR_A | URF_TOKEN_FAR_EXPR,
	[URF_TOKEN_BLOCK] = URF_TOKEN_FAR_A | URF_TOKEN_FAR_GAP | URF_TOKEN_FAR_LENGTH,
	[URF_TOKEN_RANGE] = URF_TOKEN_FAR_GAP | URF_TOKEN_FAR_LENGTH,
	[URF_TOKEN_ENTER] = URF_TOKEN_FAR_A | URF_TOKEN_FAR_LENGTH,
	[URF_TOKEN_LEAVE] = URF_TOKEN_FAR_LENGTH,
	[URF_TOKEN_CALL] = URF_TOKEN_FAR_GAP,
	[URF_TOKEN_PARAMETER] = URF_TOKEN_FAR_A | URF_TOKEN_FAR_EXPR,
	[URF_TOKEN_FRAME] = URF_TOKEN_FAR_EXPR,
};

/* Which numbers may be left to operands, from none to all. */
static const uint8_t far_of[URF_TOKEN_KINDS][FORMS] = {
	[URF_TOKEN_FIRST] = { 0, 0x40, 0x60, 0x70, 0xf0 },
	[URF_TOKEN_NEXT] = { 0, 0x40, 0x60, 0x80, 0xe0 },
	[URF_TOKEN_SINGLE] = { 0, 0x80, 0x90 },
	[URF_TOKEN_BLOCK] = { 0, 0x40, 0x60, 0x70 },
	[URF_TOKEN_RANGE] = { 0, 0x40, 0x60 },
	[URF_TOKEN_ENTER] = { 0, 0x10, 0x50 },
	[URF_TOKEN_LEAVE] = { 0, 0x40 },
	[URF_TOKEN_CALL] = { 0, 0x20 },
	[URF_TOKEN_PARAMETER] = { 0, 0x80, 0x90 },
	[URF_TOKEN_FRAME] = { 0, 0x80 },
};

/* The op that leaves @far of the token to operands; 0: what it would give does not fit. */
static uint64_t op_key(const struct token *t, uint8_t far)
{
	uint8_t near = fields_of[t->kind] & ~far;
	int32_t a = (int32_t)t->a;
	uint64_t key = (uint64_t)1 << 63 | (uint64_t)(t->kind | far);
	if (near & URF_TOKEN_FAR_A) {
		if (a != (int8_t)a)
			return 0;
		key |= (uint64_t)(uint8_t)a << 8;
	}
	if (near & URF_TOKEN_FAR_GAP) {
		if (t->gap != (int8_t)t->gap)
			return 0;
		key |= (uint64_t)(uint8_t)t->gap << 16;
	}
	if (near & URF_TOKEN_FAR_LENGTH) {
		if (t->length > UINT8_MAX)
			return 0;
		key |= (uint64_t)t->length << 24;
	}
	if (near & URF_TOKEN_FAR_EXPR) {
		if (t->expr > UINT16_MAX)
			return 0;
		key |= (uint64_t)t->expr << 32;
	}
	return key;
}

static unsigned uleb_size(uint32_t v)
{
	return v ? (31 - (unsigned)__builtin_clz(v)) / 7 + 1 : 1;
}

static unsigned sleb_size(int32_t v)
{
	uint32_t bits = (uint32_t)(v < 0 ? ~v : v);
	return bits ? (32 - (unsigned)__builtin_clz(bits)) / 7 + 1 : 1;
}

/* Bytes of the operands @far. */
static unsigned far_size(const struct token *t, uint8_t far)
{
	return (far & URF_TOKEN_FAR_A ? sleb_size((int32_t)t->a) : 0) +
	       (far & URF_TOKEN_FAR_GAP ? sleb_size(t->gap) : 0) +
	       (far & URF_TOKEN_FAR_LENGTH ? uleb_size(t->length) : 0) +
	       (far & URF_TOKEN_FAR_EXPR ? uleb_size(t->expr) : 0);
}

static uint64_t key_hash(uint64_t key)
{
	return hash_mix(0, key);
}

static struct token_op *slot_of(const struct token_ops *ops, uint64_t key)
{
	size_t at = key_hash(key) & (ops->room - 1);
	while (ops->slots[at].key && ops->slots[at].key != key)
		at = (at + 1) & (ops->room - 1);
	return &ops->slots[at];
}

static bool grow(struct token_ops *ops)
{
	struct token_ops more = { .room = MAX(ops->room * 2, (size_t)16384) };
	more.slots = turf_zeroed(more.room * sizeof(*more.slots));
	if (!more.slots)
		return false;
	for (size_t i = 0; i < ops->room; i++)
		if (ops->slots[i].key)
			*slot_of(&more, ops->slots[i].key) = ops->slots[i];
	free(ops->slots);
	ops->slots = more.slots;
	ops->room = more.room;
	return true;
}

static bool count(struct token_ops *ops, uint64_t key, uint32_t weight)
{
	if (ops->n * 2 >= ops->room && !grow(ops))
		return false;
	struct token_op *op = slot_of(ops, key);
	if (!op->key) {
		op->key = key;
		ops->n++;
	}
	op->count += weight;
	return true;
}

/* The way to say nothing of the token: it is always there. */
static uint64_t plain_key(unsigned kind)
{
	return (uint64_t)1 << 63 | kind | fields_of[kind];
}

int turf_tokens_count(struct token_ops *ops, const struct token *tokens, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct token *t = &tokens[i];
		if (t->kind >= URF_TOKEN_KINDS)
			continue;
		unsigned all = far_size(t, fields_of[t->kind]);
		for (unsigned f = 0; f < FORMS; f++) {
			uint8_t far = far_of[t->kind][f];
			if (f && !far)
				break;
			uint64_t key = op_key(t, far);
			if (key && !count(ops, key, all - far_size(t, far)))
				return -ENOMEM;
		}
	}
	return 0;
}

/* The shortest way to say a token: its number of operand bytes. */
static const struct token_op *best_op(const struct token_ops *ops, const struct token *t,
                                      uint8_t *ret_far)
{
	const struct token_op *best = NULL;
	unsigned best_size = UINT32_MAX;
	for (unsigned f = 0; f < FORMS; f++) {
		uint8_t far = far_of[t->kind][f];
		if (f && !far)
			break;
		uint64_t key = op_key(t, far);
		if (!key)
			continue;
		const struct token_op *op = slot_of(ops, key);
		if (!op->number)
			continue;
		unsigned size = far_size(t, far) + (op->number > URF_TOKEN_PAIR ? 2 : 1);
		if (size < best_size) {
			best = op;
			best_size = size;
			*ret_far = far;
		}
	}
	return best;
}

struct use {
	uint64_t key;
	uint32_t count;
};

static int by_use(const void *pa, const void *pb)
{
	const struct use *a = pa, *b = pb;
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return (a->key > b->key) - (a->key < b->key);
}

/* Numbers the most counted ones, at most @most, and all that are always there. */
static int number(struct token_ops *ops, size_t most, uint32_t least)
{
	struct use *list = calloc(ops->n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	size_t n = 0;
	for (size_t i = 0; i < ops->room; i++) {
		struct token_op *op = &ops->slots[i];
		op->number = 0;
		if (op->key && op->count >= least)
			list[n++] = (struct use){ op->key, op->count };
	}
	qsort(list, n, sizeof(*list), by_use);
	ops->n_chosen = 0;
	for (size_t i = 0; i < n && ops->n_chosen < most - URF_TOKEN_KINDS; i++)
		ops->chosen[ops->n_chosen++] = list[i].key;
	free(list);
	for (size_t i = 0; i < ops->n_chosen; i++)
		slot_of(ops, ops->chosen[i])->number = (uint32_t)i + 1;
	for (unsigned kind = 0; kind < URF_TOKEN_KINDS; kind++) {
		if (!count(ops, plain_key(kind), 0))
			return -ENOMEM;
		struct token_op *op = slot_of(ops, plain_key(kind));
		if (op->number)
			continue;
		ops->chosen[ops->n_chosen++] = plain_key(kind);
		op->number = (uint32_t)ops->n_chosen;
	}
	return 0;
}

/* Counts anew how often each op is the shortest way. */
static void count_best(struct token_ops *ops, const struct token *const *samples,
                       const size_t *n_samples, size_t n)
{
	for (size_t i = 0; i < ops->room; i++)
		ops->slots[i].count = 0;
	for (size_t s = 0; s < n; s++)
		for (size_t i = 0; i < n_samples[s]; i++) {
			const struct token *t = &samples[s][i];
			uint8_t far;
			if (t->kind < URF_TOKEN_KINDS) {
				const struct token_op *op = best_op(ops, t, &far);
				ops->slots[op - ops->slots].count++;
			}
		}
}

/* A table of those that have numbers alone: coding looks each token up several times. */
static int keep_chosen(struct token_ops *ops)
{
	enum { ROOM = 1 << 16 };
	static_assert(ROOM >= 2 * (OP_NUMBERS_MOST + URF_TOKEN_KINDS), "half of it stays free");
	struct token_ops few = { .room = ROOM };
	few.slots = turf_zeroed(few.room * sizeof(*few.slots));
	if (!few.slots)
		return -ENOMEM;
	for (size_t i = 0; i < ops->n_chosen; i++)
		*slot_of(&few, ops->chosen[i]) = *slot_of(ops, ops->chosen[i]);
	free(ops->slots);
	ops->slots = few.slots;
	ops->room = few.room;
	ops->n = ops->n_chosen;
	return 0;
}

int turf_tokens_choose(struct token_ops *ops, uint32_t times,
                       const struct token *const *samples, const size_t *n_samples, size_t n)
{
	ops->chosen = calloc(OP_NUMBERS_MOST + URF_TOKEN_KINDS, sizeof(*ops->chosen));
	if (!ops->chosen)
		return -ENOMEM;
	int r = number(ops, 2 * OP_NUMBERS_MOST / 3, 0);
	if (r < 0)
		return r;
	count_best(ops, samples, n_samples, n);
	/* an op costs its own bytes; it saves one a use at least */
	uint32_t least = MAX((uint32_t)sizeof(struct urf_location_op) / MAX(times, 1u), 1u);
	r = number(ops, OP_NUMBERS_MOST, least);
	return r < 0 ? r : keep_chosen(ops);
}

int turf_tokens_emit(const struct token_ops *ops, struct buf *out)
{
	for (size_t i = 0; i < ops->n_chosen; i++) {
		uint64_t key = ops->chosen[i];
		struct urf_location_op op = {
			.kind = (uint8_t)key,
			.a = (int8_t)(key >> 8),
			.gap = (int8_t)(key >> 16),
			.length = (uint8_t)(key >> 24),
			.expr = le16_of((uint16_t)(key >> 32)),
		};
		if (!turf_buf_put(out, &op, sizeof(op)))
			return -ENOMEM;
	}
	return 0;
}

bool turf_tokens_code(const struct token_ops *ops, const struct token *tokens, size_t n,
                      struct buf *out)
{
	enum { TOKEN_MOST = 2 + 4 * URF_LEB_MAX };
	for (size_t i = 0; i < n; i++) {
		const struct token *t = &tokens[i];
		uint8_t far = 0;
		if (t->kind >= URF_TOKEN_KINDS)
			continue;
		const struct token_op *op = best_op(ops, t, &far);
		if (!vec_reserve(out, TOKEN_MOST))
			return false;
		uint32_t at = op->number - 1;
		if (at >= URF_TOKEN_PAIR) {
			at -= URF_TOKEN_PAIR;
			out->at[out->n++] = (uint8_t)(URF_TOKEN_PAIR + at / 256);
		}
		out->at[out->n++] = (uint8_t)at;
		bool ok = (!(far & URF_TOKEN_FAR_A) || turf_buf_sleb(out, (int32_t)t->a)) &&
		          (!(far & URF_TOKEN_FAR_GAP) || turf_buf_sleb(out, t->gap)) &&
		          (!(far & URF_TOKEN_FAR_LENGTH) || turf_buf_uleb(out, t->length)) &&
		          (!(far & URF_TOKEN_FAR_EXPR) || turf_buf_uleb(out, t->expr));
		if (!ok)
			return false;
	}
	return true;
}

void turf_tokens_fini(struct token_ops *ops)
{
	free(ops->slots);
	free(ops->chosen);
}
