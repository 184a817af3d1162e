/* SPDX-License-Identifier: MIT */
/*
 * Tokens of bodies as bytes, and the ops that are numbered for those used most. Private to the
 * room. See include/urf/format.h.
 */
#ifndef BUILD_TOKENS_H
#define BUILD_TOKENS_H

#include "build/bodies.h"

/* An op: which of a token's numbers it gives, and what they are. */
struct token_op {
	uint64_t key; /* all of it; 0: a free slot */
	uint32_t count, number;
};
struct token_ops {
	struct token_op *slots; /* by hash */
	size_t n, room;
	uint64_t *chosen;
	size_t n_chosen;
};

/* Counts what could be said of these tokens by an op. Several sets of counts may be made at the
 * same time. 0 or -ENOMEM. */
int turf_tokens_count(struct token_ops *ops, const struct token *tokens, size_t n);
/* Numbers those that save most, each being used @times as often as it was counted. */
int turf_tokens_choose(struct token_ops *ops, uint32_t times,
                       const struct token *const *samples, const size_t *n_samples, size_t n);
int turf_tokens_emit(const struct token_ops *ops, struct buf *out);
/* The tokens as bytes. False: no memory. */
bool turf_tokens_code(const struct token_ops *ops, const struct token *tokens, size_t n,
                      struct buf *out);
void turf_tokens_fini(struct token_ops *ops);

#endif
