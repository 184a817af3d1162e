/* SPDX-License-Identifier: MIT */
/*
 * Opening an urf: one mapping, one bounded check of its header; nothing else is read.
 *
 * Trust:  none. What is checked here: the header, that every table lies inside the file, that
 *         the strings end with a NUL. Look-ups bound every index they read.
 * Source: docs/format.md; System V gABI chapter 4 for the ELF header around it
 */
#include <elf.h>

#include "image/image.h"

const char *const turf_image_section_names[URF_N_SECTIONS] = {
	[URF_BLOCKS] = "blocks",   [URF_RANGES] = "ranges",       [URF_PAGES] = "pages",
	[URF_SYMBOLS] = "symbols", [URF_LOADS] = "loads",         [URF_SEGMENTS] = "segments",
	[URF_SCOPES] = "scopes",   [URF_FUNCTIONS] = "functions", [URF_FILES] = "files",
	[URF_UNITS] = "units",     [URF_ROWS] = "rows",           [URF_RULES] = "rules",
	[URF_SAVED] = "saved",     [URF_FAR_RULES] = "far",       [URF_EXPRS] = "exprs",
	[URF_STRINGS] = "strings",
};

/* The header stands behind the notes, 8-aligned: its offset, or 0 where there is no such place.
 */
static uint64_t head_offset(struct span file)
{
	Elf64_Ehdr eh;
	if (file.size < sizeof(eh))
		return 0;
	memcpy(&eh, file.at, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_ident[EI_DATA] != ELFDATA2LSB || le16toh(eh.e_type) != ET_DYN)
		return 0;
	uint64_t phoff = le64toh(eh.e_phoff);
	for (unsigned i = 0; i < le16toh(eh.e_phnum) && i < 8; i++) {
		Elf64_Phdr ph;
		struct span at = span_part(file, phoff + i * sizeof(ph), sizeof(ph));
		if (!at.at)
			return 0;
		memcpy(&ph, at.at, sizeof(ph));
		uint64_t off = le64toh(ph.p_offset), size = le64toh(ph.p_filesz);
		if (le32toh(ph.p_type) == PT_NOTE && off < file.size && size < file.size)
			return align_up(off + size, 8);
	}
	return 0;
}

static int read_head(struct turf_image *image, struct turf_error *err)
{
	uint64_t off = head_offset(image->bytes);
	struct span at = span_part(image->bytes, off, sizeof(struct urf_head));
	const struct urf_head *head = (const struct urf_head *)at.at;
	if (!off || !head || memcmp(head->magic, URF_MAGIC, sizeof(head->magic)) != 0)
		return turf_fail(err, -EBADMSG, off, "not an urf");
	if (le16_get(head->version) != URF_VERSION || le32_get(head->incompat))
		return turf_fail(err, -ENOTSUP, off,
		                 "urf of format version %u, features %#x: we read version %u",
		                 le16_get(head->version), le32_get(head->incompat),
		                 URF_VERSION);
	if (le16_get(head->kind) != URF_DEBUG)
		return turf_fail(err, -ENOTSUP, off, "urf of kind %u, not a debug urf",
		                 le16_get(head->kind));
	if (le16_get(head->head_size) < sizeof(*head) ||
	    le32_get(head->n_sections) < URF_N_SECTIONS ||
	    memcmp(head->layout, URF_LAYOUT, sizeof(head->layout)) != 0)
		return turf_fail(err, -EBADMSG, off,
		                 ".urf.head: layout is not that of version %u", URF_VERSION);
	if (le64_get(head->size) != image->bytes.size)
		return turf_fail(err, -EBADMSG, off,
		                 ".urf.head: urf of %llu bytes in a file of %zu",
		                 (unsigned long long)le64_get(head->size), image->bytes.size);
	if (head->source_id_size > sizeof(head->source_id))
		return turf_fail(err, -EBADMSG, off, ".urf.head: source id of %u bytes",
		                 head->source_id_size);
	image->head = head;
	image->base = le64_get(head->base);
	image->end = le64_get(head->end);
	return 0;
}

#define SET_TABLE(image, field, kind)                                                          \
	((image)->field.at = (const void *)(image)->sections[kind].at,                         \
	 (image)->field.n = (image)->sections[kind].size / sizeof(*(image)->field.at))

static int read_sections(struct turf_image *image, struct turf_error *err)
{
	for (size_t i = 0; i < URF_N_SECTIONS; i++) {
		uint64_t off = le64_get(image->head->sections[i].off);
		uint64_t size = le64_get(image->head->sections[i].size);
		struct span s = span_part(image->bytes, off, size);
		if (!s.at)
			return turf_fail(err, -EBADMSG, off, ".urf.%s: lies outside the file",
			                 turf_image_section_names[i]);
		image->sections[i] = s;
	}
	SET_TABLE(image, blocks, URF_BLOCKS);
	SET_TABLE(image, ranges, URF_RANGES);
	SET_TABLE(image, pages, URF_PAGES);
	SET_TABLE(image, symbols, URF_SYMBOLS);
	SET_TABLE(image, loads, URF_LOADS);
	SET_TABLE(image, scopes, URF_SCOPES);
	SET_TABLE(image, functions, URF_FUNCTIONS);
	SET_TABLE(image, files, URF_FILES);
	SET_TABLE(image, units, URF_UNITS);
	SET_TABLE(image, rows, URF_ROWS);
	SET_TABLE(image, rules, URF_RULES);
	SET_TABLE(image, saved, URF_SAVED);
	SET_TABLE(image, far, URF_FAR_RULES);
	image->segments = image->sections[URF_SEGMENTS];
	image->exprs = image->sections[URF_EXPRS];
	image->strings = image->sections[URF_STRINGS];
	struct span strings = image->strings;
	if (!strings.size || strings.at[strings.size - 1] != 0)
		return turf_fail(err, -EBADMSG,
		                 le64_get(image->head->sections[URF_STRINGS].off),
		                 ".urf.strings: does not end with a NUL");
	return 0;
}

void turf_image_close(struct turf_image *image)
{
	if (!image)
		return;
	turf_unmap(&image->map);
	free(image);
}

static void image_closep(struct turf_image **image)
{
	turf_image_close(*image);
}

/* Owns @map on success only. */
static int open_image(struct span bytes, const struct mapping *map, struct turf_image **ret,
                      struct turf_error *err)
{
	scoped(image_closep) struct turf_image *image = calloc(1, sizeof(*image));
	if (!image)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for an image handle");
	image->bytes = bytes;
	int r = read_head(image, err);
	if (r == 0)
		r = read_sections(image, err);
	if (r < 0)
		return r;
	if (map)
		image->map = *map;
	*ret = take_ptr(image);
	return 0;
}

int turf_image_open_mem(const void *bytes, size_t size, struct turf_image **ret,
                        struct turf_error *err)
{
	return open_image((struct span){ bytes, size }, NULL, ret, err);
}

int turf_image_open_fd(int fd, const char *name, struct turf_image **ret,
                       struct turf_error *err)
{
	struct mapping map;
	int r = turf_map_fd(fd, name, &map, err);
	if (r < 0)
		return r;
	r = open_image(map.bytes, &map, ret, err);
	if (r < 0) {
		turf_error_context(err, "%s", name);
		turf_unmap(&map);
	}
	return r;
}

int turf_image_open(const char *path, struct turf_image **ret, struct turf_error *err)
{
	scoped(closep) int fd = turf_open_read(path, err);
	return fd < 0 ? fd : turf_image_open_fd(fd, path, ret, err);
}

void turf_image_info(const struct turf_image *image, struct turf_image_info *out)
{
	const struct urf_head *head = image->head;
	*out = (struct turf_image_info){
		.machine = le16_get(head->machine),
		.version = le16_get(head->version),
		.flags = le32_get(head->flags),
		.base = image->base,
		.end = image->end,
		.source_id = head->source_id,
		.source_id_size = head->source_id_size,
		.build_id = head->build_id,
		.build_id_size = sizeof(head->build_id),
		.size = image->bytes.size,
		.n_functions = image->functions.n ? image->functions.n - 1 : 0,
		.n_ranges = image->ranges.n,
		.n_scopes = image->scopes.n ? image->scopes.n - 1 : 0,
		.n_symbols = image->symbols.n,
		.n_rows = image->rows.n,
		.n_rules = image->rules.n ? image->rules.n - 1 : 0,
		.n_blocks = image->blocks.n ? image->blocks.n - 1 : 0,
		.n_files = image->files.n ? image->files.n - 1 : 0,
		.n_units = image->units.n ? image->units.n - 1 : 0,
	};
}

int turf_image_addr_of_offset(const struct turf_image *image, uint64_t off, uint64_t *addr)
{
	for (int want_exec = 1; want_exec >= 0; want_exec--) {
		for (size_t i = 0; i < image->loads.n; i++) {
			const struct urf_load *load = &image->loads.at[i];
			uint64_t start = le64_get(load->off);
			bool exec = le32_get(load->flags) & PF_X;
			if (exec != want_exec || off < start ||
			    off - start >= le64_get(load->file_size))
				continue;
			*addr = le64_get(load->addr) + (off - start);
			return 1;
		}
	}
	return 0;
}
