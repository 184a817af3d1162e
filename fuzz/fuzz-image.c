/* SPDX-License-Identifier: MIT */
/*
 * An urf of any bytes: opened, asked for many addresses, checked and dumped.
 *
 * The hash over the content is made right first, so that the checks behind it are reached.
 * Corpus: sample.urf is the urf of tests/lib/urf.h; hello.urf is `turf index -o` of
 * `int main(void) { return 0; }` compiled by gcc -g -O1 -nostdlib -static -Wl,-e,main
 * -ffile-prefix-map=$PWD=/src.
 */
#include <xxhash.h>

#include "image/image.h"

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

static void look_up(const struct turf_image *image, uint64_t addr)
{
	struct turf_frames walk;
	struct turf_frame frame;
	struct turf_function function;
	struct turf_symbol symbol;
	struct turf_unwind_row row;
	struct turf_rule rule;
	uint8_t reg;
	struct turf_unit unit;
	char text[256];
	if (turf_image_frames(image, addr, &walk) == 1)
		while (turf_frames_next(&walk, &frame) == 1) {
			(void)turf_image_path(image, frame.file, text, sizeof(text));
			(void)turf_image_text(image, frame.name, text, sizeof(text));
			(void)turf_image_text(image, frame.linkage_name, text, sizeof(text));
		}
	if (turf_image_find_unit(image, addr, &unit) == 1)
		(void)turf_image_text(image, unit.producer, text, sizeof(text));
	(void)turf_image_find_function(image, addr, &function);
	(void)turf_image_find_symbol(image, addr, &symbol);
	if (turf_image_find_unwind(image, addr, &row) == 1)
		for (size_t i = 0; turf_unwind_saved(image, &row, i, &reg, &rule) == 1; i++)
			;
	(void)turf_image_addr_of_offset(image, addr, &addr);
}

/* With little room: what does not fit is asked for again. */
static void look_up_bulk(const struct turf_image *image, const struct turf_image_info *info,
                         uint64_t step)
{
	enum { N = 64, ROOM = 24 };
	uint64_t addrs[N];
	struct turf_frame frames[ROOM];
	uint32_t first[N + 1];
	for (unsigned i = 0; i < N; i++)
		addrs[i] = info->base + i * step;
	ssize_t n;
	for (size_t done = 0; done < N; done += (size_t)n) {
		n = turf_image_frames_bulk(image, addrs + done, N - done, frames, ROOM, first);
		if (n <= 0)
			break;
		if ((size_t)n > N - done || first[n] > ROOM)
			abort();
	}
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
		struct turf_image_info info;
		turf_image_info(image, &info);
		uint64_t step = info.end > info.base ? (info.end - info.base) / 64 + 1 : 1;
		for (unsigned i = 0; i < 66; i++)
			look_up(image, info.base + (i - 1) * step);
		look_up(image, UINT64_MAX);
		look_up_bulk(image, &info, step);
		(void)turf_image_verify(image, NULL);
		if (size < 4096) {
			char *text = NULL;
			size_t n = 0;
			FILE *out = open_memstream(&text, &n);
			(void)turf_image_dump(image, NULL, out, NULL);
			fclose(out);
			free(text);
		}
		turf_image_close(image);
	}
	free(bytes);
	return 0;
}
