/* SPDX-License-Identifier: MIT */
/* Whole stacks: which frames a walk gives, where it looks them up, why it ends. */
#include "lib/test.h"
#include "unwind/fake.h"

enum { SP = 0x7f0000, MAX_FRAMES = 8, MAX_WORDS = 16 };
#define AT_SP(word) (SP + 8 * (word))

/* Live addresses of code, one kind of row each; a call within returns to + 0x10. */
enum {
	FUNCTION = 0x101000, /* CFA = rsp + 16, return address below it */
	START = 0x101100,    /* return address undefined */
	SIGNAL = 0x101300,   /* trampoline: rip at [rsp + 8], rsp at [rsp + 16] */
	HOLLOW = 0x101400,   /* CFA = rsp, return address in rax */
	SHRINKS = 0x101500,  /* CFA = rsp - 8 */
	DAMAGED = 0x101600,  /* the image is damaged here */
	NO_CFA = 0x101700,   /* no rule for the CFA */
	STANDS = 0x101800,   /* CFA = rsp, return address there */
	BARE = 0x101900,     /* no row */
	STRIPPED = 0x201000, /* in a module without image */
	JIT = 0x301000,      /* in anonymous memory */
	NOWHERE = 0x401000,  /* nothing mapped */
};

#define ROW(at, cfa_off, ra, ...)                                                              \
	{                                                                                      \
		(at) - FAKE_BIAS, (at)-FAKE_BIAS + 0x80,                                       \
		{                                                                              \
			.cfa = { .kind = TURF_RULE_REG_OFFSET,                                 \
				 .reg = RSP,                                                   \
				 .offset = (cfa_off) },                                        \
			.return_address = ra, .return_reg = RIP, __VA_ARGS__                   \
		}                                                                              \
	}
#define AT_CFA(off)                                                                            \
	{                                                                                      \
		.kind = TURF_RULE_AT_CFA, .offset = (off)                                      \
	}

static const struct fake_saved saved[] = { { RSP, AT_CFA(-8) } };
static const struct fake_row rows[] = {
	ROW(FUNCTION, 16, AT_CFA(-8), .n_saved = 0),
	ROW(START, 8, { .kind = TURF_RULE_UNDEFINED }, .n_saved = 0),
	/* begins one byte before, as the C library's does */
	ROW(SIGNAL - 1, 24, AT_CFA(-16), .n_saved = 1, .signal_frame = true),
	ROW(HOLLOW, 0, { .kind = TURF_RULE_REGISTER }, .n_saved = 0),
	ROW(SHRINKS, -8, AT_CFA(8), .n_saved = 0),
	ROW(DAMAGED, 8, AT_CFA(-8), .saved = UINT32_MAX),
	{ NO_CFA - FAKE_BIAS, NO_CFA - FAKE_BIAS + 0x80, { .return_address = AT_CFA(-8) } },
	ROW(STANDS, 0, AT_CFA(0), .n_saved = 0),
};
static const struct fake_map maps[] = {
	{ 0x101000, 0x102000, true, true },
	{ 0x201000, 0x202000, true, false },
	{ 0x301000, 0x302000, false, false },
};

#define FIRST TURF_FRAME_FIRST
#define CFI TURF_FRAME_CFI
#define POINTER TURF_FRAME_POINTER

static const struct walk {
	const char *what;
	uint64_t pc, fp, rax;
	uint64_t stack[MAX_WORDS];
	unsigned n_words; /* of the copy */
	const char *symbol;
	unsigned max_depth;
	enum turf_stop stop;
	struct {
		uint64_t pc, lookup_pc, cfa;
		enum turf_frame_source source;
	} frames[MAX_FRAMES];
} walks[] = {
	{ .what = "a whole stack",
	  .pc = FUNCTION,
	  .stack = { 0, FUNCTION + 0x10, 0, START + 0x10 },
	  .n_words = 4,
	  .stop = TURF_STOP_END,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { FUNCTION + 0x10, FUNCTION + 0xf, AT_SP(4), CFI },
	              { START + 0x10, START + 0xf, 0, CFI } } },
	{ .what = "return address 0",
	  .pc = FUNCTION,
	  .stack = { 0, FUNCTION + 0x10, 0, 0 },
	  .n_words = 4,
	  .stop = TURF_STOP_END,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { FUNCTION + 0x10, FUNCTION + 0xf, AT_SP(4), CFI } } },
	{ .what = "a copy that is too short",
	  .pc = FUNCTION,
	  .stack = { 0, FUNCTION + 0x10, 0 },
	  .n_words = 3,
	  .stop = TURF_STOP_TRUNCATED,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { FUNCTION + 0x10, FUNCTION + 0xf, AT_SP(4), CFI } } },
	{ .what = "a copy of nothing",
	  .pc = FUNCTION,
	  .stop = TURF_STOP_TRUNCATED,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST } } },
	{ .what = "a call at the end of a function that does not return",
	  .pc = FUNCTION,
	  .stack = { 0, FUNCTION + 0x80, 0, START + 0x80 },
	  .n_words = 4,
	  .stop = TURF_STOP_END,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { FUNCTION + 0x80, FUNCTION + 0x7f, AT_SP(4), CFI },
	              { START + 0x80, START + 0x7f, 0, CFI } } },
	{ .what = "a signal: the trampoline and what it interrupted stand where they say",
	  .pc = FUNCTION,
	  .stack = { 0, SIGNAL, 0, FUNCTION, AT_SP(5), 0, START + 0x10 },
	  .n_words = 7,
	  .stop = TURF_STOP_END,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { SIGNAL, SIGNAL, AT_SP(5), CFI },
	              { FUNCTION, FUNCTION, AT_SP(7), CFI },
	              { START + 0x10, START + 0xf, 0, CFI } } },
	{ .what = "a signal handler on another stack, above what it interrupted",
	  .pc = FUNCTION,
	  .stack = { 0, FUNCTION + 0x10, 0, SIGNAL, 0, HOLLOW, AT_SP(1) },
	  .n_words = 7,
	  .rax = START,
	  .stop = TURF_STOP_BAD_RULE, /* the calls before the signal took rax */
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { FUNCTION + 0x10, FUNCTION + 0xf, AT_SP(4), CFI },
	              { SIGNAL, SIGNAL, AT_SP(7), CFI },
	              { HOLLOW, HOLLOW, AT_SP(1), CFI } } },
	{ .what = "a signal in a function called through a null pointer",
	  .pc = FUNCTION,
	  .stack = { 0, SIGNAL, 0, 0, AT_SP(5), START + 0x10 },
	  .n_words = 6,
	  .stop = TURF_STOP_END,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { SIGNAL, SIGNAL, AT_SP(5), CFI },
	              { 0, 0, AT_SP(6), CFI },
	              { START + 0x10, START + 0xf, 0, POINTER } } },
	{ .what = "called through a null pointer",
	  .pc = 0,
	  .stack = { START + 0x10 },
	  .n_words = 1,
	  .stop = TURF_STOP_END,
	  .frames = { { 0, 0, AT_SP(1), FIRST }, { START + 0x10, START + 0xf, 0, POINTER } } },
	{ .what = "called through a wild pointer, the copy is empty",
	  .pc = NOWHERE,
	  .stop = TURF_STOP_TRUNCATED,
	  .frames = { { NOWHERE, NOWHERE, 0, FIRST } } },
	{ .what = "called through a wild pointer, stack is wild too",
	  .pc = NOWHERE,
	  .stack = { NOWHERE },
	  .n_words = 1,
	  .stop = TURF_STOP_NO_MODULE,
	  .frames = { { NOWHERE, NOWHERE, 0, FIRST } } },
	{ .what = "a leaf that holds nothing",
	  .pc = HOLLOW,
	  .rax = START + 0x10,
	  .stop = TURF_STOP_END,
	  .frames = { { HOLLOW, HOLLOW, AT_SP(0), FIRST },
	              { START + 0x10, START + 0xf, 0, CFI } } },
	{ .what = "a caller that holds nothing",
	  .pc = FUNCTION,
	  .stack = { 0, STANDS + 0x10, STANDS + 0x10 },
	  .n_words = 3,
	  .stop = TURF_STOP_LOOP,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { STANDS + 0x10, STANDS + 0xf, AT_SP(2), CFI } } },
	{ .what = "a stack that shrinks",
	  .pc = FUNCTION,
	  .stack = { 0, SHRINKS + 0x10, FUNCTION + 0x10 },
	  .n_words = 3,
	  .stop = TURF_STOP_LOOP,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { SHRINKS + 0x10, SHRINKS + 0xf, AT_SP(1), CFI } } },
	{ .what = "more frames than asked for",
	  .pc = FUNCTION,
	  .stack = { 0, FUNCTION + 0x10, 0, FUNCTION + 0x10, 0, START + 0x10 },
	  .n_words = 6,
	  .max_depth = 2,
	  .stop = TURF_STOP_DEPTH,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { FUNCTION + 0x10, FUNCTION + 0xf, AT_SP(4), CFI } } },
	{ .what = "as many frames as asked for",
	  .pc = FUNCTION,
	  .stack = { 0, START + 0x10 },
	  .n_words = 2,
	  .max_depth = 2,
	  .stop = TURF_STOP_END,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { START + 0x10, START + 0xf, 0, CFI } } },
	{ .what = "a damaged image",
	  .pc = DAMAGED,
	  .fp = AT_SP(0),
	  .stack = { 0, START + 0x10 },
	  .n_words = 2,
	  .stop = TURF_STOP_BAD_RULE,
	  .frames = { { DAMAGED, DAMAGED, 0, FIRST } } },
	{ .what = "a row without CFA",
	  .pc = NO_CFA,
	  .fp = AT_SP(0),
	  .stack = { 0, START + 0x10 },
	  .n_words = 2,
	  .stop = TURF_STOP_BAD_RULE,
	  .frames = { { NO_CFA, NO_CFA, 0, FIRST } } },
	{ .what = "frame pointers through code without rows",
	  .pc = BARE,
	  .fp = AT_SP(0),
	  .stack = { AT_SP(2), STRIPPED + 0x10, AT_SP(4), JIT + 0x10, 0, START + 0x10 },
	  .n_words = 6,
	  .stop = TURF_STOP_END,
	  .frames = { { BARE, BARE, AT_SP(2), FIRST },
	              { STRIPPED + 0x10, STRIPPED + 0xf, AT_SP(4), POINTER },
	              { JIT + 0x10, JIT + 0xf, AT_SP(6), POINTER },
	              { START + 0x10, START + 0xf, 0, POINTER } } },
	{ .what = "a frame pointer that points beyond the copy",
	  .pc = BARE,
	  .fp = AT_SP(1),
	  .stack = { 0, 0 },
	  .n_words = 2,
	  .stop = TURF_STOP_TRUNCATED,
	  .frames = { { BARE, BARE, 0, FIRST } } },
	{ .what = "a frame pointer that leads nowhere",
	  .pc = BARE,
	  .fp = AT_SP(0),
	  .stack = { AT_SP(2), NOWHERE },
	  .n_words = 2,
	  .stop = TURF_STOP_NO_RULE,
	  .frames = { { BARE, BARE, 0, FIRST } } },
	{ .what = "a frame pointer to zeros is no proof of an end",
	  .pc = BARE,
	  .fp = AT_SP(0),
	  .stack = { 0, 0 },
	  .n_words = 2,
	  .stop = TURF_STOP_NO_RULE,
	  .frames = { { BARE, BARE, 0, FIRST } } },
	{ .what = "a frame pointer into the frame before",
	  .pc = STRIPPED,
	  .fp = AT_SP(0),
	  .stack = { AT_SP(0), STRIPPED + 0x10 },
	  .n_words = 2,
	  .stop = TURF_STOP_NO_MODULE,
	  .frames = { { STRIPPED, STRIPPED, AT_SP(2), FIRST },
	              { STRIPPED + 0x10, STRIPPED + 0xf, 0, POINTER } } },
	{ .what = "a leaf that uses rbp for something else",
	  .pc = BARE,
	  .fp = 0,
	  .stack = { 0 },
	  .n_words = 1,
	  .stop = TURF_STOP_NO_RULE,
	  .frames = { { BARE, BARE, 0, FIRST } } },
	{ .what = "the deepest frame by its frame pointer",
	  .pc = FUNCTION,
	  .fp = 0,
	  .stack = { 0, BARE + 0x10 },
	  .n_words = 2,
	  .stop = TURF_STOP_END,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { BARE + 0x10, BARE + 0xf, 0, CFI } } },
	{ .what = "frame pointer 0 in a module without image",
	  .pc = FUNCTION,
	  .fp = 0,
	  .stack = { 0, STRIPPED + 0x10 },
	  .n_words = 2,
	  .stop = TURF_STOP_END,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { STRIPPED + 0x10, STRIPPED + 0xf, 0, CFI } } },
	{ .what = "frame pointer 0 in anonymous memory proves nothing",
	  .pc = FUNCTION,
	  .fp = 0,
	  .stack = { 0, JIT + 0x10 },
	  .n_words = 2,
	  .stop = TURF_STOP_NO_MODULE,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { JIT + 0x10, JIT + 0xf, 0, CFI } } },
	{ .what = "_start without a row",
	  .pc = BARE,
	  .fp = AT_SP(0),
	  .stack = { 0, FUNCTION + 0x10 },
	  .n_words = 2,
	  .symbol = "_start",
	  .stop = TURF_STOP_END,
	  .frames = { { BARE, BARE, 0, FIRST } } },
	{ .what = "what makecontext put there is called by nobody",
	  .pc = FUNCTION,
	  .stack = { 0, FUNCTION + 0x10, 0, NOWHERE, 0, 0 },
	  .n_words = 6,
	  .symbol = "__start_context",
	  .stop = TURF_STOP_END,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { FUNCTION + 0x10, FUNCTION + 0xf, AT_SP(4), CFI } } },
	{ .what = "Go's way onto the thread's own stack is called by nobody",
	  .pc = FUNCTION,
	  .stack = { 0, FUNCTION + 0x10, 0, NOWHERE, 0, 0 },
	  .n_words = 6,
	  .symbol = "runtime.mcall",
	  .stop = TURF_STOP_END,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { FUNCTION + 0x10, FUNCTION + 0xf, AT_SP(4), CFI } } },
	{ .what = "a return to where nothing is mapped",
	  .pc = FUNCTION,
	  .stack = { 0, NOWHERE, START + 0x10 },
	  .n_words = 3,
	  .fp = SP - 8,
	  .stop = TURF_STOP_NO_MODULE,
	  .frames = { { FUNCTION, FUNCTION, AT_SP(2), FIRST },
	              { NOWHERE, NOWHERE - 1, 0, CFI } } },
};

static struct turf_regs begin(const struct walk *w)
{
	struct turf_regs regs = { .machine = EM_X86_64, .valid = (1 << N_REGS) - 1 };
	regs.value[RSP] = SP;
	regs.value[RIP] = w->pc;
	regs.value[RBP] = w->fp;
	regs.value[RAX] = w->rax;
	return regs;
}

static void set_up(void)
{
	fake = (struct fake){ .maps = maps,
		              .n_maps = COUNT(maps),
		              .rows = rows,
		              .n_rows = COUNT(rows),
		              .saved = saved,
		              .n_saved = COUNT(saved) };
}

static void walk_one(const struct walk *w)
{
	struct span copied = exact_copy(w->stack, w->n_words * sizeof(w->stack[0]));
	struct turf_stack_copy copy = { SP, copied.size, copied.at };
	struct turf_regs regs = begin(w);
	struct turf_unwind u;
	fake.symbol = w->symbol;
	turf_unwind_begin(&u, NULL, &regs, turf_memory_copy(&copy), w->max_depth);

	unsigned n = 0, by_pointer = 0;
	struct turf_unwind_frame f;
	for (; turf_unwind_next(&u, &f) > 0; n++) {
		ck_assert_msg(n < MAX_FRAMES && w->frames[n].lookup_pc + w->frames[n].cfa,
		              "%s: frame %u too many", w->what, n);
		ck_assert_msg(f.pc == w->frames[n].pc, "%s: frame %u: pc 0x%jx", w->what, n,
		              (uintmax_t)f.pc);
		ck_assert_msg(f.lookup_pc == w->frames[n].lookup_pc,
		              "%s: frame %u: lookup 0x%jx", w->what, n, (uintmax_t)f.lookup_pc);
		ck_assert_msg(f.cfa == w->frames[n].cfa, "%s: frame %u: cfa 0x%jx", w->what, n,
		              (uintmax_t)f.cfa);
		ck_assert_msg(f.source == w->frames[n].source, "%s: frame %u: source %d",
		              w->what, n, f.source);
		ck_assert_msg(f.signal_frame == (f.pc == SIGNAL), "%s: frame %u", w->what, n);
		ck_assert_msg(!f.location.image || f.location.addr + FAKE_BIAS == f.lookup_pc,
		              "%s: frame %u: addr", w->what, n);
		by_pointer += f.source == POINTER;
	}
	ck_assert_msg(u.stop == w->stop, "%s: %s", w->what, turf_stop_name(u.stop));
	ck_assert_msg(n == MAX_FRAMES || !(w->frames[n].lookup_pc + w->frames[n].cfa),
	              "%s: ends after %u frames", w->what, n);
	ck_assert_msg(u.depth == n && u.n_by_pointer == by_pointer, "%s: counts", w->what);
	ck_assert_int_eq(turf_unwind_next(&u, &f), 0); /* over is over */
	ck_assert_int_eq(u.stop, w->stop);
	free((void *)copied.at);
}

START_TEST(stacks)
{
	set_up();
	for (size_t i = 0; i < COUNT(walks); i++)
		walk_one(&walks[i]);
}
END_TEST

static int no_memory(void *ctx, uint64_t addr, void *out, size_t size)
{
	(void)ctx, (void)addr, (void)out, (void)size;
	return -EFAULT;
}

START_TEST(unreadable_memory)
{
	set_up();
	struct turf_regs regs = begin(&walks[0]);
	struct turf_unwind u;
	struct turf_unwind_frame f;
	turf_unwind_begin(&u, NULL, &regs, (struct turf_memory){ no_memory, NULL }, 0);
	ck_assert_int_eq(turf_unwind_next(&u, &f), 1);
	ck_assert_int_eq(turf_unwind_next(&u, &f), 0);
	ck_assert_int_eq(u.stop, TURF_STOP_MEMORY);
}
END_TEST

/* A machine we do not know, or registers without pc or stack pointer: no frame at all. */
START_TEST(nothing_to_begin_with)
{
	set_up();
	for (int i = 0; i < 3; i++) {
		struct turf_regs regs = begin(&walks[0]);
		if (i == 0)
			regs.machine = EM_NONE;
		else
			regs.valid &= ~(UINT64_C(1) << (i == 1 ? RIP : RSP));
		struct turf_unwind u;
		struct turf_unwind_frame f;
		turf_unwind_begin(&u, NULL, &regs, (struct turf_memory){ no_memory, NULL }, 0);
		ck_assert_int_eq(turf_unwind_next(&u, &f), 0);
		ck_assert_int_eq(u.stop, TURF_STOP_BAD_RULE);
	}
}
END_TEST

/* A trampoline that returns to itself on the same stack would go on for ever. */
START_TEST(signals_for_ever)
{
	set_up();
	const struct walk w = { .pc = SIGNAL, .stack = { 0, SIGNAL, SP }, .n_words = 3 };
	struct turf_stack_copy copy = { SP, sizeof(w.stack), (const uint8_t *)w.stack };
	struct turf_regs regs = begin(&w);
	struct turf_unwind u;
	struct turf_unwind_frame f;
	turf_unwind_begin(&u, NULL, &regs, turf_memory_copy(&copy), 0);
	unsigned n = 0;
	while (turf_unwind_next(&u, &f) > 0)
		n++;
	ck_assert_uint_eq(n, 1024);
	ck_assert_int_eq(u.stop, TURF_STOP_DEPTH);
}
END_TEST

/* Registers of each frame: all of the first, those that calls keep of its callers. */
START_TEST(registers_of_frames)
{
	set_up();
	const struct walk w = {
		.pc = FUNCTION,
		.fp = 0x1234,
		.rax = 7,
		.stack = { 0, FUNCTION + 0x10, 0, SIGNAL, 0, FUNCTION, AT_SP(8), 0, 0,
		           START + 1 },
		.n_words = 10,
	};
	static const struct {
		uint64_t pc, sp;
		uint64_t kept; /* beyond rsp and rip */
	} frames[] = {
		{ FUNCTION, AT_SP(0), (1 << N_REGS) - 1 },
		{ FUNCTION + 0x10, AT_SP(2), 1 << RBX | 1 << RBP | 0xf << R12 },
		{ SIGNAL, AT_SP(4), 1 << RBX | 1 << RBP | 0xf << R12 },
		{ FUNCTION, AT_SP(8), 1 << RBX | 1 << RBP | 0xf << R12 },
		{ START + 1, AT_SP(10), 1 << RBX | 1 << RBP | 0xf << R12 },
	};
	struct turf_stack_copy copy = { SP, sizeof(w.stack), (const uint8_t *)w.stack };
	struct turf_regs regs = begin(&w), got = { .machine = 1 };
	struct turf_unwind u;
	struct turf_unwind_frame f;
	for (unsigned first = 0; first < COUNT(frames); first++) {
		turf_unwind_begin(&u, NULL, &regs, turf_memory_copy(&copy), 0);
		ck_assert_int_eq(turf_unwind_registers(&u, &got), 0);
		unsigned i = 0;
		for (; turf_unwind_next(&u, &f) > 0; i++) {
			ck_assert_uint_eq(f.pc, frames[i].pc);
			if (i < first) /* nobody asks for the outer frames' */
				continue;
			ck_assert_int_eq(turf_unwind_registers(&u, &got), 1);
			ck_assert_uint_eq(got.machine, EM_X86_64);
			ck_assert_uint_eq(got.valid, frames[i].kept | 1 << RSP | 1 << RIP);
			ck_assert_uint_eq(got.value[RIP], frames[i].pc);
			ck_assert_uint_eq(got.value[RSP], frames[i].sp);
			ck_assert_uint_eq(got.value[RBP], 0x1234);
		}
		ck_assert_uint_eq(i, COUNT(frames));
		ck_assert_int_eq(u.stop, TURF_STOP_END);
	}
}
END_TEST

START_TEST(stops_have_names)
{
	for (int i = TURF_STOP_NONE; i <= TURF_STOP_DEPTH; i++)
		ck_assert_str_ne(turf_stop_name((enum turf_stop)i), "unknown");
	ck_assert_str_eq(turf_stop_name((enum turf_stop)(TURF_STOP_DEPTH + 1)), "unknown");
}
END_TEST

TESTS("unwind/walk", stacks, unreadable_memory, nothing_to_begin_with, signals_for_ever,
      registers_of_frames, stops_have_names)
