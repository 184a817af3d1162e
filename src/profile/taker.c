/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "profile/taker.h"

static int add_frame(struct taker *t, const struct p_frame *f)
{
	if (t->n_frames == TAKER_MAX_FRAMES)
		return 0;
	return turf_profile_frame(t->profile, f, &t->frames[t->n_frames++]) ? 0 : -ENOMEM;
}

/* The kernel's part of the callchain: what stands behind its mark, up to the next mark. */
static int kernel_frame(struct taker *t, uint64_t pc)
{
	struct p_frame f = { .kind = FRAME_KERNEL, .addr = pc };
	const char *name, *module;
	uint64_t start;
	if (t->kernel && turf_kernel_find(t->kernel, pc, &name, &start, &module) == 1) {
		f.addr = 0;
		if (!turf_profile_string(t->profile, name, &f.name) ||
		    !turf_profile_string(t->profile, module, &f.module))
			return -ENOMEM;
	}
	return add_frame(t, &f);
}

static int kernel_frames(struct taker *t, const struct sample *s)
{
	bool kernel = false, first = true;
	for (size_t i = 0; i < s->n_ips; i++) {
		uint64_t ip = turf_perf_ip(s, i);
		if (ip >= PERF_CONTEXT_MAX) { /* a mark: -4095 and up */
			kernel = ip == PERF_CONTEXT_KERNEL;
			continue;
		}
		/* all but the first are return addresses */
		int r = kernel ? kernel_frame(t, first ? ip : ip - 1) : 0;
		if (r < 0)
			return r;
		first = false;
	}
	return 0;
}

static struct p_frame plain_frame(const struct turf_location *at, uint64_t pc)
{
	return (struct p_frame){ .kind = at->image ? FRAME_USER : FRAME_LIVE,
		                 .module = at->module ? (uint32_t)turf_module_index(at->module)
		                                      : NO_MODULE,
		                 .addr = at->image ? at->addr : pc };
}

/* May a compiler have put code there? Files are ELF files, or nothing tells of them. */
static bool is_made(const struct turf_location *at)
{
	static const char memory[] = "/memfd:";
	return at->map_end && !at->image &&
	       (!at->module ||
	        !strncmp(turf_module_path(at->module), memory, sizeof(memory) - 1));
}

/* Code that was made at run time: 1 @f has its name, 0 nobody tells it, -ENOMEM. */
static int jit_frame(struct taker *t, struct turf_process *process, uint64_t pc,
                     uint64_t time_ns, struct p_frame *f)
{
	struct turf_jit at;
	int r = turf_process_jit(process, pc, time_ns, &at);
	if (r <= 0)
		return r;
	*f = (struct p_frame){ .kind = FRAME_JIT, .addr = at.line };
	return turf_profile_string(t->profile, at.name, &f->name) &&
	                       turf_profile_string(t->profile, at.file ? at.file : "",
	                                           &f->module)
	               ? 1
	               : -ENOMEM;
}

static int user_frame(struct taker *t, struct turf_process *process,
                      const struct turf_unwind_frame *u)
{
	struct p_frame f = plain_frame(&u->location, u->lookup_pc);
	if (is_made(&u->location)) {
		int r = jit_frame(t, process, u->lookup_pc, t->time_ns, &f);
		if (r < 0)
			return r;
		if (r == 0) /* what is compiled is often told of later */
			f = (struct p_frame){ .kind = FRAME_NAMELESS,
				              .module = (uint32_t)turf_process_pid(process),
				              .addr = u->lookup_pc };
	}
	return add_frame(t, &f);
}

/* Asks the system where no event told of a mapping: it was lost, or moved (mremap). */
static void fill_gap(struct taker *t, struct turf_process *process, uint64_t pc)
{
	struct turf_location at;
	if (turf_process_locate(process, pc, &at) == 0)
		turf_processes_refresh(t->table, turf_process_pid(process), pc);
}

static int user_frames(struct taker *t, struct turf_process *process, const struct sample *s,
                       const struct turf_regs *regs)
{
	struct turf_profile_stats *stats = &t->profile->info.stats;
	struct turf_stack_copy copy = {
		.start = regs->value[turf_perf_machine.sp],
		.bytes = s->stack,
		.size = s->stack_size,
	};
	struct turf_unwind u;
	struct turf_unwind_frame frame;
	fill_gap(t, process, regs->value[turf_perf_machine.pc]);
	turf_unwind_begin(&u, process, regs, turf_memory_copy(&copy), TAKER_MAX_USER_FRAMES);
	while (turf_unwind_next(&u, &frame) == 1) {
		int r = user_frame(t, process, &frame);
		if (r < 0)
			return r;
		stats->frames++;
	}
	stats->user_samples++;
	stats->frames_by_pointer += u.n_by_pointer;
	if ((size_t)u.stop < TURF_N_STOPS)
		stats->stops[u.stop]++;
	return 0;
}

/* The process of a sample; what the table never heard of is asked of the system. */
static struct turf_process *find_process(struct taker *t, pid_t pid)
{
	struct turf_process *process = turf_processes_find(t->table, pid);
	if (process || pid <= 0)
		return process;
	turf_processes_read(t->table, pid, NULL);
	return turf_processes_find(t->table, pid);
}

static bool find_thread(struct taker *t, const struct turf_process *process,
                        const struct sample *s, uint32_t *ret)
{
	char nameless[32];
	/* the kernel says -1 of a task that has all but ended */
	if ((int32_t)s->pid < 0)
		return turf_profile_thread(t->profile, 0, 0, "[ended]", "[ended]", ret);
	snprintf(nameless, sizeof(nameless), "[%u]", s->pid);
	const char *comm = process ? turf_process_comm(process) : nameless;
	const char *name =
		process ? turf_process_thread_comm(process, (pid_t)s->tid) : nameless;
	comm = comm && *comm ? comm : nameless;
	name = name && *name ? name : comm;
	return turf_profile_thread(t->profile, s->pid, s->tid, comm, name, ret);
}

/* The sample's frames, outermost first, down the tree. */
static bool count_stack(struct taker *t, uint32_t thread)
{
	uint32_t node = 0;
	for (size_t i = t->n_frames; i-- > 0;)
		if (!turf_profile_node(t->profile, node, t->frames[i], &node))
			return false;
	return turf_profile_count(t->profile, thread, node, 1);
}

static int take_sample(struct taker *t, const struct sample *s, uint64_t time_ns)
{
	struct turf_profile_stats *stats = &t->profile->info.stats;
	struct turf_regs regs;
	uint32_t thread;
	if (s->pid == 0)
		return 0; /* idle */
	struct turf_process *process = find_process(t, (pid_t)s->pid);
	if (!find_thread(t, process, s, &thread))
		return -ENOMEM;
	t->n_frames = 0;
	t->time_ns = time_ns;
	int r = kernel_frames(t, s);
	stats->samples++;
	if (s->abi == PERF_SAMPLE_REGS_ABI_NONE)
		stats->kernel_only++;
	else if (!process || !turf_perf_regs(s, &regs))
		stats->foreign++;
	else if (r == 0)
		r = user_frames(t, process, s, &regs);
	return r == 0 && !count_stack(t, thread) ? -ENOMEM : r;
}

int turf_taker_take(struct taker *t, const struct record *r)
{
	switch (r->kind) {
	case RECORD_SAMPLE:
		return take_sample(t, &r->sample, r->time_ns);
	case RECORD_EVENT:
		return turf_processes_event(t->table, &r->event);
	case RECORD_LOST:
		t->profile->info.stats.lost += r->n_lost;
		break;
	case RECORD_THROTTLE:
		t->profile->info.stats.throttled++;
		break;
	default:
		break;
	}
	return 0;
}

/* The source's identity in hexadecimal; "" where there is no urf. */
static void source_id(const struct turf_image *image, char out[129])
{
	struct turf_image_info info = { .source_id_size = 0 };
	if (image)
		turf_image_info(image, &info);
	for (size_t i = 0; i < MIN(info.source_id_size, (size_t)64); i++)
		snprintf(out + 2 * i, 3, "%02x", info.source_id[i]);
}

/* Asks once more who stands there; those that tell nothing become addresses. */
static int name_late(struct taker *t)
{
	for (size_t i = 0; i < t->profile->frames.n; i++) {
		struct p_frame *f = &t->profile->frames.at[i];
		if (f->kind != FRAME_NAMELESS)
			continue;
		struct turf_process *process = turf_processes_find(t->table, (pid_t)f->module);
		struct turf_location at = { 0 };
		uint64_t pc = f->addr;
		if (process)
			turf_process_locate(process, pc, &at);
		struct p_frame named = { .kind = FRAME_LIVE, .module = NO_MODULE, .addr = pc };
		if (at.module)
			named.module = (uint32_t)turf_module_index(at.module);
		int r = process ? jit_frame(t, process, pc, TURF_NOW, &named) : 0;
		if (r < 0)
			return r;
		const char *error = r || !process ? NULL : turf_process_jit_error(process);
		if (error)
			turf_error_set(&t->jit_error, -EBADMSG, TURF_NOWHERE, "%s", error);
		*f = named;
	}
	return 0;
}

static int add_modules(struct taker *t)
{
	for (size_t i = t->profile->modules.n; i < turf_processes_n_modules(t->table); i++) {
		const struct turf_module *m = turf_processes_module(t->table, i);
		char id[129] = "";
		source_id(turf_module_image(m), id);
		if (!turf_profile_module(t->profile, turf_module_path(m), turf_module_key(m),
		                         id))
			return -ENOMEM;
	}
	return 0;
}

int turf_taker_finish(struct taker *t)
{
	int r = name_late(t);
	return r < 0 ? r : add_modules(t);
}
