/* SPDX-License-Identifier: MIT */
/*
 * Modules: one for each file that is mapped somewhere, shared by all processes that map it.
 *
 * A module is known by device, inode and path; of "[vdso]", by its size. Where an event tells
 * no inode, the path is all there is, and the build-id where that is told: of processes in core
 * files. The file is looked for at the first question:
 *
 *     /proc/PID/map_files/START-END   the very file, even deleted; needs CAP_CHECKPOINT_RESTORE
 *     /proc/PID/root/PATH             through the eyes of the process: containers
 *     PATH
 *
 * What is found must be the file that was mapped: same device, same inode. On file systems that
 * tell a mapping another device than stat (overlayfs, btrfs), the same inode is enough.
 *
 * Trust: paths may come from a hostile recording: nothing but regular files is opened, so that
 * no device is touched by its opening
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "elf/elf.h"
#include "process/jit.h"

static const char vdso_name[] = "[vdso]";
static const char deleted[] = " (deleted)";

/* Whether @path speaks of memory that no file stands behind. */
static bool is_anonymous(const char *path)
{
	static const char *const prefixes[] = { "//", "/dev/zero", "/SYSV", "/anon_hugepage" };
	if (path[0] != '/')
		return strcmp(path, vdso_name) != 0;
	for (size_t i = 0; i < COUNT(prefixes); i++)
		if (strncmp(path, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool is_vdso(const struct turf_module *module)
{
	return module->path[0] == '[';
}

/* What a module is known by. */
struct module_key {
	uint32_t major, minor;
	uint64_t inode;
	struct span build_id;
	const char *path;
};

/* FNV-1a: short keys, no reader outside to fear. */
static uint64_t hash_key(const struct module_key *key)
{
	uint64_t h = 0xcbf29ce484222325;
	uint64_t words[] = { key->major, key->minor, key->inode };
	for (size_t i = 0; i < COUNT(words); i++)
		h = (h ^ words[i]) * 0x100000001b3;
	for (size_t i = 0; i < key->build_id.size; i++)
		h = (h ^ key->build_id.at[i]) * 0x100000001b3;
	for (const char *s = key->path; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001b3;
	return h ^ h >> 32;
}

static bool same_bytes(struct span a, struct span b)
{
	return a.size == b.size && (!a.size || memcmp(a.at, b.at, a.size) == 0);
}

static bool is_key_of(const struct turf_module *module, const struct module_key *key)
{
	return module->inode == key->inode && module->major == key->major &&
	       module->minor == key->minor && same_bytes(module->build_id, key->build_id) &&
	       strcmp(module->path, key->path) == 0;
}

static struct module_key key_of(const struct turf_module *module)
{
	return (struct module_key){ module->major, module->minor, module->inode,
		                    module->build_id, module->path };
}

/* The slot that holds the module, or the empty one where it belongs. */
static size_t *find_slot(const struct turf_processes *table, const struct module_key *key)
{
	for (size_t i = hash_key(key);; i++) {
		size_t *slot = &table->slots[i & (table->n_slots - 1)];
		if (!*slot || is_key_of(table->modules.at[*slot - 1], key))
			return slot;
	}
}

/* Keeps the hash table less than half full. */
static bool grow_slots(struct turf_processes *table)
{
	if (2 * (table->modules.n + 1) < table->n_slots)
		return true;
	size_t n = table->n_slots ? 2 * table->n_slots : 64;
	size_t *slots = calloc(n, sizeof(*slots));
	if (!slots)
		return false;
	free(table->slots);
	table->slots = slots;
	table->n_slots = n;
	for (size_t i = 0; i < table->modules.n; i++) {
		struct module_key key = key_of(table->modules.at[i]);
		*find_slot(table, &key) = i + 1;
	}
	return true;
}

static bool copy_span(struct span from, struct span *to)
{
	uint8_t *at = malloc(from.size);
	if (at)
		*to = (struct span){ memcpy(at, from.at, from.size), from.size };
	return at;
}

static struct turf_module *make_module(struct turf_processes *table,
                                       const struct module_key *key)
{
	struct turf_module *module = calloc(1, sizeof(*module));
	bool ok = module && (module->path = strdup(key->path)) &&
	          (!key->build_id.size || copy_span(key->build_id, &module->build_id));
	if (!ok || !vec_reserve(&table->modules, 1)) {
		turf_module_free(module);
		return NULL;
	}
	module->idx = table->modules.n;
	module->is_dump = turf_jit_is_dump(key->path);
	module->major = key->major;
	module->minor = key->minor;
	module->inode = key->inode;
	table->modules.at[table->modules.n++] = module;
	return module;
}

int turf_module_find(struct turf_processes *table, const struct turf_event *map,
                     struct turf_module **ret)
{
	const char *path = map->map.path ? map->map.path : "";
	*ret = NULL;
	if (is_anonymous(path))
		return 0;
	struct span id = { map->map.build_id, map->map.build_id_size };
	struct module_key key = { map->map.major, map->map.minor, map->map.inode, id, path };
	if (path[0] == '[')
		key = (struct module_key){ 0, 0, map->map.end - map->map.start, id, path };
	if (!grow_slots(table))
		return -ENOMEM;
	size_t *slot = find_slot(table, &key);
	struct turf_module *module =
		*slot ? table->modules.at[*slot - 1] : make_module(table, &key);
	if (!module)
		return -ENOMEM;
	*slot = module->idx + 1;
	*ret = module;
	return 0;
}

void turf_module_free(struct turf_module *module)
{
	if (!module)
		return;
	turf_image_close(module->image);
	free((void *)module->build_id.at);
	free(module->path);
	free(module);
}

/* Whether @st is the file that was mapped. */
static bool is_mapped_file(const struct turf_module *module, int fd, const struct stat *st)
{
	if (!module->inode)
		return true; /* nobody said which it was */
	if (st->st_ino != module->inode)
		return false;
	if (st->st_dev == makedev(module->major, module->minor) ||
	    (!module->major && !module->minor))
		return true;
	struct statfs fs;
	if (fstatfs(fd, &fs) < 0)
		return false;
	return fs.f_type == OVERLAYFS_SUPER_MAGIC || fs.f_type == BTRFS_SUPER_MAGIC;
}

/* Opens the file at @path if it is the mapped one; -ESTALE: it is another. */
static int open_mapped(const struct turf_module *module, const char *path)
{
	scoped(closep) int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOTSUP;
	if (!is_mapped_file(module, fd, &st))
		return -ESTALE;
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	int ret = open(self, O_RDONLY | O_CLOEXEC);
	return ret < 0 ? -errno : ret;
}

/* The path without the kernel's " (deleted)", behind @prefix; malloc'd. */
static char *plain_path(const char *prefix, const char *path)
{
	size_t n = strlen(path), n_deleted = sizeof(deleted) - 1;
	if (n > n_deleted && strcmp(path + n - n_deleted, deleted) == 0)
		n -= n_deleted;
	char *ret;
	return asprintf(&ret, "%s%.*s", prefix, (int)MIN(n, INT32_MAX), path) < 0 ? NULL : ret;
}

static bool has_build_id(int fd, struct span build_id)
{
	struct mapping file;
	if (turf_map_fd(fd, "", &file, NULL) < 0)
		return false;
	struct elf elf;
	struct span id;
	bool ret = turf_elf_open(file.bytes, &elf, NULL) == 0 &&
	           turf_elf_build_id(&elf, &id, NULL) == 1 && same_bytes(id, build_id);
	turf_unmap(&file);
	return ret;
}

int turf_module_open_path(const char *path, struct span build_id)
{
	static const struct turf_module any = { 0 };
	scoped(freep) char *plain = plain_path("", path);
	scoped(closep) int fd = plain ? open_mapped(&any, plain) : -ENOMEM;
	if (fd >= 0 && build_id.size && !has_build_id(fd, build_id))
		return -ESTALE;
	return take_fd(&fd);
}

/* Of all that is tried, the answer that tells most. */
int turf_module_open_file(const struct turf_module *module, pid_t pid, const struct map *map)
{
	char prefix[64];
	int worst = -ENOENT, r = -ENOENT;
	if (map) {
		snprintf(prefix, sizeof(prefix), "/proc/%d/map_files/%llx-%llx", (int)pid,
		         (unsigned long long)map->start, (unsigned long long)map->end);
		r = open_mapped(module, prefix);
	}
	if (r >= 0)
		return r;
	snprintf(prefix, sizeof(prefix), "/proc/%d/root", (int)pid);
	const char *const prefixes[] = { prefix, "" };
	for (size_t i = 0; i < COUNT(prefixes); i++) {
		scoped(freep) char *path = plain_path(prefixes[i], module->path);
		r = path ? open_mapped(module, path) : -ENOMEM;
		if (r >= 0)
			return r;
		if (worst == -ENOENT || r == -ESTALE)
			worst = r;
	}
	return worst;
}

/* Bytes of our own vDSO, if it is @size long: the kernel gives all processes the same. */
static bool read_own_vdso(uint8_t *bytes, size_t size)
{
	struct buf text = { 0 };
	uint64_t own = getauxval(AT_SYSINFO_EHDR);
	bool ok = false;
	if (own && turf_proc_slurp("/proc/self/maps", 1 << 26, &text) == 0) {
		struct cursor c = cur_of((struct span){ text.at, text.n }, false);
		struct maps_entry e;
		while (!ok && turf_maps_next(&c, &e) == 1)
			ok = e.start == own && e.end - e.start == size;
	}
	vec_fini(&text);
	if (ok)
		memcpy(bytes, (const void *)(uintptr_t)own, size);
	return ok;
}

/* The vDSO, in a memory file. */
static int open_vdso(const struct turf_process *process, const struct map *map)
{
	uint64_t size = map->end - map->start;
	if (size > MAX_VDSO)
		return -E2BIG;
	scoped(freep) uint8_t *bytes = malloc((size_t)size);
	if (!bytes)
		return -ENOMEM;
	bool lives = !process->memory.read;
	struct turf_memory memory = lives ? turf_memory_live(&process->pid) : process->memory;
	int r = memory.read(memory.ctx, map->start, bytes, (size_t)size);
	if (r < 0 && !(lives && read_own_vdso(bytes, (size_t)size)))
		return r;
	scoped(closep) int fd = memfd_create("vdso", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = turf_write_all(fd, bytes, (size_t)size);
	return r < 0 ? r : take_fd(&fd);
}

/* Spares the store the hashing of what is plainly no ELF file. */
static bool is_elf(int fd)
{
	uint8_t magic[4];
	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) &&
	       memcmp(magic, "\177ELF", 4) == 0;
}

static void ask_store(struct turf_module *module, struct turf_store *store, int fd)
{
	struct turf_store_result result = { .size = sizeof(result) };
	module->error = (struct turf_error){ 0 };
	if (!is_elf(fd)) {
		turf_error_set(&module->error, -ENOTSUP, 0, "%s: not an ELF file",
		               module->path);
		module->state = MODULE_FAILED;
		return;
	}
	scoped(freep) char *name = plain_path("", module->path);
	int r = !name ? -ENOMEM
	              : turf_store_get(store, fd, name, &module->image, &result,
	                               &module->error);
	if (r < 0) {
		turf_error_set(&module->error, r, TURF_NOWHERE, "%s: %s", module->path,
		               strerror(-r));
		module->state = MODULE_FAILED;
		return;
	}
	memcpy(module->key, result.key, sizeof(module->key));
	module->state = MODULE_READY;
}

static void hide(struct turf_module *module, int r)
{
	module->error = (struct turf_error){ 0 };
	turf_error_set(&module->error, r, TURF_NOWHERE, "%s: %s", module->path,
	               r == -ESTALE    ? "file was replaced"
	               : r == -ENOTSUP ? "not a regular file"
	                               : strerror(-r));
	module->state = MODULE_HIDDEN;
}

static bool is_settled(const struct turf_module *module, const struct turf_process *process)
{
	enum module_state state = module->state;
	return state == MODULE_READY || state == MODULE_FAILED ||
	       (state == MODULE_HIDDEN &&
	        (module->tried == process->pid || module->n_tries >= MAX_TRIES));
}

static void open_module(struct turf_module *module, struct turf_process *process,
                        const struct map *map)
{
	module->tried = process->pid;
	module->n_tries++;
	scoped(closep) int fd = is_vdso(module) ? open_vdso(process, map)
	                        : process->memory.read
	                                ? turf_module_open_path(module->path, module->build_id)
	                                : turf_module_open_file(module, process->pid, map);
	if (fd < 0)
		hide(module, fd);
	else
		ask_store(module, process->table->store, fd);
}

void turf_module_open(struct turf_module *module, struct turf_process *process,
                      const struct map *map)
{
	if (is_settled(module, process))
		return;
	pthread_mutex_lock(&process->table->opening);
	if (!is_settled(module, process)) /* another thread may have been here */
		open_module(module, process, map);
	pthread_mutex_unlock(&process->table->opening);
}

int turf_process_locate(struct turf_process *process, uint64_t pc, struct turf_location *out)
{
	const struct map *map = turf_space_find(process->space, pc);
	if (!map)
		return 0;
	struct turf_location at = { map->start, map->end, map->module, NULL, 0 };
	if (map->module) {
		turf_module_open(map->module, process, map);
		uint64_t off = pc - map->start + (is_vdso(map->module) ? 0 : map->offset);
		const struct turf_image *image = turf_module_image(map->module);
		if (image && turf_image_addr_of_offset(image, off, &at.addr) == 1)
			at.image = image;
	}
	*out = at;
	return 1;
}

const char *turf_module_path(const struct turf_module *module)
{
	return module->path;
}

const char *turf_module_key(const struct turf_module *module)
{
	return module->key;
}

const char *turf_module_error(const struct turf_module *module)
{
	return module->error.code ? module->error.text : NULL;
}

size_t turf_module_index(const struct turf_module *module)
{
	return module->idx;
}

const struct turf_image *turf_module_image(const struct turf_module *module)
{
	return module->state == MODULE_READY ? module->image : NULL;
}

size_t turf_processes_n_modules(const struct turf_processes *table)
{
	return table->modules.n;
}

struct turf_module *turf_processes_module(const struct turf_processes *table, size_t idx)
{
	return idx < table->modules.n ? table->modules.at[idx] : NULL;
}
