/* SPDX-License-Identifier: MIT */
/* The second pool of texts and files: what only the cold part says. */
#include <xxhash.h>

#include "build/build.h"

static bool same_ref(const void *ctx, uint32_t idx, const void *key)
{
	return ((const struct more *)ctx)->refs.at[idx].at == key;
}

int turf_cold_text(struct builder *b, const char *text, uint32_t *ret)
{
	struct more *m = &b->more;
	*ret = 0;
	if (!text || !*text)
		return 0;
	if (m->refs.n == TABLE_MAX || !vec_reserve(&m->refs, 1))
		return m->refs.n == TABLE_MAX ? -E2BIG : -ENOMEM;
	uint32_t at;
	int r = turf_table_intern(&m->known_refs, hash_mix(0, (uintptr_t)text), same_ref, m,
	                          text, (uint32_t)m->refs.n, &at);
	if (r < 0)
		return r;
	if (r == 0) {
		struct more_ref ref = { text, 0 };
		size_t size = strlen(text);
		r = turf_texts_add(&m->texts, text, size, XXH3_64bits(text, size), &ref.text);
		if (r < 0)
			ref.text = 0; /* the build ends here; the table has noted it already */
		m->refs.at[m->refs.n++] = ref;
		if (r < 0)
			return r;
	}
	*ret = m->refs.at[at].text;
	return 0;
}

int turf_cold_part(struct builder *b, const char *text, size_t size, uint32_t *ret)
{
	return turf_texts_add(&b->more.texts, text, size, XXH3_64bits(text, size), ret);
}

/* "compilation directory/include directory", a new string where both are needed. */
static int directory_of(struct builder *b, const char *comp, const char *dir, uint32_t *ret)
{
	dir = dir ? dir : "";
	comp = comp ? comp : "";
	if (dir[0] == '/' || !comp[0])
		return turf_cold_text(b, dir, ret);
	if (!dir[0])
		return turf_cold_text(b, comp, ret);
	size_t n = strlen(comp), m = strlen(dir);
	char *joined = turf_arena_alloc(&b->texts_made, n + m + 2);
	if (!joined)
		return -ENOMEM;
	memcpy(joined, comp, n);
	joined[n] = '/';
	memcpy(joined + n + 1, dir, m);
	return turf_cold_text(b, joined, ret);
}

static bool same_path(const void *ctx, uint32_t idx, const void *key)
{
	const struct more_path *a = &((const struct more *)ctx)->paths.at[idx], *b = key;
	return a->name == b->name && a->directory == b->directory && a->comp_dir == b->comp_dir;
}

static bool same_file(const void *ctx, uint32_t idx, const void *key)
{
	const struct more_file *a = &((const struct more *)ctx)->files.at[idx], *b = key;
	return a->directory == b->directory && a->name == b->name;
}

static int add_file(struct builder *b, struct more_path *path)
{
	struct more *m = &b->more;
	struct more_file file;
	int r = directory_of(b, path->comp_dir, path->directory, &file.directory);
	if (r == 0)
		r = turf_cold_text(b, path->name, &file.name);
	if (r == 0 && (m->files.n >= TABLE_MAX || !vec_reserve(&m->files, 2)))
		r = m->files.n >= TABLE_MAX ? -E2BIG : -ENOMEM;
	if (r < 0)
		return r;
	if (!m->files.n)
		m->files.at[m->files.n++] = (struct more_file){ 0 };
	r = turf_table_intern(&m->known_files, hash_mix(hash_mix(0, file.directory), file.name),
	                      same_file, m, &file, (uint32_t)m->files.n, &path->file);
	if (r == 0)
		m->files.at[m->files.n++] = file;
	return MIN(r, 0);
}

int turf_cold_file(struct builder *b, const char *comp_dir, const struct unit_file *file,
                   uint32_t *ret)
{
	struct more *m = &b->more;
	struct more_path path = { comp_dir, file->directory, file->name, 0 };
	*ret = 0;
	if (!path.name)
		return 0;
	if (m->paths.n == TABLE_MAX || !vec_reserve(&m->paths, 1))
		return m->paths.n == TABLE_MAX ? -E2BIG : -ENOMEM;
	uint64_t hash =
		hash_mix(hash_mix(hash_mix(0, (uintptr_t)path.name), (uintptr_t)path.directory),
	                 (uintptr_t)path.comp_dir);
	uint32_t at;
	int r = turf_table_intern(&m->known_paths, hash, same_path, m, &path,
	                          (uint32_t)m->paths.n, &at);
	if (r == 0) {
		r = add_file(b, &path);
		m->paths.at[m->paths.n++] = path;
	}
	*ret = r < 0 ? 0 : m->paths.at[at].file;
	return MIN(r, 0);
}

static int order_of(const struct text *a, const struct text *b)
{
	int r = memcmp(a->at, b->at, MIN(a->size, b->size));
	return r ? r : (a->size > b->size) - (a->size < b->size);
}

/*
 * Takes out of the sorted texts what the hot part has, and the empty one; each one's final
 * number. Both lists are sorted, so one pass over both finds what they have in common.
 */
static int leave_out_hot(struct builder *b)
{
	struct texts *t = &b->more.texts;
	const struct texts *hot = &b->texts;
	size_t n = t->all.n, kept = 0, h = 0;
	uint32_t *number = malloc(n * sizeof(*number)); /* by place among the sorted */
	if (!number)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct text *x = &t->all.at[i];
		while (h < hot->all.n && order_of(&hot->all.at[h], x) < 0)
			h++;
		if (!x->size || (h < hot->all.n && !order_of(&hot->all.at[h], x))) {
			number[i] = x->size ? (uint32_t)h : 0;
			continue;
		}
		number[i] = (uint32_t)(hot->all.n + kept);
		t->all.at[kept++] = *x;
	}
	t->all.n = kept;
	turf_texts_compare(t, &b->pool);
	for (size_t i = 0; i < n; i++)
		t->final[i] = number[t->final[i]];
	free(number);
	b->more.final = t->final;
	return 0;
}

struct hot_files {
	const struct builder *b;
	struct table known;
};

static bool same_hot_file(const void *ctx, uint32_t idx, const void *key)
{
	const struct builder *b = ((const struct hot_files *)ctx)->b;
	if (idx >= b->files.n) /* one of the cold part: each is there once */
		return false;
	const struct build_file *a = &b->files.at[idx];
	const struct more_file *file = key;
	return b->texts.final[a->directory] == file->directory &&
	       b->texts.final[a->name] == file->name;
}

static uint64_t file_hash(const struct more_file *file)
{
	return hash_mix(hash_mix(0, file->directory), file->name);
}

static int by_texts(const void *one, const void *other)
{
	const struct more_file *a = one, *b = other;
	if (a->directory != b->directory)
		return a->directory < b->directory ? -1 : 1;
	return (a->name > b->name) - (a->name < b->name);
}

/* Final numbers of files; those that the hot part lacks stay, sorted. */
static int number_files(struct builder *b)
{
	struct more *m = &b->more;
	struct hot_files hot = { .b = b };
	size_t n = m->files.n, n_hot = b->files.n, kept = 0;
	struct more_file *files = malloc((n + 1) * sizeof(*files));
	m->final_files = calloc(n + 1, sizeof(*m->final_files));
	int r = files && m->final_files ? 0 : -ENOMEM;
	uint32_t at;
	for (uint32_t i = 0; r >= 0 && i < n_hot; i++) {
		const struct build_file *f = &b->files.at[i];
		struct more_file file = { b->texts.final[f->directory],
			                  b->texts.final[f->name] };
		r = turf_table_intern(&hot.known, file_hash(&file), same_hot_file, &hot, &file,
		                      i, &at);
	}
	for (size_t i = 1; r >= 0 && i < n; i++) {
		struct more_file *f = &m->files.at[i];
		*f = (struct more_file){ m->final[f->directory], m->final[f->name] };
		r = turf_table_intern(&hot.known, file_hash(f), same_hot_file, &hot, f,
		                      TABLE_MAX, &at);
		if (r == 1)
			m->final_files[i] = at;
		else if (r == 0)
			files[kept++] = *f;
	}
	turf_table_fini(&hot.known);
	if (r < 0) {
		free(files);
		return r;
	}
	qsort(files, kept, sizeof(*files), by_texts);
	for (size_t i = 1; i < n; i++) {
		if (m->final_files[i])
			continue;
		const struct more_file *f =
			bsearch(&m->files.at[i], files, kept, sizeof(*files), by_texts);
		m->final_files[i] = (uint32_t)(n_hot + (size_t)(f - files));
	}
	free(m->files.at);
	m->files.at = files;
	m->files.n = kept;
	m->files.room = n + 1;
	return 0;
}

int turf_more_number(struct builder *b)
{
	struct more *m = &b->more;
	int r = turf_texts_sort(&m->texts, &b->pool);
	if (r == 0)
		r = leave_out_hot(b);
	if (r == 0)
		r = number_files(b);
	turf_table_fini(&m->known_refs);
	turf_table_fini(&m->known_files);
	turf_table_fini(&m->known_paths);
	vec_fini(&m->refs);
	vec_fini(&m->paths);
	return r;
}

int turf_emit_more(struct builder *b)
{
	int r = turf_emit_more_files(b);
	if (r == 0 && b->more.texts.all.n)
		r = turf_texts_emit(&b->more.texts, &b->pool, &b->tables.of[URF_MORE_INDEX]);
	return r;
}

void turf_more_fini(struct more *m)
{
	turf_texts_fini(&m->texts);
	turf_table_fini(&m->known_refs);
	turf_table_fini(&m->known_files);
	turf_table_fini(&m->known_paths);
	vec_fini(&m->refs);
	vec_fini(&m->paths);
	vec_fini(&m->files);
	free(m->final_files);
}
