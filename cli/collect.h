/* SPDX-License-Identifier: MIT */
/*
 * Files worth an urf: those below a folder, those that a process runs.
 */
#ifndef CLI_COLLECT_H
#define CLI_COLLECT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct collected {
	struct collected_file {
		char *path;
		uint64_t size; /* bytes */
		dev_t device;
		ino_t inode;
	} * at;
	size_t n, room;
	size_t skipped; /* regular files that are no ELF file, have no code, or are urfs */
	size_t failed;  /* what could not be read; it was told */
};

/*
 * Adds the ELF files with code below @folder, symbolic links not followed; or those that
 * process @pid has mapped to run. 0, or 2 and the error is printed.
 */
int collect_folder(struct collected *c, const char *folder);
int collect_process(struct collected *c, pid_t pid);
/* Puts the largest first, and each file once. */
void collect_sort(struct collected *c);
void collect_free(struct collected *c);

#endif
