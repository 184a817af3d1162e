/* SPDX-License-Identifier: MIT */
/* Expressions, each once. See exprs.h. */
#include <xxhash.h>

#include "base/sort.h"
#include "build/coder.h"
#include "build/exprs.h"
#include "dwarf/expr.h"
#include "image/coded.h"

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
	free(e->order);
	free(e->long_off);
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

int turf_expr_form(struct exprs *e, uint32_t number, struct buf *out)
{
	pthread_mutex_lock(&e->lock);
	const struct expr *x = &e->list.at[number];
	bool ok = turf_buf_put(out, e->bytes.at + x->off, x->size);
	pthread_mutex_unlock(&e->lock);
	return ok ? 0 : -ENOMEM;
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

/* Those used most first; of one count by a hash, then by their bytes: the order of provisional
 * numbers means nothing. */
static bool is_less(const struct exprs *e, uint32_t a, uint32_t b)
{
	const struct expr *x = &e->list.at[a], *y = &e->list.at[b];
	int r = memcmp(e->bytes.at + x->off, e->bytes.at + y->off, MIN(x->size, y->size));
	return r ? r < 0 : x->size < y->size;
}

int turf_exprs_number(struct exprs *e)
{
	struct sort_pair *keys = calloc(2 * e->list.n + 1, sizeof(*keys));
	size_t n = 0;
	if (!keys)
		return -ENOMEM;
	for (uint32_t i = 1; i < e->list.n; i++) {
		const struct expr *x = &e->list.at[i];
		if (x->count < 2)
			continue;
		uint64_t hash = XXH3_64bits(e->bytes.at + x->off, x->size);
		keys[n++] = (struct sort_pair){ (uint64_t)~x->count << 32 | hash >> 32, i };
	}
	sort_pairs(keys, keys + n, n);
	for (size_t i = 1; i < n; i++)
		for (size_t k = i;
		     k && keys[k - 1].key == keys[k].key &&
		     is_less(e, (uint32_t)keys[k].value, (uint32_t)keys[k - 1].value);
		     k--) {
			uint64_t value = keys[k].value;
			keys[k].value = keys[k - 1].value;
			keys[k - 1].value = value;
		}
	e->next = 1;
	for (size_t i = 0; i < n; i++)
		e->list.at[keys[i].value].final = e->next++;
	free(keys);
	return 0;
}

int turf_exprs_order(struct exprs *e, struct buf *out)
{
	e->order = calloc((size_t)e->next + 1, sizeof(*e->order));
	e->long_off = calloc((size_t)e->next + 1, sizeof(*e->long_off));
	if (!e->order || !e->long_off)
		return -ENOMEM;
	for (uint32_t i = 1; i < e->list.n; i++)
		if (e->list.at[i].final)
			e->order[e->list.at[i].final] = i;
	for (uint32_t i = 1; i < e->next; i++) {
		const struct expr *x = &e->list.at[e->order[i]];
		e->long_off[i] = (uint32_t)out->n;
		if (x->size > URF_LOCATION_SHORT &&
		    !turf_buf_put(out, e->bytes.at + x->off, x->size))
			return -ENOMEM;
	}
	return 0;
}

size_t turf_exprs_groups(const struct exprs *e)
{
	return e->next > 1 ? (e->next + URF_LOCATION_STEP - 1) / URF_LOCATION_STEP : 0;
}

void turf_exprs_code(const void *exprs, size_t group, struct coder *coder)
{
	const struct exprs *e = exprs;
	uint32_t first = (uint32_t)group * URF_LOCATION_STEP;
	for (uint32_t i = first; i < MIN(e->next, first + URF_LOCATION_STEP); i++) {
		const struct expr *x = &e->list.at[e->order[i]];
		const uint8_t *bytes = e->bytes.at + x->off;
		struct code_shape shape = { 0 };
		uint32_t size = i ? x->size : 0;
		turf_coder_number(coder, URF_FIELD_SIZE, 0, size);
		if (size > URF_LOCATION_SHORT) {
			turf_coder_number(coder, URF_FIELD_LONG, 0, e->long_off[i]);
			continue;
		}
		for (uint32_t k = 0; k < size; k++) {
			turf_coder_symbol(coder, URF_FIELD_BYTE, code_shape_of(&shape),
			                  bytes[k] ^ 1u);
			code_shape_pass(&shape, bytes[k]);
		}
	}
}
