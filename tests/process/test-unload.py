#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Libraries that are loaded and unloaded at one address while they are sampled: no sample may be
charged to one that is gone. Skipped where nobody may profile."""
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'cli'))
import lib  # noqa: E402

LIBRARIES, ROUNDS = 4, 3000

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


class Unload(lib.Case):
    def make(self):
        for i in range(LIBRARIES):
            made = self.compile(f'lib{i}', LIBRARY.replace('NUMBER', str(i)), '-shared', '-fPIC')
            made.rename(self.folder / f'lib{i}.so')
        return self.compile('loader', PROGRAM, '-ldl', '-Wno-pedantic')

    def test_no_sample_is_charged_to_what_is_gone(self):
        program = self.make()
        data = self.folder / 'turf.data'
        result = self.run_turf('record', '-F', 2000, '-o', data, '--', program, self.folder, ROUNDS)
        if result.returncode == 2:
            self.skipTest(result.stderr.decode().strip().splitlines()[-1])
        self.assertEqual(result.returncode, 0, result.stderr)
        same = int(result.stdout)
        self.assertGreater(same, ROUNDS * 0.9, 'the libraries are not where others were')
        right = wrong = 0
        for line in self.good('report', '-i', data, '--folded').splitlines():
            stack, n = line.rsplit(' ', 1)
            ran, worked = re.search(r'run_(\d)', stack), re.search(r'work_(\d)', stack)
            if ran and stack.endswith(';' + ran[0]):
                continue # in run itself
            if ran:
                right += int(n) if worked and worked[1] == ran[1] else 0
                wrong += 0 if worked and worked[1] == ran[1] else int(n)
        # how many depends on the machine; that there are any makes the next line a test
        self.assertGreater(right, 10)
        self.assertEqual(wrong, 0, f'{right} right')
        print(f'# {same} of {ROUNDS} loads at one address, {right} samples in libraries')


lib.main()
