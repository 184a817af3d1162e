/* SPDX-License-Identifier: MIT */
/* The string block: every different string once, in order of first use. */
#include <xxhash.h>

#include "build/build.h"

static bool grow(struct strings *s)
{
	size_t room = s->room ? s->room * 2 : 4096;
	uint32_t *slots = calloc(room, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < s->room; i++) {
		if (!s->slots[i])
			continue;
		const char *text = (const char *)s->bytes.at + s->slots[i];
		size_t at = XXH3_64bits(text, strlen(text)) & (room - 1);
		while (slots[at])
			at = (at + 1) & (room - 1);
		slots[at] = s->slots[i];
	}
	free(s->slots);
	s->slots = slots;
	s->room = room;
	return true;
}

int turf_strings_add(struct strings *s, const char *text, uint32_t *ret)
{
	if (!s->bytes.n && !turf_buf_put(&s->bytes, "", 1))
		return -ENOMEM;
	if (!text || !*text) {
		*ret = 0;
		return 0;
	}
	if (s->n * 2 >= s->room && !grow(s))
		return -ENOMEM;
	size_t size = strlen(text), at = XXH3_64bits(text, size) & (s->room - 1);
	for (; s->slots[at]; at = (at + 1) & (s->room - 1)) {
		/* the compared bytes end with a NUL, so a shorter string ends the comparison */
		if (!strcmp((const char *)s->bytes.at + s->slots[at], text)) {
			*ret = s->slots[at];
			return 0;
		}
	}
	if (s->bytes.n + size + 1 > UINT32_MAX)
		return -E2BIG;
	*ret = (uint32_t)s->bytes.n;
	if (!turf_buf_put(&s->bytes, text, size + 1))
		return -ENOMEM;
	s->slots[at] = *ret;
	s->n++;
	return 0;
}

void turf_strings_fini(struct strings *s)
{
	vec_fini(&s->bytes);
	free(s->slots);
	*s = (struct strings){ 0 };
}
