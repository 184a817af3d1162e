/* SPDX-License-Identifier: MIT */
/*
 * Answers in the styles of llvm-symbolizer. Where an inlined function's code starts is not
 * known to us.
 */
#include <stdlib.h>
#include <string.h>

#include "llvm.h"
#include "symtab.h"

static unsigned long long hex(uint64_t n)
{
	return n; /* for %llx */
}

static void put_header(const struct llvm_printer *p, const struct llvm_request *request)
{
	if (p->options->addresses && request->has_address)
		printf("0x%llx%s", hex(request->address), p->options->pretty ? ": " : "\n");
}

static void put_footer(const struct llvm_printer *p)
{
	if (p->options->style == LLVM_PLAIN)
		putchar('\n');
}

/* {"Address":"0x1", as far as the members that all answers have come before "Data", "Frame"...
 */
static void json_begin(struct llvm_printer *p, const struct llvm_request *request)
{
	fputs(p->options->list && p->n_answers ? ",{" : "{", stdout);
	if (request->has_address)
		printf("\"Address\":\"0x%llx\",", hex(request->address));
	p->n_answers++;
}

static void json_module(const struct llvm_request *request)
{
	fputs("\"ModuleName\":", stdout);
	cli_json_string(stdout, request->module);
	if (*request->symbol) {
		fputs(",\"SymName\":", stdout);
		cli_json_string(stdout, request->symbol);
	}
}

static void json_end(const struct llvm_printer *p)
{
	fputs(p->options->list ? "}" : "}\n", stdout);
}

void llvm_list(struct llvm_printer *p, bool end)
{
	if (p->options->list)
		fputs(end ? "]\n" : "[", stdout);
}

static bool lines_come_last(const struct llvm_request *request)
{
	return !*request->symbol; /* members stand in order of the alphabet: "Loc", "Symbol" */
}

void llvm_begin(struct llvm_printer *p, const struct llvm_request *request)
{
	p->n_lines = 0;
	if (p->options->style != LLVM_JSON) {
		put_header(p, request);
		return;
	}
	json_begin(p, request);
	if (lines_come_last(request)) {
		json_module(request);
		fputs(",\"Symbol\":[", stdout);
	} else {
		fputs("\"Loc\":[", stdout);
	}
}

void llvm_end(struct llvm_printer *p, const struct llvm_request *request)
{
	if (p->options->style != LLVM_JSON) {
		put_footer(p);
		return;
	}
	putchar(']');
	if (!lines_come_last(request)) {
		putchar(',');
		json_module(request);
	}
	json_end(p);
}

/* Lines around the one that is meant, as the source file has them now. */
static void put_source(FILE *out, uint64_t n, const struct llvm_line *line)
{
	char text[4096];
	if (!n || !line->line || !line->path)
		return;
	uint64_t half = n / 2, first = line->line > half ? line->line - half : 1;
	uint64_t last = first + n - 1;
	FILE *file = fopen(line->path, "re");
	int width = 0;
	for (uint64_t most = 1; most < last; most *= 10)
		width++;
	bool begins = true;
	for (uint64_t at = 1; file && at <= last && fgets(text, sizeof(text), file);) {
		size_t size = strcspn(text, "\r\n");
		bool ends = strchr(text, '\n') != NULL;
		text[size] = 0;
		if (at >= first && begins)
			fprintf(out, "%*llu %s: ", width, hex(at),
			        at == line->line ? ">" : " ");
		if (at >= first)
			fputs(text, out);
		if (at >= first && ends)
			putc('\n', out);
		begins = ends;
		at += ends;
	}
	if (file)
		fclose(file);
}

static void put_verbose(const struct llvm_printer *p, const struct llvm_line *line)
{
	printf("  Filename: %s\n", line->path ? line->path : "??");
	if (line->declared_line)
		printf("  Function start filename: %s\n  Function start line: %u\n",
		       line->declared_path ? line->declared_path : "", line->declared_line);
	if (line->has_start && p->options->style == LLVM_PLAIN)
		printf("  Function start address: 0x%llx\n", hex(line->start));
	printf("  Line: %u\n  Column: %u\n", line->line, line->column);
	if (line->discriminator)
		printf("  Discriminator: %u\n", line->discriminator);
}

static void put_line(const struct llvm_printer *p, const struct llvm_line *line)
{
	const struct llvm_options *o = p->options;
	if (o->functions != LLVM_NO_NAME)
		printf("%s%s%s", o->pretty && p->n_lines ? " (inlined by) " : "",
		       line->function ? line->function : "??", o->pretty ? " at " : "\n");
	if (o->verbose) {
		put_verbose(p, line);
		return;
	}
	fputs(line->path ? line->path : "??", stdout);
	printf(o->style == LLVM_GNU ? ":%u" : ":%u:%u", line->line, line->column);
	if (o->style == LLVM_GNU && line->discriminator)
		printf(" (discriminator %u)", line->discriminator);
	putchar('\n');
	put_source(stdout, o->context, line);
}

static void json_member(const char *name, const char *text)
{
	printf("\"%s\":", name);
	cli_json_string(stdout, text ? text : "");
	putchar(',');
}

static void json_source(uint64_t n, const struct llvm_line *line)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return;
	put_source(out, n, line);
	if (fclose(out) == 0 && size)
		json_member("Source", text);
	free(text);
}

static void json_line(const struct llvm_printer *p, const struct llvm_line *line)
{
	char start[32] = "";
	if (line->has_start)
		snprintf(start, sizeof(start), "0x%llx", hex(line->start));
	printf("%s{\"Column\":%u,\"Discriminator\":%u,", p->n_lines ? "," : "", line->column,
	       line->discriminator);
	json_member("FileName", line->path);
	json_member("FunctionName",
	            p->options->functions == LLVM_NO_NAME ? NULL : line->function);
	printf("\"Line\":%u,", line->line);
	json_source(p->options->context, line);
	json_member("StartAddress", start);
	json_member("StartFileName", line->declared_path);
	printf("\"StartLine\":%u}", line->declared_line);
}

void llvm_line(struct llvm_printer *p, const struct llvm_line *line)
{
	if (p->options->style == LLVM_JSON)
		json_line(p, line);
	else
		put_line(p, line);
	p->n_lines++;
}

void llvm_data(struct llvm_printer *p, const struct llvm_request *request,
               const struct symtab_symbol *symbol, uint32_t line)
{
	const struct symtab_symbol none = { .name = NULL };
	const struct symtab_symbol *s = symbol ? symbol : &none;
	if (p->options->style == LLVM_JSON) {
		json_begin(p, request);
		fputs("\"Data\":{", stdout);
		json_member("Name", s->name);
		printf("\"Size\":\"0x%llx\",\"Start\":\"0x%llx\"},", hex(s->size),
		       hex(s->addr));
		json_module(request);
		json_end(p);
		return;
	}
	put_header(p, request);
	printf("%s\n%llu %llu\n", s->name ? s->name : "??", hex(s->addr), hex(s->size));
	printf(s->file ? "%s:%u\n" : "??:?\n", s->file, line);
	put_footer(p);
}

void llvm_locals_begin(struct llvm_printer *p, const struct llvm_request *request)
{
	p->n_lines = 0;
	if (p->options->style != LLVM_JSON) {
		put_header(p, request);
		return;
	}
	json_begin(p, request);
	fputs("\"Frame\":[", stdout);
}

static void json_local(const struct llvm_printer *p, const struct llvm_local *l)
{
	fputs(p->n_lines ? ",{" : "{", stdout);
	json_member("DeclFile", l->path);
	printf("\"DeclLine\":%u,", l->line);
	if (l->has_offset)
		printf("\"FrameOffset\":%lld,", (long long)l->offset);
	json_member("FunctionName", l->function);
	json_member("Name", l->name);
	if (l->has_size)
		printf("\"Size\":\"0x%llx\",\"TagOffset\":\"\"}", hex(l->size));
	else
		fputs("\"Size\":\"\",\"TagOffset\":\"\"}", stdout);
}

void llvm_local(struct llvm_printer *p, const struct llvm_local *l)
{
	if (p->options->style == LLVM_JSON) {
		json_local(p, l);
	} else {
		printf("%s\n%s\n%s:%u\n", l->function ? l->function : "??",
		       l->name ? l->name : "??", l->path ? l->path : "??", l->line);
		printf(l->has_offset ? "%lld " : "?? ", (long long)l->offset);
		printf(l->has_size ? "%llu ??\n" : "?? ??\n", hex(l->size));
	}
	p->n_lines++;
}

void llvm_locals_end(struct llvm_printer *p, const struct llvm_request *request)
{
	if (p->options->style != LLVM_JSON) {
		if (!p->n_lines)
			puts("??");
		put_footer(p);
		return;
	}
	fputs("],", stdout);
	json_module(request);
	json_end(p);
}

void llvm_error(struct llvm_printer *p, const struct llvm_request *request, const char *text)
{
	fflush(stdout);
	if (p->options->style != LLVM_JSON) {
		fprintf(stderr, "%s: error: '%s': %s\n", p->options->program, request->module,
		        text);
		return;
	}
	json_begin(p, request);
	fputs("\"Error\":{\"Message\":", stdout);
	cli_json_string(stdout, text);
	fputs("},", stdout);
	json_module(request);
	json_end(p);
}
