# SPDX-License-Identifier: MIT
"""Bad input: one clear line, exit status 2, no crash, nothing left behind."""
import os
import random
import struct
import subprocess

import lib


def boundaries(data):
    """Where the headers and sections of an ELF64 file begin and end."""
    section_table, = struct.unpack_from('<Q', data, 40)
    entry_size, n = struct.unpack_from('<HH', data, 58)
    ends = {16, 52, 64, section_table, section_table + 1, len(data) - 1}
    for i in range(n):
        at = section_table + i * entry_size
        kind, = struct.unpack_from('<I', data, at + 4)
        off, size = struct.unpack_from('<QQ', data, at + 24)
        ends.add(at)
        if kind != 8: # SHT_NOBITS
            ends |= {off, off + size}
    return sorted(end for end in ends if 0 < end < len(data))


class BadInput(lib.Case):
    def stored(self):
        """The urfs in the store, and whatever a build left of one."""
        return sorted(str(p) for p in self.store.rglob('*')
                      if p.is_file() and b'\x7fURF' in p.read_bytes()[:4096] or
                      'tmp' in p.name and p.is_file())

    def not_an_elf_file(self, path, *causes):
        """No command that reads an ELF file takes it."""
        for args in (['index'], ['index', '-o', self.folder / 'out'], ['symbolize', '-e'],
                     ['dump']):
            more = ['1'] if args[0] == 'symbolize' else []
            text = self.refused(*args, path, *more, names=[path])
            self.assertTrue(any(cause in text for cause in causes), text)
        self.assertFalse((self.folder / 'out').exists())
        self.assertEqual(self.stored(), [])
        self.refused('verify', path, names=[path])

    def test_not_an_elf_file(self):
        path = self.folder / 'text'
        for data in (b'hello\n', b'#!/bin/sh\n' * 100, b'\x7fELF', b'\x7fELF' + bytes(60),
                     b'\x7fELF\x02\x01\x01' + b'\xff' * 200, bytes(5000)):
            path.write_bytes(data)
            self.not_an_elf_file(path, 'ELF', 'header', 'section', 'machine')

    def test_an_empty_file(self):
        path = self.folder / 'empty'
        path.touch()
        self.not_an_elf_file(path, 'ELF', 'empty')

    def test_a_folder(self):
        path = self.folder / 'folder'
        path.mkdir()
        self.not_an_elf_file(path, 'directory', 'not a regular file')

    def test_a_fifo(self):
        path = self.folder / 'fifo'
        os.mkfifo(path)
        self.not_an_elf_file(path, 'not a regular file')

    def test_a_device(self):
        self.not_an_elf_file('/dev/null', 'not a regular file')

    def test_a_file_that_is_not_there(self):
        self.not_an_elf_file(self.folder / 'gone', 'No such file')
        self.not_an_elf_file(self.turf + '/x', 'Not a directory')
        loop = self.folder / 'loop'
        loop.symlink_to(loop)
        self.not_an_elf_file(loop, 'symbolic links')

    def test_no_permission_to_read(self):
        path = self.folder / 'secret'
        path.write_bytes(b'x')
        path.chmod(0)
        who = self.as_nobody()
        self.store.mkdir(mode=0o777)
        self.store.chmod(0o777)
        for verb in (['index'], ['symbolize', '-e'], ['dump'], ['verify']):
            self.refused(*verb, path, names=[path, 'Permission denied'], **who)

    def test_no_permission_to_write_the_store(self):
        fixture = self.compile()
        who = self.as_nobody()
        self.folder.chmod(0o555)
        self.refused('index', fixture, names=[self.store, 'ermission denied'], **who)
        self.refused('index', '-o', self.folder / 'x', fixture, names=['ermission denied'],
                     **who)

    def test_a_store_that_may_be_read_only(self):
        fixture = self.compile()
        self.good('index', lib.LIBC)
        before = self.stored()
        for path in self.folder.rglob('*'):
            path.chmod(0o555)
        who = self.as_nobody()
        self.assertIn('found in', self.good('index', lib.LIBC, **who))
        self.assertIn('not kept', self.good('index', fixture, **who))
        self.assertEqual(self.stored(), before)

    def test_no_place_for_the_store(self):
        fixture = self.compile()
        self.refused('--store', fixture, 'index', fixture, names=[fixture, 'directory'])
        bare = {'PATH': os.environ['PATH']}
        self.refused('index', fixture, names=['TURF_STORE'], env=bare)
        self.refused('index', fixture, names=['TURF_STORE'], env={**bare, 'HOME': ''})

    def test_where_the_store_is(self):
        fixture = self.compile()
        bare = {'PATH': os.environ['PATH']}
        home, cache = self.folder / 'home', self.folder / 'cache'
        for place, environment in ((home / '.cache' / 'turf', {'HOME': str(home)}),
                                   (cache / 'turf', {'HOME': str(self.folder / 'other'),
                                                     'XDG_CACHE_HOME': str(cache)}),
                                   (self.store, {'XDG_CACHE_HOME': str(cache),
                                                 'TURF_STORE': str(self.store)})):
            self.assertIn(': built in', self.good('index', fixture, env={**bare, **environment}))
            self.assertTrue(place.is_dir(), place)
        chosen = self.folder / 'chosen'
        self.good('--store', chosen, 'index', fixture)
        self.assertTrue(chosen.is_dir())
        self.assertIn(': found in', self.good('index', '--store', chosen, fixture))

    def test_an_elf_file_cut_at_every_boundary(self):
        for flags in ([], ['-gz=zlib'], ['-gdwarf-4'], ['-c']):
            whole = self.compile('whole', lib.FIXTURE, *flags).read_bytes()
            path = self.folder / 'cut'
            for end in boundaries(whole):
                path.write_bytes(whole[:end])
                self.refused('index', path, names=[path])
            self.assertEqual(self.stored(), [])

    def test_an_urf_cut_at_every_boundary(self):
        whole = self.urf_of(self.compile()).read_bytes()
        path = self.folder / 'cut.urf'
        for end in boundaries(whole):
            path.write_bytes(whole[:end])
            self.refused('verify', path, names=[path])
            self.refused('symbolize', '-e', path, '1', names=[path])
            self.refused('dump', path, names=[path])

    def test_a_bent_elf_file_is_survived(self):
        whole = self.compile().read_bytes()
        pick = random.Random(2)
        path = self.folder / 'bent'
        for _ in range(150):
            bent = bytearray(whole)
            for _ in range(pick.randrange(1, 8)):
                bent[pick.randrange(len(bent))] = pick.randrange(256)
            path.write_bytes(bent)
            result = self.run_turf('index', '-o', self.folder / 'bent.urf', path)
            self.assertIn(result.returncode, (0, 2), result.stderr)
            if result.returncode == 0:
                self.good('verify', self.folder / 'bent.urf')

    def test_a_bent_urf_is_survived(self):
        urf = self.urf_of(self.compile())
        whole = urf.read_bytes()
        pick = random.Random(3)
        main = '401000'
        for _ in range(150):
            bent = bytearray(whole)
            at = pick.randrange(len(bent))
            bent[at] ^= pick.randrange(1, 256)
            urf.write_bytes(bent)
            self.refused('verify', urf, names=[urf]) # every byte is under its hash
            for args in (['symbolize', '-e', urf, main], ['dump', urf]):
                self.assertIn(self.run_turf(*args).returncode, (0, 1, 2), (at, args))

    def test_a_damaged_urf_in_the_store_is_built_again(self):
        fixture = self.compile()
        self.good('index', fixture)
        path, = (p for p in self.stored())
        main = hex(lib.symbols(fixture)['main'][0])
        wanted = self.good('symbolize', '-e', fixture, main)
        whole = open(path, 'rb').read()
        for data in (b'', whole[:100], whole[:-1], bytes(len(whole))):
            os.chmod(path, 0o600)
            with open(path, 'wb') as f:
                f.write(data)
            self.assertEqual(self.good('symbolize', '-e', fixture, main), wanted)

    def test_a_process_that_is_gone(self):
        child = subprocess.Popen(['true'])
        child.wait()
        self.refused('stack', child.pid, names=[child.pid])
        for pid in ('0', '-1', 'x', '1x', '99999999999'):
            self.refused('stack', '--', pid, names=[pid])

    def test_a_profile_that_is_none(self):
        path = self.folder / 'profile'
        self.refused('report', path, names=[path])
        for data in (b'', b'hello\n', bytes(5000)):
            path.write_bytes(data)
            self.refused('report', path, names=[path])


lib.main()
