/* SPDX-License-Identifier: MIT */
/*
 * Inside a build: what the stages hand to each other. Private to the room.
 *
 *   debugfile.c  source              -> its debug file
 *   inputs.c   source and debug file -> their sections' bytes
 *   related.c  further files that the DWARF lies in
 *   symbols.c  ELF symbols           -> sorted table
 *   frames.c   CFI                   -> unwind rows and rules
 *   units.c    one unit's DWARF      -> its scopes and segments (in parallel)
 *   merge.c    all units             -> scopes, functions, files, ranges, coded segments
 *   build.c    the order of it all, and the bytes of the urf
 */
#ifndef BUILD_BUILD_H
#define BUILD_BUILD_H

#include "base/arena.h"
#include "base/file.h"
#include "base/le.h"
#include "base/table.h"
#include "base/vec.h"
#include "cfi/cfi.h"
#include "dwarf/dwarf.h"
#include "elf/elf.h"
#include "turf/build.h"

/* One ELF file, mapped. */
struct input {
	struct mapping map;
	struct elf elf;
	uint64_t *addrs; /* of the sections of a relocatable object, else NULL */
	bool open;
};

/* Where code lies: link-time addresses of the executable sections, sorted. */
struct code_area {
	uint64_t start, end;
};

enum {
	MAX_CODE_AREAS = 4096,
	N_DWARF_SECTIONS = 9,
	SOURCE_ID_MAX = 32,
	DEBUG_PATH_MAX = 4096 /* PATH_MAX: no longer path can be opened */
};

struct inputs {
	const char *name;                /* of the source, for messages */
	char debug_name[DEBUG_PATH_MAX]; /* path of the debug file; "" when there is none */
	struct input source, debug;
	uint8_t id[SOURCE_ID_MAX]; /* build-id of the source, else the hash of its bytes */
	size_t id_size;
	struct code_area *code;
	size_t n_code;
	uint64_t base, end; /* of the code, base cut down to a page */
	/* inflated sections of the file that has the DWARF; see turf_build_sections() */
	struct elf_section found[N_DWARF_SECTIONS];
	struct elf_data data[N_DWARF_SECTIONS];
	bool has[N_DWARF_SECTIONS];
	const struct elf *dwarf_elf;
	struct elf_data eh_frame, debug_frame;
	uint64_t eh_frame_addr;
	struct elf_data
		mini; /* the ELF file in .gnu_debugdata, where symbols were read of it */
};

/* Strings once: each different string has one offset; offset 0 is "". */
struct strings {
	struct buf bytes;
	struct {
		uint32_t *at; /* offset of each */
		size_t n, room;
	} offs;
	struct table known; /* indexes of offs */
};

/* Its offset in @ret; -ENOMEM, or -E2BIG past 4 GiB. NULL is "". */
int turf_strings_add(struct strings *s, const char *text, uint32_t *ret);
void turf_strings_fini(struct strings *s);

/* One section of the urf to be: bytes of whole entries. */
struct tables {
	struct buf of[URF_N_SECTIONS];
	struct strings strings;
};

/* All @size bytes of @record behind what the table holds; 0 or -ENOMEM. */
static inline int table_put(struct tables *t, enum urf_section_kind kind, const void *record,
                            size_t size)
{
	return turf_buf_put(&t->of[kind], record, size) ? 0 : -ENOMEM;
}

/* A symbol while the table is made. */
struct sym {
	uint64_t start, size;
	const char *name;
	uint8_t type, bind;
	uint16_t section;
	bool label; /* it has no size of its own */
};
struct syms {
	struct sym *at;
	size_t n, room;
	struct arena names; /* those that stand in no file */
};

/* A scope of one unit. Indexes are into the same unit_out. */
struct unit_scope {
	uint64_t die;       /* offset; ascending, as scopes come in preorder */
	uint32_t parent;    /* index + 1; 0: a function */
	uint32_t function;  /* index in functions */
	uint32_t call_file; /* the unit's file index + 1; 0: none */
	uint32_t call_line, call_column;
	uint64_t entry;
	uint32_t global; /* its index in the urf; 0: it has no code left */
	bool used;
};

struct unit_function {
	uint64_t die; /* whose names these are: the function's own, an inlined one's origin */
	uint64_t origin; /* DIE offset, the same for all instances in all units */
	struct dwarf_names names;
};

struct unit_range {
	uint64_t start, end;
	uint32_t scope;
};

struct unit_segment {
	uint64_t start, end;
	uint32_t scope; /* index + 1; 0: none */
	uint32_t file;  /* the unit's file index + 1; 0: none */
	uint32_t line, column;
};

struct unit_file {
	const char *comp_dir, *directory, *name;
	uint32_t global; /* 0: not used yet */
};

/* What units.c makes of one unit. */
struct unit_out {
	struct {
		struct unit_scope *at;
		size_t n, room;
	} scopes;
	struct {
		struct unit_function *at;
		size_t n, room;
	} functions;
	struct {
		struct unit_range *at;
		size_t n, room;
	} ranges;
	struct {
		struct unit_segment *at;
		size_t n, room;
	} segments;
	struct {
		struct unit_file *at;
		size_t n, room;
	} files;
	int error; /* this unit's DWARF is malformed: what was read before it is kept */
	struct turf_error why;
};

void turf_unit_out_fini(struct unit_out *out);

/* A further file that the DWARF lies in. */
enum { RELATED_N_SECTIONS = 9 };
struct related {
	struct input in;
	struct elf_data data[RELATED_N_SECTIONS];
	struct elf_data index; /* of a .dwp file */
};

struct builder {
	const struct turf_build_options *options;
	int source_fd; /* borrowed */
	struct inputs in;
	struct related supplement, package;
	struct {
		struct related *at;
		size_t n, room;
	} splits; /* .dwo files */
	struct dwarf dwarf;
	bool has_dwarf;
	struct unit_out *units; /* one for each of dwarf.units */
	struct syms syms;
	struct tables tables;
	unsigned threads;
	uint32_t flags; /* enum urf_flag */
};

/* debugfile.c: told of each path looked for; @fd: -1 when no file is there */
typedef void (*debug_path_fn)(void *ctx, const char *path, int fd);
/* Finds and opens the debug file of in->source, which @fd is of: 1, 0 there is none, < 0. */
int turf_debug_find(const struct inputs *in, int fd, const char *folder, debug_path_fn emit,
                    void *ctx, struct input *ret, char ret_name[DEBUG_PATH_MAX],
                    struct turf_error *err);
/* Tells the paths alone, as the same search goes through them. 0 or < 0. */
int turf_debug_paths(int fd, const char *name, const char *folder, debug_path_fn emit,
                     void *ctx, struct turf_error *err);

/* inputs.c */
int turf_inputs_open(int fd, const char *name, const char *debug_folder, struct inputs *ret,
                     struct turf_error *err);
void turf_inputs_close(struct inputs *in);
int turf_input_open(int fd, const char *name, struct input *ret, struct turf_error *err);
void turf_input_close(struct input *in); /* of one that is not open: nothing */
/* Inflates the @idx-th of N_DWARF_SECTIONS, and .eh_frame, .debug_frame behind them. */
int turf_inputs_inflate(struct inputs *in, size_t idx, struct turf_error *err);
enum { N_INFLATES = N_DWARF_SECTIONS + 2 };
struct dwarf_sections turf_inputs_dwarf(const struct inputs *in);

/* related.c */
/* Opens what the DWARF needs besides its own file and adds it to b->dwarf. What is missing is
 * told and left out. 0 or -ENOMEM. */
int turf_related_open(struct builder *b, struct turf_error *err);
void turf_related_close(struct builder *b);
/* Names all places where these files are looked for. 0 or -ENOMEM. */
int turf_related_inputs(int source_fd, const char *name, const char *debug_folder,
                        void (*emit)(void *emit_ctx, const char *path, int fd), void *emit_ctx);

/* Runs @task for 0 .. @n - 1 on @threads threads; the error of the lowest failing index. */
int turf_pool_run(unsigned threads, size_t n,
                  int (*task)(void *ctx, size_t idx, struct turf_error *err), void *ctx,
                  struct turf_error *err);

/* symbols.c: sorted, best first at each address; sizes filled in. */
int turf_build_symbols(struct builder *b, struct turf_error *err);
int turf_emit_symbols(struct builder *b, struct turf_error *err);
/* The best symbol that starts at @addr and whether one of them is called @name; NULL: none. */
const struct sym *turf_symbol_at(const struct syms *syms, uint64_t addr, const char *name,
                                 bool *has_name);

/* frames.c */
int turf_build_frames(struct builder *b, struct turf_error *err);

/* units.c */
int turf_build_unit(struct builder *b, size_t idx, struct turf_error *err);

/* merge.c */
int turf_build_merge(struct builder *b, struct turf_error *err);

/* True, and the part of [*start, *end) that is code; false: none of it is. */
bool turf_clip_to_code(const struct inputs *in, uint64_t *start, uint64_t *end);

void turf_build_note(const struct builder *b, enum turf_level level, const char *fmt, ...)
	TURF_PRINTF(3, 4);

#endif
