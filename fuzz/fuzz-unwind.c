/* SPDX-License-Identifier: MIT */
/*
 * Walks over a hostile stack by hostile rules.
 *
 * The input is registers, rules, and a stack; images and the process table are this file's own,
 * so the rooms image and process are not linked. Whatever they say, a walk ends, within its
 * depth, reads nothing but what it was given, and each CFA lies above the one before unless a
 * signal came between.
 *
 * Corpus: fuzz/corpus/unwind/make.py writes the seeds.
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/walk.h"
#include "turf/unwind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_REGS = 17, N_ROWS = 8, N_RULES = 16, MAX_DEPTH = 64 };
enum { RBP = 6, RSP = 7, RIP = 16, CODE = 0x1000, STACK = 0x10000 };

/* A rule in the input: its expression lies at expr in the stack's bytes. */
struct in_rule {
	uint8_t kind, reg, expr, expr_size;
	int8_t offset;
};

struct in_row {
	struct in_rule cfa, return_address;
	uint8_t return_reg, signal_frame, n_saved, saved;
};

struct input {
	uint8_t valid[3];      /* registers that are not known */
	uint8_t value[N_REGS]; /* of 8 bytes of the stack, or small offsets into it */
	struct in_row rows[N_ROWS];
	struct in_rule rules[N_RULES];
	uint8_t rule_reg[N_RULES];
};

struct turf_image {
	struct input in;
	const uint8_t *stack;
	size_t stack_size;
};

static struct turf_image image; /* of the input at hand */

static struct turf_rule rule_of(const struct in_rule *in)
{
	struct turf_rule rule = {
		.kind = in->kind % 9, /* one kind that does not exist */
		.reg = in->reg,
		.offset = in->offset,
	};
	if (in->expr < image.stack_size) {
		size_t left = image.stack_size - in->expr;
		rule.expr = image.stack + in->expr;
		rule.expr_size = in->expr_size < left ? in->expr_size : left;
	}
	return rule;
}

/* Code lies in [CODE, 2 * CODE); three quarters of it in a module with an image. */
int turf_process_locate(struct turf_process *process, uint64_t pc, struct turf_location *out)
{
	(void)process;
	if (pc < CODE || pc >= 2 * CODE)
		return 0;
	*out = (struct turf_location){ .map_start = CODE, .map_end = 2 * CODE, .addr = pc };
	if (pc & 2)
		out->module = (struct turf_module *)&image;
	if (pc & 2 && pc & 4)
		out->image = &image;
	return 1;
}

int turf_image_find_unwind(const struct turf_image *from, uint64_t addr,
                           struct turf_unwind_row *out)
{
	const struct in_row *row = &from->in.rows[addr / 8 % N_ROWS];
	if (row->saved == 0xff)
		return row->n_saved & 1 ? -EBADMSG : 0;
	*out = (struct turf_unwind_row){
		.cfa = rule_of(&row->cfa),
		.return_address = rule_of(&row->return_address),
		.return_reg = row->return_reg,
		.signal_frame = row->signal_frame > 200,
		.guess = row->signal_frame < 16 && row->signal_frame & 1,
		.n_saved = row->n_saved,
		.saved = row->saved,
	};
	return 1;
}

int turf_unwind_saved(const struct turf_image *from, const struct turf_unwind_row *row,
                      size_t i, uint8_t *reg, struct turf_rule *rule)
{
	i += row->saved;
	if (i >= N_RULES)
		return -EBADMSG;
	*reg = from->in.rule_reg[i];
	*rule = rule_of(&from->in.rules[i]);
	return 1;
}

/* Short where the row is no more than such a step can say. */
int turf_image_find_step(const struct turf_image *from, uint64_t addr, struct walk_step *out)
{
	struct turf_unwind_row row;
	struct turf_rule fp = { 0 };
	uint8_t reg = RBP;
	int r = turf_image_find_unwind(from, addr, &row);
	if (r <= 0)
		return r;
	*out = (struct walk_step){ .how = URF_STEP_WHOLE };
	if (row.signal_frame || row.cfa.kind != TURF_RULE_REG_OFFSET || row.n_saved > 1 ||
	    row.return_address.kind != TURF_RULE_AT_CFA || row.return_address.offset != -8)
		return 1;
	if (row.n_saved && (turf_unwind_saved(from, &row, 0, &reg, &fp) < 0 || reg != RBP ||
	                    fp.kind != TURF_RULE_AT_CFA))
		return 1;
	*out = (struct walk_step){ .cfa_reg = row.cfa.reg,
		                   .how = URF_RETURN_TOP,
		                   .slot = fp.offset,
		                   .value = (uint32_t)row.cfa.offset };
	out->how |= row.n_saved ? URF_STEP_SAVED : 0;
	out->how |= row.guess ? URF_STEP_GUESS : 0;
	return 1;
}

int turf_image_find_symbol(const struct turf_image *from, uint64_t addr,
                           struct turf_symbol *out)
{
	(void)from;
	*out = (struct turf_symbol){ .name = 1 + (addr & 3) };
	return 1;
}

ssize_t turf_image_text(const struct turf_image *from, turf_text text, char *out, size_t size)
{
	static const char *const texts[] = { "", "f", "_start", "_start_of_another" };
	(void)from;
	return text < 4 ? snprintf(out, size, "%s", texts[text]) : -EBADMSG;
}

static struct turf_regs first_regs(void)
{
	const struct input *in = &image.in;
	struct turf_regs regs = { .machine = EM_X86_64, .valid = (1 << N_REGS) - 1 };
	uint32_t unknown = in->valid[0] | (uint32_t)in->valid[1] << 8;
	regs.valid &= ~(uint64_t)(unknown & ~(1U << RSP));
	for (unsigned i = 0; i < N_REGS; i++)
		regs.value[i] = STACK + in->value[i];
	regs.value[RIP] = CODE + in->value[RIP];
	return regs;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < sizeof(image.in))
		return 0;
	memcpy(&image.in, data, sizeof(image.in));
	image.stack = data + sizeof(image.in);
	image.stack_size = size - sizeof(image.in);
	struct turf_stack_copy copy = { STACK, image.stack_size, image.stack };
	struct turf_regs regs = first_regs();
	struct turf_unwind u;
	struct turf_unwind_frame frame;
	turf_unwind_begin(&u, NULL, &regs, turf_memory_copy(&copy), MAX_DEPTH);
	struct turf_unwind all = u; /* which is asked for the registers of each frame */
	struct turf_unwind_frame same;
	uint64_t last = 0;
	unsigned n = 0;
	for (; turf_unwind_next(&u, &frame) > 0; n++) {
		if (u.stop == TURF_STOP_NONE && !frame.signal_frame && frame.cfa < last)
			abort();
		last = frame.signal_frame ? 0 : frame.cfa;
		if (turf_unwind_next(&all, &same) != 1 || same.pc != frame.pc ||
		    (!u.stop && same.cfa != frame.cfa) || all.stop != u.stop)
			abort();
		if (turf_unwind_registers(&all, &regs) != 1 || regs.value[RIP] != frame.pc)
			abort();
	}
	if (n > MAX_DEPTH || n != u.depth || u.stop == TURF_STOP_NONE)
		abort();
	return 0;
}
