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
