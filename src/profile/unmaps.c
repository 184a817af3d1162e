/* SPDX-License-Identifier: MIT */
/*
 * Loading the program that tells of unmappings, and reading what it tells.
 *
 * Source: libbpf; PROC_PID_INIT_INO of Linux, include/linux/proc_ns.h
 */
#include "profile/unmaps.h"

#include "config.h"

#if HAVE_BPF

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdarg.h>

#include "base/file.h"
#include "profile/unmap-event.h"
#include "unmaps.bpf.h"

enum { N_PROGRAMS = 3 };
#define FIRST_PID_NAMESPACE 0xeffffffcu /* beyond what an enum may hold */

struct unmaps {
	struct bpf_object *object;
	struct bpf_link *links[N_PROGRAMS];
	struct ring_buffer *ring;
	const uint64_t *n_lost;
	/* of the read at hand */
	void (*take)(void *ctx, const struct record *r);
	void *ctx;
	size_t n;
};

static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int give(void *ctx, void *bytes, size_t size)
{
	struct unmaps *u = ctx;
	struct unmap_event e;
	if (size < sizeof(e))
		return 0;
	memcpy(&e, bytes, sizeof(e));
	struct record r = { .kind = RECORD_EVENT, .time_ns = e.time_ns };
	r.event = (struct turf_event){ .kind = e.to ? TURF_EVENT_MOVE : TURF_EVENT_UNMAP,
		                       .pid = (pid_t)e.pid,
		                       .tid = (pid_t)e.tid,
		                       .time_ns = e.time_ns };
	if (e.to) {
		r.event.move.start = e.start;
		r.event.move.end = e.end;
		r.event.move.to = e.to;
		r.event.move.to_end = e.to_end;
	} else {
		r.event.unmap.start = e.start;
		r.event.unmap.end = e.end;
	}
	u->take(u->ctx, &r);
	u->n++;
	return 0;
}

static int attach(struct unmaps *u, const char **what)
{
	struct bpf_program *program;
	size_t n = 0;
	*what = "cannot attach to tracepoints (is tracefs mounted?)";
	bpf_object__for_each_program(program, u->object)
	{
		if (n == N_PROGRAMS)
			return -E2BIG;
		u->links[n] = bpf_program__attach(program);
		if (!u->links[n++])
			return -errno;
	}
	return 0;
}

/* @what: the step that failed. */
static int load(struct unmaps *u, const char **what)
{
	*what = "cannot read the program";
	u->object = bpf_object__open_mem(unmaps_bpf, sizeof(unmaps_bpf) - 1, NULL);
	if (!u->object)
		return -errno;
	*what = "the kernel refuses the program";
	int r = bpf_object__load(u->object);
	if (r < 0)
		return r;
	*what = "cannot share memory with the program";
	int events = bpf_object__find_map_fd_by_name(u->object, "events");
	const struct bpf_map *counts = bpf_object__find_map_by_name(u->object, ".bss");
	size_t size = 0;
	u->n_lost = counts ? bpf_map__initial_value((struct bpf_map *)counts, &size) : NULL;
	u->ring = ring_buffer__new(events, give, u, NULL);
	if (!u->ring || !u->n_lost || size < sizeof(*u->n_lost))
		return u->ring ? -EINVAL : -errno;
	return attach(u, what);
}

int turf_unmaps_open(struct unmaps **ret, struct turf_error *err)
{
	struct stat st;
	const char *what;
	/* it tells pids of the first namespace; perf tells those of ours */
	if (stat("/proc/self/ns/pid", &st) < 0 || st.st_ino != FIRST_PID_NAMESPACE)
		return turf_fail(err, -ENOTSUP, TURF_NOWHERE, "BPF: in a container");
	struct unmaps *u = calloc(1, sizeof(*u));
	if (!u)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "BPF: no memory");
	libbpf_print_fn_t printed = libbpf_set_print(say_nothing);
	int r = load(u, &what);
	libbpf_set_print(printed);
	if (r < 0) {
		turf_unmaps_close(u);
		return r == -EPERM || r == -EACCES
		               ? turf_fail(err, r, TURF_NOWHERE,
		                           "BPF: it takes CAP_BPF and CAP_PERFMON")
		               : turf_fail(err, r, TURF_NOWHERE, "BPF: %s: %s", what,
		                           strerror(-r));
	}
	*ret = u;
	return 0;
}

void turf_unmaps_close(struct unmaps *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < N_PROGRAMS; i++)
		bpf_link__destroy(u->links[i]);
	ring_buffer__free(u->ring);
	bpf_object__close(u->object);
	free(u);
}

size_t turf_unmaps_read(struct unmaps *u, void (*take)(void *ctx, const struct record *r),
                        void *ctx)
{
	u->take = take;
	u->ctx = ctx;
	u->n = 0;
	ring_buffer__consume(u->ring);
	return u->n;
}

uint64_t turf_unmaps_lost(const struct unmaps *u)
{
	return __atomic_load_n(u->n_lost, __ATOMIC_RELAXED);
}

#else

int turf_unmaps_open(struct unmaps **ret, struct turf_error *err)
{
	(void)ret;
	return turf_fail(err, -ENOTSUP, TURF_NOWHERE, "BPF: not built in");
}

void turf_unmaps_close(struct unmaps *u)
{
	(void)u;
}

size_t turf_unmaps_read(struct unmaps *u, void (*take)(void *ctx, const struct record *r),
                        void *ctx)
{
	(void)u;
	(void)take;
	(void)ctx;
	return 0;
}

uint64_t turf_unmaps_lost(const struct unmaps *u)
{
	(void)u;
	return 0;
}

#endif
