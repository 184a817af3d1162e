/* SPDX-License-Identifier: MIT */
/*
 * Output files that appear whole or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"

static int fail(struct turf_error *err, const char *path, int error)
{
	return turf_fail(err, -error, TURF_NOWHERE, "%s: %s", cli_short_name(path),
	                 strerror(error));
}

/* "a/b" -> "a", "/b" -> "/", "b" -> "." */
static void folder_of(const char *path, char *out, size_t size)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		snprintf(out, size, ".");
	else
		snprintf(out, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

static void name_meanwhile(struct cli_output *out)
{
	snprintf(out->name, sizeof(out->name), "%s.%ld.tmp", out->path, (long)getpid());
}

int cli_output_open(const char *path, struct cli_output *out, struct turf_error *err)
{
	struct stat st;
	char folder[4096];
	if (strlen(path) >= sizeof(folder))
		return fail(err, path, ENAMETOOLONG);
	/* the name of a device or a folder is not for us to take */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return turf_fail(err, -EINVAL, TURF_NOWHERE, "%s: not a regular file",
		                 cli_short_name(path));
	*out = (struct cli_output){ .path = path };
	folder_of(path, folder, sizeof(folder));
	out->fd = open(folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
	if (out->fd >= 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return fail(err, path, errno);
	name_meanwhile(out); /* a file system without O_TMPFILE */
	out->fd = open(out->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	return out->fd < 0 ? fail(err, path, errno) : 0;
}

/* Gives the nameless file a name, for rename() wants one. 0 or negative errno. */
static int link_meanwhile(struct cli_output *out)
{
	char self[64];
	snprintf(self, sizeof(self), "/proc/self/fd/%d", out->fd);
	name_meanwhile(out);
	unlink(out->name); /* of a killed process that had our number */
	if (linkat(AT_FDCWD, self, AT_FDCWD, out->name, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	int r = -errno;
	out->name[0] = 0;
	return r;
}

int cli_output_commit(struct cli_output *out, struct turf_error *err)
{
	int r = out->name[0] ? 0 : link_meanwhile(out);
	if (r == 0 && rename(out->name, out->path) < 0)
		r = -errno;
	if (r < 0)
		return fail(err, out->path, -r);
	out->name[0] = 0;
	return 0;
}

void cli_output_close(struct cli_output *out)
{
	if (out->name[0])
		unlink(out->name);
	close(out->fd);
}
