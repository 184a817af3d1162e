/* SPDX-License-Identifier: MIT */
/*
 * What llvm-symbolizer calls a frame: all variables of the innermost function at an address and
 * of all that is inlined in that, whether they are in scope there or not; and where they are in
 * the frame, if that is what their location says.
 */
#include <stdlib.h>
#include <string.h>

#include "llvm.h"
#include "turf/types.h"
#include "turf/variables.h"

/* An instance of a function, with what the body says of its variables. */
struct instance {
	struct turf_details details;
	bool is_root;         /* not inlined: what is declared there is shown, known or not */
	size_t n;             /* variables */
	struct place *places; /* by number */
	struct instance *next;
};
struct place {
	bool known, has_offset;
	bool is_block; /* block of that number has code */
	int64_t offset;
};

struct frame {
	const struct turf_image *image;
	uint32_t chain[TURF_FRAMES_MAX], n_chain; /* functions, the innermost first */
	struct instance *stack[TURF_FRAMES_MAX];  /* NULL: not one that is shown */
	struct instance *first, **last;           /* those that are shown */
	uint32_t depth, same; /* of the stack; how many of it are those of the chain */
	bool found;           /* the innermost of the chain has come */
	char base[64];        /* the frame base, if it is a register: "reg6" */
};

/* "fbreg -20" or, of the register that is the frame base, "breg6 +8"; a deref behind it is
 * Fortran's. */
static bool frame_offset(const struct frame *f, const uint8_t *expr, size_t size, int64_t *ret)
{
	char ops[128], *end;
	if (!expr || turf_location_ops(expr, size, ops, sizeof(ops)) < 0)
		return false;
	size_t n = strcspn(ops, " ");
	bool is_base = ops[0] == 'b' && n == strlen(f->base) + 1 &&
	               memcmp(ops + 1, f->base, n - 1) == 0;
	if (!is_base && strncmp(ops, "fbreg ", 6) != 0)
		return false;
	*ret = strtoll(ops + n, &end, 10);
	return !*end || strcmp(end, ", deref") == 0;
}

static struct instance *add_instance(struct frame *f, const struct turf_body *body)
{
	struct turf_variables walk;
	struct turf_variable v;
	struct instance *i = calloc(1, sizeof(*i));
	if (!i || turf_body_details(body, &i->details) != 1) {
		free(i);
		return NULL;
	}
	turf_details_variables(&i->details, &walk);
	while (turf_variables_next(&walk, &v) == 1)
		i->n = v.number + (size_t)1;
	i->n = i->n > i->details.n_blocks ? i->n : i->details.n_blocks + (size_t)1;
	i->places = calloc(i->n + 1, sizeof(*i->places));
	if (!i->places)
		i->n = 0;
	*f->last = i;
	f->last = &i->next;
	return i;
}

/* The stack gets an instance of @function: it is shown where it is the innermost of the chain,
 * or within that. */
static void push(struct frame *f, uint32_t depth, uint32_t function,
                 const struct turf_body *body)
{
	uint32_t n = f->n_chain;
	bool within = depth && f->stack[depth - 1];
	f->same = f->same < depth ? f->same : depth;
	if (f->same == depth && depth < n && !f->found && f->chain[n - 1 - depth] == function)
		f->same++;
	bool is_it = !f->found && f->same == n && depth == n - 1;
	f->found |= is_it;
	f->stack[depth] = is_it || within ? add_instance(f, body) : NULL;
	if (f->stack[depth])
		f->stack[depth]->is_root = depth == 0;
}

static void take_place(const struct frame *f, const struct turf_body_event *e)
{
	struct instance *i = f->stack[e->depth];
	if (!i || e->number >= i->n)
		return;
	struct place *p = &i->places[e->number];
	p->known = true;
	if (!p->has_offset)
		p->has_offset = frame_offset(f, e->expr, e->expr_size, &p->offset);
}

static void take_block(const struct frame *f, const struct turf_body_event *e)
{
	struct instance *i = f->stack[e->depth];
	if (i && e->number < i->n)
		i->places[e->number].is_block = true;
}

static void read_body(struct frame *f, struct turf_body *body)
{
	struct turf_body_event e;
	uint32_t function;
	push(f, 0, body->function, body);
	while (turf_body_next(body, &e) == 1 && e.depth < TURF_FRAMES_MAX) {
		if (e.kind == TURF_BODY_ENTER && turf_body_function(body, &function) == 1)
			push(f, e.depth, function, body);
		else if (e.kind == TURF_BODY_FRAME)
			turf_location_ops(e.expr, e.expr_size, f->base, sizeof(f->base));
		else if (e.kind == TURF_BODY_BLOCK)
			take_block(f, &e);
		else if (e.kind == TURF_BODY_PLACE || e.kind == TURF_BODY_SINGLE)
			take_place(f, &e);
	}
}

/* A compiler that knows of no place leaves a variable out, but not all of a function's own. */
static bool is_told(const struct instance *i, const struct turf_variable *v)
{
	if (v->number >= i->n)
		return false;
	bool block = !v->block || (v->block < i->n && i->places[v->block].is_block);
	return i->places[v->number].known || v->expr || (i->is_root && block);
}

static void show_instance(const struct frame *f, struct llvm_printer *p, struct instance *i)
{
	struct turf_variables walk;
	struct turf_variable v;
	turf_details_variables(&i->details, &walk);
	while (turf_variables_next(&walk, &v) == 1) {
		if (v.kind > TURF_VARIABLE_CONSTANT || !is_told(i, &v))
			continue;
		struct place *place = &i->places[v.number];
		if (!place->known)
			place->has_offset =
				frame_offset(f, v.expr, v.expr_size, &place->offset);
		struct llvm_local local = {
			.function = cli_text(f->image, i->details.name).at,
			.name = cli_text(f->image, v.name).at,
			.path = i->details.file ? cli_path(f->image, i->details.file).at : NULL,
			.line = v.line,
			.has_offset = place->has_offset,
			.offset = place->offset,
		};
		local.has_size = turf_image_type_size(f->image, v.type, &local.size) == 1;
		llvm_local(p, &local);
	}
}

void llvm_frame(const struct turf_image *image, uint64_t addr, struct llvm_printer *p)
{
	struct turf_frames chain;
	struct turf_frame one;
	struct turf_body body;
	struct frame f = { .image = image };
	f.last = &f.first;
	if (turf_image_frames(image, addr, &chain) != 1 ||
	    turf_image_body(image, addr, &body) != 1)
		return;
	while (turf_frames_next(&chain, &one) == 1)
		f.chain[f.n_chain++] = one.function;
	read_body(&f, &body);
	for (struct instance *i = f.first, *next; i; i = next) {
		next = i->next;
		show_instance(&f, p, i);
		free(i->places);
		free(i);
	}
}
