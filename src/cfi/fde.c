/* SPDX-License-Identifier: MIT */
/*
 * The entries of .eh_frame and .debug_frame: CIEs and FDEs.
 *
 * An FDE is told together with all of its CIE that matters. A CIE is read again for every FDE
 * that names it: that is a few dozen bytes (4 KiB at most), and needs no memory.
 *
 * Cursors here count from the section's start and end with the entry, so that an offset is
 * always one in the section.
 *
 * Source: DWARF 5 section 6.4.1 (entries), 7.4 (64-bit lengths); LSB 5 Core sections 10.5 and
 * 10.6 (pointer encoding, augmentation); psABI for AArch64 (augmentation B, G)
 */
#include <inttypes.h>

#include "cfi/read.h"

/* DW_EH_PE_*: the low four bits are the format, the next three what it is relative to. */
enum {
	PE_ABSPTR = 0x00,
	PE_ULEB128 = 0x01,
	PE_UDATA2 = 0x02,
	PE_UDATA4 = 0x03,
	PE_UDATA8 = 0x04,
	PE_SIGNED = 0x08,
	PE_SLEB128 = 0x09,
	PE_SDATA2 = 0x0a,
	PE_SDATA4 = 0x0b,
	PE_SDATA8 = 0x0c,
	PE_FORMAT = 0x0f,
	PE_PCREL = 0x10,
	PE_TEXTREL = 0x20,
	PE_DATAREL = 0x30,
	PE_ALIGNED = 0x50,
	PE_RELATIVE = 0x70,
	PE_INDIRECT = 0x80,
	PE_OMIT = 0xff,
};

/* A CIE is read, and its program run, for every FDE: a huge one would cost that much each time.
 * Real ones have some 20 bytes, and no register file fills 4 KiB. */
enum { CIE_MAX = 4096 };

/* One entry, its length and id read. */
struct entry {
	uint64_t off;    /* of its length field */
	struct cursor c; /* behind its id */
	uint64_t end;    /* offset of the entry behind it */
	uint64_t cie;    /* of an FDE: offset of its CIE */
	bool is_cie, is_end;
};

struct cie {
	struct span program;
	uint64_t code_align;
	int64_t data_align;
	uint64_t return_reg;
	uint8_t encoding, address_size, segment_size;
	bool sized; /* augmentation 'z': FDEs have sized augmentation data */
	bool signal_frame;
};

static uint64_t address_mask(uint8_t address_size)
{
	return address_size == 4 ? UINT32_MAX : UINT64_MAX;
}

static int64_t sign_extend(uint64_t value, unsigned bits)
{
	uint64_t sign = (uint64_t)1 << (bits - 1);
	return (int64_t)((value ^ sign) - sign);
}

/* The number itself, without what it is relative to. */
static uint64_t read_format(struct cursor *c, uint8_t encoding, uint8_t address_size)
{
	switch (encoding & PE_FORMAT) {
	case PE_ABSPTR:
		return cur_uint(c, address_size);
	case PE_SIGNED:
		return (uint64_t)sign_extend(cur_uint(c, address_size), 8u * address_size);
	case PE_ULEB128:
		return cur_uleb(c);
	case PE_SLEB128:
		return (uint64_t)cur_sleb(c);
	case PE_UDATA2:
		return cur_u16(c);
	case PE_SDATA2:
		return (uint64_t)sign_extend(cur_u16(c), 16);
	case PE_UDATA4:
		return cur_u32(c);
	case PE_SDATA4:
		return (uint64_t)sign_extend(cur_u32(c), 32);
	case PE_UDATA8:
	case PE_SDATA8:
		return cur_u64(c);
	default:
		c->bad = true;
		return 0;
	}
}

/*
 * A pointer at @c, whose first byte is at address @addr. Not read, so bad: pointers relative to
 * a function, and indirect ones, which only a running process can follow.
 */
static uint64_t read_pointer(struct cursor *c, uint8_t encoding, uint8_t address_size,
                             uint64_t addr, uint64_t text, uint64_t data)
{
	uint64_t base;
	switch (encoding & ~PE_FORMAT) {
	case 0:
		base = 0;
		break;
	case PE_PCREL:
		base = addr;
		break;
	case PE_TEXTREL:
		base = text;
		break;
	case PE_DATAREL:
		base = data;
		break;
	default:
		c->bad = true;
		return 0;
	}
	return (read_format(c, encoding, address_size) + base) & address_mask(address_size);
}

uint64_t turf_cfi_read_location(const struct cfi_fde *fde, struct cursor *c)
{
	return read_pointer(c, fde->encoding, fde->address_size, fde->program_addr + cur_off(c),
	                    fde->text, fde->data);
}

/* Steps over the personality routine's pointer. */
static void skip_pointer(const struct cfi_section *section, struct cursor *c, uint8_t encoding,
                         uint8_t address_size)
{
	if (encoding == PE_OMIT)
		return;
	if ((encoding & PE_RELATIVE) == PE_ALIGNED) {
		uint64_t misplaced = (section->addr + cur_off(c)) % address_size;
		cur_skip(c, misplaced ? address_size - misplaced : 0);
		cur_skip(c, address_size);
		return;
	}
	read_format(c, encoding, address_size);
}

/*
 * Reads length and id. In .eh_frame the id is 4 bytes whatever the length's size, 0 is a CIE,
 * and an FDE's counts back from itself; in .debug_frame all ones is a CIE.
 */
static int read_entry(const struct cfi_section *section, uint64_t off, struct entry *ret,
                      struct turf_error *err)
{
	struct cursor c = cur_of(section->bytes, section->big);
	*ret = (struct entry){ .off = off };
	cur_seek(&c, off);
	uint64_t length = cur_u32(&c);
	bool is64 = length == 0xffffffff;
	if (is64)
		length = cur_u64(&c);
	if (c.bad || length > cur_left(&c))
		return turf_fail(err, -EBADMSG, off,
		                 "entry at 0x%" PRIx64 ": length 0x%" PRIx64
		                 " leaves the section",
		                 off, length);
	ret->end = cur_off(&c) + length;
	ret->is_end = length == 0;
	c.end = c.at + length;
	uint64_t id_at = cur_off(&c);
	is64 = is64 && !section->eh;
	uint64_t id = is64 ? cur_u64(&c) : cur_u32(&c);
	ret->is_cie = id == (section->eh ? 0 : is64 ? UINT64_MAX : UINT32_MAX);
	ret->cie = section->eh ? id_at - id : id;
	ret->c = c;
	return 0;
}

static int check_address_size(const struct cie *cie, uint64_t off, struct turf_error *err)
{
	if ((cie->address_size == 4 || cie->address_size == 8) && cie->segment_size <= 8)
		return 0;
	return turf_fail(err, -ENOTSUP, off,
	                 "CIE at 0x%" PRIx64 ": addresses of %u and segments of %u bytes", off,
	                 cie->address_size, cie->segment_size);
}

/* The letters behind 'z', each with its own data in @c. */
static int read_augmentation(const struct cfi_section *section, const char *letters,
                             struct cursor *c, uint64_t off, struct cie *cie,
                             struct turf_error *err)
{
	for (; *letters; letters++) {
		switch (*letters) {
		case 'L': /* of language specific data, in FDEs: not needed */
			cur_skip(c, 1);
			break;
		case 'P': {
			uint8_t encoding = cur_u8(c);
			skip_pointer(section, c, encoding, cie->address_size);
			break;
		}
		case 'R':
			cie->encoding = cur_u8(c);
			break;
		case 'S':
			cie->signal_frame = true;
			break;
		case 'B': /* aarch64: return addresses are signed with key B */
		case 'G': /* aarch64: the stack frame is tagged */
			break;
		default:
			return turf_fail(err, -ENOTSUP, off,
			                 "CIE at 0x%" PRIx64
			                 ": augmentation letter 0x%02x is unknown",
			                 off, (unsigned)(uint8_t)*letters);
		}
	}
	return 0;
}

/* What lies between version and program; @c becomes bad where it does not fit. */
static int read_cie_fields(const struct cfi_section *section, uint64_t off, struct cursor *c,
                           struct cie *cie, struct turf_error *err)
{
	uint8_t version = cur_u8(c);
	if (!c->bad && version != 1 && version != 3 && version != 4)
		return turf_fail(err, -ENOTSUP, off,
		                 "CIE at 0x%" PRIx64 ": version %u is unknown", off, version);
	const char *augmentation = cur_str(c);
	if (c->bad)
		return 0;
	if (version == 4) {
		cie->address_size = cur_u8(c);
		cie->segment_size = cur_u8(c);
	}
	int r = check_address_size(cie, off, err);
	if (r < 0)
		return r;
	if (strcmp(augmentation, "eh") == 0) { /* gcc 2: a pointer, and no data in FDEs */
		cur_skip(c, cie->address_size);
		augmentation = "";
	}
	cie->code_align = cur_uleb(c);
	cie->data_align = cur_sleb(c);
	cie->return_reg = version == 1 ? cur_u8(c) : cur_uleb(c);
	cie->sized = *augmentation == 'z';
	if (!cie->sized) /* 'S' has no data, so it needs no 'z'; anything else does */
		return read_augmentation(section, augmentation, &(struct cursor){ .bad = true },
		                         off, cie, err);
	uint64_t size = cur_uleb(c);
	struct cursor data = *c;
	cur_skip(c, size);
	if (c->bad)
		return 0;
	data.end = c->at;
	r = read_augmentation(section, augmentation + 1, &data, off, cie, err);
	c->bad = data.bad;
	return r;
}

static int read_cie(const struct cfi_section *section, uint64_t off, uint64_t fde,
                    struct cie *ret, struct turf_error *err)
{
	struct entry entry;
	if (off >= section->bytes.size)
		return turf_fail(err, -EBADMSG, fde,
		                 "FDE at 0x%" PRIx64 ": its CIE at 0x%" PRIx64
		                 " is outside the section",
		                 fde, off);
	int r = read_entry(section, off, &entry, err);
	if (r < 0)
		return r;
	if (entry.is_end || entry.c.bad || !entry.is_cie)
		return turf_fail(err, -EBADMSG, fde,
		                 "FDE at 0x%" PRIx64 ": there is no CIE at 0x%" PRIx64, fde,
		                 off);
	if (cur_left(&entry.c) > CIE_MAX)
		return turf_fail(err, -E2BIG, off,
		                 "CIE at 0x%" PRIx64 ": 0x%zx bytes, our limit is 0x%x", off,
		                 cur_left(&entry.c), CIE_MAX);
	struct cie cie = { .address_size = section->address_size };
	r = read_cie_fields(section, off, &entry.c, &cie, err);
	if (r < 0)
		return r;
	if (entry.c.bad)
		return turf_fail(err, -EBADMSG, off, "CIE at 0x%" PRIx64 ": ends too early",
		                 off);
	if (cie.return_reg > UINT8_MAX)
		return turf_fail(err, -ENOTSUP, off,
		                 "CIE at 0x%" PRIx64 ": return address in register %" PRIu64,
		                 off, cie.return_reg);
	cie.program = (struct span){ entry.c.at, cur_left(&entry.c) };
	*ret = cie;
	return 0;
}

/* Addresses and program of an FDE: 1, 0 dead code, < 0. */
static int read_fde(const struct cfi_section *section, struct entry *entry, struct cfi_fde *ret,
                    struct turf_error *err)
{
	struct cie cie;
	int r = read_cie(section, entry->cie, entry->off, &cie, err);
	if (r < 0)
		return r;
	struct cursor *c = &entry->c;
	cur_skip(c, cie.segment_size);
	uint64_t start = read_pointer(c, cie.encoding, cie.address_size,
	                              section->addr + cur_off(c), section->text, section->data);
	uint64_t mask = address_mask(cie.address_size);
	uint64_t size = read_format(c, cie.encoding, cie.address_size) & mask;
	if (cie.sized)
		cur_skip(c, cur_uleb(c));
	if (c->bad)
		return turf_fail(err, -EBADMSG, entry->off,
		                 "FDE at 0x%" PRIx64
		                 ": ends too early, or its pointers (encoding 0x%02x) "
		                 "cannot be read",
		                 entry->off, cie.encoding);
	if (start >= mask - 1)
		return 0;
	if (size > mask - start)
		return turf_fail(err, -EBADMSG, entry->off,
		                 "FDE at 0x%" PRIx64 ": 0x%" PRIx64 "+0x%" PRIx64
		                 " wraps around the end of memory",
		                 entry->off, start, size);
	*ret = (struct cfi_fde){
		.off = entry->off,
		.start = start,
		.end = start + size,
		.return_reg = (uint8_t)cie.return_reg,
		.signal_frame = cie.signal_frame,
		.cie_program = cie.program,
		.program = { c->at, cur_left(c) },
		.program_addr = section->addr + cur_off(c),
		.text = section->text,
		.data = section->data,
		.code_align = cie.code_align,
		.data_align = cie.data_align,
		.encoding = cie.encoding,
		.address_size = cie.address_size,
		.big = section->big,
		.machine = section->machine,
	};
	return 1;
}

void turf_cfi_fdes(const struct cfi_section *section, struct cfi_fdes *walk)
{
	*walk = (struct cfi_fdes){ *section, 0 };
}

int turf_cfi_next_fde(struct cfi_fdes *walk, struct cfi_fde *ret, struct turf_error *err)
{
	while (walk->off < walk->section.bytes.size) {
		struct entry entry;
		int r = read_entry(&walk->section, walk->off, &entry, err);
		walk->off = r < 0 ? walk->section.bytes.size : entry.end;
		if (r < 0)
			return r;
		if (entry.is_end)
			continue;
		if (entry.c.bad)
			return turf_fail(err, -EBADMSG, entry.off,
			                 "entry at 0x%" PRIx64 ": too short for its id",
			                 entry.off);
		if (entry.is_cie)
			continue;
		r = read_fde(&walk->section, &entry, ret, err);
		if (r != 0)
			return r;
	}
	return 0;
}
