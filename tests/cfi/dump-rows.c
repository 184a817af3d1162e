/* SPDX-License-Identifier: MIT */
/*
 * dump-rows FILE [SECTION]: every FDE of .eh_frame (or SECTION, .debug_frame) and its rows, one
 * a line, for comparison with other people's readers:
 *
 *     fde 18 26000 26360 ra 16 signal 0
 *     row 26000 26006 cfa r7+16 16 c-8
 *
 * Rules: r7+16 register and offset (of the CFA), c-8 at CFA - 8, v-8 is CFA - 8, r5 in register
 * 5, u undefined, s same, e:HEX at the expression, x:HEX is the expression. Exit: 0, or 1 when
 * something could not be read ("bad ..." says what).
 */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "cfi/cfi.h"
#include "elf/elf.h"

static void print_expr(char kind, const struct turf_rule *rule)
{
	printf("%c:", kind);
	for (size_t i = 0; i < rule->expr_size; i++)
		printf("%02x", rule->expr[i]);
}

static void print_rule(const struct turf_rule *rule)
{
	switch (rule->kind) {
	case TURF_RULE_UNDEFINED:
		printf("u");
		break;
	case TURF_RULE_SAME:
		printf("s");
		break;
	case TURF_RULE_AT_CFA:
		printf("c%+d", rule->offset);
		break;
	case TURF_RULE_IS_CFA:
		printf("v%+d", rule->offset);
		break;
	case TURF_RULE_REGISTER:
		printf("r%u", rule->reg);
		break;
	case TURF_RULE_REG_OFFSET:
		printf("r%u%+d", rule->reg, rule->offset);
		break;
	case TURF_RULE_EXPRESSION:
		print_expr('e', rule);
		break;
	case TURF_RULE_VAL_EXPRESSION:
		print_expr('x', rule);
		break;
	default:
		printf("?");
	}
}

static void print_row(const struct cfi_row *row)
{
	printf("row %" PRIx64 " %" PRIx64 " cfa ", row->start, row->end);
	print_rule(&row->cfa);
	for (unsigned i = 0; i < CFI_MAX_REGS; i++) {
		if (!cfi_has(row, i))
			continue;
		printf(" %u ", i);
		print_rule(&row->reg[i]);
	}
	printf("\n");
}

static int print_rows(const struct cfi_fde *fde)
{
	static struct cfi_rows rows;
	struct turf_error err = { 0 };
	const struct cfi_row *row;
	int r = turf_cfi_rows(fde, &rows, &err);
	if (r == 0)
		while ((r = turf_cfi_next_row(&rows, &row, &err)) == 1)
			print_row(row);
	if (r < 0)
		printf("bad %s\n", err.text);
	return r;
}

static int print_section(const struct cfi_section *section)
{
	struct cfi_fdes walk;
	struct cfi_fde fde;
	int worst = 0, r;
	turf_cfi_fdes(section, &walk);
	do {
		struct turf_error err = { 0 };
		r = turf_cfi_next_fde(&walk, &fde, &err);
		if (r < 0)
			printf("bad %s\n", err.text);
		if (r == 1) {
			printf("fde %" PRIx64 " %" PRIx64 " %" PRIx64 " ra %u signal %d\n",
			       fde.off, fde.start, fde.end, fde.return_reg, fde.signal_frame);
			int rows = print_rows(&fde);
			worst = MIN(worst, rows);
		}
		worst = MIN(worst, r);
	} while (r != 0);
	return worst;
}

static uint64_t addr_of(const struct elf *elf, const char *name)
{
	struct elf_section section;
	return turf_elf_find_section(elf, name, &section, NULL) == 1 ? section.addr : 0;
}

static int dump(struct span file, const char *name, struct turf_error *err)
{
	struct elf elf;
	struct elf_section section;
	scoped(turf_elf_data_fini) struct elf_data data = { 0 };
	int r = turf_elf_open(file, &elf, err);
	if (r == 0)
		r = turf_elf_find_section(&elf, name, &section, err);
	if (r == 1)
		r = turf_elf_data(&elf, &section, &data, err);
	if (r < 0)
		return r;
	return print_section(&(struct cfi_section){
		.bytes = data.bytes,
		.addr = section.addr,
		.text = addr_of(&elf, ".text"),
		.data = addr_of(&elf, ".got"),
		.address_size = elf.is64 ? 8 : 4,
		.big = elf.big,
		.eh = strcmp(name, ".eh_frame") == 0,
		.machine = elf.machine,
	});
}

int main(int argc, char **argv)
{
	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: dump-rows FILE [SECTION]\n");
		return 2;
	}
	struct turf_error err = { 0 };
	struct mapping file = { 0 };
	scoped(closep) int fd = turf_open_read(argv[1], &err);
	int r = fd < 0 ? fd : turf_map_fd(fd, argv[1], &file, &err);
	if (r == 0)
		r = dump(file.bytes, argc == 3 ? argv[2] : ".eh_frame", &err);
	if (err.code)
		fprintf(stderr, "%s: %s\n", argv[1], err.text);
	turf_unmap(&file);
	return r < 0 ? 1 : 0;
}
