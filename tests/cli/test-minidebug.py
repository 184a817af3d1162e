# SPDX-License-Identifier: MIT
"""MiniDebugInfo, made as Fedora makes it: names of functions that .dynsym has not."""
import random
import re
import shutil
import subprocess

import lib

SOURCE = r'''
volatile int sink;
__attribute__((noinline)) static void hidden_one(int i) { sink = i * 3; }
__attribute__((noinline)) static void hidden_two(int i) { sink += i; hidden_one(i + 1); }
int shown(int i) { hidden_two(i); return sink; }
int main(int argc, char **argv) { (void)argv; return shown(argc); }
'''


def run(*args):
    return subprocess.run([str(a) for a in args], check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def names(path, kinds, *options):
    lines = run('nm', '--format=posix', '--defined-only', *options, path).splitlines()
    return {line.split()[0] for line in lines if line.split()[1] in kinds}


class MiniDebug(lib.Case):
    def make(self, keep=None):
        """A stripped program with .gnu_debugdata; what was in its .symtab."""
        program = self.compile('fixture', SOURCE, '-rdynamic')
        known = lib.symbols(program)
        mini, kept = self.folder / 'mini', self.folder / 'kept'
        wanted = names(program, 'TtD') - names(program, 'TtWwDB', '-D') if keep is None else keep
        kept.write_text(''.join(name + '\n' for name in sorted(wanted)))
        run('objcopy', '--only-keep-debug', program, self.folder / 'debug')
        run('objcopy', '-S', '--remove-section=.comment', f'--keep-symbols={kept}',
            self.folder / 'debug', mini)
        run('strip', '--strip-all', program)
        run('xz', '-f', mini)
        self.add(program, mini.with_suffix('.xz'))
        return program, known

    def add(self, program, packed):
        run('objcopy', '--remove-section=.gnu_debugdata', program)
        run('objcopy', f'--add-section=.gnu_debugdata={packed}', program)

    def ask(self, program, addr):
        result = self.run_turf('symbolize', '-e', program, hex(addr))
        self.assertEqual(result.stderr, b'')
        return result.stdout.decode().splitlines()[0]

    def test_names_what_is_hidden(self):
        program, known = self.make()
        for name in ('hidden_one', 'hidden_two', 'shown', 'main'):
            addr, size = known[name]
            self.assertEqual(self.ask(program, addr), name)
            self.assertEqual(self.ask(program, addr + size - 1), name)

    def test_a_symtab_elsewhere_comes_first(self):
        program, known = self.make({'hidden_one'})
        other = self.folder / 'with-symtab'
        run('objcopy', '--add-symbol', 'another=.text:0,function,global', program, other)
        self.assertEqual(self.ask(program, known['hidden_one'][0]), 'hidden_one')
        self.assertNotEqual(self.ask(other, known['hidden_one'][0]), 'hidden_one')

    def test_a_damaged_one_is_named_and_left_out(self):
        program, known = self.make()
        packed = self.folder / 'packed'
        packed.write_bytes((self.folder / 'mini.xz').read_bytes()[:-5])
        self.add(program, packed)
        result = self.run_turf('index', '-o', self.folder / 'urf', program)
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stderr.decode(), r'^turf.*\.gnu_debugdata: .*: left out\n$')
        self.assertEqual(self.ask(self.folder / 'urf', known['shown'][0]), 'shown')
        (self.folder / 'no-elf').write_text('no ELF file')
        run('xz', '-f', self.folder / 'no-elf')
        self.add(program, self.folder / 'no-elf.xz')
        result = self.run_turf('index', '-o', self.folder / 'urf', program)
        self.assertEqual(result.returncode, 0)
        self.assertIn(b'.gnu_debugdata', result.stderr)

    def test_as_gdb_and_elfutils_see_it(self):
        program, known = self.make()
        start = min(a for a, _ in known.values())
        end = max(a + n for a, n in known.values())
        addrs = random.Random(1).sample(range(start, end), min(200, end - start))
        ours = [self.ask(program, a) for a in addrs]
        if shutil.which('gdb'):
            asked = [x for a in addrs for x in ('-ex', f'info symbol {a:#x}')]
            text = run('gdb', '-nx', '-batch', *asked, program)
            theirs = [m[1] if (m := re.match(r'(\S+)(?: \+ \d+)? in section', line)) else '??'
                      for line in text.splitlines()]
            self.compare(addrs, ours, theirs)
        if shutil.which('eu-addr2line'):
            text = run('eu-addr2line', '-f', '-e', program, *map(hex, addrs))
            self.compare(addrs, ours, text.splitlines()[::2])

    def compare(self, addrs, ours, theirs):
        """gdb and elfutils stretch a name over what follows it; where we have one they agree."""
        self.assertEqual(len(ours), len(theirs))
        pairs = [(hex(a), o, t) for a, o, t in zip(addrs, ours, theirs) if o != '??']
        self.assertIn('hidden_one', {o for _, o, _ in pairs})
        self.assertEqual([p for p in pairs if p[1] != p[2]], [])


lib.main()
