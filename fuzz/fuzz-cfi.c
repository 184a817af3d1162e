/* SPDX-License-Identifier: MIT */
/*
 * A section of call frame information: every FDE, every row. Rows must be gapless and lie
 * inside their FDE, expressions inside the section.
 *
 * Input:  one byte that says how to read the rest, a section: 1 .eh_frame (else .debug_frame),
 *         2 big-endian, 4 addresses of 4 bytes, 8 aarch64, 16 sparc (else x86-64)
 * Corpus: fuzz/corpus/cfi/, that byte and then
 *     rows            .eh_frame of src/cfi/rows.c: gcc -O2 -shared -fPIC
 *     cxx, aarch64    .eh_frame of a C++ function that throws: g++ -c, clang
 * --target=aarch64-linux debug-frame     .debug_frame of a C function: gcc -g
 * -fno-asynchronous-unwind-tables -c ppc32           as debug-frame, clang -gdwarf-4
 * --target=powerpc-linux signed          .eh_frame, clang --target=aarch64-linux
 * -mbranch-protection=standard
 */
#include <elf.h>

#include "cfi/cfi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_rule(const struct turf_rule *rule, struct span section)
{
	require(rule->kind <= TURF_RULE_REG_OFFSET);
	bool inside = rule->expr >= section.at && rule->expr_size <= section.size &&
	              rule->expr <= section.at + section.size - rule->expr_size;
	bool expr =
		rule->kind == TURF_RULE_EXPRESSION || rule->kind == TURF_RULE_VAL_EXPRESSION;
	/* one byte: a constant of ours may stand for aarch64's RA_SIGN_STATE */
	require(expr ? inside || rule->expr_size == 1 : rule->expr_size == 0);
}

static void check_rows(const struct cfi_fde *fde, struct span section)
{
	struct cfi_rows rows;
	const struct cfi_row *row;
	struct turf_error err = { 0 };
	uint64_t at = fde->start;
	require(fde->start <= fde->end);
	int r = turf_cfi_rows(fde, &rows, &err);
	if (r == 0)
		while ((r = turf_cfi_next_row(&rows, &row, &err)) == 1) {
			require(row->start == at && row->start < row->end &&
			        row->end <= fde->end);
			at = row->end;
			check_rule(&row->cfa, section);
			for (unsigned i = 0; i < CFI_MAX_REGS; i++)
				if (cfi_has(row, i))
					check_rule(&row->reg[i], section);
		}
	require(r <= 0 && (r < 0) == (err.code < 0));
	require(r < 0 || at == fde->end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	struct cfi_section section = {
		.bytes = { data + 1, size - 1 },
		.addr = 0x400000,
		.text = 0x1000,
		.data = 0x2000,
		.address_size = data[0] & 4 ? 4 : 8,
		.big = data[0] & 2,
		.eh = data[0] & 1,
		.machine = data[0] & 8    ? EM_AARCH64
		           : data[0] & 16 ? EM_SPARCV9
		                          : EM_X86_64,
	};
	struct cfi_fdes walk;
	struct cfi_fde fde;
	turf_cfi_fdes(&section, &walk);
	uint64_t at = 0;
	for (int r; (r = turf_cfi_next_fde(&walk, &fde, NULL)) != 0; at = walk.off) {
		require(walk.off > at && walk.off <= section.bytes.size);
		if (r == 1)
			check_rows(&fde, section.bytes);
	}
	return 0;
}
