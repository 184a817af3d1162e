/* SPDX-License-Identifier: MIT */
/*
 * A report for programs, and the page with the flame graph, which holds the same object.
 *
 * Every string is written so that it can stand in HTML: no "<" ever appears in one. What is no
 * UTF-8 becomes U+FFFD.
 *
 * Source: RFC 8259 section 7; well-formed UTF-8 as in Unicode 15 table 3-7
 */
#include <inttypes.h>

#include "flame.html.h"
#include "profile/report.h"

/* Bytes of the UTF-8 character at @s, 0: it is none. The NUL ends every sequence. */
static unsigned utf8_size(const uint8_t *s)
{
	static const struct {
		uint8_t first, last, low, high; /* of the first byte; of the second */
		unsigned size;
	} shapes[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	for (size_t i = 0; i < COUNT(shapes); i++) {
		if (s[0] < shapes[i].first || s[0] > shapes[i].last)
			continue;
		if (s[1] < shapes[i].low || s[1] > shapes[i].high)
			return 0;
		for (unsigned k = 2; k < shapes[i].size; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return shapes[i].size;
	}
	return 0;
}

static void put_string(FILE *out, const char *text)
{
	putc('"', out);
	for (const uint8_t *s = (const uint8_t *)text; *s; s++) {
		unsigned size = *s < 0x80 ? 1 : utf8_size(s);
		if (*s == '"' || *s == '\\') {
			fprintf(out, "\\%c", *s);
		} else if (*s < 0x20 || *s == 0x7f || *s == '<' || *s == '>' || *s == '&') {
			fprintf(out, "\\u%04x", *s);
		} else if (size == 0) {
			fputs("\\ufffd", out);
		} else {
			fwrite(s, 1, size, out);
			s += size - 1;
		}
	}
	putc('"', out);
}

static void put_member(FILE *out, const char *name, const char *value)
{
	fprintf(out, "\"%s\":", name);
	put_string(out, value);
	putc(',', out);
}

static void put_number(FILE *out, const char *name, uint64_t value)
{
	fprintf(out, "\"%s\":%" PRIu64 ",", name, value);
}

/* By enum turf_stop: these names are kept, whatever turf_stop_name() says to people. */
static const char *const stops[TURF_N_STOPS] = { "none",      "end",     "truncated",
	                                         "no_module", "no_rule", "memory",
	                                         "bad_rule",  "loop",    "depth" };

static void put_stats(const struct turf_profile_stats *s, FILE *out)
{
	fputs("\"stats\":{", out);
	put_number(out, "samples", s->samples);
	put_number(out, "user_samples", s->user_samples);
	put_number(out, "kernel_only", s->kernel_only);
	put_number(out, "foreign", s->foreign);
	put_number(out, "lost", s->lost);
	put_number(out, "dropped", s->dropped);
	put_number(out, "throttled", s->throttled);
	put_number(out, "late", s->late);
	put_number(out, "malformed", s->malformed);
	put_number(out, "frames", s->frames);
	put_number(out, "frames_by_pointer", s->frames_by_pointer);
	fputs("\"stops\":{", out);
	for (int i = TURF_STOP_END; i < TURF_N_STOPS; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i > TURF_STOP_END ? "," : "", stops[i],
		        s->stops[i]);
	fputs("}},\n", out);
}

static void put_functions(const struct turf_report *r, FILE *out)
{
	fputs("\"functions\":[", out);
	for (size_t i = 0; i < r->functions.n; i++) {
		const struct r_function *f = &r->functions.at[i];
		fputs(i ? ",\n{" : "\n{", out);
		put_member(out, "name", report_string(r, f->name));
		if (f->linkage_name && f->linkage_name != f->name)
			put_member(out, "linkage_name", report_string(r, f->linkage_name));
		put_member(out, "module", report_string(r, f->module));
		if (f->file) {
			put_member(out, "file", report_string(r, f->file));
			put_number(out, "line", f->line);
		}
		put_member(out, "kind",
		           f->kernel    ? "kernel"
		           : f->unknown ? "unknown"
		           : f->inlined ? "inlined"
		                        : "function");
		put_number(out, "self", f->self);
		fprintf(out, "\"total\":%" PRIu64 "}", f->total);
	}
	fputs("],\n", out);
}

static void put_processes(const struct turf_report *r, FILE *out)
{
	fputs("\"processes\":[", out);
	for (size_t i = 0; i < r->tree.groups.n; i++) {
		const struct t_group *g = &r->tree.groups.at[i];
		fputs(i ? ",\n{" : "\n{", out);
		put_member(out, "name", r->profile->strings.at[g->name]);
		fprintf(out, "\"pid\":%u}", g->pid);
	}
	fputs("],\n", out);
}

static void put_nodes(const struct turf_report *r, FILE *out)
{
	fputs("\"nodes\":[", out);
	for (size_t i = 0; i < r->tree.nodes.n; i++) {
		const struct t_node *n = &r->tree.nodes.at[i];
		fprintf(out, "%s[%u,%u,%" PRIu64 ",%" PRIu64 "]",
		        i == 0  ? "\n"
		        : i % 8 ? ","
		                : ",\n",
		        n->parent, n->function, n->self, n->total);
	}
	fputs("]", out);
}

int turf_report_json(const struct turf_report *r, FILE *out)
{
	const struct turf_profile_info *i = &r->profile->info;
	fputs("{\"format\":\"turf-report\",\"version\":1,\n", out);
	put_member(out, "command", i->command);
	put_member(out, "host", i->host);
	put_member(out, "kernel", i->kernel);
	put_number(out, "start_ns", i->start_ns);
	put_number(out, "duration_ns", i->duration_ns);
	put_number(out, "frequency", i->frequency);
	put_number(out, "stack_size", i->stack_size);
	fprintf(out, "\"system_wide\":%s,\"user_only\":%s,\n",
	        i->system_wide ? "true" : "false", i->user_only ? "true" : "false");
	put_number(out, "samples", r->samples);
	put_stats(&i->stats, out);
	put_processes(r, out);
	put_functions(r, out);
	put_nodes(r, out);
	fputs("}\n", out);
	return ferror(out) ? -EIO : 0;
}

int turf_report_html(const struct turf_report *r, FILE *out)
{
	static const char mark[] = "@PROFILE@";
	const char *page = flame_html, *at = strstr(page, mark);
	assert(at);
	fwrite(page, 1, (size_t)(at - page), out);
	int status = turf_report_json(r, out);
	fputs(at + strlen(mark), out);
	return ferror(out) ? -EIO : status;
}
