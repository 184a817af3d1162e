/* SPDX-License-Identifier: MIT */
/*
 * From what people write to what it means. The urf knows last components and linkage names;
 * what a name stands in, and its arguments, are compared here, with names as they are shown.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "turf/types.h"
#include "turf/variables.h"

enum { SCOPES_MOST = 64 };

int find_no_names(void)
{
	return cli_error(NULL, "no names in this urf: it was made with --hot, or stripped; "
	                       "build it without --hot");
}

void find_free(struct found *f)
{
	free(f->at);
}

static int add(struct found *f, struct turf_name name)
{
	if (f->n == f->room) {
		size_t room = 2 * f->room + 8;
		struct turf_name *at = realloc(f->at, room * sizeof(*at));
		if (!at)
			return cli_error(NULL, "no memory");
		f->at = at;
		f->room = room;
	}
	f->at[f->n++] = name;
	return CLI_OK;
}

static int by_kind(const void *a, const void *b)
{
	const struct turf_name *x = a, *y = b;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* In order, each once. */
static int finish(struct found *f)
{
	size_t n = 0;
	if (f->n)
		qsort(f->at, f->n, sizeof(*f->at), by_kind);
	for (size_t i = 0; i < f->n; i++)
		if (n == 0 || by_kind(&f->at[n - 1], &f->at[i]) != 0)
			f->at[n++] = f->at[i];
	f->n = n;
	return n ? CLI_OK : CLI_NONE;
}

/* Bytes of @text up to its arguments, if it has some: "a::f" of "a::f(int) const". */
static size_t without_arguments(const char *text, size_t n)
{
	size_t end = n;
	while (end > 0 && text[end - 1] != ')')
		end--;
	if (end == 0 || (end < n && text[end] == ':'))
		return n;
	int depth = 0;
	for (size_t at = end; at-- > 0;) {
		depth += text[at] == ')';
		depth -= text[at] == '(';
		if (depth == 0)
			return at ? at : n;
	}
	return n;
}

/* Where the last component of a name begins: "f" of "a::T<b::c>::f". */
static size_t last_component(const char *text, size_t n)
{
	size_t last = 0;
	int depth = 0;
	for (size_t i = 0; i + 2 < n; i++) {
		depth += text[i] == '<' || text[i] == '(' || text[i] == '{';
		depth -= text[i] == '>' || text[i] == ')' || text[i] == '}';
		if (depth <= 0 && text[i] == ':' && text[i + 1] == ':')
			last = i + 2;
	}
	return last;
}

/* @text is @name, or ends with it behind "::" or a blank. */
static bool ends_with(const char *text, size_t n, const char *name, size_t size)
{
	if (n < size || memcmp(text + n - size, name, size) != 0)
		return false;
	const char *before = text + n - size;
	return n == size || before[-1] == ' ' ||
	       (n >= size + 2 && before[-1] == ':' && before[-2] == ':');
}

/* What is asked for, taken apart. */
struct query {
	const char *text;
	size_t size, name_size; /* of all; without arguments */
	size_t last;            /* where the last component begins */
	bool qualified;         /* it says more than a name */
};

static struct query parse(const char *text)
{
	struct query q = { .text = text, .size = strlen(text) };
	q.name_size = without_arguments(text, q.size);
	q.last = last_component(text, q.name_size);
	q.qualified = q.last || q.name_size < q.size;
	return q;
}

struct cli_text find_function_name(const struct turf_image *image, uint32_t function)
{
	struct turf_frame frame = { .function = function };
	(void)turf_image_function(image, function, &frame.name, &frame.linkage_name);
	return cli_frame_name(image, &frame, true);
}

/* The name of a type or of a function's scope, with what it stands in; free() it. */
static char *type_name(const struct turf_image *image, uint32_t number)
{
	ssize_t n = turf_image_type_name(image, number, NULL, 0);
	char *name = n < 0 ? NULL : malloc((size_t)n + 1);
	if (name)
		turf_image_type_name(image, number, name, (size_t)n + 1);
	return name;
}

/* Writes "a::b::" of what something stands in; @inlines: also the namespaces that are inline.
 */
static void put_scope(FILE *out, const struct turf_image *image, uint32_t scope, bool inlines,
                      unsigned depth)
{
	struct turf_type t;
	if (!scope || depth > SCOPES_MOST || turf_image_type(image, scope, &t) != 1)
		return;
	put_scope(out, image, t.scope, inlines, depth + 1);
	struct cli_text name = cli_text(image, t.name);
	if ((inlines || !t.is_inline) && name.at)
		fprintf(out, "%s::", name.at);
}

/* Bytes of a name without the arguments of a template behind it. */
static size_t without_template(const char *name, size_t n)
{
	size_t end = strcspn(name, "<");
	return end < n && n && name[n - 1] == '>' && strncmp(name, "operator", 8) != 0 ? end
	                                                                               : n;
}

static bool is_behind(const struct turf_image *image, uint32_t scope, bool inlines,
                      struct cli_text name, const struct query *q)
{
	char *both = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&both, &size);
	if (!out)
		return false;
	put_scope(out, image, scope, inlines, 0);
	fputs(name.at, out);
	bool ok = fclose(out) == 0;
	size_t shorter = size - name.size + without_template(name.at, name.size);
	bool is = ok && (ends_with(both, size, q->text, q->size) ||
	                 ends_with(both, shorter, q->text, q->size));
	free(both);
	return is;
}

/* The name as people write it who know of no inline namespace, and of no argument of a
 * template, behind what it stands in. */
static bool is_plain(const struct turf_image *image, uint32_t scope, turf_text name,
                     const struct query *q)
{
	struct cli_text text = cli_text(image, name);
	return text.at && (is_behind(image, scope, false, text, q) ||
	                   is_behind(image, scope, true, text, q));
}

/* The function's name behind its scope, as the debug info has both. */
static bool is_scoped(const struct turf_image *image, uint32_t number, const struct query *q)
{
	struct turf_details d;
	turf_text name, linkage;
	if (q->name_size < q->size || turf_image_details(image, number, &d) != 1 || !d.scope ||
	    turf_image_function(image, number, &name, &linkage) != 1)
		return false;
	struct cli_text text = cli_text(image, name);
	char *scope = type_name(image, d.scope), *both = NULL;
	int n = scope && text.at ? asprintf(&both, "%s::%s", scope, text.at) : -1;
	bool is = n >= 0 && ends_with(both, (size_t)n, q->text, q->size);
	free(scope);
	if (n >= 0)
		free(both);
	return is || is_plain(image, d.scope, name, q);
}

static bool is_function(const struct turf_image *image, uint32_t number, const struct query *q)
{
	struct cli_text shown = find_function_name(image, number);
	size_t n = shown.size;
	if (!q->qualified || !shown.at)
		return true;
	if (q->name_size == q->size) {
		n = without_arguments(shown.at, n);
	} else { /* up to the arguments' end: what follows says how, not what it is */
		size_t end = without_arguments(shown.at, n);
		while (n > end && shown.at[n - 1] != ')')
			n--;
	}
	return ends_with(shown.at, n, q->text, q->size) || is_scoped(image, number, q);
}

/* A variable behind its linkage name as it was written, or behind its scope. */
static bool is_variable(const struct turf_image *image, uint32_t number, const struct query *q)
{
	struct turf_global g;
	char *scope = NULL, *both = NULL;
	if (turf_image_global(image, number, &g) != 1)
		return false;
	struct turf_frame frame = { .name = g.linkage_name };
	struct cli_text shown = cli_frame_name(image, &frame, true);
	if (g.linkage_name && ends_with(shown.at, shown.size, q->text, q->size))
		return true;
	if (!g.scope || !(scope = type_name(image, g.scope)))
		return false;
	struct cli_text name = cli_text(image, g.name);
	int n = name.at ? asprintf(&both, "%s::%s", scope, name.at) : -1;
	bool is = n >= 0 && ends_with(both, (size_t)n, q->text, q->size);
	free(scope);
	if (n >= 0)
		free(both);
	return is || is_plain(image, g.scope, g.name, q);
}

static bool is_meant(const struct turf_image *image, const struct turf_name *name,
                     const struct query *q)
{
	if (name->kind == TURF_NAME_FUNCTION)
		return is_function(image, name->number, q);
	if (!q->qualified)
		return true;
	if (q->name_size < q->size)
		return false;
	if (name->kind == TURF_NAME_VARIABLE)
		return is_variable(image, name->number, q);
	if (name->kind != TURF_NAME_TYPE)
		return name->kind == TURF_NAME_ENUMERATOR;
	struct turf_type type;
	char *text = type_name(image, name->number);
	bool is = text && ends_with(text, strlen(text), q->text, q->size);
	free(text);
	return is || (turf_image_type(image, name->number, &type) == 1 &&
	              is_plain(image, type.scope, type.name, q));
}

/* All that the urf has under @n bytes of @name, and that @q means; NULL: all. */
static int add_all(const struct turf_image *image, const char *name, size_t n,
                   const struct query *q, struct found *out)
{
	struct turf_names walk;
	struct turf_name found;
	int r = turf_image_names(image, name, n, &walk), status = CLI_OK;
	if (r == -ENODATA)
		return find_no_names();
	while (r >= 0 && status == CLI_OK && (r = turf_names_next(&walk, &found)) == 1)
		if (!q || is_meant(image, &found, q))
			status = add(out, found);
	return r < 0 ? cli_error(NULL, "names cannot be read: damaged urf") : status;
}

static int add_matches(const struct turf_image *image, const char *pattern,
                       enum turf_match match, bool ignore_case, struct found *out)
{
	const struct turf_search_options how = { .size = sizeof(how),
		                                 .ignore_case = ignore_case };
	struct turf_search *search;
	struct turf_name name;
	struct turf_error err = { 0 };
	int status = CLI_OK, r = turf_search_begin(image, pattern, match, &how, &search, &err);
	if (r < 0)
		return r == -ENODATA ? find_no_names() : cli_error(&err, NULL);
	while (status == CLI_OK && (r = turf_search_next(search, &name)) == 1)
		status = add(out, name);
	turf_search_end(search);
	return r < 0 ? cli_error(NULL, "names cannot be read: damaged urf") : status;
}

int find_matches(const struct turf_image *image, const char *regex, bool ignore_case,
                 struct found *out)
{
	*out = (struct found){ .n = 0 };
	int status = add_matches(image, regex, TURF_MATCH_REGEX, ignore_case, out);
	return status == CLI_OK ? finish(out) : status;
}

/* Functions whose names as they are shown match, with arguments or without. */
static int add_shown(const struct turf_image *image, const char *pattern, struct found *out)
{
	struct turf_image_info info;
	int status = CLI_OK;
	turf_image_info(image, &info);
	for (uint32_t i = 1; i <= info.n_functions && status == CLI_OK; i++) {
		struct cli_text shown = find_function_name(image, i);
		bool is = shown.at && fnmatch(pattern, shown.at, 0) == 0;
		size_t n = shown.at ? without_arguments(shown.at, shown.size) : 0;
		char *name = !is && n < shown.size ? strndup(shown.at, n) : NULL;
		is = is || (name && fnmatch(pattern, name, 0) == 0);
		free(name);
		if (is)
			status = add(out, (struct turf_name){ TURF_NAME_FUNCTION, i, 0 });
	}
	return status;
}

/* What is called so with arguments of a template behind it. */
static int add_templates(const struct turf_image *image, const struct query *q,
                         struct found *out)
{
	struct found all = { .n = 0 };
	char *prefix = NULL;
	if (asprintf(&prefix, "%.*s<", (int)(q->name_size - q->last), q->text + q->last) < 0)
		return cli_error(NULL, "no memory");
	int status = add_matches(image, prefix, TURF_MATCH_PREFIX, false, &all);
	free(prefix);
	for (size_t i = 0; i < all.n && status == CLI_OK; i++)
		if (is_meant(image, &all.at[i], q))
			status = add(out, all.at[i]);
	free(all.at);
	return status;
}

int find_named(const struct turf_image *image, const char *name, struct found *out)
{
	struct query q = parse(name);
	*out = (struct found){ .n = 0 };
	int status = add_all(image, q.text + q.last, q.name_size - q.last, &q, out);
	if (status == CLI_OK && q.qualified)
		status = add_all(image, name, q.size, NULL, out);
	if (status == CLI_OK && !out->n && strpbrk(name, "*?["))
		status = q.qualified ? add_shown(image, name, out)
		                     : add_matches(image, name, TURF_MATCH_GLOB, false, out);
	if (status == CLI_OK && !out->n && !strpbrk(name, "*?[<"))
		status = add_templates(image, &q, out);
	return status == CLI_OK ? finish(out) : status;
}

int find_files(const struct turf_image *image, const char *path, struct found *out)
{
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	struct found all = { .n = 0 };
	size_t size = strlen(path);
	*out = (struct found){ .n = 0 };
	int status = add_all(image, last, strlen(last), NULL, &all);
	for (size_t i = 0; i < all.n && status == CLI_OK; i++) {
		if (all.at[i].kind != TURF_NAME_FILE)
			continue;
		struct cli_text text = cli_path(image, all.at[i].number);
		if (text.size < size || memcmp(text.at + text.size - size, path, size) != 0)
			continue;
		if (text.size == size || text.at[text.size - size - 1] == '/')
			status = add(out, all.at[i]);
	}
	free(all.at);
	return status == CLI_OK ? finish(out) : status;
}
