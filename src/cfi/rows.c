/* SPDX-License-Identifier: MIT */
/*
 * Running a call frame program: one row at a time, in place.
 *
 * There is one row that the program changes; a row is told at the moment the program moves on
 * to a higher address, before anything changes it. Copies are made for DW_CFA_remember_state
 * and for the state that DW_CFA_restore goes back to, and only of registers that have a rule.
 *
 * Source: DWARF 5 section 6.4.2 (instructions), 6.4.3 (use), 7.24 (encoding); DWARF for the
 * Arm 64-bit Architecture (DW_CFA_AARCH64_negate_ra_state); vendor opcodes as gcc emits them
 */
#include <elf.h>
#include <inttypes.h>

#include "cfi/read.h"

/* Those three hold an operand in their low six bits. */
enum {
	CFA_ADVANCE_LOC = 0x40,
	CFA_OFFSET = 0x80,
	CFA_RESTORE = 0xc0,
	CFA_HIGH = 0xc0,
	CFA_LOW = 0x3f,
};

enum {
	CFA_NOP = 0x00,
	CFA_SET_LOC = 0x01,
	CFA_ADVANCE_LOC1 = 0x02,
	CFA_ADVANCE_LOC2 = 0x03,
	CFA_ADVANCE_LOC4 = 0x04,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REGISTER = 0x09,
	CFA_REMEMBER_STATE = 0x0a,
	CFA_RESTORE_STATE = 0x0b,
	CFA_DEF_CFA = 0x0c,
	CFA_DEF_CFA_REGISTER = 0x0d,
	CFA_DEF_CFA_OFFSET = 0x0e,
	CFA_DEF_CFA_EXPRESSION = 0x0f,
	CFA_EXPRESSION = 0x10,
	CFA_OFFSET_EXTENDED_SF = 0x11,
	CFA_DEF_CFA_SF = 0x12,
	CFA_DEF_CFA_OFFSET_SF = 0x13,
	CFA_VAL_OFFSET = 0x14,
	CFA_VAL_OFFSET_SF = 0x15,
	CFA_VAL_EXPRESSION = 0x16,
	CFA_MIPS_ADVANCE_LOC8 = 0x1d,
	CFA_WINDOW_SAVE = 0x2d, /* sparc; aarch64: negate_ra_state */
	CFA_ARGS_SIZE = 0x2e,
	CFA_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

enum { AARCH64_RA_SIGN_STATE = 34 };
static const uint8_t LIT0[] = { 0x30 }, LIT1[] = { 0x31 }; /* DW_OP_lit0, DW_OP_lit1 */

static int malformed(const struct cfi_rows *rows, const char *why, struct turf_error *err)
{
	return turf_fail(err, -EBADMSG, rows->fde.off,
	                 "FDE at 0x%" PRIx64 ", row of 0x%" PRIx64 ": %s", rows->fde.off,
	                 rows->loc, why);
}

static int too_big(const struct cfi_rows *rows, const char *what, struct turf_error *err)
{
	return turf_fail(err, -E2BIG, rows->fde.off,
	                 "FDE at 0x%" PRIx64 ", row of 0x%" PRIx64 ": %s", rows->fde.off,
	                 rows->loc, what);
}

/* Copies what has a meaning: the CFA and the registers with a rule. */
static void copy_rules(struct cfi_row *to, const struct cfi_row *from)
{
	to->cfa = from->cfa;
	memcpy(to->has, from->has, sizeof(to->has));
	for (unsigned i = 0; (i = cfi_next_reg(from, i)) < CFI_MAX_REGS; i++)
		to->reg[i] = from->reg[i];
}

/* Registers that we keep no rule for are read and left out. */
static void set_reg(struct cfi_rows *rows, uint64_t reg, struct turf_rule rule)
{
	if (reg >= CFI_MAX_REGS)
		return;
	rows->row.reg[reg] = rule;
	rows->row.has[reg / 64] |= (uint64_t)1 << reg % 64;
}

/* Back to the rule that the CIE's program gave. */
static void restore_reg(struct cfi_rows *rows, uint64_t reg)
{
	if (reg >= CFI_MAX_REGS)
		return;
	uint64_t bit = (uint64_t)1 << reg % 64, initial = rows->initial.has[reg / 64] & bit;
	if (initial)
		rows->row.reg[reg] = rows->initial.reg[reg];
	rows->row.has[reg / 64] = (rows->row.has[reg / 64] & ~bit) | initial;
}

static int set_offset(struct cfi_rows *rows, uint8_t kind, uint64_t reg, int64_t factor,
                      struct turf_error *err)
{
	int32_t offset;
	if (__builtin_mul_overflow(factor, rows->fde.data_align, &offset))
		return too_big(rows, "a register's offset exceeds 31 bits", err);
	set_reg(rows, reg, (struct turf_rule){ .kind = kind, .offset = offset });
	return 0;
}

/* An unsigned factor: beyond 63 bits it is out of range whatever it is multiplied with. */
static int set_uoffset(struct cfi_rows *rows, uint8_t kind, uint64_t reg, uint64_t factor,
                       struct turf_error *err)
{
	return set_offset(rows, kind, reg, factor > INT64_MAX ? INT64_MAX : (int64_t)factor,
	                  err);
}

static int set_cfa(struct cfi_rows *rows, uint64_t reg, int64_t offset, struct turf_error *err)
{
	if (reg > UINT8_MAX)
		return too_big(rows, "the CFA's register has a number above 255", err);
	if (offset != (int32_t)offset)
		return too_big(rows, "the CFA's offset exceeds 31 bits", err);
	rows->row.cfa = (struct turf_rule){ .kind = TURF_RULE_REG_OFFSET,
		                            .reg = (uint8_t)reg,
		                            .offset = (int32_t)offset };
	return 0;
}

static int set_ucfa(struct cfi_rows *rows, uint64_t reg, uint64_t offset,
                    struct turf_error *err)
{
	return set_cfa(rows, reg, offset > INT64_MAX ? INT64_MAX : (int64_t)offset, err);
}

static int set_cfa_factored(struct cfi_rows *rows, uint64_t reg, int64_t factor,
                            struct turf_error *err)
{
	int64_t offset;
	if (__builtin_mul_overflow(factor, rows->fde.data_align, &offset))
		offset = INT64_MAX;
	return set_cfa(rows, reg, offset, err);
}

/*
 * The instructions that change half of a register + offset rule need one. Before any rule, a
 * register alone is taken with offset 0: clang's CIEs for mips begin like that.
 */
static int need_cfa(const struct cfi_rows *rows, struct turf_error *err)
{
	if (rows->row.cfa.kind == TURF_RULE_REG_OFFSET)
		return 0;
	return malformed(rows, "changes a CFA that is no register + offset", err);
}

static struct turf_rule expression(struct cfi_rows *rows, uint8_t kind)
{
	uint64_t size = cur_uleb(&rows->at);
	const uint8_t *expr = cur_take(&rows->at, size);
	return (struct turf_rule){ .kind = kind, .expr = expr, .expr_size = expr ? size : 0 };
}

static int set_copy(struct cfi_rows *rows, uint64_t reg, uint64_t source,
                    struct turf_error *err)
{
	if (source > UINT8_MAX)
		return too_big(rows, "a register is kept in one numbered above 255", err);
	set_reg(rows, reg,
	        (struct turf_rule){ .kind = TURF_RULE_REGISTER, .reg = (uint8_t)source });
	return 0;
}

static int remember(struct cfi_rows *rows, struct turf_error *err)
{
	if (rows->n_saved == CFI_STATES)
		return too_big(rows, "more than 16 states are remembered", err);
	copy_rules(&rows->saved[rows->n_saved++], &rows->row);
	return 0;
}

static int restore(struct cfi_rows *rows, struct turf_error *err)
{
	if (rows->n_saved == 0)
		return malformed(rows, "restores a state that was not remembered", err);
	copy_rules(&rows->row, &rows->saved[--rows->n_saved]);
	return 0;
}

static void negate_ra_state(struct cfi_rows *rows)
{
	bool was_signed = cfi_has(&rows->row, AARCH64_RA_SIGN_STATE) &&
	                  rows->row.reg[AARCH64_RA_SIGN_STATE].expr == LIT1;
	set_reg(rows, AARCH64_RA_SIGN_STATE,
	        (struct turf_rule){ .kind = TURF_RULE_VAL_EXPRESSION,
	                            .expr = was_signed ? LIT0 : LIT1,
	                            .expr_size = 1 });
}

/* sparc: locals and ins, %l0 to %i7, are saved one after the other at the CFA. */
static void save_window(struct cfi_rows *rows)
{
	for (int i = 0; i < 16; i++)
		set_reg(rows, 16 + (uint64_t)i,
		        (struct turf_rule){ .kind = TURF_RULE_AT_CFA,
		                            .offset = i * rows->fde.address_size });
}

static int window_save(struct cfi_rows *rows, struct turf_error *err)
{
	switch (rows->fde.machine) {
	case EM_AARCH64:
		negate_ra_state(rows);
		return 0;
	case EM_SPARC:
	case EM_SPARC32PLUS:
	case EM_SPARCV9:
		save_window(rows);
		return 0;
	default:
		return turf_fail(err, -ENOTSUP, rows->fde.off,
		                 "FDE at 0x%" PRIx64
		                 ": opcode 0x2d means nothing on machine %u",
		                 rows->fde.off, rows->fde.machine);
	}
}

/* An instruction that does not move: 0 or < 0. Operands that do not fit turn rows->at bad. */
static int run_rule(struct cfi_rows *rows, uint8_t op, struct turf_error *err)
{
	struct cursor *c = &rows->at;
	uint64_t reg, value;
	int64_t factor;
	int r;
	switch (op) {
	case CFA_NOP:
		return 0;
	case CFA_OFFSET_EXTENDED:
		reg = cur_uleb(c);
		return set_uoffset(rows, TURF_RULE_AT_CFA, reg, cur_uleb(c), err);
	case CFA_OFFSET_EXTENDED_SF:
		reg = cur_uleb(c);
		return set_offset(rows, TURF_RULE_AT_CFA, reg, cur_sleb(c), err);
	case CFA_NEGATIVE_OFFSET_EXTENDED:
		reg = cur_uleb(c);
		value = cur_uleb(c);
		return set_offset(rows, TURF_RULE_AT_CFA, reg,
		                  value > INT64_MAX ? INT64_MIN : -(int64_t)value, err);
	case CFA_VAL_OFFSET:
		reg = cur_uleb(c);
		return set_uoffset(rows, TURF_RULE_IS_CFA, reg, cur_uleb(c), err);
	case CFA_VAL_OFFSET_SF:
		reg = cur_uleb(c);
		return set_offset(rows, TURF_RULE_IS_CFA, reg, cur_sleb(c), err);
	case CFA_RESTORE_EXTENDED:
		restore_reg(rows, cur_uleb(c));
		return 0;
	case CFA_UNDEFINED:
		set_reg(rows, cur_uleb(c), (struct turf_rule){ .kind = TURF_RULE_UNDEFINED });
		return 0;
	case CFA_SAME_VALUE:
		set_reg(rows, cur_uleb(c), (struct turf_rule){ .kind = TURF_RULE_SAME });
		return 0;
	case CFA_REGISTER:
		reg = cur_uleb(c);
		return set_copy(rows, reg, cur_uleb(c), err);
	case CFA_EXPRESSION:
		reg = cur_uleb(c);
		set_reg(rows, reg, expression(rows, TURF_RULE_EXPRESSION));
		return 0;
	case CFA_VAL_EXPRESSION:
		reg = cur_uleb(c);
		set_reg(rows, reg, expression(rows, TURF_RULE_VAL_EXPRESSION));
		return 0;
	case CFA_REMEMBER_STATE:
		return remember(rows, err);
	case CFA_RESTORE_STATE:
		return restore(rows, err);
	case CFA_DEF_CFA:
		reg = cur_uleb(c);
		return set_ucfa(rows, reg, cur_uleb(c), err);
	case CFA_DEF_CFA_SF:
		reg = cur_uleb(c);
		return set_cfa_factored(rows, reg, cur_sleb(c), err);
	case CFA_DEF_CFA_REGISTER:
		reg = cur_uleb(c);
		r = rows->row.cfa.kind == TURF_RULE_UNDEFINED ? 0 : need_cfa(rows, err);
		return r < 0 ? r : set_cfa(rows, reg, rows->row.cfa.offset, err);
	case CFA_DEF_CFA_OFFSET:
		value = cur_uleb(c);
		r = need_cfa(rows, err);
		return r < 0 ? r : set_ucfa(rows, rows->row.cfa.reg, value, err);
	case CFA_DEF_CFA_OFFSET_SF:
		factor = cur_sleb(c);
		r = need_cfa(rows, err);
		return r < 0 ? r : set_cfa_factored(rows, rows->row.cfa.reg, factor, err);
	case CFA_DEF_CFA_EXPRESSION:
		rows->row.cfa = expression(rows, TURF_RULE_EXPRESSION);
		return 0;
	case CFA_ARGS_SIZE: /* tells exception handlers about pushed arguments: not needed */
		cur_uleb(c);
		return 0;
	case CFA_WINDOW_SAVE:
		return window_save(rows, err);
	default:
		return turf_fail(err, -ENOTSUP, rows->fde.off,
		                 "FDE at 0x%" PRIx64 ": opcode 0x%02x is unknown",
		                 rows->fde.off, op);
	}
}

/* An instruction of either sort that does not move. */
static int run_any_rule(struct cfi_rows *rows, uint8_t op, struct turf_error *err)
{
	switch (op & CFA_HIGH) {
	case CFA_OFFSET:
		return set_uoffset(rows, TURF_RULE_AT_CFA, op & CFA_LOW, cur_uleb(&rows->at),
		                   err);
	case CFA_RESTORE:
		restore_reg(rows, op & CFA_LOW);
		return 0;
	default:
		return run_rule(rows, op, err);
	}
}

/* Whether @op moves on; if so, by how many code_align units, or to which location. */
static bool reads_advance(struct cfi_rows *rows, uint8_t op, uint64_t *delta, bool *absolute)
{
	*absolute = false;
	if ((op & CFA_HIGH) == CFA_ADVANCE_LOC) {
		*delta = op & CFA_LOW;
		return true;
	}
	switch (op) {
	case CFA_ADVANCE_LOC1:
		*delta = cur_u8(&rows->at);
		return true;
	case CFA_ADVANCE_LOC2:
		*delta = cur_u16(&rows->at);
		return true;
	case CFA_ADVANCE_LOC4:
		*delta = cur_u32(&rows->at);
		return true;
	case CFA_MIPS_ADVANCE_LOC8:
		*delta = cur_u64(&rows->at);
		return true;
	case CFA_SET_LOC:
		*delta = turf_cfi_read_location(&rows->fde, &rows->at);
		*absolute = true;
		return true;
	default:
		return false;
	}
}

/* Where a move leads; a sum that does not fit lies behind the FDE's end like any other. */
static uint64_t destination(const struct cfi_rows *rows, uint64_t delta, bool absolute)
{
	if (absolute)
		return delta;
	uint64_t to;
	if (__builtin_mul_overflow(delta, rows->fde.code_align, &delta) ||
	    __builtin_add_overflow(rows->loc, delta, &to))
		return UINT64_MAX;
	return to;
}

int turf_cfi_rows(const struct cfi_fde *fde, struct cfi_rows *rows, struct turf_error *err)
{
	rows->fde = *fde;
	rows->at = cur_of(fde->cie_program, fde->big);
	rows->row.cfa = (struct turf_rule){ .kind = TURF_RULE_UNDEFINED };
	memset(rows->row.has, 0, sizeof(rows->row.has));
	memset(rows->initial.has, 0, sizeof(rows->initial.has));
	rows->n_saved = 0;
	rows->loc = fde->start;
	rows->done = true;
	while (cur_left(&rows->at)) {
		uint8_t op = cur_u8(&rows->at);
		uint64_t delta;
		bool absolute;
		if (reads_advance(rows, op, &delta, &absolute))
			return malformed(rows, "its CIE's program moves", err);
		int r = run_any_rule(rows, op, err);
		if (rows->at.bad)
			return malformed(rows, "its CIE's program ends too early", err);
		if (r < 0)
			return r;
	}
	copy_rules(&rows->initial, &rows->row);
	rows->at = cur_of(fde->program, fde->big);
	rows->done = fde->start >= fde->end;
	return 0;
}

static int tell(struct cfi_rows *rows, uint64_t to, const struct cfi_row **ret)
{
	rows->done = to >= rows->fde.end;
	rows->row.start = rows->loc;
	rows->row.end = rows->loc = rows->done ? rows->fde.end : to;
	*ret = &rows->row;
	return 1;
}

static int run_to_next_row(struct cfi_rows *rows, const struct cfi_row **ret,
                           struct turf_error *err)
{
	while (cur_left(&rows->at)) {
		uint8_t op = cur_u8(&rows->at);
		uint64_t delta;
		bool absolute;
		bool moves = reads_advance(rows, op, &delta, &absolute);
		int r = moves ? 0 : run_any_rule(rows, op, err);
		if (rows->at.bad)
			return malformed(rows, "the program ends too early", err);
		if (r < 0)
			return r;
		if (!moves)
			continue;
		uint64_t to = destination(rows, delta, absolute);
		if (to < rows->loc)
			return malformed(rows, "the program moves back", err);
		if (to > rows->loc)
			return tell(rows, to, ret);
	}
	return tell(rows, rows->fde.end, ret);
}

int turf_cfi_next_row(struct cfi_rows *rows, const struct cfi_row **ret, struct turf_error *err)
{
	if (rows->done)
		return 0;
	int r = run_to_next_row(rows, ret, err);
	if (r < 0)
		rows->done = true;
	return r;
}
