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

/* Shows the function of that ELF symbol, or the variables in scope at an address. CLI_OK,
 * CLI_NONE or CLI_ERROR. */
int show_function(const struct turf_image *image, const char *name);
int show_at(const struct turf_image *image, uint64_t addr, bool json);

#endif
