/* SPDX-License-Identifier: MIT */
/*
 * Inside an open image: where its tables stand. Private to the room.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include "base/cursor.h"
#include "base/file.h"
#include "base/le.h"
#include "turf/image.h"

/* A table of the urf: what the header said, cut down to whole entries inside the file. */
#define TABLE(type)                                                                            \
	struct {                                                                               \
		const type *at;                                                                \
		size_t n;                                                                      \
	}

struct turf_image {
	struct mapping map; /* empty when the bytes are the caller's */
	struct span bytes;
	const struct urf_head *head;
	uint64_t base, end;
	struct span sections[URF_N_SECTIONS]; /* an empty one has at == NULL */
	TABLE(struct urf_block) blocks;
	TABLE(struct urf_range) ranges;
	TABLE(le32) pages;
	TABLE(struct urf_symbol) symbols;
	TABLE(struct urf_load) loads;
	TABLE(struct urf_scope) scopes;
	TABLE(struct urf_function) functions;
	TABLE(struct urf_file) files;
	TABLE(struct urf_unit) units;
	TABLE(struct urf_row) rows;
	TABLE(struct urf_rule) rules;
	TABLE(struct urf_saved) saved;
	TABLE(struct urf_far) far;
	struct span segments, exprs, strings;
};

/* Names of the sections, "blocks" for .urf.blocks. */
extern const char *const turf_image_section_names[URF_N_SECTIONS];

/* A decoded segment. */
struct segment {
	uint32_t start, end; /* rva */
	uint32_t scope, file, line, column;
};

/*
 * A walk over the segments of one block. Bytes are read without a bound on each: a segment has
 * at most SEGMENT_MAX, and turf_image_block() sees to it that so many lie behind the block.
 */
enum { LEB_MAX = 10, SEGMENT_MAX = 1 + 5 * LEB_MAX };
struct segments {
	const uint8_t *at, *end;
	struct segment next; /* decoded, its end not known yet */
	bool pending;        /* there is a next */
	unsigned n;
	uint32_t block_end; /* rva */
};

/* Begins at the @block-th block: 0 or -EBADMSG. */
int turf_image_block(const struct turf_image *image, size_t block, struct segments *walk);
/* 1, 0 end of the block, -EBADMSG. */
int turf_image_next_segment(struct segments *walk, struct segment *out);

/* The string at @off: 1, 0 where @off is 0 ("none", @out NULL), -EBADMSG outside. */
static inline int image_string(const struct turf_image *image, uint32_t off, const char **out)
{
	if (off >= image->strings.size && off)
		return -EBADMSG;
	*out = off ? (const char *)image->strings.at + off : NULL;
	return off != 0;
}

/* Rules of a row's index: 1, 0 no rule, -EBADMSG. */
int turf_image_rule(const struct turf_image *image, size_t idx, struct turf_unwind_row *out);
/* Number of the rule of the @idx-th row. */
uint32_t turf_image_row_rule(const struct turf_image *image, size_t idx);

#endif
