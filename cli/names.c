/* SPDX-License-Identifier: MIT */
/*
 * Names and paths of images: each is read, joined and demangled once in a run.
 */
#include <stdlib.h>
#include <string.h>

#include "cli.h"

bool cli_damaged;

/* What the numbers of an image mean. */
enum space { TEXT = 1, PATH, SHOWN_FUNCTION, SHOWN_SYMBOL, LINKED_FUNCTION, LINKED_SYMBOL };

static struct cli_table table;

static const struct cli_text unknown = { "??", 2 };

/* Images are told apart by where they are: they stay open. */
static uint64_t space_of(const struct turf_image *image, enum space space)
{
	return (uint64_t)(uintptr_t)image << 8 | space;
}

static ssize_t read_from(const struct turf_image *image, enum space space, uint64_t number,
                         char *out, size_t size)
{
	return space == PATH ? turf_image_path(image, (uint32_t)number, out, size)
	                     : turf_image_text(image, number, out, size);
}

/* Most texts are short; of a long one the length is known after the first try. */
static struct cli_text read_kept(const struct turf_image *image, enum space space,
                                 uint64_t number)
{
	char room[1024], *text = room;
	ssize_t n = read_from(image, space, number, room, sizeof(room));
	if (n >= (ssize_t)sizeof(room)) {
		text = malloc((size_t)n + 1);
		if (!text || read_from(image, space, number, text, (size_t)n + 1) != n)
			n = -1;
	}
	cli_damaged |= n < 0;
	const char *kept = n > 0 ? cli_keep(text, (size_t)n) : NULL;
	if (text != room)
		free(text);
	return (struct cli_text){ kept, kept ? (size_t)n : 0 };
}

static struct cli_text find(const struct turf_image *image, enum space space, uint64_t number)
{
	bool is_new;
	if (!number)
		return (struct cli_text){ NULL, 0 };
	struct cli_entry *e = cli_table_number(&table, space_of(image, space), number, &is_new);
	if (!e)
		return read_kept(image, space, number);
	if (is_new)
		e->text = read_kept(image, space, number);
	return e->text;
}

struct cli_text cli_text(const struct turf_image *image, turf_text text)
{
	return find(image, TEXT, text);
}

struct cli_text cli_path(const struct turf_image *image, uint32_t file)
{
	return find(image, PATH, file);
}

static struct cli_text make_name(const struct turf_image *image, const struct turf_frame *f,
                                 bool demangled)
{
	struct cli_text name = cli_text(image, f->name);
	struct cli_text linkage = f->linkage_name ? cli_text(image, f->linkage_name) : name;
	if (linkage.at && cli_is_mangled(linkage.at)) {
		struct cli_text shown = cli_demangle(linkage.at);
		if (shown.at)
			return demangled ? shown : linkage;
	}
	return name.at ? name : unknown;
}

struct cli_text cli_frame_name(const struct turf_image *image, const struct turf_frame *f,
                               bool demangled)
{
	enum space of_function = demangled ? SHOWN_FUNCTION : LINKED_FUNCTION;
	enum space of_symbol = demangled ? SHOWN_SYMBOL : LINKED_SYMBOL;
	uint64_t space = space_of(image, f->function ? of_function : of_symbol);
	uint64_t number = f->function ? f->function : f->name;
	bool is_new;
	struct cli_entry *e = cli_table_number(&table, space, number, &is_new);
	if (e && !is_new)
		return e->text;
	struct cli_text made = make_name(image, f, demangled);
	/* what it took may have made the table grow */
	e = cli_table_number(&table, space, number, &is_new);
	if (e)
		e->text = made;
	return made;
}
