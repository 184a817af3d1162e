/* SPDX-License-Identifier: MIT */
/*
 * Expressions of .urf.locations and .urf.exprs, operation by operation. For this room, and for
 * unwind.
 */
#ifndef IMAGE_EXPR_H
#define IMAGE_EXPR_H

#include "base/cursor.h"
#include "turf/variables.h"
#include "urf/format.h"

enum { /* DWARF 5 table 7.9: those that are told apart */
       OP_ADDR = 0x03,
       OP_DEREF = 0x06,
       OP_CONST1U = 0x08,
       OP_CONST1S,
       OP_CONST2U,
       OP_CONST2S,
       OP_CONST4U,
       OP_CONST4S,
       OP_CONST8U,
       OP_CONST8S,
       OP_CONSTU,
       OP_CONSTS,
       OP_DUP,
       OP_DROP,
       OP_OVER,
       OP_PICK,
       OP_SWAP,
       OP_ROT,
       OP_ABS = 0x19,
       OP_AND,
       OP_DIV,
       OP_MINUS,
       OP_MOD,
       OP_MUL,
       OP_NEG,
       OP_NOT,
       OP_OR,
       OP_PLUS,
       OP_PLUS_UCONST,
       OP_SHL,
       OP_SHR,
       OP_SHRA,
       OP_XOR,
       OP_BRA,
       OP_EQ,
       OP_GE,
       OP_GT,
       OP_LE,
       OP_LT,
       OP_NE,
       OP_SKIP,
       OP_LIT0,
       OP_LIT31 = OP_LIT0 + 31,
       OP_REG0,
       OP_REG31 = OP_REG0 + 31,
       OP_BREG0,
       OP_BREG31 = OP_BREG0 + 31,
       OP_REGX,
       OP_FBREG,
       OP_BREGX,
       OP_PIECE,
       OP_DEREF_SIZE,
       OP_XDEREF_SIZE,
       OP_NOP,
       OP_PUSH_OBJECT_ADDRESS,
       OP_CALL_REF = 0x9a,
       OP_FORM_TLS_ADDRESS,
       OP_CALL_FRAME_CFA,
       OP_BIT_PIECE,
       OP_IMPLICIT_VALUE,
       OP_STACK_VALUE,
       OP_IMPLICIT_POINTER,
       OP_ENTRY_VALUE = 0xa3,
       OP_CONST_TYPE,
       OP_REGVAL_TYPE,
       OP_DEREF_TYPE,
       OP_XDEREF_TYPE,
       OP_CONVERT,
       OP_REINTERPRET,
       OP_PARAMETER_REF = 0xfa,
       OP_VARIABLE_VALUE = 0xfd,
};

struct expr_op {
	uint8_t op;
	uint64_t a, b; /* operands, those with a sign extended to 64 bits */
	struct span block;
};

/* Whether its block is an expression. */
static inline bool expr_is_nested(const struct expr_op *op)
{
	return op->op == OP_ENTRY_VALUE ||
	       (op->op == OP_IMPLICIT_POINTER && op->a == URF_REFERENCE_EXPR);
}

/* Takes the next operation: 1, 0 the end, -EBADMSG. */
int turf_expr_next(struct cursor *c, struct expr_op *ret);
/* Its name, without "DW_OP_"; for those with a number in it the name before the number. */
const char *turf_expr_name(uint8_t op);

/*
 * The word that an expression of an unwind rule gives. @pushed: on the stack at first (the
 * CFA), or NULL. 0; -ENODATA, -EFAULT as turf_location_evaluate(); -EBADMSG malformed; any
 * other: it holds what a rule may not.
 */
int turf_expr_value(const struct turf_context *context, struct span expr,
                    const uint64_t *pushed, uint64_t *ret);

#endif
