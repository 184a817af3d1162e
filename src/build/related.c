/* SPDX-License-Identifier: MIT */
/*
 * Further files that a file's DWARF lies in: the supplementary file that dwz moved what several
 * programs share to.
 *
 * Each is found by its path, and taken only when it bears the identity that the DWARF names.
 * One that is not there, or cannot be read, costs what lies in it and is told; the rest is
 * served.
 *
 * Source: DWARF 5 section 7.3.6; .gnu_debugaltlink as dwz writes it: path, NUL, build-id
 */
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "build/build.h"

static const char default_folder[] = "/usr/lib/debug";

static const struct {
	const char *name;
	size_t at; /* its span in struct dwarf_sections */
} section_names[RELATED_N_SECTIONS] = {
	{ "info", offsetof(struct dwarf_sections, info) },
	{ "abbrev", offsetof(struct dwarf_sections, abbrev) },
	{ "line", offsetof(struct dwarf_sections, line) },
	{ "str", offsetof(struct dwarf_sections, str) },
	{ "line_str", offsetof(struct dwarf_sections, line_str) },
	{ "str_offsets", offsetof(struct dwarf_sections, str_offsets) },
	{ "addr", offsetof(struct dwarf_sections, addr) },
	{ "ranges", offsetof(struct dwarf_sections, ranges) },
	{ "rnglists", offsetof(struct dwarf_sections, rnglists) },
};

/* Who looks: for the build, or only to name all places looked at. */
struct search {
	const struct inputs *in;
	int source_fd;
	const char *debug_folder;
	void (*emit)(void *ctx, const char *path, int fd); /* NULL: nobody asks */
	void *ctx;
};

static void close_related(struct related *r)
{
	for (size_t i = 0; i < RELATED_N_SECTIONS; i++)
		turf_elf_data_fini(&r->data[i]);
	turf_input_close(&r->in);
	*r = (struct related){ 0 };
}

/* Inflates the DWARF sections that it has. */
static int read_sections(struct related *file, struct dwarf_sections *ret,
                         struct turf_error *err)
{
	*ret = (struct dwarf_sections){ .big = file->in.elf.big };
	for (size_t i = 0; i < RELATED_N_SECTIONS; i++) {
		char name[32];
		struct elf_section s;
		snprintf(name, sizeof(name), ".debug_%s", section_names[i].name);
		int r = turf_elf_find_section(&file->in.elf, name, &s, err);
		if (r == 1)
			r = turf_elf_data(&file->in.elf, &s, &file->data[i], err);
		if (r < 0)
			return r;
		memcpy((char *)ret + section_names[i].at, &file->data[i].bytes,
		       sizeof(struct span));
	}
	return 0;
}

/* The supplementary file that a file names, or that a supplementary file says it is. */
struct supplement {
	char path[PATH_MAX];
	uint8_t id[64];
	size_t id_size;
};

static bool take_id(struct supplement *s, const uint8_t *at, uint64_t size)
{
	if (!at || !size || size > sizeof(s->id))
		return false;
	memcpy(s->id, at, (size_t)size);
	s->id_size = (size_t)size;
	return true;
}

static bool take_path(struct supplement *s, const char *path)
{
	size_t size = strlen(path) + 1;
	if (size == 1 || size > sizeof(s->path))
		return false;
	memcpy(s->path, path, size);
	return true;
}

/* .debug_sup: version, whether this is the supplementary file, its name, its checksum. */
static bool parse_sup(struct cursor *c, bool is_supplement, struct supplement *ret)
{
	uint16_t version = cur_u16(c);
	bool is = cur_u8(c) != 0;
	const char *path = cur_str(c);
	uint64_t size = cur_uleb(c);
	const uint8_t *id = cur_take(c, size);
	return !c->bad && version == 5 && is == is_supplement && take_id(ret, id, size) &&
	       (is_supplement || take_path(ret, path));
}

static bool parse_altlink(struct cursor *c, struct supplement *ret)
{
	const char *path = cur_str(c);
	return !c->bad && take_path(ret, path) && take_id(ret, c->at, cur_left(c));
}

/* One of the two sections: 1 it names a file, 0 it is not there, < 0. */
static int read_link_section(const struct elf *elf, const char *section, bool is_supplement,
                             struct supplement *ret, struct turf_error *err)
{
	struct elf_section s;
	struct elf_data data = { 0 };
	int r = turf_elf_find_section(elf, section, &s, err);
	if (r <= 0)
		return r;
	r = turf_elf_data(elf, &s, &data, err);
	if (r == 0) {
		struct cursor c = cur_of(data.bytes, elf->big);
		bool sup = strcmp(section, ".debug_sup") == 0;
		r = sup ? parse_sup(&c, is_supplement, ret) : parse_altlink(&c, ret);
	}
	turf_elf_data_fini(&data);
	return r;
}

/* What supplementary file the DWARF needs: 1, 0 none, < 0. */
static int read_link(const struct elf *elf, struct supplement *ret, struct turf_error *err)
{
	int r = read_link_section(elf, ".gnu_debugaltlink", false, ret, err);
	return r ? r : read_link_section(elf, ".debug_sup", false, ret, err);
}

static bool is_it(const struct elf *elf, const struct supplement *wanted)
{
	struct span id;
	struct supplement found;
	if (turf_elf_build_id(elf, &id, NULL) == 1 && id.size == wanted->id_size &&
	    memcmp(id.at, wanted->id, id.size) == 0)
		return true;
	return read_link_section(elf, ".debug_sup", true, &found, NULL) == 1 &&
	       found.id_size == wanted->id_size &&
	       memcmp(found.id, wanted->id, found.id_size) == 0;
}

/* 1 it is the one, 0 it is not there or another one, -ENOMEM. */
static int try_path(const struct search *s, const struct supplement *wanted, const char *path,
                    struct related *ret)
{
	scoped(closep) int fd = turf_open_read(path, NULL);
	if (s->emit)
		s->emit(s->ctx, path, fd < 0 ? -1 : fd);
	if (fd < 0)
		return 0;
	struct related file = { 0 };
	int r = turf_input_open(fd, path, &file.in, NULL);
	if (r == 0 && is_it(&file.in.elf, wanted)) {
		*ret = file;
		return 1;
	}
	close_related(&file);
	return r == -ENOMEM ? r : 0;
}

/* Cuts a path down to its folder, without the slash; "" is the root. */
static bool cut_to_folder(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
	return slash != NULL;
}

static bool is_same_file(int fd, const char *path)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* The folder of the file that has the DWARF, all links followed; false: it has no path. */
static bool dwarf_folder(const struct search *s, char out[PATH_MAX])
{
	const struct inputs *in = s->in;
	if (in->dwarf_elf == &in->debug.elf)
		return realpath(in->debug_name, out) && cut_to_folder(out);
	if (in->name && is_same_file(s->source_fd, in->name))
		return realpath(in->name, out) && cut_to_folder(out);
	/* the name is for messages only: ask for another */
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", s->source_fd);
	ssize_t n = readlink(link, out, PATH_MAX - 1);
	if (n <= 0)
		return false;
	out[n] = 0;
	return out[0] == '/' && is_same_file(s->source_fd, out) && cut_to_folder(out);
}

/* "@a@b", if it fits. */
static bool join(char out[PATH_MAX], const char *a, const char *b)
{
	int n = snprintf(out, PATH_MAX, "%s%s", a, b);
	return n > 0 && n < PATH_MAX;
}

static bool path_of_id(const struct supplement *wanted, const char *folder, char out[PATH_MAX])
{
	char name[2 * sizeof(wanted->id) + 32];
	size_t n = (size_t)snprintf(name, sizeof(name), "/.build-id/%02x/", wanted->id[0]);
	for (size_t i = 1; i < wanted->id_size; i++)
		n += (size_t)snprintf(name + n, sizeof(name) - n, "%02x", wanted->id[i]);
	snprintf(name + n, sizeof(name) - n, ".debug");
	return join(out, folder, name);
}

/*
 * Looks at the path that the DWARF names; the same below another debug folder, where that was
 * asked for; the build-id. 1, 0, -ENOMEM.
 */
static int find_supplement(const struct search *s, const struct supplement *wanted,
                           struct related *ret)
{
	char folder[PATH_MAX], path[PATH_MAX];
	const char *debug = s->debug_folder ? s->debug_folder : default_folder;
	size_t prefix = sizeof(default_folder) - 1;
	int r = 0;
	if (wanted->path[0] == '/')
		r = try_path(s, wanted, wanted->path, ret);
	else if (dwarf_folder(s, folder) && strlen(folder) + 1 < sizeof(folder) &&
	         join(path, strcat(folder, "/"), wanted->path))
		r = try_path(s, wanted, path, ret);
	if (r == 0 && strcmp(debug, default_folder) != 0 &&
	    strncmp(wanted->path, default_folder, prefix) == 0 && wanted->path[prefix] == '/' &&
	    join(path, debug, wanted->path + prefix))
		r = try_path(s, wanted, path, ret);
	if (r == 0 && wanted->id_size > 1 && path_of_id(wanted, debug, path))
		r = try_path(s, wanted, path, ret);
	return r;
}

static int add_supplement(struct builder *b, const struct search *s, struct turf_error *err)
{
	struct supplement wanted;
	struct turf_error why = { 0 };
	int r = read_link(b->in.dwarf_elf, &wanted, &why);
	if (r == 0)
		return 0;
	if (r == 1)
		r = find_supplement(s, &wanted, &b->supplement);
	if (r == 0)
		turf_build_note(b, TURF_NOTE,
		                "%s: its supplementary file %s is not there: what it names is "
		                "left out",
		                b->in.name, wanted.path);
	struct dwarf_sections sections;
	if (r == 1) {
		r = read_sections(&b->supplement, &sections, &why);
		if (r == 0)
			return turf_dwarf_add_supplement(&b->dwarf, &sections, err);
	}
	if (r == -ENOMEM)
		return turf_fail(err, r, TURF_NOWHERE, "%s: no memory for its supplement",
		                 b->in.name);
	if (r < 0)
		turf_build_note(b, TURF_WARNING, "%s: its supplementary file is left out: %s",
		                b->in.name, why.text);
	return 0;
}

int turf_related_open(struct builder *b, struct turf_error *err)
{
	struct search s = { .in = &b->in,
		            .source_fd = b->source_fd,
		            .debug_folder = b->options->debug_folder };
	return add_supplement(b, &s, err);
}

void turf_related_close(struct builder *b)
{
	close_related(&b->supplement);
}

int turf_related_inputs(int source_fd, const char *name, const char *debug_folder,
                        void (*emit)(void *emit_ctx, const char *path, int fd), void *emit_ctx)
{
	struct inputs in;
	int r = turf_inputs_open(source_fd, name, debug_folder, &in, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : 0; /* the build will say why */
	struct search s = { &in, source_fd, debug_folder, emit, emit_ctx };
	struct supplement wanted;
	struct related file = { 0 };
	r = in.dwarf_elf ? read_link(in.dwarf_elf, &wanted, NULL) : 0;
	if (r == 1)
		r = find_supplement(&s, &wanted, &file);
	close_related(&file);
	turf_inputs_close(&in);
	return r == -ENOMEM ? r : 0;
}
