/* SPDX-License-Identifier: MIT */
/*
 * A file's own symbol table, .symtab or else .dynsym: llvm-symbolizer calls a function by it
 * rather than by its debug info, and asks nothing else of data. An urf keeps neither data nor
 * which of several symbols at one address came last.
 */
#ifndef CLI_SYMTAB_H
#define CLI_SYMTAB_H

#include "elf-file.h"

struct symtab_symbol {
	uint64_t addr, size;
	const char *name;
	const char *file; /* of a local symbol; NULL: none */
	size_t order;     /* in the table */
};

struct symtab {
	struct elf file;          /* whose strings the names are */
	struct symtab_symbol *at; /* by address, one each */
	size_t n;
};

/* A file that cannot be read, or is damaged, has no symbols. */
void symtab_open(const char *path, struct symtab *out);
void symtab_close(struct symtab *t);

/* The symbol that covers @addr; one of size 0 reaches to the next. NULL: none. */
const struct symtab_symbol *symtab_find(const struct symtab *t, uint64_t addr);

#endif
