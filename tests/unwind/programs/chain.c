// SPDX-License-Identifier: MIT
/* Threads, recursion, a signal handler that faults; variables of every kind of type. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum color { RED, GREEN = 5, BLUE };
struct inner {
	int x;
	unsigned char c;
	char name[16];
	double d;
};
struct outer {
	struct inner in;
	enum color col;
	unsigned a : 3, b : 5;
	int s : 4;
	_Bool yes;
	union {
		int i;
		float f;
	} u;
	struct outer *next;
	void (*fn)(int);
	int arr[5], many[24], grid[2][3];
	const char *str;
	signed char sc;
	short sh;
	long double ld;
};
int global = 7;
struct outer gout;

static __attribute__((noinline)) void handler(int sig)
{
	int here = sig * 2;
	*(volatile int *)0 = here;
}

static __attribute__((noinline)) int leaf(struct outer *o, int n, const char *text)
{
	struct outer copy = *o;
	int sum = 0;
	char buf[32], full[4] = { 'f', 'u', 'l', 'l' };
	memset(buf, 0, 32);
	strcpy(buf, "hello \"you\"\n");
	for (int i = 0; i < n; i++) {
		int square = i * i;
		sum += square;
		if (i == 3)
			raise(SIGUSR1);
	}
	copy.in.x += sum;
	printf("%s%d%s%c", text, copy.in.x, buf, full[n % 4]);
	return sum;
}

static inline int through(int n, struct outer *o)
{
	int twice = n * 2;
	return leaf(o, twice, "some text");
}

static __attribute__((noinline)) int rec(int n, struct outer *o)
{
	double half = n * 1.5;
	if (!n)
		return through(5, o);
	int r = rec(n - 1, o);
	return r + (int)half;
}

static void *thread(void *arg)
{
	long id = (long)arg;
	char name[8] = "thr";
	name[3] = (char)('0' + id);
	for (;;)
		pause();
	return strdup(name);
}

int main(int argc, char **argv)
{
	static int kept = 3;
	struct outer o = { .in = { 42, 'c', "inner", 2.5 },
		           .col = GREEN,
		           .a = 5,
		           .b = 17,
		           .s = -3,
		           .yes = 1,
		           .u.i = 3,
		           .next = &gout,
		           .fn = handler,
		           .arr = { 1, 2, 3, 3, 3 },
		           .many = { 1, 1, 1 },
		           .grid = { { 1, 2, 3 }, { 4, 5, 6 } },
		           .str = "a string",
		           .sc = -1,
		           .sh = -300,
		           .ld = 1.5L };
	pthread_t t[3];
	for (long i = 0; i < 3; i++)
		pthread_create(&t[i], 0, thread, (void *)i);
	usleep(argc > 2 ? 600000000 : 50000);
	signal(SIGUSR1, handler);
	int deep = argc > 1 ? atoi(argv[1]) : 4;
	float fl = 1.25f;
	unsigned long big = 1UL << 40;
	int *pg = &global;
	char **av = argv, letter = 'x';
	enum color mixed = (enum color)7;
	int res = rec(deep, &o);
	printf("%d %f %lu %d %p %d %c %d\n", res, fl, big, *pg, (void *)av, kept++, letter,
	       mixed);
	return res;
}
