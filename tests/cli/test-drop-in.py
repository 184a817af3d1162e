# SPDX-License-Identifier: MIT
"""Links to turf under other programs' names: their options, messages and exit statuses."""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import unittest

import lib


# Several blocks of one line, which discriminators tell apart; a call that is inlined.
BLOCKS = '''
static inline __attribute__((always_inline)) int count(const char *c, int sum)
{
	for (; *c; c++) sum += *c > 'a' ? *c : sum;
	return sum;
}
int main(int argc, char **argv)
{
	int sum = 0;
	for (int i = 0; i < argc; i++) for (int k = 0; k < i; k++) sum += count(argv[i], k) + (i & k);
	return sum > 9 ? sum : argc > 3 ? argc : 0;
}
'''


class DropIn(lib.Case):
    def link(self, name):
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.symlink_to(self.turf)
        return path

    def need_demangler(self):
        if b'(anonymous namespace)' not in pathlib.Path(self.turf).read_bytes():
            self.skipTest('built without libiberty')

    def code_of(self, name, symbol):
        start, size = lib.symbols(self.folder / name)[symbol]
        return [hex(addr) for addr in range(start, start + size)]

    def tell(self, program, *args, **how):
        """Status, output, messages of a program; its own name in messages is left out."""
        how = {'stdin': subprocess.DEVNULL, 'env': self.environment, **how}
        if 'input' in how:
            del how['stdin']
        result = subprocess.run([program, *map(str, args)], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=lib.PATIENCE, **how)
        return (result.returncode, result.stdout,
                result.stderr.replace(str(program) + ':', 'NAME:'))


class Addr2line(DropIn):
    def setUp(self):
        super().setUp()
        self.fixture = self.compile('fixture', lib.FIXTURE, '-O0')
        self.addr = hex(lib.symbols(self.fixture)['main'][0])
        self.source = self.folder / 'fixture.c'

    def test_names_of_the_link(self):
        wanted = f'main\n{self.source}:17\n'
        for name in ('addr2line', 'x86_64-linux-gnu-addr2line', 'addr2line-turf', 'addr2line.x'):
            link = self.link(name)
            told = self.tell(link, '-f', '-e', self.fixture, self.addr)
            self.assertEqual(told, (0, wanted, ''), name)
        link = self.link('my_addr2liner')
        self.assertEqual(self.tell(link, '-e', self.fixture)[0], 2)
        self.assertEqual(self.good('addr2line', '-f', '-e', self.fixture, self.addr), wanted)

    def test_answers_by_hand(self):
        link = self.link('addr2line')
        at = f'0x{int(self.addr, 16):016x}'
        cases = [
            (['-a', '1'], '0x0000000000000001\n??:0\n'),
            (['-f', '1'], '??\n??:0\n'),
            (['-fp', '1'], '?? ??:0\n'),
            (['-afp', self.addr], f'{at}: main at {self.source}:17\n'),
            (['-sfp', self.addr], 'main at fixture.c:17\n'),
            (['-s', '--', self.addr[2:].upper(), 'zz'], 'fixture.c:17\n??:0\n'),
        ]
        for args, wanted in cases:
            self.assertEqual(self.tell(link, '-e', self.fixture, *args), (0, wanted, ''), args)

    def test_a_out_and_standard_input(self):
        link = self.link('addr2line')
        self.fixture.rename(self.folder / 'a.out')
        told = self.tell(link, '-s', input=f'{self.addr}\n1\n  {self.addr}', cwd=self.folder)
        self.assertEqual(told, (0, 'fixture.c:17\n??:0\nfixture.c:17\n', ''))

    def test_a_coprocess_is_answered_line_by_line(self):
        with subprocess.Popen([self.link('addr2line'), '-s', '-e', self.fixture], text=True,
                              env=self.environment, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as child:
            for _ in range(3):
                child.stdin.write(self.addr + '\n')
                child.stdin.flush()
                self.assertEqual(child.stdout.readline(), 'fixture.c:17\n')
            child.stdin.close()
            self.assertEqual(child.wait(), 0)

    def test_without_a_store(self):
        link = self.link('addr2line')
        for store in ('/proc/nothing', ''):
            environment = {'TURF_STORE': store, 'LC_ALL': 'C'}
            told = self.tell(link, '-s', '-e', self.fixture, self.addr, env=environment)
            self.assertEqual(told, (0, 'fixture.c:17\n', ''))

    @unittest.skipUnless(os.path.exists('/usr/bin/addr2line'), 'there is no addr2line')
    def test_refusals_as_the_original_words_them(self):
        ours, original = self.link('addr2line'), '/usr/bin/addr2line'
        empty = self.folder / 'empty'
        empty.touch()
        for args in (['-e', '/nowhere', '1'], ['-e', self.source, '1'], ['-e', self.folder, '1'],
                     ['-e', empty, '1'], ['--demangle=none', '-e', '/nowhere'],
                     ['--demangle=frob', '1'], ['1']):
            self.assertEqual(self.tell(ours, *args, cwd=self.folder),
                             self.tell(original, *args, cwd=self.folder), args)
        for args in (['--frob'], ['-q'], ['-e'], ['--exe']):
            mine = self.tell(ours, *args)
            theirs = self.tell(original, *args)
            self.assertEqual(mine[:2], theirs[:2], args)
            self.assertEqual(mine[2].split('\n')[0], theirs[2].split('\n')[0], args)
        self.assertEqual(self.tell(ours, '--help')[::2], (0, ''))
        self.assertEqual(self.tell(ours, '--version')[::2], (0, ''))

    def same(self, *args, **how):
        told = self.tell(self.link('addr2line'), *args, cwd=self.folder, **how)
        self.assertEqual(told, self.tell('/usr/bin/addr2line', *args, cwd=self.folder, **how),
                         args)
        return told[1]

    @unittest.skipUnless(os.path.exists('/usr/bin/addr2line'), 'there is no addr2line')
    def test_discriminators(self):
        for options in (['-O1'], ['-O2', '-gdwarf-4']):
            self.compile('blocks', BLOCKS, *options)
            addrs = self.code_of('blocks', 'main')
            for shown in ('-i', '-fi', '-s', '-fips'):
                told = self.same(shown, '-e', 'blocks', *addrs)
                self.assertIn(' (discriminator ', told)
            self.assertRegex(told, r'discriminator .*\n \(inlined by\) main at .*discriminator')

    def test_an_urf_without_marks_has_no_discriminators(self):
        self.compile('blocks', BLOCKS, '-O2')
        link, addrs = self.link('addr2line'), self.code_of('blocks', 'main')
        for option in ('whole', 'hot'):
            self.good('index', *(['--hot'] if option == 'hot' else []), '-o',
                      self.folder / option, self.folder / 'blocks')
        whole, hot = [self.tell(link, '-fie', self.folder / name, *addrs)
                      for name in ('whole', 'hot')]
        self.assertIn(' (discriminator ', whole[1])
        self.assertEqual(hot, (0, re.sub(r' \(discriminator \d+\)', '', whole[1]), ''))

    @unittest.skipUnless(os.path.exists('/usr/bin/addr2line'), 'there is no addr2line')
    def test_sections(self):
        text = int(re.search(r' \.text +PROGBITS +(\w+)', subprocess.run(
            ['readelf', '-SW', self.fixture], check=True, text=True,
            stdout=subprocess.PIPE).stdout)[1], 16)
        offset = hex(int(self.addr, 16) - text)
        for options in ('-f', '-fai', '-fp'):
            self.assertIn('fixture.c:17', self.same(options, '-j', '.text', '-e', 'fixture', offset,
                                                    self.addr, 'ffffffffffffffff'))
        for section in ('.plt', '.comment', '.init'):
            self.same('-f', '--section', section, '-e', 'fixture', '0', '100000')
        self.same('-j', '.nosuch', '-e', 'fixture', '0')
        self.same('-j', '', '-e', 'fixture', '0')
        self.same('-j', '.nosuch', '-e', '/nowhere', '0')

    @unittest.skipUnless(os.path.exists('/usr/bin/addr2line'), 'there is no addr2line')
    def test_sections_of_an_object(self):
        source = '\n'.join('int f%d(int a) { return a * %d; }' % (i, i) for i in range(9))
        self.compile('many.o', source, '-c', '-ffunction-sections', '-O1')
        for i in range(9):
            self.assertIn(f'many.o.c:{i + 1}\n',
                          self.same('-fi', '-j', f'.text.f{i}', '-e', 'many.o', '0', '1', '80'))
        self.compile('one.o', source, '-c', '-O1')
        self.assertIn('one.o.c:9', self.same('-f', '-j', '.text', '-e', 'one.o',
                                             *map(hex, range(0, 80))))
        self.same('-f', '-e', 'one.o', *map(hex, range(0, 80)))

    @unittest.skipUnless(os.path.exists('/usr/bin/addr2line'), 'there is no addr2line')
    def test_targets(self):
        (self.folder / 'empty').touch()
        for target in ('elf64-x86-64', 'default', 'frobnicate', ''):
            for path in ('fixture', 'empty', '/nowhere', '.'):
                self.same('-b', target, '-e', path, self.addr)

    @unittest.skipUnless(os.path.exists('/usr/bin/addr2line'), 'there is no addr2line')
    def test_arguments_in_a_file(self):
        if b'(anonymous namespace)' not in pathlib.Path(self.turf).read_bytes():
            self.skipTest('built without libiberty')
        (self.folder / 'args').write_text(f"-f '-e' \"fixture\"\n @more\t1")
        (self.folder / 'more').write_text(f'-a {self.addr}')
        self.assertIn('fixture.c:17', self.same('@args', '0x2'))
        self.same('-e', 'fixture', '@nowhere')

    def test_a_pipe_that_asks_much(self):
        """Many questions of one process, some answered in between, as perf and scripts ask."""
        link = self.link('addr2line')
        with subprocess.Popen([link, '-e', self.fixture, '-a', '-i', '-f'], text=True,
                              env=self.environment, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as child:
            for i in range(300):
                # perf ends each answer with one to an address that nobody has
                child.stdin.write(f'{self.addr}\n,\n')
                child.stdin.flush()
                lines = [child.stdout.readline() for _ in range(6)]
                self.assertEqual(lines[1:], ['main\n', f'{self.source}:17\n',
                                             '0x0000000000000000\n', '??\n', '??:0\n'], i)
            child.stdin.close()
            self.assertEqual(child.stdout.read(), '')


LLVM = shutil.which('llvm-symbolizer-19')


class Llvm(DropIn):
    """Beside the real one: status, output and messages must be the same."""

    def setUp(self):
        super().setUp()
        if not LLVM:
            self.skipTest('there is no llvm-symbolizer-19')
        self.fixture = self.compile()
        self.addr = hex(lib.symbols(self.fixture)['outermost'][0])
        (self.folder / 'real').mkdir()
        self.programs = {}
        for name in ('llvm-symbolizer', 'llvm-addr2line'):
            real = self.folder / 'real' / name
            real.symlink_to(LLVM) # its name tells it what it is
            self.programs[name] = (self.link(name), real)

    def same(self, name, *args, **how):
        ours, real = self.programs[name]
        told = self.tell(ours, *args, cwd=self.folder, **how)
        self.assertEqual(told, self.tell(real, *args, cwd=self.folder, **how),
                         (name, args, how))
        return told[1]

    def test_options(self):
        addrs = [self.addr, hex(lib.symbols(self.fixture)['main'][0]), '0x1']
        for options in ('', '-a', '-p', '-pa', '-s', '-f=short', '--functions=none', '-i',
                        '--functions=linkage', '--functions', '--no-inlines', '--inlining=false',
                        '--inlines', '--no-demangle', '-C', '--output-style=GNU',
                        '--output-style=LLVM', '--output-style=GNU --no-inlines',
                        '--output-style GNU -pasf', '--print-source-context-lines=1',
                        '--print-source-context-lines=4', '--print-source-context-lines 9',
                        '--no-debuginfod --default-arch=x86_64 --cache-size=1',
                        '--no-inlines -f=short', '-demangle=false', '--no-untag-addresses'):
            for name in self.programs:
                self.same(name, '-e', 'fixture', *options.split(), *addrs)
        self.same('llvm-symbolizer', '-e', 'fixture', '--adjust-vma=0x10',
                  hex(int(self.addr, 16) + 0x10), '-a')
        self.same('llvm-addr2line', '-fipe', 'fixture', self.addr[2:], 'zz', '1')

    def test_refusals(self):
        for args in (['--frob'], ['-qa'], ['-e'], ['--obj'], ['-e', '/nowhere', '1'],
                     ['--adjust-vma=zz', '-e', 'fixture', '1'], ['-s=short', '1'],
                     ['--version', '--frob'], ['--build-id=ab', '-e', 'fixture', '1'],
                     ['/nowhere 1', '/nowhere 2'], ['fixture.c 1'], ['. 1'], ['1'],
                     ['--output-style=JSON', '-e', '/nowhere', '1'],
                     ['--output-style=JSON', '/nowhere 1', '/nowhere 2', '/nowhere f']):
            self.same('llvm-symbolizer', *args)
        for option in ('--help', '--version'):
            self.assertEqual(self.tell(self.programs['llvm-symbolizer'][0], option)[::2], (0, ''))

    def test_requests(self):
        lines = [f'CODE fixture {self.addr}', f'fixture {self.addr}', f'"fixture" {self.addr}',
                 f"'fixture' {int(self.addr, 16)}", 'fixture', '', 'fixture nothing',
                 'fixture main', 'fixture main+4', 'DATA fixture 0x1', 'FRAME fixture 0x1',
                 'DATA /nowhere 0x1', 'FRAME /nowhere 1', f'FILE:fixture {self.addr}',
                 'BUILDID:abcd 0x1', 'CODE', 'CODE ', f'fixture {self.addr} more',
                 f' fixture  {self.addr} ', 'FILE:fixture', 'fixture 0xzz', f'"fixture {self.addr}',
                 f'fixture:x86_64 {self.addr}', 'fixture 017', 'fixture 0b11', 'fixture 08']
        for line in lines:
            for name in self.programs:
                self.same(name, input=line + '\n')
                self.same(name, '-fi', input=line)
            self.same('llvm-symbolizer', '-e', 'fixture', input=line + '\r\n')
        self.same('llvm-symbolizer', input='\n'.join(lines))

    def test_variables_of_frames_and_data(self):
        source = '''struct big { int a[10]; };
            int data = 3; static int hidden; const int table[4] = {1, 2, 3, 4};
            struct big much; int (*far)[7]; char letter = 'x';
            int use(void *);
            namespace n { int inside; }
            int f(int arg, struct big b)
            {
                int loc = arg, arr[5];
                static int kept = 4;
                use(&loc); use(arr); use(&b); kept++; hidden += n::inside;
                { char buf[100]; use(buf); }
                for (long i = 0; i < 3; i++) { double d[2]; use(d); }
                return loc + hidden++;
            }
            int use(void *p) { return p != 0; }
            int main() { struct big b = {{0}}; return f(1, b); }'''
        (self.folder / 'vars.cc').write_text(source)
        for compiler in ('g++', 'clang++'):
            if not shutil.which(compiler):
                continue
            for flags in (['-gdwarf-4'], ['-gdwarf-5'], ['-gdwarf-4', '-fomit-frame-pointer']):
                subprocess.run([compiler, '-O0', *flags, 'vars.cc', '-o', 'vars'], check=True,
                               cwd=self.folder)
                text = subprocess.run(['nm', 'vars'], check=True, text=True, cwd=self.folder,
                                      stdout=subprocess.PIPE).stdout
                names = {line.split()[2]: int(line.split()[0], 16)
                         for line in text.splitlines() if len(line.split()) == 3}
                frames = [f'FRAME vars {names[name] + offset}' for offset in (0, 5, 30)
                          for name in ('main', '_Z3usePv', '_Z1fi3big')]
                known = compiler == 'clang++' or flags[0] == '-gdwarf-4'
                data = [f'DATA vars {addr}' for name, addr in names.items()
                        if known and name in ('data', '_ZL6hidden', 'table', 'much', 'far',
                                              'letter', '_ZN1n6insideE', '_ZZ1fi3bigE4kept')]
                asked = '\n'.join(frames + data)
                told = self.same('llvm-symbolizer', input=asked)
                self.assertIn('buf\n', told)
                self.same('llvm-symbolizer', '--output-style=JSON', input=asked)
                self.same('llvm-addr2line', '-fi', input=asked)

    def test_frames_need_more_than_a_hot_urf(self):
        os.utime(self.fixture, (0, 0))
        self.good('index', '--hot', self.fixture)
        ours = self.programs['llvm-symbolizer'][0]
        urfs = lambda: len(list((self.store / 'urf').iterdir()))
        self.tell(ours, f'fixture {self.addr}', cwd=self.folder)
        self.assertEqual(urfs(), 1)
        outermost = hex(lib.symbols(self.fixture)['outermost'][0] + 8)
        told = self.same('llvm-symbolizer', f'FRAME fixture {outermost}')
        self.assertIn('innermost\ni\n', told)
        self.assertEqual(urfs(), 2)

    def test_json(self):
        def read(program, *args):
            text = self.tell(program, '--output-style=JSON', *args, cwd=self.folder)[1]
            told = json.loads(text)
            for answer in told:
                for line in answer.get('Symbol', [])[:-1]:
                    line.update(StartAddress='') # of what is inlined: unknown to us
            return told
        ours, real = self.programs['llvm-symbolizer']
        args = [f'fixture {self.addr}', 'fixture main', 'fixture 1', '/nowhere 1', '/nowhere 1',
                'fixture nothing', 'DATA fixture 1']
        for options in (['-gdwarf-4'], ['-gdwarf-4', '-O0']):
            self.compile('fixture', lib.FIXTURE, *options)
            self.compile('blocks', BLOCKS, *options)
            blocks = [f'blocks {addr}' for addr in self.code_of('blocks', 'main')]
            for more in ([], ['-s'], ['-f=none'], ['--no-inlines']):
                self.assertEqual(read(ours, *more, *args, *blocks),
                                 read(real, *more, *args, *blocks))

    def test_the_file_of_a_declaration_of_dwarf_5(self):
        """LLVM does not see it where gcc writes it once for all functions."""
        self.compile('blocks', BLOCKS, '-gdwarf-5')
        for addr in self.code_of('blocks', 'main'):
            told = self.tell(self.programs['llvm-symbolizer'][0], '--output-style=JSON',
                             f'blocks {addr}', cwd=self.folder)[1]
            for line in json.loads(told)[0]['Symbol']:
                self.assertEqual(line['StartFileName'], line['FileName'])

    def test_verbose(self):
        self.compile('blocks', BLOCKS, '-gdwarf-4', '-O2')
        hide = lambda text: re.sub('  Function start address: .*\n', '', text)
        ours, real = self.programs['llvm-symbolizer']
        args = ['--verbose', '-e', 'blocks', *self.code_of('blocks', 'main')]
        for options in ([], ['-s'], ['-f=short'], ['--functions=none'], ['-p', '-a'],
                        ['--output-style=GNU'], ['--relativenames']):
            told = [self.tell(program, *options, *args, cwd=self.folder)[1]
                    for program in (ours, real)]
            self.assertEqual(*map(hide, told), options)
        self.assertIn('  Discriminator: ', told[0])
        self.assertIn('  Function start line: 2\n', told[0])
        self.same('llvm-symbolizer', '--no-inlines', '--verbose', '-e', 'blocks',
                  *self.code_of('blocks', 'main'))

    def test_json_in_lines(self):
        """Indented; where the code of what is inlined begins is unknown to us."""
        self.compile('fixture', lib.FIXTURE, '-gdwarf-4')
        ours, real = self.programs['llvm-symbolizer']
        for args in ([f'fixture {self.addr}'], ['fixture 1', '/nowhere 1', 'DATA fixture 1'],
                     ['fixture nothing'], ['FRAME fixture 1']):
            told = [self.tell(program, '--output-style=JSON', '-p', *args, cwd=self.folder)[1]
                    for program in (ours, real)]
            hidden = [re.sub('"(StartAddress)": .*', r'"\1"', text) for text in told]
            self.assertEqual(*hidden, args)
        told = [self.tell(program, '--output-style=JSON', '-p', cwd=self.folder,
                          input='fixture 1\n/nowhere 1\n') for program in (ours, real)]
        self.assertEqual(*told)

    def test_json_shows_the_source(self):
        ours, real = self.programs['llvm-symbolizer']
        told = [re.search('"Source":"[^}]*?","Start', self.tell(
            program, '--output-style=JSON', '--print-source-context-lines=3',
            f'fixture {self.addr}', cwd=self.folder)[1])[0] for program in (ours, real)]
        self.assertEqual(*told)

    def test_files_by_build_id(self):
        build_id = 'ab12cd34ef'
        self.compile('other', lib.FIXTURE, f'-Wl,--build-id=0x{build_id}')
        place = self.folder / 'debugs' / '.build-id' / build_id[:2] / (build_id[2:] + '.debug')
        place.parent.mkdir(parents=True)
        shutil.copy(self.folder / 'other', place)
        name = 'llvm-symbolizer'
        for folder in ('debugs', 'nowhere'):
            for an_id in (build_id, build_id.upper(), 'abc', 'ab12', 'zz'):
                where = f'--debug-file-directory={folder}'
                self.same(name, where, f'BUILDID:{an_id} {self.addr}', f'BUILDID:{an_id} 1')
                self.same(name, where, f'--build-id={an_id}', self.addr, '1', 'FILE:other 1')
                self.same(name, where, '--output-style=JSON', f'BUILDID:{an_id} 1')
        told = self.tell(self.programs[name][0], '--debug-file-directory', 'nowhere',
                         '--debug-file-directory', 'debugs', f'BUILDID:{build_id} {self.addr}',
                         cwd=self.folder)
        self.assertIn('outermost', told[1])
        self.same(name, f'BUILDID:{build_id} 1')

    def test_names_below_the_folder_of_the_unit(self):
        (self.folder / 'inc').mkdir()
        (self.folder / 'inc' / 'h.h').write_text('static int h(int a) { return a + 1; }\n')
        self.compile('rel', '#include "h.h"\nint main(int c, char **v) { return h(c); }\n',
                     '-Iinc', '-O1')
        addrs = [hex(a) for a in range(*self.range_of('rel', 'main'))]
        for options in (['--relativenames'], ['--relativenames', '--basenames'],
                        ['--relativenames', '-p', '-a']):
            self.same('llvm-symbolizer', '--obj=rel', *options, *addrs)

    def range_of(self, name, symbol):
        start, size = lib.symbols(self.folder / name)[symbol]
        return start, start + size

    def test_arguments_in_a_file(self):
        if b'(anonymous namespace)' not in pathlib.Path(self.turf).read_bytes():
            self.skipTest('built without libiberty')
        (self.folder / 'args').write_text(f'--obj=fixture -a\n{self.addr} "0x1"')
        self.same('llvm-symbolizer', '@args', '0x2')
        self.same('llvm-symbolizer', '--obj=fixture', '@nowhere')

    def test_what_is_not_done_is_refused(self):
        told = self.tell(self.programs['llvm-symbolizer'][0], '--filter-markup')
        self.assertEqual(told, (1, '', 'error: --filter-markup: not supported\n'))

    def test_bent_files_are_survived(self):
        """The symbol table is read from the file itself: its header and sections, bent."""
        good = self.fixture.read_bytes()
        sections = int.from_bytes(good[0x28:0x30], 'little')
        pick = random.Random(1)
        bent = self.folder / 'bent'
        for i in range(80):
            data = bytearray(good)
            for _ in range(1 + i % 3):
                at = pick.choice([pick.randrange(16, 64), pick.randrange(sections, len(data))])
                data[at] = pick.choice([0, 1, 0x7f, 0x80, 0xff, pick.randrange(256)])
            bent.write_bytes(data[:pick.randrange(len(data))] if i % 4 == 3 else data)
            told = self.tell(self.programs['llvm-symbolizer'][0],
                             f'{bent} {self.addr}', f'DATA {bent} {self.addr}', f'{bent} main')
            self.assertEqual(told[0], 0, told)
            self.assertNotIn('Sanitizer', told[2])

    def test_names_of_cxx(self):
        self.need_demangler()
        source = self.folder / 'names.cc'
        source.write_text("""
#include <map>
#include <string>
namespace space {
template <class T> struct Box { __attribute__((noinline)) T get(int i) const; };
template <> __attribute__((noinline)) std::string Box<std::string>::get(int) const { return "a"; }
__attribute__((noinline)) int use(const std::map<std::string, Box<int>> &m)
{
	auto f = [](int i) __attribute__((noinline)) { asm volatile(""); return i; };
	auto g = [&m](int i) __attribute__((noinline)) { asm volatile(""); return i + (int)m.size(); };
	return f(1) + g((int)Box<std::string>().get(2).size());
}
}
int main() { return space::use({}); }
""")
        subprocess.run(['g++', '-g', '-O2', '-no-pie', source.name, '-o', 'names'], check=True,
                       cwd=self.folder)
        addrs = [hex(a) for n, (a, size) in lib.symbols(self.folder / 'names').items()
                 if '5space' in n]
        self.assertGreater(len(addrs), 3)
        self.same('llvm-symbolizer', '-e', 'names', *addrs)


SANITIZED = {
    'address': """
#include <string.h>
namespace app {
__attribute__((noinline)) void poke(char *p, int n) { memset(p, 1, n); p[n] = 7; }
template <class T> __attribute__((noinline)) T *make(int n) { return new T[n]; }
}
int main(int argc, char **) { char *p = app::make<char>(10); app::poke(p, 9 + argc); return 0; }
""",
    'undefined': """
static inline __attribute__((always_inline)) int add(int a, int b) { return a + b; }
__attribute__((noinline)) int shift(int a, int n) { return add(a, n) << n; }
int main(int argc, char **) { return shift(2147483647, argc) != shift(1, 31 + argc); }
""",
    'thread': """
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
static int *heap;
static void *run(void *) { heap[0]++; return 0; }
int main()
{
	heap = (int *)calloc(2, 4);
	pthread_t thread;
	pthread_create(&thread, 0, run, 0);
	sleep(1);
	heap[0]++;
	pthread_join(thread, 0);
}
""",
    'leak': """
#include <stdlib.h>
static inline __attribute__((always_inline)) void *get(int n) { return malloc(n); }
__attribute__((noinline)) void lose(int n) { void *volatile p = get(n); p = 0; }
int main(int argc, char **) { for (int i = 0; i < argc + 2; i++) lose(40); }
""",
}


class Sanitizers(DropIn):
    """Their reports by us and by LLVM's symbolizer are the same."""

    def report(self, program, symbolizer):
        environment = {k: v for k, v in self.environment.items() if 'SAN_' not in k}
        options = f'external_symbolizer_path={symbolizer}:print_stacktrace=1'
        for name in ('ASAN', 'UBSAN', 'TSAN', 'LSAN'):
            environment[name + '_OPTIONS'] = options
        # the same addresses each time; without, TSan of clang 14 finds no place for itself
        told = self.tell('setarch', '-R', program, env=environment)
        # TSan's own thread may come before or behind ours
        text = re.sub(r'==\d+==|[pt]id=\d+|(?<=\bT)[12]\b', '', told[1] + told[2])
        return re.sub('0x7ff[0-9a-f]+', 'HIGH', text) # how long a path is moves the stack

    def check(self, sanitizer):
        self.need_demangler()
        clang = shutil.which('clang++-14') or shutil.which('clang++')
        if not clang or not LLVM:
            self.skipTest('there is no clang or no llvm-symbolizer-19')
        if subprocess.run(['setarch', '-R', 'true'], stderr=subprocess.DEVNULL).returncode:
            self.skipTest('addresses cannot be held still')
        (self.folder / 'faulty.cc').write_text(SANITIZED[sanitizer])
        subprocess.run([clang, '-g', '-O1', f'-fsanitize={sanitizer}', 'faulty.cc', '-o', 'faulty'],
                       check=True, cwd=self.folder)
        (self.folder / 'real').mkdir()
        real = self.folder / 'real/llvm-symbolizer'
        real.symlink_to(LLVM)
        program = self.folder / 'faulty'
        wanted = self.report(program, real)
        self.assertIn('faulty.cc:', wanted)
        self.assertEqual(self.report(program, self.link('llvm-symbolizer')), wanted)

    def test_address(self):
        self.check('address')

    def test_undefined(self):
        self.check('undefined')

    def test_thread(self):
        self.check('thread')

    def test_leak(self):
        self.check('leak')


lib.main()
