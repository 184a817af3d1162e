/* SPDX-License-Identifier: MIT */
/*
 * turf diff: functions and variables.
 *
 * A function that others can call is one that a symbol which is not local stands for: what is
 * hidden, the linker made local. So a function is known by its symbol, with the version if
 * there is one. With --all, and for variables, the linkage name counts, or else the name with
 * what it stands in.
 */
#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"

void diff_add_item(struct diff *d, int side, enum diff_kind kind, const char *key,
                   uint32_t number)
{
	struct diff_items *items = &d->side[side].items[kind];
	if (!diff_room(d, &items->at, items->n, &items->room, sizeof(*items->at)))
		return;
	items->at[items->n++] = (struct diff_item){ key, number };
}

static int by_key(const void *a, const void *b)
{
	const struct diff_item *x = a, *y = b;
	int c = x->key == y->key ? 0 : strcmp(x->key, y->key);
	return c ? c : x->number < y->number ? -1 : x->number > y->number;
}

/* In order, each once. */
static void sort(struct diff_items *items)
{
	size_t n = 0;
	if (items->n)
		qsort(items->at, items->n, sizeof(*items->at), by_key);
	for (size_t i = 0; i < items->n; i++)
		if (n == 0 || by_key(&items->at[n - 1], &items->at[i]) != 0)
			items->at[n++] = items->at[i];
	items->n = n;
}

void diff_merge(struct diff *d, enum diff_kind kind,
                void (*tell)(struct diff *d, const struct diff_item *old,
                             const struct diff_item *now))
{
	struct diff_items *a = &d->side[DIFF_OLD].items[kind];
	struct diff_items *b = &d->side[DIFF_NEW].items[kind];
	sort(a);
	sort(b);
	for (size_t i = 0, j = 0; i < a->n || j < b->n;) {
		int c = i == a->n ? 1 : j == b->n ? -1 : strcmp(a->at[i].key, b->at[j].key);
		tell(d, c <= 0 ? &a->at[i] : NULL, c >= 0 ? &b->at[j] : NULL);
		i += c <= 0;
		j += c >= 0;
	}
}

/* The function that begins at an address; 0: none is known. */
static uint32_t function_at(struct diff *d, int side, uint64_t addr)
{
	struct turf_frames walk;
	struct turf_frame frame = { .function = 0 };
	int r = turf_image_frames(d->side[side].image, addr, &walk);
	while (r == 1 && (r = turf_frames_next(&walk, &frame)) == 1)
		;
	if (r < 0)
		diff_fail(d, "a function cannot be read: damaged urf");
	return frame.has_start && frame.function_start == addr ? frame.function : 0;
}

static void collect_symbols(struct diff *d, int side)
{
	const struct turf_image *image = d->side[side].image;
	struct turf_symbol s;
	for (size_t i = 0; turf_image_symbol(image, i, &s) == 1 && !d->failed; i++) {
		if (s.bind == STB_LOCAL || !s.name ||
		    (s.type != STT_FUNC && s.type != STT_GNU_IFUNC))
			continue;
		diff_add_item(d, side, DIFF_FUNCTION,
		              diff_intern(d, diff_name(d, side, s.name)),
		              function_at(d, side, s.addr));
	}
}

/* "a::f" */
static const char *qualified(struct diff *d, int side, uint32_t scope, turf_text name)
{
	const char *last = diff_name(d, side, name);
	return scope ? diff_text(d, "%s::%s", diff_declare(d, side, scope, NULL), last) : last;
}

/* What only one unit sees is told apart by its file, wherever that was. */
static const char *with_file(struct diff *d, int side, const char *key, uint32_t file)
{
	const char *path = cli_path(d->side[side].image, file).at;
	const char *slash = path ? strrchr(path, '/') : NULL;
	return diff_text(d, "%s\001%s", key, slash ? slash + 1 : path ? path : "");
}

static void collect_functions(struct diff *d, int side)
{
	struct turf_image_info info;
	turf_image_info(d->side[side].image, &info);
	for (uint32_t i = 1; i <= info.n_functions && !d->failed; i++) {
		struct turf_details f;
		if (turf_image_details(d->side[side].image, i, &f) != 1 || f.function != i ||
		    (!f.name && !f.linkage_name))
			continue;
		const char *key = f.linkage_name ? diff_name(d, side, f.linkage_name)
		                                 : qualified(d, side, f.scope, f.name);
		if (!(f.flags & TURF_FUNCTION_EXTERNAL))
			key = with_file(d, side, key, f.file);
		diff_add_item(d, side, DIFF_FUNCTION, diff_intern(d, key), i);
	}
}

static bool is_variable_meant(const struct diff *d, const struct turf_global *g)
{
	if (!g->name && !g->linkage_name)
		return false;
	return d->all || (g->external && !g->function && g->kind <= TURF_GLOBAL_THREAD);
}

static void collect_variables(struct diff *d, int side)
{
	uint32_t n = turf_image_n_globals(d->side[side].image);
	for (uint32_t i = 0; i < n && !d->failed; i++) {
		struct turf_global g;
		int r = turf_image_global(d->side[side].image, i, &g);
		if (r != 1)
			diff_fail(d, "a variable cannot be read: damaged urf");
		if (r != 1 || !is_variable_meant(d, &g))
			continue;
		const char *key = g.linkage_name ? diff_name(d, side, g.linkage_name)
		                                 : qualified(d, side, g.scope, g.name);
		struct turf_details f = { .name = 0 };
		if (g.function && turf_image_details(d->side[side].image, g.function, &f) == 1)
			key = diff_text(d, "%s()::%s", diff_name(d, side, f.name), key);
		if (!g.external)
			key = with_file(d, side, key, g.file);
		diff_add_item(d, side, DIFF_VARIABLE, diff_intern(d, key), i);
	}
}

static void reach_function(struct diff *d, int side, uint32_t function)
{
	struct turf_details f;
	struct turf_variables walk;
	struct turf_variable v;
	int r = function ? turf_image_details(d->side[side].image, function, &f) : 0;
	if (r != 1) {
		if (r < 0)
			diff_fail(d,
			          r == -ENODATA
			                  ? "functions have no types in this urf: it was made "
			                    "with --hot, or stripped"
			                  : "a function cannot be read: damaged urf");
		return;
	}
	diff_reach(d, side, f.type);
	turf_details_variables(&f, &walk);
	while (turf_variables_next(&walk, &v) == 1 && v.kind == TURF_VARIABLE_ARGUMENT)
		diff_reach(d, side, v.type);
}

static void reach_types(struct diff *d, int side)
{
	const struct diff_items *items = d->side[side].items;
	for (size_t i = 0; i < items[DIFF_FUNCTION].n && !d->failed; i++)
		reach_function(d, side, items[DIFF_FUNCTION].at[i].number);
	for (size_t i = 0; i < items[DIFF_VARIABLE].n && !d->failed; i++) {
		struct turf_global g;
		if (turf_image_global(d->side[side].image, items[DIFF_VARIABLE].at[i].number,
		                      &g) == 1)
			diff_reach(d, side, g.type);
	}
	for (uint32_t i = 1; d->all && i < d->side[side].n_types && !d->failed; i++)
		diff_reach(d, side, i);
}

void diff_collect(struct diff *d, int side)
{
	if (d->all)
		collect_functions(d, side);
	else
		collect_symbols(d, side);
	collect_variables(d, side);
	reach_types(d, side);
}

/* Without the file that tells it apart, and as it was written. */
static const char *shown_name(struct diff *d, const char *key)
{
	struct cli_text written = cli_demangle(key);
	const char *end = strchr(key, '\001');
	if (end)
		return diff_text(d, "%.*s", (int)(end - key), key);
	return written.at ? written.at : key;
}

/* The next argument: parameters as the caller passes them. */
static bool next_argument(struct turf_variables *walk, struct turf_variable *v)
{
	while (turf_variables_next(walk, v) == 1)
		if (v->kind == TURF_VARIABLE_ARGUMENT && !v->block)
			return true;
	return false;
}

/* "int (" and the like stand around a name as declarations have it. */
static const char *prototype(struct diff *d, int side, const char *key, uint32_t function)
{
	const char *name = shown_name(d, key), *list = "";
	struct turf_details f;
	struct turf_variables walk;
	struct turf_variable v;
	if (!function || turf_image_details(d->side[side].image, function, &f) != 1)
		return diff_text(d, "%s  (no debug info)", name);
	if (name != key && cli_is_mangled(key)) /* an entry of its class' table */
		return diff_text(d, "%s%s", f.flags & TURF_FUNCTION_VIRTUAL ? "virtual " : "",
		                 name);
	turf_details_variables(&f, &walk);
	while (next_argument(&walk, &v))
		list = diff_text(d, "%s%s%s", list, *list ? ", " : "",
		                 diff_declare(d, side, v.type, diff_name(d, side, v.name)));
	if (f.flags & TURF_FUNCTION_VARIADIC)
		list = diff_text(d, "%s%s...", list, *list ? ", " : "");
	if (!*list && f.flags & TURF_FUNCTION_PROTOTYPED)
		list = "void";
	return diff_declare(d, side, f.type, diff_text(d, "%s(%s)", name, list));
}

struct diff_result *diff_add_result(struct diff *d, enum diff_kind kind, char sign,
                                    const char *name, const char *shown)
{
	if (!diff_room(d, &d->results, d->n_results, &d->results_room, sizeof(*d->results)))
		return NULL;
	struct diff_result *r = &d->results[d->n_results++];
	*r = (struct diff_result){ .kind = kind, .sign = sign, .name = name, .shown = shown };
	return r;
}

/* A function or variable that both have becomes the owner of the types it refers to. */
static void begin_item(struct diff *d, const char *key, enum diff_kind kind)
{
	if (!diff_room(d, &d->matched, d->n_matched, &d->matched_room, sizeof(*d->matched)))
		return;
	d->owner = DIFF_ITEM | (uint32_t)d->n_matched;
	d->steps = 0;
	d->matched[d->n_matched++] = (struct diff_matched){ shown_name(d, key), kind };
}

static void compare_arguments(struct diff *d, struct diff_changes *c,
                              const struct turf_details *old, const struct turf_details *now)
{
	struct turf_variables walk[DIFF_SIDES];
	struct turf_variable v[DIFF_SIDES];
	bool has[DIFF_SIDES];
	turf_details_variables(old, &walk[DIFF_OLD]);
	turf_details_variables(now, &walk[DIFF_NEW]);
	for (unsigned i = 1;; i++) {
		for (int side = 0; side < DIFF_SIDES; side++)
			has[side] = next_argument(&walk[side], &v[side]);
		if (!has[DIFF_OLD] && !has[DIFF_NEW])
			return;
		if (has[DIFF_OLD] && has[DIFF_NEW]) {
			uint32_t a = diff_unqualified(d, DIFF_OLD, v[DIFF_OLD].type);
			uint32_t b = diff_unqualified(d, DIFF_NEW, v[DIFF_NEW].type);
			if (!diff_same(d, a, b, 0))
				diff_use(d, c, diff_text(d, "parameter %u", i),
				         v[DIFF_OLD].type, v[DIFF_NEW].type);
			continue;
		}
		int side = has[DIFF_OLD] ? DIFF_OLD : DIFF_NEW;
		const char *one =
			diff_declare(d, side, v[side].type, diff_name(d, side, v[side].name));
		diff_change(d, c, side == DIFF_OLD ? '-' : '+', diff_text(d, "parameter %u", i),
		            has[DIFF_OLD] ? one : NULL, has[DIFF_OLD] ? NULL : one);
	}
}

static void compare_functions(struct diff *d, struct diff_changes *c, uint32_t old,
                              uint32_t now)
{
	static const struct {
		uint32_t flag;
		const char *what;
	} flags[] = {
		{ TURF_FUNCTION_VARIADIC, "further arguments (...)" },
		{ TURF_FUNCTION_VIRTUAL, "virtual" },
	};
	struct turf_details a, b;
	if (turf_image_details(d->side[DIFF_OLD].image, old, &a) != 1 ||
	    turf_image_details(d->side[DIFF_NEW].image, now, &b) != 1)
		return; /* of one of them nothing is known but that it is there */
	diff_use(d, c, "returns", a.type, b.type);
	compare_arguments(d, c, &a, &b);
	for (size_t i = 0; i < CLI_COUNT(flags); i++)
		if ((a.flags ^ b.flags) & flags[i].flag)
			diff_change(d, c, b.flags & flags[i].flag ? '+' : '-', flags[i].what,
			            NULL, NULL);
}

static void tell_function(struct diff *d, const struct diff_item *old,
                          const struct diff_item *now)
{
	struct diff_changes c = { .n = 0 };
	const struct diff_item *one = old ? old : now;
	if (old && now) {
		begin_item(d, old->key, DIFF_FUNCTION);
		compare_functions(d, &c, old->number, now->number);
		if (!c.n)
			return;
	}
	struct diff_result *r =
		diff_add_result(d, DIFF_FUNCTION,
	                        old && now ? '~'
	                        : old      ? '-'
	                                   : '+',
	                        shown_name(d, one->key),
	                        prototype(d, old ? DIFF_OLD : DIFF_NEW, one->key, one->number));
	if (!r) {
		free(c.at);
		return;
	}
	r->changes = c;
	r->key = one->key;
}

static void compare_variables(struct diff *d, struct diff_changes *c, uint32_t old,
                              uint32_t now)
{
	struct turf_global a, b;
	uint64_t size[DIFF_SIDES];
	if (turf_image_global(d->side[DIFF_OLD].image, old, &a) != 1 ||
	    turf_image_global(d->side[DIFF_NEW].image, now, &b) != 1)
		return;
	diff_use(d, c, "type", a.type, b.type);
	if (turf_image_type_size(d->side[DIFF_OLD].image, a.type, &size[0]) == 1 &&
	    turf_image_type_size(d->side[DIFF_NEW].image, b.type, &size[1]) == 1 &&
	    size[0] != size[1])
		diff_change(d, c, '~', "size", diff_text(d, "%" PRIu64, size[0]),
		            diff_text(d, "%" PRIu64, size[1]));
	if ((a.kind == TURF_GLOBAL_THREAD) != (b.kind == TURF_GLOBAL_THREAD))
		diff_change(d, c, b.kind == TURF_GLOBAL_THREAD ? '+' : '-',
		            "one for each thread", NULL, NULL);
}

static void tell_variable(struct diff *d, const struct diff_item *old,
                          const struct diff_item *now)
{
	struct diff_changes c = { .n = 0 };
	const struct diff_item *one = old ? old : now;
	int side = old ? DIFF_OLD : DIFF_NEW;
	struct turf_global g;
	if (old && now) {
		begin_item(d, old->key, DIFF_VARIABLE);
		compare_variables(d, &c, old->number, now->number);
		if (!c.n)
			return;
	}
	const char *name = shown_name(d, one->key);
	if (turf_image_global(d->side[side].image, one->number, &g) != 1)
		g.type = 0;
	struct diff_result *r = diff_add_result(d, DIFF_VARIABLE,
	                                        old && now ? '~'
	                                        : old      ? '-'
	                                                   : '+',
	                                        name, diff_declare(d, side, g.type, name));
	if (!r) {
		free(c.at);
		return;
	}
	r->changes = c;
	r->key = one->key;
}

void diff_items(struct diff *d)
{
	diff_merge(d, DIFF_FUNCTION, tell_function);
	diff_merge(d, DIFF_VARIABLE, tell_variable);
}
