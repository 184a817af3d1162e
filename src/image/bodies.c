/* SPDX-License-Identifier: MIT */
/*
 * Bodies: from an address to what is said of the function there, and of its variables.
 *
 * Cost:   one binary search, at most URF_BODY_STEP bodies passed; one table load a token
 * Trust:  none. Tokens end where their body does, a token that begins inside reads at most
 *         URF_BEHIND bytes beyond; each takes at least a byte.
 * Source: docs/format.md, "Bodies"
 */
#include "image/bodies.h"

int turf_body_read(const struct turf_image *image, const uint8_t **at, bool first,
                   struct body *body)
{
	struct span all = image->sections[URF_BODY_DATA];
	const uint8_t *end = all.at + all.size;
	if (*at >= end)
		return -EBADMSG;
	uint32_t start = take_uleb(at), function = take_sleb(at), size = take_uleb(at);
	body->start += start;
	body->function = first ? function : body->function + function;
	if (*at > end || size > (size_t)(end - *at))
		return -EBADMSG;
	body->at = *at;
	*at += size;
	body->end = *at;
	return 0;
}

/* The body whose entry is at @rva: 1, 0 there is none, -EBADMSG. */
static int find_body(const struct turf_image *image, uint32_t rva, struct body *body)
{
	struct span groups_of = image->sections[URF_BODIES];
	struct {
		const struct urf_body *at;
		size_t n;
	} groups = { (const struct urf_body *)groups_of.at,
		     groups_of.size / sizeof(struct urf_body) };
	size_t i = UPPER_BOUND(groups, .start, 0, groups.n, rva);
	if (i == 0)
		return 0;
	const struct urf_body *group = &groups.at[i - 1];
	struct span all = image->sections[URF_BODY_DATA];
	uint32_t off = le32_get(group->off);
	uint64_t stop = i < groups.n ? le32_get(groups.at[i].off) : all.size;
	if (off >= all.size || stop > all.size)
		return -EBADMSG;
	const uint8_t *at = all.at + off;
	body->start = le32_get(group->start);
	for (unsigned k = 0; k < URF_BODY_STEP && at < all.at + stop; k++) {
		if (turf_body_read(image, &at, k == 0, body) < 0)
			return -EBADMSG;
		if (body->start >= rva)
			return body->start == rva;
	}
	return 0;
}

void turf_body_begin(const struct turf_image *image, const struct body *body,
                     struct turf_body *walk)
{
	walk->entry = image->base + body->start;
	walk->function = body->function;
	walk->image = image;
	walk->at = body->at;
	walk->stop = body->end;
	walk->first = walk->end = walk->call = body->start;
	walk->depth = walk->n = 0;
	walk->stack[0].site = walk->stack[0].variable = walk->stack[0].own = 0;
	walk->stack[0].block = 1;
}

static int enter(struct turf_body *walk, uint32_t left, uint32_t difference,
                 struct body_event *out)
{
	if (left > walk->depth || walk->depth - left + 1 >= URF_DEPTH_MAX)
		return -EBADMSG;
	walk->depth -= left;
	out->a = walk->stack[walk->depth].site + difference;
	walk->stack[walk->depth].site = out->a + 1;
	walk->depth++;
	walk->n++;
	walk->stack[walk->depth].site = walk->stack[walk->depth].variable = 0;
	walk->stack[walk->depth].block = 1;
	walk->stack[walk->depth].own = out->a;
	return 1;
}

static void range(struct turf_body *walk, uint32_t from, uint32_t length,
                  struct body_event *out)
{
	out->start = from;
	out->end = walk->end = from + length;
}

int turf_body_token(struct turf_body *walk, struct body_event *out)
{
	struct span all = walk->image->sections[URF_LOCATION_OPS];
	if (walk->at >= walk->stop)
		return 0;
	uint32_t number = *walk->at++;
	if (number >= URF_TOKEN_PAIR)
		number = URF_TOKEN_PAIR + (number - URF_TOKEN_PAIR) * 256 + *walk->at++;
	if (number >= all.size / sizeof(struct urf_location_op))
		return -EBADMSG;
	const struct urf_location_op *op = (const struct urf_location_op *)all.at + number;
	uint32_t a = (uint32_t)op->a, gap = (uint32_t)op->gap, length = op->length;
	uint32_t expr = le16_get(op->expr);
	if (op->kind & URF_TOKEN_FAR_A)
		a = take_sleb(&walk->at);
	if (op->kind & URF_TOKEN_FAR_GAP)
		gap = take_sleb(&walk->at);
	if (op->kind & URF_TOKEN_FAR_LENGTH)
		length = take_uleb(&walk->at);
	if (op->kind & URF_TOKEN_FAR_EXPR)
		expr = take_uleb(&walk->at);
	if (walk->at > walk->stop)
		return -EBADMSG;
	out->kind = op->kind & URF_TOKEN_KIND;
	out->expr = expr;
	out->a = a;
	switch (out->kind) {
	case URF_TOKEN_FIRST:
	case URF_TOKEN_BLOCK:
		walk->first += gap;
		range(walk, walk->first, length, out);
		break;
	case URF_TOKEN_NEXT:
	case URF_TOKEN_RANGE:
		range(walk, walk->end + gap, length, out);
		break;
	case URF_TOKEN_ENTER:
		return enter(walk, length, a, out);
	case URF_TOKEN_LEAVE:
		if (length > walk->depth)
			return -EBADMSG;
		walk->depth -= length;
		return 1;
	case URF_TOKEN_CALL:
		walk->call += gap;
		out->start = out->end = walk->call;
		return 1;
	case URF_TOKEN_SINGLE:
	case URF_TOKEN_PARAMETER:
	case URF_TOKEN_FRAME:
		break;
	default:
		return -EBADMSG;
	}
	uint32_t depth = walk->depth;
	if (out->kind == URF_TOKEN_FIRST || out->kind == URF_TOKEN_SINGLE) {
		walk->variable = walk->stack[depth].variable + a;
		walk->stack[depth].variable = walk->variable + 1;
	} else if (out->kind == URF_TOKEN_BLOCK) {
		walk->block = walk->stack[depth].block + a;
		walk->stack[depth].block = walk->block + 1;
	}
	if (out->kind <= URF_TOKEN_SINGLE)
		out->a = walk->variable;
	else if (out->kind <= URF_TOKEN_RANGE)
		out->a = walk->block;
	return 1;
}

int turf_body_next(struct turf_body *walk, struct turf_body_event *out)
{
	static const uint8_t kinds[URF_TOKEN_KINDS] = {
		[URF_TOKEN_FIRST] = TURF_BODY_PLACE,
		[URF_TOKEN_NEXT] = TURF_BODY_PLACE,
		[URF_TOKEN_SINGLE] = TURF_BODY_SINGLE,
		[URF_TOKEN_BLOCK] = TURF_BODY_BLOCK,
		[URF_TOKEN_RANGE] = TURF_BODY_BLOCK,
		[URF_TOKEN_ENTER] = TURF_BODY_ENTER,
		[URF_TOKEN_CALL] = TURF_BODY_CALL,
		[URF_TOKEN_PARAMETER] = TURF_BODY_PARAMETER,
		[URF_TOKEN_FRAME] = TURF_BODY_FRAME
	};
	struct body_event e = { 0 };
	int r;
	do
		r = turf_body_token(walk, &e);
	while (r == 1 && e.kind == URF_TOKEN_LEAVE);
	if (r != 1)
		return r;
	*out = (struct turf_body_event){
		.kind = kinds[e.kind],
		.depth = walk->depth,
		.number = e.a,
		.instance = walk->n,
		.start = walk->image->base + e.start,
		.end = walk->image->base + e.end,
	};
	if (e.kind == URF_TOKEN_PARAMETER && e.a >= URF_TOKEN_PLACE) {
		out->number = 0;
		if (turf_location_at(walk->image, e.a - URF_TOKEN_PLACE, &out->where,
		                     &out->where_size) < 0)
			return -EBADMSG;
	}
	return turf_location_at(walk->image, e.expr, &out->expr, &out->expr_size) < 0 ? -EBADMSG
	                                                                              : 1;
}

/* The function called at @site of @function: 0 or -EBADMSG. */
static int called(const struct turf_image *image, uint32_t *function, uint32_t site)
{
	struct function f;
	struct place place;
	int64_t off = turf_function_off(image, *function);
	if (off < 0 || turf_function_read(image, (uint64_t)off, &f) < 0 ||
	    turf_function_sites(&f) < 0 || site >= f.n_sites)
		return -EBADMSG;
	return turf_function_site(&f, site, &place, function);
}

int turf_body_function(const struct turf_body *walk, uint32_t *function)
{
	*function = walk->function;
	for (uint32_t i = 1; i <= walk->depth; i++)
		if (called(walk->image, function, walk->stack[i].own) < 0)
			return -EBADMSG;
	return 1;
}

/* The stack over @rva: 1, 0 nobody's code, -EBADMSG. */
static int stack_at(const struct turf_image *image, uint32_t rva, struct walk *at)
{
	size_t block = turf_image_block(image, rva);
	if (block == SIZE_MAX)
		return 0;
	if (turf_walk_begin(image, block, at) < 0 || turf_walk_to(image, at, rva) < 0)
		return -EBADMSG;
	return at->depth != 0;
}

int turf_image_body(const struct turf_image *image, uint64_t addr, struct turf_body *walk)
{
	struct walk at;
	struct body body;
	uint32_t rva;
	if (!image->sections[URF_BODIES].size)
		return -ENODATA;
	int r = rva_of(image, addr, &rva) ? stack_at(image, rva, &at) : 0;
	if (r == 1)
		r = find_body(image, at.entry, &body);
	if (r == 1)
		turf_body_begin(image, &body, walk);
	return r;
}

/* The function of the frame, and how deep it is. */
static int frame_of(const struct turf_image *image, const struct walk *at, uint32_t depth,
                    uint32_t *function)
{
	*function = at->function;
	for (uint32_t i = 1; i <= depth; i++)
		if (called(image, function, at->stack[i].site) < 0)
			return -EBADMSG;
	return 0;
}

/* What one instance says of an address. */
static void note(struct turf_locals *walk, const struct body_event *e, uint32_t rva)
{
	bool covers = rva >= e->start && rva < e->end;
	switch (e->kind) {
	case URF_TOKEN_FIRST:
	case URF_TOKEN_NEXT:
		if (covers && e->a < TURF_VARIABLES_MAX)
			walk->where[e->a] = e->expr;
		break;
	case URF_TOKEN_SINGLE:
		if (e->a < TURF_VARIABLES_MAX && !walk->where[e->a])
			walk->where[e->a] = e->expr;
		break;
	case URF_TOKEN_BLOCK:
	case URF_TOKEN_RANGE:
		if (covers && e->a < TURF_VARIABLES_MAX)
			walk->blocks[e->a / 64] |= (uint64_t)1 << e->a % 64;
		break;
	case URF_TOKEN_FRAME:
		walk->frame_base = e->expr;
		break;
	default:
		break;
	}
}

/* All tokens of the instances with the sites of @at down to @depth. */
static int read_places(struct turf_body *body, const struct walk *at, uint32_t depth,
                       uint32_t rva, struct turf_locals *walk)
{
	struct body_event e = { 0 };
	uint32_t same = 0; /* instances on the stack that are those of @at */
	int r;
	while ((r = turf_body_token(body, &e)) == 1) {
		if (e.kind == URF_TOKEN_ENTER) {
			same = MIN(same, body->depth - 1);
			if (same == body->depth - 1 && body->depth <= depth &&
			    at->stack[body->depth].site == e.a)
				same++;
		} else if (e.kind == URF_TOKEN_LEAVE) {
			same = MIN(same, body->depth);
		} else if ((body->depth == depth && same == depth) ||
		           e.kind == URF_TOKEN_FRAME) {
			note(walk, &e, rva);
		}
	}
	return r;
}

/* The innermost block that the address is in, below @block; 0: the function itself. */
static uint32_t block_below(const struct turf_locals *walk, uint32_t block)
{
	while (block-- > 1)
		if (walk->blocks[block / 64] >> block % 64 & 1)
			return block;
	return 0;
}

int turf_image_locals(const struct turf_image *image, uint64_t addr, uint32_t frame,
                      struct turf_locals *walk)
{
	struct walk at;
	struct body body;
	struct turf_body tokens;
	uint32_t rva, function;
	if (!image->sections[URF_BODIES].size)
		return -ENODATA;
	int r = rva_of(image, addr, &rva) ? stack_at(image, rva, &at) : 0;
	if (r != 1 || frame >= at.depth)
		return MIN(r, 0);
	uint32_t depth = at.depth - 1 - frame;
	r = find_body(image, at.entry, &body);
	if (r != 1 || frame_of(image, &at, depth, &function) < 0)
		return r == 1 ? -EBADMSG : r;
	r = turf_image_details(image, function, &walk->details);
	if (r != 1)
		return r;
	memset(walk->where, 0, sizeof(walk->where));
	memset(walk->blocks, 0, sizeof(walk->blocks));
	walk->frame_base = 0;
	turf_body_begin(image, &body, &tokens);
	if (read_places(&tokens, &at, depth, rva, walk) < 0)
		return -EBADMSG;
	turf_details_variables(&walk->details, &walk->variables);
	walk->block = block_below(walk, TURF_VARIABLES_MAX);
	return 1;
}

int turf_locals_next(struct turf_locals *walk, struct turf_local *out)
{
	for (;;) {
		int r = turf_variables_next(&walk->variables, &out->variable);
		if (r < 0)
			return r;
		if (r == 0) {
			if (!walk->block)
				return 0;
			walk->block = block_below(walk, walk->block);
			turf_details_variables(&walk->details, &walk->variables);
			continue;
		}
		const struct turf_variable *v = &out->variable;
		if (v->block != walk->block || v->number >= TURF_VARIABLES_MAX)
			continue;
		out->expr = v->expr;
		out->expr_size = v->expr_size;
		uint32_t where = walk->where[v->number];
		if (where && turf_location_at(walk->details.image, where, &out->expr,
		                              &out->expr_size) < 0)
			return -EBADMSG;
		return 1;
	}
}

int turf_locals_frame_base(const struct turf_locals *walk, const uint8_t **expr, size_t *size)
{
	if (!walk->frame_base)
		return 0;
	return turf_location_at(walk->details.image, walk->frame_base, expr, size) < 0
	               ? -EBADMSG
	               : 1;
}
