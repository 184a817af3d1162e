# SPDX-License-Identifier: MIT
"""Macros: shown, looked up and listed; and macros that no compiler writes."""
import json
import re
import subprocess

import lib

HEADER = '''#define SHARED 1
#undef GONE
'''
C = '''#define GONE
#include "shared.h"
#define PAIR(a, b) ((a) + (b))
#define BOTH (SHARED)
#define REST(...) f(__VA_ARGS__)
struct both { int BOTH_; };
int main(void) { return PAIR(1, SHARED); }
'''
OTHER = '''#include "shared.h"
#define GONE 2
int BOTH(void) { return GONE; }
'''

UNIT = '''
	.text
	.globl f
f:	ret
.Lend:
	.section .debug_abbrev,"",@progbits
	.uleb128 1, 0x11
	.byte 0
	.uleb128 0x03, 0x08, 0x79, 0x17, 0, 0, 0
	.section .debug_info,"",@progbits
	.long 2f - 1f
1:	.short 4
	.long 0
	.byte 8
	.uleb128 1
	.asciz "unit.c"
	.long 0
2:
	.section .debug_str,"MS",@progbits,1
	.asciz "STRING s"
	.section .debug_macro,"",@progbits
'''


class Macros(lib.Case):
    def program(self):
        (self.folder / 'shared.h').write_text(HEADER)
        (self.folder / 'one.c').write_text(C)
        (self.folder / 'other.c').write_text(OTHER)
        subprocess.run(['gcc', '-g3', 'one.c', 'other.c', '-o', 'program'], check=True,
                       cwd=self.folder)
        return self.urf_of(self.folder / 'program')

    def test_show(self):
        urf = self.program()
        where = re.escape(str(self.folder))
        text = self.good('show', '-e', urf, 'SHARED', 'GONE', 'PAIR')
        text = re.sub(where, '.', text)
        self.assertEqual(text.splitlines(), [
            '#define SHARED 1  /* ./shared.h:1 */', '',
            '#define GONE  /* ./one.c:1 */', '#define GONE 2  /* ./other.c:2 */',
            '#undef GONE  /* ./shared.h:2 */', '',
            '#define PAIR(a,b) ((a) + (b))  /* ./one.c:3 */'])
        lines = self.good('show', '--json', '-e', urf, 'PAIR', 'REST', 'GONE').splitlines()
        self.assertEqual([json.loads(line) for line in lines], [
            {'kind': 'macro', 'name': 'PAIR', 'parameters': ['a', 'b'], 'body': '((a) + (b))',
             'undefined': False, 'file': f'{self.folder}/one.c', 'line': 3},
            {'kind': 'macro', 'name': 'REST', 'parameters': ['...'], 'body': 'f(__VA_ARGS__)',
             'undefined': False, 'file': f'{self.folder}/one.c', 'line': 5},
            {'kind': 'macro', 'name': 'GONE', 'body': '', 'undefined': False,
             'file': f'{self.folder}/one.c', 'line': 1},
            {'kind': 'macro', 'name': 'GONE', 'body': '2', 'undefined': False,
             'file': f'{self.folder}/other.c', 'line': 2},
            {'kind': 'macro', 'name': 'GONE', 'undefined': True,
             'file': f'{self.folder}/shared.h', 'line': 2}])
        self.assertEqual(self.run_turf('show', '-e', urf, 'NOBODY').returncode, 1)

    def test_beside_others_of_its_name(self):
        urf = self.program()
        text = self.good('show', '-e', urf, 'BOTH')
        self.assertIn('int BOTH(void)', text)
        self.assertIn('#define BOTH (SHARED)', text)
        kinds = [json.loads(line)['kind']
                 for line in self.good('lookup', '--json', '-e', urf, 'BOTH').splitlines()]
        self.assertEqual(kinds, ['function', 'macro'])

    def test_lookup_and_list(self):
        urf = self.program()
        self.assertIn('macro SHARED\n  defined    #define SHARED 1  /* ',
                      self.good('lookup', '-e', urf, 'SHARED'))
        text = self.good('lookup', '-e', urf, 'SHA?ED')
        self.assertEqual(text.count('macro SHARED'), 1)
        text = self.good('lookup', '-E', '-e', urf, '^PAI')
        self.assertIn('#define PAIR(a,b) ((a) + (b))', text)
        lines = self.good('list', '-e', urf, 'macros', 'GO*').splitlines()
        self.assertEqual(len(lines), 3)
        lines = self.good('list', '-e', urf, 'macros', '--json', 'PAIR').splitlines()
        self.assertEqual([json.loads(line)['body'] for line in lines], ['((a) + (b))'])
        self.assertIn('__STDC__', self.good('list', '-e', urf, 'macros'))
        self.good('verify', urf)
        self.assertRegex(self.good('dump', '--section', 'macros', urf), r'\d+: undef text \d+ body 0 file')

    def test_without(self):
        elf = self.compile()
        urf = self.urf_of(elf)
        self.assertEqual(self.run_turf('list', '-e', urf, 'macros').returncode, 1)
        hot = self.folder / 'hot.urf'
        self.good('index', '--hot', '-o', hot, elf)
        self.refused('list', '-e', hot, 'macros', names=['not in this urf'])

    def hostile(self, macros):
        """What is told of a unit with these macros, and what is known then."""
        (self.folder / 'unit.s').write_text(UNIT + macros)
        subprocess.run(['gcc', '-nostdlib', '-static', '-Wl,-e,f', 'unit.s', '-o', 'unit'],
                       check=True, cwd=self.folder)
        urf = self.folder / 'unit.urf'
        result = self.run_turf('index', '-o', urf, self.folder / 'unit')
        self.assertEqual(result.returncode, 0)
        self.good('verify', urf)
        names = [json.loads(line)['name'] for line in
                 self.run_turf('list', '-e', urf, 'macros', '--json').stdout.splitlines()]
        return result.stderr.decode(), names

    def test_hostile(self):
        head = '\t.short 5\n\t.byte 0\n'
        one = '\t.byte 1, 1\n\t.asciz "A b"\n'
        for what, macros, names, told in (
                ('a circle of one', head + one + '\t.byte 7\n\t.long 0\n' + one.replace('A', 'B')
                 + '\t.byte 0\n', ['A', 'B'], 'import themselves'),
                ('a circle of two', head + '\t.byte 7\n\t.long 1f - 0f\n\t.byte 0\n'.replace(
                    '0f', '.debug_macro') + '1:' + head + one + '\t.byte 7\n\t.long 0\n\t.byte 0\n',
                 ['A'], 'import themselves'),
                ('missing strings', head + '\t.byte 5, 1\n\t.long 5000\n\t.byte 5, 2\n\t.long 0\n'
                 '\t.byte 0x0b, 3, 4\n\t.byte 1, 1\n\t.asciz " none"\n\t.byte 0\n',
                 ['STRING'], 'lies nowhere'),
                ('cut short', head + one + '\t.byte 1, 1, 0x41\n', ['A'], 'no end'),
                ('cut header', '\t.short 5\n', [], 'leaves the section'),
                ('unknown operation', head + one + '\t.byte 0x30\n' + one, ['A'],
                 'unknown kind'),
                ('ends of no file', head + '\t.byte 4, 4, 3, 0, 99\n' + one + '\t.byte 0\n',
                 ['A'], ''),
                ('imports in each other', ''.join(
                    f'{10 + i}:' + head + f'\t.byte 7\n\t.long {11 + i}f - .debug_macro\n\t.byte 0\n'
                    for i in range(40)) + '50:' + head + one + '\t.byte 0\n', [], 'too often'),
                ('imported too often', head + ''.join(
                    f'\t.byte 7\n\t.long 1f - .debug_macro + {3 * i}\n' for i in range(3000))
                 + one + '\t.byte 0\n1:\t.rept 50000\n\t.byte 5, 0, 0\n\t.endr\n\t.zero 8\n',
                 None, 'too often')):
            text, found = self.hostile(macros)
            with self.subTest(what):
                if names is not None:
                    self.assertEqual(found, names)
                self.assertIn(told, text)
                self.assertEqual(bool(told), bool(text and 'unit' in text.split('written')[0]))


lib.main()
