/* SPDX-License-Identifier: MIT */
/* Expressions, each once. See exprs.h. */
#include <xxhash.h>

#include "build/exprs.h"
#include "dwarf/expr.h"

struct key {
	const struct exprs *e;
	struct span form;
};

static bool same_expr(const void *ctx, uint32_t idx, const void *other)
{
	const struct exprs *e = ctx;
	const struct span *b = other;
	const struct expr *a = &e->list.at[idx];
	return a->size == b->size && !memcmp(e->bytes.at + a->off, b->at, b->size);
}

int turf_exprs_begin(struct exprs *e)
{
	pthread_mutex_init(&e->lock, NULL);
	return vec_push(&e->list) ? 0 : -ENOMEM; /* number 0 is none */
}

void turf_exprs_fini(struct exprs *e)
{
	vec_fini(&e->list);
	vec_fini(&e->bytes);
	turf_table_fini(&e->known);
	pthread_mutex_destroy(&e->lock);
}

void turf_expr_cache_fini(struct expr_cache *c)
{
	free(c->slots);
	c->slots = NULL;
	c->n = c->room = 0;
	vec_fini(&c->form);
}

static int add_locked(struct exprs *e, struct span form, uint32_t *ret)
{
	if (e->list.n == TABLE_MAX || !vec_reserve(&e->list, 1) ||
	    !vec_reserve(&e->bytes, form.size))
		return -ENOMEM;
	int r = turf_table_intern(&e->known, XXH3_64bits(form.at, form.size), same_expr, e,
	                          &form, (uint32_t)e->list.n, ret);
	if (r == 0) {
		e->list.at[e->list.n++] =
			(struct expr){ .off = e->bytes.n, .size = (uint32_t)form.size };
		memcpy(e->bytes.at + e->bytes.n, form.at, form.size);
		e->bytes.n += form.size;
	}
	return MIN(r, 0);
}

int turf_expr_add(struct exprs *e, struct span form, uint32_t *ret)
{
	*ret = 0;
	if (!form.size)
		return 0;
	pthread_mutex_lock(&e->lock);
	int r = add_locked(e, form, ret);
	pthread_mutex_unlock(&e->lock);
	return r;
}

static bool grow(struct expr_cache *c)
{
	struct expr_cache more = { .room = MAX(c->room * 2, (size_t)4096) };
	more.slots = turf_zeroed(more.room * sizeof(*more.slots));
	if (!more.slots)
		return false;
	for (size_t i = 0; i < c->room; i++) {
		size_t at = c->slots[i].hash & (more.room - 1);
		while (c->slots[i].number && more.slots[at].number)
			at = (at + 1) & (more.room - 1);
		if (c->slots[i].number)
			more.slots[at] = c->slots[i];
	}
	free(c->slots);
	c->slots = more.slots;
	c->room = more.room;
	return true;
}

/* The slot of these bytes, or the free one where they belong. */
static struct expr_slot *slot_of(const struct expr_cache *c, struct span raw, uint64_t hash)
{
	size_t at = hash & (c->room - 1);
	for (; c->slots[at].number; at = (at + 1) & (c->room - 1)) {
		const struct expr_slot *s = &c->slots[at];
		if (s->hash == hash && s->size == raw.size && !memcmp(s->raw, raw.at, raw.size))
			break;
	}
	return &c->slots[at];
}

int turf_expr_read(struct exprs *e, struct expr_cache *c, const struct dwarf *dw,
                   const struct dwarf_unit *unit, struct span raw,
                   const struct dwarf_expr_dies *dies, uint32_t *ret)
{
	*ret = 0;
	if (!raw.size)
		return 0;
	if (c->n * 2 >= c->room && !grow(c))
		return -ENOMEM;
	uint64_t hash = XXH3_64bits(raw.at, raw.size);
	struct expr_slot *slot = slot_of(c, raw, hash);
	if (slot->number) {
		*ret = slot->number;
		return 0;
	}
	c->form.n = 0;
	bool anywhere = true;
	int r = turf_dwarf_expression(dw, unit, raw, dies, &c->form, &anywhere);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = turf_expr_add(e, (struct span){ c->form.at, c->form.n }, ret);
	if (r == 0 && anywhere) {
		*slot = (struct expr_slot){ raw.at, (uint32_t)raw.size, *ret, hash };
		c->n++;
	}
	return r;
}

/* Those used most first; of one count by their bytes. */
struct order {
	const uint8_t *bytes;
	uint32_t size, count, number;
};

static int by_use(const void *a, const void *b)
{
	const struct order *x = a, *y = b;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	int r = memcmp(x->bytes, y->bytes, MIN(x->size, y->size));
	return r ? r : (x->size > y->size) - (x->size < y->size);
}

int turf_exprs_number(struct exprs *e, struct buf *out)
{
	struct order *order = calloc(e->list.n + 1, sizeof(*order));
	size_t n = 0;
	if (!order)
		return -ENOMEM;
	for (size_t i = 1; i < e->list.n; i++)
		if (e->list.at[i].count)
			order[n++] = (struct order){ e->bytes.at + e->list.at[i].off,
				                     e->list.at[i].size, e->list.at[i].count,
				                     (uint32_t)i };
	qsort(order, n, sizeof(*order), by_use);
	bool ok = turf_buf_uleb(out, 0); /* offset 0 is none */
	for (size_t i = 0; ok && i < n; i++) {
		e->list.at[order[i].number].final = (uint32_t)out->n;
		ok = turf_buf_uleb(out, order[i].size) &&
		     turf_buf_put(out, order[i].bytes, order[i].size);
	}
	free(order);
	return ok ? out->n > UINT32_MAX ? -E2BIG : 0 : -ENOMEM;
}
