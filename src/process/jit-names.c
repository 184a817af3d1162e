/* SPDX-License-Identifier: MIT */
/*
 * Functions by address, where code is written over other code again and again.
 *
 * Each batch of functions becomes a layer of ranges that do not overlap, above those before.
 * Two layers become one as soon as the upper is half as long as the lower: a function is moved
 * a logarithmic number of times, and a look-up bisects a logarithmic number of layers.
 *
 * Trust:  none: functions may lie anywhere and over each other
 */
#include "process/jit.h"

void turf_jit_names_fini(struct jit_names *names)
{
	for (size_t i = 0; i < names->n_layers; i++)
		free(names->layers[i].at);
	vec_fini(&names->functions);
	vec_fini(&names->lines);
	vec_fini(&names->text);
	*names = (struct jit_names){ 0 };
}

int turf_jit_text(struct jit_names *names, const void *bytes, size_t n, uint32_t *ret)
{
	n = MIN(n, (size_t)JIT_MAX_NAME);
	if (n >= JIT_MAX_TEXT - names->text.n)
		return -E2BIG;
	if (!vec_reserve(&names->text, n + 1))
		return -ENOMEM;
	*ret = (uint32_t)names->text.n;
	if (n)
		memcpy(names->text.at + names->text.n, bytes, n);
	names->text.at[names->text.n + n] = 0;
	names->text.n += n + 1;
	return 0;
}

int turf_jit_add(struct jit_names *names, const struct jit_function *function)
{
	struct jit_function *f;
	if (!function->size || function->size > UINT64_MAX - function->start)
		return 0; /* nothing stands there */
	if (names->functions.n >= JIT_MAX_FUNCTIONS)
		return -E2BIG;
	f = vec_push(&names->functions);
	if (!f)
		return -ENOMEM;
	*f = *function;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct jit_range *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

/* Indexes of ranges that reach beyond where the painter stands, the latest function first. */
struct heap {
	const struct jit_range *ranges;
	uint32_t *at;
	size_t n;
};

static bool later(const struct heap *h, size_t a, size_t b)
{
	return h->ranges[h->at[a]].function > h->ranges[h->at[b]].function;
}

static void swap(struct heap *h, size_t a, size_t b)
{
	uint32_t kept = h->at[a];
	h->at[a] = h->at[b];
	h->at[b] = kept;
}

static void put(struct heap *h, uint32_t idx)
{
	h->at[h->n] = idx;
	for (size_t i = h->n++; i && later(h, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(h, i, (i - 1) / 2);
}

static void take(struct heap *h)
{
	h->at[0] = h->at[--h->n];
	for (size_t i = 0, child; (child = 2 * i + 1) < h->n; i = child) {
		if (child + 1 < h->n && later(h, child + 1, child))
			child++;
		if (!later(h, child, i))
			return;
		swap(h, i, child);
	}
}

static void paint(struct jit_layer *out, uint64_t start, uint64_t end, uint32_t function)
{
	struct jit_range *last = out->n ? &out->at[out->n - 1] : NULL;
	if (last && last->function == function && last->end == start)
		last->end = end;
	else
		out->at[out->n++] = (struct jit_range){ start, end, function };
}

/* What of @in, @n ranges by their start, is not hidden by a later one; @out has room for 2 n.
 */
static void flatten(const struct jit_range *in, size_t n, uint32_t *room, struct jit_layer *out)
{
	struct heap open = { in, room, 0 };
	uint64_t pos = 0;
	for (size_t i = 0; i < n || open.n;) {
		while (open.n && in[open.at[0]].end <= pos)
			take(&open);
		if (!open.n && i < n)
			pos = MAX(pos, in[i].start);
		for (; i < n && in[i].start <= pos; i++)
			put(&open, (uint32_t)i);
		if (!open.n)
			continue;
		const struct jit_range *top = &in[open.at[0]];
		uint64_t end = i < n ? MIN(top->end, in[i].start) : top->end;
		if (pos < end)
			paint(out, pos, end, top->function);
		pos = MAX(pos, end);
	}
}

/* Sorts and flattens @ranges, which it takes: 0 or -ENOMEM. */
static int make_layer(struct jit_range *ranges, size_t n, struct jit_layer *ret)
{
	scoped(freep) struct jit_range *in = ranges;
	scoped(freep) uint32_t *room = calloc(n + 1, sizeof(*room));
	struct jit_layer out = { calloc(2 * n + 1, sizeof(*out.at)), 0 };
	if (!in || !room || !out.at) {
		free(out.at);
		return -ENOMEM;
	}
	qsort(in, n, sizeof(*in), by_start);
	flatten(in, n, room, &out);
	struct jit_range *less = realloc(out.at, (out.n + 1) * sizeof(*out.at));
	out.at = less ? less : out.at;
	*ret = out;
	return 0;
}

/* The uppermost two layers become one. */
static int merge(struct jit_names *names)
{
	struct jit_layer *low = &names->layers[names->n_layers - 2], *high = low + 1, both;
	size_t n = low->n + high->n;
	struct jit_range *ranges = calloc(n + 1, sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	memcpy(ranges, low->at, low->n * sizeof(*ranges));
	memcpy(ranges + low->n, high->at, high->n * sizeof(*ranges));
	int r = make_layer(ranges, n, &both);
	if (r < 0)
		return r;
	free(low->at);
	free(high->at);
	*low = both;
	names->n_layers--;
	return 0;
}

int turf_jit_lay(struct jit_names *names)
{
	size_t n = names->functions.n - names->n_laid;
	if (!n)
		return 0;
	if (names->n_layers == JIT_MAX_LAYERS && merge(names) < 0)
		return -ENOMEM;
	struct jit_range *ranges = calloc(n, sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct jit_function *f = &names->functions.at[names->n_laid + i];
		ranges[i] = (struct jit_range){ f->start, f->start + f->size,
			                        (uint32_t)(names->n_laid + i) };
	}
	int r = make_layer(ranges, n, &names->layers[names->n_layers]);
	if (r < 0)
		return r;
	names->n_layers++;
	names->n_laid = names->functions.n;
	while (names->n_layers > 1 &&
	       2 * names->layers[names->n_layers - 1].n >= names->layers[names->n_layers - 2].n)
		if (merge(names) < 0)
			return 0; /* two do as well */
	return 0;
}

const struct jit_function *turf_jit_find(const struct jit_names *names, uint64_t pc)
{
	for (size_t i = names->n_layers; i-- > 0;) {
		const struct jit_layer *l = &names->layers[i];
		size_t lo = 0, hi = l->n; /* at[lo - 1].end <= pc < at[hi].end */
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;
			if (l->at[mid].end <= pc)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo < l->n && l->at[lo].start <= pc)
			return &names->functions.at[l->at[lo].function];
	}
	return NULL;
}
