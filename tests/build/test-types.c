/* SPDX-License-Identifier: MIT */
/*
 * Types of the running test program: what its urf says of them is what the compiler says here.
 */
#include "build/self.h"
#include "turf/types.h"

enum level { LOW = -3, MIDDLE, HIGH = 70000 };
union either {
	uint64_t number;
	char bytes[8];
};
struct part {
	struct part *next;
	const char *name;
};
struct whole {
	char first;
	struct part parts[3][2];
	int (*call)(struct whole *self, const char *format, ...);
	enum level level;
	unsigned low : 3, high : 11;
	union either either;
	struct {
		short inner;
		volatile double *real;
	};
	struct part *const last;
} __attribute__((aligned(32)));
typedef struct {
	struct whole *of;
	long double wide;
} anonymous;

/* They must stand in the debug info. */
static volatile struct whole whole_kept = { .level = HIGH, .first = 1 };
static volatile anonymous anonymous_kept = { .wide = 2 };

static uint32_t find(const struct turf_image *image, uint32_t kind, const char *name)
{
	uint32_t found = 0;
	for (uint32_t i = 1; i < turf_image_n_types(image); i++) {
		struct turf_type t;
		char text[64];
		ck_assert_int_eq(turf_image_type(image, i, &t), 1);
		if (t.kind != kind || !t.name ||
		    turf_image_text(image, t.name, text, sizeof(text)) < 0 ||
		    strcmp(text, name) != 0)
			continue;
		ck_assert_msg(!found, "%s stands there twice", name);
		found = i;
	}
	ck_assert_msg(found, "no %s", name);
	return found;
}

struct member {
	const char *name, *type;
	size_t offset, size;
	unsigned bit, bits;
};

static void has_members(const struct turf_image *image, uint32_t number,
                        const struct member *members, size_t n)
{
	struct turf_type t;
	struct turf_type_items walk;
	struct turf_type_item item;
	ck_assert_int_eq(turf_image_type(image, number, &t), 1);
	turf_type_items(&t, &walk);
	for (size_t i = 0; i < n; i++) {
		char name[64], type[128];
		uint64_t size = 0;
		ck_assert_int_eq(turf_type_items_next(&walk, &item), 1);
		turf_image_text(image, item.name, name, sizeof(name));
		turf_image_type_declare(image, item.type, NULL, type, sizeof(type));
		ck_assert_int_eq(turf_image_type_size(image, item.type, &size), 1);
		ck_assert_str_eq(name, members[i].name);
		/* gcc has a nameless structure stand in the unit, clang in what it is in */
		bool nameless = strstr(members[i].type, "{...}") && strstr(type, "{...}");
		ck_assert_msg(nameless || !strcmp(type, members[i].type), "%s: %s", name, type);
		ck_assert_uint_eq(size, members[i].size);
		ck_assert_int_eq(item.bit_offset,
		                 (int64_t)members[i].offset * 8 + members[i].bit);
		ck_assert_uint_eq(item.bits, members[i].bits);
	}
	ck_assert_int_eq(turf_type_items_next(&walk, &item), 0);
}

START_TEST(structures_are_laid_out_as_here)
{
#define MEMBER(type, name, text)                                                               \
	{                                                                                      \
#name, text, offsetof(type, name), sizeof(((type *)0)->name), 0, 0             \
	}
	static const struct member whole[] = {
		MEMBER(struct whole, first, "char"),
		MEMBER(struct whole, parts, "struct part[3][2]"),
		MEMBER(struct whole, call, "int (*)(struct whole *, const char *, ...)"),
		MEMBER(struct whole, level, "enum level"),
		{ "low", "unsigned int", offsetof(struct whole, level) + 4, 4, 0, 3 },
		{ "high", "unsigned int", offsetof(struct whole, level) + 4, 4, 3, 11 },
		MEMBER(struct whole, either, "union either"),
		{ "", "struct {...}", offsetof(struct whole, inner), 16, 0, 0 },
		MEMBER(struct whole, last, "struct part *const"),
	};
	static const struct member either[] = {
		MEMBER(union either, number, "uint64_t"),
		MEMBER(union either, bytes, "char[8]"),
	};
	static const struct member unnamed[] = {
		MEMBER(anonymous, of, "struct whole *"),
		MEMBER(anonymous, wide, "long double"),
	};
	scoped(closep) int fd = build_self(2);
	struct turf_image *image = open_urf(fd);
	struct turf_type t;
	uint32_t number = find(image, TURF_TYPE_STRUCT, "whole");
	ck_assert_int_eq(whole_kept.level, HIGH);
	ck_assert(anonymous_kept.wide > 1);
	has_members(image, number, whole, COUNT(whole));
	ck_assert_int_eq(turf_image_type(image, number, &t), 1);
	ck_assert_uint_eq(t.size, sizeof(struct whole));
	ck_assert_uint_eq(t.alignment, _Alignof(struct whole));
	ck_assert_uint_gt(t.line, 10);
	has_members(image, find(image, TURF_TYPE_UNION, "either"), either, COUNT(either));
	ck_assert_int_eq(
		turf_image_type(image, find(image, TURF_TYPE_TYPEDEF, "anonymous"), &t), 1);
	has_members(image, t.target, unnamed, COUNT(unnamed));
	turf_image_close(image);
}
END_TEST

START_TEST(enumerators_have_their_values)
{
	static const struct {
		const char *name;
		int value;
	} wanted[] = { { "LOW", LOW }, { "MIDDLE", MIDDLE }, { "HIGH", HIGH } };
	scoped(closep) int fd = build_self(1);
	struct turf_image *image = open_urf(fd);
	struct turf_type t;
	struct turf_type_items walk;
	struct turf_type_item item;
	ck_assert_int_eq(turf_image_type(image, find(image, TURF_TYPE_ENUM, "level"), &t), 1);
	turf_type_items(&t, &walk);
	for (size_t i = 0; i < COUNT(wanted); i++) {
		char name[16];
		ck_assert_int_eq(turf_type_items_next(&walk, &item), 1);
		turf_image_text(image, item.name, name, sizeof(name));
		ck_assert_str_eq(name, wanted[i].name);
		ck_assert_int_eq(item.value, wanted[i].value);
	}
	ck_assert_int_eq(turf_type_items_next(&walk, &item), 0);
	turf_image_close(image);
}
END_TEST

START_TEST(a_hot_urf_has_none)
{
	struct turf_build_options options = { .size = sizeof(options),
		                              .flags = TURF_BUILD_HOT };
	struct turf_type t;
	scoped(closep) int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	scoped(closep) int fd = temp_file();
	ck_assert_int_eq(turf_build(self, "self", fd, &options, NULL), 0);
	struct turf_image *image = open_urf(fd);
	ck_assert_int_eq(turf_image_type(image, 1, &t), -ENODATA);
	turf_image_close(image);
}
END_TEST

TESTS("build/types", structures_are_laid_out_as_here, enumerators_have_their_values,
      a_hot_urf_has_none)
