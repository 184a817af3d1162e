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

#include "names.h"

atomic_bool cli_damaged;

/* What is made of a function or a file. */
enum made { SHOWN, LINKED, PATH, N_MADE };

/*
 * What is known of one image. Whoever asks for little has no arrays to set up: an array comes
 * with the first of many questions.
 */
struct names {
	struct names *next;
	const struct turf_image *image;
	size_t n_functions, n_files;
	atomic_uint n_asked, n_shown;
	_Atomic(cli_place *) at[N_MADE]; /* by number */
};
enum {
	MANY = 64,
	MANY_SHOWN = 1 << 14, /* of texts that nobody wants to last */
};

static _Atomic(struct names *) all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* adding to all; texts */
static struct cli_table texts;

static const struct cli_text none = { NULL, 0 };
__extension__ static const struct cli_kept unknown = { 2, { "??" } };

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
static cli_place *make_places(struct names *n, enum made made)
{
	pthread_mutex_lock(&lock);
	cli_place *at = n->at[made];
	size_t size = (1 + (made == PATH ? n->n_files : n->n_functions)) * sizeof(*at);
	if (!at && (at = cli_large(size)))
		memset(at, 0, size);
	n->at[made] = at;
	pthread_mutex_unlock(&lock);
	return at;
}

/* Where the text of a number is remembered; NULL: it is not, for few were asked for. */
static cli_place *place_of(const struct turf_image *image, enum made made, uint32_t number,
                           bool lasts)
{
	struct names *n = find_names(image);
	if (!n || number > (made == PATH ? n->n_files : n->n_functions))
		return NULL;
	cli_place *at = n->at[made];
	atomic_uint *asked = lasts ? &n->n_asked : &n->n_shown;
	if (!at && atomic_fetch_add_explicit(asked, 1, memory_order_relaxed) >=
	                   (lasts ? MANY : MANY_SHOWN))
		at = make_places(n, made);
	return at ? &at[number] : NULL;
}

static struct cli_text text_of(const struct cli_kept *kept)
{
	return kept->size ? (struct cli_text){ kept->at, kept->size } : none;
}

/* NULL: no memory. */
static const struct cli_kept *keep(struct cli_text text)
{
	struct cli_kept *kept = cli_keep_room(sizeof(*kept) + text.size + 1);
	if (!kept)
		return NULL;
	kept->size = text.size;
	memcpy(kept->at, text.at ? text.at : "", text.size);
	kept->at[text.size] = 0;
	return kept;
}

/* A text for this thread, valid until it reads the next into the same @room. */
struct room {
	struct turf_texts *walk; /* NULL: texts are read in no order */
	char *more;
	size_t n_more;    /* 0: there is only */
	char first[1024]; /* most texts are short */
};

static ssize_t read_into(const struct turf_image *image, bool path, uint64_t number,
                         struct room *room)
{
	char *out = room->more ? room->more : room->first;
	size_t size = room->more ? room->n_more : sizeof(room->first);
	if (path)
		return turf_image_path(image, (uint32_t)number, out, size);
	return room->walk ? turf_image_text_next(image, room->walk, number, out, size)
	                  : turf_image_text(image, number, out, size);
}

static struct cli_text read_text(const struct turf_image *image, bool path, uint64_t number,
                                 struct room *room)
{
	ssize_t n = read_into(image, path, number, room);
	if (n >= (ssize_t)(room->more ? room->n_more : sizeof(room->first))) {
		free(room->more);
		room->n_more = (size_t)n + 1;
		room->more = malloc(room->n_more);
		if (!room->more || read_into(image, path, number, room) != n)
			n = -1;
	}
	if (n < 0)
		cli_damaged = true;
	return n > 0 ? (struct cli_text){ room->more ? room->more : room->first, (size_t)n }
	             : none;
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
	return text.at ? text : text_of(&unknown);
}

/* A text as it is, or as the name of a function that it alone is known of. */
enum form { RAW, LINKED_SYMBOL, SHOWN_SYMBOL };

/* NULL: no memory. */
static const struct cli_kept *find_text(const struct turf_image *image, turf_text text,
                                        enum form form)
{
	struct room room = { .more = NULL };
	bool is_new;
	const struct cli_kept *kept;
	pthread_mutex_lock(&lock);
	struct cli_entry *e =
		cli_table_number(&texts, (uint64_t)(uintptr_t)image << 2 | form, text, &is_new);
	if (e && e->text.at)
		kept = (const struct cli_kept *)(e->text.at - offsetof(struct cli_kept, at));
	else
		kept = keep(form == RAW
		                    ? read_text(image, false, text, &room)
		                    : make_name(image, text, 0, form == SHOWN_SYMBOL, &room));
	if (e && kept)
		e->text = (struct cli_text){ kept->at, kept->size };
	pthread_mutex_unlock(&lock);
	free(room.more);
	return kept;
}

struct cli_text cli_text(const struct turf_image *image, turf_text text)
{
	const struct cli_kept *kept = text ? find_text(image, text, RAW) : NULL;
	return kept ? text_of(kept) : none;
}

/* @text for ever, and remembered at @place if there is one. */
static struct cli_text remember(cli_place *place, struct cli_text text)
{
	const struct cli_kept *kept = place ? keep(text) : NULL, *other = NULL;
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
	cli_place *place = place_of(image, PATH, file, lasts);
	const struct cli_kept *kept = place ? *place : NULL;
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

/* NULL: no memory. */
static const struct cli_kept *name_of_symbol(const struct turf_image *image, turf_text name,
                                             bool demangled)
{
	return name ? find_text(image, name, demangled ? SHOWN_SYMBOL : LINKED_SYMBOL)
	            : &unknown;
}

static struct cli_text name_of(const struct turf_image *image, const struct turf_frame *f,
                               bool demangled, bool lasts)
{
	static _Thread_local struct room shown;
	struct room room = { .more = NULL };
	cli_place *place = place_of(image, demangled ? SHOWN : LINKED, f->function, lasts);
	const struct cli_kept *kept = place && f->function ? *place : NULL;
	if (kept)
		return text_of(kept);
	if (!place && !lasts)
		return make_name(image, f->name, f->linkage_name, demangled, &shown);
	if (!f->function) {
		kept = name_of_symbol(image, f->name, demangled);
		return kept ? text_of(kept) : none;
	}
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

bool cli_names_many(const struct turf_image *image, bool demangled, struct cli_names *out)
{
	struct names *n = find_names(image);
	if (!n)
		return false;
	n->n_asked = n->n_shown = MANY_SHOWN;
	*out = (struct cli_names){
		.image = image,
		.demangled = demangled,
		.n_functions = n->n_functions,
		.n_files = n->n_files,
		.functions = make_places(n, demangled ? SHOWN : LINKED),
		.files = make_places(n, PATH),
	};
	return out->functions && out->files;
}

bool cli_wanted_room(struct cli_wanted *wanted, size_t n)
{
	enum { FIRST = 1 << 12 };
	size_t room = wanted->room ? wanted->room : FIRST;
	while (room - wanted->n < n)
		room *= 2;
	if (room == wanted->room)
		return true;
	struct cli_want *at = realloc(wanted->at, room * sizeof(*at));
	if (!at)
		return false;
	wanted->at = at;
	wanted->room = room;
	return true;
}

/* Stands where a name is wanted, from the first step to the second. */
static const struct cli_kept asked;

static void want(struct cli_names *names, const struct turf_frame *f, struct cli_wanted *wanted)
{
	const struct cli_kept *kept = NULL;
	if (atomic_compare_exchange_strong(&names->functions[f->function], &kept, &asked))
		wanted->at[wanted->n++] =
			(struct cli_want){ f->name, f->linkage_name, f->function };
}

static uint64_t show_name(struct cli_names *names, const struct turf_frame *f,
                          struct cli_wanted *wanted)
{
	if (!f->function || f->function > names->n_functions)
		return (uintptr_t)name_of_symbol(names->image, f->name, names->demangled);
	if (!atomic_load_explicit(&names->functions[f->function], memory_order_relaxed))
		want(names, f, wanted);
	return (uint64_t)f->function << 1 | 1;
}

static const struct cli_kept *show_path(struct cli_names *names, uint32_t file)
{
	struct room room = { .more = NULL };
	if (!file || file > names->n_files)
		return &unknown;
	const struct cli_kept *none_yet = NULL, *kept = names->files[file];
	if (kept)
		return kept;
	kept = keep(read_text(names->image, true, file, &room));
	if (!atomic_compare_exchange_strong(&names->files[file], &none_yet, kept))
		kept = none_yet;
	free(room.more);
	return kept ? kept : &unknown;
}

void cli_show_frames(struct cli_names *names, const struct turf_frame *frames, size_t n,
                     struct cli_shown *out, struct cli_wanted *wanted)
{
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(&names->functions[frames[i].function]);
	for (size_t i = 0; i < n; i++) {
		const struct turf_frame *f = &frames[i];
		out[i] = (struct cli_shown){
			show_name(names, f, wanted),
			show_path(names, f->file),
			f->line,
			f->column,
		};
	}
}

/* The number of the text that a name is made of, in the order of the image. */
static uint32_t text_number(const struct cli_want *want)
{
	return (uint32_t)(want->linkage ? want->linkage : want->name);
}

/* By some bits of the numbers; those equal stay in their order. */
static void sort_by_digit(const struct cli_want *from, struct cli_want *to, size_t n,
                          unsigned shift)
{
	enum { DIGITS = 1 << 12 };
	uint32_t at[DIGITS] = { 0 };
	for (size_t i = 0; i < n; i++)
		at[text_number(&from[i]) >> shift & (DIGITS - 1)]++;
	for (uint32_t i = 0, before = 0; i < DIGITS; i++) {
		uint32_t count = at[i];
		at[i] = before;
		before += count;
	}
	for (size_t i = 0; i < n; i++)
		to[at[text_number(&from[i]) >> shift & (DIGITS - 1)]++] = from[i];
}

void cli_sort_wanted(struct cli_wanted *wanted)
{
	enum { DIGIT = 12, PAIR = 2 * DIGIT };
	struct cli_want *other = malloc(wanted->n * sizeof(*other));
	if (!other) /* more is read then */
		return;
	for (unsigned shift = 0; shift < PAIR; shift += DIGIT) {
		bool back = shift == DIGIT;
		sort_by_digit(back ? other : wanted->at, back ? wanted->at : other, wanted->n,
		              shift);
	}
	free(other);
}

void cli_make_names(struct cli_names *names, const struct cli_want *wanted, size_t n)
{
	struct turf_texts walk = { .out = NULL };
	struct room room = { .walk = &walk };
	for (size_t i = 0; i < n; i++) {
		const struct cli_kept *kept =
			keep(make_name(names->image, wanted[i].name, wanted[i].linkage,
		                       names->demangled, &room));
		atomic_store_explicit(&names->functions[wanted[i].function],
		                      cli_damaged ? NULL : kept, memory_order_relaxed);
	}
	free(room.more);
}
