/* SPDX-License-Identifier: MIT */
/*
 * Making a debug urf of an ELF file and its separate debug file.
 */
#ifndef TURF_BUILD_H
#define TURF_BUILD_H

#include "turf/store.h"

#ifdef __cplusplus
extern "C" {
#endif

enum turf_level { TURF_NOTE, TURF_WARNING };

enum turf_build_flag {
	TURF_BUILD_HOT = 1, /* what look-ups by address and unwinding need, and no more */
};

struct turf_build_options {
	size_t size;      /* sizeof this struct */
	unsigned threads; /* 0: as many as there are processors */
	/* Where separate debug files are, ':' between folders; the first that has one counts.
	 * Or a debug file itself. NULL: /usr/lib/debug */
	const char *debug_folder;
	/* Told of what was found, and of parts of the input that had to be left out. */
	void (*note)(void *ctx, enum turf_level level, const char *text);
	/* Told how far it is; not 0: stop with -ECANCELED. Called from one thread at a time. */
	int (*progress)(void *ctx, const char *stage, uint64_t done, uint64_t total);
	void *ctx;      /* for note and progress */
	uint32_t flags; /* enum turf_build_flag */
};

/**
 * turf_build() - build the debug urf of an ELF file
 * @source_fd: the ELF file, regular, open for reading; borrowed
 * @name:      its name for messages
 * @out_fd:    empty regular file, open for read and write; on failure its content is garbage
 * @options:   may be NULL
 *
 * Same source, same bytes, whatever the number of threads. A separate debug file is looked for
 * by build-id as FOLDER/.build-id/xx/yyyy.debug; where that is none, .gnu_debuglink's NAME as
 * DIR/NAME, DIR/.debug/NAME and FOLDER/DIR/NAME, DIR being the folder of @name, when that is
 * absolute, and then the one that @source_fd was opened in.
 *
 * Cost:   linear in the debug info
 * Return: 0; -EBADMSG malformed, -ENOTSUP an ELF file we do not read, -ECANCELED
 * Thread: any number of builds at once
 */
int turf_build(int source_fd, const char *name, int out_fd,
               const struct turf_build_options *options, struct turf_error *err);

/**
 * turf_strip() - write an urf without its cold sections
 * @image:  a debug urf
 * @out_fd: empty regular file, open for writing; on failure its content is garbage
 *
 * What is written has the very bytes that TURF_BUILD_HOT gives.
 *
 * Return: 0; -EBADMSG image damaged, or the system's word
 */
int turf_strip(const struct turf_image *image, int out_fd, struct turf_error *err);

/* A builder for turf_store_options; @options are borrowed and must outlive the store. */
struct turf_builder turf_debug_builder(const struct turf_build_options *options);

#ifdef __cplusplus
}
#endif
#endif
