/* SPDX-License-Identifier: MIT */
/*
 * Names of code that a process made at run time: the files that tell them, and when they are
 * read.
 *
 *     jit-PID.dump       mapped by the process to tell where it is; with times and lines
 *     /tmp/perf-PID.map  known by its name; PID is the process' own word for itself
 *
 * Trust:  none: only regular files of the process' owner or of root are read, by descriptors
 *         that are checked after they were opened; links out of a container do not lead there
 * Source: proc(5) on NSpid; openat2(2)
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "process/jit.h"

enum {
	MISS_NS = 10000000, /* after a miss nothing is looked at again for that long */
	ROUND_NS = 100000000,
};

void turf_jit_free(struct jit *jit)
{
	if (!jit)
		return;
	turf_jit_names_fini(&jit->dump.names);
	turf_jit_names_fini(&jit->map.names);
	free(jit);
}

bool turf_jit_is_dump(const char *path)
{
	const char *slash = strrchr(path, '/'), *at = slash ? slash + 1 : path;
	if (strncmp(at, "jit-", 4) != 0)
		return false;
	size_t n = strspn(at + 4, "0123456789");
	return n &&
	       (strcmp(at + 4 + n, ".dump") == 0 || strcmp(at + 4 + n, ".dump (deleted)") == 0);
}

/* Who it is and where it lives, as long as there is somebody to ask. */
static void read_status(struct jit *jit, pid_t pid)
{
	char path[64];
	struct buf text = { 0 };
	jit->ns_pid = pid;
	jit->uid = geteuid(); /* of one that has ended: then our own files are as good */
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (turf_proc_slurp(path, 1 << 20, &text) == 0 && vec_reserve(&text, 1)) {
		text.at[text.n] = 0;
		const char *uid = strstr((const char *)text.at, "\nUid:");
		const char *ids = strstr((const char *)text.at, "\nNSpid:");
		unsigned real, effective;
		if (uid && sscanf(uid, "\nUid: %u %u", &real, &effective) == 2)
			jit->uid = effective;
		/* one number for each namespace, its own last */
		const char *last = ids ? memrchr(ids + 1, '\t', strcspn(ids + 1, "\n")) : NULL;
		if (last)
			jit->ns_pid = (pid_t)strtol(last + 1, NULL, 10);
	}
	vec_fini(&text);
	struct stat its, ours;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	jit->away = stat(path, &its) == 0 && stat("/", &ours) == 0 &&
	            (its.st_dev != ours.st_dev || its.st_ino != ours.st_ino);
}

static struct jit *jit_of(struct turf_process *process)
{
	if (process->jit)
		return process->jit;
	struct jit *jit = calloc(1, sizeof(*jit));
	if (!jit)
		return NULL;
	jit->dump.next_ns = UINT64_MAX;
	read_status(jit, process->pid);
	return process->jit = jit;
}

/* Opens @path as a process with root folder @root sees it. */
static int open_below(int root, const char *path)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* Linux before 5.6, or a filter */
		fd = openat(root, path + 1, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int open_map(const struct turf_process *process, const struct jit *jit, const char *path)
{
	char folder[64];
	snprintf(folder, sizeof(folder), "/proc/%d/root", (int)process->pid);
	scoped(closep) int root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 && !jit->away) /* it has ended, or is not ours to look into */
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -errno : open_below(root, path);
}

/* What a process mapped before events told of it. */
static void find_dump(struct turf_process *process)
{
	for (size_t i = 0; process->space && i < process->space->n; i++) {
		struct turf_module *module = process->space->at[i].module;
		if (module && module->is_dump)
			process->dump = module;
	}
}

static bool is_ours(const struct jit *jit, const struct stat *st, const char *path,
                    struct turf_error *err)
{
	if (!S_ISREG(st->st_mode))
		turf_error_set(err, -ENOTSUP, TURF_NOWHERE, "%s: not a regular file", path);
	else if (st->st_uid && st->st_uid != jit->uid)
		turf_error_set(err, -EPERM, TURF_NOWHERE,
		               "%s: belongs to user %u, the process to %u", path,
		               (unsigned)st->st_uid, (unsigned)jit->uid);
	else
		return true;
	return false;
}

/* Another file than the one that was read, or the same begun anew: nothing of it holds. */
static void begin_anew(struct jit_file *f, const struct stat *st)
{
	bool same = f->known && f->dev == st->st_dev && f->ino == st->st_ino;
	if (same && (uint64_t)st->st_size >= f->off)
		return;
	turf_jit_names_fini(&f->names);
	*f = (struct jit_file){ .known = true, .dev = st->st_dev, .ino = st->st_ino };
	f->next_ns = UINT64_MAX;
}

/* Reads on in a file that may be there: 0 or -ENOMEM; all else is told in f->error. */
static int read_file(struct turf_process *process, struct jit_file *f, int fd, const char *path,
                     uint64_t time_ns)
{
	const struct jit *jit = process->jit;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || !is_ours(jit, &st, path, &f->error))
		return 0;
	/* who has the pid of one that has ended is another */
	if (process->dead && f->known && (f->dev != st.st_dev || f->ino != st.st_ino))
		return 0;
	begin_anew(f, &st);
	if (f->over || (uint64_t)st.st_size == f->off)
		return 0;
	f->error = (struct turf_error){ 0 };
	int r = f == &jit->dump ? turf_jit_read_dump(f, fd, time_ns, path, &f->error)
	                        : turf_jit_read_map(f, fd, path, &f->error);
	if (r < 0 && r != -ENOMEM && !f->error.code)
		turf_error_set(&f->error, r, TURF_NOWHERE, "%s: %s", path, strerror(-r));
	return r == -ENOMEM ? r : 0;
}

static int read_files(struct turf_process *process, uint64_t time_ns)
{
	struct jit *jit = process->jit;
	char path[64];
	if (!process->dump)
		find_dump(process);
	int r = 0;
	if (process->dump) {
		scoped(closep) int fd =
			turf_module_open_file(process->dump, process->pid, NULL);
		r = read_file(process, &jit->dump, fd, process->dump->path, time_ns);
	}
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)jit->ns_pid);
	scoped(closep) int fd = r < 0 ? -1 : open_map(process, jit, path);
	return r < 0 ? r : read_file(process, &jit->map, fd, path, time_ns);
}

/* The line at @off bytes behind the function's start. */
static const struct jit_line *find_line(const struct jit_names *names,
                                        const struct jit_function *f, uint64_t off)
{
	size_t lo = 0, hi = f->n_lines; /* the first that begins behind @off */
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (names->lines.at[f->line + mid].off <= off)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &names->lines.at[f->line + lo - 1] : NULL;
}

static bool look_up(const struct jit *jit, uint64_t pc, struct turf_jit *out)
{
	const struct jit_names *names = &jit->dump.names;
	const struct jit_function *f = turf_jit_find(names, pc);
	if (!f)
		f = turf_jit_find(names = &jit->map.names, pc);
	if (!f)
		return false;
	const struct jit_line *line = find_line(names, f, pc - f->start);
	const char *text = (const char *)names->text.at;
	*out = (struct turf_jit){ f->start, f->size, text + f->name, NULL, 0 };
	if (line) {
		out->file = text + line->file;
		out->line = line->line;
	}
	return true;
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Is it time to look at the files? @now: there may be more in them at any time. */
static bool is_due(const struct jit *jit, uint64_t time_ns, bool now, bool found)
{
	if (jit->dump.next_ns <= time_ns || (now && !found) || !jit->looked_ns)
		return true;
	return time_ns >= jit->looked_ns &&
	       time_ns - jit->looked_ns >= (found ? ROUND_NS : MISS_NS);
}

int turf_process_jit(struct turf_process *process, uint64_t pc, uint64_t time_ns,
                     struct turf_jit *out)
{
	struct jit *jit = process->memory.read ? NULL : jit_of(process);
	if (!jit)
		return process->memory.read ? 0 : -ENOMEM; /* a core keeps no such file */
	bool now = time_ns == TURF_NOW;
	if (now)
		time_ns = now_ns();
	bool found = look_up(jit, pc, out);
	if (!is_due(jit, time_ns, now, found))
		return found;
	jit->looked_ns = MAX(time_ns, 1);
	int r = read_files(process, time_ns);
	return r < 0 ? r : look_up(jit, pc, out);
}

const char *turf_process_jit_error(const struct turf_process *process)
{
	const struct jit *jit = process->jit;
	if (!jit || (!jit->dump.error.code && !jit->map.error.code))
		return NULL;
	return jit->dump.error.code ? jit->dump.error.text : jit->map.error.text;
}
