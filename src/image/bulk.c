/* SPDX-License-Identifier: MIT */
/*
 * Many addresses at once. They go in groups, and each group stage by stage, so that the misses
 * of one stage are under way together: blocks, then ops, then the records of the outermost
 * functions, then of those called there, and so on.
 *
 * Cost:  of neighbours in one block the ops are decoded once, where the later is the higher
 * Trust: as in lookup.c
 */
#include "image/image.h"

enum { LANES = 16 };
struct lane {
	uint32_t rva;
	bool known;   /* the rva is one */
	size_t block; /* SIZE_MAX: none */
	size_t lo, n; /* of the search */
	uint32_t depth, function, line, entry;
	struct turf_frame *frames;
	uint32_t site[URF_DEPTH_MAX]; /* [0]: none */
};

/* Which blocks to search for each: by the tops. */
static void begin_search(const struct turf_image *image, struct lane *lanes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct lane *l = &lanes[i];
		size_t top = UPPER_BOUND(image->tops, , 0, image->tops.n, l->rva);
		l->lo = top ? (top - 1) * URF_TOP : 0;
		size_t hi = MIN(l->lo + URF_TOP, image->blocks.n);
		l->n = top && l->known && l->lo < hi ? hi - l->lo : 0;
		l->block = l->lo;
	}
}

/* All searches, a step of each in turn. */
static void search(const struct turf_image *image, struct lane *lanes, size_t n)
{
	for (unsigned step = 0; URF_TOP >> step; step++)
		for (size_t i = 0; i < n; i++) {
			struct lane *l = &lanes[i];
			size_t half = l->n / 2, at = l->block + half;
			bool go = l->n && le32_get(image->blocks.at[at].start) <= l->rva;
			l->block = go ? at + 1 : l->block;
			l->n = go ? l->n - half - 1 : half;
		}
	for (size_t i = 0; i < n; i++) {
		struct lane *l = &lanes[i];
		bool found = l->known && l->block > l->lo && l->block < image->blocks.n;
		l->block = found ? l->block - 1 : SIZE_MAX;
		if (!found)
			continue;
		uint32_t off = le32_get(image->blocks.at[l->block].off);
		if (off >= image->segments.size)
			continue;
		image_prefetch(image->segments.at + off);
	}
}

/* The state over one address; @walk is where the one before was, in *@block. 0 or -EBADMSG. */
static int find_stack(const struct turf_image *image, struct lane *l, struct walk *walk,
                      size_t *block)
{
	l->depth = 0;
	if (l->block == SIZE_MAX)
		return 0;
	if (l->block != *block || l->rva < walk->start) {
		*block = SIZE_MAX;
		if (turf_walk_begin(image, l->block, walk) < 0)
			return -EBADMSG;
	}
	if (turf_walk_to(image, walk, l->rva) < 0)
		return -EBADMSG;
	*block = l->block;
	l->depth = walk->depth;
	l->function = walk->function;
	l->line = walk->line;
	l->entry = walk->entry;
	for (uint32_t i = 1; i < walk->depth; i++)
		l->site[i] = walk->stack[i].site;
	return 0;
}

/*
 * The stacks of all; how many frames each has, and where they go. Return: number of lanes whose
 * frames have room; -EBADMSG.
 */
static ssize_t find_stacks(const struct turf_image *image, struct lane *lanes, size_t n,
                           struct turf_frame *frames, size_t room, uint32_t *first)
{
	struct walk walk;
	size_t block = SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		struct lane *l = &lanes[i];
		if (find_stack(image, l, &walk, &block) < 0)
			return -EBADMSG;
		struct turf_frame symbol = { 0 };
		int r = l->depth || !l->known ? 0
		                              : turf_image_symbol_frame(image, l->rva, &symbol);
		if (r < 0)
			return r;
		uint32_t n_frames = r == 1 ? 1 : l->depth;
		if (n_frames > room - first[i])
			return (ssize_t)i;
		l->frames = frames + first[i];
		first[i + 1] = first[i] + n_frames;
		if (r == 1)
			l->frames[0] = symbol;
		else if (l->depth)
			image_prefetch_function(image, l->function);
	}
	return (ssize_t)n;
}

/* The @level-th frame from the outside of each that has so many; 1, 0 none has, -EBADMSG. */
static int resolve_level(const struct turf_image *image, struct lane *lanes, size_t n,
                         uint32_t level)
{
	int any = 0;
	for (size_t i = 0; i < n; i++) {
		struct lane *l = &lanes[i];
		if (level >= l->depth)
			continue;
		any = 1;
		bool innermost = level == l->depth - 1;
		struct turf_frame *f = &l->frames[l->depth - 1 - level];
		uint32_t site = innermost ? l->line : l->site[level + 1];
		if (turf_function_frame(image, &l->function, site, innermost, f) < 0)
			return -EBADMSG;
		f->inlined = level != 0;
		if (!level && turf_root_frame(image, l->rva, l->entry, f) < 0)
			return -EBADMSG;
		if (!innermost)
			image_prefetch_function(image, l->function);
	}
	return any;
}

ssize_t turf_image_frames_bulk(const struct turf_image *image, const uint64_t *addrs, size_t n,
                               struct turf_frame *frames, size_t n_frames, uint32_t *first)
{
	struct lane lanes[LANES];
	size_t room = MIN(n_frames, (size_t)UINT32_MAX);
	first[0] = 0;
	for (size_t done = 0; done < n;) {
		size_t group = MIN(n - done, (size_t)LANES);
		for (size_t i = 0; i < group; i++)
			lanes[i].known = rva_of(image, addrs[done + i], &lanes[i].rva);
		begin_search(image, lanes, group);
		search(image, lanes, group);
		ssize_t fit = find_stacks(image, lanes, group, frames, room, first + done);
		if (fit < 0)
			return fit;
		int r = 1;
		for (uint32_t level = 0; r == 1; level++)
			r = resolve_level(image, lanes, (size_t)fit, level);
		if (r < 0)
			return r;
		done += (size_t)fit;
		if ((size_t)fit < group)
			return done ? (ssize_t)done : -E2BIG;
	}
	return (ssize_t)n;
}
