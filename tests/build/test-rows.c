/* SPDX-License-Identifier: MIT */
/*
 * Every pc of libc.so.6 and of this program: the urf gives the rule that the FDE gives. (That
 * the cfi room reads FDEs rightly is tests/cfi/oracle-frames.py's to show.)
 */
#include <elf.h>

#include "build/self.h"
#include "cfi/cfi.h"
#include "elf/elf.h"

static bool same_rule(const struct turf_rule *a, const struct turf_rule *b)
{
	bool expr = a->kind == TURF_RULE_EXPRESSION || a->kind == TURF_RULE_VAL_EXPRESSION;
	if (a->kind != b->kind)
		return false;
	if (expr)
		return a->expr_size == b->expr_size && !memcmp(a->expr, b->expr, a->expr_size);
	return a->offset == b->offset && a->reg == b->reg;
}

/* The same CFA, return address and registers, no more and no less. */
static bool same_row(const struct turf_image *image, const struct turf_unwind_row *have,
                     const struct cfi_fde *fde, const struct cfi_row *want)
{
	static const struct turf_rule same = { .kind = TURF_RULE_SAME };
	unsigned left = 0;
	for (unsigned i = 0; (i = cfi_next_reg(want, i)) < CFI_MAX_REGS; i++)
		left += i != fde->return_reg && want->reg[i].kind != TURF_RULE_SAME;
	const struct turf_rule *ra =
		cfi_has(want, fde->return_reg) ? &want->reg[fde->return_reg] : &same;
	if (!same_rule(&have->cfa, &want->cfa) || !same_rule(&have->return_address, ra) ||
	    have->signal_frame != fde->signal_frame || have->return_reg != fde->return_reg)
		return false;
	uint8_t reg;
	struct turf_rule rule;
	for (size_t i = 0; turf_unwind_saved(image, have, i, &reg, &rule) == 1; i++) {
		if (!cfi_has(want, reg) || !same_rule(&rule, &want->reg[reg]))
			return false;
		left--; /* each is told once: they come in order */
	}
	return left == 0;
}

/* All pcs of one FDE; how many there were. */
static uint64_t check_fde(const struct turf_image *image, const struct cfi_fde *fde)
{
	struct cfi_rows rows;
	const struct cfi_row *row;
	uint64_t n = 0;
	ck_assert_int_eq(turf_cfi_rows(fde, &rows, NULL), 0);
	while (turf_cfi_next_row(&rows, &row, NULL) == 1) {
		for (uint64_t pc = row->start; pc < row->end; pc++, n++) {
			struct turf_unwind_row have;
			int r = turf_image_find_unwind(image, pc, &have);
			if (r != 1 || !same_row(image, &have, fde, row))
				ck_abort_msg("pc %#lx: another rule, %d", (unsigned long)pc, r);
		}
	}
	return n;
}

static void check_file(const char *path, uint64_t at_least)
{
	struct turf_error err = { 0 };
	struct mapping map;
	struct elf elf;
	struct elf_section section;
	struct elf_data data;
	scoped(closep) int fd = turf_open_read(path, &err);
	scoped(closep) int out = temp_file();
	ck_assert_msg(fd >= 0 && build_of(fd, 2, out, &err) == 0, "%s", err.text);
	struct turf_image *image = open_urf(out);
	ck_assert_int_eq(turf_map_fd(fd, path, &map, NULL), 0);
	ck_assert_int_eq(turf_elf_open(map.bytes, &elf, NULL), 0);
	ck_assert_int_eq(turf_elf_find_section(&elf, ".eh_frame", &section, NULL), 1);
	ck_assert_int_eq(turf_elf_data(&elf, &section, &data, NULL), 0);
	struct cfi_section cfi = { .bytes = data.bytes,
		                   .addr = section.addr,
		                   .address_size = 8,
		                   .eh = true,
		                   .machine = elf.machine };
	struct cfi_fdes walk;
	struct cfi_fde fde;
	uint64_t n = 0;
	turf_cfi_fdes(&cfi, &walk);
	while (turf_cfi_next_fde(&walk, &fde, NULL) == 1)
		n += check_fde(image, &fde);
	ck_assert_uint_ge(n, at_least);
	turf_elf_data_fini(&data);
	turf_unmap(&map);
	turf_image_close(image);
}

START_TEST(every_pc_of_this_program)
{
	check_file("/proc/self/exe", 1000);
}
END_TEST

START_TEST(every_pc_of_libc)
{
	check_file("/lib/x86_64-linux-gnu/libc.so.6", 1000000);
}
END_TEST

TESTS("build/rows", every_pc_of_this_program, every_pc_of_libc)
