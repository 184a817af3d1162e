/* SPDX-License-Identifier: MIT */
/*
 * The cold sections of a debug urf: names, places, types, details, bodies, variables, macros.
 * Included by urf/format.h, whose rules on numbers hold here too.
 */
#ifndef URF_COLD_H
#define URF_COLD_H

#include "urf/format.h"

/*
 * Names: the bucket of a name is hash * buckets >> 32, hash being the low 32 bits of XXH3-64 of
 * its bytes. .urf.name.index holds the offset of each bucket, and an end. An entry: a byte, the
 * low 8 bits of the hash; uleb number << URF_NAME_KIND_BITS | kind; of an enumerator the uleb
 * index of the type's item. A bucket's entries are in order of kind, number and index.
 */
enum { URF_NAME_KIND_BITS = 3, URF_NAME_BUCKET = 4 };
enum urf_name_kind {
	URF_NAME_FUNCTION,   /* by its name and by its linkage name */
	URF_NAME_SYMBOL,     /* without its version; not where a function so called begins */
	URF_NAME_TYPE,       /* types and namespaces */
	URF_NAME_VARIABLE,   /* by its name and by its linkage name */
	URF_NAME_ENUMERATOR, /* number of the enumeration's type */
	URF_NAME_FILE,       /* by what follows the last slash of its name */
	URF_NAME_MACRO,      /* number of the first one of its name */
	URF_N_NAME_KINDS,
};

/*
 * Places. .urf.place.index holds the offset in .urf.places of each row of .urf.files, and then
 * of every URF_PLACE_STEP-th function. A file: uleb number of functions that have lines in it;
 * these by their lowest line there, then by number. Of each: uleb lowest line minus that of the
 * one before (of the first: minus 0) * 2, + 1 where its highest line is not below the lowest of
 * the next one; the sleb of its number minus that of the one before, of the first minus 0;
 * where that bit is set uleb highest line minus lowest.
 *
 * A function: runs of the blocks that have code of it; uleb 0: none. Of each run a uleb: bit 0:
 * it has several blocks, bit 1: another run follows; the rest, of the first run, whose uleb is
 * one more: its first block minus that of the last function before that has some, folded (0,
 * -1, 1, -2 ... are 0, 1, 2, 3 ...), where one of URF_PLACE_STEP functions is the first one
 * minus 0; of each further one: blocks between them, minus 1. Then, of several blocks, uleb
 * their number minus 2.
 */
enum { URF_PLACE_STEP = 8 };

/*
 * Types and namespaces, each once; number 0 is void, of one zero byte. They are in order of
 * number, the offset of every URF_TYPE_STEP-th in .urf.type.index. A record begins with a byte:
 * its kind and URF_TYPE_* bits. Of the kinds below URF_TYPE_PLAIN follows the uleb number of
 * the type that it is made of, and nothing else; a pointer or reference has 8 bytes, with
 * URF_TYPE_SHORT 4. Of all others:
 *
 *  - uleb size of what follows, in bytes
 *  - where URF_TYPE_FLAGGED: a byte of URF_FLAG_*
 *  - uleb text: its name, 0: none
 *  - where URF_TYPE_SCOPED: uleb number of the namespace, class or function it stands in
 *  - where URF_TYPE_DECLARED: uleb file, uleb line
 *  - where URF_FLAG_SIZED: uleb size in bytes
 *  - base: a byte, DW_ATE_*; uleb bits, 0: all that it has
 *  - enumeration: uleb type it is kept in; enumerators to the end: uleb text, sleb value minus
 *    that of the one before, minus 1 (of the first: the value)
 *  - array: uleb type of elements; for each dimension uleb number of elements + 1 (0: not
 *    known), and where URF_FLAG_LOWER sleb lower bound
 *  - function: uleb type returned; the uleb types of its parameters to the end
 *  - pointer to member: uleb type, uleb class
 *  - sub-range: uleb type; uleb number of values + 1 (0: not known), sleb lowest
 *  - typedef, set, named pointer, other: uleb type
 *  - structure, class, union, interface: uleb alignment, 0: not told; items to the end
 *
 * Sizes, values, numbers of elements and bounds have up to URF_LONG_LEB_MAX bytes.
 *
 * An item begins with a byte, whose bits 6 and 7 are its kind:
 *
 *  - member, base class: bits 0 to 3: its offset minus that of the item before (of the first:
 * 0) is this one of urf_item_deltas, in bytes rounded down; URF_ITEM_FAR: an sleb at the end;
 *    bit 4: a byte of URF_EXTRA_* follows; bit 5: a bit field, its offset minus that of the
 * item before is an sleb at the end, in bits, followed by the uleb number of its bits. Of a
 * member uleb text; uleb type; those at the end.
 *  - template argument: bits 0 and 1: URF_ARGUMENT_*; bit 4: with a value. Uleb text; but of
 *    packs and templates uleb type; where bit 4 sleb value. A pack ends with URF_OTHER_END.
 *  - others: bits 0 to 3: URF_OTHER_*. A static member: bit 4: with a value; bit 5: a byte of
 *    URF_EXTRA_*; uleb text; uleb type; where bit 4 sleb value. Parts that vary and variants in
 *    them hold the items up to URF_OTHER_END; of a variant bit 4: with the sleb value that the
 *    discriminant, the first member of the part, then has. URF_OTHER_METHODS: methods follow up
 *    to the record's end. Of each: uleb URF_METHOD_* and URF_EXTRA_ACCESS bits; uleb text; uleb
 *    type returned; uleb number of parameters besides the object; the uleb type of each.
 */
enum urf_type_kind {
	URF_TYPE_VOID,
	URF_TYPE_POINTER,
	URF_TYPE_REFERENCE,
	URF_TYPE_RVALUE_REFERENCE,
	URF_TYPE_CONST,
	URF_TYPE_VOLATILE,
	URF_TYPE_RESTRICT,
	URF_TYPE_ATOMIC,
	URF_TYPE_PLAIN, /* kinds from here on have more to say */
	URF_TYPE_NAMED_POINTER =
		URF_TYPE_PLAIN, /* or one of another size than addresses have */
	URF_TYPE_BASE,
	URF_TYPE_UNSPECIFIED,
	URF_TYPE_TYPEDEF,
	URF_TYPE_STRUCT,
	URF_TYPE_CLASS,
	URF_TYPE_UNION,
	URF_TYPE_INTERFACE,
	URF_TYPE_ENUM,
	URF_TYPE_ARRAY,
	URF_TYPE_FUNCTION,
	URF_TYPE_MEMBER_POINTER,
	URF_TYPE_SUBRANGE,
	URF_TYPE_STRING,
	URF_TYPE_SET,
	URF_TYPE_NAMESPACE,
	URF_TYPE_SCOPE, /* a function, for what stands in it */
	URF_TYPE_OTHER,
	URF_N_TYPE_KINDS,
};
enum {
	URF_TYPE_STEP = 4,
	URF_TYPE_KIND = 0x1f,
	URF_TYPE_SCOPED = 0x20,
	URF_TYPE_DECLARED = 0x40,
	URF_TYPE_FLAGGED = 0x80,
	URF_TYPE_SHORT = 0x80, /* below URF_TYPE_PLAIN: a pointer or reference of 4 bytes */
	URF_POINTER_SHORT = 4,
	URF_POINTER_LONG = 8,
	URF_FLAG_DECLARATION = 1,   /* what is in it is not known */
	URF_FLAG_CLASS = 2,         /* enum class; of a namespace: inline */
	URF_FLAG_VECTOR = 4,        /* an array that is a machine's vector */
	URF_FLAG_LOWER = 8,         /* lower bounds are told */
	URF_FLAG_VARIADIC = 16,     /* a function takes more */
	URF_FLAG_UNPROTOTYPED = 32, /* its parameters are not known */
	URF_FLAG_SIZED = 64,
	URF_LONG_LEB_MAX = 10,

	URF_ITEM_SHIFT = 6,
	URF_ITEM_MEMBER = 0,
	URF_ITEM_BASE = 1,
	URF_ITEM_ARGUMENT = 2,
	URF_ITEM_OTHER = 3,
	URF_ITEM_FAR = 15,
	URF_ITEM_EXTRA = 16,  /* bit 4 of members */
	URF_ITEM_BITS = 32,   /* bit 5 of members */
	URF_ITEM_VALUE = 16,  /* bit 4 of the others */
	URF_ITEM_ACCESS = 32, /* bit 5 of static members */
	URF_EXTRA_ACCESS = 3, /* bits 0 and 1: DW_ACCESS_*, 0: not told */
	URF_EXTRA_VIRTUAL = 4,
	URF_EXTRA_ARTIFICIAL = 8,
	URF_EXTRA_MUTABLE = 16,
	URF_EXTRA_MOVES = 32, /* its offset is not constant */
	URF_ARGUMENT_TYPE = 0,
	URF_ARGUMENT_VALUE = 1,
	URF_ARGUMENT_TEMPLATE = 2,
	URF_ARGUMENT_PACK = 3,
	URF_OTHER_END = 0,
	URF_OTHER_STATIC = 1,
	URF_OTHER_PART = 2,
	URF_OTHER_VARIANT = 3,
	URF_OTHER_METHODS = 4, /* the items end here, methods follow */

	/* of a method, besides URF_EXTRA_ACCESS; the first seven fit into a byte */
	URF_METHOD_STATIC = 0x4, /* it takes no object */
	URF_METHOD_CONST = 0x8,
	URF_METHOD_VIRTUAL = 0x10,
	URF_METHOD_PURE = 0x20,
	URF_METHOD_DEFAULTED = 0x40, /* in the class */
	URF_METHOD_DELETED = 0x80,
	URF_METHOD_EXPLICIT = 0x100,
	URF_METHOD_VARIADIC = 0x200,
	URF_METHOD_VOLATILE = 0x400,
	URF_METHOD_LVALUE = 0x800,  /* & */
	URF_METHOD_RVALUE = 0x1000, /* && */
	URF_METHOD_NORETURN = 0x2000,
};
static const uint8_t urf_item_deltas[URF_ITEM_FAR] = { 0,  1,  2,  3,  4,  5,  6, 8,
	                                               12, 16, 20, 24, 32, 40, 64 };

/*
 * Coded sections (.urf.details, .urf.body.data, .urf.locations) are groups of bytes in a range
 * coding, whose symbols have the shares of 2^URF_CODE_BITS that .urf.models says. Symbols
 * belong to fields, and stand in contexts; docs/format.md, "Coded sections", says how they are
 * read, and what the contexts are.
 *
 * .urf.models: le16 number of each field's first model, and one behind the last field's; le16
 * number of each model's first entry, and one behind the last model's; struct urf_model. A
 * field's first model is that of the field, the one for context c comes 1 + c behind it.
 *
 * A number is a symbol: below URF_CODE_NEAR itself; from there on up to URF_CODE_MORE the
 * highest bit of the number and the two bits behind it, ((highest - URF_CODE_NEAR_BITS) * 4 +
 * bits) + URF_CODE_NEAR; the bits left follow as such, high ones first: those above the 16th,
 * then the rest. Folded numbers: 0, -1, 1, -2 ... are 0, 1, 2, 3 ...
 */
enum {
	URF_CODE_BITS = 14,
	URF_CODE_NEAR = 64,
	URF_CODE_NEAR_BITS = 6,
	URF_CODE_MORE = URF_CODE_NEAR + (32 - URF_CODE_NEAR_BITS) * 4, /* what the field says */
	URF_CODE_ESCAPE = 255, /* the next model says it, the last one in eight bits */
};
enum urf_field { /* +: a number, +-: folded */
	         /* .urf.body.data; by kind of token and number */
	         URF_FIELD_BODY_EXPR, /* + of a group: the next expression that is used but once
	                               */
	         URF_FIELD_BODY_START,    /* + */
	         URF_FIELD_BODY_FUNCTION, /* +- */
	         URF_FIELD_BODY_VARIANT,  /* + */
	         URF_FIELD_KIND,
	         URF_FIELD_FIRST_A,      /* +- */
	         URF_FIELD_FIRST_GAP,    /* an address */
	         URF_FIELD_FIRST_LENGTH, /* an address */
	         URF_FIELD_FIRST_EXPR,   /* an expression */
	         URF_FIELD_NEXT_GAP,
	         URF_FIELD_NEXT_LENGTH,
	         URF_FIELD_NEXT_EXPR,
	         URF_FIELD_SINGLE_A,
	         URF_FIELD_SINGLE_EXPR,
	         URF_FIELD_BLOCK_A,
	         URF_FIELD_BLOCK_GAP,
	         URF_FIELD_BLOCK_LENGTH,
	         URF_FIELD_RANGE_GAP,
	         URF_FIELD_RANGE_LENGTH,
	         URF_FIELD_ENTER_A,
	         URF_FIELD_ENTER_LENGTH,  /* + */
	         URF_FIELD_ENTER_VARIANT, /* + */
	         URF_FIELD_LEAVE_LENGTH,  /* + */
	         URF_FIELD_CALL_GAP,      /* + */
	         URF_FIELD_PARAMETER_A,   /* + */
	         URF_FIELD_PARAMETER_EXPR,
	         URF_FIELD_FRAME_EXPR,  /* + */
	         URF_FIELD_TARGET_EXPR, /* an expression */
	         /* .urf.details */
	         URF_FIELD_FLAGS,      /* the low six bits */
	         URF_FIELD_FLAGS_HIGH, /* + the others */
	         URF_FIELD_SAME,       /* + */
	         URF_FIELD_TYPE,       /* + */
	         URF_FIELD_VARIANTS,   /* + */
	         URF_FIELD_SCOPE,      /* + */
	         URF_FIELD_CONVENTION, /* + */
	         URF_FIELD_BLOCKS,     /* + */
	         URF_FIELD_BLOCK,      /* + */
	         URF_FIELD_VARIABLE,
	         URF_FIELD_VARIABLE_LINE,  /* +- */
	         URF_FIELD_VARIABLE_PAIR,  /* + */
	         URF_FIELD_VARIABLE_NAME,  /* + */
	         URF_FIELD_VARIABLE_TYPE,  /* + */
	         URF_FIELD_VARIABLE_KIND,  /* + */
	         URF_FIELD_VARIABLE_BLOCK, /* +- */
	         URF_FIELD_VARIABLE_VALUE, /* +- */
	         /* .urf.locations */
	         URF_FIELD_SIZE, /* + */
	         URF_FIELD_LONG, /* + */
	         URF_FIELD_BYTE, /* ^ 1, so that 0xff is no escape */
	         URF_FIELDS,
};
struct urf_model {
	uint8_t symbol;
	le16 start; /* of its share, which ends where the next one's starts */
};
static_assert(sizeof(struct urf_model) == 3, "on disk");

/*
 * Details: what is known of functions besides names and lines, by number, in groups of
 * URF_DETAIL_STEP whose offsets stand in .urf.detail.index. The fields:
 *
 *  - FLAGS: the low six of URF_DETAIL_* bits; URF_CODE_MORE: nothing is known, and that is all
 *  - FLAGS_HIGH: the others
 *  - where URF_DETAIL_SAME: SAME: function, whose details these are (and are not
 *    URF_DETAIL_SAME), and that is all
 *  - TYPE returned
 *  - where URF_DETAIL_VARIANTS: VARIANTS, minus that of the group's last record that has it, of
 *    the first 0: the function has variants, numbered from 1 on, whose records are those from
 *    there on, counted from behind the last function's. A variant's record is as a function's,
 *    but neither URF_DETAIL_SAME nor URF_DETAIL_VARIANTS; the fields count as in its
 * function's. Behind the last variant are records of which nothing is known, up to the end of a
 * group
 *  - where URF_DETAIL_SCOPED: SCOPE: type or namespace that it stands in
 *  - where URF_DETAIL_CONVENTION: CONVENTION: DW_CC_*, not that of a normal call
 *  - where URF_DETAIL_BLOCKS: BLOCKS, their number; of each: BLOCK: how many blocks before it
 *    the one around it comes, 0: the function itself
 *  - variables; of each:
 *      - VARIABLE: URF_VARIABLE_TURN, _VALUE, _BLOCK bits; or URF_VARIABLE_END: there are no
 *        more
 *      - VARIABLE_LINE: the difference to the variable before, of the first to the function's
 *        declaration
 *      - VARIABLE_PAIR: its name and type: a row of .urf.detail.pairs, counted from 1; 0:
 *        VARIABLE_NAME, a text, and VARIABLE_TYPE follow
 *      - URF_VARIABLE_TURN: VARIABLE_KIND (URF_VARIABLE_*). Without it the kind is that of the
 *        variable before, of the first an argument
 *      - URF_VARIABLE_BLOCK: VARIABLE_BLOCK, the block that it is in (0: the function, 1: the
 *        first block) minus that of the variable before, of the first 0
 *      - URF_VARIABLE_VALUE: VARIABLE_VALUE, the expression that says where it is, or what, in
 *        all code, minus the last one of the group
 *
 * .urf.detail.pairs is a packed table of texts and types.
 */
enum {
	URF_PAIR_COLUMNS = 2,
	URF_DETAIL_STEP = 16,
	URF_DETAIL_SAME = 0x1,
	URF_DETAIL_EXTERNAL = 0x2,
	URF_DETAIL_PROTOTYPED = 0x4,
	URF_DETAIL_INLINE = 0x8, /* declared so */
	URF_DETAIL_SCOPED = 0x10,
	URF_DETAIL_BLOCKS = 0x20,
	URF_DETAIL_VARIADIC = 0x40, /* takes further arguments */
	URF_DETAIL_NORETURN = 0x80,
	URF_DETAIL_ARTIFICIAL = 0x100,
	URF_DETAIL_EXPLICIT = 0x200,
	URF_DETAIL_DELETED = 0x400,
	URF_DETAIL_DEFAULTED = 0x800,
	URF_DETAIL_VIRTUAL = 0x1000,
	URF_DETAIL_VARIANTS = 0x2000,
	URF_DETAIL_CONVENTION = 0x4000,

	URF_DETAIL_LOW_BITS = 6,
	URF_DETAIL_LOW = (1 << URF_DETAIL_LOW_BITS) - 1,

	URF_VARIABLE_TURN = 1,
	URF_VARIABLE_BLOCK = 2,
	URF_VARIABLE_VALUE = 4,
	URF_VARIABLE_END = 8,
	URF_VARIABLE_ARGUMENT = 0, /* kinds */
	URF_VARIABLE_LOCAL = 1,
	URF_VARIABLE_STATIC = 2, /* it lives as long as the program, or the thread */
	URF_VARIABLE_CONSTANT = 3,
	URF_VARIABLE_LABEL = 4, /* a body's FIRST of it says where: no bytes, no expression */
	URF_VARIABLE_TYPE_ARGUMENT = 5,  /* of a template; behind all others, as */
	URF_VARIABLE_VALUE_ARGUMENT = 6, /* the next one; lines of these mean nothing */
	URF_VARIABLE_KIND = 0x0f,
	URF_VARIABLE_ARTIFICIAL = 0x10, /* the compiler made it */
};

/*
 * Bodies: a body for each function that has code of its own, by the rva of its entry, in groups
 * of at most URF_BODY_STEP. A group begins with BODY_EXPR. Of each body: BODY_START, bytes
 * behind the entry before (of a group's first: 0); BODY_FUNCTION, minus that of the body before
 * (of a group's first: 0); BODY_VARIANT, 0: of the function's own details, else the variant's
 * number; tokens, the last of kind URF_TOKEN_END. Behind a group's last body
 * comes 0 once more instead of a start.
 *
 * Tokens say what is inlined and where variables are. A token is a kind and up to four numbers
 * in this order: a, gap, expr, length.
 *
 * The state: a stack of instances, at first the function itself; each has the site, the
 * variable and the block to expect next, at first 0, 0 and 1. `First` is where the last list
 * began, `end` where its last entry ended, `call` the address that the last call told; at first
 * all are the entry. Kinds:
 *
 *  - FIRST: a list of places begins, of variable next + a, which becomes the next one's
 *    predecessor; from first + gap on, length bytes, it is at expr
 *  - NEXT: the list goes on: from end + gap on, length bytes, it is at expr
 *  - SINGLE: variable next + a is at expr throughout
 *  - BLOCK: block next + a has addresses from first + gap on, length bytes; RANGE: and more,
 *    from end + gap on
 *  - ENTER: length instances are left, then one is entered: at site next + a of the one on
 *    top; ENTER_VARIANT follows, as BODY_VARIANT
 *  - LEAVE: length instances are left
 *  - CALL, the last tokens, by address: a call returns to call + gap; JUMP: one by a jump,
 * which ends at call + gap; JUMP_FROM: which begins there. TARGET: it calls what is at expr;
 * PARAMETER: it passes in register a, or where a >= URF_TOKEN_PLACE at expression a -
 * URF_TOKEN_PLACE, the value of expr
 *  - FRAME: the function's frame base is expr; without it, it is the CFA
 */
enum {
	URF_BODY_STEP = 16,
	URF_BODY_TOKENS = 512, /* a group has no further body where it has as many */
	URF_TOKEN_PLACE = 64,
	URF_EDGES = 64,                     /* addresses that are remembered */
	URF_EDGE_RANK = URF_CODE_MORE + 16, /* the symbol of an address remembered: rank 0 */
	URF_EDGE_LOW = -16,
	URF_EDGE_HIGH = 23,
	URF_RECENT = 16,                 /* expressions that are remembered */
	URF_EXPR_RECENT = URF_CODE_MORE, /* the symbol of the last one of these */
	URF_EXPR_NEW =
		URF_CODE_MORE + URF_RECENT, /* the group's next one that is used but once */
};
enum urf_token_kind {
	URF_TOKEN_FIRST,
	URF_TOKEN_NEXT,
	URF_TOKEN_SINGLE,
	URF_TOKEN_BLOCK,
	URF_TOKEN_RANGE,
	URF_TOKEN_ENTER,
	URF_TOKEN_LEAVE,
	URF_TOKEN_CALL,
	URF_TOKEN_PARAMETER,
	URF_TOKEN_FRAME,
	URF_TOKEN_JUMP,
	URF_TOKEN_JUMP_FROM,
	URF_TOKEN_TARGET,
	URF_TOKEN_KINDS,
	URF_TOKEN_END = 15,
};
struct urf_body {
	le32 start; /* rva of the group's first */
	le32 off;   /* in .urf.body.data */
};
static_assert(sizeof(struct urf_body) == 8, "on disk");

/*
 * Expressions, by number, in groups of URF_LOCATION_STEP; .urf.location.index begins with their
 * number, then comes each group's offset in .urf.locations. Number 0 is none and has no bytes.
 * Of each: SIZE; up to URF_LOCATION_SHORT BYTE for each byte; where it is longer LONG instead,
 * the offset of its bytes in .urf.locations.
 */
enum {
	URF_LOCATION_STEP = 16,
	URF_LOCATION_SHORT = 255,
	/* what DW_OP_implicit_pointer and GNU_variable_value name */
	URF_REFERENCE_NONE = 0, /* it is not told */
	URF_REFERENCE_EXPR = 1, /* uleb size and an expression follow */
	URF_REFERENCE_FIRST =
		2, /* variable * 2^URF_REFERENCE_BITS + instances around, from here on */
	URF_REFERENCE_BITS = 3,
	URF_REFERENCE_AROUND = (1 << URF_REFERENCE_BITS) - 1, /* most */
};

/*
 * Variables outside functions, and those in functions that live as long as the program or a
 * thread: by address, those that have none behind, in groups of URF_GLOBAL_STEP whose offsets
 * stand in .urf.variable.index. The fields:
 *
 *  - a byte: kind and URF_GLOBAL_* bits
 *  - where URF_GLOBAL_WIDE: le64 link-time address; else of URF_GLOBAL_ADDRESS: uleb bytes
 * behind the one before it; of URF_GLOBAL_THREAD: uleb offset in a thread's block; of
 *    URF_GLOBAL_EXPR: uleb expression: a value, or how to find the place
 *  - uleb text of the name, uleb type; where URF_GLOBAL_LINKAGE: uleb text of the linkage name
 *  - where URF_GLOBAL_INSIDE: uleb type or namespace * 2, or function * 2 + 1
 *  - where URF_GLOBAL_FILE: uleb file; without it that of the one before, of a group's first
 * none
 *  - sleb line, minus that of the one before, of a group's first 0
 */
enum {
	URF_GLOBAL_STEP = 16,
	URF_GLOBAL_KIND = 3,
	URF_GLOBAL_ADDRESS = 0,
	URF_GLOBAL_THREAD = 1,
	URF_GLOBAL_EXPR = 2,
	URF_GLOBAL_NOWHERE = 3, /* it was optimized away */
	URF_GLOBAL_WIDE = 0x04,
	URF_GLOBAL_EXTERNAL = 0x08,
	URF_GLOBAL_LINKAGE = 0x10,
	URF_GLOBAL_INSIDE = 0x20,
	URF_GLOBAL_FILE = 0x40,
};

/*
 * Macros, in one section, which is empty where there are none: le32 their number; le32 the
 * offset, from the section's start, of every URF_MACRO_STEP-th; then each, by name, file, line:
 *
 *  - uleb text of the name, minus that of the one before, of a group's first 0; times 2, + 1
 *    where it is an #undef
 *  - uleb text of what follows the name: blank and body, or parameters in parentheses and what
 *    comes behind them; 0: nothing
 *  - uleb file; sleb line, minus that of the one before, of a group's first 0
 */
enum { URF_MACRO_STEP = 16 };

#endif
