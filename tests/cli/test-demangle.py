# SPDX-License-Identifier: MIT
"""Names as they were written: who shows them, and of which languages."""
import json
import re
import shutil
import subprocess
import unittest

import lib

CXX = r'''
#include <unistd.h>
namespace space {
template <class T> struct Box {
	__attribute__((noinline, noclone)) static void wait(T) { for (;;) pause(); }
};
static inline __attribute__((always_inline)) void inner(int i) { Box<int>::wait(i); }
__attribute__((noinline, noclone)) void outer(int i) { inner(i); sleep(0); }
}
int main() { space::outer(1); }
'''

# linkage name, what is shown (None: the name of the function as it is)
NAMES = [
    ('_ZN3foo3barEi', 'foo::bar(int)'),
    ('_ZNK3BoxIiE3getEv', 'Box<int>::get() const'),
    ('_ZN3foo3barEi.part.0', 'foo::bar(int) [clone .part.0]'),
    ('_ZN4core3fmt9Formatter3pad17h0a1b2c3d4e5f6789E', 'core::fmt::Formatter::pad'),
    ('_RNvC6_123foo3bar', '123foo::bar'),
    ('_D3std5stdio5closeFiZv', 'std.stdio.close(int)'),
    ('_Dmain', 'D main'),
    ('_Zebra', None),
    ('_R', None),
    ('_D', None),
    ('plain', None),
    ('foo.constprop.0', None),
    ('_ZN' + '1a' * 3000 + 'Ev', None),
]


def bomb(n):
    """A name each part of which holds the part before twice."""
    text = '_Z1f1AIiiE' # substitutions S_: A, S0_: A<int, int>, then one a step
    for i in range(n):
        last = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'[i]
        text += f'S_IS{last}_S{last}_E'
    return text


def has_demangler(case):
    return case.show('_ZN3foo3barEi') == ['foo::bar(int)']


class Demangle(lib.Case):
    def show(self, *names, options=()):
        """What symbolize tells of functions with these linkage names, made by assembly."""
        path = self.folder / 'names.s'
        path.write_text('.text\n' + ''.join(
            f'.globl "{n}"\n.type "{n}", @function\n"{n}":\n nop\n.size "{n}", 1\n'
            for n in names))
        output = self.folder / 'names'
        subprocess.run(['gcc', '-nostdlib', '-static', '-Wl,-e,0', path, '-o', output],
                       check=True)
        addrs = {n: a for n, (a, _) in lib.symbols(output).items()}
        text = self.good('symbolize', *options, '-e', output,
                         *(hex(addrs[n]) for n in names))
        return text.split('\n')[::3][:len(names)]

    def setUp(self):
        super().setUp()
        if not has_demangler(self):
            self.skipTest('built without libiberty')

    def test_names_of_all_languages(self):
        names = [n for n, _ in NAMES]
        self.assertEqual(self.show(*names), [shown or n for n, shown in NAMES])
        self.assertEqual(self.show(*names, options=['--no-demangle']), names)
        self.assertEqual(self.show(*names, options=['--no-demangle', '-C']), self.show(*names))

    def test_stubs_of_the_linkage_table(self):
        library = self.compile('lib.so', 'int bar(int) __asm__("_ZN3foo3barEi");'
                                         'int bar(int n) { return n; }', '-shared', '-fPIC')
        output = self.compile('calls', 'int bar(int) __asm__("_ZN3foo3barEi");'
                                       'int main(void) { return bar(1); }', '-Wl,--no-as-needed', library)
        code = subprocess.run(['objdump', '-d', output], capture_output=True, text=True).stdout
        addr = re.search(r'^(\w+) <_ZN3foo3barEi@plt>:', code, re.M)[1]
        self.assertEqual(self.good('symbolize', '-e', output, addr), 'foo::bar(int)@plt\n??:0:0\n\n')

    def test_names_that_would_never_end(self):
        self.assertGreater(len(self.show(bomb(8))[0]), 1 << 10)
        self.assertEqual(self.show(bomb(18)), [bomb(18)])

    def compile_cxx(self):
        source = self.folder / 'fixture.cc'
        source.write_text(CXX)
        output = self.folder / 'fixture'
        subprocess.run(['g++', '-g', '-O2', '-no-pie', source.name, '-o', output], check=True,
                       cwd=self.folder)
        return output

    @unittest.skipUnless(shutil.which('g++'), 'there is no g++')
    def test_qualified_names_of_cxx(self):
        fixture = self.compile_cxx()
        addr = hex(lib.symbols(fixture)['_ZN5space5outerEi'][0])
        self.assertIn('space::outer(int)\n', self.good('symbolize', '-e', fixture, addr))
        self.assertIn('_ZN5space5outerEi\n',
                      self.good('symbolize', '--no-demangle', '-e', fixture, addr))
        frame = json.loads(self.good('symbolize', '--json', '-e', fixture, addr))['frames'][-1]
        self.assertEqual((frame['function'], frame['linkage_name']),
                         ('outer', '_ZN5space5outerEi'))

    @unittest.skipUnless(shutil.which('g++'), 'there is no g++')
    def test_stacks(self):
        self.need_tracing()
        with subprocess.Popen([self.compile_cxx()]) as child:
            self.addCleanup(child.kill)
            lib.wait_asleep(child.pid)
            text = self.good('stack', child.pid)
            self.assertRegex(text, r'space::Box<int>::wait\(int\)\+0x[0-9a-f]+ ')
            self.assertIn('space::outer(int)', text)
            text = self.good('stack', '--no-demangle', child.pid)
            self.assertIn('_ZN5space3BoxIiE4waitEi+', text)
            frames = json.loads(self.good('stack', '--json', child.pid))['frames']
            self.assertIn(('outer', '_ZN5space5outerEi'),
                          [(f.get('function'), f.get('linkage_name')) for f in frames])
            child.kill()


lib.main()
