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
		if (!expr_is_nested(&op))
			continue;
		if (nested == NESTED_MOST)
			return "expressions nest too deep";
		const char *why = check_expr(op.block.at, op.block.size, nested + 1);
		if (why)
			return why;
	}
	return r < 0 ? "an operation that is none, or is cut" : NULL;
}

static int check_locations(const struct turf_image *image, struct turf_error *err)
{
	struct span index = image->sections[URF_LOCATION_INDEX];
	uint32_t n = turf_locations_n(image);
	size_t n_groups = index.size / sizeof(le32);
	if (n_groups && le32_get(*(const le32 *)index.at) != n)
		return bad(image, err, URF_LOCATION_INDEX, 0,
		           "tells more expressions than it has");
	if (n_groups != (n ? 1 + ((uint64_t)n + URF_LOCATION_STEP - 1) / URF_LOCATION_STEP : 0))
		return bad(image, err, URF_LOCATION_INDEX, 0,
		           "does not go with the number of expressions");
	for (uint32_t i = 1; i < n; i++) {
		uint8_t room[TURF_EXPR_ROOM];
		const uint8_t *expr;
		size_t size;
		const char *why = "cannot be read";
		if (turf_location_at(image, i, room, &expr, &size) == 0)
			why = check_expr(expr, size, 0);
		if (why)
			return bad(image, err, URF_LOCATIONS, i, why);
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
	if (v->kind > TURF_VARIABLE_VALUE_ARGUMENT)
		return "a variable's kind is none";
	return NULL;
}

/* How much of it a function, or a variant of it, has. */
struct known {
	uint32_t variables, blocks;
	uint32_t variants; /* where its are, + 1; 0: it has none */
	bool checked;
};

static const char *check_details(const struct turf_image *image, uint32_t function,
                                 uint32_t variant, struct known *known)
{
	struct turf_details d;
	struct turf_variables walk;
	struct turf_variable v;
	int r = turf_details_variant(image, function, variant, &d);
	*known = (struct known){ .checked = true };
	if (r <= 0)
		return r < 0 ? "cannot be read" : NULL;
	known->blocks = d.n_blocks;
	known->variants = d.flags & URF_DETAIL_VARIANTS ? d.variants + 1 : 0;
	if (d.type && d.type >= image->n_types)
		return "its type is beyond the last one";
	if (d.scope && d.scope >= image->n_types)
		return "what it stands in is beyond the last type";
	turf_details_variables(&d, &walk);
	while ((r = turf_variables_next(&walk, &v)) == 1) {
		const char *why = check_variable(image, &d, &v);
		if (why)
			return why;
		known->variables++;
	}
	return r < 0 ? "a variable cannot be read" : NULL;
}

/* What is known of functions, then of variants. */
struct all_known {
	struct known *at;
	size_t n;
};

static int check_all_details(const struct turf_image *image, struct known *known, size_t n,
                             struct turf_error *err)
{
	struct span index = image->sections[URF_DETAIL_INDEX];
	if (!index.size)
		return image->sections[URF_DETAILS].size
		               ? bad(image, err, URF_DETAILS, 0, "has no index")
		               : 0;
	if (n < image->n_functions)
		return bad(image, err, URF_DETAIL_INDEX, 0,
		           "does not go with the number of functions");
	for (uint32_t i = 0; i < image->n_functions; i++) {
		const char *why = check_details(image, i, 0, &known[i]);
		if (why)
			return bad(image, err, URF_DETAILS, i, why);
	}
	return 0;
}

static const char *check_token(const struct turf_image *image, const struct body_event *e,
                               const struct known *top)
{
	uint32_t n = turf_locations_n(image);
	if (e->kind <= URF_TOKEN_SINGLE && e->a >= top->variables)
		return "a variable that its function has not";
	if ((e->kind == URF_TOKEN_BLOCK || e->kind == URF_TOKEN_RANGE) &&
	    (!e->a || e->a > top->blocks))
		return "a block that its function has not";
	bool has_expr = e->kind <= URF_TOKEN_SINGLE || e->kind == URF_TOKEN_PARAMETER ||
	                e->kind == URF_TOKEN_FRAME || e->kind == URF_TOKEN_TARGET;
	bool label = e->kind == URF_TOKEN_FIRST && e->start == e->end;
	if (has_expr && ((!e->expr && !label) || e->expr >= n))
		return "no expression where one is";
	if (e->kind == URF_TOKEN_PARAMETER && e->a >= URF_TOKEN_PLACE &&
	    e->a - URF_TOKEN_PLACE >= n)
		return "a parameter lies at no expression";
	return NULL;
}

/* What is known of the function that @walk is in, which may be a variant. */
static const char *find_known(const struct turf_image *image, const struct all_known *known,
                              const struct turf_body *walk, uint32_t function,
                              struct known *out)
{
	uint32_t variant = walk->stack[walk->depth].variant;
	*out = known->at[function];
	if (!variant)
		return NULL;
	uint64_t number = (uint64_t)image->n_functions + out->variants + variant - 2;
	if (!out->variants || number >= known->n)
		return "a variant that its function has not";
	struct known *of = &known->at[number];
	const char *why = of->checked ? NULL : check_details(image, function, variant, of);
	*out = *of;
	return why;
}

static const char *check_tokens(const struct turf_image *image, const struct all_known *known,
                                struct turf_body *walk)
{
	struct body_event e = { 0 };
	struct known stack[TURF_FRAMES_MAX];
	int r;
	if (!walk->function || walk->function >= image->n_functions)
		return "its function is beyond the last one";
	const char *why = find_known(image, known, walk, walk->function, &stack[0]);
	if (why)
		return why;
	while ((r = turf_body_token(walk, &e)) == 1) {
		uint32_t function;
		if (e.kind == URF_TOKEN_ENTER) {
			if (turf_body_function(walk, &function) < 0 ||
			    function >= image->n_functions)
				return "a call site that its function has not";
			why = find_known(image, known, walk, function, &stack[walk->depth]);
		}
		if (!why)
			why = check_token(image, &e, &stack[walk->depth]);
		if (why)
			return why;
	}
	return r < 0 ? "a token cannot be read" : NULL;
}

static int check_bodies(const struct turf_image *image, const struct all_known *known,
                        struct turf_error *err)
{
	size_t n = image->sections[URF_BODIES].size / sizeof(struct urf_body);
	uint64_t last = 0;
	for (size_t i = 0; i < n; i++) {
		struct turf_body walk;
		unsigned k = 0;
		int r = turf_body_group(image, i, &walk);
		for (; r == 0 && (r = turf_body_begin(&walk, k == 0)) == 1; k++) {
			const char *why = check_tokens(image, known, &walk);
			if ((i || k) && walk.entry <= last)
				why = "out of order";
			if (k == URF_BODY_STEP)
				why = "one too many";
			if (why)
				return bad(image, err, URF_BODY_DATA, i, why);
			last = walk.entry;
			r = 0;
		}
		if (r < 0 || !k)
			return bad(image, err, URF_BODY_DATA, i, "cannot be read");
	}
	return image->sections[URF_BODY_DATA].size && !n
	               ? bad(image, err, URF_BODIES, 0, "has no groups")
	               : 0;
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
	size_t n = image->sections[URF_DETAIL_INDEX].size / sizeof(le32) * URF_DETAIL_STEP;
	scoped(freep) struct known *known =
		calloc(MAX(n, (size_t)image->n_functions) + 1, sizeof(*known));
	if (!known)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory to verify with");
	struct all_known all = { known, n };
	int r = check_locations(image, err);
	if (r == 0)
		r = check_all_details(image, known, n, err);
	if (r == 0)
		r = check_bodies(image, &all, err);
	return r < 0 ? r : check_globals(image, err);
}
