/* SPDX-License-Identifier: MIT */
/*
 * What units say alike is one: strings, files and functions get their numbers in the urf here,
 * in unit order, so that threads leave no trace.
 */
#include <xxhash.h>

#include "build/functions.h"

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

/* The same of one that no other was seen at, by what it says. */
static int new_string(struct functions *f, const char *at, uint32_t *ret)
{
	struct string s = { .at = at, .size = strlen(at) };
	s.hash = XXH3_64bits(at, s.size);
	int r = turf_table_intern(&f->known_strings, s.hash, same_string, f, &s,
	                          (uint32_t)f->strings.n, ret);
	if (r == 0)
		f->strings.at[f->strings.n++] = s;
	return r;
}

/* The string's index; 0 of NULL and "". No byte of one that is known is looked at. */
static int string_of(struct functions *f, const char *at, uint32_t *ret)
{
	*ret = 0;
	if (!at)
		return 0;
	uint32_t ref;
	if (f->string_refs.n == TABLE_MAX || !vec_reserve(&f->string_refs, 1) ||
	    !vec_reserve(&f->strings, 1))
		return -ENOMEM;
	int r = turf_table_intern(&f->known_refs, ref_hash(at), same_ref, f, at,
	                          (uint32_t)f->string_refs.n, &ref);
	if (r == 0) {
		f->string_refs.at[f->string_refs.n++] = (struct string_ref){ at, 0 };
		r = *at ? new_string(f, at, &f->string_refs.at[ref].string) : 0;
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
		if (fn->name && !g->name) /* an empty one */
			g->name = g->text;
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
		if (r >= 0)
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
void turf_functions_units(struct builder *b, const size_t *units, size_t n)
{
	struct functions *f = b->merged;
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < n; i++)
		f->done[units[i]] = true;
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

int turf_functions_number(struct functions *f)
{
	int r = f->result;
	while (r == 0 && f->next < f->b->dwarf.n_units)
		r = number_unit(f, f->next++);
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
	vec_fini(&f->pending);
	turf_table_fini(&f->known);
	turf_table_fini(&f->known_strings);
	turf_table_fini(&f->known_refs);
	turf_table_fini(&f->known_files);
	turf_table_fini(&f->known_file_refs);
	turf_table_fini(&f->known_decls);
	pthread_mutex_destroy(&f->lock);
	free(f->done);
	turf_functions_drop(f);
	free(f);
}
