/* SPDX-License-Identifier: MIT */
#ifndef TOUR_H
#define TOUR_H

#ifdef __cplusplus
extern "C" {
#endif
unsigned tour_c(unsigned n);
unsigned tour_other(unsigned n);
unsigned unused_function(unsigned n);
#ifdef __cplusplus
}
#endif

/* In a header, and inlined into several files. */
static inline unsigned from_header(unsigned n)
{
	unsigned total = 0;
	while (n) {
		total += n & 1;
		n >>= 1;
	}
	return total;
}

#endif
