/* SPDX-License-Identifier: MIT */
/*
 * turf stack: frames as text and as JSON.
 */
#include <signal.h>
#include <string.h>

#include "stack.h"

/* The copied stack, else the memory of the process as it is now, or of the core. */
struct frozen {
	struct turf_memory copy, rest;
};

static int read_frozen(void *ctx, uint64_t addr, void *out, size_t size)
{
	const struct frozen *f = ctx;
	int r = f->copy.read(f->copy.ctx, addr, out, size);
	return r < 0 ? f->rest.read(f->rest.ctx, addr, out, size) : 0;
}

/* One line of a stack: a frame, or a call that was inlined into one. */
struct line {
	const struct turf_unwind_frame *frame;
	const struct turf_frame *code; /* NULL: no debug info tells of the address */
	const struct turf_jit *jit;    /* NULL: no compiler at run time tells of it */
	const char *module;            /* NULL: no file is mapped there */
	unsigned number;
};

void stack_print_text(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

/* Where the frame's pc lies: lookup_pc and addr are one place. */
static uint64_t frame_addr(const struct turf_unwind_frame *frame)
{
	return frame->location.addr + (frame->pc - frame->lookup_pc);
}

enum { BUILD_ID_MAX = 64 };

/* In hexadecimal; false: there is none. */
static bool build_id(const struct turf_image *image, char out[2 * BUILD_ID_MAX + 1])
{
	struct turf_image_info info;
	turf_image_info(image, &info);
	size_t n = info.source_id_size < BUILD_ID_MAX ? info.source_id_size : BUILD_ID_MAX;
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", info.source_id[i]);
	return n;
}

static void print_function(const struct stack *s, const struct line *l)
{
	const struct turf_frame *code = l->code;
	fputs(s->color ? "\033[1m" : "", stdout);
	stack_print_text(code ? cli_frame_name(l->frame->location.image, code, !s->mangled).at
	                 : l->jit ? l->jit->name
	                          : "??");
	fputs(s->color ? "\033[0m" : "", stdout);
	if (l->jit)
		printf("+0x%llx", (unsigned long long)(l->frame->pc - l->jit->start));
	if (!code)
		return;
	uint64_t addr = frame_addr(l->frame);
	/* a cold part may lie before the function's entry */
	if (code->has_start && !code->inlined)
		printf("%c0x%llx", addr < code->function_start ? '-' : '+',
		       (unsigned long long)(addr < code->function_start
		                                    ? code->function_start - addr
		                                    : addr - code->function_start));
	if (code->inlined)
		fputs(" [inlined]", stdout);
}

static void print_source(const struct line *l)
{
	const struct turf_frame *code = l->code;
	const char *path = l->jit ? l->jit->file : NULL;
	unsigned line = l->jit ? l->jit->line : code ? code->line : 0;
	if (code)
		path = cli_path(l->frame->location.image, code->file).at;
	if (!path)
		return;
	fputs("  ", stdout);
	stack_print_text(path);
	if (line)
		printf(":%u", line);
	if (code && code->line && code->column)
		printf(":%u", code->column);
}

/* "+0xADDRESS BUILD-ID": the same in every process, and in every core of one build. */
static void print_build_id(const struct turf_unwind_frame *frame)
{
	char id[2 * BUILD_ID_MAX + 1];
	if (!frame->location.image)
		return;
	printf("+0x%llx", (unsigned long long)frame_addr(frame));
	if (build_id(frame->location.image, id))
		printf(" %s", id);
}

static void print_line(const struct stack *s, const struct line *l)
{
	printf("#%-3u 0x%016llx ", l->number, (unsigned long long)l->frame->pc);
	print_function(s, l);
	print_source(l);
	if (l->module) {
		fputs("  (", stdout);
		stack_print_text(l->module);
		if (s->build_ids)
			print_build_id(l->frame);
		putchar(')');
	}
	if (l->frame->signal_frame)
		fputs("  <signal>", stdout);
	putchar('\n');
}

static void json_text(const char *name, const char *text)
{
	if (!text)
		return;
	printf(",\"%s\":", name);
	cli_json_string(stdout, text);
}

static void json_line(const struct line *l)
{
	static const char *const sources[] = { "first", "cfi", "guess", "pointer" };
	const struct turf_frame *code = l->code;
	printf("%s{\"pc\":\"0x%llx\"", l->number ? "," : "", (unsigned long long)l->frame->pc);
	printf(",\"source\":\"%s\"", sources[l->frame->source]);
	if (l->frame->signal_frame)
		fputs(",\"signal\":true", stdout);
	json_text("module", l->module);
	if (l->frame->location.image) {
		char id[2 * BUILD_ID_MAX + 1];
		printf(",\"address\":\"0x%llx\"", (unsigned long long)l->frame->location.addr);
		json_text("build_id", build_id(l->frame->location.image, id) ? id : NULL);
	}
	if (l->jit) {
		json_text("function", l->jit->name);
		json_text("file", l->jit->file);
		if (l->jit->line)
			printf(",\"line\":%u", l->jit->line);
		fputs(",\"jit\":true", stdout);
	}
	if (code) {
		const struct turf_image *image = l->frame->location.image;
		json_text("function", cli_text(image, code->name).at);
		json_text("linkage_name", cli_text(image, code->linkage_name).at);
		json_text("file", cli_path(image, code->file).at);
		if (code->line)
			printf(",\"line\":%u", code->line);
		if (code->line && code->column)
			printf(",\"column\":%u", code->column);
		printf(",\"inlined\":%s", code->inlined ? "true" : "false");
	}
}

static void show_line(struct stack *s, const struct line *l, const struct turf_values *values,
                      uint32_t inlined)
{
	if (s->json)
		json_line(l);
	else
		print_line(s, l);
	if (s->locals && l->code)
		stack_show_locals(s, values, inlined);
	if (s->json)
		putchar('}');
}

/* All lines of one frame; returns the number of the next. */
static unsigned show_frame(struct stack *s, const struct turf_values *values, unsigned number)
{
	const struct turf_location *at = &values->frame.location;
	struct line l = { .frame = &values->frame, .number = number };
	l.module = at->module ? turf_module_path(at->module) : NULL;
	struct turf_frames walk;
	struct turf_frame code;
	if (at->image && turf_image_frames(at->image, at->addr, &walk) > 0)
		for (uint32_t i = 0; turf_frames_next(&walk, &code) > 0; i++) {
			if (s->no_inlines && code.inlined)
				continue;
			l.code = &code;
			show_line(s, &l, values, i);
			l.number++;
		}
	struct turf_jit jit;
	if (l.number == number) {
		l.code = NULL;
		if (!at->image &&
		    turf_process_jit(s->process, values->frame.lookup_pc, TURF_NOW, &jit) > 0)
			l.jit = &jit;
		show_line(s, &l, values, 0);
		l.number++;
	}
	return l.number;
}

/* Why there are no frames behind @last, where it is not the thread's start. */
static void show_end(const struct stack *s, const struct turf_unwind *u,
                     const struct turf_unwind_frame *last)
{
	const struct turf_module *module = last->location.module;
	const char *error = module ? turf_module_error(module) : NULL;
	if (s->json) {
		printf("],\"complete\":%s", u->stop == TURF_STOP_END ? "true" : "false");
		json_text("stop", turf_stop_name(u->stop));
		printf(",\"by_pointer\":%u,\"by_guess\":%u}\n", u->n_by_pointer, u->n_by_guess);
		return;
	}
	if (u->stop != TURF_STOP_END) {
		printf("     the stack is not complete: %s", turf_stop_name(u->stop));
		if (u->stop == TURF_STOP_NO_MODULE && error) {
			fputs(": ", stdout);
			stack_print_text(error);
		}
		putchar('\n');
	}
	if (u->n_by_pointer)
		printf("     found by frame pointer, which may miss calls: %u of %u frames\n",
		       u->n_by_pointer, u->depth);
	if (u->n_by_guess)
		printf("     found by guess, as no unwind table covers a function: %u of %u "
		       "frames\n",
		       u->n_by_guess, u->depth);
}

static const char *signal_name(int signal, char room[24])
{
	const char *name = sigabbrev_np(signal);
	if (name)
		snprintf(room, 24, "SIG%s", name);
	else
		snprintf(room, 24, "signal %d", signal);
	return room;
}

static const char *cause(const struct turf_core_info *info)
{
	switch (info->signal) {
	case SIGSEGV:
		return info->code == SEGV_MAPERR   ? "nothing mapped"
		       : info->code == SEGV_ACCERR ? "access not permitted"
		                                   : "fault";
	case SIGBUS:
		return info->code == BUS_ADRALN   ? "not aligned"
		       : info->code == BUS_ADRERR ? "nothing behind the mapping"
		                                  : "fault";
	case SIGFPE:
		return info->code == FPE_INTDIV ? "division by zero" : "arithmetic error";
	case SIGILL:
		return "illegal instruction";
	default:
		return "stopped";
	}
}

void stack_show_core(const struct stack *s)
{
	struct turf_core_info info = { .size = sizeof(info) };
	char room[24];
	turf_core_info(s->core, &info);
	printf("PID %d - core of ", s->pid);
	stack_print_text(*info.command ? info.command : info.name);
	putchar('\n');
	if (info.signal) {
		printf("ended by %s", signal_name(info.signal, room));
		if (info.has_fault)
			printf(": %s at 0x%llx", cause(&info), (unsigned long long)info.fault);
		putchar('\n');
	}
	if (info.missing)
		printf("the file was cut short: %llu bytes are missing\n",
		       (unsigned long long)info.missing);
}

static void json_signal(const struct stack *s)
{
	struct turf_core_info info = { .size = sizeof(info) };
	char room[24];
	turf_core_info(s->core, &info);
	if (!info.signal)
		return;
	json_text("signal", signal_name(info.signal, room));
	if (info.has_fault)
		printf(",\"fault\":\"0x%llx\"", (unsigned long long)info.fault);
}

static void show_head(const struct stack *s, const struct stack_thread *t, bool first)
{
	if (s->json) {
		printf("{\"pid\":%d,\"tid\":%d", s->pid, t->tid);
		json_text("name", t->name);
		if (s->core && first)
			json_signal(s);
		fputs(",\"frames\":[", stdout);
	} else {
		printf("TID %d \"", t->tid);
		stack_print_text(t->name);
		fputs("\":\n", stdout);
	}
}

/* The next frame into what calls the one at hand. */
static bool next_frame(struct turf_unwind *u, struct turf_values *values)
{
	values->caller_regs.valid = 0;
	return turf_unwind_next(u, &values->caller) > 0 &&
	       turf_unwind_registers(u, &values->caller_regs) > 0;
}

void stack_show_thread(struct stack *s, const struct stack_thread *t, bool first)
{
	struct frozen frozen = { turf_memory_copy(&t->stack), s->memory };
	struct turf_memory memory = { read_frozen, &frozen };
	struct turf_unwind u;
	turf_unwind_begin(&u, s->process, &t->regs, s->core ? s->memory : memory,
	                  s->max_frames);
	show_head(s, t, first);
	struct turf_values values = { .process = s->process, .memory = u.memory };
	bool more = next_frame(&u, &values);
	for (unsigned number = 0; more;) {
		values.frame = values.caller;
		values.regs = values.caller_regs;
		more = next_frame(&u, &values);
		number = show_frame(s, &values, number);
	}
	show_end(s, &u, &values.frame);
}
