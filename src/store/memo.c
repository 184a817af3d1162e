/* SPDX-License-Identifier: MIT */
/*
 * Memos: small files that say what is known of a file in the state that stat describes.
 *
 *     hash/DEV-INO   its content hash; found by any name, of sources and debug files alike
 *     memo/HASH      its urf's key, and the state of every further input; HASH is over the
 *                    device, the inode, the name and the builder, since the further inputs
 *                    depend on the latter two
 *
 * A memo is believed only when every state in it is still so. It is written under a temporary
 * name and renamed, without fsync: a checksum tells what a power cut left behind.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/cursor.h"
#include "base/le.h"
#include "store/store.h"

#define MEMO_MAGIC "turfmem1"

/* All that a warm turf_store_get() reads: this, then struct memo_input and path of each input.
 */
struct memo_state {
	le64 dev, ino, size, mtime_ns, ctime_ns, head;
};

struct memo_head {
	uint8_t magic[8];
	le64 sum; /* XXH3-64 of all behind it */
	struct memo_state state;
	uint8_t answer[STORE_KEY_SIZE];
	le32 n_inputs;
	le32 zero;
};
static_assert(sizeof(struct memo_head) == 88, "on disk");

struct memo_input {
	uint8_t present;
	uint8_t zero[7];
	struct memo_state state; /* zero when absent */
};
static_assert(sizeof(struct memo_input) == 56, "on disk");

enum { SUMMED_FROM = offsetof(struct memo_head, state) };

static struct memo_state state_of(const struct file_id *id)
{
	return (struct memo_state){
		le64_of(id->dev),
		le64_of(id->ino),
		le64_of(id->size),
		le64_of((uint64_t)id->mtime_ns),
		le64_of((uint64_t)id->ctime_ns),
		le64_of(id->head),
	};
}

static bool is_state(const struct memo_state *state, const struct file_id *id)
{
	struct memo_state now = state_of(id);
	return memcmp(state, &now, sizeof(now)) == 0;
}

/* "hash/DEV-INO" or "memo/HASH". */
struct memo_path {
	char text[64];
};

static struct memo_path hash_path(const struct file_id *id)
{
	struct memo_path ret;
	snprintf(ret.text, sizeof(ret.text), "hash/%llx-%llx", (unsigned long long)id->dev,
	         (unsigned long long)id->ino);
	return ret;
}

static struct memo_path key_path(uint64_t builder, const struct file_id *id, const char *name)
{
	le64 head[] = { le64_of(id->dev), le64_of(id->ino), le64_of(builder),
		        le64_of(XXH3_64bits(name, strlen(name))), le64_of(URF_VERSION) };
	XXH128_canonical_t canonical;
	XXH128_canonicalFromHash(&canonical, XXH3_128bits(head, sizeof(head)));
	struct memo_path ret = { "memo/" };
	struct key_name key = turf_store_key_name(canonical.digest);
	memcpy(ret.text + strlen(ret.text), key.text, sizeof(key.text));
	return ret;
}

/* Reads a whole memo; 0 bytes where there is none of at most @room bytes that is whole. */
static size_t read_memo(struct turf_store *store, const char *path, uint8_t *bytes, size_t room)
{
	scoped(closep) int fd =
		openat(store->folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, room);
	struct memo_head head;
	if (n < (ssize_t)sizeof(head))
		return 0;
	memcpy(&head, bytes, sizeof(head));
	if (memcmp(head.magic, MEMO_MAGIC, sizeof(head.magic)) != 0 ||
	    le64_get(head.sum) != XXH3_64bits(bytes + SUMMED_FROM, (size_t)n - SUMMED_FROM))
		return 0;
	return (size_t)n;
}

static bool input_unchanged(struct cursor *c)
{
	struct memo_input input;
	const uint8_t *at = cur_take(c, sizeof(input));
	const char *path = cur_str(c);
	if (!at || !path)
		return false;
	memcpy(&input, at, sizeof(input));
	struct file_id id;
	if (turf_store_stat_path(path, &id) < 0)
		return !input.present;
	return input.present && is_state(&input.state, &id);
}

static int recall_within(struct turf_store *store, const char *path, const struct file_id *id,
                         uint8_t answer[STORE_KEY_SIZE], uint8_t *bytes, size_t room)
{
	size_t n = read_memo(store, path, bytes, room);
	if (!n)
		return 0;
	struct memo_head head;
	memcpy(&head, bytes, sizeof(head));
	if (!is_state(&head.state, id))
		return 0;
	struct cursor c = cur_of((struct span){ bytes, n }, false);
	cur_skip(&c, sizeof(head));
	for (uint32_t i = 0; i < le32_get(head.n_inputs); i++)
		if (!input_unchanged(&c))
			return 0;
	memcpy(answer, head.answer, STORE_KEY_SIZE);
	return 1;
}

__attribute__((noinline)) static int recall_long(struct turf_store *store, const char *path,
                                                 const struct file_id *id,
                                                 uint8_t answer[STORE_KEY_SIZE])
{
	uint8_t bytes[STORE_MAX_MEMO];
	return recall_within(store, path, id, answer, bytes, sizeof(bytes));
}

/* Most memos are short: pages of the stack that nothing else touches would cost more. */
static int recall(struct turf_store *store, const char *path, const struct file_id *id,
                  uint8_t answer[STORE_KEY_SIZE])
{
	uint8_t bytes[512];
	int r = recall_within(store, path, id, answer, bytes, sizeof(bytes));
	return r == 1 ? 1 : recall_long(store, path, id, answer);
}

int turf_store_recall_key(struct turf_store *store, uint64_t builder, const struct file_id *id,
                          const char *name, uint8_t key[STORE_KEY_SIZE])
{
	return recall(store, key_path(builder, id, name).text, id, key);
}

int turf_store_recall_hash(struct turf_store *store, const struct file_id *id,
                           uint8_t hash[STORE_KEY_SIZE])
{
	return recall(store, hash_path(id).text, id, hash);
}

/* Puts @b under @path, whole or not at all. */
static void write_memo(struct turf_store *store, const char *path, struct buf *b)
{
	le64 sum = le64_of(XXH3_64bits(b->at + SUMMED_FROM, b->n - SUMMED_FROM));
	memcpy(b->at + offsetof(struct memo_head, sum), &sum, sizeof(sum));
	uint64_t any;
	if (getrandom(&any, sizeof(any), GRND_NONBLOCK) != sizeof(any))
		return;
	char temp[64];
	snprintf(temp, sizeof(temp), "tmp/memo-%016llx", (unsigned long long)any);
	scoped(closep) int fd = turf_store_create_temp(store, temp, O_EXCL);
	if (fd < 0)
		return;
	if (turf_write_all(fd, b->at, b->n) < 0 ||
	    renameat(store->folder, temp, store->folder, path) < 0)
		unlinkat(store->folder, temp, 0);
}

static bool put_head(struct buf *b, const struct file_id *id,
                     const uint8_t answer[STORE_KEY_SIZE], size_t n_inputs)
{
	struct memo_head head = { .state = state_of(id), .n_inputs = le32_of(n_inputs) };
	memcpy(head.magic, MEMO_MAGIC, sizeof(head.magic));
	memcpy(head.answer, answer, STORE_KEY_SIZE);
	return turf_buf_put(b, &head, sizeof(head));
}

static bool put_input(struct buf *b, const struct input *input)
{
	struct memo_input m = { .present = input->present };
	if (input->present)
		m.state = state_of(&input->file.id);
	return (!input->present || input->file.settled) && turf_buf_put(b, &m, sizeof(m)) &&
	       turf_buf_put(b, input->path, strlen(input->path) + 1);
}

void turf_store_remember_key(struct turf_store *store, uint64_t builder, const char *name,
                             const struct identity *identity)
{
	if (!identity->source.settled)
		return;
	struct buf b = { 0 };
	bool ok = put_head(&b, &identity->source.id, identity->key, identity->inputs.n);
	for (size_t i = 0; ok && i < identity->inputs.n; i++)
		ok = put_input(&b, &identity->inputs.at[i]);
	if (ok && b.n <= STORE_MAX_MEMO)
		write_memo(store, key_path(builder, &identity->source.id, name).text, &b);
	vec_fini(&b);
}

void turf_store_remember_hash(struct turf_store *store, const struct known_file *file)
{
	struct buf b = { 0 };
	if (file->settled && put_head(&b, &file->id, file->hash, 0))
		write_memo(store, hash_path(&file->id).text, &b);
	vec_fini(&b);
}
