/* SPDX-License-Identifier: MIT */
/*
 * Linkage names of C++, Rust and D as their programmers wrote them.
 *
 * Names are demangled here, where they are shown, and nowhere else: an urf holds each name
 * once, as the linker knows it. A run demangles each name once.
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
	OUTPUT_MAX = 1 << 16, /* a name of n bytes can be made to say 2^n of them */
	DEEP_MAX = 4096,      /* longer names are held to libiberty's limit of nesting */
};

struct output {
	char *text; /* OUTPUT_MAX bytes */
	size_t n;
	jmp_buf full; /* the demanglers ask nobody whether to go on */
};

static void collect(const char *text, size_t n, void *ctx)
{
	struct output *out = ctx;
	if (n >= OUTPUT_MAX - out->n)
		longjmp(out->full, 1);
	memcpy(out->text + out->n, text, n);
	out->n += n;
}

/* The name in new memory; NULL: it is none of C++ or Rust. */
static char *demangle_cxx(const char *name, int options)
{
	static char text[OUTPUT_MAX];
	struct output out = { .text = text };
	if (setjmp(out.full))
		return NULL;
	if ((cli_demangle_rust || name[1] == 'R') &&
	    rust_demangle_callback(name, options, collect, &out))
		return strndup(text, out.n);
	if (name[1] != 'Z')
		return NULL;
	out.n = 0;
	return cplus_demangle_v3_callback(name, options, collect, &out) ? strndup(text, out.n)
	                                                                : NULL;
}

static char *demangle(const char *name, bool limited)
{
	enum { D_MAX = 1024 };
	int options = DMGL_PARAMS | DMGL_ANSI;
	size_t n = strlen(name);
	if (name[1] == 'D')
		return n <= D_MAX ? dlang_demangle(name, options) : NULL;
	if (n <= DEEP_MAX && !limited)
		options |= DMGL_NO_RECURSE_LIMIT;
	return demangle_cxx(name, options);
}
#else
static char *demangle(const char *name, bool limited)
{
	(void)name;
	(void)limited;
	return NULL;
}
#endif

/* What stands behind an '@' (foo@plt, foo@VERSION) is no part of the mangled name. */
static char *demangle_versioned(const char *name)
{
	const char *at = strchr(name, '@');
	if (!at)
		return demangle(name, cli_demangle_limited);
	char *plain = strndup(name, (size_t)(at - name)), *versioned = NULL;
	char *shown = plain ? demangle(plain, cli_demangle_limited) : NULL;
	if (shown && asprintf(&versioned, "%s%s", shown, at) < 0)
		versioned = NULL;
	free(plain);
	free(shown);
	return versioned;
}

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
	if (is_new) {
		char *shown = demangle_versioned(name);
		e->text = (struct cli_text){ shown, shown ? strlen(shown) : 0 };
	}
	return e->text;
}
