/* SPDX-License-Identifier: MIT */
/* Tokens of bodies as symbols. Private to the room. See include/urf/format.h. */
#ifndef BUILD_TOKENS_H
#define BUILD_TOKENS_H

#include "build/bodies.h"
#include "build/coder.h"
#include "turf/variables.h"

/* What a group of bodies is said by. */
struct token_coder {
	struct coder *coder;
	const struct exprs *exprs;
	struct turf_tokens state;
	uint32_t next_expr; /* the next one that is used but once */
};
void turf_tokens_begin(struct token_coder *c, uint32_t entry);
void turf_token_code(struct token_coder *c, const struct token *t);
void turf_tokens_end(struct token_coder *c);

#endif
