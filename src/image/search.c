/* SPDX-License-Identifier: MIT */
/*
 * Names by pattern: each text is decoded once and held against it; what it names is found as by
 * anybody who asks for that name.
 *
 * Each find is told once: at its name's text or, where that does not match, at its linkage
 * name's. Functions whose name is a part of their linkage name have no text for it: they are
 * gone through behind the texts.
 *
 * Trust:  none beyond that of texts and of turf_names_next()
 */
#include <fnmatch.h>
#include <regex.h>

#include "image/names.h"

enum { SEARCH_ROOM = 1 << 16 }; /* longer texts are not held against patterns */

struct turf_search {
	const struct turf_image *image;
	enum turf_match match;
	uint32_t kinds;
	bool ignore_case;
	const char *pattern; /* of the caller */
	regex_t regex;       /* where match says so */
	struct turf_all_texts texts;
	uint32_t text; /* that is looked at */
	struct name_part parts[3];
	unsigned n_parts; /* of it that match and are still to be looked up */
	bool looking;     /* names is begun */
	struct turf_names names;
	uint32_t function;          /* 0: texts are not done; else the next one */
	char at[SEARCH_ROOM + 1];   /* texts are decoded here */
	char name[SEARCH_ROOM + 1]; /* what is told, or compared */
};

static bool is_match(const struct turf_search *s, const char *text)
{
	size_t n = strlen(s->pattern);
	switch (s->match) {
	case TURF_MATCH_EXACT:
		return !(s->ignore_case ? strcasecmp : strcmp)(text, s->pattern);
	case TURF_MATCH_PREFIX:
		return !(s->ignore_case ? strncasecmp : strncmp)(text, s->pattern, n);
	case TURF_MATCH_GLOB:
		return !fnmatch(s->pattern, text, s->ignore_case ? FNM_CASEFOLD : 0);
	case TURF_MATCH_REGEX:
		return !regexec(&s->regex, text, 0, NULL, 0);
	}
	return false;
}

/* A part of the text looked at, if it matches. */
static void take_part(struct turf_search *s, size_t from, size_t to)
{
	char end = s->at[to]; /* of a longer text before: to be left as it is */
	s->at[to] = 0;
	if (to > from && is_match(s, s->at + from))
		s->parts[s->n_parts++] = (struct name_part){ from, to - from };
	s->at[to] = end;
}

/* What the next text may be called by: 1, 0 no further text, -EBADMSG. */
static int next_text(struct turf_search *s)
{
	turf_text text;
	size_t n;
	int r = turf_all_texts_next(&s->texts, &text, &n);
	s->n_parts = 0;
	if (r != 1 || !n || n > SEARCH_ROOM)
		return r;
	s->text = (uint32_t)text;
	struct name_part file = turf_name_part(TURF_NAME_FILE, s->at, n);
	struct name_part symbol = turf_name_part(TURF_NAME_SYMBOL, s->at, n);
	take_part(s, 0, n);
	if (file.off)
		take_part(s, file.off, n);
	if (symbol.size < n)
		take_part(s, 0, symbol.size);
	return 1;
}

static int read_name(struct turf_search *s, turf_text text)
{
	ssize_t n = turf_image_text(s->image, text, s->name, sizeof(s->name));
	return n < 0 ? -EBADMSG : n <= SEARCH_ROOM;
}

/* Texts that something is called by, its name first. */
struct called {
	turf_text text[2];
	unsigned n;
};

static int add_called(void *ctx, turf_text text)
{
	struct called *c = ctx;
	if (c->n < COUNT(c->text))
		c->text[c->n++] = text;
	return 0;
}

/* It is to be told at the text looked at: 1, 0 elsewhere, -EBADMSG. */
static int is_told(struct turf_search *s, const struct turf_name *name)
{
	struct called c = { .n = 0 };
	if (!(s->kinds >> name->kind & 1))
		return 0;
	if (turf_name_texts(s->image, name, add_called, &c) < 0)
		return -EBADMSG;
	if (c.n && c.text[0] == s->text)
		return 1;
	if (c.n < 2 || c.text[1] != s->text)
		return 0;
	int r = read_name(s, c.text[0]);
	return r < 0 ? r : r == 0 || !is_match(s, s->name);
}

/* What the part looked up names: 1, 0 nothing more, -EBADMSG. */
static int next_named(struct turf_search *s, struct turf_name *out)
{
	int r = 0, told = 0;
	while (told == 0 && (r = turf_names_next(&s->names, out)) == 1)
		told = is_told(s, out);
	return told ? told : r;
}

/* A function whose name has no text: 1, 0 no further one, -EBADMSG. */
static int next_function(struct turf_search *s, struct turf_name *out)
{
	turf_text name, linkage;
	int r = 1;
	while (s->kinds >> TURF_NAME_FUNCTION & 1 &&
	       (r = turf_image_function(s->image, s->function, &name, &linkage)) == 1) {
		*out = (struct turf_name){ TURF_NAME_FUNCTION, s->function++, 0 };
		r = name >> 32 ? read_name(s, name) : 0;
		if (r < 0)
			return r;
		if (r == 1 && is_match(s, s->name))
			return 1;
	}
	return MIN(r, 0);
}

static int look_up(struct turf_search *s)
{
	struct name_part part = s->parts[--s->n_parts];
	int r = turf_image_names(s->image, s->at + part.off, part.size, &s->names);
	s->looking = r == 0;
	return r;
}

int turf_search_next(struct turf_search *s, struct turf_name *out)
{
	while (!s->function) {
		int r = s->looking ? next_named(s, out) : 0;
		if (r != 0)
			return r;
		s->looking = false;
		if (s->n_parts)
			r = look_up(s);
		else if ((r = next_text(s)) == 0)
			s->function = 1;
		if (r < 0)
			return r;
	}
	return next_function(s, out);
}

int turf_search_begin(const struct turf_image *image, const char *pattern,
                      enum turf_match match, const struct turf_search_options *options,
                      struct turf_search **ret, struct turf_error *err)
{
	struct turf_search_options how = { .size = sizeof(how) };
	if (options)
		memcpy(&how, options, MIN(options->size, sizeof(how)));
	if (image->name_index.n < 2)
		return turf_fail(err, -ENODATA, TURF_NOWHERE, "no names in this urf");
	struct turf_search *s = malloc(sizeof(*s));
	if (!s)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for a search");
	s->image = image;
	s->match = match;
	s->kinds = how.kinds ? how.kinds : UINT32_MAX;
	s->ignore_case = how.ignore_case;
	s->pattern = pattern;
	s->n_parts = s->function = 0;
	s->looking = false;
	int flags = REG_EXTENDED | REG_NOSUB | (how.ignore_case ? REG_ICASE : 0);
	int wrong = match == TURF_MATCH_REGEX ? regcomp(&s->regex, pattern, flags) : 0;
	if (wrong) {
		char why[128];
		regerror(wrong, &s->regex, why, sizeof(why));
		free(s);
		return turf_fail(err, wrong == REG_ESPACE ? -ENOMEM : -EINVAL, TURF_NOWHERE,
		                 "%.80s: %s", pattern, why);
	}
	turf_image_texts(image, s->at, SEARCH_ROOM, &s->texts);
	*ret = s;
	return 0;
}

void turf_search_end(struct turf_search *s)
{
	if (s && s->match == TURF_MATCH_REGEX)
		regfree(&s->regex);
	free(s);
}
