/* SPDX-License-Identifier: MIT */
/*
 * The embedded store: a folder of urfs, known by the content of what they were built from.
 *
 * A store is safe to use from several threads and from any number of processes at once; N
 * askers of one missing urf cause one build. It never parses: what it lacks is made by a
 * builder.
 */
#ifndef TURF_STORE_H
#define TURF_STORE_H

#include "turf/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Who makes urfs. All functions may be called from any thread, several at once.
 */
struct turf_builder {
	void *ctx;
	/*
	 * Names every further file that the urf of @source_fd would be made from, by calling
	 * @emit: @path is what was looked for, @fd an open descriptor (borrowed) or -1 when
	 * there is no such file now. Cheap. 0 or < 0.
	 */
	int (*inputs)(void *ctx, int source_fd, const char *name,
	              void (*emit)(void *emit_ctx, const char *path, int fd), void *emit_ctx,
	              struct turf_error *err);
	/*
	 * Writes the urf of @source_fd to @out_fd, an empty regular file open for read and
	 * write. -ENOSPC, -EDQUOT: the store asks again, with a file in memory. So whoever
	 * writes through a mapping must reserve the room first (posix_fallocate).
	 */
	int (*build)(void *ctx, int source_fd, const char *name, int out_fd,
	             struct turf_error *err);
	/*
	 * Part of every key. Differs between builders that look for other inputs or write
	 * other bytes: of another version, with other options.
	 */
	uint64_t id;
};

struct turf_store_options {
	size_t size;      /* sizeof this struct */
	const char *path; /* the folder; made when missing, with its parents, mode 0700 */
	struct turf_builder builder;
	/* id of another builder: its urf is taken where there is none of ours, and is never
	 * built; 0: none. So who asks by address alone takes the hot urf that there may be. */
	uint64_t also;
};

struct turf_store;

/* 0 or < 0. The path is created at once, so that a lack of permission is told here; a folder
 * that is there but cannot be written is no error: what it lacks is built in memory. */
int turf_store_open(const struct turf_store_options *options, struct turf_store **ret,
                    struct turf_error *err);
void turf_store_close(struct turf_store *store);

struct turf_store_result {
	size_t size;       /* sizeof this struct */
	bool built;        /* this call built it */
	bool waited;       /* another process or thread built it meanwhile */
	uint64_t build_ns; /* wall time of the build, if built */
	char key[65];      /* name of the urf in the store, for turf_store_get_key() */
	char path[512];    /* where the urf lies; "" when it lives in memory only */
};

/**
 * turf_store_get() - the urf of an ELF file, built when the store lacks it
 * @source_fd: the ELF file, open for reading; borrowed
 * @name:      its name for messages
 * @result:    may be NULL; set ->size first
 *
 * Cost:   warm: a few stat calls, one small read, one mmap; the source is not read
 * Return: 0 and @image (the caller closes it), or < 0 with the cause; -ESTALE: the source or
 *         one of its debug files changed while it was read, twice
 */
int turf_store_get(struct turf_store *store, int source_fd, const char *name,
                   struct turf_image **image, struct turf_store_result *result,
                   struct turf_error *err);
/* The urf under a key that an earlier turf_store_get() told: 1, 0 not there any more, < 0. */
int turf_store_get_key(struct turf_store *store, const char *key, struct turf_image **image,
                       struct turf_error *err);

struct turf_store_stats {
	size_t size; /* sizeof this struct */
	uint64_t asked, found, built, waited, failed;
	uint64_t build_ns; /* sum of wall times of builds */
	uint64_t hashed;   /* files that had to be read for their hash */
};
void turf_store_stats(const struct turf_store *store, struct turf_store_stats *out);

#ifdef __cplusplus
}
#endif
#endif
