/* SPDX-License-Identifier: MIT */
/*
 * From an address to its segment, its inline chain, its function, its symbol.
 *
 * Cost:  one binary search each; a segment costs the decoding of at most one block
 * Trust: none; every index read from the image is bounded before it is used
 */
#include "image/image.h"

/* The rva of @addr: false where the image cannot know it. */
static bool rva_of(const struct turf_image *image, uint64_t addr, uint32_t *rva)
{
	if (addr < image->base || addr - image->base > UINT32_MAX)
		return false;
	*rva = (uint32_t)(addr - image->base);
	return true;
}

/* Number of entries whose first field, an le32 start, is <= @rva. */
#define UPPER_BOUND(table, rva)                                                                \
	__extension__({                                                                        \
		size_t lo_ = 0, hi_ = (table).n;                                               \
		while (lo_ < hi_) {                                                            \
			size_t mid_ = lo_ + (hi_ - lo_) / 2;                                   \
			if (le32_get((table).at[mid_].start) <= (rva))                         \
				lo_ = mid_ + 1;                                                \
			else                                                                   \
				hi_ = mid_;                                                    \
		}                                                                              \
		lo_;                                                                           \
	})

/* A number of at most LEB_MAX bytes, whatever these are. */
static inline uint64_t take_uleb(const uint8_t **at)
{
	uint64_t v = *(*at)++;
	if (v < 0x80)
		return v;
	v &= 0x7f;
	for (unsigned i = 1; i < LEB_MAX; i++) {
		uint64_t byte = *(*at)++;
		v |= (byte & 0x7f) << 7 * i;
		if (byte < 0x80)
			break;
	}
	return v;
}

static inline uint32_t take_sleb(const uint8_t **at)
{
	const uint8_t *begin = *at;
	uint64_t v = take_uleb(at);
	unsigned bits = MIN(7 * (unsigned)(*at - begin), 32u);
	uint32_t sign = (uint32_t)1 << (bits - 1);
	return (((uint32_t)v & (sign * 2 - 1)) ^ sign) - sign; /* sign * 2 wraps to all bits */
}

/* Turns the segment before into the one whose bytes come next; false: they leave the block. */
static inline bool decode(struct segments *walk)
{
	const uint8_t *at = walk->at;
	struct segment *s = &walk->next;
	uint8_t tag = *at++;
	s->start += (uint32_t)take_uleb(&at);
	if (tag & 1)
		s->scope += take_sleb(&at);
	if (tag & 2)
		s->file += take_sleb(&at);
	if (tag & 4)
		s->column = (uint32_t)take_uleb(&at);
	s->line += tag >> 3 == URF_LINE_FAR ? take_sleb(&at)
	                                    : (uint32_t)(tag >> 3) - URF_LINE_BIAS;
	walk->at = at;
	walk->n++;
	return at <= walk->end;
}

int turf_image_block(const struct turf_image *image, size_t block, struct segments *walk)
{
	if (block + 1 >= image->blocks.n)
		return -EBADMSG;
	const struct urf_block *b = &image->blocks.at[block];
	uint32_t off = le32_get(b[0].off), end = le32_get(b[1].off);
	if (off > end || end > image->segments.size)
		return -EBADMSG;
	*walk = (struct segments){
		.at = image->segments.at + off,
		.end = image->segments.at + end,
		.next.start = le32_get(b[0].start),
		.pending = off < end,
		.block_end = le32_get(b[1].start),
	};
	if (image->bytes.at + image->bytes.size - walk->end < SEGMENT_MAX)
		return -EBADMSG;
	return walk->pending && !decode(walk) ? -EBADMSG : 0;
}

int turf_image_next_segment(struct segments *walk, struct segment *out)
{
	if (!walk->pending)
		return 0;
	struct segment s = walk->next;
	walk->pending = walk->at < walk->end && walk->n < URF_BLOCK_MAX;
	if (walk->pending && !decode(walk))
		return -EBADMSG;
	s.end = walk->pending ? walk->next.start : walk->block_end;
	*out = s;
	return 1;
}

/* The segment over @rva: 1, 0 none, -EBADMSG. */
static int find_segment(const struct turf_image *image, uint32_t rva, struct segment *out)
{
	size_t i = UPPER_BOUND(image->blocks, rva);
	if (i == 0 || i == image->blocks.n)
		return 0;
	struct segments walk;
	int r = turf_image_block(image, i - 1, &walk);
	if (r < 0)
		return r;
	struct segment s;
	while ((r = turf_image_next_segment(&walk, &s)) == 1) {
		if (rva < s.start)
			return 0;
		if (rva < s.end) {
			*out = s;
			return s.scope || s.line;
		}
	}
	return r;
}

/* Index of the symbol over @rva, plus one; 0: none. */
static size_t symbol_over(const struct turf_image *image, uint32_t rva)
{
	size_t i = UPPER_BOUND(image->symbols, rva);
	if (i == 0)
		return 0;
	i--;
	/* of those at one address the best comes first, and has the size to judge by */
	while (i > 0 &&
	       le32_get(image->symbols.at[i - 1].start) == le32_get(image->symbols.at[i].start))
		i--;
	for (;;) {
		const struct urf_symbol *s = &image->symbols.at[i];
		uint32_t start = le32_get(s->start);
		if (rva >= start && rva - start < le32_get(s->size))
			return i + 1;
		uint16_t back = le16_get(s->back);
		if (back == 0 || back > i)
			return 0;
		i -= back;
	}
}

static int symbol_at(const struct turf_image *image, size_t idx, struct turf_symbol *out)
{
	const struct urf_symbol *s = &image->symbols.at[idx];
	const char *name;
	int r = image_string(image, le32_get(s->name), &name);
	if (r <= 0)
		return -EBADMSG; /* no symbol is nameless */
	*out = (struct turf_symbol){
		.addr = image->base + le32_get(s->start),
		.size = le32_get(s->size),
		.name = name,
		.type = s->type,
		.bind = s->bind,
	};
	return 1;
}

int turf_image_symbol(const struct turf_image *image, size_t idx, struct turf_symbol *out)
{
	return idx < image->symbols.n ? symbol_at(image, idx, out) : 0;
}

int turf_image_find_symbol(const struct turf_image *image, uint64_t addr,
                           struct turf_symbol *out)
{
	uint32_t rva;
	size_t i = rva_of(image, addr, &rva) ? symbol_over(image, rva) : 0;
	return i ? symbol_at(image, i - 1, out) : 0;
}

/* Names of function @idx. */
static int function_names(const struct turf_image *image, uint32_t idx, const char **name,
                          const char **linkage)
{
	if (idx >= image->functions.n)
		return -EBADMSG;
	const struct urf_function *f = &image->functions.at[idx];
	int r = image_string(image, le32_get(f->name), name);
	if (r >= 0)
		r = image_string(image, le32_get(f->linkage), linkage);
	return r < 0 ? r : 0;
}

int turf_image_find_function(const struct turf_image *image, uint64_t addr,
                             struct turf_function *out)
{
	uint32_t rva;
	if (!rva_of(image, addr, &rva))
		return 0;
	size_t i = UPPER_BOUND(image->ranges, rva);
	const struct urf_range *range = i ? &image->ranges.at[i - 1] : NULL;
	if (range && rva - le32_get(range->start) < le32_get(range->size)) {
		uint32_t scope = le32_get(range->scope);
		struct turf_function fn = {
			.start = image->base + le32_get(range->start),
			.end = image->base + le32_get(range->start) + le32_get(range->size),
		};
		if (scope >= image->scopes.n)
			return -EBADMSG;
		int r = function_names(image, le32_get(image->scopes.at[scope].function),
		                       &fn.name, &fn.linkage_name);
		if (r < 0)
			return r;
		*out = fn;
		return 1;
	}
	struct turf_symbol symbol;
	int r = turf_image_find_symbol(image, addr, &symbol);
	if (r == 1)
		*out = (struct turf_function){ symbol.addr, symbol.addr + symbol.size,
			                       symbol.name, NULL };
	return r;
}

int turf_image_frames(const struct turf_image *image, uint64_t addr, struct turf_frames *walk)
{
	uint32_t rva;
	if (!rva_of(image, addr, &rva))
		return 0;
	struct segment s = { 0 };
	int r = find_segment(image, rva, &s);
	if (r < 0)
		return r;
	uint32_t symbol = 0;
	if (!s.scope)
		symbol = (uint32_t)symbol_over(image, rva);
	if (!s.scope && !s.line && !symbol)
		return 0;
	*walk = (struct turf_frames){
		.image = image,
		.scope = s.scope,
		.file = s.file,
		.line = s.line,
		.column = s.column,
		.symbol = symbol,
		.left = 1,
	};
	return 1;
}

static int frame_file(const struct turf_image *image, uint32_t idx, struct turf_frame *out)
{
	if (idx == 0)
		return 0;
	if (idx >= image->files.n)
		return -EBADMSG;
	const struct urf_file *f = &image->files.at[idx];
	int r = image_string(image, le32_get(f->directory), &out->directory);
	if (r >= 0)
		r = image_string(image, le32_get(f->name), &out->file);
	if (r >= 0 && !out->directory)
		out->directory = "";
	return r < 0 ? r : 0;
}

/* The one frame where no DWARF function covers the address: a symbol, perhaps with a line. */
static int symbol_frame(struct turf_frames *walk, struct turf_frame *f)
{
	walk->left = 0;
	if (!walk->symbol)
		return 1;
	struct turf_symbol s;
	int r = symbol_at(walk->image, walk->symbol - 1, &s);
	f->function = s.name;
	f->has_start = true;
	f->function_start = s.addr;
	return r;
}

/* A function or inlined call; the walk moves on to what it is inlined into. */
static int scope_frame(struct turf_frames *walk, struct turf_frame *f)
{
	const struct turf_image *image = walk->image;
	if (walk->scope >= image->scopes.n)
		return -EBADMSG;
	const struct urf_scope *s = &image->scopes.at[walk->scope];
	uint32_t parent = le32_get(s->parent);
	if (parent >= walk->scope) /* parents come first: a walk ends */
		return -EBADMSG;
	int r = function_names(image, le32_get(s->function), &f->function, &f->linkage_name);
	if (r < 0)
		return r;
	f->inlined = parent != 0;
	f->has_start = !f->inlined;
	if (f->has_start)
		f->function_start = image->base + le32_get(s->call_file);
	walk->scope = parent;
	walk->file = le32_get(s->call_file);
	walk->line = le32_get(s->call_line);
	walk->column = le32_get(s->call_column);
	walk->left = parent != 0;
	return 1;
}

int turf_frames_next(struct turf_frames *walk, struct turf_frame *out)
{
	if (!walk->left)
		return 0;
	struct turf_frame f = { .line = walk->line, .column = walk->column };
	int r = frame_file(walk->image, walk->file, &f);
	if (r == 0)
		r = walk->scope ? scope_frame(walk, &f) : symbol_frame(walk, &f);
	if (r < 0) {
		walk->left = 0;
		return r;
	}
	*out = f;
	return 1;
}

/* Appends what fits of @text to @out, whose first *@n bytes are there; counts all of it. */
static void append(char *out, size_t size, size_t *n, const char *text)
{
	size_t length = strlen(text);
	if (*n < size)
		memcpy(out + *n, text, MIN(length, size - *n));
	*n += length;
}

size_t turf_frame_path(const struct turf_frame *frame, char *out, size_t size)
{
	size_t n = 0;
	const char *directory = frame->directory;
	if (frame->file && frame->file[0] != '/' && directory && directory[0]) {
		append(out, size, &n, directory);
		append(out, size, &n, "/");
	}
	append(out, size, &n, frame->file ? frame->file : "??");
	if (size)
		out[MIN(n, size - 1)] = 0;
	return n;
}
