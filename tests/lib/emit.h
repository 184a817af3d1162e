/* SPDX-License-Identifier: MIT */
/* An ELF file that was laid out, in memory. */
#ifndef TESTS_LIB_EMIT_H
#define TESTS_LIB_EMIT_H

#include <stdlib.h>
#include <string.h>

#include "elf/write.h"

static inline void emit_elf(const struct elf_out *out, uint8_t *dst)
{
	struct elf_pieces pieces;
	if (turf_elf_pieces(out, &pieces) < 0)
		abort();
	for (size_t i = 0; i < pieces.n; i++) {
		memcpy(dst, pieces.at[i].at, pieces.at[i].size);
		dst += pieces.at[i].size;
	}
	turf_elf_pieces_fini(&pieces);
}

#endif
