/* SPDX-License-Identifier: MIT */
/*
 * What stands at an address: functions by symbols, variables by debug info.
 *
 * The table knows executable mappings only. All of an ELF file is mapped at one distance from
 * its link-time addresses, so data is looked for in the modules mapped next to it.
 */
#include <stdio.h>

#include "process/process.h"
#include "value/value.h"

static bool put_name(const struct turf_image *image, turf_text text, char *name, size_t size)
{
	ssize_t n = text ? turf_image_text(image, text, name, size) : 0;
	return n > 0;
}

static bool find_code(const struct turf_image *image, uint64_t addr, char *name, size_t size,
                      uint64_t *start)
{
	struct turf_symbol symbol;
	struct turf_function f;
	if (turf_image_find_symbol(image, addr, &symbol) == 1 && symbol.name) {
		*start = symbol.addr;
		return put_name(image, symbol.name, name, size);
	}
	if (turf_image_find_function(image, addr, &f) != 1)
		return false;
	*start = f.start;
	return put_name(image, f.linkage_name ? f.linkage_name : f.name, name, size);
}

static bool find_data(const struct turf_image *image, uint64_t addr, char *name, size_t size,
                      uint64_t *start)
{
	struct turf_global g;
	if (turf_image_find_global(image, addr, &g) != 1)
		return false;
	*start = g.address;
	return put_name(image, g.linkage_name ? g.linkage_name : g.name, name, size);
}

/* The link-time address of @addr in the module mapped at @map: false: there is none. */
static bool in_module(struct turf_process *process, const struct map *map, uint64_t addr,
                      struct turf_location *at)
{
	if (!map->module || turf_process_locate(process, map->start, at) != 1 || !at->image)
		return false;
	at->addr += addr - map->start;
	return true;
}

int turf_value_symbol(struct turf_process *process, uint64_t addr, char *name, size_t size,
                      uint64_t *offset)
{
	const struct space *space = process->space;
	struct turf_location at;
	uint64_t start;
	size_t i = 0;
	while (space && i < space->n && space->at[i].end <= addr)
		i++;
	if (!space)
		return 0;
	bool exec = i < space->n && space->at[i].start <= addr;
	/* data comes behind the code, or between; of the module before or behind it */
	for (size_t k = exec ? i : i ? i - 1 : 0; k <= i && k < space->n; k++) {
		if (!in_module(process, &space->at[k], addr, &at))
			continue;
		if (exec ? find_code(at.image, at.addr, name, size, &start)
		         : find_data(at.image, at.addr, name, size, &start)) {
			*offset = at.addr - start;
			return 1;
		}
	}
	return 0;
}
