/* SPDX-License-Identifier: MIT */
/*
 * Coded sections as they are written: symbols counted, models made of the counts, symbols coded
 * by them. Private to the room. See image/coded.h for how they are read.
 *
 * A part's groups are gone over twice by the same code, which says its symbols to a coder: one
 * that counts, then one that writes.
 */
#ifndef BUILD_CODER_H
#define BUILD_CODER_H

#include "build/build.h"

/* A symbol's share of 2^URF_CODE_BITS; size 0: the model has none for it. */
struct code_share {
	uint16_t start, size;
};
typedef struct code_share code_shares[256];
typedef uint32_t code_counts[256];

struct coder {
	const uint32_t *first;     /* model of each field, the one of the field itself */
	code_counts *counts;       /* by model; NULL: it writes */
	const code_shares *shares; /* by model */
	struct buf *out;
	size_t begin; /* of the group in it */
	uint64_t low, pending;
	uint32_t range;
	uint8_t held;
	bool holds; /* a byte that may yet become one more */
	bool no_memory;
};

void turf_coder_symbol(struct coder *c, unsigned field, unsigned context, uint32_t symbol);
void turf_coder_number(struct coder *c, unsigned field, unsigned context, uint32_t number);

static inline uint32_t coder_fold(uint32_t difference)
{
	return difference << 1 ^ (0 - (difference >> 31));
}

static inline void coder_folded(struct coder *c, unsigned field, unsigned context,
                                uint32_t difference)
{
	turf_coder_number(c, field, context, coder_fold(difference));
}

/* What is coded in groups. */
struct coded_part {
	const void *ctx;
	size_t n;     /* groups */
	size_t every; /* of so many groups one is counted */
	void (*code)(const void *ctx, size_t group, struct coder *c);
	struct buf *out; /* the groups' bytes go behind what is there */
	uint32_t *offs;  /* of each, for the caller to free */
};
/* Codes all parts by models of their own, which go to @models. 0, -ENOMEM or -E2BIG. */
int turf_code_parts(struct builder *b, struct coded_part *parts, size_t n, struct buf *models,
                    struct turf_error *err);

#endif
