/* SPDX-License-Identifier: MIT */
/*
 * A debug urf, mapped: functions, inline chains, lines, symbols and unwind rules by address.
 *
 * An image is immutable once open and may be shared by any number of threads. Look-ups do not
 * allocate, lock, write or fail for lack of memory; they are async-signal-safe. Texts (names,
 * directories) and source files are known by number, so that a caller who asks much can
 * remember what it has made of one. Addresses are link-time ones, as in ELF st_value.
 */
#ifndef TURF_IMAGE_H
#define TURF_IMAGE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "turf/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct turf_image;

/**
 * turf_image_open_fd() - map an urf
 * @fd:   the urf; borrowed, may be closed after
 * @name: for messages only
 *
 * Cost:   one mmap, a check of the first page
 * Return: 0; -EBADMSG damaged or no urf, -ENOTSUP newer than us, or the system's word
 */
int turf_image_open_fd(int fd, const char *name, struct turf_image **ret,
                       struct turf_error *err);
int turf_image_open(const char *path, struct turf_image **ret, struct turf_error *err);
/* @bytes stay the caller's and must outlive the image. */
int turf_image_open_mem(const void *bytes, size_t size, struct turf_image **ret,
                        struct turf_error *err);
void turf_image_close(struct turf_image *image);

struct turf_image_info {
	uint16_t machine;         /* ELF e_machine of the source */
	uint16_t version;         /* format version */
	uint32_t flags;           /* enum urf_flag: what there is */
	uint64_t base;            /* lowest link-time address that the image knows */
	uint64_t end;             /* one behind the highest */
	const uint8_t *source_id; /* GNU build-id of the source, else the hash of its bytes */
	size_t source_id_size;
	const uint8_t *build_id; /* the urf's own */
	size_t build_id_size;
	size_t size; /* bytes of the whole urf */
	size_t n_functions, n_blocks, n_files, n_units;
	size_t n_texts, n_symbols, n_rows, n_rules;
};
void turf_image_info(const struct turf_image *image, struct turf_image_info *out);

/*
 * A text of an image: equal numbers are equal texts for as long as the image lives; two numbers
 * may be one text. 0: none.
 */
typedef uint64_t turf_text;

/**
 * turf_image_text() - the bytes of a text
 * @out: receives as much as fits, NUL-ended unless @size is 0
 *
 * Cost:   a short run of copies, no search; no allocation; async-signal-safe
 * Return: length of the whole text as snprintf() counts; 0 of none; -EBADMSG image damaged
 */
ssize_t turf_image_text(const struct turf_image *image, turf_text text, char *out, size_t size);

/* A walk over texts; caller's storage, zeroed at first, all fields private. */
struct turf_texts {
	const uint8_t *at;
	uint64_t n;
	const void *pool;
	uint32_t next;
	char *out;
	size_t size;
};

/**
 * turf_image_text_next() - turf_image_text() of one text after another
 * @out: if it and its bytes are what they were when @walk read the text before, little is read
 *       twice
 *
 * Cost:   of ascending texts, all that are read: each once. Else as turf_image_text()
 * Return: as turf_image_text()
 */
ssize_t turf_image_text_next(const struct turf_image *image, struct turf_texts *walk,
                             turf_text text, char *out, size_t size);

/* A source file: 1, 0 no such file (0 is none), -EBADMSG. */
struct turf_file {
	turf_text directory; /* may be 0 or relative */
	turf_text name;      /* below directory, unless absolute */
};
int turf_image_file(const struct turf_image *image, uint32_t file, struct turf_file *out);

/* "directory/name" of a file, "??" of none; else as turf_image_text(). */
ssize_t turf_image_path(const struct turf_image *image, uint32_t file, char *out, size_t size);

/* One function of an inline chain, innermost first. */
struct turf_frame {
	turf_text name;          /* DW_AT_name, else the ELF symbol; 0: unknown */
	turf_text linkage_name;  /* DW_AT_linkage_name, else the ELF symbol; 0: none */
	uint32_t function;       /* number of the function, the same wherever it is inlined; 0:
	                            it is known as a symbol only */
	uint32_t file;           /* turf_image_path(); 0: unknown */
	uint32_t line;           /* 1-based; 0: unknown */
	uint32_t column;         /* 1-based; 0: unknown */
	bool inlined;            /* inlined into the next frame */
	bool has_start;          /* function_start says something (outermost frame only) */
	uint64_t function_start; /* link-time address where the function begins */
};

/*
 * A walk over one address' frames; caller's storage, all fields but n private. Where there are
 * as many as may be, others may have been left out: those between the innermost and the next
 * one.
 */
enum { TURF_FRAMES_MAX = 128 };
struct turf_frames {
	uint32_t n;    /* frames in all */
	uint32_t left; /* yet to come */
	struct turf_frame frame[TURF_FRAMES_MAX];
};

/**
 * turf_image_frames() - begin with the innermost frame of an address
 * @addr: link-time address; of a return address the caller looks up addr - 1
 *
 * Cost:   one binary search, one block of at most 64 segments decoded
 * Return: 1 something is known of @addr, 0 nothing covers it, -EBADMSG image damaged
 * Source: DWARF 5 sections 2.17, 3.3.8, 6.2; ELF symbols where there is no DWARF
 */
int turf_image_frames(const struct turf_image *image, uint64_t addr, struct turf_frames *walk);

/* Return: 1 @out filled, 0 no further frame, -EBADMSG image damaged. */
int turf_frames_next(struct turf_frames *walk, struct turf_frame *out);

/**
 * turf_image_frames_bulk() - the frames of many addresses at once
 * @addrs:    @n link-time addresses in any order; the nearer a neighbour, the faster
 * @frames:   room for @n_frames
 * @first:    room for @n + 1: the frames of addrs[i] are [first[i], first[i + 1]), none where
 *            nothing covers it
 *
 * Cost:   as turf_image_frames() for each, with the misses of several overlapped
 * Return: how many of @addrs were answered: all, unless @frames had no room for the next;
 *         -EBADMSG image damaged, -E2BIG not even the first has room
 */
ssize_t turf_image_frames_bulk(const struct turf_image *image, const uint64_t *addrs, size_t n,
                               struct turf_frame *frames, size_t n_frames, uint32_t *first);

/**
 * turf_image_declared() - where a function is declared
 * @function: number of struct turf_frame
 * @file:     turf_image_path(); 0: unknown
 * @line:     1-based; 0: unknown
 *
 * Return: 1, 0 not known, or no such function; -EBADMSG image damaged
 * Source: DWARF 5 section 2.14
 */
int turf_image_declared(const struct turf_image *image, uint32_t function, uint32_t *file,
                        uint32_t *line);

/*
 * What line tables say of addresses besides file, line and column. Of rows at one address the
 * last one's discriminator counts, and the bits of all.
 */
struct turf_row {
	uint64_t start, end;    /* link-time addresses */
	uint32_t discriminator; /* tells blocks of one line apart; 0: none */
	bool is_stmt;           /* start is where a statement begins */
	bool prologue_end;      /* start is where a function's arguments are in place */
	bool epilogue_begin;    /* start is where a function begins to end */
};

/**
 * turf_image_find_row() - the row over an address
 * @out: filled on 1, untouched otherwise
 *
 * Cost:   one binary search, the rows of four blocks decoded; no allocation; async-signal-safe
 * Return: 1, 0 none covers @addr or the urf was made without them, -EBADMSG image damaged
 * Source: DWARF 5 section 6.2.2
 */
int turf_image_find_row(const struct turf_image *image, uint64_t addr, struct turf_row *out);

/* A walk over rows; caller's storage, all fields private. */
struct turf_rows {
	const struct turf_image *image;
	uint64_t from;
	uint64_t next;       /* first address of the group that is not read, as an rva */
	uint32_t group, bit; /* of what comes behind the row to come */
	uint32_t block, op, segment; /* of the last segment passed: op is behind its op, segment
	                                its start; op 0: none of the block is passed */
	uint32_t discriminator;      /* now */
	uint32_t last_discriminator; /* that was not 0 */
	bool more;                   /* there is a row to come, */
	bool none;                   /* which is the end of a table */
	struct turf_row row;
};

/* Begins with the row over @addr, or the first one behind: 0 or -EBADMSG. */
int turf_image_rows(const struct turf_image *image, uint64_t addr, struct turf_rows *walk);

/* Return: 1 @out filled, 0 no further row, -EBADMSG image damaged. By address. */
int turf_rows_next(struct turf_rows *walk, struct turf_row *out);

/**
 * turf_image_discriminators() - of the place where each frame of an address is
 * @out: of the innermost frame first: that of the row over @addr, of a caller that of the call;
 *       0: none
 * @n:   frames of @addr, as many as turf_image_frames() gives
 *
 * Cost:   two binary searches, the rows of four blocks decoded; no allocation;
 *         async-signal-safe
 * Return: 1 one of them is not 0; 0 all are, or the urf was made without them; -EBADMSG image
 *         damaged, what is in @out means nothing
 * Source: DWARF 5 section 6.2.2; DW_AT_GNU_discriminator of inlined calls
 */
int turf_image_discriminators(const struct turf_image *image, uint64_t addr, uint32_t *out,
                              size_t n);

/* A compilation unit. */
struct turf_unit {
	turf_text name, directory; /* DW_AT_name, DW_AT_comp_dir */
	turf_text producer;
	uint16_t language; /* DW_LANG_* */
	uint16_t version;  /* of its DWARF */
};

/* The unit whose code covers @addr: 1, 0 or -EBADMSG. Cost: as turf_image_frames(). */
int turf_image_find_unit(const struct turf_image *image, uint64_t addr, struct turf_unit *out);

struct turf_function {
	uint64_t start, end;    /* the range that covers the address */
	turf_text name;         /* as in struct turf_frame */
	turf_text linkage_name; /* 0: none */
};

/* The function that covers @addr: DWARF, else ELF symbol. 1, 0 or -EBADMSG. One binary search.
 */
int turf_image_find_function(const struct turf_image *image, uint64_t addr,
                             struct turf_function *out);

struct turf_symbol {
	uint64_t addr, size;
	turf_text name;
	uint8_t type, bind; /* ELF STT_*, STB_* */
};

/**
 * turf_image_find_symbol() - the ELF symbol that covers @addr
 *
 * Of several, the one that starts last; of those at one address: a function before an untyped
 * one, global before weak before local, with a size before without, then the first by name.
 * A symbol of size 0 reaches to the next symbol.
 */
int turf_image_find_symbol(const struct turf_image *image, uint64_t addr,
                           struct turf_symbol *out);
/* The @idx-th symbol in order of address: 1, 0 (no such), -EBADMSG. */
int turf_image_symbol(const struct turf_image *image, size_t idx, struct turf_symbol *out);

/*
 * Unwind rules. Registers have their DWARF numbers.
 * Source: DWARF 5 section 6.4.1; System V psABI for x86-64 figure 3.36
 */
enum turf_rule_kind {
	TURF_RULE_UNDEFINED = 0,  /* the value is lost; of a return address: the stack's end */
	TURF_RULE_SAME = 1,       /* the caller's value is still in the register */
	TURF_RULE_AT_CFA = 2,     /* at memory CFA + offset */
	TURF_RULE_IS_CFA = 3,     /* is CFA + offset itself */
	TURF_RULE_REGISTER = 4,   /* in register reg */
	TURF_RULE_EXPRESSION = 5, /* at memory where the expression says (CFA pushed first) */
	TURF_RULE_VAL_EXPRESSION = 6, /* is what the expression gives (CFA pushed first) */
	TURF_RULE_REG_OFFSET = 7,     /* CFA only: register reg + offset */
};

struct turf_rule {
	uint8_t kind;        /* enum turf_rule_kind */
	uint8_t reg;         /* of REGISTER and REG_OFFSET */
	int32_t offset;      /* of AT_CFA, IS_CFA and REG_OFFSET, bytes */
	const uint8_t *expr; /* of EXPRESSION and VAL_EXPRESSION, and of a CFA by expression */
	size_t expr_size;
};

struct turf_unwind_row {
	struct turf_rule cfa;
	struct turf_rule return_address;
	uint8_t return_reg; /* DWARF number of the return address column */
	bool signal_frame;  /* the caller's pc is no return address: look up pc itself */
	bool guess;         /* by the function's first instructions: no table covers it */
	uint16_t n_saved;   /* further registers with a rule: turf_unwind_saved() */
	uint32_t saved;     /* private, as are those below: the frame pointer's rule */
	bool fp_saved;
	uint8_t fp_reg;
	int32_t fp_offset;
};

/**
 * turf_image_find_unwind() - the rule to unwind one step from @addr
 *
 * Cost:   one binary search within a 4 KiB page's rows
 * Return: 1, 0 no row covers @addr, -EBADMSG
 */
int turf_image_find_unwind(const struct turf_image *image, uint64_t addr,
                           struct turf_unwind_row *out);
/* The @i-th further register of a row; what is not listed keeps its value. 1, 0 or -EBADMSG. */
int turf_unwind_saved(const struct turf_image *image, const struct turf_unwind_row *row,
                      size_t i, uint8_t *reg, struct turf_rule *rule);

/**
 * turf_image_addr_of_offset() - link-time address of a byte of the source file that gets loaded
 * @off: offset in the ELF file, as a mapping's pgoff tells it
 *
 * Return: 1, 0 no PT_LOAD holds @off, -EBADMSG. Executable segments are asked first.
 */
int turf_image_addr_of_offset(const struct turf_image *image, uint64_t off, uint64_t *addr);

/* Checks all of the image, every record: 0 or -EBADMSG with the place. Linear in its size. */
int turf_image_verify(const struct turf_image *image, struct turf_error *err);

/* Every section as text to @out; @section: only that one, NULL: all. 0 or < 0. */
int turf_image_dump(const struct turf_image *image, const char *section, FILE *out,
                    struct turf_error *err);

#ifdef __cplusplus
}
#endif
#endif
