/* SPDX-License-Identifier: MIT */
/* How things are coded, one at a time: bits and keys, texts, symbols, ops and stacks. */
#include "image/bits.h"
#include "image/image.h"
#include "image/urf.h"
#include "lib/test.h"

static struct turf_image *open_parts(struct urf_parts *p, struct span *urf)
{
	struct turf_image *image = NULL;
	struct turf_error err = { 0 };
	*urf = urf_of_parts(p);
	int r = turf_image_open_mem(urf->at, urf->size, &image, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return image;
}

static void must_verify(const struct turf_image *image)
{
	struct turf_error err = { 0 };
	int r = turf_image_verify(image, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
}

START_TEST(takes_numbers)
{
	static const struct {
		uint8_t bytes[8];
		uint32_t u, s;
		int n;
	} cases[] = {
		{ { 0 }, 0, 0, 1 },
		{ { 0x3f }, 0x3f, 0x3f, 1 },
		{ { 0x40 }, 0x40, (uint32_t)-64, 1 },
		{ { 0x7f }, 0x7f, (uint32_t)-1, 1 },
		{ { 0x80, 0x01 }, 0x80, 0x80, 2 },
		{ { 0x80, 0x7f }, 0x3f80, (uint32_t)-128, 2 },
		{ { 0xff, 0xff, 0xff, 0xff, 0x0f }, UINT32_MAX, UINT32_MAX, 5 },
		{ { 0x80, 0x80, 0x80, 0x80, 0x78 }, 0x80000000, 0x80000000, 5 },
		{ { 0xff, 0xff, 0xff, 0xff, 0xff, 1 }, UINT32_MAX, UINT32_MAX, 5 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const uint8_t *u = cases[i].bytes, *s = u;
		ck_assert_uint_eq(take_uleb(&u), cases[i].u);
		ck_assert_uint_eq(take_sleb(&s), cases[i].s);
		ck_assert_int_eq(u - cases[i].bytes, cases[i].n);
		ck_assert(u == s);
		const uint8_t *any = cases[i].bytes;
		ck_assert_uint_eq(take_any_uleb(&any), cases[i].u);
		ck_assert(any == u);
	}
}
END_TEST

/* Words of few bits and of many. */
static uint64_t next_word(uint64_t *state, unsigned i)
{
	uint64_t v = *state = *state * 6364136223846793005 + 1442695040888963407;
	v ^= v >> 29;
	return i % 3 == 0 ? v : i % 3 == 1 ? v & v << 7 & v << 13 : v | v << 5 | v << 17;
}

/* Any eight bytes, of all lengths: with a branch and without it is the same. */
START_TEST(takes_any_numbers)
{
	uint64_t state = 1;
	for (unsigned i = 0; i < 3000; i++) {
		uint8_t bytes[8];
		uint64_t v = htole64(next_word(&state, i));
		memcpy(bytes, &v, sizeof(v));
		const uint8_t *at = bytes, *any = bytes;
		ck_assert_uint_eq(take_any_uleb(&any), take_uleb(&at));
		ck_assert(any == at);
	}
}
END_TEST

/* Each bit that is 1 of a word, against counting them. */
START_TEST(selects_each_bit)
{
	uint64_t state = 1;
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t v = i == 0   ? UINT64_MAX
		             : i == 1 ? (uint64_t)1 << 63
		                      : next_word(&state, i);
		for (unsigned pos = 0, rank = 0; pos < 64; pos++)
			if (v >> pos & 1)
				ck_assert_uint_eq(select_word(v, count_bytes(v), rank++), pos);
	}
}
END_TEST

/* Of the lines of lib: ascending keys of several densities, against what went in. */
START_TEST(finds_the_keys_put_in)
{
	for (uint32_t gap = 1; gap < 5000; gap = gap * 3 + 1) {
		struct urf_place places[60] = { 0 };
		uint32_t n = COUNT(places), line = 1;
		for (uint32_t i = 0; i < n; i++, line += (i * 7919 + gap) % gap)
			places[i].line = line;
		struct as a = { 0 };
		uint64_t u = line + 1;
		urf_keys(&a, places, n, u, u, 0, false);
		size_t size = as_here(&a);
		as_bytes(&a, (uint8_t[URF_BEHIND]){ 0 }, URF_BEHIND);
		struct keys keys = { 0 };
		ck_assert(keys_read(&keys, a.buf.at, a.buf.at + size, n, u) == a.buf.at + size);
		for (uint32_t i = 0; i < n; i++)
			ck_assert_uint_eq(keys_get(&keys, i), places[i].line);
		ck_assert(keys_get(&keys, n) == UINT64_MAX);
		ck_assert(!keys_read(&keys, a.buf.at, a.buf.at + size - 1, n, u));
		as_free(&a);
	}
}
END_TEST

enum { N_TEXTS = 40, N_PHRASES = 97 + 256, TEXT_ROOM = 300 };

/* Far and near phrases, bytes above 0x7f, 200 and more bytes; @urf is the caller's to free. */
static struct turf_image *open_texts(char texts[N_TEXTS][TEXT_ROOM], struct span *urf)
{
	static const char *at[N_TEXTS], *phrases[N_PHRASES + 1];
	memset(texts[0], 0, TEXT_ROOM);
	for (size_t i = 0; i < N_TEXTS; i++) {
		at[i] = texts[i];
		if (i)
			snprintf(texts[i], TEXT_ROOM, "%c%02zufar near \xc3\xa9%0*d", 'a', i,
			         (int)(i % 3 * 100), 7);
	}
	strcpy(texts[N_TEXTS - 1], "\xff\xfe");
	for (size_t i = 0; i < N_PHRASES; i++)
		phrases[i] = "";
	phrases[95] = "near", phrases[96] = "far", phrases[N_PHRASES - 1] = "00000";
	struct urf_parts parts = { 0 };
	urf_texts(&parts, at, N_TEXTS, phrases);
	return open_parts(&parts, urf);
}

START_TEST(decodes_texts)
{
	enum { N = N_TEXTS };
	static char texts[N][TEXT_ROOM];
	struct span urf;
	struct turf_image *image = open_texts(texts, &urf);
	must_verify(image);
	for (uint32_t i = 0; i < N; i++) {
		char out[300];
		size_t n = strlen(texts[i]);
		for (size_t size = 0; size < 12; size++) { /* cut anywhere */
			memset(out, 'x', sizeof(out));
			ck_assert_int_eq(turf_image_text(image, i, out, size), (ssize_t)n);
			size_t fits = size ? MIN(size - 1, n) : 0;
			ck_assert_mem_eq(out, texts[i], fits);
			ck_assert_int_eq(out[fits], size ? 0 : 'x');
			ck_assert_int_eq(out[size], 'x');
		}
		ck_assert_int_eq(turf_image_text(image, i, out, sizeof(out)), (ssize_t)n);
		ck_assert_str_eq(out, texts[i]);
		if (n < 9)
			continue;
		turf_text part = i | (turf_text)3 << 32 | (turf_text)6 << 48;
		ck_assert_int_eq(turf_image_text(image, part, out, sizeof(out)), 6);
		ck_assert_str_eq(out, "far ne");
		ck_assert_int_eq(turf_image_text(image, part, out, 3), 6);
		ck_assert_str_eq(out, "fa");
		part = i | (turf_text)3 << 32 | (turf_text)n << 48; /* longer than the text */
		ck_assert_int_eq(turf_image_text(image, part, out, sizeof(out)), -EBADMSG);
	}
	char out[4] = "xx";
	ck_assert_int_eq(turf_image_text(image, N, out, sizeof(out)), -EBADMSG);
	ck_assert_int_eq(turf_image_path(image, 1, out, sizeof(out)), 2);
	ck_assert_str_eq(out, "??");
	turf_image_close(image);
	free((void *)urf.at);
}
END_TEST

/* What a walk gives is what turf_image_text() gives, whatever was read before. */
static void check_walk(const struct turf_image *image, struct turf_texts *walk, turf_text text,
                       char *out, size_t size)
{
	static char expect[2 * TEXT_ROOM];
	ssize_t n = turf_image_text(image, text, expect, size);
	ck_assert_int_eq(turf_image_text_next(image, walk, text, out, size), n);
	size_t fits = n < 0 || !size ? 0 : MIN((size_t)n, size - 1);
	ck_assert_mem_eq(out, expect, fits);
	ck_assert(!size || !out[fits]);
}

START_TEST(decodes_texts_one_after_another)
{
	static char texts[N_TEXTS][TEXT_ROOM], out[2 * TEXT_ROOM];
	static const size_t sizes[] = { 2 * TEXT_ROOM, 1, 0, 9, 30, 130, 205 };
	const turf_text part = (turf_text)3 << 32 | (turf_text)6 << 48;
	struct span urf;
	struct turf_image *image = open_texts(texts, &urf);
	struct turf_texts walk = { .at = NULL };
	for (size_t k = 0; k < COUNT(sizes); k++)
		for (uint32_t step = 1; step < 20; step++)
			for (uint32_t i = 0; i <= N_TEXTS; i += step)
				check_walk(image, &walk, i, out, sizes[k]);
	for (uint32_t i = N_TEXTS; i--;)
		check_walk(image, &walk, i, out, sizeof(out));
	for (uint32_t i = 1; i < N_TEXTS; i++) { /* what changes @out, or its size */
		check_walk(image, &walk, i, out, 20);
		check_walk(image, &walk, i, out, sizeof(out));
		check_walk(image, &walk, i / 2 | part, out, sizeof(out));
		check_walk(image, &walk, i, out, sizeof(out));
		check_walk(image, &walk, 0, out, sizeof(out));
	}
	turf_image_close(image);
	free((void *)urf.at);
}
END_TEST

START_TEST(walks_over_bent_texts)
{
	static char texts[N_TEXTS][TEXT_ROOM], out[2 * TEXT_ROOM];
	struct span urf;
	struct turf_image *image = open_texts(texts, &urf);
	const struct span sections[] = { image->pool.texts,
		                         image->pool.phrase_text,
		                         { (const uint8_t *)image->pool.phrases.at,
		                           image->pool.phrases.n * sizeof(le32) },
		                         { (const uint8_t *)image->pool.index.at,
		                           image->pool.index.n * sizeof(le32) } };
	for (size_t i = 0; i < COUNT(sections); i++)
		for (size_t off = 0; off < sections[i].size; off++) {
			uint8_t *byte = (uint8_t *)(uintptr_t)sections[i].at + off,
				sound = *byte;
			for (unsigned bit = 0; bit < 9; bit += 4) {
				struct turf_texts walk = { .at = NULL };
				*byte = (uint8_t)(bit < 8 ? sound ^ 1 << bit : ~sound);
				for (uint32_t text = 0; text < N_TEXTS; text += 1 + bit % 3)
					check_walk(image, &walk, text, out, sizeof(out));
			}
			*byte = sound;
		}
	must_verify(image);
	turf_image_close(image);
	free((void *)urf.at);
}
END_TEST

/* Forty symbols at one address around one that is shorter: the first of all is the answer. */
START_TEST(finds_the_best_symbol_over_groups)
{
	static const char *const texts[] = { "", "best", "other", "short" };
	static const char *const phrases[] = { NULL };
	struct urf_parts parts = { 0 };
	struct span urf;
	urf_texts(&parts, texts, COUNT(texts), phrases);
	urf_symbol(&parts, 0, 0x10, "other", 0);
	for (uint32_t i = 0; i < 40; i++)
		urf_symbol(&parts, 0x20, 0x40, i ? "other" : "best", 0);
	urf_symbol(&parts, 0x30, 8, "short", 1);
	struct turf_image *image = open_parts(&parts, &urf);
	must_verify(image);
	static const struct {
		uint64_t rva;
		const char *name;
	} cases[] = {
		{ 0, "other" },    { 0xf, "other" },  { 0x10, NULL },    { 0x20, "best" },
		{ 0x2f, "best" },  { 0x30, "short" }, { 0x37, "short" }, { 0x38, "other" },
		{ 0x5f, "other" }, { 0x60, NULL },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_symbol s = { 0 };
		char name[16] = "";
		int r = turf_image_find_symbol(image, URF_TEST_BASE + cases[i].rva, &s);
		ck_assert_int_eq(r, cases[i].name != NULL);
		turf_image_text(image, s.name, name, sizeof(name));
		ck_assert_str_eq(name, cases[i].name ? cases[i].name : "");
	}
	turf_image_close(image);
	free((void *)urf.at);
}
END_TEST

/* One function "f" that calls itself at its site 0, ten lines; one block of @points, and, from
 * its first segment's line on, @ops. */
static struct turf_image *open_block(struct span *urf, struct span points, const uint8_t *ops,
                                     size_t n)
{
	static const char *const texts[] = { "", "f" };
	static const char *const phrases[] = { NULL };
	static const struct urf_place site[] = { { 0, 5, 0, 1 } };
	struct urf_place lines[10] = { 0 };
	struct urf_parts p = { 0 };
	for (uint32_t i = 0; i < COUNT(lines); i++)
		lines[i].line = i + 1;
	urf_texts(&p, texts, COUNT(texts), phrases);
	urf_packed(&p, URF_PACKED_FILES, URF_FILE_COLUMNS, 4, (uint8_t[]){ 0, 0, 0, 1 });
	urf_function(&p, NULL);
	urf_function(&p, &(struct urf_function){
				 "f", 0, { 0 }, 1, 1, { 1 }, 1, lines, site, COUNT(lines), 1 });
	for (unsigned i = 0; i < 600; i++) /* 0: here; 1..: further by one, line + 1 at most */
		URF_BYTES(&p, URF_OPS, 0, 0, i ? 1 : 0, i == 599 ? 1 : 0);
	urf_block(&p, 0);
	as_u8(&p.of[URF_SEGMENTS], (uint8_t)(points.size / sizeof(struct urf_point)));
	as_bytes(&p.of[URF_SEGMENTS], points.at, points.size);
	URF_BYTES(&p, URF_SEGMENTS, 2, 0, 0x60);
	as_bytes(&p.of[URF_SEGMENTS], ops, n);
	urf_block(&p, 0x60);
	return open_parts(&p, urf);
}

/* What such an image gives at @rva: @n frames or < 0, the innermost at @line. Closes it. */
static void expect(const char *what, struct turf_image *image, int verified, uint64_t rva,
                   int n, uint32_t line)
{
	struct turf_frames walk;
	struct turf_frame f = { 0 };
	int r = turf_image_verify(image, NULL);
	ck_assert_msg(r == verified, "%s: %d", what, r);
	r = turf_image_frames(image, URF_TEST_BASE + rva, &walk);
	if (r == 1)
		r = (int)walk.n, turf_frames_next(&walk, &f);
	ck_assert_msg(r == n, "%s: %d", what, r);
	ck_assert_msg(f.line == line, "%s: %u", what, f.line);
	turf_image_close(image);
}

START_TEST(decodes_ops)
{
	enum { EMIT = URF_CONTROL_EMIT, GAP, POINT, ROOT, PART, POP, PUSH };
	static const uint8_t far = URF_OP_FAR + (599 - URF_OP_FAR) / 256;
	static const uint8_t far_low = (599 - URF_OP_FAR) % 256;
	const struct {
		const char *what;
		uint8_t ops[16];
		size_t n;
		uint64_t rva;
		int verified, expect; /* frames, or < 0 */
		uint32_t line;
	} cases[] = {
		{ "one", { 0 }, 1, 5, 0, 1, 1 },
		{ "far", { 0, far, far_low }, 3, 5, 0, 1, 2 },
		{ "before far", { 0, far, far_low }, 3, 0, 0, 1, 1 },
		{ "far cut", { 0, far }, 2, 5, -EBADMSG, -EBADMSG, 0 },
		{ "no such op", { 0, 0xf7, 0xff }, 3, 5, -EBADMSG, -EBADMSG, 0 },
		{ "no such control", { 0, 0xff, 0 }, 3, 5, -EBADMSG, -EBADMSG, 0 },
		{ "push", { 0, PUSH, 0, EMIT, 1, 2 }, 6, 5, 0, 2, 3 },
		{ "before push", { 0, PUSH, 0, EMIT, 1, 2 }, 6, 0, 0, 1, 1 },
		{ "no such site", { 0, PUSH, 1, EMIT, 1, 2 }, 6, 5, -EBADMSG, -EBADMSG, 0 },
		{ "no such line", { 0, EMIT, 1, 10 }, 4, 5, -EBADMSG, -EBADMSG, 0 },
		{ "root popped", { 0, POP, 1, EMIT, 1, 0 }, 6, 5, -EBADMSG, -EBADMSG, 0 },
		{ "nothing after push", { 0, PUSH, 0 }, 3, 5, -EBADMSG, -EBADMSG, 0 },
		{ "no such function",
		  { 0, ROOT, 8, EMIT, 0x20, 0 },
		  6,
		  0x20,
		  -EBADMSG,
		  -EBADMSG,
		  0 },
		{ "range cut short", { 0, ROOT, 0, EMIT, 0x20, 0 }, 6, 0x20, -EBADMSG, 1, 1 },
		{ "out of order", { 0, 0 }, 2, 5, -EBADMSG, 1, 1 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span urf;
		struct turf_image *image =
			open_block(&urf, (struct span){ NULL, 0 }, cases[i].ops, cases[i].n);
		expect(cases[i].what, image, cases[i].verified, cases[i].rva, cases[i].expect,
		       cases[i].line);
		free((void *)urf.at);
	}
}
END_TEST

/* A block's second segment, one byte on, is at line 1; its third, four bytes on, a point. */
START_TEST(begins_at_points)
{
	enum { POINT = URF_CONTROL_POINT, AT = 5 };
	const struct {
		const char *what;
		uint8_t points[6], n_points, point[9], n;
		uint64_t rva;
		int verified, expect; /* frames, or < 0 */
		uint32_t line;
	} cases[] = {
		{ "of the same root", { 5, 0, AT }, 3, { POINT, 4, 1, 5 }, 4, 5, 0, 1, 6 },
		{ "before it", { 5, 0, AT }, 3, { POINT, 4, 1, 5 }, 4, 4, 0, 1, 1 },
		{ "behind it", { 5, 0, AT }, 3, { POINT, 4, 1, 5, 1 }, 5, 6, 0, 1, 6 },
		{ "inlined", { 5, 0, AT }, 3, { POINT, 4, 3, 0, 2 }, 5, 5, 0, 2, 3 },
		{ "the root told",
		  { 5, 0, AT },
		  3,
		  { POINT, 4, 0, 10, 0x5b, 3 },
		  6,
		  5,
		  0,
		  1,
		  4 },
		{ "and inlined",
		  { 5, 0, AT },
		  3,
		  { POINT, 4, 2, 10, 0x5b, 1, 0, 3 },
		  8,
		  5,
		  0,
		  2,
		  4 },
		{ "another range",
		  { 5, 0, AT },
		  3,
		  { POINT, 4, 0, 8, 0x5b, 3 },
		  6,
		  5,
		  -EBADMSG,
		  1,
		  4 },
		{ "another end",
		  { 5, 0, AT },
		  3,
		  { POINT, 4, 0, 10, 9, 3 },
		  6,
		  5,
		  -EBADMSG,
		  1,
		  4 },
		{ "no such function",
		  { 5, 0, AT },
		  3,
		  { POINT, 4, 32, 10, 0x5b, 3 },
		  6,
		  5,
		  -EBADMSG,
		  -EBADMSG,
		  0 },
		{ "no such line",
		  { 5, 0, AT },
		  3,
		  { POINT, 4, 1, 10 },
		  4,
		  5,
		  -EBADMSG,
		  -EBADMSG,
		  0 },
		{ "not listed", { 0xff, 0xff, 0 }, 3, { POINT, 4, 1, 5 }, 4, 5, 0, 1, 6 },
		{ "too early", { 4, 0, AT }, 3, { POINT, 4, 1, 5 }, 4, 4, -EBADMSG, 1, 6 },
		{ "too late", { 6, 0, AT }, 3, { POINT, 4, 1, 5 }, 4, 6, -EBADMSG, 1, 6 },
		{ "no point there",
		  { 5, 0, AT - 1 },
		  3,
		  { POINT, 4, 1, 5 },
		  4,
		  5,
		  -EBADMSG,
		  -EBADMSG,
		  0 },
		{ "behind the block",
		  { 5, 0, 99 },
		  3,
		  { POINT, 4, 1, 5 },
		  4,
		  5,
		  -EBADMSG,
		  -EBADMSG,
		  0 },
		{ "cut short", { 5, 0, AT }, 3, { POINT, 4, 1 }, 3, 5, -EBADMSG, -EBADMSG, 0 },
		{ "out of order",
		  { 9, 0, AT, 5, 0, AT },
		  6,
		  { POINT, 4, 1, 5 },
		  4,
		  5,
		  -EBADMSG,
		  1,
		  6 },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct span urf;
		uint8_t ops[2 + sizeof(cases[i].point)] = { 0, 1 };
		memcpy(ops + 2, cases[i].point, cases[i].n);
		struct turf_image *image =
			open_block(&urf, (struct span){ cases[i].points, cases[i].n_points },
		                   ops, 2u + cases[i].n);
		expect(cases[i].what, image, cases[i].verified, cases[i].rva, cases[i].expect,
		       cases[i].line);
		free((void *)urf.at);
	}
}
END_TEST

/* Every number of entries up to those of a few pages, wherever pages begin. */
START_TEST(searches_tables)
{
	enum { N = 1500, STEP = 3 };
	static struct urf_block table[N];
	for (uint32_t i = 0; i < N; i++)
		for (unsigned k = 0; k < 4; k++)
			table[i].start.b[k] = (uint8_t)(i * STEP >> 8 * k);
	for (size_t from = 0; from < 3; from++)
		for (size_t n = 0; n < N - from; n += n < 70 ? 1 : 89)
			for (uint32_t rva = 0; rva < N * STEP; rva += n < 70 ? 1 : 7) {
				size_t below = rva / STEP + 1;
				below = below > from ? MIN(below - from, n) : 0;
				size_t found =
					upper_bound(&table[from], sizeof(*table), n, rva);
				if (found != below) /* a check for each would take long */
					ck_abort_msg("%zu of %zu, not %zu", found, n, below);
				if (n < 70 && rva > (n + from + 1) * STEP)
					break;
			}
}
END_TEST

/* As deep as may be, and one deeper; many so deep in one call. */
START_TEST(bounds_the_depth)
{
	enum { MANY = 20 };
	static struct turf_frame frames[MANY * URF_DEPTH_MAX];
	for (unsigned depth = URF_DEPTH_MAX; depth <= URF_DEPTH_MAX + 1; depth++) {
		uint8_t ops[2 * URF_DEPTH_MAX + 4] = { 0 };
		size_t n = 1;
		struct span urf;
		struct turf_frames walk;
		for (unsigned i = 1; i < depth; i++)
			ops[n++] = URF_CONTROL_PUSH, ops[n++] = 0;
		ops[n++] = 1;
		struct turf_image *image = open_block(&urf, (struct span){ NULL, 0 }, ops, n);
		bool fits = depth == URF_DEPTH_MAX;
		uint32_t first[MANY + 1];
		uint64_t addr = URF_TEST_BASE + 8, addrs[MANY];
		for (size_t i = 0; i < MANY; i++)
			addrs[i] = addr;
		ck_assert_int_eq(turf_image_verify(image, NULL), fits ? 0 : -EBADMSG);
		ck_assert_int_eq(turf_image_frames(image, addr, &walk), fits ? 1 : -EBADMSG);
		ck_assert_int_eq(turf_image_frames_bulk(image, addrs, MANY, frames,
		                                        COUNT(frames), first),
		                 fits ? MANY : -EBADMSG);
		for (uint32_t i = 0; fits && i < MANY * depth; i++)
			ck_assert(frames[i].line == walk.frame[i % depth].line &&
			          frames[i].function == walk.frame[i % depth].function);
		if (fits)
			ck_assert(walk.n == depth && first[MANY] == MANY * depth);
		turf_image_close(image);
		free((void *)urf.at);
	}
}
END_TEST

TESTS("image/coding", takes_numbers, takes_any_numbers, selects_each_bit, finds_the_keys_put_in,
      decodes_texts, decodes_texts_one_after_another, walks_over_bent_texts,
      finds_the_best_symbol_over_groups, decodes_ops, begins_at_points, bounds_the_depth,
      searches_tables)
