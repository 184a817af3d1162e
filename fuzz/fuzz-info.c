/* SPDX-License-Identifier: MIT */
/*
 * Units, abbreviations, forms, scopes, names and ranges of hostile sections.
 *
 * Input:  a byte (bit 0: big-endian, bit 1: the file is its own supplementary
 *         file, bit 2: its own .dwo file, bit 3: its own .dwp file with .debug_ranges as
 *         .debug_cu_index, bit 4: .debug_info is .debug_types, too), seven
 * sizes of 16 bits (little-endian), then so much of .debug_info, abbrev, str, line_str,
 * str_offsets, addr, ranges; rnglists is the rest, and macros are the same bytes.
 *
 * Corpus: fuzz/corpus/info/ holds what
 * tests/dwarf/make-corpus.c writes, and the programs that tests/dwarf/make-corpus.py makes of
 * oracle-nested.c (gcc 12) and oracle-sample.cc (clang 14) beside it; names tell how
 */
#include "dwarf/dies.h"
#include "dwarf/macros.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static struct span take(struct cursor *c, uint64_t n)
{
	const uint8_t *at = cur_take(c, MIN(n, cur_left(c)));
	return (struct span){ at, at ? (size_t)(c->at - at) : 0 };
}

static struct dwarf_sections split(struct cursor *c)
{
	struct dwarf_sections s = { .big = cur_u8(c) & 1 };
	uint16_t sizes[7];
	for (size_t i = 0; i < COUNT(sizes); i++)
		sizes[i] = cur_u16(c);
	struct span *const parts[] = { &s.info,        &s.abbrev, &s.str,   &s.line_str,
		                       &s.str_offsets, &s.addr,   &s.ranges };
	for (size_t i = 0; i < COUNT(parts); i++)
		*parts[i] = take(c, sizes[i]);
	s.rnglists = s.macro = s.macinfo = take(c, cur_left(c));
	return s;
}

static void check_names(const struct dwarf *dw, uint64_t die)
{
	struct dwarf_names names;
	if (turf_dwarf_names(dw, die, &names, NULL) < 0)
		return;
	require(names.unit >= dw->units && names.unit < dw->units + dw->n_units);
	require(!names.name || strlen(names.name) <= UINT16_MAX);
	require(!names.linkage_name || strlen(names.linkage_name) <= UINT16_MAX);
}

static void check_scope(const struct dwarf *dw, const struct dwarf_unit *unit,
                        struct dwarf_scope *scope)
{
	struct dwarf_range range;
	require(scope->die - unit->base >= unit->die && scope->die - unit->base < unit->end);
	require(scope->depth < DWARF_MAX_DEPTH);
	require(scope->parent == DWARF_NONE || scope->parent < scope->die);
	/* lists may overlap: of each, so many entries say enough */
	for (int i = 0; i < 100 && turf_dwarf_next_range(&scope->ranges, &range, NULL) > 0; i++)
		require(range.start < range.end);
	check_names(dw, scope->origin);
	check_names(dw, scope->die);
}

static void read_scopes(const struct dwarf *dw, const struct dwarf_unit *unit)
{
	struct dwarf_scopes walk;
	struct dwarf_scope scope;
	struct turf_error err = { 0 };
	int r = turf_dwarf_scopes(dw, unit, &walk, &err);
	while (r >= 0 && (r = turf_dwarf_next_scope(&walk, &scope, &err)) > 0)
		check_scope(dw, unit, &scope);
	require((r < 0) == (err.code < 0) && r == err.code);
}

static uint64_t every_slot(uint16_t tag)
{
	return tag % 4 == 3 ? 0 : DIE_TOLD | (DIE_BIT(N_DIE_SLOTS) - 1);
}

/* The walk over all DIEs; whatever it tells can be read. */
static void read_dies(const struct dwarf *dw, const struct dwarf_unit *unit)
{
	static struct dies walk;
	struct die_plans plans = { .wanted = every_slot };
	struct turf_error err = { 0 };
	int r = turf_dies(dw, unit, &plans, &walk, &err);
	while (r >= 0 && (r = turf_dies_next(&walk, &err)) > 0) {
		require(walk.level < DWARF_MAX_DEPTH);
		for (unsigned slot = 0; slot < N_DIE_SLOTS; slot++) {
			const char *text = NULL;
			uint64_t number;
			if (turf_die_string(&walk, slot, &text) == 1)
				require(strlen(text) <= UINT16_MAX);
			(void)turf_die_address(&walk, slot, &number);
			(void)turf_die_ref(&walk, slot, &number);
			if (die_has(&walk, slot) && walk.class[slot] == DIE_VALUE_BLOCK)
				require(walk.size[slot] <= UINT16_MAX);
		}
	}
	require((r < 0) == (err.code < 0) && r == err.code);
	turf_die_plans_fini(&plans);
}

/* Imports are followed so deep; there are no more of them than bytes. */
static void read_macros(struct dwarf_macros *walk, unsigned depth, size_t *left)
{
	struct dwarf_macro macro;
	struct dwarf_macros other;
	struct turf_error err = { 0 };
	int r;
	while ((r = turf_dwarf_next_macro(walk, &macro, &err)) == 1 && --*left) {
		if (macro.text)
			require(strlen(macro.text) <= UINT16_MAX);
		if (macro.kind == MACRO_IMPORT && macro.in && depth &&
		    turf_dwarf_import(walk, &macro, &other, NULL) == 1)
			read_macros(&other, depth - 1, left);
		if (!*left)
			break;
	}
	require((r < 0) == (err.code < 0));
}

static void read_unit_macros(const struct dwarf *dw, const struct dwarf_unit *unit)
{
	static struct dwarf_macros walk;
	size_t left = 1000;
	if (turf_dwarf_macros(dw, unit, &walk, NULL) == 1)
		read_macros(&walk, 4, &left);
}

static void add_package(struct dwarf *dw, const struct dwarf_sections *sections)
{
	struct dwarf_package package;
	if (turf_dwarf_open_package(sections, sections->ranges, &package, NULL) < 0)
		return;
	for (size_t i = 0, n = MIN(dw->n_units, (size_t)4); i < n; i++) {
		struct dwarf_sections part;
		if (turf_dwarf_package_part(&package, dw->units[i].dwo_id, &part) == 1)
			require(turf_dwarf_add_split(dw, &part, NULL) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor c = cur_of((struct span){ data, size }, false);
	struct dwarf_sections sections = split(&c);
	struct dwarf dw;
	require(turf_dwarf_open(&sections, &dw, NULL) == 0);
	if (size && data[0] & 16)
		require(turf_dwarf_add_types(&dw, sections.info, NULL) == 0);
	if (size && data[0] & 2)
		require(turf_dwarf_add_supplement(&dw, &sections, NULL) == 0);
	if (size && data[0] & 4)
		require(turf_dwarf_add_split(&dw, &sections, NULL) == 0);
	if (size && data[0] & 8)
		add_package(&dw, &sections);
	require(turf_dwarf_link_split(&dw, NULL) == 0);
	for (size_t i = 0; i < dw.n_units; i++) {
		const struct dwarf_unit *unit = &dw.units[i];
		require(unit->off < unit->end && unit->end <= unit->in->info.size);
		require(unit->off == (i && unit[-1].base == unit->base ? unit[-1].end : 0));
		require(!unit->error == !unit->error_text);
		read_scopes(&dw, unit);
		read_dies(&dw, unit);
		read_unit_macros(&dw, unit);
	}
	turf_dwarf_close(&dw);
	return 0;
}
