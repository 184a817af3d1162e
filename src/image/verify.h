/* SPDX-License-Identifier: MIT */
/* What verify.c asks of the other files that check records. Private to the room. */
#ifndef IMAGE_VERIFY_H
#define IMAGE_VERIFY_H

#include "image/image.h"

/* Fails with the section, the record and the cause. */
#define bad(image, err, kind, idx, what)                                                       \
	turf_fail((err), -EBADMSG, le64_get((image)->head->sections[kind].off),                \
	          ".urf.%s: record %zu: %s", turf_image_section_names[kind], (size_t)(idx),    \
	          what)

/* Padding behind @pos bits of what is at @at up to the next byte: all zero? */
static inline bool ends_in_zero(const uint8_t *at, uint64_t pos)
{
	return pos % 8 == 0 || at[pos / 8] >> pos % 8 == 0;
}

/* Each 0 or -EBADMSG. */
int turf_verify_texts(const struct turf_image *image, struct turf_error *err);
int turf_verify_functions(const struct turf_image *image, struct turf_error *err);
int turf_verify_blocks(const struct turf_image *image, struct turf_error *err);
int turf_verify_symbols(const struct turf_image *image, struct turf_error *err);
int turf_verify_unwind(const struct turf_image *image, struct turf_error *err);
int turf_verify_marks(const struct turf_image *image, struct turf_error *err);
int turf_verify_calls(const struct turf_image *image, struct turf_error *err);
int turf_verify_types(const struct turf_image *image, struct turf_error *err);
int turf_verify_bodies(const struct turf_image *image, struct turf_error *err);
int turf_verify_names(const struct turf_image *image, struct turf_error *err);
int turf_verify_places(const struct turf_image *image, struct turf_error *err);
int turf_verify_macros(const struct turf_image *image, struct turf_error *err);

#endif
