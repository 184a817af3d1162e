/* SPDX-License-Identifier: MIT */
/*
 * Phrases: strings that texts are made of.
 *
 *     turf_phrases_choose(&p, &texts, &pool);        // candidates
 *     turf_phrases_say(&p, bytes, n, tokens);          // any number of times, by any thread
 *     turf_phrases_settle(&p, use);                    // drops the useless, gives codes
 *     p.codes[token]                                   // what a token becomes
 */
#ifndef BUILD_PHRASES_H
#define BUILD_PHRASES_H

#include "build/texts.h"

enum {
	PHRASE_MAX = 64,   /* bytes; format.h allows for more, which gains nothing */
	PHRASE_PAD = 64,   /* zero bytes behind what is said */
	PHRASE_LEVELS = 4, /* of the index: by the first 2, 4, 8 and 16 bytes */
	PHRASE_HASH = 12,  /* bits */
	PHRASE_SEEN = 15,  /* bits */
};

/* A token is a byte or, from here on, a phrase; 0 stands for the end of a text. */
enum { TOKEN_PHRASES = 256, N_TOKENS = TOKEN_PHRASES + URF_PHRASES_MAX };

struct phrase {
	uint32_t off; /* in phrases.bytes */
	uint32_t size;
	uint32_t use; /* times it was of use in the sample */
	int64_t gain; /* bytes it saves */
};

/* What the index has of a phrase. */
struct phrase_key {
	uint64_t word, more; /* its first 16 bytes, zero padded */
	uint32_t off;        /* in phrases.bytes */
	uint16_t token;
	uint16_t size;
};

/* The phrases of one level, by the hash of their first bytes, of one hash the longest first. */
struct phrase_level {
	uint16_t first[(1 << PHRASE_HASH) + 1]; /* in phrases.keys, by hash */
	uint64_t seen[(1 << PHRASE_SEEN) / 64]; /* bits: hashes of this level and higher ones */
};

/* What is written for a token. */
struct phrase_code {
	uint8_t size;    /* bytes; more than two only of a phrase that was dropped */
	uint8_t near[2]; /* they themselves where there are no more */
	uint32_t off;    /* of more, in phrases.long_codes */
};

struct phrases {
	struct buf bytes;
	struct {
		struct phrase *at;
		size_t n, room;
	} all;
	struct phrase_key *keys;
	struct phrase_level *levels; /* PHRASE_LEVELS of them */
	struct phrase_code *codes;   /* by token */
	struct buf long_codes;
};

/* Finds candidates in sorted texts. 0 or -ENOMEM. */
int turf_phrases_choose(struct phrases *p, const struct texts *t, struct pool *pool);

/*
 * Says the @n bytes at @s, none of them 0, behind which PHRASE_PAD zero bytes lie, in phrases
 * and bytes. The number of tokens, at most @n.
 */
size_t turf_phrases_say(const struct phrases *p, const uint8_t *s, size_t n, uint16_t *tokens);

/*
 * Keeps those phrases that save something where token i is said @use[i] times, the most used
 * first; every token gets a code. 0 or -ENOMEM.
 */
int turf_phrases_settle(struct phrases *p, uint32_t use[N_TOKENS]);
void turf_phrases_fini(struct phrases *p);

#endif
