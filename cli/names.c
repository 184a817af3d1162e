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
	atomic_uint n_asked, n_shown;
	_Atomic(kept_at *) at[N_MADE]; /* by number */
};
enum {
	MANY = 64,
	MANY_SHOWN = 1 << 14, /* of texts that nobody wants to last */
};

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

/* The array of what was made; NULL: no memory. */
static kept_at *make_places(struct names *n, enum made made)
{
	pthread_mutex_lock(&lock);
	kept_at *at = n->at[made];
	size_t size = (1 + (made == PATH ? n->n_files : n->n_functions)) * sizeof(*at);
	if (!at && (at = cli_large(size)))
		memset(at, 0, size);
	n->at[made] = at;
	pthread_mutex_unlock(&lock);
	return at;
}

/* Where the text of a number is remembered; NULL: it is not, for few were asked for. */
static kept_at *place_of(const struct turf_image *image, enum made made, uint32_t number,
                         bool lasts)
{
	struct names *n = find_names(image);
	if (!n || number > (made == PATH ? n->n_files : n->n_functions))
		return NULL;
	kept_at *at = n->at[made];
	atomic_uint *asked = lasts ? &n->n_asked : &n->n_shown;
	if (!at && atomic_fetch_add_explicit(asked, 1, memory_order_relaxed) >=
	                   (lasts ? MANY : MANY_SHOWN))
		at = make_places(n, made);
	return at ? &at[number] : NULL;
}

void cli_names_many(const struct turf_image *image)
{
	struct names *n = find_names(image);
	if (n)
		n->n_asked = n->n_shown = MANY_SHOWN;
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
	struct kept *kept = cli_keep_room(sizeof(*kept) + text.size + 1);
	if (!kept)
		return NULL;
	kept->size = text.size;
	memcpy(kept->at, text.at ? text.at : "", text.size);
	kept->at[text.size] = 0;
	return kept;
}

static struct cli_text text_of(const struct kept *kept)
{
	return kept->size ? (struct cli_text){ kept->at, kept->size } : none;
}

/* @text for ever, and remembered at @place if there is one. */
static struct cli_text remember(kept_at *place, struct cli_text text)
{
	struct kept *kept = place ? keep(text) : NULL, *other = NULL;
	if (!kept)
		return cli_keep(text);
	if (!atomic_compare_exchange_strong(place, &other, kept))
		kept = other;
	return text_of(kept);
}

static struct cli_text path_of(const struct turf_image *image, uint32_t file, bool lasts)
{
	static _Thread_local struct room shown;
	struct room room = { .more = NULL };
	if (!file)
		return none;
	kept_at *place = place_of(image, PATH, file, lasts);
	const struct kept *kept = place ? *place : NULL;
	if (kept)
		return text_of(kept);
	if (!place && !lasts)
		return read_text(image, true, file, &shown);
	struct cli_text path = remember(place, read_text(image, true, file, &room));
	free(room.more);
	return path;
}

struct cli_text cli_path(const struct turf_image *image, uint32_t file)
{
	return path_of(image, file, true);
}

struct cli_text cli_show_path(const struct turf_image *image, uint32_t file)
{
	return path_of(image, file, false);
}

static struct cli_text name_of(const struct turf_image *image, const struct turf_frame *f,
                               bool demangled, bool lasts)
{
	static _Thread_local struct room shown;
	struct room room = { .more = NULL };
	kept_at *place = place_of(image, demangled ? SHOWN : LINKED, f->function, lasts);
	const struct kept *kept = place && f->function ? *place : NULL;
	if (kept)
		return text_of(kept);
	if (!place && !lasts)
		return make_name(image, f->name, f->linkage_name, demangled, &shown);
	if (!f->function)
		return f->name ? find_text(image, f->name,
		                           demangled ? SHOWN_SYMBOL : LINKED_SYMBOL)
		               : unknown;
	struct cli_text name =
		remember(place, make_name(image, f->name, f->linkage_name, demangled, &room));
	free(room.more);
	return name;
}

struct cli_text cli_frame_name(const struct turf_image *image, const struct turf_frame *f,
                               bool demangled)
{
	return name_of(image, f, demangled, true);
}

struct cli_text cli_show_name(const struct turf_image *image, const struct turf_frame *f,
                              bool demangled)
{
	return name_of(image, f, demangled, false);
}

/* What is remembered of a number below @n; NULL: nothing. */
static const struct kept *kept_of(kept_at *places, uint32_t number, size_t n)
{
	return places && number && number <= n
	               ? atomic_load_explicit(&places[number], memory_order_acquire)
	               : NULL;
}

static void expect_frames(const struct names *n, kept_at *names, kept_at *paths,
                          const struct turf_frame *f, size_t n_frames)
{
	for (size_t i = 0; i < n_frames; i++) {
		__builtin_prefetch(&names[f[i].function]);
		__builtin_prefetch(&paths[f[i].file]);
	}
	for (size_t i = 0; i < n_frames; i++) {
		__builtin_prefetch(kept_of(names, f[i].function, n->n_functions));
		__builtin_prefetch(kept_of(paths, f[i].file, n->n_files));
	}
}

void cli_show_frames(const struct turf_image *image, const struct turf_frame *f,
                     size_t n_frames, bool demangled, struct cli_shown *out)
{
	static const struct names unknown_image;
	const struct names *n = find_names(image);
	n = n ? n : &unknown_image;
	kept_at *names = n->at[demangled ? SHOWN : LINKED], *paths = n->at[PATH];
	if (names && paths)
		expect_frames(n, names, paths, f, n_frames);
	for (size_t i = 0; i < n_frames; i++, f++, out++) {
		const struct kept *kept = kept_of(names, f->function, n->n_functions);
		struct cli_text name =
			kept ? text_of(kept) : cli_frame_name(image, f, demangled);
		kept = kept_of(paths, f->file, n->n_files);
		struct cli_text path = kept      ? text_of(kept)
		                       : f->file ? cli_path(image, f->file)
		                                 : unknown;
		*out = (struct cli_shown){
			name.at, path.at,   (uint32_t)name.size, (uint32_t)path.size,
			f->line, f->column,
		};
	}
}
