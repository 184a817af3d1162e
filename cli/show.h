/* SPDX-License-Identifier: MIT */
/* What `turf show` shows. */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include "cli.h"
#include "elf-file.h"
#include "turf/macros.h"
#include "turf/types.h"

/* Shows type @number; in JSON as one object and line. CLI_OK or CLI_ERROR. */
int show_type(const struct turf_image *image, uint32_t number, bool json);

/* The methods of a class as lines; as a member of its JSON object, where there are some. */
void show_methods(const struct turf_image *image, const struct turf_type *class);
void json_methods(const struct turf_image *image, const struct turf_type *class);

/* A declaration, or without @name the type alone; free() it. NULL: told, or no memory. */
char *show_declaration(const struct turf_image *image, uint32_t number, const char *name);

/* The file's code, which elf_close() gives back; false: it has none, and no bytes. */
bool show_open_code(const char *path, struct elf *ret);
/* Shows function @number; @all: each place that it is inlined at. CLI_OK or CLI_ERROR. */
int show_function(const struct turf_image *image, const struct elf *code, uint32_t number,
                  bool all, bool json);
/* The call that ends at an address, or whose last byte is there; in JSON a member "call". 1, 0
 * none does, < 0. */
int show_call_at(const struct turf_image *image, const struct elf *code, uint64_t addr,
                 bool json);

struct show_functions {
	uint32_t *at; /* numbers, ascending */
	size_t n;
};

/* Shows the variables in scope at an address; @only: those of these functions. CLI_OK, CLI_NONE
 * or CLI_ERROR. */
int show_at(const struct turf_image *image, uint64_t addr, const struct show_functions *only,
            bool json);

/* The members of a macro's JSON object, and its end; one as C writes it, and where it stands.
 */
void show_macro_json(const struct turf_image *image, const struct turf_macro *macro);
void show_macro_text(const struct turf_image *image, const struct turf_macro *macro);
/* Calls @each for all macros of the name of @number, which is the first. CLI_OK or CLI_ERROR.
 */
int show_macros(const struct turf_image *image, uint32_t number,
                void (*each)(void *ctx, const struct turf_macro *macro), void *ctx);

/* Tells that what was asked for is not in this urf, and how to have it. CLI_ERROR. */
int show_no_data(void);

#endif
