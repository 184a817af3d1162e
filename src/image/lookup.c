/* SPDX-License-Identifier: MIT */
/*
 * The public look-ups of one address: frames, unit, function.
 *
 * Cost:  a block, then the record of each function of the chain
 * Trust: none; what is read is bounded where it is read
 */
#include "image/image.h"
#include "turf/names.h"

/* The walk at the segment over @rva, in *@block: 1, 0 none, -EBADMSG. */
static int find_segment(const struct turf_image *image, uint32_t rva, struct walk *walk,
                        size_t *block)
{
	*block = turf_image_block(image, rva);
	if (*block == SIZE_MAX)
		return 0;
	return turf_walk_at(image, *block, rva, walk) < 0 ? -EBADMSG : walk->depth != 0;
}

int turf_root_frame(const struct turf_image *image, uint32_t rva, uint32_t entry,
                    struct turf_frame *f)
{
	if (!f->name) { /* code that has lines, but no function */
		int r = turf_image_symbol_frame(image, turf_symbols_of(image, rva), rva, f);
		return r < 0 ? r : 0;
	}
	f->has_start = true;
	f->function_start = image->base + entry;
	return 0;
}

int turf_walk_frames(const struct turf_image *image, const struct walk *walk, uint32_t rva,
                     struct turf_frame *frames)
{
	uint32_t function = walk->function, last = walk->depth - 1;
	for (uint32_t i = 0; i <= last; i++) {
		uint32_t site = i == last ? walk->stack[last].line : walk->stack[i + 1].site;
		struct turf_frame *f = &frames[last - i];
		if (turf_function_frame(image, &function, site, i == last, f) < 0)
			return -EBADMSG;
		f->inlined = i != 0;
	}
	return turf_root_frame(image, rva, walk->entry, &frames[last]);
}

int turf_image_frames(const struct turf_image *image, uint64_t addr, struct turf_frames *walk)
{
	uint32_t rva;
	size_t block;
	struct walk at;
	if (!rva_of(image, addr, &rva))
		return 0;
	int r = find_segment(image, rva, &at, &block);
	walk->left = walk->n = r == 1 ? at.depth : 1;
	if (r == 1)
		return turf_walk_frames(image, &at, rva, walk->frame) < 0 ? -EBADMSG : 1;
	if (r == 0) {
		walk->frame[0] = (struct turf_frame){ 0 };
		r = turf_image_symbol_frame(image, turf_symbols_of(image, rva), rva,
		                            &walk->frame[0]);
	}
	return r;
}

int turf_frames_next(struct turf_frames *walk, struct turf_frame *out)
{
	if (!walk->left)
		return 0;
	*out = walk->frame[walk->n - walk->left--];
	return 1;
}

int turf_image_unit(const struct turf_image *image, uint32_t number, struct turf_unit *out)
{
	if (!number || number >= image->units.n)
		return 0;
	*out = (struct turf_unit){
		.name = packed_get(&image->units, number, 0),
		.directory = packed_get(&image->units, number, 1),
		.producer = packed_get(&image->units, number, 2),
		.language = (uint16_t)packed_get(&image->units, number, 3),
		.version = (uint16_t)packed_get(&image->units, number, 4),
	};
	return 1;
}

/* The unit of the code around @rva: of the last one that begins there or before. */
static uint32_t unit_at(const struct turf_image *image, uint32_t rva)
{
	uint32_t lo = 0, hi = image->unit_starts.n;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (packed_get(&image->unit_starts, mid, 0) <= rva)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? packed_get(&image->unit_starts, lo - 1, 1) : 0;
}

int turf_image_find_unit(const struct turf_image *image, uint64_t addr, struct turf_unit *out)
{
	uint32_t rva;
	size_t block;
	struct walk at;
	int r = rva_of(image, addr, &rva) ? find_segment(image, rva, &at, &block) : 0;
	uint32_t unit = r == 1 ? unit_at(image, rva) : 0;
	if (!unit)
		return r < 0 ? r : 0;
	return turf_image_unit(image, unit, out) == 1 ? 1 : -EBADMSG;
}

/* The function at the root of @walk: 1, 0 it has no name, -EBADMSG. */
static int root_function(const struct turf_image *image, size_t block, const struct walk *walk,
                         struct turf_function *out)
{
	struct function f;
	uint32_t end;
	if (turf_function_read(image, walk->function, &f) < 0)
		return -EBADMSG;
	if (!f.name)
		return 0;
	if (turf_walk_range_end(image, block, walk, &end) < 0)
		return -EBADMSG;
	*out = (struct turf_function){
		.start = image->base + walk->range,
		.end = image->base + end,
		.name = f.name,
		.linkage_name = f.linkage_name,
	};
	return 1;
}

int turf_image_find_function(const struct turf_image *image, uint64_t addr,
                             struct turf_function *out)
{
	uint32_t rva;
	size_t block;
	struct walk at;
	int r = rva_of(image, addr, &rva) ? find_segment(image, rva, &at, &block) : 0;
	if (r == 1)
		r = root_function(image, block, &at, out);
	if (r != 0)
		return r;
	struct turf_symbol symbol;
	r = turf_image_find_symbol(image, addr, &symbol);
	if (r == 1)
		*out = (struct turf_function){ symbol.addr, symbol.addr + symbol.size,
			                       symbol.name, 0 };
	return r;
}
