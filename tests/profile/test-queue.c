/* SPDX-License-Identifier: MIT */
/* Between the threads: nothing is lost but samples that do not fit, and time comes in order. */
#include "lib/test.h"
#include "profile/queue.h"

static struct parcel *event_at(uint64_t time_ns)
{
	struct record r = { .kind = RECORD_EVENT, .time_ns = time_ns };
	r.event.kind = TURF_EVENT_COMM;
	r.event.comm.name = "name";
	return turf_parcel_new(&r);
}

static struct parcel *sample_of(size_t stack_size)
{
	static const uint8_t stack[4096];
	struct record r = { .kind = RECORD_SAMPLE };
	r.sample.stack = stack;
	r.sample.stack_size = stack_size;
	return turf_parcel_new(&r);
}

static struct parcel *round_of(uint64_t max_time_ns)
{
	struct parcel *p = calloc(1, sizeof(*p));
	*p = (struct parcel){ .size = sizeof(*p), .round = true, .max_time_ns = max_time_ns };
	return p;
}

START_TEST(a_parcel_stands_on_its_own)
{
	uint8_t ips[16], regs[8 * PERF_MAX_REGS], stack[5] = { 1, 2, 3, 4, 5 };
	memset(ips, 0x11, sizeof(ips));
	memset(regs, 0x22, sizeof(regs));
	struct record r = { .kind = RECORD_SAMPLE, .time_ns = 9 };
	r.sample = (struct sample){
		.ips = ips, .n_ips = 2, .abi = 2, .regs = regs, .stack = stack, .stack_size = 5
	};
	struct parcel *p = turf_parcel_new(&r);
	memset(ips, 0, sizeof(ips));
	memset(regs, 0, sizeof(regs));
	memset(stack, 0, sizeof(stack));
	const struct sample *s = &p->record.sample;
	ck_assert_uint_eq(turf_perf_ip(s, 1), 0x1111111111111111);
	ck_assert_uint_eq(s->regs[7], 0x22);
	ck_assert_uint_eq(s->stack[4], 5);
	free(p);
	char path[] = "/lib/x.so";
	r = (struct record){ .kind = RECORD_EVENT };
	r.event.kind = TURF_EVENT_MAP;
	r.event.map.path = path;
	p = turf_parcel_new(&r);
	path[0] = 'X';
	ck_assert_str_eq(p->record.event.map.path, "/lib/x.so");
	free(p);
}
END_TEST

START_TEST(what_is_full_drops_samples_only)
{
	struct queue q;
	size_t limit = 2 * (sizeof(struct parcel) + 1000);
	ck_assert_int_eq(turf_queue_init(&q, limit), 0);
	for (int i = 0; i < 5; i++)
		turf_queue_push(&q, sample_of(1000));
	ck_assert_uint_eq(turf_queue_dropped(&q), 3);
	turf_queue_push(&q, event_at(1));
	turf_queue_push(&q, round_of(1));
	turf_queue_push(&q, sample_of(limit)); /* never fits */
	ck_assert_uint_eq(turf_queue_dropped(&q), 4);
	for (int i = 0; i < 4; i++)
		free(turf_queue_pop(&q));
	turf_queue_push(&q, sample_of(1000)); /* there is room again */
	ck_assert_uint_eq(turf_queue_dropped(&q), 4);
	turf_queue_close(&q);
	struct parcel *p = turf_queue_pop(&q);
	ck_assert_ptr_nonnull(p);
	free(p);
	ck_assert_ptr_null(turf_queue_pop(&q));
	ck_assert_ptr_null(turf_queue_pop(&q));
	turf_queue_fini(&q);
}
END_TEST

enum { N_PUSHED = 20000 };

static void *push_many(void *arg)
{
	for (uint64_t i = 0; i < N_PUSHED; i++)
		turf_queue_push(arg, event_at(i));
	turf_queue_close(arg);
	return NULL;
}

START_TEST(two_threads_lose_nothing)
{
	struct queue q;
	pthread_t thread;
	uint64_t n = 0;
	ck_assert_int_eq(turf_queue_init(&q, 1), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, push_many, &q), 0);
	for (struct parcel *p; (p = turf_queue_pop(&q)); free(p))
		ck_assert_uint_eq(p->record.time_ns, n++);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(n, N_PUSHED);
	turf_queue_fini(&q);
}
END_TEST

START_TEST(what_is_left_is_given_back)
{
	struct queue q;
	struct order o = { 0 };
	ck_assert_int_eq(turf_queue_init(&q, 1000), 0);
	turf_queue_push(&q, event_at(1));
	turf_queue_push(&q, event_at(2));
	turf_queue_fini(&q);
	ck_assert(turf_order_put(&o, event_at(3)));
	turf_order_fini(&o);
}
END_TEST

/* Events 1 to 99, rounds as 100 + their newest record, what comes out after each round. */
static const struct {
	const char *what;
	int in[16];      /* 0 ends */
	const char *out; /* "|" where a round stands */
	uint64_t n_late;
} orders[] = {
	{ "nothing goes before two rounds", { 1, 2, 102 }, "|", 0 },
	{ "the first round's go with the second", { 2, 1, 102, 3, 103 }, "|1 2 |", 0 },
	{ "another buffer's older ones wait for their round",
	  { 5, 7, 107, 6, 9, 109, 8, 10, 110 },
	  "|5 6 7 |8 9 |",
	  0 },
	{ "newer than the round before stays", { 1, 101, 2, 3, 103 }, "|1 |", 0 },
	{ "a quiet time lets all go", { 3, 1, 2, 103, 103 }, "|1 2 3 |", 0 },
	{ "late ones are counted and still come", { 5, 105, 105, 3, 105 }, "|5 |3 |", 1 },
};

START_TEST(order_by_time)
{
	for (size_t i = 0; i < COUNT(orders); i++) {
		struct order o = { 0 };
		char out[256] = "", *at = out;
		for (const int *in = orders[i].in; *in; in++) {
			bool round = *in >= 100;
			ck_assert(turf_order_put(&o, round ? round_of((uint64_t)*in - 100)
			                                   : event_at((uint64_t)*in)));
			if (!round)
				continue;
			for (struct parcel *p; (p = turf_order_next(&o)); free(p))
				at += sprintf(at, "%d ", (int)p->record.time_ns);
			at += sprintf(at, "|");
		}
		ck_assert_msg(strcmp(out, orders[i].out) == 0, "%s: got %s", orders[i].what,
		              out);
		ck_assert_uint_eq(o.n_late, orders[i].n_late);
		turf_order_fini(&o);
	}
}
END_TEST

/* Equal times keep the order in which they came: exec before the maps it makes. */
START_TEST(the_end_lets_all_go_in_order)
{
	struct order o = { 0 };
	uint64_t last = 0, seq = 0;
	size_t n = 0;
	for (uint64_t i = 0; i < 1000; i++)
		ck_assert(turf_order_put(&o, event_at(i * 7919 % 50)));
	turf_order_end(&o);
	for (struct parcel *p; (p = turf_order_next(&o)); free(p), n++) {
		ck_assert_uint_ge(p->record.time_ns, last);
		if (p->record.time_ns == last && n)
			ck_assert_uint_gt(p->seq, seq);
		last = p->record.time_ns;
		seq = p->seq;
	}
	ck_assert_uint_eq(n, 1000);
	turf_order_fini(&o);
}
END_TEST

TESTS("profile/queue", a_parcel_stands_on_its_own, what_is_full_drops_samples_only,
      two_threads_lose_nothing, what_is_left_is_given_back, order_by_time,
      the_end_lets_all_go_in_order)
