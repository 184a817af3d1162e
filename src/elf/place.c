/* SPDX-License-Identifier: MIT */
/*
 * Relocatable objects (ET_REL: .o, .ko): their sections have no addresses yet.
 *
 * The allocated sections get addresses one behind the other from 0, in their order, each at its
 * alignment; this is what elfutils does, so both mean the same place by one address. Then the
 * relocations of a section that is no code can be applied: relocate.c.
 */
#include <elf.h>

#include "elf/elf.h"

int turf_elf_place(struct elf *elf, uint64_t **ret, struct turf_error *err)
{
	if (elf->type != ET_REL || !turf_elf_knows_relocations(elf->machine))
		return 0;
	uint64_t *addrs = calloc(elf->n_sections + (size_t)1, sizeof(*addrs));
	uint64_t end = 0;
	int r = addrs ? 0 : -ENOMEM;
	if (r < 0)
		turf_error_set(err, r, TURF_NOWHERE, "no memory for section addresses");
	for (uint32_t i = 1; r == 0 && i < elf->n_sections; i++) {
		struct elf_section s;
		r = turf_elf_section(elf, i, &s, err);
		if (r < 0 || !(s.flags & SHF_ALLOC))
			continue;
		uint64_t align = MAX(s.align, (uint64_t)1);
		if (align & (align - 1) || align > UINT32_MAX || s.size > UINT64_MAX / 4 ||
		    align_up(end, align) > UINT64_MAX / 4)
			r = turf_fail(err, -EBADMSG, s.off,
			              "section %s: cannot be placed at any address", s.name);
		addrs[i] = align_up(end, align);
		end = addrs[i] + s.size;
	}
	if (r < 0) {
		free(addrs);
		return r;
	}
	elf->addrs = *ret = addrs;
	return 1;
}
