/* SPDX-License-Identifier: MIT */
#include "profile/intern.h"

bool turf_profile_strings_init(struct strings *s)
{
	uint32_t nothing;
	*s = (struct strings){ 0 };
	return turf_profile_strings_add(s, "", &nothing);
}

void turf_profile_strings_fini(struct strings *s)
{
	vec_fini(s);
	turf_table_fini(&s->table);
	turf_arena_fini(&s->arena);
}

static bool same(const void *ctx, uint32_t idx, const void *key)
{
	return strcmp(((const struct strings *)ctx)->at[idx], key) == 0;
}

bool turf_profile_strings_add(struct strings *s, const char *text, uint32_t *ret)
{
	if (s->n >= TABLE_MAX || !vec_reserve(s, 1))
		return false;
	int r = turf_table_intern(&s->table, hash_str(text), same, s, text, (uint32_t)s->n,
	                          ret);
	if (r != 0)
		return r > 0;
	const char *copy = turf_arena_str(&s->arena, text, strlen(text));
	s->at[s->n++] = copy ? copy : ""; /* the table counts on it already */
	return copy != NULL;
}
