/* SPDX-License-Identifier: MIT */
/*
 * Types of a debug urf: each distinct one once, by number; 0 is void.
 *
 *     struct turf_type type;
 *     struct turf_type_items walk;
 *     struct turf_type_item item;
 *     if (turf_image_type(image, number, &type) == 1) {
 *             turf_type_items(&type, &walk);
 *             while (turf_type_items_next(&walk, &item) == 1)
 *                     ...                                  // members, enumerators, parameters
 *     }
 *
 * Types are in the cold part: an urf that was made without it, or stripped, answers -ENODATA.
 * Nothing here allocates, locks or writes; all of it is async-signal-safe.
 *
 * Source: DWARF 5 chapter 5
 */
#ifndef TURF_TYPES_H
#define TURF_TYPES_H

#include "turf/image.h"

#ifdef __cplusplus
extern "C" {
#endif

enum turf_type_kind {
	TURF_TYPE_VOID = 0,
	TURF_TYPE_POINTER = 1, /* to target; so the next six */
	TURF_TYPE_REFERENCE = 2,
	TURF_TYPE_RVALUE_REFERENCE = 3,
	TURF_TYPE_CONST = 4,
	TURF_TYPE_VOLATILE = 5,
	TURF_TYPE_RESTRICT = 6,
	TURF_TYPE_ATOMIC = 7,
	TURF_TYPE_BASE = 9,         /* encoding, bits */
	TURF_TYPE_UNSPECIFIED = 10, /* nullptr_t and the like */
	TURF_TYPE_TYPEDEF = 11,
	TURF_TYPE_STRUCT = 12,
	TURF_TYPE_CLASS = 13,
	TURF_TYPE_UNION = 14,
	TURF_TYPE_INTERFACE = 15,
	TURF_TYPE_ENUM = 16,           /* kept in target */
	TURF_TYPE_ARRAY = 17,          /* of target; items are its dimensions */
	TURF_TYPE_FUNCTION = 18,       /* returns target; items are its parameters */
	TURF_TYPE_MEMBER_POINTER = 19, /* to a target in class_type */
	TURF_TYPE_SUBRANGE = 20,       /* of target: count values from lower on */
	TURF_TYPE_STRING = 21,
	TURF_TYPE_SET = 22,
	TURF_TYPE_NAMESPACE = 23, /* and modules */
	TURF_TYPE_SCOPE = 24,     /* a function that types stand in */
	TURF_TYPE_OTHER = 25,     /* of target: packed, shared, files */
};

struct turf_type {
	uint32_t number;
	uint32_t kind;   /* enum turf_type_kind */
	turf_text name;  /* without what it stands in; 0: it has none */
	uint32_t scope;  /* number of the namespace, class or function it stands in; 0: none */
	uint32_t target; /* see the kinds */
	uint32_t class_type; /* of a pointer to member */
	uint32_t file, line; /* of the declaration; 0: not known. turf_image_path() */
	uint32_t alignment;  /* bytes, where it is declared; 0: what the machine wants */
	uint32_t bits;       /* of a base type; 0: all of its bytes */
	uint64_t size;       /* bytes, where has_size; see turf_image_type_size() */
	uint64_t count;      /* of a sub-range, where has_count */
	int64_t lower;
	uint8_t encoding; /* DW_ATE_* of a base type */
	bool has_size, has_count;
	bool declaration;  /* what is in it is not known */
	bool scoped_enum;  /* enum class */
	bool is_inline;    /* a namespace */
	bool vector;       /* an array: a machine's vector */
	bool variadic;     /* a function: takes more arguments */
	bool unprototyped; /* its parameters are not known */
	uint8_t flags;     /* private from here on */
	const uint8_t *items, *end;
};

/**
 * turf_image_type() - the type with a number
 *
 * Cost:   at most four records passed
 * Return: 1, 0 there is no such number, -ENODATA no types in this urf, -EBADMSG image damaged
 */
int turf_image_type(const struct turf_image *image, uint32_t number, struct turf_type *out);

/* One more than the highest number; 0: no types in this urf. The lower, the more is it used. */
uint32_t turf_image_n_types(const struct turf_image *image);

enum turf_item_kind {
	TURF_ITEM_MEMBER = 0,
	TURF_ITEM_BASE = 1,          /* a base class */
	TURF_ITEM_STATIC = 2,        /* a static member */
	TURF_ITEM_ENUMERATOR = 3,    /* name, value */
	TURF_ITEM_PARAMETER = 4,     /* type */
	TURF_ITEM_DIMENSION = 5,     /* count where has_value, lower bound in value */
	TURF_ITEM_TYPE_ARGUMENT = 6, /* of a template */
	TURF_ITEM_VALUE_ARGUMENT = 7,
	TURF_ITEM_TEMPLATE_ARGUMENT = 8,
	TURF_ITEM_PACK = 9,  /* those up to an END are one argument's */
	TURF_ITEM_PART = 10, /* a part that varies, up to an END: its discriminant, variants */
	TURF_ITEM_VARIANT =
		11, /* what is there, up to an END, where the discriminant is value */
	TURF_ITEM_END = 12,
};

struct turf_type_item {
	uint32_t kind; /* enum turf_item_kind */
	uint32_t type;
	turf_text name;     /* 0: none */
	int64_t bit_offset; /* of members and base classes, unless moves */
	uint32_t bits;      /* of a bit field; 0: it is none */
	uint8_t access;     /* DW_ACCESS_*: 1 public, 2 protected, 3 private; 0: as usual */
	bool is_virtual;    /* a base class */
	bool artificial;    /* the compiler made it: a table of virtual functions */
	bool is_mutable;
	bool moves;     /* its offset depends on the object: in a virtual base class */
	bool has_value; /* a value is known; of a dimension: count */
	int64_t value;
	uint64_t count;
};

/* A walk over what is in a type; caller's storage, all fields private. */
struct turf_type_items {
	const uint8_t *at, *end;
	int64_t last; /* offset in bits, or value */
	uint8_t kind, flags;
};
void turf_type_items(const struct turf_type *type, struct turf_type_items *walk);
/* Return: 1 @out filled, 0 no further one, -EBADMSG image damaged. */
int turf_type_items_next(struct turf_type_items *walk, struct turf_type_item *out);

/* What is said of a method, besides its access. */
enum turf_method_flag {
	TURF_METHOD_STATIC = 0x4, /* it takes no object */
	TURF_METHOD_CONST = 0x8,
	TURF_METHOD_VIRTUAL = 0x10,
	TURF_METHOD_PURE = 0x20,
	TURF_METHOD_DEFAULTED = 0x40, /* in the class */
	TURF_METHOD_DELETED = 0x80,
	TURF_METHOD_EXPLICIT = 0x100,
	TURF_METHOD_VARIADIC = 0x200,
	TURF_METHOD_VOLATILE = 0x400,
	TURF_METHOD_LVALUE = 0x800,  /* declared with & */
	TURF_METHOD_RVALUE = 0x1000, /* with && */
	TURF_METHOD_NORETURN = 0x2000,
};
struct turf_method {
	turf_text name;
	uint32_t type;  /* that it returns; 0: void, or it is a constructor or destructor */
	uint32_t flags; /* enum turf_method_flag */
	uint32_t n_parameters;   /* besides the object */
	uint8_t access;          /* as of members */
	const uint8_t *at, *end; /* private */
};
/* A walk over the methods of a class, structure or union, as one unit declares them, in its
 * order; those that the compiler adds are left out. All fields private. */
struct turf_methods {
	const uint8_t *at, *end;
};
/* Return: 0, -EBADMSG image damaged. */
int turf_type_methods(const struct turf_type *type, struct turf_methods *walk);
/* Return: 1 @out filled, 0 no further one, -EBADMSG. */
int turf_methods_next(struct turf_methods *walk, struct turf_method *out);
/* The type of the next parameter of a method: 1, 0 no further one, -EBADMSG. */
int turf_method_parameter(struct turf_method *method, uint32_t *type);

/**
 * turf_image_type_size() - bytes that an object of a type takes
 *
 * Through typedefs, const and the like, and arrays.
 * Return: 1, 0 not known or no object's type, -ENODATA, -EBADMSG
 */
int turf_image_type_size(const struct turf_image *image, uint32_t number, uint64_t *size);

/**
 * turf_image_type_name() - what a type is called, with what it stands in: "std::vector<int>"
 * @out: receives as much as fits, NUL-ended unless @size is 0
 *
 * A type without a name is written as C does: "char *[4]", "struct {...}".
 * Return: length of the whole as snprintf() counts, -ENODATA, -EBADMSG
 */
ssize_t turf_image_type_name(const struct turf_image *image, uint32_t number, char *out,
                             size_t size);

/* The declaration of @name with that type: "char *name[4]". Else as turf_image_type_name(). */
ssize_t turf_image_type_declare(const struct turf_image *image, uint32_t number,
                                const char *name, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
