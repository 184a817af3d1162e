/* SPDX-License-Identifier: MIT */
/* A profile's file: back as it was, and no byte of it trusted. */
#include <sys/stat.h>
#include <unistd.h>

#include "sample.h"

static struct buf encode(const struct turf_profile *p)
{
	struct buf b = { 0 };
	ck_assert(turf_profile_encode(p, &b));
	return b;
}

/* Empty arrays have no address. */
static void same_bytes(const void *a, const void *b, size_t size)
{
	if (size)
		ck_assert_mem_eq(a, b, size);
}

static void same_profile(const struct turf_profile *a, const struct turf_profile *b)
{
	ck_assert_uint_eq(a->strings.n, b->strings.n);
	for (size_t i = 0; i < a->strings.n; i++)
		ck_assert_str_eq(a->strings.at[i], b->strings.at[i]);
	ck_assert_uint_eq(a->modules.n, b->modules.n);
	same_bytes(a->modules.at, b->modules.at, a->modules.n * sizeof(*a->modules.at));
	ck_assert_uint_eq(a->threads.n, b->threads.n);
	same_bytes(a->threads.at, b->threads.at, a->threads.n * sizeof(*a->threads.at));
	ck_assert_uint_eq(a->frames.n, b->frames.n);
	for (size_t i = 0; i < a->frames.n; i++) {
		const struct p_frame *f = &a->frames.at[i], *g = &b->frames.at[i];
		ck_assert(f->kind == g->kind && f->module == g->module && f->name == g->name &&
		          f->addr == g->addr);
	}
	ck_assert_uint_eq(a->nodes.n, b->nodes.n);
	same_bytes(a->nodes.at, b->nodes.at, a->nodes.n * sizeof(*a->nodes.at));
	ck_assert_uint_eq(a->counts.n, b->counts.n);
	same_bytes(a->counts.at, b->counts.at, a->counts.n * sizeof(*a->counts.at));
}

static void same_info(const struct turf_profile *p, const struct turf_profile *q)
{
	struct turf_profile_info a = { .size = sizeof(a) }, b = { .size = sizeof(b) };
	turf_profile_info(p, &a);
	turf_profile_info(q, &b);
	ck_assert_str_eq(a.command, b.command);
	ck_assert_str_eq(a.host, b.host);
	ck_assert_str_eq(a.kernel, b.kernel);
	ck_assert_uint_eq(a.start_ns, b.start_ns);
	ck_assert_uint_eq(a.duration_ns, b.duration_ns);
	ck_assert_uint_eq(a.frequency, b.frequency);
	ck_assert_uint_eq(a.stack_size, b.stack_size);
	ck_assert_int_eq(a.system_wide, b.system_wide);
	ck_assert_int_eq(a.user_only, b.user_only);
	ck_assert_uint_eq(a.n_stacks, b.n_stacks);
	ck_assert_mem_eq(&a.stats, &b.stats, sizeof(a.stats));
}

START_TEST(comes_back_as_it_was)
{
	struct turf_profile *p = sample_profile(), *q = NULL;
	struct buf b = encode(p);
	struct turf_error err = { 0 };
	ck_assert_msg(turf_profile_open_mem(b.at, b.n, &q, &err) == 0, "%s", err.text);
	same_profile(p, q);
	same_info(p, q);
	struct buf again = encode(q);
	ck_assert_uint_eq(again.n, b.n);
	ck_assert_mem_eq(again.at, b.at, b.n);
	vec_fini(&b);
	vec_fini(&again);
	turf_profile_close(p);
	turf_profile_close(q);
}
END_TEST

START_TEST(an_empty_profile_comes_back)
{
	struct turf_profile *p = turf_profile_new(), *q = NULL;
	struct buf b = encode(p);
	ck_assert_int_eq(turf_profile_open_mem(b.at, b.n, &q, NULL), 0);
	same_profile(p, q);
	vec_fini(&b);
	turf_profile_close(p);
	turf_profile_close(q);
}
END_TEST

static void refused(struct span part)
{
	struct turf_profile *kept = (struct turf_profile *)KEPT, *p = kept;
	struct turf_error err = { 0 };
	int r = turf_profile_open_mem(part.at, part.size, &p, &err);
	ck_assert_int_eq(r, -EBADMSG);
	ck_assert_ptr_eq(p, kept);
	ck_assert_int_eq(err.code, r);
	ck_assert_int_ne(err.text[0], 0);
}

START_TEST(every_prefix_is_refused)
{
	struct turf_profile *p = sample_profile();
	struct buf b = encode(p);
	every_prefix((struct span){ b.at, b.n }, refused);
	vec_fini(&b);
	turf_profile_close(p);
}
END_TEST

static int give_image(void *ctx, const char *key, const char *path, const char *id,
                      struct turf_image **image)
{
	(void)ctx, (void)key, (void)path, (void)id;
	*image = &app_image;
	return 1;
}

/* What is read is also shown: a wrong index that got through would be used there. */
static void survived(struct span bent)
{
	struct turf_profile *p;
	struct turf_report_options options = { .size = sizeof(options),
		                               .open_image = give_image };
	struct turf_report *report;
	if (turf_profile_open_mem(bent.at, bent.size, &p, NULL) < 0)
		return;
	ck_assert_int_eq(turf_report_new(p, &options, &report, NULL), 0);
	FILE *null = fopen("/dev/null", "we");
	ck_assert_int_eq(turf_report_text(report, null), 0);
	ck_assert_int_eq(turf_report_folded(report, null), 0);
	ck_assert_int_eq(turf_report_json(report, null), 0);
	fclose(null);
	turf_report_free(report);
	turf_profile_close(p);
}

START_TEST(every_byte_bent_is_survived)
{
	struct turf_profile *p = sample_profile();
	struct buf b = encode(p);
	every_byte_bent((struct span){ b.at, b.n }, survived);
	vec_fini(&b);
	turf_profile_close(p);
}
END_TEST

/* Offsets in the file; docs/recording.md. */
enum { AT_VERSION = 8, AT_N = 12, AT_SIZE = 16, AT_SECTIONS = 24, ENTRY = 32 };

static const struct {
	const char *what;
	size_t at, size;
	uint64_t value;
	int expect;
} bends[] = {
	{ "other magic", 0, 1, 'X', -EBADMSG },
	{ "version 3", AT_VERSION, 4, 3, -ENOTSUP },
	{ "version 0", AT_VERSION, 4, 0, -ENOTSUP },
	{ "version 1", AT_VERSION, 4, 1, 0 },
	{ "too many sections", AT_N, 4, 65, -E2BIG },
	{ "another size", AT_SIZE, 8, 1 << 20, -EBADMSG },
	{ "no strings", AT_SECTIONS + ENTRY, 8, 99, -EBADMSG },
	{ "nodes twice", AT_SECTIONS + 6 * ENTRY, 8, 6, -EBADMSG },
	{ "section outside", AT_SECTIONS + ENTRY + 8, 8, UINT64_MAX, -EBADMSG },
	{ "section wraps", AT_SECTIONS + ENTRY + 16, 8, UINT64_MAX - 8, -EBADMSG },
	{ "more strings than bytes", AT_SECTIONS + ENTRY + 24, 8, 1 << 20, -EBADMSG },
	{ "no string at all", AT_SECTIONS + ENTRY + 24, 8, 0, -EBADMSG },
	{ "fewer modules", AT_SECTIONS + 2 * ENTRY + 24, 8, 1, -EBADMSG },
	{ "fewer frames", AT_SECTIONS + 4 * ENTRY + 24, 8, 1, -EBADMSG },
	{ "fewer nodes", AT_SECTIONS + 5 * ENTRY + 24, 8, 1, -EBADMSG },
	{ "a new kind of statistics", AT_SECTIONS + 7 * ENTRY + 24, 8, 1, 0 },
};

START_TEST(what_is_wrong_is_told)
{
	struct turf_profile *p = sample_profile(), *q;
	for (size_t i = 0; i < COUNT(bends); i++) {
		struct buf b = encode(p);
		uint64_t le = htole64(bends[i].value);
		memcpy(b.at + bends[i].at, &le, bends[i].size);
		struct turf_error err = { 0 };
		int r = turf_profile_open_mem(b.at, b.n, &q, &err);
		ck_assert_msg(r == bends[i].expect, "%s: %d (%s)", bends[i].what, r, err.text);
		if (r == 0)
			turf_profile_close(q);
		vec_fini(&b);
	}
	turf_profile_close(p);
}
END_TEST

START_TEST(stacks_have_a_greatest_depth)
{
	struct turf_profile *p = turf_profile_new(), *q = NULL;
	struct p_frame f = { FRAME_LIVE, NO_MODULE, 0, 1 };
	uint32_t frame, node = 0;
	ck_assert(turf_profile_frame(p, &f, &frame));
	for (int i = 0; i < PROFILE_MAX_DEPTH; i++)
		ck_assert(turf_profile_node(p, node, frame, &node));
	struct buf b = encode(p);
	ck_assert_int_eq(turf_profile_open_mem(b.at, b.n, &q, NULL), 0);
	turf_profile_close(q);
	vec_fini(&b);
	ck_assert(turf_profile_node(p, node, frame, &node));
	b = encode(p);
	ck_assert_int_eq(turf_profile_open_mem(b.at, b.n, &q, NULL), -EBADMSG);
	vec_fini(&b);
	turf_profile_close(p);
}
END_TEST

START_TEST(saving_leaves_one_whole_file)
{
	char folder[] = "/tmp/turf-test-XXXXXX", path[64];
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/turf.data", folder);
	struct turf_profile *p = sample_profile(), *q = NULL;
	for (int i = 0; i < 2; i++) /* a second time over the first */
		ck_assert_int_eq(turf_profile_save(p, path, NULL), 0);
	ck_assert_int_eq(turf_profile_open(path, &q, NULL), 0);
	same_profile(p, q);
	turf_profile_close(q);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing else was left there */
	struct turf_error err = { 0 };
	ck_assert_int_eq(turf_profile_save(p, path, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	struct turf_error again = { 0 };
	ck_assert_int_eq(turf_profile_open(path, &q, &again), -ENOENT);
	turf_profile_close(p);
}
END_TEST

TESTS("profile/file", comes_back_as_it_was, an_empty_profile_comes_back,
      every_prefix_is_refused, every_byte_bent_is_survived, what_is_wrong_is_told,
      stacks_have_a_greatest_depth, saving_leaves_one_whole_file)
