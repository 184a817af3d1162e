/* SPDX-License-Identifier: MIT */
/* Dump of details, bodies and locations. */
#include <inttypes.h>

#include "image/bodies.h"
#include "image/dump.h"

static void put_text(const struct turf_image *image, turf_text text, FILE *out)
{
	char name[4096];
	ssize_t n = turf_image_text(image, text, name, sizeof(name));
	fprintf(out, " \"%s\"", n < 0 ? "<bad>" : name);
}

static void put_ops(const uint8_t *expr, size_t size, FILE *out)
{
	char text[4096];
	if (!expr)
		return;
	ssize_t n = turf_location_ops(expr, size, text, sizeof(text));
	fprintf(out, " [%s]", n < 0 ? "<bad>" : text);
}

static void put_variables(const struct turf_details *d, FILE *out)
{
	static const char *const kinds[] = { "argument",      "local", "static",
		                             "constant",      "label", "template-type",
		                             "template-value" };
	struct turf_variables walk;
	struct turf_variable v;
	int r;
	turf_details_variables(d, &walk);
	while ((r = turf_variables_next(&walk, &v)) == 1) {
		fprintf(out, "  %" PRIu32 " %s%s", v.number, v.artificial ? "artificial " : "",
		        v.kind < COUNT(kinds) ? kinds[v.kind] : "<bad>");
		put_text(d->image, v.name, out);
		fprintf(out, " type %" PRIu32 " line %" PRIu32 " block %" PRIu32, v.type,
		        v.line, v.block);
		put_ops(v.expr, v.expr_size, out);
		fputc('\n', out);
	}
	if (r < 0)
		fprintf(out, "  damaged\n");
}

void turf_dump_details(const struct turf_image *image, FILE *out)
{
	for (uint32_t i = 1; i < image->n_functions; i++) {
		struct turf_details d;
		int r = turf_image_details(image, i, &d);
		if (r == -ENODATA)
			return;
		if (r < 0)
			fprintf(out, "%" PRIu32 " damaged\n", i);
		if (r != 1)
			continue;
		fprintf(out, "%" PRIu32, i);
		put_text(image, d.name, out);
		if (d.function != i) {
			fprintf(out, " as %" PRIu32 "\n", d.function);
			continue;
		}
		fprintf(out, " flags %#" PRIx32 " type %" PRIu32 " scope %" PRIu32, d.flags,
		        d.type, d.scope);
		for (uint32_t b = 1; b <= d.n_blocks && d.n_blocks < 1000; b++)
			fprintf(out, "%s%" PRIu32, b == 1 ? " blocks in " : ",",
			        turf_details_block(&d, b));
		fputc('\n', out);
		put_variables(&d, out);
	}
}

void turf_dump_locations(const struct turf_image *image, FILE *out)
{
	for (uint32_t i = 1; i < turf_locations_n(image); i++) {
		uint8_t room[TURF_EXPR_ROOM];
		const uint8_t *expr;
		size_t size;
		fprintf(out, "%" PRIu32, i);
		if (turf_location_at(image, i, room, &expr, &size) < 0)
			fprintf(out, " damaged");
		put_ops(expr, size, out);
		fputc('\n', out);
	}
}

/* Shares of 16384 that each model gives its symbols. */
void turf_dump_models(const struct turf_image *image, FILE *out)
{
	struct span all = image->sections[URF_MODELS];
	const le16 *fields = (const le16 *)all.at;
	size_t n = all.size / sizeof(le16);
	uint32_t n_models = n > URF_FIELDS ? le16_get(fields[URF_FIELDS]) : 0;
	if (n <= URF_FIELDS + 1 + n_models)
		return;
	const le16 *first = fields + URF_FIELDS + 1;
	const struct urf_model *at = (const struct urf_model *)(first + n_models + 1);
	size_t n_entries = (size_t)(all.at + all.size - (const uint8_t *)at) / sizeof(*at);
	for (uint32_t i = 0, field = 0; i < n_models; i++) {
		while (field + 1 < URF_FIELDS && le16_get(fields[field + 1]) <= i)
			field++;
		uint32_t begin = le16_get(first[i]), end = le16_get(first[i + 1]);
		if (begin >= end)
			continue;
		fprintf(out, "%" PRIu32 " field %" PRIu32 " context %" PRId64, i, field,
		        (int64_t)i - le16_get(fields[field]) - 1);
		for (uint32_t k = begin; k < end && k < n_entries; k++)
			fprintf(out, " %u:%u", at[k].symbol, le16_get(at[k].start));
		fputc('\n', out);
	}
}

static void put_event(const struct turf_body_event *e, FILE *out)
{
	static const char *const kinds[] = {
		[TURF_BODY_PLACE] = "place", [TURF_BODY_SINGLE] = "single",
		[TURF_BODY_BLOCK] = "block", [TURF_BODY_ENTER] = "enter",
		[TURF_BODY_CALL] = "call",   [TURF_BODY_PARAMETER] = "parameter",
		[TURF_BODY_FRAME] = "frame", [TURF_BODY_TARGET] = "target",
	};
	fprintf(out, "  %*s%s %" PRIu32, (int)e->depth, "", kinds[e->kind], e->number);
	if (e->kind == TURF_BODY_PLACE || e->kind == TURF_BODY_BLOCK ||
	    e->kind == TURF_BODY_CALL)
		fprintf(out, " %#" PRIx64 " %#" PRIx64, e->start, e->end);
	put_ops(e->where, e->where_size, out);
	put_ops(e->expr, e->expr_size, out);
	fputc('\n', out);
}

static int put_body(struct turf_body *walk, FILE *out)
{
	struct turf_body_event e;
	int r;
	fprintf(out, "%#" PRIx64 " function %" PRIu32 "\n", walk->entry, walk->function);
	while ((r = turf_body_next(walk, &e)) == 1)
		put_event(&e, out);
	return r;
}

void turf_dump_body_data(const struct turf_image *image, FILE *out)
{
	size_t n = image->sections[URF_BODIES].size / sizeof(struct urf_body);
	for (size_t i = 0; i < n; i++) {
		struct turf_body walk;
		int r = turf_body_group(image, i, &walk);
		bool first = true;
		for (; r == 0 && (r = turf_body_begin(&walk, first)) == 1; first = false)
			r = put_body(&walk, out);
		if (r < 0)
			fprintf(out, "  damaged\n");
	}
}

void turf_dump_variables(const struct turf_image *image, FILE *out)
{
	static const char *const kinds[] = { "at", "thread", "by", "nowhere" };
	for (uint32_t i = 0; i < image->n_variables; i++) {
		struct turf_global g;
		fprintf(out, "%" PRIu32, i);
		if (turf_image_global(image, i, &g) != 1) {
			fprintf(out, " damaged\n");
			continue;
		}
		put_text(image, g.name, out);
		if (g.linkage_name)
			put_text(image, g.linkage_name, out);
		fprintf(out, " type %" PRIu32 " file %" PRIu32 " line %" PRIu32, g.type, g.file,
		        g.line);
		if (g.scope || g.function)
			fprintf(out, " in %s %" PRIu32, g.function ? "function" : "type",
			        g.function ? g.function : g.scope);
		fprintf(out, "%s %s", g.external ? " external" : "", kinds[g.kind]);
		if (g.kind <= TURF_GLOBAL_THREAD)
			fprintf(out, " %#" PRIx64, g.address);
		put_ops(g.expr, g.expr_size, out);
		fputc('\n', out);
	}
}

void turf_dump_bodies(const struct turf_image *image, FILE *out)
{
	struct span s = image->sections[URF_BODIES];
	const struct urf_body *g = (const struct urf_body *)s.at;
	for (size_t i = 0; i < s.size / sizeof(*g); i++)
		fprintf(out, "%#" PRIx64 " at %" PRIu32 "\n",
		        image->base + le32_get(g[i].start), le32_get(g[i].off));
}
