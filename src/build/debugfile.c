/* SPDX-License-Identifier: MIT */
/*
 * Which separate debug file belongs to an ELF file.
 *
 * In this order, and the first that belongs to it is taken:
 *
 *   by build-id      FOLDER/.build-id/xx/yyyy.debug, when it bears the same build-id, of
 *                    each folder; what is called a folder and is a file is that one;
 *   by .gnu_debuglink, which gives a file name and the CRC-32 of that file:
 *                    DIR/NAME, DIR/.debug/NAME, FOLDER/DIR/NAME, when its CRC-32 is the same.
 *
 * DIR is the folder of the name that the source was asked by, where that is absolute; then the
 * one that the kernel knows for the descriptor, where it is another one (symbolic links). Each
 * path is told before its file is looked at, also when there is none.
 *
 * Source: gdb manual, "Debugging Information in Separate Files"
 */
#include <zlib.h>

#include "build/build.h"

#include <stdio.h>
#include <unistd.h>

struct search {
	const struct inputs *in; /* the source is open */
	int fd;                  /* of the source */
	const char *folders;
	debug_path_fn emit; /* may be NULL */
	void *ctx;
	struct input *ret; /* what was found */
	char *ret_name;
	struct span id;             /* build-id of the source, or no bytes */
	struct elf_debug_link link; /* name NULL: there is none */
};

static int has_same_id(const struct search *s, struct turf_error *err)
{
	struct span id;
	int r = turf_elf_build_id(&s->ret->elf, &id, err);
	return r == 1 ? id.size == s->id.size && !memcmp(id.at, s->id.at, id.size) : r;
}

static bool has_same_crc(const struct search *s, int fd, const char *path)
{
	struct mapping map;
	if (turf_map_fd(fd, path, &map, NULL) < 0)
		return false;
	uLong crc = crc32_z(crc32_z(0, NULL, 0), map.bytes.at, map.bytes.size);
	turf_unmap(&map);
	return crc == s->link.crc;
}

/* Opens @path where it is a regular file that we may read. */
static int open_regular(const char *path)
{
	struct stat st;
	int fd = turf_open_read(path, NULL);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))) {
		turf_close(fd);
		return -1;
	}
	return fd < 0 ? -1 : fd;
}

/* 1: @path is the debug file, and open; 0: it is not, or there is none. */
static int try_path(const struct search *s, const char *path, bool by_id,
                    struct turf_error *err)
{
	scoped(closep) int fd = open_regular(path);
	if (s->emit)
		s->emit(s->ctx, path, fd);
	if (fd < 0 || (!by_id && !has_same_crc(s, fd, path)))
		return 0;
	int r = turf_input_open(fd, path, s->ret, err);
	if (r == 0)
		r = by_id ? has_same_id(s, err) : 1;
	if (r <= 0) {
		turf_input_close(s->ret);
		return r;
	}
	memcpy(s->ret_name, path, strlen(path) + 1);
	return 1;
}

static bool is_file(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool turf_debug_folder(const char **list, char out[DEBUG_PATH_MAX])
{
	while (*list && **list) {
		size_t n = strcspn(*list, ":");
		bool fits = n && n < DEBUG_PATH_MAX;
		if (fits) {
			memcpy(out, *list, n);
			out[n] = 0;
		}
		*list += n + ((*list)[n] == ':');
		if (fits)
			return true;
	}
	return false;
}

/* Below one folder; 0 too where the path would be too long for a file. */
static int try_id_below(const struct search *s, const char *folder, struct turf_error *err)
{
	char path[DEBUG_PATH_MAX];
	if (is_file(folder))
		return try_path(s, folder, true, err);
	int n = snprintf(path, sizeof(path), "%s/.build-id/%02x/", folder, s->id.at[0]);
	if (n < 0 || (size_t)n + 2 * s->id.size + sizeof(".debug") > sizeof(path))
		return 0;
	for (size_t i = 1; i < s->id.size; i++)
		n += snprintf(path + n, sizeof(path) - (size_t)n, "%02x", s->id.at[i]);
	memcpy(path + n, ".debug", sizeof(".debug"));
	return try_path(s, path, true, err);
}

static int try_id(const struct search *s, struct turf_error *err)
{
	char folder[DEBUG_PATH_MAX];
	if (s->id.size < 2 || s->id.size > SOURCE_ID_MAX)
		return 0;
	int r = 0;
	for (const char *at = s->folders; r == 0 && turf_debug_folder(&at, folder);)
		r = try_id_below(s, folder, err);
	return r;
}

/* @folder/@dir/NAME */
static int try_link_at(const struct search *s, const char *folder, const char *dir,
                       const char *below, struct turf_error *err)
{
	char path[DEBUG_PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s%s%s%s", folder, dir, below, s->link.name);
	return n > 0 && (size_t)n < sizeof(path) ? try_path(s, path, false, err) : 0;
}

/* The places that go with one folder of the source; a path too long for us is no file's. */
static int try_folder(const struct search *s, const char *dir, struct turf_error *err)
{
	char folder[DEBUG_PATH_MAX];
	int r = try_link_at(s, "", dir, "/", err);
	if (r == 0)
		r = try_link_at(s, "", dir, "/.debug/", err);
	for (const char *at = s->folders; r == 0 && turf_debug_folder(&at, folder);)
		r = is_file(folder) ? try_path(s, folder, false, err)
		                    : try_link_at(s, folder, dir, "/", err);
	return r;
}

/* Cuts the last part off; "" is the root. False: @path is not absolute. */
static bool cut_to_folder(char *path)
{
	char *slash = path[0] == '/' ? strrchr(path, '/') : NULL;
	if (slash)
		*slash = 0;
	return slash;
}

/* A name with a slash would lead out of those folders: no linker writes one. */
static int try_link(const struct search *s, struct turf_error *err)
{
	char dir[DEBUG_PATH_MAX] = "", real[DEBUG_PATH_MAX], link[32];
	if (!s->link.name || !s->link.name[0] || strchr(s->link.name, '/'))
		return 0;
	int r = 0;
	bool asked = strlen(s->in->name) < sizeof(dir) && s->in->name[0] == '/';
	if (asked) {
		memcpy(dir, s->in->name, strlen(s->in->name) + 1);
		cut_to_folder(dir);
		r = try_folder(s, dir, err);
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", s->fd);
	ssize_t n = r ? -1 : readlink(link, real, sizeof(real) - 1);
	if (n < 0)
		return r;
	real[n] = 0;
	return cut_to_folder(real) && !(asked && !strcmp(real, dir)) ? try_folder(s, real, err)
	                                                             : 0;
}

int turf_debug_find(const struct inputs *in, int fd, const char *folders, debug_path_fn emit,
                    void *ctx, struct input *ret, char ret_name[DEBUG_PATH_MAX],
                    struct turf_error *err)
{
	struct search s = { .in = in,
		            .fd = fd,
		            .folders = folders ? folders : TURF_DEBUG_FOLDER,
		            .emit = emit,
		            .ctx = ctx,
		            .ret = ret,
		            .ret_name = ret_name };
	int r = turf_elf_build_id(&in->source.elf, &s.id, err);
	if (r == 1)
		r = try_id(&s, err);
	if (r == 0)
		r = turf_elf_debug_link(&in->source.elf, &s.link, err);
	return r == 1 && s.link.name ? try_link(&s, err) : r;
}

int turf_debug_paths(int fd, const char *name, const char *folders, debug_path_fn emit,
                     void *ctx, struct turf_error *err)
{
	struct inputs in = { .name = name };
	char path[DEBUG_PATH_MAX];
	int r = turf_input_open(fd, name, &in.source, err);
	if (r == 0)
		r = turf_debug_find(&in, fd, folders, emit, ctx, &in.debug, path, err);
	turf_input_close(&in.debug);
	turf_input_close(&in.source);
	return r < 0 ? r : 0;
}
