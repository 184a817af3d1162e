/* SPDX-License-Identifier: MIT */
/*
 * Reading the kernel's records.
 *
 * In:     the bytes of one record, as turf_perf_attr() asked for them
 * Out:    struct record
 * Trust:  none; the layout is bounded even where the kernel would never break it
 * Source: include/uapi/linux/perf_event.h, enum perf_event_type
 */
#include <time.h>

#include "profile/perf.h"

enum {
	SAMPLE_TYPE = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU |
	              PERF_SAMPLE_PERIOD | PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_REGS_USER |
	              PERF_SAMPLE_STACK_USER,
	ID_SIZE = 24, /* pid, tid; time; cpu: what sample_id_all adds to the other records */
};

void turf_perf_attr(struct perf_event_attr *attr, unsigned frequency, size_t stack_size)
{
	*attr = (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(*attr),
		.config = PERF_COUNT_SW_CPU_CLOCK, /* there without hardware counters, too */
		.sample_freq = frequency,
		.freq = 1,
		.sample_type = SAMPLE_TYPE,
		.sample_id_all = 1,
		.sample_regs_user = turf_perf_machine.mask,
		.sample_stack_user = (uint32_t)stack_size,
		.exclude_callchain_user = 1, /* we unwind that ourselves */
		.exclude_idle = 1,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.disabled = 1,
	};
}

static void read_sample(struct cursor *c, struct record *out)
{
	struct sample *s = &out->sample;
	out->kind = RECORD_SAMPLE;
	*s = (struct sample){ .ip = cur_u64(c) };
	s->pid = cur_u32(c);
	s->tid = cur_u32(c);
	out->time_ns = cur_u64(c);
	cur_skip(c, 8 + 8); /* cpu and a reserved word; period */
	uint64_t n = cur_u64(c);
	if (n > PERF_MAX_IPS)
		c->bad = true;
	s->n_ips = c->bad ? 0 : (size_t)n;
	s->ips = cur_take(c, 8 * s->n_ips);
	s->abi = cur_u64(c);
	if (s->abi)
		s->regs = cur_take(c,
		                   8u * (unsigned)__builtin_popcountll(turf_perf_machine.mask));
	uint64_t size = cur_u64(c);
	if (size == 0)
		return;
	s->stack = cur_take(c, size);
	uint64_t real = cur_u64(c); /* of size bytes, so many are the stack's */
	if (real > size)
		c->bad = true;
	s->stack_size = c->bad ? 0 : (size_t)real;
}

static void begin_event(struct cursor *c, struct record *out, enum turf_event_kind kind)
{
	out->kind = RECORD_EVENT;
	out->event = (struct turf_event){ .kind = kind };
	out->event.pid = (pid_t)cur_u32(c);
	if (kind == TURF_EVENT_FORK || kind == TURF_EVENT_EXIT)
		out->event.fork.parent_pid = (pid_t)cur_u32(c);
	out->event.tid = (pid_t)cur_u32(c);
	if (kind == TURF_EVENT_FORK || kind == TURF_EVENT_EXIT)
		out->event.fork.parent_tid = (pid_t)cur_u32(c);
}

static void read_map(struct cursor *c, struct record *out)
{
	begin_event(c, out, TURF_EVENT_MAP);
	struct turf_event *e = &out->event;
	e->map.start = cur_u64(c);
	uint64_t size = cur_u64(c);
	if (__builtin_add_overflow(e->map.start, size, &e->map.end))
		c->bad = true;
	e->map.offset = cur_u64(c);
	e->map.major = cur_u32(c);
	e->map.minor = cur_u32(c);
	e->map.inode = cur_u64(c);
	cur_skip(c, 8 + 4 + 4); /* inode generation, protection, flags */
	e->map.path = cur_str(c);
}

static void read_comm(struct cursor *c, uint16_t misc, struct record *out)
{
	begin_event(c, out, TURF_EVENT_COMM);
	out->event.comm.name = cur_str(c);
	out->event.comm.exec = misc & PERF_RECORD_MISC_COMM_EXEC;
}

static void read_body(struct cursor *c, uint32_t type, uint16_t misc, struct record *out)
{
	switch (type) {
	case PERF_RECORD_MMAP2:
		read_map(c, out);
		break;
	case PERF_RECORD_COMM:
		read_comm(c, misc, out);
		break;
	case PERF_RECORD_FORK:
		begin_event(c, out, TURF_EVENT_FORK);
		break;
	case PERF_RECORD_EXIT:
		begin_event(c, out, TURF_EVENT_EXIT);
		break;
	case PERF_RECORD_LOST:
		out->kind = RECORD_LOST;
		cur_skip(c, 8); /* id */
		out->n_lost = cur_u64(c);
		break;
	case PERF_RECORD_LOST_SAMPLES:
		out->kind = RECORD_LOST;
		out->n_lost = cur_u64(c);
		break;
	case PERF_RECORD_THROTTLE:
		out->kind = RECORD_THROTTLE;
		break;
	default:
		break;
	}
}

int turf_perf_read(struct span bytes, struct record *out)
{
	struct cursor c = cur_of(bytes, false);
	uint32_t type = cur_u32(&c);
	uint16_t misc = cur_u16(&c), size = cur_u16(&c);
	struct record rec = { .kind = RECORD_OTHER };
	if (c.bad || size != bytes.size)
		return -EBADMSG;
	if (type == PERF_RECORD_SAMPLE) {
		read_sample(&c, &rec);
	} else {
		size_t body = bytes.size - cur_off(&c);
		if (body < ID_SIZE)
			return -EBADMSG;
		struct cursor b = cur_carve(&c, body - ID_SIZE);
		read_body(&b, type, misc, &rec);
		cur_skip(&c, 8); /* pid, tid */
		rec.time_ns = cur_u64(&c);
		c.bad |= b.bad;
		if (rec.kind == RECORD_EVENT)
			rec.event.time_ns = rec.time_ns;
	}
	if (c.bad)
		return -EBADMSG;
	*out = rec;
	return 0;
}

static uint64_t word(const uint8_t *at, size_t i)
{
	uint64_t v;
	memcpy(&v, at + 8 * i, sizeof(v));
	return le64toh(v);
}

uint64_t turf_perf_ip(const struct sample *s, size_t i)
{
	return word(s->ips, i);
}

bool turf_perf_regs(const struct sample *s, struct turf_regs *out)
{
	if (s->abi != PERF_SAMPLE_REGS_ABI_64 || !s->regs)
		return false;
	const struct perf_machine *m = &turf_perf_machine;
	*out = (struct turf_regs){ .machine = m->machine };
	size_t i = 0;
	for (unsigned bit = 0; bit < PERF_MAX_REGS; bit++) {
		if (!(m->mask >> bit & 1))
			continue;
		out->value[m->dwarf[bit]] = word(s->regs, i++);
		out->valid |= (uint64_t)1 << m->dwarf[bit];
	}
	return true;
}
