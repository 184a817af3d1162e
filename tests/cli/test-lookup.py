# SPDX-License-Identifier: MIT
"""turf lookup and turf list: names, lines and addresses of programs compiled here."""
import json
import re
import shutil
import subprocess
import unittest

import lib

CXX = r'''
namespace a {
namespace b {
enum Color { red, green = 7 };
struct Point { int x; Color color; };
int total = 3;
template <typename T> struct Box {
	T value;
	__attribute__((noinline)) T get() const { return value + T(total); }
};
__attribute__((noinline)) int f(int i) { return i + total; } /* line 11 */
__attribute__((noinline)) int f(Point p) { return p.x + p.color; } /* line 12 */
template <typename T> __attribute__((noinline)) T twice(T t) { return t + t; }
}
}
namespace c {
__attribute__((noinline)) int f(int i) { return i - a::b::total; } /* line 17 */
}
static int hidden(int i) { return i * 3; } /* line 19 */
int main(int n, char **)
{
	a::b::Box<int> box = { n };
	return a::b::f(n) + a::b::f(a::b::Point{ n, a::b::green }) + c::f(n) + box.get() +
	       hidden(n) + a::b::twice(n);
}
'''


class Lookup(lib.Case):
    def find(self, path, *queries):
        text = self.good('lookup', '-e', path, '--json', *queries)
        return [json.loads(line) for line in text.splitlines()]

    def cxx(self):
        if not shutil.which('g++'):
            self.skipTest('no g++')
        source, program = self.folder / 'names.cc', self.folder / 'names'
        source.write_text(CXX)
        subprocess.run(['g++', '-g', '-O1', '-o', program, source], check=True)
        return program

    def test_functions_by_name(self):
        program = self.compile()
        outermost, = self.find(program, 'outermost')
        self.assertEqual((outermost['kind'], outermost['line']), ('function', 11))
        code, = outermost['code']
        self.assertFalse(code['inlined'])
        self.assertEqual(code['start'], code['entry'])
        innermost, = self.find(program, 'innermost')
        for place in innermost['code']:
            self.assertTrue(place['inlined'])
            self.assertLessEqual(int(code['start'], 16), int(place['start'], 16))
            self.assertLessEqual(int(place['end'], 16), int(code['end'], 16))
        nm = subprocess.run(['nm', program], stdout=subprocess.PIPE, text=True).stdout
        address = re.search(r'^(\w+) T outermost$', nm, re.M)[1]
        self.assertEqual(int(address, 16), int(code['start'], 16))

    def test_lines(self):
        program = self.compile()
        places = self.find(program, 'fixture.c:5')
        self.assertTrue(places)
        for place in places:
            self.assertEqual((place['line'], place['function'], place['depth']),
                             (5, 'innermost', 2))
            text = self.good('symbolize', '-e', program, place['start'])
            self.assertTrue(text.startswith('innermost\n'), text)

    def test_a_line_without_code_is_the_next_one(self):
        program = self.compile()
        lines = {p['line'] for p in self.find(program, 'fixture.c:12')}
        self.assertEqual(len(lines), 1)
        self.assertIn(lines.pop(), (13, 14)) # 13 may be nothing but what is inlined
        for query in ('fixture.c:999', 'nowhere.c:5'):
            self.assertEqual(self.run_turf('lookup', '-e', program, query).returncode, 1)

    def test_an_address_tells_all(self):
        program = self.compile()
        code = self.find(program, 'innermost')[0]['code'][0]['start']
        text = self.good('lookup', '-e', program, code)
        for line in ('inlined    innermost', 'inlined    middle', 'function   outermost',
                     'symbol     outermost+', 'unit ', 'row ', 'unwind     CFA is rsp'):
            self.assertIn(line, text)
        answer, = self.find(program, code)
        self.assertEqual([f['function'] for f in answer['frames']],
                         ['innermost', 'middle', 'outermost'])
        self.assertEqual(answer['symbol'], 'outermost')
        self.assertEqual(self.run_turf('lookup', '-e', program, '0x0').returncode, 1)

    def test_qualified_names(self):
        program = self.cxx()
        cases = {
            'f': [11, 12, 17],
            'b::f': [11, 12],
            'a::b::f': [11, 12],
            'a::b::f(int)': [11],
            'f(int)': [11, 17],
            'c::f': [17],
            'a::b::f(a::b::Point)': [12],
            '_ZN1c1fEi': [17],
            'hidden': [19],
            'Box<int>::get': [9],
            'a::b::Box<int>::get': [9],
            'get': [9],
            'twice<int>': [13],
            'a::b::twice<int>': [13],
            'twice': [13],
        }
        for name, lines in cases.items():
            with self.subTest(name):
                found = self.find(program, name)
                self.assertEqual({f['kind'] for f in found}, {'function'})
                self.assertEqual(sorted(f['line'] for f in found), lines)
        for name in ('d::f', 'f(long)', 'b::c::f', 'Box<long>::get', 'ff', ''):
            with self.subTest(name):
                result = self.run_turf('lookup', '-e', program, name)
                self.assertEqual(result.returncode, 1)
                self.assertIn(b'not found', result.stderr)

    def test_types_variables_and_enumerators(self):
        program = self.cxx()
        point, = self.find(program, 'a::b::Point')
        self.assertEqual((point['kind'], point['line'], point['size']), ('type', 5, 8))
        green, = self.find(program, 'green')
        self.assertEqual((green['kind'], green['name'], green['value'], green['line']),
                         ('enumerator', 'green', 7, 4))
        total, = self.find(program, 'b::total')
        self.assertEqual((total['kind'], total['name'], total['declaration']),
                         ('variable', 'total', 'int a::b::total'))
        nm = subprocess.run(['nm', program], stdout=subprocess.PIPE, text=True).stdout
        address = re.search(r'^(\w+) D _ZN1a1b5totalE$', nm, re.M)[1]
        self.assertEqual(int(address, 16), int(total['address'], 16))
        self.assertEqual([f['kind'] for f in self.find(program, 'names.cc')], ['file'])
        kinds = {f['kind'] for f in self.find(program, 'b')}
        self.assertEqual(kinds, {'namespace'})

    def test_patterns(self):
        program = self.compile()
        found = self.find(program, '*ermost')
        self.assertEqual(sorted(f['name'] for f in found), ['innermost', 'outermost'])
        self.assertEqual(self.run_turf('lookup', '-e', program, 'zz*').returncode, 1)
        program = self.cxx()
        for pattern, lines in (('a::b::f*', [11, 12]), ('*::f', [11, 12, 17]),
                               ('*::f(int)', [11, 17]), ('c::*', [17])):
            with self.subTest(pattern):
                self.assertEqual(sorted(f['line'] for f in self.find(program, pattern)), lines)

    def test_regular_expressions(self):
        program = self.cxx()
        for args, lines in ((['-E', '^f$'], [11, 12, 17]), (['-E', '^F$'], []),
                            (['-i', '-E', '^F$'], [11, 12, 17])):
            result = self.run_turf('lookup', '-e', program, '--json', *args)
            found = [json.loads(line) for line in result.stdout.splitlines()]
            self.assertEqual(sorted(f['line'] for f in found if f['kind'] == 'function'), lines)
        functions = self.good('list', '-E', '-e', program, 'functions', '^a::b::f[(]')
        self.assertEqual(len(functions.splitlines()), 2)
        self.assertEqual(functions, self.good('list', '-Ei', '-e', program, 'functions',
                                              '^A::B::F[(]'))
        self.assertIn('NAMES.CC'.lower(),
                      self.good('list', '-i', '-e', program, 'files', '*NAMES.CC'))
        for command in (['list', '-E', 'functions', '('], ['lookup', '-E', '(']):
            self.refused(command[0], '-e', program, *command[1:], names=['('])

    def test_inline_namespaces_and_templates(self):
        (self.folder / 'in.cc').write_text('''
            namespace a { inline namespace v1 { struct Point { int x; }; int f(Point p)
            { return p.x; } template <class T> struct Box { T t; }; Box<Point> box; } }
            int main() { return a::f({1}); }''')
        program = self.folder / 'in'
        subprocess.run(['g++', '-g', 'in.cc', '-o', program], check=True, cwd=self.folder)
        for name in ('a::Point', 'a::v1::Point', 'Point', 'a::f', 'a::v1::f', 'a::Box',
                     'a::v1::Box', 'a::box'):
            self.assertEqual(len(self.find(program, name)), 1, name)
        self.assertEqual(self.run_turf('lookup', '-e', program, 'v2::Point').returncode, 1)

    def test_lists(self):
        program = self.cxx()
        functions = self.good('list', '-e', program, 'functions')
        for name in ('a::b::f(int)', 'c::f(int)', 'hidden', 'main'):
            self.assertIn(f'{name}  ', functions)
        types = [json.loads(l)['name']
                 for l in self.good('list', '-e', program, '--json', 'types').splitlines()]
        self.assertTrue(any(t.endswith('a::b::Point') for t in types), types)
        self.assertIn('a::b::total  ', self.good('list', '-e', program, 'variables'))
        self.assertIn('names.cc', self.good('list', '-e', program, 'files', '*.cc'))
        units = [json.loads(l) for l in
                 self.good('list', '-e', program, '--json', 'units').splitlines()]
        self.assertTrue(any(u['name'].endswith('names.cc') for u in units))
        self.assertEqual(self.run_turf('list', '-e', program, 'files', 'zz').returncode, 1)

    def test_an_address_of_data(self):
        program = self.cxx()
        total, = self.find(program, 'a::b::total')
        for offset, found in ((0, 1), (1, 1), (3, 1), (1 << 20, 0)):
            addr = hex(int(total['address'], 16) + offset)
            result = self.run_turf('lookup', '-e', program, '--json', addr)
            self.assertEqual(result.returncode, 1 - found, addr)
            told = [json.loads(line) for line in result.stdout.splitlines()]
            self.assertEqual([(t['name'], t['kind'], t['address']) for t in told],
                             [('total', 'variable', total['address'])] * found)

    def test_lists_symbols_of_a_stripped_file(self):
        program = self.cxx()
        subprocess.run(['strip', '-g', program], check=True)
        told = dict(line.rsplit('  ', 1) for line in
                    self.good('list', '-e', program, 'symbols').splitlines())
        wanted = lib.symbols(program)
        self.assertEqual(told['main'], hex(wanted['main'][0]))
        self.assertEqual(told['a::b::f(int)'], hex(wanted['_ZN1a1b1fEi'][0]))
        found = [json.loads(line) for line in
                 self.good('list', '-e', program, '--json', 'symbols', 'c::f*').splitlines()]
        self.assertEqual([(f['linkage_name'], f['size']) for f in found],
                         [('_ZN1c1fEi', wanted['_ZN1c1fEi'][1])])

    def test_an_urf_without_names_says_so(self):
        program, urf = self.compile(), self.folder / 'hot.urf'
        self.good('index', '--hot', '-o', urf, program)
        self.refused('lookup', '-e', urf, 'main', names=['--hot'])
        self.refused('lookup', '-e', urf, 'a.c:5', names=['--hot'])
        self.refused('list', '-e', urf, 'types', names=['--hot'])
        self.refused('list', '-e', urf, 'variables', names=['--hot'])

    def test_wrong_arguments(self):
        self.refused('lookup', 'main', names=['-e FILE'])
        self.refused('lookup', '-e', self.turf, names=['nothing'])
        self.refused('list', '-e', self.turf, names=['functions'])
        self.refused('list', '-e', self.compile(), 'nonsense', names=['nonsense'])


lib.main()
