/* SPDX-License-Identifier: MIT */
/*
 * An urf as text, section by section, for people and for diff. One record a line.
 */
#include <inttypes.h>

#include "image/dump.h"

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
		fprintf(out, ".urf.%-11s off %#10" PRIx64 " size %10" PRIu64 "\n",
		        turf_image_section_names[i], le64_get(h->sections[i].off),
		        le64_get(h->sections[i].size));
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
			fprintf(out, "%#zx step %u\n",
			        page << URF_PAGE_SHIFT |
			                (le16_get(image->rows.at[i].pc_step) & 0xfffu),
			        turf_image_row_step(image, i));
	}
}

static void dump_far(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i < image->far.n; i++)
		fprintf(out, "row %u step %u\n", le32_get(image->far.at[i].row),
		        le32_get(image->far.at[i].step));
}

static void dump_steps(const struct turf_image *image, FILE *out)
{
	static const char *const returns[] = { "kept", "[cfa-8]", "[slot]", "[slot+8]" };
	for (size_t i = 1; i < image->steps.n; i++) {
		const struct urf_step *s = &image->steps.at[i];
		fprintf(out, "%zu: ", i);
		if (s->how == URF_STEP_WHOLE)
			fprintf(out, "rule %u\n", le32_get(s->value));
		else
			fprintf(out, "cfa r%u%+d ra %s fp %s slot [cfa%+d]%s\n", s->cfa_reg,
			        (int32_t)le32_get(s->value), returns[s->how & URF_STEP_RETURN],
			        s->how & URF_STEP_SAVED ? "[slot]" : "kept",
			        (int16_t)le16_get(s->slot) * 8,
			        s->how & URF_STEP_GUESS ? " guess" : "");
	}
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
	for (size_t i = 0; i < image->rules.n; i++) {
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
	fprintf(out, "%zu registers, under [rules] and [sets]\n", image->saved.n);
}

static void dump_sets(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i + 1 < image->sets.n; i++) {
		uint32_t to = le32_get(image->sets.at[i + 1]);
		fprintf(out, "%zu:", i);
		for (uint32_t k = le32_get(image->sets.at[i]); k < to; k++) {
			uint8_t reg = 0;
			struct turf_rule rule = { 0 };
			if (turf_image_saved(image, k, &reg, &rule) != 1)
				break;
			fprintf(out, " r%u ", reg);
			dump_rule(&rule, out);
		}
		fputc('\n', out);
	}
}

static void dump_kept_index(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu offsets in [kept]\n", image->kept_index.n);
}

static void dump_kept(const struct turf_image *image, FILE *out)
{
	for (size_t page = 0; page + 1 < image->kept_index.n; page++) {
		struct kept kept;
		if (turf_kept_begin(image, page, &kept) == 1)
			while (turf_kept_next(image, &kept) == 1)
				fprintf(out, "%#llx set %u\n", (unsigned long long)kept.rva,
				        kept.set);
	}
}

static void dump_exprs(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu bytes, under [rules]\n", image->exprs.size);
}

static void dump_tops(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i < image->tops.n; i++)
		fprintf(out, "%zu: %#x\n", i, le32_get(image->tops.at[i]));
}

static void dump_index(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%u offsets of functions\n", image->index.n);
}

static void dump_segments(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu bytes, decoded under [blocks]\n", image->segments.size);
}

static void dump_text_index(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu offsets of texts\n", image->pool.index.n);
}

static void dump_phrase_text(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu bytes, under [phrases]\n", image->pool.phrase_text.size);
}

static void dump_more_index(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu offsets of texts\n", image->more.index.n);
}

static void dump_more_phrase_text(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu bytes, under [more.phrases]\n", image->more.phrase_text.size);
}

static void dump_symbol_data(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu bytes, under [symbols]\n", image->symbol_data.size);
}

static void dump_marks(const struct turf_image *image, FILE *out)
{
	struct turf_rows walk;
	struct turf_row row;
	int r = turf_image_rows(image, image->base, &walk);
	while (r == 0 && (r = turf_rows_next(&walk, &row)) == 1) {
		fprintf(out, "%#" PRIx64 "..%#" PRIx64 "%s%s%s", row.start - image->base,
		        row.end - image->base, row.is_stmt ? " statement" : "",
		        row.prologue_end ? " prologue-end" : "",
		        row.epilogue_begin ? " epilogue-begin" : "");
		if (row.discriminator)
			fprintf(out, " discriminator %u", row.discriminator);
		fprintf(out, "\n");
		r = 0;
	}
	if (r < 0)
		fprintf(out, "<bad>\n");
}

static void dump_mark_data(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu bytes, under [marks]\n", image->mark_data.size);
}

static void dump_calls(const struct turf_image *image, FILE *out)
{
	for (size_t i = 0; i < image->calls.n; i++) {
		uint32_t list[URF_DEPTH_MAX], off = le32_get(image->calls.at[i].off);
		int n = turf_calls_read(image, &off, list);
		fprintf(out, "%#x:%s", le32_get(image->calls.at[i].start),
		        n < 0 ? " <bad>"
		        : n   ? ""
		              : " none");
		for (int k = 0; k < n; k++)
			fprintf(out, " %u", list[k]);
		fprintf(out, "\n");
	}
}

static void dump_call_data(const struct turf_image *image, FILE *out)
{
	fprintf(out, "%zu bytes, under [calls]\n", image->call_data.size);
}

int turf_image_dump(const struct turf_image *image, const char *section, FILE *out,
                    struct turf_error *err)
{
	static void (*const dumps[URF_N_SECTIONS])(const struct turf_image *, FILE *) = {
		[URF_TOPS] = dump_tops,
		[URF_BLOCKS] = turf_dump_blocks,
		[URF_OPS] = turf_dump_ops,
		[URF_INDEX] = dump_index,
		[URF_SEGMENTS] = dump_segments,
		[URF_FUNCTIONS] = turf_dump_functions,
		[URF_FILES] = turf_dump_files,
		[URF_TEXT_INDEX] = dump_text_index,
		[URF_PHRASES] = turf_dump_phrases,
		[URF_PHRASE_TEXT] = dump_phrase_text,
		[URF_TEXTS] = turf_dump_texts,
		[URF_SYMBOLS] = turf_dump_symbols,
		[URF_SYMBOL_DATA] = dump_symbol_data,
		[URF_LOADS] = dump_loads,
		[URF_UNITS] = turf_dump_units,
		[URF_UNIT_STARTS] = turf_dump_unit_starts,
		[URF_PAGES] = dump_pages,
		[URF_ROWS] = dump_rows,
		[URF_STEPS] = dump_steps,
		[URF_FAR_STEPS] = dump_far,
		[URF_RULES] = dump_rules,
		[URF_SAVED] = dump_saved,
		[URF_EXPRS] = dump_exprs,
		[URF_SETS] = dump_sets,
		[URF_KEPT_INDEX] = dump_kept_index,
		[URF_KEPT] = dump_kept,
		[URF_MARKS] = dump_marks,
		[URF_MARK_DATA] = dump_mark_data,
		[URF_CALLS] = dump_calls,
		[URF_CALL_DATA] = dump_call_data,
		[URF_MORE_INDEX] = dump_more_index,
		[URF_MORE_PHRASES] = turf_dump_more_phrases,
		[URF_MORE_PHRASE_TEXT] = dump_more_phrase_text,
		[URF_MORE_TEXTS] = turf_dump_more_texts,
		[URF_MORE_FILES] = turf_dump_more_files,
		[URF_TYPE_INDEX] = turf_dump_type_index,
		[URF_TYPES] = turf_dump_types,
		[URF_DETAILS] = turf_dump_details,
		[URF_BODIES] = turf_dump_bodies,
		[URF_VARIABLES] = turf_dump_variables,
		[URF_BODY_DATA] = turf_dump_body_data,
		[URF_MODELS] = turf_dump_models,
		[URF_LOCATIONS] = turf_dump_locations,
		[URF_NAME_INDEX] = turf_dump_name_index,
		[URF_NAMES] = turf_dump_names,
		[URF_PLACE_INDEX] = turf_dump_place_index,
		[URF_PLACES] = turf_dump_places,
		[URF_MACROS] = turf_dump_macros,
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
		if (dumps[i])
			dumps[i](image, out);
	}
	if (!found)
		return turf_fail(err, -EINVAL, TURF_NOWHERE, "no section .urf.%s in an urf",
		                 section);
	if (ferror(out))
		return turf_fail(err, -EIO, TURF_NOWHERE, "cannot write");
	return 0;
}
