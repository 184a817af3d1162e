/* SPDX-License-Identifier: MIT */
/*
 * Macros: each definition as C writes it, and where it stands.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "show.h"
#include "turf/macros.h"

/* A parameter list's elements, and what stands behind it. */
static const char *json_parameters(const char *body)
{
	const char *at = body + 1, *end = strchr(at, ')');
	if (!end)
		return body;
	printf(",\"parameters\":[");
	for (bool first = true; at < end; first = false) {
		size_t n = strcspn(at, ",)"), from = strspn(at, " ");
		char name[256];
		size_t size = n - from < sizeof(name) - 1 ? n - from : sizeof(name) - 1;
		memcpy(name, at + from, size);
		name[size] = 0;
		if (!first)
			putchar(',');
		cli_json_string(stdout, name);
		at += n + (at[n] == ',');
	}
	putchar(']');
	return end + 1;
}

void show_macro_json(const struct turf_image *image, const struct turf_macro *macro)
{
	struct cli_text body = cli_text(image, macro->body);
	struct cli_text path = cli_path(image, macro->file);
	const char *rest = body.at ? body.at : "";
	printf("\"kind\":\"macro\",\"name\":");
	cli_json_string(stdout, cli_text(image, macro->name).at);
	if (*rest == '(')
		rest = json_parameters(rest);
	if (!macro->undefined) {
		printf(",\"body\":");
		cli_json_string(stdout, rest + (*rest == ' '));
	}
	printf(",\"undefined\":%s", macro->undefined ? "true" : "false");
	if (path.at) {
		printf(",\"file\":");
		cli_json_string(stdout, path.at);
	}
	printf(",\"line\":%" PRIu32 "}\n", macro->line);
}

void show_macro_text(const struct turf_image *image, const struct turf_macro *macro)
{
	struct cli_text name = cli_text(image, macro->name),
			body = cli_text(image, macro->body);
	struct cli_text path = cli_path(image, macro->file);
	printf("#%s %s%s", macro->undefined ? "undef" : "define", name.at ? name.at : "??",
	       body.at ? body.at : "");
	if (path.at)
		printf("  /* %s:%" PRIu32 " */\n", path.at, macro->line);
	else
		puts("  /* of the compiler, or given to it */");
}

int show_macros(const struct turf_image *image, uint32_t number,
                void (*each)(void *ctx, const struct turf_macro *macro), void *ctx)
{
	turf_text name = 0;
	for (;; number++) {
		struct turf_macro macro;
		int r = turf_image_macro(image, number, &macro);
		if (r < 0)
			return cli_error(NULL, "macro %" PRIu32 " cannot be read: damaged urf",
			                 number);
		if (r == 0 || (name && macro.name != name))
			return CLI_OK;
		name = macro.name;
		each(ctx, &macro);
	}
}
