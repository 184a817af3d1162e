/* SPDX-License-Identifier: MIT */
/* Dumps of the sections about code; dump.c has the others. Private to the room. */
#ifndef IMAGE_DUMP_H
#define IMAGE_DUMP_H

#include "image/image.h"

void turf_dump_blocks(const struct turf_image *image, FILE *out);
void turf_dump_ops(const struct turf_image *image, FILE *out);
void turf_dump_functions(const struct turf_image *image, FILE *out);
void turf_dump_files(const struct turf_image *image, FILE *out);
void turf_dump_phrases(const struct turf_image *image, FILE *out);
void turf_dump_texts(const struct turf_image *image, FILE *out);
void turf_dump_more_phrases(const struct turf_image *image, FILE *out);
void turf_dump_more_texts(const struct turf_image *image, FILE *out);
void turf_dump_more_files(const struct turf_image *image, FILE *out);
void turf_dump_symbols(const struct turf_image *image, FILE *out);
void turf_dump_units(const struct turf_image *image, FILE *out);
void turf_dump_unit_starts(const struct turf_image *image, FILE *out);
void turf_dump_type_index(const struct turf_image *image, FILE *out);
void turf_dump_types(const struct turf_image *image, FILE *out);
void turf_dump_name_index(const struct turf_image *image, FILE *out);
void turf_dump_names(const struct turf_image *image, FILE *out);
void turf_dump_place_index(const struct turf_image *image, FILE *out);
void turf_dump_places(const struct turf_image *image, FILE *out);

void turf_dump_macros(const struct turf_image *image, FILE *out);

void turf_dump_details(const struct turf_image *image, FILE *out);
void turf_dump_variables(const struct turf_image *image, FILE *out);
void turf_dump_bodies(const struct turf_image *image, FILE *out);
void turf_dump_body_data(const struct turf_image *image, FILE *out);
void turf_dump_models(const struct turf_image *image, FILE *out);
void turf_dump_locations(const struct turf_image *image, FILE *out);

#endif
