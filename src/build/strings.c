/* SPDX-License-Identifier: MIT */
/* The string block: every different string once, in order of first use. */
#include <xxhash.h>

#include "build/build.h"

static bool same(const void *ctx, uint32_t idx, const void *key)
{
	const struct strings *s = ctx;
	return !strcmp((const char *)s->bytes.at + s->offs.at[idx], key);
}

int turf_strings_add(struct strings *s, const char *text, uint32_t *ret)
{
	if (!s->bytes.n && !turf_buf_put(&s->bytes, "", 1))
		return -ENOMEM;
	if (!text || !*text) {
		*ret = 0;
		return 0;
	}
	size_t size = strlen(text);
	uint32_t idx;
	if (s->offs.n == TABLE_MAX || s->bytes.n + size + 1 > UINT32_MAX)
		return -E2BIG;
	int r = turf_table_intern(&s->known, XXH3_64bits(text, size), same, s, text,
	                          (uint32_t)s->offs.n, &idx);
	if (r == 0) {
		uint32_t *off = vec_push(&s->offs);
		if (!off)
			return -ENOMEM;
		*off = (uint32_t)s->bytes.n;
		if (!turf_buf_put(&s->bytes, text, size + 1))
			return -ENOMEM;
	}
	if (r >= 0)
		*ret = s->offs.at[idx];
	return MIN(r, 0);
}

void turf_strings_fini(struct strings *s)
{
	vec_fini(&s->bytes);
	vec_fini(&s->offs);
	turf_table_fini(&s->known);
}
