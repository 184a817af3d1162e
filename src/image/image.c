/* SPDX-License-Identifier: MIT */
/*
 * Opening an urf: one mapping, one bounded check of its header; nothing else is read.
 *
 * Trust:  none. What is checked here: the head, that every section lies inside the file with
 *         some bytes behind it, that indexes are as long as what they index. Look-ups bound
 *         every number they read.
 * Source: docs/format.md; System V gABI chapter 4 for the ELF header around it
 */
#include <elf.h>

#include "image/image.h"

const char *const turf_image_section_names[URF_N_SECTIONS] = {
	[URF_TOPS] = "tops",
	[URF_BLOCKS] = "blocks",
	[URF_OPS] = "ops",
	[URF_INDEX] = "index",
	[URF_SEGMENTS] = "segments",
	[URF_FUNCTIONS] = "functions",
	[URF_FILES] = "files",
	[URF_TEXT_INDEX] = "text.index",
	[URF_PHRASES] = "phrases",
	[URF_PHRASE_TEXT] = "phrase.text",
	[URF_TEXTS] = "texts",
	[URF_SYMBOLS] = "symbols",
	[URF_SYMBOL_DATA] = "symbol.data",
	[URF_LOADS] = "loads",
	[URF_UNITS] = "units",
	[URF_UNIT_STARTS] = "unit.starts",
	[URF_PAGES] = "pages",
	[URF_ROWS] = "rows",
	[URF_STEPS] = "steps",
	[URF_FAR_STEPS] = "far",
	[URF_RULES] = "rules",
	[URF_SAVED] = "saved",
	[URF_EXPRS] = "exprs",
	[URF_SETS] = "sets",
	[URF_KEPT_INDEX] = "kept.index",
	[URF_KEPT] = "kept",
	[URF_MARKS] = "marks",
	[URF_MARK_DATA] = "mark.data",
	[URF_CALLS] = "calls",
	[URF_CALL_DATA] = "call.data",
	[URF_MORE_INDEX] = "more.index",
	[URF_MORE_PHRASES] = "more.phrases",
	[URF_MORE_PHRASE_TEXT] = "more.phrase.text",
	[URF_MORE_TEXTS] = "more.texts",
	[URF_MORE_FILES] = "more.files",
	[URF_TYPE_INDEX] = "type.index",
	[URF_TYPES] = "types",
	[URF_DETAIL_INDEX] = "detail.index",
	[URF_DETAIL_PAIRS] = "detail.pairs",
	[URF_DETAILS] = "details",
	[URF_BODIES] = "bodies",
	[URF_BODY_DATA] = "body.data",
	[URF_LOCATION_INDEX] = "location.index",
	[URF_LOCATIONS] = "locations",
	[URF_MODELS] = "models",
	[URF_VARIABLE_INDEX] = "variable.index",
	[URF_VARIABLES] = "variables",
	[URF_NAME_INDEX] = "name.index",
	[URF_NAMES] = "names",
	[URF_PLACE_INDEX] = "place.index",
	[URF_PLACES] = "places",
	[URF_MACROS] = "macros",
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

/* URF_BEHIND bytes behind whatever a section holds: look-ups may load them. */
static int read_sections(struct turf_image *image, struct turf_error *err)
{
	for (size_t i = 0; i < URF_N_SECTIONS; i++) {
		uint64_t off = le64_get(image->head->sections[i].off);
		uint64_t size = le64_get(image->head->sections[i].size);
		struct span s = span_part(image->bytes, off, size);
		if (!s.at || image->bytes.size - off - size < URF_BEHIND)
			return turf_fail(err, -EBADMSG, off, ".urf.%s: lies outside the file",
			                 turf_image_section_names[i]);
		image->sections[i] = s;
	}
	return 0;
}

#define SET_TABLE(image, field, kind)                                                          \
	((image)->field.at = (const void *)(image)->sections[kind].at,                         \
	 (image)->field.n = (image)->sections[kind].size / sizeof(*(image)->field.at))

static void set_tables(struct turf_image *image)
{
	SET_TABLE(image, tops, URF_TOPS);
	SET_TABLE(image, blocks, URF_BLOCKS);
	SET_TABLE(image, ops, URF_OPS);
	SET_TABLE(image, pool.index, URF_TEXT_INDEX);
	SET_TABLE(image, pool.phrases, URF_PHRASES);
	SET_TABLE(image, more.index, URF_MORE_INDEX);
	SET_TABLE(image, more.phrases, URF_MORE_PHRASES);
	SET_TABLE(image, groups, URF_SYMBOLS);
	SET_TABLE(image, pages, URF_PAGES);
	SET_TABLE(image, loads, URF_LOADS);
	SET_TABLE(image, rows, URF_ROWS);
	SET_TABLE(image, steps, URF_STEPS);
	SET_TABLE(image, far, URF_FAR_STEPS);
	SET_TABLE(image, rules, URF_RULES);
	SET_TABLE(image, saved, URF_SAVED);
	SET_TABLE(image, sets, URF_SETS);
	SET_TABLE(image, kept_index, URF_KEPT_INDEX);
	SET_TABLE(image, marks, URF_MARKS);
	SET_TABLE(image, calls, URF_CALLS);
	image->segments = image->sections[URF_SEGMENTS];
	image->functions = image->sections[URF_FUNCTIONS];
	image->pool.phrase_text = image->sections[URF_PHRASE_TEXT];
	image->pool.texts = image->sections[URF_TEXTS];
	image->more.phrase_text = image->sections[URF_MORE_PHRASE_TEXT];
	image->more.texts = image->sections[URF_MORE_TEXTS];
	image->symbol_data = image->sections[URF_SYMBOL_DATA];
	image->exprs = image->sections[URF_EXPRS];
	image->kept = image->sections[URF_KEPT];
	image->mark_data = image->sections[URF_MARK_DATA];
	image->call_data = image->sections[URF_CALL_DATA];
	SET_TABLE(image, name_index, URF_NAME_INDEX);
	image->names = image->sections[URF_NAMES];
	SET_TABLE(image, place_index, URF_PLACE_INDEX);
	image->places = image->sections[URF_PLACES];
}

/* A packed table, of which the head says all but the rows: false where these lie outside. */
static bool read_packed(const struct urf_packed *head, struct span section,
                        struct packed *table)
{
	*table = (struct packed){ .rows = section.at, .n = le32_get(head->n) };
	for (unsigned i = 0; i < URF_COLUMNS_MAX; i++) {
		if (head->width[i] > COLUMN_BITS_MAX)
			return false;
		table->off[i] = (uint8_t)table->row_bits;
		table->width[i] = head->width[i];
		table->row_bits += table->width[i];
	}
	if (!table->row_bits && table->n > 1) /* any number of rows would fit */
		return false;
	return bits_size(table->n, table->row_bits) <= section.size;
}

static int read_tables(struct turf_image *image, struct turf_error *err)
{
	const struct {
		enum urf_section_kind kind;
		struct packed *table;
	} tables[URF_N_PACKED] = {
		[URF_PACKED_INDEX] = { URF_INDEX, &image->index },
		[URF_PACKED_FILES] = { URF_FILES, &image->files },
		[URF_PACKED_UNITS] = { URF_UNITS, &image->units },
		[URF_PACKED_UNIT_STARTS] = { URF_UNIT_STARTS, &image->unit_starts },
		[URF_PACKED_MORE_FILES] = { URF_MORE_FILES, &image->more_files },
	};
	for (size_t i = 0; i < COUNT(tables); i++)
		if (!read_packed(&image->head->packed[i], image->sections[tables[i].kind],
		                 tables[i].table))
			return turf_fail(err, -EBADMSG,
			                 le64_get(image->head->sections[tables[i].kind].off),
			                 ".urf.%s: rows lie outside",
			                 turf_image_section_names[tables[i].kind]);
	return 0;
}

/* Where the levels of the tops are: how many entries they have; of more blocks than offsets can
 * tell, as no table has. */
static uint64_t find_levels(struct turf_image *image)
{
	uint64_t sum = 0;
	if (image->blocks.n > UINT32_MAX)
		return UINT64_MAX;
	for (uint64_t n = image->blocks.n; n > URF_TOP; sum += n) {
		n = (n + URF_TOP - 1) / URF_TOP;
		image->levels[image->n_levels].off = (uint32_t)sum;
		image->levels[image->n_levels++].n = (uint32_t)n;
	}
	return sum;
}

/* Counts of the head, which index what is found by number. */
static int read_counts(struct turf_image *image, struct turf_error *err)
{
	image->n_functions = le32_get(image->head->n_functions);
	image->n_texts = image->pool.n = le32_get(image->head->n_texts);
	/* numbers go on behind those of the first pool, within 32 bits */
	image->more.n = MIN(le32_get(image->head->n_more_texts), UINT32_MAX - image->n_texts);
	image->n_types = le32_get(image->head->n_types);
	image->n_variables = le32_get(image->head->n_variables);
	image->n_symbols = le32_get(image->head->n_symbols);
	int r = read_tables(image, err);
	if (r < 0)
		return r;
	const struct {
		enum urf_section_kind kind;
		uint64_t entries, n, step;
	} counts[] = {
		{ URF_INDEX, image->index.n,
		  (uint64_t)image->n_functions + !!image->n_functions, 1 },
		{ URF_TEXT_INDEX, image->pool.index.n, image->n_texts, URF_TEXT_STEP },
		{ URF_MORE_INDEX, image->more.index.n, image->more.n, URF_TEXT_STEP },
		{ URF_SYMBOLS, image->groups.n, image->n_symbols, URF_SYMBOL_STEP },
		{ URF_TOPS, image->tops.n, find_levels(image), 1 },
		{ URF_VARIABLE_INDEX, image->sections[URF_VARIABLE_INDEX].size / sizeof(le32),
		  image->n_variables, URF_GLOBAL_STEP },
	};
	for (size_t i = 0; i < COUNT(counts); i++)
		if (counts[i].entries != (counts[i].n + counts[i].step - 1) / counts[i].step)
			return turf_fail(err, -EBADMSG,
			                 le64_get(image->head->sections[counts[i].kind].off),
			                 ".urf.%s: does not go with the number of records",
			                 turf_image_section_names[counts[i].kind]);
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
	if (r == 0) {
		set_tables(image);
		r = read_counts(image, err);
	}
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
		.n_functions = image->n_functions ? image->n_functions - 1 : 0,
		.n_blocks = image->blocks.n ? image->blocks.n - 1 : 0,
		.n_files = image->files.n ? image->files.n - 1 : 0,
		.n_units = image->units.n ? image->units.n - 1 : 0,
		.n_texts = image->n_texts ? image->n_texts - 1 : 0,
		.n_symbols = image->n_symbols,
		.n_rows = image->rows.n,
		.n_rules = image->steps.n ? image->steps.n - 1 : 0,
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
