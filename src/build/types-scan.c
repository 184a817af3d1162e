/* SPDX-License-Identifier: MIT */
/*
 * DIEs -> types: of a whole unit what each hashes to (types-hash.h), of one all that it says.
 *
 * Both read a DIE alike; @one, which every function is compiled for twice, says which it is.
 *
 * Cost:   one pass over DIEs; memory is used again for the next unit
 * Source: DWARF 5 chapter 5
 */
#include "build/types-hash.h"
#include "build/types-tags.h"

static bool has_members(uint8_t kind)
{
	return kind >= URF_TYPE_STRUCT && kind <= URF_TYPE_INTERFACE;
}

/* The type that a slot means. */
static uint64_t ref_of(const struct type_scan *s, const struct dies *w, enum die_slot slot)
{
	uint64_t die;
	if (!die_has(w, slot))
		return TYPE_REF_NONE;
	if (w->class[slot] == DIE_VALUE_UNIT_REF && w->u[slot] < s->unit->end - s->unit->off)
		return w->u[slot];
	if (w->class[slot] == DIE_VALUE_SIGNATURE) {
		size_t unit = turf_types_signature(s->b->types, w->u[slot]);
		return unit ? TYPE_REF_SIGNATURE | unit : TYPE_REF_NONE;
	}
	if (turf_die_ref(w, slot, &die) != 1 || die == DWARF_NONE)
		return TYPE_REF_NONE;
	uint64_t off = die - (s->unit->base + s->unit->off); /* wraps before it */
	return off < s->unit->end - s->unit->off ? off : TYPE_REF_FAR | die;
}

static bool is_number(const struct dies *w, enum die_slot slot)
{
	return die_has(w, slot) &&
	       (w->class[slot] == DIE_VALUE_CONSTANT || w->class[slot] == DIE_VALUE_SIGNED);
}

static const char *name_of(const struct dies *w)
{
	const char *name = NULL;
	if (!die_has(w, DIE_NAME))
		return NULL;
	if (w->class[DIE_NAME] == DIE_VALUE_STR && w->u[DIE_NAME] < w->unit->in->str.size)
		return (const char *)w->unit->in->str.at + w->u[DIE_NAME];
	return turf_die_string(w, DIE_NAME, &name) < 0 ? NULL : name;
}

uint64_t turf_types_ref(const struct type_scan *s, enum die_slot slot)
{
	return ref_of(s, &s->walk, slot);
}

const char *turf_types_name(const struct type_scan *s)
{
	return name_of(&s->walk);
}

/* An item of the type that is open. */
static inline bool put_item(struct type_scan *s, bool one, const struct type_open *in,
                            const struct type_item *item)
{
	if (!one)
		return type_hash_item(s, in->node, item);
	if (!vec_reserve(&s->items, 1))
		return false;
	s->items.at[s->items.n++] = *item;
	s->node.n_items++;
	return true;
}

/* Closes what is as deep as a DIE at @level or deeper. */
static inline bool close_to(struct type_scan *s, bool one, unsigned level)
{
	while (s->n_open && s->open[s->n_open - 1].level >= level) {
		const struct type_open *open = &s->open[--s->n_open];
		const struct type_item end = { .kind = open->end, .ref = TYPE_REF_NONE };
		if (open->end && !put_item(s, one, open, &end))
			return false;
	}
	return true;
}

static inline void push_open(struct type_scan *s, uint32_t node, uint8_t kind, uint8_t end)
{
	s->open[s->n_open++] = (struct type_open){ s->walk.level, node, kind, end };
}

/* More of the flags of the type that is open. */
static void add_flags(struct type_scan *s, bool one, const struct type_open *in, uint8_t flags)
{
	if (one)
		s->node.flags |= flags;
	else
		s->sums.at[in->node].flags |= flags;
}

/* The namespace, class or function around the DIE: index + 1. */
static uint32_t scope_here(struct type_scan *s)
{
	for (unsigned i = s->n_open; i--;) {
		const struct type_open *open = &s->open[i];
		if (open->kind == URF_TYPE_SCOPE)
			type_hash_scope(s, open->node);
		if (has_members(open->kind) || open->kind == URF_TYPE_NAMESPACE ||
		    open->kind == URF_TYPE_SCOPE)
			return open->node + 1;
	}
	return 0;
}

static bool is_c(const struct dwarf_unit *unit)
{
	switch (unit->language) {
	case 0x01: /* DW_LANG_C89, C, C99, C11, C17, C23 */
	case 0x02:
	case 0x0c:
	case 0x1d:
	case 0x2c:
	case 0x3e:
		return true;
	default:
		return false;
	}
}

static uint8_t flags_of(const struct type_scan *s, uint8_t kind, const struct dies *w)
{
	uint8_t flags = 0;
	if (kind != URF_TYPE_SCOPE && die_flag(w, DIE_DECLARATION))
		flags |= URF_FLAG_DECLARATION;
	if ((kind == URF_TYPE_ENUM && die_flag(w, DIE_ENUM_CLASS)) ||
	    (kind == URF_TYPE_NAMESPACE && die_flag(w, DIE_EXPORT_SYMBOLS)))
		flags |= URF_FLAG_CLASS;
	if (kind == URF_TYPE_ARRAY && die_flag(w, DIE_VECTOR))
		flags |= URF_FLAG_VECTOR;
	if (kind == URF_TYPE_FUNCTION && is_c(s->unit) && !die_flag(w, DIE_PROTOTYPED))
		flags |= URF_FLAG_UNPROTOTYPED;
	return flags;
}

/* A number of elements + 1, and the lowest; 0: not known. */
static void read_bounds(const struct dies *w, uint64_t *count, int64_t *lower, bool *told)
{
	*told = is_number(w, DIE_LOWER_BOUND);
	*lower = *told ? (int64_t)die_number(w, DIE_LOWER_BOUND, 0) : 0;
	*count = 0;
	if (is_number(w, DIE_COUNT))
		*count = w->u[DIE_COUNT] + 1;
	else if (is_number(w, DIE_UPPER_BOUND))
		*count = w->u[DIE_UPPER_BOUND] + 2 - (uint64_t)*lower;
}

/* Pointers are as long as addresses, unless they say something else. */
static void set_pointer(const struct type_scan *s, struct type_node *n)
{
	if (n->size == TYPE_NO_SIZE)
		n->size = s->unit->address_size;
	if (n->size == URF_POINTER_LONG)
		n->size = TYPE_NO_SIZE;
	if (n->kind == URF_TYPE_POINTER &&
	    (n->name || (n->size != TYPE_NO_SIZE && n->size != URF_POINTER_SHORT)))
		n->kind = URF_TYPE_NAMED_POINTER;
}

/* What the DIE of a type says itself. */
static inline void read_node(const struct type_scan *s, uint8_t kind, struct type_node *n)
{
	const struct dies *w = &s->walk;
	*n = (struct type_node){
		.off = (uint32_t)(w->die - (s->unit->base + s->unit->off)),
		.kind = kind,
		.flags = flags_of(s, kind, w),
		.size = TYPE_NO_SIZE,
		.ref = TYPE_REF_NONE,
		.ref2 = TYPE_REF_NONE,
	};
	if (kind == URF_TYPE_SCOPE)
		return;
	n->name = name_of(w);
	n->ref = ref_of(s, w, DIE_TYPE);
	n->used = die_has(w, DIE_SPECIFICATION) || die_has(w, DIE_SIGNATURE);
	if (n->used)
		n->ref2 = ref_of(s, w,
		                 die_has(w, DIE_SIGNATURE) ? DIE_SIGNATURE : DIE_SPECIFICATION);
	n->size = die_number(w, DIE_BYTE_SIZE, TYPE_NO_SIZE);
	n->align = (uint32_t)die_number(w, DIE_ALIGNMENT, 0);
	n->decl_line = (uint32_t)die_number(w, DIE_DECL_LINE, 0);
	uint64_t file = die_number(w, DIE_DECL_FILE, UINT64_MAX);
	if (file < UINT32_MAX && (file || s->unit->version >= 5))
		n->decl_file = (uint32_t)file + 1;
	if (kind == URF_TYPE_BASE)
		n->extra = die_number(w, DIE_ENCODING, 0) % 256 |
		           die_number(w, DIE_BIT_SIZE, 0) % (1u << 24) * 256;
	if (kind == URF_TYPE_MEMBER_POINTER)
		n->ref2 = ref_of(s, w, DIE_CONTAINING_TYPE);
	if (kind == URF_TYPE_POINTER || kind == URF_TYPE_REFERENCE ||
	    kind == URF_TYPE_RVALUE_REFERENCE)
		set_pointer(s, n);
}

/* The bounds that the DIE tells, as an item. */
static bool read_bounds_item(const struct dies *w, struct type_item *item)
{
	bool told;
	int64_t lower;
	uint64_t count;
	read_bounds(w, &count, &lower, &told);
	*item = (struct type_item){ .kind = URF_ITEM_OTHER,
		                    .value = (int64_t)count,
		                    .ref = (uint64_t)lower };
	return told && lower;
}

/* A type, which is open while what is below it comes. */
static inline bool add_node(struct type_scan *s, bool one, uint8_t kind)
{
	struct type_node n;
	bool scoped = has_members(kind) || kind == URF_TYPE_ENUM || kind == URF_TYPE_TYPEDEF ||
	              kind == URF_TYPE_NAMESPACE || kind == URF_TYPE_SCOPE;
	struct type_open own = { .kind = kind };
	read_node(s, kind, &n);
	if (one) {
		s->node = n;
	} else {
		n.scope = scoped ? scope_here(s) : 0;
		own.node = (uint32_t)s->sums.n;
		if (!type_hash_begin(s, &n))
			return false;
		s->bits[n.off / 64] |= (uint64_t)1 << n.off % 64;
	}
	if (kind == URF_TYPE_SUBRANGE) {
		struct type_item item;
		(void)read_bounds_item(&s->walk, &item);
		if (!put_item(s, one, &own, &item))
			return false;
	}
	if (s->walk.children)
		push_open(s, own.node, kind, 0);
	return true;
}

/* Offset in bits of a member or base class; false: it is not constant. */
static bool offset_of(const struct type_scan *s, const struct dies *w, int64_t *ret)
{
	*ret = 0;
	if (w->tag == TAG_MEMBER && die_has(w, DIE_DATA_BIT_OFFSET)) {
		*ret = (int64_t)die_number(w, DIE_DATA_BIT_OFFSET, 0);
		return true;
	}
	uint64_t at = die_number(w, DIE_MEMBER_LOCATION, 0);
	if (die_has(w, DIE_MEMBER_LOCATION) &&
	    w->class[DIE_MEMBER_LOCATION] == DIE_VALUE_BLOCK) {
		enum { PLUS_UCONST = 0x23 };
		const uint8_t *p = (const uint8_t *)(uintptr_t)w->u[DIE_MEMBER_LOCATION];
		struct cursor c =
			cur_of((struct span){ p, w->size[DIE_MEMBER_LOCATION] }, false);
		bool plain = cur_u8(&c) == PLUS_UCONST;
		at = cur_uleb(&c);
		if (!plain || c.bad || cur_left(&c))
			return false;
	}
	*ret = (int64_t)(at * 8);
	if (w->tag == TAG_MEMBER && die_has(w, DIE_BIT_SIZE) && die_has(w, DIE_BIT_OFFSET)) {
		/* DWARF 2 and 3: counted from the highest bit of what is byte_size long */
		int64_t from = (int64_t)die_number(w, DIE_BIT_OFFSET, 0);
		int64_t bits = (int64_t)die_number(w, DIE_BIT_SIZE, 0);
		int64_t room = (int64_t)die_number(w, DIE_BYTE_SIZE, 0) * 8;
		*ret += s->unit->in->big ? from : room - from - bits;
	}
	return true;
}

static uint8_t extra_of(const struct dies *w)
{
	uint8_t extra = die_number(w, DIE_ACCESSIBILITY, 0) & URF_EXTRA_ACCESS;
	if (w->tag == TAG_BASE_CLASS && die_flag(w, DIE_VIRTUALITY))
		extra |= URF_EXTRA_VIRTUAL;
	if (w->tag == TAG_MEMBER && die_flag(w, DIE_ARTIFICIAL))
		extra |= URF_EXTRA_ARTIFICIAL;
	if (w->tag == TAG_MEMBER && die_flag(w, DIE_MUTABLE))
		extra |= URF_EXTRA_MUTABLE;
	return extra;
}

/* A member, a base class, or a static member. */
static inline bool add_member(struct type_scan *s, bool one, const struct type_open *in,
                              bool is_static)
{
	const struct dies *w = &s->walk;
	bool base = w->tag == TAG_BASE_CLASS;
	uint8_t kind = (uint8_t)((is_static ? URF_ITEM_OTHER
	                          : base    ? URF_ITEM_BASE
	                                    : URF_ITEM_MEMBER)
	                         << URF_ITEM_SHIFT);
	struct type_item item = { .kind = is_static ? kind | URF_OTHER_STATIC : kind,
		                  .flags = extra_of(w),
		                  .name = base ? NULL : name_of(w),
		                  .ref = ref_of(s, w, DIE_TYPE) };
	if (is_static) {
		item.value = (int64_t)die_number(w, DIE_CONST_VALUE, 0);
		if (is_number(w, DIE_CONST_VALUE))
			item.kind |= URF_ITEM_VALUE;
		return put_item(s, one, in, &item);
	}
	if (!offset_of(s, w, &item.value))
		item.flags |= URF_EXTRA_MOVES;
	if (!base && die_has(w, DIE_BIT_SIZE)) {
		item.kind |= URF_ITEM_BITS;
		item.bits = (uint16_t)die_number(w, DIE_BIT_SIZE, 0);
	}
	return put_item(s, one, in, &item);
}

static bool add_argument(struct type_scan *s, bool one, const struct type_open *in,
                         uint8_t kind)
{
	const struct dies *w = &s->walk;
	struct type_item item = {
		.kind = (uint8_t)(URF_ITEM_ARGUMENT << URF_ITEM_SHIFT | kind),
		.name = name_of(w),
		.ref = ref_of(s, w, DIE_TYPE),
	};
	if (kind == URF_ARGUMENT_VALUE && is_number(w, DIE_CONST_VALUE)) {
		item.kind |= URF_ITEM_VALUE;
		item.value = (int64_t)w->u[DIE_CONST_VALUE];
	}
	return put_item(s, one, in, &item);
}

/* A part of a structure that has items itself, up to one that ends it. */
static bool add_part(struct type_scan *s, bool one, const struct type_open *in, uint8_t kind)
{
	const uint8_t other = URF_ITEM_OTHER << URF_ITEM_SHIFT;
	const struct type_open type = *in; /* its place may be taken by the part's */
	struct type_item item = { .kind = other | kind, .ref = TYPE_REF_NONE };
	if (kind == URF_OTHER_VARIANT && is_number(&s->walk, DIE_DISCR_VALUE)) {
		item.kind |= URF_ITEM_VALUE;
		item.value = (int64_t)s->walk.u[DIE_DISCR_VALUE];
	}
	if (!put_item(s, one, &type, &item))
		return false;
	push_open(s, type.node, type.kind, other | URF_OTHER_END);
	return true;
}

/* What is in a structure. */
static inline bool structure_item(struct type_scan *s, bool one, const struct type_open *in)
{
	const struct dies *w = &s->walk;
	const struct type_open type = *in;
	switch (w->tag) {
	case TAG_MEMBER:
		return add_member(s, one, in,
		                  die_flag(w, DIE_DECLARATION) || die_flag(w, DIE_EXTERNAL));
	case TAG_VARIABLE:
		return add_member(s, one, in, true);
	case TAG_BASE_CLASS:
		return add_member(s, one, in, false);
	case TAG_TYPE_ARGUMENT:
		return add_argument(s, one, in, URF_ARGUMENT_TYPE);
	case TAG_VALUE_ARGUMENT:
		return add_argument(s, one, in, URF_ARGUMENT_VALUE);
	case TAG_TEMPLATE_ARGUMENT:
		return add_argument(s, one, in, URF_ARGUMENT_TEMPLATE);
	case TAG_PACK:
		if (!add_argument(s, one, in, URF_ARGUMENT_PACK))
			return false;
		push_open(s, type.node, type.kind,
		          URF_ITEM_OTHER << URF_ITEM_SHIFT | URF_OTHER_END);
		return true;
	case TAG_VARIANT_PART:
		return add_part(s, one, in, URF_OTHER_PART);
	case TAG_VARIANT:
		return add_part(s, one, in, URF_OTHER_VARIANT);
	default:
		return true;
	}
}

/* A DIE that is no type, right below one that is open. */
static inline bool node_item(struct type_scan *s, bool one, const struct type_open *in)
{
	const struct dies *w = &s->walk;
	struct type_item item = { .kind = URF_ITEM_OTHER, .ref = TYPE_REF_NONE };
	if (has_members(in->kind))
		return structure_item(s, one, in);
	if (in->kind == URF_TYPE_ENUM && w->tag == TAG_ENUMERATOR) {
		item.name = name_of(w);
		item.value = (int64_t)die_number(w, DIE_CONST_VALUE, 0);
		return put_item(s, one, in, &item);
	}
	if (in->kind == TYPE_METHOD)
		return (w->tag != TAG_PARAMETER && w->tag != TAG_MORE_PARAMETERS) ||
		       turf_types_parameter(s);
	if (in->kind == URF_TYPE_FUNCTION && w->tag == TAG_PARAMETER) {
		item.ref = ref_of(s, w, DIE_TYPE);
		return put_item(s, one, in, &item);
	}
	if (in->kind == URF_TYPE_FUNCTION && w->tag == TAG_MORE_PARAMETERS)
		add_flags(s, one, in, URF_FLAG_VARIADIC);
	return true;
}

/* Compilers leave methods out of some units as well: they only count for where a type is taken
 * from, and are read there. */
static bool add_method(struct type_scan *s)
{
	if (s->walk.children)
		push_open(s, 0, TYPE_METHOD, 0);
	return turf_types_method(s);
}

/* One DIE. False: no memory. */
static inline bool scan_die(struct type_scan *s, bool one, struct turf_error *err, int *r)
{
	struct dies *w = &s->walk;
	if (!close_to(s, one, w->level))
		return false;
	const struct type_open *in = s->n_open ? &s->open[s->n_open - 1] : NULL;
	if (in && in->level + 1 != w->level)
		in = NULL;
	uint8_t kind = kind_of(w->tag);
	if (!kind)
		return !in || node_item(s, one, in);
	if (kind == URF_TYPE_SUBRANGE && in && in->kind == URF_TYPE_ARRAY) {
		struct type_item item;
		if (read_bounds_item(w, &item))
			add_flags(s, one, in, URF_FLAG_LOWER);
		return put_item(s, one, in, &item);
	}
	if (kind == URF_TYPE_SCOPE && in && has_members(in->kind) &&
	    !die_flag(w, DIE_ARTIFICIAL)) {
		if (one)
			return add_method(s);
		s->sums.at[in->node].n_items++;
	}
	if ((kind == URF_TYPE_SCOPE && die_flag(w, DIE_DECLARATION)) || (one && w->level)) {
		*r = turf_dies_skip(w, err); /* nothing of ours, or another type */
		return true;
	}
	return add_node(s, one, kind);
}

static uint32_t four_bytes(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof(v));
	return le32toh(v);
}

/*
 * The items right behind a DIE that say what most do, as node_item() takes them: 1 there was
 * such a one, 0 it is for scan_die(), -ENOMEM.
 */
static inline int scan_leaf(struct type_scan *s, uint32_t node, uint16_t tag,
                            enum die_slot slot, uint8_t kind)
{
	struct dies *w = &s->walk;
	const struct dwarf_unit *unit = s->unit;
	const uint8_t *at;
	const struct die_leaf *leaf = turf_dies_leaf(w, tag, &at);
	if (!leaf)
		return 0;
	struct type_item item = { .kind = kind, .ref = TYPE_REF_NONE };
	if (leaf->name != DIE_LEAF_NONE) {
		uint32_t name = four_bytes(at + leaf->name);
		if (name >= unit->in->str.size)
			return 0;
		item.name = (const char *)unit->in->str.at + name;
	}
	if (leaf->type != DIE_LEAF_NONE) {
		item.ref = four_bytes(at + leaf->type);
		if (item.ref >= unit->end - unit->off)
			return 0;
	}
	if (leaf->value != DIE_LEAF_NONE && leaf->slot != slot)
		return 0;
	if (leaf->value != DIE_LEAF_NONE) {
		uint64_t value;
		memcpy(&value, at + leaf->value, sizeof(value));
		value = (le64toh(value) & leaf->mask) | leaf->constant;
		item.value = (int64_t)(tag == TAG_MEMBER ? value * 8 : value);
	}
	turf_dies_pass_leaf(w, leaf, at);
	return type_hash_item(s, node, &item) ? 1 : -ENOMEM;
}

/* As many of them as follow each other below the DIE that was told. */
static int scan_leaves(struct type_scan *s)
{
	const struct type_open *in = s->n_open ? &s->open[s->n_open - 1] : NULL;
	int r;
	if (!in || in->level + 1 != s->walk.next)
		return 0;
	if (has_members(in->kind))
		while ((r = scan_leaf(s, in->node, TAG_MEMBER, DIE_MEMBER_LOCATION,
		                      URF_ITEM_MEMBER << URF_ITEM_SHIFT)) == 1)
			;
	else if (in->kind == URF_TYPE_ENUM)
		while ((r = scan_leaf(s, in->node, TAG_ENUMERATOR, DIE_CONST_VALUE,
		                      URF_ITEM_OTHER)) == 1)
			;
	else if (in->kind == URF_TYPE_FUNCTION)
		while ((r = scan_leaf(s, in->node, TAG_PARAMETER, N_DIE_SLOTS,
		                      URF_ITEM_OTHER)) == 1)
			;
	else
		return 0;
	return r;
}

static int scan(struct type_scan *s, struct turf_error *err)
{
	int r = 0, next;
	s->sums.n = s->links.n = s->ids.n = s->n_late = 0;
	s->n_open = 0;
	while (r == 0 && (next = turf_dies_next(&s->walk, err)) == 1)
		if (!scan_die(s, false, err, &r) || scan_leaves(s) < 0)
			return -ENOMEM;
	if (!close_to(s, false, 0))
		return -ENOMEM;
	return r < 0 ? r : MIN(next, 0);
}

static bool make_room(struct type_scan *s, uint64_t size)
{
	size_t n = (size_t)(size / 64 + 1);
	if (n > s->room) {
		size_t room = MAX(n, 2 * s->room);
		free(s->bits);
		free(s->ranks);
		s->bits = malloc(room * sizeof(*s->bits));
		s->ranks = malloc(room * sizeof(*s->ranks));
		s->room = s->bits && s->ranks ? room : 0;
		if (!s->room)
			return false;
	}
	memset(s->bits, 0, n * sizeof(*s->bits));
	s->n_words = n;
	return true;
}

static void rank_bits(struct type_scan *s)
{
	uint32_t rank = 0;
	for (size_t i = 0; i < s->n_words; i++) {
		s->ranks[i] = rank;
		rank += turf_count_ones(s->bits[i]);
	}
}

int turf_type_scan_unit(struct type_scan *s, const struct dwarf_unit *unit,
                        struct turf_error *err)
{
	s->unit = unit;
	s->plans.wanted = turf_types_wanted;
	if (!make_room(s, unit->end - unit->off))
		return -ENOMEM;
	int r = turf_dies(&s->b->dwarf, unit, &s->plans, &s->walk, err);
	if (r == 0)
		r = scan(s, err);
	else
		s->sums.n = s->ids.n = s->n_late = 0;
	if (r == -ENOMEM)
		return r;
	rank_bits(s);
	turf_type_hash_all(s);
	return r;
}

/* The name of a type that has it from elsewhere. */
static int name_alone(struct type_scan *s, struct type_node *n)
{
	struct dwarf_names names;
	if ((n->kind == URF_TYPE_SCOPE || n->used) && !n->name &&
	    turf_dwarf_names(&s->b->dwarf, s->unit->base + s->unit->off + n->off, &names,
	                     NULL) == 0)
		n->name = names.name;
	return 1;
}

int turf_type_scan_one(struct type_scan *s, const struct dwarf_unit *unit, uint32_t off)
{
	s->unit = unit;
	s->alone.wanted = turf_types_wanted_alone;
	s->node.kind = URF_TYPE_VOID;
	s->items.n = 0;
	s->n_open = 0;
	s->walk.dw = &s->b->dwarf;
	s->walk.plans = &s->alone;
	s->walk.unit = unit;
	int r = turf_dies_at(&s->walk, unit->base + unit->off + off);
	if (r != 1)
		return r;
	r = 0;
	if (!scan_die(s, true, NULL, &r))
		return -ENOMEM;
	uint8_t kind = s->node.kind;
	bool below = has_members(kind) || kind == URF_TYPE_ENUM || kind == URF_TYPE_ARRAY ||
	             kind == URF_TYPE_FUNCTION;
	int next = 1;
	while (below && r == 0 && (next = turf_dies_next(&s->walk, NULL)) == 1)
		if (!scan_die(s, true, NULL, &r))
			return -ENOMEM;
	if (next == -ENOMEM || !close_to(s, true, 0))
		return -ENOMEM;
	return kind ? name_alone(s, &s->node) : 0;
}

void turf_type_scan_forget(struct type_scan *s)
{
	free(s->names);
	free(s->seen);
	free(s->bits);
	free(s->ranks);
	s->names = NULL;
	s->seen = NULL;
	s->bits = NULL;
	s->ranks = NULL;
	s->n_names = s->n_seen = s->room = 0;
	vec_fini(&s->sums);
	vec_fini(&s->links);
	vec_fini(&s->ids);
}

void turf_type_scan_fini(struct type_scan *s)
{
	turf_type_scan_forget(s);
	turf_die_plans_fini(&s->plans);
	turf_die_plans_fini(&s->alone);
	vec_fini(&s->items);
}
