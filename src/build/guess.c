/* SPDX-License-Identifier: MIT */
/*
 * Unwind rows of functions that no table covers, from their first instructions: what they push,
 * by how much they lower the stack pointer, whether they set up a frame pointer. From there on
 * nothing is assumed to change but before a return that is the last instruction.
 *
 * Such rows are marked as guesses: who walks by one checks what it leads to.
 *
 * Trust:  none: symbols and code may say anything; both are bounded by the gap
 * Source: Intel SDM volume 2 (push, mov, sub, ret, endbr64); Arm Architecture Reference Manual
 *         (stp, sub, ret)
 */
#include <elf.h>

#include "build/frames.h"

struct guess {
	struct step_list *steps;
	struct row_list *rows;
	uint64_t start, end; /* of the function */
	struct cursor code;
	struct urf_step step; /* where code is */
};

static int add(struct guess *g, uint64_t at)
{
	uint32_t idx;
	if (at >= g->end)
		return 0;
	if (turf_intern_step(g->steps, &g->step, &idx) < 0)
		return -ENOMEM;
	uint32_t set = g->rows->n ? g->rows->at[g->rows->n - 1].set : 0;
	return turf_add_row(g->rows, at, idx, set);
}

/* Adds the row from the next instruction on. */
static int add_here(struct guess *g)
{
	return add(g, g->start + cur_off(&g->code));
}

static void lower(struct guess *g, uint32_t by)
{
	g->step.value = le32_of(le32_get(g->step.value) + by);
}

static bool takes(struct guess *g, const void *bytes, size_t n)
{
	if (cur_left(&g->code) < n || memcmp(g->code.at, bytes, n) != 0)
		return false;
	cur_skip(&g->code, n);
	return true;
}
#define TAKES(g, ...)                                                                          \
	takes(g, (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))

enum { X86_RBP = 6, X86_RSP = 7 };

/* push of a register that calls keep: its number in the instruction, or -1. */
static int x86_push(struct guess *g)
{
	for (uint8_t reg = 0x53; reg <= 0x57; reg++) { /* rbx, rbp; r12 to r15 */
		bool high = reg >= 0x54 && TAKES(g, 0x41, reg);
		if (high || ((reg == 0x53 || reg == 0x55) && TAKES(g, reg)))
			return high ? reg - 0x50 + 8 : reg - 0x50;
	}
	return -1;
}

/* Steps over an instruction's ModRM byte, what it asks for, and @imm bytes. */
static bool x86_skip_operand(struct cursor *c, size_t imm)
{
	uint8_t modrm = cur_u8(c), mod = modrm >> 6, rm = modrm & 7;
	uint8_t base = rm;
	if (mod != 3 && rm == 4)
		base = cur_u8(c) & 7; /* SIB */
	if (mod == 1)
		imm += 1;
	else if (mod == 2 || (mod == 0 && base == 5))
		imm += 4;
	cur_skip(c, imm);
	return !c->bad;
}

/*
 * Steps over an instruction that compilers put between those: moves, arithmetic of registers.
 * None that may change the stack pointer in another way than pushes and sub do, none that
 * jumps.
 */
static bool x86_skip(struct guess *g)
{
	enum { REX = 0x40, REX_W = 8, REX_R = 4, REX_B = 1, SP = 4 };
	struct cursor c = g->code;
	uint8_t rex = 0, op = cur_u8(&c);
	if (op == 0x66)
		op = cur_u8(&c);
	if ((op & 0xf0) == REX) {
		rex = op;
		op = cur_u8(&c);
	}
	if (c.bad || !cur_left(&c))
		return false;
	uint8_t reg = *c.at >> 3 & 7, rm = *c.at & 7;
	bool to_sp = reg == SP && !(rex & REX_R);
	bool at_sp = *c.at >> 6 == 3 && rm == SP && !(rex & REX_B);
	bool ok = false;
	if ((op & 0xf8) == 0xb8 && op != 0xbc) { /* mov reg, imm */
		cur_skip(&c, rex & REX_W ? 8 : 4);
		ok = !c.bad;
	} else if ((op < 0x40 && (op & 7) < 4) || op == 0x63 || (op >= 0x84 && op <= 0x8b) ||
	           op == 0x8d) {
		ok = !to_sp && !at_sp && x86_skip_operand(&c, 0);
	} else if (op == 0x83 || op == 0xc6 || op == 0xc1) {
		ok = !at_sp && x86_skip_operand(&c, 1);
	} else if (op == 0x81 || op == 0xc7) {
		ok = !at_sp && x86_skip_operand(&c, 4);
	} else if (op == 0x0f) {
		op = cur_u8(&c);
		if ((op & 0xf0) == 0x40 || op == 0xaf || op == 0x10 || op == 0x11 ||
		    op == 0x1f || op == 0x28 || op == 0x29 || op == 0x57 || op == 0x6f ||
		    op == 0x7f || op == 0xef ||
		    (op & 0xf6) == 0xb6) /* moves of vectors, xorps, movzx, movsx */
			ok = x86_skip_operand(&c, 0);
	}
	if (ok)
		g->code = c;
	return ok;
}

/* sub rsp, imm */
static bool x86_sub(struct guess *g)
{
	if (TAKES(g, 0x48, 0x83, 0xec))
		lower(g, cur_u8(&g->code) & 0x7f);
	else if (TAKES(g, 0x48, 0x81, 0xec))
		lower(g, cur_u32(&g->code) & 0x7fffffff);
	else
		return false;
	return !g->code.bad;
}

/* Up to the first instruction that is none of a prologue's. */
static int x86_prologue(struct guess *g)
{
	enum { PUSH_RBP = 5, MOST = 24 /* instructions */ };
	int r = 0;
	for (int i = 0; r == 0 && i < MOST; i++) {
		int reg = x86_push(g);
		if (reg < 0) {
			if (g->step.how & URF_STEP_SAVED && le32_get(g->step.value) == 16 &&
			    (TAKES(g, 0x48, 0x89, 0xe5) || TAKES(g, 0x48, 0x8b, 0xec))) {
				g->step.cfa_reg = X86_RBP;
				return add_here(g);
			}
			if (x86_sub(g))
				r = add_here(g);
			else if (!x86_skip(g))
				break;
			continue;
		}
		lower(g, 8);
		if (reg == PUSH_RBP && !(g->step.how & URF_STEP_SAVED)) {
			g->step.how |= URF_STEP_SAVED;
			g->step.slot = le16_of((uint16_t) - (le32_get(g->step.value) / 8));
		}
		r = add_here(g);
	}
	return r;
}

static int x86_rows(struct guess *g)
{
	g->step = (struct urf_step){ .cfa_reg = X86_RSP,
		                     .how = URF_STEP_GUESS | URF_RETURN_TOP,
		                     .value = le32_of(8) };
	const struct urf_step entry = g->step;
	int r = add_here(g);
	(void)TAKES(g, 0xf3, 0x0f, 0x1e, 0xfa);
	if (r == 0)
		r = x86_prologue(g);
	const uint8_t *last = g->code.end - 1;
	if (r == 0 && g->end - g->start > 1 && *last == 0xc3) {
		g->step = entry;
		r = add(g, g->end - 1);
	}
	return r;
}

static uint32_t a64_at(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static int a64_rows(struct guess *g)
{
	enum { SP = 31, FIRST = 4 /* instructions that are looked at */ };
	static const uint32_t RET = 0xd65f03c0;
	g->step = (struct urf_step){ .cfa_reg = SP, .how = URF_STEP_GUESS | URF_RETURN_KEPT };
	const struct urf_step entry = g->step;
	int r = add_here(g);
	for (int i = 0; r == 0 && i < FIRST && cur_left(&g->code) >= 4; i++) {
		uint32_t op = a64_at(g->code.at), frame = le32_get(g->step.value);
		int32_t off = (int32_t)(op << 10) >> 25; /* imm7 of stp, in words of 8 bytes */
		cur_skip(&g->code, 4);
		if ((op & 0xffc003ff) == 0xd10003ff) { /* sub sp, sp, #imm12 */
			lower(g, op >> 10 & 0xfff);
			r = add_here(g);
		} else if ((op & 0xffc07fff) == 0xa9807bfd && off < 0) {
			lower(g, (uint32_t)-off * 8); /* stp x29, x30, [sp, #-n]! */
			off = 0;
			frame = le32_get(g->step.value);
		} else if ((op & 0xffc07fff) != 0xa9007bfd || off < 0) {
			continue; /* no stp x29, x30, [sp, #n] either */
		}
		if ((op & 0xff407fff) != 0xa9007bfd)
			continue;
		g->step.how |= URF_STEP_SAVED | URF_RETURN_ABOVE;
		g->step.slot = le16_of((uint16_t)(off - (int32_t)(frame / 8)));
		r = add_here(g);
		break;
	}
	if (r == 0 && g->end - g->start > 4 && a64_at(g->code.end - 4) == RET) {
		g->step = entry;
		r = add(g, g->end - 4);
	}
	return r;
}

/* The bytes of [@start, @end) as they are loaded, or none. */
static struct span code_at(const struct input *in, uint64_t start, uint64_t end)
{
	for (uint32_t i = 0; i < in->elf.n_segments; i++) {
		struct elf_segment s;
		if (turf_elf_segment(&in->elf, i, &s, NULL) < 0 || s.type != PT_LOAD ||
		    start < s.addr || end - s.addr > s.file_size)
			continue;
		uint64_t off = s.off + (start - s.addr);
		if (off > in->map.bytes.size || end - start > in->map.bytes.size - off)
			continue;
		return (struct span){ in->map.bytes.at + off, end - start };
	}
	return (struct span){ 0 };
}

static int guess_function(struct builder *b, struct guess *g)
{
	struct span code = code_at(&b->in.source, g->start, g->end);
	if (!code.size)
		return 0;
	g->code = cur_of(code, false);
	int r = b->in.source.elf.machine == EM_X86_64 ? x86_rows(g) : a64_rows(g);
	if (r < 0)
		return r;
	uint32_t set = g->rows->at[g->rows->n - 1].set;
	return turf_add_row(g->rows, g->end, 0, set) < 0 ? -ENOMEM : 1;
}

int turf_guess_rows(struct builder *b, uint64_t start, uint64_t end, size_t *at,
                    struct step_list *steps, struct row_list *rows)
{
	const struct syms *syms = &b->syms;
	uint16_t machine = b->in.source.elf.machine;
	bool known = !b->in.source.addrs && (machine == EM_X86_64 || machine == EM_AARCH64);
	int any = 0;
	for (; *at < syms->n && syms->at[*at].start < end; ++*at) {
		const struct sym *s = &syms->at[*at];
		if (s->start < start || (s->type != STT_FUNC && s->type != STT_GNU_IFUNC))
			continue;
		size_t next = *at + 1;
		while (next < syms->n && syms->at[next].start == s->start)
			next++;
		uint64_t size = MIN(s->size, end - s->start);
		if (next < syms->n)
			size = MIN(size, syms->at[next].start - s->start);
		start = s->start + MAX(size, (uint64_t)1);
		struct guess g = { steps, rows, .start = s->start, .end = s->start + size };
		any = 1;
		int r = known && size ? guess_function(b, &g) : 0;
		if (r < 0)
			return r;
	}
	return any;
}
