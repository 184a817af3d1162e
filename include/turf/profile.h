/* SPDX-License-Identifier: MIT */
/*
 * Profiles: recording what programs do, keeping it in a small file, showing it.
 *
 *     turf_recorder_open → turf_recorder_run → turf_recorder_finish → struct turf_profile
 *     struct turf_profile ↔ a file (docs/recording.md)
 *     struct turf_profile → turf_report_new → text, folded stacks, JSON, HTML
 *
 * Samples are unwound as they arrive; what is kept is each distinct stack once, with counts. A
 * profile is immutable and may be shared by threads; a recorder and a report belong to one
 * thread at a time.
 */
#ifndef TURF_PROFILE_H
#define TURF_PROFILE_H

#include "turf/unwind.h"

#ifdef __cplusplus
extern "C" {
#endif

struct turf_profile;

/*
 * Recording.
 */

enum {
	TURF_RECORD_FREQUENCY = 99, /* default: samples a second and CPU */
	TURF_RECORD_STACK =
		65528, /* default: bytes of user stack per sample, the most there is */
	TURF_RECORD_MAX_FREQUENCY = 100000,
};

struct turf_record_options {
	size_t size;         /* sizeof this struct */
	bool system_wide;    /* every process; else pid and what it starts from now on */
	pid_t pid;           /* of !system_wide */
	bool on_exec;        /* begin when pid calls exec (it waits for its go) */
	unsigned frequency;  /* samples a second and CPU; 0: TURF_RECORD_FREQUENCY */
	size_t stack_size;   /* bytes of user stack per sample; 0: TURF_RECORD_STACK */
	int stop_fd;         /* recording ends when it gets readable; 0 or less: none */
	const char *command; /* kept with the profile; NULL: "" */
	/* Told what could not be had, one line each; may be NULL. */
	void (*note)(void *ctx, const char *text);
	void *ctx;
	/* perf tells neither of munmap nor of mremap; a BPF program does, where it may */
	bool no_bpf;
};

struct turf_recorder;

/**
 * turf_recorder_open() - open the kernel's sampling events
 * @table:   borrowed; belongs to the recorder until turf_recorder_close()
 * @options: copied
 *
 * With @options->on_exec nothing is sampled yet on return, else sampling has begun.
 *
 * Return: 0; -EACCES or -EPERM: @err names the setting in the way; -ESRCH no such process;
 *         -EINVAL a frequency or stack size the kernel would refuse
 */
int turf_recorder_open(struct turf_processes *table, const struct turf_record_options *options,
                       struct turf_recorder **ret, struct turf_error *err);

/**
 * turf_recorder_run() - take samples until told to stop
 *
 * A second thread empties the kernel's buffers meanwhile, so that the building of an urf here
 * loses no sample. Returns when stop_fd gets readable; without one, when all recorded processes
 * have ended.
 *
 * Return: 0 or < 0; what was recorded until then can be had in both cases
 */
int turf_recorder_run(struct turf_recorder *recorder, struct turf_error *err);

/*
 * Why memory that is unmapped or moved is not told of, or NULL: it is. Without, what an address
 * belongs to is asked of the system where nothing is known to be mapped.
 */
const char *turf_recorder_unmaps_error(const struct turf_recorder *recorder);

/* The profile of all that was recorded so far; the recorder is empty after. 0 or < 0. */
int turf_recorder_finish(struct turf_recorder *recorder, struct turf_profile **ret,
                         struct turf_error *err);
void turf_recorder_close(struct turf_recorder *recorder);

/*
 * Profiles.
 */

enum { TURF_N_STOPS = TURF_STOP_DEPTH + 1 };

struct turf_profile_stats {
	uint64_t samples;      /* kept in the profile */
	uint64_t user_samples; /* of these: with a user stack to unwind */
	uint64_t kernel_only;  /* of these: kernel threads, no user registers */
	uint64_t foreign;      /* of these: 32-bit processes, whose stack we do not unwind */
	uint64_t lost;         /* samples that the kernel dropped: its buffer was full */
	uint64_t dropped;      /* samples that we dropped: our queue was full */
	uint64_t throttled;    /* times that the kernel slowed sampling down */
	uint64_t late;         /* records that came out of order */
	uint64_t malformed;    /* records that could not be read */
	uint64_t frames;       /* user frames of all samples */
	uint64_t frames_by_pointer;   /* of these: found by frame pointer */
	uint64_t stops[TURF_N_STOPS]; /* user_samples by enum turf_stop */
};

struct turf_profile_info {
	size_t size;          /* sizeof this struct */
	uint64_t start_ns;    /* since 1970 */
	uint64_t duration_ns; /* wall time */
	uint64_t frequency;   /* samples a second and CPU */
	uint64_t stack_size;  /* bytes of user stack per sample */
	bool system_wide;
	bool user_only;      /* the kernel's own part was not ours to see */
	const char *command; /* these live as long as the profile */
	const char *host;
	const char *kernel; /* release */
	size_t n_modules, n_threads, n_frames, n_stacks;
	struct turf_profile_stats stats;
};
void turf_profile_info(const struct turf_profile *profile, struct turf_profile_info *out);

/* Writes to a temporary file beside @path and renames it: @path is whole or as before. */
int turf_profile_save(const struct turf_profile *profile, const char *path,
                      struct turf_error *err);

/* 0; -EBADMSG damaged or no recording, -ENOTSUP newer than us, -E2BIG, or the system's word. */
int turf_profile_open(const char *path, struct turf_profile **ret, struct turf_error *err);
/* @bytes may go after the call. */
int turf_profile_open_mem(const void *bytes, size_t size, struct turf_profile **ret,
                          struct turf_error *err);
void turf_profile_close(struct turf_profile *profile);

/*
 * Reports.
 */

struct turf_report_options {
	size_t size;     /* sizeof this struct */
	bool no_inlines; /* count inlined functions as their callers */
	bool color;      /* of the text */
	size_t limit;    /* rows of the text; 0: all */
	/*
	 * Gives the urf of a module: 1 and @image (the report closes it), 0 there is none.
	 * @key is its name in the store ("" unknown), @path its file, @source_id its identity
	 * as hexadecimal text. Asked once a module, when the report is made.
	 */
	int (*open_image)(void *ctx, const char *key, const char *path, const char *source_id,
	                  struct turf_image **image);
	void *ctx;
	/*
	 * What to call the function of a linkage name; NULL: as the debug info does. Copied at
	 * once. NULL: ask nobody. Asked when the report is made, once a look-up.
	 */
	const char *(*name)(void *ctx, const char *linkage_name);
};

struct turf_report;

/**
 * turf_report_new() - resolve a profile's addresses and add up its functions
 * @profile: borrowed, must outlive the report
 * @options: may be NULL: no urfs, so modules' names only
 *
 * A function that was inlined is a function of its own, apart from the same one called. Self
 * counts go to the innermost function of a stack, total counts to each function of it once.
 *
 * Cost:   one look-up for each distinct address, then linear in the stacks' depths
 * Return: 0 or -ENOMEM
 */
int turf_report_new(const struct turf_profile *profile,
                    const struct turf_report_options *options, struct turf_report **ret,
                    struct turf_error *err);
void turf_report_free(struct turf_report *report);

/* The hottest functions as a table. All writers: 0, or -EIO when @out fails, or -ENOMEM. */
int turf_report_text(const struct turf_report *report, FILE *out);
/* Lines of "comm;outer;...;leaf COUNT" as flame graph tools read them. */
int turf_report_folded(const struct turf_report *report, FILE *out);
/* One JSON object, described in docs/recording.md. */
int turf_report_json(const struct turf_report *report, FILE *out);
/* One self-contained page with a flame graph. */
int turf_report_html(const struct turf_report *report, FILE *out);

#ifdef __cplusplus
}
#endif
#endif
