/* SPDX-License-Identifier: MIT */
/*
 * Checking names and places: each entry leads to what it says, and all that has a name, a line
 * or code is led to.
 *
 * Cost: each name's text read and hashed twice; each block of segments decoded once
 */
#include <xxhash.h>

#include "image/names.h"
#include "image/verify.h"
#include "turf/macros.h"
#include "turf/types.h"
#include "turf/variables.h"

/* A text that is read whole. */
struct reading {
	const struct turf_image *image;
	struct turf_name name;
	uint32_t wanted; /* the entry's hash, as far as its bucket and tag tell */
	size_t bucket;
	bool found;
	char *room;
	size_t size;
};

static void reading_fini(struct reading *r)
{
	free(r->room);
}

/* Hash of a name: 1, 0 it is empty, -EBADMSG, -ENOMEM. */
static int hash_of(struct reading *r, turf_text text, uint32_t *ret)
{
	ssize_t n = turf_image_text(r->image, text, NULL, 0);
	if (n < 0 || n > URF_TEXT_MAX)
		return -EBADMSG;
	if ((size_t)n >= r->size) {
		free(r->room);
		r->size = (size_t)n * 2 + 256;
		r->room = malloc(r->size);
		if (!r->room) {
			r->size = 0;
			return -ENOMEM;
		}
	}
	if (turf_image_text(r->image, text, r->room, r->size) != n)
		return -EBADMSG;
	struct name_part part = turf_name_part(r->name.kind, r->room, (size_t)n);
	*ret = (uint32_t)XXH3_64bits(r->room + part.off, part.size);
	return part.size > 0;
}

static int is_entry(void *ctx, turf_text text)
{
	struct reading *r = ctx;
	uint32_t hash;
	int n = hash_of(r, text, &hash);
	return n != 1 ? n
	              : name_bucket(r->image, hash) == r->bucket && (uint8_t)hash == r->wanted;
}

static bool comes_before(const struct turf_name *a, const struct turf_name *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->number != b->number ? a->number < b->number : a->index < b->index;
}

static const char *check_bucket(struct reading *r, size_t bucket)
{
	const struct turf_image *image = r->image;
	uint32_t off = le32_get(image->name_index.at[bucket]);
	uint32_t end = le32_get(image->name_index.at[bucket + 1]);
	if (off > end || end > image->names.size || (bucket == 0 && off))
		return "is out of order";
	const uint8_t *at = image->names.at + off;
	struct turf_name before = { 0 };
	r->bucket = bucket;
	while (at < image->names.at + end) {
		r->wanted = *at++;
		struct turf_name name = take_name(&at);
		if (comes_before(&name, &before))
			return "has entries that are out of order";
		before = name;
		r->name = name;
		int is = turf_name_texts(image, &name, is_entry, r);
		if (is != 1)
			return is == 0         ? "leads to what has another name"
			       : is == -ENOMEM ? "no memory for its names"
			                       : "leads to nothing";
	}
	return at == image->names.at + end ? NULL : "does not end with an entry";
}

/* Whether the name @text is in the index: 0, -ENOENT, or why it cannot be told. */
static int is_listed(void *ctx, turf_text text)
{
	struct reading *r = ctx;
	uint32_t hash;
	int n = hash_of(r, text, &hash);
	if (n != 1)
		return n;
	size_t bucket = name_bucket(r->image, hash);
	const uint8_t *at = r->image->names.at + le32_get(r->image->name_index.at[bucket]);
	const uint8_t *end = r->image->names.at + le32_get(r->image->name_index.at[bucket + 1]);
	while (at < end) {
		uint8_t tag = *at++;
		struct turf_name name = take_name(&at);
		if (tag == (uint8_t)hash && !comes_before(&name, &r->name) &&
		    !comes_before(&r->name, &name))
			return 0;
	}
	return -ENOENT;
}

static int check_enumerators(struct reading *r, const struct turf_type *type)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	int is = 0;
	turf_type_items(type, &walk);
	r->name = (struct turf_name){ TURF_NAME_ENUMERATOR, type->number, 0 };
	for (; is == 0 && turf_type_items_next(&walk, &item) == 1; r->name.index++)
		is = item.name ? is_listed(r, item.name) : 0;
	r->name = (struct turf_name){ TURF_NAME_TYPE, type->number, 0 };
	return is;
}

/* Of macros of one name only the first is listed. */
static bool is_first_macro(const struct turf_image *image, uint32_t number)
{
	struct turf_macro a, b;
	return !number || turf_image_macro(image, number - 1, &a) != 1 ||
	       turf_image_macro(image, number, &b) != 1 || a.name != b.name;
}

/* All of one kind, up to @n, but symbols: those that are functions too are not listed. */
static const char *check_listed(struct reading *r, enum turf_name_kind kind, uint32_t first,
                                uint32_t n)
{
	r->name = (struct turf_name){ kind, first, 0 };
	for (; r->name.number < n; r->name.number++) {
		struct turf_type type = { 0 };
		if (kind == TURF_NAME_TYPE &&
		    turf_image_type(r->image, r->name.number, &type) != 1)
			return "is of types that cannot be read";
		if (type.kind == TURF_TYPE_SCOPE ||
		    (kind == TURF_NAME_MACRO && !is_first_macro(r->image, r->name.number)))
			continue;
		int is = turf_name_texts(r->image, &r->name, is_listed, r);
		if (is == 0 && type.kind == TURF_TYPE_ENUM)
			is = check_enumerators(r, &type);
		if (is < 0)
			return is == -ENOENT ? "is without a name that there is"
			                     : "is of names that cannot be read";
	}
	return NULL;
}

int turf_verify_names(const struct turf_image *image, struct turf_error *err)
{
	size_t n = image->name_index.n;
	if (n == 0)
		return image->names.size ? bad(image, err, URF_NAMES, 0, "entries of no bucket")
		                         : 0;
	if (!(le32_get(image->head->flags) & URF_HAS_COLD))
		return bad(image, err, URF_NAME_INDEX, 0,
		           "is there, but not in the head's flags");
	if (n == 1 || le32_get(image->name_index.at[n - 1]) != image->names.size)
		return bad(image, err, URF_NAME_INDEX, n - 1, "is not where entries end");
	scoped(reading_fini) struct reading r = { .image = image };
	for (size_t i = 0; i + 1 < n; i++) {
		const char *what = check_bucket(&r, i);
		if (what)
			return bad(image, err, URF_NAME_INDEX, i, what);
	}
	const char *what = check_listed(&r, TURF_NAME_FUNCTION, 1, image->n_functions);
	if (!what)
		what = check_listed(&r, TURF_NAME_FILE, 1,
		                    image->files.n + image->more_files.n);
	if (!what)
		what = check_listed(&r, TURF_NAME_TYPE, 1, turf_image_n_types(image));
	if (!what)
		what = check_listed(&r, TURF_NAME_VARIABLE, 0, turf_image_n_globals(image));
	if (!what)
		what = check_listed(&r, TURF_NAME_MACRO, 0, turf_image_n_macros(image));
	return what ? bad(image, err, URF_NAMES, r.name.number, what) : 0;
}

/* Lists must stand one behind the other, as the index has them. */
struct places {
	const struct turf_image *image;
	const uint8_t *at;
	size_t n_lines; /* files' functions */
};

static bool is_next(struct places *p, size_t idx)
{
	return le32_get(p->image->place_index.at[idx]) == (size_t)(p->at - p->image->places.at);
}

/* The lines of @function in @file: 1, 0 none, -EBADMSG. */
static int lines_in(const struct turf_image *image, uint32_t function, uint32_t file,
                    uint32_t *lowest, uint32_t *highest)
{
	struct function f;
	struct place place;
	if (turf_function_read(image, function, &f) < 0)
		return -EBADMSG;
	*lowest = UINT32_MAX, *highest = 0;
	for (uint32_t i = 0; i < f.n_lines; i++) {
		if (turf_function_line(&f, i, &place) < 0)
			return -EBADMSG;
		if (place.file != file || !place.line)
			continue;
		*lowest = MIN(*lowest, place.line);
		*highest = MAX(*highest, place.line);
	}
	return *highest > 0;
}

/* The function read last: its lines, and that it stands behind the one before, *@last. */
static const char *check_function(struct places *p, uint32_t file, const struct place_list *l,
                                  struct place_list *last, uint32_t *highest)
{
	uint32_t low, high;
	if (lines_in(p->image, l->function, file, &low, &high) != 1)
		return "has a function without a line there";
	if (low != l->lowest || (l->highest != UINT32_MAX && high != l->highest))
		return "has other lines";
	if (last->n > l->n &&
	    (low < last->lowest || (low == last->lowest && l->function <= last->function)))
		return "is out of order";
	if (last->n > l->n && (*highest < low) != (last->highest == UINT32_MAX))
		return "overlaps, or does not";
	*last = *l;
	*highest = high;
	p->n_lines++;
	return NULL;
}

static const char *check_file(struct places *p, uint32_t file)
{
	struct place_list l, last = { 0 };
	uint32_t highest = 0;
	if (!is_next(p, file) || turf_places_file(p->image, file, &l) != 1)
		return "is not where its list is";
	int r;
	while ((r = place_next(&l)) == 1) {
		const char *what = check_function(p, file, &l, &last, &highest);
		if (what)
			return what;
	}
	if (r < 0 || (last.highest && last.highest != UINT32_MAX))
		return "ends outside, or not";
	p->at = l.at;
	return NULL;
}

/* Files that functions have lines in. */
static size_t count_lines(const struct turf_image *image)
{
	size_t n = 0;
	for (uint32_t i = 1; i < image->n_functions; i++) {
		struct function f;
		struct place place;
		uint32_t last = 0;
		if (turf_function_read(image, i, &f) < 0)
			return SIZE_MAX;
		for (uint32_t k = 0; k < f.n_lines; k++) { /* by file, then by line */
			if (turf_function_line(&f, k, &place) < 0)
				return SIZE_MAX;
			n += place.line && place.file && place.file != last;
			last = place.line && place.file ? place.file : last;
		}
	}
	return n;
}

/* The blocks of a function that are yet to come. */
struct owner {
	struct block_list list;
	size_t block;
	bool any;
};
struct owners {
	struct owner *at; /* by function */
};

static void owners_fini(struct owners *o)
{
	free(o->at);
}

static int owner_next(struct owner *o)
{
	int r = block_next(&o->list, &o->block);
	o->any = r == 1;
	return r;
}

/* Reads each list once, to see that it is in its place, and leaves all at their first blocks.
 */
static const char *check_lists(struct places *p, struct owner *owners)
{
	for (uint32_t i = 0; i < p->image->n_functions; i++) {
		struct owner *o = &owners[i];
		if (i % URF_PLACE_STEP == 0 &&
		    !is_next(p, p->image->files.n + i / URF_PLACE_STEP))
			return "is not where its list is";
		if (turf_places_blocks(p->image, i, &o->list) != 1)
			return "cannot be read";
		struct owner first = *o;
		int r;
		while ((r = owner_next(o)) == 1)
			if (o->block + 1 >= p->image->blocks.n)
				return "has a block that is none";
		if (r < 0)
			return "ends outside";
		p->at = o->list.at;
		*o = first;
		(void)owner_next(o);
	}
	return NULL;
}

/* Whether all functions at a segment of @block list it. */
static bool are_listed(const struct turf_image *image, const struct walk *walk,
                       struct owner *owners, size_t block)
{
	struct turf_frame frames[TURF_FRAMES_MAX];
	if (!walk->depth)
		return true;
	if (turf_walk_frames(image, walk, walk->start, frames) < 0)
		return false;
	for (uint32_t i = 0; i < walk->depth; i++) {
		/* of code without a function's name the frame does not tell */
		uint32_t function = i + 1 < walk->depth ? frames[i].function : walk->function;
		struct owner *o = &owners[function];
		while (o->any && o->block < block)
			(void)owner_next(o);
		if (!o->any || o->block != block)
			return false;
	}
	return true;
}

static const char *check_block(const struct turf_image *image, struct owner *owners,
                               size_t block)
{
	struct walk walk;
	if (turf_walk_begin(image, block, &walk) < 0)
		return "is not readable";
	uint32_t start = walk.start;
	for (int r = 1; r == 1;) {
		if (turf_walk_to(image, &walk, start) < 0)
			return "cannot be read";
		if (!are_listed(image, &walk, owners, block))
			return "has a function that does not list it";
		r = turf_walk_peek(image, &walk, &start);
		if (r < 0 || (r == 1 && start <= walk.start))
			return "cannot be read";
	}
	return NULL;
}

static int check_blocks(struct places *p, struct turf_error *err)
{
	const struct turf_image *image = p->image;
	scoped(owners_fini) struct owners owners = { calloc((size_t)image->n_functions + 1,
		                                            sizeof(*owners.at)) };
	if (!owners.at)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for places");
	const char *what = check_lists(p, owners.at);
	if (what)
		return bad(image, err, URF_PLACE_INDEX, image->files.n, what);
	for (size_t i = 0; i + 1 < image->blocks.n; i++) {
		what = check_block(image, owners.at, i);
		if (what)
			return bad(image, err, URF_BLOCKS, i, what);
	}
	return p->at == image->places.at + image->places.size
	               ? 0
	               : bad(image, err, URF_PLACES, image->n_functions, "one too many");
}

int turf_verify_places(const struct turf_image *image, struct turf_error *err)
{
	size_t n = image->place_index.n;
	if (n == 0)
		return image->places.size ? bad(image, err, URF_PLACES, 0, "lists of nothing")
		                          : 0;
	if (!(le32_get(image->head->flags) & URF_HAS_COLD))
		return bad(image, err, URF_PLACE_INDEX, 0,
		           "is there, but not in the head's flags");
	uint64_t functions =
		((uint64_t)image->n_functions + URF_PLACE_STEP - 1) / URF_PLACE_STEP;
	if (n != image->files.n + functions)
		return bad(image, err, URF_PLACE_INDEX, n, "is not as long as there are lists");
	struct places p = { .image = image, .at = image->places.at };
	for (uint32_t i = 0; i < image->files.n; i++) {
		const char *what = check_file(&p, i);
		if (what)
			return bad(image, err, URF_PLACE_INDEX, i, what);
	}
	if (p.n_lines != count_lines(image))
		return bad(image, err, URF_PLACES, 0, "are not all that have lines in files");
	return check_blocks(&p, err);
}
