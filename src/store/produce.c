/* SPDX-License-Identifier: MIT */
/*
 * One build for N askers, be they threads or processes.
 *
 * The temporary file tmp/KEY is also the lock: who creates or finds it takes flock(LOCK_EX) on
 * a descriptor of its own. Whoever then holds the lock of a file that still has that name is
 * the builder: it empties the file, has the urf written, syncs it, opens it as a client would,
 * and renames it to urf/KEY.urf. All others wake up holding the lock of a file that has lost
 * the name: they look for the urf, or read in the nameless file why there is none.
 *
 * A crash frees the lock and leaves tmp/KEY; the next asker of that key begins anew in it, and
 * any builder sweeps away those that nobody holds.
 *
 * Where nothing can be written (read-only folder, full disk), the urf is built in memory.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/le.h"
#include "store/store.h"

enum {
	MAX_ROUNDS = 64,   /* times that a lock is lost to others before we build alone */
	MAX_SWEPT = 4096,  /* entries of tmp/ looked at in one sweep */
	STALE_SEC = 86400, /* age of a memo's temporary file that nobody will finish */
};

/* What a builder that failed leaves in the nameless file for those who waited. */
#define FAILURE_MAGIC "turffail"
struct failure {
	uint8_t magic[8];
	le32 code; /* positive errno */
	char text[240];
};

/* "urf/KEY.urf" or "tmp/KEY" */
struct urf_path {
	char text[64];
};

static struct urf_path urf_path(const uint8_t key[STORE_KEY_SIZE])
{
	struct urf_path ret = { "urf/" };
	struct key_name name = turf_store_key_name(key);
	char *at = ret.text + strlen(ret.text);
	memcpy(at, name.text, STORE_KEY_CHARS);
	memcpy(at + STORE_KEY_CHARS, ".urf", sizeof(".urf"));
	return ret;
}

static struct urf_path temp_path(const uint8_t key[STORE_KEY_SIZE])
{
	struct urf_path ret;
	snprintf(ret.text, sizeof(ret.text), "tmp/%s", turf_store_key_name(key).text);
	return ret;
}

int turf_store_open_urf(struct turf_store *store, const uint8_t key[STORE_KEY_SIZE],
                        struct turf_image **ret, struct turf_error *err)
{
	struct urf_path path = urf_path(key);
	scoped(closep) int fd = openat(store->folder, path.text,
	                               O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return turf_fail(err, -errno, TURF_NOWHERE, "%s/%s: %s", store->path, path.text,
		                 strerror(errno));
	int r = turf_image_open_fd(fd, path.text, ret, err);
	if (r < 0)
		turf_error_context(err, "%s", store->path);
	return r < 0 ? r : 1;
}

int turf_store_create_temp(struct turf_store *store, const char *name, int flags)
{
	flags |= O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	int fd = openat(store->folder, name, flags, 0600);
	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? -errno : fd;
	static const char *const folders[] = { "urf", "memo", "hash", "tmp" };
	for (size_t i = 0; i < COUNT(folders); i++)
		if (mkdirat(store->folder, folders[i], 0700) < 0 && errno != EEXIST)
			return -errno;
	fd = openat(store->folder, name, flags, 0600);
	return fd < 0 ? -errno : fd;
}

/* Whether @name still names the file behind @fd. */
static bool is_named(struct turf_store *store, int fd, const char *name)
{
	struct stat here, there;
	return fstat(fd, &here) == 0 &&
	       fstatat(store->folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static int lock(int fd)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Removes one leftover of a crash; the lock proves that nobody is at work in it. */
static void sweep_one(struct turf_store *store, const char *entry, time_t now)
{
	char name[300];
	snprintf(name, sizeof(name), "tmp/%s", entry);
	if (turf_store_is_key(entry)) {
		scoped(closep) int fd =
			openat(store->folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(store, fd, name))
			unlinkat(store->folder, name, 0);
		return;
	}
	struct stat st;
	if (fstatat(store->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && st.st_mtime < now - STALE_SEC)
		unlinkat(store->folder, name, 0);
}

static void sweep(struct turf_store *store)
{
	int fd = openat(store->folder, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	if (!folder) {
		turf_close(fd);
		return;
	}
	time_t now = time(NULL);
	const struct dirent *e;
	for (int i = 0; i < MAX_SWEPT && (e = readdir(folder)); i++)
		if (e->d_name[0] != '.')
			sweep_one(store, e->d_name, now);
	closedir(folder);
}

/* Whether a failure lies in the source, so that asking again would not help. */
static bool is_lasting(int r)
{
	return r == -EBADMSG || r == -ENOTSUP || r == -E2BIG;
}

/* Tells those who wait for @fd's lock why there will be no urf. */
static void leave_failure(int fd, int r, const struct turf_error *err)
{
	struct failure f = { .code = le32_of((uint64_t)-r) };
	memcpy(f.magic, FAILURE_MAGIC, sizeof(f.magic));
	memcpy(f.text, err->text, sizeof(f.text));
	if (ftruncate(fd, 0) < 0 || pwrite(fd, &f, sizeof(f), 0) != sizeof(f))
		return; /* they will find out for themselves */
}

static int read_failure(int fd, struct turf_error *err)
{
	struct failure f;
	if (pread(fd, &f, sizeof(f), 0) != sizeof(f) ||
	    memcmp(f.magic, FAILURE_MAGIC, sizeof(f.magic)) != 0)
		return 0;
	int r = -(int)le32_get(f.code);
	if (!is_lasting(r))
		return 0;
	f.text[sizeof(f.text) - 1] = 0;
	return turf_fail(err, r, TURF_NOWHERE, "%s", f.text);
}

/*
 * Becomes the one who builds: 1, @ret is the locked file; 0 another has built it meanwhile,
 * @image is open; < 0 another has failed, or nothing can be written.
 */
static int own_temp(struct ask *ask, int *ret, struct turf_image **image,
                    struct turf_error *err)
{
	struct turf_store *store = ask->store;
	struct urf_path name = temp_path(ask->identity.key);
	for (int round = 0; round < MAX_ROUNDS; round++) {
		scoped(closep) int fd = turf_store_create_temp(store, name.text, 0);
		int r = fd < 0 ? fd : lock(fd);
		if (r < 0)
			return turf_fail(err, r, TURF_NOWHERE, "%s/%s: %s", store->path,
			                 name.text, strerror(-r));
		bool named = is_named(store, fd, name.text);
		if (turf_store_open_urf(store, ask->identity.key, image, NULL) == 1) {
			if (named)
				unlinkat(store->folder, name.text, 0);
			ask->waited = true;
			return 0;
		}
		if (named) {
			*ret = take_fd(&fd);
			return 1;
		}
		r = read_failure(fd, err);
		if (r < 0)
			return r;
	}
	return turf_fail(err, -EROFS, TURF_NOWHERE, "%s/%s: taken away each time", store->path,
	                 name.text);
}

static uint64_t clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Has the urf written to @fd and opens it. */
static int build_into(struct ask *ask, int fd, struct turf_image **ret, struct turf_error *err)
{
	const struct turf_builder *builder = &ask->store->builder;
	uint64_t begun_ns = clock_ns();
	int r = builder->build(builder->ctx, ask->fd, ask->name, fd, err);
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "%s: cannot build its urf: %s",
		                 ask->name, strerror(-r));
	ask->build_ns += clock_ns() - begun_ns;
	r = turf_store_recheck(ask->store, ask->fd, ask->name, &ask->identity, err);
	if (r < 0)
		return r;
	r = turf_image_open_fd(fd, ask->name, ret, err);
	if (r < 0)
		turf_error_context(err, "what the builder made of it");
	return r;
}

/* The finished urf takes its place. A failure harms nobody: this asker has it mapped. */
static void publish(struct ask *ask, int fd)
{
	struct turf_store *store = ask->store;
	struct urf_path temp = temp_path(ask->identity.key);
	struct urf_path urf = urf_path(ask->identity.key);
	if (fsync(fd) == 0 &&
	    renameat(store->folder, temp.text, store->folder, urf.text) == 0) {
		/* not before: who came to wait for its lock could not have opened it */
		(void)fchmod(fd, 0444);
		return;
	}
	unlinkat(store->folder, temp.text, 0);
	ask->in_memory = true;
}

static int build_on_disk(struct ask *ask, struct turf_image **ret, struct turf_error *err)
{
	sweep(ask->store);
	scoped(closep) int fd = -1;
	int r = own_temp(ask, &fd, ret, err);
	if (r <= 0)
		return r;
	/* what may lie there under the key could not be opened: damaged */
	unlinkat(ask->store->folder, urf_path(ask->identity.key).text, 0);
	struct turf_error mine = { 0 };
	r = ftruncate(fd, 0) < 0 ? -errno : build_into(ask, fd, ret, &mine);
	if (r == 0) {
		ask->built = true;
		publish(ask, fd);
		return 0;
	}
	if (is_lasting(r))
		leave_failure(fd, r, &mine);
	unlinkat(ask->store->folder, temp_path(ask->identity.key).text, 0);
	return turf_fail(err, r, mine.where, "%s", mine.code ? mine.text : strerror(-r));
}

static int build_in_memory(struct ask *ask, struct turf_image **ret, struct turf_error *err)
{
	scoped(closep) int fd = memfd_create("urf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return turf_fail(err, -errno, TURF_NOWHERE,
		                 "%s: no memory file for its urf: %s", ask->name,
		                 strerror(errno));
	int r = build_into(ask, fd, ret, err);
	if (r < 0)
		return r;
	/* as good as it gets: a builder that still maps it writable keeps the first from us */
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
	ask->built = ask->in_memory = true;
	return 0;
}

/* Whether a failure says that the store cannot be written, not that the source is bad. */
static bool is_unwritable(int r)
{
	switch (-r) {
	case ENOSPC:
	case EDQUOT:
	case EROFS:
	case EACCES:
	case EPERM:
	case ENOENT: /* the folder was removed under us */
	case ENOTDIR:
	case EFBIG:
	case ENOLCK:
	case EOPNOTSUPP:
		return true;
	default:
		return false;
	}
}

int turf_store_produce(struct ask *ask, struct turf_image **ret, struct turf_error *err)
{
	struct turf_error disk = { 0 };
	int r = build_on_disk(ask, ret, &disk);
	if (r < 0 && is_unwritable(r))
		return build_in_memory(ask, ret, err);
	if (r < 0)
		turf_error_set(err, r, disk.where, "%s", disk.text);
	return r;
}
