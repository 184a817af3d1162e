/* SPDX-License-Identifier: MIT */
/*
 * A header names five tables: names, files of each package, paths, numbers by address, and
 * functions. A function says which of the numbers are its files, lines and inlined calls.
 *
 * The inline trees are not in this section but in another one, "go.func.*"; where that is, only
 * the runtime's module data says, which no symbol names in a stripped file. It is found by its
 * first word, which is the address of this section, and believed when its text begins where
 * ours does.
 */
#include <elf.h>

#include "elf/gopclntab.h"

enum { HEADER_FIXED = 8 }; /* magic, two zeros, quantum, size of a pointer */

/* Which of a function's tables is what: runtime/symtab.go, since 1.18. */
enum { PCDATA_INLINES = 2, FUNCDATA_INLINES = 3 };

/* Words of the runtime's module data: its text, and go.func.* in 1.18 and since 1.20. */
enum { MODULE_TEXT = 22, MODULE_FUNC_18 = 38, MODULE_FUNC_20 = 40 };

enum { INLINED_18 = 20, INLINED_20 = 16 }; /* bytes of an inlined call */

enum { LONGEST_NAME = 64 << 10 }; /* of type parameters; a longer one is no name */

static uint64_t word(struct cursor *c, const struct go_table *t)
{
	return t->ptr_size == 8 ? cur_u64(c) : cur_u32(c);
}

static struct span from(struct span s, uint64_t off)
{
	return s.at && off <= s.size ? (struct span){ s.at + off, s.size - off }
	                             : (struct span){ NULL, 0 };
}

static const char *string_at(struct span s, uint64_t off)
{
	struct span rest = from(s, off);
	rest.size = MIN(rest.size, (size_t)LONGEST_NAME);
	struct cursor c = cur_of(rest, false);
	const char *text = cur_str(&c);
	return c.bad ? "" : text;
}

static uint8_t version_of(uint32_t magic)
{
	switch (magic) {
	case 0xfffffffa:
		return 16;
	case 0xfffffff0:
		return 18;
	case 0xfffffff1:
		return 20;
	default:
		return 0;
	}
}

static int malformed(const struct elf_section *section, const char *why, struct turf_error *err)
{
	return turf_fail(err, -EBADMSG, section->off, "section %s: %s", section->name, why);
}

static int read_header(struct go_table *t, const struct elf_section *section,
                       struct turf_error *err)
{
	struct span all = t->data.bytes;
	struct cursor c = cur_of(all, t->big);
	t->version = version_of(cur_u32(&c));
	if (!c.bad && !t->version)
		return turf_fail(err, -ENOTSUP, section->off,
		                 "section %s: of a version of Go that is not known",
		                 section->name);
	cur_skip(&c, 2);
	t->quantum = cur_u8(&c);
	t->ptr_size = cur_u8(&c);
	if (!c.bad && ((t->quantum != 1 && t->quantum != 2 && t->quantum != 4) ||
	               (t->ptr_size != 4 && t->ptr_size != 8)))
		return malformed(section, "the header makes no sense", err);
	uint64_t n_functions = word(&c, t);
	word(&c, t); /* number of files */
	t->text = t->version >= 18 ? word(&c, t) : 0;
	t->names = from(all, word(&c, t));
	t->units = from(all, word(&c, t));
	t->files = from(all, word(&c, t));
	t->values = from(all, word(&c, t));
	t->functions = from(all, word(&c, t));
	if (c.bad)
		return malformed(section, "ends in its header", err);
	if (n_functions > t->functions.size / 8) /* an entry has eight bytes at least */
		return malformed(section, "has more functions than bytes", err);
	t->n_functions = (uint32_t)MIN(n_functions, (uint64_t)UINT32_MAX);
	return 0;
}

/* What the linker left for the loader to write at @addr: 0 where there is nothing. */
static uint64_t relocated(const struct elf *elf, uint64_t addr)
{
	for (uint32_t i = 1; elf->is64 && i < elf->n_sections; i++) {
		struct elf_section s;
		if (turf_elf_section(elf, i, &s, NULL) < 0 || s.type != SHT_RELA ||
		    !(s.flags & SHF_ALLOC))
			continue;
		struct cursor c = cur_of(span_part(elf->file, s.off, s.size), elf->big);
		while (cur_left(&c) >= sizeof(Elf64_Rela)) {
			uint64_t at = cur_u64(&c), info = cur_u64(&c), addend = cur_u64(&c);
			if (at == addr && !ELF64_R_SYM(info))
				return addend;
		}
	}
	return 0;
}

/* In a position independent program the loader writes where the text begins. */
static int find_text(const struct elf *elf, struct go_table *t,
                     const struct elf_section *section, struct turf_error *err)
{
	struct elf_section text;
	if (t->version < 18 || t->text)
		return 0;
	t->text = relocated(elf, section->addr + HEADER_FIXED + 2u * t->ptr_size);
	if (t->text)
		return 0;
	int r = turf_elf_find_section(elf, ".text", &text, err);
	if (r == 1)
		t->text = text.addr;
	return r == 0 ? malformed(section, "nothing says where the text begins", err)
	              : MIN(r, 0);
}

static uint64_t word_at(struct span s, uint64_t idx, const struct go_table *t)
{
	struct cursor c = cur_of(s, t->big);
	cur_seek(&c, idx * t->ptr_size);
	return word(&c, t);
}

/* The bytes from @addr to the end of the section that it lies in. */
static struct span bytes_at(const struct elf *elf, uint64_t addr)
{
	for (uint32_t i = 1; i < elf->n_sections; i++) {
		struct elf_section s;
		if (turf_elf_section(elf, i, &s, NULL) == 0 && s.flags & SHF_ALLOC &&
		    s.type == SHT_PROGBITS && addr >= s.addr && addr - s.addr < s.size)
			return from(span_part(elf->file, s.off, s.size), addr - s.addr);
	}
	return (struct span){ NULL, 0 };
}

/* Looks for the module data in one section; true: found, and the trees with it. */
static bool find_module(const struct elf *elf, struct go_table *t, uint64_t table,
                        struct span bytes)
{
	unsigned func = t->version == 18 ? MODULE_FUNC_18 : MODULE_FUNC_20;
	for (uint64_t off = 0; off + (func + 1) * t->ptr_size <= bytes.size;
	     off += t->ptr_size) {
		struct span module = from(bytes, off);
		if (word_at(module, 0, t) != table ||
		    word_at(module, MODULE_TEXT, t) != t->text)
			continue;
		t->inlines = bytes_at(elf, word_at(module, func, t));
		return true;
	}
	return false;
}

static int find_inlines(const struct elf *elf, struct go_table *t,
                        const struct elf_section *section, struct turf_error *err)
{
	for (uint32_t i = 1; t->version >= 18 && i < elf->n_sections; i++) {
		struct elf_section s;
		int r = turf_elf_section(elf, i, &s, err);
		if (r < 0)
			return r;
		if (s.type == SHT_PROGBITS && s.flags & SHF_WRITE && s.idx != section->idx &&
		    find_module(elf, t, section->addr, span_part(elf->file, s.off, s.size)))
			break;
	}
	return 0;
}

int turf_go_open(const struct elf *elf, struct go_table *ret, struct turf_error *err)
{
	struct go_table t = { .big = elf->big };
	struct elf_section section;
	int r = turf_elf_find_section(elf, ".gopclntab", &section, err);
	if (r == 0)
		r = turf_elf_find_section(elf, ".data.rel.ro.gopclntab", &section, err);
	if (r <= 0 || section.type == SHT_NOBITS)
		return MIN(r, 0);
	r = turf_elf_data(elf, &section, &t.data, err);
	if (r == 0)
		r = read_header(&t, &section, err);
	if (r == 0)
		r = find_text(elf, &t, &section, err);
	if (r == 0)
		r = find_inlines(elf, &t, &section, err);
	if (r < 0) {
		turf_go_close(&t);
		return r;
	}
	*ret = t;
	return 1;
}

void turf_go_close(struct go_table *table)
{
	turf_elf_data_fini(&table->data);
}

struct go_functions turf_go_functions(const struct go_table *table)
{
	return (struct go_functions){ .table = table };
}

/* The @idx-th entry of the list of functions: address, and offset of what is said of it. */
static bool read_entry(const struct go_table *t, uint32_t idx, uint64_t *addr, uint64_t *off)
{
	unsigned size = t->version >= 18 ? 4 : t->ptr_size;
	struct cursor c = cur_of(t->functions, t->big);
	cur_seek(&c, 2ull * size * idx);
	*addr = cur_uint(&c, size) + t->text;
	*off = cur_left(&c) ? cur_uint(&c, size) : 0; /* the last one only ends the list */
	return !c.bad;
}

/* Offsets of tables by number, behind a function's fields; 0: there is no such table. */
static uint32_t table_of(struct cursor c, uint32_t n, uint32_t idx)
{
	cur_skip(&c, 4ull * idx);
	uint32_t off = idx < n ? cur_u32(&c) : 0;
	return c.bad ? 0 : off;
}

static bool read_function(const struct go_table *t, uint64_t off, struct go_function *f)
{
	struct cursor c = cur_of(from(t->functions, off), t->big);
	cur_skip(&c, t->version >= 18 ? 4 : t->ptr_size); /* its address again */
	uint32_t name = cur_u32(&c);
	cur_skip(&c, 4 + 4 + 4); /* arguments, deferreturn, stack pointer */
	f->file_values = cur_u32(&c);
	f->line_values = cur_u32(&c);
	uint32_t n_values = cur_u32(&c);
	f->unit = cur_u32(&c);
	cur_skip(&c, (t->version >= 20 ? 4 : 0) + 3); /* first line; kind, flags, padding */
	uint8_t n_data = cur_u8(&c);
	if (c.bad || n_values > cur_left(&c) / 4)
		return false;
	f->name = string_at(t->names, name);
	f->inline_values = table_of(c, n_values, PCDATA_INLINES);
	f->inlines = UINT32_MAX;
	cur_skip(&c, 4ull * n_values);
	if (t->version >= 18 && n_data > FUNCDATA_INLINES && f->inline_values) {
		cur_skip(&c, 4ull * FUNCDATA_INLINES);
		f->inlines = cur_u32(&c);
	}
	return !c.bad;
}

int turf_go_next_function(struct go_functions *walk, struct go_function *ret)
{
	while (walk->next < walk->table->n_functions) {
		struct go_function f = { 0 };
		uint64_t off, unused;
		uint32_t idx = walk->next++;
		if (!read_entry(walk->table, idx, &f.start, &off) ||
		    !read_entry(walk->table, idx + 1, &f.end, &unused))
			return 0;
		if (f.start >= f.end || f.start < walk->end ||
		    !read_function(walk->table, off, &f))
			continue;
		walk->end = f.end;
		*ret = f;
		return 1;
	}
	return 0;
}

/* Offset 0 of the table of numbers means that there are none. */
static struct go_values begin(const struct go_table *t, uint32_t off, uint64_t start)
{
	struct go_values v = { .end = start, .value = -1, .done = !off };
	v.at = cur_of(from(t->values, off), t->big);
	return v;
}

/*
 * The run that holds @addr, or none (-1, to the end). Each step is a difference of the value,
 * as sleb128 of another kind (the sign is the lowest bit), and one of the address; a value's
 * difference of 0 ends the table where it is not the first.
 */
static void advance(struct go_values *v, const struct go_table *t, uint64_t addr)
{
	while (v->end <= addr && !v->done) {
		uint64_t change = cur_uleb(&v->at);
		v->done = v->at.bad || change > UINT32_MAX || (change == 0 && v->begun);
		uint64_t step = v->done ? 0 : cur_uleb(&v->at);
		v->done = v->done || v->at.bad || step == 0 || step > UINT32_MAX;
		v->begun = true;
		if (v->done)
			break;
		uint32_t delta = (uint32_t)(change >> 1) ^ -(uint32_t)(change & 1);
		v->value = (int32_t)((uint32_t)v->value + delta);
		if (__builtin_add_overflow(v->end, step * t->quantum, &v->end))
			v->end = UINT64_MAX;
	}
	if (v->done) {
		v->value = -1;
		v->end = UINT64_MAX;
	}
}

struct go_runs turf_go_runs(const struct go_table *table, const struct go_function *function)
{
	const struct go_function *f = function;
	return (struct go_runs){
		.table = table,
		.function = *f,
		.files = begin(table, f->file_values, f->start),
		.lines = begin(table, f->line_values, f->start),
		.inlines =
			begin(table, f->inlines != UINT32_MAX ? f->inline_values : 0, f->start),
		.at = f->start,
	};
}

/* The path of a package's @idx-th file. */
static const char *file_name(const struct go_table *t, uint32_t unit, int32_t idx)
{
	struct cursor c = cur_of(t->units, t->big);
	if (idx < 0)
		return NULL;
	cur_seek(&c, 4 * ((uint64_t)unit + (uint32_t)idx));
	uint32_t off = cur_u32(&c);
	const char *name = c.bad || off == UINT32_MAX ? "" : string_at(t->files, off);
	return name[0] ? name : NULL;
}

int turf_go_next_run(struct go_runs *runs, struct go_run *ret)
{
	uint64_t at = runs->at;
	if (at >= runs->function.end)
		return 0;
	advance(&runs->files, runs->table, at);
	advance(&runs->lines, runs->table, at);
	advance(&runs->inlines, runs->table, at);
	if (runs->lines.done) { /* padding */
		runs->at = runs->function.end;
		return 0;
	}
	uint64_t end = MIN(runs->function.end, runs->lines.end);
	end = MIN(end, MIN(runs->files.end, runs->inlines.end));
	*ret = (struct go_run){
		.start = at,
		.end = end,
		.file = file_name(runs->table, runs->function.unit, runs->files.value),
		.line = runs->lines.value > 0 ? (uint32_t)runs->lines.value : 0,
		.inlined = MAX(runs->inlines.value, -1),
	};
	runs->at = end;
	return 1;
}

int turf_go_inlined(const struct go_table *table, const struct go_function *function,
                    int32_t idx, struct go_inlined *ret)
{
	bool is_18 = table->version < 20;
	if (idx < 0 || function->inlines == UINT32_MAX)
		return 0;
	struct cursor c = cur_of(table->inlines, table->big);
	cur_seek(&c, function->inlines + (uint64_t)idx * (is_18 ? INLINED_18 : INLINED_20));
	cur_skip(&c, is_18 ? 4 + 4 + 4 : 4); /* parent, kind; file and line of the call */
	uint32_t name = cur_u32(&c), call = cur_u32(&c);
	const char *text = c.bad ? "" : string_at(table->names, name);
	if (!text[0])
		return 0;
	*ret = (struct go_inlined){ text, function->start + call };
	return 1;
}
