/* SPDX-License-Identifier: MIT */
/*
 * All units' functions -> one record for each different one: names, and tables of the lines and
 * call sites that it has in any unit, which get their numbers here. Coded in parallel.
 */
#include "build/bits.h"
#include "build/functions.h"

/* A place being sorted: file's number in the urf, line; column, callee; where the number goes.
 */
struct place {
	uint64_t line_key; /* file << 32 | line */
	uint64_t rest;     /* column << 32 | callee */
	uint32_t *number;
};

enum { CHUNK = 64 * URF_INDEX_STEP }; /* functions that are coded one behind the other */

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

/* Without a branch that is taken now and then. */
static inline bool place_less(const struct place *a, const struct place *b)
{
	return (a->line_key < b->line_key) |
	       ((a->line_key == b->line_key) & (a->rest < b->rest));
}

static inline bool same_place(const struct place *a, const struct place *b)
{
	return ((a->line_key ^ b->line_key) | (a->rest ^ b->rest)) == 0;
}

/* Merges two sorted halves at a time; most tables are short, and many sorted already. */
static void sort_places(struct place *at, struct place *copy, size_t n)
{
	if (n < 16) {
		for (size_t i = 1; i < n; i++) {
			struct place p = at[i];
			size_t k = i;
			for (; k && place_less(&p, &at[k - 1]); k--)
				at[k] = at[k - 1];
			at[k] = p;
		}
		return;
	}
	size_t half = n / 2, i = 0, k = half, to = 0;
	sort_places(at, copy, half);
	sort_places(at + half, copy, n - half);
	if (!place_less(&at[half], &at[half - 1]))
		return;
	memcpy(copy, at, half * sizeof(*at));
	while (i < half && k < n) {
		bool second = place_less(&at[k], &copy[i]); /* on a tie the first: stable */
		const struct place *least = second ? &at[k] : &copy[i];
		at[to++] = *least;
		k += second;
		i += !second;
	}
	memcpy(at + to, copy + i, (half - i) * sizeof(*at));
}

static uint32_t global_file(const struct unit_out *out, uint32_t file)
{
	return file ? out->files.at[file - 1].global : 0;
}

/* The same, of one file after the other: @last and its number are kept. */
struct known_file {
	uint32_t file;
	uint64_t key; /* file's number << 32 */
};

static inline uint64_t file_key(const struct unit_out *out, uint32_t file,
                                struct known_file *last)
{
	if (file != last->file)
		*last = (struct known_file){ file, (uint64_t)global_file(out, file) << 32 };
	return last->key;
}

/* Asks memory for instances to come, each for what the next needs: they lie all over. */
static void fetch_instances(const struct functions *f, uint32_t at)
{
	enum { UNIT = 24, FUNCTION = 16, PLACES = 8 };
	if (f->first[f->list.n] - at <= UNIT)
		return;
	const struct instance *i = &f->instances[at];
	const struct unit_out *out = &f->b->units[i[UNIT].unit];
	__builtin_prefetch(&out->functions);
	__builtin_prefetch(&out->sites);
	out = &f->b->units[i[FUNCTION].unit];
	__builtin_prefetch(&out->functions.at[i[FUNCTION].function].first_line);
	out = &f->b->units[i[PLACES].unit];
	const struct unit_function *fn = &out->functions.at[i[PLACES].function];
	const char *lines = (const char *)(out->lines.at + fn->first_line);
	__builtin_prefetch(lines);
	__builtin_prefetch(lines + 64);
	__builtin_prefetch(lines + 128);
	if (fn->n_sites)
		__builtin_prefetch(out->sites.at + fn->first_site);
}

static void gather_lines(struct coder *c, struct unit_out *out, const struct unit_function *fn)
{
	struct known_file last = { 0 };
	struct unit_line *l = out->lines.at + fn->first_line;
	struct place *to = c->lines.at + c->lines.n;
	c->lines.n += fn->n_lines;
	for (uint32_t k = 0; k < fn->n_lines; k++, l++)
		*to++ = (struct place){ file_key(out, l->file, &last) | l->line,
			                (uint64_t)l->column << 32, &l->number };
}

static void gather_sites(struct coder *c, struct unit_out *out, const struct unit_function *fn)
{
	enum { AHEAD = 4 };
	struct known_file last = { 0 };
	struct unit_site *s = out->sites.at + fn->first_site;
	struct place *to = c->sites.at + c->sites.n;
	c->sites.n += fn->n_sites;
	for (uint32_t k = 0; k < fn->n_sites; k++, s++) {
		if (k + AHEAD < fn->n_sites)
			__builtin_prefetch(&out->functions.at[s[AHEAD].callee].global);
		*to++ = (struct place){ file_key(out, s->file, &last) | s->line,
			                (uint64_t)s->column << 32 |
			                        out->functions.at[s->callee].global,
			                &s->number };
	}
}

/* The lines and sites of all instances, sorted. */
static bool gather(struct coder *c, size_t idx)
{
	struct functions *f = c->f;
	c->lines.n = c->sites.n = 0;
	for (uint32_t i = f->first[idx]; i < f->first[idx + 1]; i++) {
		struct unit_out *out = &f->b->units[f->instances[i].unit];
		const struct unit_function *fn = &out->functions.at[f->instances[i].function];
		fetch_instances(f, i);
		if (!vec_reserve(&c->lines, fn->n_lines) ||
		    !vec_reserve(&c->sites, fn->n_sites))
			return false;
		gather_lines(c, out, fn);
		gather_sites(c, out, fn);
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
		if (!kept || !same_place(&at[kept - 1], &at[i]))
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
	struct bit_writer to = turf_bits_writer(&lows, &c->record);
	uint8_t *high = c->record.at + highs.off;
	size_t file = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t line = (uint32_t)at[i].line_key;
		while (c->files.at[file] != (uint32_t)(at[i].line_key >> 32))
			file++;
		uint64_t key = file * width +
		               (line || !span->zero ? line - span->low + span->zero : 0);
		uint64_t bit = i + (key >> low);
		turf_bits_append(&to, key & (((uint64_t)1 << low) - 1), low);
		high[bit / 8] |= (uint8_t)(1u << bit % 8);
	}
	turf_bits_end(&to);
	return true;
}

/* One column of a table: @shift: 32 columns, 0 functions called. */
static bool put_column(struct coder *c, const struct place *at, size_t n, unsigned width,
                       unsigned shift)
{
	struct bits bits;
	if (!turf_bits_begin(&bits, &c->record, (uint64_t)n * width))
		return false;
	struct bit_writer to = turf_bits_writer(&bits, &c->record);
	for (size_t i = 0; width && i < n; i++)
		turf_bits_append(&to, (uint32_t)(at[i].rest >> shift), width);
	turf_bits_end(&to);
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
	uint64_t line_bits = 0, site_bits = 0;
	for (size_t i = 0; i < n_lines; i++)
		line_bits |= lines[i].rest;
	for (size_t i = 0; i < n_sites; i++)
		site_bits |= sites[i].rest;
	uint8_t widths[] = { turf_bits_width((uint32_t)(line_bits >> 32)),
		             turf_bits_width((uint32_t)(site_bits >> 32)),
		             turf_bits_width((uint32_t)site_bits) };
	if (ok && n_lines)
		ok = turf_buf_put(out, &widths[0], 1) && put_keys(c, lines, n_lines, &span) &&
		     put_column(c, lines, n_lines, widths[0], 32);
	if (ok && n_sites)
		ok = turf_buf_put(out, &widths[1], 2) && put_keys(c, sites, n_sites, &span) &&
		     put_column(c, sites, n_sites, widths[1], 32) &&
		     put_column(c, sites, n_sites, widths[2], 0);
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
	else if (g->name == g->text)
		ok = turf_buf_uleb(out, 1);
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
	int r = turf_functions_number(f);
	if (r == 0)
		r = turf_texts_sort(&b->texts, b->threads);
	if (r == 0)
		r = code_all(f, err);
	b->n_functions = (uint32_t)f->list.n;
	return r;
}
