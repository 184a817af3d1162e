/* SPDX-License-Identifier: MIT */
/*
 * Reading of coded sections: symbols by how often they occur, in a range coding. Private to the
 * room, and to the one that writes them.
 *
 * Cost:   a symbol is a division and a bisection of its model
 * Trust:  none. Behind the end come zeros, of which a few are in order; what cannot be turns
 *         the reader bad, from then on all is 0, as with a cursor
 * Source: docs/format.md, "Coded sections"
 */
#ifndef IMAGE_CODED_H
#define IMAGE_CODED_H

#include "base/le.h"
#include "image/image.h"
#include "turf/variables.h"

/* How many contexts each field has. */
static const uint16_t code_contexts[URF_FIELDS] = {
	[URF_FIELD_KIND] = 16 * 16 * 4,    [URF_FIELD_FIRST_A] = 32,
	[URF_FIELD_FIRST_GAP] = 32,        [URF_FIELD_FIRST_LENGTH] = 130,
	[URF_FIELD_FIRST_EXPR] = 16 * 21,  [URF_FIELD_NEXT_GAP] = 2,
	[URF_FIELD_NEXT_LENGTH] = 130,     [URF_FIELD_NEXT_EXPR] = 96,
	[URF_FIELD_SINGLE_A] = 32,         [URF_FIELD_SINGLE_EXPR] = 16 * 21,
	[URF_FIELD_BLOCK_A] = 32,          [URF_FIELD_BLOCK_GAP] = 32,
	[URF_FIELD_RANGE_GAP] = 2,         [URF_FIELD_ENTER_A] = 16,
	[URF_FIELD_ENTER_LENGTH] = 16,     [URF_FIELD_CALL_GAP] = 16,
	[URF_FIELD_PARAMETER_A] = 18,      [URF_FIELD_PARAMETER_EXPR] = 18,
	[URF_FIELD_VARIABLE] = 10 * 4 * 4, [URF_FIELD_VARIABLE_LINE] = 16,
	[URF_FIELD_VARIABLE_PAIR] = 64,    [URF_FIELD_BYTE] = 256 + 64,
};

/* Bytes behind the end that a reader may ask for: all that it looks ahead, and what the writer
 * left out at the end because it was 0. */
enum { CODE_BEHIND = 8 };

void turf_coded_begin(const struct turf_image *image, struct span bytes, struct turf_coded *c);
/* The next symbol. */
uint32_t turf_coded_symbol(struct turf_coded *c, unsigned field, unsigned context);
/* @n bits, at most 16. */
uint32_t turf_coded_bits(struct turf_coded *c, unsigned n);

/* The number that a symbol below URF_CODE_MORE begins. */
static inline uint32_t coded_rest(struct turf_coded *c, uint32_t symbol)
{
	if (symbol < URF_CODE_NEAR)
		return symbol;
	uint32_t high = (symbol - URF_CODE_NEAR) / 4 + URF_CODE_NEAR_BITS;
	uint32_t top = 4 + (symbol - URF_CODE_NEAR) % 4, n = high - 2;
	uint32_t rest = n > 16 ? turf_coded_bits(c, n - 16) << 16 : 0;
	return top << n | rest | turf_coded_bits(c, MIN(n, 16u));
}

static inline uint32_t coded_number(struct turf_coded *c, unsigned field, unsigned context)
{
	uint32_t symbol = turf_coded_symbol(c, field, context);
	if (symbol >= URF_CODE_MORE) {
		c->bad = true;
		return 0;
	}
	return coded_rest(c, symbol);
}

static inline uint32_t coded_unfold(uint32_t folded)
{
	return folded >> 1 ^ (0 - (folded & 1));
}

static inline uint32_t coded_folded(struct turf_coded *c, unsigned field, unsigned context)
{
	return coded_unfold(coded_number(c, field, context));
}

/* Contexts of variables: the bits of the last one, how many came, of what kind that was. */
enum { CODE_FIRST_VARIABLE = 9 };
static inline unsigned code_variable_context(uint32_t bits, uint32_t n, uint32_t kind)
{
	return (bits * 4 + MIN(n, 3u)) * 4 + (kind & 3);
}

static inline unsigned code_line_context(uint32_t bits, uint32_t n, uint32_t kind)
{
	return n ? 1 + (kind & 3) + (bits & URF_VARIABLE_BLOCK ? 8 : 0) : 0;
}

static inline unsigned code_pair_context(uint32_t before)
{
	return MIN(before, 63u);
}

/* Where in an operation a byte of an expression stands. */
struct code_shape {
	uint8_t op, left, idx; /* the last operation, operand bytes that follow, those passed */
	bool leb;              /* it is a number that ends by itself */
};

static inline unsigned code_shape_of(const struct code_shape *s)
{
	if (!s->left)
		return s->op;
	unsigned what = s->op == 0x03                    ? 0                     /* addr */
	                : s->op == 0x91                  ? 1                     /* fbreg */
	                : s->op >= 0x70 && s->op <= 0x8f ? s->op == 0x77 ? 2 : 3 /* breg */
	                : s->op >= 0x08 && s->op <= 0x0f ? 4
	                : s->op == 0x10 || s->op == 0x11 ? 5
	                : s->op == 0x23                  ? 6
	                                                 : 7;
	return 256 + what * 8 + MIN(s->idx, 7);
}

static inline void code_shape_pass(struct code_shape *s, uint8_t byte)
{
	static const uint8_t operands[256] = {
		[0x03] = 8, [0x08] = 1, [0x09] = 1, [0x0a] = 2, [0x0b] = 2,
		[0x0c] = 4, [0x0d] = 4, [0x0e] = 8, [0x0f] = 8, [0x15] = 1,
		[0x28] = 2, [0x2f] = 2, [0x94] = 1,
	};
	if (s->left) {
		s->idx++;
		s->left = s->leb ? byte >= 0x80 : s->left - 1;
		return;
	}
	s->op = byte;
	s->idx = 0;
	s->leb = (byte >= 0x70 && byte <= 0x93) || byte == 0x10 || byte == 0x11 ||
	         byte == 0x23 || byte == 0xa3 || byte == 0xa8;
	s->left = s->leb ? 1 : operands[byte];
}

#endif
