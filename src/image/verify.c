/* SPDX-License-Identifier: MIT */
/*
 * Checking every record of an urf: order, indexes, strings, and the hash over all of it.
 */
#include <xxhash.h>

#include "image/image.h"

/* Fails with the section, the record and the cause. */
#define bad(image, err, kind, idx, what)                                                       \
	turf_fail((err), -EBADMSG, le64_get((image)->head->sections[kind].off),                \
	          ".urf.%s: record %zu: %s", turf_image_section_names[kind], (size_t)(idx),    \
	          what)

static int check_content(const struct turf_image *image, struct turf_error *err)
{
	static const uint8_t zero[sizeof(image->head->content)];
	const uint8_t *at = image->bytes.at, *field = image->head->content;
	XXH3_state_t *state = XXH3_createState();
	if (!state)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for a hash");
	XXH3_128bits_reset(state);
	XXH3_128bits_update(state, at, (size_t)(field - at));
	XXH3_128bits_update(state, zero, sizeof(zero));
	XXH3_128bits_update(state, field + sizeof(zero),
	                    image->bytes.size - (size_t)(field - at) - sizeof(zero));
	XXH128_canonical_t hash;
	XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(state));
	XXH3_freeState(state);
	if (memcmp(hash.digest, field, sizeof(hash.digest)) != 0)
		return turf_fail(
			err, -EBADMSG, (uint64_t)(field - at),
			".urf.head: content does not have the hash it is said to have");
	return 0;
}

/* Whole records only, and a first record that means "none" where there is one. */
static int check_sizes(const struct turf_image *image, struct turf_error *err)
{
	static const uint16_t entry[URF_N_SECTIONS] = {
		[URF_BLOCKS] = sizeof(struct urf_block),
		[URF_RANGES] = sizeof(struct urf_range),
		[URF_PAGES] = sizeof(le32),
		[URF_SYMBOLS] = sizeof(struct urf_symbol),
		[URF_LOADS] = sizeof(struct urf_load),
		[URF_SEGMENTS] = 1,
		[URF_SCOPES] = sizeof(struct urf_scope),
		[URF_FUNCTIONS] = sizeof(struct urf_function),
		[URF_FILES] = sizeof(struct urf_file),
		[URF_UNITS] = sizeof(struct urf_unit),
		[URF_ROWS] = sizeof(struct urf_row),
		[URF_RULES] = sizeof(struct urf_rule),
		[URF_SAVED] = sizeof(struct urf_saved),
		[URF_FAR_RULES] = sizeof(struct urf_far),
		[URF_EXPRS] = 1,
		[URF_STRINGS] = 1,
	};
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		if (image->sections[i].size % entry[i])
			return bad(image, err, i, image->sections[i].size / entry[i],
			           "cut short");
	if (image->strings.at[0] != 0)
		return bad(image, err, URF_STRINGS, 0, "offset 0 is not the empty string");
	return 0;
}

static bool is_string(const struct turf_image *image, le32 off)
{
	uint32_t at = le32_get(off);
	return at < image->strings.size && (at == 0 || image->strings.at[at - 1] == 0);
}

static int check_names(const struct turf_image *image, struct turf_error *err)
{
	for (size_t i = 0; i < image->functions.n; i++) {
		const struct urf_function *f = &image->functions.at[i];
		if (!is_string(image, f->name) || !is_string(image, f->linkage))
			return bad(image, err, URF_FUNCTIONS, i, "name is no string");
		if (le32_get(f->decl_file) >= MAX(image->files.n, (size_t)1))
			return bad(image, err, URF_FUNCTIONS, i, "no such file");
		if (le32_get(f->unit) >= MAX(image->units.n, (size_t)1))
			return bad(image, err, URF_FUNCTIONS, i, "no such unit");
	}
	for (size_t i = 0; i < image->files.n; i++)
		if (!is_string(image, image->files.at[i].directory) ||
		    !is_string(image, image->files.at[i].name))
			return bad(image, err, URF_FILES, i, "name is no string");
	for (size_t i = 0; i < image->units.n; i++)
		if (!is_string(image, image->units.at[i].name) ||
		    !is_string(image, image->units.at[i].directory) ||
		    !is_string(image, image->units.at[i].producer))
			return bad(image, err, URF_UNITS, i, "name is no string");
	return 0;
}

static int check_scopes(const struct turf_image *image, struct turf_error *err)
{
	for (size_t i = 1; i < image->scopes.n; i++) {
		const struct urf_scope *s = &image->scopes.at[i];
		if (le32_get(s->function) >= image->functions.n)
			return bad(image, err, URF_SCOPES, i, "no such function");
		if (le32_get(s->parent) >= i)
			return bad(image, err, URF_SCOPES, i, "comes before its parent");
		if (le32_get(s->parent) &&
		    le32_get(s->call_file) >= MAX(image->files.n, (size_t)1))
			return bad(image, err, URF_SCOPES, i, "no such file");
	}
	uint64_t end = 0;
	for (size_t i = 0; i < image->ranges.n; i++) {
		const struct urf_range *r = &image->ranges.at[i];
		if (le32_get(r->start) < end || le32_get(r->size) == 0)
			return bad(image, err, URF_RANGES, i,
			           "empty, or begins before the last ends");
		end = (uint64_t)le32_get(r->start) + le32_get(r->size);
		if (le32_get(r->scope) >= image->scopes.n)
			return bad(image, err, URF_RANGES, i, "no such scope");
	}
	return 0;
}

static int check_block(const struct turf_image *image, size_t block, struct turf_error *err)
{
	struct segments walk;
	struct segment s = { 0 };
	int r = turf_image_block(image, block, &walk);
	if (r < 0)
		return bad(image, err, URF_BLOCKS, block, "segments lie outside");
	uint32_t at = walk.next.start;
	while ((r = turf_image_next_segment(&walk, &s)) == 1) {
		if (s.start < at || s.end < s.start)
			return bad(image, err, URF_BLOCKS, block, "segments out of order");
		if (s.scope >= MAX(image->scopes.n, (size_t)1) ||
		    s.file >= MAX(image->files.n, (size_t)1))
			return bad(image, err, URF_BLOCKS, block, "no such scope or file");
		at = s.end;
	}
	if (r < 0 || walk.at < walk.end)
		return bad(image, err, URF_BLOCKS, block, "segments cannot be decoded");
	return 0;
}

static int check_blocks(const struct turf_image *image, struct turf_error *err)
{
	for (size_t i = 0; i + 1 < image->blocks.n; i++) {
		if (le32_get(image->blocks.at[i].start) >=
		    le32_get(image->blocks.at[i + 1].start))
			return bad(image, err, URF_BLOCKS, i, "out of order");
		int r = check_block(image, i, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_symbols(const struct turf_image *image, struct turf_error *err)
{
	uint32_t at = 0;
	for (size_t i = 0; i < image->symbols.n; i++) {
		const struct urf_symbol *s = &image->symbols.at[i];
		if (le32_get(s->start) < at)
			return bad(image, err, URF_SYMBOLS, i, "out of order");
		at = le32_get(s->start);
		if (!is_string(image, s->name) || le32_get(s->name) == 0)
			return bad(image, err, URF_SYMBOLS, i, "has no name");
		if (le16_get(s->back) > i)
			return bad(image, err, URF_SYMBOLS, i, "refers to no symbol");
	}
	return 0;
}

static int check_rules(const struct turf_image *image, struct turf_error *err)
{
	for (size_t i = 1; i < image->rules.n; i++) {
		struct turf_unwind_row row;
		if (turf_image_rule(image, i, &row) != 1)
			return bad(image, err, URF_RULES, i, "cannot be read");
		for (size_t k = 0; k < row.n_saved; k++) {
			uint8_t reg;
			struct turf_rule rule;
			if (turf_unwind_saved(image, &row, k, &reg, &rule) != 1 ||
			    rule.kind > TURF_RULE_REG_OFFSET)
				return bad(image, err, URF_RULES, i,
				           "a register cannot be read");
		}
	}
	return 0;
}

static int check_rows(const struct turf_image *image, struct turf_error *err)
{
	if (image->pages.n && (le32_get(image->pages.at[0]) != 0 ||
	                       le32_get(image->pages.at[image->pages.n - 1]) != image->rows.n))
		return bad(image, err, URF_PAGES, 0, "pages do not cover the rows");
	for (size_t page = 0; page + 1 < image->pages.n; page++) {
		size_t lo = le32_get(image->pages.at[page]),
		       hi = le32_get(image->pages.at[page + 1]);
		if (lo > hi || hi > image->rows.n)
			return bad(image, err, URF_PAGES, page, "out of order");
		for (size_t i = lo; i < hi; i++) {
			uint16_t pc = le16_get(image->rows.at[i].pc_rule) & 0xfff;
			if (i == lo ? pc != 0
			            : pc <= (le16_get(image->rows.at[i - 1].pc_rule) & 0xfff))
				return bad(image, err, URF_ROWS, i,
				           "out of order within its page");
			if (turf_image_row_rule(image, i) >= MAX(image->rules.n, (size_t)1))
				return bad(image, err, URF_ROWS, i, "no such rule");
		}
	}
	return 0;
}

int turf_image_verify(const struct turf_image *image, struct turf_error *err)
{
	static int (*const checks[])(const struct turf_image *, struct turf_error *) = {
		check_content, check_sizes,   check_names, check_scopes,
		check_blocks,  check_symbols, check_rules, check_rows,
	};
	for (size_t i = 0; i < COUNT(checks); i++) {
		int r = checks[i](image, err);
		if (r < 0)
			return r;
	}
	return 0;
}
