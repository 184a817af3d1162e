/* SPDX-License-Identifier: MIT */
/*
 * Prints what the DWARF room reads from a file, for comparison with other tools.
 *
 *     dump-scopes [-n] [-u FIRST:LAST] FILE
 *
 * One record a line, fields by tabs:
 *     unit   off version line_off name     (or: unit off error text)
 *     scope  die F|I depth parent origin name linkage_name unit:decl_file:decl_line
 *            call_file call_line call_column call_discriminator entry ranges
 *     lines  version
 *     file   idx comp_dir directory name
 *     row    addr file line column discriminator flags
 *     end    number of units
 * Offsets and addresses in hexadecimal; -1 (all ones) where there is none.
 * -n reads everything, prints nothing but counts; -u takes some units only, by number.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "dwarf/dwarf.h"
#include "elf/elf.h"

static bool quiet;
static uint64_t n_scopes, n_ranges, n_rows, n_files, n_errors;

#define SAY(...) (quiet ? 0 : printf(__VA_ARGS__))

static int complain(const char *what, const struct turf_error *err)
{
	n_errors++;
	return SAY("error\t%s\t%s\n", what, err->text);
}

static void dump_ranges(struct dwarf_ranges *ranges)
{
	struct dwarf_range range;
	struct turf_error err = { 0 };
	int r;
	const char *comma = "";
	while ((r = turf_dwarf_next_range(ranges, &range, &err)) > 0) {
		SAY("%s%" PRIx64 "-%" PRIx64, comma, range.start, range.end);
		comma = ",";
		n_ranges++;
	}
	SAY("\n");
	if (r < 0)
		complain("ranges", &err);
}

static void dump_scope(const struct dwarf *dw, struct dwarf_scope *s)
{
	struct turf_error err = { 0 };
	struct dwarf_names names = { 0 };
	n_scopes++;
	if (turf_dwarf_names(dw, s->die, &names, &err) < 0)
		complain("names", &err);
	SAY("scope\t%" PRIx64 "\t%c\t%u\t%" PRIx64 "\t%" PRIx64 "\t%s\t%s", s->die,
	    s->kind == DWARF_FUNCTION ? 'F' : 'I', s->depth, s->parent, s->origin,
	    names.name ? names.name : "", names.linkage_name ? names.linkage_name : "");
	SAY("\t%" PRIx64 ":%" PRId64 ":%u", names.unit ? names.unit->off : DWARF_NONE,
	    (int64_t)names.decl_file, names.decl_line);
	SAY("\t%" PRId64 "\t%u\t%u\t%u\t%" PRIx64 "\t", (int64_t)s->call_file, s->call_line,
	    s->call_column, s->call_discriminator, s->entry);
	dump_ranges(&s->ranges);
}

static void dump_scopes(const struct dwarf *dw, const struct dwarf_unit *unit)
{
	struct turf_error err = { 0 };
	struct dwarf_scopes walk;
	struct dwarf_scope scope;
	int r = turf_dwarf_scopes(dw, unit, &walk, &err);
	while (r >= 0 && (r = turf_dwarf_next_scope(&walk, &scope, &err)) > 0)
		dump_scope(dw, &scope);
	if (r < 0)
		complain("scopes", &err);
}

static int dump_file(void *ctx, uint64_t idx, const char *comp_dir, const char *directory,
                     const char *name)
{
	(void)ctx;
	n_files++;
	SAY("file\t%" PRIu64 "\t%s\t%s\t%s\n", idx, comp_dir ? comp_dir : "",
	    directory ? directory : "", name);
	return 0;
}

static void dump_lines(const struct dwarf *dw, const struct dwarf_unit *unit)
{
	struct turf_error err = { 0 };
	struct dwarf_lines lines;
	struct dwarf_line_row row;
	int r = turf_dwarf_lines(dw, unit, &lines, &err);
	if (r > 0)
		SAY("lines\t%u\n", lines.version);
	if (r > 0)
		r = turf_dwarf_files(&lines, dump_file, NULL, &err) < 0 ? -1 : 1;
	while (r > 0 && (r = turf_dwarf_next_line(&lines, &row, &err)) > 0) {
		n_rows++;
		SAY("row\t%" PRIx64 "\t%u\t%u\t%u\t%u\t%s%s%s%s\n", row.addr, row.file,
		    row.line, row.column, row.discriminator, row.is_stmt ? "s" : "",
		    row.prologue_end ? "p" : "", row.epilogue_begin ? "b" : "",
		    row.end_sequence ? "e" : "");
	}
	if (r < 0)
		complain("lines", &err);
}

static void dump_unit(const struct dwarf *dw, const struct dwarf_unit *unit)
{
	if (unit->error) {
		n_errors++;
		SAY("unit\t%" PRIx64 "\terror\t%s\n", unit->off, unit->error_text);
		return;
	}
	SAY("unit\t%" PRIx64 "\t%u\t%" PRIx64 "\t%s\n", unit->off, unit->version,
	    unit->line_off, unit->name ? unit->name : "");
	dump_scopes(dw, unit);
	dump_lines(dw, unit);
}

static int load(const struct elf *elf, const char *name, struct span *ret,
                struct turf_error *err)
{
	struct elf_section section;
	/* kept until the process ends, where LeakSanitizer sees it */
	static struct elf_data kept[16];
	static size_t n_kept;
	assert(n_kept < COUNT(kept));
	struct elf_data *data = &kept[n_kept];
	int r = turf_elf_find_section(elf, name, &section, err);
	if (r > 0)
		r = turf_elf_data(elf, &section, data, err);
	else if (r == 0)
		return 0;
	if (r >= 0) {
		*ret = data->bytes;
		n_kept++;
	}
	return r;
}

static int load_all(const struct elf *elf, struct dwarf_sections *s, struct turf_error *err)
{
	const struct {
		const char *name;
		struct span *span;
	} all[] = {
		{ ".debug_info", &s->info },         { ".debug_abbrev", &s->abbrev },
		{ ".debug_line", &s->line },         { ".debug_str", &s->str },
		{ ".debug_line_str", &s->line_str }, { ".debug_str_offsets", &s->str_offsets },
		{ ".debug_addr", &s->addr },         { ".debug_ranges", &s->ranges },
		{ ".debug_rnglists", &s->rnglists },
	};
	s->big = elf->big;
	int r = 0;
	for (size_t i = 0; i < COUNT(all) && r >= 0; i++)
		r = load(elf, all[i].name, all[i].span, err);
	return r < 0 ? r : 0;
}

static int dump(const char *path, size_t first, size_t last, struct turf_error *err)
{
	scoped(closep) int fd = turf_open_read(path, err);
	struct mapping map;
	struct elf elf;
	struct dwarf_sections sections = { 0 };
	struct dwarf dw;
	int r = fd < 0 ? fd : turf_map_fd(fd, path, &map, err);
	if (r >= 0)
		r = turf_elf_open(map.bytes, &elf, err);
	if (r >= 0)
		r = load_all(&elf, &sections, err);
	if (r >= 0)
		r = turf_dwarf_open(&sections, &dw, err);
	if (r < 0)
		return r;
	for (size_t i = first; i < dw.n_units && i <= last; i++)
		dump_unit(&dw, &dw.units[i]);
	SAY("end\t%zu\n", dw.n_units);
	if (quiet)
		printf("units %zu scopes %" PRIu64 " ranges %" PRIu64 " rows %" PRIu64
		       " files %" PRIu64 " errors %" PRIu64 "\n",
		       dw.n_units, n_scopes, n_ranges, n_rows, n_files, n_errors);
	turf_dwarf_close(&dw);
	return 0;
}

int main(int argc, char **argv)
{
	size_t first = 0, last = SIZE_MAX;
	int i = 1;
	for (; i < argc - 1; i++) {
		if (strcmp(argv[i], "-n") == 0)
			quiet = true;
		else if (strcmp(argv[i], "-u") == 0)
			sscanf(argv[++i], "%zu:%zu", &first, &last);
	}
	struct turf_error err = { 0 };
	if (i >= argc || dump(argv[i], first, last, &err) < 0) {
		fprintf(stderr, "dump-scopes: %s\n", i < argc ? err.text : "which file?");
		return 2;
	}
	return 0;
}
