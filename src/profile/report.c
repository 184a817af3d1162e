/* SPDX-License-Identifier: MIT */
/*
 * Making a report: functions resolved, then their samples added up over the tree of calls.
 */
#include "profile/report.h"

/* Samples of each function: itself, and once for each stack that holds it. */
static bool sum_functions(struct turf_report *r)
{
	struct tree *t = &r->tree;
	scoped(freep) uint32_t *above = calloc(r->functions.n + 1, sizeof(*above));
	if (!above)
		return false;
	/* depth first without recursion: down to the child, else on to the next sibling above
	 */
	for (uint32_t i = t->nodes.at[0].child, down = 1; i;) {
		struct t_node *node = &t->nodes.at[i];
		bool group = node->parent == 0;
		struct r_function *f = group ? NULL : &r->functions.at[node->function];
		if (down && f) {
			f->self += node->self;
			f->total += above[node->function]++ ? 0 : node->total; /* recursion */
		}
		if (down && node->child) {
			i = node->child;
			continue;
		}
		if (f)
			above[node->function]--;
		down = node->sibling != 0;
		i = down ? node->sibling : node->parent;
	}
	return true;
}

static bool same_entry(const void *ctx, uint32_t idx, const void *key)
{
	const struct r_entry *a = &((const struct r_entry *)ctx)[idx], *b = key;
	return a->function == b->function && a->file == b->file && a->line == b->line;
}

/* Samples of each frame of the profile, whatever stands above it. */
static uint64_t *weigh_frames(const struct turf_profile *p)
{
	uint64_t *weights = calloc(p->frames.n + 1, sizeof(*weights));
	scoped(freep) uint64_t *nodes = calloc(p->nodes.n + 1, sizeof(*nodes));
	if (!weights || !nodes) {
		free(weights);
		return NULL;
	}
	for (size_t i = 0; i < p->counts.n; i++)
		nodes[p->counts.at[i].node] += p->counts.at[i].count;
	for (size_t i = p->nodes.n; i-- > 1;) {
		weights[p->nodes.at[i].frame] += nodes[i];
		nodes[p->nodes.at[i].parent] += nodes[i];
	}
	return weights;
}

/* Of the lines that a function was seen at, the one with most samples speaks for it. */
static void choose_places(struct turf_report *r, const struct r_entry *entries,
                          const uint64_t *weights, size_t n)
{
	scoped(freep) uint64_t *best = calloc(r->functions.n + 1, sizeof(*best));
	for (size_t i = 0; best && i < n; i++) {
		struct r_function *f = &r->functions.at[entries[i].function];
		uint64_t *b = &best[entries[i].function];
		if (!entries[i].file || weights[i] < *b ||
		    (weights[i] == *b && f->file && entries[i].line >= f->line))
			continue;
		*b = weights[i];
		f->file = entries[i].file;
		f->line = entries[i].line;
	}
}

/* The entries of all frames without doubles, with their samples. */
static bool sum_places(struct turf_report *r)
{
	scoped(freep) uint64_t *frames = weigh_frames(r->profile);
	scoped(freep) struct r_entry *entries = calloc(r->entries.n + 1, sizeof(*entries));
	scoped(freep) uint64_t *weights = calloc(r->entries.n + 1, sizeof(*weights));
	struct table known = { 0 };
	size_t n = 0;
	bool done = frames && entries && weights;
	for (size_t i = 0; done && i < r->profile->frames.n; i++) {
		for (uint32_t k = 0; k < r->frames[i].n; k++) {
			struct r_entry e = r->entries.at[r->frames[i].first + k];
			uint32_t idx = 0;
			uint64_t hash = hash_mix(hash_mix(e.function, e.file), e.line);
			int found = turf_table_intern(&known, hash, same_entry, entries, &e,
			                              (uint32_t)n, &idx);
			done &= found >= 0;
			if (found == 0)
				entries[n++] = e;
			weights[idx] += frames[i];
		}
	}
	turf_table_fini(&known);
	if (done)
		choose_places(r, entries, weights, n);
	return done;
}

static void closep_report(struct turf_report **r)
{
	turf_report_free(*r);
}

int turf_report_new(const struct turf_profile *profile,
                    const struct turf_report_options *options, struct turf_report **ret,
                    struct turf_error *err)
{
	scoped(closep_report) struct turf_report *r = calloc(1, sizeof(*r));
	if (!r)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for a report");
	r->profile = profile;
	if (options)
		memcpy(&r->options, options, MIN(options->size, sizeof(*options)));
	if (!turf_profile_strings_init(&r->strings) || turf_report_resolve(r) < 0 ||
	    turf_tree_build(r, false, &r->tree) < 0 || !sum_functions(r) || !sum_places(r))
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for a report");
	r->samples = r->tree.nodes.at[0].total;
	*ret = take_ptr(r);
	return 0;
}

void turf_report_free(struct turf_report *r)
{
	if (!r)
		return;
	turf_tree_fini(&r->tree);
	turf_profile_strings_fini(&r->strings);
	vec_fini(&r->functions);
	vec_fini(&r->entries);
	free(r->frames);
	free(r);
}
