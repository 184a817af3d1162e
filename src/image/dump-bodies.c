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
	static const char *const kinds[] = { "argument", "local", "static", "constant" };
	struct turf_variables walk;
	struct turf_variable v;
	int r;
	turf_details_variables(d, &walk);
	while ((r = turf_variables_next(&walk, &v)) == 1) {
		fprintf(out, "  %" PRIu32 " %s%s", v.number, v.artificial ? "artificial " : "",
		        kinds[v.kind & 3]);
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
	struct span all = image->sections[URF_LOCATIONS];
	const uint8_t *at = all.at, *end = at + all.size;
	while (at < end) {
		fprintf(out, "%zu", (size_t)(at - all.at));
		uint32_t size = take_uleb(&at);
		if (at > end || size > (size_t)(end - at)) {
			fprintf(out, " damaged\n");
			return;
		}
		put_ops(at, size, out);
		fputc('\n', out);
		at += size;
	}
}

static const char *const tokens[URF_TOKEN_KINDS] = {
	[URF_TOKEN_FIRST] = "first",         [URF_TOKEN_NEXT] = "next",
	[URF_TOKEN_SINGLE] = "single",       [URF_TOKEN_BLOCK] = "block",
	[URF_TOKEN_RANGE] = "range",         [URF_TOKEN_ENTER] = "enter",
	[URF_TOKEN_LEAVE] = "leave",         [URF_TOKEN_CALL] = "call",
	[URF_TOKEN_PARAMETER] = "parameter", [URF_TOKEN_FRAME] = "frame",
};

void turf_dump_location_ops(const struct turf_image *image, FILE *out)
{
	struct span all = image->sections[URF_LOCATION_OPS];
	const struct urf_location_op *op = (const struct urf_location_op *)all.at;
	for (size_t i = 0; i < all.size / sizeof(*op); i++) {
		unsigned kind = op[i].kind & URF_TOKEN_KIND;
		fprintf(out, "%zu %s far %#x a %d gap %d length %u expr %u\n", i,
		        kind < URF_TOKEN_KINDS ? tokens[kind] : "?",
		        op[i].kind & ~URF_TOKEN_KIND, op[i].a, op[i].gap, op[i].length,
		        le16_get(op[i].expr));
	}
}

static void put_event(const struct turf_body_event *e, FILE *out)
{
	static const char *const kinds[] = {
		[TURF_BODY_PLACE] = "place", [TURF_BODY_SINGLE] = "single",
		[TURF_BODY_BLOCK] = "block", [TURF_BODY_ENTER] = "enter",
		[TURF_BODY_CALL] = "call",   [TURF_BODY_PARAMETER] = "parameter",
		[TURF_BODY_FRAME] = "frame",
	};
	fprintf(out, "  %*s%s %" PRIu32, (int)e->depth, "", kinds[e->kind], e->number);
	if (e->kind == TURF_BODY_PLACE || e->kind == TURF_BODY_BLOCK ||
	    e->kind == TURF_BODY_CALL)
		fprintf(out, " %#" PRIx64 " %#" PRIx64, e->start, e->end);
	put_ops(e->where, e->where_size, out);
	put_ops(e->expr, e->expr_size, out);
	fputc('\n', out);
}

void turf_dump_body_data(const struct turf_image *image, FILE *out)
{
	struct span groups = image->sections[URF_BODIES], all = image->sections[URF_BODY_DATA];
	const uint8_t *at = all.at, *end = at + all.size;
	struct body body = { 0 };
	for (size_t n = 0; at < end; n++) {
		const struct urf_body *g =
			(const struct urf_body *)groups.at + n / URF_BODY_STEP;
		bool first = n % URF_BODY_STEP == 0;
		if (first && n / URF_BODY_STEP < groups.size / sizeof(*g))
			body.start = le32_get(g->start);
		if (turf_body_read(image, &at, first, &body) < 0) {
			fprintf(out, "damaged\n");
			return;
		}
		struct turf_body walk;
		struct turf_body_event e;
		int r;
		turf_body_begin(image, &body, &walk);
		fprintf(out, "%#" PRIx64 " function %" PRIu32 "\n", walk.entry, body.function);
		while ((r = turf_body_next(&walk, &e)) == 1)
			put_event(&e, out);
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
