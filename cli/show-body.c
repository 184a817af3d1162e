/* SPDX-License-Identifier: MIT */
/* turf show: variables and where they are; the body of a function's code. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "show-body.h"

const char *show_kind(const struct turf_variable *v)
{
	static const char *const kinds[] = { "argument", "local", "static", "constant",
		                             "label" };
	return v->kind < CLI_COUNT(kinds) ? kinds[v->kind] : "other";
}

char *show_text(const struct turf_image *image, turf_text text, char *out, size_t size)
{
	if (turf_image_text(image, text, out, size) < 0)
		snprintf(out, size, "?");
	return out;
}

static uint16_t machine_of(const struct turf_image *image)
{
	struct turf_image_info info;
	turf_image_info(image, &info);
	return info.machine;
}

/* The variable that an expression is a pointer to: true, there is one. */
static bool find_pointed(const uint8_t *expr, size_t size, show_around *around, const void *ctx,
                         struct turf_details *d, struct turf_piece *p, struct turf_variable *v)
{
	struct turf_variables walk;
	if (!size || turf_location_pointer(expr, size, p) != 1 ||
	    p->variable == TURF_VARIABLE_NONE || around(ctx, p->around, d) != 1)
		return false;
	turf_details_variables(d, &walk);
	while (turf_variables_next(&walk, v) == 1)
		if (v->number == p->variable)
			return true;
	return false;
}

/* A pointer to a variable that has no address. */
static void put_pointer(const struct turf_details *d, const struct turf_piece *p,
                        const struct turf_variable *v)
{
	char name[NAME_MOST];
	printf("points ");
	if (p->value)
		printf("%" PRId64 " bytes in", (int64_t)p->value);
	printf("to %s", show_text(d->image, v->name, name, sizeof(name)));
	if (p->around)
		printf(" of %s", find_function_name(d->image, d->function).at);
}

void show_words(const struct turf_image *image, const uint8_t *expr, size_t size,
                show_around *around, const void *ctx)
{
	struct turf_details d;
	struct turf_piece p;
	struct turf_variable v;
	char words[WORDS_MOST];
	if (find_pointed(expr, size, around, ctx, &d, &p, &v))
		put_pointer(&d, &p, &v);
	else if (turf_location_words(machine_of(image), expr, size, words, sizeof(words)) < 0)
		printf("?");
	else
		printf("%s", words);
}

bool show_variable(const struct turf_image *image, const struct turf_variable *v,
                   unsigned depth)
{
	char name[NAME_MOST];
	char *declared =
		v->kind == TURF_VARIABLE_LABEL
			? strdup(show_text(image, v->name, name, sizeof(name)))
			: show_declaration(image, v->type,
	                                   show_text(image, v->name, name, sizeof(name)));
	if (!declared)
		return false;
	printf("  %*s%-8s  %s", (int)depth * 2, "", show_kind(v), declared);
	if (v->line)
		printf("  (line %" PRIu32 ")", v->line);
	free(declared);
	return true;
}

void show_json_text(const struct turf_image *image, const char *key, turf_text text)
{
	char name[NAME_MOST];
	printf(",\"%s\":", key);
	cli_json_string(stdout, show_text(image, text, name, sizeof(name)));
}

void show_json_pointed(const uint8_t *expr, size_t size, show_around *around, const void *ctx)
{
	struct turf_details d;
	struct turf_piece p;
	struct turf_variable v;
	if (find_pointed(expr, size, around, ctx, &d, &p, &v))
		show_json_text(d.image, "points_to", v.name);
}

/* The variable that an event of a body is about: 1, 0 or < 0. */
static int variable_of(const struct turf_body *body, uint32_t number, struct turf_variable *v,
                       struct turf_details *d)
{
	struct turf_variables walk;
	int r = turf_body_details(body, d);
	if (r != 1)
		return r;
	turf_details_variables(d, &walk);
	while ((r = turf_variables_next(&walk, v)) == 1 && v->number != number)
		;
	return r;
}

static int around_body(const void *ctx, uint32_t around, struct turf_details *out)
{
	return turf_body_details_around(ctx, around, out);
}

static int put_entered(const struct turf_image *image, const struct turf_body *body,
                       uint32_t depth)
{
	uint32_t function;
	if (turf_body_function(body, &function) < 0)
		return -EBADMSG;
	printf("  %*sinlined   %s\n", (int)(depth - 1) * 2, "",
	       find_function_name(image, function).at);
	return 0;
}

/* What is said of a function's code: variables with all places, in what is inlined too. */
/* Whether what follows of the instance at @depth says where a variable is. */
static bool is_placed(const struct turf_body *body, uint32_t depth, uint32_t number)
{
	struct turf_body rest = *body;
	struct turf_body_event e;
	while (turf_body_next(&rest, &e) == 1 && (e.kind != TURF_BODY_ENTER || e.depth > depth))
		if ((e.kind == TURF_BODY_PLACE || e.kind == TURF_BODY_SINGLE) &&
		    e.depth == depth && e.number == number)
			return true;
	return false;
}

/* The next variable of the instance that @body has just begun that is the same wherever the
 * function is: a constant, a static. 1, 0 or < 0. */
static int next_fixed(const struct turf_body *body, uint32_t depth, struct turf_variables *walk,
                      struct turf_variable *v)
{
	int r;
	while ((r = turf_variables_next(walk, v)) == 1 &&
	       (!v->expr || is_placed(body, depth, v->number)))
		;
	return r;
}

static int put_fixed(const struct turf_image *image, const struct turf_body *body,
                     uint32_t depth)
{
	struct turf_details d;
	struct turf_variables walk;
	struct turf_variable v;
	int r = turf_body_details(body, &d);
	if (r == 1)
		turf_details_variables(&d, &walk);
	while (r == 1 && (r = next_fixed(body, depth, &walk, &v)) == 1) {
		if (!show_variable(image, &v, depth))
			return -ENOMEM;
		printf("\n  %*s  ", (int)depth * 2, "");
		show_words(image, v.expr, v.expr_size, around_body, body);
		putchar('\n');
	}
	return r;
}

int show_body(const struct turf_image *image, struct turf_body *body)
{
	struct turf_body_event e;
	uint32_t last = UINT32_MAX, instance = UINT32_MAX;
	int r = put_fixed(image, body, 0);
	while (r >= 0 && (r = turf_body_next(body, &e)) == 1) {
		struct turf_details d;
		struct turf_variable v;
		if (e.kind == TURF_BODY_ENTER) {
			r = put_entered(image, body, e.depth);
			if (r == 0)
				r = put_fixed(image, body, e.depth);
			last = UINT32_MAX;
			continue;
		}
		if (e.kind != TURF_BODY_PLACE && e.kind != TURF_BODY_SINGLE)
			continue;
		if (e.number != last || e.instance != instance) {
			r = variable_of(body, e.number, &v, &d);
			if (r < 0 || (r == 1 && !show_variable(image, &v, e.depth)))
				return r < 0 ? r : -ENOMEM;
			putchar('\n');
		}
		last = e.number;
		instance = e.instance;
		if (!e.expr) {
			printf("  %*s  0x%" PRIx64 "\n", (int)e.depth * 2, "", e.start);
			continue;
		}
		printf("  %*s  ", (int)e.depth * 2, "");
		if (e.kind == TURF_BODY_PLACE)
			printf("0x%" PRIx64 "-0x%" PRIx64 "  ", e.start, e.end);
		show_words(image, e.expr, e.expr_size, around_body, body);
		putchar('\n');
	}
	return r;
}

static void json_place(const struct turf_body *body, const struct turf_body_event *e,
                       const struct turf_details *d, const struct turf_variable *v,
                       const char *between)
{
	char ops[WORDS_MOST];
	printf("%s{\"depth\":%" PRIu32 ",\"instance\":%" PRIu32, between, e->depth,
	       e->instance);
	show_json_text(d->image, "function", d->name);
	show_json_text(d->image, "variable", v->name);
	if (e->kind == TURF_BODY_PLACE)
		printf(",\"start\":\"0x%" PRIx64 "\",\"end\":\"0x%" PRIx64 "\"", e->start,
		       e->end);
	if (turf_location_ops(e->expr, e->expr_size, ops, sizeof(ops)) < 0)
		snprintf(ops, sizeof(ops), "?");
	printf(",\"location\":");
	cli_json_string(stdout, ops);
	show_json_pointed(e->expr, e->expr_size, around_body, body);
	putchar('}');
}

/* As put_fixed(). */
static int json_fixed(const struct turf_body *body, struct turf_body_event e, bool *begun)
{
	struct turf_details d;
	struct turf_variables walk;
	struct turf_variable v;
	int r = turf_body_details(body, &d);
	if (r == 1)
		turf_details_variables(&d, &walk);
	while (r == 1 && (r = next_fixed(body, e.depth, &walk, &v)) == 1) {
		e.kind = TURF_BODY_SINGLE;
		e.expr = v.expr;
		e.expr_size = v.expr_size;
		json_place(body, &e, &d, &v, *begun ? "," : "");
		*begun = true;
	}
	return r;
}

int show_json_body(struct turf_body *body, bool *begun)
{
	struct turf_body_event e = { 0 };
	int r = json_fixed(body, e, begun);
	while (r >= 0 && (r = turf_body_next(body, &e)) == 1) {
		struct turf_details d;
		struct turf_variable v;
		if (e.kind == TURF_BODY_ENTER)
			r = json_fixed(body, e, begun);
		if ((e.kind != TURF_BODY_PLACE && e.kind != TURF_BODY_SINGLE) || !e.expr ||
		    variable_of(body, e.number, &v, &d) != 1)
			continue;
		json_place(body, &e, &d, &v, *begun ? "," : "");
		*begun = true;
	}
	return r;
}

static void json_label(const struct turf_image *image, const struct turf_body *body,
                       const struct turf_body_event *e, const char *between)
{
	struct turf_details d;
	struct turf_variable v;
	if (variable_of(body, e->number, &v, &d) != 1)
		return;
	printf("%s{\"depth\":%" PRIu32 ",\"instance\":%" PRIu32, between, e->depth,
	       e->instance);
	show_json_text(image, "function", d.name);
	show_json_text(image, "label", v.name);
	printf(",\"line\":%" PRIu32 ",\"address\":\"0x%" PRIx64 "\"}", v.line, e->start);
}

int show_json_labels(const struct turf_image *image, struct turf_body *body, bool *begun)
{
	struct turf_body_event e;
	int r;
	while ((r = turf_body_next(body, &e)) == 1) {
		if (e.kind != TURF_BODY_PLACE || e.expr)
			continue;
		json_label(image, body, &e, *begun ? "," : "");
		*begun = true;
	}
	return r;
}

static void put_argument(const struct turf_details *d, const struct turf_variable *v,
                         const char *type)
{
	char name[NAME_MOST], words[WORDS_MOST];
	bool is_type = v->kind == TURF_VARIABLE_TYPE_ARGUMENT;
	show_text(d->image, v->name, name, sizeof(name));
	if (is_type)
		printf("  template  typename %s = %s\n", name, type);
	else
		printf("  template  %s %s", type, name);
	if (!is_type && v->expr &&
	    turf_location_words(machine_of(d->image), v->expr, v->expr_size, words,
	                        sizeof(words)) >= 0)
		printf(" = %s", words);
	if (!is_type)
		putchar('\n');
}

static void json_argument(const struct turf_details *d, const struct turf_variable *v,
                          const char *type)
{
	char ops[WORDS_MOST];
	show_json_text(d->image, "name", v->name);
	printf(",\"type\":");
	cli_json_string(stdout, type);
	if (v->expr && turf_location_ops(v->expr, v->expr_size, ops, sizeof(ops)) >= 0) {
		printf(",\"value\":");
		cli_json_string(stdout, ops);
	}
	putchar('}');
}

bool show_instance(const struct turf_details *d, bool json)
{
	struct turf_variables walk;
	struct turf_variable v;
	bool any = false;
	if (d->convention)
		printf(json ? ",\"calling_convention\":%u" : "  calling convention %u\n",
		       d->convention);
	turf_details_variables(d, &walk);
	while (turf_variables_next(&walk, &v) == 1) {
		if (v.kind <= TURF_VARIABLE_LABEL)
			continue;
		char *type = show_declaration(d->image, v.type, NULL);
		if (!type)
			return false;
		if (json)
			printf("%s{\"kind\":\"%s\"", any ? "," : ",\"template\":[",
			       v.kind == TURF_VARIABLE_TYPE_ARGUMENT ? "type" : "value");
		(json ? json_argument : put_argument)(d, &v, type);
		free(type);
		any = true;
	}
	if (any && json)
		putchar(']');
	return true;
}
