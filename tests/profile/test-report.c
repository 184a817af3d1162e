/* SPDX-License-Identifier: MIT */
/* What a report says of a profile made by hand, word for word. */
#include "sample.h"

static int give_image(void *ctx, const char *key, const char *path, const char *id,
                      struct turf_image **image)
{
	int *n_asked = ctx;
	++*n_asked;
	if (strcmp(path, "/usr/bin/app") != 0)
		return 0;
	ck_assert_str_eq(key, "key1");
	ck_assert_str_eq(id, "abcd");
	*image = &app_image;
	return 1;
}

static char *written(const struct turf_report_options *change,
                     int (*write)(const struct turf_report *, FILE *))
{
	struct turf_profile *p = sample_profile();
	struct turf_report_options options =
		change ? *change : (struct turf_report_options){ 0 };
	struct turf_report *report;
	int n_asked = 0;
	char *text;
	size_t size;
	options.size = sizeof(options);
	options.open_image = give_image;
	options.ctx = &n_asked;
	app_image.n_closed = 0;
	ck_assert_int_eq(turf_report_new(p, &options, &report, NULL), 0);
	ck_assert_int_eq(n_asked, 2); /* each module once */
	ck_assert_int_eq(app_image.n_closed, 1);
	FILE *out = open_memstream(&text, &size);
	ck_assert_int_eq(write(report, out), 0);
	fclose(out);
	turf_report_free(report);
	turf_profile_close(p);
	return text;
}

static void same_text(char *got, const char *expected)
{
	ck_assert_msg(strcmp(got, expected) == 0, "got:\n%s\nexpected:\n%s", got, expected);
	free(got);
}

#define HEADER                                                                                 \
	"# command: app --now\n"                                                               \
	"# host: box, Linux 6.1.0\n"                                                           \
	"# time: 2023-11-14 22:13:20 UTC, 2.50 s\n"                                            \
	"# samples: 100 at 99 a second and CPU, all processes\n"                               \
	"# lost: 3 by the kernel, 0 by us; slowed down 0 times\n"                              \
	"# stacks: 80 of 85 unwound to the thread's start (94.1 %), 5 truncated\n\n"

/* fib calls itself: its total counts a stack once. main's line is that with most samples. */
START_TEST(plain_text)
{
	same_text(written(NULL, turf_report_text), HEADER
	          "    self    total  samples  function        file:line  module\n"
	          " 50.00 %  50.00 %       50  push (inlined)  stack.h:7  /usr/bin/app\n"
	          " 20.00 %  30.00 %       20  fib             fib.c:3    /usr/bin/app\n"
	          " 15.00 %  15.00 %       15  [kernel]        -          [kernel]\n"
	          " 10.00 %  10.00 %       10  ext4_read       -          [ext4]\n"
	          "  5.00 %   5.00 %        5  </script>;\"&\xff   -          /usr/bin/app\n"
	          "  0.00 %  80.00 %        0  main            main.c:10  /usr/bin/app\n"
	          "  0.00 %  50.00 %        0  eval            eval.c:30  /usr/bin/app\n"
	          "  0.00 %  10.00 %        0  [libc.so.6]     -          /lib/libc.so.6\n"
	          "  0.00 %  10.00 %        0  do_syscall      -          [kernel]\n"
	          "  0.00 %   5.00 %        0  [unknown]       -          -\n");
}
END_TEST

START_TEST(text_without_inlines_and_with_a_limit)
{
	const struct turf_report_options options = { .no_inlines = true, .limit = 2 };
	same_text(written(&options, turf_report_text),
	          HEADER "    self    total  samples  function  file:line  module\n"
	                 " 50.00 %  50.00 %       50  eval      eval.c:30  /usr/bin/app\n"
	                 " 20.00 %  30.00 %       20  fib       fib.c:3    /usr/bin/app\n"
	                 "# 7 further functions\n");
}
END_TEST

static const char *name_of(void *ctx, const char *linkage_name)
{
	(void)ctx;
	return strcmp(linkage_name, "_Zx") == 0    ? "x::operator()"
	       : strcmp(linkage_name, "eval") == 0 ? "an evaluation"
	                                           : NULL;
}

START_TEST(names_that_the_caller_gives)
{
	const struct turf_report_options options = { .name = name_of };
	char *text = written(&options, turf_report_folded);
	ck_assert_ptr_nonnull(strstr(text, ";x::operator()"));
	ck_assert_ptr_nonnull(strstr(text, ";main;an evaluation;push "));
	ck_assert_ptr_null(strstr(text, "script"));
	free(text);
	text = written(&options, turf_report_json);
	ck_assert_ptr_nonnull(
		strstr(text, "\"name\":\"x::operator()\",\"linkage_name\":\"_Zx\""));
	free(text);
}
END_TEST

START_TEST(text_in_color)
{
	const struct turf_report_options options = { .color = true, .limit = 1 };
	char *text = written(&options, turf_report_text);
	ck_assert_ptr_nonnull(strstr(text, "\033[1;31m 50.00 %"));
	ck_assert_ptr_nonnull(strstr(text, "\033[0m\n"));
	free(text);
}
END_TEST

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The order of lines is nobody's business. */
static char *sorted(char *text)
{
	char *lines[64], *at = text, *out;
	size_t n = 0, size;
	for (char *line; (line = strsep(&at, "\n")) && *line && n < COUNT(lines);)
		lines[n++] = line;
	qsort(lines, n, sizeof(*lines), compare_lines);
	FILE *f = open_memstream(&out, &size);
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s\n", lines[i]);
	fclose(f);
	free(text);
	return out;
}

START_TEST(folded)
{
	same_text(sorted(written(NULL, turf_report_folded)),
	          "app;main;eval;push 50\n"
	          "app;main;fib;fib;fib 20\n"
	          "kworker/0;[kernel] 15\n"
	          "worker;[unknown];</script>:\"&\xff 5\n"
	          "worker;main;fib;[libc.so.6];do_syscall;ext4_read 10\n");
}
END_TEST

START_TEST(json)
{
	same_text(
		written(NULL, turf_report_json),
		"{\"format\":\"turf-report\",\"version\":1,\n"
		"\"command\":\"app --now\",\"host\":\"box\",\"kernel\":\"6.1.0\","
		"\"start_ns\":1700000000000000000,\"duration_ns\":2500000000,\"frequency\":99,"
		"\"stack_size\":65528,\"system_wide\":true,\"user_only\":false,\n"
		"\"samples\":100,\"stats\":{\"samples\":100,\"user_samples\":85,"
		"\"kernel_only\":15,\"foreign\":0,\"lost\":3,\"dropped\":0,\"throttled\":0,"
		"\"late\":0,\"malformed\":0,\"frames\":300,\"frames_by_pointer\":2,"
		"\"stops\":{\"end\":80,\"truncated\":5,\"no_module\":0,\"no_rule\":0,"
		"\"memory\":0,\"bad_rule\":0,\"loop\":0,\"depth\":0}},\n"
		"\"processes\":[\n"
		"{\"name\":\"app\",\"pid\":100},\n"
		"{\"name\":\"kworker/0\",\"pid\":7}],\n"
		"\"functions\":[\n"
		"{\"name\":\"main\",\"module\":\"/usr/bin/app\",\"file\":\"src/main.c\","
		"\"line\":10,\"kind\":\"function\",\"self\":0,\"total\":80},\n"
		"{\"name\":\"push\",\"module\":\"/usr/bin/app\",\"file\":\"src/stack.h\","
		"\"line\":7,\"kind\":\"inlined\",\"self\":50,\"total\":50},\n"
		"{\"name\":\"eval\",\"module\":\"/usr/bin/app\",\"file\":\"src/eval.c\","
		"\"line\":30,\"kind\":\"function\",\"self\":0,\"total\":50},\n"
		"{\"name\":\"fib\",\"module\":\"/usr/bin/app\",\"file\":\"src/fib.c\","
		"\"line\":3,\"kind\":\"function\",\"self\":20,\"total\":30},\n"
		"{\"name\":\"\\u003c/script\\u003e;\\\"\\u0026\\ufffd\","
		"\"linkage_name\":\"_Zx\",\"module\":\"/usr/bin/app\",\"kind\":\"function\","
		"\"self\":5,\"total\":5},\n"
		"{\"name\":\"[libc.so.6]\",\"module\":\"/lib/libc.so.6\",\"kind\":\"unknown\","
		"\"self\":0,\"total\":10},\n"
		"{\"name\":\"[unknown]\",\"module\":\"\",\"kind\":\"unknown\",\"self\":0,"
		"\"total\":5},\n"
		"{\"name\":\"do_syscall\",\"module\":\"[kernel]\",\"kind\":\"kernel\","
		"\"self\":0,\"total\":10},\n"
		"{\"name\":\"ext4_read\",\"module\":\"[ext4]\",\"kind\":\"kernel\","
		"\"self\":10,\"total\":10},\n"
		"{\"name\":\"[kernel]\",\"module\":\"[kernel]\",\"kind\":\"kernel\","
		"\"self\":15,\"total\":15}],\n"
		"\"nodes\":[\n"
		"[0,0,0,100],[0,0,0,85],[1,0,0,80],[2,2,0,50],[3,1,50,50],[2,3,0,30],"
		"[5,3,0,20],[6,3,20,20],\n"
		"[5,5,0,10],[8,7,0,10],[9,8,10,10],[1,6,0,5],[11,4,5,5],[0,1,0,15],[13,9,15,15]"
		"]}\n");
}
END_TEST

/* The page holds the JSON object as it is, and its element ends where we end it. */
START_TEST(html)
{
	char *page = written(NULL, turf_report_html), *object = written(NULL, turf_report_json);
	char *at = strstr(page, "id=\"data\">");
	ck_assert_ptr_nonnull(at);
	at += strlen("id=\"data\">");
	ck_assert_int_eq(strncmp(at, object, strlen(object)), 0);
	ck_assert_ptr_eq(strstr(at, "</script>"), at + strlen(object));
	ck_assert_ptr_null(strstr(page, "@PROFILE@"));
	ck_assert_ptr_null(strstr(page, "http")); /* works without a network */
	ck_assert_str_eq(page + strlen(page) - 8, "</html>\n");
	ck_assert_uint_lt(strlen(page) - strlen(object), 100 * 1000);
	free(page);
	free(object);
}
END_TEST

START_TEST(a_full_disk_is_told)
{
	struct turf_profile *p = sample_profile();
	struct turf_report *report;
	int (*const writers[])(const struct turf_report *,
	                       FILE *) = { turf_report_text, turf_report_folded,
		                           turf_report_json, turf_report_html };
	ck_assert_int_eq(turf_report_new(p, NULL, &report, NULL), 0);
	for (size_t i = 0; i < COUNT(writers); i++) {
		FILE *full = fopen("/dev/full", "we");
		setvbuf(full, NULL, _IONBF, 0);
		ck_assert_int_eq(writers[i](report, full), -EIO);
		fclose(full);
	}
	turf_report_free(report);
	turf_profile_close(p);
}
END_TEST

TESTS("profile/report", plain_text, text_without_inlines_and_with_a_limit,
      names_that_the_caller_gives, text_in_color, folded, json, html, a_full_disk_is_told)
