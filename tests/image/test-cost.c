/* SPDX-License-Identifier: MIT */
/*
 * What a look-up costs besides time: the pages of the urf that it reads, and nothing else. It
 * writes to no memory but its caller's, allocates nothing and makes no system call.
 *
 * The handle, the urf and (tools/check-symbols holds it to that) no mutable global variable are
 * all that a look-up could share with another: who cannot write to those has no lock to take.
 */
#include <glob.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "build/self.h"
#include "lib/alloc.h"

enum {
	PAGE = 4096,
	N_ADDRS = 1000,
	ARENA = 1 << 16, /* more than an image handle takes */
};

/* Where an image is opened, so that its pages can be closed. */

static uint8_t *arena;
static size_t arena_used;

static void *from_arena(size_t size)
{
	void *at = arena + arena_used;
	arena_used += align_up(size, 16);
	if (arena_used > ARENA)
		abort(); /* the framework would allocate, too, to tell of it */
	return at;       /* zero, as mmap() gave it */
}

/* Pages that nobody may read until the first touch opens them, and is counted. */

static struct {
	uint8_t *at;
	size_t size;
	volatile size_t n_touched;
} closed;

static void open_page(int number, siginfo_t *info, void *context)
{
	(void)context;
	size_t off = (size_t)((uint8_t *)info->si_addr - closed.at) & ~(size_t)(PAGE - 1);
	if (off >= closed.size || mprotect(closed.at + off, PAGE, PROT_READ) < 0)
		signal(number, SIG_DFL); /* not ours: die of it */
	closed.n_touched++;
}

static void catch_faults(void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	ck_assert_int_eq(sigaction(SIGSEGV, &action, NULL), 0);
}

static void close_pages(void)
{
	ck_assert_int_eq(mprotect(closed.at, closed.size, PROT_NONE), 0);
	closed.n_touched = 0;
}

static void map_closed(int urf)
{
	struct stat st;
	ck_assert_int_eq(fstat(urf, &st), 0);
	closed.size = (size_t)st.st_size;
	closed.at = mmap(NULL, closed.size, PROT_READ, MAP_SHARED, urf, 0);
	ck_assert_ptr_ne(closed.at, MAP_FAILED);
}

static struct turf_image *open_closed(void)
{
	struct turf_error err = { 0 };
	struct turf_image *image = NULL;
	int r = turf_image_open_mem(closed.at, closed.size, &image, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return image;
}

/* A pseudo-random number, the same on every run: SplitMix64. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* Pages of the urf, from opening it to the last frame, and with all names and paths. */
struct pages {
	size_t frames, texts;
	size_t n_frames; /* 0: nothing covers the address */
};

static struct pages pages_of(uint64_t addr)
{
	struct turf_frame frames[TURF_FRAMES_MAX];
	struct pages pages;
	char text[512];
	size_t n = 0;
	close_pages();
	struct turf_image *image = open_closed();
	struct turf_frames walk;
	if (turf_image_frames(image, addr, &walk) == 1)
		while (n < TURF_FRAMES_MAX && turf_frames_next(&walk, &frames[n]) == 1)
			n++;
	pages.frames = closed.n_touched;
	pages.n_frames = n;
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_ge(turf_image_text(image, frames[i].name, text, sizeof(text)), 0);
		ck_assert_int_ge(turf_image_path(image, frames[i].file, text, sizeof(text)), 0);
	}
	pages.texts = closed.n_touched;
	turf_image_close(image);
	return pages;
}

/* What it may take to look up an address: pages for all frames; deep chains take most. */
enum { AVERAGE_PAGES = 10, MOST_PAGES = 18 };

static void count_addresses(const char *path)
{
	struct turf_image_info info;
	struct turf_image *image = open_closed();
	turf_image_info(image, &info);
	turf_image_close(image);
	uint64_t state = 1;
	struct pages sum = { 0 }, most = { 0 };
	size_t n_answered = 0;
	for (size_t i = 0; i < N_ADDRS; i++) {
		struct pages n =
			pages_of(info.base + next_random(&state) % (info.end - info.base));
		ck_assert_uint_gt(n.frames, 0); /* the trap works */
		if (!n.n_frames)
			continue; /* cheaper, and not what anybody asks for */
		n_answered++;
		most.frames = MAX(most.frames, n.frames);
		most.texts = MAX(most.texts, n.texts);
		sum.frames += n.frames;
		sum.texts += n.texts;
	}
	ck_assert_uint_gt(n_answered, 0);
	printf("# %s: %.1f pages on average, %zu at most; with texts %.1f, %zu\n", path,
	       (double)sum.frames / (double)n_answered, most.frames,
	       (double)sum.texts / (double)n_answered, most.texts);
	fflush(stdout);
	ck_assert_uint_le(most.frames, MOST_PAGES);
	ck_assert_uint_le(sum.frames, AVERAGE_PAGES * n_answered);
}

static void count_pages(const char *path)
{
	struct turf_error err = { 0 };
	scoped(closep) int source = open(path, O_RDONLY | O_CLOEXEC);
	scoped(closep) int urf = temp_file();
	if (source < 0) {
		printf("# %s is not there\n", path);
		return;
	}
	int r = build_of(source, 0, urf, &err);
	ck_assert_msg(r == 0, "%s: %d: %s", path, r, err.text);
	map_closed(urf);
	catch_faults(open_page);
	count_addresses(path);
	munmap(closed.at, closed.size);
}

START_TEST(a_look_up_touches_few_pages)
{
	count_pages("/proc/self/exe");
	count_pages("/lib/x86_64-linux-gnu/libc.so.6");
	count_pages("/usr/bin/python3.11");
}
END_TEST

START_TEST(and_so_it_does_in_a_kernel)
{
	glob_t found;
	if (glob("/usr/lib/debug/boot/vmlinux-*", 0, NULL, &found) == 0)
		count_pages(found.gl_pathv[found.gl_pathc - 1]);
	else
		printf("# no vmlinux is there\n");
	globfree(&found);
}
END_TEST

/* Every call that looks something up, for @addr; how many frames there were. */
static size_t look_up(const struct turf_image *image, uint64_t addr)
{
	char text[256];
	size_t n = 0;
	uint32_t first[2];
	uint64_t found;
	struct turf_frame bulk[TURF_FRAMES_MAX], frame;
	struct turf_frames walk;
	struct turf_file file;
	struct turf_unit unit;
	struct turf_function function;
	struct turf_symbol symbol;
	struct turf_unwind_row row;
	struct turf_rule rule;
	uint8_t reg;
	if (turf_image_frames(image, addr, &walk) == 1)
		for (; turf_frames_next(&walk, &frame) == 1; n++) {
			(void)turf_image_text(image, frame.name, text, sizeof(text));
			(void)turf_image_text(image, frame.linkage_name, text, sizeof(text));
			(void)turf_image_path(image, frame.file, text, sizeof(text));
			(void)turf_image_file(image, frame.file, &file);
		}
	(void)turf_image_frames_bulk(image, &addr, 1, bulk, TURF_FRAMES_MAX, first);
	(void)turf_image_find_unit(image, addr, &unit);
	(void)turf_image_find_function(image, addr, &function);
	(void)turf_image_find_symbol(image, addr, &symbol);
	(void)turf_image_symbol(image, addr % 256, &symbol);
	(void)turf_image_addr_of_offset(image, addr, &found);
	if (turf_image_find_unwind(image, addr, &row) == 1)
		for (size_t i = 0; i < row.n_saved; i++)
			(void)turf_unwind_saved(image, &row, i, &reg, &rule);
	return n;
}

static size_t look_up_all(const struct turf_image *image)
{
	struct turf_image_info info;
	size_t n = 0;
	turf_image_info(image, &info);
	for (uint64_t addr = info.base; addr < info.end; addr += 3)
		n += look_up(image, addr);
	return n;
}

/* The image of the running program; it and its handle are read-only. */
static struct turf_image *read_only_image(void)
{
	scoped(closep) int urf = build_self(0);
	map_closed(urf);
	arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(arena, MAP_FAILED);
	struct turf_image *image = NULL;
	alloc_from = from_arena; /* nothing else may allocate now */
	int r = turf_image_open_mem(closed.at, closed.size, &image, NULL);
	alloc_from = NULL;
	ck_assert_int_eq(r, 0);
	ck_assert(arena_used > 0 && (uint8_t *)image >= arena &&
	          (uint8_t *)image < arena + arena_used);
	ck_assert_int_eq(mprotect(arena, ARENA, PROT_READ), 0);
	return image;
}

static sigjmp_buf after_fault;

static void jump_out(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	(void)context;
	siglongjmp(after_fault, 1);
}

/* Whether a write to @at is caught. */
static bool is_read_only(volatile uint8_t *at)
{
	volatile bool caught = true;
	catch_faults(jump_out);
	if (sigsetjmp(after_fault, 1) == 0) {
		*at = *at;
		caught = false;
	}
	signal(SIGSEGV, SIG_DFL);
	return caught;
}

START_TEST(a_look_up_writes_and_allocates_nothing)
{
	const struct turf_image *image = read_only_image();
	ck_assert(is_read_only(arena) && is_read_only(closed.at));
	size_t before = n_allocations;
	size_t n = look_up_all(image); /* dies of SIGSEGV if it writes */
	size_t after = n_allocations;
	ck_assert_uint_gt(n, 1000);
	ck_assert_uint_eq(after, before);
	ck_assert_uint_gt(before, 0);
}
END_TEST

/* How a process ends that may read, write and exit only, and looks all up; or asks its pid. */
static int end_in_prison(const struct turf_image *image)
{
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) < 0)
			syscall(SYS_exit, 2);
		if (image)
			syscall(SYS_exit, look_up_all(image) > 1000 ? 0 : 1);
		syscall(SYS_getpid);
		syscall(SYS_exit, 3);
	}
	int status = -1;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

START_TEST(a_look_up_makes_no_system_call)
{
	const struct turf_image *image = read_only_image();
	int status = end_in_prison(NULL);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	              "the prison has a door: status %#x", status);
	status = end_in_prison(image);
	ck_assert_msg(status == 0, "status %#x", status);
}
END_TEST

TESTS("image/cost", a_look_up_touches_few_pages, and_so_it_does_in_a_kernel,
      a_look_up_writes_and_allocates_nothing, a_look_up_makes_no_system_call)
