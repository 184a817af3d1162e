/* SPDX-License-Identifier: MIT */
/*
 * The index of names: a hash of each leads to what is called so. Private to the room.
 *
 *     turf_names_add(b, URF_NAME_TYPE, number, name, size);  // final numbers; serial
 *     turf_list_names(b);
 *     turf_emit_names(b);                  // once texts are numbered
 *
 * The bytes made depend on what is added, and on its order within one kind.
 */
#ifndef BUILD_NAMES_H
#define BUILD_NAMES_H

#include "base/vec.h"
#include "urf/format.h"

struct name_entry {
	uint32_t hash;
	uint32_t number, index; /* index: of an enumerator */
	enum urf_name_kind kind;
};
struct names {
	struct name_entry *at;
	size_t n, room;
};

struct builder;
/* @size bytes of @name are looked at now and not kept. Empty names are left out. 0 or < 0. */
int turf_names_add(struct builder *b, enum urf_name_kind kind, uint32_t number,
                   const char *name, size_t size);
/* The same of the @index-th enumerator of a type. */
int turf_names_add_enumerator(struct builder *b, uint32_t number, uint32_t index,
                              const char *name);
/* Adds functions, symbols, types and variables. 0, -ENOMEM, -E2BIG. */
int turf_list_names(struct builder *b);
/* Adds files; and macros; then writes all that was added. The same. */
int turf_emit_names(struct builder *b);

#endif
