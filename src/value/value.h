/* SPDX-License-Identifier: MIT */
/*
 * The room's parts.
 *
 *     frame.c   registers, memory and calls of a frame -> where a variable is -> its bytes
 *     print.c   structures, arrays, pointers: what is in what
 *     scalar.c  numbers, characters, texts
 *     symbol.c  what stands at an address
 */
#ifndef VALUE_VALUE_H
#define VALUE_VALUE_H

#include "base/base.h"
#include "turf/value.h"

/* Source: DWARF 5 section 7.8 */
enum value_encoding {
	ATE_ADDRESS = 1,
	ATE_BOOLEAN = 2,
	ATE_COMPLEX = 3,
	ATE_FLOAT = 4,
	ATE_SIGNED = 5,
	ATE_SIGNED_CHAR = 6,
	ATE_UNSIGNED = 7,
	ATE_UNSIGNED_CHAR = 8,
	ATE_UTF = 0x10,
};

struct printer {
	const struct turf_values *values;
	const struct turf_value *value;
	const struct turf_image *image;
	struct turf_value_format format;
	unsigned parts_left;
	FILE *out;
};

/* @size bytes of the value from @off on: TURF_WHY_NONE, or why not. */
enum turf_why turf_value_read(const struct turf_values *values, const struct turf_value *value,
                              uint64_t off, void *out, size_t size);

/* The type behind typedefs and qualifiers: 1, 0 or < 0. */
int turf_value_strip(const struct turf_image *image, uint32_t type, struct turf_type *out);
/* Characters, which arrays and pointers of are texts. */
bool turf_value_is_char(const struct turf_type *type);

/* A number of a base type from its bytes, little-endian, size of them. */
void turf_value_print_base(const struct printer *p, const struct turf_type *type,
                           const uint8_t *bytes, size_t size);
void turf_value_print_enum(const struct printer *p, const struct turf_type *type, uint64_t v);
/* The characters of an array: what repeats is told once, the last NUL not at all; @more: it
 * goes on behind. */
void turf_value_print_text(const struct printer *p, const uint8_t *text, size_t n, bool more);

#endif
