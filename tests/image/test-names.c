/* SPDX-License-Identifier: MIT */
/*
 * Names and places, in the urf of image/urf.h with these besides: an enumeration "wide" of
 * "bare" and "gcc"; macros "inner" and "label"; an index of names of two buckets.
 */
#include "lib/test.h"
#include "image/open.h"
#include "image/urf.h"
#include "image/verify.h"
#include "turf/macros.h"
#include "turf/names.h"

static size_t n_allocations;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
	n_allocations++;
	return __real_malloc(size);
}

enum { WIDE = 1, N_TYPES, N_BUCKETS = 2 };
#define FN TURF_NAME_FUNCTION

static const struct {
	const char *name;
	enum turf_name_kind kind;
	uint32_t number, index;
} names[] = {
	/* by kind, number and index */
	{ "outer", FN, 1, 0 },
	{ "outer_sym", FN, 1, 0 },
	{ "inner", FN, 2, 0 },
	{ "leaf", FN, 3, 0 },
	{ "label", TURF_NAME_SYMBOL, 1, 0 },
	{ "wide", TURF_NAME_SYMBOL, 2, 0 },
	{ "bare", TURF_NAME_SYMBOL, 3, 0 },
	{ "leaf", TURF_NAME_SYMBOL, 4, 0 },
	{ "wide", TURF_NAME_TYPE, WIDE, 0 },
	{ "bare", TURF_NAME_ENUMERATOR, WIDE, 0 },
	{ "gcc", TURF_NAME_ENUMERATOR, WIDE, 1 },
	{ "main.c", TURF_NAME_FILE, 1, 0 },
	{ "tail.s", TURF_NAME_FILE, 2, 0 },
	{ "inner", TURF_NAME_MACRO, 0, 0 },
	{ "label", TURF_NAME_MACRO, 2, 0 },
};

/* The parts' urf, its cold sections said to be there. */
static struct span finish(struct urf_parts *p)
{
	struct span urf = urf_of_parts(p);
	uint8_t *at = memmem(urf.at, urf.size, URF_MAGIC, 8);
	struct urf_head *head = (struct urf_head *)at;
	head->flags = le32_of(le32_get(head->flags) | URF_HAS_COLD);
	head->n_types = le32_of(N_TYPES);
	urf_seal((uint8_t *)urf.at, urf.size, (size_t)(at - urf.at));
	return urf;
}

static void put_types(struct urf_parts *p)
{
	uint8_t name = (uint8_t)urf_text(p, "wide"), bare = (uint8_t)urf_text(p, "bare");
	URF_PUT(p, URF_TYPE_INDEX, 0);
	URF_BYTES(p, URF_TYPES, 0, URF_TYPE_ENUM, 6, name, 0, bare, 0,
	          (uint8_t)urf_text(p, "gcc"), 4);
}

/* But for its tag. */
static void put_entry(struct as *a, size_t i)
{
	as_uleb(a, names[i].number << URF_NAME_KIND_BITS | names[i].kind);
	if (names[i].kind == TURF_NAME_ENUMERATOR)
		as_uleb(a, names[i].index);
}

static void put_names(struct urf_parts *p)
{
	for (uint32_t bucket = 0; bucket < N_BUCKETS; bucket++) {
		URF_PUT(p, URF_NAME_INDEX, urf_here(p, URF_NAMES));
		for (size_t i = 0; i < COUNT(names); i++) {
			uint32_t hash =
				(uint32_t)XXH3_64bits(names[i].name, strlen(names[i].name));
			if ((uint64_t)hash * N_BUCKETS >> 32 != bucket)
				continue;
			as_u8(&p->of[URF_NAMES], (uint8_t)hash);
			put_entry(&p->of[URF_NAMES], i);
		}
	}
	URF_PUT(p, URF_NAME_INDEX, urf_here(p, URF_NAMES));
}

static void put_places(struct urf_parts *p)
{
	URF_PUT(p, URF_PLACE_INDEX, 0, 1, 8, 11);
	URF_BYTES(p, URF_PLACES, 0);
	/* leaf in line 3; inner's line 5 and 0; outer from 10 to 13 */
	URF_BYTES(p, URF_PLACES, 3, 3 << 1, 3, 2 << 1, 0x7f, 5 << 1, 0x7f);
	URF_BYTES(p, URF_PLACES, 1, 7 << 1, 4);
	/* none of 0; of 1 to 3 the first two blocks, of 4 the second one */
	URF_BYTES(p, URF_PLACES, 0, 2, 0, 2, 0, 2, 0, 1 + (2 << 2));
}

/* inner, once defined and once not; label, of the compiler. */
static void put_macros(struct urf_parts *p)
{
	uint8_t inner = (uint8_t)urf_text(p, "inner"), label = (uint8_t)urf_text(p, "label");
	URF_PUT(p, URF_MACROS, 3, 8);
	URF_BYTES(p, URF_MACROS, (uint8_t)(inner << 1), (uint8_t)urf_text(p, "wide"), 1, 3);
	URF_BYTES(p, URF_MACROS, 1, 0, 1, 1);
	URF_BYTES(p, URF_MACROS, (uint8_t)((label - inner) << 1), 0, 0, 0x7c);
}

static void fill(struct urf_parts *p)
{
	urf_parts_fill(p);
	put_types(p);
	put_names(p);
	put_places(p);
	put_macros(p);
}

static struct span named(void)
{
	struct urf_parts p = { 0 };
	fill(&p);
	return finish(&p);
}

static struct turf_image *open_named(struct span *urf)
{
	*urf = named();
	return open_whole(*urf);
}

/* What is called @name, without an allocation: as many as there are. */
static size_t find_all(const struct turf_image *image, const char *name,
                       struct turf_name found[4])
{
	struct turf_names walk;
	size_t before = n_allocations, n = 0;
	int r = turf_image_names(image, name, strlen(name), &walk);
	while (r == 0 && n < 4 && turf_names_next(&walk, &found[n]) == 1)
		n++;
	for (int again = 0; r == 0 && again < 2; again++)
		r = turf_names_next(&walk, &found[n]);
	ck_assert_uint_eq(n_allocations, before);
	ck_assert_int_eq(r, 0);
	return n;
}

START_TEST(finds_all_that_is_called_so)
{
	static const char *const others[] = { "",    "oute", "outer_", "/abs/tail.s", "abs",
		                              "wid", "/src", "main",   "wide@1" };
	struct span urf;
	struct turf_image *image = open_named(&urf);
	struct turf_name found[4];
	for (size_t i = 0; i < COUNT(names); i++) {
		size_t n = find_all(image, names[i].name, found), at = 0;
		for (size_t k = 0; k < COUNT(names); k++) {
			if (strcmp(names[k].name, names[i].name) != 0)
				continue;
			ck_assert_uint_lt(at, n);
			ck_assert_int_eq(found[at].kind, names[k].kind);
			ck_assert_uint_eq(found[at].index, names[k].index);
			ck_assert_uint_eq(found[at++].number, names[k].number);
		}
		ck_assert_uint_eq(at, n);
	}
	for (size_t i = 0; i < COUNT(others); i++)
		ck_assert_uint_eq(find_all(image, others[i], found), 0);
	close_urf(image, urf);
}
END_TEST

/* Finds, in the order of the table: a letter for each. */
static void search(const struct turf_image *image, const char *pattern, enum turf_match match,
                   uint32_t kinds, bool ignore_case, char out[COUNT(names) + 1])
{
	const struct turf_search_options how = { sizeof(how), kinds, ignore_case };
	struct turf_search *walk;
	struct turf_name name;
	size_t n = 0;
	bool found[COUNT(names)] = { 0 };
	int r = turf_search_begin(image, pattern, match, &how, &walk, NULL);
	ck_assert_int_eq(r, 0);
	while ((r = turf_search_next(walk, &name)) == 1) {
		size_t i = 0; /* a function is told once, by either name */
		while (i < COUNT(names) &&
		       (names[i].kind != name.kind || names[i].number != name.number ||
		        names[i].index != name.index))
			i++;
		ck_assert_uint_lt(i, COUNT(names));
		ck_assert(!found[i]);
		found[i] = true;
	}
	ck_assert_int_eq(r, 0);
	turf_search_end(walk);
	for (size_t i = 0; i < COUNT(names); i++)
		if (found[i])
			out[n++] = (char)('a' + i);
	out[n] = 0;
}

START_TEST(searches_by_pattern)
{
	static const struct {
		const char *pattern;
		enum turf_match match;
		uint32_t kinds;
		bool ignore_case;
		const char *found; /* letters of names, from a on; b is a's other name */
	} cases[] = {
		{ "leaf", TURF_MATCH_EXACT, 0, false, "dh" },
		{ "LEAF", TURF_MATCH_EXACT, 0, false, "" },
		{ "LEAF", TURF_MATCH_EXACT, 0, true, "dh" },
		{ "outer", TURF_MATCH_EXACT, 0, false, "a" },
		{ "outer_sym", TURF_MATCH_EXACT, 0, false, "a" },
		{ "outer", TURF_MATCH_PREFIX, 0, false, "a" },
		{ "", TURF_MATCH_PREFIX, 0, false, "acdefghijklmno" },
		{ "wi", TURF_MATCH_PREFIX, 0, false, "fi" },
		{ "*", TURF_MATCH_GLOB, 0, false, "acdefghijklmno" },
		{ "*", TURF_MATCH_GLOB, 1 << TURF_NAME_FILE | 1 << FN, false, "acdlm" },
		{ "[a-d]*", TURF_MATCH_GLOB, 0, false, "gj" },
		{ "B?RE", TURF_MATCH_GLOB, 0, true, "gj" },
		{ "*.[cs]", TURF_MATCH_GLOB, 0, false, "lm" },
		{ "/abs/*", TURF_MATCH_GLOB, 0, false, "" },
		{ "^(inner|gcc)$", TURF_MATCH_REGEX, 0, false, "ckn" },
		{ "A[IN]", TURF_MATCH_REGEX, 0, true, "lm" },
		{ "^tail", TURF_MATCH_REGEX, 0, false, "m" },
		{ "sym$", TURF_MATCH_REGEX, 0, false, "a" },
		{ "zz", TURF_MATCH_REGEX, 0, false, "" },
	};
	struct span urf;
	struct turf_image *image = open_named(&urf);
	struct turf_search *walk = NULL;
	struct turf_error err = { 0 };
	for (size_t i = 0; i < COUNT(cases); i++) {
		char found[COUNT(names) + 1];
		search(image, cases[i].pattern, cases[i].match, cases[i].kinds,
		       cases[i].ignore_case, found);
		ck_assert_msg(strcmp(found, cases[i].found) == 0, "%s: %s", cases[i].pattern,
		              found);
	}
	ck_assert_int_eq(turf_search_begin(image, "(", TURF_MATCH_REGEX, NULL, &walk, &err),
	                 -EINVAL);
	ck_assert_ptr_null(walk);
	ck_assert_ptr_nonnull(strstr(err.text, "("));
	close_urf(image, urf);
}
END_TEST

START_TEST(walks_over_all_texts)
{
	static const char *const texts[] = { "",       "/abs/tail.s", "/src",      "bare",
		                             "gcc",    "inner",       "label",     "leaf",
		                             "main.c", "outer",       "outer_sym", "wide" };
	struct span urf;
	struct turf_image *image = open_named(&urf);
	for (size_t room = 0; room < 12; room++) {
		char out[12];
		struct turf_all_texts walk;
		turf_text text = 77;
		size_t n = 0;
		turf_image_texts(image, out, room, &walk);
		for (size_t i = 0; i < COUNT(texts); i++) {
			ck_assert_int_eq(turf_all_texts_next(&walk, &text, &n), 1);
			ck_assert_uint_eq(text, i);
			ck_assert_uint_eq(n, strlen(texts[i]));
			ck_assert_mem_eq(out, texts[i], MIN(n, room));
		}
		ck_assert_int_eq(turf_all_texts_next(&walk, &text, &n), 0);
		ck_assert_uint_eq(text, COUNT(texts) - 1);
	}
	close_urf(image, urf);
}
END_TEST

START_TEST(tells_macros)
{
	static const struct turf_macro all[] = { { 5, 11, 1, 3, false },
		                                 { 5, 0, 1, 4, true },
		                                 { 6, 0, 0, 0, false } };
	struct span urf;
	struct turf_image *image = open_named(&urf);
	struct turf_macro macro;
	ck_assert_uint_eq(turf_image_n_macros(image), COUNT(all));
	for (uint32_t i = 0; i < COUNT(all); i++) {
		ck_assert_int_eq(turf_image_macro(image, i, &macro), 1);
		ck_assert_uint_eq(macro.name, all[i].name);
		ck_assert_uint_eq(macro.body, all[i].body);
		ck_assert_uint_eq(macro.file, all[i].file);
		ck_assert_uint_eq(macro.line, all[i].line);
		ck_assert_uint_eq(macro.undefined, all[i].undefined);
	}
	ck_assert_int_eq(turf_image_macro(image, COUNT(all), &macro), 0);
	ck_assert_int_eq(turf_image_macro(image, UINT32_MAX, &macro), 0);
	close_urf(image, urf);
}
END_TEST

/* What each fault of macros is called. */
START_TEST(verify_finds_damaged_macros)
{
	static const struct {
		uint8_t bytes[20];
		size_t size;
		const char *why;
	} cases[] = {
		{ { 0, 0, 0, 0 }, 4, "of which there are none" },
		{ { 1, 0, 0, 0, 8, 0, 0, 0, 10, 0, 0 }, 11, "cannot be read" },
		{ { 1, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0 }, 12, "not where it should be" },
		{ { 1, 0, 0, 0, 8, 0, 0, 0, 80, 0, 0, 0 }, 12, "a text of it is none" },
		{ { 1, 0, 0, 0, 8, 0, 0, 0, 10, 0, 9, 0 }, 12, "its file" },
		{ { 1, 0, 0, 0, 8, 0, 0, 0, 11, 3, 0, 0 }, 12, "undefines to something" },
		{ { 1, 0, 0, 0, 8, 0, 0, 0, 10, 0, 0, 0, 0 }, 13, "one too many" },
		{ { 2, 0, 0, 0, 8, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0 }, 16, "out of order" },
		{ { 1, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0, 0 }, 12, "that there is" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct urf_parts p = { 0 };
		struct turf_error err = { 0 };
		urf_parts_fill(&p);
		put_types(&p);
		put_names(&p);
		put_places(&p);
		as_bytes(&p.of[URF_MACROS], cases[i].bytes, cases[i].size);
		bool leads = i + 1 == COUNT(cases);
		struct span urf = finish(&p);
		struct turf_image *image = open_urf(urf);
		int r = turf_verify_macros(image, &err);
		if (leads && r == 0)
			r = turf_image_verify(image, &err);
		ck_assert_int_eq(r, -EBADMSG);
		ck_assert_msg(strstr(err.text, cases[i].why) || leads, "%zu: %s", i, err.text);
		close_urf(image, urf);
	}
}
END_TEST

/* Runs, one behind the other. */
struct told {
	char text[512];
	int answer; /* to the second one */
	int n;
};

static int tell_place(void *ctx, const struct turf_place *place)
{
	struct told *t = ctx;
	size_t n = strlen(t->text);
	snprintf(t->text + n, sizeof(t->text) - n, "%#x..%#x %u:%u:%u f%u d%u;",
	         (unsigned)place->addr, (unsigned)place->end, place->file, place->line,
	         place->column, place->function, place->depth);
	return ++t->n == 2 ? t->answer : 0;
}

static const struct {
	uint32_t file, line;
	int answer, expect;
	const char *text;
} place_cases[] = {
	{ 0, 1, 0, 0, "" },
	{ 1, 3, 0, 1, "0x1010..0x1014 1:3:7 f3 d2;0x1014..0x101a 1:3:7 f3 d2;" },
	{ 1, 0, 0, 1, "0x1010..0x1014 1:3:7 f3 d2;0x1014..0x101a 1:3:7 f3 d2;" },
	{ 1, 3, 9, 9, "0x1010..0x1014 1:3:7 f3 d2;0x1014..0x101a 1:3:7 f3 d2;" },
	{ 1, 3, -9, -9, "0x1010..0x1014 1:3:7 f3 d2;0x1014..0x101a 1:3:7 f3 d2;" },
	{ 1, 4, 0, 1, "0x10a2..0x10a4 1:5:2 f2 d1;" }, /* the next line with code */
	{ 1, 10, 0, 1, "0x1000..0x1010 1:10:3 f1 d0;0x10a4..0x10a8 1:10:3 f1 d0;" },
	{ 1, 13, 0, 1, "0x101a..0x1040 1:13:1 f1 d0;0x10a0..0x10a2 1:13:1 f1 d0;" },
	{ 1, 14, 0, 0, "" },
	{ 2, 1, 0, 1, "0x1050..0x1060 2:7:0 f4 d0;" },
	{ 2, 8, 0, 0, "" },
	{ 3, 1, 0, 0, "" },
	{ UINT32_MAX, 1, 0, 0, "" },
};

START_TEST(finds_the_code_of_lines)
{
	struct span urf;
	struct turf_image *image = open_named(&urf);
	for (size_t i = 0; i < COUNT(place_cases); i++) {
		struct told told = { .answer = place_cases[i].answer };
		size_t before = n_allocations;
		int r = turf_image_places(image, place_cases[i].file, place_cases[i].line,
		                          tell_place, &told);
		ck_assert_uint_eq(n_allocations, before);
		ck_assert_str_eq(told.text, place_cases[i].text);
		ck_assert_int_eq(r, place_cases[i].expect);
	}
	close_urf(image, urf);
}
END_TEST

static int tell_code(void *ctx, const struct turf_code *code)
{
	struct told *t = ctx;
	size_t n = strlen(t->text);
	snprintf(t->text + n, sizeof(t->text) - n, "%#x..%#x in %#x%s;", (unsigned)code->start,
	         (unsigned)code->end, (unsigned)code->entry, code->inlined ? " inlined" : "");
	return ++t->n == 2 ? t->answer : 0;
}

START_TEST(finds_the_code_of_functions)
{
	static const struct {
		uint32_t function;
		int answer, expect;
		const char *text;
	} cases[] = {
		{ 0, 0, 0, "" },
		{ 1, 0, 1, "0x1000..0x1040 in 0x1000;0x10a0..0x10a8 in 0x1000;" },
		{ 2, 0, 1,
		  "0x1010..0x101a in 0x1000 inlined;0x10a2..0x10a4 in 0x1000 inlined;" },
		{ 2, 5, 5,
		  "0x1010..0x101a in 0x1000 inlined;0x10a2..0x10a4 in 0x1000 inlined;" },
		{ 3, 0, 1, "0x1010..0x101a in 0x1000 inlined;" },
		{ 4, 0, 1, "0x1050..0x1060 in 0x1050;" },
		{ 5, 0, 0, "" },
		{ UINT32_MAX, 0, 0, "" },
	};
	struct span urf;
	struct turf_image *image = open_named(&urf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct told told = { .answer = cases[i].answer };
		size_t before = n_allocations;
		int r = turf_image_code(image, cases[i].function, tell_code, &told);
		ck_assert_uint_eq(n_allocations, before);
		ck_assert_str_eq(told.text, cases[i].text);
		ck_assert_int_eq(r, cases[i].expect);
	}
	close_urf(image, urf);
}
END_TEST

START_TEST(an_urf_without_says_so)
{
	struct span urf = urf_sample();
	struct turf_image *image = open_urf(urf);
	struct turf_names walk;
	struct told told = { .n = 0 };
	ck_assert_int_eq(turf_image_verify(image, NULL), 0);
	ck_assert_int_eq(turf_image_names(image, "outer", 5, &walk), -ENODATA);
	ck_assert_int_eq(turf_image_places(image, 1, 3, tell_place, &told), -ENODATA);
	ck_assert_int_eq(turf_image_code(image, 1, tell_code, &told), -ENODATA);
	ck_assert_int_eq(told.n, 0);
	close_urf(image, urf);
}
END_TEST

START_TEST(dumps_places)
{
	struct span urf;
	struct turf_image *image = open_named(&urf);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	ck_assert_int_eq(turf_image_dump(image, "places", out, NULL), 0);
	fclose(out);
	ck_assert_str_eq(text, "[places]\n"
	                       "file 1 functions 3:3 2:5 1:10\n"
	                       "file 2 functions 4:7\n"
	                       "function 1 blocks 0 1\n"
	                       "function 2 blocks 0 1\n"
	                       "function 3 blocks 0 1\n"
	                       "function 4 blocks 1\n");
	free(text);
	out = open_memstream(&text, &size);
	ck_assert_int_eq(turf_image_dump(image, "names", out, NULL), 0);
	fclose(out);
	ck_assert_ptr_nonnull(strstr(text, " function 1\n"));
	ck_assert_ptr_nonnull(strstr(text, " enumerator 1 item 1\n"));
	size_t lines = 0;
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	ck_assert_uint_eq(lines, 1 + COUNT(names));
	free(text);
	close_urf(image, urf);
}
END_TEST

/* One byte of .urf.places, or of its index, that is another. */
static const struct {
	const char *what;
	enum urf_section_kind kind;
	size_t off;
	uint8_t byte;
	const char *section;
} bent_cases[] = {
	{ "a file of one function more", URF_PLACES, 1, 4, ".urf.place" },
	{ "a file of one function less", URF_PLACES, 1, 2, ".urf.place" },
	{ "a lower line", URF_PLACES, 2, 2 << 1, ".urf.place" },
	{ "a line beyond", URF_PLACES, 6, 6 << 1, ".urf.place" },
	{ "one that is said to overlap", URF_PLACES, 4, 2 << 1 | 1, ".urf.place" },
	{ "a last one that overlaps", URF_PLACES, 9, 7 << 1 | 1, ".urf.place" },
	{ "a function without lines there", URF_PLACES, 3, 4, ".urf.place" },
	{ "no such function", URF_PLACES, 3, 5, ".urf.place" },
	{ "a function twice", URF_PLACES, 5, 0, ".urf.place" },
	{ "no file for a line", URF_PLACES, 8, 0, ".urf.place" },
	{ "a block less", URF_PLACES, 16, 1, ".urf.block" },
	{ "no such block", URF_PLACES, 13, 1, ".urf.place" },
	{ "a run that has no end", URF_PLACES, 18, 3 + (2 << 2), ".urf.place" },
	{ "a block of others only", URF_PLACES, 18, 1, ".urf.block" },
	{ "a file's list elsewhere", URF_PLACE_INDEX, 4, 2, ".urf.place" },
	{ "a list outside", URF_PLACE_INDEX, 5, 1, ".urf.place" },
	{ "functions' lists elsewhere", URF_PLACE_INDEX, 12, 12, ".urf.place" },
	{ "a first bucket not at 0", URF_NAME_INDEX, 0, 1, ".urf.name" },
	{ "buckets that end before names do", URF_NAME_INDEX, 8, 1, ".urf.name" },
	{ "buckets that end outside", URF_NAME_INDEX, 9, 1, ".urf.name" },
	{ "a kind that is none", URF_NAMES, 1, 1 << URF_NAME_KIND_BITS | 7, ".urf.name" },
	{ "another function's name", URF_NAMES, 1, 4 << URF_NAME_KIND_BITS, ".urf.name" },
	{ "no such function's name", URF_NAMES, 1, 5 << URF_NAME_KIND_BITS, ".urf.name" },
};

START_TEST(refuses_tables_that_are_none)
{
	for (size_t i = 0; i < COUNT(bent_cases); i++) {
		struct urf_parts p = { 0 };
		fill(&p);
		((uint8_t *)as_span(&p.of[bent_cases[i].kind]).at)[bent_cases[i].off] =
			bent_cases[i].byte;
		struct span urf = finish(&p);
		struct turf_image *image = open_urf(urf);
		struct turf_error err = { 0 };
		ck_assert_msg(turf_image_verify(image, &err) == -EBADMSG, "%s",
		              bent_cases[i].what);
		ck_assert_msg(strstr(err.text, bent_cases[i].section) != NULL, "%s: %s",
		              bent_cases[i].what, err.text);
		close_urf(image, urf);
	}
}
END_TEST

START_TEST(refuses_names_that_are_left_out)
{
	for (size_t left_out = 0; left_out < 4; left_out++) {
		struct urf_parts p = { 0 };
		urf_parts_fill(&p);
		put_types(&p);
		put_places(&p);
		put_macros(&p);
		URF_PUT(&p, URF_NAME_INDEX, 0); /* one bucket */
		for (size_t i = 0; i < COUNT(names); i++) {
			uint32_t hash =
				(uint32_t)XXH3_64bits(names[i].name, strlen(names[i].name));
			static const size_t missing[] = { 1, 10, 11, 14 };
			if (i == missing[left_out])
				continue;
			as_u8(&p.of[URF_NAMES], (uint8_t)hash);
			put_entry(&p.of[URF_NAMES], i);
		}
		URF_PUT(&p, URF_NAME_INDEX, urf_here(&p, URF_NAMES));
		struct span urf = finish(&p);
		struct turf_image *image = open_urf(urf);
		struct turf_error err = { 0 };
		ck_assert_int_eq(turf_image_verify(image, &err), -EBADMSG);
		ck_assert_msg(strstr(err.text, "without a name that there is") != NULL, "%s",
		              err.text);
		close_urf(image, urf);
	}
}
END_TEST

static void ask_all(struct turf_image *image)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		struct turf_names walk;
		struct turf_name found;
		if (turf_image_names(image, names[i].name, strlen(names[i].name), &walk) == 0)
			while (turf_names_next(&walk, &found) == 1)
				;
	}
	char text[8];
	struct turf_all_texts walk;
	turf_text number;
	size_t n;
	turf_image_texts(image, text, sizeof(text), &walk);
	while (turf_all_texts_next(&walk, &number, &n) == 1)
		;
	struct turf_search *search;
	struct turf_name name;
	if (turf_search_begin(image, "*e*", TURF_MATCH_GLOB, NULL, &search, NULL) == 0) {
		while (turf_search_next(search, &name) == 1)
			;
		turf_search_end(search);
	}
	struct told told = { .n = 0 };
	for (uint32_t i = 0; i < 16; i++) {
		(void)turf_image_places(image, i % 4, i, tell_place, &told);
		(void)turf_image_code(image, i, tell_code, &told);
	}
	turf_image_verify(image, NULL);
	FILE *null = fopen("/dev/null", "w");
	(void)turf_image_dump(image, "places", null, NULL);
	(void)turf_image_dump(image, "names", null, NULL);
	fclose(null);
}

START_TEST(every_prefix_is_refused)
{
	refuse_every_prefix(named(), ask_all);
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	survive_every_bent_byte(named(), ask_all);
}
END_TEST

TESTS("image/names", finds_all_that_is_called_so, searches_by_pattern, walks_over_all_texts,
      tells_macros, verify_finds_damaged_macros, finds_the_code_of_lines,
      finds_the_code_of_functions, an_urf_without_says_so, dumps_places,
      refuses_tables_that_are_none, refuses_names_that_are_left_out, every_prefix_is_refused,
      every_byte_bent_is_survived)
