/* SPDX-License-Identifier: MIT */
/*
 * Numbers, characters, enumerators and texts as gdb writes those of C.
 *
 * Trust:  none; floats are of the sizes that machines have, others are not told
 */
#include <inttypes.h>
#include <math.h>

#include "value/value.h"

static uint64_t take_word(const uint8_t *bytes, size_t size)
{
	uint64_t v = 0;
	for (size_t i = 0; i < size; i++)
		v |= (uint64_t)bytes[i] << 8 * i;
	return v;
}

static int64_t extend(uint64_t v, size_t size)
{
	unsigned shift = 64 - 8 * (unsigned)size;
	return (int64_t)(v << shift) >> shift;
}

/* One character; @quote is the one that stands around. */
static void put_char(FILE *out, uint8_t c, char quote)
{
	static const char named[] = "\aa\bb\ff\nn\rr\tt\vv";
	const char *at = c ? strchr(named, c) : NULL;
	if (at && (at - named) % 2 == 0)
		fprintf(out, "\\%c", at[1]);
	else if (c == '\\' || c == (uint8_t)quote)
		fprintf(out, "\\%c", c);
	else if (c < 0x20 || c >= 0x7f)
		fprintf(out, "\\%03o", c);
	else
		fputc(c, out);
}

__extension__ typedef unsigned __int128 wide;

static void put_wide(FILE *out, wide v, bool is_signed)
{
	char digits[48];
	size_t n = sizeof(digits);
	bool below = is_signed && v >> 127;
	v = below ? 0 - v : v;
	do
		digits[--n] = (char)('0' + (unsigned)(v % 10));
	while (v /= 10);
	if (below)
		digits[--n] = '-';
	fwrite(digits + n, 1, sizeof(digits) - n, out);
}

static void put_integer(FILE *out, const uint8_t *bytes, size_t size, bool is_signed)
{
	if (size == 16)
		put_wide(out, (wide)take_word(bytes + 8, 8) << 64 | take_word(bytes, 8),
		         is_signed);
	else if (is_signed)
		fprintf(out, "%" PRId64, extend(take_word(bytes, size), size));
	else
		fprintf(out, "%" PRIu64, take_word(bytes, size));
}

/* What is no number: its mantissa says which. */
static void put_special(FILE *out, long double v, uint64_t mantissa)
{
	fputs(signbit(v) ? "-" : "", out);
	if (isinf(v))
		fputs("inf", out);
	else
		fprintf(out, "nan(0x%" PRIx64 ")", mantissa);
}

/* As many digits as tell each number of the format from its neighbours. */
static void put_float(FILE *out, const uint8_t *bytes, size_t size)
{
	enum { X87_SIZE = 10 };
	float f;
	double d;
	long double ld = 0;
	uint64_t word = take_word(bytes, MIN(size, (size_t)8)), mantissa = word;
	int digits = 9;
	if (size == sizeof(f)) {
		memcpy(&f, bytes, sizeof(f));
		ld = f;
		mantissa = word & 0x7fffff;
	} else if (size == sizeof(d)) {
		memcpy(&d, bytes, sizeof(d));
		ld = d;
		digits = 17;
		mantissa = word & 0xfffffffffffff;
	} else if (size == 16 && __LDBL_MANT_DIG__ == 64) {
		memcpy(&ld, bytes, X87_SIZE);
		digits = 20;
	} else {
		fprintf(out, "<float of %zu bytes>", size);
		return;
	}
	if (isnan(ld) || isinf(ld))
		put_special(out, ld, mantissa);
	else
		fprintf(out, "%.*Lg", digits, ld);
}

static bool knows_size(const struct turf_type *type, size_t size)
{
	return size == 16 ? type->encoding == ATE_SIGNED || type->encoding == ATE_UNSIGNED ||
	                            type->encoding == ATE_FLOAT
	                  : size >= 1 && size <= 8;
}

void turf_value_print_base(const struct printer *p, const struct turf_type *type,
                           const uint8_t *bytes, size_t size)
{
	if (!knows_size(type, size)) {
		fprintf(p->out, "<%zu bytes>", size);
		return;
	}
	switch (type->encoding) {
	case ATE_BOOLEAN:
		if (take_word(bytes, size) <= 1)
			fputs(take_word(bytes, size) ? "true" : "false", p->out);
		else
			put_integer(p->out, bytes, size, false);
		break;
	case ATE_FLOAT:
		put_float(p->out, bytes, size);
		break;
	case ATE_SIGNED_CHAR:
	case ATE_UNSIGNED_CHAR:
		put_integer(p->out, bytes, size, type->encoding == ATE_SIGNED_CHAR);
		if (size != 1)
			break;
		fputs(" '", p->out);
		put_char(p->out, bytes[0], '\'');
		fputc('\'', p->out);
		break;
	default:
		put_integer(p->out, bytes, size, type->encoding == ATE_SIGNED);
	}
}

static void put_name(const struct printer *p, turf_text name)
{
	char text[512];
	if (turf_image_text(p->image, name, text, sizeof(text)) > 0)
		fputs(text, p->out);
}

/* Each enumerator is bits of its own, without a gap between: they may be joined by "|". */
static bool is_of_flags(const struct turf_type *type)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	uint64_t seen = 0;
	turf_type_items(type, &walk);
	while (turf_type_items_next(&walk, &item) == 1) {
		uint64_t v = (uint64_t)item.value;
		if (item.kind != TURF_ITEM_ENUMERATOR)
			continue;
		uint64_t ones = v ? v >> __builtin_ctzll(v) : 0;
		if (item.value < 0 || (v & seen && v != 0) || ones & (ones + 1))
			return false;
		seen |= v;
	}
	return true;
}

static void put_flags(const struct printer *p, const struct turf_type *type, uint64_t v)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	const char *between = "(";
	turf_type_items(type, &walk);
	while (turf_type_items_next(&walk, &item) == 1) {
		uint64_t bits = (uint64_t)item.value;
		if (item.kind != TURF_ITEM_ENUMERATOR || !(v & bits))
			continue;
		fputs(between, p->out);
		put_name(p, item.name);
		between = " | ";
		v &= ~bits;
	}
	if (v)
		fprintf(p->out, "%sunknown: 0x%" PRIx64 ")", between, v);
	else
		fputs(between[0] == '(' ? "0" : ")", p->out);
}

void turf_value_print_enum(const struct printer *p, const struct turf_type *type, uint64_t v)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	turf_type_items(type, &walk);
	while (turf_type_items_next(&walk, &item) == 1) {
		if (item.kind != TURF_ITEM_ENUMERATOR || (uint64_t)item.value != v)
			continue;
		if (type->scoped_enum) {
			char name[512];
			if (turf_image_type_name(p->image, type->number, name, sizeof(name)) >
			    0)
				fprintf(p->out, "%s::", name);
		} else if (type->scope) {
			struct turf_type in;
			char name[512];
			if (turf_image_type(p->image, type->scope, &in) == 1 &&
			    in.kind != TURF_TYPE_SCOPE &&
			    turf_image_type_name(p->image, type->scope, name, sizeof(name)) > 0)
				fprintf(p->out, "%s::", name);
		}
		put_name(p, item.name);
		return;
	}
	if (is_of_flags(type))
		put_flags(p, type, v);
	else
		fprintf(p->out, "%" PRId64, (int64_t)v);
}

static size_t run_of(const uint8_t *text, size_t n)
{
	size_t run = 1;
	while (run < n && text[run] == text[0])
		run++;
	return run;
}

void turf_value_print_text(const struct printer *p, const uint8_t *text, size_t n, bool more)
{
	bool in_quotes = false, first = true;
	if (!more && n && !text[n - 1])
		n--;
	if (!n)
		fputs("\"\"", p->out);
	for (size_t i = 0, run; i < n; i += run) {
		run = run_of(text + i, n - i);
		bool repeats = run > p->format.max_repeats;
		run = repeats ? run : 1;
		if (in_quotes && repeats)
			fputc('"', p->out);
		if (!first && repeats != !in_quotes)
			fputs(", ", p->out);
		if (repeats) {
			fputc('\'', p->out);
			put_char(p->out, text[i], '\'');
			fprintf(p->out, "' <repeats %zu times>", run);
		} else {
			if (!in_quotes)
				fputc('"', p->out);
			put_char(p->out, text[i], '"');
		}
		in_quotes = !repeats;
		first = false;
	}
	if (in_quotes)
		fputc('"', p->out);
	fputs(more ? "..." : "", p->out);
}
