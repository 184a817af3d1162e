/* SPDX-License-Identifier: MIT */
/*
 * Call frame information: .eh_frame and .debug_frame -> unwind rows.
 *
 * In:     the section's bytes and the addresses that its pointers are relative to
 * Out:    FDEs, and for each its rows, in order of address, gapless from start to end
 * Cost:   one pass; no allocation
 * Trust:  none; a malformed FDE is told (-EBADMSG) and the walk can go on behind it
 * Source: DWARF 5 section 6.4; LSB 5 Core section 10.6 (.eh_frame, augmentation, pointer
 * encoding)
 */
#ifndef CFI_CFI_H
#define CFI_CFI_H

#include "base/cursor.h"
#include "turf/image.h"

/* Registers of the machines known: ppc64 has its return address in 65, aarch64 its vector
 * registers up to 95. Numbers above (arm's: 256 and up) are left out. */
enum { CFI_MAX_REGS = 128, CFI_STATES = 16 };

struct cfi_section {
	struct span bytes;
	uint64_t addr;        /* sh_addr, for DW_EH_PE_pcrel */
	uint64_t text, data;  /* for DW_EH_PE_textrel, DW_EH_PE_datarel */
	uint8_t address_size; /* 4 or 8 */
	bool big;
	bool eh;          /* .eh_frame; else .debug_frame */
	uint16_t machine; /* EM_*: knows the vendor opcodes (aarch64: negate_ra_state) */
};

struct cfi_fde {
	uint64_t off;        /* of the FDE in the section */
	uint64_t start, end; /* link-time addresses it covers */
	uint8_t return_reg;
	bool signal_frame;
	/* private: */
	struct span cie_program, program;
	uint64_t program_addr; /* of the program's first byte, for DW_CFA_set_loc */
	uint64_t text, data;
	uint64_t code_align;
	int64_t data_align;
	uint8_t encoding, address_size;
	bool big;
	uint16_t machine;
};

/* A walk over a section's FDEs. */
struct cfi_fdes {
	struct cfi_section section;
	uint64_t off; /* of the next entry */
};

void turf_cfi_fdes(const struct cfi_section *section, struct cfi_fdes *walk);
/*
 * 1 an FDE; 0 the end (a zero terminator in the middle of a joined .eh_frame is stepped over);
 * -EBADMSG/-ENOTSUP this entry cannot be read: @err says where and why; call again to go on
 * behind it (a length that leaves the section ends the walk: the next call gives 0).
 * FDEs of dead code are told as they are where they start at 0, and stepped over where a linker
 * marked them with the highest address or the one below it.
 */
int turf_cfi_next_fde(struct cfi_fdes *walk, struct cfi_fde *ret, struct turf_error *err);

/*
 * One row: rules of all registers over [start, end). Rules as in turf/image.h; expressions
 * point into the section. On aarch64, register 34 (RA_SIGN_STATE) is told as the expression
 * DW_OP_lit0 or DW_OP_lit1, which then points at constants.
 */
struct cfi_row {
	uint64_t start, end;
	struct turf_rule cfa; /* REG_OFFSET, EXPRESSION; UNDEFINED before any def_cfa */
	uint64_t has[CFI_MAX_REGS / 64]; /* bit i: reg[i] has a rule; others keep their value */
	struct turf_rule reg[CFI_MAX_REGS]; /* by DWARF number; higher ones are left out */
};

static inline bool cfi_has(const struct cfi_row *row, uint64_t reg)
{
	return reg < CFI_MAX_REGS && row->has[reg / 64] >> reg % 64 & 1;
}

/* The first register from @reg on that has a rule, or CFI_MAX_REGS. */
static inline unsigned cfi_next_reg(const struct cfi_row *row, unsigned reg)
{
	while (reg < CFI_MAX_REGS) {
		uint64_t left = row->has[reg / 64] >> reg % 64;
		if (left)
			return reg + (unsigned)__builtin_ctzll(left);
		reg = (reg / 64 + 1) * 64;
	}
	return CFI_MAX_REGS;
}

struct cfi_rows {
	struct cfi_fde fde;
	struct cursor at;
	struct cfi_row row, initial;
	struct cfi_row saved[CFI_STATES]; /* DW_CFA_remember_state */
	unsigned n_saved;
	uint64_t loc;
	bool done;
};

/*
 * Runs the CIE's program; 0 or < 0. Of @rows only what has a meaning is written: reg[i] only
 * where has[] says so.
 */
int turf_cfi_rows(const struct cfi_fde *fde, struct cfi_rows *rows, struct turf_error *err);
/*
 * 1 @ret points at the row (valid until the next call), 0 end, < 0 (and 0 from then on). Empty
 * rows are not told; what lies behind the FDE's end is cut off.
 * -EBADMSG malformed; -ENOTSUP an opcode we do not know, -E2BIG more than CFI_STATES
 * remembered, or an offset of more than 31 bits
 */
int turf_cfi_next_row(struct cfi_rows *rows, const struct cfi_row **ret,
                      struct turf_error *err);

#endif
