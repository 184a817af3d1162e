/* SPDX-License-Identifier: MIT */
/* Macros of units: see macros.h. */
#include "dwarf/macros.h"
#include "dwarf/internal.h"

enum { /* operations, 7.23; GNU's of version 4 have the same numbers up to import_sup */
       OP_DEFINE = 1,
       OP_UNDEF,
       OP_START_FILE,
       OP_END_FILE,
       OP_DEFINE_STRP,
       OP_UNDEF_STRP,
       OP_IMPORT,
       OP_DEFINE_SUP,
       OP_UNDEF_SUP,
       OP_IMPORT_SUP,
       OP_DEFINE_STRX,
       OP_UNDEF_STRX,
       OP_VENDOR_OLD = 0xff, /* of .debug_macinfo */
};
enum { /* flags of a header, 6.3.1 */
       FLAG_LONG = 1,
       FLAG_LINES = 2,
       FLAG_FORMS = 4,
};

static int macros_fail(const struct dwarf_macros *walk, const char *why, struct turf_error *err)
{
	size_t off = cur_off(&walk->at);
	return turf_fail(err, -EBADMSG, off, "macros at 0x%zx of .debug_mac%s: %s", off,
	                 walk->old ? "info" : "ro", why);
}

/* The forms of the operations that the header describes, which may be those that we know. */
static void pass_forms(struct cursor *c)
{
	unsigned n = cur_u8(c);
	for (unsigned i = 0; i < n && !c->bad; i++) {
		cur_skip(c, 1);
		cur_skip(c, cur_uleb(c));
	}
}

static int read_header(struct dwarf_macros *walk, struct turf_error *err)
{
	struct cursor *c = &walk->at;
	uint16_t version = cur_u16(c);
	uint8_t flags = cur_u8(c);
	if (!c->bad && version != 4 && version != 5)
		return turf_fail(err, -ENOTSUP, cur_off(c),
		                 "macros at 0x%zx of .debug_macro: version %u, not 4 or 5",
		                 cur_off(c), version);
	walk->offset_size = flags & FLAG_LONG ? 8 : 4;
	if (flags & FLAG_LINES)
		walk->unit.line_off = cur_uint(c, walk->offset_size);
	if (flags & FLAG_FORMS) {
		walk->forms = *c;
		pass_forms(c);
	}
	return c->bad ? macros_fail(walk, "a header leaves the section", err) : 1;
}

static int begin(struct dwarf_macros *walk, const struct dwarf_sections *in, uint64_t off,
                 struct turf_error *err)
{
	walk->unit.in = in;
	walk->at = cur_of(walk->old ? in->macinfo : in->macro, in->big);
	walk->forms = (struct cursor){ 0 };
	walk->needs_unit = false;
	cur_seek(&walk->at, off);
	if (walk->at.bad)
		return macros_fail(walk, "they begin outside", err);
	return walk->old ? 1 : read_header(walk, err);
}

int turf_dwarf_macros(const struct dwarf *dw, const struct dwarf_unit *unit,
                      struct dwarf_macros *ret, struct turf_error *err)
{
	if (unit->error || unit->macro_off == DWARF_NONE)
		return 0;
	*ret = (struct dwarf_macros){ .dw = dw, .unit = *unit, .old = unit->macro_old };
	return begin(ret, unit->in, unit->macro_off, err);
}

int turf_dwarf_import(const struct dwarf_macros *from, const struct dwarf_macro *import,
                      struct dwarf_macros *ret, struct turf_error *err)
{
	*ret = (struct dwarf_macros){ .dw = from->dw, .unit = from->unit };
	return begin(ret, import->in, import->off, err);
}

static void take_text(struct dwarf_macros *walk, enum dwarf_class class, uint64_t u,
                      struct dwarf_macro *ret)
{
	const struct dwarf_value value = { class, u };
	if (turf_dwarf_string(walk->dw, &walk->unit, &value, &ret->text) != 1)
		ret->text = NULL;
}

/* The operands of a definition, or of its end: of these the lowest bit of @op tells nothing. */
static void read_text(struct dwarf_macros *walk, unsigned op, struct dwarf_macro *ret)
{
	struct cursor *c = &walk->at;
	ret->line = cur_uleb(c);
	switch (op) {
	case OP_DEFINE:
	case OP_UNDEF:
		ret->text = cur_str(c);
		break;
	case OP_DEFINE_STRP:
	case OP_UNDEF_STRP:
		take_text(walk, VALUE_STR, cur_uint(c, walk->offset_size), ret);
		break;
	case OP_DEFINE_STRX:
	case OP_UNDEF_STRX:
		walk->needs_unit = true;
		take_text(walk, VALUE_STR_INDEX, cur_uleb(c), ret);
		break;
	default:
		take_text(walk, VALUE_ALT_STR, cur_uint(c, walk->offset_size), ret);
	}
}

/* Over an operation that only the header describes: false where it does not. */
static bool pass_unknown(struct dwarf_macros *walk, unsigned op)
{
	struct cursor f = walk->forms;
	const struct dwarf_sizes sizes = { walk->unit.address_size, walk->offset_size,
		                           walk->offset_size };
	unsigned n = f.at ? cur_u8(&f) : 0;
	for (unsigned i = 0; i < n && !f.bad; i++) {
		bool is = cur_u8(&f) == op;
		uint64_t operands = cur_uleb(&f);
		for (uint64_t k = 0; is && k < operands; k++) {
			struct dwarf_value value;
			if (!turf_dwarf_value(&walk->at, cur_u8(&f), sizes, &value) || f.bad)
				return false;
		}
		if (is)
			return !f.bad;
		cur_skip(&f, operands);
	}
	return false;
}

/* Behind its number: 1, 0 it tells nothing, < 0. */
static int read_operation(struct dwarf_macros *walk, unsigned op, struct dwarf_macro *ret)
{
	struct cursor *c = &walk->at;
	if (walk->old && op == OP_VENDOR_OLD) {
		(void)cur_uleb(c);
		(void)cur_str(c);
		return 0;
	}
	if (walk->old && op > OP_END_FILE)
		return -EBADMSG;
	switch (op) {
	case OP_DEFINE:
	case OP_DEFINE_STRP:
	case OP_DEFINE_SUP:
	case OP_DEFINE_STRX:
		ret->kind = MACRO_DEFINE;
		read_text(walk, op, ret);
		return 1;
	case OP_UNDEF:
	case OP_UNDEF_STRP:
	case OP_UNDEF_SUP:
	case OP_UNDEF_STRX:
		ret->kind = MACRO_UNDEF;
		read_text(walk, op, ret);
		return 1;
	case OP_START_FILE:
		ret->kind = MACRO_START_FILE;
		ret->line = cur_uleb(c);
		ret->file = cur_uleb(c);
		walk->needs_unit = true;
		return 1;
	case OP_END_FILE:
		ret->kind = MACRO_END_FILE;
		return 1;
	case OP_IMPORT:
	case OP_IMPORT_SUP:
		ret->kind = MACRO_IMPORT;
		ret->off = cur_uint(c, walk->offset_size);
		ret->in = op == OP_IMPORT ? walk->unit.in : walk->dw->alt;
		return 1;
	default:
		return pass_unknown(walk, op) ? 0 : -EBADMSG;
	}
}

int turf_dwarf_next_macro(struct dwarf_macros *walk, struct dwarf_macro *ret,
                          struct turf_error *err)
{
	for (;;) {
		*ret = (struct dwarf_macro){ .kind = MACRO_DEFINE };
		unsigned op = cur_u8(&walk->at);
		if (!op && !walk->at.bad)
			return 0;
		int r = walk->at.bad ? 0 : read_operation(walk, op, ret);
		if (walk->at.bad)
			return macros_fail(walk, "they have no end", err);
		if (r < 0)
			return macros_fail(walk, "an operation of unknown kind", err);
		if (r)
			return 1;
	}
}
