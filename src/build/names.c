/* SPDX-License-Identifier: MIT */
/* What is called something: by a hash of the name, in buckets of a few. */
#include <xxhash.h>

#include "base/sort.h"
#include "build/functions.h"
#include "build/types.h"
#include "build/variables.h"

static int add(struct builder *b, enum urf_name_kind kind, uint32_t number, uint32_t index,
               const char *name, size_t size)
{
	if (!size)
		return 0;
	if (number > UINT32_MAX >> URF_NAME_KIND_BITS)
		return -E2BIG;
	struct name_entry *e = vec_push(&b->names);
	if (!e)
		return -ENOMEM;
	*e = (struct name_entry){ (uint32_t)XXH3_64bits(name, size), number, index, kind };
	return 0;
}

int turf_names_add(struct builder *b, enum urf_name_kind kind, uint32_t number,
                   const char *name, size_t size)
{
	return add(b, kind, number, 0, name, size);
}

int turf_names_add_enumerator(struct builder *b, uint32_t number, uint32_t index,
                              const char *name)
{
	return add(b, URF_NAME_ENUMERATOR, number, index, name, strlen(name));
}

static int add_string(struct builder *b, uint32_t number, const struct string *s)
{
	return turf_names_add(b, URF_NAME_FUNCTION, number, s->at, s->size);
}

static int add_functions(struct builder *b)
{
	const struct functions *f = b->merged;
	int r = 0;
	for (uint32_t i = 1; r == 0 && i < f->list.n; i++) {
		const struct global *g = &f->list.at[i];
		r = add_string(b, i, &f->strings.at[g->text]);
		if (r == 0 && g->name && g->name != g->text)
			r = add_string(b, i, &f->strings.at[g->name]);
	}
	return r;
}

/* Where functions begin, by address; value: the function's number. */
struct entries {
	struct sort_pair *at;
	size_t n, room;
};

static int list_entries(const struct builder *b, struct entries *out)
{
	size_t n = 0;
	for (size_t u = 0; u < b->dwarf.n_units; u++)
		n += b->units[u].global ? b->units[u].scopes.n : 0;
	if (!vec_reserve(out, 2 * n)) /* and as much for sorting */
		return -ENOMEM;
	for (size_t u = 0; u < b->dwarf.n_units; u++) {
		const struct unit_out *unit = &b->units[u];
		for (size_t i = 0; unit->global && i < unit->scopes.n; i++) {
			const struct unit_scope *s = &unit->scopes.at[i];
			if (!s->parent && s->used)
				out->at[out->n++] = (struct sort_pair){
					s->site, unit->functions.at[s->function].global
				};
		}
	}
	if (out->n)
		sort_pairs(out->at, out->at + out->n, out->n);
	return 0;
}

static bool is_string(const struct string *s, const char *name, size_t size)
{
	return s->size == size && !memcmp(s->at, name, size);
}

/* Whether a function called @name begins at @start. */
static bool is_function(const struct builder *b, const struct entries *entries, uint64_t start,
                        const char *name, size_t size)
{
	size_t lo = bisect(mid, entries->n, entries->at[mid].key < start);
	for (; lo < entries->n && entries->at[lo].key == start; lo++) {
		const struct global *g = &b->merged->list.at[entries->at[lo].value];
		if (is_string(&b->merged->strings.at[g->text], name, size) ||
		    is_string(&b->merged->strings.at[g->name], name, size))
			return true;
	}
	return false;
}

static int add_symbols(struct builder *b)
{
	struct entries entries = { 0 };
	int r = list_entries(b, &entries);
	for (uint32_t i = 0; r == 0 && i < b->syms.n; i++) {
		const struct sym *s = &b->syms.at[i];
		size_t size = strcspn(s->name, "@"); /* what follows is its version */
		uint64_t rva = s->start - b->in.base;
		if (!is_function(b, &entries, rva, s->name, size))
			r = turf_names_add(b, URF_NAME_SYMBOL, i, s->name,
			                   size ? size : strlen(s->name));
	}
	vec_fini(&entries);
	return r;
}

static int add_file(struct builder *b, uint32_t number, const char *path, size_t size)
{
	const char *slash = memrchr(path, '/', size);
	size_t skip = slash ? (size_t)(slash - path) + 1 : 0;
	return turf_names_add(b, URF_NAME_FILE, number, path + skip, size - skip);
}

/* Final text @number of either pool. */
static const char *text_at(const struct builder *b, uint32_t number, size_t *size)
{
	return number < b->texts.all.n
	               ? turf_texts_at(&b->texts, number, size)
	               : turf_texts_at(&b->more.texts, (uint32_t)(number - b->texts.all.n),
	                               size);
}

static int add_files(struct builder *b)
{
	int r = 0;
	size_t size;
	for (uint32_t i = 1; r == 0 && i < b->files.n; i++) {
		const char *name = text_at(b, b->texts.final[b->files.at[i].name], &size);
		r = name ? add_file(b, i, name, size) : 0;
	}
	for (uint32_t i = 0; r == 0 && i < b->more.files.n; i++) {
		const char *name = text_at(b, b->more.files.at[i].name, &size);
		r = name ? add_file(b, (uint32_t)b->files.n + i, name, size) : 0;
	}
	return r;
}

/* One for each name: those of one name stand one behind the other. */
static int add_macros(struct builder *b)
{
	const struct macros *all = &b->macros;
	int r = 0;
	size_t size;
	for (uint32_t i = 0; r == 0 && i < all->n; i++) {
		if (i && all->at[i].name == all->at[i - 1].name)
			continue;
		const char *name = text_at(b, all->at[i].name, &size);
		r = turf_names_add(b, URF_NAME_MACRO, i, name, size);
	}
	return r;
}

static int add_variables(struct builder *b, const struct variables *v)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < v->list.n; i++) {
		const struct cold_global *g = v->list.at[i].of;
		if (g->name)
			r = turf_names_add(b, URF_NAME_VARIABLE, (uint32_t)i, g->name,
			                   strlen(g->name));
		if (r == 0 && g->linkage_name && (!g->name || strcmp(g->name, g->linkage_name)))
			r = turf_names_add(b, URF_NAME_VARIABLE, (uint32_t)i, g->linkage_name,
			                   strlen(g->linkage_name));
	}
	return r;
}

static uint32_t bucket_of(uint32_t hash, uint32_t n_buckets)
{
	return (uint32_t)((uint64_t)hash * n_buckets >> 32);
}

static bool put_entry(struct buf *out, const struct name_entry *e)
{
	uint8_t tag = (uint8_t)e->hash;
	return turf_buf_put(out, &tag, 1) &&
	       turf_buf_uleb(out, (uint64_t)e->number << URF_NAME_KIND_BITS | e->kind) &&
	       (e->kind != URF_NAME_ENUMERATOR || turf_buf_uleb(out, e->index));
}

/* @order: places of the entries, by bucket, kind, and as they were added. */
static int write_buckets(struct builder *b, const uint32_t *first, const uint32_t *order,
                         uint32_t n_buckets)
{
	struct buf *out = &b->tables.of[URF_NAMES];
	if (!vec_reserve(&b->tables.of[URF_NAME_INDEX], 4 * ((size_t)n_buckets + 1)) ||
	    !vec_reserve(out, b->names.n * (1 + 2 * URF_LEB_MAX)))
		return -ENOMEM;
	for (uint32_t i = 0; i <= n_buckets; i++) {
		le32 off = le32_of(out->n);
		if (out->n > UINT32_MAX ||
		    table_put(&b->tables, URF_NAME_INDEX, &off, sizeof(off)) < 0)
			return -E2BIG;
		for (uint32_t k = first[i]; i < n_buckets && k < first[i + 1]; k++)
			if (!put_entry(out, &b->names.at[order[k]]))
				return -ENOMEM;
	}
	return 0;
}

static int write_names(struct builder *b)
{
	size_t n = b->names.n;
	uint32_t n_buckets = (uint32_t)(n / URF_NAME_BUCKET) + 1;
	uint32_t *first = calloc((size_t)n_buckets + 2, sizeof(*first));
	uint32_t *order = malloc((n + 1) * sizeof(*order));
	int r = first && order ? 0 : -ENOMEM;
	if (r == 0) {
		/* first[k + 2] counts bucket k; then first[k + 1] is where its next one goes */
		for (size_t i = 0; i < n; i++)
			first[bucket_of(b->names.at[i].hash, n_buckets) + 2]++;
		for (uint32_t i = 2; i < n_buckets + 2; i++)
			first[i] += first[i - 1];
		for (unsigned kind = 0; kind < URF_N_NAME_KINDS; kind++)
			for (size_t i = 0; i < n; i++) {
				const struct name_entry *e = &b->names.at[i];
				uint32_t bucket = bucket_of(e->hash, n_buckets);
				if (e->kind == kind)
					order[first[bucket + 1]++] = (uint32_t)i;
			}
		r = write_buckets(b, first, order, n_buckets);
	}
	free(first);
	free(order);
	return r;
}

int turf_list_names(struct builder *b)
{
	int r = add_functions(b);
	if (r == 0)
		r = add_symbols(b);
	if (r == 0 && b->types)
		r = turf_types_names(b);
	if (r == 0 && b->cold && b->cold->variables)
		r = add_variables(b, b->cold->variables);
	return r;
}

int turf_emit_names(struct builder *b)
{
	int r = add_files(b);
	if (r == 0)
		r = add_macros(b);
	if (r == 0 && b->names.n > UINT32_MAX / 2)
		r = -E2BIG;
	if (r == 0)
		r = write_names(b);
	vec_fini(&b->names);
	return r;
}
