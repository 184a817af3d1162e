/* SPDX-License-Identifier: MIT */
/* The tables of an urf -> its file: of one that is built, or of one that is stripped. */
#include <elf.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>

#include "build/build.h"
#include "elf/write.h"
#include "image/image.h"

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
		.n_functions = le32_of(b->n_functions),
		.n_texts = le32_of(b->texts.all.n),
		.n_symbols = le32_of(b->syms.n),
		.n_more_texts = le32_of(b->more.texts.all.n),
		.n_types = le32_of(b->n_types),
		.n_variables = le32_of(b->n_variables),
	};
	memcpy(head.magic, URF_MAGIC, sizeof(head.magic));
	memcpy(head.layout, URF_LAYOUT, sizeof(head.layout));
	memcpy(head.packed, b->packed, sizeof(head.packed));
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
	[URF_TOPS] = { ".urf.tops", sizeof(le32) },
	[URF_BLOCKS] = { ".urf.blocks", sizeof(struct urf_block) },
	[URF_OPS] = { ".urf.ops", sizeof(struct urf_op) },
	[URF_INDEX] = { ".urf.index", 0 },
	[URF_SEGMENTS] = { ".urf.segments", 0 },
	[URF_FUNCTIONS] = { ".urf.functions", 0 },
	[URF_FILES] = { ".urf.files", 0 },
	[URF_TEXT_INDEX] = { ".urf.text.index", sizeof(le32) },
	[URF_PHRASES] = { ".urf.phrases", sizeof(le32) },
	[URF_PHRASE_TEXT] = { ".urf.phrase.text", 0 },
	[URF_TEXTS] = { ".urf.texts", 0 },
	[URF_SYMBOLS] = { ".urf.symbols", sizeof(struct urf_symbols) },
	[URF_SYMBOL_DATA] = { ".urf.symbol.data", 0 },
	[URF_LOADS] = { ".urf.loads", sizeof(struct urf_load) },
	[URF_UNITS] = { ".urf.units", 0 },
	[URF_UNIT_STARTS] = { ".urf.unit.starts", 0 },
	[URF_PAGES] = { ".urf.pages", sizeof(le32) },
	[URF_ROWS] = { ".urf.rows", sizeof(struct urf_row) },
	[URF_STEPS] = { ".urf.steps", sizeof(struct urf_step) },
	[URF_FAR_STEPS] = { ".urf.far", sizeof(struct urf_far) },
	[URF_RULES] = { ".urf.rules", sizeof(struct urf_rule) },
	[URF_SAVED] = { ".urf.saved", sizeof(struct urf_saved) },
	[URF_EXPRS] = { ".urf.exprs", 0 },
	[URF_SETS] = { ".urf.sets", sizeof(le32) },
	[URF_KEPT_INDEX] = { ".urf.kept.index", sizeof(le32) },
	[URF_KEPT] = { ".urf.kept", 0 },
	[URF_MARKS] = { ".urf.marks", sizeof(struct urf_marks) },
	[URF_MARK_DATA] = { ".urf.mark.data", 0 },
	[URF_CALLS] = { ".urf.calls", sizeof(struct urf_calls) },
	[URF_CALL_DATA] = { ".urf.call.data", 0 },
	[URF_MORE_INDEX] = { ".urf.more.index", 4 },
	[URF_MORE_PHRASES] = { ".urf.more.phrases", 4 },
	[URF_MORE_PHRASE_TEXT] = { ".urf.more.phrase.text", 0 },
	[URF_MORE_TEXTS] = { ".urf.more.texts", 0 },
	[URF_MORE_FILES] = { ".urf.more.files", 0 },
	[URF_TYPE_INDEX] = { ".urf.type.index", 4 },
	[URF_TYPES] = { ".urf.types", 0 },
	[URF_DETAIL_INDEX] = { ".urf.detail.index", 4 },
	[URF_DETAIL_PAIRS] = { ".urf.detail.pairs", 0 },
	[URF_DETAILS] = { ".urf.details", 0 },
	[URF_BODIES] = { ".urf.bodies", 8 },
	[URF_BODY_DATA] = { ".urf.body.data", 0 },
	[URF_LOCATION_INDEX] = { ".urf.location.index", 4 },
	[URF_LOCATIONS] = { ".urf.locations", 0 },
	[URF_MODELS] = { ".urf.models", 0 },
	[URF_VARIABLE_INDEX] = { ".urf.variable.index", 4 },
	[URF_VARIABLES] = { ".urf.variables", 0 },
	[URF_NAME_INDEX] = { ".urf.name.index", 4 },
	[URF_NAMES] = { ".urf.names", 0 },
	[URF_PLACE_INDEX] = { ".urf.place.index", 4 },
	[URF_PLACES] = { ".urf.places", 0 },
	[URF_MACROS] = { ".urf.macros", 0 },
};

/* What a file is made of. */
struct output {
	struct urf_head head; /* but for what depends on the layout */
	struct span tables[URF_N_SECTIONS];
};

enum { N_BEFORE = 3 }; /* two notes and the head come before the tables */

static void lay_out(const struct output *o, struct elf_out *out, const struct buf notes[2])
{
	static const char *const names[] = { ".note.gnu.build-id", ".note.turf" };
	*out = (struct elf_out){ .machine = le16_get(o->head.machine) };
	for (size_t i = 0; i < COUNT(names); i++)
		out->section[i] = (struct elf_out_section){
			.name = names[i],
			.type = SHT_NOTE,
			.align = 4,
			.bytes = { notes[i].at, notes[i].n },
		};
	out->section[2] = (struct elf_out_section){
		.name = ".urf.head",
		.type = SHT_PROGBITS,
		.align = 8,
		.bytes = { (const uint8_t *)&o->head, sizeof(o->head) },
	};
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		out->section[N_BEFORE + i] = (struct elf_out_section){
			.name = sections[i].name,
			.type = SHT_PROGBITS,
			.align = 8,
			.entry_size = sections[i].entry_size,
			.bytes = o->tables[i],
		};
	out->n_sections = N_BEFORE + URF_N_SECTIONS;
}

/*
 * All in one call: the page cache takes what is written at once in large pages where it can,
 * and whoever maps the urf has fewer of them to map.
 */
static int write_pieces(int fd, const struct elf_pieces *pieces)
{
	struct iovec left[ELF_PIECES_MAX], *at = left;
	for (size_t i = 0; i < pieces->n; i++)
		left[i] = (struct iovec){ (void *)(uintptr_t)pieces->at[i].at,
			                  pieces->at[i].size };
	off_t off = 0;
	for (size_t n = pieces->n; n;) {
		ssize_t r = pwritev(fd, at, (int)n, off);
		if (r < 0 && errno != EINTR)
			return -errno;
		size_t done = r > 0 ? (size_t)r : 0;
		off += (off_t)done;
		for (; n && done >= at->iov_len; n--)
			done -= at++->iov_len;
		if (n)
			*at = (struct iovec){ (char *)at->iov_base + done, at->iov_len - done };
	}
	return 0;
}

/* Of the whole file, with the head's own field zero, as it still is. */
static int hash_pieces(const struct elf_pieces *pieces, uint8_t out[16])
{
	XXH3_state_t *state = XXH3_createState();
	if (!state)
		return -ENOMEM;
	XXH3_128bits_reset(state);
	for (size_t i = 0; i < pieces->n; i++)
		XXH3_128bits_update(state, pieces->at[i].at, pieces->at[i].size);
	XXH128_canonical_t hash;
	XXH128_canonicalFromHash(&hash, XXH3_128bits_digest(state));
	memcpy(out, hash.digest, sizeof(hash.digest));
	XXH3_freeState(state);
	return 0;
}

static int write_file(struct output *o, const struct elf_out *out, int fd,
                      struct turf_error *err)
{
	struct elf_pieces pieces;
	int r = turf_elf_pieces(out, &pieces);
	if (r == 0)
		r = hash_pieces(&pieces, o->head.content); /* the head is one of the pieces */
	if (r == 0)
		r = write_pieces(fd, &pieces);
	turf_elf_pieces_fini(&pieces);
	return r < 0 ? turf_fail(err, r, TURF_NOWHERE, "cannot write the urf: %s", strerror(-r))
	             : 0;
}

static int make_notes(const struct urf_head *head, struct buf notes[2])
{
	struct urf_note turf = { .kind = head->kind,
		                 .version = head->version,
		                 .source_id_size = le32_of(head->source_id_size) };
	memcpy(turf.source_id, head->source_id, sizeof(turf.source_id));
	memcpy(turf.layout, head->layout, sizeof(turf.layout));
	bool ok = put_note(&notes[0], "GNU", NT_GNU_BUILD_ID, head->build_id,
	                   sizeof(head->build_id)) &&
	          put_note(&notes[1], "TURF", URF_NOTE_TYPE, &turf, sizeof(turf));
	return ok ? 0 : -ENOMEM;
}

static int write_output(struct output *o, int fd, struct turf_error *err)
{
	struct buf notes[2] = { 0 };
	struct elf_out out;
	int r = make_notes(&o->head, notes);
	if (r == 0) {
		lay_out(o, &out, notes);
		r = turf_elf_layout(&out);
	}
	if (r < 0) {
		turf_error_set(err, r, TURF_NOWHERE, "cannot lay out the urf: %s",
		               strerror(-r));
	} else {
		o->head.size = le64_of(out.size);
		for (size_t i = 0; i < URF_N_SECTIONS; i++)
			o->head.sections[i] = (struct urf_section){
				le64_of(out.section[N_BEFORE + i].off),
				le64_of(out.section[N_BEFORE + i].bytes.size),
			};
		r = write_file(o, &out, fd, err);
	}
	vec_fini(&notes[0]);
	vec_fini(&notes[1]);
	return r;
}

void turf_build_head(struct builder *b)
{
	b->head = make_head(b);
}

int turf_build_write(const struct builder *b, int fd, struct turf_error *err)
{
	struct output o = { .head = b->head };
	for (size_t i = 0; i < URF_N_SECTIONS; i++)
		o.tables[i] = (struct span){ b->tables.of[i].at, b->tables.of[i].n };
	int r = write_output(&o, fd, err);
	turf_error_context(err, "%s", b->name);
	return r;
}

int turf_strip(const struct turf_image *image, int out_fd, struct turf_error *err)
{
	struct output o = { .head = *image->head };
	memset(o.head.content, 0, sizeof(o.head.content));
	o.head.flags = le32_of(le32_get(o.head.flags) & ~(uint32_t)URF_HAS_COLD);
	o.head.n_more_texts = o.head.n_types = o.head.n_variables = le32_of(0);
	o.head.packed[URF_PACKED_MORE_FILES] = (struct urf_packed){ 0 };
	memcpy(o.tables, image->sections, URF_COLD * sizeof(o.tables[0]));
	return write_output(&o, out_fd, err);
}
