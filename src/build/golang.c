/* SPDX-License-Identifier: MIT */
/*
 * Go's own line tables -> DWARF, where a program has no other: the rest of the builder then
 * knows one language only.
 *
 * One unit, its strings the bytes of .gopclntab themselves. A function's runs become its lines;
 * an inlined call becomes a scope with the ranges of its runs and of those inlined into it, at
 * the file and line that the tables give for the place of the call.
 *
 * Source: DWARF 5 sections 2.17.3 (range lists), 3.3.8 (inlined calls), 6.2 (lines), 7.5
 */
#include "build/build.h"
#include "elf/gopclntab.h"

enum {
	INLINED_MAX = 1 << 16, /* inlined calls of one function */
	DEPTH_MAX = 250,
	LINE_BASE = -5,
	LINE_RANGE = 14,
	OPCODE_BASE = 13,
	NO_NODE = -1,
};

/* Codes of the abbreviations below. */
enum { UNIT = 1, ABSTRACT, FUNCTION, FUNCTION_LEAF, INLINED, INLINED_LEAF };

static const uint8_t abbrevs[] = {
	/* code, tag, has children; attribute and form, ...; 0, 0 */
	UNIT,
	0x11,
	1,
	0x13,
	0x0b,
	0x10,
	0x17,
	0x11,
	0x01,
	0x12,
	0x01,
	0,
	0,
	ABSTRACT,
	0x2e,
	0,
	0x03,
	0x0e,
	0x20,
	0x0b,
	0,
	0, /* name, inline */
	FUNCTION,
	0x2e,
	1,
	0x03,
	0x0e,
	0x11,
	0x01,
	0x12,
	0x01,
	0,
	0,
	FUNCTION_LEAF,
	0x2e,
	0,
	0x03,
	0x0e,
	0x11,
	0x01,
	0x12,
	0x01,
	0,
	0,
	/* abstract origin, ranges, call file, call line */
	INLINED,
	0x1d,
	1,
	0x31,
	0x13,
	0x55,
	0x17,
	0x58,
	0x0f,
	0x59,
	0x0f,
	0,
	0,
	INLINED_LEAF,
	0x1d,
	0,
	0x31,
	0x13,
	0x55,
	0x17,
	0x58,
	0x0f,
	0x59,
	0x0f,
	0,
	0,
	0,
};

/* An inlined call of the function at hand. Indexes are of nodes; NO_NODE: none. */
struct node {
	const char *name, *call_file;
	uint32_t call_line;
	int32_t parent, first_child, last_child, next;
	int32_t first_range, last_range;
	unsigned depth;
};

struct node_range {
	uint64_t start, end;
	int32_t next; /* of the same node */
};

struct maker {
	const struct go_table *go;
	struct buf info, ranges, program, lines;
	unsigned addr_size;
	bool big;
	/* What may still be made, each of the runs, ranges and numbers of calls counting one,
	 * as many as the input has bytes (real programs: a sixth). Functions may share tables.
	 */
	size_t budget;
	struct {
		uint32_t *at; /* offsets of paths */
		size_t n, room;
	} files;
	struct {
		struct abstract {
			uint32_t name, die; /* offsets */
		} * at;
		size_t n, room;
	} abstracts;
	struct table known_files, known_abstracts;
	/* of the function at hand */
	struct {
		struct go_run *at;
		size_t n, room;
	} runs;
	struct {
		struct node *at;
		size_t n, room;
	} nodes;
	struct {
		struct node_range *at;
		size_t n, room;
	} node_ranges;
	struct {
		int32_t *at; /* number of a call -> its node; NO_NODE */
		size_t n, room;
	} node_of;
	int32_t first_root, last_root;
};

static void maker_fini(struct maker *m)
{
	vec_fini(&m->info);
	vec_fini(&m->ranges);
	vec_fini(&m->program);
	vec_fini(&m->lines);
	vec_fini(&m->files);
	vec_fini(&m->abstracts);
	turf_table_fini(&m->known_files);
	turf_table_fini(&m->known_abstracts);
	vec_fini(&m->runs);
	vec_fini(&m->nodes);
	vec_fini(&m->node_ranges);
	vec_fini(&m->node_of);
}

static bool put(struct maker *m, struct buf *out, uint64_t value, unsigned size)
{
	uint8_t bytes[8];
	for (unsigned i = 0; i < size; i++)
		bytes[i] = (uint8_t)(value >> 8 * (m->big ? size - 1 - i : i));
	return turf_buf_put(out, bytes, size);
}

static bool put_byte(struct buf *out, uint8_t value)
{
	return turf_buf_put(out, &value, 1);
}

/* Where a name or path stands in the section, which is the unit's .debug_str. */
static uint32_t string_off(const struct maker *m, const char *text)
{
	return (uint32_t)((const uint8_t *)text - m->go->data.bytes.at);
}

static bool same_file(const void *ctx, uint32_t idx, const void *key)
{
	return ((const struct maker *)ctx)->files.at[idx] == *(const uint32_t *)key;
}

/* The unit's number of a file; 0 is the one without a name. */
static bool file_number(struct maker *m, const char *path, uint32_t *ret)
{
	*ret = 0;
	if (!path)
		return true;
	uint32_t off = string_off(m, path);
	int r = turf_table_intern(&m->known_files, hash_mix(0, off), same_file, m, &off,
	                          (uint32_t)m->files.n, ret);
	uint32_t *kept = r == 0 ? vec_push(&m->files) : NULL;
	if (kept)
		*kept = off;
	return r == 1 || kept;
}

static bool same_name(const void *ctx, uint32_t idx, const void *key)
{
	return ((const struct maker *)ctx)->abstracts.at[idx].name == *(const uint32_t *)key;
}

/* Offset of the DIE that inlined calls of @name refer to; made where there is none yet. */
static bool abstract_die(struct maker *m, const char *name, uint32_t *ret)
{
	uint32_t off = string_off(m, name), idx;
	int r = turf_table_intern(&m->known_abstracts, hash_mix(0, off), same_name, m, &off,
	                          (uint32_t)m->abstracts.n, &idx);
	struct abstract *new = r == 0 ? vec_push(&m->abstracts) : NULL;
	if (r < 0 || (r == 0 && !new))
		return false;
	if (new) {
		*new = (struct abstract){ off, (uint32_t)m->info.n };
		if (!put_byte(&m->info, ABSTRACT) || !put(m, &m->info, off, 4) ||
		    !put_byte(&m->info, 1)) /* DW_INL_inlined */
			return false;
	}
	*ret = m->abstracts.at[idx].die;
	return true;
}

/* The run at @addr; NULL: none. */
static const struct go_run *run_at(const struct maker *m, uint64_t addr)
{
	size_t lo = 0, hi = m->runs.n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (m->runs.at[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < m->runs.n && m->runs.at[lo].start <= addr ? &m->runs.at[lo] : NULL;
}

static bool has_node(const struct maker *m, int32_t call)
{
	return (size_t)call < m->node_of.n && m->node_of.at[call] != NO_NODE;
}

/* Makes the node of one inlined call; that of its parent is there, where it has one. */
static bool add_node(struct maker *m, int32_t call, const struct go_inlined *inlined,
                     const struct go_run *where)
{
	while (m->node_of.n <= (size_t)call) {
		int32_t *none = vec_push(&m->node_of);
		m->budget -= m->budget > 0;
		if (!none)
			return false;
		*none = NO_NODE;
	}
	int32_t idx = (int32_t)m->nodes.n, parent = NO_NODE;
	if (where && where->inlined >= 0 && has_node(m, where->inlined))
		parent = m->node_of.at[where->inlined];
	struct node *node = vec_push(&m->nodes);
	if (!node)
		return false;
	*node = (struct node){ .name = inlined->name,
		               .call_file = where ? where->file : NULL,
		               .call_line = where ? where->line : 0,
		               .parent = parent,
		               .first_child = NO_NODE,
		               .last_child = NO_NODE,
		               .next = NO_NODE,
		               .first_range = NO_NODE,
		               .last_range = NO_NODE };
	struct node *above = parent == NO_NODE ? NULL : &m->nodes.at[parent];
	int32_t *first = above ? &above->first_child : &m->first_root;
	int32_t *last = above ? &above->last_child : &m->last_root;
	node->depth = above ? above->depth + 1 : 0;
	if (*last == NO_NODE)
		*first = idx;
	else
		m->nodes.at[*last].next = idx;
	*last = idx;
	m->node_of.at[call] = idx;
	return true;
}

/*
 * Makes the nodes of a call and of all that it is inlined into, outermost first. A parent's
 * number is smaller than its child's; what is not so is malformed, and has no parent.
 */
static bool make_nodes(struct maker *m, const struct go_function *function, int32_t call)
{
	int32_t chain[DEPTH_MAX];
	size_t n = 0;
	for (int32_t at = call; at >= 0 && at < INLINED_MAX && n < DEPTH_MAX;) {
		struct go_inlined inlined;
		if (has_node(m, at) || !turf_go_inlined(m->go, function, at, &inlined))
			break;
		chain[n++] = at;
		const struct go_run *where = run_at(m, inlined.call_addr);
		at = where && where->inlined < at ? where->inlined : -1;
	}
	while (n-- > 0) {
		struct go_inlined inlined;
		turf_go_inlined(m->go, function, chain[n], &inlined);
		const struct go_run *where = run_at(m, inlined.call_addr);
		if (!add_node(m, chain[n], &inlined, where))
			return false;
	}
	return true;
}

/* A run belongs to its call and to all that this is inlined into. */
static bool add_ranges(struct maker *m, const struct go_run *run)
{
	if (run->inlined < 0 || !has_node(m, run->inlined))
		return true;
	for (int32_t i = m->node_of.at[run->inlined]; i != NO_NODE; i = m->nodes.at[i].parent) {
		struct node *node = &m->nodes.at[i];
		struct node_range *last = node->last_range == NO_NODE
		                                  ? NULL
		                                  : &m->node_ranges.at[node->last_range];
		if (last && last->end == run->start) {
			last->end = run->end;
			continue;
		}
		if (!m->budget)
			return true;
		m->budget--;
		int32_t idx = (int32_t)m->node_ranges.n;
		if (last)
			last->next = idx;
		else
			node->first_range = idx;
		node->last_range = idx;
		struct node_range *r = vec_push(&m->node_ranges);
		if (!r)
			return false;
		*r = (struct node_range){ run->start, run->end, NO_NODE };
	}
	return true;
}

/* The function's runs, and its tree of inlined calls. */
static bool collect(struct maker *m, const struct go_function *function)
{
	struct go_runs walk = turf_go_runs(m->go, function);
	struct go_run run;
	m->runs.n = m->nodes.n = m->node_ranges.n = m->node_of.n = 0;
	m->first_root = m->last_root = NO_NODE;
	while (m->budget && turf_go_next_run(&walk, &run) == 1) {
		m->budget--;
		struct go_run *kept = vec_push(&m->runs);
		if (!kept)
			return false;
		*kept = run;
	}
	for (size_t i = 0; i < m->runs.n; i++) {
		int32_t call = m->runs.at[i].inlined;
		if (call >= 0 && !has_node(m, call) && !make_nodes(m, function, call))
			return false;
	}
	for (size_t i = 0; i < m->runs.n; i++)
		if (!add_ranges(m, &m->runs.at[i]))
			return false;
	return true;
}

static bool put_node(struct maker *m, const struct node *node)
{
	uint32_t origin, file;
	bool leaf = node->first_child == NO_NODE;
	if (!abstract_die(m, node->name, &origin) || !file_number(m, node->call_file, &file))
		return false;
	if (!put_byte(&m->info, leaf ? INLINED_LEAF : INLINED) ||
	    !put(m, &m->info, origin, 4) || !put(m, &m->info, m->ranges.n, 4) ||
	    !turf_buf_uleb(&m->info, file) || !turf_buf_uleb(&m->info, node->call_line))
		return false;
	for (int32_t i = node->first_range; i != NO_NODE; i = m->node_ranges.at[i].next) {
		const struct node_range *r = &m->node_ranges.at[i];
		if (!put_byte(&m->ranges, 0x06) || /* DW_RLE_start_end */
		    !put(m, &m->ranges, r->start, m->addr_size) ||
		    !put(m, &m->ranges, r->end, m->addr_size))
			return false;
	}
	return put_byte(&m->ranges, 0); /* DW_RLE_end_of_list */
}

/* All nodes, parents before children; a zero ends the children of each. */
static bool put_nodes(struct maker *m)
{
	int32_t at = m->first_root;
	while (at != NO_NODE) {
		const struct node *node = &m->nodes.at[at];
		if (!put_node(m, node))
			return false;
		int32_t next = node->first_child;
		for (; next == NO_NODE && at != NO_NODE; at = m->nodes.at[at].parent) {
			next = m->nodes.at[at].next;
			if (next == NO_NODE && !put_byte(&m->info, 0))
				return false;
		}
		at = next;
	}
	return true;
}

static bool put_function(struct maker *m, const struct go_function *function)
{
	uint32_t unused;
	for (size_t i = 0; i < m->nodes.n; i++) /* not between a function and its children */
		if (!abstract_die(m, m->nodes.at[i].name, &unused))
			return false;
	return put_byte(&m->info, m->nodes.n ? FUNCTION : FUNCTION_LEAF) &&
	       put(m, &m->info, string_off(m, function->name), 4) &&
	       put(m, &m->info, function->start, m->addr_size) &&
	       put(m, &m->info, m->runs.at[m->runs.n - 1].end, m->addr_size) && put_nodes(m);
}

/* One row of the line program. */
static bool put_row(struct maker *m, uint64_t step, int64_t line)
{
	int64_t special = line - LINE_BASE;
	if (special >= 0 && special < LINE_RANGE && step <= 255 &&
	    special + (int64_t)step * LINE_RANGE + OPCODE_BASE <= 255)
		return put_byte(&m->program,
		                (uint8_t)(special + (int64_t)step * LINE_RANGE + OPCODE_BASE));
	return put_byte(&m->program, 2) && turf_buf_uleb(&m->program, step) && /* advance_pc */
	       put_byte(&m->program, 3) && turf_buf_sleb(&m->program, line) &&
	       put_byte(&m->program, 1); /* copy */
}

/* A sequence for each function, so that padding between them is nobody's. */
static bool put_lines(struct maker *m)
{
	uint64_t at = m->runs.at[0].start;
	uint32_t file = 1, number;
	int64_t line = 1;
	if (!put_byte(&m->program, 0) || !turf_buf_uleb(&m->program, m->addr_size + 1) ||
	    !put_byte(&m->program, 2) || !put(m, &m->program, at, m->addr_size))
		return false;
	for (size_t i = 0; i < m->runs.n; i++) {
		const struct go_run *run = &m->runs.at[i];
		if (!file_number(m, run->file, &number))
			return false;
		if (number != file &&
		    (!put_byte(&m->program, 4) || !turf_buf_uleb(&m->program, number)))
			return false; /* set_file */
		if (!put_row(m, run->start - at, run->line - line))
			return false;
		file = number;
		line = run->line;
		at = run->start;
	}
	uint64_t left = m->runs.at[m->runs.n - 1].end - at;
	return put_byte(&m->program, 2) && turf_buf_uleb(&m->program, left) &&
	       turf_buf_put(&m->program, "\0\1\1", 3); /* end_sequence */
}

/* The line table's header, and the program behind it. */
static bool finish_lines(struct maker *m)
{
	static const uint8_t head[] = {
		1, 1, 1, (uint8_t)LINE_BASE, LINE_RANGE, OPCODE_BASE, 0, 1, 1, 1, 1, 0, 0, 0, 1,
		0, 0, 1
	};
	static const uint8_t formats[] = { 1, 1, 0x0e }; /* one field: path, strp */
	struct buf h = { 0 };
	bool good = turf_buf_put(&h, head, sizeof(head)) &&
	            turf_buf_put(&h, formats, sizeof(formats)) && put_byte(&h, 1) &&
	            put(m, &h, 4, 4) && /* the directory: there are two zeros */
	            turf_buf_put(&h, formats, sizeof(formats)) && turf_buf_uleb(&h, m->files.n);
	for (size_t i = 0; good && i < m->files.n; i++)
		good = put(m, &h, m->files.at[i], 4);
	good = good && put(m, &m->lines, 2 + 2 + 4 + h.n + m->program.n, 4) &&
	       put(m, &m->lines, 5, 2) && put_byte(&m->lines, (uint8_t)m->addr_size) &&
	       put_byte(&m->lines, 0) && put(m, &m->lines, h.n, 4) &&
	       turf_buf_put(&m->lines, h.at, h.n) &&
	       turf_buf_put(&m->lines, m->program.at, m->program.n);
	vec_fini(&h);
	return good;
}

/* The unit's head; its length is written when it is known. */
static bool begin_unit(struct maker *m, const struct inputs *in)
{
	uint32_t *none = vec_push(&m->files);
	if (!none)
		return false;
	*none = 4; /* the empty name */
	return put(m, &m->info, 0, 4) && put(m, &m->info, 5, 2) &&
	       put_byte(&m->info, 1) && /* DW_UT_compile */
	       put_byte(&m->info, (uint8_t)m->addr_size) && put(m, &m->info, 0, 4) &&
	       put_byte(&m->info, UNIT) && put_byte(&m->info, 0x16) && /* DW_LANG_Go */
	       put(m, &m->info, 0, 4) && put(m, &m->info, in->base, m->addr_size) &&
	       put(m, &m->info, in->end, m->addr_size) && put(m, &m->ranges, 0, 4) &&
	       put(m, &m->ranges, 5, 2) && put_byte(&m->ranges, (uint8_t)m->addr_size) &&
	       put_byte(&m->ranges, 0) && put(m, &m->ranges, 0, 4);
}

static void put_length(struct maker *m, struct buf *out)
{
	uint32_t length = (uint32_t)(out->n - 4);
	for (unsigned i = 0; i < 4; i++)
		out->at[i] = (uint8_t)(length >> 8 * (m->big ? 3 - i : i));
}

static bool make(struct maker *m, const struct inputs *in)
{
	struct go_functions walk = turf_go_functions(m->go);
	struct go_function function;
	if (!begin_unit(m, in))
		return false;
	while (m->budget && turf_go_next_function(&walk, &function) == 1) {
		uint64_t start = function.start, end = function.end;
		if (!function.name[0] || !turf_clip_to_code(in, &start, &end) ||
		    start != function.start)
			continue;
		function.end = end;
		if (!collect(m, &function))
			return false;
		if (m->runs.n && (!put_function(m, &function) || !put_lines(m)))
			return false;
	}
	if (!put_byte(&m->info, 0) || !finish_lines(m) || m->info.n > UINT32_MAX ||
	    m->ranges.n > UINT32_MAX || m->lines.n > UINT32_MAX)
		return false;
	put_length(m, &m->info);
	put_length(m, &m->ranges);
	return true;
}

/* Gives what was made to the place of the section of that number. */
static void hand_over(struct inputs *in, size_t idx, struct buf *made)
{
	in->data[idx] = (struct elf_data){ { made->at, made->n }, made->at };
	*made = (struct buf){ 0 };
}

int turf_build_golang(struct builder *b, struct turf_error *err)
{
	struct inputs *in = &b->in;
	struct go_table *go = &in->golang;
	struct turf_error why = { 0 };
	if (in->dwarf_elf || !in->n_code)
		return 0;
	int r = turf_go_open(&in->source.elf, go, &why);
	if (r < 0)
		turf_build_note(b, TURF_WARNING, "%s: %s: left out", in->name, why.text);
	if (r <= 0)
		return 0;
	struct maker m = { .go = go,
		           .addr_size = in->source.elf.is64 ? 8 : 4,
		           .big = in->source.elf.big,
		           .budget = go->data.bytes.size };
	if (!make(&m, in)) {
		maker_fini(&m);
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory for Go's lines",
		                 in->name);
	}
	if (!m.budget)
		turf_build_note(
			b, TURF_WARNING,
			"%s: Go's tables tell more than they have bytes: the rest is left out",
			in->name);
	hand_over(in, SECTION_INFO, &m.info);
	hand_over(in, SECTION_LINE, &m.lines);
	hand_over(in, SECTION_RNGLISTS, &m.ranges);
	in->data[SECTION_ABBREV].bytes = (struct span){ abbrevs, sizeof(abbrevs) };
	in->data[SECTION_STR].bytes = go->data.bytes;
	in->dwarf_elf = &in->source.elf;
	maker_fini(&m);
	return 0;
}
