/* SPDX-License-Identifier: MIT */
/*
 * The running kernel's functions, from /proc/kallsyms: "address type name[\t[module]]".
 *
 * Only text symbols are kept, one for each address: the first that the kernel tells, a global
 * one before others. Where the kernel hides addresses, all of them are 0.
 *
 * Source: kernel/kallsyms.c; types as nm(1) writes them
 */
#include <stdio.h>

#include "process/process.h"

enum { MAX_KALLSYMS = 256 << 20 };

struct kernel_symbol {
	uint64_t addr;
	uint32_t name, module; /* offsets in names; module 0: the kernel itself */
	uint8_t rank;          /* of several at one address, the lowest is kept */
};

struct turf_kernel {
	struct {
		struct kernel_symbol *at;
		size_t n, room;
	} symbols;
	struct buf names; /* offset 0 is "" */
};

void turf_kernel_close(struct turf_kernel *kernel)
{
	if (!kernel)
		return;
	vec_fini(&kernel->symbols);
	vec_fini(&kernel->names);
	free(kernel);
}

static void closep_kernel(struct turf_kernel **kernel)
{
	turf_kernel_close(*kernel);
}

/* The bytes before the next @end in the line, which is skipped; else all that is left. */
static struct span take_until(struct cursor *line, char end)
{
	const uint8_t *at = line->at;
	const uint8_t *stop = memchr(at, end, cur_left(line));
	size_t n = stop ? (size_t)(stop - at) : cur_left(line);
	cur_skip(line, n + (stop != NULL));
	return (struct span){ at, n };
}

static bool read_addr(struct span text, uint64_t *ret)
{
	uint64_t v = 0;
	if (!text.size || text.size > 16)
		return false;
	for (size_t i = 0; i < text.size; i++) {
		uint8_t c = text.at[i];
		if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
			return false;
		v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	*ret = v;
	return true;
}

/* A NUL-ended copy among the names; its offset, or 0: no memory. */
static uint32_t put_name(struct turf_kernel *kernel, struct span name)
{
	size_t off = kernel->names.n;
	if (!turf_buf_put(&kernel->names, name.at, name.size) ||
	    !turf_buf_put(&kernel->names, "", 1))
		return 0;
	return (uint32_t)off;
}

/* The offset of a module's name: that of the symbol before, mostly. */
static int put_module(struct turf_kernel *kernel, struct span name, uint32_t *ret)
{
	uint32_t last =
		kernel->symbols.n ? kernel->symbols.at[kernel->symbols.n - 1].module : 0;
	const char *before = (const char *)kernel->names.at + last;
	if (strlen(before) != name.size || memcmp(before, name.at, name.size) != 0)
		last = name.size ? put_name(kernel, name) : 0;
	*ret = last;
	return last || !name.size ? 0 : -ENOMEM;
}

static int rank_of(char type)
{
	static const char order[] = "TtWw";
	const char *at = memchr(order, type, sizeof(order) - 1);
	return at ? (int)(at - order) : -1;
}

static int add_symbol(struct turf_kernel *kernel, struct cursor *line)
{
	struct kernel_symbol symbol = { 0 };
	struct span addr = take_until(line, ' '), type = take_until(line, ' ');
	struct span name = take_until(line, '\t'), module = take_until(line, '\n');
	if (!read_addr(addr, &symbol.addr) || type.size != 1 || !name.size)
		return -EBADMSG;
	if (memchr(name.at, 0, name.size) || memchr(module.at, 0, module.size))
		return -EBADMSG;
	int rank = rank_of((char)type.at[0]);
	if (rank < 0)
		return 0;
	symbol.rank = (uint8_t)rank;
	if (module.size >= 2 && module.at[0] == '[' && module.at[module.size - 1] == ']')
		module = (struct span){ module.at + 1, module.size - 2 };
	int r = put_module(kernel, module, &symbol.module);
	symbol.name = put_name(kernel, name);
	struct kernel_symbol *at = r == 0 && symbol.name ? vec_push(&kernel->symbols) : NULL;
	if (!at)
		return -ENOMEM;
	*at = symbol;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct kernel_symbol *x = a, *y = b;
	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

static void sort_symbols(struct turf_kernel *kernel)
{
	struct kernel_symbol *at = kernel->symbols.at;
	size_t kept = 0;
	if (kernel->symbols.n)
		qsort(at, kernel->symbols.n, sizeof(*at), compare);
	for (size_t i = 0; i < kernel->symbols.n; i++)
		if (!i || at[i].addr != at[kept - 1].addr)
			at[kept++] = at[i];
	kernel->symbols.n = kept;
}

int turf_kernel_parse(struct span text, struct turf_kernel **ret, struct turf_error *err)
{
	scoped(closep_kernel) struct turf_kernel *kernel = calloc(1, sizeof(*kernel));
	if (!kernel || !turf_buf_put(&kernel->names, "", 1))
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "kallsyms: no memory");
	if (text.size > MAX_KALLSYMS)
		return turf_fail(err, -E2BIG, TURF_NOWHERE, "kallsyms: longer than %d bytes",
		                 MAX_KALLSYMS);
	struct cursor c = cur_of(text, false);
	while (cur_left(&c)) {
		size_t off = cur_off(&c);
		struct span bytes = take_until(&c, '\n');
		struct cursor line = cur_of(bytes, false);
		int r = bytes.size ? add_symbol(kernel, &line) : -EBADMSG;
		if (r < 0)
			return turf_fail(err, r, off, "kallsyms: %s",
			                 r == -ENOMEM ? "no memory" : "malformed line");
	}
	sort_symbols(kernel);
	if (!kernel->symbols.n || !kernel->symbols.at[kernel->symbols.n - 1].addr)
		return turf_fail(err, -EACCES, TURF_NOWHERE,
		                 "/proc/kallsyms: the kernel hides its addresses: needs "
		                 "CAP_SYSLOG, or kernel.kptr_restrict=0 with "
		                 "kernel.perf_event_paranoid<=1");
	*ret = take_ptr(kernel);
	return 0;
}

int turf_kernel_open(struct turf_kernel **ret, struct turf_error *err)
{
	struct buf text = { 0 };
	int r = turf_proc_slurp("/proc/kallsyms", MAX_KALLSYMS, &text);
	if (r < 0)
		turf_error_set(err, r, TURF_NOWHERE, "/proc/kallsyms: %s", strerror(-r));
	else
		r = turf_kernel_parse((struct span){ text.at, text.n }, ret, err);
	vec_fini(&text);
	return r;
}

int turf_kernel_find(const struct turf_kernel *kernel, uint64_t addr, const char **name,
                     uint64_t *start, const char **module)
{
	const struct kernel_symbol *at = kernel->symbols.at;
	size_t lo = 0, hi = kernel->symbols.n; /* at[lo - 1].addr <= addr < at[hi].addr */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (at[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return 0;
	const char *names = (const char *)kernel->names.at;
	if (strcmp(names + at[lo - 1].name, "_etext") == 0)
		return 0; /* the end of the kernel's text is no function */
	*name = names + at[lo - 1].name;
	*start = at[lo - 1].addr;
	*module = names + at[lo - 1].module;
	return 1;
}
