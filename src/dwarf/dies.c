/* SPDX-License-Identifier: MIT */
/*
 * The walk over all DIEs of a unit: a plan for each abbreviation that occurs, made when it
 * does.
 *
 * Cost:   where all forms are of fixed size one load an attribute that is wanted, one add for
 *         the others
 * Trust:  none; each DIE takes a byte or more, and a sibling must lie ahead. A table of
 *         abbreviations costs only what is used of it.
 * Source: DWARF 5 sections 2.3, 7.5.3
 */
#include "base/vec.h"
#include "dwarf/dies.h"
#include "dwarf/internal.h"

static_assert(N_DIE_SLOTS <= 62, "two bits of DIE_TOLD and DIE_PRUNE");
static_assert(DIE_VALUE_CONSTANT == (int)VALUE_CONSTANT &&
                      DIE_VALUE_ADDRESS_INDEX == (int)VALUE_ADDRESS_INDEX &&
                      DIE_VALUE_LIST_INDEX == (int)VALUE_LIST_INDEX &&
                      DIE_VALUE_ALT_STR == (int)VALUE_ALT_STR &&
                      DIE_VALUE_SIGNATURE == (int)VALUE_ELSEWHERE,
              "one is the other");

enum { NOBODY = 0xff, EIGHT = 8 };

enum step_op {
	STEP_END,
	STEP_SKIP,  /* more bytes than one skip holds */
	STEP_FIXED, /* 1 to 8 bytes */
	STEP_CONST, /* stands in the table of abbreviations */
	STEP_ULEB,
	STEP_SLEB,
	STEP_BLOCK, /* length of `size` bytes, 0: a uleb */
	STEP_BYTES, /* `size` bytes */
	STEP_STRING,
	STEP_INDIRECT,
	STEP_UNKNOWN,
};
struct die_step {
	uint16_t skip;
	uint8_t op, slot, size, class;
	uint32_t constant; /* index; 0: the number 0 */
	uint64_t mask;     /* of what is loaded for a value of fixed size; else 0 */
};

struct die_plan {
	uint32_t made; /* as of the table, else it is still to be made */
	uint32_t step;
	uint32_t fixed;   /* bytes of all attributes, NOT_FIXED */
	uint16_t n_steps; /* but the last; of fixed ones below UINT16_MAX */
	uint16_t tag;
	bool children, told, prune;
	uint64_t has;
};

static uint8_t slot_of(uint64_t at)
{
	static const uint8_t slots[] = {
		[0x01] = DIE_SIBLING + 1,        [0x02] = DIE_LOCATION + 1,
		[0x03] = DIE_NAME + 1,           [0x0b] = DIE_BYTE_SIZE + 1,
		[0x0c] = DIE_BIT_OFFSET + 1,     [0x0d] = DIE_BIT_SIZE + 1,
		[0x11] = DIE_LOW_PC + 1,         [0x12] = DIE_HIGH_PC + 1,
		[0x15] = DIE_DISCR + 1,          [0x16] = DIE_DISCR_VALUE + 1,
		[0x18] = DIE_IMPORT + 1,         [0x19] = DIE_STRING_LENGTH + 1,
		[0x1c] = DIE_CONST_VALUE + 1,    [0x1d] = DIE_CONTAINING_TYPE + 1,
		[0x1e] = DIE_DEFAULT_VALUE + 1,  [0x20] = DIE_INLINE + 1,
		[0x22] = DIE_LOWER_BOUND + 1,    [0x27] = DIE_PROTOTYPED + 1,
		[0x2e] = DIE_STRIDE + 1,         [0x2f] = DIE_UPPER_BOUND + 1,
		[0x31] = DIE_ORIGIN + 1,         [0x32] = DIE_ACCESSIBILITY + 1,
		[0x34] = DIE_ARTIFICIAL + 1,     [0x36] = DIE_CALLING_CONVENTION + 1,
		[0x37] = DIE_COUNT + 1,          [0x38] = DIE_MEMBER_LOCATION + 1,
		[0x39] = DIE_DECL_COLUMN + 1,    [0x3a] = DIE_DECL_FILE + 1,
		[0x3b] = DIE_DECL_LINE + 1,      [0x3c] = DIE_DECLARATION + 1,
		[0x3d] = DIE_DISCR_LIST + 1,     [0x3e] = DIE_ENCODING + 1,
		[0x3f] = DIE_EXTERNAL + 1,       [0x40] = DIE_FRAME_BASE + 1,
		[0x47] = DIE_SPECIFICATION + 1,  [0x49] = DIE_TYPE + 1,
		[0x4c] = DIE_VIRTUALITY + 1,     [0x51] = DIE_STRIDE + 1,
		[0x52] = DIE_ENTRY_PC + 1,       [0x55] = DIE_RANGES + 1,
		[0x57] = DIE_CALL_COLUMN + 1,    [0x58] = DIE_CALL_FILE + 1,
		[0x59] = DIE_CALL_LINE + 1,      [0x61] = DIE_MUTABLE + 1,
		[0x63] = DIE_EXPLICIT + 1,       [0x64] = DIE_OBJECT_POINTER + 1,
		[0x69] = DIE_SIGNATURE + 1,      [0x6b] = DIE_DATA_BIT_OFFSET + 1,
		[0x6d] = DIE_ENUM_CLASS + 1,     [0x6e] = DIE_LINKAGE_NAME + 1,
		[0x77] = DIE_REFERENCE + 1,      [0x7d] = DIE_CALL_RETURN_PC + 1,
		[0x7e] = DIE_CALL_VALUE + 1,     [0x7f] = DIE_CALL_ORIGIN + 1,
		[0x80] = DIE_CALL_PARAMETER + 1, [0x81] = DIE_ENTRY_PC + 1,
		[0x82] = DIE_CALL_TAIL + 1,      [0x83] = DIE_CALL_TARGET + 1,
		[0x87] = DIE_NORETURN + 1,       [0x88] = DIE_ALIGNMENT + 1,
		[0x89] = DIE_EXPORT_SYMBOLS + 1, [0x8a] = DIE_DELETED + 1,
		[0x8b] = DIE_DEFAULTED + 1,
	};
	if (at < COUNT(slots))
		return (uint8_t)(slots[at] - 1); /* 0: NOBODY */
	switch (at) {
	case 0x2007: /* DW_AT_MIPS_linkage_name */
		return DIE_LINKAGE_NAME;
	case 0x2107: /* DW_AT_GNU_vector */
		return DIE_VECTOR;
	case 0x2111: /* DW_AT_GNU_call_site_value */
		return DIE_CALL_VALUE;
	case 0x2113: /* DW_AT_GNU_call_site_target */
		return DIE_CALL_TARGET;
	case 0x2115: /* DW_AT_GNU_tail_call */
		return DIE_CALL_TAIL;
	default:
		return NOBODY;
	}
}

/* A plan while it is made. */
struct making {
	struct die_plans *p;
	struct die_plan *plan;
	struct dwarf_sizes sizes;
	uint64_t wanted, skip, fixed;
	bool variable, stores;
};

static bool push_step(struct making *m, struct die_step step)
{
	for (; m->skip > UINT16_MAX; m->skip -= UINT16_MAX) {
		struct die_step *more = vec_push(&m->p->steps);
		if (!more)
			return false;
		*more = (struct die_step){ .skip = UINT16_MAX, .op = STEP_SKIP };
		m->variable = true; /* not worth a short way */
	}
	struct die_step *at = vec_push(&m->p->steps);
	if (!at)
		return false;
	step.skip = (uint16_t)m->skip;
	*at = step;
	m->skip = 0;
	m->stores |= step.slot != NOBODY;
	return true;
}

/* A form whose bytes tell their own end. */
static struct die_step variable_step(uint64_t form)
{
	switch (form) {
	case DW_FORM_block1:
		return (struct die_step){ .op = STEP_BLOCK,
			                  .size = 1,
			                  .class = DIE_VALUE_BLOCK };
	case DW_FORM_block2:
		return (struct die_step){ .op = STEP_BLOCK,
			                  .size = 2,
			                  .class = DIE_VALUE_BLOCK };
	case DW_FORM_block4:
		return (struct die_step){ .op = STEP_BLOCK,
			                  .size = 4,
			                  .class = DIE_VALUE_BLOCK };
	case DW_FORM_block:
	case DW_FORM_exprloc:
		return (struct die_step){ .op = STEP_BLOCK, .class = DIE_VALUE_BLOCK };
	case DW_FORM_string:
		return (struct die_step){ .op = STEP_STRING, .class = DIE_VALUE_STRING };
	case DW_FORM_sdata:
		return (struct die_step){ .op = STEP_SLEB, .class = DIE_VALUE_SIGNED };
	case DW_FORM_udata:
		return (struct die_step){ .op = STEP_ULEB, .class = DIE_VALUE_CONSTANT };
	case DW_FORM_ref_udata:
		return (struct die_step){ .op = STEP_ULEB, .class = DIE_VALUE_UNIT_REF };
	case DW_FORM_strx:
	case DW_FORM_GNU_str_index:
		return (struct die_step){ .op = STEP_ULEB, .class = DIE_VALUE_STR_INDEX };
	case DW_FORM_addrx:
	case DW_FORM_GNU_addr_index:
		return (struct die_step){ .op = STEP_ULEB, .class = DIE_VALUE_ADDRESS_INDEX };
	case DW_FORM_rnglistx:
	case DW_FORM_loclistx:
		return (struct die_step){ .op = STEP_ULEB, .class = DIE_VALUE_LIST_INDEX };
	case DW_FORM_indirect:
		return (struct die_step){ .op = STEP_INDIRECT };
	default:
		return (struct die_step){ .op = STEP_UNKNOWN };
	}
}

static bool push_form(struct making *m, uint64_t form, uint8_t slot)
{
	int size = turf_dwarf_form_size(form, m->sizes);
	struct die_step step;
	if (size < 0) {
		m->variable = true;
		step = size == -1 ? variable_step(form)
		                  : (struct die_step){ .op = STEP_UNKNOWN };
	} else {
		m->fixed += (unsigned)size;
		if (slot == NOBODY) {
			m->skip += (unsigned)size;
			return true;
		}
		step = (struct die_step){
			.op = size > EIGHT ? STEP_BYTES : STEP_FIXED,
			.size = (uint8_t)size,
			.class = size > EIGHT ? DIE_VALUE_BLOCK
			                      : (uint8_t)turf_dwarf_form_class((uint16_t)form)
		};
		m->variable |= size > EIGHT;
	}
	if (step.op == STEP_FIXED)
		step.mask = UINT64_MAX >> (64 - 8 * size);
	step.slot = slot;
	return push_step(m, step);
}

static bool push_constant(struct making *m, int64_t value, uint8_t class, uint8_t slot)
{
	if (slot == NOBODY)
		return true;
	int64_t *constant = vec_push(&m->p->constants);
	if (!constant)
		return false;
	*constant = value;
	return push_step(m, (struct die_step){ .op = STEP_CONST,
	                                       .slot = slot,
	                                       .class = class,
	                                       .constant = (uint32_t)(m->p->constants.n - 1) });
}

/* All attributes of an abbreviation: false, no memory. */
static bool push_attrs(struct making *m, struct cursor *c)
{
	for (;;) {
		uint64_t at = cur_uleb(c), form = cur_uleb(c);
		if (c->bad || (at == 0 && form == 0))
			return true; /* the table was read before: it is not cut */
		int64_t constant = form == DW_FORM_implicit_const ? cur_sleb(c) : 1;
		uint8_t slot = slot_of(at);
		if (at == 0x78) { /* DW_AT_rvalue_reference */
			slot = DIE_REFERENCE;
			constant = 2;
		}
		if (slot != NOBODY && !(m->wanted & DIE_BIT(slot) & ~m->plan->has))
			slot = NOBODY;
		if (slot != NOBODY)
			m->plan->has |= DIE_BIT(slot);
		bool ok;
		if (form == DW_FORM_implicit_const)
			ok = push_constant(m, constant, DIE_VALUE_SIGNED, slot);
		else if (form == DW_FORM_flag_present)
			ok = push_constant(m, constant, DIE_VALUE_CONSTANT, slot);
		else
			ok = push_form(m, form, slot);
		if (!ok)
			return false;
	}
}

/* What a plan is as a leaf. */
static struct die_leaf make_leaf(const struct die_plans *p, const struct die_plan *plan)
{
	const struct die_step *step = &p->steps.at[plan->step];
	struct die_leaf leaf = { .made = plan->made,
		                 .tag = plan->tag,
		                 .bytes = (uint8_t)plan->fixed,
		                 .name = DIE_LEAF_NONE,
		                 .type = DIE_LEAF_NONE,
		                 .value = DIE_LEAF_NONE };
	unsigned at = 0, others = 0;
	bool fits = plan->told && !plan->children && plan->fixed <= DIE_LEAF_MOST;
	for (unsigned i = 0; fits && i < plan->n_steps; i++, step++) {
		at += step->skip;
		switch (step->slot) {
		case DIE_NAME:
			leaf.name = (uint8_t)at;
			fits = step->class == DIE_VALUE_STR && step->size == 4;
			break;
		case DIE_TYPE:
			leaf.type = (uint8_t)at;
			fits = step->class == DIE_VALUE_UNIT_REF && step->size == 4;
			break;
		default:
			leaf.value = (uint8_t)at;
			leaf.slot = step->slot;
			leaf.mask = step->mask;
			leaf.constant = (uint64_t)p->constants.at[step->constant];
			fits = !others++ && (step->class == DIE_VALUE_CONSTANT ||
			                     step->class == DIE_VALUE_SIGNED);
		}
		at += step->size;
	}
	leaf.tag = fits ? leaf.tag : 0;
	return leaf;
}

static bool make_plan(struct die_plans *p, const struct dwarf_unit *unit,
                      const struct dwarf_abbrev *abbrev, struct die_plan *plan)
{
	uint64_t wanted = p->wanted(abbrev->tag);
	struct die_plan made = {
		.made = p->made,
		.step = (uint32_t)p->steps.n,
		.tag = abbrev->tag,
		.children = abbrev->children,
		.told = wanted & DIE_TOLD,
		.prune = wanted & DIE_PRUNE,
	};
	struct making m = { .p = p, .plan = &made, .sizes = sizes_of(unit) };
	m.wanted = made.told ? wanted & (DIE_BIT(N_DIE_SLOTS) - 1) : 0;
	if (made.children)
		m.wanted |= DIE_BIT(DIE_SIBLING);
	struct dwarf_attrs attrs = turf_dwarf_attrs(unit, abbrev);
	if (!push_attrs(&m, &attrs.spec) ||
	    !push_step(&m, (struct die_step){ .op = STEP_END, .slot = NOBODY }))
		return false;
	size_t n = p->steps.n - 1 - made.step;
	m.variable |= n > UINT16_MAX;
	made.n_steps = (uint16_t)n;
	made.fixed = m.variable || m.fixed >= NOT_FIXED ? NOT_FIXED : (uint32_t)m.fixed;
	*plan = made;
	p->leaves.at[plan - p->plans.at] = make_leaf(p, plan);
	return true;
}

/* Plans for the unit's abbreviations: those of the unit before, where they share a table. */
static bool switch_table(struct die_plans *p, const struct dwarf_abbrevs *table)
{
	if (p->of == table)
		return true;
	p->of = NULL;
	if (!p->constants.room && !vec_push(&p->constants))
		return false;
	p->of = table;
	p->steps.n = 0;
	p->constants.n = 1; /* number 0 is 0 */
	if (++p->made == 0) /* all that were ever made look like this one's again */
		p->plans.n = p->leaves.n = 0;
	size_t before = p->plans.n;
	if (before < table->n) {
		if (!vec_reserve(&p->plans, table->n - before) ||
		    !vec_reserve(&p->leaves, table->n - before)) {
			p->of = NULL;
			return false;
		}
		memset(p->plans.at + before, 0, (table->n - before) * sizeof(*p->plans.at));
		memset(p->leaves.at + before, 0, (table->n - before) * sizeof(*p->leaves.at));
		p->plans.n = p->leaves.n = table->n;
	}
	p->made += !p->made; /* 0 is none's */
	return true;
}

void turf_die_plans_fini(struct die_plans *p)
{
	vec_fini(&p->plans);
	vec_fini(&p->leaves);
	vec_fini(&p->steps);
	vec_fini(&p->constants);
	p->of = NULL;
}

static const char no_abbrev[] = "a DIE has an unknown abbreviation";
static const char backwards[] = "a DW_AT_sibling does not lie ahead";
static const char too_deep[] = "DIEs nest too deep";
static const char no_memory[] = "no memory for plans of DIEs";

static int walk_fails(struct dies *walk, const char *why, struct turf_error *err)
{
	walk->at.bad = true;
	int r = why == too_deep ? -E2BIG : why == no_memory ? -ENOMEM : -EBADMSG;
	return turf_fail(err, r, cur_off(&walk->at), "unit at 0x%llx of .debug_info: %s",
	                 (unsigned long long)walk->unit->off, why);
}

static inline void store(struct dies *walk, const struct die_step *step, uint64_t u)
{
	walk->u[step->slot] = u;
	walk->class[step->slot] = step->class;
}

/*
 * All attributes are of fixed size, and eight bytes can be loaded of each. Whether one stands
 * here or in the table of abbreviations is a choice of two values, not of two ways to go.
 */
static inline void take_fixed(struct dies *walk, const struct die_step *step, unsigned n)
{
	const uint8_t *at = walk->at.at;
	const int64_t *constants = walk->plans->constants.at;
	for (const struct die_step *end = step + n; step < end; step++) {
		at += step->skip;
		uint64_t u;
		memcpy(&u, at, EIGHT);
		u = le64toh(u) & step->mask;
		u |= (uint64_t)constants[step->constant]; /* of those that stand here: 0 */
		walk->u[step->slot] = u;
		walk->class[step->slot] = step->class;
		at += step->size;
	}
}

static uint8_t signed_class(uint8_t class, uint64_t form)
{
	return form == DW_FORM_sdata ? (uint8_t)DIE_VALUE_SIGNED : class;
}

/* A value that says itself of which form it is: blocks are passed. */
static bool take_indirect(struct dies *walk, uint8_t slot, bool keep)
{
	struct cursor peek = walk->at;
	struct dwarf_value value;
	uint64_t form = cur_uleb(&peek);
	if (!turf_dwarf_value(&walk->at, DW_FORM_indirect, sizes_of(walk->unit), &value))
		return false;
	if (keep && slot != NOBODY) {
		walk->u[slot] = value.u;
		walk->class[slot] = signed_class((uint8_t)value.class, form);
	}
	return true;
}

/* One step; false: a form that nobody knows. The sibling alone is kept unless @keep. */
static inline bool take_step(struct dies *walk, const struct die_step *step, bool keep,
                             uint64_t *sibling)
{
	struct cursor *c = &walk->at;
	uint64_t u = 0;
	switch ((enum step_op)step->op) {
	case STEP_END:
	case STEP_SKIP:
		return true;
	case STEP_FIXED:
		u = cur_uint(c, step->size);
		if (step->slot == DIE_SIBLING && step->class == DIE_VALUE_UNIT_REF)
			*sibling = u;
		break;
	case STEP_CONST:
		u = (uint64_t)walk->plans->constants.at[step->constant];
		break;
	case STEP_ULEB:
		u = cur_uleb(c);
		if (step->slot == DIE_SIBLING && step->class == DIE_VALUE_UNIT_REF)
			*sibling = u;
		break;
	case STEP_SLEB:
		u = (uint64_t)cur_sleb(c);
		break;
	case STEP_BLOCK: {
		uint64_t size = step->size ? cur_uint(c, step->size) : cur_uleb(c);
		u = (uintptr_t)cur_take(c, size);
		if (keep && step->slot != NOBODY)
			walk->size[step->slot] = (uint32_t)MIN(size, (uint64_t)UINT32_MAX);
		break;
	}
	case STEP_BYTES:
		u = (uintptr_t)cur_take(c, step->size);
		if (keep && step->slot != NOBODY)
			walk->size[step->slot] = step->size;
		break;
	case STEP_STRING:
		u = (uintptr_t)cur_str(c);
		break;
	case STEP_INDIRECT:
		return take_indirect(walk, step->slot, keep);
	case STEP_UNKNOWN:
		return false;
	}
	if (keep && step->slot != NOBODY)
		store(walk, step, u);
	return true;
}

/* Behind the attributes of a DIE, which are kept if @keep. NULL, or why not. */
static inline const char *take(struct dies *walk, const struct die_plan *plan, bool keep,
                               uint64_t *sibling)
{
	struct cursor *c = &walk->at;
	const struct die_step *step = &walk->plans->steps.at[plan->step];
	*sibling = 0;
	if (plan->fixed != NOT_FIXED && !c->bad &&
	    walk->safe - c->at > (ptrdiff_t)plan->fixed) {
		if (keep) {
			take_fixed(walk, step, plan->n_steps);
		} else if (plan->has) { /* the sibling stands somewhere among them */
			for (; step->op != STEP_END && step->slot != DIE_SIBLING; step++)
				cur_skip(c, (uint64_t)step->skip + step->size);
			cur_skip(c, step->skip);
			(void)take_step(walk, step, false, sibling);
			for (step++; step[-1].op != STEP_END; step++)
				cur_skip(c, (uint64_t)step->skip + step->size);
			return NULL;
		}
		c->at += plan->fixed;
		return NULL;
	}
	for (;; step++) {
		cur_skip(c, step->skip);
		if (!take_step(walk, step, keep, sibling))
			return c->bad ? turf_dwarf_misfit : turf_dwarf_no_form;
		if (step->op == STEP_END || c->bad)
			return c->bad ? turf_dwarf_misfit : NULL;
	}
}

/* The plan of the DIE at the cursor: NULL at a null entry, else *why says. */
static inline const struct die_plan *plan_at(struct dies *walk, const char **why)
{
	uint64_t code;
	const struct dwarf_abbrev *abbrev = die_at(&walk->at, walk->unit, &code);
	*why = NULL;
	if (!abbrev) {
		if (walk->at.bad || code)
			*why = walk->at.bad ? turf_dwarf_misfit : no_abbrev;
		return NULL;
	}
	struct die_plan *plan = &walk->plans->plans.at[abbrev - walk->unit->abbrevs->at];
	if (plan->made != walk->plans->made &&
	    !make_plan(walk->plans, walk->unit, abbrev, plan)) {
		*why = no_memory;
		return NULL;
	}
	return plan;
}

static const char *leap(struct dies *walk, uint64_t sibling)
{
	uint64_t off = walk->unit->off + sibling;
	if (off <= cur_off(&walk->at) || sibling > walk->unit->end - walk->unit->off)
		return backwards;
	cur_seek(&walk->at, off);
	return walk->at.bad ? turf_dwarf_misfit : NULL;
}

/* Over all that is below a DIE; @sibling: 0 where it does not tell. */
static const char *skip_below(struct dies *walk, uint64_t sibling)
{
	if (sibling)
		return leap(walk, sibling);
	for (uint64_t open = 1; open && cur_left(&walk->at);) {
		const char *why;
		const struct die_plan *plan = plan_at(walk, &why);
		if (why)
			return why;
		if (!plan) {
			open--;
			continue;
		}
		why = take(walk, plan, false, &sibling);
		if (!why && sibling && plan->children)
			why = leap(walk, sibling);
		else
			open += plan->children;
		if (why)
			return why;
	}
	return NULL;
}

/* What the DIE with that plan says. NULL, or why not. */
static const char *tell(struct dies *walk, const struct die_plan *plan)
{
	uint64_t sibling;
	walk->has = plan->has;
	walk->level = walk->next;
	walk->tag = plan->tag;
	walk->children = plan->children;
	const char *why = take(walk, plan, true, &sibling);
	if (why)
		return why;
	if (plan->children && plan->prune) {
		bool has = die_has(walk, DIE_SIBLING) &&
		           walk->class[DIE_SIBLING] == DIE_VALUE_UNIT_REF;
		return skip_below(walk, has ? walk->u[DIE_SIBLING] : 0);
	}
	walk->next += plan->children;
	if (walk->next == 0) /* nothing is below the first one */
		walk->at.at = walk->at.end;
	return walk->next >= DWARF_MAX_DEPTH ? too_deep : NULL;
}

/* Past a DIE that is not told. */
static const char *pass(struct dies *walk, const struct die_plan *plan)
{
	uint64_t sibling;
	const char *why = take(walk, plan, false, &sibling);
	if (why)
		return why;
	if (plan->children && plan->prune)
		return skip_below(walk, sibling);
	walk->next += plan->children;
	if (walk->next == 0)
		walk->at.at = walk->at.end;
	return walk->next >= DWARF_MAX_DEPTH ? too_deep : NULL;
}

int turf_dies_next(struct dies *walk, struct turf_error *err)
{
	struct cursor *c = &walk->at;
	/* a unit may end without its closing nulls, as some old compilers leave them out */
	while (!c->bad && cur_left(c)) {
		const char *why;
		walk->die = walk->unit->base + cur_off(c);
		const struct die_plan *plan = plan_at(walk, &why);
		if (plan && plan->told)
			why = tell(walk, plan);
		else if (plan)
			why = pass(walk, plan);
		else if (!why && walk->next && --walk->next == 0)
			c->at = c->end;
		if (why)
			return walk_fails(walk, why, err);
		if (plan && plan->told)
			return 1;
	}
	return c->bad ? walk_fails(walk, turf_dwarf_misfit, err) : 0;
}

const struct die_leaf *turf_dies_leaf(const struct dies *walk, uint16_t tag, const uint8_t **at)
{
	struct cursor c = walk->at;
	uint64_t code;
	const struct dwarf_abbrev *abbrev = die_at(&c, walk->unit, &code);
	if (!abbrev)
		return NULL;
	const struct die_plans *p = walk->plans;
	const struct die_leaf *leaf = &p->leaves.at[abbrev - walk->unit->abbrevs->at];
	if (leaf->made != p->made || leaf->tag != tag ||
	    walk->safe - c.at <= (ptrdiff_t)leaf->bytes)
		return NULL;
	*at = c.at;
	return leaf;
}

int turf_dies_skip(struct dies *walk, struct turf_error *err)
{
	if (walk->next == walk->level)
		return 0;
	bool has = die_has(walk, DIE_SIBLING) && walk->class[DIE_SIBLING] == DIE_VALUE_UNIT_REF;
	const char *why = skip_below(walk, has ? walk->u[DIE_SIBLING] : 0);
	walk->next = walk->level;
	if (!why && walk->next == 0)
		walk->at.at = walk->at.end;
	return why ? walk_fails(walk, why, err) : 0;
}

static bool begin(struct dies *walk, const struct dwarf_unit *unit, uint64_t off)
{
	walk->unit = unit;
	walk->at = unit_cursor(unit, off);
	walk->next = 0;
	walk->has = 0;
	/* big-endian numbers are put together byte by byte */
	walk->safe = unit->in->big ? walk->at.start : walk->at.end - EIGHT;
	return switch_table(walk->plans, unit->abbrevs);
}

int turf_dies(const struct dwarf *dw, const struct dwarf_unit *unit, struct die_plans *plans,
              struct dies *walk, struct turf_error *err)
{
	if (unit->error)
		return turf_fail(err, unit->error, unit->error_where,
		                 "unit at 0x%llx of .debug_info: %s",
		                 (unsigned long long)unit->off, unit->error_text);
	walk->dw = dw;
	walk->plans = plans;
	if (!begin(walk, unit, unit->die))
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, no_memory);
	return 0;
}

int turf_dies_at(struct dies *walk, uint64_t die)
{
	const struct dwarf_unit *unit = walk->unit;
	const char *why;
	if (!unit || unit->error || !unit_has(unit, die))
		unit = turf_dwarf_unit_at(walk->dw, die);
	if (!unit)
		return 0;
	if (!begin(walk, unit, die - unit->base))
		return -ENOMEM;
	walk->die = die;
	const struct die_plan *plan = plan_at(walk, &why);
	if (!plan)
		return why == no_memory ? -ENOMEM : 0;
	return !tell(walk, plan);
}

static struct dwarf_value slot_value(const struct dies *walk, enum die_slot slot)
{
	if (!die_has(walk, slot))
		return (struct dwarf_value){ .class = VALUE_NONE };
	uint8_t class = walk->class[slot];
	if (class == DIE_VALUE_SIGNED)
		class = VALUE_CONSTANT;
	else if (class > DIE_VALUE_SIGNATURE)
		class = VALUE_NONE;
	return (struct dwarf_value){ .class = (enum dwarf_class) class, .u = walk->u[slot] };
}

int turf_die_string(const struct dies *walk, enum die_slot slot, const char **ret)
{
	struct dwarf_value value = slot_value(walk, slot);
	return turf_dwarf_string(walk->dw, walk->unit, &value, ret);
}

int turf_die_address(const struct dies *walk, enum die_slot slot, uint64_t *ret)
{
	struct dwarf_value value = slot_value(walk, slot);
	return turf_dwarf_address(walk->unit, &value, ret);
}

int turf_die_ref(const struct dies *walk, enum die_slot slot, uint64_t *ret)
{
	struct dwarf_value value = slot_value(walk, slot);
	return link_of(walk->dw, walk->unit, &value, ret);
}

void turf_die_ranges(const struct dies *walk, struct dwarf_ranges *ret)
{
	static const struct {
		enum dwarf_slot to;
		enum die_slot from;
	} slots[] = {
		{ SLOT_LOW, DIE_LOW_PC },
		{ SLOT_HIGH, DIE_HIGH_PC },
		{ SLOT_RANGES, DIE_RANGES },
	};
	struct dwarf_values values = { 0 };
	for (size_t i = 0; i < COUNT(slots); i++) {
		struct dwarf_value value = slot_value(walk, slots[i].from);
		keep_value(&values, slots[i].to, &value);
	}
	turf_dwarf_ranges(walk->unit, &values, ret);
}

const struct dwarf_unit *turf_dies_unit(const struct dwarf *dw, uint64_t die)
{
	return turf_dwarf_unit_at(dw, die);
}
