/* SPDX-License-Identifier: MIT */
/*
 * turf llvm-symbolizer and llvm-addr2line: options, requests, answers.
 *
 *     llvm.c          options; requests from arguments or standard input; modules
 *     llvm-request.c  one request's text -> command, file, address or symbol
 *     llvm-frame.c    variables of a frame
 *     llvm-print.c    answers in the styles LLVM, GNU and JSON
 */
#ifndef CLI_LLVM_H
#define CLI_LLVM_H

#include "dropin.h"

enum llvm_style { LLVM_PLAIN, LLVM_GNU, LLVM_JSON };
enum llvm_functions { LLVM_NO_NAME, LLVM_SHORT, LLVM_LINKAGE };

struct llvm_options {
	const char *program; /* begins every message */
	const char *module;  /* asked when a request names none; NULL: each must */
	const char *build_id;
	bool addr2line; /* addresses are hexadecimal whether they say so or not */
	enum llvm_style style;
	enum llvm_functions functions;
	bool inlines, demangle, addresses, basenames, relative, pretty, verbose;
	uint64_t adjust;  /* taken off every address */
	uint64_t context; /* lines of source shown */
	bool list;        /* JSON: the answers are one array */
};

enum llvm_command { LLVM_CODE, LLVM_DATA, LLVM_FRAME };

enum { LLVM_REQUEST = 1024 }; /* of a line; what is longer is the next one */

struct llvm_request {
	enum llvm_command command;
	bool has_address;
	uint64_t address; /* or what is added to the symbol's */
	bool by_build_id; /* module is one, in capitals */
	char module[LLVM_REQUEST];
	char symbol[LLVM_REQUEST]; /* "": an address is asked for */
};

/* NULL: @out is filled; else what is wrong with @text: "": nothing to be said. */
const char *llvm_parse(const struct llvm_options *o, const char *text,
                       struct llvm_request *out);

/* A build-id as LLVM writes it, pairs of capital digits; false: @text is none. */
bool llvm_build_id(const char *text, char out[static LLVM_REQUEST]);

/* One function of an answer; all NULL and 0: nothing is known. */
struct llvm_line {
	const char *function, *path;
	uint32_t line, column;
	uint32_t discriminator;    /* 0: none */
	const char *declared_path; /* where the function is declared */
	uint32_t declared_line;    /* 0: unknown */
	bool has_start;
	uint64_t start;
};

/* An answer is begun, has lines, and is ended. */
struct llvm_printer {
	const struct llvm_options *options;
	size_t n_answers, n_lines;
};
void llvm_begin(struct llvm_printer *p, const struct llvm_request *request);
void llvm_line(struct llvm_printer *p, const struct llvm_line *line);
void llvm_end(struct llvm_printer *p, const struct llvm_request *request);
struct symtab_symbol;
/* @symbol: NULL: nothing is known. @line: of its declaration, or 0. */
void llvm_data(struct llvm_printer *p, const struct llvm_request *request,
               const struct symtab_symbol *symbol, uint32_t line);

/* A variable of a frame; NULL and false: that is not known. */
struct llvm_local {
	const char *function, *name, *path;
	uint32_t line;
	bool has_offset, has_size;
	int64_t offset; /* from the frame base */
	uint64_t size;
};
/* Begun and ended like an answer. */
void llvm_locals_begin(struct llvm_printer *p, const struct llvm_request *request);
void llvm_local(struct llvm_printer *p, const struct llvm_local *local);
void llvm_locals_end(struct llvm_printer *p, const struct llvm_request *request);
/* llvm_local() for each variable of the innermost function at @addr, and what is inlined there.
 */
void llvm_frame(const struct turf_image *image, uint64_t addr, struct llvm_printer *p);
/* Why there is no answer. */
void llvm_error(struct llvm_printer *p, const struct llvm_request *request, const char *text);
/* The brackets around all answers, where they are one array. */
void llvm_list(struct llvm_printer *p, bool end);

#endif
