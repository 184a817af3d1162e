/* SPDX-License-Identifier: MIT */
/*
 * What a profile holds: a tree of frames whose nodes stand for stacks, and how often each stack
 * was seen in each thread. Filled by the recorder or by the reader of a file, then immutable.
 */
#ifndef PROFILE_DATA_H
#define PROFILE_DATA_H

#include "profile/intern.h"
#include "turf/profile.h"

enum {
	PROFILE_MAX_DEPTH = 4096, /* frames of a stack; 1024 user + 127 kernel are recorded */
};

enum frame_kind {
	FRAME_USER = 0,   /* addr is a link-time address of the module's file */
	FRAME_LIVE = 1,   /* no urf or no module: addr is a live address */
	FRAME_KERNEL = 2, /* addr is 0 and name tells the function, or a live address */
	FRAME_JIT = 3,    /* made at run time: name tells the function, addr its line, or 0 */
	/* of a recording that goes on, never in a file: addr is a live address of a process
	 * that may yet tell its name; module is its pid */
	FRAME_NAMELESS = 4,
};

#define NO_MODULE UINT32_MAX /* beyond what an enum may hold */

struct p_module {
	uint32_t path, key, source_id; /* strings; source_id in hexadecimal */
};

struct p_thread {
	uint32_t pid, tid;
	uint32_t process, name; /* strings: comm of the process, of the thread */
};

struct p_frame {
	uint32_t kind; /* enum frame_kind */
	/* or NO_MODULE; of FRAME_KERNEL and FRAME_JIT a string: the kernel's module, the source
	 * file */
	uint32_t module;
	uint32_t name; /* string, of kernel's and JIT's frames; 0: none */
	uint64_t addr; /* what to look up (return addresses: one less) */
};

/* Node 0 is the empty stack; a parent comes before its children. */
struct p_node {
	uint32_t parent, frame;
	uint32_t depth; /* frames of the stack */
};

struct p_count {
	uint32_t thread, node;
	uint64_t count;
};

struct turf_profile {
	struct turf_profile_info info; /* its strings live in arena */
	struct arena arena;
	struct strings strings;
	struct {
		struct p_module *at;
		size_t n, room;
	} modules;
	struct {
		struct p_thread *at;
		size_t n, room;
	} threads;
	struct {
		struct p_frame *at;
		size_t n, room;
	} frames;
	struct {
		struct p_node *at;
		size_t n, room;
	} nodes;
	struct {
		struct p_count *at;
		size_t n, room;
	} counts;
	/* of a profile that is being filled */
	struct table thread_table, frame_table, node_table, count_table;
};

/* An empty profile, or NULL. */
struct turf_profile *turf_profile_new(void);

static inline void turf_profile_closep(struct turf_profile **p)
{
	turf_profile_close(*p);
}

/*
 * Each of these adds what is not there yet and gives its index; false: no memory.
 */
bool turf_profile_string(struct turf_profile *p, const char *s, uint32_t *ret);
bool turf_profile_thread(struct turf_profile *p, uint32_t pid, uint32_t tid,
                         const char *process, const char *name, uint32_t *ret);
bool turf_profile_frame(struct turf_profile *p, const struct p_frame *frame, uint32_t *ret);
bool turf_profile_node(struct turf_profile *p, uint32_t parent, uint32_t frame, uint32_t *ret);
bool turf_profile_count(struct turf_profile *p, uint32_t thread, uint32_t node, uint64_t count);

/* Appends a module; its index is that of modules.at. */
bool turf_profile_module(struct turf_profile *p, const char *path, const char *key,
                         const char *source_id);
/* A copy of @s that lives as long as the profile, for info; NULL: no memory. */
const char *turf_profile_keep(struct turf_profile *p, const char *s);

/* The file's bytes appended to @out; false: no memory. */
bool turf_profile_encode(const struct turf_profile *p, struct buf *out);

#endif
