/* SPDX-License-Identifier: MIT */
/*
 * Many threads, one order: see answer.h. Answers are written through buffers of our own: a
 * look-up takes less time than one printf().
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "answer.h"
#include "names.h"

enum {
	BATCH = 64,              /* questions looked up at once */
	BATCH_FRAMES = 512,      /* and their frames; more than one question can have */
	SLICE = 256,             /* questions that a thread takes at once */
	NAMES_SLICE = 64,        /* and names that it makes */
	MANY = 4 * SLICE,        /* from so many on threads pay */
	ROUND = ANSWERS_MANY,    /* questions sorted at once, at most */
	BUCKETS = 1 << 14,       /* that they are sorted into */
	SHOWN_FIRST = 4 * ROUND, /* frames; pages of memory that none reaches cost nothing */
	THREADS_MAX = 8,
	ROOM_FIRST = 1 << 12,
	ROOM_FEW = 1 << 14, /* bytes written at once, of few questions */
	ROOM = 1 << 16,     /* and of many */
	ROOM_MAX = 1 << 22, /* kept while others are to write first */
	LONG = 256,         /* texts from here on are written from where they are */
	PIECES = 512,       /* of what is to be written */
};

/* The next @size bytes of a sink, or of a text that lives as long as the process. */
struct piece {
	const char *text; /* NULL: the sink's own */
	size_t size;
};

/* What a thread is to write. */
struct sink {
	struct worker *worker;
	char *at;
	size_t n, room;
	struct piece *pieces;         /* before the last bytes; NULL: there never was one */
	size_t n_pieces, n_in_pieces; /* the latter: of our own bytes */
};

struct worker {
	struct answers *of;
	uint8_t number;
	pthread_t thread;
	size_t at; /* first question of the slice that it works at */
	struct sink out;
	struct cli_shown *shown; /* frames of this round's answers */
	size_t n_shown, shown_room;
	struct cli_wanted wanted; /* that it met first */
	struct turf_frame *frames;
	size_t n_frames; /* room for so many: of one question, or of a batch */
	uint32_t first[BATCH + 1];
};

/* A kind of work, on all that there is in slices. */
struct work {
	void (*on_slice)(struct worker *w, size_t at, size_t n);
	bool writes; /* slices have to be written in order */
	size_t slice;
};

struct round {
	struct work work;
	size_t n;
	size_t next;     /* first question that nobody has taken yet */
	size_t turn;     /* first question that may be written */
	unsigned n_busy; /* threads that are at it */
};

/* Frames [at, at + n) that a worker has shown. */
struct answer {
	uint32_t at;
	uint16_t n;
	uint8_t worker;
	bool bad; /* the image is damaged there */
};

/*
 * Many questions are looked up in about the order of their addresses: what neighbours need is
 * in the processor's caches then.
 */
struct sorted {
	uint32_t bucket[BUCKETS]; /* where its next one goes */
	uint32_t question[ROUND]; /* which one it is */
	uint64_t addrs[ROUND];
	struct answer answers[ROUND]; /* by question */
};

struct answers {
	const struct turf_image *image;
	struct answers_how how;
	atomic_bool found;
	atomic_int error; /* 0, or negative errno: nothing is written any more */
	uint64_t bad;     /* address that could not be answered, where that is -EBADMSG */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const uint64_t *addrs; /* of the round's questions */
	struct sorted *sorted; /* NULL until there are many */
	struct cli_names names;
	struct round round;
	unsigned n_rounds, n_workers; /* rounds that were begun; threads, ours not among them */
	bool ends;
	struct worker *workers[THREADS_MAX]; /* [0] is the caller's */
};

/* Writes all of @pieces, which are used up; 0 or negative errno. */
static int write_pieces(struct iovec *pieces, size_t n)
{
	while (n) {
		ssize_t done = writev(STDOUT_FILENO, pieces, (int)n);
		if (done < 0 && errno != EINTR)
			return -errno;
		size_t left = done > 0 ? (size_t)done : 0;
		for (; n && left >= pieces->iov_len; n--)
			left -= pieces++->iov_len;
		if (n) {
			pieces->iov_base = (char *)pieces->iov_base + left;
			pieces->iov_len -= left;
		}
	}
	return 0;
}

static void write_out(struct sink *s)
{
	struct iovec pieces[PIECES + 1];
	size_t at = 0, n = 0;
	for (; n < s->n_pieces; n++) {
		const struct piece *p = &s->pieces[n];
		pieces[n].iov_base = p->text ? (void *)(uintptr_t)p->text : s->at + at;
		pieces[n].iov_len = p->size;
		at += p->text ? 0 : p->size;
	}
	if (s->n > at)
		pieces[n++] = (struct iovec){ s->at + at, s->n - at };
	int r = s->worker->of->error ? 0 : write_pieces(pieces, n);
	if (r < 0)
		s->worker->of->error = r;
	s->n = s->n_pieces = s->n_in_pieces = 0;
}

static bool is_turn(struct worker *w, bool wait)
{
	struct answers *a = w->of;
	pthread_mutex_lock(&a->lock);
	while (wait && a->round.turn != w->at)
		pthread_cond_wait(&a->changed, &a->lock);
	bool yes = a->round.turn == w->at;
	pthread_mutex_unlock(&a->lock);
	return yes;
}

static size_t room_of(const struct sink *s)
{
	return s->worker->of->n_workers ? ROOM : ROOM_FEW;
}

/* Makes sure that @size bytes can be put to the place it gives; NULL: no memory. */
static char *sink_room(struct sink *s, size_t size)
{
	if (s->room - s->n >= size)
		return s->at + s->n;
	if (s->room >= room_of(s) && s->n && is_turn(s->worker, s->n >= ROOM_MAX))
		write_out(s);
	if (s->room - s->n < size) {
		size_t room = s->room ? 2 * s->room : ROOM_FIRST;
		room = room - s->n < size ? s->n + size : room;
		char *at = realloc(s->at, room);
		if (!at) {
			s->worker->of->error = -ENOMEM;
			return NULL;
		}
		s->at = at;
		s->room = room;
	}
	return s->at + s->n;
}

static void put(struct sink *s, const char *text, size_t n)
{
	char *at = sink_room(s, n);
	if (!at)
		return;
	memcpy(at, text, n);
	s->n += n;
}

static void put_str(struct sink *s, const char *text)
{
	put(s, text, strlen(text));
}

#define PUT(s, literal) put((s), literal, sizeof(literal) - 1)

/* Room for two further pieces. */
static bool piece_room(struct sink *s)
{
	if (s->n_pieces + 2 > PIECES) {
		is_turn(s->worker, true);
		write_out(s);
	}
	if (!s->pieces)
		s->pieces = malloc(PIECES * sizeof(*s->pieces));
	return s->pieces;
}

/* A text that lives as long as the process. */
static void put_kept(struct sink *s, const char *text, size_t n)
{
	if (n < LONG || !piece_room(s)) {
		put(s, text, n);
		return;
	}
	if (s->n > s->n_in_pieces)
		s->pieces[s->n_pieces++] = (struct piece){ NULL, s->n - s->n_in_pieces };
	s->n_in_pieces = s->n;
	s->pieces[s->n_pieces++] = (struct piece){ text, n };
}

static void put_number(struct sink *s, uint64_t value, unsigned base)
{
	char digits[20]; /* of 2^64 - 1, in decimal */
	size_t at = sizeof(digits);
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	put(s, digits + at, sizeof(digits) - at);
}

/* In decimal, at most 10 digits; returns the end. */
static char *write_number(char *out, uint32_t value)
{
	if (value < 10) {
		*out = (char)('0' + value);
		return out + 1;
	}
	unsigned digits = 2;
	for (uint64_t limit = 100; value >= limit; limit *= 10)
		digits++;
	for (unsigned at = digits; at--; value /= 10)
		out[at] = (char)('0' + value % 10);
	return out + digits;
}

static void put_json_bytes(struct sink *s, const char *text, size_t n)
{
	char *at = sink_room(s, CLI_JSON_ROOM(n));
	if (at)
		s->n = (size_t)(cli_json_escape(at, text, n) - s->at);
}

/* Behind a name: "\nPATH:LINE:COLUMN\n". */
static void put_place(struct sink *s, struct cli_text path, uint32_t line, uint32_t column)
{
	char *at = sink_room(s, path.size + 32);
	if (!at)
		return;
	*at++ = '\n';
	if (path.size)
		memcpy(at, path.at, path.size);
	at += path.size;
	*at++ = ':';
	at = write_number(at, line);
	*at++ = ':';
	at = write_number(at, column);
	*at++ = '\n';
	s->n = (size_t)(at - s->at);
}

static const struct cli_text no_path = { "??", 2 };

static void put_text_frame(struct worker *t, const struct turf_frame *f)
{
	struct cli_text name = cli_show_name(t->of->image, f, !t->of->how.mangled);
	put(&t->out, name.at, name.size);
	put_place(&t->out, f->file ? cli_show_path(t->of->image, f->file) : no_path, f->line,
	          f->column);
}

/* A frame; false: its name could not be made. */
static bool put_shown(struct sink *s, const struct cli_kept *name,
                      const struct cli_shown *shown)
{
	if (!name)
		return false;
	put_kept(s, name->at, name->size);
	put_place(s, (struct cli_text){ shown->path->at, shown->path->size }, shown->line,
	          shown->column);
	return true;
}

static void put_json_field(struct sink *s, const char *name, struct cli_text text)
{
	if (!text.at)
		return;
	put_str(s, name);
	put_json_bytes(s, text.at, text.size);
	PUT(s, ",");
}

static void put_json_number(struct sink *s, const char *name, uint32_t n)
{
	if (!n)
		return;
	put_str(s, name);
	put_number(s, n, 10);
	PUT(s, ",");
}

static void put_json_frame(struct worker *t, const struct turf_frame *f, bool first,
                           uint32_t discriminator)
{
	struct sink *s = &t->out;
	put_str(s, first ? "{" : ",{");
	put_json_field(s, "\"function\":", cli_text(t->of->image, f->name));
	put_json_field(s, "\"linkage_name\":", cli_text(t->of->image, f->linkage_name));
	put_json_field(s, "\"file\":", cli_path(t->of->image, f->file));
	put_json_number(s, "\"line\":", f->line);
	put_json_number(s, "\"column\":", f->column);
	put_json_number(s, "\"discriminator\":", discriminator);
	put_str(s, f->inlined ? "\"inlined\":true}" : "\"inlined\":false}");
}

static void put_json_answer(struct worker *t, uint64_t addr, const struct turf_frame *frames,
                            size_t n)
{
	uint32_t discriminators[TURF_FRAMES_MAX];
	bool told = t->of->how.discriminators &&
	            turf_image_discriminators(t->of->image, addr, discriminators, n) > 0;
	PUT(&t->out, "{\"address\":\"0x");
	put_number(&t->out, addr, 16);
	PUT(&t->out, "\",\"frames\":[");
	for (size_t i = 0; i < n; i++)
		put_json_frame(t, &frames[i], i == 0, told ? discriminators[i] : 0);
	PUT(&t->out, "]}\n");
}

static void put_text_answer(struct worker *t, const struct turf_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_text_frame(t, &frames[i]);
	if (n == 0)
		PUT(&t->out, "??\n??:0:0\n");
	PUT(&t->out, "\n");
}

/* What this address asks for cannot be read: said when all before it is written. */
static void fail_at(struct worker *w, uint64_t addr)
{
	struct answers *a = w->of;
	is_turn(w, true);
	write_out(&w->out);
	a->bad = addr;
	if (!a->error)
		a->error = -EBADMSG;
}

static bool frames_room(struct worker *w, size_t n)
{
	size_t room = n == 1 ? TURF_FRAMES_MAX : BATCH_FRAMES;
	if (w->n_frames >= room)
		return true;
	free(w->frames);
	w->frames = malloc(room * sizeof(*w->frames));
	w->n_frames = w->frames ? room : 0;
	if (!w->frames)
		w->of->error = -ENOMEM;
	return w->frames;
}

/*
 * The frames of at most a batch of addresses, as many as it returns; -EBADMSG: not even those
 * of the first.
 */
static ssize_t find_frames(struct worker *w, const uint64_t *addrs, size_t n)
{
	const struct turf_image *image = w->of->image;
	n = n < BATCH ? n : BATCH;
	if (!frames_room(w, n))
		return -ENOMEM;
	ssize_t r = turf_image_frames_bulk(image, addrs, n, w->frames, w->n_frames, w->first);
	if (r < 0 && n > 1) /* which one it was is told by asking alone */
		r = turf_image_frames_bulk(image, addrs, 1, w->frames, w->n_frames, w->first);
	if (r > 0 && w->first[r])
		w->of->found = true;
	return r;
}

/* Looks up and puts a slice, question after question. */
static void answer_slice(struct worker *w, size_t at, size_t n)
{
	struct answers *a = w->of;
	for (size_t end = at + n; at < end && !a->error;) {
		ssize_t r = find_frames(w, a->addrs + at, end - at);
		for (ssize_t i = 0; i < r; i++) {
			size_t count = w->first[i + 1] - w->first[i];
			if (a->how.json)
				put_json_answer(w, a->addrs[at + (size_t)i],
				                w->frames + w->first[i], count);
			else
				put_text_answer(w, w->frames + w->first[i], count);
		}
		at += r > 0 ? (size_t)r : 0;
		if (r < 0 || cli_damaged)
			fail_at(w, a->addrs[at < end ? at : end - 1]);
	}
}

/* Room for the frames of a batch; false: no memory. */
static bool shown_room(struct worker *w, size_t n)
{
	if (w->shown_room - w->n_shown >= n)
		return true;
	size_t room = w->shown_room ? 2 * w->shown_room : SHOWN_FIRST;
	struct cli_shown *shown = cli_large(room * sizeof(*shown));
	if (!shown)
		return false;
	if (w->n_shown)
		memcpy(shown, w->shown, w->n_shown * sizeof(*shown));
	free(w->shown);
	w->shown = shown;
	w->shown_room = room;
	return true;
}

/* Keeps what the frames of the first @n of a batch say, for write_slice(). */
static void keep_batch(struct worker *w, const uint32_t *questions, size_t n)
{
	struct answers *a = w->of;
	size_t n_frames = w->first[n];
	if (!shown_room(w, n_frames) || !cli_wanted_room(&w->wanted, n_frames)) {
		a->error = -ENOMEM;
		return;
	}
	cli_show_frames(&a->names, w->frames, n_frames, w->shown + w->n_shown, &w->wanted);
	for (size_t i = 0; i < n; i++)
		a->sorted->answers[questions[i]] = (struct answer){
			.at = (uint32_t)(w->n_shown + w->first[i]),
			.n = (uint16_t)(w->first[i + 1] - w->first[i]),
			.worker = w->number,
			.bad = cli_damaged,
		};
	w->n_shown += n_frames;
}

/* Looks up a slice of the sorted addresses. */
static void look_up_slice(struct worker *w, size_t at, size_t n)
{
	struct answers *a = w->of;
	for (size_t end = at + n; at < end && !a->error;) {
		const uint32_t *questions = a->sorted->question + at;
		ssize_t r = find_frames(w, a->sorted->addrs + at, end - at);
		if (r > 0)
			keep_batch(w, questions, (size_t)r);
		else
			a->sorted->answers[*questions] = (struct answer){ .bad = true };
		at += r > 0 ? (size_t)r : 1;
	}
}

static const struct cli_shown *shown_of(const struct answers *a, const struct answer *answer)
{
	const struct cli_shown *shown = a->workers[answer->worker]->shown;
	return shown ? shown + answer->at : NULL; /* NULL: nothing was found so far */
}

/* Makes a slice of the names that all have met. */
static void make_slice(struct worker *w, size_t at, size_t n)
{
	struct answers *a = w->of;
	cli_make_names(&a->names, a->workers[0]->wanted.at + at, n);
}

/* Fetches into the cache what answers a little further on are made of. */
static void expect(const struct answers *a, size_t at, size_t end)
{
	enum { NEAR = 4, MIDDLE = 8, FAR = 14 };
	if (at + FAR < end)
		__builtin_prefetch(shown_of(a, &a->sorted->answers[at + FAR]));
	if (at + MIDDLE < end) {
		const struct answer *answer = &a->sorted->answers[at + MIDDLE];
		const struct cli_shown *shown = shown_of(a, answer);
		for (size_t i = 0; i < answer->n; i++)
			__builtin_prefetch(cli_shown_place(&a->names, &shown[i]));
	}
	if (at + NEAR >= end)
		return;
	const struct answer *answer = &a->sorted->answers[at + NEAR];
	const struct cli_shown *shown = shown_of(a, answer);
	for (size_t i = 0; i < answer->n; i++) {
		__builtin_prefetch(cli_shown_name(&a->names, &shown[i]));
		__builtin_prefetch(shown[i].path);
	}
}

/* Puts what look_up_slice() found, in the order of the questions. */
static void write_slice(struct worker *w, size_t at, size_t n)
{
	const struct answers *a = w->of;
	for (size_t end = at + n; at < end && !a->error; at++) {
		const struct answer *answer = &a->sorted->answers[at];
		const struct cli_shown *shown = shown_of(a, answer);
		bool bad = answer->bad;
		expect(a, at, end);
		for (size_t i = 0; i < answer->n && !bad; i++)
			bad = !put_shown(&w->out, cli_shown_name(&a->names, &shown[i]),
			                 &shown[i]);
		if (bad) {
			fail_at(w, a->addrs[at]);
			return;
		}
		if (answer->n == 0)
			PUT(&w->out, "??\n??:0:0\n");
		PUT(&w->out, "\n");
	}
}

/* Takes slices until there is none. */
static void work(struct worker *w)
{
	struct answers *a = w->of;
	struct round *r = &a->round;
	pthread_mutex_lock(&a->lock);
	r->n_busy++;
	while (r->next < r->n) {
		size_t at = w->at = r->next, n = r->n - at;
		n = n < r->work.slice ? n : r->work.slice;
		r->next += n;
		pthread_mutex_unlock(&a->lock);
		r->work.on_slice(w, at, n);
		if (r->work.writes) {
			is_turn(w, true);
			write_out(&w->out);
		}
		pthread_mutex_lock(&a->lock);
		if (r->work.writes) {
			r->turn = at + n;
			pthread_cond_broadcast(&a->changed);
		}
	}
	r->n_busy--;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

static void *run_worker(void *ctx)
{
	struct worker *w = ctx;
	struct answers *a = w->of;
	pthread_mutex_lock(&a->lock);
	for (unsigned seen = 0; !a->ends;) {
		if (seen == a->n_rounds) {
			pthread_cond_wait(&a->changed, &a->lock);
			continue;
		}
		seen = a->n_rounds;
		pthread_mutex_unlock(&a->lock);
		work(w);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	cli_demangle_end();
	return NULL;
}

static struct worker *new_worker(struct answers *a, unsigned number)
{
	struct worker *w = malloc(sizeof(*w));
	if (!w)
		return NULL;
	*w = (struct worker){ .of = a, .number = (uint8_t)number, .out = { .worker = w } };
	return w;
}

static void free_worker(struct worker *w)
{
	if (!w)
		return;
	free(w->out.at);
	free(w->out.pieces);
	free(w->shown);
	free(w->wanted.at);
	free(w->frames);
	free(w);
}

/* As many threads as processors; fewer are no harm. */
static void start_workers(struct answers *a)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	while (a->n_workers + 1 < (unsigned)n && a->n_workers + 1 < THREADS_MAX) {
		struct worker *w = new_worker(a, a->n_workers + 1);
		if (!w || pthread_create(&w->thread, NULL, run_worker, w) != 0) {
			free_worker(w);
			return;
		}
		a->workers[++a->n_workers] = w;
	}
}

struct answers *answers_new(const struct turf_image *image, struct answers_how how)
{
	struct answers *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->image = image;
	a->how = how;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	a->workers[0] = new_worker(a, 0);
	if (a->workers[0])
		return a;
	free(a);
	return NULL;
}

void answers_free(struct answers *a)
{
	pthread_mutex_lock(&a->lock);
	a->ends = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	for (unsigned i = 0; i <= a->n_workers; i++) {
		if (i)
			pthread_join(a->workers[i]->thread, NULL);
		free_worker(a->workers[i]);
	}
	free(a->sorted);
	free(a);
}

static int tell_error(struct answers *a)
{
	if (!a->error)
		return CLI_OK;
	if (a->error == -EBADMSG)
		return cli_error(NULL, "0x%llx: the image is damaged, try: turf verify",
		                 (unsigned long long)a->bad);
	return cli_error(NULL, "cannot write: %s", strerror(-a->error));
}

static void begin_round(struct answers *a, const struct work *on, size_t n)
{
	pthread_mutex_lock(&a->lock);
	a->round = (struct round){ .work = *on, .n = n };
	a->n_rounds++;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

/* When all slices are taken, and nobody is at one. */
static void end_round(struct answers *a)
{
	pthread_mutex_lock(&a->lock);
	while (a->round.n_busy)
		pthread_cond_wait(&a->changed, &a->lock);
	a->round.n = 0; /* for whoever comes late */
	a->workers[0]->at = a->round.turn = 0;
	pthread_mutex_unlock(&a->lock);
}

static void run_round(struct answers *a, const struct work *on, size_t n)
{
	begin_round(a, on, n);
	work(a->workers[0]);
	end_round(a);
}

/* Which bucket: by equal parts of what the image covers. */
static size_t bucket_of(const struct turf_image_info *info, unsigned shift, uint64_t addr)
{
	if (addr < info->base)
		return 0;
	uint64_t bucket = (addr - info->base) >> shift;
	return bucket < BUCKETS ? (size_t)bucket : BUCKETS - 1;
}

/* Puts questions into buckets, each of which is left in the order of the questions. */
static void sort(struct answers *a, size_t n)
{
	struct sorted *s = a->sorted;
	struct turf_image_info info;
	turf_image_info(a->image, &info);
	unsigned shift = 0;
	while ((info.end - info.base) >> shift >= BUCKETS)
		shift++;
	memset(s->bucket, 0, sizeof(s->bucket));
	for (size_t i = 0; i < n; i++)
		s->bucket[bucket_of(&info, shift, a->addrs[i])]++;
	uint32_t at = 0;
	for (size_t i = 0; i < BUCKETS; i++) {
		uint32_t count = s->bucket[i];
		s->bucket[i] = at;
		at += count;
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t to = s->bucket[bucket_of(&info, shift, a->addrs[i])]++;
		s->question[to] = (uint32_t)i;
		s->addrs[to] = a->addrs[i];
	}
}

/* All that is wanted in one list, in order. */
static bool gather_wanted(struct answers *a)
{
	struct cli_wanted *all = &a->workers[0]->wanted;
	for (size_t i = 1; i <= a->n_workers; i++) {
		struct cli_wanted *more = &a->workers[i]->wanted;
		if (!cli_wanted_room(all, more->n))
			return false;
		if (more->n)
			memcpy(all->at + all->n, more->at, more->n * sizeof(*more->at));
		all->n += more->n;
		more->n = 0;
	}
	cli_sort_wanted(all);
	return true;
}

static void answer_sorted(struct answers *a, const uint64_t *addrs, size_t n)
{
	static const struct work look_up = { look_up_slice, false, SLICE },
				 make = { make_slice, false, NAMES_SLICE },
				 write = { write_slice, true, SLICE };
	for (size_t done = 0; done < n && !a->error; done += ROUND) {
		size_t part = n - done < ROUND ? n - done : ROUND;
		a->addrs = addrs + done;
		for (size_t i = 0; i <= a->n_workers; i++)
			a->workers[i]->n_shown = a->workers[i]->wanted.n = 0;
		sort(a, part);
		run_round(a, &look_up, part);
		if (gather_wanted(a))
			run_round(a, &make, a->workers[0]->wanted.n);
		else
			a->error = -ENOMEM;
		run_round(a, &write, part);
	}
}

/* What they can be sorted with; false: no memory, which is no error. */
static bool sorted_room(struct answers *a)
{
	if (a->sorted || a->how.json || !cli_names_many(a->image, !a->how.mangled, &a->names))
		return a->sorted;
	a->sorted = cli_large(sizeof(*a->sorted));
	return a->sorted;
}

static void answer_many(struct answers *a, const uint64_t *addrs, size_t n)
{
	static const struct work answer = { answer_slice, true, SLICE };
	if (!a->n_workers)
		start_workers(a);
	write_out(&a->workers[0]->out);
	if (sorted_room(a))
		answer_sorted(a, addrs, n);
	else
		run_round(a, &answer, n);
}

int answers_give(struct answers *a, const uint64_t *addrs, size_t n)
{
	a->addrs = addrs;
	if (n >= MANY)
		answer_many(a, addrs, n);
	else
		answer_slice(a->workers[0], 0, n);
	return tell_error(a);
}

int answers_flush(struct answers *a)
{
	write_out(&a->workers[0]->out);
	return tell_error(a);
}

bool answers_wait(const struct answers *a)
{
	return a->workers[0]->out.n > 0;
}

bool answers_found(const struct answers *a)
{
	return a->found;
}
