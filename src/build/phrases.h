/* SPDX-License-Identifier: MIT */
/*
 * Phrases: strings that texts are made of, and the cheapest way to say a text with them.
 */
#ifndef BUILD_PHRASES_H
#define BUILD_PHRASES_H

#include "build/texts.h"

enum {
	PHRASE_MAX = 64,      /* bytes; format.h allows for more, which gains nothing */
	PHRASE_WINDOW = 4096, /* bytes of a text that are looked at together */
	PHRASE_PAD = 8,       /* zero bytes behind what is parsed */
	PHRASE_LEVELS = 3,    /* of the index: by the first 2, 4 and 8 bytes */
	PHRASE_HASH = 13,     /* bits */
	PHRASE_SEEN = 16,     /* bits */
};

#define PHRASE_NONE UINT32_MAX /* no phrase */

struct phrase {
	uint32_t off; /* in phrases.bytes */
	uint32_t size;
	uint32_t use; /* times it was of use in the sample */
	int64_t gain; /* bytes it saves */
};

/* What the index has of a phrase. */
struct phrase_key {
	uint64_t word, mask; /* its first 8 bytes, zero padded; which of them count */
	uint32_t idx;
	uint32_t off; /* in phrases.bytes */
	uint16_t size;
	uint16_t cost; /* bytes of its code */
};

/* The phrases of one level, by the hash of their first bytes, of one hash the longest first. */
struct phrase_level {
	uint32_t first[(1 << PHRASE_HASH) + 1]; /* in phrases.keys, by hash */
	uint64_t seen[(1 << PHRASE_SEEN) / 64]; /* bits: hashes there are */
};

struct phrases {
	struct buf bytes;
	struct {
		struct phrase *at; /* the first URF_PHRASES_NEAR have codes of one byte */
		size_t n, room;
	} all;
	struct phrase_key *keys;
	struct phrase_level *levels; /* PHRASE_LEVELS of them */
};

/* A way through a string: at byte i comes phrase idx, or the byte itself. */
struct phrase_step {
	uint32_t cost; /* bytes of codes from here to the end */
	uint32_t idx;  /* PHRASE_NONE: the byte itself */
};

/*
 * The cheapest way to say the @n <= PHRASE_WINDOW bytes at @s, behind which PHRASE_PAD zero
 * bytes lie, without phrase @but. @steps has n + 1 entries.
 */
void turf_phrases_parse(const struct phrases *p, const uint8_t *s, size_t n, uint32_t but,
                        struct phrase_step *steps);

/* Finds good phrases for sorted texts. 0 or -ENOMEM. */
int turf_phrases_choose(struct phrases *p, const struct texts *t, unsigned threads);
void turf_phrases_fini(struct phrases *p);

#endif
