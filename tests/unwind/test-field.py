#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Stacks of programs as the field has them: each waits in a place that is hard to get out of."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'cli'))
import lib  # noqa: E402

HEAD = r"""
#define _GNU_SOURCE
#include <alloca.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#define CALL __attribute__((noinline, noclone))
#define RETURNS __asm__ volatile("" ::: "memory")
static CALL int wait_here(int n)
{
	if (write(1, "r", 1) == 1)
		for (;;)
			pause();
	return n;
}
"""
CALLS = HEAD + r"""
CALL int third(int *a, int n) { int r = wait_here(n) + a[0]; RETURNS; return r; }
CALL int second(int n)
{
	int a[100];
	memset(a, n, sizeof(a));
	int r = third(a, n) * n + third(a + 1, n + 1) + a[n];
	RETURNS;
	return r;
}
CALL int first(int n) { int r = second(n) + n; RETURNS; return r; }
int main(int argc, char **argv) { (void)argv; int r = first(argc); RETURNS; return r; }
"""
ALIGNED = HEAD + r"""
CALL int aligned(int n)
{
	char *grown = alloca(n * 100);
	_Alignas(128) char room[256];
	memset(room, n, sizeof(room)), memset(grown, n, n * 100);
	int r = wait_here(n) + room[n] + grown[n];
	RETURNS;
	return r + ((uintptr_t)room % 128 != 0);
}
int main(int argc, char **argv) { (void)argv; int r = aligned(argc); RETURNS; return r; }
"""
CONTEXT = HEAD + r"""
static ucontext_t here, there;
static char stack[1 << 16];
CALL void other(void) { wait_here(1); RETURNS; }
int main(void)
{
	getcontext(&there);
	there.uc_stack.ss_sp = stack, there.uc_stack.ss_size = sizeof(stack), there.uc_link = &here;
	makecontext(&there, other, 0);
	return swapcontext(&here, &there);
}
"""
VFORK = HEAD + r"""
CALL void child(void) { wait_here(1); RETURNS; }
int main(void) { if (vfork() == 0) { child(); _exit(0); } return 0; }
"""
NORETURN = HEAD + r"""
CALL __attribute__((noreturn)) void dies(int n) { for (;;) wait_here(n); }
CALL void calls_last(int n) { dies(n); }
CALL int behind(int n) { return n * 3; }
int main(int argc, char **argv) { (void)argv; calls_last(argc); return behind(argc); }
"""
LANDING = r"""
#include <unistd.h>
struct guard { ~guard(); };
__attribute__((noinline)) guard::~guard()
{
	if (write(1, "r", 1) == 1)
		for (;;)
			pause();
}
__attribute__((noinline)) void throws(int n) { if (n) throw n; }
__attribute__((noinline)) int lands(int n) { guard g; throws(n); return n; }
int main(int argc, char **) { try { return lands(argc); } catch (int) { return 1; } }
"""
GO = r"""
package main
import ("os"; "time")
//go:noinline
func inner(n int) int { os.Stdout.Write([]byte("r")); time.Sleep(time.Hour); return n }
//go:noinline
func outer(n int) int { a := [100]int{n}; return inner(n) + a[n%100] }
//go:noinline
func spin(n int) int { os.Stdout.Write([]byte("r")); for { n = n*3 + 1 } }
//go:noinline
func around(n int) int { return spin(n) + n }
func main() { println(around(len(os.Args))); println(outer(1)) }
"""
RUST = r"""
use std::io::Write;
#[inline(never)]
fn inner(v: &[u64]) -> u64 {
    std::io::stdout().write_all(b"r").unwrap();
    std::io::stdout().flush().unwrap();
    loop { std::thread::sleep(std::time::Duration::from_secs(v[0])); }
}
#[inline(never)]
fn outer(n: u64) -> u64 { let v = vec![n * 1000; 3]; inner(&v) + v[2] }
fn main() { println!("{}", outer(std::env::args().count() as u64)); }
"""


class Field(lib.Case):
    def setUp(self):
        super().setUp()
        self.need_tracing()

    def stacks(self, program, child=False, running=0):
        """What turf stack says of it, or of its child, once all its threads wait but for those
        that are known to go on @running."""
        process = subprocess.Popen([program], stdout=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.read(1), b'r')
        pid = process.pid
        if child:
            pid = int(pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()[0])
            self.addCleanup(os.kill, pid, 9)
        lib.wait_asleep(pid, running)
        return self.good('stack', pid)

    def check(self, text, *names):
        """These functions, one calling the next, in a stack that is whole."""
        self.assertNotIn('not complete', text)
        shown = re.findall(r'^#\d+ +0x\w+ +(?:\S+ )?([\w.:~]+)(?:\(.*?\))?(?:[-+]0x\w{1,7}\b| )', text, re.M)
        want = list(names)
        at = shown.index(want[0]) if want[0] in shown else -1
        self.assertEqual(shown[at:at + len(want)], want, text)

    CHAIN = ('wait_here', 'third', 'second', 'first', 'main')

    def test_debug_frame_alone(self):
        text = self.stacks(self.compile('frame', CALLS, '-fno-asynchronous-unwind-tables'))
        self.check(text, *self.CHAIN)
        self.assertNotIn('guess', text)

    def test_no_table_at_all(self):
        for name, flags in ('leaf', []), ('pointer', ['-fno-omit-frame-pointer']), (
                'small', ['-Os']):
            text = self.stacks(self.compile(
                name, CALLS, '-g0', '-fno-asynchronous-unwind-tables', *flags))
            self.check(text, *self.CHAIN)
            self.assertIn('by guess', text)

    def test_aligned_stack(self):
        self.check(self.stacks(self.compile('aligned', ALIGNED)), 'wait_here', 'aligned', 'main')

    def test_context(self):
        self.check(self.stacks(self.compile('context', CONTEXT)), 'wait_here', 'other')

    def test_vfork(self):
        text = self.stacks(self.compile('vfork', VFORK), child=True)
        self.check(text, 'wait_here', 'child', 'main')

    def test_no_return(self):
        text = self.stacks(self.compile('noreturn', NORETURN))
        self.check(text, 'wait_here', 'dies', 'calls_last', 'main')

    def test_landing_pad(self):
        (self.folder / 'landing.cc').write_text(LANDING)
        subprocess.run(['g++', '-g', '-O2', 'landing.cc', '-o', 'landing'], check=True,
                       cwd=self.folder)
        self.check(self.stacks(self.folder / 'landing'), 'guard::~guard', 'lands', 'main')

    def test_go(self):
        if not shutil.which('go'):
            self.skipTest('no go')
        (self.folder / 'main.go').write_text(GO)
        env = dict(os.environ, HOME=str(self.folder), GOCACHE=str(self.folder / 'cache'),
                   GOFLAGS='-mod=mod', CGO_ENABLED='0')
        subprocess.run(['go', 'build', '-o', 'go', 'main.go'], check=True, cwd=self.folder,
                       env=env)
        self.check(self.stacks(self.folder / 'go', running=1), 'main.spin', 'main.around', 'main.main')

    def test_rust(self):
        if not shutil.which('rustc'):
            self.skipTest('no rustc')
        (self.folder / 'deep.rs').write_text(RUST)
        subprocess.run(['rustc', '-g', '-O', 'deep.rs', '-o', 'rust'], check=True,
                       cwd=self.folder, stderr=subprocess.DEVNULL)
        text = self.stacks(self.folder / 'rust')
        self.assertNotIn('not complete', text)
        self.assertRegex(text, r'(?s)inner.*\n.*outer.*\n.*main')


lib.main()
