/* SPDX-License-Identifier: MIT */
/* Expressions evaluated and as text; details and bodies of an urf that has none. */
#include <elf.h>

#include "image/bodies.h"
#include "image/urf.h"
#include "lib/test.h"
#include "turf/variables.h"

/* Registers 0 to 7 are 0x1000 times their number, register 8 is not known; memory at an address
 * is the address, from 0x1000 to 0x8000. */
static int reg(void *ctx, uint32_t number, uint64_t *value)
{
	(void)ctx;
	*value = (uint64_t)number * 0x1000;
	return number < 8 ? 0 : -1;
}

static int memory(void *ctx, uint64_t addr, void *out, size_t size)
{
	(void)ctx;
	uint64_t le = le64_get(le64_of(addr));
	if (addr < 0x1000 || addr >= 0x8000 || size > sizeof(le))
		return -EFAULT;
	memcpy(out, &le, size);
	return 0;
}

static int cfa(void *ctx, uint64_t *value)
{
	(void)ctx;
	*value = 0x7000;
	return 0;
}

static int thread(void *ctx, uint64_t offset, uint64_t *addr)
{
	(void)ctx;
	*addr = 0x6000 + offset;
	return 0;
}

static int entry(void *ctx, const uint8_t *expr, size_t size, uint64_t *value)
{
	(void)ctx;
	*value = 0xe0;
	return (size == 1 && expr[0] == 0x55) || (size == 2 && expr[0] == 0xfa && expr[1] == 2)
	               ? 0
	               : -1;
}

static int variable(void *ctx, uint32_t around, uint32_t number, uint64_t *value)
{
	(void)ctx;
	*value = number << 4 | around;
	return number < 8 ? 0 : -1;
}

static const struct turf_context context = { .bias = 0x100,
	                                     .reg = reg,
	                                     .memory = memory,
	                                     .cfa = cfa,
	                                     .thread = thread,
	                                     .entry = entry,
	                                     .variable = variable };

static const struct {
	const char *ops, *words; /* words NULL: "by " and ops */
	size_t n;
	uint8_t expr[24];
	const char *answer;
} cases[] = {
	{ "reg3", "in rbx", 1, { 0x53 }, "reg 3;" },
	{ "regx 0x11", "in xmm0", 2, { 0x90, 0x11 }, "reg 11;" },
	{ "breg7 +8", "at rsp+8", 2, { 0x77, 8 }, "mem 7008;" },
	{ "breg6 -16", "at rbp-16", 2, { 0x76, 0x70 }, "mem 5ff0;" },
	{ "bregx 0x2 +1", "at rcx+1", 3, { 0x92, 2, 1 }, "mem 2001;" },
	{ "fbreg -24", "at frame base-24", 2, { 0x91, 0x68 }, "mem 6fe8;" },
	{ "call_frame_cfa", "at CFA", 1, { 0x9c }, "mem 7000;" },
	{ "addr 0x2000", "at 0x2000", 9, { 3, 0, 0x20 }, "mem 2100;" },
	{ "lit5, stack_value", "constant 5", 2, { 0x35, 0x9f }, "value 5;" },
	{ "consts -2, stack_value",
	  "constant -2",
	  3,
	  { 0x11, 0x7e, 0x9f },
	  "value fffffffffffffffe;" },
	{ "breg5 +1, stack_value", "rdi+1", 3, { 0x75, 1, 0x9f }, "value 5001;" },
	{ "entry_value(reg5), stack_value",
	  "value of rdi at entry",
	  4,
	  { 0xa3, 1, 0x55, 0x9f },
	  "value e0;" },
	{ "entry_value(reg4), stack_value",
	  "value of rsi at entry",
	  4,
	  { 0xa3, 1, 0x54, 0x9f },
	  "-ENOENT" },
	{ "implicit_value 0x01 0x02",
	  "constant 0x01 0x02",
	  4,
	  { 0x9e, 2, 1, 2 },
	  "bytes 0102;" },
	{ "reg3, piece 0x8, piece 0x8",
	  "8 bytes in rbx, 8 bytes optimized out",
	  5,
	  { 0x53, 0x93, 8, 0x93, 8 },
	  "reg 3 64 bits; nowhere 64 bits;" },
	{ "reg3, bit_piece 0x3 0x1", NULL, 4, { 0x53, 0x9d, 3, 1 }, "reg 3 3 bits from 1;" },
	{ "breg2 +0, deref", NULL, 3, { 0x72, 0, 6 }, "mem 2000;" },
	{ "breg2 +0, deref_size 0x1, stack_value",
	  NULL,
	  5,
	  { 0x72, 0, 0x94, 1, 0x9f },
	  "value 0;" },
	{ "breg0 +0, deref", NULL, 3, { 0x70, 0, 6 }, "-EFAULT" },
	{ "breg8 +0", "at r8", 2, { 0x78, 0 }, "-ENODATA" },
	{ "lit8, form_tls_address", NULL, 2, { 0x38, 0x9b }, "mem 6008;" },
	{ "lit7, lit2, minus, stack_value", NULL, 4, { 0x37, 0x32, 0x1c, 0x9f }, "value 5;" },
	{ "lit7, lit2, mod, stack_value", NULL, 4, { 0x37, 0x32, 0x1d, 0x9f }, "value 1;" },
	{ "lit7, lit0, div, stack_value", NULL, 4, { 0x37, 0x30, 0x1b, 0x9f }, "-EBADMSG" },
	{ "lit7, neg, lit2, div, stack_value",
	  NULL,
	  5,
	  { 0x37, 0x1f, 0x32, 0x1b, 0x9f },
	  "value fffffffffffffffd;" },
	{ "lit1, lit2, lit3, rot, stack_value",
	  NULL,
	  5,
	  { 0x31, 0x32, 0x33, 0x17, 0x9f },
	  "value 2;" },
	{ "lit1, lit2, swap, stack_value", NULL, 4, { 0x31, 0x32, 0x16, 0x9f }, "value 1;" },
	{ "lit1, lit2, over, stack_value", NULL, 4, { 0x31, 0x32, 0x14, 0x9f }, "value 1;" },
	{ "lit1, lit2, pick 0x1, stack_value",
	  NULL,
	  5,
	  { 0x31, 0x32, 0x15, 1, 0x9f },
	  "value 1;" },
	{ "lit1, pick 0x1", NULL, 3, { 0x31, 0x15, 1 }, "-EBADMSG" },
	{ "lit1, bra +1, lit2, lit3, stack_value",
	  NULL,
	  7,
	  { 0x31, 0x28, 1, 0, 0x32, 0x33, 0x9f },
	  "value 3;" },
	{ "skip -3", NULL, 3, { 0x2f, 0xfd, 0xff }, "-EBADMSG" }, /* for ever */
	{ "skip +9", NULL, 3, { 0x2f, 9, 0 }, "-EBADMSG" },
	{ "lit3, lit4, lt, stack_value", NULL, 4, { 0x33, 0x34, 0x2d, 0x9f }, "value 1;" },
	{ "const1s -1, lit1, shr, stack_value",
	  NULL,
	  5,
	  { 9, 0xff, 0x31, 0x25, 0x9f },
	  "value 7fffffffffffffff;" },
	{ "const1s -1, lit1, shra, stack_value",
	  NULL,
	  5,
	  { 9, 0xff, 0x31, 0x26, 0x9f },
	  "value ffffffffffffffff;" },
	{ "lit1, plus_uconst 0x80, stack_value",
	  NULL,
	  5,
	  { 0x31, 0x23, 0x80, 1, 0x9f },
	  "value 81;" },
	{ "implicit_pointer 0x0 +4",
	  "points 4 bytes into what was optimized out",
	  3,
	  { 0xa0, 0, 4 },
	  "to nothing told 4;" },
	{ "implicit_pointer 0x12 +0", "points to variable 3", 3, { 0xa0, 18, 0 }, "to 2 0;" },
	{ "implicit_pointer 0x14 +8",
	  "points 8 bytes into variable 3 of the function 2 around",
	  3,
	  { 0xa0, 20, 8 },
	  "to 2 2 around 8;" },
	{ "implicit_pointer(implicit_value 0x61 0x00) +1",
	  "points 1 bytes into constant 0x61 0x00",
	  8,
	  { 0xa0, 1, 4, 0x9e, 2, 0x61, 0, 1 },
	  "to 4 bytes 1;" },
	{ "implicit_pointer(implicit_pointer 0x2 +0) +0",
	  NULL,
	  7,
	  { 0xa0, 1, 3, 0xa0, 2, 0, 0 },
	  "to 3 bytes 0;" },
	{ "reg3, piece 0x8, implicit_pointer 0x2 +0, piece 0x8",
	  "8 bytes in rbx, 8 bytes points to variable 1",
	  8,
	  { 0x53, 0x93, 8, 0xa0, 2, 0, 0x93, 8 },
	  "reg 3 64 bits; to 0 0 64 bits;" },
	{ "GNU_parameter_ref 0x2, stack_value",
	  "argument 2 at entry",
	  3,
	  { 0xfa, 2, 0x9f },
	  "value e0;" },
	{ "GNU_parameter_ref 0x1, stack_value",
	  "argument 1 at entry",
	  3,
	  { 0xfa, 1, 0x9f },
	  "-ENOENT" },
	{ "GNU_variable_value 0xb, lit1, plus, stack_value",
	  NULL,
	  5,
	  { 0xfd, 11, 0x31, 0x22, 0x9f },
	  "value 12;" },
	{ "GNU_variable_value 0x0", NULL, 2, { 0xfd, 0 }, "-ENOTSUP" },
	{ "GNU_variable_value 0x42", NULL, 2, { 0xfd, 66 }, "-ENOTSUP" },
	{ "stack_value", NULL, 1, { 0x9f }, "-EBADMSG" },
	{ "reg3, reg4", NULL, 2, { 0x53, 0x54 }, "-EBADMSG" },
	{ "lit1, reg4", NULL, 2, { 0x31, 0x54 }, "-EBADMSG" },
	{ "reg3, piece 0x8, reg4", NULL, 4, { 0x53, 0x93, 8, 0x54 }, "-EBADMSG" },
	{ "plus", NULL, 1, { 0x22 }, "-EBADMSG" },
	{ "nop", NULL, 1, { 0x96 }, "nowhere;" },
	{ "lit4, convert 0x0, stack_value", NULL, 4, { 0x34, 0xa8, 0, 0x9f }, "value 4;" },
	{ "regval_type 0x2 0x0, stack_value", NULL, 4, { 0xa5, 2, 0, 0x9f }, "value 2000;" },
	{ "const_type 0x0 0x07, stack_value", NULL, 5, { 0xa4, 0, 1, 7, 0x9f }, "value 7;" },
};

static size_t put_target(const struct turf_piece *p, char *out, size_t room)
{
	int n = p->bytes ? snprintf(out, room, " %zu bytes", p->n_bytes)
	        : p->variable == TURF_VARIABLE_NONE
	                ? snprintf(out, room, " nothing told")
	                : snprintf(out, room, p->around ? " %u %u around" : " %u", p->variable,
	                           p->around);
	return (size_t)n;
}

static void answer_of(const struct turf_image *image, const uint8_t *expr, size_t size,
                      char *out, size_t room)
{
	static const char *const kinds[] = { "nowhere", "mem", "reg", "value", "bytes", "to" };
	struct turf_piece p[4];
	int r = turf_location_evaluate(image, expr, size, &context, p, COUNT(p));
	size_t n = 0;
	out[0] = 0;
	if (r < 0)
		snprintf(out, room, "%s",
		         r == -ENODATA   ? "-ENODATA"
		         : r == -EFAULT  ? "-EFAULT"
		         : r == -ENOENT  ? "-ENOENT"
		         : r == -ENOTSUP ? "-ENOTSUP"
		         : r == -EBADMSG ? "-EBADMSG"
		                         : "another");
	for (int i = 0; i < r; i++) {
		n += (size_t)snprintf(out + n, room - n, "%s%s", i ? " " : "",
		                      kinds[p[i].kind]);
		for (size_t k = 0; p[i].kind == TURF_PIECE_BYTES && k < p[i].n_bytes; k++)
			n += (size_t)snprintf(out + n, room - n, "%s%02x", k ? "" : " ",
			                      p[i].bytes[k]);
		if (p[i].kind == TURF_PIECE_POINTER)
			n += put_target(&p[i], out + n, room - n);
		if (p[i].kind && p[i].kind != TURF_PIECE_BYTES)
			n += (size_t)snprintf(out + n, room - n, " %llx",
			                      (unsigned long long)p[i].value);
		if (p[i].bits)
			n += (size_t)snprintf(out + n, room - n, " %llu bits",
			                      (unsigned long long)p[i].bits);
		if (p[i].bit_offset)
			n += (size_t)snprintf(out + n, room - n, " from %llu",
			                      (unsigned long long)p[i].bit_offset);
		n += (size_t)snprintf(out + n, room - n, ";");
	}
}

static struct turf_image *open_sample(struct span *urf)
{
	struct turf_image *image;
	*urf = urf_sample();
	ck_assert_int_eq(turf_image_open_mem(urf->at, urf->size, &image, NULL), 0);
	return image;
}

START_TEST(expressions)
{
	enum { X86_64 = 62 };
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[200], words[200];
		const uint8_t *e = cases[i].expr;
		ck_assert_int_eq(turf_location_ops(e, cases[i].n, text, sizeof(text)),
		                 (ssize_t)strlen(cases[i].ops));
		ck_assert_str_eq(text, cases[i].ops);
		ck_assert_int_gt(
			turf_location_words(X86_64, e, cases[i].n, words, sizeof(words)), 0);
		if (cases[i].words)
			ck_assert_str_eq(words, cases[i].words);
		else
			ck_assert_str_eq(words + 3, cases[i].ops);
		answer_of(image, e, cases[i].n, text, sizeof(text));
		ck_assert_msg(!strcmp(text, cases[i].answer), "%s: %s", cases[i].ops, text);
	}
	turf_image_close(image);
	free((void *)urf.at);
}
END_TEST

/* Every prefix and every bent byte has an answer, and reads no byte beyond. */
START_TEST(damaged_expressions)
{
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t n = 1; n <= cases[i].n; n++)
			for (unsigned bend = 0; bend < 256; bend++) {
				char text[200];
				uint8_t *copy = malloc(n);
				ck_assert_ptr_nonnull(copy);
				memcpy(copy, cases[i].expr, n);
				copy[n - 1] ^= (uint8_t)bend;
				answer_of(image, copy, n, text, sizeof(text));
				(void)turf_location_ops(copy, n, text, sizeof(text));
				(void)turf_location_words(62, copy, n, text, bend % 8);
				free(copy);
			}
	turf_image_close(image);
	free((void *)urf.at);
}
END_TEST

START_TEST(nothing_there)
{
	struct span urf;
	struct turf_image *image = open_sample(&urf);
	struct turf_details details;
	struct turf_body body;
	struct turf_locals locals;
	struct turf_global global;
	ck_assert_int_eq(turf_image_details(image, 1, &details), -ENODATA);
	ck_assert_int_eq(turf_image_body(image, URF_TEST_BASE, &body), -ENODATA);
	ck_assert_int_eq(turf_image_locals(image, URF_TEST_BASE, 0, &locals), -ENODATA);
	ck_assert_int_eq(turf_image_global(image, 0, &global), -ENODATA);
	ck_assert_int_eq(turf_image_find_global(image, 0x1000, &global), -ENODATA);
	ck_assert_uint_eq(turf_image_n_globals(image), 0);
	turf_image_close(image);
	free((void *)urf.at);
}
END_TEST

static const struct {
	const char *what;
	uint16_t machine;
	uint32_t flags;
	uint8_t code[TURF_CALL_CODE];
	uint64_t target; /* of a call at 0x1000; 0: it is not known */
} targets[] = {
	{ "call", EM_X86_64, 0, { 0xe8, 0xfb, 0, 0, 0 }, 0x10fb },
	{ "call back", EM_X86_64, 0, { 0xe8, 0, 0xff, 0xff, 0xff }, 0xf00 },
	{ "jump", EM_X86_64, 1, { 0xe9, 0x10, 0, 0, 0 }, 0x1010 },
	{ "jump that begins there", EM_X86_64, 3, { 0xe9, 0x10, 0, 0, 0 }, 0x1015 },
	{ "short jump", EM_X86_64, 1, { 0, 0, 0, 0xeb, 0xf0 }, 0xff0 },
	{ "short jump that begins there", EM_X86_64, 3, { 0xeb, 0x10, 0, 0, 0 }, 0x1012 },
	{ "call by a register", EM_X86_64, 0, { 0, 0, 0, 0xff, 0xd0 }, 0 },
	{ "a call's byte before a jump by a register",
	  EM_X86_64,
	  1,
	  { 0xe8, 0, 0, 0xff, 0xe0 },
	  0 },
	{ "call that is no jump", EM_X86_64, 1, { 0xe8, 0, 0, 0, 0 }, 0 },
	{ "32 bits", EM_386, 0, { 0xe8, 0, 0xe0, 0xff, 0xff }, 0xfffff000 },
	{ "bl", EM_AARCH64, 0, { 0, 4, 0, 0, 0x94 }, 0x100c },
	{ "bl back", EM_AARCH64, 0, { 0, 0xff, 0xff, 0xff, 0x97 }, 0xff8 },
	{ "b", EM_AARCH64, 1, { 0, 4, 0, 0, 0x14 }, 0x100c },
	{ "b that begins there", EM_AARCH64, 3, { 4, 0, 0, 0x14, 0 }, 0x1010 },
	{ "blr", EM_AARCH64, 0, { 0, 0, 0, 0x3f, 0xd6 }, 0 },
	{ "a machine that is not read", EM_RISCV, 0, { 0xe8, 0xfb, 0, 0, 0 }, 0 },
};

START_TEST(call_targets)
{
	for (size_t i = 0; i < COUNT(targets); i++) {
		const struct turf_body_event call = { .kind = TURF_BODY_CALL,
			                              .number = targets[i].flags,
			                              .start = 0x1000 };
		uint64_t target = 0;
		bool known =
			turf_call_target(targets[i].machine, &call, targets[i].code, &target);
		ck_assert_msg(known == (targets[i].target != 0) && target == targets[i].target,
		              "%s: 0x%llx", targets[i].what, (unsigned long long)target);
		ck_assert_uint_eq(turf_call_code(&call),
		                  targets[i].flags & TURF_CALL_FROM ? 0x1000 : 0xffb);
	}
}
END_TEST

TESTS("image/variables", expressions, call_targets, damaged_expressions, nothing_there)
