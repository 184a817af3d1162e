/* SPDX-License-Identifier: MIT */
/*
 * What addr2line, llvm-addr2line and llvm-symbolizer have in common: which of them we are asked
 * to be, lines of input, opening files without a word of our own.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "dropin.h"

const char *dropin_base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* @name is there as a whole: behind a '-' or nothing, before a '-', '.', a digit or nothing. */
static bool has_word(const char *text, const char *name)
{
	const char *at = strstr(text, name);
	if (!at || (at != text && at[-1] != '-'))
		return false;
	char next = at[strlen(name)];
	return !next || next == '-' || next == '.' || (next >= '0' && next <= '9');
}

const char *dropin_of(const char *program)
{
	static const char *const names[] = { "llvm-symbolizer", "llvm-addr2line", "addr2line" };
	for (size_t i = 0; i < CLI_COUNT(names); i++)
		if (has_word(dropin_base(program), names[i]))
			return names[i];
	return NULL;
}

#if HAVE_DEMANGLE
/* Of libiberty, whose header brings much else. */
extern void expandargv(int *argc, char ***argv);

void dropin_expand_arguments(int *argc, char ***argv)
{
	static char **kept; /* until the process ends: options point into it */
	expandargv(argc, argv);
	kept = *argv;
	(void)kept;
}
#else
void dropin_expand_arguments(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
}
#endif

static void read_more(struct dropin_lines *l)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	if (poll(&input, 1, 0) == 0)
		fflush(stdout);
	ssize_t n;
	do
		n = read(STDIN_FILENO, l->bytes, sizeof(l->bytes));
	while (n < 0 && errno == EINTR);
	l->at = 0;
	l->n = n > 0 ? (size_t)n : 0;
	l->ended = n <= 0;
}

bool dropin_next_line(struct dropin_lines *l, char *line, size_t size)
{
	size_t n = 0;
	bool any = false;
	while (n + 1 < size) {
		if (l->at == l->n && !l->ended)
			read_more(l);
		if (l->ended)
			break;
		any = true;
		char c = l->bytes[l->at++];
		if (c == '\n')
			break;
		line[n++] = c;
	}
	line[n] = 0;
	return any;
}

/* An urf that nobody else sees. */
static int build_in_memory(int fd, const char *path, struct turf_image **ret)
{
	int out = memfd_create("turf", MFD_CLOEXEC);
	if (out < 0)
		return -errno;
	int r = turf_build(fd, cli_short_name(path), out, &cli_build, NULL);
	if (r == 0)
		r = turf_image_open_fd(out, cli_short_name(path), ret, NULL);
	close(out);
	return r;
}

static int open_stored(int fd, const char *path, struct turf_image **ret)
{
	struct turf_store *store;
	int r = cli_find_store(&store, NULL);
	if (r == 0) {
		r = turf_store_get(store, fd, cli_short_name(path), ret, NULL, NULL);
		turf_store_close(store);
	}
	if (r < 0 && r != -EBADMSG && r != -ENOTSUP)
		r = build_in_memory(fd, path, ret);
	return r;
}

static int open_file(int fd, const char *path, struct dropin_file *ret)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!elf_open(fd, &ret->elf))
		return -EBADMSG;
	ret->is_32bit = !ret->elf.wide;
	ret->stripped = !elf_has_section(&ret->elf, SHT_SYMTAB);
	if (cli_is_urf(fd))
		return turf_image_open_fd(fd, cli_short_name(path), &ret->image, NULL);
	return open_stored(fd, path, &ret->image);
}

int dropin_open(const char *path, struct dropin_file *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	cli_by_address = true;
	int r = open_file(fd, path, ret);
	close(fd);
	return r;
}

struct turf_image *dropin_whole(const char *path)
{
	struct turf_image *image = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	cli_by_address = false;
	if (fd >= 0 && !cli_is_urf(fd) && open_stored(fd, path, &image) < 0)
		image = NULL;
	if (fd >= 0)
		close(fd);
	return image;
}

const char *dropin_name(const struct dropin_file *file, uint64_t addr,
                        const struct turf_frame *f)
{
	struct turf_symbol symbol;
	const char *name = cli_text(file->image, f->name).at;
	const char *linkage = cli_text(file->image, f->linkage_name).at;
	if (f->inlined || (linkage && file->stripped && cli_is_mangled(linkage)))
		return linkage ? linkage : name;
	if (!file->stripped && turf_image_find_symbol(file->image, addr, &symbol) > 0)
		return cli_text(file->image, symbol.name).at;
	return name ? name : linkage;
}

uint32_t dropin_discriminator(const struct dropin_file *file, uint64_t addr)
{
	struct turf_row row;
	return turf_image_find_row(file->image, addr, &row) > 0 ? row.discriminator : 0;
}
