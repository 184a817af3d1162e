/* SPDX-License-Identifier: MIT */
/*
 * Values by their types: structures, arrays, pointers, and what lies in them.
 *
 * Trust:  none; depth, elements and parts in all are bounded, types that go round too by that
 */
#include <inttypes.h>

#include "value/value.h"

enum { STRIP_MAX = 32, NAME_MAX_BYTES = 512, TEXT_MAX = 1024, ITEMS_MAX = 100000 };

static void print_type(struct printer *p, uint32_t number, uint64_t off, unsigned depth);

static void put_why(const struct printer *p, enum turf_why why)
{
	fprintf(p->out, "<%s>", turf_why_text(why));
}

int turf_value_strip(const struct turf_image *image, uint32_t type, struct turf_type *out)
{
	for (unsigned i = 0; i < STRIP_MAX; i++) {
		int r = turf_image_type(image, type, out);
		if (r != 1)
			return r;
		switch (out->kind) {
		case TURF_TYPE_CONST:
		case TURF_TYPE_VOLATILE:
		case TURF_TYPE_RESTRICT:
		case TURF_TYPE_ATOMIC:
		case TURF_TYPE_TYPEDEF:
			type = out->target;
			break;
		default:
			return 1;
		}
	}
	return -EBADMSG;
}

bool turf_value_is_char(const struct turf_type *t)
{
	return t->kind == TURF_TYPE_BASE && t->has_size && t->size == 1 &&
	       (t->encoding == ATE_SIGNED_CHAR || t->encoding == ATE_UNSIGNED_CHAR ||
	        t->encoding == ATE_UTF);
}

static bool is_char_type(const struct printer *p, uint32_t number)
{
	struct turf_type t;
	return turf_value_strip(p->image, number, &t) == 1 && turf_value_is_char(&t);
}

static enum turf_why read_word(const struct printer *p, uint64_t off, size_t size,
                               uint64_t *ret)
{
	uint64_t word = 0;
	enum turf_why why = turf_value_read(p->values, p->value, off, &word, size);
	*ret = le64toh(word);
	return why;
}

/* The text at @addr, up to its NUL. */
static void print_string(struct printer *p, uint64_t addr)
{
	uint8_t text[TEXT_MAX];
	const struct turf_memory *m = &p->values->memory;
	size_t most = MIN((size_t)p->format.max_elements, sizeof(text) - 1), n = 0;
	bool ended = false;
	while (n <= most && !ended) {
		/* pages are what can be read or not */
		size_t part = MIN((size_t)(4096 - (addr + n) % 4096), most + 1 - n);
		if (m->read(m->ctx, addr + n, text + n, part) < 0)
			break;
		const uint8_t *nul = memchr(text + n, 0, part);
		ended = nul;
		n = nul ? (size_t)(nul - text) : n + part;
	}
	if (n || ended) {
		fputc(' ', p->out);
		turf_value_print_text(p, text, MIN(n, most), n > most);
	}
	if (!ended && n <= most)
		fprintf(p->out, " <%s>", turf_why_text(TURF_WHY_MEMORY));
}

static void print_symbol(const struct printer *p, uint64_t addr)
{
	char name[NAME_MAX_BYTES];
	uint64_t offset;
	if (!addr || !p->values->process ||
	    turf_value_symbol(p->values->process, addr, name, sizeof(name), &offset) != 1)
		return;
	const char *shown = p->format.symbol ? p->format.symbol(p->format.ctx, name) : name;
	fprintf(p->out, offset ? " <%s+%" PRIu64 ">" : " <%s>", shown ? shown : name, offset);
}

static void print_pointer(struct printer *p, const struct turf_type *t, uint64_t off)
{
	uint64_t addr;
	enum turf_why why = read_word(p, off, 8, &addr);
	if (why) {
		put_why(p, why);
		return;
	}
	fprintf(p->out, "0x%" PRIx64, addr);
	print_symbol(p, addr);
	if (addr && is_char_type(p, t->target))
		print_string(p, addr);
}

/* "@0x7ffe: value": what it refers to, by memory; inside of others the address alone. */
static void print_reference(struct printer *p, const struct turf_type *t, uint64_t off,
                            unsigned depth)
{
	uint64_t addr, size;
	enum turf_why why = read_word(p, off, 8, &addr);
	if (why) {
		put_why(p, why);
		return;
	}
	fprintf(p->out, "@0x%" PRIx64, addr);
	if (depth)
		return;
	fputs(": ", p->out);
	if (turf_image_type_size(p->image, t->target, &size) != 1)
		size = 0;
	struct turf_value *behind = malloc(sizeof(*behind));
	if (!behind)
		return;
	behind->image = p->image;
	behind->type = t->target;
	behind->why = TURF_WHY_NONE;
	behind->size = size;
	behind->in_memory = true;
	behind->addr = addr;
	const struct turf_value *value = p->value;
	p->value = behind;
	print_type(p, t->target, 0, depth + 1);
	p->value = value;
	free(behind);
}

static void print_bytes(struct printer *p, const struct turf_type *t, uint64_t off)
{
	uint8_t bytes[16];
	uint64_t size = t->has_size ? t->size : 0;
	if (!size || size > sizeof(bytes)) {
		put_why(p, TURF_WHY_TYPE);
		return;
	}
	enum turf_why why = turf_value_read(p->values, p->value, off, bytes, (size_t)size);
	if (why)
		put_why(p, why);
	else
		turf_value_print_base(p, t, bytes, (size_t)size);
}

/* Is the enumeration kept in a signed type? Where it does not say: one of its values is below
 * 0. */
static bool is_signed_enum(const struct printer *p, const struct turf_type *t)
{
	struct turf_type kept;
	struct turf_type_items walk;
	struct turf_type_item item;
	if (t->target && turf_value_strip(p->image, t->target, &kept) == 1)
		return kept.encoding == ATE_SIGNED || kept.encoding == ATE_SIGNED_CHAR;
	turf_type_items(t, &walk);
	while (turf_type_items_next(&walk, &item) == 1)
		if (item.kind == TURF_ITEM_ENUMERATOR && item.value < 0)
			return true;
	return false;
}

static uint64_t cut(uint64_t v, unsigned bits, bool is_signed)
{
	unsigned shift = 64 - bits;
	return is_signed ? (uint64_t)((int64_t)(v << shift) >> shift) : v << shift >> shift;
}

static void print_enum(struct printer *p, const struct turf_type *t, uint64_t off)
{
	uint64_t v, size = t->has_size ? t->size : 0;
	enum turf_why why =
		size && size <= 8 ? read_word(p, off, (size_t)size, &v) : TURF_WHY_TYPE;
	if (why)
		put_why(p, why);
	else
		turf_value_print_enum(p, t, cut(v, 8 * (unsigned)size, is_signed_enum(p, t)));
}

static void print_bits(struct printer *p, const struct turf_type_item *item, uint64_t off)
{
	struct turf_type t;
	uint8_t bytes[9] = { 0 };
	uint64_t first = off + (uint64_t)item->bit_offset / 8, v = 0;
	unsigned skip = (unsigned)(item->bit_offset & 7), n = (skip + item->bits + 7) / 8;
	if (turf_value_strip(p->image, item->type, &t) != 1 || item->bits > 64) {
		put_why(p, TURF_WHY_TYPE);
		return;
	}
	enum turf_why why = turf_value_read(p->values, p->value, first, bytes, n);
	if (why) {
		put_why(p, why);
		return;
	}
	for (unsigned i = 0; i < item->bits; i++)
		v |= (uint64_t)(bytes[(skip + i) / 8] >> (skip + i) % 8 & 1) << i;
	bool is_signed = t.kind == TURF_TYPE_ENUM
	                         ? is_signed_enum(p, &t)
	                         : t.encoding == ATE_SIGNED || t.encoding == ATE_SIGNED_CHAR;
	v = htole64(cut(v, item->bits, is_signed));
	if (t.kind == TURF_TYPE_ENUM)
		turf_value_print_enum(p, &t, v);
	else
		turf_value_print_base(p, &t, (const uint8_t *)&v,
		                      t.has_size && t.size <= 8 ? (size_t)t.size : 8);
}

static bool put_text(const struct printer *p, turf_text text)
{
	char name[NAME_MAX_BYTES];
	if (!text || turf_image_text(p->image, text, name, sizeof(name)) <= 0)
		return false;
	fputs(name, p->out);
	return true;
}

static void put_type_name(const struct printer *p, uint32_t number)
{
	char name[NAME_MAX_BYTES] = "?";
	turf_image_type_name(p->image, number, name, sizeof(name));
	fputs(name, p->out);
}

/* "&S::name": the member of a class that lies there, maybe in a base class. */
static bool print_member_at(struct printer *p, uint32_t in, int64_t bit_offset, unsigned depth)
{
	struct turf_type t;
	struct turf_type_items walk;
	struct turf_type_item item;
	uint64_t size;
	if (depth > 8 || turf_value_strip(p->image, in, &t) != 1)
		return false;
	turf_type_items(&t, &walk);
	while (turf_type_items_next(&walk, &item) == 1) {
		if (item.moves)
			continue;
		if (item.kind == TURF_ITEM_MEMBER && item.bit_offset == bit_offset) {
			fputc('&', p->out);
			put_type_name(p, t.number);
			fputs("::", p->out);
			return put_text(p, item.name);
		}
		if (item.kind == TURF_ITEM_BASE && item.bit_offset <= bit_offset &&
		    turf_image_type_size(p->image, item.type, &size) == 1 &&
		    (uint64_t)(bit_offset - item.bit_offset) / 8 < size)
			return print_member_at(p, item.type, bit_offset - item.bit_offset,
			                       depth + 1);
	}
	return false;
}

/* Of data; one of a function has two words, and a meaning that compilers do not share. */
static void print_member_pointer(struct printer *p, const struct turf_type *t, uint64_t off)
{
	uint64_t v, size;
	enum turf_why why = turf_image_type_size(p->image, t->number, &size) == 1 && size == 8
	                            ? read_word(p, off, 8, &v)
	                            : TURF_WHY_UNSUPPORTED;
	if (why)
		put_why(p, why);
	else if (v == UINT64_MAX)
		fputs("NULL", p->out);
	else if (v > UINT32_MAX || !print_member_at(p, t->class_type, (int64_t)v * 8, 0))
		fprintf(p->out, "%" PRId64, (int64_t)v);
}

/* One member or base class behind its name. */
static void print_item(struct printer *p, const struct turf_type_item *item, uint64_t off,
                       unsigned depth)
{
	if (item->kind == TURF_ITEM_BASE) {
		struct turf_type t;
		bool known = turf_value_strip(p->image, item->type, &t) == 1;
		fputc('<', p->out);
		put_type_name(p, known ? t.number : item->type);
		fputs("> = ", p->out);
	} else if (put_text(p, item->name)) {
		fputs(" = ", p->out);
	}
	if (item->moves || item->bit_offset < 0)
		put_why(p, TURF_WHY_UNSUPPORTED); /* a virtual base class */
	else if (item->bits)
		print_bits(p, item, off);
	else
		print_type(p, item->type, off + (uint64_t)item->bit_offset / 8, depth + 1);
}

/*
 * Of a part that varies, the variant that its discriminant chooses, or else the one without a
 * value. @walk stands behind the PART; what is not there is passed over.
 */
struct choice {
	bool inside;    /* a part that varies */
	bool has_value; /* its discriminant is known */
	bool skip;      /* a variant that is not there */
	uint64_t value;
};

static bool is_there(struct turf_type_items walk, const struct choice *c,
                     const struct turf_type_item *variant)
{
	struct turf_type_item item = { .kind = TURF_ITEM_END };
	if (!c->has_value || variant->has_value)
		return c->has_value && (uint64_t)variant->value == c->value;
	/* the default: none behind it may be the one, and those before were not */
	for (unsigned i = 0; i < ITEMS_MAX && turf_type_items_next(&walk, &item) == 1; i++)
		if (item.kind == TURF_ITEM_VARIANT && item.has_value &&
		    (uint64_t)item.value == c->value)
			return false;
	return true;
}

/* Takes what is about variants: true, it is not to be printed. */
static bool take_variant(struct printer *p, const struct turf_type_items *walk,
                         const struct turf_type_item *item, uint64_t off, struct choice *c)
{
	uint64_t size;
	switch (item->kind) {
	case TURF_ITEM_PART:
		*c = (struct choice){ .inside = true };
		return true;
	case TURF_ITEM_VARIANT:
		c->skip = !is_there(*walk, c, item);
		return true;
	case TURF_ITEM_END:
		if (!c->skip)
			c->inside = false;
		c->skip = false;
		return true;
	case TURF_ITEM_MEMBER:
		if (!c->inside || c->has_value || c->skip || !item->artificial)
			return c->skip;
		if (turf_image_type_size(p->image, item->type, &size) == 1 && size <= 8 &&
		    item->bit_offset >= 0)
			c->has_value = read_word(p, off + (uint64_t)item->bit_offset / 8,
			                         (size_t)size, &c->value) == TURF_WHY_NONE;
		return true;
	default:
		return item->kind != TURF_ITEM_BASE || c->skip;
	}
}

static void print_structure(struct printer *p, const struct turf_type *t, uint64_t off,
                            unsigned depth)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	struct choice c = { 0 };
	const char *between = "";
	bool own = false;
	if (t->declaration) {
		fputs("<incomplete type>", p->out);
		return;
	}
	if (depth >= p->format.max_depth) {
		fputs("{...}", p->out);
		return;
	}
	fputc('{', p->out);
	turf_type_items(t, &walk);
	while (turf_type_items_next(&walk, &item) == 1) {
		own |= item.kind == TURF_ITEM_MEMBER || item.kind == TURF_ITEM_STATIC;
		if (take_variant(p, &walk, &item, off, &c))
			continue;
		fputs(between, p->out);
		between = ", ";
		if (!p->parts_left) {
			fputs("...", p->out);
			break;
		}
		p->parts_left--;
		print_item(p, &item, off, depth);
	}
	if (!own)
		fprintf(p->out, "%s<No data fields>", between);
	fputc('}', p->out);
}

/* The dimensions of an array from the @dim-th on: how many, bytes of an element. */
struct dimension {
	uint64_t count, element;
	bool last;
};

static bool find_dimension(const struct printer *p, const struct turf_type *t, unsigned dim,
                           struct dimension *ret)
{
	struct turf_type_items walk;
	struct turf_type_item item;
	unsigned i = 0;
	ret->last = true;
	if (turf_image_type_size(p->image, t->target, &ret->element) != 1)
		return false;
	turf_type_items(t, &walk);
	while (turf_type_items_next(&walk, &item) == 1) {
		if (item.kind != TURF_ITEM_DIMENSION)
			continue;
		if (i == dim)
			ret->count = item.has_value ? item.count : 0;
		else if (i > dim &&
		         __builtin_mul_overflow(ret->element, item.count, &ret->element))
			return false;
		ret->last = i <= dim;
		i++;
	}
	return i > dim;
}

static void print_array(struct printer *p, const struct turf_type *t, unsigned dim,
                        uint64_t off, unsigned depth);

/* Element @i is as the next ones: how many in a row, at most @n. */
static uint64_t equal_run(const struct printer *p, uint64_t off, uint64_t size, uint64_t n)
{
	uint8_t first[64], next[64];
	uint64_t run = 1;
	if (!size || size > sizeof(first) ||
	    turf_value_read(p->values, p->value, off, first, (size_t)size) != TURF_WHY_NONE)
		return 1;
	while (run < n &&
	       turf_value_read(p->values, p->value, off + run * size, next, (size_t)size) ==
	               TURF_WHY_NONE &&
	       memcmp(first, next, (size_t)size) == 0)
		run++;
	return run;
}

static void print_elements(struct printer *p, const struct turf_type *t, unsigned dim,
                           const struct dimension *d, uint64_t off, unsigned depth)
{
	uint64_t shown = 0, run;
	for (uint64_t i = 0; i < d->count; i += run) {
		if (shown >= p->format.max_elements || !p->parts_left) {
			fputs("...", p->out);
			return;
		}
		fputs(i ? ", " : "", p->out);
		p->parts_left--;
		uint64_t at = off + i * d->element;
		uint64_t most = MIN(d->count - i, (uint64_t)1 << 20);
		run = equal_run(p, at, d->element, most);
		if (d->last)
			print_type(p, t->target, at, depth + 1);
		else
			print_array(p, t, dim + 1, at, depth + 1);
		if (run > p->format.max_repeats)
			fprintf(p->out, " <repeats %" PRIu64 " times>", run);
		else
			run = 1;
		shown += run > 1 ? p->format.max_repeats : 1;
	}
}

/* The characters of an array, if they can be had. */
static bool print_characters(struct printer *p, const struct dimension *d, uint64_t off)
{
	uint8_t text[TEXT_MAX];
	size_t most = MIN((size_t)p->format.max_elements, sizeof(text));
	size_t n = (size_t)MIN(d->count, (uint64_t)most);
	if (turf_value_read(p->values, p->value, off, text, n) != TURF_WHY_NONE)
		return false;
	/* what repeats is counted behind the limit too */
	turf_value_print_text(p, text, n, d->count > n);
	return true;
}

static void print_array(struct printer *p, const struct turf_type *t, unsigned dim,
                        uint64_t off, unsigned depth)
{
	struct dimension d;
	if (!find_dimension(p, t, dim, &d)) {
		put_why(p, TURF_WHY_TYPE);
		return;
	}
	if (depth >= p->format.max_depth) {
		fputs("{...}", p->out);
		return;
	}
	if (d.last && d.count && d.element == 1 && is_char_type(p, t->target) &&
	    print_characters(p, &d, off))
		return;
	fputc('{', p->out);
	print_elements(p, t, dim, &d, off, depth);
	fputc('}', p->out);
}

/* Why none of the bytes can be had, if it is the same for all. */
static enum turf_why all_missing(const struct printer *p, uint32_t number, uint64_t off)
{
	const struct turf_value *v = p->value;
	uint64_t size;
	if (v->in_memory || turf_image_type_size(p->image, number, &size) != 1 || !size ||
	    off >= TURF_VALUE_BYTES || size > TURF_VALUE_BYTES - off)
		return TURF_WHY_NONE;
	for (uint64_t i = 1; i < size; i++)
		if (v->missing[off + i] != v->missing[off])
			return TURF_WHY_NONE;
	return v->missing[off];
}

static void print_type(struct printer *p, uint32_t number, uint64_t off, unsigned depth)
{
	struct turf_type t;
	enum turf_why why = turf_value_strip(p->image, number, &t) == 1
	                            ? all_missing(p, number, off)
	                            : TURF_WHY_TYPE;
	if (why) {
		put_why(p, why);
		return;
	}
	switch (t.kind) {
	case TURF_TYPE_POINTER:
		print_pointer(p, &t, off);
		break;
	case TURF_TYPE_REFERENCE:
	case TURF_TYPE_RVALUE_REFERENCE:
		print_reference(p, &t, off, depth);
		break;
	case TURF_TYPE_STRUCT:
	case TURF_TYPE_CLASS:
	case TURF_TYPE_UNION:
	case TURF_TYPE_INTERFACE:
		print_structure(p, &t, off, depth);
		break;
	case TURF_TYPE_ARRAY:
		print_array(p, &t, 0, off, depth);
		break;
	case TURF_TYPE_ENUM:
		print_enum(p, &t, off);
		break;
	case TURF_TYPE_BASE:
		print_bytes(p, &t, off);
		break;
	case TURF_TYPE_MEMBER_POINTER:
		print_member_pointer(p, &t, off);
		break;
	case TURF_TYPE_VOID:
		fputs("void", p->out);
		break;
	case TURF_TYPE_SUBRANGE:
		print_type(p, t.target, off, depth + 1);
		break;
	default:
		put_why(p, TURF_WHY_UNSUPPORTED);
	}
}

/* What a pointer or reference points to, which has no address. */
static void print_pointed(struct printer *p)
{
	const struct turf_value *v = p->value;
	struct turf_type t, target;
	uint64_t size;
	if (turf_value_strip(p->image, v->type, &t) != 1) {
		put_why(p, TURF_WHY_TYPE);
		return;
	}
	bool text = !v->why && !v->in_memory && v->size > 1 &&
	            turf_value_strip(p->image, t.target, &target) == 1 &&
	            turf_value_is_char(&target) &&
	            turf_image_type_size(p->image, t.target, &size) == 1 && size == 1;
	if (text && print_characters(p, &(struct dimension){ .count = v->size }, 0))
		return;
	fputs(t.kind == TURF_TYPE_POINTER ? "&" : "", p->out);
	if (v->why)
		put_why(p, v->why);
	else
		print_type(p, t.target, 0, 0);
}

int turf_value_print(const struct turf_values *values, const struct turf_value *value,
                     const struct turf_value_format *format, FILE *out)
{
	struct printer p = {
		.values = values, .value = value, .image = value->image, .out = out
	};
	if (format)
		memcpy(&p.format, format, MIN(format->size, sizeof(p.format)));
	p.format.max_depth = p.format.max_depth ? MIN(p.format.max_depth, 64u) : 20;
	p.format.max_elements = p.format.max_elements ? p.format.max_elements : 200;
	p.format.max_repeats = p.format.max_repeats ? p.format.max_repeats : 10;
	p.parts_left = p.format.max_parts ? p.format.max_parts : 5000;
	if (value->pointed)
		print_pointed(&p);
	else if (value->why)
		put_why(&p, value->why);
	else
		print_type(&p, value->type, 0, 0);
	return 0;
}
