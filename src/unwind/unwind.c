/* SPDX-License-Identifier: MIT */
/*
 * A whole stack: frames from registers and memory, by the rows of the images at each pc.
 *
 * What every machine has in common: where a pc is looked up, what is done where no row covers
 * it, when a stack ends. One step itself is the machine's (step.h).
 *
 * Trust:  none: registers, stack and urf may be hostile. Each frame's CFA lies above the one
 *         before; only behind a signal trampoline, which may have run on a stack of its own,
 *         the count starts anew. What remains is bounded by max_depth.
 */
#include <elf.h>

#include "unwind/step.h"

enum { MAX_DEPTH = 1024 };

const char *turf_stop_name(enum turf_stop stop)
{
	static const char *const names[] = {
		[TURF_STOP_NONE] = "not stopped",
		[TURF_STOP_END] = "end of stack",
		[TURF_STOP_TRUNCATED] = "stack copy ends",
		[TURF_STOP_NO_MODULE] = "no module known at the address",
		[TURF_STOP_NO_RULE] = "no unwind rule for the address",
		[TURF_STOP_MEMORY] = "memory unreadable",
		[TURF_STOP_BAD_RULE] = "unwind rule not usable",
		[TURF_STOP_LOOP] = "stack does not grow",
		[TURF_STOP_DEPTH] = "too many frames",
	};
	return (unsigned)stop < COUNT(names) ? names[stop] : "unknown";
}

/* NULL: a machine we cannot unwind. */
static const struct turf_unwind_ops *ops_of(uint16_t machine)
{
	return machine == EM_X86_64 ? &turf_unwind_x86_64 : NULL;
}

void turf_unwind_begin(struct turf_unwind *u, struct turf_process *process,
                       const struct turf_regs *regs, struct turf_memory memory,
                       unsigned max_depth)
{
	const struct turf_unwind_ops *ops = ops_of(regs->machine);
	*u = (struct turf_unwind){
		.process = process,
		.memory = memory,
		.regs = *regs,
		.source = TURF_FRAME_FIRST,
		.exact_pc = true,
		.max_depth = max_depth ? max_depth : MAX_DEPTH,
	};
	if (ops && regs_has(regs, ops->pc) && regs_has(regs, ops->sp))
		u->last_cfa = regs->value[ops->sp];
	else
		u->stop = TURF_STOP_BAD_RULE;
}

static enum turf_stop stop_of(int r)
{
	switch (r) {
	case -ENODATA:
		return TURF_STOP_TRUNCATED;
	case -EBADMSG:
		return TURF_STOP_BAD_RULE;
	default:
		return TURF_STOP_MEMORY;
	}
}

/* Does the stack grow with a frame that ends at @cfa? A frame may hold nothing only as leaf. */
static bool grows(const struct turf_unwind *u, uint64_t cfa)
{
	return u->exact_pc ? cfa >= u->last_cfa : cfa > u->last_cfa;
}

static enum turf_stop step_by_row(struct turf_unwind *u, const struct turf_unwind_ops *ops,
                                  const struct turf_unwind_row *row,
                                  struct turf_unwind_frame *frame)
{
	const struct turf_step step = {
		.memory = &u->memory,
		.row = row,
		.image = frame->location.image,
		.bias = frame->lookup_pc - frame->location.addr,
	};
	int r = ops->by_row(&step, &u->regs, &frame->cfa);
	if (r <= 0)
		return r < 0 ? stop_of(r) : TURF_STOP_END;
	if (row->signal_frame) {
		/* what it interrupted may stand at 0: called through a null pointer */
		u->last_cfa = u->regs.value[ops->sp];
	} else {
		if (!grows(u, frame->cfa))
			return TURF_STOP_LOOP;
		if (!u->regs.value[ops->pc])
			return TURF_STOP_END;
		u->last_cfa = frame->cfa;
	}
	u->exact_pc = row->signal_frame;
	u->source = TURF_FRAME_CFI;
	return TURF_STOP_NONE;
}

/* Takes @next as the caller's registers if they look like a frame's. */
static bool accept(struct turf_unwind *u, const struct turf_unwind_ops *ops,
                   const struct turf_regs *next, uint64_t cfa)
{
	struct turf_location at;
	uint64_t pc = next->value[ops->pc];
	if (!pc || !grows(u, cfa) || turf_process_locate(u->process, pc - 1, &at) <= 0)
		return false;
	u->regs = *next;
	u->last_cfa = cfa;
	u->exact_pc = false;
	u->source = TURF_FRAME_POINTER;
	u->n_by_pointer++;
	return true;
}

/* Is the frame, for which there is no row, a thread's first? */
static bool is_start(const struct turf_unwind *u, const struct turf_unwind_ops *ops,
                     const struct turf_unwind_frame *frame)
{
	const struct turf_location *at = &frame->location;
	struct turf_symbol symbol;
	char name[sizeof("_start") + 1]; /* a longer one is cut, and differs */
	if (at->image && turf_image_find_symbol(at->image, at->addr, &symbol) > 0 &&
	    turf_image_text(at->image, symbol.name, name, sizeof(name)) > 0 &&
	    !strcmp(name, "_start"))
		return true;
	/* a leaf may well use the register for something else */
	return at->module && !u->exact_pc && regs_has(&u->regs, ops->fp) &&
	       !u->regs.value[ops->fp];
}

/* One way to do without a row: 1 the caller is found, 0 not so, -ENODATA the copy ends. */
static int try(struct turf_unwind *u, const struct turf_unwind_ops *ops,
               int (*way)(const struct turf_memory *, struct turf_regs *, uint64_t *),
               struct turf_unwind_frame *frame)
{
	struct turf_regs next = u->regs;
	uint64_t cfa = 0;
	int r = way(&u->memory, &next, &cfa);
	if (r == -ENODATA)
		return r;
	if (r <= 0 || !accept(u, ops, &next, cfa))
		return 0;
	frame->cfa = cfa;
	return 1;
}

static enum turf_stop step_without_row(struct turf_unwind *u, const struct turf_unwind_ops *ops,
                                       bool mapped, struct turf_unwind_frame *frame)
{
	if (is_start(u, ops, frame))
		return TURF_STOP_END;
	int r = 0;
	if (!mapped && u->exact_pc)
		r = try(u, ops, ops->by_call, frame);
	if (r == 0)
		r = try(u, ops, ops->by_pointer, frame);
	if (r > 0)
		return TURF_STOP_NONE;
	if (r == -ENODATA)
		return TURF_STOP_TRUNCATED;
	return frame->location.image ? TURF_STOP_NO_RULE : TURF_STOP_NO_MODULE;
}

/* The row for the frame: 1, 0 none, -EBADMSG. */
static int find_row(struct turf_unwind_frame *frame, struct turf_unwind_row *row)
{
	struct turf_location *at = &frame->location;
	if (!at->image)
		return 0;
	int r = turf_image_find_unwind(at->image, at->addr, row);
	frame->signal_frame = r > 0 && row->signal_frame;
	return r;
}

/*
 * A return address may be the first byte behind its function, where a call never returns: it is
 * looked up one byte before. Nobody called a signal trampoline, though: its rules begin one
 * byte before it for that reason, and its name is found at the pc itself.
 */
static void look_up_exactly(struct turf_unwind_frame *frame)
{
	struct turf_location *at = &frame->location;
	if (frame->lookup_pc == frame->pc || frame->pc >= at->map_end)
		return;
	frame->lookup_pc++;
	at->addr++;
}

int turf_unwind_next(struct turf_unwind *u, struct turf_unwind_frame *out)
{
	if (u->stop)
		return 0;
	if (u->depth >= u->max_depth) {
		u->stop = TURF_STOP_DEPTH;
		return 0;
	}
	const struct turf_unwind_ops *ops = ops_of(u->regs.machine);
	u->last = u->regs;
	out->pc = u->regs.value[ops->pc];
	out->lookup_pc = u->exact_pc ? out->pc : out->pc - 1;
	out->cfa = 0;
	out->source = u->source;
	out->signal_frame = false;
	bool mapped = turf_process_locate(u->process, out->lookup_pc, &out->location) > 0;
	if (!mapped)
		out->location = (struct turf_location){ 0 };

	struct turf_unwind_row row;
	int r = find_row(out, &row);
	if (out->signal_frame)
		look_up_exactly(out);
	if (r > 0)
		u->stop = step_by_row(u, ops, &row, out);
	else if (r == 0)
		u->stop = step_without_row(u, ops, mapped, out);
	else
		u->stop = TURF_STOP_BAD_RULE;
	u->depth++;
	return 1;
}

int turf_unwind_registers(struct turf_unwind *u, struct turf_regs *out)
{
	if (!u->depth)
		return 0;
	*out = u->last;
	return 1;
}
