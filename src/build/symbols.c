/* SPDX-License-Identifier: MIT */
/*
 * ELF symbols, and stubs named after what they call -> one table of what stands in code, sorted
 * by address, best name first.
 *
 * Order at one address: functions before untyped symbols; global before weak before local; with
 * a size before without; by name. A symbol without a size reaches up to the next symbol, at
 * most to the end of its code area.
 */
#include <elf.h>

#include "base/sort.h"
#include "build/bits.h"
#include "build/build.h"

static bool is_code(const struct inputs *in, const struct elf_symbol *s)
{
	if (s->type != STT_FUNC && s->type != STT_NOTYPE && s->type != STT_GNU_IFUNC)
		return false;
	if (s->section == SHN_UNDEF || s->section == SHN_ABS || !s->name[0])
		return false;
	/* aarch64 and arm mark code and data by local symbols that are nobody's names */
	if (s->name[0] == '$' && s->type == STT_NOTYPE && s->bind == STB_LOCAL)
		return false;
	uint64_t start = s->addr, end = s->addr + 1;
	return end && turf_clip_to_code(in, &start, &end) && start == s->addr;
}

static int read_table(struct builder *b, const struct elf *elf, uint32_t type,
                      struct turf_error *err)
{
	struct elf_symbols walk;
	int r = turf_elf_symbols(elf, type, &walk, err);
	if (r <= 0)
		return r;
	struct elf_symbol s;
	while ((r = turf_elf_next_symbol(&walk, &s, err)) == 1) {
		if (!is_code(&b->in, &s))
			continue;
		struct sym *sym = vec_push(&b->syms);
		if (!sym)
			return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for symbols");
		*sym =
			(struct sym){ s.addr, s.size,    s.name, s.type,
			              s.bind, s.section, false,  0 };
	}
	return r < 0 ? r : 1;
}

/* The symbols of .gnu_debugdata. A malformed one is named, and what was read of it is kept. */
static int read_mini(struct builder *b, struct turf_error *err)
{
	struct turf_error why = { 0 };
	struct elf elf;
	int r = turf_elf_debug_data(&b->in.source.elf, &b->in.mini, &why);
	if (r == 0)
		return 0;
	if (r == 1) {
		r = turf_elf_open(b->in.mini.bytes, &elf, &why);
		if (r == 0)
			r = read_table(b, &elf, SHT_SYMTAB, &why);
		turf_error_context(&why, "section .gnu_debugdata");
	}
	if (r == -ENOMEM)
		return turf_fail(err, r, TURF_NOWHERE, "no memory for .gnu_debugdata");
	if (r < 0)
		turf_build_note(b, TURF_WARNING, "%s: %s: left out", b->in.name, why.text);
	return 0;
}

/* A stub that calls foo is called foo@plt. The names may take as much room as the file does:
 * more only where stubs share names without end. */
static int add_stubs(struct builder *b, const struct elf_stubs *stubs, struct turf_error *err)
{
	static const char suffix[] = "@plt";
	size_t left = b->in.source.map.bytes.size;
	for (size_t i = 0; i < stubs->n; i++) {
		const struct elf_stub *stub = &stubs->at[i];
		size_t n = strlen(stub->name);
		if (n + sizeof(suffix) > left)
			return turf_fail(err, -E2BIG, TURF_NOWHERE,
			                 "names of stubs are longer than the file");
		left -= n + sizeof(suffix);
		char *name = turf_arena_alloc(&b->syms.names, n + sizeof(suffix));
		struct sym *sym = name ? vec_push(&b->syms) : NULL;
		if (!sym)
			return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for symbols");
		memcpy(name, stub->name, n);
		memcpy(name + n, suffix, sizeof(suffix));
		*sym = (struct sym){ .start = stub->addr,
			             .size = stub->size,
			             .name = name,
			             .type = STT_FUNC,
			             .bind = STB_LOCAL };
	}
	return 0;
}

/* Stubs of the procedure linkage table have no symbols: names are made for them. */
static int read_stubs(struct builder *b, struct turf_error *err)
{
	struct elf_stubs stubs = { 0 };
	struct turf_error why = { 0 };
	int r = turf_elf_stubs(&b->in.source.elf, &stubs, &why);
	if (r == 1)
		r = add_stubs(b, &stubs, &why);
	vec_fini(&stubs);
	if (r == -ENOMEM)
		return turf_fail(err, r, TURF_NOWHERE, "no memory for stubs");
	if (r < 0)
		turf_build_note(b, TURF_WARNING, "%s: linkage table: %s: left out", b->in.name,
		                why.text);
	return 0;
}

static unsigned rank(const struct sym *s)
{
	unsigned type = s->type == STT_NOTYPE, bind = s->bind == STB_LOCAL  ? 2
	                                              : s->bind == STB_WEAK ? 1
	                                                                    : 0;
	return type << 3 | bind << 1 | (s->size == 0);
}

/* Of two at one address. */
static int compare(const void *a, const void *b)
{
	const struct sym *x = a, *y = b;
	unsigned rx = rank(x), ry = rank(y);
	if (rx != ry)
		return rx < ry ? -1 : 1;
	int names = strcmp(x->name, y->name);
	if (names)
		return names;
	return (x->size > y->size) - (x->size < y->size);
}

static void sort_few(struct sym *at, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct sym one = at[i];
		size_t k = i;
		for (; k && compare(&at[k - 1], &one) > 0; k--)
			at[k] = at[k - 1];
		at[k] = one;
	}
}

/* By address first, which is most of the work; then what stands at one address. */
static bool sort_symbols(struct syms *syms)
{
	enum { FEW = 16 };
	size_t n = syms->n;
	scoped(freep) struct sort_pair *keys = calloc(2 * n + 1, sizeof(*keys));
	struct sym *sorted = calloc(n + 1, sizeof(*sorted));
	if (!keys || !sorted) {
		free(sorted);
		return false;
	}
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct sort_pair){ syms->at[i].start, i };
	sort_pairs(keys, keys + n, n);
	for (size_t i = 0; i < n; i++)
		sorted[i] = syms->at[keys[i].value];
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && sorted[end].start == sorted[i].start; end++)
			;
		if (end - i <= FEW)
			sort_few(&sorted[i], end - i);
		else
			qsort(&sorted[i], end - i, sizeof(*sorted), compare);
	}
	free(syms->at);
	syms->at = sorted;
	syms->room = n + 1;
	return true;
}

/* .symtab and .dynsym name the same things: one of each name and address is enough. */
static void drop_repeats(struct syms *syms)
{
	size_t n = 0;
	for (size_t i = 0; i < syms->n; i++) {
		bool seen = false;
		for (size_t k = n; k-- > 0 && syms->at[k].start == syms->at[i].start && !seen;)
			seen = !strcmp(syms->at[k].name, syms->at[i].name);
		if (!seen)
			syms->at[n++] = syms->at[i];
	}
	syms->n = n;
}

/*
 * Gives every symbol an end, so that no look-up has to guess one. A label without a size inside
 * a symbol that has one covers nothing: it names a place, not the code behind it.
 */
static void fill_sizes(const struct inputs *in, struct syms *syms)
{
	uint64_t next = UINT64_MAX; /* the lowest start above the current one */
	for (size_t i = syms->n; i-- > 0;) {
		struct sym *s = &syms->at[i];
		if (i + 1 < syms->n && syms->at[i + 1].start != s->start)
			next = syms->at[i + 1].start;
		uint64_t start = s->start, end;
		s->label = !s->size;
		if (!s->size || __builtin_add_overflow(s->start, s->size, &end))
			end = next;
		turf_clip_to_code(in, &start, &end);
		s->size = end - s->start;
	}
	uint64_t covered = 0;
	for (size_t i = 0; i < syms->n; i++) {
		struct sym *s = &syms->at[i];
		if (s->label && s->start < covered)
			s->size = 0;
		else if (!s->label)
			covered = MAX(covered, s->start + s->size);
	}
}

/* Before anything else names things: so this can go on beside other preparations. */
static int name_symbols(struct builder *b)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < b->syms.n; i++)
		r = turf_build_text(b, b->syms.at[i].name, &b->syms.at[i].text);
	return r;
}

int turf_build_symbols(struct builder *b, struct turf_error *err)
{
	const struct elf *files[] = { b->in.debug.open ? &b->in.debug.elf : NULL,
		                      &b->in.source.elf };
	int r = 0;
	/* one full table is enough, .gnu_debugdata stands in for it; .dynsym adds names that a
	 * stripped .symtab has not */
	for (size_t f = 0; f < COUNT(files) && r == 0; f++)
		r = files[f] ? read_table(b, files[f], SHT_SYMTAB, err) : 0;
	if (r == 0)
		r = read_mini(b, err);
	if (r >= 0)
		r = read_table(b, &b->in.source.elf, SHT_DYNSYM, err);
	if (r >= 0)
		r = read_stubs(b, err);
	if (r < 0) {
		turf_error_context(err, "%s", b->in.name);
		return r;
	}
	if (b->syms.n > UINT32_MAX)
		return turf_fail(err, -E2BIG, TURF_NOWHERE, "%s: too many symbols", b->in.name);
	if (!sort_symbols(&b->syms))
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory for symbols",
		                 b->in.name);
	drop_repeats(&b->syms);
	fill_sizes(&b->in, &b->syms);
	r = name_symbols(b);
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "%s: no memory for symbols", b->in.name)
	             : 0;
}

const struct sym *turf_symbol_at(const struct syms *syms, uint64_t addr, const char *name,
                                 bool *has_name)
{
	size_t lo = 0, hi = syms->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (syms->at[mid].start < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	*has_name = false;
	if (lo == syms->n || syms->at[lo].start != addr)
		return NULL;
	for (size_t i = lo; name && i < syms->n && syms->at[i].start == addr && !*has_name; i++)
		*has_name = !strcmp(syms->at[i].name, name);
	return &syms->at[lo];
}

/*
 * How many entries back the last symbol is that ends behind each one: on a stack lie those that
 * end behind all that came after them.
 */
static int link_back(const struct syms *syms, uint32_t *back)
{
	scoped(freep) uint32_t *stack = calloc(syms->n + 1, sizeof(*stack));
	size_t n = 0;
	if (!stack)
		return -ENOMEM;
	for (size_t i = 0; i < syms->n; i++) {
		const struct sym *s = &syms->at[i];
		while (n && syms->at[stack[n - 1]].start + syms->at[stack[n - 1]].size <=
		                    s->start + s->size)
			n--;
		back[i] = n ? (uint32_t)i - stack[n - 1] : 0;
		stack[n++] = (uint32_t)i;
	}
	return 0;
}

static uint32_t kind_of(const struct sym *s)
{
	return (s->bind & 15u) | (s->type & 15u) << 4;
}

/* The columns of @s in the group that begins with @first. */
static void columns_of(const struct builder *b, const struct sym *s, const struct sym *first,
                       uint32_t back, uint32_t columns[URF_SYMBOL_COLUMNS])
{
	columns[URF_SYMBOL_START] = (uint32_t)(s->start - first->start);
	columns[URF_SYMBOL_SIZE] = (uint32_t)s->size;
	columns[URF_SYMBOL_TEXT] = b->texts.final[s->text];
	columns[URF_SYMBOL_BACK] = back;
	columns[URF_SYMBOL_KIND] = kind_of(s);
}

/* The group of @n symbols from @at on. */
static bool put_group(struct builder *b, const struct sym *at, const uint32_t *back, size_t n)
{
	struct buf *out = &b->tables.of[URF_SYMBOL_DATA];
	uint32_t rows[URF_SYMBOL_STEP][URF_SYMBOL_COLUMNS], all[URF_SYMBOL_COLUMNS] = { 0 };
	uint8_t head[URF_SYMBOL_COLUMNS + 1];
	unsigned row_bits = 0;
	uint32_t kind = kind_of(at);
	for (size_t i = 0; i < n; i++) {
		columns_of(b, &at[i], at, back[i], rows[i]);
		rows[i][URF_SYMBOL_KIND] ^= kind;
		for (unsigned k = 0; k < URF_SYMBOL_COLUMNS; k++)
			all[k] |= rows[i][k];
	}
	for (unsigned k = 0; k < URF_SYMBOL_COLUMNS; k++)
		row_bits += head[k] = turf_bits_width(all[k]);
	head[URF_SYMBOL_COLUMNS] = (uint8_t)kind;
	struct bits bits;
	if (!turf_buf_put(out, head, sizeof(head)) ||
	    !turf_bits_begin(&bits, out, n * row_bits))
		return false;
	struct bit_writer to = turf_bits_writer(&bits, out);
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < URF_SYMBOL_COLUMNS; k++)
			turf_bits_append(&to, rows[i][k], head[k]);
	turf_bits_end(&to);
	return true;
}

int turf_emit_symbols(struct builder *b)
{
	const struct syms *syms = &b->syms;
	scoped(freep) uint32_t *back = calloc(syms->n + 1, sizeof(*back));
	int r = back ? link_back(syms, back) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < syms->n; i += URF_SYMBOL_STEP) {
		struct urf_symbols group = { le32_of(syms->at[i].start - b->in.base),
			                     le32_of(b->tables.of[URF_SYMBOL_DATA].n) };
		r = table_put(&b->tables, URF_SYMBOLS, &group, sizeof(group));
		if (r == 0 && !put_group(b, &syms->at[i], &back[i],
		                         MIN(syms->n - i, (size_t)URF_SYMBOL_STEP)))
			r = -ENOMEM;
	}
	if (syms->n)
		b->flags |= URF_HAS_SYMBOLS;
	return r;
}
