/* SPDX-License-Identifier: MIT */
/* Sections of call frame information, written entry by entry. */
#ifndef TESTS_CFI_SAMPLE_H
#define TESTS_CFI_SAMPLE_H

#include <elf.h>

#include "cfi/cfi.h"
#include "lib/asm.h"

enum { SECTION_ADDR = 0x1000, START = 0x5000 };

/* An entry being written: as_end_length() for both sizes of length. */
struct sample_entry {
	size_t off, body;
	bool is64;
};

static inline struct sample_entry begin_entry(struct as *a, bool is64)
{
	struct sample_entry e = { .off = as_here(a), .is64 = is64 };
	if (is64)
		as_u32(a, 0xffffffff);
	as_uint(a, 0, is64 ? 8 : 4);
	e.body = as_here(a);
	return e;
}

static inline void end_entry(struct as *a, const struct sample_entry *e)
{
	while ((as_here(a) - e->off) % 4)
		as_u8(a, 0); /* DW_CFA_nop */
	unsigned size = e->is64 ? 8 : 4;
	as_patch(a, e->body - size, as_here(a) - e->body, size);
}

/* An .eh_frame CIE for x86-64: CFA rsp+8, return address 16 at CFA-8. Returns its offset. */
static inline size_t put_eh_cie(struct as *a, const char *augmentation, const void *data,
                                size_t size)
{
	static const uint8_t program[] = { 0x0c, 7, 8, 0x80 | 16, 1 };
	struct sample_entry e = begin_entry(a, false);
	as_u32(a, 0);
	as_u8(a, 1);
	as_str(a, augmentation);
	as_uleb(a, 1);
	as_sleb(a, -8);
	as_u8(a, 16);
	if (*augmentation == 'z')
		as_uleb(a, size);
	if (size)
		as_bytes(a, data, size);
	as_bytes(a, program, sizeof(program));
	end_entry(a, &e);
	return e.off;
}

/* An FDE of such a CIE with "zR" and DW_EH_PE_pcrel|sdata4. */
static inline void put_eh_fde(struct as *a, size_t cie, uint64_t start, uint64_t size,
                              const void *program, size_t program_size)
{
	struct sample_entry e = begin_entry(a, false);
	as_u32(a, (uint32_t)(as_here(a) - cie));
	as_u32(a, (uint32_t)(start - SECTION_ADDR - as_here(a)));
	as_u32(a, (uint32_t)size);
	as_uleb(a, 0);
	if (program_size)
		as_bytes(a, program, program_size);
	end_entry(a, &e);
}

static inline struct cfi_section eh_section(struct span bytes)
{
	return (struct cfi_section){ .bytes = bytes,
		                     .addr = SECTION_ADDR,
		                     .text = 0x20000,
		                     .data = 0x30000,
		                     .address_size = 8,
		                     .eh = true,
		                     .machine = EM_X86_64 };
}

#endif
