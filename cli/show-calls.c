/* SPDX-License-Identifier: MIT */
/*
 * turf show, turf lookup: the calls of a function, whom they call and what they pass. Where a
 * direct call leads is read from the file's code, if it has some.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "find.h"
#include "show-body.h"

bool show_open_code(const char *path, struct elf *ret)
{
	int fd = cli_open_file(path);
	bool ok = fd >= 0 && elf_open(fd, ret);
	if (fd >= 0)
		close(fd);
	/* what is not linked yet calls itself where it is to call others */
	if (ok && ELF_FIELD(ret, 0, Ehdr, e_type) == ET_REL)
		elf_close(ret);
	if (!ok)
		*ret = (struct elf){ .bytes = NULL };
	return ok;
}

static bool read_code(const struct elf *e, uint64_t addr, uint8_t *out, size_t size)
{
	struct elf_section s;
	for (uint64_t i = 0; e->bytes && i < e->n_sections; i++)
		if (elf_section(e, i, &s) && s.type == SHT_PROGBITS &&
		    s.flags & SHF_EXECINSTR && addr >= s.addr && addr - s.addr <= s.size &&
		    size <= s.size - (addr - s.addr)) {
			memcpy(out, e->bytes + s.off + (addr - s.addr), size);
			return true;
		}
	return false;
}

/* A walk over the calls of a body; what a call passes is told behind it. */
struct calls {
	const struct turf_image *image;
	const struct elf *code;
	struct turf_body body;
	struct turf_body_event call, next;
	bool waiting; /* next was read, and is no part of the call */
	/* of the call */
	bool known; /* whom it calls */
	struct turf_call to;
	unsigned n; /* parameters told */
};

/* The next call: 1, 0 the end, -EBADMSG. */
static int next_call(struct calls *c)
{
	uint8_t code[TURF_CALL_CODE];
	int r = 1;
	if (!c->waiting)
		r = turf_body_next(&c->body, &c->next);
	while (r == 1 && c->next.kind != TURF_BODY_CALL)
		r = turf_body_next(&c->body, &c->next);
	if (r != 1)
		return r;
	c->call = c->next;
	c->n = 0;
	r = turf_body_next(&c->body, &c->next);
	c->waiting = r == 1;
	c->known = (r != 1 || c->next.kind != TURF_BODY_TARGET) &&
	           read_code(c->code, turf_call_code(&c->call), code, sizeof(code)) &&
	           turf_image_call(c->image, &c->call, code, &c->to) == 1;
	return r < 0 ? r : 1;
}

/* The next parameter of the call, which next is: 1, 0 no further one, -EBADMSG. */
static int next_parameter(struct calls *c)
{
	int r = c->waiting;
	if (r == 1 && c->n++)
		r = turf_body_next(&c->body, &c->next);
	while (r == 1 && c->next.kind == TURF_BODY_TARGET)
		r = turf_body_next(&c->body, &c->next);
	c->waiting = r == 1;
	return r < 0 ? r : c->waiting && c->next.kind == TURF_BODY_PARAMETER;
}

static bool has_target(const struct calls *c)
{
	return c->waiting && c->next.kind == TURF_BODY_TARGET;
}

static void put_callee(const struct calls *c)
{
	struct cli_text name = c->to.function ? find_function_name(c->image, c->to.function)
	                                      : cli_text(c->image, c->to.name);
	if (name.at)
		fputs(name.at, stdout);
	else
		printf("0x%" PRIx64, c->to.target);
}

/* The frame that calls. */
static bool caller(const struct calls *c, struct turf_frame *out)
{
	struct turf_frames walk;
	uint64_t addr = c->call.start - !(c->call.number & TURF_CALL_FROM);
	return turf_image_frames(c->image, addr, &walk) == 1 &&
	       turf_frames_next(&walk, out) == 1;
}

static uint16_t machine_of(const struct turf_image *image)
{
	struct turf_image_info info;
	turf_image_info(image, &info);
	return info.machine;
}

/* What an expression computes, not the place that would be. */
static void put_value(const struct calls *c, const uint8_t *expr, size_t size)
{
	enum { STACK_VALUE = 0x9f };
	uint8_t value[WORDS_MOST];
	char words[WORDS_MOST];
	if (size >= sizeof(value))
		return;
	memcpy(value, expr, size);
	value[size] = STACK_VALUE;
	if (turf_location_words(machine_of(c->image), value, size + 1, words, sizeof(words)) <
	    0)
		snprintf(words, sizeof(words), "?");
	fputs(words, stdout);
}

static void put_parameter(const struct calls *c)
{
	const struct turf_body_event *e = &c->next;
	char room[16], words[256];
	printf("              ");
	if (!e->where)
		fputs(turf_register_name(machine_of(c->image), e->number, room), stdout);
	else if (turf_location_words(machine_of(c->image), e->where, e->where_size, words,
	                             sizeof(words)) >= 0)
		fputs(words, stdout);
	printf(" = ");
	put_value(c, e->expr, e->expr_size);
	putchar('\n');
}

static int put_call(struct calls *c)
{
	struct turf_frame f;
	bool tail = c->call.number & TURF_CALL_TAIL;
	int r;
	printf("  %-8s  ", tail ? "jumps to" : "calls");
	if (c->known) {
		put_callee(c);
	} else if (has_target(c)) {
		printf("what is at ");
		put_value(c, c->next.expr, c->next.expr_size);
	} else {
		putchar('?');
	}
	printf(", %s 0x%" PRIx64,
	       !tail                             ? "returns to"
	       : c->call.number & TURF_CALL_FROM ? "from"
	                                         : "before",
	       c->call.start);
	if (caller(c, &f) && f.line)
		printf("  (%s%sline %" PRIu32 ")",
		       f.inlined ? cli_frame_name(c->image, &f, true).at : "",
		       f.inlined ? ", " : "", f.line);
	putchar('\n');
	while ((r = next_parameter(c)) == 1)
		put_parameter(c);
	return r;
}

static void json_ops(const char *key, const uint8_t *expr, size_t size)
{
	char ops[WORDS_MOST];
	if (turf_location_ops(expr, size, ops, sizeof(ops)) < 0)
		return;
	printf("\"%s\":", key);
	cli_json_string(stdout, ops);
}

static int json_parameters(struct calls *c)
{
	const char *between = "";
	int r;
	printf(",\"parameters\":[");
	for (; (r = next_parameter(c)) == 1; between = ",") {
		const struct turf_body_event *e = &c->next;
		printf("%s{", between);
		if (e->where)
			json_ops("location", e->where, e->where_size);
		else
			printf("\"location\":\"reg%" PRIu32 "\"", e->number);
		putchar(',');
		json_ops("value", e->expr, e->expr_size);
		putchar('}');
	}
	putchar(']');
	return r;
}

static int json_call(struct calls *c)
{
	struct turf_frame f;
	bool from = c->call.number & TURF_CALL_FROM;
	printf("{\"%s\":\"0x%" PRIx64 "\",\"tail\":%s", from ? "start" : "end", c->call.start,
	       c->call.number & TURF_CALL_TAIL ? "true" : "false");
	if (c->known) {
		printf(",\"target\":\"0x%" PRIx64 "\"", c->to.target);
		if (c->to.name)
			show_json_text(c->image, "function", c->to.name);
		if (c->to.linkage_name)
			show_json_text(c->image, "linkage_name", c->to.linkage_name);
	}
	if (has_target(c)) {
		putchar(',');
		json_ops("location", c->next.expr, c->next.expr_size);
	}
	if (caller(c, &f)) {
		show_json_text(c->image, "in", f.name);
		printf(",\"line\":%" PRIu32, f.line);
	}
	int r = json_parameters(c);
	putchar('}');
	return r;
}

static int begin(const struct turf_image *image, const struct elf *code, uint64_t addr,
                 struct calls *c)
{
	c->image = image;
	c->code = code;
	c->waiting = false;
	return turf_image_body(image, addr, &c->body);
}

int show_calls(const struct turf_image *image, const struct elf *code, uint64_t addr, bool json,
               bool *begun)
{
	struct calls c;
	int r = begin(image, code, addr, &c);
	while (r == 1 && (r = next_call(&c)) == 1) {
		if (json)
			fputs(*begun ? "," : "", stdout);
		*begun = true;
		r = json ? json_call(&c) : put_call(&c);
		r = r < 0 ? r : 1;
	}
	return r;
}

/* Whether the instruction that calls has the address, or ends there. */
static bool is_call_at(const struct calls *c, uint64_t addr)
{
	if (c->call.number & TURF_CALL_FROM)
		return addr == c->call.start;
	return addr == c->call.start || addr == c->call.start - 1;
}

int show_call_at(const struct turf_image *image, const struct elf *code, uint64_t addr,
                 bool json)
{
	struct calls c;
	int r = begin(image, code, addr, &c);
	while (r == 1 && (r = next_call(&c)) == 1)
		if (is_call_at(&c, addr))
			break;
	if (r != 1)
		return r;
	if (json)
		printf(",\"call\":");
	r = json ? json_call(&c) : put_call(&c);
	return r < 0 ? r : 1;
}
