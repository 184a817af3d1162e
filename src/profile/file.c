/* SPDX-License-Identifier: MIT */
/*
 * A profile as a file and back.
 *
 * In:     bytes, or a profile
 * Out:    a profile, or bytes; docs/recording.md is the format
 * Cost:   linear; at most a small multiple of the file's size in memory
 * Trust:  none; every index is held against its array, every count against the bytes left
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cursor.h"
#include "base/file.h"
#include "profile/data.h"

static const char MAGIC[8] = "TURFREC"; /* with its NUL */

enum {
	VERSION = 2,      /* 1 had no FRAME_JIT, and is read as well */
	HEADER_SIZE = 24, /* magic, version, number of sections, size of the file */
	SECTION_SIZE = 32,
	MAX_SECTIONS = 64,
};

enum section {
	SECTION_INFO = 1,
	SECTION_STRINGS = 2,
	SECTION_MODULES = 3,
	SECTION_THREADS = 4,
	SECTION_FRAMES = 5,
	SECTION_NODES = 6,
	SECTION_COUNTS = 7,
	SECTION_STATS = 8,
	N_SECTIONS = 9,
};

static const char *const names[N_SECTIONS] = { "",        "info",    "strings",
	                                       "modules", "threads", "frames",
	                                       "nodes",   "counts",  "statistics" };

enum { FLAG_SYSTEM_WIDE = 1, FLAG_USER_ONLY = 2 };

/* The numbers of the statistics in the order in which the file has them. */
static size_t stat_fields(struct turf_profile_stats *s, uint64_t *out[64])
{
	uint64_t *const fields[] = {
		&s->samples,   &s->user_samples, &s->kernel_only,       &s->foreign,
		&s->lost,      &s->dropped,      &s->throttled,         &s->late,
		&s->malformed, &s->frames,       &s->frames_by_pointer,
	};
	memcpy(out, fields, sizeof(fields));
	size_t n = COUNT(fields);
	for (size_t i = 0; i < TURF_N_STOPS; i++)
		out[n++] = &s->stops[i];
	return n;
}

/*
 * Writing.
 */

struct writer {
	struct buf *out;
	bool failed; /* no memory */
};

static void put(struct writer *w, const void *bytes, size_t n)
{
	w->failed |= !turf_buf_put(w->out, bytes, n);
}

static void put_n(struct writer *w, uint64_t value)
{
	w->failed |= !turf_buf_uleb(w->out, value);
}

static void put_str(struct writer *w, const char *s)
{
	put(w, s, strlen(s) + 1);
}

static void put_fixed(struct writer *w, uint64_t value, size_t size)
{
	uint64_t le = htole64(value);
	put(w, &le, size);
}

static void patch_fixed(struct writer *w, size_t off, uint64_t value)
{
	uint64_t le = htole64(value);
	if (!w->failed)
		memcpy(w->out->at + off, &le, sizeof(le));
}

static size_t put_info(struct writer *w, const struct turf_profile *p)
{
	const struct turf_profile_info *i = &p->info;
	put_n(w, i->start_ns);
	put_n(w, i->duration_ns);
	put_n(w, i->frequency);
	put_n(w, i->stack_size);
	put_n(w, (i->system_wide ? FLAG_SYSTEM_WIDE : 0) | (i->user_only ? FLAG_USER_ONLY : 0));
	put_str(w, i->command);
	put_str(w, i->host);
	put_str(w, i->kernel);
	return 1;
}

static size_t put_strings(struct writer *w, const struct turf_profile *p)
{
	for (size_t i = 0; i < p->strings.n; i++)
		put_str(w, p->strings.at[i]);
	return p->strings.n;
}

static size_t put_modules(struct writer *w, const struct turf_profile *p)
{
	for (size_t i = 0; i < p->modules.n; i++) {
		const struct p_module *m = &p->modules.at[i];
		put_n(w, m->path);
		put_n(w, m->key);
		put_n(w, m->source_id);
	}
	return p->modules.n;
}

static size_t put_threads(struct writer *w, const struct turf_profile *p)
{
	for (size_t i = 0; i < p->threads.n; i++) {
		const struct p_thread *t = &p->threads.at[i];
		put_n(w, t->pid);
		put_n(w, t->tid);
		put_n(w, t->process);
		put_n(w, t->name);
	}
	return p->threads.n;
}

static size_t put_frames(struct writer *w, const struct turf_profile *p)
{
	for (size_t i = 0; i < p->frames.n; i++) {
		const struct p_frame *f = &p->frames.at[i];
		put_n(w, f->kind);
		/* + 1 wraps NO_MODULE to 0; a string is told as it is */
		put_n(w, f->kind >= FRAME_KERNEL ? f->module : (uint32_t)(f->module + 1));
		put_n(w, f->name);
		put_n(w, f->addr);
	}
	return p->frames.n;
}

static size_t put_nodes(struct writer *w, const struct turf_profile *p)
{
	for (size_t i = 1; i < p->nodes.n; i++) {
		put_n(w, i - p->nodes.at[i].parent); /* mostly 1: one byte */
		put_n(w, p->nodes.at[i].frame);
	}
	return p->nodes.n;
}

static size_t put_counts(struct writer *w, const struct turf_profile *p)
{
	for (size_t i = 0; i < p->counts.n; i++) {
		put_n(w, p->counts.at[i].thread);
		put_n(w, p->counts.at[i].node);
		put_n(w, p->counts.at[i].count);
	}
	return p->counts.n;
}

static size_t put_stats(struct writer *w, const struct turf_profile *p)
{
	struct turf_profile_stats stats = p->info.stats;
	uint64_t *fields[64];
	size_t n = stat_fields(&stats, fields);
	for (size_t i = 0; i < n; i++)
		put_n(w, *fields[i]);
	return n;
}

bool turf_profile_encode(const struct turf_profile *p, struct buf *out)
{
	static size_t (*const sections[N_SECTIONS])(struct writer *,
	                                            const struct turf_profile *) = {
		NULL,       put_info,  put_strings, put_modules, put_threads,
		put_frames, put_nodes, put_counts,  put_stats,
	};
	struct writer w = { out, false };
	size_t base = out->n;
	put(&w, MAGIC, sizeof(MAGIC));
	put_fixed(&w, VERSION, 4);
	put_fixed(&w, N_SECTIONS - 1, 4);
	put_fixed(&w, 0, 8); /* size, below */
	for (unsigned kind = 1; kind < N_SECTIONS; kind++) {
		put_fixed(&w, kind, 8);
		for (int i = 0; i < 3; i++)
			put_fixed(&w, 0, 8); /* offset, size, number: below */
	}
	for (unsigned kind = 1; kind < N_SECTIONS; kind++) {
		size_t entry = base + HEADER_SIZE + (kind - 1) * SECTION_SIZE, start = out->n;
		size_t n = sections[kind](&w, p);
		patch_fixed(&w, entry + 8, start - base);
		patch_fixed(&w, entry + 16, out->n - start);
		patch_fixed(&w, entry + 24, n);
	}
	patch_fixed(&w, base + 16, out->n - base);
	return !w.failed;
}

/* The temporary file stands beside @path, so that the rename stays within a file system. */
static int write_beside(const char *path, const struct buf *bytes, struct turf_error *err)
{
	scoped(freep) char *temporary = NULL;
	if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
		temporary = NULL;
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory", path);
	}
	scoped(closep) int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return turf_fail(err, -errno, TURF_NOWHERE, "%s: %s", path, strerror(errno));
	int r = turf_write_all(fd, bytes->at, bytes->n);
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r == 0)
		return 0;
	unlink(temporary);
	return turf_fail(err, r, TURF_NOWHERE, "%s: cannot write: %s", path, strerror(-r));
}

/* A device or a pipe, /dev/stdout for one, is written to as it stands. */
static int write_through(const char *path, const struct buf *bytes, struct turf_error *err)
{
	scoped(closep) int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	int r = fd < 0 ? -errno : turf_write_all(fd, bytes->at, bytes->n);
	if (r < 0)
		return turf_fail(err, r, TURF_NOWHERE, "%s: %s", path, strerror(-r));
	return 0;
}

int turf_profile_save(const struct turf_profile *p, const char *path, struct turf_error *err)
{
	struct buf bytes = { 0 };
	struct stat st;
	int r;
	if (!turf_profile_encode(p, &bytes))
		r = turf_fail(err, -ENOMEM, TURF_NOWHERE, "%s: no memory", path);
	else if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		r = write_through(path, &bytes, err);
	else
		r = write_beside(path, &bytes, err);
	vec_fini(&bytes);
	return r;
}

/*
 * Reading. A section is read whole through a cursor of its own; get() below gives 0 once it is
 * bad, and the caller of the section's reader asks once.
 */

struct reader {
	struct turf_profile *p;
	struct cursor c; /* the section at hand */
	uint64_t n;      /* its number of records */
	bool no_memory;
};

/* A number below @limit, else the section is bad. */
static uint32_t get_below(struct reader *r, uint64_t limit)
{
	uint64_t v = cur_uleb(&r->c);
	if (v >= limit) {
		r->c.bad = true;
		return 0;
	}
	return (uint32_t)v;
}

static uint32_t get_string(struct reader *r)
{
	return get_below(r, r->p->strings.n);
}

static const char *get_text(struct reader *r)
{
	const char *s = cur_str(&r->c);
	const char *copy = s ? turf_profile_keep(r->p, s) : "";
	r->no_memory |= !copy;
	return copy ? copy : "";
}

static void get_info(struct reader *r)
{
	struct turf_profile_info *i = &r->p->info;
	i->start_ns = cur_uleb(&r->c);
	i->duration_ns = cur_uleb(&r->c);
	i->frequency = cur_uleb(&r->c);
	i->stack_size = cur_uleb(&r->c);
	uint64_t flags = cur_uleb(&r->c);
	i->system_wide = flags & FLAG_SYSTEM_WIDE;
	i->user_only = flags & FLAG_USER_ONLY;
	i->command = get_text(r);
	i->host = get_text(r);
	i->kernel = get_text(r);
}

/* All strings in one piece of the arena, so that a string costs its bytes and a pointer. */
static void get_strings(struct reader *r)
{
	size_t size = cur_left(&r->c);
	const uint8_t *bytes = cur_take(&r->c, size);
	char *copy = turf_arena_str(&r->p->arena, bytes ? (const char *)bytes : "", size);
	if (!copy || !vec_reserve(&r->p->strings, r->n)) {
		r->no_memory = true;
		return;
	}
	struct cursor c = cur_of((struct span){ (uint8_t *)copy, size }, false);
	r->p->strings.n = 0; /* "" of the new profile; the file has it, too */
	for (uint64_t i = 0; i < r->n && !c.bad; i++) {
		const char *s = cur_str(&c);
		r->p->strings.at[r->p->strings.n++] = s ? s : "";
	}
	r->c.bad |= c.bad || r->n == 0 || *r->p->strings.at[0];
}

static void get_modules(struct reader *r)
{
	for (uint64_t i = 0; i < r->n && !r->c.bad; i++) {
		struct p_module *m = vec_push(&r->p->modules);
		if (!m) {
			r->no_memory = true;
			return;
		}
		m->path = get_string(r);
		m->key = get_string(r);
		m->source_id = get_string(r);
	}
}

static void get_threads(struct reader *r)
{
	for (uint64_t i = 0; i < r->n && !r->c.bad; i++) {
		struct p_thread *t = vec_push(&r->p->threads);
		if (!t) {
			r->no_memory = true;
			return;
		}
		t->pid = get_below(r, (uint64_t)UINT32_MAX + 1);
		t->tid = get_below(r, (uint64_t)UINT32_MAX + 1);
		t->process = get_string(r);
		t->name = get_string(r);
	}
}

static void get_frames(struct reader *r)
{
	for (uint64_t i = 0; i < r->n && !r->c.bad; i++) {
		struct p_frame *f = vec_push(&r->p->frames);
		if (!f) {
			r->no_memory = true;
			return;
		}
		f->kind = get_below(r, FRAME_JIT + 1);
		f->module = f->kind >= FRAME_KERNEL ? get_string(r)
		                                    : get_below(r, r->p->modules.n + 1) - 1;
		f->name = get_string(r);
		f->addr = cur_uleb(&r->c);
		if ((f->kind == FRAME_USER && f->module == NO_MODULE) ||
		    (f->kind == FRAME_JIT && f->addr > UINT32_MAX))
			r->c.bad = true;
	}
}

static void get_nodes(struct reader *r)
{
	for (uint64_t i = 1; i < r->n && !r->c.bad; i++) {
		uint64_t up = cur_uleb(&r->c);
		uint32_t frame = get_below(r, r->p->frames.n);
		if (up == 0 || up > i)
			r->c.bad = true;
		uint32_t parent = r->c.bad ? 0 : (uint32_t)(i - up);
		uint32_t depth = r->p->nodes.at[parent].depth + 1;
		struct p_node *node = vec_push(&r->p->nodes);
		r->no_memory |= !node;
		r->c.bad |= depth > PROFILE_MAX_DEPTH;
		if (!node)
			return;
		*node = (struct p_node){ parent, frame, depth };
	}
}

static void get_counts(struct reader *r)
{
	for (uint64_t i = 0; i < r->n && !r->c.bad; i++) {
		struct p_count *count = vec_push(&r->p->counts);
		if (!count) {
			r->no_memory = true;
			return;
		}
		count->thread = get_below(r, r->p->threads.n);
		count->node = get_below(r, r->p->nodes.n);
		count->count = cur_uleb(&r->c);
		r->c.bad |= count->count >> 48; /* so that sums stay below 2^64 */
	}
}

/* Fields that this file does not have yet stay 0; what it has beyond ours is left. */
static void get_stats(struct reader *r)
{
	uint64_t *fields[64];
	size_t n = stat_fields(&r->p->info.stats, fields);
	for (size_t i = 0; i < n && i < r->n; i++)
		*fields[i] = cur_uleb(&r->c);
}

/* Where the sections lie, by kind; those of kinds unknown to us are passed over. */
struct section_table {
	struct {
		struct cursor c;
		uint64_t n, off;
		bool there;
	} at[N_SECTIONS];
};

static int read_section(struct span file, struct cursor *c, struct section_table *t,
                        struct turf_error *err)
{
	size_t where = cur_off(c);
	uint64_t kind = cur_u64(c), off = cur_u64(c), size = cur_u64(c), n = cur_u64(c);
	struct span part = span_part(file, off, size);
	/* a record is a byte at least, but for node 0 and the fields of an empty section */
	if (c->bad || !part.at || n > size + 1 || n > TABLE_MAX)
		return turf_fail(err, -EBADMSG, where, "section entry at %zu: out of bounds",
		                 where);
	if (kind == 0 || kind >= N_SECTIONS)
		return 0;
	if (t->at[kind].there)
		return turf_fail(err, -EBADMSG, where, "section %s: there twice", names[kind]);
	t->at[kind].c = cur_of(part, false);
	t->at[kind].n = n;
	t->at[kind].off = off;
	t->at[kind].there = true;
	return 0;
}

static int read_header(struct span file, struct section_table *t, struct turf_error *err)
{
	struct cursor c = cur_of(file, false);
	const uint8_t *magic = cur_take(&c, sizeof(MAGIC));
	if (!magic || memcmp(magic, MAGIC, sizeof(MAGIC)) != 0)
		return turf_fail(err, -EBADMSG, 0, "not a recording of turf");
	uint32_t version = cur_u32(&c), n = cur_u32(&c);
	uint64_t size = cur_u64(&c);
	if (!c.bad && (version < 1 || version > VERSION))
		return turf_fail(err, -ENOTSUP, 8, "recording of version %u, we read 1 to %d",
		                 version, VERSION);
	if (c.bad || size != file.size)
		return turf_fail(err, -EBADMSG, 16, "recording is cut off or too long");
	if (n > MAX_SECTIONS)
		return turf_fail(err, -E2BIG, 12, "%u sections, we read %d", n, MAX_SECTIONS);
	for (uint32_t i = 0; i < n; i++) {
		int r = read_section(file, &c, t, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* In an order in which every index can be held against what it counts. */
static int read_sections(struct reader *r, struct section_table *t, struct turf_error *err)
{
	static const struct {
		enum section kind;
		void (*get)(struct reader *r);
	} order[] = {
		{ SECTION_STRINGS, get_strings }, { SECTION_INFO, get_info },
		{ SECTION_MODULES, get_modules }, { SECTION_THREADS, get_threads },
		{ SECTION_FRAMES, get_frames },   { SECTION_NODES, get_nodes },
		{ SECTION_COUNTS, get_counts },   { SECTION_STATS, get_stats },
	};
	for (size_t i = 0; i < COUNT(order); i++) {
		enum section kind = order[i].kind;
		if (!t->at[kind].there)
			return turf_fail(err, -EBADMSG, TURF_NOWHERE, "section %s: missing",
			                 names[kind]);
		r->c = t->at[kind].c;
		r->n = t->at[kind].n;
		order[i].get(r);
		uint64_t where = t->at[kind].off + cur_off(&r->c);
		if (r->no_memory)
			return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for a profile");
		if (r->c.bad)
			return turf_fail(err, -EBADMSG, where,
			                 "section %s: damaged before byte %llu", names[kind],
			                 (unsigned long long)where);
	}
	return 0;
}

int turf_profile_open_mem(const void *bytes, size_t size, struct turf_profile **ret,
                          struct turf_error *err)
{
	struct section_table table = { 0 };
	int r = read_header((struct span){ bytes, size }, &table, err);
	if (r < 0)
		return r;
	scoped(turf_profile_closep) struct turf_profile *p = turf_profile_new();
	if (!p)
		return turf_fail(err, -ENOMEM, TURF_NOWHERE, "no memory for a profile");
	struct reader reader = { .p = p };
	r = read_sections(&reader, &table, err);
	if (r < 0)
		return r;
	*ret = take_ptr(p);
	return 0;
}

int turf_profile_open(const char *path, struct turf_profile **ret, struct turf_error *err)
{
	scoped(closep) int fd = turf_open_read(path, err);
	if (fd < 0)
		return fd;
	struct mapping m;
	int r = turf_map_fd(fd, path, &m, err);
	if (r < 0)
		return r;
	r = turf_profile_open_mem(m.bytes.at, m.bytes.size, ret, err);
	if (r < 0)
		turf_error_context(err, "%s", path);
	turf_unmap(&m);
	return r;
}
