/* SPDX-License-Identifier: MIT */
/*
 * Variables outside functions, by number and by address.
 *
 * Cost:   one binary search over groups, at most URF_GLOBAL_STEP records decoded
 * Trust:  none. A record that begins inside the section reads at most URF_BEHIND bytes beyond.
 * Source: docs/format.md, "Variables"
 */
#include "image/bodies.h"
#include "turf/types.h"

uint32_t turf_image_n_globals(const struct turf_image *image)
{
	return image->n_variables;
}

/* What a record counts from. */
struct last {
	uint64_t address;
	uint32_t file, line;
};

/* A record at *@at takes at most 64 bytes: a byte, eight, seven numbers. */
static_assert(1 + 8 + 7 * URF_LEB_MAX <= URF_BEHIND, "");

static int read_global(const struct turf_image *image, const uint8_t **at, struct last *last,
                       struct turf_global *out)
{
	struct span all = image->sections[URF_VARIABLES];
	const uint8_t *end = all.at + all.size;
	if (*at >= end)
		return -EBADMSG;
	uint8_t head = *(*at)++;
	*out = (struct turf_global){ .kind = head & URF_GLOBAL_KIND };
	uint32_t expr = 0;
	if (head & URF_GLOBAL_WIDE) {
		out->address = load64(*at);
		*at += 8;
	} else if (out->kind == URF_GLOBAL_ADDRESS) {
		out->address = last->address + take_uleb(at);
	} else if (out->kind == URF_GLOBAL_THREAD) {
		out->address = take_uleb(at);
	} else if (out->kind == URF_GLOBAL_EXPR) {
		expr = take_uleb(at);
	}
	if (out->kind == URF_GLOBAL_ADDRESS)
		last->address = out->address;
	out->external = head & URF_GLOBAL_EXTERNAL;
	out->name = take_uleb(at);
	out->type = take_uleb(at);
	if (head & URF_GLOBAL_LINKAGE)
		out->linkage_name = take_uleb(at);
	uint32_t inside = head & URF_GLOBAL_INSIDE ? take_uleb(at) : 0;
	*(inside & 1 ? &out->function : &out->scope) = inside / 2;
	if (head & URF_GLOBAL_FILE)
		last->file = take_uleb(at);
	last->line += take_sleb(at);
	out->file = last->file;
	out->line = last->line;
	if (*at > end)
		return -EBADMSG;
	return turf_location_at(image, expr, out->room, &out->expr, &out->expr_size);
}

/* Where a group begins: NULL: it cannot be. */
static const uint8_t *group_at(const struct turf_image *image, size_t group)
{
	struct span index = image->sections[URF_VARIABLE_INDEX];
	struct span all = image->sections[URF_VARIABLES];
	if (group >= index.size / sizeof(le32))
		return NULL;
	uint32_t off = le32_get(((const le32 *)index.at)[group]);
	return off < all.size ? all.at + off : NULL;
}

int turf_image_global(const struct turf_image *image, uint32_t number, struct turf_global *out)
{
	if (!image->sections[URF_VARIABLES].size)
		return -ENODATA;
	if (number >= image->n_variables)
		return 0;
	const uint8_t *at = group_at(image, number / URF_GLOBAL_STEP);
	struct last last = { 0 };
	for (uint32_t i = 0; at && i <= number % URF_GLOBAL_STEP; i++)
		if (read_global(image, &at, &last, out) < 0)
			return -EBADMSG;
	return at ? 1 : -EBADMSG;
}

/* Whether a group begins at an address at or before @addr; < 0 damaged. */
static int begins_before(const struct turf_image *image, size_t group, uint64_t addr)
{
	const uint8_t *at = group_at(image, group);
	if (!at)
		return -EBADMSG;
	return (at[0] & URF_GLOBAL_KIND) == URF_GLOBAL_ADDRESS && at[0] & URF_GLOBAL_WIDE &&
	       load64(at + 1) <= addr;
}

int turf_image_find_global(const struct turf_image *image, uint64_t addr,
                           struct turf_global *out)
{
	size_t lo = 0, hi = image->sections[URF_VARIABLE_INDEX].size / sizeof(le32);
	struct turf_global g;
	bool found = false;
	if (!image->sections[URF_VARIABLES].size)
		return -ENODATA;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int r = begins_before(image, mid, addr);
		if (r < 0)
			return r;
		if (r)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return 0;
	const uint8_t *at = group_at(image, lo - 1);
	struct last last = { 0 };
	uint32_t n = MIN((uint32_t)URF_GLOBAL_STEP,
	                 image->n_variables - (uint32_t)MIN((lo - 1) * URF_GLOBAL_STEP,
	                                                    (size_t)image->n_variables));
	for (uint32_t i = 0; at && i < n; i++) {
		if (read_global(image, &at, &last, &g) < 0)
			return -EBADMSG;
		if (g.kind != URF_GLOBAL_ADDRESS || g.address > addr)
			break;
		*out = g;
		found = true; /* g.expr is none: it has an address */
	}
	uint64_t size = 1;
	int r = found ? turf_image_type_size(image, out->type, &size) : 0;
	if (r == -EBADMSG)
		return r;
	return found && addr - out->address < MAX(size, (uint64_t)1);
}
