/* SPDX-License-Identifier: MIT */
/*
 * The embedded store: recall, else identify, else produce.
 *
 *     fstat of the source -> memo -> key -> urf/KEY.urf      warm: nothing else is read
 *     hash of the source and its inputs -> key               no memo, or something changed
 *     one asker builds, the others wait                      no urf under that key
 *
 * Thread: no state but the folder, the builder and atomic counters; every asker opens
 *         descriptors of its own
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "store/store.h"

/* Makes @path and its parents as far as that is possible; the first failure, or 0. */
static int make_folders(const char *path)
{
	char part[STORE_MAX_PATH + 1];
	int first = 0;
	for (size_t i = 0; i < sizeof(part) && (i == 0 || path[i - 1]); i++) {
		part[i] = path[i];
		if (i == 0 || (path[i] && path[i] != '/'))
			continue;
		part[i] = 0;
		if (mkdir(part, 0700) < 0 && errno != EEXIST && !first)
			first = -errno;
		part[i] = path[i];
	}
	return first;
}

static int open_folder(const char *path, struct turf_error *err)
{
	if (!path || !*path || strlen(path) > STORE_MAX_PATH)
		return turf_fail(err, path && *path ? -ENAMETOOLONG : -EINVAL, TURF_NOWHERE,
		                 "store: the folder's path is empty or longer than %d",
		                 STORE_MAX_PATH);
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int made = errno == ENOENT ? make_folders(path) : 0;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	int r = made < 0 && errno == ENOENT ? made : -errno;
	return turf_fail(err, r, TURF_NOWHERE, "%s: cannot open or make the store: %s", path,
	                 strerror(-r));
}

int turf_store_open(const struct turf_store_options *options, struct turf_store **ret,
                    struct turf_error *err)
{
	if (options->size < sizeof(*options) || !options->builder.build)
		return turf_fail(err, -EINVAL, TURF_NOWHERE,
		                 "store: no size or no builder given");
	scoped(closep) int folder = open_folder(options->path, err);
	if (folder < 0)
		return folder;
	struct turf_store *store = calloc(1, sizeof(*store));
	if (store)
		store->path = strdup(options->path);
	if (!store || !store->path) {
		free(store);
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "store: no memory");
	}
	store->folder = take_fd(&folder);
	store->builder = options->builder;
	store->also = options->also;
	*ret = store;
	return 0;
}

void turf_store_close(struct turf_store *store)
{
	if (!store)
		return;
	turf_close(store->folder);
	free(store->path);
	free(store);
}

static int recall(struct ask *ask, struct turf_image **ret)
{
	struct turf_store *store = ask->store;
	const uint64_t builders[] = { store->builder.id, store->also };
	struct file_id id;
	if (turf_store_stat_fd(ask->fd, &id) < 0)
		return 0; /* told by the slower path */
	int r = 0;
	for (size_t i = 0; i < (store->also ? 2 : 1) && r != 1; i++) {
		uint8_t *key = ask->identity.key;
		r = turf_store_recall_key(store, builders[i], &id, ask->name, key);
		if (r == 1)
			r = turf_store_open_urf(store, key, ret, NULL);
	}
	return r;
}

/* The urf of another builder that does as well, where there is one: 1, 0 or -ENOMEM. */
static int look_also(struct ask *ask, struct turf_image **ret)
{
	struct turf_store *store = ask->store;
	if (!store->also)
		return 0;
	int r = turf_store_compute_key(&ask->identity, store->also);
	if (r == 0 && turf_store_open_urf(store, ask->identity.key, ret, NULL) == 1) {
		turf_store_remember_key(store, store->also, ask->name, &ask->identity);
		return 1;
	}
	return r < 0 ? r : turf_store_compute_key(&ask->identity, store->builder.id);
}

/* The urf for what was identified, found or made: 0 or < 0. */
static int open_identified(struct ask *ask, struct turf_image **ret, struct turf_error *err)
{
	struct turf_store *store = ask->store;
	if (turf_store_open_urf(store, ask->identity.key, ret, NULL) != 1) {
		int r = look_also(ask, ret);
		if (r == 0)
			r = turf_store_produce(ask, ret, err);
		if (r != 0)
			return r == 1 ? 0 : r;
	}
	turf_store_remember_key(store, store->builder.id, ask->name, &ask->identity);
	return 0;
}

/* Finds or makes the urf for what the source holds now; fills ask->identity. */
static int look_closely(struct ask *ask, struct turf_image **ret, struct turf_error *err)
{
	struct turf_store *store = ask->store;
	int r = turf_store_identify(store, ask->fd, ask->name, &ask->identity, err);
	if (r == 0)
		r = open_identified(ask, ret, err);
	turf_store_identity_fini(&ask->identity);
	return r;
}

static int answer(struct ask *ask, struct turf_image **ret, struct turf_error *err)
{
	if (recall(ask, ret) == 1)
		return 0;
	struct turf_error first = { 0 };
	int r = look_closely(ask, ret, &first);
	if (r == -ESTALE)
		return look_closely(ask, ret, err);
	if (r < 0)
		turf_error_set(err, r, first.where, "%s", first.text);
	return r;
}

static void count(const struct ask *ask, int r)
{
	struct turf_store *store = ask->store;
	_Atomic uint64_t *how = r < 0         ? &store->failed
	                        : ask->built  ? &store->built
	                        : ask->waited ? &store->waited
	                                      : &store->found;
	atomic_fetch_add_explicit(&store->asked, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(how, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&store->build_ns, ask->build_ns, memory_order_relaxed);
}

static void fill_result(const struct ask *ask, struct turf_store_result *out)
{
	struct turf_store_result r = {
		.size = out->size,
		.built = ask->built,
		.waited = ask->waited && !ask->built,
		.build_ns = ask->built ? ask->build_ns : 0,
	};
	struct key_name key = turf_store_key_name(ask->identity.key);
	memcpy(r.key, key.text, sizeof(key.text));
	if (!ask->in_memory)
		snprintf(r.path, sizeof(r.path), "%s/urf/%s.urf", ask->store->path, key.text);
	memcpy(out, &r, MIN(out->size, sizeof(r)));
}

int turf_store_get(struct turf_store *store, int source_fd, const char *name,
                   struct turf_image **image, struct turf_store_result *result,
                   struct turf_error *err)
{
	struct ask ask = { .store = store, .fd = source_fd, .name = name };
	int r = answer(&ask, image, err);
	count(&ask, r);
	if (r == 0 && result)
		fill_result(&ask, result);
	return r;
}

static uint8_t digit_value(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

int turf_store_get_key(struct turf_store *store, const char *key, struct turf_image **image,
                       struct turf_error *err)
{
	if (!turf_store_is_key(key))
		return turf_fail(err, -EINVAL, TURF_NOWHERE, "store: no key: %.64s", key);
	uint8_t bytes[STORE_KEY_SIZE];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] =
			(uint8_t)(digit_value(key[2 * i]) << 4 | digit_value(key[2 * i + 1]));
	return turf_store_open_urf(store, bytes, image, err);
}

static uint64_t read_count(const _Atomic uint64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

void turf_store_stats(const struct turf_store *store, struct turf_store_stats *out)
{
	struct turf_store_stats s = {
		.size = out->size,
		.asked = read_count(&store->asked),
		.found = read_count(&store->found),
		.built = read_count(&store->built),
		.waited = read_count(&store->waited),
		.failed = read_count(&store->failed),
		.build_ns = read_count(&store->build_ns),
		.hashed = read_count(&store->hashed),
	};
	memcpy(out, &s, MIN(out->size, sizeof(s)));
}
