/* SPDX-License-Identifier: MIT */
/*
 * Line tables: one line program -> rows, in program order.
 *
 * In:     .debug_line of one unit, versions 2 to 5 (the table's own, which may differ from the
 *         unit's)
 * Cost:   one pass, no allocation
 * Trust:  none; every opcode takes at least a byte and gives at most a row
 * Source: DWARF 5 section 6.2, DWARF 4 section 6.2
 */
#include <limits.h>

#include "dwarf/internal.h"

static int line_fails(const struct dwarf_lines *lines, const struct cursor *c, const char *why,
                      struct turf_error *err)
{
	return turf_fail(err, -EBADMSG, cur_off(c), "line table at 0x%llx of .debug_line: %s",
	                 (unsigned long long)lines->unit->line_off, why);
}

static const struct dwarf_line_row first_row = { .file = 1, .line = 1 };

static void begin_sequence(struct dwarf_lines *lines)
{
	lines->row = first_row;
	lines->row.is_stmt = lines->default_is_stmt;
	lines->op_index = 0;
}

/* Columns of a directory or file table, version 5. Tables with more columns than we have room
 * for are not read: five are defined, producers add one or two. */
static int read_format(struct cursor *c, struct dwarf_format *format)
{
	unsigned n = cur_u8(c);
	if (n > COUNT(format->entry))
		return -ENOTSUP;
	format->n = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		uint64_t content = cur_uleb(c), form = cur_uleb(c);
		format->entry[i].content = (uint16_t)MIN(content, UINT16_MAX);
		format->entry[i].form = (uint16_t)MIN(form, UINT16_MAX);
	}
	return 0;
}

/* Number of entries of a table, version 5. Each takes a byte at least, so a greater one is
 * wrong; this also ends loops over entries of which none takes any. */
static uint64_t read_count(struct cursor *c)
{
	uint64_t n = cur_uleb(c);
	if (n > cur_left(c))
		c->bad = true;
	return c->bad ? 0 : n;
}

static int read_tables_5(struct dwarf_lines *lines, struct cursor *c)
{
	int r = read_format(c, &lines->directory_format);
	if (r < 0)
		return r;
	lines->n_directories = read_count(c);
	lines->directories = *c;
	for (uint64_t i = 0; i < lines->n_directories && !c->bad; i++)
		if (turf_dwarf_file_entry(lines, &lines->directory_format, c, NULL) < 0)
			return -EBADMSG;
	r = read_format(c, &lines->file_format);
	if (r < 0)
		return r;
	lines->n_files = read_count(c);
	lines->files = *c;
	return c->bad ? -EBADMSG : 0;
}

/* Before version 5: strings up to an empty one, then files up to one with an empty name. */
static int read_tables_4(struct dwarf_lines *lines, struct cursor *c)
{
	lines->directories = *c;
	lines->n_directories = 0;
	for (;;) {
		const char *s = cur_str(c);
		if (c->bad)
			return -EBADMSG;
		if (!*s)
			break;
		lines->n_directories++;
	}
	lines->files = *c;
	return 0;
}

static void read_lengths(struct dwarf_lines *lines, struct cursor *c)
{
	for (unsigned i = 1; i < lines->opcode_base; i++)
		lines->lengths[i] = cur_u8(c);
}

/* The header behind unit_length and version, up to the tables. */
static const char *read_header(struct dwarf_lines *lines, struct cursor *c)
{
	lines->address_size = lines->unit->address_size;
	if (lines->version >= 5) {
		lines->address_size = cur_u8(c);
		cur_skip(c, 1); /* segment_selector_size */
	}
	uint64_t header_length = cur_uint(c, lines->offset_size);
	lines->program = *c;
	cur_skip(&lines->program, header_length);
	lines->min_inst = cur_u8(c);
	lines->max_ops = lines->version >= 4 ? cur_u8(c) : 1;
	if (lines->max_ops == 0)
		lines->max_ops = 1; /* what some assemblers mean by it */
	lines->default_is_stmt = cur_u8(c) != 0;
	lines->line_base = (int8_t)cur_u8(c);
	lines->line_range = cur_u8(c);
	lines->opcode_base = cur_u8(c);
	if (c->bad || lines->program.bad)
		return "its header leaves the table";
	if (lines->opcode_base == 0)
		return "its opcode_base is 0";
	if (lines->address_size != 4 && lines->address_size != 8)
		return "its addresses have neither 4 nor 8 bytes";
	c->end = lines->program.at; /* what follows must lie before the program */
	if (c->at > c->end)
		return "its header is longer than it says";
	read_lengths(lines, c);
	return c->bad ? "its header is longer than it says" : NULL;
}

/* unit_length: c ends where the table does. */
static bool read_length(struct dwarf_lines *lines, struct cursor *c)
{
	uint64_t length = cur_u32(c);
	lines->offset_size = 4;
	if (length == UINT32_MAX) {
		length = cur_u64(c);
		lines->offset_size = 8;
	} else if (length >= 0xfffffff0) {
		return false;
	}
	if (c->bad || length > cur_left(c))
		return false;
	c->end = c->at + length;
	return true;
}

static int read_all(struct dwarf_lines *lines, struct cursor *c, struct turf_error *err)
{
	if (!read_length(lines, c))
		return line_fails(lines, c, "its length leaves the section", err);
	lines->version = cur_u16(c);
	if (c->bad)
		return line_fails(lines, c, "its header leaves the table", err);
	if (lines->version < 2 || lines->version > 5)
		return turf_fail(err, -ENOTSUP, lines->unit->line_off,
		                 "line table at 0x%llx of .debug_line: version %u",
		                 (unsigned long long)lines->unit->line_off, lines->version);
	const char *why = read_header(lines, c);
	if (why)
		return line_fails(lines, c, why, err);
	int r = lines->version >= 5 ? read_tables_5(lines, c) : read_tables_4(lines, c);
	if (r == -ENOTSUP)
		return turf_fail(err, r, cur_off(c),
		                 "line table at 0x%llx of .debug_line: more than %zu columns",
		                 (unsigned long long)lines->unit->line_off,
		                 COUNT(lines->file_format.entry));
	return r < 0 ? line_fails(lines, c, "malformed directory or file table", err) : 0;
}

int turf_dwarf_lines(const struct dwarf *dw, const struct dwarf_unit *unit,
                     struct dwarf_lines *ret, struct turf_error *err)
{
	if (unit->line_off == DWARF_NONE)
		return 0;
	struct dwarf_lines lines = { .dw = dw, .unit = unit };
	struct cursor c = cur_of(unit->in->line, unit->in->big);
	cur_seek(&c, unit->line_off);
	if (c.bad)
		return line_fails(&lines, &c, "it lies outside of the section", err);
	int r = read_all(&lines, &c, err);
	if (r < 0)
		return r;
	begin_sequence(&lines);
	*ret = lines;
	return 1;
}

/* Advances by @n operations, 6.2.5.1; on machines without VLIW one is one instruction. */
static inline void advance(struct dwarf_lines *lines, uint64_t n)
{
	if (lines->max_ops == 1) {
		lines->row.addr += lines->min_inst * n;
		return;
	}
	uint64_t ops = lines->op_index + n;
	lines->row.addr += lines->min_inst * (ops / lines->max_ops);
	lines->op_index = (uint8_t)(ops % lines->max_ops);
}

/* What telling a row does to the registers, 6.2.5.2. */
static inline void tell(struct dwarf_lines *lines, struct dwarf_line_row *ret)
{
	*ret = lines->row;
	lines->row.discriminator = 0;
	lines->row.prologue_end = lines->row.epilogue_begin = false;
}

static uint32_t narrow(uint64_t n)
{
	return (uint32_t)MIN(n, (uint64_t)UINT32_MAX);
}

static inline bool special(struct dwarf_lines *lines, uint8_t opcode,
                           struct dwarf_line_row *ret)
{
	if (lines->line_range == 0)
		return false;
	unsigned adjusted = (unsigned)(opcode - lines->opcode_base);
	advance(lines, adjusted / lines->line_range);
	lines->row.line += (uint32_t)(lines->line_base + (int)(adjusted % lines->line_range));
	tell(lines, ret);
	return true;
}

/* 1 a row, 0 none, -EBADMSG. An unknown opcode is skipped; so is one of no length, which some
 * tools leave as padding. */
static int extended(struct dwarf_lines *lines, struct dwarf_line_row *ret)
{
	struct cursor c = cur_carve(&lines->program, cur_uleb(&lines->program));
	if (lines->program.bad)
		return -EBADMSG;
	if (!cur_left(&c))
		return 0;
	switch (cur_u8(&c)) {
	case DW_LNE_end_sequence:
		lines->row.end_sequence = true;
		*ret = lines->row;
		begin_sequence(lines);
		return 1;
	case DW_LNE_set_address:
		lines->row.addr = cur_uint(&c, (unsigned)MIN(cur_left(&c), (size_t)9));
		lines->op_index = 0;
		break;
	case DW_LNE_set_discriminator:
		lines->row.discriminator = narrow(cur_uleb(&c));
		break;
	case DW_LNE_define_file:
		lines->defined = c;
		break;
	default:
		break;
	}
	return c.bad ? -EBADMSG : 0;
}

static void skip_unknown(struct dwarf_lines *lines, uint8_t opcode)
{
	for (unsigned i = 0; i < lines->lengths[opcode]; i++)
		(void)cur_uleb(&lines->program);
}

/* 1 a row, 0 none, -EBADMSG. */
static int standard(struct dwarf_lines *lines, uint8_t opcode, struct dwarf_line_row *ret)
{
	struct cursor *c = &lines->program;
	switch (opcode) {
	case 0:
		return extended(lines, ret);
	case DW_LNS_copy:
		tell(lines, ret);
		return 1;
	case DW_LNS_advance_pc:
		advance(lines, cur_uleb(c));
		break;
	case DW_LNS_advance_line:
		lines->row.line += (uint32_t)cur_sleb(c);
		break;
	case DW_LNS_set_file:
		lines->row.file = narrow(cur_uleb(c));
		break;
	case DW_LNS_set_column:
		lines->row.column = narrow(cur_uleb(c));
		break;
	case DW_LNS_negate_stmt:
		lines->row.is_stmt = !lines->row.is_stmt;
		break;
	case DW_LNS_set_basic_block:
		break;
	case DW_LNS_set_epilogue_begin:
		lines->row.epilogue_begin = true;
		break;
	case DW_LNS_const_add_pc:
		if (lines->line_range == 0)
			return -EBADMSG;
		advance(lines, (255U - lines->opcode_base) / lines->line_range);
		break;
	case DW_LNS_fixed_advance_pc:
		lines->row.addr += cur_u16(c);
		lines->op_index = 0;
		break;
	case DW_LNS_set_prologue_end:
		lines->row.prologue_end = true;
		break;
	case DW_LNS_set_isa:
		(void)cur_uleb(c);
		break;
	default:
		skip_unknown(lines, opcode);
		break;
	}
	return 0;
}

int turf_dwarf_line_step(struct dwarf_lines *lines, struct dwarf_line_row *ret)
{
	uint8_t opcode = cur_u8(&lines->program);
	int r;
	if (opcode >= lines->opcode_base)
		r = special(lines, opcode, ret) ? 1 : -EBADMSG;
	else
		r = standard(lines, opcode, ret);
	return lines->program.bad ? -EBADMSG : r;
}

/* The registers while they are run through quickly, and where the program stands. */
struct sprint {
	const uint8_t *at, *end;
	struct dwarf_line_row row;
	uint32_t min_inst, opcode_base, line_range, reciprocal;
	int32_t line_base;
	bool last_only;
	uint64_t last; /* address of the row before */
};

/* A row behind the @n of @rows leaves the registers as it is told, 6.2.5.2, or takes the place
 * of the last: how many there are. Field by field: they are in registers of the machine's. */
static inline size_t put_row(struct sprint *s, struct dwarf_line_row *rows, size_t n)
{
	/* half of them, now and then: no branch could know */
	n -= (size_t)(s->last_only & (s->row.addr == s->last) & (n != 0));
	s->last = s->row.addr;
	struct dwarf_line_row *ret = &rows[n];
	ret->addr = s->row.addr;
	ret->file = s->row.file;
	ret->line = s->row.line;
	ret->column = s->row.column;
	ret->discriminator = s->row.discriminator;
	ret->is_stmt = s->row.is_stmt;
	ret->end_sequence = false;
	ret->prologue_end = s->row.prologue_end;
	ret->epilogue_begin = s->row.epilogue_begin;
	s->row.discriminator = 0;
	s->row.prologue_end = s->row.epilogue_begin = false;
	return n + 1;
}

/* @adjusted / line_range without a division: exact below 256. */
static inline uint32_t quotient(const struct sprint *s, uint32_t adjusted)
{
	return adjusted * s->reciprocal >> 16;
}

/* A number of up to three bytes; there are as many left. False: it has more. */
static inline bool short_uleb(struct sprint *s, uint32_t *ret)
{
	const uint8_t *at = s->at;
	*ret = at[0] & 0x7f;
	s->at += 1;
	if (!(at[0] & 0x80))
		return true;
	*ret |= (at[1] & 0x7fU) << 7;
	s->at += 1;
	if (!(at[1] & 0x80))
		return true;
	*ret |= (at[2] & 0x7fU) << 14;
	s->at += 1;
	return !(at[2] & 0x80);
}

/* The same with a sign: of the last bit. */
static inline bool short_sleb(struct sprint *s, uint32_t *ret)
{
	const uint8_t *begin = s->at;
	if (!short_uleb(s, ret))
		return false;
	unsigned unused = 32 - 7 * (unsigned)(s->at - begin);
	*ret = (uint32_t)((int32_t)(*ret << unused) >> unused);
	return true;
}

/* DW_LNE_set_discriminator, as it is written; false: another one, or a greater number. */
static inline bool short_discriminator(struct sprint *s)
{
	if (s->at[0] != 2 || s->at[1] != DW_LNE_set_discriminator || s->at[2] & 0x80)
		return false;
	s->row.discriminator = s->at[2];
	s->at += 3;
	return true;
}

/* A standard opcode: 1 it tells a row, 0 it does not, -1 it is to be done the long way. */
static inline int short_standard(struct sprint *s, uint8_t opcode)
{
	uint32_t n;
	switch (opcode) {
	case 0:
		return short_discriminator(s) ? 0 : -1;
	case DW_LNS_copy:
		return 1;
	case DW_LNS_advance_pc:
		if (!short_uleb(s, &n))
			return -1;
		s->row.addr += (uint64_t)s->min_inst * n;
		return 0;
	case DW_LNS_advance_line:
		if (!short_sleb(s, &n))
			return -1;
		s->row.line += n;
		return 0;
	case DW_LNS_set_file:
		return short_uleb(s, &s->row.file) ? 0 : -1;
	case DW_LNS_set_column:
		return short_uleb(s, &s->row.column) ? 0 : -1;
	case DW_LNS_negate_stmt:
		s->row.is_stmt = !s->row.is_stmt;
		return 0;
	case DW_LNS_const_add_pc:
		s->row.addr += (uint64_t)s->min_inst * quotient(s, 255 - s->opcode_base);
		return 0;
	case DW_LNS_set_prologue_end:
		s->row.prologue_end = true;
		return 0;
	case DW_LNS_set_epilogue_begin:
		s->row.epilogue_begin = true;
		return 0;
	default:
		return -1;
	}
}

enum { LONGEST = 4 }; /* bytes that an opcode done quickly looks at */

/*
 * Runs the program up to @max rows or to what is out of the ordinary: a number of many bytes,
 * an opcode that is seldom, the last bytes. Answers the number of rows. What it may have read
 * in vain has changed only what will be read again.
 */
static size_t run(struct dwarf_lines *lines, struct dwarf_line_row *rows, size_t max)
{
	struct sprint s = { .at = lines->program.at,
		            .end = lines->program.end,
		            .row = lines->row,
		            .min_inst = lines->min_inst,
		            .opcode_base = lines->opcode_base,
		            .line_range = lines->line_range,
		            .line_base = lines->line_base,
		            .last_only = lines->last_only };
	size_t n = 0;
	if (lines->max_ops != 1 || s.line_range == 0)
		return 0;
	s.reciprocal = (1U << 16) / s.line_range + 1;
	const uint8_t *at = s.at;
	while (n < max && s.end - s.at >= LONGEST) {
		at = s.at;
		uint8_t opcode = *s.at++;
		if (opcode >= s.opcode_base) {
			uint32_t adjusted = opcode - s.opcode_base;
			uint32_t steps = quotient(&s, adjusted);
			s.row.addr += (uint64_t)s.min_inst * steps;
			s.row.line += (uint32_t)s.line_base + adjusted - steps * s.line_range;
			n = put_row(&s, rows, n);
			continue;
		}
		int r = short_standard(&s, opcode);
		if (r < 0) {
			s.at = at;
			break;
		}
		if (r > 0)
			n = put_row(&s, rows, n);
	}
	lines->program.at = s.at;
	lines->row = s.row;
	return n;
}

int turf_dwarf_next_lines(struct dwarf_lines *lines, struct dwarf_line_row *rows, size_t max,
                          struct turf_error *err)
{
	size_t n = 0;
	max = MIN(max, (size_t)INT_MAX);
	while (n < max && !lines->program.bad && cur_left(&lines->program)) {
		n += run(lines, rows + n, max - n);
		if (n == max || !cur_left(&lines->program))
			break;
		struct dwarf_line_row row;
		int r = turf_dwarf_line_step(lines, &row);
		if (r < 0)
			lines->program.bad = true;
		if (r > 0)
			rows[n++] = row;
	}
	if (n) /* what is malformed is told behind the rows before it */
		return (int)n;
	return lines->program.bad ? line_fails(lines, &lines->program, "malformed program", err)
	                          : 0;
}

int turf_dwarf_next_line(struct dwarf_lines *lines, struct dwarf_line_row *ret,
                         struct turf_error *err)
{
	struct dwarf_line_row row;
	int r = turf_dwarf_next_lines(lines, &row, 1, err);
	if (r > 0)
		*ret = row;
	return r;
}
