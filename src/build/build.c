/* SPDX-License-Identifier: MIT */
/*
 * One ELF file and its debug file -> one debug urf.
 *
 *   inputs -> sections, symbols, unwind rows -> list of units -> units
 *          -> functions, texts -> segments -> write
 *
 * each arrow's work shared by all threads.
 *
 * Only what is done in parallel may run in any order, and nothing of it is seen by the next
 * before all of it that the next needs is done: the same source gives the same bytes.
 */
#include <elf.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "build/build.h"
#include "build/types.h"
#include "config.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14; <asm-generic/mman-common.h> */
#endif

void turf_build_note(struct builder *b, enum turf_level level, const char *fmt, ...)
{
	if (!b->options->note)
		return;
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	pthread_mutex_lock(&b->lock);
	b->options->note(b->options->ctx, level, text);
	pthread_mutex_unlock(&b->lock);
}

/* Names the units that could not be read as they are, in order; the others are served. */
static void note_bad_units(struct builder *b)
{
	const char *file = b->in.dwarf_elf == &b->in.debug.elf ? b->in.debug_name : b->in.name;
	for (size_t i = 0; i < b->dwarf.n_units; i++) {
		const struct dwarf_unit *u = &b->dwarf.units[i];
		const struct unit_out *out = &b->units[i];
		if (u->error < 0 || out->error < 0)
			turf_build_note(b, TURF_WARNING,
			                "%s: unit at .debug_info+%#llx (%s): %s: left out",
			                file, (unsigned long long)u->off,
			                u->name ? u->name : "?",
			                u->error < 0 ? u->error_text : out->why->text);
		if (out->too_deep)
			turf_build_note(
				b, TURF_WARNING,
				"%s: unit at .debug_info+%#llx (%s): more than %d calls "
				"inlined in each other: some in the middle left out",
				file, (unsigned long long)u->off, u->name ? u->name : "?",
				URF_DEPTH_MAX - 1);
	}
}

/*
 * Units in order, as that is how they are numbered; but first those that are a good part of
 * all, so that none is left for one thread at the end.
 */
static int order_units(struct builder *b)
{
	enum { GOOD_PART = 32, GROUPS = 128 };
	size_t n = b->dwarf.n_units, at = 0;
	uint64_t all = 0;
	b->units = calloc(n + 1, sizeof(*b->units));
	b->order = calloc(n + 1, sizeof(*b->order));
	b->groups = calloc(n + 1, sizeof(*b->groups));
	if (!b->units || !b->order || !b->groups)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		all += b->dwarf.units[i].end - b->dwarf.units[i].off;
	for (int big = 1; big >= 0; big--)
		for (size_t i = 0; i < n; i++) {
			uint64_t size = b->dwarf.units[i].end - b->dwarf.units[i].off;
			if ((size > all / GOOD_PART) == big)
				b->order[at++] = i;
		}
	/* what threads share moves from one to the other with each group, which takes longer
	 * than a small unit does */
	uint64_t group = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		const struct dwarf_unit *unit = &b->dwarf.units[b->order[i]];
		if (group > all / GROUPS) {
			b->groups[b->n_groups++] = i;
			group = 0;
		}
		group += unit->end - unit->off;
	}
	b->groups[b->n_groups] = n;
	return turf_functions_begin(b);
}

/*
 * The first half of a build, whose tasks wait for those before them only: so none is idle
 * while there is something to do, and no thread waits for one that has not begun.
 */
enum { N_MAPS = 16 };
enum {
	TASK_INFLATE, /* sections, the largest first: see inflate() */
	TASK_SYMBOLS = TASK_INFLATE + N_INFLATES, /* units ask for them */
	TASK_FRAMES, /* unwind rows: nothing before the file's end needs them */
	TASK_MAP,    /* pages that all will be read */
	TASK_FIND = TASK_MAP + N_MAPS, /* the units' headers */
	TASK_PARTS,                    /* abbreviations and first DIEs, of the units found */
	TASK_UNITS = TASK_PARTS + DWARF_PARTS,
	TASK_MOST = INT32_MAX, /* units end sooner */
};
struct reading {
	struct builder *b;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t moved;
	bool cfi, dwarf, found, symbols, ready; /* ready: units may be read */
	bool failed;
	unsigned sections, cfi_sections, parts; /* that are done */
	uint64_t told, done;                    /* sections, units */
};

static void reading_fini(struct reading *r)
{
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->moved);
}

/* Waits until @gate is true or all is in vain; false: it is. */
static bool wait_for(struct reading *r, const bool *gate)
{
	unsigned turns = 0;
	pthread_mutex_lock(&r->lock);
	while (!*gate && !r->failed) {
		if (!turf_pool_spin(&turns)) {
			pthread_cond_wait(&r->moved, &r->lock);
			continue;
		}
		pthread_mutex_unlock(&r->lock);
		pthread_mutex_lock(&r->lock);
	}
	bool ok = !r->failed;
	pthread_mutex_unlock(&r->lock);
	return ok;
}

/* Says what @result of a task means to those that wait; and gives it back. */
static int open_gate(struct reading *r, bool *gate, int result)
{
	pthread_mutex_lock(&r->lock);
	*gate = true;
	r->failed |= result < 0;
	pthread_cond_broadcast(&r->moved);
	pthread_mutex_unlock(&r->lock);
	return result;
}

static int tell_progress(struct reading *reading, const char *stage, uint64_t *done, uint64_t n,
                         uint64_t total, struct turf_error *err)
{
	struct builder *b = reading->b;
	if (!b->options->progress)
		return 0;
	pthread_mutex_lock(&reading->lock);
	int r = b->options->progress(b->options->ctx, stage, *done += n, total);
	pthread_mutex_unlock(&reading->lock);
	return r ? turf_fail(err, -ECANCELED, TURF_NOWHERE, "%s: stopped", b->in.name) : 0;
}

static int find_units(struct builder *b, struct turf_error *err)
{
	struct dwarf_sections sections = turf_inputs_dwarf(&b->in);
	int r = b->in.dwarf_elf ? turf_dwarf_find(&sections, &b->dwarf, err) : 0;
	b->has_dwarf = r == 0 && b->in.dwarf_elf;
	return r;
}

/*
 * Asks for a part of what is read from its begin to its end: many pages at a time cost less
 * than a fault for each few, and threads share them, where one would find the units alone with
 * all of them. Advice: an older system refuses it, and loses nothing.
 */
static void map_part(const struct elf_data *data, size_t part)
{
	enum { MUCH = 4 << 20 }; /* bytes */
	const uintptr_t in_page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	size_t size = data->bytes.size / N_MAPS + 1;
	if (data->owned || data->bytes.size < MUCH || part * size >= data->bytes.size)
		return;
	uintptr_t begin = (uintptr_t)data->bytes.at + part * size;
	size_t left = MIN(size, data->bytes.size - part * size);
	uintptr_t page = begin & ~in_page;
	(void)madvise((void *)page, left + (begin - page), MADV_POPULATE_READ);
}

/* .debug_info may take longer than all of the rest: symbols and unwind rows are made meanwhile.
 */
static int inflate(struct reading *reading, size_t idx, struct turf_error *err)
{
	bool cfi = idx >= N_DWARF_SECTIONS;
	int r = turf_inputs_inflate(&reading->b->in, idx, err);
	if (r == 0)
		r = tell_progress(reading, "sections", &reading->told, 1, N_INFLATES, err);
	pthread_mutex_lock(&reading->lock);
	bool last = cfi ? ++reading->cfi_sections == N_INFLATES - N_DWARF_SECTIONS
	                : ++reading->sections == N_DWARF_SECTIONS;
	last &= !reading->failed;
	pthread_mutex_unlock(&reading->lock);
	return last || r < 0 ? open_gate(reading, cfi ? &reading->cfi : &reading->dwarf, r) : r;
}

static int read_part(struct reading *reading, size_t part, struct turf_error *err)
{
	struct builder *b = reading->b;
	int r = b->has_dwarf ? turf_dwarf_read_part(&b->dwarf, part, err) : 0;
	pthread_mutex_lock(&reading->lock);
	bool last = ++reading->parts == DWARF_PARTS;
	pthread_mutex_unlock(&reading->lock);
	if (r == 0 && last && b->has_dwarf)
		r = turf_related_open(b, err);
	if (r == 0 && last && order_units(b) < 0)
		r = turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory for units",
		              b->in.name);
	return last || r < 0 ? open_gate(reading, &reading->ready, r) : r;
}

/* 1 there is none. */
static int read_group(struct reading *reading, size_t idx, struct turf_error *err)
{
	struct builder *b = reading->b;
	if (idx >= b->n_groups)
		return 1;
	const size_t *units = b->order + b->groups[idx];
	size_t n = b->groups[idx + 1] - b->groups[idx];
	int r = turf_build_units(b, units, n, err);
	if (r < 0)
		return r;
	turf_functions_units(b, units, n);
	return tell_progress(reading, "units", &reading->done, n, b->dwarf.n_units, err);
}

static int read_task(void *ctx, size_t idx, struct turf_error *err)
{
	struct reading *r = ctx;
	struct builder *b = r->b;
	if (idx < TASK_SYMBOLS)
		return inflate(r, idx - TASK_INFLATE, err);
	if (idx == TASK_SYMBOLS)
		return open_gate(r, &r->symbols, turf_build_symbols(b, err));
	const bool *gate = idx == TASK_FRAMES ? &r->cfi
	                   : idx <= TASK_FIND ? &r->dwarf
	                                      : &r->found;
	if (!wait_for(r, gate))
		return 1;
	if (idx == TASK_FRAMES && !wait_for(r, &r->symbols))
		return 1;
	if (idx == TASK_FRAMES)
		return b->in.n_code ? turf_build_frames(b, err) : 0;
	if (idx == TASK_FIND)
		return open_gate(r, &r->found, find_units(b, err));
	if (idx < TASK_FIND) {
		map_part(&b->in.data[SECTION_INFO], idx - TASK_MAP);
		map_part(&b->in.data[SECTION_LINE], idx - TASK_MAP);
		return 0;
	}
	if (idx < TASK_UNITS)
		return read_part(r, idx - TASK_PARTS, err);
	if (!wait_for(r, &r->symbols) || !wait_for(r, &r->ready))
		return 1;
	return read_group(r, idx - TASK_UNITS, err);
}

static int read_all(struct builder *b, struct turf_error *err)
{
	scoped(reading_fini) struct reading reading = { .b = b };
	pthread_mutex_init(&reading.lock, NULL);
	pthread_cond_init(&reading.moved, NULL);
	int r = turf_build_golang(b, err);
	if (r == 0)
		r = turf_pool_run(&b->pool, TASK_MOST, read_task, &reading, err);
	if (r == 0)
		note_bad_units(b);
	return r;
}

static int emit_loads(struct builder *b, struct turf_error *err)
{
	const struct elf *elf = &b->in.source.elf;
	for (uint32_t i = 0; i < elf->n_segments; i++) {
		struct elf_segment s;
		int r = turf_elf_segment(elf, i, &s, err);
		if (r < 0)
			return r;
		if (s.type != PT_LOAD)
			continue;
		struct urf_load load = { le64_of(s.off),       le64_of(s.addr),
			                 le64_of(s.file_size), le64_of(s.mem_size),
			                 le32_of(s.flags),     le32_of(0) };
		if (table_put(&b->tables, URF_LOADS, &load, sizeof(load)) < 0)
			return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory",
			                 b->in.name);
	}
	return 0;
}

int turf_build_text(struct builder *b, const char *text, uint32_t *ret)
{
	size_t size = text ? strlen(text) : 0;
	return turf_texts_add(&b->texts, text, size, XXH3_64bits(text, size), ret);
}

/*
 * What is asked by name and by type: all names first, as these are numbered once all are in.
 *
 * Four steps, each of two things that do not need each other; where one of them is one thread's
 * work, those that share the other make up for it.
 *
 *   types                         | where lines and code are; macros
 *   bodies                        | names of types
 *   what is known by name, hashed | names of what is in bodies
 *   then all is numbered
 *   code bodies                   | code names, types
 */
struct cold_step {
	struct builder *b;
	int (*one)(struct builder *b, struct turf_error *err);
	int (*other)(struct builder *b, struct turf_error *err);
};

static int cold_task(void *ctx, size_t idx, struct turf_error *err)
{
	const struct cold_step *step = ctx;
	return idx ? step->other(step->b, err) : step->one(step->b, err);
}

static int places(struct builder *b, struct turf_error *err)
{
	(void)err;
	int r = turf_emit_places(b);
	return r == 0 && b->has_dwarf ? turf_read_macros(b) : r;
}

static int types(struct builder *b, struct turf_error *err)
{
	return b->has_dwarf ? turf_build_types(b, err) : 0;
}

static int texts_of_types(struct builder *b, struct turf_error *err)
{
	(void)err;
	return b->types ? turf_intern_types(b) : 0;
}

static int texts_of_bodies(struct builder *b, struct turf_error *err)
{
	(void)err;
	return turf_intern_bodies(b);
}

static int names(struct builder *b, struct turf_error *err)
{
	(void)err;
	return turf_list_names(b);
}

static int code_names(struct builder *b, struct turf_error *err)
{
	int r = turf_emit_more(b);
	if (r == 0 && b->types)
		r = turf_emit_types(b, err);
	if (r == 0)
		r = turf_emit_macros(b);
	return r == 0 ? turf_emit_names(b) : r;
}

static int build_cold(struct builder *b, struct turf_error *err)
{
	struct cold_step before[] = {
		{ b, places, types },
		{ b, texts_of_types, turf_build_bodies },
		{ b, names, texts_of_bodies },
	};
	struct cold_step last = { b, code_names, turf_emit_bodies };
	int r = 0;
	for (size_t i = 0; r == 0 && i < COUNT(before); i++)
		r = turf_pool_run(&b->pool, 2, cold_task, &before[i], err);
	if (r == 0)
		r = turf_more_number(b);
	if (r == 0)
		turf_number_macros(b);
	return r == 0 ? turf_pool_run(&b->pool, 2, cold_task, &last, err) : r;
}

static int merge(struct builder *b, struct turf_error *err)
{
	int r = turf_build_merge(b, err);
	if (r == 0 && !(b->options->flags & TURF_BUILD_HOT))
		r = build_cold(b, err);
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE,
		                 "%s: cannot make its names and types: %s", b->in.name,
		                 strerror(-r));
	if (b->has_dwarf)
		b->flags |= URF_HAS_DWARF;
	if (!(b->options->flags & TURF_BUILD_HOT))
		b->flags |= URF_HAS_COLD;
	return 0;
}

/* Gives back all that the urf was made of; its tables stay. */
static void release(struct builder *b)
{
	turf_types_free(b->types);
	free(b->units);
	free(b->order);
	free(b->groups);
	turf_functions_free(b->merged);
	turf_bodies_free(b->cold);
	turf_unit_scratch_free(b->scratch);
	if (b->has_dwarf)
		turf_dwarf_close(&b->dwarf);
	vec_fini(&b->syms);
	turf_arena_fini(&b->syms.names);
	turf_texts_fini(&b->texts);
	turf_more_fini(&b->more);
	vec_fini(&b->macros);
	vec_fini(&b->names);
	turf_arena_fini(&b->texts_made);
	vec_fini(&b->files);
	vec_fini(&b->unit_rows);
	turf_related_close(b);
	turf_inputs_close(&b->in);
	b->released = true;
}

/* The last two things to do, of which neither needs the other: unmapping much takes its time.
 */
static int finish(void *ctx, size_t idx, struct turf_error *err)
{
	struct builder *b = ctx;
	if (idx == 0)
		return turf_build_write(b, b->out_fd, err);
	release(b);
	return 0;
}

static int build(struct builder *b, struct turf_error *err)
{
	if (b->in.debug.open)
		b->flags |= URF_HAS_DEBUG_FILE;
	int r = read_all(b, err);
	if (b->has_dwarf && b->options->flags & TURF_BUILD_HOT)
		turf_dwarf_drop_abbrevs(&b->dwarf);
	if (r == 0)
		r = merge(b, err);
	if (r == 0)
		r = emit_loads(b, err);
	if (r < 0)
		return r;
	turf_build_head(b); /* of what is released; the writing then needs it and the tables */
	return turf_pool_run(&b->pool, 2, finish, b, err);
}

static void builder_fini(struct builder *b)
{
	if (!b->released)
		release(b);
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		vec_fini(&b->tables.of[i]);
	pthread_mutex_destroy(&b->lock);
}

int turf_build(int source_fd, const char *name, int out_fd,
               const struct turf_build_options *options, struct turf_error *err)
{
	scoped(freep) struct builder *b = calloc(1, sizeof(*b));
	if (!b)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory", name);
	turf_big_heap();
	/* of a caller that was built with fewer options the others are 0 */
	if (options)
		memcpy(&b->options_given, options,
		       MIN(options->size, sizeof(b->options_given)));
	b->options = &b->options_given;
	b->source_fd = source_fd;
	b->out_fd = out_fd;
	b->name = name;
	unsigned threads = b->options->threads;
	if (!threads)
		threads = (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
	int r = turf_inputs_open(source_fd, name, b->options->debug_folder, &b->in, err);
	if (r < 0)
		return r;
	b->in.hot = b->options->flags & TURF_BUILD_HOT;
	pthread_mutex_init(&b->lock, NULL);
	turf_pool_begin(&b->pool, threads);
	r = build(b, err);
	turf_pool_end(&b->pool);
	builder_fini(b);
	return r;
}

static int builder_inputs(void *ctx, int source_fd, const char *name,
                          void (*emit)(void *emit_ctx, const char *path, int fd),
                          void *emit_ctx, struct turf_error *err)
{
	const struct turf_build_options *options = ctx;
	const char *folder = options ? options->debug_folder : NULL;
	int r = turf_debug_paths(source_fd, name, folder, emit, emit_ctx, err);
	return r < 0 ? r : turf_related_inputs(source_fd, name, folder, emit, emit_ctx);
}

static int builder_build(void *ctx, int source_fd, const char *name, int out_fd,
                         struct turf_error *err)
{
	return turf_build(source_fd, name, out_fd, ctx, err);
}

struct turf_builder turf_debug_builder(const struct turf_build_options *options)
{
	/* of the options the folder and the flags change what is built; the revision changes
	 * with what is looked for and what is made of it, the layout string with the format */
	static const char revision[] = URF_LAYOUT " 11";
	const uint8_t parts[] = { HAVE_ZSTD, HAVE_LZMA, options ? (uint8_t)options->flags : 0 };
	uint64_t seed = XXH3_64bits_withSeed(parts, sizeof(parts),
	                                     XXH3_64bits(revision, sizeof(revision)));
	const char *folder = options && options->debug_folder ? options->debug_folder : "";
	return (struct turf_builder){
		.ctx = (void *)options,
		.inputs = builder_inputs,
		.build = builder_build,
		.id = XXH3_64bits_withSeed(folder, strlen(folder), seed),
	};
}
