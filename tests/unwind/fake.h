/* SPDX-License-Identifier: MIT */
/*
 * A process table and images that exist as arrays only. They answer in place of the rooms
 * process and image: a test that defines these functions links none of theirs.
 *
 * Modules are mapped at their link-time address + FAKE_BIAS.
 */
#ifndef TESTS_UNWIND_FAKE_H
#define TESTS_UNWIND_FAKE_H

#include <elf.h>

#include "base/base.h"
#include "turf/unwind.h"
#include "unwind/short.h"

enum { RAX = 0, RBX = 3, RBP = 6, RSP = 7, R12 = 12, RIP = 16, N_REGS };
enum { FAKE_BIAS = 0x100000 };

struct fake_saved {
	uint8_t reg;
	struct turf_rule rule;
};

/* A row, by link-time address; its saved registers are fake_saved[row.saved...]. */
struct fake_row {
	uint64_t start, end;
	struct turf_unwind_row row;
};

/* A mapping, by live address. */
struct fake_map {
	uint64_t start, end;
	bool module, image;
};

struct fake {
	const struct fake_map *maps;
	size_t n_maps;
	const struct fake_row *rows;
	size_t n_rows;
	const struct fake_saved *saved;
	size_t n_saved;
	const char *symbol; /* the one that covers every address */
};

static struct fake fake;

int turf_process_locate(struct turf_process *process, uint64_t pc, struct turf_location *out)
{
	(void)process;
	for (size_t i = 0; i < fake.n_maps; i++) {
		const struct fake_map *m = &fake.maps[i];
		if (pc < m->start || pc >= m->end)
			continue;
		*out = (struct turf_location){ .map_start = m->start, .map_end = m->end };
		out->module = m->module ? (struct turf_module *)&fake : NULL;
		out->image = m->image ? (const struct turf_image *)&fake : NULL;
		out->addr = pc - FAKE_BIAS;
		return 1;
	}
	return 0;
}

int turf_image_find_unwind(const struct turf_image *image, uint64_t addr,
                           struct turf_unwind_row *out)
{
	(void)image;
	for (size_t i = 0; i < fake.n_rows; i++) {
		if (addr < fake.rows[i].start || addr >= fake.rows[i].end)
			continue;
		*out = fake.rows[i].row;
		return out->saved == UINT32_MAX ? -EBADMSG : 1; /* that: a damaged image */
	}
	return 0;
}

int turf_unwind_saved(const struct turf_image *image, const struct turf_unwind_row *row,
                      size_t i, uint8_t *reg, struct turf_rule *rule)
{
	(void)image;
	if (row->saved > fake.n_saved || i >= fake.n_saved - row->saved)
		return -EBADMSG;
	*reg = fake.saved[row->saved + i].reg;
	*rule = fake.saved[row->saved + i].rule;
	return 1;
}

int turf_image_find_symbol(const struct turf_image *image, uint64_t addr,
                           struct turf_symbol *out)
{
	(void)image;
	(void)addr;
	if (!fake.symbol)
		return 0;
	*out = (struct turf_symbol){ .name = 1 };
	return 1;
}

ssize_t turf_image_text(const struct turf_image *image, turf_text text, char *out, size_t size)
{
	(void)image;
	return snprintf(out, size, "%s", text ? fake.symbol : "");
}

#endif
