/* SPDX-License-Identifier: MIT */
/*
 * Types: records by number, and what is in them.
 *
 * Cost:   a look-up passes at most URF_TYPE_STEP records; no allocation
 * Trust:  none. A number is held against its table when it is used; URF_BEHIND bytes lie behind
 *         the section, which no field of a record exceeds, and each is held against the
 *         record's end before the next is read. What follows types is bounded in depth.
 * Source: docs/format.md, "Types"
 */
#include "image/types.h"

static_assert((int)TURF_TYPE_BASE == URF_TYPE_BASE &&
                      (int)TURF_TYPE_ATOMIC == URF_TYPE_ATOMIC &&
                      (int)TURF_TYPE_OTHER == URF_TYPE_OTHER &&
                      (int)TURF_TYPE_ENUM == URF_TYPE_ENUM &&
                      (int)TURF_TYPE_NAMESPACE == URF_TYPE_NAMESPACE,
              "one is the other");

/* At most URF_LONG_LEB_MAX bytes; bits beyond 64 are dropped. */
static uint64_t take_long(const uint8_t **at, bool is_signed)
{
	uint64_t v = 0;
	unsigned shift = 0;
	uint8_t byte = 0x80;
	for (unsigned i = 0; i < URF_LONG_LEB_MAX && byte & 0x80; i++, shift += 7) {
		byte = *(*at)++;
		v |= (uint64_t)(byte & 0x7f) << shift;
	}
	if (is_signed && shift < 64 && byte & 0x40)
		v |= UINT64_MAX << shift;
	return v;
}

static void read_rest(const uint8_t **at, struct turf_type *t)
{
	switch (t->kind) {
	case TURF_TYPE_BASE:
		t->encoding = *(*at)++;
		t->bits = take_uleb(at);
		break;
	case TURF_TYPE_STRUCT:
	case TURF_TYPE_CLASS:
	case TURF_TYPE_UNION:
	case TURF_TYPE_INTERFACE:
		t->alignment = take_uleb(at);
		break;
	case TURF_TYPE_MEMBER_POINTER:
		t->target = take_uleb(at);
		t->class_type = take_uleb(at);
		break;
	case TURF_TYPE_SUBRANGE:
		t->target = take_uleb(at);
		t->count = take_long(at, false);
		t->has_count = t->count;
		t->count -= t->has_count;
		t->lower = (int64_t)take_long(at, true);
		break;
	case TURF_TYPE_POINTER:
	case TURF_TYPE_TYPEDEF:
	case TURF_TYPE_ENUM:
	case TURF_TYPE_ARRAY:
	case TURF_TYPE_FUNCTION:
	case TURF_TYPE_SET:
	case TURF_TYPE_OTHER:
		t->target = take_uleb(at);
		break;
	default:
		break;
	}
}

static int read_more(const uint8_t *at, uint8_t head, struct turf_type *t)
{
	if (at < t->end && head & URF_TYPE_FLAGGED)
		t->flags = *at++;
	t->name = take_uleb(&at);
	if (head & URF_TYPE_SCOPED)
		t->scope = take_uleb(&at);
	if (head & URF_TYPE_DECLARED) {
		t->file = take_uleb(&at);
		t->line = take_uleb(&at);
	}
	if (at > t->end) /* less than URF_BEHIND bytes of it are read */
		return -EBADMSG;
	t->has_size = t->flags & URF_FLAG_SIZED;
	if (t->has_size)
		t->size = take_long(&at, false);
	read_rest(&at, t);
	if (at > t->end)
		return -EBADMSG;
	t->items = at;
	t->declaration = t->flags & URF_FLAG_DECLARATION;
	t->scoped_enum = t->kind == TURF_TYPE_ENUM && t->flags & URF_FLAG_CLASS;
	t->is_inline = t->kind == TURF_TYPE_NAMESPACE && t->flags & URF_FLAG_CLASS;
	t->vector = t->flags & URF_FLAG_VECTOR;
	t->variadic = t->flags & URF_FLAG_VARIADIC;
	t->unprototyped = t->flags & URF_FLAG_UNPROTOTYPED;
	return 0;
}

int turf_type_read(const uint8_t **at, const uint8_t *end, struct turf_type *out)
{
	if (*at >= end)
		return -EBADMSG;
	uint8_t head = *(*at)++;
	*out = (struct turf_type){ .kind = head & URF_TYPE_KIND };
	if (out->kind >= URF_N_TYPE_KINDS || (!out->kind && head))
		return -EBADMSG;
	if (out->kind == URF_TYPE_VOID)
		return 0;
	if (out->kind < URF_TYPE_PLAIN) {
		out->has_size = head & URF_TYPE_SHORT;
		out->size = out->has_size ? URF_POINTER_SHORT : 0;
		out->target = take_uleb(at);
		bool pointer = out->kind <= URF_TYPE_RVALUE_REFERENCE;
		unsigned bits = head & ~(unsigned)URF_TYPE_KIND;
		return *at <= end && (bits == 0 || (pointer && bits == URF_TYPE_SHORT))
		               ? 0
		               : -EBADMSG;
	}
	uint32_t size = take_uleb(at);
	if (*at > end || size > (size_t)(end - *at))
		return -EBADMSG;
	const uint8_t *body = *at;
	*at += size;
	out->end = *at;
	if (out->kind == URF_TYPE_NAMED_POINTER)
		out->kind = TURF_TYPE_POINTER;
	return read_more(body, head, out);
}

uint32_t turf_image_n_types(const struct turf_image *image)
{
	uint64_t steps = image->sections[URF_TYPE_INDEX].size / sizeof(le32);
	return (uint32_t)MIN((uint64_t)image->n_types, steps * URF_TYPE_STEP);
}

int turf_image_type(const struct turf_image *image, uint32_t number, struct turf_type *out)
{
	uint32_t n = turf_image_n_types(image);
	if (number >= n)
		return n ? 0 : -ENODATA;
	const le32 *index = (const le32 *)image->sections[URF_TYPE_INDEX].at;
	struct span types = image->sections[URF_TYPES];
	uint32_t off = le32_get(index[number / URF_TYPE_STEP]);
	if (off > types.size)
		return -EBADMSG;
	const uint8_t *at = types.at + off, *end = types.at + types.size;
	struct turf_type t;
	for (unsigned i = 0; i <= number % URF_TYPE_STEP; i++)
		if (turf_type_read(&at, end, &t) < 0)
			return -EBADMSG;
	t.number = number;
	*out = t;
	return 1;
}

void turf_type_items(const struct turf_type *type, struct turf_type_items *walk)
{
	*walk = (struct turf_type_items){ .at = type->items,
		                          .end = type->items ? type->end : NULL,
		                          .kind = (uint8_t)type->kind,
		                          .flags = type->flags };
}

static void take_extra(struct turf_type_items *walk, struct turf_type_item *item)
{
	uint8_t extra = *walk->at++;
	item->access = extra & URF_EXTRA_ACCESS;
	item->is_virtual = extra & URF_EXTRA_VIRTUAL;
	item->artificial = extra & URF_EXTRA_ARTIFICIAL;
	item->is_mutable = extra & URF_EXTRA_MUTABLE;
	item->moves = extra & URF_EXTRA_MOVES;
}

static void take_member(struct turf_type_items *walk, uint8_t head, struct turf_type_item *item)
{
	item->kind = head >> URF_ITEM_SHIFT; /* TURF_ITEM_MEMBER, TURF_ITEM_BASE */
	if (head & URF_ITEM_EXTRA)
		take_extra(walk, item);
	if (item->kind == TURF_ITEM_MEMBER)
		item->name = take_uleb(&walk->at);
	item->type = take_uleb(&walk->at);
	uint64_t last = (uint64_t)walk->last, bytes = last & ~(uint64_t)7;
	unsigned code = head & URF_ITEM_FAR;
	if (head & URF_ITEM_BITS) {
		last += take_long(&walk->at, true);
		item->bits = take_uleb(&walk->at);
	} else if (code == URF_ITEM_FAR) {
		last = bytes + take_long(&walk->at, true) * 8;
	} else {
		last = bytes + urf_item_deltas[code] * (uint64_t)8;
	}
	walk->last = item->bit_offset = (int64_t)last;
}

static void take_value(struct turf_type_items *walk, uint8_t head, struct turf_type_item *item)
{
	item->has_value = head & URF_ITEM_VALUE;
	if (item->has_value)
		item->value = (int64_t)take_long(&walk->at, true);
}

static void take_argument(struct turf_type_items *walk, uint8_t head,
                          struct turf_type_item *item)
{
	static const uint8_t kinds[] = { TURF_ITEM_TYPE_ARGUMENT, TURF_ITEM_VALUE_ARGUMENT,
		                         TURF_ITEM_TEMPLATE_ARGUMENT, TURF_ITEM_PACK };
	item->kind = kinds[head & 3];
	item->name = take_uleb(&walk->at);
	if (item->kind == TURF_ITEM_TYPE_ARGUMENT || item->kind == TURF_ITEM_VALUE_ARGUMENT)
		item->type = take_uleb(&walk->at);
	take_value(walk, head, item);
}

static int take_other(struct turf_type_items *walk, uint8_t head, struct turf_type_item *item)
{
	static const uint8_t kinds[] = { TURF_ITEM_END, TURF_ITEM_STATIC, TURF_ITEM_PART,
		                         TURF_ITEM_VARIANT };
	unsigned kind = head & 15;
	if (kind >= COUNT(kinds))
		return -EBADMSG;
	item->kind = kinds[kind];
	if (kind == URF_OTHER_STATIC) {
		if (head & URF_ITEM_ACCESS)
			take_extra(walk, item);
		item->name = take_uleb(&walk->at);
		item->type = take_uleb(&walk->at);
	}
	take_value(walk, head, item);
	return 0;
}

static int take_item(struct turf_type_items *walk, struct turf_type_item *item)
{
	uint8_t head = *walk->at++;
	switch (head >> URF_ITEM_SHIFT) {
	case URF_ITEM_ARGUMENT:
		take_argument(walk, head, item);
		return 0;
	case URF_ITEM_OTHER:
		return take_other(walk, head, item);
	default:
		take_member(walk, head, item);
		return 0;
	}
}

/* What ends the items and begins the methods. */
enum { METHODS = URF_ITEM_OTHER << URF_ITEM_SHIFT | URF_OTHER_METHODS };

int turf_type_items_next(struct turf_type_items *walk, struct turf_type_item *out)
{
	if (walk->at >= walk->end)
		return 0;
	struct turf_type_item item = { 0 };
	int r = 0;
	switch (walk->kind) {
	case TURF_TYPE_STRUCT:
	case TURF_TYPE_CLASS:
	case TURF_TYPE_UNION:
	case TURF_TYPE_INTERFACE:
		if (*walk->at == METHODS)
			return 0;
		r = take_item(walk, &item);
		break;
	case TURF_TYPE_ENUM:
		item.kind = TURF_ITEM_ENUMERATOR;
		item.has_value = true;
		item.name = take_uleb(&walk->at);
		item.value = (int64_t)((uint64_t)walk->last + take_long(&walk->at, true));
		walk->last = (int64_t)((uint64_t)item.value + 1);
		break;
	case TURF_TYPE_ARRAY:
		item.kind = TURF_ITEM_DIMENSION;
		item.count = take_long(&walk->at, false);
		item.has_value = item.count;
		item.count -= item.has_value;
		if (walk->flags & URF_FLAG_LOWER)
			item.value = (int64_t)take_long(&walk->at, true);
		break;
	case TURF_TYPE_FUNCTION:
		item.kind = TURF_ITEM_PARAMETER;
		item.type = take_uleb(&walk->at);
		break;
	default:
		return -EBADMSG; /* nothing is in those */
	}
	if (r < 0 || walk->at > walk->end) {
		walk->at = walk->end;
		return -EBADMSG;
	}
	*out = item;
	return 1;
}

int turf_type_methods(const struct turf_type *type, struct turf_methods *walk)
{
	struct turf_type_items items;
	struct turf_type_item item;
	int r = 0;
	turf_type_items(type, &items);
	bool may = type->kind >= TURF_TYPE_STRUCT && type->kind <= TURF_TYPE_INTERFACE;
	while (may && (r = turf_type_items_next(&items, &item)) == 1)
		;
	bool any = may && r == 0 && items.at < items.end;
	*walk = any ? (struct turf_methods){ items.at + 1, items.end }
	            : (struct turf_methods){ NULL, NULL };
	return r;
}

int turf_methods_next(struct turf_methods *walk, struct turf_method *out)
{
	if (walk->at == walk->end)
		return 0;
	struct turf_method m = { .end = walk->end };
	uint32_t flags = take_uleb(&walk->at), type;
	m.flags = flags & ~(uint32_t)URF_EXTRA_ACCESS;
	m.access = flags & URF_EXTRA_ACCESS;
	m.name = take_uleb(&walk->at);
	m.type = take_uleb(&walk->at);
	m.n_parameters = take_uleb(&walk->at);
	m.at = walk->at;
	struct turf_method last = m;
	int r = 1;
	while (r == 1)
		r = turf_method_parameter(&last, &type);
	if (r < 0 || last.at > walk->end) {
		walk->at = walk->end;
		return -EBADMSG;
	}
	walk->at = last.at;
	*out = m;
	return 1;
}

int turf_method_parameter(struct turf_method *method, uint32_t *type)
{
	if (!method->n_parameters)
		return 0;
	if (method->at >= method->end)
		return -EBADMSG;
	method->n_parameters--;
	*type = take_uleb(&method->at);
	return 1;
}

/* Elements of an array: 1, 0 not known, -EBADMSG. */
static int count_elements(const struct turf_type *t, uint64_t *count)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	int r;
	*count = 1;
	turf_type_items(t, &walk);
	while ((r = turf_type_items_next(&walk, &item)) == 1)
		if (!item.has_value || __builtin_mul_overflow(*count, item.count, count))
			return 0;
	return r < 0 ? r : 1;
}

/* As most machines' C++ has it: of a function also what to add to the object's address. */
static int member_pointer_size(const struct turf_image *image, const struct turf_type *t,
                               uint64_t *size)
{
	struct turf_type target;
	int r = turf_image_type(image, t->target, &target);
	if (r == 1)
		*size = target.kind == TURF_TYPE_FUNCTION ? 2 * URF_POINTER_LONG
		                                          : URF_POINTER_LONG;
	return r;
}

int turf_image_type_size(const struct turf_image *image, uint32_t number, uint64_t *size)
{
	uint64_t times = 1, count, all;
	for (unsigned i = 0; i < TYPE_DEPTH_MAX; i++) {
		struct turf_type t;
		int r = turf_image_type(image, number, &t);
		if (r != 1)
			return r;
		if (t.has_size || t.kind == TURF_TYPE_POINTER ||
		    t.kind == TURF_TYPE_REFERENCE || t.kind == TURF_TYPE_RVALUE_REFERENCE) {
			if (__builtin_mul_overflow(
				    times, t.has_size ? t.size : URF_POINTER_LONG, &all))
				return 0;
			*size = all;
			return 1;
		}
		switch (t.kind) {
		case TURF_TYPE_ARRAY:
			r = count_elements(&t, &count);
			if (r != 1)
				return r;
			if (__builtin_mul_overflow(times, count, &times))
				return 0;
			break;
		case TURF_TYPE_MEMBER_POINTER:
			r = member_pointer_size(image, &t, &count);
			if (r != 1 || __builtin_mul_overflow(times, count, &all))
				return MIN(r, 0);
			*size = all;
			return 1;
		case TURF_TYPE_CONST:
		case TURF_TYPE_VOLATILE:
		case TURF_TYPE_RESTRICT:
		case TURF_TYPE_ATOMIC:
		case TURF_TYPE_TYPEDEF:
		case TURF_TYPE_ENUM:
		case TURF_TYPE_SUBRANGE:
		case TURF_TYPE_OTHER:
			break;
		default:
			return 0;
		}
		number = t.target;
	}
	return 0;
}
