/* SPDX-License-Identifier: MIT */
/*
 * turf stack: the stacks of all threads of a live process.
 *
 * A thread stands still only while its registers and the bytes of its stack are copied. Urfs
 * are looked for, or built, and frames found and named when all threads run again.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cli.h"
#include "turf/unwind.h"

static const char usage[] =
	"Usage: turf stack [OPTION...] PID\n"
	"Shows where each thread of a running process stands and who called it there, the\n"
	"innermost call first.\n"
	"\n"
	"  -p, --pid PID        the process, in place of the argument\n"
	"  --tid TID            only this thread\n"
	"  --no-inlines         leave out calls that were inlined\n"
	"  --max-frames N       end a stack after N frames (default: 1024)\n"
	"  -C, --demangle       show C++, Rust and D names as they were written (default)\n"
	"      --no-demangle    show them as the linker knows them\n"
	"  --json               one JSON object a thread and line\n"
	"  --debuginfo PATH     where separate debug files are, a folder or one of them;\n"
	"                       may be given several times (default: /usr/lib/debug)\n"
	"  --store DIR          where urfs are kept\n"
	"\n"
	"Exit status: 0 shown, 1 there is no such thread, 2 error.\n";

/* Of a stack this much is copied at most; what lies above is read when it is needed. */
enum { COPY_MAX = 8 << 20, COPY_STEP = 64 << 10, PAGE = 4096 };

/* A thread as it stood. */
struct thread {
	pid_t tid;
	char name[64];
	struct turf_regs regs;
	struct turf_stack_copy stack;
	uint8_t *bytes; /* of stack */
};

struct session {
	pid_t pid, only_tid; /* 0: all threads */
	bool no_inlines, json, color, mangled;
	unsigned max_frames;
	struct turf_store *store;
	struct turf_processes *table;
	struct turf_process *process;
	struct turf_memory live;
	struct turf_error err;
	struct thread *threads;
	size_t n_threads;
};

/*
 * Reads @size bytes at @addr, page by page, so that what lies before the first page that cannot
 * be read is had. Returns how many bytes that is.
 */
static size_t read_pages(pid_t pid, uint64_t addr, uint8_t *out, size_t size)
{
	struct iovec local = { out, size }, pages[COPY_STEP / PAGE + 1];
	size_t n = 0;
	for (size_t done = 0; done < size; n++) {
		size_t left = PAGE - (addr + done) % PAGE;
		pages[n].iov_base = (void *)(uintptr_t)(addr + done);
		pages[n].iov_len = left < size - done ? left : size - done;
		done += pages[n].iov_len;
	}
	ssize_t got = process_vm_readv(pid, &local, 1, pages, n, 0);
	return got < 0 ? 0 : (size_t)got;
}

/* Copies the stack from @start to its end. What cannot be copied is read live later on. */
static void copy_stack(pid_t pid, uint64_t start, struct thread *t)
{
	size_t size = 0;
	for (bool more = true; more && size < COPY_MAX;) {
		uint8_t *bytes = realloc(t->bytes, size + COPY_STEP);
		if (!bytes)
			break;
		t->bytes = bytes;
		size_t got = read_pages(pid, start + size, bytes + size, COPY_STEP);
		size += got;
		more = got == COPY_STEP;
	}
	uint8_t *bytes = size ? realloc(t->bytes, size) : NULL;
	if (bytes)
		t->bytes = bytes;
	t->stack = (struct turf_stack_copy){ start, size, t->bytes };
}

/* The first thread that stands still is the moment to see what is mapped where. */
static int read_process(struct session *s)
{
	int r = turf_processes_read(s->table, s->pid, &s->err);
	if (r < 0)
		return r;
	s->process = turf_processes_find(s->table, s->pid);
	return s->process ? 0 : turf_fail(&s->err, -ESRCH, TURF_NOWHERE, "it has ended");
}

static int visit(void *ctx, const struct turf_thread_stack *seen)
{
	enum { SP = 7 }; /* of x86-64 by DWARF number */
	struct session *s = ctx;
	s->pid = seen->pid; /* of the process, where a thread was asked for */
	int r = s->process ? 0 : read_process(s);
	if (r < 0 || (s->only_tid && s->only_tid != seen->tid))
		return r;
	struct thread *threads = realloc(s->threads, (s->n_threads + 1) * sizeof(*s->threads));
	if (!threads)
		return turf_fail(&s->err, -ENOMEM, TURF_NOWHERE, "no memory");
	s->threads = threads;
	struct thread *t = &threads[s->n_threads++];
	*t = (struct thread){ .tid = seen->tid, .regs = seen->regs };
	snprintf(t->name, sizeof(t->name), "%s", seen->name);
	copy_stack(s->pid, seen->regs.value[SP], t);
	return 0;
}

/* The copied stack, else the memory of the process as it is now. */
struct frozen {
	struct turf_memory copy, live;
};

static int read_frozen(void *ctx, uint64_t addr, void *out, size_t size)
{
	const struct frozen *f = ctx;
	int r = f->copy.read(f->copy.ctx, addr, out, size);
	return r < 0 ? f->live.read(f->live.ctx, addr, out, size) : 0;
}

/* One line of a stack: a frame, or a call that was inlined into one. */
struct line {
	const struct turf_unwind_frame *frame;
	const struct turf_frame *code; /* NULL: nothing is known of the address */
	const char *module;            /* NULL: no file is mapped there */
	unsigned number;
};

/* Text of a file may be anything: no control character reaches the terminal. */
static void print_text(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void print_function(const struct session *s, const struct line *l)
{
	const struct turf_frame *code = l->code;
	fputs(s->color ? "\033[1m" : "", stdout);
	print_text(code ? cli_frame_name(l->frame->location.image, code, !s->mangled).at
	                : "??");
	fputs(s->color ? "\033[0m" : "", stdout);
	if (!code)
		return;
	/* lookup_pc and addr are one place, so this is where the frame's pc lies */
	uint64_t addr = l->frame->location.addr + (l->frame->pc - l->frame->lookup_pc);
	if (code->has_start && !code->inlined)
		printf("+0x%llx", (unsigned long long)(addr - code->function_start));
	if (code->inlined)
		fputs(" [inlined]", stdout);
}

static void print_source(const struct line *l)
{
	const struct turf_frame *code = l->code;
	struct cli_text path = { NULL };
	if (code)
		path = cli_path(l->frame->location.image, code->file);
	if (!path.at)
		return;
	fputs("  ", stdout);
	print_text(path.at);
	if (code->line)
		printf(":%u", code->line);
	if (code->line && code->column)
		printf(":%u", code->column);
}

static void print_line(const struct session *s, const struct line *l)
{
	printf("#%-3u 0x%016llx ", l->number, (unsigned long long)l->frame->pc);
	print_function(s, l);
	print_source(l);
	if (l->module) {
		fputs("  (", stdout);
		print_text(l->module);
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

static void json_line(const struct session *s, const struct line *l)
{
	static const char *const sources[] = { "first", "cfi", "pointer" };
	const struct turf_frame *code = l->code;
	(void)s;
	printf("%s{\"pc\":\"0x%llx\"", l->number ? "," : "", (unsigned long long)l->frame->pc);
	printf(",\"source\":\"%s\"", sources[l->frame->source]);
	if (l->frame->signal_frame)
		fputs(",\"signal\":true", stdout);
	json_text("module", l->module);
	if (l->frame->location.image)
		printf(",\"address\":\"0x%llx\"", (unsigned long long)l->frame->location.addr);
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
	putchar('}');
}

/* All lines of one frame; returns the number of the next. */
static unsigned show_frame(const struct session *s, const struct turf_unwind_frame *frame,
                           unsigned number)
{
	const struct turf_location *at = &frame->location;
	void (*show)(const struct session *, const struct line *) =
		s->json ? json_line : print_line;
	struct line l = { .frame = frame, .number = number };
	l.module = at->module ? turf_module_path(at->module) : NULL;
	struct turf_frames walk;
	struct turf_frame code;
	if (at->image && turf_image_frames(at->image, at->addr, &walk) > 0)
		while (turf_frames_next(&walk, &code) > 0) {
			if (s->no_inlines && code.inlined)
				continue;
			l.code = &code;
			show(s, &l);
			l.number++;
		}
	if (l.number == number) {
		l.code = NULL;
		show(s, &l);
		l.number++;
	}
	return l.number;
}

/* Why there are no frames behind @last, where it is not the thread's start. */
static void show_end(const struct session *s, const struct turf_unwind *u,
                     const struct turf_unwind_frame *last)
{
	const struct turf_module *module = last->location.module;
	const char *error = module ? turf_module_error(module) : NULL;
	if (s->json) {
		printf("],\"complete\":%s", u->stop == TURF_STOP_END ? "true" : "false");
		json_text("stop", turf_stop_name(u->stop));
		printf(",\"by_pointer\":%u}\n", u->n_by_pointer);
		return;
	}
	if (u->stop != TURF_STOP_END) {
		printf("     the stack is not complete: %s", turf_stop_name(u->stop));
		if (u->stop == TURF_STOP_NO_MODULE && error) {
			fputs(": ", stdout);
			print_text(error);
		}
		putchar('\n');
	}
	if (u->n_by_pointer)
		printf("     found by frame pointer, which may miss calls: %u of %u frames\n",
		       u->n_by_pointer, u->depth);
}

static void show_thread(const struct session *s, const struct thread *t)
{
	struct frozen frozen = { turf_memory_copy(&t->stack), s->live };
	struct turf_unwind u;
	turf_unwind_begin(&u, s->process, &t->regs,
	                  (struct turf_memory){ read_frozen, &frozen }, s->max_frames);
	if (s->json) {
		printf("{\"pid\":%d,\"tid\":%d", s->pid, t->tid);
		json_text("name", t->name);
		fputs(",\"frames\":[", stdout);
	} else {
		printf("TID %d \"", t->tid);
		print_text(t->name);
		fputs("\":\n", stdout);
	}
	struct turf_unwind_frame frame = { 0 };
	for (unsigned number = 0; turf_unwind_next(&u, &frame) > 0;)
		number = show_frame(s, &frame, number);
	show_end(s, &u, &frame);
}

static int show_process(struct session *s)
{
	int r = turf_threads_walk(s->pid, visit, s, &s->err);
	if (r < 0)
		return cli_error(&s->err, "process %d", s->pid);
	if (!s->n_threads) {
		if (s->only_tid)
			cli_error(NULL, "process %d has no thread %d", s->pid, s->only_tid);
		else
			cli_error(NULL, "process %d has ended", s->pid);
		return CLI_NONE;
	}
	s->live = turf_memory_live(&s->pid);
	if (!s->json)
		printf("PID %d - process\n", s->pid);
	for (size_t i = 0; i < s->n_threads; i++)
		show_thread(s, &s->threads[i]);
	return CLI_OK;
}

static int with_table(struct session *s)
{
	int r = turf_processes_new(s->store, &s->table, &s->err);
	if (r < 0)
		return cli_error(&s->err, NULL);
	int status = show_process(s);
	turf_processes_free(s->table);
	for (size_t i = 0; i < s->n_threads; i++)
		free(s->threads[i].bytes);
	free(s->threads);
	return status;
}

static bool read_id(const char *text, pid_t *ret)
{
	uint64_t n;
	if (!cli_number(text, 1, INT_MAX, &n))
		return false;
	*ret = (pid_t)n;
	return true;
}

/* 0, or 2 and the error is printed. */
static int read_option(struct session *s, int c)
{
	uint64_t n;
	switch (c) {
	case 'p':
		return read_id(optarg, &s->pid)
		               ? 0
		               : cli_usage_error("'%.64s' is no process", optarg);
	case 't':
		return read_id(optarg, &s->only_tid)
		               ? 0
		               : cli_usage_error("'%.64s' is no thread", optarg);
	case 'm':
		if (!cli_number(optarg, 1, UINT_MAX, &n))
			return cli_usage_error("'%.64s' is no number of frames", optarg);
		s->max_frames = (unsigned)n;
		break;
	case 'n':
		s->no_inlines = true;
		break;
	case 'j':
		s->json = true;
		break;
	default:
		s->mangled = c == 'M';
	}
	return 0;
}

static int read_arguments(struct session *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "tid", required_argument, NULL, 't' },
		{ "no-inlines", no_argument, NULL, 'n' },
		{ "max-frames", required_argument, NULL, 'm' },
		{ "json", no_argument, NULL, 'j' },
		{ "demangle", no_argument, NULL, 'C' },
		{ "no-demangle", no_argument, NULL, 'M' },
		CLI_DEBUGINFO,
		CLI_OPTIONS,
	};
	for (int c; (c = cli_getopt(argc, argv, "p:C", options, usage)) != -1;)
		if (read_option(s, c))
			return CLI_ERROR;
	if (optind < argc && !s->pid && !read_id(argv[optind++], &s->pid))
		return cli_usage_error("'%.64s' is no process", argv[optind - 1]);
	if (optind < argc)
		return cli_usage_error("'%.64s': one process is enough", argv[optind]);
	if (!s->pid)
		return cli_usage_error("no process given");
	return 0;
}

int cmd_stack(int argc, char **argv)
{
	struct session s = { .color = cli_color(stdout) };
	if (read_arguments(&s, argc, argv))
		return CLI_ERROR;
	cli_by_address = true;
	int status = cli_open_store(&s.store);
	if (status != CLI_OK)
		return status;
	status = with_table(&s);
	turf_store_close(s.store);
	return status;
}
