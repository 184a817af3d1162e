/* SPDX-License-Identifier: MIT */
/* A file with a bit of everything: three units, line tables of any version. */
#ifndef TESTS_DWARF_EVERYTHING_H
#define TESTS_DWARF_EVERYTHING_H

#include "dwarf/make.h"

enum { UNIT = 1, FUNCTION, INLINED, STRUCT, CALL_SITE, ODD, ABSTRACT };

static inline void put_abbrevs(struct made *m)
{
	ABBREV(m, UNIT, DW_TAG_compile_unit, true, { DW_AT_name, DW_FORM_strx1 },
	       { DW_AT_comp_dir, DW_FORM_line_strp }, { DW_AT_producer, DW_FORM_strp },
	       { DW_AT_stmt_list, DW_FORM_sec_offset }, { DW_AT_low_pc, DW_FORM_addrx },
	       { DW_AT_str_offsets_base, DW_FORM_sec_offset },
	       { DW_AT_addr_base, DW_FORM_sec_offset },
	       { DW_AT_rnglists_base, DW_FORM_sec_offset });
	ABBREV(m, FUNCTION, DW_TAG_subprogram, true, { DW_AT_name, DW_FORM_string },
	       { DW_AT_low_pc, DW_FORM_addrx1 }, { DW_AT_high_pc, DW_FORM_udata },
	       { DW_AT_decl_file, DW_FORM_implicit_const, 1 },
	       { DW_AT_decl_line, DW_FORM_sdata });
	ABBREV(m, INLINED, DW_TAG_inlined_subroutine, true,
	       { DW_AT_abstract_origin, DW_FORM_ref_addr }, { DW_AT_ranges, DW_FORM_rnglistx },
	       { DW_AT_entry_pc, DW_FORM_data1 }, { DW_AT_call_file, DW_FORM_data1 },
	       { DW_AT_call_line, DW_FORM_indirect });
	ABBREV(m, STRUCT, DW_TAG_structure_type, true, { DW_AT_name, DW_FORM_string },
	       { DW_AT_sibling, DW_FORM_ref_udata });
	ABBREV(m, CALL_SITE, DW_TAG_call_site, true, { DW_AT_sibling, DW_FORM_ref4 });
	ABBREV(m, ODD, DW_TAG_variable, false, { 0x02, DW_FORM_exprloc },
	       { 0x1c, DW_FORM_block2 }, { 0x3fff, DW_FORM_data16 });
	ABBREV(m, ABSTRACT, DW_TAG_subprogram, false, { DW_AT_name, DW_FORM_strp },
	       { DW_AT_inline, DW_FORM_data1 }, { DW_AT_specification, DW_FORM_ref4 });
	as_u8(&m->abbrev, 0);
}

/* @unit: where its header begins: most references count from there. */
static inline void put_tree(struct made *m, uint32_t unit)
{
	struct as *a = &m->info;
	as_u8(a, UNIT);
	as_bytes(a, "\1\0\0\0\0\1\0\0\0\0\0\0\0\0", 14);
	as_u32(a, 8);
	as_u32(a, 8);
	as_u32(a, 12);
	as_u8(a, STRUCT);
	as_str(a, "s");
	as_uleb(a, here(m) + 2 - unit);
	as_u8(a, 0);
	uint32_t abstract = here(m);
	as_u8(a, ABSTRACT);
	as_bytes(a, "\0\0\0\0\1", 5);
	as_u32(a, abstract + 10 - unit);
	as_u8(a, FUNCTION);
	as_str(a, "f");
	as_bytes(a, "\0\200\1\7", 4);
	as_u8(a, CALL_SITE);
	as_u32(a, here(m) + 5 - unit);
	as_u8(a, 0);
	as_u8(a, ODD);
	as_bytes(a, "\2ab\1\0c0123456789abcdef", 22);
	as_u8(a, INLINED);
	as_u32(a, abstract);
	as_bytes(a, "\0\4\1\5\30", 5);
	as_bytes(a, "\0\0\0", 3);
}

static inline void put_units(struct made *m)
{
	for (unsigned i = 0; i < 2; i++) {
		size_t unit = begin_unit(m, 5, 0);
		put_tree(m, (uint32_t)unit - 4);
		as_end_length(&m->info, unit);
	}
	/* version 4, of the same abbreviations; DW_FORM_ref_addr and others mean the same */
	size_t unit = begin_unit(m, 4, 0);
	put_tree(m, (uint32_t)unit - 4);
	as_end_length(&m->info, unit);
}

static inline void put_line_table(struct made *m, unsigned version)
{
	struct as *a = &m->line;
	size_t table = as_length32(a);
	as_u16(a, (uint16_t)version);
	if (version == 5)
		as_u16(a, 8);
	size_t header = as_length32(a);
	as_u8(a, 1);
	if (version >= 4)
		as_u8(a, 1);
	as_bytes(a, "\1\373\16\15\0\1\1\1\1\0\0\0\1\0\0\1", 16);
	if (version == 5) {
		as_bytes(a, "\1\1\37\1\0\0\0\0", 8);
		as_bytes(a, "\3\1\10\2\13\5\36\1", 8);
		as_str(a, "a.c");
		as_bytes(a, "\0 0123456789abcdef", 17);
	} else {
		as_bytes(a, "d\0\0a.c\0\1\2\3\0", 11);
	}
	as_end_length(a, header);
	as_bytes(a, "\0\11\2\0\20\0\0\0\0\0\0\3\5\1\2\200\1\22\10\11\1\1\0\2\4\7\1", 27);
	as_bytes(a, "\0\10\3b.c\0\0\0\0\4\2\5\3\6\7\12\13\14\1\1\0\1\1", 24);
	as_end_length(a, table);
}

static inline struct made everything(unsigned line_version)
{
	struct made m = { 0 };
	put_abbrevs(&m);
	put_units(&m);
	put_line_table(&m, line_version);
	as_str(&m.str, "text");
	as_str(&m.line_str, "/src");
	as_u64(&m.str_offsets, 0);
	as_u64(&m.str_offsets, 0);
	as_u64(&m.addr, 0);
	as_u64(&m.addr, 0x1000);
	as_u64(&m.rnglists, 0);
	as_u32(&m.rnglists, 1);
	as_u32(&m.rnglists, 4);
	as_bytes(&m.rnglists, "\4\1\2\1\0\4\1\200\1\2\0\0\3\0\5\5\0\0\1\0\0\0\0\0\4\0\1", 27);
	as_bytes(&m.rnglists, "\6\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\7\1\0\0\0\0\0\0\0\5\0", 28);
	return m;
}

#endif
