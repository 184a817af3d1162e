/* SPDX-License-Identifier: MIT */
/*
 * turf diff: what came out, by name, as text or JSON; and who reaches a type that changed.
 */
#include <stdlib.h>
#include <string.h>

#include "diff.h"

enum { EDGES_MAX = 1 << 28 }; /* passed in all until no more is counted */

static int by_name(const void *a, const void *b)
{
	const struct diff_result *x = a, *y = b;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	int c = strcmp(x->name, y->name);
	if (c == 0)
		c = strcmp(x->shown, y->shown);
	return c                    ? c
	       : x->sign != y->sign ? (x->sign < y->sign ? -1 : 1)
	                            : strcmp(x->key, y->key);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* They would read the same: a constructor's two symbols, two units' copies of a type. */
static bool is_same(const struct diff_result *a, const struct diff_result *b)
{
	if (a->kind != b->kind || a->sign != b->sign || strcmp(a->name, b->name) != 0 ||
	    strcmp(a->shown, b->shown) != 0 || a->changes.n != b->changes.n)
		return false;
	for (size_t i = 0; i < a->changes.n; i++) {
		const struct diff_change *x = &a->changes.at[i], *y = &b->changes.at[i];
		if (x->sign != y->sign || strcmp(x->what, y->what) != 0 ||
		    !same_text(x->old, y->old) || !same_text(x->now, y->now))
			return false;
	}
	return true;
}

static void sort(struct diff *d)
{
	size_t n = 0;
	if (d->n_results)
		qsort(d->results, d->n_results, sizeof(*d->results), by_name);
	for (size_t i = 0; i < d->n_results; i++) {
		if (n && is_same(&d->results[n - 1], &d->results[i]))
			free(d->results[i].changes.at);
		else
			d->results[n++] = d->results[i];
	}
	d->n_results = n;
}

/* The way back along edges: those to a pair lie from first[pair] up to first[pair + 1]. */
struct back {
	uint32_t *first, *from;
	uint32_t *pairs_seen, *items_seen; /* as of which search */
	uint32_t *queue;
	uint64_t passed; /* edges, in all */
};

static bool make_back(struct diff *d, struct back *b)
{
	b->first = calloc(d->n_nodes + 2, sizeof(*b->first));
	b->from = malloc((d->n_edges + 1) * sizeof(*b->from));
	b->pairs_seen = calloc(d->n_nodes + 1, sizeof(*b->pairs_seen));
	b->items_seen = calloc(d->n_matched + 1, sizeof(*b->items_seen));
	b->queue = malloc((d->n_nodes + 1) * sizeof(*b->queue));
	if (!b->first || !b->from || !b->pairs_seen || !b->items_seen || !b->queue)
		return false;
	for (size_t i = 0; i < d->n_edges; i++)
		b->first[d->edges[i].to + 2]++;
	for (size_t i = 2; i < d->n_nodes + 2; i++)
		b->first[i] += b->first[i - 1];
	for (size_t i = 0; i < d->n_edges; i++)
		b->from[b->first[d->edges[i].to + 1]++] = d->edges[i].from;
	return true;
}

static void free_back(struct back *b)
{
	free(b->first);
	free(b->from);
	free(b->pairs_seen);
	free(b->items_seen);
	free(b->queue);
}

static void add_reached(const struct diff *d, struct diff_result *r, uint32_t item)
{
	const struct diff_matched *m = &d->matched[item];
	r->all_reached[m->kind]++;
	if (r->n_reached < CLI_COUNT(r->reached))
		r->reached[r->n_reached++] = m->key;
}

/* The nearest first. @mark: of this search alone. */
static void find_reached(const struct diff *d, struct back *b, struct diff_result *r,
                         uint32_t mark)
{
	size_t n = 0;
	b->queue[n++] = r->node;
	b->pairs_seen[r->node] = mark;
	for (size_t i = 0; i < n; i++) {
		uint32_t at = b->first[b->queue[i]], end = b->first[b->queue[i] + 1];
		b->passed += end - at;
		for (; at < end; at++) {
			uint32_t from = b->from[at], item = from & ~DIFF_ITEM;
			uint32_t *seen =
				from & DIFF_ITEM ? &b->items_seen[item] : &b->pairs_seen[item];
			if (*seen == mark)
				continue;
			*seen = mark;
			if (from & DIFF_ITEM)
				add_reached(d, r, item);
			else
				b->queue[n++] = item;
		}
		if (b->passed > EDGES_MAX && r->n_reached == CLI_COUNT(r->reached)) {
			r->more = true;
			return;
		}
	}
}

static void find_all_reached(struct diff *d)
{
	struct back b = { .passed = 0 };
	if (!make_back(d, &b))
		diff_fail(d, "no memory");
	for (size_t i = 0; i < d->n_results && !d->failed; i++)
		if (d->results[i].kind == DIFF_TYPE && d->results[i].sign == '~')
			find_reached(d, &b, &d->results[i], (uint32_t)i + 1);
	free_back(&b);
}

static const char *color(char sign)
{
	if (!cli_color(stdout))
		return "";
	return sign == '-' ? "\033[31m" : sign == '+' ? "\033[32m" : "\033[33m";
}

static const char *plain(void)
{
	return cli_color(stdout) ? "\033[0m" : "";
}

/* Names come from files: control characters stay off the terminal. */
static void put(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void put_change(const struct diff_change *c, int width)
{
	bool more = c->old || c->now;
	printf("    %s%c%s ", color(c->sign), c->sign, plain());
	put(c->what);
	if (more)
		printf("%*s  ", width - (int)strlen(c->what), "");
	put(c->old ? c->old : "");
	fputs(c->old && c->now ? " -> " : "", stdout);
	put(c->now ? c->now : "");
	putchar('\n');
}

static void put_reached(const struct diff_result *r)
{
	static const char *const words[] = { "function", "variable" };
	const char *between = "    reached by ";
	if (!r->n_reached)
		return;
	for (unsigned i = 0; i < CLI_COUNT(words); i++) {
		if (!r->all_reached[i])
			continue;
		printf("%s%s%u %s%s", between, r->more ? "at least " : "", r->all_reached[i],
		       words[i], r->all_reached[i] == 1 ? "" : "s");
		between = ", ";
	}
	for (uint32_t i = 0; i < r->n_reached; i++) {
		fputs(i ? ", " : ": ", stdout);
		put(r->reached[i]);
	}
	puts(r->all_reached[0] + r->all_reached[1] > r->n_reached ? ", ..." : "");
}

static void put_text(const struct diff_result *r)
{
	int width = 0;
	for (size_t i = 0; i < r->changes.n; i++) {
		int n = (int)strlen(r->changes.at[i].what);
		width = n > width && n <= 40 ? n : width;
	}
	printf("%s%c ", color(r->sign), r->sign);
	put(r->shown);
	printf("%s\n", plain());
	for (size_t i = 0; i < r->changes.n; i++)
		put_change(&r->changes.at[i], width);
	put_reached(r);
}

static void put_member(const char *key, const char *value)
{
	if (!value)
		return;
	printf(",\"%s\":", key);
	cli_json_string(stdout, value);
}

static const char *change_word(char sign)
{
	return sign == '-' ? "removed" : sign == '+' ? "added" : "changed";
}

static const char *const kinds[] = { "function", "variable", "type" };

static void put_json(const struct diff_result *r)
{
	printf("{\"kind\":\"%s\",\"change\":\"%s\"", kinds[r->kind], change_word(r->sign));
	put_member("name", r->kind == DIFF_TYPE ? r->shown : r->name);
	put_member("declaration", r->kind == DIFF_TYPE ? NULL : r->shown);
	if (r->kind != DIFF_TYPE && strcmp(r->key, r->name) != 0 && !strchr(r->key, '\001'))
		put_member("linkage_name", r->key);
	printf(",\"changes\":[");
	for (size_t i = 0; i < r->changes.n; i++) {
		const struct diff_change *c = &r->changes.at[i];
		printf("%s{\"change\":\"%s\"", i ? "," : "", change_word(c->sign));
		put_member("what", c->what);
		put_member("old", c->old);
		put_member("new", c->now);
		putchar('}');
	}
	putchar(']');
	if (r->kind == DIFF_TYPE && r->sign == '~') {
		printf(",\"functions\":%u,\"variables\":%u,\"all_counted\":%s,\"reached_by\":[",
		       r->all_reached[0], r->all_reached[1], r->more ? "false" : "true");
		for (uint32_t i = 0; i < r->n_reached; i++) {
			fputs(i ? "," : "", stdout);
			cli_json_string(stdout, r->reached[i]);
		}
		putchar(']');
	}
	puts("}");
}

struct counts {
	size_t removed, added, changed;
};

static struct counts count(const struct diff *d, enum diff_kind kind)
{
	struct counts n = { 0 };
	for (size_t i = 0; i < d->n_results; i++) {
		if (d->results[i].kind != kind)
			continue;
		n.removed += d->results[i].sign == '-';
		n.added += d->results[i].sign == '+';
		n.changed += d->results[i].sign == '~';
	}
	return n;
}

static void put_summary(const struct diff *d)
{
	const char *between = d->n_results ? "\n" : "";
	if (d->json)
		printf("{\"kind\":\"summary\"");
	for (unsigned kind = 0; kind < DIFF_N_KINDS; kind++) {
		struct counts n = count(d, kind);
		if (d->json)
			printf(",\"%ss\":{\"removed\":%zu,\"added\":%zu,\"changed\":%zu}",
			       kinds[kind], n.removed, n.added, n.changed);
		else
			printf("%s%ss: %zu removed, %zu added, %zu changed", between,
			       kinds[kind], n.removed, n.added, n.changed);
		between = "; ";
	}
	puts(d->json ? "}" : "");
}

int diff_print(struct diff *d)
{
	sort(d);
	find_all_reached(d);
	if (d->failed)
		return CLI_ERROR;
	for (size_t i = 0; i < d->n_results; i++) {
		const struct diff_result *r = &d->results[i];
		if (!d->json && (i == 0 || r[-1].kind != r->kind))
			printf("%s%ss\n", i ? "\n" : "", kinds[r->kind]);
		if (d->json)
			put_json(r);
		else
			put_text(r);
	}
	put_summary(d);
	if (fflush(stdout) || ferror(stdout))
		return cli_error(NULL, "cannot write");
	return d->n_results ? CLI_NONE : CLI_OK;
}
