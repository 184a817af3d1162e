# SPDX-License-Identifier: MIT
"""turf diff: libraries built twice with changes made on purpose: all found, none invented."""
import json
import subprocess

import lib

# Each change is a pair of declarations, what is told of it, and where: kind, change, name, and
# of what changed the words that its lines must have.
C_CHANGES = [
    ('function removed', 'int f_removed(int a) { return a; }', '',
     ('function', 'removed', 'f_removed', [])),
    ('function added', '', 'int f_added(int a) { return a; }',
     ('function', 'added', 'f_added', [])),
    ('parameter added', 'int f_more(int a) { return a; }', 'int f_more(int a, long b) { return a + (int)b; }',
     ('function', 'changed', 'f_more', [('added', 'parameter 2', None, 'long int b')])),
    ('parameter removed', 'int f_less(int a, char *b) { return a + !b; }', 'int f_less(int a) { return a; }',
     ('function', 'changed', 'f_less', [('removed', 'parameter 2', 'char *b', None)])),
    ('parameter of another type', 'int f_type(int a) { return a; }', 'int f_type(short a) { return a; }',
     ('function', 'changed', 'f_type', [('changed', 'parameter 1', 'int', 'short int')])),
    ('another return type', 'int f_return(int a) { return a; }', 'long f_return(int a) { return a; }',
     ('function', 'changed', 'f_return', [('changed', 'returns', 'int', 'long int')])),
    ('another return type, no parameters', 'int f_nothing(void) { return 1; }', 'long f_nothing(void) { return 1; }',
     ('function', 'changed', 'f_nothing', [('changed', 'returns', 'int', 'long int')])),
    ('const added', 'int f_const(char *a) { return *a; }', 'int f_const(const char *a) { return *a; }',
     ('function', 'changed', 'f_const', [('changed', 'parameter 1', 'char *', 'const char *')])),
    ('variadic', 'int f_variadic(int a) { return a; }', 'int f_variadic(int a, ...) { return a; }',
     ('function', 'changed', 'f_variadic', [('added', 'further arguments (...)', None, None)])),
    ('member at the end', 'struct s_end { int a; };', 'struct s_end { int a; int b; };',
     ('type', 'changed', 'struct s_end', [('changed', 'size', '4', '8'), ('added', 'member b', None, 'int at 4')])),
    ('member in the middle', 'struct s_middle { int a; int c; int d; int e; };',
     'struct s_middle { int a; int b; int c; int d; int e; };',
     ('type', 'changed', 'struct s_middle', [('changed', 'size', '16', '20'), ('added', 'member b', None, 'int at 4'),
                                             ('changed', '3 members c .. e offset', '4', '8')])),
    ('member removed', 'struct s_removed { int a; int b; };', 'struct s_removed { int a; };',
     ('type', 'changed', 'struct s_removed', [('changed', 'size', '8', '4'), ('removed', 'member b', 'int at 4', None)])),
    ('member renamed', 'struct s_renamed { int a; int b; };', 'struct s_renamed { int a; int c; };',
     ('type', 'changed', 'struct s_renamed', [('changed', 'member name', 'b', 'c')])),
    ('member of another type', 'struct s_type { int a; };', 'struct s_type { float a; };',
     ('type', 'changed', 'struct s_type', [('changed', 'member a', 'int', 'float')])),
    ('members in another order', 'struct s_order { int a; float b; };', 'struct s_order { float b; int a; };',
     ('type', 'changed', 'struct s_order', [('changed', 'member b offset', '4', '0'), ('changed', 'member a offset', '0', '4')])),
    ('bit field', 'struct s_bits { unsigned a : 3; unsigned b : 4; };', 'struct s_bits { unsigned a : 5; unsigned b : 4; };',
     ('type', 'changed', 'struct s_bits', [('changed', 'member a bits', '3', '5'), ('changed', 'member b offset', '0:3', '0:5')])),
    ('enumerator added', 'enum e_added { EA_ONE };', 'enum e_added { EA_ONE, EA_TWO };',
     ('type', 'changed', 'enum e_added', [('added', 'enumerator EA_TWO', None, '1')])),
    ('enumerator of another value', 'enum e_value { EV_ONE = 1 };', 'enum e_value { EV_ONE = 2 };',
     ('type', 'changed', 'enum e_value', [('changed', 'enumerator EV_ONE', '1', '2')])),
    ('enumerator renamed', 'enum e_renamed { ER_OLD };', 'enum e_renamed { ER_NEW };',
     ('type', 'changed', 'enum e_renamed', [('changed', 'enumerator name', 'ER_OLD', 'ER_NEW')])),
    ('typedef', 'typedef int t_changed;', 'typedef long t_changed;',
     ('type', 'changed', 'typedef t_changed', [('changed', 'means', 'int', 'long int')])),
    ('union member', 'union u_member { int a; };', 'union u_member { int a; char b; };',
     ('type', 'changed', 'union u_member', [('added', 'member b', None, 'char at 0')])),
    ('bound of an array', 'struct s_array { int a[4]; };', 'struct s_array { int a[5]; };',
     ('type', 'changed', 'struct s_array', [('changed', 'size', '16', '20'), ('changed', 'member a', 'int[4]', 'int[5]')])),
    ('packed', 'struct s_packed { char a; int b; };', 'struct __attribute__((packed)) s_packed { char a; int b; };',
     ('type', 'changed', 'struct s_packed', [('changed', 'size', '8', '5'), ('changed', 'member b offset', '4', '1')])),
    ('aligned', 'struct s_aligned { int a; };', 'struct __attribute__((aligned(16))) s_aligned { int a; };',
     ('type', 'changed', 'struct s_aligned', [('changed', 'size', '4', '16'), ('changed', 'alignment', '0', '16')])),
    ('pointer to a function', 'struct s_call { int (*call)(int a); };', 'struct s_call { int (*call)(int a, int b); };',
     ('type', 'changed', 'struct s_call', [('changed', 'member call', 'int (*)(int)', 'int (*)(int, int)')])),
    ('in a member without a name', 'struct s_inner { int k; union { int a; char b; }; };',
     'struct s_inner { int k; union { int a; short b; }; };',
     ('type', 'changed', 'struct s_inner', [('changed', 'member b', 'char', 'short int')])),
    ('in a member whose type has no name', 'struct s_within { struct { int x; } in; };',
     'struct s_within { struct { unsigned x; } in; };',
     ('type', 'changed', 'struct s_within', [('changed', 'member in.x', 'int', 'unsigned int')])),
    ('variable of another type', 'int v_type = 1;', 'unsigned v_type = 1;',
     ('variable', 'changed', 'v_type', [('changed', 'type', 'int', 'unsigned int')])),
    ('variable of another size', 'int v_size[2] = { 1 };', 'int v_size[3] = { 1 };',
     ('variable', 'changed', 'v_size', [('changed', 'type', 'int[2]', 'int[3]'), ('changed', 'size', '8', '12')])),
    ('variable removed', 'int v_removed = 1;', '', ('variable', 'removed', 'v_removed', [])),
    ('variable added', '', 'int v_added = 1;', ('variable', 'added', 'v_added', [])),
]
# What is other, and does not count; each must tell nothing.
C_SAME = [
    ('int n_name(int a) { return a; }', 'int n_name(int b) { return b; }'),
    ('int n_const(int a) { return a; }', 'int n_const(const int a) { return a; }'),
    ('typedef int n_int; int n_typedef(n_int a) { return a; }', 'typedef int n_int; int n_typedef(int a) { return a; }'),
    ('static int hidden(int a) { return a * sink; } int n_static(int a) { return hidden(a); }',
     'static int hidden(long a) { return (int)a * sink; } int n_static(int a) { return hidden(a); }'),
    ('__attribute__((visibility("hidden"))) int n_hidden(int a) { return a; }', ''),
    ('struct n_loop { struct n_loop *next; void (*call)(struct n_loop *); }; int n_loop(struct n_loop *a) { return !a->next; }',
     '\nstruct n_loop { struct n_loop *next; void (*call)(struct n_loop *); }; int n_loop(struct n_loop *a) { return !a; }'),
    ('struct n_opaque; int n_opaque(struct n_opaque *a) { return !a; }',
     'struct n_opaque { int a; }; int n_opaque(struct n_opaque *a) { return a->a; }'),
]
CXX_CHANGES = [
    ('virtual function added', 'struct c_virtual { virtual int one(); }; int c_virtual::one() { return 1; }',
     'struct c_virtual { virtual int one(); virtual int two(); };'
     'int c_virtual::one() { return 1; } int c_virtual::two() { return 2; }',
     ('function', 'added', 'c_virtual::two()', [])),
    ('first virtual function', 'struct c_first { int one(); int a; }; int c_first::one() { return a; }',
     'struct c_first { virtual int one(); int a; }; int c_first::one() { return a; }',
     [('type', 'changed', 'struct c_first', [('changed', 'size', '4', '16'), ('changed', 'member a offset', '0', '8'),
                                             ('added', 'member _vptr.c_first', None, '__vtbl_ptr_type * at 0')]),
      ('function', 'changed', 'c_first::one()', [('added', 'virtual', None, None)])]),
    ('another base class', 'struct b_one { int a; }; struct b_two { int b; }; struct c_base : b_one { int c; };'
     'int f_base(c_base *a) { return a->c; }',
     'struct b_one { int a; }; struct b_two { int b; }; struct c_base : b_two { int c; };'
     'int f_base(c_base *a) { return a->c; }',
     [('type', 'changed', 'struct c_base', [('removed', 'base b_one', 'at 0', None), ('added', 'base b_two', None, 'at 0')]),
      ('type', 'removed', 'struct b_one', []), ('type', 'added', 'struct b_two', [])]),
    ('default argument of a template', 'template <class T = int> struct c_template { T a; };'
     'struct c_holder { c_template<> in; }; int f_template(c_holder *a) { return !a; }',
     'template <class T = long> struct c_template { T a; };'
     'struct c_holder { c_template<> in; }; int f_template(c_holder *a) { return !a; }',
     [('type', 'changed', 'struct c_holder', [('changed', 'size', '4', '8'),
                                              ('changed', 'member in', 'struct c_template<int>', 'struct c_template<long int>')]),
      ('type', 'removed', 'struct c_template<int>', []), ('type', 'added', 'struct c_template<long int>', [])]),
    ('parameter of a method', 'struct c_method { int m(int a); int b; }; int c_method::m(int a) { return a + b; }',
     'struct c_method { int m(long a); int b; }; int c_method::m(long a) { return (int)a + b; }',
     [('function', 'removed', 'c_method::m(int)', []), ('function', 'added', 'c_method::m(long)', [])]),
    ('a method is const', 'struct c_const { int m(); int b; }; int c_const::m() { return b; }',
     'struct c_const { int m() const; int b; }; int c_const::m() const { return b; }',
     [('function', 'removed', 'c_const::m()', []), ('function', 'added', 'c_const::m() const', [])]),
    ('member in a namespace', 'namespace ns { struct in { int a; }; int f(in *a) { return a->a; } }',
     'namespace ns { struct in { char a; }; int f(in *a) { return a->a; } }',
     ('type', 'changed', 'struct ns::in', [('changed', 'size', '4', '1'), ('changed', 'member a', 'int', 'char')])),
]


def users(changes):
    """Functions that reach each type, the same on both sides."""
    words = {'struct': '{} *', 'enum': '{} *', 'union': '{} *', 'typedef': '{} *'}
    for _, _, _, told in changes:
        kind, _, name, _ = told
        if kind == 'type':
            word, _, last = name.partition(' ')
            yield f'int use_{last}({words[word].format(last if word == "typedef" else name)}a) {{ return !a; }}'


class Diff(lib.Case):
    def library(self, name, text, language='c'):
        """A library of its own folder, so that paths differ."""
        folder = self.folder / name / 'src'
        folder.mkdir(parents=True)
        (folder / f'code.{language}').write_text('volatile int sink;\n' + text)
        output = self.folder / name / 'code.so'
        subprocess.run(['g++' if language == 'cc' else 'gcc', '-g', '-O1', '-shared', '-fPIC', '-o', output,
                        folder / f'code.{language}'], check=True)
        return output

    def two(self, old, new, language='c'):
        return self.library('old', old, language), self.library('new', new, language)

    def differ(self, *args):
        result = self.run_turf('diff', *args)
        self.assertEqual(result.stderr, b'')
        self.assertEqual(result.returncode, 1)
        return result.stdout.decode()

    def told(self, *args):
        lines = [json.loads(line) for line in self.differ('--json', *args).splitlines()]
        self.assertEqual(lines[-1]['kind'], 'summary')
        return {(r['kind'], r['change'], r['name']):
                [(c['change'], c['what'], c.get('old'), c.get('new')) for c in r['changes']]
                for r in lines[:-1]}

    def check(self, changes, told):
        self.maxDiff = None
        wanted = {}
        for *_, expected in changes:
            for kind, change, name, lines in expected if isinstance(expected, list) else [expected]:
                wanted[kind, change, name] = lines
        self.assertEqual({k: sorted(v, key=str) for k, v in told.items()},
                         {k: sorted(v, key=str) for k, v in wanted.items()})

    def test_c(self):
        same = '\n'.join(users(C_CHANGES))
        old = '\n'.join([c[1] for c in C_CHANGES] + [s[0] for s in C_SAME]) + '\n' + same
        new = '\n'.join([c[2] for c in C_CHANGES] + [s[1] for s in C_SAME]) + '\n' + same
        self.check(C_CHANGES, self.told(*self.two(old, new)))

    def test_each_alone(self):
        for i, change in enumerate(C_CHANGES):
            same = '\n' + '\n'.join(users([change]))
            old = self.library(f'old{i}', change[1] + same)
            new = self.library(f'new{i}', change[2] + same)
            self.check([change], self.told(old, new))

    def test_cxx(self):
        self.check(CXX_CHANGES, self.told(*self.two('\n'.join(c[1] for c in CXX_CHANGES),
                                                    '\n'.join(c[2] for c in CXX_CHANGES), 'cc')))

    def test_nothing(self):
        for language, changes in ('c', C_CHANGES), ('cc', CXX_CHANGES):
            text = '\n'.join(c[2] for c in changes)
            if language == 'c':
                text += '\n' + '\n'.join(users(changes))
            old, new = (self.library(language + side, text, language) for side in ('1', '2'))
            for options in [], ['--all']:
                self.assertEqual(self.good('diff', *options, old, new),
                                 'functions: 0 removed, 0 added, 0 changed; variables: 0 removed, 0 added, '
                                 '0 changed; types: 0 removed, 0 added, 0 changed\n')

    def test_not_counted(self):
        old, new = self.two('\n'.join(s[0] for s in C_SAME), '\n'.join(s[1] for s in C_SAME))
        self.good('diff', old, new)
        told = self.told('--all', old, new)
        self.assertEqual(told['function', 'changed', 'hidden'], [('changed', 'parameter 1', 'int', 'long int')])
        self.assertIn(('function', 'removed', 'n_hidden'), told)

    def test_text(self):
        inner = 'struct inner {{ int a; {} b; }}; struct outer {{ struct inner *in; }}; ' \
                'int f_direct(struct inner *a) {{ return a->a; }} int f_far(struct outer *a) {{ return a->in->a; }} ' \
                'struct outer *v_far;'
        old, new = self.two(inner.format('int') + 'int gone(char *a) { return *a; }', inner.format('float'))
        self.assertEqual(self.differ(old, new), '''functions
- int gone(char *a)

types
~ struct inner
    ~ member b  int -> float
    reached by 2 functions, 1 variable: f_direct, f_far, v_far

functions: 1 removed, 0 added, 0 changed; variables: 0 removed, 0 added, 0 changed; types: 0 removed, 0 added, 1 changed
''')

    def test_virtual(self):
        told = self.differ(*self.two(*CXX_CHANGES[0][1:3], 'cc'))
        self.assertIn('\n+ virtual c_virtual::two()\n', told)

    def test_urfs(self):
        old, new = self.two('int gone(int a) { return a; }', 'int here(int a) { return a; }')
        both = [self.urf_of(old, 'old.urf'), self.urf_of(new, 'new.urf')]
        self.assertEqual(self.differ(*both), self.differ(old, new))
        hot = self.folder / 'hot.urf'
        self.good('index', '--hot', '-o', hot, old)
        self.refused('diff', hot, both[1], names=['hot.urf', '--hot'])
        self.refused('diff', both[0], names=['two files'])
        self.refused('diff', both[0], self.folder / 'none', names=['none'])
        self.assertIn('Usage: turf diff', self.good('diff', '--help'))


if __name__ == '__main__':
    lib.main()
