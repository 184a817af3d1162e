/* SPDX-License-Identifier: MIT */
/* Which DIEs are types, and what is asked of them. Private to the room. */
#ifndef BUILD_TYPES_TAGS_H
#define BUILD_TYPES_TAGS_H

#include "build/types-scan.h"

enum { /* DWARF 5 section 7.5.3 */
       TAG_ARRAY = 0x01,
       TAG_CLASS = 0x02,
       TAG_ENUM = 0x04,
       TAG_PARAMETER = 0x05,
       TAG_IMPORTED = 0x08,
       TAG_LABEL = 0x0a,
       TAG_BLOCK = 0x0b,
       TAG_MEMBER = 0x0d,
       TAG_POINTER = 0x0f,
       TAG_REFERENCE = 0x10,
       TAG_STRING = 0x12,
       TAG_STRUCT = 0x13,
       TAG_FUNCTION_TYPE = 0x15,
       TAG_TYPEDEF = 0x16,
       TAG_UNION = 0x17,
       TAG_MORE_PARAMETERS = 0x18,
       TAG_VARIANT = 0x19,
       TAG_BASE_CLASS = 0x1c,
       TAG_INLINED = 0x1d,
       TAG_MODULE = 0x1e,
       TAG_MEMBER_POINTER = 0x1f,
       TAG_SET = 0x20,
       TAG_SUBRANGE = 0x21,
       TAG_BASE = 0x24,
       TAG_CONST = 0x26,
       TAG_ENUMERATOR = 0x28,
       TAG_FILE = 0x29,
       TAG_PACKED = 0x2d,
       TAG_SUBPROGRAM = 0x2e,
       TAG_TYPE_ARGUMENT = 0x2f,
       TAG_VALUE_ARGUMENT = 0x30,
       TAG_VARIANT_PART = 0x33,
       TAG_VARIABLE = 0x34,
       TAG_VOLATILE = 0x35,
       TAG_RESTRICT = 0x37,
       TAG_INTERFACE = 0x38,
       TAG_NAMESPACE = 0x39,
       TAG_IMPORTED_MODULE = 0x3a,
       TAG_UNSPECIFIED = 0x3b,
       TAG_SHARED = 0x40,
       TAG_RVALUE_REFERENCE = 0x42,
       TAG_TEMPLATE_ALIAS = 0x43,
       TAG_COARRAY = 0x44,
       TAG_DYNAMIC = 0x46,
       TAG_ATOMIC = 0x47,
       TAG_CALL = 0x48,
       TAG_IMMUTABLE = 0x4b,
       TAG_TEMPLATE_ARGUMENT = 0x4106,
       TAG_PACK = 0x4107,
       TAG_GNU_CALL = 0x4109,
};

static inline uint8_t kind_of(uint16_t tag)
{
	switch (tag) {
	case TAG_ARRAY:
	case TAG_COARRAY:
		return URF_TYPE_ARRAY;
	case TAG_CLASS:
		return URF_TYPE_CLASS;
	case TAG_ENUM:
		return URF_TYPE_ENUM;
	case TAG_POINTER:
		return URF_TYPE_POINTER;
	case TAG_REFERENCE:
		return URF_TYPE_REFERENCE;
	case TAG_STRING:
		return URF_TYPE_STRING;
	case TAG_STRUCT:
		return URF_TYPE_STRUCT;
	case TAG_FUNCTION_TYPE:
		return URF_TYPE_FUNCTION;
	case TAG_TYPEDEF:
	case TAG_TEMPLATE_ALIAS:
		return URF_TYPE_TYPEDEF;
	case TAG_UNION:
		return URF_TYPE_UNION;
	case TAG_MODULE:
	case TAG_NAMESPACE:
		return URF_TYPE_NAMESPACE;
	case TAG_MEMBER_POINTER:
		return URF_TYPE_MEMBER_POINTER;
	case TAG_SET:
		return URF_TYPE_SET;
	case TAG_SUBRANGE:
		return URF_TYPE_SUBRANGE;
	case TAG_BASE:
		return URF_TYPE_BASE;
	case TAG_CONST:
		return URF_TYPE_CONST;
	case TAG_SUBPROGRAM:
		return URF_TYPE_SCOPE;
	case TAG_VOLATILE:
		return URF_TYPE_VOLATILE;
	case TAG_RESTRICT:
		return URF_TYPE_RESTRICT;
	case TAG_INTERFACE:
		return URF_TYPE_INTERFACE;
	case TAG_UNSPECIFIED:
		return URF_TYPE_UNSPECIFIED;
	case TAG_RVALUE_REFERENCE:
		return URF_TYPE_RVALUE_REFERENCE;
	case TAG_ATOMIC:
		return URF_TYPE_ATOMIC;
	case TAG_FILE:
	case TAG_PACKED:
	case TAG_SHARED:
	case TAG_DYNAMIC:
	case TAG_IMMUTABLE:
		return URF_TYPE_OTHER;
	default:
		return URF_TYPE_VOID;
	}
}

/* What is asked of DIEs where all types of a unit are read, and where one is read alone. */
uint64_t turf_types_wanted(uint16_t tag);
uint64_t turf_types_wanted_alone(uint16_t tag);

/* Of one type that is read alone: a method of the class, and a parameter of the last one.
 * False: no memory. */
bool turf_types_method(struct type_scan *s);
bool turf_types_parameter(struct type_scan *s);

/* types-scan.c: what a slot of the DIE that was told means, as type_item.ref; its name. */
uint64_t turf_types_ref(const struct type_scan *s, enum die_slot slot);
const char *turf_types_name(const struct type_scan *s);

#endif
