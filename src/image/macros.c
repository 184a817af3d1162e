/* SPDX-License-Identifier: MIT */
/*
 * Macros, by number.
 *
 * Cost:   at most URF_MACRO_STEP records decoded
 * Trust:  none. A record that begins inside the section reads at most URF_BEHIND bytes beyond.
 * Source: docs/format.md, "Macros"
 */
#include "image/image.h"
#include "turf/macros.h"

static_assert(4 * URF_LEB_MAX <= URF_BEHIND, "");

uint64_t turf_macros_index_size(uint32_t n)
{
	return sizeof(le32) * (1 + ((uint64_t)n + URF_MACRO_STEP - 1) / URF_MACRO_STEP);
}

uint32_t turf_image_n_macros(const struct turf_image *image)
{
	struct span all = image->sections[URF_MACROS];
	uint32_t n = all.size >= sizeof(le32) ? le32_get(*(const le32 *)all.at) : 0;
	return turf_macros_index_size(n) <= all.size ? n : 0;
}

int turf_macro_read(const struct turf_image *image, const uint8_t **at,
                    struct macro_state *last, struct turf_macro *out)
{
	struct span all = image->sections[URF_MACROS];
	if (*at >= all.at + all.size)
		return -EBADMSG;
	uint32_t head = take_uleb(at);
	out->undefined = head & 1;
	last->name += head >> 1;
	out->name = last->name;
	out->body = take_uleb(at);
	out->file = take_uleb(at);
	last->line += take_sleb(at);
	out->line = last->line;
	return *at > all.at + all.size ? -EBADMSG : 0;
}

int turf_image_macro(const struct turf_image *image, uint32_t number, struct turf_macro *out)
{
	struct span all = image->sections[URF_MACROS];
	uint32_t n = turf_image_n_macros(image);
	if (number >= n)
		return 0;
	const le32 *index = (const le32 *)all.at + 1;
	uint32_t off = le32_get(index[number / URF_MACRO_STEP]);
	if (off >= all.size)
		return -EBADMSG;
	const uint8_t *at = all.at + off;
	struct macro_state last = { 0 };
	for (uint32_t i = 0; i <= number % URF_MACRO_STEP; i++)
		if (turf_macro_read(image, &at, &last, out) < 0)
			return -EBADMSG;
	return 1;
}
