/* SPDX-License-Identifier: MIT */
/*
 * dump-symbols FILE: every symbol of .symtab and .dynsym, one a line, for comparison with other
 * people's readers: table, address, size, type, bind, section index, name.
 */
#include <elf.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/file.h"
#include "elf/elf.h"

static int dump_table(const struct elf *elf, uint32_t type, struct turf_error *err)
{
	struct elf_symbols walk;
	struct elf_symbol s;
	int r = turf_elf_symbols(elf, type, &walk, err);
	while (r == 1 && (r = turf_elf_next_symbol(&walk, &s, err)) == 1)
		printf("%s %016" PRIx64 " %" PRIu64 " %u %u %u %s\n",
		       type == SHT_SYMTAB ? ".symtab" : ".dynsym", s.addr, s.size, s.type,
		       s.bind, s.section, s.name);
	return r;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: dump-symbols FILE\n");
		return 2;
	}
	struct turf_error err = { 0 };
	struct mapping file = { 0 };
	struct elf elf;
	scoped(closep) int fd = turf_open_read(argv[1], &err);
	int r = fd < 0 ? fd : turf_map_fd(fd, argv[1], &file, &err);
	if (r == 0)
		r = turf_elf_open(file.bytes, &elf, &err);
	if (r == 0)
		r = dump_table(&elf, SHT_SYMTAB, &err);
	if (r == 0)
		r = dump_table(&elf, SHT_DYNSYM, &err);
	if (err.code)
		fprintf(stderr, "%s: %s\n", argv[1], err.text);
	turf_unmap(&file);
	return r < 0 ? 1 : 0;
}
