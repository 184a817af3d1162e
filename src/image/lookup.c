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

/* A text is the offset of its string. */
static bool is_text(const struct turf_image *image, turf_text text)
{
	return text == 0 || text < image->strings.size;
}

ssize_t turf_image_text(const struct turf_image *image, turf_text text, char *out, size_t size)
{
	if (!is_text(image, text))
		return -EBADMSG;
	const char *at = text ? (const char *)image->strings.at + text : "";
	size_t n = strlen(at); /* the strings end with a NUL */
	if (size) {
		size_t fits = MIN(n, size - 1);
		memcpy(out, at, fits);
		out[fits] = 0;
	}
	return (ssize_t)n;
}

int turf_image_file(const struct turf_image *image, uint32_t file, struct turf_file *out)
{
	if (file == 0 || file >= image->files.n)
		return 0;
	const struct urf_file *f = &image->files.at[file];
	struct turf_file found = { le32_get(f->directory), le32_get(f->name) };
	if (!is_text(image, found.directory) || !is_text(image, found.name))
		return -EBADMSG;
	*out = found;
	return 1;
}

/* Appends to what is in @out already, *@n bytes of it; counts all, writes what fits. */
static int append(const struct turf_image *image, turf_text text, char *out, size_t size,
                  size_t *n)
{
	size_t at = MIN(*n, size);
	ssize_t length = turf_image_text(image, text, out + at, size - at);
	if (length > 0)
		*n += (size_t)length;
	return length < 0 ? (int)length : 0;
}

ssize_t turf_image_path(const struct turf_image *image, uint32_t file, char *out, size_t size)
{
	struct turf_file f;
	size_t n = 0;
	char first[2];
	int r = turf_image_file(image, file, &f);
	if (r < 0)
		return r;
	if (r == 0)
		return snprintf(out, size, "??");
	r = 0;
	turf_image_text(image, f.name, first, sizeof(first));
	if (f.directory && first[0] != '/') {
		r = append(image, f.directory, out, size, &n);
		if (n + 1 < size)
			out[n] = '/';
		n++;
	}
	if (r == 0)
		r = append(image, f.name, out, size, &n);
	return r < 0 ? r : (ssize_t)n;
}

static int symbol_at(const struct turf_image *image, size_t idx, struct turf_symbol *out)
{
	const struct urf_symbol *s = &image->symbols.at[idx];
	if (le32_get(s->name) == 0 || !is_text(image, le32_get(s->name)))
		return -EBADMSG; /* no symbol is nameless */
	*out = (struct turf_symbol){
		.addr = image->base + le32_get(s->start),
		.size = le32_get(s->size),
		.name = le32_get(s->name),
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
static int function_names(const struct turf_image *image, uint32_t idx, turf_text *name,
                          turf_text *linkage)
{
	if (idx >= image->functions.n)
		return -EBADMSG;
	*name = le32_get(image->functions.at[idx].name);
	*linkage = le32_get(image->functions.at[idx].linkage);
	return is_text(image, *name) && is_text(image, *linkage) ? 0 : -EBADMSG;
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
			                       symbol.name, 0 };
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
	walk->image = image;
	walk->function[0] = s.scope;
	walk->file = s.file;
	walk->line = s.line;
	walk->column = s.column;
	walk->symbol = symbol;
	walk->left = 1;
	return 1;
}

/* The one frame where no DWARF function covers the address: a symbol, perhaps with a line. */
static int symbol_frame(struct turf_frames *walk, struct turf_frame *f)
{
	walk->left = 0;
	if (!walk->symbol)
		return 1;
	struct turf_symbol s;
	int r = symbol_at(walk->image, walk->symbol - 1, &s);
	f->name = s.name;
	f->has_start = true;
	f->function_start = s.addr;
	return r;
}

/*
 * A function or inlined call; the walk moves on to what it is inlined into. Of the walk's
 * arrays only the first scope is used.
 */
static int scope_frame(struct turf_frames *walk, struct turf_frame *f)
{
	const struct turf_image *image = walk->image;
	uint32_t scope = walk->function[0];
	if (scope >= image->scopes.n)
		return -EBADMSG;
	const struct urf_scope *s = &image->scopes.at[scope];
	uint32_t parent = le32_get(s->parent);
	if (parent >= scope) /* parents come first: a walk ends */
		return -EBADMSG;
	f->function = le32_get(s->function);
	int r = function_names(image, f->function, &f->name, &f->linkage_name);
	if (r < 0)
		return r;
	f->inlined = parent != 0;
	f->has_start = !f->inlined;
	if (f->has_start)
		f->function_start = image->base + le32_get(s->call_file);
	walk->function[0] = parent;
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
	struct turf_frame f = { .file = walk->file,
		                .line = walk->line,
		                .column = walk->column };
	int r = f.file < MAX(walk->image->files.n, (size_t)1) ? 1 : -EBADMSG;
	if (r > 0)
		r = walk->function[0] ? scope_frame(walk, &f) : symbol_frame(walk, &f);
	if (r < 0) {
		walk->left = 0;
		return r;
	}
	*out = f;
	return 1;
}

/* The frames of one address to @frames: how many, -E2BIG, -EBADMSG. */
static int frames_of(const struct turf_image *image, uint64_t addr, struct turf_frame *frames,
                     size_t room)
{
	struct turf_frames walk;
	int n = 0, r = turf_image_frames(image, addr, &walk);
	if (r <= 0)
		return r;
	for (struct turf_frame f; n < TURF_FRAMES_MAX && (r = turf_frames_next(&walk, &f)) > 0;
	     n++) {
		if ((size_t)n == room)
			return -E2BIG;
		frames[n] = f;
	}
	return r < 0 ? r : n;
}

ssize_t turf_image_frames_bulk(const struct turf_image *image, const uint64_t *addrs, size_t n,
                               struct turf_frame *frames, size_t n_frames, uint32_t *first)
{
	first[0] = 0;
	for (size_t i = 0; i < n; i++) {
		int r = frames_of(image, addrs[i], frames + first[i], n_frames - first[i]);
		if (r == -E2BIG && i > 0)
			return (ssize_t)i;
		if (r < 0)
			return r;
		first[i + 1] = first[i] + (uint32_t)r;
	}
	return (ssize_t)n;
}

int turf_image_find_unit(const struct turf_image *image, uint64_t addr, struct turf_unit *out)
{
	struct turf_frames walk;
	struct turf_frame f = { 0 };
	int r = turf_image_frames(image, addr, &walk);
	while (r > 0)
		r = turf_frames_next(&walk, &f);
	if (r < 0 || f.function == 0)
		return r;
	uint32_t unit = le32_get(image->functions.at[f.function].unit);
	if (unit == 0)
		return 0;
	if (unit >= image->units.n)
		return -EBADMSG;
	const struct urf_unit *u = &image->units.at[unit];
	struct turf_unit found = {
		.name = le32_get(u->name),
		.directory = le32_get(u->directory),
		.producer = le32_get(u->producer),
		.language = le16_get(u->language),
		.version = le16_get(u->version),
	};
	if (!is_text(image, found.name) || !is_text(image, found.directory) ||
	    !is_text(image, found.producer))
		return -EBADMSG;
	*out = found;
	return 1;
}
