/* SPDX-License-Identifier: MIT */
/* Dumps of names, places and macros. */
#include "image/dump.h"
#include "image/names.h"
#include "turf/macros.h"

static const char *const kinds[] = {
	[TURF_NAME_FUNCTION] = "function",
	[TURF_NAME_SYMBOL] = "symbol",
	[TURF_NAME_TYPE] = "type",
	[TURF_NAME_VARIABLE] = "variable",
	[TURF_NAME_ENUMERATOR] = "enumerator",
	[TURF_NAME_FILE] = "file",
	[TURF_NAME_MACRO] = "macro",
};

void turf_dump_name_index(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu buckets of names\n",
	        image->name_index.n ? image->name_index.n - 1 : 0);
}

void turf_dump_names(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i + 1 < image->name_index.n; i++) {
		uint32_t off = le32_get(image->name_index.at[i]);
		uint32_t end = le32_get(image->name_index.at[i + 1]);
		if (off > end || end > image->names.size) {
			fprintf(out, "<bad>\n");
			return;
		}
		const uint8_t *at = image->names.at + off;
		while (at < image->names.at + end) {
			uint8_t tag = *at++;
			struct turf_name name = take_name(&at);
			fprintf(out, "bucket %zu tag %02x %s %u", i, tag,
			        (size_t)name.kind < COUNT(kinds) ? kinds[name.kind] : "<bad>",
			        name.number);
			if (name.kind == TURF_NAME_ENUMERATOR)
				fprintf(out, " item %u", name.index);
			fputc('\n', out);
		}
	}
}

void turf_dump_place_index(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu offsets of lists\n", image->place_index.n);
}

static int dump_functions(const struct turf_image *image, uint32_t file, FILE *out)
{
	struct place_list l;
	int r = turf_places_file(image, file, &l);
	if (r != 1 || !l.n)
		return r;
	fprintf(out, "file %u functions", file);
	while ((r = place_next(&l)) == 1) {
		fprintf(out, " %u:%u", l.function, l.lowest);
		if (l.highest != UINT32_MAX)
			fprintf(out, "-%u", l.highest);
	}
	fputc('\n', out);
	return r == 0 ? 1 : r;
}

static int dump_blocks(const struct turf_image *image, uint32_t function, FILE *out)
{
	struct block_list l;
	size_t block;
	int r = turf_places_blocks(image, function, &l);
	if (r < 0 || (!l.left && !l.more))
		return r;
	fprintf(out, "function %u blocks", function);
	while ((r = block_next(&l, &block)) == 1 && block < image->blocks.n)
		fprintf(out, " %zu", block);
	fputc('\n', out);
	return r == 0 ? 1 : -EBADMSG;
}

void turf_dump_places(const struct turf_image *image, FILE *out)
{
	int r = 1;
	if (!image->place_index.n)
		return;
	for (uint32_t i = 0; r == 1 && i < image->files.n; i++)
		r = dump_functions(image, i, out);
	for (uint32_t i = 0; r == 1 && i < image->n_functions; i++)
		r = dump_blocks(image, i, out);
	if (r != 1)
		fprintf(out, "<bad>\n");
}

void turf_dump_macros(const struct turf_image *image, FILE *out)
{
	uint32_t n = turf_image_n_macros(image);
	for (uint32_t i = 0; i < n; i++) {
		struct turf_macro m;
		if (turf_image_macro(image, i, &m) != 1) {
			fprintf(out, "<bad>\n");
			return;
		}
		fprintf(out, "%u: %s text %u body %u file %u line %u\n", i,
		        m.undefined ? "undef" : "define", (uint32_t)m.name, (uint32_t)m.body,
		        m.file, m.line);
	}
}
