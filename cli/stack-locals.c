/* SPDX-License-Identifier: MIT */
/*
 * turf stack --locals: arguments and variables of a call.
 */
#include <stdlib.h>
#include <string.h>

#include "stack.h"

static const char *symbol(void *ctx, const char *name)
{
	const struct stack *s = ctx;
	const char *shown = s->mangled ? NULL : cli_demangle_now(name).at;
	return shown ? shown : name;
}

/* The value as text; free() it. NULL: no memory. */
static char *value_text(struct stack *s, const struct turf_values *values,
                        const struct turf_value *value)
{
	const struct turf_value_format format = { .size = sizeof(format),
		                                  .symbol = symbol,
		                                  .ctx = s };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	turf_value_print(values, value, &format, out);
	return fclose(out) == 0 ? text : NULL;
}

static const char *kind_of(const struct turf_variable *v)
{
	static const char *const kinds[] = { "argument", "local", "static", "constant" };
	return kinds[v->kind & 3];
}

static void json_type(const struct turf_image *image, uint32_t type)
{
	ssize_t n = turf_image_type_name(image, type, NULL, 0);
	char *name = n >= 0 ? malloc((size_t)n + 1) : NULL;
	if (!name)
		return;
	turf_image_type_name(image, type, name, (size_t)n + 1);
	fputs(",\"type\":", stdout);
	cli_json_string(stdout, name);
	free(name);
}

static void json_local(const struct turf_variable *v, const struct turf_value *value,
                       const char *name, const char *text)
{
	fputs("{\"name\":", stdout);
	cli_json_string(stdout, name);
	printf(",\"kind\":\"%s\"", kind_of(v));
	json_type(value->image, v->type);
	fputs(value->why ? ",\"why\":" : ",\"value\":", stdout);
	cli_json_string(stdout, value->why ? turf_why_text(value->why) : text);
	putchar('}');
}

static void print_local(const char *name, const char *text)
{
	fputs("        ", stdout);
	stack_print_text(name);
	fputs(" = ", stdout);
	stack_print_text(text);
	putchar('\n');
}

/* Those of one sort; how many were shown before. */
static unsigned show_sort(struct stack *s, const struct turf_values *values, uint32_t inlined,
                          bool arguments, unsigned n)
{
	const struct turf_location *at = &values->frame.location;
	struct turf_local local;
	struct turf_value value;
	if (turf_image_locals(at->image, at->addr, inlined, s->walk) != 1)
		return n;
	while (turf_locals_next(s->walk, &local) == 1) {
		const struct turf_variable *v = &local.variable;
		struct cli_text name = cli_text(at->image, v->name);
		if ((v->kind == TURF_VARIABLE_ARGUMENT) != arguments || !name.at)
			continue;
		turf_value_of_local(values, s->walk, &local, &value);
		char *text = value_text(s, values, &value);
		if (s->json)
			fputs(n ? "," : "", stdout);
		if (s->json)
			json_local(v, &value, name.at, text ? text : "");
		else
			print_local(name.at, text ? text : "<no memory>");
		free(text);
		n++;
	}
	return n;
}

void stack_show_locals(struct stack *s, const struct turf_values *values, uint32_t inlined)
{
	if (!s->walk && !(s->walk = malloc(sizeof(*s->walk))))
		return;
	if (s->json)
		fputs(",\"locals\":[", stdout);
	unsigned n = show_sort(s, values, inlined, true, 0);
	show_sort(s, values, inlined, false, n);
	if (s->json)
		putchar(']');
}
