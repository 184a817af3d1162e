/* SPDX-License-Identifier: MIT */
/*
 * Types, in the urf of image/urf.h with those of put_types(): records by number, what is in
 * them, names, sizes; damage; none where there are none.
 */
#include "lib/test.h"
#include "image/open.h"
#include "image/urf.h"
#include "turf/types.h"

enum { BARE = 3, GCC = 4, INNER = 5, LABEL = 6, LEAF = 7, OUTER = 9, WIDE = 11 }; /* texts */
enum {
	VOID,
	POINTER,
	STRUCT,
	BASE,
	ENUM,
	ARRAY,
	FUNCTION,
	SPACE,
	CLASS,
	MIXED,
	FIXED,
	MOVING,
	N_TYPES
};
enum { FLAGGED = URF_TYPE_FLAGGED, SIZED = URF_FLAG_SIZED };

#define TYPE(p, ...)                                                                           \
	do {                                                                                   \
		if (n++ % URF_TYPE_STEP == 0)                                                  \
			URF_PUT(p, URF_TYPE_INDEX, urf_here(p, URF_TYPES));                    \
		URF_BYTES(p, URF_TYPES, __VA_ARGS__);                                          \
	} while (0)

static void put_types(struct urf_parts *p)
{
	unsigned n = 0;
	TYPE(p, 0);
	TYPE(p, URF_TYPE_POINTER, STRUCT);
	/* inner at 0, leaf from bit 32 on, label behind it, wide at 8; a base class; static */
	TYPE(p, URF_TYPE_STRUCT | FLAGGED | URF_TYPE_DECLARED, 33, SIZED, OUTER, 1, 7, 16, 0,
	     0x40, CLASS, 0, INNER, BASE, 0x20, LEAF, BASE, 32, 3, 0x20, LABEL, BASE, 3, 5,
	     0x10 | 3 /* 3 bytes behind byte 4 */, 3, WIDE, BASE, 0xf, 0, POINTER, 9, 0xd1,
	     BARE, BASE, 0x7f);
	TYPE(p, URF_TYPE_BASE | FLAGGED, 5, SIZED, BARE, 4, 5, 0);
	TYPE(p, URF_TYPE_ENUM | FLAGGED, 8, SIZED | URF_FLAG_CLASS, LABEL, 4, BASE, INNER, 0,
	     LEAF, 0x7d);
	TYPE(p, URF_TYPE_ARRAY, 4, 0, BASE, 4, 0);
	TYPE(p, URF_TYPE_FUNCTION | FLAGGED, 5, URF_FLAG_VARIADIC, 0, VOID, POINTER, BASE);
	TYPE(p, URF_TYPE_NAMESPACE, 1, GCC);
	TYPE(p, URF_TYPE_CLASS | FLAGGED | URF_TYPE_SCOPED, 4, URF_FLAG_DECLARATION, LEAF,
	     SPACE, 0);
	/* label says what is there: of 3 leaf at 8, else nothing; two methods */
	TYPE(p, URF_TYPE_STRUCT | FLAGGED, 29, SIZED, GCC, 16, 0, 0xc2, 0, LABEL, BASE, 0xd3, 3,
	     7, LEAF, BASE, 0xc0, 0xc3, 0xc0, 0xc0, 0xc4, 1 | URF_METHOD_CONST, WIDE, BASE, 2,
	     POINTER, BASE, 0x84, 4, LEAF, 0, 0);
	TYPE(p, URF_TYPE_CONST, BASE);
	TYPE(p, URF_TYPE_VOLATILE, FIXED);
}

/* The parts' urf, with that many types. */
static struct span finish(struct urf_parts *p, uint32_t n_types)
{
	struct span urf = urf_of_parts(p);
	uint8_t *at = memmem(urf.at, urf.size, URF_MAGIC, 8);
	struct urf_head *head = (struct urf_head *)at;
	head->flags = le32_of(le32_get(head->flags) | URF_HAS_COLD);
	head->n_types = le32_of(n_types);
	urf_seal((uint8_t *)urf.at, urf.size, (size_t)(at - urf.at));
	return urf;
}

static struct span typed(void)
{
	struct urf_parts p = { 0 };
	urf_parts_fill(&p);
	put_types(&p);
	return finish(&p, N_TYPES);
}

static struct turf_image *open_typed(struct span *urf)
{
	*urf = typed();
	return open_whole(*urf);
}

START_TEST(reads_what_a_type_is)
{
	static const struct {
		uint32_t kind, target, scope, line;
		turf_text name;
		int has_size;
		uint64_t size;
	} cases[N_TYPES] = {
		[VOID] = { TURF_TYPE_VOID, 0, 0, 0, 0, 0, 0 },
		[POINTER] = { TURF_TYPE_POINTER, STRUCT, 0, 0, 0, 1, 8 },
		[STRUCT] = { TURF_TYPE_STRUCT, 0, 0, 7, OUTER, 1, 16 },
		[BASE] = { TURF_TYPE_BASE, 0, 0, 0, BARE, 1, 4 },
		[ENUM] = { TURF_TYPE_ENUM, BASE, 0, 0, LABEL, 1, 4 },
		[ARRAY] = { TURF_TYPE_ARRAY, BASE, 0, 0, 0, 0, 0 },
		[FUNCTION] = { TURF_TYPE_FUNCTION, 0, 0, 0, 0, 0, 0 },
		[SPACE] = { TURF_TYPE_NAMESPACE, 0, 0, 0, GCC, 0, 0 },
		[CLASS] = { TURF_TYPE_CLASS, 0, SPACE, 0, LEAF, 0, 0 },
		[MIXED] = { TURF_TYPE_STRUCT, 0, 0, 0, GCC, 1, 16 },
		[FIXED] = { TURF_TYPE_CONST, BASE, 0, 0, 0, 1, 4 },
		[MOVING] = { TURF_TYPE_VOLATILE, FIXED, 0, 0, 0, 1, 4 },
	};
	struct span urf;
	struct turf_image *image = open_typed(&urf);
	struct turf_type t = { .number = 77 };
	uint64_t size = 77;
	ck_assert_uint_eq(turf_image_n_types(image), N_TYPES);
	ck_assert_int_eq(turf_image_type(image, N_TYPES, &t), 0);
	ck_assert_int_eq(turf_image_type(image, UINT32_MAX, &t), 0);
	ck_assert_uint_eq(t.number, 77);
	for (uint32_t i = 0; i < N_TYPES; i++) {
		ck_assert_int_eq(turf_image_type(image, i, &t), 1);
		ck_assert_uint_eq(t.number, i);
		ck_assert_uint_eq(t.kind, cases[i].kind);
		ck_assert_uint_eq(t.target, cases[i].target);
		ck_assert_uint_eq(t.scope, cases[i].scope);
		ck_assert_uint_eq(t.line, cases[i].line);
		ck_assert_uint_eq(t.name, cases[i].name);
		ck_assert_int_eq(turf_image_type_size(image, i, &size), cases[i].has_size);
		ck_assert_uint_eq(cases[i].has_size ? size : 0, cases[i].size);
		ck_assert_int_eq(t.declaration, i == CLASS);
		ck_assert_int_eq(t.scoped_enum, i == ENUM);
		ck_assert_int_eq(t.variadic, i == FUNCTION);
	}
	close_urf(image, urf);
}
END_TEST

START_TEST(reads_what_is_in_a_type)
{
	static const struct {
		uint32_t type;
		struct turf_type_item item;
	} cases[] = {
		{ STRUCT, { .kind = TURF_ITEM_BASE, .type = CLASS } },
		{ STRUCT, { .kind = TURF_ITEM_MEMBER, .type = BASE, .name = INNER } },
		{ STRUCT,
		  { .kind = TURF_ITEM_MEMBER,
		    .type = BASE,
		    .name = LEAF,
		    .bit_offset = 32,
		    .bits = 3 } },
		{ STRUCT,
		  { .kind = TURF_ITEM_MEMBER,
		    .type = BASE,
		    .name = LABEL,
		    .bit_offset = 35,
		    .bits = 5 } },
		{ STRUCT,
		  { .kind = TURF_ITEM_MEMBER,
		    .type = BASE,
		    .name = WIDE,
		    .bit_offset = 56,
		    .access = 3 } },
		{ STRUCT,
		  { .kind = TURF_ITEM_MEMBER, .type = POINTER, .bit_offset = (7 + 9) * 8 } },
		{ STRUCT,
		  { .kind = TURF_ITEM_STATIC,
		    .type = BASE,
		    .name = BARE,
		    .has_value = true,
		    .value = -1 } },
		{ ENUM, { .kind = TURF_ITEM_ENUMERATOR, .name = INNER, .has_value = true } },
		{ ENUM,
		  { .kind = TURF_ITEM_ENUMERATOR,
		    .name = LEAF,
		    .has_value = true,
		    .value = -2 } },
		{ ARRAY, { .kind = TURF_ITEM_DIMENSION, .has_value = true, .count = 3 } },
		{ ARRAY, { .kind = TURF_ITEM_DIMENSION } },
		{ FUNCTION, { .kind = TURF_ITEM_PARAMETER, .type = POINTER } },
		{ FUNCTION, { .kind = TURF_ITEM_PARAMETER, .type = BASE } },
		{ MIXED, { .kind = TURF_ITEM_PART } },
		{ MIXED, { .kind = TURF_ITEM_MEMBER, .type = BASE, .name = LABEL } },
		{ MIXED, { .kind = TURF_ITEM_VARIANT, .has_value = true, .value = 3 } },
		{ MIXED,
		  { .kind = TURF_ITEM_MEMBER, .type = BASE, .name = LEAF, .bit_offset = 64 } },
		{ MIXED, { .kind = TURF_ITEM_END } },
		{ MIXED, { .kind = TURF_ITEM_VARIANT } },
		{ MIXED, { .kind = TURF_ITEM_END } },
		{ MIXED, { .kind = TURF_ITEM_END } },
	};
	struct span urf;
	struct turf_image *image = open_typed(&urf);
	size_t at = 0;
	for (uint32_t i = 0; i < N_TYPES; i++) {
		struct turf_type t;
		struct turf_type_items walk;
		struct turf_type_item item = { 0 };
		ck_assert_int_eq(turf_image_type(image, i, &t), 1);
		turf_type_items(&t, &walk);
		for (; at < COUNT(cases) && cases[at].type == i; at++) {
			memset(&item, 0, sizeof(item));
			ck_assert_int_eq(turf_type_items_next(&walk, &item), 1);
			ck_assert_uint_eq(item.kind, cases[at].item.kind);
			ck_assert_uint_eq(item.type, cases[at].item.type);
			ck_assert_uint_eq(item.name, cases[at].item.name);
			ck_assert_int_eq(item.bit_offset, cases[at].item.bit_offset);
			ck_assert_uint_eq(item.bits, cases[at].item.bits);
			ck_assert_uint_eq(item.access, cases[at].item.access);
			ck_assert_int_eq(item.has_value, cases[at].item.has_value);
			ck_assert_int_eq(item.value, cases[at].item.value);
			ck_assert_uint_eq(item.count, cases[at].item.count);
		}
		ck_assert_int_eq(turf_type_items_next(&walk, &item), 0);
	}
	ck_assert_uint_eq(at, COUNT(cases));
	close_urf(image, urf);
}
END_TEST

START_TEST(reads_methods)
{
	struct span urf;
	struct turf_image *image = open_typed(&urf);
	struct turf_type t;
	struct turf_methods walk;
	struct turf_method m = { .name = 77 };
	uint32_t type = 77;
	ck_assert_int_eq(turf_image_type(image, MIXED, &t), 1);
	ck_assert_int_eq(turf_type_methods(&t, &walk), 0);
	ck_assert_int_eq(turf_methods_next(&walk, &m), 1);
	ck_assert_uint_eq(m.name, WIDE);
	ck_assert_uint_eq(m.type, BASE);
	ck_assert_uint_eq(m.flags, TURF_METHOD_CONST);
	ck_assert_uint_eq(m.access, 1);
	ck_assert_int_eq(turf_method_parameter(&m, &type), 1);
	ck_assert_uint_eq(type, POINTER);
	ck_assert_int_eq(turf_method_parameter(&m, &type), 1);
	ck_assert_uint_eq(type, BASE);
	ck_assert_int_eq(turf_method_parameter(&m, &type), 0);
	ck_assert_int_eq(turf_methods_next(&walk, &m), 1);
	ck_assert_uint_eq(m.name, LEAF);
	ck_assert_uint_eq(m.flags, TURF_METHOD_STATIC | TURF_METHOD_VARIADIC);
	ck_assert_uint_eq(m.access, 0);
	ck_assert_int_eq(turf_method_parameter(&m, &type), 0);
	ck_assert_int_eq(turf_methods_next(&walk, &m), 0);
	ck_assert_int_eq(turf_methods_next(&walk, &m), 0);
	for (uint32_t i = 0; i < MIXED; i++) {
		ck_assert_int_eq(turf_image_type(image, i, &t), 1);
		ck_assert_int_eq(turf_type_methods(&t, &walk), 0);
		ck_assert_int_eq(turf_methods_next(&walk, &m), 0);
	}
	close_urf(image, urf);
}
END_TEST

START_TEST(writes_types_as_c_does)
{
	static const struct {
		uint32_t type;
		const char *name, *declared; /* of "x" */
	} cases[] = {
		{ VOID, "void", "void x" },
		{ POINTER, "struct outer *", "struct outer *x" },
		{ STRUCT, "outer", "struct outer x" },
		{ BASE, "bare", "bare x" },
		{ ENUM, "label", "enum label x" },
		{ ARRAY, "bare[3][]", "bare x[3][]" },
		{ FUNCTION, "void(struct outer *, bare, ...)",
		  "void x(struct outer *, bare, ...)" },
		{ SPACE, "gcc", "gcc x" },
		{ CLASS, "gcc::leaf", "gcc::leaf x" },
		{ MIXED, "gcc", "struct gcc x" },
		{ FIXED, "const bare", "const bare x" },
		{ MOVING, "volatile const bare", "volatile const bare x" },
	};
	struct span urf;
	struct turf_image *image = open_typed(&urf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char all[64], cut[5];
		size_t n = strlen(cases[i].name), m = strlen(cases[i].declared);
		ck_assert_int_eq(turf_image_type_name(image, cases[i].type, all, sizeof(all)),
		                 n);
		ck_assert_str_eq(all, cases[i].name);
		ck_assert_int_eq(
			turf_image_type_declare(image, cases[i].type, "x", all, sizeof(all)),
			m);
		ck_assert_str_eq(all, cases[i].declared);
		ck_assert_int_eq(turf_image_type_name(image, cases[i].type, cut, sizeof(cut)),
		                 n);
		ck_assert_int_eq(strncmp(cut, cases[i].name, sizeof(cut) - 1), 0);
		ck_assert_uint_eq(strlen(cut), MIN(n, sizeof(cut) - 1));
		ck_assert_int_eq(turf_image_type_name(image, cases[i].type, NULL, 0), n);
	}
	close_urf(image, urf);
}
END_TEST

START_TEST(says_that_there_are_none)
{
	struct span urf = urf_sample();
	struct turf_image *image = open_urf(urf);
	struct turf_type t;
	uint64_t size;
	char text[8];
	ck_assert_uint_eq(turf_image_n_types(image), 0);
	ck_assert_int_eq(turf_image_type(image, 0, &t), -ENODATA);
	ck_assert_int_eq(turf_image_type_size(image, 1, &size), -ENODATA);
	ck_assert_int_eq(turf_image_type_name(image, 1, text, sizeof(text)), -ENODATA);
	ck_assert_int_eq(turf_image_type_declare(image, 1, "x", text, sizeof(text)), -ENODATA);
	close_urf(image, urf);
}
END_TEST

START_TEST(ends_where_types_go_in_circles)
{
	struct urf_parts p = { 0 };
	struct turf_type t;
	char text[16];
	uint64_t size;
	unsigned n = 0;
	urf_parts_fill(&p);
	TYPE(&p, 0);
	TYPE(&p, URF_TYPE_CONST, 1);                /* itself */
	TYPE(&p, URF_TYPE_ARRAY, 3, 0, 2, 2);       /* of itself */
	TYPE(&p, URF_TYPE_FUNCTION, 4, 0, 3, 3, 3); /* of functions, returning them */
	TYPE(&p, URF_TYPE_NAMESPACE | URF_TYPE_SCOPED, 2, GCC, 4);
	struct span urf = finish(&p, 5);
	struct turf_image *image = open_urf(urf);
	ck_assert_int_eq(turf_image_verify(image, NULL), 0);
	for (uint32_t i = 1; i < 5; i++) {
		ck_assert_int_eq(turf_image_type(image, i, &t), 1);
		ck_assert_int_eq(turf_image_type_size(image, i, &size), 0);
		ck_assert_int_gt(turf_image_type_name(image, i, text, sizeof(text)), 0);
		ck_assert_int_gt(turf_image_type_declare(image, i, "x", text, sizeof(text)), 0);
	}
	close_urf(image, urf);
}
END_TEST

static const struct {
	const char *what;
	int read; /* turf_image_type(1) */
	uint8_t bytes[12], n;
} damaged_cases[] = {
	{ "a target beyond the last one", 1, { URF_TYPE_CONST, 2 }, 2 },
	{ "a kind that is none", -EBADMSG, { 31, 0 }, 2 },
	{ "a bit of a pointer", -EBADMSG, { URF_TYPE_POINTER | URF_TYPE_SCOPED, 0 }, 2 },
	{ "a bit of a const", -EBADMSG, { URF_TYPE_CONST | URF_TYPE_SHORT, 0 }, 2 },
	{ "longer than the section", -EBADMSG, { URF_TYPE_TYPEDEF, 3, BARE, 0 }, 4 },
	{ "shorter than its fields", -EBADMSG, { URF_TYPE_TYPEDEF, 1, BARE, 0 }, 4 },
	{ "longer than its fields", 1, { URF_TYPE_TYPEDEF, 3, BARE, 0, 0 }, 5 },
	{ "a name beyond the last one", 1, { URF_TYPE_TYPEDEF, 2, 99, 0 }, 4 },
	{ "a scope beyond the last one",
	  1,
	  { URF_TYPE_TYPEDEF | URF_TYPE_SCOPED, 3, 0, 2, 0 },
	  5 },
	{ "a file beyond the last one",
	  1,
	  { URF_TYPE_TYPEDEF | URF_TYPE_DECLARED, 4, 0, 99, 1, 0 },
	  6 },
	{ "an item's type beyond the last one", 1, { URF_TYPE_FUNCTION, 3, 0, 0, 2 }, 5 },
	{ "an item's name beyond the last one", 1, { URF_TYPE_ENUM, 4, 0, 0, 99, 0 }, 6 },
	{ "a cut item", 1, { URF_TYPE_ENUM, 3, 0, 0, 1 }, 5 },
	{ "an item that is none", 1, { URF_TYPE_STRUCT, 3, 0, 0, 0xc9 }, 5 },
	{ "an end of nothing", 1, { URF_TYPE_UNION, 3, 0, 0, 0xc0 }, 5 },
	{ "a part without an end", 1, { URF_TYPE_UNION, 3, 0, 0, 0xc2 }, 5 },
	{ "a method's name beyond the last one",
	  1,
	  { URF_TYPE_UNION, 7, 0, 0, 0xc4, 0, 99, 0, 0 },
	  9 },
	{ "a method's type beyond the last one",
	  1,
	  { URF_TYPE_UNION, 7, 0, 0, 0xc4, 0, 1, 2, 0 },
	  9 },
	{ "a parameter's type beyond the last one",
	  1,
	  { URF_TYPE_UNION, 8, 0, 0, 0xc4, 0, 1, 0, 1, 2 },
	  10 },
	{ "a cut method", 1, { URF_TYPE_UNION, 7, 0, 0, 0xc4, 0, 1, 0, 1 }, 9 },
	{ "methods in a part", 1, { URF_TYPE_UNION, 8, 0, 0, 0xc2, 0xc4, 0, 1, 0, 0 }, 10 },
	{ "bytes behind the last one", 1, { URF_TYPE_CONST, 0, 0 }, 3 },
};

START_TEST(refuses_records_that_are_none)
{
	for (size_t i = 0; i < COUNT(damaged_cases); i++) {
		struct urf_parts p = { 0 };
		struct turf_type t;
		struct turf_error err = { 0 };
		unsigned n = 0;
		urf_parts_fill(&p);
		TYPE(&p, 0);
		as_bytes(&p.of[URF_TYPES], damaged_cases[i].bytes, damaged_cases[i].n);
		struct span urf = finish(&p, 2);
		struct turf_image *image = open_urf(urf);
		ck_assert_msg(turf_image_type(image, 1, &t) == damaged_cases[i].read, "%s",
		              damaged_cases[i].what);
		ck_assert_msg(turf_image_verify(image, &err) == -EBADMSG, "%s",
		              damaged_cases[i].what);
		ck_assert_msg(strstr(err.text, ".urf.type") != NULL, "%s", err.text);
		close_urf(image, urf);
	}
}
END_TEST

static void ask_all(struct turf_image *image)
{
	for (uint32_t i = 0; i < N_TYPES + 2; i++) {
		struct turf_type t;
		struct turf_type_items walk;
		struct turf_type_item item;
		char text[32];
		uint64_t size, n = 0;
		if (turf_image_type(image, i, &t) != 1)
			continue;
		turf_type_items(&t, &walk);
		while (turf_type_items_next(&walk, &item) == 1)
			n++;
		struct turf_methods methods;
		struct turf_method m;
		uint32_t type;
		if (turf_type_methods(&t, &methods) == 0)
			while (turf_methods_next(&methods, &m) == 1)
				while (turf_method_parameter(&m, &type) == 1)
					n++;
		ck_assert_uint_lt(n, 1000);
		(void)turf_image_type_size(image, i, &size);
		(void)turf_image_type_name(image, i, text, sizeof(text));
		(void)turf_image_type_declare(image, i, "x", text, sizeof(text));
	}
	FILE *null = fopen("/dev/null", "w");
	(void)turf_image_dump(image, "types", null, NULL);
	fclose(null);
}

START_TEST(every_prefix_is_refused)
{
	refuse_every_prefix(typed(), ask_all);
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	survive_every_bent_byte(typed(), ask_all);
}
END_TEST

TESTS("image/types", reads_what_a_type_is, reads_what_is_in_a_type, reads_methods,
      writes_types_as_c_does, says_that_there_are_none, ends_where_types_go_in_circles,
      refuses_records_that_are_none, every_prefix_is_refused, every_byte_bent_is_survived)
