/* SPDX-License-Identifier: MIT */
/*
 * The store's parts, private to the room. docs/store.md tells the folder's layout.
 *
 *     store.c     opening, asking, counting: the order of events
 *     identity.c  what a source is: hashes of its bytes and of its further inputs -> key
 *     memo.c      what stat said -> hash or key: small files that spare the reading
 *     produce.c   one build for N askers, on disk or in memory
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/vec.h"
#include "turf/store.h"

enum {
	STORE_KEY_SIZE = 16, /* bytes of an XXH3-128 */
	STORE_KEY_CHARS = 2 * STORE_KEY_SIZE,
	STORE_HEAD_SIZE = 4096,        /* bytes that file_id.head is over */
	STORE_MAX_INPUTS = 64,         /* further files of one source */
	STORE_MAX_MEMO = 16384,        /* bytes of a memo file */
	STORE_MAX_PATH = 512 - 5 - 36, /* of the folder: result.path holds "/urf/KEY.urf" too */
};

/* A key as text, and names made of it. */
struct key_name {
	char text[STORE_KEY_CHARS + 1];
};

struct turf_store {
	int folder; /* O_PATH */
	char *path; /* for results and messages */
	struct turf_builder builder;
	uint64_t also; /* turf_store_options */
	_Atomic uint64_t asked, found, built, waited, failed, build_ns, hashed;
};

/* What stat says of one state of a file. */
struct file_id {
	uint64_t dev, ino, size;
	int64_t mtime_ns, ctime_ns;
	uint64_t head; /* XXH3-64 of the first STORE_HEAD_SIZE bytes where the times say little,
	                  or 0 */
};

/* A file whose bytes have been read. */
struct known_file {
	struct file_id id;
	bool settled; /* no change can hide behind an unchanged id: it may be remembered */
	uint8_t hash[STORE_KEY_SIZE];
};

/* One further file that the urf is made from. */
struct input {
	const char *path; /* in identity.names */
	bool present;
	struct known_file file; /* all zero when absent */
};

/* A source with everything that its urf depends on. */
struct identity {
	struct known_file source;
	struct inputs {
		struct input *at;
		size_t n, room;
	} inputs;
	struct arena names;
	uint8_t key[STORE_KEY_SIZE];
};

/* One call of turf_store_get(). */
struct ask {
	struct turf_store *store;
	int fd;
	const char *name;
	struct identity identity;
	bool built, waited;
	bool in_memory; /* the urf is in no file of the store */
	uint64_t build_ns;
};

/* identity.c */

static inline bool same_file(const struct file_id *a, const struct file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns && a->head == b->head;
}
/* The state of an open file, of a file by name: 0 or negative errno; -ENOTSUP: no regular file.
 */
int turf_store_stat_fd(int fd, struct file_id *ret);
int turf_store_stat_path(const char *path, struct file_id *ret);
struct key_name turf_store_key_name(const uint8_t key[STORE_KEY_SIZE]);
bool turf_store_is_key(const char *text);

/*
 * Hashes the source and its inputs; @ret is to be ended by turf_store_identity_fini() in every
 * case. 0; -ESTALE: a file changed while it was read.
 */
int turf_store_identify(struct turf_store *store, int fd, const char *name,
                        struct identity *ret, struct turf_error *err);
/* Makes identity->key that of another builder's urf. 0 or -ENOMEM. */
int turf_store_compute_key(struct identity *identity, uint64_t builder);
/* 0 when all that @known was made from is as it was; -ESTALE when not. */
int turf_store_recheck(struct turf_store *store, int fd, const char *name,
                       const struct identity *known, struct turf_error *err);
void turf_store_identity_fini(struct identity *identity);

/* memo.c */

/* The key of a builder's urf of a source that stat describes: 1 all as it was, 0 not known. */
int turf_store_recall_key(struct turf_store *store, uint64_t builder, const struct file_id *id,
                          const char *name, uint8_t key[STORE_KEY_SIZE]);
/* Remembers the key, when all files are settled; a failure is nobody's harm. */
void turf_store_remember_key(struct turf_store *store, uint64_t builder, const char *name,
                             const struct identity *identity);
/* The same for the hash of one file's bytes. */
int turf_store_recall_hash(struct turf_store *store, const struct file_id *id,
                           uint8_t hash[STORE_KEY_SIZE]);
void turf_store_remember_hash(struct turf_store *store, const struct known_file *file);

/* produce.c */

/* Maps the stored urf of a key: 1, 0 not there, < 0 (-EBADMSG: damaged). */
int turf_store_open_urf(struct turf_store *store, const uint8_t key[STORE_KEY_SIZE],
                        struct turf_image **ret, struct turf_error *err);
/* Builds the urf, or waits for another asker's. 0 or < 0; -ESTALE: its input changed. */
int turf_store_produce(struct ask *ask, struct turf_image **ret, struct turf_error *err);
/* A new file in the store's tmp/, its folders made where missing; < 0. */
int turf_store_create_temp(struct turf_store *store, const char *name, int flags);

#endif
