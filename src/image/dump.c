/* SPDX-License-Identifier: MIT */
/*
 * An urf as text, section by section, for people and for diff. One record a line.
 */
#include <inttypes.h>

#include "image/image.h"

/* The string at @off, "-" for none, "<bad>" for one that does not lie inside. */
static const char *text(const struct turf_image *image, le32 off)
{
	const char *s = NULL;
	int r = image_string(image, le32_get(off), &s);
	return r < 0 ? "<bad>" : r ? s : "-";
}

static void hex(FILE *out, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%02x", bytes[i]);
}

static void dump_head(const struct turf_image *image, FILE *out)
{
	const struct urf_head *h = image->head;
	fprintf(out, "[head]\nversion %u kind %u machine %u flags %#x\n", le16_get(h->version),
	        le16_get(h->kind), le16_get(h->machine), le32_get(h->flags));
	fprintf(out, "size %" PRIu64 " base %#" PRIx64 " end %#" PRIx64 "\nbuild-id ",
	        le64_get(h->size), image->base, image->end);
	hex(out, h->build_id, sizeof(h->build_id));
	fprintf(out, "\nsource-id ");
	hex(out, h->source_id, h->source_id_size);
	fprintf(out, "\ncontent ");
	hex(out, h->content, sizeof(h->content));
	fprintf(out, "\n");
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		fprintf(out, ".urf.%-10s off %#10" PRIx64 " size %10" PRIu64 "\n",
		        turf_image_section_names[i], le64_get(h->sections[i].off),
		        le64_get(h->sections[i].size));
}

/* Blocks, and with them every segment. */
static void dump_blocks(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i + 1 < image->blocks.n; i++) {
		struct segments walk;
		struct segment s = { 0 };
		int r = turf_image_block(image, i, &walk);
		fprintf(out, "%zu: start %#x\n", i, le32_get(image->blocks.at[i].start));
		while (r == 0 && turf_image_next_segment(&walk, &s) == 1)
			fprintf(out, "  %#x..%#x scope %u file %u line %u column %u\n", s.start,
			        s.end, s.scope, s.file, s.line, s.column);
		if (r < 0)
			fprintf(out, "  <bad>\n");
	}
}

static void dump_segments(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu bytes, decoded under [blocks]\n", image->segments.size);
}

static void dump_ranges(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i < image->ranges.n; i++) {
		const struct urf_range *r = &image->ranges.at[i];
		fprintf(out, "%zu: %#x size %u scope %u\n", i, le32_get(r->start),
		        le32_get(r->size), le32_get(r->scope));
	}
}

static void dump_scopes(const struct turf_image *image, FILE *out)
{
	for (size_t i = 1; i < image->scopes.n; i++) {
		const struct urf_scope *s = &image->scopes.at[i];
		uint32_t f = le32_get(s->function);
		const char *name = f < image->functions.n
		                           ? text(image, image->functions.at[f].name)
		                           : "<bad>";
		if (le32_get(s->parent))
			fprintf(out,
			        "%zu: function %u (%s) in %u called at file %u line %u column "
			        "%u\n",
			        i, f, name, le32_get(s->parent), le32_get(s->call_file),
			        le32_get(s->call_line), le32_get(s->call_column));
		else
			fprintf(out, "%zu: function %u (%s) entry %#x\n", i, f, name,
			        le32_get(s->call_file));
	}
}

static void dump_functions(const struct turf_image *image, FILE *out)
{
	for (size_t i = 1; i < image->functions.n; i++) {
		const struct urf_function *f = &image->functions.at[i];
		fprintf(out, "%zu: %s linkage %s declared in file %u line %u unit %u\n", i,
		        text(image, f->name), text(image, f->linkage), le32_get(f->decl_file),
		        le32_get(f->decl_line), le32_get(f->unit));
	}
}

static void dump_files(const struct turf_image *image, FILE *out)
{
	for (size_t i = 1; i < image->files.n; i++)
		fprintf(out, "%zu: %s in %s\n", i, text(image, image->files.at[i].name),
		        text(image, image->files.at[i].directory));
}

static void dump_units(const struct turf_image *image, FILE *out)
{
	for (size_t i = 1; i < image->units.n; i++) {
		const struct urf_unit *u = &image->units.at[i];
		fprintf(out, "%zu: %s in %s dwarf %u language %#x producer %s\n", i,
		        text(image, u->name), text(image, u->directory), le16_get(u->version),
		        le16_get(u->language), text(image, u->producer));
	}
}

static void dump_symbols(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i < image->symbols.n; i++) {
		const struct urf_symbol *s = &image->symbols.at[i];
		fprintf(out, "%zu: %#x size %u type %u bind %u %s\n", i, le32_get(s->start),
		        le32_get(s->size), s->type, s->bind, text(image, s->name));
	}
}

static void dump_loads(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i < image->loads.n; i++) {
		const struct urf_load *l = &image->loads.at[i];
		fprintf(out,
		        "%zu: off %#" PRIx64 " addr %#" PRIx64 " filesz %#" PRIx64
		        " memsz %#" PRIx64 " flags %u\n",
		        i, le64_get(l->off), le64_get(l->addr), le64_get(l->file_size),
		        le64_get(l->mem_size), le32_get(l->flags));
	}
}

static void dump_pages(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu pages, rows under [rows]\n", image->pages.n ? image->pages.n - 1 : 0);
}

static void dump_rows(const struct turf_image *image, FILE *out)
{
	for (size_t page = 0; page + 1 < image->pages.n; page++) {
		size_t hi = MIN((size_t)le32_get(image->pages.at[page + 1]), image->rows.n);
		for (size_t i = le32_get(image->pages.at[page]); i < hi; i++)
			fprintf(out, "%#zx rule %u\n",
			        page << URF_PAGE_SHIFT |
			                (le16_get(image->rows.at[i].pc_rule) & 0xfffu),
			        turf_image_row_rule(image, i));
	}
}

static void dump_far(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i < image->far.n; i++)
		fprintf(out, "row %u rule %u\n", le32_get(image->far.at[i].row),
		        le32_get(image->far.at[i].rule));
}

static void dump_rule(const struct turf_rule *rule, FILE *out)
{
	switch (rule->kind) {
	case TURF_RULE_UNDEFINED:
		fprintf(out, "undefined");
		break;
	case TURF_RULE_SAME:
		fprintf(out, "same");
		break;
	case TURF_RULE_AT_CFA:
		fprintf(out, "[cfa%+d]", rule->offset);
		break;
	case TURF_RULE_IS_CFA:
		fprintf(out, "cfa%+d", rule->offset);
		break;
	case TURF_RULE_REGISTER:
		fprintf(out, "r%u", rule->reg);
		break;
	case TURF_RULE_REG_OFFSET:
		fprintf(out, "r%u%+d", rule->reg, rule->offset);
		break;
	case TURF_RULE_EXPRESSION:
		fprintf(out, "[expr ");
		hex(out, rule->expr, rule->expr_size);
		fprintf(out, "]");
		break;
	case TURF_RULE_VAL_EXPRESSION:
		fprintf(out, "expr ");
		hex(out, rule->expr, rule->expr_size);
		break;
	default:
		fprintf(out, "<kind %u>", rule->kind);
	}
}

static void dump_rules(const struct turf_image *image, FILE *out)
{
	for (size_t i = 1; i < image->rules.n; i++) {
		struct turf_unwind_row row;
		fprintf(out, "%zu: ", i);
		if (turf_image_rule(image, i, &row) != 1) {
			fprintf(out, "<bad>\n");
			continue;
		}
		fprintf(out, "cfa ");
		dump_rule(&row.cfa, out);
		fprintf(out, " ra(r%u) ", row.return_reg);
		dump_rule(&row.return_address, out);
		for (size_t k = 0; k < row.n_saved; k++) {
			uint8_t reg = 0;
			struct turf_rule rule = { 0 };
			if (turf_unwind_saved(image, &row, k, &reg, &rule) != 1)
				break;
			fprintf(out, " r%u ", reg);
			dump_rule(&rule, out);
		}
		fprintf(out, row.signal_frame ? " signal frame\n" : "\n");
	}
}

static void dump_saved(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu registers, under [rules]\n", image->saved.n);
}

static void dump_exprs(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu bytes, under [rules]\n", image->exprs.size);
}

static void dump_strings(const struct turf_image *image, FILE *out)
{
	for (size_t off = 0; off < image->strings.size;) {
		const char *s = (const char *)image->strings.at + off;
		fprintf(out, "%#zx: %s\n", off, s);
		off += strlen(s) + 1;
	}
}

int turf_image_dump(const struct turf_image *image, const char *section, FILE *out,
                    struct turf_error *err)
{
	static void (*const dumps[URF_N_SECTIONS])(const struct turf_image *, FILE *) = {
		dump_blocks, dump_ranges,   dump_pages,  dump_symbols,
		dump_loads,  dump_segments, dump_scopes, dump_functions,
		dump_files,  dump_units,    dump_rows,   dump_rules,
		dump_saved,  dump_far,      dump_exprs,  dump_strings,
	};
	if (section && !strncmp(section, ".urf.", 5))
		section += 5;
	bool found = !section || !strcmp(section, "head");
	if (found)
		dump_head(image, out);
	for (size_t i = 0; i < URF_N_SECTIONS; i++) {
		if (section && strcmp(section, turf_image_section_names[i]) != 0)
			continue;
		found = true;
		fprintf(out, "[%s]\n", turf_image_section_names[i]);
		dumps[i](image, out);
	}
	if (!found)
		return turf_fail(err, -EINVAL, TURF_NOWHERE, "no section .urf.%s in an urf",
		                 section);
	if (ferror(out))
		return turf_fail(err, -EIO, TURF_NOWHERE, "cannot write");
	return 0;
}
