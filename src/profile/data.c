/* SPDX-License-Identifier: MIT */
/* Filling a profile: everything is kept once and known by its index. */
#include "profile/data.h"

struct turf_profile *turf_profile_new(void)
{
	struct turf_profile *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->info = (struct turf_profile_info){
		.size = sizeof(p->info), .command = "", .host = "", .kernel = ""
	};
	if (!turf_profile_strings_init(&p->strings) || !vec_push(&p->nodes)) {
		turf_profile_close(p);
		return NULL;
	}
	return p;
}

void turf_profile_close(struct turf_profile *p)
{
	if (!p)
		return;
	turf_profile_strings_fini(&p->strings);
	vec_fini(&p->modules);
	vec_fini(&p->threads);
	vec_fini(&p->frames);
	vec_fini(&p->nodes);
	vec_fini(&p->counts);
	turf_table_fini(&p->thread_table);
	turf_table_fini(&p->frame_table);
	turf_table_fini(&p->node_table);
	turf_table_fini(&p->count_table);
	turf_arena_fini(&p->arena);
	free(p);
}

void turf_profile_info(const struct turf_profile *p, struct turf_profile_info *out)
{
	struct turf_profile_info info = p->info;
	info.n_modules = p->modules.n;
	info.n_threads = p->threads.n;
	info.n_frames = p->frames.n;
	info.n_stacks = p->counts.n;
	info.size = MIN(out->size, sizeof(info));
	memcpy(out, &info, info.size); /* an older caller knows fewer fields */
}

const char *turf_profile_keep(struct turf_profile *p, const char *s)
{
	return turf_arena_str(&p->arena, s, strlen(s));
}

/*
 * Every array below has the same shape: look in its table, append what is new. @n is the
 * array's length; a new element needs room first, so that a failure leaves both as they were.
 */
static bool intern(struct table *t, uint64_t hash, turf_table_same *same,
                   const struct turf_profile *p, const void *key, size_t n, uint32_t *ret,
                   bool *fresh)
{
	int r = n < TABLE_MAX ? turf_table_intern(t, hash, same, p, key, (uint32_t)n, ret)
	                      : -E2BIG;
	*fresh = r == 0;
	return r >= 0;
}

bool turf_profile_string(struct turf_profile *p, const char *s, uint32_t *ret)
{
	return turf_profile_strings_add(&p->strings, s, ret);
}

static bool same_thread(const void *ctx, uint32_t idx, const void *key)
{
	const struct turf_profile *p = ctx;
	return memcmp(&p->threads.at[idx], key, sizeof(struct p_thread)) == 0;
}

bool turf_profile_thread(struct turf_profile *p, uint32_t pid, uint32_t tid,
                         const char *process, const char *name, uint32_t *ret)
{
	bool fresh;
	struct p_thread t = { pid, tid, 0, 0 };
	if (!turf_profile_string(p, process, &t.process) ||
	    !turf_profile_string(p, name, &t.name) || !vec_reserve(&p->threads, 1))
		return false;
	uint64_t hash = hash_mix(hash_mix(hash_mix(pid, tid), t.process), t.name);
	if (!intern(&p->thread_table, hash, same_thread, p, &t, p->threads.n, ret, &fresh))
		return false;
	if (fresh)
		p->threads.at[p->threads.n++] = t;
	return true;
}

static bool same_frame(const void *ctx, uint32_t idx, const void *key)
{
	const struct p_frame *a = &((const struct turf_profile *)ctx)->frames.at[idx], *b = key;
	return a->addr == b->addr && a->kind == b->kind && a->module == b->module &&
	       a->name == b->name;
}

bool turf_profile_frame(struct turf_profile *p, const struct p_frame *f, uint32_t *ret)
{
	bool fresh;
	uint64_t hash =
		hash_mix(hash_mix(f->addr, f->module), (uint64_t)f->name << 2 | f->kind);
	if (!vec_reserve(&p->frames, 1) ||
	    !intern(&p->frame_table, hash, same_frame, p, f, p->frames.n, ret, &fresh))
		return false;
	if (fresh)
		p->frames.at[p->frames.n++] = *f;
	return true;
}

static bool same_node(const void *ctx, uint32_t idx, const void *key)
{
	const struct p_node *a = &((const struct turf_profile *)ctx)->nodes.at[idx], *b = key;
	return idx && a->parent == b->parent && a->frame == b->frame;
}

bool turf_profile_node(struct turf_profile *p, uint32_t parent, uint32_t frame, uint32_t *ret)
{
	bool fresh;
	struct p_node node = { parent, frame, p->nodes.at[parent].depth + 1 };
	if (!vec_reserve(&p->nodes, 1) ||
	    !intern(&p->node_table, hash_mix(hash_mix(parent, 1), frame), same_node, p, &node,
	            p->nodes.n, ret, &fresh))
		return false;
	if (fresh)
		p->nodes.at[p->nodes.n++] = node;
	return true;
}

static bool same_count(const void *ctx, uint32_t idx, const void *key)
{
	const struct p_count *a = &((const struct turf_profile *)ctx)->counts.at[idx], *b = key;
	return a->thread == b->thread && a->node == b->node;
}

bool turf_profile_count(struct turf_profile *p, uint32_t thread, uint32_t node, uint64_t count)
{
	bool fresh;
	uint32_t idx;
	struct p_count c = { thread, node, 0 };
	if (!vec_reserve(&p->counts, 1) ||
	    !intern(&p->count_table, hash_mix(hash_mix(thread, 2), node), same_count, p, &c,
	            p->counts.n, &idx, &fresh))
		return false;
	if (fresh)
		p->counts.at[p->counts.n++] = c;
	p->counts.at[idx].count += count;
	return true;
}

bool turf_profile_module(struct turf_profile *p, const char *path, const char *key,
                         const char *source_id)
{
	struct p_module m;
	if (!turf_profile_string(p, path, &m.path) || !turf_profile_string(p, key, &m.key) ||
	    !turf_profile_string(p, source_id, &m.source_id) || !vec_reserve(&p->modules, 1))
		return false;
	p->modules.at[p->modules.n++] = m;
	return true;
}
