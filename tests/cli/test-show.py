# SPDX-License-Identifier: MIT
"""turf show: types and functions by name, and what is in scope at an address."""
import json
import re
import subprocess

import lib

C = r'''
typedef unsigned long size_type;
struct pair { int left; size_type right; };
struct outer { struct pair *pair; };
volatile int sink;
static inline __attribute__((always_inline)) int twice(int value) /* line 6 */
{
	sink++;
	return value * 2;
}
__attribute__((noinline)) int sum(struct pair *p, int n)
{
	int total = twice(n);
	total += twice(p->left); /* line 14 */
	sink = total;
	return total;
}
__attribute__((noinline)) static int pair(const char *format, ...)
{
	return format[0] + sink; /* line 20 */
}
int main(int argc, char **argv)
{
	struct pair p = { argc, 2 };
	return sum(&p, twice(argc)) + pair(argv[0], 1); /* line 25 */
}
'''

CXX = r'''
volatile int sink;
namespace a { namespace b {
struct Point { int x, y; __attribute__((noinline)) Point(int i) : x(i), y(sink) {} };
__attribute__((noinline)) int f(int i) { return sink += i; }
__attribute__((noinline)) int f(Point p) { return sink += p.x; }
template <class T> struct Box { T t; __attribute__((noinline)) T get() { return t + sink; } };
} }
namespace c {
struct Point { long z; };
__attribute__((noinline)) int f(int i) { return sink -= i; }
inline __attribute__((always_inline)) int only(int i) { return f(i) + 1; }
}
int main(int argc, char **)
{
	a::b::Point p(argc);
	a::b::Box<int> box = { argc };
	c::Point q = { argc };
	return a::b::f(1) + a::b::f(p) + c::f(2) + c::only(box.get()) + (int)q.z;
}
'''

THROUGH = r'''
struct pair { long a, b; };
static inline __attribute__((always_inline)) long through(struct pair *p, const char *text)
{
	long sum = p->a + text[0];
	__asm__ volatile("nop" : "+r"(sum));
	return sum;
}
int main(int argc, char **argv)
{
	struct pair q = { argc, argc + 1 };
	return through(&q, "ab");
}
'''

METHODS = r'''
struct Base { virtual ~Base(); virtual int pure() = 0; virtual void open(int) const; };
Base::~Base() {}
void Base::open(int) const {}
template <class T> struct Box : Base {
	explicit Box(T t) : x(t) {}
	Box(const Box &) = delete;
	static T *make(const T *, ...);
	int pure() override { return x; }
	int left() &;
	int right() const &&;
	void moving() volatile;
	operator bool() const;
	bool operator==(const Box &) const;
	int (*get(int))(char);
protected:
	void hidden(Base *);
private:
	int x;
};
int main() { Box<int> b(1); return b.pure(); }
'''

LABELS = r'''
volatile int sink;
static inline __attribute__((always_inline)) int twice(int n)
{
	if (n > 3)
		goto out; /* line 6 */
	sink++;
out:	sink = n;
	return n;
}
int f(int n)
{
	int i = 0;
again:	sink += i; /* line 14 */
	if (i++ < n)
		goto again;
	return twice(n);
}
int main(int argc, char **argv) { return f(argc) + argv[0][0]; }
'''

TEMPLATES = r'''
int global;
template <class T, int N, class... More> __attribute__((noinline)) T add(T a, More... m)
{
	return a + N + sizeof...(m);
}
template <int *P> __attribute__((noinline)) int at() { return *P; }
int main(int argc, char **) { return add<long, -5>(argc) + add<int, 7, char>(1, 'a') + at<&global>(); }
'''

# What DW_OP_call4, call2, call_ref, implicit_pointer and GNU_variable_value name.
CALLING = '''
	.text
	.globl f
f:	ret
.Lend:
	.section .debug_abbrev,"",@progbits
	.uleb128 1, 0x11
	.byte 1
	.uleb128 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0, 0
	.uleb128 2, 0x2e
	.byte 1
	.uleb128 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0x40, 0x18, 0, 0
	.uleb128 3, 0x36
	.byte 0
	.uleb128 0x02, 0x18, 0, 0
	.uleb128 4, 0x34
	.byte 0
	.uleb128 0x03, 0x08, 0x02, 0x18, 0, 0
	.uleb128 5, 0x34
	.byte 0
	.uleb128 0x03, 0x08, 0, 0, 0
	.section .debug_info,"",@progbits
.Lunit:	.long 2f - 1f
1:	.short 4
	.long .debug_abbrev
	.byte 8
	.uleb128 1
	.asciz "unit.c"
	.quad f
	.quad .Lend - f
.Lprocedure:
	.uleb128 3, 2
	.byte 0x91, 0x68
	.uleb128 2
	.asciz "f"
	.quad f
	.quad .Lend - f
	.uleb128 1
	.byte 0x9c
.Lfour:	.uleb128 4
	.asciz "by_four"
	.uleb128 7
	.byte 0x99
	.long .Lprocedure - .Lunit
	.byte 0x31, 0x22
.Lby_two:
	.uleb128 4
	.asciz "by_two"
	.uleb128 5
	.byte 0x98
	.short .Lprocedure - .Lunit
	.byte 0x32, 0x22
	.uleb128 4
	.asciz "by_any"
	.uleb128 7
	.byte 0x9a
	.long .Lprocedure
	.byte 0x33, 0x22
.Lnowhere:
	.uleb128 5
	.asciz "nowhere"
	.uleb128 4
	.asciz "of_nothing"
	.uleb128 7
	.byte 0x99
	.long .Lnowhere - .Lunit
	.byte 0x35, 0x9f
	.uleb128 4
	.asciz "pointer"
	.uleb128 6
	.byte 0xa0
	.long .Lfour
	.byte 4
	.uleb128 4
	.asciz "to_a_place"
	.uleb128 6
	.byte 0xa0
	.long .Lprocedure
	.byte 0
	.uleb128 4
	.asciz "of_a_variable"
	.uleb128 6
	.byte 0xfd
	.long .Lby_two
	.byte 0x9f
	.byte 0, 0
2:
'''

# A function that is called as no other is: DW_AT_calling_convention 0xcb.
CONVENTION = '''
	.text
	.globl f
f:	ret
.Lend:
	.section .debug_abbrev,"",@progbits
	.uleb128 1, 0x11
	.byte 1
	.uleb128 0x03, 0x08, 0x11, 0x01, 0x12, 0x07, 0, 0
	.uleb128 2, 0x2e
	.byte 0
	.uleb128 0x03, 0x08, 0x36, 0x0b, 0x11, 0x01, 0x12, 0x07, 0, 0, 0
	.section .debug_info,"",@progbits
	.long 2f - 1f
1:	.short 4
	.long 0
	.byte 8
	.uleb128 1
	.asciz "unit.c"
	.quad f
	.quad .Lend - f
	.uleb128 2
	.asciz "f"
	.byte 0xcb
	.quad f
	.quad .Lend - f
	.byte 0
2:
'''

FIXED = r'''
volatile int sink;
static inline __attribute__((always_inline)) int scaled(int n)
{
	const int by = 40;
	sink = n;
	return n * by;
}
int f(int n)
{
	static volatile int count;
	count++;
	return scaled(n) + scaled(n + count);
}
int main(int argc, char **argv) { return f(argc) + argv[0][0]; }
'''

CALLS = r'''
typedef int fn(int);
extern int sink;
int sink;
__attribute__((noipa)) int inner(int i) { return sink += i; }
__attribute__((noinline)) int other(int i) { return sink -= i; }
__attribute__((noinline)) int apply(fn *f, int i) { return f(i) + 1; }
__attribute__((noinline)) int last(int i) { sink++; return other(i); }
static inline __attribute__((always_inline)) int twice(int i) { return inner(i) + inner(3); }
int main(int argc, char **argv)
{
	return twice(argc) + apply(inner, argc) + last(argc) + (argv == 0);
}
'''


class Show(lib.Case):
    def cxx(self):
        path, output = self.folder / 'names.cc', self.folder / 'names'
        path.write_text(CXX)
        subprocess.run(['g++', '-g', '-O1', '-no-pie', path, '-o', output], check=True,
                       cwd=self.folder)
        return output

    def c(self):
        return self.compile('calls', C)

    def objects(self, program, *args):
        text = self.good('show', '-e', program, '--json', *args)
        return [json.loads(line) for line in text.splitlines()]

    def one(self, program, name):
        found = self.objects(program, name)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def test_a_function_in_text(self):
        program = self.c()
        text = self.good('show', '-e', program, 'sum')
        start, size = lib.symbols(program)['sum']
        lines = text.splitlines()
        self.assertEqual(lines[0], 'int sum(struct pair *p, int n)')
        for line in (f'  code at {start:#x}-{start + size:#x}',
                     f'  declared at {self.folder}/calls.c:11',
                     '  inlines   twice  (line 13)', '  inlines   twice  (line 14)'):
            self.assertIn(line, lines)
        self.assertRegex(text, r'\n  lines 1[1-3] to 17\n')
        self.assertRegex(text, r'\n  argument  struct pair \*p  \(line 11\)\n    .*in rdi')
        self.assertRegex(text, r'\n  local     int total  \(line 13\)\n')
        self.assertRegex(text, r'\n  inlined   twice\n    argument  int value  \(line 6\)\n')

    def test_a_function_in_json_holds_the_same(self):
        program = self.c()
        start, size = lib.symbols(program)['sum']
        found = self.one(program, 'sum')
        self.assertEqual((found['kind'], found['name'], found['prototype'], found['line']),
                         ('function', 'sum', 'int sum(struct pair *p, int n)', 11))
        self.assertEqual(found['file'], f'{self.folder}/calls.c')
        self.assertEqual([(int(c['start'], 16), int(c['end'], 16)) for c in found['code']],
                         [(start, start + size)])
        self.assertEqual(found['inlined'], [])
        self.assertIn(found['first_line'], (11, 12, 13))
        self.assertEqual(found['last_line'], 17)
        self.assertEqual(sorted((i['function'], i['line'], i['in'], i['depth'])
                                for i in found['inlines']),
                         [('twice', 13, 'sum', 1), ('twice', 14, 'sum', 1)])
        self.assertEqual([(v['kind'], v['name'], v['type'], v['line'])
                          for v in found['variables']],
                         [('argument', 'p', 'struct pair *', 11), ('argument', 'n', 'int', 11),
                          ('local', 'total', 'int', 13)])
        own = {p['variable'] for p in found['places'] if p['depth'] == 0}
        self.assertLessEqual({'p', 'n'}, own)
        self.assertIn(('twice', 'value'), {(p['function'], p['variable'])
                                           for p in found['places'] if p['depth'] == 1})

    def test_types_in_units_of_their_own(self):
        path = self.folder / 'types.cc'
        path.write_text('''#include <string>
            namespace a { struct base { virtual ~base() {} int x; static int count; };
            struct shape : base { std::string name; }; enum class color { red, green = 5 }; }
            struct loc { a::base *b; union { int i; float f; }; } where;
            int a::base::count; a::shape *g; a::color gc;
            int main() { a::shape s; g = &s; where.i = 3; return s.x; }''')
        told = []
        for flags in (['-gdwarf-5'], ['-gdwarf-4'], ['-gdwarf-4', '-fdebug-types-section'],
                      ['-gdwarf-5', '-fdebug-types-section'],
                      ['-gdwarf-4', '-fdebug-types-section', '-gz']):
            program = self.folder / 'types'
            subprocess.run(['g++', *flags, 'types.cc', '-o', program], check=True,
                           cwd=self.folder)
            told.append(self.good('show', '-e', program, 'a::shape', 'a::base', 'a::color',
                                  'loc', 'string'))
            self.good('verify', self.urf_of(program))
        self.assertIn(f'struct a::shape {{ /* {path}:3 */', told[0])
        self.assertEqual(told, told[:1] * len(told))

    def test_what_is_inlined_only(self):
        program = self.c()
        found = self.one(program, 'twice')
        self.assertEqual((found['code'], found['inlines']), ([], []))
        self.assertEqual({p['in'] for p in found['inlined']}, {'sum', 'main'})
        self.assertLessEqual({8, 9} & {found['first_line'], found['last_line']}, {8, 9})
        self.assertTrue(6 <= found['first_line'] <= found['last_line'] <= 10)
        n = len(found['inlined'])
        text = self.good('show', '-e', program, 'twice')
        self.assertTrue(text.startswith('static int twice(int value)\n'), text)
        self.assertIn(f'  inlined at {n} places\n', text)
        self.assertNotIn('in main', text)
        self.assertIn('  argument  int value  (line 6)\n', text)
        text = self.good('show', '-e', program, '--all', 'twice')
        self.assertIn(f'  inlined at {n} places:\n', text)
        self.assertEqual(len(re.findall(r'^    0x\w+-0x\w+  in (?:sum|main)$', text, re.M)), n)

    def test_a_type_and_a_function_of_one_name(self):
        program = self.c()
        cases = {
            'pair': [('struct', 3), ('function', 18)],
            'struct pair': [('struct', 3)],
            'struct  pair': [('struct', 3)],
            'size_type': [('typedef', 2)],
            'typedef size_type': [('typedef', 2)],
        }
        for name, expected in cases.items():
            with self.subTest(name):
                self.assertEqual([(f['kind'], f['line']) for f in self.objects(program, name)],
                                 expected)
        self.assertEqual(self.objects(program, 'pair')[1]['prototype'],
                         'static int pair(const char *format, ...)')
        for name in ('union pair', 'struct sum', 'nothing', 'struct size_type', ''):
            with self.subTest(name):
                result = self.run_turf('show', '-e', program, name)
                self.assertEqual((result.returncode, result.stdout), (1, b''))
                self.assertIn(b'no type, function or macro of that name', result.stderr)

    def test_qualified_names(self):
        program = self.cxx()
        cases = {
            'f': [('function', 5), ('function', 6), ('function', 11)],
            'b::f': [('function', 5), ('function', 6)],
            'a::b::f(int)': [('function', 5)],
            'c::f': [('function', 11)],
            '_ZN1c1fEi': [('function', 11)],
            'only': [('function', 12)],
            'c::only': [('function', 12)],
            'Box<int>::get': [('function', 7)],
            'get': [('function', 7)],
            'Point': [('struct', 4), ('struct', 10)],
            'struct c::Point': [('struct', 10)],
            'Box<int>': [('struct', 7)],
        }
        for name, expected in cases.items():
            with self.subTest(name):
                found = self.objects(program, name)
                self.assertEqual(sorted((f['kind'], f['line']) for f in found), expected)
        f = self.one(program, 'c::f')
        self.assertEqual((f['prototype'], f['linkage_name']), ('int c::f(int i)', '_ZN1c1fEi'))
        only = self.one(program, 'c::only')
        self.assertEqual((only['code'], {p['in'] for p in only['inlined']}), ([], {'main'}))
        main = self.one(program, 'main')
        self.assertIn(('c::only(int)', 'main', 19),
                      [(i['function'], i['in'], i['line']) for i in main['inlines']])

    def test_at_an_address(self):
        program = self.c()
        place = self.one(program, 'twice')['inlined'][0]
        frames = self.objects(program, '--at', place['start'])[0]['frames']
        names = [f['function'] for f in frames]
        self.assertEqual(names, ['twice', place['in']])
        for name, frame in zip(names, frames):
            with self.subTest(name):
                only, = self.objects(program, '--at', place['start'], name)
                self.assertEqual(only['frames'], [frame])
                text = self.good('show', '-e', program, '--at', place['start'], name)
                self.assertEqual(len(re.findall(r'^\S', text, re.M)), 1, text)
                self.assertIn(f' {name}(', text)
        two = self.objects(program, '--at', place['start'], place['start'], 'twice')
        self.assertEqual(two, 2 * [{'address': place['start'], 'frames': frames[:1]}])
        for name, why in (('pair', 'no code of that function'), ('nothing', 'no function')):
            result = self.run_turf('show', '-e', program, '--at', place['start'], name)
            self.assertEqual((result.returncode, result.stdout), (1, b''))
            self.assertIn(why, result.stderr.decode())
        self.refused('show', '-e', program, '--at', 'xyz', names=['xyz'])

    def test_pointers_to_what_has_no_address(self):
        program = self.compile('through', THROUGH)
        text = self.good('show', '-e', program, 'main')
        self.assertRegex(text, r'struct pair \*p  \(line 3\)\n *0x\w+-0x\w+  points to q of main\n')
        self.assertRegex(text, r'char \*text  \(line 3\)\n *0x\w+-0x\w+  points to constant 0x61 0x62 0x00\n')
        at = self.one(program, 'through')['inlined'][-1]['start']
        self.assertIn('struct pair *p  (line 3): points to q of main\n',
                      self.good('show', '-e', program, '--at', at))
        frame = self.objects(program, '--at', at)[0]['frames'][0]
        self.assertEqual([v.get('points_to') for v in frame['variables'][:2]], ['q', None])
        self.assertIn('implicit_pointer(implicit_value 0x61 0x62 0x00) +0',
                      [v['location'] for v in frame['variables']])

    def test_what_is_the_same_in_all_code(self):
        program = self.compile('fixed', FIXED)
        text = self.good('show', '-e', program, 'f')
        self.assertRegex(text, r'\n  static    volatile int count  \(line 11\)\n    at 0x\w+\n')
        self.assertEqual(text.count('    local     const int by  (line 5)\n      constant 40\n'), 2)
        places = [(p['function'], p['variable'])
                  for p in self.one(program, 'f')['places'] if p['variable'] in ('by', 'count')]
        self.assertEqual(places, [('f', 'count')] + [('scaled', 'by')] * 2)
        self.assertEqual([text.count('const int by'), text.count('int count')], [2, 1])

    def test_calls(self):
        program = self.compile('calls', CALLS)
        entry = {n: self.one(program, n)['code'][0]['entry']
                 for n in ('inner', 'other', 'apply')}
        calls = {n: self.one(program, n)['calls'] for n in ('main', 'apply', 'last')}
        self.assertEqual([(c['function'], c['target'], c['tail'], c['in'])
                          for c in calls['main'] if c['function'] != 'last'],
                         [('inner', entry['inner'], False, 'twice')] * 2 +
                         [('apply', entry['apply'], False, 'main')])
        [indirect] = calls['apply']
        self.assertEqual((indirect['tail'], 'function' in indirect), (False, False))
        [jump] = calls['last']
        self.assertEqual((jump['tail'], jump['function'], jump['target']),
                         (True, 'other', entry['other']))
        self.assertIn({'location': 'reg5', 'value': 'lit3'},
                      [p for c in calls['main'] for p in c['parameters']])
        text = self.good('show', '-e', program, 'main')
        self.assertRegex(text, r'  calls     inner, returns to 0x\w+  \(twice, line 9\)\n')
        self.assertIn('              rdi = constant 3\n', text)
        self.assertRegex(self.good('show', '-e', program, 'last'), r'  jumps to  other, before 0x')
        end = calls['main'][0]['end']
        [answer] = self.good('lookup', '-e', program, '--json', end).splitlines()
        self.assertEqual(json.loads(answer)['call'], calls['main'][0])
        self.assertIn('calls     inner, returns to ' + end,
                      self.good('lookup', '-e', program, end))
        # the file's code says whom: an urf alone has none
        urf = self.urf_of(program)
        self.assertRegex(self.good('show', '-e', urf, 'main'),
                         r'  calls     \?, returns to ' + end)

    def test_what_is_not_in_the_urf(self):
        program, hot = self.c(), self.folder / 'hot.urf'
        self.good('index', '--hot', '-o', hot, program)
        stripped = self.folder / 'stripped.urf'
        self.good('strip', '-o', stripped, self.urf_of(program))
        for urf in (hot, stripped):
            for args in (['sum'], ['struct pair'], ['--all'], ['--at', '401000'],
                         ['--json', 'sum']):
                with self.subTest(f'{urf.name} {args}'):
                    self.refused('show', '-e', urf, *args, names=['not in this urf', '--hot'])

    def test_calls_stand_in_the_call_they_are_inlined_in(self):
        found = self.one(self.compile(), 'outermost')
        self.assertEqual([(i['depth'], i['function'], i['in'], i['line'])
                          for i in found['inlines']],
                         [(1, 'middle', 'outermost', 13), (2, 'innermost', 'middle', 9)])
        text = self.good('show', '-e', self.folder / 'fixture', 'outermost')
        self.assertIn('  inlines   middle  (line 13)\n    inlines   innermost  (line 9)\n', text)

    def test_a_definition_in_an_included_file(self):
        (self.folder / 'code.inc').write_text(
            '__attribute__((noinline)) int elsewhere(int i)\n{\n\treturn i * 3;\n}\n')
        source = 'int elsewhere(int i);\n#include "code.inc"\n' \
                 'int main(int argc, char **argv) { return elsewhere(argc); }\n'
        program = self.compile('other', source)
        found = self.one(program, 'elsewhere')
        for key in ('file', 'code_file'): # not where it was declared before
            self.assertEqual(found[key], f'{self.folder}/code.inc')
        self.assertEqual((found['first_line'] in (1, 2, 3), found['last_line']), (True, 4))

    def test_methods(self):
        path, output = self.folder / 'methods.cc', self.folder / 'methods'
        path.write_text(METHODS)
        subprocess.run(['g++', '-g', '-std=c++17', path, '-o', output], check=True, cwd=self.folder)
        text = self.good('show', '-e', output, 'Box<int>')
        begin, end = text.index('\n\n') + 2, text.rindex('\n\n')
        self.assertEqual([line.strip() for line in text[begin:end].splitlines()], [
            'explicit Box(int);', 'Box(const struct Box<int> &) = delete;',
            'static int *make(const int *, ...);', 'virtual int pure();', 'int left() &;',
            'int right() const &&;', 'void moving() volatile;', 'operator bool() const;',
            'bool operator==(const struct Box<int> &) const;', 'int (*get(int))(char);',
            'protected void hidden(struct Base *);'])
        text = self.good('show', '-e', output, 'Base')
        self.assertIn('\tvirtual ~Base();\n\tvirtual int pure()', text)
        self.assertIn('\tvirtual void open(int) const;\n', text)
        methods = {m['name']: m for m in self.one(output, 'Box<int>')['methods']}
        self.assertEqual(methods['hidden'], {'name': 'hidden', 'type': 'void', 'access': 2,
                                             'parameters': ['struct Base *']})
        self.assertEqual(methods['make'], {'name': 'make', 'type': 'int *', 'static': True,
                                           'variadic': True, 'parameters': ['const int *']})
        self.assertEqual(methods['right'], {'name': 'right', 'type': 'int', 'const': True,
                                            'rvalue': True, 'parameters': []})
        urf = self.urf_of(output)
        self.good('verify', urf)
        self.assertRegex(self.good('dump', '--section', 'types', urf), r'method "right" type')
        self.assertNotIn('methods', self.one(self.c(), 'struct pair'))

    def test_labels(self):
        program = self.compile('labels', LABELS, '-O1')
        text = self.good('show', '-e', program, 'f')
        self.assertRegex(text, r'\n  label     again  \(line 14\)\n    0x[0-9a-f]+\n')
        self.assertRegex(text, r'\n    label     out  \(line 8\)\n      0x[0-9a-f]+\n')
        found = self.one(program, 'f')
        self.assertNotIn('again', [v['name'] for v in found['variables']])
        self.assertEqual({(l['function'], l['label'], l['line'], l['depth'])
                          for l in found['labels']}, {('f', 'again', 14, 0), ('twice', 'out', 8, 1)})
        start, size = lib.symbols(program)['f']
        for label in found['labels']:
            addr = int(label['address'], 16)
            self.assertTrue(start <= addr < start + size)
            shown = self.good('show', '-e', program, '--at', hex(addr))
            self.assertNotIn('again', shown) # it is no variable
        self.good('verify', self.urf_of(program))

    def test_template_arguments(self):
        path, output = self.folder / 'templates.cc', self.folder / 'templates'
        path.write_text(TEMPLATES)
        subprocess.run(['g++', '-g', '-O1', '-no-pie', path, '-o', output], check=True, cwd=self.folder)
        text = self.good('show', '-e', output, 'add')
        self.assertIn('  template  typename T = long int\n  template  int N = constant -5\n', text)
        self.assertIn('  template  typename T = int\n  template  int N = constant 7\n'
                      '  template  typename  = char\n', text)
        found = self.objects(output, 'add')
        self.assertEqual([[a['type'] for a in f['template']] for f in found
                          if len(f['template']) == 3], [['int', 'int', 'char']])
        self.assertEqual([v['name'] for f in found for v in f['variables'] if v['name'] in 'TN'
                          and v['name']], [])
        at, = self.one(output, 'at')['template']
        self.assertEqual((at['kind'], at['name'], at['type']), ('value', 'P', 'int *'))
        self.assertNotIn('template', self.one(output, 'main'))
        self.good('verify', self.urf_of(output))

    def test_expressions_that_call_others(self):
        (self.folder / 'unit.s').write_text(CALLING)
        subprocess.run(['gcc', '-nostdlib', '-static', '-Wl,-e,f', 'unit.s', '-o', 'unit'],
                       check=True, cwd=self.folder)
        program = self.folder / 'unit'
        address = self.one(program, 'f')['code'][0]['start']
        [frame] = self.objects(program, '--at', address)[0]['frames']
        self.assertEqual({v['name']: (v['location'], v.get('points_to')) for v in frame['variables']},
                         {'by_four': ('fbreg -24, lit1, plus', None),
                          'by_two': ('fbreg -24, lit2, plus', None),
                          'by_any': ('fbreg -24, lit3, plus', None),
                          'nowhere': ('', None),
                          'of_nothing': ('lit5, stack_value', None),
                          'pointer': ('implicit_pointer 0x2 +4', 'by_four'),
                          'to_a_place': ('implicit_pointer(fbreg -24) +0', None),
                          'of_a_variable': ('GNU_variable_value 0xa, stack_value', None)})
        self.good('verify', self.urf_of(program))

    def test_a_calling_convention(self):
        (self.folder / 'unit.s').write_text(CONVENTION)
        subprocess.run(['gcc', '-nostdlib', '-static', '-Wl,-e,f', 'unit.s', '-o', 'unit'],
                       check=True, cwd=self.folder)
        self.assertEqual(self.one(self.folder / 'unit', 'f')['calling_convention'], 0xcb)
        self.assertIn('  calling convention 203\n', self.good('show', '-e', self.folder / 'unit', 'f'))
        self.assertNotIn('calling_convention', self.one(self.c(), 'sum'))
        self.good('verify', self.urf_of(self.folder / 'unit'))

    def test_wrong_arguments(self):
        self.refused('show', 'main', names=['-e FILE'])
        self.refused('show', '-e', self.turf, names=['no name'])


lib.main()
