# SPDX-License-Identifier: MIT
"""How the command explains itself, and how it refuses what it does not know."""
import subprocess

import lib

VERBS = ['index', 'symbolize', 'lookup', 'list', 'show', 'diff', 'record', 'report', 'stack', 'dump',
         'verify', 'strip']


class Usage(lib.Case):
    def test_help_names_every_verb(self):
        text = self.good('--help')
        for verb in VERBS + ['version', 'help', 'addr2line', 'llvm-symbolizer', 'llvm-addr2line']:
            self.assertIn(f'\n  {verb} ', text)
        self.assertEqual(text, self.good('help'))

    def test_every_verb_has_help(self):
        for verb in VERBS + ['version', 'help']:
            text = self.good(verb, '--help')
            self.assertTrue(text.startswith(f'Usage: turf {verb}'), text)
            self.assertEqual(text, self.good('help', verb))
            wide = [line for line in text.splitlines() if len(line) > 80]
            self.assertEqual(wide, [], verb)

    def test_version(self):
        self.assertRegex(self.good('version'), r'^turf \d+\.\d+\.\d+\n$')
        self.assertEqual(self.good('--version'), self.good('version'))

    def test_wrong_arguments(self):
        self.refused(names=['no command'])
        self.refused('frobnicate', names=["unknown command 'frobnicate'"])
        self.refused('help', 'frobnicate', names=["unknown command 'frobnicate'"])
        for verb in VERBS:
            self.refused(verb, '--frobnicate', names=[f'turf {verb}: ', '--frobnicate'])
        self.refused('index', names=['no file'])
        self.refused('verify', names=['no file'])
        self.refused('dump', names=['one file'])
        self.refused('symbolize', names=['no file'])
        self.refused('index', '--threads', '0', self.turf, names=['--threads 0'])
        self.refused('index', '--threads', '1x', self.turf, names=['--threads 1x'])
        self.refused('index', '-o', 'x', self.turf, self.turf, names=['-o'])

    def test_a_full_disk_is_an_error(self):
        with open('/dev/full', 'wb') as full:
            for args in (['--help'], ['verify', self.urf_of(self.compile())]):
                result = subprocess.run([self.turf, *args], stdout=full, env=self.environment,
                                        stderr=subprocess.PIPE)
                self.assertEqual(result.returncode, 2, args)

    def test_control_characters_of_names_are_not_printed(self):
        text = self.refused('index', '/nowhere/\x1b[31m\nred')
        self.assertNotIn('\x1b', text)


lib.main()
