/* SPDX-License-Identifier: MIT */
/*
 * Sorting of pairs by key: by digits where keys are many, near each other and out of order,
 * else a natural merge sort.
 *
 * Stable: pairs of one key keep their order. What is sorted already costs one look at each
 * pair; what consists of a few sorted stretches costs little more. No callbacks, no allocation.
 */
#ifndef BASE_SORT_H
#define BASE_SORT_H

#include "base/base.h"

struct sort_pair {
	uint64_t key, value;
};

/* Stretches shorter than this are made this long first, pair by pair. */
enum { SORT_STRETCH = 12 };

/* Sorts [from, to) of @at, of which [from, sorted) is sorted. */
static inline void sort_insert(struct sort_pair *at, size_t from, size_t sorted, size_t to)
{
	for (size_t i = sorted; i < to; i++) {
		struct sort_pair pair = at[i];
		size_t k = i;
		for (; k > from && at[k - 1].key > pair.key; k--)
			at[k] = at[k - 1];
		at[k] = pair;
	}
}

/* End of the sorted stretch that begins at @from. */
static inline size_t sort_stretch(const struct sort_pair *at, size_t from, size_t n)
{
	size_t end = MIN(from + 1, n);
	while (end < n && at[end - 1].key <= at[end].key)
		end++;
	return end;
}

/* Merges the sorted [from, mid) and [mid, to) of @in into the same place of @out. */
static inline void sort_merge(const struct sort_pair *in, struct sort_pair *out, size_t from,
                              size_t mid, size_t to)
{
	const struct sort_pair *a = in + from, *a_end = in + mid, *b = a_end, *b_end = in + to;
	out += from;
	while (a < a_end && b < b_end) {
		bool second = b->key < a->key; /* on a tie the first: stable */
		const struct sort_pair *least = second ? b : a;
		*out++ = *least;
		a += !second;
		b += second;
	}
	memcpy(out, a, (size_t)(a_end - a) * sizeof(*a));
	memcpy(out + (a_end - a), b, (size_t)(b_end - b) * sizeof(*b));
}

/* Sorts by merging: stretches of SORT_STRETCH and more, pair by pair. */
static inline void sort_by_merging(struct sort_pair *at, struct sort_pair *spare, size_t n)
{
	size_t stretches = 0;
	for (size_t i = 0; i < n; stretches++) {
		size_t end = sort_stretch(at, i, n), least = MIN(n, i + SORT_STRETCH);
		if (end < least) {
			sort_insert(at, i, end, least);
			end = least;
		}
		i = end;
	}
	struct sort_pair *in = at, *out = spare;
	while (stretches > 1) {
		stretches = 0;
		for (size_t i = 0; i < n; stretches++) {
			size_t mid = sort_stretch(in, i, n), end = sort_stretch(in, mid, n);
			sort_merge(in, out, i, mid, end);
			i = end;
		}
		struct sort_pair *swap = in;
		in = out;
		out = swap;
	}
	if (in != at)
		memcpy(at, in, n * sizeof(*at));
}

/* What tells how to sort. */
struct sort_look {
	uint64_t low, high; /* keys */
	size_t drops;       /* pairs that are less than the one before */
};

static inline struct sort_look sort_look(const struct sort_pair *at, size_t n)
{
	struct sort_look look = { at[0].key, at[0].key, 0 };
	for (size_t i = 1; i < n; i++) {
		look.drops += at[i].key < at[i - 1].key;
		look.low = MIN(look.low, at[i].key);
		look.high = MAX(look.high, at[i].key);
	}
	return look;
}

enum { SORT_DIGIT = 11, SORT_DIGITS = 4 }; /* bits of one; most that are worth it */

/* Sorts by the digits of key - @low, the lowest first. */
static inline void sort_by_digits(struct sort_pair *at, struct sort_pair *spare, size_t n,
                                  uint64_t low, unsigned n_digits)
{
	struct sort_pair *in = at, *out = spare;
	for (unsigned digit = 0; digit < n_digits; digit++) {
		size_t count[(size_t)1 << SORT_DIGIT] = { 0 }, sum = 0;
		unsigned shift = digit * SORT_DIGIT, mask = (1u << SORT_DIGIT) - 1;
		for (size_t i = 0; i < n; i++)
			count[(in[i].key - low) >> shift & mask]++;
		for (size_t i = 0; i <= mask; i++) {
			size_t here = count[i];
			count[i] = sum;
			sum += here;
		}
		for (size_t i = 0; i < n; i++)
			out[count[(in[i].key - low) >> shift & mask]++] = in[i];
		struct sort_pair *swap = in;
		in = out;
		out = swap;
	}
	if (in != at)
		memcpy(at, in, n * sizeof(*at));
}

/* Sorts @n pairs by key. @spare has room for as many; what it holds afterwards means nothing.
 */
static inline void sort_pairs(struct sort_pair *at, struct sort_pair *spare, size_t n)
{
	enum { MANY = 512 };
	if (n < 2)
		return;
	struct sort_look look = sort_look(at, n);
	unsigned n_digits = 1;
	for (uint64_t span = (look.high - look.low) >> SORT_DIGIT; span; span >>= SORT_DIGIT)
		n_digits++;
	if (n >= MANY && look.drops > n / 32 && n_digits <= SORT_DIGITS)
		sort_by_digits(at, spare, n, look.low, n_digits);
	else if (look.drops)
		sort_by_merging(at, spare, n);
}

#endif
