/* SPDX-License-Identifier: MIT */
/*
 * turf diff: whether two types are one.
 *
 * A type that has a name is compared with the one of that name, once; whoever refers to it
 * counts it as the same. This ends every cycle, and a change is told where it is. Types without
 * a name belong to what refers to them.
 */
#include <stdlib.h>
#include <string.h>

#include "diff.h"

bool diff_is_nameless(const struct turf_type *t)
{
	return !t->name && t->kind >= TURF_TYPE_STRUCT && t->kind <= TURF_TYPE_ENUM;
}

/* Structures and classes are one kind. */
static char letter(uint32_t kind)
{
	switch (kind) {
	case TURF_TYPE_STRUCT:
	case TURF_TYPE_CLASS:
	case TURF_TYPE_INTERFACE:
		return 's';
	case TURF_TYPE_UNION:
		return 'u';
	case TURF_TYPE_ENUM:
		return 'e';
	case TURF_TYPE_TYPEDEF:
		return 't';
	case TURF_TYPE_BASE:
	case TURF_TYPE_UNSPECIFIED:
		return 'b';
	default:
		return 0;
	}
}

/* Names begin with their keyword in C, unless they stand in something. */
static const char *without_keyword(const char *name, char kind)
{
	static const char *const words[] = { "struct ", "class ", "interface ", "union ",
		                             "enum " };
	for (size_t i = 0; strchr("sue", kind) && i < CLI_COUNT(words); i++)
		if (strncmp(name, words[i], strlen(words[i])) == 0)
			return name + strlen(words[i]);
	return name;
}

const char *diff_key(struct diff *d, int side, const struct turf_type *t)
{
	char kind = letter(t->kind);
	if (!kind || !t->name || t->number >= d->side[side].n_types)
		return NULL;
	const char **key = &d->side[side].keys[t->number];
	if (*key)
		return *key;
	char room[1024], text[1024 + 2], *big = NULL;
	ssize_t n = turf_image_type_name(d->side[side].image, t->number, room, sizeof(room));
	if (n < 0) {
		diff_fail(d, "a type cannot be read: damaged urf");
		return NULL;
	}
	if ((size_t)n < sizeof(room)) {
		snprintf(text, sizeof(text), "%s\001%c", without_keyword(room, kind), kind);
		*key = diff_intern(d, text);
	} else if ((big = malloc((size_t)n + 1))) {
		turf_image_type_name(d->side[side].image, t->number, big, (size_t)n + 1);
		*key = diff_intern(d,
		                   diff_text(d, "%s\001%c", without_keyword(big, kind), kind));
		free(big);
	} else {
		diff_fail(d, "no memory");
	}
	return *key;
}

uint32_t diff_unqualified(struct diff *d, int side, uint32_t number)
{
	struct turf_type t;
	for (unsigned i = 0; i < DIFF_NEST_MAX && diff_type(d, side, number, &t); i++) {
		if (t.kind != TURF_TYPE_CONST && t.kind != TURF_TYPE_VOLATILE &&
		    t.kind != TURF_TYPE_RESTRICT)
			break;
		number = t.target;
	}
	return number;
}

uint32_t diff_pair(struct diff *d, uint32_t old, uint32_t now)
{
	bool is_new;
	struct cli_entry *e =
		cli_table_number(&d->pairs, 1, (uint64_t)old << 32 | now, &is_new);
	if (!e || !diff_room(d, &d->nodes, d->n_nodes, &d->nodes_room, sizeof(*d->nodes))) {
		diff_fail(d, "no memory");
		return 0;
	}
	if (is_new) {
		e->text.size = d->n_nodes; /* the pair's number */
		d->nodes[d->n_nodes++] = (struct diff_node){ { old, now } };
		d->side[DIFF_OLD].flags[old] |= DIFF_PAIRED;
		d->side[DIFF_NEW].flags[now] |= DIFF_PAIRED;
	}
	return (uint32_t)e->text.size;
}

static void refer(struct diff *d, uint32_t old, uint32_t now)
{
	uint32_t to = diff_pair(d, old, now);
	if (!d->failed && to != d->owner &&
	    diff_room(d, &d->edges, d->n_edges, &d->edges_room, sizeof(*d->edges)))
		d->edges[d->n_edges++] = (struct diff_edge){ d->owner, to };
}

/* Beneath typedefs: another name for one type is none of an interface's matters. */
static void see_through(struct diff *d, int side, struct turf_type *t)
{
	for (unsigned i = 0; i < DIFF_NEST_MAX && t->kind == TURF_TYPE_TYPEDEF; i++) {
		struct turf_type target;
		if (!diff_type(d, side, t->target, &target) || diff_is_nameless(&target))
			return;
		*t = target;
	}
}

static bool same_items(struct diff *d, const struct turf_type *a, const struct turf_type *b,
                       unsigned depth)
{
	struct turf_type_items walk[DIFF_SIDES];
	struct turf_type_item x, y;
	bool same = true;
	turf_type_items(a, &walk[DIFF_OLD]);
	turf_type_items(b, &walk[DIFF_NEW]);
	for (;;) {
		int r = turf_type_items_next(&walk[DIFF_OLD], &x);
		int q = turf_type_items_next(&walk[DIFF_NEW], &y);
		if (r < 0 || q < 0)
			diff_fail(d, "a type cannot be read: damaged urf");
		if (r != 1 || q != 1)
			return same && r == q;
		same &= x.kind == y.kind && x.bit_offset == y.bit_offset && x.bits == y.bits &&
		        x.moves == y.moves && x.has_value == y.has_value &&
		        x.value == y.value && x.count == y.count;
		if (x.kind != TURF_ITEM_PARAMETER && (x.name || y.name))
			same &= strcmp(diff_name(d, DIFF_OLD, x.name),
			               diff_name(d, DIFF_NEW, y.name)) == 0;
		uint32_t old = x.type, now = y.type;
		if (x.kind == TURF_ITEM_PARAMETER) {
			old = diff_unqualified(d, DIFF_OLD, old);
			now = diff_unqualified(d, DIFF_NEW, now);
		}
		same &= diff_same(d, old, now, depth + 1);
	}
}

/* All but what they refer to. */
static bool same_head(struct diff *d, const struct turf_type *a, const struct turf_type *b)
{
	return a->kind == b->kind && a->has_size == b->has_size && a->size == b->size &&
	       a->has_count == b->has_count && a->count == b->count && a->lower == b->lower &&
	       a->variadic == b->variadic && a->vector == b->vector && (!a->name == !b->name) &&
	       (!a->name ||
	        strcmp(diff_name(d, DIFF_OLD, a->name), diff_name(d, DIFF_NEW, b->name)) == 0);
}

bool diff_same(struct diff *d, uint32_t old, uint32_t now, unsigned depth)
{
	struct turf_type a, b;
	if (depth > DIFF_NEST_MAX || ++d->steps > DIFF_STEPS_MAX)
		diff_fail(d, "a type is nested too deeply");
	if (d->failed || (!old && !now))
		return true;
	if (!diff_type(d, DIFF_OLD, old, &a) || !diff_type(d, DIFF_NEW, now, &b))
		return true;
	const char *x = diff_key(d, DIFF_OLD, &a), *y = diff_key(d, DIFF_NEW, &b);
	if (x != y) {
		see_through(d, DIFF_OLD, &a);
		see_through(d, DIFF_NEW, &b);
		x = diff_key(d, DIFF_OLD, &a);
		y = diff_key(d, DIFF_NEW, &b);
	}
	if (x && x == y) {
		refer(d, a.number, b.number);
		return true;
	}
	if (x || y || !same_head(d, &a, &b))
		return false;
	bool same = diff_same(d, a.target, b.target, depth + 1);
	if (a.kind == TURF_TYPE_MEMBER_POINTER)
		same &= diff_same(d, a.class_type, b.class_type, depth + 1);
	return same & same_items(d, &a, &b, depth);
}

/* What is in a template's name is reached by its members, if at all. */
static bool leads_on(uint32_t kind)
{
	return kind != TURF_ITEM_TYPE_ARGUMENT && kind != TURF_ITEM_VALUE_ARGUMENT &&
	       kind != TURF_ITEM_ENUMERATOR && kind != TURF_ITEM_DIMENSION;
}

/* Types that are known, and what is in them not yet. */
struct reach {
	uint32_t *at;
	size_t n, room;
};

static void reach_one(struct diff *d, int side, struct reach *r, uint32_t number)
{
	if (!number || number >= d->side[side].n_types ||
	    d->side[side].flags[number] & DIFF_REACHED ||
	    !diff_room(d, &r->at, r->n, &r->room, sizeof(*r->at)))
		return;
	d->side[side].flags[number] |= DIFF_REACHED;
	r->at[r->n++] = number;
}

void diff_reach(struct diff *d, int side, uint32_t number)
{
	struct reach r = { .n = 0 };
	reach_one(d, side, &r, number);
	while (r.n && !d->failed) {
		struct turf_type t;
		struct turf_type_items walk;
		struct turf_type_item item;
		if (!diff_type(d, side, r.at[--r.n], &t))
			break;
		reach_one(d, side, &r, t.target);
		reach_one(d, side, &r, t.class_type);
		turf_type_items(&t, &walk);
		while (turf_type_items_next(&walk, &item) == 1)
			if (leads_on(item.kind))
				reach_one(d, side, &r, item.type);
	}
	free(r.at);
}

static void collect_types(struct diff *d, int side)
{
	for (uint32_t i = 1; i < d->side[side].n_types && !d->failed; i++) {
		struct turf_type t;
		if (!(d->side[side].flags[i] & DIFF_REACHED) || !diff_type(d, side, i, &t))
			continue;
		const char *key = diff_key(d, side, &t);
		if (key)
			diff_add_item(d, side, DIFF_TYPE, key, i);
	}
}

/* "struct foo" of a type's key, whatever language says. */
static const char *shown_type(struct diff *d, int side, const struct turf_type *t)
{
	static const char *const words[] = {
		[TURF_TYPE_TYPEDEF] = "typedef ", [TURF_TYPE_STRUCT] = "struct ",
		[TURF_TYPE_CLASS] = "class ",     [TURF_TYPE_UNION] = "union ",
		[TURF_TYPE_INTERFACE] = "",       [TURF_TYPE_ENUM] = "enum ",
	};
	const char *key = diff_key(d, side, t);
	const char *end = key ? strrchr(key, '\001') : NULL;
	if (!end)
		return "?";
	const char *word = t->kind < CLI_COUNT(words) && words[t->kind] ? words[t->kind] : "";
	return diff_text(d, "%s%.*s", word, (int)(end - key), key);
}

static void compare_pair(struct diff *d, uint32_t node)
{
	const uint32_t old = d->nodes[node].type[DIFF_OLD];
	const uint32_t now = d->nodes[node].type[DIFF_NEW];
	struct diff_changes c = { .n = 0 };
	struct turf_type t;
	d->owner = node;
	d->steps = 0;
	diff_layout(d, &c, old, now);
	if (!c.n || !diff_type(d, DIFF_OLD, old, &t))
		return;
	struct diff_result *r = diff_add_result(d, DIFF_TYPE, '~', diff_key(d, DIFF_OLD, &t),
	                                        shown_type(d, DIFF_OLD, &t));
	if (r) {
		r->changes = c;
		r->node = node;
		r->key = r->name;
	}
}

/* It says what something looks like; a typedef is mostly another name for what does. */
static bool is_layout(struct diff *d, int side, const struct turf_type *t)
{
	struct turf_type target;
	if (t->kind == TURF_TYPE_TYPEDEF)
		return diff_type(d, side, t->target, &target) && diff_is_nameless(&target);
	return letter(t->kind) != 'b';
}

/* One side alone has types of a name; those of both that nobody compared yet are pairs too. */
static void tell_type(struct diff *d, const struct diff_item *old, const struct diff_item *now)
{
	struct turf_type t;
	int side = old ? DIFF_OLD : DIFF_NEW;
	const struct diff_item *one = old ? old : now;
	if (old && now) {
		if (!(d->side[DIFF_OLD].flags[old->number] & DIFF_PAIRED) &&
		    !(d->side[DIFF_NEW].flags[now->number] & DIFF_PAIRED))
			diff_pair(d, old->number, now->number);
		return;
	}
	if (!diff_type(d, side, one->number, &t) || !is_layout(d, side, &t) ||
	    d->side[side].flags[one->number] & DIFF_PAIRED)
		return;
	const struct diff_items *other = &d->side[!side].items[DIFF_TYPE];
	const struct diff_item *found = NULL;
	for (size_t lo = 0, hi = other->n; lo < hi && !found;) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(one->key, other->at[mid].key);
		found = c == 0 ? &other->at[mid] : NULL;
		lo = c > 0 ? mid + 1 : lo;
		hi = c > 0 ? hi : mid;
	}
	if (found)
		return; /* a further one of a name that both have */
	struct diff_result *r = diff_add_result(d, DIFF_TYPE, old ? '-' : '+', one->key,
	                                        shown_type(d, side, &t));
	if (r)
		r->key = one->key;
}

void diff_types(struct diff *d)
{
	uint32_t i = 0;
	for (; i < d->n_nodes && !d->failed; i++)
		compare_pair(d, i);
	collect_types(d, DIFF_OLD);
	collect_types(d, DIFF_NEW);
	diff_merge(d, DIFF_TYPE, tell_type);
	for (; i < d->n_nodes && !d->failed; i++)
		compare_pair(d, i);
}
