/* SPDX-License-Identifier: MIT */
/*
 * Text of any bytes as a JSON string.
 *
 * Source: RFC 8259 section 7; well-formed UTF-8 as in Unicode 15 table 3-7
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* Bytes of the UTF-8 character that @s begins with, 0 where it is malformed. */
static size_t utf8_size(const unsigned char *s, size_t n)
{
	unsigned char low = 0x80, high = 0xbf; /* of the second byte */
	size_t size;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		size = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		size = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		size = 4;
	else
		return s[0] < 0x80;
	if (s[0] == 0xe0)
		low = 0xa0; /* overlong */
	else if (s[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (s[0] == 0xf0)
		low = 0x90; /* overlong */
	else if (s[0] == 0xf4)
		high = 0x8f; /* beyond U+10FFFF */
	if (n < size || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < size; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

static char *put(char *out, const void *bytes, size_t n)
{
	memcpy(out, bytes, n);
	return out + n;
}

static char *put_ascii(char *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	if (c == '"' || c == '\\') {
		*out++ = '\\';
		*out++ = (char)c;
	} else if (c == '\n') {
		out = put(out, "\\n", 2);
	} else if (c == '\t') {
		out = put(out, "\\t", 2);
	} else if (c < 0x20) {
		out = put(out, "\\u00", 4);
		*out++ = digits[c >> 4];
		*out++ = digits[c & 15];
	} else {
		*out++ = (char)c;
	}
	return out;
}

char *cli_json_escape(char *out, const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text;
	*out++ = '"';
	for (size_t i = 0; i < n;) {
		size_t size = utf8_size(s + i, n - i);
		if (size > 1)
			out = put(out, s + i, size);
		else if (size == 1)
			out = put_ascii(out, s[i]);
		else
			out = put(out, "\xef\xbf\xbd", 3); /* U+FFFD */
		i += size ? size : 1;
	}
	*out++ = '"';
	return out;
}

void cli_json_string(FILE *out, const char *text)
{
	char room[CLI_JSON_ROOM(512)];
	size_t n = strlen(text);
	if (n <= 512) {
		fwrite(room, 1, (size_t)(cli_json_escape(room, text, n) - room), out);
		return;
	}
	char *big = malloc(CLI_JSON_ROOM(n));
	if (!big) {
		fputs("\"\"", out); /* no memory: the line stays well-formed */
		return;
	}
	fwrite(big, 1, (size_t)(cli_json_escape(big, text, n) - big), out);
	free(big);
}

/* What stands where of JSON that is on its way. */
struct pretty {
	FILE *to;
	unsigned depth;
	bool opened; /* a bracket, with nothing in it yet */
	bool text;   /* within quotes, */
	bool escape; /* behind a backslash */
};

static void new_line(const struct pretty *p)
{
	fprintf(p->to, "\n%*s", (int)(2 * p->depth), "");
}

static void put_pretty(struct pretty *p, char c)
{
	bool closes = !p->text && (c == '}' || c == ']');
	if (closes && p->depth)
		p->depth--;
	if (p->opened != closes)
		new_line(p);
	p->opened = !p->text && (c == '{' || c == '[');
	p->depth += p->opened;
	putc(c, p->to);
	if (!p->text && c == ',')
		new_line(p);
	if (!p->text && c == ':')
		putc(' ', p->to);
	if (c == '"' && !p->escape)
		p->text = !p->text;
	p->escape = p->text && c == '\\' && !p->escape;
}

static ssize_t write_pretty(void *ctx, const char *bytes, size_t n)
{
	struct pretty *p = ctx;
	for (size_t i = 0; i < n; i++)
		if (bytes[i] == '\n' && !p->depth)
			putc('\n', p->to); /* between two documents */
		else
			put_pretty(p, bytes[i]);
	return fflush(p->to) == 0 ? (ssize_t)n : 0;
}

static int close_pretty(void *ctx)
{
	free(ctx);
	return 0;
}

FILE *cli_json_pretty(FILE *to)
{
	struct pretty *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->to = to;
	FILE *out = fopencookie(
		p, "w",
		(cookie_io_functions_t){ .write = write_pretty, .close = close_pretty });
	if (!out)
		free(p);
	return out;
}
