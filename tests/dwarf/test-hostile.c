/* SPDX-License-Identifier: MIT */
/*
 * A file with a bit of everything, cut at each place and bent at each byte, section by section:
 * all of it is read, and nothing outside of it. Run under sanitizers, this is where a bound
 * check that is missing shows.
 */
#include "dwarf/everything.h"
#include "lib/test.h"

static int ignore_file(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                       const char *name)
{
	size_t *n = ctx;
	*n += idx + strlen(name) + (comp_dir ? strlen(comp_dir) : 0) +
	      (directory ? strlen(directory) : 0);
	return 0;
}

/* What was read, as far as it went. */
struct sums {
	size_t units, scopes, ranges, names, rows, files, errors;
};

static void read_unit(const struct dwarf *dw, const struct dwarf_unit *unit, struct sums *sums)
{
	struct dwarf_scopes walk;
	struct dwarf_scope scope;
	struct dwarf_range range;
	struct dwarf_names names;
	struct dwarf_lines lines;
	struct dwarf_line_row row;
	int r = turf_dwarf_scopes(dw, unit, &walk, NULL);
	while (r >= 0 && (r = turf_dwarf_next_scope(&walk, &scope, NULL)) > 0) {
		sums->scopes++;
		while (turf_dwarf_next_range(&scope.ranges, &range, NULL) > 0)
			sums->ranges++;
		if (turf_dwarf_names(dw, scope.origin, &names, NULL) == 0)
			sums->names += names.name ? strlen(names.name) : 0;
	}
	sums->errors += r < 0;
	if (unit->error)
		return;
	r = turf_dwarf_lines(dw, unit, &lines, NULL);
	sums->errors += r < 0;
	if (r <= 0)
		return;
	sums->errors += turf_dwarf_files(&lines, ignore_file, &sums->files, NULL) < 0;
	while ((r = turf_dwarf_next_line(&lines, &row, NULL)) > 0)
		sums->rows++;
	sums->errors += r < 0;
}

static struct sums read_all(const struct dwarf_sections *s)
{
	struct sums sums = { 0 };
	struct dwarf dw;
	ck_assert_int_eq(turf_dwarf_open(s, &dw, NULL), 0);
	sums.units = dw.n_units;
	for (size_t i = 0; i < dw.n_units; i++)
		read_unit(&dw, &dw.units[i], &sums);
	turf_dwarf_close(&dw);
	return sums;
}

/* The section under test; each test runs in a process of its own. */
static struct dwarf_sections sections;
static size_t part;
static size_t n_equal;
static struct sums whole;

static void read_part(struct span bytes)
{
	struct dwarf_sections s = sections;
	*section_part(&s, part) = bytes;
	struct sums sums = read_all(&s);
	n_equal += memcmp(&sums, &whole, sizeof(sums)) == 0;
}

static void for_each_section(void (*each)(struct span, void (*)(struct span)))
{
	for (unsigned version = 4; version <= 5; version++) {
		struct made m = everything(version);
		struct dwarf_sections copy = made_sections(&m);
		for (part = 0; section_part(&copy, part); part++) {
			struct span *s = section_part(&copy, part);
			*s = s->size ? exact_copy(s->at, s->size) : *s;
		}
		sections = copy;
		for (part = 0; section_part(&copy, part); part++)
			if (section_part(&copy, part)->size)
				each(*section_part(&copy, part), read_part);
		for (part = 0; section_part(&copy, part); part++)
			free((void *)section_part(&copy, part)->at);
		made_free(&m);
	}
}

START_TEST(the_whole_is_read)
{
	for (unsigned version = 2; version <= 5; version++) {
		struct made m = everything(version);
		struct dwarf_sections s = made_sections(&m);
		struct sums sums = read_all(&s);
		ck_assert_uint_eq(sums.errors, 0);
		ck_assert_uint_eq(sums.units, 3);
		ck_assert_uint_eq(sums.scopes, 6);
		/* the lists of version 5 cannot be read by a unit of version 4 */
		ck_assert_uint_eq(sums.ranges, 3 + 2 * 6);
		ck_assert_uint_eq(sums.rows, 3 * 5);
		ck_assert_uint_ge(sums.files, 3);
		made_free(&m);
	}
}
END_TEST

START_TEST(every_prefix_is_survived)
{
	struct made m = everything(5);
	struct dwarf_sections s = made_sections(&m);
	whole = read_all(&s);
	made_free(&m);
	for_each_section(every_prefix);
	ck_assert_uint_lt(n_equal, 30); /* what was cut is missed */
}
END_TEST

START_TEST(every_byte_bent_is_survived)
{
	for_each_section(every_byte_bent);
}
END_TEST

TESTS("dwarf/hostile", the_whole_is_read, every_prefix_is_survived, every_byte_bent_is_survived)
