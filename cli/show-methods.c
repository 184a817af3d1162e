/* SPDX-License-Identifier: MIT */
/*
 * Methods of a class, as C++ declares them; or as JSON.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"

static const char *text(const struct turf_image *image, turf_text number)
{
	struct cli_text t = cli_text(image, number);
	return t.at ? t.at : "";
}

/* "operator int": the name says what it returns. */
static bool is_conversion(const char *name)
{
	static const char *const others[] = { "new", "delete", "co_await", "\"" };
	if (strncmp(name, "operator ", 9) != 0)
		return false;
	for (size_t i = 0; i < CLI_COUNT(others); i++)
		if (!strncmp(name + 9, others[i], strlen(others[i])))
			return false;
	return true;
}

/* Constructors are called as their class, without its arguments; destructors nearly so. */
static bool returns_nothing(const struct turf_image *image, const struct turf_type *class,
                            const char *name)
{
	if (is_conversion(name))
		return true;
	const char *of = text(image, class->name);
	size_t n = strcspn(of, "<"), size = strcspn(name, "<");
	return name[0] == '~' || (n == size && n && !memcmp(of, name, n));
}

/* "(int, char *) const &"; free() it. NULL: no memory. */
static char *signature(const struct turf_image *image, const struct turf_method *method,
                       const char *name)
{
	struct turf_method walk = *method;
	char *all = NULL;
	size_t size;
	uint32_t type;
	FILE *out = open_memstream(&all, &size);
	if (!out)
		return NULL;
	fprintf(out, "%s(", name);
	const char *between = "";
	while (turf_method_parameter(&walk, &type) == 1) {
		char *parameter = show_declaration(image, type, NULL);
		fprintf(out, "%s%s", between, parameter ? parameter : "?");
		free(parameter);
		between = ", ";
	}
	if (method->flags & TURF_METHOD_VARIADIC)
		fprintf(out, "%s...", between);
	fprintf(out, ")%s%s%s%s", method->flags & TURF_METHOD_CONST ? " const" : "",
	        method->flags & TURF_METHOD_VOLATILE ? " volatile" : "",
	        method->flags & TURF_METHOD_LVALUE ? " &" : "",
	        method->flags & TURF_METHOD_RVALUE ? " &&" : "");
	return fclose(out) == 0 ? all : NULL;
}

static void put_method(const struct turf_image *image, const struct turf_type *class,
                       const struct turf_method *m)
{
	static const char *const words[] = { "", "public ", "protected ", "private " };
	const char *name = text(image, m->name);
	char *what = signature(image, m, name);
	char *all = !what || returns_nothing(image, class, name)
	                    ? NULL
	                    : show_declaration(image, m->type, what);
	printf("\t%s%s%s%s%s;\n", words[m->access & 3],
	       m->flags & TURF_METHOD_STATIC    ? "static "
	       : m->flags & TURF_METHOD_VIRTUAL ? "virtual "
	                                        : "",
	       m->flags & TURF_METHOD_EXPLICIT ? "explicit " : "",
	       all    ? all
	       : what ? what
	              : "?",
	       m->flags & TURF_METHOD_PURE        ? " = 0"
	       : m->flags & TURF_METHOD_DELETED   ? " = delete"
	       : m->flags & TURF_METHOD_DEFAULTED ? " = default"
	                                          : "");
	free(all);
	free(what);
}

void show_methods(const struct turf_image *image, const struct turf_type *class)
{
	struct turf_methods walk;
	struct turf_method m;
	if (turf_type_methods(class, &walk) < 0)
		return;
	for (bool first = true; turf_methods_next(&walk, &m) == 1; first = false) {
		if (first)
			putchar('\n');
		put_method(image, class, &m);
	}
}

static void json_type(const struct turf_image *image, uint32_t number)
{
	char *name = show_declaration(image, number, NULL);
	cli_json_string(stdout, name ? name : "?");
	free(name);
}

static void json_method(const struct turf_image *image, const struct turf_type *class,
                        struct turf_method *m)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} flags[] = {
		{ TURF_METHOD_STATIC, "static" },       { TURF_METHOD_CONST, "const" },
		{ TURF_METHOD_VIRTUAL, "virtual" },     { TURF_METHOD_PURE, "pure" },
		{ TURF_METHOD_DEFAULTED, "defaulted" }, { TURF_METHOD_DELETED, "deleted" },
		{ TURF_METHOD_EXPLICIT, "explicit" },   { TURF_METHOD_VARIADIC, "variadic" },
		{ TURF_METHOD_VOLATILE, "volatile" },   { TURF_METHOD_LVALUE, "lvalue" },
		{ TURF_METHOD_RVALUE, "rvalue" },       { TURF_METHOD_NORETURN, "noreturn" },
	};
	const char *name = text(image, m->name), *between = "";
	uint32_t type;
	printf("{\"name\":");
	cli_json_string(stdout, name);
	if (!returns_nothing(image, class, name)) {
		printf(",\"type\":");
		json_type(image, m->type);
	}
	printf(",\"parameters\":[");
	for (; turf_method_parameter(m, &type) == 1; between = ",") {
		printf("%s", between);
		json_type(image, type);
	}
	putchar(']');
	if (m->access)
		printf(",\"access\":%u", m->access);
	for (size_t i = 0; i < CLI_COUNT(flags); i++)
		if (m->flags & flags[i].flag)
			printf(",\"%s\":true", flags[i].name);
	putchar('}');
}

void json_methods(const struct turf_image *image, const struct turf_type *class)
{
	struct turf_methods walk;
	struct turf_method m;
	if (turf_type_methods(class, &walk) < 0)
		return;
	bool any = false;
	while (turf_methods_next(&walk, &m) == 1) {
		printf(any ? "," : ",\"methods\":[");
		any = true;
		json_method(image, class, &m);
	}
	if (any)
		putchar(']');
}
