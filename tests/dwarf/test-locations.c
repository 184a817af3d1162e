/* SPDX-License-Identifier: MIT */
/* Lists of locations of all versions, and expressions made independent of where they stood. */
#include "dwarf/expr.h"
#include "dwarf/locations.h"
#include "lib/test.h"

/* A unit that lists belong to; @addr: two addresses. */
static struct dwarf_unit unit_of(struct dwarf_sections *s, unsigned version, bool split)
{
	static const uint8_t addr[16] = { 0x00, 0x20, 0, 0, 0, 0, 0, 0, 0x00, 0x30 };
	s->addr = (struct span){ addr, sizeof(addr) };
	struct dwarf_unit u = { .in = s, .version = (uint16_t)version };
	u.address_size = 8;
	u.offset_size = 4;
	u.low_pc = 0x1000;
	u.addr_base = u.loclists_base = 0;
	u.skeleton = split;
	u.end = UINT32_MAX;
	return u;
}

/* The list as text; "!" where it is malformed. */
static void list(const struct dwarf_unit *u, char *text, size_t size)
{
	struct dwarf_locations walk;
	struct dwarf_location l;
	size_t n = 0;
	int r;
	text[0] = 0;
	turf_dwarf_locations(u, 0, false, &walk);
	while ((r = turf_dwarf_next_location(&walk, &l, NULL)) == 1) {
		ck_assert(l.is_default || l.range.start < l.range.end);
		if (l.is_default)
			n += (size_t)snprintf(text + n, size - n, "else ");
		else
			n += (size_t)snprintf(text + n, size - n, "%llx-%llx ",
			                      (unsigned long long)l.range.start,
			                      (unsigned long long)l.range.end);
		for (size_t i = 0; i < l.expr.size; i++)
			n += (size_t)snprintf(text + n, size - n, "%02x ", l.expr.at[i]);
	}
	if (r < 0)
		snprintf(text + n, size - n, "!");
	ck_assert_int_eq(turf_dwarf_next_location(&walk, &l, NULL), r);
}

static const struct {
	const char *what;
	unsigned version;
	bool split;
	size_t n;
	uint8_t bytes[64];
	const char *text;
} lists[] = {
	{ "nothing", 5, false, 1, { 0 }, "" },
	{ "cut", 5, false, 0, { 0 }, "!" },
	{ "offsets", 5, false, 7, { 4, 0x10, 0x20, 1, 0x50, 0 }, "1010-1020 50 " },
	{ "empty", 5, false, 6, { 4, 0x10, 0x10, 1, 0x50, 0 }, "" },
	{ "no expression", 5, false, 5, { 4, 0x10, 0x20, 0, 0 }, "1010-1020 " },
	{ "expression cut", 5, false, 5, { 4, 0x10, 0x20, 9, 0x50 }, "!" },
	{ "base by index", 5, false, 8, { 1, 1, 4, 1, 2, 1, 0x50, 0 }, "3001-3002 50 " },
	{ "index outside", 5, false, 3, { 1, 2, 0 }, "!" },
	{ "two indexes", 5, false, 6, { 2, 0, 1, 1, 0x51, 0 }, "2000-3000 51 " },
	{ "index, length", 5, false, 6, { 3, 0, 8, 1, 0x51, 0 }, "2000-2008 51 " },
	{ "otherwise", 5, false, 4, { 5, 1, 0x55, 0 }, "else 55 " },
	{ "base",
	  5,
	  false,
	  15,
	  { 6, 0, 0, 1, 0, 0, 0, 0, 0, 4, 1, 3, 1, 0x50, 0 },
	  "10001-10003 50 " },
	{ "addresses",
	  5,
	  false,
	  20,
	  { 7, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0x50, 0 },
	  "1-9 50 " },
	{ "address, length",
	  5,
	  false,
	  13,
	  { 8, 1, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0x50, 0 },
	  "1-5 50 " },
	{ "views", 5, false, 9, { 9, 1, 2, 4, 1, 2, 1, 0x50, 0 }, "1001-1002 50 " },
	{ "unknown", 5, false, 3, { 10, 0, 0 }, "!" },
	{ "dead",
	  5,
	  false,
	  13,
	  { 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 4, 1, 0x50, 0 },
	  "" },
	{ "pair of version 4",
	  4,
	  false,
	  35,
	  { 1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0x50 },
	  "1001-1005 50 " },
	{ "base of version 4",
	  4,
	  false,
	  51,
	  { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0x40, 0, 0, 0, 0, 0, 0, /* */
	    1,    0,    0,    0,    0,    0,    0,    0,    5, 0,    0, 0, 0, 0, 0, 0,
	    1,    0,    0x50 },
	  "4001-4005 50 " },
	{ "split of version 4",
	  4,
	  true,
	  10,
	  { 3, 0, 6, 0, 0, 0, 1, 0, 0x50, 0 },
	  "2000-2006 50 " },
	{ "indexes of version 4", 4, true, 7, { 2, 0, 1, 1, 0, 0x50, 0 }, "2000-3000 50 " },
	{ "offsets of version 4",
	  4,
	  true,
	  15,
	  { 1, 1, 4, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0x50, 0 },
	  "3001-3002 50 " },
	{ "unknown of version 4", 4, true, 3, { 5, 0, 0 }, "!" },
};

static void check_list(size_t i)
{
	struct dwarf_sections s = { 0 };
	uint8_t *bytes = malloc(lists[i].n + 1); /* exactly: a sanitizer sees the next one */
	char text[256];
	ck_assert_ptr_nonnull(bytes);
	bytes = realloc(bytes, MAX(lists[i].n, (size_t)1));
	memcpy(bytes, lists[i].bytes, lists[i].n);
	struct span span = { bytes, lists[i].n };
	*(lists[i].version >= 5 ? &s.loclists : &s.loc) = span;
	struct dwarf_unit u = unit_of(&s, lists[i].version, lists[i].split);
	list(&u, text, sizeof(text));
	ck_assert_msg(!strcmp(text, lists[i].text), "%s: %s", lists[i].what, text);
	/* every prefix ends, somehow */
	for (size_t n = 0; n < lists[i].n; n++) {
		(lists[i].version >= 5 ? &s.loclists : &s.loc)->size = n;
		list(&u, text, sizeof(text));
	}
	free(bytes);
}

START_TEST(all_lists)
{
	for (size_t i = 0; i < COUNT(lists); i++)
		check_list(i);
}
END_TEST

static int number(void *ctx, uint64_t die, uint32_t *ret)
{
	(void)ctx;
	*ret = (uint32_t)die + 1;
	return die == 0x7f ? -ENOTSUP : 0;
}

static int variable(void *ctx, uint64_t die, uint64_t *ret)
{
	(void)ctx;
	*ret = die + 2;
	return die == 0x7f ? -ENOTSUP : 0;
}

/* DIE 0x20 says where it is, 0x21 nothing, 0x22 calls itself, 0x24 is a procedure. */
static int called(void *ctx, uint64_t die, struct dwarf_expr_called *ret)
{
	static const uint8_t frame[] = { 0x91, 0x70 }, self[] = { 0x98, 0x22, 0 };
	if (die < 0x20 || die > 0x24 || die == 0x23)
		return -ENOTSUP;
	ret->unit = ctx;
	ret->expr = die == 0x22 ? (struct span){ self, sizeof(self) }
	                        : (struct span){ frame, sizeof(frame) };
	ret->is_procedure = die == 0x24;
	return die != 0x21;
}

static const struct {
	const char *what;
	size_t n;
	uint8_t bytes[32];
	int result;
	size_t n_out;
	uint8_t out[32];
	bool anywhere;
} exprs[] = {
	{ "register", 1, { 0x55 }, 0, 1, { 0x55 }, true },
	{ "frame", 2, { 0x91, 0x70 }, 0, 2, { 0x91, 0x70 }, true },
	{ "leb of many bytes",
	  4,
	  { 0x10, 0x80, 0x80, 1 },
	  0,
	  4,
	  { 0x10, 0x80, 0x80, 1 },
	  true },
	{ "leb cut", 2, { 0x91, 0x80 }, -EBADMSG, 0, { 0 }, true },
	{ "index", 2, { 0xa1, 1 }, 0, 9, { 3, 0, 0x30 }, false },
	{ "index of GNU", 2, { 0xfb, 0 }, 0, 9, { 3, 0, 0x20 }, false },
	{ "constant by index", 2, { 0xa2, 1 }, 0, 9, { 0x0e, 0, 0x30 }, false },
	{ "index outside", 2, { 0xa1, 2 }, -EBADMSG, 0, { 0 }, false },
	{ "entry value", 4, { 0xf3, 1, 0x55, 0x9f }, 0, 4, { 0xa3, 1, 0x55, 0x9f }, true },
	{ "entry value that grows",
	  4,
	  { 0xa3, 2, 0xa1, 1 },
	  0,
	  11,
	  { 0xa3, 9, 3, 0, 0x30 },
	  false },
	{ "entry value cut", 3, { 0xa3, 2, 0x55 }, -EBADMSG, 0, { 0 }, true },
	{ "generic type", 2, { 0xf7, 0 }, 0, 2, { 0xa8, 0 }, false },
	{ "type", 3, { 0xa5, 3, 0x10 }, 0, 3, { 0xa5, 3, 0x11 }, false },
	{ "type and value", 5, { 0xa4, 0x10, 2, 7, 8 }, 0, 5, { 0xa4, 0x11, 2, 7, 8 }, false },
	{ "size and type", 3, { 0xf6, 4, 0x10 }, 0, 3, { 0xa6, 4, 0x11 }, false },
	{ "call", 5, { 0x30, 0x98, 0x20, 0, 0x31 }, 0, 4, { 0x30, 0x91, 0x70, 0x31 }, false },
	{ "call of four bytes", 5, { 0x99, 0x20, 0, 0, 0 }, 0, 2, { 0x91, 0x70 }, false },
	{ "call anywhere", 5, { 0x9a, 0x20, 0, 0, 0 }, 0, 2, { 0x91, 0x70 }, false },
	{ "call of what does nothing", 4, { 0x98, 0x21, 0, 0x31 }, 0, 1, { 0x31 }, false },
	{ "call of itself", 3, { 0x98, 0x22, 0 }, -E2BIG, 0, { 0 }, false },
	{ "call cut", 2, { 0x98, 0x20 }, -EBADMSG, 0, { 0 }, true },
	{ "jump over a call",
	  7,
	  { 0x2f, 3, 0, 0x98, 0x20, 0, 0x30 },
	  0,
	  6,
	  { 0x2f, 2, 0, 0x91, 0x70, 0x30 },
	  false },
	{ "call in an entry value",
	  5,
	  { 0xa3, 3, 0x98, 0x20, 0 },
	  0,
	  4,
	  { 0xa3, 2, 0x91, 0x70 },
	  false },
	{ "pointer to a procedure's value",
	  6,
	  { 0xa0, 0x24, 0, 0, 0, 4 },
	  0,
	  6,
	  { 0xa0, 1, 2, 0x91, 0x70, 4 },
	  false },
	{ "argument of the caller", 5, { 0xfa, 0x10, 0, 0, 0 }, 0, 2, { 0xfa, 0x12 }, false },
	{ "argument of nothing known", 5, { 0xfa, 0x7f, 0, 0, 0 }, -ENOTSUP, 0, { 0 }, false },
	{ "value of a variable", 5, { 0xfd, 0x10, 0, 0, 0 }, 0, 2, { 0xfd, 0x12 }, false },
	{ "variable in an entry value",
	  7,
	  { 0xa3, 5, 0xfa, 0x10, 0, 0, 0 },
	  -ENOTSUP,
	  0,
	  { 0 },
	  false },
	{ "call to nothing known", 3, { 0x98, 0x7f, 0 }, -ENOTSUP, 0, { 0 }, false },
	{ "implicit pointer", 6, { 0xf2, 0x10, 0, 0, 0, 4 }, 0, 3, { 0xa0, 0x12, 4 }, false },
	{ "implicit pointer to nothing known",
	  6,
	  { 0xf2, 0x7f, 0, 0, 0, 4 },
	  0,
	  3,
	  { 0xa0, 0, 4 },
	  false },
	{ "not set, maybe", 2, { 0x50, 0xf0 }, 0, 2, { 0x50, 0x96 }, true },
	{ "thread", 1, { 0xe0 }, 0, 1, { 0x9b }, true },
	{ "bytes", 4, { 0x9e, 2, 1, 2 }, 0, 4, { 0x9e, 2, 1, 2 }, true },
	{ "bytes cut", 3, { 0x9e, 2, 1 }, -EBADMSG, 0, { 0 }, true },
	{ "jump", 4, { 0x2f, 1, 0, 0x30 }, 0, 4, { 0x2f, 1, 0, 0x30 }, true },
	{ "jump over what grows",
	  6,
	  { 0x2f, 2, 0, 0xa1, 1, 0x30 },
	  0,
	  13,
	  { 0x2f, 9, 0, 3, 0, 0x30, 0, 0, 0, 0, 0, 0, 0x30 },
	  false },
	{ "jump back", 4, { 0x30, 0x28, 0xfc, 0xff }, 0, 4, { 0x30, 0x28, 0xfc, 0xff }, true },
	{ "jump into nothing", 3, { 0x2f, 9, 0 }, -EBADMSG, 0, { 0 }, true },
	{ "jump into an operand",
	  6,
	  { 0x2f, 1, 0, 0x91, 0x10, 0x30 },
	  -EBADMSG,
	  0,
	  { 0 },
	  true },
	{ "unknown", 1, { 0xc0 }, -EBADMSG, 0, { 0 }, true },
};

static void check_expr(size_t i)
{
	struct dwarf_sections s = { 0 };
	struct dwarf dw = { 0 };
	struct dwarf_unit u = unit_of(&s, 5, false);
	const struct dwarf_expr_dies dies = { &u, number, variable, called };
	struct buf out = { 0 };
	bool anywhere = true;
	struct span expr = { exprs[i].bytes, exprs[i].n };
	ck_assert(turf_buf_put(&out, "x", 1));
	int r = turf_dwarf_expression(&dw, &u, expr, &dies, &out, &anywhere);
	ck_assert_msg(r == exprs[i].result, "%s: %d", exprs[i].what, r);
	ck_assert_msg(out.n == exprs[i].n_out + 1 &&
	                      !memcmp(out.at + 1, exprs[i].out, exprs[i].n_out),
	              "%s", exprs[i].what);
	ck_assert(r < 0 || anywhere == exprs[i].anywhere);
	/* every prefix, and every byte bent, ends in an answer */
	for (size_t n = 0; n <= exprs[i].n; n++)
		for (unsigned bend = 0; bend < 256; bend += 5) {
			uint8_t bytes[32];
			memcpy(bytes, exprs[i].bytes, sizeof(bytes));
			bytes[n % sizeof(bytes)] ^= (uint8_t)bend;
			out.n = 0;
			(void)turf_dwarf_expression(&dw, &u,
			                            (struct span){ bytes, n ? n : exprs[i].n },
			                            &dies, &out, &anywhere);
		}
	vec_fini(&out);
}

START_TEST(all_exprs)
{
	for (size_t i = 0; i < COUNT(exprs); i++)
		check_expr(i);
}
END_TEST

TESTS("dwarf/locations", all_lists, all_exprs)
