/* SPDX-License-Identifier: MIT */
/* What the files about functions' details and bodies share. Private to the room. */
#ifndef IMAGE_BODIES_H
#define IMAGE_BODIES_H

#include "image/image.h"
#include "turf/variables.h"

/* Where a direct call or jump leads, by its instruction; false: it is no direct one. */
bool turf_call_target(uint16_t machine, const struct turf_body_event *call, const uint8_t *code,
                      uint64_t *target);
/* The expression with that number, in @room or in the urf: 0 or -EBADMSG. Number 0 is none:
 * NULL. */
int turf_location_at(const struct turf_image *image, uint32_t number,
                     uint8_t room[TURF_EXPR_ROOM], const uint8_t **expr, size_t *size);
/* The next variable, of whose expression no more than the number is read: walk->value where
 * walk->bits say so. 1, 0, -EBADMSG. */
int turf_variables_pass(struct turf_variables *walk, struct turf_variable *out);
/* As turf_image_details(), of the variant with that number; 0: the function's own. */
int turf_details_variant(const struct turf_image *image, uint32_t function, uint32_t variant,
                         struct turf_details *out);
/* How many expressions there are, number 0 included. */
uint32_t turf_locations_n(const struct turf_image *image);

/* Begins the @group-th group of bodies: @walk is before its first. 0 or -EBADMSG. */
int turf_body_group(const struct turf_image *image, size_t group, struct turf_body *walk);
/* Goes on to the next body of the group, when all tokens of the one before are read; @first:
 * there is none before. 1, 0 the group has no further one, -EBADMSG. */
int turf_body_begin(struct turf_body *walk, bool first);
/* The number of an expression in place of the expression, which is not looked at. */
struct body_event {
	uint8_t kind; /* enum urf_token_kind */
	uint32_t a;   /* absolute: variable, block, site, register; instances left */
	uint32_t start, end;
	uint32_t expr;
};
/* 1, 0 the end, -EBADMSG. */
int turf_body_token(struct turf_body *walk, struct body_event *out);

#endif
