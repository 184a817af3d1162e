/* SPDX-License-Identifier: MIT */
/* DWARF sections for tests, put together by hand. */
#ifndef TESTS_DWARF_MAKE_H
#define TESTS_DWARF_MAKE_H

#include "dwarf/constants.h"
#include "dwarf/dwarf.h"
#include "lib/asm.h"

struct made {
	struct as info, abbrev, line, str, line_str, str_offsets, addr, ranges, rnglists;
};

static inline struct as *made_part(struct made *m, size_t i)
{
	struct as *parts[] = { &m->info, &m->abbrev,   &m->line,
		               &m->str,  &m->line_str, &m->str_offsets,
		               &m->addr, &m->ranges,   &m->rnglists };
	return i < COUNT(parts) ? parts[i] : NULL;
}

static inline struct span *section_part(struct dwarf_sections *s, size_t i)
{
	struct span *parts[] = { &s->info, &s->abbrev,   &s->line,
		                 &s->str,  &s->line_str, &s->str_offsets,
		                 &s->addr, &s->ranges,   &s->rnglists };
	return i < COUNT(parts) ? parts[i] : NULL;
}

static inline struct dwarf_sections made_sections(struct made *m)
{
	struct dwarf_sections s = { .big = m->info.big };
	for (size_t i = 0; made_part(m, i); i++)
		*section_part(&s, i) = as_span(made_part(m, i));
	return s;
}

static inline void made_big(struct made *m)
{
	for (size_t i = 0; made_part(m, i); i++)
		made_part(m, i)->big = true;
}

static inline void made_free(struct made *m)
{
	for (size_t i = 0; made_part(m, i); i++)
		as_free(made_part(m, i));
}

struct pair {
	unsigned at, form;
	int64_t constant; /* of DW_FORM_implicit_const */
};

static inline void abbrev(struct made *m, uint64_t code, unsigned tag, bool children,
                          const struct pair *pairs, size_t n)
{
	as_uleb(&m->abbrev, code);
	as_uleb(&m->abbrev, tag);
	as_u8(&m->abbrev, children);
	for (size_t i = 0; i < n && pairs[i].at; i++) {
		as_uleb(&m->abbrev, pairs[i].at);
		as_uleb(&m->abbrev, pairs[i].form);
		if (pairs[i].form == DW_FORM_implicit_const)
			as_sleb(&m->abbrev, pairs[i].constant);
	}
	as_u16(&m->abbrev, 0);
}

#define ABBREV(m, code, tag, children, ...)                                                    \
	abbrev((m), (code), (tag), (children), (const struct pair[]){ __VA_ARGS__, { 0 } },    \
	       COUNT(((const struct pair[]){ __VA_ARGS__, { 0 } })))

enum { DW_TAG_compile_unit = 0x11, DW_TAG_lexical_block = 0x0b };

/* A unit's header, 32-bit DWARF; answers what as_end_length() wants. */
static inline size_t begin_unit(struct made *m, unsigned version, uint64_t abbrev_off)
{
	size_t begun = as_length32(&m->info);
	as_u16(&m->info, (uint16_t)version);
	if (version >= 5) {
		as_u8(&m->info, DW_UT_compile);
		as_u8(&m->info, 8);
		as_u32(&m->info, (uint32_t)abbrev_off);
	} else {
		as_u32(&m->info, (uint32_t)abbrev_off);
		as_u8(&m->info, 8);
	}
	return begun;
}

/* Names of the links: .debug_info offset of the next DIE. */
static inline uint32_t here(const struct made *m)
{
	return (uint32_t)as_here(&m->info);
}

#endif
