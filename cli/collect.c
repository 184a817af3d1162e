/* SPDX-License-Identifier: MIT */
/*
 * Files worth an urf: see collect.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cli.h"
#include "collect.h"
#include "elf-file.h"

static bool add(struct collected *c, const char *path, const struct stat *st)
{
	if (c->n == c->room) {
		size_t room = c->room ? 2 * c->room : 64;
		struct collected_file *at = reallocarray(c->at, room, sizeof(*at));
		if (!at)
			return false;
		c->at = at;
		c->room = room;
	}
	char *copy = strdup(path);
	if (!copy)
		return false;
	c->at[c->n++] =
		(struct collected_file){ copy, (uint64_t)st->st_size, st->st_dev, st->st_ino };
	return true;
}

/* The first bytes of most files tell that they are none. */
static bool is_worth_it(int fd)
{
	char magic[SELFMAG];
	struct elf elf;
	if (pread(fd, magic, sizeof(magic), 0) != SELFMAG ||
	    memcmp(magic, ELFMAG, SELFMAG) != 0 || !elf_open(fd, &elf))
		return false;
	bool code = elf_has_code(&elf);
	elf_close(&elf);
	return code && !cli_is_urf(fd);
}

/* 0, or 2: no memory. */
static int look_at(struct collected *c, const char *path)
{
	struct stat st;
	int fd = cli_open_file(path);
	if (fd < 0) {
		c->failed++;
		return CLI_OK;
	}
	bool done = true;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && is_worth_it(fd))
		done = add(c, path, &st);
	else
		c->skipped++;
	close(fd);
	return done ? CLI_OK : cli_error(NULL, "no memory");
}

int collect_folder(struct collected *c, const char *folder)
{
	struct stat st;
	if (stat(folder, &st) < 0)
		return cli_error(NULL, "%s: %s", folder, strerror(errno));
	char *roots[] = { (char *)folder, NULL };
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL);
	if (!walk)
		return cli_error(NULL, "%s: %s", folder, strerror(errno));
	int status = CLI_OK;
	for (FTSENT *e; status == CLI_OK && !cli_interrupted && (e = fts_read(walk));) {
		if (e->fts_info == FTS_F && S_ISREG(e->fts_statp->st_mode))
			status = look_at(c, e->fts_path);
		if (e->fts_info != FTS_DNR && e->fts_info != FTS_ERR && e->fts_info != FTS_NS)
			continue;
		cli_error(NULL, "%s: %s", e->fts_path, strerror(e->fts_errno));
		c->failed++;
	}
	fts_close(walk);
	return status;
}

/* Is it the file that the process has mapped? Its path may name another in our folders. */
static bool is_file(const char *path, unsigned major, unsigned minor, uint64_t inode)
{
	struct stat st;
	return stat(path, &st) == 0 && st.st_ino == inode && major(st.st_dev) == major &&
	       minor(st.st_dev) == minor;
}

/* One line of /proc/PID/maps. 0 or 2. */
static int look_at_mapping(struct collected *c, pid_t pid, const char *line)
{
	unsigned major, minor;
	uint64_t inode;
	char mode[5], other[4096 + 32];
	int path = 0;
	if (sscanf(line, "%*x-%*x %4s %*x %x:%x %" SCNu64 " %n", mode, &major, &minor, &inode,
	           &path) < 4 ||
	    mode[2] != 'x' || inode == 0 || !path)
		return CLI_OK;
	if (is_file(line + path, major, minor, inode))
		return look_at(c, line + path);
	snprintf(other, sizeof(other), "/proc/%d/root%s", pid, line + path);
	if (is_file(other, major, minor, inode))
		return look_at(c, other);
	cli_error(NULL, "%s: is not any more what process %d has mapped", line + path, pid);
	c->failed++;
	return CLI_OK;
}

int collect_process(struct collected *c, pid_t pid)
{
	char path[64], *line = NULL;
	size_t room = 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");
	if (!maps)
		return cli_error(NULL, "process %d: %s", pid,
		                 errno == ENOENT ? "there is none" : strerror(errno));
	int status = CLI_OK;
	errno = 0;
	while (status == CLI_OK && getline(&line, &room, maps) > 0) {
		line[strcspn(line, "\n")] = 0;
		status = look_at_mapping(c, pid, line);
		errno = 0;
	}
	if (status == CLI_OK && ferror(maps))
		status = cli_error(NULL, "process %d: %s", pid, strerror(errno));
	free(line);
	fclose(maps);
	return status;
}

static int compare(const void *pa, const void *pb)
{
	const struct collected_file *a = pa, *b = pb;
	if (a->size != b->size)
		return a->size > b->size ? -1 : 1;
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	return strcmp(a->path, b->path);
}

void collect_sort(struct collected *c)
{
	size_t kept = 0;
	if (c->n)
		qsort(c->at, c->n, sizeof(*c->at), compare);
	for (size_t i = 0; i < c->n; i++) {
		const struct collected_file *f = &c->at[i];
		const struct collected_file *last = kept ? &c->at[kept - 1] : NULL;
		if (last && last->inode == f->inode && last->device == f->device)
			free(f->path);
		else
			c->at[kept++] = *f;
	}
	c->n = kept;
}

void collect_free(struct collected *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->at[i].path);
	free(c->at);
}
