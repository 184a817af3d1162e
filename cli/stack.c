/* SPDX-License-Identifier: MIT */
/*
 * turf stack: the stacks of all threads of a live process, or of one that a core file keeps.
 *
 * A thread of a live process stands still only while its registers and the bytes of its stack
 * are copied. Urfs are looked for, or built, and frames found and named when all threads run
 * again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "stack.h"

static const char usage[] =
	"Usage: turf stack [OPTION...] PID|CORE\n"
	"Shows where each thread of a running process stands, or stood when a core file\n"
	"was written, and who called it there, the innermost call first. CORE may be\n"
	"compressed by zstd or lz4.\n"
	"\n"
	"  -p, --pid PID        the process, in place of the argument\n"
	"      --core FILE      the core file, in place of the argument\n"
	"  --tid TID            only this thread\n"
	"  -l, --locals         with the arguments and variables of each call\n"
	"  -b, --build-id       with the build-id of each module, and the address in it\n"
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
static void copy_stack(pid_t pid, uint64_t start, struct stack_thread *t)
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
static int read_process(struct stack *s)
{
	int r = turf_processes_read(s->table, s->pid, &s->err);
	if (r < 0)
		return r;
	s->process = turf_processes_find(s->table, s->pid);
	return s->process ? 0 : turf_fail(&s->err, -ESRCH, TURF_NOWHERE, "it has ended");
}

/* NULL: no memory. */
static struct stack_thread *add_thread(struct stack *s, const struct turf_thread_stack *seen)
{
	struct stack_thread *threads =
		realloc(s->threads, (s->n_threads + 1) * sizeof(*threads));
	if (!threads)
		return NULL;
	s->threads = threads;
	struct stack_thread *t = &threads[s->n_threads++];
	*t = (struct stack_thread){ .tid = seen->tid,
		                    .regs = seen->regs,
		                    .thread_pointer = seen->thread_pointer };
	snprintf(t->name, sizeof(t->name), "%s", seen->name);
	return t;
}

static int visit(void *ctx, const struct turf_thread_stack *seen)
{
	enum { SP = 7 }; /* of x86-64 by DWARF number */
	struct stack *s = ctx;
	s->pid = seen->pid; /* of the process, where a thread was asked for */
	int r = s->process ? 0 : read_process(s);
	if (r < 0 || (s->only_tid && s->only_tid != seen->tid))
		return r;
	struct stack_thread *t = add_thread(s, seen);
	if (!t)
		return turf_fail(&s->err, -ENOMEM, TURF_NOWHERE, "no memory");
	copy_stack(s->pid, seen->regs.value[SP], t);
	return 0;
}

static int collect_live(struct stack *s)
{
	int r = turf_threads_walk(s->pid, visit, s, &s->err);
	if (r < 0)
		return cli_error(&s->err, "process %d", s->pid);
	s->memory = turf_memory_live(&s->pid);
	return CLI_OK;
}

static int add_core_thread(struct stack *s, const struct turf_thread_stack *seen)
{
	struct stack_thread *t =
		s->only_tid && s->only_tid != seen->tid ? NULL : add_thread(s, seen);
	return t || s->only_tid ? 0 : -ENOMEM;
}

static int collect_core(struct stack *s)
{
	struct turf_core_info info = { .size = sizeof(info) };
	struct turf_thread_stack thread;
	int fd = cli_open_file(s->core_path), r;
	if (fd < 0)
		return CLI_ERROR;
	r = turf_core_open(s->table, fd, cli_short_name(s->core_path), &s->core, &s->err);
	close(fd);
	if (r < 0)
		return cli_error(&s->err, "%s", s->core_path);
	turf_core_info(s->core, &info);
	s->pid = info.pid;
	s->process = turf_core_process(s->core);
	s->memory = turf_core_memory(s->core);
	for (size_t i = 0; (r = turf_core_thread(s->core, i, &thread)) == 1; i++)
		if ((r = add_core_thread(s, &thread)) < 0)
			break;
	return r == -ENOTSUP
	               ? cli_error(NULL, "%s: of a machine that is not known", s->core_path)
	       : r < 0 ? cli_error(NULL, "no memory")
	               : CLI_OK;
}

static int show_all(struct stack *s)
{
	int status = s->core_path ? collect_core(s) : collect_live(s);
	if (status != CLI_OK)
		return status;
	if (!s->n_threads) {
		if (s->only_tid)
			cli_error(NULL, "process %d has no thread %d", s->pid, s->only_tid);
		else
			cli_error(NULL, "process %d has ended", s->pid);
		return CLI_NONE;
	}
	if (!s->json && s->core)
		stack_show_core(s);
	else if (!s->json)
		printf("PID %d - process\n", s->pid);
	for (size_t i = 0; i < s->n_threads; i++)
		stack_show_thread(s, &s->threads[i], i == 0);
	const char *error = turf_process_jit_error(s->process);
	if (error)
		fprintf(stderr, "%s: note: %s\n", cli_name, error);
	return CLI_OK;
}

static int with_table(struct stack *s)
{
	int r = turf_processes_new(s->store, &s->table, &s->err);
	if (r < 0)
		return cli_error(&s->err, NULL);
	int status = show_all(s);
	turf_core_close(s->core);
	turf_processes_free(s->table);
	for (size_t i = 0; i < s->n_threads; i++)
		free(s->threads[i].bytes);
	free(s->threads);
	free(s->walk);
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
static int read_option(struct stack *s, int c)
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
	case 'c':
		s->core_path = optarg;
		break;
	case 'l':
		s->locals = true;
		break;
	case 'b':
		s->build_ids = true;
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

/* A number is a process, all else a file. */
static int read_target(struct stack *s, const char *text)
{
	if (read_id(text, &s->pid))
		return 0;
	if (text[strspn(text, "0123456789")] == 0 || access(text, F_OK) < 0)
		return cli_usage_error("'%.64s' is no process, nor a file", text);
	s->core_path = text;
	return 0;
}

static int read_arguments(struct stack *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "pid", required_argument, NULL, 'p' },
		{ "core", required_argument, NULL, 'c' },
		{ "locals", no_argument, NULL, 'l' },
		{ "build-id", no_argument, NULL, 'b' },
		{ "tid", required_argument, NULL, 't' },
		{ "no-inlines", no_argument, NULL, 'n' },
		{ "max-frames", required_argument, NULL, 'm' },
		{ "json", no_argument, NULL, 'j' },
		{ "demangle", no_argument, NULL, 'C' },
		{ "no-demangle", no_argument, NULL, 'M' },
		CLI_DEBUGINFO,
		CLI_OPTIONS,
	};
	for (int c; (c = cli_getopt(argc, argv, "p:lbC", options, usage)) != -1;)
		if (read_option(s, c))
			return CLI_ERROR;
	if (optind < argc && !s->pid && !s->core_path && read_target(s, argv[optind++]))
		return CLI_ERROR;
	if (optind < argc || (s->pid && s->core_path))
		return cli_usage_error("'%.64s': one process is enough",
		                       optind < argc ? argv[optind] : s->core_path);
	if (!s->pid && !s->core_path)
		return cli_usage_error("no process given");
	return 0;
}

int cmd_stack(int argc, char **argv)
{
	struct stack s = { .color = cli_color(stdout) };
	if (read_arguments(&s, argc, argv))
		return CLI_ERROR;
	cli_by_address = !s.locals;
	int status = cli_open_store(&s.store);
	if (status != CLI_OK)
		return status;
	status = with_table(&s);
	turf_store_close(s.store);
	return status;
}
