/* SPDX-License-Identifier: MIT */
/*
 * Types as C writes them: what stands before a name, and what behind it.
 *
 * Trust:  none; what is followed is bounded in depth, and in all
 */
#include "image/types.h"

enum { STEPS_MAX = 4096 }; /* types that one text is made of */

struct writer {
	const struct turf_image *image;
	char *out;
	size_t size, n;
	unsigned steps;
	char last; /* character that was written; 0: none */
	int error;
};

static void put(struct writer *w, const char *text, size_t n)
{
	for (size_t i = 0; i < n && w->n + i + 1 < w->size; i++)
		w->out[w->n + i] = text[i];
	w->n += n;
	if (n)
		w->last = text[n - 1];
}

static void puts_(struct writer *w, const char *text)
{
	put(w, text, strlen(text));
}

/* A word that may follow another one. */
static void put_word(struct writer *w, const char *text)
{
	if (w->last && !strchr(" *&(", w->last))
		put(w, " ", 1);
	puts_(w, text);
}

static void put_text(struct writer *w, turf_text text)
{
	size_t left = w->n < w->size ? w->size - w->n : 0;
	ssize_t n = turf_image_text(w->image, text, left ? w->out + w->n : NULL, left);
	if (n < 0)
		w->error = -EBADMSG;
	else if (n)
		w->last = 'x';
	w->n += n < 0 ? 0 : (size_t)n;
}

static bool take(struct writer *w, uint32_t number, struct turf_type *t)
{
	if (++w->steps > STEPS_MAX)
		return false;
	int r = turf_image_type(w->image, number, t);
	if (r < 0)
		w->error = r;
	return r == 1;
}

static bool binds_behind(struct writer *w, uint32_t number)
{
	struct turf_type t;
	return take(w, number, &t) &&
	       (t.kind == TURF_TYPE_ARRAY || t.kind == TURF_TYPE_FUNCTION);
}

static bool is_pointer(uint32_t kind)
{
	return kind == TURF_TYPE_POINTER || kind == TURF_TYPE_REFERENCE ||
	       kind == TURF_TYPE_RVALUE_REFERENCE || kind == TURF_TYPE_MEMBER_POINTER;
}

static const char *keyword(const struct turf_type *t)
{
	switch (t->kind) {
	case TURF_TYPE_STRUCT:
		return "struct";
	case TURF_TYPE_CLASS:
		return "class";
	case TURF_TYPE_UNION:
		return "union";
	case TURF_TYPE_INTERFACE:
		return "interface";
	case TURF_TYPE_ENUM:
		return "enum";
	default:
		return "";
	}
}

/* Names of what a type stands in, and its own. */
static void put_path(struct writer *w, const struct turf_type *t)
{
	uint32_t path[TYPE_DEPTH_MAX], n = 0;
	struct turf_type around;
	for (uint32_t at = t->scope; at && n < TYPE_DEPTH_MAX && take(w, at, &around);
	     at = around.scope)
		path[n++] = at;
	while (n--) {
		if (!take(w, path[n], &around))
			return;
		if (around.name)
			put_text(w, around.name);
		else
			puts_(w, around.kind == TURF_TYPE_NAMESPACE ? "(anonymous namespace)"
			                                            : "{...}");
		puts_(w, around.kind == TURF_TYPE_SCOPE ? "()::" : "::");
	}
	if (t->name)
		put_text(w, t->name);
	else
		puts_(w, t->kind == TURF_TYPE_NAMESPACE ? "(anonymous namespace)" : "{...}");
}

static void put_named(struct writer *w, const struct turf_type *t)
{
	const char *word = keyword(t);
	/* in C++ and Rust names stand alone: what has a scope is of these, or a class */
	if (*word && t->kind != TURF_TYPE_CLASS && !t->scope) {
		put_word(w, word);
		puts_(w, " ");
	} else if (!t->name && *word) {
		put_word(w, word);
		puts_(w, " ");
	} else {
		put_word(w, "");
	}
	put_path(w, t);
}

static const char *qualifier(uint32_t kind)
{
	switch (kind) {
	case TURF_TYPE_CONST:
		return "const";
	case TURF_TYPE_VOLATILE:
		return "volatile";
	case TURF_TYPE_RESTRICT:
		return "restrict";
	case TURF_TYPE_ATOMIC:
		return "_Atomic";
	default:
		return NULL;
	}
}

static void put_left(struct writer *w, uint32_t number, unsigned depth);
static void put_right(struct writer *w, uint32_t number, unsigned depth);

static void put_qualified(struct writer *w, const struct turf_type *t, unsigned depth)
{
	struct turf_type target;
	if (take(w, t->target, &target) && is_pointer(target.kind)) {
		put_left(w, t->target, depth);
		put_word(w, qualifier(t->kind));
	} else {
		put_word(w, qualifier(t->kind));
		put_left(w, t->target, depth);
	}
}

static void put_pointer(struct writer *w, const struct turf_type *t, unsigned depth)
{
	if (t->name) { /* Rust's */
		put_named(w, t);
		return;
	}
	put_left(w, t->target, depth);
	put_word(w, binds_behind(w, t->target) ? "(" : "");
	if (t->kind == TURF_TYPE_MEMBER_POINTER) {
		struct turf_type in;
		if (take(w, t->class_type, &in))
			put_path(w, &in);
		puts_(w, "::");
	}
	puts_(w, t->kind == TURF_TYPE_REFERENCE          ? "&"
	         : t->kind == TURF_TYPE_RVALUE_REFERENCE ? "&&"
	                                                 : "*");
}

static void put_left(struct writer *w, uint32_t number, unsigned depth)
{
	struct turf_type t;
	if (depth >= TYPE_DEPTH_MAX || !take(w, number, &t)) {
		put_word(w, "...");
		return;
	}
	if (t.kind == TURF_TYPE_VOID)
		put_word(w, "void");
	else if (qualifier(t.kind))
		put_qualified(w, &t, depth + 1);
	else if (is_pointer(t.kind))
		put_pointer(w, &t, depth + 1);
	else if (t.kind == TURF_TYPE_ARRAY || t.kind == TURF_TYPE_FUNCTION ||
	         (t.kind == TURF_TYPE_OTHER && !t.name) ||
	         (t.kind == TURF_TYPE_SUBRANGE && !t.name))
		put_left(w, t.target, depth + 1);
	else
		put_named(w, &t);
}

static void put_dimensions(struct writer *w, const struct turf_type *t)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	turf_type_items(t, &walk);
	while (turf_type_items_next(&walk, &item) == 1) {
		char text[32] = "[]";
		if (item.has_value)
			snprintf(text, sizeof(text), "[%llu]", (unsigned long long)item.count);
		puts_(w, text);
	}
	if (t->items == t->end)
		puts_(w, "[]");
}

static void put_parameters(struct writer *w, const struct turf_type *t, unsigned depth)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	const char *between = "";
	turf_type_items(t, &walk);
	puts_(w, "(");
	while (w->steps < STEPS_MAX && turf_type_items_next(&walk, &item) == 1) {
		puts_(w, between);
		w->last = 0;
		put_left(w, item.type, depth);
		put_right(w, item.type, depth);
		between = ", ";
	}
	if (t->variadic) {
		puts_(w, between);
		puts_(w, "...");
	} else if (!*between && !t->unprototyped) {
		puts_(w, "void");
	}
	puts_(w, ")");
}

static void put_right(struct writer *w, uint32_t number, unsigned depth)
{
	struct turf_type t;
	for (; depth < TYPE_DEPTH_MAX && take(w, number, &t); depth++) {
		if (is_pointer(t.kind) && !t.name && binds_behind(w, t.target))
			puts_(w, ")");
		if (t.kind == TURF_TYPE_ARRAY)
			put_dimensions(w, &t);
		else if (t.kind == TURF_TYPE_FUNCTION)
			put_parameters(w, &t, depth + 1);
		else if (!qualifier(t.kind) && (!is_pointer(t.kind) || t.name) &&
		         (t.name ||
		          (t.kind != TURF_TYPE_OTHER && t.kind != TURF_TYPE_SUBRANGE)))
			return;
		number = t.target;
	}
}

static ssize_t finish(struct writer *w)
{
	if (w->size)
		w->out[MIN(w->n, w->size - 1)] = 0;
	return w->error ? w->error : (ssize_t)w->n;
}

ssize_t turf_image_type_declare(const struct turf_image *image, uint32_t number,
                                const char *name, char *out, size_t size)
{
	struct writer w = { .image = image, .out = out, .size = size };
	if (!turf_image_n_types(image))
		return -ENODATA;
	put_left(&w, number, 0);
	if (name && *name)
		put_word(&w, name);
	put_right(&w, number, 0);
	return finish(&w);
}

ssize_t turf_image_type_name(const struct turf_image *image, uint32_t number, char *out,
                             size_t size)
{
	struct writer w = { .image = image, .out = out, .size = size };
	struct turf_type t;
	if (!turf_image_n_types(image))
		return -ENODATA;
	if (take(&w, number, &t) && (t.name || t.kind == TURF_TYPE_NAMESPACE)) {
		put_path(&w, &t);
		return finish(&w);
	}
	put_left(&w, number, 0);
	put_right(&w, number, 0);
	return finish(&w);
}
