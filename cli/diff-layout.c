/* SPDX-License-Identifier: MIT */
/*
 * turf diff: what is other about two types of one name.
 *
 * Members are matched by name, those of members without a name as if they stood around it. What
 * is gone and what is new at one place and of one type was renamed. Members behind a change
 * that only move are told together.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"

enum { FIELDS_MAX = 1 << 22, NO_MATCH = FIELDS_MAX }; /* of one type; others are left out */

struct field {
	struct turf_type_item item; /* with its offset from the outermost type on */
	const char *name;
	uint32_t match; /* of the other side */
};
struct fields {
	struct field *at;
	size_t n, room;
};

void diff_change(struct diff *d, struct diff_changes *c, char sign, const char *what,
                 const char *old, const char *now)
{
	if (diff_room(d, &c->at, c->n, &c->room, sizeof(*c->at)))
		c->at[c->n++] = (struct diff_change){ sign, what, old, now };
}

static void change_number(struct diff *d, struct diff_changes *c, const char *what,
                          uint64_t old, uint64_t now)
{
	if (old != now)
		diff_change(d, c, '~', what, diff_text(d, "%" PRIu64, old),
		            diff_text(d, "%" PRIu64, now));
}

/* Through what both are made of alike, down to a type without a name on both sides. */
static bool find_nameless(struct diff *d, uint32_t *old, uint32_t *now)
{
	struct turf_type a, b;
	for (unsigned i = 0; i < DIFF_NEST_MAX; i++) {
		if (!diff_type(d, DIFF_OLD, *old, &a) || !diff_type(d, DIFF_NEW, *now, &b) ||
		    a.kind != b.kind)
			return false;
		if (diff_is_nameless(&a))
			return diff_is_nameless(&b);
		if (a.name || b.name ||
		    (a.kind > TURF_TYPE_ATOMIC && a.kind != TURF_TYPE_ARRAY))
			return false;
		*old = a.target;
		*now = b.target;
	}
	return false;
}

static void compare_bodies(struct diff *d, struct diff_changes *c, const char *prefix,
                           uint32_t old, uint32_t now, unsigned depth);

static void use(struct diff *d, struct diff_changes *c, const char *what, const char *prefix,
                uint32_t old, uint32_t now, unsigned depth)
{
	if (diff_same(d, old, now, 0))
		return;
	const char *a = diff_declare(d, DIFF_OLD, old, NULL);
	const char *b = diff_declare(d, DIFF_NEW, now, NULL);
	size_t before = c->n;
	if (strcmp(a, b) == 0 && depth < DIFF_NEST_MAX && find_nameless(d, &old, &now))
		compare_bodies(d, c, prefix, old, now, depth + 1);
	if (c->n == before)
		diff_change(d, c, '~', what, a, b);
}

void diff_use(struct diff *d, struct diff_changes *c, const char *what, uint32_t old,
              uint32_t now)
{
	use(d, c, what, "", old, now, 0);
}

static bool is_told(uint32_t kind)
{
	return kind <= TURF_ITEM_ENUMERATOR || kind == TURF_ITEM_VARIANT;
}

/* Members of members that have no name stand for themselves. */
static bool is_around(struct diff *d, int side, const struct turf_type_item *item,
                      struct turf_type *t)
{
	return item->kind == TURF_ITEM_MEMBER && !item->name && !item->bits && !item->moves &&
	       diff_type(d, side, item->type, t) && diff_is_nameless(t) &&
	       t->kind != TURF_TYPE_ENUM;
}

/* Whether it is a structure or a class makes it no other base. */
static const char *base_name(struct diff *d, int side, uint32_t number)
{
	struct turf_type t;
	const char *key = diff_type(d, side, number, &t) ? diff_key(d, side, &t) : NULL;
	return key ? diff_text(d, "%.*s", (int)(strrchr(key, '\001') - key), key)
	           : diff_declare(d, side, number, NULL);
}

static void collect(struct diff *d, int side, const struct turf_type *t, int64_t base,
                    struct fields *out, unsigned depth)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	struct turf_type inner;
	int r;
	turf_type_items(t, &walk);
	while ((r = turf_type_items_next(&walk, &item)) == 1) {
		if (!is_told(item.kind) || out->n == FIELDS_MAX || ++d->steps > DIFF_STEPS_MAX)
			continue;
		if (item.kind <= TURF_ITEM_BASE && !item.moves)
			item.bit_offset += base;
		if (depth < DIFF_NEST_MAX && is_around(d, side, &item, &inner)) {
			collect(d, side, &inner, item.bit_offset, out, depth + 1);
			continue;
		}
		if (!diff_room(d, &out->at, out->n, &out->room, sizeof(*out->at)))
			return;
		const char *name = diff_name(d, side, item.name);
		if (item.kind == TURF_ITEM_BASE)
			name = base_name(d, side, item.type);
		out->at[out->n++] = (struct field){ item, name, NO_MATCH };
	}
	if (r < 0)
		diff_fail(d, "a type cannot be read: damaged urf");
}

static int by_name(const void *a, const void *b)
{
	const struct field *x = *(struct field *const *)a, *y = *(struct field *const *)b;
	if (x->item.kind != y->item.kind)
		return x->item.kind < y->item.kind ? -1 : 1;
	int c = strcmp(x->name, y->name);
	return c ? c : x < y ? -1 : x > y;
}

/* The fields by kind and name; free() it. */
static struct field **sorted(struct diff *d, const struct fields *f)
{
	struct field **at = malloc((f->n + 1) * sizeof(*at));
	if (!at) {
		diff_fail(d, "no memory");
		return NULL;
	}
	for (size_t i = 0; i < f->n; i++)
		at[i] = &f->at[i];
	qsort(at, f->n, sizeof(*at), by_name);
	return at;
}

static void match_names(struct diff *d, struct fields *old, struct fields *now)
{
	struct field **a = sorted(d, old), **b = sorted(d, now);
	for (size_t i = 0, j = 0; a && b && i < old->n && j < now->n;) {
		int c = a[i]->item.kind != b[j]->item.kind
		                ? a[i]->item.kind < b[j]->item.kind ? -1 : 1
		                : strcmp(a[i]->name, b[j]->name);
		if (c == 0) {
			a[i]->match = (uint32_t)(b[j] - now->at);
			b[j]->match = (uint32_t)(a[i] - old->at);
		}
		i += c <= 0;
		j += c >= 0;
	}
	free(a);
	free(b);
}

static bool is_renamed(struct diff *d, const struct field *a, const struct field *b)
{
	if (a->item.kind != b->item.kind || a->item.kind == TURF_ITEM_BASE)
		return false;
	if (a->item.kind == TURF_ITEM_ENUMERATOR)
		return a->item.value == b->item.value;
	return a->item.kind == TURF_ITEM_MEMBER && a->item.bit_offset == b->item.bit_offset &&
	       a->item.bits == b->item.bits && diff_same(d, a->item.type, b->item.type, 0);
}

static int64_t place(const struct field *f)
{
	return f->item.kind == TURF_ITEM_ENUMERATOR ? f->item.value : f->item.bit_offset;
}

/* Those left over at one place, in the order they are declared in, are one. */
static void match_places(struct diff *d, struct fields *old, struct fields *now)
{
	for (size_t i = 0, j = 0; i < old->n && j < now->n;) {
		struct field *a = &old->at[i], *b = &now->at[j];
		if (a->match != NO_MATCH) {
			i++;
		} else if (b->match != NO_MATCH) {
			j++;
		} else if (is_renamed(d, a, b)) {
			a->match = (uint32_t)j++;
			b->match = (uint32_t)i++;
		} else if (place(a) <= place(b)) {
			i++;
		} else {
			j++;
		}
	}
}

static const char *word(const struct field *f)
{
	switch (f->item.kind) {
	case TURF_ITEM_BASE:
		return f->item.is_virtual ? "virtual base" : "base";
	case TURF_ITEM_STATIC:
		return "static member";
	case TURF_ITEM_ENUMERATOR:
		return "enumerator";
	case TURF_ITEM_VARIANT:
		return "variant";
	default:
		return "member";
	}
}

static const char *what_of(struct diff *d, const char *prefix, const struct field *f)
{
	return diff_text(d, "%s %s%s", word(f), prefix, *f->name ? f->name : "(no name)");
}

static const char *offset(struct diff *d, const struct turf_type_item *item)
{
	if (item->moves)
		return "virtual";
	if (item->bits)
		return diff_text(d, "%" PRId64 ":%u", item->bit_offset >> 3,
		                 (unsigned)(item->bit_offset & 7));
	return diff_text(d, "%" PRId64, item->bit_offset >> 3);
}

/* A field that one side alone has. */
static const char *whole(struct diff *d, int side, const struct field *f)
{
	const struct turf_type_item *item = &f->item;
	if (item->kind == TURF_ITEM_ENUMERATOR || item->kind == TURF_ITEM_VARIANT)
		return item->has_value || item->kind == TURF_ITEM_ENUMERATOR
		               ? diff_text(d, "%" PRId64, item->value)
		               : "";
	const char *type = diff_declare(d, side, item->type, NULL);
	if (item->kind == TURF_ITEM_STATIC)
		return type;
	if (item->kind == TURF_ITEM_BASE)
		return diff_text(d, "at %s", offset(d, item));
	if (item->bits)
		return diff_text(d, "%s : %u at %s", type, item->bits, offset(d, item));
	return diff_text(d, "%s at %s", type, offset(d, item));
}

static bool is_moved(const struct field *a, const struct field *b)
{
	return a->item.kind <= TURF_ITEM_BASE &&
	       (a->item.moves != b->item.moves ||
	        (!a->item.moves && a->item.bit_offset != b->item.bit_offset));
}

static void compare_fields(struct diff *d, struct diff_changes *c, const char *prefix,
                           const struct field *a, const struct field *b, unsigned depth)
{
	const char *what = what_of(d, prefix, b);
	if (strcmp(a->name, b->name) != 0)
		diff_change(d, c, '~', diff_text(d, "%s name", word(a)),
		            diff_text(d, "%s%s", prefix, a->name),
		            diff_text(d, "%s%s", prefix, b->name));
	if ((a->item.kind == TURF_ITEM_ENUMERATOR || a->item.kind == TURF_ITEM_VARIANT) &&
	    a->item.value != b->item.value)
		diff_change(d, c, '~', what, diff_text(d, "%" PRId64, a->item.value),
		            diff_text(d, "%" PRId64, b->item.value));
	if (a->item.kind == TURF_ITEM_ENUMERATOR)
		return;
	if (a->item.is_virtual != b->item.is_virtual)
		diff_change(d, c, '~', what, word(a), word(b));
	if (a->item.type || b->item.type)
		use(d, c, what, diff_text(d, "%s%s.", prefix, b->name), a->item.type,
		    b->item.type, depth);
	if (a->item.bits != b->item.bits)
		diff_change(d, c, '~', diff_text(d, "%s bits", what),
		            diff_text(d, "%u", a->item.bits), diff_text(d, "%u", b->item.bits));
	if (is_moved(a, b))
		diff_change(d, c, '~', diff_text(d, "%s offset", what), offset(d, &a->item),
		            offset(d, &b->item));
}

/* Nothing is other about a field but that it moved by @by bits. */
static bool only_moved(struct diff *d, const struct fields *old, const struct field *b,
                       int64_t by)
{
	if (b->match == NO_MATCH || b->item.kind != TURF_ITEM_MEMBER)
		return false;
	const struct field *a = &old->at[b->match];
	return !a->item.moves && !b->item.moves &&
	       b->item.bit_offset - a->item.bit_offset == by && by &&
	       a->item.bits == b->item.bits && strcmp(a->name, b->name) == 0 &&
	       diff_same(d, a->item.type, b->item.type, 0);
}

/* How many fields from @i on moved together, and did nothing else. */
static size_t count_moved(struct diff *d, const struct fields *old, const struct fields *now,
                          size_t i)
{
	const struct field *b = &now->at[i];
	if (b->match == NO_MATCH)
		return 0;
	int64_t by = b->item.bit_offset - old->at[b->match].item.bit_offset;
	size_t n = 0;
	while (i + n < now->n && only_moved(d, old, &now->at[i + n], by))
		n++;
	return n;
}

static void tell_fields(struct diff *d, struct diff_changes *c, const char *prefix,
                        const struct fields *old, const struct fields *now, unsigned depth)
{
	for (size_t i = 0; i < old->n; i++)
		if (old->at[i].match == NO_MATCH)
			diff_change(d, c, '-', what_of(d, prefix, &old->at[i]),
			            whole(d, DIFF_OLD, &old->at[i]), NULL);
	for (size_t i = 0; i < now->n;) {
		const struct field *b = &now->at[i];
		size_t n = count_moved(d, old, now, i);
		if (n > 2) {
			diff_change(d, c, '~',
			            diff_text(d, "%zu members %s%s .. %s%s offset", n, prefix,
			                      b->name, prefix, b[n - 1].name),
			            offset(d, &old->at[b->match].item), offset(d, &b->item));
		} else if (b->match == NO_MATCH) {
			diff_change(d, c, '+', what_of(d, prefix, b), NULL,
			            whole(d, DIFF_NEW, b));
		} else {
			compare_fields(d, c, prefix, &old->at[b->match], b, depth);
		}
		i += n > 2 ? n : 1;
	}
}

static void compare_bodies(struct diff *d, struct diff_changes *c, const char *prefix,
                           uint32_t old, uint32_t now, unsigned depth)
{
	struct turf_type a, b;
	struct fields x = { .n = 0 }, y = { .n = 0 };
	if (!diff_type(d, DIFF_OLD, old, &a) || !diff_type(d, DIFF_NEW, now, &b) ||
	    a.declaration || b.declaration)
		return;
	if (a.has_size && b.has_size)
		change_number(d, c, *prefix ? diff_text(d, "%ssize", prefix) : "size", a.size,
		              b.size);
	change_number(d, c, *prefix ? diff_text(d, "%salignment", prefix) : "alignment",
	              a.alignment, b.alignment);
	if (a.kind == TURF_TYPE_ENUM)
		use(d, c, "kept in", prefix, a.target, b.target, depth);
	collect(d, DIFF_OLD, &a, 0, &x, 0);
	collect(d, DIFF_NEW, &b, 0, &y, 0);
	match_names(d, &x, &y);
	match_places(d, &x, &y);
	if (!d->failed)
		tell_fields(d, c, prefix, &x, &y, depth);
	free(x.at);
	free(y.at);
}

static void compare_typedefs(struct diff *d, struct diff_changes *c, const struct turf_type *a,
                             const struct turf_type *b)
{
	struct turf_type x, y;
	if (!diff_type(d, DIFF_OLD, a->target, &x) || !diff_type(d, DIFF_NEW, b->target, &y))
		return;
	if (diff_is_nameless(&x) && diff_is_nameless(&y) && x.kind == y.kind)
		compare_bodies(d, c, "", a->target, b->target, 0);
	else
		diff_use(d, c, "means", a->target, b->target);
}

void diff_layout(struct diff *d, struct diff_changes *c, uint32_t old, uint32_t now)
{
	struct turf_type a, b;
	if (!diff_type(d, DIFF_OLD, old, &a) || !diff_type(d, DIFF_NEW, now, &b))
		return;
	if (a.kind == TURF_TYPE_TYPEDEF) {
		compare_typedefs(d, c, &a, &b);
	} else if (a.kind == TURF_TYPE_BASE || a.kind == TURF_TYPE_UNSPECIFIED) {
		change_number(d, c, "size", a.size, b.size);
		change_number(d, c, "encoding", a.encoding, b.encoding);
		change_number(d, c, "bits", a.bits, b.bits);
	} else {
		compare_bodies(d, c, "", old, now, 0);
	}
}
