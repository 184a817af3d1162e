/* SPDX-License-Identifier: MIT */
/*
 * A report for people's eyes and for line-based tools.
 *
 * Names come from hostile files: what is no printable character is shown as '?'.
 */
#include <inttypes.h>
#include <time.h>

#include "profile/report.h"

enum { NAME_WIDTH = 56, PLACE_WIDTH = 40 }; /* columns grow up to here, then overflow */

/* Bytes of @s up to @n become one line without control characters. */
static void put_plain(FILE *out, const char *s)
{
	for (; *s; s++)
		putc((uint8_t)*s < 0x20 || *s == 0x7f ? '?' : *s, out);
}

/* Characters that @s takes on a terminal, near enough: UTF-8 sequences count one. */
static int width(const char *s)
{
	int n = 0;
	for (; *s; s++)
		n += ((uint8_t)*s & 0xc0) != 0x80;
	return n;
}

static void put_padded(FILE *out, const char *s, int columns)
{
	put_plain(out, s);
	for (int n = width(s); n < columns; n++)
		putc(' ', out);
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void put_header(const struct turf_report *r, FILE *out)
{
	const struct turf_profile_info *i = &r->profile->info;
	const struct turf_profile_stats *s = &i->stats;
	time_t start = (time_t)(i->start_ns / 1000000000u);
	struct tm tm;
	char when[64] = "?";
	if (gmtime_r(&start, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	fputs("# command: ", out);
	put_plain(out, *i->command ? i->command : "-");
	fputs("\n# host: ", out);
	put_plain(out, *i->host ? i->host : "-");
	fputs(", Linux ", out);
	put_plain(out, *i->kernel ? i->kernel : "?");
	fprintf(out, "\n# time: %s, %.2f s\n", when, (double)i->duration_ns / 1e9);
	fprintf(out, "# samples: %" PRIu64 " at %" PRIu64 " a second and CPU, %s%s\n",
	        r->samples, i->frequency,
	        i->system_wide ? "all processes"
	        : *i->command  ? "one command"
	                       : "one process",
	        i->user_only ? ", without the kernel" : "");
	fprintf(out,
	        "# lost: %" PRIu64 " by the kernel, %" PRIu64 " by us; slowed down %" PRIu64
	        " times\n",
	        s->lost, s->dropped, s->throttled);
	uint64_t end = s->stops[TURF_STOP_END];
	fprintf(out,
	        "# stacks: %" PRIu64 " of %" PRIu64
	        " unwound to the thread's start (%.1f %%), %" PRIu64 " truncated\n",
	        end, s->user_samples, percent(end, s->user_samples),
	        s->stops[TURF_STOP_TRUNCATED]);
}

struct row {
	const struct r_function *f;
	char *name, *place; /* as shown */
};

static int compare_strings(const char *a, const char *b)
{
	int c = strcmp(a, b);
	return (c > 0) - (c < 0);
}

static int compare_rows(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;
	if (a->f->self != b->f->self)
		return a->f->self < b->f->self ? 1 : -1;
	if (a->f->total != b->f->total)
		return a->f->total < b->f->total ? 1 : -1;
	int c = compare_strings(a->name, b->name);
	return c ? c : (a->f > b->f) - (a->f < b->f); /* the order of the array settles ties */
}

static bool name_row(const struct turf_report *r, const struct r_function *f, struct row *row)
{
	const char *file = report_string(r, f->file), *slash = strrchr(file, '/');
	file = slash ? slash + 1 : file;
	row->f = f;
	if (asprintf(&row->name, "%s%s", report_string(r, f->name),
	             f->inlined ? " (inlined)" : "") < 0)
		row->name = NULL;
	if (asprintf(&row->place, f->file && f->line ? "%s:%u" : "%s", f->file ? file : "-",
	             f->line) < 0)
		row->place = NULL;
	return row->name && row->place;
}

/* Shade tells where it runs: bold what is hot, dim what is nothing but passed through. */
static const char *color_of(const struct turf_report *r, const struct r_function *f)
{
	double self = percent(f->self, r->samples);
	if (!r->options.color)
		return "";
	if (f->kernel)
		return "\033[33m";
	return self >= 5 ? "\033[1;31m" : f->self ? "" : "\033[2m";
}

static void put_row(const struct turf_report *r, const struct row *row, int name_width,
                    int place_width, FILE *out)
{
	const struct r_function *f = row->f;
	const char *color = color_of(r, f);
	fprintf(out, "%s%6.2f %% %6.2f %% %8" PRIu64 "  ", color, percent(f->self, r->samples),
	        percent(f->total, r->samples), f->self);
	put_padded(out, row->name, name_width);
	fputs("  ", out);
	put_padded(out, row->place, place_width);
	fputs("  ", out);
	put_plain(out, f->module ? report_string(r, f->module) : "-");
	fputs(*color ? "\033[0m\n" : "\n", out);
}

static void put_rows(const struct turf_report *r, const struct row *rows, size_t n, FILE *out)
{
	int name_width = (int)strlen("function"), place_width = (int)strlen("file:line");
	for (size_t i = 0; i < n; i++) {
		name_width = MAX(name_width, MIN(width(rows[i].name), NAME_WIDTH));
		place_width = MAX(place_width, MIN(width(rows[i].place), PLACE_WIDTH));
	}
	fprintf(out, "%s%8s %8s %8s  %-*s  %-*s  %s%s\n", r->options.color ? "\033[1m" : "",
	        "self", "total", "samples", name_width, "function", place_width, "file:line",
	        "module", r->options.color ? "\033[0m" : "");
	for (size_t i = 0; i < n; i++)
		put_row(r, &rows[i], name_width, place_width, out);
}

int turf_report_text(const struct turf_report *r, FILE *out)
{
	size_t n = r->functions.n, shown;
	scoped(freep) struct row *rows = calloc(n + 1, sizeof(*rows));
	bool done = rows != NULL;
	for (size_t i = 0; done && i < n; i++)
		done = name_row(r, &r->functions.at[i], &rows[i]);
	if (done) {
		qsort(rows, n, sizeof(*rows), compare_rows);
		shown = r->options.limit ? MIN(n, r->options.limit) : n;
		put_header(r, out);
		putc('\n', out);
		put_rows(r, rows, shown, out);
		if (shown < n)
			fprintf(out, "# %zu further functions\n", n - shown);
	}
	for (size_t i = 0; rows && i < n; i++) {
		free(rows[i].name);
		free(rows[i].place);
	}
	if (!done)
		return -ENOMEM;
	return ferror(out) ? -EIO : 0;
}

/*
 * Folded stacks.
 */

/* ';' parts functions, the last blank parts the count: neither may be taken for part of a name.
 */
static bool put_folded(struct buf *line, const char *s)
{
	bool done = true;
	for (; done && *s; s++) {
		char c = (uint8_t)*s < 0x20 || *s == 0x7f ? '?' : *s == ';' ? ':' : *s;
		done = turf_buf_put(line, &c, 1);
	}
	return done;
}

struct walk {
	struct buf line;
	struct {
		size_t *at;
		size_t n, room;
	} ends; /* of line at each depth */
};

static bool put_function(struct walk *w, const struct turf_report *r, const struct tree *t,
                         const struct t_node *node)
{
	size_t *end = vec_push(&w->ends);
	if (!end)
		return false;
	*end = w->line.n;
	if (node->parent == 0)
		return put_folded(&w->line,
		                  r->profile->strings.at[t->groups.at[node->function].name]);
	return turf_buf_put(&w->line, ";", 1) &&
	       put_folded(&w->line, report_string(r, r->functions.at[node->function].name));
}

static int put_lines(const struct turf_report *r, const struct tree *t, FILE *out)
{
	struct walk w = { 0 };
	bool done = true;
	for (uint32_t i = t->nodes.at[0].child, down = 1; done && i;) {
		const struct t_node *node = &t->nodes.at[i];
		if (down) {
			done = put_function(&w, r, t, node);
			if (done && node->self)
				fprintf(out, "%.*s %" PRIu64 "\n", (int)w.line.n,
				        (const char *)w.line.at, node->self);
		}
		if (down && done && node->child) {
			i = node->child;
			continue;
		}
		if (w.ends.n)
			w.line.n = w.ends.at[--w.ends.n];
		down = node->sibling != 0;
		i = down ? node->sibling : node->parent;
	}
	vec_fini(&w.line);
	vec_fini(&w.ends);
	return done ? 0 : -ENOMEM;
}

int turf_report_folded(const struct turf_report *r, FILE *out)
{
	struct tree t;
	int status = turf_tree_build(r, true, &t);
	if (status == 0)
		status = put_lines(r, &t, out);
	turf_tree_fini(&t);
	return status == 0 && ferror(out) ? -EIO : status;
}
