/* SPDX-License-Identifier: MIT */
/* What C has: inlines, parts that gcc splits off, aliases, weak and hidden symbols, an ifunc,
 * a callback, a switch, recursion, a computed goto, inline assembly, code in a section of its
 * own. */
#include "tour.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
	struct node *left, *right;
	unsigned key, count;
};

static jmp_buf out_of_here;
unsigned tour_steps;

static inline unsigned mix(unsigned x)
{
	x ^= x >> 16;
	x *= 0x7feb352d;
	x ^= x >> 15;
	return x;
}

static __attribute__((cold, noinline)) void give_up(const char *why, unsigned n)
{
	fprintf(stderr, "%s: %u\n", why, n);
	if (n > 3)
		longjmp(out_of_here, 1);
	exit(1);
}

static inline __attribute__((always_inline)) struct node *make(unsigned key)
{
	struct node *node = calloc(1, sizeof(*node));
	if (!node)
		give_up("no memory", key);
	node->key = key;
	return node;
}

static struct node *insert(struct node *root, unsigned key)
{
	struct node **at = &root;
	while (*at) {
		tour_steps++;
		if ((*at)->key == key)
			break;
		at = key < (*at)->key ? &(*at)->left : &(*at)->right;
	}
	if (!*at)
		*at = make(key);
	(*at)->count++;
	return root;
}

static unsigned sum(const struct node *node)
{
	if (!node)
		return 0;
	return sum(node->left) + node->key * node->count + sum(node->right);
}

static int by_key(const void *a, const void *b)
{
	unsigned x = mix(*(const unsigned *)a), y = mix(*(const unsigned *)b);
	return (x > y) - (x < y);
}

static unsigned dispatch(const unsigned char *code)
{
	static const void *const where[] = { &&halt, &&add, &&twice, &&swap };
	unsigned a = 1, b = 2, t;
	goto *where[*code & 3];
add:
	a += b;
	goto *where[*++code & 3];
twice:
	a *= 2;
	goto *where[*++code & 3];
swap:
	t = a;
	a = b;
	b = t;
	goto *where[*++code & 3];
halt:
	return a ^ b;
}

__attribute__((noinline)) unsigned classify(unsigned n)
{
	switch (n % 11) {
	case 0:
		return mix(n);
	case 1:
		return n * 3;
	case 2:
		return (unsigned)strlen("two") + n;
	case 5:
		give_up("five", n);
		return 5;
	case 7:
		return n / 7;
	case 8:
		return n << 3;
	case 10:
		return mix(mix(n));
	default:
		return n;
	}
}

unsigned classify_alias(unsigned n) __attribute__((alias("classify")));
unsigned classify_weak(unsigned n) __attribute__((weak, alias("classify")));

__attribute__((section(".text.apart"), noinline)) unsigned apart(unsigned n)
{
	__asm__ volatile("" : "+r"(n));
	return mix(n) + classify_alias(n + 1);
}

/* A part of it is called with constants only: gcc clones it. */
static __attribute__((noinline)) unsigned cloned(unsigned a, unsigned b, unsigned c)
{
	unsigned total = 0;
	for (unsigned i = 0; i < a; i++)
		total += b * i + mix(c + i);
	return total;
}

#if defined(__ELF__) && defined(TOUR_IFUNC)
static unsigned fast_one(unsigned n)
{
	return n + 1;
}
static unsigned (*choose_one(void))(unsigned)
{
	return fast_one;
}
unsigned one_more(unsigned n) __attribute__((ifunc("choose_one")));
#else
unsigned one_more(unsigned n)
{
	return n + 1;
}
#endif

unsigned tour_c(unsigned n)
{
	static const unsigned char code[] = { 1, 2, 3, 1, 2, 0 };
	struct node *root = NULL;
	unsigned keys[64];
	if (setjmp(out_of_here))
		return 1;
	for (unsigned i = 0; i < 64; i++) {
		keys[i] = mix(n + i);
		root = insert(root, keys[i] % 40);
	}
	qsort(keys, 64, sizeof(*keys), by_key);
	return sum(root) + keys[3] + dispatch(code) + classify(n) + apart(n) +
	       cloned(n & 15, 3, 5) + one_more(n) + classify_weak(n + 2);
}
