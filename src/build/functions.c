/* SPDX-License-Identifier: MIT */
/*
 * All units' functions -> one record for each different one: names, and tables of the lines and
 * call sites that it has in any unit. Everything gets its number in the urf here.
 *
 * Numbers are given in unit order, so that threads leave no trace; then records are coded in
 * parallel.
 */
#include <xxhash.h>

#include "build/bits.h"
#include "build/build.h"

/* A function of the urf. What two units say alike of a function is one. */
struct global {
	uint32_t text, name; /* strings; name: 0 where there is no linkage name */
	uint32_t name_at;    /* the name is a part of the text; NAME_APART: it is not */
	uint32_t file, line;
	uint32_t nameless; /* of lines without a function: the unit's index + 1 */
	uint32_t n_instances;
};
static const uint32_t NAME_APART = UINT32_MAX;

struct instance {
	uint32_t unit, function;
};

/* A different string; those that the urf says are texts. */
struct string {
	const char *at;
	size_t size;
	uint64_t hash;
	uint32_t text; /* provisional number; 0: not yet wanted */
};

/* Debug info says most strings and paths many times, and by the same bytes: these are known by
 * where they stand. */
struct string_ref {
	const char *at;
	uint32_t string;
};
struct file_ref {
	const char *comp_dir, *directory, *name;
	uint32_t file;
};

/* A place being sorted: file's number in the urf, line; column, callee; where the number goes.
 */
struct place {
	uint64_t line_key;
	uint32_t column, callee;
	uint32_t *number;
};

/* A file of another unit, by its index there, and what number it has. */
struct decl_ref {
	uint32_t unit, idx;
	uint32_t file;
};

struct functions {
	struct builder *b;
	UNIT_LIST(struct global) list;    /* index 0: none */
	UNIT_LIST(struct string) strings; /* index 0: none */
	UNIT_LIST(struct string_ref) string_refs;
	UNIT_LIST(struct file_ref) file_refs;
	UNIT_LIST(struct decl_ref) decls;
	struct table known, known_strings, known_refs, known_files, known_file_refs,
		known_decls;
	uint64_t walked;                  /* files that were passed to find one again */
	pthread_mutex_t lock;             /* over what follows, while units are read */
	UNIT_LIST(struct global) pending; /* of one unit */
	bool *done;                       /* units that are read */
	size_t next;                      /* unit to be numbered */
	bool busy;                        /* a thread does it */
	int result;                       /* of it */
	uint32_t *first;                  /* of each function's instances; and an end */
	struct instance *instances;
	struct buf *chunks;        /* coded records */
	UNIT_LIST(uint32_t) index; /* offset of every URF_INDEX_STEP-th in its chunk */
};

enum { CHUNK = 64 * URF_INDEX_STEP }; /* functions that are coded one behind the other */

static bool same_string(const void *ctx, uint32_t idx, const void *other)
{
	const struct string *a = &((const struct functions *)ctx)->strings.at[idx], *b = other;
	return a->size == b->size && !memcmp(a->at, b->at, a->size);
}

static bool same_ref(const void *ctx, uint32_t idx, const void *at)
{
	return ((const struct functions *)ctx)->string_refs.at[idx].at == at;
}

static uint64_t ref_hash(const char *at)
{
	return hash_mix(0, (uintptr_t)at);
}

/* The string's index; 0 of NULL and "". */
static int string_of(struct functions *f, const char *at, uint32_t *ret)
{
	*ret = 0;
	if (!at || !*at)
		return 0;
	uint32_t ref;
	if (f->string_refs.n == TABLE_MAX || !vec_reserve(&f->string_refs, 1) ||
	    !vec_reserve(&f->strings, 1))
		return -ENOMEM;
	int r = turf_table_intern(&f->known_refs, ref_hash(at), same_ref, f, at,
	                          (uint32_t)f->string_refs.n, &ref);
	if (r == 0) {
		struct string s = { .at = at, .size = strlen(at) };
		s.hash = XXH3_64bits(at, s.size);
		f->string_refs.at[f->string_refs.n++] = (struct string_ref){ at, 0 };
		r = turf_table_intern(&f->known_strings, s.hash, same_string, f, &s,
		                      (uint32_t)f->strings.n, &f->string_refs.at[ref].string);
		if (r == 0)
			f->strings.at[f->strings.n++] = s;
	}
	if (r < 0)
		return r;
	*ret = f->string_refs.at[ref].string;
	return 0;
}

/* The provisional number of a string as a text. */
static int text_of(struct functions *f, uint32_t string, uint32_t *ret)
{
	struct string *s = &f->strings.at[string];
	int r = s->text || !string
	                ? 0
	                : turf_texts_add(&f->b->texts, s->at, s->size, s->hash, &s->text);
	*ret = s->text;
	return r;
}

static int intern(struct functions *f, const char *at, uint32_t *ret)
{
	uint32_t string;
	int r = string_of(f, at, &string);
	return r < 0 ? r : text_of(f, string, ret);
}

static bool same_file(const void *ctx, uint32_t idx, const void *other)
{
	const struct build_file *a = &((const struct functions *)ctx)->b->files.at[idx];
	return !memcmp(a, other, sizeof(*a));
}

/* "compilation directory/include directory", which is a new string where both are needed. */
static int directory_of(struct functions *f, const struct file_ref *file, uint32_t *ret)
{
	const char *dir = file->directory ? file->directory : "";
	const char *comp = file->comp_dir ? file->comp_dir : "";
	if (dir[0] == '/' || !comp[0])
		return intern(f, dir, ret);
	if (!dir[0])
		return intern(f, comp, ret);
	size_t n = strlen(comp), m = strlen(dir);
	char *joined = turf_arena_alloc(&f->b->texts_made, n + m + 2);
	if (!joined)
		return -ENOMEM;
	memcpy(joined, comp, n);
	joined[n] = '/';
	memcpy(joined + n + 1, dir, m);
	return turf_build_text(f->b, joined, ret);
}

static int number_file(struct functions *f, struct file_ref *ref)
{
	struct build_file file = { 0 };
	int r = directory_of(f, ref, &file.directory);
	if (r == 0)
		r = intern(f, ref->name, &file.name);
	if (r < 0 || f->b->files.n == TABLE_MAX || !vec_reserve(&f->b->files, 1))
		return r < 0 ? r : -ENOMEM;
	r = turf_table_intern(&f->known_files, hash_mix(hash_mix(0, file.directory), file.name),
	                      same_file, f, &file, (uint32_t)f->b->files.n, &ref->file);
	if (r == 0)
		f->b->files.at[f->b->files.n++] = file;
	return MIN(r, 0);
}

static bool same_file_ref(const void *ctx, uint32_t idx, const void *other)
{
	const struct file_ref *a = &((const struct functions *)ctx)->file_refs.at[idx],
			      *b = other;
	return a->name == b->name && a->directory == b->directory && a->comp_dir == b->comp_dir;
}

static int file_number(struct functions *f, const char *comp_dir, const struct unit_file *file,
                       uint32_t *ret)
{
	struct file_ref ref = { comp_dir, file->directory, file->name, 0 };
	uint64_t hash =
		hash_mix(hash_mix(hash_mix(0, (uintptr_t)ref.name), (uintptr_t)ref.directory),
	                 (uintptr_t)ref.comp_dir);
	uint32_t at;
	if (f->file_refs.n == TABLE_MAX || !vec_reserve(&f->file_refs, 1))
		return -ENOMEM;
	int r = turf_table_intern(&f->known_file_refs, hash, same_file_ref, f, &ref,
	                          (uint32_t)f->file_refs.n, &at);
	if (r == 0) {
		r = number_file(f, &ref);
		f->file_refs.at[f->file_refs.n++] = ref;
	}
	if (r < 0)
		return r;
	*ret = f->file_refs.at[at].file;
	return 0;
}

static bool same_decl(const void *ctx, uint32_t idx, const void *other)
{
	const struct decl_ref *a = &((const struct functions *)ctx)->decls.at[idx], *b = other;
	return a->unit == b->unit && a->idx == b->idx;
}

/* A file of another unit's line table, which may not have kept it: the table is read again. */
static int find_decl(struct functions *f, const struct decl_ref *decl, uint32_t *ret)
{
	enum { MOST_WALKED = 1 << 28 }; /* files passed, of all: beyond it they are left out */
	const struct unit_out *other = &f->b->units[decl->unit];
	/* units without code have kept all, from index 0 or 1 on; others have few */
	size_t at = decl->idx;
	if (at >= other->files.n || other->files.at[at].idx != decl->idx)
		at = decl->idx ? decl->idx - 1 : 0;
	if (at >= other->files.n || other->files.at[at].idx != decl->idx)
		for (at = 0; at < other->files.n && other->files.at[at].idx != decl->idx;)
			at++;
	if (at < other->files.n)
		return file_number(f, other->comp_dir, &other->files.at[at], ret);
	f->walked += (uint64_t)decl->idx + other->files.n;
	if (f->walked > MOST_WALKED)
		return 0;
	struct unit_file file = { 0 };
	const char *comp_dir = NULL;
	int r = turf_unit_find_file(f->b, &f->b->dwarf.units[decl->unit], decl->idx, &comp_dir,
	                            &file);
	return r == 1 ? file_number(f, comp_dir, &file, ret) : r;
}

/* The number of the file that a function is declared in. */
static int decl_file(struct functions *f, const struct unit_out *out,
                     const struct unit_function *fn, uint32_t *ret)
{
	*ret = 0;
	if (!fn->decl_file)
		return 0;
	if (!fn->decl_unit) {
		*ret = out->files.at[fn->decl_file - 1].global;
		return 0;
	}
	struct decl_ref decl = { (uint32_t)(fn->decl_unit - f->b->dwarf.units),
		                 fn->decl_file - 1, 0 };
	uint32_t at;
	if (f->decls.n == TABLE_MAX || !vec_reserve(&f->decls, 1))
		return -ENOMEM;
	int r = turf_table_intern(&f->known_decls,
	                          hash_mix(0, (uint64_t)decl.unit << 32 | decl.idx), same_decl,
	                          f, &decl, (uint32_t)f->decls.n, &at);
	if (r == 0) {
		r = find_decl(f, &decl, &decl.file);
		f->decls.at[f->decls.n++] = decl;
	}
	*ret = f->decls.at[at].file;
	return MIN(r, 0);
}

static bool same_global(const void *ctx, uint32_t idx, const void *other)
{
	const struct global *a = &((const struct functions *)ctx)->list.at[idx], *b = other;
	return a->text == b->text && a->name == b->name && a->file == b->file &&
	       a->line == b->line && a->nameless == b->nameless;
}

/* The texts of a function that is new; where in its linkage name its name is. */
static int new_function(struct functions *f, struct global *g)
{
	uint32_t text, name;
	int r = text_of(f, g->text, &text);
	if (r < 0 || !g->name)
		return r;
	const struct string *whole = &f->strings.at[g->text], *part = &f->strings.at[g->name];
	const char *at = memmem(whole->at, MIN(whole->size, (size_t)2 * UINT16_MAX), part->at,
	                        part->size);
	g->name_at = NAME_APART;
	if (at && at - whole->at <= UINT16_MAX && part->size <= UINT16_MAX)
		g->name_at = (uint32_t)(at - whole->at);
	return g->name_at == NAME_APART ? text_of(f, g->name, &name) : 0;
}

static uint64_t global_hash(const struct global *g)
{
	uint64_t hash = hash_mix(0, (uint64_t)g->text << 32 | g->name);
	return hash_mix(hash_mix(hash, (uint64_t)g->file << 32 | g->line), g->nameless);
}

/* What the unit says of its functions, in f->pending. */
static int describe_functions(struct functions *f, size_t unit, struct unit_out *out)
{
	enum { AHEAD = 12 };
	f->pending.n = 0;
	if (!vec_reserve(&f->pending, out->functions.n))
		return -ENOMEM;
	int r = 0;
	for (size_t i = 0; r == 0 && i < out->functions.n; i++) {
		const struct unit_function *fn = &out->functions.at[i];
		if (i + AHEAD < out->functions.n) {
			turf_table_fetch(&f->known_refs, ref_hash(fn[AHEAD].text));
			turf_table_fetch(&f->known_refs, ref_hash(fn[AHEAD].name));
		}
		struct global *g = &f->pending.at[f->pending.n++];
		*g = (struct global){ .line = fn->decl_line };
		if (!fn->used)
			continue;
		r = string_of(f, fn->text, &g->text);
		if (r == 0)
			r = string_of(f, fn->name, &g->name);
		if (r == 0)
			r = decl_file(f, out, fn, &g->file);
		if (!g->text)
			g->nameless = (uint32_t)unit + 1;
	}
	return r;
}

static int number_functions(struct functions *f, size_t unit, struct unit_out *out)
{
	enum { AHEAD = 12 };
	int r = describe_functions(f, unit, out);
	for (size_t i = 0; r >= 0 && i < out->functions.n; i++) {
		struct unit_function *from = &out->functions.at[i];
		struct global *g = &f->pending.at[i];
		if (i + AHEAD < out->functions.n)
			turf_table_fetch(&f->known, global_hash(&g[AHEAD]));
		if (!from->used)
			continue;
		if (f->list.n == TABLE_MAX || !vec_reserve(&f->list, 1))
			return -ENOMEM;
		r = turf_table_intern(&f->known, global_hash(g), same_global, f, g,
		                      (uint32_t)f->list.n, &from->global);
		if (r == 0) {
			r = new_function(f, g);
			f->list.at[f->list.n++] = *g;
		}
		f->list.at[from->global].n_instances++;
	}
	return MIN(r, 0);
}

static int number_unit(struct functions *f, size_t idx)
{
	const struct dwarf_unit *unit = &f->b->dwarf.units[idx];
	struct unit_out *out = &f->b->units[idx];
	if (!out->segments.n)
		return 0;
	struct build_unit *to = vec_push(&f->b->unit_rows);
	int r = to ? intern(f, unit->name, &to->name) : -ENOMEM;
	if (r == 0)
		r = intern(f, unit->comp_dir, &to->directory);
	if (r == 0)
		r = intern(f, unit->producer, &to->producer);
	if (r < 0)
		return r;
	to->language = (uint16_t)unit->language;
	to->version = unit->version;
	out->global = (uint32_t)f->b->unit_rows.n - 1;
	for (size_t i = 0; r == 0 && i < out->files.n; i++)
		r = file_number(f, out->comp_dir, &out->files.at[i], &out->files.at[i].global);
	return r < 0 ? r : number_functions(f, idx, out);
}

/* Whether all units are read whose files the unit's functions name; the lock is held. */
static bool is_ready(const struct functions *f, size_t idx)
{
	const struct unit_out *out = &f->b->units[idx];
	for (size_t i = 0; i < out->functions.n; i++) {
		const struct dwarf_unit *unit = out->functions.at[i].decl_unit;
		if (unit && !f->done[unit - f->b->dwarf.units])
			return false;
	}
	return true;
}

int turf_functions_begin(struct builder *b)
{
	struct functions *f = b->merged = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->b = b;
	pthread_mutex_init(&f->lock, NULL);
	f->done = calloc(b->dwarf.n_units + 1, sizeof(*f->done));
	/* number 0 is none, of all things */
	bool ok = f->done && vec_push(&f->list) && vec_push(&f->strings) &&
	          vec_push(&b->files) && vec_push(&b->unit_rows);
	return ok ? 0 : -ENOMEM;
}

/* Numbers go by unit, in order: whoever has read a unit numbers all that wait for it. */
void turf_functions_unit(struct builder *b, size_t idx)
{
	struct functions *f = b->merged;
	pthread_mutex_lock(&f->lock);
	f->done[idx] = true;
	if (!f->busy) {
		f->busy = true;
		while (f->next < b->dwarf.n_units && f->done[f->next] && f->result == 0 &&
		       is_ready(f, f->next)) {
			pthread_mutex_unlock(&f->lock);
			int r = number_unit(f, f->next);
			pthread_mutex_lock(&f->lock);
			f->result = MIN(r, 0);
			f->next++;
		}
		f->busy = false;
	}
	pthread_mutex_unlock(&f->lock);
}

static int list_instances(struct functions *f)
{
	size_t sum = 0;
	f->first = calloc(f->list.n + 1, sizeof(*f->first));
	if (!f->first)
		return -ENOMEM;
	for (size_t i = 0; i < f->list.n; i++) {
		f->first[i] = (uint32_t)sum;
		sum += f->list.at[i].n_instances;
	}
	f->first[f->list.n] = (uint32_t)sum;
	f->instances = calloc(MAX(sum, (size_t)1), sizeof(*f->instances));
	if (!f->instances || sum > UINT32_MAX)
		return -ENOMEM;
	for (size_t u = 0; u < f->b->dwarf.n_units; u++) {
		const struct unit_out *out = &f->b->units[u];
		for (size_t i = 0; out->global && i < out->functions.n; i++) {
			const struct unit_function *fn = &out->functions.at[i];
			if (fn->used)
				f->instances[f->first[fn->global]++] =
					(struct instance){ (uint32_t)u, (uint32_t)i };
		}
	}
	for (size_t i = f->list.n; i > 0; i--)
		f->first[i] = f->first[i - 1];
	f->first[0] = 0;
	return 0;
}

/* What one thread needs to code records. */
struct coder {
	struct functions *f;
	struct buf record, *out;
	UNIT_LIST(struct place) lines, sites, copy;
	UNIT_LIST(uint32_t) files;
};

static int by_place(const struct place *a, const struct place *b)
{
	if (a->line_key != b->line_key)
		return a->line_key < b->line_key ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return (a->callee > b->callee) - (a->callee < b->callee);
}

/* Merges two sorted halves at a time; most tables are short, and many sorted already. */
static void sort_places(struct place *at, struct place *copy, size_t n)
{
	if (n < 16) {
		for (size_t i = 1; i < n; i++) {
			struct place p = at[i];
			size_t k = i;
			for (; k && by_place(&at[k - 1], &p) > 0; k--)
				at[k] = at[k - 1];
			at[k] = p;
		}
		return;
	}
	size_t half = n / 2, i = 0, k = half, to = 0;
	sort_places(at, copy, half);
	sort_places(at + half, copy, n - half);
	if (by_place(&at[half - 1], &at[half]) <= 0)
		return;
	memcpy(copy, at, half * sizeof(*at));
	while (i < half && k < n)
		at[to++] = by_place(&copy[i], &at[k]) <= 0 ? copy[i++] : at[k++];
	memcpy(at + to, copy + i, (half - i) * sizeof(*at));
}

static uint32_t global_file(const struct unit_out *out, uint32_t file)
{
	return file ? out->files.at[file - 1].global : 0;
}

/* The lines and sites of all instances, sorted. */
static bool gather(struct coder *c, size_t idx)
{
	struct functions *f = c->f;
	c->lines.n = c->sites.n = 0;
	for (uint32_t i = f->first[idx]; i < f->first[idx + 1]; i++) {
		struct unit_out *out = &f->b->units[f->instances[i].unit];
		const struct unit_function *fn = &out->functions.at[f->instances[i].function];
		if (!vec_reserve(&c->lines, fn->n_lines) ||
		    !vec_reserve(&c->sites, fn->n_sites))
			return false;
		for (uint32_t k = 0; k < fn->n_lines; k++) {
			struct unit_line *l = &out->lines.at[fn->first_line + k];
			uint64_t file = global_file(out, l->file);
			c->lines.at[c->lines.n++] = (struct place){ file << 32 | l->line,
				                                    l->column, 0, &l->number };
		}
		for (uint32_t k = 0; k < fn->n_sites; k++) {
			struct unit_site *s = &out->sites.at[fn->first_site + k];
			uint64_t file = global_file(out, s->file);
			c->sites.at[c->sites.n++] =
				(struct place){ file << 32 | s->line, s->column,
				                out->functions.at[s->callee].global,
				                &s->number };
		}
	}
	c->copy.n = 0;
	if (!vec_reserve(&c->copy, MAX(c->lines.n, c->sites.n)))
		return false;
	sort_places(c->lines.at, c->copy.at, c->lines.n);
	sort_places(c->sites.at, c->copy.at, c->sites.n);
	return true;
}

/* Numbers the different ones, tells all instances, and keeps one of each. */
static size_t number_places(struct place *at, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (!kept || by_place(&at[kept - 1], &at[i]) != 0)
			at[kept++] = at[i];
		*at[i].number = (uint32_t)kept - 1;
	}
	return kept;
}

/* The files of lines and sites, each once, ascending; lowest and highest line but 0. */
struct span_of {
	uint32_t low, high;
	bool zero;
};

static bool add_files(struct coder *c, const struct place *at, size_t n, struct span_of *span)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t file = (uint32_t)(at[i].line_key >> 32),
			 line = (uint32_t)at[i].line_key;
		if (line) {
			span->low = MIN(span->low, line);
			span->high = MAX(span->high, line);
		}
		span->zero |= !line;
		if (i && file == (uint32_t)(at[i - 1].line_key >> 32))
			continue;
		size_t k = 0; /* files of one function are few */
		while (k < c->files.n && c->files.at[k] < file)
			k++;
		if (k < c->files.n && c->files.at[k] == file)
			continue;
		if (!vec_reserve(&c->files, 1))
			return false;
		memmove(&c->files.at[k + 1], &c->files.at[k],
		        (c->files.n - k) * sizeof(*c->files.at));
		c->files.at[k] = file;
		c->files.n++;
	}
	return true;
}

/* The keys of a table in Elias-Fano coding. */
static bool put_keys(struct coder *c, const struct place *at, size_t n,
                     const struct span_of *span)
{
	uint64_t width = (uint64_t)span->high - span->low + 1 + span->zero;
	uint64_t u = c->files.n * width;
	unsigned low = u / n ? 63 - (unsigned)__builtin_clzll(u / n) : 0;
	struct bits lows, highs;
	if (!turf_bits_begin(&lows, &c->record, (uint64_t)n * low) ||
	    !turf_bits_begin(&highs, &c->record, n + (u >> low) + 1))
		return false;
	size_t file = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t line = (uint32_t)at[i].line_key;
		while (c->files.at[file] != (uint32_t)(at[i].line_key >> 32))
			file++;
		uint64_t key = file * width +
		               (line || !span->zero ? line - span->low + span->zero : 0);
		turf_bits_put(&lows, &c->record, (uint64_t)i * low,
		              key & (((uint64_t)1 << low) - 1), low);
		turf_bits_put(&highs, &c->record, i + (key >> low), 1, 1);
	}
	return true;
}

/* One column of a table; @which: 0 columns, 1 functions called. */
static bool put_column(struct coder *c, const struct place *at, size_t n, unsigned width,
                       bool callee)
{
	struct bits bits;
	if (!turf_bits_begin(&bits, &c->record, (uint64_t)n * width))
		return false;
	for (size_t i = 0; i < n; i++)
		turf_bits_put(&bits, &c->record, (uint64_t)i * width,
		              callee ? at[i].callee : at[i].column, width);
	return true;
}

static bool put_tables(struct coder *c, const struct global *g)
{
	struct place *lines = c->lines.at, *sites = c->sites.at;
	size_t n_lines = number_places(lines, c->lines.n);
	size_t n_sites = number_places(sites, c->sites.n);
	struct span_of span = { .low = UINT32_MAX };
	c->files.n = 0;
	if (!add_files(c, lines, n_lines, &span) || !add_files(c, sites, n_sites, &span))
		return false;
	if (!span.high)
		span.low = 0;
	/* where all have line 0, it is the lowest and the highest */
	bool only_zero = !span.high;
	if (only_zero)
		span.zero = false;
	struct buf *out = &c->record;
	if (!turf_buf_uleb(out, n_lines * 2 + span.zero) || !turf_buf_uleb(out, n_sites))
		return false;
	if (!n_lines && !n_sites)
		return true;
	bool own = c->files.n == 1 && c->files.at[0] == g->file;
	bool ok = turf_buf_sleb(out, (int32_t)(span.low - g->line)) &&
	          turf_buf_uleb(out, span.high - span.low) &&
	          turf_buf_uleb(out, own ? 0 : c->files.n);
	for (size_t i = 0; ok && !own && i < c->files.n; i++)
		ok = turf_buf_uleb(out, c->files.at[i]);
	uint32_t line_columns = 0, site_columns = 0, callees = 0;
	for (size_t i = 0; i < n_lines; i++)
		line_columns |= lines[i].column;
	for (size_t i = 0; i < n_sites; i++) {
		site_columns |= sites[i].column;
		callees |= sites[i].callee;
	}
	uint8_t widths[] = { turf_bits_width(line_columns), turf_bits_width(site_columns),
		             turf_bits_width(callees) };
	if (ok && n_lines)
		ok = turf_buf_put(out, &widths[0], 1) && put_keys(c, lines, n_lines, &span) &&
		     put_column(c, lines, n_lines, widths[0], false);
	if (ok && n_sites)
		ok = turf_buf_put(out, &widths[1], 2) && put_keys(c, sites, n_sites, &span) &&
		     put_column(c, sites, n_sites, widths[1], false) &&
		     put_column(c, sites, n_sites, widths[2], true);
	return ok;
}

static bool put_names(struct coder *c, const struct global *g)
{
	const uint32_t *final = c->f->b->texts.final;
	const struct string *text = &c->f->strings.at[g->text];
	const struct string *name = &c->f->strings.at[g->name];
	struct buf *out = &c->record;
	bool ok = turf_buf_uleb(out, final[text->text]);
	if (!ok)
		return false;
	if (!g->name)
		ok = turf_buf_uleb(out, 0);
	else if (g->name_at == NAME_APART)
		ok = turf_buf_uleb(out, 2) && turf_buf_uleb(out, final[name->text]);
	else
		ok = turf_buf_uleb(out, (uint64_t)g->name_at + 3) &&
		     turf_buf_uleb(out, name->size);
	return ok && turf_buf_uleb(out, g->file) && turf_buf_uleb(out, g->line);
}

static bool put_record(struct coder *c, size_t idx)
{
	c->record.n = 0;
	if (idx) { /* number 0 is none */
		if (!put_names(c, &c->f->list.at[idx]) || !gather(c, idx) ||
		    !put_tables(c, &c->f->list.at[idx]))
			return false;
	}
	return turf_buf_uleb(c->out, c->record.n) &&
	       turf_buf_put(c->out, c->record.at, c->record.n);
}

static int code_chunk(struct functions *f, size_t chunk, struct turf_error *err)
{
	struct coder c = { .f = f, .out = &f->chunks[chunk] };
	bool ok = true;
	size_t end = MIN((chunk + 1) * CHUNK, f->list.n);
	for (size_t i = chunk * CHUNK; ok && i < end; i++) {
		if (i % URF_INDEX_STEP == 0)
			f->index.at[i / URF_INDEX_STEP] = (uint32_t)c.out->n;
		ok = put_record(&c, i);
	}
	vec_fini(&c.record);
	vec_fini(&c.lines);
	vec_fini(&c.sites);
	vec_fini(&c.copy);
	vec_fini(&c.files);
	return ok ? 0 : turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for functions");
}

/* Texts are numbered by now: one thread codes them, while others code functions. */
static int code_task(void *ctx, size_t idx, struct turf_error *err)
{
	struct functions *f = ctx;
	struct builder *b = f->b;
	if (idx)
		return code_chunk(f, idx - 1, err);
	int r = turf_texts_emit(&b->texts, 1, &b->tables.of[URF_TEXT_INDEX]);
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "cannot code texts: %s", strerror(-r))
	             : 0;
}

/* Chunks one behind the other, and what the index says of them. */
static int join_chunks(struct functions *f, size_t n_chunks)
{
	struct buf *index = &f->b->tables.of[URF_INDEX], *out = &f->b->tables.of[URF_FUNCTIONS];
	for (size_t i = 0; i < n_chunks; i++) {
		if (out->n + f->chunks[i].n > UINT32_MAX)
			return -E2BIG;
		size_t last = MIN((i + 1) * (CHUNK / URF_INDEX_STEP), f->index.n);
		for (size_t k = i * (CHUNK / URF_INDEX_STEP); k < last; k++) {
			le32 off = le32_of(out->n + f->index.at[k]);
			if (!turf_buf_put(index, &off, sizeof(off)))
				return -ENOMEM;
		}
		if (!turf_buf_put(out, f->chunks[i].at, f->chunks[i].n))
			return -ENOMEM;
		vec_fini(&f->chunks[i]);
	}
	return 0;
}

static int code_all(struct functions *f, struct turf_error *err)
{
	size_t n_chunks = (f->list.n + CHUNK - 1) / CHUNK;
	f->index.n = (f->list.n + URF_INDEX_STEP - 1) / URF_INDEX_STEP;
	f->index.at = calloc(f->index.n, sizeof(*f->index.at));
	f->chunks = calloc(n_chunks, sizeof(*f->chunks));
	int r = f->index.at && f->chunks ? list_instances(f) : -ENOMEM;
	if (r == 0)
		r = turf_pool_run(f->b->threads, 1 + n_chunks, code_task, f, err);
	if (r == 0)
		r = join_chunks(f, n_chunks);
	for (size_t i = 0; f->chunks && i < n_chunks; i++)
		vec_fini(&f->chunks[i]);
	return r;
}

int turf_build_functions(struct builder *b, struct turf_error *err)
{
	struct functions *f = b->merged;
	int r = f->result;
	while (r == 0 && f->next < b->dwarf.n_units)
		r = number_unit(f, f->next++);
	if (r == 0)
		r = turf_texts_sort(&b->texts, b->threads);
	if (r == 0)
		r = code_all(f, err);
	b->n_functions = (uint32_t)f->list.n;
	return r;
}

void turf_functions_free(struct functions *f)
{
	if (!f)
		return;
	vec_fini(&f->list);
	vec_fini(&f->strings);
	vec_fini(&f->string_refs);
	vec_fini(&f->file_refs);
	vec_fini(&f->decls);
	vec_fini(&f->index);
	vec_fini(&f->pending);
	turf_table_fini(&f->known);
	turf_table_fini(&f->known_strings);
	turf_table_fini(&f->known_refs);
	turf_table_fini(&f->known_files);
	turf_table_fini(&f->known_file_refs);
	turf_table_fini(&f->known_decls);
	pthread_mutex_destroy(&f->lock);
	free(f->done);
	free(f->first);
	free(f->instances);
	free(f->chunks);
	free(f);
}
