/* SPDX-License-Identifier: MIT */
/*
 * Requests: [CODE|DATA|FRAME] [FILE:]["]FILE["] ADDRESS|SYMBOL[+OFFSET], where the file is left
 * out when the command line has named one.
 */
#include <stdlib.h>
#include <string.h>

#include "llvm.h"

static bool skip_word(const char **at, const char *word)
{
	size_t n = strlen(word);
	if (strncmp(*at, word, n) != 0)
		return false;
	*at += n;
	return true;
}

/* The next word, which quotes may hold together; @out has room for all of it. */
static void take_word(const char **at, char *out, bool quotes)
{
	const char *from = *at + strspn(*at, " \n\r");
	size_t n;
	if (quotes && (*from == '"' || *from == '\'')) {
		const char *end = strchr(from + 1, *from);
		n = end ? (size_t)(end - from - 1) : 0;
		from++;
		*at = end ? end + 1 : from;
	} else {
		n = strcspn(from, " \n\r");
		*at = from + n;
	}
	memcpy(out, from, n);
	out[n] = 0;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 99;
}

/* A whole number; @base 0: "0x", "0b", "0o" or "0" say which. */
static bool read_number(const char *text, unsigned base, uint64_t *ret)
{
	if (base == 0) {
		char mark = text[0] == '0' ? text[1] | 0x20 : 0;
		base = mark == 'x' ? 16 : mark == 'b' ? 2 : mark == 'o' ? 8 : 10;
		text += base == 10 ? 0 : 2;
		if (base == 10 && text[0] == '0' && text[1]) {
			base = 8;
			text++;
		}
	}
	uint64_t n = 0;
	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned d = (unsigned)digit_of(*text);
		if (d >= base || __builtin_mul_overflow(n, base, &n) ||
		    __builtin_add_overflow(n, d, &n))
			return false;
	}
	*ret = n;
	return true;
}

/* A request by name, "main" or "main+0x10". */
static void read_symbol(char *text, struct llvm_request *out)
{
	char *plus = strrchr(text, '+');
	if (plus && read_number(plus + 1, 0, &out->address))
		*plus = 0;
	strcpy(out->symbol, text);
}

static const char *read_place(const struct llvm_options *o, char *text,
                              struct llvm_request *out)
{
	const char *digits = text;
	if (o->addr2line && text[0] == '0' && (text[1] | 0x20) == 'x')
		digits += 2;
	out->has_address = read_number(digits, o->addr2line ? 16 : 0, &out->address);
	if (out->has_address)
		return NULL;
	if (*text >= '0' && *text <= '9')
		return "expected a number as module offset";
	read_symbol(text, out);
	return NULL;
}

bool llvm_build_id(const char *text, char out[static LLVM_REQUEST])
{
	size_t n = strlen(text), at = n % 2;
	if (n == 0 || n + at >= LLVM_REQUEST)
		return false;
	out[0] = '0'; /* where the first pair lacks a digit */
	for (const char *c = text; *c; c++) {
		int digit = digit_of(*c);
		if (digit > 15)
			return false;
		out[at++] = "0123456789ABCDEF"[digit];
	}
	out[at] = 0;
	return true;
}

const char *llvm_parse(const struct llvm_options *o, const char *text, struct llvm_request *out)
{
	char place[LLVM_REQUEST];
	const char *at = text;
	*out = (struct llvm_request){ .command = LLVM_CODE };
	strncpy(out->module, o->module ? o->module : "", sizeof(out->module) - 1);
	if (skip_word(&at, "DATA "))
		out->command = LLVM_DATA;
	else if (skip_word(&at, "FRAME "))
		out->command = LLVM_FRAME;
	else
		skip_word(&at, "CODE ");
	at += strspn(at, " ");
	if (!*text)
		return "";
	bool file = skip_word(&at, "FILE:"), build_id = !file && skip_word(&at, "BUILDID:");
	if ((file || build_id) && (o->module || o->build_id))
		return "input file has already been specified";
	if (!o->module && !o->build_id) {
		take_word(&at, out->module, true);
		if (!*out->module)
			return "no input filename has been specified";
	}
	take_word(&at, place, false);
	if (!*place)
		return "no module offset has been specified";
	if (build_id || o->build_id) {
		char id[LLVM_REQUEST];
		out->by_build_id = true;
		if (!llvm_build_id(o->build_id ? o->build_id : out->module, id)) {
			out->module[0] = 0;
			return "wrong format of build-id";
		}
		strcpy(out->module, id);
	}
	return read_place(o, place, out);
}
