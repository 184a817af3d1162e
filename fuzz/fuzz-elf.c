/* SPDX-License-Identifier: MIT */
/*
 * A whole ELF file: tables, every section's bytes, notes, symbols. All that is told of it is
 * read, so that a sanitizer sees what points outside.
 *
 * Corpus: fuzz/corpus/elf/, all of `int f(int a) { return a * 3; }`:
 *     zlib.o, zdebug.o   gcc -g -c -gz=zlib, -gz=zlib-gnu
 *     zstd.o             clang -g -c, then llvm-objcopy --compress-debug-sections=zstd
 *     ppc32.o, mips64.o  clang -c --target=powerpc-linux, --target=mips64-linux (big-endian)
 *     arm32.o            clang -c --target=arm-linux-gnueabi
 *     linked.so          shared.so, objcopy --add-gnu-debuglink
 *     mini.so            shared.so, objcopy --add-section .gnu_debugdata=(a .o by xz)
 *     plt.so, plt-arm.so  calls of functions elsewhere: gcc -fcf-protection -nostdlib -shared
 *                        -Wl,-z,ibtplt; clang --target=aarch64-linux-gnu -fuse-ld=lld
 *     plt-MACHINE.so     likewise: MACHINE-linux-gnu-ld -shared, objcopy --strip-all
 *     types.o            two classes with a function each: g++ -g -gdwarf-5
 * -fdebug-types-section go-*               some of the files of tests/elf/test-gopclntab.c
 *     rel-arm.o          clang -g -c --target=aarch64-linux-gnu
 *     shared.so          gcc -shared -nostdlib -Wl,--build-id -Wl,-z,noseparate-code
 */
#include <elf.h>
#include <stdlib.h>

#include "base/vec.h"
#include "elf/elf.h"
#include "elf/gopclntab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint8_t sink;

static void touch(const void *bytes, size_t size)
{
	uint8_t sum = 0;
	for (size_t i = 0; i < size; i++)
		sum ^= ((const uint8_t *)bytes)[i];
	sink ^= sum;
}

static void read_sections(const struct elf *elf)
{
	for (uint32_t i = 0; i < elf->n_sections; i++) {
		struct elf_section section;
		struct elf_data data;
		struct turf_error err = { 0 };
		int r = turf_elf_section(elf, i, &section, &err);
		if (r == 0) {
			touch(section.name, strlen(section.name));
			r = turf_elf_data(elf, &section, &data, &err);
		}
		if (r != err.code) /* the text and the answer must agree */
			abort();
		if (r < 0)
			continue;
		touch(data.bytes.at, data.bytes.size);
		turf_elf_data_fini(&data);
	}
}

static void read_symbols(const struct elf *elf, uint32_t type)
{
	struct elf_symbols walk;
	struct elf_symbol symbol;
	if (turf_elf_symbols(elf, type, &walk, NULL) != 1)
		return;
	for (int r; (r = turf_elf_next_symbol(&walk, &symbol, NULL)) != 0;)
		if (r == 1)
			touch(symbol.name, strlen(symbol.name));
}

static void read_go(const struct elf *elf)
{
	struct go_table table;
	struct go_function f;
	struct go_run run;
	struct go_inlined call;
	if (turf_go_open(elf, &table, NULL) != 1)
		return;
	struct go_functions walk = turf_go_functions(&table);
	size_t left = 10000; /* of a table that has little there may be much to tell */
	uint64_t end = 0;
	while (turf_go_next_function(&walk, &f) == 1) {
		if (f.start < end || f.end <= f.start)
			abort();
		end = f.end;
		touch(f.name, strlen(f.name));
		uint64_t at = f.start;
		struct go_runs runs = turf_go_runs(&table, &f);
		while (left && turf_go_next_run(&runs, &run) == 1) {
			if (run.start != at || run.end <= at || run.end > f.end)
				abort();
			at = run.end;
			left--;
			if (run.file)
				touch(run.file, strlen(run.file));
			if (turf_go_inlined(&table, &f, run.inlined, &call) == 1)
				touch(call.name, strlen(call.name));
		}
	}
	turf_go_close(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf elf;
	struct span id;
	struct elf_segment segment;
	if (turf_elf_open((struct span){ data, size }, &elf, NULL) < 0)
		return 0;
	read_sections(&elf);
	struct elf_section info;
	if (turf_elf_find_debug_section(&elf, ".debug_info", &info, NULL) == 1)
		touch(info.name, strlen(info.name));
	for (uint32_t i = 0; i < elf.n_segments; i++)
		if (turf_elf_segment(&elf, i, &segment, NULL) < 0)
			abort(); /* the table was checked when it was opened */
	if (turf_elf_build_id(&elf, &id, NULL) == 1)
		touch(id.at, id.size);
	struct elf_debug_link link;
	if (turf_elf_debug_link(&elf, &link, NULL) == 1)
		touch(link.name, strlen(link.name));
	struct elf_data mini;
	if (turf_elf_debug_data(&elf, &mini, NULL) == 1) {
		touch(mini.bytes.at, mini.bytes.size);
		turf_elf_data_fini(&mini);
	}
	struct elf_stubs stubs = { 0 };
	if (turf_elf_stubs(&elf, &stubs, NULL) == 1)
		for (size_t i = 0; i < stubs.n; i++)
			touch(stubs.at[i].name, strlen(stubs.at[i].name));
	vec_fini(&stubs);
	read_symbols(&elf, SHT_SYMTAB);
	read_symbols(&elf, SHT_DYNSYM);
	read_go(&elf);
	uint64_t *addrs;
	if (turf_elf_place(&elf, &addrs, NULL) == 1) {
		read_sections(&elf);
		read_symbols(&elf, SHT_SYMTAB);
		free(addrs);
	}
	return 0;
}
