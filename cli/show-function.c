/* SPDX-License-Identifier: MIT */
/* turf show: a function, and what is in scope at an address. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"
#include "show-body.h"
/* The name behind the class or namespace it stands in. */
static void put_scoped(FILE *out, const struct turf_image *image, const struct turf_details *d)
{
	char text[NAME_MOST];
	if (d->scope && turf_image_type_name(image, d->scope, text, sizeof(text)) > 0)
		fprintf(out, "%s::", text);
	fputs(show_text(image, d->name, text, sizeof(text)), out);
}

/* "int foo(struct bar *b, ...)", as far as it is known. False: no memory. */
static bool put_prototype(FILE *out, const struct turf_image *image,
                          const struct turf_details *d)
{
	char name[NAME_MOST];
	struct turf_variables walk;
	struct turf_variable v;
	char *returned = show_declaration(image, d->type, NULL);
	if (!returned)
		return false;
	size_t n = strlen(returned);
	fprintf(out, "%s%s%s", d->flags & TURF_FUNCTION_EXTERNAL ? "" : "static ", returned,
	        n && returned[n - 1] == '*' ? "" : " ");
	free(returned);
	put_scoped(out, image, d);
	putc('(', out);
	unsigned n_arguments = 0;
	turf_details_variables(d, &walk);
	while (turf_variables_next(&walk, &v) == 1) {
		if (v.kind != TURF_VARIABLE_ARGUMENT || v.block || v.artificial)
			continue;
		char *one = show_declaration(image, v.type,
		                             show_text(image, v.name, name, sizeof(name)));
		if (!one)
			return false;
		fprintf(out, "%s%s", n_arguments++ ? ", " : "", one);
		free(one);
	}
	if (d->flags & TURF_FUNCTION_VARIADIC)
		fprintf(out, "%s...", n_arguments++ ? ", " : "");
	fprintf(out, "%s)",
	        n_arguments || !(d->flags & TURF_FUNCTION_PROTOTYPED) ? "" : "void");
	return true;
}

static void put_declared(const struct turf_image *image, uint32_t file, uint32_t line)
{
	char path[NAME_MOST];
	if (file && turf_image_path(image, file, path, sizeof(path)) > 0)
		printf("  declared at %s:%" PRIu32 "\n", path, line);
}

static int around_locals(const void *ctx, uint32_t around, struct turf_details *out)
{
	const struct turf_locals *walk = ctx;
	struct turf_locals other;
	int r = turf_image_locals(walk->details.image, walk->addr, walk->frame + around,
	                          &other);
	if (r == 1)
		*out = other.details;
	return r;
}

/* The variables in scope at an address, in one frame: CLI_OK, CLI_NONE or CLI_ERROR. */
static int show_locals(const struct turf_image *image, uint64_t addr, uint32_t frame)
{
	struct turf_locals *walk = malloc(sizeof(*walk));
	struct turf_local local;
	int status = CLI_OK;
	int r = walk ? turf_image_locals(image, addr, frame, walk) : -ENOMEM;
	if (r == 1) {
		if (!put_prototype(stdout, image, &walk->details))
			status = CLI_ERROR;
		putchar('\n');
		put_declared(image, walk->details.file, walk->details.line);
		while (status == CLI_OK && (r = turf_locals_next(walk, &local)) == 1) {
			if (!show_variable(image, &local.variable, 0))
				status = CLI_ERROR;
			printf(": ");
			show_words(image, local.expr, local.expr_size, around_locals, walk);
			putchar('\n');
		}
	} else if (r == 0) {
		status = CLI_NONE;
	}
	free(walk);
	return r == -ENODATA ? show_no_data()
	       : r < 0       ? cli_error(NULL, "0x%" PRIx64 ": %s", addr, strerror(-r))
	                     : status;
}

static int json_locals(const struct turf_image *image, uint64_t addr, uint32_t frame)
{
	struct turf_locals *walk = malloc(sizeof(*walk));
	struct turf_local local;
	char ops[WORDS_MOST];
	int r = walk ? turf_image_locals(image, addr, frame, walk) : -ENOMEM;
	printf("{\"frame\":%" PRIu32, frame);
	if (r == 1) {
		const uint8_t *base;
		size_t size;
		show_json_text(image, "function", walk->details.name);
		show_json_text(image, "linkage_name", walk->details.linkage_name);
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
			       first ? "" : ",", show_kind(v), v->line, v->block);
			show_json_text(image, "name", v->name);
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
			show_json_pointed(local.expr, local.expr_size, around_locals, walk);
			putchar('}');
		}
		putchar(']');
	}
	putchar('}');
	free(walk);
	return r < 0 ? r : CLI_OK;
}

static bool is_one_of(const struct show_functions *only, uint32_t function)
{
	for (size_t i = 0; only && i < only->n; i++)
		if (only->at[i] == function)
			return true;
	return !only;
}

static int show_frame(const struct turf_image *image, uint64_t addr, uint32_t frame, bool json)
{
	int r = json ? json_locals(image, addr, frame) : 0;
	if (!json)
		return show_locals(image, addr, frame);
	return r == -ENODATA ? show_no_data()
	       : r < 0       ? cli_error(NULL, "0x%" PRIx64 ": %s", addr, strerror(-r))
	                     : CLI_OK;
}

/* Before the first frame of an address, and between two. */
static void begin_frame(uint64_t addr, bool json, bool first)
{
	if (json && first)
		printf("{\"address\":\"0x%" PRIx64 "\",\"frames\":[", addr);
	else if (json)
		putchar(',');
}

int show_at(const struct turf_image *image, uint64_t addr, const struct show_functions *only,
            bool json)
{
	struct turf_frames frames;
	struct turf_frame frame;
	int r = turf_image_frames(image, addr, &frames), status = CLI_NONE;
	bool first = true;
	if (r < 0)
		return cli_error(NULL, "0x%" PRIx64 ": damaged urf", addr);
	for (uint32_t i = 0; r == 1 && turf_frames_next(&frames, &frame) == 1; i++) {
		if (!is_one_of(only, frame.function))
			continue;
		begin_frame(addr, json, first);
		first = false;
		int one = show_frame(image, addr, i, json);
		if (one == CLI_ERROR)
			return one;
		if (one == CLI_OK)
			status = one;
	}
	if (json && !first)
		puts("]}");
	return status;
}

/* A call that is inlined in a function's own code. Numbers are one more than indices; 0: none.
 */
struct call {
	uint32_t function, caller;
	uint32_t file, line, column; /* of the call */
	uint32_t depth;              /* 1: the function itself calls it */
	uint32_t child, last,
		next; /* first and last of what is inlined in it, next beside it */
};

/* What a function's code says. */
struct shown {
	const struct turf_image *image;
	const struct elf *code;
	uint32_t function;
	uint32_t file, line;        /* of its declaration */
	uint32_t code_file;         /* where its code is written; */
	uint32_t first, last;       /* lines of that file that it has code of; 0: none */
	size_t n_inlined, n_places; /* runs of it inlined elsewhere, and of its own */
	struct turf_code *run;      /* by address */
	size_t n_runs, runs_room;
	struct call *call; /* by address within each other */
	size_t n_calls, calls_room;
	uint32_t child, last_child; /* of what it calls itself */
	int status;                 /* -ENOMEM, -EBADMSG */
};

static void *one_more(struct shown *s, void **at, size_t n, size_t *room, size_t size)
{
	if (n == *room) {
		size_t more = 2 * *room + 16;
		void *p = reallocarray(*at, more, size);
		if (!p) {
			s->status = -ENOMEM;
			return NULL;
		}
		*at = p;
		*room = more;
	}
	return (char *)*at + n * size;
}

static int add_run(void *ctx, const struct turf_code *code)
{
	struct shown *s = ctx;
	struct turf_code *run =
		one_more(s, (void **)&s->run, s->n_runs, &s->runs_room, sizeof(*run));
	if (!run)
		return 1;
	*run = *code;
	s->n_runs++;
	if (code->inlined)
		s->n_inlined++;
	else
		s->n_places++;
	return 0;
}

static bool is_call(const struct call *c, const struct turf_frame *callee)
{
	const struct turf_frame *caller = callee + 1;
	return c->function == callee->function && c->caller == caller->function &&
	       c->file == caller->file && c->line == caller->line &&
	       c->column == caller->column;
}

/* The call of @callee within call @parent, 0 the function itself: its number, or 0. */
static uint32_t add_call(struct shown *s, const struct turf_frame *callee, uint32_t parent)
{
	const struct turf_frame *caller = callee + 1;
	uint32_t at = parent ? s->call[parent - 1].last : s->last_child;
	if (at && is_call(&s->call[at - 1], callee)) /* most follow upon each other */
		return at;
	for (at = parent ? s->call[parent - 1].child : s->child; at; at = s->call[at - 1].next)
		if (is_call(&s->call[at - 1], callee))
			return at;
	struct call *c = one_more(s, (void **)&s->call, s->n_calls, &s->calls_room, sizeof(*c));
	if (!c)
		return 0;
	*c = (struct call){ .function = callee->function,
		            .caller = caller->function,
		            .file = caller->file,
		            .line = caller->line,
		            .column = caller->column,
		            .depth = parent ? s->call[parent - 1].depth + 1 : 1 };
	uint32_t number = (uint32_t)++s->n_calls;
	uint32_t *first = parent ? &s->call[parent - 1].child : &s->child;
	uint32_t *last = parent ? &s->call[parent - 1].last : &s->last_child;
	*(*last ? &s->call[*last - 1].next : first) = number;
	*last = number;
	return number;
}

/* The call to tell of after @number: what is inlined in one follows upon it. */
static uint32_t next_call(const struct shown *s, uint32_t *stack, uint32_t *depth)
{
	uint32_t number = *depth ? stack[*depth - 1] : 0;
	uint32_t next = number ? s->call[number - 1].child : s->child;
	while (!next && *depth)
		next = s->call[stack[--*depth] - 1].next;
	if (next)
		stack[(*depth)++] = next;
	return next;
}

static void add_line(struct shown *s, const struct turf_frame *f)
{
	if (!s->code_file)
		s->code_file = f->file;
	if (!f->line || f->file != s->code_file)
		return;
	if (!s->first || f->line < s->first)
		s->first = f->line;
	if (f->line > s->last)
		s->last = f->line;
}

static void add_frames(struct shown *s, uint64_t addr, bool own)
{
	struct turf_frames walk;
	int r = turf_image_frames(s->image, addr, &walk);
	if (r < 0)
		s->status = r;
	if (r != 1 || !walk.n)
		return;
	uint32_t last = walk.n - 1;
	for (uint32_t i = own ? last : 0; i < walk.n; i++)
		if (walk.frame[i].function == s->function)
			add_line(s, &walk.frame[i]);
	for (uint32_t i = last, at = 0; own && i-- > 0 && !s->status;)
		at = add_call(s, &walk.frame[i], at);
}

/* Frames change where a row begins. */
static void read_run(struct shown *s, const struct turf_code *run)
{
	struct turf_rows walk;
	struct turf_row row;
	uint64_t at = run->start;
	int r = turf_image_rows(s->image, at, &walk);
	while (r >= 0 && at < run->end && !s->status) {
		add_frames(s, at, !run->inlined);
		do
			r = turf_rows_next(&walk, &row);
		while (r == 1 && row.start <= at);
		if (r != 1)
			break;
		at = row.start;
	}
	if (r < 0)
		s->status = r;
}

/* What is inlined only has no code to read but where that is. */
static int read_function(struct shown *s)
{
	(void)turf_image_declared(s->image, s->function, &s->file, &s->line);
	int r = turf_image_code(s->image, s->function, add_run, s);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->n_runs && !s->status; i++)
		if (!s->run[i].inlined || !s->n_places)
			read_run(s, &s->run[i]);
	return s->status;
}

static struct cli_text name_over(const struct turf_image *image, uint64_t addr)
{
	struct turf_frames walk;
	if (turf_image_frames(image, addr, &walk) != 1 || !walk.n)
		return (struct cli_text){ "??", 2 };
	return cli_frame_name(image, &walk.frame[walk.n - 1], true);
}

static void put_code(const struct shown *s, bool all)
{
	for (size_t i = 0; i < s->n_runs; i++)
		if (!s->run[i].inlined)
			printf("  code at 0x%" PRIx64 "-0x%" PRIx64 "\n", s->run[i].start,
			       s->run[i].end);
	if (s->n_inlined)
		printf("  inlined at %zu place%s%s\n", s->n_inlined,
		       s->n_inlined == 1 ? "" : "s", all ? ":" : "");
	else if (!s->n_places)
		puts("  no code");
	for (size_t i = 0; all && i < s->n_runs; i++)
		if (s->run[i].inlined)
			printf("    0x%" PRIx64 "-0x%" PRIx64 "  in %s\n", s->run[i].start,
			       s->run[i].end, name_over(s->image, s->run[i].start).at);
}

static void put_calls(const struct shown *s)
{
	uint32_t stack[TURF_FRAMES_MAX], depth = 0, number;
	while ((number = next_call(s, stack, &depth))) {
		const struct call *c = &s->call[number - 1];
		struct cli_text path = cli_path(s->image, c->file);
		printf("  %*sinlines   %s", (int)(c->depth - 1) * 2, "",
		       find_function_name(s->image, c->function).at);
		if (c->file == s->code_file || !path.at)
			printf("  (line %" PRIu32 ")\n", c->line);
		else
			printf("  (%s:%" PRIu32 ")\n", path.at, c->line);
	}
}

static int put_places(const struct shown *s, struct turf_body *body, bool *begun)
{
	(void)begun;
	return show_body(s->image, body);
}

static int json_places(const struct shown *s, struct turf_body *body, bool *begun)
{
	(void)s;
	return show_json_body(body, begun);
}

static int json_labels(const struct shown *s, struct turf_body *body, bool *begun)
{
	return show_json_labels(s->image, body, begun);
}

static int put_outgoing(const struct shown *s, struct turf_body *body, bool *begun)
{
	return show_calls(s->image, s->code, body->entry, false, begun);
}

static int json_outgoing(const struct shown *s, struct turf_body *body, bool *begun)
{
	return show_calls(s->image, s->code, body->entry, true, begun);
}

/* The bodies of all of a function's own code, each once; @begun of @tell: it has put elements
 * of an array. */
static int put_bodies(const struct shown *s,
                      int (*tell)(const struct shown *s, struct turf_body *body, bool *begun))
{
	bool begun = false;
	int r = 0;
	for (size_t i = 0; i < s->n_runs && r >= 0; i++) {
		struct turf_body body;
		bool done = s->run[i].inlined;
		for (size_t k = 0; k < i && !done; k++)
			done = !s->run[k].inlined && s->run[k].entry == s->run[i].entry;
		if (done || (r = turf_image_body(s->image, s->run[i].start, &body)) != 1)
			continue;
		r = tell(s, &body, &begun);
	}
	return r;
}

/* Of what is inlined only, where variables are is said where it is inlined. */
static int put_variables(const struct shown *s, const struct turf_details *d)
{
	struct turf_variables walk;
	struct turf_variable v;
	int r;
	turf_details_variables(d, &walk);
	while ((r = turf_variables_next(&walk, &v)) == 1) {
		if (v.kind > TURF_VARIABLE_LABEL)
			continue;
		if (!show_variable(s->image, &v, 0))
			return -ENOMEM;
		putchar('\n');
	}
	return r;
}

static int put_function(const struct shown *s, const struct turf_details *d, bool all)
{
	turf_text name, linkage;
	if (turf_image_function(s->image, s->function, &name, &linkage) != 1)
		return -EBADMSG;
	if (d && !put_prototype(stdout, s->image, d))
		return -ENOMEM;
	puts(d ? "" : find_function_name(s->image, s->function).at);
	struct cli_text plain = cli_text(s->image, name), linked = cli_text(s->image, linkage);
	if (linked.at && (!plain.at || strcmp(plain.at, linked.at) != 0))
		printf("  linkage name %s\n", linked.at);
	put_declared(s->image, s->file, s->line);
	if (s->first)
		printf("  lines %" PRIu32 " to %" PRIu32, s->first, s->last);
	if (s->first && s->code_file != s->file && cli_path(s->image, s->code_file).at)
		printf(" of %s", cli_path(s->image, s->code_file).at);
	if (s->first)
		putchar('\n');
	put_code(s, all);
	put_calls(s);
	if (!d)
		return 0;
	if (!show_instance(d, false))
		return -ENOMEM;
	if (!s->n_places)
		return put_variables(s, d);
	int r = put_bodies(s, put_places);
	return r < 0 ? r : put_bodies(s, put_outgoing);
}

static void json_runs(const struct shown *s, bool inlined)
{
	const char *between = "";
	printf(",\"%s\":[", inlined ? "inlined" : "code");
	for (size_t i = 0; i < s->n_runs; i++) {
		const struct turf_code *run = &s->run[i];
		if (run->inlined != inlined)
			continue;
		printf("%s{\"start\":\"0x%" PRIx64 "\",\"end\":\"0x%" PRIx64
		       "\",\"entry\":\"0x%" PRIx64 "\"",
		       between, run->start, run->end, run->entry);
		if (inlined) {
			printf(",\"in\":");
			cli_json_string(stdout, name_over(s->image, run->start).at);
		}
		putchar('}');
		between = ",";
	}
	putchar(']');
}

static void json_calls(const struct shown *s)
{
	uint32_t stack[TURF_FRAMES_MAX], depth = 0, number;
	const char *between = "";
	printf(",\"inlines\":[");
	while ((number = next_call(s, stack, &depth))) {
		const struct call *c = &s->call[number - 1];
		struct cli_text path = cli_path(s->image, c->file);
		printf("%s{\"depth\":%" PRIu32 ",\"function\":", between, c->depth);
		between = ",";
		cli_json_string(stdout, find_function_name(s->image, c->function).at);
		printf(",\"in\":");
		cli_json_string(stdout, find_function_name(s->image, c->caller).at);
		if (path.at) {
			printf(",\"file\":");
			cli_json_string(stdout, path.at);
		}
		printf(",\"line\":%" PRIu32 ",\"column\":%" PRIu32 "}", c->line, c->column);
	}
	putchar(']');
}

static int json_prototype(const struct turf_image *image, const struct turf_details *d)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool ok = out && put_prototype(out, image, d);
	if (out)
		ok = fclose(out) == 0 && ok;
	if (ok) {
		printf(",\"prototype\":");
		cli_json_string(stdout, text);
	}
	free(text);
	return ok ? 0 : -ENOMEM;
}

static int json_variables(const struct shown *s, const struct turf_details *d)
{
	struct turf_variables walk;
	struct turf_variable v;
	const char *between = "";
	int r;
	printf(",\"variables\":[");
	turf_details_variables(d, &walk);
	while ((r = turf_variables_next(&walk, &v)) == 1) {
		if (v.kind > TURF_VARIABLE_CONSTANT)
			continue;
		char *type = show_declaration(s->image, v.type, NULL);
		if (!type)
			return -ENOMEM;
		printf("%s{\"kind\":\"%s\",\"line\":%" PRIu32 ",\"block\":%" PRIu32, between,
		       show_kind(&v), v.line, v.block);
		show_json_text(s->image, "name", v.name);
		printf(",\"type\":");
		cli_json_string(stdout, type);
		putchar('}');
		free(type);
		between = ",";
	}
	printf("],\"places\":[");
	if (r == 0)
		r = put_bodies(s, json_places);
	printf("],\"labels\":[");
	if (r == 0)
		r = put_bodies(s, json_labels);
	printf("],\"calls\":[");
	if (r == 0)
		r = put_bodies(s, json_outgoing);
	putchar(']');
	return r == 0 && !show_instance(d, true) ? -ENOMEM : r;
}

static int json_function(const struct shown *s, const struct turf_details *d)
{
	turf_text name, linkage;
	int r = 0;
	if (turf_image_function(s->image, s->function, &name, &linkage) != 1)
		return -EBADMSG;
	printf("{\"kind\":\"function\",\"number\":%" PRIu32, s->function);
	show_json_text(s->image, "name", name);
	if (linkage)
		show_json_text(s->image, "linkage_name", linkage);
	if (d)
		r = json_prototype(s->image, d);
	if (s->file && cli_path(s->image, s->file).at) {
		printf(",\"file\":");
		cli_json_string(stdout, cli_path(s->image, s->file).at);
	}
	if (s->line)
		printf(",\"line\":%" PRIu32, s->line);
	if (s->first)
		printf(",\"first_line\":%" PRIu32 ",\"last_line\":%" PRIu32, s->first, s->last);
	if (s->first && cli_path(s->image, s->code_file).at) {
		printf(",\"code_file\":");
		cli_json_string(stdout, cli_path(s->image, s->code_file).at);
	}
	json_runs(s, false);
	json_runs(s, true);
	json_calls(s);
	if (d && r == 0)
		r = json_variables(s, d);
	puts("}");
	return r;
}

int show_function(const struct turf_image *image, const struct elf *code, uint32_t function,
                  bool all, bool json)
{
	struct shown s = { .image = image, .code = code, .function = function };
	struct turf_details d;
	int r = read_function(&s);
	int known = r < 0 ? r : turf_image_details(image, function, &d);
	if (r == 0)
		r = known < 0 ? known
		    : json    ? json_function(&s, known ? &d : NULL)
		              : put_function(&s, known ? &d : NULL, all);
	free(s.run);
	free(s.call);
	return r == -ENODATA ? show_no_data()
	       : r < 0 ? cli_error(NULL, "function %" PRIu32 " cannot be read: %s", function,
	                           strerror(-r))
	               : CLI_OK;
}
