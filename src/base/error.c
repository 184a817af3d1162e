/* SPDX-License-Identifier: MIT */
/* Filling the caller's struct turf_error. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "turf/error.h"

static_assert(sizeof(struct turf_error) == 256, "part of the ABI");

/* Names from input go into the text: what would steer a terminal becomes '?'. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((uint8_t)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

void turf_error_set(struct turf_error *err, int code, uint64_t where, const char *fmt, ...)
{
	if (!err || err->code)
		return;
	err->code = code;
	err->where = where;
	va_list args;
	va_start(args, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	make_printable(err->text);
}

void turf_error_context(struct turf_error *err, const char *fmt, ...)
{
	if (!err || !err->code)
		return;
	char cause[sizeof(err->text)];
	memcpy(cause, err->text, sizeof(cause));
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(err->text, sizeof(err->text), fmt, args);
	va_end(args);
	/* what does not fit is cut off at the end */
	size_t at = n < 0 ? 0 : (size_t)n;
	if (at + 3 > sizeof(err->text))
		return;
	memcpy(err->text + at, ": ", 3);
	at += 2;
	size_t left = sizeof(err->text) - 1 - at, size = strnlen(cause, left);
	memcpy(err->text + at, cause, size);
	err->text[at + size] = 0;
	make_printable(err->text);
}
