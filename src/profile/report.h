/* SPDX-License-Identifier: MIT */
/*
 * A report: a profile's frames resolved to functions, and the tree of calls with its sums.
 *
 *     profile → functions.c: frames to functions → tree.c: calls → text.c, json.c: writers
 */
#ifndef PROFILE_REPORT_H
#define PROFILE_REPORT_H

#include "profile/data.h"

struct r_function {
	uint32_t name, linkage_name; /* strings of the report; name is never "" */
	uint32_t module;             /* string: path, "[kernel]", ""; what it is called in */
	bool kernel, inlined, unknown;
	uint32_t file, line;  /* where most of its samples stand; 0: not known */
	uint64_t self, total; /* samples */
};

/* A function of a frame's inline chain. */
struct r_entry {
	uint32_t function, file, line;
};

/* The entries [first, first + n) of a frame, innermost first; at least one. */
struct r_frame {
	uint32_t first, n;
};

/* Node 0 is the whole, its children are groups, theirs functions. Parents come first. */
struct t_node {
	uint32_t parent;
	uint32_t function;       /* or index of a group, where the parent is node 0 */
	uint32_t child, sibling; /* 0: none */
	uint64_t self, total;
};

struct t_group {
	uint32_t pid;  /* 0: of a tree by names */
	uint32_t name; /* string of the profile */
	uint32_t node;
};

struct tree {
	struct {
		struct t_node *at;
		size_t n, room;
	} nodes;
	struct {
		struct t_group *at;
		size_t n, room;
	} groups;
};

struct turf_report {
	const struct turf_profile *profile;
	struct turf_report_options options;
	struct strings strings;
	struct {
		struct r_function *at;
		size_t n, room;
	} functions;
	struct {
		struct r_entry *at;
		size_t n, room;
	} entries;
	struct r_frame *frames; /* one for each frame of the profile */
	struct tree tree;       /* by process */
	uint64_t samples;
};

/* Fills functions, entries and frames; 0 or -ENOMEM. */
int turf_report_resolve(struct turf_report *report);

/* The tree of all stacks below groups: processes, or names of threads. 0 or -ENOMEM. */
int turf_tree_build(const struct turf_report *report, bool by_name, struct tree *out);
void turf_tree_fini(struct tree *t);

/* What a function is called in output. */
static inline const char *report_string(const struct turf_report *r, uint32_t idx)
{
	return r->strings.at[idx];
}

#endif
