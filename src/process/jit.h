/* SPDX-License-Identifier: MIT */
/*
 * Names of code that a process made at run time: what its compiler writes about it.
 *
 *     jit.c        which files, whose they are, when they are read again; the public face
 *     jit-read.c   their two formats
 *     jit-names.c  functions by address, later ones over earlier ones
 */
#ifndef PROCESS_JIT_H
#define PROCESS_JIT_H

#include "process/process.h"

enum {
	JIT_MAX_FUNCTIONS = 1 << 20, /* of one file, as are the next two */
	JIT_MAX_LINES = 4 << 20,
	JIT_MAX_TEXT = 64 << 20, /* bytes of names */
	JIT_MAX_NAME = 4096,     /* bytes; longer names are cut */
	JIT_MAX_LAYERS = 64,     /* each at least twice as long as the next */
};

struct jit_function {
	uint64_t start, size;
	uint32_t name;          /* offset in text */
	uint32_t line, n_lines; /* of lines */
};

/* A line begins @off bytes behind the function's start. */
struct jit_line {
	uint32_t off, line;
	uint32_t file; /* offset in text */
};

struct jit_range {
	uint64_t start, end;
	uint32_t function;
};

/* Ranges by address, not overlapping. */
struct jit_layer {
	struct jit_range *at;
	size_t n;
};

struct jit_names {
	struct { /* as they came: later ones hide earlier ones */
		struct jit_function *at;
		size_t n, room;
	} functions;
	struct {
		struct jit_line *at;
		size_t n, room;
	} lines;
	struct buf text;                         /* NUL-ended strings */
	struct jit_layer layers[JIT_MAX_LAYERS]; /* later ones hide earlier ones */
	size_t n_layers;
	size_t n_laid; /* functions that are in layers */
};

/* A file, read up to some point. */
struct jit_file {
	bool known; /* it was seen: dev and ino tell which it is */
	uint64_t dev, ino;
	uint64_t off;     /* read so far */
	bool skip;        /* of a perf map: the line at off is too long */
	bool other_time;  /* of a jitdump: its times are of another clock than ours */
	bool over;        /* there is nothing further to read in it */
	uint64_t next_ns; /* of a jitdump: time of the record at off; UINT64_MAX: none there */
	struct {
		uint64_t addr; /* of the function they belong to */
		size_t first, n;
		bool there;
	} lines; /* told before their function is */
	struct jit_names names;
	struct turf_error error; /* what was wrong with it; code 0: nothing */
};

struct jit {
	pid_t ns_pid;       /* the process' own word for its pid */
	uid_t uid;          /* that it acts as */
	bool away;          /* it has a file system of its own */
	uint64_t looked_ns; /* when the files were looked at last, CLOCK_MONOTONIC */
	struct jit_file dump, map;
};

/* jit-names.c */

void turf_jit_names_fini(struct jit_names *names);
/* Keeps a text: 0, -ENOMEM, -E2BIG. */
int turf_jit_text(struct jit_names *names, const void *bytes, size_t n, uint32_t *ret);
/* Adds a function, which is found after turf_jit_lay(): 0, -ENOMEM, -E2BIG. */
int turf_jit_add(struct jit_names *names, const struct jit_function *function);
/* Functions added since can be found: 0, -ENOMEM. */
int turf_jit_lay(struct jit_names *names);
/* The one that stands there, or NULL. */
const struct jit_function *turf_jit_find(const struct jit_names *names, uint64_t pc);

/* jit-read.c */

/*
 * Reads on in a file from where it was left; @name is for messages. 0; -EBADMSG, -E2BIG: told
 * in @err, what was read holds; -ENOMEM, -EIO and the like.
 */
int turf_jit_read_map(struct jit_file *f, int fd, const char *name, struct turf_error *err);
/* Up to the first record that is later than @time_ns. */
int turf_jit_read_dump(struct jit_file *f, int fd, uint64_t time_ns, const char *name,
                       struct turf_error *err);

/* jit.c */

void turf_jit_free(struct jit *jit);
/* Is that what a compiler calls its jitdump? */
bool turf_jit_is_dump(const char *path);

#endif
