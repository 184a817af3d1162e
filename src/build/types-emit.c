/* SPDX-License-Identifier: MIT */
/* The distinct types -> .urf.types, as docs/format.md has it. */
#include "build/types-all.h"

enum { EACH_TASK = 1024 }; /* types; a multiple of URF_TYPE_STEP */

/* The type with that number, and what is read of its unit; NULL: nothing could be read of it.
 */
static struct type_node *node_of(const struct types *t, uint32_t number,
                                 struct types_of_unit **unit)
{
	const struct type_entry *e = t->order[t->by_number[number]];
	*unit = &t->of_unit[e->unit];
	struct type_node *n = &(*unit)->nodes.at[e->idx - (*unit)->first];
	return n->kind ? n : NULL;
}

static int intern_file(struct builder *b, struct types_of_unit *u, struct type_node *n)
{
	uint32_t idx = n->decl_file;
	n->decl_file = 0;
	if (!idx || idx > u->files.n || !u->files.at[idx - 1].name)
		return 0;
	struct type_file *f = &u->files.at[idx - 1];
	if (!f->number) {
		const struct unit_file file = { .directory = f->directory, .name = f->name };
		int r = turf_cold_file(b, u->comp_dir, &file, &f->number);
		if (r < 0)
			return r;
	}
	n->decl_file = f->number;
	return 0;
}

/* Its texts: those numbers are kept where the DIEs were. */
int turf_intern_types(struct builder *b)
{
	struct types *t = b->types;
	int r = 0;
	for (uint32_t i = 1; r == 0 && i < t->n_numbers; i++) {
		struct types_of_unit *u;
		struct type_node *n = node_of(t, i, &u);
		if (!n)
			continue;
		r = turf_cold_text(b, n->name, &n->off);
		if (r == 0)
			r = intern_file(b, u, n);
		struct type_item *items = items_of(u, n);
		for (uint32_t k = 0; r == 0 && k < n->n_items; k++)
			r = turf_cold_text(b, items[k].name, &items[k].text);
	}
	return r;
}

/* Types without a name of their own, and functions that types stand in, are asked for
 * otherwise.
 */
int turf_types_names(struct builder *b)
{
	const struct types *t = b->types;
	int r = 0;
	for (uint32_t i = 1; r == 0 && i < t->n_numbers; i++) {
		struct types_of_unit *u;
		const struct type_node *n = node_of(t, i, &u);
		if (!n)
			continue;
		if (n->name && n->kind != URF_TYPE_SCOPE)
			r = turf_names_add(b, URF_NAME_TYPE, i, n->name, strlen(n->name));
		const struct type_item *items = items_of(u, n);
		for (uint32_t k = 0; r == 0 && n->kind == URF_TYPE_ENUM && k < n->n_items; k++)
			if (items[k].name)
				r = turf_names_add_enumerator(b, i, k, items[k].name);
	}
	return r;
}

/* Records of some types. */
struct type_part {
	struct buf bytes;
	uint32_t offs[EACH_TASK / URF_TYPE_STEP]; /* of every URF_TYPE_STEP-th */
};
struct emitting {
	const struct types *t;
	const struct more *more;
	struct type_part *parts;
};

/* One record while it is written; no memory is found out at its end. */
struct record {
	const struct emitting *e;
	struct buf *out;
	bool ok;
};

static void put_uleb(struct record *r, uint64_t value)
{
	r->ok = r->ok && turf_buf_uleb(r->out, value);
}
static void put_sleb(struct record *r, int64_t value)
{
	r->ok = r->ok && turf_buf_sleb(r->out, value);
}
static void put_byte(struct record *r, uint8_t byte)
{
	r->ok = r->ok && turf_buf_put(r->out, &byte, 1);
}
static void put_text(struct record *r, uint32_t provisional)
{
	put_uleb(r, turf_more_text(r->e->more, provisional));
}
/* A type by its index. */
static void put_type(struct record *r, uint64_t idx)
{
	put_uleb(r, idx ? r->e->t->order[idx]->number : 0);
}

static unsigned delta_code(int64_t bytes)
{
	for (unsigned i = 0; i < URF_ITEM_FAR; i++)
		if (urf_item_deltas[i] == bytes)
			return i;
	return URF_ITEM_FAR;
}

static int64_t floor_bytes(int64_t bits)
{
	return bits >> 3; /* of negative ones too */
}

static void put_member(struct record *r, const struct type_item *item, int64_t *pos)
{
	bool bits = item->kind & URF_ITEM_BITS || item->value % 8;
	int64_t delta = floor_bytes(item->value) - floor_bytes(*pos);
	unsigned code = bits ? 0 : delta_code(delta);
	uint8_t kind = item->kind & 3 << URF_ITEM_SHIFT;
	put_byte(r, (uint8_t)(kind | code | (bits ? URF_ITEM_BITS : 0) |
	                      (item->flags ? URF_ITEM_EXTRA : 0)));
	if (item->flags)
		put_byte(r, item->flags);
	if (kind == URF_ITEM_MEMBER << URF_ITEM_SHIFT)
		put_text(r, item->text);
	put_type(r, item->ref);
	if (bits) {
		put_sleb(r, item->value - *pos);
		put_uleb(r, item->bits);
	} else if (code == URF_ITEM_FAR) {
		put_sleb(r, delta);
	}
	*pos = item->value;
}

static void put_argument(struct record *r, const struct type_item *item)
{
	unsigned kind = item->kind & 3;
	put_byte(r, item->kind);
	put_text(r, item->text);
	if (kind == URF_ARGUMENT_TYPE || kind == URF_ARGUMENT_VALUE)
		put_type(r, item->ref);
	if (item->kind & URF_ITEM_VALUE)
		put_sleb(r, item->value);
}

static void put_other(struct record *r, const struct type_item *item)
{
	bool is_static = (item->kind & 15) == URF_OTHER_STATIC;
	put_byte(r, (uint8_t)(item->kind | (is_static && item->flags ? URF_ITEM_ACCESS : 0)));
	if (is_static) {
		if (item->flags)
			put_byte(r, item->flags);
		put_text(r, item->text);
		put_type(r, item->ref);
	}
	if (item->kind & URF_ITEM_VALUE)
		put_sleb(r, item->value);
}

/* The type that a pointer to an object leads to: const, volatile or both. */
static unsigned qualifiers(const struct types *t, uint64_t idx)
{
	unsigned flags = 0;
	for (unsigned i = 0; idx && i < 4; i++) {
		const struct type_entry *e = t->order[idx];
		const struct types_of_unit *u = &t->of_unit[e->unit];
		const struct type_node *n = &u->nodes.at[e->idx - u->first];
		flags |= n->kind == URF_TYPE_CONST ? URF_METHOD_CONST : 0;
		flags |= n->kind == URF_TYPE_VOLATILE ? URF_METHOD_VOLATILE : 0;
		/* the pointer itself may be const, too: it is this one that is not asked */
		if (n->kind == URF_TYPE_POINTER)
			flags = 0;
		if (n->kind > URF_TYPE_ATOMIC)
			break;
		idx = n->ref;
	}
	return flags;
}

/* A method and its parameters; how many items these are. */
static uint32_t put_method(struct record *r, const struct type_item *items, uint32_t n)
{
	uint32_t end = 1, first = 1;
	unsigned flags = items[0].bits;
	while (end < n && items[end].kind == TYPE_PARAMETER)
		end++;
	if (end > 1 && items[1].flags & TYPE_THIS) {
		flags |= qualifiers(r->e->t, items[1].ref);
		first = 2;
	}
	put_uleb(r, flags);
	put_text(r, items[0].text);
	put_type(r, items[0].ref);
	put_uleb(r, end - first);
	for (uint32_t i = first; i < end; i++)
		put_type(r, items[i].ref);
	return end;
}

static bool is_method(const struct type_item *item)
{
	return item->kind == (URF_ITEM_OTHER << URF_ITEM_SHIFT | URF_OTHER_METHODS);
}

/* Behind all else, wherever they stood. */
static void put_methods(struct record *r, const struct type_item *items, uint32_t n)
{
	bool any = false;
	for (uint32_t i = 0; i < n;) {
		if (!is_method(&items[i])) {
			i++;
			continue;
		}
		if (!any)
			put_byte(r, items[i].kind);
		any = true;
		i += put_method(r, items + i, n - i);
	}
}

static void put_structure(struct record *r, const struct type_node *n,
                          const struct type_item *items)
{
	int64_t pos = 0;
	put_uleb(r, n->align);
	for (uint32_t i = 0; i < n->n_items; i++)
		switch (items[i].kind >> URF_ITEM_SHIFT) {
		case URF_ITEM_ARGUMENT:
			put_argument(r, &items[i]);
			break;
		case URF_ITEM_OTHER:
			if (!is_method(&items[i]) && items[i].kind != TYPE_PARAMETER)
				put_other(r, &items[i]);
			break;
		default:
			put_member(r, &items[i], &pos);
		}
	put_methods(r, items, n->n_items);
}

static void put_enumerators(struct record *r, const struct type_node *n,
                            const struct type_item *items)
{
	int64_t next = 0;
	put_type(r, n->ref);
	for (uint32_t i = 0; i < n->n_items; i++) {
		put_text(r, items[i].text);
		put_sleb(r, (int64_t)((uint64_t)items[i].value - (uint64_t)next));
		next = (int64_t)((uint64_t)items[i].value + 1);
	}
}

static void put_array(struct record *r, const struct type_node *n,
                      const struct type_item *items)
{
	put_type(r, n->ref);
	for (uint32_t i = 0; i < n->n_items; i++) {
		put_uleb(r, (uint64_t)items[i].value);
		if (n->flags & URF_FLAG_LOWER)
			put_sleb(r, (int64_t)items[i].ref);
	}
}

/* What a record has of its kind. */
static void put_rest(struct record *r, const struct type_node *n, const struct type_item *items)
{
	switch (n->kind) {
	case URF_TYPE_BASE:
		put_byte(r, (uint8_t)n->extra);
		put_uleb(r, n->extra >> 8);
		break;
	case URF_TYPE_STRUCT:
	case URF_TYPE_CLASS:
	case URF_TYPE_UNION:
	case URF_TYPE_INTERFACE:
		put_structure(r, n, items);
		break;
	case URF_TYPE_ENUM:
		put_enumerators(r, n, items);
		break;
	case URF_TYPE_ARRAY:
		put_array(r, n, items);
		break;
	case URF_TYPE_FUNCTION:
		put_type(r, n->ref);
		for (uint32_t i = 0; i < n->n_items; i++)
			put_type(r, items[i].ref);
		break;
	case URF_TYPE_MEMBER_POINTER:
		put_type(r, n->ref);
		put_type(r, n->ref2);
		break;
	case URF_TYPE_SUBRANGE:
		put_type(r, n->ref);
		put_uleb(r, n->n_items ? (uint64_t)items[0].value : 0);
		put_sleb(r, n->n_items ? (int64_t)items[0].ref : 0);
		break;
	case URF_TYPE_TYPEDEF:
	case URF_TYPE_SET:
	case URF_TYPE_NAMED_POINTER:
	case URF_TYPE_OTHER:
		put_type(r, n->ref);
		break;
	default:
		break;
	}
}

/* All but the kind and the size of it. */
static void put_body(struct record *r, const struct type_node *n, const struct type_item *items,
                     uint8_t flags)
{
	if (flags)
		put_byte(r, flags);
	put_text(r, n->off);
	if (n->scope)
		put_type(r, n->scope);
	if (n->decl_file) {
		put_uleb(r, turf_more_file(r->e->more, n->decl_file));
		put_uleb(r, n->decl_line);
	}
	if (flags & URF_FLAG_SIZED)
		put_uleb(r, n->size);
	put_rest(r, n, items);
}

static bool put_record(const struct emitting *e, uint32_t number, struct buf *body,
                       struct buf *out)
{
	struct types_of_unit *u;
	const struct type_node *n = node_of(e->t, number, &u);
	struct record r = { e, out, true };
	if (!n) {
		put_byte(&r, 0);
		return r.ok;
	}
	if (n->kind < URF_TYPE_PLAIN) {
		put_byte(&r, n->kind | (n->size == URF_POINTER_SHORT ? URF_TYPE_SHORT : 0));
		put_type(&r, n->ref);
		return r.ok;
	}
	uint8_t flags = n->flags;
	if (n->size != TYPE_NO_SIZE)
		flags |= URF_FLAG_SIZED;
	uint8_t head = n->kind;
	head |= flags ? URF_TYPE_FLAGGED : 0;
	head |= n->scope ? URF_TYPE_SCOPED : 0;
	head |= n->decl_file ? URF_TYPE_DECLARED : 0;
	body->n = 0;
	r.out = body;
	put_body(&r, n, items_of(u, n), flags);
	r.out = out;
	put_byte(&r, head);
	put_uleb(&r, body->n);
	r.ok = r.ok && turf_buf_put(out, body->at, body->n);
	return r.ok;
}

static int emit_task(void *ctx, size_t idx, struct turf_error *err)
{
	(void)err;
	const struct emitting *e = ctx;
	struct type_part *part = &e->parts[idx];
	struct buf body = { 0 };
	uint32_t from = (uint32_t)(idx * EACH_TASK), n = e->t->n_numbers;
	bool ok = true;
	for (uint32_t i = from; ok && i < n && i - from < EACH_TASK; i++) {
		if (i % URF_TYPE_STEP == 0)
			part->offs[(i - from) / URF_TYPE_STEP] = (uint32_t)part->bytes.n;
		ok = i ? put_record(e, i, &body, &part->bytes)
		       : turf_buf_put(&part->bytes, "", 1);
	}
	vec_fini(&body);
	return ok ? 0 : -ENOMEM;
}

/* The parts, one behind the other. */
static int join(struct builder *b, const struct type_part *parts, size_t n)
{
	uint64_t base = 0;
	int r = 0;
	for (size_t p = 0; r == 0 && p < n; p++) {
		for (uint32_t i = 0;
		     r == 0 && i < COUNT(parts->offs) &&
		     p * EACH_TASK + (uint64_t)i * URF_TYPE_STEP < b->types->n_numbers;
		     i++) {
			le32 off = le32_of(base + parts[p].offs[i]);
			r = table_put(&b->tables, URF_TYPE_INDEX, &off, sizeof(off));
		}
		base += parts[p].bytes.n;
		if (base > UINT32_MAX)
			r = -E2BIG;
		if (r == 0)
			r = table_put(&b->tables, URF_TYPES, parts[p].bytes.at,
			              parts[p].bytes.n);
	}
	return r;
}

int turf_emit_types(struct builder *b, struct turf_error *err)
{
	size_t n = (b->types->n_numbers + EACH_TASK - 1) / EACH_TASK;
	struct emitting e = { b->types, &b->more, calloc(n, sizeof(*e.parts)) };
	int r = e.parts ? turf_pool_run(&b->pool, n, emit_task, &e, NULL) : -ENOMEM;
	if (r == 0)
		r = join(b, e.parts, n);
	for (size_t i = 0; e.parts && i < n; i++)
		vec_fini(&e.parts[i].bytes);
	free(e.parts);
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "%s: cannot write types: %s", b->name,
	                         strerror(-r))
	             : 0;
}
