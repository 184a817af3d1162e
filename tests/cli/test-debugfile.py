# SPDX-License-Identifier: MIT
"""Separate debug files: which one belongs to a file, in which order, and when it is noticed."""
import json
import shutil
import subprocess

import lib


def run(*args):
    subprocess.run([str(a) for a in args], check=True)


class DebugFile(lib.Case):
    def split(self, *flags, name='fixture'):
        """A stripped program in a folder of its own, and beside it what was taken away."""
        program = self.compile(name, lib.FIXTURE, *flags)
        self.addr = hex(lib.symbols(program)['outermost'][0])
        debug = self.folder / (name + '.debug')
        run('objcopy', '--only-keep-debug', program, debug)
        run('strip', '--strip-all', program)
        run('objcopy', f'--add-gnu-debuglink={debug}', program)
        home = self.folder / 'home'
        home.mkdir()
        return program.rename(home / name), debug

    def ask(self, program, **how):
        result = self.run_turf('symbolize', '--debuginfo', self.folder / 'debugs', '-e',
                               program, self.addr, **how)
        self.assertIn(result.returncode, (0, 1))
        self.assertEqual(result.stderr, b'')
        return 'outermost\n' in result.stdout.decode()

    def places(self, program):
        home = program.parent
        return (home, home / '.debug', self.folder / 'debugs' / str(home)[1:])

    def test_each_place_of_a_linked_file(self):
        program, debug = self.split('-Wl,--build-id=none')
        self.assertFalse(self.ask(program))
        for place in self.places(program):
            place.mkdir(parents=True, exist_ok=True)
            path = shutil.copy(debug, place)
            self.assertTrue(self.ask(program), place)
            (place / debug.name).unlink()
            self.assertFalse(self.ask(program), f'{path} is remembered')

    def test_a_linked_file_with_another_crc_is_passed_over(self):
        program, debug = self.split('-Wl,--build-id=none')
        beside, below, _ = self.places(program)
        below.mkdir()
        (beside / debug.name).write_bytes(debug.read_bytes() + b'\0')
        self.assertFalse(self.ask(program))
        shutil.copy(debug, below)
        self.assertTrue(self.ask(program))
        (below / debug.name).write_bytes(b'')
        self.assertFalse(self.ask(program))

    def test_what_is_no_regular_file_is_passed_over(self):
        program, debug = self.split('-Wl,--build-id=none')
        beside, below, _ = self.places(program)
        below.mkdir()
        (beside / debug.name).mkdir()
        shutil.copy(debug, below)
        self.assertTrue(self.ask(program))

    def test_the_build_id_comes_first(self):
        program, debug = self.split('-Wl,--build-id=0x' + 20 * 'ab')
        shutil.copy(debug, program.parent)
        self.assertTrue(self.ask(program))
        by_id = self.folder / 'debugs/.build-id/ab' / (19 * 'ab' + '.debug')
        by_id.parent.mkdir(parents=True)
        # it bears the id, so it is taken, although it knows nothing
        run('objcopy', '--remove-section=.debug_*', '--strip-all', debug, by_id)
        self.assertFalse(self.ask(program))
        by_id.unlink()
        self.assertTrue(self.ask(program))

    def test_relative_names_and_symbolic_links(self):
        program, debug = self.split('-Wl,--build-id=none')
        shutil.copy(debug, program.parent)
        self.assertTrue(self.ask(program.name, cwd=program.parent))
        elsewhere = self.folder / 'elsewhere'
        elsewhere.mkdir()
        (elsewhere / 'other').symlink_to(program)
        self.assertTrue(self.ask(elsewhere / 'other'))
        (program.parent / debug.name).rename(elsewhere / debug.name)
        self.assertTrue(self.ask(elsewhere / 'other'))
        self.assertFalse(self.ask(program))

    def test_several_folders_and_the_file_itself(self):
        program, debug = self.split('-Wl,--build-id=0x' + 20 * 'ab')
        by_id = self.folder / 'second/.build-id/ab' / (19 * 'ab' + '.debug')
        by_id.parent.mkdir(parents=True)
        shutil.copy(debug, by_id)
        (self.folder / 'first').mkdir()
        other = shutil.copy(program, self.folder / 'other') # has the id, and no functions
        run('objcopy', '--remove-section=.gnu_debuglink', other)
        for folders, found in ((['first'], False), (['first', 'second'], True),
                               (['second', 'first'], True), (['first:second'], True),
                               ([debug.name], True), (['first', debug.name], True),
                               (['other'], False), (['nowhere', '', 'second'], True)):
            options = [word for folder in folders
                       for word in ('--debuginfo', f'{self.folder}/{folder}'.replace(
                           ':', f':{self.folder}/') if folder else '')]
            told = self.run_turf('symbolize', *options, '-e', program, self.addr).stdout
            self.assertEqual(b'outermost\n' in told, found, folders)

    def test_a_linked_file_named_itself(self):
        program, debug = self.split('-Wl,--build-id=none')
        for name, found in ((debug, True), (program, False)):
            told = self.run_turf('symbolize', '--debuginfo', name, '-e', program,
                                 self.addr).stdout
            self.assertEqual(b'outermost\n' in told, found, name)

    def test_gdb_takes_the_same(self):
        if not shutil.which('gdb'):
            self.skipTest('no gdb')
        program, debug = self.split('-Wl,--build-id=none')
        for place in self.places(program):
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(debug, place)
        for place in self.places(program):
            text = subprocess.run(
                ['gdb', '-nx', '-batch', '-iex',
                 f'set debug-file-directory {self.folder}/debugs', '-ex',
                 'python print(*[o.filename for o in gdb.objfiles()])', program],
                check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            self.assertIn(f'{place}/{debug.name}', text.split())
            result = json.loads(self.good(
                'index', '--json', '--debuginfo', self.folder / 'debugs', program))
            self.assertTrue(result['debug_file'])
            self.assertTrue(self.ask(program))
            (place / debug.name).write_bytes(b'another')
        self.assertFalse(self.ask(program))


lib.main()
