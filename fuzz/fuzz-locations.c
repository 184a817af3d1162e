/* SPDX-License-Identifier: MIT */
/*
 * Lists of locations of any bytes, and the expressions in them: read, made independent of their
 * unit, then read as an urf's.
 *
 * The first byte says how: version 4 or 5, addresses of 4 or 8 bytes, byte order, a split unit.
 */
#include "dwarf/expr.h"
#include "dwarf/locations.h"
#include "image/image.h"
#include "turf/variables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int number(void *ctx, uint64_t die, uint32_t *ret)
{
	(void)ctx;
	*ret = (uint32_t)die;
	return die & 1 ? -ENOTSUP : 0;
}

static int variable(void *ctx, uint64_t die, uint64_t *ret)
{
	(void)ctx;
	*ret = die + 2;
	return die & 1 ? -ENOTSUP : 0;
}

/* A DIE stands for the end of the expression that names it. */
static int called(void *ctx, uint64_t die, struct dwarf_expr_called *ret)
{
	const struct dwarf_expr_called *self = ctx;
	if (die % 4 == 3)
		return -ENOTSUP;
	*ret = *self;
	ret->is_procedure = die % 4 == 1;
	ret->expr = span_part(self->expr, MIN(die / 4, (uint64_t)self->expr.size),
	                      self->expr.size - MIN(die / 4, (uint64_t)self->expr.size));
	return die % 4 != 2;
}

static int some_word(void *ctx, uint64_t *value)
{
	*value = (uintptr_t)ctx;
	return 0;
}

static int some_register(void *ctx, uint32_t reg, uint64_t *value)
{
	*value = (uintptr_t)ctx + reg;
	return 0;
}

static int some_memory(void *ctx, uint64_t addr, void *out, size_t size)
{
	(void)ctx;
	memset(out, (int)addr, size);
	return 0;
}

/* What is made of an expression is well-formed, and stays as it is when it is read again. */
static void read_expr(const struct dwarf_unit *unit, struct span expr)
{
	const struct dwarf dw = { 0 };
	struct dwarf_expr_called self = { unit, expr, false };
	const struct dwarf_expr_dies dies = { &self, number, variable, called };
	const struct turf_context context = { .reg = some_register,
		                              .memory = some_memory,
		                              .cfa = some_word };
	struct turf_piece pieces[4];
	struct buf out = { 0 };
	bool anywhere = true;
	char text[64];
	if (turf_dwarf_expression(&dw, unit, expr, &dies, &out, &anywhere) == 0 && out.n) {
		if (turf_location_ops(out.at, out.n, text, sizeof(text)) < 0)
			abort();
		(void)turf_location_words(62, out.at, out.n, text, sizeof(text));
		static const struct turf_image no_image;
		(void)turf_location_evaluate(&no_image, out.at, out.n, &context, pieces,
		                             COUNT(pieces));
	}
	vec_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	struct dwarf_sections s = { .big = data[0] & 1 };
	struct span rest = { data + 1, size - 1 };
	s.loc = s.loclists = s.addr = rest;
	struct dwarf_unit unit = { .in = &s, .end = size };
	unit.version = data[0] & 2 ? 5 : 4;
	unit.address_size = data[0] & 4 ? 4 : 8;
	unit.offset_size = data[0] & 8 ? 8 : 4;
	unit.skeleton = data[0] & 16 ? 1 : 0;
	struct dwarf_locations walk;
	struct dwarf_location l;
	turf_dwarf_locations(&unit, 0, data[0] & 32, &walk);
	while (turf_dwarf_next_location(&walk, &l, NULL) == 1) {
		if (!l.is_default && l.range.start >= l.range.end)
			abort();
		read_expr(&unit, l.expr);
	}
	read_expr(&unit, rest);
	return 0;
}
