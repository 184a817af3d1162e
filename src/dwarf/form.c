/* SPDX-License-Identifier: MIT */
/*
 * Forms: the bytes of one attribute -> a value; a value -> a string or an address.
 *
 * Cost:   no allocation
 * Trust:  none; an offset or index is held against its section when it is used
 * Source: DWARF 5 sections 7.5.5, 7.5.6, 7.26, 7.27
 */
#include "dwarf/internal.h"

enum { VARIABLE = -1, UNKNOWN = -2, ADDRESS = -3, OFFSET = -4, REF_ADDR = -5 };

/* Sizes of the forms by number, 7.5.6. */
static const int8_t form_sizes[] = {
	[0] = UNKNOWN,
	[0x02] = UNKNOWN,
	[DW_FORM_addr] = ADDRESS,
	[DW_FORM_block2] = VARIABLE,
	[DW_FORM_block4] = VARIABLE,
	[DW_FORM_data2] = 2,
	[DW_FORM_data4] = 4,
	[DW_FORM_data8] = 8,
	[DW_FORM_string] = VARIABLE,
	[DW_FORM_block] = VARIABLE,
	[DW_FORM_block1] = VARIABLE,
	[DW_FORM_data1] = 1,
	[DW_FORM_flag] = 1,
	[DW_FORM_sdata] = VARIABLE,
	[DW_FORM_strp] = OFFSET,
	[DW_FORM_udata] = VARIABLE,
	[DW_FORM_ref_addr] = REF_ADDR,
	[DW_FORM_ref1] = 1,
	[DW_FORM_ref2] = 2,
	[DW_FORM_ref4] = 4,
	[DW_FORM_ref8] = 8,
	[DW_FORM_ref_udata] = VARIABLE,
	[DW_FORM_indirect] = VARIABLE,
	[DW_FORM_sec_offset] = OFFSET,
	[DW_FORM_exprloc] = VARIABLE,
	[DW_FORM_flag_present] = 0,
	[DW_FORM_strx] = VARIABLE,
	[DW_FORM_addrx] = VARIABLE,
	[DW_FORM_ref_sup4] = 4,
	[DW_FORM_strp_sup] = OFFSET,
	[DW_FORM_data16] = 16,
	[DW_FORM_line_strp] = OFFSET,
	[DW_FORM_ref_sig8] = 8,
	[DW_FORM_implicit_const] = 0,
	[DW_FORM_loclistx] = VARIABLE,
	[DW_FORM_rnglistx] = VARIABLE,
	[DW_FORM_ref_sup8] = 8,
	[DW_FORM_strx1] = 1,
	[DW_FORM_strx2] = 2,
	[DW_FORM_strx3] = 3,
	[DW_FORM_strx4] = 4,
	[DW_FORM_addrx1] = 1,
	[DW_FORM_addrx2] = 2,
	[DW_FORM_addrx3] = 3,
	[DW_FORM_addrx4] = 4,
};

int turf_dwarf_form_size(uint64_t form, struct dwarf_sizes sizes)
{
	if (form == DW_FORM_GNU_ref_alt || form == DW_FORM_GNU_strp_alt)
		return sizes.offset;
	if (form == DW_FORM_GNU_addr_index || form == DW_FORM_GNU_str_index)
		return VARIABLE;
	int size = form < COUNT(form_sizes) ? form_sizes[form] : UNKNOWN;
	switch (size) {
	case ADDRESS:
		return sizes.address;
	case OFFSET:
		return sizes.offset;
	case REF_ADDR:
		return sizes.ref_addr;
	default:
		return size;
	}
}

enum dwarf_class turf_dwarf_form_class(uint16_t form)
{
	switch (form) {
	case DW_FORM_data1:
	case DW_FORM_data2:
	case DW_FORM_data4:
	case DW_FORM_data8:
	case DW_FORM_flag:
		return VALUE_CONSTANT;
	case DW_FORM_sec_offset:
		return VALUE_OFFSET;
	case DW_FORM_addr:
		return VALUE_ADDRESS;
	case DW_FORM_addrx1:
	case DW_FORM_addrx2:
	case DW_FORM_addrx3:
	case DW_FORM_addrx4:
		return VALUE_ADDRESS_INDEX;
	case DW_FORM_strx1:
	case DW_FORM_strx2:
	case DW_FORM_strx3:
	case DW_FORM_strx4:
		return VALUE_STR_INDEX;
	case DW_FORM_strp:
		return VALUE_STR;
	case DW_FORM_line_strp:
		return VALUE_LINE_STR;
	case DW_FORM_ref1:
	case DW_FORM_ref2:
	case DW_FORM_ref4:
	case DW_FORM_ref8:
		return VALUE_UNIT_REF;
	case DW_FORM_ref_addr:
		return VALUE_REF;
	case DW_FORM_ref_sup4:
	case DW_FORM_ref_sup8:
	case DW_FORM_GNU_ref_alt:
		return VALUE_ALT_REF;
	case DW_FORM_strp_sup:
	case DW_FORM_GNU_strp_alt:
		return VALUE_ALT_STR;
	default: /* ref_sig8 */
		return VALUE_ELSEWHERE;
	}
}

static void read_fixed(struct cursor *c, uint16_t form, unsigned size, struct dwarf_value *ret)
{
	if (size == 0) { /* DW_FORM_flag_present; an implicit constant is not read here */
		*ret = (struct dwarf_value){ .class = VALUE_CONSTANT, .u = 1 };
		return;
	}
	if (size == 16) {
		cur_skip(c, size);
		return;
	}
	ret->class = turf_dwarf_form_class(form);
	ret->u = cur_uint(c, size);
}

static void skip_block(struct cursor *c, uint16_t form)
{
	switch (form) {
	case DW_FORM_block1:
		cur_skip(c, cur_u8(c));
		break;
	case DW_FORM_block2:
		cur_skip(c, cur_u16(c));
		break;
	case DW_FORM_block4:
		cur_skip(c, cur_u32(c));
		break;
	default:
		cur_skip(c, cur_uleb(c));
		break;
	}
}

/* A form that tells its own end; DW_FORM_indirect is not among them. */
static void read_variable(struct cursor *c, uint16_t form, struct dwarf_value *ret)
{
	switch (form) {
	case DW_FORM_string:
		ret->u = (uintptr_t)cur_str(c);
		ret->class = VALUE_STRING;
		break;
	case DW_FORM_sdata:
		ret->u = (uint64_t)cur_sleb(c);
		ret->class = VALUE_CONSTANT;
		break;
	case DW_FORM_udata:
		ret->u = cur_uleb(c);
		ret->class = VALUE_CONSTANT;
		break;
	case DW_FORM_ref_udata:
		ret->u = cur_uleb(c);
		ret->class = VALUE_UNIT_REF;
		break;
	case DW_FORM_strx:
	case DW_FORM_GNU_str_index:
		ret->u = cur_uleb(c);
		ret->class = VALUE_STR_INDEX;
		break;
	case DW_FORM_addrx:
	case DW_FORM_GNU_addr_index:
		ret->u = cur_uleb(c);
		ret->class = VALUE_ADDRESS_INDEX;
		break;
	case DW_FORM_rnglistx:
		ret->u = cur_uleb(c);
		ret->class = VALUE_LIST_INDEX;
		break;
	case DW_FORM_loclistx:
		(void)cur_uleb(c);
		break;
	default:
		skip_block(c, form);
		break;
	}
}

bool turf_dwarf_value(struct cursor *c, uint16_t form, struct dwarf_sizes sizes,
                      struct dwarf_value *ret)
{
	*ret = (struct dwarf_value){ 0 };
	if (form == DW_FORM_indirect) {
		/* neither twice nor without a place for its constant: 7.5.3 */
		uint64_t inner = cur_uleb(c);
		if (inner == DW_FORM_indirect || inner == DW_FORM_implicit_const ||
		    inner > UINT16_MAX)
			return false;
		form = (uint16_t)inner;
	}
	int size = turf_dwarf_form_size(form, sizes);
	if (size >= 0)
		read_fixed(c, form, (unsigned)size, ret);
	else if (size == -1)
		read_variable(c, form, ret);
	return size != -2 && !c->bad;
}

/* Both string sections were cut behind their last NUL: what begins inside ends inside. */
static int string_at(struct span section, uint64_t off, const char **ret)
{
	if (off >= section.size)
		return -EBADMSG;
	*ret = (const char *)(section.at + off);
	return 1;
}

/* @idx-th number of @size bytes of a table which begins at @base of @section. */
static bool table_entry(struct span section, bool big, uint64_t base, uint64_t idx,
                        unsigned size, uint64_t *ret)
{
	if (base > section.size || idx >= (section.size - base) / size)
		return false;
	struct cursor c = cur_of(span_part(section, base + idx * size, size), big);
	*ret = cur_uint(&c, size);
	return true;
}

static int indexed_string(const struct dwarf_unit *unit, uint64_t idx, const char **ret)
{
	uint64_t base = unit->str_offsets_base, off;
	if (base == DWARF_NONE) /* split units: just behind the header, if there is one */
		base = unit->version < 5 ? 0 : unit->offset_size * 2;
	if (!table_entry(unit->in->str_offsets, unit->in->big, base, idx, unit->offset_size,
	                 &off))
		return -EBADMSG;
	return string_at(unit->in->str, off, ret);
}

int turf_dwarf_string(const struct dwarf *dw, const struct dwarf_unit *unit,
                      const struct dwarf_value *value, const char **ret)
{
	switch (value->class) {
	case VALUE_STRING:
		*ret = (const char *)(uintptr_t)value->u;
		return 1;
	case VALUE_STR:
		return string_at(unit->in->str, value->u, ret);
	case VALUE_ALT_STR:
		return dw->alt ? string_at(dw->alt->str, value->u, ret) : 0;
	case VALUE_LINE_STR:
		return string_at(unit->in->line_str, value->u, ret);
	case VALUE_STR_INDEX:
		return indexed_string(unit, value->u, ret);
	default:
		return 0;
	}
}

int turf_dwarf_indexed_address(const struct dwarf_unit *unit, uint64_t idx, uint64_t *ret)
{
	uint64_t base = unit->addr_base;
	if (base == DWARF_NONE)
		base = unit->version < 5 ? 0 : 8;
	return table_entry(unit->in->addr, unit->in->big, base, idx, unit->address_size, ret)
	               ? 1
	               : -EBADMSG;
}

int turf_dwarf_address(const struct dwarf_unit *unit, const struct dwarf_value *value,
                       uint64_t *ret)
{
	if (value->class == VALUE_ADDRESS_INDEX)
		return turf_dwarf_indexed_address(unit, value->u, ret);
	if (value->class != VALUE_ADDRESS)
		return 0;
	*ret = value->u;
	return 1;
}
