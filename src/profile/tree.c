/* SPDX-License-Identifier: MIT */
/*
 * The tree of calls: stacks that differ in addresses but not in functions become one.
 *
 * Cost:   linear in the distinct (group, stack) pairs with their inlined functions
 */
#include "profile/report.h"

struct builder {
	const struct turf_report *report;
	struct tree *tree;
	bool by_name;
	struct table groups, edges, memo;
	/* which node of the tree a (group, node of the profile) became */
	struct {
		struct memo {
			uint32_t group, from, to;
		} * at;
		size_t n, room;
	} memos;
	uint32_t path[PROFILE_MAX_DEPTH + 1]; /* memos to be filled, innermost first */
};

static bool same_edge(const void *ctx, uint32_t idx, const void *key)
{
	const struct t_node *a = &((const struct tree *)ctx)->nodes.at[idx], *b = key;
	return a->parent == b->parent && a->function == b->function;
}

static bool add_child(struct builder *b, uint32_t parent, uint32_t function, uint32_t *ret)
{
	struct tree *t = b->tree;
	struct t_node node = { .parent = parent, .function = function };
	if (t->nodes.n >= TABLE_MAX || !vec_reserve(&t->nodes, 1))
		return false;
	int r = turf_table_intern(&b->edges, hash_mix(hash_mix(parent, 1), function), same_edge,
	                          t, &node, (uint32_t)t->nodes.n, ret);
	if (r != 0)
		return r > 0;
	node.sibling = t->nodes.at[parent].child;
	t->nodes.at[parent].child = *ret;
	t->nodes.at[t->nodes.n++] = node;
	return true;
}

static bool same_group(const void *ctx, uint32_t idx, const void *key)
{
	const struct t_group *a = &((const struct tree *)ctx)->groups.at[idx], *b = key;
	return a->pid == b->pid && a->name == b->name;
}

static bool find_group(struct builder *b, const struct p_thread *thread, uint32_t *ret)
{
	struct tree *t = b->tree;
	struct t_group group = { .pid = b->by_name ? 0 : thread->pid,
		                 .name = b->by_name ? thread->name : thread->process };
	if (!vec_reserve(&t->groups, 1))
		return false;
	int r = turf_table_intern(&b->groups, hash_mix(hash_mix(group.pid, 3), group.name),
	                          same_group, t, &group, (uint32_t)t->groups.n, ret);
	if (r != 0)
		return r > 0;
	if (!add_child(b, 0, *ret, &group.node))
		return false;
	t->groups.at[t->groups.n++] = group;
	return true;
}

/* The functions of one frame below @node, outermost first. */
static bool add_frame(struct builder *b, uint32_t *node, uint32_t frame)
{
	struct r_frame f = b->report->frames[frame];
	for (uint32_t i = f.n; i-- > 0;)
		if (!add_child(b, *node, b->report->entries.at[f.first + i].function, node))
			return false;
	return true;
}

static bool same_memo(const void *ctx, uint32_t idx, const void *key)
{
	const struct memo *a = &((const struct builder *)ctx)->memos.at[idx], *b = key;
	return a->group == b->group && a->from == b->from;
}

/* The node of the tree that stands for a stack: up to what is known of it, then down again. */
static bool find_stack(struct builder *b, uint32_t group, uint32_t stack, uint32_t *ret)
{
	const struct turf_profile *p = b->report->profile;
	uint32_t node = b->tree->groups.at[group].node;
	size_t depth = 0;
	for (uint32_t idx; stack; stack = p->nodes.at[stack].parent) {
		struct memo m = { group, stack, 0 };
		if (!vec_reserve(&b->memos, 1))
			return false;
		int r = turf_table_intern(&b->memo, hash_mix(hash_mix(group, 4), stack),
		                          same_memo, b, &m, (uint32_t)b->memos.n, &idx);
		if (r < 0)
			return false;
		if (r > 0) {
			node = b->memos.at[idx].to;
			break;
		}
		b->memos.at[b->memos.n++] = m;
		b->path[depth++] = idx; /* depth <= that of the stack <= PROFILE_MAX_DEPTH */
	}
	while (depth-- > 0) {
		struct memo *m = &b->memos.at[b->path[depth]];
		if (!add_frame(b, &node, p->nodes.at[m->from].frame))
			return false;
		m->to = node;
	}
	*ret = node;
	return true;
}

static bool add_counts(struct builder *b)
{
	const struct turf_profile *p = b->report->profile;
	for (size_t i = 0; i < p->counts.n; i++) {
		const struct p_count *c = &p->counts.at[i];
		uint32_t group, node;
		if (!find_group(b, &p->threads.at[c->thread], &group) ||
		    !find_stack(b, group, c->node, &node))
			return false;
		b->tree->nodes.at[node].self += c->count;
	}
	return true;
}

static void sum_up(struct tree *t)
{
	for (size_t i = 0; i < t->nodes.n; i++)
		t->nodes.at[i].total = t->nodes.at[i].self;
	for (size_t i = t->nodes.n; i-- > 1;)
		t->nodes.at[t->nodes.at[i].parent].total += t->nodes.at[i].total;
}

int turf_tree_build(const struct turf_report *report, bool by_name, struct tree *out)
{
	scoped(freep) struct builder *b = calloc(1, sizeof(*b));
	*out = (struct tree){ 0 };
	if (!b || !vec_push(&out->nodes))
		return -ENOMEM;
	b->report = report;
	b->tree = out;
	b->by_name = by_name;
	bool done = add_counts(b);
	turf_table_fini(&b->groups);
	turf_table_fini(&b->edges);
	turf_table_fini(&b->memo);
	vec_fini(&b->memos);
	if (!done)
		return -ENOMEM;
	sum_up(out);
	return 0;
}

void turf_tree_fini(struct tree *t)
{
	vec_fini(&t->nodes);
	vec_fini(&t->groups);
}
