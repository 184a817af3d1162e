/* SPDX-License-Identifier: MIT */
/* Records by time: a binary heap, the oldest at its top. */
#include "profile/queue.h"

static bool before(const struct parcel *a, const struct parcel *b)
{
	if (a->record.time_ns != b->record.time_ns)
		return a->record.time_ns < b->record.time_ns;
	return a->seq < b->seq;
}

static void swap(struct parcel **a, struct parcel **b)
{
	struct parcel *kept = *a;
	*a = *b;
	*b = kept;
}

static void sift_up(struct parcel **at, size_t i)
{
	for (; i && before(at[i], at[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&at[i], &at[(i - 1) / 2]);
}

static void sift_down(struct parcel **at, size_t n)
{
	for (size_t i = 0, child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && before(at[child + 1], at[child]))
			child++;
		if (!before(at[child], at[i]))
			return;
		swap(&at[i], &at[child]);
	}
}

bool turf_order_put(struct order *o, struct parcel *p)
{
	if (p->round) {
		o->limit_ns = MAX(o->limit_ns, o->previous_ns);
		o->previous_ns = p->max_time_ns;
		free(p);
		return true;
	}
	if (!vec_reserve(&o->heap, 1)) {
		free(p);
		return false;
	}
	if (p->record.time_ns < o->newest_ns)
		o->n_late++;
	p->seq = o->seq++;
	o->heap.at[o->heap.n] = p;
	sift_up(o->heap.at, o->heap.n++);
	return true;
}

void turf_order_end(struct order *o)
{
	o->limit_ns = UINT64_MAX;
}

struct parcel *turf_order_next(struct order *o)
{
	if (!o->heap.n || o->heap.at[0]->record.time_ns > o->limit_ns)
		return NULL;
	struct parcel *p = o->heap.at[0];
	o->heap.at[0] = o->heap.at[--o->heap.n];
	sift_down(o->heap.at, o->heap.n);
	o->newest_ns = MAX(o->newest_ns, p->record.time_ns);
	return p;
}

void turf_order_fini(struct order *o)
{
	for (size_t i = 0; i < o->heap.n; i++)
		free(o->heap.at[i]);
	vec_fini(&o->heap);
	*o = (struct order){ 0 };
}
