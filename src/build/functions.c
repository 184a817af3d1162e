/* SPDX-License-Identifier: MIT */
/*
 * All units' functions -> one record for each different one: names, and tables of the lines and
 * call sites that it has in any unit, which get their numbers here. Chunks of functions are
 * coded in parallel: tables first, which is most of the work and needs no text's number; once
 * texts have theirs, names are put before them.
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

enum { CHUNK = 128 }; /* functions that are coded one behind the other */

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
	struct buf *out;
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
	/* as a number, as what is asked for may lie behind the last line */
	uintptr_t lines = (uintptr_t)out->lines.at + fn->first_line * sizeof(*out->lines.at);
	for (uintptr_t off = 0; off <= 128; off += 64)
		__builtin_prefetch((const void *)(lines + off));
	if (fn->n_sites)
		__builtin_prefetch(out->sites.at + fn->first_site);
}

static void gather_lines(struct coder *c, struct unit_out *out, const struct unit_function *fn)
{
	struct known_file last = { 0 };
	if (!fn->n_lines)
		return;
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
	if (!fn->n_sites)
		return;
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
	if (!turf_bits_begin(&lows, c->out, (uint64_t)n * low) ||
	    !turf_bits_begin(&highs, c->out, n + (u >> low) + 1))
		return false;
	struct bit_writer to = turf_bits_writer(&lows, c->out);
	uint8_t *high = c->out->at + highs.off;
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
	if (!turf_bits_begin(&bits, c->out, (uint64_t)n * width))
		return false;
	struct bit_writer to = turf_bits_writer(&bits, c->out);
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
	struct buf *out = c->out;
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

static uint8_t *put_uleb(uint8_t *to, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*to++ = (uint8_t)(value | 0x80);
	*to++ = (uint8_t)value;
	return to;
}

enum { NAMES_MAX = 5 * 10 }; /* bytes: five numbers of 64 bits */

static size_t put_names(const struct functions *f, const struct global *g, uint8_t *to)
{
	const uint32_t *final = f->b->texts.final;
	const struct string *text = &f->strings.at[g->text];
	const struct string *name = &f->strings.at[g->name];
	uint8_t *begin = to;
	to = put_uleb(to, final[text->text]);
	if (!g->name)
		to = put_uleb(to, 0);
	else if (g->name == g->text)
		to = put_uleb(to, 1);
	else if (g->name_at == NAME_APART)
		to = put_uleb(put_uleb(to, 2), final[name->text]);
	else
		to = put_uleb(put_uleb(to, (uint64_t)g->name_at + 3), name->size);
	to = put_uleb(put_uleb(to, g->file), g->line);
	return (size_t)(to - begin);
}

/* What whoever comes first does for all. */
static int list_once(struct functions *f)
{
	pthread_mutex_lock(&f->lock);
	int r = f->first ? f->result : list_instances(f);
	f->result = r;
	pthread_mutex_unlock(&f->lock);
	return r;
}

int turf_functions_tables(struct functions *f, size_t chunk, struct turf_error *err)
{
	struct coder c = { .f = f, .out = &f->chunks[chunk].tables };
	bool ok = list_once(f) == 0;
	size_t end = MIN((chunk + 1) * CHUNK, f->list.n);
	for (size_t i = chunk * CHUNK; ok && i < end; i++) {
		size_t before = c.out->n;
		/* number 0 is none */
		ok = !i || (gather(&c, i) && put_tables(&c, &f->list.at[i]));
		f->sizes[i] = (uint32_t)(c.out->n - before);
	}
	vec_fini(&c.lines);
	vec_fini(&c.sites);
	vec_fini(&c.copy);
	vec_fini(&c.files);
	return ok ? 0 : turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for functions");
}

int turf_functions_code(struct functions *f, size_t chunk, struct turf_error *err)
{
	struct function_chunk *c = &f->chunks[chunk];
	size_t first = chunk * CHUNK, end = MIN(first + CHUNK, f->list.n), at = 0;
	struct buf *out = &c->records;
	if (!vec_reserve(out, c->tables.n + (end - first) * (NAMES_MAX + 10)))
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for functions");
	uint8_t *to = out->at;
	for (size_t i = first; i < end; i++) {
		uint8_t names[NAMES_MAX];
		size_t n = i ? put_names(f, &f->list.at[i], names) : 0;
		memcpy(to, names, n);
		if (f->sizes[i])
			memcpy(to + n, c->tables.at + at, f->sizes[i]);
		to += n + f->sizes[i];
		at += f->sizes[i];
		f->sizes[i] += (uint32_t)n;
	}
	out->n = (size_t)(to - out->at);
	vec_fini(&c->tables);
	return 0;
}

/* Where each record begins, and the last one ends: @size bytes behind the first. */
static int put_index(struct functions *f, size_t size)
{
	struct buf *out = &f->b->tables.of[URF_INDEX];
	struct urf_packed *head = &f->b->packed[URF_PACKED_INDEX];
	uint64_t n = (uint64_t)f->list.n + 1;
	uint8_t width = MAX(turf_bits_width((uint32_t)size), (uint8_t)1);
	struct bits bits;
	if (!turf_bits_begin(&bits, out, n * width))
		return -ENOMEM;
	struct bit_writer to = turf_bits_writer(&bits, out);
	uint32_t off = 0;
	for (size_t i = 0; i < f->list.n; off += f->sizes[i++])
		turf_bits_append(&to, off, width);
	turf_bits_append(&to, off, width);
	turf_bits_end(&to);
	*head = (struct urf_packed){ .n = le32_of(n), .width = { width } };
	return 0;
}

/* Chunks one behind the other, and the index. */
int turf_functions_join(struct functions *f)
{
	struct buf *out = &f->b->tables.of[URF_FUNCTIONS];
	size_t size = 0;
	for (size_t i = 0; i < f->n_chunks; i++)
		size += f->chunks[i].records.n;
	if (size > UINT32_MAX)
		return -E2BIG;
	if (!vec_reserve(out, size))
		return -ENOMEM;
	for (size_t i = 0; i < f->n_chunks; i++) {
		struct buf *records = &f->chunks[i].records;
		if (!turf_buf_put(out, records->at, records->n))
			return -ENOMEM;
		vec_fini(records);
	}
	return put_index(f, size);
}

int turf_functions_chunks(struct functions *f)
{
	f->n_chunks = (f->list.n + CHUNK - 1) / CHUNK;
	f->sizes = malloc(f->list.n * sizeof(*f->sizes));
	f->chunks = calloc(f->n_chunks, sizeof(*f->chunks));
	f->b->n_functions = (uint32_t)f->list.n;
	return f->sizes && f->chunks ? 0 : -ENOMEM;
}

void turf_functions_drop(struct functions *f)
{
	for (size_t i = 0; f->chunks && i < f->n_chunks; i++) {
		vec_fini(&f->chunks[i].tables);
		vec_fini(&f->chunks[i].records);
	}
	free(f->first);
	free(f->instances);
	free(f->sizes);
	free(f->chunks);
}
