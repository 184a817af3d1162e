/* SPDX-License-Identifier: MIT */
/* What `turf show` shows. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli.h"
#include "turf/types.h"

/* Shows type @number; in JSON as one object and line. CLI_OK or CLI_ERROR. */
int show_type(const struct turf_image *image, uint32_t number, bool json);

/* A declaration, or without @name the type alone; free() it. NULL: told, or no memory. */
char *show_declaration(const struct turf_image *image, uint32_t number, const char *name);

#endif
