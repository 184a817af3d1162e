/* SPDX-License-Identifier: MIT */
/* Records of types, for those that check them. Private to the room. */
#ifndef IMAGE_TYPES_H
#define IMAGE_TYPES_H

#include "image/image.h"
#include "turf/types.h"

enum { TYPE_DEPTH_MAX = 64 }; /* types made of one another that are followed */

/* The record at *@at, before @end; @at goes behind it. 0 or -EBADMSG. */
int turf_type_read(const uint8_t **at, const uint8_t *end, struct turf_type *out);

#endif
