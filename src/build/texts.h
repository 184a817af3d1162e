/* SPDX-License-Identifier: MIT */
/*
 * The texts of an urf: each different one once, sorted, in front coding with phrases.
 *
 *     struct texts t = { 0 };
 *     turf_texts_add(&t, name, size, XXH3_64bits(name, size), &number);  // serial, any order
 *     turf_texts_sort(&t, &pool);                                      // t.final[number]
 *     turf_texts_emit(&t, &pool, sections);
 *     turf_texts_fini(&t);
 *
 * A text is at most URF_TEXT_MAX bytes, all of them at most 4 GiB. The bytes made depend on
 * the texts alone, on neither their order nor the number of threads.
 */
#ifndef BUILD_TEXTS_H
#define BUILD_TEXTS_H

#include "base/vec.h"
#include "build/pool.h"

/* One text; its bytes are somebody else's. */
struct text {
	const char *at;
	uint32_t size;
	uint32_t common; /* bytes in common with the one before; set by turf_texts_sort() */
};

struct text_slot {
	uint32_t tag; /* of the text's hash */
	uint32_t idx; /* provisional number; 0: free */
};

struct texts {
	struct {
		struct text *at; /* by provisional number; after sorting by final number */
		size_t n, room;
	} all;
	uint64_t bytes;          /* of all texts */
	struct text_slot *slots; /* a power of two of them, at most half in use */
	size_t n_slots;
	uint32_t *final; /* by provisional number */
};

/*
 * Provisional number of a text: 0 of NULL or "". @text has @size bytes without NUL and must
 * outlive @t. @hash is any hash of its bytes. 0, -ENOMEM, or -E2BIG past the limits above.
 */
int turf_texts_add(struct texts *t, const char *text, size_t size, uint64_t hash,
                   uint32_t *ret);

/* Orders texts by their bytes and numbers them: t->final[]. Nothing may be added any more. */
int turf_texts_sort(struct texts *t, struct pool *pool);

/* Sets what each one has in common with the one before, once more: some were taken out. */
void turf_texts_compare(struct texts *t, struct pool *pool);

/* The text with final number @number, not NUL-ended; NULL where there is none. */
const char *turf_texts_at(const struct texts *t, uint32_t number, size_t *size);

/* Indexes of what turf_texts_emit() makes. */
enum text_section {
	TEXT_INDEX,
	TEXT_PHRASES,
	TEXT_PHRASE_TEXT,
	TEXT_TEXTS,
	N_TEXT_SECTIONS,
};

/* Makes the sections of sorted texts. 0, -ENOMEM, or -E2BIG; then nothing is left in @out. */
int turf_texts_emit(const struct texts *t, struct pool *pool, struct buf out[N_TEXT_SECTIONS]);
void turf_texts_fini(struct texts *t);

#endif
