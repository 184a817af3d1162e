/* SPDX-License-Identifier: MIT */
#include "profile/queue.h"

static const void *place(uint8_t **at, const void *bytes, size_t n)
{
	uint8_t *copy = *at;
	if (!bytes)
		return NULL;
	memcpy(copy, bytes, n);
	*at += n;
	return copy;
}

static size_t regs_size(const struct sample *s)
{
	return s->regs ? 8u * (size_t)__builtin_popcountll(turf_perf_machine.mask) : 0;
}

static size_t tail_size(const struct record *r)
{
	if (r->kind == RECORD_SAMPLE)
		return 8 * r->sample.n_ips + regs_size(&r->sample) + r->sample.stack_size;
	if (r->kind == RECORD_EVENT && r->event.kind == TURF_EVENT_MAP)
		return strlen(r->event.map.path) + 1;
	if (r->kind == RECORD_EVENT && r->event.kind == TURF_EVENT_COMM)
		return strlen(r->event.comm.name) + 1;
	return 0;
}

struct parcel *turf_parcel_new(const struct record *r)
{
	size_t tail = tail_size(r);
	struct parcel *p = malloc(sizeof(*p) + tail);
	if (!p)
		return NULL;
	*p = (struct parcel){ .size = sizeof(*p) + tail, .record = *r };
	uint8_t *at = (uint8_t *)(p + 1);
	struct sample *s = &p->record.sample;
	struct turf_event *e = &p->record.event;
	if (r->kind == RECORD_SAMPLE) {
		s->ips = place(&at, s->ips, 8 * s->n_ips);
		s->regs = place(&at, s->regs, regs_size(s));
		s->stack = place(&at, s->stack, s->stack_size);
	} else if (r->kind == RECORD_EVENT && e->kind == TURF_EVENT_MAP) {
		e->map.path = place(&at, e->map.path, tail);
	} else if (r->kind == RECORD_EVENT && e->kind == TURF_EVENT_COMM) {
		e->comm.name = place(&at, e->comm.name, tail);
	}
	return p;
}

int turf_queue_init(struct queue *q, size_t limit)
{
	*q = (struct queue){ .limit = limit };
	q->last = &q->first;
	int r = pthread_mutex_init(&q->lock, NULL);
	if (r)
		return -r;
	r = pthread_cond_init(&q->some, NULL);
	if (r)
		pthread_mutex_destroy(&q->lock);
	return -r;
}

void turf_queue_fini(struct queue *q)
{
	for (struct parcel *p = q->first, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	pthread_cond_destroy(&q->some);
	pthread_mutex_destroy(&q->lock);
}

void turf_queue_push(struct queue *q, struct parcel *p)
{
	bool sample = !p->round && p->record.kind == RECORD_SAMPLE;
	pthread_mutex_lock(&q->lock);
	if (sample && (p->size > q->limit || q->size > q->limit - p->size)) {
		q->n_dropped++;
		pthread_mutex_unlock(&q->lock);
		free(p);
		return;
	}
	p->next = NULL;
	*q->last = p;
	q->last = &p->next;
	q->size += p->size;
	pthread_cond_signal(&q->some);
	pthread_mutex_unlock(&q->lock);
}

void turf_queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_signal(&q->some);
	pthread_mutex_unlock(&q->lock);
}

struct parcel *turf_queue_pop(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->closed)
		pthread_cond_wait(&q->some, &q->lock);
	struct parcel *p = q->first;
	if (p) {
		q->first = p->next;
		if (!q->first)
			q->last = &q->first;
		q->size -= p->size;
	}
	pthread_mutex_unlock(&q->lock);
	return p;
}

uint64_t turf_queue_dropped(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	uint64_t n = q->n_dropped;
	pthread_mutex_unlock(&q->lock);
	return n;
}
