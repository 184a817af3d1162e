/* SPDX-License-Identifier: MIT */
/* What is asked of DIEs that are types or in types; and methods, which only a type that is read
 * alone has. */
#include "build/types-tags.h"

static uint64_t wanted_of_types(uint16_t tag)
{
	const uint64_t some =
		DIE_TOLD | DIE_BIT(DIE_NAME) | DIE_BIT(DIE_TYPE) | DIE_BIT(DIE_BYTE_SIZE);
	const uint64_t all = some | DIE_BIT(DIE_DECLARATION) | DIE_BIT(DIE_SPECIFICATION) |
	                     DIE_BIT(DIE_SIGNATURE) | DIE_BIT(DIE_ALIGNMENT) |
	                     DIE_BIT(DIE_DECL_FILE) | DIE_BIT(DIE_DECL_LINE);
	switch (kind_of(tag)) {
	case URF_TYPE_ARRAY:
		return some | DIE_BIT(DIE_VECTOR);
	case URF_TYPE_BASE:
		return some | DIE_BIT(DIE_ENCODING) | DIE_BIT(DIE_BIT_SIZE);
	case URF_TYPE_ENUM:
		return all | DIE_BIT(DIE_ENUM_CLASS);
	case URF_TYPE_FUNCTION:
		return some | DIE_BIT(DIE_PROTOTYPED);
	case URF_TYPE_MEMBER_POINTER:
		return some | DIE_BIT(DIE_CONTAINING_TYPE);
	case URF_TYPE_SUBRANGE:
		return some | DIE_BIT(DIE_LOWER_BOUND) | DIE_BIT(DIE_UPPER_BOUND) |
		       DIE_BIT(DIE_COUNT);
	case URF_TYPE_SCOPE:
		return DIE_TOLD | DIE_BIT(DIE_DECLARATION) | DIE_BIT(DIE_ARTIFICIAL);
	case URF_TYPE_NAMESPACE:
		return all | DIE_BIT(DIE_EXPORT_SYMBOLS);
	case URF_TYPE_VOID:
		return 0;
	default:
		return all;
	}
}

uint64_t turf_types_wanted(uint16_t tag)
{
	const uint64_t some = DIE_TOLD | DIE_BIT(DIE_NAME) | DIE_BIT(DIE_TYPE);
	switch (tag) {
	case TAG_PARAMETER:
		return DIE_TOLD | DIE_BIT(DIE_TYPE);
	case TAG_MEMBER:
		return some | DIE_BIT(DIE_MEMBER_LOCATION) | DIE_BIT(DIE_DATA_BIT_OFFSET) |
		       DIE_BIT(DIE_BIT_OFFSET) | DIE_BIT(DIE_BIT_SIZE) |
		       DIE_BIT(DIE_BYTE_SIZE) | DIE_BIT(DIE_ACCESSIBILITY) |
		       DIE_BIT(DIE_ARTIFICIAL) | DIE_BIT(DIE_EXTERNAL) |
		       DIE_BIT(DIE_DECLARATION) | DIE_BIT(DIE_MUTABLE) |
		       DIE_BIT(DIE_CONST_VALUE);
	case TAG_BASE_CLASS:
		return DIE_TOLD | DIE_BIT(DIE_TYPE) | DIE_BIT(DIE_MEMBER_LOCATION) |
		       DIE_BIT(DIE_ACCESSIBILITY) | DIE_BIT(DIE_VIRTUALITY);
	case TAG_ENUMERATOR:
		return DIE_TOLD | DIE_BIT(DIE_NAME) | DIE_BIT(DIE_CONST_VALUE);
	case TAG_TYPE_ARGUMENT:
	case TAG_TEMPLATE_ARGUMENT:
	case TAG_PACK:
		return some;
	case TAG_VALUE_ARGUMENT:
		return some | DIE_BIT(DIE_CONST_VALUE);
	case TAG_VARIABLE:
		return some | DIE_BIT(DIE_CONST_VALUE) | DIE_BIT(DIE_ACCESSIBILITY);
	case TAG_VARIANT:
		return DIE_TOLD | DIE_BIT(DIE_DISCR_VALUE);
	case TAG_IMPORTED:
	case TAG_IMPORTED_MODULE:
	case TAG_LABEL:
	case TAG_INLINED: /* its types stand in the abstract one */
	case TAG_CALL:
	case TAG_GNU_CALL:
		return DIE_PRUNE;
	default:
		return DIE_TOLD | wanted_of_types(tag);
	}
}

uint64_t turf_types_wanted_alone(uint16_t tag)
{
	if (tag == TAG_PARAMETER)
		return DIE_TOLD | DIE_BIT(DIE_TYPE) | DIE_BIT(DIE_ARTIFICIAL);
	if (tag != TAG_SUBPROGRAM)
		return turf_types_wanted(tag);
	return turf_types_wanted(tag) | DIE_BIT(DIE_NAME) | DIE_BIT(DIE_TYPE) |
	       DIE_BIT(DIE_ACCESSIBILITY) | DIE_BIT(DIE_VIRTUALITY) | DIE_BIT(DIE_EXPLICIT) |
	       DIE_BIT(DIE_DELETED) | DIE_BIT(DIE_DEFAULTED) | DIE_BIT(DIE_REFERENCE) |
	       DIE_BIT(DIE_NORETURN);
}

static bool push(struct type_scan *s, const struct type_item *item)
{
	if (!vec_reserve(&s->items, 1))
		return false;
	s->items.at[s->items.n++] = *item;
	s->node.n_items++;
	return true;
}

/* All that the DIE of a method says itself: URF_METHOD_*. */
static uint16_t flags_of(const struct dies *w)
{
	enum { PURE = 2, IN_CLASS = 1, BOTH = 2 }; /* DW_VIRTUALITY_*, DW_DEFAULTED_* */
	uint64_t is_virtual = die_number(w, DIE_VIRTUALITY, 0);
	uint64_t reference = die_number(w, DIE_REFERENCE, 0);
	unsigned flags = die_number(w, DIE_ACCESSIBILITY, 0) & URF_EXTRA_ACCESS;
	flags |= is_virtual ? URF_METHOD_VIRTUAL : 0;
	flags |= is_virtual == PURE ? URF_METHOD_PURE : 0;
	flags |= die_flag(w, DIE_EXPLICIT) ? URF_METHOD_EXPLICIT : 0;
	flags |= die_flag(w, DIE_DELETED) ? URF_METHOD_DELETED : 0;
	flags |= die_number(w, DIE_DEFAULTED, 0) == IN_CLASS ? URF_METHOD_DEFAULTED : 0;
	flags |= die_flag(w, DIE_NORETURN) ? URF_METHOD_NORETURN : 0;
	flags |= reference == BOTH ? URF_METHOD_RVALUE : reference ? URF_METHOD_LVALUE : 0;
	return (uint16_t)(flags | URF_METHOD_STATIC); /* up to its `this` */
}

bool turf_types_method(struct type_scan *s)
{
	const struct type_item item = {
		.kind = URF_ITEM_OTHER << URF_ITEM_SHIFT | URF_OTHER_METHODS,
		.name = turf_types_name(s),
		.ref = turf_types_ref(s, DIE_TYPE),
		.bits = flags_of(&s->walk),
	};
	return push(s, &item);
}

bool turf_types_parameter(struct type_scan *s)
{
	struct type_item *last = &s->items.at[s->items.n - 1];
	struct type_item item = { .kind = TYPE_PARAMETER, .ref = turf_types_ref(s, DIE_TYPE) };
	if (s->walk.tag == TAG_MORE_PARAMETERS) {
		while (last->kind == TYPE_PARAMETER)
			last--;
		last->bits |= URF_METHOD_VARIADIC;
		return true;
	}
	if (die_flag(&s->walk, DIE_ARTIFICIAL)) {
		if (last->kind ==
		    TYPE_PARAMETER) /* of constructors: which parts to construct */
			return true;
		last->bits &= (uint16_t)~URF_METHOD_STATIC;
		item.flags = TYPE_THIS;
	}
	return push(s, &item);
}
