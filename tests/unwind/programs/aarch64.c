/* SPDX-License-Identifier: MIT */
/*
 * A program that unwinds itself by its own urf, which test-aarch64.py makes: call chains that
 * note their return addresses, with stacks that grow, from a thread, and through a signal's
 * trampoline. Prints a line of TAP for each.
 */
#include <elf.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "turf/unwind.h"

#define CALL __attribute__((noinline, noclone))
enum { MOST = 32, X19 = 19, SP = 31, PC = 32 };

static struct turf_image *image;
extern char __executable_start, etext; /* of the linker */

/* The only mapping is this program, at its link-time addresses. */
int turf_process_locate(struct turf_process *process, uint64_t pc, struct turf_location *out)
{
	(void)process;
	uint64_t start = (uintptr_t)&__executable_start, end = (uintptr_t)&etext;
	if (pc < start || pc >= end)
		return 0;
	*out = (struct turf_location){ start, end, (struct turf_module *)image, image, pc };
	return 1;
}

static int read_own(void *ctx, uint64_t addr, void *out, size_t size)
{
	(void)ctx;
	memcpy(out, (const void *)(uintptr_t)addr, size);
	return 0;
}

static void *noted[MOST];
static int n_noted, n_signed;
/* The compiler takes the signature off; in the frame record it stands. */
#define NOTE                                                                                   \
	(noted[n_noted++] = __builtin_return_address(0),                                       \
	 n_signed += ((void **)__builtin_frame_address(0))[1] != __builtin_return_address(0))

static struct turf_unwind_frame frames[MOST];
static int n_frames;
static struct turf_unwind u;
static uint64_t kept; /* x19 as the function that is looked for had it */
static int kept_at;   /* its frame */

/* Walks from here; @all: asking for all registers. */
static CALL void walk(int all)
{
	struct turf_regs regs = { .machine = EM_AARCH64, .valid = (UINT64_C(1) << 33) - 1 },
			 got;
	__asm__ volatile("stp x0, x1, [%0]\n\t"
	                 "stp x19, x20, [%0, #152]\n\t"
	                 "stp x21, x22, [%0, #168]\n\t"
	                 "stp x23, x24, [%0, #184]\n\t"
	                 "stp x25, x26, [%0, #200]\n\t"
	                 "stp x27, x28, [%0, #216]\n\t"
	                 "stp x29, x30, [%0, #232]\n\t"
	                 "mov x9, sp\n\t"
	                 "str x9, [%0, #248]\n\t"
	                 "adr x9, .\n\t"
	                 "str x9, [%0, #256]"
	                 :
	                 : "r"(regs.value)
	                 : "x9", "memory");
	turf_unwind_begin(&u, NULL, &regs, (struct turf_memory){ read_own, NULL }, MOST);
	for (n_frames = 0; turf_unwind_next(&u, &frames[n_frames]) == 1; n_frames++) {
		if (!all)
			continue;
		if (turf_unwind_registers(&u, &got) != 1 ||
		    got.value[PC] != frames[n_frames].pc)
			abort();
		if (n_frames == kept_at && (!(got.valid >> X19 & 1) || got.value[X19] != kept))
			kept = 0;
	}
}

static CALL int leaf(int all)
{
	NOTE;
	walk(all);
	return n_frames;
}

static CALL int grows(int n, int all)
{
	volatile char room[n];
	NOTE;
	room[n - 1] = 1;
	return leaf(all) + room[n - 1];
}

static CALL int outer(int all)
{
	NOTE;
	volatile char room[5000];
	room[17] = 3;
	return grows(100, all) + room[17];
}

static void tell(const char *what, int ok)
{
	static int n;
	printf("%sok %d - %s\n", ok ? "" : "not ", ++n, what);
	if (ok)
		return;
	printf("# %s after %d frames\n", turf_stop_name(u.stop), n_frames);
	for (int i = 0; i < n_frames; i++)
		printf("#   %#llx cfa %#llx%s\n", (unsigned long long)frames[i].pc,
		       (unsigned long long)frames[i].cfa,
		       frames[i].signal_frame ? " signal" : "");
}

/* Frame 0 is walk(); the returns noted are those of its callers, the outermost first. */
static int are_noted(int first)
{
	for (int i = 0; i < n_noted; i++)
		if (frames[first + i].pc != (uint64_t)(uintptr_t)noted[n_noted - 1 - i])
			return 0;
	return 1;
}

static void *thread(void *arg)
{
	n_noted = 0;
	outer(0);
	return arg;
}

static void on_signal(int sig)
{
	(void)sig;
	walk(0);
	__asm__ volatile("" ::: "memory"); /* no jump */
}

static CALL void interrupted(void)
{
	NOTE;
	__asm__ volatile(
		"mov x19, #77\n\tmov x8, #172\n\tsvc #0\n\tmov x1, %0\n\tmov x8, #129\n\t"
		"svc #0" ::"i"(SIGUSR1)
		: "x0", "x1", "x8", "x19", "memory"); /* kill(getpid(), SIGUSR1) */
}

static CALL int keeps(void)
{
	register uint64_t x19 __asm__("x19") = 1234567;
	__asm__ volatile("" : "+r"(x19));
	int n = outer(1);
	__asm__ volatile("" : "+r"(x19));
	return n + (int)x19;
}

int main(int argc, char **argv)
{
	struct turf_error err = { 0 };
	if (argc != 2 || turf_image_open(argv[1], &image, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	outer(0);
	/* walk, leaf, grows, outer, main */
	tell("a call chain to the program's start",
	     u.stop == TURF_STOP_END && are_noted(2) && n_frames > 5);
	n_noted = 0;
	pthread_t id;
	pthread_create(&id, NULL, thread, NULL);
	pthread_join(id, NULL);
	tell("to a thread's start", u.stop == TURF_STOP_END && are_noted(2) && n_frames > 4);
	n_noted = 0;
	signal(SIGUSR1, on_signal);
	interrupted();
	int at = 0;
	while (at < n_frames && !frames[at].signal_frame)
		at++;
	tell("through a signal", u.stop == TURF_STOP_END && at == 2 && are_noted(at + 2));
	n_noted = 0;
	kept = 1234567;
	kept_at = 4; /* walk, leaf, grows, outer, keeps */
	keeps();
	tell("registers of an outer frame", kept == 1234567);
	tell("return addresses are signed", n_signed > 0);
	puts("1..5");
	return 0;
}
