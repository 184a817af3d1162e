/* SPDX-License-Identifier: MIT */
/*
 * All of it on a real process: a child whose threads wait in call chains that we know, through
 * signal handlers, on stacks of their own and after a call through a null pointer. Its urfs are
 * built from the program and the C library as they are here.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "lib/alloc.h"
#include "lib/task.h"
#include "turf/build.h"
#include "turf/unwind.h"

enum { RSP = 7, MAX_FRAMES = 64, N_STACKS = 4 };

/* The child. */

static int ready[2];

#define CALL __attribute__((noinline, used))
/* Keeps the call before it from becoming a jump. */
#define RETURNS __asm__ volatile("" ::: "memory")

static CALL void wait_for_ever(void)
{
	if (write(ready[1], "r", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static CALL void on_signal(int sig)
{
	(void)sig;
	wait_for_ever();
	RETURNS;
}

static CALL void interrupted_inner(void)
{
	raise(SIGUSR1);
	RETURNS;
}

static CALL void interrupted_outer(void)
{
	interrupted_inner();
	RETURNS;
}

static CALL void *quiet_thread(void *arg)
{
	wait_for_ever();
	RETURNS;
	return arg;
}

static CALL void *own_stack_thread(void *arg)
{
	static uint8_t stack[1 << 16];
	stack_t own = { .ss_sp = stack, .ss_size = sizeof(stack) };
	if (sigaltstack(&own, NULL))
		_exit(1);
	interrupted_outer();
	RETURNS;
	return arg;
}

static CALL void call(void (*function)(void))
{
	function();
	RETURNS;
}

static CALL void *null_call_thread(void *arg)
{
	void (*volatile nowhere)(void) = NULL;
	call(nowhere);
	RETURNS;
	return arg;
}

static void start(void *(*run)(void *))
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, run, NULL))
		_exit(1);
}

static CALL void child(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	start(quiet_thread);
	start(own_stack_thread);
	start(null_call_thread);
	interrupted_outer();
	RETURNS;
}

static pid_t start_child(void)
{
	char c;
	ck_assert_int_eq(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		child();
		_exit(1);
	}
	for (int i = 0; i < N_STACKS; i++)
		ck_assert_int_eq((int)read(ready[0], &c, 1), 1);
	wait_asleep(pid); /* from the write to the pause */
	return pid;
}

/* What is seen of it. */

struct chain {
	struct turf_regs regs;
	enum turf_stop stop;
	unsigned n;
	char names[MAX_FRAMES][48];
	struct turf_unwind_frame frames[MAX_FRAMES];
	uint8_t *stack; /* the bytes of it, malloc'd, from regs' stack pointer up */
	size_t stack_size;
};

struct scene {
	pid_t pid;
	char folder[64];
	struct turf_store *store;
	struct turf_processes *table;
	struct turf_process *process;
	struct chain chains[N_STACKS];
	unsigned n;
};

static void walk(struct scene *s, struct turf_memory memory, struct chain *c)
{
	struct turf_unwind u;
	turf_unwind_begin(&u, s->process, &c->regs, memory, MAX_FRAMES);
	for (c->n = 0; turf_unwind_next(&u, &c->frames[c->n]) > 0; c->n++)
		;
	c->stop = u.stop;
}

static void name_frames(struct chain *c)
{
	for (unsigned i = 0; i < c->n; i++) {
		const struct turf_location *at = &c->frames[i].location;
		struct turf_function function;
		char *name = c->names[i];
		if (!at->image)
			strcpy(name, "?");
		else if (turf_image_find_function(at->image, at->addr, &function) <= 0 ||
		         turf_image_text(at->image, function.name, name, sizeof(c->names[i])) <=
		                 0)
			strcpy(name, "??");
	}
}

/* All of the stack that can be read in one piece, at most 1 MiB. */
static void copy_stack(pid_t pid, struct chain *c)
{
	enum { MAX = 1 << 20, STEP = 1024 };
	c->stack = malloc(MAX);
	ck_assert_ptr_nonnull(c->stack);
	for (c->stack_size = 0; c->stack_size < MAX; c->stack_size += STEP) {
		struct iovec to = { c->stack + c->stack_size, STEP };
		struct iovec from = { (void *)(uintptr_t)(c->regs.value[RSP] + c->stack_size),
			              STEP };
		if (process_vm_readv(pid, &to, 1, &from, 1, 0) != STEP)
			break;
	}
}

static int visit(void *ctx, const struct turf_thread_stack *thread)
{
	struct scene *s = ctx;
	ck_assert_uint_lt(s->n, N_STACKS);
	struct chain *c = &s->chains[s->n++];
	c->regs = thread->regs;
	walk(s, turf_memory_live(&s->pid), c);
	name_frames(c);
	copy_stack(s->pid, c);
	return 0;
}

static void begin(struct scene *s)
{
	struct turf_error err = { 0 };
	*s = (struct scene){ .folder = "/tmp/turf-test-XXXXXX" };
	ck_assert_ptr_nonnull(mkdtemp(s->folder));
	struct turf_store_options options = {
		.size = sizeof(options),
		.path = s->folder,
		.builder = turf_debug_builder(NULL),
	};
	int r = turf_store_open(&options, &s->store, &err);
	ck_assert_msg(r == 0, "%s", err.text);
	s->pid = start_child();
	r = turf_processes_new(s->store, &s->table, &err);
	ck_assert_msg(r == 0, "%s", err.text);
	r = turf_processes_read(s->table, s->pid, &err);
	ck_assert_msg(r == 0, "%s", err.text);
	s->process = turf_processes_find(s->table, s->pid);
	ck_assert_ptr_nonnull(s->process);
	r = turf_threads_walk(s->pid, visit, s, &err);
	ck_assert_msg(r == 0, "%s", err.text);
	ck_assert_uint_eq(s->n, N_STACKS);
}

static void end(struct scene *s)
{
	char command[128];
	kill(s->pid, SIGKILL);
	ck_assert_int_eq(waitpid(s->pid, NULL, 0), s->pid);
	for (unsigned i = 0; i < s->n; i++)
		free(s->chains[i].stack);
	turf_processes_free(s->table);
	turf_store_close(s->store);
	snprintf(command, sizeof(command), "rm -rf '%s'", s->folder);
	ck_assert_int_eq(system(command), 0);
}

static void print_chain(const struct chain *c)
{
	for (unsigned i = 0; i < c->n; i++)
		fprintf(stderr, "#%u 0x%jx %s%s\n", i, (uintmax_t)c->frames[i].pc, c->names[i],
		        c->frames[i].signal_frame ? " <signal>" : "");
	fprintf(stderr, "%s\n", turf_stop_name(c->stop));
}

static unsigned find(const struct chain *c, const char *name)
{
	unsigned i = 0;
	while (i < c->n && strcmp(c->names[i], name) != 0)
		i++;
	return i;
}

/* Holds the chain these functions, one calling the next, wherever it begins and ends? */
static void expect_calls(const struct chain *c, const char *const *names)
{
	unsigned at = find(c, names[0]);
	for (unsigned i = 0; names[i]; i++) {
		bool same = at + i < c->n && strcmp(c->names[at + i], names[i]) == 0;
		if (!same)
			print_chain(c);
		ck_assert_msg(same, "%s is missing", names[i]);
	}
}

/* The trampoline's place in the chain. */
static unsigned signal_of(const struct chain *c)
{
	unsigned i = 0;
	while (i < c->n && !c->frames[i].signal_frame)
		i++;
	ck_assert_uint_lt(i + 1, c->n);
	return i;
}

static struct chain *chain_with(struct scene *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (find(&s->chains[i], name) < s->chains[i].n)
			return &s->chains[i];
	for (unsigned i = 0; i < s->n; i++)
		print_chain(&s->chains[i]);
	ck_abort_msg("no chain with %s", name);
	return NULL;
}

#define CALLS(...) ((const char *const[]){ __VA_ARGS__, NULL })

START_TEST(known_chains)
{
	struct scene s;
	begin(&s);
	for (unsigned i = 0; i < s.n; i++) {
		if (s.chains[i].stop != TURF_STOP_END)
			print_chain(&s.chains[i]);
		ck_assert_int_eq(s.chains[i].stop, TURF_STOP_END);
	}
	expect_calls(chain_with(&s, "quiet_thread"), CALLS("wait_for_ever", "quiet_thread"));

	const struct chain *c = chain_with(&s, "child");
	expect_calls(c, CALLS("wait_for_ever", "on_signal"));
	expect_calls(c, CALLS("interrupted_inner", "interrupted_outer", "child"));
	ck_assert_uint_eq(signal_of(c), find(c, "on_signal") + 1);
	ck_assert_uint_lt(signal_of(c), find(c, "interrupted_inner"));
	ck_assert_uint_gt(find(c, "main"), find(c, "child"));
	ck_assert_str_eq(c->names[c->n - 1], "_start");

	c = chain_with(&s, "own_stack_thread");
	expect_calls(c, CALLS("wait_for_ever", "on_signal"));
	expect_calls(c, CALLS("interrupted_inner", "interrupted_outer", "own_stack_thread"));
	ck_assert_uint_eq(signal_of(c), find(c, "on_signal") + 1);

	c = chain_with(&s, "null_call_thread");
	expect_calls(c, CALLS("call", "null_call_thread"));
	unsigned at = signal_of(c) + 1;
	ck_assert_uint_eq(c->frames[at].pc, 0);
	ck_assert_uint_eq(c->frames[at].lookup_pc, 0);
	ck_assert_str_eq(c->names[at + 1], "call");
	ck_assert_int_eq(c->frames[at + 1].source, TURF_FRAME_POINTER);
	end(&s);
}
END_TEST

/* Does the copy hold all frames? A signal handled on a stack of its own makes two pieces. */
static bool in_one_piece(const struct chain *c)
{
	uint64_t start = c->regs.value[RSP];
	for (unsigned i = 0; i + 1 < c->n; i++)
		if (c->frames[i].cfa < start || c->frames[i].cfa - start > c->stack_size)
			return false;
	return true;
}

/*
 * From any part of the stack come the first frames of the whole, and the end is told only where
 * it is.
 */
START_TEST(copies_of_any_size)
{
	struct scene s;
	begin(&s);
	struct chain part;
	unsigned n_tried = 0;
	for (unsigned i = 0; i < s.n; i++) {
		const struct chain *whole = &s.chains[i];
		if (!in_one_piece(whole))
			continue;
		n_tried++;
		part.regs = whole->regs;
		unsigned least = 0; /* frames grow with the copy */
		for (size_t size = 0; size <= whole->stack_size; size += 8) {
			struct turf_stack_copy copy = { whole->regs.value[RSP], size,
				                        whole->stack };
			walk(&s, turf_memory_copy(&copy), &part);
			ck_assert_uint_ge(part.n, least);
			least = part.n;
			for (unsigned k = 0; k < part.n; k++)
				ck_assert_uint_eq(part.frames[k].pc, whole->frames[k].pc);
			if (part.stop == TURF_STOP_END)
				break;
			ck_assert_int_eq(part.stop, TURF_STOP_TRUNCATED);
		}
		ck_assert_int_eq(part.stop, TURF_STOP_END);
		ck_assert_uint_eq(part.n, whole->n);
	}
	ck_assert_uint_ge(n_tried, 1);
	end(&s);
}
END_TEST

START_TEST(no_allocation)
{
	struct scene s;
	begin(&s);
	struct chain again[N_STACKS];
	size_t before = n_allocations; /* from here on no assertion: they allocate */
	for (unsigned i = 0; i < s.n; i++) {
		again[i].regs = s.chains[i].regs;
		walk(&s, turf_memory_live(&s.pid), &again[i]);
	}
	size_t after = n_allocations;
	for (unsigned i = 0; i < s.n; i++) {
		ck_assert_uint_eq(again[i].n, s.chains[i].n);
		ck_assert_int_eq(again[i].stop, TURF_STOP_END);
	}
	ck_assert_uint_gt(before, 0);
	ck_assert_uint_eq(after, before);
	end(&s);
}
END_TEST

/* Linked with --wrap of each: the locks that the rooms take. */
static _Atomic size_t n_locks;

#define COUNT_LOCKS(function, type)                                                            \
	int __real_##function(type *lock);                                                     \
	int __wrap_##function(type *lock);                                                     \
	int __wrap_##function(type *lock)                                                      \
	{                                                                                      \
		n_locks++;                                                                     \
		return __real_##function(lock);                                                \
	}
COUNT_LOCKS(pthread_mutex_lock, pthread_mutex_t)
COUNT_LOCKS(pthread_mutex_trylock, pthread_mutex_t)
COUNT_LOCKS(pthread_rwlock_rdlock, pthread_rwlock_t)
COUNT_LOCKS(pthread_rwlock_wrlock, pthread_rwlock_t)

/* What a process that may call nothing of the system but its own end has seen. */
struct seen {
	size_t n_walks, n_frames, n_wrong, n_allocations, n_locks;
};

/* From here on every system call but exit kills us; false: the system has no such filter. */
static bool forbid_system_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog filter = { COUNT(code), code };
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/* Walks and names all stacks that a copy holds, again and again. Exits with 0; 1: no filter. */
static void walk_alone(struct scene *s, struct seen *seen)
{
	static struct chain again;
	struct turf_function function;
	if (!forbid_system_calls())
		syscall(SYS_exit, 1);
	size_t allocated = n_allocations, locked = n_locks;
	for (unsigned i = 0; i < 100 * s->n; i++) {
		const struct chain *c = &s->chains[i % s->n];
		if (!in_one_piece(c))
			continue;
		struct turf_stack_copy copy = { c->regs.value[RSP], c->stack_size, c->stack };
		again.regs = c->regs;
		walk(s, turf_memory_copy(&copy), &again);
		seen->n_walks++;
		seen->n_frames += again.n;
		seen->n_wrong += again.n != c->n || again.stop != TURF_STOP_END;
		for (unsigned k = 0; k < again.n; k++) {
			const struct turf_location *at = &again.frames[k].location;
			if (at->image)
				turf_image_find_function(at->image, at->addr, &function);
		}
	}
	seen->n_allocations = n_allocations - allocated;
	seen->n_locks = n_locks - locked;
	syscall(SYS_exit, 0);
}

START_TEST(nothing_but_the_stack)
{
	struct scene s;
	begin(&s);
	struct seen *seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
	                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(seen, MAP_FAILED);
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock);
	ck_assert_uint_gt(n_locks, 0); /* they are counted */
	pid_t pid = fork();
	if (pid == 0)
		walk_alone(&s, seen);
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "a system call: killed by %d", WTERMSIG(status));
	if (WEXITSTATUS(status) == 0) { /* else there is no such filter here */
		ck_assert_uint_ge(seen->n_walks, 100);
		ck_assert_uint_gt(seen->n_frames, 3 * seen->n_walks);
		ck_assert_uint_eq(seen->n_wrong, 0);
		ck_assert_uint_eq(seen->n_allocations, 0);
		ck_assert_uint_eq(seen->n_locks, 0);
	}
	munmap(seen, sizeof(*seen));
	end(&s);
}
END_TEST

TESTS_THAT_TRACE("unwind/live", known_chains, copies_of_any_size, no_allocation,
                 nothing_but_the_stack)
