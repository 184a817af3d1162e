/* SPDX-License-Identifier: MIT */
/*
 * The way back from lines to addresses: which functions have lines in a file, and which blocks
 * of segments have code of a function. Both lists are short, and say what to decode.
 */
#include "base/sort.h"
#include "build/functions.h"

enum { BLOCKS_MAX = 1 << 28 }; /* a difference of two, folded, and two bits have 32 bits */

/* Lines of a function in one file. */
struct part {
	uint32_t file, function;
	uint32_t lowest, highest;
};
/* A block that has code of a function. */
struct use {
	uint32_t function, block;
};

struct places {
	struct builder *b;
	UNIT_LIST(struct part) parts;
	UNIT_LIST(struct use) uses;
	UNIT_LIST(struct sort_pair) pairs; /* of parts, by file; behind them room to sort */
	uint32_t *first;     /* of each file's pairs, or each function's blocks; and the end */
	uint32_t *blocks_of; /* of functions, one behind the other */
	uint32_t *in_block;  /* by function: the last block that it was noted for, + 1 */
	const struct urf_block *blocks;
	size_t n_blocks;
};

/* The function's entry for @file among those from @first on, one where there is none yet. */
static struct part *part_of(struct places *p, size_t first, uint32_t file, uint32_t function)
{
	for (size_t i = p->parts.n; i > first; i--)
		if (p->parts.at[i - 1].file == file)
			return &p->parts.at[i - 1];
	struct part *part = vec_push(&p->parts);
	if (part)
		*part = (struct part){ file, function, UINT32_MAX, 0 };
	return part;
}

static int add_lines(struct places *p, size_t first, uint32_t function,
                     const struct instance *instance)
{
	const struct unit_out *out = &p->b->units[instance->unit];
	const struct unit_function *fn = &out->functions.at[instance->function];
	struct part *part = NULL;
	for (uint32_t i = 0; i < fn->n_lines; i++) {
		const struct unit_line *line = &out->lines.at[fn->first_line + i];
		if (!line->file || !line->line)
			continue;
		uint32_t file = out->files.at[line->file - 1].global;
		if (!part || part->file != file)
			part = part_of(p, first, file, function);
		if (!part)
			return -ENOMEM;
		part->lowest = MIN(part->lowest, line->line);
		part->highest = MAX(part->highest, line->line);
	}
	return 0;
}

static int list_parts(struct places *p)
{
	const struct functions *f = p->b->merged;
	int r = 0;
	for (uint32_t i = 1; r == 0 && i < f->list.n; i++) {
		size_t first = p->parts.n;
		for (uint32_t k = f->first[i]; r == 0 && k < f->first[i + 1]; k++)
			r = add_lines(p, first, i, &f->instances[k]);
	}
	return r;
}

/*
 * Lists of which p->first says where each begins. While entries are counted first[k + 2] counts
 * list k; while they are put in place first[k + 1] is where its next one goes.
 */
static bool begin_lists(struct places *p, size_t n)
{
	free(p->first);
	p->first = calloc(n + 2, sizeof(*p->first));
	return p->first;
}

static void sum_lists(struct places *p, size_t n)
{
	for (size_t i = 2; i < n + 2; i++)
		p->first[i] += p->first[i - 1];
}

/* @n functions that have lines in one file, from pair @from on. */
static bool put_functions(struct buf *out, const struct places *p, size_t from, size_t n)
{
	uint32_t lowest = 0, function = 0;
	bool ok = turf_buf_uleb(out, n);
	for (size_t i = 0; ok && i < n; i++) {
		const struct part *part = &p->parts.at[p->pairs.at[from + i].value];
		const struct part *next =
			i + 1 < n ? &p->parts.at[p->pairs.at[from + i + 1].value] : NULL;
		bool overlaps = next && part->highest >= next->lowest;
		ok = turf_buf_uleb(out, (uint64_t)(part->lowest - lowest) << 1 | overlaps) &&
		     turf_buf_sleb(out, (int64_t)part->function - function) &&
		     (!overlaps || turf_buf_uleb(out, part->highest - part->lowest));
		lowest = part->lowest;
		function = part->function;
	}
	return ok;
}

static int put_index(struct builder *b)
{
	const struct buf *out = &b->tables.of[URF_PLACES];
	le32 off = le32_of(out->n);
	return out->n > UINT32_MAX ? -E2BIG
	                           : table_put(&b->tables, URF_PLACE_INDEX, &off, sizeof(off));
}

/* The parts of each file by their lowest line, of equal ones by function. */
static int sort_parts(struct places *p)
{
	size_t n_files = p->b->files.n, n = p->parts.n;
	if (!begin_lists(p, n_files) || !vec_reserve(&p->pairs, 2 * n))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		p->first[p->parts.at[i].file + 2]++;
	sum_lists(p, n_files);
	for (size_t i = 0; i < n; i++) {
		const struct part *part = &p->parts.at[i];
		p->pairs.at[p->first[part->file + 1]++] = (struct sort_pair){ part->lowest, i };
	}
	for (size_t file = 0; n && file < n_files; file++)
		sort_pairs(p->pairs.at + p->first[file], p->pairs.at + n,
		           p->first[file + 1] - p->first[file]);
	return 0;
}

static int write_files(struct places *p)
{
	struct buf *out = &p->b->tables.of[URF_PLACES];
	int r = sort_parts(p);
	for (uint32_t file = 0; r == 0 && file < p->b->files.n; file++) {
		uint32_t from = p->first[file];
		r = put_index(p->b);
		if (r == 0 && !put_functions(out, p, from, p->first[file + 1] - from))
			r = -ENOMEM;
	}
	return r;
}

static int note(struct places *p, uint32_t function, uint32_t block)
{
	if (p->in_block[function] == block + 1)
		return 0;
	p->in_block[function] = block + 1;
	struct use *use = vec_push(&p->uses);
	if (!use)
		return -ENOMEM;
	*use = (struct use){ function, block };
	return 0;
}

/* All functions at a segment. */
static int note_chain(struct places *p, const struct unit_out *out,
                      const struct unit_segment *s, uint32_t block)
{
	if (!s->scope)
		return note(p, out->functions.at[out->nameless - 1].global, block);
	int r = 0;
	for (uint32_t i = s->scope; r == 0 && i; i = out->scopes.at[i - 1].parent)
		r = note(p, out->functions.at[out->scopes.at[i - 1].function].global, block);
	return r;
}

static size_t block_over(const struct places *p, uint32_t rva)
{
	size_t lo = 0, hi = p->n_blocks;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (le32_get(p->blocks[mid].start) <= rva)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? lo - 1 : 0;
}

static int list_uses(struct places *p)
{
	int r = 0;
	for (size_t u = 0; u < p->b->dwarf.n_units; u++) {
		const struct unit_out *out = &p->b->units[u];
		for (size_t i = 0; out->global && i < out->runs.n; i++) {
			const struct unit_run *run = &out->runs.at[i];
			const struct unit_segment *s = &out->segments.at[run->first];
			size_t block = block_over(p, s->start);
			for (uint32_t k = 0; r == 0 && k < run->n; k++, s++) {
				while (block + 1 < p->n_blocks &&
				       le32_get(p->blocks[block + 1].start) <= s->start)
					block++;
				r = note_chain(p, out, s, (uint32_t)block);
				/* of a copy of code that another unit keeps blocks may begin
				 * anywhere */
				for (; r == 0 && block + 1 < p->n_blocks &&
				       le32_get(p->blocks[block + 1].start) < s->end;)
					r = note_chain(p, out, s, (uint32_t)++block);
			}
		}
	}
	return r;
}

static uint32_t fold(uint32_t difference)
{
	return difference << 1 ^ (difference >> 31 ? UINT32_MAX : 0);
}

/* The blocks of a function as runs; *@last: the first one of the function before. */
static bool put_runs(struct buf *out, const uint32_t *blocks, size_t n, uint32_t *last)
{
	bool ok = n > 0 || turf_buf_uleb(out, 0);
	for (size_t at = 0; ok && at < n;) {
		uint32_t first = blocks[at];
		size_t end = at + 1;
		while (end < n && blocks[end] == first + (end - at))
			end++;
		uint64_t from = at ? first - blocks[at - 1] - 2 : fold(first - *last);
		*last = at ? *last : first;
		ok = turf_buf_uleb(out, (from << 2 | (end < n) << 1 | (end - at > 1)) + !at);
		if (ok && end - at > 1)
			ok = turf_buf_uleb(out, end - at - 2);
		at = end;
	}
	return ok;
}

/* The blocks of each function, as they were noted. */
static int list_blocks(struct places *p)
{
	size_t n_functions = p->b->n_functions, n = p->uses.n;
	p->blocks_of = malloc((n + 1) * sizeof(*p->blocks_of));
	if (!p->blocks_of || n > UINT32_MAX || !begin_lists(p, n_functions))
		return n > UINT32_MAX ? -E2BIG : -ENOMEM;
	for (size_t i = 0; i < n; i++)
		p->first[p->uses.at[i].function + 2]++;
	sum_lists(p, n_functions);
	for (size_t i = 0; i < n; i++)
		p->blocks_of[p->first[p->uses.at[i].function + 1]++] = p->uses.at[i].block;
	return 0;
}

static int by_number(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
	return (a > b) - (a < b);
}

/* Sorts them; what units that share code have noted twice is there once. Their number. Most are
 * sorted already, as units list their code by address. */
static size_t sort_blocks(uint32_t *blocks, size_t n)
{
	size_t kept = 0;
	for (size_t i = 1; i < n; i++)
		if (blocks[i - 1] > blocks[i]) {
			qsort(blocks, n, sizeof(*blocks), by_number);
			break;
		}
	for (size_t i = 0; i < n; i++)
		if (!i || blocks[i] != blocks[kept - 1])
			blocks[kept++] = blocks[i];
	return kept;
}

static int write_uses(struct places *p)
{
	struct buf *out = &p->b->tables.of[URF_PLACES];
	int r = list_blocks(p);
	uint32_t last = 0;
	for (uint32_t function = 0; r == 0 && function < p->b->n_functions; function++) {
		uint32_t *blocks = p->blocks_of + p->first[function];
		size_t n = sort_blocks(blocks, p->first[function + 1] - p->first[function]);
		if (function % URF_PLACE_STEP == 0) {
			r = put_index(p->b);
			last = 0;
		}
		if (r == 0 && !put_runs(out, blocks, n, &last))
			r = -ENOMEM;
	}
	return r;
}

int turf_emit_places(struct builder *b)
{
	const struct buf *blocks = &b->tables.of[URF_BLOCKS];
	struct places p = { .b = b };
	p.blocks = (const struct urf_block *)blocks->at;
	p.n_blocks = blocks->n / sizeof(*p.blocks);
	p.n_blocks -= p.n_blocks ? 1 : 0; /* the last one is the end */
	if (p.n_blocks > BLOCKS_MAX)
		return -E2BIG;
	p.in_block = calloc((size_t)b->n_functions + 1, sizeof(*p.in_block));
	int r = !b->has_dwarf ? 0 : p.in_block ? list_parts(&p) : -ENOMEM;
	if (r == 0 && b->has_dwarf)
		r = write_files(&p);
	if (r == 0 && p.n_blocks)
		r = list_uses(&p);
	if (r == 0 && b->has_dwarf)
		r = write_uses(&p);
	vec_fini(&p.parts);
	vec_fini(&p.uses);
	vec_fini(&p.pairs);
	free(p.in_block);
	free(p.first);
	free(p.blocks_of);
	return r;
}
