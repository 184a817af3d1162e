/* SPDX-License-Identifier: MIT */
/* A second unit: functions that nobody calls (for --gc-sections), and more from a header. */
#include "tour.h"

#include <string.h>

unsigned unused_function(unsigned n)
{
	return from_header(n) * 9;
}

__attribute__((noinline)) static unsigned nested_loops(unsigned n)
{
	unsigned grid[8][8];
	memset(grid, 0, sizeof(grid));
	for (unsigned y = 0; y < 8; y++)
		for (unsigned x = 0; x < 8; x++)
			grid[y][x] = from_header(x * y + n);
	unsigned total = 0;
	for (unsigned i = 0; i < 8; i++)
		total += grid[i][7 - i];
	return total;
}

unsigned tour_other(unsigned n)
{
	return nested_loops(n) + from_header(n + 1);
}
