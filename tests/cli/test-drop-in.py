# SPDX-License-Identifier: MIT
"""Links to turf under other programs' names: their options, messages and exit statuses."""
import os
import pathlib
import shutil
import subprocess
import unittest

import lib


class DropIn(lib.Case):
    def link(self, name):
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.symlink_to(self.turf)
        return path

    def tell(self, program, *args, **how):
        """Status, output, messages of a program; its own name in messages is left out."""
        how = {'stdin': subprocess.DEVNULL, 'env': self.environment, **how}
        if 'input' in how:
            del how['stdin']
        result = subprocess.run([program, *map(str, args)], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, timeout=120, **how)
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
        self.assertEqual(self.tell(ours, '-j', '.text', '1'),
                         (1, '', 'NAME: -j, --section: not supported\n'))


lib.main()
