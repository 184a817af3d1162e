/* SPDX-License-Identifier: MIT */
/*
 * Units: all headers of .debug_info, each with its abbreviations and its first DIE.
 *
 * Cost:   one pass over the headers; each abbreviation table is decoded once in each part,
 *         however many units share it
 * Trust:  none. Tables that overlap could make a small file cost much: those of a part have
 *         together no more bytes than the section.
 * Source: DWARF 5 sections 3.1, 7.4, 7.5.1
 */
#include "dwarf/internal.h"
#include "base/sort.h"
#include "base/vec.h"

enum {
	OVERLAP_SLACK = 8 << 10,
	SMALL_PART = 16, /* units: units of fewer are read at once sooner than shared out */
};

struct unit_list {
	struct dwarf_unit *at;
	size_t n, room;
};

/* Tables decoded so far, hashed by where they begin and what sizes they were decoded for. */
struct table_slot {
	const uint8_t *begin;
	struct dwarf_sizes sizes;
	struct dwarf_abbrevs *table; /* NULL: a free slot */
};
struct tables {
	struct table_slot *slots;
	size_t mask; /* number of slots - 1 */
	uint64_t budget;
	struct dwarf_decoder decoder;
};

static void unit_fails(struct dwarf_unit *unit, int error, uint64_t where, const char *text)
{
	unit->error = error;
	unit->error_where = where;
	unit->error_text = text;
}

/* A section whose strings all end: what is behind the last NUL is cut off. */
static struct span whole_strings(struct span s)
{
	const uint8_t *last = s.size ? memrchr(s.at, 0, s.size) : NULL;
	return last ? (struct span){ s.at, (size_t)(last - s.at) + 1 }
	            : (struct span){ NULL, 0 };
}

/* The rest of a header behind its length, 7.5.1. */
static void read_header(struct dwarf_unit *unit, struct cursor *c)
{
	unit->version = cur_u16(c);
	if (c->bad)
		return;
	if (unit->version < 2 || unit->version > 5) {
		unit_fails(unit, -ENOTSUP, unit->off, "its version is not 2 to 5");
		return;
	}
	if (unit->version < 5) {
		unit->type = unit->in && unit->in->types ? DW_UT_type : DW_UT_compile;
		unit->abbrev_off = cur_uint(c, unit->offset_size);
		unit->address_size = cur_u8(c);
	} else {
		unit->type = cur_u8(c);
		unit->address_size = cur_u8(c);
		unit->abbrev_off = cur_uint(c, unit->offset_size);
	}
	unit->has_dwo_id = unit->type == DW_UT_skeleton || unit->type == DW_UT_split_compile;
	if (unit->has_dwo_id)
		unit->dwo_id = cur_u64(c);
	else if (unit->type == DW_UT_type || unit->type == DW_UT_split_type) {
		unit->signature = cur_u64(c);
		unit->type_off = cur_uint(c, unit->offset_size);
	} else if (unit->type != DW_UT_compile && unit->type != DW_UT_partial)
		unit_fails(unit, -ENOTSUP, unit->off, "a unit of unknown type");
	if (!c->bad && unit->address_size != 4 && unit->address_size != 8)
		unit_fails(unit, -ENOTSUP, unit->off,
		           "its addresses have neither 4 nor 8 bytes");
}

/* A unit's length, 7.4: false where no unit can have it. */
static bool read_length(struct cursor *c, struct dwarf_unit *unit, struct cursor *body)
{
	uint64_t length = cur_u32(c);
	unit->offset_size = 4;
	if (length == UINT32_MAX) {
		length = cur_u64(c);
		unit->offset_size = 8;
	} else if (length >= 0xfffffff0) {
		return false;
	}
	*body = cur_carve(c, length);
	return !c->bad && length >= 3U + unit->offset_size;
}

/* 1 one more unit, 0 the list ends with it, -ENOMEM. */
static int add_unit(struct unit_list *list, const struct dwarf_unit *like, struct cursor *c)
{
	struct dwarf_unit *unit = vec_push(list);
	if (!unit)
		return -ENOMEM;
	struct cursor body;
	*unit = *like;
	unit->off = cur_off(c);
	unit->end = (uint64_t)(c->end - c->start);
	if (!read_length(c, unit, &body)) {
		unit_fails(unit, -EBADMSG, unit->off,
		           "its length fits neither a unit nor .debug_info");
		return 0;
	}
	unit->end = cur_off(c);
	body.start = c->start; /* offsets count from the section */
	read_header(unit, &body);
	unit->die = cur_off(&body);
	if (body.bad)
		unit_fails(unit, -EBADMSG, unit->off, "its header leaves the unit");
	return 1;
}

bool turf_dwarf_begins_with_type(struct span info, bool big)
{
	struct cursor c = cur_of(info, big), body;
	struct dwarf_unit unit = { 0 };
	if (!read_length(&c, &unit, &body))
		return false;
	read_header(&unit, &body);
	return !body.bad && (unit.type == DW_UT_type || unit.type == DW_UT_split_type);
}

/* All units of a file whose numbers begin at @base. */
static int find_units(const struct dwarf_sections *sections, uint64_t base,
                      struct unit_list *list)
{
	const struct dwarf_unit like = {
		.in = sections,
		.base = base,
		.line_off = DWARF_NONE,
		.str_offsets_base = DWARF_NONE,
		.addr_base = DWARF_NONE,
		.rnglists_base = DWARF_NONE,
		.loclists_base = DWARF_NONE,
		.macro_off = DWARF_NONE,
	};
	struct cursor c = cur_of(sections->info, sections->big);
	int r = 1;
	while (r > 0 && cur_left(&c))
		r = add_unit(list, &like, &c);
	return r < 0 ? r : 0;
}

/* The slot of a table, or the free one where it belongs. */
static struct table_slot *slot_of(const struct tables *t, const uint8_t *begin,
                                  struct dwarf_sizes sizes)
{
	uint64_t hash = ((uintptr_t)begin + 1) * 0x9e3779b97f4a7c15;
	for (size_t i = hash >> 32;; i++) {
		struct table_slot *slot = &t->slots[i & t->mask];
		if (!slot->table ||
		    (slot->begin == begin && memcmp(&slot->sizes, &sizes, sizeof(sizes)) == 0))
			return slot;
	}
}

static struct dwarf_abbrevs *decode(struct tables *t, struct cursor c, struct dwarf_sizes sizes)
{
	bool cut = cur_left(&c) > t->budget;
	if (cut)
		c.end = c.at + t->budget;
	const uint8_t *begin = c.at;
	struct dwarf_abbrevs *table = turf_dwarf_abbrevs(&t->decoder, &c, sizes);
	t->budget -= (uint64_t)(c.at - begin);
	if (table && table->error && cut) {
		table->error = -E2BIG;
		table->error_text = "too many abbreviation tables overlap";
	}
	return table;
}

/* 0 or -ENOMEM; a malformed table is the unit's error. */
static int attach_table(struct tables *t, struct dwarf_unit *unit)
{
	struct dwarf_sizes sizes = sizes_of(unit);
	struct cursor c = cur_of(unit->in->abbrev, unit->in->big);
	cur_seek(&c, unit->abbrev_off);
	if (c.bad) {
		unit_fails(unit, -EBADMSG, unit->off, "its abbreviations leave .debug_abbrev");
		return 0;
	}
	struct table_slot *slot = slot_of(t, c.at, sizes);
	if (!slot->table) {
		struct dwarf_abbrevs *table = decode(t, c, sizes);
		if (!table)
			return -ENOMEM;
		*slot = (struct table_slot){ c.at, sizes, table };
	}
	unit->abbrevs = slot->table;
	if (slot->table->error)
		unit_fails(unit, slot->table->error, unit->off, slot->table->error_text);
	return 0;
}

/* The attributes of a unit DIE that are needed; strings and addresses are resolved last, as
 * the bases that they need may follow them. */
struct unit_values {
	struct dwarf_value name, comp_dir, producer, language, line, low_pc, high_pc, ranges,
		str_offsets, addr, rnglists, loclists, dwo_name, dwo_id, ranges_base, macros,
		macinfo;
};

static struct dwarf_value *unit_value(struct unit_values *v, uint64_t at)
{
	switch (at) {
	case DW_AT_name:
		return &v->name;
	case DW_AT_comp_dir:
		return &v->comp_dir;
	case DW_AT_producer:
		return &v->producer;
	case DW_AT_language:
		return &v->language;
	case DW_AT_stmt_list:
		return &v->line;
	case DW_AT_low_pc:
		return &v->low_pc;
	case DW_AT_high_pc:
		return &v->high_pc;
	case DW_AT_ranges:
		return &v->ranges;
	case DW_AT_str_offsets_base:
		return &v->str_offsets;
	case DW_AT_addr_base:
	case DW_AT_GNU_addr_base:
		return &v->addr;
	case DW_AT_rnglists_base:
		return &v->rnglists;
	case DW_AT_loclists_base:
		return &v->loclists;
	case DW_AT_macros:
	case DW_AT_GNU_macros:
		return &v->macros;
	case DW_AT_macro_info:
		return &v->macinfo;
	case DW_AT_dwo_name:
	case DW_AT_GNU_dwo_name:
		return &v->dwo_name;
	case DW_AT_GNU_dwo_id:
		return &v->dwo_id;
	case DW_AT_GNU_ranges_base:
		return &v->ranges_base;
	default:
		return NULL;
	}
}

static void take_number(const struct dwarf_value *value, uint64_t *ret)
{
	if (is_number(value))
		*ret = value->u;
}

static void take_string(const struct dwarf *dw, struct dwarf_unit *unit,
                        const struct dwarf_value *value, const char **ret)
{
	if (turf_dwarf_string(dw, unit, value, ret) < 0)
		unit_fails(unit, -EBADMSG, unit->die, "a string of its first DIE lies nowhere");
}

static void take_values(const struct dwarf *dw, struct dwarf_unit *unit,
                        const struct unit_values *v, bool addresses)
{
	take_number(&v->language, &unit->language);
	take_number(&v->line, &unit->line_off);
	take_number(&v->str_offsets, &unit->str_offsets_base);
	take_number(&v->addr, &unit->addr_base);
	take_number(&v->rnglists, &unit->rnglists_base);
	take_number(&v->loclists, &unit->loclists_base);
	take_number(&v->ranges_base, &unit->dwo_ranges_base);
	take_number(&v->dwo_id, &unit->dwo_id);
	unit->has_dwo_id |= is_number(&v->dwo_id);
	unit->macro_old = !is_number(&v->macros);
	take_number(unit->macro_old ? &v->macinfo : &v->macros, &unit->macro_off);
	unit->own.low = v->low_pc.u;
	unit->own.low_class = (uint8_t)v->low_pc.class;
	unit->own.high = v->high_pc.u;
	unit->own.high_class = (uint8_t)v->high_pc.class;
	unit->own.list = v->ranges.u;
	unit->own.list_class = (uint8_t)v->ranges.class;
	take_string(dw, unit, &v->dwo_name, &unit->dwo_name);
	take_string(dw, unit, &v->name, &unit->name);
	take_string(dw, unit, &v->comp_dir, &unit->comp_dir);
	take_string(dw, unit, &v->producer, &unit->producer);
	if (addresses && turf_dwarf_address(unit, &v->low_pc, &unit->low_pc) < 0)
		unit_fails(unit, -EBADMSG, unit->die, "its DW_AT_low_pc leaves .debug_addr");
}

void turf_dwarf_read_first_die(const struct dwarf *dw, struct dwarf_unit *unit, bool addresses)
{
	struct cursor c = unit_cursor(unit, unit->die);
	struct unit_values values = { 0 };
	uint64_t code;
	const struct dwarf_abbrev *abbrev = die_at(&c, unit, &code);
	if (!abbrev) {
		unit_fails(unit, -EBADMSG, unit->die, "it has no first DIE");
		return;
	}
	unit->tag = abbrev->tag;
	struct dwarf_attrs attrs = turf_dwarf_attrs(unit, abbrev);
	struct dwarf_value value, *wanted;
	uint64_t at;
	int r;
	while ((r = turf_dwarf_next_attr(&attrs, &c, &at, &value)) == 1)
		if ((wanted = unit_value(&values, at)))
			*wanted = value;
	if (r < 0)
		unit_fails(unit, -EBADMSG, cur_off(&c),
		           c.bad ? "an attribute of its first DIE leaves the unit"
		                 : "a form of its first DIE is unknown");
	else
		take_values(dw, unit, &values, addresses);
}

static void tables_fini(struct tables *t)
{
	free(t->slots);
	turf_dwarf_decoder_fini(&t->decoder);
}

/* The abbreviations and first DIEs of the units from @first to @last, all of one file. */
static int read_units(const struct dwarf *dw, size_t first, size_t last, bool split,
                      struct arena *arena)
{
	if (first == last)
		return 0;
	scoped(tables_fini) struct tables t = { .mask = 15, .decoder.arena = arena };
	struct dwarf_unit *units = dw->units + first;
	size_t n = last - first;
	while (t.mask / 2 < n)
		t.mask = t.mask * 2 + 1;
	t.slots = calloc(t.mask + 1, sizeof(*t.slots));
	t.budget = (uint64_t)units[0].in->abbrev.size + OVERLAP_SLACK;
	if (!t.slots)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct dwarf_unit *unit = &units[i];
		int r = unit->error ? 0 : attach_table(&t, unit);
		if (r < 0)
			return r;
		if (!unit->error)
			turf_dwarf_read_first_die(dw, unit, !split);
	}
	return 0;
}

/* Sections as units refer to them. */
static struct dwarf_sections *keep_sections(struct dwarf *dw,
                                            const struct dwarf_sections *sections)
{
	struct dwarf_sections *keep = turf_arena_alloc(&dw->arena, sizeof(*keep));
	if (!keep)
		return NULL;
	*keep = *sections;
	keep->str = whole_strings(sections->str);
	keep->line_str = whole_strings(sections->line_str);
	keep->info.size = (size_t)MIN(keep->info.size, DWARF_FILE_SPAN);
	return keep;
}

/* Where all units begin, side by side: what a search for a DIE's unit reads. */
static int note_starts(struct dwarf *dw, size_t first)
{
	uint64_t *starts = realloc(dw->starts, (dw->room + 1) * sizeof(*starts));
	if (!starts)
		return -ENOMEM;
	for (size_t i = first; i < dw->n_units; i++)
		starts[i] = dw->units[i].base + dw->units[i].off;
	dw->starts = starts;
	return 0;
}

/* The units of one more file, behind those that are there; they are still to be read. */
static int add_units(struct dwarf *dw, const struct dwarf_sections *sections)
{
	if (dw->next_base > UINT64_MAX - 2 * DWARF_FILE_SPAN)
		return -E2BIG;
	struct unit_list list = { dw->units, dw->n_units, dw->room };
	int r = find_units(sections, dw->next_base, &list);
	dw->units = list.at;
	dw->room = list.room;
	if (r < 0)
		return r;
	size_t before = dw->n_units;
	dw->n_units = list.n;
	dw->next_base += DWARF_FILE_SPAN;
	return note_starts(dw, before);
}

static int add_file(struct dwarf *dw, const struct dwarf_sections *sections, bool split)
{
	size_t before = dw->n_units;
	int r = add_units(dw, sections);
	if (r == 0)
		r = read_units(dw, before, dw->n_units, split, &dw->arena);
	if (r < 0)
		dw->n_units = before;
	return r;
}

int turf_dwarf_find(const struct dwarf_sections *sections, struct dwarf *ret,
                    struct turf_error *err)
{
	struct dwarf dw = { 0 };
	dw.own = keep_sections(&dw, sections);
	int r = dw.own ? add_units(&dw, dw.own) : -ENOMEM;
	if (r < 0) {
		turf_dwarf_close(&dw);
		return turf_fail(err, r, TURF_NOWHERE, "no memory for the units");
	}
	*ret = dw;
	return 0;
}

/* An arena that no other thread takes from: threads share as few as they can. There are as many
 * as parts, so one is free. */
static size_t take_arena(struct dwarf *dw)
{
	size_t i = 0;
	while (__atomic_exchange_n(&dw->busy[i], true, __ATOMIC_ACQUIRE))
		i = (i + 1) % DWARF_PARTS;
	return i;
}

int turf_dwarf_read_part(struct dwarf *dw, size_t part, struct turf_error *err)
{
	assert(part < DWARF_PARTS);
	size_t size = MAX(dw->n_units / DWARF_PARTS + 1, (size_t)SMALL_PART);
	size_t first = MIN(part * size, dw->n_units), last = MIN(first + size, dw->n_units);
	size_t arena = take_arena(dw);
	int r = read_units(dw, first, last, false, &dw->parts[arena]);
	__atomic_store_n(&dw->busy[arena], false, __ATOMIC_RELEASE);
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "no memory for abbreviations") : 0;
}

int turf_dwarf_open(const struct dwarf_sections *sections, struct dwarf *ret,
                    struct turf_error *err)
{
	struct dwarf dw;
	int r = turf_dwarf_find(sections, &dw, err);
	if (r < 0)
		return r;
	for (size_t part = 0; part < DWARF_PARTS && r == 0; part++)
		r = turf_dwarf_read_part(&dw, part, err);
	if (r < 0)
		turf_dwarf_close(&dw);
	else
		*ret = dw;
	return r;
}

int turf_dwarf_add_supplement(struct dwarf *dw, const struct dwarf_sections *sections,
                              struct turf_error *err)
{
	uint64_t base = dw->next_base;
	const struct dwarf_sections *keep = keep_sections(dw, sections);
	int r = keep ? add_file(dw, keep, false) : -ENOMEM;
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE,
		                 "no memory for the supplementary file's units");
	dw->alt = keep;
	dw->alt_base = base;
	return 0;
}

/* A type's unit before version 5 does not say in which folder it was compiled: that is the one
 * of the unit that has the same line table. 0 or -ENOMEM. */
static int find_folders(struct dwarf *dw, size_t first)
{
	scoped(freep) struct sort_pair *pairs = calloc(2 * first + 1, sizeof(*pairs));
	if (!pairs)
		return -ENOMEM;
	for (size_t i = 0; i < first; i++)
		pairs[i] = (struct sort_pair){ dw->units[i].line_off, i };
	sort_pairs(pairs, pairs + first, first);
	for (size_t i = first; i < dw->n_units; i++) {
		struct dwarf_unit *unit = &dw->units[i];
		size_t lo = bisect(mid, first, pairs[mid].key < unit->line_off);
		if (lo < first && pairs[lo].key == unit->line_off && !unit->comp_dir)
			unit->comp_dir = dw->units[pairs[lo].value].comp_dir;
	}
	return 0;
}

int turf_dwarf_add_types(struct dwarf *dw, struct span types, struct turf_error *err)
{
	struct dwarf_sections *keep = turf_arena_alloc(&dw->arena, sizeof(*keep));
	if (keep) {
		*keep = *dw->own;
		keep->info = types;
		keep->info.size = (size_t)MIN(types.size, DWARF_FILE_SPAN);
		keep->types = true;
	}
	size_t first = dw->n_units;
	int r = keep ? add_file(dw, keep, false) : -ENOMEM;
	if (r == 0)
		r = find_folders(dw, first);
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "no memory for units of types") : 0;
}

int turf_dwarf_add_split(struct dwarf *dw, const struct dwarf_sections *sections,
                         struct turf_error *err)
{
	struct dwarf_sections *keep = keep_sections(dw, sections);
	if (keep) {
		keep->addr = dw->own->addr;
		keep->ranges = dw->own->ranges;
	}
	int r = keep ? add_file(dw, keep, true) : -ENOMEM;
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "no memory for split units") : 0;
}

void turf_dwarf_drop_abbrevs(struct dwarf *dw)
{
	for (size_t i = 0; i < dw->n_units; i++)
		dw->units[i].abbrevs = NULL;
	for (size_t i = 0; i < DWARF_PARTS; i++)
		turf_arena_fini(&dw->parts[i]);
}

void turf_dwarf_close(struct dwarf *dw)
{
	free(dw->units);
	free(dw->starts);
	turf_arena_fini(&dw->arena);
	for (size_t i = 0; i < DWARF_PARTS; i++)
		turf_arena_fini(&dw->parts[i]);
	*dw = (struct dwarf){ 0 };
}
