/* SPDX-License-Identifier: MIT */
/*
 * Further files that a file's DWARF lies in: the supplementary file that dwz moved what several
 * programs share to; the .dwo files of split DWARF, or the .dwp file that they were put into.
 *
 * Each is found by its path, and taken only when it bears the identity that the DWARF names.
 * One that is not there, or cannot be read, costs what lies in it and is told; the rest is
 * served.
 *
 *   FILE.dwp beside the program, else beside its debug file; where it is, no .dwo is looked for
 *   NAME.dwo in the compilation directory, by the same path from the folder of the file that
 *            has the DWARF, by its last name alone in that folder; the first that is there
 *
 * Source: DWARF 5 sections 7.3.2, 7.3.6; .gnu_debugaltlink as dwz writes it: path, NUL,
 * build-id
 */
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "base/sort.h"
#include "build/build.h"

enum {
	MAX_SPLIT = 16384, /* .dwo files of one program: each is one mapping */
	MAX_TOLD = 32,     /* of them that the store's key covers; their content has an id in
	                      the program, which changes with it */
};

static const char default_folder[] = TURF_DEBUG_FOLDER;

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
	{ "loc", offsetof(struct dwarf_sections, loc) },
	{ "loclists", offsetof(struct dwarf_sections, loclists) },
	{ "macinfo", offsetof(struct dwarf_sections, macinfo) },
	{ "macro", offsetof(struct dwarf_sections, macro) },
};

/* Who looks: for the build, or only to name all places looked at. */
struct search {
	const struct inputs *in;
	int source_fd;
	const char *debug_folders;
	void (*emit)(void *ctx, const char *path, int fd); /* NULL: nobody asks */
	void *ctx;
};

static void close_related(struct related *r)
{
	for (size_t i = 0; i < RELATED_N_SECTIONS; i++)
		turf_elf_data_fini(&r->data[i]);
	turf_elf_data_fini(&r->index);
	turf_input_close(&r->in);
	*r = (struct related){ 0 };
}

/* Inflates the next section of the name of @first in its place, as long as types come first. */
static int step_over_types(const struct elf *elf, const struct elf_section *first,
                           struct elf_data *data, struct turf_error *err)
{
	struct elf_section s;
	int r = 0;
	for (uint32_t i = first->idx + 1; r == 0 && i < elf->n_sections; i++) {
		if (!turf_dwarf_begins_with_type(data->bytes, elf->big))
			break;
		r = turf_elf_section(elf, i, &s, err);
		if (r < 0 || strcmp(s.name, first->name) != 0)
			continue;
		turf_elf_data_fini(data);
		r = turf_elf_data(elf, &s, data, err);
	}
	return r;
}

/* Inflates the DWARF sections that it has; @suffix: of their names. */
static int read_sections(struct related *file, const char *suffix, struct dwarf_sections *ret,
                         struct turf_error *err)
{
	*ret = (struct dwarf_sections){ .big = file->in.elf.big };
	for (size_t i = 0; i < RELATED_N_SECTIONS; i++) {
		char name[32];
		struct elf_section s;
		snprintf(name, sizeof(name), ".debug_%s%s", section_names[i].name, suffix);
		int r = turf_elf_find_debug_section(&file->in.elf, name, &s, err);
		if (r == 1)
			r = turf_elf_data(&file->in.elf, &s, &file->data[i], err);
		if (r == 0 && i == 0)
			r = step_over_types(&file->in.elf, &s, &file->data[i], err);
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
	struct supplement found = { .id_size = 0 };
	if (turf_elf_build_id(elf, &id, NULL) == 1 && id.size == wanted->id_size &&
	    memcmp(id.at, wanted->id, id.size) == 0)
		return true;
	return read_link_section(elf, ".debug_sup", true, &found, NULL) == 1 &&
	       found.id_size == wanted->id_size &&
	       memcmp(found.id, wanted->id, found.id_size) == 0;
}

/* Opens a place that is looked at: the descriptor, or -1. */
static int open_told(const struct search *s, const char *path)
{
	int fd = turf_open_read(path, NULL);
	if (s->emit)
		s->emit(s->ctx, path, fd < 0 ? -1 : fd);
	return fd;
}

/* 1 it is the one, 0 it is not there or another one, -ENOMEM. */
static int try_path(const struct search *s, const struct supplement *wanted, const char *path,
                    struct related *ret)
{
	scoped(closep) int fd = open_told(s, path);
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

/* The source's path, all links followed; false: it has none. */
static bool source_path(const struct search *s, char out[PATH_MAX])
{
	if (s->in->name && is_same_file(s->source_fd, s->in->name))
		return realpath(s->in->name, out) != NULL;
	/* the name is for messages only: ask for another */
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", s->source_fd);
	ssize_t n = readlink(link, out, PATH_MAX - 1);
	if (n <= 0)
		return false;
	out[n] = 0;
	return out[0] == '/' && is_same_file(s->source_fd, out);
}

/* The folder of the file that has the DWARF, all links followed; false: it has no path. */
static bool dwarf_folder(const struct search *s, char out[PATH_MAX])
{
	const struct inputs *in = s->in;
	if (in->dwarf_elf == &in->debug.elf)
		return realpath(in->debug_name, out) && cut_to_folder(out);
	return source_path(s, out) && cut_to_folder(out);
}

/* "@a@b", if it fits. */
static bool join(char out[PATH_MAX], const char *a, const char *b)
{
	int n = snprintf(out, PATH_MAX, "%s%s", a, b);
	return n > 0 && n < PATH_MAX;
}

/* "@folder/@name", if it fits. */
static bool join_path(char out[PATH_MAX], const char *folder, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", folder, name);
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

/* Below one folder: the path that the DWARF names, the build-id. 1, 0, -ENOMEM. */
static int find_supplement_below(const struct search *s, const struct supplement *wanted,
                                 const char *folder, struct related *ret)
{
	char path[PATH_MAX];
	size_t prefix = sizeof(default_folder) - 1;
	int r = 0;
	if (strcmp(folder, default_folder) != 0 &&
	    strncmp(wanted->path, default_folder, prefix) == 0 && wanted->path[prefix] == '/' &&
	    join(path, folder, wanted->path + prefix))
		r = try_path(s, wanted, path, ret);
	if (r == 0 && wanted->id_size > 1 && path_of_id(wanted, folder, path))
		r = try_path(s, wanted, path, ret);
	return r;
}

/*
 * Looks at the path that the DWARF names; the same below another debug folder, where that was
 * asked for; the build-id. 1, 0, -ENOMEM.
 */
static int find_supplement(const struct search *s, const struct supplement *wanted,
                           struct related *ret)
{
	char folder[PATH_MAX], path[PATH_MAX];
	const char *at = s->debug_folders ? s->debug_folders : default_folder;
	int r = 0;
	if (wanted->path[0] == '/')
		r = try_path(s, wanted, wanted->path, ret);
	else if (dwarf_folder(s, folder) && join_path(path, folder, wanted->path))
		r = try_path(s, wanted, path, ret);
	while (r == 0 && turf_debug_folder(&at, folder))
		r = find_supplement_below(s, wanted, folder, ret);
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
		r = read_sections(&b->supplement, "", &sections, &why);
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

/* The .dwp file: its descriptor, or -1. */
static int find_package(const struct search *s, char path[PATH_MAX])
{
	char source[PATH_MAX];
	int fd = -1;
	if (source_path(s, source) && join(path, source, ".dwp"))
		fd = open_told(s, path);
	if (fd < 0 && s->in->debug.open && join(path, s->in->debug_name, ".dwp"))
		fd = open_told(s, path);
	return fd;
}

/* The .dwo file of a skeleton: its descriptor, or -1. */
static int find_split(const struct search *s, const struct dwarf_unit *unit,
                      char path[PATH_MAX])
{
	const char *name = unit->dwo_name, *last = strrchr(name, '/');
	if (name[0] == '/')
		return open_told(s, name);
	int fd = -1;
	const char *dir = unit->comp_dir;
	char folder[PATH_MAX];
	if (dir && dir[0] == '/' && join_path(path, dir, name))
		fd = open_told(s, path);
	if (fd >= 0 || !dwarf_folder(s, folder))
		return fd;
	if ((!dir || strcmp(dir, folder) != 0) && join_path(path, folder, name))
		fd = open_told(s, path);
	if (fd < 0 && last && join_path(path, folder, last + 1))
		fd = open_told(s, path);
	return fd;
}

/* The unit of that DWARF name its .dwo file: which of them were looked for already. */
struct looked {
	const struct dwarf *dw;
	struct table table; /* of index into units */
	struct {
		size_t *at;
		size_t n, room;
	} units;
};

static bool same_split(const void *ctx, uint32_t idx, const void *key)
{
	const struct looked *l = ctx;
	const struct dwarf_unit *a = &l->dw->units[l->units.at[idx]], *b = key;
	const char *x = a->comp_dir ? a->comp_dir : "", *y = b->comp_dir ? b->comp_dir : "";
	return !strcmp(a->dwo_name, b->dwo_name) && !strcmp(x, y);
}

static void looked_fini(struct looked *l)
{
	turf_table_fini(&l->table);
	vec_fini(&l->units);
}

/* 1 the skeleton's file was not looked for yet, 0 it was, -ENOMEM, -E2BIG. */
static int is_new(struct looked *l, size_t idx)
{
	const struct dwarf_unit *unit = &l->dw->units[idx];
	uint64_t hash = hash_str(unit->dwo_name);
	if (l->units.n >= MAX_SPLIT)
		return -E2BIG;
	uint32_t at;
	int r = turf_table_intern(&l->table, hash, same_split, l, unit, (uint32_t)l->units.n,
	                          &at);
	if (r != 0)
		return r < 0 ? r : 0;
	size_t *keep = vec_push(&l->units);
	if (!keep)
		return -ENOMEM;
	*keep = idx;
	return 1;
}

/* Adds a .dwo file's units; one that cannot be read is told. 0, -E2BIG, -ENOMEM. */
static int add_split(struct builder *b, int fd, const char *path, struct turf_error *err)
{
	struct related file = { 0 };
	struct dwarf_sections sections;
	struct turf_error why = { 0 };
	int r = turf_input_open(fd, path, &file.in, &why);
	if (r == 0)
		r = read_sections(&file, ".dwo", &sections, &why);
	if (r == 0) {
		r = turf_dwarf_add_split(&b->dwarf, &sections, &why);
		struct related *keep = vec_push(&b->splits);
		if (keep) {
			*keep = file;
			return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "%s", why.text) : 0;
		}
		r = -ENOMEM; /* units borrow its bytes: the build ends here */
	}
	close_related(&file);
	if (r == -ENOMEM)
		return turf_fail(err, r, TURF_NOWHERE, "%s: no memory", path);
	turf_build_note(b, TURF_WARNING, "%s: %s is left out: %s", b->in.name, path, why.text);
	return 0;
}

static int add_splits(struct builder *b, const struct search *s, struct turf_error *err)
{
	scoped(looked_fini) struct looked looked = { .dw = &b->dwarf };
	size_t n = b->dwarf.n_units; /* of the program itself, and what it shares */
	for (size_t i = 0; i < n; i++) {
		char path[PATH_MAX];
		if (!turf_dwarf_is_skeleton(&b->dwarf, &b->dwarf.units[i]))
			continue;
		int r = is_new(&looked, i);
		if (r == 0)
			continue;
		if (r == -E2BIG)
			turf_build_note(b, TURF_WARNING, "%s: more than %d .dwo files",
			                b->in.name, MAX_SPLIT);
		if (r == -E2BIG)
			return 0;
		if (r < 0)
			return turf_fail(err, r, TURF_NOWHERE, "%s: no memory", b->in.name);
		scoped(closep) int fd = find_split(s, &b->dwarf.units[i], path);
		if (fd >= 0)
			r = add_split(b, fd, b->dwarf.units[i].dwo_name, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_package(struct related *file, int fd, const char *path,
                        struct dwarf_package *ret, struct turf_error *err)
{
	struct dwarf_sections sections;
	struct elf_section s;
	int r = turf_input_open(fd, path, &file->in, err);
	if (r == 0)
		r = read_sections(file, ".dwo", &sections, err);
	if (r == 0)
		r = turf_elf_find_section(&file->in.elf, ".debug_cu_index", &s, err);
	if (r == 0)
		return turf_fail(err, -EBADMSG, TURF_NOWHERE, "it has no .debug_cu_index");
	if (r == 1)
		r = turf_elf_data(&file->in.elf, &s, &file->index, err);
	return r < 0 ? r : turf_dwarf_open_package(&sections, file->index.bytes, ret, err);
}

/* What a package has of all skeletons, in the package's order: .key is the offset, .value the
 * dwo_id. */
struct places {
	struct sort_pair *at;
	size_t n, room;
};

static void places_fini(struct places *p)
{
	vec_fini(p);
}

static bool list_places(const struct dwarf *dw, const struct dwarf_package *package,
                        struct places *ret)
{
	struct dwarf_sections part;
	for (size_t i = 0; i < dw->n_units; i++) {
		uint64_t id = dw->units[i].dwo_id;
		if (!turf_dwarf_is_skeleton(dw, &dw->units[i]) ||
		    turf_dwarf_package_part(package, id, &part) == 0)
			continue;
		if (!vec_reserve(ret, 1))
			return false;
		uint64_t off = (uint64_t)(part.info.at - package->sections.info.at);
		ret->at[ret->n++] = (struct sort_pair){ off, id };
	}
	if (ret->n && !vec_reserve(ret, ret->n))
		return false;
	if (ret->n)
		sort_pairs(ret->at, ret->at + ret->n, ret->n);
	return true;
}

/* Units of one .dwo file, as link-time optimization makes them, lie side by side and share all
 * else. DW_FORM_ref_addr counts from the first one. */
static bool are_of_one_file(const struct dwarf_sections *a, const struct dwarf_sections *b)
{
	return a->info.at + a->info.size == b->info.at && a->abbrev.at == b->abbrev.at &&
	       a->str_offsets.at == b->str_offsets.at && a->rnglists.at == b->rnglists.at;
}

/* The file's units from the @i-th place on: where the next file's begin. */
static size_t take_file(const struct dwarf_package *package, const struct places *places,
                        size_t i, struct dwarf_sections *ret)
{
	struct dwarf_sections next;
	turf_dwarf_package_part(package, places->at[i].value, ret);
	while (++i < places->n) {
		turf_dwarf_package_part(package, places->at[i].value, &next);
		if (!are_of_one_file(ret, &next))
			break;
		ret->info.size += next.info.size;
	}
	return i;
}

/* The parts of all skeletons. What several claim counts each time: it must not add up to much
 * more than there is. */
static int add_parts(struct builder *b, const struct dwarf_package *package,
                     struct turf_error *err)
{
	uint64_t budget =
		2 * (package->sections.info.size + (uint64_t)package->sections.abbrev.size);
	scoped(places_fini) struct places places = { 0 };
	if (!list_places(&b->dwarf, package, &places))
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for a package");
	for (size_t i = 0; i < places.n;) {
		struct dwarf_sections part;
		i = take_file(package, &places, i, &part);
		uint64_t size = part.info.size + (uint64_t)part.abbrev.size;
		if (size > budget)
			return 0; /* the rest is told as missing */
		budget -= size;
		int r = turf_dwarf_add_split(&b->dwarf, &part, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_package(struct builder *b, int fd, const char *path, struct turf_error *err)
{
	struct dwarf_package package;
	struct turf_error why = { 0 };
	int r = open_package(&b->package, fd, path, &package, &why);
	if (r == 0)
		return add_parts(b, &package, err);
	if (r == -ENOMEM)
		return turf_fail(err, r, TURF_NOWHERE, "%s: no memory", path);
	turf_build_note(b, TURF_WARNING, "%s: %s is left out: %s", b->in.name, path, why.text);
	return 0;
}

/* Tells once of each file whose functions are missing. */
static void note_missing(struct builder *b)
{
	const char *last = NULL;
	for (size_t i = 0; i < b->dwarf.n_units; i++) {
		const struct dwarf_unit *unit = &b->dwarf.units[i];
		if (!turf_dwarf_is_skeleton(&b->dwarf, unit) || unit->split ||
		    (last && strcmp(last, unit->dwo_name) == 0))
			continue;
		last = unit->dwo_name;
		turf_build_note(b, TURF_NOTE,
		                "%s: %s is not there, or of another build: its functions are "
		                "left out",
		                b->in.name, last);
	}
}

static bool has_skeletons(const struct dwarf *dw)
{
	for (size_t i = 0; i < dw->n_units; i++)
		if (turf_dwarf_is_skeleton(dw, &dw->units[i]))
			return true;
	return false;
}

static int add_split_dwarf(struct builder *b, const struct search *s, struct turf_error *err)
{
	char path[PATH_MAX];
	if (!has_skeletons(&b->dwarf))
		return 0;
	scoped(closep) int fd = find_package(s, path);
	int r = fd < 0 ? add_splits(b, s, err) : add_package(b, fd, path, err);
	if (r == 0)
		r = turf_dwarf_link_split(&b->dwarf, err);
	if (r == 0)
		note_missing(b);
	return r;
}

int turf_related_open(struct builder *b, struct turf_error *err)
{
	struct search s = { .in = &b->in,
		            .source_fd = b->source_fd,
		            .debug_folders = b->options->debug_folder };
	struct span types = b->in.data[SECTION_TYPES].bytes;
	int r = types.size ? turf_dwarf_add_types(&b->dwarf, types, err) : 0;
	if (r == 0)
		r = add_supplement(b, &s, err);
	return r < 0 ? r : add_split_dwarf(b, &s, err);
}

void turf_related_close(struct builder *b)
{
	close_related(&b->supplement);
	close_related(&b->package);
	for (size_t i = 0; i < b->splits.n; i++)
		close_related(&b->splits.at[i]);
	vec_fini(&b->splits);
}

/* Names the .dwp file, or the first of the .dwo files. */
static void tell_split(const struct search *s, const struct dwarf *dw)
{
	char path[PATH_MAX];
	if (!has_skeletons(dw))
		return;
	scoped(closep) int package = find_package(s, path);
	size_t told = 0;
	for (size_t i = 0; package < 0 && i < dw->n_units && told < MAX_TOLD; i++) {
		if (!turf_dwarf_is_skeleton(dw, &dw->units[i]))
			continue;
		told++;
		scoped(closep) int fd = find_split(s, &dw->units[i], path);
		(void)fd;
	}
}

/* The same for a file whose units are still to be read. */
static int tell_split_dwarf(const struct search *s, struct inputs *in)
{
	enum { ADDR = 6 }; /* .debug_addr: all split DWARF has it, and little else */
	if (!in->dwarf_elf || !in->has[ADDR])
		return 0;
	int r = 0;
	for (size_t i = 0; r == 0 && i < N_DWARF_SECTIONS; i++)
		r = turf_inputs_inflate(in, i, NULL);
	if (r < 0)
		return r;
	struct dwarf dw;
	struct dwarf_sections sections = turf_inputs_dwarf(in);
	r = turf_dwarf_open(&sections, &dw, NULL);
	if (r < 0)
		return r;
	tell_split(s, &dw);
	turf_dwarf_close(&dw);
	return 0;
}

int turf_related_inputs(int source_fd, const char *name, const char *debug_folders,
                        void (*emit)(void *emit_ctx, const char *path, int fd), void *emit_ctx)
{
	struct inputs in;
	int r = turf_inputs_open(source_fd, name, debug_folders, &in, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : 0; /* the build will say why */
	struct search s = { &in, source_fd, debug_folders, emit, emit_ctx };
	struct supplement wanted;
	struct related file = { 0 };
	r = in.dwarf_elf ? read_link(in.dwarf_elf, &wanted, NULL) : 0;
	if (r == 1)
		r = find_supplement(&s, &wanted, &file);
	close_related(&file);
	if (r != -ENOMEM)
		r = tell_split_dwarf(&s, &in);
	turf_inputs_close(&in);
	return r == -ENOMEM ? r : 0;
}
