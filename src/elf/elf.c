/* SPDX-License-Identifier: MIT */
/*
 * ELF header, section and segment tables, notes.
 *
 * Both classes and both byte orders go through the same reads: a "word" is 4 bytes in ELF32 and
 * 8 in ELF64, and where the order of fields differs, the reader says so.
 *
 * Source: gABI chapter 4 (header, extended numbering, sections), chapter 5 (program header,
 * notes)
 */
#include <elf.h>
#include <inttypes.h>

#include "elf/elf.h"

/* Sizes of the table entries on disk, by class. */
static uint16_t section_size(const struct elf *elf)
{
	return elf->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
}

static uint16_t segment_size(const struct elf *elf)
{
	return elf->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
}

static uint64_t word(struct cursor *c, bool is64)
{
	return is64 ? cur_u64(c) : cur_u32(c);
}

/* What the header says, before extended numbering is looked up. */
struct header {
	uint16_t phnum, shnum, shstrndx;
};

static int read_header(struct elf *elf, struct header *header, struct turf_error *err)
{
	struct span file = elf->file;
	if (file.size < EI_NIDENT || memcmp(file.at, ELFMAG, SELFMAG) != 0)
		return turf_fail(err, -EBADMSG, 0, "ELF header: this is no ELF file");
	uint8_t class = file.at[EI_CLASS], order = file.at[EI_DATA];
	if (class != ELFCLASS32 && class != ELFCLASS64)
		return turf_fail(err, -EBADMSG, EI_CLASS, "ELF header: class %u is unknown",
		                 class);
	if (order != ELFDATA2LSB && order != ELFDATA2MSB)
		return turf_fail(err, -EBADMSG, EI_DATA, "ELF header: byte order %u is unknown",
		                 order);
	elf->is64 = class == ELFCLASS64;
	elf->big = order == ELFDATA2MSB;

	struct cursor c = cur_of(file, elf->big);
	cur_seek(&c, EI_NIDENT);
	elf->type = cur_u16(&c);
	elf->machine = cur_u16(&c);
	uint32_t version = cur_u32(&c);
	word(&c, elf->is64); /* e_entry */
	elf->phoff = word(&c, elf->is64);
	elf->shoff = word(&c, elf->is64);
	cur_skip(&c, 4 + 2); /* e_flags, e_ehsize */
	elf->phentsize = cur_u16(&c);
	header->phnum = cur_u16(&c);
	elf->shentsize = cur_u16(&c);
	header->shnum = cur_u16(&c);
	header->shstrndx = cur_u16(&c);
	if (c.bad)
		return turf_fail(err, -EBADMSG, file.size, "ELF header: the file ends in it");
	if (version != EV_CURRENT)
		return turf_fail(err, -ENOTSUP, 20,
		                 "ELF header: version %" PRIu32 " is unknown", version);
	return 0;
}

/* A section header as it stands, with its name still an offset. */
static int read_section(const struct elf *elf, uint32_t idx, struct elf_section *ret,
                        uint32_t *name)
{
	struct span entry = span_part(elf->file, elf->shoff + (uint64_t)idx * elf->shentsize,
	                              elf->shentsize);
	struct cursor c = cur_of(entry, elf->big);
	*name = cur_u32(&c);
	ret->name = "";
	ret->idx = idx;
	ret->type = cur_u32(&c);
	ret->flags = word(&c, elf->is64);
	ret->addr = word(&c, elf->is64);
	ret->off = word(&c, elf->is64);
	ret->size = word(&c, elf->is64);
	ret->link = cur_u32(&c);
	ret->info = cur_u32(&c);
	ret->align = word(&c, elf->is64);
	ret->entry_size = word(&c, elf->is64);
	return c.bad ? -EBADMSG : 0;
}

static bool lies_inside(struct span file, uint64_t off, uint64_t n, uint16_t entry_size)
{
	return off <= file.size && n * entry_size <= file.size - off;
}

/* Section 0 holds what does not fit the header (gABI 4, "extended section numbering"). */
static int count_sections(struct elf *elf, const struct header *header, uint32_t *names,
                          struct turf_error *err)
{
	elf->n_sections = 0;
	elf->n_segments = elf->phoff ? header->phnum : 0;
	*names = SHN_UNDEF;
	if (!elf->shoff) {
		if (elf->n_segments == PN_XNUM)
			return turf_fail(err, -EBADMSG, 0,
			                 "ELF header: number of segments is in section 0, "
			                 "but there are no sections");
		return 0;
	}
	if (elf->shentsize < section_size(elf))
		return turf_fail(err, -EBADMSG, 0,
		                 "ELF header: section headers of %u bytes are too small",
		                 elf->shentsize);
	bool extended = header->shnum == 0 || header->shstrndx == SHN_XINDEX ||
	                elf->n_segments == PN_XNUM;
	struct elf_section first = { 0 };
	uint32_t unused;
	if (extended && (!lies_inside(elf->file, elf->shoff, 1, elf->shentsize) ||
	                 read_section(elf, 0, &first, &unused) < 0))
		return turf_fail(err, -EBADMSG, elf->shoff,
		                 "section headers: offset 0x%" PRIx64 " is outside the file",
		                 elf->shoff);
	if (header->shnum == 0 && first.size > UINT32_MAX)
		return turf_fail(err, -EBADMSG, elf->shoff,
		                 "section headers: %" PRIu64 " sections do not fit the file",
		                 first.size);
	elf->n_sections = header->shnum ? header->shnum : (uint32_t)first.size;
	*names = header->shstrndx == SHN_XINDEX ? first.link : header->shstrndx;
	if (elf->n_segments == PN_XNUM)
		elf->n_segments = first.info;
	return 0;
}

static int check_tables(const struct elf *elf, struct turf_error *err)
{
	if (elf->n_sections &&
	    !lies_inside(elf->file, elf->shoff, elf->n_sections, elf->shentsize))
		return turf_fail(err, -EBADMSG, elf->shoff,
		                 "section headers: %" PRIu32 " at 0x%" PRIx64
		                 " do not fit the file of %zu bytes",
		                 elf->n_sections, elf->shoff, elf->file.size);
	if (!elf->n_segments)
		return 0;
	if (elf->phentsize < segment_size(elf))
		return turf_fail(err, -EBADMSG, 0,
		                 "ELF header: program headers of %u bytes are too small",
		                 elf->phentsize);
	if (!lies_inside(elf->file, elf->phoff, elf->n_segments, elf->phentsize))
		return turf_fail(err, -EBADMSG, elf->phoff,
		                 "program headers: %" PRIu32 " at 0x%" PRIx64
		                 " do not fit the file of %zu bytes",
		                 elf->n_segments, elf->phoff, elf->file.size);
	return 0;
}

static int find_names(struct elf *elf, uint32_t idx, struct turf_error *err)
{
	elf->names = (struct span){ NULL, 0 };
	if (idx == SHN_UNDEF)
		return 0;
	if (idx >= elf->n_sections)
		return turf_fail(err, -EBADMSG, 0,
		                 "ELF header: section names are in section %" PRIu32
		                 " of %" PRIu32,
		                 idx, elf->n_sections);
	struct elf_section section;
	uint32_t unused;
	if (read_section(elf, idx, &section, &unused) < 0 || section.type == SHT_NOBITS)
		return turf_fail(err, -EBADMSG, elf->shoff,
		                 "section names: section %" PRIu32 " has no bytes", idx);
	elf->names = span_part(elf->file, section.off, section.size);
	if (!elf->names.at)
		return turf_fail(err, -EBADMSG, section.off,
		                 "section names: 0x%" PRIx64 "+0x%" PRIx64
		                 " leave the file of %zu bytes",
		                 section.off, section.size, elf->file.size);
	/* what lies behind the last NUL is no string: then any offset inside is one */
	const uint8_t *nul = memrchr(elf->names.at, 0, elf->names.size);
	elf->names.size = nul ? (size_t)(nul - elf->names.at) + 1 : 0;
	return 0;
}

int turf_elf_open(struct span file, struct elf *ret, struct turf_error *err)
{
	struct elf elf = { .file = file };
	struct header header;
	uint32_t names;
	int r = read_header(&elf, &header, err);
	if (r == 0)
		r = count_sections(&elf, &header, &names, err);
	if (r == 0)
		r = check_tables(&elf, err);
	if (r == 0)
		r = find_names(&elf, names, err);
	if (r == 0)
		*ret = elf;
	return r;
}

int turf_elf_section(const struct elf *elf, uint32_t idx, struct elf_section *ret,
                     struct turf_error *err)
{
	if (idx >= elf->n_sections)
		return turf_fail(err, -EINVAL, TURF_NOWHERE,
		                 "section %" PRIu32 ": there are only %" PRIu32, idx,
		                 elf->n_sections);
	struct elf_section section;
	uint32_t name;
	uint64_t where = elf->shoff + (uint64_t)idx * elf->shentsize;
	if (read_section(elf, idx, &section, &name) < 0)
		return turf_fail(err, -EBADMSG, where, "section %" PRIu32 ": cannot be read",
		                 idx);
	if (elf->addrs)
		section.addr = elf->addrs[idx];
	if (name < elf->names.size)
		section.name = (const char *)elf->names.at + name;
	else if (name && elf->names.at)
		return turf_fail(err, -EBADMSG, where,
		                 "section %" PRIu32 ": name at 0x%" PRIx32
		                 " is outside the section names",
		                 idx, name);
	*ret = section;
	return 0;
}

int turf_elf_find_section(const struct elf *elf, const char *name, struct elf_section *ret,
                          struct turf_error *err)
{
	for (uint32_t i = 1; i < elf->n_sections; i++) {
		struct elf_section section;
		int r = turf_elf_section(elf, i, &section, err);
		if (r < 0)
			return r;
		if (strcmp(section.name, name) == 0) {
			*ret = section;
			return 1;
		}
	}
	return 0;
}

/* Of an object's sections of that name those in groups hold a type each, which the linker takes
 * once: the one in no group has the code. */
static int find_ungrouped(const struct elf *elf, const char *name, struct elf_section *ret,
                          struct turf_error *err)
{
	int r = turf_elf_find_section(elf, name, ret, err);
	if (r != 1 || !(ret->flags & SHF_GROUP))
		return r;
	for (uint32_t i = ret->idx + 1; i < elf->n_sections; i++) {
		struct elf_section section;
		r = turf_elf_section(elf, i, &section, err);
		if (r < 0)
			return r;
		if (strcmp(section.name, name) == 0 && !(section.flags & SHF_GROUP)) {
			*ret = section;
			break;
		}
	}
	return 1;
}

int turf_elf_find_debug_section(const struct elf *elf, const char *name,
                                struct elf_section *ret, struct turf_error *err)
{
	static const char plain[] = ".debug_", packed[] = ".zdebug_";
	char old[64];
	int r = find_ungrouped(elf, name, ret, err);
	size_t size = strlen(name) + 2; /* with the letter more and the NUL */
	if (r || strncmp(name, plain, sizeof(plain) - 1) != 0 || size > sizeof(old))
		return r;
	memcpy(old, packed, sizeof(packed));
	memcpy(old + sizeof(packed) - 1, name + sizeof(plain) - 1, size - sizeof(packed) + 1);
	return find_ungrouped(elf, old, ret, err);
}

int turf_elf_segment(const struct elf *elf, uint32_t idx, struct elf_segment *ret,
                     struct turf_error *err)
{
	if (idx >= elf->n_segments)
		return turf_fail(err, -EINVAL, TURF_NOWHERE,
		                 "segment %" PRIu32 ": there are only %" PRIu32, idx,
		                 elf->n_segments);
	uint64_t where = elf->phoff + (uint64_t)idx * elf->phentsize;
	struct cursor c = cur_of(span_part(elf->file, where, elf->phentsize), elf->big);
	struct elf_segment segment = { .type = cur_u32(&c) };
	if (elf->is64)
		segment.flags = cur_u32(&c);
	segment.off = word(&c, elf->is64);
	segment.addr = word(&c, elf->is64);
	word(&c, elf->is64); /* p_paddr */
	segment.file_size = word(&c, elf->is64);
	segment.mem_size = word(&c, elf->is64);
	if (!elf->is64)
		segment.flags = cur_u32(&c);
	segment.align = word(&c, elf->is64);
	if (c.bad)
		return turf_fail(err, -EBADMSG, where, "segment %" PRIu32 ": cannot be read",
		                 idx);
	*ret = segment;
	return 0;
}

/*
 * Looks for the build-id among the notes of [off, off + size). Name and content are padded to
 * @align: 4, or 8 in a table that says so (GNU properties); a last padding may be missing.
 */
static int build_id_in(const struct elf *elf, uint64_t off, uint64_t size, uint64_t align,
                       struct span *ret, struct turf_error *err)
{
	struct span notes = span_part(elf->file, off, size);
	if (size && !notes.at)
		return turf_fail(err, -EBADMSG, off,
		                 "notes: 0x%" PRIx64 "+0x%" PRIx64
		                 " leave the file of %zu bytes",
		                 off, size, elf->file.size);
	align = align == 8 ? 8 : 4;
	struct cursor c = cur_of(notes, elf->big);
	while (cur_left(&c)) {
		uint64_t where = off + cur_off(&c);
		uint64_t name_size = cur_u32(&c), content_size = cur_u32(&c);
		uint32_t type = cur_u32(&c);
		const uint8_t *name = cur_take(&c, name_size);
		cur_skip(&c, MIN(align_up(cur_off(&c), align) - cur_off(&c), cur_left(&c)));
		const uint8_t *content = cur_take(&c, content_size);
		cur_skip(&c, MIN(align_up(cur_off(&c), align) - cur_off(&c), cur_left(&c)));
		if (c.bad)
			return turf_fail(err, -EBADMSG, where,
			                 "note at 0x%" PRIx64 ": leaves its section", where);
		if (type == NT_GNU_BUILD_ID && content_size &&
		    name_size == sizeof(ELF_NOTE_GNU) &&
		    memcmp(name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0) {
			*ret = (struct span){ content, (size_t)content_size };
			return 1;
		}
	}
	return 0;
}

static int build_id_of_segments(const struct elf *elf, struct span *ret, struct turf_error *err)
{
	for (uint32_t i = 0; i < elf->n_segments; i++) {
		struct elf_segment segment;
		int r = turf_elf_segment(elf, i, &segment, err);
		if (r == 0 && segment.type == PT_NOTE)
			r = build_id_in(elf, segment.off, segment.file_size, segment.align, ret,
			                err);
		if (r != 0)
			return r;
	}
	return 0;
}

static int build_id_of_sections(const struct elf *elf, struct span *ret, struct turf_error *err)
{
	for (uint32_t i = 1; i < elf->n_sections; i++) {
		struct elf_section section;
		int r = turf_elf_section(elf, i, &section, err);
		if (r == 0 && section.type == SHT_NOTE)
			r = build_id_in(elf, section.off, section.size, section.align, ret,
			                err);
		if (r != 0)
			return r;
	}
	return 0;
}

int turf_elf_build_id(const struct elf *elf, struct span *ret, struct turf_error *err)
{
	/* a separate debug file keeps the program headers of a file it is no longer: what they
	 * point at may be missing, so they are believed only where they hold, as long as there
	 * are sections to ask */
	int r = build_id_of_segments(elf, ret, elf->n_sections ? NULL : err);
	if (r == 1 || !elf->n_sections)
		return r;
	return build_id_of_sections(elf, ret, err);
}

/* A NUL-ended name, padded to four bytes, and the CRC in the file's byte order. */
int turf_elf_debug_link(const struct elf *elf, struct elf_debug_link *ret,
                        struct turf_error *err)
{
	struct elf_section section;
	int r = turf_elf_find_section(elf, ".gnu_debuglink", &section, err);
	if (r <= 0 || section.type == SHT_NOBITS)
		return MIN(r, 0);
	struct cursor c = cur_of(span_part(elf->file, section.off, section.size), elf->big);
	struct elf_debug_link link = { .name = cur_str(&c) };
	cur_seek(&c, align_up(cur_off(&c), 4));
	link.crc = cur_u32(&c);
	if (c.bad)
		return turf_fail(err, -EBADMSG, section.off,
		                 "section .gnu_debuglink: holds no name and CRC");
	*ret = link;
	return 1;
}
