/* SPDX-License-Identifier: MIT */
/* Macros: every operation of both sections, what is wrong with one, and hostile bytes. */
#include "dwarf/macros.h"
#include "dwarf/make.h"
#include "lib/test.h"

static const char strings[] = "\0ONE 1\0TWO(a) a\0THREE";
enum { STR_ONE = 1, STR_TWO = 7, STR_THREE = 16 };

/* A unit whose macros begin at 0 of .debug_macro, or of .debug_macinfo. */
static struct dwarf_sections sections_of(struct made *m, struct as *macros, bool old)
{
	ABBREV(m, 1, DW_TAG_compile_unit, false,
	       { old ? DW_AT_macro_info : DW_AT_macros, DW_FORM_sec_offset },
	       { DW_AT_str_offsets_base, DW_FORM_sec_offset });
	as_u8(&m->abbrev, 0);
	size_t begun = begin_unit(m, 5, 0);
	as_u8(&m->info, 1);
	as_u32(&m->info, 0);
	as_u32(&m->info, 8);
	as_end_length(&m->info, begun);
	as_bytes(&m->str, strings, sizeof(strings));
	as_u64(&m->str_offsets, 0);
	as_u32(&m->str_offsets, STR_THREE);
	as_u32(&m->str_offsets, 1000);
	struct dwarf_sections s = made_sections(m);
	*(old ? &s.macinfo : &s.macro) = as_span(macros);
	return s;
}

/* What a walk tells, in one line; an import is followed once. */
static void tell(struct dwarf_macros *walk, FILE *out, bool follow)
{
	static const char *const kinds[] = { "define", "undef", "file", "end", "import" };
	struct dwarf_macro m;
	struct turf_error err = { 0 };
	int r;
	while ((r = turf_dwarf_next_macro(walk, &m, &err)) == 1) {
		fprintf(out, "%s", kinds[m.kind]);
		if (m.kind <= MACRO_UNDEF)
			fprintf(out, " %llu %s", (unsigned long long)m.line,
			        m.text ? m.text : "(nowhere)");
		if (m.kind == MACRO_START_FILE)
			fprintf(out, " %llu %llu", (unsigned long long)m.line,
			        (unsigned long long)m.file);
		fprintf(out, "; ");
		struct dwarf_macros other;
		if (m.kind == MACRO_IMPORT && !m.in)
			fprintf(out, "not here; ");
		else if (m.kind == MACRO_IMPORT && follow) {
			if (turf_dwarf_import(walk, &m, &other, &err) == 1)
				tell(&other, out, false);
			else
				fprintf(out, "%s; ", err.text);
		}
	}
	if (r < 0)
		fprintf(out, "%s", err.text);
}

static char *told(const struct dwarf_sections *s)
{
	struct dwarf dw;
	struct dwarf_macros walk;
	struct turf_error err = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	ck_assert_int_eq(turf_dwarf_open(s, &dw, NULL), 0);
	for (size_t i = 0; i < dw.n_units; i++) {
		int r = turf_dwarf_macros(&dw, &dw.units[i], &walk, &err);
		if (r == 1)
			tell(&walk, out, true);
		else if (r < 0)
			fprintf(out, "%s", err.text);
	}
	fclose(out);
	turf_dwarf_close(&dw);
	return text;
}

static void check(struct as *macros, bool old, const char *wanted)
{
	struct made m = { 0 };
	struct dwarf_sections s = sections_of(&m, macros, old);
	char *text = told(&s);
	ck_assert_str_eq(text, wanted);
	free(text);
	made_free(&m);
	as_free(macros);
}

/* @flags: 1: offsets of 8 bytes, 2: a line table, 4: forms of operations. */
static void begin(struct as *a, unsigned version, unsigned flags)
{
	as_u16(a, (uint16_t)version);
	as_u8(a, (uint8_t)flags);
	if (flags & 2)
		as_uint(a, 0, flags & 1 ? 8 : 4);
	if (!(flags & 4))
		return;
	as_u8(a, 2);
	as_bytes(a, "\xe0\x02\x08\x0b\xe1\x01\x0f", 7); /* string, data1; udata */
}

static void everything(struct as *a, unsigned flags)
{
	unsigned size = flags & 1 ? 8 : 4;
	as_bytes(a, "\3\0\1", 3);
	as_bytes(a, "\1\5IN place\0\2\6IN\0", 16);
	as_u8(a, 5);
	as_uleb(a, 300);
	as_uint(a, STR_ONE, size);
	as_u8(a, 6);
	as_u8(a, 8);
	as_uint(a, STR_TWO, size);
	as_bytes(a, "\x0b\x09\0\x0c\x0a\0", 6);
	if (flags & 4)
		as_bytes(a, "\xe0text\0\1\xe1\x80\1", 10);
	as_u8(a, 4);
}

static const char every[] = "file 0 1; define 5 IN place; undef 6 IN; define 300 ONE 1; "
			    "undef 8 TWO(a) a; define 9 THREE; undef 10 THREE; end; ";

START_TEST(operations)
{
	for (unsigned flags = 0; flags < 8; flags++)
		for (unsigned version = 4; version <= 5; version++) {
			struct as a = { 0 };
			begin(&a, version, flags);
			everything(&a, flags);
			as_u8(&a, 0);
			check(&a, false, every);
		}
}
END_TEST

START_TEST(imports)
{
	struct as a = { 0 };
	begin(&a, 5, 0);
	as_u8(&a, 7);
	as_u32(&a, 18);
	as_u8(&a, 10); /* of a supplementary file */
	as_u32(&a, 0);
	as_bytes(&a, "\1\1A\0\0", 5);
	begin(&a, 4, 1);
	everything(&a, 1);
	as_u8(&a, 0);
	char wanted[512];
	snprintf(wanted, sizeof(wanted), "import; %simport; not here; define 1 A; ", every);
	check(&a, false, wanted);
}
END_TEST

START_TEST(old)
{
	struct as a = { 0 };
	as_bytes(&a, "\3\0\2\1\5A b\0\xff\1text\0\2\6A\0\4\0", 22);
	check(&a, true, "file 0 2; define 5 A b; undef 6 A; end; ");
}
END_TEST

START_TEST(wrong)
{
	static const struct {
		const char *what, *bytes, *wanted;
		size_t size;
		bool old;
	} cases[] = {
		{ "version", "\6\0\0\0", "macros at 0x3 of .debug_macro: version 6, not 4 or 5",
		  4, false },
		{ "short header", "\5\0\2\0",
		  "macros at 0x3 of .debug_macro: a header leaves the section", 4, false },
		{ "no end", "\5\0\0\1\1A\0",
		  "define 1 A; macros at 0x7 of .debug_macro: they have no end", 7, false },
		{ "unknown", "\5\0\0\1\1A\0\x20\0",
		  "define 1 A; macros at 0x8 of .debug_macro: an operation of unknown kind", 9,
		  false },
		{ "strings", "\5\0\0\5\1\xff\0\0\0\x0b\2\1\x0b\3\7\x08\4\1\0\0\0\0",
		  "define 1 (nowhere); define 2 (nowhere); define 3 (nowhere); "
		  "define 4 (nowhere); ",
		  22, false },
		{ "import", "\5\0\0\7\xff\0\0\0\1\1A\0\0",
		  "import; macros at 0x0 of .debug_macro: they begin outside; define 1 A; ", 13,
		  false },
		{ "old", "\1\1A\0\5",
		  "define 1 A; macros at 0x5 of .debug_macinfo: an "
		  "operation of unknown kind",
		  5, true },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct as a = { 0 };
		as_bytes(&a, cases[i].bytes, cases[i].size);
		check(&a, cases[i].old, cases[i].wanted);
	}
}
END_TEST

static struct dwarf_sections whole;
static bool is_old;

static void read_some(struct span part)
{
	struct dwarf_sections s = whole;
	*(is_old ? &s.macinfo : &s.macro) = part;
	free(told(&s));
}

START_TEST(hostile)
{
	for (int i = 0; i < 2; i++) {
		struct as a = { 0 };
		struct made m = { 0 };
		is_old = i;
		if (!is_old) {
			begin(&a, 5, 6);
			everything(&a, 6);
			as_u8(&a, 7);
			as_u32(&a, 0);
		} else {
			as_bytes(&a, "\3\0\2\1\5A b\0\xff\1text\0\2\6A\0\4\0", 22);
		}
		as_u8(&a, 0);
		whole = sections_of(&m, &a, is_old);
		every_prefix(as_span(&a), read_some);
		every_byte_bent(as_span(&a), read_some);
		made_free(&m);
		as_free(&a);
	}
}
END_TEST

TESTS("dwarf/macros", operations, imports, old, wrong, hostile)
