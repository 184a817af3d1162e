/* SPDX-License-Identifier: MIT */
/* Checking macros: each record, in its place and its order. */
#include "image/verify.h"
#include "turf/macros.h"

static const char *check_macro(const struct turf_image *image, const struct turf_macro *m)
{
	uint64_t n_texts = (uint64_t)image->n_texts + image->more.n;
	if (!m->name || m->name >= n_texts || m->body >= n_texts)
		return "a text of it is none";
	if (m->file && m->file >= (uint64_t)image->files.n + image->more_files.n)
		return "its file is beyond the last one";
	return m->undefined && m->body ? "it undefines to something" : NULL;
}

static bool comes_before(const struct turf_macro *a, const struct turf_macro *b)
{
	const uint64_t x[] = { a->name, a->file, a->line, a->undefined, a->body };
	const uint64_t y[] = { b->name, b->file, b->line, b->undefined, b->body };
	for (size_t i = 0; i < COUNT(x); i++)
		if (x[i] != y[i])
			return x[i] < y[i];
	return false;
}

int turf_verify_macros(const struct turf_image *image, struct turf_error *err)
{
	struct span all = image->sections[URF_MACROS];
	uint32_t n = turf_image_n_macros(image);
	if (!n)
		return all.size ? bad(image, err, URF_MACROS, 0,
		                      "macros of which there are none")
		                : 0;
	if (!(le32_get(image->head->flags) & URF_HAS_COLD))
		return bad(image, err, URF_MACROS, 0, "is there, but not in the head's flags");
	const le32 *index = (const le32 *)all.at + 1;
	const uint8_t *at = all.at + turf_macros_index_size(n);
	struct turf_macro m, before = { 0 };
	struct macro_state state;
	for (uint32_t i = 0; i < n; i++) {
		if (i % URF_MACRO_STEP == 0) {
			if (le32_get(index[i / URF_MACRO_STEP]) != (size_t)(at - all.at))
				return bad(image, err, URF_MACROS, i,
				           "is not where it should be");
			state = (struct macro_state){ 0 };
		}
		if (turf_macro_read(image, &at, &state, &m) < 0)
			return bad(image, err, URF_MACROS, i, "cannot be read");
		const char *why = check_macro(image, &m);
		if (!why && i && !comes_before(&before, &m))
			why = "is out of order";
		if (why)
			return bad(image, err, URF_MACROS, i, why);
		before = m;
	}
	return at == all.at + all.size ? 0 : bad(image, err, URF_MACROS, n, "one too many");
}
