/* SPDX-License-Identifier: MIT */
/* Checking details and bodies: each record, each token, each expression and each number in
 * them. */
#include "image/bodies.h"
#include "image/expr.h"
#include "image/verify.h"

static const char *check_expr(const uint8_t *expr, size_t size, unsigned nested)
{
	enum { NESTED_MOST = 8 };
	struct cursor c = cur_of((struct span){ expr, size }, false);
	struct expr_op op;
	int r;
	while ((r = turf_expr_next(&c, &op)) == 1) {
		if (op.op != OP_ENTRY_VALUE)
			continue;
		if (nested == NESTED_MOST)
			return "entry values nest too deep";
		const char *why = check_expr(op.block.at, op.block.size, nested + 1);
		if (why)
			return why;
	}
	return r < 0 ? "an operation that is none, or is cut" : NULL;
}

static int check_locations(const struct turf_image *image, struct turf_error *err)
{
	struct span all = image->sections[URF_LOCATIONS];
	const uint8_t *at = all.at, *end = at + all.size;
	for (size_t i = 0; at < end; i++) {
		uint32_t size = take_uleb(&at);
		if (at > end || size > (size_t)(end - at))
			return bad(image, err, URF_LOCATIONS, i, "leaves the section");
		if ((i == 0) != (size == 0))
			return bad(image, err, URF_LOCATIONS, i,
			           "is empty, or the first is not");
		const char *why = check_expr(at, size, 0);
		if (why)
			return bad(image, err, URF_LOCATIONS, i, why);
		at += size;
	}
	return 0;
}

static const char *check_variable(const struct turf_image *image, const struct turf_details *d,
                                  const struct turf_variable *v)
{
	if (v->type && v->type >= image->n_types)
		return "a variable's type is beyond the last one";
	if (v->name >= (uint64_t)image->n_texts + image->more.n)
		return "a variable's name is beyond the last text";
	if (v->block > d->n_blocks)
		return "a variable's block is beyond the last one";
	if (v->kind > TURF_VARIABLE_CONSTANT)
		return "a variable's kind is none";
	return NULL;
}

static const char *check_details(const struct turf_image *image, uint32_t function,
                                 uint32_t *n_variables, uint32_t *n_blocks)
{
	struct turf_details d;
	struct turf_variables walk;
	struct turf_variable v;
	int r = turf_image_details(image, function, &d);
	*n_variables = *n_blocks = 0;
	if (r <= 0)
		return r < 0 ? "cannot be read" : NULL;
	*n_blocks = d.n_blocks;
	if (d.type && d.type >= image->n_types)
		return "its type is beyond the last one";
	if (d.scope && d.scope >= image->n_types)
		return "what it stands in is beyond the last type";
	turf_details_variables(&d, &walk);
	while ((r = turf_variables_next(&walk, &v)) == 1) {
		const char *why = check_variable(image, &d, &v);
		if (why)
			return why;
		(*n_variables)++;
	}
	return r < 0 ? "a variable cannot be read" : NULL;
}

static int check_all_details(const struct turf_image *image, struct turf_error *err)
{
	struct span index = image->sections[URF_DETAIL_INDEX];
	uint32_t none;
	if (!index.size)
		return image->sections[URF_DETAILS].size
		               ? bad(image, err, URF_DETAILS, 0, "has no index")
		               : 0;
	if (index.size / sizeof(le32) !=
	    ((uint64_t)image->n_functions + URF_DETAIL_STEP - 1) / URF_DETAIL_STEP)
		return bad(image, err, URF_DETAIL_INDEX, 0,
		           "does not go with the number of functions");
	for (uint32_t i = 0; i < image->n_functions; i++) {
		const char *why = check_details(image, i, &none, &none);
		if (why)
			return bad(image, err, URF_DETAILS, i, why);
	}
	return 0;
}

/* What the instances on the stack have. */
struct known {
	uint32_t variables, blocks;
};

static const char *check_tokens(const struct turf_image *image, const struct body *body)
{
	struct turf_body walk;
	struct body_event e = { 0 };
	struct known stack[TURF_FRAMES_MAX];
	const uint8_t *expr;
	size_t size;
	int r;
	if (!body->function || body->function >= image->n_functions)
		return "its function is beyond the last one";
	turf_body_begin(image, body, &walk);
	const char *why =
		check_details(image, body->function, &stack[0].variables, &stack[0].blocks);
	if (why)
		return "its function's details cannot be read";
	while ((r = turf_body_token(&walk, &e)) == 1) {
		struct known *top = &stack[walk.depth];
		uint32_t function;
		if (e.kind == URF_TOKEN_ENTER) {
			if (turf_body_function(&walk, &function) < 0)
				return "a call site that its function has not";
			if (check_details(image, function, &top->variables, &top->blocks))
				return "details of what is inlined cannot be read";
		}
		if (e.kind <= URF_TOKEN_SINGLE && e.a >= top->variables)
			return "a variable that its function has not";
		if ((e.kind == URF_TOKEN_BLOCK || e.kind == URF_TOKEN_RANGE) &&
		    (!e.a || e.a > top->blocks))
			return "a block that its function has not";
		bool has_expr = e.kind <= URF_TOKEN_SINGLE || e.kind == URF_TOKEN_PARAMETER ||
		                e.kind == URF_TOKEN_FRAME;
		if (has_expr && (!e.expr || turf_location_at(image, e.expr, &expr, &size) < 0))
			return "no expression where one is";
		if (e.kind == URF_TOKEN_PARAMETER && e.a >= URF_TOKEN_PLACE &&
		    turf_location_at(image, e.a - URF_TOKEN_PLACE, &expr, &size) < 0)
			return "a parameter lies at no expression";
	}
	return r < 0 ? "a token cannot be read" : NULL;
}

static int check_bodies(const struct turf_image *image, struct turf_error *err)
{
	struct span groups = image->sections[URF_BODIES], all = image->sections[URF_BODY_DATA];
	size_t n_groups = groups.size / sizeof(struct urf_body), n = 0;
	const uint8_t *at = all.at, *end = at + all.size;
	struct body body = { 0 };
	for (; at < end; n++) {
		bool first = n % URF_BODY_STEP == 0;
		uint32_t before = body.start;
		if (first) {
			const struct urf_body *g =
				(const struct urf_body *)groups.at + n / URF_BODY_STEP;
			if (n / URF_BODY_STEP >= n_groups ||
			    le32_get(g->off) != (uint64_t)(at - all.at))
				return bad(image, err, URF_BODIES, n / URF_BODY_STEP,
				           "is no body's offset");
			body.start = le32_get(g->start);
		}
		if (turf_body_read(image, &at, first, &body) < 0)
			return bad(image, err, URF_BODY_DATA, n, "leaves the section");
		if (n && body.start <= before)
			return bad(image, err, URF_BODY_DATA, n, "out of order");
		const char *why = check_tokens(image, &body);
		if (why)
			return bad(image, err, URF_BODY_DATA, n, why);
	}
	return n_groups == (n + URF_BODY_STEP - 1) / URF_BODY_STEP
	               ? 0
	               : bad(image, err, URF_BODIES, n_groups, "one too many");
}

static const char *check_global(const struct turf_image *image, const struct turf_global *g)
{
	if (g->type && g->type >= image->n_types)
		return "its type is beyond the last one";
	if (g->scope && g->scope >= image->n_types)
		return "what it stands in is beyond the last type";
	if (g->function && g->function >= image->n_functions)
		return "its function is beyond the last one";
	if (g->name >= (uint64_t)image->n_texts + image->more.n ||
	    g->linkage_name >= (uint64_t)image->n_texts + image->more.n)
		return "a name is beyond the last text";
	if (g->file && g->file >= (uint64_t)image->files.n + image->more_files.n)
		return "its file is beyond the last one";
	return g->kind == TURF_GLOBAL_EXPR && !g->expr ? "no expression where one is" : NULL;
}

static int check_globals(const struct turf_image *image, struct turf_error *err)
{
	uint64_t last = 0;
	bool placed = true;
	if (image->sections[URF_VARIABLE_INDEX].size / sizeof(le32) !=
	    ((uint64_t)image->n_variables + URF_GLOBAL_STEP - 1) / URF_GLOBAL_STEP)
		return bad(image, err, URF_VARIABLE_INDEX, 0,
		           "does not go with the number of variables");
	for (uint32_t i = 0; i < image->n_variables; i++) {
		struct turf_global g;
		if (turf_image_global(image, i, &g) != 1)
			return bad(image, err, URF_VARIABLES, i, "cannot be read");
		const char *why = check_global(image, &g);
		bool is_placed = g.kind == TURF_GLOBAL_ADDRESS;
		if (!why && is_placed && (!placed || g.address < last))
			why = "out of order";
		if (why)
			return bad(image, err, URF_VARIABLES, i, why);
		placed = is_placed;
		last = is_placed ? g.address : last;
	}
	return 0;
}

int turf_verify_bodies(const struct turf_image *image, struct turf_error *err)
{
	int r = check_locations(image, err);
	if (r == 0)
		r = check_all_details(image, err);
	if (r == 0)
		r = check_bodies(image, err);
	return r < 0 ? r : check_globals(image, err);
}
