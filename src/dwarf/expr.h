/* SPDX-License-Identifier: MIT */
/*
 * DWARF expressions -> the same in a form of their own that needs neither unit nor section:
 * numbers little-endian, addresses of 8 bytes, indexes of .debug_addr looked up, GNU's
 * operations by their standard numbers; types and variables as the caller numbers them; what is
 * called in place of the call. docs/format.md, "Locations", says the form.
 *
 * Cost:   one pass; no allocation but of the output
 * Trust:  none: an operation that nobody knows, or that is cut, is an error
 * Source: DWARF 5 sections 2.5, 2.6, 7.7.1; GNU operations as gcc emits them
 */
#ifndef DWARF_EXPR_H
#define DWARF_EXPR_H

#include "base/vec.h"
#include "dwarf/dwarf.h"

/* Operations whose operands are changed, or that a reader of the form asks for. */
enum {
	DW_OP_addr = 0x03,
	DW_OP_const1u = 0x08,
	DW_OP_const1s,
	DW_OP_const2u,
	DW_OP_const2s,
	DW_OP_const4u,
	DW_OP_const4s,
	DW_OP_const8u,
	DW_OP_const8s,
	DW_OP_constu,
	DW_OP_consts,
	DW_OP_pick = 0x15,
	DW_OP_plus_uconst = 0x23,
	DW_OP_bra = 0x28,
	DW_OP_skip = 0x2f,
	DW_OP_breg0 = 0x70,
	DW_OP_breg31 = 0x8f,
	DW_OP_regx = 0x90,
	DW_OP_fbreg,
	DW_OP_bregx,
	DW_OP_piece,
	DW_OP_deref_size,
	DW_OP_xderef_size,
	DW_OP_nop,
	DW_OP_push_object_address,
	DW_OP_call2,
	DW_OP_call4,
	DW_OP_call_ref,
	DW_OP_form_tls_address,
	DW_OP_call_frame_cfa,
	DW_OP_bit_piece,
	DW_OP_implicit_value,
	DW_OP_stack_value,
	DW_OP_implicit_pointer,
	DW_OP_addrx,
	DW_OP_constx,
	DW_OP_entry_value,
	DW_OP_const_type,
	DW_OP_regval_type,
	DW_OP_deref_type,
	DW_OP_xderef_type,
	DW_OP_convert,
	DW_OP_reinterpret,
	DW_OP_GNU_push_tls_address = 0xe0,
	DW_OP_GNU_uninit = 0xf0,
	DW_OP_GNU_implicit_pointer = 0xf2,
	DW_OP_GNU_entry_value,
	DW_OP_GNU_const_type,
	DW_OP_GNU_regval_type,
	DW_OP_GNU_deref_type,
	DW_OP_GNU_convert,
	DW_OP_GNU_reinterpret = 0xf9,
	DW_OP_GNU_parameter_ref,
	DW_OP_GNU_addr_index,
	DW_OP_GNU_const_index,
	DW_OP_GNU_variable_value,
};

/* What a DIE says that stands for an expression (DW_TAG_dwarf_procedure), or has one. */
struct dwarf_expr_called {
	const struct dwarf_unit *unit;
	struct span expr;
	bool is_procedure;
};
/* What knows the DIEs that an expression names. */
struct dwarf_expr_dies {
	void *ctx;
	/* 0, or < 0 which is then the answer */
	int (*type)(void *ctx, uint64_t die, uint32_t *ret);
	/* likewise; -ENOTSUP: nothing stands for it */
	int (*variable)(void *ctx, uint64_t die, uint64_t *ret);
	/* its DW_AT_location: 1, 0 it has none, -ENOTSUP that is no expression */
	int (*called)(void *ctx, uint64_t die, struct dwarf_expr_called *ret);
};

/* Appends @expr in the form above to @out. 0; -EBADMSG malformed, -ENOTSUP it names what is not
 * here, -E2BIG too long, -ENOMEM, or what @dies answered; @out is then as before.
 * *@anywhere: turns false where the same bytes may mean something else in another unit. */
int turf_dwarf_expression(const struct dwarf *dw, const struct dwarf_unit *unit,
                          struct span expr, const struct dwarf_expr_dies *dies, struct buf *out,
                          bool *anywhere);

#endif
