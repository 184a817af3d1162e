/* SPDX-License-Identifier: MIT */
/*
 * An urf of any bytes: opened, asked for many addresses, checked and dumped.
 *
 * The hash over the content is made right first, so that the checks behind it are reached.
 * Corpus: sample.urf is the urf of tests/image/urf.h, marks.urf that of
 * tests/image/test-marks.c, names.urf that of tests/image/test-names.c; hello.urf is `turf
 * index -o` of `static inline int two(int a) { __asm__ volatile("nop"); return a * 2; } int
 * main(int n, char **v) { return two(n) + v[0][two(1)]; }`, compiled by gcc -g -O2 -nostdlib
 * -static -Wl,-e,main -ffile-prefix-map=$PWD=/src.
 * variables.urf is made like hello.urf, of a program with a global variable, a static, one of
 * each thread, a block and an inlined call.
 */
#include <xxhash.h>

#include "image/image.h"
#include "turf/macros.h"
#include "turf/names.h"
#include "turf/types.h"
#include "turf/variables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(uint8_t *bytes, size_t size)
{
	struct turf_image *image;
	if (turf_image_open_mem(bytes, size, &image, NULL) < 0)
		return;
	struct urf_head *head = (struct urf_head *)image->head;
	XXH128_canonical_t hash;
	memset(head->content, 0, sizeof(head->content));
	XXH128_canonicalFromHash(&hash, XXH3_128bits(bytes, size));
	memcpy(head->content, hash.digest, sizeof(head->content));
	turf_image_close(image);
}

static void read_frame(const struct turf_image *image, const struct turf_frame *f)
{
	char text[64];
	(void)turf_image_text(image, f->name, text, sizeof(text));
	(void)turf_image_text(image, f->linkage_name, text, 1);
	(void)turf_image_path(image, f->file, text, sizeof(text));
	uint32_t file, line;
	(void)turf_image_declared(image, f->function, &file, &line);
}

/* The walk over rows begins with what a look-up finds. */
static void read_rows(const struct turf_image *image, uint64_t addr)
{
	struct turf_row row, first = { 0 };
	struct turf_rows walk;
	int r = turf_image_find_row(image, addr, &row);
	if (turf_image_rows(image, addr, &walk) < 0 || turf_rows_next(&walk, &first) < 0)
		return;
	if (r == 1 ? first.start != row.start || first.end != row.end
	           : r == 0 && addr >= first.start && addr < first.end)
		abort();
}

static int some_word(void *ctx, uint64_t *value)
{
	*value = (uintptr_t)ctx;
	return 0;
}

static int some_register(void *ctx, uint32_t reg, uint64_t *value)
{
	*value = (uintptr_t)ctx + reg;
	return reg < 32 ? 0 : -1;
}

static int some_memory(void *ctx, uint64_t addr, void *out, size_t size)
{
	(void)ctx;
	memset(out, (int)addr, size);
	return addr & 1 ? -1 : 0;
}

/* An expression: evaluated, and as text. */
static void read_expr(const struct turf_image *image, const uint8_t *expr, size_t size)
{
	const struct turf_context context = { .reg = some_register,
		                              .memory = some_memory,
		                              .cfa = some_word };
	struct turf_piece pieces[4];
	char text[64];
	(void)turf_location_evaluate(image, expr, size, &context, pieces, COUNT(pieces));
	(void)turf_location_ops(expr, size, text, sizeof(text));
	(void)turf_location_words(62, expr, size, text, sizeof(text));
}

static void read_variables(const struct turf_image *image, uint64_t addr)
{
	static struct turf_locals locals;
	struct turf_local local;
	struct turf_body body;
	struct turf_body_event e;
	struct turf_global global;
	uint32_t function;
	for (uint32_t frame = 0; frame < 3; frame++)
		if (turf_image_locals(image, addr, frame, &locals) == 1)
			while (turf_locals_next(&locals, &local) == 1)
				read_expr(image, local.expr, local.expr_size);
	if (turf_image_body(image, addr, &body) == 1)
		for (unsigned i = 0; i < 1000 && turf_body_next(&body, &e) == 1; i++) {
			(void)turf_body_function(&body, &function);
			read_expr(image, e.expr, e.expr_size);
		}
	(void)turf_image_find_global(image, addr, &global);
	(void)turf_image_global(image, (uint32_t)addr, &global);
}

static void look_up(const struct turf_image *image, uint64_t addr)
{
	struct turf_frames walk;
	struct turf_frame frame;
	struct turf_function function;
	struct turf_symbol symbol;
	struct turf_unit unit;
	struct turf_unwind_row row;
	struct turf_rule rule;
	uint8_t reg;
	if (turf_image_frames(image, addr, &walk) == 1)
		while (turf_frames_next(&walk, &frame) == 1)
			read_frame(image, &frame);
	uint32_t discriminators[4];
	(void)turf_image_discriminators(image, addr, discriminators, COUNT(discriminators));
	(void)turf_image_find_function(image, addr, &function);
	(void)turf_image_find_symbol(image, addr, &symbol);
	(void)turf_image_find_unit(image, addr, &unit);
	if (turf_image_find_unwind(image, addr, &row) == 1)
		for (size_t i = 0; turf_unwind_saved(image, &row, i, &reg, &rule) == 1; i++)
			;
	read_rows(image, addr);
	read_variables(image, addr);
	(void)turf_image_addr_of_offset(image, addr, &addr);
}

/*
 * Many at once answer what one at a time does, of an urf that is @whole: in a damaged one a
 * point may contradict the segments before it, and the answer is that of where one begins.
 */
static void look_up_many(const struct turf_image *image, const uint64_t *addrs, size_t n,
                         bool whole)
{
	enum { N_FRAMES = 512, N_ADDRS = 66 };
	static struct turf_frame frames[N_FRAMES];
	uint32_t first[N_ADDRS + 1];
	ssize_t done = turf_image_frames_bulk(image, addrs, n, frames, N_FRAMES, first);
	for (ssize_t i = 0; i < done; i++) {
		struct turf_frames walk;
		struct turf_frame f;
		if (turf_image_frames(image, addrs[i], &walk) != 1)
			continue;
		for (uint32_t k = first[i]; turf_frames_next(&walk, &f) == 1; k++)
			if (whole &&
			    (k >= first[i + 1] || frames[k].name != f.name ||
			     frames[k].line != f.line || frames[k].function != f.function))
				abort();
	}
}

/* All texts that fit, and what is called so. */
static void read_names(const struct turf_image *image)
{
	char text[64];
	struct turf_all_texts texts;
	struct turf_names walk;
	struct turf_name name;
	turf_text number;
	size_t n;
	turf_image_texts(image, text, sizeof(text), &texts);
	for (int i = 0; i < 256 && turf_all_texts_next(&texts, &number, &n) == 1; i++)
		if (turf_image_names(image, text, MIN(n, sizeof(text)), &walk) == 0)
			while (turf_names_next(&walk, &name) == 1)
				;
}

/* Enough after some. */
static int tell_place(void *ctx, const struct turf_place *place)
{
	if (place->addr >= place->end)
		abort();
	return ++*(unsigned *)ctx == 256;
}

static int tell_code(void *ctx, const struct turf_code *code)
{
	if (code->start >= code->end)
		abort();
	return ++*(unsigned *)ctx == 256;
}

static void read_places(const struct turf_image *image)
{
	for (uint32_t i = 0; i < 16; i++) {
		unsigned places = 0, code = 0;
		(void)turf_image_places(image, i % 4, 2 * i, tell_place, &places);
		(void)turf_image_code(image, i, tell_code, &code);
	}
}

static void read_methods(const struct turf_image *image, const struct turf_type *type)
{
	struct turf_methods walk;
	struct turf_method method;
	char text[64];
	uint32_t parameter;
	if (turf_type_methods(type, &walk) < 0)
		return;
	while (turf_methods_next(&walk, &method) == 1) {
		(void)turf_image_text(image, method.name, text, sizeof(text));
		while (turf_method_parameter(&method, &parameter) == 1)
			;
	}
}

static void read_types(const struct turf_image *image)
{
	uint32_t n = turf_image_n_types(image);
	for (uint32_t i = 0; i < MIN(n, 300U); i++) {
		struct turf_type type;
		struct turf_type_items walk;
		struct turf_type_item item;
		uint64_t bytes;
		char text[64];
		if (turf_image_type(image, i, &type) != 1)
			continue;
		turf_type_items(&type, &walk);
		while (turf_type_items_next(&walk, &item) == 1)
			(void)turf_image_text(image, item.name, text, sizeof(text));
		read_methods(image, &type);
		(void)turf_image_type_size(image, i, &bytes);
		(void)turf_image_type_name(image, i, text, sizeof(text));
		(void)turf_image_type_declare(image, i, "x", text, 1);
	}
}

static void read_macros(const struct turf_image *image)
{
	uint32_t n = turf_image_n_macros(image);
	for (uint32_t i = 0; i < MIN(n, 300U); i++) {
		struct turf_macro macro;
		char text[64];
		if (turf_image_macro(image, i, &macro) != 1)
			continue;
		(void)turf_image_text(image, macro.name, text, sizeof(text));
		(void)turf_image_text(image, macro.body, text, sizeof(text));
	}
}

static void ask(const struct turf_image *image, size_t size)
{
	struct turf_image_info info;
	turf_image_info(image, &info);
	uint64_t step = info.end > info.base ? (info.end - info.base) / 64 + 1 : 1;
	uint64_t addrs[66];
	for (unsigned i = 0; i < COUNT(addrs); i++) {
		addrs[i] = info.base + (i - 1) * step;
		look_up(image, addrs[i]);
	}
	look_up(image, UINT64_MAX);
	look_up_many(image, addrs, COUNT(addrs), turf_image_verify(image, NULL) == 0);
	read_names(image);
	read_places(image);
	read_types(image);
	read_macros(image);
	if (size >= 16384)
		return;
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	(void)turf_image_dump(image, NULL, out, NULL);
	fclose(out);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes =
		malloc(size ? size : 1); /* exactly: ASan sees the first byte too many */
	struct turf_image *image;
	if (!bytes)
		return 0;
	if (size)
		memcpy(bytes, data, size);
	seal(bytes, size);
	if (turf_image_open_mem(bytes, size, &image, NULL) == 0) {
		ask(image, size);
		turf_image_close(image);
	}
	free(bytes);
	return 0;
}
