/* SPDX-License-Identifier: MIT */
/*
 * turf diff: what two builds of a library or program offer others, compared.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "diff.h"

static const char usage[] =
	"Usage: turf diff [--all] [--json] OLD NEW\n"
	"Compares the interfaces of two builds of a library or program, ELF files or\n"
	"urfs: functions that others can call and what they take and return, variables\n"
	"that others can see, and the layouts of all types that are reached from these.\n"
	"\n"
	"  -  only OLD has it     +  only NEW has it     ~  both have it, and it differs\n"
	"\n"
	"Offsets and sizes are in bytes, of bit fields the bit stands behind a colon. A\n"
	"type that changed is told once, with the functions and variables that reach it.\n"
	"Names of parameters and const in front of one do not count.\n"
	"\n"
	"      --all         every function, variable and type, not only what others see\n"
	"      --json        one JSON object a line\n"
	"  --debuginfo PATH  where separate debug files are, a folder or one of them;\n"
	"                    may be given several times (default: /usr/lib/debug)\n"
	"  --store DIR       where urfs are kept\n"
	"\n"
	"Exit status: 0 nothing differs, 1 something does, 2 error.\n";

void diff_fail(struct diff *d, const char *what)
{
	if (!d->failed)
		cli_error(NULL, "%s", what);
	d->failed = true;
}

bool diff_room(struct diff *d, void *at, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return true;
	size_t more = 2 * *room + 16;
	void *grown = realloc(*(void **)at, more * size);
	if (!grown) {
		diff_fail(d, "no memory");
		return false;
	}
	*(void **)at = grown;
	*room = more;
	return true;
}

const char *diff_text(struct diff *d, const char *fmt, ...)
{
	char *made;
	va_list args;
	va_start(args, fmt);
	int n = vasprintf(&made, fmt, args);
	va_end(args);
	struct cli_text kept = { NULL, 0 };
	if (n >= 0) {
		kept = cli_keep((struct cli_text){ made, (size_t)n });
		free(made);
	}
	if (!kept.at)
		diff_fail(d, "no memory");
	return kept.at ? kept.at : "";
}

const char *diff_intern(struct diff *d, const char *text)
{
	bool is_new;
	struct cli_entry *e = cli_table_name(&d->names, text, &is_new);
	if (!e)
		diff_fail(d, "no memory");
	return e ? e->name : "";
}

const char *diff_name(struct diff *d, int side, turf_text text)
{
	struct cli_text t = cli_text(d->side[side].image, text);
	return t.at ? t.at : "";
}

const char *diff_declare(struct diff *d, int side, uint32_t type, const char *name)
{
	char room[512];
	const struct turf_image *image = d->side[side].image;
	ssize_t n = turf_image_type_declare(image, type, name, room, sizeof(room));
	if (n < 0) {
		diff_fail(d, "a type cannot be read: damaged urf");
		return "";
	}
	if ((size_t)n < sizeof(room))
		return diff_text(d, "%s", room);
	char *text = malloc((size_t)n + 1);
	if (text)
		turf_image_type_declare(image, type, name, text, (size_t)n + 1);
	const char *kept = diff_text(d, "%s", text ? text : "");
	free(text);
	return kept;
}

bool diff_type(struct diff *d, int side, uint32_t number, struct turf_type *out)
{
	if (turf_image_type(d->side[side].image, number, out) == 1)
		return true;
	diff_fail(d, "a type cannot be read: damaged urf");
	*out = (struct turf_type){ .kind = TURF_TYPE_VOID };
	return false;
}

static int open_side(struct diff *d, int side, const char *path)
{
	struct diff_side *s = &d->side[side];
	struct turf_image *image;
	int status = cli_open_image(path, &image);
	if (status != CLI_OK)
		return status;
	s->image = image;
	s->n_types = turf_image_n_types(image);
	if (!s->n_types)
		return cli_error(NULL,
		                 "%s: no types in this urf: it was made of a file without "
		                 "debug info, with --hot, or stripped; build it without --hot",
		                 path);
	s->keys = calloc(s->n_types, sizeof(*s->keys));
	s->flags = calloc(s->n_types, 1);
	return s->keys && s->flags ? CLI_OK : cli_error(NULL, "no memory");
}

static void close_side(struct diff_side *s)
{
	if (s->image)
		turf_image_close((struct turf_image *)s->image);
	free(s->keys);
	free(s->flags);
	for (unsigned i = 0; i < DIFF_N_KINDS; i++)
		free(s->items[i].at);
}

static void clear(struct diff *d)
{
	for (size_t i = 0; i < d->n_results; i++)
		free(d->results[i].changes.at);
	free(d->results);
	free(d->nodes);
	free(d->edges);
	free(d->matched);
	free(d->names.at);
	free(d->pairs.at);
	close_side(&d->side[DIFF_OLD]);
	close_side(&d->side[DIFF_NEW]);
}

static int diff(struct diff *d, char *const *paths)
{
	for (int side = 0; side < DIFF_SIDES; side++) {
		int status = open_side(d, side, paths[side]);
		if (status != CLI_OK)
			return status;
	}
	for (int side = 0; side < DIFF_SIDES; side++)
		diff_collect(d, side);
	diff_items(d);
	diff_types(d);
	return d->failed ? CLI_ERROR : diff_print(d);
}

int cmd_diff(int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		CLI_DEBUGINFO,
		CLI_OPTIONS,
	};
	struct diff d = { .all = false };
	for (int c; (c = cli_getopt(argc, argv, "", options, usage)) != -1;) {
		if (c == 'a')
			d.all = true;
		else
			d.json = true;
	}
	if (argc - optind != 2)
		return cli_usage_error("two files are expected");
	int status = diff(&d, argv + optind);
	clear(&d);
	return status;
}
