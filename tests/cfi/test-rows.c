/* SPDX-License-Identifier: MIT */
/* Programs and the rows they make. */
#include <stdarg.h>

#include "cfi/sample.h"
#include "lib/test.h"

static const uint8_t PCREL4[] = { 0x1b };

/* Text of what a program makes: "0-4 r7+8 16 c-8; ..." in offsets from START. */
struct text {
	char at[2048];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct text *t, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(t->at + t->n, sizeof(t->at) - t->n, format, args);
	va_end(args);
	t->n = MIN(t->n + (size_t)n, sizeof(t->at) - 1);
}

static void say_rule(struct text *t, const struct turf_rule *rule)
{
	static const char *const kinds[] = { "u", "s", "c", "v", "r", "e", "x", "r" };
	say(t, "%s", kinds[rule->kind]);
	if (rule->kind == TURF_RULE_REGISTER || rule->kind == TURF_RULE_REG_OFFSET)
		say(t, "%u", rule->reg);
	if (rule->kind == TURF_RULE_AT_CFA || rule->kind == TURF_RULE_IS_CFA ||
	    rule->kind == TURF_RULE_REG_OFFSET)
		say(t, "%+d", rule->offset);
	for (size_t i = 0; i < rule->expr_size; i++)
		say(t, "%02x", rule->expr[i]);
}

static void say_row(struct text *t, const struct cfi_row *row)
{
	say(t, "%s%x-%x ", t->n ? "; " : "", (unsigned)(row->start - START),
	    (unsigned)(row->end - START));
	say_rule(t, &row->cfa);
	for (unsigned i = 0; i < CFI_MAX_REGS; i++) {
		if (!cfi_has(row, i))
			continue;
		say(t, " %u", i);
		say_rule(t, &row->reg[i]);
	}
}

/* All rows of an FDE; returns what ended them. */
static int say_rows(struct text *t, const struct cfi_fde *fde, struct turf_error *err)
{
	struct cfi_rows rows;
	const struct cfi_row *row;
	int r = turf_cfi_rows(fde, &rows, err);
	if (r < 0)
		return r;
	while ((r = turf_cfi_next_row(&rows, &row, err)) == 1)
		say_row(t, row);
	ck_assert_int_eq(turf_cfi_next_row(&rows, &row, err), 0);
	return r;
}

/* Programs of an FDE of 0x20 bytes, under a CIE of "r7+8 16c-8". */
#define P(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })
static const struct {
	const char *what;
	uint8_t program[48];
	size_t size;
	int expect;
	const char *rows;
} cases[] = {
	{ "nothing", P(0x00), 0, "0-20 r7+8 16c-8" },
	{ "advance_loc", P(0x41, 0x0e, 16), 0, "0-1 r7+8 16c-8; 1-20 r7+16 16c-8" },
	{ "advance_loc1", P(0x02, 0x1f, 0x0e, 16), 0, "0-1f r7+8 16c-8; 1f-20 r7+16 16c-8" },
	{ "advance_loc2", P(0x03, 2, 0, 0x0e, 16), 0, "0-2 r7+8 16c-8; 2-20 r7+16 16c-8" },
	{ "advance_loc4", P(0x04, 3, 0, 0, 0, 0x0e, 16), 0,
	  "0-3 r7+8 16c-8; 3-20 r7+16 16c-8" },
	{ "MIPS_advance_loc8", P(0x1d, 3, 0, 0, 0, 0, 0, 0, 0, 0x0e, 16), 0,
	  "0-3 r7+8 16c-8; 3-20 r7+16 16c-8" },
	{ "advance by nothing", P(0x40, 0x0e, 16, 0x02, 0, 0x0e, 24), 0, "0-20 r7+24 16c-8" },
	{ "advance to the end", P(0x60, 0x0e, 16), 0, "0-20 r7+8 16c-8" },
	{ "advance behind the end", P(0x41, 0x0e, 16, 0x04, 255, 255, 255, 255, 0x0e, 24), 0,
	  "0-1 r7+8 16c-8; 1-20 r7+16 16c-8" },
	{ "equal neighbours stay apart", P(0x41, 0x42), 0,
	  "0-1 r7+8 16c-8; 1-3 r7+8 16c-8; 3-20 r7+8 16c-8" },
	{ "def_cfa", P(0x0c, 6, 16), 0, "0-20 r6+16 16c-8" },
	{ "def_cfa_sf", P(0x12, 6, 0x7e), 0, "0-20 r6+16 16c-8" },
	{ "def_cfa_register", P(0x0d, 6), 0, "0-20 r6+8 16c-8" },
	{ "def_cfa_offset", P(0x0e, 0x80, 0x02), 0, "0-20 r7+256 16c-8" },
	{ "def_cfa_offset_sf", P(0x13, 0x7f), 0, "0-20 r7+8 16c-8" },
	{ "def_cfa_expression", P(0x0f, 3, 0x77, 8, 0x06), 0, "0-20 e770806 16c-8" },
	{ "offset", P(0x86, 2, 0x83, 3), 0, "0-20 r7+8 3c-24 6c-16 16c-8" },
	{ "offset_extended", P(0x05, 12, 4), 0, "0-20 r7+8 12c-32 16c-8" },
	{ "offset_extended_sf", P(0x11, 12, 0x7f), 0, "0-20 r7+8 12c+8 16c-8" },
	{ "GNU_negative_offset_extended", P(0x2f, 12, 4), 0, "0-20 r7+8 12c+32 16c-8" },
	{ "val_offset", P(0x14, 7, 0), 0, "0-20 r7+8 7v+0 16c-8" },
	{ "val_offset_sf", P(0x15, 7, 0x7f), 0, "0-20 r7+8 7v+8 16c-8" },
	{ "undefined", P(0x07, 16), 0, "0-20 r7+8 16u" },
	{ "same_value", P(0x08, 3), 0, "0-20 r7+8 3s 16c-8" },
	{ "register", P(0x09, 16, 10), 0, "0-20 r7+8 16r10" },
	{ "expression", P(0x10, 3, 2, 0x77, 0x28), 0, "0-20 r7+8 3e7728 16c-8" },
	{ "val_expression", P(0x16, 3, 1, 0x50), 0, "0-20 r7+8 3x50 16c-8" },
	{ "an empty expression", P(0x16, 3, 0), 0, "0-20 r7+8 3x 16c-8" },
	{ "restore to the CIE's rule", P(0x07, 16, 0x41, 0xc0 | 16), 0,
	  "0-1 r7+8 16u; 1-20 r7+8 16c-8" },
	{ "restore to no rule", P(0x86, 2, 0x41, 0xc6), 0,
	  "0-1 r7+8 6c-16 16c-8; 1-20 r7+8 16c-8" },
	{ "restore_extended", P(0x86, 2, 0x41, 0x06, 6), 0,
	  "0-1 r7+8 6c-16 16c-8; 1-20 r7+8 16c-8" },
	{ "remember_state, restore_state: the CFA too", P(0x0a, 0x0e, 16, 0x86, 2, 0x41, 0x0b),
	  0, "0-1 r7+16 6c-16 16c-8; 1-20 r7+8 16c-8" },
	{ "states nest", P(0x0a, 0x0e, 16, 0x0a, 0x0e, 24, 0x41, 0x0b, 0x41, 0x0b), 0,
	  "0-1 r7+24 16c-8; 1-2 r7+16 16c-8; 2-20 r7+8 16c-8" },
	{ "a restored state has its own rules", P(0x83, 2, 0x0a, 0x83, 3, 0x86, 4, 0x41, 0x0b),
	  0, "0-1 r7+8 3c-24 6c-32 16c-8; 1-20 r7+8 3c-16 16c-8" },
	{ "GNU_args_size", P(0x2e, 0x80, 1, 0x0e, 16), 0, "0-20 r7+16 16c-8" },
	{ "registers from 128 on are left out",
	  P(0x05, 0x80, 1, 2, 0x05, 127, 2, 0x05, 63, 3, 0x05, 64, 4, 0x07, 0xff, 1), 0,
	  "0-20 r7+8 16c-8 63c-24 64c-32 127c-16" },
	{ "registers above 63 are restored, and remembered",
	  P(0x05, 65, 2, 0x0a, 0x41, 0x06, 65, 0x41, 0x0b), 0,
	  "0-1 r7+8 16c-8 65c-16; 1-2 r7+8 16c-8; 2-20 r7+8 16c-8 65c-16" },
	{ "a signed register beyond 63", P(0x08, 0x80, 0x80, 4), 0, "0-20 r7+8 16c-8" },

	{ "restores what was not remembered", P(0x41, 0x0b), -EBADMSG, "0-1 r7+8 16c-8" },
	{ "remembers 17 states",
	  P(0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a,
	    0x0a, 0x0a, 0x0a),
	  -E2BIG, "" },
	{ "opcode 0x3f", P(0x3f), -ENOTSUP, "" },
	{ "opcode 0x17", P(0x17), -ENOTSUP, "" },
	{ "window_save on x86-64", P(0x2d), -ENOTSUP, "" },
	{ "moves back", P(0x41, 0x01, 0, 0, 0, 0), -EBADMSG, "0-1 r7+8 16c-8" },
	{ "offset of an expression", P(0x0f, 1, 0x50, 0x0e, 8), -EBADMSG, "" },
	{ "register of an expression", P(0x0f, 1, 0x50, 0x0d, 8), -EBADMSG, "" },
	{ "signed offset of an expression", P(0x0f, 1, 0x50, 0x13, 8), -EBADMSG, "" },
	{ "CFA offset of 32 bits", P(0x0e, 0x80, 0x80, 0x80, 0x80, 8), -E2BIG, "" },
	{ "CFA offset of 64 bits", P(0x0e, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1),
	  -E2BIG, "" },
	{ "CFA register 256", P(0x0d, 0x80, 2), -E2BIG, "" },
	{ "kept in register 256", P(0x09, 16, 0x80, 2), -E2BIG, "" },
	{ "offset times alignment beyond 31 bits", P(0x86, 0x81, 0x80, 0x80, 0x80, 1), -E2BIG,
	  "" },
	{ "offset beyond 63 bits", P(0x86, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1),
	  -E2BIG, "" },
	{ "negative offset beyond 63 bits",
	  P(0x2f, 6, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1), -E2BIG, "" },
	{ "factored offset beyond 63 bits",
	  P(0x12, 6, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f), -E2BIG, "" },
	{ "expression ends too late", P(0x10, 3, 100, 0x77, 0x28), -EBADMSG, "" },
	{ "number never ends", P(0x0e, 0x80, 0x80, 0x80), -EBADMSG, "" },
};

/* The FDE is laid out so that @program ends with it: no nop hides what is cut off. */
static int make_rows(const uint8_t *program, size_t size, struct text *t,
                     struct turf_error *err)
{
	struct as a = { 0 };
	struct cfi_fdes walk;
	struct cfi_fde fde;
	size_t cie = put_eh_cie(&a, "zR", PCREL4, 1);
	put_eh_fde(&a, cie, START, 0x20, program, size);
	struct cfi_section section = eh_section(as_span(&a));
	turf_cfi_fdes(&section, &walk);
	ck_assert_int_eq(turf_cfi_next_fde(&walk, &fde, NULL), 1);
	fde.program.size = size;
	int r = say_rows(t, &fde, err);
	as_free(&a);
	return r;
}

START_TEST(runs_every_instruction)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct text t = { 0 };
		struct turf_error err = { 0 };
		int r = make_rows(cases[i].program, cases[i].size, &t, &err);
		ck_assert_msg(r == cases[i].expect, "%s: got %d (%s)", cases[i].what, r,
		              err.text);
		ck_assert_int_eq(err.code, r);
		ck_assert_msg(strcmp(t.at, cases[i].rows) == 0, "%s: got \"%s\", not \"%s\"",
		              cases[i].what, t.at, cases[i].rows);
	}
}
END_TEST

/* What depends on the machine, the order or the CIE: programs by hand. */
static struct cfi_fde fde_of(const uint8_t *cie_program, size_t cie_size,
                             const uint8_t *program, size_t size)
{
	return (struct cfi_fde){
		.start = START,
		.end = START + 0x20,
		.cie_program = { cie_program, cie_size },
		.program = { program, size },
		.program_addr = SECTION_ADDR,
		.code_align = 4,
		.data_align = -8,
		.address_size = 8,
		.machine = EM_AARCH64,
	};
}

START_TEST(aarch64_signs_return_addresses)
{
	static const uint8_t cie[] = { 0x0c, 31, 0 };
	static const uint8_t program[] = { 0x41, 0x2d, 0x41, 0x0a, 0x2d, 0x41, 0x0b };
	struct cfi_fde fde = fde_of(cie, sizeof(cie), program, sizeof(program));
	struct text t = { 0 };
	ck_assert_int_eq(say_rows(&t, &fde, NULL), 0);
	ck_assert_str_eq(t.at, "0-4 r31+0; 4-8 r31+0 34x31; 8-c r31+0 34x30; "
	                       "c-20 r31+0 34x31");
}
END_TEST

START_TEST(sparc_saves_windows)
{
	static const uint8_t program[] = { 0x2d, 0x07, 30 };
	struct cfi_fde fde = fde_of(NULL, 0, program, sizeof(program));
	struct text t = { 0 };
	fde.machine = EM_SPARCV9;
	ck_assert_int_eq(say_rows(&t, &fde, NULL), 0);
	ck_assert_str_eq(t.at, "0-20 u 16c+0 17c+8 18c+16 19c+24 20c+32 21c+40 22c+48 23c+56 "
	                       "24c+64 25c+72 26c+80 27c+88 28c+96 29c+104 30u 31c+120");
}
END_TEST

START_TEST(set_loc_in_each_form)
{
	static const uint8_t absolute[] = { 0x01, 0x08, 0x50, 0, 0, 0, 0, 0, 0, 0x0c, 7, 8 };
	static const uint8_t big[] = { 0x01, 0, 0, 0x50, 0x0c, 0x03, 0x10, 0x02, 0x0c, 7, 8 };
	/* relative to its own address, SECTION_ADDR + 1 */
	static const uint8_t relative[] = { 0x01, 0x0f, 0x40, 0, 0, 0x0c, 7, 8 };
	struct cfi_fde fde = fde_of(NULL, 0, absolute, sizeof(absolute));
	struct text t = { 0 };
	ck_assert_int_eq(say_rows(&t, &fde, NULL), 0);
	ck_assert_str_eq(t.at, "0-8 u; 8-20 r7+8");

	fde = fde_of(NULL, 0, relative, sizeof(relative));
	fde.encoding = 0x1b;
	t = (struct text){ 0 };
	ck_assert_int_eq(say_rows(&t, &fde, NULL), 0);
	ck_assert_str_eq(t.at, "0-10 u; 10-20 r7+8");

	fde = fde_of(NULL, 0, big, 5);
	fde.address_size = 4;
	fde.big = true;
	t = (struct text){ 0 };
	ck_assert_int_eq(say_rows(&t, &fde, NULL), 0);
	ck_assert_str_eq(t.at, "0-c u; c-20 u");
}
END_TEST

START_TEST(cie_programs)
{
	static const uint8_t moves[] = { 0x41 }, cut[] = { 0x0c, 7 }, unknown[] = { 0x3e };
	static const uint8_t alone[] = { 0x0d, 29 }, offset[] = { 0x41, 0x0e, 16 };
	static const uint8_t same[] = { 0x08, 3, 0x0f, 1, 0x50 },
			     restore[] = { 0x83, 1, 0x41, 0xc3 };
	struct cfi_fde fde = fde_of(moves, sizeof(moves), NULL, 0);
	struct text t = { 0 };
	ck_assert_int_eq(say_rows(&t, &fde, NULL), -EBADMSG);
	fde = fde_of(cut, sizeof(cut), NULL, 0);
	ck_assert_int_eq(say_rows(&t, &fde, NULL), -EBADMSG);
	fde = fde_of(unknown, sizeof(unknown), NULL, 0);
	ck_assert_int_eq(say_rows(&t, &fde, NULL), -ENOTSUP);
	fde = fde_of(same, sizeof(same), restore, sizeof(restore));
	ck_assert_int_eq(say_rows(&t, &fde, NULL), 0);
	ck_assert_str_eq(t.at, "0-4 e50 3c-8; 4-20 e50 3s");
	fde = fde_of(alone, sizeof(alone), offset, sizeof(offset));
	t = (struct text){ 0 };
	ck_assert_int_eq(say_rows(&t, &fde, NULL), 0);
	ck_assert_str_eq(t.at, "0-4 r29+0; 4-20 r29+16");
	fde = fde_of(offset + 1, sizeof(offset) - 1, NULL, 0);
	ck_assert_int_eq(say_rows(&t, &fde, NULL), -EBADMSG);
	fde.end = fde.start;
	fde.cie_program.size = 0;
	t = (struct text){ 0 };
	ck_assert_int_eq(say_rows(&t, &fde, NULL), 0);
	ck_assert_str_eq(t.at, "");
}
END_TEST

/* code_align times a delta may be anything. */
START_TEST(moves_never_wrap)
{
	static const uint8_t program[] = { 0x41, 0x0c, 7, 8 };
	static const uint64_t aligns[] = { 0x20, 0x21, UINT64_MAX, UINT64_MAX - START,
		                           1ull << 63 };
	for (size_t i = 0; i < COUNT(aligns); i++) {
		struct cfi_fde fde = fde_of(NULL, 0, program, sizeof(program));
		struct text t = { 0 };
		fde.code_align = aligns[i];
		ck_assert_int_eq(say_rows(&t, &fde, NULL), 0);
		ck_assert_str_eq(t.at, "0-20 u");
	}
}
END_TEST

static int n_rows;

/* Reads a whole section, in both byte orders, as .eh_frame and as .debug_frame. */
static void read_all(struct span bytes)
{
	n_rows = 0;
	for (int kind = 0; kind < 4; kind++) {
		struct cfi_section section = eh_section(bytes);
		section.eh = kind % 2 == 0;
		section.big = kind >= 2;
		section.machine = kind % 2 ? EM_AARCH64 : EM_X86_64;
		struct cfi_fdes walk;
		struct cfi_fde fde;
		int r;
		turf_cfi_fdes(&section, &walk);
		while ((r = turf_cfi_next_fde(&walk, &fde, NULL)) != 0) {
			struct cfi_rows rows;
			const struct cfi_row *row;
			if (r < 0 || turf_cfi_rows(&fde, &rows, NULL) < 0)
				continue;
			uint64_t end = fde.start;
			while (turf_cfi_next_row(&rows, &row, NULL) == 1) {
				ck_assert_uint_eq(row->start, end); /* gapless */
				ck_assert_uint_lt(row->start, row->end);
				end = row->end;
				n_rows++;
			}
			ck_assert_uint_le(end, fde.end);
		}
	}
}

static void make_section(struct as *a)
{
	size_t cie = put_eh_cie(a, "zR", PCREL4, 1);
	for (size_t i = 0; i < COUNT(cases); i++)
		put_eh_fde(a, cie, START + 0x20 * i, 0x20, cases[i].program, cases[i].size);
}

static int whole;

static void refuse(struct span part)
{
	read_all(part);
	ck_assert_int_lt(n_rows, whole);
}

START_TEST(every_prefix_is_refused)
{
	struct as a = { 0 };
	size_t cie = put_eh_cie(&a, "zR", PCREL4, 1);
	put_eh_fde(&a, cie, START, 0x20, cases[1].program, cases[1].size);
	read_all(as_span(&a));
	whole = n_rows;
	ck_assert_int_eq(whole, 2);
	every_prefix(as_span(&a), refuse);
	as_free(&a);
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	struct as a = { 0 };
	make_section(&a);
	every_byte_bent(as_span(&a), read_all);
	every_prefix(as_span(&a), read_all);
	as_free(&a);
}
END_TEST

TESTS("cfi/rows", runs_every_instruction, aarch64_signs_return_addresses, sparc_saves_windows,
      set_loc_in_each_form, cie_programs, moves_never_wrap, every_prefix_is_refused,
      every_byte_bent_is_survived)
