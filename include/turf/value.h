/* SPDX-License-Identifier: MIT */
/*
 * What arguments and variables hold in a frame of a stack, and how that is written.
 *
 *     struct turf_values values = { process, memory, frame, regs };
 *     struct turf_locals walk;
 *     struct turf_local local;
 *     struct turf_value value;
 *     turf_image_locals(image, frame.location.addr, 0, &walk);
 *     while (turf_locals_next(&walk, &local) == 1) {
 *             turf_value_of_local(&values, &walk, &local, &value);
 *             turf_value_print(&values, &value, NULL, out);
 *     }
 *
 * Values are written as gdb writes them: "{x = 1, name = \"abc\", next = 0x4040 <list>}". What
 * cannot be had says why in its place: "<register not saved>". Behind a pointer to what has no
 * address, as it was kept in registers, stands what it points to: "&{x = 1}". One thread at a
 * time per process table (turf/process.h).
 *
 * Trust: none: neither types nor memory; what is written is bounded by the format
 */
#ifndef TURF_VALUE_H
#define TURF_VALUE_H

#include <stdio.h>

#include "turf/types.h"
#include "turf/unwind.h"
#include "turf/variables.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why a value, or a part of it, cannot be had. */
enum turf_why {
	TURF_WHY_NONE, /* it can */
	TURF_WHY_OPTIMIZED_OUT,
	TURF_WHY_REGISTER, /* it was in a register that nobody saved, or was not told */
	TURF_WHY_MEMORY,   /* memory cannot be read: not mapped, or not in the core */
	TURF_WHY_ENTRY,    /* it takes a value at the function's entry that no caller tells */
	TURF_WHY_UNSUPPORTED, /* thread-local, a pointer to what was optimized out, ... */
	TURF_WHY_TYPE,        /* its type or size is not known */
	TURF_WHY_DAMAGED,     /* the urf is damaged */
};
const char *turf_why_text(enum turf_why why);

/* A frame, and the one that called it; caller's storage. */
struct turf_values {
	struct turf_process *process; /* names what pointers point to; NULL: they have none */
	struct turf_memory memory;
	struct turf_unwind_frame frame;
	struct turf_regs regs; /* of frame: turf_unwind_registers() */
	/* of the next frame, for arguments that are known by what it passed; .valid 0: none */
	struct turf_unwind_frame caller;
	struct turf_regs caller_regs;
};

enum { TURF_VALUE_BYTES = 256 }; /* of a value that is not in memory, in one piece */

struct turf_value {
	const struct turf_image *image; /* whose type it is */
	uint32_t type;
	enum turf_why why; /* not one byte of it can be had */
	uint64_t size;
	bool in_memory; /* at live address addr, */
	uint64_t addr;
	uint8_t bytes[TURF_VALUE_BYTES];   /* or these, of which not all may be there */
	uint8_t missing[TURF_VALUE_BYTES]; /* enum turf_why of each */
	/* it is a pointer or reference, of that type, to what has no address: size and bytes
	 * are what it points to, and so is what cannot be had */
	bool pointed;
};

/**
 * turf_value_of_local() - what a variable of a frame holds
 * @walk:  at @local: turf_image_locals() of frame.location
 *
 * A value at the function's entry is taken from the caller's call, where that is a direct one
 * of this very function. Functions that call each other by jumps can not be told from that.
 *
 * Cost:   one expression evaluated; of what is in memory nothing is read
 * Return: 1; 0 it cannot be had, and @out->why says so
 */
int turf_value_of_local(const struct turf_values *values, const struct turf_locals *walk,
                        const struct turf_local *local, struct turf_value *out);

struct turf_value_format {
	size_t size;           /* sizeof this struct */
	unsigned max_depth;    /* structures within each other; 0: 20 */
	unsigned max_elements; /* of an array, characters of a text; 0: 200 */
	unsigned max_repeats;  /* equal elements in a row above that are written once; 0: 10 */
	unsigned max_parts;    /* numbers, texts and names in all; 0: 5000 */
	/* what to write for the name of a function or variable; NULL: the name as it is */
	const char *(*symbol)(void *ctx, const char *name);
	void *ctx;
};

/**
 * turf_value_print() - write a value by its type
 * @format: NULL: the defaults
 *
 * Return: 0; errors of @out are told by itself
 */
int turf_value_print(const struct turf_values *values, const struct turf_value *value,
                     const struct turf_value_format *format, FILE *out);

/**
 * turf_value_symbol() - what an address of a process belongs to
 * @name:   receives as much as fits, NUL-ended
 * @offset: bytes from its start
 *
 * Functions by symbols and debug info, variables by debug info.
 * Return: 1 or 0
 */
int turf_value_symbol(struct turf_process *process, uint64_t addr, char *name, size_t size,
                      uint64_t *offset);

#ifdef __cplusplus
}
#endif
#endif
