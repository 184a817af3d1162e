/* SPDX-License-Identifier: MIT */
/* What a core file holds; private to the rooms process and unwind. */
#ifndef PROCESS_CORE_H
#define PROCESS_CORE_H

#include "base/file.h"
#include "process/process.h"
#include "turf/core.h"

enum {
	MAX_CORE_FILES = 1 << 20,   /* mapped files, an entry for each mapping */
	MAX_CORE_THREADS = 1 << 20, /* notes NT_PRSTATUS */
	MAX_HEADERS = 64 << 10,     /* bytes at the start of a file that tell its build-id */
};

/* Memory that was mapped. */
struct core_segment {
	uint64_t start, end; /* live addresses */
	struct span bytes;   /* from start on, as many as the core has */
	bool exec;
};

/* A mapping of a file. */
struct core_file {
	uint64_t start, end, offset; /* offset: of start in the file, bytes */
	const char *path;
	struct span build_id; /* of the file, where its headers tell it; in the core */
	int fd;               /* < 0: not opened, or it cannot be */
	bool asked;
};

struct turf_core {
	struct mapping file;
	uint16_t machine;
	struct {
		struct core_segment *at; /* by start */
		size_t n, room;
	} segments;
	struct {
		struct core_file *at; /* by start */
		size_t n, room;
	} files;
	struct {
		struct span *at; /* struct elf_prstatus of each */
		size_t n, room;
	} threads;
	uint64_t vdso; /* live address; 0: none */
	struct turf_core_info info;
	char name[COMM_SIZE], command[81];
	struct turf_process *process;
};

/* A descriptor for the bytes of a compressed core; -ENOENT: it is not compressed; < 0. */
int turf_core_inflate(int fd, const char *name, struct turf_error *err);

#endif
