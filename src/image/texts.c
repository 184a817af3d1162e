/* SPDX-License-Identifier: MIT */
/*
 * Names and paths: front-coded texts of phrases, decoded straight into the caller's buffer.
 *
 * Cost:   at most URF_TEXT_STEP texts passed; each byte that the caller wants is copied once
 *         for every text that has it anew
 * Trust:  none. Each code passes at least one byte of .urf.texts, phrases end inside
 *         .urf.phrase.text, bytes beyond the caller's buffer are counted only.
 * Source: docs/format.md, "Texts"
 */
#include "image/image.h"

static inline __attribute__((always_inline)) int take_code(const struct text_pool *pool,
                                                           const uint8_t **at, struct span *out)
{
	const uint8_t *end = pool->texts.at + pool->texts.size;
	if (*at >= end)
		return -EBADMSG;
	unsigned code = *(*at)++, phrase;
	if (code == 0)
		return 0;
	if (code < URF_PHRASE_NEAR || code == URF_PHRASE_BYTE) {
		const uint8_t *byte = code == URF_PHRASE_BYTE ? (*at)++ : *at - 1;
		*out = (struct span){ byte, 1 };
		return 1;
	}
	if (code < URF_PHRASE_FAR)
		phrase = code - URF_PHRASE_NEAR;
	else
		phrase = URF_PHRASES_NEAR + (code - URF_PHRASE_FAR) * 256 + *(*at)++;
	if (pool->phrases.n == 0 || phrase >= pool->phrases.n - 1)
		return -EBADMSG;
	uint32_t begin = le32_get(pool->phrases.at[phrase]);
	uint32_t behind = le32_get(pool->phrases.at[phrase + 1]);
	if (begin > behind || behind > pool->phrase_text.size)
		return -EBADMSG;
	*out = (struct span){ pool->phrase_text.at + begin, behind - begin };
	return 1;
}

int turf_text_code(const struct text_pool *pool, const uint8_t **at, struct span *out)
{
	return take_code(pool, at, out);
}

/* What a caller wants of a text: bytes [skip, skip + size). */
struct window {
	char *out;
	uint64_t skip;
	size_t size;
};

/* Bytes of a text from its byte @at on. */
static void put_part(const struct window *w, uint64_t at, struct span bytes)
{
	if (at < w->skip) {
		uint64_t before = MIN(w->skip - at, (uint64_t)bytes.size);
		bytes.at += before;
		bytes.size -= before;
		at += before;
	}
	uint64_t to = at - w->skip;
	if (!bytes.size || to >= w->size)
		return;
	memcpy(w->out + to, bytes.at, MIN(bytes.size, w->size - to));
}

/*
 * The same. Most phrases are short, and have neighbours that may be copied with them: what
 * comes next in the text is put over these.
 */
static inline void put(const struct text_pool *pool, const struct window *w, uint64_t at,
                       struct span bytes)
{
	enum { PIECE = 16 };
	size_t left = bytes.size > 1 ? pool->phrase_text.size -
	                                       (size_t)(bytes.at - pool->phrase_text.at)
	                             : 0;
	if (at < w->skip || at - w->skip > w->size ||
	    w->size - (at - w->skip) < bytes.size + PIECE ||
	    (bytes.size != 1 && left < bytes.size + PIECE)) {
		put_part(w, at, bytes);
		return;
	}
	char *out = w->out + (at - w->skip);
	if (bytes.size == 1) {
		*out = (char)*bytes.at;
		return;
	}
	for (size_t i = 0; i < bytes.size; i += PIECE)
		memcpy(out + i, bytes.at + i, PIECE);
}

/* Texts of a group, one after the other: what was read last. */
struct reader {
	const uint8_t *at; /* behind it */
	uint64_t n;        /* its length */
};

/* The text at r->at, of which so many bytes are those of the text before as it says. */
static int read_text(const struct text_pool *pool, struct reader *r, const struct window *w)
{
	if (r->at >= pool->texts.at + pool->texts.size)
		return -EBADMSG;
	const uint8_t *at = r->at;
	uint64_t length = take_uleb(&at);
	if (length > r->n)
		return -EBADMSG;
	struct span bytes;
	int more;
	while ((more = take_code(pool, &at, &bytes)) == 1) {
		put(pool, w, length, bytes);
		length += bytes.size;
	}
	*r = (struct reader){ at, length };
	return more;
}

int turf_text_next(const struct text_pool *pool, const uint8_t **at, char *out, size_t size,
                   uint64_t *n)
{
	const struct window window = { out, 0, size };
	struct reader r = { *at, *n };
	int result = read_text(pool, &r, &window);
	*at = r.at;
	*n = r.n;
	return result;
}

/* Text @number of @pool, where @r is at text @next of the same group. Its length or -EBADMSG.
 */
static int64_t read_on(const struct text_pool *pool, struct reader *r, uint32_t next,
                       uint32_t number, const struct window *w)
{
	for (; next <= number; next++)
		if (read_text(pool, r, w) < 0)
			return -EBADMSG;
	return (int64_t)r->n;
}

/* Goes to where the group of text @number begins; returns the group's first, or -EBADMSG. */
static int64_t read_group(const struct text_pool *pool, uint32_t number, struct reader *r)
{
	uint32_t off = le32_get(pool->index.at[number / URF_TEXT_STEP]);
	if (off > pool->texts.size)
		return -EBADMSG;
	*r = (struct reader){ pool->texts.at + off, 0 };
	return number - number % URF_TEXT_STEP;
}

int64_t turf_text_read(const struct turf_image *image, uint32_t number, uint64_t skip,
                       char *out, size_t size)
{
	struct reader r;
	const struct window window = { out, skip, size };
	const struct text_pool *pool = pool_of(image, &number);
	if (!pool) /* as many as the index has, opening saw to it */
		return -EBADMSG;
	int64_t first = read_group(pool, number, &r);
	return first < 0 ? first : read_on(pool, &r, (uint32_t)first, number, &window);
}

ssize_t turf_image_text_next(const struct turf_image *image, struct turf_texts *walk,
                             turf_text text, char *out, size_t size)
{
	uint32_t number = (uint32_t)text;
	struct reader r = { walk->at, walk->n };
	int64_t next = walk->next;
	const struct text_pool *pool = pool_of(image, &number);
	const bool goes_on = next && next <= number && walk->pool == pool &&
	                     (next - 1) / URF_TEXT_STEP == number / URF_TEXT_STEP &&
	                     walk->out == out && walk->size == size;
	walk->next = 0;
	if (text != (uint32_t)text || !text || !size || !pool)
		return turf_image_text(image, text, out, size);
	if (!goes_on)
		next = read_group(pool, number, &r);
	const struct window window = { out, 0, size - 1 };
	int64_t n = next < 0 ? next : read_on(pool, &r, (uint32_t)next, number, &window);
	out[n < 0 ? 0 : MIN((uint64_t)n, size - 1)] = 0;
	if (n >= 0)
		*walk = (struct turf_texts){ r.at, r.n, pool, number + 1, out, size };
	return (ssize_t)n;
}

ssize_t turf_image_text(const struct turf_image *image, turf_text text, char *out, size_t size)
{
	uint32_t number = (uint32_t)text;
	uint64_t off = text >> 32 & UINT16_MAX, length = text >> 48;
	size_t room = size ? size - 1 : 0;
	int64_t n = 0;
	if (size)
		out[0] = 0;
	if (number)
		n = turf_text_read(image, number, off, out, length ? MIN(room, length) : room);
	if (length && n >= 0)
		n = off + length > (uint64_t)n ? -EBADMSG : (int64_t)length;
	if (size)
		out[n < 0 ? 0 : MIN((uint64_t)n, room)] = 0;
	return (ssize_t)n;
}

int turf_image_file(const struct turf_image *image, uint32_t file, struct turf_file *out)
{
	const struct packed *files = &image->files;
	if (file >= files->n) {
		file -= files->n;
		files = &image->more_files;
		if (file >= files->n)
			return 0;
	} else if (file == 0) {
		return 0;
	}
	*out = (struct turf_file){
		.directory = packed_get(files, file, 0),
		.name = packed_get(files, file, 1),
	};
	return 1;
}

/* @text itself, as turf_image_text() gives one. */
static ssize_t literal(char *out, size_t size, const char *text)
{
	size_t n = strlen(text);
	if (size) {
		size_t fits = MIN(n, size - 1);
		memcpy(out, text, fits);
		out[fits] = 0;
	}
	return (ssize_t)n;
}

ssize_t turf_image_path(const struct turf_image *image, uint32_t file, char *out, size_t size)
{
	struct turf_file f;
	char first[2];
	if (turf_image_file(image, file, &f) != 1 || !f.name)
		return literal(out, size, "??");
	if (!f.directory)
		return turf_image_text(image, f.name, out, size);
	if (turf_image_text(image, f.name, first, sizeof(first)) < 0)
		return -EBADMSG;
	if (first[0] == '/')
		return turf_image_text(image, f.name, out, size);
	ssize_t n = turf_image_text(image, f.directory, out, size);
	if (n < 0)
		return n;
	size_t at = (size_t)n + 1;
	if (at < size)
		out[at - 1] = '/';
	n = at < size ? turf_image_text(image, f.name, out + at, size - at)
	              : turf_image_text(image, f.name, NULL, 0);
	if (at == size)
		memcpy(out + at - 1, "", 1);
	return n < 0 ? n : (ssize_t)at + n;
}
