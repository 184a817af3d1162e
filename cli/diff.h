/* SPDX-License-Identifier: MIT */
/*
 * What `turf diff` knows of two files.
 *
 *  - diff.c: the verb
 *  - diff-items.c: functions and variables of either side, matched by name
 *  - diff-types.c: whether two types are one; diff-layout.c: what is other about them
 *  - diff-print.c: what came out, as text or JSON
 *
 * Texts live as long as the process. What fails sets struct diff.failed; the rest goes on.
 */
#ifndef CLI_DIFF_H
#define CLI_DIFF_H

#include "cli.h"
#include "turf/types.h"
#include "turf/variables.h"

enum { DIFF_OLD, DIFF_NEW, DIFF_SIDES };
enum {
	DIFF_NEST_MAX = 64,       /* types without names within each other, */
	DIFF_STEPS_MAX = 1 << 22, /* and in all, of one owner */
};

/* One thing that is other: '-' gone, '+' new, '~' changed. */
struct diff_change {
	char sign;
	const char *what, *old, *now; /* old, now: NULL: none */
};
struct diff_changes {
	struct diff_change *at;
	size_t n, room;
};

enum diff_kind { DIFF_FUNCTION, DIFF_VARIABLE, DIFF_TYPE, DIFF_N_KINDS };

/* A function, variable or type of one side, by what it is matched by. */
struct diff_item {
	const char *key;
	uint32_t number; /* of the function, 0: known as a symbol only; variable; type */
};
struct diff_items {
	struct diff_item *at;
	size_t n, room;
};

struct diff_side {
	const struct turf_image *image;
	uint32_t n_types;
	const char **keys; /* of each type, once it was asked for; see diff_key() */
	uint8_t *flags;    /* of each type: enum diff_flag */
	struct diff_items items[DIFF_N_KINDS];
};
enum diff_flag {
	DIFF_REACHED = 1, /* from a function or variable */
	DIFF_PAIRED = 2,  /* compared with one of the other side */
};

/* Two types of one name. */
struct diff_node {
	uint32_t type[DIFF_SIDES];
};
/* What refers to a pair of types: a pair too, or (from on DIFF_ITEM) a function or variable. */
struct diff_edge {
	uint32_t from, to;
};
enum { DIFF_ITEM = 1 << 30 };

/* A function or variable that both sides have. */
struct diff_matched {
	const char *key;
	enum diff_kind kind;
};

/* What came out of one function, variable or type. */
struct diff_result {
	enum diff_kind kind;
	char sign;
	const char *name;  /* that results are sorted by */
	const char *shown; /* a declaration */
	const char *key;
	struct diff_changes changes;
	uint32_t node;           /* of a type that changed */
	const char *reached[4];  /* functions and variables that reach it, the nearest */
	uint32_t n_reached;      /* of reached */
	uint32_t all_reached[2]; /* how many do: functions, variables */
	bool more;               /* at least so many: they were not all counted */
};

struct diff {
	struct diff_side side[DIFF_SIDES];
	bool all, json, failed;
	struct cli_table names, pairs;
	struct diff_node *nodes;
	size_t n_nodes, nodes_room;
	struct diff_edge *edges;
	size_t n_edges, edges_room;
	struct diff_matched *matched;
	size_t n_matched, matched_room;
	struct diff_result *results;
	size_t n_results, results_room;
	uint32_t owner; /* the node or item whose types are compared */
	uint32_t steps; /* since that began: what is nested may be nested often */
};

/* Says what went wrong, once. */
void diff_fail(struct diff *d, const char *what);
/* Room for one more of @n elements of @size bytes at *@at; false: no memory. */
bool diff_room(struct diff *d, void *at, size_t n, size_t *room, size_t size);
/* A text for ever. */
const char *diff_text(struct diff *d, const char *fmt, ...) TURF_PRINTF(2, 3);
/* The same pointer for the same text. */
const char *diff_intern(struct diff *d, const char *text);
/* An item's name in the image: "" of none. */
const char *diff_name(struct diff *d, int side, turf_text text);
/* A declaration of @name, or without it the type alone. */
const char *diff_declare(struct diff *d, int side, uint32_t type, const char *name);
bool diff_type(struct diff *d, int side, uint32_t number, struct turf_type *out);

/*
 * What a type is matched by: one pointer for one kind and full name. NULL: it is compared by
 * what is in it.
 */
const char *diff_key(struct diff *d, int side, const struct turf_type *t);
/* A structure, union or enumeration without a name. */
bool diff_is_nameless(const struct turf_type *t);

/*
 * Whether two references mean one type. Types that have names are taken by these; what is in
 * them is compared on its own, once, with d->owner noted as one that refers to it.
 */
bool diff_same(struct diff *d, uint32_t old, uint32_t now, unsigned depth);
/* The pair of two types that have one key; it is made if it is not there. */
uint32_t diff_pair(struct diff *d, uint32_t old, uint32_t now);
/* Beneath const, volatile and restrict. */
uint32_t diff_unqualified(struct diff *d, int side, uint32_t number);

/* Notes all types that can be reached from one. */
void diff_reach(struct diff *d, int side, uint32_t number);
/* Compares all pairs, what they lead to, and the types that only one side has. */
void diff_types(struct diff *d);

void diff_change(struct diff *d, struct diff_changes *c, char sign, const char *what,
                 const char *old, const char *now);
/* What is other about two types, if they are not the same; @what: as which they are used. */
void diff_use(struct diff *d, struct diff_changes *c, const char *what, uint32_t old,
              uint32_t now);
/* What is other in two types of one key. */
void diff_layout(struct diff *d, struct diff_changes *c, uint32_t old, uint32_t now);

struct diff_result *diff_add_result(struct diff *d, enum diff_kind kind, char sign,
                                    const char *name, const char *shown);
/* Walks two sorted lists: @tell is given what only one has (NULL for the other), or both. */
void diff_merge(struct diff *d, enum diff_kind kind,
                void (*tell)(struct diff *d, const struct diff_item *old,
                             const struct diff_item *now));
void diff_add_item(struct diff *d, int side, enum diff_kind kind, const char *key,
                   uint32_t number);

/* Functions and variables: finds those of one side; matches and compares them. */
void diff_collect(struct diff *d, int side);
void diff_items(struct diff *d);

/* Prints everything: CLI_OK nothing differs, CLI_NONE something does. */
int diff_print(struct diff *d);

#endif
