/* SPDX-License-Identifier: MIT */
/*
 * Go's own line tables (.gopclntab), which a program keeps when its DWARF is stripped:
 * functions, files and lines by address, and what is inlined.
 *
 * In:     an ELF file that Go 1.16 or newer linked
 * Out:    functions by address, for each its runs of one file, line and inlined call; names and
 *         paths point into the file
 * Cost:   one pass, no allocation
 * Trust:  none; a function whose tables are malformed has fewer runs
 * Source: Go's runtime/symtab.go and cmd/link/internal/ld/pcln.go, of 1.16 to 1.22
 */
#ifndef ELF_GOPCLNTAB_H
#define ELF_GOPCLNTAB_H

#include "elf/elf.h"

struct go_table {
	struct elf_data data; /* the section; turf_go_close() frees it */
	struct span names, units, files, values, functions;
	struct span inlines; /* inline trees of all functions; empty where they are not found */
	uint64_t text;       /* functions count from here; 0: they have addresses */
	uint32_t n_functions;
	uint8_t version; /* of Go, 1.x: 16, 18 or 20 */
	uint8_t quantum, ptr_size;
	bool big;
};

struct go_function {
	const char *name; /* package.name; "" where it is malformed */
	uint64_t start,
		end; /* end: where the next one begins; behind the last run is padding */
	/* private: */
	uint32_t file_values, line_values, inline_values, unit, inlines;
};

/* A walk over the functions. */
struct go_functions {
	const struct go_table *table;
	uint32_t next;
	uint64_t end; /* of the function before */
};

/* Opens the table of @elf, which must outlive it: 1, 0 there is none, < 0. */
int turf_go_open(const struct elf *elf, struct go_table *ret, struct turf_error *err);
void turf_go_close(struct go_table *table);

struct go_functions turf_go_functions(const struct go_table *table);
/* 1, 0 end. What is no function with code, or lies before the one before, is stepped over. */
int turf_go_next_function(struct go_functions *walk, struct go_function *ret);

/* One of the tables that give a number for each address of a function. */
struct go_values {
	struct cursor at;
	uint64_t end; /* of the run at hand */
	int32_t value;
	bool begun, done;
};

/* A run of addresses. */
struct go_run {
	uint64_t start, end;
	const char *file; /* NULL: not known */
	uint32_t line;    /* 0: not known */
	int32_t inlined;  /* number of the call, see turf_go_inlined(); -1: none */
};

/* A walk over the runs of one function, gapless from its start on. */
struct go_runs {
	const struct go_table *table;
	struct go_function function;
	struct go_values files, lines, inlines;
	uint64_t at;
};
struct go_runs turf_go_runs(const struct go_table *table, const struct go_function *function);
/* 1, 0 end. */
int turf_go_next_run(struct go_runs *runs, struct go_run *ret);

/* An inlined call: what is called, and the place in the same function that has the call's own
 * file, line and, where that call is inlined too, number. */
struct go_inlined {
	const char *name;
	uint64_t call_addr;
};
/* The @idx-th of @function: 1, 0 it is none. */
int turf_go_inlined(const struct go_table *table, const struct go_function *function,
                    int32_t idx, struct go_inlined *ret);

#endif
