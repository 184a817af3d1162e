/* SPDX-License-Identifier: MIT */
/*
 * Names and paths of images: each is read, joined and demangled once in a run.
 *
 * Functions and files have small numbers: what was made of one is found by it in an array,
 * without a lock. Two threads that make the same text at once both may, and one is forgotten.
 * Other texts (names of symbols) are kept in a table behind a lock.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

atomic_bool cli_damaged;

/* What is made of a function or a file. */
enum made { SHOWN, LINKED, PATH, N_MADE };

struct kept {
	size_t size;
	char at[];
};

typedef _Atomic(struct kept *) kept_at; /* NULL: not made yet */

/*
 * What is known of one image. Whoever asks for little has no arrays to set up: an array comes
 * with the first of many questions.
 */
struct names {
	struct names *next;
	const struct turf_image *image;
	size_t n_functions, n_files;
	atomic_uint n_asked;
	_Atomic(kept_at *) at[N_MADE]; /* by number */
};
enum { MANY = 64 };

static _Atomic(struct names *) all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* adding to all; texts */
static struct cli_table texts;

static const struct cli_text none = { NULL, 0 }, unknown = { "??", 2 };

static struct names *add_names(const struct turf_image *image)
{
	struct turf_image_info info;
	turf_image_info(image, &info);
	struct names *n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->next = all;
	n->image = image;
	n->n_functions = info.n_functions;
	n->n_files = info.n_files;
	all = n;
	return n;
}

static struct names *find_names(const struct turf_image *image)
{
	struct names *n = all;
	while (n && n->image != image)
		n = n->next;
	if (n)
		return n;
	pthread_mutex_lock(&lock);
	n = all;
	while (n && n->image != image)
		n = n->next;
	if (!n)
		n = add_names(image);
	pthread_mutex_unlock(&lock);
	return n;
}

/* The array of what was made; NULL: there is none yet. */
static kept_at *places_of(struct names *n, enum made made)
{
	kept_at *at = n->at[made];
	if (at || atomic_fetch_add_explicit(&n->n_asked, 1, memory_order_relaxed) < MANY)
		return at;
	pthread_mutex_lock(&lock);
	at = n->at[made];
	if (!at)
		at = calloc(1 + (made == PATH ? n->n_files : n->n_functions), sizeof(*at));
	n->at[made] = at;
	pthread_mutex_unlock(&lock);
	return at;
}

/* Where the text of a number is remembered; NULL: it is not. */
static kept_at *place_of(const struct turf_image *image, enum made made, uint32_t number)
{
	struct names *n = find_names(image);
	if (!n || number > (made == PATH ? n->n_files : n->n_functions))
		return NULL;
	kept_at *at = places_of(n, made);
	return at ? &at[number] : NULL;
}

/* A text for this thread, valid until it reads the next into the same @room. */
struct room {
	char first[1024], *more; /* most texts are short */
};

static ssize_t read_into(const struct turf_image *image, bool path, uint64_t number, char *out,
                         size_t size)
{
	return path ? turf_image_path(image, (uint32_t)number, out, size)
	            : turf_image_text(image, number, out, size);
}

static struct cli_text read_text(const struct turf_image *image, bool path, uint64_t number,
                                 struct room *room)
{
	char *at = room->first;
	ssize_t n = read_into(image, path, number, at, sizeof(room->first));
	if (n >= (ssize_t)sizeof(room->first)) {
		free(room->more);
		at = room->more = malloc((size_t)n + 1);
		if (!at || read_into(image, path, number, at, (size_t)n + 1) != n)
			n = -1;
	}
	if (n < 0)
		cli_damaged = true;
	return n > 0 ? (struct cli_text){ at, (size_t)n } : none;
}

static struct cli_text make_name(const struct turf_image *image, turf_text name,
                                 turf_text linkage, bool demangled, struct room *room)
{
	struct cli_text text = read_text(image, false, linkage ? linkage : name, room);
	if (text.at && cli_is_mangled(text.at)) {
		struct cli_text shown = demangled ? cli_demangle_now(text.at) : text;
		if (shown.at)
			return shown;
	}
	if (linkage)
		text = read_text(image, false, name, room);
	return text.at ? text : unknown;
}

/* A text as it is, or as the name of a function that it alone is known of. */
enum form { RAW, LINKED_SYMBOL, SHOWN_SYMBOL };

static struct cli_text find_text(const struct turf_image *image, turf_text text, enum form form)
{
	struct room room = { .more = NULL };
	bool is_new;
	pthread_mutex_lock(&lock);
	struct cli_entry *e =
		cli_table_number(&texts, (uint64_t)(uintptr_t)image << 2 | form, text, &is_new);
	struct cli_text kept = e ? e->text : none;
	if (!e || is_new)
		kept = cli_keep(
			form == RAW ? read_text(image, false, text, &room)
				    : make_name(image, text, 0, form == SHOWN_SYMBOL, &room));
	if (e)
		e->text = kept;
	pthread_mutex_unlock(&lock);
	free(room.more);
	return kept;
}

struct cli_text cli_text(const struct turf_image *image, turf_text text)
{
	return text ? find_text(image, text, RAW) : none;
}

/* A text in one piece with its length, for places. */
static struct kept *keep(struct cli_text text)
{
	struct kept *kept = malloc(sizeof(*kept) + text.size + 1);
	if (!kept)
		return NULL;
	kept->size = text.size;
	memcpy(kept->at, text.at ? text.at : "", text.size);
	kept->at[text.size] = 0;
	return kept;
}

/* @text for ever, and remembered at @place if there is one. */
static struct cli_text remember(kept_at *place, struct cli_text text)
{
	struct kept *kept = place ? keep(text) : NULL, *other = NULL;
	if (!kept)
		return cli_keep(text);
	if (!atomic_compare_exchange_strong(place, &other, kept)) {
		free(kept);
		kept = other;
	}
	return kept->size ? (struct cli_text){ kept->at, kept->size } : none;
}

struct cli_text cli_path(const struct turf_image *image, uint32_t file)
{
	if (!file)
		return none;
	kept_at *place = place_of(image, PATH, file);
	struct kept *kept = place ? *place : NULL;
	if (kept)
		return kept->size ? (struct cli_text){ kept->at, kept->size } : none;
	struct room room = { .more = NULL };
	struct cli_text path = remember(place, read_text(image, true, file, &room));
	free(room.more);
	return path;
}

struct cli_text cli_frame_name(const struct turf_image *image, const struct turf_frame *f,
                               bool demangled)
{
	if (!f->function)
		return f->name ? find_text(image, f->name,
		                           demangled ? SHOWN_SYMBOL : LINKED_SYMBOL)
		               : unknown;
	kept_at *place = place_of(image, demangled ? SHOWN : LINKED, f->function);
	struct kept *kept = place ? *place : NULL;
	if (kept)
		return (struct cli_text){ kept->at, kept->size };
	struct room room = { .more = NULL };
	struct cli_text name =
		remember(place, make_name(image, f->name, f->linkage_name, demangled, &room));
	free(room.more);
	return name;
}

void cli_names_expect(const struct turf_image *image, const struct turf_frame *frames, size_t n,
                      bool demangled)
{
	const struct names *known = find_names(image);
	kept_at *names = known ? known->at[demangled ? SHOWN : LINKED] : NULL;
	kept_at *paths = known ? known->at[PATH] : NULL;
	if (!names || !paths)
		return;
	for (size_t i = 0; i < n; i++) {
		__builtin_prefetch(&names[frames[i].function]);
		__builtin_prefetch(&paths[frames[i].file]);
	}
	for (size_t i = 0; i < n; i++) {
		if (frames[i].function <= known->n_functions)
			__builtin_prefetch(names[frames[i].function]);
		if (frames[i].file <= known->n_files)
			__builtin_prefetch(paths[frames[i].file]);
	}
}
