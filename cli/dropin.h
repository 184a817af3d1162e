/* SPDX-License-Identifier: MIT */
/*
 * What the commands share that stand in for other people's: addr2line, llvm-addr2line and
 * llvm-symbolizer. Their options, output, messages and exit statuses are those of the
 * originals, not ours.
 */
#ifndef CLI_DROPIN_H
#define CLI_DROPIN_H

#include "cli.h"
#include "elf-file.h"

/*
 * The command that a name of this program asks for: "/usr/bin/x86_64-linux-gnu-addr2line-2" is
 * "addr2line"; NULL: none of them.
 */
const char *dropin_of(const char *program);

/*
 * Lines of standard input. What was answered is written before it would have to wait, so that
 * whoever asks us line by line gets each answer, and whoever asks for many gets them fast.
 */
struct dropin_lines {
	char bytes[1 << 16];
	size_t at, n;
	bool ended;
};
/*
 * The next line without its newline, in @line of @size bytes; what does not fit is the next
 * one, as with fgets(). false: there is none.
 */
bool dropin_next_line(struct dropin_lines *lines, char *line, size_t size);

struct dropin_file {
	struct turf_image *image;
	struct elf elf;
	bool is_32bit;
	bool stripped; /* without .symtab: the others name functions as DWARF does */
};

/*
 * The image of an ELF file. Where there is no store, or
 * none that can be written, the urf is made in memory. 0, or a negative errno: -EISDIR,
 * -EBADMSG and -ENOTSUP where it is no ELF file that we read, or the system's word.
 */
int dropin_open(const char *path, struct dropin_file *ret);

/* The image with all, of a file that dropin_open() took a hot one of; NULL: there is none. */
struct turf_image *dropin_whole(const char *path);

/* "@FILE" among the arguments stands for the words of the file, as binutils and LLVM have it.
 */
void dropin_expand_arguments(int *argc, char ***argv);

/*
 * The linkage name of a frame at @addr as the others choose it: that of the symbol table for
 * the function that holds the address, else DWARF's; NULL: none.
 */
const char *dropin_name(const struct dropin_file *file, uint64_t addr,
                        const struct turf_frame *frame);

/* That of the line at @addr, 0: none. */
uint32_t dropin_discriminator(const struct dropin_file *file, uint64_t addr);

/* The part of a path behind its last '/'. */
const char *dropin_base(const char *path);

#endif
