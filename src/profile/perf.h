/* SPDX-License-Identifier: MIT */
/*
 * The kernel's sampling events: what we ask for, and its records read from bytes.
 *
 * Source: perf_event_open(2); include/uapi/linux/perf_event.h
 */
#ifndef PROFILE_PERF_H
#define PROFILE_PERF_H

#include <linux/perf_event.h>

#include "base/cursor.h"
#include "turf/unwind.h"

enum {
	PERF_MAX_IPS =
		512, /* entries of a callchain; the kernel's own limit is 127 and marks */
	PERF_MAX_REGS = 64,
};

/* What machine this is; one of x86_64/regs.c and aarch64/regs.c is compiled. */
struct perf_machine {
	uint16_t machine;             /* ELF e_machine */
	uint64_t mask;                /* sample_regs_user: which registers to ask for */
	uint8_t dwarf[PERF_MAX_REGS]; /* DWARF number of each bit of mask */
	uint8_t sp, pc;               /* DWARF numbers */
};
extern const struct perf_machine turf_perf_machine;

/* Fills everything but what depends on whom to record. */
void turf_perf_attr(struct perf_event_attr *attr, unsigned frequency, size_t stack_size);

enum record_kind {
	RECORD_OTHER, /* nothing of ours */
	RECORD_SAMPLE,
	RECORD_EVENT,
	RECORD_LOST,
	RECORD_THROTTLE,
};

struct sample {
	uint32_t pid, tid;
	uint64_t ip;
	const uint8_t *ips; /* callchain: n_ips numbers of 8 bytes, with PERF_CONTEXT_* marks */
	size_t n_ips;
	uint64_t abi; /* PERF_SAMPLE_REGS_ABI_*: 0 no user registers */
	const uint8_t
		*regs; /* one number of 8 bytes for each bit of the mask; NULL if abi is 0 */
	const uint8_t *stack; /* copied from the stack pointer on */
	size_t stack_size;
};

/* One record; pointers go into the bytes it was read from. */
struct record {
	enum record_kind kind;
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	union {
		struct sample sample;
		struct turf_event event;
		uint64_t n_lost; /* records */
	};
};

/**
 * turf_perf_read() - read one record
 * @bytes: the whole record, its header first
 *
 * Return: 0, -EBADMSG malformed
 */
int turf_perf_read(struct span bytes, struct record *out);

/* The registers of a sample by DWARF number; false: it has none of our machine's. */
bool turf_perf_regs(const struct sample *s, struct turf_regs *out);
/* The @i-th number of the callchain. */
uint64_t turf_perf_ip(const struct sample *s, size_t i);

#endif
