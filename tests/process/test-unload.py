#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Libraries that are loaded and unloaded at one address while they are sampled, with and without
the program in the kernel that tells of it: no sample may be charged to one that is gone. Code that
is moved to where other code was. Skipped where nobody may profile."""
import json
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'cli'))
import lib  # noqa: E402

LIBRARIES = 4
MOST_RATE = pathlib.Path('/proc/sys/kernel/perf_event_max_sample_rate')

# All are alike but for the name of their function.
LIBRARY = r'''
__attribute__((noinline)) unsigned work_NUMBER(unsigned n)
{
	volatile unsigned sum = 0;
	for (unsigned i = 0; i < n; i++)
		sum += i;
	return sum;
}
'''

# Each library is called by a function of its own, so that a stack tells which one must be there.
PROGRAM = r'''
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
typedef unsigned work(unsigned);
static volatile unsigned sink;
#define RUN(n) \
	__attribute__((noinline)) static void run_##n(work *w) { sink += w(60000); sink++; }
RUN(0) RUN(1) RUN(2) RUN(3)
static void (*const runs[])(work *) = { run_0, run_1, run_2, run_3 };
int main(int argc, char **argv)
{
	unsigned seed = 1, same = 0;
	void *first = NULL;
	(void)argc;
	for (int i = 0; i < atoi(argv[2]); i++) {
		char path[512], name[32];
		seed = seed * 1103515245 + 12345;
		unsigned k = seed >> 16 & 3;
		snprintf(path, sizeof(path), "%s/lib%u.so", argv[1], k);
		snprintf(name, sizeof(name), "work_%u", k);
		void *library = dlopen(path, RTLD_NOW), *f = library ? dlsym(library, name) : NULL;
		if (!f)
			return 2;
		first = first ? first : f;
		same += f == first;
		runs[k]((work *)f);
		dlclose(library);
	}
	printf("%u\n", same);
	return 0;
}
'''


# Unmaps the code of library 1, moves that of library 0 there and calls it, for so many seconds of
# processor time.
MOVER = r'''
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
typedef unsigned work(unsigned);
static volatile unsigned sink;
static void *load(const char *folder, int i, void **page)
{
	char path[512], name[32];
	snprintf(path, sizeof(path), "%s/lib%d.so", folder, i);
	snprintf(name, sizeof(name), "work_%d", i);
	void *library = dlopen(path, RTLD_NOW), *f = library ? dlsym(library, name) : NULL;
	*page = (void *)((uintptr_t)f & ~(uintptr_t)4095);
	return f;
}
int main(int argc, char **argv)
{
	void *from, *to;
	struct rusage used;
	(void)argc;
	char *f = load(argv[1], 0, &from);
	if (!f || !load(argv[1], 1, &to)) return 2;
	f += (char *)to - (char *)from;
	if (munmap(to, 4096)) return 3;
	if (mremap(from, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to) return 3;
	do {
		sink += ((work *)f)(60000);
		getrusage(RUSAGE_SELF, &used);
	} while ((double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6 < atof(argv[2]));
	puts("0");
	fflush(stdout);
	_exit(0); /* what else is on these pages is gone */
}
'''


class Unload(lib.Case):
    def make(self):
        for i in range(LIBRARIES):
            made = self.compile(f'lib{i}', LIBRARY.replace('NUMBER', str(i)), '-shared', '-fPIC')
            made.rename(self.folder / f'lib{i}.so')
        return self.compile('loader', PROGRAM, '-ldl', '-Wno-pedantic')

    def record(self, program, rounds, *how):
        data = self.folder / 'turf.data'
        rate = min(2000, int(MOST_RATE.read_text()))
        result = self.run_turf('record', '-F', rate, '-o', data, *how, '--', program,
                               self.folder, rounds)
        said = result.stderr.decode()
        if result.returncode == 2:
            self.skipTest(said.strip().splitlines()[-1])
        told = re.search(r'is not told of \((.*)\)', said)
        if told and '--no-bpf' not in how:
            self.skipTest(told[1])
        self.assertEqual(result.returncode, 0, result.stderr)
        stats = json.loads(self.good('report', '-i', data, '--json'))['stats']
        return data, int(result.stdout), stats['lost'] + stats['dropped']

    def count(self, data):
        """Samples in libraries: charged to the one that was there, to another"""
        right = wrong = 0
        for line in self.good('report', '-i', data, '--folded').splitlines():
            stack, n = line.rsplit(' ', 1)
            ran, worked = re.search(r'run_(\d)', stack), re.search(r'work_(\d)', stack)
            if ran and stack.endswith(';' + ran[0]):
                continue # in run itself
            if ran:
                right += int(n) if worked and worked[1] == ran[1] else 0
                wrong += 0 if worked and worked[1] == ran[1] else int(n)
        return right, wrong

    def test_as_the_kernel_tells(self):
        self.unload()

    def test_without_bpf(self):
        self.unload('--no-bpf')

    def test_code_that_is_moved_over_other_code(self):
        self.make()
        mover = self.compile('mover', MOVER, '-ldl', '-Wno-pedantic')
        for seconds in 0.1, 1, 10: # until there are samples
            data, _, lost = self.record(mover, seconds)
            stacks = self.good('report', '-i', data, '--folded')
            if re.search(r';work_\d ', stacks):
                break
        if lost:
            self.skipTest(f'the kernel lost {lost} records')
        self.assertIn(';work_0 ', stacks)
        self.assertNotIn('work_1', stacks)

    def unload(self, *how):
        """No sample is charged to what is gone."""
        program = self.make()
        for rounds in 3000, 12000, 48000: # how many samples they give depends on the machine
            data, same, lost = self.record(program, rounds, *how)
            self.assertGreater(same, rounds * 0.9, 'the libraries are not where others were')
            right, wrong = self.count(data)
            if right + wrong and not lost:
                break
        if lost: # of a library whose mapping the kernel could not tell nothing is known
            self.skipTest(f'the kernel lost {lost} records')
        self.assertGreater(right, 0)
        self.assertEqual(wrong, 0, f'{right} right')
        print(f'# {same} of {rounds} loads at one address, {right} samples in libraries')


lib.main()
