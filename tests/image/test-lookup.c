/* SPDX-License-Identifier: MIT */
/* Look-ups in the small urf of image/urf.h, table by table; and in damaged copies of it. */
#include "lib/test.h"
#include "image/urf.h"

static struct turf_image *open_sample(struct span *urf)
{
	struct turf_image *image = NULL;
	struct turf_error err = { 0 };
	*urf = urf_sample();
	int r = turf_image_open_mem(urf->at, urf->size, &image, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	r = turf_image_verify(image, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return image;
}

static void close_sample(struct turf_image *image, struct span urf)
{
	turf_image_close(image);
	free((void *)urf.at);
}

static const struct {
	uint64_t addr;
	const char *chain; /* function(linkage) path:line:column, innermost first */
} frames_cases[] = {
	{ 0xfff, "" },
	{ 0x1000, "outer(outer_sym) /src/main.c:10:3;" },
	{ 0x100f, "outer(outer_sym) /src/main.c:10:3;" },
	{ 0x1010, "leaf() /src/main.c:3:7;inner() /src/main.c:4:9;"
	          "outer(outer_sym) /src/main.c:12:5;" },
	{ 0x1013, "leaf() /src/main.c:3:7;inner() /src/main.c:4:9;"
	          "outer(outer_sym) /src/main.c:12:5;" },
	{ 0x1014, "leaf() /src/main.c:3:7;inner() /src/main.c:4:9;"
	          "outer(outer_sym) /src/main.c:12:5;" },
	{ 0x1019, "leaf() /src/main.c:3:7;inner() /src/main.c:4:9;"
	          "outer(outer_sym) /src/main.c:12:5;" },
	{ 0x101a, "outer(outer_sym) /src/main.c:13:1;" },
	{ 0x103f, "outer(outer_sym) /src/main.c:13:1;" },
	{ 0x1040, "" },
	{ 0x104f, "" },
	{ 0x1050, "label() /abs/tail.s:7:0;" },
	{ 0x105f, "wide() /abs/tail.s:7:0;" },
	{ 0x1060, "bare() ??:0:0;" },
	{ 0x1080, "wide() ??:0:0;" },
	{ 0x1090, "" },
	{ 0x109f, "" },
	{ 0x10a0, "outer(outer_sym) /src/main.c:13:1;" },
	{ 0x10a2, "inner() /src/main.c:5:2;outer(outer_sym) /src/main.c:12:5;" },
	{ 0x10a4, "outer(outer_sym) /src/main.c:10:3;" },
	{ 0x10a7, "outer(outer_sym) /src/main.c:10:3;" },
	{ 0x10a8, "" },
	{ 0x100001000, "" },
	{ UINT64_MAX, "" },
};

static void add_frame(const struct turf_image *image, const struct turf_frame *f, char *chain,
                      size_t size)
{
	char name[64], linkage[64], path[64];
	ck_assert_int_ge(turf_image_text(image, f->name, name, sizeof(name)), 0);
	ck_assert_int_ge(turf_image_text(image, f->linkage_name, linkage, sizeof(linkage)), 0);
	ck_assert_int_gt(turf_image_path(image, f->file, path, sizeof(path)), 0);
	size_t n = strlen(chain);
	snprintf(chain + n, size - n, "%s(%s) %s:%u:%u;", name, linkage, path, f->line,
	         f->column);
}

START_TEST(tells_the_frames_of_an_address)
{
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	for (size_t i = 0; i < COUNT(frames_cases); i++) {
		char chain[512] = "";
		struct turf_frames walk;
		struct turf_frame f;
		uint64_t addr = frames_cases[i].addr;
		int r = turf_image_frames(image, addr, &walk);
		ck_assert_msg(r == (frames_cases[i].chain[0] != 0), "%#lx: %d",
		              (unsigned long)addr, r);
		while (r == 1 && (r = turf_frames_next(&walk, &f)) == 1) {
			add_frame(image, &f, chain, sizeof(chain));
			ck_assert(f.inlined == !f.has_start);
			if (f.has_start && addr >= 0x10a0)
				ck_assert_uint_eq(f.function_start, 0x1000);
		}
		ck_assert_int_eq(r, 0);
		ck_assert_str_eq(chain, frames_cases[i].chain);
	}
	close_sample(image, urf);
}
END_TEST

/* All at once, forwards and backwards, and as many as there is room for. */
START_TEST(tells_the_frames_of_many)
{
	enum { N = COUNT(frames_cases) };
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	for (int backwards = 0; backwards < 2; backwards++) {
		uint64_t addrs[N];
		struct turf_frame frames[2 * N];
		uint32_t first[N + 1];
		for (size_t i = 0; i < N; i++)
			addrs[i] = frames_cases[backwards ? N - 1 - i : i].addr;
		ck_assert_int_eq(
			turf_image_frames_bulk(image, addrs, N, frames, COUNT(frames), first),
			N);
		for (size_t i = 0; i < N; i++) {
			char chain[512] = "";
			for (uint32_t k = first[i]; k < first[i + 1]; k++)
				add_frame(image, &frames[k], chain, sizeof(chain));
			ck_assert_str_eq(chain, frames_cases[backwards ? N - 1 - i : i].chain);
		}
	}
	struct turf_frame frames[4];
	uint64_t addrs[] = { 0x1000, 0x1010, 0x101a };
	uint32_t first[4];
	ck_assert_int_eq(turf_image_frames_bulk(image, addrs, 3, frames, 4, first), 2);
	ck_assert_uint_eq(first[2], 4);
	ck_assert_int_eq(turf_image_frames_bulk(image, addrs + 1, 1, frames, 2, first), -E2BIG);
	ck_assert_int_eq(turf_image_frames_bulk(image, addrs, 0, frames, 4, first), 0);
	close_sample(image, urf);
}
END_TEST

/* @text as bytes; "kept" where nothing was found. */
static const char *text_of(const struct turf_image *image, turf_text text, char out[64])
{
	ck_assert_int_ge(turf_image_text(image, text, out, 64), 0);
	return out;
}

START_TEST(finds_functions_and_symbols)
{
	static const struct {
		uint64_t addr;
		const char *function; /* NULL: none */
		uint64_t start, end;
		const char *symbol; /* NULL: none */
	} cases[] = {
		{ 0xfff, NULL, 0, 0, NULL },
		{ 0x1000, "outer", 0x1000, 0x1040, "outer_sym" },
		{ 0x101a, "outer", 0x1000, 0x1040, "outer_sym" },
		{ 0x103f, "outer", 0x1000, 0x1040, "outer_sym" },
		{ 0x1040, NULL, 0, 0, NULL },
		{ 0x1057, "label", 0x1050, 0x1058, "label" },
		{ 0x1058, "wide", 0x1058, 0x1090, "wide" },
		{ 0x107f, "bare", 0x1060, 0x1080, "bare" },
		{ 0x108f, "wide", 0x1058, 0x1090, "wide" },
		{ 0x1090, NULL, 0, 0, NULL },
		{ 0x10a0, "outer", 0x10a0, 0x10a8, NULL },
		{ 0x10a7, "outer", 0x10a0, 0x10a8, NULL },
		{ 0x10a8, NULL, 0, 0, NULL },
	};
	struct span urf;
	char text[64];
	struct turf_image *image = open_sample(&urf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_function fn = { .name = 77 };
		struct turf_symbol symbol = { .name = 77 };
		ck_assert_int_eq(turf_image_find_function(image, cases[i].addr, &fn),
		                 cases[i].function != NULL);
		ck_assert_uint_eq(fn.start, cases[i].start);
		ck_assert_uint_eq(fn.end, cases[i].end);
		if (cases[i].function)
			ck_assert_str_eq(text_of(image, fn.name, text), cases[i].function);
		else
			ck_assert_uint_eq(fn.name, 77);
		ck_assert_int_eq(turf_image_find_symbol(image, cases[i].addr, &symbol),
		                 cases[i].symbol != NULL);
		if (cases[i].symbol)
			ck_assert_str_eq(text_of(image, symbol.name, text), cases[i].symbol);
		else
			ck_assert_uint_eq(symbol.name, 77);
	}
	struct turf_symbol symbol = { .name = 77 };
	ck_assert_int_eq(turf_image_symbol(image, 5, &symbol), 0);
	ck_assert_uint_eq(symbol.name, 77);
	ck_assert_int_eq(turf_image_symbol(image, 4, &symbol), 1);
	ck_assert_str_eq(text_of(image, symbol.name, text), "leaf");
	ck_assert_uint_eq(symbol.addr, 0x1060);
	ck_assert_uint_eq(symbol.bind, STB_GNU_UNIQUE);
	close_sample(image, urf);
}
END_TEST

START_TEST(finds_units)
{
	static const struct {
		uint64_t addr;
		const char *name; /* NULL: none */
		unsigned language, version;
	} cases[] = {
		{ 0x1000, "main.c", 12, 5 }, { 0x1018, "main.c", 12, 5 },
		{ 0x1040, NULL, 0, 0 },      { 0x1050, "/abs/tail.s", 0, 4 },
		{ 0x1060, NULL, 0, 0 },      { 0x10a3, "main.c", 12, 5 },
	};
	struct span urf;
	char text[64];
	struct turf_image *image = open_sample(&urf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_unit unit = { 0 };
		ck_assert_int_eq(turf_image_find_unit(image, cases[i].addr, &unit),
		                 cases[i].name != NULL);
		ck_assert_str_eq(text_of(image, unit.name, text),
		                 cases[i].name ? cases[i].name : "");
		ck_assert_uint_eq(unit.language, cases[i].language);
		ck_assert_uint_eq(unit.version, cases[i].version);
	}
	close_sample(image, urf);
}
END_TEST

START_TEST(finds_unwind_rules)
{
	static const struct {
		uint64_t addr;
		int expect;
		uint8_t cfa;
		unsigned n_saved;
	} cases[] = {
		{ 0xfff, 0, 0, 0 },
		{ 0x1000, 1, TURF_RULE_REG_OFFSET, 0 },
		{ 0x1003, 1, TURF_RULE_REG_OFFSET, 0 },
		{ 0x1004, 1, TURF_RULE_VAL_EXPRESSION, 1 },
		{ 0x103f, 1, TURF_RULE_VAL_EXPRESSION, 1 },
		{ 0x1040, 0, 0, 0 },
		{ 0x1fff, 0, 0, 0 },
		{ 0x200f, 0, 0, 0 },
		{ 0x2010, 1, TURF_RULE_REG_OFFSET, 2 },
		{ 0x2fff, 1, TURF_RULE_REG_OFFSET, 2 },
		{ 0x3000, 0, 0, 0 },
	};
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_unwind_row row = { 0 };
		ck_assert_int_eq(turf_image_find_unwind(image, cases[i].addr, &row),
		                 cases[i].expect);
		ck_assert_uint_eq(row.cfa.kind, cases[i].cfa);
		ck_assert_uint_eq(row.n_saved, cases[i].n_saved);
		if (!cases[i].expect)
			continue;
		ck_assert_int_eq(row.return_address.kind, TURF_RULE_AT_CFA);
		ck_assert_int_eq(row.return_address.offset, -8);
	}
	struct turf_unwind_row row;
	uint8_t reg = 0;
	struct turf_rule rule = { 0 };
	ck_assert_int_eq(turf_image_find_unwind(image, 0x1004, &row), 1);
	ck_assert_uint_eq(row.cfa.expr_size, 2);
	ck_assert(row.signal_frame);
	ck_assert_int_eq(turf_unwind_saved(image, &row, 0, &reg, &rule), 1);
	ck_assert_uint_eq(reg, 3);
	ck_assert_int_eq(rule.offset, -24);
	ck_assert_int_eq(turf_unwind_saved(image, &row, 1, &reg, &rule), 0);
	ck_assert_int_eq(turf_image_find_unwind(image, 0x2010, &row), 1);
	ck_assert_uint_eq(row.return_reg, 16);
	ck_assert(!row.signal_frame && !row.guess);
	ck_assert_int_eq(row.cfa.offset, 16);
	ck_assert_int_eq(turf_unwind_saved(image, &row, 0, &reg, &rule), 1);
	ck_assert_uint_eq(reg, 6);
	ck_assert_int_eq(rule.kind, TURF_RULE_AT_CFA);
	ck_assert_int_eq(rule.offset, -16);
	ck_assert_int_eq(turf_unwind_saved(image, &row, 1, &reg, &rule), 1);
	ck_assert_uint_eq(reg, 3);
	ck_assert_int_eq(rule.offset, -24);
	ck_assert_int_eq(turf_unwind_saved(image, &row, 2, &reg, &rule), 0);
	close_sample(image, urf);
}
END_TEST

START_TEST(turns_file_offsets_into_addresses)
{
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	uint64_t addr = 1;
	ck_assert_int_eq(turf_image_addr_of_offset(image, 0xfff, &addr), 0);
	ck_assert_uint_eq(addr, 1);
	ck_assert_int_eq(turf_image_addr_of_offset(image, 0x1234, &addr), 1);
	ck_assert_uint_eq(addr, 0x1234);
	ck_assert_int_eq(turf_image_addr_of_offset(image, 0x3000, &addr), 0);
	close_sample(image, urf);
}
END_TEST

START_TEST(dumps_every_section)
{
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	ck_assert_int_eq(turf_image_dump(image, NULL, out, NULL), 0);
	fclose(out);
	static const char *const parts[] = {
		"[head]",
		"[blocks]",
		("0x10..0x14 outer_sym /src/main.c:12:5 > inner /src/main.c:4:9 > leaf "
		 "/src/main.c:3:7"),
		"[functions]",
		"3: leaf declared at /src/main.c:1",
		"[rules]",
		"1: cfa r7+8 ra [cfa-8] fp kept",
		"3: cfa r6+16 ra [cfa-8] fp [slot] slot [cfa-16]",
		"ra(r16) [cfa-8] r3 [cfa-24] signal frame",
		"0x1010 set 1",
		"[symbols]",
		"bare",
		"[texts]",
		"/abs/tail.s",
		"[phrases]",
	};
	for (size_t i = 0; i < COUNT(parts); i++)
		ck_assert_msg(strstr(text, parts[i]) != NULL, "no \"%s\" in the dump",
		              parts[i]);
	free(text);
	struct turf_error err = { 0 };
	ck_assert_int_eq(turf_image_dump(image, "nonsense", stderr, &err), -EINVAL);
	ck_assert(strstr(err.text, "nonsense") != NULL);
	close_sample(image, urf);
}
END_TEST

static int n_opened;

/* Asks everything of whatever can be opened. */
static void ask_all(struct span bytes)
{
	struct turf_image *image;
	if (turf_image_open_mem(bytes.at, bytes.size, &image, NULL) < 0)
		return;
	n_opened++;
	for (uint64_t addr = 0xff8; addr < 0x10b0; addr += 4) {
		struct turf_frames walk;
		struct turf_frame frame;
		struct turf_function function;
		struct turf_symbol symbol;
		struct turf_unwind_row row;
		struct turf_unit unit;
		char text[64];
		unsigned n = 0;
		if (turf_image_frames(image, addr, &walk) == 1)
			while (turf_frames_next(&walk, &frame) == 1 && ++n < 1000) {
				(void)turf_image_text(image, frame.name, text, sizeof(text));
				(void)turf_image_path(image, frame.file, text, sizeof(text));
			}
		ck_assert_uint_lt(n, 1000);
		(void)turf_image_find_unit(image, addr, &unit);
		(void)turf_image_find_function(image, addr, &function);
		(void)turf_image_find_symbol(image, addr, &symbol);
		uint8_t reg;
		struct turf_rule rule;
		if (turf_image_find_unwind(image, addr, &row) == 1)
			(void)turf_unwind_saved(image, &row, 0, &reg, &rule);
		(void)turf_image_addr_of_offset(image, addr, &(uint64_t){ 0 });
	}
	uint64_t addrs[] = { 0x1000, 0x1010, 0x10a2, 0x1050, 0x1060, 0x101a };
	struct turf_frame frames[32];
	uint32_t first[COUNT(addrs) + 1];
	(void)turf_image_frames_bulk(image, addrs, COUNT(addrs), frames, COUNT(frames), first);
	(void)turf_image_verify(image, NULL);
	FILE *null = fopen("/dev/null", "w");
	(void)turf_image_dump(image, NULL, null, NULL);
	fclose(null);
	turf_image_close(image);
}

START_TEST(every_prefix_is_refused)
{
	struct span urf = urf_sample();
	n_opened = 0;
	every_prefix(urf, ask_all);
	ck_assert_int_eq(n_opened, 0);
	ask_all(urf);
	ck_assert_int_eq(n_opened, 1);
	free((void *)urf.at);
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	struct span urf = urf_sample();
	n_opened = 0;
	every_byte_bent(urf, ask_all);
	ck_assert_int_gt(n_opened, 1000); /* most of them open: the look-ups had to cope */
	free((void *)urf.at);
}
END_TEST

static void must_not_verify(struct span bent)
{
	struct turf_image *image;
	if (turf_image_open_mem(bent.at, bent.size, &image, NULL) < 0)
		return;
	struct turf_error err = { 0 };
	ck_assert_int_eq(turf_image_verify(image, &err), -EBADMSG);
	ck_assert(err.text[0]);
	turf_image_close(image);
}

START_TEST(verify_sees_every_bent_byte)
{
	struct span urf = urf_sample();
	every_byte_bent(urf, must_not_verify);
	free((void *)urf.at);
}
END_TEST

TESTS("image/lookup", tells_the_frames_of_an_address, tells_the_frames_of_many,
      finds_functions_and_symbols, finds_units, finds_unwind_rules,
      turns_file_offsets_into_addresses, dumps_every_section, every_prefix_is_refused,
      every_byte_bent_is_survived, verify_sees_every_bent_byte)
