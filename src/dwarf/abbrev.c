/* SPDX-License-Identifier: MIT */
/*
 * Abbreviations: one table of .debug_abbrev -> for each kind of DIE how to step over it, and
 * whether a walk for code must look at it or below it.
 *
 * Cost:   one pass; memory at most 64 times the bytes read
 * Source: DWARF 5 section 7.5.3
 *
 * What may hold code. gcc keeps functions where they were first seen: a nested function or a
 * local class's method lies in its function even where that is only ever inlined and so an
 * abstract instance; a class's methods then lie in the class. rustc and others put functions in
 * structures and enumerations. So types are passed over in C alone, abstract instances nowhere.
 * Declarations of functions, parameters, call sites and the types that have no members hold no
 * code anywhere. A tag that we do not know is looked into.
 */
#include "dwarf/internal.h"
#include "base/vec.h"

/* What is being built; arrays are of the whole table. */
struct builder {
	struct {
		struct dwarf_abbrev *at;
		size_t n, room;
	} abbrevs;
	struct {
		struct dwarf_attr *at;
		size_t n, room;
	} attrs;
	struct {
		struct dwarf_step *at;
		size_t n, room;
	} steps;
	struct {
		int64_t *at;
		size_t n, room;
	} constants;
	struct dwarf_sizes sizes;
	uint64_t skip;  /* bytes before the next step */
	uint64_t fixed; /* of the whole DIE */
	bool stepped;   /* the DIE has a step that is no plain skip */
};

static void builder_fini(struct builder *b)
{
	vec_fini(&b->abbrevs);
	vec_fini(&b->attrs);
	vec_fini(&b->steps);
	vec_fini(&b->constants);
}

/* The attributes that decide what a DIE is to the walk. */
struct traits {
	bool low, high, ranges, declaration, linked;
};

static void note_trait(struct traits *t, uint64_t at)
{
	switch (at) {
	case DW_AT_low_pc:
		t->low = true;
		break;
	case DW_AT_high_pc:
		t->high = true;
		break;
	case DW_AT_ranges:
		t->ranges = true;
		break;
	case DW_AT_declaration:
		t->declaration = true;
		break;
	case DW_AT_abstract_origin:
		t->linked = true;
		break;
	default:
		break;
	}
}

static enum dwarf_kind kind_of(uint64_t tag, const struct traits *t)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
		if (t->ranges || (t->low && t->high))
			return KIND_CODE;
		return t->declaration ? KIND_SKIP : KIND_CONTAINER;
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

static bool push_step(struct builder *b, enum dwarf_op op, uint8_t size)
{
	for (; b->skip > UINT16_MAX; b->skip -= UINT16_MAX) {
		struct dwarf_step *more = vec_push(&b->steps);
		if (!more)
			return false;
		*more = (struct dwarf_step){ UINT16_MAX, OP_MORE, 0 };
	}
	struct dwarf_step *step = vec_push(&b->steps);
	if (!step)
		return false;
	*step = (struct dwarf_step){ (uint16_t)b->skip, (uint8_t)op, size };
	b->skip = 0;
	b->stepped = true;
	return true;
}

/* The step over a form whose bytes tell their own end. */
static bool push_form(struct builder *b, uint64_t form)
{
	switch (form) {
	case DW_FORM_sdata:
	case DW_FORM_udata:
	case DW_FORM_ref_udata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_loclistx:
	case DW_FORM_rnglistx:
	case DW_FORM_GNU_addr_index:
	case DW_FORM_GNU_str_index:
		return push_step(b, OP_ULEB, 0);
	case DW_FORM_string:
		return push_step(b, OP_STRING, 0);
	case DW_FORM_block1:
		return push_step(b, OP_BLOCK, 1);
	case DW_FORM_block2:
		return push_step(b, OP_BLOCK, 2);
	case DW_FORM_block4:
		return push_step(b, OP_BLOCK, 4);
	case DW_FORM_block:
	case DW_FORM_exprloc:
		return push_step(b, OP_BLOCK, 0);
	case DW_FORM_indirect:
		return push_step(b, OP_INDIRECT, 0);
	default:
		return push_step(b, OP_UNKNOWN, 0);
	}
}

/* Siblings are wanted where they are the unit's own offsets; others are just skipped. */
static bool push_sibling(struct builder *b, uint64_t form)
{
	switch (form) {
	case DW_FORM_ref1:
		return push_step(b, OP_SIBLING, 1);
	case DW_FORM_ref2:
		return push_step(b, OP_SIBLING, 2);
	case DW_FORM_ref4:
		return push_step(b, OP_SIBLING, 4);
	case DW_FORM_ref8:
		return push_step(b, OP_SIBLING, 8);
	default:
		return push_step(b, OP_SIBLING, 0);
	}
}

static bool is_own_ref(uint64_t form)
{
	return form >= DW_FORM_ref1 && form <= DW_FORM_ref_udata;
}

static bool push_plan(struct builder *b, uint64_t at, uint64_t form, bool sibling)
{
	if (sibling && at == DW_AT_sibling && is_own_ref(form))
		return push_sibling(b, form);
	int size = form > UINT16_MAX ? -2 : turf_dwarf_form_size((uint16_t)form, b->sizes);
	if (size < 0)
		return push_form(b, form);
	b->skip += (unsigned)size;
	b->fixed += (unsigned)size;
	return true;
}

static bool push_attr(struct builder *b, struct cursor *c, uint64_t at, uint64_t form)
{
	struct dwarf_attr *attr = vec_push(&b->attrs);
	if (!attr)
		return false;
	attr->at = (uint16_t)MIN(at, UINT16_MAX);
	attr->form = (uint16_t)MIN(form, UINT16_MAX);
	attr->constant = (uint32_t)b->constants.n;
	if (form != DW_FORM_implicit_const)
		return true;
	int64_t *constant = vec_push(&b->constants);
	if (constant)
		*constant = cur_sleb(c);
	return constant != NULL;
}

/* The second pass over an abbreviation's attributes, once it is known what it is for. */
static bool plan(struct builder *b, struct dwarf_abbrev *a)
{
	b->skip = b->fixed = 0;
	b->stepped = false;
	a->step = (uint32_t)b->steps.n;
	bool sibling = a->children && (a->kind == KIND_SKIP || a->kind == KIND_TYPE);
	for (uint32_t i = 0; i < a->n_attrs; i++) {
		const struct dwarf_attr *attr = &b->attrs.at[a->attr + i];
		if (!push_plan(b, attr->at, attr->form, sibling))
			return false;
	}
	a->fixed = b->stepped || b->fixed >= NOT_FIXED ? NOT_FIXED : (uint32_t)b->fixed;
	return a->fixed != NOT_FIXED || push_step(b, OP_END, 0);
}

/* 1 one abbreviation, 0 the table's end, < 0. A cut one turns the cursor bad. */
static int read_abbrev(struct builder *b, struct cursor *c)
{
	uint64_t code = cur_uleb(c);
	if (c->bad || code == 0)
		return 0;
	struct dwarf_abbrev *a = vec_push(&b->abbrevs);
	if (!a)
		return -ENOMEM;
	uint64_t tag = cur_uleb(c);
	a->code = code;
	a->tag = (uint16_t)MIN(tag, UINT16_MAX);
	a->children = cur_u8(c) != 0;
	a->attr = (uint32_t)b->attrs.n;
	struct traits traits = { 0 };
	for (;;) {
		uint64_t at = cur_uleb(c), form = cur_uleb(c);
		if (c->bad)
			return 0;
		if (at == 0 && form == 0)
			break;
		note_trait(&traits, at);
		if (!push_attr(b, c, at, form))
			return -ENOMEM;
	}
	a->n_attrs = (uint32_t)b->attrs.n - a->attr;
	a->kind = (uint8_t)kind_of(tag, &traits);
	a->linked = traits.linked;
	return plan(b, a) ? 1 : -ENOMEM;
}

static int by_code(const void *pa, const void *pb)
{
	const struct dwarf_abbrev *a = pa, *b = pb;
	return (a->code > b->code) - (a->code < b->code);
}

/* Puts abbreviations in order and sees whether codes count from 1; false: one occurs twice. */
static bool order(struct dwarf_abbrev *at, size_t n, bool *dense)
{
	bool ordered = true;
	for (size_t i = 1; i < n && ordered; i++)
		ordered = at[i - 1].code < at[i].code;
	if (!ordered)
		qsort(at, n, sizeof(*at), by_code);
	for (size_t i = 1; i < n; i++)
		if (at[i - 1].code == at[i].code)
			return false;
	*dense = n == 0 || (at[0].code == 1 && at[n - 1].code == n);
	return true;
}

static void *keep(struct arena *arena, const void *at, size_t n, size_t element)
{
	void *copy = turf_arena_alloc(arena, n * element);
	if (copy && n)
		memcpy(copy, at, n * element);
	return copy;
}

/* The finished table in @arena's memory. */
static struct dwarf_abbrevs *finish(const struct builder *b, struct arena *arena)
{
	struct dwarf_abbrevs *ret = turf_arena_alloc(arena, sizeof(*ret));
	if (!ret)
		return NULL;
	ret->n = b->abbrevs.n;
	ret->at = keep(arena, b->abbrevs.at, ret->n, sizeof(*ret->at));
	ret->attrs = keep(arena, b->attrs.at, b->attrs.n, sizeof(*ret->attrs));
	ret->steps = keep(arena, b->steps.at, b->steps.n, sizeof(*ret->steps));
	ret->constants = keep(arena, b->constants.at, b->constants.n, sizeof(*ret->constants));
	if (!ret->at || !ret->attrs || !ret->steps || !ret->constants)
		return NULL;
	if (!order(ret->at, ret->n, &ret->dense)) {
		ret->error = -EBADMSG;
		ret->error_text = "an abbreviation code occurs twice";
	}
	return ret;
}

static struct dwarf_abbrevs *malformed(struct arena *arena, int error, const char *text)
{
	struct dwarf_abbrevs *ret = turf_arena_alloc(arena, sizeof(*ret));
	if (ret)
		*ret = (struct dwarf_abbrevs){ .error = error, .error_text = text };
	return ret;
}

struct dwarf_abbrevs *turf_dwarf_abbrevs(struct cursor *c, struct dwarf_sizes sizes,
                                         struct arena *arena)
{
	scoped(builder_fini) struct builder b = { .sizes = sizes };
	if (cur_left(c) > UINT32_MAX) /* then no index of ours can overflow */
		c->end = c->at + UINT32_MAX;
	int r;
	do {
		r = read_abbrev(&b, c);
	} while (r > 0);
	if (r < 0)
		return NULL;
	if (c->bad)
		return malformed(arena, -EBADMSG, "its abbreviations leave .debug_abbrev");
	return finish(&b, arena);
}

const struct dwarf_abbrev *turf_dwarf_sparse_abbrev(const struct dwarf_abbrevs *table,
                                                    uint64_t code)
{
	size_t lo = 0, hi = table->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (table->at[mid].code < code)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < table->n && table->at[lo].code == code ? &table->at[lo] : NULL;
}
