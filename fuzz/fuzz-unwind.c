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
#include <inttypes.h>
#include <stdio.h>

#include "base/base.h"
#include "fuzz/driver.h"
#include "tests/unwind/short.h"
#include "turf/unwind.h"

enum { N_REGS = 17, N_ROWS = 8, N_RULES = 16, MAX_DEPTH = 64 };
enum { RBP = 6, RSP = 7, RIP = 16, CODE = 0x1000, STACK = 0x10000 };

/* Where things lie, so that sums wrap: in input.place. */
enum {
	PLACE_STACK =
		3, /* at STACK, at 0, to the end of memory, to the end of the user's part */
	PLACE_CODE = 4,  /* last in memory */
	PLACE_WILD = 8,  /* registers point anywhere */
	PLACE_LOST = 16, /* so does the pc */
};

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
	uint8_t valid[2]; /* registers that are not known */
	uint8_t place;
	uint8_t value[N_REGS]; /* offsets into the stack, of pc into the code */
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

static uint64_t stack_start(void)
{
	const uint64_t starts[] = { STACK, 0, 0 - (uint64_t)image.stack_size,
		                    0x7ffffffff000 - image.stack_size };
	return starts[image.in.place & PLACE_STACK];
}

static uint64_t code_start(void)
{
	return image.in.place & PLACE_CODE ? 0 - 2 * (uint64_t)CODE : CODE;
}

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

/* There are CODE bytes of code; half of it is in a module, half of that has an image. */
int turf_process_locate(struct turf_process *process, uint64_t pc, struct turf_location *out)
{
	(void)process;
	uint64_t start = code_start();
	if (pc < start || pc - start >= CODE)
		return 0;
	*out = (struct turf_location){ .map_start = start,
		                       .map_end = start + CODE,
		                       .addr = pc };
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
		regs.value[i] = in->place & PLACE_WILD
		                        ? in->value[i] * UINT64_C(0x101010101010101)
		                        : stack_start() + in->value[i];
	if (!(in->place & PLACE_LOST))
		regs.value[RIP] = code_start() + in->value[RIP];
	return regs;
}

/* What became of all walks. */
static struct {
	uint64_t n, frames, signals, stops[TURF_STOP_DEPTH + 1];
} told;

void fuzz_tell(void)
{
	printf("# %" PRIu64 " walks, %" PRIu64 " frames, %" PRIu64 " signals\n", told.n,
	       told.frames, told.signals);
	for (unsigned i = TURF_STOP_END; i < COUNT(told.stops); i++)
		printf("# %12" PRIu64 " %s\n", told.stops[i], turf_stop_name(i));
}

/* A word that a hostile stack may hold: where a pointer to it can lead, or nowhere. */
static uint64_t hostile_word(uint64_t random)
{
	uint64_t low = random >> 8 & 0xff, far = random >> 16;
	switch (random & 7) {
	case 0:
	case 1: /* into the stack, mostly aligned */
		return stack_start() + (random & 8 ? low : low & ~7u);
	case 2: /* about its end */
		return stack_start() + image.stack_size + low % 32 - 16;
	case 3:
	case 4: /* where code with rows is */
		return code_start() + (far % CODE | 7);
	case 5:
		return code_start() + low;
	case 6: /* about the ends of memory */
		return random & 8 ? low % 16 : 0 - low % 16;
	default:
		return random & 8 ? 0 : far << 8 | low;
	}
}

/* Frames of two words, each a frame pointer to the next and a return address: all is well. */
static void put_frames(uint8_t *stack, uint64_t random)
{
	for (size_t at = 0; at + 16 <= image.stack_size; at += 16, random = random * 5 + 7) {
		const uint64_t frame[] = { stack_start() + at + 16,
			                   code_start() + (random >> 32) % CODE / 8 * 8 + 7 };
		memcpy(stack + at, frame, sizeof(frame));
	}
}

/* The stack is as it should be, grows, shrinks, or gets a word, maybe of DWARF operations. */
static size_t bend_stack(uint8_t *data, size_t size, size_t most, uint64_t random)
{
	enum { HEAD = sizeof(struct input), STACK_MOST = 512 };
	most = MIN(most, HEAD + STACK_MOST);
	if (random % 4 == 0) {
		size_t to = HEAD + (random >> 8) % (most - HEAD + 1);
		if (to > size)
			memset(data + size, 0, to - size);
		size = to;
	}
	if (size < HEAD + 8)
		return size;
	memcpy(&image.in, data, sizeof(image.in));
	image.stack_size = size - HEAD;
	if (random % 4 == 1) {
		put_frames(data + HEAD, random >> 8);
		return size;
	}
	uint64_t word = random & 16 ? hostile_word(random >> 8) : random >> 8;
	size_t at = (random >> 40) % (size - HEAD - 7);
	memcpy(data + HEAD + (random & 32 ? at & ~(size_t)7 : at), &word, sizeof(word));
	return size;
}

static struct in_row usual_row(uint8_t random)
{
	return (struct in_row){
		.cfa = { .kind = TURF_RULE_REG_OFFSET,
		         .reg = random % 16 ? RSP : RBP,
		         .offset = random % 32 ? 16 : 8 },
		.return_address = { .kind = TURF_RULE_AT_CFA, .offset = -8 },
		.return_reg = RIP,
	};
}

/* One place of an input becomes another: of eight times, the stack's five. */
size_t fuzz_bend(uint8_t *data, size_t size, size_t most, uint64_t random)
{
	struct input *in = (struct input *)data; /* bytes all */
	uint8_t byte = (uint8_t)(random >> 8);
	size_t a = (random >> 16) % N_ROWS, b = (random >> 24) % N_ROWS;
	if (size < sizeof(*in))
		return size;
	switch (random & 7) {
	case 0: /* rows become ones that work, one another's, or have a byte changed */
		if (random & 8)
			for (size_t i = 0; i < N_ROWS; i++)
				in->rows[i] = usual_row((uint8_t)(random >> 8 >> 6 * i));
		else if (random & 16)
			in->rows[a] = in->rows[b];
		else
			((uint8_t *)&in->rows[a])[(random >> 32) % sizeof(in->rows[a])] = byte;
		return size;
	case 1: /* rules of saved registers */
		in->rule_reg[(random >> 32) % N_RULES] = byte % (N_REGS + 1);
		((uint8_t *)in->rules)[(random >> 40) % sizeof(in->rules)] = byte;
		return size;
	case 2: /* registers, and where all lies */
		if (random & 8)
			in->value[(random >> 32) % N_REGS] = byte;
		else if (random & 16)
			in->place = byte & 31 & (uint8_t)(random >> 32);
		else
			in->valid[random >> 32 & 1] = byte & (uint8_t)(random >> 40);
		return size;
	default:
		return bend_stack(data, size, most, random >> 3);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < sizeof(image.in))
		return 0;
	memcpy(&image.in, data, sizeof(image.in));
	image.stack = data + sizeof(image.in);
	image.stack_size = size - sizeof(image.in);
	struct turf_stack_copy copy = { stack_start(), image.stack_size, image.stack };
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
		told.signals += frame.signal_frame;
		if (turf_unwind_next(&all, &same) != 1 || same.pc != frame.pc ||
		    (!u.stop && same.cfa != frame.cfa) || all.stop != u.stop)
			abort();
		if (turf_unwind_registers(&all, &regs) != 1 || regs.value[RIP] != frame.pc)
			abort();
	}
	if (n > MAX_DEPTH || n != u.depth || u.stop == TURF_STOP_NONE)
		abort();
	told.n++;
	told.frames += n;
	told.stops[u.stop]++;
	return 0;
}
