/* SPDX-License-Identifier: MIT */
/* Values of our own variables, and of hostile types, registers and memory. */
#include <math.h>

#include "build/self.h"
#include "turf/value.h"

enum { RBP = 6, X86_64 = 62 };

enum color { RED, GREEN = 5, BLUE };
enum flags { A = 1, B = 2, MANY = 12 };
struct empty {
};
struct node {
	struct node *next;
	const char *name;
	int (*fn)(int);
};
struct bits {
	unsigned a : 3, b : 7;
	int below : 4;
	enum color color : 4;
	_Bool yes : 1;
};
static struct node list = { &list, "me", NULL };

static __attribute__((noinline)) uint64_t here(void)
{
	return (uint64_t)(uintptr_t)__builtin_return_address(0);
}

/* What our frame looks like to one who would have unwound to it. */
static struct turf_values values_of(const struct turf_image *image, pid_t *pid, uint64_t pc,
                                    const void *cfa, const void *rbp)
{
	struct turf_values v = { .memory = turf_memory_live(pid) };
	v.frame.pc = pc;
	v.frame.lookup_pc = pc - 1;
	v.frame.cfa = (uint64_t)(uintptr_t)cfa;
	v.frame.location.image = image;
	v.frame.location.addr = link_addr((void *)(uintptr_t)(pc - 1));
	v.regs.machine = X86_64;
	v.regs.valid = 1 << RBP;
	v.regs.value[RBP] = (uint64_t)(uintptr_t)rbp;
	return v;
}

static void text_of(const struct turf_values *values, const char *name,
                    const struct turf_value_format *format, char out[4096])
{
	static struct turf_locals walk;
	struct turf_local local;
	struct turf_value value;
	char called[64];
	const struct turf_location *at = &values->frame.location;
	snprintf(out, 4096, "there is none");
	ck_assert_int_eq(turf_image_locals(at->image, at->addr, 0, &walk), 1);
	while (turf_locals_next(&walk, &local) == 1) {
		turf_image_text(at->image, local.variable.name, called, sizeof(called));
		if (strcmp(called, name) != 0)
			continue;
		int r = turf_value_of_local(values, &walk, &local, &value);
		ck_assert_int_eq(r, value.why == TURF_WHY_NONE);
		scoped(freep) char *text = NULL;
		size_t size;
		FILE *f = open_memstream(&text, &size);
		turf_value_print(values, &value, format, f);
		fclose(f);
		snprintf(out, 4096, "%s", text);
		return;
	}
}

static const struct {
	const char *name, *text;
} expected[] = {
	{ "number", "-7" },
	{ "big", "18446744073709551615" },
	{ "wide", "-170141183460469231731687303715884105728" },
	{ "letter", "97 'a'" },
	{ "quote", "39 '\\''" },
	{ "octet", "200 '\\310'" },
	{ "yes", "true" },
	{ "single", "0.100000001" },
	{ "twice", "0.10000000000000001" },
	{ "no_number", "nan(0x8000000000000)" },
	{ "below", "-inf" },
	{ "green", "GREEN" },
	{ "unnamed", "7" },
	{ "joined", "(A | MANY)" },
	{ "beyond", "(B | unknown: 0x20)" },
	{ "none", "0" },
	{ "nothing", "{<No data fields>}" },
	{ "bits", "{a = 5, b = 100, below = -3, color = BLUE, yes = true}" },
	{ "text", "\"x\\ty\", '\\000' <repeats 28 times>" },
	{ "whole", "\"full\"" },
	{ "row", "{1, 2, 3}" },
	{ "grid", "{{1, 2}, {3, 4}, {5, 6}}" },
	{ "repeats", "{9, 0 <repeats 18 times>, 9}" },
	{ "null", "0x0" },
	{ "bad", "0x8 <memory cannot be read>" },
	{ "absent", "there is none" },
};

/* A sanitizer would put its variables elsewhere, by registers that we do not tell of. */
static __attribute__((noinline, no_sanitize("address", "undefined"))) void write_mine(void)
{
	volatile int number = -7;
	volatile unsigned long big = UINT64_MAX;
	volatile __int128 wide = (__int128)((unsigned __int128)1 << 127);
	volatile char letter = 'a', quote = '\'';
	volatile unsigned char octet = 200;
	volatile _Bool yes = true;
	volatile float single = 0.1f;
	volatile double twice = 0.1, no_number = NAN, below = -INFINITY;
	volatile enum color green = GREEN, unnamed = (enum color)7;
	volatile enum flags joined = A | MANY, beyond = B | 32, none = 0;
	struct empty nothing = {};
	struct bits bits = { 5, 100, -3, BLUE, 1 };
	char text[32] = "x\ty", whole[4] = { 'f', 'u', 'l', 'l' };
	int row[3] = { 1, 2, 3 }, grid[3][2] = { { 1, 2 }, { 3, 4 }, { 5, 6 } };
	int repeats[20] = { [0] = 9, [19] = 9 };
	const char *null = NULL, *bad = (const char *)8, *name = "a text";
	struct node node = { &list, "it", abs };
	pid_t pid = getpid();
	scoped(closep) int urf = build_self(1);
	struct turf_image *image = open_urf(urf);
	struct turf_values values = values_of(image, &pid, here(), __builtin_dwarf_cfa(),
	                                      __builtin_frame_address(0));
	char got[4096], want[256];
	for (size_t i = 0; i < COUNT(expected); i++) {
		text_of(&values, expected[i].name, NULL, got);
		ck_assert_msg(strcmp(got, expected[i].text) == 0, "%s = %s", expected[i].name,
		              got);
	}
	snprintf(want, sizeof(want), "%p \"a text\"", (const void *)name);
	text_of(&values, "name", NULL, got);
	ck_assert_str_eq(got, want);
	snprintf(want, sizeof(want), "{next = %p, name = %p \"it\", fn = %p}", (void *)&list,
	         (const void *)node.name, (void *)(uintptr_t)node.fn);
	text_of(&values, "node", NULL, got);
	ck_assert_str_eq(got, want);
	const struct turf_value_format tight = {
		.size = sizeof(tight), .max_depth = 1, .max_elements = 2, .max_repeats = 5
	};
	text_of(&values, "row", &tight, got);
	ck_assert_str_eq(got, "{1, 2...}");
	text_of(&values, "grid", &tight, got);
	ck_assert_str_eq(got, "{{...}, {...}...}");
	text_of(&values, "whole", &tight, got);
	ck_assert_str_eq(got, "\"fu\"...");
	values.regs.valid = 0;
	values.frame.cfa = 0;
	text_of(&values, "row", NULL, got);
	ck_assert_str_eq(got, "<register not saved>");
	turf_image_close(image);
	(void)number, (void)big, (void)wide, (void)letter, (void)quote, (void)octet, (void)yes;
	(void)single, (void)twice, (void)no_number, (void)below, (void)green, (void)unnamed;
	(void)joined, (void)beyond, (void)none, (void)nothing, (void)bits, (void)text;
	(void)whole, (void)row, (void)grid, (void)repeats, (void)null, (void)bad;
}

START_TEST(writes_what_variables_hold)
{
	write_mine();
}
END_TEST

/* Memory of which some can be read, and says anything. */
static int read_anything(void *ctx, uint64_t addr, void *out, size_t size)
{
	uint64_t *seed = ctx;
	uint8_t *at = out;
	if (addr % 7 == 0)
		return -EFAULT;
	for (size_t i = 0; i < size; i++) {
		*seed = *seed * 6364136223846793005u + 1442695040888963407u;
		at[i] = (uint8_t)(*seed >> 56);
	}
	return 0;
}

/* All variables at an address, with registers that say anything. */
static size_t write_all(const struct turf_image *image, uint64_t addr, FILE *out)
{
	static struct turf_locals walk;
	struct turf_local local;
	struct turf_value value;
	uint64_t seed = addr;
	size_t n = 0;
	struct turf_values values = { .memory = { read_anything, &seed } };
	values.frame.pc = values.frame.lookup_pc = addr;
	values.frame.location.image = image;
	values.frame.location.addr = addr;
	values.frame.cfa = addr << 13;
	values.regs.machine = X86_64;
	values.regs.valid = 0x1ffff & ~(addr & 0xff);
	for (size_t i = 0; i < TURF_MAX_REGS; i++)
		values.regs.value[i] = addr * (i + 1);
	values.caller = values.frame;
	values.caller_regs = values.regs;
	for (uint32_t frame = 0; frame < 4; frame++) {
		if (turf_image_locals(image, addr, frame, &walk) != 1)
			break;
		for (; turf_locals_next(&walk, &local) == 1; n++) {
			turf_value_of_local(&values, &walk, &local, &value);
			turf_value_print(&values, &value, NULL, out);
			ck_assert_int_lt(ftell(out), 1 << 22);
			rewind(out);
		}
	}
	return n;
}

START_TEST(hostile_values_end)
{
	scoped(closep) int urf = build_self(1);
	struct turf_image *image = open_urf(urf);
	struct turf_image_info info;
	FILE *out = tmpfile();
	size_t n = 0;
	turf_image_info(image, &info);
	for (uint64_t addr = info.base; addr < info.end; addr += 61)
		n += write_all(image, addr, out);
	ck_assert_uint_gt(n, 1000);
	fclose(out);
	turf_image_close(image);
}
END_TEST

START_TEST(bent_urfs_are_survived)
{
	scoped(closep) int urf = build_self(1);
	struct mapping file;
	struct turf_image_info info;
	FILE *out = tmpfile();
	ck_assert_int_eq(turf_map_fd(urf, "urf", &file, NULL), 0);
	scoped(freep) uint8_t *copy = malloc(file.bytes.size);
	memcpy(copy, file.bytes.at, file.bytes.size);
	uint64_t seed = 1;
	for (unsigned i = 0; i < 300; i++) {
		struct turf_image *image;
		for (unsigned k = 0; k < 50; k++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			copy[4096 + (seed >> 20) % (file.bytes.size - 4096)] ^=
				(uint8_t)(1u << (seed >> 61));
		}
		if (turf_image_open_mem(copy, file.bytes.size, &image, NULL) < 0) {
			memcpy(copy, file.bytes.at, file.bytes.size);
			continue;
		}
		turf_image_info(image, &info);
		uint64_t step = (info.end - info.base) / 50 + 1;
		for (uint64_t addr = info.base + i; addr < info.end; addr += step)
			write_all(image, addr, out);
		turf_image_close(image);
		if (i % 20 == 19)
			memcpy(copy, file.bytes.at, file.bytes.size);
	}
	fclose(out);
	turf_unmap(&file);
}
END_TEST

TESTS("value/value", writes_what_variables_hold, hostile_values_end, bent_urfs_are_survived)
