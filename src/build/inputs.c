/* SPDX-License-Identifier: MIT */
/*
 * What an urf is built from: the ELF file, and its separate debug file.
 *
 * The DWARF comes from the file that has
 * .debug_info, the source first. CFI comes from the source: a debug file's .eh_frame is empty.
 */
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "build/build.h"

static const char *const section_names[N_DWARF_SECTIONS] = {
	".debug_info",     ".debug_abbrev",      ".debug_line",     ".debug_str",
	".debug_line_str", ".debug_str_offsets", ".debug_addr",     ".debug_ranges",
	".debug_rnglists", ".debug_loc",         ".debug_loclists", ".debug_types",
	".debug_macinfo",  ".debug_macro",
};

int turf_input_open(int fd, const char *name, struct input *ret, struct turf_error *err)
{
	int r = turf_map_fd(fd, name, &ret->map, err);
	if (r < 0)
		return r;
	ret->open = true;
	if (!ret->map.bytes.size)
		return turf_fail(err, -EBADMSG, 0, "%s: empty file", name);
	r = turf_elf_open(ret->map.bytes, &ret->elf, err);
	if (r == 0)
		r = turf_elf_place(&ret->elf, &ret->addrs, err);
	if (r < 0)
		turf_error_context(err, "%s", name);
	return MIN(r, 0);
}

void turf_input_close(struct input *in)
{
	if (in->open)
		turf_unmap(&in->map);
	in->open = false;
	free(in->addrs);
	in->addrs = NULL;
}

/* The source's identity: its build-id, else the hash of its bytes. */
static int read_id(struct inputs *in, struct turf_error *err)
{
	struct span id;
	int r = turf_elf_build_id(&in->source.elf, &id, err);
	if (r < 0)
		return r;
	if (r == 1 && id.size && id.size <= sizeof(in->id)) {
		memcpy(in->id, id.at, id.size);
		in->id_size = id.size;
		return 0;
	}
	XXH128_canonical_t hash;
	XXH128_canonicalFromHash(
		&hash, XXH3_128bits(in->source.map.bytes.at, in->source.map.bytes.size));
	memcpy(in->id, hash.digest, sizeof(hash.digest));
	in->id_size = sizeof(hash.digest);
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct code_area *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

static int add_area(struct inputs *in, uint64_t start, uint64_t size, struct turf_error *err)
{
	uint64_t end;
	if (!size)
		return 0;
	if (__builtin_add_overflow(start, size, &end))
		return turf_fail(err, -EBADMSG, TURF_NOWHERE, "code at %#llx wraps around",
		                 (unsigned long long)start);
	if (in->n_code == MAX_CODE_AREAS)
		return turf_fail(err, -E2BIG, TURF_NOWHERE, "more than %d code sections",
		                 MAX_CODE_AREAS);
	in->code[in->n_code++] = (struct code_area){ start, end };
	return 0;
}

/* Sorts the areas; those that touch become one. */
static void join_areas(struct inputs *in)
{
	qsort(in->code, in->n_code, sizeof(*in->code), by_start);
	size_t n = 1;
	for (size_t i = 1; i < in->n_code; i++) {
		if (in->code[i].start <= in->code[n - 1].end)
			in->code[n - 1].end = MAX(in->code[n - 1].end, in->code[i].end);
		else
			in->code[n++] = in->code[i];
	}
	in->n_code = n;
}

/* Executable sections; of a file without section headers, executable segments. */
static int find_code(struct inputs *in, struct turf_error *err)
{
	const struct elf *elf = &in->source.elf;
	in->code = calloc(MAX_CODE_AREAS, sizeof(*in->code));
	if (!in->code)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for code areas");
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < elf->n_sections; i++) {
		struct elf_section s;
		r = turf_elf_section(elf, i, &s, err);
		if (r >= 0)
			r = s.flags & SHF_EXECINSTR && s.flags & SHF_ALLOC
			            ? add_area(in, s.addr, s.size, err)
			            : 0;
	}
	for (uint32_t i = 0; r == 0 && !in->n_code && i < elf->n_segments; i++) {
		struct elf_segment s;
		r = turf_elf_segment(elf, i, &s, err);
		if (r >= 0)
			r = s.type == PT_LOAD && s.flags & PF_X
			            ? add_area(in, s.addr, s.mem_size, err)
			            : 0;
	}
	if (r < 0)
		return r;
	if (!in->n_code)
		return 0;
	join_areas(in);
	in->base = in->code[0].start & ~(uint64_t)0xfff;
	in->end = in->code[in->n_code - 1].end;
	if (in->end - in->base > UINT32_MAX)
		return turf_fail(err, -E2BIG, TURF_NOWHERE, "code spans more than 4 GiB");
	return 0;
}

bool turf_clip_to_code(const struct inputs *in, uint64_t *start, uint64_t *end)
{
	size_t lo = 0, hi = in->n_code; /* the first area that ends behind *start */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (in->code[mid].end <= *start)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == in->n_code || in->code[lo].start >= *end)
		return false;
	*start = MAX(*start, in->code[lo].start);
	*end = MIN(*end, in->code[lo].end);
	return *start < *end;
}

/* Where each section is; nothing is inflated yet. */
static int find_sections(struct inputs *in, struct turf_error *err)
{
	const struct elf *files[] = { &in->source.elf, in->debug.open ? &in->debug.elf : NULL };
	for (size_t f = 0; f < COUNT(files) && !in->dwarf_elf; f++) {
		for (size_t i = 0; files[f] && i < N_DWARF_SECTIONS; i++) {
			int r = turf_elf_find_debug_section(files[f], section_names[i],
			                                    &in->found[i], err);
			if (r < 0)
				return r;
			in->has[i] = r == 1 && in->found[i].type != SHT_NOBITS;
			if (i == 0 && !in->has[0])
				break; /* no .debug_info here */
			in->dwarf_elf = files[f];
		}
	}
	return 0;
}

/* Whether the file says all itself, and a debug file could not say more. */
static bool is_whole(const struct elf *elf)
{
	struct elf_section s;
	struct elf_symbols symbols;
	return turf_elf_find_debug_section(elf, ".debug_info", &s, NULL) == 1 &&
	       turf_elf_symbols(elf, SHT_SYMTAB, &symbols, NULL) == 1;
}

static int open_all(int fd, const char *name, const char *folder, struct inputs *in,
                    struct turf_error *err)
{
	int r = turf_input_open(fd, name, &in->source, err);
	if (r < 0)
		return r;
	int (*const steps[])(struct inputs *, struct turf_error *) = { read_id, find_code };
	for (size_t i = 0; i < COUNT(steps); i++) {
		r = steps[i](in, err);
		if (r < 0) {
			turf_error_context(err, "%s", name);
			return r;
		}
	}
	if (!is_whole(&in->source.elf))
		r = turf_debug_find(in, fd, folder, NULL, NULL, &in->debug, in->debug_name,
		                    err);
	return r < 0 ? r : find_sections(in, err);
}

int turf_inputs_open(int fd, const char *name, const char *debug_folders, struct inputs *ret,
                     struct turf_error *err)
{
	struct inputs in = { .name = name };
	int r = open_all(fd, name, debug_folders, &in, err);
	if (r < 0) {
		turf_inputs_close(&in);
		return r;
	}
	*ret = in;
	if (in.dwarf_elf) /* the struct has moved */
		ret->dwarf_elf =
			in.dwarf_elf == &in.source.elf ? &ret->source.elf : &ret->debug.elf;
	return 0;
}

void turf_inputs_close(struct inputs *in)
{
	for (size_t i = 0; i < N_DWARF_SECTIONS; i++)
		turf_elf_data_fini(&in->data[i]);
	turf_elf_data_fini(&in->eh_frame);
	turf_elf_data_fini(&in->debug_frame);
	turf_elf_data_fini(&in->mini);
	turf_go_close(&in->golang);
	free(in->code);
	turf_input_close(&in->debug);
	turf_input_close(&in->source);
}

/* A section by name from the source, else the debug file; none: no bytes. */
static int inflate_named(struct inputs *in, const char *name, struct elf_data *ret,
                         uint64_t *addr, struct turf_error *err)
{
	const struct elf *files[] = { &in->source.elf, in->debug.open ? &in->debug.elf : NULL };
	for (size_t f = 0; f < COUNT(files); f++) {
		struct elf_section s;
		int r = files[f] ? turf_elf_find_debug_section(files[f], name, &s, err) : 0;
		if (r < 0)
			return r;
		if (r == 0 || s.type == SHT_NOBITS)
			continue;
		if (addr)
			*addr = s.addr;
		return turf_elf_data(files[f], &s, ret, err);
	}
	return 0;
}

int turf_inputs_inflate(struct inputs *in, size_t idx, struct turf_error *err)
{
	int r = 0;
	if (idx == N_DWARF_SECTIONS)
		r = inflate_named(in, ".eh_frame", &in->eh_frame, &in->eh_frame_addr, err);
	else if (idx > N_DWARF_SECTIONS)
		r = inflate_named(in, ".debug_frame", &in->debug_frame, NULL, err);
	else if (in->dwarf_elf && in->has[idx] && (idx < SECTION_LOC || !in->hot))
		r = turf_elf_data(in->dwarf_elf, &in->found[idx], &in->data[idx], err);
	if (r < 0)
		turf_error_context(err, "%s",
		                   in->dwarf_elf == &in->debug.elf ? in->debug_name : in->name);
	return r;
}

void turf_inputs_drop(struct inputs *in, size_t idx)
{
	const struct elf_data *data = &in->data[idx];
	const struct input *file = in->dwarf_elf == &in->debug.elf ? &in->debug : &in->source;
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	if (data->owned || file->map.heap) /* what is dropped does not come back */
		return;
	uintptr_t begin = ((uintptr_t)data->bytes.at + page - 1) & ~(page - 1);
	uintptr_t end = ((uintptr_t)data->bytes.at + data->bytes.size) & ~(page - 1);
	if (begin < end)
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

struct dwarf_sections turf_inputs_dwarf(const struct inputs *in)
{
	return (struct dwarf_sections){
		.info = in->data[0].bytes,
		.abbrev = in->data[1].bytes,
		.line = in->data[2].bytes,
		.str = in->data[3].bytes,
		.line_str = in->data[4].bytes,
		.str_offsets = in->data[5].bytes,
		.addr = in->data[6].bytes,
		.ranges = in->data[7].bytes,
		.rnglists = in->data[8].bytes,
		.loc = in->data[9].bytes,
		.loclists = in->data[10].bytes,
		.macinfo = in->data[12].bytes,
		.macro = in->data[13].bytes,
		.big = in->dwarf_elf && in->dwarf_elf->big,
	};
}
