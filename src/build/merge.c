/* SPDX-License-Identifier: MIT */
/*
 * What units and symbols say, in the urf's own numbers: the second half of a build.
 *
 * Some of it is one thread's work (texts above all), so it runs beside what many threads share.
 * Three steps, each of which needs the one before:
 *
 *   sort texts | unmap what is read | tables of functions, which number lines and sites
 *   code texts | records of functions | plan some segments and count their ops
 *   symbols, files, units, calls | code all segments
 *
 * Marks are coded beside the segments, so they come last.
 */
#include "build/build.h"
#include "build/functions.h"

struct merging {
	struct builder *b;
	struct functions *f;
	struct segments *segments;
};

static int fail(const struct builder *b, int r, struct turf_error *err)
{
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "%s: cannot merge its units: %s",
	                         b->in.name, strerror(-r))
	             : 0;
}

static int number_task(void *ctx, size_t idx, struct turf_error *err)
{
	struct merging *m = ctx;
	if (idx == 0)
		return fail(m->b, turf_texts_sort(&m->b->texts, NULL), err);
	if (idx == 1)
		return fail(m->b, turf_segments_begin(m->b, &m->segments), err);
	if (idx == 2) {
		if (m->b->options->flags & TURF_BUILD_HOT) /* the cold part reads it again */
			turf_inputs_drop(&m->b->in, SECTION_INFO);
		return 0;
	}
	return turf_functions_tables(m->f, idx - 3, err);
}

static int count_task(void *ctx, size_t idx, struct turf_error *err)
{
	struct merging *m = ctx;
	if (idx == 0)
		return fail(
			m->b,
			turf_texts_emit(&m->b->texts, NULL, &m->b->tables.of[URF_TEXT_INDEX]),
			err);
	idx--;
	if (idx < m->f->n_chunks)
		return turf_functions_code(m->f, idx, err);
	return turf_segments_count(m->segments, idx - m->f->n_chunks, err);
}

static int code_task(void *ctx, size_t idx, struct turf_error *err)
{
	struct merging *m = ctx;
	switch (idx) {
	case 0:
		return fail(m->b, turf_functions_join(m->f), err);
	case 1:
		return fail(m->b, turf_emit_symbols(m->b), err);
	case 2:
		return fail(m->b, turf_emit_packed(m->b), err);
	case 3:
		return fail(m->b, turf_segments_calls(m->segments), err);
	default:
		return turf_segments_code(m->segments, idx - 4, err);
	}
}

static int run(struct merging *m, struct turf_error *err)
{
	struct pool *pool = &m->b->pool;
	int r = fail(m->b, turf_functions_number(m->f), err);
	if (r == 0)
		r = fail(m->b, turf_functions_chunks(m->f), err);
	if (r == 0)
		r = turf_pool_run(pool, 3 + m->f->n_chunks, number_task, m, err);
	if (r == 0)
		r = turf_pool_run(pool, 1 + m->f->n_chunks + turf_segments_counted(m->segments),
		                  count_task, m, err);
	if (r == 0)
		r = fail(m->b, turf_segments_choose(m->segments), err);
	if (r == 0)
		r = turf_pool_run(pool, 4 + turf_segments_chunks(m->segments), code_task, m,
		                  err);
	if (r == 0)
		r = fail(m->b, turf_segments_join(m->segments), err);
	if (r < 0 || m->b->options->flags & TURF_BUILD_HOT)
		return r;
	return fail(m->b, turf_emit_marks(m->b, err), err);
}

int turf_build_merge(struct builder *b, struct turf_error *err)
{
	struct merging m = { .b = b, .f = b->merged };
	int r = run(&m, err);
	turf_segments_free(m.segments);
	return r;
}
