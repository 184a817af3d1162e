/* SPDX-License-Identifier: MIT */
/*
 * One hash table for all that is made once and shown often: open addressing, at most half full.
 * Nothing is ever taken out. One thread at a time.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was made; NUL-ended. */
struct cli_text {
	const char *at; /* NULL: there is none */
	size_t size;    /* without the NUL */
};

struct cli_entry {
	uint64_t space, key; /* space 0: a free place */
	const char *name;    /* of a key that is a text: its bytes; else NULL */
	struct cli_text text;
};

struct cli_table {
	struct cli_entry *at;
	size_t room, n;
};

/*
 * The entry of a number in a space of numbers, not 0. *@is_new: it was not there, its text is
 * the caller's to fill. Valid until the next call. NULL: no memory.
 */
struct cli_entry *cli_table_number(struct cli_table *t, uint64_t space, uint64_t key,
                                   bool *is_new);
/* The same by the bytes of a name, which are copied. */
struct cli_entry *cli_table_name(struct cli_table *t, const char *name, bool *is_new);

/* The same text in memory that lives as long as the process; none: none, or no memory. */
struct cli_text cli_keep(struct cli_text text);

/* Room for @size bytes, 8-aligned, that lives as long as the process; NULL: no memory. */
void *cli_keep_room(size_t size);

/* malloc(), in large pages if there is so much of it that they pay. */
void *cli_large(size_t size);

#endif
