/* SPDX-License-Identifier: MIT */
/*
 * Bodies: from an address to what is said of the function there, and of its variables.
 *
 * Cost:   one binary search, then a group of bodies up to the one wanted, token by token
 * Trust:  none. A group has URF_BODY_STEP bodies at most, and tokens in proportion to its
 * bytes. Source: docs/format.md, "Bodies"
 */
#include "image/bodies.h"
#include "image/coded.h"
#include "image/tokens.h"

/* Writers give no symbol so great a share that more tokens than this fit into a byte. */
enum { TOKENS_A_BYTE = 1024 };

static_assert(sizeof(((struct turf_edges *)0)->at) == URF_EDGES * sizeof(uint32_t), "");
static_assert(sizeof(((struct turf_tokens *)0)->recent) == URF_RECENT * sizeof(uint32_t), "");

int turf_body_group(const struct turf_image *image, size_t group, struct turf_body *walk)
{
	struct span index = image->sections[URF_BODIES], all = image->sections[URF_BODY_DATA];
	const struct urf_body *groups = (const struct urf_body *)index.at;
	size_t n = index.size / sizeof(*groups);
	uint64_t off = le32_get(groups[group].off);
	uint64_t end = group + 1 < n ? le32_get(groups[group + 1].off) : all.size;
	struct span bytes = span_part(all, off, end - off);
	if (off > end || !bytes.at)
		return -EBADMSG;
	walk->image = image;
	walk->entry = image->base + le32_get(groups[group].start);
	walk->function = 0;
	walk->left = (bytes.size + CODE_BEHIND) * TOKENS_A_BYTE;
	turf_coded_begin(image, bytes, &walk->at);
	walk->next_expr = coded_number(&walk->at, URF_FIELD_BODY_EXPR, 0);
	return walk->at.bad ? -EBADMSG : 0;
}

int turf_body_begin(struct turf_body *walk, bool first)
{
	uint32_t start = coded_number(&walk->at, URF_FIELD_BODY_START, 0);
	if (walk->at.bad)
		return -EBADMSG;
	if (!first && !start)
		return 0;
	walk->entry += start;
	walk->function += coded_folded(&walk->at, URF_FIELD_BODY_FUNCTION, 0);
	walk->stack[0].variant = coded_number(&walk->at, URF_FIELD_BODY_VARIANT, 0);
	walk->depth = walk->n = 0;
	walk->stack[0].site = walk->stack[0].variable = walk->stack[0].own = 0;
	walk->stack[0].block = 1;
	tokens_begin(&walk->tokens, (uint32_t)(walk->entry - walk->image->base));
	return walk->at.bad ? -EBADMSG : 1;
}

/* The body whose entry is at @rva, begun: 1, 0 there is none, -EBADMSG. */
static int find_body(const struct turf_image *image, uint32_t rva, struct turf_body *walk)
{
	struct span groups = image->sections[URF_BODIES];
	size_t i = upper_bound(groups.at, sizeof(struct urf_body),
	                       groups.size / sizeof(struct urf_body), rva);
	if (i == 0)
		return 0;
	if (turf_body_group(image, i - 1, walk) < 0)
		return -EBADMSG;
	for (unsigned k = 0; k < URF_BODY_STEP; k++) {
		int r = turf_body_begin(walk, k == 0);
		if (r != 1)
			return r;
		if (walk->entry - image->base >= rva)
			return walk->entry - image->base == rva;
		struct body_event e;
		while ((r = turf_body_token(walk, &e)) == 1)
			;
		if (r < 0)
			return r;
	}
	return 0;
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

/* An address, as a difference to @base or as one that is remembered. */
static uint32_t take_address(struct turf_body *walk, unsigned field, unsigned context,
                             uint32_t base)
{
	struct turf_edges *edges = &walk->tokens.edges;
	uint32_t symbol = turf_coded_symbol(&walk->at, field, context), below, rva;
	walk->tokens.missed = symbol < URF_CODE_MORE;
	if (symbol < URF_CODE_MORE) {
		rva = base + coded_unfold(coded_rest(&walk->at, symbol));
		below = edges_below(edges, rva);
	} else {
		below = edges_below(edges, base) + (symbol - URF_EDGE_RANK);
		if (below >= edges->n) {
			walk->at.bad = true;
			return base;
		}
		rva = edges->at[below];
	}
	edges_add(edges, rva, below);
	return rva;
}

/* An expression's number. */
static uint32_t take_expr(struct turf_body *walk, unsigned field, unsigned context)
{
	uint32_t *recent = walk->tokens.recent;
	uint32_t symbol = turf_coded_symbol(&walk->at, field, context), expr;
	if (symbol < URF_CODE_NEAR)
		return symbol;
	uint32_t idx = URF_RECENT - 1;
	if (symbol < URF_CODE_MORE) {
		expr = coded_rest(&walk->at, symbol);
	} else if (symbol < URF_EXPR_NEW) {
		idx = symbol - URF_EXPR_RECENT;
		expr = recent[idx];
	} else if (symbol == URF_EXPR_NEW) {
		return walk->next_expr++;
	} else {
		walk->at.bad = true;
		return 0;
	}
	recent_use(recent, idx, expr);
	return expr;
}

/* A stretch of addresses behind @base, and what is there. */
static void take_stretch(struct turf_body *walk, uint32_t base, struct body_event *out)
{
	static const struct {
		uint8_t gap, expr, length;
	} fields[] = {
		[URF_TOKEN_FIRST] = { URF_FIELD_FIRST_GAP, URF_FIELD_FIRST_EXPR,
		                      URF_FIELD_FIRST_LENGTH },
		[URF_TOKEN_NEXT] = { URF_FIELD_NEXT_GAP, URF_FIELD_NEXT_EXPR,
		                     URF_FIELD_NEXT_LENGTH },
		[URF_TOKEN_BLOCK] = { URF_FIELD_BLOCK_GAP, 0, URF_FIELD_BLOCK_LENGTH },
		[URF_TOKEN_RANGE] = { URF_FIELD_RANGE_GAP, 0, URF_FIELD_RANGE_LENGTH },
	};
	struct turf_tokens *t = &walk->tokens;
	bool begins = out->kind == URF_TOKEN_FIRST || out->kind == URF_TOKEN_BLOCK;
	bool places = out->kind <= URF_TOKEN_NEXT;
	out->start = take_address(walk, fields[out->kind].gap,
	                          begins ? context_before(t) : t->missed, base);
	if (places)
		out->expr = take_expr(walk, fields[out->kind].expr,
		                      begins ? context_expr(t) : context_next_expr(t));
	out->end = take_address(walk, fields[out->kind].length,
	                        places ? context_length(t, out->expr) : 0, out->start);
	if (begins)
		t->first = out->start;
	t->end = out->end;
}

/* The variable or block that @next says comes next, but for a difference. */
static uint32_t take_number(struct turf_body *walk, unsigned field, uint32_t *next)
{
	uint32_t number = *next + coded_folded(&walk->at, field, context_before(&walk->tokens));
	*next = number + 1;
	return number;
}

static int take_enter(struct turf_body *walk, struct body_event *out)
{
	unsigned context = walk->tokens.kinds[0];
	uint32_t difference = coded_folded(&walk->at, URF_FIELD_ENTER_A, context);
	uint32_t left = coded_number(&walk->at, URF_FIELD_ENTER_LENGTH, context);
	uint32_t variant = coded_number(&walk->at, URF_FIELD_ENTER_VARIANT, 0);
	int r = enter(walk, left, difference, out);
	if (r == 1)
		walk->stack[walk->depth].variant = variant;
	return r;
}

static int take_leave(struct turf_body *walk)
{
	uint32_t left = coded_number(&walk->at, URF_FIELD_LEAVE_LENGTH, 0);
	if (left > walk->depth)
		return -EBADMSG;
	walk->depth -= left;
	return 1;
}

static void take_parameter(struct turf_body *walk, struct body_event *out)
{
	out->a = coded_number(&walk->at, URF_FIELD_PARAMETER_A,
	                      context_parameter(&walk->tokens));
	out->expr = take_expr(walk, URF_FIELD_PARAMETER_EXPR, MIN(out->a, 17u));
}

int turf_body_token(struct turf_body *walk, struct body_event *out)
{
	struct turf_tokens *t = &walk->tokens;
	if (t->kinds[0] == URF_TOKEN_END)
		return 0;
	uint32_t kind = turf_coded_symbol(&walk->at, URF_FIELD_KIND, context_kind(t));
	int r = 1;
	if (walk->at.bad || !walk->left--)
		return -EBADMSG;
	if (kind == URF_TOKEN_END) {
		t->kinds[0] = URF_TOKEN_END;
		return 0;
	}
	*out = (struct body_event){ .kind = (uint8_t)kind };
	switch (kind) {
	case URF_TOKEN_FIRST:
		walk->variable = out->a = take_number(walk, URF_FIELD_FIRST_A,
		                                      &walk->stack[walk->depth].variable);
		take_stretch(walk, t->first, out);
		break;
	case URF_TOKEN_BLOCK:
		walk->block = out->a =
			take_number(walk, URF_FIELD_BLOCK_A, &walk->stack[walk->depth].block);
		take_stretch(walk, t->first, out);
		break;
	case URF_TOKEN_NEXT:
	case URF_TOKEN_RANGE:
		out->a = kind == URF_TOKEN_NEXT ? walk->variable : walk->block;
		take_stretch(walk, t->end, out);
		break;
	case URF_TOKEN_SINGLE:
		walk->variable = out->a = take_number(walk, URF_FIELD_SINGLE_A,
		                                      &walk->stack[walk->depth].variable);
		out->expr = take_expr(walk, URF_FIELD_SINGLE_EXPR, context_expr(t));
		break;
	case URF_TOKEN_ENTER:
		r = take_enter(walk, out);
		break;
	case URF_TOKEN_LEAVE:
		r = take_leave(walk);
		break;
	case URF_TOKEN_CALL:
	case URF_TOKEN_JUMP:
	case URF_TOKEN_JUMP_FROM:
		t->call += coded_number(&walk->at, URF_FIELD_CALL_GAP, t->kinds[0]);
		out->start = out->end = t->call;
		break;
	case URF_TOKEN_PARAMETER:
		take_parameter(walk, out);
		break;
	case URF_TOKEN_TARGET:
		out->expr = take_expr(walk, URF_FIELD_TARGET_EXPR, 0);
		break;
	case URF_TOKEN_FRAME:
		out->expr = coded_number(&walk->at, URF_FIELD_FRAME_EXPR, 0);
		break;
	default:
		r = -EBADMSG;
	}
	tokens_pass(t, (uint8_t)kind, out->a, out->expr);
	return walk->at.bad ? -EBADMSG : r;
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
		[URF_TOKEN_FRAME] = TURF_BODY_FRAME,
		[URF_TOKEN_JUMP] = TURF_BODY_CALL,
		[URF_TOKEN_JUMP_FROM] = TURF_BODY_CALL,
		[URF_TOKEN_TARGET] = TURF_BODY_TARGET,
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
	if (out->kind == TURF_BODY_CALL)
		out->number = e.kind == URF_TOKEN_CALL   ? 0
		              : e.kind == URF_TOKEN_JUMP ? TURF_CALL_TAIL
		                                         : TURF_CALL_TAIL | TURF_CALL_FROM;
	if (e.kind == URF_TOKEN_PARAMETER && e.a >= URF_TOKEN_PLACE) {
		out->number = 0;
		if (turf_location_at(walk->image, e.a - URF_TOKEN_PLACE, walk->room[1],
		                     &out->where, &out->where_size) < 0)
			return -EBADMSG;
	}
	return turf_location_at(walk->image, e.expr, walk->room[0], &out->expr,
	                        &out->expr_size) < 0
	               ? -EBADMSG
	               : 1;
}

/* The function called at @site of @function: 0 or -EBADMSG. */
static int called(const struct turf_image *image, uint32_t *function, uint32_t site)
{
	struct function f;
	struct place place;
	if (turf_function_read(image, *function, &f) < 0 || turf_function_sites(&f) < 0 ||
	    site >= f.n_sites)
		return -EBADMSG;
	return turf_function_site(&f, site, &place, function);
}

/* The function of the instance at @depth: 1 or -EBADMSG. */
static int function_at(const struct turf_body *walk, uint32_t depth, uint32_t *function)
{
	*function = walk->function;
	for (uint32_t i = 1; i <= depth; i++)
		if (called(walk->image, function, walk->stack[i].own) < 0)
			return -EBADMSG;
	return 1;
}

int turf_body_function(const struct turf_body *walk, uint32_t *function)
{
	return function_at(walk, walk->depth, function);
}

int turf_body_details_around(const struct turf_body *walk, uint32_t around,
                             struct turf_details *out)
{
	uint32_t function;
	if (around > walk->depth)
		return 0;
	int r = function_at(walk, walk->depth - around, &function);
	return r < 0 ? r
	             : turf_details_variant(walk->image, function,
	                                    walk->stack[walk->depth - around].variant, out);
}

int turf_body_details(const struct turf_body *walk, struct turf_details *out)
{
	return turf_body_details_around(walk, 0, out);
}

/* The stack over @rva: 1, 0 nobody's code, -EBADMSG. */
static int stack_at(const struct turf_image *image, uint32_t rva, struct walk *at)
{
	size_t block = turf_image_block(image, rva);
	if (block == SIZE_MAX)
		return 0;
	return turf_walk_at(image, block, rva, at) < 0 ? -EBADMSG : at->depth != 0;
}

/* What an urf without bodies answers: it was made without, or no function had one. */
static int no_bodies(const struct turf_image *image)
{
	return le32_get(image->head->flags) & URF_HAS_COLD ? 0 : -ENODATA;
}

int turf_image_body(const struct turf_image *image, uint64_t addr, struct turf_body *walk)
{
	struct walk at;
	uint32_t rva;
	if (!image->sections[URF_BODIES].size)
		return no_bodies(image);
	int r = rva_of(image, addr, &rva) ? stack_at(image, rva, &at) : 0;
	return r == 1 ? find_body(image, at.entry, walk) : r;
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

/* All tokens of the instances with the sites of @at down to @depth; which variant of its
 * function's details these have. */
static int read_places(struct turf_body *body, const struct walk *at, uint32_t depth,
                       uint32_t rva, struct turf_locals *walk, uint32_t *variant)
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
			if (same == depth && body->depth == depth)
				*variant = body->stack[depth].variant;
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

/* The frame base's expression, for as long as the walk lives. 0 or -EBADMSG. */
static int read_frame_base(const struct turf_image *image, struct turf_locals *walk)
{
	const uint8_t *expr;
	if (turf_location_at(image, walk->frame_base, walk->base_room, &expr,
	                     &walk->base_size) < 0)
		return -EBADMSG;
	walk->base_long = expr == walk->base_room ? NULL : expr;
	return 0;
}

int turf_image_locals(const struct turf_image *image, uint64_t addr, uint32_t frame,
                      struct turf_locals *walk)
{
	struct walk at;
	struct turf_body tokens;
	uint32_t rva, function, variant;
	if (!image->sections[URF_BODIES].size)
		return no_bodies(image);
	int r = rva_of(image, addr, &rva) ? stack_at(image, rva, &at) : 0;
	if (r != 1 || frame >= at.depth)
		return MIN(r, 0);
	uint32_t depth = at.depth - 1 - frame;
	r = find_body(image, at.entry, &tokens);
	if (r != 1 || frame_of(image, &at, depth, &function) < 0)
		return r == 1 ? -EBADMSG : r;
	memset(walk->where, 0, sizeof(walk->where));
	memset(walk->blocks, 0, sizeof(walk->blocks));
	walk->frame_base = 0;
	walk->addr = addr;
	walk->frame = frame;
	variant = depth ? 0 : tokens.stack[0].variant;
	if (read_places(&tokens, &at, depth, rva, walk, &variant) < 0 ||
	    read_frame_base(image, walk) < 0)
		return -EBADMSG;
	r = turf_details_variant(image, function, variant, &walk->details);
	if (r != 1)
		return r;
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
		if (v->block != walk->block || v->number >= TURF_VARIABLES_MAX ||
		    v->kind > TURF_VARIABLE_CONSTANT)
			continue;
		out->expr = v->expr;
		out->expr_size = v->expr_size;
		uint32_t where = walk->where[v->number];
		if (where && turf_location_at(walk->details.image, where, walk->room,
		                              &out->expr, &out->expr_size) < 0)
			return -EBADMSG;
		return 1;
	}
}

int turf_locals_frame_base(const struct turf_locals *walk, const uint8_t **expr, size_t *size)
{
	if (!walk->frame_base)
		return 0;
	*expr = walk->base_long ? walk->base_long : walk->base_room;
	*size = walk->base_size;
	return 1;
}
