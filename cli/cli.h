/* SPDX-License-Identifier: MIT */
/*
 * What the commands of `turf` share. Results go to stdout, talk to stderr; the exit status is
 * 0 found or done, 1 nothing found, 2 error. A command sees nothing of libturf but its public
 * headers.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "table.h"
#include "turf/build.h"
#include "turf/image.h"

enum { CLI_OK = 0, CLI_NONE = 1, CLI_ERROR = 2 };

#define CLI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The commands: argv[0] is "turf VERB"; what they return is the exit status. */
int cmd_index(int argc, char **argv);
int cmd_symbolize(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_stack(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_lookup(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_dump(int argc, char **argv);
int cmd_strip(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_addr2line(int argc, char **argv);
int cmd_llvm_symbolizer(int argc, char **argv);
int cmd_llvm_addr2line(int argc, char **argv);

/* "turf VERB", what every message begins with; main() sets it. */
extern const char *cli_name;

/*
 * getopt_long() with what all commands have in common: --help prints @usage and exits with 0,
 * --store is taken here, and a wrong option exits with 2. End @options with CLI_OPTIONS. So is
 * --debuginfo, where they have CLI_DEBUGINFO; it may come several times.
 */
enum { CLI_OPT_HELP = 0x1000, CLI_OPT_STORE, CLI_OPT_DEBUGINFO };
#define CLI_DEBUGINFO                                                                          \
	{                                                                                      \
		"debuginfo", required_argument, NULL, CLI_OPT_DEBUGINFO                        \
	}
#define CLI_OPTIONS                                                                            \
	{ "help", no_argument, NULL, CLI_OPT_HELP },                                           \
		{ "store", required_argument, NULL, CLI_OPT_STORE },                           \
	{                                                                                      \
		0                                                                              \
	}
int cli_getopt(int argc, char **argv, const char *letters, const struct option *options,
               const char *usage);

/* Says what is wrong with the arguments and where help is; returns 2. */
int cli_usage_error(const char *fmt, ...) TURF_PRINTF(1, 2);

/*
 * Prints "turf VERB: WHAT: TEXT" as one line on stderr and returns 2. WHAT is @fmt (NULL:
 * none), left out where @err's text begins with it already; TEXT is @err's (NULL: none).
 */
int cli_error(const struct turf_error *err, const char *fmt, ...) TURF_PRINTF(2, 3);

/* How the store's builder builds; a command changes it before cli_open_store(). */
extern struct turf_build_options cli_build;

/* A further folder of separate debug files. 0, or 2 and the error is printed. */
int cli_add_debug_folder(const char *folder);

/* The command asks by address alone: the urf of `index --hot` does as well, where there is
 * no whole one. */
extern bool cli_by_address;

/* The signal that asked to stop, where a command watches for one; 0: none. */
extern volatile sig_atomic_t cli_interrupted;

/* Where the store is: --store, $TURF_STORE, $XDG_CACHE_HOME/turf or $HOME/.cache/turf. */
const char *cli_store_path(void);

/* The store, building with cli_build. 0 or negative errno. */
int cli_find_store(struct turf_store **ret, struct turf_error *err);
/* The same with other options, which must outlive the store. */
int cli_find_store_with(const struct turf_build_options *build, struct turf_store **ret,
                        struct turf_error *err);
/* The same. 0, or 2 and the error is printed. */
int cli_open_store(struct turf_store **ret);

/*
 * What to call a file towards the library: the end of a long path, so that an error's text has
 * room for the cause. Messages name the whole path.
 */
const char *cli_short_name(const char *path);

/* It is an urf, not the ELF file it was made of. */
bool cli_is_urf(int fd);

/* A file for reading, never waiting for a FIFO's writer; < 0: the error is printed. */
int cli_open_file(const char *path);

/* The image of an ELF file from the store, or of an urf itself. 0, or 2 and it is printed. */
int cli_open_image(const char *path, struct turf_image **ret);

/*
 * A file that appears whole or not at all: it has no name until cli_output_commit(), so that
 * whoever is killed on the way leaves nothing behind.
 */
struct cli_output {
	int fd;           /* open for read and write */
	const char *path; /* where it will stand; borrowed */
	char name[4128];  /* what it is called meanwhile; "" while it has no name */
};
/* 0 or negative errno. What stands at @path must be a regular file, or nothing. */
int cli_output_open(const char *path, struct cli_output *out, struct turf_error *err);
/* Puts the file at its path, in place of what stands there. 0 or negative errno. */
int cli_output_commit(struct cli_output *out, struct turf_error *err);
/* Closes the file; it is gone unless it was committed. */
void cli_output_close(struct cli_output *out);

/* It may be a name that cli_demangle() knows: all others cost nothing. */
bool cli_is_mangled(const char *name);

/*
 * The name as it was written in C++, Rust or D; none: it is in none of these, or we were built
 * without libiberty. Good until the same thread asks again. A thread that ends before the
 * program does gives back what asking took.
 */
struct cli_text cli_demangle_now(const char *name);
void cli_demangle_end(void);
/* The same, good as long as the process lives; each name is worked on once. Main thread. */
struct cli_text cli_demangle(const char *name);

/* Leave names above 1024 bytes as they are, as binutils does unless told otherwise. */
extern bool cli_demangle_limited;
/* Know Rust's legacy names from C++ ones (default). */
extern bool cli_demangle_rust;

/*
 * A name of an image, and the path of one of its files; at is NULL where there is none. Each is
 * read once, and lives until the process ends; any thread may ask. The image must stay open
 * until no image is asked any more.
 */
struct cli_text cli_text(const struct turf_image *image, turf_text text);
struct cli_text cli_path(const struct turf_image *image, uint32_t file);

/*
 * What to call a function in text: its linkage name if that is a mangled one, as it was written
 * if @demangled; else its name; "??".
 */
struct cli_text cli_frame_name(const struct turf_image *image, const struct turf_frame *frame,
                               bool demangled);

/* The same for a text and no longer than the same thread asks for its like again. */
struct cli_text cli_show_path(const struct turf_image *image, uint32_t file);
struct cli_text cli_show_name(const struct turf_image *image, const struct turf_frame *frame,
                              bool demangled);

/* A text of an image could not be read since the program began. */
extern atomic_bool cli_damaged;

/* Reads a whole decimal number within [min, max]; false: it is none. */
bool cli_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/* Reads a whole hexadecimal number, "0x" or not; false: it is none, or beyond 64 bits. */
bool cli_hex(const char *text, uint64_t *ret);

/* Colour is welcome: a terminal, and no $NO_COLOR. */
bool cli_color(FILE *out);

/* One line on a terminal's stderr that the next one overwrites; nothing where it is none. */
void cli_progress(const char *fmt, ...) TURF_PRINTF(1, 2);
void cli_progress_clear(void);

/*
 * JSON needs valid UTF-8 where file and symbol names are any bytes: what is none becomes
 * U+FFFD.
 */

/* Bytes that cli_json_escape() may need for @n bytes of text. */
#define CLI_JSON_ROOM(n) (6 * (n) + 2)
/* Writes "@text" with its quotes to @out, CLI_JSON_ROOM(n) bytes; returns the end. */
char *cli_json_escape(char *out, const char *text, size_t n);
void cli_json_string(FILE *out, const char *text);

/*
 * A stream that writes the JSON put into it to @to, a member a line and indented. Close it to
 * have all of it. NULL: no memory.
 */
FILE *cli_json_pretty(FILE *to);

#endif
