/* SPDX-License-Identifier: MIT */
/*
 * Checking every record of an urf, and the hash over all of it. A limit that a look-up has not
 * is one of the format: phrases, texts, ops.
 */
#include <xxhash.h>

#include "image/verify.h"

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

/* Whole records only. */
static int check_sizes(const struct turf_image *image, struct turf_error *err)
{
	static const uint16_t entry[URF_N_SECTIONS] = {
		[URF_TOPS] = sizeof(le32),
		[URF_BLOCKS] = sizeof(struct urf_block),
		[URF_OPS] = sizeof(struct urf_op),
		[URF_TEXT_INDEX] = sizeof(le32),
		[URF_PHRASES] = sizeof(le32),
		[URF_SYMBOLS] = sizeof(struct urf_symbols),
		[URF_LOADS] = sizeof(struct urf_load),
		[URF_PAGES] = sizeof(le32),
		[URF_ROWS] = sizeof(struct urf_row),
		[URF_STEPS] = sizeof(struct urf_step),
		[URF_FAR_STEPS] = sizeof(struct urf_far),
		[URF_RULES] = sizeof(struct urf_rule),
		[URF_SAVED] = sizeof(struct urf_saved),
		[URF_SETS] = sizeof(le32),
		[URF_KEPT_INDEX] = sizeof(le32),
		[URF_MARKS] = sizeof(struct urf_marks),
		[URF_CALLS] = sizeof(struct urf_calls),
		[URF_TYPE_INDEX] = sizeof(le32),
		[URF_NAME_INDEX] = sizeof(le32),
		[URF_PLACE_INDEX] = sizeof(le32),
	};
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		if (entry[i] && image->sections[i].size % entry[i])
			return bad(image, err, i, image->sections[i].size / entry[i],
			           "cut short");
	return 0;
}

/* Zero between the sections and in the records. */
static int check_padding(const struct turf_image *image, struct turf_error *err)
{
	const uint8_t *end = NULL; /* of the section before that is not empty */
	for (size_t i = 0; i < URF_N_SECTIONS; i++) {
		struct span section = image->sections[i];
		if (!section.size)
			continue;
		if (end && (section.at < end || section.at - end >= 8))
			return bad(image, err, i, 0, "is not behind the section before");
		for (; end && end < section.at; end++)
			if (*end)
				return bad(image, err, i, 0, "padding before it is not zero");
		end = section.at + section.size;
	}
	for (size_t i = 0; i < image->loads.n; i++)
		if (le32_get(image->loads.at[i].zero))
			return bad(image, err, URF_LOADS, i, "padding is not zero");
	for (size_t i = 0; i < image->saved.n; i++)
		if (image->saved.at[i].zero)
			return bad(image, err, URF_SAVED, i, "padding is not zero");
	return 0;
}

/* The first @n_texts columns of a packed table name texts; row 0 is all zero, but of a table
 * that another one goes on in. */
static int check_packed(const struct turf_image *image, const struct packed *table,
                        enum urf_section_kind kind, unsigned n_columns, unsigned n_texts,
                        struct turf_error *err)
{
	const struct span section = image->sections[kind];
	uint64_t bits = (uint64_t)table->n * table->row_bits;
	for (unsigned i = n_columns; i < URF_COLUMNS_MAX; i++)
		if (table->width[i])
			return bad(image, err, kind, 0, "one column too many");
	if (!section.size)
		return 0;
	if (!table->n || table->rows + (bits + 7) / 8 != section.at + section.size ||
	    !ends_in_zero(table->rows, bits))
		return bad(image, err, kind, table->n, "bytes are left over");
	for (uint32_t row = 0; row < table->n; row++)
		for (unsigned i = 0; i < n_columns; i++) {
			uint32_t v = packed_get(table, row, i);
			if (i < n_texts && v && v >= image->n_texts &&
			    (kind != URF_MORE_FILES || v - image->n_texts >= image->more.n))
				return bad(image, err, kind, row, "no such text");
			if (row == 0 && v && kind != URF_MORE_FILES)
				return bad(image, err, kind, row, "does not mean none");
		}
	return 0;
}

/* Ascending, each of another unit than the one before. */
static int check_unit_starts(const struct turf_image *image, struct turf_error *err)
{
	const struct packed *table = &image->unit_starts;
	const struct span section = image->sections[URF_UNIT_STARTS];
	uint64_t bits = (uint64_t)table->n * table->row_bits;
	for (unsigned i = URF_UNIT_START_COLUMNS; i < URF_COLUMNS_MAX; i++)
		if (table->width[i])
			return bad(image, err, URF_UNIT_STARTS, 0, "one column too many");
	if (section.size && (table->rows + (bits + 7) / 8 != section.at + section.size ||
	                     !ends_in_zero(table->rows, bits)))
		return bad(image, err, URF_UNIT_STARTS, table->n, "bytes are left over");
	for (uint32_t row = 0; row < table->n; row++) {
		uint32_t unit = packed_get(table, row, 1);
		if (unit >= MAX(image->units.n, 1u))
			return bad(image, err, URF_UNIT_STARTS, row, "no such unit");
		if (row && (packed_get(table, row, 0) <= packed_get(table, row - 1, 0) ||
		            unit == packed_get(table, row - 1, 1)))
			return bad(image, err, URF_UNIT_STARTS, row, "out of order");
	}
	return 0;
}

static int check_tables(const struct turf_image *image, struct turf_error *err)
{
	int r = check_packed(image, &image->files, URF_FILES, URF_FILE_COLUMNS, 2, err);
	if (r == 0)
		r = check_packed(image, &image->more_files, URF_MORE_FILES, URF_FILE_COLUMNS, 2,
		                 err);
	if (r == 0)
		r = check_packed(image, &image->units, URF_UNITS, URF_UNIT_COLUMNS, 3, err);
	return r < 0 ? r : check_unit_starts(image, err);
}

int turf_image_verify(const struct turf_image *image, struct turf_error *err)
{
	static int (*const checks[])(const struct turf_image *, struct turf_error *) = {
		check_content,      check_sizes,         check_padding,
		check_tables,       turf_verify_texts,   turf_verify_functions,
		turf_verify_blocks, turf_verify_symbols, turf_verify_unwind,
		turf_verify_marks,  turf_verify_calls,   turf_verify_marks,
		turf_verify_types,  turf_verify_bodies,  turf_verify_names,
		turf_verify_places, turf_verify_macros,
	};
	for (size_t i = 0; i < COUNT(checks); i++) {
		int r = checks[i](image, err);
		if (r < 0)
			return r;
	}
	return 0;
}
