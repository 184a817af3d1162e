/* SPDX-License-Identifier: MIT */
/*
 * Many addresses at once. They go in groups, and each group stage by stage, so that the misses
 * of one stage are under way together: blocks, then ops, then the records of the outermost
 * functions, then of those called there, and so on. A stage ends by fetching what the next one
 * reads.
 *
 * Cost:  of neighbours in one block the ops are decoded once, where the later is the higher
 * Trust: as in lookup.c
 */
#include "image/image.h"

/* Chains differ in length: many lanes, so that even the longest are not alone at their ends. */
enum { LANES = 64, SITES = 8 * URF_DEPTH_MAX };
struct lane {
	uint32_t rva;
	bool known;     /* the rva is one */
	size_t block;   /* SIZE_MAX: none */
	uint32_t depth; /* 0: there is at most a symbol */
	uint32_t function, entry;
	size_t group;          /* of symbols, where depth is 0; SIZE_MAX: none */
	const uint32_t *sites; /* one for each frame but the outermost, then the line */
	struct turf_frame *frames;
};
struct group {
	struct lane lanes[LANES];
	size_t n;
	uint32_t sites[SITES];
};

/* The blocks of all. */
static void find_blocks(const struct turf_image *image, struct group *group,
                        const uint64_t *addrs, size_t n)
{
	group->n = MIN(n, (size_t)LANES);
	for (size_t i = 0; i < group->n; i++) {
		struct lane *l = &group->lanes[i];
		l->known = rva_of(image, addrs[i], &l->rva);
		l->block = l->known ? turf_image_block(image, l->rva) : SIZE_MAX;
		if (l->block == SIZE_MAX)
			continue;
		uint32_t off = le32_get(image->blocks.at[l->block].off);
		if (off < image->segments.size)
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
	bool further = l->block == *block && l->rva >= walk->start;
	*block = SIZE_MAX;
	if (further ? turf_walk_to(image, walk, l->rva) < 0
	            : turf_walk_at(image, l->block, l->rva, walk) < 0)
		return -EBADMSG;
	*block = l->block;
	l->depth = walk->depth;
	l->function = walk->function;
	l->entry = walk->entry;
	return 0;
}

/* The stacks of all, or of as many as there is room for their sites: 0 or -EBADMSG. */
static int find_stacks(const struct turf_image *image, struct group *group)
{
	struct walk walk;
	size_t block = SIZE_MAX, used = 0;
	for (size_t i = 0; i < group->n; i++) {
		struct lane *l = &group->lanes[i];
		if (SITES - used < URF_DEPTH_MAX) {
			group->n = i;
			break;
		}
		if (find_stack(image, l, &walk, &block) < 0)
			return -EBADMSG;
		if (!l->depth) {
			l->group = l->known ? turf_symbols_of(image, l->rva) : SIZE_MAX;
			continue;
		}
		image_prefetch_index(image, l->function);
		l->sites = group->sites + used;
		for (uint32_t k = 1; k < l->depth; k++)
			group->sites[used++] = walk.stack[k].site;
		group->sites[used++] = walk.stack[l->depth - 1].line;
	}
	return 0;
}

/*
 * How many frames each has and where they go; the only one of what DWARF does not know. Fewer
 * lanes are left where not all frames have room. 0 or -EBADMSG.
 */
static int place_frames(const struct turf_image *image, struct group *group,
                        struct turf_frame *frames, size_t room, uint32_t *first)
{
	for (size_t i = 0; i < group->n; i++) {
		struct lane *l = &group->lanes[i];
		struct turf_frame symbol = { 0 };
		int r = l->depth ? 0
		                 : turf_image_symbol_frame(image, l->group, l->rva, &symbol);
		if (r < 0)
			return r;
		uint32_t n_frames = r == 1 ? 1 : l->depth;
		if (n_frames > room - first[i]) {
			group->n = i;
			break;
		}
		l->frames = frames + first[i];
		first[i + 1] = first[i] + n_frames;
		if (r == 1)
			l->frames[0] = symbol;
		else if (l->depth)
			image_prefetch_function(image, l->function);
	}
	return 0;
}

/* The @level-th frame of @l from the outside: 1 there are more, 0, -EBADMSG. */
static int resolve(const struct turf_image *image, struct lane *l, uint32_t level)
{
	bool innermost = level == l->depth - 1;
	struct turf_frame *f = &l->frames[l->depth - 1 - level];
	if (turf_function_frame(image, &l->function, l->sites[level], innermost, f) < 0)
		return -EBADMSG;
	f->inlined = level != 0;
	if (!level && turf_root_frame(image, l->rva, l->entry, f) < 0)
		return -EBADMSG;
	if (!innermost)
		image_prefetch_index(image, l->function);
	return !innermost;
}

/* Frames of all, level by level: 0 or -EBADMSG. */
static int resolve_all(const struct turf_image *image, struct group *group)
{
	uint8_t left[LANES]; /* numbers of lanes with frames to come */
	size_t n_left = 0;
	for (size_t i = 0; i < group->n; i++)
		if (group->lanes[i].depth)
			left[n_left++] = (uint8_t)i;
	for (uint32_t level = 0; n_left; level++) {
		size_t n = 0;
		for (size_t i = 0; i < n_left; i++) {
			int r = resolve(image, &group->lanes[left[i]], level);
			if (r < 0)
				return r;
			left[n] = left[i];
			n += (size_t)r;
		}
		n_left = n;
		for (size_t i = 0; i < n_left; i++)
			image_prefetch_function(image, group->lanes[left[i]].function);
	}
	return 0;
}

ssize_t turf_image_frames_bulk(const struct turf_image *image, const uint64_t *addrs, size_t n,
                               struct turf_frame *frames, size_t n_frames, uint32_t *first)
{
	struct group group;
	size_t room = MIN(n_frames, (size_t)UINT32_MAX);
	first[0] = 0;
	for (size_t done = 0; done < n; done += group.n) {
		find_blocks(image, &group, addrs + done, n - done);
		if (find_stacks(image, &group) < 0 ||
		    place_frames(image, &group, frames, room, first + done) < 0 ||
		    resolve_all(image, &group) < 0)
			return -EBADMSG;
		if (!group.n)
			return done ? (ssize_t)done : -E2BIG;
	}
	return (ssize_t)n;
}
