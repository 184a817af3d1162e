/* SPDX-License-Identifier: MIT */
/*
 * Inside a build: what the stages hand to each other. Private to the room.
 *
 *  - debugfile.c: source -> its debug file
 *  - inputs.c: source and debug file -> their sections' bytes
 *  - golang.c: Go's own tables -> DWARF, where that was stripped
 *  - related.c: further files that the DWARF lies in
 *  - symbols.c: ELF symbols -> sorted table
 *  - frames.c: CFI -> unwind rows and rules
 *  - units.c, scopes.c, scratch.c, marks.c: one unit's DWARF -> its functions, scopes, lines,
 *    segments and marks, in parallel
 *  - number.c: all units' functions -> numbers; functions.c: -> coded records
 *  - texts.c, phrases.c: names and paths -> coded texts
 *  - segments.c, ops.c: all units' segments -> coded blocks
 *  - calls.c: inlined calls' discriminators, by scope, then by address
 *  - packed.c: files and units -> packed tables
 *  - places.c: which functions have lines in a file, which blocks have code of a function
 *  - names.c: what is called something -> a hash of names
 *  - more.c: names and files of the cold part
 *  - macros.c: all units' macros -> each once, by name
 *  - types.c, types-scan.c, types-hash.c: all units' types -> each once, with a number;
 *    types-read.c, types-emit.c: -> coded records
 *  - merge.c: the order of those from functions.c on
 *  - build.c: the order of it all; output.c: the bytes of the urf
 */
#ifndef BUILD_BUILD_H
#define BUILD_BUILD_H

#include <pthread.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/le.h"
#include "base/table.h"
#include "base/vec.h"
#include "cfi/cfi.h"
#include "dwarf/dwarf.h"
#include "build/macros.h"
#include "build/more.h"
#include "build/names.h"
#include "build/pool.h"
#include "build/texts.h"
#include "build/units.h"
#include "elf/elf.h"
#include "elf/gopclntab.h"
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
	N_DWARF_SECTIONS = 14, /* see inputs.c for their names */
	SECTION_INFO = 0,
	SECTION_ABBREV = 1,
	SECTION_LINE = 2,
	SECTION_STR = 3,
	SECTION_RNGLISTS = 8,
	SECTION_LOC = 9, /* from here on not of a hot part */
	SECTION_TYPES = 11,
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
	bool hot; /* nobody asks for what the hot part does not need */
	struct elf_data eh_frame, debug_frame;
	uint64_t eh_frame_addr;
	struct elf_data
		mini; /* the ELF file in .gnu_debugdata, where symbols were read of it */
	struct go_table golang; /* where the DWARF was made of it */
};

/* One section of the urf to be: bytes of whole entries. */
struct tables {
	struct buf of[URF_N_SECTIONS];
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
	bool label;    /* it has no size of its own */
	uint32_t text; /* provisional */
};
struct syms {
	struct sym *at;
	size_t n, room;
	struct arena names; /* those that stand in no file */
};

/* Rows of .urf.files and .urf.units: provisional numbers of texts. Row 0 is none. */
struct build_file {
	uint32_t directory, name;
};
struct build_unit {
	uint32_t name, directory, producer;
	uint16_t language, version;
};

/* A further file that the DWARF lies in. */
enum { RELATED_N_SECTIONS = 13 };
struct related {
	struct input in;
	struct elf_data data[RELATED_N_SECTIONS];
	struct elf_data index; /* of a .dwp file */
};

struct builder {
	struct turf_build_options options_given;  /* filled up with defaults */
	const struct turf_build_options *options; /* these */
	int out_fd;                               /* borrowed */
	bool released;                            /* all but the tables is given back */
	int source_fd;                            /* borrowed */
	struct inputs in;
	struct related supplement, package;
	struct {
		struct related *at;
		size_t n, room;
	} splits; /* .dwo files */
	struct dwarf dwarf;
	bool has_dwarf;
	size_t *order;                /* in which units are read */
	size_t *groups, n_groups;     /* where in order those begin that are read in one go;
	                                 and the end */
	struct unit_out *units;       /* one for each of dwarf.units */
	struct unit_scratch *scratch; /* that no thread uses */
	pthread_mutex_t lock;         /* over scratch and the telling of notes */
	struct functions *merged;
	struct types *types; /* NULL: not asked for */
	struct cold *cold;   /* functions' details and bodies; NULL: not asked for */
	struct syms syms;
	struct texts texts;
	struct arena texts_made; /* those that stand in no file */
	UNIT_LIST(struct build_file) files;
	UNIT_LIST(struct build_unit) unit_rows;
	uint32_t n_functions;
	struct names names;
	struct macros macros;
	struct more more; /* texts and files of the cold part */
	uint32_t n_types, n_variables;
	struct tables tables;
	struct urf_packed packed[URF_N_PACKED];
	struct urf_head head; /* turf_build_head() */
	const char *name;     /* of the source, for messages */
	struct pool pool;
	uint32_t flags; /* enum urf_flag */
};

/* debugfile.c: the next of the folders that @list has, and @list goes on; false: no further
 * one.
 * ':' is between them. */
#define TURF_DEBUG_FOLDER "/usr/lib/debug"
bool turf_debug_folder(const char **list, char out[DEBUG_PATH_MAX]);
/* told of each path looked for; @fd: -1 when no file is there */
typedef void (*debug_path_fn)(void *ctx, const char *path, int fd);
/* Finds and opens the debug file of in->source, which @fd is of: 1, 0 there is none, < 0. */
int turf_debug_find(const struct inputs *in, int fd, const char *folders, debug_path_fn emit,
                    void *ctx, struct input *ret, char ret_name[DEBUG_PATH_MAX],
                    struct turf_error *err);
/* Tells the paths alone, as the same search goes through them. 0 or < 0. */
int turf_debug_paths(int fd, const char *name, const char *folders, debug_path_fn emit,
                     void *ctx, struct turf_error *err);

/* inputs.c */
int turf_inputs_open(int fd, const char *name, const char *debug_folders, struct inputs *ret,
                     struct turf_error *err);
void turf_inputs_close(struct inputs *in);
int turf_input_open(int fd, const char *name, struct input *ret, struct turf_error *err);
void turf_input_close(struct input *in); /* of one that is not open: nothing */
/* Inflates the @idx-th of N_DWARF_SECTIONS, and .eh_frame, .debug_frame behind them. */
int turf_inputs_inflate(struct inputs *in, size_t idx, struct turf_error *err);
enum { N_INFLATES = N_DWARF_SECTIONS + 2 };
/* Section @idx is not read again, most likely: its pages need not be mapped. To unmap all at
 * the end, when nothing else is left to do, takes longer. */
void turf_inputs_drop(struct inputs *in, size_t idx);
struct dwarf_sections turf_inputs_dwarf(const struct inputs *in);

/* related.c */
/* Opens what the DWARF needs besides its own file and adds it to b->dwarf. What is missing is
 * told and left out. 0 or -ENOMEM. */
int turf_related_open(struct builder *b, struct turf_error *err);
void turf_related_close(struct builder *b);
/* Names all places where these files are looked for. 0 or -ENOMEM. */
int turf_related_inputs(int source_fd, const char *name, const char *debug_folders,
                        void (*emit)(void *emit_ctx, const char *path, int fd), void *emit_ctx);

/* symbols.c: sorted, best first at each address; sizes filled in, names among the texts. */
int turf_build_symbols(struct builder *b, struct turf_error *err);
/* Once texts are numbered. */
int turf_emit_symbols(struct builder *b);
/* The best symbol that starts at @addr and whether one of them is called @name; NULL: none. */
const struct sym *turf_symbol_at(const struct syms *syms, uint64_t addr, const char *name,
                                 bool *has_name);

/* golang.c: what is malformed is told and left out. 0 or -ENOMEM. */
int turf_build_golang(struct builder *b, struct turf_error *err);

/* frames.c */
int turf_build_frames(struct builder *b, struct turf_error *err);

/* functions.c, segments.c, packed.c, calls.c: 0, -ENOMEM or -E2BIG */
int turf_functions_begin(struct builder *b);
/* Those units are read; any thread. */
void turf_functions_units(struct builder *b, const size_t *units, size_t n);
void turf_functions_free(struct functions *f);
int turf_emit_packed(struct builder *b);
struct unit_start {
	uint32_t start, unit;
};
int turf_emit_unit_starts(struct builder *b, const struct unit_start *starts, size_t n);
int turf_emit_more_files(struct builder *b); /* the packed table alone: turf_emit_more() */
int turf_emit_places(struct builder *b);     /* once functions and blocks are numbered */
/* Of stretches that cover all code, in order of address. */
int turf_emit_calls(struct builder *b, const struct stretch *list, size_t n);

/* segments.c: listed; some of them planned and counted; all of them coded. 0 or < 0. */
struct segments;
int turf_segments_begin(struct builder *b, struct segments **ret); /* free it in any case */
size_t turf_segments_counted(const struct segments *s);
int turf_segments_count(struct segments *s, size_t idx, struct turf_error *err);
int turf_segments_choose(struct segments *s);
size_t turf_segments_chunks(const struct segments *s);
int turf_segments_code(struct segments *s, size_t idx, struct turf_error *err);
int turf_segments_join(struct segments *s);
int turf_segments_calls(const struct segments *s); /* turf_emit_calls() */
void turf_segments_free(struct segments *s);

/* marks.c: once the segments are coded. 0 or < 0 */
int turf_emit_marks(struct builder *b, struct turf_error *err);

/* merge.c: all of that in its order. 0 or < 0 */
int turf_build_merge(struct builder *b, struct turf_error *err);

/* The provisional number of a text that lives as long as @b. 0, -ENOMEM or -E2BIG. */
int turf_build_text(struct builder *b, const char *text, uint32_t *ret);

/* bodies.c, in this order: the first needs types' numbers, the last those of texts. 0, -ENOMEM
 * or -E2BIG. */
int turf_build_bodies(struct builder *b, struct turf_error *err);
int turf_intern_bodies(struct builder *b);
int turf_emit_bodies(struct builder *b, struct turf_error *err);
void turf_bodies_free(struct cold *c);

/* output.c */
/* All that the file needs but the tables; then the file, of these alone. */
void turf_build_head(struct builder *b);
int turf_build_write(const struct builder *b, int fd, struct turf_error *err);

/* True, and the part of [*start, *end) that is code; false: none of it is. */
bool turf_clip_to_code(const struct inputs *in, uint64_t *start, uint64_t *end);

void turf_build_note(struct builder *b, enum turf_level level, const char *fmt, ...)
	TURF_PRINTF(3, 4);

#endif
