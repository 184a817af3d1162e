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

#include "image/walk.h"
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
	return machine == EM_X86_64    ? &turf_unwind_x86_64
	       : machine == EM_AARCH64 ? &turf_unwind_aarch64
	                               : NULL;
}

void turf_unwind_begin(struct turf_unwind *u, struct turf_process *process,
                       const struct turf_regs *regs, struct turf_memory memory,
                       unsigned max_depth)
{
	const struct turf_unwind_ops *ops = ops_of(regs->machine);
	u->process = process;
	u->memory = memory;
	u->stop = TURF_STOP_NONE;
	u->source = TURF_FRAME_FIRST;
	u->depth = u->n_by_pointer = u->n_by_guess = 0;
	u->max_depth = max_depth ? max_depth : MAX_DEPTH;
	u->regs = u->kept = *regs;
	u->at = (struct turf_location){ 0 };
	u->at_pc = u->last_pc = 0;
	u->exact_pc = true;
	u->all = false;
	u->last_cfa = 0;
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

/* The caller's registers are known, or @r says why not. @signal: the frame is a trampoline. */
static enum turf_stop settle(struct turf_unwind *u, const struct turf_unwind_ops *ops, int r,
                             bool signal, uint64_t cfa)
{
	if (r <= 0)
		return r < 0 ? stop_of(r) : TURF_STOP_END;
	if (signal) {
		/* what it interrupted may stand at 0: called through a null pointer */
		u->last_cfa = u->regs.value[ops->sp];
	} else {
		if (!grows(u, cfa))
			return TURF_STOP_LOOP;
		if (!u->regs.value[ops->pc])
			return TURF_STOP_END;
		u->last_cfa = cfa;
	}
	u->exact_pc = signal;
	u->source = TURF_FRAME_CFI;
	return TURF_STOP_NONE;
}

/* Where the frame pointer is in one piece with the return address above it: 1, 0, < 0. */
static int read_pair(const struct turf_memory *memory, const struct walk_step *step,
                     uint64_t cfa, uint64_t *fp, uint64_t *pc)
{
	uint64_t pair[2];
	unsigned how = step->how & URF_STEP_RETURN;
	if (!(step->how & URF_STEP_SAVED) ||
	    !(how == URF_RETURN_ABOVE || (how == URF_RETURN_TOP && step->slot == -16)))
		return 0;
	int r = memory->read(memory->ctx, cfa + (uint64_t)(int64_t)step->slot, pair,
	                     sizeof(pair));
	if (r < 0)
		return r;
	*fp = le64toh(pair[0]);
	*pc = le64toh(pair[1]);
	return 1;
}

static int read_return(const struct turf_memory *memory, const struct walk_step *step,
                       uint64_t cfa, uint64_t *pc)
{
	uint64_t slot = cfa + (uint64_t)(int64_t)step->slot;
	switch (step->how & URF_STEP_RETURN) {
	case URF_RETURN_TOP:
		return read_word(memory, cfa - 8, pc);
	case URF_RETURN_SLOT:
		return read_word(memory, slot, pc);
	case URF_RETURN_ABOVE:
		return read_word(memory, slot + 8, pc);
	default:
		return 0;
	}
}

/*
 * The step of a walk: stack pointer, frame pointer and pc of the caller, whose other registers
 * are not followed. -ENOTSUP: the rule needs one of those.
 */
static int by_step(struct turf_unwind *u, const struct turf_unwind_ops *ops,
                   const struct walk_step *step, uint64_t *ret_cfa)
{
	struct turf_regs *regs = &u->regs;
	struct walk_regs in;
	(void)walk_regs_of(regs->machine, &in);
	if (!regs_has(regs, step->cfa_reg))
		return -ENOTSUP;
	uint64_t cfa = regs->value[step->cfa_reg] + (uint64_t)(int64_t)(int32_t)step->value;
	uint64_t fp = regs->value[ops->fp], pc;
	uint64_t slot = cfa + (uint64_t)(int64_t)step->slot;
	bool has_fp = regs_has(regs, ops->fp);
	*ret_cfa = cfa;
	if (read_pair(&u->memory, step, cfa, &fp, &pc) > 0) {
		has_fp = true;
	} else {
		int r = read_return(&u->memory, step, cfa, &pc);
		if (r < 0)
			return r;
		if (r == 0 && !regs_has(regs, in.ra))
			return -ENOTSUP;
		if (r == 0)
			pc = regs->value[in.ra];
		r = step->how & URF_STEP_SAVED ? read_word(&u->memory, slot, &fp) : 0;
		if (r < 0 && slot >= regs->value[ops->sp]) /* else popped: row.c, is_popped() */
			return r;
		has_fp |= r > 0;
	}
	regs->valid =
		(uint64_t)has_fp << ops->fp | UINT64_C(1) << ops->sp | UINT64_C(1) << ops->pc;
	regs->value[ops->fp] = fp;
	regs->value[ops->sp] = cfa;
	regs->value[ops->pc] = bare_pc(ops, regs, pc);
	return 1;
}

/* Takes @next as the caller's registers if they look like a frame's. */
static bool accept(struct turf_unwind *u, const struct turf_unwind_ops *ops,
                   const struct turf_regs *next, uint64_t cfa, enum turf_frame_source source)
{
	struct turf_location at;
	uint64_t pc = next->value[ops->pc];
	if (!pc || !grows(u, cfa) || turf_process_locate(u->process, pc - 1, &at) <= 0)
		return false;
	u->regs = *next;
	u->last_cfa = cfa;
	u->exact_pc = false;
	u->source = source;
	u->n_by_pointer += source == TURF_FRAME_POINTER;
	u->n_by_guess += source == TURF_FRAME_GUESS;
	return true;
}

/* Does a symbol of that name stand there? */
static bool is_named(const struct turf_image *image, uint64_t addr, const char *wanted)
{
	struct turf_symbol symbol;
	char name[32]; /* a longer one is cut, and differs */
	return image && turf_image_find_symbol(image, addr, &symbol) > 0 &&
	       turf_image_text(image, symbol.name, name, sizeof(name)) > 0 &&
	       !strcmp(name, wanted);
}

/* The mark of the deepest frame; a leaf may well use the register for something else. */
static bool has_end_mark(const struct turf_unwind *u, const struct turf_unwind_ops *ops,
                         const struct turf_unwind_frame *frame)
{
	return frame->location.module && !u->exact_pc && regs_has(&u->regs, ops->fp) &&
	       !u->regs.value[ops->fp];
}

/* One way to do without a row: 1 the caller is found, 0 not so, -ENODATA the copy ends. */
static int try_guess(struct turf_unwind *u, const struct turf_unwind_ops *ops,
                     struct turf_unwind_frame *frame)
{
	struct turf_unwind_row row;
	const struct turf_location *at = &frame->location;
	if (turf_image_find_unwind(at->image, at->addr, &row) <= 0)
		return 0;
	struct turf_step step = { .memory = &u->memory,
		                  .row = &row,
		                  .image = at->image,
		                  .bias = frame->lookup_pc - at->addr };
	struct turf_regs next = u->regs;
	uint64_t cfa = 0;
	int r = turf_unwind_by_row(ops, &step, &next, &cfa);
	next.valid &= UINT64_C(1) << ops->fp | UINT64_C(1) << ops->sp | UINT64_C(1) << ops->pc;
	if (r <= 0 || !accept(u, ops, &next, cfa, TURF_FRAME_GUESS))
		return r == -ENODATA ? r : 0;
	frame->cfa = cfa;
	return 1;
}

static int try_call(struct turf_unwind *u, const struct turf_unwind_ops *ops,
                    struct turf_unwind_frame *frame)
{
	struct turf_regs next = u->regs;
	uint64_t cfa = 0;
	int r = ops->by_call(&u->memory, &next, &cfa);
	if (r <= 0 || !accept(u, ops, &next, cfa, TURF_FRAME_POINTER))
		return r == -ENODATA ? r : 0;
	frame->cfa = cfa;
	return 1;
}

static int try_pointer(struct turf_unwind *u, const struct turf_unwind_ops *ops,
                       struct turf_unwind_frame *frame)
{
	struct turf_regs next = u->regs;
	uint64_t cfa = 0;
	int r = turf_unwind_by_pointer(ops, &u->memory, &next, &cfa);
	if (r <= 0 || !accept(u, ops, &next, cfa, TURF_FRAME_POINTER))
		return r == -ENODATA ? r : 0;
	frame->cfa = cfa;
	return 1;
}

static enum turf_stop step_without_row(struct turf_unwind *u, const struct turf_unwind_ops *ops,
                                       bool mapped, bool guess, struct turf_unwind_frame *frame)
{
	int r = ops->by_signal ? ops->by_signal(&u->memory, &u->regs, &frame->cfa) : 0;
	if (r) {
		frame->signal_frame = true;
		return settle(u, ops, r, true, frame->cfa);
	}
	/* ld.so's or another's first code */
	if (is_named(frame->location.image, frame->location.addr, "_start"))
		return TURF_STOP_END;
	if (guess)
		r = try_guess(u, ops, frame);
	if (r <= 0 && has_end_mark(u, ops, frame))
		return TURF_STOP_END;
	if (r == 0 && !mapped && u->exact_pc)
		r = try_call(u, ops, frame);
	if (r == 0)
		r = try_pointer(u, ops, frame);
	if (r > 0)
		return TURF_STOP_NONE;
	if (r == -ENODATA)
		return TURF_STOP_TRUNCATED;
	return frame->location.image ? TURF_STOP_NO_RULE : TURF_STOP_NO_MODULE;
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

/* Goes the walk again from its first frame, up to the next one, and follows all registers. */
static bool follow_all(struct turf_unwind *u)
{
	struct turf_unwind again;
	struct turf_unwind_frame frame;
	turf_unwind_begin(&again, u->process, &u->kept, u->memory, u->max_depth);
	again.all = true;
	for (unsigned i = 0; i < u->depth; i++)
		if (turf_unwind_next(&again, &frame) <= 0)
			return false;
	if (again.last_cfa != u->last_cfa)
		return false;
	u->regs = again.regs;
	u->kept = again.kept;
	u->all = true;
	return true;
}

static enum turf_stop step_by_row(struct turf_unwind *u, const struct turf_unwind_ops *ops,
                                  struct turf_unwind_frame *frame)
{
	struct turf_unwind_row row;
	const struct turf_location *at = &frame->location;
	int r = turf_image_find_unwind(at->image, at->addr, &row);
	if (r <= 0)
		return TURF_STOP_BAD_RULE;
	struct turf_step step = {
		.memory = &u->memory,
		.row = &row,
		.image = at->image,
		.bias = frame->lookup_pc - at->addr,
		.part = !u->all,
	};
	frame->signal_frame = row.signal_frame;
	if (row.signal_frame)
		look_up_exactly(frame);
	r = turf_unwind_by_row(ops, &step, &u->regs, &frame->cfa);
	if (r == -EBADMSG && !u->all && follow_all(u)) {
		u->kept = u->regs;
		step.part = false;
		r = turf_unwind_by_row(ops, &step, &u->regs, &frame->cfa);
	}
	return settle(u, ops, r, row.signal_frame, frame->cfa);
}

/* Is that the last function of a stack that a program made for itself? */
static bool is_bottom(const struct turf_image *image, uint64_t addr)
{
	/* put there by makecontext: no function called it, its pc is its first byte */
	return is_named(image, addr, "__start_context") ||
	       /* Go's way onto the stack of a thread's own, from which there is none back */
	       is_named(image, addr, "runtime.mcall");
}

/* What stands at the frame's pc; mostly what stood at the last one's. @over: the last one was
 * the context's first. */
static bool locate(struct turf_unwind *u, struct turf_unwind_frame *frame, bool *over)
{
	uint64_t pc = frame->lookup_pc;
	*over = false;
	if (!u->at.image || pc < u->at.map_start || pc >= u->at.map_end) {
		const struct turf_image *last = u->at.image;
		uint64_t last_addr = u->at.addr + (u->last_pc - u->at_pc);
		u->at_pc = pc;
		if (turf_process_locate(u->process, pc, &u->at) <= 0) {
			*over = u->depth && !u->exact_pc && is_bottom(last, last_addr);
			frame->location = u->at = (struct turf_location){ 0 };
			return false;
		}
	}
	frame->location = u->at;
	frame->location.addr += pc - u->at_pc;
	return true;
}

static enum turf_stop step(struct turf_unwind *u, const struct turf_unwind_ops *ops,
                           bool mapped, struct turf_unwind_frame *frame)
{
	bool guess = false;
	struct walk_step walk;
	int r = 0;
	if (frame->location.image)
		r = turf_image_find_step(frame->location.image, frame->location.addr, &walk);
	if (r < 0)
		return TURF_STOP_BAD_RULE;
	if (r > 0)
		guess = walk.how & URF_STEP_GUESS;
	if (r == 0 || guess)
		return step_without_row(u, ops, mapped, guess, frame);
	if (u->all || walk.how & URF_STEP_WHOLE)
		return step_by_row(u, ops, frame);
	r = by_step(u, ops, &walk, &frame->cfa);
	return r == -ENOTSUP ? step_by_row(u, ops, frame)
	                     : settle(u, ops, r, false, frame->cfa);
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
	if (u->all)
		u->kept = u->regs;
	out->pc = u->regs.value[ops->pc];
	out->lookup_pc = u->exact_pc ? out->pc : out->pc - 1;
	out->cfa = 0;
	out->source = u->source;
	out->signal_frame = false;
	bool over, mapped = locate(u, out, &over);
	if (over) {
		u->stop = TURF_STOP_END;
		return 0;
	}
	u->last_pc = out->pc;
	u->stop = step(u, ops, mapped, out);
	u->depth++;
	return 1;
}

int turf_unwind_registers(struct turf_unwind *u, struct turf_regs *out)
{
	if (!u->depth)
		return 0;
	if (!u->all && !follow_all(u))
		return -ESTALE;
	*out = u->kept;
	return 1;
}
