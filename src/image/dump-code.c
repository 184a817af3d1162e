/* SPDX-License-Identifier: MIT */
/*
 * As text: segments with their inline chains, functions with their tables, names.
 */
#include <inttypes.h>

#include "image/dump.h"

/* A text, "-" for none, "<bad>" for one that cannot be read. */
static void put_text(const struct turf_image *image, turf_text text, FILE *out)
{
	char small[1024];
	ssize_t n = turf_image_text(image, text, small, sizeof(small));
	size_t size = n > 0 ? (size_t)n + 1 : 0;
	scoped(freep) char *big =
		size > sizeof(small) && size <= URF_TEXT_MAX ? malloc(size) : NULL;
	if (n < 0 || (size > sizeof(small) && !big))
		fputs("<bad>", out);
	else if (n == 0)
		fputs("-", out);
	else if (!big)
		fputs(small, out);
	else if (turf_image_text(image, text, big, size) == n)
		fputs(big, out);
}

/* A file's path as turf_image_path() makes it, of any length. */
static void put_path(const struct turf_image *image, uint32_t file, FILE *out)
{
	struct turf_file f;
	char path[4096];
	ssize_t n = turf_image_path(image, file, path, sizeof(path));
	if (n >= 0 && (size_t)n < sizeof(path)) {
		fputs(path, out);
	} else if (n < 0 || turf_image_file(image, file, &f) != 1) {
		fputs("<bad>", out);
	} else {
		put_text(image, f.directory, out);
		fputc('/', out);
		put_text(image, f.name, out);
	}
}

static void put_segment(const struct turf_image *image, const struct walk *walk, FILE *out)
{
	struct turf_frame frames[TURF_FRAMES_MAX];
	if (!walk->depth) {
		fputs(" nobody's", out);
		return;
	}
	if (turf_walk_frames(image, walk, walk->start, frames) < 0) {
		fputs(" <bad>", out);
		return;
	}
	for (uint32_t i = walk->depth; i-- > 0;) {
		const struct turf_frame *f = &frames[i];
		fputc(' ', out);
		put_text(image, f->linkage_name ? f->linkage_name : f->name, out);
		fputc(' ', out);
		put_path(image, f->file, out);
		fprintf(out, ":%u:%u%s", f->line, f->column, i ? " >" : "");
	}
}

/* Blocks, and with them every segment: outermost function first. */
void turf_dump_blocks(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i + 1 < image->blocks.n; i++) {
		struct walk walk;
		uint32_t end = le32_get(image->blocks.at[i + 1].start);
		int r = turf_walk_begin(image, i, &walk);
		fprintf(out, "%zu: start %#x function %u inlined %u\n", i,
		        le32_get(image->blocks.at[i].start), r < 0 ? 0 : walk.function,
		        r < 0 || !walk.depth ? 0 : walk.depth - 1);
		for (r = r < 0 ? r : 1; r == 1;) {
			uint32_t start = walk.start, next;
			struct walk at = walk;
			r = turf_walk_next(image, &walk);
			next = r == 1 ? walk.start : end;
			fprintf(out, "  %#x..%#x", start, next);
			put_segment(image, &at, out);
			fputc('\n', out);
		}
		if (r < 0)
			fprintf(out, "  <bad>\n");
	}
}

void turf_dump_ops(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i < image->ops.n; i++) {
		const struct urf_op *op = &image->ops.at[i];
		fprintf(out, "%zu: pop %u push %u site %+d advance %u line %+d\n", i,
		        op->pop_push & 15, op->pop_push >> 4, op->site, op->advance, op->line);
	}
}

static void put_place(const struct turf_image *image, const char *what, uint32_t i,
                      const struct place *p, FILE *out)
{
	fprintf(out, "  %s %u: ", what, i);
	put_path(image, p->file, out);
	fprintf(out, ":%u:%u", p->line, p->column);
}

/* Stops at the first line or site that is damaged. */
static int dump_tables(const struct turf_image *image, struct function *f, FILE *out)
{
	struct place p;
	for (uint32_t i = 0; i < f->n_lines; i++) {
		if (turf_function_line(f, i, &p) < 0)
			return -EBADMSG;
		put_place(image, "line", i, &p, out);
		fputc('\n', out);
	}
	if (f->n_sites && turf_function_sites(f) < 0)
		return -EBADMSG;
	for (uint32_t i = 0; i < f->n_sites; i++) {
		uint32_t called;
		if (turf_function_site(f, i, &p, &called) < 0)
			return -EBADMSG;
		put_place(image, "site", i, &p, out);
		fprintf(out, " calls %u\n", called);
	}
	return 0;
}

void turf_dump_functions(const struct turf_image *image, FILE *out)
{
	for (uint32_t i = 1; i < image->n_functions; i++) {
		struct function f;
		fprintf(out, "%u: ", i);
		if (turf_function_read(image, i, &f) < 0) {
			fputs("<bad>\n", out);
			continue;
		}
		put_text(image, f.name, out);
		if (f.linkage_name) {
			fputs(" linkage ", out);
			put_text(image, f.linkage_name, out);
		}
		fputs(" declared at ", out);
		put_path(image, f.file, out);
		fprintf(out, ":%u\n", f.line);
		if (dump_tables(image, &f, out) < 0)
			fputs("  <bad>\n", out);
	}
}

static void put_files(const struct turf_image *image, uint32_t from, uint32_t end, FILE *out)
{
	for (uint32_t i = from; i < end; i++) {
		struct turf_file file;
		if (turf_image_file(image, i, &file) != 1)
			break;
		fprintf(out, "%u: ", i);
		put_text(image, (uint32_t)file.name, out);
		fputs(" in ", out);
		put_text(image, (uint32_t)file.directory, out);
		fputc('\n', out);
	}
}

void turf_dump_files(const struct turf_image *image, FILE *out)
{
	put_files(image, 1, image->files.n, out);
}

void turf_dump_more_files(const struct turf_image *image, FILE *out)
{
	put_files(image, image->files.n, UINT32_MAX, out);
}

void turf_dump_units(const struct turf_image *image, FILE *out)
{
	for (uint32_t i = 1; i < image->units.n; i++) {
		fprintf(out, "%u: ", i);
		put_text(image, packed_get(&image->units, i, 0), out);
		fputs(" in ", out);
		put_text(image, packed_get(&image->units, i, 1), out);
		fprintf(out, " dwarf %u language %#x producer ",
		        packed_get(&image->units, i, 4), packed_get(&image->units, i, 3));
		put_text(image, packed_get(&image->units, i, 2), out);
		fputc('\n', out);
	}
}

void turf_dump_unit_starts(const struct turf_image *image, FILE *out)
{
	for (uint32_t i = 0; i < image->unit_starts.n; i++)
		fprintf(out, "%u: from %#x unit %u\n", i, packed_get(&image->unit_starts, i, 0),
		        packed_get(&image->unit_starts, i, 1));
}

static void put_phrases(const struct text_pool *pool, FILE *out)
{
	for (size_t i = 0; i + 1 < pool->phrases.n; i++) {
		uint32_t off = le32_get(pool->phrases.at[i]);
		uint32_t end = le32_get(pool->phrases.at[i + 1]);
		struct span text = end < off ? (struct span){ NULL, 0 }
		                             : span_part(pool->phrase_text, off, end - off);
		fprintf(out, "%zu: %.*s\n", i,
		        text.at ? (int)MIN(text.size, (size_t)URF_PHRASE_MAX) : 5,
		        text.at ? (const char *)text.at : "<bad>");
	}
}

void turf_dump_phrases(const struct turf_image *image, FILE *out)
{
	put_phrases(&image->pool, out);
}

void turf_dump_more_phrases(const struct turf_image *image, FILE *out)
{
	put_phrases(&image->more, out);
}

static void put_texts(const struct turf_image *image, uint32_t from, uint32_t n, FILE *out)
{
	for (uint32_t i = from; i - from < n; i++) {
		fprintf(out, "%u: ", i);
		put_text(image, i, out);
		fputc('\n', out);
	}
}

void turf_dump_texts(const struct turf_image *image, FILE *out)
{
	put_texts(image, 1, image->n_texts ? image->n_texts - 1 : 0, out);
}

void turf_dump_more_texts(const struct turf_image *image, FILE *out)
{
	put_texts(image, image->n_texts, image->more.n, out);
}

void turf_dump_symbols(const struct turf_image *image, FILE *out)
{
	for (uint32_t i = 0; i < image->n_symbols; i++) {
		struct symbol s;
		fprintf(out, "%u: ", i);
		if (turf_image_symbol_at(image, i, &s) != 1) {
			fputs("<bad>\n", out);
			continue;
		}
		fprintf(out, "%#x size %u type %u bind %u ", s.start, s.size, s.type, s.bind);
		put_text(image, s.text, out);
		fputc('\n', out);
	}
}
