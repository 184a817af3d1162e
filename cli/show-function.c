/* SPDX-License-Identifier: MIT */
/* turf show: a function, or what is in scope at an address. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "turf/variables.h"

enum { WORDS_MOST = 1024, NAME_MOST = 4096 };

static const char *const kinds[] = { "argument", "local", "static", "constant" };

static char *text_of(const struct turf_image *image, turf_text text, char *out, size_t size)
{
	if (turf_image_text(image, text, out, size) < 0)
		snprintf(out, size, "?");
	return out;
}

/* "int foo(struct bar *b, ...)", as far as it is known. False: no memory. */
static bool put_prototype(const struct turf_image *image, const struct turf_details *d)
{
	char name[NAME_MOST];
	struct turf_variables walk;
	struct turf_variable v;
	char *returned = show_declaration(image, d->type, NULL);
	if (!returned)
		return false;
	text_of(image, d->name, name, sizeof(name));
	size_t n = strlen(returned);
	printf("%s%s%s%s(", d->flags & TURF_FUNCTION_EXTERNAL ? "" : "static ", returned,
	       n && returned[n - 1] == '*' ? "" : " ", name);
	free(returned);
	unsigned n_arguments = 0;
	turf_details_variables(d, &walk);
	while (turf_variables_next(&walk, &v) == 1) {
		if (v.kind != TURF_VARIABLE_ARGUMENT || v.block || v.artificial)
			continue;
		char *one = show_declaration(image, v.type,
		                             text_of(image, v.name, name, sizeof(name)));
		if (!one)
			return false;
		printf("%s%s", n_arguments++ ? ", " : "", one);
		free(one);
	}
	if (d->flags & TURF_FUNCTION_VARIADIC)
		printf("%s...", n_arguments++ ? ", " : "");
	printf("%s)\n", n_arguments || !(d->flags & TURF_FUNCTION_PROTOTYPED) ? "" : "void");
	return true;
}

static void put_declared(const struct turf_image *image, const struct turf_details *d)
{
	char path[NAME_MOST];
	if (d->file && turf_image_path(image, d->file, path, sizeof(path)) > 0)
		printf("  declared at %s:%" PRIu32 "\n", path, d->line);
}

static uint16_t machine_of(const struct turf_image *image)
{
	struct turf_image_info info;
	turf_image_info(image, &info);
	return info.machine;
}

static void put_words(const struct turf_image *image, const uint8_t *expr, size_t size)
{
	char words[WORDS_MOST];
	if (turf_location_words(machine_of(image), expr, size, words, sizeof(words)) < 0)
		printf("?");
	else
		printf("%s", words);
}

static bool put_variable(const struct turf_image *image, const struct turf_variable *v,
                         unsigned depth)
{
	char name[NAME_MOST];
	char *declared =
		show_declaration(image, v->type, text_of(image, v->name, name, sizeof(name)));
	if (!declared)
		return false;
	printf("  %*s%-8s  %s", (int)depth * 2, "", kinds[v->kind & 3], declared);
	if (v->line)
		printf("  (line %" PRIu32 ")", v->line);
	free(declared);
	return true;
}

/* The variables in scope at an address, in one frame: CLI_OK, CLI_NONE or CLI_ERROR. */
static int show_locals(const struct turf_image *image, uint64_t addr, uint32_t frame)
{
	struct turf_locals *walk = malloc(sizeof(*walk));
	struct turf_local local;
	int status = CLI_OK;
	int r = walk ? turf_image_locals(image, addr, frame, walk) : -ENOMEM;
	if (r == 1) {
		if (!put_prototype(image, &walk->details))
			status = CLI_ERROR;
		put_declared(image, &walk->details);
		while (status == CLI_OK && (r = turf_locals_next(walk, &local)) == 1) {
			if (!put_variable(image, &local.variable, 0))
				status = CLI_ERROR;
			printf(": ");
			put_words(image, local.expr, local.expr_size);
			putchar('\n');
		}
	} else if (r == 0) {
		status = CLI_NONE;
	}
	free(walk);
	return r < 0 ? cli_error(NULL, "0x%" PRIx64 ": %s", addr,
	                         r == -ENODATA ? "no variables in this urf" : strerror(-r))
	             : status;
}

static void json_text(const struct turf_image *image, const char *key, turf_text text)
{
	char name[NAME_MOST];
	printf(",\"%s\":", key);
	cli_json_string(stdout, text_of(image, text, name, sizeof(name)));
}

static int json_locals(const struct turf_image *image, uint64_t addr, uint32_t frame)
{
	struct turf_locals *walk = malloc(sizeof(*walk));
	struct turf_local local;
	char ops[WORDS_MOST];
	int r = walk ? turf_image_locals(image, addr, frame, walk) : -ENOMEM;
	printf("%s{\"frame\":%" PRIu32, frame ? "," : "", frame);
	if (r == 1) {
		const uint8_t *base;
		size_t size;
		json_text(image, "function", walk->details.name);
		json_text(image, "linkage_name", walk->details.linkage_name);
		printf(",\"frame_base\":");
		if (turf_locals_frame_base(walk, &base, &size) != 1 ||
		    turf_location_ops(base, size, ops, sizeof(ops)) < 0)
			snprintf(ops, sizeof(ops), "call_frame_cfa");
		cli_json_string(stdout, ops);
		printf(",\"variables\":[");
		for (bool first = true; (r = turf_locals_next(walk, &local)) == 1;
		     first = false) {
			const struct turf_variable *v = &local.variable;
			char *type = show_declaration(image, v->type, NULL);
			printf("%s{\"kind\":\"%s\",\"line\":%" PRIu32 ",\"block\":%" PRIu32,
			       first ? "" : ",", kinds[v->kind & 3], v->line, v->block);
			json_text(image, "name", v->name);
			printf(",\"type\":");
			cli_json_string(stdout, type ? type : "?");
			free(type);
			if (!local.expr)
				ops[0] = 0;
			else if (turf_location_ops(local.expr, local.expr_size, ops,
			                           sizeof(ops)) < 0)
				snprintf(ops, sizeof(ops), "?");
			printf(",\"location\":");
			cli_json_string(stdout, ops);
			putchar('}');
		}
		putchar(']');
	}
	putchar('}');
	free(walk);
	return r < 0 ? r : CLI_OK;
}

int show_at(const struct turf_image *image, uint64_t addr, bool json)
{
	struct turf_frames frames;
	struct turf_frame frame;
	int r = turf_image_frames(image, addr, &frames), status = CLI_NONE;
	if (r < 0)
		return cli_error(NULL, "0x%" PRIx64 ": damaged urf", addr);
	if (json)
		printf("{\"address\":\"0x%" PRIx64 "\",\"frames\":[", addr);
	for (uint32_t i = 0; r == 1 && turf_frames_next(&frames, &frame) == 1; i++) {
		if (json) {
			int one = json_locals(image, addr, i);
			if (one < 0)
				return cli_error(NULL, "0x%" PRIx64 ": %s", addr,
				                 one == -ENODATA ? "no variables in this urf"
				                                 : strerror(-one));
			status = CLI_OK;
			continue;
		}
		int one = show_locals(image, addr, i);
		if (one == CLI_ERROR)
			return one;
		if (one == CLI_OK)
			status = one;
	}
	if (json)
		printf("]}\n");
	return status;
}

/* What is said of a function's code: variables with all places, what is inlined. */
static int put_body(const struct turf_image *image, struct turf_body *body)
{
	struct turf_body_event e;
	uint32_t last = UINT32_MAX, instance = UINT32_MAX;
	int r;
	while ((r = turf_body_next(body, &e)) == 1) {
		struct turf_details d;
		struct turf_variables walk;
		struct turf_variable v;
		uint32_t function;
		if (e.kind == TURF_BODY_ENTER) {
			char name[NAME_MOST];
			if (turf_body_function(body, &function) < 0)
				return -EBADMSG;
			bool known = turf_image_details(image, function, &d) == 1;
			printf("  %*sinlined   %s\n", (int)(e.depth - 1) * 2, "",
			       known ? text_of(image, d.name, name, sizeof(name)) : "?");
			last = UINT32_MAX;
			continue;
		}
		if (e.kind != TURF_BODY_PLACE && e.kind != TURF_BODY_SINGLE)
			continue;
		if (e.number != last || e.instance != instance) {
			if (turf_body_function(body, &function) < 0)
				return -EBADMSG;
			bool known = turf_image_details(image, function, &d) == 1;
			if (known)
				turf_details_variables(&d, &walk);
			while (known && (known = turf_variables_next(&walk, &v) == 1) &&
			       v.number != e.number)
				;
			if (known && !put_variable(image, &v, e.depth))
				return -ENOMEM;
			putchar('\n');
		}
		last = e.number;
		instance = e.instance;
		printf("  %*s  ", (int)e.depth * 2, "");
		if (e.kind == TURF_BODY_PLACE)
			printf("0x%" PRIx64 "-0x%" PRIx64 "  ", e.start, e.end);
		put_words(image, e.expr, e.expr_size);
		putchar('\n');
	}
	return r;
}

int show_function(const struct turf_image *image, const char *name)
{
	struct turf_image_info info;
	turf_image_info(image, &info);
	int status = CLI_NONE;
	uint64_t done = UINT64_MAX;
	for (size_t i = 0; i < info.n_symbols; i++) {
		struct turf_symbol symbol;
		struct turf_body body;
		struct turf_details d;
		char text[NAME_MOST];
		if (turf_image_symbol(image, i, &symbol) != 1)
			break;
		if (turf_image_text(image, symbol.name, text, sizeof(text)) < 0 ||
		    strcmp(text, name) != 0 || symbol.addr == done)
			continue;
		int r = turf_image_body(image, symbol.addr, &body);
		if (r == 1)
			r = turf_image_details(image, body.function, &d);
		if (r == 1) {
			if (status == CLI_OK)
				putchar('\n');
			if (!put_prototype(image, &d))
				return CLI_ERROR;
			put_declared(image, &d);
			printf("  code at 0x%" PRIx64 "\n", body.entry);
			status = CLI_OK;
			r = put_body(image, &body);
		}
		if (r < 0)
			return cli_error(NULL, "%s: %s", name,
			                 r == -ENODATA ? "no variables in this urf"
			                               : strerror(-r));
		done = symbol.addr;
	}
	return status;
}
