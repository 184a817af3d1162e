#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""turf stack and turf record on a program that makes code and tells of it in a perf map and in a
jitdump. Skipped where the machine is another, or nobody may look."""
import json
import pathlib
import platform
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'cli'))
import lib  # noqa: E402

# jit FOLDER map|dump [SECONDS]: two made functions, one in anonymous memory, one in a memory file,
# call each other and then callback(), which waits, or works for so long and tells of them then.
PROGRAM = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef void made(void *, void *);
static uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5,       /* push %rbp; mov %rsp, %rbp */
	0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7,             /* mov %rdi, %rax; mov %rsi, %rdi */
	0xff, 0xd0, 0x5d, 0xc3 };                       /* call *%rax; pop %rbp; ret */
static volatile unsigned sink;
static double seconds;
static void *outer, *inner;
static const char *folder, *kind;

static void put(FILE *f, uint64_t v, int size) { fwrite(&v, 1, (size_t)size, f); }

static void put_load(FILE *f, uint64_t time, void *at, const char *name)
{
	put(f, 0, 4); put(f, 16 + 40 + strlen(name) + 1, 4); put(f, time, 8);
	put(f, 1, 4); put(f, 1, 4); put(f, (uintptr_t)at, 8); put(f, (uintptr_t)at, 8);
	put(f, sizeof(code), 8); put(f, 1, 8);
	fwrite(name, 1, strlen(name) + 1, f);
}

static void write_dump(void)
{
	char path[512];
	struct timespec t;
	uint64_t far = UINT64_MAX / 2;
	snprintf(path, sizeof(path), "%s/jit-%d.dump", folder, (int)getpid());
	FILE *f = fopen(path, "w+");
	if (!f) exit(2);
	clock_gettime(CLOCK_MONOTONIC, &t);
	uint64_t now = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	put(f, 0x4a695444, 4); put(f, 1, 4); put(f, 40, 4); put(f, 62, 4); put(f, 0, 4);
	put(f, (uint64_t)getpid(), 4); put(f, now, 8); put(f, 0, 8);
	put_load(f, now, inner, "wrong");
	put(f, 2, 4); put(f, 16 + 16 + 16 + 5, 4); put(f, now, 8);
	put(f, (uintptr_t)inner, 8); put(f, 1, 8);
	put(f, (uintptr_t)inner, 8); put(f, 42, 4); put(f, 0, 4); fwrite("x.js", 1, 5, f);
	put_load(f, now, inner, "inner dumped");
	put_load(f, now, outer, "outer dumped");
	put_load(f, far, outer, "much later");
	fflush(f);
	if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fileno(f), 0) == MAP_FAILED) exit(3);
}

static void write_map(void)
{
	char path[64];
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	FILE *f = fopen(path, "w");
	if (!f) exit(2);
	fprintf(f, "%lx %zx inner mapped\n", (long)(uintptr_t)inner, sizeof(code));
	fprintf(f, "%lx %zx outer mapped\n", (long)(uintptr_t)outer, sizeof(code));
	fclose(f);
}

static void tell(void)
{
	if (!strcmp(kind, "map")) write_map(); else write_dump();
}

__attribute__((noinline)) static void callback(void *arg)
{
	struct rusage used;
	(void)arg;
	if (seconds == 0) {
		puts("ready");
		fflush(stdout);
		pause();
	}
	do {
		for (int i = 0; i < 100000; i++) sink += (unsigned)i;
		getrusage(RUSAGE_SELF, &used);
	} while ((double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6 < seconds);
}

static void *make(int fd)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS
		: MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) exit(2);
	memcpy(at, code, sizeof(code));
	if (mprotect(at, 4096, PROT_READ | PROT_EXEC)) exit(3);
	return at;
}

__attribute__((noinline)) static void run(void)
{
	((made *)outer)(inner, (void *)callback);
	sink++;
}

int main(int argc, char **argv)
{
	folder = argv[1];
	kind = argv[2];
	seconds = argc > 3 ? atof(argv[3]) : 0;
	int fd = memfd_create("code", 0);
	if (fd < 0 || ftruncate(fd, 4096)) return 2;
	outer = make(fd);
	inner = make(-1);
	if (seconds == 0) tell();
	run();
	tell();
	return 0;
}
'''


@unittest.skipIf(platform.machine() != 'x86_64', 'the code that the program makes is for x86-64')
class Jit(lib.Case):
    def setUp(self):
        super().setUp()
        self.program = self.compile('jit', PROGRAM, '-Wno-pedantic')

    def start(self, kind):
        p = subprocess.Popen([self.program, self.folder, kind], stdout=subprocess.PIPE, text=True)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        self.addCleanup(pathlib.Path(f'/tmp/perf-{p.pid}.map').unlink, missing_ok=True)
        if p.stdout.readline() != 'ready\n':
            self.skipTest('the system lets no code be made')
        return p

    def stack(self, pid, *options):
        result = self.run_turf('stack', *options, pid)
        if result.returncode == 2:
            self.skipTest(result.stderr.decode().strip())
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def test_stack_with_a_perf_map(self):
        text = self.stack(self.start('map').pid).stdout.decode()
        names = re.findall(r'^#\d+ +\S+ ([^+\n]+)\+', text, re.M)
        at = names.index('callback')
        self.assertEqual(names[at:at + 5], ['callback', 'inner mapped', 'outer mapped', 'run',
                                            'main'], text)
        self.assertIn('inner mapped+0xc\n', text)
        self.assertRegex(text, r'outer mapped\+0xc  \(/memfd:code')

    def test_stack_with_a_jitdump(self):
        out = self.stack(self.start('dump').pid, '--json').stdout
        frames = json.loads(out)['frames']
        inner = next(f for f in frames if f.get('function') == 'inner dumped')
        self.assertEqual((inner['file'], inner['line'], inner['jit'], inner['source']),
                         ('x.js', 42, True, 'cfi'))
        self.assertIn('outer dumped', [f.get('function') for f in frames])

    def test_a_file_of_somebody_else(self):
        p = self.start('map')
        try:
            pathlib.Path(f'/tmp/perf-{p.pid}.map').chmod(0o644)
            subprocess.run(['chown', str(lib.NOBODY), f'/tmp/perf-{p.pid}.map'], check=True,
                           stderr=subprocess.DEVNULL)
        except subprocess.CalledProcessError:
            self.skipTest('only root may give files away')
        result = self.stack(p.pid)
        self.assertNotIn(b'inner mapped', result.stdout)
        self.assertIn(b'belongs to user 65534', result.stderr)

    def record(self, kind):
        data = self.folder / 'turf.data'
        result = self.run_turf('record', '-F', 499, '-o', data, '--', self.program, self.folder,
                               kind, '0.2')
        for path in pathlib.Path('/tmp').glob('perf-*.map'):
            pid = int(path.stem.split('-')[1])
            if not pathlib.Path(f'/proc/{pid}').exists() and 'inner mapped' in path.read_text():
                path.unlink(missing_ok=True)
        if result.returncode in (2, 3):
            self.skipTest(result.stderr.decode().strip())
        self.assertEqual(result.returncode, 0, result.stderr)
        return [line.rsplit(' ', 1)[0] for line in
                self.good('report', '-i', data, '--folded').splitlines()]

    def test_record_what_is_told_at_the_end(self):
        for kind, end in (('map', 'mapped'), ('dump', 'dumped')):
            stacks = [s for s in self.record(kind) if s.endswith(';callback')]
            self.assertTrue(stacks)
            for stack in stacks:
                self.assertTrue(stack.endswith(f'main;run;outer {end};inner {end};callback'), stack)


lib.main()
