/* SPDX-License-Identifier: MIT */
/*
 * Linkage names of C++, Rust and D as their programmers wrote them.
 *
 * Names are demangled here, where they are shown, and nowhere else: an urf holds each name
 * once, as the linker knows it.
 *
 * Trust: none. A name that would become longer than OUTPUT_MAX, or that nests so deep that the
 *        stack is in danger, stays as it is.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "config.h"

bool cli_is_mangled(const char *name)
{
	return name[0] == '_' && (name[1] == 'Z' || name[1] == 'R' || name[1] == 'D');
}

bool cli_demangle_limited;
bool cli_demangle_rust = true;

#if HAVE_DEMANGLE
#include <libiberty/demangle.h>

enum {
	OUTPUT_FIRST = 1 << 10,
	OUTPUT_MAX = 1 << 16, /* a name of n bytes can be made to say 2^n of them */
	DEEP_MAX = 4096,      /* longer names are held to libiberty's limit of nesting */
};

/* What a thread demangles at the moment. */
struct output {
	char *text;
	size_t n, room;
	jmp_buf full; /* the demanglers ask nobody whether to go on */
};
static _Thread_local struct output *output;

/* Makes room for @n more bytes and a NUL; false: that is too much, or no memory. */
static bool output_room(struct output *out, size_t n)
{
	if (n < out->room - out->n)
		return true;
	if (n >= OUTPUT_MAX - out->n)
		return false;
	size_t room = out->room ? 2 * out->room : OUTPUT_FIRST;
	while (n >= room - out->n)
		room *= 2;
	char *text = realloc(out->text, room);
	if (!text)
		return false;
	out->text = text;
	out->room = room;
	return true;
}

static void collect(const char *text, size_t n, void *ctx)
{
	struct output *out = ctx;
	if (!output_room(out, n))
		longjmp(out->full, 1);
	memcpy(out->text + out->n, text, n);
	out->n += n;
}

/* What it gives is in @out; false: it is none of C++ or Rust. */
static bool demangle_cxx(struct output *out, const char *name, int options)
{
	if (setjmp(out->full))
		return false;
	/* Rust's legacy names end in a hash: "17h" and 16 digits */
	bool rust = name[1] == 'R' || (cli_demangle_rust && strstr(name, "17h"));
	if (rust && rust_demangle_callback(name, options, collect, out))
		return true;
	out->n = 0;
	return name[1] == 'Z' && cplus_demangle_v3_callback(name, options, collect, out);
}

static bool demangle_d(struct output *out, const char *name, int options)
{
	enum { D_MAX = 1024 };
	char *shown = strlen(name) <= D_MAX ? dlang_demangle(name, options) : NULL;
	size_t n = shown ? strlen(shown) : 0;
	bool fits = shown && output_room(out, n);
	if (fits)
		memcpy(out->text, shown, out->n = n);
	free(shown);
	return fits;
}

static bool demangle(struct output *out, const char *name)
{
	int options = DMGL_PARAMS | DMGL_ANSI;
	out->n = 0;
	if (name[1] == 'D')
		return demangle_d(out, name, options);
	if (strlen(name) <= DEEP_MAX && !cli_demangle_limited)
		options |= DMGL_NO_RECURSE_LIMIT;
	return demangle_cxx(out, name, options);
}

/* What stands behind an '@' (foo@plt, foo@VERSION) is no part of the mangled name. */
static bool demangle_versioned(struct output *out, const char *name)
{
	const char *at = strchr(name, '@');
	if (!at)
		return demangle(out, name);
	char *plain = strndup(name, (size_t)(at - name));
	bool done = plain && demangle(out, plain) && output_room(out, strlen(at));
	free(plain);
	if (done)
		collect(at, strlen(at), out);
	return done;
}

struct cli_text cli_demangle_now(const char *name)
{
	static const struct cli_text none;
	if (!cli_is_mangled(name) || (!output && !(output = calloc(1, sizeof(*output)))) ||
	    !demangle_versioned(output, name) || !output_room(output, 0))
		return none;
	output->text[output->n] = 0;
	return (struct cli_text){ output->text, output->n };
}

void cli_demangle_end(void)
{
	if (output)
		free(output->text);
	free(output);
	output = NULL;
}
#else
struct cli_text cli_demangle_now(const char *name)
{
	(void)name;
	return (struct cli_text){ NULL };
}

void cli_demangle_end(void)
{
}
#endif

struct cli_text cli_demangle(const char *name)
{
	static struct cli_table table;
	static const struct cli_text none;
	bool is_new;
	if (!name || !cli_is_mangled(name))
		return none;
	struct cli_entry *e = cli_table_name(&table, name, &is_new);
	if (!e)
		return none;
	if (is_new)
		e->text = cli_keep(cli_demangle_now(name));
	return e->text;
}
