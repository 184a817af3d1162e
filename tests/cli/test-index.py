# SPDX-License-Identifier: MIT
"""turf index: what it builds, where, how often, and what it leaves behind."""
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import time

import lib


class Index(lib.Case):
    def index(self, *args):
        lines = self.good('index', '--json', *args).splitlines()
        return [json.loads(line) for line in lines]

    def files(self):
        return sorted(str(p.relative_to(self.folder)) for p in self.folder.rglob('*'))

    def test_the_second_time_builds_nothing(self):
        fixture = self.compile()
        first, second = self.index(fixture)[0], self.index(fixture)[0]
        self.assertEqual((first['status'], second['status']), ('built', 'found'))
        for key in ('path', 'key', 'size', 'functions', 'symbols', 'rows', 'build_id'):
            self.assertEqual(first[key], second[key], key)
        self.assertEqual(os.path.getsize(first['path']), first['size'])
        self.assertTrue(first['dwarf'])
        self.assertGreaterEqual(first['functions'], 2)
        self.assertGreater(first['rows'], 0)

    def test_text(self):
        fixture = self.compile()
        self.assertRegex(self.good('index', fixture),
                         rf'^{fixture}: built in [\d.]+ ms, .*: DWARF, \d+ functions')
        self.assertRegex(self.good('index', fixture), rf'^{fixture}: found in ')

    def test_a_changed_file_is_built_again(self):
        fixture = self.compile()
        first = self.index(fixture)[0]
        self.compile('fixture', lib.FIXTURE.replace('i * 3', 'i * 5'))
        second = self.index(fixture)[0]
        self.assertEqual(second['status'], 'built')
        self.assertNotEqual(first['key'], second['key'])

    def test_one_bad_file_stops_no_other(self):
        fixture = self.compile()
        result = self.run_turf('index', '--json', __file__, fixture)
        self.assertEqual(result.returncode, 2)
        bad, good = map(json.loads, result.stdout.splitlines())
        self.assertEqual(bad['file'], __file__)
        self.assertTrue(bad['error'])
        self.assertEqual(good['status'], 'built')

    def test_same_bytes_whatever_the_threads(self):
        for elf in (self.compile(), lib.LIBC):
            one = self.folder / 'one.urf'
            two = self.folder / 'two.urf'
            self.good('index', '--threads', '1', '-o', one, elf)
            self.good('index', '--threads', '2', '-o', two, elf)
            self.assertEqual(one.read_bytes(), two.read_bytes())
            stored = self.index(elf)[0]['path']
            with open(stored, 'rb') as f:
                self.assertEqual(one.read_bytes(), f.read())

    def test_eight_at_once_build_once(self):
        command = [self.turf, 'index', '--json', lib.LIBC]
        running = [subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE)
                   for _ in range(8)]
        states = [json.loads(p.communicate(timeout=lib.PATIENCE)[0])['status'] for p in running]
        self.assertEqual(states.count('built'), 1, states)
        self.assertTrue(set(states) <= {'built', 'found', 'waited'}, states)

    def test_an_output_file_stands_alone(self):
        fixture = self.compile()
        before = self.files()
        urf = self.urf_of(fixture)
        self.assertEqual(self.files(), sorted(before + [urf.name]))
        self.assertEqual(self.good('verify', urf), f'{urf}: ok\n')
        self.urf_of(fixture) # again, in its place
        self.assertEqual(self.files(), sorted(before + [urf.name]))

    def test_an_output_file_takes_no_wrong_place(self):
        fixture = self.compile()
        before = fixture.read_bytes()
        fifo = self.folder / 'fifo'
        os.mkfifo(fifo)
        for place in (fixture, self.folder, fifo, self.folder / 'no' / 'folder'):
            self.refused('index', '-o', place, fixture, names=[place])
        self.refused('index', '-o', self.folder / ('x' * 300), fixture, names=['name too long'])
        self.refused('index', self.folder / ('x' * 300), names=['x' * 300, 'name too long'])
        self.assertEqual(fixture.read_bytes(), before)
        self.assertTrue(fifo.is_fifo())

    def test_killed_builds_leave_nothing(self):
        try:
            os.close(os.open(self.folder, os.O_RDWR | os.O_TMPFILE))
        except OSError as error:
            self.skipTest(f'no files without a name: {error}')
        fixture = self.compile()
        before = self.files()
        for delay in range(0, 30, 3):
            output = self.folder / f'killed-{delay}.urf'
            child = subprocess.Popen([self.turf, 'index', '-o', output, lib.LIBC],
                                     env=self.environment, stdout=subprocess.DEVNULL)
            time.sleep(delay / 1000)
            child.send_signal(signal.SIGKILL)
            child.wait()
            if output.exists(): # it was faster
                self.good('verify', output)
                output.unlink()
            self.assertEqual(self.files(), before)
        self.urf_of(fixture)

    def test_a_killed_build_does_not_spoil_the_store(self):
        for delay in range(0, 30, 5):
            child = subprocess.Popen([self.turf, 'index', lib.LIBC], env=self.environment,
                                     stdout=subprocess.DEVNULL)
            time.sleep(delay / 1000)
            child.send_signal(signal.SIGKILL)
            child.wait()
        path = self.index(lib.LIBC)[0]['path']
        self.good('verify', path)
        left = [p for p in self.store.rglob('*') if p.is_file() and p.stat().st_size > 100000]
        self.assertEqual([str(p) for p in left], [path])

    def test_readelf_and_objdump_read_an_urf(self):
        urf = self.urf_of(self.compile())
        for command in (['readelf', '-lSnW', urf], ['objdump', '-h', urf],
                        ['eu-readelf', '-lSn', urf]):
            result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.assertEqual((result.returncode, result.stderr), (0, b''), command)
            self.assertNotIn(b'arning', result.stdout)
            self.assertIn(b'.urf.blocks', result.stdout)

    def test_dump_shows_every_section(self):
        fixture = self.compile()
        urf = self.urf_of(fixture)
        text = self.good('dump', urf)
        self.assertIn('outermost', text)
        self.assertEqual(text, self.good('dump', fixture)) # the one in the store
        part = self.good('dump', '--section', 'functions', urf)
        self.assertIn('outermost', part)
        self.assertLess(len(part), len(text))
        self.refused('dump', '--section', 'frobnicate', urf, names=[urf, 'frobnicate'])
        sections, records = set(), []
        for line in self.good('dump', '--json', urf).splitlines():
            record = json.loads(line)
            self.assertEqual(set(record), {'section', 'record'})
            sections.add(f'[{record["section"]}]')
            records.append(record['record'])
        lines = text.splitlines()
        self.assertEqual(records, [line for line in lines if not re.fullmatch(r'\[[\w.]+\]', line)])
        self.assertLess(10, len(sections))
        self.refused('dump', '--json', '--section', 'frobnicate', urf, names=['frobnicate'])

    def test_a_stripped_file_has_unwind_rows(self):
        fixture = self.compile('stripped', lib.FIXTURE, '-s')
        told = self.index(fixture)[0]
        self.assertFalse(told['dwarf'])
        self.assertGreater(told['rows'], 0)

    def tree(self):
        """A folder with two files worth an urf, and much that is none."""
        top = self.folder / 'tree'
        (top / 'sub').mkdir(parents=True)
        fixture = self.compile()
        first, second = top / 'first', top / 'sub' / 'second.so'
        shutil.copy(fixture, first)
        second.write_bytes(self.compile('other', lib.FIXTURE, '-O0').read_bytes())
        subprocess.run(['objcopy', '--only-keep-debug', fixture, top / 'first.debug'], check=True)
        self.good('index', '-o', top / 'first.urf', fixture)
        (top / 'script').write_text('#!/bin/sh')
        (top / 'empty').write_text('')
        (top / 'magic').write_bytes(b'\x7fELF')
        (top / 'link').symlink_to(first)
        (top / 'loop').symlink_to(top)
        os.link(first, top / 'sub' / 'again')
        os.mkfifo(top / 'fifo')
        return top, first, second

    def test_strip_leaves_what_hot_builds(self):
        for elf in (self.compile(), lib.LIBC):
            whole, hot, out = (self.folder / name for name in ('whole', 'hot', 'out'))
            self.good('index', '-o', whole, elf)
            self.good('index', '--hot', '-o', hot, elf)
            before = whole.read_bytes()
            self.assertLess(hot.stat().st_size, len(before))
            told = json.loads(self.good('strip', '--json', '-o', out, whole))
            self.assertEqual(told, {'file': str(whole), 'output': str(out),
                                    'size_before': len(before), 'size': hot.stat().st_size})
            self.assertEqual(whole.read_bytes(), before)
            self.assertEqual(out.read_bytes(), hot.read_bytes())
            self.assertRegex(self.good('strip', whole), rf'^{whole}: [\d.]+ MB -> [\d.]+ MB\n$')
            self.assertEqual(whole.read_bytes(), hot.read_bytes())
            self.good('strip', whole) # there is nothing left to drop
            self.assertEqual(whole.read_bytes(), hot.read_bytes())
            self.good('verify', whole)

    def test_a_stripped_urf_answers_the_same(self):
        whole, hot = self.folder / 'whole', self.folder / 'hot'
        self.good('index', '-o', whole, lib.LIBC)
        self.good('strip', '-o', hot, whole)
        addrs = [hex(a + size // 2) for a, size in lib.symbols(lib.LIBC, '-D').values()]
        asked = '\n'.join(addrs).encode()
        self.assertEqual(self.good('symbolize', '--json', '-e', whole, input=asked),
                         self.good('symbolize', '--json', '-e', hot, input=asked))

    def test_strip_refuses_what_is_no_urf(self):
        fixture = self.compile()
        before = fixture.read_bytes()
        self.refused('strip', fixture, names=[fixture])
        self.refused('strip', self.folder / 'nowhere', names=['nowhere'])
        self.refused('strip')
        self.refused('strip', '-o', self.folder / 'x', fixture, fixture)
        self.assertEqual(fixture.read_bytes(), before)
        self.assertFalse((self.folder / 'x').exists())

    def test_a_folder(self):
        top, first, second = self.tree()
        for status in ('built', 'found'):
            *files, last = self.index('-r', top)
            self.assertEqual({f['status'] for f in files}, {status})
            paths = {f['file'] for f in files}
            self.assertEqual(len(files), 2)
            self.assertIn(str(second), paths)
            self.assertTrue(paths & {str(first), str(top / 'sub' / 'again')})
            self.assertEqual(last, {'files': 2, 'built': 2 * (status == 'built'),
                                    'found': 2 * (status == 'found'), 'waited': 0, 'failed': 0,
                                    'skipped': 5, 'interrupted': False})
        self.assertRegex(self.good('index', '-r', top),
                         r'\n2 files: 0 built, 2 found, .* 5 left out')
        self.refused('index', '-r', self.folder / 'nowhere', names=['nowhere'])
        self.refused('index', '-r', top, first, names=[first])
        self.refused('index', '-r', top, '-o', self.folder / 'x')

    def test_a_folder_with_a_bad_file(self):
        top, first, _ = self.tree()
        whole = bytearray(first.read_bytes())
        bad = top / 'bad'
        bad.write_bytes(whole[:18] + b'\xff\xff' + whole[20:]) # of no known machine
        hidden = top / 'hidden'
        hidden.mkdir()
        result = self.run_turf('index', '--json', '-r', top)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        broken = [line for line in lines[:-1] if 'error' in line]
        self.assertEqual(len(lines) - 1, lines[-1]['files'])
        self.assertEqual(len(broken), lines[-1]['failed'])
        self.assertEqual(result.returncode, 2 if broken else 0)
        self.assertEqual(lines[-1]['built'], lines[-1]['files'] - len(broken))

    def test_a_process(self):
        child = subprocess.Popen(['sleep', '100'])
        self.addCleanup(child.wait)
        self.addCleanup(child.kill)
        lib.wait_asleep(child.pid) # its libraries are there
        name = os.path.realpath(f'/proc/{child.pid}/exe')
        *files, last = self.index('--pid', child.pid)
        paths = [os.path.realpath(f['file']) for f in files]
        self.assertIn(name, paths)
        self.assertIn(os.path.realpath(lib.LIBC), paths)
        self.assertEqual((last['files'], last['built']), (len(files), len(files)))
        self.refused('index', '--pid', 1 << 30, names=['there is none'])
        self.refused('index', '--pid', 'x', names=["'x'"])

    def test_an_interrupt_ends_it_in_order(self):
        top = self.folder / 'many'
        top.mkdir()
        whole = self.compile().read_bytes()
        for i in range(500): # each with bytes of its own
            (top / str(i)).write_bytes(whole + b'%d' % i)
        for when in range(4):
            # what is told of all files does not fit into the pipe: it is in the midst of it
            read, write = os.pipe()
            fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
            with open(read, 'rb') as told:
                child = subprocess.Popen([self.turf, 'index', '--json', '-r', top], stdout=write,
                                         env=self.environment, stderr=subprocess.PIPE)
                os.close(write)
                out = told.readline() if when else b'' # or it may have yet to begin
                child.send_signal(signal.SIGINT)
                out += told.read()
            talk = child.communicate(timeout=lib.PATIENCE)[1]
            if when:
                self.assertEqual(child.returncode, 130, talk)
            self.assertIn(child.returncode, (130, -signal.SIGINT))
            if child.returncode == 130:
                self.assertIn(b'interrupted', talk)
                *files, last = map(json.loads, out.splitlines())
                self.assertTrue(last['interrupted'])
                self.assertLess(len(files), 500)
        urfs = [p for p in self.store.rglob('*') if p.is_file() and
                p.read_bytes()[:4] == b'\x7fELF']
        self.assertTrue(urfs)
        for urf in urfs[:20]:
            self.good('verify', urf)

    def test_a_debug_file_by_build_id(self):
        fixture = self.compile('parted', lib.FIXTURE, '-Wl,--build-id=0xabcdef0123')
        debug = self.folder / 'debug' / '.build-id' / 'ab' / 'cdef0123.debug'
        debug.parent.mkdir(parents=True)
        subprocess.run(['objcopy', '--only-keep-debug', fixture, debug], check=True)
        subprocess.run(['strip', fixture], check=True)
        without = self.index('--debuginfo', self.folder / 'nowhere', fixture)[0]
        self.assertEqual((without['dwarf'], without['debug_file']), (False, False))
        # the store must notice that there is a debug file now
        told = self.index('--debuginfo', self.folder / 'debug', fixture)[0]
        self.assertEqual((told['dwarf'], told['debug_file']), (True, True))


lib.main()
