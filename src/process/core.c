/* SPDX-License-Identifier: MIT */
/*
 * Core files: program headers tell what was mapped, notes all else.
 *
 * In:     an ELF file of type ET_CORE
 * Out:    segments and mapped files by address, threads in the file's order; a process in the
 *         table whose modules are known by path and build-id
 * Trust:  none; a file that ends early has the segments it has
 * Source: core(5); fs/binfmt_elf.c of Linux: fill_note_info(), fill_files_note(); struct
 *         elf_prpsinfo and siginfo of 64-bit machines; gABI chapter 5
 */
#include <elf.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "elf/elf.h"
#include "process/core.h"

/* struct elf_prpsinfo */
enum { PRPSINFO_PID = 24, PRPSINFO_NAME = 40, PRPSINFO_NAME_SIZE = 16, PRPSINFO_ARGS = 56 };
enum { PRPSINFO_ARGS_SIZE = 80, PRPSINFO_SIZE = PRPSINFO_ARGS + PRPSINFO_ARGS_SIZE };

static int no_memory(const char *name, struct turf_error *err)
{
	return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory for a core file", name);
}

static int by_start(const void *a, const void *b)
{
	/* both begin with it */
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}
static_assert(offsetof(struct core_segment, start) == 0, "");
static_assert(offsetof(struct core_file, start) == 0, "");

static int add_segment(struct turf_core *core, const struct elf *elf,
                       const struct elf_segment *s)
{
	uint64_t end, has = s->off < elf->file.size ? elf->file.size - s->off : 0;
	if (!s->mem_size)
		return 0;
	if (__builtin_add_overflow(s->addr, s->mem_size, &end))
		return -EBADMSG;
	struct core_segment *at = vec_push(&core->segments);
	if (!at)
		return -ENOMEM;
	uint64_t size = MIN(s->file_size, s->mem_size);
	core->info.missing += size - MIN(size, has);
	*at = (struct core_segment){
		.start = s->addr,
		.end = end,
		.bytes = span_part(elf->file, MIN(s->off, elf->file.size), MIN(size, has)),
		.exec = s->flags & PF_X,
	};
	return 0;
}

/* The text of a field that may fill all of its room. */
static void copy_text(char *out, size_t size, const uint8_t *at, size_t n)
{
	n = strnlen((const char *)at, MIN(n, size - 1));
	memcpy(out, at, n);
	while (n && out[n - 1] == ' ') /* the kernel writes one behind each argument */
		n--;
	out[n] = 0;
}

static void read_prpsinfo(struct turf_core *core, struct span note)
{
	if (note.size < PRPSINFO_SIZE)
		return;
	struct cursor c = cur_of(note, false);
	cur_seek(&c, PRPSINFO_PID);
	core->info.pid = (pid_t)cur_u32(&c);
	copy_text(core->name, sizeof(core->name), note.at + PRPSINFO_NAME, PRPSINFO_NAME_SIZE);
	copy_text(core->command, sizeof(core->command), note.at + PRPSINFO_ARGS,
	          PRPSINFO_ARGS_SIZE);
}

static void read_siginfo(struct turf_core *core, struct span note)
{
	struct cursor c = cur_of(note, false);
	int signal = (int)cur_u32(&c);
	cur_skip(&c, 4); /* si_errno */
	int code = (int)cur_u32(&c);
	cur_skip(&c, 4);
	uint64_t fault = cur_u64(&c);
	if (c.bad)
		return;
	core->info.signal = signal;
	core->info.code = code;
	core->info.has_fault = code > 0 && code != SI_KERNEL &&
	                       (signal == SIGSEGV || signal == SIGBUS || signal == SIGILL ||
	                        signal == SIGFPE || signal == SIGTRAP);
	core->info.fault = core->info.has_fault ? fault : 0;
}

static void read_auxv(struct turf_core *core, struct span note)
{
	struct cursor c = cur_of(note, false);
	while (cur_left(&c)) {
		uint64_t type = cur_u64(&c), value = cur_u64(&c);
		if (c.bad || type == AT_NULL)
			return;
		if (type == AT_SYSINFO_EHDR)
			core->vdso = value;
	}
}

/* A count, the page size, that many (start, end, offset in pages), then the paths. */
static int read_files(struct turf_core *core, struct span note)
{
	struct cursor c = cur_of(note, false);
	uint64_t n = cur_u64(&c), page = cur_u64(&c);
	if (c.bad || n > MAX_CORE_FILES || n > cur_left(&c) / 24)
		return -EBADMSG;
	struct cursor paths = c;
	cur_skip(&paths, 24 * n);
	if (!vec_reserve(&core->files, n))
		return -ENOMEM;
	for (uint64_t i = 0; i < n; i++) {
		struct core_file f = { .fd = -1 };
		f.start = cur_u64(&c);
		f.end = cur_u64(&c);
		bool far = __builtin_mul_overflow(cur_u64(&c), page, &f.offset);
		f.path = cur_str(&paths);
		if (paths.bad)
			return -EBADMSG;
		if (!far && f.start < f.end)
			core->files.at[core->files.n++] = f;
	}
	return 0;
}

static int add_thread(struct turf_core *core, struct span note)
{
	struct span *at = core->threads.n < MAX_CORE_THREADS ? vec_push(&core->threads) : NULL;
	if (at)
		*at = note;
	return at ? 0 : -ENOMEM;
}

static int read_note(struct turf_core *core, uint32_t type, struct span note)
{
	switch (type) {
	case NT_PRSTATUS:
		return add_thread(core, note);
	case NT_PRPSINFO:
		read_prpsinfo(core, note);
		return 0;
	case NT_SIGINFO: /* each thread has one; the first thread's is the one that ended it */
		if (core->threads.n <= 1)
			read_siginfo(core, note);
		return 0;
	case NT_AUXV:
		read_auxv(core, note);
		return 0;
	case NT_FILE:
		return read_files(core, note);
	default:
		return 0;
	}
}

static int read_notes(struct turf_core *core, const struct elf *elf,
                      const struct elf_segment *s)
{
	struct cursor c = cur_of(span_part(elf->file, s->off, s->file_size), false);
	if (s->file_size && !cur_left(&c))
		return -EBADMSG; /* cut short before anything is told */
	while (cur_left(&c)) {
		uint32_t name_size = cur_u32(&c), size = cur_u32(&c), type = cur_u32(&c);
		const uint8_t *name = cur_take(&c, align_up(name_size, 4));
		struct span note = { cur_take(&c, size), size };
		if (c.bad)
			return -EBADMSG;
		cur_skip(&c, MIN(align_up(size, 4) - size, (uint64_t)cur_left(&c)));
		int r = name_size == 5 && memcmp(name, "CORE", 5) == 0
		                ? read_note(core, type, note)
		                : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_segments(struct turf_core *core, const struct elf *elf, const char *name,
                         struct turf_error *err)
{
	for (uint32_t i = 0; i < elf->n_segments; i++) {
		struct elf_segment s;
		int r = turf_elf_segment(elf, i, &s, err);
		if (r < 0)
			return r;
		if (s.type == PT_LOAD)
			r = add_segment(core, elf, &s);
		else if (s.type == PT_NOTE)
			r = read_notes(core, elf, &s);
		if (r == -ENOMEM)
			return no_memory(name, err);
		if (r < 0)
			return turf_fail(err, r, s.off, "%s: segment %" PRIu32 " is malformed",
			                 name, i);
	}
	if (core->segments.n)
		qsort(core->segments.at, core->segments.n, sizeof(*core->segments.at),
		      by_start);
	if (core->files.n)
		qsort(core->files.at, core->files.n, sizeof(*core->files.at), by_start);
	return 0;
}

/* The segment or file of an array that covers @addr; both begin with start and end. */
static const void *find_range(const void *array, size_t n, size_t size, uint64_t addr)
{
	const uint8_t *at = array;
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const uint64_t *range = (const void *)(at + mid * size);
		if (range[0] <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	const uint64_t *range = lo ? (const void *)(at + (lo - 1) * size) : NULL;
	return range && addr < range[1] ? range : NULL;
}
static_assert(offsetof(struct core_segment, end) == 8 && offsetof(struct core_file, end) == 8,
              "");

static const struct core_segment *find_segment(const struct turf_core *core, uint64_t addr)
{
	return find_range(core->segments.at, core->segments.n, sizeof(*core->segments.at),
	                  addr);
}

static struct core_file *find_file(const struct turf_core *core, uint64_t addr)
{
	return (struct core_file *)find_range(core->files.at, core->files.n,
	                                      sizeof(*core->files.at), addr);
}

/*
 * The build-id of the ELF file whose headers are at @start, which the kernel writes into cores
 * for that. The section headers are far away: the copy has none.
 */
static int read_build_id(struct turf_core *core, uint64_t start, struct span *ret)
{
	const struct core_segment *s = find_segment(core, start);
	if (!s || s->start != start || s->bytes.size < sizeof(Elf64_Ehdr) ||
	    memcmp(s->bytes.at, ELFMAG, SELFMAG) != 0)
		return 0;
	size_t size = MIN(s->bytes.size, (size_t)MAX_HEADERS);
	scoped(freep) uint8_t *copy = malloc(size);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, s->bytes.at, size);
	memset(copy + offsetof(Elf64_Ehdr, e_shoff), 0, 8);
	memset(copy + offsetof(Elf64_Ehdr, e_shnum), 0, 4); /* and e_shstrndx */
	struct elf elf;
	struct span id;
	if (turf_elf_open((struct span){ copy, size }, &elf, NULL) < 0 ||
	    turf_elf_build_id(&elf, &id, NULL) != 1)
		return 0;
	/* where it lies in the core itself */
	*ret = span_part(s->bytes, (uint64_t)(id.at - copy), id.size);
	return 1;
}

/* The build-id of the file at each of its mappings: only the one of its headers tells it. */
static int read_build_ids(struct turf_core *core)
{
	const struct core_file *headers = NULL;
	for (size_t i = 0; i < core->files.n; i++) {
		struct core_file *f = &core->files.at[i];
		if (headers && strcmp(headers->path, f->path) != 0)
			headers = NULL;
		if (f->offset == 0 && read_build_id(core, f->start, &f->build_id) < 0)
			return -ENOMEM;
		if (f->offset == 0)
			headers = f;
		else if (headers)
			f->build_id = headers->build_id;
	}
	return 0;
}

/* One executable mapping into the table. */
static int add_map(struct turf_core *core, uint64_t start, uint64_t end)
{
	const struct core_file *f = find_file(core, start);
	struct turf_event event = {
		.kind = TURF_EVENT_MAP,
		.pid = core->process->pid,
		.tid = core->process->pid,
		.map = { .start = start, .end = end, .path = "" },
	};
	struct span id = { 0 };
	if (f) {
		event.map.offset = f->offset + (start - f->start);
		event.map.path = f->path;
		id = f->build_id;
	} else if (core->vdso && start <= core->vdso && core->vdso < end) {
		event.map.path = "[vdso]";
		if (read_build_id(core, start, &id) < 0)
			return -ENOMEM;
	}
	event.map.build_id = id.at;
	event.map.build_id_size = id.size;
	return turf_processes_event(core->process->table, &event);
}

static int add_process(struct turf_core *core, struct turf_processes *table)
{
	core->process = turf_processes_make(table, core->info.pid);
	if (!core->process)
		return -ENOMEM;
	turf_process_replace(core->process, NULL);
	core->process->memory = turf_core_memory(core);
	int r = turf_process_name(core->process, core->info.pid, core->name);
	for (size_t i = 0; r == 0 && i < core->segments.n; i++) {
		const struct core_segment *s = &core->segments.at[i];
		r = s->exec ? add_map(core, s->start, s->end) : 0;
	}
	/* gdb leaves out what no one wrote to: nothing says then whether it is code */
	for (size_t i = 0; r == 0 && i < core->files.n; i++) {
		const struct core_file *f = &core->files.at[i];
		r = find_segment(core, f->start) ? 0 : add_map(core, f->start, f->end);
	}
	return r;
}

static int read_core(struct turf_core *core, const char *name, struct turf_error *err)
{
	struct elf elf;
	int r = turf_elf_open(core->file.bytes, &elf, err);
	if (r < 0) {
		turf_error_context(err, "%s", name);
		return r;
	}
	if (elf.type != ET_CORE)
		return turf_fail(err, -EBADMSG, 0, "%s: not a core file", name);
	if (!elf.is64 || elf.big)
		return turf_fail(err, -ENOTSUP, 0,
		                 "%s: only little-endian cores of 64 bits can be read", name);
	core->machine = elf.machine;
	r = read_segments(core, &elf, name, err);
	if (r == 0 && read_build_ids(core) < 0)
		r = no_memory(name, err);
	return r;
}

int turf_core_open(struct turf_processes *table, int fd, const char *name,
                   struct turf_core **ret, struct turf_error *err)
{
	scoped(closep) int inflated = turf_core_inflate(fd, name, err);
	if (inflated < 0 && inflated != -ENOENT)
		return inflated;
	struct turf_core *core = calloc(1, sizeof(*core));
	if (!core)
		return no_memory(name, err);
	int r = turf_map_fd(inflated < 0 ? fd : inflated, name, &core->file, err);
	if (r == 0)
		r = read_core(core, name, err);
	if (r == 0 && add_process(core, table) < 0)
		r = no_memory(name, err);
	if (r < 0) {
		turf_core_close(core);
		return r;
	}
	*ret = core;
	return 0;
}

void turf_core_close(struct turf_core *core)
{
	if (!core)
		return;
	if (core->process)
		core->process->memory = (struct turf_memory){ NULL, NULL };
	for (size_t i = 0; i < core->files.n; i++)
		turf_close(core->files.at[i].fd);
	vec_fini(&core->segments);
	vec_fini(&core->files);
	vec_fini(&core->threads);
	turf_unmap(&core->file);
	free(core);
}

void turf_core_info(const struct turf_core *core, struct turf_core_info *out)
{
	struct turf_core_info info = core->info;
	info.size = out->size;
	info.name = core->name;
	info.command = core->command;
	info.machine = core->machine;
	info.n_threads = core->threads.n;
	memcpy(out, &info, MIN(out->size, sizeof(info)));
}

struct turf_process *turf_core_process(const struct turf_core *core)
{
	return core->process;
}

/* Bytes of the file that was mapped: 0, -ENODATA they cannot be had. */
static int read_file(struct core_file *f, uint64_t addr, uint8_t *out, size_t size)
{
	if (!f->asked)
		f->fd = turf_module_open_path(f->path, f->build_id);
	f->asked = true;
	if (f->fd < 0)
		return -ENODATA;
	ssize_t n = pread(f->fd, out, size, (off_t)(f->offset + (addr - f->start)));
	if (n < 0 || (!n && size))
		return -ENODATA;
	memset(out + n, 0, size - (size_t)n); /* behind the file's end, on its last page */
	return 0;
}

/* As many bytes at @addr as come from one place, at most @size: how many, or < 0. */
static ssize_t read_part(struct turf_core *core, uint64_t addr, uint8_t *out, size_t size)
{
	const struct core_segment *s = find_segment(core, addr);
	struct core_file *f = find_file(core, addr);
	uint64_t off = s ? addr - s->start : 0, left = s ? s->end - addr : 0;
	if (s && off < s->bytes.size) {
		size = (size_t)MIN((uint64_t)size, s->bytes.size - off);
		memcpy(out, s->bytes.at + off, size);
		return (ssize_t)size;
	}
	if (!f)
		return s ? -ENODATA : -EFAULT;
	left = s ? MIN(left, f->end - addr) : f->end - addr;
	size = (size_t)MIN((uint64_t)size, left);
	int r = read_file(f, addr, out, size);
	return r < 0 ? r : (ssize_t)size;
}

static int read_memory(void *ctx, uint64_t addr, void *out, size_t size)
{
	struct turf_core *core = ctx;
	uint8_t *at = out;
	while (size) {
		ssize_t n = read_part(core, addr, at, size);
		if (n < 0)
			return (int)n;
		at += n;
		addr += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

struct turf_memory turf_core_memory(struct turf_core *core)
{
	return (struct turf_memory){ read_memory, core };
}
