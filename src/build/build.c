/* SPDX-License-Identifier: MIT */
/*
 * One ELF file and its debug file -> one debug urf.
 *
 *   inputs -> inflate sections (in parallel) -> symbols -> unwind rows -> units (in parallel)
 *          -> merge -> lay out -> write
 *
 * Only what is done in parallel may run in any order, and nothing of it is seen by the next
 * before all of it is done: the same source gives the same bytes.
 */
#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "build/build.h"
#include "config.h"
#include "elf/write.h"

void turf_build_note(const struct builder *b, enum turf_level level, const char *fmt, ...)
{
	if (!b->options->note)
		return;
	char text[512];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	b->options->note(b->options->ctx, level, text);
}

/* Progress of one parallel stage. */
struct stage {
	struct builder *b;
	const char *name;
	uint64_t total, done;
	pthread_mutex_t lock;
	int (*task)(struct builder *b, size_t idx, struct turf_error *err);
};

static int stage_task(void *ctx, size_t idx, struct turf_error *err)
{
	struct stage *s = ctx;
	int r = s->task(s->b, idx, err);
	if (r < 0 || !s->b->options->progress)
		return r;
	pthread_mutex_lock(&s->lock);
	s->done++;
	r = s->b->options->progress(s->b->options->ctx, s->name, s->done, s->total);
	pthread_mutex_unlock(&s->lock);
	return r ? turf_fail(err, -ECANCELED, TURF_NOWHERE, "%s: stopped", s->b->in.name) : 0;
}

static int run_stage(struct builder *b, const char *name, size_t n,
                     int (*task)(struct builder *b, size_t idx, struct turf_error *err),
                     struct turf_error *err)
{
	struct stage s = { .b = b, .name = name, .total = n, .task = task };
	pthread_mutex_init(&s.lock, NULL);
	int r = turf_pool_run(b->threads, n, stage_task, &s, err);
	pthread_mutex_destroy(&s.lock);
	return r;
}

static int inflate(struct builder *b, size_t idx, struct turf_error *err)
{
	return turf_inputs_inflate(&b->in, idx, err);
}

/* Names the units that could not be read, in order; the others are served. */
static void note_bad_units(const struct builder *b)
{
	const char *file = b->in.dwarf_elf == &b->in.debug.elf ? b->in.debug_name : b->in.name;
	for (size_t i = 0; i < b->dwarf.n_units; i++) {
		const struct dwarf_unit *u = &b->dwarf.units[i];
		const struct unit_out *out = &b->units[i];
		if (u->error < 0 || out->error < 0)
			turf_build_note(b, TURF_WARNING,
			                "%s: unit at .debug_info+%#llx (%s): %s: left out",
			                file, (unsigned long long)u->off,
			                u->name ? u->name : "?",
			                u->error < 0 ? u->error_text : out->why.text);
	}
}

static int read_dwarf(struct builder *b, struct turf_error *err)
{
	if (!b->in.dwarf_elf)
		return 0;
	struct dwarf_sections sections = turf_inputs_dwarf(&b->in);
	int r = turf_dwarf_open(&sections, &b->dwarf, err);
	if (r < 0)
		return r;
	b->has_dwarf = true;
	r = turf_related_open(b, err);
	if (r < 0)
		return r;
	b->units = calloc(MAX(b->dwarf.n_units, (size_t)1), sizeof(*b->units));
	if (!b->units)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory for units",
		                 b->in.name);
	r = run_stage(b, "units", b->dwarf.n_units, turf_build_unit, err);
	if (r == 0)
		note_bad_units(b);
	return r;
}

static int emit_loads(struct builder *b, struct turf_error *err)
{
	const struct elf *elf = &b->in.source.elf;
	for (uint32_t i = 0; i < elf->n_segments; i++) {
		struct elf_segment s;
		int r = turf_elf_segment(elf, i, &s, err);
		if (r < 0)
			return r;
		if (s.type != PT_LOAD)
			continue;
		struct urf_load load = { le64_of(s.off),       le64_of(s.addr),
			                 le64_of(s.file_size), le64_of(s.mem_size),
			                 le32_of(s.flags),     le32_of(0) };
		if (table_put(&b->tables, URF_LOADS, &load, sizeof(load)) < 0)
			return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory",
			                 b->in.name);
	}
	return 0;
}

/* The urf's build-id: 16 bytes that anyone can compute from the source's identity. */
static void make_build_id(const struct inputs *in, uint8_t out[16])
{
	uint8_t text[8 + SOURCE_ID_MAX] =
		"turf\0\0\0\1"; /* kind and version of what is named */
	text[5] = URF_DEBUG;
	text[7] = URF_VERSION;
	memcpy(text + 8, in->id, in->id_size);
	XXH128_canonical_t hash;
	XXH128_canonicalFromHash(&hash, XXH3_128bits(text, 8 + in->id_size));
	memcpy(out, hash.digest, 16);
}

static struct urf_head make_head(const struct builder *b)
{
	struct urf_head head = {
		.version = le16_of(URF_VERSION),
		.head_size = le16_of(sizeof(head)),
		.kind = le16_of(URF_DEBUG),
		.machine = le16_of(b->in.source.elf.machine),
		.base = le64_of(b->in.base),
		.end = le64_of(b->in.end),
		.flags = le32_of(b->flags),
		.n_sections = le32_of(URF_N_SECTIONS),
		.source_id_size = (uint8_t)b->in.id_size,
	};
	memcpy(head.magic, URF_MAGIC, sizeof(head.magic));
	memcpy(head.layout, URF_LAYOUT, sizeof(head.layout));
	memcpy(head.source_id, b->in.id, b->in.id_size);
	make_build_id(&b->in, head.build_id);
	return head;
}

/* An ELF note: sizes, type, owner, content, each padded to four bytes. */
static bool put_note(struct buf *out, const char *owner, uint32_t type, const void *content,
                     size_t size)
{
	static const uint8_t zero[4];
	size_t owner_size = strlen(owner) + 1;
	le32 head[3] = { le32_of(owner_size), le32_of(size), le32_of(type) };
	return turf_buf_put(out, head, sizeof(head)) && turf_buf_put(out, owner, owner_size) &&
	       turf_buf_put(out, zero, -owner_size & 3) && turf_buf_put(out, content, size) &&
	       turf_buf_put(out, zero, -size & 3);
}

static const struct {
	const char *name;
	uint32_t entry_size;
} sections[URF_N_SECTIONS] = {
	[URF_BLOCKS] = { ".urf.blocks", sizeof(struct urf_block) },
	[URF_RANGES] = { ".urf.ranges", sizeof(struct urf_range) },
	[URF_PAGES] = { ".urf.pages", sizeof(le32) },
	[URF_SYMBOLS] = { ".urf.symbols", sizeof(struct urf_symbol) },
	[URF_LOADS] = { ".urf.loads", sizeof(struct urf_load) },
	[URF_SEGMENTS] = { ".urf.segments", 0 },
	[URF_SCOPES] = { ".urf.scopes", sizeof(struct urf_scope) },
	[URF_FUNCTIONS] = { ".urf.functions", sizeof(struct urf_function) },
	[URF_FILES] = { ".urf.files", sizeof(struct urf_file) },
	[URF_UNITS] = { ".urf.units", sizeof(struct urf_unit) },
	[URF_ROWS] = { ".urf.rows", sizeof(struct urf_row) },
	[URF_RULES] = { ".urf.rules", sizeof(struct urf_rule) },
	[URF_SAVED] = { ".urf.saved", sizeof(struct urf_saved) },
	[URF_FAR_RULES] = { ".urf.far", sizeof(struct urf_far) },
	[URF_EXPRS] = { ".urf.exprs", 0 },
	[URF_STRINGS] = { ".urf.strings", 0 },
};

enum { N_BEFORE = 3 }; /* two notes and the head come before the tables */

static void lay_out(struct builder *b, struct elf_out *out, struct urf_head *head,
                    const struct buf notes[2])
{
	*out = (struct elf_out){ .machine = b->in.source.elf.machine };
	out->section[0] = (struct elf_out_section){ .name = ".note.gnu.build-id",
		                                    .type = SHT_NOTE,
		                                    .align = 4,
		                                    .bytes = { notes[0].at, notes[0].n } };
	out->section[1] = (struct elf_out_section){ .name = ".note.turf",
		                                    .type = SHT_NOTE,
		                                    .align = 4,
		                                    .bytes = { notes[1].at, notes[1].n } };
	out->section[2] =
		(struct elf_out_section){ .name = ".urf.head",
		                          .type = SHT_PROGBITS,
		                          .align = 8,
		                          .bytes = { (uint8_t *)head, sizeof(*head) } };
	b->tables.of[URF_STRINGS] = b->tables.strings.bytes;
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		out->section[N_BEFORE + i] = (struct elf_out_section){
			.name = sections[i].name,
			.type = SHT_PROGBITS,
			.align = 8,
			.entry_size = sections[i].entry_size,
			.bytes = { b->tables.of[i].at, b->tables.of[i].n },
		};
	b->tables.of[URF_STRINGS] = (struct buf){ 0 }; /* strings keep their own */
	out->n_sections = N_BEFORE + URF_N_SECTIONS;
}

/* Writes the file through a mapping, its room reserved first: a full disk is told, not felt. */
static int write_out(const struct elf_out *out, int fd, struct turf_error *err)
{
	int r = -posix_fallocate(fd, 0, (off_t)out->size);
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "cannot write the urf: %s",
		                 strerror(-r));
	uint8_t *at = mmap(NULL, (size_t)out->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return turf_fail(err, -errno, TURF_NOWHERE, "cannot map the urf: %s",
		                 strerror(errno));
	turf_elf_emit(out, at);
	/* the hash is over the file with its own field zero, as it still is */
	struct urf_head *head = (struct urf_head *)(at + out->section[2].off);
	XXH128_canonical_t hash;
	XXH128_canonicalFromHash(&hash, XXH3_128bits(at, (size_t)out->size));
	memcpy(head->content, hash.digest, sizeof(head->content));
	munmap(at, (size_t)out->size);
	return 0;
}

static int write_urf(struct builder *b, int fd, struct turf_error *err)
{
	struct urf_head head = make_head(b);
	struct urf_note turf = { .kind = head.kind,
		                 .version = head.version,
		                 .source_id_size = le32_of(b->in.id_size) };
	memcpy(turf.source_id, head.source_id, sizeof(turf.source_id));
	memcpy(turf.layout, head.layout, sizeof(turf.layout));
	struct buf notes[2] = { 0 };
	int r = -ENOMEM;
	uint32_t empty;
	if (put_note(&notes[0], "GNU", NT_GNU_BUILD_ID, head.build_id, sizeof(head.build_id)) &&
	    put_note(&notes[1], "TURF", URF_NOTE_TYPE, &turf, sizeof(turf)))
		r = turf_strings_add(&b->tables.strings, NULL, &empty);
	struct elf_out out;
	if (r == 0) {
		lay_out(b, &out, &head, notes);
		r = turf_elf_layout(&out);
	}
	if (r < 0) {
		turf_error_set(err, r, TURF_NOWHERE, "cannot lay out the urf: %s",
		               strerror(-r));
	} else {
		head.size = le64_of(out.size);
		for (size_t i = 0; i < URF_N_SECTIONS; i++)
			head.sections[i] = (struct urf_section){
				le64_of(out.section[N_BEFORE + i].off),
				le64_of(out.section[N_BEFORE + i].bytes.size),
			};
		r = write_out(&out, fd, err);
	}
	turf_error_context(err, "%s", b->in.name);
	vec_fini(&notes[0]);
	vec_fini(&notes[1]);
	return r;
}

static int build(struct builder *b, int out_fd, struct turf_error *err)
{
	int r = run_stage(b, "sections", N_INFLATES, inflate, err);
	if (b->in.debug.open)
		b->flags |= URF_HAS_DEBUG_FILE;
	if (r == 0)
		r = turf_build_symbols(b, err);
	if (r == 0 && b->in.n_code)
		r = turf_build_frames(b, err);
	if (r == 0)
		r = read_dwarf(b, err);
	if (r == 0)
		r = turf_build_merge(b, err);
	if (r == 0)
		r = turf_emit_symbols(b, err);
	if (r == 0)
		r = emit_loads(b, err);
	return r < 0 ? r : write_urf(b, out_fd, err);
}

static void builder_fini(struct builder *b)
{
	for (size_t i = 0; b->units && i < b->dwarf.n_units; i++)
		turf_unit_out_fini(&b->units[i]);
	free(b->units);
	if (b->has_dwarf)
		turf_dwarf_close(&b->dwarf);
	vec_fini(&b->syms);
	turf_arena_fini(&b->syms.names);
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		vec_fini(&b->tables.of[i]);
	turf_strings_fini(&b->tables.strings);
	turf_related_close(b);
	turf_inputs_close(&b->in);
}

int turf_build(int source_fd, const char *name, int out_fd,
               const struct turf_build_options *options, struct turf_error *err)
{
	static const struct turf_build_options defaults = { .size = sizeof(defaults) };
	scoped(freep) struct builder *b = calloc(1, sizeof(*b));
	if (!b)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory", name);
	b->options = options ? options : &defaults;
	b->source_fd = source_fd;
	b->threads = b->options->threads;
	if (!b->threads)
		b->threads = (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1L);
	int r = turf_inputs_open(source_fd, name, b->options->debug_folder, &b->in, err);
	if (r < 0)
		return r;
	r = build(b, out_fd, err);
	builder_fini(b);
	return r;
}

static int builder_inputs(void *ctx, int source_fd, const char *name,
                          void (*emit)(void *emit_ctx, const char *path, int fd),
                          void *emit_ctx, struct turf_error *err)
{
	const struct turf_build_options *options = ctx;
	const char *folder = options ? options->debug_folder : NULL;
	int r = turf_debug_paths(source_fd, name, folder, emit, emit_ctx, err);
	return r < 0 ? r : turf_related_inputs(source_fd, name, folder, emit, emit_ctx);
}

static int builder_build(void *ctx, int source_fd, const char *name, int out_fd,
                         struct turf_error *err)
{
	return turf_build(source_fd, name, out_fd, ctx, err);
}

struct turf_builder turf_debug_builder(const struct turf_build_options *options)
{
	/* of the options only the folder changes what is built; the revision changes with what
	 * is looked for and what is made of it, the layout string with the format */
	static const char revision[] = URF_LAYOUT " 8";
	static const uint8_t parts[] = { HAVE_ZSTD, HAVE_LZMA };
	uint64_t seed = XXH3_64bits_withSeed(parts, sizeof(parts),
	                                     XXH3_64bits(revision, sizeof(revision)));
	const char *folder = options && options->debug_folder ? options->debug_folder : "";
	return (struct turf_builder){
		.ctx = (void *)options,
		.inputs = builder_inputs,
		.build = builder_build,
		.id = XXH3_64bits_withSeed(folder, strlen(folder), seed),
	};
}
