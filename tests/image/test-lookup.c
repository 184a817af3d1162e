/* SPDX-License-Identifier: MIT */
/* Look-ups in the small urf of lib/urf.h, table by table; and in damaged copies of it. */
#include "lib/test.h"
#include "lib/urf.h"

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

/* A text, or @none. */
static const char *text_of(const struct turf_image *image, turf_text text, char *out,
                           size_t size, const char *none)
{
	ssize_t n = turf_image_text(image, text, out, size);
	ck_assert_int_ge(n, 0);
	return n ? out : none;
}

/* "function(linkage) path:line:column;" behind what is in @chain. */
static void append_frame(const struct turf_image *image, const struct turf_frame *f,
                         char *chain, size_t size)
{
	char name[64], linkage[64], path[64];
	size_t n = strlen(chain);
	ck_assert_int_gt(turf_image_path(image, f->file, path, sizeof(path)), 0);
	snprintf(chain + n, size - n, "%s(%s) %s:%u:%u;",
	         text_of(image, f->name, name, sizeof(name), "??"),
	         text_of(image, f->linkage_name, linkage, sizeof(linkage), "-"), path, f->line,
	         f->column);
}

static const struct {
	uint64_t addr;
	const char *chain; /* function(linkage) path:line:column, innermost first */
} chains[] = {
	{ 0xfff, "" },
	{ 0x1000, "outer(outer_sym) /src/main.c:10:3;" },
	{ 0x100f, "outer(outer_sym) /src/main.c:10:3;" },
	{ 0x1010, "leaf(-) /src/main.c:3:7;inner(-) /src/main.c:4:9;"
	          "outer(outer_sym) /src/main.c:12:5;" },
	{ 0x1019, "leaf(-) /src/main.c:3:7;inner(-) /src/main.c:4:9;"
	          "outer(outer_sym) /src/main.c:12:5;" },
	{ 0x101a, "outer(outer_sym) /src/main.c:13:1;" },
	{ 0x103f, "outer(outer_sym) /src/main.c:13:1;" },
	{ 0x1040, "" },
	{ 0x104f, "" },
	{ 0x1050, "label(-) /abs/tail.s:7:0;" },
	{ 0x105f, "wide(-) /abs/tail.s:7:0;" },
	{ 0x1060, "bare(-) ??:0:0;" },
	{ 0x1080, "wide(-) ??:0:0;" },
	{ 0x1090, "" },
	{ 0x100001000, "" },
	{ UINT64_MAX, "" },
};

START_TEST(tells_the_frames_of_an_address)
{
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	for (size_t i = 0; i < COUNT(chains); i++) {
		char chain[512] = "";
		struct turf_frames walk;
		struct turf_frame f;
		int r = turf_image_frames(image, chains[i].addr, &walk);
		ck_assert_msg(r == (chains[i].chain[0] != 0), "%#lx: %d",
		              (unsigned long)chains[i].addr, r);
		while (r == 1 && (r = turf_frames_next(&walk, &f)) == 1) {
			append_frame(image, &f, chain, sizeof(chain));
			ck_assert(f.inlined == !f.has_start);
			ck_assert((f.function != 0) == (chains[i].addr < 0x1040));
		}
		ck_assert_int_eq(r, 0);
		ck_assert_str_eq(chain, chains[i].chain);
	}
	close_sample(image, urf);
}
END_TEST

START_TEST(answers_many_addresses_at_once)
{
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	uint64_t addrs[COUNT(chains)];
	for (size_t i = 0; i < COUNT(chains); i++)
		addrs[i] = chains[i].addr;
	/* with room for all, and with so little that it takes several calls */
	static const size_t rooms[] = { 64, 3 };
	for (size_t r = 0; r < COUNT(rooms); r++) {
		struct turf_frame frames[64];
		uint32_t first[COUNT(chains) + 1];
		unsigned calls = 0;
		for (size_t done = 0; done < COUNT(chains); calls++) {
			ssize_t n = turf_image_frames_bulk(image, addrs + done,
			                                   COUNT(chains) - done, frames,
			                                   rooms[r], first);
			ck_assert_int_gt(n, 0);
			for (size_t i = 0; i < (size_t)n; i++) {
				char chain[512] = "";
				for (uint32_t k = first[i]; k < first[i + 1]; k++)
					append_frame(image, &frames[k], chain, sizeof(chain));
				ck_assert_str_eq(chain, chains[done + i].chain);
			}
			done += (size_t)n;
		}
		ck_assert((calls == 1) == (rooms[r] == 64));
	}
	struct turf_frame two[2];
	uint32_t first[2];
	uint64_t addr = 0x1010; /* has three */
	ck_assert_int_eq(turf_image_frames_bulk(image, &addr, 1, two, 2, first), -E2BIG);
	close_sample(image, urf);
}
END_TEST

START_TEST(writes_no_more_than_there_is_room)
{
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	struct turf_frames walk;
	struct turf_frame f = { 0 };
	ck_assert_int_eq(turf_image_frames(image, 0x1000, &walk), 1);
	ck_assert_int_eq(turf_frames_next(&walk, &f), 1);
	for (size_t size = 0; size < 16; size++) {
		char text[17], path[17];
		memset(text, '#', sizeof(text));
		memset(path, '#', sizeof(path));
		ck_assert_int_eq(turf_image_text(image, f.linkage_name, text, size), 9);
		ck_assert_int_eq(turf_image_path(image, f.file, path, size), 11);
		ck_assert_msg(text[size] == '#' && path[size] == '#', "at %zu", size);
		if (size) {
			ck_assert_uint_eq(strlen(text), MIN(size - 1, (size_t)9));
			ck_assert_uint_eq(strlen(path), MIN(size - 1, (size_t)11));
			ck_assert(!strncmp(text, "outer_sym", size - 1));
			ck_assert(!strncmp(path, "/src/main.c", size - 1));
		}
	}
	struct turf_file file;
	char text[8];
	ck_assert_int_eq(turf_image_file(image, 0, &file), 0);
	ck_assert_int_eq(turf_image_file(image, 99, &file), 0);
	ck_assert_int_eq(turf_image_path(image, 0, text, sizeof(text)), 2);
	ck_assert_str_eq(text, "??");
	ck_assert_int_eq(turf_image_text(image, 0, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(turf_image_text(image, UINT64_MAX, text, sizeof(text)), -EBADMSG);
	close_sample(image, urf);
}
END_TEST

START_TEST(finds_the_unit)
{
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	struct turf_unit unit = { .version = 99 };
	char text[32];
	ck_assert_int_eq(turf_image_find_unit(image, 0xfff, &unit), 0);
	ck_assert_int_eq(turf_image_find_unit(image, 0x1060, &unit), 0);
	ck_assert_uint_eq(unit.version, 99);
	ck_assert_int_eq(turf_image_find_unit(image, 0x1010, &unit), 1);
	ck_assert_uint_eq(unit.version, 5);
	ck_assert_uint_eq(unit.language, 12);
	ck_assert_str_eq(text_of(image, unit.name, text, sizeof(text), "-"), "main.c");
	ck_assert_str_eq(text_of(image, unit.directory, text, sizeof(text), "-"), "/src");
	ck_assert_str_eq(text_of(image, unit.producer, text, sizeof(text), "-"), "-");
	close_sample(image, urf);
}
END_TEST

/* What an untouched name holds. */
#define NO_TEXT ((turf_text)0x7ead)

START_TEST(finds_functions_and_symbols)
{
	static const struct {
		uint64_t addr;
		int expect;
		const char *function;
		uint64_t start, end;
		const char *symbol;
	} cases[] = {
		{ 0xfff, 0, NULL, 0, 0, NULL },
		{ 0x1000, 1, "outer", 0x1000, 0x1040, "outer_sym" },
		{ 0x103f, 1, "outer", 0x1000, 0x1040, "outer_sym" },
		{ 0x1040, 0, NULL, 0, 0, NULL },
		{ 0x1057, 1, "label", 0x1050, 0x1058, "label" },
		{ 0x1058, 1, "wide", 0x1058, 0x1090, "wide" },
		{ 0x107f, 1, "bare", 0x1060, 0x1080, "bare" },
		{ 0x108f, 1, "wide", 0x1058, 0x1090, "wide" },
		{ 0x1090, 0, NULL, 0, 0, NULL },
	};
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_function fn = { .name = NO_TEXT };
		struct turf_symbol symbol = { .name = NO_TEXT };
		char name[32];
		ck_assert_int_eq(turf_image_find_function(image, cases[i].addr, &fn),
		                 cases[i].expect);
		if (cases[i].expect)
			ck_assert_str_eq(text_of(image, fn.name, name, sizeof(name), "-"),
			                 cases[i].function);
		ck_assert_uint_eq(fn.start, cases[i].start);
		ck_assert_uint_eq(fn.end, cases[i].end);
		ck_assert_int_eq(turf_image_find_symbol(image, cases[i].addr, &symbol),
		                 cases[i].expect);
		if (cases[i].expect)
			ck_assert_str_eq(text_of(image, symbol.name, name, sizeof(name), "-"),
			                 cases[i].symbol);
		else
			ck_assert(fn.name == NO_TEXT && symbol.name == NO_TEXT);
	}
	struct turf_symbol symbol = { .name = NO_TEXT };
	ck_assert_int_eq(turf_image_symbol(image, 4, &symbol), 0);
	ck_assert(symbol.name == NO_TEXT);
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
		{ 0x200f, 0, 0, 0 },
		{ 0x2010, 1, TURF_RULE_REG_OFFSET, 0 },
		{ 0x2fff, 1, TURF_RULE_REG_OFFSET, 0 },
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
	static const char *const parts[] = { "[head]",
		                             "[blocks]",
		                             "0x10..0x1a scope 3 file 1 line 3",
		                             "[scopes]",
		                             "(leaf) in 2 called at file 1 line 4",
		                             "[rules]",
		                             "cfa r7+8 ra(r16) [cfa-8]",
		                             "[symbols]",
		                             "bare",
		                             "[strings]",
		                             "/abs/tail.s" };
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
	for (uint64_t addr = 0xff8; addr < 0x10a0; addr += 4) {
		struct turf_frames walk;
		struct turf_frame frame;
		struct turf_function function;
		struct turf_symbol symbol;
		struct turf_unwind_row row;
		struct turf_unit unit;
		char text[16];
		unsigned n = 0;
		if (turf_image_frames(image, addr, &walk) == 1)
			for (; turf_frames_next(&walk, &frame) == 1 && n < 100; n++) {
				(void)turf_image_text(image, frame.name, text, sizeof(text));
				(void)turf_image_path(image, frame.file, text, sizeof(text));
			}
		ck_assert_uint_lt(n, 100);
		uint32_t first[2];
		struct turf_frame frames[4];
		ssize_t r = turf_image_frames_bulk(image, &addr, 1, frames, 4, first);
		ck_assert_msg(r < 0 || first[1] == n, "%zd: %u frames in bulk, %u", r, first[1],
		              n);
		(void)turf_image_find_unit(image, addr, &unit);
		(void)turf_image_find_function(image, addr, &function);
		(void)turf_image_find_symbol(image, addr, &symbol);
		uint8_t reg;
		struct turf_rule rule;
		if (turf_image_find_unwind(image, addr, &row) == 1)
			(void)turf_unwind_saved(image, &row, 0, &reg, &rule);
		(void)turf_image_addr_of_offset(image, addr, &(uint64_t){ 0 });
	}
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

TESTS("image/lookup", tells_the_frames_of_an_address, answers_many_addresses_at_once,
      writes_no_more_than_there_is_room, finds_the_unit, finds_functions_and_symbols,
      finds_unwind_rules, turns_file_offsets_into_addresses, dumps_every_section,
      every_prefix_is_refused, every_byte_bent_is_survived, verify_sees_every_bent_byte)
