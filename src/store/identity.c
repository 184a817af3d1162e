/* SPDX-License-Identifier: MIT */
/*
 * What a source is: the bytes of it and of everything else that its urf is made from.
 *
 * In:    open descriptors; the builder names the further inputs
 * Out:   a key, XXH3-128 over the hashes of all of them, the format and the builder
 * Cost:  each file read once, unless a memo knows its hash
 * Trust: a build-id is never asked; two files have one key only if their bytes are the same (or
 *        someone found a collision of XXH3-128, which is no cryptographic hash)
 */
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/le.h"
#include "store/store.h"

enum {
	READ_SIZE = 256 << 10,
	/*
	 * A file changed less than this ago may change again without a visible change of its
	 * times: they are stored with a grain of a kernel's tick, up to 10 ms, on old file
	 * systems of a second; the rest is for a file server whose clock differs from ours.
	 */
	SETTLE_NS = 2000000000,
};

static int64_t stamp_ns(struct timespec t)
{
	return (int64_t)((uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
}

/*
 * A change time without a part below the second was not made by this machine's clock: it is
 * that of a disk image, where every file may have the same one. Such images replace one another
 * on one device number, and inode numbers come back. There the first bytes tell files apart:
 * linkers put the build-id into them.
 */
static int read_head(int fd, uint64_t *ret)
{
	uint8_t bytes[STORE_HEAD_SIZE];
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
	if (n < 0)
		return -errno;
	*ret = XXH3_64bits(bytes, (size_t)n);
	return 0;
}

int turf_store_stat_fd(int fd, struct file_id *ret)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	struct file_id id = {
		.dev = st.st_dev,
		.ino = st.st_ino,
		.size = (uint64_t)st.st_size,
		.mtime_ns = stamp_ns(st.st_mtim),
		.ctime_ns = stamp_ns(st.st_ctim),
	};
	int r = st.st_ctim.tv_nsec == 0 ? read_head(fd, &id.head) : 0;
	if (r == 0)
		*ret = id;
	return r;
}

int turf_store_stat_path(const char *path, struct file_id *ret)
{
	scoped(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : turf_store_stat_fd(fd, ret);
}

struct key_name turf_store_key_name(const uint8_t key[STORE_KEY_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	struct key_name ret = { 0 };
	for (size_t i = 0; i < STORE_KEY_SIZE; i++) {
		ret.text[2 * i] = digits[key[i] >> 4];
		ret.text[2 * i + 1] = digits[key[i] & 15];
	}
	return ret;
}

bool turf_store_is_key(const char *text)
{
	return strlen(text) == STORE_KEY_CHARS &&
	       strspn(text, "0123456789abcdef") == STORE_KEY_CHARS;
}

static bool is_settled(const struct file_id *id, int64_t now_ns)
{
	int64_t changed_ns = MAX(id->mtime_ns, id->ctime_ns);
	return changed_ns < now_ns - SETTLE_NS;
}

/*
 * Reads, rather than maps: a file that becomes shorter meanwhile must not end the process, and
 * reading into one warm buffer is the faster of the two.
 */
static int hash_bytes(int fd, XXH3_state_t *state)
{
	scoped(freep) uint8_t *bytes = malloc(READ_SIZE);
	if (!bytes)
		return -ENOMEM;
	for (uint64_t off = 0;;) {
		ssize_t n = pread(fd, bytes, READ_SIZE, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		XXH3_128bits_update(state, bytes, (size_t)n);
		off += (uint64_t)n;
	}
}

static void put_canonical(XXH128_hash_t hash, uint8_t out[STORE_KEY_SIZE])
{
	XXH128_canonical_t canonical;
	XXH128_canonicalFromHash(&canonical, hash);
	memcpy(out, canonical.digest, STORE_KEY_SIZE);
}

static int hash_file(int fd, uint8_t out[STORE_KEY_SIZE])
{
	XXH3_state_t *state = XXH3_createState();
	if (!state)
		return -ENOMEM;
	XXH3_128bits_reset(state);
	int r = hash_bytes(fd, state);
	if (r == 0)
		put_canonical(XXH3_128bits_digest(state), out);
	XXH3_freeState(state);
	return r;
}

static int stat_file(int fd, const char *name, struct file_id *ret, struct turf_error *err)
{
	int r = turf_store_stat_fd(fd, ret);
	if (r < 0)
		turf_error_set(err, r, TURF_NOWHERE, "%s: %s", name,
		               r == -ENOTSUP ? "not a regular file" : strerror(-r));
	return r;
}

/* What @fd holds now: from a memo, else by reading it all. */
static int know_file(struct turf_store *store, int fd, const char *name, struct known_file *ret,
                     struct turf_error *err)
{
	struct known_file file = { 0 };
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now); /* before the reading: see is_settled() */
	int r = stat_file(fd, name, &file.id, err);
	if (r < 0)
		return r;
	file.settled = is_settled(&file.id, stamp_ns(now));
	if (file.settled && turf_store_recall_hash(store, &file.id, file.hash) == 1) {
		*ret = file;
		return 0;
	}
	r = hash_file(fd, file.hash);
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "%s: cannot read: %s", name,
		                 strerror(-r));
	atomic_fetch_add_explicit(&store->hashed, 1, memory_order_relaxed);
	struct file_id after = { 0 };
	r = stat_file(fd, name, &after, err);
	if (r < 0)
		return r;
	if (!same_file(&file.id, &after))
		return turf_fail(err, -ESTALE, TURF_NOWHERE, "%s: changed while it was read",
		                 name);
	turf_store_remember_hash(store, &file);
	*ret = file;
	return 0;
}

/* Takes in what the builder says of its inputs. */
struct collector {
	struct turf_store *store;
	struct identity *identity;
	struct turf_error *err;
	int r; /* the first failure */
};

static int collect_input(struct collector *c, const char *path, int fd)
{
	if (c->identity->inputs.n >= STORE_MAX_INPUTS)
		return turf_fail(c->err, -E2BIG, TURF_NOWHERE,
		                 "%s: more than %d further files for one source", path,
		                 STORE_MAX_INPUTS);
	struct input *input = vec_push(&c->identity->inputs);
	if (input)
		input->path = turf_arena_str(&c->identity->names, path, strlen(path));
	if (!input || !input->path)
		return turf_fail(c->err, -ENOMEM, TURF_NOWHERE, "%s: no memory", path);
	if (fd < 0)
		return 0;
	input->present = true;
	return know_file(c->store, fd, path, &input->file, c->err);
}

static void collect(void *ctx, const char *path, int fd)
{
	struct collector *c = ctx;
	if (c->r == 0)
		c->r = collect_input(c, path, fd);
}

static int collect_inputs(struct turf_store *store, int fd, const char *name,
                          struct identity *identity, struct turf_error *err)
{
	struct collector c = { store, identity, err, 0 };
	if (!store->builder.inputs)
		return 0;
	int r = store->builder.inputs(store->builder.ctx, fd, name, collect, &c, err);
	return c.r < 0 ? c.r : r;
}

/* Paths are no part of it: a copy of a file with a copy of its debug file has the same urf. */
int turf_store_compute_key(struct identity *identity, uint64_t id)
{
	struct buf b = { 0 };
	le32 version = le32_of(URF_VERSION);
	le64 builder = le64_of(id);
	bool ok = turf_buf_put(&b, URF_MAGIC, sizeof(URF_MAGIC) - 1) &&
	          turf_buf_put(&b, URF_LAYOUT, sizeof(URF_LAYOUT) - 1) &&
	          turf_buf_put(&b, &version, sizeof(version)) &&
	          turf_buf_put(&b, &builder, sizeof(builder)) &&
	          turf_buf_put(&b, identity->source.hash, STORE_KEY_SIZE);
	for (size_t i = 0; ok && i < identity->inputs.n; i++) {
		const struct input *input = &identity->inputs.at[i];
		uint8_t present = input->present;
		ok = turf_buf_put(&b, &present, 1) &&
		     turf_buf_put(&b, input->file.hash, STORE_KEY_SIZE);
	}
	if (ok)
		put_canonical(XXH3_128bits(b.at, b.n), identity->key);
	vec_fini(&b);
	return ok ? 0 : -ENOMEM;
}

int turf_store_identify(struct turf_store *store, int fd, const char *name,
                        struct identity *ret, struct turf_error *err)
{
	*ret = (struct identity){ 0 };
	int r = know_file(store, fd, name, &ret->source, err);
	if (r == 0)
		r = collect_inputs(store, fd, name, ret, err);
	if (r == 0)
		r = turf_store_compute_key(ret, store->builder.id);
	if (r < 0)
		turf_error_set(err, r, TURF_NOWHERE, "%s: %s", name, strerror(-r));
	return r;
}

static bool all_settled(const struct identity *identity)
{
	bool settled = identity->source.settled;
	for (size_t i = 0; i < identity->inputs.n; i++)
		settled &=
			!identity->inputs.at[i].present || identity->inputs.at[i].file.settled;
	return settled;
}

/* Whether stat tells the same of every file as it did; enough when all are settled. */
static bool same_stats(int fd, const struct identity *known)
{
	struct file_id id = { 0 };
	if (stat_file(fd, "", &id, NULL) < 0 || !same_file(&id, &known->source.id))
		return false;
	for (size_t i = 0; i < known->inputs.n; i++) {
		const struct input *input = &known->inputs.at[i];
		bool present = turf_store_stat_path(input->path, &id) == 0;
		if (present != input->present || (present && !same_file(&id, &input->file.id)))
			return false;
	}
	return true;
}

int turf_store_recheck(struct turf_store *store, int fd, const char *name,
                       const struct identity *known, struct turf_error *err)
{
	if (all_settled(known) && same_stats(fd, known))
		return 0;
	struct identity now;
	int r = turf_store_identify(store, fd, name, &now, err);
	if (r == 0 && memcmp(now.key, known->key, STORE_KEY_SIZE) != 0)
		r = turf_fail(err, -ESTALE, TURF_NOWHERE,
		              "%s: it or its debug file changed while it was read", name);
	turf_store_identity_fini(&now);
	return r;
}

void turf_store_identity_fini(struct identity *identity)
{
	vec_fini(&identity->inputs);
	turf_arena_fini(&identity->names);
}
