/* SPDX-License-Identifier: MIT */
/*
 * Abbreviations: one table of .debug_abbrev -> for each kind of DIE how to read it or to step
 * over it, and whether a walk for code must look at it or below it.
 *
 * Cost:   one pass; memory at most 64 times the bytes read
 * Source: DWARF 5 section 7.5.3
 *
 * What may hold code. gcc keeps functions where they were first seen: a nested function or a
 * local class's method lies in its function even where that is only ever inlined and so an
 * abstract instance; a class's methods then lie in the class. rustc and others put functions in
 * structures and enumerations. So types are passed over only where scopes.c knows the producer,
 * abstract instances nowhere. Declarations of functions, parameters, call sites and the types
 * that have no members hold no code anywhere. A tag that we do not know is looked into.
 */
#include "dwarf/internal.h"
#include "base/vec.h"

/* What is known of one abbreviation while its attributes are read. */
struct plan {
	struct dwarf_decoder *d;
	struct dwarf_sizes sizes;
	uint64_t skip;       /* bytes before the next step */
	uint64_t fixed;      /* of all forms of fixed size */
	uint64_t sibling_at; /* fixed bytes before a DW_FORM_ref4 sibling; UINT64_MAX: none */
	uint64_t block_at;   /* fixed bytes before the last block */
	unsigned n_blocks, n_others; /* forms that tell their own end */
	uint32_t slots;              /* a bit for each enum dwarf_slot */
	bool named;                  /* all wanted attributes are taken, else the sibling */
	bool children, declaration;
};

enum dwarf_slot turf_dwarf_slot(uint64_t at)
{
	switch (at) {
	case DW_AT_sibling:
		return SLOT_SIBLING;
	case DW_AT_name:
		return SLOT_NAME;
	case DW_AT_low_pc:
		return SLOT_LOW;
	case DW_AT_high_pc:
		return SLOT_HIGH;
	case DW_AT_abstract_origin:
		return SLOT_ORIGIN;
	case DW_AT_decl_file:
		return SLOT_DECL_FILE;
	case DW_AT_decl_line:
		return SLOT_DECL_LINE;
	case DW_AT_specification:
		return SLOT_SPECIFICATION;
	case DW_AT_entry_pc:
		return SLOT_ENTRY;
	case DW_AT_ranges:
		return SLOT_RANGES;
	case DW_AT_call_column:
		return SLOT_CALL_COLUMN;
	case DW_AT_call_file:
		return SLOT_CALL_FILE;
	case DW_AT_call_line:
		return SLOT_CALL_LINE;
	case DW_AT_linkage_name:
	case DW_AT_MIPS_linkage_name:
		return SLOT_LINKAGE_NAME;
	case DW_AT_GNU_discriminator:
		return SLOT_DISCRIMINATOR;
	default:
		return SLOT_NONE;
	}
}

static enum dwarf_kind function_kind(const struct plan *p)
{
	bool low = p->slots & 1U << SLOT_LOW, high = p->slots & 1U << SLOT_HIGH;
	if (p->slots & 1U << SLOT_RANGES || (low && high))
		return KIND_CODE;
	return p->declaration ? KIND_SKIP : KIND_CONTAINER;
}

static enum dwarf_kind kind_of(uint64_t tag, const struct plan *p)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
		return function_kind(p);
	case DW_TAG_namespace:
	case DW_TAG_module:
		return KIND_NAMESPACE;
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
	case DW_TAG_enumeration_type:
		return KIND_TYPE;
	case DW_TAG_array_type:
	case DW_TAG_formal_parameter:
	case DW_TAG_string_type:
	case DW_TAG_subroutine_type:
	case DW_TAG_common_block:
	case DW_TAG_set_type:
	case DW_TAG_subrange_type:
	case DW_TAG_namelist:
	case DW_TAG_variable:
	case DW_TAG_call_site:
	case DW_TAG_GNU_call_site:
	case DW_TAG_GNU_template_parameter_pack:
	case DW_TAG_GNU_formal_parameter_pack:
		return KIND_SKIP;
	default:
		return KIND_CONTAINER;
	}
}

static struct dwarf_step *push_step(struct plan *p, enum dwarf_op op, enum dwarf_slot slot)
{
	for (; p->skip > UINT16_MAX; p->skip -= UINT16_MAX) {
		struct dwarf_step *more = vec_push(&p->d->steps);
		if (!more)
			return NULL;
		*more = (struct dwarf_step){ .skip = UINT16_MAX, .op = OP_SKIP };
	}
	struct dwarf_step *step = vec_push(&p->d->steps);
	if (!step)
		return NULL;
	step->skip = (uint16_t)p->skip;
	step->op = (uint8_t)op;
	step->slot = (uint8_t)slot;
	p->skip = 0;
	return step;
}

static bool push_block(struct plan *p, uint8_t size)
{
	p->block_at = p->fixed;
	if (size > 1) /* no short way over it */
		p->n_others++;
	p->n_blocks++;
	struct dwarf_step *step = push_step(p, OP_BLOCK, SLOT_NONE);
	if (step)
		step->size = size;
	return step != NULL;
}

static bool push_any(struct plan *p, uint64_t form, enum dwarf_slot slot)
{
	p->n_others++;
	struct dwarf_step *step = push_step(p, OP_ANY, slot);
	if (step)
		step->form = (uint16_t)form;
	return step != NULL;
}

/* The step over a form whose bytes tell their own end. */
static bool push_variable(struct plan *p, uint64_t form, enum dwarf_slot slot)
{
	switch (form) {
	case DW_FORM_block1:
		return push_block(p, 1);
	case DW_FORM_block2:
		return push_block(p, 2);
	case DW_FORM_block4:
		return push_block(p, 4);
	case DW_FORM_block:
	case DW_FORM_exprloc:
		return push_block(p, 0);
	case DW_FORM_string:
	case DW_FORM_indirect:
		return push_any(p, form, slot);
	default:
		break;
	}
	if (slot != SLOT_NONE)
		return push_any(p, form, slot);
	p->n_others++;
	return push_step(p, OP_ULEB, slot) != NULL;
}

/* A wanted value of fixed size. Sizes that are none of a number's hold nothing we want. */
static bool push_fixed(struct plan *p, uint64_t form, unsigned size, enum dwarf_slot slot)
{
	if (form == DW_FORM_ref4 && slot == SLOT_SIBLING && !p->n_blocks && !p->n_others)
		p->sibling_at = p->fixed;
	p->fixed += size;
	if (slot == SLOT_NONE || size > 8) {
		p->skip += size;
		return true;
	}
	struct dwarf_step *step = push_step(p, OP_FIXED, slot);
	if (!step)
		return false;
	step->form = (uint16_t)form;
	step->size = (uint8_t)size;
	step->class = (uint8_t)turf_dwarf_form_class((uint16_t)form);
	return true;
}

static bool push_constant(struct plan *p, int64_t value, enum dwarf_slot slot)
{
	if (slot == SLOT_NONE)
		return true;
	int64_t *constant = vec_push(&p->d->constants);
	struct dwarf_step *step = constant ? push_step(p, OP_CONST, slot) : NULL;
	if (!step)
		return false;
	*constant = value;
	step->constant = (uint32_t)(p->d->constants.n - 1);
	return true;
}

static bool push_attr(struct plan *p, struct cursor *c, uint64_t at, uint64_t form)
{
	enum dwarf_slot slot = SLOT_NONE;
	if (p->named)
		slot = turf_dwarf_slot(at);
	else if (at == DW_AT_sibling && p->children)
		slot = SLOT_SIBLING;
	p->slots |= 1U << slot;
	p->declaration |= at == DW_AT_declaration;
	if (form == DW_FORM_implicit_const)
		return push_constant(p, cur_sleb(c), slot);
	if (form == DW_FORM_flag_present)
		return push_constant(p, 1, slot);
	int size = turf_dwarf_form_size(form, p->sizes);
	if (size >= 0)
		return push_fixed(p, form, (unsigned)size, slot);
	if (size == -1)
		return push_variable(p, form, slot);
	p->n_others++;
	return push_step(p, OP_UNKNOWN, SLOT_NONE) != NULL;
}

static bool is_function(uint64_t tag)
{
	return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

/* The short way over the DIE that the plan is for, if there is one. */
static struct dwarf_quick quick_of(const struct plan *p, enum dwarf_kind kind)
{
	struct dwarf_quick quick = { .op = QUICK_STOP };
	bool fixed = !p->n_blocks && !p->n_others, below = p->children;
	uint64_t skip = p->fixed;
	if (kind != KIND_CODE && !below && fixed) {
		quick.op = QUICK_PLAIN;
	} else if (kind != KIND_CODE && !below && p->n_blocks == 1 && !p->n_others &&
	           p->fixed - p->block_at <= UINT8_MAX) {
		quick.op = QUICK_BLOCK;
		skip = p->block_at;
		quick.tail = (uint8_t)(p->fixed - skip);
	} else if (below && kind == KIND_CONTAINER && fixed) {
		quick.op = QUICK_PLAIN;
		quick.level = 1;
	} else if (below && kind == KIND_NAMESPACE && fixed) {
		quick.op = QUICK_NAMESPACE;
	} else if (below && (kind == KIND_SKIP || kind == KIND_TYPE)) {
		quick.op = kind == KIND_TYPE ? QUICK_TYPE : QUICK_LEAP;
		skip = p->sibling_at;
	}
	quick.skip = (uint16_t)skip;
	return skip <= UINT16_MAX ? quick : (struct dwarf_quick){ .op = QUICK_STOP };
}

/* Makes d->usual, if it is not made for @sizes already. */
static void learn_usual(struct dwarf_decoder *d, struct dwarf_sizes sizes)
{
	if (!memcmp(&d->usual_sizes, &sizes, sizeof(sizes)))
		return;
	d->usual_sizes = sizes;
	for (unsigned form = 0; form < N_USUAL_FORMS; form++)
		d->usual[form] = (int8_t)MAX(turf_dwarf_form_size(form, sizes), -1);
}

/* Past attributes that nobody wants, as long as nothing about them is out of the ordinary: most
 * are of some bytes, and both of their numbers are short. */
static void skip_usual(struct plan *p, struct cursor *c)
{
	const uint8_t *at = c->at, *end = c->end;
	uint64_t size = 0;
	while (end - at >= 3) {
		uint8_t attr = at[0], form = at[1];
		if (!attr || attr >= 0x80 || attr == DW_AT_sibling || form >= N_USUAL_FORMS ||
		    p->d->usual[form] < 0)
			break;
		bool constant = form == DW_FORM_implicit_const;
		if (constant && at[2] >= 0x80)
			break;
		p->declaration |= attr == DW_AT_declaration;
		size += (uint64_t)p->d->usual[form];
		at += constant ? 3 : 2;
	}
	p->skip += size;
	p->fixed += size;
	c->at = at;
}

/* Reads attributes up to their end: 1, 0 they are cut, -ENOMEM. */
static int read_attrs(struct plan *p, struct cursor *c)
{
	for (;;) {
		if (!p->named && !c->bad)
			skip_usual(p, c);
		uint64_t at = cur_uleb(c), form = cur_uleb(c);
		if (c->bad)
			return 0;
		if (at == 0 && form == 0)
			return 1;
		if (!push_attr(p, c, at, form))
			return -ENOMEM;
	}
}

/* 1 one abbreviation, 0 the table's end, < 0. A cut one turns the cursor bad. */
static int read_abbrev(struct dwarf_decoder *d, struct cursor *c, struct dwarf_sizes sizes)
{
	uint64_t code = cur_uleb(c);
	if (c->bad || code == 0)
		return 0;
	struct dwarf_code *known = vec_push(&d->codes);
	struct dwarf_abbrev *a = vec_push(&d->abbrevs);
	if (!a || !known)
		return -ENOMEM;
	*known = (struct dwarf_code){ code, (uint32_t)(d->abbrevs.n - 1) };
	uint64_t tag = cur_uleb(c);
	struct plan p = { .d = d, .sizes = sizes, .sibling_at = UINT64_MAX };
	p.named = is_function(tag);
	p.children = cur_u8(c) != 0;
	size_t first = d->steps.n;
	a->attrs = (uint32_t)cur_off(c);
	int r = read_attrs(&p, c);
	if (r <= 0)
		return r;
	enum dwarf_kind kind = kind_of(tag, &p);
	bool fixed = !p.n_blocks && !p.n_others && p.fixed < NOT_FIXED;
	a->tag = (uint16_t)MIN(tag, UINT16_MAX);
	a->children = p.children;
	a->named = p.named;
	a->kind = (uint8_t)kind;
	a->quick = quick_of(&p, kind);
	a->fixed = fixed ? (uint32_t)p.fixed : NOT_FIXED;
	a->step = fixed && d->steps.n == first ? NO_STEPS : (uint32_t)first;
	return a->step == NO_STEPS || push_step(&p, OP_END, SLOT_NONE) ? 1 : -ENOMEM;
}

static int by_code(const void *pa, const void *pb)
{
	const struct dwarf_code *a = pa, *b = pb;
	return (a->code > b->code) - (a->code < b->code);
}

static bool are_dense(const struct dwarf_code *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (codes[i].code != i + 1)
			return false;
	return true;
}

/* Puts codes in order; false: one occurs twice. */
static bool order(struct dwarf_code *codes, size_t n)
{
	qsort(codes, n, sizeof(*codes), by_code);
	for (size_t i = 1; i < n; i++)
		if (codes[i - 1].code == codes[i].code)
			return false;
	return true;
}

static void *keep(struct arena *arena, const void *at, size_t n, size_t element)
{
	void *copy = turf_arena_take(arena, n * element);
	if (copy && n)
		memcpy(copy, at, n * element);
	return copy;
}

/* The short ways side by side, in few cache lines; a null entry's first. */
static struct dwarf_quick *quick_table(const struct dwarf_abbrevs *table, struct arena *arena)
{
	struct dwarf_quick *quick = turf_arena_take(arena, (table->n + 1) * sizeof(*quick));
	if (!quick)
		return NULL;
	quick[0] = (struct dwarf_quick){ .op = QUICK_PLAIN, .level = -1 };
	for (size_t i = 0; i < table->n; i++)
		quick[i + 1] = table->at[i].quick;
	return quick;
}

/* The finished table in the arena's memory. */
static struct dwarf_abbrevs *finish(const struct dwarf_decoder *d, const uint8_t *begin)
{
	struct dwarf_abbrevs *ret = turf_arena_alloc(d->arena, sizeof(*ret));
	if (!ret)
		return NULL;
	ret->begin = begin;
	ret->n = d->abbrevs.n;
	ret->at = keep(d->arena, d->abbrevs.at, ret->n, sizeof(*ret->at));
	ret->steps = keep(d->arena, d->steps.at, d->steps.n, sizeof(*ret->steps));
	ret->constants =
		keep(d->arena, d->constants.at, d->constants.n, sizeof(*ret->constants));
	if (!ret->at || !ret->steps || !ret->constants)
		return NULL;
	if (are_dense(d->codes.at, ret->n)) {
		ret->quick = quick_table(ret, d->arena);
		return ret->quick ? ret : NULL;
	}
	if (!order(d->codes.at, ret->n)) {
		ret->error = -EBADMSG;
		ret->error_text = "an abbreviation code occurs twice";
	}
	ret->codes = keep(d->arena, d->codes.at, ret->n, sizeof(*ret->codes));
	return ret->codes ? ret : NULL;
}

static struct dwarf_abbrevs *malformed(struct arena *arena, int error, const char *text)
{
	struct dwarf_abbrevs *ret = turf_arena_alloc(arena, sizeof(*ret));
	if (ret)
		*ret = (struct dwarf_abbrevs){ .error = error, .error_text = text };
	return ret;
}

struct dwarf_abbrevs *turf_dwarf_abbrevs(struct dwarf_decoder *d, struct cursor *c,
                                         struct dwarf_sizes sizes)
{
	d->abbrevs.n = d->codes.n = d->steps.n = d->constants.n = 0;
	learn_usual(d, sizes);
	c->start = c->at;            /* offsets count from the table */
	if (cur_left(c) > INT32_MAX) /* then no index of ours can overflow */
		c->end = c->at + INT32_MAX;
	int r;
	do {
		r = read_abbrev(d, c, sizes);
	} while (r > 0);
	if (r < 0)
		return NULL;
	if (c->bad)
		return malformed(d->arena, -EBADMSG, "its abbreviations leave .debug_abbrev");
	return finish(d, c->start);
}

void turf_dwarf_decoder_fini(struct dwarf_decoder *d)
{
	vec_fini(&d->abbrevs);
	vec_fini(&d->codes);
	vec_fini(&d->steps);
	vec_fini(&d->constants);
}

const struct dwarf_abbrev *turf_dwarf_sparse_abbrev(const struct dwarf_abbrevs *table,
                                                    uint64_t code)
{
	size_t lo = bisect(mid, table->n, table->codes[mid].code < code);
	return lo < table->n && table->codes[lo].code == code ? &table->at[table->codes[lo].idx]
	                                                      : NULL;
}
