/* SPDX-License-Identifier: MIT */
#include "dwarf/make.h"
#include "lib/test.h"

enum { SLOTS = 4, ROWS = 2, COLUMNS = 3 };
static const uint64_t ids[ROWS] = { 0x1111111100000001, 0x2222222200000001 };

/* An index with two units whose first slot is the same one. */
static void put_index(struct as *a, unsigned version, uint32_t slots)
{
	if (version == 5) {
		as_u16(a, 5);
		as_u16(a, 0);
	} else {
		as_u32(a, version);
	}
	as_u32(a, COLUMNS);
	as_u32(a, ROWS);
	as_u32(a, slots);
	/* the second probes on by (0x22222222 & 3) | 1 = 3: from slot 1 to slot 0 */
	as_u64(a, ids[1]);
	as_u64(a, ids[0]);
	as_u64(a, 0);
	as_u64(a, 0);
	as_u32(a, 2);
	as_u32(a, 1);
	as_u32(a, 0);
	as_u32(a, 0);
	static const uint32_t table[] = {
		1,  3,  8,  /* info, abbrev, rnglists */
		0,  0,  0,  /* offsets of the first unit */
		16, 8,  4,  /* of the second */
		16, 8,  4,  /* sizes */
		32, 24, 60, /* the last leaves its section in part */
	};
	for (size_t i = 0; i < COUNT(table); i++)
		as_u32(a, table[i]);
}

static const uint8_t bytes[64];
static const struct dwarf_sections whole = {
	.info = { bytes, 64 },
	.abbrev = { bytes, 64 },
	.rnglists = { bytes, 64 },
};

START_TEST(parts_of_a_package)
{
	for (unsigned version = 2; version <= 5; version += 3) {
		struct as a = { 0 };
		put_index(&a, version, SLOTS);
		struct dwarf_package p;
		struct dwarf_sections part;
		ck_assert_int_eq(turf_dwarf_open_package(&whole, as_span(&a), &p, NULL), 0);
		ck_assert_int_eq(turf_dwarf_package_part(&p, ids[0], &part), 1);
		ck_assert_ptr_eq(part.info.at, bytes);
		ck_assert_uint_eq(part.info.size, 16);
		ck_assert_uint_eq(part.abbrev.size, 8);
		ck_assert_uint_eq(part.rnglists.size, version == 5 ? 4 : 64);
		ck_assert_int_eq(turf_dwarf_package_part(&p, ids[1], &part), 1);
		ck_assert_ptr_eq(part.info.at, bytes + 16);
		ck_assert_ptr_eq(part.abbrev.at, bytes + 8);
		ck_assert_uint_eq(part.info.size, 32);
		ck_assert_uint_eq(part.abbrev.size, 24);
		ck_assert_uint_eq(part.rnglists.size, version == 5 ? 60 : 64);
		ck_assert_int_eq(turf_dwarf_package_part(&p, 5, &part), 0);
		ck_assert_int_eq(turf_dwarf_package_part(&p, 2, &part), 0);
		as_free(&a);
	}
}
END_TEST

START_TEST(bad_packages_are_refused)
{
	struct dwarf_package p;
	static const unsigned versions[] = { 0, 1, 3, 4, 6 };
	for (size_t i = 0; i < COUNT(versions) + 2; i++) {
		struct as a = { 0 };
		bool odd = i >= COUNT(versions); /* numbers of slots */
		put_index(&a, odd ? 5 : versions[i], odd ? 3 + 3 * (uint32_t)(i % 2) : SLOTS);
		ck_assert_int_eq(turf_dwarf_open_package(&whole, as_span(&a), &p, NULL),
		                 -EBADMSG);
		as_free(&a);
	}
}
END_TEST

/* Opens and asks for both units, whatever the bytes say. */
static int use(struct span index)
{
	struct dwarf_package p;
	struct dwarf_sections part;
	int r = turf_dwarf_open_package(&whole, index, &p, NULL);
	for (size_t i = 0; r == 0 && i < ROWS; i++) {
		if (turf_dwarf_package_part(&p, ids[i], &part) == 0)
			continue;
		ck_assert_uint_le((size_t)(part.info.at - bytes) + part.info.size, 64);
		ck_assert_uint_le((size_t)(part.abbrev.at - bytes) + part.abbrev.size, 64);
	}
	return r;
}

START_TEST(every_prefix_is_refused)
{
	struct as a = { 0 };
	put_index(&a, 5, SLOTS);
	struct span all = as_span(&a);
	for (size_t n = 0; n < all.size; n++) {
		uint8_t *copy = malloc(n + !n);
		memcpy(copy, all.at, n);
		ck_assert_int_eq(use((struct span){ copy, n }), -EBADMSG);
		free(copy);
	}
	as_free(&a);
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	struct as a = { 0 };
	put_index(&a, 2, SLOTS);
	struct span all = as_span(&a);
	uint8_t *copy = malloc(all.size);
	for (size_t at = 0; at < all.size; at++) {
		for (unsigned value = 0; value < 256; value++) {
			memcpy(copy, all.at, all.size);
			copy[at] = (uint8_t)value;
			(void)use((struct span){ copy, all.size });
		}
	}
	free(copy);
	as_free(&a);
}
END_TEST

/* A skeleton, and the unit that it stands for: indexed strings, indexed addresses, a list of
 * ranges that counts from the skeleton's base. */
static void put_split(struct made *m, struct made *other, uint64_t id)
{
	enum { BONE = 1, FULL = 1, FUNCTION };
	ABBREV(m, BONE, DW_TAG_compile_unit, false, { DW_AT_GNU_dwo_name, DW_FORM_string },
	       { DW_AT_comp_dir, DW_FORM_string }, { DW_AT_GNU_dwo_id, DW_FORM_data8 },
	       { DW_AT_GNU_addr_base, DW_FORM_sec_offset },
	       { DW_AT_GNU_ranges_base, DW_FORM_sec_offset }, { DW_AT_low_pc, DW_FORM_addr });
	as_u8(&m->abbrev, 0);
	size_t unit = begin_unit(m, 4, 0);
	as_u8(&m->info, BONE);
	as_str(&m->info, "one.dwo");
	as_str(&m->info, "/build");
	as_u64(&m->info, 77);
	as_u32(&m->info, 8);
	as_u32(&m->info, 16);
	as_u64(&m->info, 0x1000);
	as_end_length(&m->info, unit);
	as_u64(&m->addr, 0xbad);
	as_u64(&m->addr, 0x1234);
	as_u64(&m->ranges, 0);
	as_u64(&m->ranges, 0);
	as_u64(&m->ranges, 0x10);
	as_u64(&m->ranges, 0x20);
	as_u64(&m->ranges, 0);
	as_u64(&m->ranges, 0);

	ABBREV(other, FULL, DW_TAG_compile_unit, true, { DW_AT_name, DW_FORM_GNU_str_index },
	       { DW_AT_GNU_dwo_id, DW_FORM_data8 });
	ABBREV(other, FUNCTION, DW_TAG_subprogram, false, { DW_AT_name, DW_FORM_GNU_str_index },
	       { DW_AT_decl_file, DW_FORM_data1 }, { DW_AT_ranges, DW_FORM_sec_offset },
	       { DW_AT_entry_pc, DW_FORM_GNU_addr_index });
	as_u8(&other->abbrev, 0);
	unit = begin_unit(other, 4, 0);
	as_u8(&other->info, FULL);
	as_uleb(&other->info, 1);
	as_u64(&other->info, id);
	as_u8(&other->info, FUNCTION);
	as_uleb(&other->info, 0);
	as_u8(&other->info, 3);
	as_u32(&other->info, 0);
	as_uleb(&other->info, 0);
	as_u8(&other->info, 0);
	as_end_length(&other->info, unit);
	as_u32(&other->str_offsets, 4);
	as_u32(&other->str_offsets, 0);
	as_str(&other->str, "one");
	as_str(&other->str, "function");
}

START_TEST(skeletons_find_their_units)
{
	static const uint64_t other_ids[] = { 77, 78 };
	for (size_t i = 0; i < COUNT(other_ids); i++) {
		struct made m = { 0 }, other = { 0 };
		bool same = other_ids[i] == 77;
		put_split(&m, &other, other_ids[i]);
		struct dwarf dw;
		struct dwarf_sections s = made_sections(&m), dwo = made_sections(&other);
		ck_assert_int_eq(turf_dwarf_open(&s, &dw, NULL), 0);
		ck_assert(turf_dwarf_is_skeleton(&dw, dw.units));
		ck_assert_str_eq(dw.units[0].dwo_name, "one.dwo");
		ck_assert_int_eq(turf_dwarf_add_split(&dw, &dwo, NULL), 0);
		ck_assert_int_eq(turf_dwarf_link_split(&dw, NULL), 0);
		ck_assert_uint_eq(dw.n_units, 2);
		ck_assert(!turf_dwarf_is_skeleton(&dw, &dw.units[1]));
		ck_assert_uint_eq(dw.units[0].split, same ? 2 : 0);
		ck_assert_uint_eq(dw.units[1].skeleton, same ? 1 : 0);
		ck_assert_pstr_eq(dw.units[0].name, same ? "one" : NULL);
		struct dwarf_scopes walk;
		struct dwarf_scope scope;
		struct dwarf_range range;
		struct dwarf_names n;
		ck_assert_int_eq(turf_dwarf_scopes(&dw, &dw.units[1], &walk, NULL), 0);
		ck_assert_int_eq(turf_dwarf_next_scope(&walk, &scope, NULL), 1);
		ck_assert_int_eq(turf_dwarf_names(&dw, scope.origin, &n, NULL), 0);
		ck_assert_str_eq(n.name, "function");
		ck_assert_uint_eq(n.decl_file, 3);
		ck_assert_ptr_eq(n.unit, &dw.units[same ? 0 : 1]);
		if (same) {
			ck_assert_uint_eq(scope.entry, 0x1234);
			ck_assert_int_eq(turf_dwarf_next_range(&scope.ranges, &range, NULL), 1);
			ck_assert_uint_eq(range.start, 0x1010);
			ck_assert_uint_eq(range.end, 0x1020);
			ck_assert_int_eq(turf_dwarf_next_range(&scope.ranges, &range, NULL), 0);
		}
		turf_dwarf_close(&dw);
		made_free(&m);
		made_free(&other);
	}
}
END_TEST

TESTS("dwarf/split", parts_of_a_package, bad_packages_are_refused, every_prefix_is_refused,
      every_byte_bent_is_survived, skeletons_find_their_units)
