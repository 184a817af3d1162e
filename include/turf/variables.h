/* SPDX-License-Identifier: MIT */
/*
 * What debuggers ask of functions: arguments, variables and where they are.
 *
 *     struct turf_locals walk;
 *     struct turf_local local;
 *     turf_image_locals(image, addr, 0, &walk);        // of the innermost frame at addr
 *     while (turf_locals_next(&walk, &local) == 1)
 *             turf_location_evaluate(image, local.expr, local.expr_size, &context, &value);
 *
 * All of it is in the cold part: an urf that was made without it, or stripped, answers
 * -ENODATA. Nothing here allocates, locks or writes; all of it is async-signal-safe.
 * Expressions are DWARF's in a form of their own: docs/format.md, "Locations".
 *
 * Source: DWARF 5 sections 2.5, 2.6, 3.3, 3.4, 4.1
 */
#ifndef TURF_VARIABLES_H
#define TURF_VARIABLES_H

#include "turf/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Private: how a coded section is read. */
struct turf_coded {
	const uint8_t *at, *end, *models;
	uint32_t models_size, range, code, behind;
	bool bad;
};
/* Room for an expression; longer ones stand in the urf as they are. */
enum { TURF_EXPR_ROOM = 256 };

enum turf_details_flag {
	TURF_FUNCTION_EXTERNAL = 0x2, /* other units see it */
	TURF_FUNCTION_PROTOTYPED = 0x4,
	TURF_FUNCTION_INLINE = 0x8,    /* declared so */
	TURF_FUNCTION_VARIADIC = 0x40, /* takes further arguments */
	TURF_FUNCTION_NORETURN = 0x80,
	TURF_FUNCTION_ARTIFICIAL = 0x100, /* the compiler made it */
	TURF_FUNCTION_EXPLICIT = 0x200,
	TURF_FUNCTION_DELETED = 0x400,
	TURF_FUNCTION_DEFAULTED = 0x800,
	TURF_FUNCTION_VIRTUAL = 0x1000,
};

struct turf_details {
	uint32_t function; /* whose record it is: clones share one */
	uint32_t flags;    /* enum turf_details_flag; others mean nothing */
	uint32_t type;     /* returned: turf_image_type(); 0: none */
	uint32_t scope;    /* class or namespace it stands in; 0: none */
	uint32_t n_blocks;
	uint32_t convention;            /* DW_CC_*, where it is not the usual one; else 0 */
	turf_text name, linkage_name;   /* of the function asked for, as in struct turf_frame */
	uint32_t file, line;            /* of its declaration; 0: not known */
	const struct turf_image *image; /* private from here on */
	uint32_t base_line, value, variants;
	struct turf_coded blocks, variables;
};

/**
 * turf_image_details() - what is known of a function
 * @function: number of struct turf_frame
 *
 * Where units say different things of it: what most of them say.
 *
 * Cost:   at most 16 records read
 * Return: 1, 0 nothing is known or no such function, -ENODATA none in this urf, -EBADMSG
 */
int turf_image_details(const struct turf_image *image, uint32_t function,
                       struct turf_details *out);

/* The block that a block (from 1 on) lies in, 0: the function itself. Cost: linear in blocks.
 */
uint32_t turf_details_block(const struct turf_details *details, uint32_t block);

enum turf_variable_kind {
	TURF_VARIABLE_ARGUMENT = 0,
	TURF_VARIABLE_LOCAL = 1,
	TURF_VARIABLE_STATIC = 2, /* it lives as long as the program, or the thread */
	TURF_VARIABLE_CONSTANT = 3,
	TURF_VARIABLE_LABEL = 4, /* a place of it in a body, of no bytes, says where it is */
	TURF_VARIABLE_TYPE_ARGUMENT = 5,  /* of a template: a type; behind all others, as */
	TURF_VARIABLE_VALUE_ARGUMENT = 6, /* the next one: a value, where that is known */
};

struct turf_variable {
	turf_text name;  /* 0: it has none */
	uint32_t number; /* in its function, in the order of declarations: arguments by position
	                  */
	uint32_t type;   /* turf_image_type() */
	uint32_t line;   /* of its declaration; 0: not known */
	uint32_t block;  /* that it is declared in; 0: the function itself */
	uint8_t kind;    /* enum turf_variable_kind */
	bool artificial; /* the compiler made it: `this` */
	const uint8_t *expr; /* where it is, or what, in all code, up to the next call of what
	                        told it; NULL: that depends */
	size_t expr_size;
};

/* A walk over a function's variables; caller's storage, all fields private. */
struct turf_variables {
	const struct turf_image *image;
	struct turf_coded at;
	uint32_t n, line, block, kind, value, bits, pair;
	uint64_t left; /* variables at most */
	uint8_t room[TURF_EXPR_ROOM];
};
void turf_details_variables(const struct turf_details *details, struct turf_variables *walk);
/* Return: 1 @out filled, 0 no further one, -EBADMSG image damaged. */
int turf_variables_next(struct turf_variables *walk, struct turf_variable *out);

/*
 * A body is what is said of one function's own code: of what is inlined in it, of variables, of
 * calls. Events come in the order of declarations; an instance's variables are numbered as its
 * function's details say.
 */
enum turf_body_event_kind {
	TURF_BODY_PLACE,  /* variable `number` is at `expr` from start to end, */
	TURF_BODY_SINGLE, /* or in all of the instance's code where no place says otherwise */
	TURF_BODY_BLOCK,  /* block `number` has code from start to end */
	TURF_BODY_ENTER,  /* an instance: what was called at site `number` of the one around */
	TURF_BODY_CALL,   /* a call, that returns to start: number is of enum turf_call_flag */
	TURF_BODY_TARGET, /* it is an indirect one, of what `expr` says */
	TURF_BODY_PARAMETER, /* it passes in register `number`, or at `where`, the value `expr`
	                      */
	TURF_BODY_FRAME,     /* the frame base is `expr`; the CFA where this does not come */
};
enum turf_call_flag {
	TURF_CALL_TAIL = 1, /* a jump, which nothing returns from: it ends at start, */
	TURF_CALL_FROM = 2, /* or begins there */
};
struct turf_body_event {
	uint8_t kind;   /* enum turf_body_event_kind */
	uint32_t depth; /* of the instance: 0 the function */
	uint32_t number;
	uint32_t instance;           /* how many were entered up to it */
	uint64_t start, end;         /* link-time addresses */
	const uint8_t *expr, *where; /* up to the next event; where: NULL: it is a register */
	size_t expr_size, where_size;
};

/* Private: what tokens are said by. */
struct turf_edges {
	uint32_t at[64], by_age[64]; /* rvas */
	uint32_t n, next;
};
struct turf_tokens {
	struct turf_edges edges;
	uint32_t recent[16];       /* expressions */
	uint32_t a, expr;          /* of the last token that has one */
	uint32_t first, end, call; /* rvas */
	uint8_t kinds[3];          /* of the last tokens */
	bool missed;               /* the last address was not remembered */
};

struct turf_body {
	uint64_t entry;    /* link-time address */
	uint32_t function; /* number of struct turf_frame; private from here on */
	const struct turf_image *image;
	struct turf_coded at;
	struct turf_tokens tokens;
	uint64_t left; /* tokens at most */
	uint32_t next_expr;
	uint32_t depth, n, variable, block;
	struct {
		uint32_t site, variable, block, own, variant;
	} stack[TURF_FRAMES_MAX];
	uint8_t room[2][TURF_EXPR_ROOM];
};

/**
 * turf_image_body() - the body of the function whose code covers an address
 *
 * Cost:   a look-up of @addr, one binary search, at most 16 bodies read, of which all but the
 *         last have 512 tokens at most
 * Return: 1, 0 none is known, -ENODATA none in this urf, -EBADMSG
 */
int turf_image_body(const struct turf_image *image, uint64_t addr, struct turf_body *walk);
/* Return: 1 @out filled, 0 no further event, -EBADMSG image damaged. */
int turf_body_next(struct turf_body *walk, struct turf_body_event *out);
/* The function of the instance that the last event was in: 1 or -EBADMSG. */
int turf_body_function(const struct turf_body *walk, uint32_t *function);
/* Its details, which may differ from unit to unit: those of the function are what most units
 * say. Return: as turf_image_details(). */
int turf_body_details(const struct turf_body *walk, struct turf_details *out);
/* Those of the instance so many levels around. */
int turf_body_details_around(const struct turf_body *walk, uint32_t around,
                             struct turf_details *out);

/* Where a call leads. */
struct turf_call {
	uint64_t target;        /* link-time address */
	uint32_t function;      /* number of struct turf_frame, which begins there; 0: none */
	turf_text name;         /* its name, or the symbol's that is there; 0: none */
	turf_text linkage_name; /* 0: none, or not known */
};
enum { TURF_CALL_CODE = 5 }; /* bytes of code that tell it */
/* The address of the TURF_CALL_CODE bytes that tell where a TURF_BODY_CALL leads. */
uint64_t turf_call_code(const struct turf_body_event *call);
/**
 * turf_image_call() - the function that a direct call or jump leads to, by its instruction
 * @code: the bytes at turf_call_code()
 *
 * Reads x86-64, i386 and aarch64. An urf does not hold what the code itself says.
 *
 * Return: 1 @out filled, 0 it is not known: an indirect call
 */
int turf_image_call(const struct turf_image *image, const struct turf_body_event *call,
                    const uint8_t code[TURF_CALL_CODE], struct turf_call *out);

enum { TURF_VARIABLES_MAX = 2048 }; /* of one function; further ones are left out */

/* Where a variable is. */
struct turf_local {
	struct turf_variable variable;
	const uint8_t
		*expr; /* up to the next call; NULL: it was optimized away, here at least */
	size_t expr_size;
};

/* A walk over the variables in scope; caller's storage, all fields private. */
struct turf_locals {
	struct turf_details details;
	struct turf_variables variables;
	uint64_t addr;
	uint32_t frame;
	uint32_t frame_base;
	uint32_t block; /* whose variables come next */
	uint32_t where[TURF_VARIABLES_MAX];
	uint64_t blocks[TURF_VARIABLES_MAX / 64]; /* a bit for each block around the address */
	uint8_t room[TURF_EXPR_ROOM], base_room[TURF_EXPR_ROOM];
	const uint8_t *base_long; /* the frame base; NULL: it is in base_room */
	size_t base_size;
};

/**
 * turf_image_locals() - begin with the variables in scope at an address
 * @addr:  link-time address; of a return address the caller looks up addr - 1
 * @frame: 0: the innermost function there, 1: the one that it is inlined into, ...
 *
 * Those of the innermost block come first.
 *
 * Cost:   a look-up of @addr, the body of the function read once
 * Return: 1, 0 nothing is known, -ENODATA none in this urf, -EBADMSG
 */
int turf_image_locals(const struct turf_image *image, uint64_t addr, uint32_t frame,
                      struct turf_locals *walk);
/* Return: 1 @out filled, 0 no further variable, -EBADMSG image damaged. */
int turf_locals_next(struct turf_locals *walk, struct turf_local *out);
/* The frame base there, as long as the walk stays where it is: 1, 0 it is the CFA. */
int turf_locals_frame_base(const struct turf_locals *walk, const uint8_t **expr, size_t *size);

/* What an evaluation asks for; each answers 0, or < 0 where that is not known. */
struct turf_context {
	void *ctx;
	uint64_t bias; /* live address - link-time address */
	int (*reg)(void *ctx, uint32_t reg, uint64_t *value); /* by its DWARF number */
	int (*memory)(void *ctx, uint64_t addr, void *out, size_t size);
	int (*cfa)(void *ctx, uint64_t *value);        /* canonical frame address */
	int (*frame_base)(void *ctx, uint64_t *value); /* NULL: it is the CFA */
	/* the address of what lies at an offset in the thread's block; NULL: not known */
	int (*thread)(void *ctx, uint64_t offset, uint64_t *addr);
	/* what an expression was when the function was entered: of the caller's call, the
	 * parameter with that register or place (TURF_BODY_PARAMETER); NULL: not known */
	int (*entry)(void *ctx, const uint8_t *expr, size_t expr_size, uint64_t *value);
	/* what a variable holds, in the instance so many levels around; NULL: not known */
	int (*variable)(void *ctx, uint32_t around, uint32_t number, uint64_t *value);
};

enum turf_piece_kind {
	TURF_PIECE_NOWHERE,  /* optimized away */
	TURF_PIECE_MEMORY,   /* at live address value */
	TURF_PIECE_REGISTER, /* in register value */
	TURF_PIECE_VALUE,    /* it is value */
	TURF_PIECE_BYTES,    /* it is bytes */
	TURF_PIECE_POINTER,  /* it points to what has no address: value bytes into that */
};
#define TURF_VARIABLE_NONE UINT32_MAX
struct turf_piece {
	uint8_t kind; /* enum turf_piece_kind */
	uint64_t value;
	const uint8_t *bytes;
	size_t n_bytes;
	uint64_t bits, bit_offset; /* of a part; 0: it is all of the variable */
	/* of TURF_PIECE_POINTER: bytes are an expression, where that is; bytes NULL: it is a
	 * variable of the instance so many levels around, TURF_VARIABLE_NONE: not told */
	uint32_t variable, around;
};

/**
 * turf_location_evaluate() - where an expression says that a variable is
 * @image:  whose expression it is: types that it names are there
 * @pieces: room for @n: most variables have one
 *
 * Cost:   1024 operations at most; no allocation
 * Return: number of pieces; -ENODATA a register is not known, -EFAULT memory cannot be read,
 *         -ENOENT a value at the function's entry is not known, -ENOTSUP it needs what no
 *         context has (floating-point arithmetic, threads and other variables where they are
 * not known), -E2BIG more than @n pieces, -EBADMSG malformed
 */
int turf_location_evaluate(const struct turf_image *image, const uint8_t *expr,
                           size_t expr_size, const struct turf_context *context,
                           struct turf_piece *pieces, size_t n);

/* What an expression that is a pointer alone (TURF_PIECE_POINTER) points to: 1 or 0. */
int turf_location_pointer(const uint8_t *expr, size_t expr_size, struct turf_piece *out);

enum turf_global_kind {
	TURF_GLOBAL_ADDRESS = 0, /* it is at address, */
	TURF_GLOBAL_THREAD = 1,  /* or at that offset in each thread's block */
	TURF_GLOBAL_EXPR = 2,    /* expr is its value, or says where it is */
	TURF_GLOBAL_NOWHERE = 3, /* it was optimized away */
};

/* A variable outside functions, or one in a function that lives as long. */
struct turf_global {
	turf_text name, linkage_name; /* 0: none */
	uint8_t kind;                 /* enum turf_global_kind */
	bool external;                /* other units see it */
	uint32_t type;                /* turf_image_type() */
	uint32_t file, line;          /* of its declaration; 0: not known */
	uint32_t scope;               /* type or namespace that it stands in; 0: none */
	uint32_t function;            /* that it is declared in; 0: none */
	uint64_t address;             /* link-time */
	const uint8_t *expr;          /* as long as this struct stays where it is */
	size_t expr_size;
	uint8_t room[TURF_EXPR_ROOM]; /* private */
};

/* How many there are: numbers go from 0 up to it, by address, those without one last. */
uint32_t turf_image_n_globals(const struct turf_image *image);
/* Return: 1, 0 no such number, -ENODATA none in this urf, -EBADMSG. Cost: 16 records at most.
 */
int turf_image_global(const struct turf_image *image, uint32_t number, struct turf_global *out);
/**
 * turf_image_find_global() - the variable that an address lies in
 *
 * Cost:   one binary search, 16 records at most, the size of a type
 * Return: 1, 0 none, -ENODATA none in this urf, -EBADMSG
 */
int turf_image_find_global(const struct turf_image *image, uint64_t addr,
                           struct turf_global *out);

/**
 * turf_location_ops() - an expression as DWARF says it: "breg7 +8, deref"
 * turf_location_words() - the same for people: "in rdi", "at rsp+8", "constant 5"
 * @machine: ELF e_machine, whose registers these are
 * @out:     receives as much as fits, NUL-ended unless @size is 0
 *
 * Return: length of the whole as snprintf() counts, -EBADMSG malformed
 */
ssize_t turf_location_ops(const uint8_t *expr, size_t expr_size, char *out, size_t size);
ssize_t turf_location_words(uint16_t machine, const uint8_t *expr, size_t expr_size, char *out,
                            size_t size);
/* The name of a register by its DWARF number; @room is for one that is made. */
const char *turf_register_name(uint16_t machine, uint32_t reg, char room[16]);

#ifdef __cplusplus
}
#endif
#endif
