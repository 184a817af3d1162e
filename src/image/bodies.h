/* SPDX-License-Identifier: MIT */
/* What the files about functions' details and bodies share. Private to the room. */
#ifndef IMAGE_BODIES_H
#define IMAGE_BODIES_H

#include "image/image.h"
#include "turf/variables.h"

/* The expression at @off of .urf.locations: 0 or -EBADMSG. Offset 0 is none: NULL. */
int turf_location_at(const struct turf_image *image, uint32_t off, const uint8_t **expr,
                     size_t *size);

/* A body, as it stands in its group. */
struct body {
	uint32_t start; /* rva */
	uint32_t function;
	const uint8_t *at, *end; /* tokens */
};
/* Decodes the body at *@at, behind @body of the same group (@first: there is none). 0 or
 * -EBADMSG. */
int turf_body_read(const struct turf_image *image, const uint8_t **at, bool first,
                   struct body *body);
/* Begins a walk over it. */
void turf_body_begin(const struct turf_image *image, const struct body *body,
                     struct turf_body *walk);
/* The offset of an expression in place of the expression, which is not looked at. */
struct body_event {
	uint8_t kind; /* enum urf_token_kind */
	uint32_t a;   /* absolute: variable, block, site, register; instances left */
	uint32_t start, end;
	uint32_t expr;
};
/* 1, 0 the end, -EBADMSG. */
int turf_body_token(struct turf_body *walk, struct body_event *out);

#endif
