/* SPDX-License-Identifier: MIT */
/*
 * Frames to functions: each distinct address is looked up once.
 *
 * In:     a profile, the images of its modules
 * Out:    for each frame the chain of functions that stands there, innermost first
 * Trust:  none in the profile, none in the images: chains have a limit
 */
#include "profile/report.h"

enum { MAX_INLINES = 256 }; /* functions at one address */

struct resolver {
	struct turf_report *report;
	struct table functions;
	struct turf_image **images;     /* one for each module; NULL: none */
	struct buf name, linkage, path; /* of the frame at hand, NUL-ended */
};

static bool same_function(const void *ctx, uint32_t idx, const void *key)
{
	const struct r_function *a = &((const struct turf_report *)ctx)->functions.at[idx];
	const struct r_function *b = key;
	return a->name == b->name && a->linkage_name == b->linkage_name &&
	       a->module == b->module && a->kernel == b->kernel && a->inlined == b->inlined;
}

static bool add_function(struct resolver *v, const struct r_function *f, uint32_t *ret)
{
	struct turf_report *r = v->report;
	uint64_t hash = hash_mix(hash_mix(hash_mix(f->name, f->linkage_name), f->module),
	                         (unsigned)f->inlined + 2u * (unsigned)f->kernel);
	if (r->functions.n >= TABLE_MAX || !vec_reserve(&r->functions, 1))
		return false;
	int found = turf_table_intern(&v->functions, hash, same_function, r, f,
	                              (uint32_t)r->functions.n, ret);
	if (found == 0)
		r->functions.at[r->functions.n++] = *f;
	return found >= 0;
}

static bool add_entry(struct resolver *v, const struct r_function *f, uint32_t file,
                      uint32_t line)
{
	struct r_entry e = { 0, file, line };
	if (v->report->entries.n >= TABLE_MAX || !add_function(v, f, &e.function) ||
	    !vec_reserve(&v->report->entries, 1))
		return false;
	v->report->entries.at[v->report->entries.n++] = e;
	return true;
}

static bool add_string(struct resolver *v, const char *text, uint32_t *ret)
{
	*ret = 0;
	return !text || turf_profile_strings_add(&v->report->strings, text, ret);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

/* What nothing is known of is called after the file it stands in. */
static bool add_unknown(struct resolver *v, const char *module)
{
	struct r_function f = { .unknown = true };
	char name[300] = "[unknown]";
	const char *base = base_name(module);
	if (*base)
		snprintf(name, sizeof(name), *base == '[' ? "%s" : "[%s]", base);
	return add_string(v, name, &f.name) && add_string(v, module, &f.module) &&
	       add_entry(v, &f, 0, 0);
}

/* Makes room for a text that turned out to be @length bytes. */
static bool text_room(struct buf *out, size_t length)
{
	out->n = 0;
	return vec_reserve(out, length + 1);
}

/* A text, NUL-ended; "" where there is none, or the image is damaged. false: no memory. */
static bool read_text(const struct turf_image *image, turf_text text, struct buf *out)
{
	if (!text_room(out, 255))
		return false;
	out->at[0] = 0;
	ssize_t n = turf_image_text(image, text, (char *)out->at, out->room);
	if (n <= 0 || (size_t)n < out->room)
		return true;
	return text_room(out, (size_t)n) &&
	       turf_image_text(image, text, (char *)out->at, out->room) == n;
}

static bool read_path(const struct turf_image *image, uint32_t file, struct buf *out)
{
	if (!text_room(out, 255))
		return false;
	out->at[0] = 0;
	ssize_t n = file ? turf_image_path(image, file, (char *)out->at, out->room) : 0;
	if (n <= 0 || (size_t)n < out->room)
		return true;
	return text_room(out, (size_t)n) &&
	       turf_image_path(image, file, (char *)out->at, out->room) == n;
}

/* NULL: it has none. */
static const char *frame_name(const struct resolver *v)
{
	const struct turf_report_options *o = &v->report->options;
	const char *name = (const char *)v->name.at, *linkage = (const char *)v->linkage.at;
	const char *mangled = *linkage ? linkage : name;
	const char *shown = o->name && *mangled ? o->name(o->ctx, mangled) : NULL;
	if (!shown)
		shown = *name ? name : linkage;
	return *shown ? shown : NULL;
}

static bool add_image_frame(struct resolver *v, const char *module,
                            const struct turf_image *image, const struct turf_frame *at)
{
	struct r_function f = { .inlined = at->inlined };
	uint32_t file = 0;
	if (!read_text(image, at->name, &v->name) ||
	    !read_text(image, at->linkage_name, &v->linkage) ||
	    !read_path(image, at->file, &v->path))
		return false;
	const char *name = frame_name(v), *linkage = (const char *)v->linkage.at;
	const char *path = (const char *)v->path.at;
	f.unknown = !name;
	return add_string(v, *path ? path : NULL, &file) &&
	       add_string(v, f.unknown ? "[unknown]" : name, &f.name) &&
	       add_string(v, *linkage ? linkage : NULL, &f.linkage_name) &&
	       add_string(v, module, &f.module) && add_entry(v, &f, file, at->line);
}

/* Without inlines the last of the chain stands for all. */
static bool add_chain(struct resolver *v, const char *module, const struct turf_image *image,
                      struct turf_frames *walk)
{
	struct turf_frame at, last;
	bool any = false;
	for (int i = 0; i < MAX_INLINES && turf_frames_next(walk, &at) == 1; i++) {
		if (!v->report->options.no_inlines && !add_image_frame(v, module, image, &at))
			return false;
		any = true;
		last = at;
	}
	if (!any)
		return add_unknown(v, module);
	if (!v->report->options.no_inlines)
		return true;
	last.inlined = false;
	return add_image_frame(v, module, image, &last);
}

static bool add_user(struct resolver *v, const struct p_frame *f)
{
	const struct turf_profile *p = v->report->profile;
	struct turf_frames walk;
	if (f->module == NO_MODULE)
		return add_unknown(v, "");
	const char *path = p->strings.at[p->modules.at[f->module].path];
	const struct turf_image *image = v->images[f->module];
	if (f->kind != FRAME_USER || !image || turf_image_frames(image, f->addr, &walk) != 1)
		return add_unknown(v, path);
	return add_chain(v, path, image, &walk);
}

static bool add_kernel(struct resolver *v, const struct p_frame *f)
{
	const struct turf_profile *p = v->report->profile;
	const char *name = p->strings.at[f->name], *module = p->strings.at[f->module];
	struct r_function function = { .kernel = true, .unknown = !*name };
	char text[300] = "[kernel]";
	if (*module)
		snprintf(text, sizeof(text), *module == '[' ? "%s" : "[%s]", module);
	return add_string(v, *name ? name : "[kernel]", &function.name) &&
	       add_string(v, text, &function.module) && add_entry(v, &function, 0, 0);
}

static bool add_jit(struct resolver *v, const struct p_frame *f)
{
	const struct turf_profile *p = v->report->profile;
	const char *name = p->strings.at[f->name], *path = p->strings.at[f->module];
	struct r_function function = { .unknown = !*name };
	uint32_t file = 0;
	return add_string(v, *name ? name : "[unknown]", &function.name) &&
	       add_string(v, "[jit]", &function.module) &&
	       add_string(v, *path ? path : NULL, &file) &&
	       add_entry(v, &function, file, (uint32_t)f->addr);
}

static bool add_frame(struct resolver *v, const struct p_frame *f)
{
	return f->kind == FRAME_KERNEL ? add_kernel(v, f)
	       : f->kind == FRAME_JIT  ? add_jit(v, f)
	                               : add_user(v, f);
}

static void open_images(struct resolver *v)
{
	const struct turf_profile *p = v->report->profile;
	const struct turf_report_options *o = &v->report->options;
	scoped(freep) bool *asked = calloc(p->modules.n + 1, 1);
	for (size_t i = 0; asked && o->open_image && i < p->frames.n; i++) {
		uint32_t idx = p->frames.at[i].module;
		if (p->frames.at[i].kind != FRAME_USER || asked[idx])
			continue;
		const struct p_module *m = &p->modules.at[idx];
		struct turf_image *image = NULL;
		asked[idx] = true;
		if (o->open_image(o->ctx, p->strings.at[m->key], p->strings.at[m->path],
		                  p->strings.at[m->source_id], &image) == 1)
			v->images[idx] = image;
	}
}

static bool resolve_all(struct resolver *v)
{
	struct turf_report *r = v->report;
	for (size_t i = 0; i < r->profile->frames.n; i++) {
		const struct p_frame *f = &r->profile->frames.at[i];
		size_t first = r->entries.n;
		if (!add_frame(v, f))
			return false;
		r->frames[i] =
			(struct r_frame){ (uint32_t)first, (uint32_t)(r->entries.n - first) };
	}
	return true;
}

int turf_report_resolve(struct turf_report *r)
{
	struct resolver v = { .report = r };
	size_t n_modules = r->profile->modules.n;
	v.images = calloc(n_modules + 1, sizeof(struct turf_image *));
	r->frames = calloc(r->profile->frames.n + 1, sizeof(*r->frames));
	bool done = v.images && r->frames;
	if (done) {
		open_images(&v);
		done = resolve_all(&v);
	}
	for (size_t i = 0; v.images && i < n_modules; i++)
		turf_image_close(v.images[i]);
	free(v.images);
	vec_fini(&v.name);
	vec_fini(&v.linkage);
	vec_fini(&v.path);
	turf_table_fini(&v.functions);
	return done ? 0 : -ENOMEM;
}
