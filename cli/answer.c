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
#include <unistd.h>

#include "answer.h"

enum {
	SLICE = 256,         /* questions looked up at once */
	SLICE_FRAMES = 2048, /* and their answers */
	MANY = 4 * SLICE,    /* from so many on threads pay */
	THREADS_MAX = 8,
	ROOM = 1 << 16,     /* bytes written at once */
	ROOM_MAX = 1 << 22, /* kept while others are to write first */
};

/* What a thread is to write. */
struct sink {
	struct worker *worker;
	char *at;
	size_t n, room;
};

struct worker {
	struct answers *of;
	pthread_t thread;
	size_t slice; /* that it works at */
	struct sink out;
	struct turf_frame frames[SLICE_FRAMES];
	uint32_t first[SLICE + 1];
};

/* A round: the questions of one answers_give(). */
struct round {
	const uint64_t *addrs;
	size_t n;
	size_t next;     /* slice that nobody has taken yet */
	size_t turn;     /* slice that may be written */
	unsigned n_busy; /* threads that are at it */
};

struct answers {
	const struct turf_image *image;
	bool json, mangled;
	atomic_bool found;
	atomic_int error; /* 0, or negative errno: nothing is written any more */
	uint64_t bad;     /* address that could not be answered, where that is -EBADMSG */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct round round;
	unsigned n_rounds, n_workers; /* rounds that were begun; threads, ours not among them */
	bool ends;
	struct worker *workers[THREADS_MAX]; /* [0] is the caller's */
};

static void write_out(struct sink *s)
{
	struct answers *a = s->worker->of;
	for (size_t done = 0; done < s->n && !a->error;) {
		ssize_t n = write(STDOUT_FILENO, s->at + done, s->n - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			a->error = -errno;
	}
	s->n = 0;
}

static bool is_turn(struct worker *w, bool wait)
{
	struct answers *a = w->of;
	pthread_mutex_lock(&a->lock);
	while (wait && a->round.turn != w->slice)
		pthread_cond_wait(&a->changed, &a->lock);
	bool yes = a->round.turn == w->slice;
	pthread_mutex_unlock(&a->lock);
	return yes;
}

/* Makes sure that @size bytes can be put to the place it gives; NULL: no memory. */
static char *sink_room(struct sink *s, size_t size)
{
	if (s->room - s->n >= size)
		return s->at + s->n;
	if (s->n && is_turn(s->worker, s->n >= ROOM_MAX))
		write_out(s);
	if (s->room - s->n < size) {
		size_t room = s->room ? 2 * s->room : ROOM;
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
	char digits[10];
	size_t at = sizeof(digits);
	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	memcpy(out, digits + at, sizeof(digits) - at);
	return out + (sizeof(digits) - at);
}

static void put_json_bytes(struct sink *s, const char *text, size_t n)
{
	char *at = sink_room(s, CLI_JSON_ROOM(n));
	if (at)
		s->n = (size_t)(cli_json_escape(at, text, n) - s->at);
}

static void put_text_frame(struct worker *t, const struct turf_frame *f)
{
	static const struct cli_text no_path = { "??", 2 };
	struct cli_text name = cli_frame_name(t->of->image, f, !t->of->mangled);
	struct cli_text path = f->file ? cli_path(t->of->image, f->file) : no_path;
	char *at = sink_room(&t->out, name.size + path.size + 32);
	if (!at)
		return;
	memcpy(at, name.at, name.size);
	at += name.size;
	*at++ = '\n';
	if (path.size) {
		memcpy(at, path.at, path.size);
		at += path.size;
	}
	*at++ = ':';
	at = write_number(at, f->line);
	*at++ = ':';
	at = write_number(at, f->column);
	*at++ = '\n';
	t->out.n = (size_t)(at - t->out.at);
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

static void put_json_frame(struct worker *t, const struct turf_frame *f, bool first)
{
	struct sink *s = &t->out;
	put_str(s, first ? "{" : ",{");
	put_json_field(s, "\"function\":", cli_text(t->of->image, f->name));
	put_json_field(s, "\"linkage_name\":", cli_text(t->of->image, f->linkage_name));
	put_json_field(s, "\"file\":", cli_path(t->of->image, f->file));
	put_json_number(s, "\"line\":", f->line);
	put_json_number(s, "\"column\":", f->column);
	put_str(s, f->inlined ? "\"inlined\":true}" : "\"inlined\":false}");
}

static void put_json_answer(struct worker *t, uint64_t addr, const struct turf_frame *frames,
                            size_t n)
{
	PUT(&t->out, "{\"address\":\"0x");
	put_number(&t->out, addr, 16);
	PUT(&t->out, "\",\"frames\":[");
	for (size_t i = 0; i < n; i++)
		put_json_frame(t, &frames[i], i == 0);
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

/*
 * Answers for at most a slice: how many that were is added to *@done. false: not the first of
 * them, its image is damaged.
 */
static bool answer_some(struct worker *t, const uint64_t *addrs, size_t n, size_t *done)
{
	const struct turf_image *image = t->of->image;
	ssize_t r = turf_image_frames_bulk(image, addrs, n, t->frames, SLICE_FRAMES, t->first);
	if (r < 0 && n > 1) /* which one it was is told by asking alone */
		return answer_some(t, addrs, 1, done);
	bool found = false;
	if (r > 0)
		cli_names_expect(image, t->frames, t->first[r], !t->of->mangled);
	for (ssize_t i = 0; i < r; i++) {
		size_t count = t->first[i + 1] - t->first[i];
		if (t->of->json)
			put_json_answer(t, addrs[i], t->frames + t->first[i], count);
		else
			put_text_answer(t, t->frames + t->first[i], count);
		found |= count > 0;
	}
	if (found)
		t->of->found = true;
	*done += r > 0 ? (size_t)r : 0;
	return r >= 0 && !cli_damaged;
}

/* Answers a slice; whoever finds that it cannot says so when its turn comes. */
static void answer_slice(struct worker *w, const uint64_t *addrs, size_t n)
{
	struct answers *a = w->of;
	size_t done = 0;
	bool sound = true;
	while (done < n && sound && !a->error)
		sound = answer_some(w, addrs + done, n - done, &done);
	if (sound)
		return;
	is_turn(w, true);
	write_out(&w->out);
	a->bad = addrs[done < n ? done : n - 1];
	if (!a->error)
		a->error = -EBADMSG;
}

/* Takes slices until there is none. */
static void work(struct worker *w)
{
	struct answers *a = w->of;
	struct round *r = &a->round;
	pthread_mutex_lock(&a->lock);
	r->n_busy++;
	while (r->next * SLICE < r->n) {
		size_t slice = w->slice = r->next++;
		size_t at = slice * SLICE, n = r->n - at < SLICE ? r->n - at : SLICE;
		const uint64_t *addrs = r->addrs + at;
		pthread_mutex_unlock(&a->lock);
		answer_slice(w, addrs, n);
		is_turn(w, true);
		write_out(&w->out);
		pthread_mutex_lock(&a->lock);
		r->turn = slice + 1;
		pthread_cond_broadcast(&a->changed);
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
	return NULL;
}

static struct worker *new_worker(struct answers *a)
{
	struct worker *w = malloc(sizeof(*w));
	if (!w)
		return NULL;
	w->of = a;
	w->slice = 0;
	w->out = (struct sink){ .worker = w };
	return w;
}

/* As many threads as processors; fewer are no harm. */
static void start_workers(struct answers *a)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
	while (a->n_workers + 1 < (unsigned)n && a->n_workers + 1 < THREADS_MAX) {
		struct worker *w = new_worker(a);
		if (!w || pthread_create(&w->thread, NULL, run_worker, w) != 0) {
			free(w);
			return;
		}
		a->workers[++a->n_workers] = w;
	}
}

struct answers *answers_new(const struct turf_image *image, bool json, bool mangled)
{
	struct answers *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->image = image;
	a->json = json;
	a->mangled = mangled;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	a->workers[0] = new_worker(a);
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
		free(a->workers[i]->out.at);
		free(a->workers[i]);
	}
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

static void begin_round(struct answers *a, const uint64_t *addrs, size_t n)
{
	pthread_mutex_lock(&a->lock);
	a->round = (struct round){ .addrs = addrs, .n = n };
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
	a->workers[0]->slice = a->round.turn = 0;
	pthread_mutex_unlock(&a->lock);
}

int answers_give(struct answers *a, const uint64_t *addrs, size_t n)
{
	struct worker *self = a->workers[0];
	if (n >= MANY) {
		if (!a->n_workers)
			start_workers(a);
		write_out(&self->out);
		begin_round(a, addrs, n);
		work(self);
		end_round(a);
	} else {
		for (size_t i = 0; i < n && !a->error; i += SLICE)
			answer_slice(self, addrs + i, n - i < SLICE ? n - i : SLICE);
	}
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
